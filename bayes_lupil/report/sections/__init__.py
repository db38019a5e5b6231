"""The sections of a report, each made of blocks from what was run; one that was not run is not there."""

from bayes_lupil.report.sections.section import Section

__all__ = ["Section"]
