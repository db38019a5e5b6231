"""The hierarchy as a whole: published results through the command's own way, gates, directions, refusals."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bayes_lupil import load_model
from bayes_lupil.endpoints.analysis import analyse_end_points
from bayes_lupil.endpoints.result import EndPointAnalysis
from bayes_lupil.errors import InputError, ModelError, TrialError, UnsupportedModelError
from bayes_lupil.outcomes import Outcomes, read_outcomes
from bayes_lupil.outcomes.synthetic import synthetic_patients
from bayes_lupil.spec import Plan, load_plan

MANY = 4.0


@pytest.fixture(scope="module")
def patients() -> Outcomes:
    return synthetic_patients(seed=1, margins="lupil2")


@pytest.fixture(scope="module")
def analysis(patients: Outcomes) -> EndPointAnalysis:
    """Without the joint model, which takes a minute."""
    return analyse_end_points("lupil2_hierarchy", patients, joint=False, check_engines=False)


def test_the_published_ancova_of_three_arms(cdisc: tuple[Path, Path]) -> None:
    """LS differences of the CDISC pilot as published: -0.5 (SE .82, p .569) and -1.0 (.84, .233)."""
    for active, printed in (
        ("Xanomeline_Low_Dose", (-0.5, 0.82, 0.569)),
        ("Xanomeline_High_Dose", (-1.0, 0.84, 0.233)),
    ):
        found = analyse_end_points(*cdisc, active=active, check_engines=False)
        contrast = found.steps[0].counterpart.analysis.contrasts[active]
        assert (round(contrast.estimate, 1), round(contrast.se, 2), round(contrast.p, 3)) == printed
        assert found.steps[0].counterpart.p == contrast.p
        assert found.steps[0].ok
        assert found.arms.active == active
    with pytest.raises(InputError, match="one of them named as active"):
        analyse_end_points(*cdisc)
    with pytest.raises(InputError, match="Did you mean 'Xanomeline_Low_Dose'"):
        analyse_end_points(*cdisc, active="Xanomeline_Low")


def test_pocket_depth_beside_lme4(pockets: tuple[Path, Path], validation: Path) -> None:
    """The random-slope REML fit of lme4 and the posterior mean lie within half a posterior SD."""
    with (validation / "references.csv").open(newline="") as file:
        model = "lmer REML: change~baseline+x+(x||site), x=0/1"
        rows = [r for r in csv.DictReader(file) if r["dataset"] == "opt_pocketdepth_change" and r["model"] == model]
    reference = next(float(row["estimate"]) for row in rows if row["term"] == "x")
    step = analyse_end_points(*pockets, check_engines=False).steps[0]
    row = step.posterior.row("mean_difference_average_site")
    assert abs(row.mean - reference) < 0.5 * row.sd
    assert row.mean < 0


def test_published_counts_of_lupil2_hold(analysis: EndPointAnalysis) -> None:
    assert analysis.steps[0].posterior.provenance.totals == ((29, 50), (34, 50))
    pp = analysis.steps[0].trial.analysis_set("pp").totals
    assert pp == ((15, 29), (20, 24))
    assert analysis.synthetic
    assert analysis.ok


def test_gates_follow_the_order(analysis: EndPointAnalysis) -> None:
    p = [step.counterpart.p for step in analysis.steps]
    assert p[0] > 0.05
    assert [step.gate.status for step in analysis.steps] == [
        "not significant", *["no formal claim: formal testing stops at step 1"] * 2,
    ]  # fmt: skip
    assert [step.gate.adjusted_p for step in analysis.steps] == list(np.maximum.accumulate(p))
    assert all(step.gate_basis == "recomputed" for step in analysis.steps)


def test_bounds_from_the_separate_probabilities(analysis: EndPointAnalysis) -> None:
    chances = [step.posterior.p_benefit.probability for step in analysis.steps]
    for k, bound in enumerate(analysis.bounds, start=1):
        assert bound.lower == pytest.approx(max(0.0, sum(chances[:k]) - (k - 1)))
        assert bound.upper == pytest.approx(min(chances[:k]))


def test_everything_that_is_missing_is_counted(analysis: EndPointAnalysis, patients: Outcomes) -> None:
    for step in analysis.steps:
        table, gaps = step.missing, step.derived.missing
        arms = np.array(patients.arm)
        last = table.iloc[-1]
        assert last["missing_active"] == (gaps & (arms == "ILT-101")).sum()
        assert (table.iloc[:-1].sum() == last).all()
        assert set(table.index[:-1]) == set(patients.sites)
        assert step.tipping is not None
        assert step.tipping.ok
    primary = analysis.steps[0].tipping.points[0]
    assert primary.name == "non_responder"
    mine = analysis.steps[0].posterior.p_benefit
    assert abs(primary.p - mine.probability) < MANY * np.hypot(primary.mcse, mine.mcse)


def test_limits_of_the_instrument(analysis: EndPointAnalysis) -> None:
    assert analysis.steps[0].limits is None
    assert all("beyond what the instrument allows" in step.limits.words for step in analysis.steps[1:])


def test_exploratory_end_points(analysis: EndPointAnalysis) -> None:
    frame = analysis.further.to_frame()
    assert list(frame.index) == ["steroid_reduction", "anti_dsdna_change", "treg_change", "adverse_event"]
    assert set(frame["group"]) == {"efficacy", "safety"}
    assert frame["p_benefit"].between(0, 1).all()
    # pulled towards the others: the largest effect of the group is made smaller
    assert 0 < frame.loc["treg_change", "shrunken"] < frame.loc["treg_change", "raw"]


def test_harm_does_not_open_a_gate(patients: Outcomes) -> None:
    """Arms exchanged: what was a significant benefit is now significant harm, and p = 1 for the gate."""
    plan, models = load_plan("lupil2_hierarchy")
    turned = plan.model_copy(update={"arms": plan.arms.model_copy(update={"control": "ILT-101", "active": "placebo"})})
    # only the last step, whose p-value is below 0.05
    only = turned.model_copy(update={"end_points": (plan.steps[2],), "joint": None, "exploratory": None})
    step = analyse_end_points(only, patients, models=models, joint=False, tipping=False, check_engines=False).steps[0]
    assert step.counterpart.p < 0.05
    assert step.counterpart.favours == "control"
    assert step.gate.p == 1.0
    assert step.gate.status == "not significant"
    assert step.posterior.p_benefit.probability < 0.1


def test_harm_that_is_infinitely_bad_opens_no_gate() -> None:
    """Events in the active arm alone: there is no finite odds ratio, but a test, and a direction."""
    rows = [(s, a, i, float(a == "drug" and i < 5)) for s in "AB" for a in ("sham", "drug") for i in range(10)]
    patients = Outcomes(
        "t", tuple(f"{s}{a}{i}" for s, a, i, _ in rows), tuple(s for s, *_ in rows), tuple(a for _, a, *_ in rows),
        {"death": np.array([y for *_, y in rows])},
    )  # fmt: skip
    plan = Plan.model_validate(
        {
            "schema": 1, "name": "p", "title": "t", "arms": {"control": "sham", "active": "drug"},
            "end_points": ({"name": "death", "label": "Death", "role": "primary", "benefit": "lower",
                            "response": "death", "model": "site_effects"},),
        }
    )  # fmt: skip
    models = {"death": load_model("site_effects")}
    step = analyse_end_points(plan, patients, models=models, tipping=False, check_engines=False).steps[0]
    assert step.counterpart.p < 0.01
    assert step.counterpart.favours == "control"
    assert step.gate.status == "not significant"
    assert step.posterior.p_benefit.probability < 0.05


def test_a_missing_baseline_costs_no_patient(patients: Outcomes) -> None:
    plan, models = load_plan("lupil2_hierarchy")
    gaps = patients.number("sledai_baseline").copy()
    first = plan.steps[0].model_copy(update={"baseline": "other"})
    only = plan.model_copy(update={"end_points": (first,), "joint": None, "exploratory": None})
    for lost, words in ((5, "5 patients without a baseline have the mean one"), (100, "adjusted for site alone")):
        gaps[:lost] = np.nan
        data = patients.with_numbers(other=gaps)
        step = analyse_end_points(only, data, models=models, tipping=False, check_engines=False).steps[0]
        assert sum(step.counterpart.analysis.n.values()) == 100
        assert any(words in note for note in step.counterpart.notes)


def test_models_of_other_patients_are_refused(patients: Outcomes) -> None:
    plan, models = load_plan("lupil2_hierarchy")
    for changes, words in (({"population": "pp"}, "population 'pp'"), ({"without_sites": ("Spain 1",)}, "all sites")):
        with pytest.raises(ModelError, match=words):
            analyse_end_points(plan, patients, models=models | {"sri4": models["sri4"].edited(**changes)})


def test_printed_p_values_go_first(patients: Outcomes) -> None:
    plan, models = load_plan("lupil2_hierarchy")
    first = Plan.model_validate_json(plan.model_dump_json(by_alias=True)).steps[0]
    from bayes_lupil.spec.plan import Printed

    printed = first.model_copy(update={"printed": Printed(p=0.01, source="For this test only.")})
    only = plan.model_copy(update={"end_points": (printed, plan.steps[1]), "joint": None, "exploratory": None})
    found = analyse_end_points(only, patients, models=models, joint=False, tipping=False, check_engines=False)
    assert found.steps[0].gate_basis == "printed"
    assert found.steps[0].gate.p == 0.01
    assert found.steps[0].gate.status == "significant"
    assert found.steps[1].gate.status.startswith("unknown")


def test_bad_input_is_refused_before_any_fit(patients: Outcomes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bayes_lupil.model_analysis.fit_checked", None)  # any fit would be an error
    plan, models = load_plan("lupil2_hierarchy")
    arms = plan.arms.model_copy(update={"active": "ILT-102"})
    with pytest.raises(TrialError, match=r"no 'ILT-102'.*Did you mean 'ILT-101'"):
        analyse_end_points(plan.model_copy(update={"arms": arms}), patients, models=models)
    with pytest.raises(ModelError, match="no model; required: one for each step"):
        analyse_end_points(plan, patients)
    without = replace(patients, numbers={k: v for k, v in patients.numbers.items() if k != "sledai_week12"})
    with pytest.raises(TrialError, match="no column 'sledai_week12'"):
        analyse_end_points(plan, without, models=models)
    zero = patients.with_numbers(sledai_baseline=np.where(np.arange(100) == 7, 0, patients.number("sledai_baseline")))
    with pytest.raises(TrialError, match="row 8, column 'sledai_baseline'"):
        analyse_end_points(plan, zero, models=models)
    unfit = models | {"sri4": load_model("site_student_t").edited(end_point="sri4")}
    with pytest.raises(UnsupportedModelError, match="in a joint model"):
        analyse_end_points(plan, patients, models=unfit)


def test_the_plan_says_what_difference_matters(patients: Outcomes) -> None:
    plan, models = load_plan("lupil2_hierarchy")
    last = plan.steps[2].model_copy(update={"mcid": 3.0, "baseline": None, "change": None, "value": "treg_change"})
    bare = models["sledai_absolute"].edited(priors__gamma=None)
    only = plan.model_copy(update={"end_points": (last,), "joint": None, "exploratory": None})
    given = {"sledai_absolute": bare}
    step = analyse_end_points(only, patients, models=given, tipping=False, check_engines=False).steps[0]
    assert step.posterior.chances["relevant"].statement == "mean difference at most -3"
    # without a baseline nothing claims to be adjusted for one
    assert step.counterpart.words == "analysis of covariance adjusted for site"


def test_complete_cases_leave_patients_out(patients: Outcomes) -> None:
    plan, models = load_plan("lupil2_hierarchy")
    cases = plan.steps[0].model_copy(update={"missing": "complete_cases"})
    only = plan.model_copy(update={"end_points": (cases,), "joint": None, "exploratory": None})
    step = analyse_end_points(only, patients, models=models, check_engines=False).steps[0]
    lost = int(step.derived.missing.sum())
    assert lost
    assert sum(n for _, n in step.posterior.provenance.totals) == 100 - lost
    assert step.tipping.points[0].name == "complete_cases"
    assert any("left out" in note for note in step.posterior.provenance.notes)


def test_a_file_says_its_lines(tmp_path: Path, patients: Outcomes) -> None:
    frame = patients.to_frame()
    frame.loc[2, "pga_week12"] = 3.5
    path = tmp_path / "patients.csv"
    frame.to_csv(path, index=False)
    with pytest.raises(TrialError, match=r"patients\.csv, line 4, column 'pga_week12': found 3\.5"):
        analyse_end_points("lupil2_hierarchy", path)
    assert read_outcomes(path).synthetic
