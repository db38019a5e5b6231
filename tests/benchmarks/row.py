"""One row, in this process: `python -m tests.benchmarks.row ROW.json OUT.json`."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

__all__ = ["main", "measure"]


def measure(row: dict[str, Any]) -> dict[str, Any]:
    """What a row asks for, with status 'ok', 'absent' or 'failed' and the reason."""
    from tests.benchmarks import contenders, endurance

    kind, settings = row["kind"], row["settings"]
    try:
        if kind == "fit":
            found = contenders.CONTENDERS[row["contender"]][0](row["trial"], settings)
        else:
            run = {
                "cold": endurance.cold,
                "profile": endurance.profile,
                "throughput": endurance.throughput,
                "scaling": endurance.scaling,
                "outputs": endurance.outputs,
            }[kind]
            found = run(row["of"], settings)
    except (contenders.Absent, FileNotFoundError) as problem:
        return {"status": "absent", "reason": brief(str(problem))}
    except Exception as problem:
        return {"status": "failed", "reason": brief(f"{type(problem).__name__}: {problem}")}
    return {"status": "ok", "peak_mb": contenders.megabytes(), **found}


def brief(text: str) -> str:
    """The end of a message, without the paths of this machine."""
    return re.sub(r"(?<![\w.])/[\w./+-]+/", ".../", " ".join(text.split()))[-300:]


def main(asked: str, out: str) -> None:
    """Read what is asked, measure, write."""
    found = measure(json.loads(Path(asked).read_text(encoding="utf-8")))
    Path(out).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
