"""Whenever a run is killed: never files of two runs, never half a file, and the next run finds its way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.proof("folders", "files.py")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork, by which the runs are made")
def test_a_run_that_is_killed_before_any_access_to_the_file_system(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "tests.folders.killed", tmp_path], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    once, twice, restored = map(int, done.stdout.split())
    assert once > 60
    assert twice > 100
    assert restored > 10
