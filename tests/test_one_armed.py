"""Sites with patients of one arm only: what they do to a comparison within sites is told as numbers."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import bayes_lupil as bl
from bayes_lupil.posterior.provenance import ONE_ARMED
from bayes_lupil.trials import Population

NUMBERS = re.compile(r"would be ([\d.]+) \(MCSE ([\d.]+)\) instead of ([\d.]+) \(MCSE ([\d.]+)\)")
MEANS = re.compile(r"\(mean\) (-?[\d.]+) \(MCSE ([\d.]+)\) instead of (-?[\d.]+) \(MCSE ([\d.]+)\)")


def trial(sites, responders, n, benefit="higher"):
    cells = bl.Cells(tuple(sites), np.array(responders), np.array(n))
    return bl.Trial.from_cells(cells, bl.Arms("placebo", "drug"), bl.EndPoint("cure", "Cure", benefit))


def told(posterior):
    return [note for note in posterior.provenance.cautions if note.startswith(ONE_ARMED)]


ALL = trial("ABCDE", [[3, 5], [2, 6], [4, 7], [0, 1], [7, 0]], [[9, 9], [8, 9], [9, 9], [0, 9], [8, 0]])
WITHOUT = trial("ABC", [[3, 5], [2, 6], [4, 7]], [[9, 9], [8, 9], [9, 9]])


@pytest.mark.parametrize("model", ["site_effects", "site_intercepts"])
def test_the_numbers_are_those_of_the_trial_without_these_sites(model):
    posterior, other = bl.fit(model, ALL), bl.fit(model, WITHOUT)
    (note,) = told(posterior)
    assert note.startswith(f"{ONE_ARMED} (2): without them")
    found = [float(text) for text in NUMBERS.search(note).groups()]
    expected = [
        other.p_benefit.probability,
        other.p_benefit.mcse,
        posterior.p_benefit.probability,
        posterior.p_benefit.mcse,
    ]
    assert found == pytest.approx(expected, abs=0.0006, rel=0.3)
    assert found[::2] == pytest.approx(expected[::2], abs=0.0006)
    means = [float(text) for text in MEANS.search(note).groups()]
    assert means[::2] == pytest.approx([other.row("beta").mean, posterior.row("beta").mean], abs=0.0006)
    assert told(other) == []
    # they do something here: 1 of 9 on the drug and 7 of 8 on placebo, where the others say the reverse
    assert abs(found[0] - found[2]) > 4 * (found[1] + found[3])


def test_under_levels_of_their_own_they_say_nothing():
    """A site with one arm and a level of its own, under a flat prior, carries no information on the effect: a fact."""
    (note,) = told(bl.fit(bl.model("site_fixed", alpha=bl.priors.normal(0, 20)), ALL))
    without, error, chance, other_error = (float(text) for text in NUMBERS.search(note).groups())
    assert abs(without - chance) < 4 * np.hypot(error, other_error)
    mean, error, other, other_error = (float(text) for text in MEANS.search(note).groups())
    assert abs(mean - other) < 4 * np.hypot(error, other_error)


def test_where_nothing_is_told():
    assert told(bl.fit("itt_pooled", ALL)) == []  # no comparison within sites
    assert told(bl.fit(bl.load_model("site_effects").edited(without_sites=["D"]), ALL)) == []
    clusters = trial("ABC", [[3, 0], [2, 0], [0, 7]], [[9, 0], [8, 0], [0, 9]])
    assert told(bl.fit("site_effects", clusters)) == []  # said otherwise, and first
    assert "no site has patients of both arms" in bl.fit("site_effects", clusters).provenance.cautions[0]


def test_it_is_said_first(run, tmp_path: Path):
    rows = ["site,arm,responders,n"]
    rows += [f"{s},{a},{ALL.data.responders[i, j]},{ALL.data.n[i, j]}" for i, s in enumerate("ABCDE")
             for j, a in enumerate(("placebo", "drug")) if ALL.data.n[i, j]]  # fmt: skip
    (tmp_path / "t.csv").write_text("\n".join(rows))
    status, out, _ = run("fit", "site_effects", tmp_path / "t.csv", "--single-arm-sites")
    assert status == 0
    words = " ".join(out.split())
    assert words.index("2 of 5 sites have patients of one arm only (D, E; 17 of 70 patients)") < words.index("Arms:")
    assert words.index(f"Warning: {ONE_ARMED} (2)") < words.index("Arms:")


def test_of_a_continuous_end_point():
    rng = np.random.default_rng(2)
    site = np.repeat(["A", "B", "C", "D"], 20)
    arm = np.where(site == "D", 1, np.tile([0, 1], 40)).astype(int)
    value = rng.normal(5 + arm, 3)

    def measured(kept):
        names = tuple(dict.fromkeys(site[kept]))
        found = bl.Measurements(tuple(site[kept]), arm[kept], value[kept])
        assert set(found.sites) == set(names)
        point = bl.EndPoint("sledai_absolute", "x", "higher", "mm", kind="continuous")
        return bl.Trial("t", "t", bl.Arms("placebo", "drug"), point, found, {"itt": Population("itt", "itt")})

    model = bl.model("sledai_absolute", gamma=None)
    posterior, other = bl.fit(model, measured(site != "")), bl.fit(model, measured(site != "D"))
    (note,) = told(posterior)
    assert "(1): without it P(benefit)" in note
    assert "the mean difference (mean)" in note
    found = [float(text) for text in NUMBERS.search(note).groups()]
    assert found[::2] == pytest.approx([other.p_benefit.probability, posterior.p_benefit.probability], abs=0.0006)
