"""Fixed-sequence (hierarchical) testing: each end point is the gate to the next.

Hypotheses are tested in an order fixed beforehand, each at the full level, until the first that is
not significant; from there on nothing is tested formally. That keeps the chance of any false claim
at the level (Maurer, Hothorn and Lehmacher 1995, in Vollmar (ed.), Biometrie in der
chemisch-pharmazeutischen Industrie 6:3; Westfall and Krishen 2001, J Stat Plan Inference 99:25).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real

from bayes_lupil.errors import InputError

__all__ = ["Gate", "Hypothesis", "fixed_sequence"]

_REPORTED = ("", "significant", "not significant")


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One step of a hierarchy, as published.

    Attributes
    ----------
    name : str
        What is tested.
    p : float or None
        Two-sided p-value; None if no figure was published.
    reported : str
        What the paper says in words: "significant", "not significant" or "" (nothing). It decides only
        where p is None: a figure outranks words.

    Raises
    ------
    InputError
        (a ValueError) If the name is empty, p is not between 0 and 1, or `reported` is another text.

    Examples
    --------
    >>> Hypothesis("SRI-4 at week 12", 0.3439)
    Hypothesis(name='SRI-4 at week 12', p=0.3439, reported='')
    """

    name: str
    p: float | None
    reported: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise InputError("hypothesis name", repr(self.name), "a text that is not empty")
        given: object = self.p
        # NaN fails both comparisons, so it is refused here as well.
        if given is not None and not (isinstance(given, Real) and 0.0 <= float(given) <= 1.0):
            raise InputError(f"p of {self.name!r}", repr(given), "a number from 0 to 1, or None if none was published")
        if self.reported not in _REPORTED:
            required = " or ".join(map(repr, _REPORTED))
            raise InputError(f"reported of {self.name!r}", repr(self.reported), required)


@dataclass(frozen=True, slots=True)
class Gate:
    """What became of one step; made by `fixed_sequence`.

    Attributes
    ----------
    step : int
        Place in the sequence, from 1.
    name : str
        Name of the hypothesis.
    p : float or None
        p-value as given.
    adjusted_p : float or None
        Largest p-value up to this step; None if one of them was not published.
    alpha : float
        Level of the test.
    status : str
        "significant", "not significant", "reported significant, no figure published",
        "reported not significant, no figure published", "unknown: neither figure nor result published",
        or "no formal claim: formal testing stops at step k".
    """

    step: int
    name: str
    p: float | None
    adjusted_p: float | None
    alpha: float
    status: str


def fixed_sequence(hypotheses: Sequence[Hypothesis], alpha: float = 0.05) -> tuple[Gate, ...]:
    """Test hypotheses in their order until the first that is not significant.

    Parameters
    ----------
    hypotheses : sequence of Hypothesis
        In the prespecified order.
    alpha : float
        Familywise level, between 0 and 1. A step is significant if p <= alpha.

    Returns
    -------
    tuple of Gate
        One per hypothesis, in the same order.

    Raises
    ------
    InputError
        (a ValueError) If there is no hypothesis, or alpha is not between 0 and 1.

    Notes
    -----
    Adjusted p-values are the running maximum of p (Westfall and Krishen 2001; Dmitrienko et al. 2009,
    Multiple Testing Problems in Pharmaceutical Statistics, chapter 2): a step is significant exactly if
    its adjusted p-value is at most alpha. A step without a figure leaves all later ones without an
    adjusted p-value; nothing is put in its place. If the paper reports it as significant, the gate
    stays open on the paper's word; if the paper says nothing, the gate closes.

    Examples
    --------
    >>> for gate in fixed_sequence([Hypothesis("primary", 0.3439), Hypothesis("secondary", 0.01)]):
    ...     print(gate.name, gate.adjusted_p, gate.status)
    primary 0.3439 not significant
    secondary 0.3439 no formal claim: formal testing stops at step 1
    """
    level = _alpha(alpha)
    if len(hypotheses) == 0:
        raise InputError("hypotheses", "an empty sequence", "at least one Hypothesis")
    gates: list[Gate] = []
    running: float | None = 0.0
    closed_at: int | None = None
    for step, hypothesis in enumerate(hypotheses, start=1):
        if running is not None:
            running = None if hypothesis.p is None else max(running, float(hypothesis.p))
        if closed_at is not None:
            status = f"no formal claim: formal testing stops at step {closed_at}"
        else:
            status, passes = _verdict(hypothesis, level)
            if not passes:
                closed_at = step
        gates.append(Gate(step, hypothesis.name, hypothesis.p, running, level, status))
    return tuple(gates)


def _alpha(alpha: float) -> float:
    try:
        level = float(alpha)
    except (TypeError, ValueError) as error:
        raise InputError("alpha", repr(alpha), "a number between 0 and 1") from error
    if not 0.0 < level < 1.0:
        raise InputError("alpha", repr(alpha), "a number between 0 and 1")
    return level


def _verdict(hypothesis: Hypothesis, alpha: float) -> tuple[str, bool]:
    """Status of a step whose gate is open, and whether the next gate opens."""
    if hypothesis.p is not None:
        return ("significant", True) if hypothesis.p <= alpha else ("not significant", False)
    if hypothesis.reported:
        return f"reported {hypothesis.reported}, no figure published", hypothesis.reported == "significant"
    return "unknown: neither figure nor result published", False
