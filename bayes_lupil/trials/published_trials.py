"""Trials of which Bayesian reanalyses were published: their counts, or the estimate that is printed."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from bayes_lupil.trials.end_point import Arms, EndPoint
from bayes_lupil.trials.from_print import from_estimate
from bayes_lupil.trials.published import Source
from bayes_lupil.trials.trial import Trial

__all__ = ["published_content", "published_names", "published_trial"]


@cache
def published_content() -> dict[str, dict[str, Any]]:
    """What the file holds of each reanalysis, by name."""
    text = (files("bayes_lupil") / "trials" / "published_results.toml").read_text(encoding="utf-8")
    return {item["name"]: item for item in tomllib.loads(text)["reanalysis"]}


def published_names() -> tuple[str, ...]:
    """Names of these trials, which `load_trial` takes.

    Examples
    --------
    >>> "andromeda_shock" in published_names()
    True
    """
    return tuple(published_content())


def published_trial(name: str) -> Trial:
    """One of them.

    Examples
    --------
    >>> trial = published_trial("cabana")
    >>> trial.analysis_set().totals, trial.end_point.benefit
    (((101, 1096), (89, 1108)), 'lower')
    """
    item = published_content()[name]
    numbers = {**item.get("counts", {}), **item.get("estimate", {})}
    if "ci" in numbers:
        numbers["interval"] = " to ".join(numbers.pop("ci"))
    provenance = tuple(
        {"number": value, "what": what, "source": item["source"], "grade": item["grade"]}
        for what, value in numbers.items()
    )
    about: dict[str, Any] = {
        "title": item["trial"], "provenance": provenance, "sources": (Source(name, item["source"]),),
    }  # fmt: skip
    if "counts" in item:
        point = EndPoint("event", item["end_point"], item["benefit"])
        trial = Trial.from_counts(**item["counts"], end_point=point, arms=Arms("control", "active"), name=name)
    else:
        estimate = item["estimate"]
        [key] = set(estimate) - {"ci"}
        given = {"or_" if key == "or" else key: estimate[key], "ci": estimate["ci"]}
        trial = from_estimate(**given, benefit=item["benefit"], end_point=item["end_point"], name=name)
    return Trial(**{**vars(trial), **about})
