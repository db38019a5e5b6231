"""'Your prior': the results that a page shows under a prior of the reader's choice, computed and written here."""

from __future__ import annotations

import math
from typing import Any

from bayes_lupil.characters import visible
from bayes_lupil.numbers import in_points, interval, odds_ratio, percent, points, points_interval, ratio
from bayes_lupil.published.priors import BELIEFS, STRENGTHS, EffectPrior
from bayes_lupil.report.reanalysis.figures.prior_chart import start_of, thousandths
from bayes_lupil.sensitivity.effect_priors import PriorAnalysis
from bayes_lupil.sensitivity.normal_priors import AtPrior

__all__ = ["payload"]


def payload(priors: PriorAnalysis) -> dict[str, Any]:
    """What the script of the page reads, as plain data: every prior of the map, and those that have a name.

    `cells` are in the order of the map, SD by SD, and `named` those with a name that have a result; of each the prior,
    how it is described, and the results as they are shown, with the numbers behind them; None in place of results that
    neither the draws nor refits can tell.
    """
    found, source = priors.map, priors.posterior.provenance
    decision, sign = priors.posterior.spec.decision, source.end_point.sign
    start = start_of(priors)
    named = {name: _cell(item.prior, item, sign) for name, item in found.named.items() if item is not None}
    beliefs = {name.split()[0] for name in named}
    thresholds = [] if start is None else [item.threshold for item in start.ladder if item.kind == "benefit"]
    return {
        "means": [float(mean) for mean in found.means],
        "sds": [float(sd) for sd in found.sds],
        "cells": [_cell(prior, item, sign) for prior, item in zip(found.priors, found.cells, strict=True)],
        "points": found.axis.size,
        "named": named,
        "beliefs": [name for name in ("declared", *BELIEFS, "flat") if name in beliefs],
        "strengths": list(STRENGTHS),
        "start": "" if start is None else start.prior.name,
        "thresholds": [_beyond(threshold) for threshold in thresholds],
        "active": visible(source.arms.active),
        "control": visible(source.arms.control),
        "harm": decision.harm,
    }


def _beyond(threshold: float) -> str:
    return "at all" if threshold == 0 else f"by more than {in_points(100 * threshold)}"


def _cell(prior: EffectPrior, item: AtPrior | None, sign: int) -> dict[str, Any]:
    """One prior: what it says before the data, and what follows."""
    cell: dict[str, Any] = {
        "mean": prior.mean, "sd": prior.sd, "centre": _odds(math.exp(prior.mean)),
        "range": interval(*map(_odds, prior.range())), "before": percent(prior.p_benefit(sign)), "result": None,
    }  # fmt: skip
    if item is not None:
        benefit = [row for row in item.ladder if row.kind == "benefit"]
        harm = next(row for row in item.ladder if row.kind == "harm")
        cell["result"] = {
            "p": [_told(row.probability, row.mcse) for row in benefit],
            "value": [_number(row.probability) for row in benefit],
            "worse": _told(harm.probability, harm.mcse),
            "worse_value": _number(harm.probability),
            "difference": f"{points(item.median)} ({points_interval(item.lower, item.upper)})",
            "median": float(item.median),
            "density": thousandths(item.density),
        }
    return cell


def _odds(value: float) -> str:
    return odds_ratio(value, ratio(value))


def _told(probability: float, error: float) -> str:
    return "too few draws to tell" if math.isnan(probability) else percent(probability, error)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(f"{value:.6g}")
