"""What is known of several active arms in one model: a row for each, and the draws."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayes_lupil.arms.model import ArmsModel
from bayes_lupil.cards import Card, Shown
from bayes_lupil.errors import InputError
from bayes_lupil.frequentist.logistic import LogOddsRatio
from bayes_lupil.frozen import make_read_only
from bayes_lupil.numbers import probability
from bayes_lupil.posterior.datatree import scalars
from bayes_lupil.posterior.diagnostics import Verdict, describe, effective_draws, judge, mcse_proportion
from bayes_lupil.posterior.estimates import Estimate
from bayes_lupil.posterior.provenance import FEW_SITES
from bayes_lupil.posterior.saved import write_tree
from bayes_lupil.sites.group_row import GroupRow
from bayes_lupil.trials.end_point import SYNTHETIC
from bayes_lupil.trials.trial import Trial
from bayes_lupil.version import __version__

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ArmRow", "ArmsAnalysis", "chance_of", "verdict_of"]

_OTHER = "one of "  # how the warning begins that a trial is one of several comparisons
_LEFT_OUT = "is not compared"  # how the note ends that a comparison leaves an arm out


@dataclass(frozen=True)
class ArmRow(GroupRow):
    """One active arm against the control.

    Attributes
    ----------
    n, responders : (int, int)
        Control and this arm.
    observed : LogOddsRatio or None
        Of the counts, with its Wald interval; None unless both arms have both outcomes.
    log_odds_ratio, risk_difference : Estimate
        At an average site; over all patients of the trial.
    p_benefit, p_best : Estimate
        Probability that it is better than the control; and that it is the best of all arms, the control among them.
    p_alone : Estimate
        P(benefit) where it is compared with the control by itself; without a number where that fit failed.
    """

    arm: str
    n: tuple[int, int]
    responders: tuple[int, int]
    observed: LogOddsRatio | None
    log_odds_ratio: Estimate
    risk_difference: Estimate
    p_benefit: Estimate
    p_best: Estimate
    p_alone: Estimate

    def to_dict(self) -> dict[str, Any]:
        """As one flat row."""
        row: dict[str, Any] = {"arm": self.arm} | self.effect_columns()
        for name in ("p_benefit", "p_best", "p_alone"):
            row |= getattr(self, name).columns(name)
        return row


@dataclass(frozen=True, eq=False)
class ArmsAnalysis(Shown):
    """Several active arms against one control; made by `compare_arms`.

    Attributes
    ----------
    data : xarray.DataTree
        Groups posterior (parameters, response probabilities and risks by arm), sample_stats, observed_data and
        constant_data, for ArviZ.
    trials : dict of str to Trial
        Each comparison as it was read.
    model : ArmsModel
    verdict : Verdict
        Of the diagnostics, which are sound.
    rows : tuple of ArmRow
    control_best : Estimate
        Probability that no active arm is better than the control.
    told : dict of str to tuple of str
        What each comparison by itself must be read with, by active arm.
    sampler : str
    notes : tuple of str
        Of the sampler.
    """

    data: xr.DataTree
    trials: Mapping[str, Trial]
    model: ArmsModel
    verdict: Verdict
    rows: tuple[ArmRow, ...]
    control_best: Estimate
    told: Mapping[str, tuple[str, ...]]
    sampler: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        make_read_only(self.data)

    @property
    def trial(self) -> Trial:
        """The first comparison: its end point and its control are those of all."""
        return next(iter(self.trials.values()))

    @property
    def control(self) -> str:
        """Name of the control."""
        return self.model.table.arms[0]

    @property
    def synthetic(self) -> bool:
        """Whether data are made up."""
        return any(trial.synthetic for trial in self.trials.values())

    @property
    def cautions(self) -> tuple[str, ...]:
        """What must be known before the table."""
        arms, (_, patients) = len(self.rows), self.model.table.totals[0]
        found = [
            f"{arms} active arms share the control '{self.control}' ({patients} patients): if its response was high or "
            "low by chance, all effects are wrong together; nothing here is adjusted for their number (multiplicity)"
        ]
        own = _of_each(self.told)
        if self.model.between_arms is not None and arms <= FEW_SITES:
            found.append(
                f"{arms} active arms say next to nothing of how much arms differ: how far they are shrunk comes mostly "
                f"from the prior of tau_arm ({self.model.between_arms.describe()})"
            )
        return (*found, *own)

    @property
    def reading(self) -> tuple[str, ...]:
        """What was left out or assumed when the table was read."""
        notes = {
            arm: [note for note in trial.notes if not note.endswith(_LEFT_OUT)] for arm, trial in self.trials.items()
        }
        return _of_each(notes)

    def to_frame(self) -> pd.DataFrame:
        """One row an active arm; made-up data are marked in the first column."""
        import pandas as pd

        table = pd.DataFrame([row.to_dict() for row in self.rows]).set_index("arm")
        if self.synthetic:
            table.insert(0, "data", SYNTHETIC)
        return table

    def card(self) -> Card:
        """Each arm against the control, and which is best."""
        rows = [("warning", text) for text in self.cautions]
        for row in self.rows:
            better, best, alone = (
                probability(item.mean, item.mcse) for item in (row.p_benefit, row.p_best, row.p_alone)
            )
            rows.append(
                (
                    row.arm,
                    f"{row.counts}: observed OR {row.observed_words}; posterior {row.shrunken_words}; P(benefit) "
                    f"{better} (by itself {alone}), P(best) {best}",
                )
            )
        rows.append((f"{self.control} best", probability(self.control_best.mean, self.control_best.mcse)))
        title = f"{len(self.rows)} active arms against '{self.control}' ({self.trial.end_point.directed})"
        alert = SYNTHETIC if self.synthetic else ""
        return Card(title, tuple(rows), alert, ("result.to_frame()", "result.data", "result.plot()"))

    def plot(self, **options: Any) -> Any:
        """The forest of active arms; options as of every figure."""
        import bayes_lupil  # the figures stand below in the house, and are called as a user would call them

        return bayes_lupil.report.figures.figure_arms(self, **options)

    def p_better(self, arm: str, other: str) -> Estimate:
        """Probability that one arm is better than another, over all patients of the trial.

        Raises
        ------
        InputError
            For an arm that is not there, or one arm twice.
        """
        for name in (arm, other):
            if name not in self.model.table.arms or arm == other:
                raise InputError("arm", f"'{name}'", f"two different ones of {', '.join(self.model.table.arms)}")
        risk, arms = np.asarray(self.data["posterior"]["risk"].values), self.model.table.arms
        return chance_of(self.trial.end_point.sign * (risk[..., arms.index(arm)] - risk[..., arms.index(other)]))

    def save(self, path: str | Path) -> Path:
        """Write the draws to one NetCDF file, whole or not at all.

        Raises
        ------
        OutputError
            Where the file cannot be written, or is there and is something else, such as the data.
        """
        target = Path(path)
        tree, model = self.data.copy(), self.model
        tree.attrs = {
            "format": "bayes_lupil arms 1", "model": json.dumps(model.spec.to_dict()), "sampler": self.sampler,
            "between_arms": "" if model.between_arms is None else model.between_arms.describe(),
            "end_point": self.trial.end_point.directed, "created_by": f"bayes_lupil {__version__}",
            "data_hashes": json.dumps({arm: trial.data_hash for arm, trial in self.trials.items()}),
            **({"SYNTHETIC": SYNTHETIC} if self.synthetic else {}),
        }  # fmt: skip
        write_tree(tree, target)
        return target


def verdict_of(data: xr.DataTree) -> Verdict:
    """Verdict of the diagnostics over all quantities, and that no two arms are alike for want of digits."""
    statistics = {str(name): np.asarray(values) for name, values in data["sample_stats"].data_vars.items()}
    posterior = data["posterior"].to_dataset()
    found = judge([describe(name, draws) for name, draws in scalars(posterior)], statistics)
    risk = np.asarray(posterior["risk"].values)
    for a, b in itertools.combinations(range(risk.shape[-1]), 2):
        found = found.of_effect(risk[..., b] - risk[..., a])
    return found


def chance_of(benefit: NDArray[Any], effective: float | None = None) -> Estimate:
    """Probability of an event, or that a number is above 0, with its Monte Carlo error."""
    event = benefit if benefit.dtype == bool else benefit > 0
    worth = effective_draws(benefit) if effective is None else effective
    return Estimate(float(event.mean()), mcse_proportion(event, worth))


def _of_each(texts: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """What is said of every comparison once, and of one or some with the name of the arm; not that there are others."""
    held = {arm: [text for text in said if not text.startswith(_OTHER)] for arm, said in texts.items()}
    shared = [text for text in next(iter(held.values())) if all(text in said for said in held.values())]
    return (*shared, *(f"{arm}: {text}" for arm, said in held.items() for text in said if text not in shared))
