"""The fitted joint model: separate fits where nothing is correlated, joint probabilities, refusals, the hard case."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray
from scipy import special

from bayes_lupil import Arms, Cells, EndPoint, ModelSpec, Trial, fit, load_model
from bayes_lupil.endpoints.joint.data import JointData, JointOutcome
from bayes_lupil.endpoints.joint.model import JointModel
from bayes_lupil.endpoints.joint.posterior import Chance, JointPosterior, fit_joint, quantities
from bayes_lupil.endpoints.probability_bounds import cumulative_bounds
from bayes_lupil.engines import run_engine
from bayes_lupil.errors import OutputError, TrialError, UnsupportedModelError
from bayes_lupil.likelihoods.normal import NormalPatients
from bayes_lupil.posterior.diagnostics import mcse_mean, mcse_proportion
from bayes_lupil.priors import LKJ
from bayes_lupil.spec import Sampler
from tests.proofs import FIT

MANY = 4.0
"""Combined Monte Carlo errors that two posteriors may lie apart."""
WHY = "for this test only"
LKJ_2 = LKJ(eta=2, reason=WHY)
Floats = NDArray[np.float64]


def _normal(sd: float) -> dict[str, Any]:
    return {"family": "normal", "mean": 0, "sd": sd, "reason": WHY}


def _half(sd: float) -> dict[str, Any]:
    return {"family": "half_normal", "sd": sd, "reason": WHY}


RESPONSE = load_model("site_effects").edited(name="response")
CHANGE = RESPONSE.edited(
    name="change", priors__alpha=_normal(5), priors__beta=_normal(3), priors__tau_u=_half(2), priors__tau_v=_half(1),
    priors__sigma=_half(5), priors__gamma=_normal(1),
)  # fmt: skip
PLAIN = CHANGE.edited(name="plain", priors__gamma=None)


def _trial(patients: int = 100, sites: int = 25, seed: int = 3, r: float = 0.95, missing: float = 0.1) -> JointData:
    """A response and two changes correlated by r, as of the absolute and the relative change of one score."""
    rng = np.random.default_rng(seed)
    site, arm = np.arange(patients) % sites, np.arange(patients) // sites % 2
    matrix = np.array([[1, -0.6, -0.6], [-0.6, 1, r], [-0.6, r, 1]])
    q = rng.multivariate_normal(np.zeros(3), matrix, size=patients)
    u = 0.3 * rng.multivariate_normal(np.zeros(3), matrix, size=sites)[site]
    baseline = 6 + rng.poisson(4, patients).astype(float)
    response = (q[:, 0] + u[:, 0] + 0.5 * arm > 0).astype(float)
    absolute = -4 - 1.0 * arm - 0.4 * (baseline - 10) + 3 * (q[:, 1] + u[:, 1])
    relative = -0.4 - 0.1 * arm + 0.3 * (q[:, 2] + u[:, 2])
    gone = rng.random(patients) < missing
    absolute[gone], relative[gone] = np.nan, np.nan
    rest = PLAIN.edited(
        name="relative", priors__alpha=_normal(0.5), priors__beta=_normal(0.3), priors__tau_u=_half(0.2),
        priors__tau_v=_half(0.1), priors__sigma=_half(0.5),
    )  # fmt: skip
    outcomes = (
        JointOutcome("response", "Response", RESPONSE, "binary", "higher", response),
        JointOutcome("absolute", "Absolute change", CHANGE, "continuous", "lower", absolute, baseline),
        JointOutcome("relative", "Relative change", rest, "continuous", "lower", relative),
    )
    return JointData(outcomes, tuple(f"site {s + 1}" for s in range(sites)), site, arm)


# what is made of draws, without a sampler


@pytest.fixture
def made_up() -> JointPosterior:
    """Draws that are independent, of three effects with known signs."""
    rng, data = np.random.default_rng(4), _trial()
    shared = rng.standard_normal((4, 1000, 1))
    effect = 0.8 * shared + 0.6 * rng.standard_normal((4, 1000, 3)) + np.array([0.5, -1.0, 0.2])
    group = xr.Dataset(
        {"effect": (("chain", "draw", "end_point"), effect)}, coords={"end_point": ["response", "absolute", "relative"]}
    )
    stats = xr.Dataset({"diverging": (("chain", "draw"), np.zeros((4, 1000), dtype=bool))})
    tree = xr.DataTree.from_dict({"posterior": group, "sample_stats": stats})
    return JointPosterior(tree, data, "none", {})


def test_chances(made_up: JointPosterior) -> None:
    """Counted by hand; lower is better for the second and third; each within Frechet's bounds of the margins."""
    found = made_up.chances()
    assert found is not None
    good = np.array([1, -1, -1]) * made_up.data["posterior"]["effect"].values > 0
    for k, row in enumerate(found):
        assert row.name == made_up.joint.names[k]
        assert row.benefit == good[..., k].mean()
        assert row.all_above == good[..., : k + 1].all(axis=-1).mean()
        # independent draws: binomial errors, within 10 %, the error that an estimated effective size may have
        assert row.benefit_mcse == pytest.approx(np.sqrt(row.benefit * (1 - row.benefit) / 4000), rel=0.1)
        assert row.all_above_mcse == pytest.approx(np.sqrt(row.all_above * (1 - row.all_above) / 4000), rel=0.1)
    _within_bounds(found)
    # correlated effects: not the product
    assert abs(found[1].all_above - found[0].benefit * found[1].benefit) > MANY * found[1].all_above_mcse


def _within_bounds(found: tuple[Chance, ...]) -> None:
    bounds = cumulative_bounds([row.benefit for row in found], [row.benefit_mcse for row in found])
    for row, bound in zip(found, bounds, strict=True):
        assert bound.lower - 1e-12 <= row.all_above <= bound.upper + 1e-12


def test_no_probability_where_diagnostics_fail(made_up: JointPosterior) -> None:
    tree = made_up.data.copy(deep=True)
    tree["sample_stats"]["diverging"][0, 0] = True
    failed = replace(made_up, data=tree)
    assert not failed.verdict.ok
    assert failed.chances() is None
    assert made_up.verdict.ok


def test_quantities_by_hand() -> None:
    """Effects, correlations and SDs of one draw from the prior, written out."""
    data = _trial(patients=12, sites=3, missing=0.0)
    model = JointModel(data, LKJ_2, RESPONSE.sampler)
    values = {name: value[None] for name, value in model.prior_draws(3, np.random.default_rng(5)).items()}
    found = quantities(model, values)
    effects = model.site_effects(values)
    weights = np.bincount(data.site) / 12
    for k, item in enumerate(data.outcomes):
        for draw in range(3):
            level = values[f"alpha_{k}"][0, draw] + effects["u"][0, draw, k]
            slope = values[f"beta_{k}"][0, draw] + effects["v"][0, draw, k]
            if item.kind == "binary":
                by_site = special.expit(level + slope / 2) - special.expit(level - slope / 2)
            else:
                by_site = slope
            chosen = found["effect"].sel(end_point=item.name).values[0, draw]
            assert chosen == pytest.approx((weights * by_site).sum(), rel=1e-12)
    # the first two in the order of conditioning are the continuous ones: their correlation is a partial one of nothing
    pair = found["correlation"].sel(pair_patients="absolute ~ relative").values
    np.testing.assert_allclose(pair, 2 * values["share"][..., 0] - 1, rtol=1e-12)
    for kind in "uv":
        np.testing.assert_allclose(found[f"tau_{kind}_absolute"], found[f"sd_{kind}_absolute"], rtol=1e-12)
        assert (np.abs(found[f"correlation_{kind}"]) <= 1).all()


def test_pooled_end_points_have_no_site_rows() -> None:
    """A zero for a pooled site effect would be a quantity without any spread, on which no diagnostic can be had."""
    data = _trial(patients=12, sites=3, missing=0.0)
    pooled = PLAIN.edited(sites__intercepts="pooled", priors__tau_u=None)
    outcomes = (*data.outcomes[:2], replace(data.outcomes[2], spec=pooled))
    model = JointModel(replace(data, outcomes=outcomes), LKJ_2, RESPONSE.sampler)
    values = {name: value[None] for name, value in model.prior_draws(50, np.random.default_rng(6)).items()}
    found = quantities(model, values)
    assert all((np.ptp(variable.values, axis=1) > 0).all() for variable in found.data_vars.values())
    assert found["u"].sizes["end_point_u"] == 2


# against separate fits


@pytest.mark.proof(*FIT, "endpoints")
def test_uncorrelated_is_separate() -> None:
    """With nothing correlated: the separate fits of the other engine, and P(all) is the product of the P's."""
    data = _trial(patients=96, sites=8, seed=7)
    sampler = Sampler(seed=8, draws=4000, target_accept=0.95)
    joint = fit_joint(data, patients=None, sampler=sampler)
    assert joint.verdict.ok, joint.verdict.text
    group = joint.data["posterior"]
    response, absolute, relative = data.outcomes
    n, y = np.zeros((8, 2), dtype=int), np.zeros((8, 2), dtype=int)
    np.add.at(n, (data.site, data.arm), 1)
    np.add.at(y, (data.site, data.arm), response.y.astype(int))
    trial = Trial.from_cells(Cells(data.site_names, y, n), Arms("placebo", "drug"), EndPoint("response", "Response"))
    binary = fit(RESPONSE, trial)
    assert binary.provenance.sampler.startswith("quadrature")
    pairs = {f"{name} of response": (group[f"{name}_response"].values, binary.draws(name)) for name in _SHARED}
    pairs["risk difference"] = (joint.effect("response"), binary.draws("risk_difference"))
    for item in (absolute, relative):
        seen = item.observed
        baseline = None if item.baseline is None else item.baseline[seen]
        alone = NormalPatients(item.spec, data.site_names, data.site[seen], data.arm[seen], item.y[seen], baseline)
        values = run_engine(alone).values
        names = [*_SHARED, "sigma", *(["gamma"] if item.baseline is not None else [])]
        pairs |= {f"{name} of {item.name}": (group[f"{name}_{item.name}"].values, values[name]) for name in names}
        difference = values["beta"] + alone.sites.effects(values)["v"] @ data.site_weights
        pairs[f"mean difference, {item.name}"] = (joint.effect(item.name), difference)
    far = {}
    for name, (ours, theirs) in pairs.items():
        centre = theirs.mean()
        for what, a, b in (("mean", ours, theirs), ("spread", (ours - centre) ** 2, (theirs - centre) ** 2)):
            apart = abs(a.mean() - b.mean()) / np.hypot(mcse_mean(a), mcse_mean(b))
            if apart > MANY:
                far[f"{name}, {what}"] = apart
    assert far == {}
    chances = joint.chances()
    assert chances is not None
    _within_bounds(chances)
    for k in (1, 2):
        p = np.array([row.benefit for row in chances[: k + 1]])
        errors = np.array([row.benefit_mcse for row in chances[: k + 1]]) / p * p.prod()
        assert abs(chances[k].all_above - p.prod()) < MANY * np.hypot(
            chances[k].all_above_mcse, np.sqrt((errors**2).sum())
        )


_SHARED = ("alpha", "beta", "tau_u", "tau_v")


@pytest.mark.proof(*FIT, "endpoints")
def test_correlated_outcomes_of_one_score(tmp_path: Path) -> None:
    """100 patients at 25 sites, residuals correlated by 0.95, with gaps: the settings of a model file as they are."""
    data = _trial()
    joint = fit_joint(data, patients=LKJ_2, sampler=RESPONSE.sampler)
    assert joint.verdict.ok, joint.verdict.text
    table = joint.correlations()
    within = table.loc["patients"]
    for pair, truth in (("absolute ~ relative", 0.95), ("response ~ absolute", -0.6)):
        assert within.loc[pair, "lower"] < truth < within.loc[pair, "upper"]
    chances = joint.chances()
    assert chances is not None
    _within_bounds(chances)
    # two measures of one thing: both together are nearly as probable as the less probable one, not as their product
    good = {item.name: item.sign * joint.effect(item.name) > 0 for item in data.outcomes}
    both = good["absolute"] & good["relative"]
    product = good["absolute"].mean() * good["relative"].mean()
    assert both.mean() - product > MANY * mcse_proportion(both, 1000.0)
    data = tmp_path / "patients.csv"
    data.write_text("site,arm\n")
    with pytest.raises(OutputError, match="no saved posterior"):
        joint.save(data)
    assert data.read_text() == "site,arm\n"
    path = joint.save(tmp_path / "joint.nc")
    with xr.open_datatree(path, engine="h5netcdf") as opened:
        np.testing.assert_array_equal(opened["posterior"]["effect"].values, joint.data["posterior"]["effect"].values)
        assert set(opened.children) >= {"posterior", "prior", "sample_stats", "observed_data"}


# refusals


def _outcome(spec: ModelSpec = PLAIN, kind: str = "continuous", **changes: Any) -> JointOutcome:
    given = {"name": "x", "label": "X", "benefit": "higher", "y": np.array([0.0, 1.0, np.nan, 1.0])} | changes
    return JointOutcome(spec=spec, kind=kind, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("spec", "kind", "baseline", "found"),
    [
        (load_model("site_fixed"), "binary", None, "fixed"),
        (load_model("site_student_t"), "binary", None, "student_t"),
        (PLAIN, "binary", None, "a prior for sigma"),
        (RESPONSE, "continuous", None, "no prior for sigma"),
        (CHANGE, "continuous", None, "a prior for gamma"),
        (PLAIN, "continuous", np.arange(4.0), "no prior for gamma"),
        (RESPONSE, "binary", np.arange(4.0), "a baseline"),
        (load_model("site_effects_adjusted"), "binary", None, "no \\[covariates\\] in a joint model"),
        (load_model("site_in_country"), "binary", None, "no \\[countries\\] in a joint model"),
    ],
)
def test_unsupported_models(spec: ModelSpec, kind: str, baseline: Floats | None, found: str) -> None:
    with pytest.raises(UnsupportedModelError, match=found):
        _outcome(spec, kind, baseline=baseline)


def test_correlated_levels_and_effects_are_unsupported() -> None:
    spec = RESPONSE.edited(sites__correlated=True, priors__correlation={"family": "lkj", "eta": 2, "reason": WHY})
    with pytest.raises(UnsupportedModelError, match="correlated"):
        _outcome(spec, "binary")


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"y": np.full(4, np.nan)}, "no value"),
        ({"y": np.array([1.0, np.inf])}, "infinity"),
        ({"y": np.zeros((2, 2))}, "shape"),
        ({"benefit": "up"}, "benefit = 'up'"),
    ],
)
def test_bad_outcomes(changes: dict[str, Any], found: str) -> None:
    with pytest.raises(TrialError, match=found):
        _outcome(**changes)


def test_bad_binary_and_baseline() -> None:
    with pytest.raises(TrialError, match="2 in row 2"):
        _outcome(RESPONSE, "binary", y=np.array([0.0, 2.0, np.nan]))
    with pytest.raises(TrialError, match="no baseline in row 2"):
        _outcome(CHANGE, baseline=np.array([1.0, np.nan, np.nan, 2.0]))
    with pytest.raises(TrialError, match="3 baselines"):
        _outcome(CHANGE, baseline=np.arange(3.0))


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"outcomes": ()}, "no outcome"),
        ({"outcomes": (_outcome(), _outcome())}, "'x' twice"),
        ({"outcomes": (_outcome(), _outcome(name="z", y=np.ones(3)))}, "3 patients"),
        ({"site_names": ("A", "A")}, "'A' twice"),
        ({"site": np.array([0, 1, 2, 0])}, "site = 2"),
        ({"arm": np.array([0, 0, 0, 0])}, "nobody in the active arm"),
        ({"arm": np.array([0, 1])}, "shape"),
    ],
)
def test_bad_data(changes: dict[str, Any], found: str) -> None:
    given = {
        "outcomes": (_outcome(),), "site_names": ("A", "B"), "site": np.array([0, 1, 0, 1]),
        "arm": np.array([0, 0, 1, 1]),
    } | changes  # fmt: skip
    with pytest.raises(TrialError, match=found):
        JointData(**given)


def test_weights_are_of_all_patients() -> None:
    data = JointData((_outcome(),), ("A", "B"), np.array([0, 0, 0, 1]), np.array([0, 1, 0, 1]))
    assert data.site_weights.tolist() == [0.75, 0.25]
    other = JointData((_outcome(y=np.array([0.0, 1.0, 1.0, np.nan])),), ("A", "B"), data.site, data.arm)
    assert data.data_hash != other.data_hash
