"""What of the answer the published numbers carry, and what only the suppositions about sites do.

Statements about the unpublished table lean on how large the sites are believed to be. Here each is told under declared
alternatives: other priors (`alternatives` of the model file), and what may be so of the trial (`margins.alternatives`
of the trial file). A supposition about numbers of patients is conditioned on, by its probability at each draw.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.arguments import checked
from bayes_lupil.cards import Brief
from bayes_lupil.cores import at_once
from bayes_lupil.errors import InputError
from bayes_lupil.fitting import refit
from bayes_lupil.posterior import Posterior
from bayes_lupil.posterior.estimates import Estimate
from bayes_lupil.posterior.own_trial import own_trial
from bayes_lupil.sensitivity.reweighting import WeightedDraws
from bayes_lupil.spec import ModelSpec
from bayes_lupil.spec.alternative import Alternative
from bayes_lupil.trials.margins import Supposition
from bayes_lupil.unpublished.bounds import HardBounds, hard_bounds
from bayes_lupil.unpublished.conditional import Answer, HiddenDraws, hidden_classes, margins_of, quicker, weigh
from bayes_lupil.unpublished.explained import log_chance, patients_there

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AS_DECLARED", "Supposed", "alternatives_frame", "margins_alternatives"]

Floats = NDArray[np.float64]

AS_DECLARED = "as declared"
_NOT_SHOWN = ("p_ordinary", "p_ordinary_mcse", "k_hat", "effective")  # in the table


@dataclass(frozen=True, kw_only=True)
class Supposed(Brief, Answer):
    """The answer under one supposition about the sites; its numbers are NaN where they could not be computed.

    Attributes
    ----------
    name : str
        What is supposed, or 'as declared'.
    where : str
        'model file' or 'trial file', where the supposition is declared.
    control_there, control_there_mcse : float
        Posterior mean of the number of control patients at the excluded sites.
    raw_risk_difference, raw_risk_difference_mcse : float
        Posterior mean of the raw difference without the excluded sites' patients: an unpublished number, no effect.
    p_explains, p_explains_mcse : float
        Probability that leaving out the excluded sites alone gives a benefit with Pearson p < 0.05.
    why_not : str
        Why there are no numbers; empty where there are.
    """

    name: str
    where: str
    control_there: float = np.nan
    control_there_mcse: float = np.nan
    raw_risk_difference: float = np.nan
    raw_risk_difference_mcse: float = np.nan
    p_explains: float = np.nan
    p_explains_mcse: float = np.nan
    why_not: str = ""

    @property
    def ok(self) -> bool:
        """Whether there are numbers."""
        return not self.why_not


@own_trial
@checked
def margins_alternatives(posterior: Posterior, *, draws: int = 10_000) -> tuple[Supposed, ...]:
    """The answer of a margins trial as declared, and under every alternative that model and trial file declare.

    Parameters
    ----------
    posterior : Posterior
        Of a model with sites, as declared, and a trial known by its margins.
    draws : int
        Draws a chain of each refit.

    Raises
    ------
    UnsupportedModelError
        Where the trial is not known by its margins, or the model has no sites.
    InputError
        Where its diagnostics failed.

    Examples
    --------
    >>> import bayes_lupil as bl
    >>> from bayes_lupil.unpublished import alternatives_frame, margins_alternatives
    >>> posterior = bl.fit(bl.model("lupil2/site_effects", points=4096, draws=500), "lupil2")
    >>> table = alternatives_frame(margins_alternatives(posterior, draws=500))
    >>> bool((table["p_benefit"].dropna() > 0.7).all())
    True
    """
    margins, trial = margins_of(posterior), posterior.trial
    counts = hidden_classes(margins, trial.arms.names)
    if not counts:
        raise InputError(f"trial '{trial.name}'", "no hidden count", "patients who may be at the excluded sites")
    bounds, spec = hard_bounds(margins, counts, trial.end_point), posterior.spec

    def under(other: ModelSpec, n_sites: int | None = None) -> HiddenDraws:
        countries = margins.countries if n_sites is None else None
        changed = replace(margins, alternatives=(), n_sites=n_sites or margins.n_sites, countries=countries)
        found = refit(quicker(other, draws), replace(trial, data=changed))
        return HiddenDraws(found, changed, counts, {})

    base = HiddenDraws(posterior, margins, counts, {})
    priors = [item for item in spec.alternatives if item.countries is None or margins.countries is not None]
    # which sites recruited, and so of which countries, is not known
    facts = [item for item in margins.alternatives if item.n_sites is None or spec.countries is None]

    def with_priors(item: Alternative) -> Supposed:
        return _answer(under(spec.under(item)), bounds, item.name, "model file")

    def with_facts(item: Supposition) -> Supposed:
        drawn, event = (base, _possible(base, item)) if item.n_sites is None else (under(spec, item.n_sites), None)
        return _answer(drawn, bounds, item.name, "trial file", event)

    declared = _answer(base, bounds, AS_DECLARED, "model file")
    return declared, *at_once(with_priors, priors), *at_once(with_facts, facts)


def _possible(draws: HiddenDraws, supposition: Supposition) -> Floats:
    """1 at the values of the unpublished counts at which a supposition holds, else 0."""
    control, active = (patients_there(draws.margins, draws.counts, arm) for arm in (0, 1))
    if supposition.excluded_control_at_least is not None:
        return np.asarray(control >= supposition.excluded_control_at_least, dtype=float)
    assert supposition.excluded_arms_differ_at_most is not None  # one of them is given
    return np.asarray(np.abs(control - active) <= supposition.excluded_arms_differ_at_most, dtype=float)


def _answer(draws: HiddenDraws, bounds: HardBounds, name: str, where: str, event: Floats | None = None) -> Supposed:
    if not draws.posterior.verdict.ok:
        return Supposed(name=name, where=where, why_not=draws.posterior.verdict.text)
    names = tuple(c.name for c in draws.counts)
    possible = np.ones(bounds.risk_difference.shape) if event is None else event
    chance = draws.chance(names, possible)
    weighted = weigh(WeightedDraws(draws.base, log_chance(chance)))
    if weighted is None:
        why_not = "too improbable under the model for its draws to stand for it"
        return Supposed(name=name, where=where, why_not=why_not)

    raw = np.nan_to_num(bounds.risk_difference)  # with an empty arm there is no difference
    numbers = weighted.numbers
    for what, table in (
        ("control_there", patients_there(draws.margins, draws.counts, 0)), ("raw_risk_difference", raw),
        ("p_explains", bounds.benefit),
    ):  # fmt: skip
        numbers |= Estimate(*draws.ratio(draws.chance(names, table * possible), chance)).columns(what)
    return Supposed(name=name, where=where, why_not="", **numbers)


def alternatives_frame(found: Iterable[Supposed]) -> pd.DataFrame:
    """One row a supposition."""
    import pandas as pd

    table = pd.DataFrame([vars(item) for item in found]).set_index("name")
    return table[["where", *(name for name in table if name not in ("where", *_NOT_SHOWN))]]
