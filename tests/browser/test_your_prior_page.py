"""'Your prior' as a reader works it: what the page shows is what the model fitted with that prior gives."""

from __future__ import annotations

import math

import pytest

import bayes_lupil as bl
from bayes_lupil.numbers import percent

# (belief, strength) as a reader might choose them, and the threshold of the slider
CHOICES = [("pessimistic", "moderate", 0), ("neutral", "strong", 1), ("optimistic", "weak", 2)]


@pytest.fixture
def page(ordinary, visit):
    found = visit(ordinary.page).page
    found.wait_for_function("document.querySelector('figure[data-name=prior_likelihood_posterior].drawn svg')")
    return found


def settle(page):
    page.evaluate("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(r, 80))))")


def value(page, name="#yp-p-benefit"):
    shown = page.locator(name).get_attribute("data-value")
    return None if shown is None else float(shown)


def chosen(page):
    """(mean, SD) of the prior that the link names, four decimals of each."""
    return tuple(float(part) for part in page.locator("#yp-link").get_attribute("href").split("=")[1].split(":"))


def choose(page, belief, strength=None):
    page.locator(f"[data-belief={belief}]").click()
    if strength:
        page.locator(f"[data-strength={strength}]").click()
    settle(page)


def refit(report, mean, sd):
    """The model fitted with that prior."""
    declared = {"family": "normal", "mean": mean, "sd": sd, "reason": "chosen by a reader"}
    post = bl.fit(report.contents.lead.spec.edited(priors__beta=declared), report.contents.trial)
    assert post.verdict.ok, post.verdict.text
    return post


def assert_near(page, post, kind, threshold=0.0, name="#yp-p-benefit"):
    row = next(item for item in post.ladder if item.kind == kind and item.threshold == threshold)
    shown = value(page, name)
    if shown is not None:  # else: too few draws to tell
        # the page's own errors are about as large as the refit's
        assert abs(shown - row.probability) <= 4 * math.hypot(row.mcse, 2 * row.mcse)


@pytest.mark.parametrize(("belief", "strength", "threshold"), CHOICES)
def test_buttons_give_what_a_fit_with_that_prior_gives(ordinary, page, belief, strength, threshold):
    choose(page, belief, strength)
    page.locator("#yp-threshold").fill(str(threshold))
    truth = refit(ordinary, *chosen(page))
    assert_near(page, truth, "benefit", truth.spec.decision.ladder[threshold])
    assert_near(page, truth, "harm", -truth.spec.decision.harm, "#yp-p-harm")
    assert page.locator("[data-belief][aria-pressed=true]").all_inner_texts() == [belief]
    assert page.locator("[data-strength][aria-pressed=true]").all_inner_texts() == [strength]


def test_the_direction_where_a_lower_response_is_good(nasty, visit):
    page = visit(nasty.page).page
    choose(page, "optimistic", "moderate")
    assert chosen(page)[0] < 0  # fewer responses are the benefit
    assert_near(page, refit(nasty, *chosen(page)), "benefit")
    assert value(page) > 0.5


def test_sliders_and_numbers_take_the_nearest_prior_of_the_map(ordinary, page):
    for name, text in (("#yp-mean-number", "1,5"), ("#yp-sd-number", "0.43")):  # a decimal comma, and a point
        page.locator(name).fill(text)
        page.locator(name).blur()
        settle(page)
    mean, sd = chosen(page)
    assert math.exp(mean) == pytest.approx(1.5, rel=0.06)
    assert sd == pytest.approx(0.43, rel=0.15)
    assert page.locator("[data-belief][aria-pressed=true]").count() == 0
    assert_near(page, refit(ordinary, mean, sd), "benefit")
    page.locator("#yp-mean").focus()
    before, answer = chosen(page), value(page)
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    settle(page)
    assert chosen(page)[0] > before[0]
    assert value(page) > answer  # a prior that expects more finds more


def test_text_that_is_no_number_changes_nothing(page):
    choose(page, "neutral", "moderate")
    before = chosen(page), value(page)
    field = page.locator("#yp-sd-number")
    for text in ("", "wide", "-1"):
        field.fill(text)
        field.blur()
        settle(page)
        assert (chosen(page), value(page)) == before
        assert field.get_attribute("aria-invalid") == "true"
    field.fill("0,5")
    field.blur()
    assert field.get_attribute("aria-invalid") == "false"


def test_presets_are_the_rows_of_the_analysis(report, visit):
    page = visit(report.page).page
    rows = {row.prior.name: row for row in report.contents.priors.rows}
    for name, strength in (("sceptical", "strong"), ("optimistic", "strong"), ("flat", None)):
        row = rows[name]
        choose(page, name, strength)
        assert page.locator("#yp-p-benefit").inner_text() == percent(row.changed.p_benefit, row.changed.p_benefit_mcse)


def test_the_declared_prior_gives_the_report_itself(report, visit):
    page = visit(report.page).page
    choose(page, "declared")
    best = report.contents.lead.p_benefit
    assert value(page) == pytest.approx(best.probability, abs=1e-6)
    assert page.locator("#yp-p-benefit").inner_text() == percent(best.probability, best.mcse)
    assert page.locator("[data-strength]:disabled").count() == 3


def test_a_link_carries_the_prior(ordinary, visit):
    page = visit(ordinary.page).page
    choose(page, "pessimistic", "strong")
    link, shown = page.locator("#yp-link").get_attribute("href"), value(page)
    page.goto(f"{ordinary.page.as_uri()}{link}")
    page.reload()
    settle(page)
    assert page.locator("#yp-link").get_attribute("href") == link
    assert value(page) == shown


def test_the_chart_follows(page):
    curves = "figure[data-name=prior_likelihood_posterior] .live svg path[stroke-width]"
    before = page.locator(curves).evaluate_all("items => items.map(item => item.getAttribute('d'))")
    choose(page, "pessimistic", "strong")
    page.wait_for_timeout(300)
    after = page.locator(curves).evaluate_all("items => items.map(item => item.getAttribute('d'))")
    assert len(before) == len(after) >= 3
    assert sum(one != other for one, other in zip(before, after, strict=True)) >= 2  # prior and posterior


def test_the_result_is_announced_in_words(report, visit):
    page = visit(report.page).page
    choose(page, "neutral", "weak")
    result = page.locator("#yp-result")
    assert result.get_attribute("aria-live") == "polite"
    arms, first = report.contents.trial.arms, result.inner_text()
    assert arms.active in first
    assert arms.control in first
    choose(page, "pessimistic", "strong")
    assert result.inner_text() != first
