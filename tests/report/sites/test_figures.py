"""Figures of sites: every number that of the result, nothing clipped, no words over each other."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from bayes_lupil import Arms, Cells, EndPoint, Trial, fit, load_trial
from bayes_lupil.errors import InputError, UnsupportedModelError
from bayes_lupil.report.figures import figure_caterpillar, figure_exclusion_path, figure_outliers, figure_predictive
from bayes_lupil.report.media.plot_rows import chosen_rows, site_names
from bayes_lupil.report.sites.exclusion_figure import _apart
from bayes_lupil.sites.exclusion import exclusion_path
from bayes_lupil.sites.posterior_predictive import predicted_by_site
from bayes_lupil.sites.table import site_table
from bayes_lupil.spec import site_models
from tests.report.drawn import boxes

WIDTHS = [7.5, 4.06]
SUSPECT = "site 07"


def model(name):
    return next(m for m in site_models() if m.name == name).edited(sampler__points=1024)


def planted():
    """25 small sites, one with 20 patients an arm of whom all responded on placebo; more is better."""
    rng = np.random.default_rng(4)
    n = rng.integers(2, 9, size=(25, 2))
    y = rng.binomial(n, [0.4, 0.55])
    n[7], y[7] = (20, 20), (20, 10)
    cells = Cells(tuple(f"site {s:02d}" for s in range(25)), y, n)
    arms, end_point = Arms("placebo", "drug"), EndPoint("cure", "response at week 12")
    return Trial.from_cells(cells, arms, end_point, "planted", synthetic=True)


def odd():
    """Names that a figure cannot show as they are, a site with one arm only; less is better."""
    names = (
        "<script>alert(1)</script>", "$x$ & $\\frac{1}{2}$", "U" * 59 + "1", "U" * 59 + "2",
        "\u6771\u4eac \u75c5\u9662", "\u0391\u03b8\u03ae\u03bd\u03b1", "_a_ ^b^ \u202etfel next",
        "\u0421\u043e\u0444\u0438\u044f",
    )  # fmt: skip
    rng = np.random.default_rng(1)
    n = rng.integers(3, 60, size=(8, 2))
    y = rng.binomial(n, 0.4)
    y[0] = n[0] * [1, 0]
    n[5], y[5] = (0, 9), (0, 3)
    return Trial.from_cells(Cells(names, y, n), Arms("a" * 60, "$b$"), EndPoint("y", "y" * 120, "lower"), "odd")


class Made:
    """All results of one trial."""

    def __init__(self, trial, name, suspects, others):
        self.trial, self.posterior = trial, fit(model(name), trial)
        self.table = site_table(self.posterior)
        self.path = exclusion_path(self.posterior, suspects, (1.0, 0.9, 0.0))
        self.references = {other: fit(model(other), trial) for other in others}
        self.predicted = predicted_by_site(self.posterior)

    def figures(self, width):
        yield figure_caterpillar(self.table, self.posterior, width=width)
        yield figure_outliers(self.table, self.posterior, width=width)
        yield figure_exclusion_path(self.path, self.posterior, self.references, width=width)
        yield figure_predictive(self.predicted, self.posterior, width=width)


@pytest.fixture(scope="module")
def made():
    trial = odd()
    found = {
        "planted": Made(planted(), "outliers_control", [SUSPECT], ["site_effects", "outliers_arms"]),
        "beitler_landis": Made(load_trial("beitler_landis"), "outliers_arms", ["2", "8"], ["site_effects"]),
        "odd": Made(trial, "site_exnex", [trial.data.sites[0]], []),
    }
    for one in found.values():  # as many lines as there are models, some of which coincide
        again = {f"again_{i}": one.posterior for i in range(7 - len(one.references))}
        one.references |= again
    return found


def artists(figure, gid):
    return figure.findobj(match=lambda item: item.get_gid() == gid)


def places(figure, gid):
    """(x, y) of single marks."""
    return [tuple(float(np.asarray(v)[0]) for v in item.get_data()) for item in artists(figure, gid)]


def rows_of(figure):
    """Place of each site's row, by its label."""
    axes = figure.axes[0]
    return {label.get_text(): y for label, y in zip(axes.get_yticklabels(), axes.get_yticks(), strict=True)}


def row_at(figure, made, s):
    names = site_names([row.site for row in made.table.rows], figure.get_figwidth())
    return next(y for text, y in rows_of(figure).items() if text.split("\n")[0] == names[s])


def overlap(first, second):
    across = min(first.x1, second.x1) - max(first.x0, second.x0)
    up = min(first.y1, second.y1) - max(first.y0, second.y0)
    return across > 1 and up > 1


@pytest.mark.stack
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["planted", "beitler_landis", "odd"])
def test_nothing_is_clipped_no_words_meet_and_none_is_small(made, name, width):
    for figure in made[name].figures(width):
        found, (across, up) = boxes(figure)
        assert len(found) > 10
        for text, box in found:
            assert box.x0 >= -1, text.get_text()
            assert box.x1 <= across + 1, text.get_text()
            assert box.y0 >= -1, text.get_text()
            assert box.y1 <= up + 1, text.get_text()
        # the mark across the figure may cross words, and the small one stands on the line left free for it
        words = [(t, box) for t, box in found if not t.get_text().startswith("SYNTHETIC DATA")]
        for small in (box for t, box in found if t.get_text().startswith("SYNTHETIC DATA:")):
            below = next(box for t, box in words if t.get_text().endswith("\n"))
            assert small.y1 <= below.y0 + 11
        for (first, one), (second, other) in itertools.combinations(words, 2):
            assert not overlap(one, other), (first.get_text(), second.get_text())
        assert all(text.get_fontsize() >= 8 for text, _ in words)


@pytest.mark.parametrize("name", ["planted", "beitler_landis", "odd"])
def test_raw_and_shrunken_effects_stand_where_the_table_says(made, name):
    one = made[name]
    figure = figure_caterpillar(one.table, one.posterior)
    raw = places(figure, "raw")
    shrunken = places(figure, "shrunken") + places(figure, "outlying")
    assert len(shrunken) == len(artists(figure, "interval")) == len(one.table.rows)
    assert len(raw) == sum(all(row.n) for row in one.table.rows)
    for s, row in enumerate(one.table.rows):
        y = row_at(figure, one, s)
        if all(row.n):
            hand = 100 * (row.responders[1] / row.n[1] - row.responders[0] / row.n[0])
            assert min(abs(a - hand) + abs(b - y - 0.2) for a, b in raw) < 1e-9
        mean = 100 * row.risk_difference.mean
        assert min(abs(a - mean) + abs(b - y + 0.14) for a, b in shrunken) < 1e-9
        ends = [line.get_xdata() for line in artists(figure, "interval") if abs(line.get_ydata()[0] - y + 0.14) < 1e-9]
        assert np.allclose(ends, [[100 * row.risk_difference.q2_5, 100 * row.risk_difference.q97_5]])
    (overall,) = artists(figure, "overall")
    assert overall.get_xdata()[0] == pytest.approx(100 * one.posterior.draws("risk_difference").mean())


def test_areas_of_raw_markers_are_as_the_patients(made):
    one = made["beitler_landis"]
    figure = figure_caterpillar(one.table, one.posterior)
    sizes = [line.get_markersize() for line in sorted(artists(figure, "raw"), key=lambda line: line.get_ydata()[0])]
    order = sorted(range(8), key=lambda s: one.table.rows[s].risk_difference.mean)
    patients = np.array([sum(one.table.rows[s].n) for s in order])
    assert np.allclose(np.square(sizes) / patients, np.square(sizes[0]) / patients[0])


def test_outlying_sites_have_a_shape_and_words_of_their_own(made):
    one = made["planted"]
    figure = figure_caterpillar(one.table, one.posterior)
    ((_, y),) = places(figure, "outlying")
    assert y == pytest.approx(row_at(figure, one, 7) - 0.14)
    marker = artists(figure, "outlying")[0].get_marker()
    assert marker not in {line.get_marker() for line in artists(figure, "shrunken")}
    (words,) = artists(figure, "P(outlier)")
    p = one.table.rows[7].outlier[0]
    assert words.get_text().startswith("control arm: P ")
    assert "MCSE" in words.get_text()
    assert float(words.get_text().split()[3]) == pytest.approx(p.mean, abs=1e-3)
    homogeneous = made["beitler_landis"]
    assert not artists(figure_caterpillar(homogeneous.table, homogeneous.posterior), "P(outlier)")


@pytest.mark.parametrize("name", ["planted", "odd"])
def test_the_better_sites_are_at_the_top_and_the_axis_says_where(made, name):
    one = made[name]
    sign = one.trial.end_point.sign
    figure = figure_caterpillar(one.table, one.posterior)
    found = sorted(places(figure, "shrunken") + places(figure, "outlying"), key=lambda place: place[1])
    assert np.all(np.diff([sign * x for x, _ in found]) >= 0)
    label = figure.axes[0].get_xlabel()
    assert (label.index("worse") < label.index("better")) == (sign > 0)
    axes = figure_exclusion_path(one.path, one.posterior).axes[0]
    assert ("better \u2191" in axes.get_ylabel()) == (sign > 0)
    assert ("better \u2193" in axes.get_ylabel()) == (sign < 0)


def test_probabilities_of_being_outlying_are_the_tables(made):
    for name, arms in (("planted", [0]), ("beitler_landis", [0, 1])):
        one = made[name]
        figure = figure_outliers(one.table, one.posterior)
        known = sorted(row.outlier[a].mean for row in one.table.rows for a in arms)
        assert np.allclose(sorted(x for x, _ in places(figure, "probability")), known)
        for line, (x, _) in zip(artists(figure, "error"), places(figure, "probability"), strict=True):
            low, high = line.get_xdata()
            assert low <= x <= high
    one = made["odd"]
    figure = figure_outliers(one.table, one.posterior)
    known = sorted(row.nonexchangeable.mean for row in one.table.rows)
    assert np.allclose(sorted(x for x, _ in places(figure, "probability")), known)
    hollow = [line for line in artists(figure, "probability") if line.get_markerfacecolor() == "white"]
    assert len(hollow) == 1  # the site with one arm only


def test_two_arms_are_told_apart_by_shape(made):
    one = made["beitler_landis"]
    shapes = {line.get_marker() for line in artists(figure_outliers(one.table, one.posterior), "probability")}
    assert len(shapes) == 2


@pytest.mark.parametrize(("name", "prior"), [("planted", 1 / 10), ("beitler_landis", 1 / 20), ("odd", 1 / 10)])
def test_the_prior_is_that_of_the_model_file(made, name, prior):
    one = made[name]  # Beta(1, 9) and Beta(1, 19)
    (line,) = artists(figure_outliers(one.table, one.posterior), "prior")
    assert line.get_xdata()[0] == pytest.approx(prior)


def test_a_fixed_share_is_its_own_prior(made):
    one = made["planted"]
    fixed = one.posterior.spec.edited(sites__outlier_share=0.3, priors__outlier_share=None)
    table = replace(one.table, model=fixed.called)
    (line,) = artists(figure_outliers(table, replace(one.posterior, spec=fixed)), "prior")
    assert line.get_xdata()[0] == 0.3


def test_no_outliers_no_figure_of_them(made):
    one = made["beitler_landis"]
    normal = one.references["site_effects"]
    table = site_table(normal)
    with pytest.raises(UnsupportedModelError, match="no outlying sites"):
        figure_outliers(table, normal)
    figure = figure_caterpillar(table, normal)
    assert len(places(figure, "shrunken")) == 8


def test_the_path_is_that_of_its_points(made):
    one = made["planted"]
    figure = figure_exclusion_path(one.path, one.posterior, one.references)
    upper, lower = artists(figure, "path")
    powers = [1.0, 0.9, 0.0]
    assert list(upper.get_xdata()) == list(lower.get_xdata()) == powers
    assert np.allclose(upper.get_ydata(), [100 * point.risk_difference.q50 for point in one.path.points])
    assert np.allclose(lower.get_ydata(), [point.p_benefit for point in one.path.points])
    again = [point.power for point in one.path.points if point.refitted]
    assert again[-1] == 0.0  # its weights cannot carry the change, so that both marks are there
    assert len(again) < len(powers)
    for marks in artists(figure, "refitted"):
        assert list(marks.get_xdata()) == again
    for marks in artists(figure, "reweighted"):
        assert list(marks.get_xdata()) == [power for power in powers if power not in again]
    assert {m.get_marker() for m in artists(figure, "refitted")} != {
        m.get_marker() for m in artists(figure, "reweighted")
    }
    left, right = figure.axes[0].get_xlim()
    assert left > right  # kept on the left
    assert f"excluding {SUSPECT} (40 patients)" in figure.get_suptitle().replace("\n", " ")


def test_references_are_the_other_models_values_named_at_the_edge(made):
    one = made["planted"]
    figure = figure_exclusion_path(one.path, one.posterior, one.references)
    lines = [item for item in artists(figure, "reference") if not isinstance(item, Text)]
    upper, lower = [sorted(i.get_ydata()[0] for i in lines if i.axes is axes) for axes in figure.axes]
    assert np.allclose(upper, sorted(100 * p.row("risk_difference").q50 for p in one.references.values()))
    assert np.allclose(lower, sorted(p.p_benefit.probability for p in one.references.values()))
    words = [item.get_text() for item in artists(figure, "reference") if isinstance(item, Text)]
    for name in one.references:
        assert sum(text.startswith(f"{name}\n") for text in words) == 2
    assert sum("MCSE" in text for text in words) == len(one.references)
    assert len({line.get_color() for line in lines}) == 6  # the seventh has dashes of its own


def test_labels_are_pushed_apart_and_stay_inside():
    assert _apart([0.2, 0.8], 0.1) == [0.2, 0.8]
    for wanted in ([0.5, 0.5, 0.5], [0.0, 0.0], [1.0, 1.0, 1.0], [0.0, 0.01, 0.99, 1.0]):
        found = _apart(wanted, 0.2)
        assert np.all(np.diff(found) >= 0.2 - 1e-9)
        assert found[0] >= 0.1 - 1e-9
        assert found[-1] <= 0.9 + 1e-9


def test_points_whose_diagnostics_failed_are_left_out_and_named(made):
    one = made["planted"]
    first, second, third = one.path.points
    failed = replace(second, ok=False, p_benefit=np.nan, p_benefit_mcse=np.nan)
    figure = figure_exclusion_path(replace(one.path, points=(first, failed, third)), one.posterior)
    assert list(artists(figure, "path")[0].get_xdata()) == [1.0, 0.0]
    assert "diagnostics failed: power 0.9" in figure.get_supxlabel().replace("\n", " ")
    nothing = tuple(replace(point, ok=False) for point in one.path.points)
    with pytest.raises(InputError, match="no point"):
        figure_exclusion_path(replace(one.path, points=nothing), one.posterior)


@pytest.mark.parametrize("name", ["planted", "beitler_landis", "odd"])
def test_predicted_intervals_and_observed_rates_are_the_tables(made, name):
    one = made[name]
    figure = figure_predictive(one.predicted, one.posterior)
    observed = places(figure, "observed")
    assert len(observed) == len(one.predicted) == sum(n > 0 for row in one.table.rows for n in row.n)
    known = sorted(100 * y / n for row in one.table.rows for y, n in zip(row.responders, row.n, strict=True) if n)
    assert np.allclose(sorted(x for x, _ in observed), known)
    for gid, low, high in (("95 %", "q2_5", "q97_5"), ("50 %", "q25", "q75")):
        ends = sorted(tuple(line.get_xdata()) for line in artists(figure, gid))
        p = one.predicted
        assert np.allclose(ends, sorted(zip(100 * p[low] / p["n"], 100 * p[high] / p["n"], strict=True)))
    sizes = [sum(one.table.rows[s].n) for s in sorted(range(len(one.table.rows)), key=lambda s: row_at(figure, one, s))]
    assert np.all(np.diff(sizes) >= 0)  # the largest at the top


def test_observed_rates_outside_have_a_cross(made):
    one = made["beitler_landis"]
    inside = figure_predictive(one.predicted, one.posterior)
    assert not artists(inside, "outside")
    moved = one.predicted.copy()
    moved.loc[3, ["q2_5", "q25", "q50", "q75", "q97_5"]] = moved.loc[3, "responders"] + 1
    figure = figure_predictive(moved, one.posterior)
    ((x, _),) = places(figure, "outside")
    assert x == pytest.approx(100 * moved.loc[3, "rate"])
    assert "1 of 16 observed rates lie outside" in figure.get_supxlabel().replace("\n", " ")


def test_of_many_sites_the_telling_ones_are_shown_and_the_rest_is_said(made):
    one = made["planted"]
    for figure in (
        figure_caterpillar(one.table, one.posterior, most=9),
        figure_outliers(one.table, one.posterior, most=9),
        figure_predictive(one.predicted, one.posterior, most=9),
    ):
        labels = [text.split("\n")[0] for text in rows_of(figure)]
        assert len(labels) == 9
        assert SUSPECT in labels
        assert "of 25 sites" in figure.get_supxlabel().replace("\n", " ")


def test_rows_are_chosen_by_score_and_then_by_size():
    shown, words = chosen_rows([9, 8, 7, 1, 1, 6], 4, np.array([0, 0, 0, 0.2, 0.9, 0]), "highest score")
    assert list(shown) == [0, 1, 2, 4]
    assert words == (
        "Shown, of 6 sites: the 1 with the highest score, and the 3 largest of the others; left out: 2. "
    )  # fmt: skip
    assert list(chosen_rows([1, 2, 3], 2)[0]) == [1, 2]
    assert chosen_rows([1, 2, 3], 3)[1] == ""


def test_names_stay_on_one_line_and_apart(made):
    names = site_names(list(made["odd"].trial.data.sites), 7.5)
    assert len(set(names)) == len(names)
    assert all(name.isprintable() for name in names)
    assert all(len(name) <= 30 for name in names)
    assert names[0] == "<script>alert(1)</script>"
    assert names[2].startswith("no. 3: UUU")
    assert names[4] == "no. 5: \u25a1\u25a1 \u25a1\u25a1"  # the font has no such letters
    assert names[5] == "\u0391\u03b8\u03ae\u03bd\u03b1"


@pytest.mark.parametrize(("name", "synthetic"), [("planted", True), ("beitler_landis", False)])
def test_made_up_data_carry_the_mark_and_others_do_not(made, name, synthetic):
    for figure in made[name].figures(7.5):
        assert any("SYNTHETIC" in text.get_text() for text in figure.texts) == synthetic


def test_results_of_something_else_are_refused(made):
    one, other = made["planted"], made["beitler_landis"]
    with pytest.raises(InputError, match="beitler_landis"):
        figure_caterpillar(one.table, other.posterior)
    with pytest.raises(InputError, match="site_effects"):
        figure_outliers(one.table, one.references["site_effects"])
    with pytest.raises(InputError, match="posterior for a figure"):
        figure_exclusion_path(one.path, other.posterior)
    with pytest.raises(InputError, match="the data of the path"):
        figure_exclusion_path(one.path, one.posterior, {"other": other.posterior})
    with pytest.raises(InputError, match="12 at most"):
        figure_exclusion_path(one.path, one.posterior, {str(i): one.posterior for i in range(13)})
    with pytest.raises(InputError, match="another fit"):
        figure_predictive(one.predicted, other.posterior)


def test_a_failed_fit_is_never_drawn(made):
    one = made["planted"]
    tree = one.posterior.data.copy()
    tree["diagnostics"] = tree["diagnostics"].to_dataset().assign(pareto_k=2.0)
    failed = replace(one.posterior, data=tree)
    assert not failed.verdict.ok
    for draw in (
        lambda: figure_caterpillar(one.table, failed),
        lambda: figure_outliers(one.table, failed),
        lambda: figure_exclusion_path(one.path, failed),
        lambda: figure_exclusion_path(one.path, one.posterior, {"failed": failed}),
        lambda: figure_predictive(one.predicted, failed),
    ):
        with pytest.raises(InputError, match="diagnostics are sound"):
            draw()


def test_a_figure_is_the_same_when_drawn_again(made):
    for first, second in zip(made["odd"].figures(7.5), made["odd"].figures(7.5), strict=True):
        pictures = []
        for figure in (first, second):
            canvas = FigureCanvasAgg(figure)
            canvas.draw()
            pictures.append(np.asarray(canvas.buffer_rgba()))
        assert np.array_equal(*pictures)
