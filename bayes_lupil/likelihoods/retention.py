"""Chances of staying in the published subset, integrated out of the likelihood of published margins.

Take the patients of one arm with one response: a in the subset, b outside it, c known to be at the excluded sites. With
O and E the chance that such a patient is at an ordinary and at an excluded site, and rho ~ Beta(p, q) the chance that
one at an ordinary site stays in the subset,

    L = integral of (rho O)^a (E + (1 - rho) O)^b E^c over rho
      = E^c sum_j C(b, j) E^(b - j) O^(a + j) B(a + p, j + q) / B(p, q),

by (E + (1 - rho) O)^b = sum_j C(b, j) E^(b - j) ((1 - rho) O)^j, with j of the b patients at ordinary sites, and the
integral of rho^(a + p - 1) (1 - rho)^(j + q - 1) = B(a + p, j + q). Where none of the b can be from an excluded site,
j = b alone is left. All terms are positive, so the sum cancels nothing; it is taken by logsumexp, since each term may
be below exp(-700).
Given all else, j is one of a few numbers with these terms as weights, and rho given j is Beta(a + p, j + q).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.integrals.log_sums import log_sum_exp
from bayes_lupil.priors import Beta
from bayes_lupil.trials.margins import Margins

__all__ = ["Retained", "retained"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Retained:
    """The patients of one arm with one response.

    Attributes
    ----------
    arm, response : int
    inside, outside : int
        In the subset; outside it, those who are known to be at an excluded site left out.
    may_be_excluded : bool
        Whether some of those outside may be from an excluded site.
    excluded : float
        Patients known to be there, by their power.
    prior : Beta
        Of the chance to stay.
    """

    arm: int
    response: int
    inside: int
    outside: int
    may_be_excluded: bool
    excluded: float
    prior: Beta

    @cached_property
    def _ordinary(self) -> NDArray[np.int64]:
        """Every j."""
        return np.arange(0 if self.may_be_excluded else self.outside, self.outside + 1)

    @cached_property
    def _log_ways(self) -> Floats:
        """Log of C(b, j) B(a + p, j + q) / B(p, q)."""
        from scipy.special import betaln, gammaln

        a, b, j, p, q = self.inside, self.outside, self._ordinary, self.prior.a, self.prior.b
        ways = gammaln(b + 1) - gammaln(j + 1) - gammaln(b - j + 1)
        return np.asarray(ways + betaln(a + p, j + q) - betaln(p, q))

    def _log_terms(self, ordinary: Floats, excluded: Floats) -> Floats:
        """Logs of the terms of the sum, shape (..., j), without E^c; 0 log 0 is 0, and what is impossible is -inf."""
        from scipy.special import xlogy

        j = self._ordinary
        log_terms = self._log_ways + xlogy(self.inside + j, ordinary[..., None])
        return np.asarray(log_terms + xlogy(self.outside - j, excluded[..., None]))

    def log_likelihood(self, ordinary: Floats, excluded: Floats) -> Floats:
        """Log of L from O and E, each of shape (...)."""
        from scipy.special import xlogy

        if self.inside + self.outside + self.excluded == 0:
            return np.zeros(ordinary.shape)
        total = log_sum_exp(self._log_terms(ordinary, excluded))
        return np.asarray(total + xlogy(self.excluded, excluded))

    def draw(self, ordinary: Floats, excluded: Floats, rng: np.random.Generator) -> Floats:
        """The chance to stay given O and E, shape (...)."""
        # j by its distribution function, weights up to a factor; then rho given j
        weights = self._log_terms(ordinary, excluded)
        weights = np.cumsum(np.exp(weights - weights.max(axis=-1, keepdims=True)), axis=-1)
        which = (weights < rng.random(ordinary.shape)[..., None] * weights[..., -1:]).sum(axis=-1)
        drawn: Floats = rng.beta(self.inside + self.prior.a, self._ordinary[which] + self.prior.b)
        return drawn


def retained(margins: Margins, prior: Beta, excluded_power: float = 1.0) -> tuple[Retained, ...]:
    """The patients of each arm and response, control first, non-responders first.

    Parameters
    ----------
    excluded_power : float
        Power of the likelihood of patients known to be at the excluded sites.
    """
    found = []
    for arm in (0, 1):
        for response in (0, 1):
            mine = [item for item in margins.classes if (item.arm, item.response) == (arm, response)]
            outside = [item for item in mine if not item.in_subset and not item.must_be_excluded]
            found.append(
                Retained(
                    arm, response,
                    inside=sum(item.count for item in mine if item.in_subset),
                    outside=sum(item.count for item in outside),
                    may_be_excluded=any(item.may_be_excluded for item in outside),
                    excluded=excluded_power * sum(item.count for item in mine if item.must_be_excluded),
                    prior=prior,
                )
            )  # fmt: skip
    return tuple(found)
