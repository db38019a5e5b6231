"""Where lower is better nobody is called a responder: texts, tables and figures speak of events and risks."""

from __future__ import annotations

import io

import matplotlib.pyplot as plt
import pytest
from rich.console import Console

from bayes_lupil import fit, load_model, load_trial, reanalyse
from bayes_lupil.report import collect, show
from bayes_lupil.report.direction import directions
from bayes_lupil.report.figures import figure_prior_predictive, figure_shrinkage
from bayes_lupil.report.media.markdown import markdown
from bayes_lupil.report.reanalysis.figures.priors import prior_predictive_words
from bayes_lupil.report.reanalysis.fit import fit_summary
from bayes_lupil.report.reanalysis.plain_language import question, reanalysed
from bayes_lupil.report.reanalysis.trial_and_estimand import trial_summary
from bayes_lupil.report.sites.page import sites_page
from bayes_lupil.sites.analysis import analyse_sites

COLUMNS = {
    "site": [site for site in "ABCDEF" for _ in range(18)],
    "arm": (["usual"] * 9 + ["new"] * 9) * 6,
    "death": [int(i < few) for _ in range(6) for few in (4, 2) for i in range(9)],
}
SHOWN = load_model("site_effects")


@pytest.fixture(params=["lower", "higher"])
def benefit(request):
    return request.param


def labels(figure):
    found = [axes.get_xlabel() for axes in figure.axes]
    plt.close(figure)
    return " ".join(found)


def test_in_words_and_figures(benefit, fake_engine):
    trial = load_trial(COLUMNS, control="usual", benefit=benefit)
    posterior = fit("site_effects", trial)
    contents = collect(reanalyse(trial, "site_effects", check_engines=False))
    stream = io.StringIO()
    console = Console(file=stream, width=300)
    show(fit_summary(posterior), console)
    show(trial_summary(trial), console)
    sites = markdown(sites_page(analyse_sites(trial, SHOWN, (), follow=False)).blocks)
    texts = [
        str(trial), str(posterior), stream.getvalue(), question(contents), *reanalysed(contents),
        directions(trial), sites.partition("## In short")[0],
        labels(figure_prior_predictive(posterior)), labels(figure_shrinkage(posterior)),
        prior_predictive_words(posterior),
    ]  # fmt: skip
    joined = "\n".join(texts)
    if benefit == "lower":
        assert "respon" not in joined.lower()
        for words in ("events", "Event rate, %", "Risk (%)", "finds events ", "fewer events are the benefit"):
            assert words in joined
    else:
        assert "event" not in joined.lower()
        for words in ("responders", "Response rate, %", "Response probability (%)", "more responses are the benefit"):
            assert words in joined
