"""Unpublished counts against brute force: every way of placing the patients, at draws from the prior."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from math import comb

import numpy as np
import pytest
from scipy.stats import chi2

from bayes_lupil import Arms, Cells, EndPoint, Margins, Trial, fit, load_model, load_trial
from bayes_lupil.engines.draws import Draws
from bayes_lupil.errors import InputError, UnsupportedModelError
from bayes_lupil.likelihoods import build_likelihood
from bayes_lupil.posterior import Posterior
from bayes_lupil.sensitivity.reweighting import WeightedDraws
from bayes_lupil.unpublished.bounds import hard_bounds
from bayes_lupil.unpublished.conditional import HiddenDraws, hidden_classes
from bayes_lupil.unpublished.counts import unpublished_counts
from tests.proofs import FIT

ERRORS = 4.0
"""Combined Monte Carlo errors allowed between two independent computations."""
SPEC = load_model("site_effects")
# outside the subset: 3 control responders, 2 control non-responders (none of them at the excluded sites),
# 3 active responders, 2 active non-responders
SMALL = Margins(((5, 9), (6, 10)), ((2, 4), (3, 5)), "pp", ("X", "Y"), 4, ((0, 0),))
K, J, L = "control_responders", "active_responders", "active_nonresponders"
SIZES = {K: 3, J: 3, L: 2}


def _trial(margins: Margins = SMALL, benefit: str = "higher") -> Trial:
    table = Cells(("A",), np.array([[1, 2]]), np.array([[5, 5]]))
    trial = Trial.from_cells(table, Arms("placebo", "drug"), EndPoint("cure", "Cure", benefit))
    return replace(trial, data=margins)


def _resample(likelihood, many: int = 200_000, kept: int = 2000) -> Draws:
    """Prior draws, weighted and drawn again, well above what the diagnostics ask for."""
    rng = np.random.default_rng(likelihood.spec.sampler.seed)
    values = likelihood.prior_draws(many, rng)
    weight = likelihood.log_likelihood(values)
    weight = np.exp(weight - weight.max())
    chosen = rng.choice(many, size=(4, kept), p=weight / weight.sum())
    # next to no noise, so that weights of draws that were chosen twice are not tied
    picked = {name: value[chosen] * (1 + 1e-6 * rng.random(value[chosen].shape)) for name, value in values.items()}
    return Draws(picked, {"diverging": np.zeros((4, kept), dtype=bool)}, "resampling for tests", {})


@pytest.fixture
def resampling(monkeypatch):
    """No sampler: refits within a second."""
    monkeypatch.setattr("bayes_lupil.fitting.run_engine", lambda likelihood, *_, **__: _resample(likelihood))


def _posterior(trial: Trial) -> Posterior:
    likelihood = build_likelihood(SPEC, trial)
    return Posterior.from_draws(likelihood, _resample(likelihood, many=400_000, kept=4000), trial)


@pytest.fixture(scope="module")
def small() -> Posterior:
    return _posterior(_trial())


@pytest.fixture(scope="module")
def found(small):
    return unpublished_counts(small, most_refits=0)


@dataclass
class Brute:
    """Importance sample from the prior; `weights[(k, j, n)]` is the likelihood of that many at the excluded sites."""

    weights: dict[tuple[int, int, int], np.ndarray]
    difference: np.ndarray
    ordinary: np.ndarray

    def mean(self, values, **known) -> tuple[float, float]:
        """Mean of `values` given counts, k at least 1 in any case, and its standard error (delta method)."""
        w = sum(
            weight
            for (k, j, n), weight in self.weights.items()
            if k >= 1 and all({"k": k, "j": j, "l": n}[name] == value for name, value in known.items())
        )
        mean = float((w * values).sum() / w.sum())
        return mean, float(np.sqrt((w**2 * (values - mean) ** 2).sum()) / w.sum())

    def chance(self, **known) -> tuple[float, float]:
        every = sum(weight for (k, _, _), weight in self.weights.items() if k >= 1)
        some = sum(
            weight
            for (k, j, n), weight in self.weights.items()
            if k >= 1 and all({"k": k, "j": j, "l": n}[name] == value for name, value in known.items())
        )
        mean = float(some.sum() / every.sum())
        return mean, float(np.sqrt(((some - mean * every) ** 2).sum()) / every.sum())


@pytest.fixture(scope="module")
def brute() -> Brute:
    """Nothing of the package: priors of the model file written out, patients placed one by one, inside or outside."""
    rng, many, sites = np.random.default_rng(20260501), 300_000, 4
    alpha, beta = rng.normal(0, 1.5, many), rng.normal(0, 1, many)
    tau_u, tau_v = np.abs(rng.normal(0, 1, many)), np.abs(rng.normal(0, 0.5, many))
    level = alpha[:, None] + tau_u[:, None] * rng.normal(size=(many, sites))
    slope = beta[:, None] + tau_v[:, None] * rng.normal(size=(many, sites))
    p = {arm: 1 / (1 + np.exp(-(level + x * slope))) for arm, x in ((0, -0.5), (1, 0.5))}
    share = rng.dirichlet([1.2] * sites, many)
    rho = rng.uniform(size=(many, 2, 2))

    def at(arm: int, response: int, where: slice) -> np.ndarray:
        return (share * (p[arm] if response else 1 - p[arm]))[:, where].sum(axis=1)

    there, elsewhere = slice(0, 2), slice(2, 4)
    certain = np.ones(many)
    for arm, response, inside, outside in ((0, 1, 2, 0), (0, 0, 2, 2), (1, 1, 3, 0), (1, 0, 2, 0)):
        # in the subset, or outside it and, of control non-responders, not at an excluded site
        certain *= (at(arm, response, elsewhere) * rho[:, arm, response]) ** inside
        certain *= (at(arm, response, elsewhere) * (1 - rho[:, arm, response])) ** outside
    weights: dict[tuple[int, int, int], np.ndarray] = {}
    patients = [(0, 1)] * 3 + [(1, 1)] * 3 + [(1, 0)] * 2
    chance = {
        (arm, r): (at(arm, r, elsewhere) * (1 - rho[:, arm, r]), at(arm, r, there))
        for arm, r in ((0, 1), (1, 1), (1, 0))
    }
    for placed in itertools.product((0, 1), repeat=len(patients)):
        product = certain.copy()
        for patient, is_there in zip(patients, placed, strict=True):
            product *= chance[patient][is_there]
        key = (sum(placed[:3]), sum(placed[3:6]), sum(placed[6:]))
        weights[key] = weights.get(key, 0.0) + product
    difference = (share * (p[1] - p[0])).sum(axis=1)
    rest = share[:, elsewhere]
    ordinary = (rest * (p[1] - p[0])[:, elsewhere]).sum(axis=1) / rest.sum(axis=1)
    return Brute(weights, difference, ordinary)


def _agree(ours: float, our_error: float, theirs: tuple[float, float], what: object = "") -> None:
    assert our_error > 0, what
    assert abs(ours - theirs[0]) <= ERRORS * np.hypot(our_error, theirs[1]), (what, ours, our_error, theirs)


def test_the_counts_and_their_ranges():
    counts = hidden_classes(load_trial("lupil2").data, ("placebo", "ILT-101"))
    assert [(c.name, c.label, c.least, c.most) for c in counts] == [
        (K, "placebo responders", 1, 14),
        (J, "ILT-101 responders", 0, 14),
        (L, "ILT-101 non-responders", 0, 12),
    ]


def test_posterior_of_each_count(found, brute):
    for name, letter in ((K, "k"), (J, "j"), (L, "l")):
        surface = found.one(name)
        assert sum(row.probability for row in surface.rows) == pytest.approx(1, abs=1e-10)
        for row in surface.rows:
            theirs = brute.chance(**{letter: row.counts[0]})
            _agree(row.probability, row.probability_mcse, theirs, (name, row.counts))


def test_what_is_implied_is_conditioned_on(small, found, brute):
    _agree(found.p_benefit, found.p_benefit_mcse, brute.mean(brute.difference > 0))
    assert found.implied == "at least 1 of the placebo responders at the excluded sites"
    # on this trial it matters: with nobody there the excluded sites' share would be smaller
    assert found.risk_difference != small.row("risk_difference").mean


@pytest.mark.parametrize("names", [(K,), (J,), (L,), (K, J), (K, J, L)], ids=len)
def test_benefit_and_differences_given_counts(found, brute, names):
    surface, letters = found.surfaces[names], {K: "k", J: "j", L: "l"}
    computed = [row for row in surface.rows if row.computed]
    assert len(computed) >= 0.6 * len(surface.rows)
    for row in computed:
        known = {letters[name]: value for name, value in surface.known(row).items()}
        _agree(row.p_benefit, row.p_benefit_mcse, brute.mean(brute.difference > 0, **known), known)
        _agree(row.risk_difference, row.risk_difference_mcse, brute.mean(brute.difference, **known), known)
        _agree(
            row.risk_difference_ordinary, row.risk_difference_ordinary_mcse, brute.mean(brute.ordinary, **known), known
        )


def test_total_probability(found):
    """Averaged over the posterior of a count, P(benefit) given the count is P(benefit)."""
    for names in ((K,), (J,), (K, J)):
        rows = found.surfaces[names].rows
        assert all(row.computed for row in rows)
        total = sum(row.probability * row.p_benefit for row in rows)
        assert total == pytest.approx(found.p_benefit, abs=ERRORS * found.p_benefit_mcse)


def test_reweighted_equals_refitted(small, resampling):
    """A fit with the count known and draws without it, reweighted; and the first reweighted again to another count."""
    trial = _trial()
    counts = hidden_classes(SMALL, trial.arms.names)
    base = HiddenDraws(small, SMALL, counts, {})
    for known in ({K: 2}, {J: 0}, {K: 2, J: 2, L: 1}):
        there = tuple((c.arm, c.response, known[c.name]) for c in counts if c.name in known)
        refit = HiddenDraws(fit(SPEC, replace(trial, data=replace(SMALL, at_excluded=there))), SMALL, counts, known)
        one, other = base.reweighted(known), refit.reweighted(known)
        assert one is not None
        assert other is not None
        _agree(one.p_benefit, one.p_benefit_mcse, (other.p_benefit, other.p_benefit_mcse), known)
        _agree(one.risk_difference, one.risk_difference_mcse, (other.risk_difference, other.risk_difference_mcse))
        moved = refit.reweighted({K: 1})
        direct = base.reweighted({K: 1})
        if moved is not None:
            assert direct is not None
            _agree(moved.p_benefit, moved.p_benefit_mcse, (direct.p_benefit, direct.p_benefit_mcse), known)
    assert refit.reweighted({K: 2, J: 2, L: 1}) is not None


def test_refits_where_the_draws_do_not_carry(small, resampling, brute, monkeypatch):
    """Were the published posterior of no use for weights, the values would be fitted again, and agree as well."""
    calls = itertools.count()  # the first is for what the publication implies, which is never fitted
    carries = lambda draws: draws.base.posterior is not small or next(calls) == 0  # noqa: E731
    monkeypatch.setattr(WeightedDraws, "holds_chance", lambda draws, *_: carries(draws))
    result = unpublished_counts(small, most_refits=4)
    rows = [row for row in result.one(K).rows if row.source != "reweighted"]
    assert {row.source for row in rows} & {"refitted"}
    for row in rows:
        _agree(row.p_benefit, row.p_benefit_mcse, brute.mean(brute.difference > 0, k=row.counts[0]), row)
    assert len(result.refitted) <= 4
    assert {K: 3} in result.refitted


def test_a_failed_refit_has_no_probability(small, fake_engine, monkeypatch):
    fake_engine.diverge = True
    carries = lambda draws, *_: draws.base.posterior is small and draws.effective > 6000  # noqa: E731
    monkeypatch.setattr(WeightedDraws, "holds_mean", carries)
    monkeypatch.setattr(WeightedDraws, "holds_chance", carries)
    result = unpublished_counts(small, most_refits=1)
    assert result.refitted == ()
    (failed,) = result.failed
    surface = result.surfaces[tuple(failed)]
    row = next(row for row in surface.rows if surface.known(row) == failed)
    assert np.isnan(row.p_benefit)
    assert row.source == "not computed"
    assert surface.not_computed >= row.probability > 0


def test_where_lower_is_better_benefit_is_the_other_side(small, found):
    trial = _trial(benefit="lower")
    origin = replace(small.provenance, end_point=trial.end_point, data_hash=trial.data_hash)
    result = unpublished_counts(Posterior(small.data, small.spec, origin, trial), most_refits=0)
    assert result.p_benefit == pytest.approx(1 - found.p_benefit, abs=1e-12)
    assert result.bounds.significant_benefit == found.bounds.significant_harm


def _hand(k: int, j: int, n: int) -> tuple[float, float]:
    """Raw risk difference of LUPIL-2 without the excluded sites, and Pearson's p, written out."""
    a, b, c, d = 34 - j, 16 - n, 29 - k, 21
    total = a + b + c + d
    statistic = total * (a * d - b * c) ** 2 / ((a + b) * (c + d) * (a + c) * (b + d))
    return a / (a + b) - c / (c + d), float(chi2.sf(statistic, 1))


def test_bounds_of_lupil2_by_hand():
    trial = load_trial("lupil2")
    bounds = hard_bounds(trial.data, hidden_classes(trial.data, trial.arms.names), trial.end_point)
    tables = {key: _hand(*key) for key in itertools.product(range(1, 15), range(15), range(13))}
    assert bounds.tables == len(tables) == 2730
    assert bounds.lowest == pytest.approx(min(rd for rd, _ in tables.values()))
    assert bounds.lowest == pytest.approx(20 / 36 - 28 / 49)
    assert (bounds.lowest_at, bounds.highest_at) == ({K: 1, J: 14, L: 0}, {K: 14, J: 0, L: 12})
    assert bounds.highest == pytest.approx(34 / 38 - 15 / 36)
    assert bounds.significant_benefit == sum(p < 0.05 and rd > 0 for rd, p in tables.values())
    assert bounds.significant_harm == 0


def test_what_a_count_is_worth_is_the_sum_over_its_values(found):
    for item in found.values:
        rows = [row for row in found.surfaces[item.names].rows if row.computed]
        change = sum(row.probability * abs(row.p_benefit - found.p_benefit) for row in rows)
        assert item.expected_change == pytest.approx(change, rel=1e-9)
        assert item.lowest == min(row.p_benefit for row in rows)
        assert item.highest == max(row.p_benefit for row in rows)
        assert item.p_below == pytest.approx(sum(r.probability for r in rows if r.p_benefit < 0.025), abs=1e-9)
        assert item.not_computed == pytest.approx(1 - sum(row.probability for row in rows), abs=1e-9)
    assert found.to_frame().shape[0] == len(found.surfaces) == 7


def test_posterior_over_tables_is_within_the_bounds(found, brute):
    bounds, tables = found.bounds, found.tables
    raw = {
        (k, j, n): (6 - j) / (10 - j - n) - (5 - k) / (9 - k)
        for k, j, n in itertools.product(range(1, 4), range(4), range(3))
    }
    total = sum(weight.sum() for key, weight in brute.weights.items() if key in raw)
    mean = sum(weight.sum() * raw[key] for key, weight in brute.weights.items() if key in raw) / total
    # the error of brute force is far below ours: 300,000 draws against 16,000
    assert abs(tables.raw_risk_difference - mean) <= 2 * ERRORS * tables.raw_risk_difference_mcse
    assert bounds.lowest == pytest.approx(min(raw.values()))
    assert bounds.lowest <= tables.raw_risk_difference_interval[0] < tables.raw_risk_difference_interval[1]
    assert tables.raw_risk_difference_interval[1] <= bounds.highest
    assert found.lowest.p_benefit <= tables.p_benefit_interval[0] <= tables.p_benefit_interval[1]
    assert tables.p_benefit_interval[1] <= found.highest.p_benefit


def test_tables_of_the_result(found):
    frame = found.full.to_frame()
    assert list(frame.index.names) == [K, J, L]
    assert len(frame) == 3 * 4 * 3
    assert {"bound"} == set(found.model_bounds_frame().index.names)
    assert found.tables.to_frame().loc["raw risk difference without the excluded sites", "mcse"] > 0
    assert found.bounds.to_frame().loc["tables allowed", "value"] == 36


def test_refusals(small, resampled):
    trial = load_trial("beitler_landis")
    with pytest.raises(UnsupportedModelError, match="known by its margins"):
        unpublished_counts(resampled(load_model("itt_pooled"), trial))
    everything = replace(SMALL, at_excluded=((0, 1, 1), (1, 1, 0), (1, 0, 0)))
    origin = replace(small.provenance, data_hash=_trial(everything).data_hash)
    with pytest.raises(InputError, match="no hidden count"):
        unpublished_counts(Posterior(small.data, small.spec, origin, _trial(everything)))
    large = Margins(((90, 180), (90, 180)), ((50, 100), (50, 100)), "pp", ("X",), 4)
    with pytest.raises(InputError, match="at most 20,000"):
        hard_bounds(large, hidden_classes(large, ("a", "b")), EndPoint("y", "y"))


def test_binomial_chances_are_those_of_the_draws(small):
    """Chances of each number, from the draws' own shares and probabilities, written out."""
    counts = hidden_classes(SMALL, ("placebo", "drug"))
    base = HiddenDraws(small, SMALL, counts, {})
    p, share = small.draws("p").reshape(-1, 4, 2), small.draws("site_share").reshape(-1, 4)
    rho = small.draws("retention").reshape(-1, 2, 2)
    for c in counts:
        by_site = share * (p[..., c.arm] if c.response else 1 - p[..., c.arm])
        by_site[:, 2:] *= 1 - rho[:, c.arm, c.response][:, None]
        q = by_site[:, :2].sum(axis=1) / by_site.sum(axis=1)
        for i in range(c.most + 1):
            expected = comb(c.most, i) * q**i * (1 - q) ** (c.most - i)
            np.testing.assert_allclose(np.exp(base.log_chances[c.name][i]), expected, rtol=1e-8, atol=1e-300)


@pytest.mark.proof(*FIT, "unpublished")
def test_lupil2_by_nuts_reweighted_and_refitted():
    """Eight placebo patients at the excluded sites: both ways, by the sampler itself."""
    trial, spec = load_trial("lupil2"), SPEC.edited(sampler__draws=2000)
    counts = hidden_classes(trial.data, trial.arms.names)
    base = HiddenDraws(fit(spec, trial), trial.data, counts, {})
    refit = HiddenDraws(
        fit(spec, replace(trial, data=replace(trial.data, at_excluded=((0, 1, 7),)))), trial.data, counts, {K: 7}
    )
    one, other = base.reweighted({K: 7}), refit.reweighted({K: 7})
    assert one is not None
    assert other is not None
    assert other.effective > 1000
    _agree(one.p_benefit, one.p_benefit_mcse, (other.p_benefit, other.p_benefit_mcse))
    _agree(one.risk_difference, one.risk_difference_mcse, (other.risk_difference, other.risk_difference_mcse))
