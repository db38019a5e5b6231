"""Fit one model to one trial."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from bayes_lupil.arguments import checked, found_in_words
from bayes_lupil.engines import Draws, fast_engine, run_engine, takes_too_long
from bayes_lupil.errors import InputError, SamplerError
from bayes_lupil.likelihoods import Likelihood, build_likelihood
from bayes_lupil.numbers import probability, small
from bayes_lupil.posterior import Posterior
from bayes_lupil.posterior.agreement import Agreement, compare_engines
from bayes_lupil.posterior.diagnostics import mcse_proportion
from bayes_lupil.posterior.provenance import HANDED_OVER, ONE_ARMED, TWO_ANSWERS
from bayes_lupil.progress import is_shown
from bayes_lupil.spec import ModelSpec, is_model, load_model
from bayes_lupil.trials.cells import Cells
from bayes_lupil.trials.from_table import BY_USER
from bayes_lupil.trials.loading import read_trial
from bayes_lupil.trials.one_armed import one_armed_sites
from bayes_lupil.trials.trial import Trial

_DIFFERENT = 0.25
"""Between the two probabilities of benefit, from where on it is said."""

_CHECKED_BY = 1000
"""Draws a chain by which NUTS checks a fit of the fast engine: differences of 0.07 SDs are seen."""

__all__ = ["fit", "fit_checked", "for_trial", "pymc_model", "refit", "swapped"]


P = ParamSpec("P")
R = TypeVar("R")


def swapped(model: object, trial: object) -> bool:
    """Whether a model stands where the trial belongs.

    Examples
    --------
    >>> swapped("lupil2", "site_effects"), swapped("site_effects", "lupil2")
    (True, False)
    """
    return is_model(trial) and not is_model(model)


def _in_order(call: Callable[P, R]) -> Callable[P, R]:
    """Tell of a model and a trial in the wrong order, before anything else is said of them."""

    @functools.wraps(call)
    def same(*args: P.args, **kwargs: P.kwargs) -> R:
        if len(args) > 1 and swapped(*args[:2]):
            shown = [item if isinstance(item, str) else found_in_words(item) for item in args[:2]]
            named = [f"'{item}'" if isinstance(item, str | Path) else name for item, name in
                     zip(args[:2], ("trial", "model"), strict=True)]  # fmt: skip
            raise InputError(
                f"{call.__name__}()", f"the trial first ({shown[0]}) and then the model ({shown[1]})",
                "the model first and then the trial", f"{call.__name__}({named[1]}, {named[0]}, ...)",
            )  # fmt: skip
        return call(*args, **kwargs)

    return same


@_in_order
@checked
def fit(
    model: ModelSpec | str | Path,
    trial: Any,
    *,
    seed: int | None = None,
    progress: bool | None = None,
    **reading: Any,
) -> Posterior:
    """Fit a model to a trial.

    With engine 'auto', where the fast engine's diagnostics fail the model is sampled by NUTS, with the same seed and so
    with the draws that engine 'nuts' would give, and `provenance.notes` says so. An engine that the model file names is
    kept to, whatever its diagnostics say.

    Parameters
    ----------
    model : ModelSpec, str or Path
        A model, a built-in name or a TOML file.
    trial : Trial, str, Path, data frame or dict of columns
        A trial, or anything `load_trial` takes.
    seed : int, optional
        In place of the model file's own seed.
    progress : bool, optional
        Whether progress is shown; by default on a terminal and in a notebook.
    **reading
        How a table is read: control, active, outcome, where, benefit ... (see `load_trial`). An `mcid` given here, or
        to `load_trial`, is the relevant difference of the analysis in place of the model's own.

    Returns
    -------
    Posterior
        Look at its `verdict` first.

    Raises
    ------
    ModelError, TrialError
        For bad input.
    UnsupportedModelError
        Where the trial cannot support the model.
    SamplerError
        Where the sampler cannot run.
    """
    spec = model if isinstance(model, ModelSpec) else load_model(model)
    if seed is not None:
        spec = spec.edited(sampler__seed=seed)
    data = read_trial(trial, reading)
    spec = for_trial(spec, data)
    return _fit(build_likelihood(spec, data), data, is_shown(progress))[0]


@_in_order
@checked
def pymc_model(model: ModelSpec | str | Path, trial: Any, **reading: Any) -> Any:
    """The PyMC model that a model file and a trial make, to look at, to change and to sample with PyMC itself.

    The data are an observed variable, so that `pm.sample`, `pm.sample_prior_predictive`,
    `pm.sample_posterior_predictive` and `pm.compute_log_likelihood` work. Its density is that which `fit` samples.

    Parameters
    ----------
    model : ModelSpec, str or Path
        A model, a built-in name or a TOML file.
    trial : Trial, str, Path, data frame or dict of columns
        A trial, or anything `load_trial` takes.
    **reading
        How a table is read (see `load_trial`).

    Returns
    -------
    pymc.Model
        Free variables are the parameters of the model file: alpha and beta (log odds of the average site, and the log
        odds ratio; at each site where they are fixed), tau_u and tau_v (between-site SDs), correlation, df,
        outlier_share, gamma, sigma, site_share and retention where the model has them. Sites come in standardised form:
        e and f are the site effects in units of tau_u and tau_v, d_control and d_active (or d_site) what outlying
        sites deviate by, g the effects of sites that are not exchangeable. Derived from them: u and v (site effects on
        the log odds), p (response probabilities by site and arm; 'mean' of a continuous end point).

        The observed variable is y: responders by site and arm (by cell, where some have no patients), with patients as
        the data container n, or the patients' values; of published margins count, the patients by class. Under 'exnex'
        the kinds of sites are summed out: there are no u, v and p, and the log likelihood is by site. Of margins the
        log likelihood is one number, without the multinomial coefficient, and draws keep the size of each arm.

    Notes
    -----
    Give `pm.sample_posterior_predictive` draws that PyMC made of this model. `Posterior.data` holds u and v in place of
    e and f, which PyMC would then draw from the prior; it has a group posterior_predictive of its own. Where PyMC runs
    by Numba (from release 6 on), it warns that it draws the data in object mode, which is slower and no less right.

    Raises
    ------
    ModelError, TrialError
        For bad input.
    UnsupportedModelError
        Where the trial cannot support the model.

    Examples
    --------
    >>> model = pymc_model("site_effects", "beitler_landis")
    >>> [variable.name for variable in model.free_RVs]
    ['alpha', 'beta', 'tau_u', 'e', 'tau_v', 'f']
    >>> [variable.name for variable in model.observed_RVs]
    ['y']
    """
    spec, data = model if isinstance(model, ModelSpec) else load_model(model), read_trial(trial, reading)
    return build_likelihood(spec, data).pymc_model(drawn=True)


def for_trial(spec: ModelSpec, trial: Trial) -> ModelSpec:
    """The model with the relevant difference that the user gave beside a table, where one was given."""
    point = trial.end_point
    if point.kind == "estimate":  # thresholds of model files are differences of risks
        return spec.edited(decision__ladder=[0.0], decision__harm=0.0)
    if point.mcid is None or point.mcid_source != BY_USER or point.mcid == spec.decision.relevant:
        return spec
    return spec.edited(decision__relevant=point.mcid)


def refit(spec: ModelSpec, trial: Trial) -> Posterior:
    """Fit a variant of a model, or of a trial, as `fit` does: the posterior without what is made beside it.

    There are no prior and predictive draws and no densities of data points, which take as long as a quick fit.

    Raises
    ------
    UnsupportedModelError
        Where the trial cannot support the model.
    SamplerError
        Where the sampler cannot run.
    """
    return _fit(build_likelihood(spec, trial), trial, False, alone=True)[0]


def _fit(
    likelihood: Likelihood, trial: Trial, progress: bool, *, alone: bool = False, keep: bool = False
) -> tuple[Posterior, Posterior | None]:
    """The posterior; and that of the fast engine where its diagnostics failed and NUTS took over."""
    kept_as = f"{likelihood.spec.hash} {trial.data_hash}" if keep else ""
    first = _posterior(likelihood, trial, run_engine(likelihood, progress, keep=kept_as), alone)
    if likelihood.spec.sampler.engine != "auto" or not _by_fast_engine(first) or first.verdict.ok:
        note = _influence_of_one_armed_sites(first)
        return first.noted(note) if note else first, None
    named = build_likelihood(likelihood.spec.edited(sampler__engine="nuts"), trial)
    try:
        draws = run_engine(named, progress)
    except SamplerError as problem:
        note = f"NUTS, which was to take over because diagnostics failed, could not run: {problem}"
        return first.noted(note), None
    note = f"{HANDED_OVER}the diagnostics of {fast_engine(likelihood)} failed: {'; '.join(first.verdict.failures)}"
    return _posterior(likelihood, trial, replace(draws, notes=(*draws.notes, note)), alone), first


def _influence_of_one_armed_sites(posterior: Posterior) -> str:
    """What the sites with patients of one arm only do to the answer, from a fit without them; empty where none are.

    They say nothing of a comparison within sites, so what they do comes from what sites have in common. Told of fits by
    quadrature alone, which takes about a second, and of no model that leaves sites out itself.
    """
    spec, trial = posterior.spec, posterior.trial
    alone = () if spec.pooled or spec.without_sites else one_armed_sites(trial, spec.population)
    if not alone or not _by_fast_engine(posterior) or not posterior.verdict.ok:
        return ""
    try:
        without = build_likelihood(spec.edited(without_sites=list(alone)), trial)
        other = Posterior.from_draws(without, run_engine(without, False), trial, alone=True, sites=False)
    except (InputError, SamplerError):  # no trial without them, or none that the model supports
        return ""
    chance, chance_without = posterior.p_benefit, other.p_benefit
    if chance is None or chance_without is None:
        return ""
    within = "beta" if trial.end_point.kind == "binary" else posterior.effect
    effect = "log odds ratio within sites" if within == "beta" else within.replace("_", " ")
    means = " instead of ".join(_with_error(item, within) for item in (other, posterior))
    one = len(alone) == 1
    return (
        f"{ONE_ARMED} ({len(alone)}): without {'it' if one else 'them'} P(benefit) would be "
        f"{probability(chance_without.probability, chance_without.mcse)} instead of "
        f"{probability(chance.probability, chance.mcse)}, and the {effect} (mean) {means}"
    )


def _with_error(posterior: Posterior, name: str) -> str:
    row = posterior.row(name)
    return f"{row.mean:.3f} (MCSE {small(row.mcse_mean)})"


def _by_fast_engine(posterior: Posterior) -> bool:
    return "pareto_k" in posterior.diagnostics


def _posterior(likelihood: Likelihood, trial: Trial, draws: Draws, alone: bool) -> Posterior:
    posterior = Posterior.from_draws(likelihood, draws, trial, alone=alone)
    note = _two_answers(posterior)
    return posterior.noted(note) if note else posterior


def _two_answers(posterior: Posterior) -> str:
    """A warning where the patients of a trial and its average site do not have the same answer; empty where they do."""
    point = posterior.provenance.end_point
    if posterior.spec.sites.effects != "partial" or point.kind != "binary" or not posterior.verdict.ok:
        return ""
    good = {name: point.sign * posterior.draws(name) > 0 for name in ("risk_difference", "beta")}
    if abs(good["risk_difference"].mean() - good["beta"].mean()) < _DIFFERENT:
        return ""
    told = {name: probability(float(event.mean()), mcse_proportion(event, event.size)) for name, event in good.items()}
    data = posterior.analysis_set.data
    largest = ""
    if isinstance(data, Cells):
        share = data.site_shares
        largest = f"; {100 * share.max():.0f} % of the patients are those of site '{data.sites[int(share.argmax())]}'"
    return (
        f"{TWO_ANSWERS}: P(benefit) is {told['risk_difference']} for the difference over all patients, and "
        f"{told['beta']} for the effect at the average site (beta){largest}"
    )


@checked
def fit_checked(
    spec: ModelSpec, trial: Trial, *, check_engines: bool = True, progress: bool | None = None
) -> tuple[Posterior, Agreement | None]:
    """Fit a model, by both engines where both can, and let the verdict say whether they agree.

    Parameters
    ----------
    spec : ModelSpec
    trial : Trial
    check_engines : bool
        Whether the second engine is run at all.
    progress : bool, optional
        Whether progress is shown; by default on a terminal and in a notebook.

    Returns
    -------
    posterior : Posterior
        Of the engine that the model file names, or of that which 'auto' came to.
    agreement : Agreement or None
        None where the model was fitted by one engine only. Where 'auto' went on to NUTS, the other is the
        fast engine, whose diagnostics failed, and nothing is compared.

    Raises
    ------
    UnsupportedModelError
        Where the trial cannot support the model.
    SamplerError
        Where a sampler cannot run.
    """
    spec = for_trial(spec, trial)
    likelihood = build_likelihood(spec, trial)
    posterior, failed = _fit(likelihood, trial, is_shown(progress), keep=True)
    fast = fast_engine(likelihood)
    if not check_engines or fast is None:
        return posterior, None
    if failed is not None:  # the fast engine ran already
        return compare_engines(posterior, failed)
    if spec.sampler.engine == "auto" and takes_too_long(likelihood):
        return posterior, None
    checks = [spec.edited(sampler__engine=fast)]
    if _by_fast_engine(posterior):
        # chains whose diagnostics fail are sampled again with all the draws that the model file asks for
        fewer = min(spec.sampler.draws, _CHECKED_BY)
        nuts = spec.edited(sampler__engine="nuts")
        checks = [nuts.edited(sampler__draws=fewer), *([nuts] if spec.sampler.draws > fewer else [])]
    for check in checks:
        other = _fit(build_likelihood(check, trial), trial, is_shown(progress), alone=True, keep=True)[0]
        if other.verdict.ok:
            break
    return compare_engines(posterior, other)
