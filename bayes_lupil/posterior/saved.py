"""Posteriors in files: NetCDF with a checksum of every part, so that what is read is what was written.

HDF5 notices damage to what it compresses, but not to attributes and coordinates: one flipped bit turned 'higher is
better' into nonsense, or a relevant difference of 0.1 into 0.9, and P(relevant benefit) with it. So the root holds the
SHA-256 of the model, of the provenance and of each group's content: names, dimensions, attributes and values. The trial
is the group 'trial': JSON in bytes, since HDF5 compresses no texts and has no room for long ones in an attribute.
"""

from __future__ import annotations

import io
import json
import re
import warnings
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from bayes_lupil.documents import canonical_hash
from bayes_lupil.errors import BayesLupilError, OutputError, SavedFileError
from bayes_lupil.files import made_folder, write_bytes
from bayes_lupil.posterior.estimands import EFFECTS
from bayes_lupil.posterior.provenance import Provenance
from bayes_lupil.spec import ModelSpec
from bayes_lupil.trials.stored import trial_from_dict, trial_to_dict
from bayes_lupil.trials.trial import Trial

__all__ = ["FORMAT", "NO_CHECKSUM", "read_posterior", "write_posterior", "write_tree"]

FORMAT = "bayes_lupil posterior 3"
_WITHOUT_TRIAL = "bayes_lupil posterior 2"
_WITHOUT_CHECKSUM = "bayes_lupil posterior 1"
NO_CHECKSUM = "read from a file of an earlier release, which has no checksum: damage to it may not have been noticed"
"""A note in the provenance of what was read from such a file."""
_REQUIRED = "a file written by Posterior.save"
_TEXTS = ("format", "model", "provenance", "SYNTHETIC")
_TRIAL = "trial"


def write_tree(tree: xr.DataTree, path: Path) -> None:
    """Write a tree as NetCDF, whole or not at all: in memory first, because HDF5 does not survive a full disk.

    Raises
    ------
    OutputError
        Where the file cannot be written, or is there and is something else, such as the data.
    """
    if path.is_file() and path.stat().st_size and not is_netcdf(path):
        raise OutputError(str(path), "a file that is no saved posterior", "a free name, or an earlier NetCDF file")
    checked = {"fletcher32": True}
    packed = {**checked, "zlib": True, "complevel": 1}
    # packing takes most of the time of draws of real numbers, and a tenth of their size; not so of counts, nor of
    # densities, which are the same for patients who are alike
    encoding = {
        f"/{group}": {
            str(name): packed if values.dtype.kind in "biu" or group == "log_likelihood" else checked
            for name, values in node.data_vars.items()
            if values.dtype.kind in "biuf" and values.ndim
        }
        for group, node in tree.children.items()
    }
    buffer = io.BytesIO()
    tree.to_netcdf(buffer, engine="h5netcdf", encoding=encoding)
    with made_folder(path.parent):
        write_bytes(path, buffer.getvalue())


def write_posterior(
    tree: xr.DataTree, spec: ModelSpec, provenance: Provenance, trial: Trial | None, path: Path
) -> None:
    """Write draws, model, provenance and trial with their checksums.

    Raises
    ------
    OutputError
        Where the file cannot be written, or is there and is something else, such as the data.
    """
    tree = tree.copy()
    if trial is not None:
        content = np.frombuffer(json.dumps(trial_to_dict(trial)).encode(), dtype=np.uint8)
        tree[_TRIAL] = xr.DataTree(xr.Dataset({"json": ("byte", content)}))
    tree.attrs = {
        "format": FORMAT,
        "model": json.dumps(spec.to_dict()),
        "provenance": json.dumps(provenance.to_dict()),
    }
    if provenance.synthetic:
        tree.attrs["SYNTHETIC"] = "made-up data, not from patients"
    tree.attrs["checksums"] = json.dumps(_checksums(tree))
    write_tree(tree, path)


def is_netcdf(path: Path) -> bool:
    """Whether a file begins as NetCDF files do."""
    with path.open("rb") as content:
        return content.read(4) in (b"\x89HDF", b"CDF\x01", b"CDF\x02", b"CDF\x05")


def read_posterior(path: Path) -> tuple[xr.DataTree, ModelSpec, Provenance, Trial | None]:
    """Draws, model, provenance and trial from a file that `write_posterior` wrote; no trial from an earlier release.

    Raises
    ------
    SavedFileError
        Where the file is missing, something else, or not what was written, naming what differs.
    """
    if not path.is_file():
        raise SavedFileError(str(path), "no such file", _REQUIRED)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damage, which is told below
            tree = _read(path)
        if found := _differences(tree):
            raise SavedFileError(str(path), found, _REQUIRED, "Fit the model again.")
        checked = "checksums" in tree.attrs
        spec = ModelSpec.from_dict(json.loads(tree.attrs["model"]), str(path))
        provenance, trial = _provenance(tree.attrs["provenance"]), _trial(tree)
        if found := _contradiction(tree, spec, provenance, trial):
            raise SavedFileError(str(path), found, _REQUIRED, "Fit the model again.")
    except SavedFileError:
        raise
    except Exception as problem:  # HDF5 reports damage through many types of exception
        told = str(problem) if isinstance(problem, BayesLupilError) else f"{type(problem).__name__}: {problem}"
        found = f"a damaged or foreign file ({told[:200]})"
        raise SavedFileError(str(path), found, _REQUIRED, "Fit the model again.") from problem
    tree.attrs = {}
    if trial is not None:
        del tree[_TRIAL]
    noted = provenance if checked or NO_CHECKSUM in provenance.notes else provenance.noted(NO_CHECKSUM)
    return tree, spec, noted, trial


def _read(path: Path) -> xr.DataTree:
    import h5py

    # walk through it first: where a part is damaged, h5netcdf leaves a half-made object behind
    with h5py.File(path) as whole:
        whole.visititems(lambda *_: None)
    with xr.open_datatree(path, engine="h5netcdf") as opened:
        tree: xr.DataTree = opened.load()
    return tree


def _checksums(tree: xr.DataTree) -> dict[str, str]:
    """By part of a tree: its own texts, and its groups."""
    texts = {name: sha256(str(tree.attrs[name]).encode()).hexdigest() for name in _TEXTS if name in tree.attrs}
    return texts | {node.path: _content(node.to_dataset(inherit=False)) for node in tree.subtree if node.path != "/"}


def _content(group: xr.Dataset) -> str:
    """SHA-256 of all that a group holds, whatever the types in which a file holds it."""
    found = sha256(_text({"attributes": dict(group.attrs), "coordinates": sorted(map(str, group.coords))}))
    for name in sorted(group.variables, key=str):
        variable = group.variables[name]
        values = np.asarray(variable.values)
        kind = {"f": "f", "i": "i", "u": "i", "b": "i"}.get(values.dtype.kind, "text")
        found.update(_text([str(name), list(variable.dims), list(values.shape), kind, dict(variable.attrs)]))
        if kind == "f":
            values = np.where(np.isnan(values), np.nan, values)  # of which there are many in bits
        found.update(
            _text([str(value) for value in values.ravel()])
            if kind == "text"
            else np.ascontiguousarray(values, dtype="<f8" if kind == "f" else "<i8").tobytes()
        )
    return found.hexdigest()


def _text(content: object) -> bytes:
    return json.dumps(content, sort_keys=True, default=str).encode()


def _differences(tree: xr.DataTree) -> str:
    """What is not as it was written; empty where all is."""
    form = tree.attrs.get("format")
    if form not in (FORMAT, _WITHOUT_TRIAL, _WITHOUT_CHECKSUM):
        return f"format {form!r}"
    if "checksums" not in tree.attrs:
        return "" if form == _WITHOUT_CHECKSUM else "no checksums"
    stored, found = json.loads(tree.attrs["checksums"]), _checksums(tree)
    extra = set(tree.attrs) - {*_TEXTS, "checksums"}
    differ = {str(name) for name in {*stored, *found} if stored.get(name) != found.get(name)} | set(map(str, extra))
    return f"{' and '.join(map(repr, sorted(differ)))} not as it was written" if differ else ""


def _trial(tree: xr.DataTree) -> Trial | None:
    """The trial in a tree; None where there is none."""
    if _TRIAL not in tree.children:
        return None
    return trial_from_dict(json.loads(np.asarray(tree[_TRIAL]["json"], dtype=np.uint8).tobytes()))


@cache
def _adapter() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(Provenance)


def _provenance(text: str) -> Provenance:
    """From JSON, every value of the type that it must have."""
    from pydantic import ValidationError

    content = json.loads(text)
    if not isinstance(content, Mapping) or (unknown := set(content) - {item.name for item in fields(Provenance)}):
        raise ValueError(f"provenance: {'no table' if not isinstance(content, Mapping) else sorted(unknown)}")
    try:
        found: Provenance = _adapter().validate_json(text, strict=True)
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"provenance.{where}: {first['msg']}") from None
    return found


def _contradiction(tree: xr.DataTree, spec: ModelSpec, provenance: Provenance, trial: Trial | None) -> str:
    """What in a file goes against something else in it; empty where nothing does."""
    with_words = canonical_hash(json.loads(tree.attrs["model"]))  # as earlier versions had it
    if provenance.model_hash not in (spec.hash, with_words):
        return f"a model with the hash {spec.hash[:12]}, and draws of one with the hash {provenance.model_hash[:12]}"
    if not re.fullmatch("[0-9a-f]{64}", provenance.data_hash):
        return f"the data hash {provenance.data_hash!r}"
    if provenance.seed != spec.sampler.seed:
        return f"the seed {provenance.seed}, and {spec.sampler.seed} in the model"
    if provenance.synthetic != ("SYNTHETIC" in tree.attrs):
        return "synthetic data in one place and not in the other"
    for responders, patients in provenance.totals or ():
        if not 0 <= responders <= patients:
            return f"{responders} responders of {patients} patients"
    if trial is not None:
        coords = tree["posterior"].coords
        if found := provenance.differs_from(trial, list(map(str, coords["site"].values)) if "site" in coords else []):
            return f"a trial with {found}"
        for name in ("title", "synthetic", "arms", "end_point", "resolution"):
            if getattr(trial, name) != getattr(provenance, name):
                return f"another {name} of the trial than its provenance has"
        if trial.name != provenance.trial:
            return f"the trial '{trial.name}', and a posterior of '{provenance.trial}'"
    tree["sample_stats"]
    effect = EFFECTS[provenance.end_point.kind]
    return "" if effect in tree["posterior"].data_vars else f"no {effect}, which is the effect of its end point"
