"""What ArviZ does with the result of a fit: leave-one-out, prior sensitivity, comparison, energy, files."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.special import logsumexp

import bayes_lupil as bl
from bayes_lupil import Arms, Cells, EndPoint, Trial, az, sensitivity
from bayes_lupil.engines import run_engine
from bayes_lupil.likelihoods import NormalPatients
from bayes_lupil.posterior.datatree import build_tree
from bayes_lupil.posterior.labels import label

ARMS, POINT = Arms("control", "active"), EndPoint("y", "y")


@pytest.fixture(scope="module")
def gaps():
    """Three sites with both arms, one with each arm alone."""
    y, n = np.array([[3, 5], [2, 0], [0, 4], [4, 6], [1, 3]]), np.array([[10, 10], [8, 0], [0, 9], [12, 11], [7, 8]])
    return bl.fit("site_effects", Trial.from_cells(Cells(tuple("ABCDE"), y, n), ARMS, POINT, "made", synthetic=True))


@pytest.fixture(scope="module")
def whole():
    return bl.fit("site_effects", "beitler_landis")


@pytest.mark.stack
def test_cells_without_patients_are_no_observations(gaps):
    values = gaps.data["log_likelihood"]["y"]
    assert [str(cell) for cell in values["cell"].values] == [
        "A, control", "A, active", "B, control", "C, active", "D, control", "D, active", "E, control", "E, active",
    ]  # fmt: skip
    loo = az.loo(gaps.data)
    assert loo.n_data_points == 8
    assert np.isfinite(loo.elpd)


@pytest.mark.stack
@pytest.mark.filterwarnings("ignore:Estimated shape parameter")
def test_leave_one_cell_out_is_the_harmonic_mean_where_weights_are_good(gaps):
    """Smoothing moves little where k-hat is small; 4 Monte Carlo errors of the plain harmonic mean."""
    values = gaps.data["log_likelihood"]["y"].values
    logs = values.reshape(-1, values.shape[-1])
    found = az.loo(gaps.data, pointwise=True)
    good = found.pareto_k.values.ravel() < 0.5
    assert good.sum() >= 4
    plain = np.log(len(logs)) - logsumexp(-logs, axis=0)
    ratio = np.exp(-logs - (-logs).max(axis=0))
    error = ratio.std(axis=0) / ratio.mean(axis=0) / np.sqrt(len(logs))
    off = np.abs(found.elpd_i.values.ravel() - plain) / error
    assert (off[good] < 4).all()


@pytest.mark.stack
def test_log_priors_are_of_what_the_model_file_states(whole):
    group = whole.data["log_prior"]
    assert set(group.data_vars) == {"alpha", "beta", "tau_u", "tau_v"}
    for name in group.data_vars:
        prior = getattr(whole.spec.priors, name)
        np.testing.assert_allclose(group[name].values, prior.logpdf(whole.draws(name)), rtol=1e-12)


@pytest.mark.stack
def test_prior_sensitivity_by_arviz_is_that_by_power_scaling(whole):
    """The derivative that ArviZ estimates and reweighting by hand move the mean of the effect the same way."""
    found = az.psense_summary(whole.data, var_names=["beta"])
    assert np.isfinite(found.select_dtypes("number").to_numpy()).all()
    weights = np.exp(0.2 * sum(whole.data["log_prior"][name].values for name in whole.data["log_prior"].data_vars))
    beta = whole.draws("beta")
    by_hand = float((weights * beta).sum() / weights.sum())
    scaled = sensitivity.power_scale(whole, prior=1.2).estimates["beta"]
    assert abs(scaled.mean - by_hand) < 4 * scaled.mcse


@pytest.mark.filterwarnings("ignore:Estimated shape", "ignore:Encountered an error", "ignore:The inplace keyword")
def test_models_are_compared(whole):
    other = bl.fit("site_intercepts", "beitler_landis")
    table = az.compare({"site_effects": whole.data, "site_intercepts": other.data})
    assert set(table.index) == {"site_effects", "site_intercepts"}


def test_energy_of_chains_is_drawn():
    posterior = bl.fit(bl.model("itt_pooled", engine="nuts", draws=400, chains=2), "beitler_landis")
    az.plot_energy(posterior.data)
    plt.close("all")


@pytest.mark.stack
@pytest.mark.filterwarnings("ignore:Estimated shape parameter")
def test_a_saved_file_is_read_by_arviz(whole, tmp_path):
    path = whole.save(tmp_path / "posterior.nc")
    tree = az.from_netcdf(path)
    np.testing.assert_array_equal(tree["posterior"]["beta"].values, whole.draws("beta"))
    assert az.loo(tree).elpd == pytest.approx(az.loo(whole.data).elpd)
    tree.close()


def variables(tree):
    for path, group in tree.children.items():
        yield from ((path, name, group[name]) for name in group.data_vars)


@pytest.mark.stack
@pytest.mark.parametrize("model", ["site_effects", "site_exnex", "outliers_arms", "site_student_t_df", "site_fixed"])
def test_every_variable_says_what_it_is(model):
    """No variable is called by its name alone, nor two of one group alike; log-odds ratios are on that scale."""
    tree = bl.fit(bl.model(model, points=1024), "beitler_landis").data
    said = [(path, name, item.attrs["long_name"]) for path, name, item in variables(tree)]
    assert [row for row in said if row[2] == row[1] and row[1] != "energy"] == []
    assert len({(path, words) for path, _, words in said}) == len(said)
    for name in ("beta", "alpha"):
        assert tree["posterior"][name].attrs["units"] == "log odds"
    assert tree["posterior"]["risk_difference"].attrs["units"] == "proportion"
    assert tree["observed_data"]["y"].attrs == {"long_name": "responders", "units": "patients"}
    if "tau_u" in tree["posterior"]:  # the SD of Student-t effects is larger than their scale, or not there at all
        spread = "scale" if "student_t" in model else "SD"
        assert tree["posterior"]["tau_u"].attrs["long_name"] == f"{spread} over sites of the log odds"


def test_labels_of_chains_and_of_a_continuous_end_point():
    chains = bl.fit(bl.model("itt_pooled", engine="nuts", draws=200, chains=2), "beitler_landis").data["sample_stats"]
    assert all(chains[name].attrs["long_name"] for name in chains.data_vars)
    spec = bl.load_model("sledai_absolute").edited(end_point="primary", priors__gamma=None)
    point = EndPoint("change", "Change of a score", unit="points", kind="continuous")
    change = np.random.default_rng(1).normal(-2, 1, 30)
    likelihood = NormalPatients(spec, tuple("ABC"), np.repeat([0, 1, 2], 10), np.tile([0, 1], 15), change)
    tree = build_tree(likelihood, run_engine(likelihood))
    label(tree, spec, point)
    assert tree["posterior"]["mean"].attrs == {"long_name": "mean of Change of a score", "units": "points"}
    assert tree["posterior"]["mean_difference"].attrs["units"] == "points"
    assert all("long_name" in item.attrs for _, _, item in variables(tree))


@pytest.mark.stack
def test_xarray_labels_its_plots_and_files_keep_the_labels(whole, tmp_path):
    with_labels = az.from_netcdf(whole.save(tmp_path / "posterior.nc"))
    figure, axes = plt.subplots()
    with_labels["posterior"]["risk_difference"].plot.hist(ax=axes)
    assert " ".join(axes.get_xlabel().split()) == "risk difference, active minus control [proportion]"
    plt.close(figure)
    with_labels.close()


@pytest.mark.parametrize("name", ["plot_energy", "bfmi"])
def test_a_fit_without_energies_says_which_engine_has_them(whole, name):
    call = getattr(az, name)
    for given in ((whole.data,), ({"a": whole.data},) if name == "plot_energy" else (whole.data,)):
        with pytest.raises(bl.errors.InputError, match='engine="nuts"'):
            call(*given)
