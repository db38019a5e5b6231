"""How every kernel is compiled: kept in a cache where there is a place for one, and compiled again where it is no good.

Numba by itself gives up where there is no place for a cache (a package folder that cannot be written to and no home,
as in containers) or where a file of it is damaged, and it does not notice a function of another file that has changed.
Here a cache is never a reason to fail: each of its files ends with its checksum, it belongs to the source of all
kernels, and what cannot be read or written is compiled as if there were none.
"""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import FunctionCache, IndexDataCacheFile

__all__ = ["SOURCES", "compiled"]

SOURCES = ("compiled", "grids", "kernel_draws", "kernel_modes", "kernel_responses", "kernels")
"""The modules that hold kernels, and this one: where one of them changes, all are compiled again."""
_SIZE = sha256().digest_size


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """A decorator that compiles a function when it is first called, with NumPy's rules for errors and without the lock.

    Parameters
    ----------
    options
        Of `numba.njit`, in addition to those.

    Examples
    --------
    >>> from bayes_lupil.integrals.compiled import compiled
    >>> @compiled()
    ... def half(x):
    ...     return x / 2
    >>> half(3)
    1.5
    """

    def compile_function(function: Callable[..., Any]) -> Any:
        kernel = numba.njit(nogil=True, error_model="numpy", **options)(function)
        with contextlib.suppress(RuntimeError, OSError):  # no place for a cache
            kernel._cache = _Cache(function)  # noqa: SLF001 (as Numba's `cache=True` does)
        return kernel

    return compile_function


class _Cache(FunctionCache):  # type: ignore[misc]
    """Numba's cache of one function, which is never a reason to fail."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self._cache_file = _Checked(self.cache_path, self._impl.filename_base, _source())

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # noqa: BLE001 (a cache of another Numba may fail in any way)
            with contextlib.suppress(OSError):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with contextlib.suppress(Exception):  # such as a full disk
            super().save_overload(sig, data)


class _Checked(IndexDataCacheFile):  # type: ignore[misc]
    """The files of one function's cache, each with its checksum: a flipped bit in machine code is no exception."""

    def _dump(self, obj: Any) -> bytes:
        content: bytes = super()._dump(obj)
        return content + sha256(content).digest()

    def _load_index(self) -> Any:
        self._check(self._index_path)
        return super()._load_index()

    def _load_data(self, name: str) -> Any:
        self._check(self._data_path(name))
        return super()._load_data(name)

    def _check(self, path: str) -> None:
        """Refuse what is not as it was written, before anything in it is made an object."""
        with contextlib.suppress(FileNotFoundError):
            content = Path(path).read_bytes().removeprefix(pickle.dumps(self._version, protocol=-1))
            if sha256(content[:-_SIZE]).digest() != content[-_SIZE:]:
                raise ValueError(f"{path} is damaged")


@cache
def _source() -> str:
    """SHA-256 of the source of all kernels."""
    folder = Path(__file__).parent
    return sha256(b"".join((folder / f"{name}.py").read_bytes() for name in SOURCES)).hexdigest()
