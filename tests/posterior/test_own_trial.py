"""A posterior knows its trial; a trial given beside it must be that one, and is no longer needed."""

from __future__ import annotations

import copy
import pickle
import re
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bayes_lupil import Cells, Posterior, Trial, fit, load_model, load_trial, sensitivity, sites, unpublished
from bayes_lupil.endpoints.floor_and_ceiling import check_limits
from bayes_lupil.errors import InputError
from bayes_lupil.priors import half_normal
from bayes_lupil.sensitivity.effect_priors import analyse_priors, under_prior
from bayes_lupil.unpublished import margins_alternatives, margins_path, who_stayed


@pytest.fixture(scope="module")
def posterior() -> Posterior:
    return fit(load_model("site_effects").edited(sampler__points=2048), "beitler_landis")


@pytest.fixture(scope="module")
def orphan(posterior: Posterior) -> Posterior:
    """As from a file of an earlier release."""
    return replace(posterior, _trial=None)


@pytest.fixture
def trial() -> Trial:
    return load_trial("beitler_landis")


def _sum(result: Any) -> str:
    """All of a result, numbers to eight digits: those of a file lie in another order in memory, and are added so."""
    return re.sub(r"\d+\.\d+(e-?\d+)?", lambda found: f"{float(found[0]):.8g}", repr(result))


CALLS: dict[str, Callable[..., Any]] = {
    "loo_sites": sensitivity.loo_sites,
    "leave_one_site_out": sensitivity.leave_one_site_out,
    "retained_weights": sites.retained_weights,
    "shrinkage_factors": sites.shrinkage_factors,
    "predictive_checks": sites.predictive_checks,
    "site_table": lambda *args, **kwargs: sites.site_table(*args, refit=False, **kwargs),
    "conflict_p_values": lambda *args, **kwargs: sites.conflict_p_values(*args, refit=False, **kwargs),
    "change_prior": lambda *args, **kwargs: sensitivity.change_prior(*args, tau_v=half_normal(0.4), **kwargs),
    "power_scale": lambda *args, **kwargs: sensitivity.power_scale(*args, likelihood=1.05, **kwargs),
}


@pytest.mark.parametrize("name", CALLS)
def test_three_ways_of_asking_are_one(name: str, posterior: Posterior, orphan: Posterior, trial: Trial) -> None:
    ask = CALLS[name]
    new = ask(posterior)
    with pytest.warns(DeprecationWarning, match=f"{name}.*not needed"):
        by_place = ask(posterior, trial)
    with pytest.warns(DeprecationWarning, match=name):
        by_name = ask(posterior, trial=trial)
    assert _sum(new) == _sum(by_place) == _sum(by_name)
    assert _sum(ask(orphan, trial)) == _sum(ask(orphan, trial=trial)) == _sum(new)  # needed, so no warning


def test_arguments_after_the_trial_keep_their_places(posterior: Posterior, trial: Trial) -> None:
    new = sites.exclusion_path(posterior, ["1"], (1.0, 0.9))
    with pytest.warns(DeprecationWarning, match="not needed"):
        assert sites.exclusion_path(posterior, trial, ["1"], (1.0, 0.9)) == new
    with pytest.warns(DeprecationWarning, match="not needed"):
        assert sites.exclusion_path(posterior=posterior, trial=trial, sites=["1"], powers=(1.0, 0.9)) == new


def test_several_posteriors(posterior: Posterior, orphan: Posterior, trial: Trial) -> None:
    other = fit("site_intercepts", trial)
    new = sites.compare_models([posterior, other])
    with pytest.warns(DeprecationWarning, match="not needed"):
        assert sites.compare_models({"site_effects": posterior, "site_intercepts": other}, trial) == new
    assert sites.compare_models([orphan, other], trial=trial) == new


@pytest.mark.parametrize(
    "ask",
    [
        *CALLS.values(), analyse_priors, check_limits, unpublished.unpublished_counts, who_stayed, margins_alternatives,
        margins_path, under_prior, sites.exclusion_path,
        lambda one, trial: sites.compare_models([one, one], trial),
    ],
    ids=[*CALLS, "analyse_priors", "check_limits", "unpublished_counts", "who_stayed", "margins_alternatives",
         "margins_path", "under_prior", "exclusion_path", "compare_models"],
)  # fmt: skip
def test_another_trial_is_refused(ask: Callable[..., Any], posterior: Posterior, orphan: Posterior) -> None:
    for one in (posterior, orphan):
        with pytest.raises(InputError, match=r"data other than the posterior's.*the trial fitted, 'beitler_landis'"):
            ask(one, load_trial("he2020"))


def test_other_orders_of_the_same_sites_are_refused(posterior: Posterior, orphan: Posterior, trial: Trial) -> None:
    cells = trial.data
    assert isinstance(cells, Cells)
    turned = replace(trial, data=Cells(cells.sites[::-1], cells.responders[::-1], cells.n[::-1]))
    assert turned.data_hash == trial.data_hash
    for one in (posterior, orphan):
        with pytest.raises(InputError, match="in another order"):
            sites.site_table(one, trial=turned)


def test_what_is_no_trial_is_refused(posterior: Posterior) -> None:
    with pytest.raises(InputError, match=r"trial: a Trial"):
        sites.site_table(posterior, trial="beitler_landis")  # type: ignore[call-arg]


@pytest.mark.parametrize("ask", [sites.site_table, sites.shrinkage_factors, sites.predictive_checks])
def test_without_its_trial_it_says_what_to_do(ask: Callable[..., Any], orphan: Posterior) -> None:
    with pytest.raises(InputError, match=r"no data of trial 'beitler_landis'.*trial=\.\.\."):
        ask(orphan)
    assert not orphan.knows_trial
    assert orphan.p_benefit is not None  # what needs no data stays


def test_a_file_without_the_trial_is_given_it(orphan: Posterior, trial: Trial, tmp_path: Path) -> None:
    path = orphan.save(tmp_path / "x.nc")
    assert not Posterior.load(path).knows_trial
    assert Posterior.load(path, trial).trial is trial
    with pytest.raises(InputError, match="data other than"):
        Posterior.load(path, load_trial("he2020"))


@pytest.mark.parametrize("again", [lambda x: pickle.loads(pickle.dumps(x)), copy.deepcopy], ids=["pickle", "copy"])
def test_pickles_and_copies_keep_it(again: Callable[[Posterior], Posterior], posterior: Posterior) -> None:
    assert posterior.likelihood is posterior.likelihood
    back = again(posterior)
    assert back.trial.data_hash == posterior.trial.data_hash
    assert "likelihood" not in vars(back)
    values = {name: posterior.draws(name)[:, :3] for name in ("alpha", "beta", "tau_u", "tau_v")}
    values |= {"e": posterior.draws("u")[:, :3], "f": posterior.draws("v")[:, :3]}
    np.testing.assert_array_equal(back.likelihood.log_likelihood(values), posterior.likelihood.log_likelihood(values))


def test_from_the_file_every_question_has_the_same_answer(posterior: Posterior, tmp_path: Path) -> None:
    back = Posterior.load(posterior.save(tmp_path / "x.nc"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name, ask in CALLS.items():
            assert _sum(ask(back)) == _sum(ask(posterior)), name
    assert back.analysis_set.totals == posterior.analysis_set.totals == posterior.provenance.totals
