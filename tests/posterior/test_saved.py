"""Saved posteriors: what is read is what was written, or an error says what differs."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr

from bayes_lupil import Cells, Posterior, Trial, fit, load_model, load_trial
from bayes_lupil.errors import InputError, OutputError, SavedFileError
from bayes_lupil.posterior.saved import FORMAT, NO_CHECKSUM, write_posterior
from tests.proofs import FIT

KEPT = ("posterior", "sample_stats", "constant_data", "diagnostics")
"""Groups of the small file whose bits are flipped; the others are written by the same code."""


@pytest.fixture(scope="module")
def whole() -> Posterior:
    return fit(load_model("site_effects").edited(sampler__points=1024, sampler__engine="quadrature"), "beitler_landis")


@pytest.fixture(scope="module")
def small(whole: Posterior) -> Posterior:
    groups = {name: whole.data[name].to_dataset() for name in KEPT}
    few = {name: group.isel(draw=slice(0, 3)) if "draw" in group.dims else group for name, group in groups.items()}
    few["posterior"] = few["posterior"][["alpha", "beta", "u", "risk_difference"]]
    return replace(whole, data=xr.DataTree.from_dict(few))


def _same(one: Posterior, other: Posterior) -> bool:
    return (
        one.data.identical(other.data)
        and one.spec == other.spec
        and one.provenance == other.provenance
        and one.provenance.end_point == other.provenance.end_point
    )


def test_a_round_trip(whole: Posterior, tmp_path: Path) -> None:
    back = Posterior.load(whole.save(tmp_path / "x.nc"))
    assert _same(back, whole)
    assert back.benefit().equals(whole.benefit())
    assert back.provenance.notes == whole.provenance.notes
    assert _same(Posterior.load(back.save(tmp_path / "y.nc")), whole)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.nc", "y.nc"]


def test_every_kind_of_value_survives(small: Posterior, tmp_path: Path) -> None:
    """Numbers that are none, infinities, truth, whole numbers, text, nothing at all."""
    odd = xr.Dataset(
        {
            "nan": ("i", [np.nan, np.inf, -np.inf, -0.0]),
            "flag": ("i", [True, False, True, True]),
            "count": ("i", np.arange(4, dtype=np.int32)),
            "single": ("i", np.linspace(0, 1, 4, dtype=np.float32)),
            "text": ("i", ["Köln", "", "a b", "ν"]),
            "none": ("j", np.empty(0)),
            "scalar": ((), 3.5),
        },
        coords={"i": list("abcd")},
        attrs={"told": "by hand"},
    )
    tree = small.data.copy()
    tree["odd"] = xr.DataTree(odd)
    mine = replace(small, data=tree)
    assert _same(Posterior.load(mine.save(tmp_path / "x.nc")), mine)


@pytest.mark.proof(*FIT, "files.py")
@pytest.mark.parametrize("seed", range(8))
def test_flipped_bits_are_told_or_do_no_harm(small: Posterior, tmp_path: Path, seed: int) -> None:
    """40 bits each, anywhere in the file, and 10 in the texts that hold model and provenance."""
    path = small.save(tmp_path / "x.nc")
    good = path.read_bytes()
    rng = np.random.default_rng([20261126, seed])
    model, checksums = good.find(b'{"schema"'), good.find(b'"checksums"')
    assert model > 0
    anywhere = rng.integers(len(good), size=40)
    texts = rng.integers(model, model + 3000, size=10)
    told = 0
    for at in (*anywhere, *texts, *([checksums + 3] if checksums > 0 else [])):
        bad = bytearray(good)
        bad[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(bad))
        try:
            back = Posterior.load(path)
        except SavedFileError:
            told += 1
        else:
            assert _same(back, small), f"bit of byte {at}"
    assert told > 5


def _edit(path: Path, change: Callable[[h5py.File], None]) -> None:
    with h5py.File(path, "r+") as file:
        change(file)


def _in(attribute: str, *keys: str, to: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        content = json.loads(file.attrs[attribute])
        table = content
        for key in keys[:-1]:
            table = table[key]
        assert table[keys[-1]] != to
        table[keys[-1]] = to
        file.attrs[attribute] = json.dumps(content)

    return change


def _drop(attribute: str) -> Callable[[h5py.File], None]:
    return lambda file: file.attrs.__delitem__(attribute)


def _set(attribute: str, value: str) -> Callable[[h5py.File], None]:
    return lambda file: file.attrs.__setitem__(attribute, value)


def _value(name: str, to: Any) -> Callable[[h5py.File], None]:
    return lambda file: file[name].__setitem__((0,) * file[name].ndim, to)


EDITS: dict[str, tuple[Callable[[h5py.File], None], str]] = {
    "relevant difference": (_in("model", "decision", "relevant", to=0.9), "'model'"),
    "a prior": (_in("model", "priors", "alpha", "sd", to=3.5), "'model'"),
    "another model": (_set("model", json.dumps(load_model("site_intercepts").to_dict())), "'model'"),
    "direction of benefit": (_in("provenance", "end_point", "benefit", to="lower"), "'provenance'"),
    "kind of end point": (_in("provenance", "end_point", "kind", to="continuous"), "'provenance'"),
    "seed": (_in("provenance", "seed", to=99), "'provenance'"),
    "an arm": (_in("provenance", "arms", "control", to="cnntrol"), "'provenance'"),
    "totals": (_in("provenance", "totals", to=[[1, 57], [2, 57]]), "'provenance'"),
    "data hash": (_in("provenance", "data_hash", to="0" * 64), "'provenance'"),
    "model hash": (_in("provenance", "model_hash", to="0" * 64), "'provenance'"),
    "synthetic": (_in("provenance", "synthetic", to=True), "'provenance'"),
    "made-up data": (_set("SYNTHETIC", "made-up data"), "'SYNTHETIC'"),
    "a further attribute": (_set("remark", "mine"), "'remark'"),
    "no model": (_drop("model"), "'model'"),
    "no provenance": (_drop("provenance"), "'provenance'"),
    "no checksums": (_drop("checksums"), "no checksums"),
    "no format": (_drop("format"), "format None"),
    "an older format": (_set("format", "bayes_lupil posterior 1"), "'format'"),
    "a foreign format": (_set("format", "bayes_lupil posterior 4"), "posterior 4"),
    "a checksum": (_in("checksums", "/posterior", to="0" * 64), "'/posterior'"),
    "a draw": (_value("posterior/beta", 9.0), "'/posterior'"),
    "a coordinate": (_value("posterior/site", "elsewhere"), "'/posterior'"),
    "a diagnostic": (lambda file: file["diagnostics/pareto_k"].__setitem__((), -1.0), "'/diagnostics'"),
    "counts": (_value("constant_data/n", 50), "'/constant_data'"),
    "the trial": (_value("trial/json", 65), "'/trial'"),
    "no trial": (lambda file: file.__delitem__("trial"), "'/trial'"),
    "a group": (lambda file: file.__delitem__("constant_data"), "'/constant_data'"),
    "a variable": (lambda file: file["posterior"].__delitem__("u"), "'/posterior'"),
    "a label": (
        lambda file: file["posterior/risk_difference"].attrs.__setitem__("long_name", "risk ratio"), "'/posterior'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_is_told_by_name(small: Posterior, tmp_path: Path, edit: str) -> None:
    change, named = EDITS[edit]
    path = small.save(tmp_path / "x.nc")
    _edit(path, change)
    with pytest.raises(SavedFileError) as told:
        Posterior.load(path)
    assert named in told.value.found
    assert "x.nc" in told.value.where


def _turned(trial: Trial) -> Trial:
    cells = trial.data
    assert isinstance(cells, Cells)
    return replace(trial, data=Cells(cells.sites[::-1], cells.responders[::-1], cells.n[::-1]))


TRIALS: dict[str, tuple[Callable[[Trial], Trial], str]] = {
    "other counts": (lambda _: load_trial("magnesium"), "data other than"),
    "another order": (_turned, "another order"),
    "another title": (lambda trial: replace(trial, title="x"), "another title"),
    "another name": (lambda trial: replace(trial, name="x"), "the trial 'x'"),
    "made up": (lambda trial: replace(trial, synthetic=True), "another synthetic"),
    "a unit": (lambda trial: replace(trial, end_point=replace(trial.end_point, unit="x")), "another end_point"),
}


@pytest.mark.parametrize("other", TRIALS)
def test_a_trial_that_is_not_that_of_the_draws_is_refused(small: Posterior, tmp_path: Path, other: str) -> None:
    """Whatever the checksums say: they are right here."""
    change, named = TRIALS[other]
    write_posterior(small.data, small.spec, small.provenance, change(small.trial), tmp_path / "x.nc")
    with pytest.raises(SavedFileError) as told:
        Posterior.load(tmp_path / "x.nc")
    assert named in told.value.found


def test_a_file_with_checksums_and_without_the_trial_is_read(
    small: Posterior, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the second format was; what needs the trial's data says what is missing, and takes it when it is given."""
    with monkeypatch.context() as patch:
        patch.setattr("bayes_lupil.posterior.saved.FORMAT", "bayes_lupil posterior 2")
        write_posterior(small.data, small.spec, small.provenance, None, tmp_path / "x.nc")
    back = Posterior.load(tmp_path / "x.nc")
    assert _same(back, small)
    assert not back.knows_trial
    with pytest.raises(InputError, match=r"no data of trial 'beitler_landis'"):
        _ = back.trial
    assert Posterior.load(tmp_path / "x.nc", small.trial).likelihood.site_names == small.trial.site_names


def test_others_open_the_file(whole: Posterior, tmp_path: Path) -> None:
    path = whole.save(tmp_path / "x.nc")
    with xr.open_datatree(path, engine="h5netcdf") as tree:
        assert tree["posterior"].to_dataset()["beta"].equals(whole.data["posterior"]["beta"])
        content = json.loads(np.asarray(tree["trial"]["json"], dtype=np.uint8).tobytes())
    assert content["data"]["Cells"]["sites"] == list(whole.trial.site_names)


def _as_before(posterior: Posterior, path: Path, **edits: Callable[[dict[str, Any]], None]) -> Path:
    """A file as the release before checksums wrote it."""
    tree = posterior.data.copy()
    model, provenance = posterior.spec.to_dict(), json.loads(json.dumps(posterior.provenance.to_dict()))
    for name, edit in edits.items():
        edit({"model": model, "provenance": provenance}[name])
    tree.attrs = {
        "format": "bayes_lupil posterior 1", "model": json.dumps(model), "provenance": json.dumps(provenance),
    }  # fmt: skip
    tree.to_netcdf(path, engine="h5netcdf")
    return path


def test_a_file_of_an_earlier_release_is_read_and_noted(whole: Posterior, tmp_path: Path) -> None:
    back = Posterior.load(_as_before(whole, tmp_path / "x.nc"))
    assert back.provenance.notes == (*whole.provenance.notes, NO_CHECKSUM)
    xr.testing.assert_identical(back.data, whole.data)
    assert back.benefit().equals(whole.benefit())
    again = Posterior.load(back.save(tmp_path / "y.nc"))
    assert again.provenance.notes == back.provenance.notes  # what it says stays true


def _put(*keys: str, to: Any) -> Callable[[dict[str, Any]], None]:
    def edit(content: dict[str, Any]) -> None:
        table = content
        for key in keys[:-1]:
            table = table[key]
        table[keys[-1]] = to

    return edit


OLD_EDITS: dict[str, tuple[str, Callable[[dict[str, Any]], None], str]] = {
    "relevant difference": ("model", _put("decision", "relevant", to=0.9), "model with the hash"),
    "a prior": ("model", _put("priors", "alpha", "sd", to=3.5), "model with the hash"),
    "model hash": ("provenance", _put("model_hash", to="f" * 64), "model with the hash"),
    "data hash": ("provenance", _put("data_hash", to="xyz"), "data hash"),
    "direction": ("provenance", _put("end_point", "benefit", to="lowes"), "benefit"),
    "kind": ("provenance", _put("end_point", "kind", to="continuous"), "mean_difference"),
    "unknown kind": ("provenance", _put("end_point", "kind", to="binarx"), "kind"),
    "seed as text": ("provenance", _put("seed", to="abc"), "seed"),
    "another seed": ("provenance", _put("seed", to=1), "seed"),
    "versions as a number": ("provenance", _put("versions", to=5), "versions"),
    "a version as a number": ("provenance", _put("versions", "numpy", to=2), "versions"),
    "totals": ("provenance", _put("totals", to=[[9, 3], [2, 4]]), "responders"),
    "totals of one arm": ("provenance", _put("totals", to=[[1, 3]]), "totals"),
    "resolution": ("provenance", _put("resolution", to="cellars"), "resolution"),
    "synthetic": ("provenance", _put("synthetic", to=True), "synthetic"),
    "an unknown key": ("provenance", _put("more", to=1), "more"),
    "exclusions": ("provenance", _put("exclusions", to=[{"arm": "x"}]), "exclusions"),
}


@pytest.mark.parametrize("edit", OLD_EDITS)
def test_without_checksums_what_can_be_checked_is(small: Posterior, tmp_path: Path, edit: str) -> None:
    where, change, named = OLD_EDITS[edit]
    path = _as_before(small, tmp_path / "x.nc", **{where: change})
    with pytest.raises(SavedFileError) as told:
        Posterior.load(path)
    assert named in told.value.found


def test_a_margins_trial_and_a_synthetic_one(resampled: Any, tmp_path: Path) -> None:
    for name, trial in (("site_effects", load_trial("lupil2")), ("itt_pooled", load_trial("he2020"))):
        for made in (trial, replace(trial, synthetic=True)):
            posterior = resampled(load_model(name), made)
            back = Posterior.load(posterior.save(tmp_path / "x.nc"))
            assert back.provenance == posterior.provenance
            xr.testing.assert_identical(back.data, posterior.data)


def test_a_full_disk_leaves_nothing(small: Posterior, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, content: bytes) -> int:
        with self.open("wb") as file:
            file.write(content[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="no space left"):
        small.save(tmp_path / "x.nc")
    assert list(tmp_path.iterdir()) == []


def test_the_checksums_depend_on_the_content_alone(small: Posterior, tmp_path: Path) -> None:
    stored = []
    for name, posterior in (("x.nc", small), ("y.nc", copy.deepcopy(small))):
        with h5py.File(posterior.save(tmp_path / name)) as file:
            assert file.attrs["format"] == FORMAT
            stored.append(json.loads(file.attrs["checksums"]))
    assert stored[0] == stored[1]
    assert set(stored[0]) == {"format", "model", "provenance", "/trial", *(f"/{name}" for name in KEPT)}
