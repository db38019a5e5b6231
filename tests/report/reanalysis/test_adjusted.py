"""What the report says of models with covariates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bayes_lupil import load_model, load_trial, reanalyse
from bayes_lupil.numbers import points
from bayes_lupil.report.media.blocks import Bullets, Folded, Paragraph, Table
from bayes_lupil.report.reanalysis.adjusted import adjusted_blocks, by_maximum_likelihood
from bayes_lupil.report.reanalysis.baseline_risk import baseline_risk_blocks
from bayes_lupil.report.reanalysis.contents import Contents
from bayes_lupil.report.reanalysis.diagnostics import diagnostics_blocks
from bayes_lupil.report.reanalysis.first_screen import in_short
from bayes_lupil.report.reanalysis.fit import fit_summary
from bayes_lupil.report.reanalysis.models import model_blocks

POOLED = {"sites__intercepts": "pooled", "sites__effects": "pooled", "priors__tau_u": None, "priors__tau_v": None}


@pytest.fixture(scope="module")
def contents():
    rng = np.random.default_rng(21)
    size = 240
    site, arm, age = rng.integers(0, 6, size), rng.integers(0, 2, size), rng.integers(30, 80, size)
    sex = rng.choice(["f", "m"], size, p=[0.6, 0.4])
    eta = 0.2 * site - 0.5 + 0.6 * arm + (age - 55) / 15 + 0.4 * (sex == "m")
    frame = {
        "site": [f"s{s}" for s in site], "arm": [("placebo", "drug")[a] for a in arm], "age": age, "sex": sex,
        "cured": (rng.random(size) < 1 / (1 + np.exp(-eta))).astype(int),
    }  # fmt: skip
    trial = load_trial(frame, control="placebo", active="drug", outcome="cured")
    columns = {"covariates__continuous": ["age"], "covariates__categorical": ["sex"], "sampler__engine": "quadrature"}
    adjusted = load_model("site_effects_adjusted").edited(**columns, name="adjusted")
    models = [load_model("itt_pooled"), adjusted, adjusted.edited(**POOLED, name="adjusted_pooled")]
    return Contents(reanalyse(trial, models, check_engines=False))


def test_what_models_adjust_for_and_find(contents):
    heading, _, named, table = adjusted_blocks(contents)
    assert heading.text == "Models with covariates"
    assert isinstance(named, Bullets)
    assert named.items[0].startswith("`adjusted`: age, by SD (14.")
    assert named.items[0].endswith("sex: m v f.")
    assert isinstance(table, Table)
    assert [row[0] for row in table.rows] == ["`adjusted`", "`adjusted_pooled`"]
    for row, posterior in zip(table.rows, contents.sound[1:], strict=True):
        theirs = by_maximum_likelihood(posterior)
        assert row[1] == points(posterior.row("risk_difference").q50)
        assert row[3] == points(theirs.difference.estimate)
        # weak priors and many patients: within a third of the error
        rd = posterior.row("risk_difference")
        assert abs(rd.q50 - theirs.difference.estimate) < theirs.difference.se / 3
        assert 0.75 < rd.sd / theirs.difference.se < 1.25


def test_first_lines_and_baseline_risk_name_the_covariates(contents):
    leading = Contents(replace(contents.reanalysis, analyses=contents.reanalysis.analyses[1:]))
    assert ", adjusted for age, sex" in dict(in_short(leading))["This reanalysis"]
    assert "adjusted" not in dict(in_short(contents))["This reanalysis"]
    adjusted, pooled = contents.sound[1:]
    assert "(age, sex)" in adjusted.spec.headed
    told = next(block.text for block in baseline_risk_blocks(adjusted) if isinstance(block, Paragraph))
    assert "at an average site, between patients alike in age, sex (conditional" in told
    assert "Averaged over sites that differ in level and patients who differ in age, sex it comes out closer" in told
    told = next(block.text for block in baseline_risk_blocks(pooled) if isinstance(block, Paragraph))
    assert "over all sites, between patients alike in age, sex (conditional" in told
    assert "Averaged over patients who differ in age, sex it comes out closer" in told


@pytest.mark.parametrize(("chance", "said"), [(0.81, " = 0.81"), (0.99999, " > 0.99"), (0.00001, " < 0.01")])
def test_a_probability_beyond_its_digits_is_no_equation(contents, monkeypatch, chance, said):
    posterior = contents.sound[0]
    best = replace(posterior.p_benefit, probability=chance, mcse=0.001)
    monkeypatch.setattr(type(posterior), "p_benefit", property(lambda _: best))
    text = " ".join(block.text for block in fit_summary(posterior).blocks if isinstance(block, Paragraph))
    assert f"P(benefit: risk difference > 0){said}" in text


def test_without_covariates_there_is_nothing_to_say(contents):
    plain = replace(contents.reanalysis, analyses=contents.reanalysis.analyses[:1])
    assert adjusted_blocks(Contents(plain)) == []


def test_coefficients_have_their_words(contents):
    tables = [block.blocks[0] for block in diagnostics_blocks(contents) if isinstance(block, Folded)]
    words = {row[0]: row[1] for table in tables for row in table.rows}
    assert words["`gamma_age`"].startswith("log odds ratio of age, by SD")
    assert words["`gamma_sex_m`"] == "log odds ratio of sex: m v f"
    priors = next(block for block in model_blocks(contents) if isinstance(block, Table) and "Priors" in block.caption)
    assert any("log odds ratio of a covariate (`coefficients`)" in row[0] for row in priors.rows)
    posterior = contents.sound[1]
    assert posterior.data["posterior"]["beta"].attrs["long_name"].endswith("given covariates, active minus control")
