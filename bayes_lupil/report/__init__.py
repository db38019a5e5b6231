"""Tables and figures of finished fits; the only room that computes them."""

from bayes_lupil.report import figures
from bayes_lupil.report.contents import Contents
from bayes_lupil.report.outputs import collect, write_fit, write_reanalysis, write_report
from bayes_lupil.report.site_outputs import write_hidden, write_sites

__all__ = [
    "Contents", "collect", "figures", "write_fit", "write_hidden", "write_reanalysis", "write_report",
    "write_sites",
]  # fmt: skip
