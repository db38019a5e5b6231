"""Tables to take away: rounded from the unrounded ones, interval types named, directions followed, SYNTHETIC said."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from docx import Document

from bayes_lupil import Arms, Cells, EndPoint, Trial, load_model, load_trial, reanalyse
from bayes_lupil.report import collect
from bayes_lupil.report.media.write import documents, tables_of
from bayes_lupil.report.reanalysis.benefit import benefit_frame, benefit_table
from bayes_lupil.report.reanalysis.comparison import comparison_for_papers, comparison_table
from bayes_lupil.report.reanalysis.contents import Contents
from bayes_lupil.report.reanalysis.paper_tables import TAKEAWAY, paper_pages


def takeaway(contents):
    """The files to take away, by their names."""
    found = {}
    for _, page in paper_pages(contents):
        found |= {name: text.encode() for name, text in tables_of(page)} | documents(page)
    return found


NUMBER = r"[-+]?\d+(?:\.\d+)?"


@pytest.fixture
def lupil2(reanalysed):
    return Contents(reanalysed("lupil2"))


def small(end_point, models=("itt_pooled_primary_priors",), arms=("placebo", "drug")):
    cells = Cells(("A", "B"), np.array([[14, 17], [15, 17]]), np.array([[25, 25], [25, 25]]))
    trial = Trial.from_cells(cells, Arms(*arms), replace(end_point, mcid=0.1))
    specs = [load_model(name).edited(sampler__points=4096) for name in models]
    return collect(reanalyse(trial, specs, check_engines=False))


def records(table):
    return [dict(zip(table.header, row, strict=True)) for row in table.rows]


def test_every_interval_is_named_by_its_kind_and_none_by_the_other(lupil2):
    seen = set()
    for row in records(comparison_for_papers(lupil2)):
        if " to " in row["interval"]:
            kind = "credible" if row["kind"].startswith("Bayesian") else "confidence"
            other = "confidence" if kind == "credible" else "credible"
            assert re.search(rf"\(95 % {kind}, [^)]+\)$", row["interval"]), row
            assert other not in row["interval"]
            seen.add(kind)
    assert seen == {"credible", "confidence"}


def test_the_comparison_is_the_unrounded_one_rounded(lupil2):
    rows = records(comparison_for_papers(lupil2))
    full = comparison_table(lupil2.reanalysis)
    full = full[full["kind"] != "check"].reset_index(drop=True)
    assert [row["analysis"] for row in rows] == full["analysis"].tolist()
    compared = 0
    for row, (_, exact) in zip(rows, full.iterrows(), strict=True):
        shown = [row["risk difference (points)"], *re.findall(NUMBER, row["interval"].split(" (")[0])[:2]]
        for text, name in zip(shown, ("risk_difference", "rd_lower", "rd_upper"), strict=False):
            if pd.notna(exact[name]):
                decimals = len(text.partition(".")[2])
                assert float(text) == pytest.approx(100 * exact[name], abs=0.5 * 10**-decimals + 1e-9)
                compared += 1
        for head, name in (("p as printed", "p_printed"), ("p recomputed", "p_recomputed")):
            assert (row[head] == "") == pd.isna(exact[name])
            if row[head]:
                assert float(row[head]) == pytest.approx(exact[name], abs=5.1e-5)
    assert compared > 20
    # as published: 34 of 50 on ILT-101, 29 of 50 on placebo; Newcombe's interval as the facts of the trial give it
    pearson = next(row for row in rows if "Pearson" in row["analysis"])
    assert (pearson["ILT-101"], pearson["placebo"], pearson["p recomputed"]) == ("34/50", "29/50", "0.3004")


def test_a_row_without_numbers_says_why(lupil2, fake_engine):
    rows = {row["analysis"]: row for row in records(comparison_for_papers(lupil2))}
    refused = next(row for name, row in rows.items() if name.startswith("site_fixed"))
    assert refused["interval"] == "refused"
    assert refused["P(benefit)"] == ""
    assert any(row["interval"] == "reported significant, no figure published" for row in rows.values())
    fake_engine.diverge = True
    failed = records(comparison_for_papers(small(EndPoint("x", "Event"))))[-1]
    assert (failed["interval"], failed["P(benefit)"]) == ("diagnostics failed", "")


@pytest.mark.parametrize(
    ("benefit", "word", "opposite"), [("higher", "more", "fewer"), ("lower", "fewer", "more")], ids=["higher", "lower"]
)
def test_heads_follow_the_direction_of_benefit(fake_engine, benefit, word, opposite):
    found = small(EndPoint("x", "Event", benefit))
    table = benefit_table(found, papers=True)
    what = "responses" if benefit == "higher" else "events"
    assert table.header[3] == f"P({word} {what})"
    assert f"P({word} {what} by more than 5 percentage points)" in table.header
    assert f"P(relevant benefit: at least 10 percentage points {word} {what})" in table.header
    assert f"P(harm: {opposite} {what})" in table.header
    # what the head says, counted in the draws of the lead model
    draws = found.lead.draws("risk_difference")
    share = float((draws > 0.05).mean() if benefit == "higher" else (draws < -0.05).mean())
    row = records(table)[0]
    shown, error = re.findall(NUMBER, row[f"P({word} {what} by more than 5 percentage points)"])
    assert float(shown) == pytest.approx(share, abs=max(0.005, float(error)))


def test_models_come_first_then_the_priors(fake_engine):
    found = small(EndPoint("x", "Event"))
    rows = records(benefit_table(found, papers=True))
    assert [row["kind"] for row in rows] == ["model", "prior", "prior", "prior", "prior"]
    told = " ".join(row["analysis"] for row in rows[1:])
    assert all(name in told for name in ("sceptical", "neutral", "optimistic", "flat"))
    assert [row["kind"] for row in records(benefit_table(replace(found, priors=None), papers=True))] == ["model"]


def test_the_benefit_table_is_the_frame_rounded_with_its_errors(fake_engine):
    found = small(EndPoint("x", "Event"), ("itt_pooled_primary_priors", "itt_pooled"))
    frame, table = benefit_frame(found), benefit_table(found, papers=True)
    assert (frame["mcse"] >= 0).all()
    assert set(frame["kind"]) == {"model", "prior"}
    events = [(item.kind, item.statement) for item in found.lead.ladder]
    for row in table.rows:
        mine = frame[frame["analysis"] == row[0]].set_index(["event", "statement"])
        for text, event in zip(row[3:], events, strict=True):
            assert re.fullmatch(r"[<> ]*\d\.\d+ \(MCSE [\d.e-]+\)", text)
            shown = float(re.findall(NUMBER, text)[0])
            assert shown == pytest.approx(mine.loc[event, "probability"], abs=max(0.0051, mine.loc[event, "mcse"]))


def test_what_is_trivial_for_another_model_is_not_shown_as_the_same(fake_engine):
    first = load_model("itt_pooled")
    other = first.edited(name="other", decision__harm=0.05)
    found = Contents(reanalyse("he2020", [first, other]))
    rows = {row["analysis"]: row for row in records(benefit_table(found, papers=True))}
    assert "MCSE" in rows["itt_pooled"]["P(neither harm nor relevant benefit)"]
    assert rows["other"]["P(neither harm nor relevant benefit)"] == "not asked"


def test_without_a_sound_analysis_there_is_no_benefit_table(fake_engine):
    fake_engine.diverge = True
    found = small(EndPoint("x", "Event"))
    assert benefit_table(found, papers=True) is None
    files = takeaway(found)
    assert set(files) == set(TAKEAWAY) - {"benefit.md", "benefit.tex", "benefit.docx"}
    assert len(pd.read_csv(io.BytesIO(files["benefit.csv"]))) == 0


def text_of(files, name):
    if not name.endswith(".docx"):
        return files[name].decode()
    document = Document(io.BytesIO(files[name]))
    return "\n".join(paragraph.text for paragraph in document.paragraphs)


def test_synthetic_data_say_so_in_every_file_and_real_ones_do_not(fake_engine):
    for said in (False, True):
        trial = replace(load_trial("he2020"), synthetic=said)
        files = takeaway(Contents(reanalyse(trial, [load_model("itt_pooled")])))
        assert set(files) == set(TAKEAWAY)
        for name in files:
            assert ("SYNTHETIC" in text_of(files, name)) == said, name


def test_names_are_only_text_in_every_file(fake_engine):
    name = "=1+1 5 % & x_1 <b>|\u202e"
    files = takeaway(small(EndPoint("x", name), arms=("placebo", name)))
    for stem in ("benefit", "comparison_table"):
        tex, page = text_of(files, f"{stem}.tex"), text_of(files, f"{stem}.md")
        assert r"=1+1 5 \% \& x\_1 \textless{}b\textgreater{}\textbar{}{[}U+202E]" in tex
        assert not re.search(r"(?<!\\)[%#$_]", tex)
        assert "<b>" not in page
        assert "\u202e" not in tex + page + text_of(files, f"{stem}.docx")
    frame = pd.read_csv(io.StringIO(text_of(files, "benefit.csv")))
    assert not frame.astype(str).apply(lambda column: column.str.startswith("=")).any(axis=None)
