"""Figures made to order: other texts, colours and heights, a place in another figure, and a journal's width."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from PIL import Image

import bayes_lupil as bl
from bayes_lupil.errors import InputError


@pytest.fixture(scope="module")
def post() -> bl.Posterior:
    return bl.fit("site_effects", "beitler_landis")


def texts(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text)]


FIGURES = ("plot", "plot.sites", "plot.benefit", "plot.prior")


def draw(post: bl.Posterior, name: str, **options: Any) -> Any:
    call = post.plot if name == "plot" else getattr(post.plot, name.removeprefix("plot."))
    return call(**options)


@pytest.mark.parametrize("name", FIGURES)
def test_texts_and_height_are_the_readers(post: bl.Posterior, name: str) -> None:
    figure = draw(post, name, labels={"title": "A title", "x": "An axis"}, height=4.5)
    assert {"A title", "An axis"} <= set(texts(figure))
    assert figure.get_figheight() == 4.5


def test_any_text_can_be_exchanged_however_its_lines_are_broken(post: bl.Posterior) -> None:
    whole = "Risk difference, drug minus control (percentage points)"
    for width in (3.0, 8.0):
        figure = post.plot(width=width, labels={whole: "Difference"})
        assert "Difference" in texts(figure)


def test_a_text_that_is_not_there_is_told_with_those_that_are(post: bl.Posterior) -> None:
    with pytest.raises(InputError, match=r"no text 'relevnt'.*relevant"):
        post.plot(labels={"relevnt": "x"})


def test_colours_take_the_place_of_the_packages(post: bl.Posterior) -> None:
    def lines(figure: Figure) -> set[str]:
        return {to_hex(line.get_color()) for line in figure.findobj(Line2D)}  # type: ignore[union-attr]

    assert "#0072b2" in lines(post.plot.benefit())
    for colours in (["crimson"], {"#0072B2": "crimson"}):
        found = lines(post.plot.benefit(colours=colours))
        assert "#dc143c" in found
        assert "#0072b2" not in found


@pytest.mark.parametrize("colours", [["no colour"], ["red"] * 9, {"#0072B2": "reddish"}, {"blueish": "red"}])
def test_what_is_no_colour_is_refused(post: bl.Posterior, colours: Any) -> None:
    with pytest.raises(InputError, match="colours"):
        post.plot(colours=colours)


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_takes_the_place_of_axes(post: bl.Posterior, name: str) -> None:
    whole, axes = plt.subplots(2, 2, figsize=(12, 9))
    panel = draw(post, name, axes=axes[0, 1])
    assert isinstance(panel, SubFigure)
    assert axes[0, 1] not in whole.axes
    assert set(panel.axes) <= set(whole.axes)
    whole.canvas.draw()
    boxes = [item.get_window_extent() for item in panel.axes]
    assert min(box.x0 for box in boxes) > 0.45 * whole.bbox.width  # in the right half
    assert min(box.y0 for box in boxes) > 0.45 * whole.bbox.height  # above
    plt.close(whole)


@pytest.mark.parametrize("axes", ["axes", None, "figure"])
def test_axes_of_no_grid_are_refused(post: bl.Posterior, axes: str | None) -> None:
    given: Any = {"axes": Figure().add_axes((0, 0, 1, 1)), "figure": Figure(), None: 1}[axes]
    with pytest.raises(InputError, match="axes"):
        post.plot(axes=given)


@pytest.mark.parametrize(("width", "inches"), [("85 mm", 3.3465), (3.5, 3.5), ("17.4cm", 6.8504), ("5 in", 5.0)])
def test_a_journals_width_is_one_call(post: bl.Posterior, tmp_path: Path, width: Any, inches: float) -> None:
    path = post.plot.benefit().save(tmp_path / "figure.png", width=width, dpi=200)
    with Image.open(path) as picture:
        assert picture.width == pytest.approx(200 * inches, abs=1)
        assert picture.info["dpi"][0] == pytest.approx(200, abs=0.1)


def test_a_narrow_file_is_drawn_for_its_width_and_the_figure_stays(post: bl.Posterior, tmp_path: Path) -> None:
    figure = post.plot(labels={"title": "A title"}, colours=["crimson"])
    before = figure.get_size_inches().copy()
    picture = Image.open(figure.save(tmp_path / "figure.png", width=4, dpi=100))
    same = Image.open(
        post.plot(width=4, labels={"title": "A title"}, colours=["crimson"]).save(tmp_path / "b.png", dpi=100)
    )
    assert np.array_equal(np.asarray(picture), np.asarray(same))
    assert (figure.get_size_inches() == before).all()


@pytest.mark.parametrize("ending", ["pdf", "svg", "tiff", "eps", "jpg"])
def test_the_ending_says_which_kind(post: bl.Posterior, tmp_path: Path, ending: str) -> None:
    assert post.plot.benefit(width=4).save(tmp_path / f"f.{ending}").stat().st_size > 1000


@pytest.mark.parametrize(
    ("name", "width"), [("f.doc", None), ("f", None), ("f.png", "85 miles"), ("f.png", 0), ("f.png", "mm")]
)
def test_other_endings_and_widths_are_refused(post: bl.Posterior, tmp_path: Path, name: str, width: Any) -> None:
    with pytest.raises(InputError):
        post.plot.benefit().save(tmp_path / name, width=width)
    assert list(tmp_path.iterdir()) == []


def test_a_figure_can_be_pickled(post: bl.Posterior) -> None:
    assert texts(pickle.loads(pickle.dumps(post.plot.benefit()))) == texts(post.plot.benefit())
