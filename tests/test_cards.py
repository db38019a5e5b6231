"""What objects show of themselves: little, safe, honest, and never more than twenty lines."""

from __future__ import annotations

import copy
import pickle
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bayes_lupil as bl
from bayes_lupil import Arms, Cells, EndPoint, Trial, sites
from bayes_lupil.cards import MOST_LINES, Card, picture_of_draws
from bayes_lupil.trials import Population
from bayes_lupil.trials.end_point import SYNTHETIC


class Texts(HTMLParser):
    """Tags and text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_data(self, data):
        self.text += data


@given(
    st.text(max_size=300), st.lists(st.tuples(st.text(max_size=60), st.text(max_size=2000)), max_size=40), st.text(),
    st.lists(st.text(min_size=1, max_size=80), max_size=4),
)  # fmt: skip
def test_a_card_is_short_and_safe_whatever_stands_in_it(heading, rows, alert, calls):
    card = Card(heading, tuple(rows), alert, tuple(calls))
    lines = card.text().splitlines()
    assert len(lines) <= MOST_LINES
    assert all(line.isprintable() for line in lines)
    page = Texts(card.html())
    assert set(page.tags) <= {"div", "style", "b", "table", "tr", "th", "td", "code"}


def test_rows_left_out_are_counted():
    text = Card("x", tuple((f"row {i}", "y") for i in range(50)), calls=("z",)).text()
    assert len(text.splitlines()) == MOST_LINES
    assert "... and 33 lines more" in text


@pytest.fixture(scope="module")
def trial():
    return bl.load_trial("beitler_landis")


@pytest.fixture(scope="module")
def posterior(trial):
    return bl.fit("site_effects", trial)


@pytest.fixture(scope="module")
def shown(trial, posterior):
    return {
        "trial": trial, "margins": bl.load_trial("lupil2"), "model": bl.load_model("site_effects"),
        "posterior": posterior, "table": sites.site_table(posterior),
        "reanalysis": bl.reanalyse(trial, [bl.load_model("itt_pooled"), bl.load_model("pp_pooled")]),
        "sites": sites.analyse_sites(trial, posterior.spec, (), follow=False),
        "outcomes": bl.synthetic_patients(), "cells": trial.data,
    }  # fmt: skip


def test_everything_shows_itself_in_few_lines(shown):
    for name, item in shown.items():
        for text in (repr(item), str(item)):
            assert len(text.splitlines()) <= MOST_LINES, name
            assert len(text) < 2500, name
        if hasattr(item, "_repr_html_"):
            assert "<table>" in item._repr_html_()
    assert (
        repr(copy.deepcopy(shown["trial"])) == repr(pickle.loads(pickle.dumps(shown["trial"]))) == repr(shown["trial"])
    )


def test_a_trial_shows_arms_counts_and_direction(shown):
    text = repr(shown["margins"])
    assert "placebo 29/50 (58.0 %) v ILT-101 34/50 (68.0 %)" in text
    assert "higher is better" in text
    assert "patients by site not published" in text


def test_a_posterior_shows_effect_probability_error_and_verdict(posterior):
    text, benefit = repr(posterior), posterior.p_benefit
    assert f"median {100 * posterior.row('risk_difference').q50:+.1f} percentage points" in text
    assert re.search(rf"P\(risk difference > 0\) +{benefit.probability:.3f} \(MCSE 0\.00\d\)", text)
    assert "drug minus control" in text
    assert "ok: k-hat" in text


def test_no_probability_and_no_picture_where_diagnostics_fail(trial):
    failed = bl.fit(bl.model("itt_pooled", engine="quadrature", points=256), trial)
    assert not failed.verdict.ok
    assert "P(" not in repr(failed)
    assert "effect" not in repr(failed)
    assert "FAILED" in repr(failed)
    assert "<svg" not in failed._repr_html_()


def test_made_up_data_say_so_first():
    cells = Cells(("A", "B"), np.array([[3, 5], [2, 4]]), np.array([[10, 10], [8, 9]]))
    made = Trial.from_cells(cells, Arms("c", "t"), EndPoint("y", "y"), "made", synthetic=True)
    for item in (made, bl.fit("itt_pooled", made), bl.reanalyse(made, [bl.load_model("itt_pooled")])):
        assert repr(item).splitlines()[0] == SYNTHETIC
        assert SYNTHETIC in item._repr_html_()


@pytest.mark.parametrize("values", [np.linspace(-0.1, 0.3, 999), np.zeros(9), np.full(9, 0.5), np.array([-1e-9, 2e-9])])
def test_the_picture_is_well_formed_and_shows_both_sides(values):
    for sign in (1, -1):
        root = ElementTree.fromstring(picture_of_draws(values, sign, "draws of <x> & y"))
        bars = [item for item in root.iter() if item.tag == "rect"]
        assert len(bars) == 48
        assert max(float(bar.get("height")) for bar in bars) == 56
        assert "nan" not in ElementTree.tostring(root, encoding="unicode")
    strong = [bar for bar in bars if bar.get("opacity") == "1.0"]
    assert (len(strong) > 0) == bool((values < 0).any())


def test_a_continuous_trial_names_a_call_that_can_be_made():
    rng = np.random.default_rng(1)
    data = bl.Measurements(("A", "A", "B", "B") * 6, np.array([0, 1] * 12), rng.normal(5, 2, 24))
    point = bl.EndPoint("pain", "Pain", "lower", "mm", kind="continuous")
    trial = bl.Trial("t", "T", bl.Arms("p", "d"), point, data, {"itt": Population("itt", "itt")})
    assert "next: bl.fit(bl.model('sledai_absolute', end_point=..., alpha=..., beta=..., sigma=...), trial)" in repr(
        trial
    )
    normal = bl.priors.normal
    sigma = bl.priors.half_normal(5)
    model = bl.model(
        "sledai_absolute", end_point="pain", alpha=normal(0, 9), beta=normal(0, 3), sigma=sigma, gamma=None
    )
    assert bl.fit(model, trial).verdict.ok
