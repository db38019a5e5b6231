"""'Your prior': the results that a page shows under a prior of the reader's choice, computed and written here."""

from __future__ import annotations

import math
from typing import Any

from bayes_lupil.characters import visible
from bayes_lupil.numbers import interval, percent, points, points_interval, ratio
from bayes_lupil.published.priors import BELIEFS, STRENGTHS
from bayes_lupil.report.reanalysis.figures.prior_chart import start_of, thousandths
from bayes_lupil.sensitivity.effect_priors import PriorAnalysis
from bayes_lupil.sensitivity.normal_priors import AtPrior

__all__ = ["payload"]

_ALONE = ("declared", "flat")


def payload(priors: PriorAnalysis) -> dict[str, Any]:
    """What the script of the page reads, as plain data: every prior of the map, and those that have a name.

    `cells` are in the order of the map, SD by SD, then the named ones; of each the prior, how it is described, and the
    results as they are shown, with the numbers behind them; None in place of results that neither the draws nor refits
    can tell.
    """
    found, source = priors.map, priors.posterior.provenance
    decision, sign = priors.posterior.spec.decision, source.end_point.sign
    start = start_of(priors)
    on_map = [
        _cell(item, float(mean), float(sd), sign)
        for item, (sd, mean) in zip(found.cells, ((sd, mean) for sd in found.sds for mean in found.means), strict=True)
    ]
    names = {name: item for name, item in found.named.items() if name in _ALONE or name.split()[0] in BELIEFS}
    named = {
        name: _cell(item, item.prior.mean, item.prior.sd, sign) for name, item in names.items() if item is not None
    }
    thresholds = [] if start is None else [item.threshold for item in start.ladder if item.kind == "benefit"]
    return {
        "means": [float(mean) for mean in found.means],
        "sds": [float(sd) for sd in found.sds],
        "cells": on_map,
        "named": named,
        "beliefs": [name for name in ("declared", *BELIEFS, "flat") if name in _beliefs(named)],
        "strengths": list(STRENGTHS),
        "start": "" if start is None else start.prior.name,
        "thresholds": [_beyond(threshold) for threshold in thresholds],
        "active": visible(source.arms.active),
        "control": visible(source.arms.control),
        "harm": decision.harm,
    }


def _beliefs(named: dict[str, Any]) -> set[str]:
    return {name.split()[0] for name in named}


def _beyond(threshold: float) -> str:
    return "at all" if threshold == 0 else f"by more than {100 * threshold:g} points"


def _cell(item: AtPrior | None, mean: float, sd: float, sign: int) -> dict[str, Any]:
    """One prior: what it says before the data, and what follows."""
    low, high = (math.exp(mean + z * sd) for z in (-1.959963984540054, 1.959963984540054))
    cell: dict[str, Any] = {
        "mean": mean, "sd": sd, "centre": _odds(math.exp(mean)), "range": interval(_odds(low), _odds(high)),
        "before": percent(0.5 * (1 + math.erf(sign * mean / (sd * math.sqrt(2))))), "result": None,
    }  # fmt: skip
    if item is not None:
        benefit = [row for row in item.ladder if row.kind == "benefit"]
        harm = next(row for row in item.ladder if row.kind == "harm")
        cell["result"] = {
            "p": [_told(row.probability, row.mcse) for row in benefit],
            "value": [_number(row.probability) for row in benefit],
            "mcse": [_number(row.mcse) for row in benefit],
            "worse": _told(harm.probability, harm.mcse),
            "worse_value": _number(harm.probability),
            "difference": f"{points(item.median)} ({points_interval(item.lower, item.upper)})",
            "median": float(item.median),
            "density": thousandths(item.density),
        }
    return cell


def _odds(value: float) -> str:
    return ratio(value) if 0.005 <= value < 1000 else "above 1000" if value > 1 else "below 0.01"


def _told(probability: float, error: float) -> str:
    return "too few draws to tell" if math.isnan(probability) else percent(probability, error)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(f"{value:.6g}")
