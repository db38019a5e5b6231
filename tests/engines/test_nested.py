"""Sites within countries fitted: what a posterior holds, what may be asked of it, and what is refused with a reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bayes_lupil import Arms, Cells, EndPoint, Posterior, Trial, fit, load_model, load_trial
from bayes_lupil.engines import engine_for, quadrature, takes_too_long
from bayes_lupil.errors import UnsupportedModelError
from bayes_lupil.likelihoods import NestedCells, build_likelihood
from bayes_lupil.sensitivity import change_prior, leave_one_site_out, log_evidence, loo_sites, power_scale
from bayes_lupil.sites import (
    analyse_sites,
    conflict_p_values,
    exclusion_path,
    predictive_checks,
    shrinkage_factors,
    site_table,
)
from bayes_lupil.spec import ModelSpec
from tests.proofs import FIT

Y = np.array([[3, 6], [2, 5], [8, 11], [1, 0], [4, 5], [9, 3]])
N = np.array([[10, 11], [9, 8], [20, 21], [9, 8], [12, 10], [20, 14]])
CELLS = Cells(tuple("ABCDEF"), Y, N, countries=("Italy", "Italy", "Italy", "Spain", "Spain", "Malta"))
TRIAL = Trial.from_cells(CELLS, Arms("placebo", "drug"), EndPoint("cure", "Cure"))
SMALL = {"sampler__points": 1024, "sampler__engine": "quadrature"}


@pytest.fixture(scope="module")
def posterior() -> Posterior:
    """With outlying countries, so that every variable is there."""
    return fit(load_model("country_outliers").edited(countries__outliers="active", **SMALL), TRIAL)


def of_sites(distribution: str) -> ModelSpec:
    """Sites that are not normal in countries that are."""
    spec = load_model("site_in_country")
    if distribution == "student_t":
        return spec.edited(sites__distribution="student_t", sites__df=4)
    outliers = load_model("outliers_control").priors.outlier_share
    return spec.edited(
        sites__distribution="contaminated", sites__outliers="control", sites__outlier_sd=2.0,
        priors__outlier_share=outliers,
    )  # fmt: skip


@pytest.mark.parametrize("distribution", ["student_t", "contaminated"])
def test_sites_that_are_not_normal_are_left_to_nuts(distribution: str) -> None:
    """A country's likelihood may then have two modes, of which the search for one knows nothing."""
    likelihood = build_likelihood(of_sites(distribution), TRIAL)
    assert engine_for(likelihood) == "nuts"
    named = build_likelihood(of_sites(distribution).edited(sampler__engine="quadrature"), TRIAL)
    with pytest.raises(UnsupportedModelError, match="several modes"):
        engine_for(named)


@pytest.mark.proof(*FIT)
def test_outlying_sites_in_countries_by_nuts() -> None:
    spec = of_sites("contaminated").edited(sampler__tune=300, sampler__draws=300, sampler__chains=2)
    outliers = fit(spec, TRIAL).data["outliers"]
    assert outliers["outlier"].dims == ("chain", "draw", "site", "arm")
    assert ((outliers["outlier"] >= 0) & (outliers["outlier"] <= 1)).all()
    assert "outlier_country" not in outliers


def test_few_countries_are_told() -> None:
    spec = load_model("site_in_country").edited(**SMALL)
    told = fit(spec, TRIAL).provenance.cautions
    assert any("3 countries only" in text and text.endswith("from the priors of tau_c and tau_d") for text in told)
    own = spec.edited(countries__intercepts="fixed", countries__fixed_sd=3.0, priors__tau_c=None)
    assert any(text.endswith("comes mostly from the prior of tau_d") for text in fit(own, TRIAL).provenance.cautions)
    each = Trial.from_cells(Cells(tuple("ABCDEF"), Y, N, countries=tuple("UVWXYZ")), TRIAL.arms, TRIAL.end_point)
    told = fit(spec, each).provenance.cautions
    assert any("each country has one site" in text for text in told)
    assert not any("countries only" in text for text in told)
    with pytest.raises(UnsupportedModelError, match="one country only"):
        fit(spec.edited(without_sites=["D", "E", "F"]), TRIAL)


def test_what_a_posterior_holds(posterior: Posterior) -> None:
    assert posterior.verdict.ok, posterior.verdict.text
    drawn = posterior.data["posterior"]
    for name, dims in (("c", "country"), ("d", "country"), ("u", "site"), ("v", "site")):
        assert drawn[name].dims == ("chain", "draw", dims)
        assert drawn[name].attrs["long_name"]
    assert list(drawn["country"].values) == ["Italy", "Spain", "Malta"]
    outliers = posterior.data["outliers"]
    assert outliers["outlier_country"].dims == ("chain", "draw", "country", "arm")
    chance = outliers["outlier_country"]
    assert ((chance >= 0) & (chance <= 1)).all()
    assert float(outliers["outlier_country"].sel(arm="control").max()) == 0
    assert "site_log_likelihood" not in posterior.data.children
    eta = posterior.likelihood.sites.linear_predictor({name: drawn[name].values for name in drawn.data_vars})
    np.testing.assert_allclose(1 / (1 + np.exp(-eta)), drawn["p"].values, rtol=1e-12)


def test_a_new_site_lies_in_a_new_country(posterior: Posterior) -> None:
    """Its log odds ratio has the variance of both levels, within 5 Monte Carlo errors."""
    draws = {name: posterior.draws(name) for name in ("tau_v", "tau_d", "country_outlier_share")}
    moved = posterior.draws("log_odds_ratio_new_site") - posterior.draws("beta")
    countries = posterior.spec.countries
    assert countries is not None
    assert countries.outlier_sd is not None
    variance = draws["tau_v"] ** 2 + draws["tau_d"] ** 2
    variance = variance + draws["country_outlier_share"] * countries.outlier_sd**2
    error = (moved**2 - variance).std() / np.sqrt(moved.size)
    assert abs((moved**2 - variance).mean()) < 5 * error


REFUSING: dict[str, Callable[[Posterior], Any]] = {
    "leave_one_site_out": leave_one_site_out,
    "loo_sites": loo_sites,
    "power_scale": lambda posterior: power_scale(posterior, likelihood=0.9),
    "exclusion_path": lambda posterior: exclusion_path(posterior, ["A"]),
    "site_table": site_table,
    "shrinkage_factors": shrinkage_factors,
    "conflict_p_values": conflict_p_values,
    "predictive_checks": predictive_checks,
    "analyse_sites": lambda posterior: analyse_sites(TRIAL, posterior.spec, [], fitted=[posterior]),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSING)
def test_what_takes_sites_one_by_one_is_refused(name: str, posterior: Posterior) -> None:
    with pytest.raises(UnsupportedModelError, match="countries above the sites") as caught:
        REFUSING[name](posterior)
    assert "not independent" in caught.value.hint


def test_other_priors_and_the_evidence_may_be_asked_for(posterior: Posterior) -> None:
    from bayes_lupil import priors

    found = change_prior(posterior, tau_d=priors.half_normal(0.2))
    assert found.ok
    assert {"tau_c", "tau_d", "country_outlier_share"} <= set(found.estimates)
    assert np.isfinite(log_evidence(posterior)).all()


def test_a_country_is_left_out_by_a_fit_without_its_sites() -> None:
    spec = load_model("site_in_country").edited(without_sites=list(CELLS.sites_in("Spain")), **SMALL)
    found = fit(spec, TRIAL)
    assert found.verdict.ok
    assert list(found.data["posterior"]["country"].values) == ["Italy", "Malta"]
    alone = Trial.from_cells(CELLS.without(("D", "E")), TRIAL.arms, TRIAL.end_point)
    again = fit(load_model("site_in_country").edited(**SMALL), alone)
    np.testing.assert_array_equal(found.draws("risk_difference"), again.draws("risk_difference"))


def test_the_same_draws_whatever_the_number_of_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    likelihood = build_likelihood(load_model("site_in_country").edited(**SMALL), TRIAL)
    found = []
    for cores in ("1", "2"):
        monkeypatch.setenv("BAYES_LUPIL_CORES", cores)
        found.append(quadrature.sample(likelihood).values)
    for name in found[0]:
        np.testing.assert_array_equal(found[0][name], found[1][name])


def test_trials_without_countries_are_refused_with_what_to_do() -> None:
    plain = Trial.from_cells(Cells(CELLS.sites, Y, N), TRIAL.arms, TRIAL.end_point)
    with pytest.raises(UnsupportedModelError, match="no country is known") as caught:
        fit(load_model("site_in_country"), plain)
    assert "--country COLUMN" in caught.value.hint
    lupil2 = load_trial("lupil2")
    unknown = replace(lupil2, data=replace(lupil2.data, countries=None))
    for trial in (unknown, Trial.from_counts("3/9", "2/9")):
        with pytest.raises(UnsupportedModelError, match="not published"):
            fit(load_model("site_in_country"), trial)
    one = Trial.from_cells(Cells(CELLS.sites, Y, N, countries=("Italy",) * 6), TRIAL.arms, TRIAL.end_point)
    with pytest.raises(UnsupportedModelError, match="one country only"):
        fit(load_model("site_in_country"), one)


def test_large_tables_and_heavy_tails_go_to_nuts() -> None:
    many = Cells(
        tuple(f"s{i}" for i in range(120)), np.tile(Y, (20, 1)), np.tile(N, (20, 1)),
        countries=tuple(f"c{i // 4}" for i in range(120)),
    )  # fmt: skip
    large = Trial.from_cells(many, TRIAL.arms, TRIAL.end_point)
    for name, engine in (("site_in_country", "quadrature"), ("country_outliers", "nuts")):
        likelihood = build_likelihood(load_model(name), large)
        assert engine_for(likelihood) == engine
        assert takes_too_long(likelihood) == (engine == "nuts")
    heavy = load_model("site_in_country").edited(sites__distribution="student_t", sites__df=4)
    assert engine_for(build_likelihood(heavy, TRIAL)) == "nuts"


def test_a_saved_posterior_knows_its_countries(posterior: Posterior, tmp_path: Path) -> None:
    posterior.save(tmp_path / "fit")
    again = Posterior.load(tmp_path / "fit")
    assert isinstance(again.likelihood, NestedCells)
    assert again.trial.country_names == TRIAL.country_names
    np.testing.assert_array_equal(again.draws("c"), posterior.draws("c"))
