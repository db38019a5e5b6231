"""Logistic regressions: sites ignored, and one intercept for each site.

The functions take counts already checked, of shape (sites, 2), column 0 control and 1 active.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bayes_lupil.frequentist.two_by_two import Interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LogOddsRatio", "crude_logit", "fixed_site_logit"]


@dataclass(frozen=True, slots=True)
class LogOddsRatio:
    """An estimated log odds ratio, active against control.

    Attributes
    ----------
    estimate, se : float
        Estimate and standard error, on the log odds scale.
    p : float
        Two-sided Wald p-value.
    interval : Interval
        Wald interval, on the log odds scale.
    """

    estimate: float
    se: float
    p: float
    interval: Interval


def crude_logit(x: NDArray[np.int64], m: NDArray[np.int64], level: float) -> LogOddsRatio | None:
    """Crude log odds ratio of the arm totals; None unless both arms have both outcomes."""
    from statsmodels.stats.contingency_tables import Table2x2

    r0, r1 = (int(count) for count in x.sum(axis=0))
    n0, n1 = (int(count) for count in m.sum(axis=0))
    if min(r0, r1, n0 - r0, n1 - r1) == 0:
        return None
    table = Table2x2(np.array([[r1, n1 - r1], [r0, n0 - r0]], dtype=float), shift_zeros=False)
    lower, upper = table.log_oddsratio_confint(alpha=1.0 - level)
    return LogOddsRatio(
        estimate=float(table.log_oddsratio),
        se=float(table.log_oddsratio_se),
        p=float(table.log_oddsratio_pvalue()),
        interval=Interval(float(lower), float(upper), "Wald"),
    )


def fixed_site_logit(x: NDArray[np.int64], m: NDArray[np.int64], level: float) -> LogOddsRatio:
    """Logistic regression with one intercept for each of the (informative) sites given."""
    import statsmodels.api as sm

    sites = len(x)
    # One row per site, arm and outcome, weighted by its count: with proportions as the response, sites
    # that agree exactly are fitted exactly and statsmodels takes that for perfect separation.
    site = np.repeat(np.arange(sites), 4)
    treatment = np.tile([0.0, 1.0, 0.0, 1.0], sites)
    response = np.tile([1.0, 1.0, 0.0, 0.0], sites)
    count = np.concatenate([x, m - x], axis=1).ravel().astype(float)
    filled = count > 0
    design = np.zeros((4 * sites, sites + 1))
    design[np.arange(4 * sites), site] = 1.0
    design[:, sites] = treatment
    model = sm.GLM(response[filled], design[filled], family=sm.families.Binomial(), freq_weights=count[filled])
    result = model.fit(tol=1e-12, maxiter=100)
    lower, upper = result.conf_int(alpha=1.0 - level)[sites]
    return LogOddsRatio(
        estimate=float(result.params[sites]),
        se=float(result.bse[sites]),
        p=float(result.pvalues[sites]),
        interval=Interval(float(lower), float(upper), "Wald"),
    )
