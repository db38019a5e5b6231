"""Likelihoods: a model file met with data."""

from __future__ import annotations

import numpy as np

from bayes_lupil.errors import UnsupportedModelError
from bayes_lupil.likelihoods.adjusted import AdjustedCells
from bayes_lupil.likelihoods.base import ARMS, Likelihood
from bayes_lupil.likelihoods.binomial import BinomialCells
from bayes_lupil.likelihoods.covariate_checks import follows, told_by_others
from bayes_lupil.likelihoods.covariates import covariate_columns
from bayes_lupil.likelihoods.estimate import EstimateLikelihood
from bayes_lupil.likelihoods.margins import MarginsLikelihood
from bayes_lupil.likelihoods.nested import NestedCells
from bayes_lupil.likelihoods.normal import NormalPatients
from bayes_lupil.likelihoods.prior_bounds import check_priors
from bayes_lupil.priors import EffectOnRisk
from bayes_lupil.spec import ModelSpec
from bayes_lupil.trials.candidates import no_sites_hint
from bayes_lupil.trials.cells import ALL_SITES, Cells
from bayes_lupil.trials.confounding import is_confounded
from bayes_lupil.trials.estimates import Estimate
from bayes_lupil.trials.margins import Margins
from bayes_lupil.trials.measurements import Measurements
from bayes_lupil.trials.patients import Patients
from bayes_lupil.trials.trial import Trial

__all__ = [
    "ARMS",
    "AdjustedCells",
    "BinomialCells",
    "EstimateLikelihood",
    "Likelihood",
    "MarginsLikelihood",
    "NestedCells",
    "NormalPatients",
    "build_likelihood",
]


def build_likelihood(spec: ModelSpec, trial: Trial) -> Likelihood:
    """The likelihood that fits a model to a trial.

    Raises
    ------
    UnsupportedModelError
        Where the trial cannot support the model, with the reason.
    ModelError
        Where a prior lies beyond what the engines were tested for.
    """
    check_priors(spec)
    if spec.only_for and trial.name not in spec.only_for:
        raise UnsupportedModelError(
            f"model '{spec.name}'", f"trial '{trial.name}'", f"one of the trials it is for: {', '.join(spec.only_for)}"
        )
    _check_end_point(spec, trial)
    if trial.end_point.kind == "continuous":
        return _for_measurements(spec, trial)
    if spec.covariates is not None and not isinstance(trial.data, Patients):
        raise UnsupportedModelError(
            f"model '{spec.name}'", f"trial '{trial.name}', whose patients are not known one by one",
            "a row a patient, with the columns of [covariates]", "Models without [covariates] take counts.",
        )  # fmt: skip
    if isinstance(trial.data, Estimate):
        return _for_estimate(spec, trial.data, trial)
    data = trial.analysis_set(spec.population, spec.without_sites).data
    if spec.countries is not None:
        _check_countries(spec, data, trial)
    if spec.countries is not None and isinstance(data, Cells):
        _check_sites(spec, data, trial)
        return NestedCells(spec, data)
    if spec.sites.pooled:
        if isinstance(trial.data, Patients) and spec.covariates is not None:
            return _for_patients(spec, trial.data, trial)
        return BinomialCells(spec, data.pooled(), data if isinstance(data, Cells) and data.sites_known else None)
    if isinstance(data, Cells):
        if not data.sites_known and trial.reading is not None:
            columns = trial.data.covariates if isinstance(trial.data, Patients) else {}
            raise UnsupportedModelError(
                f"model '{spec.name}'",
                f"trial '{trial.name}', in whose data no column was taken for the sites",
                "a column of sites, since the model's sites are not pooled",
                f"{no_sites_hint(columns)} For a trial of one centre use itt_pooled, or another model whose sites are "
                "pooled.",
            )
        if not data.sites_known:
            raise UnsupportedModelError(
                f"model '{spec.name}'",
                f"population '{spec.population}' of trial '{trial.name}', of which only arm totals are published",
                "a site table, since its sites are not pooled",
                "Use a model with sites.intercepts = 'pooled' and sites.effects = 'pooled'.",
            )
        _check_sites(spec, data, trial)
        if isinstance(trial.data, Patients) and spec.covariates is not None:
            return _for_patients(spec, trial.data, trial)
        return BinomialCells(spec, data)
    return _for_margins(spec, data, trial)


def _for_patients(spec: ModelSpec, patients: Patients, trial: Trial) -> AdjustedCells:
    members = trial.analysis_set(spec.population, spec.without_sites).members
    assert members is not None  # the patients are known one by one
    _check_roles(spec, trial)
    chosen = np.zeros(len(patients.site), dtype=bool)
    chosen[list(members)] = True
    return AdjustedCells(spec, patients, chosen)


def _check_roles(spec: ModelSpec, trial: Trial) -> None:
    """That no covariate is a column of which something else was made."""
    assert spec.covariates is not None
    roles = {column: role for role, column in (trial.reading.columns if trial.reading else {}).items()}
    if taken := [column for column in spec.covariates.columns if column in roles]:
        named = " and ".join(f"'{column}' ({roles[column]})" for column in taken)
        raise UnsupportedModelError(
            f"model '{spec.name}'", f"the covariate {named} of trial '{trial.name}'", "columns without another role"
        )


def _check_countries(spec: ModelSpec, data: Cells | Margins, trial: Trial) -> None:
    """That it is known in which country each site lies, and that there is more than one."""
    countries = data.countries
    if countries is None:
        unknown = isinstance(data, Margins) or not data.sites_known
        found = "whose sites were not published" if unknown else "in which no country is known of the sites"
        hint = "" if unknown else "Name the column: country=... (on the command line: --country COLUMN)."
        if unknown and trial.reading is not None:
            found = "in whose data no column was taken for the sites"
            hint = "Name the columns: site=... and country=... (on the command line: --site and --country)."
        raise UnsupportedModelError(
            f"model '{spec.name}'", f"trial '{trial.name}', {found}",
            "the country (or other group) of each site, since countries are a level of the model", hint,
        )  # fmt: skip
    names = tuple(dict.fromkeys(countries))
    if len(names) == 1:
        raise UnsupportedModelError(
            f"model '{spec.name}'", f"one country only ('{names[0]}', trial '{trial.name}')",
            "two countries or more, since how much they differ is a parameter", "Use site_effects.",
        )  # fmt: skip


def _check_sites(spec: ModelSpec, cells: Cells, trial: Trial) -> None:
    """That there are sites to speak of, and that arm and site can be told apart where each site has its own level."""
    if len(trial.site_names) == 1:  # of two sites either may be left out, to see what the other says
        raise UnsupportedModelError(
            f"model '{spec.name}'",
            f"one site only ('{cells.sites[0]}', trial '{trial.name}')",
            "two sites or more, since how much they differ is a parameter",
            "Use a model with sites.intercepts = 'pooled' and sites.effects = 'pooled', such as itt_pooled.",
        )
    if spec.sites.intercepts == "fixed" and is_confounded(cells.n):
        raise UnsupportedModelError(
            f"model '{spec.name}'",
            f"no site with patients of both arms (trial '{trial.name}')",
            "sites at which both arms can be compared, since each site has a level of its own",
            "Use partial pooling (site_effects): then the prior of the differences between sites decides.",
        )


def _check_end_point(spec: ModelSpec, trial: Trial) -> None:
    point = trial.end_point
    if spec.end_point not in ("primary", point.name):
        raise UnsupportedModelError(
            f"model '{spec.name}'", f"the end point '{point.name}'", f"the end point '{spec.end_point}' that it is for"
        )
    if spec.continuous != (point.kind == "continuous"):
        of, needed = ("binary", "no priors.sigma") if spec.continuous else ("continuous", "priors.sigma")
        raise UnsupportedModelError(
            f"model '{spec.name}'",
            f"the {of} end point '{point.name}' of trial '{trial.name}'",
            f"a model of a {of} end point, with {needed}",
        )


def _for_measurements(spec: ModelSpec, trial: Trial) -> NormalPatients:
    found = trial.measured_set(spec.population, spec.without_sites)
    names, site, shares = found.sites, found.site, found.shares
    if spec.sites.pooled:
        names, site, shares = (ALL_SITES,), np.zeros_like(site), np.ones(1)
    if spec.covariates is None:
        return NormalPatients(spec, names, site, found.arm, found.value, found.baseline, shares)
    _check_roles(spec, trial)
    assert isinstance(trial.data, Measurements)  # or there were no measured set
    columns = covariate_columns(spec.covariates, trial.data, f"model '{spec.name}'")
    z = columns.z[list(found.members)]
    z = z - z.mean(axis=0)  # as of the baseline, means are those of the patients analysed
    beside = z if found.baseline is None else np.column_stack([found.baseline, z])
    if found.baseline is not None:
        alone = told_by_others(z)
        told = [columns.labels[k - 1] for k in told_by_others(beside) if k and k - 1 not in alone]
        if told:
            raise UnsupportedModelError(
                f"model '{spec.name}'", f"the covariate '{told[0]}', which the baseline tells exactly",
                "a column that says something of its own", "The baseline has its slope already, priors.gamma.",
            )  # fmt: skip
    own = np.empty((len(z), 0)) if found.baseline is None else found.baseline[:, None]
    if follows(found.value, np.column_stack([found.arm, beside])) and not follows(found.value, own):
        known = "" if found.baseline is None else " with the baseline"
        raise UnsupportedModelError(
            f"model '{spec.name}'",
            f"covariates ({', '.join(columns.labels)}) from which{known} outcomes follow but for 1 % of their variance",
            "what was known before treatment", "Is one of them the value at follow-up, or made of it?",
        )  # fmt: skip
    return NormalPatients(
        spec, names, site, found.arm, found.value, found.baseline, shares,
        dict(zip(columns.names, z.T, strict=True)), dict(zip(columns.names, columns.labels, strict=True)),
    )  # fmt: skip


def _for_estimate(spec: ModelSpec, estimate: Estimate, trial: Trial) -> EstimateLikelihood:
    """The prior of the effect met with an estimate: of a log ratio, as model files have it."""
    trial.population(spec.population)
    where = f"model '{spec.name}'"
    known = f"trial '{trial.name}', of which one {estimate.kind.name} is known"
    if not spec.sites.pooled or spec.without_sites:
        hint = "Use a model with sites.intercepts = 'pooled' and sites.effects = 'pooled', such as itt_pooled."
        raise UnsupportedModelError(where, known, "a table of sites, since its sites are not pooled", hint)
    if not estimate.kind.is_ratio or isinstance(spec.priors.beta, EffectOnRisk):
        required = "a ratio, since the prior of the effect (priors.beta) is of a log odds ratio"
        raise UnsupportedModelError(where, known, required, "bayes_lupil.benefit has priors of differences.")
    return EstimateLikelihood(spec, estimate)


def _for_margins(spec: ModelSpec, margins: Margins, trial: Trial) -> MarginsLikelihood:
    if "fixed" in (spec.sites.intercepts, spec.sites.effects):
        raise UnsupportedModelError(
            f"model '{spec.name}'",
            f"trial '{trial.name}', whose patients per site are not published",
            "a site table, since each site has a free parameter of its own",
            "Nothing ties these parameters together, so margins cannot inform them: use partial pooling.",
        )
    if spec.sites.distribution == "exnex":
        raise UnsupportedModelError(
            f"model '{spec.name}'",
            f"trial '{trial.name}', whose patients per site are not published",
            "a site table, since which sites are exchangeable is summed out site by site",
            "Use distribution = 'contaminated' or 'student_t', which margins allow.",
        )
    for name, family in (("site_shares", "dirichlet"), ("retention", "beta")):
        if getattr(spec.priors, name) is None:
            raise UnsupportedModelError(
                f"model '{spec.name}'",
                f"no prior for {name}",
                f"priors.{name} (family = '{family}'), because the sites of trial '{trial.name}' were never published",
            )
    return MarginsLikelihood(spec, margins)
