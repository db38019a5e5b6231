"""Models with covariates of patients: what each adjusts for, beside the same adjustment by maximum likelihood."""

from __future__ import annotations

import numpy as np

from bayes_lupil.frequentist.adjusted_logistic import AdjustedContrast, adjusted_logistic
from bayes_lupil.likelihoods.covariates import covariate_columns
from bayes_lupil.numbers import p_value, points, points_interval, ratio
from bayes_lupil.posterior import Posterior
from bayes_lupil.report.media.blocks import Block, Bullets, Heading, Paragraph, Table
from bayes_lupil.report.reanalysis.contents import Contents
from bayes_lupil.trials.patients import Patients

__all__ = ["adjusted_blocks", "by_maximum_likelihood"]


def adjusted_blocks(contents: Contents) -> list[Block]:
    """What models with covariates adjust for and find; nothing where there are none."""
    models = [one for one in contents.sound if one.spec.covariates is not None]
    if not models:
        return []
    arms = contents.trial.arms
    named = [f"`{one.spec.name}`: {', '.join(one.likelihood.coefficient_labels.values())}." for one in models]
    return [
        Heading("Models with covariates", 3),
        Paragraph(
            "Numbers enter by their SD, and where a spline was asked for by its curves beside the line; categories "
            "against the most frequent one, ordered ones step by step; all centred at the mean of all patients in the "
            "data. Conditional odds ratios compare patients who are alike in all covariates and of the "
            "same site; risk differences are averaged over the trial's patients, each as if in either arm."
        ),
        Bullets(tuple(named)),
        Table.of(
            ("model", "risk difference, median (points)", "95 % credible interval", "by maximum likelihood",
             "95 % confidence interval", "p", "conditional odds ratio, median", "by maximum likelihood"),
            [_row(one) for one in models],
            f"Adjusted effects, {arms.active} v {arms.control}, beside logistic regression with the same covariates "
            "(and each site's own level, where sites are told apart), standardised over the patients, with errors by "
            "the delta method",
        ),
    ]  # fmt: skip


def by_maximum_likelihood(posterior: Posterior) -> AdjustedContrast | None:
    """The contrast of the arms by logistic regression with the covariates of a model; None where it does not exist.

    Where the model tells sites apart, each has a level of its own here.
    """
    trial, spec = posterior.trial, posterior.spec
    members, data = posterior.analysis_set.members, trial.data
    assert spec.covariates is not None
    assert members is not None
    assert isinstance(data, Patients)
    rows = list(members)
    z = covariate_columns(spec.covariates, data, f"model '{spec.name}'").z[rows]
    arm = [("control", "active")[a] for a in data.arm[rows]]
    site = None if spec.sites.pooled else [data.site[i] for i in rows]
    return adjusted_logistic(data.response[rows], arm, site, control="control", covariates=z).contrasts["active"]


def _row(posterior: Posterior) -> tuple[str, ...]:
    rd, log_ratio = posterior.row("risk_difference"), posterior.row("conditional_log_odds_ratio")
    found = by_maximum_likelihood(posterior)
    ours = (f"`{posterior.spec.name}`", points(rd.q50), points_interval(rd.q2_5, rd.q97_5))
    conditional = ratio(float(np.exp(log_ratio.q50)))
    if found is None:
        return (*ours, "does not exist", "", "", conditional, "does not exist")
    difference = found.difference
    return (
        *ours, points(difference.estimate), points_interval(difference.interval.lower, difference.interval.upper),
        p_value(difference.p), conditional, ratio(float(np.exp(found.odds_ratio.estimate))),
    )  # fmt: skip
