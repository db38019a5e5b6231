"""Published Bayesian reanalyses, done again from their stated inputs: what of the printed follows, and what not."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bayes_lupil.published.arms import ArmsPosterior
from bayes_lupil.published.likelihoods import ArmPrior, CountsLikelihood
from bayes_lupil.published.pooled import pooled_effect
from bayes_lupil.published.reading_priors import read_prior
from bayes_lupil.published.rereading import benefit
from bayes_lupil.trials.estimates import estimate_of_counts
from bayes_lupil.trials.measures import MEASURES, Measure
from bayes_lupil.trials.printed import Printed
from bayes_lupil.trials.published_trials import published_content, published_trial
from bayes_lupil.trials.tabled import counts_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Claim", "published_claims", "published_frame"]

_ERRORS = 3.0
"""Monte Carlo standard errors of the published draws that a printed value may lie off."""
_TAIL = 2.67
"""Standard error of a 2.5 % quantile of normal draws over that of their mean; of the median it is 1.25."""


@dataclass(frozen=True)
class Claim:
    """One printed number of a reanalysis, and what its stated inputs give.

    Attributes
    ----------
    name, prior : str
        The trial's name for `load_trial`, and the prior.
    what : str
        'p_benefit', 'p_harm', 'effect', 'lower' ...
    printed : str
    recomputed : float
        Of others, where the note says so.
    mcse : float
        Of what was published, where it is known to come from draws.
    can_be_checked : bool
        Whether the stated inputs are those of what is printed: not where it is adjusted, or a prior is not stated.
    agrees : bool
        Whether what is printed is the recomputed value, rounded or cut off, give or take three of these errors.
    note : str
    """

    name: str
    prior: str
    what: str
    printed: str
    recomputed: float
    mcse: float
    can_be_checked: bool
    agrees: bool
    note: str = ""

    @property
    def status(self) -> str:
        """In words."""
        if self.agrees:
            return "agrees"
        return "does not follow" if self.can_be_checked else "cannot be checked"


def published_claims(name: str | None = None) -> tuple[Claim, ...]:
    """Every printed number of every published reanalysis, or of one.

    Examples
    --------
    >>> [(claim.what, claim.printed, claim.agrees) for claim in published_claims("paragon_hf")]
    [('p_benefit', '0.97', True), ('p_beyond 0.85', '0.38', True)]
    """
    items = published_content()
    chosen = items if name is None else {name: items[name]}
    return tuple(claim for key, item in chosen.items() for result in item["result"] for claim in _claims(key, result))


def published_frame(name: str | None = None) -> pd.DataFrame:
    """The same as a table."""
    import pandas as pd

    return pd.DataFrame([{**vars(claim), "status": claim.status} for claim in published_claims(name)])


def _claims(name: str, result: Mapping[str, Any]) -> list[Claim]:
    by_others = result.get("by_others")
    found = {} if by_others is not None else _recomputed(name, result)
    claims = []
    for line in result["printed"]:
        what = line["what"] if "beyond" not in line else f"{line['what']} {line['beyond']:g}"
        value = by_others if by_others is not None else found[what]
        error = _error(line["what"], value, found, result.get("draws"))
        agrees = _agree(line["value"], value, error)
        checked = by_others is None and not result.get("adjusted", False)
        prior, note = result.get("called", result["prior"]), result.get("note", "")
        claims.append(Claim(name, prior, what, line["value"], value, error, checked, agrees, note))
    return claims


def _agree(printed: str, value: float, error: float) -> bool:
    """Whether a value may be printed so: rounded, or cut off."""
    number = Printed.of(printed, "printed")
    low, high = number.range
    low, high = (min(low, number.value), max(high, number.value + 2 * number.half)) if number.value >= 0 else (
        min(low, number.value - 2 * number.half), max(high, number.value)
    )  # fmt: skip
    return low - _ERRORS * error <= value <= high + _ERRORS * error


def _error(what: str, value: float, found: Mapping[str, float], draws: int | None) -> float:
    """Monte Carlo standard error of a printed value that so many draws gave."""
    if draws is None:
        return 0.0
    if what.startswith("p_"):
        return math.sqrt(max(value * (1 - value), 1 / draws) / draws)
    stem = what.removesuffix("_lower").removesuffix("_upper") if what.startswith("risk") else ""
    low, high = (found[f"{stem}_lower"], found[f"{stem}_upper"]) if stem else (found["lower"], found["upper"])
    sd = (high - low) / 3.92
    return sd / math.sqrt(draws) * (_TAIL if what.endswith(("lower", "upper")) else 1.25)


def _recomputed(name: str, result: Mapping[str, Any]) -> dict[str, float]:
    """What the inputs give, by what it is."""
    asked = [line for line in result["printed"] if "beyond" in line]
    if result["prior"] == "random effects":
        return _pooled(result, asked)
    trial = published_trial(name)
    sign, prior = trial.end_point.sign, result["prior"]
    special = "level" in result or "arms" in result
    if special:
        shown = MEASURES[result.get("shown", "or")]
        return _of_arms(_arms(trial.analysis_set().totals, result), shown, sign, asked)
    nine = prior == "the nine"
    uniform = prior == "uniform arms"
    # a benefit beyond a value; a harm beyond it lies on the other side
    analysis = benefit(
        trial, prior=() if nine or uniform else prior, measure=result.get("shown"), expected=result.get("expected"),
        beyond=[line["beyond"] for line in asked], approximate=result.get("approximate", False),
    )  # fmt: skip
    if nine:
        return {"p_harm_at_least": min(1 - item.p_benefit for item in analysis.answers)}
    item = next(item for item in analysis.answers if not uniform or item.prior.name == prior)
    found = {"effect": item.median, "lower": item.lower, "upper": item.upper}
    kind = analysis.measure
    if kind.is_ratio:
        found["log_effect"] = math.log(item.median)
        found["log_effect_sd"] = (math.log(item.upper) - math.log(item.lower)) / 3.92
    found |= {"p_benefit": item.p_benefit, "p_harm": 1 - item.p_benefit}
    for line, chance in zip(asked, item.chances[1:], strict=True):
        found[f"{line['what']} {line['beyond']:g}"] = 1 - chance if line["what"].startswith("p_harm") else chance
    return found


def _arms(totals: tuple[tuple[int, int], tuple[int, int]], result: Mapping[str, Any]) -> ArmsPosterior:
    if "arms" in result:
        each = ArmPrior("normal", **result["arms"])
        return ArmsPosterior(CountsLikelihood(*totals, each), each)
    level = dict(result["level"])
    centre = level.pop("centre")
    data = CountsLikelihood(*totals, ArmPrior("normal", **level), centre)
    return ArmsPosterior(data, read_prior(result["prior"], MEASURES["or"], -1.0, ""))


def _of_arms(arms: ArmsPosterior, shown: Measure, sign: int, asked: list[Any]) -> dict[str, float]:
    wanted = (0.025, 0.5, 0.975)
    found = dict(zip(("lower", "effect", "upper"), arms.quantiles(shown, wanted), strict=True))
    for name, arm in (("control", 0), ("active", 1)):
        low, middle, high = arms.risk(arm, wanted)
        found |= {f"risk_{name}": middle, f"risk_{name}_lower": low, f"risk_{name}_upper": high}
    below = arms.below(shown, shown.null)
    found["p_benefit"] = below if sign < 0 else 1 - below
    found["p_harm"] = 1 - found["p_benefit"]
    for line in asked:
        share = arms.below(shown, line["beyond"])
        lower = (sign < 0) != line["what"].startswith("p_harm")
        found[f"{line['what']} {line['beyond']:g}"] = share if lower else 1 - share
    return found


def _pooled(result: Mapping[str, Any], asked: list[Any]) -> dict[str, float]:
    """Random effects over the parts; the printed analyses are of a harm, where lower is better."""
    counts = [(counts_of(part["control"], "control"), counts_of(part["active"], "active")) for part in result["parts"]]
    estimates = [estimate_of_counts(result["shown"], *pair) for pair in counts]
    found = pooled_effect([item.value for item in estimates], [item.se for item in estimates], result["tau_sd"])
    chances = {f"{line['what']} {line['beyond']:g}": found.below(line["beyond"]) for line in asked}
    return {"effect": found.mean, "p_benefit": found.below(0.0), **chances}
