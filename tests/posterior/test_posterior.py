"""The result object: summaries, what a failed verdict hides, NetCDF, and ArviZ taking the tree as it is."""

from __future__ import annotations

import json
import os
import stat

import numpy as np
import pytest
import xarray as xr

from bayes_lupil import Posterior, az, fit, load_model, load_trial
from bayes_lupil.errors import OutputError, SavedFileError
from bayes_lupil.fitting import refit
from bayes_lupil.posterior.estimands import ESTIMANDS

GROUPS = {
    "posterior", "prior", "posterior_predictive", "prior_predictive", "log_likelihood", "log_prior", "observed_data",
    "constant_data", "sample_stats",
}  # fmt: skip


@pytest.fixture(scope="module")
def cells(resampled):
    return resampled(load_model("site_intercepts"), load_trial("beitler_landis"))


@pytest.fixture(scope="module")
def margins(resampled):
    return resampled(load_model("site_effects"), load_trial("lupil2"))


@pytest.mark.stack
def test_the_tree_has_every_group_with_named_sites_and_arms(cells, margins):
    assert set(cells.data.children) == GROUPS | {"site_log_likelihood"}  # of whole sites: known for a site table alone
    assert set(margins.data.children) == GROUPS
    for post in (cells, margins):
        p = post.data["posterior"]["p"]
        assert p.dims == ("chain", "draw", "site", "arm")
        assert list(p["arm"].values) == ["control", "active"]
        assert set(ESTIMANDS) >= {"risk_difference"}
        assert "risk_difference" in post.data["posterior"]
    assert list(margins.data["posterior"]["site"].values[:3]) == ["Bulgaria 1", "Bulgaria 2", "ordinary 01"]
    assert margins.data["log_likelihood"]["patient_response"].sizes["patient"] == 100


@pytest.mark.stack
@pytest.mark.filterwarnings("ignore:Estimated shape parameter")  # leaving out a whole cell moves the posterior far
def test_arviz_takes_the_tree_as_it_is(cells, margins):
    for post in (cells, margins):
        table = az.summary(post.data, var_names=["beta", "risk_difference"])
        ours = post.summary().loc[["beta", "risk_difference"]]
        np.testing.assert_allclose(table["mean"].astype(float), ours["mean"], atol=0.006)  # ArviZ rounds to 2 digits
        np.testing.assert_allclose(table["ess_bulk"].astype(float), ours["ess_bulk"], rtol=0.01)
        assert az.loo(post.data).elpd < 0
        az.plot_forest(post.data, var_names=["risk_difference"], backend="matplotlib")


def test_a_sound_fit_reports_every_probability_with_its_error(cells):
    assert cells.verdict.ok, cells.verdict.text
    table = cells.benefit()
    assert (table["mcse"] > 0).all()
    assert cells.p_benefit.probability == table["probability"].iloc[0]
    assert list(table["kind"].unique()) == ["benefit", "harm", "trivial", "relevant"]
    total = table.set_index("kind").loc[["harm", "trivial", "relevant"], "probability"].sum()
    assert total == pytest.approx(1.0)


def test_a_failed_verdict_hides_every_probability_and_says_why(cells):
    tree = cells.data.copy(deep=True)
    tree["sample_stats"]["diverging"][0, 0] = True
    failed = Posterior(tree, cells.spec, cells.provenance)
    assert not failed.verdict.ok
    assert failed.p_benefit is None
    table = failed.benefit()
    assert table[["probability", "mcse"]].isna().all(axis=None)
    assert table["why_not"].str.contains("1 divergent").all()
    assert failed.ladder == ()
    assert failed.nnt is None
    told = failed.to_json()
    assert told["nnt"] is None
    assert told["p_benefit"] is None
    assert told["ladder"] == []
    assert not told["diagnostics"]["ok"]


def test_json_holds_the_promised_keys_and_no_nan(cells):
    told = json.loads(json.dumps(cells.to_json(), allow_nan=False))
    for group, name in (("parameters", "beta"), ("parameters", "tau_u"), ("estimands", "risk_difference")):
        assert {"mean", "sd", "mcse_mean", "q2_5", "q50", "q97_5", "ess_bulk", "r_hat"} <= set(told[group][name])
    assert set(told["p_benefit"]) == {"probability", "mcse"}
    assert told["diagnostics"]["ok"] is True


@pytest.mark.stack
def test_saved_and_loaded_it_is_the_same(cells, margins, tmp_path):
    for post in (cells, margins):
        back = Posterior.load(post.save(tmp_path / "fit.nc"))
        assert back.spec == post.spec
        assert back.provenance == post.provenance
        xr.testing.assert_identical(back.data, post.data)
        assert back.benefit().equals(post.benefit())
    assert [path.name for path in tmp_path.iterdir()] == ["fit.nc"]


def damage_nothing_there(path):
    path.unlink()


def damage_truncated(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def damage_text(path):
    path.write_text("not a posterior")


def damage_empty(path):
    path.write_bytes(b"")


def damage_foreign(path):
    path.unlink()
    xr.Dataset({"x": ("i", [1.0])}).to_netcdf(path, engine="h5netcdf")


def damage_middle(path):
    raw = bytearray(path.read_bytes())
    raw[200:6000] = bytes(5800)
    path.write_bytes(bytes(raw))


@pytest.mark.parametrize(
    "damage",
    [damage_nothing_there, damage_truncated, damage_text, damage_empty, damage_foreign, damage_middle],
)
def test_a_damaged_file_is_refused_by_name(cells, tmp_path, damage):
    path = cells.save(tmp_path / "fit.nc")
    damage(path)
    with pytest.raises(SavedFileError, match=r"fit\.nc"):
        Posterior.load(path)


def test_a_place_that_cannot_be_written_to(cells, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="folder that can be written"):
        cells.save(tmp_path / "file" / "fit.nc")


def test_synthetic_data_say_so_in_the_file(resampled, tmp_path):
    import dataclasses

    trial = dataclasses.replace(load_trial("he2020"), synthetic=True)
    post = resampled(load_model("itt_pooled"), trial)
    with xr.open_datatree(post.save(tmp_path / "x.nc"), engine="h5netcdf") as tree:
        assert "made-up" in tree.attrs["SYNTHETIC"]


def test_saving_replaces_nothing_but_an_earlier_posterior(margins, tmp_path):
    data, device = tmp_path / "a.csv", tmp_path / "device.nc"
    data.write_text("site,arm\nA,drug\n", encoding="utf-8")
    with pytest.raises(OutputError, match=r"a\.csv.*no saved posterior"):
        margins.save(data)
    assert data.read_text(encoding="utf-8") == "site,arm\nA,drug\n"
    path = margins.save(tmp_path / "p.nc")
    assert margins.save(path) == path
    os.mkfifo(device)
    for target, words in ((device, "a device or a pipe"), (tmp_path, "a folder"), ("", "no name of a file")):
        with pytest.raises(OutputError, match=words):
            margins.save(target)
    assert stat.S_ISFIFO(device.stat().st_mode)


@pytest.mark.parametrize(("model", "trial"), [("outliers_arms", "beitler_landis"), ("site_effects", "lupil2")])
def test_a_posterior_alone_has_the_same_draws(model: str, trial: str) -> None:
    spec, data = load_model(model).edited(sampler__points=1024, sampler__draws=200), load_trial(trial)
    whole, alone = fit(spec, data), refit(spec, data)
    assert {"prior", "posterior_predictive", "log_likelihood"} <= set(whole.data.children) - set(alone.data.children)
    for name, values in whole.data["posterior"].data_vars.items():
        assert np.array_equal(alone.draws(str(name)), values.values), name
    assert (alone.rows, alone.verdict, alone.ladder) == (whole.rows, whole.verdict, whole.ladder)
