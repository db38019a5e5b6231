"""Made-up patients of a trial like LUPIL-2, on known truth; with its published counts exactly, where asked for.

One generator makes patients: a site, a baseline, a latent improvement in points of SELENA-SLEDAI (arm, site, baseline
and the patient's own part), and from it all components and further end points, so that they are correlated. Where
published counts are to hold, patients are drawn until each class of patients (arm, SRI-4 response, per protocol) has
its number: the same generator, conditioned on the counts by rejection. SELENA-SLEDAI is made to look like it (6 and
more at entry, mostly even); nothing of it is fitted to patients, since the trial published none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.arguments import checked
from bayes_lupil.errors import InputError, did_you_mean, nearest
from bayes_lupil.outcomes.sri import SRIColumns, sri
from bayes_lupil.outcomes.table import Outcomes

__all__ = ["COLUMNS", "LUPIL2_CLASSES", "LUPIL2_SITES", "Design", "synthetic_patients"]

Floats = NDArray[np.float64]
Columns = dict[str, NDArray[Any]]

LUPIL2_SITES: tuple[str, ...] = tuple(
    f"{country} {i + 1}"
    for country, sites in (
        ("Austria", 1), ("Bulgaria", 2), ("France", 3), ("Germany", 4), ("Italy", 1), ("Mauritius", 1), ("Mexico", 5),
        ("Portugal", 2), ("Romania", 3), ("Spain", 3),
    )
    for i in range(sites)
)  # fmt: skip
"""Sites by country as registered (NCT02955615), numbered here; which patients they had was never published."""

LUPIL2_CLASSES: dict[tuple[str, int, int], int] = {
    ("active", 1, 1): 20, ("active", 0, 1): 4, ("active", 1, 0): 14, ("active", 0, 0): 12,
    ("control", 1, 1): 15, ("control", 0, 1): 14, ("control", 1, 0): 14, ("control", 0, 0): 7,
}  # fmt: skip
"""Published of LUPIL-2 (Humrich et al. 2022): patients by arm, SRI-4 response and membership of the per-protocol set"""

COLUMNS = SRIColumns(
    "sledai_baseline", "sledai_week12", "pga_baseline", "pga_week12", bilag_new_a="bilag_new_a",
    bilag_new_b="bilag_new_b", withdrawn="withdrawn", rescue="rescue",
)  # fmt: skip
"""Where the components of SRI-4 stand in the patients made here."""

_BULGARIA = ("Bulgaria 1", "Bulgaria 2")
_OUTLYING = ("control", "active", "both")
_PGA_A_POINT = 0.0625  # how far the global assessment falls for each point of SELENA-SLEDAI of the effect
_BATCH = 400
_MOST_BATCHES = 2000


@dataclass(frozen=True)
class Design:
    """The truth that patients are made from; points are those of SELENA-SLEDAI.

    Attributes
    ----------
    control, active : str
        Names of the arms.
    per_arm : int
        Patients of each arm.
    sites : tuple of str
    concentration : float
        Of the Dirichlet distribution of the sites' shares of patients.
    improvement, effect : float
        Average latent improvement on control, and how much more there is on active, in points.
    site_sd, effect_sd : float
        Between-site SDs of both.
    patient_sd : float
        SD of patients around that.
    slope : float
        Points more for each point that the baseline is above 10.
    tie : float
        0 to 1: how closely the further end points follow the patient's own part of the improvement.
    further : float
        Effect on steroids, anti-dsDNA, regulatory T cells and adverse events, in units of what is usual here; with
        `effect`, `effect_sd` and this at 0 and no outliers the arms are alike in everything.
    outliers : tuple of str
        Sites where everyone in the arms `outlying` improves by `shift` points more.
    outlying : {"control", "active", "both"}
    shift : float
    withdrawal, not_assessed, deviation : (float, float)
        Chance of withdrawal, of a missing visit without it, and of a protocol deviation; control and active.
    excluded : tuple of str
        Sites that are not in the per-protocol set.
    """

    control: str = "placebo"
    active: str = "ILT-101"
    per_arm: int = 50
    sites: tuple[str, ...] = LUPIL2_SITES
    concentration: float = 1.2
    improvement: float = 5.2
    effect: float = 1.6
    site_sd: float = 1.0
    effect_sd: float = 0.5
    patient_sd: float = 3.5
    slope: float = 0.4
    tie: float = 0.6
    further: float = 1.0
    outliers: tuple[str, ...] = _BULGARIA
    outlying: Literal["control", "active", "both"] = "control"
    shift: float = 8.0
    withdrawal: tuple[float, float] = (0.06, 0.06)
    not_assessed: tuple[float, float] = (0.06, 0.06)
    deviation: tuple[float, float] = (0.3, 0.3)
    excluded: tuple[str, ...] = _BULGARIA

    def __post_init__(self) -> None:
        if not isinstance(self.per_arm, int) or self.per_arm < 1:
            raise InputError("design, per_arm", f"{self.per_arm}", "a whole number of patients, 1 or more")
        if self.control == self.active:
            raise InputError("design", f"'{self.control}' twice", "two arms of different names")
        if not self.sites or len(set(self.sites)) < len(self.sites):
            raise InputError("design, sites", f"{', '.join(self.sites) or 'none'}", "one site or more, each once")
        for name in (*self.outliers, *self.excluded):
            if name not in self.sites:
                raise InputError("design", f"no site '{name}'", "sites of the design", nearest(name, self.sites))
        if self.outlying not in _OUTLYING:
            hint = did_you_mean(str(self.outlying), _OUTLYING)
            raise InputError("design, outlying", f"'{self.outlying}'", f"one of {', '.join(_OUTLYING)}", hint)
        for key in ("improvement", "effect", "slope", "further", "shift"):
            _within(key, getattr(self, key), -np.inf, np.inf)
        for key in ("site_sd", "effect_sd", "patient_sd"):
            _within(key, getattr(self, key), 0, np.inf)
        _within("tie", self.tie, 0, 1)
        if not 0 < self.concentration < np.inf:
            raise InputError("design, concentration", f"{self.concentration:g}", "a number above 0")
        for key in ("withdrawal", "not_assessed", "deviation"):
            if len(getattr(self, key)) != 2:
                raise InputError(f"design, {key}", f"{getattr(self, key)}", "two chances, control and active")
            for chance in getattr(self, key):
                _within(key, chance, 0, 1)


def _within(key: str, value: float, low: float, high: float) -> None:
    if not (np.isfinite(value) and low <= value <= high):
        raise InputError(f"design, {key}", f"{value:g}", f"a number from {low:g} to {high:g}")


@checked
def synthetic_patients(
    design: Design | None = None, *, seed: int = 1, margins: Literal["lupil2"] | None = None
) -> Outcomes:
    """Make up patients.

    Parameters
    ----------
    design : Design, optional
        LUPIL-2-like if nothing is given.
    seed : int
        The same seed gives the same patients.
    margins : {"lupil2"}, optional
        Make the published counts hold exactly (`LUPIL2_CLASSES`, response after non-responder imputation): 34/50 v
        29/50 of all patients, 20/24 v 15/29 per protocol; every Bulgarian control patient responds, none of that
        country is in the per-protocol set, and both its sites have control patients.

    Returns
    -------
    Outcomes
        With `synthetic` true, and a first column that says so in every file made from it.

    Raises
    ------
    InputError
        For a design that can hardly give these counts.

    Examples
    --------
    >>> patients = synthetic_patients(seed=3, margins="lupil2")
    >>> len(patients), len(set(patients.site)) <= 25, patients.synthetic
    (100, True, True)
    """
    chosen = design or Design()
    if margins not in (None, "lupil2"):
        raise InputError("margins", f"'{margins}'", "'lupil2', or nothing", did_you_mean(str(margins), ("lupil2",)))
    if seed < 0:
        raise InputError("seed", f"{seed}", "a whole number, 0 or more")
    world, people = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(2))
    truth = _world(chosen, world)
    if margins is None:
        found = [_patients(chosen, truth, arm, chosen.per_arm, people) for arm in (0, 1)]
        columns = {name: np.concatenate([part[name] for part in found]) for name in found[0]}
    elif chosen.per_arm == 50 and set(LUPIL2_SITES) == set(chosen.sites) and set(chosen.excluded) == set(_BULGARIA):
        columns = _conditioned(chosen, truth, people)
    else:
        raise InputError(
            "margins of LUPIL-2", "another design", "50 patients an arm at its 25 sites, the Bulgarian ones excluded"
        )
    name = "synthetic_lupil2" if margins else "synthetic_patients"
    return _outcomes(chosen, columns, name)


def _world(design: Design, rng: np.random.Generator) -> Columns:
    """Shares, levels and effects of the sites."""
    sites = len(design.sites)
    shares = rng.dirichlet(np.full(sites, design.concentration))
    return {
        "share": shares,
        "level": design.site_sd * rng.standard_normal(sites),
        "effect": design.effect_sd * rng.standard_normal(sites),
        "outlying": np.isin(design.sites, design.outliers),
        "excluded": np.isin(design.sites, design.excluded),
    }


def _patients(design: Design, truth: Columns, arm: int, size: int, rng: np.random.Generator) -> Columns:
    site = rng.choice(len(design.sites), size, p=truth["share"])
    baseline = 6 + 2 * rng.poisson(1.8, size) + (rng.random(size) < 0.25)
    own = rng.standard_normal(size)
    gain = design.improvement + truth["level"][site] + arm * (design.effect + truth["effect"][site])
    hit = truth["outlying"][site] & (design.outlying in ("both", ("control", "active")[arm]))
    gain = gain + design.shift * hit + design.slope * (baseline - 10) + design.patient_sd * own

    def tied(mean: float | NDArray[np.floating[Any]], sd: float) -> Floats:
        """A further outcome, the closer to the patient's own part the more it is tied to it."""
        noise = rng.standard_normal(size)
        return np.asarray(mean + sd * (design.tie * own + np.sqrt(1 - design.tie**2) * noise))

    score = np.clip(baseline - gain, 0, 105)
    even = rng.random(size) < 0.75
    followup = np.where(even, 2 * np.round(score / 2), np.round(score))
    pga = np.clip(np.round(rng.normal(1.6, 0.4, size), 2), 0.4, 2.8)
    better = tied(0.45 + _PGA_A_POINT * design.effect * arm + 0.5 * hit, 0.4)
    pga_after = np.clip(np.round(pga - better, 2), 0, 3)
    flare = tied(0.0, 1.0)
    more = design.further * arm
    new_a = (flare < -2.1) & ~hit
    new_b = np.where(hit, 0, (flare < -1.5).astype(int) + (flare < -1.9))
    withdrawn = (rng.random(size) < design.withdrawal[arm]) & ~hit
    rescue = (rng.random(size) < 0.04) & ~hit
    gone = withdrawn | ((rng.random(size) < design.not_assessed[arm]) & ~hit)
    ruled_out = rng.random(size) < design.deviation[arm]
    per_protocol = ~(ruled_out | gone | truth["excluded"][site])

    def seen(values: Floats) -> Floats:
        return np.where(gone, np.nan, values)

    return {
        "arm": np.full(size, arm),
        "site": site,
        "sledai_baseline": baseline.astype(float),
        "sledai_week12": seen(followup),
        "pga_baseline": pga,
        "pga_week12": seen(pga_after),
        "bilag_new_a": seen(new_a.astype(float)),
        "bilag_new_b": seen(new_b.astype(float)),
        "withdrawn": withdrawn.astype(float),
        "rescue": rescue.astype(float),
        "pop_pp": per_protocol.astype(float),
        "steroid_reduction": seen((tied(0.0, 1.0) > 0.5 - 0.2 * more).astype(float)),
        "anti_dsdna_change": seen(np.round(-tied(8 + 5 * more, 25), 1)),
        "treg_change": seen(np.round(tied(2 + 35 * more, 20), 1)),
        "adverse_event": (rng.random(size) < 0.5 + 0.12 * more).astype(float),
    }


def _responses(design: Design, columns: Columns) -> NDArray[np.int64]:
    """SRI-4, missing ones counted as non-response."""
    found = sri(_outcomes(design, columns, "candidates", in_order=False), COLUMNS).response
    return np.nan_to_num(found, nan=0.0).astype(np.int64)


def _conditioned(design: Design, truth: Columns, rng: np.random.Generator) -> Columns:
    """Patients drawn until every class has its number, and both excluded sites have control patients."""
    excluded = np.flatnonzero(truth["excluded"])
    for _ in range(_MOST_BATCHES):
        taken = [_fill(design, truth, arm, rng) for arm in (0, 1)]
        columns = {name: np.concatenate([part[name] for part in taken]) for name in taken[0]}
        if np.isin(excluded, columns["site"][columns["arm"] == 0]).all():
            return columns
    raise InputError("design", f"no control patient at an excluded site in {_MOST_BATCHES} trials", "larger such sites")


def _fill(design: Design, truth: Columns, arm: int, rng: np.random.Generator) -> Columns:
    role = ("control", "active")[arm]
    wanted = {(r, pp): n for (name, r, pp), n in LUPIL2_CLASSES.items() if name == role}
    parts: list[Columns] = []
    for _ in range(_MOST_BATCHES):
        batch = _patients(design, truth, arm, _BATCH, rng)
        response = _responses(design, batch)
        # at the excluded sites every control patient responded, as published
        allowed = (response == 1) | ~truth["excluded"][batch["site"]] if arm == 0 else np.ones(_BATCH, bool)
        for (r, pp), n in wanted.items():
            mine = np.flatnonzero(allowed & (response == r) & (batch["pop_pp"] == pp))[:n]
            parts.append({name: values[mine] for name, values in batch.items()})
            wanted[r, pp] = n - mine.size
        if not any(wanted.values()):
            return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    raise InputError(
        "design", f"classes not filled in {_MOST_BATCHES} batches", "one that can give the published counts"
    )


def _outcomes(design: Design, columns: Columns, name: str, in_order: bool = True) -> Outcomes:
    """Numbered patients; in the order of sites, arms mixed, or as they were drawn."""
    drawn = np.arange(columns["site"].size)
    order = np.lexsort((drawn * 7919 % 1009, columns["site"])) if in_order else drawn
    numbers = {
        key: np.asarray(values[order], dtype=float) for key, values in columns.items() if key not in ("arm", "site")
    }
    return Outcomes(
        name,
        tuple(f"P{i + 1:03d}" for i in range(order.size)),
        tuple(design.sites[s] for s in columns["site"][order]),
        tuple((design.control, design.active)[a] for a in columns["arm"][order]),
        numbers,
        synthetic=True,
    )
