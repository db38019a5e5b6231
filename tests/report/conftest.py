"""The report of the home case, collected once for all tests of reports."""

from __future__ import annotations

import pytest

from bayes_lupil import load_model, reanalyse
from bayes_lupil.report import collect
from bayes_lupil.report.reanalysis.contents import Contents


@pytest.fixture(scope="session")
def lupil2_report() -> Contents:
    """Fewer points than the model file asks for: its words and tables are looked at, not its last digits."""
    names = ("lupil2/site_effects", "lupil2/pp_pooled")
    models = [load_model(name).edited(sampler__points=8192, sampler__draws=1000) for name in names]
    return collect(reanalyse("lupil2", models, check_engines=False))
