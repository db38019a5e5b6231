"""Countries, or other groups of sites: what each showed, what the model makes of it, and the trial without it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.arguments import checked
from bayes_lupil.cards import Card, Shown
from bayes_lupil.errors import DiagnosticsError, SamplerError, TrialError, UnsupportedModelError
from bayes_lupil.fitting import refit as fit_again
from bayes_lupil.frequentist.logistic import LogOddsRatio, crude_logit
from bayes_lupil.likelihoods import NestedCells
from bayes_lupil.numbers import probability
from bayes_lupil.posterior import Posterior
from bayes_lupil.posterior.estimates import Estimate
from bayes_lupil.posterior.own_trial import own_trial
from bayes_lupil.progress import counting
from bayes_lupil.sites.group_row import GroupRow
from bayes_lupil.sites.influence import estimates_of, outlier_estimates, site_log_odds_ratios
from bayes_lupil.trials.cells import Cells
from bayes_lupil.trials.end_point import SYNTHETIC

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CountryRow", "CountryTable", "country_table"]

Floats = NDArray[np.float64]

_SITES_ALONE = "Sites alone: bayes-lupil sites, or site_table in Python."


@dataclass(frozen=True)
class CountryRow(GroupRow):
    """One country.

    Attributes
    ----------
    sites : tuple of str
        Its sites.
    n, responders : (int, int)
        Control and active.
    observed : LogOddsRatio or None
        Of its own counts, with its Wald interval; None unless both arms have both outcomes.
    log_odds_ratio : Estimate
        At an average site of the country: beta + d, shrunken.
    site_log_odds_ratios : tuple of Estimate
        Of its sites, shrunken towards it.
    risk_difference : Estimate
        Active minus control, over the country's patients.
    outlier : (Estimate, Estimate) or None
        P(the country is outlying) by arm; None where the model has no outlying countries.
    without_p_benefit : Estimate or None
        P(benefit) without the country, from a fit without its sites (of two countries, from a fit of the sites of the
        other one alone); None where there is none.
    without_risk_difference : Estimate or None
        Of that fit.
    why_not : str
        Why there is no fit without it; empty where there is.
    """

    country: str
    sites: tuple[str, ...]
    n: tuple[int, int]
    responders: tuple[int, int]
    observed: LogOddsRatio | None
    log_odds_ratio: Estimate
    site_log_odds_ratios: tuple[Estimate, ...]
    risk_difference: Estimate
    outlier: tuple[Estimate, Estimate] | None
    without_p_benefit: Estimate | None
    without_risk_difference: Estimate | None
    why_not: str

    def to_dict(self) -> dict[str, Any]:
        """As one flat row; what the model does not have is left out."""
        row: dict[str, Any] = {"country": self.country, "sites": len(self.sites)} | self.effect_columns()
        if self.outlier is not None:
            row |= self.outlier[0].columns("p_outlier_control") | self.outlier[1].columns("p_outlier_active")
        nothing = Estimate(math.nan, math.nan)
        row |= (self.without_p_benefit or nothing).columns("without_p_benefit")
        row |= (self.without_risk_difference or nothing).columns("without_risk_difference", "q2_5", "q97_5")
        return row | {"why_not": self.why_not}


@dataclass(frozen=True)
class CountryTable(Shown):
    """All countries of a trial under one model; made by `country_table`.

    Attributes
    ----------
    posterior : Posterior
    rows : tuple of CountryRow
        In the order of the trial.
    average, new : Estimate
        Log odds ratio at an average site of an average country, and at a new site of a country not in the trial.
    """

    posterior: Posterior
    rows: tuple[CountryRow, ...]
    average: Estimate
    new: Estimate

    @property
    def cautions(self) -> tuple[str, ...]:
        """What must be known before the table."""
        return self.posterior.provenance.cautions

    def to_frame(self) -> pd.DataFrame:
        """One row a country; made-up data are marked in the first column."""
        import pandas as pd

        table = pd.DataFrame([row.to_dict() for row in self.rows]).set_index("country")
        if self.posterior.provenance.synthetic:
            table.insert(0, "data", SYNTHETIC)
        return table

    def card(self) -> Card:
        """Each country observed and shrunken, and the trial without it."""
        whole = self.posterior.p_benefit
        assert whole is not None  # the diagnostics are sound
        rows = [("warning", text) for text in self.cautions]
        rows.append(("P(benefit)", f"{probability(whole.probability, whole.mcse)} of the whole trial"))
        for row in self.rows:
            out = row.without_p_benefit
            without = f"not known: {row.why_not}" if out is None else probability(out.mean, out.mcse)
            ratio = math.exp(row.log_odds_ratio.q50)
            rows.append((row.country, f"{row.counts}: shrunken OR {ratio:.2f}; P(benefit) without it {without}"))
        source = self.posterior.provenance
        heading = f"Countries of {source.trial} under model '{self.posterior.spec.called}'"
        calls = ("table.to_frame()", "table.plot()", "table.posterior")
        return Card(heading, tuple(rows), SYNTHETIC if source.synthetic else "", calls)

    def plot(self, **options: Any) -> Any:
        """The forest of countries and their sites; options as of every figure."""
        import bayes_lupil  # the figures stand below in the house, and are called as a user would call them

        return bayes_lupil.report.figures.figure_countries(self, **options)


@own_trial
@checked
def country_table(posterior: Posterior, *, refit: bool = True, progress: bool | None = None) -> CountryTable:
    """What the model says of each country, or other group of sites.

    Parameters
    ----------
    posterior : Posterior
        Of a model with countries (such as `site_in_country`) and a table of sites that says where each lies.
    refit : bool
        Whether the model is fitted without each country; what depends on that is left out if not.
    progress : bool, optional
        Whether progress is shown; by default on a terminal and in a notebook.

    Raises
    ------
    UnsupportedModelError
        Where the model has no countries, or it is not known how many patients of a country did respond.
    InputError
        Where the diagnostics of the posterior failed.

    Examples
    --------
    >>> import bayes_lupil as bl
    >>> cells = bl.Cells(
    ...     ("A", "B", "C", "D"), [[5, 9], [3, 4], [8, 12], [9, 7]], [[20, 20], [9, 9], [21, 22], [15, 15]],
    ...     countries=("Italy", "Italy", "Spain", "Malta"),
    ... )
    >>> trial = bl.Trial.from_cells(cells, bl.Arms("placebo", "drug"), bl.EndPoint("cure", "Cure"), name="example")
    >>> table = bl.country_table(bl.fit("site_in_country", trial), refit=False)
    >>> [(row.country, row.counts) for row in table.rows]
    [('Italy', '13/29 v 8/29'), ('Spain', '12/22 v 8/21'), ('Malta', '7/15 v 9/15')]
    """
    likelihood, spec, trial = posterior.likelihood, posterior.spec, posterior.trial
    if not isinstance(likelihood, NestedCells):
        found = "no countries above the sites" if spec.countries is None else "countries whose patients are not known"
        raise UnsupportedModelError(
            f"model '{spec.name}', trial '{trial.name}'", found,
            "a model with [countries], such as site_in_country, and a table of sites", _SITES_ALONE,
        )  # fmt: skip
    if not posterior.verdict.ok:
        raise DiagnosticsError(f"fit '{posterior.spec.name}'", posterior.verdict.text)
    cells = likelihood.cells
    which = np.array(likelihood.sites.country)
    p = posterior.draws("p")
    by_site = estimates_of(posterior, site_log_odds_ratios(posterior, likelihood))
    outlier = outlier_estimates(posterior, "outlier_country")
    rows = []
    with counting(progress, len(likelihood.country_names)) as step:
        for g, name in enumerate(likelihood.country_names):
            step(f"without {name}")
            mine = np.flatnonzero(which == g)
            sites, n, y = tuple(cells.sites[s] for s in mine), cells.n[mine], cells.responders[mine]
            share = n.sum(axis=1) / n.sum()
            difference = (p[..., mine, 1] - p[..., mine, 0]) @ share
            d = posterior.draws("d")[..., g] if "d" in posterior.data["posterior"] else 0.0
            chance, risk, why_not = _without(posterior, cells, name) if refit else (None, None, "not asked for")
            rows.append(CountryRow(
                name, sites, _pair(n), _pair(y), crude_logit(y, n, 0.95),
                estimates_of(posterior, posterior.draws("beta") + d).item(), tuple(by_site[mine]),
                estimates_of(posterior, difference).item(), None if outlier is None else (outlier[g, 0], outlier[g, 1]),
                chance, risk, why_not,
            ))  # fmt: skip
    average, new = (estimates_of(posterior, posterior.draws(name)).item() for name in
                    ("beta", "log_odds_ratio_new_site"))  # fmt: skip
    return CountryTable(posterior, tuple(rows), average, new)


def _pair(counts: NDArray[np.int64]) -> tuple[int, int]:
    control, active = counts.sum(axis=0).tolist()
    return control, active


def _without(posterior: Posterior, cells: Cells, country: str) -> tuple[Estimate | None, Estimate | None, str]:
    """P(benefit) and risk difference of the trial without a country, and why there is none.

    Where one other country is left, what it has in common is no other than alpha and beta: its sites alone.
    """
    spec = posterior.spec
    alone = dict.fromkeys(("countries", "priors__tau_c", "priors__tau_d", "priors__country_outlier_share"))
    fewer = alone if len(set(cells.countries or ())) == 2 else {}
    sites = [*spec.without_sites, *cells.sites_in(country)]
    try:
        other = fit_again(spec.edited(without_sites=sites, **fewer), posterior.trial)
    except (TrialError, UnsupportedModelError) as problem:
        return None, None, problem.found
    except SamplerError as problem:
        return None, None, str(problem)
    chance = other.p_benefit
    if chance is None:
        return None, None, other.verdict.text
    difference = estimates_of(other, other.draws("risk_difference")).item()
    return Estimate(chance.probability, chance.mcse), difference, ""
