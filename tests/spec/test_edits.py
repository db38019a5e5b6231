"""An edited model says so wherever it is named, and a model of one trial says so where it is fitted to another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import bayes_lupil as bl
from bayes_lupil.spec import ModelSpec, builtin_models, load_model
from bayes_lupil.spec.library import of_another_trial

BETA = bl.priors.normal(0, 0.5)
TOLD = "site_effects, edited: beta ~ normal(mean 0, sd 0.5)"


@pytest.mark.parametrize(
    "edit",
    [
        lambda: bl.model("site_effects", beta=BETA, seed=1),
        lambda: load_model("site_effects").with_(beta=BETA),
        lambda: load_model("site_effects").edited(priors__beta=BETA),
        lambda: bl.model("site_effects", beta=bl.priors.normal(0, 2)).with_(beta=BETA),
        lambda: bl.model("site_effects", beta=BETA).with_(seed=3).edited(sampler__draws=500),
    ],
)  # fmt: skip
def test_a_changed_prior_is_in_title_card_and_role(edit: Any) -> None:
    spec = edit()
    assert spec.title == spec.headed == spec.called == TOLD
    assert spec.role == "sensitivity"
    text = spec.card().text()
    assert TOLD in text
    assert "(primary)" not in text
    assert load_model("site_effects").title not in text


@pytest.mark.parametrize(
    ("base", "changes", "told"),
    [
        ("site_effects", {"tau_v": None, "effects": "pooled"}, "no prior of tau_v; sites.effects = pooled"),
        ("site_effects", {"coding": "reference"}, "sites.coding = reference"),
        ("site_effects", {"population": "pp"}, "population pp"),
        ("site_effects", {"without_sites": ["A", "B"]}, "without A, B"),
        ("site_effects", {"without_sites": list("ABCD")}, "without 4 sites"),
        ("site_effects", {"tau_u": bl.priors.half_normal(2, reason="as wide as can be")}, "tau_u ~ half normal(sd 2)"),
        ("site_student_t", {"df": 6.0}, "sites.df = 6.0"),
        ("sledai_absolute_t", {"errors__df": 5.0, "error_df": None}, "no prior of error_df; errors.df = 5.0"),
    ],
)
def test_what_counts_as_an_edit(base: str, changes: dict[str, Any], told: str) -> None:
    spec = bl.model(base, **changes)
    assert spec.title == f"{load_model(base).name}, edited: {told}"
    assert spec.edits is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 5}, {"draws": 500, "engine": "nuts"}, {"thresholds": [0.3]}, {"relevant": 0.2}, {"name": "mine"},
        {"beta": bl.priors.normal(0, 1, reason="another reason for the same")}, {"population": "itt"},
    ],
)  # fmt: skip
def test_what_does_not(changes: dict[str, Any]) -> None:
    before, after = load_model("site_effects"), bl.model("site_effects", **changes)
    assert after.edits is None
    assert (after.title, after.role) == (before.title, before.role)


def test_changes_add_up_and_the_last_one_counts() -> None:
    spec = bl.model("site_effects", beta=bl.priors.normal(0, 2)).with_(without_sites=["A"]).with_(beta=BETA)
    assert spec.title == f"{TOLD}; without A"
    mine = spec.with_(name="mine")
    assert mine.called == f"mine ({spec.title})"
    assert mine.headed == f"mine: {spec.title}"


def test_words_of_the_users_own_stay() -> None:
    spec = bl.model("site_effects", beta=BETA, title="A sceptic's model", role="primary", name="sceptic")
    assert (spec.headed, spec.role) == ("sceptic: A sceptic's model", "primary")
    assert spec.called == f"sceptic ({TOLD})"


@pytest.mark.parametrize("name", builtin_models())
def test_built_in_models_are_as_their_files_say(name: str) -> None:
    spec = load_model(name)
    assert spec.edits is None
    assert "edits" not in spec.to_dict()
    assert spec.called == spec.name


def test_the_record_is_no_part_of_the_hash_and_survives_saving(tmp_path: Path) -> None:
    spec = bl.model("site_effects", beta=BETA)
    assert spec.hash == spec.model_copy(update={"edits": None}).hash
    assert spec.hash != load_model("site_effects").hash
    assert ModelSpec.from_dict(spec.to_dict()) == spec
    file = tmp_path / "mine.toml"
    file.write_text(spec.to_toml(), encoding="utf-8")
    assert load_model(file) == spec


def test_a_long_list_of_changes_stays_a_title() -> None:
    spec = bl.model("site_effects", without_sites=["x" * 190 + str(i) for i in range(3)])
    for i in range(3):
        spec = spec.with_(without_sites=[f"{'y' * 195}{i}{k}" for k in range(3)], beta=bl.priors.normal(0, i + 2))
    assert len(spec.title) <= 1000
    assert ModelSpec.from_dict(spec.to_dict()) == spec


def test_results_of_an_edited_model_say_so(tmp_path: Path) -> None:
    post = bl.fit(bl.model("lupil2/site_effects", beta=BETA, points=4096, draws=500), "beitler_landis")
    heading, *rows = post.card().text().splitlines()
    assert heading.startswith(f"Posterior of model '{TOLD}' for")
    assert any(" ".join(row.split()) == "prior of beta normal(mean 0, sd 0.5), log odds ratio" for row in rows)
    assert "<th>prior of beta</th><td>normal(mean 0, sd 0.5), log odds ratio</td>" in post.card().html()
    (note,) = [text for text in post.provenance.notes if "reasons" in text]
    assert note.startswith("the reasons of its priors (site_shares) were written for the trial 'lupil2'")
    again = bl.Posterior.load(post.save(tmp_path / "post.nc"))
    assert again.spec == post.spec
    assert again.card() == post.card()
    result = bl.reanalyse("beitler_landis", post.spec, check_engines=False)
    assert TOLD in " ".join(result.card().text().split())
    assert "(primary)" not in result.card().text()


def test_reasons_of_one_trial_alone() -> None:
    assert not any(of_another_trial(load_model(name), "lupil2") for name in builtin_models())
    general = [name for name in builtin_models() if "/" not in name and name != "informed_he2020"]
    assert not any(of_another_trial(load_model(name), "mine") for name in general)
    informed = load_model("informed_he2020")
    assert of_another_trial(informed, "mine")["beta"] == "lupil2"
    assert "beta" not in of_another_trial(informed.with_(beta=BETA), "mine")
    post = bl.fit(bl.model("site_effects", points=4096, draws=500), "beitler_landis")
    assert not [text for text in post.provenance.notes if "reasons" in text]


def test_tables_figures_and_data_of_an_edited_model_say_so() -> None:
    post = bl.fit(bl.model("site_effects", beta=BETA, points=4096, draws=500), "beitler_landis")
    table = bl.sites.site_table(post, refit=False)
    told = "site_effects, edited: beta ~ normal(mean 0, sd 0.5)"
    assert told in table.card().text()
    assert post.to_json()["edited"] == told
    assert "edited" not in bl.fit("itt_pooled", "beitler_landis").to_json()
    for figure in (post.plot.sites(), post.plot.prior()):
        words = " ".join(text.get_text() for text in figure.findobj(lambda item: hasattr(item, "get_text")))
        assert "site_effects, edited" in " ".join(words.split())
