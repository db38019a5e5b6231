"""Operating characteristics as text: tables in Markdown, every figure with its Monte Carlo standard error."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bayes_lupil.operating.characteristics import OperatingCharacteristics, OperatingResults
from bayes_lupil.operating.outlier_detection import OutlierReach
from bayes_lupil.operating.performance import CLAIM, Figure, Performance

__all__ = ["operating_markdown"]

_NOTE = (
    "**SYNTHETIC: simulated trials, no patients.** Monte Carlo standard errors in brackets. RD: risk difference of all "
    "patients, contaminated sites among them, in points. log OR: log odds ratio at ordinary sites. Coverage: of 95 % "
    f"intervals. Claims: share of trials in which the probability of benefit is above {CLAIM}. Sizes of sites are our "
    "assumption, none was published; 14 of 50 placebo patients at the contaminated sites is the most that LUPIL-2's "
    "margins allow. Where sites lie in countries, those of one country are contaminated, and P(outlier) of the model "
    "with outlying countries is that of the country. The risk difference of the exclusion rule is that of the "
    "sites kept: judged against that of all patients, much of its bias is a change of question."
)
_HEADER = (
    "analysis", "trials", "RD bias", "RD RMSE", "RD coverage", "RD claims", "log OR bias", "log OR RMSE",
    "log OR coverage", "log OR claims",
)  # fmt: skip
_OUTLIERS = (
    "scenario", "analysis", "trials", "contaminated: mean P(outlier)", "above 0.5", "above 0.9", "largest",
    "trials with an ordinary site above 0.5", "largest",
)  # fmt: skip


def operating_markdown(results: OperatingResults) -> str:
    """A table for each scenario that the analyses are compared in, then the probabilities of outliers."""
    lines = ["# Operating characteristics of the site models", "", _NOTE, ""]
    scenarios = results.scenarios.values()
    for item in scenarios:
        if any(not row.largest for row in item.performances):  # not those for outliers alone
            lines += _characteristics(item)
    lines += ["### P(outlier)", "", *_table(_OUTLIERS, _outlier_rows(scenarios)), ""]
    return "\n".join([*lines, *_reach(results.reach)]).rstrip() + "\n"


def _characteristics(item: OperatingCharacteristics) -> list[str]:
    scenario = item.scenario
    truth = f"Truth: RD {100 * item.mean_risk_difference:+.1f} points on average, log OR {scenario.log_odds_ratio:.3f}."
    failures = [
        f"{row.label}: {sum(row.failures.values())} trials without a sound fit ({', '.join(row.failures)})."
        for row in item.performances
        if row.failures
    ]
    rows = [[row.label, str(row.trials), *_cells(row)] for row in item.performances]
    return [f"### {scenario.title}", "", " ".join([truth, *failures]), "", *_table(_HEADER, rows), ""]


def _cells(row: Performance) -> list[str]:
    found = row.figures
    return [
        cell
        for name, number in (("rd", _points), ("log_or", _plain))
        for cell in (
            number(found[f"{name}_bias"], "+"),
            number(found[f"{name}_rmse"]),
            _percent(found[f"{name}_coverage"]),
            _percent(found[f"{name}_claims"]),
        )
    ]


def _outlier_rows(scenarios: Iterable[OperatingCharacteristics]) -> Iterable[list[str]]:
    for item in scenarios:
        for row in item.performances:
            if not row.largest:
                continue
            found, largest = row.figures, row.largest
            planted = ["", "", "", ""]
            if "contaminated" in largest:
                planted = [
                    _plain(found["contaminated_mean"]),
                    *(_percent(found[f"contaminated_above_{limit}"]) for limit in (0.5, 0.9)),
                    f"{largest['contaminated']:.2f}",
                ]
            ordinary = [_percent(found["ordinary_above_0.5"]), f"{largest['ordinary']:.2f}"]
            yield [item.scenario.title, row.label, str(row.trials), *planted, *ordinary]


def _reach(reach: Sequence[OutlierReach]) -> list[str]:
    """One example by size of site, as a table and in words."""
    cases = {(item.model, item.others): [other for other in reach if _case(other) == _case(item)] for item in reach}
    if not cases:
        return []
    sizes = [item.patients for item in next(iter(cases.values()))]
    rows = [
        [
            f"`{model}`",
            f"24 sites with {others} patients an arm",
            *(f"{x.probability:.3f} ({x.mcse:.3f})" for x in items),
        ]
        for (model, others), items in cases.items()
    ]
    words = [
        f"`{model}`, others with {others} an arm: with {items[0].patients} control patients who all respond P(outlier) "
        f"is {items[0].probability:.2f}; {_enough(items, 0.5)}, and {_enough(items, 0.9)}."
        for (model, others), items in cases.items()
    ]
    text = (
        "One example by size of site, not a simulation: in its control arm all respond, in its active arm and "
        "everywhere else exactly half. With other rates elsewhere, or sites that differ, P(outlier) is another, as the "
        "simulated shares above show."
    )
    header = ("model", "the others", *(f"{n} control patients" for n in sizes))
    return [text, "", *_table(header, rows), "", *(f"- {line}" for line in words), ""]


def _case(item: OutlierReach) -> tuple[str, int]:
    return item.model, item.others


def _enough(items: Sequence[OutlierReach], limit: float) -> str:
    """From which of the sizes on P(outlier) is above a limit."""
    enough = [item.patients for item in items if item.probability > limit]
    return f"above {limit} from {min(enough)} on" if enough else f"above {limit} at none of these sizes"


def _points(figure: Figure, sign: str = "") -> str:
    return f"{100 * figure.value:{sign}.1f} ({100 * figure.mcse:.1f})"


def _plain(figure: Figure, sign: str = "") -> str:
    return f"{figure.value:{sign}.3f} ({figure.mcse:.3f})"


def _percent(figure: Figure) -> str:
    return f"{100 * figure.value:.1f} % ({100 * figure.mcse:.1f})"


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    head = list(header)
    return [f"| {' | '.join(head)} |", "|" + "---|" * len(head), *(f"| {' | '.join(row)} |" for row in rows)]
