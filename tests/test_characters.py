"""What no output can hold, what nobody sees, and names that look alike."""

from __future__ import annotations

import json
import unicodedata
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_lupil.characters import alike, escaped, folded, name_fault, one_line, repeated, unholdable, visible

EVERY = [chr(code) for code in range(0x110000)]


def test_whatever_is_not_refused_xml_can_hold() -> None:
    held = "".join(c for c in EVERY if not unholdable(c) and c != "\r")
    assert ElementTree.fromstring(f"<a>{held.replace('&', '').replace('<', '')}</a>").text
    for c in "\x00\x01\x0b\x1b\x7f\x85\x9b\ud800\udfff\ufffe\uffff\ufdd0\U0001ffff\U0010ffff":
        assert unholdable(f"a{c}b")


def test_no_letter_digit_or_ordinary_sign_is_refused_or_changed() -> None:
    kinds = {"Lu", "Ll", "Lt", "Lm", "Nd", "Nl", "No", "Sc", "Sm", "Sk", "So", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po"}
    for c in EVERY:
        if unicodedata.category(c) in kinds and c != "\uffa0":
            assert not unholdable(c)
            assert visible(c) == c


def test_no_control_format_or_half_character_stays_hidden() -> None:
    seen = {"\n", "\t", *(c for c in EVERY if unicodedata.category(c) == "Cf" and visible(c) == c)}
    # marks that have a shape: Arabic and Kaithi numbers, Egyptian hieroglyphs, shorthand
    shaped = ("ARABIC", "SYRIAC", "KAITHI", "EGYPTIAN", "SHORTHAND")
    assert all(unicodedata.name(c, "ARABIC").startswith(shaped) for c in seen - {"\n", "\t"})
    for c in EVERY:
        if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} and c not in "\n\t":
            assert visible(c) == f"[U+{ord(c):04X}]"


@given(st.text())
def test_filters_do_no_more_when_applied_twice(text: str) -> None:
    assert visible(visible(text)) == visible(text)
    assert one_line(text).isprintable()
    assert one_line(visible(text)) == one_line(text)


@given(st.dictionaries(st.text(), st.text()))
def test_json_says_the_same_and_hides_nothing(content: dict[str, str]) -> None:
    text = escaped(json.dumps(content, ensure_ascii=False, indent=1))
    assert json.loads(text) == content
    assert visible(text) == text


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("Paris", ""), ("Köln \U0001f600", ""), ("\u200bParis", ""), ("", "an empty name"), ("  ", "spaces only"),
        ("a\tb", "a tab (U+0009)"), ("a\nb", "a line break (U+000A)"), ("a\rb", "a line break (U+000D)"),
        ("a\u2028b", "a line break (U+2028)"), ("a\x00b", "a control character (U+0000)"),
        ("a\x85", "a control character (U+0085)"), ("\x1b[2J", "a control character (U+001B)"),
        ("a\ud800", "a character that is none (U+D800)"), ("a\uffff", "a character that is none (U+FFFF)"),
    ],
)  # fmt: skip
def test_what_a_name_may_not_hold(name: str, fault: str) -> None:
    found = name_fault(name)
    assert fault in found
    assert bool(found) == bool(fault)
    assert found.isprintable()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Paris", "PARIS"), ("Paris 1", "Paris  1"), ("Paris 1", "Paris\xa01"), ("Paris", "Par\u200bis"),
        ("Köln", "Ko\u0308ln"), ("Straße", "STRASSE"), ("A1", "\uff21\uff11"), ("ΣΙΣ", "σις"), ("Paris", "\u202eParis"),
        ("Paris", "\ufeffParis"), ("Paris", "Paris\ufe0f"), ("\ufb01t", "fit"), ("I\u0307", "i\u0307"),
    ],
)  # fmt: skip
def test_names_that_look_alike(one: str, other: str) -> None:
    assert folded(one) == folded(other)
    assert alike(["x", one, "y", one, other]) == (one, other)


@pytest.mark.parametrize("names", [["Paris", "Pari"], ["1 11", "11 1"], ["Köln", "Koln"], ["a-b", "a b"], ["α", "a"]])
def test_names_that_do_not(names: list[str]) -> None:
    assert alike(names * 2) is None
    assert repeated(names) == ""
    assert repeated(names * 2) == names[0]


@given(st.text())
def test_folding_twice_is_folding_once(name: str) -> None:
    assert folded(folded(name)) == folded(name)
