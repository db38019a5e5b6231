"""Long NUTS runs that the other engines are held against: which models on which data, and what is kept of them.

    python -W ignore -m tests.engines.nuts_reference [--only PART] [--afresh]

renews `nuts_reference.json` (about three quarters of an hour on two cores). What is stored and up to date is kept, so
an interrupted run goes on where it stopped. The trials lie in shared/validation beside the checkout; `lupil2` comes
with the package, and is known by its margins unless a model pools all sites. `lupil2_known` is the same with counts at
the excluded sites that are made up (SYNTHETIC), and nothing said of who cannot be there.

Of every scalar quantity mean, SD and three quantiles are kept, each with its Monte Carlo error; of a few sites mean and
SD of the parameters of the site and the correlation of u and v over draws; of one trial the probability that a site has
the highest response to the active treatment; of margins the chances to stay in the subset and the share of the patients
at the excluded sites.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from bayes_lupil import ModelSpec, Trial, load_model, load_trial
from bayes_lupil.files import write_text
from bayes_lupil.likelihoods import (
    ARMS,
    BinomialCells,
    Likelihood,
    MarginsLikelihood,
    NestedCells,
    build_likelihood,
)  # fmt: skip
from bayes_lupil.likelihoods.site_effects import NONEXCHANGEABLE
from bayes_lupil.posterior.estimands import estimate
from bayes_lupil.posterior.provenance import package_versions
from bayes_lupil.spec import country_models, load_models, site_models
from bayes_lupil.trials.margins import Margins

GENERATOR = "python -W ignore -m tests.engines.nuts_reference"
STORED = Path(__file__).with_name("nuts_reference.json")
VALIDATION = Path(__file__).parents[3] / "shared" / "validation"

Floats = NDArray[np.float64]
Pair = tuple[float, float]
Quantities = dict[str, dict[str, Pair]]

TRIALS: dict[str, dict[str, Any]] = {
    "beitler_landis_1985": {"control": "control", "active": "drug"},
    "fungal_5centre_sparse": {"control": "placebo", "active": "drug"},
    "hartzel_8centre_muchbetter": {"control": "placebo", "active": "drug"},
    "indo_rct_pep": {"control": "placebo", "active": "indomethacin", "benefit": "lower"},
    "opt_preterm37_excl_elective_abortion": {"control": "control", "active": "treatment", "benefit": "lower"},
    "bugs_blocker_22trials": {"control": "control", "active": "betablocker", "benefit": "lower"},
    "ist_hospital_aspirin_death14d": {
        "control": "no_aspirin", "active": "aspirin", "benefit": "lower", "single_arm_sites": True,
    },
    "ist_hospital_aspirin_deaddep6m": {
        "control": "no_aspirin", "active": "aspirin", "benefit": "lower", "single_arm_sites": True,
    },
    "topcat_countries": {
        "control": "placebo", "active": "spironolactone", "benefit": "lower", "country": "region",
    },
}  # fmt: skip
NESTED = ("topcat_countries",)
"""Where sites (here countries) lie in groups (here regions), for the models with both levels alone."""
LARGE = tuple(name for name in TRIALS if name.startswith("ist_"))
SMALL = tuple(name for name in TRIALS if name not in (*LARGE, *NESTED))
RANKED = "beitler_landis_1985"

_WHY = "an edited model, to hold one engine against the other"
VARIANTS: dict[str, dict[str, Any]] = {
    "student_t": {"sites__distribution": "student_t", "sites__df": 4},
    "correlated": {"sites__correlated": True, "priors__correlation": {"family": "lkj", "eta": 2, "reason": _WHY}},
    "reference_coding": {"sites__coding": "reference"},
    "pooled_intercepts": {"sites__intercepts": "pooled", "priors__tau_u": None},
    "fixed_intercepts": {"sites__intercepts": "fixed", "priors__tau_u": None},
    "fixed_effects": {"sites__effects": "fixed", "priors__tau_v": None},
    "all_fixed": {
        "sites__intercepts": "fixed", "sites__effects": "fixed", "priors__tau_u": None, "priors__tau_v": None,
    },
    "half_cauchy": {
        "priors__tau_u": {"family": "half_cauchy", "scale": 1, "reason": _WHY},
        "priors__tau_v": {"family": "half_cauchy", "scale": 0.5, "reason": _WHY},
    },
    "student_t_correlated_reference": {
        "sites__distribution": "student_t", "sites__df": 4, "sites__coding": "reference", "sites__correlated": True,
        "priors__correlation": {"family": "lkj", "eta": 2, "reason": _WHY},
    },
}  # fmt: skip
"""Edits of the model site_effects."""

OF_MARGINS = ("correlated", "reference_coding", "student_t_correlated_reference")
NOT_OF_MARGINS = ("site_exnex", "site_student_t_df")
"""The one margins do not allow; in the other, sites of unknown patients have tails so heavy that 20,000 draws of NUTS
were worth 773 (`test_margins_engine.py` holds that model against plain sampling from its prior)."""
KNOWN = ((0, 1, 2), (1, 0, 1), (1, 1, 3))
"""(arm, response, patients) of `lupil2_known` at its two excluded sites."""

USED = (
    "alpha", "beta", "tau_u", "tau_v", "correlation", "df", "outlier_share", "nonexchangeable", "tau_c", "tau_d",
    "country_outlier_share",
)  # fmt: skip
"""Priors that the posterior of a table of counts depends on; others serve other kinds of data."""

ON_MIXED: dict[str, tuple[str, ...]] = {
    "beitler_landis_1985": tuple(model.name for model in site_models()[1:]),
    "fungal_5centre_sparse": ("outliers_control", "outliers_arms", "site_exnex", "site_student_t_df"),
    "hartzel_8centre_muchbetter": ("outliers_control", "outliers_arms", "site_exnex", "site_student_t_df"),
}
"""Other distributions of site effects, by trial: eight sites, three sites without one responder, eight alike."""

ON_LARGE = ("site_effects", "site_intercepts", "site_fixed", "itt_pooled")
PROBS = {"q2.5": 0.025, "q50": 0.5, "q97.5": 0.975}


@dataclass(frozen=True)
class Case:
    """One model on one trial."""

    model: str
    data: str

    @property
    def name(self) -> str:
        return f"{self.model} on {self.data}"

    @property
    def seed(self) -> int:
        return crc32(self.name.encode())

    def spec(self) -> ModelSpec:
        changes = VARIANTS.get(self.model, {})
        return load_model("site_effects" if changes else self.model).edited(**changes, only_for=[])

    def trial(self, folder: Path = VALIDATION) -> Trial:
        return _trial(self.data, folder)

    @property
    def of_margins(self) -> bool:
        """Whether the patients of the sites are not known, and matter."""
        return self.data in ON_PACKAGE and not self.spec().sites.pooled

    def likelihood(self, folder: Path = VALIDATION, **changes: Any) -> BinomialCells | MarginsLikelihood:
        found = build_likelihood(self.spec().edited(**changes), self.trial(folder))
        assert isinstance(found, MarginsLikelihood if self.of_margins else BinomialCells)
        return found


ON_PACKAGE = ("lupil2", "lupil2_known")
"""Trials that need no folder."""


@cache
def _trial(name: str, folder: Path) -> Trial:
    if name not in ON_PACKAGE:
        return load_trial(folder / "data" / f"{name}.csv", **TRIALS[name])
    found = load_trial("lupil2")
    if name == "lupil2":
        return found
    assert isinstance(found.data, Margins)
    return replace(found, data=replace(found.data, impossible_at_excluded=(), at_excluded=KNOWN), synthetic=True)


def cases() -> tuple[Case, ...]:
    """Every model of the package on every trial that it can be fitted to, and the variants on the smaller ones."""
    models = load_models(trial="lupil2")
    pooled = [model.name for model in models if model.sites.pooled]
    on_sites = [model.name for model in models if model.population == "itt"]
    found = [Case(model, "lupil2") for model in pooled]
    margins = ("site_effects", "site_intercepts", "informed_he2020")
    of_margins = (*margins, *(model.name for model in site_models() if model.name not in NOT_OF_MARGINS))
    found += [Case(model, "lupil2") for model in (*dict.fromkeys(of_margins), *OF_MARGINS)]
    found += [Case(model, "lupil2_known") for model in ("site_effects", "outliers_arms")]
    found += [Case(model, data) for data in SMALL for model in on_sites]
    found += [Case(model, data) for data, models_here in ON_MIXED.items() for model in models_here]
    found += [Case(model, data) for model in VARIANTS for data in SMALL]
    found += [Case(model, data) for data in LARGE for model in ON_LARGE]
    found += [Case(model.name, data) for data in NESTED for model in country_models()]
    return tuple(found)


def meaning(spec: ModelSpec, of_margins: bool = False) -> dict[str, Any]:
    """What of a model decides the posterior of counts: sites, the priors it uses, population."""
    content, used = spec.to_dict(), (*USED, "site_shares", "retention") if of_margins else USED
    priors = {
        name: {key: value for key, value in prior.items() if key != "reason"}
        for name, prior in content["priors"].items()
        if prior is not None and name in used
    }
    above = {"countries": content["countries"]} if "countries" in content else {}
    levels = {"sites": content["sites"], **above}
    return {**levels, "priors": priors, "population": spec.population, "without": spec.without_sites}


def is_of(stored: Mapping[str, Any], case: Case, folder: Path = VALIDATION) -> list[str]:
    """What has changed since a case was stored; settings that models did not have then are taken at their defaults."""
    then, spec = stored["model"], case.spec()
    priors = {name: {**prior, "reason": _WHY} for name, prior in then["priors"].items()}
    levels = {key: then[key] for key in ("sites", "countries") if key in then}
    was = spec.edited(**levels, priors=priors, population=then["population"], without_sites=then["without"])
    changed = ["the model"] if meaning(was, case.of_margins) != meaning(spec, case.of_margins) else []
    return changed + (["the data"] if stored["data_hash"] != case.trial(folder).data_hash else [])


def quantities(
    likelihood: BinomialCells | MarginsLikelihood, values: Mapping[str, Floats], seed: int, independent: bool
) -> Quantities:
    """Statistics by quantity, each with its Monte Carlo error; `values` are draws of shape (chain, draw, ...).

    Which sites are outlying comes from NUTS as draws of 0 and 1, from the other engine as probabilities.
    """
    kept = Summary(independent)
    values = likelihood.with_components(values, np.random.default_rng(seed + 1))
    scalars = {item.name: values[item.name] for item in likelihood.parameters if not item.dims}
    scalars |= estimate(likelihood, values, np.random.default_rng(seed))
    if isinstance(likelihood, MarginsLikelihood):
        scalars |= _only_of_margins(likelihood, values)
    found = {name: kept.statistics(draws) for name, draws in scalars.items()}
    found["risk_difference"]["P(above 0)"] = kept.probability(scalars["risk_difference"] > 0)
    by_site = {
        item.name: values[item.name]
        for item in likelihood.parameters
        if item.dims[:1] == ("site",) and item.name not in likelihood.sites.behind
    }
    by_site |= likelihood.sites.effects(values)
    outlying = _outlying(likelihood, values, independent)
    found |= _of_countries(likelihood, values, kept)
    for s in _told(likelihood) if by_site else ():
        label = likelihood.site_names[s]
        for name, draws in by_site.items():
            found[f"{name}[{label}]"] = kept.moments(draws[..., s])
        for where, draws in outlying.items():
            mean = (float(draws[..., s].mean()), kept.error(draws[..., s]))
            found[f"{where}[{label}]"] = {"P(outlying)": mean}
        if {"u", "v"} <= set(by_site):
            found[f"u, v[{label}]"] = {"correlation": kept.correlation(by_site["u"][..., s], by_site["v"][..., s])}
    if by_site and likelihood.spec.sites.intercepts != "pooled" and len(likelihood.site_names) == 8:
        best = likelihood.probabilities(values)[..., 1].argmax(axis=-1)
        for s, label in enumerate(likelihood.site_names):
            found[f"p_active[{label}]"] = {"P(highest)": kept.probability(best == s)}
    return found


def _of_countries(likelihood: Likelihood, values: Mapping[str, Floats], kept: Summary) -> Quantities:
    """Effects of each country, and the probability that an arm of it is outlying."""
    if not isinstance(likelihood, NestedCells):
        return {}
    found = {
        f"{name}[{label}]": kept.moments(draws[..., g])
        for name, draws in likelihood.sites.country_effects(values).items()
        for g, label in enumerate(likelihood.country_names)
    }
    if kept.independent and (outlying := likelihood.country_outlier_probability(values)) is not None:
        chances = {arm: outlying.values[..., a] for a, arm in enumerate(ARMS)}
    else:
        chances = likelihood.sites.outlying_countries(values)
    for arm, chance in chances.items():
        for g, label in enumerate(likelihood.country_names):
            mean = float(chance[..., g].mean()), kept.error(chance[..., g])
            found[f"outlier_{arm}[{label}]"] = {"P(outlying)": mean}
    return found


def _only_of_margins(likelihood: MarginsLikelihood, values: Mapping[str, Floats]) -> dict[str, Floats]:
    """The excluded sites' share of the patients, and who stays in the subset, shape (chain, draw)."""
    found = {"excluded_share": values["site_share"][..., likelihood.margins.excluded_mask].sum(axis=-1)}
    for a, arm in enumerate(ARMS):
        for r, response in enumerate(("non-responder", "responder")):
            found[f"retention[{arm}, {response}]"] = values["retention"][..., a, r]
    return found


def _outlying(
    likelihood: BinomialCells | MarginsLikelihood, values: Mapping[str, Floats], independent: bool
) -> dict[str, Floats]:
    """By where a site is outlying, shape (chain, draw, sites)."""
    if not likelihood.spec.sites.is_mixture:
        return {}
    if isinstance(likelihood, MarginsLikelihood) or not independent:
        return likelihood.sites.outlying(values) or {NONEXCHANGEABLE: values[NONEXCHANGEABLE]}
    shape = values["alpha"].shape
    theta = {item.name: values[item.name].ravel() for item in likelihood.site_marginal.parameters}
    found = likelihood.site_marginal.outlier_probability(theta, likelihood.spec.sampler.nodes)
    return {name: chance.reshape(*shape, -1) for name, chance in found.items()}


def _told(likelihood: BinomialCells | MarginsLikelihood) -> list[int]:
    """The largest site, the smallest, and the one whose response rate lies furthest out; of margins the ends."""
    if isinstance(likelihood, MarginsLikelihood):
        return [0, len(likelihood.site_names) - 1]
    y, n = likelihood.cells.responders.sum(axis=1), likelihood.cells.n.sum(axis=1)
    log_odds = np.log((y + 0.5) / (n - y + 0.5))
    far = np.abs(log_odds - np.median(log_odds))
    return sorted({int(n.argmax()), int(n.argmin()), int(far.argmax())})


@dataclass(frozen=True)
class Summary:
    """Statistics of draws of shape (chain, draw), each as (value, Monte Carlo error).

    Every error is that of a mean, of the draws or of their influence on the statistic, by the effective sample size of
    just that; it is the number of draws where they are independent. (The error of an SD that ArviZ gives takes the
    effective size of the mean, which for NUTS can be several times that of the squares.)
    """

    independent: bool

    def effective(self, draws: Floats) -> float:
        if self.independent:
            return float(draws.size)
        from arviz_stats.base import array_stats

        return float(array_stats.ess(draws, method="mean"))

    def error(self, influence: Floats) -> float:
        return float(influence.std(ddof=1) / np.sqrt(self.effective(influence)))

    def moments(self, draws: Floats) -> dict[str, Pair]:
        """Mean and SD, with the tail index where it is so large that their errors say little."""
        mean, sd = float(draws.mean()), float(draws.std(ddof=1))
        return {"mean": (mean, self.error(draws)), "sd": (sd, self.error((draws - mean) ** 2) / (2 * sd))}

    def statistics(self, draws: Floats) -> dict[str, Pair]:
        """Mean, SD, quantiles and the index k of the heavier tail: moments from 1/k on do not exist."""
        from arviz_stats.base import array_stats

        found = self.moments(draws)
        for name, prob in PROBS.items():
            found[name] = self.quantile(draws, prob)
        found["tail"] = (float(array_stats.pareto_khat(draws, tail="both")), float("nan"))
        return found

    def quantile(self, draws: Floats, prob: float) -> Pair:
        from scipy import stats

        value = float(np.quantile(draws, prob))
        n = self.effective((draws <= value).astype(float))
        around = stats.beta.ppf(stats.norm.cdf([-1, 1]), n * prob + 1, n * (1 - prob) + 1)
        low, high = np.quantile(draws, around)
        return value, float(high - low) / 2

    def probability(self, event: NDArray[np.bool_]) -> Pair:
        """One more success and one more failure are counted for the error, since rare events tell little of it."""
        alike = event.all() or not event.any()
        n = float(event.size) if alike else self.effective(event.astype(float))
        shrunk = (event.mean() * n + 1) / (n + 2)
        return float(event.mean()), float(np.sqrt(shrunk * (1 - shrunk) / n))

    def correlation(self, one: Floats, other: Floats) -> Pair:
        a, b = ((x - x.mean()) / x.std() for x in (one, other))
        r = float((a * b).mean())
        return r, self.error(a * b - r * (a**2 + b**2) / 2)


@cache
def _compiled(model: str, sites: int) -> dict[str, Any]:
    """Kept for all trials of one model and number of sites: filled by the first."""
    return {}


def run(case: Case) -> dict[str, Any]:
    """NUTS on one case, with smaller steps and a longer warmup where it diverges or has not converged."""
    from arviz_stats.base import array_stats

    from bayes_lupil.az import to_datatree
    from bayes_lupil.engines.nuts import compile_nutpie, run_nutpie

    started = time.perf_counter()
    likelihood = case.likelihood()
    kept = {} if case.of_margins else _compiled(case.model, len(likelihood.site_names))
    if not kept:
        kept["model"] = compile_nutpie(likelihood)
    model = kept["model"].with_data(**likelihood.graph_data())
    built, draws = time.perf_counter(), 5000 if case.data in LARGE or case.of_margins else 8000
    if likelihood.spec.sites.outliers == "site" and not case.of_margins:
        draws = 12_000  # whether a site's level is outlying hangs together with tau_u, and chains are slow to change
    easy = likelihood.spec.sites.pooled or case.data in LARGE
    for target, tune in ((0.95 if easy else 0.99, 1500), (0.995, 3000), (0.999, 6000)):
        settings = likelihood.spec.edited(
            sampler__chains=4, sampler__draws=draws, sampler__tune=tune, sampler__target_accept=target,
            sampler__seed=case.seed,
        ).sampler  # fmt: skip
        tree = to_datatree(run_nutpie(model, settings))
        values = _values(likelihood, tree["posterior"])
        divergences = int(tree["sample_stats"]["diverging"].sum())
        watched = [draws for draws in values.values() if draws.ndim == 2]
        of_sites = [draws for draws in values.values() if draws.shape[2:] == (len(likelihood.site_names),)]
        watched += [draws[..., s] for draws in of_sites for s in _told(likelihood)]
        r_hat = max(float(array_stats.rhat(draws)) for draws in watched)
        effective = min(float(array_stats.ess(draws, method="tail", prob=(0.025, 0.975))) for draws in watched)
        if not divergences and r_hat <= 1.01 and effective >= 3000:
            break
    return {
        "model": meaning(case.spec(), case.of_margins),
        "data_hash": case.trial().data_hash,
        "seed": case.seed,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "draws": 4 * draws,
        "tune": tune,
        "target_accept": target,
        "divergences": divergences,
        "max_r_hat": round(r_hat, 5),
        "min_ess": round(effective),
        "seconds": [round(built - started, 1), round(time.perf_counter() - built, 1)],
        "versions": package_versions(),
        "quantities": quantities(likelihood, values, case.seed, independent=False),
    }


def _values(likelihood: Likelihood, posterior: Any) -> dict[str, Floats]:
    return {
        item.name: np.asarray(posterior[item.name].transpose("chain", "draw", ...).values, dtype=float)
        for item in likelihood.parameters
    }


def read(path: Path = STORED) -> dict[str, Any]:
    """Stored cases by name."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["cases"] if path.is_file() else {}
    return content


def write(found: Mapping[str, Mapping[str, Any]], path: Path = STORED) -> None:
    """One line for each quantity."""
    blocks = []
    for name, case in sorted(found.items()):
        rows = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in case.items() if key != "quantities"]
        each = ",\n".join(f"   {json.dumps(k)}: {_short(v)}" for k, v in case["quantities"].items())
        rows.append(f'  "quantities": {{\n{each}\n  }}')
        blocks.append(f" {json.dumps(name)}: {{\n" + ",\n".join(rows) + "\n }")
    write_text(path, f'{{"generator": {json.dumps(GENERATOR)},\n"cases": {{\n' + ",\n".join(blocks) + "\n}}\n")


def _short(statistics: Mapping[str, Any]) -> str:
    """Values to a thousandth of their error, errors to three digits."""

    def pair(value: float, error: float) -> list[float | None]:
        if not np.isfinite(error) or error is None:
            return [round(value, 2), None]
        digits = int(np.clip(3 - np.floor(np.log10(max(error, 1e-12))), 0, 15))
        return [round(value, digits), float(f"{error:.3g}")]

    return json.dumps({k: pair(v[0], np.nan if v[1] is None else v[1]) for k, v in statistics.items()})


def main(arguments: list[str] | None = None, say: Callable[[str], None] = lambda line: print(line, flush=True)) -> int:
    parser = argparse.ArgumentParser(prog=GENERATOR, description="Renew the NUTS reference.")
    parser.add_argument("--only", default="", help="cases whose name holds this")
    parser.add_argument("--afresh", action="store_true", help="run also what is stored and up to date")
    given = parser.parse_args(arguments)
    every = cases()
    wanted = [case for case in every if given.only in case.name]
    found = {name: stored for name, stored in read().items() if name in {case.name for case in every}}
    todo = [case for case in wanted if given.afresh or case.name not in found or is_of(found[case.name], case)]
    say(f"{len(todo)} of {len(wanted)} cases to run")
    started = time.perf_counter()
    for i, case in enumerate(todo, start=1):
        result = found[case.name] = run(case)
        write(found)
        say(
            f"{i}/{len(todo)} {case.name}: {sum(result['seconds']):.0f} s, target {result['target_accept']}, "
            f"{result['divergences']} divergent, R-hat {result['max_r_hat']:.4f}, ESS {result['min_ess']}; "
            f"{time.perf_counter() - started:.0f} s in all"
        )
    say(f"done: {len(found)} of {len(every)} cases stored")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
