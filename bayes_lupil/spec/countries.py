"""How a model file says that countries, or other groups of sites, enter above the sites."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from bayes_lupil.documents import Document, requirement
from bayes_lupil.spec.outliers import Outliers, check_outliers

__all__ = ["Countries"]


class Countries(Document):
    """How countries enter: logit p = alpha + c_country + u_site + (beta + d_country + v_site) x.

    A country is any group of sites: a region, a network, a health system. x is that of `Sites.coding`.

    Attributes
    ----------
    intercepts, effects : {"pooled", "partial"}
        pooled: the same in every country, but for what sites differ; partial: drawn from a common distribution.
    distribution : {"normal", "contaminated"}
        Distribution of c and d where pooling is partial; tau_c and tau_d are its SDs. contaminated: normal, but in a
        share of the countries the log odds of all sites deviate by a further normal variable.
    outliers : {"site", "control", "active", "arms"}, optional
        Where the outlying countries of "contaminated" deviate, as for sites: in both arms alike ("site"); in the
        control arm; in the active arm; in each arm on its own.
    outlier_sd : float, optional
        SD of that deviation, on the log-odds scale.
    outlier_share : float, optional
        Share of outlying countries ("arms": of outlying arms of countries), where it is not estimated by
        `priors.country_outlier_share`.

    Examples
    --------
    >>> Countries(intercepts="partial", effects="pooled").is_mixture
    False
    """

    intercepts: Literal["pooled", "partial"]
    effects: Literal["pooled", "partial"]
    distribution: Literal["normal", "contaminated"] = "normal"
    outliers: Outliers | None = None
    outlier_sd: Annotated[float, Field(gt=0, le=20)] | None = None
    outlier_share: Annotated[float, Field(ge=0, lt=1)] | None = None

    @field_validator("intercepts", "effects", mode="before")
    @classmethod
    def _not_fixed(cls, value: Any) -> Any:
        if value == "fixed":
            required = "'partial' or 'pooled': a free parameter for each country would leave nothing to a new one"
            raise requirement("", "'fixed'", required)
        return value

    @model_validator(mode="after")
    def _complete(self) -> Countries:
        check_outliers(self)
        if (self.intercepts, self.effects) == ("pooled", "pooled"):
            required = "'partial' for intercepts or effects; where countries are all alike, leave [countries] out"
            raise requirement("intercepts", "'pooled', as effects", required)
        if self.is_mixture and self.intercepts != "partial":
            required = f"'partial', because distribution = '{self.distribution}'"
            raise requirement("intercepts", f"'{self.intercepts}'", required)
        return self

    @property
    def is_mixture(self) -> bool:
        """Whether countries are of several kinds, and which country is of which is not known."""
        return self.distribution == "contaminated"
