"""Analyses that are tried on simulated trials: models, and the post hoc exclusion of the most extreme sites.

A fit whose verdict fails is repeated with four times the points, and counted; one that fails again gives no figure and
claims nothing, and is counted by its reason.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.likelihoods import BinomialCells, NestedCells
from bayes_lupil.posterior.diagnostics import Verdict, describe_independent, judge
from bayes_lupil.posterior.estimands import estimate
from bayes_lupil.spec import ModelSpec, load_model
from bayes_lupil.trials.cells import Cells

__all__ = ["ESTIMANDS", "Analysis", "Fitted", "country_analyses", "most_extreme", "standard_analyses"]

Floats = NDArray[np.float64]

ESTIMANDS = ("risk_difference", "conditional_log_odds_ratio")
"""Of all patients of the trial, and at uncontaminated sites."""
POINTS = 1024
"""Importance points of models with sites: a quarter of the default, for speed; at 512 fewer than 400 draws remain."""
EXCLUDED, AT_LEAST = 2, 3
"""Sites that are excluded post hoc, and the fewest control patients that make a site eligible."""
_MORE = 4


@dataclass(frozen=True)
class Fitted:
    """What one analysis said of one trial.

    Attributes
    ----------
    estimates : dict of str to (float, float, float)
        Posterior mean and 2.5 % and 97.5 % quantiles by estimand; empty where the verdict failed.
    above_zero : dict of str to float
        Posterior probability that the estimand is above 0; empty where the verdict failed.
    outlier : array, shape (sites, 2), or None
        P(outlier) by site and arm, of models that have it; where countries may be outlying, of the site's country.
    refitted : bool
        Whether it took more points.
    failure : str
        Why not, in the verdict's words without its numbers; empty where the verdict is fine.
    """

    estimates: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    above_zero: dict[str, float] = field(default_factory=dict)
    outlier: Floats | None = None
    refitted: bool = False
    failure: str = ""


@dataclass(frozen=True)
class Analysis:
    """A model, fitted after leaving out some sites or none.

    Attributes
    ----------
    name, label : str
    spec : ModelSpec
        Its sampler's settings are used, but not its seed.
    excluded : int
        Sites left out by `most_extreme`.
    """

    name: str
    label: str
    spec: ModelSpec
    excluded: int = 0

    def fit(self, cells: Cells, seed: int) -> Fitted:
        """Fit by quadrature."""
        kept = cells.without(most_extreme(cells, self.excluded)) if self.excluded else cells
        points = self.spec.sampler.points
        found = self._fit(kept, seed, points)
        if not found.failure:
            return found
        again = self._fit(kept, seed, points * _MORE)
        return Fitted(again.estimates, again.above_zero, again.outlier, True, again.failure)

    def _fit(self, cells: Cells, seed: int, points: int) -> Fitted:
        from bayes_lupil.engines import quadrature

        spec = self.spec.edited(sampler__seed=seed, sampler__points=points)
        likelihood = (
            BinomialCells(spec, cells.pooled() if spec.sites.pooled else cells)
            if spec.countries is None
            else NestedCells(spec, cells)
        )
        draws = quadrature.sample(likelihood)
        values = estimate(likelihood, draws.values, np.random.default_rng(seed))
        rows = [describe_independent(name, values[name]) for name in ESTIMANDS]
        verdict = judge(rows, draws.statistics, draws.diagnostics)
        if not verdict.ok:
            return Fitted(failure=_reason(verdict))
        return Fitted(
            {row.name: (row.mean, row.q2_5, row.q97_5) for row in rows},
            {name: float((values[name] > 0).mean()) for name in ESTIMANDS},
            _outlier(likelihood, draws.values),
        )


def _outlier(likelihood: BinomialCells, values: Mapping[str, Any]) -> Floats | None:
    """P(outlier) by site and arm."""
    of_country = likelihood.country_outlier_probability(values)
    found = likelihood.outlier_probability(values) if of_country is None else of_country
    if found is None:
        return None
    chance = np.asarray(found.values).mean(axis=(0, 1))
    return chance if of_country is None else np.asarray(chance[np.array(likelihood.sites.country)])


def _reason(verdict: Verdict) -> str:
    """The first reason, its numbers taken out so that like ones are counted together."""
    return re.sub(r"(^| )-?[0-9.]+(e[-+]?[0-9]+)?\b", "", verdict.failures[0].split(" (")[0]).strip()


def most_extreme(cells: Cells, count: int = EXCLUDED) -> tuple[str, ...]:
    """The sites that a post hoc analysis would leave out: those with the highest control response.

    Only sites with at least 3 control patients are eligible; of equal rates, more control patients are the more
    striking, and after that the table's order decides. It mimics LUPIL-2, where two sites were blamed for 100 %
    response on placebo: the data chose the sites there, and they do here.

    Examples
    --------
    >>> n = np.full((4, 2), 5)
    >>> n[1, 0] = 2
    >>> most_extreme(Cells(("A", "B", "C", "D"), np.array([[5, 1], [2, 2], [1, 3], [4, 0]]), n))
    ('A', 'D')
    """
    responders, n = cells.responders[:, 0], cells.n[:, 0]
    eligible = np.flatnonzero(n >= AT_LEAST)
    order = np.lexsort((-n[eligible], -responders[eligible] / n[eligible]))
    return tuple(cells.sites[s] for s in eligible[order][:count])


def standard_analyses() -> tuple[Analysis, ...]:
    """Sites ignored; the two most extreme left out; and site effects that are normal, Student-t or contaminated.

    All have the priors of the primary model.
    """
    pooled = load_model("itt_pooled_primary_priors").edited(sampler__points=4 * POINTS)  # these are cheap
    labels = {
        "site_effects": "normal site effects",
        "site_student_t": "Student-t site effects",
        "site_contaminated": "outlying sites, both arms alike",
        "outliers_control": "outlying control arms",
        "outliers_arms": "outlying arms",
    }
    return (
        Analysis(pooled.name, "pooled, all randomised", pooled),
        Analysis("post_hoc_exclusion", f"pooled, {EXCLUDED} most extreme sites excluded", pooled, EXCLUDED),
        *(
            Analysis(name, label, load_model(name).edited(sampler__points=POINTS, sampler__nodes=_nodes(name)))
            for name, label in labels.items()
        ),
    )


def country_analyses() -> tuple[Analysis, ...]:
    """What knows of no countries, beside what has them as a level above the sites, with or without outlying ones."""
    labels = {
        "site_effects": "sites alone, normal",
        "outliers_control": "sites alone, outlying control arms",
        "site_in_country": "sites in countries, normal",
        "country_outliers": "sites in countries, outlying arms of countries",
    }
    return tuple(
        Analysis(name, label, load_model(name).edited(sampler__points=POINTS, sampler__nodes=_nodes(name)))
        for name, label in labels.items()
    )


def _nodes(name: str) -> int:
    """Fewer where each takes long, of grids of Student-t effects and of countries; the verdict looks at the error."""
    return {"site_student_t": 5, "site_in_country": 7, "country_outliers": 7}.get(name, 13)
