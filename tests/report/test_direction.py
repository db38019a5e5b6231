"""Which direction is a benefit stands in every heading of a result; where nobody declared it, that stands first."""

from __future__ import annotations

import io
import json
import re
from html import unescape

import pytest
from docx import Document
from rich.console import Console

from bayes_lupil import Arms, EndPoint, Trial, fit, load_trial, reanalyse
from bayes_lupil.report import collect, write_fit, write_reanalysis
from bayes_lupil.report.media.markdown import markdown
from bayes_lupil.report.media.terminal import show
from bayes_lupil.report.reanalysis.figures.effects import intervals_words
from bayes_lupil.report.reanalysis.fit import fit_summary
from bayes_lupil.report.reanalysis.trial_and_estimand import trial_summary
from bayes_lupil.report.sites.page import sites_page
from bayes_lupil.sites.analysis import analyse_sites
from tests.proofs import WHOLE

HARM = "the end point 'death' sounds like a harm"
ROWS = "site,arm,death\n" + "".join(
    f"{site},{arm},{int(i < few)}\n" for site in "ABCDEF" for arm, few in (("usual", 4), ("new", 2)) for i in range(9)
)


@pytest.fixture(params=[None, "lower", "higher"], ids=str)
def direction(request):
    """(what was declared, the words that must stand in headings)"""
    return request.param, f"death ({request.param or 'higher'} is better)"


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(ROWS)
    return path


def said(page):
    stream = io.StringIO()
    show(page, Console(file=stream, width=200))
    return stream.getvalue()


def headings(text):
    return [line for line in text.splitlines() if line.startswith("#")]


def test_a_fit_in_every_medium(table, direction, fake_engine, tmp_path, run):
    declared, words = direction
    posterior = fit("site_effects", table, control="usual", benefit=declared)
    for text in (
        said(fit_summary(posterior)),
        said(trial_summary(load_trial(table, control="usual", benefit=declared))),
    ):
        assert words in text
        assert (HARM in text) == (declared is None)
        if declared is None:  # before any number
            assert text.startswith("Warning: ")
    for shown in (posterior, load_trial(table, control="usual", benefit=declared)):
        first = repr(shown).splitlines()[1]
        assert (HARM in " ".join(repr(shown).split())) == (declared is None)
        assert first.split()[0] == ("warning" if declared is None else "end")
        assert (HARM in unescape(shown._repr_html_())) == (declared is None)
    write_fit(posterior, tmp_path / "fit")
    manifest = json.loads((tmp_path / "fit" / "manifest.json").read_text(encoding="utf-8"))
    assert any(HARM in text for text in manifest["warnings"]) == (declared is None)
    options = () if declared is None else ("--benefit", declared)
    _, out, err = run("fit", "site_effects", table, "--control", "usual", "--json", *options)
    content = json.loads(out)
    assert content["benefit_direction"] == (declared or "higher")
    assert any(HARM in text for text in content["warnings"]) == (HARM in err) == (declared is None)
    _, out, _ = run("check", table, "--control", "usual", *options)
    assert (out.startswith("Warning: ") and HARM in out) == (declared is None)
    assert words in out
    _, out, _ = run("fit", "site_effects", table, "--control", "usual", "--quiet", *options)
    assert (out.startswith("Warning: ") and HARM in " ".join(out.split())) == (declared is None)


@pytest.mark.proof(*WHOLE)
def test_a_reanalysis_in_every_medium(table, direction, fake_engine, tmp_path, run):
    declared, words = direction
    result = reanalyse(table, "site_effects", control="usual", benefit=declared, check_engines=False)
    assert (repr(result).splitlines()[1].split()[0] == "warning") == (declared is None)
    write_reanalysis(collect(result), tmp_path / "out")
    page = (tmp_path / "out" / "comparison.md").read_text(encoding="utf-8")
    results = [line for line in headings(page) if re.match("## (Bayesian|What the counts)", line)]
    assert len(results) == 2
    assert all(line.endswith(words) for line in results)
    assert (HARM in page.split("\n## ")[0]) == (declared is None)
    html = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    heads = re.finditer(r'<h2 id="h-([\w-]+)">(.*?)</h2>', html)
    titles = {match[1]: re.sub("<.*?>", "", match[2]) for match in heads}
    assert titles["answer"] == f"In short: {words}"
    assert titles["hierarchy"] == f"Beside the trial's own tests: {words}".replace("'", "&#39;")
    assert (f"{HARM}" in html[: html.index("<h1")].replace("&#39;", "'")) == (declared is None)
    for name in ("benefit", "comparison_table"):
        for kind in ("md", "tex"):
            text = (tmp_path / "out" / f"{name}.{kind}").read_text(encoding="utf-8")
            assert words in text
            assert ("sounds like a harm" in text) == (declared is None)
        document = Document(str(tmp_path / "out" / f"{name}.docx"))
        paragraphs = [paragraph.text for paragraph in document.paragraphs]
        assert any(words in text for text in paragraphs)
        assert any(HARM in text for text in paragraphs) == (declared is None)
    for name in ("risk_difference", "intervals", "benefit_curve", "prior_map", "prior_posterior"):
        picture = (tmp_path / "out" / f"{name}.svg").read_text(encoding="utf-8")
        drawn = " ".join(re.findall(r"<text[^>]*>(.*?)</text>", picture, re.DOTALL))
        assert f"{declared or 'higher'} is better" in " ".join(drawn.split()), name
    options = () if declared is None else ("--benefit", declared)
    status, out, err = run("reanalyse", table, "--control", "usual", "--out", tmp_path / "again", *options)
    assert status == 0
    assert f"{declared or 'higher'} is better (95 % credible interval)" in " ".join(out.split())
    assert (out.startswith("Warning: ")) == (HARM in " ".join(err.split())) == (declared is None)


def test_a_look_at_the_sites(table, direction):
    declared, words = direction
    trial = load_trial(table, control="usual", benefit=declared)
    result = analyse_sites(trial, models=(), follow=False)
    page = markdown(sites_page(result).blocks)
    assert headings(page)[0].endswith(words)
    assert f"({declared or 'higher'} is better)" in next(line for line in headings(page) if "Site by site" in line)
    assert (HARM in page.split("\n## ")[0]) == (declared is None)
    assert (repr(result).splitlines()[1].split()[0] == "warning") == (declared is None)


def test_an_end_point_made_in_python():
    def warned(end_point, reading=True):
        return Trial.from_counts("3/9", "1/9", arms=Arms("usual", "new"), end_point=end_point).warnings

    assert HARM in warned(EndPoint("death", "Deaths"))[0]
    assert "sounds like a harm" in warned(EndPoint("primary", "Death within 30 days"))[0]
    assert not warned(EndPoint("death", "Deaths", "lower"))
    assert not warned(EndPoint("cure", "Cure"))
    assert all(not load_trial(name).warnings for name in ("indo_rct", "magnesium", "lupil2"))  # declared


def test_alternative_texts_name_the_side_that_is_benefit(table, fake_engine):
    for benefit, side in (("lower", "below"), ("higher", "above")):
        result = reanalyse(table, "site_effects", control="usual", benefit=benefit, check_engines=False)
        assert f"{side} 0 is benefit" in intervals_words(result)
