"""What a look at the sites writes and prints: the tables' numbers, SYNTHETIC everywhere, 80 columns."""

from __future__ import annotations

import io

import pandas as pd
import pytest
from rich.console import Console

from bayes_lupil import Cells, Trial, load_model, load_trial
from bayes_lupil.report.site_outputs import write_hidden, write_sites
from bayes_lupil.report.site_rows import chance, most_telling
from bayes_lupil.report.site_terminal import print_hidden, print_site_analysis
from bayes_lupil.sites.analysis import analyse_sites

QUICK = {"sampler__points": 1024}
SHOWN = load_model("outliers_arms").edited(**QUICK)
NORMAL = load_model("site_effects").edited(**QUICK)


@pytest.fixture(scope="module")
def planted():
    return analyse_sites(load_trial("synthetic_outlier"), SHOWN, [NORMAL])


@pytest.fixture(scope="module")
def written(planted, tmp_path_factory):
    return write_sites(planted, tmp_path_factory.mktemp("sites"))


def printed(show, result, width=80):
    text = io.StringIO()
    show(result, Console(file=text, width=width))
    return text.getvalue()


def test_every_file_is_there_and_says_synthetic(written):
    names = {path.name for path in written.iterdir()}
    figures = {"site_shrinkage", "site_outliers", "exclusion_path", "predicted_by_site"}
    tables = {"sites.csv", "site_models.csv", "exclusion_path.csv", "predictive_checks.csv"}
    assert names == {"sites.md", *tables, *(f"{name}{suffix}" for name in figures for suffix in (".png", ".svg"))}
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
    import re

    text = (written / "sites.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert (written / target).is_file(), target
    assert "chosen because they look outlying" in text
    assert "Outlying more probably than not: site 05 in the control arm" in text
    assert "hash" in text.splitlines()[-1]
    assert "12/20 v 20/20" in text


def test_the_terminal_has_80_columns(planted):
    text = printed(print_site_analysis, planted)
    assert max(map(len, text.splitlines())) <= 80
    assert "SYNTHETIC" in text.splitlines()[0]
    assert "From kept (1) to excluded (0): site 05" in text
    assert "MCSE" in text


def test_names_are_text_whatever_they_hold(planted, tmp_path):
    cells = planted.trial.data
    odd = ("<script>alert(1)</script>", "=1+1", "a|b", *cells.sites[3:])
    trial = Trial.from_cells(Cells(odd, cells.responders, cells.n), planted.trial.arms, planted.trial.end_point)
    result = analyse_sites(trial, SHOWN, (), follow=False)
    folder = write_sites(result, tmp_path)
    assert "<script>" not in (folder / "sites.md").read_text(encoding="utf-8")
    assert "'=1+1" in (folder / "sites.csv").read_text(encoding="utf-8")
    assert "a\\|b" in (folder / "sites.md").read_text(encoding="utf-8")
    assert "<script>" in printed(print_site_analysis, result, 120)


def test_many_sites_are_cut_to_the_most_telling(planted):
    kept = most_telling(planted.table, 6)
    assert len(kept) == 6
    assert "site 05" in {row.site for row in kept}
    assert most_telling(planted.table, 100) == planted.table.rows


def test_a_chance_is_never_shown_as_certain():
    assert (chance(1.0), chance(0.0), chance(0.5)) == ("> 0.99", "< 0.01", "0.50")


def test_unpublished_counts(fake_engine, tmp_path, monkeypatch):
    """On a stand-in for the sampler; every table, the page and the figure are written, and read back."""
    from bayes_lupil.hidden.analysis import analyse_hidden

    models = (load_model("site_effects"), load_model("outliers_control"), load_model("site_exnex"))
    monkeypatch.setattr("bayes_lupil.hidden.analysis.site_models", lambda: models)
    monkeypatch.setattr("bayes_lupil.hidden.analysis.MOST_REFITS", 2)
    monkeypatch.setattr("bayes_lupil.hidden.analysis.margins_path", lambda *_, **__: ())
    result = analyse_hidden(load_trial("lupil2"))
    assert [item.model.name for item in result.attempts] == [model.name for model in models]
    assert set(result.sound) == {"site_effects", "outliers_control"}
    folder = write_hidden(result, tmp_path / "hidden")
    values = pd.read_csv(folder / "unpublished_counts.csv")
    assert len(values) == 7  # three counts, three pairs, all
    by_k = pd.read_csv(folder / "by_control_responders.csv")
    assert by_k["control_responders"].tolist() == list(range(1, 15))
    assert by_k["probability"].sum() == pytest.approx(1, abs=1e-5)
    page = (folder / "sites.md").read_text(encoding="utf-8")
    assert "(bounds)" in page
    assert "(posterior)" in page
    assert "outliers_control" in page
    assert (folder / "unpublished_counts.png").stat().st_size > 10_000
    text = printed(print_hidden, result)
    assert "never published" in text
    assert max(map(len, text.splitlines())) <= 80
