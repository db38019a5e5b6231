"""What all simulation-based calibrations share: the loop over trials, ranks, runs with more draws, the stored file.

A design (`sbc_margins`, `sbc_cells`, `sbc_joint`) draws a truth from the prior, simulates a trial from it and fits
it. What is done with the draws is the same for all (Talts et al. 2018, arXiv:1804.06788).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.files import write_text
from bayes_lupil.operating.staleness import code_hash
from bayes_lupil.posterior.diagnostics import effective_draws
from bayes_lupil.posterior.provenance import package_versions

__all__ = [
    "Calibration", "Fitted", "Floats", "Ranked", "Simulated", "arguments", "hash_of", "rank", "relative_spread", "say",
    "thinned", "with_enough_draws", "write_results",
]  # fmt: skip

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Ranks of true values, and what they were made with; each design adds fields of its own.

    Attributes
    ----------
    ranks : dict of str to list of int
        By quantity, one for each simulation: how many of the `draws` posterior draws lie below the true value.
    spread : dict of str to float
        Posterior SD over prior SD, averaged over simulations: 1 where the data say nothing, so that uniform ranks
        would prove little.
    repeated : int
        Simulations that were run again with more draws.
    code_hash, model_hash : str
        See `bayes_lupil.operating.staleness`.
    """

    ranks: dict[str, list[int]]
    draws: int
    simulations: int
    seed: int
    model_hash: str
    code_hash: str
    spread: dict[str, float]
    repeated: int
    created: str
    seconds: float
    versions: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file that `write` wrote."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def write(self, path: Path) -> None:
        """Write as JSON, each list on one line."""
        write_text(path, _as_lines(asdict(self)) + "\n")


def write_results(results: Mapping[str, Calibration], path: Path) -> None:
    """Write several as JSON, by the name of their design, each list on one line."""
    write_text(path, _as_lines({name: asdict(result) for name, result in results.items()}) + "\n")


def _as_lines(value: Any, level: int = 0) -> str:
    if not (isinstance(value, dict) and any(isinstance(item, dict | list) for item in value.values())):
        return json.dumps(value)
    indent = " " * (level + 1)
    rows = ",\n".join(f"{indent}{json.dumps(key)}: {_as_lines(item, level + 1)}" for key, item in value.items())
    return f"{{\n{rows}\n{' ' * level}}}"


def hash_of(depends_on: Mapping[str, tuple[str, ...]], design: str) -> str:
    """Hash of the code that the ranks of a design, which is a file, depend on, as it is now; see `code_hash`."""
    return code_hash(depends_on, Path(design), Path(__file__))


@dataclass(frozen=True)
class Simulated:
    """One simulated trial with its fit.

    Attributes
    ----------
    truth : dict of str to float
        True values by quantity.
    draws : dict of str to array
        Posterior draws of the same, of any shape, in random order or by chain.
    facts : dict of str to Any
        What else is kept of each simulation; 'repeated' is counted.
    """

    truth: Mapping[str, float]
    draws: Mapping[str, Floats]
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Ranked:
    """What a run found: of each quantity and fact a value for each simulation, and the fields that all designs have."""

    truths: dict[str, list[float]]
    spreads: dict[str, list[float]]
    facts: dict[str, list[Any]]
    common: dict[str, Any]


def rank(
    simulate: Callable[[np.random.Generator, int], Simulated],
    simulations: int,
    seed: int,
    among: int,
    code: str,
    progress: Callable[[str], None] | None,
    every: int = 10,
) -> Ranked:
    """Rank true values among posterior draws over many simulated trials.

    Parameters
    ----------
    simulate : callable
        One trial with its fit, from what is random in it and the seed of the fit.
    simulations : int
        Number of trials.
    seed : int
        Every simulation's own seed is derived from it beforehand, so the first ones stay as they are when more are
        asked for.
    among : int
        How many draws, evenly spaced, are ranked among.
    code : str
        Hash of the code that runs.
    progress : callable, optional
        Called with a line of text after `every` so many simulations.
    """
    started = time.perf_counter()
    ranks: defaultdict[str, list[int]] = defaultdict(list)
    truths: defaultdict[str, list[float]] = defaultdict(list)
    spreads: defaultdict[str, list[float]] = defaultdict(list)
    facts: defaultdict[str, list[Any]] = defaultdict(list)
    for i, stream in enumerate(np.random.SeedSequence(seed).spawn(simulations), start=1):
        world, sampler = stream.spawn(2)
        found = simulate(np.random.default_rng(world), int(sampler.generate_state(1)[0]))
        for name, draws in found.draws.items():
            flat, true = draws.ravel(), found.truth[name]
            ranks[name].append(int((flat[thinned(flat.size, among)] < true).sum()))
            truths[name].append(true)
            spreads[name].append(float(flat.std()))
        for name, value in found.facts.items():
            facts[name].append(value)
        if progress is not None and (i % every == 0 or i == simulations):
            progress(f"{i} of {simulations} simulations, {time.perf_counter() - started:.0f} s")
    common = {
        "ranks": dict(ranks), "draws": among, "simulations": simulations, "seed": seed, "code_hash": code,
        "repeated": sum(facts["repeated"]), "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - started, 1), "versions": package_versions(),
    }  # fmt: skip
    return Ranked(truths, spreads, facts, common)


def thinned(size: int, among: int) -> NDArray[np.int64]:
    """Places of evenly spaced draws.

    Examples
    --------
    >>> thinned(8, 4).tolist(), thinned(4, 4).tolist()
    ([1, 3, 5, 7], [0, 1, 2, 3])
    """
    return ((np.arange(among) + 0.5) * size / among).astype(np.int64)


def relative_spread(spreads: Mapping[str, list[float]], prior: Mapping[str, Any]) -> dict[str, float]:
    """Mean posterior SD over the SD of values from the prior, of each quantity that has some."""
    return {name: round(float(np.mean(spreads[name]) / np.std(values)), 3) for name, values in prior.items()}


@dataclass(frozen=True)
class Fitted:
    """Draws of every quantity, shape (chain, draw), and whether they are of a longer run or of a sampler in trouble."""

    draws: Mapping[str, Floats]
    repeated: bool
    divergent: bool

    @property
    def facts(self) -> dict[str, Any]:
        """What is kept of each simulation."""
        effective = min(effective_draws(value) for value in self.draws.values())
        return {"repeated": self.repeated, "divergent": self.divergent, "effective": effective}


def with_enough_draws(
    fit: Callable[[int], tuple[Mapping[str, Floats], bool]], first: int, longer: int, longest: int, effective: float
) -> Fitted:
    """A fit that is run again with more draws where too few of them are independent.

    Parameters
    ----------
    fit : callable
        Draws by quantity, and whether the sampler was in trouble, for so many draws of each chain.
    first, longer, longest : int
        Draws of each chain at first, the factor from run to run, and the most.
    effective : float
        Smallest effective sample size that is enough.
    """
    count = first
    while True:
        draws, trouble = fit(count)
        if count >= longest or min(effective_draws(value) for value in draws.values()) >= effective:
            return Fitted(draws, count > first, trouble)
        count *= longer


def arguments(module: str, description: str, simulations: int, seed: int, out: str = "") -> argparse.ArgumentParser:
    """The command line of a design."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    parser.add_argument("--simulations", type=int, default=simulations)
    parser.add_argument("--seed", type=int, default=seed)
    parser.add_argument("--out", type=Path, default=Path(out) if out else None)
    return parser


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
