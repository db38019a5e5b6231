"""Linear model with random site effects for a continuous outcome, by (restricted) maximum likelihood, as lme4 fits it.

The likelihood is lme4's (Bates et al. 2015, J Stat Softw 67(1), section 3), with fixed effects and residual SD profiled
out; what is left, one variance for each random effect in units of the residual variance, is searched here. statsmodels'
MixedLM has the same likelihood inside, and the tests hold this one against it. Its fit is not used, for three reasons
found in statsmodels 0.15: it takes a variance of 0 for an infinite one in the fixed effects (a pseudo-inverse), so it
fails where an SD belongs on the boundary, which is common with few sites; it stops short with random slopes; and its
standard errors are other than lme4's in the third digit.

Standard errors know nothing of how uncertain the SDs themselves are. With few sites that matters: tests and intervals
therefore use t with Satterthwaite's degrees of freedom (Fai and Cornelius 1996, J Stat Comput Simul 54:363; as the R
package lmerTest, Kuznetsova et al. 2017, J Stat Softw 82(13)), which neither lme4 nor statsmodels has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_lupil.errors import InputError
from bayes_lupil.frequentist.ancova import MeanDifference, PatientRows, patient_rows
from bayes_lupil.frequentist.arguments import level_of, one_of
from bayes_lupil.frequentist.linear_mixed_fit import LinearMixed
from bayes_lupil.frequentist.two_by_two import Interval

__all__ = ["LinearMixed", "linear_mixed"]

Floats = NDArray[np.float64]

_STARTS = (0.1, 0.001, 1.0, 10.0)  # of every ratio lambda = between-site variance / sigma^2: SDs of 0.03 to 3 sigma
_WIDEST = 1e6  # an SD of 1000 sigma
_ITERATIONS = 200
_NEWTON = 10
_BOUNDARY = 1e-8  # ratios below are taken for 0: an SD of 1e-4 sigma
_STEP = 1e-4  # of the gradient's central differences, as a part of each ratio; its square is about how they err
_CONVERGED = 1e-6  # log likelihood
_NO_VARIATION = 1e-12  # of the largest |y|, in the residuals of effects as free as can be


def linear_mixed(
    y: ArrayLike,
    arm: Sequence[str],
    site: Sequence[str],
    baseline: ArrayLike | None = None,
    *,
    control: str,
    effects: Literal["pooled", "partial"] = "pooled",
    coding: Literal["reference", "centred"] = "reference",
    reml: bool = True,
    level: float = 0.95,
    covariates: ArrayLike | None = None,
) -> LinearMixed:
    """Fit the model.

    Parameters
    ----------
    y : array_like of float, shape (patients,)
        Outcome, such as the change of a score; complete cases.
    arm, site : sequence of str, shape (patients,)
        Arm and site of each patient.
    baseline : array_like of float, shape (patients,), optional
        Baseline value of each patient.
    control : str
        Name of the control arm.
    effects : {"pooled", "partial"}
        Whether the treatment effects are the same at every site. Random slopes are not correlated with the intercepts,
        lme4's `(x || site)`.
    coding : {"reference", "centred"}
        x_a is 1 in arm a and 0 elsewhere, or that minus 1 / (number of arms), which is -1/2 and 1/2 with two; with
        random slopes these are different models.
    reml : bool
        Restricted maximum likelihood. Without it SDs, and standard errors with them, are too small with few sites.
    level : float
        Of the intervals.
    covariates : array_like of float, shape (patients, columns), optional
        Further columns of the model, none of which a constant, arm, baseline and the others tell; centred here.

    Raises
    ------
    InputError
        For missing values, an unknown control arm, fewer than two sites, or no patients beyond those that the random
        effects need.

    Notes
    -----
    Patients of sites with one arm take part: where site effects are random, levels of different sites are compared too.

    Examples
    --------
    >>> y = [1.0, 2.0, 4.0, 6.0, 2.0, 3.0, 4.0, 5.5]
    >>> fit = linear_mixed(y, ["c", "c", "a", "a"] * 2, ["1"] * 4 + ["2"] * 4, control="c")
    >>> round(fit.contrasts["a"].estimate, 3), fit.boundary
    (2.875, ('site',))
    """
    from scipy import stats

    where, confidence = "linear mixed model", level_of(level)
    one_of(f"{where}, effects", effects, ("pooled", "partial"))
    one_of(f"{where}, coding", coding, ("reference", "centred"))
    rows = patient_rows(where, y, arm, site, baseline, control, covariates)
    partial = effects == "partial"
    notes: list[str] = []
    slope = rows.baseline if rows.baseline is not None and rows.baseline.any() else None
    if rows.baseline is not None and slope is None:
        notes.append("baseline: no slope, it has one value only")
    treatment = (rows.arm[:, None] == np.arange(1, len(rows.arms))).astype(float)
    if coding == "centred":
        treatment -= 1.0 / len(rows.arms)
    ones = np.ones((len(rows.y), 1))
    further = np.empty((len(rows.y), 0)) if rows.covariates is None else rows.covariates - rows.covariates.mean(axis=0)
    fixed = np.hstack([ones, treatment, further, *([] if slope is None else [slope[:, None]])])
    random = np.hstack([ones, treatment]) if partial else ones
    _require_information(where, rows, fixed, partial)
    if np.linalg.matrix_rank(fixed / np.maximum(np.linalg.norm(fixed, axis=0), 1e-300)) < fixed.shape[1]:
        found = "covariates or a baseline that arm, baseline and each other tell exactly"
        raise InputError(where, found, "columns that say something of their own")
    profile = _Profile(rows.y, fixed, random, rows.site, reml)
    ratio, converged = _maximise(profile)
    best = profile.at(ratio)

    sds = best.sigma * np.sqrt(ratio)
    named = ["site", *(rows.arms[1:] if partial else ())]
    boundary = tuple(name for name, sd in zip(named, sds, strict=True) if sd == 0)
    notes += [
        f"SD of {'the site intercepts' if i == 0 else f'the effect of {name!r} over sites'}: estimated as 0"
        for i, name in enumerate(named)
        if name in boundary
    ]
    if not converged:
        notes.append("the search for the maximum did not converge: standard errors and p are not to be relied on")
    curvature = _curvature(profile, ratio)
    contrasts = {}
    for i, name in enumerate(rows.arms[1:], start=1):
        estimate, se = float(best.fixed[i]), best.sigma * float(np.sqrt(best.covariance[i, i]))
        df = _satterthwaite(best, i, ratio, curvature)
        reach = float(stats.t.ppf((1 + confidence) / 2, df)) * se
        p = float(2 * stats.t.sf(abs(estimate) / se, df))
        interval = Interval(estimate - reach, estimate + reach, "t, Satterthwaite")
        contrasts[name] = MeanDifference(estimate, se, df, p, interval)
    at_zero = np.eye(fixed.shape[1])[0]
    if slope is not None:
        at_zero[-1] = -rows.baseline_mean
    return LinearMixed(
        effects=effects,
        coding=coding,
        reml=reml,
        level=confidence,
        control=control,
        contrasts=contrasts,
        intercept=float(at_zero @ best.fixed),
        intercept_se=best.sigma * float(np.sqrt(at_zero @ best.covariance @ at_zero)),
        sd_site=float(sds[0]),
        sd_slope=dict(zip(named[1:], map(float, sds[1:]), strict=True)),
        sigma=best.sigma,
        baseline_slope=None if slope is None else float(best.fixed[-1]),
        baseline_slope_se=None if slope is None else best.sigma * float(np.sqrt(best.covariance[-1, -1])),
        log_likelihood=best.value,
        boundary=boundary,
        converged=converged,
        n=rows.n(),
        n_sites=len(rows.sites),
        notes=tuple(notes),
    )


def _require_information(where: str, rows: PatientRows, fixed: Floats, partial: bool) -> None:
    """More patients than effects, and residuals even where random effects are as free as fixed ones."""
    if len(rows.sites) < 2:
        raise InputError(where, f"{len(rows.sites)} site", "two sites or more", "With one site, `ancova` will do.")
    group = rows.site * len(rows.arms) + rows.arm if partial else rows.site
    _, group, count = np.unique(group, return_inverse=True, return_counts=True)
    if len(rows.y) <= max(len(count), fixed.shape[1]):
        each = "each site and arm" if partial else "each site"
        raise InputError(where, f"{len(rows.y)} patients, one in {each} or hardly more", "more, to tell the SDs apart")
    both = np.column_stack([fixed, rows.y])
    means = np.zeros((len(count), both.shape[1]))
    np.add.at(means, group, both)
    both -= (means / count[:, None])[group]
    left = both[:, -1] - both[:, :-1] @ np.linalg.lstsq(both[:, :-1], both[:, -1], rcond=None)[0]
    if np.abs(left).max() <= _NO_VARIATION * max(float(np.abs(rows.y).max()), 1.0):
        raise InputError(where, "no residual variation", "patients that the model does not predict exactly")


class _Point(NamedTuple):
    """The model at given variance ratios."""

    value: float
    gradient: Floats
    fixed: Floats
    covariance: Floats
    """Of the fixed effects, in units of sigma^2."""
    sigma: float
    squares: Floats
    """Slope of minus the weighted residual sum of squares in each ratio."""
    by_site: Floats
    """Z' V^-1 X, shape (sites, random, fixed)."""
    freedom: int


class _Profile:
    """Log likelihood of the variance ratios lambda: V = I + sum_j lambda_j Z_j Z_j', site by site.

    With Q = (y - X b)' V^-1 (y - X b) at the generalised least-squares b, and m = n, or n - p with REML, the maximum
    over sigma^2 is at Q / m, and what is left of the log likelihood is

        l(lambda) = -(log det V + m (1 + log(2 pi Q / m)) + [REML] log det(X' V^-1 X)) / 2.

    By d V / d lambda_j = Z_j Z_j' and with r = y - X b (b's own change does not matter at a minimum),

        d log det V / d lambda_j = tr(Z_j' V^-1 Z_j),      d Q / d lambda_j = -|Z_j' V^-1 r|^2,
        d log det(X' V^-1 X) / d lambda_j = -tr((X' V^-1 X)^-1 X' V^-1 Z_j Z_j' V^-1 X).

    V has a block for each site, and by Woodbury's identity, with Z the site's q columns and L = diag(lambda),

        V^-1 = I - Z B Z',   B = L^(1/2) M^-1 L^(1/2),   M = I + L^(1/2) Z'Z L^(1/2),   det V = det M,

    so that only sums over each site's patients are needed: Z'Z (`zz`), Z'[X, y] (`zb`) and [X, y]'[X, y] (`bb`),
    y being the residuals of ordinary least squares.
    """

    def __init__(self, y: Floats, x: Floats, z: Floats, site: NDArray[np.intp], reml: bool) -> None:
        # Least squares first: the likelihood sees residuals only, and cancels less of them.
        self.start = np.linalg.lstsq(x, y, rcond=None)[0]
        both = np.column_stack([x, y - x @ self.start])
        sites, q = int(site.max()) + 1, z.shape[1]
        self.zz, self.zb = np.zeros((sites, q, q)), np.zeros((sites, q, both.shape[1]))
        np.add.at(self.zz, site, z[:, :, None] * z[:, None, :])
        np.add.at(self.zb, site, z[:, :, None] * both[:, None, :])
        self.bb = both.T @ both
        self.reml, self.size, self.q = reml, len(y), q

    def at(self, ratio: Floats) -> _Point:
        root = np.sqrt(ratio)
        middle = np.eye(self.q) + root[:, None] * self.zz * root
        # B is finite at a ratio of 0, unlike L^-1 in the usual form of the identity
        inner = root[:, None] * np.linalg.inv(middle) * root
        seen = inner @ self.zb
        weighted = self.bb - np.einsum("sqa,sqb->ab", self.zb, seen)  # [X, y]' V^-1 [X, y], y's row and column last
        across = self.zb - self.zz @ seen  # Z' V^-1 [X, y], shape (sites, random, fixed + 1)
        covariance = np.linalg.inv(weighted[:-1, :-1])
        moved = covariance @ weighted[:-1, -1]
        squares = float(weighted[-1, -1] - weighted[:-1, -1] @ moved)
        logdet = float(np.linalg.slogdet(middle)[1].sum())
        freedom = self.size - len(moved) if self.reml else self.size
        value = -0.5 * (logdet + freedom * (1 + np.log(2 * np.pi * max(squares, 1e-300) / freedom)))
        trace = np.einsum("sqq->q", self.zz - self.zz @ inner @ self.zz)  # tr(Z_j' V^-1 Z_j)
        by_site = across[:, :, :-1]
        # |Z_j' V^-1 r|^2 over sites
        falls = ((across[:, :, -1] - by_site @ moved) ** 2).sum(axis=0)
        gradient = -0.5 * (trace - freedom * falls / squares)
        if self.reml:
            value -= 0.5 * float(np.linalg.slogdet(weighted[:-1, :-1])[1])
            gradient += 0.5 * np.einsum("sqa,ab,sqb->q", by_site, covariance, by_site)
        sigma = float(np.sqrt(max(squares, 0.0) / freedom))
        return _Point(float(value), gradient, self.start + moved, covariance, sigma, falls, by_site, freedom)


def _maximise(profile: _Profile) -> tuple[Floats, bool]:
    """Ratios at the highest maximum found, those on the boundary exactly 0, and whether a maximum it is.

    Variances are searched, not SDs, as in `mixed_logistic`: the likelihood is even in an SD, so that its slope at 0 is
    0 whether or not the maximum is there. The likelihood may have several maxima, hence several starts.
    """
    from scipy.optimize import minimize

    def downhill(ratio: Floats) -> tuple[float, Floats]:
        point = profile.at(ratio)
        return -point.value, -point.gradient

    found = [
        minimize(
            downhill, np.full(profile.q, start), jac=True, method="L-BFGS-B", bounds=[(0.0, _WIDEST)] * profile.q,
            options={"ftol": 1e-15, "gtol": 1e-9, "maxiter": _ITERATIONS},
        )
        for start in _STARTS
    ]  # fmt: skip
    ratio = np.array(min(found, key=lambda result: float(result.fun)).x)
    ratio[ratio < _BOUNDARY] = 0.0
    for _ in range(_NEWTON):  # L-BFGS-B stops where the log likelihood changes in its last digits only
        moved = ratio + _newton(profile, ratio)[0]
        if (moved < 0).any() or profile.at(moved).value < profile.at(ratio).value - 1e-12:
            break
        ratio = moved
    downward = (profile.at(ratio).gradient[ratio == 0] <= 0).all()
    return ratio, bool(downward and _newton(profile, ratio)[1] < _CONVERGED)


def _newton(profile: _Profile, ratio: Floats) -> tuple[Floats, float]:
    """Newton's step in the ratios that are not 0, and what it would gain in log likelihood."""
    step, inside = np.zeros(profile.q), ratio > 0
    if not inside.any():
        return step, 0.0
    gradient = profile.at(ratio).gradient[inside]
    step[inside] = -np.linalg.lstsq(_hessian(profile, ratio), gradient, rcond=None)[0]
    return step, abs(float(gradient @ step[inside])) / 2


def _hessian(profile: _Profile, ratio: Floats) -> Floats:
    """Second derivatives of the profile log likelihood in the ratios that are not 0."""
    inside = np.flatnonzero(ratio > 0)
    columns = []
    for j in inside:
        far = np.zeros(profile.q)
        far[j] = _STEP * ratio[j]
        columns.append((profile.at(ratio + far).gradient - profile.at(ratio - far).gradient)[inside] / (2 * far[j]))
    hessian: Floats = np.array(columns)
    return np.asarray((hessian + hessian.T) / 2)


def _curvature(profile: _Profile, ratio: Floats) -> Floats:
    """Covariance of log sigma^2 and the ratios that are not 0, from the observed information.

    With s = log sigma^2 the log likelihood is -(m s + Q(lambda) exp(-s)) / 2 + (terms of lambda alone), and at the
    maximum Q exp(-s) = m. Its second derivatives are there

        H_ss = -m / 2,      H_sj = Q_j exp(-s) / 2 = -|Z_j' V^-1 r|^2 / (2 sigma^2)   (`mixed`),

    and those of the profile, at hand by differences, are P = H_ll - H_ls H_sl / H_ss = H_ll + H_ls H_sl / (m / 2). So
    the observed information has the blocks m / 2, -H_sl and -H_ll = -P + H_ls H_sl / (m / 2). Under REML likewise.
    """
    point, inside = profile.at(ratio), ratio > 0
    m = point.freedom
    mixed = -0.5 * point.squares[inside] / point.sigma**2
    information = np.empty((1 + inside.sum(), 1 + inside.sum()))
    information[0, 0] = m / 2
    information[0, 1:] = information[1:, 0] = -mixed
    information[1:, 1:] = (-_hessian(profile, ratio) if inside.any() else 0.0) + np.outer(mixed, mixed) / (m / 2)
    return np.linalg.pinv(information)


def _satterthwaite(point: _Point, i: int, ratio: Floats, covariance: Floats) -> float:
    """Degrees of freedom of fixed effect i: twice its squared variance over the variance of that.

    A variance estimate f with df degrees of freedom has the variance 2 f^2 / df. Here f = sigma^2 C_ii,
    C = (X' V^-1 X)^-1, of which the delta method gives the variance d'A d, A the covariance of (s, lambda) and

        d f / d s = f,      d f / d lambda_j = sigma^2 |Z_j' V^-1 X C_i|^2     (C_i column i);

    sigma^2 is a factor of both and drops out.
    """
    variance = point.covariance[i, i]
    moves = ((point.by_site @ point.covariance[:, i]) ** 2).sum(axis=0)[ratio > 0]
    slope = np.concatenate([[variance], moves])
    return float(2 * variance**2 / (slope @ covariance @ slope))
