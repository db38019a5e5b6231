"""The chart of the sites: every mark where table and posterior say, and sites moving to what the line stands for."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bayes_lupil import Arms, Cells, EndPoint, Trial, fit, load_trial
from bayes_lupil.errors import InputError
from bayes_lupil.report.media.vega import specification
from bayes_lupil.report.sites.shrinkage_chart import chart_sites, finding, shrinkage_chart, site_effects
from bayes_lupil.sites.analysis import analyse_sites
from bayes_lupil.sites.influence import site_cells, site_log_odds_ratios
from bayes_lupil.sites.table import site_table
from bayes_lupil.spec import site_models
from tests.report.charts import layers_of, rows_with, words_of

WIDTHS = [4.0, 8.0]


def model(name):
    return next(m for m in site_models() if m.name == name).edited(sampler__points=1024)


def reversed_trial():
    """Fewer is better; a site without control patients, and names that are an attack."""
    names = ("<script>alert(1)</script>", "b\u202e", "U" * 59 + "1", "U" * 59 + "2", "one arm")
    rng = np.random.default_rng(3)
    n = rng.integers(8, 30, size=(5, 2))
    y = rng.binomial(n, [0.5, 0.3])
    n[4], y[4] = (0, 9), (0, 3)
    return Trial.from_cells(Cells(names, y, n), Arms("usual", "new"), EndPoint("y", "death", "lower"), "reversed")


@pytest.fixture(scope="module")
def looks():
    return {
        name: analyse_sites(trial, model("outliers_arms"), (), follow=False)
        for name, trial in {
            "beitler_landis": load_trial("beitler_landis"), "synthetic_outlier": load_trial("synthetic_outlier"),
            "reversed": reversed_trial(),
        }.items()
    }  # fmt: skip


NAMES = ["beitler_landis", "synthetic_outlier", "reversed"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_marks_stand_where_table_and_posterior_say(looks, name, width):
    look = looks[name]
    chart = chart_sites(look.table, look.shown, width=width)
    draws = site_log_odds_ratios(look.shown, site_cells(look.shown))
    filled = {row["site"]: row for row in rows_with(chart, "point", "x")}
    bars = {row["site"]: row for row in rows_with(chart, "rule", "low")}
    assert len(filled) == len(bars) == len(look.table.rows)
    for s, (row, shown) in enumerate(zip(look.table.rows, site_effects(look.table, look.shown), strict=True)):
        mark = next(item for item in filled.values() if math.isclose(item["x"], math.exp(shown.median)))
        low, middle, high = np.quantile(draws[..., s], [0.025, 0.5, 0.975])
        assert mark["x"] == pytest.approx(math.exp(middle))
        assert (mark["low"], mark["high"]) == pytest.approx((math.exp(low), math.exp(high)))
        assert (low, high) == pytest.approx((row.log_odds_ratio.q2_5, row.log_odds_ratio.q97_5))
        if all(row.n):
            y, n = np.array(row.responders), np.array(row.n)
            half = 0.5 if (y == 0).any() or (y == n).any() else 0.0
            odds = (y + half) / (n - y + half)
            assert mark["raw"] == pytest.approx(odds[1] / odds[0])
        else:
            assert "raw" not in mark
    line = np.median(look.shown.draws("conditional_log_odds_ratio"))
    rules = [row for mark, rows in layers_of(chart) if mark["type"] == "rule" for row in rows if "name" not in row]
    assert sorted({row["x"] for row in rules}) == pytest.approx(sorted([1.0, math.exp(line)]))


@pytest.mark.parametrize("name", ["beitler_landis", "synthetic_outlier"])
def test_sites_that_are_not_outlying_move_to_the_line(looks, name):
    look = looks[name]
    line = np.median(look.shown.draws("conditional_log_odds_ratio"))
    ordinary = [site for site in site_effects(look.table, look.shown) if not site.outlying]
    assert len(ordinary) == len(look.table.rows) - (name == "synthetic_outlier")
    for site in ordinary:
        assert abs(site.median - line) < abs(site.raw - line), site.row.site
    (outlying,) = [s for s in site_effects(look.table, look.shown) if s.outlying] or [None]
    if name == "synthetic_outlier":
        assert outlying.row.site == "site 05"
        assert abs(outlying.median - line) > 0.9 * abs(outlying.raw - line)  # it is left where it is


@pytest.mark.parametrize("width", WIDTHS)
def test_the_better_sites_are_at_the_top_and_the_axis_says_where(looks, width):
    for name in NAMES:
        look = looks[name]
        chart = chart_sites(look.table, look.shown, width=width)
        rows = sorted(rows_with(chart, "point", "x"), key=lambda row: row["level"])
        sign = look.trial.end_point.sign
        assert np.all(np.diff([sign * math.log(row["x"]) for row in rows if "chance" in row]) <= 0)
        (told,) = {text for text in words_of(chart) if "better  |  " in text}
        active, control = look.trial.arms.active, look.trial.arms.control
        assert told == ("\u2190 {} better  |  {} better \u2192".format(*((control, active)[::sign])))


def test_areas_are_as_the_patients(looks):
    look = looks["beitler_landis"]
    rows = rows_with(chart_sites(look.table, look.shown), "point", "area")
    assert len({round(row["area"] / int(row["n"]), 6) for row in rows if row["area"] > 30}) == 1


def test_an_outlying_site_has_a_look_of_its_own(looks):
    look = looks["synthetic_outlier"]
    chart = chart_sites(look.table, look.shown)
    shapes = {rows[0]["kind"]: (mark["shape"], mark["color"]["expr"]) for mark, rows in layers_of(chart)
              if mark["type"] == "point" and mark.get("filled") and rows}  # fmt: skip
    assert shapes["other"][0] != shapes["outlying"][0]
    assert shapes["other"][1] != shapes["outlying"][1]
    assert "P(outlier) 99 %" in words_of(chart)
    assert " ".join(words_of(chart)).startswith("Site 05 is outlying (99 %); the others")
    calm = looks["beitler_landis"]
    assert words_of(chart_sites(calm.table, calm.shown))[0] == "No site is outlying"


def test_what_is_told_of_a_site(looks):
    look = looks["synthetic_outlier"]
    row = next(r for r in rows_with(chart_sites(look.table, look.shown), "point", "chance") if r["site"] == "site 05")
    assert row["counts"] == "12/20 v 20/20"
    assert row["difference"].startswith("\u221240.0, ")
    without = next(r for r in look.table.rows if r.site == "site 05").without.estimates["risk_difference"]
    assert row["without"].startswith(f"{100 * without.q50:+.1f} (")


def test_names_are_text_and_made_up_data_are_marked(looks):
    text = str(specification(chart_sites(looks["reversed"].table, looks["reversed"].shown)))
    assert "\u202e" not in text
    names = [
        row["name"] for row in rows_with(chart_sites(looks["reversed"].table, looks["reversed"].shown), "point", "x")
    ]
    assert len(set(names)) == 5  # those that are alike once cut are told apart
    for name in NAMES:
        marked = any("SYNTHETIC" in word for word in words_of(chart_sites(looks[name].table, looks[name].shown)))
        assert marked == (name == "synthetic_outlier")


def test_of_many_sites_the_most_outlying_and_the_largest(looks):
    look = looks["synthetic_outlier"]
    chart = chart_sites(look.table, look.shown, most=6)
    shown = {row["site"] for row in rows_with(chart, "point", "chance")}
    assert len(shown) == 6
    assert "site 05" in shown
    assert "left out: 8" in " ".join(words_of(chart))


def test_a_model_without_outliers_claims_none(looks):
    look = looks["beitler_landis"]
    posterior = fit(model("site_effects"), look.trial)
    table = site_table(posterior)
    assert finding(site_effects(table, posterior)) == "Each site's effect, raw and given the model"
    assert not [word for word in words_of(chart_sites(table, posterior)) if "P(outlier)" in word]
    with pytest.raises(InputError, match="posterior for a figure"):
        chart_sites(table, look.shown)


def test_the_caption_says_what_the_line_is(looks):
    block = shrinkage_chart(looks["beitler_landis"])
    assert "Dashed: the effect at an average site" in block.caption
    assert "half a patient" in block.caption
    assert block.source == "sites.csv"
    assert block.alternative.startswith("No site is outlying. Odds ratios of 8 sites, drug over control; above 1")
    assert "below 1 is benefit" in shrinkage_chart(looks["reversed"]).alternative
