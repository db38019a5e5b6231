"""What `Posterior.plot` and `Posterior.to_word` call: figures and a table of one fit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayes_lupil.arguments import checked
from bayes_lupil.errors import InputError
from bayes_lupil.files import made_folder
from bayes_lupil.numbers import probability
from bayes_lupil.posterior import Posterior
from bayes_lupil.report.blocks import Table
from bayes_lupil.report.figures import (
    figure_benefit_curve,
    figure_prior_posterior,
    figure_risk_difference,
    figure_shrinkage,
)
from bayes_lupil.report.word import write_word
from bayes_lupil.trials.trial import SYNTHETIC

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Plots", "result_table", "write_result"]


@dataclass(frozen=True, repr=False)
class Plots:
    """Figures of one fit: `post.plot()`, `post.plot.sites()`, `post.plot.benefit()`, `post.plot.prior()`.

    Each is one of `bayes_lupil.figures` under a shorter name; `width` is in inches, 4 is a phone, and left out each has
    its own.

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
    def __call__(self, *, width: float | None = None) -> Figure:
        """The posterior of the effect: over the regions of harm and benefit; of a continuous end point with its prior.

        Raises
        ------
        InputError
            Where the diagnostics failed: there is no posterior to show then.
        """
        if self._binary:
            return figure_risk_difference([self.posterior], **_given(width))
        return self.prior(width=width)

    @checked
    def sites(self, *, width: float | None = None) -> Figure:
        """Raw and shrunken response rates by site and arm.

        Raises
        ------
        InputError
            Where the fit has no table of sites.
        """
        return figure_shrinkage(self.posterior, **_given(width))

    @checked
    def benefit(self, *, width: float | None = None) -> Figure:
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
        return figure_benefit_curve([self.posterior], **_given(width))

    @checked
    def prior(self, *, width: float | None = None) -> Figure:
        """Prior and posterior of the treatment effect and of the differences between sites.

        Raises
        ------
        InputError
            Where the diagnostics failed, or the sites share no treatment effect.
        """
        return figure_prior_posterior(self.posterior, **_given(width))

    @property
    def _binary(self) -> bool:
        return self.posterior.provenance.end_point.kind == "binary"


def _given(width: float | None) -> dict[str, Any]:
    return {} if width is None else {"width": width}


def result_table(posterior: Posterior) -> Table:
    """One fit for a manuscript: counts, effect with its interval, probabilities with their errors, prior and verdict.

    No estimate and no probability where the diagnostics failed.
    """
    source, spec, name = posterior.provenance, posterior.spec, posterior.effect
    arms = source.arms.active, source.arms.control
    rows = [("population", source.population_label)]
    if source.totals is not None:
        control, active = source.totals
        counts = zip(arms, (active, control), strict=True)
        rows += [
            (f"{source.end_point.words.patients}, {arm}", f"{found} of {patients}") for arm, (found, patients) in counts
        ]
    if posterior.verdict.ok:
        rows.append((f"{name.replace('_', ' ')}, {arms[0]} minus {arms[1]}", posterior.effect_words))
        rows += [(f"P({item.statement})", probability(item.probability, item.mcse)) for item in posterior.ladder]
    used = posterior.data["posterior"].data_vars
    rows += [(f"prior of {key}", prior.describe()) for key, prior in spec.priors.items() if key in used]
    rows.append(("diagnostics", posterior.verdict.text))
    better = f"{source.end_point.label}; {source.end_point.benefit} is better"
    return Table.of(("quantity", "result"), rows, f"{spec.title} (model '{spec.name}'). End point: {better}")


def write_result(posterior: Posterior, path: Path) -> Path:
    """Write `result_table` as a Word document, whole or not at all.

    Raises
    ------
    OutputError
        Where the file cannot be written.
    InputError
        Where the name does not end in .docx.
    """
    if path.suffix.lower() != ".docx":
        raise InputError("to_word()", f"the path '{path}'", "a name that ends in .docx")
    source = posterior.provenance
    notes = [SYNTHETIC] if source.synthetic else []
    notes += [*source.notes, "MCSE: Monte Carlo standard error; probabilities and differences are rounded to it."]
    notes.append(f"Seed {source.seed}; {source.sampler}; data {source.data_hash[:12]}, model {source.model_hash[:12]}.")
    title = f"{SYNTHETIC}. {source.title}" if source.synthetic else source.title
    with made_folder(path.parent):
        write_word(result_table(posterior), path, title, notes)
    return path
