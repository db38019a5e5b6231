"""One example by size of site: how probable an outlier becomes with the number of patients that show it.

One site has n patients in each arm, all responders in the control arm and half of them in the active arm; at the 24
others exactly half of every arm respond. Where fewer respond elsewhere, or sites differ, P(outlier) is another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bayes_lupil.errors import SamplerError, UnsupportedModelError
from bayes_lupil.likelihoods import BinomialCells
from bayes_lupil.spec import ModelSpec
from bayes_lupil.trials.cells import Cells

__all__ = ["PATIENTS", "OutlierReach", "clear_case", "outlier_reach"]

PATIENTS = (2, 4, 7, 10, 14, 20)
_OTHERS, _POINTS = 24, 4096


@dataclass(frozen=True)
class OutlierReach:
    """P(outlier) of the control arm in the clear case.

    Attributes
    ----------
    model : str
    patients, others : int
        In each arm of the site, and of each other site.
    probability, mcse : float
        Posterior probability and its Monte Carlo standard error.
    """

    model: str
    patients: int
    others: int
    probability: float
    mcse: float


def clear_case(patients: int, others: int) -> Cells:
    """The table of sites, the one in question first.

    Examples
    --------
    >>> table = clear_case(6, 2)
    >>> table.responders[:2].tolist(), table.n[:2].tolist(), len(table.sites)
    ([[6, 3], [1, 1]], [[6, 6], [2, 2]], 25)
    """
    n = np.full((1 + _OTHERS, 2), others)
    n[0] = patients
    responders = n // 2
    responders[0, 0] = patients
    return Cells(tuple(f"site {s + 1}" for s in range(len(n))), responders, n)


def outlier_reach(spec: ModelSpec, patients: int, others: int) -> OutlierReach:
    """P(outlier) of the control arm in the clear case, by quadrature.

    Parameters
    ----------
    spec : ModelSpec
        With contaminated sites.
    patients, others : int
        In each arm of the site, and of each other site (an even number, to be halved).

    Raises
    ------
    UnsupportedModelError
        For a model without outlying sites.
    SamplerError
        Where the importance sample is not sound.
    """
    from bayes_lupil.engines import quadrature
    from bayes_lupil.posterior.diagnostics import describe_independent, judge

    likelihood = BinomialCells(spec.edited(sampler__points=_POINTS), clear_case(patients, others))
    draws = quadrature.sample(likelihood)
    verdict = judge([describe_independent("beta", draws.values["beta"])], draws.statistics, draws.diagnostics)
    found = likelihood.outlier_probability(draws.values)
    if found is None or found.name != "outlier":
        raise UnsupportedModelError(f"model '{spec.name}'", "no outlying sites", "sites.distribution = 'contaminated'")
    if not verdict.ok:
        raise SamplerError(f"model '{spec.name}': {verdict.text}")
    row = describe_independent("outlier", np.asarray(found.values)[..., 0, 0])
    return OutlierReach(spec.name, patients, others, round(row.mean, 4), float(f"{row.mcse_mean:.2g}"))
