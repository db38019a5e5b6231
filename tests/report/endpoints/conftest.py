"""The hierarchy of the home case, analysed once for all tests of its page and figures."""

from __future__ import annotations

import pytest

from bayes_lupil.endpoints.analysis import analyse_end_points
from bayes_lupil.endpoints.result import EndPointAnalysis
from bayes_lupil.outcomes.synthetic import synthetic_patients


@pytest.fixture(scope="session")
def result() -> EndPointAnalysis:
    patients = synthetic_patients(seed=1, margins="lupil2")
    return analyse_end_points("lupil2_hierarchy", patients, joint=False, check_engines=False)
