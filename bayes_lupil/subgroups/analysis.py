"""Effects by subgroup: observed, and shrunken towards what the subgroups have in common.

Each subgroup has a level of response and a log odds ratio of its own, both normal around a common one, as sites have in
`site_effects`. An estimate of one subgroup alone, picked because it is large, is too large on average; shrunken ones
are not (Dixon and Simon 1991, Biometrics 47:871-881; Jones et al. 2011, Clin Trials 8:129-143).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_lupil.arguments import checked
from bayes_lupil.cards import Card, Shown
from bayes_lupil.errors import DiagnosticsError, InputError
from bayes_lupil.fitting import fit
from bayes_lupil.frequentist.logistic import LogOddsRatio, crude_logit
from bayes_lupil.frequentist.stratified import ChiSquare, stratified
from bayes_lupil.numbers import p_value, probability
from bayes_lupil.posterior import Posterior
from bayes_lupil.posterior.estimates import Estimate
from bayes_lupil.posterior.provenance import FEW, FEW_SITES
from bayes_lupil.sites.group_row import GroupRow, odds_words
from bayes_lupil.sites.influence import estimates_of, site_cells, site_log_odds_ratios
from bayes_lupil.spec import ModelSpec, load_model
from bayes_lupil.subgroups.grouping import trial_by
from bayes_lupil.trials.end_point import SYNTHETIC
from bayes_lupil.trials.loading import read_trial
from bayes_lupil.trials.trial import Trial

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["SubgroupAnalysis", "SubgroupRow", "likelihood_ratio", "subgroup_effects"]

_PRIORS = {
    "tau_u": (
        1.0,
        "SD between subgroups of the log odds of response: subgroups of prognosis differ much, others little.",
    ),
    "tau_v": (
        0.5,
        "SD between subgroups of the log odds ratio: effects vary less than levels, and true reversals are rare.",
    ),
}


@dataclass(frozen=True)
class SubgroupRow(GroupRow):
    """One subgroup.

    Attributes
    ----------
    n, responders : (int, int)
        Control and active.
    observed : LogOddsRatio or None
        Of its own counts, with its Wald interval; None unless both arms have both outcomes.
    log_odds_ratio, risk_difference : Estimate
        Active minus control, shrunken.
    p_benefit : Estimate
        Probability that its own effect is a benefit.
    """

    subgroup: str
    n: tuple[int, int]
    responders: tuple[int, int]
    observed: LogOddsRatio | None
    log_odds_ratio: Estimate
    risk_difference: Estimate
    p_benefit: Estimate

    @property
    def tells(self) -> bool:
        """Whether its own counts tell anything of its odds ratio: patients of both arms, and both outcomes."""
        return min(self.n) > 0 and 0 < sum(self.responders) < sum(self.n)

    def to_dict(self) -> dict[str, Any]:
        """As one flat row."""
        return {"subgroup": self.subgroup} | self.effect_columns() | self.p_benefit.columns("p_benefit")


@dataclass(frozen=True)
class SubgroupAnalysis(Shown):
    """Effects by subgroup; made by `subgroup_effects`.

    Attributes
    ----------
    posterior : Posterior
        Of the model in which the subgroups stand where sites do.
    by : str
        What the subgroups are.
    rows : tuple of SubgroupRow
    average, new : Estimate
        Log odds ratio of an average subgroup, and of one that was not seen.
    p_different : Estimate
        Probability that the treatment is a benefit in one subgroup or more, and a harm in one or more.
    breslow_day, likelihood_ratio : ChiSquare or None
        Tests that the odds ratio is the same in all; None where they do not exist.
    """

    posterior: Posterior
    by: str
    rows: tuple[SubgroupRow, ...]
    average: Estimate
    new: Estimate
    p_different: Estimate
    breslow_day: ChiSquare | None
    likelihood_ratio: ChiSquare | None

    @property
    def cautions(self) -> tuple[str, ...]:
        """What must be known before the table."""
        found = [text for text in self.posterior.provenance.cautions if f" {FEW}: " not in text]
        if len(self.rows) <= FEW_SITES:
            prior = self.posterior.spec.priors.tau_v
            told = "" if prior is None else f" ({prior.describe()})"
            found.append(
                f"{len(self.rows)} subgroups say next to nothing of how much effects differ: how far they are shrunk "
                f"comes mostly from the prior of tau_v{told}"
            )
        if silent := [row.subgroup for row in self.rows if not row.tells]:
            found.append(
                f"subgroups that tell nothing of their own odds ratio, as all or none of their patients responded or "
                f"an arm has none ({', '.join(silent)}): what is said of it comes from the other subgroups and the "
                "priors, and tests of interaction leave them out"
            )
        return tuple(found)

    def to_frame(self) -> pd.DataFrame:
        """One row a subgroup; made-up data are marked in the first column."""
        import pandas as pd

        table = pd.DataFrame([row.to_dict() for row in self.rows]).set_index("subgroup")
        if self.posterior.provenance.synthetic:
            table.insert(0, "data", SYNTHETIC)
        return table

    def card(self) -> Card:
        """Each subgroup observed and shrunken, the tests, and whether effects point in different directions."""
        rows = [("warning", text) for text in self.cautions]
        for row in self.rows:
            seen = f"observed OR {row.observed_words}"
            chance = probability(row.p_benefit.mean, row.p_benefit.mcse)
            rows.append((row.subgroup, f"{row.counts}: {seen}; shrunken {row.shrunken_words}; P(benefit) {chance}"))
        rows += [
            ("average subgroup", f"OR {odds_words(*_quantiles(self.average))}"),
            ("one not seen", f"OR {odds_words(*_quantiles(self.new))}"),
            ("P(in different directions)", probability(self.p_different.mean, self.p_different.mcse)),
            ("tests of interaction", self.tests),
        ]
        title = f"{self.posterior.provenance.title} ({self.posterior.provenance.end_point.directed})"
        alert = SYNTHETIC if self.posterior.provenance.synthetic else ""
        return Card(title, tuple(rows), alert, ("result.to_frame()", "result.posterior", "result.plot()"))

    @property
    def tests(self) -> str:
        """The p-values of both tests, in words."""
        named = (("Breslow-Day", self.breslow_day), ("likelihood ratio", self.likelihood_ratio))
        told = [f"{name} p {p_value(item.p)} ({item.df} df)" for name, item in named if item is not None]
        return ", ".join(told) or "none: too few subgroups have both outcomes in both arms"

    def plot(self, **options: Any) -> Any:
        """The forest of subgroups: observed, shrunken, average and not seen; options as of every figure."""
        import bayes_lupil  # the figures stand below in the house, and are called as a user would call them

        return bayes_lupil.report.figures.figure_subgroups(self, **options)


@checked
def subgroup_effects(
    trial: Any,
    by: str | Mapping[str, str],
    *,
    cut: float | None = None,
    model: ModelSpec | str | Path = "site_effects",
    seed: int | None = None,
    **reading: Any,
) -> SubgroupAnalysis:
    """Effects by subgroup, with shrinkage towards what the subgroups have in common.

    Parameters
    ----------
    trial : Trial, str, Path, data frame or dict of columns
        Of a binary end point, known patient by patient or as a table of sites.
    by : str or dict
        A column of the patients; or the subgroup of each site, such as its country.
    cut : float, optional
        For a column of numbers: the subgroups are those of at most so much, and of more.
    model : ModelSpec, str or Path
        A model in which sites, here the subgroups, differ in level and in effect.
    seed : int, optional
        In place of the model's own.
    **reading
        How a table is read (see `load_trial`).

    Returns
    -------
    SubgroupAnalysis

    Raises
    ------
    TrialError, UnsupportedModelError
        As `trial_by`.
    InputError
        Where the model has no effects of subgroups, or the diagnostics of the fit failed.

    Notes
    -----
    Sites within the subgroups are pooled. Whether the choice of the factor was made before the data were seen is not in
    the data: say it beside the result.

    Examples
    --------
    >>> from bayes_lupil import load_trial
    >>> topcat = load_trial("topcat")
    >>> regions = {site: "East" if site in ("Russia", "Georgia") else "Americas" for site in topcat.site_names}
    >>> found = subgroup_effects(topcat, regions)
    >>> [(row.subgroup, round(row.p_benefit.mean, 1)) for row in found.rows]
    [('Americas', 1.0), ('East', 0.4)]
    """
    data = read_trial(trial, reading)
    spec = model if isinstance(model, ModelSpec) else load_model(model)
    if spec.countries is not None:
        raise InputError(f"model '{spec.name}'", "countries above the sites", "one level: subgroups stand for sites")
    if spec.sites.effects != "partial" or spec.sites.distribution not in ("normal", "student_t"):
        raise InputError(
            f"model '{spec.name}'", f"sites.effects = '{spec.sites.effects}', distribution '{spec.sites.distribution}'",
            "effects = 'partial' with a normal or Student-t distribution",
        )  # fmt: skip
    grouped = trial_by(data, by, cut=cut, population=spec.population)
    edits: dict[str, Any] = {"name": "subgroups", "title": "Subgroups differ in level and in treatment effect"}
    if spec == load_model("site_effects"):
        for name, (sd, reason) in _PRIORS.items():
            edits[f"priors__{name}"] = {"family": "half_normal", "sd": sd, "reason": reason}
    if seed is not None:
        edits["sampler__seed"] = seed
    posterior = fit(spec.edited(population="itt", **edits), grouped)
    if not posterior.verdict.ok:
        raise DiagnosticsError(f"fit '{posterior.spec.name}'", posterior.verdict.text)
    return _analysis(posterior, grouped, "group of sites" if isinstance(by, Mapping) else by)


def _analysis(posterior: Posterior, grouped: Trial, by: str) -> SubgroupAnalysis:
    likelihood = site_cells(posterior)
    cells, sign = likelihood.cells, grouped.end_point.sign
    log_ratio = site_log_odds_ratios(posterior, likelihood)
    p = posterior.draws("p")
    good = sign * log_ratio > 0
    ratios, differences = estimates_of(posterior, log_ratio), estimates_of(posterior, p[..., 1] - p[..., 0])
    chances = estimates_of(posterior, good.astype(float))
    rows = tuple(
        SubgroupRow(
            name, (n[0], n[1]), (y[0], y[1]),
            crude_logit(cells.responders[s : s + 1], cells.n[s : s + 1], 0.95), ratios[s], differences[s], chances[s],
        )
        for s, (name, n, y) in enumerate(
            zip(likelihood.site_names, cells.n.tolist(), cells.responders.tolist(), strict=True)
        )
    )  # fmt: skip
    both = (good.any(axis=-1) & (~good).any(axis=-1)).astype(float)
    average, new = (estimates_of(posterior, posterior.draws(name)).item() for name in
                    ("beta", "log_odds_ratio_new_site"))  # fmt: skip
    return SubgroupAnalysis(
        posterior, by, rows, average, new, estimates_of(posterior, both).item(),
        stratified(cells.responders, cells.n).breslow_day, likelihood_ratio(cells.responders, cells.n),
    )  # fmt: skip


def likelihood_ratio(responders: NDArray[np.int64], n: NDArray[np.int64]) -> ChiSquare | None:
    """Likelihood ratio test that the odds ratio is the same in all subgroups; None where fewer than two tell of one.

    Twice the log likelihood of the saturated model above that of logistic regression with an intercept for each
    subgroup and one effect: the deviance of the latter.

    Examples
    --------
    >>> import numpy as np
    >>> found = likelihood_ratio(np.array([[10, 20], [20, 10]]), np.array([[40, 40], [40, 40]]))
    >>> round(found.statistic, 2), found.df
    (10.82, 1)
    """
    import statsmodels.api as sm
    from scipy.stats import chi2

    told = (n > 0).all(axis=1) & (responders.sum(axis=1) > 0) & ((n - responders).sum(axis=1) > 0)
    if told.sum() < 2:
        return None
    r, m = responders[told], n[told]
    levels = np.kron(np.eye(len(r)), np.ones((2, 1)))
    design = np.column_stack([levels, np.tile([0.0, 1.0], len(r))])
    counts = np.column_stack([r.ravel(), (m - r).ravel()])
    fitted = sm.GLM(counts, design, family=sm.families.Binomial()).fit()
    df = len(r) - 1
    return ChiSquare(float(fitted.deviance), df, float(chi2.sf(fitted.deviance, df)))


def _quantiles(item: Estimate) -> tuple[float, float, float]:
    return item.q2_5, item.q50, item.q97_5
