"""Columns of covariates: what they become, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bayes_lupil.errors import TrialError, UnsupportedModelError
from bayes_lupil.likelihoods.covariates import CovariateColumns, covariate_columns
from bayes_lupil.spec import Covariates
from bayes_lupil.trials.patients import Patients

N = 12
AGE = tuple(str(20 + i) for i in range(N))
RESPONSE = np.arange(N) % 3 // 2


def _found(covariates: Covariates, **columns: tuple[str, ...]) -> CovariateColumns:
    patients = Patients(("A",) * N, np.arange(N) % 2, RESPONSE, covariates=columns)
    return covariate_columns(covariates, patients, "model 'mine'")


def test_numbers_are_over_their_sd() -> None:
    found = _found(Covariates(continuous=("age",)), age=AGE)
    age = np.arange(20, 20 + N)
    assert (found.names, found.labels) == (("gamma_age",), (f"age, by SD ({age.std():.3g})",))
    np.testing.assert_allclose(found.z[:, 0], (age - age.mean()) / age.std())


def test_categories_are_against_the_most_frequent_one() -> None:
    region = ("east",) * 3 + ("west",) * 5 + ("north",) * 4
    found = _found(Covariates(categorical=("region",)), region=region)
    assert found.labels == ("region: east v west", "region: north v west")
    assert found.names == ("gamma_region_east", "gamma_region_north")
    east = np.array(region) == "east"
    np.testing.assert_allclose(found.z[:, 0], east - 0.25)
    np.testing.assert_allclose(found.z.mean(axis=0), 0, atol=1e-15)


def test_of_as_frequent_categories_the_first_by_name_is_the_reference() -> None:
    found = _found(Covariates(categorical=("sex",)), sex=("m", "m", "f", "f") * 3)
    assert found.labels == ("sex: m v f",)


def test_numbers_may_be_categories() -> None:
    found = _found(Covariates(categorical=("stage",)), stage=("1",) * 6 + ("2",) * 4 + ("3",) * 2)
    assert found.names == ("gamma_stage_2", "gamma_stage_3")


def test_missing_numbers_have_the_mean_and_a_coefficient() -> None:
    age = ("NA", "", *AGE[2:])
    found = _found(Covariates(continuous=("age",), missing="indicator"), age=age)
    assert found.names == ("gamma_age", "gamma_age_missing")
    assert found.labels[1] == "age: missing ('NA' 1 times, nothing 1 times) v known"
    known = np.arange(22, 20 + N)
    np.testing.assert_allclose(found.z[:2, 0], 0, atol=1e-15)
    np.testing.assert_allclose(found.z[2:, 0], (known - known.mean()) / known.std())
    np.testing.assert_allclose(found.z[:, 1], (np.arange(N) < 2) - 2 / N)


def test_a_missing_category_is_one_of_its_own() -> None:
    found = _found(
        Covariates(categorical=("sex",), missing="indicator"), sex=("", "NA", *("f", "m", "f", "f", "m") * 2)
    )
    assert found.labels == ("sex: m v f", "sex: missing v f")


def test_words_for_nothing_are_categories_and_missing_is_no_reference() -> None:
    """'none' of a history is not missing."""
    history = ("none",) * 6 + ("mild",) * 3 + ("unknown",) * 3
    found = _found(Covariates(categorical=("history",)), history=history)
    assert found.labels == ("history: mild v none", "history: unknown v none")
    found = _found(Covariates(categorical=("sex",), missing="indicator"), sex=("",) * 6 + ("f",) * 4 + ("m",) * 2)
    assert found.labels == ("sex: m v f", "sex: missing v f")


STAGES = ("I", "III", "II", "II", "I", "III", "II", "I", "I", "II", "III", "II")


def test_ordered_categories_are_steps() -> None:
    found = _found(Covariates(ordered={"stage": ("I", "II", "III")}), stage=STAGES)
    assert found.names == ("gamma_stage_step_ii", "gamma_stage_step_iii")
    assert found.labels == ("stage: II or higher v I", "stage: III v II or lower")
    place = np.array([("I", "II", "III").index(text) for text in STAGES])
    for k in (1, 2):
        at_least = (place >= k).astype(float)
        np.testing.assert_allclose(found.z[:, k - 1], at_least - at_least.mean())


def test_missing_steps_have_the_mean_of_those_known() -> None:
    stages = ("NA", *STAGES[1:])
    found = _found(Covariates(ordered={"stage": ("I", "II", "III")}, missing="indicator"), stage=stages)
    assert found.names == ("gamma_stage_step_ii", "gamma_stage_step_iii", "gamma_stage_missing")
    np.testing.assert_allclose(found.z[0, :2], 0, atol=1e-15)
    np.testing.assert_allclose(found.z.mean(axis=0), 0, atol=1e-15)


def test_a_category_that_was_declared_is_not_missing() -> None:
    grade = tuple("NA" if stage == "I" else stage for stage in STAGES)
    found = _found(Covariates(ordered={"grade": ("NA", "II", "III")}, missing="indicator"), grade=grade)
    assert found.labels == ("grade: II or higher v NA", "grade: III v II or lower")
    assert (found.z.std(axis=0) > 0.4).all()


def test_steps_are_read_as_values_are() -> None:
    for levels, texts in (
        (("1.0", "2.0"), ("1", "2")),
        (("False", "True"), ("FALSE", "TRUE")),
        ((" I", "II "), ("I", "II")),
    ):
        found = _found(Covariates(ordered={"x": levels}), x=(*texts, *texts[::-1]) * 3)
        assert found.labels == (f"x: {texts[1]} v {texts[0]}",)


@pytest.mark.parametrize("degrees", range(2, 9))
def test_splines_are_natural_cubic_ones(degrees: int) -> None:
    """They span what patsy's natural cubic regression splines of the same degrees of freedom do."""
    import patsy

    age = np.random.default_rng(degrees).gamma(4, 10, 300)
    patients = Patients(
        ("A",) * 300, np.arange(300) % 2, np.arange(300) % 3 // 2, covariates={"age": tuple(map(repr, age.tolist()))}
    )
    z = covariate_columns(Covariates(splines={"age": degrees}), patients, "model 'mine'").z
    assert z.shape == (300, degrees)
    np.testing.assert_allclose(z.T @ z / 300, np.eye(degrees), atol=1e-9)
    theirs = np.asarray(patsy.dmatrix(f"cr(x, df={degrees}, constraints='center')", {"x": age}))
    assert theirs.shape == (300, degrees + 1)
    for one, other in ((theirs, z), (np.column_stack([np.ones(300), z]), theirs)):
        left = other - one @ np.linalg.lstsq(one, other, rcond=None)[0]
        assert np.abs(left).max() < 1e-8 * np.abs(other).max()


def test_a_spline_begins_with_its_line_and_has_its_missing_values() -> None:
    plain = _found(Covariates(continuous=("age",)), age=AGE)
    bent = _found(Covariates(splines={"age": 3}), age=AGE)
    assert bent.names == ("gamma_age", "gamma_age_curve_1", "gamma_age_curve_2")
    assert (bent.z[:, 0] == plain.z[:, 0]).all()
    some = _found(Covariates(splines={"age": 3}, missing="indicator"), age=("NA", *AGE[1:]))
    assert some.names[-1] == "gamma_age_missing"
    np.testing.assert_allclose(some.z[0, :3], 0, atol=1e-12)


def test_names_of_variables_are_unlike_each_other() -> None:
    rng = np.random.default_rng(1)
    names = ("Age (y)", "age y", "AGE-Y", "\u00e2ge", "%")
    columns = {name: tuple(map(str, rng.integers(20, 90, N))) for name in names}
    found = _found(Covariates(continuous=tuple(columns)), **columns)
    assert found.names == ("gamma_age_y", "gamma_age_y_2", "gamma_age_y_3", "gamma_\u00e2ge", "gamma_column")


REFUSED: dict[str, tuple[Covariates, tuple[str, ...], str]] = {
    "texts": (Covariates(continuous=("x",)), ("old", *AGE[1:]), "'old' 1 times"),
    "commas": (Covariates(continuous=("x",)), ("1,5", *AGE[1:]), "'1,5'"),
    "dates": (Covariates(continuous=("x",)), ("2020-01-02", *AGE[1:]), "'2020-01-02'"),
    "units": (Covariates(continuous=("x",)), ("40 y", *AGE[1:]), "'40 y'"),
    "infinity": (Covariates(continuous=("x",)), ("inf", *AGE[1:]), "'inf'"),
    "one number": (Covariates(continuous=("x",)), ("7",) * N, "'7' of every patient"),
    "one category": (Covariates(categorical=("x",)), ("f",) * N, "'f' of every patient"),
    "nothing": (Covariates(continuous=("x",), missing="indicator"), ("",) * N, "no value at all"),
    "missing": (Covariates(continuous=("x",)), ("", *AGE[1:]), "no value for 1 of 12"),
    "missing category": (
        Covariates(categorical=("x",)),
        ("n/a", *("f", "f", "m") * 3, "m", "f"),
        "no value for 1 of 12",
    ),
    "coded missing": (Covariates(continuous=("x",)), ("-99", ".a", *AGE[2:]), "no value for 2 of 12 .*'-99' 1 times"),
    "beyond squares": (Covariates(continuous=("x",)), ("1e180", *AGE[1:]), "'1e180' 1 times"),
    "rounding alone": (Covariates(continuous=("x",)), tuple(f"1.00000000000{i}" for i in range(N)), "of every patient"),
    "the response": (Covariates(continuous=("x",)), tuple(map(str, RESPONSE)), "who responded"),
    "the response in words": (
        Covariates(categorical=("x",)),
        tuple(["no", "yes"][y] for y in RESPONSE),
        "who responded",
    ),
    "a score of the response": (
        Covariates(continuous=("x",)),
        tuple(f"{10 * y + i / N:.3f}" for i, y in enumerate(RESPONSE)),
        "who responded",
    ),
    "causes of the response": (
        Covariates(categorical=("x",)),
        tuple(["a", "b"][i % 2] if y else "c" for i, y in enumerate(RESPONSE)),
        "who responded",
    ),
    "the arm": (Covariates(continuous=("x",)), tuple(str(7 + i % 2) for i in range(N)), "in which arm"),
    "the arm in words": (Covariates(categorical=("x",)), ("PLACEBO", "DRUG") * (N // 2), "in which arm"),
    "doses": (Covariates(categorical=("x",)), ("none", "low", "none", "high") * (N // 4), "in which arm"),
    "many categories": (Covariates(categorical=("x",)), AGE, "12 categories"),
    "a category without a place": (Covariates(ordered={"x": ("I", "II")}), STAGES, "'III' 3 times"),
    "a place without patients": (Covariates(ordered={"x": ("0", "I", "II", "III")}), STAGES, "no patient with '0'"),
    "a missing step": (Covariates(ordered={"x": ("I", "II", "III")}), ("", *STAGES[1:]), "no value for 1 of 12"),
    "a step in other letters": (Covariates(ordered={"x": ("i", "II", "III")}), STAGES, "'I' 4 times.*Did you mean 'i'"),
    "one step in two spellings": (Covariates(ordered={"x": ("I", "I ", "II")}), STAGES, "category 'I' twice"),
    "steps of nobody": (
        Covariates(ordered={"x": ("I", "II")}, missing="indicator"),
        ("",) * N,
        "no value at all",
    ),
    "the response behind a spline": (
        Covariates(splines={"x": 3}),
        tuple(f"{10 * y + i / N:.3f}" for i, y in enumerate(RESPONSE)),
        "who responded",
    ),
    "the response with some missing": (
        Covariates(continuous=("x",), missing="indicator"),
        ("NA", "NA", *(f"{10 * y + i / N:.3f}" for i, y in enumerate(RESPONSE[2:]))),
        "who responded",
    ),
    "the response turned round, behind a spline": (
        Covariates(splines={"x": 2}),
        tuple(f"{-10 * y + i / N:.3f}" for i, y in enumerate(RESPONSE)),
        "who responded",
    ),
    "the response in steps": (
        Covariates(ordered={"x": ("no", "yes")}),
        tuple(["no", "yes"][y] for y in RESPONSE),
        "who responded",
    ),
    "a spline of very skewed values": (
        Covariates(splines={"x": 3}),
        tuple(f"{10.0 ** (3 * i)}" for i in range(N)),
        "too close beside so wide a range",
    ),
    "a spline of words": (Covariates(splines={"x": 3}), STAGES, "'I' 4 times"),
    "a spline of few values": (
        Covariates(splines={"x": 3}),
        ("1", "2", "2", "1") * 3,
        "2 different values.*required: 4 or more",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_used_is_refused(case: str) -> None:
    covariates, column, told = REFUSED[case]
    with pytest.raises(TrialError, match=told):
        _found(covariates, x=column)


def test_no_such_column() -> None:
    with pytest.raises(UnsupportedModelError, match=r"no column 'agee' of the patients.*'age'"):
        _found(Covariates(continuous=("agee",)), age=AGE)
    with pytest.raises(UnsupportedModelError, match="no column 'a' and no column 'b' of the patients"):
        _found(Covariates(continuous=("a",), categorical=("b",)), age=AGE)


SAME: dict[str, dict[str, tuple[str, ...]]] = {
    "twice": {"a": AGE, "b": AGE},
    "in other units": {"a": AGE, "b": tuple(str(12 * int(age) + 3) for age in AGE)},
    "a sum": {
        "a": AGE, "b": tuple(str(i * i) for i in range(N)), "c": tuple(str(int(a) + i * i) for i, a in enumerate(AGE)),
    },
}  # fmt: skip


@pytest.mark.parametrize("case", SAME)
def test_what_other_columns_tell_is_refused(case: str) -> None:
    columns = SAME[case]
    with pytest.raises(TrialError, match="what the others tell exactly"):
        _found(Covariates(continuous=tuple(columns)), **columns)


def test_the_site_is_no_covariate_but_what_sites_share_is() -> None:
    sites = ("A", "B", "C", "D") * 3
    response = np.arange(N) % 5 // 3
    columns = {"centre": sites, "region": ("east", "west", "east", "west") * 3}
    patients = Patients(sites, np.arange(N) // 4 % 2, response, covariates=columns)
    with pytest.raises(TrialError, match="a value of its own for each site"):
        covariate_columns(Covariates(categorical=("centre",)), patients, "model 'mine'")
    assert covariate_columns(Covariates(categorical=("region",)), patients, "model 'mine'").labels == (
        "region: west v east",
    )


SPELLINGS: dict[str, tuple[str, str]] = {
    "case": ("M", "m"), "words": ("Female", "FEMALE"), "a mark nobody sees": ("old", "o\u00adld"),
    "two spaces": ("stage II", "stage  II"), "letters of two kinds": ("\u00e9t\u00e9", "e\u0301te\u0301"),
}  # fmt: skip


@pytest.mark.parametrize("case", SPELLINGS)
def test_categories_have_one_spelling(case: str) -> None:
    one, other = SPELLINGS[case]
    with pytest.raises(
        TrialError, match=r"column 'x': found the categories .* required: one spelling of each category"
    ):
        _found(Covariates(categorical=("x",)), x=(one, "other", other) * 4)


@pytest.mark.parametrize("pair", [("I", "II"), ("<5", ">5"), ("+", "-"), ("1", "2"), ("no", "none")])
def test_categories_that_differ_are_no_spellings(pair: tuple[str, str]) -> None:
    assert _found(Covariates(categorical=("x",)), x=pair * 3 + pair[::-1] * 3).cautions == ()


@pytest.mark.parametrize(
    ("numbers", "far"),
    [
        ((*range(40, 51), 550), [550]), ((*range(40, 51), -500), [-500]), ((*range(40, 50), 1000, 2000), [1000, 2000]),
        ((*range(1, 12), 999), [999]), ((*range(10, 21), 200), [200]), ((*range(10, 21), 60), []),
        (tuple(range(12)), []), ((0,) * 10 + (1, 500), []),
        (tuple(round(float(np.exp(x)), 3) for x in np.linspace(-2, 2, 12)), []),
    ],
)  # fmt: skip
def test_values_far_from_all_others_are_told(numbers: tuple[float, ...], far: list[float]) -> None:
    """Fifteen SDs from the median or more, by SciPy's robust estimate of an SD."""
    found = _found(Covariates(continuous=("x",)), x=tuple(map(str, numbers)))
    away = [abs(value - np.median(numbers)) / stats.iqr(numbers, scale="normal") for value in far]
    told = ", ".join(f"{value} ({round(distance)} SDs)" for value, distance in zip(far, away, strict=True))
    assert all(distance > 15 for distance in away)
    assert len(found.cautions) == bool(far)
    assert all("covariate 'x': far from all others" in text and text.endswith(told) for text in found.cautions)


def test_missing_values_that_are_kept_are_told() -> None:
    numbers = Covariates(continuous=("age",), categorical=("sex",), missing="indicator")
    found = _found(numbers, age=("NA", "", *AGE[2:]), sex=("", *("f", "m", "f", "f", "m") * 2, "f"))
    assert found.cautions == (
        "covariate 'age': no value for 2 of 12 patients, who have the mean and a coefficient of their own",
        "covariate 'sex': no value for 1 of 12 patients, who have a category of their own",
    )


@pytest.mark.parametrize("error", [0.01, 0.1, 3.0])
def test_columns_hardly_told_apart_are_told(error: float) -> None:
    """By the factor that statsmodels calls the variance inflation factor."""
    from statsmodels.stats.outliers_influence import variance_inflation_factor

    rng = np.random.default_rng(5)
    age = np.arange(20.0, 20 + N)
    columns = {"age": age, "again": age + error * rng.normal(size=N), "other": rng.normal(size=N)}
    texts = {name: tuple(map(repr, map(float, values))) for name, values in columns.items()}
    found = _found(Covariates(continuous=tuple(columns)), **texts)
    design = np.column_stack([np.ones(N), *columns.values()])
    inflated = [name for k, name in enumerate(columns, 1) if variance_inflation_factor(design, k) > 100]
    assert inflated == ([] if error == 3.0 else ["age", "again"])
    assert len(found.cautions) == bool(inflated)
    assert all(f"({name}, by SD" in text or f"; {name}, by SD" in text for text in found.cautions for name in inflated)
    assert not any("other" in text.split(":")[0] for text in found.cautions)
