"""How a table of patients was read is kept: names of columns, guesses, and of each end point what became of it."""

from __future__ import annotations

from pathlib import Path

from bayes_lupil import Arms, read_outcomes
from bayes_lupil.outcomes import derive, trial_of
from bayes_lupil.spec import PlannedEndPoint

TABLE = "clinic;group;well;score\nA;p;1;2,5\nA;d;0;\nB;p;;1,0\nB;d;1;4,0\nB;x;1;3,0\n"


def point(**source: str) -> PlannedEndPoint:
    content = {"name": "end", "label": "The end", "role": "primary", "benefit": "higher", "model": "sri4", **source}
    return PlannedEndPoint.model_validate(content)


def test_names_and_guesses(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(TABLE)
    outcomes = read_outcomes(tmp_path / "t.csv", {"site": "clinic", "arm": "group"})
    record = outcomes.record()
    assert record["columns"] == {"site": "clinic", "arm": "group"}
    assert record["arms"] == {"p": 2, "d": 2, "x": 1}
    assert (record["rows"], record["sites"]) == (5, 2)
    assert any("each row is taken for a patient" in text for text in record["guesses"])
    assert any("decimal" in text for text in record["guesses"])
    assert outcomes.with_numbers(more=outcomes.number("score")).record() == record


def test_of_each_end_point(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(TABLE)
    outcomes = read_outcomes(tmp_path / "t.csv", {"site": "clinic", "arm": "group"})
    arms = Arms("p", "d")
    binary = trial_of(derive(point(response="well", missing="non_responder"), outcomes), outcomes, arms)
    assert binary.reading is not None
    assert binary.reading.arms == {"p": (1, 2), "d": (1, 2)}
    assert tuple(binary.reading.arms.values()) == binary.analysis_set().totals
    assert binary.reading.columns == {"site": "clinic", "arm": "group", "response": "well"}
    assert "1 patient left out: arm 'x' is not compared" in binary.reading.exclusions
    assert not binary.warnings
    value = trial_of(derive(point(value="score", unit="points"), outcomes), outcomes, arms)
    assert value.reading is not None
    assert value.reading.arms == {"p": (2, 2), "d": (1, 2)}
    assert "of each arm: patients whose value is known, of all" in value.reading.codings
