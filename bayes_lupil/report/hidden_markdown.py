"""The page on sites whose table was never published, in Markdown."""

from __future__ import annotations

import numpy as np

from bayes_lupil.hidden.analysis import HiddenAnalysis
from bayes_lupil.report.hidden_words import sentences
from bayes_lupil.report.markdown import markdown_table
from bayes_lupil.report.numbers import interval, points, probability
from bayes_lupil.report.site_markdown import models_markdown
from bayes_lupil.trials.trial import SYNTHETIC

__all__ = ["hidden_markdown"]


def hidden_markdown(result: HiddenAnalysis) -> str:
    """Three sentences and the figure, then what each count could do, bounds, site models and the excluded patients."""
    trial, hidden = result.trial, result.hidden
    lines = [f"# Sites: {trial.title}", ""]
    if trial.synthetic:
        lines += [f"**{SYNTHETIC}**", ""]
    lines += [
        "The table of sites was never published. What the unpublished counts could do:", "",
        *(text for sentence in sentences(hidden) for text in (f"- {sentence}",)), "",
        f"Model `{hidden.posterior.spec.name}`: {hidden.posterior.spec.title}. All figures are given that there was "
        f"{hidden.implied or 'what was published'}.", "",
        "![What the unpublished counts could do](unpublished_counts.png)", "",
        "## If a count were known", "", _values(result), "",
        "Bounds run over all values that were computed, however improbable; averages and probabilities are over the "
        "posterior of the counts. P(benefit) is about the risk difference over all randomised patients.", "",
        *_bounds(result),
        *_models(result),
        *_path(result),
    ]  # fmt: skip
    return "\n".join(lines)


def _values(result: HiddenAnalysis) -> str:
    rows = [
        [
            ", ".join(item.labels), probability(item.lowest, item.lowest_mcse),
            probability(item.highest, item.highest_mcse),
            f"{item.expected_change:.3f} (MCSE {item.expected_change_mcse:.1g})",
            probability(item.p_above, max(item.p_above_mcse, 1e-4)),
            probability(item.p_below, max(item.p_below_mcse, 1e-4)),
        ]
        for item in result.hidden.values
    ]  # fmt: skip
    header = [
        "patients at the excluded sites, if known", "lowest P(benefit) (bound)", "highest (bound)",
        "average change of P(benefit)", "P(it would rise above 0.975)", "P(it would fall below 0.5)",
    ]  # fmt: skip
    return markdown_table(header, rows)


def _bounds(result: HiddenAnalysis) -> list[str]:
    hidden = result.hidden
    b, t = hidden.bounds, hidden.tables
    raw_low, raw_high = t.raw_risk_difference_interval
    low, high = t.p_benefit_interval
    computed = sum(row.computed for row in hidden.full.rows)
    again = "; ".join(", ".join(f"{name} {value}" for name, value in known.items()) for known in hidden.refitted)
    where = [", ".join(f"{name} {value}" for name, value in at.items()) for at in (b.lowest_at, b.highest_at)]
    rows = [
        [
            "raw risk difference without the excluded sites, no model",
            f"{points(b.lowest)} ({where[0]})", f"{points(b.highest)} ({where[1]})",
            interval(points(raw_low), points(raw_high)),
        ],
        [
            "P(benefit) over all sites, by the model",
            *(probability(item.p_benefit, item.p_benefit_mcse) for item in (hidden.lowest, hidden.highest)),
            interval(f"{low:.2f}", f"{high:.2f}"),
        ],
    ]  # fmt: skip
    return [
        "## Over every table that the publication allows", "",
        markdown_table(["quantity", "lowest (bound)", "highest (bound)", "95 % of the posterior"], rows), "",
        f"{b.tables:,} tables fit the publication. Counted, not weighed: {b.significant_benefit:,} of them have a "
        f"benefit with p < 0.05 (Pearson) without the excluded sites, {b.significant_harm:,} a harm. The model has "
        f"{computed:,} of them computed; the others hold {hidden.full.not_computed:.4f} of the posterior, and the "
        f"model's bounds do not cover them. Fitted again at: {again or 'none'}; elsewhere draws were reweighted.", "",
    ]  # fmt: skip


def _models(result: HiddenAnalysis) -> list[str]:
    if len(result.attempts) < 2:
        return []
    rows = []
    excluded = [str(site) for site in np.asarray(result.hidden.posterior.data["posterior"]["site"])]
    marked = [site for site in excluded if not site.startswith("ordinary")]
    for name, posterior in result.sound.items():
        group = posterior.data.children.get("outliers")
        if group is None or "outlier" not in group.data_vars:
            continue
        found = np.asarray(group["outlier"].sel(site=marked).mean(("chain", "draw")).values)
        prior = (
            posterior.data["prior"]["outlier_share"].mean() if "outlier_share" in posterior.data["prior"] else np.nan
        )
        size = posterior.draws("risk_difference").size
        rows.append(
            [f"`{name}`", ", ".join(f"{site}: {c:.2f}, {a:.2f}" for site, (c, a) in zip(marked, found, strict=True)),
             f"{float(prior):.2f}", f"{0.5 / np.sqrt(min(size, posterior.verdict.min_ess_bulk)):.3f}"]
        )  # fmt: skip
    header = ["model", "P(outlier) of the excluded sites, control and active arm", "prior share", "MCSE at most"]
    outlying = (
        [
            markdown_table(header, rows), "",
            "The margins hardly tell whether the excluded sites are outlying: how many patients answered there is what "
            "was not published.", "",
        ]
        if rows
        else []
    )  # fmt: skip
    return ["## Other site models", "", models_markdown(result.attempts), "", *outlying]


def _path(result: HiddenAnalysis) -> list[str]:
    if not result.path:
        return []
    rows = [
        [
            f"{item.power:g}",
            *(
                [
                    probability(item.p_benefit, item.p_benefit_mcse), points(item.risk_difference),
                    points(item.risk_difference_ordinary), "fitted again" if item.refitted else "reweighted",
                ]
                if item.p_benefit == item.p_benefit
                else ["no figure"] * 4
            ),
        ]
        for item in result.path
    ]  # fmt: skip
    at = ", ".join(f"{name} {value}" for name, value in result.path_at.items())
    header = ["each excluded patient counts", "P(benefit)", "risk difference, all sites", "at the other sites", "how"]
    return [
        "## From kept to excluded", "",
        f"If the most probable table were the true one ({at}): the likelihood of the patients at the excluded sites "
        "raised to a power from 1 (kept) to 0 (left out).", "", markdown_table(header, rows), "",
    ]  # fmt: skip
