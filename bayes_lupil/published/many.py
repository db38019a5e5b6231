"""Many published results, a row each of a table, under the same priors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bayes_lupil.errors import InputError, TrialError
from bayes_lupil.published.analysis import BenefitAnalysis
from bayes_lupil.published.rereading import benefit
from bayes_lupil.trials.from_print import from_estimate
from bayes_lupil.trials.sources import read_source
from bayes_lupil.trials.tables import Table

__all__ = ["benefit_many"]

_NAMES = ("trial", "name", "study")
_COUNTS = (
    ("active", "control"), ("ai", "n1i", "ci", "n2i"), ("events_t", "n_t", "events_c", "n_c"),
    ("events_active", "n_active", "events_control", "n_control"),
)  # fmt: skip
_MEASURES = {"hr": "hr", "or": "or_", "rr": "rr", "irr": "irr", "rd": "rd", "md": "md"}
_NUMBERS = ("margin", "expected", "control_risk")


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
        As of `benefit`; what a row says itself comes before them.

    Raises
    ------
    TrialError
        With the complaints of all rows.

    Examples
    --------
    >>> columns = {"trial": ["A", "B"], "hr": ["0.76", "1.1"], "lower": ["0.55", "0.9"], "upper": ["1.04", "1.3"]}
    >>> [round(item.lead.p_benefit, 2) for item in benefit_many(columns, benefit="lower")]
    [0.94, 0.17]
    """
    table = read_source(source)
    columns = {name.strip().lower(): name for name in table.columns}
    rows = [{key: fields[table.columns.index(name)] for key, name in columns.items()} for _, fields in table.rows]
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
    return tuple(found)


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
    side: Any = cell("benefit") or cell("direction") or asked.get("benefit")
    if side not in (None, "lower", "higher"):
        raise TrialError(table.where(i, "benefit"), f"'{side}'", "'lower' or 'higher'")
    name = next((text for key in _NAMES if (text := cell(key))), f"row {i + 1}")
    level = _number(table, i, "level", text) if (text := cell("level")) else asked.get("level", 0.95)
    options = {**asked, **own, "benefit": side, "level": level}
    end_point = cell("end_point") or ""
    measure = (cell("measure") or "").lower()
    given = {key: row[key] for key in _MEASURES if cell(key)} | ({measure: row.get("estimate", "")} if measure else {})
    counts = next((names for names in _COUNTS if all(cell(key) for key in names)), None)
    if counts is not None:
        texts = [row[key] for key in counts]
        active, control = texts if len(texts) == 2 else (f"{texts[0]}/{texts[1]}", f"{texts[2]}/{texts[3]}")
        return benefit(active, control, name=name, end_point=end_point, **options)
    if len(given) != 1 or next(iter(given)) not in _MEASURES:
        told = f"measure '{measure}'" if measure and measure not in _MEASURES else ", ".join(given) or "neither"
        required = f"counts (active and control as '44/125'), or one estimate of {', '.join(_MEASURES)}"
        raise TrialError(table.where(i), told, required, f"The columns: {', '.join(table.columns)}.")
    [(key, estimate)] = given.items()
    limits = [cell("lower"), cell("upper")]
    ci = [text for text in limits if text is not None] or None
    options = {key: value for key, value in options.items() if key not in ("benefit", "measure", "approximate")}
    printed: dict[str, Any] = {_MEASURES[key]: estimate}
    trial = from_estimate(
        **printed, ci=ci, se=cell("se"), p=cell("p"), level=level, benefit=side, end_point=end_point,
        name=name,
    )  # fmt: skip
    return benefit(trial, **options)


def _number(table: Table, i: int, name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise TrialError(table.where(i, name), f"'{text}'", "a number") from None
