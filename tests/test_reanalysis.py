"""Every model met with a trial: refusals are rows, failures are failures, nothing is swallowed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bayes_lupil import load_model, load_models, load_trial, reanalyse
from bayes_lupil.errors import SamplerError, UnsupportedModelError

MODELS = Path(__file__).parents[1] / "models"


def test_lupil2_refuses_fixed_sites_with_the_reason_and_fits_the_rest(fake_engine):
    seen = []
    result = reanalyse("lupil2", announce=lambda i, of, spec, done: seen.append((i, of, spec.name, done is None)))
    by_name = {item.model.name: item for item in result.analyses}
    assert set(by_name) == {spec.name for spec in load_models(trial="lupil2")}
    assert by_name["site_fixed"].status == "refused"
    assert "not published" in by_name["site_fixed"].reason
    assert {item.status for name, item in by_name.items() if name != "site_fixed"} == {"ok"}
    assert result.ok
    assert result.primary.model.name == "site_effects"
    assert result.analyses[0].model.role == "primary"
    assert len(seen) == 2 * len(by_name)


def test_models_for_another_trial_or_population_are_refused(fake_engine):
    result = reanalyse("beitler_landis")
    refused = {item.model.name: item.reason for item in result.analyses if item.status == "refused"}
    assert set(refused) == {"pp_pooled"}
    assert "population 'pp'" in refused["pp_pooled"]
    (informed,) = (item for item in reanalyse("beitler_landis", MODELS / "lupil2").analyses if item.model.only_for)
    assert informed.status == "refused"
    assert "lupil2" in informed.reason


def test_failed_diagnostics_fail_the_run(fake_engine):
    fake_engine.diverge = True
    result = reanalyse("he2020", [load_model("itt_pooled")])
    assert result.analyses[0].status == "diagnostics failed"
    assert "divergent" in result.analyses[0].reason
    assert not result.ok


def test_a_sampler_that_cannot_run_is_a_visible_failure(monkeypatch):
    def broken(*_, **__):
        raise SamplerError("no finite density")

    monkeypatch.setattr("bayes_lupil.fitting.run_engine", broken)
    result = reanalyse("he2020", [load_model("itt_pooled")])
    assert (result.analyses[0].status, result.analyses[0].reason) == ("failed", "no finite density")
    assert not result.ok


def test_any_other_error_is_not_swallowed(monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr("bayes_lupil.fitting.run_engine", broken)
    with pytest.raises(ZeroDivisionError):
        reanalyse("he2020", [load_model("itt_pooled")])


def test_a_trial_that_supports_no_model_is_an_error(fake_engine):
    with pytest.raises(UnsupportedModelError, match="no model that it supports"):
        reanalyse("lupil2", [load_model("site_fixed")])


def test_one_seed_gives_each_model_its_own(fake_engine):
    first, again = (reanalyse("he2020", seed=11) for _ in range(2))
    assert [item.model.sampler.seed for item in first.analyses] == [11 + i for i in range(len(first.analyses))]
    for one, two in zip(first.fitted, again.fitted, strict=True):
        np.testing.assert_array_equal(one.posterior.draws("beta"), two.posterior.draws("beta"))


def test_without_sites_counts_the_exclusions(fake_engine):
    spec = load_model("site_intercepts").edited(name="less", without_sites=["5", "6"])
    post = reanalyse(load_trial("beitler_landis"), [spec]).analyses[0].posterior
    assert sum(item.patients for item in post.provenance.exclusions) == 12 + 17 + 10 + 11
    assert post.provenance.totals == ((47, 143 - 22), (55 - 7, 130 - 28))
    assert "5" not in post.data["posterior"]["site"].values


def test_near_a_step_of_the_verdict_more_draws_are_taken():
    """P(benefit) is 0.992 there, by 84,000 draws of 131,072 points, and the words change at 0.99."""
    from bayes_lupil.report.reanalysis.verdict import verdict_words

    spec = load_model("site_effects")
    told = set()
    for seed in (None, 1, 2):
        result = reanalyse("beitler_landis", [spec], seed=seed, check_engines=False)
        item = result.analyses[0]
        assert item.model.sampler.points > spec.sampler.points
        assert (item.model.role, item.model.edits) == ("primary", None)
        assert item.posterior.p_benefit.probability == pytest.approx(0.992, abs=4 * item.posterior.p_benefit.mcse)
        told.add(verdict_words(item.posterior.p_benefit.probability, result.trial.arms))
    assert told == {"Drug was almost certainly better than control (99 in 100)."}


def test_far_from_a_step_no_more_draws_are_taken():
    spec = load_model("itt_pooled")
    result = reanalyse("lupil2", [spec], check_engines=False)  # 0.851
    assert result.analyses[0].model == spec


@pytest.mark.parametrize(
    ("p", "mcse", "near"),
    [
        (0.851, 0.002, False), (0.9962, 0.0014, True), (0.992, 0.0003, False), (0.34, 0.01, True), (0.5, 0.01, False),
        (0.9, 1e-6, True), (1.0, 0.0004, False), (1.0, 0.002, True), (0.0, 0.002, True), (0.02, 0.003, True),
    ],
)  # fmt: skip
def test_what_is_near_a_step(p, mcse, near):
    from bayes_lupil.reanalysis import _near

    assert _near(p, mcse) is near
