"""What a report is made from, whichever of its parts were run."""

from __future__ import annotations

from dataclasses import dataclass

from bayes_lupil.posterior import Posterior
from bayes_lupil.reanalysis import Reanalysis, leading
from bayes_lupil.sensitivity.effect_priors import PriorAnalysis
from bayes_lupil.sites.analysis import SiteAnalysis
from bayes_lupil.trials.trial import Trial
from bayes_lupil.unpublished.analysis import UnpublishedAnalysis

__all__ = ["Contents"]


@dataclass(frozen=True)
class Contents:
    """Finished analyses of one trial; a part that was not run is None and has no section.

    Attributes
    ----------
    reanalysis : Reanalysis
        Every model fitted, beside the trial's own hierarchy.
    priors : PriorAnalysis or None
        The main analysis under other priors of the treatment effect.
    sites : SiteAnalysis, UnpublishedAnalysis or None
        The look at the sites: of a table of sites, or of what was never published of them.
    """

    reanalysis: Reanalysis
    priors: PriorAnalysis | None = None
    sites: SiteAnalysis | UnpublishedAnalysis | None = None

    @property
    def trial(self) -> Trial:
        """The trial that all of it is about."""
        return self.reanalysis.trial

    @property
    def sound(self) -> tuple[Posterior, ...]:
        """Posteriors whose diagnostics are sound, in the order of the models."""
        return self.reanalysis.sound

    @property
    def lead(self) -> Posterior | None:
        """The analysis that the report leads with: the primary one, where it is sound; else the first sound one."""
        return leading(self.sound)
