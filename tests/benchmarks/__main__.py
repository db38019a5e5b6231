"""Run all rows and write the tables: `make bench`, or `python -m tests.benchmarks --quick` for a first look."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

Row = dict[str, Any]
HERE = Path(__file__).parent
ROOT = HERE.parents[1]

FULL = {
    "points": 4096, "tune": 1000, "draws": 1000, "repeats": 5, "repeats_quick": 20, "budget": 40.0, "cold_runs": 5,
    "trials": 500, "throughput": {"points": 512, "nodes": 9, "chains": 2},
}  # fmt: skip
QUICK = {**FULL, "repeats": 2, "repeats_quick": 5, "budget": 20.0, "cold_runs": 2, "trials": 100}
TINY = {**QUICK, "points": 256, "tune": 100, "draws": 100, "repeats": 1, "cold_runs": 1, "trials": 10}
TRIALS = ("beitler_landis", "simulated_25", "ist")
CONTENDERS = (
    "engine", "engine_half", "nutpie", "nutpie_080", "pymc", "numpyro", "rstanarm", "lme4_slopes", "lme4_agq",
    "own_ml", "own_ml_profile",
)  # fmt: skip
NESTED = ("lme4_nested", "own_nested", "own_nested_profile")
"""Contenders for the trial whose sites lie in countries."""
TIMEOUT = 200.0


def rows(size: str) -> list[Row]:
    """Every row of a run: 'full', 'quick' (few repetitions, nothing slow) or 'tiny' (to test the runner)."""
    settings = {"full": FULL, "quick": QUICK, "tiny": TINY}[size]
    if size == "tiny":
        asked: list[Row] = [
            {"kind": "fit", "trial": "simulated_25", "contender": name} for name in ("engine", "own_ml")
        ]
        asked += _scaling((10, 20), ("engine",), (4,))
    else:
        asked = _asked(size)
    return [row | {"settings": {**settings, **row.get("settings", {})}} for row in asked]


def _asked(size: str) -> list[Row]:
    # the slow ones of the largest trial would take most of the time
    left_out = {("ist", "nutpie_080")} | ({("ist", name) for name in CONTENDERS[2:7]} if size == "quick" else set())
    asked: list[Row] = [
        {"kind": "fit", "trial": trial, "contender": name}
        for trial in TRIALS
        for name in CONTENDERS
        if (trial, name) not in left_out
    ]
    asked += [{"kind": "fit", "trial": "topcat", "contender": name} for name in NESTED]
    asked += [{"kind": "fit", "trial": "lupil2", "contender": name} for name in ("engine", "nutpie", "nutpie_080")]
    asked += [{"kind": "cold", "of": name, "settings": {"trial": "beitler_landis"}} for name in ("quadrature", "nuts")]
    if size == "full":
        asked.append({"kind": "cold", "of": "first", "settings": {"trial": "beitler_landis"}})
    asked += [{"kind": "profile", "of": trial} for trial in TRIALS]
    asked += [{"kind": "throughput", "of": processes} for processes in (1, 2)]
    asked += [{"kind": "outputs", "of": what} for what in ("report", "sites", "sensitivity")]
    asked += _scaling((10, 100, 1000, 5000) if size == "full" else (10, 100, 1000), ("engine", "fit"), (4, 40))
    return asked


def _scaling(sites: tuple[int, ...], what: tuple[str, ...], per_site: tuple[int, ...]) -> list[Row]:
    return [
        {"kind": "scaling", "of": n, "settings": {"what": each, "per_site": size}}
        for each in what
        for size in per_site
        for n in sites
    ]


def label(row: Row) -> str:
    """For the progress line."""
    where = row.get("trial") or row["settings"].get("what", "")
    return " ".join(str(part) for part in (row["kind"], where, row.get("contender", row.get("of"))) if part)


def run(row: Row) -> Row:
    """A row measured in a new process; whatever becomes of it is a row."""
    with tempfile.TemporaryDirectory() as folder:
        asked, out = Path(folder) / "row.json", Path(folder) / "out.json"
        asked.write_text(json.dumps(row), encoding="utf-8")
        command = [sys.executable, "-m", "tests.benchmarks.row", str(asked), str(out)]
        # a session of its own, so that a row that takes too long is stopped with all that it started
        process = subprocess.Popen(
            command, cwd=ROOT, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
        )
        try:
            _, told = process.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return row | {"status": "stopped", "reason": f"stopped after {TIMEOUT:.0f} s"}
        if not out.is_file():
            last = (told.strip().splitlines() or ["no message"])[-1]
            return row | {"status": "failed", "reason": f"exit status {process.returncode}: {last[-200:]}"}
        return row | json.loads(out.read_text(encoding="utf-8"))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_const", const="quick", dest="size", help="few repetitions")
    size.add_argument("--tiny", action="store_const", const="tiny", dest="size", help="only to test the runner")
    parser.add_argument("--only", nargs="+", metavar="WORD", help="rows whose label holds one of these words")
    parser.add_argument("--out", type=Path, default=HERE, help="where the files go")
    options = parser.parse_args()
    chosen = rows(options.size or "full")
    if options.only:
        chosen = [row for row in chosen if any(word in label(row) for word in options.only)]
    started, results = time.perf_counter(), []
    for i, row in enumerate(chosen, start=1):
        began = time.perf_counter()
        results.append(run(row))
        status = results[-1]["status"] if results[-1]["status"] == "ok" else results[-1]["reason"]
        seconds = time.perf_counter() - began
        print(f"[{i}/{len(chosen)}] {label(row)}: {status} ({seconds:.0f} s)", file=sys.stderr)
    # only now: what this process holds in memory, processes that it starts would seem to hold too
    from tests.benchmarks.table import write

    write(results, options.out, size=options.size or "full", seconds=time.perf_counter() - started)
    if any(row["status"] == "failed" for row in results):
        sys.exit(1)


if __name__ == "__main__":
    main()
