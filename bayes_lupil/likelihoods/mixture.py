"""The components of a mixture of sites, each in the form of the compiled integrals.

Given theta and its component, a site's effects (u, v) are normal whatever the mixture: with c the change of (u, v) by a
deviation of 1 (see `Sites.deviations`) and w its SD, an outlying site has

    Cov(u, v) = [[tau_u^2, r tau_u tau_v], [r tau_u tau_v, tau_v^2]] + w^2 sum_c c c',

and a site that is not exchangeable has the effect N(m, s^2), independent of u. So the likelihood of a site is a sum
over its components of share times an integral that `kernels` can do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.integrals.site_integral import SiteForm
from bayes_lupil.likelihoods.site_effects import NONEXCHANGEABLE, SiteModel

__all__ = ["Component", "components_of"]

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
    if not deviations:
        prior = sites.spec.priors.nonexchangeable
        assert prior is not None  # a mixture without deviations is one of effects
        mean, sd, nothing = np.full_like(beta, prior.mean), np.full_like(beta, prior.sd), np.zeros_like(beta)
        main = _form(alpha, beta, np.column_stack([tau_u, nothing, tau_v]), 3)
        alone = _form(alpha, mean, np.column_stack([tau_u, nothing, sd]), 3)
        return Component((), log_out, main, nothing), Component((NONEXCHANGEABLE,), log_in, alone, mean - beta)
    found = []
    # deviations are independent: k of them make 2^k components, whose chance is a product of q and 1 - q
    for chosen in product((False, True), repeat=len(deviations)):
        outlying = tuple(arm for arm, out in zip(deviations, chosen, strict=True) if out)
        log_share = np.sum([log_in if out else log_out for out in chosen], axis=0)
        columns = [deviations[arm] for arm in outlying]
        scale = _factor(tau_u, tau_v, r, sites.spec.sites.outlier_sd or 0.0, columns)
        order = 3 if "tau_v" in theta or any(to_v for _, to_v in columns) else 1
        found.append(Component(outlying, log_share, _form(alpha, beta, scale, order), np.zeros_like(beta)))
    return tuple(found)


def _form(alpha: Floats, slope: Floats, scale: Floats, order: int) -> SiteForm:
    nothing = np.empty((0, 2))
    return SiteForm(order, (nothing, nothing), np.column_stack([alpha, slope]), scale)


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
