"""Binomial likelihood of counts by site and arm, where sites lie in countries whose effects differ too."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.errors import UnsupportedModelError
from bayes_lupil.likelihoods.base import Pointwise, by_arm, numbered, refuse_countries
from bayes_lupil.likelihoods.binomial import BinomialCells
from bayes_lupil.likelihoods.binomial_marginal import SiteMarginal
from bayes_lupil.likelihoods.nested_marginal import NestedMarginal
from bayes_lupil.likelihoods.site_effects import SiteModel
from bayes_lupil.spec import ModelSpec
from bayes_lupil.trials.cells import Cells

__all__ = ["NestedCells"]

Floats = NDArray[np.float64]


class NestedCells(BinomialCells):
    """A model file with countries met with a table of sites that says in which country each of them lies.

    Sites of one country are not independent given the parameters that all sites share, so that there is no likelihood
    of single sites: what needs one refuses.

    Parameters
    ----------
    spec : ModelSpec
        With `countries`.
    cells : Cells
        With `countries`.

    Raises
    ------
    UnsupportedModelError
        Where the country of the sites is not known.
    """

    site_by_site = False
    why_no_marginal = (
        "Where the effects of countries, or of the sites of one, are not normal, a country's likelihood may have "
        "several modes."
    )

    def __init__(self, spec: ModelSpec, cells: Cells) -> None:
        super().__init__(spec, cells)
        if cells.countries is None:
            raise UnsupportedModelError(f"model '{spec.name}'", "sites whose country is not known", "Cells.countries")
        self.country_names, country = numbered(cells.countries)
        self.sites = SiteModel(spec, len(cells.sites), country=country)

    @property
    def site_marginal(self) -> SiteMarginal:
        """None, and never asked for by what knows of countries; refused, lest a likelihood of single sites be made up.

        Raises
        ------
        UnsupportedModelError
        """
        refuse_countries(self.spec)
        raise AssertionError  # a model of this class has countries

    @property
    def marginal(self) -> NestedMarginal | None:
        """The likelihood with the effects of sites and countries integrated out; None where these are not normal.

        A country's likelihood may then have two modes, as where its two large sites lie far apart and either may be
        the outlying one, or a country far out may be drawn to the others or left there, and the search for a mode finds
        one of them: neither integrals nor draws would be right. Of outlying countries each kind has its own mode.
        """
        table = self.spec.countries
        assert table is not None
        normal = self.spec.sites.distribution == "normal" and table.distribution != "student_t"
        return self._integrals if normal else None

    @cached_property
    def _integrals(self) -> NestedMarginal:
        return NestedMarginal(self.sites, self._table)

    def _outlying(self, values: Mapping[str, Any]) -> dict[str, Floats]:
        """Of sites: given the effects of their country too, which the draws have."""
        return self._integrals.site_outlier_probability(values, self.sites.country_effects(values))

    def country_outlier_probability(self, values: Mapping[str, Any]) -> Pointwise | None:
        """Given the shared parameters and the data, the effects of countries and sites integrated out.

        Where that would take minutes or cannot be done, which deviate at each draw: 0 or 1, and of the same mean.
        """
        if not self.spec.country_deviations:
            return None
        marginal = self.marginal
        drawn = all(f"d_{arm}_country" in values for arm in self.spec.country_deviations)
        if marginal is None or (drawn and np.size(values["alpha"]) > marginal.most_draws(self.spec.sampler.nodes)):
            return super().country_outlier_probability(values)
        shape = np.shape(values["alpha"])
        theta = {item.name: np.ravel(values[item.name]) for item in marginal.parameters}
        found = marginal.outlier_probability(theta, self.spec.sampler.nodes)
        by_country = by_arm({name: chance.reshape(*shape, -1) for name, chance in found.items()})
        return Pointwise("outlier_country", by_country, ("country", "arm"))
