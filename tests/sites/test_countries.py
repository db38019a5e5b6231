"""The table of countries: sums, shrinkage, the trial without each, and what is refused."""

from __future__ import annotations

from copy import copy
from dataclasses import replace

import numpy as np
import pytest

import bayes_lupil as bl
from bayes_lupil import Arms, Cells, EndPoint, Trial, fit, load_model
from bayes_lupil.errors import DiagnosticsError, UnsupportedModelError
from bayes_lupil.sites.countries import CountryTable
from tests.proofs import FIT

Y = np.array([[5, 9], [3, 4], [8, 12], [9, 7], [2, 6]])
N = np.array([[20, 20], [9, 9], [21, 22], [15, 15], [12, 12]])
CELLS = Cells(("A", "B", "C", "D", "E"), Y, N, countries=("Italy", "Italy", "Spain", "Malta", "Spain"))
TRIAL = Trial.from_cells(CELLS, Arms("placebo", "drug"), EndPoint("cure", "Cure"), name="five", synthetic=True)
SPEC = load_model("site_in_country").edited(sampler__points=4096)
MANY = 4.0
"""Monte Carlo errors that two fits may lie apart."""


@pytest.fixture(scope="module")
def table() -> CountryTable:
    return bl.country_table(fit(SPEC, TRIAL))


def test_counts_are_sums_over_the_sites_of_each(table: CountryTable) -> None:
    assert [(row.country, row.sites) for row in table.rows] == [
        ("Italy", ("A", "B")), ("Spain", ("C", "E")), ("Malta", ("D",)),
    ]  # fmt: skip
    assert [row.counts for row in table.rows] == ["13/29 v 8/29", "18/34 v 10/33", "7/15 v 9/15"]
    italy = table.rows[0].observed
    assert italy is not None
    assert italy.estimate == pytest.approx(np.log(13 / 16) - np.log(8 / 21))


def test_a_failed_fit_has_no_table(table: CountryTable) -> None:
    failed = copy(table.posterior)
    failed.__dict__["verdict"] = replace(table.posterior.verdict, ok=False, failures=("1 divergent transition",))
    with pytest.raises(DiagnosticsError, match="fit 'site_in_country': found FAILED: 1 divergent transition"):
        bl.country_table(failed)


def test_effects_are_those_of_the_draws(table: CountryTable) -> None:
    posterior = table.posterior
    p = posterior.draws("p")
    for g, row in enumerate(table.rows):
        effect = posterior.draws("beta") + posterior.draws("d")[..., g]
        assert row.log_odds_ratio.mean == pytest.approx(effect.mean())
        assert row.log_odds_ratio.q97_5 == pytest.approx(np.quantile(effect, 0.975))
        mine = [CELLS.sites.index(site) for site in row.sites]
        n = N[mine].sum(axis=1)
        difference = ((p[..., mine, 1] - p[..., mine, 0]) * n).sum(axis=-1) / n.sum()
        assert row.risk_difference.mean == pytest.approx(difference.mean())
        log_odds = np.log(p / (1 - p))
        for s, site in zip(mine, row.site_log_odds_ratios, strict=True):
            assert site.mean == pytest.approx((log_odds[..., s, 1] - log_odds[..., s, 0]).mean())
    ratios = [row.log_odds_ratio.mean for row in table.rows]
    observed = [row.observed.estimate for row in table.rows if row.observed]
    assert np.ptp(ratios) < np.ptp(observed)


@pytest.mark.proof(*FIT, "sites", "sensitivity")
def test_a_country_is_left_out_with_all_its_sites(table: CountryTable) -> None:
    for row in table.rows:
        other = fit(SPEC.edited(without_sites=list(row.sites), sampler__seed=99), TRIAL)
        chance, mine = other.p_benefit, row.without_p_benefit
        assert chance is not None
        assert mine is not None
        assert abs(chance.probability - mine.mean) < MANY * np.hypot(chance.mcse, mine.mcse)


def test_of_two_countries_the_other_ones_sites_are_left() -> None:
    two = Trial.from_cells(
        replace(CELLS, countries=("Italy", "Italy", "Spain", "Italy", "Spain")), TRIAL.arms, TRIAL.end_point
    )
    found = bl.country_table(fit(SPEC, two))
    plain = load_model("site_effects").edited(sampler__points=4096, without_sites=["A", "B", "D"])
    alone = fit(plain, two).p_benefit
    mine = found.rows[0].without_p_benefit
    assert alone is not None
    assert mine is not None
    assert abs(alone.probability - mine.mean) < MANY * np.hypot(alone.mcse, mine.mcse)


@pytest.mark.proof(*FIT, "sites", "sensitivity")
def test_outlying_countries_have_their_probability_by_arm() -> None:
    """Of eight countries with one site of 40 + 40 patients, all patients of one control arm respond."""
    names = tuple("ABCDEFGH")
    y = np.tile([16, 20], (8, 1)) + np.random.default_rng(1).integers(-3, 4, (8, 2))
    y[0] = 40, 21
    cells = Cells(names, y, np.full((8, 2), 40), countries=names)
    trial = Trial.from_cells(cells, TRIAL.arms, TRIAL.end_point)
    found = bl.country_table(fit("country_outliers", trial), refit=False)
    chances = [row.outlier for row in found.rows]
    assert all(pair is not None for pair in chances)
    control = [pair[0].mean for pair in chances if pair]
    assert control[0] > 0.5 > 3 * max(control[1:])
    frame = found.to_frame()
    assert frame["p_outlier_control"].tolist() == [pair[0].mean for pair in chances if pair]
    assert set(frame["why_not"]) == {"not asked for"}


def test_made_up_data_say_so(table: CountryTable) -> None:
    assert table.to_frame()["data"].nunique() == 1
    assert "synthetic" in table.card().text().lower()
    assert "3 countries only" in table.card().text()


@pytest.mark.parametrize(("model", "trial"), [("site_effects", TRIAL), ("site_in_country", "lupil2")])
def test_what_has_no_countries_or_no_table_of_them_is_refused(model: str, trial: Trial | str) -> None:
    posterior = fit(load_model(model).edited(sampler__points=4096, sampler__draws=500), trial)
    with pytest.raises(UnsupportedModelError, match="countries"):
        bl.country_table(posterior)
