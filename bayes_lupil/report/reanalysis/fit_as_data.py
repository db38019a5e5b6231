"""One fit as plain data, for JSON."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from bayes_lupil.posterior.estimands import ESTIMANDS

if TYPE_CHECKING:
    from bayes_lupil.posterior import Posterior

__all__ = ["plain_result"]


def plain_result(posterior: Posterior) -> dict[str, Any]:
    """One object: parameters, estimands, benefit and verdict; see `Posterior.to_json`."""
    scalars = {
        row.name: {k: _plain(v) for k, v in row.to_dict().items() if k != "name"}
        for row in posterior.rows
        if "[" not in row.name
    }
    ladder = [row.to_dict() for row in posterior.ladder]
    benefit, nnt = posterior.p_benefit, posterior.nnt
    return {
        "trial": posterior.provenance.trial,
        "model": posterior.spec.name,
        **({"edited": posterior.spec.edits.words} if posterior.spec.edits else {}),
        "synthetic": posterior.provenance.synthetic,
        "warnings": list(posterior.provenance.cautions),
        "end_point": posterior.provenance.end_point.label,
        "population": posterior.provenance.population_label,
        "arms": {"control": posterior.provenance.arms.control, "active": posterior.provenance.arms.active},
        "benefit_direction": posterior.provenance.end_point.benefit,
        "parameters": {name: row for name, row in scalars.items() if name not in ESTIMANDS},
        "estimands": {name: row for name, row in scalars.items() if name in ESTIMANDS},
        "nnt": {**nnt.__dict__} if nnt else None,
        "p_benefit": {"probability": benefit.probability, "mcse": benefit.mcse} if benefit else None,
        "ladder": ladder,
        "diagnostics": {k: _plain(v) for k, v in (posterior.diagnostics | posterior.verdict.to_dict()).items()},
        "provenance": {
            "data_hash": posterior.provenance.data_hash,
            "model_hash": posterior.provenance.model_hash,
            "seed": posterior.provenance.seed,
            "sampler": posterior.provenance.sampler,
            "notes": list(posterior.provenance.notes),
        },
    }


def _plain(value: Any) -> Any:
    """JSON has no infinity and no NaN."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
