"""A wheel built from the tree carries trials and models, and runs elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_a_wheel_runs_elsewhere(tmp_path):
    def run(*command, **more):
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, **more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT))
    (wheel,) = tmp_path.glob("*.whl")
    place = tmp_path / "site"
    run(
        sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(place), str(wheel)
    )
    # the folder comes before the editable installation of this checkout
    elsewhere = {"env": {**os.environ, "PYTHONPATH": str(place)}}
    where = run(sys.executable, "-c", "import bayes_lupil; print(bayes_lupil.__file__)", **elsewhere)
    assert Path(where.strip()).is_relative_to(place)
    assert "lupil2" in run(sys.executable, "-m", "bayes_lupil.cli", "trials", **elsewhere)
    assert "site_effects" in run(sys.executable, "-m", "bayes_lupil.cli", "models", **elsewhere)
    told = run(sys.executable, "-m", "bayes_lupil.cli", "fit", "itt_pooled", "he2020", "--json", **elsewhere)
    assert '"p_benefit"' in told
    assert (place / "bayes_lupil" / "py.typed").is_file()
