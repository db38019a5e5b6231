"""The part that all likelihoods share: parameters of the site model and the log odds by site and arm.

    logit p_sa = alpha + u_s + (beta + v_s) x_a,   u_s = tau_u e_s,   v_s = tau_v (r e_s + (1 - r^2)^(1/2) f_s)

with standardised site effects e and f, independently normal or Student-t, and r the correlation (0 unless the model
has one). `log_odds` is written with operators that NumPy and PyTensor share, so that it exists once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.priors import Normal, Prior, StudentT
from bayes_lupil.spec import ModelSpec

__all__ = ["Parameter", "SiteModel"]

_REASON = "standardised site effect, scaled by tau"

Values = Mapping[str, Any]


@cache
def _standard(df: float | None) -> Prior:
    """Kept, because a distribution of SciPy's takes longer to make than to use."""
    return Normal(mean=0, sd=1, reason=_REASON) if df is None else StudentT(df=df, mean=0, scale=1, reason=_REASON)


@dataclass(frozen=True)
class Parameter:
    """A free quantity: its name, prior and dimensions."""

    name: str
    prior: Prior
    dims: tuple[str, ...] = ()


@dataclass(frozen=True)
class SiteModel:
    """Sites as a model file declares them, for a given number of sites.

    `Values` below means draws or random variables by parameter name: scalars of shape (...), site-level ones of
    shape (..., sites), with any leading axes.
    """

    spec: ModelSpec
    n_sites: int

    @property
    def standard(self) -> Prior:
        """Distribution of the standardised site effects."""
        return _standard(self.spec.sites.df)

    def parameters(self) -> tuple[Parameter, ...]:
        """Free parameters with their priors; site effects are standardised (non-centred)."""
        sites, priors = self.spec.sites, self.spec.priors
        found = [
            Parameter("alpha", priors.alpha, ("site",) if sites.intercepts == "fixed" else ()),
            Parameter("beta", priors.beta, ("site",) if sites.effects == "fixed" else ()),
        ]
        for tau, prior, effect in (("tau_u", priors.tau_u, "e"), ("tau_v", priors.tau_v, "f")):
            if prior is not None:
                found += [Parameter(tau, prior), Parameter(effect, self.standard, ("site",))]
        if priors.correlation is not None:
            found.append(Parameter("correlation", priors.correlation))
        return tuple(found)

    def effects(self, values: Values) -> dict[str, Any]:
        """Site effects u and v on the log-odds scale, where pooling is partial, shape (..., sites)."""
        found = {}
        if "tau_u" in values:
            found["u"] = values["tau_u"][..., None] * values["e"]
        if "tau_v" in values:
            standard = values["f"]
            if "correlation" in values:
                r = values["correlation"][..., None]
                standard = r * values["e"] + (1 - r**2) ** 0.5 * standard
            found["v"] = values["tau_v"][..., None] * standard
        return found

    def log_odds(self, values: Values) -> Any:
        """Log odds by site and arm, shape (..., sites, 2)."""
        sites = self.spec.sites
        effects = self.effects(values)
        each_site = np.ones(self.n_sites)
        base, slope = (
            values[name] if pooling == "fixed" else values[name][..., None] * each_site
            for name, pooling in (("alpha", sites.intercepts), ("beta", sites.effects))
        )
        base = base + effects.get("u", 0.0)
        slope = slope + effects.get("v", 0.0)
        return base[..., None] + slope[..., None] * np.array(sites.x)

    def new_site(self, values: Values, rng: np.random.Generator) -> dict[str, NDArray[np.float64]]:
        """Log odds and conditional log odds ratio at a site not in the trial, as far as the model says anything of it.

        Where intercepts are fixed nothing ties the level of a new site to the others, so there is no 'log_odds';
        where effects are fixed there is nothing at all.

        Returns
        -------
        dict with 'log_odds_ratio', shape (...), and 'log_odds', shape (..., 2), those of them that exist
        """
        if self.spec.sites.effects == "fixed":
            return {}
        base, slope = np.asarray(values["alpha"]), np.asarray(values["beta"])
        draws = (*slope.shape, 1)
        new = {
            name: self.standard.sample(rng, draws) for name, tau in (("e", "tau_u"), ("f", "tau_v")) if tau in values
        }
        effects = self.effects({**values, **new})
        base = base + effects["u"][..., 0] if "u" in effects else base
        slope = slope + effects["v"][..., 0] if "v" in effects else slope
        if self.spec.sites.intercepts == "fixed":
            return {"log_odds_ratio": slope}
        return {
            "log_odds": base[..., None] + slope[..., None] * np.array(self.spec.sites.x),
            "log_odds_ratio": slope,
        }
