"""Covariates of a continuous end point: the closed form against SciPy, least squares of statsmodels, refusals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from bayes_lupil import ModelSpec, fit, load_model
from bayes_lupil.errors import TrialError, UnsupportedModelError
from bayes_lupil.likelihoods import build_likelihood
from bayes_lupil.likelihoods.normal import NormalPatients
from bayes_lupil.likelihoods.normal_marginal import NormalSiteMarginal
from bayes_lupil.trials.end_point import Arms, EndPoint
from bayes_lupil.trials.measurements import Measurements
from bayes_lupil.trials.populations import Population
from bayes_lupil.trials.trial import Trial

WHY = "For this test only."
INTEGRAL = 1e-9
"""Relative: SciPy's density of at most 20 patients is by their covariance matrix, good to some 1e-12."""

# both arms; one patient an arm; control only; a single active patient; nobody; as many patients as columns
N_CELL = ((7, 6), (1, 1), (6, 0), (0, 1), (0, 0), (2, 2))
SITES = tuple("ABCDEF")
SITE = np.repeat(np.repeat(np.arange(6), 2), np.ravel(N_CELL))
ARM = np.repeat(np.tile([0, 1], 6), np.ravel(N_CELL))
_rng = np.random.default_rng(20261128)
BASELINE = np.round(_rng.normal(30, 6, SITE.size))
Z = {
    "gamma_age": _rng.normal(size=SITE.size),
    "gamma_sex": np.where(SITE == 2, -0.4, _rng.integers(0, 2, SITE.size) - 0.4),  # the same for everyone at a site
    "gamma_size": (SITE - 2.0) / 2,  # of the site
}
Y = (
    1.5
    - 0.8 * ARM
    + 0.1 * (BASELINE - 30)
    + 2 * Z["gamma_age"]
    + _rng.normal(size=6)[SITE]
    + _rng.normal(size=SITE.size)
)


def _spec(intercepts: str = "partial", effects: str = "partial", baseline: bool = True, **changes: Any) -> ModelSpec:
    normal = {"family": "normal", "mean": 0, "sd": 1.5, "reason": WHY}
    tau = {"tau_u": intercepts, "tau_v": effects}
    priors: dict[str, Any] = {f"priors__{name}": None for name, pooling in tau.items() if pooling != "partial"}
    priors |= {"priors__sigma": {"family": "half_normal", "sd": 3, "reason": WHY}, "priors__coefficients": normal}
    if baseline:
        priors["priors__gamma"] = normal
    sites = {"sites__intercepts": intercepts, "sites__effects": effects}
    return load_model("site_effects_adjusted").edited(**(priors | sites | changes))


def _likelihood(spec: ModelSpec) -> NormalPatients:
    return NormalPatients(spec, SITES, SITE, ARM, Y, BASELINE if spec.priors.gamma else None, None, Z)


@pytest.mark.parametrize("baseline", [True, False])
@pytest.mark.parametrize(
    ("intercepts", "effects"),
    [("pooled", "pooled"), ("partial", "pooled"), ("partial", "partial"), ("fixed", "partial")],
)
def test_the_marginal_is_a_multivariate_normal(intercepts: str, effects: str, baseline: bool) -> None:
    """Site by site against SciPy's density with the full covariance matrix of the patients."""
    likelihood = _likelihood(_spec(intercepts, effects, baseline))
    marginal = likelihood.site_marginal
    assert isinstance(marginal, NormalSiteMarginal)
    drawn = likelihood.prior_draws(6, np.random.default_rng(2))
    thetas = {item.name: drawn[item.name] for item in marginal.parameters}
    assert set(Z) < set(thetas)
    thetas["sigma"] = np.maximum(thetas["sigma"], 0.05)
    by_site, failed = marginal.log_sites(thetas)
    assert failed == 0
    priors, x = likelihood.spec.priors, np.array(likelihood.spec.sites.x)[ARM]
    for i in range(6):
        theta = {name: float(value[i]) for name, value in thetas.items()}
        mean = theta.get("alpha", priors.alpha.mean) + theta["beta"] * x  # type: ignore[union-attr]
        mean = mean + sum(theta[name] * z for name, z in Z.items())
        mean = mean + theta.get("gamma", 0.0) * (BASELINE - BASELINE.mean())
        su = {"pooled": 0.0, "partial": theta.get("tau_u", 0.0), "fixed": priors.alpha.sd}[intercepts]  # type: ignore[union-attr]
        sv = theta.get("tau_v", 0.0)
        for s in (0, 1, 2, 3, 5):
            here = s == SITE
            covariance = su**2 + sv**2 * np.outer(x[here], x[here]) + theta["sigma"] ** 2 * np.eye(here.sum())
            expected = stats.multivariate_normal.logpdf(Y[here], mean[here], covariance)
            assert by_site[i, s] == pytest.approx(expected, rel=INTEGRAL, abs=INTEGRAL)
        assert by_site[i, 4] == 0


def test_patient_means_by_hand() -> None:
    """The density given the site effects, patient by patient, against SciPy's with all terms written out."""
    likelihood = _likelihood(_spec())
    point = {name: value[0] for name, value in likelihood.prior_draws(1, np.random.default_rng(3)).items()}
    u, v, x = point["tau_u"] * point["e"], point["tau_v"] * point["f"], np.array(likelihood.spec.sites.x)[ARM]
    mean = point["alpha"] + u[SITE] + (point["beta"] + v[SITE]) * x + point["gamma"] * (BASELINE - BASELINE.mean())
    mean = mean + sum(point[name] * z for name, z in Z.items())
    by_patient = stats.norm.logpdf(Y, mean, point["sigma"])
    np.testing.assert_allclose(likelihood.pointwise(point).values, by_patient, rtol=1e-12)
    names = [item.name for item in likelihood.constants()]
    assert names == ["site_index", "arm_index", "baseline", "z_age", "z_sex", "z_size"]


@pytest.mark.stack
def test_pymc_and_numpy_agree() -> None:
    from pymc.model.transform.conditioning import remove_value_transforms
    from pytensor.compile.mode import Mode

    likelihood = _likelihood(_spec())
    model = remove_value_transforms(likelihood.pymc_model())
    density = model.compile_fn(model.logp(jacobian=False), mode=Mode(linker="py", optimizer="fast_run"))
    drawn = likelihood.prior_draws(5, np.random.default_rng(4))
    for i in range(5):
        point = {name: value[i] for name, value in drawn.items()}
        assert float(density(point)) == pytest.approx(float(likelihood.log_joint(point)), rel=1e-10)


def test_the_maximum_is_least_squares() -> None:
    """Of the likelihood of pooled sites at every sigma: coefficients and their errors of statsmodels, to rounding."""
    import statsmodels.api as sm

    likelihood = _likelihood(_spec("pooled", "pooled", sites__coding="reference"))
    marginal = likelihood.site_marginal
    assert marginal is not None
    names = ["alpha", "beta", "gamma", *Z]
    columns = [np.ones(Y.size), ARM, BASELINE - BASELINE.mean(), *Z.values()]
    theirs = sm.OLS(Y, np.column_stack(columns)).fit()
    step = 1e-2

    def value(moved: Any) -> float:
        theta = dict(zip(names, np.atleast_2d(theirs.params + moved).T, strict=True))
        return float(marginal.log_total({**theta, "sigma": np.ones(1)})[0][0])

    nothing, each = np.zeros(len(names)), step * np.eye(len(names))
    # quadratic in the coefficients, so that differences are derivatives: 0 at the maximum, and X'X
    slopes = [(value(e) - value(-e)) / (2 * step) for e in each]
    np.testing.assert_allclose(slopes, 0, atol=1e-8)
    bends = [-(value(e) + value(-e) - 2 * value(nothing)) / step**2 for e in each]
    np.testing.assert_allclose(bends, [np.sum(column**2.0) for column in columns], rtol=1e-6)


# met with a trial


def _trial(covariates: dict[str, Any], value: Any = None, baseline: Any = None) -> Trial:
    columns = {name: tuple(f"{x}" for x in values) for name, values in covariates.items()}
    site = tuple(SITES[s] for s in SITE)
    data = Measurements(site, ARM, Y if value is None else value, baseline, covariates=columns)
    point = EndPoint("change", "Change", "lower", "points", kind="continuous")
    everyone = {"itt": Population("itt", "all", "everyone")}
    return Trial("made up", "made up", Arms("placebo", "drug"), point, data, everyone, synthetic=True)


def _of(columns: list[str], baseline: bool = False) -> ModelSpec:
    return _spec(baseline=baseline, covariates__continuous=columns)


def test_columns_are_those_of_all_patients_in_the_data() -> None:
    age = np.round(40 + 10 * Z["gamma_age"], 3)
    value = np.where(np.arange(Y.size) == 3, np.nan, Y)
    likelihood = build_likelihood(_of(["age"]), _trial({"age": age}, value))
    assert isinstance(likelihood, NormalPatients)
    assert likelihood.coefficient_labels == {"gamma_age": f"age, by SD ({age.std():.3g})"}
    kept = np.arange(Y.size) != 3
    # by the SD of everyone, around the mean of those analysed
    np.testing.assert_allclose(likelihood.z[:, 0], (age[kept] - age[kept].mean()) / age.std(), rtol=1e-9)
    assert likelihood.y.size == Y.size - 1


AGE = np.round(40 + 10 * Z["gamma_age"], 3)
REFUSED: dict[str, tuple[list[str], dict[str, Any], str]] = {
    "the outcome": (["a"], {"a": Y}, "each patient's outcome follows"),
    "the outcome in other units": (["a"], {"a": 32 - 1.8 * Y}, "each patient's outcome follows"),
    "the outcome, rounded": (["a"], {"a": np.round(Y, 1)}, "each patient's outcome follows"),
    "the follow-up": (["a"], {"a": Y + BASELINE}, "with the baseline outcomes follow but for 1 %"),
    "the follow-up, rounded": (
        ["a"],
        {"a": np.round(Y + BASELINE, 1)},
        "with the baseline outcomes follow but for 1 %",
    ),
    "the follow-up beside age": (["age", "a"], {"age": AGE, "a": Y + BASELINE}, "outcomes follow but for 1 %"),
    "the baseline": (["a"], {"a": BASELINE}, "which the baseline tells exactly"),
    "the baseline in other units": (["age", "a"], {"age": AGE, "a": 3 * BASELINE + 1}, "the baseline tells exactly"),
    "the arm": (["a"], {"a": ARM}, "who was in which arm"),
    "the site": (["a"], {"a": SITE}, "a value of its own for each site"),
    "no such column": (["b"], {"a": AGE}, "no column 'b'"),
    "texts": (["a"], {"a": ["old"] * Y.size}, "numbers"),
    "a value missing": (["a"], {"a": ["", *AGE[1:]]}, "no value for 1 of"),
    "one value": (["a"], {"a": np.ones(Y.size)}, "values that differ"),
    "each other": (["a", "b"], {"a": AGE, "b": 2 * AGE}, "what the others tell exactly"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_covariate_is_refused(case: str) -> None:
    columns, given, told = REFUSED[case]
    with pytest.raises((TrialError, UnsupportedModelError), match=told):
        build_likelihood(_of(columns, baseline=True), _trial(given, baseline=BASELINE))


def test_follow_up_and_baseline_as_covariates_are_refused_without_a_baseline_too() -> None:
    given = {"before": BASELINE, "after": np.round(Y + BASELINE, 1)}
    with pytest.raises(UnsupportedModelError, match="from which outcomes follow but for 1 %"):
        build_likelihood(_of(["before", "after"]), _trial(given))


def test_a_baseline_that_tells_nearly_all_is_no_fault_of_a_covariate() -> None:
    nearly = Y + 1e-3 * Z["gamma_age"]
    build_likelihood(_of(["age"], baseline=True), _trial({"age": np.round(_rng.normal(size=Y.size), 2)}, None, nearly))


def test_means_are_of_the_patients_analysed() -> None:
    """Leaving the young out moves no mean of the others: the posterior of an arm's mean is near its average."""
    old = Z["gamma_age"] > 0
    trial = _trial({"age": AGE})
    data = Measurements(trial.data.site, ARM, Y, None, flags={"old": old}, covariates={"age": tuple(map(str, AGE))})
    some = replace(
        trial, data=data, populations={**trial.populations, "old": Population("old", "old", "for this test")}
    )
    spec = _spec("pooled", "pooled", False, covariates__continuous=["age"], population="old", sampler__points=1024)
    found = fit(spec.edited(priors__alpha__sd=20, priors__beta__sd=20), some)
    z = (AGE - AGE.mean()) / AGE.std()
    x = np.column_stack([np.ones(old.sum()), ARM[old], z[old] - z[old].mean()])
    theirs = np.linalg.lstsq(x, Y[old], rcond=None)[0]
    assert found.row("mean_control").mean == pytest.approx(theirs[0], abs=0.3)
    assert found.row("mean_active").mean == pytest.approx(theirs[0] + theirs[1], abs=0.3)


def test_the_hash_of_a_trial_knows_its_covariates_only_where_there_are_any() -> None:
    without, with_age = _trial({}), _trial({"age": AGE})
    assert "covariates" not in without.data.content()
    assert without.data_hash != with_age.data_hash
    order = np.random.default_rng(5).permutation(Y.size)
    site = tuple(SITES[s] for s in SITE[order])
    moved = Measurements(site, ARM[order], Y[order], covariates={"age": tuple(f"{x}" for x in AGE[order])})
    assert moved.content() == with_age.data.content()
