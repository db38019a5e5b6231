"""The trial, its estimand and its numbers: what files say, and 'not stated' where they do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bayes_lupil import Arms, Cells, EndPoint, Measurements, Trial, load_model, load_trial
from bayes_lupil.frequentist import trial_hierarchy
from bayes_lupil.model_analysis import Analysis
from bayes_lupil.reanalysis import Reanalysis
from bayes_lupil.report.media.blocks import Bullets, Paragraph, Table
from bayes_lupil.report.media.markdown import markdown
from bayes_lupil.report.reanalysis.contents import Contents
from bayes_lupil.report.reanalysis.trial_and_estimand import data_blocks, estimand_blocks, trial_blocks
from bayes_lupil.trials.populations import Population


def contents_of(trial, model="site_effects"):
    hierarchy = trial_hierarchy(trial) if trial.end_point.kind == "binary" else ()
    refused = Analysis(load_model(model), "refused", None, "not fitted here")
    return Contents(Reanalysis(trial, hierarchy, (refused,)))


def tables(blocks):
    return [block for block in blocks if isinstance(block, Table)]


def attributes(contents):
    return dict(tables(estimand_blocks(contents))[0].rows)


def words(blocks):
    return " ".join(block.text for block in blocks if isinstance(block, Paragraph))


@pytest.fixture(scope="module")
def lupil2():
    return contents_of(load_trial("lupil2"))


def test_populations_of_lupil2_with_counts_and_who_is_left_out(lupil2):
    blocks = trial_blocks(lupil2)
    populations = {row[0]: row for row in tables(blocks)[1].rows}
    assert populations["intention to treat"][1:5] == ("29/50", "34/50", "0", "prespecified")
    assert populations["per protocol"][1:5] == ("15/29", "20/24", "47", "prespecified; analysed post hoc")
    left_out = next(block for block in blocks if isinstance(block, Bullets)).items
    assert left_out[0].startswith("per protocol: 21 patients of placebo, 14 of them responders (")
    assert left_out[1].startswith("per protocol: 26 patients of ILT-101, 14 of them responders (")
    about = dict(tables(blocks)[0].rows)
    assert about["sites"].startswith("25; patients by site never published")
    assert about["important difference"].startswith("10 percentage points (declared by this reanalysis")


def test_the_estimand_of_lupil2(lupil2):
    rows = attributes(lupil2)
    assert rows["treatments"] == "ILT-101 against placebo"
    assert rows["population"] == "intention to treat: all 100 randomised patients"
    assert rows["missing outcomes"] == "never published: the rule for missing outcomes"
    assert rows["intercurrent events and their strategy"].startswith(
        "not stated in the trial file; the model file takes"
    )
    assert rows["population-level summary"].startswith("Risk difference, active minus control")
    assert "has no result" in words(estimand_blocks(lupil2))


def test_the_lead_analysis_is_described_where_there_is_one(resampled):
    trial = load_trial("beitler_landis")
    posterior = resampled(load_model("itt_pooled"), trial)
    contents = contents_of(trial)
    sound = Analysis(posterior.spec, "ok", posterior)
    contents = replace(
        contents, reanalysis=replace(contents.reanalysis, analyses=(*contents.reanalysis.analyses, sound))
    )
    assert "`itt_pooled`, the main analysis" in words(estimand_blocks(contents))
    assert attributes(contents)["missing outcomes"] == "not stated in the trial file"


def test_sites_left_out_and_events_never_published_are_said(lupil2):
    trial = replace(lupil2.trial, not_published=("rescue medication", "withdrawals"))
    reanalysis = lupil2.reanalysis
    spec = reanalysis.analyses[0].model.edited(without_sites=["A", "B"], population="pp", estimand="Something else")
    changed = replace(reanalysis, trial=trial, analyses=(replace(reanalysis.analyses[0], model=spec),))
    rows = attributes(Contents(changed))
    assert rows["intercurrent events and their strategy"] == "never published: rescue medication; withdrawals"
    assert rows["population"].endswith("; without A, B")
    assert rows["missing outcomes"] == "not stated in the trial file"


@pytest.mark.parametrize(("benefit", "side"), [("higher", "above"), ("lower", "below")])
def test_words_follow_the_direction_of_benefit(lupil2, benefit, side):
    end_point = replace(lupil2.trial.end_point, benefit=benefit)
    turned = Contents(replace(lupil2.reanalysis, trial=replace(lupil2.trial, end_point=end_point)))
    rows = attributes(turned)
    what = "response probability" if benefit == "higher" else "risk"
    assert f"a {benefit} {what} is the benefit" in rows["variable"]
    assert rows["population-level summary"].endswith(f"A difference {side} 0 is a benefit.")
    assert dict(tables(trial_blocks(turned))[0].rows)["what is good"].startswith(f"a {benefit} ")


def test_every_number_has_its_source_and_grade(lupil2):
    numbers, printed = tables(data_blocks(lupil2))
    assert ("34/50", "intention to treat, ILT-101 (68 %)", "humrich2022", "B") in numbers.rows
    assert ("25", "number of sites", "registry", "A") in numbers.rows
    assert len(numbers.rows) == len(lupil2.trial.provenance)
    grades = next(block for block in data_blocks(lupil2) if isinstance(block, Bullets)).items
    assert [grade[0] for grade in grades] == ["A", "B"]
    assert lupil2.trial.data_hash in words(data_blocks(lupil2))
    # as printed, letter by letter, and nowhere else
    assert [row[3] for row in printed.rows] == [
        "68 % v 58 %, p = 0.3439", "83.3 % v 51.7 %, p = 0.0168",
        "reported significant, without a figure", "reported significant, without a figure",
    ]  # fmt: skip
    assert not any("0.3439" in cell for row in numbers.rows for cell in row)


def test_made_up_data_say_so():
    contents = contents_of(load_trial("synthetic_outlier"))
    for blocks in (trial_blocks(contents), data_blocks(contents)):
        assert isinstance(blocks[0], Paragraph)
        assert blocks[0].strong
        assert "SYNTHETIC" in blocks[0].text
    assert ("20/20", "site 05, placebo", "simulated", "declared") in tables(data_blocks(contents))[0].rows


def a_file(folder, sites, rows):
    path = folder / "mine.csv"
    path.write_text("site,arm,responders,n\n" + "".join(rows(i) for i in range(sites)), encoding="utf-8")
    return contents_of(load_trial(path, control="placebo", active="drug"))


def test_a_users_own_file_is_named_and_counted_by_site(tmp_path):
    contents = a_file(tmp_path, 3, lambda i: f"S{i},placebo,1,{i + 4}\nS{i},drug,2,{i + 5}\n")
    blocks = data_blocks(contents)
    assert "the file mine.csv (the user's file)" in words(blocks)
    (counts,) = tables(blocks)
    assert counts.rows == (("S0", "1/4", "2/5"), ("S1", "1/5", "2/6"), ("S2", "1/6", "2/7"))
    grades = next(block for block in blocks if isinstance(block, Bullets)).items
    assert grades == ("no grade: from the user's own file, as it stands there",)


def test_of_many_sites_the_largest_are_shown_and_that_is_said(tmp_path):
    # S0 to S9 are the smallest, and stand first in the file
    contents = a_file(tmp_path, 70, lambda i: f"S{i},placebo,1,{4 + i}\nS{i},drug,2,5\n")
    (counts,) = tables(data_blocks(contents))
    assert [row[0] for row in counts.rows] == [f"S{i}" for i in range(10, 70)]
    assert "the 60 largest of 70" in counts.caption


def test_of_many_declared_numbers_the_largest_are_shown(lupil2):
    many = tuple({"number": f"1/{n}", "what": f"site {n}, drug", "source": "s", "grade": "A"} for n in range(2, 102))
    trial = replace(lupil2.trial, provenance=many)
    numbers = tables(data_blocks(Contents(replace(lupil2.reanalysis, trial=trial))))[0]
    assert [row[0] for row in numbers.rows] == [f"1/{n}" for n in range(42, 102)]
    assert "the 60 largest of 100" in numbers.caption


def test_patient_data_are_counted_by_site_and_population(tmp_path):
    path = tmp_path / "patients.csv"
    rows = ["site,arm,cured,pop_pp", "A,placebo,0,1", "A,placebo,1,0", "A,drug,1,1", "B,drug,1,1", "B,placebo,0,1"]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    contents = contents_of(load_trial(path, control="placebo", active="drug", end_point="cured"))
    (counts,) = tables(data_blocks(contents))
    assert counts.rows == (("A", "1/2", "1/1"), ("B", "0/1", "1/1"))
    populations = {row[0]: row for row in tables(trial_blocks(contents))[1].rows}
    assert populations["pp"][1:5] == ("0/2", "2/2", "1", "not stated in the trial file")


def test_a_continuous_end_point_is_counted_in_patients_measured():
    data = Measurements(("A", "A", "B", "B"), np.array([0, 1, 0, 1]), np.array([1.0, 2.0, np.nan, 4.0]))
    end_point = EndPoint("score", "Score", "lower", "points", mcid=3.0, kind="continuous")
    everyone = {"itt": Population("itt", "intention to treat")}
    contents = contents_of(Trial("t", "T", Arms("placebo", "drug"), end_point, data, everyone), "sledai_absolute")
    (counts,) = tables(data_blocks(contents))
    assert counts.rows == (("A", "1", "1"), ("B", "0", "1"))
    about, populations = tables(trial_blocks(contents))
    assert populations.rows[0][1:4] == ("1 measured", "2 measured", "1")
    assert dict(about.rows)["important difference"].startswith("3 points (")
    assert "a lower value is the benefit" in attributes(contents)["variable"]


def test_names_are_text_whatever_they_hold_and_intervals_have_no_short_form():
    odd = ("<script>alert(1)</script>", "=1+1", "x" * 300)
    cells = Cells(odd, np.array([[1, 2]] * 3), np.array([[5, 5]] * 3))
    contents = contents_of(Trial.from_cells(cells, Arms("a|b", "\u202edrug"), EndPoint("cure", "<b>Cure</b>")))
    text = markdown([*trial_blocks(contents), *estimand_blocks(contents), *data_blocks(contents)])
    assert "<script>" not in text
    assert "<b>" not in text
    assert "\u202e" not in text
    assert "x" * 300 in text
    assert " CI" not in text
    assert "CrI" not in text
