"""A plan whose model has covariates: the CDISC pilot, adjusted for age and sex too."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from bayes_lupil import ModelSpec, fit
from bayes_lupil.endpoints import analyse_end_points
from bayes_lupil.endpoints.result import counterpart_rows
from bayes_lupil.errors import ModelError, TrialError, UnsupportedModelError
from bayes_lupil.fitting import fit_checked
from bayes_lupil.outcomes import derive, read_outcomes, synthetic_patients, trial_of
from bayes_lupil.report.endpoints.page import end_points_summary
from bayes_lupil.report.endpoints.steps import one_step
from bayes_lupil.report.media.blocks import Paragraph
from bayes_lupil.spec import load_model, load_plan
from bayes_lupil.trials.end_point import Arms
from tests.proofs import FIT

LOW, HIGH = "Xanomeline_Low_Dose", "Xanomeline_High_Dose"
PRIOR = {"family": "normal", "mean": 0, "sd": 2, "reason": "For this test only."}


@pytest.fixture
def adjusted(cdisc: tuple[Path, Path], validation: Path, tmp_path: Path) -> tuple[Path, Path]:
    """(plan, data) with AGE and SEX of the pilot's subject-level data joined by patient."""
    import pyreadstat

    people = pyreadstat.read_xport(str(validation / "raw" / "cdiscpilot_adsl.xpt"))[0].set_index("USUBJID")
    plan, data = cdisc
    with data.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        one = people.loc[row["id"]]
        row["age"], row["sex"] = f"{one.AGE:g}", one.SEX
    path = tmp_path / "with_age_and_sex.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return plan, path


def _model(plan: Path, **changes: object) -> ModelSpec:
    given = {"covariates__continuous": ["age"], "covariates__categorical": ["sex"], "priors__coefficients": PRIOR}
    return load_model(plan.parent / "change.toml").edited(**(given | changes))


def test_the_pilot_adjusted_for_age_and_sex(adjusted: tuple[Path, Path]) -> None:
    """Least squares of statsmodels; the gate's own test is as published; the model agrees to a quarter of an error.

    So far does its posterior lie from least squares: its priors shrink, and its sites are random.
    """
    import pandas as pd
    import statsmodels.formula.api as smf

    plan, data = adjusted
    found = analyse_end_points(plan, data, active=LOW, models={"change": _model(plan)}, check_engines=False)
    step = found.steps[0]
    own = step.counterpart.analysis.contrasts[LOW]
    assert own is not None
    assert (round(own.estimate, 1), round(own.se, 2), round(own.p, 3)) == (-0.5, 0.82, 0.569)
    assert step.counterpart.p == own.p
    frame = pd.read_csv(data)
    frame["site_group"] = frame["site_group"].astype(str)
    formula = "change ~ baseline + C(site_group) + age + C(sex) + C(arm, Treatment('Placebo'))"
    theirs = smf.ols(formula, frame).fit()
    term = f"C(arm, Treatment('Placebo'))[T.{LOW}]"
    also = step.counterpart.adjusted_for_these
    assert also is not None
    contrast = also.contrasts[LOW]
    assert contrast is not None
    assert contrast.estimate == pytest.approx(theirs.params[term], rel=1e-9)
    assert (contrast.se, contrast.p) == (pytest.approx(theirs.bse[term]), pytest.approx(theirs.pvalues[term]))
    assert step.posterior is not None
    row = step.posterior.row("mean_difference")
    assert abs(row.mean - contrast.estimate) < contrast.se / 4
    rows = {row["analysis"]: row["estimate"] for row in counterpart_rows(step, LOW)}
    assert [rows[name] for name in rows if "age, by SD" in name] == [contrast.estimate]
    assert "linear mixed model with the same covariates" in rows
    notes = " ".join(step.posterior.provenance.notes)
    assert "adjusted for covariates, with the differences gamma_age = age, by SD" in notes
    assert "gamma_sex" in notes
    assert step.posterior.data.posterior["gamma_age"].attrs["long_name"].startswith("difference of age, by SD")
    told = " ".join(block.text for block in end_points_summary(found).blocks if isinstance(block, Paragraph))
    assert "adjust for covariates of patients (1: age, sex), the tests of the plan do not" in told


@pytest.mark.proof(*FIT, "endpoints", "outcomes")
def test_both_engines_agree_on_the_pilot(adjusted: tuple[Path, Path]) -> None:
    plan, data = adjusted
    outcomes = read_outcomes(data, load_plan(plan)[0].columns.model_dump())
    end_point = derive(load_plan(plan)[0].end_points[0], outcomes)
    trial = trial_of(end_point, outcomes, Arms("Placebo", HIGH), ("age", "sex"))
    model = _model(plan, covariates__continuous=[], covariates__splines={"age": 3})
    posterior, agreement = fit_checked(model, trial)
    assert posterior.provenance.sampler.startswith("quadrature")
    assert agreement is not None
    assert agreement.status == "agree", agreement


@pytest.mark.parametrize(("active", "printed"), [(LOW, (-0.5, 0.82)), (HIGH, (-1.0, 0.84))])
def test_the_posterior_under_wide_priors_is_the_published_ancova(
    cdisc: tuple[Path, Path], active: str, printed: tuple[float, float]
) -> None:
    """Each site's own level, no covariate but the baseline: as printed but for its arms, three in one regression.

    Of two arms least squares is -0.45 (0.87) and -0.95 (0.84): the third arm tells of sites, slope and residual SD.
    """
    import pandas as pd
    import statsmodels.formula.api as smf

    plan, data = cdisc
    outcomes = read_outcomes(data, load_plan(plan)[0].columns.model_dump())
    trial = trial_of(derive(load_plan(plan)[0].end_points[0], outcomes), outcomes, Arms("Placebo", active))
    wide = {"sites__intercepts": "fixed", "sites__effects": "pooled", "priors__tau_u": None, "priors__tau_v": None}
    wide |= {"priors__alpha__sd": 100, "priors__beta__sd": 100, "priors__sigma__sd": 100, "priors__gamma__sd": 10}
    row = fit(load_model(plan.parent / "change.toml").edited(**wide), trial).row("mean_difference")
    frame = pd.read_csv(data).query("arm in ('Placebo', @active)").assign(active=lambda f: f["arm"] == active)
    frame["site_group"] = frame["site_group"].astype(str)
    theirs = smf.ols("change ~ baseline + C(site_group) + active", frame).fit()
    estimate, error = theirs.params["active[T.True]"], theirs.bse["active[T.True]"]
    assert abs(row.mean - estimate) < 0.05 * error
    assert row.sd == pytest.approx(error, rel=0.03)
    assert abs(row.mean - printed[0]) < 0.1 * printed[1] + 0.05  # half a unit of the last digit printed
    assert row.sd == pytest.approx(printed[1], rel=0.1)


def test_what_a_plan_cannot_adjust_for(adjusted: tuple[Path, Path]) -> None:
    plan, data = adjusted
    cases = (
        ({"covariates__continuous": ["agee"]}, TrialError, "Did you mean 'age'"),
        ({"covariates__continuous": ["followup"]}, UnsupportedModelError, "with the baseline outcomes follow"),
        ({"covariates__continuous": ["site"]}, TrialError, "patients, sites or arms"),
        ({"covariates__categorical": ["id"]}, TrialError, "patients, sites or arms"),
        ({"covariates__categorical": ["arm"]}, TrialError, "patients, sites or arms"),
        ({"covariates__continuous": ["baseline"]}, UnsupportedModelError, "the baseline tells exactly"),
        ({"covariates__continuous": ["change"]}, UnsupportedModelError, "'change' \\(value\\)"),
        ({"covariates__categorical": ["dtype"], "covariates__continuous": []}, TrialError, "no value for"),
    )
    for changes, kind, told in cases:
        with pytest.raises(kind, match=told):
            analyse_end_points(plan, data, active=LOW, models={"change": _model(plan, **changes)})


def test_what_the_regression_cannot_use_is_a_note(adjusted: tuple[Path, Path], tmp_path: Path) -> None:
    """A column that the sites tell has no coefficient; one that only the model's patients have stops no analysis."""
    import pandas as pd

    plan, data = adjusted
    frame = pd.read_csv(data)
    frame["region"] = np.where(frame["site_group"].astype(str) < "710", "west", "east")
    frame.loc[frame["arm"] == HIGH, "age"] = np.nan
    frame.to_csv(tmp_path / "more.csv", index=False)
    columns = {"covariates__continuous": [], "covariates__categorical": ["region"]}
    given = {"active": LOW, "check_engines": False}
    step = analyse_end_points(plan, tmp_path / "more.csv", models={"change": _model(plan, **columns)}, **given).steps[0]
    assert any("no coefficient of 'region: " in note for note in step.counterpart.notes)
    assert not any("region" in row["analysis"] for row in counterpart_rows(step, LOW))
    columns = {"covariates__continuous": ["age"], "covariates__categorical": []}
    found = analyse_end_points(plan, tmp_path / "more.csv", models={"change": _model(plan, **columns)}, **given)
    step = found.steps[0]
    assert step.ok
    assert any("no analysis of covariance with the model's covariates" in note for note in step.counterpart.notes)
    page = "\n".join(str(block) for block in one_step(found, step))
    assert "adjusted for covariates (age, by SD" in page


def test_a_flag_is_no_covariate(adjusted: tuple[Path, Path], tmp_path: Path) -> None:
    import pandas as pd

    plan, data = adjusted
    frame = pd.read_csv(data)
    frame.assign(pop_resp=(frame["change"] > 0).astype(int)).to_csv(tmp_path / "more.csv", index=False)
    columns = {"covariates__continuous": [], "covariates__categorical": ["pop_resp"]}
    with pytest.raises(TrialError, match="a population flag"):
        analyse_end_points(plan, tmp_path / "more.csv", active=LOW, models={"change": _model(plan, **columns)})


def test_a_binary_end_point_of_a_plan_has_none() -> None:
    plan, models = load_plan("lupil2_hierarchy")
    point = next(point for point in plan.steps if point.kind == "binary")
    model = models[point.name].edited(covariates__continuous=["sledai_baseline"], priors__coefficients=PRIOR)
    patients = synthetic_patients(seed=1, margins="lupil2")
    with pytest.raises(ModelError, match="because the end point is binary"):
        analyse_end_points(plan, patients, models={**models, point.name: model})


def test_noise_leaves_the_effect_and_a_predictor_narrows_it(adjusted: tuple[Path, Path]) -> None:
    """By theory errors are (1 - R^2)^(1/2) of those without a covariate of partial correlation R; to 5 per cent."""
    plan, data = adjusted
    outcomes = read_outcomes(data, load_plan(plan)[0].columns.model_dump())
    end_point = derive(load_plan(plan)[0].end_points[0], outcomes)
    rng = np.random.default_rng(6)
    noise = rng.normal(size=len(outcomes))
    change = end_point.values - end_point.values.mean()
    rest = noise - np.outer(change, change) @ noise / (change @ change)
    predictor = change / change.std() + rest / rest.std()  # half of the variance of each is the other's
    found = {}
    for name, column in (("nothing", None), ("noise", noise), ("predictor", predictor)):
        model = _model(plan, covariates__categorical=[], covariates__continuous=["extra"])
        if column is None:
            model = load_model(plan.parent / "change.toml")
            trial = trial_of(end_point, outcomes, Arms("Placebo", LOW))
        else:
            numbers = {**outcomes.numbers, "extra": column}
            beside = type(outcomes)(
                outcomes.name, outcomes.patient, outcomes.site, outcomes.arm, numbers, outcomes.texts
            )
            trial = trial_of(end_point, beside, Arms("Placebo", LOW), ("extra",))
        found[name] = fit(model.edited(priors__beta__sd=50), trial).row("mean_difference")
    assert abs(found["noise"].mean - found["nothing"].mean) < 0.25 * found["nothing"].sd
    assert found["noise"].sd == pytest.approx(found["nothing"].sd, rel=0.05)
    assert found["predictor"].sd == pytest.approx(np.sqrt(0.5) * found["nothing"].sd, rel=0.05)
