"""The page on sites whose table was never published, in Markdown."""

from __future__ import annotations

import numpy as np

from bayes_lupil.convergence import mcse_proportion
from bayes_lupil.hidden.analysis import HiddenAnalysis
from bayes_lupil.report.hidden_words import sentences
from bayes_lupil.report.markdown import markdown_table
from bayes_lupil.report.numbers import interval, points, probability
from bayes_lupil.report.site_markdown import models_markdown, provenance_line
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
        "posterior of the counts. That posterior leans on the prior of the sites' sizes, since nothing else says how "
        "many patients the excluded sites had. Over all randomised patients the totals are published, "
        "so that moving patients from site to site changes little; at the other sites alone it can change much.", "",
        *_bounds(result),
        *_models(result),
        *_path(result),
        provenance_line(hidden.posterior), "",
    ]  # fmt: skip
    return "\n".join(lines)


def _values(result: HiddenAnalysis) -> str:
    rows = [
        [
            ", ".join(item.labels), probability(item.lowest, item.lowest_mcse),
            probability(item.highest, item.highest_mcse),
            f"{item.expected_change:.3f} (MCSE {item.expected_change_mcse:.1g})",
            f"{probability(item.ordinary_lowest, item.ordinary_lowest_mcse)} to "
            f"{probability(item.ordinary_highest, item.ordinary_highest_mcse)}",
        ]
        for item in result.hidden.values
    ]  # fmt: skip
    header = [
        "patients at the excluded sites, if known", "lowest P(benefit), all sites (bound)", "highest (bound)",
        "average change", "P(benefit) at the other sites alone (bounds)",
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
        indicator = np.asarray(group["outlier"].sel(site=marked).transpose("chain", "draw", "site", "arm").values)
        errors = [
            mcse_proportion(indicator[:, :, i, a] > 0.5, indicator[..., 0, 0].size)
            for i in range(len(marked))
            for a in (0, 1)
        ]
        rows.append(
            [f"`{name}`", ", ".join(f"{site}: {c:.2f}, {a:.2f}" for site, (c, a) in zip(marked, found, strict=True)),
             f"{float(prior):.2f}", f"{max(errors):.3f}"]
        )  # fmt: skip
    header = ["model", "P(outlier) of the excluded sites, control and active arm", "prior share", "MCSE at most"]
    outlying = [markdown_table(header, rows), ""] if rows else []
    return ["## Other site models", "", models_markdown(result.attempts), "", *outlying]


def _path(result: HiddenAnalysis) -> list[str]:
    if not result.paths:
        return []
    rows = []
    for table, points_of in result.paths:
        at = ", ".join(f"{name} {value}" for name, value in table.items())
        for item in points_of:
            if item.p_benefit != item.p_benefit:
                rows.append([at, f"{item.power:g}", *["diagnostics failed"] * 4])
                continue
            rows.append(
                [
                    at, f"{item.power:g}", probability(item.p_benefit, item.p_benefit_mcse),
                    points(item.risk_difference), probability(item.p_ordinary, item.p_ordinary_mcse),
                    points(item.risk_difference_ordinary),
                ]
            )  # fmt: skip
    header = [
        "if the counts were", "each excluded patient counts", "P(benefit), all sites", "risk difference",
        "P(benefit), other sites", "risk difference",
    ]  # fmt: skip
    return [
        "## From kept to excluded", "",
        "The likelihood of the patients at the excluded sites kept (1) or left out (0), for a central table (the "
        "posterior mean of each count) and for the one with the most patients at the excluded sites.", "",
        markdown_table(header, rows), "",
    ]  # fmt: skip
