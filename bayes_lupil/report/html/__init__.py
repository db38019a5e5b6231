"""The report as one self-contained HTML page."""

from bayes_lupil.report.html.page import render_page
from bayes_lupil.report.html.pictures import pictures_of

__all__ = ["pictures_of", "render_page"]
