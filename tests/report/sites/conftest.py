"""Made-up data with an outlying site, looked at once for all tests of pages and figures of sites."""

from __future__ import annotations

import pytest

from bayes_lupil import analyse_sites, load_model, load_trial
from bayes_lupil.sites.analysis import SiteAnalysis


@pytest.fixture(scope="session")
def planted() -> SiteAnalysis:
    models = [load_model(name).edited(sampler__points=1024) for name in ("outliers_arms", "site_effects")]
    return analyse_sites(load_trial("synthetic_outlier"), models[0], models[1:])
