"""Where a posterior comes from: trial, model, hashes, seed, versions and durations."""

from __future__ import annotations

import contextlib
import math
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from bayes_lupil.engines.draws import Draws
from bayes_lupil.frozen import ReadOnly
from bayes_lupil.likelihoods.covariate_checks import separated, told_by_others
from bayes_lupil.likelihoods.covariates import covariate_columns
from bayes_lupil.spec import ModelSpec
from bayes_lupil.spec.library import of_another_trial
from bayes_lupil.trials.cells import Cells
from bayes_lupil.trials.end_point import Arms, EndPoint
from bayes_lupil.trials.estimates import Estimate
from bayes_lupil.trials.margins import Margins
from bayes_lupil.trials.measurements import Measurements
from bayes_lupil.trials.patients import Patients
from bayes_lupil.trials.populations import Exclusion
from bayes_lupil.trials.trial import Resolution, Trial

__all__ = ["HANDED_OVER", "RATES", "TWO_ANSWERS", "Provenance", "package_versions", "provenance_of"]

HANDED_OVER = "sampled by NUTS, because "
"""How the note begins that says why engine 'auto' took NUTS where quadrature could have been taken."""
RATES = "the observed rates"
"""How the note begins that says that they lie far from the prior of their level."""
TWO_ANSWERS = "the patients of this trial and its average site have different answers"
"""How the note begins that says so."""
ONE_ARMED = "sites with patients of one arm only"
"""How the note begins that says what they do to the answer."""
FEW = "sites only"
FEW_COUNTRIES = "countries only"
FROM_PRIOR = "a coefficient of a covariate comes from its prior alone"
"""How the note begins that says so."""
OF_COVARIATES = "covariate"
"""How the notes begin that say what of their values must be known."""
ONE_SITE_EACH = "each country has one site"
"""What the note holds that says that there are few."""
FEW_SITES = 4
"""Up to so many sites say next to nothing on how much sites differ."""
_RARELY = 0.005
"""Of the prior of the level, on either side: what lies there was not expected."""
_PACKAGES = ("bayes-lupil", "pymc", "nutpie", "pytensor", "arviz", "arviz-stats", "numpy", "scipy", "xarray", "pandas")


@dataclass(frozen=True)
class Provenance(ReadOnly):
    """All that identifies a fit.

    Attributes
    ----------
    totals : ((int, int), (int, int)) or None
        (responders, patients) analysed, of control and active; None for a continuous end point.
    patients : (int, int) or None
        Patients analysed of control and active.
    data_hash, model_hash : str
        SHA-256 of the trial's data and of the model.
    notes, warnings : tuple of str
        What else there is to know; and what of the trial must be known before any result.
    created : str
        UTC time in ISO format.
    seconds : dict of str to float
        Durations.
    reading : dict or None
        How a table was understood (`bayes_lupil.trials.Reading`); None of declared trials.
    """

    trial: str
    title: str
    synthetic: bool
    resolution: Resolution
    arms: Arms
    end_point: EndPoint
    population: str
    population_label: str
    totals: tuple[tuple[int, int], tuple[int, int]] | None
    exclusions: tuple[Exclusion, ...]
    data_hash: str
    model_hash: str
    seed: int
    sampler: str
    versions: dict[str, str]
    python: str
    platform: str
    created: str
    seconds: dict[str, float]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    patients: tuple[int, int] | None = None
    reading: dict[str, Any] | None = None

    @property
    def handed_over(self) -> str:
        """The note that says why NUTS took over from quadrature; empty where it did not."""
        return next((note for note in self.notes if note.startswith(HANDED_OVER)), "")

    @property
    def cautions(self) -> tuple[str, ...]:
        """What must be known before the result: the trial's warnings, few sites, a prior that pulls, two answers."""
        known = (RATES, TWO_ANSWERS, ONE_ARMED, ONE_SITE_EACH, FROM_PRIOR, OF_COVARIATES)
        few = (f" {FEW}: ", f" {FEW_COUNTRIES}: ")
        own = (note for note in self.notes if note.startswith(known) or any(words in note for words in few))
        return (*self.warnings, *own)

    def noted(self, note: str) -> Provenance:
        """With one more note."""
        return replace(self, notes=(*self.notes, note))

    def differs_from(self, trial: Trial, sites: Sequence[str]) -> str:
        """How a trial differs from that of the fit, whose draws have these sites in their order; empty where not."""
        if trial.data_hash != self.data_hash:
            return "data other than the posterior's"
        if len(sites) > 1 and tuple(sites) != tuple(site for site in trial.site_names if site in set(sites)):
            return "the posterior's sites in another order"
        return ""

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        content = asdict(self)
        plain = {name: dict(content[name]) for name in ("versions", "seconds")}
        return content | plain | {"reading": None if self.reading is None else dict(self.reading)}


def provenance_of(spec: ModelSpec, trial: Trial, draws: Draws) -> Provenance:
    """The provenance of a fit that has just been made."""
    countries: tuple[str, ...] = ()
    if trial.end_point.kind == "continuous":
        measured = trial.measured_set(spec.population, spec.without_sites)
        population, label, exclusions = measured.population, measured.label, measured.exclusions
        sites = len(measured.sites)
        totals, patients = None, measured.patients
    elif isinstance(trial.data, Estimate):
        chosen = trial.population(spec.population)
        population, label, exclusions = chosen.name, chosen.label, ()
        sites, totals, patients = 1, None, None
    else:
        counted = trial.analysis_set(spec.population, spec.without_sites)
        population, label, exclusions = counted.population, counted.label, counted.exclusions
        totals = counted.totals
        sites = len(counted.data.sites)
        countries = (counted.data.countries or ()) if isinstance(counted.data, Cells | Margins) else ()
        patients = (totals[0][1], totals[1][1])
    return Provenance(
        trial=trial.name,
        title=trial.title,
        synthetic=trial.synthetic,
        resolution=trial.resolution,
        arms=trial.arms,
        end_point=trial.end_point,
        population=population,
        population_label=label,
        totals=totals,
        patients=patients,
        exclusions=exclusions,
        data_hash=trial.data_hash,
        model_hash=spec.hash,
        seed=spec.sampler.seed,
        sampler=draws.sampler,
        versions=package_versions(),
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=dict(draws.seconds),
        notes=(
            *draws.notes,
            *_difference(spec, trial),
            *_reasons(spec, trial),
            *_few_sites(spec, sites),
            *_few_countries(spec, countries),
            *_covariates(spec, trial),
            *_level(spec, totals),
            *_of_another_measure(trial),
            *trial.notes,
        ),
        warnings=trial.warnings,
        reading=None if trial.reading is None else trial.reading.to_dict(),
    )


def _difference(spec: ModelSpec, trial: Trial) -> tuple[str, ...]:
    """A warning where trial and model do not mean the same by a relevant difference; the model file decides."""
    mcid = trial.end_point.mcid
    if mcid is None or mcid == spec.decision.relevant:
        return ()
    used = spec.decision.relevant
    return (f"the model's relevant difference {used:g} is used, not the trial's minimal important one, {mcid:g}",)


def _reasons(spec: ModelSpec, trial: Trial) -> tuple[str, ...]:
    """That the reasons given for the priors speak of another trial."""
    by_trial: dict[str, list[str]] = {}
    for prior, other in of_another_trial(spec, trial.name).items():
        by_trial.setdefault(other, []).append(prior)
    return tuple(
        f"the reasons of its priors ({', '.join(priors)}) were written for the trial '{other}': see that they hold for "
        f"'{trial.name}' too, or give others"
        for other, priors in by_trial.items()
    )


def _few_sites(spec: ModelSpec, sites: int) -> tuple[str, ...]:
    """A warning where hardly anything but the prior says how much sites differ."""
    ways = (spec.sites.intercepts, spec.sites.effects)
    if "partial" not in ways or not 2 <= sites <= FEW_SITES:
        return ()
    effects = ", and with it the effect at a new site," if spec.sites.effects == "partial" else ""
    return (f"{sites} {FEW}: how much they differ{effects} comes mostly from the prior",)


def _few_countries(spec: ModelSpec, countries: tuple[str, ...]) -> tuple[str, ...]:
    """Warnings where hardly anything but the priors says how much countries differ, or what is theirs."""
    if spec.countries is None:
        return ()
    number, found = len(set(countries)), []
    ways = (("tau_c", spec.countries.intercepts), ("tau_d", spec.countries.effects))
    if number <= FEW_SITES and (drawn := [tau for tau, pooling in ways if pooling == "partial"]):
        priors = f"prior{'s' if len(drawn) > 1 else ''} of {' and '.join(drawn)}"
        found.append(f"{number} {FEW_COUNTRIES}: how much they differ comes mostly from the {priors}")
    if number == len(countries) and not spec.sites.pooled:
        told = "what differs between countries and what between sites cannot be told apart, except by their priors"
        found.append(f"{ONE_SITE_EACH}: {told}")
    return tuple(found)


def _covariates(spec: ModelSpec, trial: Trial) -> tuple[str, ...]:
    """What the coefficients of covariates are of."""
    if spec.covariates is None or not isinstance(trial.data, Patients | Measurements):
        return ()
    columns = covariate_columns(spec.covariates, trial.data, f"model '{spec.name}'")
    named = "; ".join(f"{name} = {words}" for name, words in zip(columns.names, columns.labels, strict=True))
    of = "differences" if spec.continuous else "log odds ratios"
    told = f"adjusted for covariates, with the {of} {named}"
    found = [f"{told}; means and SDs are those of all patients in the data"]
    those = trial.measured_set if spec.continuous else trial.analysis_set
    members = those(spec.population, spec.without_sites).members
    if members is not None and (lost := told_by_others(columns.z[list(members)])):
        who = "; ".join(columns.labels[k] for k in lost)
        found.append(f"{FROM_PRIOR}: of the patients analysed it cannot be told from the other columns ({who})")
    if members is not None and isinstance(trial.data, Patients):
        chosen = list(members)
        if alike := separated(columns.labels, columns.z[chosen], trial.data.response[chosen]):
            told = "all or none responded, so that its prior alone keeps the coefficient finite"
            found.append(f"{OF_COVARIATES}s with patients of whom {told} ({'; '.join(alike)})")
    return (*found, *columns.cautions)


def _level(spec: ModelSpec, totals: tuple[tuple[int, int], tuple[int, int]] | None) -> tuple[str, ...]:
    """A warning where the responses are so rare or so frequent that the prior of their level pulls them along."""
    if totals is None or not hasattr(spec.priors.alpha, "cdf"):
        return ()
    (r0, n0), (r1, n1) = totals
    logits = [math.log((r + 0.5) / (n - r + 0.5)) for r, n in ((r0, n0), (r1, n1))]
    level = logits[0] if spec.sites.coding == "reference" else sum(logits) / 2
    below = float(spec.priors.alpha.cdf(level))
    if _RARELY <= below <= 1 - _RARELY:
        return ()
    return (
        f"{RATES} ({100 * r1 / n1:.2g} % and {100 * r0 / n0:.2g} %, log odds about {level:.1f}) lie in the outer "
        f"{100 * _RARELY:g} % of the prior of their level, which pulls the effect towards none: a "
        f"prior of the level with a mean near {level:.0f}, or a larger SD, would not (priors.alpha in the model file)",
    )


def _of_another_measure(trial: Trial) -> tuple[str, ...]:
    """That the prior of the effect was written for a log odds ratio, and what is left of a model for an estimate."""
    if not isinstance(trial.data, Estimate):
        return ()
    scale = trial.data.kind.scale
    other = "" if trial.data.measure == "or" else f", used here for a {scale}"
    return (f"one estimate is known: of the model only the prior of beta is used, a log odds ratio's{other}",)


def package_versions() -> dict[str, str]:
    """Versions of the packages that results depend on; those not installed are left out."""
    return dict(_versions())


@cache
def _versions() -> tuple[tuple[str, str], ...]:
    """The same, read once: each is in a file of its own, and an analysis fits dozens of variants of a model."""
    found = []
    for name in _PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found.append((name, version(name)))
    return tuple(found)
