"""Raw and shrunken response rates by site, as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayes_lupil.errors import InputError
from bayes_lupil.posterior import Posterior
from bayes_lupil.report.media.plot_rows import end_point_title
from bayes_lupil.report.media.plot_style import COLOURS, clip, new_figure, styled, wrap
from bayes_lupil.report.reanalysis.figures.effects import NARROW, legend_outside

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["figure_shrinkage", "has_sites", "site_rates_words"]


def has_sites(posterior: Posterior) -> bool:
    """Whether the fit is to a table of several known sites."""
    observed = posterior.data["observed_data"]
    return "y" in observed.data_vars and observed["y"].sizes.get("site", 1) > 1


def _check(posterior: Posterior) -> None:
    """That there are rates of sites to show, raw and by the model."""
    spec, source = posterior.spec, posterior.provenance
    if spec.sites.pooled:
        raise InputError(
            "figure of sites", f"the model '{spec.name}', which has no site effects (its sites are pooled)",
            "a model with site effects",
            f"Fit site_effects, site_intercepts or site_fixed, or another model in which sites.intercepts or "
            f"sites.effects is 'partial' or 'fixed', to trial '{source.trial}'.",
        )  # fmt: skip
    if source.end_point.kind != "binary":
        raise InputError(
            "figure of sites", f"the continuous end point '{source.end_point.name}'",
            "a binary end point, which has response rates by site", "See post.summary(sites=True).",
        )  # fmt: skip
    if not has_sites(posterior):
        raise InputError(
            "figure of sites", f"a fit to trial '{source.trial}', whose patients by site are not published",
            "a trial with a table of several sites",
        )  # fmt: skip


@styled
def figure_shrinkage(posterior: Posterior, most: int = 40, width: float = 8.0) -> Figure:
    """Raw and shrunken response rates by site and arm; with many sites the `most` largest.

    Raises
    ------
    InputError
        Where the model has no site effects, or the sites are not known.
    """
    _check(posterior)
    y = np.asarray(posterior.data["observed_data"]["y"])
    n = np.asarray(posterior.data["constant_data"]["n"])
    shrunk = posterior.draws("p").mean(axis=(0, 1))
    sites = [str(name) for name in np.asarray(posterior.data["posterior"]["site"])]
    order = np.argsort(-n.sum(axis=1), kind="stable")[:most]
    narrow = width < NARROW
    figure, axes, _ = new_figure(width, 2.1 + (0.5 if narrow else 0.42) * len(order), posterior.provenance.synthetic)
    for row, s in enumerate(reversed(order)):
        for a, (offset, colour, marker) in enumerate(((-0.13, COLOURS[1], "s"), (0.13, COLOURS[0], "o"))):
            level = row - offset
            name = clip(posterior.provenance.arms.names[a], 25)
            if n[s, a]:
                raw = 100 * y[s, a] / n[s, a]
                axes.plot([raw, 100 * shrunk[s, a]], [level, level], color=colour, lw=1.0, alpha=0.7)
                axes.plot([raw], [level], marker, mfc="white", mec=colour, ms=4 + 0.5 * np.sqrt(n[s, a]), clip_on=False)
            axes.plot(
                [100 * shrunk[s, a]],
                [level],
                marker,
                color=colour,
                ms=5.5,
                label=name if row == 0 else None,
                clip_on=False,
            )
    between, longest = ("\n", 16) if narrow else ("  ", 28)
    labels = [f"{clip(sites[s], longest)}{between}({y[s, 1]}/{n[s, 1]} v {y[s, 0]}/{n[s, 0]})" for s in reversed(order)]
    axes.set_yticks(range(len(order)), labels, fontsize=8)
    rate = posterior.provenance.end_point.words.rate.capitalize()
    axes.set(xlim=(0, 100), ylim=(-0.6, len(order) - 0.4), xlabel=f"{rate}, %")
    axes.grid(axis="x", color="#E5E5E5", lw=0.6)
    left_out = len(sites) - len(order)
    more = f"; the {len(order)} largest of {len(sites)} sites" if left_out else ""
    heading = (
        f"{end_point_title(posterior.provenance.end_point)}: raw rates (open, size by patients) and rates shrunken by "
        f"'{posterior.spec.called}' (filled){more}"
    )
    figure.suptitle(wrap(heading, int(9.5 * width)), fontsize=11, x=0.01, ha="left")
    legend_outside(figure, posterior.provenance.synthetic, fontsize=9, ncols=1 if narrow else 2)
    return figure


def site_rates_words(posterior: Posterior) -> str:
    """Of raw and shrunken rates by site."""
    shrunk = posterior.draws("p").mean(axis=(0, 1))
    y, n = (np.asarray(posterior.data[g][v]) for g, v in (("observed_data", "y"), ("constant_data", "n")))
    arms = posterior.provenance.arms.names
    told = []
    for a in (1, 0):
        raw = 100 * y[n[:, a] > 0, a] / n[n[:, a] > 0, a]
        told.append(
            f"on {arms[a]} raw rates run from {raw.min():.0f} to {raw.max():.0f} %, shrunken ones from "
            f"{100 * shrunk[:, a].min():.0f} to {100 * shrunk[:, a].max():.0f} %"
        )
    rates = f"{posterior.provenance.end_point.words.rate.capitalize()}s"
    return f"{rates} at {len(y)} sites, raw and shrunken by {posterior.spec.called}: {'; '.join(told)}."
