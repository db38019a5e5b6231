"""Whether two checkouts of the package write the same: the outputs of three trials and of the end-point example.

`python -m tests.compare_outputs OLD NEW` runs the same commands with the code of each checkout, one after the other,
and compares what they wrote: tables (CSV), JSON, figures and Word files byte for byte, draws in NetCDF number by
number, pages line by line. Times, durations and the hashes that a manifest holds of other files are left out. With
`--keep FOLDER` the outputs stay there, and those of the old checkout are taken from it where they already are.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

__all__ = ["differences"]

COMMANDS = {
    "lupil2": ["reanalyse", "lupil2", "--sites", "--out"],
    "beitler_landis": ["reanalyse", "beitler_landis", "--sites", "--out"],
    "synthetic_outlier": ["reanalyse", "synthetic_outlier", "--sites", "--out"],
    "patients.csv": ["synthetic"],
    "endpoints": ["endpoints", "patients.csv", "--out"],
}
"""What is run, in a folder of each checkout's own; the name of what it writes comes last."""
_PASSING = {"created", "seconds", "files", "platform", "versions"}
_PAGES = (".md", ".html", ".tex", ".svg")


def run(checkout: Path, folder: Path) -> None:
    """Write the outputs of a checkout, and what the commands printed."""
    environment = {**os.environ, "PYTHONPATH": str(checkout.resolve()), "PYTHONHASHSEED": "0", "COLUMNS": "120"}
    folder.mkdir(parents=True, exist_ok=True)
    for name, command in COMMANDS.items():
        if (folder / name).exists():
            continue
        told = subprocess.run(
            [sys.executable, "-m", "bayes_lupil.cli", *command, name],
            cwd=folder, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if told.returncode:
            sys.exit(f"{checkout}: {' '.join(command)} ended with {told.returncode}:\n{told.stderr}")
        (folder / f"{name}.printed.md").write_text(told.stdout, encoding="utf-8")


def differences(old: Path, new: Path) -> dict[str, str]:
    """What differs between two folders of outputs: file, and how."""
    names = {path.relative_to(root).as_posix() for root in (old, new) for path in root.rglob("*") if path.is_file()}
    found = {}
    for name in sorted(names):
        if not (new / name).is_file() or not (old / name).is_file():
            found[name] = "only in the old" if (old / name).is_file() else "only in the new"
        elif how := _difference(old / name, new / name):
            found[name] = how
    return found


def _difference(old: Path, new: Path) -> str:
    if old.suffix == ".nc":
        return _draws(old, new)
    if old.suffix == ".docx":
        return "" if _unzipped(old) == _unzipped(new) else "other text"
    before, after = old.read_bytes(), new.read_bytes()
    if before == after:
        return ""
    if old.suffix == ".json":
        before_, after_ = (_lasting(json.loads(text)) for text in (before, after))
        return "" if before_ == after_ else f"{_lines(json.dumps(before_, indent=1), json.dumps(after_, indent=1))}"
    if old.suffix in _PAGES:
        return _lines(_steady(before.decode()), _steady(after.decode()))
    return "other content"


def _steady(page: str) -> str:
    """A page without pictures in it, and without times."""
    page = re.sub(r"data:[a-z/+]+;base64,[A-Za-z0-9+/=]+", "(picture)", page)
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*|\d+(\.\d)? s\b", "(time)", page)


def _lines(before: str, after: str) -> str:
    changed = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return "\n".join(line[:300] for line in list(changed)[2:])


def _lasting(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _lasting(value) for key, value in content.items() if key not in _PASSING}
    return [_lasting(item) for item in content] if isinstance(content, list) else content


def _unzipped(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.startswith("docProps")}


def _draws(old: Path, new: Path) -> str:
    import xarray as xr

    with xr.open_datatree(old) as before, xr.open_datatree(new) as after:
        groups = [
            (path, before.children[path].to_dataset(), after.children[path].to_dataset())
            for path in before.children
            if path in after.children
        ]
        missing = set(before.children) - set(after.children)
        other = [path for path, one, two in groups if not one.equals(two)]
    return ", ".join(sorted([*missing, *other]))


def main() -> None:
    """Run, compare, tell; status 1 where anything differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path, help="a checkout")
    parser.add_argument("new", type=Path, help="another one")
    parser.add_argument("--keep", type=Path, help="where the outputs stay")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        for name in ("old", "new"):
            run(getattr(options, name), folder / name)
        found = differences(folder / "old", folder / "new")
        for name, how in found.items():
            print(f"{name}: {how}\n")
        compared = sum(path.is_file() for path in (folder / "new").rglob("*"))
    print(f"{compared} files compared, {len(found)} differ")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
