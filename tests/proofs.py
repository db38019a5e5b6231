"""Slow proofs: tests that are run again only where what they prove something about has changed since they last passed.

`@pytest.mark.proof("engines", "integrals/grids.py")` names files and folders of the package or, where it has none of
the name, of the checkout (a folder stands for all below it: code, templates, data). `proofs.json` holds for each proof
that passed the day, and the hash of these, of the file of the test with the code and the stored numbers that it uses,
of the built-in models and trials, and of the locked versions of the packages beneath. A proof whose hash is still the
same is skipped, with the reason; any other one runs, in every run, so that unproved code cannot pass, and is kept where
it passes: commit the file then. `make validation` runs all of them whatever their hash.
"""

from __future__ import annotations

import ast
import json
import tomllib
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from bayes_lupil.documents import canonical_hash
from bayes_lupil.operating.staleness import meanings

__all__ = ["FIT", "ROOT", "WHOLE", "Proofs", "Sources"]

FIT = (
    "az.py", "cores.py", "documents.py", "engines", "fitting.py", "integrals", "likelihoods", "posterior", "priors",
    "spec", "trials",
)  # fmt: skip
"""What a fit goes through, for marks: `@pytest.mark.proof(*FIT, "sites")`."""

WHOLE = (".",)
"""All of the package, for long runs from data to page."""

ROOT = Path(__file__).parents[1]
_PROPERTY = "proof"
_MADE = ("__pycache__", ".ipynb_checkpoints")
_WORDS = ("title", "question", "estimand", "reason")
"""Keys of a model file that change none of its results."""


class Sources:
    """The files that proofs depend on.

    Parameters
    ----------
    root : Path
        The checkout, with `tests`, and where they are there `models`, `requirements.lock` and the package.
    package : str
        Name of the package's folder.
    """

    def __init__(self, root: Path = ROOT, package: str = "bayes_lupil") -> None:
        self.root, self.package, self.tests = root, root / package, root / "tests"
        self.code = cache(lambda path: meanings(path.read_text(encoding="utf-8")))
        self.content = cache(lambda path: sha256(path.read_bytes()).hexdigest())

    def named(self, names: tuple[str, ...]) -> set[Path]:
        """The files of the package, or of the checkout, that a mark names, folders opened.

        Raises
        ------
        ValueError
            Where nothing is named, or something that is not there.
        """
        if not names:
            raise ValueError("a proof names the files or folders that it is about")
        found = set()
        for name in names:
            path = next((base / name for base in (self.package, self.root) if (base / name).exists()), None)
            if path is None:
                raise ValueError(f"a proof is about '{name}', but there is no such file or folder")
            some = path.rglob("*") if path.is_dir() else [path]
            found |= {file for file in some if file.is_file() and file.parent.name not in _MADE}
        return found

    @cache  # noqa: B019  there is one for a whole run
    def behind(self, test: Path) -> set[Path]:
        """The file of a test, what it imports from tests and validation, directly or not, and what lies beside it."""
        found: set[Path] = set()
        waiting = [test.resolve()]
        while waiting:
            here = waiting.pop()
            if here in found or not here.is_file():
                continue
            found.add(here)
            within = (folder for folder in here.parents if self.tests in (folder, *folder.parents))
            waiting += [folder / "conftest.py" for folder in within]
            waiting += [path for path in here.parent.glob("*.py") if not path.name.startswith("test_")]
            for node in ast.walk(ast.parse(here.read_text(encoding="utf-8"))):
                names = []
                if isinstance(node, ast.ImportFrom) and node.module:
                    names = [node.module, *(f"{node.module}.{name.name}" for name in node.names)]
                elif isinstance(node, ast.Import):
                    names = [name.name for name in node.names]
                waiting += [
                    self.root.joinpath(*name.split(".")).with_suffix(".py")
                    for name in names
                    if name.split(".")[0] in ("tests", "validation")
                ]
        return found

    @cache  # noqa: B019
    def around(self) -> dict[str, str]:
        """Built-in models, blind to their words, and trials, both blind to layout; and the versions of all packages."""
        found = {
            self._name(path): repr(_without(words, tomllib.loads(path.read_text(encoding="utf-8"))))
            for folder, words in ((self.root / "models", _WORDS), (self.package, ()))
            for path in folder.rglob("*.toml")
        }
        lock = self.root / "requirements.lock"
        return found | ({lock.name: self.content(lock)} if lock.is_file() else {})

    def data_of(self, test: Path) -> Path | None:
        """The data beside the checkout, where a test speaks of them."""
        speaks = "validation" in test.read_text(encoding="utf-8").lower()
        return self.root.parent / "shared" / "validation" if speaks else None

    @cache  # noqa: B019
    def hash_of(self, test: Path, names: tuple[str, ...], data: Path | None = None) -> str:
        """SHA-256 of all that a proof in the file `test`, about `names` of the package, depends on.

        Parameters
        ----------
        test : Path
        names : tuple of str
        data : Path, optional
            A folder of data that the proof uses.
        """
        named = self.named(names)
        code = {path for path in named if path.suffix == ".py"} | self.behind(test)
        beside = (
            path for path in test.parent.iterdir() if path.is_file() and path.suffix not in (".py", ".md", ".png")
        )
        read = {path.name: self.content(path) for path in beside if path.name != "proofs.json"}
        others = (path for path in named if path.suffix not in (".py", ".toml"))  # TOML is among what is around
        read |= {f"named/{self._name(path)}": self.content(path) for path in others}
        if data is not None:
            files = (path for path in data.rglob("*") if path.is_file())
            read |= {f"data/{path.relative_to(data).as_posix()}": self.content(path) for path in files}
        return canonical_hash(
            {
                "code": sorted({statement for path in code for statement in self.code(path)}),
                "read": read,
                "around": self.around(),
            }
        )

    def has(self, test: str) -> bool:
        """Whether a test of this name is there."""
        file, *names = test.split("::")
        path = self.root / file
        return path.is_file() and f"def {names[-1].split('[')[0]}(" in path.read_text(encoding="utf-8")

    def _name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()


def _without(keys: tuple[str, ...], table: Any) -> Any:
    """A table without some keys, whatever table within it they stand in."""
    if isinstance(table, dict):
        return {key: _without(keys, value) for key, value in table.items() if key not in keys}
    return table


class Proofs:
    """The plugin: skips what is proved, and keeps what passes; with `--validate` runs all proofs, and only these.

    Parameters
    ----------
    config : pytest.Config
    sources : Sources, optional
    """

    def __init__(self, config: pytest.Config, sources: Sources | None = None) -> None:
        self.sources = sources or Sources()
        self.validate = bool(config.getoption("--validate"))
        self.writes = not hasattr(config, "workerinput")  # the controller hears of every test
        self.path = self.sources.tests / "proofs.json"
        self.stored = json.loads(self.path.read_text(encoding="utf-8")) if self.path.is_file() else {}
        self.hashes: dict[str, str] = {}
        self.outcomes: dict[str, set[str]] = {}

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Before any test runs: a hash is that of the code that is about to run, whatever happens to the files."""
        proofs, others = [], []
        for item in items:
            marks = list(item.iter_markers("proof"))
            (proofs if marks else others).append(item)
            if not marks:
                continue
            names = tuple(sorted({str(name) for mark in marks for name in mark.args}))
            now = self.sources.hash_of(item.path, names, self.sources.data_of(item.path))
            item.user_properties.append((_PROPERTY, now))
            known = self.stored.get(item.nodeid)
            if not self.validate and known is not None and known["hash"] == now:
                reason = f"proved on {known['date']}, and unchanged since: {', '.join(names)}"
                item.add_marker(pytest.mark.skip(reason=reason))
        if self.validate:
            config.hook.pytest_deselected(items=others)
            items[:] = proofs

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what became of set-up, call and tear-down of a proof."""
        if report.failed:  # also where a worker died of it, and tells nothing more
            self.outcomes.setdefault(report.nodeid, set()).add("failed")
        for name, value in report.user_properties:
            if name == _PROPERTY:
                self.hashes[report.nodeid] = str(value)
                outcome = "expected to fail" if hasattr(report, "wasxfail") else report.outcome
                self.outcomes.setdefault(report.nodeid, set()).add(outcome)

    def pytest_sessionfinish(self) -> None:
        """Write what passed; what failed, and what is there no more, is struck off."""
        if not self.writes:
            return
        kept = {test: row for test, row in self.stored.items() if self.sources.has(test)}
        today = datetime.now(UTC).date().isoformat()
        for test, outcomes in self.outcomes.items():
            if outcomes == {"passed"}:
                kept[test] = {"hash": self.hashes[test], "date": today}
            elif "failed" in outcomes:  # not where it was skipped, for want of data perhaps: its hash still stands
                kept.pop(test, None)
        if self.outcomes and kept != self.stored:
            self.path.write_text(json.dumps(dict(sorted(kept.items())), indent=1) + "\n", encoding="utf-8")
