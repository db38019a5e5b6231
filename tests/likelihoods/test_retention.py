"""The chances to stay in the subset, integrated out: against numerical integration and brute force, and their draws."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from scipy import special, stats

from bayes_lupil import Margins, load_model
from bayes_lupil.likelihoods import MarginsLikelihood
from bayes_lupil.likelihoods.retention import Retained, retained
from bayes_lupil.priors import Beta

CLOSE = 1e-10
"""Relative error of a likelihood; both sides are sums of positive terms, as exact as their special functions."""

OPEN = Margins(((3, 5), (3, 4)), ((1, 3), (2, 2)), "pp", ("X",), 3)
TRIALS = {
    "open": OPEN,
    "impossible": replace(OPEN, impossible_at_excluded=((0, 0),)),
    "known": replace(OPEN, at_excluded=((0, 1, 2), (1, 0, 1))),
    "known to be nobody": replace(OPEN, at_excluded=((0, 1, 0),)),
    "two excluded": Margins(((2, 4), (4, 5)), ((1, 2), (3, 4)), "pp", ("X", "Y"), 3, ((0, 0),), ((1, 1, 1),)),
    "empty subset": Margins(((2, 4), (1, 4)), ((0, 0), (0, 0)), "pp", ("X",), 3),
    "empty classes": Margins(((4, 4), (0, 4)), ((2, 2), (0, 4)), "pp", ("X",), 3),
    "all in the subset": Margins(((2, 4), (1, 4)), ((2, 4), (1, 4)), "pp", ("X",), 3),
}
PRIORS = {"uniform": (1, 1), "few stay": (2, 5), "all or nobody": (0.4, 0.3), "strong": (60, 2.5)}


def beta(a, b):
    return Beta(family="beta", a=a, b=b, reason="for a test")


def points(margins, many, seed, scale=1.0):
    """Log odds and shares, drawn here; log odds of up to several times `scale`."""
    rng = np.random.default_rng(seed)
    share = rng.dirichlet(np.full(margins.n_sites, 0.7), many)
    return scale * rng.normal(size=(many, margins.n_sites, 2)), share


def chances(kind, margins, log_odds, share):
    """Chance that a patient of the arm responds so at an ordinary and at an excluded site, written out."""
    eta = log_odds[..., kind.arm] * (1 if kind.response else -1)
    p = share * np.exp(-np.logaddexp(0, -eta))
    first = len(margins.excluded_sites)
    return p[..., first:].sum(axis=-1), p[..., :first].sum(axis=-1)


def closed_form(margins, prior, log_odds, share, power=1.0):
    return sum(
        kind.log_likelihood(*chances(kind, margins, log_odds, share)) for kind in retained(margins, prior, power)
    )


def by_classes(likelihood, log_odds, share, retention):
    """Log probabilities of the classes at one point, for many chances to stay."""
    many = len(retention)
    values = {"site_share": np.tile(share, (many, 1)), "retention": retention}
    return likelihood.class_log_probability_at(np.tile(log_odds, (many, 1, 1)), values)


def integrated(margins, prior, log_odds, share, power=1.0, nodes=40):
    """The likelihood given retention, integrated over each of the four chances by Gauss-Jacobi quadrature.

    Given all else each patient's term has one of the four, so that the integral is a product; what is integrated is a
    polynomial, for which so many nodes are exact.
    """
    likelihood = MarginsLikelihood(load_model("site_effects"), margins, power)
    x, w = special.roots_jacobi(nodes, prior.b - 1, prior.a - 1)
    rho, w = (1 + x) / 2, w / w.sum()
    by_class = by_classes(likelihood, log_odds, share, np.broadcast_to(rho[:, None, None], (nodes, 2, 2)))
    counts = likelihood.graph_data()["counts"]
    total = 0.0
    for arm, response in itertools.product((0, 1), repeat=2):
        mine = [
            i for i, item in enumerate(margins.classes) if (item.arm, item.response) == (arm, response) and counts[i]
        ]
        total += special.logsumexp((by_class[:, mine] * counts[mine]).sum(axis=1), b=w)
    return total


@pytest.mark.parametrize("prior", PRIORS.values(), ids=PRIORS)
@pytest.mark.parametrize("margins", TRIALS.values(), ids=TRIALS)
def test_numerical_integration(margins, prior):
    log_odds, share = points(margins, 5, seed=1)
    for power in (1.0, 0.4, 0.0):
        found = closed_form(margins, beta(*prior), log_odds, share, power)
        expected = [integrated(margins, beta(*prior), *point, power) for point in zip(log_odds, share, strict=True)]
        np.testing.assert_allclose(found, expected, rtol=0, atol=CLOSE)


def test_numerical_integration_on_a_trial_of_size():
    """100 patients, as in LUPIL-2, and 600; log likelihoods of about -100 and -700, to 1e-10 of themselves."""
    small = Margins(((29, 50), (34, 50)), ((15, 29), (20, 24)), "pp", ("X", "Y"), 25, ((0, 0),))
    large = Margins(((150, 300), (180, 300)), ((80, 160), (90, 130)), "pp", ("X", "Y"), 25)
    for margins in (small, large):
        log_odds, share = points(margins, 3, seed=2)
        found = closed_form(margins, beta(1.5, 0.8), log_odds, share)
        expected = [
            integrated(margins, beta(1.5, 0.8), *point, nodes=200) for point in zip(log_odds, share, strict=True)
        ]
        np.testing.assert_allclose(found, expected, rtol=CLOSE)


def test_the_four_integrals_together():
    """Over all four at once, with the log likelihood as a whole."""
    margins, prior = TRIALS["two excluded"], beta(1.3, 0.9)
    log_odds, share = points(margins, 1, seed=3)
    likelihood = MarginsLikelihood(load_model("site_effects"), margins)
    x, w = special.roots_jacobi(5, prior.b - 1, prior.a - 1)
    grid = np.stack(np.meshgrid(*[(1 + x) / 2] * 4, indexing="ij"), axis=-1).reshape(-1, 2, 2)
    weights = np.prod(np.meshgrid(*[w / w.sum()] * 4, indexing="ij"), axis=0).ravel()
    by_class = by_classes(likelihood, log_odds[0], share[0], grid)
    used = likelihood.counts > 0
    expected = special.logsumexp((by_class[:, used] * likelihood.counts[used]).sum(axis=1), b=weights)
    np.testing.assert_allclose(closed_form(margins, prior, log_odds, share)[0], expected, rtol=CLOSE)


@pytest.mark.parametrize("margins", TRIALS.values(), ids=TRIALS)
def test_sum_over_all_assignments(margins):
    """Every assignment of patients to sites; those outside the subset at ordinary sites did not stay."""
    a, b = 1.7, 0.6
    log_odds, share = (item[0] for item in points(margins, 1, seed=4))
    total, known = 0.0, {(arm, response): count for arm, response, count in margins.at_excluded}
    patients = []
    for arm in (0, 1):
        (r, n), (sub_r, sub_n) = margins.totals[arm], margins.subset_totals[arm]
        for response, everyone, inside in ((1, r, sub_r), (0, n - r, sub_n - sub_r)):
            there = known.get((arm, response))
            outside = everyone - inside
            patients += [(arm, response, "in")] * inside
            if there is None:
                free = "ordinary" if (arm, response) in margins.impossible_at_excluded else "free"
                patients += [(arm, response, free)] * outside
            else:
                patients += [(arm, response, "excluded")] * there + [(arm, response, "ordinary")] * (outside - there)
    excluded = len(margins.excluded_sites)
    assigned = np.array(list(itertools.product(range(margins.n_sites), repeat=len(patients))))
    product = np.ones(len(assigned))
    stayed, left = (np.zeros((len(assigned), 2, 2)) for _ in range(2))
    for i, (arm, response, where) in enumerate(patients):
        site = assigned[:, i]
        p = 1 / (1 + np.exp(-log_odds[:, arm]))
        product *= (share * (p if response else 1 - p))[site]
        there = site < excluded
        product *= {"in": ~there, "ordinary": ~there, "excluded": there, "free": np.ones_like(there)}[where]
        if where == "in":
            stayed[:, arm, response] += 1
        else:
            left[:, arm, response] += ~there
    total = (product * np.exp(special.betaln(a + stayed, b + left) - special.betaln(a, b)).prod(axis=(1, 2))).sum()
    found = closed_form(margins, beta(a, b), log_odds, share)
    np.testing.assert_allclose(np.exp(found), total, rtol=CLOSE)


@pytest.mark.parametrize("scale", [30.0, 200.0])
def test_extreme_log_odds_and_shares(scale):
    """Chances down to 1e-300, on either side of the excluded sites."""
    for name in ("open", "impossible", "known", "two excluded"):
        margins = TRIALS[name]
        log_odds, share = points(margins, 20, seed=5, scale=scale)
        share[:10, 0] = 1e-250
        share[:10, -1] = 1 - share[:10, 1:-1].sum(axis=1)
        found = closed_form(margins, beta(0.7, 1.9), log_odds, share)
        expected = [integrated(margins, beta(0.7, 1.9), *point) for point in zip(log_odds, share, strict=True)]
        seen = np.isfinite(found)
        assert seen.mean() > 0.5
        # what is lost is a chance below 1e-308 of somebody who is there: a log likelihood below -600
        assert (np.array(expected)[~seen] < -600).all()
        np.testing.assert_allclose(found[seen], np.array(expected)[seen], rtol=CLOSE, atol=CLOSE)


def test_nobody_adds_nothing():
    """Also where such a patient is impossible."""
    kind = Retained(0, 1, 0, 0, True, 0.0, beta(1, 1))
    np.testing.assert_array_equal(kind.log_likelihood(np.array([0.0, 0.5]), np.array([0.0, 0.1])), 0.0)
    here = Retained(0, 1, 2, 1, False, 0.0, beta(1, 1))
    assert here.log_likelihood(np.array([0.0]), np.array([0.3]))[0] == -np.inf
    known = Retained(0, 1, 0, 0, False, 0.5, beta(1, 1))
    assert known.log_likelihood(np.array([0.2]), np.array([0.0]))[0] == -np.inf


@pytest.mark.parametrize(
    ("inside", "outside", "free", "prior", "ordinary", "excluded"),
    [
        (3, 4, True, (1, 1), 0.3, 0.2), (0, 5, True, (2, 3), 0.05, 0.6), (4, 0, True, (0.5, 0.5), 0.3, 0.1),
        (2, 6, False, (1, 1), 0.3, 0.2), (0, 0, True, (1.5, 4), 0.3, 0.2), (20, 30, True, (1, 1), 0.6, 0.05),
        (1, 3, True, (1, 1), 0.5, 1e-200), (0, 3, True, (1, 1), 1e-200, 0.5),
    ],
)  # fmt: skip
def test_draws_against_a_grid(inside, outside, free, prior, ordinary, excluded):
    """Kolmogorov's distance of 20,000 draws from the distribution function on a grid; eight tests at 0.001."""
    kind = Retained(1, 0, inside, outside, free, 0.0, beta(*prior))
    many = 20_000
    drawn = kind.draw(np.full(many, ordinary), np.full(many, excluded), np.random.default_rng(6))
    # as a function of z, rho = z^2 (3 - 2 z), so that the density is flat at both ends
    z = np.linspace(0, 1, 400_001)[1:-1]
    rho, bend = z**2 * (3 - 2 * z), 6 * z * (1 - z)
    elsewhere = excluded if free else 0.0
    log_density = special.xlogy(inside, rho) + special.xlogy(outside, elsewhere + (1 - rho) * ordinary)
    density = np.exp(log_density - log_density.max() + stats.beta.logpdf(rho, *prior)) * bend
    steps = np.cumsum(density)
    assert stats.ks_1samp(drawn, lambda x: np.interp(x, rho, steps / steps[-1])).pvalue > 0.001


def test_draws_follow_each_points_own_chances():
    """Points side by side: means of each within 4 standard errors of those of points alone, closed form."""
    kind, rng = Retained(0, 1, 2, 5, True, 3.0, beta(1, 1)), np.random.default_rng(7)
    ordinary, excluded = np.array([0.4, 0.01, 0.3]), np.array([0.01, 0.4, 0.3])
    drawn = kind.draw(np.tile(ordinary, (40_000, 1)), np.tile(excluded, (40_000, 1)), rng)
    j = np.arange(6)
    terms = special.comb(5, j) * excluded[:, None] ** (5 - j) * ordinary[:, None] ** (2 + j) * special.beta(3, j + 1)
    mean = (terms * 3 / (4 + j)).sum(axis=1) / terms.sum(axis=1)
    assert (np.abs(drawn.mean(axis=0) - mean) < 4 * drawn.std(axis=0) / 200).all()
