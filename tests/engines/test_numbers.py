"""Priors that numbers cannot carry: refused with the bound named, or told by the verdict; other models go on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from bayes_lupil import fit, load_model, load_trial, reanalyse
from bayes_lupil.cli import app, main
from bayes_lupil.engines import quadrature
from bayes_lupil.engines.draws import Draws
from bayes_lupil.engines.importance import sample_density
from bayes_lupil.engines.proposal import Proposal
from bayes_lupil.errors import ModelError, SamplerError
from bayes_lupil.likelihoods import BinomialCells, build_likelihood
from bayes_lupil.likelihoods.prior_bounds import LEAST_SHARE, check_priors, prior_bounds
from bayes_lupil.posterior.diagnostics import describe_independent, judge
from bayes_lupil.spec import ModelSpec

REASON = "at the edge of what numbers carry"


def _prior(family: str, **arguments: float) -> dict[str, Any]:
    return {"family": family, "reason": REASON, **arguments}


BEYOND: dict[str, dict[str, Any]] = {
    "alpha far away": {"priors__alpha": _prior("normal", mean=1e8, sd=1)},
    "alpha too wide": {"priors__alpha": _prior("normal", mean=0, sd=1e300)},
    "alpha uniform over all floats": {"priors__alpha": _prior("uniform", lower=-1e308, upper=1e308)},
    "alpha uniform beyond": {"priors__alpha": _prior("uniform", lower=1e5, upper=1e6)},
    "alpha without quantiles": {"priors__alpha": _prior("student_t", df=1e-300, mean=0, scale=1)},
    "beta far away": {"priors__beta": _prior("student_t", df=30, mean=-1e7, scale=1)},
    "tau underflows": {"priors__tau_u": _prior("log_normal", mean_log=-750, sd_log=1)},
    "tau overflows": {"priors__tau_u": _prior("log_normal", mean_log=1000, sd_log=1)},
    "tau too wide": {"priors__tau_v": _prior("half_normal", sd=1e300)},
    "tau of nothing": {"priors__tau_v": _prior("exponential", mean=1e-300)},
    "tau without a scale": {"priors__tau_u": _prior("half_student_t", df=1e-300, scale=1)},
    "tau of half a Cauchy": {"priors__tau_u": _prior("half_cauchy", scale=1e300)},
    "precision beyond": {"priors__tau_u": _prior("precision_gamma", shape=1e300, rate=1e-3)},
}
SHARE = _prior("beta", a=1e308, b=1e308)
WIDE: dict[str, dict[str, Any]] = {
    "far away": {"priors__alpha": _prior("normal", mean=400, sd=1)},
    "wide": {"priors__alpha": _prior("normal", mean=0, sd=1e4)},
    "heavy": {"priors__alpha": _prior("student_t", df=0.01, mean=0, scale=1)},
    "uniform": {"priors__alpha": _prior("uniform", lower=-1e4, upper=1e4)},
    "a point": {"priors__alpha": _prior("normal", mean=-0.5, sd=1e-300)},
    "precision": {"priors__tau_u": _prior("precision_gamma", shape=1e-3, rate=1e-3)},
    "half Cauchy": {"priors__tau_u": _prior("half_cauchy", scale=1e3)},
    "half normal": {"priors__tau_u": _prior("half_normal", sd=1e6)},
    "tiny": {"priors__tau_v": _prior("half_normal", sd=1e-6)},
    "log normal": {"priors__tau_u": _prior("log_normal", mean_log=0, sd_log=10)},
}


def _spec(**changes: Any) -> ModelSpec:
    return load_model("site_effects").edited(sampler__engine="quadrature", **changes)


@pytest.mark.parametrize("engine", ["quadrature", "nuts", "auto"])
@pytest.mark.parametrize("case", BEYOND)
def test_a_prior_beyond_the_bounds_is_refused_and_the_bounds_are_named(case: str, engine: str) -> None:
    spec = _spec(**BEYOND[case]).edited(sampler__engine=engine)
    (key,) = BEYOND[case]
    name = key.removeprefix("priors__")
    low, high = prior_bounds(name, continuous=False)
    with pytest.raises(ModelError) as told:
        fit(spec, "beitler_landis")
    assert f"priors.{name}" in told.value.where
    assert f"between {low:,g} and {high:,g}" in told.value.required
    assert told.value.exit_status == 2


def test_a_share_beyond_the_bounds_is_refused() -> None:
    spec = load_model("models/sites/site_contaminated.toml").edited(priors__outlier_share=SHARE)
    with pytest.raises(ModelError, match=r"priors\.outlier_share"):
        fit(spec, "beitler_landis")


@pytest.mark.parametrize("sd", [1e4, 1e5, 5e6, 2e7, 1e8])
def test_the_least_share_within_the_bounds(sd: float) -> None:
    """Of N(0, sd) about 2 * 10,000 / (sd * 2.5066) lies within 10,000."""
    spec = _spec(priors__alpha=_prior("normal", mean=0, sd=sd))
    if 2e4 / (sd * np.sqrt(2 * np.pi)) < LEAST_SHARE:
        with pytest.raises(ModelError, match=r"priors\.alpha"):
            check_priors(spec)
    else:
        check_priors(spec)


@pytest.mark.parametrize("case", WIDE)
def test_priors_within_the_bounds_end_with_a_verdict(case: str) -> None:
    posterior = fit(_spec(**WIDE[case], sampler__points=1024), "beitler_landis")
    assert all(np.isfinite(posterior.draws(name)).all() for name in ("alpha", "beta", "tau_u", "tau_v", "p"))
    assert posterior.verdict.ok or "limit" in posterior.verdict.text or "ESS" in posterior.verdict.text


@pytest.mark.parametrize("case", BEYOND)
def test_other_models_of_a_run_go_on(case: str) -> None:
    good = load_model("itt_pooled").edited(sampler__points=1024)
    run = reanalyse("beitler_landis", [_spec(name="beyond", **BEYOND[case]), good], check_engines=False)
    assert [item.status for item in run.analyses] == ["failed", "ok"]
    assert "at least 0.1 % of its probability" in run.analyses[0].reason
    assert not run.ok


def test_exit_statuses(tmp_path: Any) -> None:
    """2 for a model file that is refused, 3 for a run in which another model was fitted."""
    text = (tmp_path / "good.toml", tmp_path / "beyond.toml")
    source = CliRunner().invoke(app, ["models", "site_effects"]).output
    pooled = CliRunner().invoke(app, ["models", "itt_pooled"]).output
    text[0].write_text(pooled, encoding="utf-8")
    beyond = source.replace('name = "site_effects"', 'name = "beyond"')
    beyond = beyond.replace("mean = 0\nsd = 1.5", "mean = 1e8\nsd = 1")
    assert "1e8" in beyond
    text[1].write_text(beyond, encoding="utf-8")
    assert _status("fit", text[1], "beitler_landis", "--out", tmp_path / "a") == 2
    arguments = ("--models", tmp_path, "--one-engine", "--out", tmp_path / "b")
    assert _status("reanalyse", "beitler_landis", *arguments) == 3
    assert (tmp_path / "b" / "comparison.csv").is_file()
    assert (tmp_path / "b" / "itt_pooled").is_dir()


def _status(*arguments: object) -> int:
    with pytest.raises(SystemExit) as end:
        main(lambda: app([str(argument) for argument in arguments]))
    return int(end.value.code or 0)


LIMITED: dict[str, dict[str, Any]] = {
    "alpha at the upper limit": {"priors__alpha": _prior("normal", mean=1e8, sd=1)},
    "alpha at the lower limit": {"priors__alpha": _prior("normal", mean=-1e8, sd=1)},
    "alpha wide": {"priors__alpha": _prior("normal", mean=0, sd=1e300)},
    "beta at the limit": {"priors__beta": _prior("normal", mean=1e9, sd=1)},
    "both": {"priors__alpha": _prior("normal", mean=1e8, sd=1), "priors__beta": _prior("normal", mean=1e8, sd=1)},
    "tau_u overflows": {"priors__tau_u": _prior("log_normal", mean_log=1000, sd_log=1)},
    "tau_u at the limit": {"priors__tau_u": _prior("log_normal", mean_log=40, sd_log=1)},
    "tau_v at the limit": {"priors__tau_v": _prior("log_normal", mean_log=60, sd_log=0.1)},
    "tau_v uniform beyond": {"priors__tau_v": _prior("uniform", lower=2e6, upper=3e6)},
    "alpha uniform beyond": {"priors__alpha": _prior("uniform", lower=-3e6, upper=-2e6)},
}


@pytest.mark.parametrize("case", LIMITED)
def test_draws_at_the_limit_fail_the_verdict(case: str) -> None:
    """The engine by itself, without the check of priors before it."""
    likelihood = BinomialCells(_spec(**LIMITED[case]), load_trial("beitler_landis").analysis_set("itt").data)
    draws = quadrature.sample(likelihood)
    at_limit = np.any([np.abs(draws.values[n]) >= 1e6 for n in ("alpha", "beta", "tau_u", "tau_v")], axis=0)
    assert draws.diagnostics["at_limit"] == at_limit.mean() > 0
    assert "limit of 1,000,000" in _judged(draws)


def _judged(draws: Draws) -> str:
    rows = [describe_independent(name, value) for name, value in draws.values.items() if value.ndim == 2]
    return judge(rows, draws.statistics, draws.diagnostics).text


def test_no_draw_at_the_limit_is_told_as_none() -> None:
    posterior = fit(_spec(sampler__points=1024), "beitler_landis")
    assert posterior.diagnostics["at_limit"] == 0
    assert "limit" not in posterior.verdict.text
    tree = posterior.data.copy()
    tree["diagnostics"] = tree["diagnostics"].to_dataset().assign(at_limit=0.002)
    told = replace(posterior, data=tree).verdict
    assert not told.ok
    assert "0.2 % of the draws" in told.text


NOWHERE: dict[str, dict[str, Any]] = {
    "priors.tau_u": {"priors__tau_u": _prior("log_normal", mean_log=-750, sd_log=1)},
    "priors.tau_v": {"priors__tau_v": _prior("log_normal", mean_log=-800, sd_log=0.5)},
}


@pytest.mark.parametrize("name", NOWHERE)
def test_where_the_density_is_nowhere_a_number(name: str) -> None:
    cells = load_trial("beitler_landis").analysis_set("itt").data
    spec = load_model("models/sites/site_student_t.toml").edited(**NOWHERE[name])
    with pytest.raises(SamplerError, match=rf"the density is nowhere a number under {name}"):
        quadrature.sample(BinomialCells(spec, cells))


def test_a_point_that_points_collapse_on_is_no_sound_sample() -> None:
    """A steep slope: the best of a few points outweighs all others, and a proposal about it would find all alike."""

    def slope(g: np.ndarray) -> np.ndarray:
        return np.where(g[:, 0] < 60.0, 1e5 * g[:, 0], -np.inf) - 0.5 * (g**2).sum(axis=1)

    start = Proposal(np.zeros(2), np.eye(2))
    found = sample_density(slope, start, 1024, 4, np.random.SeedSequence(1))
    assert not found.k_hat <= 0.7


def test_evidence_that_is_lost_from_one_proposal_to_the_next() -> None:
    """The second proposal sits where next to nothing is: its weights are all alike, and its evidence gives it away."""

    class Lost(Proposal):
        def moved(self, mean: np.ndarray, factor: np.ndarray) -> Proposal:
            return Proposal(np.full(2, 9.0), 1e-6 * np.eye(2), prior_share=0.0)

    def normal(g: np.ndarray) -> np.ndarray:
        return np.asarray(-0.5 * (((g - 3.0) / 0.05) ** 2).sum(axis=1))

    found = sample_density(normal, Lost(np.full(2, 2.0), np.eye(2)), 1024, 4, np.random.SeedSequence(1))
    assert found.stages > 1
    assert not found.k_hat <= 0.7


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_draws_that_are_no_numbers_are_no_result(monkeypatch: pytest.MonkeyPatch, value: float) -> None:
    real = quadrature.sample

    def broken(likelihood: Any, progress: bool = False, *, keep: str = "") -> Draws:
        draws = real(likelihood, progress)
        draws.values["alpha"][0, 0] = value
        draws.values["beta"][0, 0] = -value
        return draws

    monkeypatch.setattr("bayes_lupil.fitting.run_engine", broken)
    spec = _spec(sampler__points=1024)
    with np.errstate(invalid="ignore"), pytest.raises(SamplerError, match="no number"):
        fit(spec, "beitler_landis")
    with np.errstate(invalid="ignore"):
        run = reanalyse("beitler_landis", [spec], check_engines=False)
    assert run.analyses[0].status == "failed"
    assert build_likelihood(spec, load_trial("beitler_landis"))
