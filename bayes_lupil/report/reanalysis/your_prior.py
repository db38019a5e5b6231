"""'Your prior': the draws that a page needs to compute the posterior under a prior of the reader's choice.

The page reweights the draws as `bayes_lupil.sensitivity.effect_priors` does, by the same rules, and refuses by the same
rules where the draws cannot tell. Without a script, a table of the standard priors stands in its place.
"""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.characters import visible
from bayes_lupil.posterior import Posterior
from bayes_lupil.posterior.diagnostics import MIN_ESS, UNSEEN, describe, describe_independent
from bayes_lupil.priors.families import Normal
from bayes_lupil.sensitivity.effect_priors import PriorAnalysis
from bayes_lupil.sensitivity.preconditions import MAX_LOG_RATIO
from bayes_lupil.sensitivity.reweighting import FEWEST, FEWEST_IN_TAIL, MAX_WEIGHTED_K_HAT

__all__ = ["MAX_DRAWS", "payload"]

MAX_DRAWS = 20_000
"""More make the page large and slow, and the answer no better: its Monte Carlo error is in the third decimal."""
_MEANS = 2.5  # of the slider: odds ratios between 1/12 and 12
_SDS = (0.1, 10.0)


def payload(priors: PriorAnalysis) -> dict[str, Any]:
    """What the script of the page reads, as plain data.

    `sets` holds the draws of every fit of the analysis, that of the model file first, each with mean and SD of the
    normal prior of the effect that it was made under (None where that is not normal). Draws are base64 of little-endian
    float32: `beta` (log odds ratio) and `risk_difference` (active minus control); `shared` says whether draws of equal
    beta share a point and count as one.
    """
    post = priors.posterior
    end_point, decision, declared = post.provenance.end_point, post.spec.decision, post.spec.priors.beta
    presets = [_preset(p.name, p.mean, p.sd, p.reason) for p in (row.prior for row in priors.rows)]
    if isinstance(declared, Normal):
        presets.append(_preset("declared", declared.mean, declared.sd, declared.reason))
    furthest = max(_MEANS, *(math.ceil(10 * abs(p["mean"])) / 10 for p in presets))
    sds = [p["sd"] for p in presets]
    return {
        "sets": [_set(item) for item in priors.fits],
        "sign": end_point.sign,
        "control": visible(post.provenance.arms.control),
        "active": visible(post.provenance.arms.active),
        "relevant": decision.relevant,
        "harm": decision.harm,
        "min_ess": MIN_ESS,
        "max_k_hat": MAX_WEIGHTED_K_HAT,
        "max_log_ratio": MAX_LOG_RATIO,
        "fewest": FEWEST,
        "fewest_in_tail": FEWEST_IN_TAIL,
        "unseen": UNSEEN,
        "presets": presets,
        "start": presets[-1]["name"] if isinstance(declared, Normal) else "neutral",
        "means": [-furthest, furthest],
        "sds": [min(_SDS[0], *sds), max(_SDS[1], *sds)],
    }


def _preset(name: str, mean: float, sd: float, reason: str) -> dict[str, Any]:
    return {"name": name, "mean": mean, "sd": sd, "reason": visible(reason)}


def _set(post: Posterior) -> dict[str, Any]:
    """Log odds ratios and risk differences, and how many independent draws they are worth; thinned where many."""
    beta, rd = post.draws("beta"), post.draws("risk_difference")
    ess = float(post.row("risk_difference").ess_bulk)
    if beta.size > MAX_DRAWS:
        chains, length = beta.shape
        kept = np.linspace(0, length - 1, MAX_DRAWS // chains).round().astype(int)
        beta, rd = beta[:, kept], rd[:, kept]
        if "pareto_k" in post.diagnostics:
            statistics = post.data["sample_stats"]
            points = np.asarray(statistics["point"])[:, kept] if "point" in statistics else None
            ess = describe_independent("risk_difference", rd, points).ess_bulk
        else:
            ess = describe("risk_difference", rd).ess_bulk
    prior = post.spec.priors.beta
    normal = (prior.mean, prior.sd) if isinstance(prior, Normal) else (None, None)
    row, chances = post.row("risk_difference"), post.chances
    told = {
        "interval": [row.q2_5, row.q50, row.q97_5],
        **{kind: [chances[kind].probability, chances[kind].mcse] for kind in ("benefit", "relevant", "harm")},
    }
    return {
        "told": told, "beta": _base64(beta.ravel(), "<f4"), "risk_difference": _base64(rd.ravel(), "<f4"), "ess": ess,
        "mean": normal[0], "sd": normal[1], "shared": "pareto_k" in post.diagnostics,
    }  # fmt: skip


def _base64(values: NDArray[np.float64], kind: str) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype=kind).tobytes()).decode("ascii")
