"""Pages with few pictures, for tests that look at these alone."""

from __future__ import annotations

import pytest

from bayes_lupil.report.media import write
from tests.folders.without_pictures import without_pictures

__all__ = ["only_pictures"]


def only_pictures(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """From here on only the pictures of these names are drawn, and none within a page; what is collected is whole."""
    drawing = {function: getattr(write, function) for function in ("save_figure", "save_chart")}
    without_pictures(monkeypatch)
    for function, save in drawing.items():
        stand_in = getattr(write, function)

        def save_some(picture, folder, name, save=save, stand_in=stand_in):
            (save if name in names else stand_in)(picture, folder, name)

        monkeypatch.setattr(write, function, save_some)
