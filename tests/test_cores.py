"""How many cores a fit may use."""

from __future__ import annotations

import pytest

from bayes_lupil.cores import VARIABLE, usable_cores
from bayes_lupil.errors import InputError


def test_every_core_where_nothing_is_said(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 12)
    monkeypatch.delenv(VARIABLE, raising=False)
    assert usable_cores() == 12
    monkeypatch.setenv(VARIABLE, " ")
    assert usable_cores() == 12
    monkeypatch.setattr("os.cpu_count", lambda: None)
    assert usable_cores() == 1


def test_the_variable_decides(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 12)
    monkeypatch.setenv(VARIABLE, "3")
    assert usable_cores() == 3


@pytest.mark.parametrize("said", ["0", "-1", "two", "1.5", "²"])
def test_nonsense_is_refused(monkeypatch, said):
    monkeypatch.setenv(VARIABLE, said)
    with pytest.raises(InputError, match=r"BAYES_LUPIL_CORES.*positive whole number"):
        usable_cores()
