"""SLE responder index (SRI-k) from its components: who responds, who fails on what, and for whom it cannot be told.

A response needs all of: SELENA-SLEDAI lower by k or more (k = 4 for SRI-4); no new BILAG A and at most one new BILAG B
organ domain; physician's global assessment (PGA) up by less than 0.3 on its scale of 0 to 3. Furie et al. 2009,
Arthritis Rheum 61:1143-1151; as applied in BLISS-52 (Navarra et al. 2011, Lancet 377:721-731) and BLISS-76 (Furie et
al. 2011, Arthritis Rheum 63:3918-3930), where a patient who withdrew or broke the rules of medication was no responder.

The rules that those papers leave to the reader:

- A domain is a *new A* if it is A at the visit and was B, C, D or E at baseline; a *new B* if it is B at the visit and
  was C, D or E at baseline. A domain that went from A to B has improved and is no new B. (Manzi et al. 2012, Ann Rheum
  Dis 71:1833-1838, count worsening in BLISS as such steps up to A or B, domain by domain.)
- Increases of PGA are rounded to nine decimals before the limit is applied, so that 1.2 to 1.5 is an increase of 0.3.
- A component with a missing score is missing, unless what is known makes it fail already: one new A or two new B among
  the known domains, or a baseline SELENA-SLEDAI below k.
- One component that fails makes a non-response, whatever is missing of the others. A missing component while no other
  fails leaves the response missing (NaN): how that counts is decided later, by the rule for missing outcomes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.arguments import checked
from bayes_lupil.errors import TrialError
from bayes_lupil.frozen import ReadOnly
from bayes_lupil.outcomes.table import MISSING, Outcomes
from bayes_lupil.trials.end_point import SYNTHETIC

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SRI", "SRIColumns", "sri"]

Floats = NDArray[np.float64]

_LARGEST_SLEDAI = 105
_DOMAINS = 9  # of BILAG-2004; the classic index has eight
_WORSE = 0.1  # of the scale of the global assessment
_DECIMALS = 9
_LABELS = {
    "sledai": "SELENA-SLEDAI",
    "bilag": "BILAG",
    "pga": "physician's global assessment",
    "withdrawn": "withdrawal",
    "rescue": "rescue medication",
}


@dataclass(frozen=True)
class SRIColumns:
    """Names of the columns that hold the components.

    Parameters
    ----------
    sledai_baseline, sledai_visit : str
        SELENA-SLEDAI, whole numbers from 0 to 105.
    pga_baseline, pga_visit : str
        Physician's global assessment, from 0 to `pga_maximum`.
    pga_maximum : float
        Largest value of that scale; the limit is a tenth of it: 0.3 of 3, 1 of 10, 10 of 100.
    bilag_new_a, bilag_new_b : str, optional
        Numbers of organ domains with a new A and with a new B; either these two are given, or:
    bilag_baseline, bilag_visit : tuple of str, optional
        Grades (letters A to E) of the organ domains, one column a domain, in the same order.
    withdrawn, rescue : str, optional
        1 where the patient left treatment, or had rescue medication, else 0.

    Raises
    ------
    TrialError
        For a column named twice, and where BILAG is given in both ways, in neither, or with unequal domains.
    """

    sledai_baseline: str
    sledai_visit: str
    pga_baseline: str
    pga_visit: str
    pga_maximum: float = 3.0
    bilag_new_a: str | None = None
    bilag_new_b: str | None = None
    bilag_baseline: tuple[str, ...] = ()
    bilag_visit: tuple[str, ...] = ()
    withdrawn: str | None = None
    rescue: str | None = None

    def __post_init__(self) -> None:
        counts = [name for name in (self.bilag_new_a, self.bilag_new_b) if name is not None]
        grades = [*self.bilag_baseline, *self.bilag_visit]
        if len(counts) == 1 or bool(counts) == bool(grades):
            found = f"{', '.join([*counts, *grades])}" or "no column"
            required = "counts of new A and of new B, or grades of each domain at baseline and visit"
            raise TrialError("columns of BILAG", found, required)
        if len(self.bilag_baseline) != len(self.bilag_visit):
            found = f"{len(self.bilag_baseline)} domains at baseline and {len(self.bilag_visit)} at the visit"
            raise TrialError("columns of BILAG", found, "the same domains, in the same order")
        given = [self.sledai_baseline, self.sledai_visit, self.pga_baseline, self.pga_visit, *counts, *grades]
        given += [name for name in (self.withdrawn, self.rescue) if name is not None]
        for name in given:
            if given.count(name) > 1:
                raise TrialError("columns of the SRI", f"'{name}' twice", "a column of its own for each component")
        if not 0 < self.pga_maximum < float("inf"):
            raise TrialError("pga_maximum", f"{self.pga_maximum}", "a positive number")


@dataclass(frozen=True, eq=False)
class SRI(ReadOnly):
    """The responder index of every patient.

    Attributes
    ----------
    threshold : int
        Points that SELENA-SLEDAI must fall by.
    response : array, shape (patients,)
        1 response, 0 none, NaN where it cannot be told.
    met : dict of str to array, shape (patients,)
        By component ('sledai', 'bilag', 'pga', and 'withdrawn' and 'rescue' where given): 1 met, 0 failed, NaN missing.
        'withdrawn' is met by those who were not.
    reduction, pga_increase : array, shape (patients,)
        SELENA-SLEDAI at baseline minus visit; PGA at visit minus baseline.
    new_a, new_b : array, shape (patients,)
        Organ domains known to be new A and new B; NaN where none of them is known.
    notes : tuple of str
        What a reader of the result must be told.
    outcomes : Outcomes
        The data it was made from.
    columns : SRIColumns
    """

    threshold: int
    response: Floats
    met: dict[str, Floats]
    reduction: Floats
    pga_increase: Floats
    new_a: Floats
    new_b: Floats
    notes: tuple[str, ...]
    outcomes: Outcomes
    columns: SRIColumns

    @cached_property
    def reasons(self) -> tuple[tuple[str, ...], ...]:
        """Why each patient is no responder, or why that cannot be told; empty for responders."""
        told: dict[str, Callable[[int], str]] = {
            "sledai": self._sledai_words,
            "bilag": self._bilag_words,
            "pga": lambda i: f"global assessment up by {self.pga_increase[i]:.4g}",
            "withdrawn": lambda _: "withdrawn",
            "rescue": lambda _: "rescue medication",
        }
        found = []
        for i, response in enumerate(self.response):
            if response == 0:
                found.append(tuple(told[name](i) for name, met in self.met.items() if met[i] == 0))
            else:
                found.append(tuple(f"{_LABELS[name]} missing" for name, met in self.met.items() if met[i] != met[i]))
        return tuple(found)

    def _sledai_words(self, i: int) -> str:
        before = self.outcomes.number(self.columns.sledai_baseline)[i]
        if np.isnan(self.reduction[i]):
            return f"SELENA-SLEDAI of {before:g} at baseline cannot fall by {self.threshold}"
        if self.reduction[i] < 0:
            return f"SELENA-SLEDAI up by {-self.reduction[i]:g}"
        return f"SELENA-SLEDAI down by {self.reduction[i]:g}, not by {self.threshold}"

    def _bilag_words(self, i: int) -> str:
        counts = ((self.new_a[i], "A", 1), (self.new_b[i], "B", 2))
        return ", ".join(f"{n:g} new BILAG {grade}" for n, grade, limit in counts if n >= limit)

    def components(self, among: NDArray[np.bool_] | None = None) -> pd.DataFrame:
        """Who fails on what, by arm.

        Parameters
        ----------
        among : array of bool, shape (patients,), optional
            Whom to count; everyone if not given.

        Returns
        -------
        DataFrame
            Index arm, component; columns patients, met, fails, missing, and only_reason: patients who fail on this
            component and meet every other. A patient may fail on several, so that `fails` do not add up.
        """
        import pandas as pd

        chosen = np.ones(len(self.response), bool) if among is None else np.asarray(among, bool)
        arm = np.array(self.outcomes.arm)
        rows = []
        for group in self.outcomes.arms:
            here = chosen & (arm == group)
            for name, met in self.met.items():
                others = np.all([other == 1 for key, other in self.met.items() if key != name], axis=0)
                rows.append(
                    {
                        "arm": group,
                        "component": _LABELS[name],
                        "patients": int(here.sum()),
                        "met": int((here & (met == 1)).sum()),
                        "fails": int((here & (met == 0)).sum()),
                        "missing": int((here & np.isnan(met)).sum()),
                        "only_reason": int((here & (met == 0) & others).sum()),
                    }
                )
        return pd.DataFrame(rows).set_index(["arm", "component"])

    def to_frame(self) -> pd.DataFrame:
        """One row a patient: changes, components (1 met, 0 failed, NaN missing), response, and the reasons."""
        import pandas as pd

        head = {"data": [SYNTHETIC] * len(self.response)} if self.outcomes.synthetic else {}
        columns = {
            "patient": self.outcomes.patient,
            "site": self.outcomes.site,
            "arm": self.outcomes.arm,
            "sledai_reduction": self.reduction,
            "bilag_new_a": self.new_a,
            "bilag_new_b": self.new_b,
            "pga_increase": self.pga_increase,
            **{f"met_{name}": met for name, met in self.met.items()},
            f"sri{self.threshold}": self.response,
            "reasons": ["; ".join(words) for words in self.reasons],
        }
        return pd.DataFrame({**head, **columns})


@checked
def sri(outcomes: Outcomes, columns: SRIColumns, threshold: int = 4) -> SRI:
    """Derive the responder index of every patient.

    Parameters
    ----------
    threshold : int
        Points that SELENA-SLEDAI must fall by: 4 for SRI-4, 5 for SRI-5, and so on.

    Raises
    ------
    TrialError
        Naming file, line and column, for scores that their instrument cannot give.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({
    ...     "site": ["A", "A"], "arm": ["drug", "placebo"], "s0": [10, 10], "s12": [6, 7], "p0": [1.2, 1.2],
    ...     "p12": [1.0, 1.5], "a": [0, 0], "b": [1, 0]})
    >>> columns = SRIColumns("s0", "s12", "p0", "p12", bilag_new_a="a", bilag_new_b="b")
    >>> found = sri(Outcomes.from_frame(frame), columns)
    >>> found.response.tolist(), found.reasons[1]
    ([1.0, 0.0], ('SELENA-SLEDAI down by 3, not by 4', 'global assessment up by 0.3'))
    """
    if not 1 <= threshold <= _LARGEST_SLEDAI:
        raise TrialError("threshold", f"{threshold}", f"a whole number from 1 to {_LARGEST_SLEDAI}")
    before, after = (
        _score(outcomes, name, _LARGEST_SLEDAI, "a SELENA-SLEDAI", whole=True)
        for name in (columns.sledai_baseline, columns.sledai_visit)
    )
    largest = columns.pga_maximum
    pga_before, pga_after = (
        _score(outcomes, name, largest, "a global assessment") for name in (columns.pga_baseline, columns.pga_visit)
    )
    new_a, new_b, complete = _new_domains(outcomes, columns)
    reduction = before - after
    increase = np.round(pga_after - pga_before, _DECIMALS) + 0.0  # no -0
    hopeless = before < threshold
    bilag_fails = (new_a >= 1) | (new_b >= 2)
    met = {
        "sledai": np.where(hopeless, 0.0, _verdict(reduction >= threshold, reduction)),
        "bilag": np.where(bilag_fails, 0.0, np.where(complete, 1.0, np.nan)),
        "pga": _verdict(increase < round(_WORSE * largest, _DECIMALS), increase),
    }
    for key, name in (("withdrawn", columns.withdrawn), ("rescue", columns.rescue)):
        if name is not None:
            met[key] = 1.0 - outcomes.binary(name)
    parts = np.array(list(met.values()))
    fails, gaps = (parts == 0).any(axis=0), np.isnan(parts).any(axis=0)
    response = np.where(fails, 0.0, np.where(gaps, np.nan, 1.0))
    for array in (response, reduction, increase, new_a, new_b, *met.values()):
        array.setflags(write=False)
    notes = _notes(int(threshold), hopeless, fails, gaps)
    return SRI(int(threshold), response, met, reduction, increase, new_a, new_b, notes, outcomes, columns)


def _verdict(good: NDArray[np.bool_], known: Floats) -> Floats:
    """1 and 0, NaN where the number judged is not known."""
    return np.where(np.isnan(known), np.nan, good.astype(float))


def _notes(
    threshold: int, hopeless: NDArray[np.bool_], fails: NDArray[np.bool_], gaps: NDArray[np.bool_]
) -> tuple[str, ...]:
    found = (
        (hopeless, f"start below {threshold} points of SELENA-SLEDAI and can never respond; counted as non-responders"),
        (gaps & fails, "lack a component but fail on another for sure; counted as non-responders"),
        (gaps & ~fails, "lack a component and fail on no other; the response is missing"),
    )
    return tuple(
        f"SRI-{threshold}: of {who.size} patients {int(who.sum())} {words}." for who, words in found if who.any()
    )


def _score(outcomes: Outcomes, name: str, largest: float, what: str, whole: bool = False) -> Floats:
    """A column of scores from 0 to the largest of their instrument."""
    values = outcomes.number(name)
    wrong = (values < 0) | (values > largest)
    if whole:
        wrong |= ~np.isnan(values) & (values != np.round(values))
    if wrong.any():
        i = int(np.argmax(wrong))
        found = f"{values[i]:g} (patient '{outcomes.patient[i]}')"
        required = f"{what}, {'a whole number' if whole else 'a number'} from 0 to {largest:g}"
        hint = "" if whole else "A scale with another largest value is declared by pga_maximum."
        raise TrialError(outcomes.where(name, i), found, required, hint)
    return values


def _new_domains(outcomes: Outcomes, columns: SRIColumns) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Domains known to be new A and new B (NaN where none is known), and for whom all domains are known."""
    if columns.bilag_new_a is not None and columns.bilag_new_b is not None:
        new_a, new_b = (
            _score(outcomes, name, _DOMAINS, "a count of organ domains", whole=True).copy()
            for name in (columns.bilag_new_a, columns.bilag_new_b)
        )
        return new_a, new_b, ~(np.isnan(new_a) | np.isnan(new_b))
    before, after = (
        np.array([_grades(outcomes, name) for name in names]) for names in (columns.bilag_baseline, columns.bilag_visit)
    )
    known = (before != "") & (after != "")
    a = known & (after == "A") & (before != "A")
    b = known & (after == "B") & (before != "A") & (before != "B")
    none = ~known.any(axis=0)
    new_a, new_b = (np.where(none, np.nan, grade.sum(axis=0).astype(float)) for grade in (a, b))
    return new_a, new_b, known.all(axis=0)


def _grades(outcomes: Outcomes, name: str) -> list[str]:
    """One domain's grades in capitals, empty where missing."""
    if name in outcomes.texts:
        grades = ["" if text.strip().lower() in MISSING else text.strip().upper() for text in outcomes.texts[name]]
        for i, grade in enumerate(grades):
            if grade not in {"", "A", "B", "C", "D", "E"}:
                found = f"'{outcomes.texts[name][i]}' (patient '{outcomes.patient[i]}')"
                raise TrialError(outcomes.where(name, i), found, "a BILAG grade: A, B, C, D or E")
        return grades
    values = outcomes.number(name)
    if not np.isnan(values).all():
        i = int(np.argmax(~np.isnan(values)))
        raise TrialError(outcomes.where(name, i), f"{values[i]:g}", "a BILAG grade: A, B, C, D or E")
    return [""] * len(outcomes)
