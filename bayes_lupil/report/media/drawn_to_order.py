"""What every figure function takes beside its own arguments: height, labels, colours, and a place in another figure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import is_color_like, to_hex
from matplotlib.figure import Figure, SubFigure
from matplotlib.text import Text

from bayes_lupil.errors import InputError, nearest

__all__ = ["drawn_into", "panel_asked_for", "recolour", "relabel"]

_PLACE: ContextVar[SubFigure | None] = ContextVar("place", default=None)
_PAINTED = ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor")


class _Panel(SubFigure):
    """A part of a figure that stands for one: its size is what it was given, and the layout that of the whole."""

    def set_figheight(self, *_: Any, **__: Any) -> None:
        """Nothing: the height is given."""

    set_layout_engine = set_figheight

    def get_figheight(self) -> float:
        """In inches."""
        return float(self.bbox.height / self.get_figure(root=True).dpi)

    def get_figwidth(self) -> float:
        """In inches."""
        return float(self.bbox.width / self.get_figure(root=True).dpi)


def _place(axes: Any) -> _Panel:
    """Where axes of a grid stood, which are removed.

    Raises
    ------
    InputError
        Where these are no axes of a grid, such as those of `plt.subplots`.
    """
    spec = axes.get_subplotspec() if isinstance(axes, Axes) else None
    if spec is None:
        raise InputError("axes", repr(axes), "the axes of a grid, such as one of plt.subplots")
    whole = axes.get_figure(root=False)
    axes.remove()
    panel = _Panel(whole, spec)
    whole.subfigs.append(panel)
    panel.stale_callback = _tell_whole
    root = whole.get_figure(root=True)
    if root.get_layout_engine() is None:
        root.set_layout_engine("constrained")
    return panel


def _tell_whole(panel: Any, stale: bool) -> None:
    """What changes in a part is to be drawn with the whole."""
    panel.get_figure(root=False).stale = stale


@contextmanager
def drawn_into(axes: Any) -> Iterator[_Panel]:
    """A figure that is made in the block becomes what is drawn in place of some axes."""
    panel = _place(axes)
    token = _PLACE.set(panel)
    try:
        yield panel
    finally:
        _PLACE.reset(token)


def panel_asked_for() -> SubFigure | None:
    """What stands for the figure that is about to be made; None where it is a new one."""
    return _PLACE.get()


def relabel(figure: Figure | SubFigure, labels: Mapping[str, str]) -> None:
    """Exchange texts: 'title', 'x' and 'y' for what the figure has there, or any text as it stands in it.

    Raises
    ------
    InputError
        Where a figure has none such, with the nearest.
    """
    roles = _roles(figure)
    texts = [text for text in figure.findobj(Text) if isinstance(text, Text) and text.get_text().strip()]
    for old, new in labels.items():
        found = [roles[old]] if old in roles else [text for text in texts if _plain(text.get_text()) == _plain(old)]
        if not found:
            known = [*roles, *sorted({_plain(text.get_text()) for text in texts})]
            raise InputError(
                "labels", f"no text '{old}'", "'title', 'x', 'y' or a text of the figure", nearest(old, known)
            )
        for text in found:
            text.set_text(new)


def _plain(text: str) -> str:
    return " ".join(text.split())  # lines are broken to the width


def _roles(figure: Any) -> dict[str, Text]:
    """The title and the axes' labels, which may be the figure's or its first axes'."""
    first = figure.axes[0]
    own = [first.title, first._left_title, first._right_title]  # noqa: SLF001
    titles = [text for text in (figure._suptitle, *own) if text is not None and text.get_text()]  # noqa: SLF001
    found = {"title": titles[0]} if titles else {}
    return found | {"x": first.xaxis.label, "y": first.yaxis.label}


def recolour(figure: Figure | SubFigure, colours: Sequence[str] | Mapping[str, str], palette: Sequence[str]) -> None:
    """Exchange colours: the first of the palette for the first given and so on, or by name of the colour that is there.

    Raises
    ------
    InputError
        Where something is no colour, or there are more than in the palette.
    """
    given = dict(colours) if isinstance(colours, Mapping) else dict(zip(palette, colours, strict=False))
    wrong = [item for pair in given.items() for item in pair if not is_color_like(item)]
    if wrong or (len(colours) > len(palette) and not isinstance(colours, Mapping)):
        required = f"at most {len(palette)} colours that Matplotlib knows, or old colours with new ones"
        raise InputError("colours", f"{wrong[0]!r}" if wrong else f"{len(colours)} colours", required)
    exchanged = {to_hex(old): new for old, new in given.items()}
    for artist in figure.findobj():
        for name in _PAINTED:
            now, put = getattr(artist, f"get_{name}", None), getattr(artist, f"set_{name}", None)
            if now is not None and put is not None:
                _repaint(now(), put, exchanged)


def _repaint(now: Any, put: Any, exchanged: Mapping[str, str]) -> None:
    from matplotlib.colors import to_rgba, to_rgba_array

    try:
        rows = to_rgba_array(now)
    except (ValueError, TypeError):  # 'auto', 'face': what follows another colour
        return
    new = [to_rgba(exchanged[shade], row[3]) if (shade := to_hex(row)) in exchanged else tuple(row) for row in rows]
    if new != [tuple(row) for row in rows]:
        put(new if len(new) > 1 else new[0])
