"""What the chart of the answer holds: equally probable values, P(benefit) by threshold, and every interval."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.frequentist.hierarchy import FORMAL, NONE, HierarchyRow
from bayes_lupil.frequentist.two_by_two import TwoByTwo
from bayes_lupil.numbers import in_points, p_is, percent
from bayes_lupil.posterior import Posterior
from bayes_lupil.posterior.estimands import Benefit, benefit_ladder
from bayes_lupil.reanalysis import leading
from bayes_lupil.report.media.plot_style import clip, wrap
from bayes_lupil.report.reanalysis.contents import Contents

__all__ = ["DOTS", "Answer", "Line", "answer_of", "said", "trial_line"]

DOTS = 50
"""Equally probable values: a number that can be counted, each of them 2 %."""
_STEPS = (0.005, 0.001, 0.0005, 0.0002, 0.0001, 0.00005, 0.00002, 0.00001)
_CONFIDENCE = "95 % confidence interval ({})"
_FEWEST = 20  # steps of the slider that its range must have, down to the smallest step


@dataclass(frozen=True)
class Line:
    """One interval, or the heading of those that follow.

    Attributes
    ----------
    kind : {"heading", "trial", "lead", "prior"}
    middle, low, high : float
        Risk difference, active minus control.
    said : str
        What stands beside it.
    method : str
        Of the interval.
    """

    kind: str
    label: str
    middle: float = math.nan
    low: float = math.nan
    high: float = math.nan
    said: str = ""
    method: str = "95 % credible interval"


@dataclass(frozen=True)
class Answer:
    """What the chart shows.

    Attributes
    ----------
    lead : Posterior
    dots : array, shape (50,)
        Quantiles (i - 0.5) / 50 of the risk difference, active minus control, from the worst for patients to the best.
    steps : tuple of Benefit
        P(benefit greater than d) for each position of the slider, the first of them at 0.
    lines : tuple of Line
    """

    lead: Posterior
    dots: NDArray[np.float64]
    steps: tuple[Benefit, ...]
    lines: tuple[Line, ...]

    @property
    def sign(self) -> int:
        """+1 where a higher response is a benefit, -1 where a lower one is."""
        return self.lead.provenance.end_point.sign

    def points(self, value: float) -> str:
        """A difference in percentage points, with as many digits as the spread of the posterior asks for."""
        spread = 100 * float(np.ptp(self.dots))
        digits = 1 if spread >= 2 else 2 if spread >= 0.2 else 3
        written = f"{100 * value:+.{digits}f}"
        return f"{0:.{digits}f}" if float(written) == 0 else written

    def beyond(self, threshold: float) -> int:
        """How many dots lie beyond a threshold on the side of benefit."""
        return int((self.sign * self.dots > threshold).sum())


def answer_of(contents: Contents) -> Answer | None:
    """The numbers of the chart; None as of `answer_chart`."""
    lead = contents.lead
    if lead is None or lead.provenance.end_point.kind != "binary":
        return None
    draws, end_point = lead.draws("risk_difference"), lead.provenance.end_point
    dots = np.quantile(draws, (np.arange(DOTS) + 0.5) / DOTS)
    relevant = lead.spec.decision.relevant
    furthest = max(float(np.quantile(end_point.sign * draws, 0.995)), 0.25 * float(np.ptp(dots)))
    thresholds = _thresholds(furthest)
    steps = benefit_ladder(draws, end_point, thresholds, 0.0, relevant)[: len(thresholds)]
    return Answer(lead, dots[:: end_point.sign], steps, tuple(_lines(contents, lead)))


def _thresholds(furthest: float) -> tuple[float, ...]:
    """From 0 to beyond the furthest, by half points, or finer where that would be few."""
    step = next((size for size in _STEPS if furthest / size >= _FEWEST), _STEPS[-1])
    return tuple(round(step * i, 9) for i in range(math.ceil(furthest / step) + 1))


def _lines(contents: Contents, lead: Posterior) -> Iterator[Line]:
    rows = {row.population.label: row for row in contents.reanalysis.hierarchy if row.step == 1}
    own = lead.provenance.population_label
    yield from _block(rows.get(own), lead, _heading(lead, rows.get(own)))
    if contents.priors is not None:
        for item in contents.priors.rows:
            if item.prior.name in ("sceptical", "optimistic") and item.changed.ok:
                rd, said = (
                    item.changed.estimates["risk_difference"],
                    f"better: {percent(item.changed.p_benefit, short=True)}",
                )
                article = "an" if item.prior.name[0] in "aeiou" else "a"
                yield Line("prior", f"\u2026 under {article} {item.prior.name} prior", rd.q50, rd.q2_5, rd.q97_5, said)
    for label, row in rows.items():
        if label == own or row.two_by_two is None:
            continue
        found = leading([p for p in contents.sound if p.provenance.population_label == label])
        yield from _block(row, found, _heading(found, row))


def _heading(posterior: Posterior | None, row: HierarchyRow | None) -> str:
    if row is not None and row.two_by_two is not None:
        patients, name = row.two_by_two.active[1] + row.two_by_two.control[1], row.population.name
        label, late = row.population.label, row.population.post_hoc
    else:
        assert posterior is not None
        source = posterior.provenance
        assert source.totals is not None  # the end point is binary
        patients, name = sum(n for _, n in source.totals), source.population
        label, late = source.population_label, False
    if name == FORMAL and "without" not in label:
        return f"All {patients:,} randomised patients"
    return f"{label[:1].upper()}{label[1:]}: {patients:,} patients{' (analysed post hoc)' if late else ''}"


def _block(row: HierarchyRow | None, posterior: Posterior | None, heading: str) -> Iterator[Line]:
    """The trial's interval and the Bayesian one of a population."""
    yield Line("heading", heading)
    if row is not None and row.two_by_two is not None and not row.clustered:
        yield trial_line(row, row.two_by_two)
    if posterior is not None:
        rd, best = posterior.row("risk_difference"), posterior.chances["benefit"]
        late = row is not None and row.population.post_hoc
        said = f"better: {percent(best.probability, short=True)}{', unprotected' if late else ''}"
        yield Line("lead", "Reanalysis: credible interval", rd.q50, rd.q2_5, rd.q97_5, said)


def trial_line(row: HierarchyRow, table: TwoByTwo) -> Line:
    """The p-value as printed, with the interval of the totals; where none was printed, both by one test's method."""
    nominal = ", nominal" if row.gate_basis == NONE else ""
    label, newcombe, by_site = "Trial: confidence interval", table.risk_difference_newcombe, row.stratified
    of_totals = (table.risk_difference, newcombe.lower, newcombe.upper)
    if row.published is not None and row.published.p is not None:
        return Line("trial", label, *of_totals, f"p = {row.published.p:g}{nominal}", _CONFIDENCE.format("Newcombe"))
    limits = by_site.mh_risk_difference_interval if by_site is not None else None
    if (
        by_site is not None
        and by_site.cmh is not None
        and by_site.mh_risk_difference is not None
        and limits is not None
    ):
        said, method = _computed(by_site.cmh.p, f"CMH{nominal}"), _CONFIDENCE.format("Mantel-Haenszel, by site")
        return Line("trial", label, by_site.mh_risk_difference, limits.lower, limits.upper, said, method)
    said = _computed(table.p_chi_square, f"Pearson{nominal}")
    return Line("trial", label, *of_totals, said, _CONFIDENCE.format("Newcombe"))


def _computed(p: float | None, how: str) -> str:
    return "" if p is None else f"p {p_is(p)} ({how})"


def said(answer: Answer, step: Benefit, letters: int) -> tuple[str, ...]:
    """In lines: the probability, the dots that show it, and of what it is."""
    arms = answer.lead.provenance.arms
    how = "better" if step.threshold == 0 else f"at least {in_points(round(100 * step.threshold, 6))} better"
    chance = percent(step.probability, short=True)
    counted = f"Probability {chance}, drawn as {answer.beyond(step.threshold)} of {DOTS} dots,"
    meant = f"that {clip(arms.active, 20)} is {how} than {clip(arms.control, 20)}"
    whole = counted.replace(chance, chance.replace(" ", "\xa0"))  # no line ends within a number
    return tuple(
        line.replace("\xa0", " ") for text in (whole, meant) for line in wrap(text, letters).split("\n")
    )  # fmt: skip
