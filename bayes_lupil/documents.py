"""Reads TOML documents against a schema and turns every complaint into an error that helps."""

from __future__ import annotations

import datetime
import hashlib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError
from pydantic_core import PydanticCustomError

from bayes_lupil.characters import name_fault, unholdable
from bayes_lupil.errors import InputError, did_you_mean, nearest
from bayes_lupil.limits import MOST_BYTES_OF_A_DOCUMENT, MOST_DIGITS, MOST_LETTERS, MOST_LEVELS, MOST_VALUES
from bayes_lupil.texts import read_text

__all__ = [
    "NAME_PATTERN", "Document", "Name", "canonical_hash", "parse_document", "read_content", "read_toml", "requirement",
]  # fmt: skip

D = TypeVar("D", bound=BaseModel)

NAME_PATTERN = r"^[A-Za-z0-9_-]{1,60}$"
"""Names that become parts of file names."""

_LONGEST_KEY = 100
_TOO_LONG = (f"a whole number of more than {MOST_DIGITS} digits", f"at most {MOST_DIGITS} digits")
_PART = r"""(?:[A-Za-z0-9_-]++|"[^"\n]*"|'[^'\n]*')"""
_MANY_PARTS = re.compile(rf"(?<![A-Za-z0-9_-]){_PART}(?:[ \t]*\.[ \t]*{_PART}){{{MOST_LEVELS}}}")


def _is_name(text: str) -> str:
    if fault := name_fault(text):
        raise requirement("", fault, "a name on one line, without control characters")
    return text


Name = Annotated[str, StringConstraints(min_length=1, max_length=MOST_LETTERS), AfterValidator(_is_name)]
"""Of an arm, a site, a column: what stands in tables and figures."""

_WORDS = {"string": "text in quotes", "integer": "a whole number", "number": "a number"}


class Document(BaseModel):
    """Base of every schema: frozen, no unknown keys, no silent conversion of text to numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def requirement(key: str, found: str, required: str) -> PydanticCustomError:
    """What a validator raises where values do not go together; the key is told from the table that is checked."""
    return PydanticCustomError("requirement", "{required}", {"key": key, "found": found, "required": required})


def read_toml(path: Path, schema: type[D], error: type[InputError]) -> D:
    """Read a TOML file against a schema.

    Raises
    ------
    InputError
        Of the given kind, naming the file and key, for bad TOML, unknown keys and impossible values.
    """
    return parse_document(read_content(path, error), schema, error, str(path))


def read_content(path: Path, error: type[InputError]) -> dict[str, Any]:
    """Read a TOML file, whatever it is about.

    Raises
    ------
    InputError
        Of the given kind, for a file that cannot be read, is no TOML, or is larger or deeper than the limits.
    """
    text = read_text(path, error, MOST_BYTES_OF_A_DOCUMENT)
    if found := _MANY_PARTS.search(text):  # reading it would take time with the square of its parts
        line = text.count("\n", 0, found.start()) + 1
        raise error(f"{path}, line {line}", *_too_deep("a key of more than"))
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise error(str(path), f"text that is not TOML ({problem})", "a TOML document") from None
    except ValueError:  # Python reads no number of thousands of digits
        raise error(str(path), *_TOO_LONG) from None
    except RecursionError:
        raise error(str(path), *_too_deep("more than")) from None


def parse_document(content: Mapping[str, Any], schema: type[D], error: type[InputError], where: str) -> D:
    """Check a mapping against a schema; the first complaint is raised, with the nearest valid spelling."""
    for number, (key, value, level) in enumerate(_values(content)):
        if fault := _fault(value, level, number):
            raise error(f"{where}, key '{_short(key)}'" if key else where, *fault)
    try:
        # JSON rules let a list stand for a tuple and an integer for a float, and nothing else
        return schema.model_validate_json(json.dumps(content, default=_as_json))
    except ValidationError as problem:
        complaints = problem.errors(include_url=False)
        # a misspelt key usually makes the right one 'missing' too: name the misspelling first
        complaints.sort(key=lambda item: item["type"] != "extra_forbidden")
        raise _translate(complaints[0], schema, error, where) from None


def _values(value: Any, key: str = "", level: int = 0) -> Iterator[tuple[str, Any, int]]:
    """(key, value, level) of all that a document holds, each before what is in it, and its keys as values too."""
    yield key, value, level
    if isinstance(value, BaseModel):
        value = value.model_dump(by_alias=True)
    if isinstance(value, Mapping):
        for name, item in value.items():
            inside = f"{key}.{name}" if key else str(name)
            yield inside, name if isinstance(name, str) else _NO_TEXT, level
            yield from _values(item, inside, level + 1)
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            yield from _values(item, f"{key}.{i}", level + 1)


_NO_TEXT = object()


def _fault(value: Any, level: int, number: int) -> tuple[str, ...]:
    """Found, required and what to do, of a value that no schema has a place for; empty where there may be one."""
    if level > MOST_LEVELS:
        return _too_deep("more than")
    if number > MOST_VALUES:
        return (
            f"more than {MOST_VALUES:,} keys, values and items of lists", f"at most {MOST_VALUES:,}",
            "A table of many sites is a CSV file, which [data] can name.",
        )  # fmt: skip
    if value is _NO_TEXT:
        return ("a key that is no text", "text as the key of every value")
    if isinstance(value, str) and (sign := unholdable(value)):
        return (f"text with the character U+{ord(sign[0]):04X}", "text without control characters")
    if isinstance(value, int) and abs(value) >= 10**MOST_DIGITS:
        return _TOO_LONG
    if isinstance(value, datetime.date | datetime.time):
        kind = "time" if isinstance(value, datetime.time) else "date"
        return (f"the {kind} {value}", "text, a number, a list or a table", f'As text it stands in quotes: "{value}".')
    return ()


def _too_deep(found: str) -> tuple[str, ...]:
    parts = "parts" if "key" in found else "tables and lists within each other"
    return (f"{found} {MOST_LEVELS} {parts}", f"at most {MOST_LEVELS}")


def _short(key: str) -> str:
    return key if len(key) <= _LONGEST_KEY else f"{key[:_LONGEST_KEY]}..."


def _translate(complaint: Any, schema: type[BaseModel], error: type[InputError], where: str) -> InputError:
    kind, message, context = complaint["type"], complaint["msg"], complaint.get("ctx", {})
    if kind == "json_invalid":
        return error(where, f"content that cannot be checked ({message})", "plain tables, lists, text and numbers")
    keys, tables = _walk(schema, complaint["loc"])
    if kind == "requirement" and context["key"]:
        keys.append(context["key"])
    elif kind == "union_tag_invalid":
        keys.append("family")
    key = _short(".".join(keys))
    place = f"{where}, key '{key}'" if key else where
    if kind == "extra_forbidden":
        known = {field.alias or name for table in tables for name, field in table.model_fields.items()}
        return error(place, f"the unknown key '{_short(keys[-1])}'", "a known key", nearest(keys[-1], known))
    if kind == "missing":
        return error(place, "nothing", "a value")
    if kind == "requirement":
        return error(place, context["found"], context["required"])
    given = complaint.get("input")
    if kind in {"literal_error", "enum", "union_tag_invalid"}:
        if isinstance(given, Mapping):
            given = given.get("family", "")
        expected = str(context.get("expected") or context.get("expected_tags"))
        choices = [part.strip("'\" ") for part in expected.replace(" or ", ",").split(",") if part.strip()]
        required = f"one of {', '.join(choices)}" if len(choices) > 1 else choices[0]
        return error(place, _show(given), required, did_you_mean(str(given), choices))
    if kind == "union_tag_not_found":
        _, members = _walk(schema, (*complaint["loc"], "family"))
        families = sorted(str(member.model_fields["family"].default) for member in members)
        found = "no key 'family'" if isinstance(given, Mapping) else _show(given)
        return error(place, found, f"a table with the key 'family', one of {', '.join(families)}")
    hint = f'As text it stands in quotes: "{_show(given)}".' if kind == "string_type" and _is_bare(given) else ""
    return error(place, _show(given), _in_words(kind, message, context), hint)


def _is_bare(value: object) -> bool:
    return isinstance(value, bool | int | float)


def _in_words(kind: str, message: str, context: Mapping[str, Any]) -> str:
    """What pydantic requires, in the words of somebody who writes TOML."""
    if kind == "string_pattern_mismatch" and context["pattern"] == NAME_PATTERN:
        return "1 to 60 letters, digits, '_' and '-'"
    if kind in {"model_type", "model_attributes_type", "dict_type"}:
        return "a table"
    if kind == "tuple_type":
        return "a list"
    short = re.sub(r"^(Value error, |(Input|String|Tuple) should (be|have) )", "", message)
    short = re.sub(r"a valid (\w+)", lambda match: _WORDS.get(match[1], match[0]), short)
    short = re.sub(r" after validation, not \d+$", "", short)
    return short[0].lower() + short[1:]


def _walk(schema: type[BaseModel], location: tuple[Any, ...]) -> tuple[list[str], list[type[BaseModel]]]:
    """The keys that lead to a location, as the user writes them, and the kinds of table that the last may stand in.

    Pydantic puts the tag of a discriminated union into the location; no such key stands in the file.
    """
    keys: list[str] = []
    inside = tables = _models_in(schema)
    for part in location:
        if isinstance(part, int):
            keys.append(str(part))
            continue
        fields = [field for m in inside for name, field in m.model_fields.items() if part in {name, field.alias}]
        tagged = [m for m in inside if "family" in m.model_fields and m.model_fields["family"].default == part]
        if tagged and not fields:
            inside = tagged
            continue
        keys.append(part)
        tables, inside = inside, [found for field in fields for found in _models_in(field.annotation)]
    return keys, tables


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and get_origin(annotation) is None:
        return [annotation]
    return [found for argument in get_args(annotation) for found in _models_in(argument)]


def _as_json(value: Any) -> Any:
    """Values that Python callers may hand over: numbers of NumPy, parts of a document."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    if getattr(value, "shape", None) == ():
        return value.item()
    return str(value)


def _show(value: object) -> str:
    if isinstance(value, str):
        return f"'{value}'"
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else text[:77] + "..."


def canonical_hash(content: object) -> str:
    """SHA-256 of content as JSON with sorted keys, so that layout and comments do not matter.

    Examples
    --------
    >>> canonical_hash({"b": 1, "a": 2}) == canonical_hash({"a": 2, "b": 1})
    True
    """
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
