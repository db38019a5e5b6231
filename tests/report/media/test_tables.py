"""The comparison: one row an analysis, printed and recomputed apart, no probability where diagnostics fail."""

from __future__ import annotations

import csv
import dataclasses
import io
import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

from bayes_lupil import load_model, load_trial, reanalyse
from bayes_lupil.numbers import points, probability
from bayes_lupil.report.media.csv_text import csv_text
from bayes_lupil.report.media.latex import latex_table
from bayes_lupil.report.media.markdown import markdown, markdown_table
from bayes_lupil.report.reanalysis.comparison import comparison_table
from bayes_lupil.report.reanalysis.page import comparison_page


@pytest.fixture
def lupil2(reanalysed):
    return reanalysed("lupil2")


def test_one_row_an_analysis_and_printed_apart_from_recomputed(lupil2):
    table = comparison_table(lupil2).set_index("analysis")
    assert table.loc["step 1, as printed: SRI-4 response at week 12", "p_printed"].tolist() == [0.3439, 0.0168]
    # the published table of tests in the facts of the trial, to its digits
    pearson = table.loc["step 1, recomputed: Pearson chi-square"]
    assert pearson["p_recomputed"].round(4).tolist() == [0.3004, 0.0156]
    assert table.loc["step 1, recomputed: Fisher exact", "p_recomputed"].round(4).tolist() == [0.4076, 0.0209]
    assert table.loc["step 1, recomputed: mid-p", "p_recomputed"].round(4).tolist() == [0.3107, 0.0145]
    assert not (table["p_printed"].notna() & table["p_recomputed"].notna()).any()
    bayes = table[table["kind"].str.startswith("Bayesian")]
    assert len(bayes) == len(lupil2.analyses)
    fitted = bayes[bayes["status"] == "ok"]
    assert (fitted["p_benefit_mcse"] > 0).all()
    assert fitted["interval"].str.contains("credible").all()
    assert not table.loc[table["kind"] == "frequentist", "interval"].astype(str).str.contains("credible").any()


def test_unpublished_steps_say_so_and_nothing_else(lupil2):
    table = comparison_table(lupil2)
    rows = table[table["analysis"].str.contains("relative change") & (table["population"] == "per protocol")]
    assert rows["status"].tolist() == ["reported significant, no figure published"]
    assert rows.drop(columns=["analysis", "kind", "population", "status"]).replace("", np.nan).isna().all(axis=None)


def test_a_ladder_below_zero_and_models_that_decide_otherwise_are_told_apart(fake_engine):
    first = load_model("itt_pooled").edited(decision__ladder=[-0.1, 0.0, 0.1])
    other = first.edited(name="other", decision__relevant=0.2, decision__harm=0.05)
    result = reanalyse("he2020", [first, other])
    page = markdown(comparison_page(result).blocks)
    assert "`itt_pooled`: benefit: risk difference > 0; relevant benefit: risk difference at least 10 points" in page
    assert "`other`: benefit: risk difference > 0; relevant benefit: risk difference at least 20 points; harm" in page
    post = result.fitted[0].posterior
    assert post.p_benefit.threshold == 0
    assert probability(post.p_benefit.probability, post.p_benefit.mcse) in page


def test_the_post_hoc_population_is_called_that(lupil2):
    page = markdown(comparison_page(lupil2).blocks)
    assert "| per protocol (post hoc) | 1 |" in page
    assert "Per protocol (analysed post hoc) is outside the fixed sequence" in page
    assert "| significant |" not in page


def test_failed_diagnostics_leave_no_figure(fake_engine):
    fake_engine.diverge = True
    result = reanalyse("he2020", [load_model("itt_pooled")])
    table = comparison_table(result)
    row = table[table["status"] == "diagnostics failed"].squeeze()
    assert row[["risk_difference", "p_benefit", "p_relevant"]].isna().all()
    page = markdown(comparison_page(result).blocks)
    assert "no figure" in page
    assert "divergent" in page
    assert "MCSE" not in page


def test_synthetic_data_say_so_in_table_and_page(fake_engine):
    trial = dataclasses.replace(load_trial("he2020"), synthetic=True)
    result = reanalyse(trial, [load_model("itt_pooled")])
    assert comparison_table(result)["data"].str.startswith("SYNTHETIC").all()
    assert "SYNTHETIC" in markdown(comparison_page(result).blocks)


def test_sites_bring_the_stratified_rows(fake_engine):
    result = reanalyse("beitler_landis", [load_model("site_fixed")])
    table = comparison_table(result).set_index("analysis")
    mantel = table.loc["step 1, recomputed: Mantel-Haenszel over 8 sites"]
    # R 4.2.2 mantelhaen.test, in the validation data
    assert mantel["p_recomputed"] == pytest.approx(0.0115146, abs=5e-8)
    assert mantel["odds_ratio"] == pytest.approx(2.1345491, abs=5e-8)
    assert "Cochran-Mantel-Haenszel p 0.0115" in markdown(comparison_page(result).blocks)


FORMULA = "=+-@|%\uff1d\uff0b\uff0d\uff20\uff5c\uff05\ufe66\ufe62\ufe63\ufe6b"
PLACES = (
    "{}1+1",
    "  {}x",
    "\t{}1",
    "A;{}HYPERLINK(0)",
    "A; {}1",
    "a\tb\t{}1",
    "a\n{}1",
    "a\r\n{}1",
    "\u200b{}1",
    ";;{}1",
)


@pytest.mark.parametrize("sign", FORMULA)
@pytest.mark.parametrize("place", PLACES)
def test_a_spreadsheet_runs_no_cell_wherever_it_splits_the_line(sign, place):
    text = csv_text(pd.DataFrame({"n": [1.5], "a": [place.format(sign)], place.format(sign): ["x"]}))
    for end in ",;\t":  # columns of any locale, quotes taken for what they are or for nothing
        for cells in (
            csv.reader(io.StringIO(text), delimiter=end),
            csv.reader(io.StringIO(text), delimiter=end, quoting=3),
        ):
            for cell in (cell for row in cells for cell in row):
                assert cell.lstrip(' "')[:1] not in {*FORMULA}
    assert pd.read_csv(io.StringIO(text))["n"][0] == 1.5


@pytest.mark.parametrize("text", ["Paris; Rome", "a-b", "5 % of all", "x = 1", "1; 2", "a, -b", "\u05d0"])
def test_other_texts_come_back(text):
    assert pd.read_csv(io.StringIO(csv_text(pd.DataFrame({"a": [text], "b": [1]}))))["a"][0] == text


@pytest.mark.parametrize("column", [[1.5, np.inf], [-np.inf, 0.5], [np.nan, np.inf], ["a", np.inf], [None, -np.inf]])
def test_what_is_infinite_is_left_out(column):
    text = csv_text(pd.DataFrame({"x": column, "y": [1, 2]}))
    assert "inf" not in text
    assert pd.read_csv(io.StringIO(text))["x"].isna().sum() == sum(
        v is None or v != v or v in (np.inf, -np.inf) for v in column
    )


def test_nothing_is_hidden_in_a_cell_or_a_heading():
    text = csv_text(pd.DataFrame({"a\u202e": ["x\u202ey", "\u200b"]}, index=["\u2066", "b"]), index=True)
    assert text == ",a[U+202E]\n[U+2066],x[U+202E]y\nb,[U+200B]\n"


def test_markdown_escapes_what_would_break_the_table():
    page = markdown_table(("a|b",), [("<script>\nx|y",)])
    assert page.splitlines() == ["| a\\|b |", "|---|", "| &lt;script> x\\|y |"]


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.99110, 0.00098, "0.991 (MCSE 0.001)"),
        (0.5, 0.02, "0.50 (MCSE 0.02)"),
        (0.0, 0.0002, "< 0.001 (MCSE 0.0002)"),
        (0.99999, 0.0003, "> 0.999 (MCSE 0.0003)"),
        (0.8106, 0.0042, "0.811 (MCSE 0.004)"),
    ],
)
def test_probabilities_are_rounded_to_their_error(value, error, text):
    assert probability(value, error) == text


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.0958, None, "+9.6"),
        (0.0958, 0.003, "+9.6"),
        (0.0958, 0.012, "+10"),
        (-0.0883, 0.012, "-9"),
        (0, None, "0.0"),
        (-1e-12, None, "0.0"),
        (-0.00056, None, "-0.056"),
    ],
)
def test_differences_are_rounded_to_their_error(value, error, text):
    assert points(value, error) == text


SIGNS = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "^": r"\textasciicircum{}",
    "_": r"\_", "~": r"\textasciitilde{}", "%": r"\%", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    "[": "{[}", "*": "{*}", "`": r"\textasciigrave{}", "--": "-{}-", "\n\n": " ", "\u202e": "{[}U+202E]",
}  # fmt: skip


@pytest.mark.parametrize("sign", SIGNS, ids=[f"U+{ord(sign[0]):04X}" for sign in SIGNS])
def test_latex_reads_no_name_as_its_own(sign):
    name = f"a{sign}b"
    text = latex_table((name,), [[name]], name)
    assert text.count(f"a{SIGNS[sign]}b") == 3  # in the caption, which pandas would leave as it is, head and cell


def test_a_wide_latex_table_shares_the_line():
    narrow, wide = (latex_table(("a", "b"), [["x" * n, "1"]], "c") for n in (20, 200))
    assert r"\begin{tabular}{ll}" in narrow
    shares = [float(share) for share in re.findall(r"p\{([\d.]+)\\linewidth\}", wide)]
    assert len(shares) == 2
    assert sum(shares) < 1
    assert shares[0] > shares[1]


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_takes_it(tmp_path):
    names = [f"a{sign}b" for sign in SIGNS]
    body = latex_table(("name", "another"), [[name, name * 30] for name in names], " ".join(names))
    head = r"\documentclass{article}\usepackage{booktabs}\begin{document}"
    (tmp_path / "x.tex").write_text(f"{head}\n{body}\n\\end{{document}}\n", encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "x.tex"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
