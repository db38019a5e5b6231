"""Run every notebook of this folder, or those named, from top to bottom and keep their outputs: `make notebooks`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent


def is_progress(output: dict[str, Any]) -> bool:
    """Whether an output is what a bar of progress leaves behind."""
    shown = output.get("data", {}).get("text/html")
    return shown is not None and (not shown.strip() or 'class="nutpie"' in shown or ".nutpie {" in shown)


def main() -> int:
    """Run them in the order of their names; a cell that fails leaves its file as it was."""
    named = set(sys.argv[1:])
    for path in sorted(FOLDER.glob("*.ipynb")):
        if named and path.stem not in named:
            continue
        book = nbformat.read(path, as_version=4)
        NotebookClient(book, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(FOLDER)}}).execute()
        for cell in book.cells:
            cell.metadata.pop("execution", None)  # times of the run, which differ every time
            if cell.cell_type == "code":
                cell.outputs = [output for output in cell.outputs if not is_progress(output)]
        nbformat.write(book, path)
        sys.stdout.write(f"{path.name}: {sum(cell.cell_type == 'code' for cell in book.cells)} cells run\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
