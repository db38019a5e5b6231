"""Sites as the rows of a figure: which are shown, what they are called, and the words around them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.characters import one_line
from bayes_lupil.errors import DiagnosticsError, InputError
from bayes_lupil.posterior import Posterior
from bayes_lupil.report.media.plot_style import LONGEST, clip, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from bayes_lupil.trials.end_point import EndPoint

__all__ = [
    "LINE", "NARROW", "better", "chosen_rows", "counts", "end_point_title", "frame", "label_above", "label_rows",
    "legend_below", "no_result", "row_names", "same_fit", "site_names", "title", "upward",
]  # fmt: skip

LINE = 0.37
"""Inches for the two lines of text of a site."""
NARROW = 5.5
"""Inches below which long labels stand above their rows and not beside them."""
_TWO_COLUMNS = 6.0  # inches from which a legend has two
_MISSING = "\u25a1"  # a hollow square, for characters that the font lacks


def same_fit(found: tuple[str, str, str], posterior: Posterior) -> None:
    """Refuse to draw a result beside the posterior of something else.

    Parameters
    ----------
    found : (str, str, str)
        Trial, model and population of the result.

    Raises
    ------
    InputError
        Where the posterior is of another trial, model or population, or its diagnostics failed.
    """
    source = posterior.provenance
    known = (source.trial, posterior.spec.called, source.population_label)
    if found != known:
        raise InputError("posterior for a figure of sites", _words(known), f"that of the result, {_words(found)}")
    if not posterior.verdict.ok:
        raise DiagnosticsError(f"fit '{posterior.spec.name}'", posterior.verdict.text)


def _words(of: tuple[str, str, str]) -> str:
    return f"model '{of[1]}' of trial '{of[0]}' (population '{of[2]}')"


def site_names(names: Sequence[str], inches: float) -> list[str]:
    """Names of sites as a figure of a width in inches has room for them."""
    return row_names(names, int(min(30, 4.5 * inches)))


def row_names(names: Sequence[str], letters: int) -> list[str]:
    """Names as a figure can show them, cut to a number of letters; the tables hold them whole.

    Characters that do not print become codes, and those that the font lacks hollow squares. A name with such squares,
    or that looks like another one once cut, is preceded by its number in the order given.
    """
    from matplotlib.font_manager import FontProperties, findfont, get_font

    font = get_font(findfont(FontProperties()))
    printed = [one_line(str(name)) for name in names]
    drawn = ["".join(c if font.get_char_index(ord(c)) else _MISSING for c in name) for name in printed]
    drawn = [clip(" ".join(name.split()) or "(no name)", letters) for name in drawn]
    return [
        clip(f"no. {i + 1}: {name}", letters) if _MISSING in name or drawn.count(name) > 1 else name
        for i, name in enumerate(drawn)
    ]


def counts(responders: Sequence[int], n: Sequence[int]) -> str:
    """Responders of patients, active and then control.

    Examples
    --------
    >>> counts((10, 11), (37, 36)), counts((0, 2), (0, 9))
    ('11/36 v 10/37', '2/9 v none')
    """
    active, control = (f"{responders[a]}/{n[a]}" if n[a] else "none" for a in (1, 0))
    return f"{active} v {control}"


def label_rows(axes: Axes, labels: Sequence[str]) -> None:
    """One row a site, the first at the bottom."""
    axes.set_yticks(range(len(labels)), list(labels), fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(-0.6, len(labels) - 0.4)
    axes.grid(axis="x", color="#E5E5E5", lw=0.6)
    axes.set_axisbelow(True)


def label_above(axes: Axes, labels: Sequence[str], start: float) -> float:
    """One row a label, the first at the bottom, each below its label; the inches that all rows take.

    Parameters
    ----------
    labels : sequence of str
        With line breaks.
    start : float
        Of a row: where its label begins, above what is drawn in it.
    """
    lines = max(label.count("\n") + 1 for label in labels)
    row = 0.6 + 0.155 * lines  # inches
    for y, label in enumerate(labels):
        # the lines at 0 and at the relevant difference run behind the words
        axes.text(
            0, y + start, label, transform=axes.get_yaxis_transform(), ha="left", va="bottom", fontsize=8.5, zorder=6,
            linespacing=1.15, bbox={"fc": "white", "ec": "none", "pad": 0.5},
        )  # fmt: skip
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_ylim(-0.35, len(labels) - 1 + start + (0.155 * lines + 0.05) / row)
    axes.grid(axis="x", color="#E5E5E5", lw=0.6)
    axes.set_axisbelow(True)
    return row * len(labels)


def chosen_rows(
    patients: Sequence[int], most: int, scores: NDArray[np.float64] | None = None, what: str = ""
) -> tuple[NDArray[np.int64], str]:
    """Which sites to show where there are too many, and what to say of it.

    A third of the rows goes to the sites with the highest scores, the others to the largest of those that are left.

    Parameters
    ----------
    patients : sequence of int
        By site.
    most : int
        Rows that there are.
    scores : array, shape (sites,), optional
        How much a site should be seen whatever its size; 0 for not at all.
    what : str
        The score in words, as after "the 5 sites with the ".

    Returns
    -------
    (array of int, str)
        Sites in the order of the trial; "" where all are shown.
    """
    size = np.asarray(patients)
    if size.size <= most:
        return np.arange(size.size), ""
    largest, first = np.argsort(-size, kind="stable"), np.array([], dtype=np.int64)
    if scores is not None:
        order = np.argsort(-scores, kind="stable")[: most // 3]
        first = order[scores[order] > 0]
    rest = largest[~np.isin(largest, first)][: most - first.size]
    words = f"the {rest.size} largest"
    if first.size:
        words = f"the {first.size} with the {what}, and the {rest.size} largest of the others"
    shown = np.sort(np.concatenate([first, rest]))
    return shown, f"Shown, of {size.size} sites: {words}; left out: {size.size - shown.size}. "


def better(sign: int) -> str:
    """Which end of a horizontal axis is the better one for patients.

    Examples
    --------
    >>> better(-1)
    '\u2190 better      worse \u2192'
    """
    left, right = ("worse", "better") if sign > 0 else ("better", "worse")
    return f"\u2190 {left}      {right} \u2192"


def end_point_title(point: EndPoint) -> str:
    """The end point with its direction, as the beginning of a title."""
    return f"{clip(point.label[:1].upper() + point.label[1:], LONGEST)} ({point.benefit} is better)"


def title(posterior: Posterior) -> str:
    """The end point of a fit with its direction, as the beginning of a title."""
    return end_point_title(posterior.provenance.end_point)


def upward(error: float) -> str:
    """Two digits, rounded up.

    Examples
    --------
    >>> upward(0.00412), upward(1.301), upward(0.0)
    ('0.0042', '1.4', '0.0')
    """
    digits = 1 - math.floor(math.log10(error)) if error > 0 else 1
    return f"{math.ceil(error * 10**digits - 1e-9) / 10**digits:.{max(digits, 0)}f}"


def frame(figure: Figure, heading: str, footnote: str, synthetic: bool, inside: float) -> None:
    """The title and the words below, broken to the width, and the height: `inside` inches for what is between."""
    width = figure.get_figwidth()
    above, below = wrap(heading, int(10.5 * width)), wrap(footnote.strip(), int(15 * width))
    below += "\n" if synthetic else ""  # the synthetic mark stands below
    figure.suptitle(above, fontsize=11, x=0.01, ha="left")
    figure.supxlabel(below, fontsize=8, x=0.01, ha="left")
    figure.set_figheight(inside + 0.2 + 0.19 * (above.count("\n") + 1) + 0.135 * (below.count("\n") + 1))


def legend_below(axes: Axes, handles: Sequence[Any]) -> float:
    """A legend under the axis label; the inches that ticks, label and legend take."""
    from matplotlib.transforms import ScaledTranslation

    figure = axes.get_figure(root=True)
    assert figure is not None
    labelled = 0.33 + 0.16 * (axes.get_xlabel().count("\n") + 1)
    columns = 2 if figure.get_figwidth() >= _TWO_COLUMNS else 1
    down = ScaledTranslation(0, -labelled, figure.dpi_scale_trans)
    axes.legend(
        handles=list(handles), fontsize=8.5, frameon=False, loc="upper left", bbox_to_anchor=(0.0, 0.0),
        borderaxespad=0, bbox_transform=axes.transAxes + down, ncols=columns, columnspacing=1.2,
    )  # fmt: skip
    return labelled + 0.19 * math.ceil(len(handles) / columns)


def no_result(what: str, posterior: Posterior) -> DiagnosticsError:
    """The refusal to draw what a failed fit would show."""
    found = f"fit '{posterior.spec.name}', which has no probabilities to show: {posterior.verdict.text}"
    return DiagnosticsError(what, found)
