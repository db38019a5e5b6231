"""The report of the home case, collected once for all tests of reports."""

from __future__ import annotations

import pytest

from bayes_lupil import reanalyse
from bayes_lupil.report import collect
from bayes_lupil.report.reanalysis.contents import Contents


@pytest.fixture(scope="session")
def lupil2_report() -> Contents:
    return collect(reanalyse("lupil2", ["lupil2/site_effects", "lupil2/pp_pooled"], check_engines=False))
