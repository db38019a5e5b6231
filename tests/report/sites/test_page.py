"""What a look at the sites writes and prints: the tables' numbers, SYNTHETIC everywhere, 80 columns."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st
from rich.console import Console

from bayes_lupil import Arms, Cells, EndPoint, Trial, load_model, load_trial
from bayes_lupil.errors import InputError
from bayes_lupil.model_analysis import Analysis
from bayes_lupil.numbers import points, probability
from bayes_lupil.report.look import SITE_FILES, look_summary, write_sites
from bayes_lupil.report.media.blocks import Bullets, Figure, Heading, Paragraph, Table
from bayes_lupil.report.media.markdown import markdown
from bayes_lupil.report.media.terminal import show
from bayes_lupil.report.sites.page import sites_page
from bayes_lupil.report.sites.sentences import most_telling
from bayes_lupil.report.unpublished.page import unpublished_page
from bayes_lupil.sites.analysis import analyse_sites
from bayes_lupil.unpublished.analysis import UnpublishedAnalysis
from bayes_lupil.unpublished.counts import unpublished_counts
from bayes_lupil.unpublished.retention import who_stayed
from tests.proofs import WHOLE

QUICK = {"sampler__points": 1024}
SHOWN = load_model("outliers_arms").edited(**QUICK)
NORMAL = load_model("site_effects").edited(**QUICK)


@pytest.fixture(scope="module")
def written(planted, tmp_path_factory):
    return write_sites(planted, tmp_path_factory.mktemp("sites"))


def printed(page, width=80):
    text = io.StringIO()
    show(page, Console(file=text, width=width))
    return text.getvalue()


def test_every_file_is_there_and_says_synthetic(written):
    names = {path.name for path in written.iterdir()}
    figures = {"site_shrinkage", "site_outliers", "exclusion_path", "predicted_by_site"}
    tables = {"sites.csv", "site_models.csv", "exclusion_path.csv", "predictive_checks.csv", "predicted_by_site.csv"}
    assert names - {"manifest.json"} <= set(SITE_FILES)
    assert names == {
        "sites.md",
        "manifest.json",
        *tables,
        *(f"{name}{suffix}" for name in figures for suffix in (".png", ".svg")),
    }
    for path in written.iterdir():
        if path.suffix != ".png":
            assert "SYNTHETIC" in path.read_text(encoding="utf-8"), path.name


def test_tables_hold_the_numbers_of_the_result(planted, written):
    table = pd.read_csv(written / "sites.csv").set_index("site")
    for row in planted.table.rows:
        assert table.loc[row.site, "p_outlier_control"] == pytest.approx(row.outlier[0].mean, abs=1e-6)
        assert table.loc[row.site, "retained"] == pytest.approx(row.retained.mean, abs=1e-6)
    path = pd.read_csv(written / "exclusion_path.csv")
    assert path["p_benefit"].tolist() == pytest.approx([point.p_benefit for point in planted.path.points], abs=1e-6)
    models = pd.read_csv(written / "site_models.csv").set_index("model")
    for name, posterior in planted.sound.items():
        assert models.loc[name, "p_benefit"] == pytest.approx(posterior.p_benefit.probability, abs=1e-6)
        assert models.loc[name, "p_benefit_mcse"] > 0
    assert set(models["weight"].notna()) == {True}


def test_the_page_points_to_what_is_there(written):
    text = (written / "sites.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert (written / target).is_file(), target
    assert "chosen because they look outlying" in text
    assert "Site 05 in the placebo arm (probability 99 %) looks outlying." in text
    assert "hash" in text.splitlines()[-1]
    assert "12/20 v 20/20" in text


def test_the_terminal_has_80_columns(planted):
    text = printed(look_summary(planted))
    assert max(map(len, text.splitlines())) <= 80
    assert "SYNTHETIC" in text.splitlines()[0]
    assert "From kept (1) to excluded (0): site 05" in text
    assert "MCSE" in text


def test_names_are_text_whatever_they_hold(planted, tmp_path):
    cells = planted.trial.data
    odd = ("<script>alert(1)</script>", "=1+1", "a|b", "[red]x[/red]", "\u202eturned", *cells.sites[5:])
    trial = Trial.from_cells(Cells(odd, cells.responders, cells.n), planted.trial.arms, planted.trial.end_point)
    result = analyse_sites(trial, SHOWN, (), follow=False)
    folder = write_sites(result, tmp_path)
    assert "<script>" not in (folder / "sites.md").read_text(encoding="utf-8")
    assert "'=1+1" in (folder / "sites.csv").read_text(encoding="utf-8")
    assert "a\\|b" in (folder / "sites.md").read_text(encoding="utf-8")
    told = printed(look_summary(result), 120)
    assert "<script>" in told
    assert "[red]x[/red]" in told
    assert "[U+202E]turned" in told
    assert "\u202e" not in told + (folder / "sites.md").read_text(encoding="utf-8")


def test_many_sites_are_cut_to_the_most_telling(planted):
    kept = most_telling(planted.table, 6)
    assert len(kept) == 6
    assert "site 05" in {row.site for row in kept}
    assert most_telling(planted.table, 100) == planted.table.rows


def test_a_chance_is_never_shown_as_certain():
    assert (probability(1.0), probability(0.0), probability(0.5)) == ("> 0.99", "< 0.01", "0.50")


@pytest.mark.proof(*WHOLE)
def test_unpublished_counts(fake_engine, tmp_path, monkeypatch):
    """On a stand-in for the sampler; every table, the page and the figure are written, and read back."""
    from bayes_lupil.unpublished.analysis import analyse_unpublished

    models = (load_model("site_effects"), load_model("outliers_control"), load_model("site_exnex"))
    monkeypatch.setattr("bayes_lupil.unpublished.analysis.site_models", lambda: models)
    monkeypatch.setattr("bayes_lupil.unpublished.analysis.MOST_REFITS", 2)
    monkeypatch.setattr("bayes_lupil.unpublished.analysis.margins_path", lambda *_, **__: ())
    result = analyse_unpublished(load_trial("lupil2"))
    assert [item.model.name for item in result.attempts] == [model.name for model in models]
    assert set(result.sound) == {"site_effects", "outliers_control"}
    folder = write_sites(result, tmp_path / "hidden")
    assert {path.name for path in folder.iterdir()} - {"manifest.json"} <= set(SITE_FILES)
    values = pd.read_csv(folder / "unpublished_counts.csv")
    assert len(values) == 7  # three counts, three pairs, all
    by_k = pd.read_csv(folder / "by_control_responders.csv")
    assert by_k["control_responders"].tolist() == list(range(1, 15))
    assert by_k["probability"].sum() == pytest.approx(1, abs=1e-5)
    page = (folder / "sites.md").read_text(encoding="utf-8")
    assert "lowest to highest" in page
    assert "(posterior)" in page
    assert "outliers_control" in page
    assert (folder / "unpublished_counts.png").stat().st_size > 10_000
    text = printed(look_summary(result))
    assert "never published" in text
    assert max(map(len, text.splitlines())) <= 80


# words and directions: a small trial as it is, with the other direction, and with its arms swapped

COUNTS = (((3, 7), (4, 9), (2, 8), (5, 9)), ((10, 10), (12, 14), (11, 10), (13, 13)))
NUMBER = r"[-+]\d+\.\d"
NO_KIND = r"95 %(?! (credible interval|of (the )?replicates|probable))"
CHANCE = r"([<>] )?(\d\.\d+)(?= \(MCSE)"


def small_trial(benefit, swapped):
    order = (1, 0) if swapped else (0, 1)
    y, n = ([[row[a] for a in order] for row in table] for table in COUNTS)
    names = [("placebo", "drug")[a] for a in order]
    return Trial.from_cells(
        Cells(("A", "B", "C", "D"), y, n), Arms(*names), EndPoint("response", "Response", benefit), name="small"
    )


@pytest.fixture(scope="module")
def turned():
    """The small trial in all four ways, by (direction, whether the arms are swapped)."""
    return {
        (benefit, swapped): analyse_sites(
            small_trial(benefit, swapped), NORMAL, (), suspects=("A",), powers=(1, 0.5, 0)
        )
        for benefit in ("higher", "lower")
        for swapped in (False, True)
    }


def pairs_of(page):
    """(risk difference, P(benefit)) of every sentence, alternative and row that has both, as they are written."""
    found = []
    texts = [block.text for block in page if isinstance(block, Paragraph)]
    texts += [item for block in page if isinstance(block, Bullets) for item in block.items]
    texts += [part for block in page if isinstance(block, Figure) for part in block.alternative.split("; ")]
    for text in texts:
        difference = re.search(rf"risk difference (?:is )?({NUMBER}) ", text)
        chance = re.search(rf"P\(benefit\) (?:is )?{CHANCE}", text)
        if difference and chance:
            found.append((float(difference[1]), float(chance[2])))
    for block in page:
        if isinstance(block, Table):
            for row in block.rows:
                cells = dict(zip(block.header, row, strict=True))
                difference = next((v for k, v in cells.items() if k.startswith(("risk difference", "difference"))), "")
                chance = next((v for k, v in cells.items() if k.startswith("P(benefit)")), "")
                match = re.search(CHANCE, chance)  # neither, where a site cannot be left out
                assert (match is None) == (difference in ("", "none"))
                if match:
                    found.append((float(re.match(NUMBER, difference)[0]), float(match[2])))
    return found


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("benefit", ["higher", "lower"])
def test_words_follow_direction_and_arms(turned, benefit, swapped):
    """The median lies on the side of benefit exactly where P(benefit) is above a half; and the words say which side."""
    result = turned[benefit, swapped]
    page = sites_page(result).blocks
    pairs = pairs_of(page)
    assert len(pairs) >= 1 + 3 + 1 + 4 + 3  # in short, the figure, models, sites, powers
    sign = 1 if benefit == "higher" else -1
    assert all((sign * difference > 0) == (chance > 0.5) for difference, chance in pairs)
    good = benefit == "higher" if not swapped else benefit == "lower"  # the drug raises the response at every site
    assert all((chance > 0.5) == good for _, chance in pairs)
    text = markdown(page) + "".join(block.alternative for block in page if isinstance(block, Figure))
    active, control = ("placebo", "drug") if swapped else ("drug", "placebo")
    what = "response" if benefit == "higher" else "risk"
    assert f"a {benefit} {what} is the benefit. Risk differences are {active} minus {control}" in text
    right, wrong = ("above", "below") if sign > 0 else ("below", "above")
    assert text.count(f"{right} 0 is benefit") >= 3
    assert f"{wrong} 0 is benefit" not in text
    assert f"{control} minus {active}" not in text
    assert f"| site | {active} v {control} |" in text
    assert ("| A | 3/10 v 7/10 |" if swapped else "| A | 7/10 v 3/10 |") in text
    told = " ".join(printed(look_summary(result)).split())
    assert f"{benefit} is better. {active} (active) v {control} (control)" in told
    assert f"{right} 0 is benefit" in told


def test_the_other_direction_is_the_same_trial(turned):
    """Differences keep their sign, whatever is called a benefit; probabilities change sides."""
    for swapped in (False, True):
        higher, lower = (pairs_of(sites_page(turned[benefit, swapped]).blocks) for benefit in ("higher", "lower"))
        assert [difference for difference, _ in higher] == [difference for difference, _ in lower]
        for (_, p), (_, q) in zip(higher, lower, strict=True):
            assert p + q == pytest.approx(1, abs=0.011)


def test_swapped_arms_turn_every_difference(turned):
    as_it_is, swapped = (pairs_of(sites_page(turned["higher", way]).blocks) for way in (False, True))
    for (d, p), (e, q) in zip(as_it_is, swapped, strict=True):
        assert d + e == pytest.approx(0, abs=2.5)  # other draws: their Monte Carlo error
        assert p + q == pytest.approx(1, abs=0.02)


def test_intervals_are_named_in_words(turned, hidden):
    for page in (sites_page(turned["lower", False]).blocks, unpublished_page(hidden["higher"]).blocks):
        text = markdown(page) + " ".join(block.alternative for block in page if isinstance(block, Figure))
        unnamed = [text[m.start() - 40 : m.end() + 40] for m in re.finditer(NO_KIND, text)]
        assert not unnamed
        assert "credible interval" in text
        assert "confidence" not in text
        assert not re.search(r"\bC[Rr]?I\b", text)


def test_tables_name_the_files_of_their_numbers(planted, written, hidden, tmp_path):
    folder = write_sites(hidden["higher"], tmp_path)
    for page, where in ((sites_page(planted).blocks, written), (unpublished_page(hidden["higher"]).blocks, folder)):
        tables = [block for block in page if isinstance(block, Table)]
        assert tables
        assert all(block.caption and (where / block.source).is_file() for block in tables)
        figures = [block for block in page if isinstance(block, Figure)]
        assert all((where / f"{block.name}.svg").is_file() and block.caption for block in figures)
        assert {block.level for block in page if isinstance(block, Heading)} == {1, 2}


def test_the_page_shows_what_the_files_hold(planted, written, hidden, tmp_path):
    sites = pd.read_csv(written / "sites.csv").set_index("site")
    table = next(block for block in sites_page(planted).blocks if isinstance(block, Table))
    for row in table.rows:
        cells, line = dict(zip(table.header, row, strict=True)), sites.loc[row[0]]
        assert cells["raw difference"] == points(line["raw_risk_difference"])
        median = cells["difference without the site (95 % credible interval)"].split(" (")[0]
        assert median == points(line["without_risk_difference_q50"])
    folder = write_sites(hidden["higher"], tmp_path)
    bounds = pd.read_csv(folder / "bounds_and_posterior.csv").set_index("quantity")
    table = next(
        block for block in unpublished_page(hidden["higher"]).blocks
        if isinstance(block, Table) and block.source == "bounds_and_posterior.csv"
    )  # fmt: skip
    raw = bounds.loc["raw risk difference without the excluded sites"]
    assert table.rows[0][1].startswith(points(raw["lowest"]))
    assert table.rows[0][3] == f"{points(raw['q2_5'])} to {points(raw['q97_5'])}"
    assert table.rows[1][1].startswith(f"{bounds.loc['P(benefit) over all sites', 'lowest']:.2f}"[:3])


@pytest.fixture(scope="module")
def hidden(resampled):
    """LUPIL-2 as if 3 of 4 ILT-101 patients at the excluded sites had responded: one count is left unpublished.

    On a stand-in for the sampler; as it is, with the other direction of benefit, and with its arms swapped.
    """
    found = {}
    trial, model = load_trial("lupil2"), load_model("site_effects")
    data = replace(trial.data, at_excluded=((1, 1, 3), (1, 0, 1)))
    trial = replace(trial, data=data)
    other = replace(
        data, totals=data.totals[::-1], subset_totals=data.subset_totals[::-1],
        impossible_at_excluded=tuple((1 - arm, response) for arm, response in data.impossible_at_excluded),
        at_excluded=((0, 1, 3), (0, 0, 1)),
    )  # fmt: skip
    ways = {
        "higher": trial,
        "lower": replace(trial, end_point=replace(trial.end_point, benefit="lower")),
        "swapped": replace(trial, data=other, arms=Arms(trial.arms.active, trial.arms.control)),
    }
    for name, one in ways.items():
        posterior = resampled(model, one)
        counts = unpublished_counts(posterior, most_refits=0)
        attempts, stayed = (Analysis.of(model, posterior),), who_stayed(posterior)
        found[name] = UnpublishedAnalysis(one, attempts, counts, (), (), stayed)
    return found


@pytest.mark.parametrize(
    ("way", "good", "side", "active"),
    [
        ("higher", True, "above", "ILT-101"),
        ("lower", False, "below", "ILT-101"),
        ("swapped", False, "above", "placebo"),
    ],
)
def test_words_on_unpublished_counts_follow_direction_and_arms(hidden, way, good, side, active):
    """29/50 on placebo, 34/50 on ILT-101; without the excluded sites (29 - k)/(50 - k) and 31/46, k from 1 to 14."""
    from scipy.stats import chi2_contingency

    k = range(1, 15)
    raw = [31 / 46 - (29 - there) / (50 - there) for there in k]
    tests = [chi2_contingency([[31, 15], [29 - there, 21]], correction=False).pvalue < 0.05 for there in k]
    assert sum(tests) > 0
    result = hidden[way]
    page = unpublished_page(result).blocks
    text = markdown(page) + " ".join(block.alternative for block in page if isinstance(block, Figure))
    sign = 1 if active == "ILT-101" else -1
    low, high = sorted((sign * min(raw), sign * max(raw)))
    assert f"would hardly settle whether {active} helps" in text
    observed, per_protocol = (points(sign * value) for value in (0.1, 20 / 24 - 15 / 29))
    assert f"and not the {per_protocol} points of the per protocol analysis" in text
    assert f"Marked: {observed} of all patients and {per_protocol} per protocol" in text
    assert f"Without any model it could lie between {points(low)} and {points(high)}." in text
    assert (float(re.search(r"P\(benefit\), ([\d.]+)", text)[1]) > 0.5) == good
    assert f"{side} 0 is benefit" in text
    assert f"{'below' if side == 'above' else 'above'} 0 is benefit" not in text
    control = {"ILT-101": "placebo", "placebo": "ILT-101"}[active]
    assert f"({active} minus {control}, " in text
    assert f"{control} minus {active}" not in text
    assert f"at the other sites may be {points(low)} to {points(high)} points (bounds)" in text
    tables = result.hidden.tables
    chance, error = (
        (tables.p_significant_benefit, tables.p_significant_benefit_mcse)
        if good
        else (tables.p_significant_harm, tables.p_significant_harm_mcse)
    )
    assert 0 < chance < 1
    some = f"with probability {probability(chance, error)}".replace("<", "&lt;")
    benefit, harm = (some, "in no table") if good else ("in no table", some)
    assert f"a benefit with p &lt; 0.05 (Pearson) {benefit}, and a harm {harm}" in text


@given(
    counts=st.lists(st.tuples(*[st.integers(0, 12)] * 4), min_size=3, max_size=5),
    benefit=st.sampled_from(["higher", "lower"]),
)
@settings(max_examples=15)
def test_median_and_probability_agree_whatever_the_counts(counts, benefit):
    """The median of the risk difference is a benefit exactly where P(benefit) is above a half."""
    n = [[max(m, y), max(k, x)] for m, y, k, x in counts]
    assume(all(map(sum, n)) and all(sum(column) for column in zip(*n, strict=True)))
    cells = Cells(tuple(f"site {i}" for i in range(len(n))), [[y, x] for _, y, _, x in counts], n)
    trial = Trial.from_cells(cells, Arms("placebo", "drug"), EndPoint("response", "Response", benefit), name="small")
    try:
        result = analyse_sites(trial, NORMAL, (), powers=(1, 0))
    except InputError:
        reject()  # the fit failed its diagnostics, so that nothing is said
    sign = 1 if benefit == "higher" else -1
    pairs = [pair for pair in pairs_of(sites_page(result).blocks) if abs(pair[1] - 0.5) > 0.05]
    assert all(sign * difference >= 0 if chance > 0.5 else sign * difference <= 0 for difference, chance in pairs)
