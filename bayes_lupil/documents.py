"""Reads TOML documents against a schema and turns every complaint into an error that helps."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from bayes_lupil.errors import InputError, nearest

__all__ = ["Document", "canonical_hash", "parse_document", "read_text", "read_toml"]

D = TypeVar("D", bound=BaseModel)


class Document(BaseModel):
    """Base of every schema: frozen, no unknown keys, no silent conversion of text to numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def read_text(path: Path, error: type[InputError]) -> str:
    """The text of a file, which must exist, be UTF-8 and not be empty."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise error(str(path), "no such file", "an existing file") from None
    except OSError as problem:
        raise error(str(path), problem.strerror or str(problem), "a readable file") from None
    if not raw.strip():
        raise error(str(path), "an empty file", "a file with content")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = raw[: problem.start].count(b"\n") + 1
        raise error(
            f"{path}, line {line}",
            f"a byte (0x{raw[problem.start]:02x}) that is not UTF-8",
            "a text file in UTF-8",
            "Save the file again with the encoding UTF-8.",
        ) from None


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
    except tomllib.TOMLDecodeError as problem:
        raise error(str(path), f"text that is not TOML ({problem})", "a TOML document") from None
    return parse_document(content, schema, error, str(path))


def parse_document(content: Mapping[str, Any], schema: type[D], error: type[InputError], where: str) -> D:
    """Check a mapping against a schema; the first complaint is raised, with the nearest valid spelling."""
    try:
        # JSON rules let a list stand for a tuple and an integer for a float, and nothing else
        return schema.model_validate_json(json.dumps(content, default=str))
    except ValidationError as problem:
        complaints = problem.errors(include_url=False)
        # a misspelt key usually makes the right one 'missing' too: name the misspelling first
        complaints.sort(key=lambda item: item["type"] != "extra_forbidden")
        raise _translate(complaints[0], schema, error, where) from None


def _translate(complaint: Any, schema: type[BaseModel], error: type[InputError], where: str) -> InputError:
    location = [str(part) for part in complaint["loc"]]
    key = ".".join(location)
    place = f"{where}, key '{key}'" if key else where
    kind, message = complaint["type"], complaint["msg"]
    if kind == "extra_forbidden":
        known = _known_keys(schema, complaint["loc"][:-1])
        return error(place, f"the unknown key '{location[-1]}'", "a known key", nearest(location[-1], known))
    if kind == "missing":
        return error(place, "nothing", "a value")
    found = _show(complaint.get("input"))
    if kind == "value_error":
        return error(place, found, message.removeprefix("Value error, "))
    if kind in {"literal_error", "enum", "union_tag_invalid"}:
        context = complaint["ctx"]
        expected = str(context.get("expected") or context.get("expected_tags"))
        choices = [part.strip("'\" ") for part in expected.replace(" or ", ",").split(",") if part.strip()]
        given = complaint.get("input")
        if isinstance(given, Mapping):
            given = given.get("family", "")
            found = _show(given)
        return error(place, found, f"one of {', '.join(choices)}", nearest(str(given), choices))
    if kind == "union_tag_not_found":
        return error(place, found, "a table with the key 'family'")
    return error(place, found, message[0].lower() + message[1:])


def _known_keys(schema: Any, location: tuple[Any, ...]) -> list[str]:
    """Keys of the (sub-)schema at a location; union members are found by their tag."""
    models = _models_in(schema)
    for part in location:
        if isinstance(part, int):
            continue
        fields = [m.model_fields[part].annotation for m in models if part in m.model_fields]
        if fields:
            models = [found for field in fields for found in _models_in(field)]
        else:  # the tag of a discriminated union
            models = [m for m in models if part in str(m.model_fields.get("family", ""))] or models
    return sorted({key for m in models for key in m.model_fields})


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and get_origin(annotation) is None:
        return [annotation]
    return [found for argument in get_args(annotation) for found in _models_in(argument)]


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
