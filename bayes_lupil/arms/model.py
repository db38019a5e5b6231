"""Several active arms against one control as one density.

With K active arms, at site s

    logit p_s0 = alpha + u_s + x_0 (1 / K) sum_k (beta_k + v_sk)        control
    logit p_sk = logit p_s0 + beta_k + v_sk                             active arm k
    u_s ~ N(0, tau_u^2),   v_sk = tau_v (g_s + f_sk) / 2^(1/2),   g_s, f_sk ~ N(0, 1)

so that effects of one site have the SD tau_v and a correlation of 1/2, and differences between two active arms the SD
tau_v as well: whichever arm is the reference, sites differ alike (Higgins and Whitehead 1996, Stat Med 15:2733-2749; Lu
and Ades 2004, Stat Med 23:3105-3124). x_0 is the model file's code of control, -1/2 where coding is centred and 0 else,
so that one active arm is the model of two arms. The effects beta_k have the prior of the model file each; or, where
arms are exchangeable,

    beta_k = beta + tau_arm z_k,   z_k ~ N(0, 1)

with that prior for beta, and arms shrink towards each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.arms.table import ArmsTable
from bayes_lupil.errors import UnsupportedModelError
from bayes_lupil.likelihoods.density import Density
from bayes_lupil.likelihoods.prior_bounds import check_priors, prior_bounds
from bayes_lupil.likelihoods.site_effects import Parameter
from bayes_lupil.priors import EffectOnRisk, Normal, Prior
from bayes_lupil.spec import ModelSpec, Sampler

__all__ = ["ArmsModel"]

Floats = NDArray[np.float64]
Values = Mapping[str, Any]

_STANDARD = Normal(mean=0, sd=1, reason="standardised, scaled by an SD")


@dataclass(frozen=True, eq=False)
class ArmsModel(Density):
    """A model file met with a table of several active arms.

    Attributes
    ----------
    spec : ModelSpec
        Of sites that are pooled, or differ normally in level, or in level and effect.
    table : ArmsTable
    between_arms : Prior or None
        Of tau_arm, the SD between active arms of their log odds ratios; None where arms are not exchangeable.

    Raises
    ------
    UnsupportedModelError
        For a model of another kind.
    """

    spec: ModelSpec
    table: ArmsTable
    between_arms: Prior | None = None

    def __post_init__(self) -> None:
        sites, spec = self.spec.sites, self.spec
        found = [
            f"sites.{key} = '{getattr(sites, key)}'"
            for key in ("intercepts", "effects")
            if getattr(sites, key) not in ("pooled", "partial")
        ]
        found += [f"sites.distribution = '{sites.distribution}'"] if sites.distribution != "normal" else []
        found += [f"[{name}]" for name in ("countries", "covariates") if getattr(spec, name) is not None]
        found += ["without_sites (leave them out of the table)"] if spec.without_sites else []
        found += ["sites.correlated"] if sites.correlated else []
        found += ["a prior of the risk difference"] if isinstance(spec.priors.beta, EffectOnRisk) else []
        found += ["a continuous end point"] if spec.continuous else []
        found += [f"sampler.engine = '{spec.sampler.engine}'"] if spec.sampler.engine not in ("auto", "nuts") else []
        if found:
            raise UnsupportedModelError(
                f"model '{spec.name}'", ", ".join(found), "for several arms: sites pooled or partial, normal, of one "
                "level, without covariates, with a prior of the log odds ratio, sampled by NUTS",
            )  # fmt: skip
        check_priors(spec)
        low, high = prior_bounds("tau_u", continuous=False)
        if self.between_arms is not None and not low <= float(self.between_arms.ppf(0.5)) <= high:
            told = self.between_arms.describe()
            raise UnsupportedModelError("prior of tau_arm", told, f"a median between {low:g} and {high:g}")

    @property
    def sampler(self) -> Sampler:
        """Settings of the engine."""
        return self.spec.sampler

    @property
    def coords(self) -> dict[str, Any]:
        """Sites, all arms, and the active ones."""
        return {"site": list(self.table.sites), "arm": list(self.table.arms), "active": list(self.table.arms[1:])}

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """Free parameters with their priors; effects of sites and of exchangeable arms are standardised."""
        priors = self.spec.priors
        found = [Parameter("alpha", priors.alpha)]
        if self.between_arms is None:
            found.append(Parameter("beta", priors.beta, ("active",)))
        else:
            found += [Parameter("beta_average", priors.beta), Parameter("tau_arm", self.between_arms),
                      Parameter("z", _STANDARD, ("active",))]  # fmt: skip
        if priors.tau_u is not None:
            found += [Parameter("tau_u", priors.tau_u), Parameter("e", _STANDARD, ("site",))]
        if priors.tau_v is not None:
            found += [Parameter("tau_v", priors.tau_v), Parameter("g", _STANDARD, ("site",)),
                      Parameter("f", _STANDARD, ("active", "site"))]  # fmt: skip
        return tuple(found)

    def log_odds_ratios(self, values: Values) -> Any:
        """At an average site, shape (..., active)."""
        if self.between_arms is None:
            return values["beta"]
        return values["beta_average"][..., None] + values["tau_arm"][..., None] * values["z"]

    def linear_predictor(self, values: Values, concatenate: Callable[..., Any] = np.concatenate) -> Any:
        """Log odds by arm and site, shape (..., arms, sites); of a graph with its own `concatenate`."""
        effects = self.log_odds_ratios(values)[..., None]
        level = values["alpha"][..., None]
        if "f" in values:
            each = (values["g"][..., None, :] + values["f"]) * np.sqrt(0.5)
            effects = effects + values["tau_v"][..., None, None] * each
        if "e" in values:
            level = level + values["tau_u"][..., None] * values["e"]
        # where a model has sites pooled, there is still one term for each of them
        level = level + np.zeros(len(self.table.sites))
        effects = effects + np.zeros(len(self.table.sites))
        control = (level + self.spec.sites.x[0] * effects.mean(axis=-2))[..., None, :]
        return concatenate([control, control + effects], axis=-2)

    def log_likelihood(self, values: Values) -> Floats:
        """Sum over sites and arms, shape (...)."""
        from scipy.special import gammaln, log_expit

        y, n, eta = self.table.responders.T, self.table.n.T, self.linear_predictor(values)
        ways = gammaln(n + 1) - gammaln(y + 1) - gammaln(n - y + 1)
        return np.asarray((ways + y * log_expit(eta) + (n - y) * log_expit(-eta)).sum(axis=(-2, -1)))

    def pymc_model(self) -> Any:
        """The same density as a PyMC graph."""
        import pymc as pm
        import pytensor
        import pytensor.tensor as pt

        double = pytensor.config.change_flags(cast_policy="numpy+floatX")
        with double, pm.Model(coords=self.coords) as model:
            values: dict[str, Any] = {}
            for item in self.parameters:
                values[item.name] = item.pymc(values)
            y, n = (pm.Data(name, value, dims=("arm", "site")) for name, value in self.graph_data().items())
            eta = self.linear_predictor(values, pt.concatenate)
            ways = pt.gammaln(n + 1) - pt.gammaln(y + 1) - pt.gammaln(n - y + 1)
            # not pm.Binomial, whose density is 0 from a log odds of 37 on, where 1 - p rounds to 0
            pm.Potential("log_likelihood", pt.sum(ways - y * pt.softplus(-eta) - (n - y) * pt.softplus(eta)))
        return model

    def graph_data(self) -> dict[str, NDArray[np.number[Any]]]:
        """Responders and patients, shape (arms, sites)."""
        return {"responders": self.table.responders.T, "n": self.table.n.T}

    def graph_key(self) -> str:
        """Alike where two graphs differ in nothing but these data."""
        model = self.spec.to_dict()
        between = None if self.between_arms is None else self.between_arms.describe()
        return repr(("arms", model["sites"], model["priors"], between, self.coords))

    def probabilities(self, values: Values) -> Floats:
        """Response probability, shape (..., arms, sites)."""
        from scipy.special import expit

        return np.asarray(expit(self.linear_predictor(values)))
