"""PyTensor's compiled code: a place for it where there is no home, and damaged files of it made again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bayes_lupil.engines import nuts
from tests.proofs import FIT

SAMPLED = """
from bayes_lupil import fit, load_model
settings = {"engine": "nuts", "backend": "BACKEND", "draws": 200, "tune": 200}
model = load_model("itt_pooled").edited(**{f"sampler__{name}": value for name, value in settings.items()})
print(fit(model, "beitler_landis").provenance.sampler)
"""


@pytest.fixture
def flags(monkeypatch):
    """What PyTensor is told after a place was looked for, in surroundings that a test names."""

    def asked(**surroundings):
        monkeypatch.delenv("PYTENSOR_FLAGS", raising=False)
        for name, value in surroundings.items():
            monkeypatch.setenv(name, value)
        nuts._give_place.__wrapped__()
        return os.environ.get("PYTENSOR_FLAGS", "")

    return asked


@pytest.mark.skipif(sys.platform == "win32", reason="the home is another variable there")
class TestThePlace:
    def test_a_home_is_the_place(self, flags, tmp_path):
        assert flags(HOME=str(tmp_path)) == ""
        assert list((tmp_path / ".pytensor").iterdir()) == []

    @pytest.mark.parametrize("home", ["/dev/null", "/dev/null/none", "/proc/none"])
    def test_there_is_another_where_there_is_no_home(self, flags, home):
        name, place = flags(HOME=home).split("=")
        assert name == "base_compiledir"
        assert Path(place).is_dir()

    def test_a_file_in_its_way(self, flags, tmp_path):
        (tmp_path / ".pytensor").write_text("")
        assert "base_compiledir=" in flags(HOME=str(tmp_path))

    def test_what_was_asked_for_stays(self, flags):
        assert flags(HOME="/dev/null", PYTENSOR_FLAGS="base_compiledir=/mine") == "base_compiledir=/mine"
        assert flags(HOME="/dev/null", PYTENSOR_FLAGS="cxx=").startswith("cxx=,base_compiledir=")


@pytest.mark.slow
@pytest.mark.proof(*FIT)
@pytest.mark.parametrize("backend", ["nutpie", "pymc"])
def test_nuts_runs_without_a_home(backend):
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith(("PYTENSOR", "XDG"))}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SAMPLED.replace("BACKEND", backend)],
        capture_output=True, text=True, env=surroundings | {"HOME": "/dev/null/none"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert backend in done.stdout.lower()


@pytest.mark.slow
@pytest.mark.proof(*FIT)
def test_damaged_files_are_made_again(tmp_path):
    surroundings = os.environ | {"PYTENSOR_FLAGS": f"base_compiledir={tmp_path}"}
    command = [sys.executable, "-W", "ignore", "-c", SAMPLED.replace("BACKEND", "nutpie")]
    for ending, size in (("nbi", 40), ("nbc", 0), ("", 0)):
        done = subprocess.run(command, capture_output=True, text=True, env=surroundings)
        assert done.returncode == 0, done.stderr
        kept = list(tmp_path.rglob(f"*.{ending}")) if ending else []
        assert kept or not ending
        for path in kept:
            os.truncate(path, size)
