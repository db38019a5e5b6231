"""Countries whose effects are fixed or Student-t: logistic regression, and sites that stand for countries."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bayes_lupil import Arms, Cells, EndPoint, Trial, country_table, fit, load_model
from bayes_lupil.engines import engine_for
from bayes_lupil.errors import UnsupportedModelError
from bayes_lupil.likelihoods import build_likelihood
from bayes_lupil.posterior.diagnostics import mcse_mean
from bayes_lupil.report.countries.page import countries_page
from bayes_lupil.spec import ModelSpec
from tests.proofs import FIT

Y = np.array([[60, 120], [40, 100], [160, 220], [20, 30], [80, 100], [180, 160]])
N = np.array([[200, 220], [180, 160], [400, 420], [180, 160], [240, 200], [400, 380]])
COUNTRY = ("Italy", "Italy", "Italy", "Spain", "Spain", "Malta")
POOLED_SITES = {
    "sites__intercepts": "pooled", "sites__effects": "pooled", "priors__tau_u": None, "priors__tau_v": None,
}  # fmt: skip
WIDE = {f"priors__{name}": {"family": "normal", "mean": 0, "sd": 20, "reason": "For this test only."}
        for name in ("alpha", "beta")}  # fmt: skip
ONE_NUMBER = 0.1
"""Of a standard error: how far a mean may lie from the maximum; counts are in the hundreds."""


def _trial(y: Any = Y, n: Any = N, countries: tuple[str, ...] | None = COUNTRY) -> Trial:
    names = tuple("ABCDEF")[: len(y)] if countries else tuple(dict.fromkeys(COUNTRY))
    cells = Cells(names, y, n, countries=countries)
    return Trial.from_cells(cells, Arms("placebo", "drug"), EndPoint("cure", "Cure"))


def _fixed(**changes: Any) -> ModelSpec:
    given = {"countries__fixed_sd": 20, "sites__coding": "reference", "sampler__points": 2048}
    return load_model("site_in_country").edited(**(POOLED_SITES | WIDE | given | changes))


def test_fixed_levels_are_those_of_logistic_regression() -> None:
    """Wide priors, sites pooled: the odds ratio of statsmodels with an indicator of each country."""
    import statsmodels.api as sm

    spec = _fixed(countries__intercepts="fixed", countries__effects="pooled", priors__tau_c=None, priors__tau_d=None)
    posterior = fit(spec, _trial())
    assert posterior.provenance.sampler.startswith("quadrature")
    names = list(dict.fromkeys(COUNTRY))
    which = np.repeat([names.index(name) for name in COUNTRY], 2)
    x = np.column_stack([which == g for g in range(len(names))] + [np.tile([0, 1], 6)]).astype(float)
    theirs = sm.GLM(np.column_stack([Y.ravel(), (N - Y).ravel()]), x, family=sm.families.Binomial()).fit()
    row = posterior.row("beta")
    assert abs(row.mean - theirs.params[-1]) < ONE_NUMBER * theirs.bse[-1]
    assert row.sd == pytest.approx(theirs.bse[-1], rel=0.05)
    # alpha alone is known from its prior only; alpha + c_g are the levels
    levels = posterior.draws("alpha")[..., None] + posterior.draws("c")
    for g in range(len(names)):
        assert abs(levels[..., g].mean() - theirs.params[g]) < ONE_NUMBER * theirs.bse[g]
        assert levels[..., g].std() == pytest.approx(theirs.bse[g], rel=0.05)
    assert "log_odds_ratio_new_site" in posterior.data["posterior"]
    assert "risk_difference_new_site" not in posterior.data["posterior"]


def test_the_page_of_countries_says_that_levels_are_fixed() -> None:
    spec = _fixed(countries__intercepts="fixed", priors__tau_c=None)
    small = {f"priors__{name}": load_model("site_in_country").to_dict()["priors"][name] for name in ("alpha", "beta")}
    posterior = fit(spec.edited(**small, countries__fixed_sd=3), _trial())
    page = str(countries_page(country_table(posterior, refit=False)).blocks)
    assert "with the known SD 3, and hardly shrunken" in page
    # with these data the answers of all patients and of the average site are one
    assert not any("different answers" in note for note in posterior.provenance.notes)


def _heavy(df: float = 4, **changes: Any) -> ModelSpec:
    given = {"countries__distribution": "student_t", "countries__df": df}
    return load_model("site_in_country").edited(**(given | changes))


def test_student_t_countries_are_left_to_nuts() -> None:
    """A country far out may be drawn to the others or left there: two modes."""
    small = _trial(Y // 20, N // 20)
    assert engine_for(build_likelihood(_heavy(), small)) == "nuts"
    named = build_likelihood(_heavy(sampler__engine="quadrature"), small)
    with pytest.raises(UnsupportedModelError, match="several modes"):
        engine_for(named)


@pytest.mark.proof(*FIT)
def test_student_t_countries_are_student_t_sites_one_level_up() -> None:
    """Sites pooled: the model of Student-t sites (quadrature) on the countries' totals, within 4 Monte Carlo errors."""
    rows = [np.array(COUNTRY) == name for name in dict.fromkeys(COUNTRY)]
    y, n = (np.array([counts[row].sum(axis=0) for row in rows]) // 10 for counts in (Y, N))
    one_site_each = _trial(y, n, None)
    spec = _heavy(**POOLED_SITES)
    by_country = fit(spec, _trial(y, n, tuple(dict.fromkeys(COUNTRY))))
    priors = {f"priors__tau_{u}": spec.to_dict()["priors"][f"tau_{c}"] for u, c in (("u", "c"), ("v", "d"))}
    by_site = fit(load_model("site_student_t").edited(sites__df=4, **priors), one_site_each)
    assert by_site.provenance.sampler.startswith("quadrature")
    assert not by_country.provenance.sampler.startswith("quadrature")
    for ours, theirs in (("alpha", "alpha"), ("beta", "beta"), ("tau_c", "tau_u"), ("tau_d", "tau_v"),
                         ("risk_difference", "risk_difference")):  # fmt: skip
        a, b = by_country.draws(ours), by_site.draws(theirs)
        assert abs(a.mean() - b.mean()) < 4 * np.hypot(mcse_mean(a), mcse_mean(b)), ours
