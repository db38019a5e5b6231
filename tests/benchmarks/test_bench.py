"""The runner works and writes well-formed tables; what it measures is asserted nowhere."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("bench")
    command = [sys.executable, "-m", "tests.benchmarks", "--tiny", "--out", str(place)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return place


def test_every_row_is_there(folder):
    told = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert {row["status"] for row in told["rows"]} <= {"ok", "absent"}
    engine = told["rows"][0]
    assert engine["contender"] == "engine"
    assert engine["status"] == "ok"
    assert engine["ess"] > 50
    assert len(engine["seconds"]) == engine["settings"]["repeats_quick"]
    assert engine["peak_mb"] > 50
    assert {"date", "cpu", "cores", "versions", "code_hash"} <= told["about"].keys()
    assert {item["met"] for item in told["targets"]} == {None}
    assert (folder / "scaling.png").stat().st_size > 10_000


def test_tables_are_well_formed(folder):
    lines = (folder / "results.md").read_text(encoding="utf-8").splitlines()
    tables, block = [], []
    for line in [*lines, ""]:
        if line.startswith("|"):
            block.append(line.replace("\\|", "").count("|"))
        elif block:
            tables.append(block)
            block = []
    assert len(tables) == 3
    assert all(len(set(counts)) == 1 and len(counts) > 2 for counts in tables)


def test_a_failing_row_is_a_visible_row(tmp_path):
    asked, out = tmp_path / "row.json", tmp_path / "out.json"
    asked.write_text(json.dumps({"kind": "scaling", "of": 0, "settings": {}}), encoding="utf-8")
    subprocess.run([sys.executable, "-m", "tests.benchmarks.row", str(asked), str(out)], cwd=ROOT, check=True)
    told = json.loads(out.read_text(encoding="utf-8"))
    assert told["status"] == "failed"
    assert "KeyError" in told["reason"]
