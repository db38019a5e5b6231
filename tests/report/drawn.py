"""What a figure shows: the words that are drawn, and where."""

from __future__ import annotations

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text


def undrawn(figure):
    """Tick labels beyond the limits of their axes, which Matplotlib keeps and does not draw."""
    return {
        label
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in axis.get_major_ticks()
        for label in (tick.label1, tick.label2)
        if not min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
    }


def boxes(figure):
    """Visible words with their bounding boxes in pixels, and the size of the picture."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer, left_out = canvas.get_renderer(), undrawn(figure)
    found = [
        (text, text.get_window_extent(renderer))
        for text in figure.findobj(Text)
        if text.get_visible() and text not in left_out and text.get_text().strip()
    ]
    return found, canvas.get_width_height()
