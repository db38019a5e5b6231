"""Cold start, throughput, scaling, and what comes after a fit."""

from __future__ import annotations

import multiprocessing
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bayes_lupil.likelihoods import BinomialCells
from tests.benchmarks.contenders import CHAINS, Row, megabytes, repeat
from tests.benchmarks.trials import as_trial, load, model, simulated_cells, write_csv

__all__ = ["PARTS", "cold", "outputs", "profile", "scaling", "throughput"]

PARTS = {
    "search for the proposal": ("proposal.py", "find_proposal"),
    "points of the proposal": ("proposal.py", "points"),
    "density of the proposal": ("proposal.py", "log_density"),
    "smoothing of weights": ("importance.py", "_weigh"),
    "check of the nodes": ("quadrature.py", "_quadrature_error"),
    "draws of site effects": ("binomial_marginal.py", "draw"),
    "integrals, wherever": ("binomial_marginal.py", "integrate"),
}
"""Functions whose share of the engine's time is told; integrals are part of the search and of the check too."""

_BLOCKS = 5


def cold(engine: str, s: Row) -> Row:
    """From nothing to P(benefit) on the terminal, a new process each time.

    `engine` is quadrature or nuts; 'first' is quadrature where its kernels have yet to be compiled, once.
    """
    from bayes_lupil.spec import load_model

    source = Path(__file__).parents[2] / "models" / f"{load_model('site_effects').name}.toml"
    text, changed = (
        source.read_text(encoding="utf-8"),
        {
            "engine": f'"{"nuts" if engine == "nuts" else "quadrature"}"',
            "points": s["points"],
            "chains": CHAINS,
            "tune": s["tune"],
            "draws": s["draws"],
            "target_accept": 0.95,
            "seed": 1,
        },
    )
    settings = "\n".join(f"{key} = {value}" for key, value in changed.items())
    text = re.sub(r"\[sampler\].*?(?=\n\[|\Z)", f"[sampler]\n{settings}\n", text, flags=re.DOTALL)
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        edited, table = Path(folder) / "model.toml", Path(folder) / "table.csv"
        edited.write_text(text, encoding="utf-8")
        write_csv(load(s["trial"]).data, table)
        command = [sys.executable, "-m", "bayes_lupil.cli", "fit", str(edited), str(table), "--quiet"]
        command += ["--control", "control", "--active", "active"]
        environment = dict(os.environ)
        if engine == "first":
            environment["NUMBA_CACHE_DIR"] = folder
        runs = 1 if engine == "first" else s["cold_runs"]
        # the one before fills the caches of compiled code and of the disk
        for _ in range(runs + (engine != "first")):
            started = time.perf_counter()
            done = subprocess.run(command, capture_output=True, text=True, env=environment)
            seconds.append(time.perf_counter() - started)
            if not re.search(r"benefit: risk difference > 0 +[01]\.\d", done.stdout):
                raise RuntimeError(f"no P(benefit) was printed: {(done.stderr or done.stdout).strip()[-200:]}")
    kept = seconds if engine == "first" else seconds[1:]
    return {"seconds": kept, "first": seconds[0], "peak_mb": megabytes(resource.RUSAGE_CHILDREN)}


def throughput(processes: int, s: Row) -> Row:
    """Simulated 25-site trials from counts to P(benefit), by `processes` that use one core each; blocks of them."""
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(processes + 1), context.Queue()
    each = max(s["trials"] // (_BLOCKS * processes), 1)
    workers = [
        context.Process(target=_work, args=(i, each, s["throughput"], barrier, answers)) for i in range(processes)
    ]
    for worker in workers:
        worker.start()
    rates = []
    barrier.wait()
    for _ in range(_BLOCKS):
        started = time.perf_counter()
        barrier.wait()
        rates.append(processes * each / (time.perf_counter() - started))
    told = [answers.get() for _ in workers]
    for worker in workers:
        worker.join()
    return {
        "rates": rates,
        "points": s["throughput"]["points"],
        "trials": processes * each * _BLOCKS,
        "poor": sum(item["poor"] for item in told),
        "ess": float(np.median([item["ess"] for item in told])),
        "peak_mb": max(item["peak_mb"] for item in told),
    }


def _work(number: int, each: int, sampler: Row, barrier: Any, answers: Any) -> None:
    os.environ["BAYES_LUPIL_CORES"] = "1"
    from bayes_lupil.engines import quadrature
    from bayes_lupil.posterior.estimands import estimate

    spec = model(engine="quadrature", **sampler)
    cells = [simulated_cells(25, 4, seed=1000 * number + i) for i in range(each * _BLOCKS)]
    poor, effective = 0, []

    def analyse(i: int) -> float:
        nonlocal poor
        likelihood = BinomialCells(spec, cells[i])
        draws = quadrature.sample(likelihood)
        poor += draws.diagnostics["pareto_k"] > 0.7
        effective.append(draws.diagnostics["importance_ess"])
        found = estimate(likelihood, draws.values, np.random.default_rng(i))
        return float((found["risk_difference"] > 0).mean())

    for i in range(min(each, 3)):
        analyse(i)
    poor = 0
    barrier.wait()
    for block in range(_BLOCKS):
        for i in range(each):
            analyse(block * each + i)
        barrier.wait()
    answers.put({"poor": int(poor), "ess": float(np.median(effective)), "peak_mb": megabytes()})


def profile(trial: str, s: Row) -> Row:
    """Shares of the engine's time by function, profiler running."""
    import cProfile
    import pstats

    from bayes_lupil.engines import quadrature

    likelihood = BinomialCells(model(engine="quadrature", points=s["points"]), load(trial).data)
    quadrature.sample(likelihood)
    watched = cProfile.Profile()
    watched.enable()
    for _ in range(3 if trial == "ist" else 20):
        quadrature.sample(likelihood)
    watched.disable()
    spent = {
        (Path(file).name, name): times[3]
        for (file, _, name), times in pstats.Stats(watched).stats.items()  # type: ignore[attr-defined]
    }
    whole = spent["quadrature.py", "sample"]
    return {"shares": {what: spent.get(where, 0.0) / whole for what, where in PARTS.items()}}


def scaling(sites: int, s: Row) -> Row:
    """Time and peak memory by number of sites: the engine to `Draws`, or the whole fit to a `Posterior`."""
    from bayes_lupil.engines import quadrature
    from bayes_lupil.fitting import fit

    spec = model(engine="quadrature", points=s["points"])

    def analyse(cells: Any) -> int:
        if s["what"] == "engine":
            return int(quadrature.sample(BinomialCells(spec, cells)).values["beta"].size)
        return int(fit(spec, as_trial(cells)).data["posterior"]["beta"].size)

    analyse(simulated_cells(10, 4, seed=1))
    before = megabytes()
    cells = simulated_cells(sites, s["per_site"], seed=sites)
    seconds, runs, draws = [], 3 if sites <= 100 else 1, 0
    for _ in range(runs):
        started = time.perf_counter()
        draws = analyse(cells)
        seconds.append(time.perf_counter() - started)
    return {"seconds": seconds, "draws": draws, "peak_mb": megabytes(), "baseline_mb": before}


def _reweighting() -> Callable[[], object]:
    """Seven calls on a trial of which the draws can tell everything, so that none fits the model again."""
    from bayes_lupil import Arms, Cells, EndPoint, Trial, fit, sensitivity
    from bayes_lupil.sites import exclusion_path

    responders = np.array([[5, 7], [3, 4], [6, 7], [2, 3], [7, 8], [4, 5], [6, 6], [5, 6]])
    patients = np.array([[14, 14], [10, 10], [15, 15], [9, 9], [16, 16], [12, 12], [13, 13], [11, 12]])
    cells = Cells(tuple("ABCDEFGH"), responders, patients)
    trial = Trial.from_cells(cells, Arms("control", "active"), EndPoint("cure", "Cure"), "made up", synthetic=True)
    posterior = fit("site_effects", trial)
    narrower = {"family": "normal", "mean": 0, "sd": 0.8, "reason": "for the benchmark"}

    def calls() -> tuple[object, ...]:
        found = (
            *sensitivity.leave_one_site_out(posterior),
            sensitivity.change_prior(posterior, beta=narrower),
            sensitivity.power_scale(posterior, likelihood=1.1),
            *exclusion_path(posterior, ["A"], (0.9, 0.5, 0.0)).points,
        )
        assert not any(item.refitted for item in found)
        return (*found, sensitivity.loo_sites(posterior))

    return calls


def outputs(what: str, s: Row) -> Row:
    """Time of what is made of finished fits: 'report', the page; 'sites', the table of many; 'sensitivity'."""

    from bayes_lupil import fit, load_model, load_trial, reanalyse
    from bayes_lupil.report import collect
    from bayes_lupil.report.media.html import html
    from bayes_lupil.report.reanalysis.page import reanalysis_page
    from bayes_lupil.sites.table import site_table

    if what == "report":
        models = [load_model(name).edited(sampler__engine="quadrature") for name in ("site_effects", "itt_pooled")]
        contents = collect(reanalyse(load_trial("beitler_landis"), models, check_engines=False))
        first, seconds, _ = repeat(lambda: html(reanalysis_page(contents)), s["repeats"], s["budget"])
    elif what == "sensitivity":
        first, seconds, _ = repeat(_reweighting(), s["repeats"], s["budget"])
    else:
        trial = load("ist")
        posterior = fit("site_effects", trial)
        first, seconds, _ = repeat(lambda: site_table(posterior), s["repeats"], s["budget"])
    return {"first": first, "seconds": seconds}
