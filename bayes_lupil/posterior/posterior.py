"""The result of a fit: draws, verdict of the diagnostics and provenance, with summaries and NetCDF."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayes_lupil.arguments import checked
from bayes_lupil.cards import Card, Shown
from bayes_lupil.engines.draws import Draws
from bayes_lupil.errors import InputError, nearest
from bayes_lupil.frozen import make_read_only
from bayes_lupil.likelihoods import Likelihood, build_likelihood
from bayes_lupil.posterior.datatree import build_tree, scalars
from bayes_lupil.posterior.diagnostics import Row, Verdict, describe, describe_independent, judge
from bayes_lupil.posterior.estimands import EFFECTS, NNT, Benefit, benefit_ladder, number_needed_to_treat
from bayes_lupil.posterior.labels import label
from bayes_lupil.posterior.provenance import Provenance, provenance_of
from bayes_lupil.posterior.saved import FORMAT, read_posterior, write_posterior
from bayes_lupil.spec import ModelSpec
from bayes_lupil.trials.analysis_set import AnalysisSet
from bayes_lupil.trials.trial import Trial

if TYPE_CHECKING:
    import pandas as pd

    import bayes_lupil

__all__ = ["FORMAT", "Posterior"]


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
        Population, hashes, seed, versions, durations.
    trial : Trial
        What it was fitted to, which what is asked later is asked of too.
    """

    data: xr.DataTree
    spec: ModelSpec
    provenance: Provenance
    _trial: Trial | None = field(default=None, repr=False)
    _own: xr.DataTree = field(init=False, repr=False)

    def __post_init__(self) -> None:
        label(self.data, self.spec, self.provenance.end_point)
        make_read_only(self.data)
        # what is added to `data` or exchanged in it does not touch the result
        object.__setattr__(self, "_own", self.data.copy())

    @classmethod
    def from_draws(cls, likelihood: Likelihood, draws: Draws, trial: Trial, **kept: bool) -> Posterior:
        """The posterior that an engine's draws of a likelihood make.

        The likelihood may be a variant in which some patients count less. `kept`: `alone` and `sites` of `build_tree`.

        Raises
        ------
        SamplerError
            Where draws, or what follows from them, are no numbers.
        """
        started = time.perf_counter()
        tree = build_tree(likelihood, draws, **kept)
        draws.seconds["derive"] = time.perf_counter() - started
        return cls(tree, likelihood.spec, provenance_of(likelihood.spec, trial, draws), trial)

    @property
    def trial(self) -> Trial:
        """The trial that it was fitted to.

        Raises
        ------
        InputError
            Where it was read from a file of an earlier release, which did not hold the trial.
        """
        if self._trial is None:
            raise InputError(
                "posterior", f"no data of trial '{self.provenance.trial}'", "the trial that it was fitted to",
                "Files of earlier releases do not hold it: give trial=..., here or to Posterior.load(path, trial=...).",
            )  # fmt: skip
        return self._trial

    @property
    def knows_trial(self) -> bool:
        """Whether it has its trial, as all but those from files of earlier releases."""
        return self._trial is not None

    @property
    def analysis_set(self) -> AnalysisSet:
        """The patients of a binary end point that the model was fitted to."""
        return self.trial.analysis_set(self.spec.population, self.spec.without_sites)

    @cached_property
    def likelihood(self) -> Likelihood:
        """The model met with the trial's data."""
        return build_likelihood(self.spec, self.trial)

    @checked
    def of_trial(self, trial: Trial) -> Posterior:
        """The same posterior with its trial, where that is not known; the posterior itself where it is.

        Raises
        ------
        InputError
            Where the trial is another one than that fitted, or has its sites in another order.
        """
        sites = self._draws.coords["site"].values if "site" in self._draws.coords else ()  # none where they are pooled
        if trial is not self._trial and (found := self.provenance.differs_from(trial, tuple(map(str, sites)))):
            raise InputError(f"trial '{trial.name}'", found, f"the trial fitted, '{self.provenance.trial}'")
        return replace(self, _trial=trial) if self._trial is None else self

    def noted(self, note: str) -> Posterior:
        """The same with one more note; a summary that has been made stays."""
        other = replace(self, provenance=self.provenance.noted(note))
        vars(other).update({name: value for name, value in vars(self).items() if name == "rows"})
        return other

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "likelihood"}  # made again where needed

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
            return tuple(describe(label, values) for label, values in scalars(self._draws))
        drawn, points = self._own["sample_stats"].get("point"), None
        if drawn is not None:  # numbered without gaps, so that sums by point are short
            points = np.unique(drawn, return_inverse=True)[1].reshape(drawn.shape)
        return tuple(describe_independent(label, values, points) for label, values in scalars(self._draws))

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
        return judge(self.rows, statistics, self.diagnostics).of_effect(self.draws(self.effect))

    @property
    def diagnostics(self) -> dict[str, float]:
        """What the engine says of the result as a whole, such as 'pareto_k' and 'log_evidence'; empty for NUTS."""
        group = self._own.children.get("diagnostics", xr.Dataset())
        return {str(name): float(value) for name, value in group.data_vars.items()}

    @checked
    def summary(self, sites: bool = False) -> pd.DataFrame:
        """Mean, SD, quantiles and diagnostics, one row a quantity.

        `sites` says whether site-level quantities are included.
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

        columns = {label: values.ravel() for label, values in scalars(self._draws, sites)}
        chains, draws = self.draws(self.effect).shape
        places = {"chain": np.repeat(np.arange(chains), draws), "draw": np.tile(np.arange(draws), chains)}
        return pd.DataFrame({**places, **columns})

    @property
    def plot(self) -> bayes_lupil.report.Plots:
        """Figures: `plot()` (the effect), `plot.sites()`, `plot.benefit()`, `plot.prior()`; see `report.Plots`."""
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
    def nnt(self) -> NNT | None:
        """Number needed to treat; None where the diagnostics fail, and for a continuous end point."""
        if not self.verdict.ok or self.provenance.end_point.kind != "binary":
            return None
        return number_needed_to_treat(self.draws("risk_difference"), self.provenance.end_point)

    def card(self) -> Card:
        """The effect with its interval, P(benefit) with its error, the verdict; no probability where that fails."""
        import bayes_lupil

        return bayes_lupil.report.card_of_fit(self)

    def to_json(self) -> dict[str, Any]:
        """One object: parameters, estimands, benefit and verdict, in plain data."""
        import bayes_lupil

        return bayes_lupil.report.plain_result(self)

    @checked
    def save(self, path: str | Path) -> Path:
        """Write everything to one NetCDF file, whole or not at all; an earlier NetCDF file of that name is replaced.

        The trial's data are in the file, in its group 'trial': of a trial known patient by patient each patient's site,
        arm, outcome and every further column that was read. Hand it on only where the data may be handed on.

        Raises
        ------
        OutputError
            Where the file cannot be written, or is there and is something else, such as the data.
        """
        write_posterior(self._own, self.spec, self.provenance, self._trial, Path(path))
        return Path(path)

    @classmethod
    @checked
    def load(cls, path: str | Path, trial: Trial | None = None) -> Posterior:
        """Read a file that `save` wrote.

        What early releases wrote has no checksums; the provenance of what is read from it says so in a note.

        Parameters
        ----------
        path : str or Path
        trial : Trial, optional
            The one fitted, for a file of an earlier release, which does not hold it.

        Raises
        ------
        SavedFileError
            Where the file is missing, something else, or not what was written, naming what differs.
        InputError
            Where the trial given is another one.
        """
        found = cls(*read_posterior(Path(path)))
        return found if trial is None else found.of_trial(trial)
