"""[countries] in model files: what it takes, what it refuses, and that models without it are what they were."""

from __future__ import annotations

from typing import Any

import pytest

from bayes_lupil import ModelSpec, load_model
from bayes_lupil.errors import ModelError
from bayes_lupil.spec import Countries, country_models, load_models, site_models

NORMAL = load_model("site_in_country")
OUTLIERS = load_model("country_outliers")
WHY = "For this test only."


def test_the_built_in_models_are_in_no_default_set() -> None:
    names = {model.name for model in country_models()}
    assert names == {"site_in_country", "country_outliers"}
    assert not names & {model.name for model in (*load_models(), *load_models(trial="lupil2"), *site_models())}


def test_keys_that_are_not_used_are_not_kept() -> None:
    """So that models without countries keep the hashes that they had before there were any."""
    content = load_model("site_effects").to_dict()
    assert "countries" not in content
    assert not {"tau_c", "tau_d", "country_outlier_share"} & set(content["priors"])
    assert load_model("site_effects").hash == "7b4d269c80805b9900581b0f29510bfc56ceaa8be06f554cd56b3d2d2db97b83"


def test_models_keep_the_hashes_from_before_countries_could_be_fixed_or_far_out() -> None:
    known = {
        "site_in_country": "d0d59f8e610db72a06a9155ba3035c3ccc4a5ba7e806c0a28035d6ae13e9c241",
        "country_outliers": "7a1d998c95197d6cb6f89803a850dedc6bc44f13f063ed34e8f80eaae2afd34f",
    }
    assert {model.name: model.hash for model in country_models()} == known
    assert not {"df", "fixed_sd"} & set(NORMAL.to_dict()["countries"])


@pytest.mark.parametrize("model", country_models(), ids=lambda model: model.name)
def test_a_model_is_read_back_as_it_was(model: ModelSpec) -> None:
    import tomllib

    assert ModelSpec.from_dict(tomllib.loads(model.to_toml())) == model
    assert ("countries", f"levels partial, effects partial, {model.countries.distribution}") in model.card().rows  # type: ignore[union-attr]


NOTHING: dict[str, Any] = {"priors__tau_c": None, "priors__tau_d": None}
REFUSED: dict[str, tuple[ModelSpec, dict[str, Any], str, str]] = {
    "fixed without an SD": (
        NORMAL, {"countries__intercepts": "fixed", "priors__tau_c": None}, "countries", "because intercepts = 'fixed'",
    ),
    "fixed with a prior of an SD": (
        NORMAL, {"countries__intercepts": "fixed", "countries__fixed_sd": 2.0}, "priors.tau_c", "'fixed'",
    ),
    "an SD of nothing fixed": (NORMAL, {"countries__fixed_sd": 2.0}, "countries", "because intercepts = 'partial'"),
    "fixed effects": (NORMAL, {"countries__effects": "fixed"}, "countries.effects", "no average that the data tell"),
    "Student-t without degrees of freedom": (
        NORMAL, {"countries__distribution": "student_t"}, "countries", "because distribution = 'student_t'",
    ),
    "degrees of freedom of nothing": (NORMAL, {"countries__df": 4}, "countries", "because distribution = 'normal'"),
    "Student-t of what is fixed": (
        NORMAL,
        {"countries__intercepts": "fixed", "countries__effects": "pooled", "countries__fixed_sd": 2.0,
         "countries__distribution": "student_t", "countries__df": 4, **NOTHING},
        "countries", "neither part is 'partial'",
    ),
    "sites fixed beside fixed countries": (
        NORMAL,
        {"countries__intercepts": "fixed", "countries__fixed_sd": 1.0, "priors__tau_c": None,
         "sites__intercepts": "fixed", "priors__tau_u": None},
        "countries.intercepts", "leaves nothing to say",
    ),
    "no level": (
        NORMAL, {"countries__intercepts": "pooled", "countries__effects": "pooled", **NOTHING},
        "countries.intercepts", "leave \\[countries\\] out",
    ),
    "no prior": (NORMAL, {"priors__tau_d": None}, "priors.tau_d", "because countries.effects = 'partial'"),
    "a prior too many": (NORMAL, {"countries__effects": "pooled"}, "priors.tau_d", "none, because countries.effects"),
    "no countries": (NORMAL, {"countries": None}, "priors.tau_c", "there is no \\[countries\\]"),
    "sites have their own": (
        NORMAL, {"sites__effects": "fixed", "priors__tau_v": None}, "countries.effects", "leaves nothing to say",
    ),
    "no share": (OUTLIERS, {"priors__country_outlier_share": None}, "countries.outlier_share", "a number there"),
    "two shares": (OUTLIERS, {"countries__outlier_share": 0.1}, "priors.country_outlier_share", "no share"),
    "a share without outliers": (
        NORMAL, {"priors__country_outlier_share": {"family": "beta", "a": 1, "b": 9, "reason": WHY}},
        "priors.country_outlier_share", "no share of countries is estimated",
    ),
    "no SD of outliers": (OUTLIERS, {"countries__outlier_sd": None}, "countries.outlier_sd", "a value"),
    "effects of their own": (
        NORMAL,
        {"sites__distribution": "exnex", "sites__outlier_share": 0.2,
         "priors__nonexchangeable": {"family": "normal", "mean": 0, "sd": 1, "reason": WHY}},
        "sites.distribution", "because of \\[countries\\]",
    ),
    "outliers of a normal": (NORMAL, {"countries__outliers": "arms"}, "countries.outliers", "none, because"),
    "outliers of levels that are pooled": (
        OUTLIERS, {"countries__intercepts": "pooled", "priors__tau_c": None}, "countries.intercepts", "'partial'",
    ),
    "outlying arms and fixed effects": (
        OUTLIERS,
        {"countries__effects": "pooled", "priors__tau_d": None, "sites__effects": "fixed", "priors__tau_v": None},
        "countries.outliers", "'site', because",
    ),
    "exnex": (
        NORMAL, {"countries__distribution": "exnex"}, "countries.distribution", "student_t",
    ),
    "negative SD": (
        NORMAL, {"priors__tau_c": {"family": "uniform", "lower": -1, "upper": 1, "reason": WHY}},
        "priors.tau_c", "0 or more",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_go_together(name: str) -> None:
    model, changes, key, required = REFUSED[name]
    with pytest.raises(ModelError, match=required) as caught:
        model.edited(**changes)
    assert f"key '{key}" in caught.value.where


def test_a_continuous_end_point_has_no_countries() -> None:
    model = load_model("sledai_absolute")
    with pytest.raises(ModelError, match="the end point is continuous"):
        model.edited(
            countries={"intercepts": "partial", "effects": "pooled"},
            priors__tau_c={"family": "half_normal", "sd": 1, "reason": WHY},
        )


def test_an_edit_is_told() -> None:
    edited = NORMAL.edited(countries__effects="pooled", priors__tau_d=None)
    assert edited.edits is not None
    assert "countries.effects = pooled" in edited.edits.words
    assert edited.hash != NORMAL.hash


@pytest.mark.parametrize("outliers", ["site", "control", "active", "arms"])
def test_countries_deviate_as_sites_do(outliers: str) -> None:
    above = OUTLIERS.edited(countries__outliers=outliers)
    sites = load_model("outliers_arms").edited(sites__outliers=outliers)
    assert above.country_deviations == sites.sites.deviations
    assert Countries(intercepts="partial", effects="pooled").outliers is None
