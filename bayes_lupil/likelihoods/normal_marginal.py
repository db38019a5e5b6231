"""Normal end points with the site effects integrated out in closed form, and exact draws of them.

Given theta a site's patients of arm a have the mean m_a = mu_a + (G z)_a + b_i'gamma, with b_i the baseline and the
covariates of a patient, z ~ N(0, I) in two dimensions and, in the notation of `SiteForm`,
G = [[s_11 + s_21 x_0, s_22 x_0], [s_11 + s_21 x_1, s_22 x_1]]. Besides the squares within arms, W, only the two arm
means matter. With n_a patients and d_a the distance of arm a's mean (less that of its b'gamma) from mu_a, let

    t_a = n_a^(1/2) d_a / sigma,   H_a. = n_a^(1/2) G_a. / sigma,   D = det H,   R^2 = det(I + H'H) = 1 + |H|^2 + D^2.

By the identities of Woodbury and Sylvester, adj(H) being the adjugate,

    -2 log p(y_s) = n log(2 pi sigma^2) + log R^2 + W / sigma^2 + (|t|^2 + |adj(H) t|^2) / R^2
    z | y_s ~ N((H't + D adj(H) t) / R^2, (I + H'H)^(-1)).

In units of sigma n_a^(-1/2) the two means are t = H z + e, with z, e ~ N(0, I), so that t ~ N(0, I + HH'). For
matrices of two rows and columns det(I + A) = 1 + tr A + det A and adj(I + A) = I + adj(A); and adj(HH') is
adj(H)' adj(H), adj(H) H is D I. Hence

    det(I + HH') = 1 + |H|^2 + D^2 = R^2,
    t'(I + HH')^(-1) t = t'(I + adj(H)' adj(H)) t / R^2 = (|t|^2 + |adj(H) t|^2) / R^2,
    (I + H'H)^(-1) H't = (I + adj(H) adj(H)') H't / R^2 = (H't + D adj(H) t) / R^2.

The usual form of the square, |t|^2 - t'H (I + H'H)^(-1) H't, is a difference of two numbers that agree in all their
digits where H is large. Here every sum in the density is one of squares, so nothing cancels however large the
between-site SDs are against sigma, and an arm without patients is no special case.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.errors import UnsupportedModelError
from bayes_lupil.likelihoods.binomial_marginal import SiteMarginal, Values
from bayes_lupil.likelihoods.site_effects import Parameter, SiteModel
from bayes_lupil.priors import Normal
from bayes_lupil.spec import ModelSpec

__all__ = ["NormalCells", "NormalSiteMarginal", "not_in_closed_form"]

Floats = NDArray[np.float64]

_AT_ONCE = 2**15  # numbers in one piece of work (256 kB an array), so that they stay in the processor's cache
_LEAST_SIGMA = 1e-50  # squares of numbers up to 1e100, the engine's limit, over its square do not overflow
_ROUNDING, _TINY = 1e-24, np.finfo(float).tiny
_LOWEST = -1e300  # finite, so that a power of 0 still leaves a site out


def not_in_closed_form(spec: ModelSpec) -> tuple[str, str] | None:
    """What keeps a model's site effects from being integrated out exactly, and what is needed; None if nothing does."""
    sites, priors = spec.sites, spec.priors
    if sites.distribution != "normal" and "partial" in (sites.intercepts, sites.effects):
        return f"sites.distribution = '{sites.distribution}'", "sites.distribution = 'normal'"
    for name, pooling, prior in (("alpha", sites.intercepts, priors.alpha), ("beta", sites.effects, priors.beta)):
        if pooling == "fixed" and not isinstance(prior, Normal):
            return f"a prior of family '{prior.family}' for {name}, one for each site", "a prior of family 'normal'"
    return None


@dataclass(frozen=True, eq=False)
class NormalCells:
    """All that the likelihood needs to know of the patients, by site and arm.

    Attributes
    ----------
    n : array, shape (sites, 2)
        Patients.
    mean : array, shape (sites, 2)
        Of y; 0 in an arm without patients.
    regressors : array, shape (sites, 2, columns)
        Means of what has a slope; 0 in an arm without patients.
    residual : array, shape (sites,)
        Sum of squares of y within arms, added over arms, around the least-squares slopes there.
    triangle : array, shape (sites, columns, columns)
    rotated : array, shape (sites, columns)
        What slopes gamma add to it: |rotated - triangle gamma|^2.
    """

    n: Floats
    mean: Floats
    regressors: Floats
    residual: Floats
    triangle: Floats
    rotated: Floats

    @classmethod
    def from_patients(
        cls, n_sites: int, site: NDArray[np.int64], arm: NDArray[np.int64], y: Floats, regressors: Floats
    ) -> NormalCells:
        """From one row for each patient; `regressors` has the shape (patients, columns)."""
        cell = 2 * site + arm
        n = np.bincount(cell, minlength=2 * n_sites).astype(float)
        some = np.maximum(n, 1.0)

        def means(values: Floats) -> Floats:
            centre = values.mean()  # first, or the digits are spent on a level that all patients share
            sums = np.bincount(cell, weights=values - centre, minlength=2 * n_sites)
            return np.where(n > 0, centre + sums / some, 0.0)

        columns = regressors.shape[1]
        mean_y, mean_b = means(y), np.array([means(b) for b in regressors.T]).reshape(columns, 2 * n_sites).T
        # sums of squares about the means, in a second pass: sum of y^2 less n mean^2 would cancel
        within_y, within_b = y - mean_y[cell], regressors - mean_b[cell]
        residual = np.empty(n_sites)
        triangle, rotated = np.zeros((n_sites, columns, columns)), np.zeros((n_sites, columns))
        for s in range(n_sites):
            here = site == s
            own, b = within_y[here], within_b[here]
            # where a column does not vary within arms, what rounding leaves of the differences is no slope
            b = b * ((b**2).sum(axis=0) > _ROUNDING * np.maximum((regressors[here] ** 2).sum(axis=0), _TINY))
            # sum (y - b'gamma)^2 within arms is residual + |Q'y - R gamma|^2, two squares again, by b = Q R
            q, r = np.linalg.qr(b)
            rotated[s, : r.shape[0]], triangle[s, : r.shape[0]] = q.T @ own, r
            residual[s] = ((own - q @ (q.T @ own)) ** 2).sum()
        shape = (n_sites, 2)
        return cls(
            n.reshape(shape), mean_y.reshape(shape), mean_b.reshape(*shape, columns), residual, triangle, rotated
        )


@dataclass(frozen=True, eq=False)
class _Whitened:
    """t, H, D and R of the page above at some draws, every entry of shape (draws, sites), and sigma, (draws, 1)."""

    t: tuple[Floats, Floats]
    h: tuple[tuple[Floats, Floats], tuple[Floats, Floats]]
    det: Floats
    root: Floats
    sigma: Floats

    def adjugate_t(self) -> tuple[Floats, Floats]:
        """adj(H) t / R."""
        (a, b), (c, d) = self.h
        t0, t1 = self.t[0] / self.root, self.t[1] / self.root
        return d * t0 - b * t1, a * t1 - c * t0


class NormalSiteMarginal(SiteMarginal):
    """Log likelihood of patients as a function of theta, and draws of the site parameters given theta; both exact.

    Parameters
    ----------
    sites : SiteModel
    theta : tuple of Parameter
        The parameters that are not one for each site.
    cells : NormalCells
        In place of the table of counts that its base class holds.
    slopes : tuple of str
        The parameters that are the slopes on its columns.

    Raises
    ------
    UnsupportedModelError
        Where the model has no closed form.
    """

    def __init__(
        self, sites: SiteModel, theta: tuple[Parameter, ...], cells: NormalCells, slopes: tuple[str, ...]
    ) -> None:
        if problem := not_in_closed_form(sites.spec):
            raise UnsupportedModelError(
                f"model '{sites.spec.name}'",
                f"engine 'quadrature', a continuous end point and {problem[0]}",
                f"{problem[1]}, or engine 'nuts'",
                "Only normal site effects can be integrated out exactly; use engine 'nuts' (or 'auto').",
            )
        self.sites = sites
        self.cells = cells
        self.slopes = slopes
        self._theta = theta

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Theta: the parameters that are not one for each site."""
        return self._theta

    def most_draws(self, nodes: int = 0) -> float:  # noqa: ARG002
        """Any number: all integrals are in closed form."""
        return math.inf

    def log_sites(self, theta: Values, nodes: int = 0) -> tuple[Floats, int]:  # noqa: ARG002
        """Log likelihood of every site, shape (draws, sites), and 0: no integral can fail.

        `nodes` plays no part, and sites without patients get 0. Exact up to rounding (relative error about 1e-13);
        a density below exp(-1e300) counts as that.
        """
        draws = len(theta["sigma"])
        found = np.empty((draws, self.sites.n_sites))
        for part in self._pieces(draws):
            found[part] = self._log_sites({name: np.asarray(value)[part] for name, value in theta.items()})
        return found, 0

    def log_total(self, theta: Values, nodes: int = 0, powers: Floats | None = None) -> tuple[Floats, int]:
        """Log likelihood summed over sites, shape (draws,), and 0: no integral can fail.

        `powers`, shape (sites,), multiplies each site's share: 0 leaves a site out.
        """
        by_site, failed = self.log_sites(theta, nodes)
        return by_site @ (np.ones(self.sites.n_sites) if powers is None else powers), failed

    def draw(self, theta: Values, seed: np.random.SeedSequence) -> dict[str, Floats]:
        """Independent draws of the site parameters given theta and the data, each of shape (draws, sites)."""
        if self.sites.spec.sites.pooled:
            return {}
        draws = len(theta["sigma"])
        z = np.random.default_rng(seed).standard_normal((draws, self.sites.n_sites, 2))
        for part in self._pieces(draws):
            self._condition({name: np.asarray(value)[part] for name, value in theta.items()}, z[part])
        return self._named(z, theta)

    def _pieces(self, draws: int) -> list[slice]:
        size = max(_AT_ONCE // self.sites.n_sites, 1)
        return [slice(start, start + size) for start in range(0, draws, size)]

    def _whiten(self, theta: Values) -> _Whitened:
        form, cells = self.form(theta), self.cells
        x = self.sites.spec.sites.x
        sigma = np.maximum(theta["sigma"], _LEAST_SIGMA)[:, None]
        alpha, beta = form.fixed[:, :1], form.fixed[:, 1:2]  # those of covariates follow
        s11, s21, s22 = (form.scale[:, i : i + 1] for i in range(3))
        t, h = [], []
        for a in (0, 1):
            weight = np.sqrt(cells.n[:, a]) / sigma
            away = cells.mean[:, a] - (alpha + beta * x[a])
            for k, name in enumerate(self.slopes):
                away = away - theta[name][:, None] * cells.regressors[:, a, k]
            t.append(weight * away)
            h.append((weight * (s11 + s21 * x[a]), weight * (s22 * x[a])))
        # det G = (s_11 + s_21 x_0) s_22 x_1 - (s_11 + s_21 x_1) s_22 x_0 = s_11 s_22 (x_1 - x_0): s_21 drops out, and
        # with it the difference of two products
        det = np.sqrt(cells.n.prod(axis=1)) * (s11 / sigma) * (s22 / sigma) * (x[1] - x[0])
        # R itself, by hypot one entry after the other: R^2 may overflow where R does not
        root = np.ones_like(det)
        for entry in (*h[0], *h[1], det):
            root = np.hypot(root, entry)
        return _Whitened((t[0], t[1]), (h[0], h[1]), det, root, sigma)

    def _log_sites(self, theta: Values) -> Floats:
        cells, w = self.cells, self._whiten(theta)
        with np.errstate(over="ignore"):
            squares = cells.residual
            for k in range(len(self.slopes)):  # the triangle has nothing below its diagonal
                away = cells.rotated[:, k] - sum(
                    theta[name][:, None] * cells.triangle[:, k, j] for j, name in enumerate(self.slopes) if j >= k
                )
                squares = squares + away**2
            squares = squares / w.sigma**2
            # divided by R before they are squared: |t|^2 may overflow where (|t| / R)^2 does not
            for part in (w.t[0] / w.root, w.t[1] / w.root, *w.adjugate_t()):
                squares = squares + part**2
        constant = cells.n.sum(axis=1) * (0.5 * np.log(2 * np.pi) + np.log(w.sigma))
        return np.asarray(np.maximum(-constant - np.log(w.root) - 0.5 * squares, _LOWEST))

    def _condition(self, theta: Values, z: Floats) -> None:
        """Turn standard normal variables z, shape (draws, sites, 2), into draws from their conditional distribution.

        With I + H'H = L L' by Cholesky, z becomes its mean plus L'^(-1) z. For H = [[a, b], [c, d]]

            L_11 = (1 + a^2 + c^2)^(1/2),   L_21 = (a b + c d) / L_11,   L_22 = R / L_11,

        the last as det(L)^2 = R^2, in place of a square root of a difference; L'x = z is solved from below.
        """
        w = self._whiten(theta)
        (a, b), (c, d) = w.h
        t0, t1 = w.t[0] / w.root, w.t[1] / w.root
        adjugate = w.adjugate_t()
        share = w.det / w.root
        means = ((a * t0 + c * t1) / w.root + share * adjugate[0], (b * t0 + d * t1) / w.root + share * adjugate[1])
        first = np.hypot(np.hypot(1.0, a), c)
        below = (a / first) * b + (c / first) * d
        second = z[..., 1] * first / w.root  # L_22 = R / L_11
        z[..., 0] = means[0] + (z[..., 0] - below * second) / first
        z[..., 1] = means[1] + second
