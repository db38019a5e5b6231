"""What one analysis did over the trials of a scenario: bias, error, coverage, claims, outliers found.

Monte Carlo standard errors over trials are those of Morris, White and Crowther 2019 (Stat Med 38:2074-2102, Table 6);
shares have one more trial of either kind counted for the error, so that 0 and 1 have one too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.operating.analyses import ESTIMANDS, Analysis, Fitted
from bayes_lupil.operating.scenarios import Scenario

__all__ = ["CLAIM", "Figure", "Performance", "performance_of", "rounded"]

Floats = NDArray[np.float64]

CLAIM = 0.975
"""Benefit is claimed where its probability is above this."""
SHORT = dict(zip(ESTIMANDS, ("rd", "log_or"), strict=True))
_FIRST = 10


@dataclass(frozen=True)
class Figure:
    """A figure over trials and its Monte Carlo standard error."""

    value: float
    mcse: float


@dataclass(frozen=True)
class Performance:
    """One analysis over the trials of a scenario.

    Attributes
    ----------
    analysis, label : str
    trials, refitted : int
        All of them, and those that took more points.
    failures : dict of str to int
        Trials without a sound fit, by reason. They claim nothing, and enter no figure but the claims.
    figures : dict of str to Figure
        'rd_bias', 'rd_rmse', 'rd_coverage', 'rd_claims', the same of 'log_or'; of models with outliers
        'contaminated_mean' and 'contaminated_above_0.5' and 'contaminated_above_0.9', over contaminated control arms,
        and 'ordinary_above_0.5', trials in which any uncontaminated site has P(outlier) > 0.5 in either arm.
    largest : dict of str to float
        Largest P(outlier) over trials, 'contaminated' and 'ordinary'.
    first : list of float or None
        P(benefit) by the risk difference in the first trials, to be checked by running these again; None for failures.
    """

    analysis: str
    label: str
    trials: int
    refitted: int
    failures: dict[str, int]
    figures: dict[str, Figure]
    largest: dict[str, float] = field(default_factory=dict)
    first: list[float | None] = field(default_factory=list)


def performance_of(
    analysis: Analysis,
    scenario: Scenario,
    risk_differences: Floats,
    contaminated: list[NDArray[np.bool_]],
    fitted: Sequence[Fitted],
) -> Performance:
    """Compare what one analysis said of each trial with its truth.

    Parameters
    ----------
    risk_differences : array, shape (trials,)
        True ones of all patients.
    contaminated : list of arrays of bool, one for each trial, of shape (sites,)
    """
    sound = np.array([not item.failure for item in fitted])
    truths = {ESTIMANDS[0]: risk_differences, ESTIMANDS[1]: np.full(len(fitted), scenario.log_odds_ratio)}
    figures: dict[str, Figure] = {}
    for name, truth in truths.items():
        mean, low, high = np.array([item.estimates[name] for item in fitted if not item.failure]).reshape(-1, 3).T
        error, true = mean - truth[sound], truth[sound]
        claims = np.array([item.above_zero.get(name, 0.0) > CLAIM for item in fitted])
        figures |= {
            f"{SHORT[name]}_bias": _mean(error),
            f"{SHORT[name]}_rmse": _root_mean_square(error),
            f"{SHORT[name]}_coverage": _share((low <= true) & (true <= high)),
            f"{SHORT[name]}_claims": _share(claims),
        }
    outliers, largest = _outlier_figures(contaminated, fitted)
    return Performance(
        analysis.name, analysis.label, len(fitted), sum(item.refitted for item in fitted),
        dict(Counter(item.failure for item in fitted if item.failure)), figures | outliers, largest,
        [item.above_zero.get(ESTIMANDS[0]) for item in fitted[:_FIRST]],
    )  # fmt: skip


def _outlier_figures(
    contaminated: list[NDArray[np.bool_]], fitted: Sequence[Fitted]
) -> tuple[dict[str, Figure], dict[str, float]]:
    """Figures and largest values of P(outlier); nothing for models without outliers."""
    planted, ordinary = [], []
    for where, item in zip(contaminated, fitted, strict=True):
        if item.outlier is not None:
            planted.append(item.outlier[where, 0])
            ordinary.append(item.outlier[~where].max())
    if not ordinary:
        return {}, {}
    figures = {"ordinary_above_0.5": _share(np.array(ordinary) > 0.5)}
    largest = {"ordinary": rounded(np.max(ordinary))}
    found = np.array(planted)
    if found.size:
        # sites of one trial are not independent, so each trial gives one number
        figures |= {"contaminated_mean": _mean(found.mean(axis=1))}
        figures |= {f"contaminated_above_{limit}": _mean_share((found > limit).mean(axis=1)) for limit in (0.5, 0.9)}
        largest["contaminated"] = rounded(found.max())
    return figures, largest


def _mean(values: Floats) -> Figure:
    if values.size < 2:  # there is no spread to tell the error by
        return Figure(rounded(values[0]) if values.size else np.nan, np.nan)
    return Figure(rounded(values.mean()), rounded(values.std(ddof=1) / np.sqrt(values.size)))


def _root_mean_square(errors: Floats) -> Figure:
    squares = _mean(errors**2)
    root = np.sqrt(squares.value)
    return Figure(rounded(root), rounded(squares.mcse / (2 * root)))


def _share(event: NDArray[np.bool_]) -> Figure:
    """One more of either kind is counted for the error, so that 0 and 1 have one too."""
    if not event.size:
        return Figure(np.nan, np.nan)
    held = (event.sum() + 1) / (event.size + 2)
    return Figure(rounded(event.mean()), rounded(np.sqrt(held * (1 - held) / event.size)))


def _mean_share(shares: Floats) -> Figure:
    """Mean of one share for each trial; where all trials are alike, their spread says nothing of the error."""
    return _share(shares == 1) if np.isin(shares, (0, 1)).all() else _mean(shares)


def rounded(value: float) -> float:
    """To the digits that are stored."""
    return float(f"{value:.5g}")
