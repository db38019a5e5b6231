"""Whether the chains of a fit agree, as a figure: the ranks of their draws."""

from __future__ import annotations

import inspect
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.posterior import Posterior
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
# ArviZ simulates the band, and its edge is uncertain: of 3000 sets of 4 chains with 250 exchangeable draws, 2.4 % left
# it (0.9 % and 2.8 % with two other seeds), so that the figure says 'about 98 times in 100'
_MOST = 250  # draws a chain: the band is simulated, and more of them add nothing that is seen


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
    _rank_plot(thinned, dict(zip(names, drawn, strict=True)))
    for name, axes in zip(names, drawn, strict=True):
        _look(axes, wrap(NAMES[name], int((width if narrow else width / 2) * 11)))
    handles = drawn[0].get_lines()[: thinned.sizes["chain"]]
    labels = [f"chain {i + 1}" for i in range(len(handles))]
    drawn[0].legend(handles, labels, fontsize=8.5, frameon=False, ncols=2, loc="lower left", borderaxespad=0,
                    bbox_to_anchor=(0, 1.17))  # fmt: skip
    footnote = f"Each line is a chain (every {step}th draw, so that they are nearly independent). " if step > 1 else ""
    footnote += "In each panel, chains that sample the same distribution stay within the grey band, all along, "
    footnote += "about 98 times in 100."
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


def _rank_plot(data: xr.Dataset, panel: dict[str, Axes]) -> None:
    """ArviZ's rank plot, in panels that are there already."""
    import xarray as xr
    from arviz_plots import PlotCollection, plot_rank

    where = {"plot": xr.Dataset({name: ((), _held(axes)) for name, axes in panel.items()})}
    collection = PlotCollection(
        data, xr.DataTree.from_dict(where), aes={"color": ["chain"], "overlay": ["chain"]}, backend="matplotlib"
    )
    tree = xr.DataTree.from_dict({"posterior": data})
    plain = {"title": False, "xlabel": False, "remove_axis": False}
    # ArviZ 1 calls the band's probability otherwise, and must be asked for the band
    known = inspect.signature(plot_rank).parameters
    band: dict[str, Any] = {"ci_prob": _BAND}
    if "envelope_prob" in known:
        band = {"envelope_prob": _BAND, "method": "envelope", "thin": False}
    plot_rank(tree, plot_collection=collection, backend="matplotlib", visuals=plain, **band)


def _held(axes: Axes) -> NDArray[np.object_]:
    """An array of no dimensions, as a dataset holds an object."""
    held = np.empty((), dtype=object)
    held[()] = axes
    return held


def _look(axes: Axes, name: str) -> None:
    for i, line in enumerate(axes.get_lines()):
        line.set(color=COLOURS[i % len(COLOURS)], linestyle=DASHES[i % len(DASHES)], linewidth=1.3)
    for band in axes.collections:
        band.set(facecolor="#B0B0B0", alpha=0.45, zorder=0)
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
