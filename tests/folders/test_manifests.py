"""What a run wrote is told by its manifest, and by nothing that somebody else put there."""

from __future__ import annotations

import json
import subprocess

import pytest

from bayes_lupil.errors import OutputError
from bayes_lupil.folders import MANIFEST, output_folder
from tests.folders.test_folder import FIRST, NAMES, SECOND, fill, tree


def test_the_hashes_are_those_of_the_files(tmp_path):
    fill(tmp_path / "w", FIRST)
    for place in ("", "sub", "sub/deep"):
        folder = tmp_path / "w" / place
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        told = "".join(f"{digest}  {name}\n" for name, digest in content["files"].items())
        subprocess.run(["sha256sum", "--check", "--strict"], input=told, text=True, cwd=folder, check=True)
        there = {path.name for path in folder.iterdir()} - {MANIFEST}
        assert there == {*content["files"], *content["folders"]}


def test_what_a_manifest_says_already_is_kept(tmp_path):
    with output_folder(tmp_path / "w", ["a.txt"]) as new:
        (new / "a.txt").write_text("x")
        (new / MANIFEST).write_text(json.dumps({"model": {"name": "mine\u202e"}}))
    text = (tmp_path / "w" / MANIFEST).read_text(encoding="utf-8")
    assert json.loads(text)["model"] == {"name": "mine\u202e"}
    assert "\u202e" not in text
    assert list(json.loads(text)["files"]) == ["a.txt"]


@pytest.mark.parametrize(
    "name", ["../mine.txt", "/etc/passwd", "sub/../../mine.txt", "..\\mine.txt", "C:mine.txt", "..", ".", "", "a\0b"]
)
@pytest.mark.parametrize("kind", ["files", "folders"])
def test_a_manifest_that_was_tampered_with_leads_nowhere_else(tmp_path, name, kind):
    fill(tmp_path / "w", FIRST)
    (tmp_path / "mine.txt").write_text("mine")
    path = tmp_path / "w" / MANIFEST
    content = json.loads(path.read_text())
    content[kind] = {**content[kind], name: "0" * 64} if kind == "files" else [*content[kind], name]
    path.write_text(json.dumps(content))
    fill(tmp_path / "w", SECOND)
    assert tree(tmp_path) == {"mine.txt": "mine", **{f"w/{name}": text for name, text in SECOND.items()}}


def test_a_link_in_the_place_of_a_folder_of_the_run_is_not_followed(tmp_path):
    fill(tmp_path / "w", FIRST)
    (tmp_path / "w" / "sub").rename(tmp_path / "away")
    (tmp_path / "w" / "sub").symlink_to(tmp_path / "away")
    fill(tmp_path / "w", SECOND, names=list(SECOND))
    assert (tmp_path / "away" / "b.txt").read_text() == "first b"


@pytest.mark.parametrize(
    "text",
    ["", "not JSON", "[]", "null", "[" * 100_000, '{"files": {"a.txt": ""}}', '{"made_by": "bayes_lupil 0.1.0"}',
     '{"made_by": "bayes_lupil", "files": ["a.txt"], "folders": {}}', '{"made_by": "x", "files": {}, "folders": []}',
     "\ufeff{}", "\xff"],
)  # fmt: skip
def test_a_manifest_of_another_kind_makes_nothing_ours(tmp_path, text):
    (tmp_path / "a.txt").write_text("mine")
    (tmp_path / MANIFEST).write_bytes(text.encode("latin-1" if text == "\xff" else "utf-8"))
    with pytest.raises(OutputError, match=r"'a\.txt'"):
        fill(tmp_path, SECOND)
    assert (tmp_path / "a.txt").read_text() == "mine"


OLDER = {"model": {}, "model_hash": "0", "data_hash": "0", "versions": {}, "seed": 1}


def older(folder, pages=("comparison.md",)):
    """A report of a version whose manifests listed no files."""
    for name in ("site_effects", "itt_pooled"):
        (folder / name).mkdir(parents=True)
        (folder / name / MANIFEST).write_text(json.dumps(OLDER))
        for file in ("summary.csv", "benefit.csv", "diagnostics.json"):
            (folder / name / file).write_text("older")
    for page in (*pages, "a.txt", "report.html"):
        (folder / page).write_text("older")
    (folder / "sites").mkdir()
    (folder / "sites" / "sites.md").write_text("older")
    (folder / "mine.txt").write_text("mine")
    (folder / "site_effects" / "mine.txt").write_text("mine")


@pytest.mark.parametrize("page", ["comparison.md", "endpoints.md"])
def test_results_of_an_older_version_are_replaced_as_a_whole(tmp_path, page):
    older(tmp_path / "w", [page])
    fill(tmp_path / "w", SECOND, names=[*NAMES, page])
    assert tree(tmp_path / "w") == {**SECOND, "mine.txt": "mine", "site_effects/mine.txt": "mine"}


def test_without_the_page_of_an_older_version_only_its_fits_are_ours(tmp_path):
    older(tmp_path / "w", [])
    with pytest.raises(OutputError, match=r"'a\.txt'; 'report\.html' in the way"):
        fill(tmp_path / "w", SECOND)


def test_a_fit_of_an_older_version(tmp_path):
    older(tmp_path / "w")
    fill(tmp_path / "w" / "itt_pooled", {"summary.csv": "new"}, names=["summary.csv", "posterior.nc"])
    assert tree(tmp_path / "w" / "itt_pooled") == {"summary.csv": "new"}
