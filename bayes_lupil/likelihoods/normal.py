"""Normal likelihood of a continuous end point, patient by patient, with a baseline and further covariates.

    y_i ~ Normal(alpha + u_s + (beta + v_s) x_i + gamma (baseline_i - mean baseline) + sum_k gamma_k z_ik, sigma)

or, where patients may lie far out, Student-t with that centre and the scale sigma, which has no closed form. Sites are
as in `SiteModel`, whose log odds stand here for the mean at the mean baseline and the mean covariates. The mean is
linear in them, so that the difference between the arms is the same for all patients of a site: given covariates
(conditional) and averaged over the patients (marginal, by g-computation) it is one number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_lupil.errors import TrialError, UnsupportedModelError
from bayes_lupil.likelihoods.base import Likelihood, Pointwise
from bayes_lupil.likelihoods.normal_marginal import NormalCells, NormalSiteMarginal, not_in_closed_form
from bayes_lupil.likelihoods.site_effects import Parameter, SiteModel
from bayes_lupil.spec import ModelSpec

__all__ = ["NormalPatients"]

Floats = NDArray[np.float64]
Values = Mapping[str, Any]

_LOG_2PI = np.log(2 * np.pi)
_PATIENT = ("patient",)


class NormalPatients(Likelihood):
    """A model file met with one continuous value for each patient.

    Parameters
    ----------
    spec : ModelSpec
        With a prior for sigma; with one for gamma just where there is a baseline.
    site_names : sequence of str
    site : array of int, shape (patients,)
        Index of each patient's site among the names.
    arm : array of int, shape (patients,)
        0 for control, 1 for active; `spec.sites.coding` says what x becomes of it.
    y : array, shape (patients,)
    baseline : array, shape (patients,), optional
    shares : array, shape (sites,), optional
        Share at each site of the patients that the effect is averaged over; of those given if left out.
    covariates : dict of str to array, optional
        z_k by the name of its coefficient, shape (patients,) each; see `covariate_columns`.
    labels : dict of str to str, optional
        What a coefficient of 1 is the difference of.

    Raises
    ------
    TrialError
        Where the arrays are not what they must be.
    UnsupportedModelError
        Where the model's priors do not go with the data.
    """

    def __init__(
        self,
        spec: ModelSpec,
        site_names: Sequence[str],
        site: ArrayLike,
        arm: ArrayLike,
        y: ArrayLike,
        baseline: ArrayLike | None = None,
        shares: ArrayLike | None = None,
        covariates: Mapping[str, ArrayLike] | None = None,
        labels: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        if spec.sites.distribution == "exnex":
            raise UnsupportedModelError(
                f"model '{spec.name}'", "distribution = 'exnex' and a continuous end point", "a binary end point"
            )
        self.spec = spec
        self.site_names = tuple(site_names)
        self.sites = SiteModel(spec, len(self.site_names), covariates=tuple(covariates or ()))
        self.coefficient_labels = dict(labels)
        self.y = _finite("y", y)
        self.site = _index("site", site, len(self.site_names), self.y.size)
        self.arm = _index("arm", arm, 2, self.y.size)
        self.baseline = None if baseline is None else _finite("baseline", baseline, self.y.size)
        columns = [_finite(name, values, self.y.size) for name, values in (covariates or {}).items()]
        self.z = np.column_stack(columns) if columns else np.empty((self.y.size, 0))
        self.shares = None if shares is None else _finite("shares", shares, len(self.site_names))
        self._check_priors()

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Site parameters, gamma where there is a baseline, and sigma."""
        priors = self.spec.priors
        found = super().parameters
        if self.baseline is not None:
            assert priors.gamma is not None
            found = (*found, Parameter("gamma", priors.gamma))
        assert priors.sigma is not None
        found = (*found, Parameter("sigma", priors.sigma))
        return found if priors.error_df is None else (*found, Parameter("error_df", priors.error_df))

    def error_df(self, values: Values) -> Any:
        """Degrees of freedom of the patients' errors, a number or of shape (...); None where errors are normal."""
        errors = self.spec.errors
        if errors is None or errors.distribution == "normal":
            return None
        return values["error_df"] if errors.df is None else np.float64(errors.df)

    @property
    def coords(self) -> dict[str, Any]:
        """Sites, arms and patients, who are numbered."""
        return {**super().coords, "patient": list(range(self.y.size))}

    @cached_property
    def centred_baseline(self) -> Floats | None:
        """Baseline minus its mean over all patients, shape (patients,)."""
        return None if self.baseline is None else self.baseline - self.baseline.mean()

    @property
    def _regressors(self) -> Floats:
        """What has a slope: the centred baseline, where there is one, and the covariates, shape (patients, columns)."""
        return self.z if self.centred_baseline is None else np.column_stack([self.centred_baseline, self.z])

    @property
    def _slopes(self) -> tuple[str, ...]:
        """The parameters that are their slopes."""
        return self.sites.covariates if self.baseline is None else ("gamma", *self.sites.covariates)

    @cached_property
    def site_marginal(self) -> NormalSiteMarginal | None:
        """The likelihood with the site effects integrated out; None where there is no closed form.

        Raises
        ------
        UnsupportedModelError
            Where there is no closed form and the model file insists on quadrature.
        """
        if self.spec.sampler.engine != "quadrature" and not_in_closed_form(self.spec):
            return None
        theta = tuple(item for item in self.parameters if not item.dims)
        if self.spec.errors is not None and self.spec.errors.distribution != "normal":
            if self.spec.sampler.engine == "quadrature":
                raise UnsupportedModelError(
                    f"model '{self.spec.name}'", "engine 'quadrature' and Student-t errors", "engine 'nuts' (or 'auto')"
                )
            return None
        cells = NormalCells.from_patients(len(self.site_names), self.site, self.arm, self.y, self._regressors)
        return NormalSiteMarginal(self.sites, theta, cells, self._slopes)

    def probabilities(self, values: Values) -> Floats:  # noqa: ARG002
        """Refused: a continuous end point has `means`.

        Raises
        ------
        UnsupportedModelError
        """
        raise UnsupportedModelError(
            f"model '{self.spec.name}'", "a continuous end point", "a response, yes or no, for response probabilities"
        )

    def means(self, values: Values) -> Any:
        """Expected value at the mean baseline and covariates by site and arm, shape (..., sites, 2)."""
        return self.sites.linear_predictor(values)

    def residual_sd(self, values: Values) -> Floats:
        """SD of patients within a site and arm, shape (...): sigma, or more where errors are Student-t."""
        df = self.error_df(values)
        sigma = np.asarray(values["sigma"])
        return sigma if df is None else sigma * np.sqrt(np.asarray(df) / (np.asarray(df) - 2))

    def patient_means(self, values: Values) -> Any:
        """Expected value of each patient, shape (..., patients), in NumPy or PyTensor."""
        mean = self.means(values)[..., self.site, self.arm]
        for name, column in zip(self._slopes, self._regressors.T, strict=True):
            mean = mean + values[name][..., None] * column
        return mean

    def _observe(self, values: Values) -> None:
        import pymc as pm
        import pytensor.tensor as pt

        y = pm.Data("y", self.graph_data()["y"], dims=_PATIENT)
        sigma = values["sigma"]
        # not pm.Normal, which with a sigma of 0 is an error where NumPy says that the density is 0
        squares = ((y - self.patient_means(values)) / sigma) ** 2
        df = self.error_df(values)
        if df is None:
            density = -0.5 * (self.y.size * _LOG_2PI + pt.sum(squares))
        else:
            constant = pt.gammaln((df + 1) / 2) - pt.gammaln(df / 2) - 0.5 * pt.log(df * np.pi)
            density = self.y.size * constant - (df + 1) / 2 * pt.sum(pt.log1p(squares / df))
        pm.Potential("log_likelihood", density - self.y.size * pt.log(sigma))

    def _observe_drawn(self, values: Values) -> None:
        import pymc as pm

        df = self.error_df(values)
        pm.CustomDist(
            "y",
            self.patient_means(values),
            values["sigma"],
            *(() if df is None else (df,)),
            logp=_log_density,
            random=_draw,
            dims=_PATIENT,
            observed=pm.Data("values", self.y, dims=_PATIENT),
        )

    def graph_data(self) -> dict[str, NDArray[np.number[Any]]]:
        """The values; site, arm, baseline and covariates of each patient are part of the graph."""
        return {"y": self.y}

    def graph_key(self) -> str:
        """As of any likelihood; and who the patients are."""
        baseline = None if self.baseline is None else self.baseline.tolist()
        who = self.site.tolist(), self.arm.tolist(), baseline, self.z.tolist()
        return repr((super().graph_key(), *who, self.spec.errors))

    def pointwise(self, values: Values) -> Pointwise:
        """Log likelihood of each patient, shape (..., patients)."""
        sigma = np.asarray(values["sigma"])[..., None]
        residual = (self.y - self.patient_means(values)) / sigma
        df = self.error_df(values)
        if df is not None:
            from scipy import stats

            density = stats.t.logpdf(residual, np.asarray(df)[..., None])
            return Pointwise("y", density - np.log(sigma), _PATIENT)
        return Pointwise("y", -0.5 * (_LOG_2PI + residual**2) - np.log(sigma), _PATIENT)

    def log_likelihood(self, values: Values) -> Floats:
        """Sum over patients, shape (...)."""
        return np.asarray(self.pointwise(values).values.sum(axis=-1))

    def observed(self) -> Pointwise:
        """The patients' values."""
        return Pointwise("y", self.y, _PATIENT)

    def constants(self) -> list[Pointwise]:
        """Site and arm of each patient by number, and the baseline and covariates where there are any."""
        found = [Pointwise("site_index", self.site, _PATIENT), Pointwise("arm_index", self.arm, _PATIENT)]
        if self.baseline is not None:
            found.append(Pointwise("baseline", self.baseline, _PATIENT))
        names = [name.replace("gamma", "z", 1) for name in self.sites.covariates]
        return [*found, *(Pointwise(name, z, _PATIENT) for name, z in zip(names, self.z.T, strict=True))]

    def simulate(self, values: Values, rng: np.random.Generator) -> Pointwise:
        """Patients' values drawn given the parameters, shape (..., patients)."""
        mean = np.asarray(self.patient_means(values))
        spread = [np.asarray(item)[..., None] for item in (values["sigma"], self.error_df(values)) if item is not None]
        return Pointwise("y", _draw(mean, *spread, rng=rng, size=mean.shape), _PATIENT)

    def site_weights(self, values: Values) -> Floats:  # noqa: ARG002
        """Shares of patients, shape (sites,)."""
        if self.shares is not None:
            return self.shares
        return np.bincount(self.site, minlength=len(self.site_names)) / self.y.size

    def _check_priors(self) -> None:
        """Those of sigma and gamma: a covariate that one side has and the other has not must not be lost silently."""
        where, priors = f"model '{self.spec.name}'", self.spec.priors
        if priors.sigma is None:
            raise UnsupportedModelError(
                where, "no prior for sigma", "priors.sigma, because the end point is continuous"
            )
        if self.baseline is not None and priors.gamma is None:
            raise UnsupportedModelError(where, "no prior for gamma", "priors.gamma, because the data have a baseline")
        if self.baseline is None and priors.gamma is not None:
            raise UnsupportedModelError(
                where, "a prior for gamma and data without a baseline", "a baseline, or no priors.gamma"
            )


def _log_density(y: Any, mean: Any, sigma: Any, df: Any = None) -> Any:
    """Log density patient by patient, as a graph; where sigma is 0 it is no error."""
    import pytensor.tensor as pt

    squares = ((y - mean) / sigma) ** 2
    if df is None:
        return -0.5 * (_LOG_2PI + squares) - pt.log(sigma)
    constant = pt.gammaln((df + 1) / 2) - pt.gammaln(df / 2) - 0.5 * pt.log(df * np.pi)
    return constant - (df + 1) / 2 * pt.log1p(squares / df) - pt.log(sigma)


def _draw(mean: Any, sigma: Any, df: Any = None, *, rng: np.random.Generator, size: tuple[int, ...] | None) -> Any:
    """Values of patients; sigma and df are broadcast."""
    return rng.normal(mean, sigma, size) if df is None else mean + sigma * rng.standard_t(df, size)


def _finite(name: str, values: ArrayLike, size: int | None = None) -> Floats:
    """Numbers as they must be: in a row, as many as there are patients, none missing."""
    array = np.asarray(values, dtype=float)
    if array.ndim != 1 or array.size != (array.size if size is None else size) or not array.size:
        wanted = "one row of numbers" if size is None else f"{size} numbers, one for each value of y"
        raise TrialError("continuous end point", f"{name} of shape {array.shape}", wanted)
    if not np.isfinite(array).all():
        row = int(np.argmin(np.isfinite(array)))
        raise TrialError("continuous end point", f"{name} = {array[row]} in row {row + 1}", "a finite number")
    return array


def _index(name: str, values: ArrayLike, below: int, size: int) -> NDArray[np.int64]:
    """Whole numbers from 0 to below `below`."""
    array = _finite(name, values, size)
    wrong = (array != np.floor(array)) | (array < 0) | (array >= below)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise TrialError(
            "continuous end point", f"{name} = {array[row]:g} in row {row + 1}", f"a whole number, 0 to {below - 1}"
        )
    return array.astype(np.int64)
