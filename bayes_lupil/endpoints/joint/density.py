"""Pieces of the joint model's density, for NumPy and for PyTensor.

Correlations. A correlation matrix R of K variables is given by its K (K - 1) / 2 canonical partial correlations, of
variables i < j given the variables before i. Under LKJ(eta) they are independent, each symmetric Beta on (-1, 1) with
parameter eta + (K - 1 - i) / 2, i = 1 ... K - 1 (Lewandowski, Kurowicka and Joe 2009, J Multivar Anal 100:1989-2001,
section 2.4), and the Cholesky factor of R is a product of them. For K = 2 that is `priors.LKJ`.

Several binary outcomes. The last one of a patient needs a probability only; for any before it the place within its
truncated normal distribution is a parameter, a standard normal variable whose probability is that of the place
(Geweke, Hajivassiliou and Keane's sequential conditioning; Goodrich's form of it in the Stan User's Guide,
'multivariate probit'). `place` goes through logarithms of probabilities, so that it holds far out in both tails.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LOG_2PI", "Partials", "correlations", "cut", "factor", "log_normal_cdf", "operations", "place", "product"]

Floats = NDArray[np.float64]

LOG_2PI = float(np.log(2 * np.pi))
_ROOT = float(np.sqrt(2.0))
_LOG_HALF = float(-np.log(2.0))
_TAIL = -500.0  # log probability from which on quantiles are had by Newton's method: exp(-500) is no trouble yet
_LEAST = 1e-290  # keeps the quantile finite where a probability rounds to 1


@dataclass(frozen=True)
class _Operations:
    """What NumPy and PyTensor call differently."""

    where: Any
    log1p: Any
    log: Any
    exp: Any
    stack: Any


def operations(value: Any) -> _Operations:
    """The functions for numbers or for a graph, whichever the value is."""
    if _is_number(value):
        return _Operations(np.where, np.log1p, np.log, np.exp, np.stack)
    import pytensor.tensor as pt

    return _Operations(pt.switch, pt.log1p, pt.log, pt.exp, pt.stack)


def _is_number(value: Any) -> bool:
    return isinstance(value, np.ndarray | np.generic | float)


@dataclass(frozen=True)
class Partials:
    """Prior of all canonical partial correlations of K variables under LKJ(eta), as shares b = (1 + partial) / 2.

    Shares keep their digits at either end, and 1 - partial^2 = 4 b (1 - b). They stand in the order of `pairs`.
    """

    eta: float
    size: int

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """(i, j), i < j, row by row of the lower triangle."""
        return [(i, j) for j in range(self.size) for i in range(j)]

    @property
    def parameter(self) -> Floats:
        """Both parameters of each Beta distribution, shape (pairs,)."""
        return np.array([self.eta + (self.size - 2 - i) / 2 for i, _ in self.pairs])

    def logpdf(self, x: Any) -> Floats:
        """Log density of each share, shape (..., pairs)."""
        from scipy import stats

        return np.asarray(stats.beta.logpdf(x, self.parameter, self.parameter), dtype=float)

    def sample(self, rng: np.random.Generator, size: tuple[int, ...]) -> Floats:
        """Draws of shape `size`, whose last axis is the pairs."""
        return rng.beta(self.parameter, self.parameter, size=size)

    def pymc(self, name: str, dims: tuple[str, ...]) -> Any:
        """The same as a PyMC random variable."""
        import pymc as pm

        return pm.Beta(name, alpha=self.parameter, beta=self.parameter, dims=dims)


def factor(shares: Any, size: int) -> Any:
    """Cholesky factor of the correlation matrix.

    Parameters
    ----------
    shares : array or graph, shape (..., pairs)
        See `Partials`.
    size : int
        Number of variables.

    Returns
    -------
    array or graph, shape (..., size, size)

    Examples
    --------
    >>> factor(np.array([0.8]), 2).round(3).tolist()
    [[1.0, 0.0], [0.6, 0.8]]
    """
    do = operations(shares)
    rows, columns = np.indices((size, size))
    lower = rows > columns
    flat = np.where(lower, rows * (rows - 1) // 2 + columns, 0).ravel()
    share = do.where(lower, shares[..., flat].reshape((*shares.shape[:-1], size, size)), 0.5)
    # log of what the columns before leave
    left = product(0.5 * do.log(4.0 * share * (1.0 - share)), (rows < columns).astype(float))
    return (lower * (2.0 * share - 1.0) + np.eye(size)) * do.exp(left)


def product(a: Any, b: Any) -> Any:
    """Matrix product of small matrices, (..., rows, columns), without BLAS, which PyTensor may not find."""
    return (a[..., None] * b[..., None, :, :]).sum(axis=-2)


def correlations(lower: Floats) -> Floats:
    """Correlations of all pairs, in the order of `Partials.pairs`, from Cholesky factors; shape (..., pairs)."""
    matrix = lower @ np.swapaxes(lower, -1, -2)
    return np.stack([matrix[..., i, j] for i, j in Partials(1.0, lower.shape[-1]).pairs], axis=-1)


def log_normal_cdf(x: Any) -> Any:
    """Log Phi(x), to full relative precision in both tails.

    Examples
    --------
    >>> float(np.round(log_normal_cdf(np.float64(-40.0)), 3))
    -804.608
    """
    if _is_number(x):
        from scipy.special import log_ndtr

        return log_ndtr(x)
    import pytensor.tensor as pt

    low = pt.minimum(x, 0.0)
    left = pt.log(0.5 * pt.erfcx(-low / _ROOT)) - 0.5 * low**2
    right = pt.log1p(-0.5 * pt.erfc(pt.maximum(x, -1.0) / _ROOT))
    return pt.switch(x < -1.0, left, right)


def place(log_probability: Any) -> Any:
    """Quantile of the standard normal distribution whose probability has the given logarithm.

    Examples
    --------
    >>> float(np.round(place(log_normal_cdf(np.float64(-40.0))), 9))
    -40.0
    """
    if _is_number(log_probability):
        from scipy.special import ndtri_exp

        return ndtri_exp(np.minimum(log_probability, -_LEAST))
    import pytensor.tensor as pt

    upper = log_probability > _LOG_HALF
    # the smaller of the two tails, from whichever side
    tail = pt.switch(
        upper,
        -pt.expm1(pt.maximum(log_probability, -1.0)),
        pt.exp(pt.minimum(pt.maximum(log_probability, _TAIL), _LOG_HALF)),
    )
    size = _ROOT * pt.erfcinv(2 * pt.maximum(tail, _LEAST))
    far = pt.minimum(log_probability, _TAIL)
    # Phi(x) is about phi(x) / |x|; Newton's steps on log Phi, which is nearly a parabola here
    x = -pt.sqrt(-2 * far - LOG_2PI - pt.log(-2 * far))
    for _ in range(3):
        mills = pt.erfcx(-x / _ROOT) * float(np.sqrt(np.pi / 2))
        x = x - (log_normal_cdf(x) - far) * mills
    return pt.switch(log_probability < _TAIL, x, pt.switch(upper, size, -size))


def cut(log_odds: Any) -> Any:
    """Phi^-1(expit(log odds)): the latent variable below which there is a response.

    Examples
    --------
    >>> cut(np.array([-800.0, 0.0, 800.0])).round(2).tolist()
    [-39.88, 0.0, 39.88]
    """
    do = operations(log_odds)
    positive = log_odds > 0
    size = do.where(positive, log_odds, -log_odds)
    below = place(-size - do.log1p(do.exp(-size)))
    return do.where(positive, -below, below)
