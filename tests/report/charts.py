"""What a chart holds: the rows of its layers, and its words."""

from __future__ import annotations

from bayes_lupil.report.media.vega import specification

__all__ = ["layers_of", "rows_with", "words_of"]


def layers_of(chart):
    """(mark, rows) of each layer."""
    chart.to_dict()  # as the schema of Vega-Lite has it
    spec = specification(chart)
    held = spec.get("datasets", {})
    found = []
    for layer in spec["layer"]:
        data = layer["data"]
        found.append((layer["mark"], data["values"] if "values" in data else held[data["name"]]))
    return found


def rows_with(chart, kind, field):
    """All rows with a field, of layers that are drawn by a kind of mark."""
    return [row for mark, rows in layers_of(chart) if mark["type"] == kind for row in rows if field in row]


def words_of(chart):
    """Every text that it shows."""
    spec = specification(chart)
    lines = [*spec["title"]["text"], *spec["title"].get("subtitle", [])]
    for row in rows_with(chart, "text", "text"):
        lines += row["text"] if isinstance(row["text"], list) else [row["text"]]
    for layer in spec["layer"]:
        lines += ((layer["encoding"].get("x", {}).get("axis") or {}).get("title")) or []
    return [*lines, *next((item["value"] for item in spec["params"] if item["name"] == "said"), [])]
