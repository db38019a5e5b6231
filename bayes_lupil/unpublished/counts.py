"""Published margins: what the counts that were not published could do to the answer, and which of them would settle it.

Bounds and posterior are two answers to two questions. A bound is the smallest or largest value over every table that
the publication allows, however unlikely; a posterior weighs these tables by how probable the model holds them to be.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from bayes_lupil.arguments import checked
from bayes_lupil.cards import Brief
from bayes_lupil.engines.importance import smooth_weights
from bayes_lupil.errors import InputError
from bayes_lupil.fitting import refit
from bayes_lupil.posterior import Posterior
from bayes_lupil.posterior.own_trial import own_trial
from bayes_lupil.unpublished.bounds import HardBounds, hard_bounds
from bayes_lupil.unpublished.conditional import (
    HiddenCount,
    HiddenDraws,
    Known,
    hidden_classes,
    margins_of,
    quicker,
    thinned,
)
from bayes_lupil.unpublished.explained import ExplainedAt, explained_by_number
from bayes_lupil.unpublished.tipping import Given, Surface, SurfaceMaker
from bayes_lupil.unpublished.value_of_information import (
    CountValue,
    TablePosterior,
    count_value,
    interval,
    table_posterior,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["UnpublishedCounts", "unpublished_counts"]


@dataclass(frozen=True, eq=False)
class UnpublishedCounts(Brief):
    """What the unpublished counts of a margins trial could do; made by `unpublished_counts`.

    Attributes
    ----------
    posterior : Posterior
        Of the trial as published.
    counts : tuple of HiddenCount
        The unpublished counts, with the range that the publication allows.
    expected : tuple of float
        Posterior mean of each count, given the same as `p_benefit`.
    p_benefit, p_benefit_mcse : float
        Given what the publication implies of the counts (`implied`), none of them known.
    risk_difference, risk_difference_mcse : float
        Posterior mean, over all sites, given the same.
    risk_difference_interval : (float, float)
        Its 2.5 % and 97.5 % quantiles.
    surfaces : dict of tuple of str to Surface
        P(benefit) and risk differences at every value of one count, of two, and of all.
    bounds : HardBounds
        Without any model.
    tables : TablePosterior
        What the model holds of the same quantities, over all tables that the publication allows.
    values : tuple of CountValue
        What knowing a count, or several, would do; in the order of `surfaces`.
    by_number : tuple of ExplainedAt
        Whether leaving out the excluded sites alone would explain the published result, by how many control patients
        they had.
    refitted : tuple of dict of str to int
        Counts with which the model was fitted again.
    failed : tuple of dict of str to int
        Counts with which it was, and failed its diagnostics.
    """

    posterior: Posterior
    counts: tuple[HiddenCount, ...]
    expected: tuple[float, ...]
    p_benefit: float
    p_benefit_mcse: float
    risk_difference: float
    risk_difference_mcse: float
    risk_difference_interval: tuple[float, float]
    surfaces: dict[tuple[str, ...], Surface]
    bounds: HardBounds
    tables: TablePosterior
    values: tuple[CountValue, ...]
    by_number: tuple[ExplainedAt, ...]
    refitted: tuple[dict[str, int], ...]
    failed: tuple[dict[str, int], ...]

    @property
    def implied(self) -> str:
        """The facts conditioned on, in words; empty where there are none."""
        parts = [f"at least {c.least} of the {c.label}" for c in self.counts if c.least]
        return f"{' and '.join(parts)} at the excluded sites" if parts else ""

    @property
    def full(self) -> Surface:
        """The surface over all counts."""
        return self.surfaces[tuple(c.name for c in self.counts)]

    def one(self, name: str) -> Surface:
        """The surface over one count."""
        return self.surfaces[name,]

    @cached_property
    def lowest(self) -> Given:
        """The row of `full` with the smallest P(benefit): a bound of the model, not its posterior."""
        return self.full.extremes("p_benefit")[0]

    @cached_property
    def highest(self) -> Given:
        """The row of `full` with the largest P(benefit): a bound of the model, not its posterior."""
        return self.full.extremes("p_benefit")[1]

    def to_frame(self) -> pd.DataFrame:
        """What knowing each count, or several, would do: one row a set of counts."""
        import pandas as pd

        return pd.DataFrame([item.to_dict() for item in self.values]).set_index("counts")

    def model_bounds_frame(self) -> pd.DataFrame:
        """Smallest and largest P(benefit) over the tables computed, where, and how each was computed."""
        import pandas as pd

        rows = []
        for word, row in (("lowest", self.lowest), ("highest", self.highest)):
            rows.append(
                {
                    "bound": f"{word} P(benefit) over the tables computed", "p_benefit": row.p_benefit,
                    "mcse": row.p_benefit_mcse, "risk_difference": row.risk_difference, "source": row.source,
                    "probability_of_table": row.probability, **self.full.known(row),
                }
            )  # fmt: skip
        return pd.DataFrame(rows).set_index("bound")


@own_trial
@checked
def unpublished_counts(
    posterior: Posterior, *, most_refits: int = 24, refit_draws: int = 2000, most_draws: int = 16_000
) -> UnpublishedCounts:
    """What the unpublished counts could do to P(benefit) and the risk difference.

    Draws are reweighted, with Pareto-smoothed weights; where k-hat is above 0.7 or fewer than 400 draws would be left,
    the model is fitted again with the counts known: for every single count, then at the corners of all counts, then for
    the first count of either arm together, then for all counts. Refits carry their neighbours too. What is left
    without a P(benefit) says so.

    Parameters
    ----------
    posterior : Posterior
        Of a model with sites and a trial known by its margins.
    most_refits : int
        How often the model may be fitted again.
    refit_draws : int
        Draws a chain of each refit.
    most_draws : int
        Of the posterior, for what is told of every value of the counts, of which there are thousands.

    Raises
    ------
    UnsupportedModelError
        Where the trial is not known by its margins, or the model has no sites.
    InputError
        Where its diagnostics failed, no count is hidden, or the publication
        allows more than 20,000 tables.
    """
    analysed, trial = margins_of(posterior), posterior.trial
    counts = hidden_classes(analysed, trial.arms.names)
    if not counts:
        raise InputError(f"trial '{trial.name}'", "no hidden count", "patients who may be at the excluded sites")
    bounds = hard_bounds(analysed, counts, trial.end_point)
    base = HiddenDraws(posterior, analysed, counts, {})
    fewer = thinned(posterior, most_draws)
    few = base if fewer is posterior else HiddenDraws(fewer, analysed, counts, {})
    baseline = base.reweighted({})
    known_to_few = baseline if few is base else few.reweighted({})
    if baseline is None or known_to_few is None:
        raise InputError("posterior", "draws that cannot carry what the publication implies", "more draws")
    weights, _ = smooth_weights(base.log_ratio({}))

    def at(known: Known) -> HiddenDraws:
        there = tuple((c.arm, c.response, known[c.name]) for c in counts if c.name in known)
        published = replace(trial, data=replace(analysed, at_excluded=(*analysed.at_excluded, *there)))
        return HiddenDraws(refit(quicker(posterior.spec, refit_draws), published), analysed, counts, known)

    maker = SurfaceMaker(few, known_to_few, at, most_refits)
    names = tuple(c.name for c in counts)
    # the first count of either arm: what the figure's map shows
    pair = (names[0], next((c.name for c in counts if c.arm != counts[0].arm), ""))
    single, double = (list(itertools.combinations(names, size)) for size in (1, 2))
    maker.fit_surfaces(single)
    if len(names) > 1:
        maker.fit_corners(names)
    maker.fit_surfaces([pair] if pair in double else [])
    maker.fit_surfaces([names])
    surfaces = {chosen: maker.surface(chosen) for chosen in dict.fromkeys([*single, *double, names])}
    return UnpublishedCounts(
        posterior, counts, tuple(base.expect((c.name,), np.array(c.values, dtype=float))[0] for c in counts),
        baseline.p_benefit, baseline.p_benefit_mcse, baseline.risk_difference,
        baseline.risk_difference_mcse, interval(posterior.draws("risk_difference").ravel(), weights), surfaces, bounds,
        table_posterior(base, bounds, surfaces[names]),
        tuple(count_value(few, known_to_few.p_benefit, item) for item in surfaces.values()),
        explained_by_number(base, bounds),
        tuple(dict(item.known) for item in maker.refits), tuple(map(dict, maker.failed)),
    )  # fmt: skip
