"""What more than one room of the tests needs."""

from __future__ import annotations

import os
from collections import OrderedDict
from functools import cache
from pathlib import Path

# each worker has one core: chains, threads of the integrals, Numba and BLAS; read when these are first imported, and
# passed on to the processes that a test starts
if "PYTEST_XDIST_WORKER" in os.environ:
    for _name in ("BAYES_LUPIL_CORES", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[_name] = "1"

os.environ.setdefault("BAYES_LUPIL_CACHE", "off")  # chains are sampled anew, so that no test sees those of another

import pytest
from hypothesis import settings

from tests.order import long_first, takes_long
from tests.proofs import Proofs

settings.register_profile("no clock", deadline=None)  # a busy machine is no failure
settings.load_profile("no clock")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--validate", action="store_true", help="run all slow proofs, and these alone; keep which passed")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Proofs(config), "proofs")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each worker starts with its share of the long tests."""
    items[:] = long_first(items, takes_long, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))


@pytest.fixture(scope="session")
def validation() -> Path:
    """Real trials and reference results of other software; they lie beside the checkout and are not part of it."""
    folder = Path(__file__).parents[2] / "shared" / "validation"
    if not folder.is_dir():
        pytest.skip("the folder shared/validation does not lie beside this checkout")
    return folder


@pytest.fixture(scope="session")
def resampled():
    """A stand-in for an engine that needs no compiler: prior draws, weighted by the likelihood and drawn again.

    Exact up to Monte Carlo error (sampling-importance resampling), and good enough to test what comes after a fit.
    """
    return _fit


class FakeEngine:
    """Replaces the sampler by `resampled`; `diverge = True` makes its diagnostics fail."""

    diverge = False

    def __call__(self, likelihood, progress=False, *, keep=""):
        return _draws(likelihood, self.diverge)


@pytest.fixture
def fake_engine(monkeypatch):
    """No sampling: fits take a second instead of a minute."""
    engine = FakeEngine()
    monkeypatch.setattr("bayes_lupil.fitting.run_engine", engine)
    return engine


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the entry point as a user does; gives (exit status, stdout, stderr)."""

    import sys

    from bayes_lupil import cli

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["bayes-lupil", *map(str, arguments)])
        # rich took hold of the streams when the module was imported
        for console, stream in ((cli.out, sys.stdout), (cli.err, sys.stderr)):
            monkeypatch.setattr(console, "_file", stream)
        status = 0
        try:
            cli.main()
        except SystemExit as end:
            status = end.code or 0
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


@pytest.fixture(scope="session")
def reanalysed():
    """reanalysed(trial, *models): a reanalysis without sampling, made once for all tests that only look at it."""
    from bayes_lupil import load_model, reanalyse

    @cache
    def made(trial, *models):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("bayes_lupil.fitting.run_engine", FakeEngine())
            return reanalyse(trial, [load_model(model) for model in models] or None)

    return made


def _draws(likelihood, diverge=False):
    import numpy as np

    from bayes_lupil.engines.draws import Draws

    data = {name: value.tolist() for name, value in likelihood.graph_data().items()}
    key = repr((type(likelihood), likelihood.spec.to_dict(), likelihood.graph_key(), data))
    if key not in _drawn:
        _drawn[key] = _resample(likelihood)
    while len(_drawn) > 50:
        _drawn.popitem(last=False)
    values = {name: value.copy() for name, value in _drawn[key].items()}
    diverging = np.zeros((4, 500), dtype=bool)
    diverging[0, 0] = diverge
    return Draws(values, {"diverging": diverging}, "resampling for tests", {"compile": 0.0, "sample": 0.0})


_drawn = OrderedDict()
"""The last draws by all that they depend on, since the same few models and trials come again and again."""


def _resample(likelihood):
    import numpy as np

    rng = np.random.default_rng(likelihood.spec.sampler.seed)
    values = likelihood.prior_draws(60_000, rng)
    weight = likelihood.log_likelihood(values)
    weight = np.exp(weight - weight.max())
    chosen = rng.choice(len(weight), size=(4, 500), p=weight / weight.sum())
    # a little noise parts draws that were chosen twice, so that no R-hat or ESS is undefined
    picked = {}
    for name, value in values.items():
        again = value[chosen]
        noise = 1 + 0.01 * rng.standard_normal(again.shape)
        free = name in ("alpha", "beta", "e", "f", "tau_u", "tau_v")
        picked[name] = again * noise if free else again
    return picked


def _fit(spec, trial):
    from bayes_lupil.likelihoods import build_likelihood
    from bayes_lupil.posterior import Posterior

    likelihood = build_likelihood(spec, trial)
    return Posterior.from_draws(likelihood, _draws(likelihood), trial)
