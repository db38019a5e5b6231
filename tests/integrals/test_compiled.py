"""Compiled kernels without a place for a cache, with a damaged one, or with one of other code: never a failure."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
from numba.core.caching import CacheImpl

from bayes_lupil.integrals import compiled as module
from bayes_lupil.integrals.compiled import SOURCES, compiled

KERNELS = Path(module.__file__).parent


def square(x):
    return x * x


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Where the cache of a test is."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def called(value=3.0):
    """(result, whether it was compiled) of a kernel that is new to this process."""
    kernel = compiled()(square)
    result = kernel(value)
    return result, sum(kernel.stats.cache_misses.values()) == 1


def files(place, ending):
    return sorted(place.rglob(f"*.{ending}"))


@pytest.mark.stack
def test_a_kernel_is_compiled_once(place):
    assert called() == (9.0, True)
    assert len(files(place, "nbi")) == len(files(place, "nbc")) == 1
    assert called() == (9.0, False)


DAMAGE = {
    "empty": lambda content: b"",
    "cut short": lambda content: content[: len(content) // 2],
    "one byte less": lambda content: content[:-1],
    "one byte more": lambda content: content + b"\0",
    "zeros": lambda content: bytes(len(content)),
    "text": lambda content: b"no cache",
    "without its checksum": lambda content: content[:-32],
    "twice": lambda content: content * 2,
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("ending", ["nbi", "nbc"])
def test_a_damaged_cache_is_made_again(place, ending, damage):
    called()
    (path,) = files(place, ending)
    sound = path.read_bytes()
    path.write_bytes(DAMAGE[damage](sound))
    assert called() == (9.0, True)
    assert called() == (9.0, False)


def test_no_flipped_bit_is_executed(place):
    called()
    rng = np.random.default_rng(1)
    for ending in ("nbi", "nbc"):
        (path,) = files(place, ending)
        for _ in range(40):
            content = bytearray(path.read_bytes())
            content[rng.integers(len(content))] ^= 1 << rng.integers(8)
            path.write_bytes(content)
            assert called() == (9.0, True)


@pytest.mark.parametrize("ending", ["nbi", "nbc"])
def test_a_folder_in_the_place_of_a_file_is_no_failure(place, ending):
    called()
    (path,) = files(place, ending)
    path.unlink()
    path.mkdir()
    assert called() == (9.0, True)


def test_a_missing_file_is_made_again(place):
    called()
    files(place, "nbc")[0].unlink()
    assert called() == (9.0, True)
    assert called() == (9.0, False)


def test_no_place_at_all(monkeypatch):
    monkeypatch.setattr(CacheImpl, "_locator_classes", [])
    with pytest.raises(RuntimeError, match="no locator available"):
        numba.njit(cache=True)(square)
    assert called() == (9.0, True)


@pytest.mark.parametrize(
    "answer", [OSError(28, "No space left on device"), PermissionError(13, "no"), ValueError("no")]
)
def test_a_place_that_takes_nothing(place, monkeypatch, answer):
    def refuse(*_):
        raise answer

    monkeypatch.setattr(module._Checked, "_save_data", refuse)
    assert called() == (9.0, True)
    assert called() == (9.0, True)


def test_a_cache_of_other_code_is_not_used(place, monkeypatch):
    called()
    monkeypatch.setattr(module, "_source", lambda: "other")
    assert called() == (9.0, True)


def test_every_module_of_kernels_is_one_of_the_sources():
    with_kernels = {
        path.stem
        for path in KERNELS.glob("*.py")
        if re.search(r"^@_?(jit|vector|compiled)\b", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert with_kernels | {"compiled"} == set(SOURCES)
    package = KERNELS.parent
    assert [
        path.name
        for path in package.rglob("*.py")
        if re.search(r"^\s*(import numba|from numba)", path.read_text(encoding="utf-8"), re.MULTILINE)
    ] == ["compiled.py"]


WITHOUT_A_PLACE = """
import sys
from numba.core.caching import CacheImpl
CacheImpl._locator_classes.clear()
import bayes_lupil
posterior = bayes_lupil.fit("site_effects", "beitler_landis")
print(posterior.verdict.ok, float(posterior.draws("risk_difference").mean()))
"""


@pytest.mark.proof("cores.py", "engines", "integrals", "likelihoods")
def test_a_fit_without_a_cache_gives_the_same_numbers(tmp_path):
    told = []
    for code in (WITHOUT_A_PLACE, WITHOUT_A_PLACE.replace("CacheImpl._locator_classes.clear()", "")):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        told.append(done.stdout.split())
    assert told[0][0] == told[1][0] == "True"
    # code loaded from a cache is linked in another order: rounding alone differs
    assert float(told[0][1]) == pytest.approx(float(told[1][1]), rel=1e-9)
