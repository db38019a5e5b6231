"""Tables and figures of finished fits; the only room that computes them."""

from bayes_lupil.report import figures
from bayes_lupil.report.outputs import write_fit, write_reanalysis

__all__ = ["figures", "write_fit", "write_reanalysis"]
