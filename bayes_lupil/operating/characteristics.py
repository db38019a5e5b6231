"""Operating characteristics on known truth: what each analysis would say over many trials of a scenario.

Bias, root mean squared error and coverage of 95 % intervals, for the risk difference of all patients and for the log
odds ratio at uncontaminated sites, each against its own truth (`scenarios`); how often an analysis claims
benefit, that is P(benefit) > 0.975, by the one and by the other; and, of models with outliers, how probable
outliers are at contaminated and at other sites. Every figure has its Monte Carlo standard error over trials.

A claim is false where there is no effect, whatever the truth of the trial's other sites. Where sites are contaminated
the risk difference of all patients may be near 0 or below although the treatment works at every uncontaminated site,
and an analysis that claims no benefit is then right about it.

The seed of every trial is drawn before any is run, and all analyses see the same trials, so neither the number of
workers nor the list of analyses changes a result (as in `run_trials` of the R package adaptr), and the first trials
stay as they are when more are asked for.

Renew the stored result with `python -m bayes_lupil.operating.run`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.files import write_text
from bayes_lupil.operating.analyses import Analysis, Fitted, standard_analyses
from bayes_lupil.operating.outlier_detection import OutlierReach
from bayes_lupil.operating.performance import Figure, Performance, performance_of, rounded
from bayes_lupil.operating.scenarios import Scenario, simulate_trial
from bayes_lupil.operating.staleness import code_hash, model_hash
from bayes_lupil.posterior.provenance import package_versions

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DEPENDS_ON", "SETTINGS", "OperatingCharacteristics", "OperatingResults", "operating_characteristics"]

Say = Callable[[str], None]
Result = tuple[float, NDArray[np.bool_], tuple[Fitted, ...]]

SETTINGS = ("points", "nodes", "chains")
"""Settings of the sampler that the engine reads."""

DEPENDS_ON: dict[str, tuple[str, ...]] = {
    "posterior/diagnostics.py": ("judge", "_importance_failures", "describe_independent"),
    "engines/climb.py": (),
    "engines/importance.py": (),
    "engines/proposal.py": (),
    "engines/quadrature.py": (),
    "posterior/estimands.py": ("estimate",),
    "likelihoods/base.py": ("Likelihood.parameters", "Likelihood.probabilities", "by_arm"),
    "likelihoods/binomial.py": (
        "BinomialCells.__init__",
        "BinomialCells.outlier_probability",
        "BinomialCells.site_marginal",
        "BinomialCells.site_weights",
    ),
    "integrals/cell_table.py": (),
    "integrals/compiled.py": ("compiled",),
    "integrals/grids.py": (),
    "integrals/kernel_draws.py": (),
    "integrals/kernel_modes.py": (),
    "integrals/kernels.py": (),
    "likelihoods/laplace.py": (),
    "likelihoods/mixture.py": (),
    "likelihoods/nested.py": (),
    "likelihoods/nested_marginal.py": (),
    "integrals/site_integral.py": (),
    "likelihoods/binomial_marginal.py": (),
    "likelihoods/site_effects.py": (),
    "likelihoods/spike_and_slab.py": (),
    "priors/base.py": (),
    "priors/families.py": ("Normal", "HalfNormal", "StudentT", "Beta"),
    "operating/analyses.py": (),
    "operating/characteristics.py": ("_one_trial", "operating_characteristics"),
    "operating/outlier_detection.py": ("clear_case", "outlier_reach"),
    "operating/performance.py": (),
    "operating/scenarios.py": (),
    "spec/outliers.py": (),
    "spec/sites.py": ("Sites.deviations", "Sites.x"),
}
"""Files that the figures depend on, with the parts of them that do; () for all of the file."""


@dataclass(frozen=True)
class OperatingCharacteristics:
    """All analyses over the trials of one scenario, and what they were made with.

    Attributes
    ----------
    mean_risk_difference : float
        The true one of all patients, averaged over trials.
    code_hash : str
    model_hashes : dict of str to str
        By analysis. See `bayes_lupil.operating.staleness`.
    """

    scenario: Scenario
    seed: int
    mean_risk_difference: float
    performances: tuple[Performance, ...]
    code_hash: str
    model_hashes: dict[str, str]
    created: str
    seconds: float
    versions: dict[str, str]

    def of(self, analysis: str) -> Performance:
        """The performance of one analysis by its name."""
        return next(item for item in self.performances if item.analysis == analysis)

    def to_frame(self) -> pd.DataFrame:
        """One row an analysis; figures with their Monte Carlo standard errors in columns that end in '_mcse'."""
        import pandas as pd

        rows = []
        for item in self.performances:
            row: dict[str, Any] = {
                "analysis": item.analysis, "label": item.label, "trials": item.trials,
                "failed": sum(item.failures.values()), "refitted": item.refitted,
            }  # fmt: skip
            for name, figure in item.figures.items():
                row |= {name: figure.value, f"{name}_mcse": figure.mcse}
            rows.append(row | {f"{where}_largest": value for where, value in item.largest.items()})
        return pd.DataFrame(rows).set_index("analysis")

    def with_more(self, other: OperatingCharacteristics) -> OperatingCharacteristics:
        """With the analyses of another run of the same scenario and seed."""
        return replace(
            self,
            performances=(*self.performances, *other.performances),
            model_hashes=self.model_hashes | other.model_hashes,
            created=other.created,
            seconds=round(self.seconds + other.seconds, 1),
        )

    @staticmethod
    def from_dict(content: dict[str, Any]) -> OperatingCharacteristics:
        """From what `dataclasses.asdict` makes of it."""
        rows = tuple(
            Performance(**(row | {"figures": {name: Figure(**figure) for name, figure in row["figures"].items()}}))
            for row in content["performances"]
        )
        return OperatingCharacteristics(
            **(content | {"scenario": Scenario(**content["scenario"]), "performances": rows})
        )


@dataclass(frozen=True)
class OperatingResults:
    """All scenarios by name, and how probable an outlier can become at sites of given sizes: the stored result."""

    scenarios: dict[str, OperatingCharacteristics]
    reach: tuple[OutlierReach, ...] = ()

    @staticmethod
    def read(path: Path) -> OperatingResults:
        """Read a file that `write` wrote."""
        content = json.loads(path.read_text(encoding="utf-8"))
        found = {name: OperatingCharacteristics.from_dict(item) for name, item in content["scenarios"].items()}
        return OperatingResults(found, tuple(OutlierReach(**item) for item in content["reach"]))

    def write(self, path: Path) -> None:
        """Write as JSON."""
        write_text(path, json.dumps(asdict(self), indent=1) + "\n")


def operating_characteristics(
    scenario: Scenario,
    analyses: Sequence[Analysis] | None = None,
    trials: int = 1000,
    seed: int = 20260401,
    workers: int = 1,
    progress: Say | None = None,
) -> OperatingCharacteristics:
    """Try analyses on many trials of a scenario.

    Parameters
    ----------
    scenario : Scenario
    analyses : sequence of Analysis, optional
        `standard_analyses` if nothing is given.
    trials : int
    seed : int
        The seed of every trial is derived from it beforehand.
    workers : int
        Processes; they change the time it takes and nothing else.
    progress : callable, optional
        Called with a line of text now and then.
    """
    started, code = time.perf_counter(), code_hash(DEPENDS_ON)  # of the code that runs, whatever happens to the files
    chosen = tuple(standard_analyses() if analyses is None else analyses)
    work = partial(_one_trial, scenario, chosen)
    truths: list[float] = []
    fitted: list[tuple[Fitted, ...]] = []
    contaminated: list[NDArray[np.bool_]] = []
    for i, (truth, where, found) in enumerate(_in_order(work, np.random.SeedSequence(seed).spawn(trials), workers), 1):
        truths.append(truth)
        contaminated.append(where)
        fitted.append(found)
        if progress is not None and (i % 25 == 0 or i == trials):
            progress(f"{scenario.name}: {i} of {trials} trials, {time.perf_counter() - started:.0f} s")
    by_analysis = zip(chosen, zip(*fitted, strict=True), strict=True)
    return OperatingCharacteristics(
        scenario=scenario,
        seed=seed,
        mean_risk_difference=rounded(float(np.mean(truths))),
        performances=tuple(performance_of(a, scenario, np.array(truths), contaminated, f) for a, f in by_analysis),
        code_hash=code,
        model_hashes={analysis.name: model_hash(analysis.spec, SETTINGS) for analysis in chosen},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(time.perf_counter() - started, 1),
        versions=package_versions(),
    )


def _one_trial(scenario: Scenario, analyses: tuple[Analysis, ...], stream: np.random.SeedSequence) -> Result:
    """The true risk difference, which sites are contaminated, and what every analysis said."""
    world, sampler = stream.spawn(2)
    trial, seed = simulate_trial(scenario, np.random.default_rng(world)), int(sampler.generate_state(1)[0])
    fitted = tuple(analysis.fit(trial.cells, seed) for analysis in analyses)
    return trial.risk_difference, trial.contaminated, fitted


def _in_order(
    work: Callable[[np.random.SeedSequence], Result], streams: list[np.random.SeedSequence], workers: int
) -> Iterator[Result]:
    if workers == 1:
        yield from map(work, streams)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    # spawned, since a process with threads must not be forked
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        yield from pool.map(work, streams, chunksize=5)
