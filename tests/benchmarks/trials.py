"""The trials that are timed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bayes_lupil.spec import ModelSpec, load_model
from bayes_lupil.trials.cells import Cells
from bayes_lupil.trials.end_point import Arms, EndPoint
from bayes_lupil.trials.loading import load_trial
from bayes_lupil.trials.populations import Population
from bayes_lupil.trials.trial import Trial

__all__ = ["TITLES", "load", "model", "simulated_cells", "write_csv"]

TITLES = {
    "beitler_landis": "8 sites: Beitler and Landis 1985, 273 patients",
    "simulated_25": "25 sites: SYNTHETIC, 100 patients, the size of LUPIL-2",
    "lupil2": "LUPIL-2: 25 sites, whose patients are not known, 100 patients",
    "topcat": "6 sites: TOPCAT, countries in two regions, 3,445 patients",
    "ist": "464 sites: International Stroke Trial, aspirin, dead or dependent at 6 months",
}
_DATA = Path(__file__).parents[3] / "shared" / "validation" / "data"
_IST = _DATA / "ist_hospital_aspirin_deaddep6m.csv"
_TOPCAT = _DATA / "topcat_countries.csv"
_TRUTH = {"alpha": -0.4, "beta": 0.5, "tau_u": 0.54, "tau_v": 0.3}
"""A response of about 40 %, a between-site SD as IHAST found it, an odds ratio of 1.6."""


def model(**changes: Any) -> ModelSpec:
    """The model timed: `models/site_effects.toml` with other sampler settings."""
    return load_model("site_effects").edited(**{f"sampler__{key}": value for key, value in changes.items()})


def simulated_cells(n_sites: int, per_site: float, seed: int) -> Cells:
    """A SYNTHETIC trial from the model: sites of unequal size with `per_site` patients on average, randomised 1:1.

    Every site has a patient; many small ones have them in one arm only.
    """
    rng = np.random.default_rng(seed)
    spec = model()
    share = rng.dirichlet(np.full(n_sites, 1.2))
    size = 1 + rng.multinomial(round((per_site - 1) * n_sites), share)
    site = np.repeat(np.arange(n_sites), size)
    arm = rng.permutation(np.arange(site.size) % 2)
    n = np.zeros((n_sites, 2), dtype=np.int64)
    np.add.at(n, (site, arm), 1)
    u, v = (_TRUTH[tau] * rng.standard_normal(n_sites) for tau in ("tau_u", "tau_v"))
    eta = (_TRUTH["alpha"] + u)[:, None] + (_TRUTH["beta"] + v)[:, None] * np.array(spec.sites.x)
    return Cells(tuple(f"S{i + 1}" for i in range(n_sites)), rng.binomial(n, 1 / (1 + np.exp(-eta))), n)


def as_trial(cells: Cells) -> Trial:
    """A SYNTHETIC trial as `fit` takes it."""
    return Trial(
        name="simulated",
        title="SYNTHETIC trial for benchmarks",
        arms=Arms("control", "active"),
        end_point=EndPoint("response", "response", "higher"),
        data=cells,
        populations={"itt": Population("itt", "intention to treat", "everyone")},
        synthetic=True,
    )


def load(name: str) -> Trial:
    """One of `TITLES`."""
    if name in ("beitler_landis", "lupil2"):
        return load_trial(name)
    if name == "simulated_25":
        return as_trial(simulated_cells(25, 4, seed=20260401))
    if not (_TOPCAT if name == "topcat" else _IST).is_file():
        raise FileNotFoundError("its data do not lie beside this checkout (shared/validation)")
    if name == "topcat":
        return load_trial(_TOPCAT, control="placebo", active="spironolactone", benefit="lower", country="region")
    return load_trial(_IST, control="no_aspirin", active="aspirin", benefit="lower", single_arm_sites=True)


def write_csv(cells: Cells, path: Path) -> None:
    """A table of sites as the command line and R read it, arms called control and active."""
    groups = [""] * len(cells.sites) if cells.countries is None else [f",{name}" for name in cells.countries]
    lines = ["site,arm,responders,n" + (",country" if cells.countries else "")]
    for site, group, y, n in zip(cells.sites, groups, cells.responders, cells.n, strict=True):
        lines += [f"{site},{arm},{y[a]},{n[a]}{group}" for a, arm in enumerate(("control", "active")) if n[a]]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
