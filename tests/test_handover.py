"""Engine 'auto' goes on to NUTS where quadrature's diagnostics fail, once, and says so; a named engine is kept to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bayes_lupil import Cells, Posterior, Trial, fit, load_model, reanalyse
from bayes_lupil import engines as rooms
from bayes_lupil.engines import Draws, engine_for, nuts, quadrature, takes_too_long
from bayes_lupil.engines.importance import sample_density
from bayes_lupil.engines.proposal import Proposal
from bayes_lupil.errors import SamplerError
from bayes_lupil.fitting import fit_checked
from bayes_lupil.likelihoods import build_likelihood
from bayes_lupil.posterior.provenance import HANDED_OVER
from bayes_lupil.report import collect, write_reanalysis
from bayes_lupil.report.reanalysis.diagnostics import software_blocks
from bayes_lupil.spec import ModelSpec
from bayes_lupil.trials.end_point import Arms, EndPoint
from tests.folders.without_pictures import without_pictures

REASON = "a test of what comes after quadrature"
FAULTS: dict[str, dict[str, float]] = {
    "k-hat": {"pareto_k": 0.9},
    "k-hat infinite": {"pareto_k": np.inf},
    "k-hat no number": {"pareto_k": np.nan},
    "quadrature error": {"quadrature_error": 0.5},
    "quadrature error no number": {"quadrature_error": np.nan},
    "failed integrals": {"failed_integrals": 3.0},
    "at the limit": {"at_limit": 0.01},
    "two of them": {"pareto_k": 0.8, "at_limit": 0.5},
}


def _trial() -> Trial:
    cells = Cells(("a", "b", "c"), np.array([[3, 5], [2, 4], [4, 4]]), np.array([[10, 10], [8, 9], [7, 6]]))
    return Trial.from_cells(cells, Arms("placebo", "drug"), EndPoint("cure", "Cure"), name="made_up", synthetic=True)


def _spec(engine: str = "auto", **changes: Any) -> ModelSpec:
    return load_model("site_effects").edited(sampler__engine=engine, sampler__points=1024, **changes)


class Engines:
    """Quadrature with some of its diagnostics replaced; what goes by the name of NUTS is quadrature without them."""

    def __init__(self, faults: dict[str, float], nuts_fails: str = "") -> None:
        self.faults = faults
        self.nuts_fails = nuts_fails
        self.unsound = 0
        """How many runs of NUTS, from the first on, diverge."""
        self.ran: list[str] = []
        self.draws: list[int] = []

    def __call__(self, likelihood: Any, progress: bool = False, *, keep: str = "") -> Draws:
        engine = engine_for(likelihood)
        self.ran.append(engine)
        self.draws.append(likelihood.spec.sampler.draws)
        if engine == "nuts" and self.nuts_fails:
            raise SamplerError(self.nuts_fails)
        draws = quadrature.sample(likelihood, progress)
        if engine == "nuts":
            chains = {name: value[:, :200] for name, value in draws.values.items()}
            shape = chains["beta"].shape[:2]
            self.unsound -= 1
            return replace(
                draws, values=chains, diagnostics={}, sampler="stand-in for NUTS",
                statistics={"diverging": np.full(shape, self.unsound >= 0), "lp": np.zeros(shape)},
            )  # fmt: skip
        return replace(draws, diagnostics=draws.diagnostics | self.faults)


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Engines]:
    def use(faults: dict[str, float], nuts_fails: str = "") -> Engines:
        found = Engines(faults, nuts_fails)
        monkeypatch.setattr("bayes_lupil.fitting.run_engine", found)
        return found

    return use


@pytest.mark.parametrize("fault", FAULTS)
def test_auto_goes_on_to_nuts_once(engines: Callable[..., Engines], fault: str) -> None:
    ran = engines(FAULTS[fault])
    spec = _spec()
    posterior = fit(spec, _trial())
    assert ran.ran == ["quadrature", "nuts"]
    assert posterior.provenance.sampler == "stand-in for NUTS"
    assert posterior.diagnostics == {}
    told = posterior.provenance.handed_over
    assert told in posterior.provenance.notes
    assert told.startswith(HANDED_OVER)
    assert ("k-hat" in told) == ("pareto_k" in FAULTS[fault])
    # what was asked for stays: the model is that of the file, and so is its hash
    assert posterior.spec == spec
    assert posterior.provenance.model_hash == spec.hash


@pytest.mark.parametrize("fault", FAULTS)
def test_a_named_engine_is_kept_to(engines: Callable[..., Engines], fault: str) -> None:
    ran = engines(FAULTS[fault])
    posterior = fit(_spec("quadrature"), _trial())
    assert ran.ran == ["quadrature"]
    assert not posterior.verdict.ok
    assert posterior.provenance.handed_over == ""


def test_nothing_is_handed_over_where_the_verdict_is_sound(engines: Callable[..., Engines]) -> None:
    ran = engines({})
    posterior = fit(_spec(), _trial())
    assert ran.ran == ["quadrature"]
    assert posterior.verdict.ok
    assert posterior.provenance.handed_over == ""


def test_where_nuts_cannot_run_the_failed_fit_stays_and_says_so(engines: Callable[..., Engines]) -> None:
    ran = engines({"pareto_k": 0.9}, nuts_fails="no finite density")
    posterior = fit(_spec(), _trial())
    assert ran.ran == ["quadrature", "nuts"]
    assert not posterior.verdict.ok
    assert "could not run: no finite density" in posterior.provenance.notes[-1]
    assert posterior.provenance.handed_over == ""


@pytest.mark.parametrize("fault", ["k-hat", "at the limit"])
def test_a_checked_fit_compares_nothing_with_what_failed(engines: Callable[..., Engines], fault: str) -> None:
    ran = engines(FAULTS[fault])
    posterior, agreement = fit_checked(_spec(), _trial())
    assert ran.ran == ["quadrature", "nuts"]  # neither runs twice
    assert agreement is not None
    assert agreement.status == "not compared"
    assert agreement.engines[0] == posterior.provenance.sampler == "stand-in for NUTS"
    assert agreement.engines[1].startswith("quadrature")
    assert "engines not compared" in posterior.provenance.notes[-1]


def test_a_checked_fit_of_a_sound_one_runs_the_other_engine(engines: Callable[..., Engines]) -> None:
    ran = engines({})
    _, agreement = fit_checked(_spec(), _trial())
    assert ran.ran == ["quadrature", "nuts"]
    assert agreement is not None
    assert agreement.status == "agree"
    ran.ran.clear()
    _, agreement = fit_checked(_spec("nuts"), _trial())
    assert ran.ran == ["nuts", "quadrature"]
    assert agreement is not None
    assert agreement.engines[0] == "stand-in for NUTS"


def test_a_check_whose_chains_fail_is_made_again_with_more_draws(engines: Callable[..., Engines]) -> None:
    ran = engines({})
    ran.unsound = 1
    _, agreement = fit_checked(_spec(), _trial())
    assert (ran.ran, ran.draws[1:]) == (["quadrature", "nuts", "nuts"], [1000, 4000])
    assert agreement is not None
    assert agreement.status == "agree"
    ran.ran.clear()
    ran.unsound = 2
    _, agreement = fit_checked(_spec(), _trial())
    assert ran.ran == ["quadrature", "nuts", "nuts"]
    assert agreement is not None
    assert agreement.status == "not compared"
    ran.ran.clear()
    ran.unsound = 1
    _, agreement = fit_checked(_spec(sampler__draws=500), _trial())  # there are no more draws to be had
    assert ran.ran == ["quadrature", "nuts"]


def test_it_is_told_in_every_output(
    engines: Callable[..., Engines], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_pictures(monkeypatch)
    engines({"pareto_k": 0.9})
    result = reanalyse(_trial(), [_spec()], check_engines=False)
    assert result.ok
    (posterior,) = result.posteriors
    told = posterior.provenance.handed_over
    assert told in posterior.to_json()["provenance"]["notes"]
    assert told in str(software_blocks(collect(result)))
    write_reanalysis(collect(result), tmp_path)
    assert "sampled by NUTS, because the diagnostics of quadrature failed" in (tmp_path / "report.html").read_text(
        encoding="utf-8"
    )
    again = Posterior.load(posterior.save(tmp_path / "x.nc"))
    assert again.provenance.handed_over == told


def _many(sites: int) -> Trial:
    rng = np.random.default_rng(4)
    n = rng.integers(20, 60, (sites, 2))
    cells = Cells(tuple(f"s{i:03d}" for i in range(sites)), rng.binomial(n, 0.4), n)
    return Trial.from_cells(cells, Arms("placebo", "drug"), EndPoint("cure", "Cure"), name="many", synthetic=True)


HEAVY = {"family": "student_t", "df": 3.0, "mean": 0.0, "scale": 2.5, "reason": REASON}
COSTLY: dict[str, dict[str, Any]] = {
    "free intercepts": {"sites__intercepts": "fixed", "priors__tau_u": None, "priors__alpha": HEAVY},
    "free effects": {"sites__effects": "fixed", "priors__tau_v": None, "priors__beta": HEAVY},
    "Student-t sites": {"sites__distribution": "student_t", "sites__df": 4.0},
}


@pytest.mark.parametrize("case", COSTLY)
def test_auto_takes_nuts_where_quadrature_would_take_hours(monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    spec = load_model("site_effects").edited(sampler__engine="auto", **COSTLY[case])
    few, many = (build_likelihood(spec, _many(sites)) for sites in (20, 400))
    assert not takes_too_long(few)
    assert takes_too_long(many)
    assert (engine_for(few), engine_for(many)) == ("quadrature", "nuts")
    named = build_likelihood(spec.edited(sampler__engine="quadrature"), _many(400))
    assert engine_for(named) == "quadrature"
    empty = Draws({}, {}, "stand-in", {})
    monkeypatch.setattr(nuts, "sample", lambda *_: empty)
    assert rooms.run_engine(many).notes[0].startswith(HANDED_OVER)
    ordinary = build_likelihood(load_model("site_effects"), _many(400))
    assert engine_for(ordinary) == "quadrature"


def test_points_are_not_doubled_for_hours() -> None:
    """A cap on the points of further proposals, which such models alone have."""

    def narrow(g: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(-0.5 * ((g / 0.2) ** 2).sum(axis=1))

    start = Proposal(np.zeros(2), np.eye(2), prior_share=0.9)
    free, capped = (sample_density(narrow, start, 256, 4, np.random.SeedSequence(1), most) for most in (np.inf, 600))
    assert capped.weights.size == 512
    assert free.weights.size > 512


@pytest.mark.stack
def test_a_real_one(monkeypatch) -> None:
    """So few points that too few draws are effective; NUTS then gives the draws that it gives by its own name."""
    without_pictures(monkeypatch)
    spec = _spec(sampler__draws=500).edited(sampler__points=256)
    assert "ESS" in fit(spec.edited(sampler__engine="quadrature"), _trial()).verdict.text
    posterior = fit(spec, _trial())
    assert "ESS" in posterior.provenance.handed_over
    assert "quadrature" not in posterior.provenance.sampler
    named = fit(spec.edited(sampler__engine="nuts"), _trial())
    for name in ("alpha", "beta", "tau_u", "risk_difference"):
        np.testing.assert_array_equal(posterior.draws(name), named.draws(name))


def test_the_usual_prior_of_a_precision_is_no_reason() -> None:
    """Nearly all of it lies beyond a standard deviation of 1,000,000; the posterior does not."""
    precision = {"family": "precision_gamma", "shape": 0.001, "rate": 0.001, "reason": REASON}
    posterior = fit(load_model("site_effects").edited(priors__tau_u=precision, priors__tau_v=precision), _trial())
    assert posterior.verdict.ok, posterior.verdict.text
    assert posterior.provenance.handed_over == ""
    assert posterior.diagnostics["at_limit"] == 0
