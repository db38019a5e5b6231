"""The tables of a model file: priors, errors, what is asked of the effect, and the sampler, with all their defaults."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator

from bayes_lupil.documents import Document, requirement
from bayes_lupil.priors import (
    LKJ,
    Averaged,
    Beta,
    DfPrior,
    Dirichlet,
    EffectOnRisk,
    EffectPrior,
    LevelPrior,
    LocationPrior,
    Normal,
    Prior,
    ScalePrior,
    Univariate,
)

__all__ = ["Decision", "Errors", "OtherPriors", "Priors", "Sampler", "Text"]

Text = Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class Priors(Document):
    """Priors, each with its reason.

    alpha is the average log odds (of the control arm under reference coding), beta the average log odds ratio, tau_u
    and tau_v the between-site SDs (scales), correlation that of u and v; tau_c and tau_d are the SDs between countries
    and country_outlier_share is for contaminated ones (see [countries]); df is for Student-t sites, outlier_share for
    contaminated and exnex ones, nonexchangeable the treatment effect (log odds ratio) of a site that is not
    exchangeable; site_shares and retention are used only for trials known by their margins, and so are excluded_shares
    (where the excluded sites have another concentration than the others) and excluded_level (what log odds of response
    the excluded sites have in common, in both arms, above those of the other sites: as of one country); sigma, the SD
    of patients within a site and arm (their scale where errors are Student-t), gamma, the slope on the baseline, and
    error_df are used only for continuous end points, and a prior for sigma is what tells a model of one; coefficients
    is the prior of each coefficient gamma_k of [covariates]: a log odds ratio for one SD of a number, or between a
    category and the most frequent one.

    What a prior is stated for need not be the parameter itself. Of a between-site SD it may be the variance
    (variance_uniform, variance_half_normal, variance_inverse_gamma), the precision 1 / variance (precision_uniform;
    precision_gamma, another name for variance_inverse_gamma) or how far it shrinks a typical site (uniform_shrinkage,
    dumouchel). With coding = 'reference', where alpha is the control arm's log odds, alpha may be stated for the
    control risk (control_risk_beta; a = b = 1 is uniform), and beta, given alpha, for the log risk ratio
    (log_risk_ratio_normal) or the risk difference (risk_difference_normal), cut off to what is possible at that control
    risk; where sites differ in level, all this is said of a site with average log odds.
    """

    alpha: LevelPrior
    beta: EffectPrior
    tau_u: ScalePrior | None = None
    tau_v: ScalePrior | None = None
    correlation: LKJ | None = None
    df: DfPrior | None = None
    outlier_share: Beta | None = None
    nonexchangeable: Normal | None = None
    site_shares: Dirichlet | None = None
    excluded_shares: Dirichlet | None = None
    excluded_level: LocationPrior | None = None
    retention: Beta | None = None
    sigma: ScalePrior | None = None
    gamma: LocationPrior | None = None
    error_df: DfPrior | None = None
    tau_c: ScalePrior | None = None
    tau_d: ScalePrior | None = None
    country_outlier_share: Beta | None = None
    coefficients: LocationPrior | None = None

    @field_validator("tau_u", "tau_v", "sigma", "tau_c", "tau_d")
    @classmethod
    def _not_negative(cls, prior: Any) -> Any:
        if prior is not None and getattr(prior, "lower", 0.0) < 0:
            raise requirement("lower", f"{prior.lower:g}", "0 or more, since it is a standard deviation")
        return prior

    @field_validator("error_df")
    @classmethod
    def _with_a_variance(cls, prior: Any) -> Any:
        if prior is not None and prior.lower < 2:
            raise requirement("lower", f"{prior.lower:g}", "2 or more, so that patients have a variance")
        return prior

    @field_validator("df")
    @classmethod
    def _at_least_one(cls, prior: Any) -> Any:
        if prior is not None and prior.lower < 1:
            raise requirement("lower", f"{prior.lower:g}", "1 or more: fewer degrees of freedom have no place here")
        return prior

    def items(self) -> list[tuple[str, Prior]]:
        """(name, prior) of those that are given."""
        return [(name, prior) for name in type(self).model_fields if (prior := getattr(self, name)) is not None]

    def marginal(self, name: str) -> Univariate:
        """The prior of one parameter alone: averaged over alpha's, where it depends on that."""
        prior = getattr(self, name)
        found: Univariate = Averaged(prior, self.alpha) if isinstance(prior, EffectOnRisk) else prior
        return found


class OtherPriors(Priors):
    """Some priors, in place of those of a model."""

    alpha: LevelPrior | None = None  # type: ignore[assignment]
    beta: EffectPrior | None = None  # type: ignore[assignment]


class Errors(Document):
    """How patients of one site and arm differ in a continuous end point.

    Attributes
    ----------
    distribution : {"normal", "student_t"}
        student_t lets single patients lie far out without moving the mean by much; sigma is then its scale.
    df : float, optional
        Degrees of freedom, above 2; left out where `priors.error_df` says that they are estimated.
    """

    distribution: Literal["normal", "student_t"]
    df: Annotated[float, Field(gt=2, le=1000)] | None = None


class Decision(Document):
    """What is asked of the posterior of the effect, on the benefit scale (positive is good).

    The effect is the risk difference, between -1 and 1, or the mean difference of a continuous end point, in its units.

    Attributes
    ----------
    ladder : tuple of float
        Thresholds d of the reported P(effect > d); 0 is always among them.
    harm : float
        An effect below -harm counts as harm.
    relevant : float
        An effect of at least this much counts as a relevant benefit.
    """

    ladder: tuple[float, ...] = (0.0, 0.05, 0.10, 0.15, 0.20)
    harm: Annotated[float, Field(ge=0)] = 0.0
    relevant: Annotated[float, Field(gt=0)] = 0.10

    @field_validator("ladder")
    @classmethod
    def _with_zero(cls, ladder: tuple[float, ...]) -> tuple[float, ...]:
        if 0.0 not in ladder or list(ladder) != sorted(set(ladder)):
            raise ValueError("thresholds in rising order, 0 among them")
        return ladder


class Sampler(Document):
    """Engine and its settings.

    Attributes
    ----------
    engine : {"auto", "nuts", "quadrature", "importance"}
        quadrature: site effects integrated out, importance sampling of the rest, for trials whose site table is known;
        importance: site effects drawn from their prior, importance sampling of the rest, for trials known by their
        margins; nuts: the No-U-Turn Sampler, for both; auto: quadrature or importance, and NUTS where their
        diagnostics fail or they would take hours.
    points, nodes : int
        Quadrature and importance: points (a power of 2; more are taken where they do not do). Quadrature: the most
        Gauss-Hermite nodes along an axis of a site's integral.
    backend, chains, tune, draws, target_accept
        NUTS, whose `backend = "nutpie"` falls back to PyMC's own sampler where nutpie is not installed, and the result
        says so. Importance takes points until they are worth chains x draws.
    seed : int
    """

    engine: Literal["auto", "nuts", "quadrature", "importance"] = "auto"
    points: Annotated[int, Field(ge=256, le=2**20)] = 4096
    nodes: Annotated[int, Field(ge=3, le=101)] = 13
    backend: Literal["nutpie", "pymc"] = "nutpie"
    chains: Annotated[int, Field(ge=2, le=64)] = 4
    tune: Annotated[int, Field(ge=100, le=100_000)] = 1000
    draws: Annotated[int, Field(ge=100, le=1_000_000)] = 2000
    target_accept: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    seed: Annotated[int, Field(ge=0, lt=2**32)]

    @field_validator("points")
    @classmethod
    def _power_of_two(cls, points: int) -> int:
        if points & (points - 1):
            raise ValueError("a power of 2, such as 4096")
        return points
