"""LICENCES.md lists what bayes_lupil runs on, as it is installed and locked."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import packages_distributions

import pytest

from tests.licences import GENERATIONS, OURS, PATH, closure, document, locked, rows, tables

TEXT = PATH.read_text(encoding="utf-8")
TABLES = tables(TEXT)


@pytest.mark.stack
@pytest.mark.skipif(sys.platform != "linux", reason="other systems need other packages; the file is of Linux")
def test_it_is_of_this_environment():
    assert TABLES[OURS] == rows(), "make licences"


@pytest.mark.parametrize("generation", GENERATIONS)
def test_each_package_is_locked_in_that_version(generation):
    versions = locked(generation)
    assert len(TABLES[generation]) > 60
    assert {name: version for name, version, *_ in TABLES[generation]}.items() <= versions.items(), "make licences"


def test_the_text_is_made_of_its_tables():
    assert document(TABLES) == TEXT


def test_every_licence_is_stated_and_no_host_named():
    assert all(licence not in ("", "see its files") for table in TABLES.values() for _, _, licence, _ in table)
    assert "://" not in TEXT


def test_what_is_not_permissive_is_named():
    assert "All are permissive but `cons` (LGPL-3.0; Python 3.11), which comes through PyMC and PyTensor." in TEXT
    changed = {
        name: [*table, ("a", "1", "GNU General Public License v3 (GPLv3)", "")] for name, table in TABLES.items()
    }
    assert "`a` (GNU General Public License v3 (GPLv3); Python 3.11 and Python 3.12 and later)" in document(changed)


@pytest.mark.stack
def test_nutpie_and_what_it_brings_are_an_extra():
    brought = {name for name, _, _, extra in rows() if "`nutpie`" in extra}
    assert {"nutpie", "pyarrow", "zarr", "obstore", "numcodecs"} <= brought
    assert not brought & closure()
    assert {"pymc", "numba", "scipy", "statsmodels", "python-docx", "latex2mathml"} <= closure()


WITHOUT = """
import sys
for name in {hidden!r}:
    sys.modules[name] = None  # as if it were not installed
import bayes_lupil
posterior = bayes_lupil.fit("site_effects", "beitler_landis")
assert posterior.verdict.ok and posterior.provenance.sampler.startswith("quadrature")
settings = {{"sampler__engine": "nuts", "sampler__draws": 200, "sampler__tune": 200}}
posterior = bayes_lupil.fit(bayes_lupil.load_model("itt_pooled").edited(**settings), "beitler_landis")
print(posterior.provenance.sampler, *posterior.provenance.notes)
from bayes_lupil.engines.nuts import compile_nutpie
try:
    compile_nutpie(None)
except bayes_lupil.BayesLupilError as problem:
    print(problem)
"""


@pytest.mark.stack
@pytest.mark.slow
def test_everything_fits_without_the_extra():
    brought = {name for name, _, _, extra in rows() if extra}
    hidden = [
        name for name, owners in packages_distributions().items() if {owner.lower() for owner in owners} <= brought
    ]
    assert {"nutpie", "pyarrow", "zarr", "obstore", "numcodecs"} <= set(hidden)
    command = [sys.executable, "-W", "ignore", "-c", WITHOUT.format(hidden=sorted(hidden))]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    sampled, refused = done.stdout.splitlines()
    assert sampled.startswith("PyMC ")
    assert "nutpie is not installed (pip install nutpie); sampled by PyMC instead" in sampled
    assert refused == "nutpie is not installed (pip install nutpie)"
