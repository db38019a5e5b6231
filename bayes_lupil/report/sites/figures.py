"""Figures of the table of sites: raw and shrunken effects, and how outlying each site is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.errors import UnsupportedModelError
from bayes_lupil.likelihoods import ARMS
from bayes_lupil.numbers import points, points_interval, probability
from bayes_lupil.posterior import Posterior
from bayes_lupil.priors.families import Beta
from bayes_lupil.report.media.plot_rows import (
    LINE,
    better,
    chosen_rows,
    counts,
    frame,
    label_rows,
    legend_below,
    same_fit,
    site_names,
    title,
    upward,
)
from bayes_lupil.report.media.plot_style import COLOURS, clip, new_figure, styled, wrap
from bayes_lupil.report.sites.sentences import listed
from bayes_lupil.sensitivity import Estimate
from bayes_lupil.sites.analysis import OUTLYING, SiteAnalysis
from bayes_lupil.sites.table import SiteRow, SiteTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["figure_caterpillar", "figure_outliers", "outliers_words"]

_UP, _DOWN = 0.2, 0.14  # of a row: where the raw and the shrunken effect stand
_ARM_MARKS = {"control": (COLOURS[1], "s"), "active": (COLOURS[0], "o")}
_SITE_MARK = (COLOURS[6], "D")


@styled
def figure_caterpillar(table: SiteTable, posterior: Posterior, most: int = 30, width: float = 7.5) -> Figure:
    """Risk difference of each site, from raw to shrunken, in the order of the shrunken ones.

    Parameters
    ----------
    table : SiteTable
    posterior : Posterior
        That the table is of, for the overall effect and the direction of benefit.
    most : int
        Sites shown; of more, the most outlying (a third of the rows, where the model has outliers) and the largest.
    width : float
        In inches; 4 and more.

    Notes
    -----
    The area of the open markers is proportional to the site's patients. A site without patients in one arm has no raw
    difference, and no open marker. Sites with a probability of being outlying above 0.5 have a marker of their own and
    the probability beside it. What a site is shrunk towards, an upright line in its row, differs between sites with the
    same effect on the log odds: on this scale it depends on their level of response.

    Raises
    ------
    InputError
        Where the posterior is not that of the table.
    """
    same_fit((table.trial, table.model, table.population), posterior)
    scores, what = _scores(table)
    shown, left_out = chosen_rows([sum(row.n) for row in table.rows], most, scores, what)
    sign, source = posterior.provenance.end_point.sign, posterior.provenance
    # the best at the top; ties in the order of the trial
    order = sorted(shown, key=lambda s: sign * table.rows[s].risk_difference.mean)
    figure, axes, _ = new_figure(width, width, table.synthetic)
    whole = posterior.row("risk_difference")
    axes.axvspan(100 * whole.q2_5, 100 * whole.q97_5, color="#DDDDDD", lw=0, zorder=0)
    axes.axvline(100 * whole.mean, color="#555555", lw=1.4, ls=(0, (5, 1.5)), zorder=1, gid="overall")
    axes.axvline(0, color="black", lw=0.8, zorder=1)
    axes.annotate(
        f"all sites {points(whole.mean)}\n({points_interval(whole.q2_5, whole.q97_5)})", (100 * whole.mean, 1),
        (0, 3), xycoords=("data", "axes fraction"), textcoords="offset points", ha="center", va="bottom", fontsize=8.5,
    )  # fmt: skip
    largest, targets = max(sum(table.rows[s].n) for s in order), _targets(posterior)
    for y, s in enumerate(order):
        _effect(axes, y, table.rows[s], posterior, largest)
        axes.plot([100 * targets[s]], [y - _DOWN], "|", color="black", ms=9, mew=1.3, zorder=6, gid="target")
    label_rows(axes, _labels(table, order, width))
    arms = f"{clip(source.arms.active, 22)} minus {clip(source.arms.control, 22)}"
    label = wrap(f"Risk difference (percentage points),\n{arms}", int(9 * width))
    axes.set_xlabel(f"{label}\n{better(sign)}", fontsize=9)
    below = legend_below(axes, _caterpillar_legend(table, order, posterior))
    error = max(row.risk_difference.mcse for row in table.rows)
    frame(
        figure,
        f"{title(posterior)}: each site's effect, raw and shrunken by '{clip(table.model)}'",
        f"{left_out}Under each name: {source.end_point.words.patients}/patients, {clip(source.arms.active, 25)} v "
        f"{clip(source.arms.control, 25)}. From best to worst shrunken effect. Upright lines: what the log odds ratio "
        f"of an average site makes at the site's own level of response; sites that are not outlying are shrunk towards "
        f"it. Grey: posterior mean and 95 % credible interval over all sites, outlying ones too. Monte Carlo standard "
        f"error of the shrunken effects: at most {upward(100 * error)} points.",
        table.synthetic, LINE * len(order) + 0.4 + below,
    )  # fmt: skip
    return figure


def _targets(posterior: Posterior) -> NDArray[np.float64]:
    """Of each site the posterior mean of the risk difference that it had with the effect of an average site."""
    from scipy.special import expit, logit

    level = logit(np.clip(posterior.draws("p"), 1e-12, 1 - 1e-12)).mean(axis=-1)
    half = posterior.draws("conditional_log_odds_ratio")[..., None] / 2
    found: NDArray[np.float64] = (expit(level + half) - expit(level - half)).mean(axis=(0, 1))
    return found


def _labels(table: SiteTable, order: Sequence[int] | NDArray[np.int64], width: float) -> list[str]:
    names = site_names([row.site for row in table.rows], width)
    return [f"{names[s]}\n{counts(table.rows[s].responders, table.rows[s].n)}" for s in order]


def _effect(axes: Axes, y: int, row: SiteRow, posterior: Posterior, largest: int) -> None:
    """One site: the raw effect above, the shrunken one with its interval below, and an arrow between."""
    raw, shrunken = 100 * row.raw.risk_difference, row.risk_difference
    outlying = _outlying(row, posterior)
    colour, marker, size = (COLOURS[1], "D", 7.0) if outlying else (COLOURS[0], "o", 5.0)
    if not np.isnan(raw):
        axes.annotate(
            "", (100 * shrunken.mean, y - _DOWN), (raw, y + _UP), zorder=2,
            arrowprops={"arrowstyle": "-|>,head_width=0.12,head_length=0.25", "color": "#888888", "lw": 0.8,
                        "shrinkA": 0, "shrinkB": size / 2},
        )  # fmt: skip
        axes.plot(
            [raw], [y + _UP], "o", mfc="white", mec="black", mew=0.9, ms=_size(sum(row.n), largest), zorder=4,
            clip_on=False, gid="raw",
        )  # fmt: skip
    ends = [100 * shrunken.q2_5, 100 * shrunken.q97_5]
    axes.plot(ends, [y - _DOWN] * 2, color=colour, lw=2.2, solid_capstyle="butt", zorder=3, gid="interval")
    axes.plot([100 * shrunken.mean], [y - _DOWN], marker, color=colour, mec="white", mew=0.6, ms=size, zorder=5,
              gid="outlying" if outlying else "shrunken")  # fmt: skip
    if outlying:
        text = "\n".join(
            f"{where}: P {probability(item.mean, item.mcse, least=1e-4)}".replace(" (", "\n(")
            for where, item in outlying
        )
        axes.annotate(
            text, (1, y), (6, 0), xycoords=("axes fraction", "data"), textcoords="offset points", ha="left",
            va="center", fontsize=8, color=COLOURS[1], fontweight="bold", gid="P(outlier)", linespacing=1.0,
        )  # fmt: skip


def _size(patients: int, largest: int) -> float:
    """Diameter in points, the area proportional to the patients down to what can still be seen."""
    return max(12 * math.sqrt(patients / largest), 2.5)


def _caterpillar_legend(table: SiteTable, order: list[np.int64], posterior: Posterior) -> list[Any]:
    from matplotlib.lines import Line2D

    rows = [table.rows[s] for s in order]
    sizes = sorted({sum(row.n) for row in rows})
    found = [
        Line2D([], [], marker="o", ls="", mfc="white", mec="black", ms=_size(n, sizes[-1]),
               label=f"raw, {n} patient{'' if n == 1 else 's'}")
        for n in dict.fromkeys((sizes[0], sizes[-1]))
    ]  # fmt: skip
    found.append(Line2D([], [], marker="o", color=COLOURS[0], lw=2.2, ms=5, label="shrunken, 95 % interval"))
    found.append(Line2D([], [], marker="|", ls="", color="black", ms=9, mew=1.3, label="as at an average site"))
    if any(_outlying(row, posterior) for row in rows):
        found.append(
            Line2D([], [], marker="D", color=COLOURS[1], lw=2.2, ms=7, label=f"{_kind(table)}: P > {OUTLYING:g}")
        )
    return found


def _kind(table: SiteTable) -> str:
    return "not exchangeable" if table.rows[0].nonexchangeable is not None else "outlying"


def _outlying(row: SiteRow, posterior: Posterior) -> list[tuple[str, Estimate]]:
    """Where the site is outlying, in words, with the probability."""
    whole = "alone" if row.nonexchangeable is not None else "site"
    return [
        (f"{arm} arm" if arm else whole, item) for arm, *_, item in _marks(row, posterior) if item.mean > OUTLYING
    ]  # fmt: skip


def _scores(table: SiteTable) -> tuple[NDArray[np.float64] | None, str]:
    """The larger probability of each site, and its name; None where the model has no outliers."""
    if table.rows[0].nonexchangeable is not None:
        found = [row.nonexchangeable.mean for row in table.rows if row.nonexchangeable is not None]
        return np.array(found), "highest P(not exchangeable)"
    if table.rows[0].outlier is None:
        return None, ""
    return np.array([max(item.mean for item in row.outlier) for row in table.rows if row.outlier]), "highest P(outlier)"


@styled
def figure_outliers(table: SiteTable, posterior: Posterior, most: int = 30, width: float = 7.5) -> Figure:
    """Posterior probability that each site is outlying, by arm, or not exchangeable; the highest first.

    Parameters
    ----------
    table : SiteTable
    posterior : Posterior
        That the table is of, for the prior.
    most : int
        Sites shown: those with the highest probability.
    width : float
        In inches; 4 and more.

    Notes
    -----
    Markers are open where the arm has no patients: their probability is that of any site. Bars are 2 Monte Carlo
    standard errors either way.

    Raises
    ------
    UnsupportedModelError
        Where the model has no outliers.
    InputError
        Where the posterior is not that of the table.
    """
    same_fit((table.trial, table.model, table.population), posterior)
    scores, what = _scores(table)
    if scores is None:
        required = "one with distribution = 'contaminated' or 'exnex'"
        raise UnsupportedModelError(f"model '{table.model}'", "no outlying sites", required)
    order = np.argsort(-scores, kind="stable")[:most][::-1]
    figure, axes, _ = new_figure(width, width, table.synthetic)
    for y, s in enumerate(order):
        _chances(axes, y, table.rows[s], posterior)
    _references(axes, posterior)
    label_rows(axes, _labels(table, order, width))
    axes.set_xlim(-0.02, 1.02)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.5", "0.75", "1"])
    exnex = table.rows[0].nonexchangeable is not None
    axes.set_xlabel(f"Posterior probability\nof being {_kind(table)}", fontsize=9)
    arms = posterior.provenance.arms
    below = legend_below(axes, _outlier_legend(table, order, posterior, int(min(4 * width, 25))))
    left_out = f"Shown: the {len(order)} of {len(table.rows)} sites with the {what}. " if most < len(table.rows) else ""
    meaning = (
        "treatment effect that tells nothing of the others'" if exnex else "response beyond the sites' distribution"
    )
    worst = max(item.mcse for row in table.rows for *_, item in _marks(row, posterior))
    frame(
        figure,
        f"{title(posterior)}: which sites are {_kind(table)}, says '{clip(table.model)}'",
        f"{left_out}{_kind(table).capitalize()}: a {meaning}. A site near the dashed line is one of which its own "
        f"patients say little either way. Under each name: {posterior.provenance.end_point.words.patients}/patients, "
        f"{clip(arms.active, 25)} v "
        f"{clip(arms.control, 25)}. Bars: 2 Monte Carlo standard errors either way (at most {upward(worst)} each).",
        table.synthetic, LINE * len(order) + 0.22 + below,
    )  # fmt: skip
    return figure


def _marks(row: SiteRow, posterior: Posterior) -> list[tuple[str, str, str, bool, Estimate]]:
    """Of a site: arm ('' for the site as a whole), colour, marker, whether there are patients, probability."""
    if row.nonexchangeable is not None:
        return [("", *_SITE_MARK, all(n > 0 for n in row.n), row.nonexchangeable)]
    if row.outlier is None:
        return []
    kind = posterior.spec.sites.outliers
    if kind == "site":
        return [("", *_SITE_MARK, True, row.outlier[0])]
    return [
        (arm, *_ARM_MARKS[arm], row.n[a] > 0, row.outlier[a])
        for a, arm in enumerate(ARMS)
        if kind in ("arms", arm)
    ]  # fmt: skip


def _chances(axes: Axes, y: int, row: SiteRow, posterior: Posterior) -> None:
    marks = _marks(row, posterior)
    for i, (_, colour, marker, patients, item) in enumerate(marks):
        level = y + 0.16 * (len(marks) - 1) * (1 if i else -1)
        ends = np.clip([item.mean - 2 * item.mcse, item.mean + 2 * item.mcse], 0, 1)
        axes.plot(ends, [level] * 2, color=colour, lw=1.4, zorder=3, clip_on=False, gid="error")
        axes.plot([item.mean], [level], marker, mec=colour, mfc=colour if patients else "white", ms=6, zorder=4,
                  clip_on=False, gid="probability")  # fmt: skip


def _references(axes: Axes, posterior: Posterior) -> None:
    """The prior probability, and the line above which a site is called outlying."""
    prior = _prior(posterior)
    axes.axvline(prior, color="black", lw=1.2, ls=(0, (5, 1.5)), zorder=1, gid="prior")
    axes.axvline(OUTLYING, color="#777777", lw=0.9, ls=(0, (1, 2)), zorder=1)
    up: dict[str, Any] = {
        "xycoords": ("data", "axes fraction"), "textcoords": "offset points", "va": "bottom", "fontsize": 8.5
    }  # fmt: skip
    axes.annotate(f"prior {prior:.2g}", (prior, 1), (0, 3), ha="left" if prior < 0.75 else "right", **up)
    if prior < 0.2:  # where the words do not meet
        axes.annotate("as likely as not", (OUTLYING, 1), (0, 3), ha="left", **up)


def _prior(posterior: Posterior) -> float:
    """Before the data, a site's (or arm's) probability of being outlying."""
    fixed = posterior.spec.sites.outlier_share
    if fixed is not None:
        return fixed
    share = posterior.spec.priors.outlier_share
    assert isinstance(share, Beta)
    return share.a / (share.a + share.b)


def _outlier_legend(table: SiteTable, order: NDArray[np.int64], posterior: Posterior, width: int) -> list[Any]:
    from matplotlib.lines import Line2D

    found: dict[str, Any] = {}
    arms = dict(zip(ARMS, posterior.provenance.arms.names, strict=True))
    for s in order[::-1]:
        for arm, colour, marker, patients, _ in _marks(table.rows[s], posterior):
            whole = "the site's treatment effect" if table.rows[s].nonexchangeable else "the site, both arms alike"
            label = f"{arm} arm: {clip(arms[arm], width)}" if arm else whole
            found.setdefault(label, Line2D([], [], marker=marker, ls="", color=colour, ms=6, label=label))
            if not patients:
                nobody = "open: no patients there" if arm else "open: no patients in one arm"
                found.setdefault(
                    nobody, Line2D([], [], marker=marker, ls="", mfc="white", mec=colour, ms=6, label=nobody)
                )
    return list(found.values())


def outliers_words(result: SiteAnalysis) -> str:
    """Which sites are outlying more probably than not, and the largest probability among the others."""
    rows, arms = result.table.rows, result.table.arms
    chances: list[tuple[str, Estimate]] = []
    for row in rows:
        if row.outlier is not None:
            chances += [(f"{clip(row.site)}, {clip(arm)}", item) for arm, item in zip(arms, row.outlier, strict=True)]
        elif row.nonexchangeable is not None:
            chances.append((clip(row.site), row.nonexchangeable))
    if not chances:
        return "The model has no outlying sites."
    by_arm = rows[0].outlier is not None
    what = f"each of {len(rows)} sites is outlying{', by arm' if by_arm else ''}"
    found = sorted((pair for pair in chances if pair[1].mean > OUTLYING), key=lambda pair: -pair[1].mean)
    rest = [pair for pair in chances if pair[1].mean <= OUTLYING]
    said = [f"{name} {probability(item.mean, item.mcse)}" for name, item in found]
    first = (
        f"Probability that {what}: above {OUTLYING:g} for {listed(said)}"
        if said
        else f"Probability that {what}: above {OUTLYING:g} for none"
    )
    if not rest:
        return f"{first}."
    name, item = max(rest, key=lambda pair: pair[1].mean)
    others = "the largest of the others" if said else "the largest"
    return f"{first}; {others} is {name} {probability(item.mean, item.mcse)}."
