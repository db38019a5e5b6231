"""The model of a page of countries by maximum likelihood, beside its posterior."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bayes_lupil.errors import InputError
from bayes_lupil.frequentist.nested_logistic import Effects, NestedLogistic, nested_logistic
from bayes_lupil.likelihoods import NestedCells
from bayes_lupil.numbers import interval
from bayes_lupil.report.media.blocks import Block, Heading, Paragraph, Table

if TYPE_CHECKING:
    from bayes_lupil.posterior import Posterior
    from bayes_lupil.spec import ModelSpec

__all__ = ["by_likelihood", "likelihood_blocks"]

_FEW = 10
_MOST_SITES = {"pooled": 500, "sites": 150, "countries": 150, "both": 80}
"""Sites up to which the fit takes less than about a minute."""
_EFFECTS: dict[tuple[bool, bool], Effects] = {
    (False, False): "pooled", (True, False): "sites", (False, True): "countries", (True, True): "both",
}  # fmt: skip
_SDS = {
    "tau_c": "SD between countries: log odds",
    "tau_d": "SD between countries: log odds ratio",
    "tau_u": "SD between the sites of a country: log odds",
    "tau_v": "SD between the sites of a country: log odds ratio",
}


def by_likelihood(posterior: Posterior) -> NestedLogistic:
    """The fit of the model by maximum likelihood: normal effects at both levels, uncorrelated.

    Raises
    ------
    InputError
        Where there is no such fit, or it would take minutes.
    """
    spec, likelihood = posterior.spec, posterior.likelihood
    assert isinstance(likelihood, NestedCells)
    assert spec.countries is not None
    ways = spec.sites.intercepts, spec.countries.intercepts
    if ways != ("partial", "partial") or spec.sites.effects == "fixed":
        required = (
            "levels of sites and of countries that are both drawn from a distribution, and no effect of each site"
        )
        raise InputError("maximum likelihood", f"model '{spec.name}'", required)
    effects = _EFFECTS[spec.sites.effects == "partial", spec.countries.effects == "partial"]
    cells = likelihood.cells
    if len(cells.sites) > _MOST_SITES[effects]:
        most = f"{_MOST_SITES[effects]} or fewer on this page; `nested_logistic` takes any number, in minutes"
        raise InputError("maximum likelihood", f"{len(cells.sites)} sites", most)
    return nested_logistic(
        cells.responders, cells.n, likelihood.sites.country, effects=effects, coding=spec.sites.coding
    )


def likelihood_blocks(posterior: Posterior) -> list[Block]:
    """Both fits beside each other, or why there is one alone."""
    heading = Heading("By maximum likelihood")
    try:
        fit = by_likelihood(posterior)
    except InputError as problem:
        words = f"There is no fit by maximum likelihood: found {problem.found}; required: {problem.required}."
        return [heading, Paragraph(words)]
    rows = [("log odds ratio", _credible(posterior, "beta"), _with_limits(fit))]
    for name, label in _SDS.items():
        if getattr(posterior.spec.priors, name) is not None:
            at_0 = name in fit.boundary
            rows.append((label, _credible(posterior, name), "0" if at_0 else f"{getattr(fit, name):.2f}"))
    caption = "At an average site of an average country, active against control, and SDs on the log-odds scale"
    header = ("", "posterior median (95 % CrI)", "maximum likelihood (95 % CI)")
    return [heading, Table.of(header, rows, caption), Paragraph(_words(fit, posterior.spec))]


def _credible(posterior: Posterior, name: str) -> str:
    row = posterior.row(name)
    return f"{row.q50:.2f} ({interval(f'{row.q2_5:.2f}', f'{row.q97_5:.2f}')})"


def _with_limits(fit: NestedLogistic) -> str:
    limits = [
        f"{limit:.2f}" if math.isfinite(limit) else "no limit" for limit in (fit.interval.lower, fit.interval.upper)
    ]
    return f"{fit.beta:.2f} ({interval(*limits)})"


def _words(fit: NestedLogistic, spec: ModelSpec) -> str:
    words = (
        f"Maximum likelihood has no priors; its interval is by {fit.interval.method}. Its SDs are single best values, "
        "on average too small, the more so the fewer countries, or sites in them, there are"
    )
    words += f" (here {fit.countries} countries, {fit.sites} sites)." if fit.countries < _FEW else "."
    if fit.boundary:
        named = ", ".join(label for name, label in _SDS.items() if name in fit.boundary)
        words += (
            f" Estimated as 0: {named}. That is no proof of no differences: the posterior shows how large they may be."
        )
    if fit.effects in ("countries", "both") and (fit.countries < _FEW or "tau_d" in fit.boundary):
        words += " If effects do differ between countries, its interval of the log odds ratio is too narrow."
    assert spec.countries is not None
    if spec.sites.distribution != "normal" or spec.countries.distribution != "normal" or spec.sites.correlated:
        words += " It takes all effects for normal and uncorrelated, without outlying sites or countries."
    return words
