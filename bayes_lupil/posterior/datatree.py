"""Builds the one DataTree that every engine's draws become, with named coordinates, as ArviZ expects it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayes_lupil.engines.draws import Draws
from bayes_lupil.errors import SamplerError
from bayes_lupil.likelihoods import EstimateLikelihood, Likelihood, NormalPatients
from bayes_lupil.likelihoods.base import Pointwise
from bayes_lupil.likelihoods.binomial_marginal import SiteMarginal
from bayes_lupil.posterior.estimands import estimate, estimate_means, estimate_of_effect

__all__ = ["PRIOR_DRAWS", "build_tree", "scalars"]

PRIOR_DRAWS = 4000
"""Draws from the prior; fewer where there are so many sites that they would fill the memory."""
_PRIOR_NUMBERS = 1_000_000
_LARGEST = 1e154  # its square is a number
_LEADING = ("chain", "draw")


def build_tree(likelihood: Likelihood, draws: Draws, *, alone: bool = False, sites: bool = True) -> xr.DataTree:
    """Posterior, prior, both predictive distributions, pointwise log likelihood, data and sampler statistics.

    Parameters
    ----------
    likelihood : Likelihood
    draws : Draws
    alone : bool
        Whether only what a second look at the posterior needs is made: no prior, predictive draws, densities or data.
    sites : bool
        Whether what there is of each site is kept: effects, response probabilities and log likelihoods.

    Returns
    -------
    xarray.DataTree
        Groups posterior, prior, posterior_predictive, prior_predictive, log_likelihood, log_prior, observed_data,
        constant_data, sample_stats; where sites are independent given the other parameters, site_log_likelihood: each
        site's log likelihood with its own effects integrated out; where sites are a mixture, outliers: at each draw
        the probability that a site is outlying (by arm) or not exchangeable, whose mean is the posterior
        probability, and where countries are one, outlier_country, that of a country (by arm); from the quadrature
        engine, diagnostics of the whole. Site-level variables have the dimension site, response probabilities site and
        arm, effects of countries country. The standardised effects of the sampler are replaced by u and v, c and d.

    Raises
    ------
    SamplerError
        Where draws, or what follows from them, are no numbers.
    """
    # one stream for each use, so that adding one never changes another
    streams = np.random.SeedSequence(likelihood.spec.sampler.seed).spawn(7)
    new_site, predictive, prior_new_site, prior_predictive, prior, components, prior_components = (
        np.random.default_rng(s) for s in streams
    )
    values = likelihood.with_components(draws.values, components)
    groups = {
        "posterior": _parameters(likelihood, values, new_site),
        "sample_stats": xr.Dataset({name: (_LEADING, value) for name, value in draws.statistics.items()}),
    }
    if not alone:
        fewer = min(PRIOR_DRAWS, max(_PRIOR_NUMBERS // len(likelihood.site_names), 200))
        drawn = {name: _numbers(name, value[None]) for name, value in likelihood.prior_draws(fewer, prior).items()}
        drawn = likelihood.sites.with_components(drawn, prior_components)
        groups |= {
            "posterior_predictive": _dataset(
                likelihood, [_by_chain(likelihood.simulate, values, predictive)], _LEADING
            ),
            "log_likelihood": _dataset(likelihood, [_by_chain(likelihood.pointwise, values)], _LEADING),
            "log_prior": _dataset(likelihood, _log_priors(likelihood, values), _LEADING),
            "prior": _parameters(likelihood, drawn, prior_new_site),
            "prior_predictive": _dataset(likelihood, [likelihood.simulate(drawn, prior_predictive)], _LEADING),
            "observed_data": _dataset(likelihood, [likelihood.observed()], ()),
            "constant_data": _dataset(likelihood, likelihood.constants(), ()),
        }
    if not sites:
        groups["posterior"] = groups["posterior"].drop_dims(["site", "country"], errors="ignore")
    marginal = likelihood.site_marginal if sites and likelihood.site_by_site else None
    if marginal is not None:
        groups["site_log_likelihood"] = _dataset(likelihood, [_by_site(marginal, draws)], _LEADING)
    outlying = likelihood.outlier_probability(draws.values) if sites else None
    outlying_countries = likelihood.country_outlier_probability(draws.values) if sites and not alone else None
    if found := [item for item in (outlying, outlying_countries) if item is not None]:
        groups["outliers"] = _dataset(likelihood, found, _LEADING)
    if draws.diagnostics:
        groups["diagnostics"] = xr.Dataset({name: ((), value) for name, value in draws.diagnostics.items()})
    for name, group in groups.items():
        if "draw" in group.dims:
            groups[name] = group.assign_coords(
                chain=np.arange(group.sizes["chain"]), draw=np.arange(group.sizes["draw"])
            )
    return xr.DataTree.from_dict(groups)


def scalars(group: xr.Dataset, sites: bool = True) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Label and draws, shape (chain, draw), of every scalar in a group of draws; those without sites first.

    Parameters
    ----------
    sites : bool
        Whether what has elements, such as site effects, is taken apart or left out.
    """
    for name in sorted(group.data_vars, key=lambda name: group[name].ndim):
        variable = group[name].transpose("chain", "draw", ...)
        if variable.ndim > 2 and not sites:
            continue
        labels = [variable.coords[dim].values for dim in variable.dims[2:]]
        for index in np.ndindex(variable.shape[2:]):
            label = ", ".join(str(axis[i]) for axis, i in zip(labels, index, strict=True))
            # one after the other in the memory, for what goes through them many times
            values = np.ascontiguousarray(variable.values[:, :, *index])
            yield (f"{name}[{label}]" if label else str(name)), values


def _log_priors(likelihood: Likelihood, values: Mapping[str, Any]) -> list[Pointwise]:
    """Log prior densities of what the model file states priors for: not of site effects, which follow from those."""
    hidden = likelihood.sites.behind
    found = [(p, p.logpdf(values)) for p in likelihood.parameters if p.name not in hidden]
    # shares that sum to 1 have one density together
    return [Pointwise(p.name, density, p.dims[: density.ndim - len(_LEADING)]) for p, density in found]


def _numbers(name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Draws of a prior, cut off where products and sums of them would be no numbers."""
    if np.isnan(values).any():
        raise SamplerError(f"draws of the prior of {name} are no numbers")
    return np.clip(values, -_LARGEST, _LARGEST)


def _parameters(likelihood: Likelihood, values: Mapping[str, Any], rng: np.random.Generator) -> xr.Dataset:
    """Parameters, site effects, response probabilities (means of a continuous end point) and estimands."""
    hidden = likelihood.sites.behind
    found = [Pointwise(p.name, values[p.name], p.dims) for p in likelihood.parameters if p.name not in hidden]
    if not isinstance(likelihood, EstimateLikelihood):
        effects = likelihood.sites.effects(values)
        found += [Pointwise(name, value, ("site",)) for name, value in effects.items()]
        above = likelihood.sites.country_effects(values)
        found += [Pointwise(name, value, ("country",)) for name, value in above.items()]
        values = {**values, **effects, **above}  # not to be made again
    if isinstance(likelihood, NormalPatients):
        found.append(Pointwise("mean", likelihood.means(values), ("site", "arm")))
        estimands = estimate_means(likelihood, values, rng)
    elif isinstance(likelihood, EstimateLikelihood):
        estimands = estimate_of_effect(likelihood, values)
    else:
        p = likelihood.probabilities(values)
        found.append(Pointwise("p", p, ("site", "arm")))
        estimands = estimate(likelihood, values, rng, p)
    found += [Pointwise(name, value, ()) for name, value in estimands.items()]
    dataset = _dataset(likelihood, found, _LEADING)
    for name, words in likelihood.coefficient_labels.items():
        of = "difference" if likelihood.spec.continuous else "log odds ratio"
        dataset[name].attrs["long_name"] = f"{of} of {words}"
    # ratios of risks that are both 0 are no numbers, which the verdict tells; all else must be
    if nothing := [item.name for item in found if item.name not in estimands and np.isnan(item.values).any()]:
        raise SamplerError(f"{' and '.join(nothing)}: no number at some of the draws")
    return dataset


def _by_chain(made: Callable[..., Pointwise], values: Mapping[str, Any], *more: Any) -> Pointwise:
    """What is made of draws, one chain after the other: what it takes on the way does not fill the memory."""
    chains = len(next(iter(values.values())))
    parts = [made({name: value[i : i + 1] for name, value in values.items()}, *more) for i in range(chains)]
    return replace(parts[0], values=np.concatenate([part.values for part in parts]))


def _by_site(marginal: SiteMarginal, draws: Draws) -> Pointwise:
    """Log likelihood of each site with its effects integrated out, whichever engine drew."""
    shape = next(iter(draws.values.values())).shape[:2]
    theta = {item.name: draws.values[item.name].reshape(-1) for item in marginal.parameters}
    by_site, _ = marginal.log_sites(theta, marginal.sites.spec.sampler.nodes)
    if len(by_site) == 1:  # without theta it is the same at every draw
        by_site = np.repeat(by_site, shape[0] * shape[1], axis=0)
    return Pointwise("y", by_site.reshape(*shape, -1), ("site",))


def _dataset(likelihood: Likelihood, items: list[Pointwise], leading: tuple[str, ...]) -> xr.Dataset:
    variables: dict[str, tuple[tuple[str, ...], NDArray[Any]]] = {}
    known: dict[str, Any] = dict(likelihood.coords)
    used: set[str] = set()
    for item in items:
        variables[item.name] = ((*leading, *item.dims), np.asarray(item.values))
        known |= item.coords
        used.update(item.dims)
    return xr.Dataset(variables, coords={dim: labels for dim, labels in known.items() if dim in used})
