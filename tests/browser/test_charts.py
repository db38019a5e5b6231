"""Charts in a real browser: drawn without a request or an error, followed by slider and keyboard, light and dark."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from bayes_lupil import analyse_sites, load_model, load_trial, reanalyse
from bayes_lupil.numbers import percent
from bayes_lupil.report import collect, write_reanalysis
from bayes_lupil.report.media.vega import PALETTES
from tests.browser.probes import CUT_IN_DRAWINGS, OPEN_ALL, PAST_THE_EDGE

SIZES = pytest.mark.parametrize("width", [1440, 768, 390])
DARK = "; ".join(f"--{name}: {PALETTES['dark'][name]}" for name in ("ink", "muted", "rule", "paper", "accent"))
DARK += "; --tint: #1c2229"


@dataclass(frozen=True)
class Charted:
    folder: Path
    contents: object

    @property
    def page(self):
        return self.folder / "report.html"

    @property
    def numbers(self):
        return pd.read_csv(self.folder / "answer.csv")


@pytest.fixture(scope="module")
def charted(tmp_path_factory):
    """Made-up data with an outlying site, looked at."""
    trial = load_trial("synthetic_outlier")
    models = [load_model("site_effects").edited(sampler__engine="quadrature", sampler__points=1024)]
    result = reanalyse(trial, models, check_engines=False)
    shown = load_model("outliers_arms").edited(sampler__points=1024)
    contents = collect(result, analyse_sites(trial, shown, (), follow=False))
    return Charted(write_reanalysis(contents, tmp_path_factory.mktemp("charted") / "out"), contents)


@pytest.fixture
def drawn(charted, visit):
    """drawn(width, **options): the page once both charts are drawn, and what was seen of it."""

    def opened(width=1440, **options):
        seen = visit(charted.page, width, **options)
        seen.page.evaluate(OPEN_ALL)
        for chart in seen.page.locator("figure.chart").all():
            chart.scroll_into_view_if_needed()
            chart.locator(".live svg").wait_for()
        return seen

    return opened


@SIZES
def test_charts_are_drawn_without_a_request_or_an_error(drawn, charted, width):
    seen = drawn(width)
    assert seen.page.locator("figure.chart.drawn .live svg").count() == 3
    assert not seen.page.locator("figure.chart picture").first.is_visible()
    assert [url for url in seen.requests[1:] if not url.startswith(("data:", "blob:"))] == []
    assert seen.errors == seen.dialogs == []
    assert "Content-Security-Policy" in charted.page.read_text(encoding="utf-8")
    assert "unsafe-eval" not in charted.page.read_text(encoding="utf-8")


@SIZES
def test_nothing_of_a_chart_is_cut_or_passes_the_edge(drawn, width):
    page = drawn(width).page
    assert [found for found in page.evaluate(PAST_THE_EDGE) if "chart" in found or "svg" in found] == []
    assert page.evaluate(CUT_IN_DRAWINGS) == []
    for chart in page.locator("figure.chart .live svg").all():
        box = chart.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    sizes = page.evaluate(
        "[...document.querySelectorAll('.chart .live svg text')].map(t => parseFloat(getComputedStyle(t).fontSize))"
    )
    assert min(sizes) >= 11


def test_the_chart_fits_again_where_the_window_changes(drawn):
    page = drawn(1440).page
    for width in (390, 1000, 600):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(400)
        sizes = (page.locator(place).first.bounding_box() for place in (".chart .live", ".chart .live svg"))
        room, box = (size["width"] for size in sizes)
        assert box == pytest.approx(room, abs=2)
        assert page.evaluate(CUT_IN_DRAWINGS) == []


def test_the_slider_says_what_the_file_holds(drawn, charted):
    page, numbers = drawn().page, charted.numbers
    slider, output = page.locator("figure.chart input[type=range]"), page.locator("figure.chart output")
    assert page.get_by_label(re.compile("at least this many points better")).count() == 1
    for index in (0, 1, 20, len(numbers) - 1):
        slider.fill(str(index))
        page.wait_for_timeout(100)
        row = numbers.iloc[index]
        told = slider.get_attribute("aria-valuetext")
        assert f"drawn as {row['dots']:.0f} of 50 dots" in told
        assert percent(row["p_benefit"], short=True) in told
        assert output.inner_text() == f"{100 * row['at_least']:g} point{'' if index == 2 else 's'}"
        shown = page.locator("figure.chart").first.locator(".live svg").text_content()
        assert f"{row['dots']:.0f} of 50" in shown
        assert percent(row["p_benefit"], short=True) in shown
        blue = page.evaluate(
            "[...document.querySelectorAll('.chart .live svg')][0].querySelectorAll('path').length && "
            "[...document.querySelectorAll('.chart .live svg')[0].querySelectorAll('.mark-symbol path')].filter("
            f"p => p.getAttribute('fill') === '{PALETTES['light']['accent']}').length"
        )
        intervals = 1  # the mark of the posterior has that colour too
        assert blue - intervals == row["dots"]


def test_the_keyboard_moves_the_slider(drawn, charted):
    page, numbers = drawn().page, charted.numbers
    slider = page.locator("figure.chart input[type=range]")
    slider.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    page.wait_for_timeout(100)
    assert slider.input_value() == "10"
    assert percent(numbers["p_benefit"][10]) in page.locator("figure.chart").first.locator(".live svg").text_content()
    page.keyboard.press("Home")
    page.wait_for_timeout(100)
    assert f"{numbers['dots'][0]} of 50" in page.locator("figure.chart").first.locator(".live svg").text_content()


def test_charts_follow_the_paper_of_the_page(drawn):
    page = drawn(390, color_scheme="dark").page
    page.add_style_tag(content=f"@media (prefers-color-scheme: dark) {{ :root {{ {DARK} }} }}")
    for scheme in ("light", "dark", "light"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(300)
        papers = {"light": ("#fff", "#ffffff"), "dark": (PALETTES["dark"]["paper"],)}[scheme]
        fills = set()
        for chart in page.locator("figure.chart .live svg").all():
            assert chart.locator(".role-title text").first.get_attribute("fill") == PALETTES[scheme]["ink"]
            filled = chart.evaluate("s => [...s.querySelectorAll('[fill]')].map(e => e.getAttribute('fill'))")
            fills |= set(filled)
            assert not set(filled) & {PALETTES["dark" if scheme == "light" else "light"]["ink"]}
        assert set(papers) & fills  # hollow marks


@SIZES
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(drawn, axe, width, scheme):
    page = drawn(width, bypass_csp=True, color_scheme="light").page
    page.add_style_tag(content=f"@media (prefers-color-scheme: dark) {{ :root {{ {DARK} }} }}")
    page.emulate_media(color_scheme=scheme)
    page.wait_for_timeout(300)
    page.evaluate(axe)
    found = page.evaluate("axe.run('figure.chart', {resultTypes: ['violations']})")
    assert found["passes"]
    assert [item["id"] for item in found["violations"] if item["impact"] in ("serious", "critical")] == []


def test_a_mark_tells_its_numbers_where_it_is_pointed_at(drawn, charted):
    page = drawn().page
    dots = page.locator("figure.chart").first.locator(".live svg .mark-symbol path")
    dots.nth(3).hover()
    tip = page.locator("#vg-tooltip-element.visible")
    tip.wait_for()
    assert "4 of 50, from the worst" in tip.inner_text()
    sites = page.locator("figure.chart").nth(1).locator(".live svg .mark-symbol path")
    sites.last.hover()
    page.wait_for_timeout(200)
    told = tip.inner_text()
    assert "site 05" in told
    assert "12/20 v 20/20" in told
    assert "P(outlier)" in told
    assert "99 %" in told


def test_charts_can_be_had_as_they_stand(drawn):
    page = drawn().page
    page.locator("figure.chart input[type=range]").fill("10")
    page.wait_for_timeout(100)
    chart = page.locator("figure.chart").first
    shown = chart.locator(".live svg text", has_text="dots").first.text_content()
    with page.expect_download() as started:
        chart.locator("a[data-format=svg]").click()
    text = ET.tostring(ET.parse(started.value.path()).getroot(), encoding="unicode", method="text")
    assert started.value.suggested_filename == "answer.svg"
    assert " ".join(shown.split())[:12] in " ".join(text.split())
    with page.expect_download() as started:
        chart.locator("a[data-format=png]").press("Enter")
    assert started.value.suggested_filename == "answer.png"
    assert Path(started.value.path()).read_bytes().startswith(b"\x89PNG")


def test_where_there_is_no_script_the_picture_is_there(charted, visit):
    page = visit(charted.page, java_script_enabled=False).page
    assert page.locator("figure.chart picture img").first.is_visible()
    assert not page.locator("figure.chart input").first.is_visible()
    assert (charted.folder / "answer.png").is_file()


def test_print_shows_the_picture(drawn):
    page = drawn().page
    page.emulate_media(media="print")
    for chart in page.locator("figure.chart").all():
        assert chart.locator("picture img").is_visible()
        assert not chart.locator(".live").is_visible()
    assert not page.locator("figure.chart input").is_visible()


def test_each_chart_has_words(drawn):
    page = drawn().page
    for chart in page.locator("figure.chart").all():
        drawing = chart.locator(".live svg").first
        assert drawing.get_attribute("role") == "img"
        assert drawing.get_attribute("aria-label") == chart.locator("img").get_attribute("alt")
