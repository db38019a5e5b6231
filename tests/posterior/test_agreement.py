"""Two engines beside each other: agreement is measured, and disagreement fails the verdict everywhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bayes_lupil import Posterior, fit, load_model, load_trial, reanalyse
from bayes_lupil.engines import engine_for, quadrature
from bayes_lupil.errors import UnsupportedModelError
from bayes_lupil.likelihoods import build_likelihood
from bayes_lupil.posterior.agreement import compare_engines
from bayes_lupil.report import collect, write_reanalysis
from tests.folders.without_pictures import without_pictures


@pytest.fixture(scope="module")
def trial():
    return load_trial("beitler_landis")


@pytest.fixture(scope="module")
def pair(trial):
    spec = load_model("site_effects")
    return fit(spec, trial), fit(spec.edited(sampler__seed=3), trial)


def shifted(posterior, name, by):
    """A posterior of which one quantity is off by some of its SDs."""
    tree = posterior.data.copy()
    group = tree["posterior"].to_dataset()
    tree["posterior"] = group.assign({name: group[name] + by * group[name].std()})
    return replace(posterior, data=tree)


def test_two_seeds_agree(pair):
    reported, found = compare_engines(*pair)
    assert found.status == "agree"
    assert 0 < found.difference < 4
    assert found.compared == 11  # 4 parameters, 6 estimands, P(benefit)
    assert reported.verdict.ok
    assert reported.verdict.engine_difference == found.difference
    assert found.text in reported.provenance.notes[-1]


def test_the_difference_is_in_combined_monte_carlo_errors(pair):
    first, second = pair
    _, found = compare_engines(first, shifted(second, "tau_v", 0.5))
    one, two = first.row("tau_v"), shifted(second, "tau_v", 0.5).row("tau_v")
    assert found.quantity == "tau_v"
    assert found.difference == pytest.approx(abs(one.mean - two.mean) / np.hypot(one.mcse_mean, two.mcse_mean))


def test_disagreement_fails_the_verdict_and_stays_in_the_file(pair, tmp_path):
    first, second = pair
    reported, found = compare_engines(first, shifted(second, "beta", 0.3))
    assert (found.status, found.quantity) == ("disagree", "beta")
    for posterior in (reported, Posterior.load(reported.save(tmp_path / "x.nc"))):
        assert not posterior.verdict.ok
        assert "the engines differ by" in posterior.verdict.text
        assert posterior.p_benefit is None
        assert posterior.ladder == ()
        assert posterior.to_json()["p_benefit"] is None


def test_a_check_that_failed_compares_nothing_and_says_so(pair):
    first, second = pair
    tree = second.data.copy()
    tree["diagnostics"] = tree["diagnostics"].to_dataset().assign(pareto_k=1.2)
    reported, found = compare_engines(first, replace(second, data=tree))
    assert found.status == "not compared"
    assert "k-hat 1.20" in found.text
    assert reported.verdict.ok
    assert "not compared" in reported.provenance.notes[-1]


def engines_with(by):
    """Quadrature for both names; what goes by the name of NUTS is off by so many SDs of beta."""

    def run(likelihood, progress=False, *, keep=""):
        draws = quadrature.sample(likelihood, progress)
        if engine_for(likelihood) == "nuts":
            beta = draws.values["beta"]
            draws.values["beta"] = beta + by * beta.std()
            return replace(draws, sampler="stand-in for NUTS")
        return draws

    return run


@pytest.mark.parametrize(("by", "agree"), [(0.0, True), (0.5, False)])
def test_a_reanalysis_prints_the_row_and_fails_where_engines_differ(monkeypatch, trial, tmp_path, by, agree):
    without_pictures(monkeypatch)
    monkeypatch.setattr("bayes_lupil.fitting.run_engine", engines_with(by))
    result = reanalyse(trial, [load_model("site_effects"), load_model("informed_he2020")])
    ((name, agreement),) = result.agreements
    assert name == "site_effects"
    assert (agreement.status == "agree") == agree
    assert result.ok == agree
    assert result.analyses[0].status == ("ok" if agree else "diagnostics failed")
    write_reanalysis(collect(result), tmp_path)
    page = (tmp_path / "comparison.md").read_text()
    assert "## Engines agree" in page
    assert ("| yes |" in page) == agree
    assert ("NO (disagree)" in page) != agree
    table = (tmp_path / "comparison.csv").read_text()
    assert "engines agree: site_effects" in table


def test_the_check_can_be_left_out(monkeypatch, trial):
    monkeypatch.setattr("bayes_lupil.fitting.run_engine", engines_with(9.0))
    result = reanalyse(trial, [load_model("site_effects")], check_engines=False)
    assert result.agreements == ()
    assert result.ok


def test_margins_have_an_engine_of_their_own(fake_engine):
    trial, spec = load_trial("lupil2"), load_model("site_effects")
    assert engine_for(build_likelihood(spec, trial)) == "importance"
    assert engine_for(build_likelihood(spec.edited(sampler__engine="nuts"), trial)) == "nuts"
    with pytest.raises(UnsupportedModelError, match="engine 'importance' or engine 'nuts'"):
        engine_for(build_likelihood(spec.edited(sampler__engine="quadrature"), trial))
    cells = load_trial("beitler_landis")
    with pytest.raises(UnsupportedModelError, match="engine 'quadrature' or engine 'nuts'"):
        engine_for(build_likelihood(spec.edited(sampler__engine="importance"), cells))
    result = reanalyse(trial, [spec, load_model("itt_pooled")])
    assert [name for name, _ in result.agreements] == ["site_effects", "itt_pooled"]
