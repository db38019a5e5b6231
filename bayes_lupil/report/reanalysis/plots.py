"""What `Posterior.plot` calls: the figures of one fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bayes_lupil.arguments import checked
from bayes_lupil.errors import InputError
from bayes_lupil.posterior import Posterior
from bayes_lupil.report.reanalysis.figures.effects import figure_benefit_curve, figure_risk_difference
from bayes_lupil.report.reanalysis.figures.priors import figure_prior_posterior
from bayes_lupil.report.reanalysis.figures.site_rates import figure_shrinkage

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Plots"]


@dataclass(frozen=True, repr=False)
class Plots:
    """Figures of one fit: `post.plot()`, `post.plot.sites()`, `post.plot.benefit()`, `post.plot.prior()`.

    Each is one of `bayes_lupil.figures` under a shorter name; `width` is in inches, 4 is a phone, and left out each has
    its own. They take `height`, `labels`, `colours` and `axes` too, and what they return has `save(path, width, dpi)`.

    Examples
    --------
    >>> from bayes_lupil import fit
    >>> post = fit("site_effects", "beitler_landis")
    >>> post.plot
    Figures of one fit: plot(), plot.sites(), plot.benefit(), plot.prior()
    >>> figure = post.plot.sites(width=5)
    >>> float(figure.get_figwidth())
    5.0
    """

    posterior: Posterior

    def __repr__(self) -> str:
        return "Figures of one fit: plot(), plot.sites(), plot.benefit(), plot.prior()"

    @checked
    def __call__(self, *, width: float | None = None, **options: Any) -> Figure:
        """The posterior of the effect: over the regions of harm and benefit; of a continuous end point with its prior.

        Raises
        ------
        InputError
            Where the diagnostics failed: there is no posterior to show then.
        """
        if self._binary:
            return figure_risk_difference([self.posterior], **_given(width, options))
        return self.prior(width=width, **options)

    @checked
    def sites(self, *, width: float | None = None, **options: Any) -> Figure:
        """Raw and shrunken response rates by site and arm.

        Raises
        ------
        InputError
            Where the fit has no table of sites.
        """
        return figure_shrinkage(self.posterior, **_given(width, options))

    @checked
    def benefit(self, *, width: float | None = None, **options: Any) -> Figure:
        """P(benefit greater than d) against d.

        Raises
        ------
        InputError
            Where the diagnostics failed, or the end point is continuous.
        """
        if not self._binary:
            raise InputError(
                "plot.benefit()", f"the continuous end point '{self.posterior.provenance.end_point.name}'",
                "a binary end point, whose benefit is a difference of risks", "See post.benefit() for the table.",
            )  # fmt: skip
        return figure_benefit_curve([self.posterior], **_given(width, options))

    @checked
    def prior(self, *, width: float | None = None, **options: Any) -> Figure:
        """Prior and posterior of the treatment effect and of the differences between sites.

        Raises
        ------
        InputError
            Where the diagnostics failed, or the sites share no treatment effect.
        """
        return figure_prior_posterior(self.posterior, **_given(width, options))

    @property
    def _binary(self) -> bool:
        return self.posterior.provenance.end_point.kind == "binary"


def _given(width: float | None, options: dict[str, Any]) -> dict[str, Any]:
    return options if width is None else {**options, "width": width}
