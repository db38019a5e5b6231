"""Reads TOML documents against a schema and turns every complaint into an error that helps."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import PydanticCustomError

from bayes_lupil.errors import InputError, did_you_mean, nearest

__all__ = ["NAME_PATTERN", "Document", "canonical_hash", "parse_document", "read_text", "read_toml", "requirement"]

D = TypeVar("D", bound=BaseModel)

NAME_PATTERN = r"^[A-Za-z0-9_-]{1,60}$"
"""Names that become parts of file names."""

_WORDS = {"string": "text in quotes", "integer": "a whole number", "number": "a number"}


class Document(BaseModel):
    """Base of every schema: frozen, no unknown keys, no silent conversion of text to numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def requirement(key: str, found: str, required: str) -> PydanticCustomError:
    """What a validator raises where values do not go together; the key is told from the table that is checked."""
    return PydanticCustomError("requirement", "{required}", {"key": key, "found": found, "required": required})


def read_text(path: Path, error: type[InputError]) -> str:
    """The text of a file, which must exist, be UTF-8 and not be empty."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise error(str(path), "no such file", "an existing file") from None
    except (OSError, ValueError) as problem:  # a ValueError for a name with a null byte
        found = getattr(problem, "strerror", None) or str(problem)
        raise error(str(path), found.lower(), "a readable file") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = raw[: problem.start].count(b"\n") + 1
        raise error(
            f"{path}, line {line}",
            f"a byte (0x{raw[problem.start]:02x}) that is not UTF-8",
            "a text file in UTF-8",
            "Save the file again with the encoding UTF-8.",
        ) from None
    if not text.strip():
        raise error(str(path), "an empty file", "a file with content")
    return text


def read_toml(path: Path, schema: type[D], error: type[InputError]) -> D:
    """Read a TOML file against a schema.

    Raises
    ------
    InputError
        Of the given kind, naming the file and key, for bad TOML, unknown keys and impossible values.
    """
    text = read_text(path, error)
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as problem:  # also numbers of thousands of digits, endless nesting
        raise error(str(path), f"text that is not TOML ({problem})", "a TOML document") from None
    return parse_document(content, schema, error, str(path))


def parse_document(content: Mapping[str, Any], schema: type[D], error: type[InputError], where: str) -> D:
    """Check a mapping against a schema; the first complaint is raised, with the nearest valid spelling."""
    try:
        # JSON rules let a list stand for a tuple and an integer for a float, and nothing else
        return schema.model_validate_json(json.dumps(content, default=_as_json))
    except ValidationError as problem:
        complaints = problem.errors(include_url=False)
        # a misspelt key usually makes the right one 'missing' too: name the misspelling first
        complaints.sort(key=lambda item: item["type"] != "extra_forbidden")
        raise _translate(complaints[0], schema, error, where) from None


def _translate(complaint: Any, schema: type[BaseModel], error: type[InputError], where: str) -> InputError:
    kind, message, context = complaint["type"], complaint["msg"], complaint.get("ctx", {})
    if kind == "json_invalid":
        return error(where, f"content that cannot be checked ({message})", "plain tables, lists, text and numbers")
    keys, tables = _walk(schema, complaint["loc"])
    if kind == "requirement" and context["key"]:
        keys.append(context["key"])
    elif kind == "union_tag_invalid":
        keys.append("family")
    key = ".".join(keys)
    place = f"{where}, key '{key}'" if key else where
    if kind == "extra_forbidden":
        known = {field.alias or name for table in tables for name, field in table.model_fields.items()}
        return error(place, f"the unknown key '{keys[-1]}'", "a known key", nearest(keys[-1], known))
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
    return error(place, _show(given), _in_words(kind, message, context))


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
