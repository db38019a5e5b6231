"""The posterior under other priors of the treatment effect, and the prior that would overturn it.

Four priors of the log odds ratio that readers of trials ask for, each normal: a sceptical one, centred at no effect
with 5 % beyond the effect d that would matter; an optimistic one, centred at d with 5 % on the side of harm
(Spiegelhalter, Freedman and Parmar 1994, J R Stat Soc A 157:357-416); a neutral one, centred at no effect and wide; and
one so wide that it is flat where the data say anything. A tipping prior is the one under which P(benefit) reaches a
given value: the question asked backwards (Matthews 2001, Drug Inf J 35(4), doi 10.1177/009286150103500442; Held et al.
2022, Res Synth Methods 13:295-314).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.arguments import checked
from bayes_lupil.cards import Brief
from bayes_lupil.errors import UnsupportedModelError
from bayes_lupil.fitting import refit
from bayes_lupil.posterior import Posterior
from bayes_lupil.posterior.estimands import Benefit, benefit_ladder
from bayes_lupil.posterior.estimates import weighted_sum
from bayes_lupil.posterior.own_trial import own_trial
from bayes_lupil.priors import EffectOnRisk, Normal
from bayes_lupil.published.priors import BELIEFS, STRENGTHS, EffectPrior, prior_of_belief
from bayes_lupil.sensitivity.normal_priors import PriorMap, map_priors, under_normal
from bayes_lupil.sensitivity.preconditions import check
from bayes_lupil.sensitivity.reweighting import BaseDraws, Changed, of_refit, summary
from bayes_lupil.sensitivity.standard_priors import FLAT_SD, relevant_log_odds_ratio, standard_priors
from bayes_lupil.trials.measures import MEASURES

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "FLAT_SD",
    "EffectPrior",
    "PriorAnalysis",
    "PriorMap",
    "TippingPrior",
    "UnderPrior",
    "analyse_priors",
    "standard_priors",
    "under_normal",
    "under_prior",
]

Floats = NDArray[np.float64]

_TARGETS = (0.5, 0.975)
_VAGUE = 0.15  # Monte Carlo error of a tipping prior's mean above which it is not worth telling
_FURTHEST = 5.0  # of a tipping prior's mean: odds ratios between 1/150 and 150
_MOST_POINTS = 2**16  # of a refit, if that is enough for as many draws
_MORE, _MOST_INTEGRALS = 8, 2**20  # times the points of the model file, up to so many integrals in all


@dataclass(frozen=True)
class UnderPrior:
    """The lead analysis under one prior.

    Attributes
    ----------
    changed : Changed
        Risk difference and P(benefit), k-hat of the weights, and whether the model was fitted again.
    ladder : tuple of Benefit
        As `Posterior.ladder`; empty where a refit failed its diagnostics.
    refit : Posterior or None
        The model fitted again with this prior, where draws under the declared one could not stand for that.
    """

    prior: EffectPrior
    changed: Changed
    ladder: tuple[Benefit, ...]
    refit: Posterior | None = None


@dataclass(frozen=True)
class TippingPrior:
    """The mean that a normal prior of a given SD would need for P(benefit) to be just `target`.

    Attributes
    ----------
    mean, mcse : float or None
        Of the log odds ratio, and its Monte Carlo standard error; None where the draws cannot tell: no such prior
        lies between odds ratios of 1/150 and 150, they cannot carry it, or the error is above 0.15.
    p_benefit_prior : float or None
        P(benefit) under that prior before the data.
    """

    target: float
    sd: float
    mean: float | None
    mcse: float | None
    p_benefit_prior: float | None


@dataclass(frozen=True)
class PriorAnalysis(Brief):
    """One posterior under other priors of the treatment effect.

    Attributes
    ----------
    posterior : Posterior
        Under the prior of its model file.
    relevant_log_odds_ratio : float
        The effect that would matter, as a log odds ratio at the control arm's observed rate.
    rows : tuple of UnderPrior
        Sceptical, neutral, optimistic, flat.
    tipping : tuple of TippingPrior
    map : PriorMap
    denser : Posterior or None
        The same model with more points, for more draws far out; None where that cannot be had quickly.
    """

    posterior: Posterior
    relevant_log_odds_ratio: float
    rows: tuple[UnderPrior, ...]
    tipping: tuple[TippingPrior, ...]
    map: PriorMap
    denser: Posterior | None = None

    @property
    def fits(self) -> tuple[Posterior, ...]:
        """Sound posteriors: under the prior of the model file, with more points, and under others that were fitted."""
        return _fits(self.posterior, self.denser, self.rows)

    def to_frame(self) -> pd.DataFrame:
        """One row a prior and threshold: P(risk difference beyond it), with its error and how it was computed."""
        import pandas as pd

        rows = []
        for item in self.rows:
            low, high = item.prior.range()
            head = {
                "prior": item.prior.name, "mean": item.prior.mean, "sd": item.prior.sd,
                "p_benefit_prior": item.prior.p_benefit(self.posterior.provenance.end_point.sign),
                "odds_ratio_lower": low, "odds_ratio_upper": high, "reason": item.prior.reason,
            }  # fmt: skip
            tail = {"k_hat": item.changed.k_hat, "effective": item.changed.effective, "refitted": item.changed.refitted}
            rd = item.changed.estimates["risk_difference"]
            middle = {"risk_difference": rd.q50, "rd_lower": rd.q2_5, "rd_upper": rd.q97_5}
            rows += [{**head, **middle, **line.to_dict(), **tail} for line in item.ladder]
        return pd.DataFrame(rows)

    def tipping_frame(self) -> pd.DataFrame:
        """One row a tipping prior."""
        import pandas as pd

        rows = [
            {**vars(item), "odds_ratio": math.nan if item.mean is None else math.exp(item.mean)}
            for item in self.tipping
        ]
        return pd.DataFrame(rows)


@own_trial
def analyse_priors(posterior: Posterior) -> PriorAnalysis:
    """The posterior under four standard priors, the tipping priors, and a map over priors.

    Raises
    ------
    UnsupportedModelError
        Where every site has a treatment effect of its own, so that there is no common one to have a prior, or the end
        point is continuous.
    InputError
        For a posterior whose diagnostics failed.
    """
    check(posterior)
    if posterior.draws("beta").ndim != 2:
        raise UnsupportedModelError(
            f"model '{posterior.spec.name}'", "a treatment effect for each site", "one that the sites share"
        )
    assert posterior.provenance.totals is not None  # the end point is binary
    (responders, patients), _ = posterior.provenance.totals
    risk, relevant = (responders + 0.5) / (patients + 1), posterior.spec.decision.relevant
    end_point = posterior.provenance.end_point
    priors, expected = standard_priors(end_point, risk, relevant), relevant_log_odds_ratio(end_point, risk, relevant)
    denser, prior = _denser(posterior), posterior.spec.priors.beta
    declared = (prior.mean, prior.sd) if isinstance(prior, Normal) else None
    rows = tuple(under_prior(posterior if denser is None or (p.mean, p.sd) == declared else denser, p) for p in priors)
    bases = [BaseDraws(item) for item in _fits(posterior, denser, rows) if _reweightable(item)]
    return PriorAnalysis(
        posterior,
        expected,
        rows,
        tuple(_tipping(bases, sd, target) for target in _TARGETS for sd in sorted({priors[0].sd, 0.5, 1.0})),
        map_priors(posterior, bases, _named(priors, prior, expected), denser or posterior),
        denser,
    )


def _named(standard: tuple[EffectPrior, ...], prior: object, expected: float) -> list[EffectPrior]:
    """The declared prior, where it is normal, the standard ones, and four beliefs of three strengths."""
    declared = [EffectPrior("declared", prior.mean, prior.sd, prior.reason)] if isinstance(prior, Normal) else []
    beliefs = [
        prior_of_belief(belief, strength, MEASURES["or"], expected, "the effect that would matter")
        for belief in BELIEFS
        for strength in STRENGTHS
    ]
    return [*declared, *standard, *beliefs]


def _by_weights(posterior: Posterior, prior: EffectPrior) -> UnderPrior | float:
    """The row from weighted draws; where they cannot tell some of it, k-hat of the weights (NaN: there are none)."""
    if not _reweightable(posterior):
        return math.nan
    draws, told = under_normal(BaseDraws(posterior), prior.mean, prior.sd), []
    changed = summary(draws, prior.name)
    if changed is None:
        return draws.k_hat

    def chance(event: NDArray[np.bool_]) -> tuple[float, float]:
        told.append(draws.holds_chance(event))
        return draws.chance(event)

    decision = posterior.spec.decision
    ladder = benefit_ladder(
        draws.base.quantities["risk_difference"], posterior.provenance.end_point, decision.ladder, decision.harm,
        decision.relevant, chance,
    )  # fmt: skip
    return UnderPrior(prior, changed, ladder) if all(told) else draws.k_hat


def _reweightable(posterior: Posterior) -> bool:
    """Whether the effect has a prior of its own, which another can take the place of by weights."""
    return not isinstance(posterior.spec.priors.beta, EffectOnRisk)


def _denser(posterior: Posterior) -> Posterior | None:
    """The same model with eight times as many points, where that takes a second or so; else None.

    A probability next to 0 or 1 leaves few draws on one side, and with them nothing to reweight.
    """
    spec = posterior.spec
    points = _MORE * spec.sampler.points
    integrals = points * len(posterior.trial.site_names)
    by_quadrature = "quadrature_error" in posterior.diagnostics
    heavy = spec.sites.distribution == "student_t" or spec.countries is not None
    if not by_quadrature or heavy or integrals > _MOST_INTEGRALS:
        return None
    found = refit(spec.edited(sampler__points=points, sampler__engine="quadrature"), posterior.trial)
    return found if found.verdict.ok else None


def _fits(posterior: Posterior, denser: Posterior | None, rows: tuple[UnderPrior, ...]) -> tuple[Posterior, ...]:
    others = (denser, *(row.refit for row in rows))
    return (posterior, *(item for item in others if item is not None and item.verdict.ok))


@own_trial
@checked
def under_prior(posterior: Posterior, prior: EffectPrior) -> UnderPrior:
    """The posterior under another prior: draws reweighted, or the model fitted again where they cannot stand for that.

    Every probability of the ladder must be told from the weights, or none is, so that a row is of one posterior.
    """
    weighted = _by_weights(posterior, prior)
    if isinstance(weighted, UnderPrior):
        return weighted
    declared = {"family": "normal", "mean": prior.mean, "sd": prior.sd, "reason": prior.reason}
    points = min(posterior.spec.sampler.points, _MOST_POINTS)
    fitted = refit(posterior.spec.edited(priors__beta=declared, sampler__points=points), posterior.trial)
    return UnderPrior(prior, of_refit(fitted, prior.name, weighted), fitted.ladder, fitted)


def _tipping(bases: list[BaseDraws], sd: float, target: float) -> TippingPrior:
    """From the first of the fits whose draws can tell."""
    found = (_tipping_from(base, sd, target) for base in bases)
    return next((item for item in found if item is not None), TippingPrior(target, sd, None, None, None))


def _tipping_from(base: BaseDraws, sd: float, target: float) -> TippingPrior | None:
    from scipy.optimize import brentq

    def chance(mean: float) -> float:
        return weighted_sum(under_normal(base, mean, sd).weights, base.benefit)

    if (chance(-_FURTHEST) - target) * (chance(_FURTHEST) - target) >= 0:
        return None
    mean = float(brentq(lambda m: chance(m) - target, -_FURTHEST, _FURTHEST, xtol=1e-4))
    draws = under_normal(base, mean, sd)
    if not draws.holds_chance(base.benefit):
        return None
    error = draws.chance(base.benefit)[1]
    step = sd / 10
    slope = (chance(mean + step) - chance(mean - step)) / (2 * step)
    if error / abs(slope) > _VAGUE:
        return None
    before = EffectPrior("tipping", mean, sd, "").p_benefit(base.posterior.provenance.end_point.sign)
    return TippingPrior(target, sd, mean, error / abs(slope), before)
