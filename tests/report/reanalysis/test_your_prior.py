"""'Your prior': what the page holds is the analysis, written as everywhere; the script of the page, run by Node."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from jinja2 import Environment, PackageLoader, StrictUndefined

import bayes_lupil
from bayes_lupil import Arms, Cells, EndPoint, Trial, fit, load_model, load_trial
from bayes_lupil.numbers import percent, points, points_interval, probability
from bayes_lupil.report.media.vega import specification, svg_of_chart
from bayes_lupil.report.reanalysis.figures.prior_chart import THOUSANDTHS, prior_chart, start_of
from bayes_lupil.report.reanalysis.results import priors_table
from bayes_lupil.report.reanalysis.your_prior import payload
from bayes_lupil.sensitivity.effect_priors import analyse_priors

SCRIPT = Path(bayes_lupil.__file__).parent / "report" / "reanalysis" / "templates" / "your_prior.js"
ATTACK = "</script><script>alert(1)"


def node(code, given):
    """The value of `code`, in which `yp` is what the script exports and `given` is the argument."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("Node.js is not installed, so the script of the page cannot be run on its own")
    whole = (
        f"const yp = require({json.dumps(str(SCRIPT))});"
        "const given = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
        "const plain = (k, v) => typeof v === 'number' && !Number.isFinite(v) ? String(v) : v;"  # JSON has no NaN
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


def test_the_page_holds_the_map(priors):
    given = json.loads(json.dumps(payload(priors), allow_nan=False))
    assert len(given["cells"]) == len(given["means"]) * len(given["sds"]) == len(priors.map.cells)
    pairs = [*zip(given["cells"], priors.map.cells, strict=True)]
    pairs += [(cell, priors.map.named[name]) for name, cell in given["named"].items()]
    for cell, item in pairs:
        assert (cell["mean"], cell["sd"]) == pytest.approx((item.prior.mean, item.prior.sd))
        shown, rows = cell["result"], [row for row in item.ladder if row.kind == "benefit"]
        assert len(shown["p"]) == len(given["thresholds"])
        for text, value, row in zip(shown["p"], shown["value"], rows, strict=True):
            if math.isnan(row.probability):
                assert (text, value) == ("too few draws to tell", None)
            else:
                assert text == percent(row.probability, row.mcse)
                assert value == pytest.approx(row.probability, rel=1e-5)
        assert shown["difference"] == f"{points(item.median)} ({points_interval(item.lower, item.upper)})"
        np.testing.assert_allclose(np.array(shown["density"]) / THOUSANDTHS, item.density, atol=0.5 / THOUSANDTHS)
    assert given["thresholds"][0] == "at all"
    assert given["start"] == "declared"
    assert given["beliefs"] == ["declared", "sceptical", "neutral", "optimistic", "pessimistic", "flat"]


def test_before_the_data_optimists_expect_a_benefit(priors):
    named = payload(priors)["named"]
    for strength, chance in (("weak", "70 %"), ("moderate", "85 %"), ("strong", "95 %")):
        assert named[f"optimistic {strength}"]["before"] == chance
        assert named[f"pessimistic {strength}"]["before"] == f"{100 - int(chance.split()[0])} %"
        assert named[f"sceptical {strength}"]["before"] == named[f"neutral {strength}"]["before"] == "50 %"


def test_the_report_and_the_page_say_the_same_of_the_declared_prior(priors):
    shown, lead = payload(priors)["named"]["declared"]["result"], priors.posterior
    best = lead.p_benefit
    assert shown["p"][0] == percent(best.probability, best.mcse)
    assert shown["median"] == pytest.approx(lead.row("risk_difference").q50, abs=1e-9)
    for row in priors.rows:
        shown = payload(priors)["named"].get(row.prior.name)
        if shown is not None:  # sceptical and optimistic are of three strengths there, the strong one that of the row
            assert shown["result"]["value"][0] == pytest.approx(row.changed.p_benefit, rel=1e-5)
    for name in ("sceptical", "optimistic"):
        row = next(row for row in priors.rows if row.prior.name == name)
        strong = payload(priors)["named"][f"{name} strong"]["result"]
        assert strong["p"][0] == percent(row.changed.p_benefit, row.changed.p_benefit_mcse)


def test_a_declared_prior_that_is_not_normal_is_no_preset():
    wide = {"family": "student_t", "df": 4, "mean": 0, "scale": 1, "reason": "heavy tails"}
    spec = load_model("site_effects").edited(sampler__engine="quadrature", priors__beta=wide)
    given = payload(analyse_priors(fit(spec, load_trial("beitler_landis"))))
    assert "declared" not in given["named"]
    assert "declared" not in given["beliefs"]
    assert given["start"] == "neutral"


def test_numbers_are_read_as_people_write_them():
    texts = ["0.5", "0,5", " 1.25 ", ".5", "2", "", "-1", "1.2.3", "1,000.5", "abc", "1e3"]
    found = node("return given.map(yp.parsed);", texts)
    assert found[:5] == [0.5, 0.5, 1.25, 0.5, 2]
    assert set(found[5:]) == {"NaN"}


def test_a_link_carries_a_prior():
    found = node("return given.map(yp.ofLink);", ["#prior=-0.5:0.3", "#prior=0:1", "#your-prior", "#prior=x:1", ""])
    assert found == [{"mean": -0.5, "sd": 0.3}, {"mean": 0, "sd": 1}, None, None, None]


def test_the_nearest_prior_is_taken():
    assert node("return given.map((v) => yp.nearest([-1, 0, 0.5, 2], v));", [-9, -0.4, 0.3, 1.3, 9]) == [0, 1, 2, 3, 3]


def test_a_prior_without_a_result_has_no_number(priors):
    data = payload(priors)
    told = node("return yp.resultWords(given.data, given.cell, 0);", {"data": data, "cell": {"result": None}})
    assert told.startswith("No result")
    assert not any(letter.isdigit() for letter in told)


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
    assert len(text.splitlines()) < 150  # it shows; it computes nothing


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


@pytest.mark.parametrize("width", [4.0, 8.0])
def test_the_chart_starts_at_the_declared_prior(priors, width):
    chart = prior_chart(priors)
    drawn = chart.draw(width=width)
    held = {item["name"]: item["value"] for item in specification(drawn)["params"]}
    assert (held["prior_mean"], held["prior_sd"]) == (0.0, 1.0)
    assert len(held["posterior"]) == len(held["likelihood"]) == priors.map.axis.size
    picture = svg_of_chart(drawn)
    sides = ["placebo better", "better"] if ATTACK in priors.posterior.provenance.arms.names else ["control better"]
    assert all(side in picture for side in sides)
    frame = chart.frame
    assert frame["odds_ratio"].to_numpy() == pytest.approx(np.exp(priors.map.axis))
    np.testing.assert_allclose(frame["posterior"], start_of(priors).density)
    assert "Posterior: highest at" in chart.alternative
