"""The deviation of an outlying site as a continuous function of a standard normal variable.

A site deviates with probability q (the share), by a standard normal amount D, and else not at all: D has a spike at 0
and a slab. Its quantile function is known, so that D = Q(Phi(z)) with z ~ N(0, 1) has just this distribution:

    P(|D| > t) = 2 q (1 - Phi(t))   gives   |D| = 2^(1/2) erfc^-1(min(1, erfc(|z| / 2^(1/2)) / q)),   sign D = sign z.

Two-sided tails are equated, P(|Z| > |z|) = erfc(|z| / 2^(1/2)) with q erfc(|D| / 2^(1/2)). Where the first exceeds q
there is no such D, and D = 0 = erfc^-1(1). Tails are divided, not 1 - tails, so that no digit is lost however far out.
D is continuous in z and q, with a kink where the slab begins, so no discrete variable is left and NUTS can sample z.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["deviates", "deviation"]

_ROOT = np.sqrt(2.0)
_LEAST = 1e-290  # keeps erfc^-1 finite where z is beyond anything that the prior gives, 36.4; |D| is no larger


def _functions(z: Any) -> Any:
    """erfc, its inverse and their like, for numbers or for a graph."""
    if isinstance(z, np.ndarray | np.generic | float):
        from scipy import special

        return special.erfc, special.erfcinv, np.minimum, np.maximum, np.sign
    import pytensor.tensor as pt

    return pt.erfc, pt.erfcinv, pt.minimum, pt.maximum, pt.sign


def deviation(z: Any, share: Any) -> Any:
    """D, standard normal at a share of the sites and 0 at the others, from z ~ N(0, 1).

    Parameters
    ----------
    z : array or graph, shape (..., sites)
    share : array or graph, shape (..., 1), or float
        0 gives no deviation anywhere.
    """
    erfc, erfcinv, least, most, sign = _functions(z)
    tail = most(erfc(abs(z) / _ROOT), _LEAST)
    # the share may be 0, and the quotient then is capped like any other above 1
    return sign(z) * _ROOT * erfcinv(least(tail / most(share, _LEAST), 1.0))


def deviates(z: Any, share: Any) -> Any:
    """Whether D is other than 0."""
    erfc, *_ = _functions(z)
    return erfc(abs(z) / _ROOT) < share
