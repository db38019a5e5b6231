"""The fitted joint model: effects of all end points together, and the probability that several of them hold at once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayes_lupil.arguments import checked
from bayes_lupil.cards import Brief
from bayes_lupil.endpoints.joint.data import JointData
from bayes_lupil.endpoints.joint.model import JointModel
from bayes_lupil.frozen import FrozenDict, make_read_only
from bayes_lupil.posterior.datatree import scalars
from bayes_lupil.posterior.diagnostics import Row, Verdict, describe, effective_draws, judge, mcse_proportion
from bayes_lupil.posterior.saved import write_tree
from bayes_lupil.priors import LKJ
from bayes_lupil.progress import is_shown
from bayes_lupil.spec import Sampler

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Chance", "JointPosterior", "fit_joint"]

Floats = NDArray[np.float64]

PRIOR_DRAWS = 2000
_LEADING = ("chain", "draw")


@dataclass(frozen=True)
class Chance:
    """Probabilities of one end point in the order of the hierarchy.

    Attributes
    ----------
    name : str
    benefit, benefit_mcse : float
        P(benefit) of this end point and its Monte Carlo standard error.
    all_above, all_above_mcse : float
        P(this and all above truly favour the active arm).
    """

    name: str
    benefit: float
    benefit_mcse: float
    all_above: float
    all_above_mcse: float


@dataclass(frozen=True, eq=False)
class JointPosterior(Brief):
    """What `fit_joint` returns.

    Attributes
    ----------
    data : xarray.DataTree
        Groups posterior and prior (parameters, effects and correlations; dimensions end_point, site, pair),
        sample_stats and observed_data.
    joint : JointData
    sampler : str
        Name and version.
    seconds : dict of str to float
    notes : tuple of str
        Anything a reader should know, such as a fallback to another sampler.
    """

    data: xr.DataTree
    joint: JointData
    sampler: str
    seconds: dict[str, float]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        make_read_only(self.data)
        object.__setattr__(self, "seconds", FrozenDict(self.seconds))

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        make_read_only(self.data)  # NumPy forgets the flag in a pickle, and in a deep copy

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """Summary of every scalar in the posterior group."""
        return tuple(describe(name, draws) for name, draws in scalars(self.data["posterior"].to_dataset()))

    @cached_property
    def verdict(self) -> Verdict:
        """Verdict of the diagnostics over all of them."""
        statistics = {str(name): np.asarray(values) for name, values in self.data["sample_stats"].data_vars.items()}
        return judge(self.rows, statistics)

    def effect(self, name: str) -> Floats:
        """Draws of the effect of an end point, active minus control: risk or mean difference, shape (chain, draw)."""
        return np.asarray(self.data["posterior"]["effect"].sel(end_point=name).values, dtype=float)

    def chances(self) -> tuple[Chance, ...] | None:
        """P(benefit) of each end point and P(this and all above), in order; None where the diagnostics fail."""
        if not self.verdict.ok:
            return None
        found, together, fewest = [], None, np.inf
        for item in self.joint.outcomes:
            effect = self.effect(item.name)
            good = item.sign * effect > 0
            effective = effective_draws(effect)
            fewest = min(fewest, effective)
            together = good if together is None else together & good
            found.append(
                Chance(
                    item.name, float(good.mean()), mcse_proportion(good, effective), float(together.mean()),
                    mcse_proportion(together, fewest),
                )
            )  # fmt: skip
        return tuple(found)

    def correlations(self) -> pd.DataFrame:
        """Correlations within patients, and of levels (u) and effects (v) over sites: mean, error, 95 % interval."""
        import pandas as pd

        rows = []
        for row in self.rows:
            kind, _, pair = row.name.partition("[")
            if kind in _KINDS:
                rows.append(
                    {
                        "of": _KINDS[kind], "pair": pair.rstrip("]"), "mean": row.mean, "mcse": row.mcse_mean,
                        "lower": row.q2_5, "upper": row.q97_5,
                    }
                )  # fmt: skip
        return pd.DataFrame(rows, columns=["of", "pair", "mean", "mcse", "lower", "upper"]).set_index(["of", "pair"])

    def save(self, path: str | Path) -> Path:
        """Write the draws to one NetCDF file, whole or not at all.

        Raises
        ------
        OutputError
            Where the file cannot be written, or is there and is something else, such as the data.
        """
        tree = self.data.copy()
        models = {item.name: item.spec.to_dict() for item in self.joint.outcomes}
        tree.attrs = {"format": "bayes_lupil joint posterior 1", "models": json.dumps(models), "sampler": self.sampler}
        write_tree(tree, Path(path))
        return Path(path)


_KINDS = {"correlation": "patients", "correlation_u": "levels of sites", "correlation_v": "effects at sites"}


@checked
def fit_joint(
    data: JointData, *, patients: LKJ | None, sampler: Sampler, progress: bool | None = None
) -> JointPosterior:
    """Fit all end points together, by NUTS.

    Parameters
    ----------
    data : JointData
    patients : LKJ or None
        Prior of the correlations within patients, which those over sites follow (see `joint_model`); None for none.
    sampler : Sampler
        Chains, draws, seed and backend.
    progress : bool, optional
        Whether progress is shown; by default on a terminal and in a notebook.

    Returns
    -------
    JointPosterior
        Look at its `verdict` first.

    Raises
    ------
    SamplerError
        Where the sampler cannot run.
    """
    from bayes_lupil.engines import nuts  # loads ArviZ

    model = JointModel(data, patients, sampler)
    draws = nuts.sample(model, is_shown(progress))
    (seed,) = np.random.SeedSequence(sampler.seed).spawn(1)
    prior = {name: value[None] for name, value in model.prior_draws(PRIOR_DRAWS, np.random.default_rng(seed)).items()}
    observed = {item.name: ("patient", item.y) for item in data.outcomes}
    constant = {"site_index": ("patient", data.site), "arm_index": ("patient", data.arm)}
    patient = {"patient": np.arange(data.site.size)}
    groups = {
        "posterior": quantities(model, draws.values),
        "prior": quantities(model, prior),
        "sample_stats": xr.Dataset({name: (_LEADING, value) for name, value in draws.statistics.items()}),
        "observed_data": xr.Dataset(observed, coords=patient),
        "constant_data": xr.Dataset(constant, coords=patient),
    }
    return JointPosterior(xr.DataTree.from_dict(groups), data, draws.sampler, draws.seconds, draws.notes)


def quantities(model: JointModel, values: dict[str, Any]) -> xr.Dataset:
    """Parameters by end point, site effects, effects and correlations.

    tau_u and tau_v are SDs of the end point's own part over sites, sd_u and sd_v those of all of it.

    Parameters
    ----------
    model : JointModel
    values : dict of str to array
        Draws of its parameters, shape (chain, draw, ...).
    """
    names = list(model.data.names)
    found: dict[str, Any] = {}
    coords: dict[str, Any] = {"end_point": names, "site": list(model.data.site_names)}
    for parameter in ("alpha", "beta", "tau_u", "tau_v", "sigma", "gamma"):
        for k in model.having(parameter):
            found[f"{parameter}_{names[k]}"] = (_LEADING, values[f"{parameter}_{k}"])
    effects = model.site_effects(values)
    for name, value in effects.items():
        having = model.having(f"tau_{name}")
        dim = "end_point" if len(having) == len(names) else f"end_point_{name}"  # no zeros where sites are pooled
        found[name] = ((*_LEADING, dim, "site"), np.asarray(value)[..., having, :])
        coords[dim] = [names[k] for k in having]
    found["effect"] = ((*_LEADING, "end_point"), joint_effects(model, values, effects))
    lower = model.lower(values)
    roots = {} if lower is None else {"patients": lower}
    for kind, root in (roots | model.roots(values)).items():
        of = model.order if kind == "patients" else model.having(f"tau_{kind}")
        matrix = root @ np.swapaxes(root, -1, -2)
        sd = np.sqrt(np.diagonal(matrix, axis1=-2, axis2=-1))
        if kind != "patients":
            found |= {f"sd_{kind}_{names[k]}": (_LEADING, sd[..., i]) for i, k in enumerate(of)}
        if len(of) < 2 or lower is None:
            continue
        matrix = matrix / (sd[..., None] * sd[..., None, :])
        pairs = sorted((min(of[i], of[j]), max(of[i], of[j]), i, j) for j in range(len(of)) for i in range(j))
        name = "correlation" if kind == "patients" else f"correlation_{kind}"
        found[name] = ((*_LEADING, f"pair_{kind}"), np.stack([matrix[..., i, j] for _, _, i, j in pairs], axis=-1))
        coords[f"pair_{kind}"] = [f"{names[first]} ~ {names[second]}" for first, second, _, _ in pairs]
    shape = np.shape(values["alpha_0"])
    return xr.Dataset(found, coords={**coords, "chain": np.arange(shape[0]), "draw": np.arange(shape[1])})


def joint_effects(model: JointModel, values: dict[str, Any], site_effects: dict[str, Any]) -> Floats:
    """Risk or mean difference of every end point, averaged over sites by their shares, shape (..., end points)."""
    from scipy.special import expit

    weights, found = model.data.site_weights, []
    for k, item in enumerate(model.data.outcomes):
        level, slope = values[f"alpha_{k}"][..., None], values[f"beta_{k}"][..., None]
        if "u" in site_effects:
            level = level + site_effects["u"][..., k, :]
        if "v" in site_effects:
            slope = slope + site_effects["v"][..., k, :]
        control, active = (level + slope * x for x in item.spec.sites.x)
        difference = expit(active) - expit(control) if item.kind == "binary" else active - control
        found.append((difference * weights).sum(axis=-1) if difference.shape[-1] > 1 else difference[..., 0])
    return np.stack(found, axis=-1)
