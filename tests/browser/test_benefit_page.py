"""The page of a published result in a real browser, at three widths, light and dark; a name is an attack."""

from __future__ import annotations

import pytest

import bayes_lupil as bl
from bayes_lupil.report.published.page import write_benefit
from tests.browser.probes import CUT_IN_DRAWINGS, OPEN_ALL, PAST_THE_EDGE
from tests.browser.test_report_page import serious

SIZES = pytest.mark.parametrize("width", [1440, 768, 390])


@pytest.fixture(scope="module", params=["counts", "estimate"])
def page_file(request, tmp_path_factory):
    if request.param == "counts":
        found = bl.benefit(
            "44/125", "62/124", benefit="lower", beyond=[0.9, 0.8], end_point="<script>alert(1)</script>"
        )
    else:
        found = bl.benefit(bl.from_estimate(hr="0.80", ci=("0.60", "1.00")), prior="sceptical", control_risk=0.3)
    return write_benefit(found, tmp_path_factory.mktemp("benefit") / "out") / "benefit.html"


def test_it_asks_for_nothing_but_itself(page_file, visit):
    assert page_file.stat().st_size < 2_500_000
    seen = visit(page_file)
    seen.page.evaluate("scrollTo(0, document.body.scrollHeight)")
    seen.page.wait_for_timeout(200)
    assert [url for url in seen.requests[1:] if not url.startswith(("data:", "blob:"))] == []
    assert seen.errors == seen.dialogs == []


@SIZES
def test_nothing_passes_the_edge(page_file, visit, width):
    page = visit(page_file, width).page
    page.evaluate(OPEN_ALL)
    assert page.evaluate("document.scrollingElement.scrollWidth - innerWidth") <= 0
    assert page.evaluate(PAST_THE_EDGE) == []
    assert page.evaluate(CUT_IN_DRAWINGS) == []


@SIZES
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(page_file, visit, axe, width, scheme):
    page = visit(page_file, width, bypass_csp=True, color_scheme=scheme).page
    page.evaluate(OPEN_ALL)
    assert serious(page, axe) == []
