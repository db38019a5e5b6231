"""The HTML report in a real browser: alone, within the window, for everyone, and without trusting any name in it.

The numbers of its interactive part are in `test_your_prior_page.py`, those of its tables in `test_report_numbers.py`.
"""

from __future__ import annotations

import re
import urllib.parse
import xml.etree.ElementTree as ET

import pytest

from tests.browser.conftest import NASTY_SITES
from tests.browser.probes import CONTROLS, CUT_IN_DRAWINGS, FOCUSED, HIDDEN_IN_PRINT, OPEN_ALL, PAST_THE_EDGE

SIZES = pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)], ids=["wide", "phone"])


def test_the_page_is_one_small_file(report):
    assert report.page.stat().st_size < 5_000_000


def test_asks_for_nothing_but_itself_and_reports_no_error(report, visit):
    seen = visit(report.page)
    seen.page.evaluate(OPEN_ALL)
    seen.page.evaluate("scrollTo(0, document.body.scrollHeight)")
    for preset in seen.page.locator("[data-preset]").all():
        preset.click()
    seen.page.wait_for_timeout(300)
    assert seen.requests[0] == report.page.as_uri()
    # a data: or blob: address is part of the file
    assert [url for url in seen.requests[1:] if not url.startswith(("data:", "blob:"))] == []
    assert seen.errors == []


def test_the_watch_sees_a_request_and_an_error(visit, tmp_path):
    # the two tests above and below are worth nothing where this one fails
    (tmp_path / "bad.html").write_text("<!doctype html><img src='other.png'><script>nothing()</script>")
    seen = visit(tmp_path / "bad.html")
    assert (tmp_path / "other.png").as_uri() in seen.requests
    assert any("nothing" in error for error in seen.errors)


@SIZES
def test_nothing_passes_the_edge_of_the_window(report, visit, width, height):
    page = visit(report.page, width, height).page
    assert page.evaluate("document.scrollingElement.scrollWidth - innerWidth") <= 0
    page.evaluate(OPEN_ALL)
    page.wait_for_timeout(200)
    assert page.evaluate("document.scrollingElement.scrollWidth - innerWidth") <= 0
    assert page.evaluate(PAST_THE_EDGE) == []
    assert page.evaluate(CUT_IN_DRAWINGS) == []


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("<p style='width: 2000px'>wide</p>", "passes the edge"),
        ("<div style='overflow-x: auto; width: 200px'><p style='width: 900px'>hidden</p></div>", "scrolls sideways"),
        ("<div style='overflow: hidden; width: 200px'><p style='width: 900px'>cut</p></div>", "is cut"),
        ("<span style='position: absolute; width: 1px; height: 1px; overflow: hidden'>for readers aloud</span>", ""),
        ("<pre style='overflow-x: auto; width: 200px'>a formula as long as a formula may be, or longer</pre>", ""),
        ("<details><p style='width: 2000px'>folded</p></details>", "passes the edge"),
    ],
)  # fmt: skip
def test_the_probe_of_the_edge(visit, tmp_path, content, found):
    (tmp_path / "probe.html").write_text(f"<!doctype html><meta name=viewport content='width=device-width'>{content}")
    page = visit(tmp_path / "probe.html", 390, 844).page
    page.evaluate(OPEN_ALL)
    problems = page.evaluate(PAST_THE_EDGE)
    assert bool(problems) == bool(found), problems
    assert all(found in problem for problem in problems)


@SIZES
def test_axe_finds_nothing_serious(report, visit, axe, width, height):
    # the checker is code from outside, which the page's own policy may refuse
    page = visit(report.page, width, height, bypass_csp=True).page
    page.evaluate(OPEN_ALL)
    assert serious(page, axe) == []


def test_axe_is_at_work(visit, axe, tmp_path):
    (tmp_path / "bad.html").write_text("<!doctype html><title>x</title><img src='data:,'><p style='color:#ddd'>pale")
    found = serious(visit(tmp_path / "bad.html", bypass_csp=True).page, axe)
    assert {line.split(":")[0] for line in found} >= {"image-alt", "color-contrast", "html-has-lang"}


def serious(page, axe):
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert found["passes"]  # it did look
    return [
        f"{item['id']}: {item['help']}: {', '.join(str(node['target']) for node in item['nodes'][:5])}"
        for item in found["violations"]
        if item["impact"] in ("serious", "critical")
    ]


def test_the_keyboard_reaches_every_control(report, visit):
    page = visit(report.page).page
    page.evaluate(OPEN_ALL)
    wanted = page.evaluate(CONTROLS)
    assert len(wanted) > 9  # four fields and five presets at least
    reached, unmarked = set(), []
    for _ in range(len(wanted) + 20):
        page.keyboard.press("Tab")
        index, marked = page.evaluate(FOCUSED)
        if index >= 0:
            reached.add(index)
            unmarked += [] if marked else [wanted[index]]
    assert [name for i, name in enumerate(wanted) if i not in reached] == []
    assert unmarked == [], "nothing shows that these have the focus"


def test_the_printed_page_shows_all_that_can_be_printed(report, visit):
    page = visit(report.page).page
    assert page.locator("#yp-mean").is_visible()
    page.emulate_media(media="print")
    for control in ("#yp-mean", "#yp-sd", "#yp-mean-number", "#yp-sd-number", "[data-belief=flat]"):
        assert not page.locator(control).is_visible(), control
    assert static_priors(page).is_visible()
    assert page.locator("details").count() > 0
    # heard after the page's own listener, at the moment of printing
    page.evaluate(f"addEventListener('beforeprint', () => {{ window.hiddenInPrint = {HIDDEN_IN_PRINT}; }})")
    printed = page.pdf(format="A4")
    assert page.evaluate("window.hiddenInPrint") == []
    assert printed.startswith(b"%PDF")
    assert len(printed) > 20_000


def static_priors(page):
    """The table of the standard priors, the one that needs no script."""
    return page.locator("table", has_text="sceptical").filter(has_text="optimistic").first


def test_every_picture_has_words(report, visit):
    page = visit(report.page).page
    page.evaluate(OPEN_ALL)
    words = page.evaluate("[...document.images].map(i => [i.alt.trim(), i.naturalWidth])")
    assert words
    assert all(len(alt) > 20 for alt, _ in words)
    assert all(width > 0 for _, width in words), "a picture that does not load"
    drawings = "svg:not([aria-hidden=true]):not([aria-hidden=true] *):not(svg svg)"
    for drawing in page.locator(drawings).all():
        name = drawing.get_attribute("aria-label") or drawing.get_attribute("aria-labelledby")
        assert drawing.get_attribute("role") == "img"
        assert name


def test_figures_can_be_had_as_vectors(ordinary, visit):
    page = visit(ordinary.page).page
    page.evaluate(OPEN_ALL)
    links = page.locator("a[download$='.svg']")
    assert links.count() >= page.locator("figure img").count() > 0
    for link in links.all():
        with page.expect_download() as started:
            link.click()
        drawing = ET.parse(started.value.path()).getroot()
        assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
        assert started.value.suggested_filename == link.get_attribute("download")


@SIZES
def test_without_javascript_the_answer_and_the_tables_are_there(report, visit, width, height):
    seen = visit(report.page, width, height, java_script_enabled=False)
    page = seen.page
    shown = spaces(page.locator("body").inner_text())
    from bayes_lupil.report.reanalysis.first_screen import in_short, verdict

    for sentence in (verdict(report.contents), *(words for _, words in in_short(report.contents))):
        assert plain(sentence) in shown
    assert static_priors(page).is_visible()
    for control in ("#yp-mean", "#yp-sd", "[data-belief=flat]"):
        assert not page.locator(control).is_visible(), control
    assert page.locator("table:visible").count() >= 2


def plain(sentence):
    return spaces(sentence.replace("`", ""))


def spaces(text):
    """Without what prose has for typesetting: minus signs, hyphens and spaces at which no line breaks."""
    return re.sub(r"\s+", " ", text.replace("\u2212", "-").replace("\u2011", "-"))


def test_nasty_names_are_text(nasty, visit):
    seen = visit(nasty.page)
    page = seen.page
    page.evaluate(OPEN_ALL)
    page.locator("[data-belief=sceptical]").click()
    page.wait_for_timeout(200)
    assert seen.dialogs == []
    assert page.evaluate("[...document.scripts].filter(s => s.textContent.includes('alert')).length") == 0
    handlers = "[...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames()).filter(n => n.startsWith('on'))"
    assert page.evaluate(handlers) == []
    shown = page.locator("body").inner_text()
    assert "a<b" in shown
    assert "$x" in shown
    assert "\u202e" not in page.content()
    assert "a<b" in page.locator("#yp-result").inner_text()
    assert "$x" in page.locator("#yp-result").inner_text()


def test_nasty_sites_are_text(nasty, visit):
    page = visit(nasty.page).page
    shown = spaces(page.evaluate("document.body.textContent") + urllib.parse.unquote(page.content()))
    for site in (NASTY_SITES[0], NASTY_SITES[1], "north[U+202E]htron", "x" * 300):
        assert site in shown, site[:40]


def test_a_script_in_a_name_would_be_seen(visit, tmp_path):
    (tmp_path / "bad.html").write_text("<!doctype html><script>alert(1)</script>")
    assert visit(tmp_path / "bad.html").dialogs == ["1"]


def test_addresses_in_the_page_are_links_for_people_alone(report):
    text = report.page.read_text(encoding="utf-8")
    tags = r"img|script|link|iframe|source|object|embed|video|audio"
    fetched = re.findall(rf"<(?:{tags})\b[^>]*?\s(?:src|srcset|href|data)=[\"']?([^\"' >]+)", text)
    fetched += re.findall(r"url\(\s*[\"']?([^\"')]+)", text) + re.findall(r"@import\s+[\"']?([^\"';]+)", text)
    assert len(fetched) > 3
    assert [address[:60] for address in fetched if not address.startswith(("data:", "#"))] == []
