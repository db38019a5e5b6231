"""Commands of published results: benefit, published."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from bayes_lupil.cli.common import Force, app, out, results
from bayes_lupil.cli.streams import write_document
from bayes_lupil.cli.usage import examples
from bayes_lupil.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from bayes_lupil.trials.trial import Trial

Side = Literal["higher", "lower"]
_PRINTED, _ASKED = "What is printed", "What is asked"


def _option(*names: str, help: str, metavar: str, panel: str = _PRINTED) -> Any:  # noqa: A002  as Typer calls it
    return typer.Option(*names, help=help, metavar=metavar, rich_help_panel=panel)


@app.command(
    context_settings={"ignore_unknown_options": True},  # a limit may be negative: -0.05
    epilog=examples(
        "benefit 44/125 62/124 --lower-is-better",
        "benefit --hr 0.76 0.55 1.04 --beyond 0.9",
        "benefit --rd -0.018 --se 0.0135 --lower-is-better --prior sceptical",
        "benefit --or 0.87 0.75 1.01 --lower-is-better --prior 0,0.35 --out reread",
        "benefit lupil2 --population pp",
        "benefit my_results.csv --out forest",
    ),
)
def benefit(
    values: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ACTIVE CONTROL | LOWER UPPER | TRIAL | FILE",
            help="Events and patients of each arm, active first (44/125 62/124); or the limits of the interval beside "
            "an estimate (--hr 0.76 0.55 1.04); or a built-in trial; or a table of results, a row a trial.",
            show_default=False,
        ),
    ] = None,
    hr: Annotated[str | None, _option("--hr", help="Hazard ratio.", metavar="RATIO")] = None,
    odds_ratio: Annotated[str | None, _option("--or", help="Odds ratio.", metavar="RATIO")] = None,
    rr: Annotated[str | None, _option("--rr", help="Risk ratio.", metavar="RATIO")] = None,
    irr: Annotated[str | None, _option("--irr", help="Rate ratio.", metavar="RATIO")] = None,
    rd: Annotated[str | None, _option("--rd", help="Risk difference, between -1 and 1.", metavar="DIFFERENCE")] = None,
    md: Annotated[str | None, _option("--md", help="Mean difference.", metavar="DIFFERENCE")] = None,
    se: Annotated[
        str | None, _option("--se", help="Standard error, of a ratio that of its logarithm.", metavar="NUMBER")
    ] = None,
    p: Annotated[str | None, _option("--p", help="Two-sided p-value.", metavar="NUMBER")] = None,
    level: Annotated[float, _option("--level", help="Of the interval, as a probability.", metavar="LEVEL")] = 0.95,
    centre: Annotated[
        str, _option("--centre", help="'midpoint' takes the middle of an interval that is askew.", metavar="WHICH")
    ] = "estimate",
    percent: Annotated[
        str | None,
        _option(
            "--percent", help="Percentages printed beside the counts, held against them.", metavar="ACTIVE,CONTROL"
        ),
    ] = None,
    lower: Annotated[
        bool | None,
        typer.Option(
            "--lower-is-better/--higher-is-better",
            help="Which direction is good for the patient.",
            show_default=False,
            rich_help_panel=_PRINTED,
        ),
    ] = None,
    name: Annotated[str, _option("--name", help="What the trial is called.", metavar="NAME")] = "trial",
    end_point: Annotated[str, _option("--end-point", help="What the result is of, for headings.", metavar="NAME")] = "",
    population: Annotated[str, _option("--population", help="Of a trial.", metavar="NAME")] = "itt",
    prior: Annotated[
        list[str] | None,
        _option(
            "--prior",
            panel=_ASKED,
            metavar="PRIOR",
            help="Beside the nine, and first: sceptical, neutral, optimistic or pessimistic (with weak, moderate or "
            "strong), flat, MEAN,SD on the log scale, or a tail: 'P(OR>2)=0.05'. Several times for several.",
        ),
    ] = None,
    expected: Annotated[
        str | None,
        _option(
            "--expected",
            help="The effect the trial was planned for: where optimists expect it.",
            metavar="EFFECT",
            panel=_ASKED,
        ),
    ] = None,
    beyond: Annotated[
        list[str] | None,
        _option(
            "--beyond", help="P(an effect better than this). Several times for several.", metavar="EFFECT", panel=_ASKED
        ),
    ] = None,
    margin: Annotated[
        str | None, _option("--margin", help="Of non-inferiority.", metavar="EFFECT", panel=_ASKED)
    ] = None,
    rope: Annotated[
        tuple[str, str] | None,
        typer.Option("--rope", help="A range of practical equivalence.", metavar="LOW HIGH", rich_help_panel=_ASKED),
    ] = None,
    control_risk: Annotated[
        str | None,
        _option("--control-risk", help="At which the effect per 1,000 is told.", metavar="RISK", panel=_ASKED),
    ] = None,
    measure: Annotated[
        str | None, _option("--measure", help="Show counts as or, rr or rd.", metavar="MEASURE", panel=_ASKED)
    ] = None,
    approximate: Annotated[
        bool,
        typer.Option(
            "--approximate",
            help="Counts as a normal estimate, with priors on the scale of --measure.",
            rich_help_panel=_ASKED,
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Save prior, likelihood and posterior as a picture.")
    ] = None,
    folder: Annotated[
        str | None, typer.Option("--out", metavar="FOLDER", help="Write the page with its figures and tables here.")
    ] = None,
    force: Force = False,
) -> None:
    """Reread a published result: how probable a benefit is, under nine standard priors and your own.

    Type the two counts, or a ratio or difference with its interval, as they are printed. What does not add up is told
    first. Nothing is sampled: a result takes a second.
    """
    from bayes_lupil.published.rereading import benefit as run
    from bayes_lupil.report.media.terminal import show
    from bayes_lupil.report.published.page import BENEFIT_FILES, benefit_page, benefit_summary

    if measure not in (None, "or", "rr", "rd") or centre not in ("estimate", "midpoint"):
        found = f"--measure {measure}" if measure not in (None, "or", "rr", "rd") else f"--centre {centre}"
        raise InputError("benefit", found, "--measure or, rr or rd; --centre estimate or midpoint")
    if plot is not None and plot.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise InputError("option --plot", f"'{plot}'", "a file that ends in .png, .svg or .pdf")
    estimates = {"hr": hr, "or_": odds_ratio, "rr": rr, "irr": irr, "rd": rd, "md": md}
    given: dict[str, Any] = {name: value for name, value in estimates.items() if value is not None}
    better: Side | None = None if lower is None else "lower" if lower else "higher"
    reading = {"se": se, "p": p, "level": level, "centre": centre}
    asked: dict[str, Any] = {
        "prior": prior or (), "expected": _number("--expected", expected),
        "beyond": [_number("--beyond", text) for text in beyond or ()], "margin": _number("--margin", margin),
        "rope": rope and [_number("--rope", text) for text in rope],
        "control_risk": _number("--control-risk", control_risk), "level": level, "approximate": approximate,
        "measure": measure,
    }  # fmt: skip
    typed = values or []
    if unknown := [text for text in typed if text.startswith("-") and not _is_number(text)]:
        raise InputError("benefit", f"the option {unknown[0]}", "an option of this command", "See benefit --help.")
    if _is_table(typed, given):
        _many(typed[0], better, asked, as_json, plot, folder, force)
        return
    names: dict[str, Any] = {"end_point": end_point, "name": name}
    source, more = _what_is_known(typed, given, reading, better, names, population, percent)
    found_ = run(source, benefit=better, **more, **asked)
    with results(folder, lambda: BENEFIT_FILES, typed, force) as new:
        if new is not None:
            from bayes_lupil.report.media.write import fill

            fill(benefit_page(found_), new)
    if plot is not None:
        from bayes_lupil.report.published.figures import figure_triplot

        _save(figure_triplot(found_), plot)
    if as_json:
        write_document(json.dumps(found_.to_json(), indent=2, allow_nan=False) + "\n")
        return
    show(benefit_summary(found_), out)
    if folder is not None:
        out.print(f"Written to {folder}", highlight=False, markup=False)


def _is_number(text: str) -> bool:
    from bayes_lupil.errors import TrialError
    from bayes_lupil.trials.printed import Printed

    try:
        Printed.of(text.rstrip("% "), "")
    except TrialError:
        return False
    return True


def _number(option: str, text: str | None) -> float | None:
    """A number as papers print it: 0.9, 0,9 or 30%."""
    from bayes_lupil.trials.printed import Printed

    if text is None:
        return None
    value = Printed.of(text.strip().rstrip("% "), f"option {option}").value
    return value / 100 if text.strip().endswith("%") else value


def _is_table(typed: list[str], given: dict[str, Any]) -> bool:
    """Whether the one thing that was typed is a file of many results."""
    return len(typed) == 1 and not given and Path(typed[0]).suffix != "" and "/" not in Path(typed[0]).name


def _what_is_known(
    typed: list[str],
    given: dict[str, Any],
    reading: dict[str, Any],
    better: Side | None,
    names: dict[str, Any],
    population: str,
    percent: str | None,
) -> tuple[Trial | str, dict[str, Any]]:
    """A trial, or counts and what is printed beside them, as `published.benefit` takes them."""
    from bayes_lupil.trials.from_print import from_estimate
    from bayes_lupil.trials.printed import split_interval

    counts = [text for text in typed if "/" in text or " of " in text]
    limits = [text for text in typed if text not in counts]
    if len(typed) == 1 and not given and not counts:
        from bayes_lupil.trials import load_trial

        return load_trial(typed[0]), {"population": population}
    one_text = len(limits) == 1 and split_interval(limits[0]) is not None
    wrong = len(given) > 1 or len(counts) not in (0, 2) or (limits and not given)
    wrong = wrong or not (given or counts) or (len(limits) not in (0, 2) and not one_text)
    if wrong or (counts and reading["se"] is not None):
        options = {**{name.rstrip("_"): value for name, value in given.items()}, "se": reading["se"]}
        told = " ".join([*(f"--{name} {value}" for name, value in options.items() if value is not None), *typed])
        raise InputError(
            "benefit", told or "nothing", "two counts, active first, or one estimate with its limits, --se or --p",
            "For example: bayes-lupil benefit 44/125 62/124 --lower-is-better, or: --hr 0.76 0.55 1.04.",
        )  # fmt: skip
    ci: Any = limits[0] if one_text else limits or None
    if not counts:
        return from_estimate(**given, ci=ci, benefit=better, **names, **reading), {}
    shares = tuple(text.strip(" %") for text in re.split("[,;]", percent)) if percent else (None, None)
    if len(shares) != 2:
        required, hint = "two percentages, active first", "For example: --percent 35.2,50.0"
        raise InputError("option --percent", f"'{percent}'", required, hint)
    printed = {name.rstrip("_"): value for name, value in given.items()}
    printed |= {key: value for key, value in (("ci", ci), ("p", reading["p"])) if value is not None}
    return counts[0], {"control": counts[1], "printed": printed, "percentages": shares, **names}


def _save(figure: Figure, path: Path) -> None:
    from bayes_lupil.files import new_file

    with new_file(path) as temporary:
        figure.savefig(temporary, format=path.suffix.lower()[1:], dpi=200)
    out.print(f"Written to {path}", highlight=False, markup=False)


def _many(
    source: str,
    better: Side | None,
    asked: dict[str, Any],
    as_json: bool,
    plot: Path | None,
    folder: str | None,
    force: bool,
) -> None:
    """A table of results: one line each, and a forest."""
    from bayes_lupil.published.many import benefit_many
    from bayes_lupil.report.media.terminal import show
    from bayes_lupil.report.published.forest import FOREST_FILES, figure_forest, forest_page

    found = benefit_many(source, benefit=better, **asked)
    page = forest_page(found)
    with results(folder, lambda: FOREST_FILES, [source], force) as new:
        if new is not None:
            from bayes_lupil.report.media.write import fill

            fill(page, new)
    if plot is not None:
        _save(figure_forest(found), plot)
    if as_json:
        write_document(json.dumps([item.to_json() for item in found], indent=2, allow_nan=False) + "\n")
        return
    show(page, out)
    if folder is not None:
        out.print(f"Written to {folder}", highlight=False, markup=False)


@app.command(epilog=examples("published", "published cabana", "published topcat --json"))
def published(
    name: Annotated[
        str | None, typer.Argument(metavar="TRIAL", help="One of them, with its notes.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Published Bayesian reanalyses, done again from their stated inputs: what agrees, and what does not follow."""
    from bayes_lupil.errors import nearest
    from bayes_lupil.published.library import published_claims
    from bayes_lupil.report.media.terminal import show
    from bayes_lupil.report.published.claims import claims_page
    from bayes_lupil.trials.published_trials import published_names

    if name is not None and name not in published_names():
        hint = nearest(name, published_names())
        raise InputError(f"published '{name}'", "no reanalysis of that name", "one of the list", hint)
    claims = published_claims(name)
    if as_json:
        write_document(
            json.dumps([{**vars(claim), "status": claim.status} for claim in claims], indent=2, allow_nan=False) + "\n"
        )
        return
    show(claims_page(claims, notes=name is not None), out)
