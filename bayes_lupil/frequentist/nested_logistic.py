"""Logistic regression with random effects of sites and of the countries in which they lie, by maximum likelihood.

The integrals over the effects of both levels are those of the Bayesian models with countries. lme4's `glmer` takes the
Laplace approximation for two levels, which is poor where sites are small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_lupil.errors import InputError
from bayes_lupil.frequentist.arguments import counts_by_site, level_of, one_of
from bayes_lupil.frequentist.maximum import (
    BOUNDARY,
    Surface,
    crude_start,
    interval_and_test,
    refined,
    require_both_outcomes,
    require_finite,
)
from bayes_lupil.frequentist.two_by_two import Interval
from bayes_lupil.integrals.cell_table import CellTable

if TYPE_CHECKING:
    from bayes_lupil.likelihoods.nested_marginal import NestedMarginal
    from bayes_lupil.spec import ModelSpec

__all__ = ["NestedLogistic", "nested_logistic"]

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Effects = Literal["pooled", "sites", "countries", "both"]

_WHERE = "nested logistic regression"
_NAMES = np.array(["alpha", "beta", "tau_c", "tau_d", "tau_u", "tau_v"])
_IS_SD = np.array([name.startswith("tau") for name in _NAMES])
_VARYING = {"pooled": (), "sites": ("tau_v",), "countries": ("tau_d",), "both": ("tau_d", "tau_v")}
_NODES = 13, 25, 51  # coarse ones do where finer ones change the log likelihood by next to nothing
_STARTS = (0.1, 0.3, 1.0)


@dataclass(frozen=True, slots=True)
class NestedLogistic:
    """A fitted model: logit p = alpha + c_g + u_s + (beta + d_g + v_s) x, site s in country g, all effects normal.

    Attributes
    ----------
    effects : {"pooled", "sites", "countries", "both"}
        Where the treatment effect varies: nowhere (tau_d = tau_v = 0), between the sites of a country, between
        countries, or both.
    alpha, beta : float
        Log odds (of the control arm under reference coding) and log odds ratio at an average site of an average
        country.
    tau_c, tau_d : float
        SDs of c and d over countries, maximum likelihood, so too small with few countries.
    tau_u, tau_v : float
        SDs of u and v over the sites of a country.
    alpha_se, beta_se : float
        From the observed information of all parameters that are not on the boundary.
    interval : Interval
        Of beta, by profile likelihood (a limit is infinite where the likelihood does not fall that far up to an odds
        ratio of 22,000, or with an SD of 10) or by Wald.
    p : float
        Test of beta = 0: likelihood ratio with one degree of freedom, or Wald's.
    log_likelihood : float
        With the binomial coefficients.
    boundary : tuple of str
        SDs estimated as 0.
    sites, countries : int
        How many have patients.
    """

    effects: str
    alpha: float
    beta: float
    tau_c: float
    tau_d: float
    tau_u: float
    tau_v: float
    alpha_se: float
    beta_se: float
    interval: Interval
    p: float
    log_likelihood: float
    boundary: tuple[str, ...]
    sites: int
    countries: int


def nested_logistic(
    responders: ArrayLike,
    n: ArrayLike,
    country: Sequence[Any],
    *,
    effects: Effects = "pooled",
    coding: Literal["centred", "reference"] = "centred",
    method: Literal["profile", "wald"] = "profile",
    confidence: float = 0.95,
) -> NestedLogistic:
    """Fit the model to a table of sites that says in which country each of them lies.

    Parameters
    ----------
    responders, n : array_like of int, shape (sites, 2)
        Column 0 control, 1 active; a site may have patients in one arm only.
    country : sequence, length sites
        Name or number of each site's country, or of another group of sites.
    effects : {"pooled", "sites", "countries", "both"}
        Where the treatment effect varies: nowhere, between the sites of a country, between countries, or both.
    coding : {"centred", "reference"}
        x is -1/2 and 1/2, or 0 and 1; where effects vary these are different models.
    method : {"profile", "wald"}
        Interval and test of beta from the profile likelihood, or from its standard error: quicker, and too sure of
        itself with few countries.
    confidence : float
        Of the interval; the profile deviance is taken for chi-square with one degree of freedom.

    Raises
    ------
    InputError
        For counts that are none, or a word that is no choice; for fewer than two countries, or one site in each, so
        that the levels cannot be told apart; for arms in which everybody or nobody responded, or other data without a
        finite estimate, or with one beyond 10 on the log-odds scale.

    Notes
    -----
    The effects at a level are uncorrelated. With few countries the estimates of tau_c and tau_d are too small, often 0,
    and the intervals of beta too narrow where effects vary between countries.

    Examples
    --------
    The TOPCAT trial, two regions: the United States, Canada, Argentina and Brazil; Russia and Georgia.

    >>> r = [[180, 162], [66, 52], [20, 18], [14, 10], [55, 63], [16, 15]]
    >>> n = [[579, 572], [160, 166], [60, 63], [82, 85], [537, 529], [305, 307]]
    >>> fit = nested_logistic(r, n, ["Americas"] * 4 + ["East"] * 2)
    >>> print(f"{fit.beta:.3f} ({fit.beta_se:.3f}), SDs {fit.tau_c:.2f} and {fit.tau_u:.2f}")
    -0.127 (0.090), SDs 0.68 and 0.52
    """
    from scipy import stats

    one_of(f"{_WHERE}, effects", effects, _VARYING)
    one_of(f"{_WHERE}, coding", coding, ("centred", "reference"))
    one_of(f"{_WHERE}, method", method, ("profile", "wald"))
    confidence = level_of(confidence)
    y, m, which = _with_patients(*counts_by_site(responders, n), country)
    _require_information(y, m, which)
    marginal = _marginal(y, m, which, effects, coding)
    free = ~_IS_SD | np.isin(_NAMES, ("tau_c", "tau_u", *_VARYING[effects]))
    start = np.where(free, [*crude_start(y, m, coding), 0.0, 0.0, 0.0, 0.0], 0.0)

    surface = _surface(marginal, free, _NODES)
    found = [surface.maximise(row, free, rough=True) for row in _starts(surface, start, free)]
    surface, best, top = refined(surface, max(found, key=lambda item: item[1])[0], free)
    require_finite(_WHERE, _NAMES.tolist(), surface, best, top)
    boundary = tuple(str(name) for name in _NAMES[free & _IS_SD & (best < BOUNDARY)])
    se = surface.standard_errors(best, free & ~np.isin(_NAMES, boundary))

    far = float(stats.norm.ppf((1 + confidence) / 2) * se[1])
    interval, p = interval_and_test(surface, best, top, free, float(se[1]), method, confidence, far, rough=True)
    alpha, beta, tau_c, tau_d, tau_u, tau_v = (float(value) for value in best)
    return NestedLogistic(
        effects, alpha, beta, tau_c, tau_d, tau_u, tau_v, float(se[0]), float(se[1]), interval, p, top, boundary,
        len(y), int(which.max()) + 1,
    )  # fmt: skip


def _with_patients(y: Counts, m: Counts, country: Sequence[Any]) -> tuple[Counts, Counts, Counts]:
    """The sites that have patients, and the number of each one's country."""
    if len(country) != len(m):
        raise InputError(_WHERE, f"{len(country)} countries for {len(m)} sites", "the country of each site")
    there = m.sum(axis=1) > 0
    names = [name for name, kept in zip(country, there, strict=True) if kept]
    numbers = {name: i for i, name in enumerate(dict.fromkeys(names))}
    return y[there], m[there], np.array([numbers[name] for name in names], dtype=np.int64)


def _require_information(y: Counts, m: Counts, which: Counts) -> None:
    countries = len(set(which.tolist()))
    if countries < 2:
        found = f"{countries} countr{'y' if countries == 1 else 'ies'}"
        raise InputError(_WHERE, found, "two countries or more", "Sites alone: mixed_logistic.")
    if countries == len(which):
        required = "a country with two sites or more, or differences between sites are those between countries"
        raise InputError(_WHERE, "one site in each country", required, "Sites alone: mixed_logistic.")
    require_both_outcomes(_WHERE, y, m)


def _model(effects: str, coding: str) -> ModelSpec:
    """The Bayesian model of the same likelihood; its priors say which SDs there are and play no part."""
    from bayes_lupil.spec import ModelSpec

    unused = "Plays no part in maximum likelihood."
    sd, location = ({"family": family, "sd": 1, "reason": unused} for family in ("half_normal", "normal"))
    of_sites, of_countries = ("partial" if tau in _VARYING[effects] else "pooled" for tau in ("tau_v", "tau_d"))
    return ModelSpec.from_dict({
        "schema": 1, "name": "nested_logistic", "title": unused, "role": "reference", "question": unused,
        "population": "itt", "estimand": unused,
        "sites": {"intercepts": "partial", "effects": of_sites, "distribution": "normal", "coding": coding},
        "countries": {"intercepts": "partial", "effects": of_countries},
        "priors": {
            "alpha": location | {"mean": 0}, "beta": location | {"mean": 0},
            **dict.fromkeys(("tau_c", "tau_u", *_VARYING[effects]), sd),
        },
        "sampler": {"seed": 0},
    })  # fmt: skip


def _marginal(y: Counts, m: Counts, which: Counts, effects: str, coding: str) -> NestedMarginal:
    from bayes_lupil.likelihoods.nested_marginal import NestedMarginal
    from bayes_lupil.likelihoods.site_effects import SiteModel

    spec = _model(effects, coding)
    site, arm = np.nonzero(m)
    x = np.array(spec.sites.x)[arm]
    table = CellTable.from_arrays(site, y[site, arm], m[site, arm], x, np.column_stack([np.ones(x.size), x]))
    return NestedMarginal(SiteModel(spec, len(y), country=tuple(which.tolist())), table)


def _surface(marginal: NestedMarginal, free: NDArray[np.bool_], nodes: tuple[int, ...]) -> Surface:
    """Log likelihood of rows of all six parameters."""
    names = [str(name) for name in _NAMES[free]]

    def value(rows: Floats, nodes: int) -> Floats:
        theta = dict(zip(names, rows[:, free].T, strict=True))
        total, failed = marginal.log_total(theta, nodes)
        if not failed:
            return total
        if len(rows) == 1:
            return np.array([-np.inf])
        return np.concatenate([value(row[None], nodes) for row in rows])

    return Surface(value, nodes, _IS_SD, np.zeros(len(_NAMES), dtype=bool))


def _starts(surface: Surface, start: Floats, free: NDArray[np.bool_]) -> Floats:
    """Where the search begins: the best points of a grid with more between countries than sites, and the reverse."""
    taus = np.flatnonzero(free & _IS_SD)
    sizes = np.stack(np.meshgrid(*[_STARTS] * taus.size, indexing="ij"), axis=-1).reshape(-1, taus.size)
    rows = np.tile(start, (len(sizes), 1))
    rows[:, taus] = sizes
    values = surface.value(rows)
    tau_c, tau_u = rows[:, _NAMES == "tau_c"][:, 0], rows[:, _NAMES == "tau_u"][:, 0]
    return np.stack([rows[np.argmax(np.where(side, values, -np.inf))] for side in (tau_c > tau_u, tau_c <= tau_u)])
