"""Licences of what bayes_lupil runs on, from the environment's own metadata: `make licences` renews LICENCES.md.

The lock holds two generations of packages, for Python 3.11 and for later ones; each run renews the table of its own.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PATH = ROOT / "LICENCES.md"
EXTRAS = ("nutpie", "files")
GENERATIONS = ("Python 3.11", "Python 3.12 and later")
OURS = GENERATIONS[sys.version_info >= (3, 12)]
INTRODUCTION = """\
# Licences

bayes_lupil itself is under the MIT licence ([LICENSE](LICENSE)) and contains no other package. What it runs on, and
what the extras `nutpie` and `files` add, is listed here with the licence that each package states, in the versions of
`requirements.lock`; `make licences` renews the table of the Python in use. Who hands on an environment with these
packages, such as a container image, hands on their licence texts too.

{copyleft}

Some wheels hold parts under other licences, which their own licence files name: those of NumPy and SciPy the Fortran
library of GCC (GPL-3.0 with the exception for run-time libraries), that of setuptools autocommand (LGPL-3.0). Reports
with charts hold Vega, Vega-Lite and Vega-Embed (BSD-3-Clause) with D3 (ISC), as vl-convert-python brings them.
"""
# of packages whose metadata do not say; a text is known by words that it alone has
_TEXTS = {
    "LGPL-3.0": r"GNU LESSER GENERAL PUBLIC LICENSE\s+Version 3",
    "GPL-3.0": r"^\s*GNU GENERAL PUBLIC LICENSE\s+Version 3",
    "MPL-2.0": r"^\s*Mozilla Public License Version 2.0",
    "Apache-2.0": r"^\s*Apache License\s+Version 2.0",
    "BSD-3-Clause": r"Redistribution and use in source and binary forms.*Neither the name of",
    "MIT": r"Permission is hereby granted, free of charge",
}
_CLASSIFIER = "License :: OSI Approved :: "


def requirements(name: str, extra: str = "") -> set[tuple[str, str]]:
    """(package, extra) pairs that a package with one of its extras needs on this Python."""
    found = {(name, "")} if extra else set()
    for line in distribution(name).requires or ():
        needed = Requirement(line)
        here = needed.marker is None or needed.marker.evaluate({"extra": extra})
        if here and not (extra and needed.marker is None):
            found |= {(canonicalize_name(needed.name), wanted) for wanted in needed.extras or ("",)}
    return found


def closure(extra: str = "") -> set[str]:
    """All packages that bayes_lupil, with one of its extras, needs on this Python, directly or through others."""
    seen, ahead = set(), requirements("bayes-lupil", extra)
    while ahead:
        item = ahead.pop()
        if item not in seen:
            seen.add(item)
            ahead |= requirements(*item)
    return {name for name, _ in seen} - {"bayes-lupil"}


def licence_of(name: str) -> str:
    """What a package says of its licence: an SPDX expression, its words, its classifiers, or the text that it has."""
    stated = distribution(name).metadata
    if expression := stated.get("License-Expression"):
        return str(expression)
    classified = [text.removeprefix(_CLASSIFIER) for text in stated.get_all("Classifier", []) if _CLASSIFIER in text]
    words = (stated.get("License") or "").strip()
    if words and "\n" not in words and len(words) <= 60:
        return words
    return ", ".join(classified) or _by_its_text(name)


def _by_its_text(name: str) -> str:
    found = [
        file for file in distribution(name).files or () if re.search("licen[cs]e|copying", str(file), re.IGNORECASE)
    ]
    text = "\n".join(distribution(name).locate_file(file).read_text(encoding="utf-8") for file in found)
    return next((licence for licence, words in _TEXTS.items() if re.search(words, text, re.DOTALL)), "see its files")


def rows() -> list[tuple[str, str, str, str]]:
    """Package, version, licence, and through which extra it comes, of this Python."""
    always, more = closure(), {extra: closure(extra) for extra in EXTRAS}
    return [
        (
            name, distribution(name).version, licence_of(name),
            "" if name in always else ", ".join(f"`{extra}`" for extra, brought in more.items() if name in brought),
        )
        for name in sorted(always.union(*more.values()))
    ]  # fmt: skip


def tables(text: str) -> dict[str, list[tuple[str, ...]]]:
    """The rows of each generation in the text of the file."""
    found = {}
    for name, body in re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE):
        lines = [line for line in body.splitlines() if line.startswith("|")][2:]
        found[name] = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]
    return found


def locked(generation: str) -> dict[str, str]:
    """Version of each package in the lock, for one generation of Pythons."""
    python = {"python_full_version": "3.11.0" if generation == GENERATIONS[0] else "3.13.0"}
    found = {}
    for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines():
        if re.match(r"[a-z]", line):
            needed = Requirement(line.removesuffix(" \\"))
            if needed.marker is None or "python" not in str(needed.marker) or needed.marker.evaluate(python):
                found[canonicalize_name(needed.name)] = str(needed.specifier).removeprefix("==")
    return found


def copyleft(every: dict[str, list[tuple[str, ...]]]) -> str:
    """A sentence on the licences that ask for more than their own text."""
    asking = {
        (name, licence): [generation for generation in GENERATIONS if name in {row[0] for row in every[generation]}]
        for rows_ in every.values()
        for name, _, licence, _ in rows_
        if re.search("GPL|General Public|MPL|Mozilla|EPL|Eclipse", licence)
    }
    told = [f"`{name}` ({licence}; {' and '.join(where)})" for (name, licence), where in sorted(asking.items())]
    if not told:
        return "All are permissive."
    return f"All are permissive but {', '.join(told)}, which comes through PyMC and PyTensor."


def document(every: dict[str, list[tuple[str, ...]]]) -> str:
    """The text of LICENCES.md."""
    parts = [INTRODUCTION.format(copyleft=copyleft(every))]
    for generation in GENERATIONS:
        lines = ["| package | version | licence | extra |", "|---|---|---|---|"]
        lines += [f"| {' | '.join(row)} |".replace("|  |", "| |") for row in every[generation]]
        parts.append(f"## {generation}\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


def main() -> None:
    """Renew the table of this Python."""
    before = tables(PATH.read_text(encoding="utf-8")) if PATH.is_file() else {}
    every = {name: before.get(name, []) for name in GENERATIONS} | {OURS: rows()}
    PATH.write_text(document(every), encoding="utf-8")


if __name__ == "__main__":
    try:
        main()
    except PackageNotFoundError as problem:
        raise SystemExit(f"{problem.name} is not installed: make setup") from None
