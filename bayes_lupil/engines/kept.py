"""Markov chains kept from an earlier run: of the check of a fast engine that every reanalysis makes, and of its models.

Fitting the same model to the same data once more gives the same draws: they depend on nothing but the model, the data,
the settings with their seed, the code of the package and the versions of the packages below it. All of these make the
name of the file, so a file is never that of something else; each ends with its checksum. It is a cache: what cannot be
read is made, and what cannot be written is left.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import platform
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from bayes_lupil.documents import canonical_hash
from bayes_lupil.engines.draws import Draws
from bayes_lupil.engines.sampleable import Sampleable
from bayes_lupil.errors import OutputError
from bayes_lupil.files import write_bytes

__all__ = ["VARIABLE", "kept_or_made"]

VARIABLE = "BAYES_LUPIL_CACHE"
"""The environment variable that names the folder, or says 'off'."""
_ROOMS = ("engines", "likelihoods", "priors", "spec")  # whose code the draws depend on
_PACKAGES = ("nutpie", "pymc", "pytensor", "numba", "llvmlite", "numpy", "scipy")
_LARGEST = 200_000_000  # bytes of all files together
_SIZE = sha256().digest_size
_WORDS = "words"  # the array that holds all that is no array


def kept_or_made(model: Sampleable, what: str, make: Callable[[], Draws]) -> Draws:
    """The draws of NUTS, read where they have been made before, and else made and kept.

    Parameters
    ----------
    model : Sampleable
    what : str
        Hashes of model and trial.
    make : callable
        Makes them.
    """
    folder = _folder()
    if folder is None:
        return make()
    path = folder / f"{_key(model, what)}.npz"
    if (draws := _read(path)) is not None:
        return draws
    draws = make()
    with contextlib.suppress(OSError, OutputError):  # no place for it, or a full disk
        folder.mkdir(parents=True, exist_ok=True)
        write_bytes(path, _packed(draws))
        _drop_oldest(folder)
    return draws


def _folder() -> Path | None:
    """Where the files are; None where there is no place for them, or none is wanted."""
    from platformdirs import user_cache_path

    asked = os.environ.get(VARIABLE, "").strip()
    if asked.lower() == "off":
        return None
    try:
        return Path(asked) if asked else user_cache_path("bayes_lupil", appauthor=False) / "chains"
    except (OSError, RuntimeError):  # no home at all
        return None


def _key(model: Sampleable, what: str) -> str:
    data = {
        name: (str(value.dtype), value.shape, sha256(np.ascontiguousarray(value).tobytes()).hexdigest())
        for name, value in model.graph_data().items()
    }
    settings = model.sampler.model_dump(mode="json")
    kind = type(model).__name__
    return canonical_hash([what, kind, model.graph_key(), data, settings, _code(), _surroundings()])


@cache
def _code() -> str:
    """SHA-256 of the code that the draws depend on."""
    found = sha256()
    modules = (path for room in _ROOMS for path in files("bayes_lupil").joinpath(room).iterdir())
    for path in sorted(modules, key=str):
        if path.name.endswith(".py"):
            found.update(path.name.encode() + path.read_bytes())
    return found.hexdigest()


@cache
def _surroundings() -> tuple[str, ...]:
    """Versions and the kind of machine: rounding differs between them."""
    found = [platform.python_version(), platform.system(), platform.machine()]
    for name in _PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found.append(f"{name} {version(name)}")
    return tuple(found)


def _packed(draws: Draws) -> bytes:
    words = {
        "sampler": draws.sampler, "seconds": draws.seconds, "notes": draws.notes, "diagnostics": draws.diagnostics,
    }  # fmt: skip
    arrays: dict[str, Any] = {f"value {name}": value for name, value in draws.values.items()}
    arrays |= {f"statistic {name}": np.asarray(value) for name, value in draws.statistics.items()}
    buffer = io.BytesIO()
    arrays[_WORDS] = np.frombuffer(json.dumps(words).encode(), dtype=np.uint8)
    np.savez(buffer, **arrays)
    content = buffer.getvalue()
    return content + sha256(content).digest()


def _read(path: Path) -> Draws | None:
    """The draws of a file; None where there is none, or it is damaged."""
    try:
        content = path.read_bytes()
        if sha256(content[:-_SIZE]).digest() != content[-_SIZE:]:
            return None
        with contextlib.suppress(OSError):  # when it was last used
            path.touch()
        with np.load(io.BytesIO(content[:-_SIZE]), allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
    except OSError:
        return None
    words = json.loads(found.pop(_WORDS).tobytes())
    kinds = {
        kind: {name.removeprefix(f"{kind} "): value for name, value in found.items() if name.startswith(f"{kind} ")}
        for kind in ("value", "statistic")
    }
    return Draws(
        kinds["value"], kinds["statistic"], words["sampler"], words["seconds"], tuple(words["notes"]),
        words["diagnostics"],
    )  # fmt: skip


def _drop_oldest(folder: Path) -> None:
    """Remove what was used longest ago where all files together are too large."""
    kept = sorted(((path.stat().st_mtime, path.stat().st_size, path) for path in folder.glob("*.npz")), reverse=True)
    total = 0
    for _, size, path in kept:
        total += size
        if total > _LARGEST:
            path.unlink(missing_ok=True)
