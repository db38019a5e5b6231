"""Models built in Python: priors as functions, changes by key, and back to a file that says the same."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bayes_lupil as bl
from bayes_lupil import priors
from bayes_lupil.errors import InputError, ModelError
from bayes_lupil.priors import NO_REASON, Prior, functions
from bayes_lupil.spec import builtin_models, load_model

CALLS: dict[str, tuple[Any, ...]] = {
    "beta": (2, 5), "control_risk_beta": (1, 1), "dirichlet": (1.2,), "dumouchel": (0.7,), "exponential": (0.5,),
    "gamma": (2, 0.1), "half_cauchy": (1,), "half_normal": (0.5,), "half_student_t": (3, 1), "lkj": (2,),
    "log_normal": (-1, 0.5), "log_risk_ratio_normal": (0, 0.5), "normal": (0, 1.5), "precision_gamma": (0.5, 0.1),
    "precision_uniform": (5,), "risk_difference_normal": (0, 0.2), "student_t": (3, 0, 2.5), "uniform": (-1, 2),
    "uniform_shrinkage": (0.7,), "variance_half_normal": (1,), "variance_inverse_gamma": (1, 0.1),
    "variance_uniform": (4,),
}  # fmt: skip


def families() -> dict[str, type[Prior]]:
    found = [item for item in vars(priors).values() if isinstance(item, type) and issubclass(item, Prior)]
    return {str(item.model_fields["family"].default): item for item in found if "family" in item.model_fields}


def test_every_family_of_a_model_file_has_its_function():
    assert set(CALLS) == set(families()) == set(functions.__all__)


@pytest.mark.parametrize("name", list(CALLS))
def test_a_function_makes_what_the_file_says(name):
    made = getattr(priors, name)(*CALLS[name], reason="as a file says it")
    family = families()[name]
    keys = [key for key in inspect.signature(getattr(priors, name)).parameters if key in family.model_fields]
    said = dict(zip([key for key in keys if key != "reason"], CALLS[name], strict=False))
    assert made == family(reason="as a file says it", **{key: float(value) for key, value in said.items()})
    assert getattr(priors, name)(*CALLS[name]).reason == NO_REASON


def test_sd_and_scale_are_one_word():
    assert priors.normal(0, scale=2) == priors.normal(0, 2) == priors.normal(0, sd=2)
    assert priors.half_normal(scale=2) == priors.half_normal(2)
    assert priors.student_t(3, 0, sd=2) == priors.student_t(3, 0, 2)
    assert priors.half_student_t(3, sd=2) == priors.half_student_t(3, 2)
    assert priors.half_cauchy(sd=2) == priors.half_cauchy(2)
    for call in (lambda: priors.normal(0), lambda: priors.normal(0, 1, scale=1), lambda: priors.half_cauchy()):
        with pytest.raises(InputError, match="one of sd and scale"):
            call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: priors.normal(0, -1), lambda: priors.normal(0, 0), lambda: priors.normal("0", 1),
        lambda: priors.normal(0, float("nan")), lambda: priors.uniform(2, 1), lambda: priors.half_normal(None),
        lambda: priors.normal(0, 1, reason=3), lambda: priors.normal(0, 1, reason="short"),
        lambda: priors.gamma(1, [2]), lambda: priors.risk_difference_normal(2, 1),
        lambda: priors.exponential(True), lambda: priors.beta(1e999, 1),
    ],
)  # fmt: skip
def test_slips_are_told_in_the_packages_words(call):
    with pytest.raises(InputError) as problem:
        call()
    assert "pydantic" not in str(problem.value)


def test_changes_are_named_by_their_key_alone():
    spec = bl.model(
        "site_effects", beta=priors.normal(0, 0.5), tau_v=priors.half_normal(0.25), seed=np.int64(1), draws=500,
        thresholds=[0.1, 0.05], relevant=0.05, coding="reference", name="mine", population="pp", without_sites=["A"],
        engine="quadrature",
    )  # fmt: skip
    same = load_model("site_effects").edited(
        priors__beta=priors.normal(0, 0.5), priors__tau_v=priors.half_normal(0.25), sampler__seed=1, sampler__draws=500,
        decision__ladder=[0, 0.05, 0.1], decision__relevant=0.05, sites__coding="reference", name="mine",
        population="pp", without_sites=["A"], sampler__engine="quadrature",
    )  # fmt: skip
    assert spec == same == bl.model(same) == same.with_()


def test_a_key_of_two_tables_goes_where_its_value_belongs():
    fixed = bl.model("site_student_t", df=5)
    assert fixed.sites.df == 5
    free = bl.model("site_student_t_df", df=priors.gamma(2, 0.2, lower=2))
    assert (free.sites.df, free.priors.df.rate) == (None, 0.2)
    assert bl.model(free, df={"family": "uniform", "lower": 1, "upper": 9}).priors.df.upper == 9


def test_a_prior_is_taken_away_by_none():
    spec = bl.model("site_effects", effects="pooled", tau_v=None)
    assert spec.priors.tau_v is None
    with pytest.raises(ModelError, match=r"tau_v.*found a prior; required: none, because sites\.effects = 'pooled'"):
        bl.model("site_effects", effects="pooled")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"betta": priors.normal(0, 1)}, r"unknown key 'betta'.*Did you mean 'beta'\?"),
        ({"tresholds": [0.1]}, r"Did you mean 'thresholds'\?"),
        ({"thresholds": 0.1}, "a list of numbers"),
        ({"thresholds": ["a"]}, "a list of numbers"),
        ({"thresholds": [1.5]}, "between -1 and 1"),
        ({"beta": 0.5}, r"priors\.beta"),
        ({"beta": priors.half_normal(1)}, "one of normal, student_t, uniform"),
        ({"seed": "1"}, "a whole number"),
        ({"seed": 1.5}, "a whole number"),
        ({"seed": True}, "a whole number"),
        ({"points": 1000}, "a power of 2"),
        ({"coding": "centered"}, "Did you mean 'centred'"),
        ({"population": ""}, "population"),
        ({"schema": 2}, "schema"),
    ],
)
def test_a_change_is_checked_as_a_file_is(changes, words):
    with pytest.raises(ModelError, match=words):
        bl.model("site_effects", **changes)


def test_a_changed_prior_loses_the_reason_written_for_another():
    base = load_model("site_effects")
    assert base.edited(priors__beta__sd=0.3).priors.beta.reason == NO_REASON
    assert base.edited(priors__beta__sd=base.priors.beta.sd).priors.beta.reason == base.priors.beta.reason
    assert base.with_(seed=9).priors == base.priors
    kept = base.edited(priors__beta__sd=0.3, priors__beta__reason="a sceptical view of it")
    assert kept.priors.beta.reason == "a sceptical view of it"
    assert base.with_(beta={"family": "normal", "mean": 0, "sd": 1}).priors.beta.reason == NO_REASON
    moved = base.edited(priors__beta={**base.to_dict()["priors"]["beta"], "sd": 2.0})
    assert moved.priors.beta.reason == NO_REASON
    assert moved.priors.alpha.reason == base.priors.alpha.reason


@pytest.mark.parametrize("name", builtin_models())
def test_a_model_as_text_is_the_same_model(name, tmp_path):
    spec = load_model(name)
    path = tmp_path / "m.toml"
    path.write_text(spec.to_toml(), encoding="utf-8")
    assert load_model(path) == spec
    assert load_model(path).hash == spec.hash


@given(
    st.text(min_size=10, max_size=40).filter(lambda text: text.strip() == text), st.floats(-3, 3), st.floats(0.01, 9)
)
def test_what_python_builds_a_file_can_hold(tmp_path_factory, reason, mean, sd):
    try:
        spec = bl.model("itt_pooled", beta=priors.normal(mean, sd, reason=reason))
    except InputError:
        return  # characters that no output can hold
    path = tmp_path_factory.mktemp("m") / "m.toml"
    path.write_bytes(spec.to_toml().encode("utf-8"))
    assert load_model(Path(path)) == spec


@pytest.mark.parametrize("call", [bl.fit, bl.pymc_model])
def test_a_model_and_a_trial_in_the_wrong_order_are_told(call):
    trial, spec = bl.load_trial("he2020"), bl.load_model("itt_pooled")
    for first, second in ((trial, spec), ("he2020", "itt_pooled"), (trial, "itt_pooled"), ({"site": ["A"]}, spec)):
        with pytest.raises(InputError, match="the model first and then the trial") as told:
            call(first, second)
        assert f"{call.__name__}(" in str(told.value)
    with pytest.raises(InputError, match=r"fit\('itt_pooled', 'he2020', \.\.\.\)"):
        bl.fit("he2020", "itt_pooled")
