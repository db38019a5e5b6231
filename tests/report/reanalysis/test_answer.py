"""The chart of the answer: dots, thresholds and intervals are those of the posterior and of the trial."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from bayes_lupil import Arms, Cells, EndPoint, Trial, load_model, load_trial, reanalyse
from bayes_lupil.numbers import percent
from bayes_lupil.report import collect, write_reanalysis
from bayes_lupil.report.reanalysis.contents import Contents
from bayes_lupil.report.reanalysis.figures.answer import answer_chart
from bayes_lupil.report.reanalysis.figures.answer_lines import DOTS, answer_of
from tests.report.charts import rows_with, words_of
from tests.report.media.pictures import only_pictures

MODELS = ("itt_pooled", "pp_pooled")


@pytest.fixture(scope="module")
def lupil2(reanalysed):
    return collect(reanalysed("lupil2", *MODELS))


def pooled(trial, **changes):
    """A reanalysis of one exact fit."""
    spec = load_model("itt_pooled").edited(sampler__engine="quadrature", sampler__points=4096, **changes)
    return Contents(reanalyse(trial, [spec], check_engines=False))


def of_totals(events, patients, benefit="higher", **options):
    cells = Cells(("A",), np.array([events]), np.array([patients]))
    return Trial.from_cells(cells, Arms("old", "new"), EndPoint("y", "death", benefit), "made", **options)


def test_dots_are_quantiles_of_the_draws(lupil2):
    draws = lupil2.lead.draws("risk_difference").ravel()
    known = np.quantile(draws, (np.arange(DOTS) + 0.5) / DOTS)
    for width in (4.0, 8.0):
        dots = rows_with(answer_chart(lupil2).draw(width=width), "point", "rank")
        assert np.allclose(sorted(dot["x"] for dot in dots), 100 * known)
        places = {(dot["at"], dot["level"]) for dot in dots}
        assert len(places) == DOTS  # none lies over another
        assert all((dot["at"] > 0) == (dot["x"] > 0) for dot in dots)  # a stack is of one side of no difference


def test_thresholds_are_those_of_the_posterior(lupil2):
    chart, good = answer_chart(lupil2), lupil2.lead.draws("risk_difference")
    frame = chart.frame
    assert np.allclose(np.diff(frame["at_least"]), 0.005)
    for _, row in frame.iterrows():
        assert row["p_benefit"] == pytest.approx(float((good > row["at_least"]).mean()))
    lead = lupil2.lead.chances["benefit"]
    assert (frame["p_benefit"][0], frame["p_benefit_mcse"][0]) == (lead.probability, lead.mcse)
    at_ten = frame[np.isclose(frame["at_least"], 0.1)].iloc[0]
    ladder = next(item for item in lupil2.lead.ladder if item.kind == "benefit" and item.threshold == 0.1)
    assert at_ten["p_benefit"] == ladder.probability


def test_the_slider_says_what_the_file_holds(lupil2):
    chart = answer_chart(lupil2)
    dots = [row["x"] for row in rows_with(chart.draw(), "point", "rank")]
    assert len(chart.slider.steps) == len(chart.frame)
    for (threshold, shown, narrow, wide), (_, row) in zip(chart.slider.steps, chart.frame.iterrows(), strict=True):
        assert threshold == pytest.approx(100 * row["at_least"])
        assert shown == f"{threshold:g} point{'' if threshold == 1 else 's'}"
        assert row["dots"] == sum(x > threshold for x in dots)
        told = " ".join(narrow)
        assert told == " ".join(wide)
        assert f", drawn as {row['dots']:.0f} of 50 dots, that" in told
        assert percent(row["p_benefit"], short=True) in told
        assert ("at least" in told) == (threshold > 0)


def test_the_numbers_are_written_beside_the_page(lupil2, tmp_path, monkeypatch):
    only_pictures(monkeypatch, "answer")
    folder = write_reanalysis(lupil2, tmp_path / "out")
    written = pd.read_csv(folder / "answer.csv")
    assert np.allclose(written["p_benefit"], answer_chart(lupil2).frame["p_benefit"], atol=1e-6)
    for ending in ("svg", "png"):
        assert (folder / f"answer.{ending}").stat().st_size > 5_000


def test_intervals_of_trial_and_posterior(lupil2):
    lines = [line for line in answer_of(lupil2).lines if line.kind != "heading"]
    heads = [line.label for line in answer_of(lupil2).lines if line.kind == "heading"]
    assert heads == ["All 100 randomised patients", "Per protocol: 53 patients (analysed post hoc)"]
    assert [line.kind for line in lines] == ["trial", "lead", "prior", "prior", "trial", "lead"]
    first = next(row for row in lupil2.reanalysis.hierarchy if row.step == 1)
    newcombe = first.two_by_two.risk_difference_newcombe
    assert (lines[0].low, lines[0].high) == (newcombe.lower, newcombe.upper)
    assert lines[0].said == f"p = {first.published.p:g}"
    assert lines[4].said.endswith(", nominal")
    for line, posterior in ((lines[1], lupil2.lead), (lines[5], lupil2.sound[1])):
        rd = posterior.row("risk_difference")
        assert (line.middle, line.low, line.high) == (rd.q50, rd.q2_5, rd.q97_5)
        late = ", unprotected" if posterior.provenance.population == "pp" else ""
        assert line.said == f"better: {percent(posterior.p_benefit.probability, short=True)}{late}"
    changed = {row.prior.name: row.changed for row in lupil2.priors.rows}
    for line, name in ((lines[2], "sceptical"), (lines[3], "optimistic")):
        assert name in line.label
        assert line.middle == changed[name].estimates["risk_difference"].q50
        assert line.said == f"better: {percent(changed[name].p_benefit, short=True)}"
    for width in (4.0, 8.0):
        bars = rows_with(answer_chart(lupil2).draw(width=width), "rule", "numbers")
        assert sorted(bar["low"] for bar in bars) == pytest.approx(sorted(100 * line.low for line in lines))


def test_words_for_those_who_cannot_see_it(lupil2):
    chart = answer_chart(lupil2)
    said = chart.alternative
    rd, best = lupil2.lead.row("risk_difference"), lupil2.lead.p_benefit
    assert f"{100 * rd.q50:+.1f} (95 % credible interval {100 * rd.q2_5:+.1f} to {100 * rd.q97_5:+.1f})" in said
    assert f"ILT-101 is better: probability {percent(best.probability, short=True)}" in said
    assert "95 % confidence interval (Newcombe)" in said
    assert "p = 0.3439" in said


def test_without_priors_and_without_a_printed_p(reanalysed):
    contents = Contents(reanalysed("beitler_landis", "itt_pooled"))
    lines = answer_of(contents).lines
    assert [line.kind for line in lines] == ["heading", "trial", "lead"]
    stratified = contents.reanalysis.hierarchy[0].stratified
    assert lines[1].said == f"p = {stratified.cmh.p:.4f} (CMH)"
    assert lines[1].middle == stratified.mh_risk_difference
    assert "stratified by site" in answer_chart(contents).caption


def test_of_totals_pearsons_test_stands_beside_the_interval_of_the_totals():
    line = answer_of(pooled(of_totals([20, 30], [50, 50]))).lines[1]
    assert line.said.endswith("(Pearson)")
    assert "Newcombe" in line.method


@pytest.mark.parametrize("width", [4.0, 8.0])
def test_where_lower_is_better_benefit_is_on_the_left(reanalysed, width):
    contents = Contents(reanalysed("indo_rct", "itt_pooled"))
    chart, draws = answer_chart(contents), contents.lead.draws("risk_difference")
    assert chart.frame["p_benefit"][0] == pytest.approx(float((draws < 0).mean()))
    drawn = chart.draw(width=width)
    dots = rows_with(drawn, "point", "rank")
    assert chart.frame["dots"][0] == sum(dot["x"] < 0 for dot in dots)
    ranks = sorted(dots, key=lambda dot: int(dot["rank"].split()[0]))
    assert ranks[0]["x"] == max(dot["x"] for dot in dots)  # the worst first
    arms = contents.trial.arms
    told = next(word for word in words_of(drawn) if "better  |" in word)
    assert told.index(arms.active[:10]) < told.index(arms.control[:10])


def test_very_rare_events_have_finer_steps():
    contents = pooled(of_totals([60, 40], [50_000, 50_000], benefit="lower"))
    chart = answer_chart(contents)
    steps = [step[0] for step in chart.slider.steps]
    assert 20 <= len(steps) <= 120
    assert steps[1] < 0.02
    draws = -contents.lead.draws("risk_difference")
    assert chart.frame["p_benefit"][3] == pytest.approx(float((draws > chart.frame["at_least"][3]).mean()))
    line = answer_of(contents).lines[1]
    assert answer_of(contents).points(line.middle) in ("-0.040", "-0.04")
    assert len({row["numbers"] for row in rows_with(chart.draw(), "rule", "numbers")}) >= 1


def test_no_sound_analysis_no_chart(fake_engine):
    fake_engine.diverge = True
    assert answer_chart(Contents(reanalyse("he2020", [load_model("itt_pooled")]))) is None


def test_made_up_data_are_marked(fake_engine):
    trial = dataclasses.replace(load_trial("beitler_landis"), synthetic=True)
    chart = answer_chart(Contents(reanalyse(trial, [load_model("itt_pooled")])))
    for width in (4.0, 8.0):
        assert any(word.startswith("SYNTHETIC DATA") for word in words_of(chart.draw(width=width)))


def test_neither_0_nor_100_per_cent():
    told = answer_chart(pooled(of_totals([2, 48], [50, 50]))).slider.steps
    assert "> 99 %" in " ".join(told[0][2])
    assert "< 1 %" in " ".join(told[-1][2])
    assert not [step for step in told if "100 %" in " ".join(step[2]) or " 0 %" in " ".join(step[2])]
