"""A Matplotlib figure that shows itself as the last line of a notebook's cell."""

from __future__ import annotations

import io

from matplotlib.figure import Figure

__all__ = ["ShownFigure"]

_DOTS = 150.0
"""Of an inch of the picture, which is shown at the size of the figure on a screen."""
_ON_SCREEN = 96.0


class ShownFigure(Figure):
    """Shown without pyplot and without '%matplotlib inline', neither of which has to be loaded before."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        written = io.BytesIO()
        self.savefig(written, format="png", dpi=_DOTS)
        width, height = (round(_ON_SCREEN * inches) for inches in self.get_size_inches())
        return written.getvalue(), {"width": width, "height": height}
