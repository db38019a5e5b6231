"""Trials whose truth is known, some of whose sites are contaminated in the control arm.

At an uncontaminated site s, with x = -1/2 for control and 1/2 for active,

    logit p_sa = alpha + u_s + (beta + v_s) x_a,   u_s ~ N(0, tau_u^2),   v_s ~ N(0, tau_v^2),

beta the log of the scenario's odds ratio, and alpha such that the control arm of an average site responds as the
scenario says. At a contaminated site every control patient responds, unless a scenario says what is added to the log
odds there; its active arm is like the others'.

Scenarios like LUPIL-2 have many small sites. Of its 25 sites (50 patients an arm) no number of patients was published,
so sizes are assumed: two large sites with 7 patients an arm, since at most 14 placebo patients can have come from the
two sites that the paper blames, and the other 72 patients spread over 23 sites with shares from a Dirichlet(1.2)
distribution, as the model files have it for trials without a site table. Sites without a patient are not in the trial.
42 % control response at uncontaminated sites is what LUPIL-2 shows (15/36) if all 14 came from there; contaminated
trials then have 58 % on average, as published. tau_u = 0.5 is near what a surgical trial of 30 centres found (0.54,
IHAST).

Sites may lie in countries, g of site s, whose levels differ: alpha + c_g in place of alpha, c_g ~ N(0, tau_c^2). The
contaminated sites are then those of the first country, in whose control arms the log odds are higher by a shift, as
where other patients were recruited, or other care was usual. Sizes and shift are assumed, and nobody's trial.

There are two truths to be judged by. The risk difference of all patients is what everyone's treatment does at the
sites as they are, the contaminated ones among them, where it takes away: with 2 contaminated sites and no effect
elsewhere it is well below 0. The log odds ratio at uncontaminated sites is beta.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.errors import InputError
from bayes_lupil.trials.cells import Cells

__all__ = ["SCENARIOS", "Scenario", "SimulatedTrial", "simulate_trial"]

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Scenario:
    """What trials are simulated from.

    Attributes
    ----------
    name, title : str
    control_risk : float
        Response probability in the control arm of an average uncontaminated site.
    odds_ratio : float
        Active against control, at an average uncontaminated site.
    tau_u, tau_v : float
        Between-site SDs of the log odds and of the log odds ratio at uncontaminated sites.
    contaminated : int
        How many of the large sites, the first of them, are contaminated in the control arm.
    large_sites, large_arm : int
        Sites of fixed size, and patients in each of their arms.
    other_sites, other_patients : int
        Sites of random size and the patients, an even number, of both arms that are spread over them.
    concentration : float
        Of the Dirichlet distribution of their shares.
    countries : int
        That the sites lie in, equally many in each, in their order; 0 for none.
    tau_c : float
        Between-country SD of the log odds.
    shift : float, optional
        What is added to the log odds of a contaminated control arm; left out, all of its patients respond.

    Raises
    ------
    InputError
        For more contaminated sites than large ones, an odd number of other patients, or countries whose sites would not
        be large ones, equally many in each.
    """

    name: str
    title: str
    control_risk: float
    odds_ratio: float
    tau_u: float
    tau_v: float
    contaminated: int
    large_sites: int
    large_arm: int
    other_sites: int
    other_patients: int
    concentration: float
    countries: int = 0
    tau_c: float = 0.0
    shift: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.contaminated <= self.large_sites:
            found, required = f"{self.contaminated} contaminated sites", f"0 to {self.large_sites}, the large ones"
            raise InputError(f"scenario '{self.name}'", found, required)
        if self.other_patients % 2:
            found = f"{self.other_patients} patients at the other sites"
            raise InputError(f"scenario '{self.name}'", found, "an even number, to be randomised 1:1")
        if self.countries < 0 or (self.tau_c and not self.countries):
            found, required = f"{self.countries} countries with tau_c {self.tau_c}", "countries, or tau_c 0"
            raise InputError(f"scenario '{self.name}'", found, required)
        if self.countries and self.contaminated not in (0, self.large_sites // self.countries):
            found = f"{self.contaminated} contaminated of {self.large_sites} sites in {self.countries} countries"
            raise InputError(f"scenario '{self.name}'", found, "none, or all of one country")
        if self.countries and (self.other_sites or self.large_sites % self.countries):
            found = f"{self.countries} countries of {self.large_sites} large and {self.other_sites} other sites"
            raise InputError(
                f"scenario '{self.name}'", found, "equally many large sites in each country, and no others"
            )

    @property
    def country(self) -> Counts | None:
        """The country of each site by its number; None where there are none."""
        return np.repeat(np.arange(self.countries), self.large_sites // self.countries) if self.countries else None

    @property
    def log_odds_ratio(self) -> float:
        """The true effect at an average uncontaminated site, beta."""
        return float(np.log(self.odds_ratio))


_LIKE_LUPIL2 = Scenario(
    "contaminated_null", "2 of 25 sites contaminated, no effect", control_risk=0.42, odds_ratio=1.0, tau_u=0.5,
    tau_v=0.2, contaminated=2, large_sites=2, large_arm=7, other_sites=23, other_patients=72, concentration=1.2,
)  # fmt: skip
_HOMOGENEOUS = replace(
    _LIKE_LUPIL2, name="homogeneous_null", title="All sites alike, no effect", tau_u=0.0, tau_v=0.0, contaminated=0
)
_LARGE = replace(
    _LIKE_LUPIL2, name="planted_among_large", title="1 site contaminated, 25 sites with 20 patients an arm",
    control_risk=0.5, contaminated=1, large_sites=25, large_arm=20, other_sites=0, other_patients=0,
)  # fmt: skip
_COUNTRIES = replace(
    _LARGE, name="outlying_country_null", title="1 of 6 countries outlying, no effect", control_risk=0.42, tau_u=0.3,
    contaminated=2, large_sites=12, large_arm=40, countries=6, tau_c=0.3, shift=2.0,
)  # fmt: skip

SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        _LIKE_LUPIL2,
        replace(
            _LIKE_LUPIL2, name="contaminated_or2", title="2 of 25 sites contaminated, odds ratio 2", odds_ratio=2.0
        ),
        _HOMOGENEOUS,
        replace(_HOMOGENEOUS, name="homogeneous_or2", title="All sites alike, odds ratio 2", odds_ratio=2.0),
        replace(
            _LIKE_LUPIL2, name="ordinary_null", title="Sites differ, none contaminated, no effect", contaminated=0
        ),
        _LARGE,
        replace(
            _LARGE, name="planted_among_small", large_sites=1, other_sites=24, other_patients=96,
            title="1 site with 20 patients an arm contaminated, 24 sites with 4 patients on average",
        ),
        replace(
            _LARGE, name="homogeneous_large", title="All sites alike, 25 sites with 20 patients an arm, no effect",
            tau_u=0.0, tau_v=0.0, contaminated=0,
        ),
        _COUNTRIES,
        replace(
            _COUNTRIES, name="outlying_country_or2", title="1 of 6 countries outlying, odds ratio 2", odds_ratio=2.0
        ),
        replace(
            _COUNTRIES, name="countries_alike_null", title="6 countries, none outlying, no effect", contaminated=0
        ),
    )
}  # fmt: skip
"""By name: five like LUPIL-2, three for the probability of an outlier, and three with sites in countries."""


@dataclass(frozen=True, eq=False)
class SimulatedTrial:
    """A simulated table of sites and the truth behind it.

    Attributes
    ----------
    cells : Cells
    risks : array, shape (sites, 2)
        True response probabilities, control first.
    contaminated : array of bool, shape (sites,)
    """

    cells: Cells
    risks: Floats
    contaminated: NDArray[np.bool_]

    @property
    def risk_difference(self) -> float:
        """Active minus control at the true probabilities, over all patients of the trial."""
        return float(self.cells.site_shares @ (self.risks[:, 1] - self.risks[:, 0]))


def simulate_trial(scenario: Scenario, rng: np.random.Generator) -> SimulatedTrial:
    """One trial.

    Parameters
    ----------
    scenario : Scenario
    rng : numpy.random.Generator
        Source of sizes, site effects and responses.

    Examples
    --------
    >>> trial = simulate_trial(SCENARIOS["contaminated_null"], np.random.default_rng(1))
    >>> [patients for _, patients in trial.cells.totals], trial.cells.responders[:2, 0].tolist()
    ([50, 50], [7, 7])
    """
    from scipy.special import expit, logit

    n = _sizes(scenario, rng)
    sites = len(n)
    u, v = scenario.tau_u * rng.standard_normal(sites), scenario.tau_v * rng.standard_normal(sites)
    country = scenario.country
    c = 0.0 if country is None else scenario.tau_c * rng.standard_normal(scenario.countries)[country]
    control = logit(scenario.control_risk) + c + u - v / 2
    active = control + scenario.log_odds_ratio + v
    contaminated = np.arange(sites) < scenario.contaminated
    control[contaminated] += np.inf if scenario.shift is None else scenario.shift
    risks = expit(np.stack([control, active], axis=-1))
    there = n.sum(axis=1) > 0
    responders = rng.binomial(n, risks)
    names = tuple(f"site {s + 1}" for s in np.flatnonzero(there))
    countries = None if country is None else tuple(f"country {g + 1}" for g in country)
    cells = Cells(names, responders[there], n[there], countries=countries)
    return SimulatedTrial(cells, risks[there], contaminated[there])


def _sizes(scenario: Scenario, rng: np.random.Generator) -> Counts:
    """Patients by site and arm, shape (sites, 2), equally many in each arm: 1:1 in blocks of two within sites.

    A site with an odd number has one more in one arm: control at half of such sites, active at the others.
    """
    large = np.full((scenario.large_sites, 2), scenario.large_arm)
    if not scenario.other_sites:
        return large
    shares = rng.dirichlet(np.full(scenario.other_sites, scenario.concentration))
    patients = rng.multinomial(scenario.other_patients, shares)
    n = np.repeat(patients[:, None] // 2, 2, axis=1)
    odd = rng.permutation(np.flatnonzero(patients % 2))
    n[odd, np.arange(odd.size) % 2] += 1
    return np.concatenate([large, n])
