"""Disks that are too small, of every size: one line, exit 2, nothing left; a saved posterior is there whole or not."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager

import pytest

from bayes_lupil import Posterior, cli, load_model, load_trial
from bayes_lupil.errors import OutputError
from bayes_lupil.spec import model_path
from tests.proofs import WHOLE

CELLS = "site,arm,responders,n\nA,placebo,3,10\nA,drug,5,10\nB,placebo,2,8\nB,drug,4,9\n"


@pytest.fixture
def disk(tmp_path):
    """disk(bytes): a file system of that size, for as long as the block lasts."""
    folder = tmp_path / "disk"
    folder.mkdir()

    @contextmanager
    def mounted(size):
        command = ["mount", "-t", "tmpfs", "-o", f"size={int(size)}", "tmpfs", folder]
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except OSError as problem:
            pytest.skip(f"a small file system cannot be mounted here: {problem}")
        if done.returncode:
            pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")
        try:
            yield folder
        finally:
            subprocess.run(["umount", folder], check=True)

    return mounted


@pytest.fixture
def run(monkeypatch, capsys):
    """Run a command in this process; gives (exit status, stderr)."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["bayes-lupil", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return end.value.code, capsys.readouterr().err

    return call


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "good.csv"
    path.write_text(CELLS)
    return path


def left_in(folder):
    return [str(path.relative_to(folder)) for path in folder.rglob("*")]


def size_of(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


SHARES = (0.02, 0.2, 0.4, 0.6, 0.8, 0.95)  # of what a run takes; at the last all but a few files have been written


@pytest.mark.parametrize(
    "command",
    [
        ("fit", "itt_pooled", "TABLE"),
        pytest.param(("reanalyse", "TABLE", "--models", "MODEL", "--one-engine"), marks=pytest.mark.proof(*WHOLE)),
    ],
    ids=lambda command: command[0],
)
def test_a_command_whose_results_have_no_place_leaves_nothing(disk, run, table, tmp_path, fake_engine, command):
    command = [{"TABLE": table, "MODEL": model_path("itt_pooled")}.get(word, word) for word in command]
    status, said = run(*command, "-q", "--out", tmp_path / "whole")
    assert status == 0, said
    for share in SHARES:
        with disk(share * size_of(tmp_path / "whole")) as folder:
            status, said = run(*command, "-q", "--out", folder / "results")
            assert (status, left_in(folder)) == (2, []), share
        assert "no space left on device" in said
        assert len(said.splitlines()) == 1


@pytest.mark.parametrize("share", SHARES)
def test_a_posterior_is_saved_whole_or_not_at_all(disk, resampled, tmp_path, share):
    posterior = resampled(load_model("site_effects"), load_trial("beitler_landis"))
    posterior.save(tmp_path / "whole.nc")
    with disk(share * (tmp_path / "whole.nc").stat().st_size) as folder:
        with pytest.raises(OutputError, match="no space left on device"):
            posterior.save(folder / "posterior.nc")
        assert left_in(folder) == []


def test_a_posterior_that_has_no_place_does_not_harm_the_one_there(disk, resampled, tmp_path):
    first = resampled(load_model("itt_pooled"), load_trial("beitler_landis"))
    second = resampled(load_model("site_effects"), load_trial("beitler_landis"))
    first.save(tmp_path / "first.nc")
    with disk(1.2 * (tmp_path / "first.nc").stat().st_size) as folder:
        first.save(folder / "posterior.nc")
        with pytest.raises(OutputError, match="no space left on device"):
            second.save(folder / "posterior.nc")
        assert left_in(folder) == ["posterior.nc"]
        assert Posterior.load(folder / "posterior.nc").spec == first.spec


@pytest.mark.proof(*WHOLE)
@pytest.mark.parametrize("size", ["200k", "500k", "1m", "1500k", "2400k", "3500k"])
def test_the_program_itself_survives_a_full_disk(disk, table, size):
    # HDF5 that writes to the disk by itself dies later than any 'except', when the process ends
    number = int(size[:-1]) * {"k": 1000, "m": 1_000_000}[size[-1]]
    with disk(number) as folder:
        command = [sys.executable, "-m", "bayes_lupil.cli", "fit", "itt_pooled", table, "-q", "--out", folder / "fit"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert (done.returncode, left_in(folder)) == (2, []), done.stderr
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1
