"""Model files: every one loads, every misspelling is met with the right spelling, and the hash holds the analysis."""

from __future__ import annotations

import json
import math
import re
import tomllib
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_lupil.errors import InputError, ModelError
from bayes_lupil.priors import NO_REASON, Normal
from bayes_lupil.spec import (
    ModelSpec,
    builtin_models,
    country_models,
    end_point_models,
    load_model,
    load_models,
    model_schema,
    site_models,
)
from bayes_lupil.spec.library import PLANS
from bayes_lupil.trials import load_trial

MODELS = Path(__file__).parents[2] / "models"
FILES = sorted(path for path in MODELS.rglob("*.toml") if path.parent.name != PLANS)
OWN = [path for path in FILES if path.parent.name == "lupil2"]
GENERAL = [path for path in FILES if path not in OWN]
BASE = (MODELS / "site_effects.toml").read_text(encoding="utf-8")

ANY_TRIAL = [path for path in GENERAL if path.parent.name != "endpoints"]  # those are of one plan
every_file = pytest.mark.parametrize(
    "path", FILES, ids=lambda path: path.relative_to(MODELS).with_suffix("").as_posix()
)


def refusal(tmp_path: Path, old: str, new: str) -> InputError:
    """What is said of site_effects.toml once its first `old` has become `new`."""
    assert old in BASE
    path = tmp_path / "m.toml"
    path.write_text(BASE.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ModelError) as caught:
        load_model(path)
    return caught.value


# files


@every_file
def test_every_model_loads_by_name_and_by_file(path: Path) -> None:
    model = load_model(path)
    assert model.name == path.stem
    assert load_model(f"lupil2/{path.stem}" if path in OWN else path.stem) == model
    assert all(len(prior.reason) >= 40 for _, prior in model.priors.items())


def test_there_are_models_and_they_are_told_apart() -> None:
    reanalysed, of_sites = load_models(), site_models()
    assert reanalysed[0].role == "primary"
    assert of_sites[0] == reanalysed[0]
    adjusted = load_model("site_effects_adjusted")
    models = (*reanalysed, *of_sites[1:], *country_models(), adjusted, *end_point_models())
    own = {f"lupil2/{path.stem}" for path in OWN} | {"informed_he2020"}
    assert set(builtin_models()) == {path.stem for path in GENERAL} | own
    assert sorted(model.name for model in models) == sorted(path.stem for path in GENERAL)
    assert len({model.hash for model in models}) == len(models)
    assert len({(model.title, model.population) for model in models}) == len(models)
    assert len({model.sampler.seed for model in models}) == len(models)
    assert [model.name for model in models if model.role == "primary"] == ["site_effects", "sri4"]


def test_lupil2_has_models_of_its_own_which_differ_from_the_general_ones_in_words_and_points_alone() -> None:
    own = load_models(trial="lupil2")
    assert {model.name for model in own} == {path.stem for path in OWN}
    assert own == load_models(MODELS / "lupil2")
    general = {model.name: model for model in load_models(trial="another")}
    assert set(general) == {path.stem for path in MODELS.glob("*.toml")} == {m.name for m in own} - {"informed_he2020"}
    for model in own:
        if model.name != "informed_he2020":
            points = general[model.name].sampler.points
            assert model.edited(sampler__points=points).hash == general[model.name].hash
        assert load_model(f"lupil2/{model.name}") == model
    assert general["site_effects"].priors != load_model("lupil2/site_effects").priors  # the reasons
    assert load_model("informed_he2020") == load_model("lupil2/informed_he2020")
    for no_trial in ("sites", "endpoints", "plans", ".", "..", "lupil2/..", ""):  # a table may be called like that
        assert load_models(trial=no_trial) == load_models()


@pytest.mark.parametrize("path", ANY_TRIAL, ids=lambda path: path.stem)
def test_models_for_any_trial_speak_of_none(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"lupus|LUPIL|SRI|SLE|Bulgaria|interleukin|ILT|the paper|publication", text, re.IGNORECASE)


@every_file
def test_every_population_and_trial_named_in_a_model_exists(path: Path) -> None:
    model = load_model(path)
    for name in model.only_for or ("lupil2",):
        assert model.population in load_trial(name).populations


def test_an_unknown_name() -> None:
    with pytest.raises(ModelError, match="Did you mean 'site_effects'") as caught:
        load_model("site_efects")
    assert caught.value.where == "model 'site_efects'"


def test_a_folder_without_models(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="found no model files"):
        load_models(tmp_path)


def test_one_file_is_a_folder_of_one() -> None:
    assert load_models(FILES[0]) == (load_model(FILES[0]),)


def test_two_models_of_one_name(tmp_path: Path) -> None:
    for file in ("a.toml", "b.toml"):
        (tmp_path / file).write_text(BASE, encoding="utf-8")
    with pytest.raises(ModelError, match="two models named 'site_effects'"):
        load_models(tmp_path)


# what is refused


@pytest.mark.parametrize(
    ("old", "new", "key", "found", "hint"),
    [
        ("schema = 1", "schem = 1", "schem", "the unknown key 'schem'", "Did you mean 'schema'?"),
        ("title =", "titel =", "titel", "the unknown key 'titel'", "Did you mean 'title'?"),
        ("[sampler]", "[sampelr]", "sampelr", "the unknown key 'sampelr'", "Did you mean 'sampler'?"),
        ("coding =", "codeing =", "sites.codeing", "the unknown key 'codeing'", "Did you mean 'coding'?"),
        ("[priors.tau_v]", "[priors.tauv]", "priors.tauv", "the unknown key 'tauv'", "Did you mean 'tau_v'?"),
        ("sd = 1.5", "sdd = 1.5", "priors.alpha.sdd", "the unknown key 'sdd'", "Did you mean 'sd'?"),
        ("ladder", "lader", "decision.lader", "the unknown key 'lader'", "Did you mean 'ladder'?"),
        ("tune", "tunes", "sampler.tunes", "the unknown key 'tunes'", "Did you mean 'tune'?"),
        ('role = "primary"', 'role = "primry"', "role", "'primry'", "Did you mean 'primary'?"),
        ('"partial"', '"partail"', "sites.intercepts", "'partail'", "Did you mean 'partial'?"),
        ('"centred"', '"centered"', "sites.coding", "'centered'", "Did you mean 'centred'?"),
        ('"nutpie"', '"Nutpy"', "sampler.backend", "'Nutpy'", "Did you mean 'nutpie'?"),
        ('"normal"\nmean', '"norml"\nmean', "priors.alpha.family", "'norml'", "Did you mean 'normal'?"),
        ('"half_normal"', '"halfnormal"', "priors.tau_u.family", "'halfnormal'", "Did you mean 'half_normal'?"),
    ],
)
def test_a_misspelling_is_met_with_the_right_spelling(
    tmp_path: Path, old: str, new: str, key: str, found: str, hint: str
) -> None:
    problem = refusal(tmp_path, old, new)
    assert problem.where == f"{tmp_path / 'm.toml'}, key '{key}'"
    assert (problem.found, problem.hint) == (found, hint)


@pytest.mark.parametrize(
    ("old", "new", "key", "found", "required"),
    [
        ("schema = 1", "schema = 2", "schema", "2", "1"),
        ('name = "site_effects"', 'name = "../x"', "name", "'../x'", "1 to 60 letters, digits, '_' and '-'"),
        ("sd = 1.5", "sd = 0", "priors.alpha.sd", "0", "greater than 0"),
        ("sd = 1.5", "sd = inf", "priors.alpha.sd", "Infinity", "a finite number"),
        ("sd = 1.5", 'sd = "1.5"', "priors.alpha.sd", "'1.5'", "a number"),
        ("0.0, 0.05", "0.05, 0.0", "decision.ladder", "[0.05, 0.0, 0.1, 0.15, 0.2]", "thresholds in rising order"),
        ("0.0, 0.05", "0.05", "decision.ladder", "[0.05, 0.1, 0.15, 0.2]", "0 among them"),
        ("relevant = 0.10", "relevant = 10", "decision.relevant", "10", "a risk difference between -1 and 1"),
        ("harm = 0.0", "harm = -0.1", "decision.harm", "-0.1", "greater than or equal to 0"),
        ("chains = 4", "chains = 1", "sampler.chains", "1", "greater than or equal to 2"),
        ("draws = 4000", "draws = 4000.5", "sampler.draws", "4000.5", "a whole number"),
        ("target_accept = 0.99", "target_accept = 1", "sampler.target_accept", "1", "less than 1"),
        ("seed = 20260104", "", "sampler.seed", "nothing", "a value"),
        ("seed = 20260104", "seed = 4294967296", "sampler.seed", "4294967296", "less than 4294967296"),
        ('end_point = "primary"', 'end_point = "x y"', "end_point", "'x y'", "letters, digits"),
        ("[decision]", "[errors]\ndistribution = 'normal'\n[decision]", "errors", "a table", "the end point is binary"),
        ("concentration = 1.2", "concentration = 0", "priors.site_shares.concentration", "0", "greater than 0"),
        (
            'family = "half_normal"\nsd = 1\n',
            'family = "normal"\nmean = 1\nsd = 1\n',
            "priors.tau_u.family",
            "'normal'",
            "one of half_normal",
        ),
        (
            'family = "half_normal"\nsd = 1\n',
            'family = "uniform"\nlower = -1\nupper = 2\n',
            "priors.tau_u.lower",
            "-1",
            "0 or more, since it is a standard deviation",
        ),
        (
            'family = "half_normal"\nsd = 1\n',
            'family = "uniform"\nlower = 2\nupper = 2\n',
            "priors.tau_u",
            "lower = 2, upper = 2",
            "lower below upper",
        ),
    ],
)
def test_an_impossible_value_is_refused(
    tmp_path: Path, old: str, new: str, key: str, found: str, required: str
) -> None:
    problem = refusal(tmp_path, old, new)
    assert problem.where == f"{tmp_path / 'm.toml'}, key '{key}'"
    assert problem.found == found
    assert required in problem.required


def test_a_prior_must_have_a_reason(tmp_path: Path) -> None:
    problem = refusal(tmp_path, 'reason = "Average log odds of', 'reason = "why not"\n#')
    assert problem.where.endswith("key 'priors.alpha.reason'")
    assert problem.required == "at least 10 characters"


@pytest.mark.parametrize(("part", "tau"), [("intercepts", "tau_u"), ("effects", "tau_v")])
def test_a_partially_pooled_part_needs_its_prior_and_another_may_not_have_it(part: str, tau: str) -> None:
    model = load_model("site_effects")
    where = f"model 'site_effects', edited, key 'priors.{tau}'"
    with pytest.raises(ModelError) as caught:
        model.edited(**{f"priors__{tau}": None})
    assert str(caught.value) == f"{where}: found nothing; required: a prior, because sites.{part} = 'partial'."
    for pooling in ("pooled", "fixed"):
        with pytest.raises(ModelError) as caught:
            model.edited(**{f"sites__{part}": pooling})
        assert str(caught.value) == f"{where}: found a prior; required: none, because sites.{part} = '{pooling}'."
        assert model.edited(**{f"sites__{part}": pooling, f"priors__{tau}": None}).sites != model.sites


def test_a_missing_prior_is_named_in_a_file(tmp_path: Path) -> None:
    cut = BASE[BASE.index("[priors.tau_v]") : BASE.index("[priors.site_shares]")]
    problem = refusal(tmp_path, cut, "")
    assert problem.where == f"{tmp_path / 'm.toml'}, key 'priors.tau_v'"
    assert problem.found == "nothing"


REASON = "For this test alone."
SHARE = {"family": "beta", "a": 1, "b": 9, "reason": REASON}
DF = {"family": "gamma", "shape": 2, "rate": 0.1, "lower": 1, "reason": REASON}
ALONE = {"family": "normal", "mean": 0, "sd": 1.5, "reason": REASON}
CONTAMINATED = {"sites__distribution": "contaminated", "sites__outliers": "control", "sites__outlier_sd": 2}
EXNEX = {"sites__distribution": "exnex", "priors__nonexchangeable": ALONE}


@pytest.mark.parametrize(
    ("changes", "key", "required"),
    [
        ({"sites__distribution": "contaminated"}, "sites.outliers", "a value"),
        ({**CONTAMINATED, "sites__outlier_sd": None}, "sites.outlier_sd", "a value"),
        (CONTAMINATED, "sites.outlier_share", "the prior priors.outlier_share"),
        ({**CONTAMINATED, "sites__outlier_share": 0.1, "priors__outlier_share": SHARE}, "priors.outlier_share", "none"),
        ({**CONTAMINATED, "sites__outlier_share": 0.1, "sites__effects": "fixed"}, "sites.effects", "'partial' or"),
        ({**CONTAMINATED, "sites__outlier_share": 0.1, "sites__intercepts": "pooled"}, "sites.intercepts", "'partial'"),
        ({"sites__outliers": "control"}, "sites.outliers", "none, because distribution = 'normal'"),
        ({"sites__outlier_share": 0.1}, "sites.outlier_share", "none"),
        ({"priors__outlier_share": SHARE}, "priors.outlier_share", "none"),
        ({"priors__nonexchangeable": ALONE}, "priors.nonexchangeable", "none"),
        ({"sites__distribution": "exnex", "sites__outlier_share": 0.5}, "priors.nonexchangeable", "a prior"),
        ({**EXNEX, "sites__outlier_share": 0.5, "sites__effects": "pooled"}, "sites.effects", "'partial'"),
        ({**EXNEX, "sites__outlier_share": 0.5, "sites__correlated": True}, "sites.correlated", "false"),
        ({"sites__distribution": "student_t"}, "sites.df", "the prior priors.df"),
        ({"sites__distribution": "student_t", "sites__df": 4, "priors__df": DF}, "priors.df", "none"),
        ({"sites__distribution": "student_t", "priors__df": {**DF, "lower": 0.5}}, "lower", "1 or more"),
        ({"priors__df": DF}, "priors.df", "none"),
        ({"sites__df": 4}, "sites.df", "none, because distribution = 'normal'"),
    ],
)
def test_a_distribution_has_its_own_keys_and_no_others(changes: dict[str, Any], key: str, required: str) -> None:
    with pytest.raises(ModelError) as caught:
        load_model("site_effects").edited(**changes)
    assert caught.value.where.endswith(f"{key}'")
    assert required in caught.value.required


leaf = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just([]) | st.just({})


@given(st.data())
def test_a_model_with_anything_anywhere_is_read_or_refused_by_name(data: st.DataObject) -> None:
    content = deepcopy(load_model("site_effects").to_dict())
    for _ in range(data.draw(st.integers(1, 3))):
        table = content
        while isinstance(table[key := data.draw(st.sampled_from(sorted(table)))], dict) and table[key]:
            if data.draw(st.booleans()):
                break
            table = table[key]
        table[key] = data.draw(leaf)
    problem = None
    try:
        ModelSpec.from_dict(content)
    except ModelError as caught:
        problem = caught
    if problem:
        assert problem.where.startswith("model")
        assert str(problem).isprintable()


# the hash


def test_comments_layout_order_and_stated_defaults_do_not_change_the_hash(tmp_path: Path) -> None:
    path = tmp_path / "m.toml"
    tables = re.split(r"\n(?=\[)", BASE.replace('distribution = "normal"\n', "").replace('end_point = "primary"\n', ""))
    text = (
        "\n\n# a comment\n".join([tables[0], *reversed(tables[1:])])
        .replace(" = ", "=")
        .replace("mean=0\n", "mean=0.0\n")
    )
    path.write_text(text, encoding="utf-8")
    assert text != BASE
    assert load_model(path).hash == load_model("site_effects").hash


EDITS: dict[str, Any] = {
    "name": "other",
    "title": "Other",
    "role": "secondary",
    "question": "Other?",
    "population": "pp",
    "without_sites": ["A"],
    "estimand": "Other",
    "only_for": ["lupil2"],
    "sites__coding": "reference",
    "priors__alpha__family": {"family": "student_t", "df": 3, "mean": 0, "scale": 1.5, "reason": "Other reason."},
    "priors__alpha__mean": 0.1,
    "priors__alpha__sd": 1.6,
    "priors__alpha__reason": "Another reason.",
    "priors__beta__mean": 1e-9,
    "priors__tau_u__sd": 1.1,
    "priors__tau_v__sd": 0.6,
    "priors__site_shares__concentration": 1,
    "priors__retention__a": 2,
    "priors__retention__b": 2,
    "decision__ladder": [0.0],
    "decision__harm": 0.1,
    "decision__relevant": 0.2,
    "sampler__backend": "pymc",
    "sampler__chains": 5,
    "sampler__tune": 2000,
    "sampler__draws": 2000,
    "sampler__target_accept": 0.9,
    "sampler__seed": 1,
}


WORDS = {"name", "title", "role", "question", "estimand", "only_for", "priors__alpha__reason"}
"""What tells what a model is for, and changes no result."""


def test_any_edit_of_what_decides_the_results_changes_the_hash_and_only_the_edited_value() -> None:
    model = load_model("site_effects")
    hashes = {model.hash}
    for key, value in EDITS.items():
        if key.endswith("__family"):  # another family has other arguments, so the whole table changes
            key = key.removesuffix("__family")
        edited = model.edited(**{key: value})
        assert (edited.hash == model.hash) == (key in WORDS)
        hashes.add(edited.hash)
        expected, table = model.to_dict(), None
        *parents, last = key.split("__")
        table = expected
        for parent in parents:
            table = table[parent]
        table[last] = value
        if parents[:1] == ["priors"] and "reason" not in (last, *(value if isinstance(value, dict) else ())):
            expected["priors"][key.split("__")[1]]["reason"] = NO_REASON  # the old one was written for another prior
        content = edited.to_dict()
        told = content.pop("edits", None)
        counts = key.startswith(("priors", "sites")) or key in ("population", "without_sites")
        assert (told is not None) == (counts and key not in WORDS)
        if told is not None:
            expected |= {"title": content["title"], "role": "sensitivity"}
            assert content["title"].startswith("site_effects, edited: ")
        assert content == expected
    assert len(hashes) == len(EDITS) - len(WORDS) + 1
    assert model == load_model("site_effects")


def test_every_value_of_a_model_is_in_what_is_kept() -> None:
    content = load_model("site_effects").to_dict()
    # a key that came later enters where it is used, so that older models keep their hashes
    assert set(content) == {field.alias or name for name, field in ModelSpec.model_fields.items()} - {
        "countries",
        "covariates",
        "errors",
        "alternatives",
        "edits",
    }
    assert ModelSpec.from_dict(json.loads(json.dumps(content))) == load_model("site_effects")
    written = tomllib.loads(BASE)
    for name, table in written.items():
        assert content[name] == table or set(table) <= set(content[name])


# edits


def test_an_edit_may_bring_a_prior_a_tuple_or_a_numpy_number() -> None:
    prior = Normal(mean=1, sd=2, reason="For this test only.")
    edited = load_model("site_effects").edited(
        priors__beta=prior, decision__ladder=(-0.1, 0.0), sampler__seed=np.int64(5), priors__alpha__sd=np.float64(0.5)
    )
    assert edited.priors.beta == prior
    assert edited.decision.ladder == (-0.1, 0.0)
    assert edited.sampler.seed == 5
    assert edited.priors.alpha.model_dump()["sd"] == 0.5


@pytest.mark.parametrize(
    ("key", "where", "words"),
    [
        ("sampler__sede", "sampler.sede", "Did you mean 'seed'?"),
        ("sampelr__seed", "sampelr", "Did you mean 'sampler'?"),
        ("priors__tau_w__sd", "priors.tau_w", "Did you mean 'tau_v'?"),
        ("name__first", "name.first", "'name', which is no table"),
    ],
)
def test_an_edit_of_something_that_is_not_there(key: str, where: str, words: str) -> None:
    with pytest.raises(ModelError) as caught:
        load_model("site_effects").edited(**{key: 1})
    assert caught.value.where == f"model 'site_effects', edited, key '{where}'"
    assert words in str(caught.value)


def test_an_edit_inside_a_prior_that_the_model_does_not_have() -> None:
    with pytest.raises(ModelError, match=r"key 'priors\.tau_u': found no key 'family'"):
        load_model("itt_pooled").edited(priors__tau_u__sd=1.0)


def test_an_edit_is_checked() -> None:
    with pytest.raises(ModelError, match=r"key 'sampler\.chains': found 0"):
        load_model("site_effects").edited(sampler__chains=0)


# the schema for editors


def test_the_schema_file_is_the_one_that_the_package_generates() -> None:
    written = (MODELS / "schema.json").read_text(encoding="utf-8")
    assert written == json.dumps(model_schema(), indent=2) + "\n", (
        "models/schema.json is out of date; make it again: bayes-lupil models --schema > models/schema.json"
    )


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(model_schema())


@every_file
def test_every_model_points_to_the_schema_and_is_valid_under_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("#:schema schema.json\n" if path.parent == MODELS else "#:schema ../schema.json\n")
    jsonschema.validate(tomllib.loads(text), model_schema(), jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("title =", "titel ="),
        ("schema = 1", "schema = 2"),
        ('"partial"', '"partail"'),
        ("sd = 1.5", "sdd = 1.5"),
        ("sd = 1.5", "sd = -1"),
        ("sd = 1.5", 'sd = "1.5"'),
        ('"normal"\nmean', '"norml"\nmean'),
        ("chains = 4", "chains = 1"),
        ("seed = 20260104", ""),
        ('name = "site_effects"', 'name = "site effects"'),
    ],
)
def test_the_schema_refuses_what_the_package_refuses(tmp_path: Path, old: str, new: str) -> None:
    refusal(tmp_path, old, new)
    bad = tomllib.loads(BASE.replace(old, new, 1))
    assert not jsonschema.Draft202012Validator(model_schema()).is_valid(bad)


# the numbers in the informed prior


def test_the_prior_from_he_2020_follows_from_its_counts() -> None:
    """Half the log odds ratio, and the information halved, of 16/29 v 9/30; both rounded to two decimals."""
    (r0, n0), (r1, n1) = load_trial("he2020").analysis_set("itt").totals
    log_or = math.log(r1 * (n0 - r0) / (r0 * (n1 - r1)))
    se = math.sqrt(1 / r1 + 1 / (n1 - r1) + 1 / r0 + 1 / (n0 - r0))
    prior = load_model("informed_he2020").priors.beta
    assert isinstance(prior, Normal)
    assert prior.mean == round(log_or / 2, 2)
    assert prior.sd == round(se * math.sqrt(2), 2)
    assert f"He 2020 ({r1}/{n1} v {r0}/{n0}): log odds ratio {log_or:.2f}, SE {se:.2f}." in prior.reason


def test_the_informed_model_differs_from_the_primary_one_only_in_what_it_says_and_believes() -> None:
    informed, primary = (load_model(f"lupil2/{name}").to_dict() for name in ("informed_he2020", "site_effects"))
    differing = {key for key in informed if informed[key] != primary[key]}
    assert differing == {"name", "title", "role", "question", "only_for", "priors", "sampler"}
    assert {name for name in informed["priors"] if informed["priors"][name] != primary["priors"][name]} == {"beta"}
    differing = {name for name in informed["sampler"] if informed["sampler"][name] != primary["sampler"][name]}
    assert differing == {"seed", "points"}


@pytest.mark.parametrize("key", ["without_sites", "only_for"])
@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["A", "A"], "'A' twice"), (["A", "B", "A"], "'A' twice"), (["A\nB"], "a line break"), (["A\tB"], "a tab"),
        (["  "], "a name of spaces only"), (["A\x00"], "text with the character U+0000"),
    ],
)  # fmt: skip
def test_lists_of_names_name_each_once(key: str, names: list[str], found: str) -> None:
    with pytest.raises(ModelError) as caught:
        load_model("site_effects").edited(**{key: names})
    assert f"key '{key}" in caught.value.where
    assert found in caught.value.found


def test_models_are_listed_by_name_file_or_object(tmp_path: Path) -> None:
    one, file = load_model("site_effects"), tmp_path / "m.toml"
    file.write_text(one.edited(name="mine").to_toml(), encoding="utf-8")
    assert load_models("site_effects") == load_models(one) == load_models(["site_effects"]) == (one,)
    assert [model.name for model in load_models([one, "itt_pooled", file])] == ["site_effects", "itt_pooled", "mine"]
    with pytest.raises(ModelError, match="two models named 'site_effects'"):
        load_models([one, "site_effects"])
    with pytest.raises(ModelError, match=r"Did you mean 'site_effects'\?"):
        load_models("site_efects")
    with pytest.raises(ModelError, match="at least one"):
        load_models([])
