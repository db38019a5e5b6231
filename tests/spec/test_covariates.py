"""[covariates] in model files: what it takes, what it refuses, and that models without it are what they were."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from bayes_lupil import ModelSpec, load_model, model
from bayes_lupil.errors import ModelError
from bayes_lupil.spec import Covariates, load_models, site_models

ADJUSTED = load_model("site_effects_adjusted")
PRIOR = {"family": "normal", "mean": 0, "sd": 1, "reason": "For this test only."}


def test_the_built_in_model_is_in_no_default_set() -> None:
    """It names columns that a trial may not have."""
    names = {item.name for item in (*load_models(), *load_models(trial="lupil2"), *site_models())}
    assert "site_effects_adjusted" not in names


def test_keys_that_are_not_used_are_not_kept() -> None:
    content = load_model("site_effects").to_dict()
    assert "covariates" not in content
    assert "coefficients" not in content["priors"]


def test_it_differs_from_site_effects_by_its_covariates_alone() -> None:
    plain, own = load_model("site_effects").to_dict(), ADJUSTED.to_dict()
    assert own["sites"] == plain["sites"]
    for name in ("alpha", "beta", "tau_u", "tau_v"):
        assert {**own["priors"][name], "reason": ""} == {**plain["priors"][name], "reason": ""}
    assert {**own["sampler"], "seed": 0} == {**plain["sampler"], "seed": 0}


def test_a_model_is_read_back_as_it_was() -> None:
    assert ModelSpec.from_dict(tomllib.loads(ADJUSTED.to_toml())) == ADJUSTED


def test_columns_are_named_by_short_keys() -> None:
    mine = model("site_effects_adjusted", continuous=("age",), categorical=("sex", "region"), missing="indicator")
    assert mine.covariates == Covariates(continuous=("age",), categorical=("sex", "region"), missing="indicator")
    assert mine.covariates.columns == ("age", "sex", "region")
    assert "covariates.continuous = age; covariates.categorical = sex, region" in mine.title
    assert mine.hash != ADJUSTED.hash


def test_steps_and_splines_are_kept_in_the_file() -> None:
    mine = model("site_effects_adjusted", continuous=(), splines={"age": 4}, ordered={"stage": ("I", "II", "III")})
    assert mine.covariates.columns == ("stage", "age")
    assert ModelSpec.from_dict(tomllib.loads(mine.to_toml())) == mine
    assert "covariates.ordered = stage: I, II, III; covariates.splines = age: 4" in mine.title
    turned = model("site_effects_adjusted", continuous=(), splines={"b": 3, "a": 4}).covariates
    other = model("site_effects_adjusted", continuous=(), splines={"a": 4, "b": 3}).covariates
    assert (turned == other) == (hash(turned) == hash(other))
    unused = model("site_effects_adjusted", continuous=("age",)).to_dict()["covariates"]
    assert set(unused) == {"continuous", "categorical", "missing"}


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "no column": ({"covariates__continuous": []}, "covariates", "a column in continuous"),
    "a column twice": ({"covariates__categorical": ["baseline"]}, "covariates", "'baseline' twice"),
    "a column twice in one": ({"covariates__continuous": ["a", "a"]}, "covariates", "'a' twice"),
    "an empty name": ({"covariates__continuous": [""]}, "covariates.continuous", "at least 1 character"),
    "too many": ({"covariates__continuous": [f"x{i}" for i in range(21)]}, "covariates", "20 columns or fewer"),
    "another rule": ({"covariates__missing": "mean"}, "covariates.missing", "refused"),
    "an unknown key": ({"covariates__curves": ["age"]}, "covariates.curves", "unknown"),
    "a column of two kinds": ({"covariates__splines": {"baseline": 3}}, "covariates", "'baseline' twice"),
    "a spline that is a line": ({"covariates__splines": {"age": 1}}, "covariates.splines", "2"),
    "too many curves": ({"covariates__splines": {"age": 9}}, "covariates.splines", "8"),
    "half a curve": ({"covariates__splines": {"age": 3.5}}, "covariates.splines", "whole number|integer"),
    "one step": ({"covariates__ordered": {"stage": ["I"]}}, "covariates.ordered", "2"),
    "a step twice": ({"covariates__ordered": {"stage": ["I", "II", "I"]}}, "covariates", "'I' of 'stage' twice"),
    "no prior": ({"priors__coefficients": None}, "priors.coefficients", "because there is \\[covariates\\]"),
    "a prior too many": ({"covariates": None}, "priors.coefficients", "no \\[covariates\\]"),
    "effects of their own": (
        {"sites__distribution": "exnex", "sites__outlier_share": 0.2, "priors__nonexchangeable": PRIOR},
        "sites.distribution", "because of \\[covariates\\]",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_model_is_refused(case: str) -> None:
    changes, key, told = REFUSED[case]
    with pytest.raises(ModelError, match=told) as refusal:
        ADJUSTED.edited(**changes)
    assert key in str(refusal.value)


def test_a_continuous_end_point_has_covariates_beside_its_baseline() -> None:
    sigma = {"family": "half_normal", "sd": 1, "reason": "For this test only."}
    spec = ADJUSTED.edited(priors__sigma=sigma, priors__gamma=PRIOR)
    assert spec.continuous
    assert spec.covariates is not None
    assert load_model("sledai_absolute").edited(covariates__continuous=["age"], priors__coefficients=PRIOR).continuous


def test_countries_and_covariates_are_not_in_one_model() -> None:
    with pytest.raises(ModelError, match="the one or the other"):
        load_model("site_in_country").edited(covariates__continuous=["age"], priors__coefficients=PRIOR)
