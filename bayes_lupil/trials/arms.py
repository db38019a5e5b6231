"""Which arm is control and which active, and that both are where they must be."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from bayes_lupil.errors import TrialError, nearest
from bayes_lupil.trials.asked import Asked
from bayes_lupil.trials.checks import check_totals, one_spelling
from bayes_lupil.trials.confounding import is_confounded
from bayes_lupil.trials.tables import Table, listed

__all__ = ["check_both_arms", "check_sites", "declare_arms", "the_control"]

_EACH = "--control NAME --active each (in Python: load_comparisons)"
_CONTROL = re.compile(r"(.*[^a-z])?(placebo|control)([^a-z].*)?")
_NEGATED = re.compile(r"(^|[^a-z])(no|non|not|without|active|positive)([^a-z]|$)")


def declare_arms(table: Table, column: str, control: str | None, active: str | None) -> tuple[str, str]:
    """Which arm is control and which active.

    One of two arms that is called control or placebo is taken for the control; nothing else is guessed, because a wrong
    guess would turn the direction of every effect.
    """
    found = list(dict.fromkeys(table.names(column)))
    for role, name in (("control", control), ("active", active)):
        if name is not None and name not in found:
            hint = f"Each arm against control: {_EACH}." if name.casefold() == "each" else nearest(name, found)
            raise TrialError(str(table.path), f"no arm '{name}'", f"the {role} arm named", hint)
    if control is not None and control == active:
        raise TrialError(str(table.path), f"'{control}' as control and as active", "two different arms")
    one_spelling(table, column, found, "arm")
    if len(found) < 2:
        raise TrialError(str(table.path), f"only the arm '{found[0]}'", "two arms")
    if control is None and active is None:
        known = [name for name in found if _is_control(name)]
        control = known[0] if len(found) == 2 and len(known) == 1 else None
    if len(found) == 2:
        other = {found[0]: found[1], found[1]: found[0]}
        control = control or (other[active] if active else None)
        active = active or (other[control] if control else None)
    if control is None or active is None:
        raise TrialError(
            str(table.path),
            f"the arms {listed([repr(name) for name in found], 12)}",
            "one named as control and one as active",
            "Say which two to compare: --control NAME --active NAME (in Python: control=..., active=...)"
            + ("." if len(found) == 2 else f"; or each against control in one run: {_EACH}."),
        )
    return control, active


def the_control(table: Table, found: Sequence[str], control: str | None) -> str:
    """The control among several arms: the one named, or else the only one that is called so.

    Raises
    ------
    TrialError
        Where there is no such arm, or none is called control or placebo, or several are.
    """
    known = [name for name in found if _is_control(name)] if control is None else [control]
    if len(known) != 1:
        told = listed([repr(name) for name in found], 12)
        hint = "Say which: --control NAME (in Python: control=...)."
        raise TrialError(str(table.path), f"the arms {told}", "one named as control", hint)
    if known[0] not in found:
        raise TrialError(str(table.path), f"no arm '{known[0]}'", "the control arm named", nearest(known[0], found))
    return known[0]


def _is_control(name: str) -> bool:
    word = name.casefold()
    return _CONTROL.fullmatch(word) is not None and _NEGATED.search(word) is None


def check_both_arms(table: Table, arms: tuple[str, str], patients: dict[str, int]) -> None:
    """That each arm has patients."""
    for arm in arms:
        if patients.get(arm, 0) == 0:
            raise TrialError(str(table.path), f"no patients in arm '{arm}'", "at least one patient in each arm")


def check_sites(
    table: Table, column: str | None, asked: Asked, counts: Mapping[str, Sequence[tuple[int, int]]]
) -> None:
    """That no site is the sum of the others, and that arm and site can be told apart, unless the caller gave that up.

    Parameters
    ----------
    column : str or None
        The column of sites.
    counts : mapping
        Responders and patients of control and of active, by site.
    """
    check_totals(table, column, counts)
    patients = [(control[1], active[1]) for control, active in counts.values() if control[1] or active[1]]
    if asked.single_arm_sites or not is_confounded(np.array(patients)):
        return
    raise TrialError(
        str(table.path),
        f"no site with patients of both arms ({len(patients)} sites)",
        "sites at which both arms can be compared",
        "Where whole sites were randomised (clusters), say so: --single-arm-sites (in Python: single_arm_sites=True). "
        "The effect then cannot be told from differences between sites except through the prior of these.",
    )
