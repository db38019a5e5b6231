"""Many published results, a row each of a table, under the same priors."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bayes_lupil.errors import InputError, TrialError
from bayes_lupil.published.analysis import BenefitAnalysis
from bayes_lupil.published.rereading import benefit
from bayes_lupil.trials.from_print import from_estimate
from bayes_lupil.trials.measures import MEASURES
from bayes_lupil.trials.sources import read_source
from bayes_lupil.trials.tables import Table

__all__ = ["benefit_many"]

_COUNTS = (
    ("active", "control"), ("ai", "n1i", "ci", "n2i"), ("events_t", "n_t", "events_c", "n_c"),
    ("events_active", "n_active", "events_control", "n_control"),
)  # fmt: skip
_MEASURES = {"hr": "hr", "or": "or_", "rr": "rr", "irr": "irr", "rd": "rd", "md": "md"}
_NUMBERS = ("margin", "expected", "control_risk")
_SYNONYMS = {
    "lower": ("lcl", "lower_ci", "ci_lower", "ci_low", "lower_limit", "ll"),
    "upper": ("ucl", "upper_ci", "ci_upper", "ci_high", "upper_limit", "ul"),
    "interval": ("95_ci", "95%_ci", "ci_95", "ci_95%", "confidence_interval"),
    "p": ("p_value", "pvalue", "p-value"), "benefit": ("direction", "better"), "trial": ("name", "study"),
    "estimate": ("effect", "value"), "se": ("std_error", "standard_error"),
}  # fmt: skip
_KNOWN = {
    *_MEASURES, *_SYNONYMS, *_NUMBERS, "measure", "end_point", "level", "prior", "data",
    *(name for names in _COUNTS for name in names),
}  # fmt: skip


def benefit_many(source: Any, **asked: Any) -> tuple[BenefitAnalysis, ...]:
    """One analysis a row.

    Parameters
    ----------
    source : str, Path, data frame or dict of columns
        A row a trial. Columns: trial; counts (active and control as '44/125'; or ai, n1i, ci, n2i; or events_t, n_t,
        events_c, n_c), or measure and estimate (or a column hr, or, rr, irr, rd or md) with lower and upper, se or p;
        and, where they differ between trials, benefit ('lower' or 'higher'), end_point, margin, expected, control_risk,
        level, prior.
    **asked
        As of `benefit`; what a row says itself comes before them. `level` is that of the intervals printed, too.

    Raises
    ------
    TrialError
        With the complaints of all rows.

    Examples
    --------
    >>> columns = {"trial": ["A", "B"], "hr": ["0.76", "1.1"], "lower": ["0.55", "0.9"], "upper": ["1.04", "1.3"]}
    >>> [round(item.lead.p_benefit, 2) for item in benefit_many(columns, benefit="lower")]
    [0.94, 0.16]
    """
    table = read_source(source)
    columns = {_called(name, table.columns): name for name in table.columns}
    rows = [{key: fields[table.columns.index(name)] for key, name in columns.items()} for _, fields in table.rows]
    unused = [name for key, name in columns.items() if key not in _KNOWN]
    found, faults = [], []
    for i, row in enumerate(rows):
        try:
            found.append(_of_row(table, i, row, asked))
        except InputError as problem:
            faults.append(_placed(table, i, problem))
    if faults:
        more = f" And {len(faults) - 3} rows more." if len(faults) > 3 else ""
        rest = " ".join(str(fault) for fault in faults[1:3])
        hint = " ".join(text for text in (faults[0].hint, rest, more) if text)
        raise TrialError(faults[0].where, faults[0].found, faults[0].required, hint)
    if unused:
        told = f"columns that are not used: {', '.join(unused)}"
        found = [replace(item, notes=(told, *item.notes)) for item in found]
    return tuple(found)


def _called(name: str, columns: Sequence[str]) -> str:
    """What a column is called here: in lower case, and by one of several words for the same."""
    key = re.sub(r"[\s_]+", "_", name.strip().casefold())
    if key == "ci" and not any(column.strip().casefold() == "n2i" for column in columns):
        return "interval"  # beside n2i it is the events of control
    return next((known for known, others in _SYNONYMS.items() if key in others), key)


def _placed(table: Table, i: int, problem: InputError) -> InputError:
    """The complaint with the row it is about."""
    if problem.where.startswith(table.where(i)):
        return problem
    return InputError(f"{table.where(i)}: {problem.where}", problem.found, problem.required, problem.hint)


def _of_row(table: Table, i: int, row: Mapping[str, str], asked: Mapping[str, Any]) -> BenefitAnalysis:
    def cell(name: str) -> str | None:
        return row.get(name) or None

    own: dict[str, Any] = {name: _number(table, i, name, text) for name in _NUMBERS if (text := cell(name))}
    own |= {"prior": text} if (text := cell("prior")) else {}
    side: Any = cell("benefit") or asked.get("benefit")
    side = next((known for known in ("lower", "higher") if side and side.casefold().startswith(known)), side)
    if side not in (None, "lower", "higher"):
        raise TrialError(table.where(i, "benefit"), f"'{side}'", "'lower' or 'higher'")
    name = cell("trial") or f"row {i + 1}"
    level = _number(table, i, "level", text) if (text := cell("level")) else asked.get("level", 0.95)
    options = {**asked, **own, "benefit": side, "level": level}
    end_point = cell("end_point") or ""
    measure = (cell("measure") or "").casefold()
    measure = next((kind.key for kind in MEASURES.values() if measure == kind.name), measure)
    given = {key: row[key] for key in _MEASURES if cell(key)} | ({measure: row.get("estimate", "")} if measure else {})
    edges = [text for key in ("lower", "upper") if (text := cell(key))]
    limits: Any = edges or cell("interval")
    counts = next((names for names in _COUNTS if all(cell(key) for key in names)), None)
    if counts is not None:
        texts = [row[key] for key in counts]
        active, control = texts if len(texts) == 2 else (f"{texts[0]}/{texts[1]}", f"{texts[2]}/{texts[3]}")
        beside: dict[str, Any] = {**given, **{key: text for key in ("p",) if (text := cell(key))}}
        beside |= {"ci": limits} if given and limits is not None else {}
        return benefit(active, control, name=name, end_point=end_point, printed=beside, **options)
    if len(given) != 1 or next(iter(given)) not in _MEASURES:
        told = f"measure '{measure}'" if measure and measure not in _MEASURES else ", ".join(given) or "no result"
        required = f"counts (active and control as '44/125'), or one estimate of {', '.join(_MEASURES)}"
        raise TrialError(table.where(i), told, required, f"The columns: {', '.join(table.columns)}.")
    [(key, estimate)] = given.items()
    options = {key: value for key, value in options.items() if key not in ("benefit", "measure", "approximate")}
    printed: dict[str, Any] = {_MEASURES[key]: estimate}
    trial = from_estimate(
        **printed, ci=limits, se=cell("se"), p=cell("p"), level=level, benefit=side, end_point=end_point,
        name=name,
    )  # fmt: skip
    return benefit(trial, **options)


def _number(table: Table, i: int, name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise TrialError(table.where(i, name), f"'{text}'", "a number") from None
