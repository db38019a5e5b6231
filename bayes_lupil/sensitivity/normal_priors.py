"""The posterior under any normal prior of the log odds ratio, by weights, and over a map with refits if need be."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.errors import InputError, SamplerError
from bayes_lupil.fitting import refit
from bayes_lupil.frozen import ReadOnly
from bayes_lupil.posterior import Posterior
from bayes_lupil.posterior.diagnostics import MIN_ESS
from bayes_lupil.posterior.estimands import Benefit, benefit_ladder
from bayes_lupil.posterior.estimates import weighted_quantiles, weighted_sum
from bayes_lupil.priors import Normal
from bayes_lupil.published.priors import EffectPrior
from bayes_lupil.sensitivity.preconditions import covers
from bayes_lupil.sensitivity.reweighting import BaseDraws, WeightedDraws

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AtPrior", "PriorMap", "map_priors", "under_normal"]

Floats = NDArray[np.float64]

_MEANS, _SDS = 23, 8
_LEAST_REACH = 1.1  # of the means, as log odds ratios: 1/3 to 3
_SD_RANGE = (0.2, 2.0)
_REFITS, _POINTS, _DRAWS = 6, 4096, 2000  # at most, and only by an engine that takes about a second
_ENOUGH = 2**15  # draws for a cell of the map: P(benefit) within 0.003; all of them where these cannot tell
_AXIS, _LEAST_AXIS = 121, math.log(8)


@dataclass(frozen=True)
class AtPrior(ReadOnly):
    """The lead analysis under one normal prior.

    Attributes
    ----------
    prior : EffectPrior
    lower, median, upper : float
        Risk difference, active minus control: posterior median with its 95 % credible interval.
    ladder : tuple of Benefit
        P(benefit greater than d) for 0 and each d of the model file, then harm, trivial and relevant; NaN where too few
        draws lie on one side.
    density : array, shape (of the map's axis,)
        Posterior density of the log odds ratio.
    """

    prior: EffectPrior
    lower: float
    median: float
    upper: float
    ladder: tuple[Benefit, ...]
    density: Floats


@dataclass(frozen=True)
class PriorMap(ReadOnly):
    """The posterior over means (columns) and SDs (rows) of the prior, and under priors with a name.

    Attributes
    ----------
    means, sds : array
        Of the log odds ratio.
    cells : tuple of (AtPrior or None)
        Row by row; None where neither the draws nor as many refits as were made can tell.
    named : dict of str to (AtPrior or None)
        By the name of the prior.
    axis : array
        Log odds ratios that densities are given at, evenly spaced.
    """

    means: Floats
    sds: Floats
    cells: tuple[AtPrior | None, ...]
    named: dict[str, AtPrior | None]
    axis: Floats

    @property
    def priors(self) -> tuple[EffectPrior, ...]:
        """The prior of every cell."""
        return _priors(self.means, self.sds)

    @property
    def p_benefit(self) -> Floats:
        """P(benefit), shape (sds, means); NaN where it is not known."""
        return self._chances("probability")

    @property
    def p_benefit_mcse(self) -> Floats:
        """Its Monte Carlo standard error."""
        return self._chances("mcse")

    def _chances(self, what: str) -> Floats:
        found = [math.nan if cell is None else getattr(cell.ladder[0], what) for cell in self.cells]
        return np.array(found).reshape(self.sds.size, self.means.size)

    def to_frame(self) -> pd.DataFrame:
        """One row a mean and SD."""
        import pandas as pd

        rows = []
        for prior, cell in zip(self.priors, self.cells, strict=True):
            row = {"mean": prior.mean, "sd": prior.sd}
            if cell is not None:
                first = cell.ladder[0]
                row |= {"p_benefit": first.probability, "p_benefit_mcse": first.mcse, "rd_lower": cell.lower,
                        "risk_difference": cell.median, "rd_upper": cell.upper}  # fmt: skip
            rows.append(row)
        columns = ["mean", "sd", "p_benefit", "p_benefit_mcse", "risk_difference", "rd_lower", "rd_upper"]
        return pd.DataFrame(rows, columns=columns)


def _priors(means: Floats, sds: Floats) -> tuple[EffectPrior, ...]:
    return tuple(EffectPrior("", float(mean), float(sd), "") for sd, mean in itertools.product(sds, means))


def under_normal(base: BaseDraws, mean: float, sd: float) -> WeightedDraws:
    """Draws of a posterior weighted from its prior of the log odds ratio to a normal one.

    Parameters
    ----------
    base : BaseDraws
    mean, sd : float
        Of the log odds ratio.
    """
    old = base.posterior.spec.priors.beta
    new = Normal(mean=mean, sd=sd, reason="a prior that is asked about")
    draws = base.quantities["beta"]
    return WeightedDraws(base, new.logpdf(draws) - old.logpdf(draws), covers(old, new))


def map_priors(
    posterior: Posterior, fits: Sequence[BaseDraws], named: Sequence[EffectPrior], first: Posterior | None = None
) -> PriorMap:
    """The map: draws of the fits reweighted, the best ones for each prior, with refits where none can tell.

    Parameters
    ----------
    posterior : Posterior
        Of the model that is fitted again.
    fits : sequence of BaseDraws
        Of that model under several priors of the effect.
    named : sequence of EffectPrior
    first : Posterior, optional
        Of the fits, the one that is reweighted wherever it can tell, so that other results of it are the same.
    """
    bases = list(fits)
    reach = max([_LEAST_REACH, *(math.ceil(10 * abs(prior.mean)) / 10 for prior in named)])
    means, sds = np.linspace(-reach, reach, _MEANS), np.geomspace(*_SD_RANGE, _SDS)
    asked, axis = [*named, *_priors(means, sds)], _axis(bases)
    fewer = [BaseDraws(base.posterior, base.size // _ENOUGH) for base in bases if base.size >= 2 * _ENOUGH]
    found = [_best(bases, prior, axis, first) for prior in named]
    found += [_best([*fewer, *bases], prior, axis, first) for prior in asked[len(named) :]]
    missing = [i for i, item in enumerate(found) if item is None]
    left = _REFITS if "pareto_k" in posterior.diagnostics else 0
    while missing and left:
        left -= 1
        # the prior that is furthest from any fit; its neighbours are then carried by the new one
        i = min(missing, key=lambda i: max((_rough(base, asked[i]) for base in bases), default=0.0))
        missing.remove(i)
        if (base := _refit(posterior, asked[i])) is None:
            continue
        bases.append(base)
        for j in (i, *missing):
            found[j] = _at(base, asked[j], axis)
        missing = [j for j in missing if found[j] is None]
    names = {prior.name: item for prior, item in zip(named, found, strict=False)}
    return PriorMap(means, sds, tuple(found[len(named) :]), names, axis)


def _axis(bases: Sequence[BaseDraws]) -> Floats:
    ends = [np.quantile(base.quantities["beta"], (0.002, 0.998)) for base in bases]
    low, high = (f(f(pair) for pair in ends) if ends else 0.0 for f in (min, max))
    return np.linspace(min(low, -_LEAST_AXIS), max(high, _LEAST_AXIS), _AXIS)


def _refit(posterior: Posterior, prior: EffectPrior) -> BaseDraws | None:
    declared = {"family": "normal", "mean": prior.mean, "sd": prior.sd, "reason": "a prior of the map of priors"}
    sampler = posterior.spec.sampler
    fewer = {"sampler__points": min(sampler.points, _POINTS), "sampler__draws": min(sampler.draws, _DRAWS)}
    try:
        found = refit(posterior.spec.edited(priors__beta=declared, **fewer), posterior.trial)
    except (InputError, SamplerError):
        return None
    return BaseDraws(found) if found.verdict.ok else None


def _rough(base: BaseDraws, prior: EffectPrior) -> float:
    """Kish's effective size before smoothing, quickly."""
    beta = base.quantities["beta"]
    logs = -0.5 * ((beta - prior.mean) / prior.sd) ** 2 - base.posterior.spec.priors.beta.logpdf(beta)
    weights = np.exp(logs - logs.max())
    return base.worth * float(weights.sum() ** 2 / (weights**2).sum())


def _best(bases: Sequence[BaseDraws], prior: EffectPrior, axis: Floats, first: Posterior | None) -> AtPrior | None:
    """From the first fit under this very prior, else from `first`, else from the draws that carry it best.

    With P(benefit) where some of them can tell it.
    """

    def own(base: BaseDraws) -> bool:
        declared = base.posterior.spec.priors.beta
        return isinstance(declared, Normal) and (declared.mean, declared.sd) == (prior.mean, prior.sd)

    def candidates() -> Iterator[BaseDraws]:
        yield from (base for base in bases if own(base))
        worth = [(_rough(base, prior), base) for base in bases if not own(base)]
        able = [(rough, base) for rough, base in worth if rough >= MIN_ESS / 2]
        yield from (base for _, base in able if base.posterior is first)
        others = sorted(able, key=lambda pair: pair[0], reverse=True)
        yield from (base for _, base in others if base.posterior is not first)

    without: AtPrior | None = None
    for base in candidates():
        found = _at(base, prior, axis)
        if found is not None and not math.isnan(found.ladder[0].probability):
            return found
        without = without or found
    return without


def _at(base: BaseDraws, prior: EffectPrior, axis: Floats) -> AtPrior | None:
    draws, rd = under_normal(base, prior.mean, prior.sd), base.quantities["risk_difference"]
    order = base.orders["risk_difference"]
    if not draws.holds_mean(rd, order):
        return None

    def chance(event: NDArray[np.bool_]) -> tuple[float, float]:
        return draws.chance(event) if draws.holds_chance(event) else (math.nan, math.nan)

    posterior = base.posterior
    decision = posterior.spec.decision
    thresholds = tuple(d for d in decision.ladder if d >= 0)  # 0 is always among them, and so the first
    end_point = posterior.provenance.end_point
    ladder = benefit_ladder(rd, end_point, thresholds, decision.harm, decision.relevant, chance)
    if draws.unchanged:
        row = posterior.row("risk_difference")
        lower, median, upper = row.q2_5, row.q50, row.q97_5
    else:
        lower, median, upper = weighted_quantiles(rd, draws.weights, order)
    density = _density(base.quantities["beta"], draws, axis)
    return AtPrior(prior, lower, median, upper, ladder, density)


def _density(values: Floats, draws: WeightedDraws, axis: Floats) -> Floats:
    """Weighted histogram about the axis, smoothed by a normal kernel of Silverman's width."""
    from scipy.ndimage import gaussian_filter1d

    step = axis[1] - axis[0]
    ends = axis[0] - step / 2, axis[-1] + step / 2
    bars = np.histogram(values, axis.size, ends, weights=draws.weights)[0] / step
    mean = weighted_sum(draws.weights, values)
    sd = math.sqrt(weighted_sum(draws.weights, (values - mean) ** 2))
    return np.asarray(gaussian_filter1d(bars, 0.9 * sd * max(draws.effective, 1.0) ** -0.2 / step, mode="constant"))
