"""Estimands by g-computation over the trial's site mix, and the ladder of benefit probabilities.

With p_sa the response probability at site s in arm a (of a model with covariates, averaged over the patients of the
site) and w_s the site's share of patients,

    P_a = sum_s w_s p_sa,   RD = P_1 - P_0,   RR = P_1 / P_0,   OR = P_1 (1 - P_0) / (P_0 (1 - P_1)).

All are marginal: what the trial's patients would show on average if all were given the one or the other treatment.
Arrays below have shape (chain, draw); risk differences are active minus control, and `benefit_scale` turns them so
that positive is good.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.likelihoods import EstimateLikelihood, Likelihood, MarginsLikelihood, NormalPatients
from bayes_lupil.numbers import in_points
from bayes_lupil.posterior.diagnostics import effective_draws, mcse_proportion
from bayes_lupil.trials.end_point import EndPoint

__all__ = [
    "EFFECTS",
    "ESTIMANDS",
    "NNT",
    "Benefit",
    "benefit_ladder",
    "estimate",
    "estimate_means",
    "estimate_of_effect",
    "number_needed_to_treat",
]

Floats = NDArray[np.float64]

ESTIMANDS: dict[str, str] = {
    "risk_control": "response probability, control",
    "risk_active": "response probability, active",
    "risk_difference": "risk difference, active minus control",
    "risk_ratio": "risk ratio",
    "odds_ratio": "odds ratio, marginal",
    "conditional_log_odds_ratio": "log odds ratio at an average site",
    "risk_difference_ordinary_sites": "risk difference at the ordinary sites alone",
    "risk_difference_new_site": "risk difference at a new site",
    "log_odds_ratio_new_site": "log odds ratio at a new site",
    "effect": "treatment effect on the scale of its measure",
    "ratio": "treatment effect as a ratio",
    "mean_control": "mean, control",
    "mean_active": "mean, active",
    "mean_difference": "mean difference, active minus control",
    "standardised_difference": "mean difference over the SD of patients",
    "mean_difference_average_site": "mean difference at an average site",
    "mean_difference_new_site": "mean difference at a new site",
}
"""Every estimand that a fit may report, with its name in words."""

EFFECTS = {"binary": "risk_difference", "continuous": "mean_difference", "estimate": "effect"}
"""The estimand that benefit is about, by the kind of end point."""


def estimate(
    likelihood: Likelihood, values: Mapping[str, Any], rng: np.random.Generator, p: Floats | None = None
) -> dict[str, Floats]:
    """Draws of every estimand that the model has, by name.

    Parameters
    ----------
    likelihood : Likelihood
        The model and the data it is fitted to.
    values : dict of str to array
        Draws of the parameters, shape (chain, draw, ...).
    rng : numpy.random.Generator
        For the effects of a new site.
    p : array, shape (chain, draw, sites, 2), optional
        The response probabilities, where they are known already.
    """
    p = likelihood.probabilities(values) if p is None else p
    weights = np.asarray(likelihood.site_weights(values))
    risks = np.einsum("...sa,...s->...a", p, weights)  # not by BLAS, whose sums depend on the number of cores
    control, active = risks[..., 0], risks[..., 1]
    difference, no_control, no_active = active - control, 1 - control, 1 - active
    near_one = (control > _NEAR_ONE) & (active > _NEAR_ONE)
    if near_one.any():
        # there a risk keeps none of the digits in which the arms differ, and what it lacks of 1 keeps all of them
        lacking = (np.exp(likelihood.log_probabilities(values, -1)) * weights[..., None]).sum(axis=-2)
        no_control, no_active = (np.where(near_one, lacking[..., a], r) for a, r in ((0, no_control), (1, no_active)))
        difference = np.where(near_one, no_control - no_active, difference)
    if (lost := difference == 0).any():
        # beyond the smallest number: the sign alone is left, by the logs of the risks or of what they lack of 1
        side = np.where(near_one, -1.0, 1.0)
        logs = np.where(
            near_one[..., None, None], likelihood.log_probabilities(values, -1), likelihood.log_probabilities(values, 1)
        )
        with np.errstate(divide="ignore"):
            logs = np.logaddexp.reduce(logs + np.log(weights)[..., None], axis=-2)
        sign = side * np.sign(logs[..., 1] - logs[..., 0])
        difference = np.where(lost, sign * np.finfo(float).smallest_subnormal, difference)
    with np.errstate(divide="ignore", invalid="ignore"):  # very wide priors reach 0 and 1
        found = {
            "risk_control": control,
            "risk_active": active,
            "risk_difference": difference,
            "risk_ratio": active / control,
            "odds_ratio": active * no_control / (control * no_active),
        }
    beta = np.asarray(values["beta"])
    # fixed effects: the share-weighted average over the sites of the trial
    found["conditional_log_odds_ratio"] = beta if beta.ndim == control.ndim else (beta * weights).sum(axis=-1)
    if isinstance(likelihood, MarginsLikelihood):
        ordinary = ~likelihood.margins.excluded_mask
        share = weights[..., ordinary]
        difference = p[..., ordinary, 1] - p[..., ordinary, 0]
        found["risk_difference_ordinary_sites"] = (share * difference).sum(axis=-1) / share.sum(axis=-1)
    new = {} if likelihood.spec.pooled else likelihood.sites.new_site(values, rng)
    if "linear_predictor" in new:
        new_p, rest = (likelihood.average_risk(new["linear_predictor"], values, side) for side in (1, -1))
        both = (new_p > _NEAR_ONE).all(axis=-1)
        found["risk_difference_new_site"] = np.where(both, rest[..., 0] - rest[..., 1], new_p[..., 1] - new_p[..., 0])
    if "effect" in new:
        found["log_odds_ratio_new_site"] = new["effect"]
    return found


def estimate_means(
    likelihood: NormalPatients, values: Mapping[str, Any], rng: np.random.Generator
) -> dict[str, Floats]:
    """Draws of the estimands of a continuous end point, in its units, at the mean baseline.

    The effect is the mean difference sum_s w_s (mu_s1 - mu_s0); the standardised one divides it by the SD of patients
    within site, arm and baseline. Parameters as of `estimate`.
    """
    means = np.asarray(likelihood.means(values))
    weights = np.asarray(likelihood.site_weights(values))
    control, active = np.moveaxis((means * weights[:, None]).sum(axis=-2), -1, 0)
    beta = np.asarray(values["beta"])
    found = {
        "mean_control": control,
        "mean_active": active,
        "mean_difference": active - control,
        "standardised_difference": (active - control) / likelihood.residual_sd(values),
        "mean_difference_average_site": beta if beta.ndim == control.ndim else (beta * weights).sum(axis=-1),
    }
    new = {} if likelihood.spec.sites.pooled else likelihood.sites.new_site(values, rng)
    if "effect" in new:
        found["mean_difference_new_site"] = new["effect"]
    return found


def estimate_of_effect(likelihood: EstimateLikelihood, values: Mapping[str, Any]) -> dict[str, Floats]:
    """Draws of the effect where one estimate is known: the log ratio, and the ratio."""
    effect = likelihood.effect(values)
    with np.errstate(over="ignore"):
        return {"effect": effect, "ratio": np.exp(effect)}


_NEAR_ONE = 0.99


@dataclass(frozen=True)
class Benefit:
    """One probability about the marginal effect, with its Monte Carlo standard error.

    Attributes
    ----------
    kind : {"benefit", "harm", "trivial", "relevant"}
    threshold : float
        On the benefit scale (positive is good).
    statement : str
        The event in words, on the scale of the end point.
    """

    kind: str
    threshold: float
    statement: str
    probability: float
    mcse: float

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def benefit_ladder(
    effect: Floats,
    end_point: EndPoint,
    ladder: tuple[float, ...],
    harm: float,
    relevant: float,
    chance: Callable[[NDArray[np.bool_]], tuple[float, float]] | None = None,
) -> tuple[Benefit, ...]:
    """P(effect > d) for each d of the ladder, then P(harm), P(trivial effect) and P(relevant benefit).

    Parameters
    ----------
    effect : array, shape (chain, draw)
        Risk difference or, of a continuous end point, mean difference; active minus control.
    ladder, harm, relevant
        See `bayes_lupil.spec.Decision`.
    chance : callable, optional
        Probability of an event and its Monte Carlo error, where draws are not all worth the same.

    Examples
    --------
    >>> import numpy as np
    >>> rd = np.random.default_rng(1).normal(0.1, 0.1, (4, 1000))
    >>> first = benefit_ladder(rd, EndPoint("x", "x"), (0.0,), 0.0, 0.1)[0]
    >>> first.statement, bool(abs(first.probability - 0.841) < 4 * first.mcse)
    ('risk difference > 0', True)
    """
    good = end_point.sign * effect
    name = EFFECTS[end_point.kind].replace("_", " ")
    if chance is None:
        effective = effective_draws(effect)

        def chance(event: NDArray[np.bool_]) -> tuple[float, float]:
            return float(event.mean()), mcse_proportion(event, effective)

    def row(kind: str, threshold: float, event: NDArray[np.bool_], statement: str) -> Benefit:
        return Benefit(kind, threshold, f"{name} {statement}", *chance(event))

    low, high = sorted((-harm * end_point.sign, relevant * end_point.sign))
    binary = end_point.kind == "binary"
    at_least = f"{'at least' if end_point.sign > 0 else 'at most'} {_number(relevant * end_point.sign, binary)}"
    first = (
        *(row("benefit", d, good > d, _above(d, end_point.sign, binary)) for d in ladder),
        row("harm", 0.0 - harm, good < -harm, _above(harm, -end_point.sign, binary)),
    )
    if end_point.kind == "estimate":  # model files state relevant differences of risks, not of logs of ratios
        return first
    return (
        *first,
        row(
            "trivial",
            relevant,
            (good >= -harm) & (good < relevant),
            f"between {_number(low, binary).split()[0]} and {_number(high, binary)}",
        ),
        row("relevant", relevant, good >= relevant, at_least),
    )


def _number(value: float, binary: bool) -> str:
    """A difference as tables have it: of risks in percentage points."""
    if not binary or value == 0:
        return f"{value + 0.0:g}"  # + 0.0 turns -0 into 0
    return in_points(100 * value)


def _above(threshold: float, sign: int, binary: bool) -> str:
    """'above d' on the benefit scale, as it reads on the scale of the end point."""
    return f"{'>' if sign > 0 else '<'} {_number(threshold * sign, binary)}"


@dataclass(frozen=True)
class NNT:
    """Number needed to treat, read off the risk difference, since 1/RD has no mean where RD may be 0.

    Attributes
    ----------
    point : float or None
        Inverse of the median risk difference; patients needed to treat for one more to benefit (to be harmed, where
        negative). None where the median is 0.
    lower, upper : float or None
        Inverses of the 97.5 % and 2.5 % quantiles of the risk difference on the benefit scale.
    text : str
        In the form of Altman 1998 (BMJ 317:1309): an interval of RD that holds 0 runs through infinity.
    """

    point: float | None
    lower: float | None
    upper: float | None
    text: str


def number_needed_to_treat(risk_difference: Floats, end_point: EndPoint) -> NNT:
    """NNT with its 95 % interval.

    Examples
    --------
    >>> import numpy as np
    >>> rd = np.linspace(-0.1, 0.3, 2001).reshape(1, -1)
    >>> number_needed_to_treat(rd, EndPoint("x", "x")).text
    'NNTB 10.0 (NNTB 3.4 to infinity to NNTH 11.1)'
    """
    low, middle, high = np.quantile(end_point.sign * risk_difference, [0.025, 0.5, 0.975])

    def inverse(value: float) -> float | None:
        return None if abs(value) < 1e-12 else float(1 / value)

    def word(value: float) -> str:
        return "infinity" if abs(value) < 1e-12 else f"NNT{'B' if value > 0 else 'H'} {abs(1 / value):.1f}"

    through = "infinity to " if low < 0 < high else ""
    text = f"{word(middle)} ({word(high)} to {through}{word(low)})"
    return NNT(inverse(middle), inverse(high), inverse(low), text)
