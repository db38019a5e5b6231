"""NUTS: both backends, the fallback between them, and seeds."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from arviz_stats.base import array_stats

from bayes_lupil import Posterior, fit, load_model, load_trial
from bayes_lupil.az import to_datatree
from bayes_lupil.engines import nuts, run_engine
from bayes_lupil.likelihoods import Likelihood, build_likelihood
from tests.proofs import FIT

MANY = 4.0
"""Combined Monte Carlo errors that two posteriors may lie apart: about 1 in 16,000 comparisons by chance."""

SHORT = {"sampler__engine": "nuts", "sampler__chains": 2, "sampler__draws": 200, "sampler__tune": 200}


@pytest.fixture(scope="module")
def compiled() -> Any:
    """The pooled model, compiled once for nutpie."""
    return nuts.compile_nutpie(build_likelihood(load_model("itt_pooled"), load_trial("lupil2")))


def _run(compiled: Any, seed: int) -> np.ndarray:
    settings = load_model("itt_pooled").edited(**SHORT, sampler__seed=seed).sampler
    posterior = to_datatree(nuts.run_nutpie(compiled, settings))["posterior"]
    return np.stack([posterior[name].transpose("chain", "draw").values for name in ("alpha", "beta")])


@pytest.mark.stack
def test_seed_alone_decides(compiled: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same seed gives the same draws, on one core and on two; another seed gives others."""
    import nutpie

    asked = []
    original = nutpie.sample

    def spy(*args: Any, **keys: Any) -> Any:
        asked.append(keys["cores"])
        return original(*args, **keys)

    monkeypatch.setattr(nutpie, "sample", spy)
    found = []
    for cores in (1, 2, 2):
        monkeypatch.setenv("BAYES_LUPIL_CORES", str(cores))
        found.append(_run(compiled, seed=7))
    assert asked == [1, 2, 2]
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[1], found[2])
    assert not np.array_equal(found[0], _run(compiled, seed=8))
    assert not np.array_equal(found[0][:, 0], found[0][:, 1])  # nor are the chains copies of each other


def _likelihood(**changes: Any) -> Likelihood:
    return build_likelihood(load_model("itt_pooled").edited(**SHORT, **changes), load_trial("lupil2"))


@pytest.mark.parametrize(("missing", "backend"), [(True, "nutpie"), (True, "pymc"), (False, "pymc")])
def test_pymc_takes_over(missing: bool, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It samples where nutpie is missing or PyMC is wished for, without a look at nutpie."""

    class ReachedPyMC(Exception):  # noqa: N818
        pass

    def stop(*_: Any) -> Any:
        raise ReachedPyMC

    monkeypatch.setattr(nuts, "find_spec", lambda name: None if missing else object())
    monkeypatch.setattr(nuts, "_run_pymc", stop)
    monkeypatch.setattr(nuts, "compile_nutpie", lambda *_: pytest.fail("nutpie was used"))
    with pytest.raises(ReachedPyMC):
        run_engine(_likelihood(sampler__backend=backend))


@pytest.mark.stack
@pytest.mark.slow
def test_fallback_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without nutpie PyMC samples and the posterior says so; a wish for PyMC needs no note and gives the same draws."""
    wished = run_engine(_likelihood(sampler__backend="pymc"))
    assert wished.notes == ()
    monkeypatch.setattr(nuts, "find_spec", lambda name: None)
    posterior = fit(load_model("itt_pooled").edited(**SHORT), load_trial("lupil2"))
    assert "nutpie is not installed (pip install nutpie); sampled by PyMC instead" in posterior.provenance.notes
    assert posterior.provenance.sampler.startswith("PyMC ")
    np.testing.assert_array_equal(posterior.draws("beta"), wished.values["beta"])


@pytest.mark.proof(*FIT)
def test_pymc_seed_alone_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for cores in (1, 2):
        monkeypatch.setenv("BAYES_LUPIL_CORES", str(cores))
        found.append(run_engine(_likelihood(sampler__backend="pymc")).values["beta"])
    np.testing.assert_array_equal(*found)


@pytest.mark.proof(*FIT)
def test_fit_again() -> None:
    """A whole fit, compiled afresh: every variable of every group is the same, whether drawn or derived."""
    spec = load_model("site_effects").edited(**SHORT)
    first, second = (fit(spec, load_trial("beitler_landis")).data for _ in range(2))
    for group in first.children:
        for name, variable in first[group].data_vars.items():
            np.testing.assert_array_equal(variable.values, second[group][name].values, err_msg=f"{group}/{name}")


@pytest.mark.proof(*FIT)
def test_backends_agree() -> None:
    """Beitler & Landis, the primary model: means, SDs and quantiles within 4 combined Monte Carlo errors."""
    spec = load_model("site_effects").edited(sampler__engine="nuts", sampler__draws=1500)
    nutpie, pymc = (
        fit(spec.edited(sampler__backend=backend), load_trial("beitler_landis")) for backend in ("nutpie", "pymc")
    )
    assert nutpie.provenance.sampler.startswith("nutpie ")
    assert pymc.provenance.sampler.startswith("PyMC ")
    for posterior in (nutpie, pymc):
        assert posterior.verdict.ok, posterior.verdict.text
    far = _far(nutpie, pymc, ("alpha", "beta", "tau_u", "tau_v", "risk_difference", "log_odds_ratio_new_site"))
    assert far == {}


def _far(one: Posterior, other: Posterior, names: tuple[str, ...]) -> dict[str, float]:
    statistics = {
        "mean": (np.mean, {}),
        "sd": (np.std, {"method": "sd"}),
        **{f"{q:.1%}": (partial(np.quantile, q=q), {"method": "quantile", "prob": q}) for q in (0.025, 0.5, 0.975)},
    }
    distances = {}
    for name in names:
        draws = one.draws(name), other.draws(name)
        for label, (statistic, method) in statistics.items():
            error = np.hypot(*(float(array_stats.mcse(x, **method)) for x in draws))
            distances[f"{name}, {label}"] = float(abs(statistic(draws[0]) - statistic(draws[1])) / error)
    return {name: distance for name, distance in distances.items() if distance > MANY}


@pytest.mark.stack
def test_only_a_change_of_the_model_is_compiled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other counts go into the compiled model; other priors or another number of sites ask for a new one."""
    import dataclasses

    compiled = []
    original = nuts.compile_nutpie

    def spy(likelihood: Likelihood) -> Any:
        compiled.append(likelihood)
        return original(likelihood)

    monkeypatch.setattr(nuts, "compile_nutpie", spy)
    monkeypatch.setattr(nuts, "_kept", type(nuts._kept)())
    trial, spec = load_trial("he2020"), load_model("itt_pooled").edited(**SHORT, sampler__seed=3)
    cells = trial.data
    more = dataclasses.replace(trial, data=dataclasses.replace(cells, responders=cells.responders + 5))
    few, many = (nuts.sample(build_likelihood(spec, data)) for data in (trial, more))
    assert len(compiled) == 1
    assert many.values["alpha"].mean() > few.values["alpha"].mean() + 0.3
    monkeypatch.setattr(nuts, "_kept", type(nuts._kept)())
    afresh = nuts.sample(build_likelihood(spec, more))
    np.testing.assert_allclose(afresh.values["alpha"], many.values["alpha"], rtol=1e-10)
    nuts.sample(build_likelihood(spec.edited(priors__beta__sd=0.3), more))
    assert len(compiled) == 3
