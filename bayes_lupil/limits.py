"""How large what is read may be: every limit of a reader, in one place, and each named where it is passed.

They lie at or above what was tried (a million patients, 500,000 sites, 999,999,999,999 patients in an arm by both
engines' tests), and keep a refusal within about a second.
"""

from __future__ import annotations

__all__ = [
    "MOST_BYTES_OF_A_DOCUMENT",
    "MOST_BYTES_OF_A_TABLE",
    "MOST_CELLS",
    "MOST_COLUMNS",
    "MOST_DIGITS",
    "MOST_LETTERS",
    "MOST_LEVELS",
    "MOST_LINES",
    "MOST_PATIENTS",
    "MOST_UNPUBLISHED_SITES",
    "MOST_VALUES",
]

MOST_BYTES_OF_A_DOCUMENT = 1_000_000
"""Of a TOML file; the built-in ones have about 10,000. Reading a million takes up to a second."""

MOST_LEVELS = 32
"""Tables and lists within each other, and parts of a dotted key; 6 are used."""

MOST_VALUES = 100_000
"""Keys, values and items of lists of a document, tables and lists among them."""

MOST_DIGITS = 300
"""Of a whole number; a longer one is above every number that computers count with."""

MOST_LETTERS = 300
"""Of a name: of an arm, a site, a patient or a column."""

MOST_BYTES_OF_A_TABLE = 250_000_000
"""Of a CSV file."""

MOST_LINES = 2_000_000
"""Of a CSV file."""

MOST_COLUMNS = 2_000
"""Of a CSV file."""

MOST_CELLS = 20_000_000
"""Rows times columns of a CSV file; about 2 GB of memory."""

MOST_PATIENTS = 999_999_999_999
"""Of an arm: counts, their sums and their products with proportions are exact numbers well beyond. Exact tests, which
go through every table with the same totals, have a limit of their own (`frequentist.two_by_two`)."""

MOST_UNPUBLISHED_SITES = 10_000
"""Sites of a trial whose site table was not published: each is a parameter of the sampler."""
