"""What a run prints: whole numbers at any width, the same text with and without colour, names that are only text."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from bayes_lupil import Arms, load_model, load_trial, reanalyse
from bayes_lupil.frequentist.hierarchy import RECOMPUTED
from bayes_lupil.numbers import p_value, points, probability
from bayes_lupil.report.media.terminal import show
from bayes_lupil.report.reanalysis.contents import Contents
from bayes_lupil.report.reanalysis.first_screen import in_short, verdict
from bayes_lupil.report.reanalysis.fit import fit_summary
from bayes_lupil.report.reanalysis.summary import reanalysis_summary
from bayes_lupil.report.reanalysis.trial_and_estimand import trial_summary

MODELS = ("site_effects", "itt_pooled_primary_priors", "pp_pooled")
SHOWN = "[red]drug[/red]:smile:[U+202E]<b>"
HOSTILE = SHOWN.replace("[U+202E]", "\u202e") + "x" * 300


def contents(trial="beitler_landis", models=MODELS):
    return Contents(reanalyse(trial, [load_model(name) for name in models], check_engines=False))


def printed(show, width, **options):
    out = Console(file=io.StringIO(), width=width, **options)
    show(out)
    return out.file.getvalue()


def reanalysis_text(found, width=80, folder="out", **options):
    return printed(lambda out: show(reanalysis_summary(found, Path(folder)), out), width, **options)


def hostile_trial():
    trial = load_trial("beitler_landis")
    populations = {name: replace(one, label=f"{HOSTILE} {name}") for name, one in trial.populations.items()}
    end_point = replace(trial.end_point, label=HOSTILE)
    return replace(trial, title=HOSTILE, arms=Arms("cream", HOSTILE), end_point=end_point, populations=populations)


def numbers_of(found):
    """Every number that must be found whole: effect with its limits, probability with its error, p with whose it is."""
    for item in found.reanalysis.analyses:
        if item.posterior is not None and item.posterior.verdict.ok:
            rd, best = item.posterior.row("risk_difference"), item.posterior.p_benefit
            yield f"{points(rd.q50)} ({points(rd.q2_5)} to {points(rd.q97_5)})  P(benefit)"
            yield probability(best.probability, best.mcse)
    for row in found.reanalysis.hierarchy:
        if row.gate.p is not None:
            yield f"{p_value(row.gate.p)} {'recomputed' if row.gate_basis == RECOMPUTED else 'printed'}"


@pytest.mark.parametrize("width", [80, 60])
@pytest.mark.parametrize("trial", ["beitler_landis", "lupil2", "hostile"])
def test_no_number_is_cut_or_wrapped(fake_engine, trial, width):
    found = contents(hostile_trial() if trial == "hostile" else trial)
    lines = reanalysis_text(found, width).splitlines()
    assert max(cell_len(line) for line in lines) <= width
    assert "…" not in "".join(lines)
    expected = list(numbers_of(found))
    assert len(expected) >= 5
    for number in expected:
        assert any(number in line for line in lines), number


def test_it_says_what_the_report_says(fake_engine):
    found = contents()
    text = " ".join(reanalysis_text(found).split())
    for sentence in (verdict(found), *(words for _, words in in_short(found))):
        assert " ".join(sentence.replace("`", "").split()) in text
    assert "site_effects (primary), intention to treat:" in text
    assert "pp_pooled, pp: refused" in text
    assert "95 % credible interval" in text
    assert not re.search(r"\bC[Rr]?I\b", text)


def test_where_the_files_are_comes_last_and_the_report_first(fake_engine):
    tail = reanalysis_text(contents()).split("Written to ")[1]
    assert tail.startswith("out\n- report.html: the whole report; open it first")
    assert tail.index("report.html") < tail.index("comparison.md") < tail.index("(Word)")


def test_colour_changes_no_text(fake_engine, monkeypatch):
    found = contents("synthetic_outlier", ("site_effects",))
    monkeypatch.delenv("NO_COLOR", raising=False)
    plain = reanalysis_text(found, force_terminal=False)
    coloured = reanalysis_text(found, force_terminal=True, color_system="truecolor")
    assert "\x1b[" in coloured
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == plain
    assert reanalysis_text(found, force_terminal=True, no_color=True).count("SYNTHETIC") == plain.count("SYNTHETIC") > 0


def test_names_are_only_text(fake_engine):
    found = contents(hostile_trial(), ("site_effects",))
    text = reanalysis_text(found, 200, folder="a\x1b[2Jb")
    assert SHOWN in text
    assert "\u202e" not in text
    assert "\x1b" not in text
    post = found.reanalysis.fitted[0].posterior
    for shown in (printed(lambda out: show(fit_summary(post), out), 200), printed(printed_trial, 200)):
        assert SHOWN in shown
        assert "\u202e" not in shown


def printed_trial(out):
    trial = hostile_trial()
    row = {"number": "1", "what": HOSTILE, "source": "[b]s[/b]", "grade": "A"}
    show(trial_summary(replace(trial, provenance=(row,))), out)


def test_the_source_of_a_number_is_only_text():
    assert "[b]s[/b]" in printed(printed_trial, 2000)


def test_failed_diagnostics_print_no_number(fake_engine):
    fake_engine.diverge = True
    text = reanalysis_text(contents(models=("itt_pooled",)))
    assert "itt_pooled, itt: diagnostics failed" in text
    assert "MCSE" not in text
    assert "P(benefit)" not in text
