"""Likelihood of published margins: classes of patients with known counts and unknown sites.

Each patient of arm a has an unknown site s with probability pi_s. At an ordinary site the patient is in the published
subset with probability rho_ar (r the response); at an excluded site never. Summed over the sites that a class allows,

    log L = sum_c m_c log sum_{s in A_c} pi_s w_cs p_sa^r (1 - p_sa)^(1-r)

with w = rho in the subset, 1 - rho outside it at ordinary sites, 1 at excluded ones. Within an arm these, and the
class that is known to be empty ('no placebo non-responder at an excluded site'), are the cells of a multinomial.
No discrete variable is left, so NUTS samples it directly. Where the number of a class's patients at the excluded sites
is known, it makes two classes: A_c is the excluded sites for the one, the ordinary sites for the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.integrals.log_sums import log_sum_exp
from bayes_lupil.likelihoods.base import ARMS, Likelihood, Pointwise, numbered
from bayes_lupil.likelihoods.retention import Retained, retained
from bayes_lupil.likelihoods.site_effects import Parameter, SiteModel
from bayes_lupil.spec import ModelSpec
from bayes_lupil.trials.margins import Margins

__all__ = ["MarginsLikelihood"]

Floats = NDArray[np.float64]
Values = Mapping[str, Any]
RESPONSES = ("non-responder", "responder")


@dataclass(frozen=True, eq=False)
class _Shares:
    """Dirichlet distribution whose weights differ by site."""

    weights: Floats

    def logpdf(self, x: Floats) -> Floats:
        from scipy.special import gammaln, xlogy

        constant = gammaln(self.weights.sum()) - gammaln(self.weights).sum()
        return np.asarray(constant + xlogy(self.weights - 1, x).sum(axis=-1))

    def sample(self, rng: np.random.Generator, size: tuple[int, ...]) -> Floats:
        return rng.dirichlet(self.weights, size=size[:-1])

    def pymc(self, name: str, dims: tuple[str, ...]) -> Any:
        import pymc as pm

        return pm.Dirichlet(name, a=self.weights, dims=dims)


class MarginsLikelihood(Likelihood):
    """A model file met with published margins.

    Parameters
    ----------
    excluded_power : float
        Power of the likelihood of patients known to be at the excluded sites: 1 keeps them, 0 leaves them out.
    """

    why_no_marginal = "Sites of unknown patients are not independent given the other parameters."

    def __init__(self, spec: ModelSpec, margins: Margins, excluded_power: float = 1.0) -> None:
        self.spec = spec
        self.margins = margins
        self.site_names = margins.sites
        self.country_names, country = numbered(margins.countries or ()) if spec.countries is not None else ((), ())
        self.sites = SiteModel(spec, margins.n_sites, len(margins.excluded_sites), country)
        self.counts = np.array([item.count for item in margins.classes], dtype=np.int64)
        self.excluded_power = excluded_power
        self.powers = np.array([excluded_power if item.must_be_excluded else 1.0 for item in margins.classes])

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Site parameters, the sites' shares of patients (pi) and the chance of being in the subset (rho)."""
        priors = self.spec.priors
        assert priors.site_shares is not None  # checked where the likelihood is chosen
        assert priors.retention is not None
        return (
            *super().parameters,
            Parameter("site_share", self.shares, ("site",)),
            Parameter("retention", priors.retention, ("arm", "response")),
        )

    @property
    def shares(self) -> Any:
        """Prior of the sites' shares: a Dirichlet distribution, in which excluded sites may weigh otherwise."""
        ordinary, excluded = self.spec.priors.site_shares, self.spec.priors.excluded_shares
        assert ordinary is not None  # checked where the likelihood is chosen
        if excluded is None:
            return ordinary
        weights = np.full(self.margins.n_sites, ordinary.concentration)
        weights[self.margins.excluded_mask] = excluded.concentration
        return _Shares(weights)

    @property
    def coords(self) -> dict[str, Any]:
        """Sites, arms, responses and the classes of patients."""
        return {**super().coords, "response": list(RESPONSES), "class": [item.label for item in self.margins.classes]}

    def _observe(self, values: Values) -> None:
        import pymc as pm
        import pytensor.tensor as pt

        counts = pm.Data("counts", self.graph_data()["counts"], dims="class")
        pm.Potential("log_likelihood", pt.sum(counts * self._log_chances(values)))

    def _observe_drawn(self, values: Values) -> None:
        import pymc as pm

        def draw(log_chance: Any, rng: np.random.Generator, size: Any = None) -> Any:  # noqa: ARG001
            return self._drawn(np.exp(log_chance), rng)

        pm.CustomDist(
            "count",
            self._log_chances(values),
            logp=lambda counts, log_chance: (counts * log_chance).sum(axis=-1),
            random=draw,
            signature="(c)->(c)",
            dtype="int64",
            dims="class",
            observed=pm.Data("counts", self.counts, dims="class"),
        )

    def _log_chances(self, values: Values) -> Any:
        """Log probability of each class as a graph, shape (classes,)."""
        import pytensor.tensor as pt

        eta = self.sites.linear_predictor(values)
        log_share, rho = pt.log(values["site_share"]), values["retention"]
        log_p = {1: -pt.softplus(-eta), 0: -pt.softplus(eta)}  # log expit(eta) and log expit(-eta) = log(1 - p)
        first = len(self.margins.excluded_sites)  # the excluded sites come first
        chances = []
        for item in self.margins.classes:
            by_site = log_share + log_p[item.response][:, item.arm]
            keep = rho[item.arm, item.response]
            if item.must_be_excluded:
                chances.append(pt.logsumexp(by_site[:first]))
                continue
            ordinary = by_site[first:] + pt.log(keep if item.in_subset else 1 - keep)
            parts = pt.concatenate([by_site[:first], ordinary]) if item.may_be_excluded else ordinary
            chances.append(pt.logsumexp(parts))
        return pt.stack(chances)

    def graph_data(self) -> dict[str, NDArray[np.number[Any]]]:
        """Patients by class, those at the excluded sites by their power; whole numbers where it is 1."""
        return {"counts": self.counts if (self.powers == 1).all() else self.counts * self.powers}

    def graph_key(self) -> str:
        """As of any likelihood; and which sites each class may come from."""
        classes = [
            (item.arm, item.response, item.in_subset, item.may_be_excluded, item.must_be_excluded)
            for item in self.margins.classes
        ]
        return repr((super().graph_key(), classes, self.margins.excluded_sites))

    def class_log_probability(self, values: Values) -> Floats:
        """Log probability that a patient of the arm falls into each class, shape (..., classes)."""
        return self.class_log_probability_at(self.sites.linear_predictor(values), values)

    def class_log_probability_at(self, log_odds: Floats, values: Values) -> Floats:
        """The same from log odds by site and arm, where a posterior keeps these and not the parameters behind them.

        Parameters
        ----------
        log_odds : array, shape (..., sites, 2)
        values : dict of str to array
            'site_share', shape (..., sites), and 'retention', shape (..., 2, 2).
        """
        from scipy.special import log_expit

        with np.errstate(divide="ignore"):  # a share that underflows to 0 is a log of -inf, and harmless in the sum
            log_share = np.log(values["site_share"])
            log_in, log_out = np.log(values["retention"]), np.log1p(-np.asarray(values["retention"]))
        first = self.sites.n_excluded  # the excluded sites come first
        there, elsewhere = {}, {}  # by arm and response, log of the sum of pi_s p_sa^r (1 - p_sa)^(1-r) over the sites
        for response, eta in ((0, -log_odds), (1, log_odds)):
            by_site = log_share[..., None] + log_expit(eta)
            for arm in (0, 1):
                there[arm, response] = log_sum_exp(by_site[..., :first, arm]) if first else -np.inf
                elsewhere[arm, response] = log_sum_exp(by_site[..., first:, arm])
        chances = []
        for item in self.margins.classes:
            kind = item.arm, item.response
            kept = elsewhere[kind] + (log_in if item.in_subset else log_out)[..., item.arm, item.response]
            if item.must_be_excluded:
                chances.append(there[kind])
            else:
                chances.append(np.logaddexp(there[kind], kept) if item.may_be_excluded else kept)
        return np.stack(np.broadcast_arrays(*chances), axis=-1)

    @cached_property
    def retained(self) -> tuple[Retained, ...]:
        """Patients by arm and response, of whom the chances to stay in the subset can be integrated out."""
        prior = self.spec.priors.retention
        assert prior is not None  # checked where the likelihood is chosen
        return retained(self.margins, prior, self.excluded_power)

    def log_integrated(self, share: Floats, log_odds: Floats) -> Floats:
        """Log likelihood with the chances to stay in the subset integrated out.

        Parameters
        ----------
        share, log_odds : array, shape (..., sites) and (..., sites, 2)

        Returns
        -------
        array, shape (...)
        """
        return np.asarray(sum(kind.log_likelihood(*self._chances(kind, share, log_odds)) for kind in self.retained))

    def log_of_chances(self, chances: Floats) -> Floats:
        """The same from what `integrals.kernel_responses.average_responses` fills, shape (draws,)."""
        by_kind = (
            kind.log_likelihood(*np.moveaxis(chances[:, kind.arm, kind.response], -1, 0)) for kind in self.retained
        )
        return np.asarray(sum(by_kind))

    def draw_retention(self, values: Values, rng: np.random.Generator) -> Floats:
        """Chances to stay in the subset given all else, shape (..., arms, responses)."""
        share, log_odds = values["site_share"], self.sites.linear_predictor(values)
        found = np.empty((*share.shape[:-1], 2, 2))
        for kind in self.retained:
            found[..., kind.arm, kind.response] = kind.draw(*self._chances(kind, share, log_odds), rng)
        return found

    def _chances(self, kind: Retained, share: Floats, log_odds: Floats) -> tuple[Floats, Floats]:
        """Chance that a patient of the arm responds so at an ordinary, and at an excluded site, shape (...)."""
        from scipy.special import expit

        eta, first = log_odds[..., kind.arm], self.sites.n_excluded  # the excluded sites come first
        chance = share * expit(eta if kind.response else -eta)  # 1 - p as expit(-eta), for its digits
        return chance[..., first:].sum(axis=-1), chance[..., :first].sum(axis=-1)

    def log_likelihood(self, values: Values) -> Floats:
        """Sum over patients, shape (...)."""
        # a class without patients adds nothing, even where its probability is 0
        used = self.graph_data()["counts"] > 0
        total: Floats = (self.class_log_probability(values)[..., used] * self.graph_data()["counts"][used]).sum(axis=-1)
        return total

    def pointwise(self, values: Values) -> Pointwise:
        """Log likelihood of each patient: leaving out one patient, not one class, is what makes sense here."""
        by_class = self.class_log_probability(values)
        return Pointwise("patient_response", np.repeat(by_class, self.counts, axis=-1), ("patient",))

    def observed(self) -> Pointwise:
        """Patients by class."""
        return Pointwise("count", self.counts, ("class",))

    def simulate(self, values: Values, rng: np.random.Generator) -> Pointwise:
        """Patients by class drawn given the parameters, arm sizes held fixed, shape (..., classes).

        In an arm with an impossible class ('no non-responder at the excluded sites') the draw is conditional on that
        class being empty, as it was in the trial.
        """
        return Pointwise("count", self._drawn(np.exp(self.class_log_probability(values)), rng), ("class",))

    def _drawn(self, chance: Floats, rng: np.random.Generator) -> NDArray[np.int64]:
        drawn = np.zeros(chance.shape, dtype=np.int64)
        for arm, _ in enumerate(ARMS):
            mine = [i for i, item in enumerate(self.margins.classes) if item.arm == arm]
            p = chance[..., mine]
            drawn[..., mine] = rng.multinomial(self.margins.totals[arm][1], p / p.sum(axis=-1, keepdims=True))
        return drawn

    def site_weights(self, values: Values) -> Floats:
        """The sites' unknown shares, a parameter, shape (..., sites)."""
        return np.asarray(values["site_share"])
