"""References of the methods that a run used, and no others; and the trial's own sources.

The works stand in bibliography.toml, each with what a run must have done to cite it. The guidelines behind the
checklists are cited where these stand.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from bayes_lupil.sites.analysis import SiteAnalysis
from bayes_lupil.unpublished.analysis import UnpublishedAnalysis

if TYPE_CHECKING:
    from bayes_lupil.frequentist.hierarchy import HierarchyRow
    from bayes_lupil.report.reanalysis.contents import Contents

__all__ = ["BIBLIOGRAPHY", "Reference", "references", "trial_sources"]


@dataclass(frozen=True)
class Reference:
    """One reference.

    Attributes
    ----------
    key : str
        Short name, the anchor that others can point to.
    doi : str
        Without a resolver; empty where there is none, or none that could be confirmed.
    used_for : str
        What of the report rests on it.
    when : str
        What a run must have done to cite it, a key of `DONE`; empty for a source of the trial.
    """

    key: str
    citation: str
    used_for: str
    doi: str = ""
    when: str = ""


_TEXT = (files(__package__) / "bibliography.toml").read_text(encoding="utf-8")
BIBLIOGRAPHY = tuple(Reference(**entry) for entry in tomllib.loads(_TEXT)["reference"])
"""In the order in which a report speaks of them."""


def references(contents: Contents) -> tuple[Reference, ...]:
    """Those of the methods that this run used, in the order in which a report speaks of them."""
    run = _Run(contents)
    return tuple(reference for reference in BIBLIOGRAPHY if DONE[reference.when](run))


def trial_sources(contents: Contents) -> tuple[Reference, ...]:
    """The sources of the trial's numbers, as its file gives them."""
    return tuple(
        Reference(
            source.id, source.citation,
            f"numbers of the trial{f' (licence: {source.licence})' if source.licence else ''}", source.doi,
        )
        for source in contents.trial.sources
    )  # fmt: skip


class _Run:
    """What a run did, as far as references depend on it."""

    def __init__(self, contents: Contents) -> None:
        self.contents, sites = contents, contents.sites
        self.known = sites if isinstance(sites, SiteAnalysis) else None
        self.unpublished = sites if isinstance(sites, UnpublishedAnalysis) else None
        fits = [item.posterior for item in contents.reanalysis.fitted]
        fits += [item.posterior for item in (sites.attempts if sites is not None else ())]
        self.posteriors = tuple(posterior for posterior in fits if posterior is not None)
        checks = (engine for _, agreement in contents.reanalysis.agreements for engine in agreement.engines)
        self.samplers = {posterior.provenance.sampler for posterior in self.posteriors} | set(checks)

    def ran(self, *names: str) -> bool:
        """Whether a sampler with one of these in its name ran."""
        return any(name in sampler for sampler in self.samplers for name in names)

    @property
    def importance(self) -> bool:
        """Whether points were drawn by importance sampling: by quadrature, or of published margins."""
        return self.ran("quadrature", "importance sampling")

    def integrates(self, *distributions: str) -> bool:
        """Whether quadrature integrated out site effects with one of these distributions."""
        return any(
            "partial" in (posterior.spec.sites.intercepts, posterior.spec.sites.effects)
            and posterior.spec.sites.distribution in distributions
            for posterior in self.posteriors
            if "quadrature" in posterior.provenance.sampler
        )

    def any_row(self, wanted: Callable[[HierarchyRow], object]) -> bool:
        """Whether any row of the trial's hierarchy has it."""
        return any(wanted(row) for row in self.contents.reanalysis.hierarchy)

    def stratified(self, *names: str) -> bool:
        """Whether any row has one of these results of its analysis by site."""
        return self.any_row(lambda row: any(getattr(row.stratified, name, None) is not None for name in names))


DONE: dict[str, Callable[[_Run], object]] = {
    "analysed": lambda run: run.contents.reanalysis.analyses,
    "chains": lambda run: run.ran("PyMC"),
    "nutpie": lambda run: run.ran("nutpie"),
    "normal_effects": lambda run: run.integrates("normal", "contaminated", "exnex"),
    "t_effects": lambda run: run.integrates("student_t"),
    "importance": lambda run: run.importance,
    "weights": lambda run: run.importance or run.contents.priors is not None or run.contents.sites is not None,
    "fitted": lambda run: run.posteriors,
    "priors": lambda run: run.contents.priors is not None,
    "counts": lambda run: run.any_row(lambda row: row.two_by_two),
    "boschloo": lambda run: run.any_row(lambda row: row.two_by_two and row.two_by_two.p_boschloo is not None),
    "mid_p": lambda run: run.any_row(lambda row: row.two_by_two and row.two_by_two.p_mid is not None),
    "mantel": lambda run: run.stratified("cmh", "mh_odds_ratio"),
    "odds_ratio_interval": lambda run: run.stratified("mh_odds_ratio_interval"),
    "risk_difference": lambda run: run.stratified("mh_risk_difference"),
    "risk_difference_interval": lambda run: run.stratified("mh_risk_difference_interval"),
    "gates": lambda run: run.any_row(lambda row: row.gate_basis != "none"),
    "adjusted_p": lambda run: run.any_row(lambda row: row.gate.adjusted_p is not None),
    "sites": lambda run: run.known is not None,
    "checks": lambda run: run.known is not None and run.known.checks,
    "exnex": lambda run: any(posterior.spec.sites.distribution == "exnex" for posterior in run.posteriors),
    "followed": lambda run: (
        run.unpublished.paths if run.unpublished is not None else run.known is not None and run.known.path is not None
    ),
    "compared": lambda run: run.known is not None and run.known.comparison is not None,
}
"""What a run can have done, and whether it did."""
