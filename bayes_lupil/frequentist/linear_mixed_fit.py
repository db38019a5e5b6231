"""A linear model with random site effects as it was fitted; `linear_mixed` fits it."""

from __future__ import annotations

from dataclasses import dataclass

from bayes_lupil.frequentist.ancova import MeanDifference
from bayes_lupil.frozen import ReadOnly

__all__ = ["LinearMixed"]


@dataclass(frozen=True, slots=True)
class LinearMixed(ReadOnly):
    """A fitted model: y = alpha + u_s + sum_a (beta_a + v_as) x_a + gamma baseline + error; made by `linear_mixed`.

    u_s ~ N(0, sd_site^2), v_as ~ N(0, sd_slope_a^2), all independent, error ~ N(0, sigma^2).

    Attributes
    ----------
    effects : {"pooled", "partial"}
        pooled: random intercepts alone; partial: random slopes of each active arm too.
    coding : {"reference", "centred"}
    reml : bool
    level : float
        Of the intervals, as a probability.
    control : str
        The arm that all others are held against.
    contrasts : dict of str to MeanDifference
        beta_a by active arm, in order of appearance, with Satterthwaite's degrees of freedom.
    intercept, intercept_se : float
        alpha, at baseline 0 (as lme4 without centring), of the control arm or, where centred, over the arms.
    sd_site, sigma : float
        SD of site intercepts and of the error.
    sd_slope : dict of str to float
        SD of the treatment effect over sites by active arm; empty where pooled.
    baseline_slope, baseline_slope_se : float or None
        gamma; None without a baseline, or where it has one value only.
    log_likelihood : float
        The restricted one under REML.
    boundary : tuple of str
        SDs estimated as 0: "site", or the name of an arm. Degrees of freedom take them for known.
    converged : bool
        Whether the search ended where a Newton step would gain less than 1e-6 in log likelihood.
    n : dict of str to int
        Patients by arm, control first.
    n_sites : int
    notes : tuple of str
        Plain sentences on boundary, convergence and terms left out.
    """

    effects: str
    coding: str
    reml: bool
    level: float
    control: str
    contrasts: dict[str, MeanDifference]
    intercept: float
    intercept_se: float
    sd_site: float
    sd_slope: dict[str, float]
    sigma: float
    baseline_slope: float | None
    baseline_slope_se: float | None
    log_likelihood: float
    boundary: tuple[str, ...]
    converged: bool
    n: dict[str, int]
    n_sites: int
    notes: tuple[str, ...]
