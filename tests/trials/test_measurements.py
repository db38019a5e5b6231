"""Continuous end points of a trial: gaps, populations, exclusions, hashes."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_lupil import Arms, EndPoint, Trial, fit, load_model, reanalyse
from bayes_lupil.errors import TrialError, UnsupportedModelError
from bayes_lupil.likelihoods import NormalPatients, build_likelihood
from bayes_lupil.trials import Measurements, Population

SITE = ("A", "A", "B", "B", "B", "C", "C", "D")
ARM = np.array([0, 1, 0, 1, 1, 0, 1, 0])
VALUE = np.array([-4.0, -6.0, np.nan, -1.0, -3.0, -2.0, -8.0, np.nan])
BASELINE = np.array([8.0, 9.0, 7.0, np.nan, 6.0, 10.0, 12.0, 8.0])
PP = np.array([1, 1, 1, 1, 1, 0, 1, 1], dtype=bool)
POINT = EndPoint("change", "Change", "lower", "points", 2.0, kind="continuous")


def _trial(data: Measurements, point: EndPoint = POINT) -> Trial:
    both = {name: Population(name, name) for name in ("itt", "pp")}
    return Trial("t", "t", Arms("placebo", "drug"), point, data, both)


def _data(**changes: object) -> Measurements:
    return Measurements(
        **{"site": SITE, "arm": ARM, "value": VALUE, "baseline": BASELINE, "flags": {"pp": PP}, **changes}
    )


def test_exclusions_add_up_and_shares_are_those_of_everyone() -> None:
    found = _trial(_data()).measured_set("itt")
    assert found.value.tolist() == [-4.0, -6.0, -3.0, -2.0, -8.0]
    assert found.patients == (2, 3)
    assert [(item.arm, item.patients, item.responders, item.reason) for item in found.exclusions] == [
        (0, 2, None, "value missing"),
        (1, 1, None, "value missing"),
    ]
    assert found.shares.tolist() == [2 / 8, 3 / 8, 2 / 8, 1 / 8]  # site D has nobody whose value is known


def test_without_a_covariate_its_gaps_do_not_matter() -> None:
    assert _trial(_data(baseline=None)).measured_set("itt").patients == (2, 4)


def test_a_population_left_with_one_arm_is_refused() -> None:
    with pytest.raises(TrialError, match="no patient of the control arm whose value is known"):
        _trial(_data()).measured_set("pp", ("A",)).patients  # noqa: B018


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"value": VALUE[1:]}, "one value for each of 8 patients"),
        ({"value": np.where(np.isnan(VALUE), np.inf, VALUE)}, "an infinite number"),
        ({"arm": ARM + 1}, "values other than 0 and 1"),
        ({"flags": {"itt": PP}}, "a flag 'itt'"),
        ({"value": np.where(ARM == 1, np.nan, VALUE)}, "active arm: found no patient whose value is known"),
    ],
)
def test_columns_that_cannot_be(change: dict[str, object], words: str) -> None:
    with pytest.raises(TrialError, match=words):
        _data(**change)


def test_nobody_can_change_it_afterwards() -> None:
    data = _data()
    with pytest.raises(ValueError, match="read-only"):
        data.value[0] = 1.0


def test_the_hash_sees_values_and_kind() -> None:
    trial, other = _trial(_data()), _trial(_data(value=np.where(VALUE == -8, -9, VALUE)))
    assert trial.data_hash != other.data_hash
    assert "kind" not in Trial.content(_binary())["end_point"]  # as before there were others


def _binary() -> Trial:
    from bayes_lupil import load_trial

    return load_trial("beitler_landis")


def test_each_kind_refuses_the_other() -> None:
    trial = _trial(_data())
    with pytest.raises(UnsupportedModelError, match=r"a model of a continuous end point, with priors\.sigma"):
        fit("site_effects", trial)
    with pytest.raises(UnsupportedModelError, match=r"a model of a binary end point, with no priors\.sigma"):
        fit(load_model("sledai_absolute").edited(end_point="primary"), "beitler_landis")
    with pytest.raises(UnsupportedModelError, match="the end point 'sledai_absolute' that it is for"):
        fit("sledai_absolute", trial)
    with pytest.raises(UnsupportedModelError, match="a binary one, with responders to count"):
        trial.analysis_set()
    with pytest.raises(UnsupportedModelError, match="a continuous one"):
        _binary().measured_set()
    with pytest.raises(UnsupportedModelError, match="no model that it supports"):
        reanalyse(trial)


def test_mcid_on_the_scale_of_the_end_point() -> None:
    with pytest.raises(TrialError, match="in units of the end point"):
        EndPoint("x", "x", mcid=-1.0, kind="continuous")
    with pytest.raises(TrialError, match="a risk difference between 0 and 1"):
        EndPoint("x", "x", mcid=2.0)
    with pytest.raises(TrialError, match="'binary' or 'continuous'"):
        EndPoint("x", "x", kind="ordinal")  # type: ignore[arg-type]


def test_a_likelihood_knows_sites_without_values() -> None:
    spec = load_model("sledai_absolute").edited(end_point="change")
    likelihood = build_likelihood(spec, _trial(_data()))
    assert isinstance(likelihood, NormalPatients)
    assert likelihood.site_names == ("A", "B", "C", "D")
    assert likelihood.site_weights({}).tolist() == [2 / 8, 3 / 8, 2 / 8, 1 / 8]
    pooled = spec.edited(sites__intercepts="pooled", sites__effects="pooled", priors__tau_u=None, priors__tau_v=None)
    assert build_likelihood(pooled, _trial(_data())).site_names == ("all sites",)
