"""Whether two engines give the same posterior: the difference of every mean in Monte Carlo errors.

The engines share the model file and the likelihood's numbers, but neither the way they explore the posterior nor (the
PyMC graph against the compiled site integrals) the code that computes its density.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from bayes_lupil.posterior import Posterior
from bayes_lupil.posterior.diagnostics import MAX_DIFFERENCE

__all__ = ["Agreement", "compare_engines"]

# the ratios are functions of the risks whose means may not exist
_LEFT_OUT = ("risk_ratio", "odds_ratio")


@dataclass(frozen=True)
class Agreement:
    """How far two engines' results lie apart.

    Attributes
    ----------
    engines : tuple of str
        What ran: the one that is reported, and the one it was checked against.
    difference : float
        The largest difference in combined Monte Carlo standard errors, over the means of all parameters and estimands
        without sites and over P(benefit); NaN where the check itself failed its diagnostics.
    quantity : str
        Where it is.
    compared : int
        How many quantities were compared.
    reason : str
        Why nothing was compared, where that is so.
    """

    engines: tuple[str, str]
    difference: float
    quantity: str
    compared: int
    reason: str = ""

    @property
    def status(self) -> str:
        """'agree', 'disagree' or 'not compared'."""
        if np.isnan(self.difference):
            return "not compared"
        return "agree" if self.difference <= MAX_DIFFERENCE else "disagree"

    @property
    def text(self) -> str:
        """In one line."""
        if self.reason:
            return f"{self.status}: {self.reason}"
        return (
            f"{self.status}: largest difference {self.difference:.1f} Monte Carlo errors ({self.quantity}, of "
            f"{self.compared} quantities)"
        )


def compare_engines(reported: Posterior, check: Posterior) -> tuple[Posterior, Agreement]:
    """The posterior to be reported, its verdict now including the comparison, and the comparison.

    Differences of more than 4 Monte Carlo errors fail the verdict. With a dozen quantities compared, engines that agree
    would be failed by chance in less than one run in a thousand.
    """
    engines = (reported.provenance.sampler, check.provenance.sampler)
    if not check.verdict.ok:
        reason = f"{engines[1]}: {check.verdict.text}"
        return reported.noted(f"engines not compared: {reason}"), Agreement(engines, np.nan, "", 0, reason)
    differences = {}
    for row in reported.rows:
        if "[" in row.name or row.name in _LEFT_OUT:
            continue
        other = check.row(row.name)
        if np.isnan(row.mean) or np.isnan(other.mean):
            continue  # a tail too heavy for a mean
        differences[row.name] = abs(row.mean - other.mean) / np.hypot(row.mcse_mean, other.mcse_mean)
    first, second = reported.p_benefit, check.p_benefit
    if first is not None and second is not None:
        gap = abs(first.probability - second.probability)
        differences["P(benefit)"] = gap / np.hypot(first.mcse, second.mcse)
    largest = max(differences, key=lambda name: differences[name])
    found = Agreement(engines, float(differences[largest]), largest, len(differences))
    tree = reported.data.copy()
    group = tree["diagnostics"].to_dataset() if "diagnostics" in tree.children else xr.Dataset()
    tree["diagnostics"] = xr.DataTree(group.assign(engine_difference=found.difference))
    return replace(reported, data=tree).noted(f"checked against {engines[1]}; engines {found.text}"), found
