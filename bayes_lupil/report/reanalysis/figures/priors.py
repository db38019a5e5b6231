"""What was believed before the data, as figures: what the prior predicts, and what the data made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.errors import InputError
from bayes_lupil.numbers import points
from bayes_lupil.posterior import Posterior
from bayes_lupil.report.media.plot_rows import better, frame, no_result, title
from bayes_lupil.report.media.plot_style import COLOURS, DASHES, clip, new_figure, styled, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "NAMES",
    "figure_prior_posterior",
    "figure_prior_predictive",
    "panels",
    "prior_posterior_words",
    "prior_predictive_words",
    "shown_parameters",
]

Floats = NDArray[np.float64]

NAMES = {
    "risk_difference": "Risk difference (percentage points)",
    "beta": "Average log odds ratio",
    "tau_u": "SD over sites of the log odds",
    "tau_v": "SD over sites of the log odds ratio",
}
"""Quantities in words, with their units."""
_SIDE_BY_SIDE = 6.0  # inches from which panels stand side by side
_BIN = 5.0  # percentage points


def panels(width: float, synthetic: bool, number: int, columns: int) -> tuple[Figure, list[Axes]]:
    """A figure with panels, in rows of `columns`, or one below the other where it is narrow."""
    figure, axes, _ = new_figure(width, width, synthetic)
    axes.remove()
    across = min(number, columns) if width >= _SIDE_BY_SIDE else 1
    down = -(-number // across)
    made = figure.subplots(down, across, squeeze=False).ravel()
    for spare in made[number:]:
        spare.remove()
    return figure, list(made[:number])


def shown_parameters(posterior: Posterior, names: tuple[str, ...] = ("beta", "tau_u", "tau_v")) -> list[str]:
    """Those of the names that the fit has, and that are one number a draw."""
    known = posterior.data["posterior"].data_vars
    return [name for name in names if name in known and known[name].ndim == 2]


# Matplotlib here and below: ArviZ's plot_dist neither lays two arms over one another in dash patterns, nor draws a
# prior from its formula, and a density estimate of a prior bends at the ends of a scale
@styled
def figure_prior_predictive(posterior: Posterior, width: float = 7.5) -> Figure:
    """What the prior predicts: response probability by arm and risk difference, with what was observed marked.

    Parameters
    ----------
    posterior : Posterior
        Of a binary end point; its posterior is not used.
    width : float
        In inches; 4 and more. Below 6 the panels stand one below the other.

    Raises
    ------
    ValueError
        Where the end point is continuous.
    """
    source = posterior.provenance
    if "risk_control" not in posterior.data["prior"].data_vars or source.totals is None:
        raise ValueError("a prior of response probabilities needs a binary end point")
    figure, (rates, difference) = panels(width, source.synthetic, 2, 2)
    observed = [100 * responders / patients if patients else np.nan for responders, patients in source.totals]
    letters = int((width if len(_columns(figure)) == 1 else width / 2) * 9)
    for a, arm in enumerate(("control", "active")):
        look: dict[str, Any] = {"color": COLOURS[1 - a], "ls": DASHES[1 - a]}
        heights, edges = _shares(100 * _prior(posterior, f"risk_{arm}"), 0.0, 100.0)
        name = clip(source.arms.names[a], max(letters - 14, 12))
        rates.stairs(heights, edges, baseline=None, lw=1.8, label=f"prior, {name}", gid=f"prior_{arm}", **look)
        if np.isfinite(observed[a]):
            rates.axvline(observed[a], lw=1.2, gid=f"observed_{arm}", **look)
            rates.plot([observed[a]], [0.0], "so"[a], color=COLOURS[1 - a], mec="black", ms=7, clip_on=False, zorder=5,
                       label=f"observed, {observed[a]:{_digits(observed[a])}} %")  # fmt: skip
    rates.set(xlim=(0, 100), xlabel=f"{source.end_point.words.probability.capitalize()} (%)")
    draws = 100 * _prior(posterior, "risk_difference")
    heights, edges = _shares(draws, -100.0, 100.0)
    difference.stairs(heights, edges, fill=True, color="#A6A6A6", label="prior", gid="prior_difference")
    difference.axvline(0, color="black", lw=0.8, ls=(0, (2, 2)))
    found = observed[1] - observed[0]
    if np.isfinite(found):
        difference.axvline(found, color="black", lw=1.4, gid="observed_difference")
        difference.plot([found], [0.0], "D", color="black", ms=7, clip_on=False, zorder=5,
                        label=f"observed, {found:+.1f} points")  # fmt: skip
    difference.set(xlim=(-100, 100))
    arms = f"{clip(source.arms.active, 25)} minus {clip(source.arms.control, 25)}"
    difference.set_xlabel(
        f"{wrap(f'Risk difference, {arms} (percentage points)', letters)}\n{better(_sign(posterior))}"
    )
    for axes in (rates, difference):
        axes.set_ylabel("Share of prior draws (%)", fontsize=9)
        axes.xaxis.label.set_fontsize(9)
        axes.tick_params(labelsize=8.5)
        axes.set_ylim(bottom=0)
        axes.legend(fontsize=8.5, frameon=False, loc="lower left", bbox_to_anchor=(0, 1.0), borderaxespad=0.2)
    footnote = (
        f"Before the data, in bins of {_BIN:.0f} points: {draws.size} draws from the prior of "
        f"'{clip(posterior.spec.called)}'. The lines at the markers are the observed rates and their difference; the "
        "prior was not fitted to them."
    )
    frame(figure, f"{title(posterior)}: what the prior predicts", footnote, source.synthetic,
          3.6 if len(_columns(figure)) > 1 else 6.8)  # fmt: skip
    return figure


def _digits(rate: float) -> str:
    """Of per cent: whole ones, but of rare events."""
    return ".0f" if rate >= 10 or rate == 0 else ".2g"


@styled
def figure_prior_posterior(posterior: Posterior, width: float = 7.5) -> Figure:
    """Prior (dashed) and posterior (filled) of the treatment effect and of the differences between sites.

    Raises
    ------
    InputError
        Where the diagnostics failed, or the model has none of these parameters.
    """
    if not posterior.verdict.ok:
        raise no_result("a prior beside its posterior", posterior)
    names = [name for name in shown_parameters(posterior) if getattr(posterior.spec.priors, name) is not None]
    if not names:
        raise InputError(
            "a prior beside its posterior", f"model '{posterior.spec.name}'", "a treatment effect that the sites share"
        )
    source = posterior.provenance
    figure, drawn = panels(width, source.synthetic, len(names), 3)
    narrow = len(_columns(figure)) == 1
    for name, axes in zip(names, drawn, strict=True):
        _prior_and_posterior(axes, posterior, name)
        text = _name(posterior, name) + (f"\n{better(_sign(posterior))}" if name == "beta" else "")
        axes.set_xlabel(wrap(text, int((width if narrow else width / len(names)) * 11)), fontsize=9)
    drawn[0].legend(fontsize=8.5, frameon=False, loc="lower left", bbox_to_anchor=(0, 1.0), borderaxespad=0.2, ncols=2)
    drawn[0].set_ylabel("Density", fontsize=9)
    footnote = "Where the filled curve is no narrower than the dashed line, the data said little and the prior decides."
    heading = f"{title(posterior)}: prior and posterior of '{clip(posterior.spec.called)}'"
    frame(figure, heading, footnote, source.synthetic, 2.2 * len(names) if narrow else 2.9)
    return figure


def _name(posterior: Posterior, name: str) -> str:
    """A quantity in words, of a continuous end point with its units."""
    if posterior.provenance.end_point.kind == "binary":
        return NAMES[name]
    told = posterior.data["posterior"][name].attrs
    return f"{told['long_name']}{f' ({unit})' if (unit := told.get('units')) else ''}"


def _prior_and_posterior(axes: Axes, posterior: Posterior, name: str) -> None:
    from arviz_stats.base import array_stats

    draws, prior = posterior.draws(name).ravel(), posterior.spec.priors.marginal(name)
    # nearly all of the posterior, and of the prior's central 95 % what is not far from it
    low, high = (float(q) for q in np.quantile(draws, [0.001, 0.999]))
    first, last = (float(prior.ppf(q)) for q in (0.025, 0.975))
    low, high = (
        min(low, max(first, low - 1.5 * (high - low))), max(high, min(last, high + 1.5 * (high - low)))
    )  # fmt: skip
    if name != "beta":
        low = 0.0
    # mirrored at 0, where an SD ends
    grid, density, _ = array_stats.kde(draws, bound_correction=name != "beta")
    axes.fill_between(grid, density, color=COLOURS[0], alpha=0.45, lw=0, label="posterior", gid="posterior")
    axes.plot(grid, density, color=COLOURS[0], lw=1.5)
    x = np.linspace(low, high, 401) if name == "beta" else np.linspace(0, high, 401)[1:]  # some have no density at 0
    declared = np.exp(prior.logpdf(x))
    axes.plot(x, declared, color="black", ls=(0, (4, 2)), lw=1.5, label="prior", gid="prior")
    if name == "beta":
        axes.axvline(0, color="black", lw=0.8, ls=(0, (1, 2)))
    top = float(np.max(density))
    axes.set(xlim=(low, high), ylim=(0, 1.1 * max(top, min(float(np.max(declared)), 2.5 * top))))
    axes.set_yticks([])
    axes.tick_params(labelsize=8.5)


def _sign(posterior: Posterior) -> int:
    return int(posterior.provenance.end_point.sign)


def _prior(posterior: Posterior, name: str) -> Floats:
    return np.asarray(posterior.data["prior"][name], dtype=float).ravel()


def _shares(draws: Floats, low: float, high: float) -> tuple[Floats, Floats]:
    counts, edges = np.histogram(draws, bins=np.arange(low, high + _BIN, _BIN))
    return 100 * counts / draws.size, edges


def _columns(figure: Figure) -> set[int]:
    """Columns of the figure's panels."""
    specs = [axes.get_subplotspec() for axes in figure.axes]
    return {spec.colspan.start for spec in specs if spec is not None}


def prior_predictive_words(posterior: Posterior) -> str:
    """Of response and effect before the data."""
    prior, source = posterior.data["prior"], posterior.provenance
    control, active, difference = (
        np.quantile(100 * np.asarray(prior[name].values, dtype=float), [0.025, 0.975])
        for name in ("risk_control", "risk_active", "risk_difference")
    )
    assert source.totals is not None  # the end point is binary
    what = source.end_point.words.probability
    (r0, n0), (r1, n1) = source.totals
    return (
        f"Before the data, 95 % of the prior of the {what} lie between {control[0]:.0f} and "
        f"{control[1]:.0f} % on {source.arms.control} (observed {100 * r0 / n0:.1f} %), and between "
        f"{active[0]:.0f} and {active[1]:.0f} % on {source.arms.active} (observed {100 * r1 / n1:.1f} %); of the "
        f"risk difference between {difference[0]:+.0f} and {difference[1]:+.0f} points (observed "
        f"{points(r1 / n1 - r0 / n0)})."
    )


def prior_posterior_words(posterior: Posterior) -> str:
    """Of the main parameters before and after the data."""
    told = []
    for name in ("beta", "tau_u", "tau_v"):
        if name in posterior.data["prior"].data_vars and posterior.data["posterior"][name].ndim == 2:
            before = np.quantile(np.asarray(posterior.data["prior"][name].values, dtype=float), [0.025, 0.975])
            after = posterior.row(name)
            told.append(
                f"{name}, 95 % of the prior from {before[0]:.2f} to {before[1]:.2f}, 95 % credible interval after the "
                f"data {after.q2_5:.2f} to {after.q97_5:.2f}"
            )
    return f"Parameters of {posterior.spec.called} before and after the data: {'; '.join(told)}."
