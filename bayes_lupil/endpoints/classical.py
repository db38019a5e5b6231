"""The frequentist counterpart of an end point: the test that goes through the gate, and the adjusted analysis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.errors import InputError, TrialError, UnsupportedModelError
from bayes_lupil.frequentist.adjusted_logistic import AdjustedLogistic, adjusted_logistic
from bayes_lupil.frequentist.ancova import Ancova, ancova
from bayes_lupil.frequentist.linear_mixed import LinearMixed, linear_mixed
from bayes_lupil.frequentist.stratified import Stratified, stratified
from bayes_lupil.likelihoods.covariates import columns_of
from bayes_lupil.outcomes.derive import Derived, column_of, members
from bayes_lupil.outcomes.table import Outcomes
from bayes_lupil.spec import Covariates, Plan
from bayes_lupil.trials.end_point import Arms
from bayes_lupil.trials.trial import Trial

__all__ = ["Counterpart", "counterpart"]

Floats = NDArray[np.float64]

_WORDS = {
    "cmh": "Cochran-Mantel-Haenszel over sites",
    "logistic": "logistic regression",
    "ancova": "analysis of covariance",
}


@dataclass(frozen=True)
class Counterpart:
    """Frequentist analyses of one end point, active against control.

    Attributes
    ----------
    test : {"cmh", "logistic", "ancova"}
        Whose p-value goes through the gate.
    p : float or None
        That p-value, two-sided; None where the test does not exist, and `notes` say why.
    favours : {"active", "control", "neither"}
        The arm that the estimate behind it favours, by the declared direction of benefit.
    analysis : Ancova or AdjustedLogistic
        The adjusted analysis, all arms of the plan in one model.
    stratified : Stratified or None
        Of a binary end point: sites as strata.
    mixed : LinearMixed or None
        Of a continuous one: sites as random intercepts, by restricted maximum likelihood.
    notes : tuple of str
    covariates : tuple of str
        Of a continuous one whose model has covariates: what a coefficient of 1 is the difference of.
    adjusted_for_these, mixed_with_these : Ancova or None, LinearMixed or None
        `analysis` and `mixed` with these covariates; no gate depends on them.
    """

    test: str
    p: float | None
    favours: str
    analysis: Ancova | AdjustedLogistic
    stratified: Stratified | None
    mixed: LinearMixed | None = None
    notes: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()
    adjusted_for_these: Ancova | None = None
    mixed_with_these: LinearMixed | None = None

    @property
    def gate_p(self) -> float | None:
        """The p-value for the gate: 1 unless the estimate favours the active arm, since harm must not open it."""
        return self.p if self.p is None or self.favours == "active" else 1.0

    @property
    def words(self) -> str:
        """The test in words."""
        return _WORDS[self.test] if self.test == "cmh" else f"{_WORDS[self.test]} {self.adjusted}"

    @property
    def adjusted(self) -> str:
        """What the adjusted analysis is adjusted for, in words."""
        return "adjusted for site" + ("" if self.analysis.baseline_slope is None else " and baseline")


def counterpart(
    plan: Plan, derived: Derived, outcomes: Outcomes, trial: Trial, arms: Arms, covariates: Covariates | None = None
) -> Counterpart:
    """The frequentist analyses of an end point, by the same patients and the same rule for missing values.

    Parameters
    ----------
    plan : Plan
        Names all arms that enter the adjusted analysis.
    derived : Derived
    outcomes : Outcomes
    trial : Trial
        Of the two arms compared; see `bayes_lupil.outcomes.trial_of`.
    arms : Arms
    covariates : Covariates, optional
        Those of the model of a continuous end point. The test of the plan is what it would be without them.
    """
    point, values = derived.plan, derived.counted
    named = np.isin(np.array(outcomes.arm), [plan.arms.control, *plan.arms.actives])
    keep = named & members(outcomes, plan.population) & ~np.isnan(values)
    covariate, notes = derived.baseline, []
    if covariate is not None and np.isnan(covariate[keep]).all():
        covariate = None
        notes.append("no baseline is known: the adjusted analysis is adjusted for site alone")
    elif covariate is not None and np.isnan(covariate[keep]).any():
        # White and Thompson 2005, Stat Med 24:993-1007: in a randomised trial the mean will do
        lost = int(np.isnan(covariate[keep]).sum())
        covariate = np.where(np.isnan(covariate), covariate[keep][~np.isnan(covariate[keep])].mean(), covariate)
        notes.append(f"{lost} patients without a baseline have the mean one in the adjusted analysis")
    arm, site = (tuple(np.array(column)[keep].tolist()) for column in (outcomes.arm, outcomes.site))
    baseline = None if covariate is None else covariate[keep]
    if point.kind == "continuous":
        fitted = ancova(values[keep], arm, site, baseline, control=arms.control)
        found = fitted.contrasts.get(arms.active)
        p, estimate = (None, 0.0) if found is None else (found.p, found.estimate)
        favours = _favours(estimate * derived.end_point.sign)
        mixed, more = _mixed(values[keep], arm, site, baseline, arms.control)
        plain = Counterpart("ancova", p, favours, fitted, None, mixed, (*notes, *fitted.notes, *more))
        if covariates is None:
            return plain
        texts = {name: column_of(outcomes, name) for name in covariates.columns}
        known = {name: [text for text, k in zip(column, keep, strict=True) if k] for name, column in texts.items()}
        return _with_covariates(plain, covariates, known, values[keep], arm, site, baseline, arms.control, point.name)
    adjusted = adjusted_logistic(values[keep], arm, site, baseline, control=arms.control)
    cells = trial.analysis_set(plan.population).data
    by_site = stratified(cells.responders, cells.n)  # type: ignore[union-attr]
    if point.gate_test == "cmh":
        p = None if by_site.cmh is None else by_site.cmh.p
        # of the sign of the test's own numerator, and there wherever the test is: the odds ratio may be infinite
        estimate = by_site.mh_risk_difference or 0.0
        if p is None:
            notes.append("no site has both arms and both outcomes: there is no Cochran-Mantel-Haenszel test")
    else:
        contrast = adjusted.contrasts.get(arms.active)
        p, estimate = (None, 0.0) if contrast is None else (contrast.odds_ratio.p, contrast.odds_ratio.estimate)
    favours = _favours(estimate * derived.end_point.sign)
    return Counterpart(point.gate_test, p, favours, adjusted, by_site, None, (*notes, *adjusted.notes))


def _with_covariates(
    plain: Counterpart, covariates: Covariates, known: Mapping[str, Sequence[str]], y: Floats, arm: tuple[str, ...],
    site: tuple[str, ...], baseline: Floats | None, control: str, end_point: str,
) -> Counterpart:  # fmt: skip
    """The same with the covariates of the model beside it, or why they cannot be had."""
    try:
        columns = columns_of(covariates, known, f"end point '{end_point}', patients analysed of all arms")
        also = ancova(y, arm, site, baseline, control=control, covariates=columns.z)
    except (InputError, TrialError, UnsupportedModelError) as problem:
        why = f"no analysis of covariance with the model's covariates: {problem}"
        return replace(plain, notes=(*plain.notes, why))
    mixed, more = _mixed(y, arm, site, baseline, control, columns.z)
    notes = [f"with covariates: {note}" for note in (*also.notes, *more) if note not in plain.notes]
    notes += [
        f"with covariates: no coefficient of '{columns.labels[k]}', which site, arm and the others tell"
        for k in also.untold
    ]
    return replace(
        plain, notes=(*plain.notes, *notes), covariates=columns.labels, adjusted_for_these=also, mixed_with_these=mixed
    )


def _mixed(
    y: NDArray[np.float64],
    arm: tuple[str, ...],
    site: tuple[str, ...],
    baseline: NDArray[np.float64] | None,
    control: str,
    covariates: NDArray[np.float64] | None = None,
) -> tuple[LinearMixed | None, tuple[str, ...]]:
    """Random site intercepts, where there are enough sites and patients for them."""
    try:
        found = linear_mixed(y, arm, site, baseline, control=control, covariates=covariates)
    except InputError as problem:
        return None, (f"no mixed model: {problem}",)
    return found, tuple(f"mixed model: {note}" for note in found.notes)


def _favours(good: float) -> str:
    return "active" if good > 0 else "control" if good < 0 else "neither"
