"""The joint model: end points of the same patients, tied by a Gaussian copula within patients and by their sites.

For end point k and patient i at site s, with x_i the treatment code of the end point's own model,

    eta_ik = alpha_k + u_sk + (beta_k + v_sk) x_i (+ gamma_k times the centred baseline, where continuous)
    continuous:  y_ik = eta_ik + sigma_k q_ik
    binary:      y_ik = 1 exactly where -q_ik < Phi^-1(expit(eta_ik)),   so that P(y_ik = 1) = expit(eta_ik)
    q_i ~ N(0, R),   R ~ LKJ                              within patients
    u_s. = tau_u * N(0, R_u),   v_s. = tau_v * N(0, R_v),   R_u, R_v ~ LKJ      over sites

so that each end point by itself has exactly the model of its own file: logistic or normal, with its priors and its
estimand. The sign of a binary outcome's latent variable is turned: a positive correlation says that response goes with
higher values of the other outcome.

The patient's outcomes are taken one after the other, continuous ones first (see `joint_density`). Outcomes that are
missing are summed out exactly, so they count as missing at random given the patient's other outcomes, arm and site.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.endpoints.joint_data import JointData, JointOutcome
from bayes_lupil.endpoints.joint_density import (
    LOG_2PI,
    Partials,
    cut,
    factor,
    log_normal_cdf,
    operations,
    place,
    subset,
)
from bayes_lupil.likelihoods.sites import Parameter
from bayes_lupil.priors import LKJ, Normal
from bayes_lupil.spec import Sampler

__all__ = ["JointModel"]

Floats = NDArray[np.float64]
Values = Mapping[str, Any]

_STANDARD = Normal(mean=0, sd=1, reason="standardised, scaled by other parameters")
_SITE_PARTS = (("u", "e", "tau_u"), ("v", "f", "tau_v"))


@dataclass(frozen=True)
class _Settings:
    """What an engine reads of a model file."""

    sampler: Sampler


@dataclass(frozen=True, eq=False)
class JointModel:
    """Data, priors of the correlations and sampler settings; has what `engines.nuts.sample` asks of a likelihood.

    Parameters are named by kind and place of the end point: alpha_0, sigma_2, ...

    Attributes
    ----------
    data : JointData
    patients, sites : LKJ or None
        Priors of the correlations within patients and of the site effects; None fixes them at 0.
    sampler : Sampler
    """

    data: JointData
    patients: LKJ | None
    sites: LKJ | None
    sampler: Sampler

    @property
    def spec(self) -> _Settings:
        """The sampler's settings, where engines look for them."""
        return _Settings(self.sampler)

    @cached_property
    def order(self) -> tuple[int, ...]:
        """End points in the order of conditioning: continuous ones first."""
        return tuple(sorted(range(len(self.data.outcomes)), key=lambda k: self.data.outcomes[k].kind == "binary"))

    @cached_property
    def ordered(self) -> tuple[JointOutcome, ...]:
        """The end points in that order."""
        return tuple(self.data.outcomes[k] for k in self.order)

    def having(self, parameter: str) -> tuple[int, ...]:
        """End points whose model has this parameter, for example 'tau_u', in the order of the data."""
        return tuple(k for k, item in enumerate(self.data.outcomes) if getattr(item.spec.priors, parameter) is not None)

    @cached_property
    def patterns(self) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Which outcomes are there, in the order of conditioning: each way that occurs, and each patient's way."""
        there = np.stack([item.observed for item in self.ordered], axis=-1)
        kinds, which = np.unique(there, axis=0, return_inverse=True)
        return kinds, np.asarray(which, dtype=np.int64).reshape(-1)

    @cached_property
    def augmented(self) -> tuple[NDArray[np.int64], ...]:
        """For each end point in the order of conditioning, the patients whose latent place later ones depend on."""
        binary = [item.kind == "binary" for item in self.ordered]
        there = np.stack([item.observed for item in self.ordered], axis=-1)
        found = []
        for k, is_binary in enumerate(binary):
            needed = there[:, k] & there[:, k + 1 :].any(axis=1) & is_binary & (self.patients is not None)
            found.append(np.flatnonzero(needed))
        return tuple(found)

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """Free parameters with their priors."""
        found = []
        for name in ("alpha", "beta", "tau_u", "tau_v", "sigma", "gamma"):
            for k in self.having(name):
                found.append(Parameter(f"{name}_{k}", getattr(self.data.outcomes[k].spec.priors, name)))
        for effect, standard, tau in _SITE_PARTS:
            size = len(self.having(tau))
            if size:
                found.append(Parameter(standard, _STANDARD, (f"end_point_{effect}", "site")))
            if size > 1 and self.sites is not None:
                found.append(Parameter(f"share_{effect}", Partials(self.sites.eta, size), (f"pair_{effect}",)))
        if len(self.order) > 1 and self.patients is not None:
            found.append(Parameter("share", Partials(self.patients.eta, len(self.order)), ("pair",)))
        if any(rows.size for rows in self.augmented):
            found.append(Parameter("w", _STANDARD, ("augmented",)))
        return tuple(found)

    @property
    def coords(self) -> dict[str, Any]:
        """Coordinates of every dimension that a parameter has, and the patients."""
        outcomes = self.data.outcomes
        found: dict[str, Any] = {
            "site": list(self.data.site_names),
            "patient": list(range(self.data.site.size)),
            "augmented": list(range(sum(rows.size for rows in self.augmented))),
            "pair": self.pairs(self.order),
        }
        for effect, _, tau in _SITE_PARTS:
            found[f"end_point_{effect}"] = [outcomes[k].name for k in self.having(tau)]
            found[f"pair_{effect}"] = self.pairs(self.having(tau))
        return found

    def pairs(self, of: tuple[int, ...]) -> list[str]:
        """Labels of the pairs of some end points, in the order of `Partials`."""
        names = [self.data.outcomes[k].name for k in of]
        return [f"{names[min(i, j)]} ~ {names[max(i, j)]}" for i, j in Partials(1.0, len(of)).pairs]

    def factors(self, values: Values) -> dict[str, list[list[Any]]]:
        """Cholesky factors of the correlation matrices that are free, by 'patients', 'u' and 'v'."""
        found = {}
        for key, name, size in (
            ("patients", "share", len(self.order)),
            ("u", "share_u", len(self.having("tau_u"))),
            ("v", "share_v", len(self.having("tau_v"))),
        ):
            if name in values:
                found[key] = factor(values[name], size)
        return found

    def site_effects(self, values: Values) -> dict[str, dict[int, Any]]:
        """Effects u and v of each end point that has them, shape (..., sites)."""
        factors = self.factors(values)
        found: dict[str, dict[int, Any]] = {"u": {}, "v": {}}
        for effect, standard, tau in _SITE_PARTS:
            for index, k in enumerate(self.having(tau)):
                if effect in factors:
                    row = factors[effect][index]
                    mixed = sum(entry[..., None] * values[standard][..., i, :] for i, entry in enumerate(row))
                else:
                    mixed = values[standard][..., index, :]
                found[effect][k] = values[f"{tau}_{k}"][..., None] * mixed
        return found

    def linear(self, values: Values) -> list[Any]:
        """eta of every end point, in the order of the data, shape (..., patients)."""
        site, found = self.data.site, []
        effects = self.site_effects(values)
        for k, item in enumerate(self.data.outcomes):
            level, slope = values[f"alpha_{k}"][..., None], values[f"beta_{k}"][..., None]
            if k in effects["u"]:
                level = level + effects["u"][k][..., site]
            if k in effects["v"]:
                slope = slope + effects["v"][k][..., site]
            eta = level + slope * np.array(item.spec.sites.x)[self.data.arm]
            if item.centred_baseline is not None:
                eta = eta + values[f"gamma_{k}"][..., None] * item.centred_baseline
            found.append(eta)
        return found

    def _patient_factor(self, values: Values) -> list[list[Any]]:
        """Cholesky factor of each patient's own outcomes, rows as in `factor`; missing ones stand alone."""
        size = len(self.order)
        whole = self.factors(values)["patients"]
        kinds, which = self.patterns
        if kinds.all():
            return [[entry[..., None] for entry in row] for row in whole]
        do, zero, one = operations(values["alpha_0"]), 0.0 * whole[0][0], whole[0][0]
        by_kind: list[list[list[Any]]] = [[[] for _ in range(j + 1)] for j in range(size)]
        for kind in kinds:
            kept = [int(k) for k in np.flatnonzero(kind)]
            own = subset(whole, kept)
            for j in range(size):
                for i in range(j + 1):
                    if kind[i] and kind[j]:
                        by_kind[j][i].append(own[kept.index(j)][kept.index(i)])
                    else:
                        by_kind[j][i].append(one if i == j else zero)
        return [[do.stack(entries, axis=-1)[..., which] for entries in row] for row in by_kind]

    def patient_log_likelihood(self, values: Values, data: Mapping[str, Any] | None = None) -> Any:
        """Log likelihood of each patient given the places `w`, shape (..., patients), in NumPy or PyTensor."""
        data = self.graph_data() if data is None else data
        linear = self.linear(values)
        rows = self._patient_factor(values) if "share" in values else None
        total, latent, start = 0.0, [], 0  # type: ignore[var-annotated]
        for position, (k, item) in enumerate(zip(self.order, self.ordered, strict=True)):
            do, there = operations(linear[k]), item.observed.astype(float)
            mean = sum(rows[position][i] * latent[i] for i in range(position)) if rows else 0.0
            scale = rows[position][position] if rows else 1.0
            needs = self.augmented[position]
            if item.kind == "continuous":
                sigma = values[f"sigma_{k}"][..., None]
                # a missing value is taken as its mean, and its density left out
                deviate = (there * (data[f"y_{k}"] - linear[k]) / sigma - mean) / scale
                total = total - there * (0.5 * (deviate**2 + LOG_2PI) + do.log(sigma) + do.log(scale))
                latent.append(there * deviate)
                continue
            sign = 2.0 * data[f"y_{k}"] - 1.0
            log_chance = log_normal_cdf(sign * (cut(linear[k]) + mean) / scale)
            total = total + there * log_chance
            if needs.size:
                where = np.zeros(there.size, dtype=np.int64)
                where[needs] = start + np.arange(needs.size)
                start += needs.size
                used = np.isin(np.arange(there.size), needs).astype(float)
                log_place = log_normal_cdf(values["w"])[..., where]
                latent.append(-used * sign * place(log_place + log_chance))
            else:
                latent.append(0.0)
        return total

    def log_likelihood(self, values: Values) -> Floats:
        """Sum over patients, shape (...)."""
        return np.asarray(self.patient_log_likelihood(values)).sum(axis=-1)

    def log_prior(self, values: Values) -> Floats:
        """Log prior density of all parameters, shape (...)."""
        total = np.zeros(np.shape(values["alpha_0"]))
        for item in self.parameters:
            density = item.logpdf(values)
            total = total + density.sum(axis=tuple(range(total.ndim, density.ndim)))
        return total

    def log_joint(self, values: Values) -> Floats:
        """Log prior plus log likelihood, shape (...)."""
        return self.log_prior(values) + self.log_likelihood(values)

    def prior_draws(self, draws: int, rng: np.random.Generator) -> dict[str, Floats]:
        """Draws of every parameter from its prior, leading axis `draws`."""
        sizes = {name: len(labels) for name, labels in self.coords.items()}
        found: dict[str, Floats] = {}
        for item in self.parameters:
            found[item.name] = item.sample(rng, (draws, *(sizes[dim] for dim in item.dims)), found)
        return found

    def graph_data(self) -> dict[str, NDArray[np.number[Any]]]:
        """The outcomes by name of their container, 0 where missing: to be exchanged in a compiled graph."""
        return {f"y_{k}": np.where(item.observed, item.y, 0.0) for k, item in enumerate(self.data.outcomes)}

    def graph_key(self) -> str:
        """Alike where two models differ in nothing but the values of outcomes."""
        found: list[Any] = [self.patients and self.patients.eta, self.sites and self.sites.eta, self.data.site_names]
        for item in self.data.outcomes:
            model = item.spec.to_dict()
            baseline = None if item.centred_baseline is None else item.centred_baseline.tolist()
            found.append((item.name, item.kind, model["sites"], model["priors"], item.observed.tolist(), baseline))
        return repr((type(self).__name__, found, self.data.site.tolist(), self.data.arm.tolist()))

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
