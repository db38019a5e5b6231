"""Reports with something in place of pictures, for tests that look at none."""

from __future__ import annotations

__all__ = ["without_pictures"]


def without_pictures(monkeypatch):
    """Leave out what takes most of a report's time: its pictures, and the answer under other priors."""

    def save(_, folder, name):
        for ending in ("png", "svg"):
            (folder / f"{name}.{ending}").write_text("a picture")

    media = "bayes_lupil.report.media"
    monkeypatch.setattr("bayes_lupil.report.reanalysis.page.analyse_priors", lambda _: None)
    for name in ("save_figure", "save_chart"):
        monkeypatch.setattr(f"{media}.write.{name}", save)
    for name in ("_picture", "_drawing"):
        monkeypatch.setattr(f"{media}.html.{name}", lambda *_: ("data:image/svg+xml;base64,", 1, 1))
    monkeypatch.setattr(f"{media}.html._chart_data", lambda _: "{}")
    for name in ("html", "write"):
        monkeypatch.setattr(f"{media}.{name}.library", str)
