"""The trial's own sequence: the printed p decides, post hoc populations stand outside, nothing is made up."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from bayes_lupil import Cells, Patients, Trial, load_trial
from bayes_lupil.frequentist import trial_hierarchy
from bayes_lupil.trials import Arms, EndPoint, Population


def without_printed(trial):
    steps = tuple(dataclasses.replace(step, published=()) for step in trial.hierarchy)
    return dataclasses.replace(trial, hierarchy=steps)


def test_the_sequence_of_lupil2_stops_at_its_first_step():
    rows = [row for row in trial_hierarchy(load_trial("lupil2")) if row.population.name == "itt"]
    assert [row.gate.status for row in rows] == [
        "not significant",
        "no formal claim: formal testing stops at step 1",
        "no formal claim: formal testing stops at step 1",
    ]
    assert rows[0].gate.adjusted_p == rows[0].published.p == 0.3439
    assert {row.gate_basis for row in rows} == {"printed"}
    assert rows[0].two_by_two.control == (29, 50)
    assert rows[1].two_by_two is None


def test_the_post_hoc_population_gets_neither_gate_nor_adjusted_p():
    rows = [row for row in trial_hierarchy(load_trial("lupil2")) if row.population.name == "pp"]
    assert rows[0].gate.status == "nominal p at most 0.05; post hoc, outside the fixed sequence"
    assert rows[1].gate.status == rows[2].gate.status == "reported significant, no figure published"
    assert all(row.gate.adjusted_p is None for row in rows)
    assert {row.gate_basis for row in rows} == {"none"}


def test_without_printed_p_the_formal_population_alone_is_tested():
    rows = trial_hierarchy(without_printed(load_trial("lupil2")))
    itt, pp = (next(row for row in rows if row.population.name == name) for name in ("itt", "pp"))
    assert itt.gate_basis == "recomputed"
    assert itt.gate.p == itt.two_by_two.p_chi_square
    assert (pp.gate.p, pp.gate.status) == (None, "post hoc, outside the fixed sequence")


def test_with_sites_the_rule_is_cochran_mantel_haenszel():
    (row,) = trial_hierarchy(load_trial("beitler_landis"))
    # R 4.2.2 mantelhaen.test without correction, in the validation data
    assert row.gate.p == pytest.approx(0.0115146, abs=5e-8)
    assert row.gate.status == "significant"


def test_a_printed_p_outranks_the_recomputed_one():
    (row,) = trial_hierarchy(load_trial("he2020"))
    assert row.gate.p == 0.052
    assert row.gate.status == "not significant"
    assert row.two_by_two.p_chi_square < 0.052  # Pearson's would have opened the gate


def test_populations_of_patient_data_are_outside_too():
    patients = Patients(
        site=("A",) * 8,
        arm=np.array([0, 0, 0, 0, 1, 1, 1, 1]),
        response=np.array([0, 0, 1, 0, 1, 1, 0, 1]),
        flags={"pp": np.array([1, 1, 0, 1, 1, 1, 1, 0], dtype=bool)},
    )
    populations = {"itt": Population("itt", "everyone"), "pp": Population("pp", "per protocol")}
    trial = Trial("t", "t", Arms("p", "d"), EndPoint("y", "y"), patients, populations)
    itt, pp = trial_hierarchy(trial)
    assert itt.gate_basis == "recomputed"
    assert (pp.gate_basis, pp.gate.status) == ("none", "outside the fixed sequence")
    assert (pp.two_by_two.control, pp.two_by_two.active) == ((0, 3), (2, 3))


def test_one_known_site_is_no_stratification():
    cells = Cells(("A",), np.array([[1, 3]]), np.array([[5, 5]]))
    (row,) = trial_hierarchy(Trial.from_cells(cells, Arms("p", "d"), EndPoint("y", "y")))
    assert row.stratified is None
    assert row.gate.p == row.two_by_two.p_chi_square
