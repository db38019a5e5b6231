"""TOML documents against a schema: each complaint names file and key in the words of the file."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError, model_validator

from bayes_lupil.documents import Document, canonical_hash, parse_document, read_content, read_toml, requirement
from bayes_lupil.errors import InputError, ModelError


class Circle(Document):
    family: Literal["circle"] = "circle"
    radius: Annotated[float, Field(gt=0)]


class Box(Document):
    family: Literal["box"] = "box"
    width: float
    height: float

    @model_validator(mode="after")
    def _flat(self) -> Box:
        if self.width < self.height:
            raise requirement("", f"width {self.width:g}, height {self.height:g}", "a box wider than high")
        return self


class Sheet(Document):
    version: Literal[1] = Field(alias="schema")
    title: str
    count: Annotated[int, Field(ge=2, le=9)] = 3
    colour: Literal["red", "green"] = "red"
    shapes: tuple[Annotated[Circle | Box, Field(discriminator="family")], ...] = ()
    pair: Annotated[tuple[float, ...], Field(min_length=2, max_length=2)] = (0.0, 1.0)


GOOD = 'schema = 1\ntitle = "t"\n'


def refusal(path: Path, text: str | bytes) -> InputError:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ModelError) as caught:
        read_toml(path, Sheet, ModelError)
    return caught.value


def test_a_document_is_read_and_frozen(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text(GOOD + "pair = [1, 2.5]\n[[shapes]]\nfamily = 'circle'\nradius = 2\n", encoding="utf-8")
    sheet = read_toml(path, Sheet, ModelError)
    assert sheet.pair == (1.0, 2.5)
    assert sheet.shapes == (Circle(radius=2),)
    with pytest.raises(ValidationError, match="frozen"):
        sheet.count = 4


@pytest.mark.parametrize(
    ("text", "key", "found", "required", "hint"),
    [
        ('schema = 1\ntitel = "t"', "titel", "the unknown key 'titel'", "a known key", "Did you mean 'title'?"),
        ('schem = 1\ntitle = "t"', "schem", "the unknown key 'schem'", "a known key", "Did you mean 'schema'?"),
        ("schema = 1", "title", "nothing", "a value", ""),
        ("schema = 1\ntitle = 3", "title", "3", "text in quotes", 'As text it stands in quotes: "3".'),
        ('schema = 2\ntitle = "t"', "schema", "2", "1", ""),
        (GOOD + "count = 1", "count", "1", "greater than or equal to 2", ""),
        (GOOD + "count = 4.0", "count", "4.0", "a whole number", ""),
        (GOOD + "count = true", "count", "true", "a whole number", ""),
        (GOOD + "count = '4'", "count", "'4'", "a whole number", ""),
        (GOOD + "colour = 'Gren'", "colour", "'Gren'", "one of red, green", "Did you mean 'green'?"),
        (GOOD + "colour = 'xx'", "colour", "'xx'", "one of red, green", ""),
        (GOOD + "pair = [1]", "pair", "[1]", "at least 2 items", ""),
        (GOOD + "pair = [1, 2, 3]", "pair", "[1, 2, 3]", "at most 2 items", ""),
        (GOOD + "pair = 1", "pair", "1", "a list", ""),
        (GOOD + "pair = [1, nan]", "pair.1", "NaN", "a finite number", ""),
        (GOOD + "pair = [1, inf]", "pair.1", "Infinity", "a finite number", ""),
        (GOOD + "shapes = [3]", "shapes.0", "3", "a table", ""),
        (
            GOOD + "[[shapes]]\nradius = 1",
            "shapes.0",
            "no key 'family'",
            "a table with the key 'family', one of box, circle",
            "",
        ),
        (
            GOOD + "[[shapes]]\nfamily = 'Circel'",
            "shapes.0.family",
            "'Circel'",
            "one of circle, box",
            "Did you mean 'circle'?",
        ),
        (
            GOOD + "[[shapes]]\nfamily = 'box'\nwidth = 2\nheigth = 1",
            "shapes.0.heigth",
            "the unknown key 'heigth'",
            "a known key",
            "Did you mean 'height'?",
        ),
        (GOOD + "[[shapes]]\nfamily = 'circle'\nradius = -1", "shapes.0.radius", "-1", "greater than 0", ""),
        (
            GOOD + "[[shapes]]\nfamily = 'box'\nwidth = 1\nheight = 2",
            "shapes.0",
            "width 1, height 2",
            "a box wider than high",
            "",
        ),
    ],
)
def test_a_complaint_names_file_key_find_and_requirement(
    tmp_path: Path, text: str, key: str, found: str, required: str, hint: str
) -> None:
    problem = refusal(tmp_path / "a.toml", text)
    assert problem.where == f"{tmp_path / 'a.toml'}, key '{key}'"
    assert (problem.found, problem.required, problem.hint) == (found, required, hint)


def test_the_words_of_one_kind_of_table_are_not_proposed_for_another(tmp_path: Path) -> None:
    problem = refusal(tmp_path / "a.toml", GOOD + "[[shapes]]\nfamily = 'circle'\nradius = 1\nheigth = 1")
    assert problem.hint == "Valid: family, radius."


def test_text_that_is_not_toml(tmp_path: Path) -> None:
    problem = refusal(tmp_path / "a.toml", "schema = 1\ntitle =\n")
    assert problem.required == "a TOML document"
    assert "line 2" in problem.found


@pytest.mark.parametrize("value", ["9" * 5000, "[" * 5000 + "]" * 5000, "[" * 300 + "]" * 300])
def test_endless_numbers_and_endless_nesting_are_refused_like_anything_else(tmp_path: Path, value: str) -> None:
    problem = refusal(tmp_path / "a.toml", f"{GOOD}count = {value}\n")
    assert problem.where.startswith(str(tmp_path / "a.toml"))


@pytest.mark.parametrize("content", [b"", b" \n\t\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf \n"])
def test_an_empty_file(tmp_path: Path, content: bytes) -> None:
    assert refusal(tmp_path / "a.toml", content).found == "an empty file"


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(GOOD, encoding="utf-8-sig")
    assert read_toml(tmp_path / "a.toml", Sheet, ModelError).title == "t"


def test_numpy_numbers_and_parts_of_documents_count_as_what_they_are() -> None:
    content = {"schema": np.int64(1), "title": "t", "pair": [np.float64(0.5), 1], "shapes": [Circle(radius=2)]}
    sheet = parse_document(content, Sheet, ModelError, "here")
    assert sheet.pair == (0.5, 1.0)
    assert sheet.shapes == (Circle(radius=2),)


def test_text_never_becomes_a_number() -> None:
    with pytest.raises(ModelError, match="key 'count': found '3'; required: a whole number"):
        parse_document({"schema": 1, "title": "t", "count": "3"}, Sheet, ModelError, "here")


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
keys = st.sampled_from(["schema", "title", "count", "colour", "shapes", "pair", "other"])
shapes = st.lists(
    st.dictionaries(st.sampled_from(["family", "radius", "width"]), plain | st.sampled_from(["box", "circle"])),
    max_size=2,
)


@given(st.dictionaries(keys, plain | shapes))
def test_whatever_comes_the_answer_is_a_document_or_an_error_that_helps(content: dict[str, object]) -> None:
    problem = None
    try:
        parse_document({"schema": 1, "title": "t"} | content, Sheet, ModelError, "here")
    except ModelError as caught:
        problem = caught
    if problem:
        assert problem.where.startswith("here")
        assert problem.found
        assert problem.required


@given(st.dictionaries(st.text(), plain.filter(lambda value: value == value), min_size=2))
def test_the_hash_does_not_depend_on_the_order_of_keys(content: dict[str, object]) -> None:
    assert canonical_hash(content) == canonical_hash(dict(reversed(content.items())))


def test_the_hash_tells_values_and_their_order_apart() -> None:
    contents: list[object] = [{}, {"a": 1}, {"a": 2}, {"b": 1}, {"a": "1"}, {"a": [1, 2]}, {"a": [2, 1]}, {"a": None}]
    assert len({canonical_hash(content) for content in contents}) == len(contents)


def test_the_hash_is_sha_256_of_compact_json() -> None:
    """printf '{"a":"é","b":[1]}' | sha256sum, GNU coreutils 9.1."""
    expected = "fe44b490e297c0523c2a1ce591fc7b3b064b5ad3f2ac4634523685392680de5d"
    assert canonical_hash({"b": [1], "a": "é"}) == expected


# limits


@pytest.mark.parametrize(
    ("text", "where", "found"),
    [
        ("a = " + "[" * 33 + "]" * 33, "key 'a" + ".0" * 32 + "'", "more than 32 tables and lists"),
        ("a = " + "{b = " * 40 + "1" + "}" * 40, "", "more than 32 tables and lists"),
        ("a = " + "[" * 100_000, "", "more than 32 tables and lists"),
        (".".join("a" * 33) + " = 1", "line 3", "a key of more than 32 parts"),
        (" . ".join(["'a'"] * 3000) + " = 1", "line 3", "a key of more than 32 parts"),
        ("b = {" + ".".join(["a"] * 100_000) + " = 1}", "line 3", "a key of more than 32 parts"),
        ("[" + ".".join(['"a"'] * 50) + "]", "line 3", "a key of more than 32 parts"),
        ("count = " + "9" * 301, "key 'count'", "a whole number of more than 300 digits"),
        ("count = " + "9" * 5000, "", "a whole number of more than 300 digits"),
        ("count = -" + "9" * 301, "key 'count'", "a whole number of more than 300 digits"),
        ("count = 0x" + "f" * 5000, "key 'count'", "a whole number of more than 300 digits"),
        ("pair = [1, " + "1_" * 2000 + "1]", "key 'pair.1'", "a whole number of more than 300 digits"),
        ("a = [" + "0," * 100_001 + "]", "key 'a.", "more than 100,000 keys, values"),
        ("[b]\n" + "\n".join(f"a{i}=1" for i in range(50_001)), "", "more than 100,000 keys, values"),
        ("a = '" + "x" * 1_000_000 + "'", "", "a file of 1,000,029 bytes"),
        ("x" * 1000 + " = 1", "key 'x", "the unknown key 'xxxxx"),
    ],
)
def test_what_is_too_large_is_refused_by_its_limit(tmp_path: Path, text: str, where: str, found: str) -> None:
    problem = refusal(tmp_path / "a.toml", GOOD + text)
    assert problem.where.startswith(str(tmp_path / "a.toml"))
    assert where in problem.where
    assert len(problem.where) < len(str(tmp_path)) + 150
    assert problem.found.startswith(found)


@pytest.mark.parametrize(
    "text", ["count = 9", "[b]\n" + ".".join("a" * 32) + " = 1", "b = 1" + "0" * 299, "b = " + "[" * 31 + "]" * 31]
)
def test_what_is_just_small_enough_is_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.toml").write_text(GOOD + text, encoding="utf-8")
    content = read_content(tmp_path / "a.toml", ModelError)
    with contextlib.suppress(ModelError):
        parse_document(content, Sheet, ModelError, "here")
    assert content["title"] == "t"


@pytest.mark.parametrize("value", ["2026-01-01", "12:30:00", "2026-01-01T12:00:00Z", "2026-01-01 12:00:00"])
@pytest.mark.parametrize("place", ["title = {}", "colour = {}", "shapes = [{}]", "pair = [1, {}]", "other = {}"])
def test_a_bare_date_is_no_text(tmp_path: Path, value: str, place: str) -> None:
    text = GOOD.replace('title = "t"\n', "") if place.startswith("title") else GOOD
    problem = refusal(tmp_path / "a.toml", text + place.format(value))
    assert problem.found.startswith(("the date 2026", "the time 12"))
    assert problem.hint.startswith("As text it stands in quotes: ")
    assert place.split()[0] in problem.where


@pytest.mark.parametrize("value", ["3", "-1.5", "true", "false", "0x10", "1e3"])
def test_a_bare_number_is_no_text(tmp_path: Path, value: str) -> None:
    problem = refusal(tmp_path / "a.toml", f"schema = 1\ntitle = {value}")
    assert problem.required == "text in quotes"
    assert problem.hint.startswith("As text it stands in quotes: ")


@pytest.mark.parametrize("sign", ["\\u0000", "\\u001b", "\\u009b", "\\u000b", "\\u007f", "\\uffff", "\\ufdd0"])
@pytest.mark.parametrize(
    ("place", "key"),
    [
        ('colour = "{}"', "colour"), ('other = {{b = ["", "{}"]}}', "other.b.1"), ('"a{}" = 1', "a"),
        ('[[shapes]]\nfamily = "circle"\nradius = "{}"', "shapes.0.radius"), ('[x."{}".y]', "x."),
    ],
)  # fmt: skip
def test_a_character_that_no_output_can_hold_is_refused_by_its_key(
    tmp_path: Path, sign: str, place: str, key: str
) -> None:
    problem = refusal(tmp_path / "a.toml", GOOD + place.format(sign))
    assert f"key '{key}" in problem.where
    assert problem.found == f"text with the character U+{sign[2:].upper()}"
    assert str(problem).isprintable()


@pytest.mark.parametrize(
    "content",
    [
        {1: 2}, {("a",): 1}, {None: 1}, {"pair": [{2: 1}]}, {"title": "\ud800"}, {"\udfff": 1},
        {"count": 10**400}, {"shapes": [[[]]] * 3},
    ],
)  # fmt: skip
def test_what_python_hands_over_passes_the_same_door(content: dict[object, object]) -> None:
    with pytest.raises(ModelError) as caught:
        parse_document({"schema": 1, "title": "t", **content}, Sheet, ModelError, "here")
    assert caught.value.where.startswith("here, key '")
    assert str(caught.value).isprintable()


def test_a_document_within_itself_ends() -> None:
    content: dict[str, object] = {"schema": 1, "title": "t"}
    content["shapes"] = [content]
    with pytest.raises(ModelError, match="more than 32 tables and lists within each other"):
        parse_document(content, Sheet, ModelError, "here")
