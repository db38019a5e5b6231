"""The No-U-Turn Sampler on the PyMC graph, by nutpie, or by PyMC itself where nutpie is missing or not wanted."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import sys
import tempfile
import time
import warnings
from collections import OrderedDict
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np

from bayes_lupil.az import to_datatree
from bayes_lupil.cores import usable_cores
from bayes_lupil.engines.draws import Draws
from bayes_lupil.engines.sampleable import Sampleable
from bayes_lupil.errors import SamplerError
from bayes_lupil.spec import Sampler

__all__ = ["compile_nutpie", "run_nutpie", "sample"]

_STATISTICS = {
    "diverging": "diverging",
    "depth": "tree_depth",
    "tree_depth": "tree_depth",
    "n_steps": "n_steps",
    "energy": "energy",
    "logp": "lp",
    "lp": "lp",
}
"""Names of the sampler statistics kept: nutpie's or PyMC's, and ArviZ's."""


_MISSING = "nutpie is not installed (pip install nutpie)"


def sample(model: Sampleable, progress: bool = False) -> Draws:
    """Sample the posterior of all free parameters.

    Parameters
    ----------
    model : Sampleable
        A likelihood, or what else has a PyMC graph; its `sampler` holds chains, draws, seed and backend.
    progress : bool
        Whether the sampler shows its progress.

    Returns
    -------
    Draws
        The same draws for the same seed, whatever the number of cores.

    Raises
    ------
    SamplerError
        Where the sampler cannot start, for example because the density is nowhere finite.
    """
    settings = model.sampler
    notes: tuple[str, ...] = ()
    backend = settings.backend
    if backend == "nutpie" and find_spec("nutpie") is None:
        backend = "pymc"
        notes = (f"{_MISSING}; sampled by PyMC instead",)
    started = time.perf_counter()
    _give_place()
    if backend == "nutpie":
        compiled = _compiled(model)
        built = time.perf_counter()
        result = run_nutpie(compiled, settings, progress)
        sampler = f"nutpie {version('nutpie')} (PyMC {version('pymc')})"
    else:
        graph = model.pymc_model()
        built = time.perf_counter()
        result = _run_pymc(graph, settings, progress)
        sampler = f"PyMC {version('pymc')}"
    seconds = {"compile": built - started, "sample": time.perf_counter() - built}
    tree = to_datatree(result)
    values = {
        item.name: np.asarray(tree["posterior"][item.name].transpose("chain", "draw", ...).values, dtype=float)
        for item in model.parameters
    }
    if any(v.shape[:2] != (settings.chains, settings.draws) or not np.isfinite(v).all() for v in values.values()):
        # nutpie answers an interrupt with what it has; unfinished draws are no result
        raise KeyboardInterrupt
    kept = tree["sample_stats"]
    statistics = {
        new: np.asarray(kept[old].transpose("chain", "draw").values)
        for old, new in _STATISTICS.items()
        if old in kept.data_vars
    }
    return Draws(values, statistics, sampler, seconds, notes)


@cache
def _give_place() -> None:
    """Give PyTensor a temporary folder for compiled code where it could not write to its own, and would fail."""
    if "compiledir" in os.environ.get("PYTENSOR_FLAGS", ""):
        return
    local = os.environ.get("LOCALAPPDATA") if sys.platform == "win32" else None
    try:
        usual = Path(local) / "PyTensor" if local else Path.home() / ".pytensor"
        usual.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=usual, buffering=0) as trial:
            trial.write(bytes(1_000_000))  # a full disk takes files, and nothing in them
    except (OSError, RuntimeError):  # RuntimeError where there is no home at all
        folder = tempfile.mkdtemp(prefix="bayes_lupil_")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        flags = [os.environ.get("PYTENSOR_FLAGS", ""), f"base_compiledir={folder}"]
        os.environ["PYTENSOR_FLAGS"] = ",".join(filter(None, flags))


_kept: OrderedDict[str, Any] = OrderedDict()
_MOST_KEPT = 4


def _compiled(model: Sampleable) -> Any:
    """A compiled graph with the model's data, taken from the last few where only these differ.

    Compiling takes longer than sampling most models, and a model is often fitted to many tables of one size.
    """
    key = model.graph_key()
    if key not in _kept:
        try:
            _kept[key] = compile_nutpie(model)
        except (EOFError, UnpicklingError):  # from a damaged file among those that PyTensor keeps for Numba
            from pytensor import config

            shutil.rmtree(config.base_compiledir / "numba", ignore_errors=True)
            (config.base_compiledir / "numba").mkdir(exist_ok=True)
            _kept[key] = compile_nutpie(model)
    _kept.move_to_end(key)
    while len(_kept) > _MOST_KEPT:
        _kept.popitem(last=False)
    return _kept[key].with_data(**model.graph_data())


def compile_nutpie(model: Sampleable) -> Any:
    """The model's PyMC graph compiled for nutpie; other data of the same shape go in by `with_data`.

    Raises
    ------
    SamplerError
        Where nutpie is not installed.
    """
    if find_spec("nutpie") is None:
        raise SamplerError(_MISSING)
    import nutpie

    with _no_speed_warnings():
        return nutpie.compile_pymc_model(model.pymc_model())


@contextlib.contextmanager
def _no_speed_warnings() -> Iterator[None]:
    """Silence what PyTensor and Numba say about speed alone: nothing here uses BLAS, and no cache is no error."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="PyTensor could not link to a BLAS")
        warnings.filterwarnings("ignore", message="Cannot cache compiled function")
        yield


def run_nutpie(compiled: Any, settings: Sampler, progress: bool = False) -> Any:
    """Run nutpie on a compiled model."""
    import nutpie

    try:
        return nutpie.sample(
            compiled,
            draws=settings.draws,
            tune=settings.tune,
            chains=settings.chains,
            cores=min(settings.chains, usable_cores()),
            seed=settings.seed,
            target_accept=settings.target_accept,
            save_warmup=False,
            progress_bar=progress,
        )
    except RuntimeError as problem:
        told = str(problem).partition("Stack backtrace")[0].strip()  # addresses in compiled code help nobody
        raise SamplerError(f"nutpie could not sample this model: {told}") from problem


def _run_pymc(model: Any, settings: Sampler, progress: bool) -> Any:
    import pymc as pm

    try:
        with model, _no_speed_warnings():
            return pm.sample(
                draws=settings.draws,
                tune=settings.tune,
                chains=settings.chains,
                cores=min(settings.chains, usable_cores()),
                random_seed=settings.seed,
                target_accept=settings.target_accept,
                progressbar=progress,
                quiet=True,
                compute_convergence_checks=False,
                nuts_sampler="pymc",
            )
    except pm.exceptions.SamplingError as problem:
        raise SamplerError(f"PyMC could not sample this model: {problem}") from problem
