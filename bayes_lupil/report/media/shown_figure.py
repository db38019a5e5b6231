"""A Matplotlib figure that shows itself as the last line of a notebook's cell."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from bayes_lupil.arguments import checked
from bayes_lupil.errors import InputError
from bayes_lupil.files import new_file

__all__ = ["ShownFigure"]

_DOTS = 150.0
"""Of an inch of the picture, which is shown at the size of the figure on a screen."""
_ON_SCREEN = 96.0


class ShownFigure(Figure):
    """Shown without pyplot and without '%matplotlib inline', neither of which has to be loaded before.

    Attributes
    ----------
    again : callable or None
        Draws the same figure for another `width`.
    """

    again: Callable[..., Figure] | None = None

    @checked
    def save(self, path: str | Path, *, width: float | str | None = None, dpi: float = 300, **options: Any) -> Path:
        """Write the figure, drawn for a width; an earlier file of that name is replaced.

        Parameters
        ----------
        path : str or Path
            Its ending says which kind of file: .pdf, .svg, .png, .tiff, .eps, .jpg.
        width : float or str, optional
            In inches, or with its unit, as journals give it: '85 mm', '17.4 cm', '3.5 in'.
        dpi : float
            Of pictures made of dots.
        **options
            Of `matplotlib.figure.Figure.savefig`.

        Raises
        ------
        InputError
            Where the width is none, or the ending of no kind of file.
        OutputError
            Where the file cannot be written.
        """
        target = Path(path)
        kinds = self.canvas.get_supported_filetypes()
        if target.suffix[1:].lower() not in kinds:
            raise InputError(
                f"file '{target.name}'", f"the ending '{target.suffix}'", ", ".join(f".{k}" for k in kinds)
            )
        figure: Figure = self
        if width is not None and self.again is not None:
            figure = self.again(width=_inches(width))
        with new_file(target) as temporary:
            figure.savefig(temporary, dpi=dpi, format=target.suffix[1:].lower(), **options)
        return target

    def __getstate__(self) -> dict[str, Any]:
        state: Any = super().__getstate__()
        return {name: value for name, value in state.items() if name != "again"}

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        written = io.BytesIO()
        self.savefig(written, format="png", dpi=_DOTS)
        width, height = (round(_ON_SCREEN * inches) for inches in self.get_size_inches())
        return written.getvalue(), {"width": width, "height": height}


def _inches(width: float | str) -> float:
    """A width in inches.

    Examples
    --------
    >>> _inches("127 mm"), _inches("12.7cm"), _inches(3.5)
    (5.0, 5.0, 3.5)
    """
    found = re.fullmatch(r"\s*([\d.]+)\s*(mm|cm|in)\s*", width) if isinstance(width, str) else None
    size = float(width) if isinstance(width, float | int) else float(found[1]) if found else 0.0
    size /= {"mm": 25.4, "cm": 2.54, "in": 1.0}[found[2]] if found else 1.0
    if not 2 <= size <= 40:
        raise InputError("width", repr(width), "2 to 40 inches, as a number or as '85 mm', '17.4 cm', '3.5 in'")
    return size
