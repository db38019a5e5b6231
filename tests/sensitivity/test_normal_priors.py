"""The map over normal priors, against integrals on a grid (no code of the package); its densities by Bayes' theorem."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bayes_lupil import fit, load_trial
from bayes_lupil.sensitivity import normal_priors
from bayes_lupil.sensitivity.effect_priors import analyse_priors
from bayes_lupil.sensitivity.normal_priors import map_priors
from bayes_lupil.sensitivity.reweighting import BaseDraws
from tests.proofs import FIT
from tests.sensitivity.test_effect_priors import on_a_grid

NAMES = [
    "declared", "sceptical", "neutral", "optimistic", "flat",
    *(f"{belief} {strength}" for belief in ("sceptical", "neutral", "optimistic", "pessimistic")
      for strength in ("weak", "moderate", "strong")),
]  # fmt: skip


@pytest.fixture(scope="module")
def analysis():
    return analyse_priors(fit("itt_pooled_primary_priors", load_trial("lupil2")))


@pytest.fixture(scope="module")
def found(analysis):
    return analysis.map


def test_no_prior_of_the_map_is_without_a_result(found):
    assert None not in found.cells
    assert list(found.named) == NAMES
    assert None not in found.named.values()
    assert len(found.cells) == found.means.size * found.sds.size
    for cell, sd, mean in zip(
        found.cells, np.repeat(found.sds, found.means.size), np.tile(found.means, found.sds.size), strict=True
    ):
        assert (cell.prior.mean, cell.prior.sd) == (mean, sd)


@pytest.mark.proof(*FIT, "sensitivity")
def test_probabilities_are_those_of_the_integral(found):
    """Every seventh prior of the map and every named one, at every threshold that may be told."""
    told = 0
    for cell in [*found.cells[::7], *found.named.values()]:
        for row in cell.ladder:
            if row.kind == "benefit" and not math.isnan(row.probability):
                exact = on_a_grid(cell.prior.mean, cell.prior.sd, row.threshold)
                assert abs(row.probability - exact) < 4.5 * row.mcse + 1e-4, (cell.prior, row.threshold)
                told += 1
    assert told > 150


def test_medians_are_on_the_side_that_the_probability_says(found):
    for cell in found.cells:
        first = cell.ladder[0]
        if abs(first.probability - 0.5) > 4 * first.mcse:
            assert (cell.median > 0) == (first.probability > 0.5)
        assert cell.lower < cell.median < cell.upper


def test_posterior_densities_are_likelihood_times_prior(found):
    """Up to the smoothing of both, which widens them."""
    axis, step = found.axis, found.axis[1] - found.axis[0]
    likelihood = found.named["flat"].density
    for name in NAMES:
        item = found.named[name]
        assert item.density.sum() * step == pytest.approx(1, abs=0.01)
        product = likelihood * np.exp(-0.5 * ((axis - item.prior.mean) / item.prior.sd) ** 2)
        product /= product.sum() * step
        assert np.abs(item.density - product).sum() * step / 2 < 0.06, name  # total variation distance


def test_refits_are_limited_and_need_a_fast_engine(analysis, monkeypatch):
    asked = []
    monkeypatch.setattr(normal_priors, "_refit", lambda _, prior: asked.append(prior))
    lead = analysis.posterior
    without = map_priors(lead, [BaseDraws(lead)], [])
    assert 0 < len(asked) <= normal_priors._REFITS
    assert None in without.cells  # the failed refits leave no number
    assert np.isnan(without.p_benefit).sum() >= without.cells.count(None)
    assert without.to_frame()["risk_difference"].isna().sum() == without.cells.count(None)


def test_the_frame_is_the_map(found):
    frame = found.to_frame()
    row = frame.iloc[3 * found.means.size + 5]
    assert (row["mean"], row["sd"]) == (found.means[5], found.sds[3])
    assert row["p_benefit"] == found.p_benefit[3, 5]
    assert row["p_benefit_mcse"] == found.p_benefit_mcse[3, 5]
