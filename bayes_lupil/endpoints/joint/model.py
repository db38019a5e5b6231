"""The joint model: end points of the same patients, tied by a Gaussian copula within patients and by their sites.

For end point k and patient i at site s, with x_i the treatment code of the end point's own model,

    eta_ik = alpha_k + u_sk + (beta_k + v_sk) x_i (+ gamma_k times the centred baseline, where continuous)
    continuous:  y_ik = eta_ik + sigma_k q_ik
    binary:      y_ik = 1 exactly where -q_ik < Phi^-1(expit(eta_ik)),   so that P(y_ik = 1) = expit(eta_ik)
    q_i ~ N(0, R),   R = L L' ~ LKJ                                            within patients
    u_sk = c_k sum_j L_kj (tau_u_j / c_j) e_sj,   e_sj ~ N(0, 1)               over sites, and likewise v_sk

with c_k = sigma_k of a continuous end point and (8 / pi)^(1/2) of a binary one, which is what a unit of the latent
normal variable is on the scale of log odds at even odds. So each end point has the margin of its own file within a
site, logistic or normal, with its priors and its estimand. The sign of a binary outcome's latent variable is turned:
a positive correlation says that response goes with higher values of the other outcome.

What the end points before it foretell of an end point in a patient they foretell of it at a site too; besides, it has a
part of its own there, and the SD of that part has the prior that its file gives to tau. Where nothing is correlated
within patients, and for the first in the order of conditioning, that is exactly the model of its own file; the others'
total SD over sites is larger than their own part. Independent site effects would be at odds with end points that are
nearly the same measure, such as the absolute and the relative change of one score: sites that differ in both and hardly
in their difference would be ruled out by the prior, and with them any site differences to speak of.

The patient's outcomes are taken one after the other, continuous ones first: q_i = L xi_i, xi_i ~ N(0, 1). A continuous
outcome gives xi_ik; a binary one gives the probability that xi_ik falls on its side of the cut, and xi_ik itself by its
place there (see `joint_density`); a missing one gives nothing, and its xi_ik is a standard normal parameter. The latter
two are left out wherever no later outcome of the patient is there to depend on them. So missing outcomes are summed out
exactly, as missing at random given the patient's other outcomes, arm and site.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.endpoints.joint.data import JointData, JointOutcome
from bayes_lupil.endpoints.joint.density import (
    LOG_2PI,
    Partials,
    cut,
    factor,
    log_normal_cdf,
    operations,
    place,
    product,
)
from bayes_lupil.likelihoods.density import Density
from bayes_lupil.likelihoods.site_effects import Parameter
from bayes_lupil.priors import LKJ, Normal
from bayes_lupil.spec import Sampler

__all__ = ["LATENT", "JointModel"]

Floats = NDArray[np.float64]
Values = Mapping[str, Any]

_STANDARD = Normal(mean=0, sd=1, reason="standardised, scaled by other parameters")
LATENT = float(np.sqrt(8 / np.pi))
"""Log odds for a unit of the latent normal variable at even odds: the slope of Phi^-1(expit(x)) at 0, inverted."""
_SITE_PARTS = (("u", "e", "tau_u"), ("v", "f", "tau_v"))


@dataclass(frozen=True, eq=False)
class JointModel(Density):
    """Data, priors of the correlations and sampler settings.

    Parameters are named by kind and place of the end point: alpha_0, sigma_2, ...

    Attributes
    ----------
    data : JointData
    patients : LKJ or None
        Prior of the correlations within patients; None fixes them, and those over sites, at 0.
    sampler : Sampler
    """

    data: JointData
    patients: LKJ | None
    sampler: Sampler

    @cached_property
    def order(self) -> tuple[int, ...]:
        """End points in the order of conditioning: continuous ones first, else as declared."""
        return tuple(sorted(range(len(self.data.outcomes)), key=lambda k: self.data.outcomes[k].kind == "binary"))

    @cached_property
    def ordered(self) -> tuple[JointOutcome, ...]:
        """The end points in that order."""
        return tuple(self.data.outcomes[k] for k in self.order)

    def having(self, parameter: str) -> tuple[int, ...]:
        """End points whose model has this parameter, for example 'tau_u', in the order of the data."""
        return tuple(k for k, item in enumerate(self.data.outcomes) if getattr(item.spec.priors, parameter) is not None)

    @cached_property
    def hidden(self) -> NDArray[np.int64]:
        """Place of each patient's xi among the parameters `w`, or -1, shape (end points in that order, patients)."""
        there = np.stack([item.observed for item in self.ordered])
        solved = there & np.array([item.kind == "continuous" for item in self.ordered])[:, None]
        later = np.cumsum(there[::-1], axis=0)[::-1] - there > 0
        needed = later & ~solved & (self.patients is not None)
        return np.where(needed, np.cumsum(needed.ravel()).reshape(needed.shape) - 1, -1)

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """Free parameters with their priors."""
        found = [
            Parameter(f"{name}_{k}", getattr(self.data.outcomes[k].spec.priors, name))
            for name in ("alpha", "beta", "tau_u", "tau_v", "sigma", "gamma")
            for k in self.having(name)
        ]
        found += [
            Parameter(standard, _STANDARD, (f"row_{effect}", "site"))
            for effect, standard, tau in _SITE_PARTS
            if self.having(tau)
        ]
        if len(self.order) > 1 and self.patients is not None:
            found.append(Parameter("share", Partials(self.patients.eta, len(self.order)), ("row_pair",)))
        if (self.hidden >= 0).any():
            found.append(Parameter("w", _STANDARD, ("hidden",)))
        return tuple(found)

    @property
    def coords(self) -> dict[str, Any]:
        """Coordinates of every dimension that a parameter has, and the patients."""
        pairs = len(self.order) * (len(self.order) - 1) // 2
        sizes = {f"row_{effect}": len(self.having(tau)) for effect, _, tau in _SITE_PARTS} | {"row_pair": pairs}
        sizes |= {"patient": self.data.site.size, "hidden": int((self.hidden >= 0).sum())}
        return {"site": list(self.data.site_names), **{name: list(range(size)) for name, size in sizes.items()}}

    def lower(self, values: Values) -> Any:
        """Cholesky factor of R in the order of conditioning, shape (..., K, K); None where nothing is correlated."""
        return factor(values["share"], len(self.order)) if "share" in values else None

    def roots(self, values: Values) -> dict[str, Any]:
        """Square roots M of the covariance matrices M M' of site effects, by 'u' and 'v'.

        Returns
        -------
        dict of array or graph, shape (..., end points that have the effect, the same)
            Rows and columns in the order of the data.
        """
        lower, found = self.lower(values), {}
        some = values["alpha_0"]
        do = operations(some)
        for effect, _, tau in _SITE_PARTS:
            having = self.having(tau)
            if not having:
                continue
            sd = do.stack([values[f"{tau}_{k}"] for k in having], axis=-1)
            if lower is None:
                found[effect] = sd[..., None] * np.eye(len(having))
                continue
            units = [values[f"sigma_{k}"] if f"sigma_{k}" in values else LATENT + 0.0 * some for k in having]
            unit = do.stack(units, axis=-1)
            place_of = [self.order.index(k) for k in having]
            mixing = lower[..., place_of, :][..., :, place_of]
            found[effect] = unit[..., :, None] * mixing * (sd / unit)[..., None, :]
        return found

    def _over_end_points(self, values: Values, name: str) -> Any:
        """A parameter of every end point, 0 where its model has none, shape (..., end points, 1)."""
        some = values["alpha_0"]
        found = [values.get(f"{name}_{k}", 0.0 * some) for k in range(len(self.data.outcomes))]
        return operations(some).stack(found, axis=-1)[..., None]

    def site_effects(self, values: Values) -> dict[str, Any]:
        """Effects u and v, shape (..., end points, sites), 0 where pooled; only those that any end point has."""
        roots = self.roots(values)
        found = {}
        for effect, standard, tau in _SITE_PARTS:
            if effect in roots:
                having, mixed = self.having(tau), product(roots[effect], values[standard])
                row = np.array([having.index(k) if k in having else 0 for k in range(len(self.data.outcomes))])
                there = np.array([float(k in having) for k in range(len(self.data.outcomes))])
                found[effect] = there[:, None] * mixed[..., row, :]
        return found

    def linear(self, values: Values) -> Any:
        """Eta of every end point, shape (..., end points, patients)."""
        site, effects = self.data.site, self.site_effects(values)
        level, slope = self._over_end_points(values, "alpha"), self._over_end_points(values, "beta")
        if "u" in effects:
            level = level + effects["u"][..., site]
        if "v" in effects:
            slope = slope + effects["v"][..., site]
        x = np.stack([np.array(item.spec.sites.x)[self.data.arm] for item in self.data.outcomes])
        found = level + slope * x
        if self.having("gamma"):
            none = np.zeros(site.size)
            centred = [none if b is None else b for b in (item.centred_baseline for item in self.data.outcomes)]
            found = found + self._over_end_points(values, "gamma") * np.stack(centred)
        return found

    def patient_log_likelihood(self, values: Values, data: Mapping[str, Any] | None = None) -> Any:
        """Log likelihood of each patient given `w`, shape (..., patients), in NumPy or PyTensor."""
        data = self.graph_data() if data is None else data
        linear, lower = self.linear(values), self.lower(values)
        do = operations(linear)
        total: Any = 0.0
        known: list[Any] = []  # xi of the end points so far
        for position, (k, item) in enumerate(zip(self.order, self.ordered, strict=True)):
            eta, y, there, hidden = linear[..., k, :], data[f"y_{k}"], item.observed, self.hidden[position]
            mean, scale = 0.0, 1.0
            if lower is not None:
                mean = sum(lower[..., position, i][..., None] * xi for i, xi in enumerate(known))
                scale = lower[..., position, position][..., None]
            free = values["w"][..., np.maximum(hidden, 0)] if (hidden >= 0).any() else 0.0
            if item.kind == "continuous":
                sigma = values[f"sigma_{k}"][..., None]
                xi = ((y - eta) / sigma - mean) / scale
                log_density = -0.5 * (xi**2 + LOG_2PI) - do.log(sigma * scale)
                known.append(do.where(there, xi, (hidden >= 0) * free))
            else:
                sign = 2.0 * y - 1.0
                log_density = log_normal_cdf(sign * (cut(eta) + mean) / scale)
                if (hidden >= 0).any():
                    inside = -sign * place(log_normal_cdf(free) + log_density)
                    known.append((hidden >= 0) * do.where(there, inside, free))
                else:
                    known.append(0.0 * log_density)
            total = total + do.where(there, log_density, 0.0)
        return total

    def log_likelihood(self, values: Values) -> Floats:
        """Sum over patients, shape (...)."""
        return np.asarray(self.patient_log_likelihood(values).sum(axis=-1))

    def graph_data(self) -> dict[str, NDArray[np.number[Any]]]:
        """The outcomes by name of their container, 0 where missing: to be exchanged in a compiled graph."""
        return {f"y_{k}": np.where(item.observed, item.y, 0.0) for k, item in enumerate(self.data.outcomes)}

    def graph_key(self) -> str:
        """Alike where two models differ in nothing but the values of outcomes."""
        found: list[Any] = [self.patients and self.patients.eta]
        for item in self.data.outcomes:
            model = item.spec.to_dict()
            baseline = None if item.centred_baseline is None else item.centred_baseline.tolist()
            found.append((item.name, item.kind, model["sites"], model["priors"], item.observed.tolist(), baseline))
        return repr((type(self).__name__, found, self.data.site_names, self.data.site.tolist(), self.data.arm.tolist()))

    def pymc_model(self) -> Any:
        """The PyMC graph: parameters and likelihood, nothing derived."""
        import pymc as pm
        import pytensor
        import pytensor.tensor as pt

        # PyTensor would hold constants in single precision
        double = pytensor.config.change_flags(cast_policy="numpy+floatX")
        with double, pm.Model(coords=self.coords) as model:
            values: dict[str, Any] = {}
            for item in self.parameters:
                values[item.name] = item.pymc(values)
            data = {name: pm.Data(name, value, dims=("patient",)) for name, value in self.graph_data().items()}
            pm.Potential("log_likelihood", pt.sum(self.patient_log_likelihood(values, data)))
        return model
