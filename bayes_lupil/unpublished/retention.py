"""Who was left out of the published subset: the chances to stay in it, and how many left for other reasons than site.

The published subset leaves out the excluded sites and others, for reasons by patient that were not published. The model
of margins has a chance to stay for each arm and response. Where these chances differ, the subset is no random part of
the trial's other sites, and a comparison in it is not the trial without the excluded sites.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from bayes_lupil.arguments import checked
from bayes_lupil.cards import Brief
from bayes_lupil.likelihoods import ARMS
from bayes_lupil.likelihoods.margins import RESPONSES
from bayes_lupil.likelihoods.retention import retained
from bayes_lupil.posterior import Posterior
from bayes_lupil.posterior.diagnostics import effective_draws, mcse_proportion
from bayes_lupil.posterior.own_trial import own_trial
from bayes_lupil.unpublished.conditional import HiddenDraws, hidden_classes, margins_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Kept", "WhoStayed", "kept_frame", "who_stayed"]


@dataclass(frozen=True)
class Kept(Brief):
    """Patients of one arm with one response, at the trial's sites and in its published subset.

    Attributes
    ----------
    arm, response : int
        0 control, 1 active; 0 non-responders, 1 responders.
    label : str
        With the arm's own name.
    patients, inside : int
        Randomised, and in the subset.
    chance, chance_mcse, chance_lower, chance_upper : float
        To stay in the subset, of such a patient at an ordinary site: posterior mean and 95 % credible interval.
    other_reasons, other_reasons_mcse : float
        Posterior mean of the number left out for another reason than their site.
    """

    arm: int
    response: int
    label: str
    patients: int
    inside: int
    chance: float
    chance_mcse: float
    chance_lower: float
    chance_upper: float
    other_reasons: float
    other_reasons_mcse: float

    @property
    def outside(self) -> int:
        """Left out, for whatever reason."""
        return self.patients - self.inside


@dataclass(frozen=True)
class WhoStayed(Brief):
    """Who was left out of the published subset.

    Attributes
    ----------
    groups : tuple of Kept
        Control before active, non-responders before responders.
    p_unlike, p_unlike_mcse : dict of int to float
        By response: probability that such patients of the active arm were less likely to stay than those of control.
    """

    groups: tuple[Kept, ...]
    p_unlike: dict[int, float]
    p_unlike_mcse: dict[int, float]

    def group(self, arm: int, response: int) -> Kept:
        """The patients of one arm with one response."""
        return next(item for item in self.groups if (item.arm, item.response) == (arm, response))


@own_trial
@checked
def who_stayed(posterior: Posterior) -> WhoStayed:
    """The chances to stay in the published subset that a margins model fits, given what the publication implies.

    Parameters
    ----------
    posterior : Posterior
        Of a model with sites and a trial known by its margins.

    Raises
    ------
    UnsupportedModelError
        Where the trial is not known by its margins, or the model has no sites.
    InputError
        Where its diagnostics failed.

    Examples
    --------
    >>> import bayes_lupil as bl
    >>> from bayes_lupil.unpublished import who_stayed
    >>> found = who_stayed(bl.fit(bl.model("lupil2/site_effects", points=4096, draws=500), "lupil2"))
    >>> found.group(arm=1, response=0).chance < found.group(arm=0, response=0).chance
    True
    """
    arms = posterior.provenance.arms.names
    margins = margins_of(posterior, "no chances to stay in a published subset")
    draws = HiddenDraws(posterior, margins, hidden_classes(margins, arms), {})
    hidden = {(c.arm, c.response): c for c in draws.counts}
    chances = posterior.draws("retention")
    assert posterior.spec.priors.retention is not None  # it has draws
    groups = []
    for item in retained(margins, posterior.spec.priors.retention):
        count = hidden.get((item.arm, item.response))
        there, error = 0.0, 0.0
        if count is not None:
            there, error = draws.expect((count.name,), np.array(count.values, dtype=float))
        chance = chances[..., item.arm, item.response]
        row = posterior.row(f"retention[{ARMS[item.arm]}, {RESPONSES[item.response]}]")
        groups.append(
            Kept(
                item.arm, item.response, f"{arms[item.arm]} {RESPONSES[item.response]}s",
                item.inside + item.outside + int(item.excluded), item.inside, float(chance.mean()), row.mcse_mean,
                row.q2_5, row.q97_5, item.outside - there, error,
            )
        )  # fmt: skip
    p, errors = {}, {}
    for response in (0, 1):
        less = chances[..., 1, response] < chances[..., 0, response]
        p[response] = float(less.mean())
        errors[response] = mcse_proportion(less, effective_draws(chances[..., 1, response]))
    return WhoStayed(tuple(groups), p, errors)


@checked
def kept_frame(found: WhoStayed) -> pd.DataFrame:
    """What `who_stayed` found as a table, one row a group of patients.

    Parameters
    ----------
    found : WhoStayed

    Examples
    --------
    >>> import bayes_lupil as bl
    >>> from bayes_lupil.unpublished import kept_frame, who_stayed
    >>> post = bl.fit(bl.model("lupil2/site_effects", points=4096, draws=500), "lupil2")
    >>> kept_frame(who_stayed(post))[["patients", "inside", "left_out"]].sum().tolist()
    [100, 53, 47]
    """
    import pandas as pd

    return pd.DataFrame([asdict(item) | {"left_out": item.outside} for item in found.groups]).set_index("label")
