"""Published reanalyses beside what their inputs give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bayes_lupil.numbers import small
from bayes_lupil.published.library import Claim
from bayes_lupil.report.media.blocks import Block, Page, Paragraph, Table

__all__ = ["claims_page"]

_WORDS = {
    "p_benefit": "P(benefit)", "p_harm": "P(harm)", "p_harm_at_least": "P(harm), least",
    "p_harm_beyond": "P(harm beyond", "p_beyond": "P(effect better than",
    "log_effect": "log effect", "log_effect_sd": "SD of the log effect",
}  # fmt: skip


def claims_page(claims: Sequence[Claim], notes: bool = False) -> Page:
    """The table of printed numbers; notes below where asked for."""
    rows = [
        (claim.name, claim.prior, _what(claim.what), claim.printed, _digits(claim), claim.status) for claim in claims
    ]
    number = Counter(claim.status for claim in claims)
    follow, unchecked = number["does not follow"], number["cannot be checked"]
    first = (
        f"Of {len(claims)} printed {'number' if len(claims) == 1 else 'numbers'} {number['agrees']} agree with what "
        f"the stated inputs give, {follow} do not follow, {unchecked} cannot be checked (adjusted analyses, and priors "
        "that are not at hand)."
    )
    header = ("trial", "prior", "what", "printed", "recomputed", "")
    blocks: list[Block] = [
        Paragraph(first),
        Table.of(header, rows, "Published reanalyses; MCSE: of the published draws"),
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
    error = f" (MCSE {small(claim.mcse)})" if claim.mcse else ""
    return f"{claim.recomputed:.{decimals + 1}f}{error}"


def _first_of_each(claims: Sequence[Claim]) -> list[Claim]:
    return list({claim.prior: claim for claim in reversed(claims)}.values())[::-1]
