"""Which files of a folder a run wrote: its manifest lists them with their SHA-256."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from bayes_lupil.characters import escaped
from bayes_lupil.files import write_text
from bayes_lupil.version import __version__

__all__ = ["MANIFEST", "earlier_files", "is_as_written", "places_of", "write_manifests"]

MANIFEST = "manifest.json"
"""In each folder of results: its files with their SHA-256, and the folders that the same run made in it."""
_MAKER = "bayes_lupil"
_OLDER_FIT = ("posterior.nc", "summary.csv", "benefit.csv", "diagnostics.json", MANIFEST)


def write_manifests(folder: Path) -> None:
    """Write the manifest of a folder and of every folder in it, beside what the manifest of a fit says already."""
    for place in (*(path for path in folder.rglob("*") if path.is_dir()), folder):
        within = sorted(place.iterdir())
        content = {
            **_read(place),
            "made_by": f"{_MAKER} {__version__}",
            "files": {path.name: _digest(path) for path in within if path.is_file() and path.name != MANIFEST},
            "folders": [path.name for path in within if path.is_dir()],
        }
        write_text(place / MANIFEST, escaped(json.dumps(content, indent=2, ensure_ascii=False)) + "\n")


def earlier_files(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Files that earlier runs wrote, with their SHA-256, empty where it was not kept.

    Parameters
    ----------
    folder : Path
    names : iterable of str
        What a run is about to write there: runs may have written into the folders of these by themselves.
    """
    names = set(names)
    found: dict[str, str] = {}
    for place in ("", *places_of(names)):
        found |= _listed(folder / place, f"{place}/" if place else "")
    return found or dict.fromkeys(_of_an_older_version(folder, names), "")


def is_as_written(path: Path, digest: str | None) -> bool:
    """Whether a file is still the one whose SHA-256 was kept; any is, where none was, and none without a run."""
    return digest is not None and not path.is_symlink() and digest in ("", _digest(path))


def places_of(names: Iterable[str]) -> list[str]:
    """The folders of relative names, the inner ones first."""
    places = {place.as_posix() for name in names for place in Path(name).parents if place.name}
    return sorted(places, key=lambda place: (-place.count("/"), place))


def _digest(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _read(folder: Path) -> dict[str, Any]:
    """What stands in a folder's manifest, whoever wrote it."""
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _listed(folder: Path, below: str) -> Iterator[tuple[str, str]]:
    content = _read(folder)
    files, folders = content.get("files"), content.get("folders")
    if not (str(content.get("made_by")).startswith(_MAKER) and isinstance(files, dict) and isinstance(folders, list)):
        return
    yield f"{below}{MANIFEST}", ""
    for name, digest in files.items():
        if _is_plain(name) and re.fullmatch("[0-9a-f]{64}", str(digest)):
            yield f"{below}{name}", str(digest)
    for name in folders:
        if _is_plain(name) and (folder / name).is_dir() and not (folder / name).is_symlink():
            yield from _listed(folder / name, f"{below}{name}/")


def _is_plain(name: object) -> bool:
    """Whether it names something in the same folder: a manifest that was tampered with leads nowhere else."""
    return isinstance(name, str) and name not in ("", ".", "..") and not re.search(r"[/\\:\0]", name)


def _of_an_older_version(folder: Path, names: set[str]) -> Iterator[str]:
    """Files of a version whose manifests listed none: of fits, and of the report that they lie beside."""
    if _is_older_fit(folder):
        yield from _OLDER_FIT
    fits = [place for place in folder.iterdir() if place.is_dir() and not place.is_symlink() and _is_older_fit(place)]
    if not fits or not any((folder / page).is_file() for page in ("comparison.md", "endpoints.md")):
        return
    yield from (name for name in names if "/" not in name)
    yield from (f"{place.name}/{name}" for place in fits for name in _OLDER_FIT)
    if (folder / "sites" / "sites.md").is_file():
        yield from (f"sites/{path.name}" for path in (folder / "sites").iterdir() if path.is_file())


def _is_older_fit(folder: Path) -> bool:
    content = _read(folder)
    return {"model", "model_hash", "data_hash", "versions"} <= set(content) and "files" not in content
