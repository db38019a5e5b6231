"""End-point plans: what they may say, and what is refused with words that help."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from bayes_lupil.errors import ModelError, TrialError
from bayes_lupil.outcomes import Outcomes
from bayes_lupil.outcomes.derive import derive
from bayes_lupil.spec import Plan, PlannedEndPoint, builtin_plans, end_point_models, load_model, load_plan
from bayes_lupil.spec.library import plan_path

BASE = plan_path("lupil2_hierarchy").read_text(encoding="utf-8")


def _plan(tmp_path: Path, *edits: tuple[str, str]) -> tuple[Plan, dict]:
    text = BASE
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    path = tmp_path / "plan.toml"
    path.write_text(text, encoding="utf-8")
    return load_plan(path)


def test_the_built_in_plan() -> None:
    assert "lupil2_hierarchy" in builtin_plans()
    plan, models = load_plan("lupil2_hierarchy")
    assert [point.name for point in plan.steps] == ["sri4", "sledai_relative", "sledai_absolute"]
    assert [point.kind for point in plan.steps] == ["binary", "continuous", "continuous"]
    assert [point.missing_rule for point in plan.steps] == ["non_responder", "complete_cases", "complete_cases"]
    assert [point.gate_test for point in plan.steps] == ["cmh", "ancova", "ancova"]
    assert {name: model.end_point for name, model in models.items()} == {name: name for name in models}
    assert plan.arms.actives == ("ILT-101",)


def test_each_step_has_a_model_file() -> None:
    names = {model.name for model in end_point_models()}
    assert {"sri4", "sledai_relative", "sledai_absolute", "sledai_absolute_t"} <= names
    assert load_model("sri4").priors.beta == load_model("lupil2/site_effects").priors.beta


def test_comments_do_not_enter_the_hash(tmp_path: Path) -> None:
    same, _ = _plan(tmp_path, ("schema = 1", "# words\nschema = 1"))
    other, _ = _plan(tmp_path, ("threshold = 0.975", "threshold = 0.95"))
    assert same.hash == load_plan("lupil2_hierarchy")[0].hash != other.hash


def test_models_may_lie_beside_the_plan(tmp_path: Path) -> None:
    text = (plan_path("lupil2_hierarchy").parents[1] / "endpoints" / "sri4.toml").read_text(encoding="utf-8")
    (tmp_path / "mine.toml").write_text(text.replace("sd = 1.5", "sd = 1.25", 1), encoding="utf-8")
    _, models = _plan(tmp_path, ('model = "sri4"', 'model = "mine.toml"'))
    assert models["sri4"].priors.alpha.model_dump()["sd"] == 1.25


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('missing = "non_responder"', 'misssing = "non_responder"', "Did you mean 'missing'?"),
        ("[end_points.sri]", 'response = "x"\n[end_points.sri]', "found response and sri (end point 'sri4')"),
        ('model = "sri4"\n', "", "a model file, because 'sri4' is primary"),
        ('model = "sri4"', 'model = "site_efects"', "Did you mean 'site_effects'?"),
        ('model = "sri4"', 'model = "sledai_absolute"', "a model of a continuous end point; required: one of a binary"),
        ('model = "sledai_relative"', 'model = "sledai_absolute"', "one of 'sledai_relative'"),
        ('model = "sri4"', 'model = "pp_pooled"', "a model of population 'pp'"),
        ('benefit = "lower"', 'benefit = "lower"\nmissing = "non_responder"', "'complete_cases', unless"),
        ('benefit = "lower"', 'benefit = "lower"\ntest = "cmh"', "a test for a continuous end point"),
        ('name = "sledai_relative"', 'name = "sri4"', "each end point once"),
        ('role = "primary"', 'role = "exploratory"', "primary ones first"),
        ('active = "ILT-101"', 'active = ["ILT-101", "placebo"]', "'placebo' twice"),
        ("mcid = 0.10", "mcid = 10", "a risk difference below 1"),
        ("threshold = 0.975", "threshold = 97.5", "less than 1"),
        ('role = "secondary"', 'role = "secondry"', "Did you mean 'secondary'?"),
    ],
)
def test_what_is_refused(tmp_path: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(ModelError, match=re.escape(words)):
        _plan(tmp_path, (old, new))


def test_unknown_plans(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="Did you mean 'lupil2_hierarchy'"):
        load_plan("lupil2_hierachy")
    with pytest.raises(ModelError, match="no such file"):
        load_plan(tmp_path / "none.toml")


def test_exploratory_end_points_need_priors(tmp_path: Path) -> None:
    start, end = BASE.index("[exploratory.mean]"), BASE.index("[joint.patients]")
    with pytest.raises(ModelError, match="its priors, because there are exploratory end points"):
        _plan(tmp_path, (BASE[start:end], ""))


@pytest.mark.parametrize(
    ("one", "other"), [("drug", "DRUG"), ("5 mg", "5  mg"), ("Köln", "Ko\u0308ln"), ("a", "a\u200b"), ("A", "\uff21")]
)
def test_arms_are_told_apart_by_what_can_be_seen(tmp_path: Path, one: str, other: str) -> None:
    with pytest.raises(ModelError, match="one spelling of each arm"):
        _plan(tmp_path, ('active = "ILT-101"', f'active = ["{one}", "{other}"]'))


@pytest.mark.parametrize("name", ["a\\nb", "a\\tb", "a\\u2028b", "  ", "x" * 301])
def test_arms_are_names_on_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match=r"key 'arms\.active"):
        _plan(tmp_path, ('active = "ILT-101"', f'active = "{name}"'))


@pytest.mark.parametrize("column", ["pop_pp", "pop_itt", "pop_"])
@pytest.mark.parametrize("key", ["response", "value"])
def test_a_population_flag_is_no_end_point(column: str, key: str) -> None:
    frame = pd.DataFrame({"site": ["A", "A"], "arm": ["x", "y"], column: [0, 1]})
    point = PlannedEndPoint(name="e", label="E", role="exploratory", benefit="higher", **{key: column})
    with pytest.raises(TrialError, match="which is a population flag; required: the column of an outcome"):
        derive(point, Outcomes.from_frame(frame))


@pytest.mark.parametrize("column", ["arm", "site", "patient"])
@pytest.mark.parametrize("key", ["response", "value"])
def test_nor_is_a_column_of_names(column: str, key: str) -> None:
    frame = pd.DataFrame({"site": ["0", "1"], "arm": ["0", "1"], "patient": ["0", "1"]})
    point = PlannedEndPoint(name="e", label="E", role="exploratory", benefit="higher", **{key: column})
    with pytest.raises(TrialError, match=f"found names of {column}s; required: a column of numbers"):
        derive(point, Outcomes.from_frame(frame))
