"""Simulation-based calibration of models with countries above the sites (Talts et al. 2018, arXiv:1804.06788).

As in `validation.sbc_cells`, a truth is drawn from the model's prior, a table of sites is simulated from it and fitted
by the quadrature engine; here the sites lie in countries whose levels and effects differ too. What is ranked besides
the parameters: effects c and d of the first country, u and v of the first site, the risk difference, and the log
likelihood.

No simulation is left out, whatever its verdict. Trials are simulated by code of this module's own, which shares nothing
with the likelihood.

Renew the stored result with `python -m validation.sbc_nested` (about a quarter of an hour on two cores).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from bayes_lupil.engines import quadrature
from bayes_lupil.engines.draws import Draws
from bayes_lupil.likelihoods import NestedCells
from bayes_lupil.operating.staleness import model_hash
from bayes_lupil.posterior.diagnostics import describe_independent, judge
from bayes_lupil.posterior.estimands import estimate
from bayes_lupil.spec import ModelSpec, load_model
from bayes_lupil.trials.cells import Cells
from validation import runner, sbc_cells

__all__ = [
    "DEPENDS_ON", "DESIGNS", "NestedCalibration", "NestedDesign", "calibrate_nested", "current_hash", "read_results",
    "simulate_nested",
]  # fmt: skip

Floats = runner.Floats
Values = Mapping[str, Any]
Fit = Callable[[NestedCells], Draws]

_PARAMETERS = ("alpha", "beta", "tau_u", "tau_v", "tau_c", "tau_d")
SHARE = "country_outlier_share"
"""Ranked too where the model has one."""
QUANTITIES = (*_PARAMETERS, "risk_difference", "c", "d", "u", "v", "log_likelihood")
RANKED_AMONG, POINTS, SETTINGS = sbc_cells.RANKED_AMONG, sbc_cells.POINTS, sbc_cells.SETTINGS

DEPENDS_ON: dict[str, tuple[str, ...]] = sbc_cells.DEPENDS_ON | {
    "likelihoods/nested.py": (),
    "likelihoods/nested_marginal.py": (),
    "likelihoods/laplace.py": (),
}
"""Files that the ranks depend on, with the parts of them that do; () for all of the file."""


def current_hash() -> str:
    """Hash of the code that the ranks depend on, as it is now."""
    return runner.hash_of(DEPENDS_ON, __file__)


@dataclass(frozen=True)
class NestedDesign:
    """Size of the simulated trials: countries, sites of each, and patients in each arm of each site; and the model."""

    n_countries: int
    n_sites: int
    patients: int
    model: str = "site_in_country"

    @property
    def country(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """The country of each site, by its number."""
        return np.repeat(np.arange(self.n_countries), self.n_sites)

    @property
    def quantities(self) -> tuple[str, ...]:
        """What is ranked."""
        return (*QUANTITIES, SHARE) if load_model(self.model).country_deviations else QUANTITIES


DESIGNS = {
    "small sites": NestedDesign(6, 4, 4),
    "large sites": NestedDesign(6, 2, 40),
    "large sites, outlying countries": NestedDesign(6, 2, 40, "country_outliers"),
}
"""24 sites of 8 patients, where the prior still matters; and 12 sites that speak for themselves."""


@dataclass(frozen=True, kw_only=True)
class NestedCalibration(runner.Calibration):
    """Ranks of true values, and what they were made with; see `sbc_cells.CellsCalibration`.

    Attributes
    ----------
    failures : list of int
        Numbers of the simulations whose verdict failed; their ranks are among the others.
    """

    design: dict[str, Any]
    model: str
    failures: list[int]
    min_draws: int
    max_k_hat: float
    max_quadrature_error: float


def read_results(path: Path) -> dict[str, NestedCalibration]:
    """Read a file that `runner.write_results` wrote: calibrations by the name of their design."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return {name: NestedCalibration(**result) for name, result in content.items()}


def simulate_nested(spec: ModelSpec, truth: Values, design: NestedDesign, rng: np.random.Generator) -> Cells:
    """A table of sites in countries simulated from one value of each parameter.

    Parameters
    ----------
    spec : ModelSpec
        For the coding of the arms.
    truth : dict of str to array
        Parameters; standardised effects e, f of sites and e_country, f_country of countries; where countries may be
        outlying, what each arm of one adds to its log odds ('shift', shape (countries, 2)).
    design : NestedDesign
    rng : numpy.random.Generator
        Source of the responses.
    """
    size = design.country.size
    n = np.full((size, 2), design.patients)
    responders = rng.binomial(n, _risks(spec, truth, design))
    countries = tuple(f"country {g + 1}" for g in design.country)
    return Cells(tuple(f"site {s + 1}" for s in range(size)), responders, n, countries=countries)


def _of_countries(spec: ModelSpec, truth: Values) -> Floats:
    """True log odds by country and arm, at the average of its sites."""
    level = truth["alpha"] + truth["tau_c"] * np.asarray(truth["e_country"])
    effect = truth["beta"] + truth["tau_d"] * np.asarray(truth["f_country"])
    found: Floats = np.stack([level + effect * x for x in spec.sites.x], axis=-1) + truth.get("shift", 0.0)
    return found


def _log_odds(spec: ModelSpec, truth: Values, design: NestedDesign) -> Floats:
    """True log odds by site and arm, written out and not taken from the likelihood."""
    level, effect = (truth[tau] * np.asarray(truth[name]) for tau, name in (("tau_u", "e"), ("tau_v", "f")))
    own = np.stack([level + effect * x for x in spec.sites.x], axis=-1)
    return np.asarray(_of_countries(spec, truth)[design.country] + own)


def _risks(spec: ModelSpec, truth: Values, design: NestedDesign) -> Floats:
    return np.asarray(1 / (1 + np.exp(-_log_odds(spec, truth, design))))


def calibrate_nested(
    spec: ModelSpec,
    design: NestedDesign,
    simulations: int,
    seed: int,
    progress: Callable[[str], None] | None = None,
    fit: Fit = quadrature.sample,
) -> NestedCalibration:
    """Rank true values among posterior draws over many simulated trials.

    Parameters
    ----------
    spec : ModelSpec
        The design's own or one like it. Its seed is not used.
    design : NestedDesign
    simulations, seed, progress
        See `runner.rank`.
    fit : callable
        In place of the quadrature engine, for tests that must fail.
    """

    def simulate(rng: np.random.Generator, sampler: int) -> runner.Simulated:
        one = spec.edited(sampler__seed=sampler)
        truth = one_truth(one, design, rng)
        likelihood = NestedCells(one, simulate_nested(one, truth, design, rng))
        found = fit(likelihood)
        size = found.statistics["lp"].size
        sound = judge(
            [describe_independent(name, found.values[name]) for name in _PARAMETERS], found.statistics,
            found.diagnostics,
        ).ok  # fmt: skip
        facts = {"sound": sound, "size": size, "repeated": False, **found.diagnostics}
        return runner.Simulated(true_values(likelihood, truth, design), _thinned(likelihood, found), facts)

    found = runner.rank(simulate, simulations, seed, RANKED_AMONG, current_hash(), progress, every=10)
    prior = {name: values for name, values in found.truths.items() if name != "log_likelihood"}
    return NestedCalibration(
        **found.common,
        design=asdict(design),
        model=spec.name,
        model_hash=model_hash(spec, SETTINGS),
        spread=runner.relative_spread(found.spreads, prior),
        failures=[i for i, sound in enumerate(found.facts["sound"], start=1) if not sound],
        min_draws=min(found.facts["size"]),
        max_k_hat=round(max(found.facts["pareto_k"]), 3),
        max_quadrature_error=float(f"{max(0.0, *found.facts['quadrature_error']):.2g}"),
    )


def one_truth(spec: ModelSpec, design: NestedDesign, rng: np.random.Generator) -> dict[str, Any]:
    """One draw from the prior; the effects of sites and countries are standard normal."""
    truth: dict[str, Any] = {
        name: prior.sample(rng) for name, prior in spec.priors.items() if name in (*_PARAMETERS, SHARE)
    }
    truth |= {name: rng.standard_normal(design.country.size) for name in ("e", "f")}
    truth |= {name: rng.standard_normal(design.n_countries) for name in ("e_country", "f_country")}
    if SHARE in truth:
        assert spec.countries is not None
        assert spec.countries.outliers == "arms"
        assert spec.countries.outlier_sd is not None
        shape = design.n_countries, 2
        shift = spec.countries.outlier_sd * rng.standard_normal(shape)
        truth["shift"] = np.where(rng.random(shape) < truth[SHARE], shift, 0.0)
    return truth


def true_values(likelihood: NestedCells, truth: Values, design: NestedDesign) -> dict[str, float]:
    """What is ranked, computed from the truth without the likelihood."""
    spec, cells = likelihood.spec, likelihood.cells
    risks, above, there = _risks(spec, truth, design), _of_countries(spec, truth)[0], _log_odds(spec, truth, design)[0]
    found = {name: truth[name] for name in (*_PARAMETERS, SHARE) if name in truth}
    found["risk_difference"] = (risks[:, 1] - risks[:, 0]) @ cells.n.sum(axis=1) / cells.n.sum()
    (level, slope), (own, effect) = (_line(spec, values) for values in (above, there))
    found |= {"c": level - truth["alpha"], "d": slope - truth["beta"], "u": own - level, "v": effect - slope}
    found["log_likelihood"] = stats.binom.logpmf(cells.responders, cells.n, risks).sum()
    return {name: float(value) for name, value in found.items()}


def _line(spec: ModelSpec, log_odds: Floats) -> tuple[float, float]:
    """Log odds at x = 0, and their slope."""
    x = spec.sites.x
    slope = (log_odds[1] - log_odds[0]) / (x[1] - x[0])
    return float(log_odds[0] - x[0] * slope), float(slope)


def _thinned(likelihood: NestedCells, found: Draws) -> dict[str, Floats]:
    """Every quantity at evenly spaced draws, which the engine gives in random order; shape (RANKED_AMONG,)."""
    size = found.statistics["lp"].size
    kept = runner.thinned(size, RANKED_AMONG)
    values = {name: value.reshape(size, *value.shape[2:])[kept][None] for name, value in found.values.items()}
    estimands = estimate(likelihood, values, np.random.default_rng(likelihood.spec.sampler.seed))
    effects = likelihood.sites.effects(values) | likelihood.sites.country_effects(values)
    quantities = {name: values[name] for name in (*_PARAMETERS, SHARE) if name in values}
    quantities |= {name: value[..., 0] for name, value in effects.items()}
    quantities |= {"risk_difference": estimands["risk_difference"], "log_likelihood": likelihood.log_likelihood(values)}
    return {name: draws[0] for name, draws in quantities.items()}


def _main(arguments: list[str] | None = None) -> int:
    out = "tests/validation/sbc_nested.json"
    given = runner.arguments("validation.sbc_nested", "New ranks.", 200, 20260203, out).parse_args(arguments)
    results = {}
    for design, size in DESIGNS.items():
        runner.say(f"{design}: {size}")
        spec = load_model(size.model).edited(sampler__points=POINTS)
        results[design] = calibrate_nested(spec, size, given.simulations, given.seed, runner.say)
        runner.write_results(results, given.out)
    runner.say(f"written to {given.out}")
    return 0


if __name__ == "__main__":
    raise SystemExit(_main())
