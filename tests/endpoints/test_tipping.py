"""Tipping points of a binary end point, against direct fits, brute-force integrals and the other engine."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from bayes_lupil import Arms, Cells, EndPoint, Trial, fit, load_model
from bayes_lupil.endpoints.tipping import TippingPoint, TippingSurface, _axes, _Fits, allocations_of, tipping_surface
from bayes_lupil.errors import InputError, TrialError, UnsupportedModelError

MANY = 4.0
"""Combined Monte Carlo errors."""
ARMS = Arms("placebo", "drug")
POINT = EndPoint("cure", "Cure")
LOWER = EndPoint("relapse", "Relapse", benefit="lower")
SITES = ("A", "B", "C", "D")
N = np.array([[9, 8], [6, 7], [8, 9], [5, 4]])
RESPONDERS = np.array([[3, 5], [3, 4], [1, 4], [4, 3]])
MISSING = np.array([[2, 1], [0, 2], [2, 0], [1, 1]])
"""5 on placebo, 4 on drug: 30 cells."""


def _fit(spec, responders, n, seed=None, point=POINT):
    return fit(spec, Trial.from_cells(Cells(SITES[: len(n)], responders, n), ARMS, point), seed=seed).p_benefit


@pytest.fixture(scope="module")
def spec():
    return load_model("site_effects")


@pytest.fixture(scope="module")
def surface(spec):
    return tipping_surface(spec, SITES, RESPONDERS, N, MISSING, POINT, ARMS, allocations=1)


def test_named_rules_are_points_of_it(spec, surface) -> None:
    """With the model's seed a fit draws the same numbers: nothing but the table may differ."""
    assert surface.p.shape == (6, 5)
    everyone = N + MISSING
    tables = {
        "non_responder": (RESPONDERS, everyone),
        "complete_cases": (RESPONDERS, N),
        "worst_case": (RESPONDERS + MISSING * [1, 0], everyone),
        "best_case": (RESPONDERS + MISSING * [0, 1], everyone),
    }
    for name, table in tables.items():
        found, direct = surface.point(name), _fit(spec, *table)
        assert found.p == direct.probability
        assert found.mcse == pytest.approx(direct.mcse, rel=1e-9)
    corners = {"non_responder": (0, 0), "worst_case": (-1, 0), "best_case": (0, -1)}
    for name, at in corners.items():
        assert surface.point(name).on_grid
        assert surface.point(name).p == surface.p[at]
    seen = surface.point("complete_cases")
    assert not seen.on_grid
    assert (seen.control, seen.active) == pytest.approx((5 * 11 / 28, 4 * 16 / 28))
    assert surface.points[0].name == "non_responder"
    frame = surface.to_frame()
    assert len(frame) == 31
    named = frame[frame["point"] != ""]
    assert sorted(named["point"]) == ["best_case", "complete_cases", "non_responder", "worst_case"]
    np.testing.assert_array_equal(frame["p_benefit"].to_numpy()[:30].reshape(6, 5), surface.p)


def test_twenty_random_cells_by_direct_fits(spec, surface) -> None:
    """Other seeds, so that the Monte Carlo errors of both sides are independent."""
    rng = np.random.default_rng(11)
    cells = [list(itertools.product(range(6), range(5)))[i] for i in rng.choice(30, 20, replace=False)]
    for number, k in enumerate(cells):
        (extra,) = allocations_of(MISSING, k, 1, spec.sampler.seed)
        direct = _fit(spec, RESPONDERS + extra, N + MISSING, seed=900 + number)
        assert abs(surface.p[k] - direct.probability) < MANY * np.hypot(surface.mcse[k], direct.mcse), k


def test_average_over_allocations_by_enumeration(spec) -> None:
    """Four responders among eight missing patients of two sites of very different size and level: five tables."""
    responders, n, missing = np.array([[0, 4], [12, 10]]), np.array([[3, 16], [16, 16]]), np.array([[4, 0], [4, 0]])
    draws, everyone = 40, n + missing
    found = tipping_surface(spec, SITES[:2], responders, n, missing, POINT, ARMS, allocations=draws)
    weight = stats.hypergeom.pmf(np.arange(5), 8, 4, 4)
    fits = [_fit(spec, responders + np.array([[j, 0], [4 - j, 0]]), everyone, seed=700 + j) for j in range(5)]
    p, mcse = np.array([item.probability for item in fits]), np.array([item.mcse for item in fits])
    exact, error = weight @ p, np.sqrt(weight**2 @ mcse**2)
    assert abs(found.p[4, 0] - exact) < MANY * np.hypot(found.mcse[4, 0], error)
    # which of them respond matters, and the error knows
    spread = np.sqrt(weight @ (p - exact) ** 2)
    assert spread > 5 * error
    assert found.mcse[4, 0] > np.hypot(0.6 * spread / np.sqrt(draws), 0.8 * error)
    assert found.mcse[4, 0] < np.hypot(1.5 * spread / np.sqrt(draws), 1.5 * mcse.mean())
    assert found.mcse[0, 0] == pytest.approx(_fit(spec, responders, everyone).mcse)  # nothing to choose: one fit


def test_tables_drawn_again_count_again(spec) -> None:
    """Fitted once, weighed by how often they were drawn."""
    none, all_ = (RESPONDERS, N + MISSING), (RESPONDERS + MISSING * [0, 1], N + MISSING)
    fits = _Fits(spec, SITES, POINT, ARMS)
    found = fits.average([none, *[all_] * 9])
    first, second = _fit(spec, *none), _fit(spec, *all_, seed=31)
    wanted = 0.1 * first.probability + 0.9 * second.probability
    error = np.hypot(0.1 * first.mcse, 0.9 * second.mcse)
    assert abs(found.p - wanted) < MANY * np.hypot(error, error)
    assert abs((first.probability + second.probability) / 2 - wanted) > 2 * MANY * error
    assert found.mcse > 0.3 * (second.probability - first.probability) / np.sqrt(10)


def test_allocations_are_hypergeometric() -> None:
    missing, k, draws = np.array([[3, 1], [5, 0], [2, 4]]), (4, 2), 4000
    drawn = np.array(allocations_of(missing, k, draws, seed=3))
    assert (drawn.sum(axis=1) == k).all()
    for a in (0, 1):
        theory = stats.multivariate_hypergeom(missing[:, a], k[a])
        error = np.sqrt(np.diag(theory.cov()) / draws)
        assert (np.abs(drawn[..., a].mean(axis=0) - theory.mean()) <= MANY * error).all()
        spread = drawn[..., a].var(axis=0)
        assert np.allclose(spread, np.diag(theory.cov()), rtol=MANY * np.sqrt(2 / draws), atol=1e-12)
    np.testing.assert_array_equal(drawn[:3], allocations_of(missing, k, 3, seed=3))


def test_pooled_model_by_brute_force() -> None:
    """Sites do not matter there: P(log odds ratio > 0) by a grid over both parameters."""
    spec = load_model("itt_pooled_primary_priors")
    found = tipping_surface(spec, SITES, RESPONDERS, N, MISSING, POINT, ARMS, allocations=7)
    priors = spec.priors
    alpha, beta = np.meshgrid(np.linspace(-5, 5, 601), np.linspace(-5, 5, 602), indexing="ij")  # 0 is not on it
    for k in ((0, 0), (3, 1), (5, 4), (5, 0)):
        y, n = RESPONDERS.sum(axis=0) + k, (N + MISSING).sum(axis=0)
        log = priors.alpha.logpdf(alpha) + priors.beta.logpdf(beta)
        for a, x in enumerate(spec.sites.x):
            log = log + stats.binom.logpmf(y[a], n[a], 1 / (1 + np.exp(-(alpha + x * beta))))
        weight = np.exp(log - log.max())
        exact = weight[beta > 0].sum() / weight.sum()
        assert abs(found.p[k] - exact) < MANY * found.mcse[k]
        # one table whatever is allocated, so one fit's error and no spread
        assert found.mcse[k] < 1.2 * np.sqrt(exact * (1 - exact) / 2000)


def test_lower_is_the_mirror_image(spec, surface) -> None:
    turned = tipping_surface(spec, SITES, RESPONDERS, N, MISSING, LOWER, ARMS, allocations=1)
    np.testing.assert_allclose(turned.p, 1 - surface.p, atol=1e-12)
    np.testing.assert_array_equal(turned.effect, surface.effect)
    for one, other in (("worst_case", "best_case"), ("best_case", "worst_case")):
        at = turned.point(one)
        assert (at.control, at.active) == (surface.point(other).control, surface.point(other).active)
    assert turned.point("worst_case").p < turned.point("best_case").p
    assert "without the event" in turned.points[0].label


def test_responders_help_their_arm(surface) -> None:
    """Whichever patients respond, more of them on drug raise P(benefit), and on placebo lower it."""
    assert (np.diff(surface.p, axis=1) > -MANY * np.hypot(surface.mcse[:, 1:], surface.mcse[:, :-1])).all()
    assert (np.diff(surface.p, axis=0) < MANY * np.hypot(surface.mcse[1:], surface.mcse[:-1])).all()
    assert surface.p[0, -1] - surface.p[-1, 0] > 0.2
    assert (np.diff(surface.effect, axis=1) > 0).all()


def test_axes_are_thinned_and_keep_their_ends() -> None:
    assert _axes(3, 4, 150) == ([0, 1, 2, 3], [0, 1, 2, 3, 4])
    for m0, m1, most in ((40, 90, 150), (0, 500, 20), (7, 30, 60), (25, 25, 4)):
        rows, columns = _axes(m0, m1, most)
        assert len(rows) * len(columns) <= most
        assert (rows[0], rows[-1], columns[0], columns[-1]) == (0, m0, 0, m1)
        for axis in (rows, columns):
            if len(axis) > 2:
                assert np.ptp(np.diff(axis)) <= 1


def test_diagnostics_that_fail_leave_no_probability(spec) -> None:
    weak = spec.edited(sampler__points=256)  # fewer than 400 draws are effective
    found = tipping_surface(weak, SITES, RESPONDERS, N, MISSING * [1, 0], POINT, ARMS, allocations=1)
    assert np.isnan(found.p).all()
    assert len(found.failures) == found.p.size + 1
    assert "ESS" in found.failures[0]
    assert "has no probability" in found.crossing.words
    assert "ESS" in found.point("complete_cases").why


def test_primary_rule_stands_first(spec) -> None:
    missing = np.zeros_like(MISSING)
    missing[0, 0] = 1
    found = tipping_surface(spec, SITES, RESPONDERS, N, missing, POINT, ARMS, primary="complete_cases")
    assert found.points[0].name == "complete_cases"
    assert found.p.shape == (2, 1)


def test_population_was_chosen_before(spec) -> None:
    """A model of a population, or for one trial only, is fitted to the tables as they are."""
    other = spec.edited(population="pp", only_for=("lupil2",))
    found = tipping_surface(other, SITES, RESPONDERS, N, MISSING * [1, 0] * [[1], [0], [0], [0]], POINT, ARMS)
    assert found.points[0].p == pytest.approx(
        _fit(spec, RESPONDERS, N + MISSING * [1, 0] * [[1], [0], [0], [0]]).probability
    )


def _made(p, threshold=0.975, control=(0.0, 1.0, 2.0), active=(0.0, 1.0), mcse=0.001) -> TippingSurface:
    p = np.array(p, dtype=float)
    first = TippingPoint("non_responder", "missing counted as non-responders", 0.0, 0.0, True, p[0, 0], mcse, 0.1)
    gaps = np.array([[len(control) - 1, len(active) - 1]])
    return TippingSurface(
        POINT, ARMS, "m", ("A",), gaps, gaps + 9, "responders among the missing", np.array(control), np.array(active),
        p, np.full(p.shape, mcse), p, (first,), threshold,
    )  # fmt: skip


def test_crossing_from_below() -> None:
    found = _made([[0.90, 0.96], [0.80, 0.9765], [0.70, 0.985]]).crossing
    np.testing.assert_array_equal(found.above, [[False, False], [False, True], [False, True]])
    np.testing.assert_array_equal(found.undecided, [[False, False], [False, True], [False, False]])
    assert found.cell == (1.0, 1.0)  # two changes; (2, 1) would be three
    assert "not above 0.975" in found.words
    assert "1 on placebo and 1 on drug (responders among the missing): 0.977 (MCSE 0.001)" in found.words
    assert "1 cells lie within two Monte Carlo errors" in found.words


def test_crossing_from_above_and_ties() -> None:
    found = _made([[0.99, 0.97], [0.90, 0.96], [np.nan, 0.9]]).crossing
    assert found.cell == (1.0, 0.0)  # as near as (0, 1), and further beyond
    assert not found.above[2, 0]
    assert "is 0.990 (MCSE 0.001), above 0.975" in found.words


def test_crossing_of_another_threshold_and_none() -> None:
    low = [[0.6, 0.7], [0.5, 0.6], [0.4, 0.5]]
    assert _made(low, threshold=0.65).crossing.cell == (0.0, 1.0)
    never = _made(low).crossing
    assert never.cell is None
    assert "not above 0.975; so it is in every cell of the grid." in never.words
    assert "a probability" in _made([[0.6, np.nan], [0.5, 0.6], [0.4, 0.5]]).crossing.words
    assert "above 0.999" in _made(np.full((3, 2), 0.99999)).crossing.words


def test_unknown_point_is_an_error() -> None:
    with pytest.raises(InputError, match="Did you mean 'non_responder'"):
        _made(np.full((3, 2), 0.5)).point("non_responders")


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"missing": MISSING * 0}, InputError, "no missing response"),
        ({"missing": MISSING[:2]}, TrialError, "missing.*shape"),
        ({"missing": MISSING * 1.0}, TrialError, "missing.*float64"),
        ({"missing": -MISSING}, TrialError, "none negative"),
        ({"responders": N + 1}, TrialError, "responders of"),
        ({"threshold": 1.0}, InputError, "threshold"),
        ({"allocations": 0}, InputError, "1 allocation"),
        ({"end_point": EndPoint("x", "x", kind="continuous")}, UnsupportedModelError, "continuous"),
        ({"spec": load_model("sledai_absolute")}, UnsupportedModelError, "continuous"),
    ],
)
def test_what_does_not_go_together(spec, changes, error, words) -> None:
    given = {"spec": spec, "responders": RESPONDERS, "n": N, "missing": MISSING, "end_point": POINT} | changes
    with pytest.raises(error, match=words):
        tipping_surface(sites=SITES, arms=ARMS, **given)


def test_arm_of_which_nothing_is_known(spec) -> None:
    """Every response of control is missing: no complete cases, and still a surface."""
    gone = [0, 1]
    missing = np.array([[2, 0], [0, 0], [0, 0], [0, 1]])
    responders, n = RESPONDERS * gone, N * gone
    found = tipping_surface(spec, SITES, responders, n, missing, POINT, ARMS, allocations=1)
    assert np.isnan(found.point("complete_cases").p)
    assert found.failures == ("complete cases: an arm has no known response",)
    assert np.isfinite(found.p).all()


@pytest.mark.slow
def test_cells_by_the_other_engine(spec) -> None:
    """A surface that is fitted by NUTS, where the model names that engine."""
    missing = np.array([[0, 0], [1, 0], [0, 1], [0, 0]])
    quick = tipping_surface(spec, SITES, RESPONDERS, N, missing, POINT, ARMS)
    other = spec.edited(sampler__engine="nuts", sampler__draws=2000)
    slow = tipping_surface(other, SITES, RESPONDERS, N, missing, POINT, ARMS)
    assert not slow.failures
    assert (np.abs(quick.p - slow.p) < MANY * np.hypot(quick.mcse, slow.mcse)).all()
    for one, two in zip(quick.points, slow.points, strict=True):
        assert abs(one.p - two.p) < MANY * np.hypot(one.mcse, two.mcse)


@pytest.mark.slow
def test_twenty_random_averages_by_direct_fits(spec) -> None:
    """The default of four allocations: each averaged over direct fits of the same tables."""
    surface = tipping_surface(spec, SITES, RESPONDERS, N, MISSING, POINT, ARMS)
    rng = np.random.default_rng(12)
    cells = [list(itertools.product(range(6), range(5)))[i] for i in rng.choice(30, 20, replace=False)]
    for number, k in enumerate(cells):
        tables = allocations_of(MISSING, k, 4, spec.sampler.seed)
        direct = [
            _fit(spec, RESPONDERS + extra, N + MISSING, seed=5000 + 4 * number + i) for i, extra in enumerate(tables)
        ]
        p = np.mean([item.probability for item in direct])
        error = np.sqrt(np.sum([item.mcse**2 for item in direct])) / 4
        assert abs(surface.p[k] - p) < MANY * np.hypot(surface.mcse[k], error), k
