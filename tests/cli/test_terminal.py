"""What the terminal gets is only text: no escape sequence, no mark that hides or turns what follows."""

from __future__ import annotations

import io
import os
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from bayes_lupil import load_trial
from bayes_lupil.characters import visible
from bayes_lupil.cli.console import Terminal
from bayes_lupil.cli.reading import tell_notes
from bayes_lupil.spec import is_model
from tests.proofs import WHOLE

HOSTILE = (
    "\x1b[2J\x1b]0;PWNED\x07",
    "\u202etfel",
    "a\u200bb",
    "\x9b31m",
    "\ud800",
    "[red]x[/red]",
    ":smile:",
    "\x0b\x08\r",
)


def printed(*things, **options):
    out = Terminal(file=io.StringIO(), width=200)
    out.print(*things, **options)
    return out.file.getvalue()


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("way", ["text", "markup", "style", "Text", "cell", "Text in a cell", "soft", "heading"])
def test_nothing_in_a_text_reaches_the_terminal_unseen(text, way):
    table = Table(text if way == "heading" else "head")
    table.add_row(Text(text) if way == "Text in a cell" else text)
    options = {"style": {"style": "bold red"}, "soft": {"soft_wrap": True}, "markup": {"markup": False}}.get(way, {})
    thing = {"Text": Text(text), "cell": table, "Text in a cell": table, "heading": table}.get(way, text)
    said = printed(thing, **options)
    assert visible(said) == said
    if way not in ("Text", "Text in a cell"):  # rich drops a few signs of a Text as it is made
        assert visible(text) in said


def spread(line):
    """A line with spaces for its tabs, each up to a multiple of eight columns, of which some signs take two."""
    *before, said = line.split("\t")
    columns = 0
    for i, part in enumerate(before):
        taken = columns + cell_len(part)
        columns = (taken // 8 + 1) * 8
        before[i] = part + " " * (columns - taken)
    return "".join(before) + said


def test_a_tab_leads_to_the_next_multiple_of_eight_columns():
    assert printed("ab\tc", soft_wrap=True) == "ab      c\n"
    assert printed("\u6f22\tc", soft_wrap=True) == "\u6f22      c\n"  # a sign of two columns
    assert printed("1234567\t\n12345678\tc", soft_wrap=True) == "1234567 \n12345678        c\n"


@given(st.text())
@example("\u2e80\t")
@example("a\t\u0301\tb\n\t\u6f22\t")
def test_whatever_is_printed_is_visible(text):
    said = printed(text, soft_wrap=True)
    assert visible(said) == said
    assert said == "\n".join(map(spread, visible(text).split("\n"))) + "\n"


def test_colour_of_our_own_is_kept():
    out = Terminal(file=io.StringIO(), force_terminal=True, color_system="standard", width=80)
    out.print("a\x1b[2Jb", style="bold red")
    assert out.file.getvalue() == "\x1b[1;31ma[U+001B][2Jb\x1b[0m\n"


# the commands

ROWS = """site,arm,responders,n
A{0},placebo,3,10
A{0},dr{0}ug,5,10
B,placebo,2,8
B,dr{0}ug,4,9
B,third{0},4,9
C{0},placebo,0,0
C{0},dr{0}ug,0,0
"""


@pytest.mark.parametrize("mark", ["\u202e", "\u200b", "\ufeff", "\u2066", "\U000e0041", "\u00ad"])
def test_names_are_told_whole_by_every_command(run, fake_engine, tmp_path, mark):
    path = tmp_path / f"na{mark}me\x1b[31m.csv"
    path.write_text(ROWS.format(mark), encoding="utf-8")
    arms = ("--control", "placebo", "--active", f"dr{mark}ug")
    for command in (("check",), ("trials",), ("fit", "itt_pooled"), ("sites", "--model", "site_fixed")):
        status, out, err = run(*command, path, *arms)
        said = out + err
        assert visible(said) == said, command
        assert "\x1b" not in said
        if status == 0:
            assert f"[U+{ord(mark):04X}]" in said, command
    status, out, err = run("reanalyse", path, *arms, "--models", tmp_path / "none", "--out", tmp_path / "o")
    assert status == 2
    assert visible(out + err) == out + err


@pytest.mark.parametrize("title", [r"\u001b]0;PWNED\u0007", r"a\u0000b", r"\u009b2J", r"\u000b"])
def test_a_title_that_no_output_can_hold_is_refused_by_its_key(run, tmp_path, title):
    _, text, _ = run("models", "site_effects")
    path = tmp_path / "m.toml"
    path.write_text(re.sub(r"(?m)^title = .*$", lambda _: f'title = "{title}"', text), encoding="utf-8")
    for command in ("check", "models", "fit"):
        status, out, err = run(command, path, *(["lupil2"] if command == "fit" else []))
        assert status == 2
        assert "key 'title'" in " ".join(err.split())
        assert visible(out + err) == out + err


def test_notes_are_visible(capsys, monkeypatch, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(ROWS.format("\u202e"), encoding="utf-8")
    trial = load_trial(path, control="placebo", active="dr\u202eug")
    err = Terminal(file=io.StringIO(), width=200)
    monkeypatch.setattr("bayes_lupil.cli.reading.err", err)
    tell_notes(trial, str(path))
    assert "arm 'third[U+202E]' is not compared" in err.file.getvalue()
    assert "site 'C[U+202E]' left out: no patients" in err.file.getvalue()


# one door


@pytest.mark.parametrize(
    "text",
    [
        "seed = " + "9" * 5000, "a = " + "[" * 100_000, "a." * 3000 + "a = 1", "a." * 100_000 + "a = 1",
        "priors = \x00", "priors = [", "", "[priors]\na = 0x" + "f" * 10_000, "\ufeff\ufeffpriors = 1",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "command", [("check",), ("models",), ("plans",), ("trials",), ("reanalyse", "he2020", "--models")]
)
def test_no_document_is_read_beside_the_door(run, tmp_path, text, command):
    path = tmp_path / "m.toml"
    path.write_text(text, encoding="utf-8")
    status, _, err = run(*command, path)
    assert status == 2
    assert str(path) in "".join(err.split("\n"))
    assert "Traceback" not in err


@pytest.mark.parametrize("kind", ["missing", "folder", "loop", "device", "pipe", "UTF-16", "no plan", "no model of it"])
def test_plans_are_read_as_models_are(run, tmp_path, kind):
    path = tmp_path / "p.toml"
    _, text, _ = run("plans", "lupil2_hierarchy")
    make = {
        "missing": lambda: None, "folder": path.mkdir, "loop": lambda: path.symlink_to("p.toml"),
        "device": lambda: path.symlink_to("/dev/zero"), "pipe": lambda: os.mkfifo(path),
        "UTF-16": lambda: path.write_text(text, encoding="utf-16"),
        "no plan": lambda: path.write_text("[build]\na = 1", encoding="utf-8"),
        "no model of it": lambda: path.write_text(
            re.sub("(?m)^model = .*$", 'model = "nothing"', text), encoding="utf-8"
        ),
    }  # fmt: skip
    make[kind]()
    status, out, err = run("plans", path)
    assert (status, out) == (2, "")
    assert "Traceback" not in err


def test_a_sound_plan_is_printed_as_it_stands(run, tmp_path):
    path = tmp_path / "p.toml"
    _, text, _ = run("plans", "lupil2_hierarchy")
    path.write_text(text, encoding="utf-8")
    assert run("plans", path) == (0, text, "")


def test_what_is_a_model(tmp_path):
    for name, text, answer in (("a.toml", "[priors]", True), ("b.toml", "a = 1", False), ("c.toml", "priors", False)):
        (tmp_path / name).write_text(text)
        assert is_model(str(tmp_path / name)) == answer
    (tmp_path / "d.csv").write_text("[priors]")
    for name in ("d.csv", "none.toml", "."):
        assert not is_model(str(tmp_path / name))


# made-up data


@pytest.mark.proof(*WHOLE)
def test_made_up_patients_are_read_by_every_command_and_keep_their_mark(run, fake_engine, tmp_path):
    path = tmp_path / "made_up.csv"
    run("synthetic", path)
    point = ("--end-point", "adverse_event", "--benefit", "lower")
    for command in (
        ("fit", "site_effects", path, *point, "--out", tmp_path / "fit"),
        ("reanalyse", path, *point, "--out", tmp_path / "all", "--one-engine"),
        ("sites", path, *point, "--model", "site_fixed"),
        ("endpoints", path, "--no-joint", "--one-engine", "--no-tipping", "--out", tmp_path / "ends"),
        ("trials", path, *point),
    ):
        status, out, err = run(*command)
        assert status in (0, 3), (command, err)
        assert "SYNTHETIC DATA" in out, command
    written = [file for folder in ("fit", "all", "ends") for file in (tmp_path / folder).rglob("*") if file.is_file()]
    assert len(written) > 30
    for file in written:
        if file.suffix in (".csv", ".json", ".md", ".tex", ".html", ".svg"):
            text = file.read_text(encoding="utf-8")
            assert "SYNTHETIC" in text or "made_by" in text, file  # the list of files has no data


@pytest.mark.parametrize(
    "name", ["photosynthetic_acne.csv", "synthetic.csv", "SYNTHETIC DATA.csv", "my_synthetic_lupil.csv"]
)
def test_real_patients_are_not_made_up_whatever_their_file_is_called(run, fake_engine, tmp_path, name):
    path = tmp_path / name
    path.write_text(ROWS.format("").replace("B,third,4,9\n", ""), encoding="utf-8")
    status, out, err = run("fit", "itt_pooled", path, "--json")
    assert status == 0, err
    assert '"synthetic": false' in out
