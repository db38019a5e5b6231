"""Each active arm against the shared control, in one model, and which of them is best.

Analysed one at a time, comparisons with one control take its patients for others each time, and no probability that
spans two arms can be had: that one is better than another, or best. In one model they can, and arms that are doses of
one drug may be taken for exchangeable, so that the effect of each leans on the others' (Jones et al. 2011, Clin Trials
8:129-143, on subgroups, with the same arguments).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayes_lupil.arguments import checked
from bayes_lupil.arms.model import ArmsModel
from bayes_lupil.arms.result import ArmRow, ArmsAnalysis, chance_of, verdict_of
from bayes_lupil.arms.table import arms_table
from bayes_lupil.errors import DiagnosticsError, InputError, SamplerError, TrialError
from bayes_lupil.fitting import refit
from bayes_lupil.frequentist.logistic import crude_logit
from bayes_lupil.likelihoods import build_likelihood
from bayes_lupil.posterior.diagnostics import Row, describe, effective_draws
from bayes_lupil.posterior.estimates import Estimate
from bayes_lupil.priors import HalfNormal
from bayes_lupil.progress import is_shown
from bayes_lupil.spec import ModelSpec, load_model
from bayes_lupil.trials.comparisons import EACH, load_comparisons
from bayes_lupil.trials.options import Options
from bayes_lupil.trials.trial import Trial

__all__ = ["compare_arms"]

Floats = NDArray[np.float64]
Events = NDArray[np.bool_]

_LEADING = ("chain", "draw")
_BETWEEN = 0.5


@checked
def compare_arms(
    source: Any,
    *,
    exchangeable: bool = False,
    between_arms: float | None = None,
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
    between_arms : float, optional
        Of exchangeable arms the scale of the half-normal prior of the SD between them, of log odds ratios; 0.5 if not
        given.
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
        As `load_comparisons`; for fewer than two active arms, or options of reading beside what has been read.
    ModelError, UnsupportedModelError
        For a model, or an end point, of another kind.
    InputError
        For a scale that is not positive, or one beside arms that are not exchangeable.
    DiagnosticsError
        Where the diagnostics of the fit failed.
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

    if between_arms is not None and not (exchangeable and 0 < float(between_arms) < np.inf):
        required = "a positive number, on the scale of log odds ratios, beside exchangeable arms"
        raise InputError("between_arms", f"{between_arms}", required)
    trials = _read(source, active, reading)
    spec = model if isinstance(model, ModelSpec) else load_model(model)
    spec = spec if seed is None else spec.edited(sampler__seed=seed)
    scale, by = (_BETWEEN, "package") if between_arms is None else (float(between_arms), "user")
    reason = f"SD between active arms of their log odds ratios: by the {by}'s choice."
    prior = HalfNormal(sd=scale, reason=reason) if exchangeable else None
    arms = ArmsModel(spec, arms_table(trials, spec.population), prior)
    for trial in trials.values():
        build_likelihood(spec, trial)  # refuses what a fit of one comparison would
    draws = nuts.sample(arms, is_shown(progress))
    tree = _tree(arms, draws.values, draws.statistics)
    verdict = verdict_of(tree)
    if not verdict.ok:
        raise DiagnosticsError("several arms in one model", verdict.text)
    sign = next(iter(trials.values())).end_point.sign
    risk = np.asarray(tree["posterior"]["risk"].values)
    best = _best(sign * risk)
    alone = [_alone(spec, trial) for trial in trials.values()]
    rows = (_row(arms, tree, sign, k, best[..., k], chance) for k, (chance, _) in enumerate(alone, start=1))
    return ArmsAnalysis(
        tree, trials, arms, verdict, tuple(rows), chance_of(best[..., 0], effective_draws(risk[..., 0])),
        {arm: told for arm, (_, told) in zip(trials, alone, strict=True)}, draws.sampler, draws.notes,
    )  # fmt: skip


def _read(source: Any, active: Any, reading: Mapping[str, Any]) -> dict[str, Trial]:
    """The comparisons, by the name of the active arm."""
    Options.of(reading)  # refuses what is none
    if not (isinstance(source, Mapping) and source and all(isinstance(item, Trial) for item in source.values())):
        return dict(load_comparisons(source, active=active, **reading))
    given = [name for name, value in reading.items() if value is not None] + ([] if active == EACH else ["active"])
    if given:
        found = f"{', '.join(given)} beside comparisons that were read already"
        raise TrialError("compare_arms()", found, "a file or data frame, or no options of reading")
    return dict(source)


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
    cells = {name: arms.coords[name] for name in ("arm", "site")}
    return xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset(found, coords={**arms.coords, **chains}),
            "sample_stats": xr.Dataset({name: (_LEADING, value) for name, value in statistics.items()}, coords=chains),
            "observed_data": xr.Dataset({"responders": data["responders"]}, coords=cells),
            "constant_data": xr.Dataset({"n": data["n"]}, coords=cells),
        }
    )


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
        _estimate(describe("risk_difference", difference)), chance_of(sign * difference),
        chance_of(best, effective_draws(difference)), alone,
    )  # fmt: skip


def _estimate(row: Row) -> Estimate:
    return Estimate(row.mean, row.mcse_mean, row.sd, row.q2_5, row.q50, row.q97_5)


def _alone(spec: ModelSpec, trial: Trial) -> tuple[Estimate, tuple[str, ...]]:
    """P(benefit) of one comparison by itself, and what it must be read with."""
    try:
        posterior = refit(spec, trial)
    except SamplerError:
        return Estimate(np.nan, np.nan), trial.warnings
    found, told = posterior.p_benefit, posterior.provenance.cautions
    return Estimate(np.nan, np.nan) if found is None else Estimate(found.probability, found.mcse), told
