"""Sites as strata: tests and estimates of one treatment effect, each site compared with itself only.

Which sites count depends on the question. For an odds ratio a site is informative if it has both arms
and both outcomes; all others drop out of the algebra (R's mantelhaen.test and metafor's rma.mh count
the same sites). For the risk difference a site where nobody or everybody responded does speak: it says
that the difference there is 0. So that one uses every site with both arms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_lupil.frequentist.arguments import counts_by_site, level_of
from bayes_lupil.frequentist.logistic import LogOddsRatio, crude_logit, fixed_site_logit
from bayes_lupil.frequentist.two_by_two import Interval

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["ChiSquare", "Stratified", "stratified"]


@dataclass(frozen=True, slots=True)
class ChiSquare:
    """A chi-square test.

    Attributes
    ----------
    statistic : float
        Test statistic.
    df : int
        Degrees of freedom.
    p : float
        Upper tail probability.
    """

    statistic: float
    df: int
    p: float


@dataclass(frozen=True, slots=True)
class Stratified:
    """Analyses stratified by site; made by `stratified`.

    A quantity that does not exist is None, and `notes` says why.

    Attributes
    ----------
    confidence : float
        Level of every interval, as a probability.
    control, active : tuple of int
        (responders, patients) per arm over all sites, one-armed sites included.
    n_sites, n_two_arm, n_informative : int
        Sites in the table; those with patients in both arms; those of them with both outcomes.
    one_arm, one_outcome : tuple of int
        Row indices of the sites that are not informative: patients in at most one arm; both arms, but
        nobody or everybody responded.
    cmh, cmh_corrected : ChiSquare or None
        Cochran-Mantel-Haenszel test without and with continuity correction.
    mh_odds_ratio : float or None
        Mantel-Haenszel common odds ratio.
    mh_log_odds_ratio_se : float or None
        Its Robins-Breslow-Greenland standard error, on the log scale.
    mh_odds_ratio_interval : Interval or None
        The interval from that standard error, on the odds ratio scale.
    mh_risk_difference : float or None
        Mantel-Haenszel common risk difference, active minus control, as a probability.
    mh_risk_difference_se : float or None
        Its standard error after Sato.
    mh_risk_difference_interval : Interval or None
        Normal interval from that standard error, cut at -1 and 1.
    breslow_day : ChiSquare or None
        Breslow-Day test that the odds ratio is the same at all informative sites, without Tarone's
        correction.
    fixed_site_logit : LogOddsRatio or None
        Logistic regression with one intercept per informative site.
    pooled_logit : LogOddsRatio or None
        Logistic regression of all patients without sites: the crude odds ratio.
    notes : tuple of str
        One sentence for each None above.
    """

    confidence: float
    control: tuple[int, int]
    active: tuple[int, int]
    n_sites: int
    n_two_arm: int
    n_informative: int
    one_arm: tuple[int, ...]
    one_outcome: tuple[int, ...]
    cmh: ChiSquare | None
    cmh_corrected: ChiSquare | None
    mh_odds_ratio: float | None
    mh_log_odds_ratio_se: float | None
    mh_odds_ratio_interval: Interval | None
    mh_risk_difference: float | None
    mh_risk_difference_se: float | None
    mh_risk_difference_interval: Interval | None
    breslow_day: ChiSquare | None
    fixed_site_logit: LogOddsRatio | None
    pooled_logit: LogOddsRatio | None
    notes: tuple[str, ...]


def stratified(responders: ArrayLike, n: ArrayLike, confidence: float = 0.95) -> Stratified:
    """Estimate and test one treatment effect over all sites.

    Parameters
    ----------
    responders, n : array_like of int, shape (sites, 2)
        Responders and patients; column 0 is control, column 1 active. An arm without patients is 0 of 0.
    confidence : float
        Level of the intervals, between 0 and 1.

    Returns
    -------
    Stratified
        Effects are active minus control, or active over control.

    Raises
    ------
    InputError
        (a ValueError) If the arrays do not have that shape, hold anything but whole numbers with
        0 <= responders <= n, or hold no patient; or if `confidence` is not between 0 and 1.

    Notes
    -----
    - CMH: Mantel and Haenszel 1959 (J Natl Cancer Inst 22:719), `statsmodels`. As in R's
      mantelhaen.test, the correction of 0.5 is left out where the sum of observed minus expected is
      smaller than 0.5 (statsmodels subtracts it there too, which makes the statistic grow again).
    - Odds ratio: Robins, Breslow and Greenland 1986 (Biometrics 42:311), `statsmodels`.
    - Risk difference: Greenland and Robins 1985 (Biometrics 41:55) for the estimate; Sato 1989
      (Biometrics 45:1323) for the variance, which holds for few large and for many small sites alike.
      statsmodels has neither.
    - Homogeneity: Breslow and Day 1980 (Statistical Methods in Cancer Research I, section 4.4),
      `statsmodels`.
    - Logistic regression: `statsmodels` GLM. With one intercept per site and many small sites the
      estimate runs away from 0 (Neyman and Scott 1948); the Mantel-Haenszel estimate does not.

    Examples
    --------
    >>> fit = stratified([[0, 0], [8, 14], [6, 11]], [[9, 5], [20, 20], [15, 16]])
    >>> fit.n_sites, fit.n_informative, fit.one_outcome
    (3, 2, (0,))
    >>> round(fit.mh_odds_ratio, 3), round(fit.cmh.p, 4)
    (3.411, 0.014)
    """
    x, m = counts_by_site(responders, n)
    level = level_of(confidence)
    two_arm = (m > 0).all(axis=1)
    both_outcomes = (x.sum(axis=1) > 0) & (x.sum(axis=1) < m.sum(axis=1))
    informative = two_arm & both_outcomes
    notes: list[str] = []
    tests = _odds_ratio_analyses(x[informative], m[informative], level, notes)
    difference, difference_se, difference_interval = _risk_difference(x[two_arm], m[two_arm], level, notes)
    crude = crude_logit(x, m, level)
    if crude is None:
        notes.append(f"pooled logit: does not exist, {_CRUDE_NEEDS}")
    return Stratified(
        confidence=level,
        control=(int(x[:, 0].sum()), int(m[:, 0].sum())),
        active=(int(x[:, 1].sum()), int(m[:, 1].sum())),
        n_sites=len(x),
        n_two_arm=int(two_arm.sum()),
        n_informative=int(informative.sum()),
        one_arm=tuple(int(i) for i in np.flatnonzero(~two_arm)),
        one_outcome=tuple(int(i) for i in np.flatnonzero(two_arm & ~both_outcomes)),
        cmh=tests.cmh,
        cmh_corrected=tests.cmh_corrected,
        mh_odds_ratio=tests.odds_ratio,
        mh_log_odds_ratio_se=tests.log_se,
        mh_odds_ratio_interval=tests.interval,
        mh_risk_difference=difference,
        mh_risk_difference_se=difference_se,
        mh_risk_difference_interval=difference_interval,
        breslow_day=tests.breslow_day,
        fixed_site_logit=tests.fixed_site_logit,
        pooled_logit=crude,
        notes=tuple(notes),
    )


_CRUDE_NEEDS = "it needs responders and non-responders in both arms"


@dataclass(frozen=True, slots=True)
class _OddsRatioAnalyses:
    cmh: ChiSquare | None = None
    cmh_corrected: ChiSquare | None = None
    odds_ratio: float | None = None
    log_se: float | None = None
    interval: Interval | None = None
    breslow_day: ChiSquare | None = None
    fixed_site_logit: LogOddsRatio | None = None


def _odds_ratio_analyses(
    x: NDArray[np.int64], m: NDArray[np.int64], level: float, notes: list[str]
) -> _OddsRatioAnalyses:
    """All that rests on the informative sites; `x` and `m` hold only those."""
    if len(x) == 0:
        missing = ("CMH test", "Mantel-Haenszel odds ratio", "Breslow-Day test", "fixed-site logit")
        notes.extend(f"{name}: does not exist, no site has both arms and both outcomes" for name in missing)
        return _OddsRatioAnalyses()
    from statsmodels.stats.contingency_tables import StratifiedTable

    r0, r1 = x[:, 0].astype(float), x[:, 1].astype(float)
    f0, f1 = m[:, 0] - r0, m[:, 1] - r1
    total = r0 + f0 + r1 + f1
    table = StratifiedTable(np.array([[r1, f1], [r0, f0]]))
    shift = abs(float((r1 - (r0 + r1) * m[:, 1] / total).sum()))
    cmh = _chi_square(float(table.test_null_odds().statistic), 1)
    cmh_corrected = _chi_square(float(table.test_null_odds(correction=shift >= 0.5).statistic), 1)

    # These two sums decide everything on the odds scale: their ratio is the odds ratio, and the
    # likelihood has its maximum at a finite effect exactly if both are positive (if one is 0, no site
    # contradicts an infinite effect).
    for_active, for_control = float((r1 * f0 / total).sum()), float((f1 * r0 / total).sum())
    if for_active == 0.0 or for_control == 0.0:
        if for_control == 0.0:
            why = "no informative site has both a control responder and an active non-responder"
            notes.append(f"Mantel-Haenszel odds ratio: does not exist, {why}")
        else:
            why = "no informative site has both an active responder and a control non-responder"
        without = ("Mantel-Haenszel odds ratio interval", "Breslow-Day test", "fixed-site logit")
        notes.extend(f"{name}: does not exist, {why}" for name in without)
        odds_ratio = None if for_control == 0.0 else 0.0
        return _OddsRatioAnalyses(cmh=cmh, cmh_corrected=cmh_corrected, odds_ratio=odds_ratio)

    lower, upper = table.oddsratio_pooled_confint(alpha=1.0 - level)
    breslow_day: ChiSquare | None = None
    if len(x) == 1:
        notes.append("Breslow-Day test: does not exist, only one informative site")
    else:
        breslow_day = _chi_square(_breslow_day(table), len(x) - 1)
    return _OddsRatioAnalyses(
        cmh=cmh,
        cmh_corrected=cmh_corrected,
        odds_ratio=float(table.oddsratio_pooled),
        log_se=float(table.logodds_pooled_se),
        interval=Interval(float(lower), float(upper), "Robins-Breslow-Greenland"),
        breslow_day=breslow_day,
        fixed_site_logit=fixed_site_logit(x, m, level),
    )


def _chi_square(statistic: float, df: int) -> ChiSquare:
    from scipy.stats import chi2

    # statsmodels computes 1 - cdf, which is 0 below 1e-16.
    return ChiSquare(statistic, df, float(chi2.sf(statistic, df)))


def _breslow_day(table: Any) -> float:
    """`table` is a statsmodels StratifiedTable of informative sites."""
    if abs(float(table.oddsratio_pooled) - 1.0) > 1e-9:
        return float(table.test_equal_odds().statistic)
    # statsmodels divides by 1 minus the odds ratio. At 1 the expected counts are those of independence,
    # and the statistic is the sum of the sites' Pearson chi-squares.
    from scipy.stats import chi2_contingency

    sites = np.moveaxis(table.table, 2, 0)
    return float(sum(chi2_contingency(site, correction=False).statistic for site in sites))


def _risk_difference(
    x: NDArray[np.int64], m: NDArray[np.int64], level: float, notes: list[str]
) -> tuple[float | None, float | None, Interval | None]:
    """Mantel-Haenszel risk difference with Sato's variance; `x` and `m` hold the two-armed sites."""
    if len(x) == 0:
        notes.append("Mantel-Haenszel risk difference: does not exist, no site has both arms")
        return None, None, None
    from scipy.stats import norm

    r0, r1 = x[:, 0].astype(float), x[:, 1].astype(float)
    n0, n1 = m[:, 0].astype(float), m[:, 1].astype(float)
    total = n0 + n1
    weight = float((n0 * n1 / total).sum())
    difference = float(((r1 * n0 - r0 * n1) / total).sum()) / weight
    p = (n1**2 * r0 - n0**2 * r1 + n1 * n0 * (n0 - n1) / 2.0) / total**2
    q = (r1 * (n0 - r0) + r0 * (n1 - r1)) / (2.0 * total)
    variance = (difference * float(p.sum()) + float(q.sum())) / weight**2
    # Rounding leaves about 1e-17 where the variance is 0: every arm of every site all or none.
    if variance <= 1e-14 / weight:
        notes.append("Mantel-Haenszel risk difference interval: Sato's variance is not above 0")
        return difference, None, None
    se = float(np.sqrt(variance))
    reach = float(norm.isf((1.0 - level) / 2.0)) * se
    interval = Interval(max(-1.0, difference - reach), min(1.0, difference + reach), "Sato")
    return difference, se, interval
