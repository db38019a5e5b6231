"""Simulation-based calibration of the joint model of end points, and of P(all effects are beneficial).

As in `validation.sbc_margins` (Talts et al. 2018, arXiv:1804.06788), a truth is drawn from the prior and a
trial is simulated from it: one binary and two continuous outcomes of the same patients, correlated within patients and
over sites by known matrices, with gaps. If the model is right the ranks of the true values among posterior draws are
uniform; and over trials 'all three effects are truly beneficial' comes true as often as the stated probability says,
whatever the correlations.

- Sites, arms, baselines and the pattern of gaps are the same in every trial: what is fixed in the design conditions on
  nothing, and the compiled graph serves every trial.
- No simulation is left out: one with too few effective draws is run again, longer; divergent transitions are counted.
- Truths and trials are made by code of this module's own: correlation matrices by the onion method (Lewandowski,
  Kurowicka and Joe 2009, J Multivar Anal 100:1989-2001, section 3.2), patients one outcome beside the other.

Renew the stored result with `python -m validation.sbc_joint` (about 40 minutes on two cores).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.documents import canonical_hash
from bayes_lupil.endpoints.joint.data import JointData, JointOutcome
from bayes_lupil.endpoints.joint.model import JointModel
from bayes_lupil.endpoints.joint.posterior import quantities
from bayes_lupil.files import write_text
from bayes_lupil.likelihoods import Likelihood
from bayes_lupil.operating.staleness import code_hash, model_hash
from bayes_lupil.posterior.diagnostics import effective_draws
from bayes_lupil.posterior.provenance import package_versions
from bayes_lupil.priors import LKJ
from bayes_lupil.spec import ModelSpec, Sampler, load_model

__all__ = [
    "DEPENDS_ON", "JointCalibration", "calibrate_joint", "current_hash", "joint_models_hash", "onion", "simulate_joint",
    "specs",
]  # fmt: skip

Floats = NDArray[np.float64]
Values = Mapping[str, Any]

RANKED_AMONG = 49
"""Thinned draws: 50 possible ranks."""
SITES, PER_ARM = 8, 7
NAMES = ("response", "change", "score")
_MISSING = (0.05, 0.1, 0.15)
_DESIGN_SEED = 20261105
_MIN_EFFECTIVE = 3 * RANKED_AMONG
_LATENT_UNIT = 1.5957691216057308  # (8 / pi)^(1/2) log odds
_CHAINS, _TUNE, _DRAWS, _LONGER, _LONGEST = 2, 500, 600, 3, 20_000
_WHY = "for the calibration alone: trials as they might be, without extremes"
CORRELATION = LKJ(eta=2, reason=_WHY)
QUANTITIES = (
    *(f"{name}_{end_point}" for name in ("alpha", "beta") for end_point in NAMES),
    *(f"effect[{end_point}]" for end_point in NAMES),
    *(f"correlation[{pair}]" for pair in ("response ~ change", "response ~ score", "change ~ score")),
    "correlation_u[change ~ score]",
    "sigma_change",
    "gamma_score",
)

DEPENDS_ON: dict[str, tuple[str, ...]] = {
    "endpoints/joint/posterior.py": ("quantities", "joint_effects"),
    "endpoints/joint/data.py": (),
    "endpoints/joint/density.py": (),
    "endpoints/joint/model.py": (),
    "engines/nuts.py": (),
    "likelihoods/site_effects.py": ("Parameter",),
    "priors/base.py": (),
    "priors/families.py": ("Normal", "HalfNormal", "LogNormal"),
}
"""Files that the ranks depend on, with the parts of them that do; () for all of the file."""


def current_hash() -> str:
    """Hash of the code that the ranks depend on, as it is now."""
    return code_hash(DEPENDS_ON, Path(__file__))


@dataclass(frozen=True)
class JointCalibration:
    """Ranks of true values and stated probabilities beside what was true.

    Attributes
    ----------
    ranks : dict of str to list of int
        By quantity, one for each simulation: how many of the `draws` posterior draws lie below the true value.
    spread : dict of str to float
        Posterior SD over the SD of the truths, averaged over simulations.
    p_benefit : dict of str to list of float
        P(benefit) by end point, one for each simulation.
    p_all : list of float
        P(all three effects are beneficial).
    all_benefit : list of int
        1 where all three truly were.
    repeated, divergent : int
        Simulations run again with more draws, and those with any divergent transition.
    """

    ranks: dict[str, list[int]]
    p_benefit: dict[str, list[float]]
    p_all: list[float]
    all_benefit: list[int]
    draws: int
    simulations: int
    seed: int
    model_hash: str
    code_hash: str
    spread: dict[str, float]
    repeated: int
    divergent: int
    min_effective: float
    created: str
    seconds: float
    versions: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> JointCalibration:
        """Read a file that `write` wrote."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def write(self, path: Path) -> None:
        """Write as JSON, one attribute a line."""
        rows = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in asdict(self).items())
        write_text(path, "{\n" + rows + "\n}\n")


@cache
def specs() -> tuple[ModelSpec, ModelSpec, ModelSpec]:
    """Models of the three end points, in the order of `NAMES`.

    Effects are likely beneficial and about as large as the data's errors, so that P(all) takes every value there is.
    """

    def normal(sd: float, mean: float = 0) -> dict[str, Any]:
        return {"family": "normal", "mean": mean, "sd": sd, "reason": _WHY}

    half = {"family": "half_normal", "sd": 0.5, "reason": _WHY}
    shared = {"priors__alpha": normal(1), "priors__tau_u": half, "priors__tau_v": half}
    sigma = {"family": "log_normal", "mean_log": 0, "sd_log": 0.3, "reason": _WHY}
    response = load_model("site_effects").edited(name="response", priors__beta=normal(0.4, 0.3), **shared)
    change = response.edited(name="change", priors__beta=normal(0.3, -0.2), priors__sigma=sigma)
    score = {"priors__beta": normal(0.3, 0.2), "priors__gamma": normal(0.5), "sites__coding": "reference"}
    return response, change, change.edited(name="score", **score)


def _sampler(draws: int, seed: int) -> Sampler:
    return Sampler(engine="nuts", chains=_CHAINS, tune=_TUNE, draws=draws, target_accept=0.9, seed=seed)


def joint_models_hash() -> str:
    """SHA-256 of the three models; the priors of the correlations stand in the code."""
    return canonical_hash([model_hash(spec, ()) for spec in specs()])


@dataclass(frozen=True, eq=False)
class _Design:
    """What is the same in every trial."""

    site: NDArray[np.int64]
    arm: NDArray[np.int64]
    missing: NDArray[np.bool_]
    baseline: Floats


@cache
def _design() -> _Design:
    rng = np.random.default_rng(_DESIGN_SEED)
    size = 2 * SITES * PER_ARM
    missing = rng.random((3, size)) < np.array(_MISSING)[:, None]
    return _Design(np.arange(size) % SITES, np.arange(size) // SITES % 2, missing, rng.standard_normal(size))


def onion(eta: float, size: int, rng: np.random.Generator) -> Floats:
    """A correlation matrix with density proportional to det(R)^(eta - 1), by the onion method."""
    beta = eta + (size - 2) / 2
    r = 2 * rng.beta(beta, beta) - 1
    found = np.array([[1.0, r], [r, 1.0]])
    for k in range(2, size):
        beta -= 0.5
        direction = rng.standard_normal(k)
        direction *= np.sqrt(rng.beta(k / 2, beta)) / np.linalg.norm(direction)
        z = np.linalg.cholesky(found) @ direction
        found = np.block([[found, z[:, None]], [z[None, :], np.ones((1, 1))]])
    return found


def _truth(rng: np.random.Generator) -> dict[str, Any]:
    """One draw from the prior, by the names of `quantities`, with what the trial is simulated from."""
    truth: dict[str, Any] = {}
    for name, spec in zip(NAMES, specs(), strict=True):
        truth |= {f"{what}_{name}": float(prior.sample(rng)) for what, prior in spec.priors.items()
                  if what in {"alpha", "beta", "tau_u", "tau_v", "sigma", "gamma"}}  # fmt: skip
    r = onion(CORRELATION.eta, 3, rng)
    # the order of conditioning: change, score, response
    turn = [1, 2, 0]
    root = np.linalg.cholesky(r[np.ix_(turn, turn)])
    unit = np.array([_LATENT_UNIT, truth["sigma_change"], truth["sigma_score"]])
    for effect in "uv":
        tau = np.array([truth[f"tau_{effect}_{name}"] for name in NAMES])
        over_sites = np.empty((3, 3))
        mixing = unit[turn][:, None] * root * (tau / unit)[turn]
        over_sites[np.ix_(turn, turn)] = mixing @ mixing.T
        truth[effect] = rng.multivariate_normal(np.zeros(3), over_sites, size=SITES)
        sd = np.sqrt(over_sites.diagonal())
        truth[f"r_{effect}"] = over_sites / np.outer(sd, sd)
    truth["r"] = r
    return truth


def simulate_joint(truth: Values, rng: np.random.Generator) -> JointData:
    """A trial simulated from one value of each parameter, patient by patient.

    Parameters
    ----------
    truth : dict
        alpha, beta, sigma and gamma of each end point, site effects u and v of shape (sites, end points), and the
        correlation matrix r within patients, response counting as positive.
    rng : numpy.random.Generator
        Source of everything random.
    """
    design = _design()
    deviate = rng.multivariate_normal(np.zeros(3), truth["r"], size=design.site.size)
    outcomes = []
    for k, (name, spec) in enumerate(zip(NAMES, specs(), strict=True)):
        x = np.array(spec.sites.x)[design.arm]
        mean = truth[f"alpha_{name}"] + truth["u"][design.site, k]
        mean = mean + (truth[f"beta_{name}"] + truth["v"][design.site, k]) * x
        seen, baseline = ~design.missing[k], None
        if name == "response":
            from scipy.special import ndtr

            # the latent uniform of a responder lies below its chance, and is small where the deviate is large
            y = (ndtr(-deviate[:, k]) < 1 / (1 + np.exp(-mean))).astype(float)
        else:
            if name == "score":
                baseline = design.baseline
                mean = mean + truth["gamma_score"] * (baseline - baseline[seen].mean())
            y = mean + truth[f"sigma_{name}"] * deviate[:, k]
        kind = "binary" if name == "response" else "continuous"
        benefit = "lower" if name == "change" else "higher"
        gaps = np.where(seen, y, np.nan)
        outcomes.append(JointOutcome(name, name, spec, kind, benefit, gaps, baseline))  # type: ignore[arg-type]
    return JointData(tuple(outcomes), tuple(f"site {s + 1}" for s in range(SITES)), design.site, design.arm)


def _true_values(truth: Values) -> dict[str, float]:
    """True value of each of `QUANTITIES`; sites are of equal size."""
    found = {name: truth[name] for name in QUANTITIES if name in truth}
    for k, (name, spec) in enumerate(zip(NAMES, specs(), strict=True)):
        level = truth[f"alpha_{name}"] + truth["u"][:, k]
        slope = truth[f"beta_{name}"] + truth["v"][:, k]
        control, active = (level + slope * x for x in spec.sites.x)
        if name == "response":
            control, active = 1 / (1 + np.exp(-control)), 1 / (1 + np.exp(-active))
        found[f"effect[{name}]"] = float((active - control).mean())
    for i, j in ((0, 1), (0, 2), (1, 2)):
        found[f"correlation[{NAMES[i]} ~ {NAMES[j]}]"] = float(truth["r"][i, j])
    found["correlation_u[change ~ score]"] = float(truth["r_u"][1, 2])
    return found


def calibrate_joint(simulations: int, seed: int, progress: Callable[[str], None] | None = None) -> JointCalibration:
    """Rank true values, and state P(all), over many simulated trials.

    Parameters
    ----------
    simulations : int
        Number of trials.
    seed : int
        Every simulation's own seed is derived from it beforehand, so the first ones stay as they are when more are
        asked for.
    progress : callable, optional
        Called with a line of text now and then.
    """
    started, code = time.perf_counter(), current_hash()
    ranks: dict[str, list[int]] = {name: [] for name in QUANTITIES}
    truths: dict[str, list[float]] = {name: [] for name in QUANTITIES}
    spreads: dict[str, list[float]] = {name: [] for name in QUANTITIES}
    p_benefit: dict[str, list[float]] = {name: [] for name in NAMES}
    p_all, held = [], []
    effective, repeated, divergent = np.inf, 0, 0
    for i, stream in enumerate(np.random.SeedSequence(seed).spawn(simulations), start=1):
        world, sampler = stream.spawn(2)
        rng = np.random.default_rng(world)
        truth = _truth(rng)
        data = simulate_joint(truth, rng)
        draws, again, diverged = _fit(data, int(sampler.generate_state(1)[0]))
        repeated, divergent = repeated + again, divergent + diverged
        effective = min(effective, *(effective_draws(value) for value in draws.values()))
        true = _true_values(truth)
        for name, value in draws.items():
            flat = value.ravel()
            thinned = flat[((np.arange(RANKED_AMONG) + 0.5) * flat.size / RANKED_AMONG).astype(int)]
            ranks[name].append(int((thinned < true[name]).sum()))
            truths[name].append(true[name])
            spreads[name].append(float(flat.std()))
        good = {item.name: item.sign * draws[f"effect[{item.name}]"] > 0 for item in data.outcomes}
        for name, event in good.items():
            p_benefit[name].append(round(float(event.mean()), 6))
        p_all.append(round(float(np.all(list(good.values()), axis=0).mean()), 6))
        held.append(int(all(item.sign * true[f"effect[{item.name}]"] > 0 for item in data.outcomes)))
        if progress is not None and (i % 10 == 0 or i == simulations):
            progress(f"{i} of {simulations} simulations, {time.perf_counter() - started:.0f} s")
    return JointCalibration(
        ranks=ranks,
        p_benefit=p_benefit,
        p_all=p_all,
        all_benefit=held,
        draws=RANKED_AMONG,
        simulations=simulations,
        seed=seed,
        model_hash=joint_models_hash(),
        code_hash=code,
        spread={name: round(float(np.mean(spreads[name]) / np.std(truths[name])), 3) for name in QUANTITIES},
        repeated=repeated,
        divergent=divergent,
        min_effective=round(float(effective), 1),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(time.perf_counter() - started, 1),
        versions=package_versions(),
    )


def _fit(data: JointData, seed: int) -> tuple[dict[str, Floats], bool, bool]:
    """Draws of every quantity, shape (chain, draw); whether run again, for want of effective draws; any divergence."""
    from bayes_lupil.engines import nuts

    count = _DRAWS
    while True:
        model = JointModel(data, CORRELATION, _sampler(count, seed))
        found = nuts.sample(cast("Likelihood", model))
        group = quantities(model, found.values)
        draws = {}
        for name in QUANTITIES:
            variable, _, label = name.partition("[")
            chosen = group[variable]
            if label:
                chosen = chosen.sel({chosen.dims[-1]: label.rstrip("]")})
            draws[name] = np.asarray(chosen.values)
        if count >= _LONGEST or min(effective_draws(value) for value in draws.values()) >= _MIN_EFFECTIVE:
            return draws, count > _DRAWS, bool(found.statistics["diverging"].any())
        count *= _LONGER


def _main(arguments: list[str] | None = None) -> int:
    name = "python -m validation.sbc_joint"
    parser = argparse.ArgumentParser(prog=name, description="Renew the ranks of the joint model of end points.")
    parser.add_argument("--simulations", type=int, default=240)
    parser.add_argument("--seed", type=int, default=20260203)
    parser.add_argument("--out", type=Path, default=Path("tests/validation/sbc_joint.json"))
    given = parser.parse_args(arguments)

    def say(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    result = calibrate_joint(given.simulations, given.seed, say)
    result.write(given.out)
    say(f"written to {given.out}")
    return 0


if __name__ == "__main__":
    raise SystemExit(_main())
