"""What a posterior draws and writes of itself, and figures that show themselves in a notebook."""

from __future__ import annotations

import io
import re

import nbformat
import numpy as np
import pandas as pd
import pytest
from docx import Document
from matplotlib import image

import bayes_lupil as bl
from bayes_lupil import Arms, EndPoint, Measurements, Trial
from bayes_lupil.errors import InputError
from bayes_lupil.trials.end_point import SYNTHETIC
from bayes_lupil.trials.populations import Population
from tests.proofs import WHOLE


@pytest.fixture(scope="module")
def whole():
    return bl.fit("site_effects", "beitler_landis")


@pytest.mark.parametrize(
    ("name", "public"),
    [
        ("__call__", lambda post: bl.figures.figure_risk_difference([post])),
        ("sites", lambda post: bl.figures.figure_shrinkage(post)),
        ("benefit", lambda post: bl.figures.figure_benefit_curve([post])),
        ("prior", lambda post: bl.figures.figure_prior_posterior(post)),
    ],
)
def test_plots_are_the_public_figures(whole, name, public):
    """To the last dot."""
    pictures = []
    for figure in (getattr(whole.plot, name)(), public(whole)):
        written = io.BytesIO()
        figure.savefig(written, format="png", dpi=60)
        pictures.append(image.imread(io.BytesIO(written.getvalue())))
    np.testing.assert_array_equal(*pictures)


def test_width_is_given_on_and_checked(whole):
    assert whole.plot.benefit(width=5).get_figwidth() == 5
    with pytest.raises(InputError, match="width = 'wide', a text"):
        whole.plot.sites(width="wide")


def test_a_failed_fit_is_not_drawn_nor_given_probabilities(fake_engine, tmp_path):
    fake_engine.diverge = True
    post = bl.fit("itt_pooled", "he2020")
    for draw in (post.plot, post.plot.benefit, post.plot.prior):
        with pytest.raises(InputError, match="diagnostics are sound"):
            draw()
    text = "\n".join(cell for row in table_of(post.to_word(tmp_path / "x.docx")) for cell in row)
    assert "P(" not in text
    assert "credible interval" not in text
    assert "FAILED: 1 divergent" in text


def test_without_a_table_of_sites_there_is_no_figure_of_sites(resampled):
    with pytest.raises(InputError, match="no site effects"):
        resampled(bl.load_model("itt_pooled"), bl.load_trial("lupil2")).plot.sites()


@pytest.fixture(scope="module")
def change():
    rng = np.random.default_rng(2)
    arm = np.repeat([0, 1], 30)
    data = Measurements(tuple("ABC" * 20), arm, rng.normal(-2 - arm, 2.0))
    point = EndPoint("change", "Change of a score", unit="points", benefit="lower", kind="continuous")
    trial = Trial("made", "Made", Arms("control", "active"), point, data, ITT, synthetic=True)
    return bl.fit(bl.load_model("sledai_absolute").edited(end_point="primary", priors__gamma=None), trial)


def test_a_continuous_end_point_is_drawn_in_its_units(change):
    labels = " ".join(" ".join(axes.get_xlabel() for axes in change.plot().axes).split())
    assert "log odds" not in labels
    assert "(points)" in labels
    with pytest.raises(InputError, match="a binary end point"):
        change.plot.benefit()


def table_of(path):
    (table,) = Document(str(path)).tables
    return [tuple(cell.text for cell in row.cells) for row in table.rows]


def test_the_word_table_holds_the_result(whole, tmp_path):
    rows = dict(table_of(whole.to_word(tmp_path / "new" / "result.docx"))[1:])
    row, best = whole.row("risk_difference"), whole.p_benefit
    assert rows["responders, drug"] == "55 of 130"
    assert rows["responders, control"] == "47 of 143"
    (shown,) = (value for key, value in rows.items() if key.startswith("risk difference"))
    numbers = [float(word) for word in re.findall(r"[+-]\d+\.\d+", shown)]
    expected = [100 * row.q50, 100 * row.q2_5, 100 * row.q97_5]
    assert numbers == pytest.approx(expected, abs=0.06)
    chance = rows["P(risk difference > 0)"]
    assert float(chance.split()[0]) == pytest.approx(best.probability, abs=0.0006)
    assert rows["prior of beta"] == whole.spec.priors.beta.describe()


def test_a_word_table_of_made_up_data_says_so(change, tmp_path):
    document = Document(str(change.to_word(tmp_path / "x.docx")))
    assert SYNTHETIC in document.paragraphs[0].text


def test_a_word_table_is_a_docx_file(whole, tmp_path):
    with pytest.raises(InputError, match=r"a name that ends in \.docx"):
        whole.to_word(tmp_path / "result.pdf")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.stack
def test_frame_of_draws_gives_the_summary_again(whole):
    """Means and quantiles by pandas are those of the summary, and its probability that of the ladder."""
    frame = whole.to_frame(sites=True)
    assert len(frame) == whole.draws("beta").size
    assert not frame.duplicated(["chain", "draw"]).any()
    summary = whole.summary(sites=True)
    assert list(frame.columns[2:]) == list(summary.index)
    pd.testing.assert_series_equal(frame[summary.index].mean(), summary["mean"], check_names=False)
    assert (frame["risk_difference"] > 0).mean() == pytest.approx(whole.p_benefit.probability, abs=1e-3)
    assert list(whole.to_frame().columns[2:]) == [name for name in summary.index if "[" not in name]
    one = whole.data["posterior"]["p"].sel(site="3", arm="active", chain=2, draw=7)
    chosen = frame[(frame["chain"] == 2) & (frame["draw"] == 7)]
    assert float(chosen["p[3, active]"].iloc[0]) == float(one)


ITT = {"itt": Population("itt", "ITT")}
KERNEL = """import bayes_lupil as bl
post = bl.fit("itt_pooled", "beitler_landis")
post.plot()"""


@pytest.mark.proof(*WHOLE)
@pytest.mark.stack
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:Proactor event loop", "ignore::ResourceWarning")
def test_a_figure_as_last_line_shows_itself_once():
    """In a fresh kernel, and where Matplotlib's own display was asked for."""
    from nbclient import NotebookClient

    cells = [KERNEL, "post.plot.prior()", "%matplotlib inline", "post.plot.benefit()", "post"]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(book, timeout=300, kernel_name="python3").execute()
    for i in (0, 1, 3):
        shown = [output for output in book.cells[i].outputs if "image/png" in output.get("data", {})]
        assert len(shown) == 1
    assert [output.output_type for output in book.cells[0].outputs if output.output_type == "error"] == []
