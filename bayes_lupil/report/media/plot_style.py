"""One look for all figures: style, colours, the synthetic mark, and how they are saved."""

from __future__ import annotations

import contextlib
import functools
import inspect
import io
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayes_lupil.characters import visible
from bayes_lupil.files import new_file
from bayes_lupil.report.media.small_svg import small_svg
from bayes_lupil.trials.end_point import SYNTHETIC

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "COLOURS",
    "DASHES",
    "HARM",
    "LONGEST",
    "RELEVANT",
    "TRIVIAL",
    "clip",
    "figure_files",
    "new_figure",
    "save_figure",
    "styled",
    "svg_text",
    "watermark",
    "wrap",
]

_OPTIONS = """As every figure it takes height (inches), labels (dict of texts, or of 'title', 'x' and 'y'), colours
(list, or dict of old and new ones) and axes (of a grid, in place of which it is drawn); see `bayes_lupil.figures`."""

# Okabe and Ito: told apart by colour-blind readers; each colour goes with a dash pattern or a marker of its own
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
DASHES: tuple[Any, ...] = (
    "-", (0, (5, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1)), (0, (8, 3)), (0, (3, 1, 1, 1, 1, 1)), "-",
)  # fmt: skip
HARM, TRIVIAL, RELEVANT = "#DDA084", "#F7F7F7", "#CBE3F2"  # told apart in grey too: dark, white, between
LONGEST = 160
"""Letters of an end point in a title, which has as many lines as it takes; the tables hold longer ones whole."""
STYLE = {
    "font.family": "sans-serif", "font.size": 10, "axes.spines.top": False, "axes.spines.right": False,
    "axes.titlelocation": "left", "axes.titlesize": 11,
    "text.parse_math": False,  # a dollar sign in a site's name is a dollar sign
    "svg.fonttype": "none", "svg.hashsalt": "bayes_lupil",  # text stays text, and the same figure the same bytes
}  # fmt: skip
_SAVED: dict[str, dict[str, Any]] = {".png": {"dpi": 200}, ".svg": {"metadata": {"Date": None}}}


def styled(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Draw a figure in the common style, leaving Matplotlib's own settings as they are.

    Beside its own arguments, the function takes `height` (inches), `labels` (dict: 'title', 'x', 'y' or any text of the
    figure, and what takes its place), `colours` (a list in place of the package's, or a dict of old and new ones) and
    `axes` (of a grid such as `plt.subplots`, in place of which the figure is drawn, and returned).
    """

    @functools.wraps(draw)
    def inside(
        *args: Any,
        height: float | None = None,
        labels: Mapping[str, str] | None = None,
        colours: Sequence[str] | Mapping[str, str] | None = None,
        axes: Axes | None = None,
        **kwargs: Any,
    ) -> Figure:
        import matplotlib as mpl

        from bayes_lupil.report.media.drawn_to_order import drawn_into, recolour, relabel
        from bayes_lupil.report.media.shown_figure import ShownFigure

        with mpl.rc_context(STYLE), contextlib.nullcontext() if axes is None else drawn_into(axes) as panel:
            if panel is not None:
                kwargs.setdefault("width", panel.get_figwidth())
            figure = draw(*args, **kwargs)
            _hide_nothing(figure)
            if labels:
                relabel(figure, labels)
            if colours:
                recolour(figure, colours, COLOURS)
            if height is not None:
                figure.set_figheight(height)
            if isinstance(figure, ShownFigure):
                order: dict[str, Any] = {"height": height, "labels": labels, "colours": colours}
                figure.again = functools.partial(inside, *args, **order, **kwargs)
            return figure

    own = inspect.signature(draw)
    options = inspect.signature(inside, follow_wrapped=False).parameters.values()
    further = [item for item in options if item.kind is item.KEYWORD_ONLY]
    inside.__signature__ = own.replace(parameters=[*own.parameters.values(), *further])  # type: ignore[attr-defined]
    inside.__doc__ = f"{inspect.cleandoc(draw.__doc__ or '')}\n\n{_OPTIONS}"
    return inside


def _hide_nothing(figure: Figure) -> None:
    """Make all text of a figure visible, whatever names it holds: no SVG could hold some of their characters."""
    from matplotlib.text import Text
    from matplotlib.ticker import FixedFormatter, FuncFormatter

    for axes in figure.axes:  # their ticks get a text whenever they are drawn
        for formatter in (axes.xaxis.get_major_formatter(), axes.yaxis.get_major_formatter()):
            if isinstance(formatter, FixedFormatter):
                formatter.seq = [visible(label) for label in formatter.seq]
            elif isinstance(formatter, FuncFormatter):
                formatter.func = functools.partial(_shown, formatter.func)
    for text in figure.findobj(Text):
        if isinstance(text, Text) and (shown := visible(text.get_text())) != text.get_text():
            text.set_text(shown)


def _shown(label: Callable[..., str], *place: Any) -> str:
    return visible(label(*place))


def new_figure(width: float, height: float, synthetic: bool, side: float = 0.0) -> tuple[Figure, Axes, Axes]:
    """A figure with one axes and, where `side` is above 0, an empty one to its right for numbers in words."""
    from bayes_lupil.report.media.drawn_to_order import panel_asked_for
    from bayes_lupil.report.media.shown_figure import ShownFigure

    figure: Any = panel_asked_for() or ShownFigure(figsize=(width, height), layout="constrained")
    if side:
        axes, words = figure.subplots(1, 2, sharey=True, width_ratios=(1 - side, side))
        words.axis("off")
        words.set_xlim(0, 1)
    else:
        axes = words = figure.subplots()
    if synthetic:
        watermark(figure)
    return figure, axes, words


def watermark(figure: Figure) -> None:
    """Say over a figure and below it that its data are made up."""
    mark: dict[str, Any] = {"color": "#B00000", "ha": "center"}
    figure.text(0.5, 0.5, "SYNTHETIC DATA", fontsize=30, alpha=0.25, rotation=25, va="center", **mark)
    figure.text(0.5, 0.002, SYNTHETIC, fontsize=8, va="bottom", **mark)


def figure_files(*names: str) -> list[str]:
    """The files that `save_figure` writes under these names."""
    return [f"{name}{suffix}" for name in names for suffix in _SAVED]


def save_figure(figure: Figure, folder: Path, name: str) -> None:
    """Write NAME.png and NAME.svg."""
    import matplotlib as mpl

    with mpl.rc_context(STYLE):
        _lay_out(figure)
        for suffix, chosen in _SAVED.items():
            with new_file(folder / f"{name}{suffix}") as temporary:
                figure.savefig(temporary, **chosen)


def _lay_out(figure: Figure) -> None:
    """Place everything once and for all: otherwise each file is laid out and drawn twice."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
    figure.set_layout_engine(None)  # with "none" in its place Matplotlib draws once for a layout that is not made


def svg_text(figure: Figure) -> str:
    """The figure as SVG to be put into a page: its text stays text."""
    import matplotlib as mpl

    written = io.StringIO()
    with mpl.rc_context(STYLE):
        _lay_out(figure)
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    text = written.getvalue()
    return small_svg(text[text.index("<svg") :])


def wrap(text: str, width: int) -> str:
    """Break lines at spaces, keeping the line breaks that are there."""
    return "\n".join(part for line in text.split("\n") for part in (textwrap.wrap(line, width) or [""]))


def clip(text: str, width: int = 40) -> str:
    """Cut a name that is too long for a figure; the tables hold it whole.

    Examples
    --------
    >>> clip("University Hospital", 10)
    'Universit\u2026'
    """
    return text if len(text) <= width else text[: width - 1] + "\u2026"
