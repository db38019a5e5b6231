"""The components of a mixture of sites, each in the form of the compiled integrals.

Given theta and its component, a site's effects (u, v) are normal whatever the mixture: with c the change of (u, v) by a
deviation of 1 (see `Sites.deviations`) and w its SD, an outlying site has

    Cov(u, v) = [[tau_u^2, r tau_u tau_v], [r tau_u tau_v, tau_v^2]] + w^2 sum_c c c',

and a site that is not exchangeable has the effect N(m, s^2), independent of u. So the likelihood of a site is a sum
over its components of share times an integral that `kernels` can do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.integrals.site_integral import SiteForm
from bayes_lupil.likelihoods.site_effects import NONEXCHANGEABLE, SiteModel

__all__ = ["Component", "components_of", "country_components"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Component:
    """Sites of one component at some draws of theta.

    Attributes
    ----------
    outlying : tuple of str
        What is unusual of them: 'site', 'control', 'active', 'nonexchangeable'; nothing for the main component.
    log_share : array, shape (draws,)
    form : SiteForm
    shift : array, shape (draws,)
        How far the average effect of such sites lies from beta.
    """

    outlying: tuple[str, ...]
    log_share: Floats
    form: SiteForm
    shift: Floats

    def effects(self, z: Floats, draws: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Site effects (u, v) from the standard normal site variables, shape (draws, 2), at some of the draws."""
        scale = self.form.scale[draws]
        return scale[:, 0] * z[:, 0], self.shift[draws] + scale[:, 1] * z[:, 0] + scale[:, 2] * z[:, 1]


def components_of(sites: SiteModel, theta: Mapping[str, Any]) -> tuple[Component, ...]:
    """Every component, that of sites without deviations first, at draws of theta, each of shape (draws,)."""
    alpha, beta = (np.asarray(theta[name], dtype=float) for name in ("alpha", "beta"))
    share = np.broadcast_to(np.asarray(sites.share(theta), dtype=float), alpha.shape)
    tau_u, tau_v, r = (
        np.asarray(theta[name]) if name in theta else np.zeros_like(alpha) for name in ("tau_u", "tau_v", "correlation")
    )
    with np.errstate(divide="ignore"):  # a share of 0, or a prior's draw that underflows
        log_in, log_out = np.log(share), np.log1p(-share)  # of the share q and of 1 - q
    deviations = sites.spec.sites.deviations
    covariates = [np.asarray(theta[name]) for name in sites.covariates]
    if not deviations:
        prior = sites.spec.priors.nonexchangeable
        assert prior is not None  # a mixture without deviations is one of effects
        mean, sd, nothing = np.full_like(beta, prior.mean), np.full_like(beta, prior.sd), np.zeros_like(beta)
        main = _form(alpha, beta, np.column_stack([tau_u, nothing, tau_v]), 3)
        alone = _form(alpha, mean, np.column_stack([tau_u, nothing, sd]), 3)
        return Component((), log_out, main, nothing), Component((NONEXCHANGEABLE,), log_in, alone, mean - beta)
    found = []
    for outlying, log_share in _kinds(deviations, log_in, log_out):
        columns = [deviations[arm] for arm in outlying]
        scale = _factor(tau_u, tau_v, r, sites.spec.sites.outlier_sd or 0.0, columns)
        order = 3 if "tau_v" in theta or any(to_v for _, to_v in columns) else 1
        form = _form(alpha, beta, scale, order, covariates)
        found.append(Component(outlying, log_share, form, np.zeros_like(beta)))
    return tuple(found)


def country_components(
    sites: SiteModel, theta: Mapping[str, Any]
) -> tuple[tuple[tuple[str, ...], Floats, Floats], ...]:
    """(what is outlying, log of the share, scale) of every kind of country, the usual one first, at draws of theta.

    A country's effects are c = s_11 z_1 and d = s_21 z_1 + s_22 z_2, z_1 and z_2 standard normal, with s of shape
    (draws, 3) as in `SiteForm`. Where countries are no mixture there is one kind, with the share 1.
    """
    draws, table = np.shape(next(iter(theta.values()))), sites.spec.countries
    assert table is not None
    tau_c = np.asarray(theta.get("tau_c", np.full(draws, table.fixed_sd or 0.0)), dtype=float)
    tau_d = np.asarray(theta.get("tau_d", np.zeros(draws)), dtype=float)
    deviations, nothing = sites.spec.country_deviations, np.zeros(draws)
    if not deviations:
        return (((), nothing, _factor(tau_c, tau_d, nothing, 0.0, [])),)
    share = np.broadcast_to(np.asarray(sites.country_share(theta), dtype=float), draws)
    with np.errstate(divide="ignore"):
        kinds = _kinds(deviations, np.log(share), np.log1p(-share))
    sd = table.outlier_sd
    return tuple(
        (outlying, log_share, _factor(tau_c, tau_d, nothing, sd or 0.0, [deviations[arm] for arm in outlying]))
        for outlying, log_share in kinds
    )


def _kinds(deviations: Iterable[str], log_in: Floats, log_out: Floats) -> list[tuple[tuple[str, ...], Floats]]:
    """(arms that deviate, log of the share of it) of every kind, from the logs of q and 1 - q.

    Deviations are independent: k of them make 2^k kinds, whose chance is a product of q and 1 - q.
    """
    arms = tuple(deviations)
    return [
        (
            tuple(arm for arm, out in zip(arms, chosen, strict=True) if out),
            np.asarray(np.sum([log_in if out else log_out for out in chosen], axis=0)),
        )
        for chosen in product((False, True), repeat=len(arms))
    ]


def _form(alpha: Floats, slope: Floats, scale: Floats, order: int, covariates: Sequence[Floats] = ()) -> SiteForm:
    nothing = np.empty((0, 2))
    return SiteForm(order, (nothing, nothing), np.column_stack([alpha, slope, *covariates]), scale)


def _factor(tau_u: Floats, tau_v: Floats, r: Floats, sd: float, columns: list[tuple[float, float]]) -> Floats:
    """s_11, s_21 and s_22, the Cholesky factor of the covariance of u and v, shape (draws, 3).

    With `columns` the c of the deviations at such a site: s_11^2 = uu, s_21 = uv / s_11, s_22^2 = vv - s_21^2. That
    difference may round to below 0 where u and v are all but functions of each other, and is then taken for 0; the root
    of its rounding makes s_22 uncertain by up to 2e-8 of w, as little as log odds can tell. Where s_11 is 0 so are uv
    and s_21.
    """
    if not columns:  # as is, without rounding
        return np.column_stack([tau_u, tau_v * r, tau_v * np.sqrt(1 - r**2)])
    uu = tau_u**2 + sd**2 * sum(a * a for a, _ in columns)
    uv = r * tau_u * tau_v + sd**2 * sum(a * b for a, b in columns)
    vv = tau_v**2 + sd**2 * sum(b * b for _, b in columns)
    s11 = np.sqrt(uu)
    s21 = np.divide(uv, s11, out=np.zeros_like(s11), where=s11 > 0)
    return np.column_stack([s11, s21, np.sqrt(np.maximum(vv - s21**2, 0.0))])
