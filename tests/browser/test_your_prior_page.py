"""'Your prior' as a reader works it: what the page computes is what the model fitted with that prior gives."""

from __future__ import annotations

import math

import pytest

import bayes_lupil as bl
from bayes_lupil.report.direction import favoured

# (mean of the log odds ratio, SD) as a reader might set them: towards harm, narrow about nothing, hopeful
WISHES = [(-0.3, 0.5), (0.0, 0.35), (0.6, 0.8)]


@pytest.fixture
def page(ordinary, visit):
    return visit(ordinary.page).page


def settle(page):
    """Two frames: changes are computed once a frame."""
    page.evaluate("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(r, 50))))")


def chance(page, name="#yp-p-benefit"):
    cell = page.locator(name)
    return float(cell.get_attribute("data-value")), float(cell.get_attribute("data-mcse"))


def told(page, name):
    """Whether there is a number, or words in its place."""
    return page.locator(name).get_attribute("data-value") is not None


def chosen(page):
    """The prior that the page says it uses."""
    return tuple(float(page.locator(name).input_value()) for name in ("#yp-mean-number", "#yp-sd-number"))


def slide(page, name, wanted, of_number):
    """Put a slider as near as its steps allow to where the number beside it is `wanted`, by `fill`."""
    slider = page.locator(name)
    low, high, step = (float(slider.get_attribute(key)) for key in ("min", "max", "step"))
    position = low + step * round((of_number(wanted, low, high) - low) / step)
    slider.fill(f"{position:.10g}")
    settle(page)


def as_it_stands(wanted, low, high):
    return wanted


def on_a_log_scale(wanted, low, high):
    """The SD runs from 0.1 to 10 on a log scale, whatever units its slider has."""
    return low + (high - low) * (math.log10(wanted) + 1) / 2


def refit(report, mean, sd):
    """P(benefit) and P(relevant benefit) of the model fitted with that prior, with their errors."""
    declared = {"family": "normal", "mean": mean, "sd": sd, "reason": "chosen by a reader"}
    post = bl.fit(report.contents.lead.spec.edited(priors__beta=declared), report.contents.trial)
    assert post.verdict.ok, post.verdict.text
    return {kind: (post.chances[kind].probability, post.chances[kind].mcse) for kind in ("benefit", "relevant", "harm")}


def assert_near(mine, theirs):
    assert abs(mine[0] - theirs[0]) <= 4 * math.hypot(mine[1], theirs[1]), (mine, theirs)


@pytest.mark.parametrize(("mean", "sd"), WISHES)
def test_sliders_give_what_a_fit_with_that_prior_gives(ordinary, page, mean, sd):
    before = chance(page)
    slide(page, "#yp-mean", mean, as_it_stands)
    slide(page, "#yp-sd", sd, on_a_log_scale)
    mean_used, sd_used = chosen(page)
    assert abs(mean_used - mean) < 0.06
    assert abs(math.log(sd_used / sd)) < 0.06
    truth = refit(ordinary, mean_used, sd_used)
    assert chance(page) != before
    for kind in ("benefit", "relevant", "harm"):
        if told(page, f"#yp-p-{kind}"):
            assert_near(chance(page, f"#yp-p-{kind}"), truth[kind])


def test_the_direction_where_a_lower_response_is_good(nasty, visit):
    page = visit(nasty.page).page
    slide(page, "#yp-mean", -0.5, as_it_stands)
    slide(page, "#yp-sd", 0.6, on_a_log_scale)
    truth = refit(nasty, *chosen(page))
    for kind in ("benefit", "relevant", "harm"):
        assert_near(chance(page, f"#yp-p-{kind}"), truth[kind])
    assert favoured(-0.1, nasty.contents.trial.arms, nasty.contents.trial.end_point) == "$x"
    assert chance(page)[0] > 0.5  # a prior for fewer responses, and data that agree


def test_arrows_move_the_sliders_and_the_answer(ordinary, page):
    page.locator("[data-preset=sceptical]").click()  # not the declared prior, which is of draws of its own
    settle(page)
    start, answer = chosen(page), chance(page)
    page.locator("#yp-mean").focus()
    for _ in range(8):
        page.keyboard.press("ArrowRight")
    settle(page)
    assert chosen(page)[0] > start[0]
    more = chance(page)
    assert more[0] > answer[0]  # a prior that expects more finds more
    page.locator("#yp-sd").focus()
    for _ in range(8):
        page.keyboard.press("ArrowLeft")
    settle(page)
    assert chosen(page)[1] < start[1]
    assert chance(page) != more
    truth = refit(ordinary, *chosen(page))
    assert_near(chance(page), truth["benefit"])


def test_the_number_beside_a_slider_moves_it(ordinary, page):
    page.locator("#yp-mean-number").fill("0.25")
    page.locator("#yp-sd-number").fill("0.4")
    page.keyboard.press("Tab")
    settle(page)
    assert float(page.locator("#yp-mean").input_value()) == pytest.approx(0.25, abs=0.05)
    assert_near(chance(page), refit(ordinary, 0.25, 0.4)["benefit"])


def test_presets_are_the_rows_of_the_analysis(report, visit):
    page = visit(report.page).page
    priors = report.contents.priors
    assert [row.prior.name for row in priors.rows] == ["sceptical", "neutral", "optimistic", "flat"]
    for row in priors.rows:
        button = page.locator(f"[data-preset={row.prior.name}]")
        button.focus()
        page.keyboard.press("Enter")
        settle(page)
        assert button.get_attribute("aria-pressed") == "true"
        assert page.locator("[data-preset][aria-pressed=true]").count() == 1
        # a prior that had to be fitted is shown by the draws of that fit
        assert chance(page)[0] == pytest.approx(row.changed.p_benefit, abs=1e-3)
        assert chance(page)[1] == pytest.approx(row.changed.p_benefit_mcse, rel=0.1)
        if not row.changed.refitted:
            shown = float(page.locator("#yp-khat").get_attribute("data-value"))
            assert shown == pytest.approx(row.changed.k_hat, abs=0.1)  # of fewer draws, where they are many
    assert {row.changed.refitted for row in priors.rows} == {False, True}


def test_the_declared_prior_gives_the_report_itself(report, visit):
    page = visit(report.page).page
    page.locator("[data-preset=declared]").click()
    settle(page)
    assert chance(page)[0] == pytest.approx(report.contents.lead.p_benefit.probability, abs=1e-6)


def test_an_absurd_prior_is_refused_without_a_number(page):
    page.locator("[data-preset=neutral]").click()
    settle(page)
    assert not page.locator("#yp-refusal").is_visible()
    low = page.locator("#yp-mean").get_attribute("min")
    page.locator("#yp-mean").fill(low)
    slide(page, "#yp-sd", 0.1, on_a_log_scale)
    refusal = page.locator("#yp-refusal")
    assert refusal.is_visible()
    assert "Fit the model again" in refusal.inner_text()
    for name in ("#yp-p-benefit", "#yp-p-relevant", "#yp-p-harm", "#yp-rd"):
        cell = page.locator(name)
        assert cell.get_attribute("data-value") is None, name
        assert cell.get_attribute("data-mcse") is None, name
        assert not any(c.isdigit() for c in cell.inner_text()), name
    for drawing in page.locator("#yp-plot svg, svg#yp-plot").all():
        assert not any(c.isdigit() for c in drawing.get_attribute("aria-label") or "")
    # and back: the refusal goes with the prior that it was about
    page.locator("[data-preset=neutral]").click()
    settle(page)
    assert not refusal.is_visible()
    assert 0 < chance(page)[0] < 1


def test_text_that_is_no_number_leaves_no_stale_answer(page):
    page.locator("[data-preset=neutral]").click()
    settle(page)
    before = chance(page)
    field = page.locator("#yp-sd-number")
    field.fill("")
    settle(page)
    value = page.locator("#yp-p-benefit").get_attribute("data-value")
    # either no number, or that of the prior that the fields and the sliders still show
    assert value is None or float(value) == before[0]
    field.fill("0.5")
    page.keyboard.press("Tab")
    settle(page)
    assert chosen(page)[1] == pytest.approx(0.5)


def test_the_result_is_announced_in_words(report, visit):
    page = visit(report.page).page
    page.locator("[data-preset=neutral]").click()
    settle(page)
    result = page.locator("#yp-result")
    assert result.get_attribute("aria-live") == "polite"
    arms = report.contents.trial.arms
    said = result.inner_text()
    assert arms.active in said
    assert arms.control in said
    first = said
    page.locator("[data-preset=sceptical]").click()
    settle(page)
    assert result.inner_text() != first
