"""Slow proofs: what is unchanged is skipped, what changed runs, what fails is not kept."""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path

import pytest

from tests.proofs import ROOT, Sources

pytest_plugins = ["pytester"]

PLUGIN = """
from pathlib import Path
from tests.proofs import Proofs, Sources

def pytest_addoption(parser):
    parser.addoption("--validate", action="store_true")

def pytest_configure(config):
    config.addinivalue_line("markers", "proof(*code): x")
    config.pluginmanager.register(Proofs(config, Sources(Path(__file__).parents[1], "house")))
"""


@pytest.fixture
def house(pytester, monkeypatch) -> Path:
    """A small checkout with three proofs, one of which fails as long as there is no file 'right'."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    files = {
        "house/room/a.py": "A = 1\n",
        "house/room/deep/b.py": "B = 1\n",
        "house/alone.py": "C = 1\n",
        "house/other.py": "D = 1\n",
        "models/m.toml": "sd = 1\n",
        "requirements.lock": "numpy==2\n",
        "tests/conftest.py": PLUGIN,
        "tests/helper.py": "H = 1\n",
        "tests/test_it.py": """
            import pathlib
            import pytest

            @pytest.mark.proof("room")
            @pytest.mark.parametrize("k", [1, 2])
            def test_room(k):
                pass

            @pytest.mark.proof("alone.py")
            def test_alone():
                assert pathlib.Path("right").is_file()

            def test_no_proof():
                pass
        """,
    }
    for name, text in files.items():
        path = pytester.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return pytester.path


@pytest.fixture
def run(pytester, house):
    """run(*options): how many tests passed, were skipped, failed."""

    def ran(*options):
        found = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-rs", *options, "tests")
        counts = found.parseoutcomes()
        ran.said = found.stdout.str()
        return tuple(counts.get(word, 0) for word in ("passed", "skipped", "failed"))

    return ran


def stored(house) -> dict:
    return json.loads((house / "tests" / "proofs.json").read_text())


ROOM = ["tests/test_it.py::test_room[1]", "tests/test_it.py::test_room[2]"]
ALONE = "tests/test_it.py::test_alone"


def test_from_nothing_to_proved(house, run):
    # not proved yet: all run, and those that pass are kept
    assert run("-n", "0") == (3, 0, 1)
    assert list(stored(house)) == ROOM
    assert run("-n", "0") == (1, 2, 1)
    # only proofs are validated, by two workers here, and one that fails is not kept
    assert run("-n", "2", "--validate") == (2, 0, 1)
    assert list(stored(house)) == ROOM
    assert all(re.fullmatch(r"[0-9a-f]{64}", row["hash"]) for row in stored(house).values())
    # the failing one runs again, the others are skipped and say why
    assert run("-n", "0") == (1, 2, 1)
    assert re.search(r"proved on 20\d\d-\d\d-\d\d, and unchanged since: room", run.said)
    (house / "right").touch()
    assert run("-n", "0", "--validate") == (3, 0, 0)
    assert list(stored(house)) == [ALONE, *ROOM]
    assert run("-n", "0") == (1, 3, 0)
    # code that changed is proved again, by two workers
    (house / "house" / "room" / "a.py").write_text("A = 2\n")
    assert run("-n", "2") == (3, 1, 0)
    # one that fails now is struck off, although its code is the same, and one that is gone too
    (house / "right").unlink()
    assert run("-n", "0", "--validate") == (2, 0, 1)
    assert list(stored(house)) == ROOM
    path = house / "tests" / "test_it.py"
    path.write_text(path.read_text().replace("def test_room", "def test_hall"))
    assert run("-n", "0", "--validate", "-k", "alone") == (0, 0, 1)
    assert stored(house) == {}


@pytest.mark.parametrize(
    ("name", "text", "changed"),
    [
        ("house/room/a.py", "A = 2\n", {"room"}),
        ("house/room/deep/b.py", "B = 2\n", {"room"}),
        ("house/room/new.py", "E = 1\n", {"room"}),
        ("house/alone.py", "C = 2\n", {"alone.py"}),
        ("house/other.py", "D = 2\n", set()),
        ("house/room/a.py", "# a comment\nA   =   1\n", set()),
        ("models/m.toml", "sd = 2\n", {"room", "alone.py"}),
        ("models/m.toml", "sd   =   1\n", set()),
        ("models/m.toml", "sd = 1\nreason = 'x'\n", set()),
        ("requirements.lock", "numpy==3\n", {"room", "alone.py"}),
        ("tests/helper.py", "H = 2\n", {"room", "alone.py"}),
        ("tests/stored.json", "[1]\n", {"room", "alone.py"}),
        ("tests/table.csv", "1\n", {"room", "alone.py"}),
        ("tests/proofs.json", "{}\n", set()),
        ("tests/conftest.py", PLUGIN + "\nX = 1\n", {"room", "alone.py"}),
        ("tests/test_it.py", "def test_new():\n    pass\n", {"room", "alone.py"}),
        ("tests/test_another.py", "def test_new():\n    pass\n", set()),
    ],
)
def test_what_changes_the_hash(house, name, text, changed):
    def hashes():
        sources = Sources(house, "house")
        return {name: sources.hash_of(house / "tests" / "test_it.py", (name,)) for name in ("room", "alone.py")}

    before = hashes()
    (house / name).write_text(text)
    assert {key for key, value in hashes().items() if value != before[key]} == changed


def test_who_uses_the_data_beside_the_checkout():
    tests = Sources().tests
    names = ("engines/test_engines_agree.py", "engines/test_published.py", "frequentist/test_stratified.py")
    assert all(Sources().data_of(tests / name) == ROOT.parent / "shared" / "validation" for name in names)
    assert Sources().data_of(tests / "sites" / "test_conflict.py") is None


def test_data_change_the_hash_of_those_that_use_them(house):
    test, data = house / "tests" / "test_it.py", house / "data"
    (data / "deep").mkdir(parents=True)
    found = []
    for text in ("y\n", "z\n"):
        (data / "deep" / "t.csv").write_text(text)
        found += [Sources(house, "house").hash_of(test, ("room",), where) for where in (data, None)]
    assert found[0] != found[2]
    assert found[1] == found[3]


@pytest.mark.parametrize("names", [(), ("no_such_room",), ("engines/no_such_file.py",), ("priors", "no_such.md")])
def test_a_mark_that_names_nothing_that_is_there_is_an_error(names):
    with pytest.raises(ValueError, match="a proof"):
        Sources().named(names)


@pytest.mark.parametrize("file", ["house/room/page.html.j2", "house/room/deep/table.csv", "books/one.ipynb"])
def test_whatever_a_folder_holds_changes_the_hash(house, file):
    path, test = house / file, house / "tests" / "test_it.py"
    (house / "books").mkdir(exist_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    found = []
    for text in ("one\n", "two\n"):
        path.write_text(text)
        (path.parent / "__pycache__").mkdir(exist_ok=True)
        (path.parent / "__pycache__" / "made.nbi").write_text(text)
        found.append([Sources(house, "house").hash_of(test, names) for names in (("room", "books"), ("alone.py",))])
    assert found[0][0] != found[1][0]
    assert found[0][1] == found[1][1]


def test_folders_are_opened_and_helpers_found():
    sources = Sources()
    assert {path.name for path in sources.named(("priors", "integrals/kernels.py"))} >= {
        "families.py",
        "base.py",
        "kernels.py",
    }
    behind = {
        path.relative_to(ROOT).as_posix() for path in sources.behind(ROOT / "tests/engines/test_engines_agree.py")
    }
    assert {"tests/conftest.py", "tests/proofs.py", "tests/engines/nuts_reference.py"} <= behind
    behind = {path.relative_to(ROOT).as_posix() for path in sources.behind(ROOT / "tests/browser/test_report_page.py")}
    assert {"tests/browser/conftest.py", "tests/browser/probes.py"} <= behind


def test_no_stored_proof_is_of_a_test_that_is_gone():
    path = ROOT / "tests" / "proofs.json"
    told = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    assert [test for test in told if not Sources().has(test)] == []
