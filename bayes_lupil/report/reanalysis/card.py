"""One fit at a glance, as it is shown where nothing else is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayes_lupil.cards import Card, picture_of_draws
from bayes_lupil.numbers import interval, points, probability
from bayes_lupil.trials.end_point import SYNTHETIC

if TYPE_CHECKING:
    from bayes_lupil.posterior import Posterior

__all__ = ["card_of_fit", "effect_words"]


def effect_words(posterior: Posterior) -> str:
    """Median and 95 % credible interval of the effect, with its unit."""
    row, point = posterior.row(posterior.effect), posterior.provenance.end_point
    values = (row.q50, row.q2_5, row.q97_5)
    binary = point.kind == "binary"
    middle, *ends = (points(value) if binary else f"{value:.3g}" for value in values)
    unit = "percentage points" if binary else point.unit
    return f"median {middle} {unit} (95 % credible interval {interval(*ends)})"


def card_of_fit(posterior: Posterior) -> Card:
    """See `Posterior.card`."""
    source, name = posterior.provenance, posterior.effect
    against = f"{source.arms.active} minus {source.arms.control}"
    rows = [("warning", text) for text in source.cautions]
    rows.append(("end point", f"{source.end_point.label}: {source.end_point.benefit} is better"))
    rows.append(("prior of beta", f"{posterior.spec.priors.beta.describe()}, {posterior.spec.effect_scale}"))
    if posterior.verdict.ok:
        rows.append(("effect", f"{effect_words(posterior)}: {name.replace('_', ' ')}, {against}"))
        rows += [(f"P({item.statement})", probability(item.probability, item.mcse)) for item in posterior.ladder[:3]]
    rows += [("diagnostics", posterior.verdict.text), ("engine", source.sampler)]
    rows += [("note", note) for note in source.notes if note not in source.cautions]
    words = f"Posterior draws of the {name.replace('_', ' ')}, {against}, with a line at 0"
    picture = picture_of_draws(posterior.draws(name), source.end_point.sign, words) if posterior.verdict.ok else ""
    calls = ("post.benefit()", "post.summary()", "post.plot()", "post.data (ArviZ)", "post.save('post.nc')")
    heading = f"Posterior of model '{posterior.spec.called}' for {source.title} ({source.population_label})"
    return Card(heading, tuple(rows), SYNTHETIC if source.synthetic else "", calls, picture)
