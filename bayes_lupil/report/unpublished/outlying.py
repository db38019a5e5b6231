"""How probably the excluded sites are outlying, under each site model that has outliers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bayes_lupil.posterior.diagnostics import mcse_proportion
from bayes_lupil.unpublished.analysis import UnpublishedAnalysis

__all__ = ["ExcludedSite", "outlying_by_site"]


@dataclass(frozen=True)
class ExcludedSite:
    """How probably an excluded site is outlying under one model.

    Attributes
    ----------
    model, site : str
    control, active : float
        P(outlier) by arm.
    mcse : float
        The larger of their Monte Carlo standard errors.
    prior_share : float
        Mean share of outlying sites a priori; NaN where the model has no such share.
    """

    model: str
    site: str
    control: float
    active: float
    mcse: float
    prior_share: float


def outlying_by_site(result: UnpublishedAnalysis) -> list[ExcludedSite]:
    """One item a model with outliers and an excluded site."""
    named = [str(site) for site in np.asarray(result.hidden.posterior.data["posterior"]["site"])]
    excluded = [site for site in named if not site.startswith("ordinary")]
    rows = []
    for name, posterior in result.sound.items():
        group = posterior.data.children.get("outliers")
        if group is None or "outlier" not in group.data_vars:
            continue
        prior = posterior.data["prior"]
        share = float(prior["outlier_share"].mean()) if "outlier_share" in prior else float("nan")
        found = np.asarray(group["outlier"].sel(site=excluded).transpose("chain", "draw", "site", "arm").values)
        for i, site in enumerate(excluded):
            chances = [float(found[:, :, i, a].mean()) for a in (0, 1)]
            errors = [mcse_proportion(found[:, :, i, a] > 0.5, found[..., 0, 0].size) for a in (0, 1)]
            rows.append(ExcludedSite(name, site, chances[0], chances[1], max(errors), share))
    return rows
