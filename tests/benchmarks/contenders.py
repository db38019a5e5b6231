"""One model, one trial, one way to fit it, over and over: each function returns what its row of the table says."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np

from bayes_lupil.likelihoods import BinomialCells, MarginsLikelihood
from bayes_lupil.posterior.diagnostics import describe_independent
from bayes_lupil.spec import ModelSpec
from bayes_lupil.trials.margins import Margins
from tests.benchmarks.trials import load, model, write_csv

__all__ = ["CONTENDERS", "Absent", "megabytes", "repeat"]

CHAINS = 4
QUANTITIES = ("alpha", "beta", "tau_u", "tau_v")
_MODES = {
    "lme4_slopes": "glmer_slopes", "lme4_agq": "glmer_agq", "lme4_nested": "glmer_nested", "rstanarm": "stan_glmer",
}  # fmt: skip
Row = dict[str, Any]


class Absent(Exception):  # noqa: N818
    """The contender is not installed, or its data are not here."""


def megabytes(who: int = resource.RUSAGE_SELF) -> float:
    """Peak memory of this process, or of the largest process that it started and waited for."""
    return resource.getrusage(who).ru_maxrss / 1024


def repeat(work: Callable[[], Any], repeats: int, budget: float) -> tuple[float, list[float], list[Any]]:
    """Seconds of the first call, then of others until there are `repeats` or `budget` seconds are over; and results.

    Two at least follow the first, unless that took more than half of the budget: then it is all there is.
    """
    seconds, results = [], []
    for _ in range(1 + repeats):
        started = time.perf_counter()
        results.append(work())
        seconds.append(time.perf_counter() - started)
        if seconds[0] > budget / 2 or (len(seconds) > 2 and sum(seconds[1:]) > budget):
            break
    return seconds[0], seconds[1:], results


def _chains(values: dict[str, Any]) -> Row:
    """Smallest bulk ESS over theta, and beta to see that all fit the same model; values of shape (chain, draw)."""
    from arviz_stats.base import array_stats

    ess = {name: float(array_stats.ess(np.asarray(values[name]), method="bulk")) for name in QUANTITIES}
    beta = np.asarray(values["beta"])
    return {"ess": min(ess.values()), "draws": int(beta.size), "beta": [float(beta.mean()), float(beta.std())]}


def _likelihood(spec: ModelSpec, data: Any) -> BinomialCells | MarginsLikelihood:
    return MarginsLikelihood(spec, data) if isinstance(data, Margins) else BinomialCells(spec, data)


def engine(trial: str, s: Row) -> Row:
    """This package's engine without Markov chains, from the likelihood to `Draws`.

    Quadrature for a table of sites, whose draws are independent; importance sampling for margins, some of whose draws
    repeat another and count as one with it.
    """
    from bayes_lupil import __version__
    from bayes_lupil.engines import margins, quadrature

    data = load(trial).data
    known = not isinstance(data, Margins)
    spec = model(points=s["points"], draws=s["draws"], engine="quadrature" if known else "importance")
    sample: Any = quadrature.sample if known else margins.sample
    first, seconds, results = repeat(lambda: sample(_likelihood(spec, data)), s["repeats_quick"], s["budget"])
    draws = results[-1]
    beta, points = draws.values["beta"], draws.statistics.get("point")
    rows = [describe_independent(name, draws.values[name], points) for name in QUANTITIES]
    return {
        "first": first,
        "seconds": seconds,
        "sampling": seconds,
        "ess": min(row.ess_bulk for row in rows),
        "draws": int(beta.size),
        "beta": [float(beta.mean()), float(beta.std())],
        "points": int(draws.diagnostics["points"]),
        "pareto_k": draws.diagnostics["pareto_k"],
        "version": f"bayes-lupil {__version__}",
    }


def engine_half(trial: str, s: Row) -> Row:
    """The same with half of the points, which still give more independent draws than NUTS does here."""
    return engine(trial, s | {"points": s["points"] // 2})


def _nuts(trial: str, s: Row, backend: str, target: float, repeats: int) -> Row:
    from bayes_lupil.engines import nuts

    if find_spec(backend) is None:
        raise Absent(f"{backend} is not installed")
    spec = model(engine="nuts", backend=backend, tune=s["tune"], draws=s["draws"], chains=CHAINS, target_accept=target)
    data = load(trial).data

    def afresh() -> Any:
        nuts._kept.clear()
        return nuts.sample(_likelihood(spec, data))

    first, seconds, results = repeat(afresh, repeats, s["budget"])
    row = {"first": first, "seconds": seconds, "version": results[-1].sampler, **_chains(results[-1].values)}
    row["divergences"] = int(results[-1].statistics["diverging"].sum())
    if backend == "nutpie":
        row["sampling"] = [item.seconds["sample"] for item in results[1:] or results]
    return row


def nutpie(trial: str, s: Row) -> Row:
    """nutpie on the package's own PyMC graph, compiled afresh each time."""
    return _nuts(trial, s, "nutpie", 0.95, s["repeats"])


def nutpie_080(trial: str, s: Row) -> Row:
    """The same with nutpie's own default step-size target."""
    return _nuts(trial, s, "nutpie", 0.8, s["repeats"])


def pymc(trial: str, s: Row) -> Row:
    """PyMC's own NUTS; sampling cannot be told from compiling."""
    return _nuts(trial, s, "pymc", 0.95, min(s["repeats"], 3))


def numpyro(trial: str, s: Row) -> Row:
    """numpyro's NUTS, four chains in parallel; compiled afresh for each repetition, then run again to sample alone."""
    if find_spec("numpyro") is None:
        raise Absent("numpyro is not installed")
    import numpyro
    import numpyro.distributions as dist

    numpyro.set_host_device_count(CHAINS)
    numpyro.enable_x64()
    import jax
    import jax.numpy as jnp
    from numpyro.infer import MCMC, NUTS

    likelihood = BinomialCells(model(), load(trial).data)
    site, arm = np.nonzero(likelihood.cells.n)
    x = jnp.asarray(np.array(likelihood.spec.sites.x)[arm])
    y, n = (jnp.asarray(v[site, arm]) for v in (likelihood.cells.responders, likelihood.cells.n))
    n_sites = len(likelihood.site_names)

    def graph() -> None:
        alpha = numpyro.sample("alpha", dist.Normal(0, 1.5))
        beta = numpyro.sample("beta", dist.Normal(0, 1))
        tau_u = numpyro.sample("tau_u", dist.HalfNormal(1))
        tau_v = numpyro.sample("tau_v", dist.HalfNormal(0.5))
        with numpyro.plate("sites", n_sites):
            e = numpyro.sample("e", dist.Normal(0, 1))
            f = numpyro.sample("f", dist.Normal(0, 1))
        eta = alpha + tau_u * e[site] + (beta + tau_v * f[site]) * x
        numpyro.sample("y", dist.Binomial(total_count=n, logits=eta), obs=y)

    def build() -> MCMC:
        return MCMC(
            NUTS(graph, target_accept_prob=0.95),
            num_warmup=s["tune"],
            num_samples=s["draws"],
            num_chains=CHAINS,
            chain_method="parallel",
            progress_bar=False,
        )

    again: list[float] = []

    def once() -> MCMC:
        jax.clear_caches()
        sampler = build()
        sampler.run(jax.random.PRNGKey(1))
        jax.block_until_ready(sampler.get_samples())
        return sampler

    first, seconds, results = repeat(once, min(s["repeats"], 3), s["budget"])
    sampler = results[-1]
    for seed in range(len(seconds) or 1):
        started = time.perf_counter()
        sampler.run(jax.random.PRNGKey(seed + 2), extra_fields=("diverging",)) if seed == 0 else sampler.run(
            jax.random.PRNGKey(seed + 2)
        )
        jax.block_until_ready(sampler.get_samples())
        again.append(time.perf_counter() - started)
    return {
        "first": first,
        "seconds": seconds,
        "sampling": again,
        "version": f"numpyro {version('numpyro')} (JAX {version('jax')})",
        **_chains(sampler.get_samples(group_by_chain=True)),
    }


def _r(trial: str, s: Row, method: str) -> Row:
    program = shutil.which("Rscript")
    if program is None:
        raise Absent("Rscript is not installed")
    with tempfile.TemporaryDirectory() as folder:
        table, out = Path(folder) / "table.csv", Path(folder) / "out"
        write_csv(load(trial).data, table)
        repeats = min(s["repeats"], 3) if method == "stan_glmer" else s["repeats_quick"]
        done = subprocess.run(
            [program, str(Path(__file__).with_name("mixed.R")), str(table), method]
            + [str(v) for v in (repeats, s["budget"], s["tune"], s["draws"], out)],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(done.stderr.strip().splitlines()[-1])
        told = json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))
        if "absent" in told:
            raise Absent(told["absent"])
        package = "rstanarm" if method == "stan_glmer" else "lme4"
        # Stan's chains run in processes of their own
        row = {"peak_mb": megabytes(resource.RUSAGE_CHILDREN), **told, "version": f"{package} {told['version']}"}
        if method == "stan_glmer":
            kept = np.fromfile(out.with_suffix(".bin")).reshape(len(QUANTITIES), told["chains"], -1)
            row |= _chains(dict(zip(QUANTITIES, kept, strict=True)))
            row["sampling"] = told["seconds"] or [told["first"]]
    return row


def lme4_slopes(trial: str, s: Row) -> Row:
    """Maximum likelihood (Laplace), random intercepts and slopes."""
    return _r(trial, s, _MODES["lme4_slopes"])


def lme4_agq(trial: str, s: Row) -> Row:
    """Maximum likelihood, random intercepts alone, 25 quadrature nodes."""
    return _r(trial, s, _MODES["lme4_agq"])


def lme4_nested(trial: str, s: Row) -> Row:
    """Maximum likelihood (Laplace), random intercepts of sites and of their countries."""
    return _r(trial, s, _MODES["lme4_nested"])


def rstanarm(trial: str, s: Row) -> Row:
    """Stan's NUTS, compiled beforehand; its priors of the between-site SDs are others (decov)."""
    return _r(trial, s, _MODES["rstanarm"])


def own_ml(trial: str, s: Row) -> Row:
    """This package's maximum likelihood, random intercepts and slopes; interval and test by Wald, as lme4's."""
    return _own_ml(trial, s, "wald")


def own_ml_profile(trial: str, s: Row) -> Row:
    """The same with the profile-likelihood interval and the likelihood ratio test."""
    return _own_ml(trial, s, "profile")


def own_nested(trial: str, s: Row) -> Row:
    """This package's maximum likelihood, random intercepts of sites and countries; interval and test by Wald."""
    return _own_nested(trial, s, "wald")


def own_nested_profile(trial: str, s: Row) -> Row:
    """The same with the profile-likelihood interval and the likelihood ratio test."""
    return _own_nested(trial, s, "profile")


def _own_ml(trial: str, s: Row, method: Literal["profile", "wald"]) -> Row:
    from bayes_lupil.frequentist.mixed_logistic import mixed_logistic

    cells = load(trial).data
    return _own(lambda: mixed_logistic(cells.responders, cells.n, effects="partial", method=method), s)


def _own_nested(trial: str, s: Row, method: Literal["profile", "wald"]) -> Row:
    from bayes_lupil.frequentist.nested_logistic import nested_logistic

    cells = load(trial).data
    return _own(lambda: nested_logistic(cells.responders, cells.n, cells.countries, method=method), s)


def _own(fit: Callable[[], Any], s: Row) -> Row:
    from bayes_lupil import __version__

    first, seconds, results = repeat(fit, s["repeats_quick"], s["budget"])
    fitted = results[-1]
    return {
        "first": first,
        "seconds": seconds,
        "beta": [fitted.beta, fitted.beta_se],
        "version": f"bayes-lupil {__version__}",
    }


CONTENDERS: dict[str, tuple[Callable[[str, Row], Row], str]] = {
    "engine": (engine, "bayes_lupil without chains"),
    "engine_half": (engine_half, "bayes_lupil, half of the points"),
    "nutpie": (nutpie, "nutpie, target 0.95"),
    "nutpie_080": (nutpie_080, "nutpie, target 0.8 (its default)"),
    "pymc": (pymc, "PyMC NUTS, target 0.95"),
    "numpyro": (numpyro, "numpyro NUTS, target 0.95"),
    "rstanarm": (rstanarm, "rstanarm stan_glmer, target 0.95"),
    "lme4_slopes": (lme4_slopes, "lme4 glmer, (1 + x \\|\\| site), Laplace"),
    "lme4_agq": (lme4_agq, "lme4 glmer, (1 \\| site), nAGQ = 25"),
    "lme4_nested": (lme4_nested, "lme4 glmer, (1 \\| country/site), Laplace"),
    "own_ml": (own_ml, "bayes_lupil mixed_logistic, both effects, Wald"),
    "own_ml_profile": (own_ml_profile, "the same, profile likelihood"),
    "own_nested": (own_nested, "bayes_lupil nested_logistic, both intercepts, Wald"),
    "own_nested_profile": (own_nested_profile, "the same, profile likelihood"),
}
"""Function and what the table calls it."""
