"""Normal priors of a treatment effect, by belief and strength or from what somebody states.

Beliefs and strengths are those of Zampieri et al. 2021 (Am J Respir Crit Care Med 203:543, table 2): neutral priors are
centred at no effect, optimistic ones at the effect that was expected, pessimistic ones at its mirror image; the last
two have an SD that leaves 30 % (weak), 15 % (moderate) or 5 % (strong) on the other side of no effect. A sceptical
prior is centred at no effect with that much beyond the expected one (Spiegelhalter, Freedman and Parmar 1994, J R Stat
Soc A 157:357; theirs is the strong one).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from bayes_lupil.errors import InputError
from bayes_lupil.trials.end_point import Direction
from bayes_lupil.trials.estimates import Estimate
from bayes_lupil.trials.measures import MEASURES, Measure, measure_of

__all__ = [
    "BELIEFS", "STRENGTHS", "EffectPrior", "combined", "flat", "from_estimate", "from_quantiles", "from_roulette",
    "from_tail", "nine_priors", "prior_of_belief",
]  # fmt: skip

BELIEFS = ("sceptical", "neutral", "optimistic", "pessimistic")
STRENGTHS = ("weak", "moderate", "strong")
_BEYOND = {"weak": 0.30, "moderate": 0.15, "strong": 0.05}
_NEUTRAL_SD = {"weak": 5.0, "moderate": 0.355, "strong": 0.205}
_EXPECTED_RATIO = 0.66
"""Of their example: the odds ratio below which, or above whose inverse, an effect would be large."""
_POWER = 1.959963984540054 + 0.8416212335729143
"""Standard errors between no effect and one that a trial finds with 80 % power at the two-sided 5 % level."""


@dataclass(frozen=True)
class EffectPrior:
    """A normal prior of a treatment effect, active against control.

    Attributes
    ----------
    name : str
    mean, sd : float
        On the measure's scale: of the log of a ratio, of a difference itself. An infinite SD is a flat prior.
    reason : str
        Why these numbers.
    measure : str
        Key of the measure of effect.
    """

    name: str
    mean: float
    sd: float
    reason: str
    measure: str = "or"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.mean) and self.sd > 0):
            raise InputError(
                f"prior '{self.name}'", f"mean {self.mean:g}, SD {self.sd:g}", "a finite mean and an SD above 0"
            )

    @property
    def is_flat(self) -> bool:
        """Whether it adds nothing to the likelihood."""
        return math.isinf(self.sd)

    def p_benefit(self, sign: int) -> float:
        """Its own probability that the effect is a benefit, which lies on the side of `sign`.

        Examples
        --------
        >>> EffectPrior("neutral", 0, 1, "").p_benefit(-1)
        0.5
        """
        return 0.5 if self.is_flat else float(ndtr(sign * self.mean / self.sd))

    def range(self) -> tuple[float, float]:
        """The central 95 %, as the measure is printed.

        Examples
        --------
        >>> [round(edge, 2) for edge in EffectPrior("neutral", 0, 0.355, "").range()]
        [0.5, 2.01]
        """
        kind = MEASURES[self.measure]
        far = 1.959963984540054 * self.sd
        if self.is_flat:
            return (0.0, math.inf) if kind.is_ratio else (-math.inf, math.inf)
        return kind.printed(self.mean - far), kind.printed(self.mean + far)

    def patients(self, se: float, patients: int) -> float:
        """Patients of a trial like this one that would say as much as the prior: its effective sample size.

        Parameters
        ----------
        se : float
            Standard error of the trial's estimate on the measure's scale.
        patients : int
            In the trial; of a hazard ratio, events say more.

        Notes
        -----
        The information in an estimate goes as the number of patients: n_0 = n (se / SD)^2 (Neuenschwander et al. 2010,
        Clin Trials 7:5, for a normal prior).
        """
        return patients * (se / self.sd) ** 2

    def weight(self, se: float) -> float:
        """Share of the prior in the posterior mean, where the likelihood is normal with this standard error."""
        return 0.0 if self.is_flat else se**2 / (se**2 + self.sd**2)


def expected_effect(kind: Measure, benefit: Direction, se: float, expected: float | None = None) -> tuple[float, str]:
    """The effect at which optimists expect it, on the measure's scale, and where it comes from.

    Parameters
    ----------
    expected : float, optional
        As printed, such as the ratio that the trial's sample size was planned for.

    Raises
    ------
    InputError
        For an expected effect that is no benefit.
    """
    sign = 1 if benefit == "higher" else -1
    if expected is not None:
        required = f"{kind.one} {'above' if sign > 0 else 'below'} {kind.null:g}, since {benefit} is better"
        if (kind.is_ratio and expected <= 0) or not math.isfinite(expected) or sign * kind.scaled(expected) <= 0:
            raise InputError("expected effect", f"{expected:g}", required)
        return kind.scaled(expected), f"the {kind.name} {kind.words(expected)} that was given as expected"
    if kind.is_ratio:
        value = -sign * math.log(_EXPECTED_RATIO)
        return value, f"{kind.one} of {kind.words(kind.printed(value))}, as in Zampieri et al. 2021"
    value = sign * _POWER * se
    size = f"{kind.words(value)} percentage points" if kind.key == "rd" else kind.words(value)
    return value, f"{kind.one} of {size}, which a trial of this precision finds with 80 % power"


def prior_of_belief(belief: str, strength: str, kind: Measure, expected: float, where: str = "") -> EffectPrior:
    """The prior of a belief and strength.

    Parameters
    ----------
    belief : {"sceptical", "neutral", "optimistic", "pessimistic"}
    strength : {"weak", "moderate", "strong"}
    expected : float
        The expected effect on the measure's scale.
    where : str
        Where that comes from, for the reason.

    Examples
    --------
    >>> prior = prior_of_belief("optimistic", "strong", MEASURES["or"], math.log(0.66))
    >>> round(prior.mean, 4), round(prior.sd, 4)
    (-0.4155, 0.2526)
    """
    beyond, size = _BEYOND[strength], abs(expected)
    if belief == "neutral":
        sd = _NEUTRAL_SD[strength] * (1 if kind.is_ratio else size / -math.log(_EXPECTED_RATIO))
        low, high = EffectPrior("", 0.0, sd, "", kind.key).range()
        reason = f"no direction favoured; 95 % between {kind.words(low)} and {kind.words(high)}"
        return EffectPrior(f"neutral {strength}", 0.0, sd, reason, kind.key)
    sd = size / -float(ndtri(beyond))
    told = f" ({where})" if where else ""
    share = f"{100 * beyond:.0f} %"
    if belief == "sceptical":
        reason = f"no effect expected; {share} for more than the expected effect{told}"
        return EffectPrior(f"sceptical {strength}", 0.0, sd, reason, kind.key)
    if belief == "optimistic":
        return EffectPrior(
            f"optimistic {strength}", expected, sd, f"expects the effect{told}; {share} for harm", kind.key
        )
    reason = f"expects as much harm as others expect benefit{told}; {share} for benefit"
    return EffectPrior(f"pessimistic {strength}", -expected, sd, reason, kind.key)


def nine_priors(kind: Measure, expected: float, where: str = "") -> tuple[EffectPrior, ...]:
    """Neutral, optimistic and pessimistic, each weak, moderate and strong.

    Examples
    --------
    >>> [prior.name for prior in nine_priors(MEASURES["or"], -0.4)][:4]
    ['neutral weak', 'neutral moderate', 'neutral strong', 'optimistic weak']
    """
    return tuple(
        prior_of_belief(belief, strength, kind, expected, where) for belief in BELIEFS[1:] for strength in STRENGTHS
    )


def flat(kind: Measure) -> EffectPrior:
    """No prior at all: the likelihood alone, as a frequentist interval has it."""
    return EffectPrior("flat", 0.0, math.inf, "the data alone: every value as probable as any other", kind.key)


def from_tail(measure: Measure | str, beyond: float, probability: float, centre: float | None = None) -> EffectPrior:
    """The normal prior centred at `centre` with so much probability beyond a value.

    Parameters
    ----------
    measure : Measure or str
        Or its key: 'hr', 'or', 'rr', 'irr', 'rd', 'md'.
    beyond, centre : float
        As printed; the centre is no effect where nothing is said.
    probability : float
        On the side of `beyond` that is away from the centre; below 0.5.

    Examples
    --------
    >>> round(from_tail("or", 2, 0.05).sd, 4)  # 5 % chance that OR exceeds 2
    0.4214
    """
    kind = measure_of(measure)
    about = kind.null if centre is None else centre
    least = 0.0 if kind.is_ratio else -math.inf
    exists = all(least < value < math.inf for value in (beyond, about))
    if not (exists and 0 < probability < 0.5 and beyond != about):
        found = f"probability {probability:g} beyond {beyond:g}, centre {about:g}"
        required = f"a probability between 0 and 0.5, beyond {kind.one} off the centre"
        raise InputError("prior from a tail", found, required)
    middle = kind.scaled(about)
    far = kind.scaled(beyond) - middle
    side = ">" if far > 0 else "<"
    name = f"P({kind.symbol} {side} {beyond:g}) = {probability:g}"
    return EffectPrior(
        name, middle, abs(far) / -float(ndtri(probability)), f"centre {kind.printed(middle):g}, {name}", kind.key
    )


def from_estimate(estimate: Estimate, discount: float = 1.0) -> EffectPrior:
    """The prior that an earlier trial's estimate makes, its information counted at a share of its weight.

    Parameters
    ----------
    discount : float
        Above 0, at most 1: the power of a power prior (Ibrahim and Chen 2000, Stat Sci 15:46), by which the variance is
        divided.

    Examples
    --------
    >>> from bayes_lupil.trials.reading_estimates import read_estimate
    >>> prior = from_estimate(read_estimate("or", 0.5, se=0.2), discount=0.25)
    >>> round(prior.mean, 3), prior.sd
    (-0.693, 0.4)
    """
    if not 0 < discount <= 1:
        raise InputError("discount", f"{discount:g}", "a share above 0 and at most 1")
    kind = estimate.kind
    whole = "" if discount == 1 else f", its information counted at {100 * discount:g} %"
    reason = f"an earlier {kind.name} of {kind.words(kind.printed(estimate.value))}{whole}"
    return EffectPrior("earlier trial", estimate.value, estimate.se / math.sqrt(discount), reason, kind.key)


def from_quantiles(measure: Measure | str, quantiles: Mapping[float, float]) -> EffectPrior:
    """The normal prior nearest to the quantiles that an expert gives, by least squares on the measure's scale.

    Parameters
    ----------
    measure : Measure or str
        Or its key: 'hr', 'or', 'rr', 'irr', 'rd', 'md'.
    quantiles : mapping of float to float
        From probabilities to values as printed; two or more. Two are met exactly.

    Examples
    --------
    >>> prior = from_quantiles("or", {0.05: 0.5, 0.95: 1.2})
    >>> round(prior.mean, 3), round(prior.sd, 3)
    (-0.255, 0.266)
    """
    kind, given = measure_of(measure), sorted(quantiles.items())
    values = [kind.scaled(value) for _, value in given if value > 0 or not kind.is_ratio]
    good = len(given) >= 2 and len(values) == len(given) and all(0 < p < 1 for p, _ in given)
    if not good or any(b <= a for a, b in itertools.pairwise(values)):
        found = ", ".join(f"{p:g}: {value:g}" for p, value in given)
        raise InputError("quantiles", found or "none", "two or more, probabilities between 0 and 1, values that rise")
    sd, mean = np.polyfit(ndtri([p for p, _ in given]), values, 1)
    told = ", ".join(f"{100 * p:g} % at {kind.words(value)}" for p, value in given)
    return EffectPrior("expert", float(mean), float(sd), f"an expert's quantiles: {told}", kind.key)


def from_roulette(measure: Measure | str, edges: Sequence[float], chips: Sequence[int]) -> EffectPrior:
    """The normal prior nearest to the chips that an expert puts on ranges of the effect (the roulette method).

    The shares of chips below each inner edge are taken for quantiles (O'Hagan et al. 2006, Uncertain Judgements).

    Parameters
    ----------
    measure : Measure or str
        Or its key: 'hr', 'or', 'rr', 'irr', 'rd', 'md'.
    edges : sequence of float
        Of the ranges, rising, as printed; one more than there are ranges.
    chips : sequence of int

    Examples
    --------
    >>> prior = from_roulette("or", [0.4, 0.6, 0.8, 1.0, 1.2], [3, 8, 7, 2])
    >>> round(prior.mean, 2), round(prior.sd, 2)
    (-0.27, 0.22)
    """
    kind, counts = measure_of(measure), np.asarray(chips, dtype=float)
    if len(edges) != len(chips) + 1 or len(chips) < 3 or (counts < 0).any() or counts.sum() <= 0:
        found = f"{len(edges)} edges, {len(chips)} ranges with {counts.sum():g} chips"
        raise InputError("roulette", found, "three ranges or more, an edge more than ranges, chips on some of them")
    shares = np.cumsum(counts)[:-1] / counts.sum()
    inner = {float(share): edge for share, edge in zip(shares, edges[1:-1], strict=True) if 0 < share < 1}
    if len(inner) < 2:
        raise InputError("roulette", "all chips on one range, or on two", "chips on three ranges or more")
    found_prior = from_quantiles(kind, inner)
    told = ", ".join(f"{int(chip)} from {kind.words(low)}" for chip, low in zip(counts, edges, strict=False))
    return EffectPrior("expert", found_prior.mean, found_prior.sd, f"an expert's chips: {told}", kind.key)


def combined(priors: Sequence[EffectPrior], weights: Sequence[float] | None = None) -> EffectPrior:
    """Several experts as one: the normal prior with mean and SD of their weighted average (a linear pool).

    Examples
    --------
    >>> both = combined([EffectPrior("a", 0.0, 0.3, ""), EffectPrior("b", -0.8, 0.3, "")])
    >>> both.mean, both.sd
    (-0.4, 0.5)
    """
    given = [1.0] * len(priors) if weights is None else list(weights)
    measures = {prior.measure for prior in priors}
    if not priors or len(given) != len(priors) or min(given) < 0 or sum(given) <= 0 or len(measures) > 1:
        found = f"{len(priors)} priors of {', '.join(sorted(measures)) or 'nothing'}, weights {given}"
        raise InputError("priors to combine", found, "one or more of one measure, with weights that are not negative")
    heard = [(prior, weight) for prior, weight in zip(priors, given, strict=True) if weight]
    priors, given = [prior for prior, _ in heard], [weight for _, weight in heard]
    share = np.array(given) / sum(given)
    means, sds = np.array([p.mean for p in priors]), np.array([p.sd for p in priors])
    mean = float(share @ means)
    variance = float(share @ (sds**2 + (means - mean) ** 2))
    told = ", ".join(f"{prior.name} ({100 * w:.0f} %)" for prior, w in zip(priors, share, strict=True))
    return EffectPrior(
        "combined", mean, math.sqrt(variance), f"mean and SD of the average of {told}", priors[0].measure
    )
