"""What was measured, as Markdown, JSON and a figure; nothing is measured here."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

from bayes_lupil.files import write_text
from tests.benchmarks.contenders import CONTENDERS
from tests.benchmarks.endurance import PARTS
from tests.benchmarks.trials import TITLES

__all__ = ["targets", "write"]

Row = dict[str, Any]
ROOT = Path(__file__).parents[2]
_PACKAGES = ("bayes-lupil", "numpy", "scipy", "numba", "nutpie", "pymc", "pytensor", "numpyro", "jax", "arviz-stats")
_WHAT = {"engine": "engine to draws", "fit": "whole fit to a posterior"}
OUTPUTS = {
    "report": ("report.html of two models, 8 sites", 20),
    "sites": ("table of 464 sites", 60),
    "sensitivity": ("seven sensitivity calls, 8 sites, nothing fitted again", 1),
}
"""What is made of finished fits, and the seconds that it may take."""


def write(results: list[Row], folder: Path, size: str, seconds: float) -> None:
    """Write results.md, results.json and scaling.png."""
    folder.mkdir(parents=True, exist_ok=True)
    about = {"size": size, "seconds": round(seconds, 1), **environment()}
    checked = targets(results)
    content = {"about": about, "targets": checked, "rows": results}
    write_text(folder / "results.json", json.dumps(content, indent=1) + "\n")
    if any(row["kind"] == "scaling" and row["status"] == "ok" for row in results):
        figure(results, folder / "scaling.png")
    write_text(folder / "results.md", markdown(results, about, checked))


def environment() -> Row:
    """Date, machine, versions and the code that was measured."""

    def installed(name: str) -> str | None:
        try:
            return version(name)
        except PackageNotFoundError:
            return None

    def git(*command: str) -> str:
        return subprocess.run(["git", *command], cwd=ROOT, capture_output=True, text=True).stdout.strip()

    cpu, info = platform.processor(), Path("/proc/cpuinfo")
    if info.is_file():
        lines = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = lines[0].partition(":")[2].strip() if lines else cpu
    code, package = hashlib.sha256(), ROOT / "bayes_lupil"
    for path in [*sorted(package.rglob("*.py")), *sorted(Path(__file__).parent.glob("*.[pR]*"))]:
        if path.suffix in {".py", ".R"}:
            code.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": cpu,
        "cores": os.cpu_count(),
        "load": [round(v, 2) for v in os.getloadavg()],
        "python": platform.python_version(),
        "system": platform.system(),
        "versions": {name: found for name in _PACKAGES if (found := installed(name))},
        "commit": git("rev-parse", "--short", "HEAD"),
        "changed": bool(git("status", "--porcelain", "--", "bayes_lupil", "models")),
        "code_hash": code.hexdigest(),
    }


def targets(results: list[Row]) -> list[Row]:
    """The agreed targets: what was asked, what was measured, and whether that is enough (None: not measured)."""
    fits = {(row["trial"], row["contender"]): row for row in results if row["kind"] == "fit" and row["status"] == "ok"}
    others = {
        (row["kind"], row["of"], row["settings"].get("what"), row["settings"].get("per_site")): row
        for row in results
        if row["kind"] != "fit" and row["status"] == "ok"
    }
    found = []
    for trial, sites, factor in (
        ("beitler_landis", "8 sites", 100), ("simulated_25", "25 sites", 100), ("lupil2", "LUPIL-2", 100),
        ("ist", "464 sites", 8),
    ):  # fmt: skip
        asked = f"{sites}: at least {factor} times less wall time than nutpie, compiling included, with more ESS"
        other = fits.get((trial, "nutpie"))
        halves = () if trial == "lupil2" else (("engine_half", ", half of the points"),)  # points follow the draws
        for name, which in (("engine", ""), *halves):
            own = fits.get((trial, name))
            if own is None or other is None:
                found.append({"asked": asked + which, "measured": "not measured", "met": None})
                continue
            times, alone = (ratio(times_of(other, kind), times_of(own)) for kind in ("seconds", "sampling"))
            measured = f"{spread(times)} times less; ESS {own['ess']:.0f} against {other['ess']:.0f}"
            measured += f"; than its sampling alone, {spread(alone)} times less"
            met = times[0] >= factor and own["ess"] > other["ess"]
            found.append({"asked": asked + which, "measured": measured, "met": bool(met)})
    lme4 = fits.get(("beitler_landis", "lme4_slopes"))
    ours = {
        "own_ml": "our maximum likelihood",
        "own_ml_profile": "the same with profile interval and likelihood ratio test",
        "engine": "our posterior",
    }
    for name, what in ours.items():
        asked = f"8 sites: {what}, not slower than lme4's maximum-likelihood fit of the same model (Laplace)"
        own = fits.get(("beitler_landis", name))
        if own is None or lme4 is None:
            found.append({"asked": asked, "measured": "not measured", "met": None})
        else:
            a, b = median(times_of(own)), median(times_of(lme4))
            found.append({"asked": asked, "measured": f"{a * 1e3:.0f} ms against {b * 1e3:.0f} ms", "met": a <= b})
    row = others.get(("throughput", 2, None, None))
    asked = "at least 150 simulated 25-site trials per second on 2 cores, 512 points or more each"
    found.append(
        {"asked": asked, "measured": f"{median(row['rates']):.0f} per second", "met": median(row["rates"]) >= 150}
        if row
        else {"asked": asked, "measured": "not measured", "met": None}
    )
    asked = "P(benefit) from a cold process in less than a third of nutpie's time"
    own, other = (others.get(("cold", name, None, None)) for name in ("quadrature", "nuts"))
    if own is None or other is None:
        found.append({"asked": asked, "measured": "not measured", "met": None})
    else:
        share = median(own["seconds"]) / median(other["seconds"])
        found.append({"asked": asked, "measured": f"{share:.2f} of it", "met": share < 1 / 3})
    for what, (said, most) in OUTPUTS.items():
        row = others.get(("outputs", what, None, None))
        asked = f"{said}: less than {most} s from finished fits"
        if row is None:
            found.append({"asked": asked, "measured": "not measured", "met": None})
        else:
            found.append({"asked": asked, "measured": seconds_of(row), "met": median(times_of(row)) < most})
    for what, said in _WHAT.items():
        for per_site in (4, 40):
            row = others.get(("scaling", 5000, what, per_site))
            asked = f"5,000 sites of {per_site} patients, {said}: peak memory below 1 GB"
            found.append(
                {"asked": asked, "measured": f"{row['peak_mb'] / 1024:.2f} GB", "met": row["peak_mb"] < 1024}
                if row
                else {"asked": asked, "measured": "not measured", "met": None}
            )
    return found


def times_of(row: Row, kind: str = "seconds") -> list[float]:
    """Durations of the repetitions; of the first call where that is all there is."""
    return row.get(kind) or [row["first"]]


def ratio(slow: list[float], fast: list[float]) -> tuple[float, float, float]:
    """Of the medians, and the smallest and largest that any two repetitions give."""
    return median(slow) / median(fast), min(slow) / max(fast), max(slow) / min(fast)


def spread(values: tuple[float, float, float]) -> str:
    """Middle (from to)."""
    return f"{number(values[0])} ({number(values[1])} to {number(values[2])})"


def number(value: float) -> str:
    """Three digits, none of them behind the point from 100 on."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def seconds_of(row: Row, kind: str = "seconds") -> str:
    """Median (min to max) of the repetitions and how many there are."""
    if kind != "seconds" and kind not in row:
        return ""
    times = times_of(row, kind)
    if not row["seconds"]:
        return f"{number(times[0])} (first call)"
    return f"{spread((median(times), min(times), max(times)))}, n = {len(times)}"


def markdown(results: list[Row], about: Row, checked: list[Row]) -> str:
    """The whole document."""
    versions = ", ".join(f"{name} {found}" for name, found in about["versions"].items())
    lines = [
        "# Benchmarks",
        "",
        f"Written by `make bench` ({about['size']} run, {about['seconds']:.0f} s) on {about['date']}: {about['cpu']}, "
        f"{about['cores']} cores, {about['system']}, Python {about['python']}. Load average over the last 15 minutes "
        f"{about['load'][2]}.",
        f"Commit {about['commit']}{' with changes' if about['changed'] else ''}, code {about['code_hash'][:12]}. "
        f"{versions}.",
        "",
        "## Targets",
        "",
        *table(
            ("target", "measured", ""),
            [
                (item["asked"], item["measured"], {True: "met", False: "**not met**", None: ""}[item["met"]])
                for item in checked
            ],
        ),
        "",
    ]
    for trial, title in TITLES.items():
        fits = [row for row in results if row["kind"] == "fit" and row["trial"] == trial]
        if fits:
            lines += [f"## {title}", "", *_fits(fits), ""]
    settings = next((row["settings"] for row in results if row["kind"] == "fit"), None)
    if settings:
        lines += [*_notes(settings), ""]
    lines += [*_cold(results), *_profile(results), *_throughput(results), *_outputs(results), *_scaling(results)]
    return "\n".join(lines).rstrip() + "\n"


def _fits(fits: list[Row]) -> list[str]:
    own = next((row for row in fits if row["contender"] == "engine" and row["status"] == "ok"), None)
    cells = []
    for row in fits:
        name = CONTENDERS[row["contender"]][1]
        if row["status"] != "ok":
            cells.append((name, f"{row['status']}: {row['reason']}", *[""] * 8))
            continue
        whole, alone = times_of(row), times_of(row, "sampling") if "sampling" in row else None
        per_second = ratios = ""
        if "ess" in row:
            per_second = " / ".join(number(row["ess"] / median(t)) for t in (whole, alone) if t is not None)
        if own is not None and row is not own:
            ratios = [spread(ratio(t, times_of(own))) for t in (whole, alone) if t is not None]
        if "ess" in row and own is not None and row is not own:
            rate = own["ess"] / median(times_of(own))
            gains = " / ".join(number(rate / (row["ess"] / median(t))) for t in (whole, alone) if t is not None)
        else:
            gains = ""
        cells.append(
            (
                name,
                seconds_of(row),
                seconds_of(row, "sampling") if row is not own else "",
                f"{row['ess']:.0f} of {row['draws']}" if "ess" in row else "",
                str(row["divergences"]) if "divergences" in row else "",
                per_second if row is not own else number(row["ess"] / median(whole)),
                " / ".join(ratios),
                gains,
                f"{row['peak_mb']:.0f}",
                f"{row['beta'][0]:.3f} ({row['beta'][1]:.3f})",
            )
        )
    head = (
        "", "wall time, s", "sampling alone, s", "min bulk ESS", "divergences", "ESS per s", "times our wall time",
        "our ESS per s, times theirs", "peak memory, MB", "beta (SD or SE)",
    )  # fmt: skip
    return table(head, cells)


def _notes(s: Row) -> list[str]:
    return [
        f"Wall time: median (min to max) over n repetitions in a warm process, the first call discarded ('first call': "
        f"too slow to repeat). NUTS: 4 chains of {s['draws']} draws after {s['tune']}, on all cores; wall time is from "
        f"data to draws, compiling included, and sampling alone leaves compiling out (Stan's is compiled beforehand). "
        f"Where two numbers are given, they are for the two. Quadrature: {s['points']} weighted points, from data to "
        "as many independent draws of theta and of all site effects as these are worth. ESS: the smallest over alpha, "
        "beta, tau_u, tau_v (ArviZ, "
        "bulk); for the quadrature engine the number of independent draws. Ratios: of medians, in brackets the "
        "smallest and largest that any two repetitions give. Peak memory: of the largest process. rstanarm's prior of "
        "the between-site SDs is another (decov); lme4 gives an estimate and no posterior.",
    ]


def _cold(results: list[Row]) -> list[str]:
    said = {
        "quadrature": "engine quadrature",
        "nuts": "engine nuts (nutpie)",
        "first": "engine quadrature, kernels not yet compiled (once after installation)",
    }
    rows = [row for row in results if row["kind"] == "cold"]
    if not rows:
        return []
    cells = [
        (said[row["of"]], seconds_of(row), f"{row['peak_mb']:.0f}")
        if row["status"] == "ok"
        else (said[row["of"]], f"{row['status']}: {row['reason']}", "")
        for row in rows
    ]
    lines = ["## Cold start", "", "`bayes-lupil fit site_effects TABLE.csv ...`, 8 sites, a new process each time.", ""]
    return [*lines, *table(("", "to P(benefit) printed, s", "peak memory, MB"), cells), ""]


def _profile(results: list[Row]) -> list[str]:
    rows = [row for row in results if row["kind"] == "profile" and row["status"] == "ok"]
    if not rows:
        return []
    cells = [(what, *(f"{row['shares'][what]:.0%}" for row in rows)) for what in PARTS]
    lines = [
        "## What limits the engine",
        "",
        "Share of its time by part, from data to draws, the profiler running. Integrals over sites are part of the "
        "search and of the check too, so that columns do not add up to the whole.",
        "",
    ]
    return [*lines, *table(("", *(TITLES[row["of"]].partition(":")[0] for row in rows)), cells), ""]


def _throughput(results: list[Row]) -> list[str]:
    rows = [row for row in results if row["kind"] == "throughput"]
    if not rows:
        return []
    cells = []
    for row in rows:
        if row["status"] != "ok":
            cells.append((row["of"], f"{row['status']}: {row['reason']}", "", "", ""))
            continue
        rates = row["rates"]
        rate = spread((median(rates), min(rates), max(rates)))
        cells.append((row["of"], rate, row["trials"], f"{row['ess']:.0f} of {row['points']}", row["poor"]))
    lines = [
        "## Throughput",
        "",
        "SYNTHETIC trials of 100 patients at 25 sites, each from counts to P(benefit); every process uses one core. "
        + ", ".join(f"{name} {value}" for name, value in rows[0]["settings"]["throughput"].items())
        + ".",
        "",
    ]
    head = ("processes", "trials per second, median (min to max) of 5 blocks", "trials", "median ESS", "k-hat > 0.7")
    return [*lines, *table(head, cells), ""]


def _outputs(results: list[Row]) -> list[str]:
    rows = [row for row in results if row["kind"] == "outputs"]
    if not rows:
        return []
    cells = [
        (OUTPUTS[row["of"]][0], seconds_of(row), f"{row['peak_mb']:.0f}")
        if row["status"] == "ok"
        else (OUTPUTS[row["of"]][0], f"{row['status']}: {row['reason']}", "")
        for row in rows
    ]
    return ["## After the fits", "", *table(("", "wall time, s", "peak memory, MB"), cells), ""]


def _scaling(results: list[Row]) -> list[str]:
    rows = [row for row in results if row["kind"] == "scaling"]
    if not rows:
        return []
    cells = []
    for row in rows:
        s = row["settings"]
        start = (_WHAT[s["what"]], s["per_site"], f"{row['of']:,}")
        if row["status"] == "ok":
            cells.append((*start, number(median(row["seconds"])), f"{row['peak_mb']:.0f}", row["draws"]))
        else:
            cells.append((*start, f"{row['status']}: {row['reason']}", "", ""))
    head = ("", "patients a site", "sites", "wall time, s", "peak memory, MB", "draws")
    lines = [
        "## Scaling",
        "",
        "SYNTHETIC trials; small sites are often alike, and sites alike share an integral. With very many sites fewer "
        "draws are taken than the points are worth, 800 at least, to fit into memory.",
        "",
    ]
    return [*lines, *table(head, cells), "", "![Time and peak memory by number of sites](scaling.png)", ""]


def table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> list[str]:
    """A Markdown table."""
    lines = [head, ("---",) * len(head), *rows]
    return ["| " + " | ".join(str(cell) for cell in line) + " |" for line in lines]


def figure(results: list[Row], path: Path) -> None:
    """Time and peak memory by number of sites, both axes logarithmic."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter

    drawing = Figure(figsize=(9, 4.6), layout="constrained")
    left, right = drawing.subplots(1, 2)
    rows = [row for row in results if row["kind"] == "scaling" and row["status"] == "ok"]
    for what, dash in (("engine", "-"), ("fit", "--")):
        for per_site, colour, marker in ((4, "#0072B2", "o"), (40, "#D55E00", "s")):
            kept = sorted(
                (r["of"], median(r["seconds"]), r["peak_mb"])
                for r in rows
                if (r["settings"]["what"], r["settings"]["per_site"]) == (what, per_site)
            )
            if not kept:
                continue
            sites, seconds, memory = zip(*kept, strict=True)
            style = {"color": colour, "marker": marker, "linestyle": dash, "markersize": 5}
            said = f"{_WHAT[what]}, {per_site} patients a site"
            left.plot(sites, seconds, label=said, **style)
            right.plot(sites, memory, label=said, **style)
    right.axhline(1024, color="0.5", linewidth=1)
    right.annotate("1 GB", (0.02, 1024), xycoords=("axes fraction", "data"), va="bottom", color="0.4")
    for axis, label in ((left, "wall time, seconds"), (right, "peak memory of the process, MB")):
        axis.set(xscale="log", yscale="log", xlabel="sites", ylabel=label)
        axis.grid(which="both", color="0.92", linewidth=0.6)
        axis.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axis.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.yaxis.set_minor_formatter(NullFormatter())
    drawing.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=9, frameon=False)
    drawing.savefig(path, dpi=150, metadata={"Software": None})
