"""How a model file says that sites enter: pooling, and the distribution that site effects come from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from bayes_lupil.documents import Document, requirement
from bayes_lupil.spec.outliers import Outliers, check_outliers, deviations_of

__all__ = ["Pooling", "Sites"]

Pooling = Literal["pooled", "partial", "fixed"]


class Sites(Document):
    """How sites enter: logit p = alpha + u_site + (beta + v_site) x.

    Attributes
    ----------
    intercepts, effects : {"pooled", "partial", "fixed"}
        pooled: the same at every site; partial: drawn from a common distribution and so shrunk; fixed: one free
        parameter for each site.
    distribution : {"normal", "student_t", "contaminated", "exnex"}
        Distribution of u and v where pooling is partial; tau_u and tau_v are its scales. contaminated: normal, but at
        a share of the sites the log odds deviate by a further normal variable with the SD `outlier_sd`. exnex: normal,
        but a share of the sites has a treatment effect of its own, which shares nothing with the others'
        (Neuenschwander et al. 2016, Pharm Stat 15:123-134, who fix the shares by site; here one share is fixed or
        estimated), with the prior `priors.nonexchangeable`.
    df : float, optional
        Degrees of freedom of "student_t"; small ones let single sites lie far out. Left out where `priors.df` says that
        they are estimated.
    outliers : {"site", "control", "active", "arms"}, optional
        Where the outlying sites of "contaminated" deviate: in both arms alike; in the control arm; in the active arm;
        in each arm on its own.
    outlier_sd : float, optional
        SD of that deviation, on the log-odds scale.
    outlier_share : float, optional
        Share of outlying ("arms": of outlying arms; "exnex": of not exchangeable) sites, where it is not estimated by
        `priors.outlier_share`.
    correlated : bool
        Whether u and v may be correlated over sites (both must be partial), with priors.correlation.
    coding : {"centred", "reference"}
        centred: x is -1/2 for control and +1/2 for active; reference: 0 and 1, as in most published fits. With
        partially pooled effects the coding changes the model.
    """

    intercepts: Pooling
    effects: Pooling
    distribution: Literal["normal", "student_t", "contaminated", "exnex"] = "normal"
    df: Annotated[float, Field(ge=1, le=1000)] | None = None
    outliers: Outliers | None = None
    outlier_sd: Annotated[float, Field(gt=0, le=20)] | None = None
    outlier_share: Annotated[float, Field(ge=0, lt=1)] | None = None
    correlated: bool = False
    coding: Literal["centred", "reference"] = "centred"

    @model_validator(mode="after")
    def _complete(self) -> Sites:
        kind = f"distribution = '{self.distribution}'"
        contaminated = self.distribution == "contaminated"
        check_outliers(self)
        if self.df is not None and self.distribution != "student_t":
            raise requirement("df", f"{self.df:g}", f"none, because {kind}")
        if self.is_mixture and self.intercepts != "partial":
            raise requirement("intercepts", f"'{self.intercepts}'", f"'partial', because {kind}")
        if contaminated and self.effects == "fixed":
            raise requirement("effects", "'fixed'", f"'partial' or 'pooled', because {kind}")
        if self.distribution == "exnex" and self.effects != "partial":
            raise requirement("effects", f"'{self.effects}'", f"'partial', because {kind}")
        if self.correlated and (self.intercepts, self.effects) != ("partial", "partial"):
            raise requirement("correlated", "true", "false, unless intercepts and effects are both 'partial'")
        if self.correlated and self.distribution == "exnex":
            raise requirement("correlated", "true", f"false, because {kind}")
        return self

    @property
    def is_mixture(self) -> bool:
        """Whether sites are of several kinds, and which site is of which is not known."""
        return self.distribution in ("contaminated", "exnex")

    @property
    def pooled(self) -> bool:
        """Whether sites play no part at all."""
        return self.intercepts == "pooled" and self.effects == "pooled"

    @property
    def x(self) -> tuple[float, float]:
        """Treatment code of control and active."""
        return (-0.5, 0.5) if self.coding == "centred" else (0.0, 1.0)

    @property
    def deviations(self) -> dict[str, tuple[float, float]]:
        """By arm (or 'site') in which outlying sites deviate: what a deviation of 1 adds to (u, v)."""
        return deviations_of(self.outliers, self.x)
