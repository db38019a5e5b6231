"""How many cores a fit may use."""

from __future__ import annotations

import threading

import pytest

from bayes_lupil.cores import VARIABLE, at_once, usable_cores
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


def test_what_is_made_at_once_keeps_its_order(monkeypatch):
    monkeypatch.setenv(VARIABLE, "3")
    all_there = threading.Barrier(3, timeout=60)

    def make(item):
        all_there.wait()
        return 2 * item

    assert at_once(make, [3, 1, 2]) == [6, 2, 4]
    assert at_once(make, []) == []


def test_what_goes_wrong_in_one_is_told(monkeypatch):
    monkeypatch.setenv(VARIABLE, "2")
    with pytest.raises(ZeroDivisionError):
        at_once(lambda item: 1 / item, [1, 0, 2])
