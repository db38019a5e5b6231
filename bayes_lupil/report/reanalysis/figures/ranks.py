"""Whether the chains of a fit agree, as a figure: the ranks of their draws."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.posterior import Posterior
from bayes_lupil.posterior.chain_ranks import rank_band, rank_differences
from bayes_lupil.posterior.diagnostics import effective_draws
from bayes_lupil.report.media.plot_rows import frame, title
from bayes_lupil.report.media.plot_style import COLOURS, DASHES, clip, styled, wrap
from bayes_lupil.report.reanalysis.figures.priors import NAMES, panels, shown_parameters

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["figure_ranks", "has_ranks", "ranks_words"]

_SHOWN = ("risk_difference", "beta", "tau_u", "tau_v")
_BAND = 0.99
_MOST = 250  # draws a chain: more of them add nothing that is seen


def has_ranks(posterior: Posterior) -> bool:
    """Whether the fit has chains to be compared; the draws of the quadrature engine are independent."""
    chains = posterior.data["posterior"].sizes.get("chain", 1)
    return "pareto_k" not in posterior.diagnostics and chains > 1 and bool(shown_parameters(posterior, _SHOWN))


@styled
def figure_ranks(posterior: Posterior, width: float = 7.5) -> Figure:
    """Ranks of each chain's draws among those of all chains, as their distance from a uniform distribution.

    A failed fit is drawn too: the figure shows no probability, and may show why it failed.

    Raises
    ------
    ValueError
        Where the fit has no chains (`has_ranks`).
    """
    if not has_ranks(posterior):
        raise ValueError(f"fit '{posterior.spec.name}' has no chains whose ranks could be compared")
    names = shown_parameters(posterior, _SHOWN)
    thinned, step = _thinned(posterior, names)
    source = posterior.provenance
    figure, drawn = panels(width, source.synthetic, len(names), 2)
    narrow = len({axes.get_position().x0 for axes in drawn}) == 1
    for name, axes in zip(names, drawn, strict=True):
        draws = thinned[name].transpose("chain", "draw").values
        _panel(axes, draws, wrap(NAMES[name], int((width if narrow else width / 2) * 11)))
    handles = drawn[0].get_lines()[: thinned.sizes["chain"]]
    labels = [f"chain {i + 1}" for i in range(len(handles))]
    drawn[0].legend(handles, labels, fontsize=8.5, frameon=False, ncols=2, loc="lower left", borderaxespad=0,
                    bbox_to_anchor=(0, 1.17))  # fmt: skip
    footnote = f"Each line is a chain (every {step}th draw, so that they are nearly independent). " if step > 1 else ""
    footnote += "In each panel, chains that sample the same distribution stay within the grey band, all along, "
    footnote += f"{100 * _BAND:.0f} times in 100."
    rows = len(names) if narrow else math.ceil(len(names) / 2)
    frame(figure, f"{title(posterior)}: ranks of the draws of '{clip(posterior.spec.called)}' by chain", footnote,
          source.synthetic, 2.05 * rows + 0.5)  # fmt: skip
    return figure


def _thinned(posterior: Posterior, names: list[str]) -> tuple[xr.Dataset, int]:
    """Draws far enough apart to be nearly independent, as the band supposes."""
    data = posterior.data["posterior"].to_dataset()[names]
    draws = data.sizes["draw"]
    effective = min(effective_draws(np.asarray(data[name])) for name in names) / data.sizes["chain"]
    step = math.ceil(draws / min(max(effective, 20.0), _MOST)) if math.isfinite(effective) else math.ceil(draws / _MOST)
    return data.isel(draw=slice(None, None, step)), step


def _panel(axes: Axes, draws: NDArray[np.float64], name: str) -> None:
    chains, n = draws.shape
    share = np.arange(1, n) / n
    axes.fill_between(share, *rank_band(chains, n, _BAND), facecolor="#B0B0B0", alpha=0.45, lw=0, zorder=0)
    for i, line in enumerate(rank_differences(draws)):
        axes.plot(share, line, color=COLOURS[i % len(COLOURS)], ls=DASHES[i % len(DASHES)], lw=1.3)
    axes.axhline(0, color="black", lw=0.7)
    axes.set_title(name, fontsize=9)
    axes.set_xlabel("Rank, as a share of all", fontsize=8.5)
    axes.set_ylabel("Share below it,\nminus expected", fontsize=8.5)
    axes.set_xlim(0, 1)
    axes.tick_params(labelsize=8.5)


def ranks_words(posterior: Posterior) -> str:
    """Of the rank plot of the chains.

    Raises
    ------
    ValueError
        Where the fit has no chains, as its figure does.
    """
    if not has_ranks(posterior):
        raise ValueError(f"fit '{posterior.spec.name}' has no chains whose ranks could be compared")
    verdict = posterior.verdict
    why = "; ".join(verdict.failures)
    return (
        f"Ranks of the draws of {posterior.spec.called} by chain, level where chains agree: R-hat is "
        f"at most {verdict.max_r_hat:.4f} over all quantities, and 1 where they agree wholly."
        if verdict.ok
        else f"Ranks of the draws of {posterior.spec.called} by chain; the diagnostics failed: {why}."
    )
