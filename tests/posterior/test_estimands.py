"""Estimands: g-computation against hand-computed numbers, invariants, benefit ladder and number needed to treat."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import expit, logit

from bayes_lupil import Arms, Cells, EndPoint, Margins, ModelSpec, Trial, load_model
from bayes_lupil.likelihoods import Likelihood, build_likelihood
from bayes_lupil.posterior.estimands import ESTIMANDS, benefit_ladder, estimate, number_needed_to_treat

TABLE = Cells(("A", "B"), np.array([[1, 3], [6, 9]]), np.array([[5, 5], [15, 15]]))
MARGINS = Margins(((9, 20), (13, 19)), ((5, 11), (8, 8)), "pp", ("X", "Y"), 5, impossible_at_excluded=((0, 0),))
HIGHER, LOWER = EndPoint("cure", "Cure"), EndPoint("death", "Death", benefit="lower")
EXACT = 1e-12
"""Rounding of sums of a few terms."""


def _likelihood(data: Cells | Margins = TABLE, **changes: Any) -> Likelihood:
    spec: ModelSpec = load_model("site_effects").edited(**changes)
    trial = Trial.from_cells(TABLE, Arms("placebo", "drug"), HIGHER)
    return build_likelihood(spec, replace(trial, data=data))


def _fixed(part: str) -> dict[str, Any]:
    tau = {"intercepts": "tau_u", "effects": "tau_v"}[part]
    return {f"sites__{part}": "fixed", f"priors__{tau}": None}


def _rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_by_hand() -> None:
    """Sites A and B hold 10 and 30 of 40 patients, risks (0.2, 0.5) and (0.4, 0.6).

    P0 = 0.25 * 0.2 + 0.75 * 0.4 = 0.35 and P1 = 0.25 * 0.5 + 0.75 * 0.6 = 0.575, so RD = 0.225, RR = 23/14 and
    OR = (0.575 / 0.425) / (0.35 / 0.65) = 299/119. The sites' odds ratios are 4 and 9/4.
    """
    p0, p1 = np.array([0.2, 0.4]), np.array([0.5, 0.6])
    values = {"alpha": (logit(p0) + logit(p1)) / 2, "beta": logit(p1) - logit(p0)}
    likelihood = _likelihood(**_fixed("intercepts"), **_fixed("effects"))
    found = estimate(likelihood, {name: value[None, None] for name, value in values.items()}, _rng())
    expected = {
        "risk_control": 0.35,
        "risk_active": 0.575,
        "risk_difference": 0.225,
        "risk_ratio": 23 / 14,
        "odds_ratio": 299 / 119,
        "conditional_log_odds_ratio": 0.25 * np.log(4) + 0.75 * np.log(9 / 4),
    }
    assert set(found) == set(expected)
    for name, number in expected.items():
        assert found[name].shape == (1, 1)
        assert found[name][0, 0] == pytest.approx(number, rel=EXACT), name


def test_by_hand_under_margins() -> None:
    """Weights are the sites' shares, a parameter; the two excluded sites hold 0.3 of the patients.

    alpha = 0, beta = 2 log 2 and level log 3 at both excluded sites alone (centred coding: halves of beta) give risks
    (3/5, 6/7) there and (1/3, 2/3) at the ordinary ones, so RD = 0.3 * 9/35 + 0.7 * 1/3.
    """
    values = {
        "alpha": np.array(0.0),
        "beta": np.array(2 * np.log(2)),
        "tau_u": np.array(2.0),
        "e": np.array([1, 1, 0, 0, 0]) * np.log(3) / 2,
        "tau_v": np.array(0.0),
        "f": np.zeros(5),
        "site_share": np.array([0.1, 0.2, 0.3, 0.2, 0.2]),
        "retention": np.full((2, 2), 0.5),
    }
    found = estimate(_likelihood(MARGINS), {name: value[None, None] for name, value in values.items()}, _rng())
    assert found["risk_difference"][0, 0] == pytest.approx(0.3 * 9 / 35 + 0.7 / 3, rel=EXACT)
    assert found["risk_difference_ordinary_sites"][0, 0] == pytest.approx(1 / 3, rel=EXACT)
    assert found["conditional_log_odds_ratio"][0, 0] == pytest.approx(2 * np.log(2), rel=EXACT)


def test_marginal_and_conditional_odds_ratio_differ() -> None:
    """The odds ratio does not collapse: sites at 0.1 and 0.9 with a common odds ratio of 9 show a marginal one below 3.

    Risks (0.1, 0.5) and (0.9, 81/82) at equal shares: OR = (P1 / (1 - P1)) / (0.5 / 0.5), P1 = (0.5 + 81/82) / 2.
    """
    cells = Cells(("A", "B"), np.array([[1, 1], [1, 1]]), np.array([[5, 5], [5, 5]]))
    values = {"alpha": np.array([[[logit(0.1), logit(0.9)]]]), "beta": np.array([[np.log(9)]])}
    likelihood = _likelihood(
        cells, **_fixed("intercepts"), sites__effects="pooled", sites__coding="reference", priors__tau_v=None
    )
    found = estimate(likelihood, values, _rng())
    p1 = (0.5 + 81 / 82) / 2
    assert found["odds_ratio"][0, 0] == pytest.approx(p1 / (1 - p1), rel=EXACT)
    assert found["odds_ratio"][0, 0] < 3
    assert found["conditional_log_odds_ratio"][0, 0] == np.log(9)


@pytest.mark.parametrize(
    ("changes", "new"),
    [
        ({}, {"risk_difference_new_site", "log_odds_ratio_new_site"}),
        (_fixed("intercepts"), {"log_odds_ratio_new_site"}),
        (_fixed("effects"), set()),
        ({**_fixed("intercepts"), **_fixed("effects")}, set()),
        (
            {"sites__intercepts": "pooled", "sites__effects": "pooled", "priors__tau_u": None, "priors__tau_v": None},
            set(),
        ),
    ],
    ids=["partial", "fixed intercepts", "fixed effects", "all fixed", "pooled"],
)
def test_what_is_said_of_a_new_site(changes: dict[str, Any], new: set[str]) -> None:
    """Fixed intercepts leave the log odds ratio of a new site, but not its level, so no risk difference."""
    likelihood = _likelihood(**changes)
    values = {name: value[None] for name, value in likelihood.prior_draws(3, _rng()).items()}
    found = estimate(likelihood, values, _rng())
    assert {name for name in found if name.endswith("new_site")} == new
    assert set(found) <= set(ESTIMANDS)
    assert all(value.shape == (1, 3) for value in found.values())


@pytest.mark.parametrize("changes", [{}, _fixed("intercepts")], ids=["partial", "fixed intercepts"])
def test_a_new_site_varies_by_tau(changes: dict[str, Any]) -> None:
    """beta = 0.4, tau_v = 0.7: mean and SD of the new log odds ratio within 4 standard errors."""
    likelihood, many = _likelihood(**changes), 100_000
    drawn = likelihood.prior_draws(many, _rng())
    values = {name: value[None] for name, value in drawn.items()}
    values |= {"beta": np.full((1, many), 0.4), "tau_v": np.full((1, many), 0.7)}
    ratio = estimate(likelihood, values, _rng())["log_odds_ratio_new_site"]
    assert abs(ratio.mean() - 0.4) < 4 * 0.7 / np.sqrt(many)
    assert abs(ratio.std() - 0.7) < 4 * 0.7 / np.sqrt(2 * many)


def test_a_new_site_under_no_spread_is_an_average_site() -> None:
    likelihood = _likelihood()
    values = {name: value[None] for name, value in likelihood.prior_draws(5, _rng()).items()}
    values |= {"tau_u": np.zeros((1, 5)), "tau_v": np.zeros((1, 5))}
    found = estimate(likelihood, values, _rng())
    risks = expit(values["alpha"] + values["beta"] / 2) - expit(values["alpha"] - values["beta"] / 2)
    np.testing.assert_allclose(found["risk_difference_new_site"], risks, rtol=EXACT)
    np.testing.assert_allclose(found["log_odds_ratio_new_site"], values["beta"], rtol=EXACT)


seeds = st.integers(0, 2**32 - 1)
datasets = st.sampled_from([TABLE, MARGINS])


def _prior(likelihood: Likelihood, seed: int) -> dict[str, Any]:
    drawn = likelihood.prior_draws(20, np.random.default_rng(seed))
    return {name: value.reshape(2, 10, *value.shape[1:]) for name, value in drawn.items()}


@settings(deadline=None, max_examples=25)
@given(seeds, datasets)
def test_flipping_the_arms(seed: int, data: Cells | Margins) -> None:
    """Under centred coding, exchanging the arms is turning beta, f and nothing else."""
    likelihood = _likelihood(data)
    values = _prior(likelihood, seed)
    found = estimate(likelihood, values, _rng())
    flipped = estimate(likelihood, {**values, "beta": -values["beta"], "f": -values["f"]}, _rng())
    np.testing.assert_allclose(flipped["risk_difference"], -found["risk_difference"], atol=EXACT)
    np.testing.assert_allclose(flipped["risk_ratio"], 1 / found["risk_ratio"], rtol=1e-10)
    np.testing.assert_allclose(flipped["odds_ratio"], 1 / found["odds_ratio"], rtol=1e-10)
    np.testing.assert_allclose(flipped["risk_active"], found["risk_control"], rtol=EXACT)
    here, there = (
        {row.kind: row.probability for row in benefit_ladder(item["risk_difference"], HIGHER, (0.0,), 0.0, 0.1)}
        for item in (found, flipped)
    )
    assert here["benefit"] + here["harm"] == pytest.approx(1.0)
    assert (here["benefit"], here["harm"]) == (there["harm"], there["benefit"])


@settings(deadline=None, max_examples=25)
@given(seeds, datasets)
def test_relations_between_estimands(seed: int, data: Cells | Margins) -> None:
    likelihood = _likelihood(data)
    values = _prior(likelihood, seed)
    found = estimate(likelihood, values, _rng())
    control, active = found["risk_control"], found["risk_active"]
    np.testing.assert_allclose(likelihood.site_weights(values).sum(axis=-1), 1.0, rtol=EXACT)
    np.testing.assert_allclose(found["risk_difference"], control * (found["risk_ratio"] - 1), atol=EXACT)
    # tolerance by the condition of 1 - P: risks near 1 lose digits
    np.testing.assert_allclose(found["odds_ratio"], found["risk_ratio"] * (1 - control) / (1 - active), rtol=1e-9)
    further = np.abs(np.log(found["odds_ratio"])) - np.abs(np.log(found["risk_ratio"]))
    assert (further > -1e-9).all()  # the odds ratio is never nearer to 1 than the risk ratio
    if isinstance(data, Margins):
        p, share = likelihood.probabilities(values), values["site_share"]
        by_site = share * (p[..., 1] - p[..., 0])
        at_excluded = by_site[..., :2].sum(axis=-1)
        at_ordinary = found["risk_difference_ordinary_sites"] * share[..., 2:].sum(axis=-1)
        np.testing.assert_allclose(at_excluded + at_ordinary, found["risk_difference"], atol=EXACT)


differences = hnp.arrays(float, (2, 50), elements=st.floats(-0.99, 0.99))


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")  # draws that are all alike have no ESS
@settings(deadline=None, max_examples=50)
@given(differences, st.floats(0, 0.2), st.floats(0.01, 0.3), st.sampled_from([HIGHER, LOWER]))
def test_ladder(rd: np.ndarray, harm: float, relevant: float, end_point: EndPoint) -> None:
    rows = benefit_ladder(rd, end_point, (-0.1, 0.0, 0.05, 0.1), harm, relevant)
    ladder = [row.probability for row in rows if row.kind == "benefit"]
    assert ladder == sorted(ladder, reverse=True)
    by_kind = {row.kind: row.probability for row in rows if row.kind != "benefit"}
    assert sum(by_kind.values()) == pytest.approx(1.0)
    assert all(0 <= row.probability <= 1 for row in rows)
    turned = benefit_ladder(-rd, LOWER if end_point is HIGHER else HIGHER, (-0.1, 0.0, 0.05, 0.1), harm, relevant)
    assert [row.probability for row in turned] == [row.probability for row in rows]


def test_ladder_by_hand() -> None:
    """100 values from -0.295 to 0.695 in steps of 0.01: 30 below 0, 10 in each step of 0.1."""
    rd = (np.arange(100) / 100 - 0.295).reshape(2, 50)
    rows = benefit_ladder(rd, HIGHER, (0.0, 0.2), 0.1, 0.3)
    assert [(row.kind, row.threshold, row.probability) for row in rows] == [
        ("benefit", 0.0, 0.7),
        ("benefit", 0.2, 0.5),
        ("harm", -0.1, 0.2),
        ("trivial", 0.3, 0.4),
        ("relevant", 0.3, 0.4),
    ]


@pytest.mark.parametrize(
    ("end_point", "statements"),
    [
        (HIGHER, ["> 0", "> 5 points", "< -2 points", "between -2 and 10 points", "at least 10 points"]),
        (LOWER, ["< 0", "< -5 points", "> 2 points", "between -10 and 2 points", "at most -10 points"]),
    ],
    ids=["higher", "lower"],
)
def test_ladder_in_words(end_point: EndPoint, statements: list[str]) -> None:
    """Each sentence, read literally on the scale of the end point, gives the probability beside it."""
    rd = np.random.default_rng(1).normal(0.02, 0.1, (4, 500))
    rows = benefit_ladder(rd, end_point, (0.0, 0.05), 0.02, 0.1)
    assert [row.statement for row in rows] == [f"risk difference {text}" for text in statements]
    for row in rows:
        sign, *number = row.statement.removeprefix("risk difference ").split()
        if sign in ("<", ">"):
            at = float(number[0]) / 100
            assert row.probability == (rd < at if sign == "<" else rd > at).mean()


@pytest.mark.parametrize(
    ("rd", "text", "point"),
    [
        # quantiles of evenly spaced values are read off the line: 2.5 % of the way in at either end
        (np.linspace(0.1, 0.5, 2001), "NNTB 3.3 (NNTB 2.0 to NNTB 9.1)", 1 / 0.3),
        (np.linspace(-0.5, -0.1, 2001), "NNTH 3.3 (NNTH 9.1 to NNTH 2.0)", -1 / 0.3),
        (np.linspace(-0.1, 0.3, 2001), "NNTB 10.0 (NNTB 3.4 to infinity to NNTH 11.1)", 10.0),
        (np.linspace(-0.2, 0.2, 2001), "infinity (NNTB 5.3 to infinity to NNTH 5.3)", None),
    ],
    ids=["benefit", "harm", "through infinity", "no effect"],
)
def test_number_needed_to_treat(rd: np.ndarray, text: str, point: float | None) -> None:
    nnt = number_needed_to_treat(rd.reshape(1, -1), HIGHER)
    assert nnt.text == text
    assert nnt.point == (None if point is None else pytest.approx(point))
    turned = number_needed_to_treat(-rd.reshape(1, -1), LOWER)
    assert turned.text == text


def test_number_needed_to_treat_of_an_interval_that_ends_at_zero() -> None:
    rd = np.concatenate([np.zeros(200), np.linspace(0.2, 0.2, 1801)]).reshape(1, -1)
    nnt = number_needed_to_treat(rd, HIGHER)
    assert nnt.text == "NNTB 5.0 (NNTB 5.0 to infinity)"
    assert (nnt.lower, nnt.upper) == (pytest.approx(5.0), None)
