"""Columns of covariates: what they become, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_lupil.errors import TrialError, UnsupportedModelError
from bayes_lupil.likelihoods.covariates import CovariateColumns, covariate_columns
from bayes_lupil.spec import Covariates
from bayes_lupil.trials.patients import Patients

N = 12
AGE = tuple(str(20 + i) for i in range(N))


def _found(covariates: Covariates, **columns: tuple[str, ...]) -> CovariateColumns:
    response = np.arange(N) % 3 // 2
    patients = Patients(("A",) * N, np.arange(N) % 2, response, covariates=columns)
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
    found = _found(Covariates(categorical=("sex",)), sex=("m", "f") * 6)
    assert found.labels == ("sex: m v f",)


def test_numbers_may_be_categories() -> None:
    found = _found(Covariates(categorical=("stage",)), stage=("1",) * 6 + ("2",) * 4 + ("3",) * 2)
    assert found.names == ("gamma_stage_2", "gamma_stage_3")


def test_missing_numbers_have_the_mean_and_a_coefficient() -> None:
    age = ("NA", "", *AGE[2:])
    found = _found(Covariates(continuous=("age",), missing="indicator"), age=age)
    assert found.names == ("gamma_age", "gamma_age_missing")
    assert found.labels[1] == "age: missing v known"
    known = np.arange(22, 20 + N)
    np.testing.assert_allclose(found.z[:2, 0], 0, atol=1e-15)
    np.testing.assert_allclose(found.z[2:, 0], (known - known.mean()) / known.std())
    np.testing.assert_allclose(found.z[:, 1], (np.arange(N) < 2) - 2 / N)


def test_a_missing_category_is_one_of_its_own() -> None:
    found = _found(Covariates(categorical=("sex",), missing="indicator"), sex=("", "?", *("f", "m", "f", "f", "m") * 2))
    assert found.labels == ("sex: m v f", "sex: missing v f")


def test_names_of_variables_are_unlike_each_other() -> None:
    columns = {"Age (y)": AGE, "age y": AGE, "AGE-Y": AGE, "\u00e2ge": AGE, "%": AGE}
    found = _found(Covariates(continuous=tuple(columns)), **columns)
    assert found.names == ("gamma_age_y", "gamma_age_y_2", "gamma_age_y_3", "gamma_\u00e2ge", "gamma_column")


REFUSED: dict[str, tuple[Covariates, tuple[str, ...], str]] = {
    "texts": (Covariates(continuous=("x",)), ("old", *AGE[1:]), "'old' \\(1 times\\)"),
    "commas": (Covariates(continuous=("x",)), ("1,5", *AGE[1:]), "'1,5'"),
    "dates": (Covariates(continuous=("x",)), ("2020-01-02", *AGE[1:]), "'2020-01-02'"),
    "units": (Covariates(continuous=("x",)), ("40 y", *AGE[1:]), "'40 y'"),
    "infinity": (Covariates(continuous=("x",)), ("inf", *AGE[1:]), "'inf'"),
    "one number": (Covariates(continuous=("x",)), ("7",) * N, "'7' of every patient"),
    "one category": (Covariates(categorical=("x",)), ("f",) * N, "'f' of every patient"),
    "nothing": (Covariates(continuous=("x",), missing="indicator"), ("",) * N, "no value at all"),
    "missing": (Covariates(continuous=("x",)), ("", *AGE[1:]), "no value for 1 of 12"),
    "missing category": (Covariates(categorical=("x",)), ("unknown", *("f", "m") * 5, "f"), "no value for 1 of 12"),
    "coded missing": (Covariates(continuous=("x",)), ("-99", ".a", *AGE[2:]), "no value for 2 of 12"),
    "many categories": (Covariates(categorical=("x",)), AGE, "12 categories"),
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
