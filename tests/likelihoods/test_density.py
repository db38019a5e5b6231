"""The chain of densities: PyMC's joint log density is NumPy's `log_joint`, constants included, at any point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from bayes_lupil import Arms, Cells, EndPoint, Margins, ModelSpec, Trial, load_model
from bayes_lupil.likelihoods import BinomialCells, Likelihood, MarginsLikelihood, build_likelihood

RELATIVE = 1e-10
"""Declared by the design; rounding over some 100 terms comes to about 1e-14."""

POOLINGS = ("pooled", "partial", "fixed")
# a site without one responder, one with responders only, one with a single arm
TABLE = Cells(
    ("none", "all", "one arm", "mixed"),
    np.array([[0, 0], [7, 9], [0, 3], [4, 6]]),
    np.array([[8, 6], [7, 9], [0, 5], [11, 12]]),
)
MARGINS = Margins(((9, 20), (13, 19)), ((5, 11), (8, 8)), "pp", ("X", "Y"), 5, impossible_at_excluded=((0, 0),))
ARMS, END_POINT = Arms("placebo", "drug"), EndPoint("cure", "Cure")


def _spec(intercepts: str, effects: str, coding: str = "centred") -> ModelSpec:
    spec = load_model("site_effects")
    tau = {"tau_u": intercepts, "tau_v": effects}
    unused = {f"priors__{name}": None for name, pooling in tau.items() if pooling != "partial"}
    return spec.edited(sites__intercepts=intercepts, sites__effects=effects, sites__coding=coding, **unused)


def _likelihood(spec: ModelSpec, data: Cells | Margins) -> Likelihood:
    trial = Trial.from_cells(TABLE, ARMS, END_POINT)
    return build_likelihood(spec, replace(trial, data=data))


def _function(likelihood: Likelihood, gradient: bool = False) -> Any:
    """PyMC's joint log density at untransformed values, so without any Jacobian; run by Python, without compiling."""
    from pymc.model.transform.conditioning import remove_value_transforms
    from pytensor.compile.mode import Mode

    model = remove_value_transforms(likelihood.pymc_model())
    mode = Mode(linker="py", optimizer="fast_run")
    return model.compile_fn(model.dlogp() if gradient else model.logp(jacobian=False), mode=mode)


def _extremes(likelihood: Likelihood) -> list[dict[str, Any]]:
    """Prior points with some values pushed to where floating point gives way."""
    rng = np.random.default_rng(20260301)
    (start,) = _points(likelihood, 1, rng)
    found = []
    for alpha, beta in ((40.0, -3.0), (-40.0, 3.0), (300.0, 250.0), (-300.0, -250.0), (0.0, 800.0)):
        change = {"alpha": np.full_like(start["alpha"], alpha), "beta": np.full_like(start["beta"], beta)}
        found.append({**start, **change})
    taus = [name for name in ("tau_u", "tau_v") if name in start]
    found += [{**start, **dict.fromkeys(taus, np.asarray(tau))} for tau in (1e-12, 25.0)]
    if "retention" in start:
        shares = np.full_like(start["site_share"], 1e-200)
        for certain in (0, -1):  # all patients at an excluded, or an ordinary, site
            lopsided = shares.copy()
            lopsided[certain] = 1.0
            found.append({**start, "site_share": lopsided})
        found += [{**start, "retention": np.full((2, 2), rho)} for rho in (1e-200, 1e-12, 1 - 1e-12)]
    return found


def _points(likelihood: Likelihood, many: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    drawn = likelihood.prior_draws(many, rng)
    return [{name: value[i] for name, value in drawn.items()} for i in range(many)]


def _agree(likelihood: Likelihood) -> None:
    density = _function(likelihood)
    points = _points(likelihood, 10, np.random.default_rng(20260302)) + _extremes(likelihood)
    for point in points:
        ours, theirs = float(likelihood.log_joint(point)), float(density(point))
        assert np.isfinite(ours), point
        assert theirs == pytest.approx(ours, rel=RELATIVE, abs=RELATIVE), point


@pytest.mark.stack
@pytest.mark.parametrize("coding", ["centred", "reference"])
@pytest.mark.parametrize("effects", POOLINGS)
@pytest.mark.parametrize("intercepts", POOLINGS)
def test_cells(intercepts: str, effects: str, coding: str) -> None:
    likelihood = _likelihood(_spec(intercepts, effects, coding), TABLE)
    assert isinstance(likelihood, BinomialCells)
    _agree(likelihood)


@pytest.mark.parametrize("coding", ["centred", "reference"])
@pytest.mark.parametrize(
    ("intercepts", "effects"), [("partial", "pooled"), ("pooled", "partial"), ("partial", "partial")]
)
@pytest.mark.parametrize("data", [MARGINS, replace(MARGINS, impossible_at_excluded=())], ids=["impossible", "open"])
def test_margins(data: Margins, intercepts: str, effects: str, coding: str) -> None:
    likelihood = _likelihood(_spec(intercepts, effects, coding), data)
    assert isinstance(likelihood, MarginsLikelihood)
    _agree(likelihood)


@pytest.mark.stack
@pytest.mark.parametrize("data", [TABLE, MARGINS], ids=["cells", "margins"])
def test_gradient_is_finite_at_the_extremes(data: Cells | Margins) -> None:
    """NUTS needs it there: it visits such points while it tunes."""
    likelihood = _likelihood(_spec("partial", "partial"), data)
    gradient = _function(likelihood, gradient=True)
    for point in _extremes(likelihood):
        assert np.isfinite(gradient(point)).all(), point


def test_cells_by_hand() -> None:
    """Both densities could be wrong alike: the binomial one against SciPy's, cell by cell, at ordinary points."""
    likelihood = _likelihood(_spec("partial", "partial", "reference"), TABLE)
    (point,) = _points(likelihood, 1, np.random.default_rng(1))
    by_cell = np.zeros((4, 2))
    for s in range(4):
        for a in (0, 1):
            slope = point["beta"] + point["tau_v"] * point["f"][s]
            eta = point["alpha"] + point["tau_u"] * point["e"][s] + slope * a
            by_cell[s, a] = stats.binom.logpmf(TABLE.responders[s, a], TABLE.n[s, a], 1 / (1 + np.exp(-eta)))
    some = TABLE.n > 0  # a cell without patients is no observation
    np.testing.assert_allclose(likelihood.pointwise(point).values, by_cell[some], rtol=RELATIVE, atol=RELATIVE)
    prior = (
        stats.norm.logpdf(point["alpha"], 0, 1.5)
        + stats.norm.logpdf(point["beta"], 0, 1)
        + stats.halfnorm.logpdf(point["tau_u"], 0, 1)
        + stats.halfnorm.logpdf(point["tau_v"], 0, 0.5)
        + stats.norm.logpdf(point["e"]).sum()
        + stats.norm.logpdf(point["f"]).sum()
    )
    assert float(likelihood.log_joint(point)) == pytest.approx(prior + by_cell.sum(), rel=RELATIVE)


def test_a_wrong_density_is_found() -> None:
    """Half a patient more in one cell, or the other coding, must show."""
    spec = _spec("partial", "partial")
    right = _likelihood(spec, TABLE)
    (point,) = _points(right, 1, np.random.default_rng(2))
    density = float(_function(right)(point))
    more = TABLE.n.copy()
    more[3, 0] += 1
    for wrong in (
        _likelihood(spec, Cells(TABLE.sites, TABLE.responders, more)),
        _likelihood(_spec("partial", "partial", "reference"), TABLE),
    ):
        assert float(wrong.log_joint(point)) != pytest.approx(density, rel=1e-3)


@pytest.mark.stack
@pytest.mark.parametrize("data", [TABLE, MARGINS], ids=["cells", "margins"])
def test_leading_axes(data: Cells | Margins) -> None:
    """Densities of many draws at once are those of each draw by itself."""
    likelihood = _likelihood(_spec("partial", "partial"), data)
    drawn = likelihood.prior_draws(6, np.random.default_rng(3))
    stacked: Mapping[str, Any] = {name: value.reshape(2, 3, *value.shape[1:]) for name, value in drawn.items()}
    singly = [likelihood.log_joint({name: value[i] for name, value in drawn.items()}) for i in range(6)]
    np.testing.assert_allclose(likelihood.log_joint(stacked), np.reshape(singly, (2, 3)), rtol=1e-13)
    pointwise = likelihood.pointwise(stacked).values
    total = pointwise.reshape(2, 3, -1).sum(axis=-1)
    np.testing.assert_allclose(total, likelihood.log_likelihood(stacked), rtol=1e-12)
