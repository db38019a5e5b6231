"""Numbers and sentences on end points: units, directions, gates, what is missing."""

from __future__ import annotations

import math

from bayes_lupil.endpoints.exploratory.analysis import FurtherRow
from bayes_lupil.endpoints.result import EndPointAnalysis, Step
from bayes_lupil.numbers import interval, p_value, probability
from bayes_lupil.trials.end_point import EndPoint

__all__ = [
    "bound_words",
    "chance_words",
    "gate_words",
    "headline",
    "in_units",
    "missing_words",
    "observed_words",
    "own_scale",
    "p_all_words",
    "shrunken_words",
    "together_words",
]


def in_units(value: float, point: EndPoint, *, unit: bool = True, signed: bool = True) -> str:
    """An effect on the scale of its end point: percentage points of a binary one, units of a continuous one.

    Examples
    --------
    >>> in_units(0.1034, EndPoint("x", "x"))
    '+10.3 points'
    >>> in_units(-2.4681, EndPoint("x", "x", "lower", "mm", kind="continuous"), signed=False)
    '-2.47 mm'
    """
    sign = "+" if signed else ""
    if point.kind == "binary":
        return f"{100 * value:{sign}.1f}" + (" points" if unit else "")
    digits = 2 if value == 0 else min(max(2 - math.floor(math.log10(abs(value))), 0), 4)
    return f"{value:{sign}.{digits}f}" + (f" {point.unit}" if unit and point.unit else "")


def gate_words(result: EndPointAnalysis) -> str:
    """What the fixed sequence says, in one sentence."""
    level, basis = result.plan.level, result.steps[0].gate_basis
    for step in result.steps:
        if step.gate.status == "significant":
            continue
        p = "not known" if step.gate.p is None else p_value(step.gate.p)
        harm = ", because the estimate points to harm" if step.counterpart.favours == "control" else ""
        rest = "" if step.number == len(result.steps) else f"; steps {step.number + 1} on are exploratory"
        return (
            f"Formal testing stops here: step {step.number}, {step.derived.plan.label} ({basis} p {p}{harm}, two-sided "
            f"level {level:g}){rest}."
        )
    return f"Every step is significant at the two-sided level {level:g} ({basis} p-values)."


def observed_words(step: Step) -> str:
    """Responders of patients, or mean with SD and number, by arm, of those analysed."""
    names = step.trial.arms.names
    population = step.model.population
    if step.derived.plan.kind == "binary":
        totals = step.trial.analysis_set(population).totals
        parts = [
            f"{names[a]} {totals[a][0]}/{totals[a][1]} ({100 * totals[a][0] / totals[a][1]:.1f} %)" for a in (1, 0)
        ]
        return ", ".join(parts)
    found = step.trial.measured_set(population)
    parts = []
    for a in (1, 0):
        values = found.value[found.arm == a]
        sd = f"{values.std(ddof=1):.2f}" if values.size > 1 else "none"
        parts.append(f"{names[a]} mean {values.mean():+.2f} (SD {sd}, n = {values.size})")
    return ", ".join(parts)


def missing_words(step: Step) -> str:
    """How many values are missing by arm, and what became of them."""
    last = step.missing.iloc[-1]
    lost = {arm: int(last[f"missing_{arm}"]) for arm in ("control", "active")}
    names = dict(zip(("control", "active"), step.trial.arms.names, strict=True))
    if not any(lost.values()):
        return "no value is missing"
    counts = " and ".join(f"{lost[arm]} of {int(last[f'n_{arm}'])} on {names[arm]}" for arm in ("active", "control"))
    rule = step.derived.plan.missing_rule
    became = "counted as non-responders" if rule == "non_responder" else "left out (complete cases)"
    return f"missing: {counts}, {became}"


def p_all_words(result: EndPointAnalysis, i: int) -> str:
    """P(this and all above) of step i (from 0) by the joint model; empty where there is none."""
    chances = result.joint.chances() if result.joint is not None else None
    if chances is not None:
        return probability(chances[i].all_above, chances[i].all_above_mcse)
    return ""


def together_words(result: EndPointAnalysis, i: int) -> str:
    """P(benefit) of step i (from 0) by the joint model; empty where there is none."""
    chances = result.joint.chances() if result.joint is not None else None
    return "" if chances is None else probability(chances[i].benefit, chances[i].benefit_mcse)


def bound_words(result: EndPointAnalysis, i: int) -> str:
    """The Fréchet bounds of P(this and all above) of step i (from 0)."""
    if not result.bounds or i == 0:
        return ""
    bound = result.bounds[i]
    low, high = probability(bound.lower, bound.lower_mcse), probability(bound.upper, bound.upper_mcse)
    return f"{low} to {high}"


def headline(result: EndPointAnalysis) -> list[str]:
    """The answer in a few sentences."""
    lines = [gate_words(result)]
    for step in result.steps:
        best = step.posterior.p_benefit if step.posterior is not None else None
        if best is None:
            lines.append(f"{step.derived.plan.label}: no probability is given. {step.reason}")
            continue
        assert step.posterior is not None
        row, point = step.posterior.row(step.posterior.effect), step.derived.end_point
        relevant = step.posterior.chances["relevant"]
        lines.append(
            f"{step.derived.plan.label}: {in_units(row.q50, point)} (95 % credible interval "
            f"{in_units(row.q2_5, point, unit=False)} to {in_units(row.q97_5, point, unit=False)}), P(benefit) "
            f"{probability(best.probability, best.mcse)}; P({relevant.statement}) "
            f"{probability(relevant.probability, relevant.mcse)}; {missing_words(step)}."
        )
    return lines


_LEAST, _MOST = 0.01, 1000.0  # odds ratios beyond which no number is written


def own_scale(row: FurtherRow, value: float, unit: bool = True) -> str:
    """An effect of the common scale on that of the end point."""
    own = row.raw.on_own_scale(value)
    if row.raw.end_point.kind == "binary":
        # neither end is written as a number that it is not, so that both directions read alike
        written = f"above {_MOST:g}" if own >= _MOST else f"below {_LEAST:g}" if own < _LEAST else f"{own:.2f}"
        return f"odds ratio {written}" if unit else written
    suffix = f" {row.raw.end_point.unit}" if unit and row.raw.end_point.unit else ""
    return f"{own:+.3g}{suffix}"


def shrunken_words(row: FurtherRow) -> str:
    """The shrunken effect of an exploratory end point with its 95 % credible interval; empty where there is none."""
    s = row.shrunken
    if s is None:
        return ""
    ends = sorted((s.lower, s.upper), key=row.raw.on_own_scale)
    return f"{own_scale(row, s.mean)} ({interval(*(own_scale(row, end, unit=False) for end in ends))})"


def chance_words(row: FurtherRow) -> str:
    """P(benefit) to three decimals; its error is below that."""
    return "" if row.shrunken is None else probability(row.shrunken.p_benefit, digits=3)
