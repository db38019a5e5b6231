"""The result of a fit: draws, verdict of the diagnostics and provenance, with summaries and NetCDF."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayes_lupil.arguments import checked
from bayes_lupil.cards import Card, Shown, picture_of_draws
from bayes_lupil.errors import InputError, OutputError, nearest
from bayes_lupil.frozen import make_read_only
from bayes_lupil.numbers import interval, points, probability
from bayes_lupil.posterior.diagnostics import MAX_LOST, Row, Verdict, describe, describe_independent, judge
from bayes_lupil.posterior.estimands import EFFECTS, ESTIMANDS, NNT, Benefit, benefit_ladder, number_needed_to_treat
from bayes_lupil.posterior.labels import label
from bayes_lupil.posterior.provenance import Provenance
from bayes_lupil.posterior.saved import FORMAT, is_netcdf, read_posterior, write_posterior
from bayes_lupil.spec import ModelSpec
from bayes_lupil.trials.trial import SYNTHETIC

if TYPE_CHECKING:
    import pandas as pd

    import bayes_lupil

__all__ = ["FORMAT", "Posterior"]

_PARAMETERS = ("alpha", "beta", "tau_u", "tau_v")


@dataclass(frozen=True, eq=False)
class Posterior(Shown):
    """What `bayes_lupil.fit` returns, whichever engine ran.

    Attributes
    ----------
    data : xarray.DataTree
        All draws, in the groups and with the coordinates that ArviZ expects: pass it to `az.summary`, `az.plot_forest`,
        `az.loo` and the like, with `from bayes_lupil import az`. Its arrays are read-only; groups and variables may be
        added to it, of which summaries, verdict, probabilities and `save` take no notice. Variables have a long_name,
        and units where they have any, by which plots label themselves. What is about chains (`az.plot_energy`,
        `az.bfmi`, divergences) needs a fit by engine "nuts": the draws of the fast engines are independent of each
        other and have no energy in sample_stats.
    spec : ModelSpec
        The model fitted.
    provenance : Provenance
        Trial, population, hashes, seed, versions, durations.
    """

    data: xr.DataTree
    spec: ModelSpec
    provenance: Provenance
    _own: xr.DataTree = field(init=False, repr=False)

    def __post_init__(self) -> None:
        label(self.data, self.spec, self.provenance.end_point)
        make_read_only(self.data)
        # what is added to `data` or exchanged in it does not touch the result
        object.__setattr__(self, "_own", self.data.copy())

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        for tree in (self.data, self._own):  # NumPy forgets the flag in a pickle, and in a deep copy
            make_read_only(tree)

    @cached_property
    def _draws(self) -> xr.Dataset:
        """The group with the draws, taken from the tree once: a tree is slow to look things up in."""
        return self._own["posterior"].to_dataset()

    @checked
    def draws(self, name: str) -> NDArray[np.float64]:
        """Draws of a parameter or estimand, shape (chain, draw, ...); read-only, `.copy()` can be written to.

        Raises
        ------
        InputError
            Where the posterior has none of that name, with the nearest.
        """
        group = self._draws
        if name not in group.data_vars:
            known = [str(known) for known in group.data_vars]
            raise InputError("posterior", f"no quantity '{name}'", "a parameter or estimand", nearest(name, known))
        return np.asarray(group[name].values, dtype=float)

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """Summary of every scalar in the posterior group, site-level ones element by element."""
        if "pareto_k" not in self.diagnostics:
            return tuple(describe(label, values) for label, values in self._scalars())
        statistics = self._own["sample_stats"]
        points = np.asarray(statistics["point"]) if "point" in statistics else None
        return tuple(describe_independent(label, values, points) for label, values in self._scalars())

    @checked
    def row(self, name: str) -> Row:
        """Summary of one quantity by its name, for example 'risk_difference' or 'tau_u'.

        Raises
        ------
        InputError
            Where the posterior has none of that name, with the nearest.
        """
        found = next((row for row in self.rows if row.name == name), None)
        if found is None:
            known = [row.name for row in self.rows]
            raise InputError("posterior", f"no quantity '{name}'", "a row of the summary", nearest(name, known))
        return found

    @cached_property
    def verdict(self) -> Verdict:
        """Verdict of the diagnostics over every quantity in the posterior group."""
        statistics = {str(name): np.asarray(values) for name, values in self._own["sample_stats"].data_vars.items()}
        found = judge(self.rows, statistics, self.diagnostics)
        lost = float((self.draws(self.effect) == 0).mean())
        if lost <= MAX_LOST:
            return found
        why = (
            f"no difference at all between the arms at {100 * lost:.3g} % of the draws, where response probabilities "
            f"are 0 or 1 to the last digit (at most {100 * MAX_LOST:g} % required: narrower priors of the log odds)"
        )
        return replace(found, ok=False, failures=(*found.failures, why))

    @property
    def diagnostics(self) -> dict[str, float]:
        """What the engine says of the result as a whole, such as 'pareto_k' and 'log_evidence'; empty for NUTS."""
        group = self._own.children.get("diagnostics")
        return {} if group is None else {str(name): float(value) for name, value in group.data_vars.items()}

    @checked
    def summary(self, sites: bool = False) -> pd.DataFrame:
        """Mean, SD, quantiles and diagnostics, one row a quantity.

        Parameters
        ----------
        sites : bool
            Whether site-level quantities are included.
        """
        import pandas as pd

        rows = [row for row in self.rows if sites or "[" not in row.name]
        return pd.DataFrame([row.to_dict() for row in rows]).set_index("name")

    @checked
    def to_frame(self, sites: bool = False) -> pd.DataFrame:
        """Draws as a table, one row a draw.

        Parameters
        ----------
        sites : bool
            Whether site-level quantities are included.

        Returns
        -------
        pandas.DataFrame
            Columns: chain and draw, from 0; then each parameter and estimand under its name in `summary`, for example
            'beta' and 'risk_difference', and with `sites` 'u[site A]' or 'p[site A, control]'. Draws of the quadrature
            engine are independent; 'chain' numbers parts of equal size.

        Examples
        --------
        >>> from bayes_lupil import fit
        >>> draws = fit("itt_pooled", "beitler_landis").to_frame()
        >>> list(draws.columns)[:6]
        ['chain', 'draw', 'alpha', 'beta', 'risk_control', 'risk_active']
        >>> round(float((draws["risk_difference"] > 0).mean()), 2)
        0.95
        """
        import pandas as pd

        columns = {label: values.ravel() for label, values in self._scalars(sites)}
        chains, draws = self.draws(self.effect).shape
        places = {"chain": np.repeat(np.arange(chains), draws), "draw": np.tile(np.arange(draws), chains)}
        return pd.DataFrame({**places, **columns})

    def _scalars(self, sites: bool = True) -> Iterator[tuple[str, NDArray[np.float64]]]:
        """Label and draws, shape (chain, draw), of every scalar in the posterior group; those without sites first."""
        group = self._own["posterior"].to_dataset()
        for name in sorted(group.data_vars, key=lambda name: group[name].ndim):
            variable = group[name].transpose("chain", "draw", ...)
            if variable.ndim > 2 and not sites:
                continue
            labels = [variable.coords[dim].values for dim in variable.dims[2:]]
            for index in np.ndindex(variable.shape[2:]):
                label = ", ".join(str(axis[i]) for axis, i in zip(labels, index, strict=True))
                yield (f"{name}[{label}]" if label else str(name)), variable.values[:, :, *index]

    @property
    def plot(self) -> bayes_lupil.report.Plots:
        """Figures: `plot()` (the effect), `plot.sites()`, `plot.benefit()`, `plot.prior()`; see `report.Plots`.

        Examples
        --------
        >>> from bayes_lupil import fit
        >>> post = fit("site_effects", "beitler_landis")
        >>> post.plot.benefit().savefig("benefit.png")  # doctest: +SKIP
        """
        import bayes_lupil  # the figures stand below in the house, and are called as a user would call them

        return bayes_lupil.report.Plots(self)

    @checked
    def to_word(self, path: str | Path) -> Path:
        """Write the result as a table of a Word document: counts, effect, probabilities, priors, diagnostics.

        An earlier file of that name is replaced.

        Raises
        ------
        InputError
            Where the name does not end in .docx.
        OutputError
            Where the file cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> from bayes_lupil import fit
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     fit("itt_pooled", "beitler_landis").to_word(f"{folder}/result.docx").name
        'result.docx'
        """
        import bayes_lupil

        return bayes_lupil.report.write_result(self, Path(path))

    @cached_property
    def ladder(self) -> tuple[Benefit, ...]:
        """P(benefit), P(effect beyond each threshold), P(harm), with errors; empty where diagnostics fail."""
        return self._ladder if self.verdict.ok else ()

    @cached_property
    def _ladder(self) -> tuple[Benefit, ...]:
        decision = self.spec.decision
        return benefit_ladder(
            self.draws(self.effect), self.provenance.end_point, decision.ladder, decision.harm, decision.relevant
        )

    def benefit(self) -> pd.DataFrame:
        """The benefit ladder as a table.

        Where the diagnostics fail, probabilities and errors are missing and the column `why_not` says why.
        """
        import pandas as pd

        table = pd.DataFrame([row.to_dict() for row in self._ladder])
        table["why_not"] = ""
        if not self.verdict.ok:
            table[["probability", "mcse"]] = np.nan
            table["why_not"] = self.verdict.text
        return table

    @property
    def p_benefit(self) -> Benefit | None:
        """P(benefit); None where the diagnostics fail."""
        return self.chances.get("benefit")

    @property
    def chances(self) -> dict[str, Benefit]:
        """P(benefit), P(harm), P(trivial effect), P(relevant benefit) by kind; empty where the diagnostics fail."""
        return {row.kind: row for row in self.ladder if row.kind != "benefit" or row.threshold == 0}

    @property
    def effect(self) -> str:
        """The estimand that benefit is about: 'risk_difference', or 'mean_difference' of a continuous end point."""
        return EFFECTS[self.provenance.end_point.kind]

    @property
    def effect_words(self) -> str:
        """Median and 95 % credible interval of the effect, with its unit."""
        row, point = self.row(self.effect), self.provenance.end_point
        values = (row.q50, row.q2_5, row.q97_5)
        binary = point.kind == "binary"
        middle, *ends = (points(value) if binary else f"{value:.3g}" for value in values)
        unit = "percentage points" if binary else point.unit
        return f"median {middle} {unit} (95 % credible interval {interval(*ends)})"

    @property
    def nnt(self) -> NNT | None:
        """Number needed to treat; None where the diagnostics fail, and for a continuous end point."""
        if not self.verdict.ok or self.provenance.end_point.kind != "binary":
            return None
        return number_needed_to_treat(self.draws("risk_difference"), self.provenance.end_point)

    def card(self) -> Card:
        """The effect with its interval, P(benefit) with its error, the verdict; no probability where that fails."""
        source, name = self.provenance, self.effect
        against = f"{source.arms.active} minus {source.arms.control}"
        rows = [("warning", text) for text in source.cautions]
        rows.append(("end point", f"{source.end_point.label}: {source.end_point.benefit} is better"))
        if self.verdict.ok:
            rows.append(("effect", f"{self.effect_words}: {name.replace('_', ' ')}, {against}"))
            rows += [(f"P({item.statement})", probability(item.probability, item.mcse)) for item in self.ladder[:3]]
        rows += [("diagnostics", self.verdict.text), ("engine", source.sampler)]
        rows += [("note", note) for note in source.notes if note not in source.cautions]
        words = f"Posterior draws of the {name.replace('_', ' ')}, {against}, with a line at 0"
        picture = picture_of_draws(self.draws(name), source.end_point.sign, words) if self.verdict.ok else ""
        calls = ("post.benefit()", "post.summary()", "post.plot()", "post.data (ArviZ)", "post.save('post.nc')")
        heading = f"Posterior of model '{self.spec.name}' for {source.title} ({source.population_label})"
        return Card(heading, tuple(rows), SYNTHETIC if source.synthetic else "", calls, picture)

    def to_json(self) -> dict[str, Any]:
        """One object: parameters, estimands, benefit and verdict, in plain data."""
        scalars = {
            row.name: {k: _plain(v) for k, v in row.to_dict().items() if k != "name"}
            for row in self.rows
            if "[" not in row.name
        }
        ladder = [row.to_dict() for row in self.ladder]
        benefit, nnt = self.p_benefit, self.nnt
        return {
            "trial": self.provenance.trial,
            "model": self.spec.name,
            "synthetic": self.provenance.synthetic,
            "warnings": list(self.provenance.cautions),
            "end_point": self.provenance.end_point.label,
            "population": self.provenance.population_label,
            "arms": {"control": self.provenance.arms.control, "active": self.provenance.arms.active},
            "benefit_direction": self.provenance.end_point.benefit,
            "parameters": {name: row for name, row in scalars.items() if name not in ESTIMANDS},
            "estimands": {name: row for name, row in scalars.items() if name in ESTIMANDS},
            "nnt": {**nnt.__dict__} if nnt else None,
            "p_benefit": {"probability": benefit.probability, "mcse": benefit.mcse} if benefit else None,
            "ladder": ladder,
            "diagnostics": {k: _plain(v) for k, v in (self.diagnostics | self.verdict.to_dict()).items()},
            "provenance": {
                "data_hash": self.provenance.data_hash,
                "model_hash": self.provenance.model_hash,
                "seed": self.provenance.seed,
                "sampler": self.provenance.sampler,
                "notes": list(self.provenance.notes),
            },
        }

    @checked
    def save(self, path: str | Path) -> Path:
        """Write everything to one NetCDF file, whole or not at all; an earlier NetCDF file of that name is replaced.

        Raises
        ------
        OutputError
            Where the file cannot be written, or is there and is something else, such as the data.
        """
        file = Path(path)
        if file.is_file() and file.stat().st_size and not is_netcdf(file):
            raise OutputError(str(file), "a file that is no saved posterior", "a free name, or an earlier NetCDF file")
        write_posterior(self._own, self.spec, self.provenance, file)
        return file

    @classmethod
    @checked
    def load(cls, path: str | Path) -> Posterior:
        """Read a file that `save` wrote.

        What an earlier release wrote has no checksums; the provenance of what is read from it says so in a note.

        Raises
        ------
        SavedFileError
            Where the file is missing, something else, or not what was written, naming what differs.
        """
        return cls(*read_posterior(Path(path)))


def _plain(value: Any) -> Any:
    """JSON has no infinity and no NaN."""
    return None if isinstance(value, float) and not np.isfinite(value) else value
