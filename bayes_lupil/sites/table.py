"""The table of sites: what each showed, what the model makes of it, how much it counts, and the trial without it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.arguments import checked
from bayes_lupil.cards import Card, Shown
from bayes_lupil.errors import InputError, UnsupportedModelError
from bayes_lupil.numbers import points, probability
from bayes_lupil.posterior import Posterior
from bayes_lupil.posterior.estimates import Estimate
from bayes_lupil.posterior.own_trial import own_trial
from bayes_lupil.progress import counting
from bayes_lupil.sensitivity import Changed, Deletion, deletions
from bayes_lupil.sites.conflict import Conflicts, NewSites, SiteConflict, adjust, columns
from bayes_lupil.sites.influence import (
    estimates_of,
    outlier_estimates,
    retained_weights,
    shrinkage_factors,
    site_cells,
    site_log_odds_ratios,
)
from bayes_lupil.trials.end_point import SYNTHETIC

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Raw", "SiteRow", "SiteTable", "site_table"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Raw:
    """What the site's own counts say; NaN where an arm that is needed has no patients.

    Attributes
    ----------
    rates : (float, float)
        Control and active.
    risk_difference, log_odds_ratio : float
        Active minus control.
    corrected : bool
        Whether half a patient was added to each of the four cells for the log odds ratio, because one was 0.
    """

    rates: tuple[float, float]
    risk_difference: float
    log_odds_ratio: float
    corrected: bool


@dataclass(frozen=True)
class SiteRow:
    """One site.

    Attributes
    ----------
    n, responders : (int, int)
        Control and active, as all pairs here.
    raw : Raw
    rates : (Estimate, Estimate)
        Response probabilities given the model: shrunken.
    risk_difference, log_odds_ratio : Estimate
        Active minus control, shrunken.
    shrinkage : Estimate
        See `bayes_lupil.sites.influence.shrinkage_factors`.
    outlier : (Estimate, Estimate) or None
        P(outlier) by arm; None where the model has no outliers.
    nonexchangeable : Estimate or None
        P(the site's effect is not exchangeable with the others'); None where in the model all are.
    weight, retained : Estimate
        Weight in the overall effect, and relative to a site of that size that is not outlying; see
        `bayes_lupil.sites.influence.retained_weights`.
    without : Changed
        The trial without the site.
    change : Estimate
        P(benefit) without the site minus P(benefit) of the whole trial.
    conflict : SiteConflict or None
        None where the model cannot say what a new site would show.
    """

    site: str
    n: tuple[int, int]
    responders: tuple[int, int]
    raw: Raw
    rates: tuple[Estimate, Estimate]
    risk_difference: Estimate
    log_odds_ratio: Estimate
    shrinkage: Estimate
    outlier: tuple[Estimate, Estimate] | None
    nonexchangeable: Estimate | None
    weight: Estimate
    retained: Estimate
    without: Changed
    change: Estimate
    conflict: SiteConflict | None

    def to_dict(self) -> dict[str, Any]:
        """As one flat row; what the model does not have is left out."""
        row: dict[str, Any] = {"site": self.site}
        for a, arm in enumerate(("control", "active")):
            row |= {
                f"n_{arm}": self.n[a],
                f"responders_{arm}": self.responders[a],
                f"raw_rate_{arm}": self.raw.rates[a],
            }
        row |= {f"raw_{name}": value for name, value in asdict(self.raw).items() if name != "rates"}
        pairs = {"rate_control": self.rates[0], "rate_active": self.rates[1]}
        pairs |= {"risk_difference": self.risk_difference, "log_odds_ratio": self.log_odds_ratio}
        for name, item in pairs.items():
            row |= item.columns(name, "q2_5", "q97_5")
        row |= self.shrinkage.columns("shrinkage")
        if self.outlier is not None:
            row |= self.outlier[0].columns("p_outlier_control") | self.outlier[1].columns("p_outlier_active")
        if self.nonexchangeable is not None:
            row |= self.nonexchangeable.columns("p_nonexchangeable")
        row |= self.weight.columns("weight") | self.retained.columns("retained")
        row |= self.without.estimates["risk_difference"].columns("without_risk_difference", "q2_5", "q97_5")
        row |= {"without_p_benefit": self.without.p_benefit, "without_p_benefit_mcse": self.without.p_benefit_mcse}
        row |= self.change.columns("change_of_p_benefit")
        row |= {"k_hat": self.without.k_hat, "refitted": self.without.refitted, "ok": self.without.ok}
        if self.conflict is not None:
            for name in ("control", "active", "difference"):
                row |= columns(name, getattr(self.conflict, name))
        return row


@dataclass(frozen=True)
class SiteTable(Shown):
    """All sites of a trial under one model.

    Attributes
    ----------
    rows : tuple of SiteRow
        In the order of the trial.
    trial, model, population : str
    arms : (str, str)
        Names of control and active.
    synthetic : bool
        Whether the data are made up.
    p_benefit : Estimate
        Of the whole trial.
    notes : tuple of str
        What is missing and why, and how many conflicts chance alone would bring.
    """

    rows: tuple[SiteRow, ...]
    trial: str
    model: str
    population: str
    arms: tuple[str, str]
    synthetic: bool
    p_benefit: Estimate
    notes: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """One row a site; made-up data are marked in the first column."""
        import pandas as pd

        table = pd.DataFrame([row.to_dict() for row in self.rows]).set_index("site")
        if self.synthetic:
            table.insert(0, "data", SYNTHETIC)
        return table

    def card(self) -> Card:
        """The sites that move P(benefit) most, raw and shrunken."""
        rows = [("P(benefit)", f"{probability(self.p_benefit.mean, self.p_benefit.mcse)} of the whole trial")]
        moved = sorted(self.rows, key=lambda row: -abs(row.change.mean) if row.change.mean == row.change.mean else 0.0)
        for row in moved[:10]:
            counts = " v ".join(f"{r}/{n}" for r, n in zip(row.responders, row.n, strict=True))
            raw = "no comparison" if np.isnan(row.raw.risk_difference) else f"{points(row.raw.risk_difference)} points"
            without = (
                "not known"
                if np.isnan(row.without.p_benefit)
                else (f"{probability(row.without.p_benefit, row.without.p_benefit_mcse)}")
            )
            shrunken = points(row.risk_difference.mean, row.risk_difference.mcse)
            rows.append((f"site {row.site}", f"{counts}: {raw}, shrunken {shrunken}; P(benefit) without it {without}"))
        if len(self.rows) > len(moved[:10]):
            rows.append(("", f"and {len(self.rows) - 10} sites that move P(benefit) less"))
        heading = f"Sites of {self.trial} under model '{self.model}' ({self.arms[0]} v {self.arms[1]})"
        return Card(heading, tuple(rows), SYNTHETIC if self.synthetic else "", ("table.to_frame()", "table.notes"))


@own_trial
@checked
def site_table(posterior: Posterior, *, refit: bool = True, progress: bool | None = None) -> SiteTable:
    """Everything that the model says of single sites.

    Parameters
    ----------
    posterior : Posterior
        Of a model with sites, from either engine, and a trial of two sites or more.
    refit : bool
        Whether the model is fitted without those sites that weighted draws cannot leave out; what depends on that is
        NaN if not.
    progress : bool, optional
        Whether progress is shown; by default on a terminal and in a notebook.

    Raises
    ------
    UnsupportedModelError
        Where the trial has no site table, or the model no sites.
    InputError
        Where its diagnostics failed, or there is one site only.
    """
    likelihood = site_cells(posterior)
    cells, names = likelihood.cells, likelihood.site_names
    if len(names) < 2:
        raise InputError("table of sites", "one site", "two sites or more")
    notes = []
    try:
        new: NewSites | None = NewSites(posterior)
    except UnsupportedModelError as problem:
        new = None
        notes.append(f"No conflict p-values: {problem.found}.")
    changes, found = [], []
    with counting(progress, len(names)) as step:
        each = deletions(posterior, refit)
        for name in names:
            step(f"without site {name}")
            deletion = next(each)
            changes.append((deletion.changed, _change(posterior, deletion)))
            if new is not None:
                found.append(new.conflict(deletion))
    conflicts = Conflicts(adjust(found)) if new is not None else None
    if conflicts is not None:
        notes.append(conflicts.reading)
    reasons: dict[str, list[str]] = {}
    for name, (without, _) in zip(names, changes, strict=True):
        if not without.ok:
            reasons.setdefault(without.reason, []).append(name)
    notes += [f"Nothing without site {', '.join(missing)}: {reason}." for reason, missing in reasons.items()]

    p = posterior.draws("p")
    rates, difference = estimates_of(posterior, p), estimates_of(posterior, p[..., 1] - p[..., 0])
    log_ratio = estimates_of(posterior, site_log_odds_ratios(posterior, likelihood))
    shrinkage, retained = shrinkage_factors(posterior), retained_weights(posterior)
    chances = {name: outlier_estimates(posterior, name) for name in ("outlier", "nonexchangeable")}
    outlier, alone = chances["outlier"], chances["nonexchangeable"]
    rows = tuple(
        SiteRow(
            site=name,
            n=(n[0], n[1]),
            responders=(y[0], y[1]),
            raw=_raw(cells.responders[s], cells.n[s]),
            rates=(rates[s, 0], rates[s, 1]),
            risk_difference=difference[s],
            log_odds_ratio=log_ratio[s],
            shrinkage=Estimate(float(shrinkage.factor[s]), float(shrinkage.mcse[s])),
            outlier=None if outlier is None else (outlier[s, 0], outlier[s, 1]),
            nonexchangeable=None if alone is None else alone[s],
            weight=Estimate(float(retained.weight[s]), float(retained.weight_mcse[s])),
            retained=Estimate(float(retained.relative[s]), float(retained.relative_mcse[s])),
            without=changes[s][0],
            change=changes[s][1],
            conflict=None if conflicts is None else conflicts.sites[s],
        )
        for s, (name, n, y) in enumerate(zip(names, cells.n.tolist(), cells.responders.tolist(), strict=True))
    )
    whole, source = posterior.p_benefit, posterior.provenance
    assert whole is not None  # the diagnostics are sound
    return SiteTable(
        rows, source.trial, posterior.spec.called, source.population_label, source.arms.names, source.synthetic,
        Estimate(whole.probability, whole.mcse), tuple(notes),
    )  # fmt: skip


def _raw(y: NDArray[np.int64], n: NDArray[np.int64]) -> Raw:
    rates = tuple(float(y[a] / n[a]) if n[a] else np.nan for a in (0, 1))
    if not n.all():
        return Raw((rates[0], rates[1]), np.nan, np.nan, corrected=False)
    counts = np.array([y, n - y], dtype=float)
    corrected = bool((counts == 0).any())
    odds = (counts[0] + 0.5 * corrected) / (counts[1] + 0.5 * corrected)
    return Raw((rates[0], rates[1]), rates[1] - rates[0], float(np.log(odds[1] / odds[0])), corrected)


def _change(posterior: Posterior, deletion: Deletion) -> Estimate:
    """Difference of P(benefit); both come from the same draws where these are weighted, and their errors cancel."""
    draws, without, whole = deletion.draws, deletion.changed, posterior.p_benefit
    assert whole is not None  # the diagnostics are sound
    change = without.p_benefit - whole.probability
    if deletion.weighted is None:
        return Estimate(change, float(np.hypot(whole.mcse, without.p_benefit_mcse)))
    event = posterior.provenance.end_point.sign * deletion.difference > 0
    of_whole = (draws.base.benefit - whole.probability) / draws.base.size
    return Estimate(change, draws.error(draws.weights * (event - without.p_benefit) - of_whole))
