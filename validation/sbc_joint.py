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

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.documents import canonical_hash
from bayes_lupil.endpoints.joint.data import JointData, JointOutcome
from bayes_lupil.endpoints.joint.model import JointModel
from bayes_lupil.endpoints.joint.posterior import quantities
from bayes_lupil.operating.staleness import model_hash
from bayes_lupil.priors import LKJ
from bayes_lupil.spec import ModelSpec, Sampler, load_model
from validation import runner

__all__ = [
    "DEPENDS_ON", "JointCalibration", "calibrate_joint", "current_hash", "joint_models_hash", "onion", "simulate_joint",
    "specs",
]  # fmt: skip

Floats = runner.Floats
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
    "likelihoods/density.py": (),
    "likelihoods/site_effects.py": ("Parameter",),
    "priors/base.py": (),
    "priors/families.py": ("Normal", "HalfNormal", "LogNormal"),
}
"""Files that the ranks depend on, with the parts of them that do; () for all of the file."""


def current_hash() -> str:
    """Hash of the code that the ranks depend on, as it is now."""
    return runner.hash_of(DEPENDS_ON, __file__)


@dataclass(frozen=True, kw_only=True)
class JointCalibration(runner.Calibration):
    """Ranks of true values and stated probabilities beside what was true.

    Attributes
    ----------
    p_benefit : dict of str to list of float
        P(benefit) by end point, one for each simulation.
    p_all : list of float
        P(all three effects are beneficial).
    all_benefit : list of int
        1 where all three truly were.
    divergent : int
        Simulations with any divergent transition.
    min_effective : float
        Smallest effective sample size, over quantities and simulations.
    """

    p_benefit: dict[str, list[float]]
    p_all: list[float]
    all_benefit: list[int]
    divergent: int
    min_effective: float


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
    """Rank true values, and state P(all), over many simulated trials; for the arguments see `runner.rank`."""

    def simulate(rng: np.random.Generator, sampler: int) -> runner.Simulated:
        truth = _truth(rng)
        data = simulate_joint(truth, rng)
        fitted, true = _fit(data, sampler), _true_values(truth)
        good = {item.name: item.sign * fitted.draws[f"effect[{item.name}]"] > 0 for item in data.outcomes}
        stated = {
            "p_benefit": {name: round(float(event.mean()), 6) for name, event in good.items()},
            "p_all": round(float(np.all(list(good.values()), axis=0).mean()), 6),
            "held": int(all(item.sign * true[f"effect[{item.name}]"] > 0 for item in data.outcomes)),
        }
        return runner.Simulated(true, fitted.draws, fitted.facts | stated)

    found = runner.rank(simulate, simulations, seed, RANKED_AMONG, current_hash(), progress)
    return JointCalibration(
        **found.common,
        p_benefit={name: [item[name] for item in found.facts["p_benefit"]] for name in NAMES},
        p_all=found.facts["p_all"],
        all_benefit=found.facts["held"],
        model_hash=joint_models_hash(),
        spread=runner.relative_spread(found.spreads, found.truths),
        divergent=sum(found.facts["divergent"]),
        min_effective=round(float(min(found.facts["effective"])), 1),
    )


def _fit(data: JointData, seed: int) -> runner.Fitted:
    """Draws of every quantity."""
    from bayes_lupil.engines import nuts

    def run(count: int) -> tuple[dict[str, Floats], bool]:
        model = JointModel(data, CORRELATION, _sampler(count, seed))
        found = nuts.sample(model)
        group = quantities(model, found.values)
        draws = {}
        for name in QUANTITIES:
            variable, _, label = name.partition("[")
            chosen = group[variable]
            if label:
                chosen = chosen.sel({chosen.dims[-1]: label.rstrip("]")})
            draws[name] = np.asarray(chosen.values)
        return draws, bool(found.statistics["diverging"].any())

    return runner.with_enough_draws(run, _DRAWS, _LONGER, _LONGEST, _MIN_EFFECTIVE)


def _main(arguments: list[str] | None = None) -> int:
    description, out = "Renew the ranks of the joint model of end points.", "tests/validation/sbc_joint.json"
    given = runner.arguments("validation.sbc_joint", description, 240, 20260203, out).parse_args(arguments)
    result = calibrate_joint(given.simulations, given.seed, runner.say)
    result.write(given.out)
    runner.say(f"written to {given.out}")
    return 0


if __name__ == "__main__":
    raise SystemExit(_main())
