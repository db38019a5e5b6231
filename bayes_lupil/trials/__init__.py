"""Trials: what was observed, at the finest resolution that is known."""

from bayes_lupil.trials.analysis_set import AnalysisSet
from bayes_lupil.trials.cells import Cells
from bayes_lupil.trials.comparisons import Comparisons, load_comparisons
from bayes_lupil.trials.end_point import Arms, EndPoint
from bayes_lupil.trials.loading import builtin_trials, load_trial
from bayes_lupil.trials.margins import Margins
from bayes_lupil.trials.measurements import MeasuredSet, Measurements
from bayes_lupil.trials.patients import Patients
from bayes_lupil.trials.populations import Exclusion, Population
from bayes_lupil.trials.reading import Reading
from bayes_lupil.trials.trial import Trial

__all__ = [
    "AnalysisSet",
    "Arms",
    "Cells",
    "Comparisons",
    "EndPoint",
    "Exclusion",
    "Margins",
    "MeasuredSet",
    "Measurements",
    "Patients",
    "Population",
    "Reading",
    "Trial",
    "builtin_trials",
    "load_comparisons",
    "load_trial",
]
