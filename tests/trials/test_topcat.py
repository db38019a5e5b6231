"""TOPCAT by country, against what is printed of its regions and in all."""

from __future__ import annotations

import pytest

from bayes_lupil import benefit, load_trial
from bayes_lupil.trials.published_trials import published_trial


@pytest.fixture(scope="module")
def trial():
    return load_trial("topcat")


def test_totals_are_printed(trial):
    assert trial.analysis_set().totals == ((351, 1723), (320, 1722)) == published_trial("topcat").analysis_set().totals
    assert trial.end_point.benefit == "lower"
    assert not trial.warnings


def test_regions_are_printed(trial):
    """27.3 % v 31.8 % and a relative reduction of 18 % in the Americas; 8.4 % of placebo in Russia and Georgia."""
    americas = trial.analysis_set(without_sites=("Russia", "Georgia")).totals
    assert americas == ((280, 881), (242, 886))
    (y0, n0), (y1, n1) = americas
    assert (round(100 * y1 / n1, 1), round(100 * y0 / n0, 1)) == (27.3, 31.8)
    east = trial.analysis_set(without_sites=("United States", "Canada", "Argentina", "Brazil")).totals
    assert east == ((71, 842), (78, 836))
    assert round(100 * 71 / 842, 1) == 8.4
    found = benefit("242/886", "280/881", benefit="lower", measure="or")
    assert found.estimate.kind.printed(found.estimate.value) < 0.85


def test_every_number_has_its_grade(trial):
    assert {row["grade"] for row in trial.provenance} == {"B"}
    assert len(trial.provenance) == 12
