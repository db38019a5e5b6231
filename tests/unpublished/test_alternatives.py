"""Alternatives of what is believed of sites, and who was left out, against simulations with NumPy alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from bayes_lupil import Margins, fit, load_model, load_trial
from bayes_lupil.errors import BayesLupilError, TrialError
from bayes_lupil.posterior import Posterior
from bayes_lupil.spec import ModelSpec
from bayes_lupil.trials.margins import Supposition
from bayes_lupil.trials.trial import Trial
from bayes_lupil.unpublished import alternatives_frame, kept_frame, margins_alternatives, who_stayed
from bayes_lupil.unpublished.conditional import HiddenDraws, hidden_classes
from bayes_lupil.unpublished.counts import unpublished_counts

SMALL = Margins(((4, 6), (4, 6)), ((2, 4), (3, 4)), "pp", ("X",), 4, ((0, 0),))
SUPPOSED = (
    Supposition("three sites", n_sites=3),
    Supposition("two control patients there", excluded_control_at_least=2),
    Supposition("arms alike there", excluded_arms_differ_at_most=0),
)
DIFFERENT = 4.0
"""Combined Monte Carlo errors."""
WORLDS = 1_000_000


def _spec(**changes: Any) -> ModelSpec:
    return load_model("lupil2/site_effects").edited(
        only_for=[], sampler__points=65536, sampler__draws=4000, sampler__engine="importance", **changes
    )


@pytest.fixture(scope="module")
def trial() -> Trial:
    return replace(load_trial("lupil2"), name="small", data=replace(SMALL, alternatives=SUPPOSED), hierarchy=())


@pytest.fixture(scope="module")
def posterior(trial: Trial) -> Posterior:
    return fit(_spec(), trial)


@pytest.fixture(scope="module")
def found(posterior: Posterior, trial: Trial) -> dict[str, Any]:
    return {item.name: item for item in margins_alternatives(posterior, draws=4000)}


def _simulated(
    seed: int,
    margins: Margins = SMALL,
    *,
    sites: int = 4,
    own: float = 1.2,
    wider: float = 1.0,
    level: float = 0.0,
) -> dict[str, Any]:
    """Trials drawn from the prior, weighted by the chance of the published table given each patient's parameters.

    The numbers at the excluded site are drawn patient by patient as a multinomial given the published classes.
    """
    rng = np.random.default_rng(seed)
    n = WORLDS
    alpha, beta = rng.normal(0, 1.5, n), rng.normal(0, 1, n)
    tau_u, tau_v = (np.abs(rng.normal(0, s * wider, n)) for s in (1.0, 0.5))
    weights = rng.gamma(np.r_[own, np.full(sites - 1, 1.2)], size=(n, sites))
    share = weights / weights.sum(axis=1, keepdims=True)
    u, v = (t[:, None] * rng.normal(size=(n, sites)) for t in (tau_u, tau_v))
    u[:, 0] += rng.normal(0, level, n) if level else 0.0
    stay = rng.random((n, 2, 2))
    log_weight, there, risk = np.zeros(n), {}, []
    for arm, x in ((0, -0.5), (1, 0.5)):
        p = 1 / (1 + np.exp(-(alpha[:, None] + u + (beta[:, None] + v) * x)))
        risk.append((share * p).sum(axis=1))
        (r, size), (sub_r, sub_n) = margins.totals[arm], margins.subset_totals[arm]
        for response, inside, outside in ((1, sub_r, r - sub_r), (0, sub_n - sub_r, size - r - sub_n + sub_r)):
            chance = share * (p if response else 1 - p)
            excluded, ordinary = chance[:, 0], chance[:, 1:].sum(axis=1)
            kept, left = ordinary * stay[:, arm, response], ordinary * (1 - stay[:, arm, response])
            log_weight += inside * np.log(kept)
            if (arm, response) == (0, 0):  # none at the excluded site
                log_weight += outside * np.log(left)
                there[arm, response] = np.zeros(n, dtype=int)
            else:
                log_weight += outside * np.log(excluded + left)
                there[arm, response] = rng.binomial(outside, excluded / (excluded + left))
    return {
        "weight": np.exp(log_weight - log_weight.max()), "rd": risk[1] - risk[0], "there": there, "stay": stay,
    }  # fmt: skip


def _mean(values: Any, weight: Any) -> tuple[float, float]:
    w = weight / weight.sum()
    mean = float(w @ values)
    return mean, float(np.sqrt(w**2 @ (values - mean) ** 2))


def _agree(name: str, ours: tuple[float, float], theirs: tuple[float, float]) -> None:
    error = np.hypot(ours[1], theirs[1])
    assert abs(ours[0] - theirs[0]) < DIFFERENT * error + 1e-9, f"{name}: {ours}, {theirs}"


CASES: dict[str, dict[str, Any]] = {
    "as declared": {},
    "the excluded sites larger than the others": {"own": 5.0},
    "sites twice as different": {"wider": 2.0},
    "the excluded sites with a level of response in common": {"level": 1.0},
    "three sites": {"sites": 3},
    "two control patients there": {},
    "arms alike there": {},
}


@pytest.mark.parametrize("name", CASES)
def test_each_alternative_against_a_simulation(found: dict[str, Any], name: str) -> None:
    item, world = found[name], _simulated(7, **CASES[name])
    control = world["there"][0, 1]
    active = world["there"][1, 0] + world["there"][1, 1]
    event = control >= 1  # all control patients there responded, so that there was one
    if name == "two control patients there":
        event &= control >= 2
    if name == "arms alike there":
        event &= control == active
    weight = world["weight"] * event
    assert item.ok, item.why_not
    _agree("P(benefit)", (item.p_benefit, item.p_benefit_mcse), _mean(world["rd"] > 0, weight))
    _agree("risk difference", (item.risk_difference, item.risk_difference_mcse), _mean(world["rd"], weight))
    _agree("control patients there", (item.control_there, item.control_there_mcse), _mean(control, weight))
    raw = (4 - world["there"][1, 1]) / (6 - active) - (4 - control) / (6 - control)
    _agree("raw difference", (item.raw_risk_difference, item.raw_risk_difference_mcse), _mean(raw, weight))


def test_what_each_number_of_patients_explains_against_a_simulation(trial: Trial) -> None:
    """Given the number of control patients there, how often the rest of the trial has p < 0.05 by SciPy's test."""
    margins = Margins(((10, 16), (10, 16)), ((3, 8), (7, 8)), "pp", ("X",), 4, ((0, 0),))
    fitted = fit(_spec(), replace(trial, name="wider", data=margins))
    found = unpublished_counts(fitted, most_refits=0, most_draws=100_000).by_number
    world = _simulated(9, margins)
    control, there = world["there"][0, 1], world["there"]
    significant = {}
    for key in np.unique(np.stack([control, there[1, 1], there[1, 0]]), axis=1).T.tolist():
        k, r, n = key
        table = [[6, 10 - k], [6 - n, 10 - r]]
        better = (10 - r) / (16 - r - n) > (10 - k) / (16 - k)
        significant[tuple(key)] = better and chi2_contingency(table, correction=False).pvalue < 0.05
    explains = np.array(
        [significant[key] for key in zip(control.tolist(), there[1, 1].tolist(), there[1, 0].tolist(), strict=True)]
    )
    implied = world["weight"] * (control >= 1)
    assert [item.control_there for item in found] == list(range(1, 8))
    told = 0
    for item in found:
        here = control == item.control_there
        _agree("probability", (item.probability, item.probability_mcse), _mean(here, implied))
        if np.isfinite(item.p_explains):
            told += 1
            _agree("explains", (item.p_explains, item.p_explains_mcse), _mean(explains, implied * here))
    assert told >= 5
    assert max(item.p_explains for item in found if np.isfinite(item.p_explains)) > 0.03


def test_the_error_of_a_probability_is_its_spread_over_seeds(trial: Trial) -> None:
    """Of 40 fits, whose SD has a standard error of 11 %; stated errors are of independent points."""
    found = []
    for seed in range(40):
        spec = _spec(sampler__seed=seed).edited(sampler__points=4096, sampler__draws=500)
        posterior = fit(spec, trial)
        draws = HiddenDraws(posterior, SMALL, hidden_classes(SMALL, trial.arms.names), {})
        found.append(draws.probability({"control_responders": 2}))
    chances, errors = np.array(found).T
    assert 0.6 < chances.std(ddof=1) / errors.mean() < 1.33


def test_who_stayed_against_a_simulation(posterior: Posterior, trial: Trial) -> None:
    """Chances without what the publication implies of the counts, numbers with it."""
    stayed, world = who_stayed(posterior), _simulated(8)
    for item in stayed.groups:
        stay, there = world["stay"][:, item.arm, item.response], world["there"][item.arm, item.response]
        _agree(item.label, (item.chance, item.chance_mcse), _mean(stay, world["weight"]))
        left = item.outside - there
        implied = world["weight"] * (world["there"][0, 1] >= 1)
        _agree(item.label, (item.other_reasons, item.other_reasons_mcse), _mean(left, implied))
        assert item.patients == item.inside + item.outside
    table = kept_frame(stayed)
    assert table["left_out"].tolist() == [item.outside for item in stayed.groups]
    assert table.loc["ILT-101 responders", "patients"] == 4
    for response in (0, 1):
        less = world["stay"][:, 1, response] < world["stay"][:, 0, response]
        ours = stayed.p_unlike[response], stayed.p_unlike_mcse[response]
        _agree(f"response {response}", ours, _mean(less, world["weight"]))


def test_a_supposition_next_to_impossible_is_told_without_numbers(posterior: Posterior) -> None:
    """Of 16 patients outside the subset all at one small site: the draws cannot tell."""
    margins = Margins(((34, 50), (34, 50)), ((20, 30), (20, 30)), "pp", ("X",), 40, ((0, 0),))
    many = replace(margins, alternatives=(Supposition("all there", excluded_control_at_least=14),))
    trial = replace(load_trial("lupil2"), name="many", data=many, hierarchy=())
    spec = _spec(alternatives=[]).edited(sampler__points=4096, sampler__draws=500)
    declared, item = margins_alternatives(fit(spec, trial), draws=500)
    assert declared.ok
    assert not item.ok
    assert "too improbable" in item.why_not
    assert np.isnan(item.p_benefit)
    assert alternatives_frame([declared, item]).loc["all there", "why_not"] == item.why_not


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "0 of the keys"),
        ({"n_sites": 3, "excluded_control_at_least": 1}, "2 of the keys"),
        ({"excluded_control_at_least": -1}, "0 or more"),
    ],
)  # fmt: skip
def test_a_supposition_says_one_thing(given: dict[str, int], words: str) -> None:
    with pytest.raises(TrialError, match=words):
        Supposition("x", **given)


@pytest.mark.parametrize(
    ("supposed", "words"),
    [
        ((Supposition("x", n_sites=1),), "more than the 1 excluded sites"),
        ((Supposition("x", excluded_control_at_least=3),), "at most 2"),
        ((Supposition("x", n_sites=3), Supposition("x", n_sites=4)), "a name twice"),
    ],
)
def test_suppositions_that_cannot_be(supposed: tuple[Supposition, ...], words: str) -> None:
    with pytest.raises(TrialError, match=words):
        replace(SMALL, alternatives=supposed)


def test_suppositions_are_no_data(trial: Trial) -> None:
    assert replace(trial, data=SMALL).data_hash == trial.data_hash


def test_a_table_of_sites_has_nothing_hidden() -> None:
    trial = load_trial("beitler_landis")
    posterior = fit(load_model("site_effects"), trial)
    for call in (margins_alternatives, who_stayed):
        with pytest.raises(BayesLupilError, match="known by its margins"):
            call(posterior)
