"""'Your prior': the script of the page, run by Node, against the package, whose smoothing is ArviZ's."""

from __future__ import annotations

import base64
import json
import math
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from jinja2 import Environment, PackageLoader, StrictUndefined
from scipy.stats import norm

import bayes_lupil
from bayes_lupil import Arms, Cells, EndPoint, Trial, fit, load_model, load_trial
from bayes_lupil.engines.importance import smooth_weights
from bayes_lupil.numbers import points, probability
from bayes_lupil.posterior.diagnostics import MIN_ESS
from bayes_lupil.priors import Normal
from bayes_lupil.report.reanalysis import your_prior
from bayes_lupil.report.reanalysis.results import priors_table
from bayes_lupil.report.reanalysis.your_prior import payload
from bayes_lupil.sensitivity.effect_priors import analyse_priors, under_normal
from bayes_lupil.sensitivity.preconditions import MAX_LOG_RATIO, covers
from bayes_lupil.sensitivity.reweighting import MAX_WEIGHTED_K_HAT, BaseDraws

SCRIPT = Path(bayes_lupil.__file__).parent / "report" / "reanalysis" / "templates" / "your_prior.js"
ATTACK = "</script><script>alert(1)"
# (mean, SD): the declared one, the standard ones, a shifted one, one beyond what the draws hold
WISHES = [(0.0, 1.0), (0.0, 0.26), (0.43, 0.26), (0.0, 10.0), (-0.3, 0.5), (0.6, 0.8), (-2.5, 0.1)]
# draws travel as float32 (6e-8 of their size); differences beyond that are of summation order
CLOSE = {"rel": 1e-4, "abs": 1e-6}


def node(code, given):
    """The value of `code`, in which `yp` is what the script exports and `given` is the argument."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("Node.js is not installed, so the script of the page cannot be run on its own")
    # JSON has no infinities and no NaN
    whole = (
        f"const yp = require({json.dumps(str(SCRIPT))});"
        "const given = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
        "const plain = (k, v) => typeof v === 'number' && !Number.isFinite(v) ? String(v) : "
        "ArrayBuffer.isView(v) ? Array.from(v) : v;"
        f"console.log(JSON.stringify((() => {{ {code} }})(), plain));"
    )
    told = subprocess.run([program, "-e", whole], input=json.dumps(given), capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)


def lower_is_good():
    """A trial whose lower response is the benefit, with an arm whose name is an attack."""
    counts = np.array([[7, 3], [5, 4], [6, 2], [8, 5]]), np.array([[12, 11], [9, 10], [10, 10], [14, 13]])
    cells = Cells(("a", "b", "c", "d"), *counts)
    return Trial.from_cells(cells, Arms("placebo", ATTACK), EndPoint("relapse", "Relapse", "lower"), "low", "Low")


@pytest.fixture(scope="module", params=["beitler_landis", "lower"])
def priors(request):
    trial = lower_is_good() if request.param == "lower" else load_trial("beitler_landis")
    post = fit(load_model("site_effects").edited(sampler__engine="quadrature"), trial)
    return analyse_priors(post)


@pytest.fixture(scope="module")
def environment():
    return Environment(
        loader=PackageLoader("bayes_lupil.report.reanalysis"), autoescape=True, undefined=StrictUndefined
    )


def numbers(text, kind):
    return np.frombuffer(base64.b64decode(text), dtype=kind).astype(float)


def of_the_package(priors, mean, sd):
    """(number of the fit, its weighted draws) that the rules of the package choose; None where none can tell."""
    every = [under_normal(BaseDraws(item), mean, sd) for item in priors.fits]
    sound = [
        (i, draws) for i, draws in enumerate(every)
        if draws.sound and draws.holds_mean(draws.base.quantities["risk_difference"])
    ]  # fmt: skip
    unchanged = [item for item in sound if item[1].unchanged]
    return next(iter(unchanged or sorted(sound, key=lambda item: -item[1].effective)), None), every[0]


@pytest.fixture
def all_draws(monkeypatch):
    """No draw is left out of the page, so that both sides have the same."""
    monkeypatch.setattr(your_prior, "MAX_DRAWS", 1_000_000)


@pytest.mark.usefixtures("all_draws")
def test_results_are_those_of_the_package(priors):
    post = priors.posterior
    code = """
    const data = yp.prepare(given.payload);
    return given.wishes.map(([m, s]) => yp.compute(data, m, s));
    """
    found = node(code, {"payload": payload(priors), "wishes": WISHES})
    sign, refused, chosen = post.provenance.end_point.sign, [], set()
    for (mean, sd), mine in zip(WISHES, found, strict=True):
        best, first = of_the_package(priors, mean, sd)
        assert mine["refused"] is (best is None)
        refused.append(mine["refused"])
        if best is None:
            assert set(mine) == {"refused", "k", "effective"}  # no number that could be shown
            assert float(mine["k"]) == pytest.approx(first.k_hat, rel=1e-3, abs=1e-3)
            continue
        number, draws = best
        assert mine["set"] == number
        chosen.add(number)
        assert float(mine["k"]) == pytest.approx(draws.k_hat, rel=1e-3, abs=1e-3)
        # rounded to float32 a few different points have one log odds ratio, and pass for one point
        assert mine["effective"] == pytest.approx(draws.effective, rel=5e-3)
        # sorted: resampled draws repeat, and NumPy's sort and the browser's deal the weights of equal draws out
        # in another order; which draw has which weight is held by the probabilities below and by the test of smoothing
        np.testing.assert_allclose(np.sort(mine["weights"]), np.sort(draws.weights), rtol=1e-4)
        rd = draws.base.quantities["risk_difference"]
        good = sign * rd
        for name, event in {
            "benefit": good > 0,
            "relevant": good >= post.spec.decision.relevant,
            "harm": good < -post.spec.decision.harm,
        }.items():
            if not draws.holds_chance(event):
                assert mine[name] is None
                continue
            p, mcse = draws.chance(event)
            assert mine[name]["p"] == pytest.approx(p, **CLOSE)
            # of draws without weights ArviZ estimates how many independent ones their indicator is worth
            assert mine[name]["mcse"] == pytest.approx(mcse, rel=0.1 if draws.unchanged else 5e-3)
        truth = draws.estimate(rd)
        # a quantile is a draw, and rounding may choose the next one
        near = np.ptp(rd) / 1000
        for name, value in (("lower", truth.q2_5), ("median", truth.q50), ("upper", truth.q97_5)):
            assert mine[name] == pytest.approx(value, abs=near)
    assert not all(refused)
    assert refused[-1]
    assert len(chosen) > 1  # the flat prior is that of a fit of its own


@pytest.mark.parametrize(
    "asked", [(0, 1), (0, 0.999), (0, 1.05), (0, 1.2), (0.4, 0.3), (2.5, 0.1), (0, 10), (3.0, 0.9)]
)
def test_reach_is_judged_as_by_the_package(asked):
    declared, new = (Normal(mean=m, sd=s, reason="for the test") for m, s in ((0.0, 1.0), asked))
    mine = node(
        "return yp.covers({mean: 0, sd: 1}, given[0], given[1], given[2]);", [*map(float, asked), MAX_LOG_RATIO]
    )
    assert mine == covers(declared, new)


def test_each_rule_refuses_by_itself(priors):
    """Each bound in turn set to just below and just above what the draws have, for one prior and one set of draws."""
    post, given = priors.posterior, payload(priors)
    draws = under_normal(BaseDraws(post), 0.0, 0.5)
    assert draws.sound
    one = {**given, "sets": given["sets"][:1]}
    code = "return given.map((p) => yp.compute(yp.prepare(p), 0, 0.5));"
    quarter = {**one, "sets": [{**one["sets"][0], "ess": draws.weights.size / 4}]}  # of chains worth a quarter
    largest = np.log(2)  # N(0, 0.5) over N(0, 1) at its centre
    changed = [
        one, quarter, {**one, "max_k_hat": -10}, {**one, "max_log_ratio": largest - 0.01},
        {**one, "max_log_ratio": largest + 0.01}, {**quarter, "min_ess": draws.effective / 3},
        {**one, "min_ess": draws.effective / 3}, {**one, "fewest_in_tail": draws.weights.size},
    ]  # fmt: skip
    found = node(code, changed)
    assert found[0]["effective"] == pytest.approx(draws.effective, rel=1e-3)
    assert found[1]["effective"] == pytest.approx(draws.effective / 4, rel=1e-3)
    assert [item["refused"] for item in found[2:]] == [True, True, False, True, False, True]
    assert node(code, [{**one, "fewest": draws.weights.size}])[0]["benefit"] is None


@pytest.mark.parametrize("size", [100, 225, 226, 4000])
@pytest.mark.parametrize("shape", [0.2, 0.6, 1.1])
def test_smoothing_is_that_of_arviz(size, shape):
    ratios = shape * np.random.default_rng(size).exponential(size=size)  # whose exponentials are Pareto
    mine = node("return yp.smoothWeights(given);", ratios.tolist())
    weights, k_hat = smooth_weights(ratios)
    assert mine["k"] == pytest.approx(k_hat, abs=1e-8)
    np.testing.assert_allclose(mine["weights"], weights, rtol=1e-8)


@pytest.mark.parametrize("ratios", [np.zeros(500), np.r_[np.full(400, -3.0), np.zeros(100)]])
def test_equal_weights_are_not_smoothed(ratios):
    mine = node("return yp.smoothWeights(given);", ratios.tolist())
    weights, k_hat = smooth_weights(ratios)
    assert (float(mine["k"]), k_hat) == (-math.inf, -math.inf)
    np.testing.assert_allclose(mine["weights"], weights, rtol=1e-12)


def test_numbers_are_written_alike():
    pairs = [
        (0.8106, 0.0042), (0.99963, 0.00021), (1.0, 0.0001), (0.0, 0.0003), (0.5, 0.02), (0.00004, 0.00003),
        (0.99999, 0.00096), (0.123456, 0.0000123), (0.4, 0.3), (0.7, 0.0),
    ]  # fmt: skip
    assert node("return given.map(([p, e]) => yp.probability(p, e));", pairs) == [probability(*pair) for pair in pairs]
    values = [0.0958, -0.0883, 0.0, 0.00049, -0.00049, 1.0, -0.12345, 0.00003, -1e-10, 0.00096]
    assert node("return given.map(yp.points);", values) == [points(value) for value in values]
    z = [-8.0, -2.0, -0.3, 0.0, 0.3, 2.0]
    assert node("return given.map(yp.normalCdf);", z) == pytest.approx(norm.cdf(z), abs=2e-7)


def test_the_curve_is_a_density_about_the_draws(priors):
    code = """
    const data = yp.prepare(given), set = data.sets[0], n = set.rd.length, equal = new Float64Array(n).fill(1 / n);
    return [data.low, data.high, yp.curveOf(data, set, equal, n)];
    """
    low, high, curve = node(code, payload(priors))
    at, rd = np.linspace(low, high, len(curve)), priors.posterior.draws("risk_difference")
    step = at[1] - at[0]
    assert sum(curve) * step == pytest.approx(1, abs=0.01)
    # a kernel widens the curve and leaves its centre
    assert np.dot(curve, at) * step == pytest.approx(rd.mean(), abs=0.05 * rd.std())
    assert low < min(0, np.quantile(rd, 0.001))
    assert high > max(0, np.quantile(rd, 0.999))


@pytest.mark.usefixtures("all_draws")
def test_payload_round_trip(priors):
    post = priors.posterior
    given = json.loads(json.dumps(payload(priors), allow_nan=False))
    assert len(given["sets"]) == len(priors.fits) > 1
    for one, fitted in zip(given["sets"], priors.fits, strict=True):
        np.testing.assert_allclose(numbers(one["beta"], "<f4"), fitted.draws("beta").ravel(), rtol=1e-7)
        np.testing.assert_allclose(
            numbers(one["risk_difference"], "<f4"), fitted.draws("risk_difference").ravel(), rtol=1e-7
        )
        assert (one["mean"], one["sd"]) == (fitted.spec.priors.beta.mean, fitted.spec.priors.beta.sd)
        assert one["ess"] == fitted.row("risk_difference").ess_bulk
        assert one["shared"] is True
    assert given["sign"] == post.provenance.end_point.sign
    assert (given["min_ess"], given["max_k_hat"]) == (MIN_ESS, MAX_WEIGHTED_K_HAT)
    names = [preset["name"] for preset in given["presets"]]
    assert names == ["sceptical", "neutral", "optimistic", "flat", "declared"]
    assert given["start"] == "declared"
    declared = given["presets"][-1]
    assert (declared["mean"], declared["sd"]) == (0.0, 1.0)
    for preset in given["presets"]:
        assert given["means"][0] <= preset["mean"] <= given["means"][1]
        assert given["sds"][0] <= preset["sd"] <= given["sds"][1]


def test_many_draws_are_thinned_and_worth_what_is_left(priors, monkeypatch):
    monkeypatch.setattr(your_prior, "MAX_DRAWS", 1000)
    given = payload(priors)
    first = given["sets"][0]
    beta, rd = numbers(first["beta"], "<f4"), numbers(first["risk_difference"], "<f4")
    assert 990 <= beta.size <= 1000
    assert beta.size == rd.size
    assert first["ess"] == beta.size  # these draws are independent
    every = priors.posterior.draws("risk_difference")
    pairs = set(zip(priors.posterior.draws("beta").astype("<f4").ravel(), every.astype("<f4").ravel(), strict=True))
    assert set(zip(beta.astype("<f4"), rd.astype("<f4"), strict=True)) <= pairs


@pytest.mark.usefixtures("all_draws")
def test_a_declared_prior_that_is_not_normal_is_no_preset():
    trial = load_trial("beitler_landis")
    wide = {"family": "student_t", "df": 4, "mean": 0, "scale": 1, "reason": "heavy tails"}
    post = fit(load_model("site_effects").edited(sampler__engine="quadrature", priors__beta=wide), trial)
    analysis = analyse_priors(post)
    given = payload(analysis)
    assert [preset["name"] for preset in given["presets"]] == ["sceptical", "neutral", "optimistic", "flat"]
    assert given["start"] == "neutral"
    assert given["sets"][0]["sd"] is None  # the page knows normal priors alone
    assert given["sets"][-1]["sd"] == 10.0
    found = node("return yp.compute(yp.prepare(given), 0, 10);", given)
    flat = analysis.rows[-1].changed
    assert found["set"] == len(given["sets"]) - 1
    assert found["benefit"]["p"] == pytest.approx(flat.p_benefit, **CLOSE)


def test_names_cannot_leave_the_data(priors, environment):
    shown = environment.get_template("your_prior.html.j2").render(your_prior=payload(priors))
    assert shown.count("</script>") == 1
    assert "alert(1)" not in shown.replace(r"\u003c/script\u003e\u003cscript\u003ealert(1)", "").replace(
        "&lt;/script&gt;&lt;script&gt;alert(1)", ""
    )
    data = shown.split('id="yp-data">')[1].split("</script>")[0]
    assert json.loads(data)["active"] == priors.posterior.provenance.arms.active
    assert '<div id="yp" class="yp no-print" hidden>' in shown  # without a script there are no dead sliders


def test_the_script_can_stand_in_a_page():
    text = SCRIPT.read_text(encoding="utf-8")
    assert "</script" not in text
    assert "<!--" not in text
    for forbidden in ("innerHTML", "eval(", "fetch(", "XMLHttpRequest", "document.write"):
        assert forbidden not in text
    assert len(text.splitlines()) <= 510


def test_the_table_holds_the_analysis(priors):
    table = priors_table(priors, widget=True)
    assert [row[0] for row in table.rows] == ["sceptical", "neutral", "optimistic", "flat"]
    for cells, row in zip(table.rows, priors.rows, strict=True):
        assert cells[5] == probability(row.changed.p_benefit, row.changed.p_benefit_mcse)
        relevant = next(item for item in row.ladder if item.kind == "relevant")
        assert cells[6] == probability(relevant.probability, relevant.mcse)
        rd = row.changed.estimates["risk_difference"]
        assert cells[7:] == (points(rd.q50), f"{points(rd.q2_5)} to {points(rd.q97_5)}")
    assert table.rows[1][3] == "0.14 to 7.10"  # exp(-1.96), exp(1.96)
    assert table.rows[3][3] == "below 0.01 to above 1000"


def test_a_failed_refit_has_no_figure(priors):
    first = priors.rows[0]
    failed = replace(first, changed=replace(first.changed, ok=False, p_benefit=math.nan), ladder=())
    table = priors_table(replace(priors, rows=(failed, *priors.rows[1:])), widget=True)
    assert table.rows[0][5:] == ("no figure",) * 4
    assert "no figure" not in table.rows[1]
