"""What is said of figures to those who cannot see them: the numbers of the result, and the sites and arms by name."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from bayes_lupil import Cells, Trial, load_model, load_trial
from bayes_lupil.numbers import points, probability, ratio
from bayes_lupil.report.sites.exclusion_figure import exclusion_words
from bayes_lupil.report.sites.figures import outliers_words
from bayes_lupil.report.sites.predictive_figure import predicted_words
from bayes_lupil.report.sites.shrinkage_chart import shrinkage_words
from bayes_lupil.report.unpublished.counts_figure import hidden_figure_words
from bayes_lupil.sensitivity import Estimate
from bayes_lupil.sites.analysis import analyse_sites
from bayes_lupil.unpublished.counts import unpublished_counts

SHOWN = load_model("outliers_arms").edited(sampler__points=1024)


@pytest.fixture(scope="module")
def hidden(resampled):
    """LUPIL-2 with one count left unpublished: the others are taken as known."""
    trial = load_trial("lupil2")
    known = replace(trial, data=replace(trial.data, at_excluded=((1, 1, 3), (1, 0, 1))))
    return unpublished_counts(resampled(load_model("site_effects"), known), most_refits=0)


def test_raw_and_shrunken_effects(planted):
    """Raw odds ratios by hand from the counts; the planted site has 12/20 on drug and 20/20 on placebo."""
    words = shrinkage_words(planted)
    y, n = (np.array(table) for table in (planted.trial.data.responders, planted.trial.data.n))
    half = 0.5 * ((y == 0) | (y == n)).any(axis=1, keepdims=True)
    odds = (y + half) / (n - y + half)
    raw = odds[:, 1] / odds[:, 0]
    assert f"Raw ones run from {ratio(raw.min())} (site 05) to {ratio(raw.max())} (" in words
    low, middle, high = np.exp(np.quantile(planted.shown.draws("beta"), [0.025, 0.5, 0.975]))
    assert f"average site: {ratio(middle)} (95 % credible interval {ratio(low)} to {ratio(high)})" in words
    assert words.startswith("Site 05 is outlying (99 %); the others are pulled towards an average site.")
    assert "drug over placebo; above 1 is benefit" in words


def test_outlying_sites_by_arm(planted):
    words = outliers_words(planted)
    row = next(row for row in planted.table.rows if row.site == "site 05")
    item = row.outlier[0]
    assert f"above 0.5 for site 05, placebo {probability(item.mean, item.mcse)}; the largest of the others is" in words
    calm = tuple(replace(row, outlier=(Estimate(0.1, 0.01), Estimate(0.2, 0.01))) for row in planted.table.rows)
    none = outliers_words(replace(planted, table=replace(planted.table, rows=calm)))
    assert none.endswith("above 0.5 for none; the largest is site 01, drug 0.20 (MCSE 0.01).")
    wild = tuple(replace(row, outlier=(Estimate(0.9, 0.01), Estimate(0.8, 0.01))) for row in planted.table.rows)
    every = outliers_words(replace(planted, table=replace(planted.table, rows=wild)))
    assert every.endswith(f"and {2 * len(wild) - 3} more.")
    alone = tuple(replace(row, outlier=None, nonexchangeable=Estimate(0.6, 0.01)) for row in planted.table.rows)
    assert "site 01 0.60 (MCSE 0.01)" in outliers_words(replace(planted, table=replace(planted.table, rows=alone)))
    plain = tuple(replace(row, outlier=None) for row in planted.table.rows)
    assert (
        outliers_words(replace(planted, table=replace(planted.table, rows=plain))) == "The model has no outlying sites."
    )


def test_the_way_from_kept_to_excluded(planted):
    words = exclusion_words(planted)
    found = re.findall(r"(kept|counting|excluded)[^,]*, the median risk difference is (\S+) points", words)
    order = (planted.path.points[0], planted.path.points[5], planted.path.points[-1])
    assert [word for word, _ in found] == ["kept", "counting", "excluded"]
    assert [number for _, number in found] == [points(point.risk_difference.q50) for point in order]
    assert "each patient of site 05 counts less (above 0 is benefit)" in words
    failed = replace(planted.path, points=tuple(replace(point, ok=False) for point in planted.path.points))
    assert "may be reported" in exclusion_words(replace(planted, path=failed))


def test_rates_outside_what_is_predicted(planted):
    """As fitted none is; where the data say so, the site, the arm and the counts are named."""
    assert predicted_words(planted.shown).startswith("None of 28 observed response rates")
    data = planted.shown.data.copy(deep=True)
    data["observed_data"]["y"][0, 1] = 0
    told = predicted_words(replace(planted.shown, data=data))
    assert told.startswith("1 of 28 observed response rates")
    n = planted.trial.data.n[0][1]
    assert f"site 01, drug: 0 of {n} responded, 95 % of replicates have" in told


def test_unpublished_counts(hidden):
    words = hidden_figure_words(hidden)
    rows = hidden.one("control_responders").rows
    likely = max(rows, key=lambda row: row.probability)
    assert "may be 1 to 14; the model holds" in words
    assert f"holds {likely.counts[0]} for the most probable" in words
    done = [row for row in rows if row.computed]
    low = min(done, key=lambda row: row.p_benefit)
    assert f"would be {probability(low.p_benefit, low.p_benefit_mcse)} (at {low.counts[0]}) to" in words
    # without a model: 31/46 against (29 - k)/(50 - k)
    assert f"may be {points(31 / 46 - 28 / 49)} to {points(31 / 46 - 15 / 36)} points (bounds)" in words
    assert "ILT-101 minus placebo, above 0 is benefit" in words
    assert "were known too" not in words  # there is no other count
    assert ("over the values computed" in words) == any(not row.computed for row in rows)


def test_long_names_are_clipped(planted):
    cells = planted.trial.data
    names = tuple(f"{i} " + "y" * 300 for i in range(len(cells.sites)))
    trial = Trial.from_cells(
        Cells(names, cells.responders, cells.n), planted.trial.arms, planted.trial.end_point, name="long"
    )
    result = analyse_sites(trial, SHOWN, (), powers=(1, 0))
    for words in (shrinkage_words(result), outliers_words(result), exclusion_words(result)):
        assert len(words) < 800
