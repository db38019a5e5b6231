"""Average response over sites of known effects and shares, and how far it must move to stay where it was observed."""

from __future__ import annotations

import math

import numpy as np

from bayes_lupil.integrals.compiled import compiled

__all__ = ["average_responses"]


@compiled()
def _chances(z):
    """expit(z) and expit(-z), neither as one less the other: both keep their digits."""
    t = math.exp(-abs(z))
    near, far = 1.0 / (1.0 + t), t / (1.0 + t)
    return (near, far) if z >= 0.0 else (far, near)


@compiled()
def average_responses(share, effects, levels, x, alpha, beta, n_excluded, chances):
    """Move `alpha` and `beta` (draws,) so that site effects leave the average response; fill `chances`.

    With L_a the observed log odds in arm a, pi_s a site's share of the patients and e_sa what its effects add, the
    average response at alpha + x_a beta = L_a is q = sum_s pi_s expit(L_a + e_sa) in place of expit(L_a). The shift is
    L_a - logit(q) = L_a - log q + log(1 - q), with 1 - q = sum_s pi_s expit(-(L_a + e_sa)).

    Parameters
    ----------
    share : array, shape (draws, sites)
    effects : array, shape (draws, sites, 2)
        What site effects add to the log odds, by arm.
    levels, x : array, shape (2,)
        L_a, and the arm's coding x_a.
    n_excluded : int
        How many sites are excluded; they come first.
    chances : array, shape (draws, 2, 2, 2)
        Chance that a patient of the arm responds so (0 or 1) at an ordinary (0) or at an excluded site (1): its site's
        share times the response probability, summed over these sites.
    """
    shift = np.empty(2)
    for i in range(share.shape[0]):
        for a in range(2):
            yes = no = 0.0
            for s in range(share.shape[1]):
                p, q = _chances(levels[a] + effects[i, s, a])
                yes += share[i, s] * p
                no += share[i, s] * q
            shift[a] = levels[a] - math.log(yes) + math.log(no)
        slope = (shift[1] - shift[0]) / (x[1] - x[0])  # two equations, d alpha + x_a d beta = shift_a
        beta[i] += slope
        alpha[i] += shift[0] - x[0] * slope
        for a in range(2):
            for response in range(2):
                chances[i, a, response] = 0.0
            for s in range(share.shape[1]):
                p, q = _chances(alpha[i] + x[a] * beta[i] + effects[i, s, a])
                excluded = 1 if s < n_excluded else 0
                chances[i, a, 0, excluded] += share[i, s] * q
                chances[i, a, 1, excluded] += share[i, s] * p
