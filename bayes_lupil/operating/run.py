"""Renew the stored operating characteristics: `python -m bayes_lupil.operating.run` (about two hours)."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from bayes_lupil.files import write_text
from bayes_lupil.operating.analyses import Analysis, country_analyses, standard_analyses
from bayes_lupil.operating.characteristics import (
    OperatingCharacteristics,
    OperatingResults,
    operating_characteristics,
)
from bayes_lupil.operating.outlier_detection import PATIENTS, outlier_reach
from bayes_lupil.operating.scenarios import SCENARIOS, Scenario
from bayes_lupil.operating.tables import operating_markdown


def _runs(trials: int) -> Iterator[tuple[Scenario, tuple[Analysis, ...], int]]:
    """What is stored. Student-t effects take 20 times as long as the others: last, where sites are contaminated."""
    analyses = standard_analyses()
    slow = tuple(item for item in analyses if item.name == "site_student_t")
    fast = tuple(item for item in analyses if item not in slow)
    outliers = tuple(item for item in analyses if item.spec.sites.deviations)
    of_outliers = ("planted_among_large", "planted_among_small", "homogeneous_large")
    countries = {name: item for name, item in SCENARIOS.items() if item.countries}
    others = {name: item for name, item in SCENARIOS.items() if name not in (*of_outliers, *countries)}
    for scenario in others.values():
        yield scenario, fast, trials
    for name in of_outliers:
        yield SCENARIOS[name], outliers, trials
    for scenario in others.values():
        if scenario.contaminated:
            yield scenario, slow, trials
    for scenario in countries.values():
        yield scenario, country_analyses(), trials


def _main(arguments: list[str] | None = None) -> int:
    name = "python -m bayes_lupil.operating.run"
    parser = argparse.ArgumentParser(prog=name, description="Renew the operating characteristics.")
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=20260401)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("tests/operating/operating.json"))
    parser.add_argument("--scenario", action="append", choices=tuple(SCENARIOS), help="renew these alone")
    given = parser.parse_args(arguments)

    def say(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    found: dict[str, OperatingCharacteristics] = {}
    if given.scenario and given.out.exists():
        found = {
            name: item
            for name, item in OperatingResults.read(given.out).scenarios.items()
            if name not in given.scenario
        }
    models = [item.spec for item in standard_analyses() if "control" in item.spec.sites.deviations]
    reach = tuple(outlier_reach(spec, n, others) for spec in models for others in (2, 20) for n in PATIENTS)
    for scenario, analyses, trials in _runs(given.trials):
        if given.scenario and scenario.name not in given.scenario:
            continue
        result = operating_characteristics(scenario, analyses, trials, given.seed, given.workers, say)
        found[scenario.name] = found[scenario.name].with_more(result) if scenario.name in found else result
        OperatingResults(found, reach).write(given.out)
    page = given.out.with_suffix(".md")
    write_text(page, operating_markdown(OperatingResults(found, reach)))
    say(f"written to {given.out} and {page}")
    return 0


if __name__ == "__main__":
    raise SystemExit(_main())
