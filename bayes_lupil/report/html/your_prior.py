"""'Your prior': the draws that a page needs to compute the posterior under a prior of the reader's choice.

The page reweights the draws as `bayes_lupil.sensitivity.effect_prior` does, by the same rules, and refuses by the same
rules where the draws cannot tell. Without a script, a table of the standard priors stands in its place.
"""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.convergence import MAX_K_HAT, MIN_ESS, describe, describe_independent
from bayes_lupil.posterior import Posterior
from bayes_lupil.priors.families import Normal
from bayes_lupil.report.blocks import Table, visible
from bayes_lupil.report.numbers import interval, points, probability
from bayes_lupil.report.prior_rows import BEFORE, before_the_data
from bayes_lupil.sensitivity.effect_prior import PriorAnalysis, UnderPrior
from bayes_lupil.trials.trial import EndPoint

__all__ = ["MAX_DRAWS", "payload", "static_table"]

MAX_DRAWS = 20_000
"""More make the page large and slow, and the answer no better: its Monte Carlo error is in the third decimal."""
_MEANS = 2.5  # of the slider: odds ratios between 1/12 and 12
_SDS = (0.1, 10.0)


def payload(priors: PriorAnalysis) -> dict[str, Any]:
    """What the script of the page reads, as plain data.

    Draws are base64 of little-endian numbers: `beta` (log odds ratio) and `risk_difference` (active minus control) as
    float32, `log_prior` (log density of the declared prior, at `beta` as rounded) as float64.
    """
    post = priors.posterior
    beta, rd, ess = _draws(post)
    end_point, decision, declared = post.provenance.end_point, post.spec.decision, post.spec.priors.beta
    presets = [_preset(p.name, p.mean, p.sd, p.reason) for p in (row.prior for row in priors.rows)]
    if isinstance(declared, Normal):
        presets.append(_preset("declared", declared.mean, declared.sd, declared.reason))
    furthest = max(_MEANS, *(math.ceil(10 * abs(p["mean"])) / 10 for p in presets))
    sds = [p["sd"] for p in presets]
    return {
        "beta": _base64(beta, "<f4"),
        "risk_difference": _base64(rd, "<f4"),
        # at the rounded draws, so that the declared prior itself gives weights that are equal to the last digits
        "log_prior": _base64(declared.logpdf(beta.astype("<f4").astype(float)), "<f8"),
        "size": int(beta.size),
        "ess": ess,
        "sign": end_point.sign,
        "control": visible(post.provenance.arms.control),
        "active": visible(post.provenance.arms.active),
        "relevant": decision.relevant,
        "harm": decision.harm,
        "min_ess": MIN_ESS,
        "max_k_hat": MAX_K_HAT,
        "presets": presets,
        "start": presets[-1]["name"] if isinstance(declared, Normal) else "neutral",
        "means": [-furthest, furthest],
        "sds": [min(_SDS[0], *sds), max(_SDS[1], *sds)],
    }


def static_table(priors: PriorAnalysis) -> Table:
    """The posterior under each standard prior: what the page shows to those without a script, and on paper."""
    post = priors.posterior
    return Table.of(
        (
            *BEFORE, "P(benefit) after", f"P(benefit of at least {100 * post.spec.decision.relevant:g} points)",
            "risk difference, median (points)",
            "95 % credible interval",
        ),
        [_cells(row, post.provenance.end_point) for row in priors.rows],
        "Standard priors of the log odds ratio, and the posterior under each",
        "effect_priors.csv",
    )  # fmt: skip


def _cells(row: UnderPrior, end_point: EndPoint) -> tuple[str, ...]:
    rd, before = row.changed.estimates["risk_difference"], before_the_data(row.prior, end_point)
    if not row.changed.ok:
        return (*before, *["no figure"] * 4)
    relevant = next(item for item in row.ladder if item.kind == "relevant")
    return (
        *before,
        probability(row.changed.p_benefit, row.changed.p_benefit_mcse),
        probability(relevant.probability, relevant.mcse),
        points(rd.q50),
        interval(points(rd.q2_5), points(rd.q97_5)),
    )


def _preset(name: str, mean: float, sd: float, reason: str) -> dict[str, Any]:
    return {"name": name, "mean": mean, "sd": sd, "reason": visible(reason)}


def _draws(post: Posterior) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Log odds ratio, risk difference, and how many independent draws they are worth; thinned evenly where many."""
    beta, rd = post.draws("beta"), post.draws("risk_difference")
    if beta.size <= MAX_DRAWS:
        return beta.ravel(), rd.ravel(), float(post.row("risk_difference").ess_bulk)
    chains, length = beta.shape
    kept = np.linspace(0, length - 1, MAX_DRAWS // chains).round().astype(int)
    beta, rd = beta[:, kept], rd[:, kept]
    summarise = describe_independent if "pareto_k" in post.diagnostics else describe
    return beta.ravel(), rd.ravel(), float(summarise("risk_difference", rd).ess_bulk)


def _base64(values: NDArray[np.float64], kind: str) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype=kind).tobytes()).decode("ascii")
