"""The part that all likelihoods share: parameters of the site model and the linear predictor by site and arm.

    eta_sa = alpha + u_s + (beta + v_s) x_a,   u_s = tau_u e_s,   v_s = tau_v (r e_s + (1 - r^2)^(1/2) f_s)

with standardised site effects e and f, independently normal or Student-t, and r the correlation (0 unless the model
has one). At contaminated sites deviations are added to u and v (`deviations`); where effects are exchangeable or not,
beta + v_s of a site that is not is m + s g_s, with the prior N(m, s^2) of its own. Where sites lie in countries,

    eta_sa = alpha + c_g + u_s + (beta + d_g + v_s) x_a,   c_g = tau_c e_g, d_g = tau_d f_g, g the country of site s,

with e_g and f_g standard normal or Student-t, and deviations added to c and d of contaminated countries. Levels
of countries that are fixed have a known SD in place of tau_c. `linear_predictor` is
written with operators that NumPy and PyTensor share, so that it exists once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.likelihoods.spike_and_slab import deviates, deviation
from bayes_lupil.priors import EffectOnRisk, Normal, Prior, StudentT
from bayes_lupil.spec import ModelSpec

__all__ = ["NONEXCHANGEABLE", "Parameter", "SiteModel"]

_REASON = "standardised site effect, scaled by tau"
NONEXCHANGEABLE = "nonexchangeable"
"""Which sites' effects are not exchangeable, 0 or 1 by site: no parameter, since NUTS cannot draw it."""

_OF_THESE_SITES = {"u", "v", "c", "d", NONEXCHANGEABLE, "excluded_level"}

Values = Mapping[str, Any]


@cache
def _standard(df: float | None) -> Prior:
    """Kept, because a distribution of SciPy's takes longer to make than to use."""
    return Normal(mean=0, sd=1, reason=_REASON) if df is None else StudentT(df=df, mean=0, scale=1, reason=_REASON)


class _StandardT:
    """Student-t site effects whose degrees of freedom are a parameter of the model."""

    def logpdf(self, x: Any, df: Any) -> NDArray[np.float64]:
        from scipy import stats

        return np.asarray(stats.t.logpdf(x, df), dtype=float)

    def from_normal(self, z: Any, df: Any) -> NDArray[np.float64]:
        from scipy import stats
        from scipy.special import ndtr

        # by the smaller tail and the sign: Phi(z) itself is 1, and the quantile infinite, from z = 8.3 on
        return np.asarray(np.sign(z) * stats.t.isf(ndtr(-np.abs(z)), df), dtype=float)

    def sample(self, rng: np.random.Generator, size: tuple[int, ...], df: Any) -> NDArray[np.float64]:
        return np.asarray(rng.standard_t(df, size=size), dtype=float)

    def pymc(self, name: str, dims: tuple[str, ...], df: Any) -> Any:
        import pymc as pm

        return pm.StudentT(name, nu=df, mu=np.float64(0), sigma=np.float64(1), dims=dims)


def _by_unit(share: Any) -> Any:
    """A share, shape (...) or a number, beside values of each site or country."""
    return share[..., None] if getattr(share, "ndim", 0) else share


@dataclass(frozen=True)
class Parameter:
    """A free quantity: its name, prior, dimensions, and the parameters that its prior depends on."""

    name: str
    prior: Any
    dims: tuple[str, ...] = ()
    given: tuple[str, ...] = ()

    def _given(self, values: Values) -> list[Any]:
        return [values[name][..., None] if self.dims else values[name] for name in self.given]

    def logpdf(self, values: Values) -> NDArray[np.float64]:
        """Log prior density by element."""
        return np.asarray(self.prior.logpdf(values[self.name], *self._given(values)))

    def from_normal(self, z: NDArray[np.float64], values: Values) -> NDArray[np.float64]:
        """What standard normal z stand for under the prior; `values` holds what the prior depends on."""
        return np.asarray(self.prior.from_normal(z, *self._given(values)))

    def sample(self, rng: np.random.Generator, size: tuple[int, ...], values: Values) -> NDArray[np.float64]:
        """Draws of shape `size`; `values` holds what the prior depends on."""
        return np.asarray(self.prior.sample(rng, size, *self._given(values)))

    def pymc(self, values: Values) -> Any:
        """The random variable, added to the PyMC model in context."""
        return self.prior.pymc(self.name, self.dims, *self._given(values))


@dataclass(frozen=True)
class SiteModel:
    """Sites as a model file declares them, for a given number of sites.

    `Values` below means draws or random variables by parameter name: scalars of shape (...), site-level ones of
    shape (..., sites), with any leading axes. The first `n_excluded` sites are those that a published subset leaves
    out. An engine that draws site effects as wholes gives `u` and `v` in place of the variables behind them. `country`
    numbers the country of each site from 0; where it is empty, the model's countries, if it has any, are no part of
    what is described: it is then of the sites of one country, given its effects. Those of countries have the shape
    (..., countries). `covariates` names the coefficients of patients' covariates, one parameter each; the linear
    predictor is that of a patient whose covariates are the mean ones.
    """

    spec: ModelSpec
    n_sites: int
    n_excluded: int = 0
    country: tuple[int, ...] = ()
    covariates: tuple[str, ...] = ()

    @property
    def standard(self) -> Any:
        """Distribution of the standardised site effects."""
        return _StandardT() if self.spec.priors.df is not None else _standard(self.spec.sites.df)

    def parameters(self) -> tuple[Parameter, ...]:
        """Free parameters with their priors, those that others depend on first; site effects are standardised."""
        sites, priors = self.spec.sites, self.spec.priors
        shared = [("df", priors.df), ("outlier_share", priors.outlier_share)]
        on_control_risk = ("alpha",) if isinstance(priors.beta, EffectOnRisk) else ()
        found = [
            Parameter("alpha", priors.alpha, ("site",) if sites.intercepts == "fixed" else ()),
            Parameter("beta", priors.beta, ("site",) if sites.effects == "fixed" else (), on_control_risk),
            *(Parameter(name, prior) for name, prior in shared if prior is not None),
        ]
        given = ("df",) if priors.df is not None else ()
        for tau, prior, effect in (("tau_u", priors.tau_u, "e"), ("tau_v", priors.tau_v, "f")):
            if prior is not None:
                found += [Parameter(tau, prior), Parameter(effect, self.standard, ("site",), given)]
        if priors.correlation is not None:
            found.append(Parameter("correlation", priors.correlation))
        if priors.excluded_level is not None and self.n_excluded:
            found.append(Parameter("excluded_level", priors.excluded_level))
        found += [Parameter(f"d_{arm}", _standard(None), ("site",)) for arm in sites.deviations]
        if priors.nonexchangeable is not None:
            found.append(Parameter("g", _standard(None), ("site",)))
        if self.country:
            of_countries = (("tau_c", priors.tau_c), ("tau_d", priors.tau_d))
            found += [Parameter(tau, prior) for tau, prior in of_countries if prior is not None]
            if priors.country_outlier_share is not None:
                found.append(Parameter("country_outlier_share", priors.country_outlier_share))
            found += [Parameter(name, prior, ("country",)) for name, prior in self._behind_countries.items()]
        return (*found, *(Parameter(name, priors.coefficients) for name in self.covariates))

    @property
    def _behind_countries(self) -> dict[str, Prior]:
        """The standardised variables behind the countries' effects: normal, or Student-t where these are drawn so."""
        table = self.spec.countries
        if table is None:
            return {}
        found = {
            name: _standard(table.df if pooling == "partial" else None)
            for name, pooling in (("e_country", table.intercepts), ("f_country", table.effects))
            if pooling != "pooled"
        }
        return found | {f"d_{arm}_country": _standard(None) for arm in self.spec.country_deviations}

    @property
    def behind(self) -> frozenset[str]:
        """Names of the standardised variables behind the effects, which are shown as u and v, and c and d."""
        own = {"e", "f", "g", *(f"d_{arm}" for arm in self.spec.sites.deviations)}
        return frozenset(own.union(self._behind_countries))

    def share(self, values: Values) -> Any:
        """Share of the sites that are outlying or not exchangeable, shape (...) or a number."""
        fixed = self.spec.sites.outlier_share
        return values["outlier_share"] if fixed is None else np.float64(fixed)

    def effects(self, values: Values) -> dict[str, Any]:
        """Site effects u and v on the log-odds scale, where sites differ, shape (..., sites)."""
        if "u" in values or "v" in values:
            return {name: values[name] for name in ("u", "v") if name in values}
        found = {}
        if "tau_u" in values:
            found["u"] = values["tau_u"][..., None] * values["e"]
        if "tau_v" in values:
            standard = values["f"]
            if "correlation" in values:
                # Cholesky's factor of [[1, r], [r, 1]]: rows (1, 0) and (r, (1 - r^2)^(1/2))
                r = values["correlation"][..., None]
                standard = r * values["e"] + (1 - r**2) ** 0.5 * standard
            found["v"] = values["tau_v"][..., None] * standard
        if "g" in values:
            own, prior = values[NONEXCHANGEABLE], self.spec.priors.nonexchangeable
            # beta + v is m + s g at a site of its own, so there v = m + s g - beta
            alone = prior.mean + prior.sd * values["g"] - values["beta"][..., None]  # type: ignore[union-attr]
            found["v"] = (1 - own) * found["v"] + own * alone
        sd = self.spec.sites.outlier_sd
        for arm, (to_u, to_v) in self.spec.sites.deviations.items():
            d = sd * deviation(values[f"d_{arm}"], _by_unit(self.share(values)))
            found["u"] = found["u"] + to_u * d
            if to_v:
                found["v"] = found.get("v", 0.0) + to_v * d
        if "excluded_level" in values:  # these sites come first
            level = values["excluded_level"][..., None] * (np.arange(self.n_sites) < self.n_excluded)
            found["u"] = found.get("u", 0.0) + level
        return found

    def country_share(self, values: Values) -> Any:
        """Share of the countries that are outlying, shape (...) or a number."""
        fixed = self.spec.countries.outlier_share if self.spec.countries else None
        return values["country_outlier_share"] if fixed is None else np.float64(fixed)

    def country_effects(self, values: Values) -> dict[str, Any]:
        """Effects c and d of countries on the log-odds scale, where they differ, shape (..., countries)."""
        if not self.country or "c" in values or "d" in values:
            return {name: values[name] for name in ("c", "d") if name in values}
        fixed = self.spec.countries.fixed_sd if self.spec.countries else None
        found = {
            name: (values[tau][..., None] if tau in values else np.float64(fixed)) * values[standard]
            for name, tau, standard in (("c", "tau_c", "e_country"), ("d", "tau_d", "f_country"))
            if standard in self._behind_countries
        }
        for arm, (to_c, to_d) in self.spec.country_deviations.items():
            share = _by_unit(self.country_share(values))
            moved = self.spec.countries.outlier_sd * deviation(values[f"d_{arm}_country"], share)  # type: ignore[union-attr]
            found["c"] = found["c"] + to_c * moved
            if to_d:
                found["d"] = found.get("d", 0.0) + to_d * moved
        return found

    def outlying(self, values: Values) -> dict[str, Any]:
        """Whether each site deviates, 0 or 1 by 'site', 'control' or 'active', shape (..., sites)."""
        if not self.spec.sites.deviations:
            return {}
        share = _by_unit(self.share(values))
        return {arm: 1.0 * deviates(values[f"d_{arm}"], share) for arm in self.spec.sites.deviations}

    def outlying_countries(self, values: Values) -> dict[str, Any]:
        """Whether each country deviates, 0 or 1 by 'site', 'control' or 'active', shape (..., countries)."""
        if not self.spec.country_deviations:
            return {}
        share = _by_unit(self.country_share(values))
        return {arm: 1.0 * deviates(values[f"d_{arm}_country"], share) for arm in self.spec.country_deviations}

    def linear_predictor(self, values: Values) -> Any:
        """Log odds, or of a continuous end point the mean, by site and arm, shape (..., sites, 2)."""
        sites = self.spec.sites
        effects = self.effects(values)
        none = np.zeros(self.n_sites)
        base, slope = (
            (values[name] if pooling == "fixed" else values[name][..., None]) + effects.get(effect, none)
            for name, pooling, effect in (("alpha", sites.intercepts, "u"), ("beta", sites.effects, "v"))
        )
        if self.country:
            which, above = np.array(self.country), self.country_effects(values)
            base = base + above["c"].take(which, axis=-1) if "c" in above else base
            slope = slope + above["d"].take(which, axis=-1) if "d" in above else slope
        found = slope[..., None] * np.array(sites.x)
        found += base[..., None]
        return found

    def leaves_open(self, values: Values) -> bool:
        """Whether the values do not say which sites are exchangeable."""
        return "g" in values and NONEXCHANGEABLE not in values

    def linear_predictors(self, values: Values) -> list[tuple[Any, Any]]:
        """(share, linear predictor) of every component that the values leave open; if none is, one with the share 1."""
        if not self.leaves_open(values):
            return [(1.0, self.linear_predictor(values))]
        share = self.share(values)
        return [
            (chance, self.linear_predictor({**values, NONEXCHANGEABLE: np.float64(own)}))
            for own, chance in ((0, 1 - share), (1, share))
        ]

    def with_components(self, values: Values, rng: np.random.Generator, chance: Any = None) -> dict[str, Any]:
        """Values with the component of every site drawn, where they leave it open.

        `chance`, shape (..., sites), is the probability of a site that is not exchangeable; the prior's if not given.
        """
        if not self.leaves_open(values):
            return dict(values)
        if chance is None:
            chance = _by_unit(self.share(values))
        return {**values, NONEXCHANGEABLE: (rng.random(np.shape(values["g"])) < chance).astype(float)}

    def new_site(self, values: Values, rng: np.random.Generator) -> dict[str, NDArray[np.float64]]:
        """Linear predictor and effect at a site not in the trial, as far as the model says anything of it.

        Where sites lie in countries, it is a site in a country not in the trial. Where intercepts are fixed, of sites
        or countries, nothing ties the level of a new site to the others, so there is no 'linear_predictor'; where
        effects of sites are fixed there is nothing at all.

        Returns
        -------
        dict with 'effect', shape (...), and 'linear_predictor', shape (..., 2), those of them that exist
        """
        above = self.spec.countries
        if self.spec.sites.effects == "fixed":
            return {}
        base, slope = np.asarray(values["alpha"]), np.asarray(values["beta"])
        draws = (*slope.shape, 1)
        shared = {name: value for name, value in values.items() if name not in _OF_THESE_SITES}
        new = {item.name: item.sample(rng, draws, shared) for item in self.parameters() if item.name in self.behind}
        effects = self.effects(self.with_components({**shared, **new}, rng))
        base = base + effects["u"][..., 0] if "u" in effects else base
        slope = slope + effects["v"][..., 0] if "v" in effects else slope
        of_country = self.country_effects({**shared, **new})
        base = base + of_country["c"][..., 0] if "c" in of_country else base
        slope = slope + of_country["d"][..., 0] if "d" in of_country else slope
        if "fixed" in (self.spec.sites.intercepts, above and above.intercepts):
            return {"effect": slope}
        return {
            "linear_predictor": base[..., None] + slope[..., None] * np.array(self.spec.sites.x),
            "effect": slope,
        }
