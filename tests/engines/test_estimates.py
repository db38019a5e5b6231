"""One printed estimate: both engines against the closed form."""

from __future__ import annotations

import pytest

import bayes_lupil as bl
from bayes_lupil.errors import UnsupportedModelError
from bayes_lupil.published.likelihoods import NormalLikelihood
from bayes_lupil.published.priors import EffectPrior

MANY = 5


@pytest.fixture(scope="module")
def trial():
    return bl.from_estimate(hr="0.76", ci=("0.55", "1.04"), benefit="lower")


@pytest.mark.stack
@pytest.mark.parametrize("engine", ["quadrature", "nuts"])
def test_the_posterior_is_normal(trial, engine):
    spec = bl.model("itt_pooled", engine=engine, beta=bl.priors.normal(0.1, 0.3), seed=3)
    found, data = bl.fit(spec, trial), trial.data
    exact = NormalLikelihood(data.kind, data.value, data.se).under(EffectPrior("x", 0.1, 0.3, ""))
    row = found.row("effect")
    assert abs(row.mean - exact.mean) < MANY * row.mcse_mean
    assert row.sd == pytest.approx(exact.sd, rel=0.05)
    assert abs(found.p_benefit.probability - exact.below(0.0)) < MANY * found.p_benefit.mcse
    assert [item.kind for item in found.ladder] == ["benefit", "harm"]


def test_density_is_that_of_pymc(trial):
    from bayes_lupil.likelihoods import build_likelihood

    likelihood = build_likelihood(bl.load_model("itt_pooled"), trial)
    for drawn in (False, True):
        model = likelihood.pymc_model(drawn=drawn)
        logp = model.compile_logp()
        for value in (-1.0, 0.0, 0.7):
            assert float(logp({"beta": value})) == pytest.approx(
                float(likelihood.log_joint({"beta": value})), abs=1e-10
            )


def test_saved_and_read_again(trial, tmp_path):
    found = bl.fit("itt_pooled", trial)
    again = bl.Posterior.load(found.save(tmp_path / "post.nc"))
    assert again.trial == trial
    assert again.p_benefit == found.p_benefit


def test_what_an_estimate_cannot_support(trial):
    for model in ("site_effects", "site_fixed"):
        with pytest.raises(UnsupportedModelError, match="one hazard ratio is known"):
            bl.fit(model, trial)
    with pytest.raises(UnsupportedModelError, match=r"bayes_lupil\.benefit has priors of differences"):
        bl.fit("itt_pooled", bl.from_estimate(md=2.0, se=1.0, benefit="higher"))
    with pytest.raises(UnsupportedModelError, match="no population 'pp'"):
        bl.fit("pp_pooled", trial)


def test_the_note_says_what_the_prior_was_written_for(trial):
    found = bl.fit("itt_pooled", trial)
    assert any("used here for a log hazard ratio" in note for note in found.provenance.notes)
