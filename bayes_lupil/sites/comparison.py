"""Models compared by how well each predicts a site that it has not seen, and stacked.

Leave-one-site-out expected log predictive densities (elpd) of the same sites under several models; differences to the
best model with the paired standard error over sites (Vehtari, Gelman and Gabry 2017, Stat Comput 27:1413-1432, equation
24); stacking weights (Yao, Vehtari, Simpson and Gelman 2018, Bayesian Analysis 13:917-1007, equation 5).

A difference below 4, or within 2 standard errors, does not tell models apart, and with fewer than 100 sites the
standard error itself is too small by an unknown amount (Sivula, Magnusson, Matamoros and Vehtari 2020,
arXiv:2008.10296).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.arguments import checked
from bayes_lupil.cards import Brief
from bayes_lupil.errors import InputError
from bayes_lupil.posterior import Posterior
from bayes_lupil.posterior.own_trial import own_trial
from bayes_lupil.sensitivity import loo_sites
from bayes_lupil.sensitivity.preconditions import why_not_without

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "FEW_SITES",
    "SMALL_DIFFERENCE",
    "ModelComparison",
    "ModelScore",
    "compare_models",
    "stacking_weights",
]

Floats = NDArray[np.float64]

SMALL_DIFFERENCE = 4.0
"""Of an elpd: models that differ by less predict much the same."""
FEW_SITES = 100
"""Below this the standard error of a difference is not to be trusted."""


@dataclass(frozen=True)
class ModelScore:
    """One model among those compared; densities are on the log scale, higher is better.

    Attributes
    ----------
    name : str
    elpd, se, mcse : float
        Leave-one-site-out expected log predictive density, summed over sites; its standard error over sites; its Monte
        Carlo standard error, those of sites being taken as independent.
    difference, difference_se, difference_mcse : float
        To the best model (0 or negative), its paired standard error over sites, and its Monte Carlo standard error; 0
        for the best model itself.
    weight : float
        In the stack of all models that predicts best.
    distinct : bool
        Whether the difference is at least 4 and beyond 2 standard errors.
    refitted : tuple of str
        Sites for which the model was fitted again, because draws of the whole trial could not stand for that.
    """

    name: str
    elpd: float
    se: float
    mcse: float
    difference: float
    difference_se: float
    difference_mcse: float
    weight: float
    distinct: bool
    refitted: tuple[str, ...]


@dataclass(frozen=True)
class ModelComparison(Brief):
    """Models of one trial, best first.

    Attributes
    ----------
    models : tuple of ModelScore
    by_site : dict of str to dict of str to float
        Log predictive density by model and site.
    warnings : tuple of str
        What the figures do not say, in words.
    trial, population : str
    synthetic : bool
        Whether the data are made up.
    """

    models: tuple[ModelScore, ...]
    by_site: dict[str, dict[str, float]]
    warnings: tuple[str, ...]
    trial: str
    population: str
    synthetic: bool

    def to_frame(self) -> pd.DataFrame:
        """One row a model, best first."""
        import pandas as pd

        rows = [vars(item) | {"refitted": len(item.refitted)} for item in self.models]
        return pd.DataFrame(rows).rename(columns={"name": "model"}).set_index("model")


@own_trial
@checked
def compare_models(posteriors: Mapping[str, Posterior] | Sequence[Posterior]) -> ModelComparison:
    """Compare models of one trial by leave-one-site-out predictive densities.

    Parameters
    ----------
    posteriors : mapping of str to Posterior, or sequence of Posterior
        Two or more, of one trial and of models with sites; without names of their own they take those of their models.

    Raises
    ------
    UnsupportedModelError
        For a model that pools all sites, or a trial whose site table is not known.
    InputError
        For fewer than two posteriors, two of one name, posteriors of different trials or populations, and
        those whose diagnostics failed.
    """
    named = _named(posteriors)
    first = next(iter(named.values()))
    for name, posterior in named.items():
        if _analysed(posterior) != _analysed(first):
            found = f"population '{posterior.provenance.population_label}'"
            raise InputError(f"posterior '{name}'", found, f"that of the others, '{first.provenance.population_label}'")
    every = {name: loo_sites(posterior) for name, posterior in named.items()}
    reasons = {site: why_not_without(first, (site,)) for site in next(iter(every.values())).by_site}
    sites = tuple(site for site, why in reasons.items() if not why)
    impossible = [
        f"Site {site} is in no sum, since it cannot be left out: {why}." for site, why in reasons.items() if why
    ]
    if len(sites) < 2:
        raise InputError("comparison of models", " ".join(impossible), "two sites or more that can be left out")
    loo = {name: found for name, found in every.items() if np.isfinite([found.by_site[site] for site in sites]).all()}
    if not loo:
        found = "fits without single sites that failed their diagnostics, for every model"
        raise InputError("comparison of models", found, "at least one model with sound fits")
    density = {name: np.array([found.by_site[site] for site in sites]) for name, found in loo.items()}
    mcse = {name: float(np.linalg.norm([found.mcse[site] for site in sites])) for name, found in loo.items()}
    elpd = {name: float(values.sum()) for name, values in density.items()}
    order = sorted(loo, key=lambda name: -elpd[name])
    weights = dict(zip(order, stacking_weights(np.column_stack([density[name] for name in order])), strict=True))
    best, scores = order[0], []
    for name in order:
        gap = density[name] - density[best]
        difference, se = float(gap.sum()), float(gap.std(ddof=1) * np.sqrt(gap.size))
        scores.append(
            ModelScore(
                name, elpd[name], float(density[name].std(ddof=1) * np.sqrt(len(sites))), mcse[name], difference, se,
                0.0 if name == best else float(np.hypot(mcse[name], mcse[best])), float(weights[name]),
                abs(difference) >= SMALL_DIFFERENCE and abs(difference) > 2 * se,
                tuple(site for site in loo[name].refitted if site in sites),
            )
        )  # fmt: skip
    source = first.provenance
    by_site = {name: {site: loo[name].by_site[site] for site in sites} for name in order}
    warnings = (*impossible, *_warnings(scores, len(sites)))
    if dropped := [f"'{name}'" for name in every if name not in loo]:
        why = (
            "No predictive density for " + ", ".join(dropped) + ": a fit without a single site failed its diagnostics."
        )
        warnings = (why, *warnings)
    return ModelComparison(tuple(scores), by_site, warnings, source.trial, source.population_label, source.synthetic)


def stacking_weights(log_densities: Floats) -> Floats:
    """Weights, at least 0 and summing to 1, whose mixture of predictive densities has the highest log score.

    A convex problem. ArviZ's `compare` solves the same but has no underflow guard, rounds its weights in one of its
    two generations, and takes results in a form that differs between them.

    Parameters
    ----------
    log_densities : array, shape (sites, models)
        Leave-one-site-out log predictive densities.

    Returns
    -------
    array, shape (models,)

    Examples
    --------
    >>> import numpy as np
    >>> bool(np.allclose(stacking_weights(np.log([[0.8, 0.2], [0.2, 0.8]])), 0.5))
    True
    """
    from scipy.optimize import minimize

    # the largest of each row becomes 1, which changes the score by a constant
    density = np.exp(log_densities - log_densities.max(axis=1, keepdims=True))
    models = density.shape[1]

    def score(weights: Floats) -> tuple[float, Floats]:
        mixed = np.maximum(density @ weights, np.finfo(float).tiny)
        return -float(np.log(mixed).mean()), -(density / mixed[:, None]).mean(axis=0)

    result = minimize(
        score, np.full(models, 1 / models), jac=True, method="SLSQP", bounds=[(0, 1)] * models,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like},
        options={"ftol": 1e-12, "maxiter": 1000},
    )  # fmt: skip
    weights = np.clip(result.x, 0, None)
    return np.asarray(weights / weights.sum())


def _named(posteriors: Mapping[str, Posterior] | Sequence[Posterior]) -> dict[str, Posterior]:
    if isinstance(posteriors, Mapping):
        pairs = list(posteriors.items())
    else:
        pairs = [(item.spec.name, item) for item in posteriors]
    if len(pairs) < 2:
        raise InputError("models to compare", str(len(pairs)), "two or more")
    named = dict(pairs)
    if len(named) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError("models to compare", f"two named '{twice}'", "a name of its own for each: pass a dict")
    return named


def _analysed(posterior: Posterior) -> tuple[str, str, tuple[str, ...]]:
    """What must be the same, so that densities are of the same counts."""
    spec = posterior.spec
    return posterior.provenance.data_hash, spec.population, tuple(sorted(spec.without_sites))


def _warnings(scores: Sequence[ModelScore], sites: int) -> tuple[str, ...]:
    found = []
    alike = [f"'{item.name}'" for item in scores[1:] if not item.distinct]
    if alike:
        found.append(
            f"'{scores[0].name}' cannot be told apart from {', '.join(alike)} by how they predict sites: each "
            f"difference is below {SMALL_DIFFERENCE:g} or within 2 standard errors. Stacking weights then say little."
        )
    if sites < FEW_SITES:
        found.append(
            f"With {sites} sites (fewer than {FEW_SITES}) the standard errors of differences are themselves uncertain "
            f"and tend to be too small, and so are stacking weights."
        )
    return tuple(found)
