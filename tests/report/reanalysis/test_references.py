"""References: those of what a run did, no others."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib.metadata import distribution
from pathlib import Path

import arviz_stats
import pytest

import bayes_lupil
from bayes_lupil import Arms, Cells, EndPoint, Trial, load_model, load_trial
from bayes_lupil.frequentist import trial_hierarchy
from bayes_lupil.model_analysis import Analysis
from bayes_lupil.posterior.agreement import Agreement
from bayes_lupil.reanalysis import Reanalysis
from bayes_lupil.report.reanalysis.contents import Contents
from bayes_lupil.report.reanalysis.references import BIBLIOGRAPHY, DONE, references, trial_sources
from bayes_lupil.sites.analysis import SiteAnalysis
from bayes_lupil.unpublished.analysis import UnpublishedAnalysis

NUTPIE, PYMC, QUADRATURE = "nutpie 0.16 (PyMC 5.28)", "PyMC 5.28", "quadrature, bayes-lupil 0.1"
CHAINS = {"hoffman2014", "seyboldt2026", "abrilpla2023"}
IMPORTANCE = {"rue2009", "hesterberg1995", "owen2000", "vehtari2024"}
COMPARISON = {"vehtari2017", "yao2018", "sivula2020"}
STRATA = {"mantel1959", "robins1986", "greenland1985", "sato1989"}
LOOK = {"merkle2019", "morris1983", "gustafson1996", "giordano2018", "marshall2007", "benjamini1995"}


@pytest.fixture(scope="module")
def trial():
    return load_trial("beitler_landis")


@pytest.fixture(scope="module")
def drawn(resampled, trial):
    return resampled(load_model("site_effects"), trial)


def by(posterior, sampler, **changes):
    """The posterior as if that sampler had drawn it, of a model with those changes."""
    spec = posterior.spec.edited(**changes) if changes else posterior.spec
    return replace(posterior, spec=spec, provenance=replace(posterior.provenance, sampler=sampler))


def contents_of(trial, *posteriors, checked=None, **parts):
    agreement = Agreement((posteriors[0].provenance.sampler, checked), 1.0, "beta", 3) if checked else None
    analyses = tuple(Analysis(p.spec, "ok", p, agreement=agreement) for p in posteriors)
    return Contents(Reanalysis(trial, trial_hierarchy(trial), analyses), **parts)


def looked_at(trial, posterior, comparison=None, path=None, checks=(), attempts=()):
    return SiteAnalysis(trial, posterior, None, attempts, comparison, path, False, checks)


def cited(contents):
    return {reference.key for reference in references(contents)}


def test_quadrature_alone_cites_no_markov_chain(trial, drawn):
    keys = cited(contents_of(trial, by(drawn, QUADRATURE)))
    assert not keys & CHAINS
    assert keys > IMPORTANCE | {"pinheiro1995"}


def test_the_engine_that_checks_another_is_cited(trial, drawn):
    assert cited(contents_of(trial, by(drawn, QUADRATURE), checked=NUTPIE)) > CHAINS | IMPORTANCE


def test_chains_alone_cite_no_importance_sampling(trial, drawn):
    keys = cited(contents_of(trial, by(drawn, NUTPIE)))
    assert keys > CHAINS
    assert not keys & (IMPORTANCE | {"pinheiro1995", "trefethen2014"})


def test_nutpie_is_cited_where_it_ran(trial, drawn):
    assert cited(contents_of(trial, by(drawn, PYMC))) & CHAINS == {"hoffman2014", "abrilpla2023"}


def test_quadrature_over_sites_is_cited_where_sites_have_effects(trial, drawn, resampled):
    pooled = by(resampled(load_model("itt_pooled_primary_priors"), trial), QUADRATURE)
    heavy = by(replace(drawn, spec=load_model("site_student_t")), QUADRATURE)
    rules = {"pinheiro1995", "trefethen2014"}
    assert not cited(contents_of(trial, pooled)) & rules
    assert cited(contents_of(trial, heavy)) & rules == {"trefethen2014"}


def test_other_priors_are_cited_where_they_ran(trial, drawn):
    without, with_priors = (contents_of(trial, by(drawn, NUTPIE), priors=priors) for priors in (None, object()))
    assert cited(with_priors) - cited(without) == {"spiegelhalter1994", "matthews2001", "held2022", "vehtari2024"}


def test_no_look_at_the_sites_no_reference_to_it(trial, drawn):
    keys = cited(contents_of(trial, by(drawn, QUADRATURE)))
    assert not keys & (COMPARISON | LOOK | {"ibrahim2000", "meng1994", "neuenschwander2016"})
    bare = cited(contents_of(trial, by(drawn, QUADRATURE), sites=looked_at(trial, drawn)))
    assert bare - keys == LOOK
    sites = looked_at(trial, drawn, comparison=object(), path=object(), checks=(object(),))
    assert cited(contents_of(trial, by(drawn, QUADRATURE), sites=sites)) - bare == (
        COMPARISON | {"ibrahim2000", "meng1994"}
    )


def test_strata_are_cited_where_sites_are_known(drawn, trial):
    assert cited(contents_of(trial, drawn)) >= STRATA
    assert not cited(contents_of(load_trial("lupil2"), drawn)) & STRATA


def test_a_test_that_was_not_computed_is_not_cited(drawn):
    large = Cells(("A", "B"), [[400, 500], [600, 700]], [[1000, 1000], [1500, 1500]])
    trial = Trial.from_cells(large, Arms("placebo", "drug"), EndPoint("cure", "Cure"))
    keys = cited(contents_of(trial, drawn))
    assert "boschloo1970" not in keys
    assert "newcombe1998" in keys


def test_every_reference_is_reached_by_some_run(trial, drawn):
    heavy, alone = (by(replace(drawn, spec=load_model(name)), QUADRATURE) for name in ("site_student_t", "site_exnex"))
    attempts = tuple(Analysis.of(p.spec, p) for p in (heavy, alone))
    sites = looked_at(trial, drawn, object(), object(), (object(),), attempts)
    run = contents_of(trial, by(drawn, QUADRATURE), checked=NUTPIE, priors=object(), sites=sites)
    assert cited(run) == {reference.key for reference in BIBLIOGRAPHY}
    assert {reference.when for reference in BIBLIOGRAPHY} == set(DONE)


def test_the_way_of_excluded_sites_is_cited_for_margins_too(drawn):
    lupil2 = load_trial("lupil2")
    for paths, expected in (((), False), ((({}, ()),), True)):
        sites = UnpublishedAnalysis(lupil2, (), None, paths, (), None)
        assert ("ibrahim2000" in cited(contents_of(lupil2, drawn, sites=sites))) == expected


def test_entries_are_those_that_the_code_cites():
    """Volume and first page stand in the docstrings of the code that does what is cited."""
    package = Path(bayes_lupil.__file__).parent
    files = [path for path in package.rglob("*.py") if path.name != "bibliography.py"]
    code = " ".join(" ".join(path.read_text(encoding="utf-8").split()) for path in files)
    uncited = CHAINS | {"ich_e9r1", "martin2026", "matthews2001", "boschloo1970", "maurer1995", "benjamini1995"}
    for reference in BIBLIOGRAPHY:
        if reference.key in uncited:
            continue
        where = re.search(r"\d{4};(\d+)(?:\((\d+)\))?:(\d+)|arXiv:([\d.]+\d)", reference.citation)
        volume, paper, page, arxiv = where.groups()
        wanted = f"arXiv:{arxiv}" if arxiv else f"{volume}:{paper or page}"
        assert wanted in code, reference.key


def test_dois_are_those_that_the_packages_name():
    dois = {reference.key: reference.doi for reference in BIBLIOGRAPHY}
    arviz = "".join(path.read_text(encoding="utf-8") for path in Path(arviz_stats.__file__).parent.rglob("*.py"))
    for key in ("vehtari2021", "vehtari2017", "yao2018"):
        assert dois[key] in arviz
    assert dois["abrilpla2023"] in str(distribution("pymc").metadata)
    given = [doi for doi in dois.values() if doi]
    assert len(given) == len(set(given))
    assert all(re.fullmatch(r"10\.\d{4,5}/\S+", doi) for doi in given)


def test_sources_of_the_trial_stand_apart(drawn):
    sources = trial_sources(contents_of(load_trial("lupil2"), drawn))
    assert [source.key for source in sources] == ["humrich2022", "registry"]
    assert sources[0].doi == "10.1136/ard-2022-222501"
    assert not {source.key for source in sources} & {reference.key for reference in BIBLIOGRAPHY}
