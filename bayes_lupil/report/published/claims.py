"""Published reanalyses beside what their inputs give."""

from __future__ import annotations

from collections.abc import Sequence

from bayes_lupil.published.library import Claim
from bayes_lupil.report.media.blocks import Block, Page, Paragraph, Table

__all__ = ["claims_page"]

_WORDS = {
    "p_benefit": "P(benefit)", "p_harm": "P(harm)", "p_harm_at_least": "P(harm), least",
    "p_harm_beyond": "P(harm beyond", "p_beyond": "P(effect better than",
    "log_effect": "log effect", "log_effect_sd": "SD of the log effect",
}  # fmt: skip
_VERDICT = {True: "agrees", False: "does not follow"}


def claims_page(claims: Sequence[Claim], notes: bool = False) -> Page:
    """The table of printed numbers; notes below where asked for."""
    rows = [
        (claim.name, claim.prior, _what(claim.what), claim.printed, _digits(claim), _VERDICT[claim.agrees])
        for claim in claims
    ]
    wrong = sum(not claim.agrees for claim in claims)
    agree = f"{len(claims) - wrong} agree with what the stated inputs give"
    first = f"{len(claims)} printed numbers: {agree}, {wrong} do not follow."
    blocks: list[Block] = [
        Paragraph(first),
        Table.of(("trial", "prior", "what", "printed", "recomputed", ""), rows, "Published reanalyses"),
        Paragraph(
            "A number agrees where it is the recomputed one rounded or cut off, give or take three Monte Carlo "
            "standard errors where it is known to come from draws."
        ),
    ]
    if notes:
        blocks += [Paragraph(f"{claim.prior}: {claim.note}.") for claim in _first_of_each(claims) if claim.note]
    return Page("", tuple(blocks))


def _what(text: str) -> str:
    kind, _, value = text.partition(" ")
    words = _WORDS.get(kind, kind.replace("_", " "))
    return f"{words} {value})" if value else words


def _digits(claim: Claim) -> str:
    decimals = len(claim.printed.partition(".")[2])
    return f"{claim.recomputed:.{decimals + 1}f}"


def _first_of_each(claims: Sequence[Claim]) -> list[Claim]:
    return list({claim.prior: claim for claim in reversed(claims)}.values())[::-1]
