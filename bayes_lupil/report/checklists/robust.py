"""ROBUST: reporting of Bayes used in clinical studies, the seven items of Sung et al. 2005.

Read of the source: its abstract, which names the seven items.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayes_lupil.report.checklists.facts import (
    calculation,
    likelihood,
    no_result,
    prior_justified,
    prior_sensitivity,
    prior_stated,
    summaries,
)
from bayes_lupil.report.checklists.item import Checklist, Finding, Question, filled, found, unanswered

if TYPE_CHECKING:
    from bayes_lupil.report.reanalysis.contents import Contents

__all__ = ["robust"]

SOURCE = (
    "Sung L, Hayden J, Greenberg ML, Koren G, Feldman BM, Tomlinson GA. Seven items were identified for inclusion when "
    "reporting a Bayesian analysis of a clinical study. J Clin Epidemiol 2005;58:261-268, "
    "doi 10.1016/j.jclinepi.2004.08.010. Its seven items, in our words."
)


def robust(contents: Contents, sections: frozenset[str]) -> Checklist:
    """The seven items, filled from the run."""
    return Checklist("ROBUST", SOURCE, tuple(filled(question, contents, sections) for question in QUESTIONS))


def _spread(contents: Contents) -> Finding:
    if contents.lead is None:
        return unanswered(no_result(contents))
    return found("A 95 % credible interval beside every median.", "results")


QUESTIONS = (
    Question("1", "Prior distribution: stated", prior_stated),
    Question("2", "Prior distribution: justified", prior_justified),
    Question("3", "Prior distribution: sensitivity of the results to it", prior_sensitivity),
    Question("4", "Analysis: the statistical model", likelihood),
    Question("5", "Analysis: how it was computed", calculation),
    Question("6", "Results: central tendency", summaries),
    Question("7", "Results: spread", _spread),
)
