"""What the posterior would be without a site, under another prior, or with prior or likelihood weighed differently.

Draws are reweighted, with Pareto-smoothed weights, where they can stand for every quantity that is reported; otherwise
the model is fitted again (`reweighting` has the rules). The site effects are integrated out, so a weight depends on the
few parameters that sites share, and leaving out a site is a small change (Merkle, Furr and Rabe-Hesketh 2019,
Psychometrika 84:802-829, on marginal against conditional likelihoods).

Vehtari et al. 2024, JMLR 25:72 (Pareto smoothing); Kallioinen et al. 2024, Stat Comput 34:57 (power scaling).
"""

from bayes_lupil.posterior.estimates import Estimate
from bayes_lupil.sensitivity.deletion import Deletion, deletions, leave_one_site_out
from bayes_lupil.sensitivity.effect_priors import analyse_priors
from bayes_lupil.sensitivity.loo import SiteLoo, log_evidence, loo_sites
from bayes_lupil.sensitivity.priors import change_prior, power_scale
from bayes_lupil.sensitivity.reweighting import Changed, as_table

__all__ = [
    "Changed",
    "Deletion",
    "Estimate",
    "SiteLoo",
    "analyse_priors",
    "as_table",
    "change_prior",
    "deletions",
    "leave_one_site_out",
    "log_evidence",
    "loo_sites",
    "power_scale",
]
