"""Simulation-based calibration of the margins likelihood (Talts et al. 2018, arXiv:1804.06788).

A truth is drawn from the model's prior, a small trial is simulated from it patient by patient, each with a site, and
only its margins are kept. If likelihood, sampler and estimands are right, the rank of the true value among independent
posterior draws is uniform, whatever the prior.

What makes this exact:

- the patients in each arm are fixed by design, and the likelihood is a product over patients within arms, so the
  simulated trial has fixed arms too and nothing is conditioned on;
- no class of patients is declared impossible. A statement such as 'every placebo patient at the excluded sites
  responded' is itself data, made after looking; to simulate it one would keep only the trials in which it holds;
- the risk difference weighs sites by their true shares, which is how the estimand is defined under margins;
- no simulation is left out, whatever its diagnostics: one with too few effective draws is run again, longer.

The patients are simulated by code of this module's own, which shares nothing with the likelihood.

The same trials are fitted by importance sampling too, and once more with the patients at the excluded sites known.

Renew the stored results with `python -m validation.sbc_margins` (about 10 minutes on two cores), and with
`--engine importance` and `--engine importance --known` (a minute or two each).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from bayes_lupil.likelihoods import MarginsLikelihood
from bayes_lupil.operating.staleness import model_hash
from bayes_lupil.posterior.diagnostics import describe_independent, judge
from bayes_lupil.spec import ModelSpec, load_model
from bayes_lupil.trials.margins import Margins
from validation import runner

__all__ = ["DEPENDS_ON", "Calibration", "SmallTrial", "calibrate", "current_hash", "simulate_margins"]

_PARAMETERS = ("alpha", "beta", "tau_u", "tau_v")
_OF_MARGINS = ("excluded_share", "retention_control_responder", "retention_active_non_responder")
QUANTITIES = (*_PARAMETERS, "risk_difference", *_OF_MARGINS)
"""The last three see what only the margins likelihood has: who can come from where, and who stays in the subset."""
RANKED_AMONG = 99
"""Thinned draws: 100 possible ranks."""

_MIN_EFFECTIVE = 4 * RANKED_AMONG
_CHAINS, _DRAWS, _LONGER, _LONGEST = 2, 1000, 4, 64_000
Floats = runner.Floats
Values = Mapping[str, Any]
Engine = Literal["nuts", "importance"]

_ON: dict[str, tuple[str, ...]] = {
    "likelihoods/base.py": (),
    "likelihoods/density.py": (),
    "likelihoods/margins.py": (),
    "likelihoods/site_effects.py": (),
    "posterior/estimands.py": ("estimate",),
    "priors/base.py": (),
    "priors/families.py": ("Normal", "HalfNormal", "Beta", "Dirichlet"),
    "trials/margins.py": ("Margins.classes", "Margins.excluded_mask", "Margins.sites"),
}
DEPENDS_ON: dict[Engine, dict[str, tuple[str, ...]]] = {
    "nuts": {**_ON, "engines/nuts.py": ("compile_nutpie", "run_nutpie")},
    "importance": {
        **_ON,
        "engines/climb.py": (),
        "engines/importance.py": (),
        "engines/margins.py": (),
        "engines/proposal.py": (),
        "likelihoods/retention.py": (),
    },
}
"""Files that the ranks by either engine depend on, with the parts of them that do; () for all of the file."""


def current_hash(engine: Engine) -> str:
    """Hash of the code that the ranks by an engine depend on, as it is now."""
    return runner.hash_of(DEPENDS_ON[engine], __file__)


@dataclass(frozen=True)
class SmallTrial:
    """Size of the simulated trials.

    Attributes
    ----------
    n_sites, n_excluded : int
        All sites, and those among them that the published subset leaves out.
    arm_size : int
        Patients in each arm.
    """

    n_sites: int = 6
    n_excluded: int = 1
    arm_size: int = 20


@dataclass(frozen=True, kw_only=True)
class Calibration(runner.Calibration):
    """Ranks of true values, and what they were made with.

    Attributes
    ----------
    divergent : int
        Simulations with any divergent transition, or of importance sampling those whose diagnostics fail.
    min_effective : float
        Smallest effective sample size, over quantities and simulations.
    """

    trial: dict[str, int]
    model: str
    divergent: int
    min_effective: float


def simulate_margins(
    spec: ModelSpec, truth: Values, trial: SmallTrial, rng: np.random.Generator, known: bool = False
) -> Margins:
    """A trial simulated patient by patient, each with a site, of which only the margins are kept.

    Parameters
    ----------
    spec : ModelSpec
        For the coding of the arms.
    truth : dict of str to array
        One value of each parameter of the margins model, without leading axes.
    trial : SmallTrial
        Its size.
    rng : numpy.random.Generator
        Source of everything random.
    known : bool
        Whether the numbers of patients at the excluded sites are published, by arm and response.
    """
    totals, subset, there = [], [], []
    for arm in (0, 1):
        site = rng.choice(trial.n_sites, size=trial.arm_size, p=truth["site_share"])
        responds = rng.random(trial.arm_size) < _risks(spec, truth, arm)[site]
        retained = rng.random(trial.arm_size) < np.asarray(truth["retention"])[arm, responds.astype(int)]
        in_subset = retained & (site >= trial.n_excluded)
        totals.append((int(responds.sum()), trial.arm_size))
        subset.append((int((responds & in_subset).sum()), int(in_subset.sum())))
        excluded = site < trial.n_excluded
        there += [(arm, response, int((excluded & (responds == bool(response))).sum())) for response in (0, 1)]
    return Margins(
        totals=(totals[0], totals[1]),
        subset_totals=(subset[0], subset[1]),
        subset="pp",
        excluded_sites=tuple(f"excluded {i + 1}" for i in range(trial.n_excluded)),
        n_sites=trial.n_sites,
        at_excluded=tuple(there) if known else (),
    )


def _risks(spec: ModelSpec, truth: Values, arm: int) -> Floats:
    """True response probability at each site, written out and not taken from the likelihood."""
    x = spec.sites.x[arm]
    level = truth["alpha"] + truth["tau_u"] * np.asarray(truth["e"])
    effect = truth["beta"] + truth["tau_v"] * np.asarray(truth["f"])
    risks: Floats = 1 / (1 + np.exp(-(level + effect * x)))
    return risks


def calibrate(
    spec: ModelSpec,
    simulations: int,
    seed: int,
    trial: SmallTrial | None = None,
    progress: Callable[[str], None] | None = None,
    engine: Engine = "nuts",
    known: bool = False,
) -> Calibration:
    """Rank true values among posterior draws over many simulated trials.

    Parameters
    ----------
    spec : ModelSpec
        A model with partially pooled intercepts and effects. Its chains, draws and seed are not used.
    simulations, seed, progress
        See `runner.rank`.
    trial : SmallTrial, optional
        Size of the trials.
    engine : {"nuts", "importance"}
    known : bool
        Whether the numbers of patients at the excluded sites are published; by importance sampling alone.
    """
    size = SmallTrial() if trial is None else trial
    prior = MarginsLikelihood(spec, _empty(size))
    fit = _by_nuts(prior) if engine == "nuts" else _by_importance

    def simulate(rng: np.random.Generator, sampler: int) -> runner.Simulated:
        truth = {name: value[0] for name, value in prior.prior_draws(1, rng).items()}
        fitted = fit(MarginsLikelihood(spec, simulate_margins(spec, truth, size, rng, known)), sampler)
        return runner.Simulated(_true_values(prior, truth), fitted.draws, fitted.facts)

    found = runner.rank(simulate, simulations, seed, RANKED_AMONG, current_hash(engine), progress)
    return Calibration(
        **found.common,
        trial=asdict(size),
        model=spec.name,
        model_hash=model_hash(spec) if engine == "nuts" else model_hash(spec, ()),
        spread=runner.relative_spread(found.spreads, _prior_values(prior, seed)),
        divergent=sum(found.facts["divergent"]),
        min_effective=round(float(min(found.facts["effective"])), 1),
    )


def _by_nuts(prior: MarginsLikelihood) -> Callable[[MarginsLikelihood, int], runner.Fitted]:
    """Draws of every quantity by NUTS, from a graph that is compiled once."""
    from bayes_lupil.az import to_datatree
    from bayes_lupil.engines.nuts import compile_nutpie, run_nutpie

    compiled = compile_nutpie(prior)

    def fit(likelihood: MarginsLikelihood, seed: int) -> runner.Fitted:
        def run(draws: int) -> tuple[dict[str, Floats], bool]:
            settings = likelihood.spec.edited(sampler__chains=_CHAINS, sampler__draws=draws, sampler__seed=seed).sampler
            tree = to_datatree(run_nutpie(compiled.with_data(counts=likelihood.counts), settings))
            values = {
                item.name: np.asarray(tree["posterior"][item.name].transpose("chain", "draw", ...).values)
                for item in likelihood.parameters
            }
            return _kept(likelihood, values, seed), bool(np.asarray(tree["sample_stats"]["diverging"]).any())

        return runner.with_enough_draws(run, _DRAWS, _LONGER, _LONGEST, _MIN_EFFECTIVE)

    return fit


def _by_importance(likelihood: MarginsLikelihood, seed: int) -> runner.Fitted:
    """The same from importance sampling, whose draws are few where its points were."""
    from bayes_lupil.engines.margins import sample

    def run(draws: int) -> tuple[dict[str, Floats], bool]:
        asked = {"sampler__chains": _CHAINS, "sampler__draws": draws, "sampler__seed": seed, "sampler__points": 1024}
        found = sample(MarginsLikelihood(likelihood.spec.edited(**asked), likelihood.margins))
        kept, point = _kept(likelihood, found.values, seed), found.statistics["point"].astype(np.int64)
        rows = [describe_independent(name, value, point) for name, value in kept.items()]
        return kept, not judge(rows, found.statistics, found.diagnostics).ok

    return runner.with_enough_draws(run, _DRAWS, _LONGER, _LONGEST, _MIN_EFFECTIVE)


def _kept(likelihood: MarginsLikelihood, values: Values, seed: int) -> dict[str, Floats]:
    """What is ranked."""
    from bayes_lupil.posterior.estimands import estimate

    difference = estimate(likelihood, values, np.random.default_rng(seed))["risk_difference"]
    kept = {name: values[name] for name in _PARAMETERS}
    return kept | {"risk_difference": difference} | _of_margins(values, likelihood.margins)


def _of_margins(values: Values, margins: Margins) -> dict[str, Any]:
    """What the margins alone inform, with any leading axes."""
    retention = values["retention"]
    excluded = values["site_share"][..., margins.excluded_mask].sum(axis=-1)
    return dict(zip(_OF_MARGINS, (excluded, retention[..., 0, 1], retention[..., 1, 0]), strict=True))


def _true_values(prior: MarginsLikelihood, truth: Values) -> dict[str, float]:
    difference = (_risks(prior.spec, truth, 1) - _risks(prior.spec, truth, 0)) @ truth["site_share"]
    found = {name: truth[name] for name in _PARAMETERS} | {"risk_difference": difference}
    return {name: float(value) for name, value in (found | _of_margins(truth, prior.margins)).items()}


def _prior_values(prior: MarginsLikelihood, seed: int) -> dict[str, list[float]]:
    """Values of every quantity in many worlds drawn from the prior."""
    drawn = prior.prior_draws(10_000, np.random.default_rng(seed))
    worlds = [
        _true_values(prior, {name: value[i] for name, value in drawn.items()}) for i in range(drawn["beta"].shape[0])
    ]
    return {name: [world[name] for world in worlds] for name in QUANTITIES}


def _empty(trial: SmallTrial) -> Margins:
    """Margins of the right shape, whose counts do not matter."""
    everyone = (0, trial.arm_size)
    excluded = tuple(f"excluded {i + 1}" for i in range(trial.n_excluded))
    return Margins((everyone, everyone), ((0, 0), (0, 0)), "pp", excluded, trial.n_sites)


def _main(arguments: list[str] | None = None) -> int:
    parser = runner.arguments("validation.sbc_margins", "Renew the ranks.", 250, 20260201)
    parser.add_argument("--model", default="site_effects")
    parser.add_argument("--engine", choices=("nuts", "importance"), default="nuts")
    parser.add_argument("--known", action="store_true", help="patients at the excluded sites published")
    given = parser.parse_args(arguments)
    if given.known and given.engine == "nuts":
        parser.error("--known is for --engine importance")
    spec, how = load_model(given.model), {"engine": given.engine, "known": given.known}
    result = calibrate(spec, given.simulations, given.seed, progress=runner.say, **how)
    kind = "margins" if given.engine == "nuts" else "importance_known" if given.known else "importance"
    out = given.out or Path("tests/validation") / f"sbc_{kind}.json"
    result.write(out)
    runner.say(f"written to {out}")
    return 0


if __name__ == "__main__":
    raise SystemExit(_main())
