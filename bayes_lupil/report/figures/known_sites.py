"""Whether a fit has rates of single sites to show."""

from __future__ import annotations

from bayes_lupil.errors import InputError
from bayes_lupil.posterior import Posterior

__all__ = ["check_sites", "has_sites"]


def has_sites(posterior: Posterior) -> bool:
    """Whether the fit is to a table of several known sites."""
    observed = posterior.data["observed_data"]
    return "y" in observed.data_vars and observed["y"].sizes.get("site", 1) > 1


def check_sites(posterior: Posterior) -> None:
    """That there are rates of sites to show, raw and by the model."""
    spec, source = posterior.spec, posterior.provenance
    if spec.sites.pooled:
        raise InputError(
            "figure of sites", f"the model '{spec.name}', which has no site effects (its sites are pooled)",
            "a model with site effects",
            f"Fit site_effects, site_intercepts or site_fixed, or another model in which sites.intercepts or "
            f"sites.effects is 'partial' or 'fixed', to trial '{source.trial}'.",
        )  # fmt: skip
    if source.end_point.kind != "binary":
        raise InputError(
            "figure of sites", f"the continuous end point '{source.end_point.name}'",
            "a binary end point, which has response rates by site", "See post.summary(sites=True).",
        )  # fmt: skip
    if not has_sites(posterior):
        raise InputError(
            "figure of sites", f"a fit to trial '{source.trial}', whose patients by site are not published",
            "a trial with a table of several sites",
        )  # fmt: skip
