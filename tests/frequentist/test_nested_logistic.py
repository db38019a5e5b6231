"""Maximum likelihood with random effects of sites and countries: against plain grids and a simplex search on them."""

import csv

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize
from scipy.special import gammaln

from bayes_lupil.errors import InputError
from bayes_lupil.frequentist import mixed_logistic, nested_logistic
from bayes_lupil.frequentist.nested_logistic import _marginal, _surface, _with_patients

NAMES = np.array(["alpha", "beta", "tau_c", "tau_d", "tau_u", "tau_v"])
FREE = {
    "pooled": np.array([1, 1, 1, 0, 1, 0], dtype=bool),
    "sites": np.array([1, 1, 1, 0, 1, 1], dtype=bool),
    "countries": np.array([1, 1, 1, 1, 1, 0], dtype=bool),
    "both": np.ones(6, dtype=bool),
}
AROUND = np.array([0.1, -0.05, 0.15, 0.05, 0.1, 0.08])
# of a parameter, by a simplex search that stops where the log likelihood changes by 1e-8
SEARCHED = 2e-3


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def by_site(rows, control, country):
    """Responders and patients of each site, control first, and its country."""
    sites = list(dict.fromkeys(row["site"] for row in rows))
    r, n = np.zeros((2, len(sites), 2), dtype=int)
    groups = [None] * len(sites)
    for row in rows:
        at = sites.index(row["site"]), int(row["arm"] != control)
        r[at], n[at] = int(row["responders"]), int(row["n"])
        groups[at[0]] = country(row)
    return r, n, groups


def topcat(validation):
    """Six countries in two regions."""
    return by_site(rows_of(validation / "data" / "topcat_countries.csv"), "placebo", lambda row: row["region"])


def seeds(validation):
    """21 plates of two kinds of seed, each plate with one of two extracts (Crowder 1978): sites with one arm alone."""
    rows = rows_of(validation / "data" / "seeds_21plates.csv")
    cells = [
        {"site": row["plate"], "arm": row["x2"], "responders": row["r"], "n": row["n"], "country": row["x1"]}
        for row in rows
    ]
    return by_site(cells, "0", lambda row: row["country"])


def blocker(validation):
    """22 trials of beta-blockers; their grouping, by deaths in the control arm, is artificial."""
    r, n, _ = by_site(rows_of(validation / "data" / "bugs_blocker_22trials.csv"), "control", len)
    return r, n, [str(np.searchsorted([0.07, 0.1], rate)) for rate in r[:, 0] / n[:, 0]]


def preterm(validation):
    """Four clinics; their grouping in pairs is artificial."""
    r, n, _ = by_site(rows_of(validation / "data" / "opt_preterm37_excl_elective_abortion.csv"), "control", len)
    return r, n, [0, 1, 0, 1]


def beitler(validation):
    """Eight centres; their grouping, by cures in the control arm, is artificial."""
    r, n, _ = by_site(rows_of(validation / "data" / "beitler_landis_1985.csv"), "control", len)
    return r, n, [rate > 0.2 for rate in r[:, 0] / n[:, 0]]


def log_sum(values, axes):
    top = values.max(axis=axes, keepdims=True)
    return (np.log(np.exp(values - top).sum(axis=axes, keepdims=True)) + top).squeeze(axes)


def grid(tau, width):
    """Effects with the SD tau, log weights of the trapezoid rule; the likelihood is no narrower than `width`.

    With steps of 0.8 SDs of the product of both the rule errs, were it normal, by 1e-13 of it.
    """
    if tau == 0:
        return np.zeros(1), np.zeros(1)
    step = 0.8 / np.sqrt(1 + (tau / width) ** 2)
    z = step * np.arange(-np.ceil(6.5 / step), np.ceil(6.5 / step) + 1)
    return tau * z, -0.5 * z**2 + np.log(step / np.sqrt(2 * np.pi))


def by_grids(parameters, data, x=(-0.5, 0.5)):
    """Log likelihood by the trapezoid rule over the effects of each country and, for each, of each of its sites."""
    alpha, beta, tau_c, tau_d, tau_u, tau_v = np.abs(parameters) * np.r_[np.sign(parameters[:2]), 1, 1, 1, 1]
    r, n, groups = data
    rate = (r + 0.5) / (n + 1)
    information = (n * rate * (1 - rate)).sum(axis=1)
    total = 0.0
    for group in dict.fromkeys(groups):
        mine = [s for s in range(len(n)) if groups[s] == group]
        width = np.sqrt((tau_u**2 + 1 / information[mine].max()) / len(mine))
        c, of_c = grid(tau_c, width)
        d, of_d = grid(tau_d, width)
        country = of_c[:, None] + of_d
        for s in mine:
            u, of_u = grid(tau_u, information[s] ** -0.5)
            v, of_v = grid(tau_v, information[s] ** -0.5)
            level = alpha + c[:, None, None, None] + u[:, None]
            effect = beta + d[:, None, None] + v
            site = np.broadcast_to(of_u[:, None] + of_v, (c.size, d.size, u.size, v.size)).copy()
            for a in np.flatnonzero(n[s]):
                eta = level + effect * x[a]
                site += r[s, a] * eta - n[s, a] * np.log1p(np.exp(eta))
                site += gammaln(n[s, a] + 1) - gammaln(r[s, a] + 1) - gammaln(n[s, a] - r[s, a] + 1)
            country = country + log_sum(site, (2, 3))
        total += log_sum(country, (0, 1))
    return float(total)


FITS = [(topcat, "pooled"), (topcat, "countries"), (seeds, "pooled"), (blocker, "pooled"), (beitler, "sites")]


def parameters_of(fit):
    return np.array([getattr(fit, name) for name in NAMES])


@pytest.mark.parametrize(("data", "effects"), [*FITS, (blocker, "sites"), (preterm, "both")])
def test_the_log_likelihood_by_grids(validation, data, effects):
    """At the maximum, and around it, where all SDs are above 0."""
    counts = data(validation)
    fit = nested_logistic(*counts, effects=effects, method="wald")
    best = parameters_of(fit)
    assert fit.log_likelihood == pytest.approx(by_grids(best, counts), abs=1e-6)
    surface = _surface(_marginal(*_with_patients(*counts), effects, "centred"), FREE[effects], (13,))
    near = np.where(FREE[effects], best + AROUND, 0.0)
    assert surface.value(near[None]).item() == pytest.approx(by_grids(near, counts), abs=1e-6)


@pytest.mark.parametrize(("data", "effects"), FITS)
def test_the_maximum_by_a_simplex_search_on_grids(validation, data, effects):
    counts, free = data(validation), FREE[effects]
    fit = nested_logistic(*counts, effects=effects, method="wald")
    best, top = by_simplex(counts, free)
    assert fit.log_likelihood == pytest.approx(top, abs=1e-6)
    assert parameters_of(fit) == pytest.approx(best, abs=SEARCHED)


def by_simplex(counts, free, held=None):
    """Maximum over the free parameters, from the odds of all patients and SDs of 0.4 and 0.1."""
    r, n, _ = counts
    odds = np.log(r.sum(axis=0) / (n - r).sum(axis=0))
    start = np.where(free, [odds.mean(), odds[1] - odds[0], 0.4, 0.1, 0.4, 0.1], 0.0)
    start[1] = start[1] if held is None else held
    moved = free & ((NAMES != "beta") | (held is None))

    def all_parameters(values):
        found = start.copy()
        found[moved] = values
        return found

    found = minimize(
        lambda values: -by_grids(all_parameters(values), counts), start[moved], method="Nelder-Mead",
        options={"xatol": 1e-3, "fatol": 1e-8, "maxfev": 2000, "initial_simplex": simplex(start[moved])},
    )  # fmt: skip
    assert found.success
    best = all_parameters(found.x)
    best[2:] = np.abs(best[2:])
    return best, -found.fun


def simplex(start):
    return np.vstack([start, start + 0.1 * np.eye(start.size)])


def test_the_interval_is_where_the_profile_falls_by_half_of_chi_square(validation):
    counts = seeds(validation)
    fit = nested_logistic(*counts, confidence=0.9)
    for limit in (fit.interval.lower, fit.interval.upper):
        fall = 2 * (fit.log_likelihood - by_simplex(counts, FREE["pooled"], limit)[1])
        assert fall == pytest.approx(stats.chi2.ppf(0.9, 1), abs=1e-4)
    fall = 2 * (fit.log_likelihood - by_simplex(counts, FREE["pooled"], 0.0)[1])
    assert fit.p == pytest.approx(stats.chi2.sf(fall, 1), rel=1e-3)


def test_standard_errors_are_of_the_information_by_grids(validation):
    counts = topcat(validation)
    fit = nested_logistic(*counts, method="wald")
    free, best, step = np.flatnonzero(FREE["pooled"]), parameters_of(fit), 1e-3
    moves = step * np.eye(6)[free]
    information = [
        [
            -sum(i * j * by_grids(best + i * a + j * b, counts) for i in (1, -1) for j in (1, -1)) / (4 * step**2)
            for b in moves
        ]
        for a in moves
    ]
    se = np.sqrt(np.diag(np.linalg.inv(information)))
    assert (fit.alpha_se, fit.beta_se) == pytest.approx(se[:2], rel=1e-3)
    assert (fit.interval.lower, fit.interval.upper) == pytest.approx(
        stats.norm(fit.beta, se[1]).interval(0.95), abs=1e-3
    )
    assert fit.p == pytest.approx(2 * stats.norm.sf(abs(fit.beta) / se[1]), rel=1e-3)


@pytest.mark.parametrize(
    ("effects", "of_sites", "method"), [("pooled", "pooled", "profile"), ("sites", "partial", "wald")]
)
def test_countries_that_do_not_differ_leave_the_model_of_sites(validation, effects, of_sites, method):
    r, n, _ = beitler(validation)
    fit = nested_logistic(r, n, list("AAAABBBB"), effects=effects, method=method)
    sites = mixed_logistic(r, n, effects=of_sites, method=method)
    assert fit.boundary == ("tau_c",)
    for name in ("alpha", "beta", "tau_u", "tau_v", "alpha_se", "beta_se", "p", "log_likelihood"):
        assert getattr(fit, name) == pytest.approx(getattr(sites, name), abs=2e-4), name
    assert (fit.interval.lower, fit.interval.upper) == pytest.approx(
        (sites.interval.lower, sites.interval.upper), abs=1e-3
    )


def test_sites_that_do_not_differ_leave_the_model_of_countries():
    """Made-up counts: the sites of a country are alike, so that their sums say the same."""
    r = [[2, 6], [2, 6], [9, 12], [9, 12], [5, 5], [5, 5]]
    n = [[20, 20]] * 6
    fit = nested_logistic(r, n, ["A", "A", "B", "B", "C", "C"])
    countries = mixed_logistic([[4, 12], [18, 24], [10, 10]], [[40, 40]] * 3)
    assert fit.boundary == ("tau_u",)
    for name, other in (("alpha", "alpha"), ("beta", "beta"), ("tau_c", "tau_u"), ("beta_se", "beta_se"), ("p", "p")):
        assert getattr(fit, name) == pytest.approx(getattr(countries, other), abs=2e-4), name


def test_larger_models_are_not_less_likely(validation):
    counts = beitler(validation)
    pooled, sites, both = (
        nested_logistic(*counts, effects=effects, method="wald").log_likelihood
        for effects in ("pooled", "sites", "both")
    )
    assert pooled - 1e-6 < sites < both + 1e-6


def test_order_and_names_play_no_part(validation):
    r, n, groups = topcat(validation)
    order = [4, 0, 5, 2, 1, 3]
    fit = nested_logistic(r, n, groups, method="wald")
    other = nested_logistic(r[order], n[order], [len(groups[s]) for s in order], method="wald")
    assert parameters_of(other) == pytest.approx(parameters_of(fit), abs=1e-5)
    assert (other.sites, other.countries) == (6, 2)
    turned = nested_logistic(r[:, ::-1], n[:, ::-1], groups, method="wald")
    assert turned.beta == pytest.approx(-fit.beta, abs=1e-5)


def test_sites_without_patients_are_left_out(validation):
    r, n, groups = topcat(validation)
    fit = nested_logistic(r, n, groups, method="wald")
    more = nested_logistic([*r, [0, 0]], [*n, [0, 0]], [*groups, "nowhere"], method="wald")
    assert more == fit


def test_what_cannot_be_told_apart_is_an_error():
    r, n = [[1, 3], [2, 4], [3, 3]], [[5, 5], [5, 5], [5, 5]]
    with pytest.raises(InputError, match=r"one site in each country.*mixed_logistic"):
        nested_logistic(r, n, ["A", "B", "C"])
    with pytest.raises(InputError, match="1 country; required: two countries or more"):
        nested_logistic(r, n, ["A", "A", "A"])
    with pytest.raises(InputError, match="2 countries for 3 sites"):
        nested_logistic(r, n, ["A", "B"])
    with pytest.raises(InputError, match="'pooled' or 'sites' or 'countries' or 'both'"):
        nested_logistic(r, n, ["A", "A", "B"], effects="partial")


def test_no_finite_estimate_is_an_error():
    n = [[5, 5]] * 4
    with pytest.raises(InputError, match="both outcomes in both arms"):
        nested_logistic([[0, 3], [0, 4], [0, 1], [0, 2]], n, ["A", "A", "B", "B"])
    with pytest.raises(InputError, match=r"tau_u = .*sites with both outcomes"):
        nested_logistic([[0, 0], [5, 5], [0, 0], [5, 5]], n, ["A", "A", "B", "B"])
    apart = [[3, 4], [0, 1], [0, 1], [0, 0]], [[3, 4], [4, 1], [1, 1], [1, 4]], list("AABB")
    for effects in ("pooled", "sites", "countries"):
        with pytest.raises(InputError, match="no end of it in sight"):
            nested_logistic(*apart, effects=effects, method="wald")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"confidence": 95}, "a number between 0 and 1"), ({"coding": "ref"}, "'centred' or 'reference'"),
        ({"method": "x"}, "'profile' or 'wald'"), ({"responders": [[11, 5], [3, 6], [2, 2], [3, 4]]}, "11 responders"),
        ({"responders": [[1.5, 5], [3, 6], [2, 2], [3, 4]]}, "whole numbers"),
    ],
)  # fmt: skip
def test_what_is_no_count_and_no_choice_is_an_error(changes, message):
    given = {"responders": [[1, 5], [3, 6], [2, 2], [3, 4]], "n": [[10, 10]] * 4, "country": list("AABB")}
    with pytest.raises(InputError, match=message):
        nested_logistic(**{**given, **changes})
