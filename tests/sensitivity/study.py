"""Studies of the claim that whatever is printed with a Monte Carlo error is right within it.

    python -W ignore -m tests.sensitivity.study [spread | far | densities] [--workers 2]

`spread`: ten settings (few sites, extreme ones, P(benefit) near 0, 0.5 and 1, several thresholds), each fitted with 200
seeds; the SD of every printed quantity over seeds against the error that is printed beside it, for direct fits and for
every function that reweights draws. `far`: 500 random small trials, six functions, three seeds each, against a direct
fit of 65,536 points of the changed model: the distance in combined errors.

`densities`: both again for `loo_sites`, whose densities have rules of their own.

They are stored in `study.json` with the hash of the code that they are about; `test_study.py` looks at what is stored,
and does a sample of `far` again in every run. Together they take about an hour on two cores.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit

from bayes_lupil import Arms, Cells, EndPoint, ModelSpec, Posterior, Trial, fit, load_model
from bayes_lupil.engines import quadrature
from bayes_lupil.likelihoods import build_likelihood
from bayes_lupil.operating.staleness import code_hash
from bayes_lupil.posterior.estimands import estimate
from bayes_lupil.posterior.provenance import package_versions
from bayes_lupil.sensitivity import change_prior, loo_sites, power_scale
from bayes_lupil.sensitivity.deletion import deletions
from bayes_lupil.sensitivity.effect_priors import EffectPrior, under_prior
from bayes_lupil.sensitivity.reweighting import Changed
from bayes_lupil.sites.exclusion import _PoweredCells, exclusion_path
from bayes_lupil.sites.table import site_table

GENERATOR = "python -W ignore -m tests.sensitivity.study"
STORED = Path(__file__).with_name("study.json")
DEPENDS_ON: dict[str, tuple[str, ...]] = {
    "posterior/diagnostics.py": ("mcse_proportion",),
    "posterior/estimates.py": (),
    "sensitivity/priors.py": (),
    "sensitivity/deletion.py": (),
    "sensitivity/effect_priors.py": ("under_prior",),
    "sensitivity/normal_priors.py": ("under_normal",),
    "sensitivity/exclusion_path.py": (),
    "sensitivity/preconditions.py": (),
    "sensitivity/reweighting.py": (),
    "sites/exclusion.py": (),
    "sites/table.py": ("_change",),
}
"""What decides whether draws are reweighted, and with which error; the engines have proofs of their own."""
DENSITIES_DEPEND_ON = DEPENDS_ON | {"sensitivity/loo.py": ()}

WHY = "declared for the study of Monte Carlo errors"
NAMES = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
SEEDS, TRIALS, EACH = 200, 500, 3
FUNCTIONS = ("leave_one_site_out", "exclusion_path", "change_prior", "under_prior", "power_scale")
Pairs = dict[str, tuple[float, float]]


def trial_of(rows: list[tuple[int, int, int, int]]) -> Trial:
    """(responders, patients) of control and active at each site."""
    r, n = (np.array([[row[k], row[k + 2]] for row in rows]) for k in (0, 1))
    return Trial.from_cells(Cells(NAMES[: len(rows)], r, n), Arms("c", "t"), EndPoint("y", "y"), "made", synthetic=True)


def normal(mean: float, sd: float) -> dict[str, Any]:
    return {"family": "normal", "mean": mean, "sd": sd, "reason": WHY}


def half_normal(sd: float) -> dict[str, Any]:
    return {"family": "half_normal", "sd": sd, "reason": WHY}


def model(name: str, **changes: Any) -> ModelSpec:
    return load_model(name).edited(**{"only_for": [], "sampler__engine": "quadrature", **changes})


SETTINGS: dict[str, tuple[Trial, ModelSpec]] = {
    "three sites, one extreme": (
        trial_of([(3, 10, 7, 10), (9, 15, 12, 14), (0, 8, 8, 8)]),
        model("site_intercepts", priors__tau_u=half_normal(1), priors__beta=normal(0, 1)),
    ),
    "two sites": (trial_of([(3, 10, 4, 10), (5, 12, 6, 11)]), model("site_effects")),
    "no difference": (trial_of([(5, 10, 5, 10), (6, 12, 6, 12), (4, 9, 4, 9), (7, 15, 7, 15)]), model("site_effects")),
    "benefit all but sure": (
        trial_of([(5, 20, 12, 20), (6, 22, 12, 22), (4, 19, 13, 19), (7, 25, 15, 25), (3, 15, 9, 15)]),
        model("site_effects"),
    ),
    "harm": (trial_of([(12, 20, 8, 20), (12, 22, 7, 22), (13, 19, 10, 19), (15, 25, 10, 25)]), model("site_effects")),
    "a large site against small ones": (
        trial_of([(150, 200, 50, 200), (1, 5, 4, 5), (1, 5, 4, 5), (2, 5, 4, 5), (1, 5, 5, 5)]),
        model("site_intercepts", priors__tau_u=half_normal(0.2), priors__beta=normal(0, 1)),
    ),
    "nobody responds at half": (
        trial_of([(0, 12, 3, 12), (0, 9, 0, 10), (0, 7, 1, 8), (2, 20, 6, 20), (1, 11, 4, 12)]),
        model("site_effects"),
    ),
    "outlying arms": (
        trial_of([(4, 12, 6, 12), (5, 14, 8, 14), (13, 13, 7, 13), (3, 10, 5, 10), (6, 15, 8, 15), (12, 12, 5, 11)]),
        model("outliers_arms"),
    ),
    "free levels": (trial_of([(5, 14, 8, 14), (3, 10, 5, 10), (6, 15, 8, 15), (2, 9, 4, 9)]), model("site_fixed")),
    "twenty small sites": (
        trial_of([(1, 3, 2, 3), (0, 2, 2, 3), (2, 4, 3, 4), (1, 2, 1, 2), (3, 3, 2, 3)] * 4),
        model("site_effects"),
    ),
}


def _of_changed(changed: Changed, names: tuple[str, ...] = ("risk_difference", "beta", "tau_u")) -> Pairs:
    """What is printed with an error, where it may be reported."""
    if not changed.ok:
        return {}
    found = {name: (item.mean, item.mcse) for name in names if (item := changed.estimates.get(name)) is not None}
    return found | {"p_benefit": (changed.p_benefit, changed.p_benefit_mcse)}


def _of_fit(posterior: Posterior) -> Pairs:
    if not posterior.verdict.ok:
        return {}
    rows = [posterior.row(name) for name in ("risk_difference", "beta", "tau_u") if name in _scalars(posterior)]
    found = {row.name: (row.mean, row.mcse_mean) for row in rows}
    for item in posterior.ladder:
        found[f"p_{item.kind}" + (f"_{item.threshold:g}" if item.threshold else "")] = (item.probability, item.mcse)
    return found


def _scalars(posterior: Posterior) -> set[str]:
    group = posterior.data["posterior"]
    return {str(name) for name in group.data_vars if group[name].ndim == 2}


def one_seed(setting: str, seed: int) -> dict[str, tuple[float, float, bool]]:
    """(value, error, whether fitted again) of everything that is looked at, by its name."""
    trial, spec = SETTINGS[setting]
    posterior = fit(spec.edited(sampler__seed=seed), trial)
    found: dict[str, tuple[float, float, bool]] = {
        f"direct: {name}": (*pair, False) for name, pair in _of_fit(posterior).items()
    }

    def add(function: str, changed: Changed) -> None:
        for name, pair in _of_changed(changed).items():
            found[f"{function}: {name}"] = (*pair, changed.refitted)

    for deletion, _ in zip(deletions(posterior), range(3), strict=False):
        add(f"leave_one_site_out {deletion.site}", deletion.changed)
    for power in (0.7, 0.0):
        [point] = exclusion_path(posterior, ["A"], (power,)).points
        if point.ok:
            rd = point.risk_difference
            found[f"exclusion_path {power:g}: risk_difference"] = (rd.mean, rd.mcse, point.refitted)
            found[f"exclusion_path {power:g}: p_benefit"] = (point.p_benefit, point.p_benefit_mcse, point.refitted)
    add("change_prior", change_prior(posterior, beta=normal(0.1, 0.6)))
    under = under_prior(posterior, EffectPrior("sceptical", 0.0, 0.4, WHY))
    add("under_prior", under.changed)
    for item in under.ladder:
        found[f"under_prior: p_{item.kind}_{item.threshold:g}"] = (item.probability, item.mcse, under.changed.refitted)
    add("power_scale", power_scale(posterior, likelihood=0.8))
    if len(trial.site_names) < 6 and seed % 4 == 0:  # all of its refits, which were made above: a quarter will do
        for row in site_table(posterior).rows[:2]:
            change = row.change
            found[f"site_table {row.site}: change"] = (change.mean, change.mcse, row.without.refitted)
    return found


def one_seed_of_densities(setting: str, seed: int) -> dict[str, tuple[float, float, bool]]:
    """The same of the densities of the first sites."""
    trial, spec = SETTINGS[setting]
    loo = loo_sites(fit(spec.edited(sampler__seed=seed), trial))
    return {f"loo_sites {s}: elpd": (loo.by_site[s], loo.mcse[s], s in loo.refitted) for s in trial.site_names[:3]}


def spread(workers: int, work: Callable[[str, int], Any] = one_seed, seeds: int = SEEDS) -> dict[str, Any]:
    """By setting and quantity: mean, SD over seeds, error stated, share of refits, and the furthest from the mean."""
    summary: dict[str, Any] = {}
    for setting in SETTINGS:
        by_name: dict[str, list[tuple[float, float, bool]]] = {}
        for result in _in_parallel(
            partial(_one_seed, work), [(setting, 1000 + k) for k in range(seeds)], workers, setting
        ):
            for name, values in result.items():
                by_name.setdefault(name, []).append(values)
        summary[setting] = {}
        for name, values in by_name.items():
            value, error, again = np.array(values, dtype=float).T
            summary[setting][name] = {
                "fits": len(value), "mean": _short(value.mean()), "sd": _short(value.std(ddof=1)),
                "stated": _short(np.sqrt((error**2).mean())), "refitted": _short(again.mean()),
                "furthest": _short(np.abs((value - value.mean()) / error).max()),
            }  # fmt: skip
    return summary


def _one_seed(work: Callable[[str, int], Any], given: tuple[str, int]) -> dict[str, tuple[float, float, bool]]:
    found: dict[str, tuple[float, float, bool]] = work(*given)
    return found


def random_case(number: int) -> tuple[Trial, ModelSpec, dict[str, Any]]:
    """A small trial, a model for it, and what is changed: a site, a power, a prior."""
    rng = np.random.default_rng((2026, number))
    sites = int(rng.integers(2, 9))
    level, effect, tau = rng.normal(0, 1), rng.normal(0.3, 1.0), abs(rng.normal(0, 0.7))
    u, n = rng.normal(0, tau, sites), rng.integers(3, 25, (sites, 2))
    p = expit(level + u[:, None] + effect * np.array([-0.5, 0.5]))
    y = rng.binomial(n, p)
    if rng.random() < 0.3:
        extreme = int(rng.integers(sites))
        y[extreme] = [0, n[extreme, 1]] if rng.random() < 0.5 else [n[extreme, 0], 0]
    name = str(rng.choice(["site_intercepts", "site_effects", "site_effects", "site_fixed"]))
    spec = model(name)
    change = {
        "site": NAMES[int(rng.integers(sites))],
        "power": float(rng.choice([0.8, 0.5, 0.2])),
        "beta": normal(float(rng.normal(0, 0.5)), float(rng.uniform(0.2, 1.2))),
        "mean": float(rng.normal(0, 0.6)),
        "sd": float(rng.uniform(0.2, 1.5)),
        "likelihood": float(rng.choice([0.3, 0.8, 1.25, 2.0])),
    }
    return trial_of([(a, b, c, d) for (a, c), (b, d) in zip(y.tolist(), n.tolist(), strict=True)]), spec, change


def reweighted(number: int, seed: int) -> dict[str, Pairs]:
    """What the six functions print for a case, from a fit with the default number of points."""
    trial, spec, change = random_case(number)
    posterior = fit(spec.edited(sampler__seed=seed), trial)
    if not posterior.verdict.ok:
        return {}
    [deletion] = [item for item in deletions(posterior) if item.site == change["site"]]
    found = {"leave_one_site_out": _of_changed(deletion.changed)}
    [point] = exclusion_path(posterior, [change["site"]], (change["power"],)).points
    if point.ok:
        rd = point.risk_difference
        found["exclusion_path"] = {
            "risk_difference": (rd.mean, rd.mcse), "p_benefit": (point.p_benefit, point.p_benefit_mcse),
        }  # fmt: skip
    found["change_prior"] = _of_changed(change_prior(posterior, beta=change["beta"]))
    under = under_prior(posterior, EffectPrior("asked", change["mean"], change["sd"], WHY))
    found["under_prior"] = _of_changed(under.changed)
    for item in under.ladder[1:]:
        found["under_prior"][f"p_{item.kind}_{item.threshold:g}"] = (item.probability, item.mcse)
    found["power_scale"] = _of_changed(power_scale(posterior, likelihood=change["likelihood"]))
    return found


def density(number: int, seed: int) -> dict[str, Pairs]:
    """The density of the case's site."""
    trial, spec, change = random_case(number)
    posterior = fit(spec.edited(sampler__seed=seed), trial)
    if not posterior.verdict.ok:
        return {}
    loo = loo_sites(posterior)
    return {"loo_sites": {"elpd": (loo.by_site[change["site"]], loo.mcse[change["site"]])}}


def direct(number: int) -> dict[str, Pairs]:
    """The same from fits of the changed model itself with 65,536 points, none of which reweights anything."""
    trial, spec, change = random_case(number)
    spec = spec.edited(sampler__points=65_536, sampler__seed=77)
    powers = np.ones(len(trial.site_names))
    powers[trial.site_names.index(change["site"])] = change["power"]
    models = {
        "whole": build_likelihood(spec, trial),
        "leave_one_site_out": build_likelihood(spec.edited(without_sites=[change["site"]]), trial),
        "exclusion_path": _PoweredCells(spec, trial.data, powers),
        "change_prior": build_likelihood(spec.edited(priors__beta=change["beta"]), trial),
        "under_prior": build_likelihood(spec.edited(priors__beta=normal(change["mean"], change["sd"])), trial),
    }
    draws = {name: quadrature.sample(likelihood) for name, likelihood in models.items()}
    models["power_scale"] = models["whole"]
    draws["power_scale"] = quadrature.sample(models["whole"], likelihood_power=change["likelihood"])
    sound = {name: drawn for name, drawn in draws.items() if _is_sound(drawn.diagnostics)}
    found = {name: _of_draws(models[name], drawn.values) for name, drawn in sound.items() if name != "whole"}
    if {"whole", "leave_one_site_out"} <= set(sound):
        (one, error), (other, its_error) = (
            (drawn.diagnostics["log_evidence"], drawn.diagnostics["log_evidence_mcse"])
            for drawn in (sound["whole"], sound["leave_one_site_out"])
        )
        found["loo_sites"] = {"elpd": (one - other, float(np.hypot(error, its_error)))}
    return found


def _is_sound(diagnostics: dict[str, float]) -> bool:
    """Well within what a verdict asks for."""
    return (
        diagnostics["pareto_k"] <= 0.5 and diagnostics["quadrature_error"] <= 0.01
        and diagnostics["failed_integrals"] == 0 and diagnostics["importance_ess"] >= 10_000
    )  # fmt: skip


def _of_draws(likelihood: Any, values: dict[str, Any]) -> Pairs:
    """Means and probabilities from independent draws, with their errors written out."""
    derived = estimate(likelihood, values, np.random.default_rng(1))
    scalars = {name: values[name].ravel() for name in ("beta", "tau_u") if name in values and values[name].ndim == 2}
    scalars["risk_difference"] = derived["risk_difference"].ravel()
    size = scalars["risk_difference"].size
    found: Pairs = {name: (float(x.mean()), float(x.std() / np.sqrt(size))) for name, x in scalars.items()}
    rd, decision = scalars["risk_difference"], likelihood.spec.decision
    events = {"p_benefit" + (f"_{d:g}" if d else ""): rd > d for d in decision.ladder}
    events |= {
        f"p_relevant_{decision.relevant:g}": rd >= decision.relevant, "p_harm_0": rd < 0,
        f"p_trivial_{decision.relevant:g}": (rd >= 0) & (rd < decision.relevant),
    }  # fmt: skip
    for name, event in events.items():
        p = float(event.mean())
        found[name] = (p, float(np.sqrt((p * (1 - p) + 4 / size) / size)))
    return found


def distances(mine: dict[str, Pairs], theirs: dict[str, Any]) -> Iterator[tuple[str, str, float]]:
    """(function, quantity, distance in combined errors) of everything that both have."""
    for function, quantities in mine.items():
        for name, (value, error) in quantities.items():
            pair = theirs.get(function, {}).get(name)
            if pair is not None and np.isfinite(value):
                yield function, name, float((value - pair[0]) / np.hypot(error, pair[1]))


def one_case(number: int, work: Callable[[int, int], dict[str, Pairs]] = reweighted) -> dict[str, Any]:
    """References of a case, and how far the functions are from them."""
    theirs = direct(number)
    far: dict[str, float] = {}
    compared = 0
    for k in range(EACH):
        for function, _, distance in distances(work(number, 10 * number + k), theirs):
            compared += 1
            if abs(distance) > abs(far.get(function, 0.0)):
                far[function] = round(distance, 2)
    stored = {
        function: {name: [_short(v) for v in pair] for name, pair in quantities.items()}
        for function, quantities in theirs.items()
    }
    return {"number": number, "direct": stored, "furthest": far, "compared": compared}


def far(
    workers: int, work: Callable[[int, int], dict[str, Pairs]] = reweighted, trials: int = TRIALS
) -> list[dict[str, Any]]:
    """Every case."""
    return list(_in_parallel(partial(one_case, work=work), list(range(trials)), workers, "random trials"))


def densities(workers: int) -> dict[str, Any]:
    """Spread over seeds, and distance from direct fits, of the densities of sites."""
    cases = far(workers, density)
    for case in cases:
        case["direct"] = {name: case["direct"].get(name, {}) for name in ("loo_sites",)}
    return {**spread(workers, one_seed_of_densities), "far": cases}


def _in_parallel(work: Callable[[Any], Any], items: list[Any], workers: int, label: str) -> Iterator[Any]:
    """Results in order, and how far it is; one core for each worker."""
    started = time.perf_counter()
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for i, result in enumerate(pool.map(work, items, chunksize=2), start=1):
            if i % 20 == 0 or i == len(items):
                print(f"{label}: {i} of {len(items)}, {time.perf_counter() - started:.0f} s", flush=True)
            yield result


def _short(value: float) -> float:
    return float(f"{value:.6g}")


def read() -> dict[str, Any]:
    """What is stored."""
    content: dict[str, Any] = json.loads(STORED.read_text(encoding="utf-8"))
    return content


def write(stored: dict[str, Any], path: Path) -> None:
    """One line a case or setting, so that changes can be seen."""

    def lines(results: Any) -> str:
        if isinstance(results, list):
            return "[\n" + ",\n".join(json.dumps(item) for item in results) + "\n]"
        rows = (f"{json.dumps(setting)}: {json.dumps(found)}" for setting, found in results.items())
        return "{\n" + ",\n".join(rows) + "\n}"

    studies = []
    for name, study in stored.items():
        about = json.dumps({key: value for key, value in study.items() if key != "results"}, indent=1)
        studies.append(f'"{name}": {about[:-2]},\n "results": {lines(study["results"])}\n}}')
    path.write_text("{\n" + ",\n".join(studies) + "\n}\n", encoding="utf-8")


def main() -> None:
    """Renew one study, or both."""
    import os

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", nargs="?", choices=("spread", "far", "densities"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=STORED)
    chosen = parser.parse_args()
    os.environ |= {"BAYES_LUPIL_CORES": "1", "NUMBA_NUM_THREADS": "1"}
    stored = json.loads(chosen.out.read_text(encoding="utf-8")) if chosen.out.exists() else {}
    for name, run, on in (
        ("spread", spread, DEPENDS_ON), ("far", far, DEPENDS_ON), ("densities", densities, DENSITIES_DEPEND_ON)
    ):  # fmt: skip
        if chosen.study in (None, name):
            code = code_hash(on)  # of the code that runs, whatever happens to the files
            started = time.perf_counter()
            stored[name] = {
                "generator": GENERATOR, "created": datetime.now(UTC).isoformat(timespec="seconds"), "code_hash": code,
                "versions": package_versions(), "results": run(chosen.workers),
            }  # fmt: skip
            stored[name]["seconds"] = round(time.perf_counter() - started, 1)
            write(stored, chosen.out)


if __name__ == "__main__":
    main()
