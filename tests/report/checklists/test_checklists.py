"""Checklists: nothing is ticked that the run did not do, and nothing points to a section that is not there."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from bayes_lupil import load_model, load_trial
from bayes_lupil.frequentist import trial_hierarchy
from bayes_lupil.model_analysis import Analysis
from bayes_lupil.reanalysis import Reanalysis
from bayes_lupil.report.checklists import ANCHORS, checklists
from bayes_lupil.report.checklists.item import found
from bayes_lupil.report.reanalysis.contents import Contents
from bayes_lupil.sites.analysis import SiteAnalysis
from bayes_lupil.trials.trial import Source
from bayes_lupil.unpublished.analysis import UnpublishedAnalysis

EVERYWHERE = frozenset(ANCHORS)
REGULATORS = "Points that regulators ask about"
# what no run of this software can say
NEVER = {
    ("BARG", "Preamble A"), ("BARG", "3C"), ("BARG", "4"), (REGULATORS, "E9(R1), b"), (REGULATORS, "E9(R1), c"),
    (REGULATORS, "FDA, d"), (REGULATORS, "FDA, e"), (REGULATORS, "FDA, f"), (REGULATORS, "FDA, g"),
}  # fmt: skip
PRIORS = {("BARG", "5"), ("ROBUST", "3"), (REGULATORS, "FDA, c")}
SITES = {("BARG", "3A"), (REGULATORS, "FDA, j")}
CHAINS = {("BARG", "2B"), ("BARG", "2C")}
QUADRATURE = {("BARG", "2D")}
CALCULATION = {("ROBUST", "5"), (REGULATORS, "FDA, h")}
MODELS = {(REGULATORS, "E9(R1), d")}
# what stands or falls with there being one sound analysis
RESULTS = {
    ("BARG", "Preamble B"), ("BARG", "1E"), ("BARG", "3B"), ("ROBUST", "6"), ("ROBUST", "7"),
    (REGULATORS, "E9(R1), a"), (REGULATORS, "FDA, b"), (REGULATORS, "FDA, k"),
}  # fmt: skip


@pytest.fixture(scope="module")
def trial():
    return load_trial("beitler_landis")


@pytest.fixture(scope="module")
def drawn(resampled, trial):
    """Two models of the same population, by Markov chains as far as their diagnostics tell."""
    names = ("site_effects", "itt_pooled_primary_priors")
    return tuple(resampled(load_model(name), trial) for name in names)


def weighed(posterior, k_hat=0.31):
    """The same as if it had come from the quadrature engine."""
    tree = posterior.data.copy()
    tree["diagnostics"] = xr.DataTree(
        xr.Dataset({"pareto_k": k_hat, "quadrature_error": 2e-6, "failed_integrals": 0.0})
    )
    return replace(posterior, data=tree, provenance=replace(posterior.provenance, sampler="quadrature, bayes-lupil 9"))


def diverged(posterior):
    tree = posterior.data.copy()
    statistics = tree["sample_stats"].to_dataset()
    bad = np.ones_like(statistics["diverging"].values)
    tree["sample_stats"] = xr.DataTree(statistics.assign(diverging=(statistics["diverging"].dims, bad)))
    return replace(posterior, data=tree)


def contents_of(trial, posteriors, priors=True, sites=True):
    analyses = tuple(
        Analysis(p.spec, "ok" if p.verdict.ok else "diagnostics failed", p, "" if p.verdict.ok else p.verdict.text)
        for p in posteriors
    )
    checks = (SimpleNamespace(model=posteriors[0].spec.name),)
    looked = SiteAnalysis(trial, posteriors[0], None, (), None, None, False, checks)
    result = Reanalysis(trial, trial_hierarchy(trial), analyses)
    return Contents(result, object() if priors else None, looked if sites else None)


def items(contents, sections=EVERYWHERE):
    return {(part.name, item.number): item for part in checklists(contents, sections) for item in part.items}


def ticks(contents, sections=EVERYWHERE):
    return {key for key, item in items(contents, sections).items() if item.answered}


@pytest.fixture(scope="module")
def full(trial, drawn):
    return contents_of(trial, [weighed(p) for p in drawn])


def test_a_full_run_ticks_all_but_what_no_run_can_say(full):
    assert set(items(full)) - ticks(full) == NEVER | CHAINS
    assert len(items(full)) == sum(len(part.items) for part in checklists(full, EVERYWHERE))  # no number twice


def test_robust_has_its_seven_items(full):
    robust = next(part for part in checklists(full, EVERYWHERE) if part.name == "ROBUST")
    assert [item.number for item in robust.items] == [str(i) for i in range(1, 8)]


def test_without_other_priors_exactly_those_ticks_are_lost(full):
    assert ticks(full) - ticks(replace(full, priors=None)) == PRIORS


@pytest.mark.parametrize("kind", ["not looked at", "never published", "without checks"])
def test_without_a_look_at_the_sites_exactly_those_ticks_are_lost(full, kind):
    other = {
        "not looked at": None,
        "never published": UnpublishedAnalysis(full.trial, (), None, (), (), None),
        "without checks": replace(full.sites, checks=()),
    }[kind]
    assert ticks(full) - ticks(replace(full, sites=other)) == SITES
    assert ticks(replace(full, sites=other)) <= ticks(full)


def test_one_model_shows_nothing_of_its_assumptions(trial, drawn, full):
    assert ticks(full) - ticks(contents_of(trial, [weighed(drawn[0])])) == MODELS


def test_a_model_of_another_population_does_not_count_as_another_assumption(trial, drawn, full):
    apart = weighed(drawn[1])
    apart = replace(apart, spec=apart.spec.edited(population="pp"))
    assert ticks(full) - ticks(contents_of(trial, [weighed(drawn[0]), apart])) == MODELS


def test_failed_diagnostics_lose_exactly_those_ticks(trial, drawn, full):
    failed = contents_of(trial, [weighed(drawn[0]), weighed(drawn[1], k_hat=0.9)])
    assert ticks(full) - ticks(failed) == QUADRATURE | CALCULATION | MODELS
    assert "itt_pooled_primary_priors" in items(failed)["ROBUST", "5"].words


def test_without_a_sound_analysis_there_is_no_result(trial, drawn, full):
    failed = contents_of(trial, [weighed(p, k_hat=0.9) for p in drawn])
    assert ticks(full) - ticks(failed) == QUADRATURE | CALCULATION | MODELS | RESULTS


def test_markov_chains_are_judged_as_such(trial, drawn, full):
    chains = contents_of(trial, drawn)
    assert ticks(chains) ^ ticks(full) == CHAINS | QUADRATURE
    failed = contents_of(trial, [drawn[0], diverged(drawn[1])])
    assert ticks(chains) - ticks(failed) == CHAINS | CALCULATION | MODELS


@given(st.sets(st.sampled_from(ANCHORS)))
def test_an_item_never_points_to_a_missing_section(full, chosen):
    whole, part = items(full), items(full, frozenset(chosen))
    for key, item in part.items():
        assert set(item.sections) <= chosen
        assert item.answered == bool(item.sections)
        assert item.answered == (whole[key].answered and set(whole[key].sections) <= chosen)
        assert item.answered != item.words.startswith(("Not addressed: ", "Does not apply: "))
        assert item.applies != item.words.startswith("Does not apply: ")
        if whole[key].answered and not item.answered:
            missing = set(whole[key].sections) - chosen
            assert all(f"'{name}'" in item.words for name in missing)


def test_words_hold_the_facts_of_the_run(trial, drawn, full):
    said = items(full)
    assert "k-hat at most 0.31" in said["BARG", "2D"].words
    assert "0.000002" in said["BARG", "2D"].words
    assert "quadrature, bayes-lupil 9" in said["BARG", "2A"].words
    number = sum(len(p.spec.priors.items()) for p in drawn)
    assert f"{number} priors of 2 models" in said["ROBUST", "1"].words
    worst = max(row.r_hat for p in drawn for row in p.rows)
    assert f"at most {worst:.4f}" in items(contents_of(trial, drawn))["BARG", "2B"].words


def test_information_from_outside_is_named(trial, drawn, full):
    assert "centred at no effect in 2 models" in items(full)[REGULATORS, "FDA, b"].words
    informed = weighed(drawn[1])
    informed = replace(informed, spec=informed.spec.edited(name="believer", priors__beta__mean=0.4))
    words = items(contents_of(trial, [weighed(drawn[0]), informed]))[REGULATORS, "FDA, b"].words
    assert "not centred at no effect in `believer`" in words


def test_missing_outcomes_that_were_never_published_are_said_to_be(full):
    trial = replace(full.trial, not_published=("the rule for missing outcomes", "adverse events"))
    words = items(replace(full, reanalysis=replace(full.reanalysis, trial=trial)))[REGULATORS, "E9(R1), c"].words
    assert words == "Not addressed: never published: the rule for missing outcomes."


def test_data_are_only_ticked_where_all_are_shown_with_a_source(full):
    def shared(**changes):
        changed = replace(full, reanalysis=replace(full.reanalysis, trial=replace(full.trial, **changes)))
        return ("BARG", "6, data") in ticks(changed)

    one = full.trial.provenance[0]
    assert shared()
    assert not shared(sources=())
    assert not shared(provenance=())
    assert not shared(provenance=(*full.trial.provenance, {**one, "source": "hearsay"}))
    assert not shared(provenance=(one,) * 61)
    assert shared(provenance=(one,) * 60, sources=(Source(one["source"], "A paper"),))


def test_an_answer_names_known_sections():
    with pytest.raises(ValueError, match="sections"):
        found("somewhere", "appendix")
    with pytest.raises(ValueError, match="sections"):
        found("nowhere")
