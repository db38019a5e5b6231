"""Rules of the house that are easier kept by a test than by memory."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import bayes_lupil

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "bayes_lupil"

# a room imports from the floors above it, and from itself
FLOORS = (
    ("version", "characters", "numbers", "limits", "renamed", "verdict_steps"),
    ("errors", "cards", "progress"),
    ("arguments", "cores", "frozen", "texts", "files", "az"),
    ("documents", "folders"),
    ("trials", "priors"),
    ("spec", "integrals"),
    ("outcomes", "likelihoods", "published"),
    ("engines", "frequentist"),
    ("posterior",),
    ("fitting", "operating"),
    ("sensitivity", "model_analysis"),
    ("sites", "unpublished", "endpoints", "reanalysis"),
    ("arms", "subgroups"),
    ("report", "site_analysis", "hidden"),
    ("cli",),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def room_of(path):
    parts = path.relative_to(PACKAGE).parts
    return parts[0].removesuffix(".py")


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("bayes_lupil."):
            yield node.module.split(".")[1]
        elif isinstance(node, ast.ImportFrom) and node.module == "bayes_lupil":
            for name in node.names:
                if name.name in FLOOR:
                    yield name.name


def modules():
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path.name != "__init__.py" or path.parent != PACKAGE]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path):
    room = room_of(path)
    assert room in FLOOR, f"a new room: give '{room}' its floor in FLOORS and in ARCHITECTURE.md"
    for used in imports_of(path):
        assert used == room or FLOOR[used] < FLOOR[room], f"{room} imports {used}, which is not above it"


# the type of a model in what tells of its changes; a forest plot and its page
IN_A_CIRCLE = {"spec", "report"}


@pytest.mark.parametrize("room", sorted({path.name for path in PACKAGE.iterdir() if path.name in FLOOR} - IN_A_CIRCLE))
def test_modules_of_a_room_import_each_other_in_no_circle(room):
    """Wherever the import stands: at the top of a file, in a function, or for type checkers alone."""
    files = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in (PACKAGE / room).rglob("*.py")
    }
    uses = {}
    for name, path in files.items():
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        found = [(node.module, item.name) for node in nodes if isinstance(node, ast.ImportFrom) for item in node.names]
        named = {f"{module}.{item}" if f"{module}.{item}" in files else module for module, item in found}
        uses[name] = named & set(files)
    TopologicalSorter(uses).prepare()  # raises where there is a circle, and names it


def test_architecture_shows_the_same_floors():
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    shown = re.search(r"\n\n( {4}version .*?)\n\n", text, re.DOTALL).group(1)
    assert tuple(tuple(line.split()) for line in shown.splitlines()) == FLOORS


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_file_holds_two_nouns(path):
    # 'about 350 lines'
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 375


@pytest.mark.stack
def test_public_names_are_pinned():
    assert bayes_lupil.__all__ == [
        "Arms", "BayesLupilError", "Cells", "EndPoint", "Margins", "Measurements", "ModelSpec", "Outcomes",
        "Patients", "Plan", "Posterior", "Trial", "analyse", "analyse_end_points", "analyse_sites",
        "analyse_unpublished", "arms", "az", "benefit", "benefit_many", "builtin_models", "builtin_plans",
        "builtin_trials", "compare_arms", "country_table",
        "endpoints", "figures", "fit", "from_estimate", "load_comparisons", "load_model", "load_models",
        "load_plan", "load_trial", "model", "outcomes", "priors", "published", "pymc_model", "read_outcomes",
        "reanalyse", "report", "sensitivity", "site_models", "sites", "subgroup_effects", "subgroups",
        "synthetic_patients",
        "trial_hierarchy", "unpublished", "write_arms", "write_benefit", "write_end_points", "write_fit",
        "write_reanalysis", "write_sites", "write_subgroups",
    ]  # fmt: skip
    for name in bayes_lupil.__all__:
        assert getattr(bayes_lupil, name) is not None
        assert name in dir(bayes_lupil)
    with pytest.raises(AttributeError, match="no attribute 'fitt'"):
        _ = bayes_lupil.fitt


HEAVY = {
    "pymc", "pytensor", "arviz", "arviz_stats", "nutpie", "numba", "statsmodels", "scipy", "pandas", "matplotlib",
    "xarray", "narwhals", "openpyxl", "polars", "pyarrow", "pyreadstat", "altair", "vl_convert",
}  # fmt: skip


@pytest.mark.stack
@pytest.mark.parametrize(
    "code",
    [
        "import bayes_lupil",
        "import bayes_lupil; bayes_lupil.load_trial('lupil2').data_hash; bayes_lupil.load_model('site_effects').hash",
        "from bayes_lupil.cli import app",
        "from bayes_lupil.cli import app; app(['--help'], standalone_mode=False)",
        "from bayes_lupil.cli import app; app(['models'], standalone_mode=False)",
        "from bayes_lupil.cli import app; app(['trials'], standalone_mode=False)",
    ],
)
def test_cold_start_loads_nothing_heavy(code):
    told = subprocess.run(
        [sys.executable, "-c", f"import sys; {code}; print(*{{name.split('.')[0] for name in sys.modules}})"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert set(told.stdout.split()) & HEAVY == set()


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-bench.lock"])
def test_locks_have_hashes_and_name_no_host(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    pinned = [line for line in text.splitlines() if "==" in line]
    assert len(pinned) > 50
    assert text.count("--hash=sha256:") > len(pinned)


def test_no_path_of_a_machine_is_tracked():
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    pattern = re.compile(r"(^|[^A-Za-z0-9_.])/(home|root|Users|work)/[A-Za-z.]")
    for name in filter(None, names.split("\0")):
        path = ROOT / name
        if path.suffix in {".png", ".svg"} or not path.is_file():
            continue
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            assert not pattern.search(line) or path == Path(__file__), f"{name}: {line[:120]}"
