"""One run over a trial's sites: what is fitted, who is suspect, and what becomes of a model that fails."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bayes_lupil import load_model, load_trial, site_models
from bayes_lupil.errors import InputError, SamplerError, UnsupportedModelError
from bayes_lupil.model_analysis import analyse_models
from bayes_lupil.sensitivity import Estimate
from bayes_lupil.sites.analysis import analyse_sites, most_outlying

QUICK = {"sampler__points": 1024}
MODELS = [load_model(name).edited(**QUICK) for name in ("site_effects", "outliers_control")]
SHOWN = load_model("outliers_arms").edited(**QUICK)


@pytest.fixture(scope="module")
def planted():
    seen = []
    trial = load_trial("synthetic_outlier")
    found = analyse_sites(trial, SHOWN, MODELS, announce=lambda i, of, model, done: seen.append((i, of, done is None)))
    return found, seen


def test_everything_is_there(planted):
    found, seen = planted
    assert [item.model.name for item in found.attempts] == ["outliers_arms", "site_effects", "outliers_control"]
    assert seen == [(i, 3, before) for i in (1, 2, 3) for before in (True, False)]
    assert found.ok
    assert found.shown.spec.name == found.table.model == "outliers_arms"
    assert {item.name for item in found.comparison.models} == set(found.sound)
    assert [checks.model for checks in found.checks] == ["outliers_arms", "site_effects"]
    assert found.table.synthetic


def test_the_planted_site_is_the_suspect(planted):
    """20 of 20 placebo patients against about half elsewhere: P(outlier) above 0.9, in that arm alone."""
    found, _ = planted
    assert found.path.sites == ("site 05",)
    assert found.chosen_by_data
    row = next(row for row in found.table.rows if row.site == "site 05")
    assert row.outlier[0].mean > 0.9
    assert max(row.outlier[1].mean, *(max(o.mean for o in r.outlier) for r in found.table.rows if r is not row)) < 0.5
    assert found.path.points[-1].risk_difference.mean > found.path.points[0].risk_difference.mean


def test_named_suspects_are_followed():
    trial = load_trial("beitler_landis")
    found = analyse_sites(trial, SHOWN, (), suspects=("5", "8"), powers=(1.0, 0.0))
    assert found.path.sites == ("5", "8")
    assert not found.chosen_by_data
    assert found.comparison is None
    alone = analyse_sites(trial, SHOWN, (), follow=False)
    assert alone.path is None
    assert alone.checks == ()


def test_bad_input_is_refused_before_anything_is_fitted(monkeypatch):
    def never(*_, **__):
        raise AssertionError("fitted")

    monkeypatch.setattr("bayes_lupil.model_analysis.fit_checked", never)
    with pytest.raises(UnsupportedModelError, match="no site '55'"):
        analyse_sites(load_trial("beitler_landis"), suspects=("55",))
    with pytest.raises(InputError, match="two sites or more"):
        analyse_sites(load_trial("he2020"))


def test_a_model_that_cannot_run_is_a_row(monkeypatch):
    def broken(*_, **__):
        raise SamplerError("no start")

    monkeypatch.setattr("bayes_lupil.model_analysis.fit_checked", broken)
    trial = load_trial("beitler_landis")
    (item,) = analyse_models(trial, [MODELS[0]], check_engines=False)
    assert (item.posterior, item.reason, item.is_failure) == (None, "no start", True)
    with pytest.raises(InputError, match="no start"):
        analyse_sites(trial, SHOWN, ())


def test_a_model_that_the_trial_does_not_support_is_no_failure():
    (item,) = analyse_models(load_trial("lupil2"), [load_model("site_exnex")], check_engines=False)
    assert item.posterior is None
    assert not item.is_failure
    assert "site table" in item.reason


def test_without_outliers_the_one_that_moves_most_is_suspect(planted):
    found, _ = planted
    rows = tuple(replace(row, outlier=None, change=Estimate(0.01 * i, 0.0)) for i, row in enumerate(found.table.rows))
    assert most_outlying(replace(found.table, rows=rows), [row.site for row in rows]) == (rows[-1].site,)
    assert most_outlying(replace(found.table, rows=rows), [row.site for row in rows[:-1]]) != (rows[-1].site,)
    assert most_outlying(found.table, []) == ()


def test_every_distribution_has_a_model_and_normal_comes_first():
    kinds = [(model.sites.distribution, model.sites.outliers) for model in site_models()]
    assert kinds[0] == ("normal", None)
    assert {kind for kind, _ in kinds} == {"normal", "student_t", "contaminated", "exnex"}
    assert {where for _, where in kinds} == {None, "site", "control", "active", "arms"}
    assert np.unique([model.sampler.seed for model in site_models()]).size == len(kinds)


def test_models_with_countries_are_refused_before_anything_is_fitted():
    with pytest.raises(UnsupportedModelError, match="countries above the sites"):
        analyse_sites(load_trial("beitler_landis"), models=[load_model("site_in_country")])
