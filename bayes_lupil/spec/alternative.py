"""What may be otherwise than a model declares, under which its answer is given too."""

from __future__ import annotations

from bayes_lupil.documents import Document
from bayes_lupil.spec.countries import Countries
from bayes_lupil.spec.tables import OtherPriors, Text

__all__ = ["Alternative"]


class Alternative(Document):
    """Other priors under which the answer is given beside the model's own.

    Attributes
    ----------
    name : str
        What would be so, in words.
    priors : OtherPriors
        Those that are others, as under [priors].
    countries : Countries, optional
        Above the sites, where the model has none.
    """

    name: Text
    priors: OtherPriors
    countries: Countries | None = None
