"""Each active arm against the shared control, in one model, and which of them is best.

Analysed one at a time, comparisons with one control take its patients for others each time, and no probability that
spans two arms can be had: that one is better than another, or best. In one model they can, and arms that are doses of
one drug may be taken for exchangeable, so that the effect of each leans on the others' (Jones et al. 2011, Clin Trials
8:129-143, on subgroups, with the same arguments).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayes_lupil.arguments import checked
from bayes_lupil.arms.model import ArmsModel
from bayes_lupil.arms.table import arms_table
from bayes_lupil.cards import Card, Shown
from bayes_lupil.errors import InputError, SamplerError
from bayes_lupil.fitting import refit
from bayes_lupil.frequentist.logistic import LogOddsRatio, crude_logit
from bayes_lupil.frozen import make_read_only
from bayes_lupil.numbers import probability
from bayes_lupil.posterior.datatree import scalars
from bayes_lupil.posterior.diagnostics import Row, Verdict, describe, effective_draws, judge, mcse_proportion
from bayes_lupil.posterior.estimates import Estimate
from bayes_lupil.posterior.provenance import FEW_SITES
from bayes_lupil.posterior.saved import write_tree
from bayes_lupil.priors import HalfNormal
from bayes_lupil.progress import is_shown
from bayes_lupil.sites.group_row import GroupRow
from bayes_lupil.spec import ModelSpec, load_model
from bayes_lupil.trials.comparisons import EACH, load_comparisons
from bayes_lupil.trials.end_point import SYNTHETIC
from bayes_lupil.trials.trial import Trial

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ArmRow", "ArmsAnalysis", "compare_arms"]

Floats = NDArray[np.float64]
Events = NDArray[np.bool_]

_LEADING = ("chain", "draw")
_OTHER = "one of "  # how the warning begins that a trial is one of several comparisons


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
    rows : tuple of ArmRow
    control_best : Estimate
        Probability that no active arm is better than the control.
    sampler : str
    """

    data: xr.DataTree
    trials: Mapping[str, Trial]
    model: ArmsModel
    rows: tuple[ArmRow, ...]
    control_best: Estimate
    sampler: str

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

    @cached_property
    def verdict(self) -> Verdict:
        """Verdict of the diagnostics over all quantities."""
        statistics = {str(name): np.asarray(values) for name, values in self.data["sample_stats"].data_vars.items()}
        return judge(
            [describe(name, draws) for name, draws in scalars(self.data["posterior"].to_dataset())], statistics
        )

    @property
    def cautions(self) -> tuple[str, ...]:
        """What must be known before the table."""
        arms, (_, patients) = len(self.rows), self.model.table.totals[0]
        found = [
            f"{arms} active arms share the control '{self.control}' ({patients} patients): if its response was high or "
            "low by chance, all effects are wrong together; nothing here is adjusted for their number (multiplicity)"
        ]
        own = [text for trial in self.trials.values() for text in trial.warnings if not text.startswith(_OTHER)]
        if self.model.between_arms is not None and arms <= FEW_SITES:
            found.append(
                f"{arms} active arms say next to nothing of how much arms differ: how far they are shrunk comes mostly "
                f"from the prior of tau_arm ({self.model.between_arms.describe()})"
            )
        return tuple(dict.fromkeys([*found, *own]))

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
            For an arm that is not there.
        """
        for name in (arm, other):
            if name not in self.model.table.arms:
                raise InputError("arm", f"'{name}'", f"one of {', '.join(self.model.table.arms)}")
        risk, arms = np.asarray(self.data["posterior"]["risk"].values), self.model.table.arms
        return _chance(self.trial.end_point.sign * (risk[..., arms.index(arm)] - risk[..., arms.index(other)]))

    def save(self, path: str | Path) -> Path:
        """Write the draws to one NetCDF file, whole or not at all."""
        tree = self.data.copy()
        tree.attrs = {
            "format": "bayes_lupil arms 1", "model": json.dumps(self.model.spec.to_dict()), "sampler": self.sampler,
            **({"SYNTHETIC": SYNTHETIC} if self.synthetic else {}),
        }  # fmt: skip
        write_tree(tree, Path(path))
        return Path(path)


@checked
def compare_arms(
    source: Any,
    *,
    exchangeable: bool = False,
    between_arms: float = 0.5,
    model: ModelSpec | str | Path = "site_effects",
    seed: int | None = None,
    progress: bool | None = None,
    active: Any = EACH,
    **reading: Any,
) -> ArmsAnalysis:
    """Several active arms against one control, in one model, sampled by NUTS.

    Parameters
    ----------
    source : str, Path, data frame, dict of columns, or Comparisons
        A table of more than two arms as `load_comparisons` takes it, or what that returned.
    exchangeable : bool
        Whether the effects of the active arms come from one distribution, as those of doses of one drug may, and shrink
        towards each other; else each has the model's prior of the effect, and only the control in common.
    between_arms : float
        Of exchangeable arms the scale of the half-normal prior of the SD between them, of log odds ratios.
    model : ModelSpec, str or Path
        Sites pooled, or differing normally in level, or in level and effect.
    seed : int, optional
        In place of the model's own.
    progress : bool, optional
        Whether progress is shown; by default on a terminal and in a notebook.
    active, **reading
        As of `load_comparisons`: control, active, outcome, where, benefit ...

    Returns
    -------
    ArmsAnalysis

    Raises
    ------
    TrialError
        As `load_comparisons`; for fewer than two active arms.
    UnsupportedModelError
        For a model, or an end point, of another kind.
    InputError
        For a scale that is not positive; where the diagnostics of the fit failed.
    SamplerError
        Where the sampler cannot run.

    Examples
    --------
    >>> import bayes_lupil as bl
    >>> columns = {"site": ["A"] * 3 + ["B"] * 3, "arm": ["placebo", "low", "high"] * 2}
    >>> columns |= {"responders": [2, 3, 5, 1, 4, 4], "n": [9, 9, 9, 8, 8, 8]}
    >>> found = bl.compare_arms(columns)  # doctest: +SKIP
    >>> [row.arm for row in found.rows]  # doctest: +SKIP
    ['low', 'high']
    """
    from bayes_lupil.engines import nuts  # loads ArviZ

    if not between_arms > 0:
        raise InputError("between_arms", f"{between_arms}", "a positive number, on the scale of log odds ratios")
    known = isinstance(source, Mapping) and all(isinstance(item, Trial) for item in source.values())
    trials = dict(source) if known else dict(load_comparisons(source, active=active, **reading))
    spec = model if isinstance(model, ModelSpec) else load_model(model)
    spec = spec if seed is None else spec.edited(sampler__seed=seed)
    reason = "SD between active arms of their log odds ratios: by the user's choice, or the package's of 0.5"
    prior = HalfNormal(sd=between_arms, reason=reason) if exchangeable else None
    arms = ArmsModel(spec, arms_table(trials, spec.population), prior)
    draws = nuts.sample(arms, is_shown(progress))
    tree = _tree(arms, draws.values, draws.statistics)
    sign = next(iter(trials.values())).end_point.sign
    risk = np.asarray(tree["posterior"]["risk"].values)
    best = _best(sign * risk)
    alone = [_alone(spec, trial) for trial in trials.values()]
    found = ArmsAnalysis(
        tree, trials, arms,
        tuple(_row(arms, tree, sign, k, best[..., k], alone[k - 1]) for k in range(1, len(arms.table.arms))),
        _chance(best[..., 0], effective_draws(risk[..., 0])), draws.sampler,
    )  # fmt: skip
    if not found.verdict.ok:
        raise InputError("arms", found.verdict.text, "a fit whose diagnostics are sound")
    return found


def _tree(arms: ArmsModel, values: dict[str, Floats], statistics: Mapping[str, NDArray[Any]]) -> xr.DataTree:
    """Draws with what is derived of them, for ArviZ."""
    p = arms.probabilities(values)
    risk = (p * arms.table.site_shares).sum(axis=-1)
    found: dict[str, Any] = {item.name: ((*_LEADING, *item.dims), values[item.name]) for item in arms.parameters}
    found["log_odds_ratio"] = ((*_LEADING, "active"), np.asarray(arms.log_odds_ratios(values)))
    found["p"] = ((*_LEADING, "arm", "site"), p)
    found["risk"] = ((*_LEADING, "arm"), risk)
    found["risk_difference"] = ((*_LEADING, "active"), risk[..., 1:] - risk[..., :1])
    chains = {"chain": np.arange(risk.shape[0]), "draw": np.arange(risk.shape[1])}
    data = {name: (("arm", "site"), value) for name, value in arms.graph_data().items()}
    return xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset(found, coords={**arms.coords, **chains}),
            "sample_stats": xr.Dataset({name: (_LEADING, value) for name, value in statistics.items()}, coords=chains),
            "observed_data": xr.Dataset({"responders": data["responders"]}, coords=_only(arms.coords)),
            "constant_data": xr.Dataset({"n": data["n"]}, coords=_only(arms.coords)),
        }
    )


def _only(coords: dict[str, Any]) -> dict[str, Any]:
    return {name: coords[name] for name in ("arm", "site")}


def _best(benefit: Floats) -> Events:
    """Which arm is the best of each draw, of those alike the first, shape (chain, draw, arms)."""
    return np.asarray(np.arange(benefit.shape[-1]) == benefit.argmax(axis=-1)[..., None])


def _row(arms: ArmsModel, tree: xr.DataTree, sign: int, k: int, best: Events, alone: Estimate) -> ArmRow:
    table, active = arms.table, arms.table.arms[k]
    draws = tree["posterior"].to_dataset().sel(active=active)
    y, n = table.responders[:, [0, k]].sum(axis=0), table.n[:, [0, k]].sum(axis=0)
    difference = np.asarray(draws["risk_difference"].values)
    return ArmRow(
        active, (int(n[0]), int(n[1])), (int(y[0]), int(y[1])), crude_logit(y[None], n[None], 0.95),
        _estimate(describe("log_odds_ratio", np.asarray(draws["log_odds_ratio"].values))),
        _estimate(describe("risk_difference", difference)), _chance(sign * difference),
        _chance(best, effective_draws(difference)), alone,
    )  # fmt: skip


def _estimate(row: Row) -> Estimate:
    return Estimate(row.mean, row.mcse_mean, row.sd, row.q2_5, row.q50, row.q97_5)


def _chance(benefit: NDArray[Any], effective: float | None = None) -> Estimate:
    """Probability of an event, or that a number is above 0, with its Monte Carlo error."""
    event = benefit if benefit.dtype == bool else benefit > 0
    worth = effective_draws(benefit) if effective is None else effective
    return Estimate(float(event.mean()), mcse_proportion(event, worth))


def _alone(spec: ModelSpec, trial: Trial) -> Estimate:
    """P(benefit) of one comparison by itself."""
    try:
        found = refit(spec, trial).p_benefit
    except (InputError, SamplerError):
        found = None
    return Estimate(np.nan, np.nan) if found is None else Estimate(found.probability, found.mcse)
