"""Tipping points of binary end points: named points, direct refits, directions, thinning."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_lupil import Arms, Cells, EndPoint, Trial, fit, load_model
from bayes_lupil.endpoints.tipping import imputed_counts
from bayes_lupil.endpoints.tipping.imputed_counts import imputed_counts_surface
from bayes_lupil.endpoints.tipping.surface import Surface
from bayes_lupil.errors import InputError
from tests.proofs import FIT

MANY = 4.0
"""Combined Monte Carlo errors."""
SITES = ("A", "B", "C", "D", "E", "F")
RESPONDERS = np.array([[3, 5], [2, 4], [4, 4], [1, 3], [5, 6], [0, 0]])
N = np.array([[6, 6], [5, 5], [5, 6], [4, 4], [7, 7], [0, 1]])
MISSING = np.array([[1, 0], [0, 2], [1, 1], [0, 1], [1, 0], [1, 0]])
ARMS = Arms("placebo", "drug")
SPEC = load_model("sri4").edited(end_point="primary")


def _surface(benefit: str = "higher", **changes) -> Surface:
    given = {"rule": "non_responder", "allocations": 4, **changes}
    point = EndPoint("x", "Response", benefit)
    return imputed_counts_surface(SPEC, SITES, RESPONDERS, N, MISSING, point, ARMS, **given)


@pytest.fixture(scope="module")
def surface() -> Surface:
    return _surface()


def _direct(responders, n, engine: str = "auto", benefit: str = "higher"):
    some = n.sum(axis=1) > 0
    cells = Cells(tuple(s for s, k in zip(SITES, some, strict=True) if k), responders[some], n[some])
    trial = Trial.from_cells(cells, ARMS, EndPoint("x", "Response", benefit))
    post = fit(SPEC.edited(sampler__engine=engine, sampler__seed=99), trial)
    assert post.p_benefit is not None, post.verdict.text
    return post.p_benefit


def _close(p: float, mcse: float, other) -> None:
    assert abs(p - other.probability) < MANY * np.hypot(mcse, other.mcse)


def test_named_points_are_direct_fits(surface: Surface) -> None:
    """Each by `fit` on the table written out by hand, with another seed."""
    ill, well = np.array([[1, 0]]) * MISSING, np.array([[0, 1]]) * MISSING
    for name, extra in (("non_responder", 0), ("worst_case", ill), ("best_case", well)):
        point = surface.point(name)
        _close(point.p, point.mcse, _direct(RESPONDERS + extra, N + MISSING))
        i, j = surface.control.tolist().index(point.control), surface.active.tolist().index(point.active)
        assert (point.p, point.mcse, point.on_grid) == (surface.p[i, j], surface.mcse[i, j], True)
    seen = surface.point("complete_cases")
    _close(seen.p, seen.mcse, _direct(RESPONDERS, N))
    assert not seen.on_grid
    assert seen.control == pytest.approx(4 * 15 / 27)


def test_twenty_random_cells_are_direct_fits(surface: Surface) -> None:
    """One allocation, so that the table of a cell can be written out; all cells are there, in random order."""
    one = _surface(allocations=1)
    rng = np.random.default_rng(4)
    cells = [(i, j) for i in range(one.control.size) for j in range(one.active.size)]
    assert len(cells) == 25
    seed = np.random.SeedSequence([SPEC.sampler.seed, 5]).spawn(1)[0]
    for k in rng.permutation(len(cells))[:20]:
        i, j = cells[k]
        counts = (int(one.control[i]), int(one.active[j]))
        table = imputed_counts._filled(RESPONDERS, N, MISSING, counts, seed)
        added = table[0] - RESPONDERS
        assert added.sum(axis=0).tolist() == list(counts)
        assert ((added >= 0) & (added <= MISSING)).all()
        _close(one.p[i, j], one.mcse[i, j], _direct(*table))


@pytest.mark.proof(*FIT, "endpoints")
def test_corners_by_the_other_engine(surface: Surface) -> None:
    for name, extra in (("non_responder", 0), ("worst_case", MISSING * [[1, 0]])):
        point = surface.point(name)
        _close(point.p, point.mcse, _direct(RESPONDERS + extra, N + MISSING, "nuts"))


def test_more_responders_help_the_arm_that_has_them(surface: Surface) -> None:
    slack = MANY * surface.mcse.max()
    assert (np.diff(surface.p, axis=1) > -slack).all()
    assert (np.diff(surface.p, axis=0) < slack).all()
    assert surface.p[0, -1] == surface.p.max()
    assert surface.p[-1, 0] == surface.p.min()


def test_the_direction_of_benefit_turns_worst_and_best() -> None:
    lower = _surface("lower", rule="complete_cases")
    worst, best = lower.point("worst_case"), lower.point("best_case")
    assert (worst.control, worst.active) == (0, 4)
    assert (best.control, best.active) == (4, 0)
    assert worst.p < best.p
    assert lower.points[0].name == "complete_cases"
    _close(worst.p, worst.mcse, _direct(RESPONDERS + MISSING * [[0, 1]], N + MISSING, benefit="lower"))


def test_words_and_table(surface: Surface) -> None:
    text = " ".join(surface.words)
    assert "4 of 31 on placebo" in text
    assert "missing counted as non-responders" in text
    low = _surface(threshold=0.51)
    assert "stays above 0.51" in low.words[1] or "falls to or below 0.51" in low.words[1]
    middle = float(np.median(surface.p))
    crossing = _surface(threshold=middle)
    assert "for example, with" in crossing.words[1]
    frame = surface.to_frame()
    assert len(frame) == surface.p.size + 1
    assert set(frame["point"]) >= {"non_responder", "worst_case", "best_case", "complete_cases"}


def test_averaged_allocations_carry_their_spread() -> None:
    found = [imputed_counts._Result(p, 0.003, 0.1) for p in (0.80, 0.84, 0.82, 0.86)]
    mean = imputed_counts._average(found)
    spread = np.std([0.80, 0.84, 0.82, 0.86], ddof=1) / 2
    assert mean.p == pytest.approx(0.83)
    assert mean.mcse == pytest.approx(spread)  # which holds the Monte Carlo error of each, 0.003, already
    alike = imputed_counts._average([imputed_counts._Result(0.8, 0.003, 0.1)] * 4)
    assert alike.mcse == pytest.approx(0.0015)


def test_an_arm_of_which_nobody_was_seen() -> None:
    found = imputed_counts_surface(
        SPEC, SITES, RESPONDERS * [[1, 0]], N * [[1, 0]], MISSING + N * [[0, 1]], EndPoint("x", "x"), ARMS, most=9
    )
    assert found.ok
    assert [point.name for point in found.points] == ["non_responder", "worst_case", "best_case"]


def test_a_failed_cell_has_no_probability(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bayes_lupil.posterior.diagnostics.MAX_K_HAT", -9.0)
    found = _surface(allocations=1)
    assert not found.ok
    assert np.isnan(found.p).all()
    assert "k-hat" in found.failures[0]


def test_nothing_missing_is_refused() -> None:
    with pytest.raises(InputError, match="no missing response"):
        imputed_counts_surface(SPEC, SITES, RESPONDERS, N, 0 * MISSING, EndPoint("x", "x"), ARMS)


@given(st.integers(0, 400), st.integers(0, 400), st.integers(4, 200))
def test_thinned_axes_keep_their_ends(control: int, active: int, most: int) -> None:
    axes = imputed_counts._axes(control, active, most)
    assert len(axes[0]) * len(axes[1]) <= max(most, 4)
    for axis, total in zip(axes, (control, active), strict=True):
        assert axis[0] == 0
        assert axis[-1] == total
        assert axis == sorted(set(axis))
