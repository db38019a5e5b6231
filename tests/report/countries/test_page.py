"""The page, the figure and the command of effects by country."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

import bayes_lupil as bl
from bayes_lupil.frequentist import nested_logistic
from bayes_lupil.likelihoods import NestedCells
from bayes_lupil.report.countries.likelihood import likelihood_blocks
from bayes_lupil.report.countries.page import COUNTRY_FILES, countries_page, countries_summary, write_countries
from bayes_lupil.report.media.blocks import Paragraph, Table
from bayes_lupil.sites.countries import CountryTable

CSV = "site,country,arm,responders,n\n" + "\n".join(
    f"{site},{country},{arm},{r},{n}"
    for site, country, counts in (
        ("A", "Italy", ((5, 20), (9, 20))), ("B", "Italy", ((3, 9), (4, 9))), ("C", "Spain", ((8, 21), (12, 22))),
        ("D", "Malta", ((9, 15), (7, 15))),
    )
    for arm, (r, n) in zip(("placebo", "drug"), counts, strict=True)
)  # fmt: skip


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> CountryTable:
    path = tmp_path_factory.mktemp("table") / "mine.csv"
    path.write_text(CSV)
    return bl.country_table(bl.fit("site_in_country", path, country="country"))


def test_the_page_has_all_its_files(table: CountryTable, tmp_path: Path) -> None:
    write_countries(table, tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*COUNTRY_FILES, "manifest.json"}
    page = (tmp_path / "out" / "countries.md").read_text()
    assert "3 countries only" in page
    assert "| Italy | 2 | 13/29 | 8/29 | 2.13 (0.71 to 6.37) |" in page
    frame = pd.read_csv(tmp_path / "out" / "countries.csv")
    assert frame["log_odds_ratio"].tolist() == pytest.approx([row.log_odds_ratio.mean for row in table.rows], abs=1e-6)
    again = bl.Posterior.load(tmp_path / "out" / "posterior.nc")
    assert again.trial.country_names == ("Italy", "Spain", "Malta")


@pytest.mark.parametrize("width", [3.5, 8.0])
def test_the_figure_shows_countries_and_their_sites(table: CountryTable, width: float) -> None:
    axes = table.plot(width=width).axes[0]
    labels = [label.get_text().split("\n")[0] for label in axes.get_yticklabels()]
    assert labels == ["Italy", "Spain", "Malta", "average country", "new site, new country"]
    sites = [line for line in axes.lines if line.get_gid() == "site"]
    assert [list(line.get_xdata()) for line in sites] == [
        [s.q50 for s in row.site_log_odds_ratios] for row in table.rows
    ]
    intervals = [line for line in axes.lines if line.get_gid() == "shrunken" and len(line.get_xdata()) == 2]
    for row, line in zip(table.rows, intervals, strict=False):
        assert list(line.get_xdata()) == [row.log_odds_ratio.q2_5, row.log_odds_ratio.q97_5]


def test_the_sentence_names_the_countries_that_move_the_answer(table: CountryTable) -> None:
    text = " ".join(str(block) for block in countries_page(table).blocks)
    chances = {row.country: row.without_p_benefit.mean for row in table.rows if row.without_p_benefit}
    lowest, highest = (pick(chances, key=lambda name: chances[name]) for pick in (min, max))
    assert f"(without {lowest})" in text
    assert f"(without {highest})" in text


def test_a_level_apart_is_named_and_no_other(tmp_path: Path) -> None:
    """Four of five countries have the same counts; of the fifth nearly everyone responds, in both arms."""
    rows = ["site,country,arm,responders,n"]
    for i, country in enumerate(("Italy", "Spain", "Malta", "France", "Poland")):
        for site in (2 * i, 2 * i + 1):
            for arm, y in (("placebo", 40), ("drug", 46)):
                rows.append(f"s{site},{country},{arm},{96 if country == 'Poland' else y},100")
    (tmp_path / "apart.csv").write_text("\n".join(rows))
    found = bl.country_table(bl.fit("site_in_country", tmp_path / "apart.csv", country="country"), refit=False)
    words = next(block.text for block in countries_summary(found).blocks if isinstance(block, Paragraph))
    assert "The response rate is higher in Poland than in an average country" in words
    assert "lower in" not in words


def test_where_no_level_is_apart_none_is_named(table: CountryTable) -> None:
    words = next(block.text for block in countries_summary(table).blocks if isinstance(block, Paragraph))
    assert "than in an average country" not in words


def test_maximum_likelihood_stands_beside_the_posterior(table: CountryTable) -> None:
    heading, beside, words = likelihood_blocks(table.posterior)
    fit = nested_logistic(
        [[5, 9], [3, 4], [8, 12], [9, 7]], [[20, 20], [9, 9], [21, 22], [15, 15]], list("AABC"), effects="both"
    )
    assert isinstance(beside, Table)
    assert beside.rows[0][2] == f"{fit.beta:.2f} ({fit.interval.lower:.2f} to {fit.interval.upper:.2f})"
    assert [row[0] for row in beside.rows[1:] if row[2] == "0"] == [
        "SD between countries: log odds", "SD between countries: log odds ratio",
        "SD between the sites of a country: log odds", "SD between the sites of a country: log odds ratio",
    ]  # fmt: skip
    posterior = table.posterior.row("tau_d")
    assert beside.rows[2][1] == f"{posterior.q50:.2f} ({posterior.q2_5:.2f} to {posterior.q97_5:.2f})"
    assert isinstance(words, Paragraph)
    assert "3 countries, 4 sites" in words.text
    assert "no proof of no differences" in words.text
    assert {heading, beside, words} <= set(countries_page(table).blocks)


def test_where_there_is_no_maximum_likelihood_the_page_says_why(table: CountryTable) -> None:
    cells = bl.Cells(
        ("A", "B", "C"), [[5, 9], [8, 12], [9, 7]], [[20, 20], [21, 22], [15, 15]],
        countries=("Italy", "Spain", "Malta"),
    )  # fmt: skip
    likelihood = NestedCells(table.posterior.spec, cells)
    (_, words) = likelihood_blocks(SimpleNamespace(spec=table.posterior.spec, likelihood=likelihood))  # type: ignore[arg-type]
    assert isinstance(words, Paragraph)
    assert "one site in each country" in words.text


def test_the_command(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(CSV)
    status, out, err = run("countries", path, "--country", "country", "--out", tmp_path / "out")
    assert status == 0
    assert "control taken to be 'placebo'" in err
    assert "P(benefit) in the whole trial is" in " ".join(out.split())
    assert (tmp_path / "out" / "countries.html").is_file()


def test_the_command_says_what_is_missing_and_writes_nothing(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(CSV)
    status, _, err = run("countries", path, "--out", tmp_path / "out")
    assert status == 2
    assert "--country COLUMN" in " ".join(err.split())
    assert not (tmp_path / "out").exists()
