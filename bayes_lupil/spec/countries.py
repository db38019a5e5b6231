"""How a model file says that countries, or other groups of sites, enter above the sites."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from bayes_lupil.documents import Document, requirement
from bayes_lupil.spec.outliers import Outliers, check_outliers
from bayes_lupil.spec.sites import Pooling

__all__ = ["Countries"]


class Countries(Document):
    """How countries enter: logit p = alpha + c_country + u_site + (beta + d_country + v_site) x.

    A country is any group of sites: a region, a network, a health system. x is that of `Sites.coding`.

    Attributes
    ----------
    intercepts : {"pooled", "partial", "fixed"}
        pooled: the same in every country, but for what sites differ; partial: drawn from a common distribution, and so
        shrunk; fixed: each country's own, normal around alpha with the known SD `fixed_sd`, so that how much countries
        differ is not estimated, they are hardly shrunk, and nothing is said of the level of a new one.
    effects : {"pooled", "partial"}
        As of intercepts. There is no 'fixed': effects of which each is a country's own have no average that the data
        tell, and a new country would have none (effects by country, unshrunken: `subgroup_table`).
    distribution : {"normal", "student_t", "contaminated"}
        Distribution of c and d where pooling is partial; tau_c and tau_d are its scales. contaminated: normal, but in a
        share of the countries the log odds of all sites deviate by a further normal variable.
    df : float, optional
        Degrees of freedom of "student_t"; small ones let single countries lie far out.
    fixed_sd : float, optional
        Where intercepts are fixed: the SD of each country's own level around alpha, on the log-odds scale; 2 to 5 is
        wide, since levels between 5 % and 95 % lie within 3 of one half.
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

    intercepts: Pooling
    effects: Literal["pooled", "partial"]
    distribution: Literal["normal", "student_t", "contaminated"] = "normal"
    df: Annotated[float, Field(ge=1, le=1000)] | None = None
    fixed_sd: Annotated[float, Field(gt=0, le=20)] | None = None
    outliers: Outliers | None = None
    outlier_sd: Annotated[float, Field(gt=0, le=20)] | None = None
    outlier_share: Annotated[float, Field(ge=0, lt=1)] | None = None

    @field_validator("effects", mode="before")
    @classmethod
    def _not_fixed(cls, value: Any) -> Any:
        if value == "fixed":
            required = "'partial' or 'pooled': effects of each country's own have no average that the data tell"
            raise requirement("", "'fixed'", required)
        return value

    @model_validator(mode="after")
    def _complete(self) -> Countries:
        check_outliers(self)
        both, kind = (self.intercepts, self.effects), f"distribution = '{self.distribution}'"
        if both == ("pooled", "pooled"):
            required = "'partial' for intercepts or effects; where countries are all alike, leave [countries] out"
            raise requirement("intercepts", "'pooled', as effects", required)
        if self.is_mixture and self.intercepts != "partial":
            raise requirement("intercepts", f"'{self.intercepts}'", f"'partial', because {kind}")
        student = self.distribution == "student_t"
        if student and "partial" not in both:
            raise requirement("distribution", "'student_t'", "'normal', because neither part is 'partial'")
        if student and self.df is None:
            raise requirement("df", "nothing", f"a number, because {kind}")
        if not student and self.df is not None:
            raise requirement("df", f"{self.df:g}", f"none, because {kind}")
        fixed = self.intercepts == "fixed"
        if fixed and self.fixed_sd is None:
            required = "a number on the log-odds scale, such as 3, because intercepts = 'fixed'"
            raise requirement("fixed_sd", "nothing", required)
        if not fixed and self.fixed_sd is not None:
            raise requirement("fixed_sd", f"{self.fixed_sd:g}", f"none, because intercepts = '{self.intercepts}'")
        return self

    @property
    def is_mixture(self) -> bool:
        """Whether countries are of several kinds, and which country is of which is not known."""
        return self.distribution == "contaminated"
