"""Several active arms against one control: the density, brute force, the model of two arms as a special case."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy import stats
from scipy.special import expit

import bayes_lupil as bl
from bayes_lupil import Arms, Cells, EndPoint, Trial, load_model
from bayes_lupil.arms import ArmsAnalysis, ArmsTable, arms_table
from bayes_lupil.arms.model import ArmsModel
from bayes_lupil.engines import nuts
from bayes_lupil.errors import DiagnosticsError, InputError, OutputError, TrialError, UnsupportedModelError
from bayes_lupil.priors import HalfNormal
from tests.proofs import FIT

MANY = 4.0
"""Monte Carlo errors that two results may lie apart."""
DOSES = {
    "site": [site for site in "ABCD" for _ in range(3)],
    "arm": ["placebo", "low", "high"] * 4,
    "responders": [4, 7, 11, 2, 3, 5, 8, 8, 10, 1, 4, 5],
    "n": [20, 21, 20, 10, 9, 10, 15, 14, 16, 12, 12, 11],
}
TABLE = arms_table(bl.load_comparisons(DOSES))
POOLED = load_model("itt_pooled_primary_priors")
BETWEEN = HalfNormal(sd=0.5, reason="for the tests alone")


@pytest.fixture(scope="module")
def found() -> ArmsAnalysis:
    return bl.compare_arms(DOSES, model=POOLED, progress=False)


def test_the_table_holds_every_arm_at_every_site() -> None:
    assert TABLE.arms == ("placebo", "low", "high")
    assert TABLE.totals == ((15, 57), (22, 56), (31, 57))
    assert TABLE.responders[1].tolist() == [2, 3, 5]
    assert TABLE.site_shares.sum() == pytest.approx(1)


def test_a_site_without_an_arm_has_no_patients_of_it() -> None:
    some = {name: values[:-1] for name, values in DOSES.items()}
    table = arms_table(bl.load_comparisons(some, single_arm_sites=True))
    assert table.n[3].tolist() == [12, 12, 0]
    assert table.sites == tuple("ABCD")


@pytest.mark.parametrize(
    ("actives", "said"),
    [(("low",), "two or more"), ((), "two or more"), (("low", "low"), "each once")],
)
def test_fewer_than_two_active_arms_are_refused(actives: tuple[str, ...], said: str) -> None:
    read = bl.load_comparisons(DOSES)
    with pytest.raises(TrialError, match=said):
        arms_table({str(i): read[name] for i, name in enumerate(actives)})


def test_other_controls_are_refused() -> None:
    read = dict(bl.load_comparisons(DOSES))
    other = bl.load_trial(DOSES, control="low", active="high")
    with pytest.raises(TrialError, match="control"):
        arms_table({"low": read["low"], "high": other})
    cells = Cells(("A",), np.array([[4, 9]]), np.array([[20, 20]]))
    point = read["low"].end_point
    same_name = Trial.from_cells(cells, Arms("placebo", "high"), point, synthetic=True)
    # the same control at one site of four, and none of its patients at the others
    with pytest.raises(TrialError, match=r"other patients of the control .*'B', 'C', 'D'"):
        arms_table({"low": read["low"], "high": same_name})
    changed = replace(read["high"].data, responders=read["high"].data.responders + [[1, 0]] * 4)
    with pytest.raises(TrialError, match="'A', 'B', 'C', 'D'"):
        arms_table({"low": read["low"], "high": replace(read["high"], data=changed)})
    with pytest.raises(TrialError, match="'A'"):  # a comparison that was read otherwise
        arms_table(
            {"low": read["low"], "high": bl.load_trial(DOSES, control="placebo", active="high", where="site != 'A'")}
        )
    for other_point in (EndPoint("death", "Death"), replace(point, benefit="lower")):
        with pytest.raises(TrialError, match="different end points"):
            arms_table({"low": read["low"], "high": replace(same_name, end_point=other_point)})


def test_names_that_look_alike_are_refused() -> None:
    read = bl.load_comparisons(DOSES)
    alike = replace(read["high"], arms=Arms("placebo", "Low"))
    with pytest.raises(TrialError, match="Low"):
        arms_table({"low": read["low"], "high": alike})


def test_options_beside_what_was_read_are_refused() -> None:
    read = bl.load_comparisons(DOSES)
    for given in ({"benefit": "lower"}, {"active": ["low", "high"]}, {"where": "site != 'A'"}):
        with pytest.raises(TrialError, match="read already"):
            bl.compare_arms(read, **given)
    for source in (read, DOSES):
        with pytest.raises(TrialError, match="bennefit"):
            bl.compare_arms(source, bennefit="lower")


@pytest.mark.proof(*FIT, "arms")
def test_a_population_is_that_of_the_model() -> None:
    patients = {"site": ["A", "B"] * 60, "arm": ["placebo", "low", "high"] * 40, "pp": [1, 1, 1, 1, 0] * 24}
    patients["y"] = [int(i % 7 < 3) for i in range(120)]
    read = bl.load_comparisons(patients, outcome="y", population={"pp": "pp"})
    assert arms_table(read, "pp").n.sum() == sum(patients["pp"])
    found = bl.compare_arms(read, model=POOLED.edited(population="pp"), progress=False)
    assert found.model.table.n.sum() == sum(patients["pp"])


@pytest.mark.parametrize(
    ("name", "edits", "said"),
    [
        ("site_fixed", {}, "sites.intercepts = 'fixed'"),
        ("site_student_t", {}, "student_t"),
        ("outliers_arms", {}, "contaminated"),
        ("site_exnex", {}, "exnex"),
        ("site_in_country", {}, "countries"),
        ("site_effects", {"without_sites": ["A"]}, "without_sites"),
        ("sledai_absolute", {}, "continuous"),
        ("site_effects", {"sampler__engine": "quadrature"}, "sampler.engine"),
    ],
)
def test_models_of_another_kind_are_refused(name: str, edits: dict[str, Any], said: str) -> None:
    with pytest.raises(UnsupportedModelError, match=said):
        ArmsModel(load_model(name).edited(**edits), TABLE)


def test_totals_and_margins_are_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="counts by site"):
        arms_table({"a": bl.load_trial("lupil2"), "b": replace(bl.load_trial("lupil2"), arms=Arms("placebo", "b"))})


@pytest.mark.stack
@pytest.mark.parametrize("between", [None, BETWEEN], ids=["own", "exchangeable"])
@pytest.mark.parametrize("name", ["site_effects", "site_intercepts", "itt_pooled_primary_priors"])
def test_the_graph_has_the_density_of_numpy(name: str, between: HalfNormal | None) -> None:
    from pymc.model.transform.conditioning import remove_value_transforms

    arms = ArmsModel(load_model(name), TABLE, between)
    model = remove_value_transforms(arms.pymc_model())
    density = model.compile_fn(model.logp(jacobian=False), mode="FAST_COMPILE")
    drawn = arms.prior_draws(8, np.random.default_rng(3))
    for i, known in enumerate(arms.log_joint(drawn)):
        point = {name: value[i] for name, value in drawn.items()}
        assert float(density(point)) == pytest.approx(float(known), rel=1e-10, abs=1e-9)


@pytest.mark.parametrize("x0", [0.0, -0.5])
def test_one_active_arm_is_the_model_of_two_arms(x0: float) -> None:
    """The log likelihood of both, at the same parameters."""
    from bayes_lupil.likelihoods import BinomialCells

    spec = load_model("site_effects").edited(sites__coding="centred" if x0 else "reference")
    assert spec.sites.x[0] == x0
    one = ArmsTable(TABLE.arms[:2], TABLE.sites, TABLE.responders[:, :2], TABLE.n[:, :2])
    arms, two = ArmsModel(spec, one), BinomialCells(spec, Cells(one.sites, one.responders, one.n))
    drawn = arms.prior_draws(20, np.random.default_rng(4))
    same = drawn | {"beta": drawn["beta"][:, 0], "f": (drawn["g"] + drawn["f"][:, 0]) / np.sqrt(2)}
    del same["g"]
    np.testing.assert_allclose(arms.log_likelihood(drawn), two.log_likelihood(same), rtol=1e-12)


@pytest.mark.parametrize("coding", ["centred", "reference"])
def test_the_likelihood_of_several_arms_by_loops(coding: str) -> None:
    """Written out site by site and arm by arm; one site has no patients of the last arm."""
    spec, n = load_model("site_effects").edited(sites__coding=coding), TABLE.n.copy()
    n[2, 2] = 0
    table = ArmsTable(TABLE.arms, TABLE.sites, np.minimum(TABLE.responders, n), n)
    arms = ArmsModel(spec, table)
    drawn = arms.prior_draws(5, np.random.default_rng(5))
    known = np.zeros(5)
    for i in range(5):
        v = {name: value[i] for name, value in drawn.items()}
        for s in range(4):
            effects = [v["beta"][k] + v["tau_v"] * (v["g"][s] + v["f"][k, s]) / np.sqrt(2) for k in (0, 1)]
            level = v["alpha"] + v["tau_u"] * v["e"][s]
            control = level - (effects[0] + effects[1]) / 4 if coding == "centred" else level
            for k, eta in enumerate((control, control + effects[0], control + effects[1])):
                known[i] += stats.binom.logpmf(table.responders[s, k], n[s, k], expit(eta))
    np.testing.assert_allclose(arms.log_likelihood(drawn), known, rtol=1e-10)


def test_sites_differ_alike_whichever_arm_is_the_reference() -> None:
    """SDs of the differences between any two of three active arms and the control, over 40,000 sites: tau_v."""
    spec = load_model("site_effects")
    many = 40_000
    table = ArmsTable(
        ("c", "x", "y", "z"), tuple(map(str, range(many))), np.ones((many, 4), int), np.ones((many, 4), int)
    )
    arms = ArmsModel(spec, table)
    drawn = arms.prior_draws(1, np.random.default_rng(6)) | {"tau_v": np.array([0.7])}
    eta = arms.linear_predictor(drawn)[0]
    for a, b in itertools.combinations(range(4), 2):
        assert np.std(eta[a] - eta[b]) == pytest.approx(0.7, rel=MANY / np.sqrt(2 * many))


def grid_of_pooled() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Weights and log odds of the three arms over a grid of (alpha, beta_low, beta_high), by the definition alone."""
    a, b = np.linspace(-3, 3, 161), np.linspace(-3.5, 4.5, 161)
    alpha, low, high = np.meshgrid(a, b, b, indexing="ij")
    control = alpha - (low + high) / 4
    eta = (control, control + low, control + high)
    log = stats.norm.logpdf(alpha, 0, 1.5) + stats.norm.logpdf(low) + stats.norm.logpdf(high)
    for (y, n), value in zip(((15, 57), (22, 56), (31, 57)), eta, strict=True):
        log += stats.binom.logpmf(y, n, expit(value))
    weights = np.exp(log - log.max())
    return weights / weights.sum(), *(expit(value) for value in eta)


def test_pooled_arms_against_a_grid(found: ArmsAnalysis) -> None:
    weights, *risks = grid_of_pooled()
    control, low, high = risks

    def above(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """Half of the cells on the boundary count, as of any sum over a grid."""
        return (one > other) + 0.5 * (one == other)

    for row, risk in zip(found.rows, (low, high), strict=True):
        better = (weights * above(risk, control)).sum()
        assert abs(row.p_benefit.mean - better) < MANY * row.p_benefit.mcse
        difference = (weights * (risk - control)).sum()
        assert abs(row.risk_difference.mean - difference) < MANY * row.risk_difference.mcse
    best = (weights * above(high, low) * above(high, control)).sum()
    assert abs(found.rows[1].p_best.mean - best) < MANY * found.rows[1].p_best.mcse
    over = found.p_better("high", "low")
    assert abs(over.mean - (weights * above(high, low)).sum()) < MANY * over.mcse


def test_probabilities_belong_together(found: ArmsAnalysis) -> None:
    assert found.control_best.mean + sum(row.p_best.mean for row in found.rows) == pytest.approx(1)
    assert found.p_better("high", "low").mean + found.p_better("low", "high").mean == pytest.approx(1)
    assert found.p_better("low", "placebo") == found.rows[0].p_benefit
    for one, other in (("medium", "low"), ("low", "low")):
        with pytest.raises(InputError, match=f"'{one}'"):
            found.p_better(one, other)
    posterior = found.data["posterior"]
    assert posterior["risk"].dims == ("chain", "draw", "arm")
    difference = posterior["risk"].sel(arm="high") - posterior["risk"].sel(arm="placebo")
    np.testing.assert_allclose(difference, posterior["risk_difference"].sel(active="high"))


def test_each_arm_by_itself_is_a_fit_of_its_trial(found: ArmsAnalysis) -> None:
    for row, trial in zip(found.rows, found.trials.values(), strict=True):
        best = bl.fit(POOLED, trial).p_benefit
        assert abs(row.p_alone.mean - best.probability) < MANY * np.hypot(row.p_alone.mcse, best.mcse)


def test_what_must_be_known_is_told(found: ArmsAnalysis) -> None:
    text = found.card().text()
    assert "2 active arms share the control 'placebo' (57 patients)" in text
    assert "one of 2 comparisons" not in text
    frame = found.to_frame()
    assert list(frame.index) == ["low", "high"]
    assert {"p_benefit", "p_benefit_mcse", "p_best", "p_alone", "log_odds_ratio_q2_5"} <= set(frame)


def test_lower_is_better(found: ArmsAnalysis) -> None:
    """The same counts as harm: each P(benefit) is what is left of 1, and the control is what was worst."""
    lower = bl.compare_arms(DOSES, model=POOLED, benefit="lower", progress=False)
    for row, other in zip(found.rows, lower.rows, strict=True):
        assert row.p_benefit.mean + other.p_benefit.mean == pytest.approx(1)
    risk = found.data["posterior"]["risk"].values  # of the same draws
    assert lower.control_best.mean == (risk[..., :1] <= risk).all(axis=-1).mean()


@pytest.mark.parametrize("wrong", [0.0, -1.0, float("nan"), float("inf")])
def test_a_scale_that_is_none_is_refused(wrong: float) -> None:
    with pytest.raises(InputError, match="between_arms"):
        bl.compare_arms(DOSES, exchangeable=True, between_arms=wrong)


def test_a_scale_of_arms_that_are_not_exchangeable_is_refused() -> None:
    with pytest.raises(InputError, match="exchangeable"):
        bl.compare_arms(DOSES, between_arms=2.0)
    with pytest.raises(UnsupportedModelError, match="tau_arm"):
        bl.compare_arms(DOSES, exchangeable=True, between_arms=1e9)


def test_what_a_fit_of_one_comparison_refuses_is_refused() -> None:
    with pytest.raises(InputError):
        bl.compare_arms(DOSES, model="sri4")
    with pytest.raises(InputError):
        bl.compare_arms(DOSES, model=load_model("site_effects").edited(only_for=["lupil2"]))


@pytest.mark.proof(*FIT, "arms")
def test_one_site_is_for_models_without_sites() -> None:
    one = {name: values[:3] for name, values in DOSES.items()}
    with pytest.raises(InputError):
        bl.compare_arms(one, model="site_effects")
    assert len(bl.compare_arms(one, model=POOLED, progress=False).rows) == 2


@pytest.mark.proof(*FIT, "arms")
def test_arms_that_are_alike_for_want_of_digits_fail() -> None:
    """All patients respond in every arm, under a prior that is flat on this scale."""
    full = DOSES | {"responders": DOSES["n"]}
    with pytest.raises(DiagnosticsError, match="no difference at all between the arms"):
        bl.compare_arms(full, model=POOLED.edited(priors__alpha__sd=200.0), progress=False)


def test_it_is_saved_beside_nothing_of_the_user(found: ArmsAnalysis, tmp_path: Path) -> None:
    back = xr.open_datatree(found.save(tmp_path / "arms.nc"), engine="h5netcdf")
    np.testing.assert_array_equal(back["posterior"]["risk"], found.data["posterior"]["risk"])
    assert back.attrs["end_point"] == "response (higher is better)"
    (tmp_path / "doses.csv").write_text("mine")
    with pytest.raises(OutputError, match="no saved posterior"):
        found.save(tmp_path / "doses.csv")
    assert (tmp_path / "doses.csv").read_text() == "mine"


@pytest.mark.proof(*FIT, "arms")
def test_what_one_comparison_must_be_read_with_names_its_arm() -> None:
    few = DOSES | {"n": [20, 21, 20, 10, 9, 10, 15, 14, 16, 12, 12, 0], "responders": [*DOSES["responders"][:-1], 0]}
    rows = [i for i, n in enumerate(few["n"]) if n]
    some = {name: [values[i] for i in rows] for name, values in few.items()}
    found = bl.compare_arms(some, model=POOLED, single_arm_sites=True, progress=False)
    assert any(text.startswith("high: ") and "one arm only" in text for text in found.cautions)
    assert not any(text.startswith("low: ") and "one arm only" in text for text in found.cautions)


@pytest.mark.proof(*FIT, "arms")
@pytest.mark.parametrize("coding", ["centred", "reference"])
def test_one_active_arm_is_the_fit_of_two_arms(coding: str) -> None:
    """NUTS on this model against the quadrature engine on that of two arms."""
    spec = load_model("site_effects").edited(sites__coding=coding, sampler__draws=2500)
    one = ArmsTable(TABLE.arms[:2], TABLE.sites, TABLE.responders[:, :2], TABLE.n[:, :2])
    values = nuts.sample(ArmsModel(spec, one)).values
    trial = Trial.from_cells(Cells(one.sites, one.responders, one.n), Arms("placebo", "low"), EndPoint("y", "y"))
    known = bl.fit(spec, trial)
    for name in ("alpha", "beta", "tau_u", "tau_v"):
        from bayes_lupil.posterior.diagnostics import describe

        mine, row = describe(name, values[name][..., 0] if name == "beta" else values[name]), known.row(name)
        assert abs(mine.mean - row.mean) < MANY * np.hypot(mine.mcse_mean, row.mcse_mean), name


@pytest.mark.proof(*FIT, "arms")
def test_exchangeable_arms_without_a_spread_are_one_arm() -> None:
    """With an SD between arms of next to nothing: both active arms together against the control."""
    found = bl.compare_arms(DOSES, model=POOLED, exchangeable=True, between_arms=1e-4, progress=False)
    y, n = np.array([[15, 22 + 31]]), np.array([[57, 56 + 57]])
    trial = Trial.from_cells(Cells(("all",), y, n), Arms("placebo", "either"), EndPoint("y", "y"))
    known = bl.fit(POOLED, trial)
    for row in found.rows:
        mine, other = row.risk_difference, known.row("risk_difference")
        assert abs(mine.mean - other.mean) < MANY * np.hypot(mine.mcse, other.mcse_mean)
    assert any("say next to nothing of how much arms differ" in text for text in found.cautions)


@pytest.mark.proof(*FIT, "arms")
def test_exchangeable_arms_shrink_towards_each_other(found: ArmsAnalysis) -> None:
    shrunk = bl.compare_arms(DOSES, model=POOLED, exchangeable=True, progress=False)
    apart = [np.subtract(*(row.log_odds_ratio.mean for row in item.rows)) for item in (found, shrunk)]
    assert abs(apart[1]) < abs(apart[0]) - 0.05
