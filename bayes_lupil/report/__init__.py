"""Tables and figures of finished fits; the only room that computes them."""

from bayes_lupil.report import figures
from bayes_lupil.report.contents import Contents
from bayes_lupil.report.outputs import FIT_FILES, collect, reanalysis_files, write_fit, write_reanalysis
from bayes_lupil.report.plots import Plots, write_result
from bayes_lupil.report.site_outputs import SITE_FILES, write_hidden, write_look, write_sites

__all__ = [
    "FIT_FILES", "SITE_FILES", "Contents", "Plots", "collect", "figures", "reanalysis_files", "write_fit",
    "write_hidden", "write_look", "write_reanalysis", "write_result", "write_sites",
]  # fmt: skip
