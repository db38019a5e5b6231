"""Figures of priors and of ranks: what they show is what was computed, and nothing is clipped or covered."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from scipy import stats
from xarray import DataTree

from bayes_lupil import Cells, Trial, load_model, load_trial
from bayes_lupil.report.figures import (
    figure_prior_map,
    figure_prior_posterior,
    figure_prior_predictive,
    figure_ranks,
    has_ranks,
)
from bayes_lupil.sensitivity.effect_priors import EffectPrior, PriorAnalysis, UnderPrior
from bayes_lupil.trials import Arms, EndPoint
from tests.report.reanalysis.prior_maps import map_of

WIDTHS = (4.0, 7.5)


@pytest.fixture(scope="module")
def posterior(resampled):
    trial = dataclasses.replace(load_trial("beitler_landis"), synthetic=True)
    return resampled(load_model("site_effects"), trial)


def prior_map(posterior, beta=0.55, error=0.35, gaps=True, declared=None):
    """A map in closed form: a normal posterior of the log odds ratio, under a normal prior."""
    means, sds = np.linspace(-math.log(4), math.log(4), 25), np.geomspace(0.1, 2, 13)
    weight = 1 / error**2 + 1 / sds[:, None] ** 2
    middle = (beta / error**2 + means / sds[:, None] ** 2) / weight
    sign = posterior.provenance.end_point.sign
    chances = stats.norm.cdf(sign * middle * np.sqrt(weight))
    if gaps:
        chances[:4, :6] = np.nan
    priors = (
        EffectPrior("sceptical", 0.0, 0.26, ""), EffectPrior("neutral", 0.0, 1.0, ""),
        EffectPrior("optimistic", sign * 0.43, 0.26, ""), EffectPrior("flat", 0.0, 10.0, ""),
    )  # fmt: skip
    if declared is not None:
        changes = {"family": "normal", "mean": declared[0], "sd": declared[1], "reason": "another prior, for a test"}
        posterior = dataclasses.replace(posterior, spec=posterior.spec.edited(priors__beta=changes))
    rows = tuple(UnderPrior(prior, None, ()) for prior in priors)
    return PriorAnalysis(posterior, 0.43, rows, (), map_of(means, sds, chances))


def boxes(figure):
    """(text, box, letters in points) of all visible texts but the synthetic mark and ticks out of sight."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    found = []
    ticks = {
        label
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]
        for label in (tick.label1, tick.label2)
        if not min(axis.get_view_interval()) - 1e-9 <= tick.get_loc() <= max(axis.get_view_interval()) + 1e-9
    }
    for text in figure.findobj(match=lambda item: isinstance(item, Text) and item.get_visible()):
        if text in ticks or not text.get_text().strip() or "SYNTHETIC" in text.get_text():
            continue
        found.append((text.get_text(), text.get_window_extent(canvas.get_renderer()), text.get_fontsize()))
    return found, canvas.get_width_height()


def assert_readable(figure):
    found, (width, height) = boxes(figure)
    for i, (text, box, size) in enumerate(found):
        assert size >= 8, text
        assert min(box.x0, box.y0, width - box.x1, height - box.y1) >= -1, text
        for other, second, _ in found[i + 1 :]:
            assert not (
                box.x0 + 1 < second.x1 and second.x0 + 1 < box.x1 and box.y0 + 1 < second.y1 and second.y0 + 1 < box.y1
            ), f"{text!r} and {other!r} overlap"


def drawn(figure, gid):
    (item,) = [artist for artist in figure.findobj() if artist.get_gid() == gid]
    return item


def words(figure):
    return " ".join(text.get_text() for text in figure.findobj(match=Text))


@pytest.mark.stack
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("draw", [figure_prior_predictive, figure_prior_posterior, figure_ranks])
def test_every_figure_can_be_read_and_bears_the_mark(posterior, draw, width):
    figure = draw(posterior, width=width)
    assert figure.get_figwidth() == width
    assert any("SYNTHETIC" in text.get_text() for text in figure.texts)
    assert_readable(figure)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("declared", [None, (0.1, 0.28), (0.43, 0.3), (-1.3, 1.9), (1.3, 0.11)])
def test_names_on_the_map_never_cover_each_other(posterior, width, declared):
    figure = figure_prior_map(prior_map(posterior, declared=declared), width=width)
    assert any("SYNTHETIC" in text.get_text() for text in figure.texts)
    assert_readable(figure)


def test_odd_names_break_nothing(resampled):
    arms, end_point = Arms("<b>" + "c" * 300, "$\\frac{1}{2}$ " + "a" * 300), EndPoint("y", "y" * 200, "lower")
    trial = Trial.from_cells(Cells(("s", "t"), np.array([[4, 2], [5, 3]]), np.array([[9, 9], [9, 9]])), arms, end_point)
    found = resampled(load_model("site_effects"), trial)
    for width in WIDTHS:
        for draw in (figure_prior_predictive, figure_prior_posterior, figure_ranks):
            assert_readable(draw(found, width=width))
        assert_readable(figure_prior_map(prior_map(found, -0.5), width=width))


def test_observed_values_are_those_of_the_trial(posterior):
    figure = figure_prior_predictive(posterior)
    # Beitler and Landis 1985: 47 of 143 on control, 55 of 130 on the drug
    assert drawn(figure, "observed_control").get_xdata()[0] == pytest.approx(100 * 47 / 143)
    assert drawn(figure, "observed_active").get_xdata()[0] == pytest.approx(100 * 55 / 130)
    assert drawn(figure, "observed_difference").get_xdata()[0] == pytest.approx(100 * (55 / 130 - 47 / 143))
    for name in ("prior_control", "prior_active", "prior_difference"):
        assert drawn(figure, name).get_data().values.sum() == pytest.approx(100)


def test_panels_stand_below_one_another_where_narrow(posterior):
    for draw, number in ((figure_prior_predictive, 2), (figure_prior_posterior, 3), (figure_ranks, 4)):
        for width, across in ((4.0, 1), (7.5, min(number, 3 if number != 4 else 2))):
            figure = draw(posterior, width=width)
            assert len(figure.axes) == number
            assert len({axes.get_subplotspec().colspan.start for axes in figure.axes}) == across


def test_prior_and_posterior_are_densities(posterior):
    figure = figure_prior_posterior(posterior)
    axes = figure.axes[0]
    (line,) = [item for item in axes.get_lines() if item.get_gid() == "prior"]
    x, y = line.get_data()
    np.testing.assert_allclose(y, stats.norm(0, 1).pdf(x), rtol=1e-9)  # the prior of the model file
    _, spread = axes.get_lines()[0].get_data()
    grid = axes.get_lines()[0].get_xdata()
    mean = np.trapezoid(grid * spread, grid) / np.trapezoid(spread, grid)
    assert mean == pytest.approx(posterior.draws("beta").mean(), abs=0.02)
    assert np.trapezoid(spread, grid) == pytest.approx(1, abs=0.02)
    for axes, sd in zip(figure.axes[1:], (1.0, 0.5), strict=True):
        (line,) = [item for item in axes.get_lines() if item.get_gid() == "prior"]
        np.testing.assert_allclose(line.get_ydata(), stats.halfnorm(scale=sd).pdf(line.get_xdata()), rtol=1e-9)


def test_only_parameters_that_are_there_are_shown(resampled):
    pooled = resampled(load_model("itt_pooled"), load_trial("lupil2"))
    assert len(figure_prior_posterior(pooled).axes) == 1
    assert len(figure_ranks(pooled).axes) == 2
    assert "SYNTHETIC" not in words(figure_ranks(pooled))


def _with_beta(posterior, change):
    data = posterior.data.copy(deep=True)
    values = data["posterior"].to_dataset()
    data["posterior"] = DataTree(values.assign(beta=(("chain", "draw"), change(posterior.draws("beta").copy()))))
    return dataclasses.replace(posterior, data=data)


def test_a_chain_that_went_elsewhere_leaves_the_band(posterior):
    def outside(figure):
        """Whether any chain leaves the band, in the panel of the log odds ratio."""
        axes = next(axes for axes in figure.axes if axes.get_title(loc="left") == "Average log odds ratio")
        (band,) = axes.collections
        highest = band.get_paths()[0].vertices[:, 1].max()
        chains = [line for line in axes.get_lines() if len(line.get_xdata()) > 2]
        assert len(chains) == posterior.draws("beta").shape[0]
        return any(np.abs(np.asarray(line.get_ydata(), dtype=float)).max() > highest for line in chains)

    def moved(beta):
        beta[0] += 1.0
        return beta

    rng = np.random.default_rng(1)
    assert not outside(figure_ranks(_with_beta(posterior, lambda beta: rng.standard_normal(beta.shape))))
    assert outside(figure_ranks(_with_beta(posterior, moved)))


def test_independent_draws_have_no_ranks_by_chain(posterior):
    assert has_ranks(posterior)
    data = posterior.data.copy(deep=True)
    data["diagnostics"] = data["constant_data"].to_dataset()[[]].assign(pareto_k=0.1)
    independent = dataclasses.replace(posterior, data=data)
    assert not has_ranks(independent)
    with pytest.raises(ValueError, match="no chains"):
        figure_ranks(independent)


def test_lines_of_the_map_are_where_the_closed_form_has_them(posterior):
    found = prior_map(posterior, gaps=False)
    figure = figure_prior_map(found)
    lines = next(item for item in figure.axes[0].collections if getattr(item, "filled", None) is False)
    for level, segments in zip(lines.levels, lines.allsegs, strict=True):
        for odds, sd in (vertex for segment in segments for vertex in segment):
            weight = 1 / 0.35**2 + 1 / sd**2
            middle = (0.55 / 0.35**2 + math.log(odds) / sd**2) / weight
            assert stats.norm.cdf(middle * math.sqrt(weight)) == pytest.approx(stats.norm.cdf(level), abs=0.02)
    assert "cannot tell" not in words(figure)
    assert stats.norm.cdf(lines.levels) == pytest.approx([0.5, 0.8, 0.9, 0.95, 0.975])
    assert {"0.5", "0.8", "0.9", "0.95", "0.975"} <= {text.get_text() for text in figure.axes[0].texts}


def test_the_map_says_what_lies_outside_and_what_cannot_be_told(posterior):
    figure = figure_prior_map(prior_map(posterior))
    assert drawn(figure, "cannot_tell").get_hatch()
    assert "flat (odds ratio 1, SD 10)" in " ".join(words(figure).split())
    assert drawn(figure, "prior: neutral and declared").get_xydata()[0] == pytest.approx([1, 1])
    assert drawn(figure, "prior: optimistic").get_xydata()[0] == pytest.approx([math.exp(0.43), 0.26])


@pytest.mark.parametrize(("benefit", "sides"), [("higher", ("old", "new")), ("lower", ("new", "old"))])
def test_each_side_of_the_map_favours_the_right_arm(posterior, benefit, sides):
    source = dataclasses.replace(
        posterior.provenance, arms=Arms("old", "new"), end_point=EndPoint("y", "y", benefit=benefit)
    )
    label = figure_prior_map(prior_map(dataclasses.replace(posterior, provenance=source))).axes[0].get_xlabel()
    assert "\u2190 favours {}      favours {} \u2192".format(*sides) in label


def test_failed_fits_show_no_probability_but_their_ranks(fake_engine):
    from bayes_lupil import fit

    fake_engine.diverge = True
    failed = fit(load_model("site_effects").edited(sampler__engine="nuts"), load_trial("beitler_landis"))
    for draw in (figure_prior_posterior, lambda p: figure_prior_map(prior_map(p))):
        with pytest.raises(ValueError, match="to show"):
            draw(failed)
    assert len(figure_ranks(failed).axes) == 4
