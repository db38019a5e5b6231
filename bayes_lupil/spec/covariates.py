"""How a model file says that patients' covariates enter."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from bayes_lupil.characters import repeated
from bayes_lupil.documents import Document, requirement

if TYPE_CHECKING:
    from bayes_lupil.spec.model import ModelSpec

__all__ = ["Covariates", "check_covariates"]

_Column = Annotated[str, StringConstraints(min_length=1, max_length=200)]
_Levels = Annotated[tuple[_Column, ...], Field(min_length=2, max_length=10)]
_Curves = Annotated[int, Field(ge=2, le=8)]
_MOST_COLUMNS = 20
_KINDS = ("categorical", "ordered", "splines")


class Covariates(Document):
    """What patients differ in, before treatment: logit p = alpha + u_site + (beta + v_site) x + sum_k gamma_k z_k.

    Of a continuous end point the sum is added to the mean, beside the slope on the baseline (`priors.gamma`), which
    stays a parameter of its own. Covariates are declared before the results are seen, and few; the effect is then
    standardised over the patients of the trial (FDA 2023, Adjusting for Covariates in Randomized Clinical Trials for
    Drugs and Biological Products).

    Attributes
    ----------
    continuous : tuple of str
        Columns of numbers. z is the value less the mean of all patients in the data, over their SD.
    categorical : tuple of str
        Columns of categories. There is a z for each category but the most frequent one: 1 in it and 0 elsewhere, less
        the mean of all patients in the data.
    ordered : dict of str to tuple of str
        Columns of categories that have an order, each with its categories from the lowest to the highest. There is a z
        for each step up: 1 in that category and all above it, less the mean, so that a coefficient is the log odds
        ratio (of a continuous end point: the difference) of one step.
    splines : dict of str to int
        Columns of numbers that enter as a natural cubic spline with so many degrees of freedom, 2 to 8: knots at
        equally spaced quantiles of its different values, from the smallest to the largest. The first z is that of
        `continuous`, the others are what the spline adds to a straight line, orthogonal to it and to one another, with
        the SD 1.
    missing : {"refused", "indicator"}
        What becomes of patients without a value. indicator: a number is taken for the mean and a further z says that it
        was missing; a missing category is one of its own (White and Thompson 2005, Stat Med 24:993-1007).

    Examples
    --------
    >>> Covariates(continuous=("age",), categorical=("sex",)).columns
    ('age', 'sex')
    """

    continuous: tuple[_Column, ...] = ()
    categorical: tuple[_Column, ...] = ()
    ordered: dict[_Column, _Levels] = Field(default_factory=dict)
    splines: dict[_Column, _Curves] = Field(default_factory=dict)
    missing: Literal["refused", "indicator"] = "refused"

    @model_validator(mode="after")
    def _complete(self) -> Covariates:
        if not self.columns:
            required = "a column in continuous, categorical, ordered or splines; without any, leave [covariates] out"
            raise requirement("continuous", "nothing, as in the others", required)
        if twice := repeated(self.columns):
            key = next(key for key in ("continuous", *_KINDS) if twice in getattr(self, key))
            raise requirement(key, f"'{twice}' twice", "each column once, as one kind of covariate")
        for column, levels in self.ordered.items():
            if same := repeated(levels):
                raise requirement("ordered", f"category '{same}' of '{column}' twice", "each category once, in order")
        if len(self.columns) > _MOST_COLUMNS:
            found = f"{len(self.columns)} columns with those of the other kinds"
            raise requirement("continuous", found, f"{_MOST_COLUMNS} columns or fewer, chosen beforehand")
        return self

    def __hash__(self) -> int:
        return hash(json.dumps(self.model_dump(mode="json"), sort_keys=True))

    @property
    def columns(self) -> Annotated[tuple[str, ...], Field(exclude=True)]:
        """All columns."""
        return (*self.continuous, *self.categorical, *self.ordered, *self.splines)


def check_covariates(spec: ModelSpec) -> None:
    """What [covariates] needs of a model, and what there is none of without it."""
    given = spec.priors.coefficients is not None
    if spec.covariates is None:
        if given:
            raise requirement("priors.coefficients", "a prior", "none, because there is no [covariates]")
        return
    if not given:
        raise requirement("priors.coefficients", "nothing", "a prior, because there is [covariates]")
    if spec.countries is not None:
        raise requirement("covariates", "a table", "none, because of [countries]: a model has the one or the other")
    if spec.sites.distribution == "exnex":
        raise requirement("sites.distribution", "'exnex'", "another, because of [covariates]")
