"""References of the methods that a run used, and no others; and the trial's own sources.

The guidelines behind the checklists are cited where these stand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from bayes_lupil.posterior import Posterior
from bayes_lupil.report.reanalysis.bibliography import BIBLIOGRAPHY, Reference
from bayes_lupil.sites.analysis import SiteAnalysis
from bayes_lupil.unpublished.analysis import UnpublishedAnalysis

if TYPE_CHECKING:
    from bayes_lupil.frequentist.hierarchy import HierarchyRow
    from bayes_lupil.report.reanalysis.contents import Contents

__all__ = ["Reference", "references", "trial_sources"]


def references(contents: Contents) -> tuple[Reference, ...]:
    """Those of the methods that this run used, in the order in which a report speaks of them."""
    run = _Run(contents)
    return tuple(reference for reference in BIBLIOGRAPHY if USED[reference.key](run))


def trial_sources(contents: Contents) -> tuple[Reference, ...]:
    """The sources of the trial's numbers, as its file gives them."""
    trial = contents.trial
    return tuple(
        Reference(source.id, source.citation, source.doi, f"numbers of the trial{_licence(source.licence)}")
        for source in trial.sources
    )


def _licence(licence: str) -> str:
    return f" (licence: {licence})" if licence else ""


class _Run:
    """What a run did, as far as references depend on it."""

    def __init__(self, contents: Contents) -> None:
        self.contents = contents
        sites = contents.sites
        self.known = sites if isinstance(sites, SiteAnalysis) else None
        self.hidden = sites if isinstance(sites, UnpublishedAnalysis) else None
        self.posteriors = tuple(_posteriors(contents))
        checks = (engine for _, agreement in contents.reanalysis.agreements for engine in agreement.engines)
        self.samplers = {posterior.provenance.sampler for posterior in self.posteriors} | set(checks)

    def ran(self, name: str) -> bool:
        """Whether a sampler of that name ran."""
        return any(name in sampler for sampler in self.samplers)

    @property
    def nuts(self) -> bool:
        return self.ran("PyMC")

    @property
    def importance(self) -> bool:
        """Whether points were drawn by importance sampling: by quadrature, or of published margins."""
        return self.ran("quadrature") or self.ran("importance sampling")

    def integrates(self, *distributions: str) -> bool:
        """Whether quadrature integrated out site effects with one of these distributions."""
        return any(
            "partial" in (posterior.spec.sites.intercepts, posterior.spec.sites.effects)
            and posterior.spec.sites.distribution in distributions
            for posterior in self.posteriors
            if "quadrature" in posterior.provenance.sampler
        )

    def counts(self, wanted: Callable[[HierarchyRow], object]) -> bool:
        """Whether any row of the trial's hierarchy has it."""
        return any(wanted(row) for row in self.contents.reanalysis.hierarchy)

    @property
    def compared(self) -> bool:
        return self.known is not None and self.known.comparison is not None

    @property
    def followed(self) -> bool:
        """Whether sites were followed from kept to left out."""
        if self.hidden is not None:
            return bool(self.hidden.paths)
        return self.known is not None and self.known.path is not None


def _posteriors(contents: Contents) -> Iterable[Posterior]:
    for item in contents.reanalysis.fitted:
        if item.posterior is not None:
            yield item.posterior
    if contents.sites is not None:
        for attempt in contents.sites.attempts:
            if attempt.posterior is not None:
                yield attempt.posterior


USED: dict[str, Callable[[_Run], object]] = {
    "ich_e9r1": lambda run: bool(run.contents.reanalysis.analyses),
    "hoffman2014": lambda run: run.nuts,
    "seyboldt2026": lambda run: run.ran("nutpie"),
    "abrilpla2023": lambda run: run.nuts,
    "pinheiro1995": lambda run: run.integrates("normal", "contaminated", "exnex"),
    "trefethen2014": lambda run: run.integrates("student_t"),
    "rue2009": lambda run: run.importance,
    "hesterberg1995": lambda run: run.importance,
    "owen2000": lambda run: run.importance,
    "vehtari2024": lambda run: run.importance or run.contents.priors is not None or run.contents.sites is not None,
    "vehtari2021": lambda run: bool(run.posteriors),
    "martin2026": lambda run: bool(run.posteriors),
    "spiegelhalter1994": lambda run: run.contents.priors is not None,
    "matthews2001": lambda run: run.contents.priors is not None,
    "held2022": lambda run: run.contents.priors is not None,
    "newcombe1998": lambda run: run.counts(lambda row: row.two_by_two),
    "miettinen1985": lambda run: run.counts(lambda row: row.two_by_two),
    "boschloo1970": lambda run: run.counts(lambda row: row.two_by_two and row.two_by_two.p_boschloo is not None),
    "lancaster1961": lambda run: run.counts(lambda row: row.two_by_two and row.two_by_two.p_mid is not None),
    "mantel1959": lambda run: run.counts(
        lambda row: row.stratified and (row.stratified.cmh or row.stratified.mh_odds_ratio)
    ),
    "robins1986": lambda run: run.counts(lambda row: row.stratified and row.stratified.mh_odds_ratio_interval),
    "greenland1985": lambda run: run.counts(
        lambda row: row.stratified and row.stratified.mh_risk_difference is not None
    ),
    "sato1989": lambda run: run.counts(lambda row: row.stratified and row.stratified.mh_risk_difference_interval),
    "maurer1995": lambda run: run.counts(lambda row: row.gate_basis != "none"),
    "westfall2001": lambda run: run.counts(lambda row: row.gate.adjusted_p is not None),
    "merkle2019": lambda run: run.known is not None,
    "morris1983": lambda run: run.known is not None,
    "gustafson1996": lambda run: run.known is not None,
    "giordano2018": lambda run: run.known is not None,
    "marshall2007": lambda run: run.known is not None,
    "benjamini1995": lambda run: run.known is not None,
    "meng1994": lambda run: run.known is not None and bool(run.known.checks),
    "neuenschwander2016": lambda run: any(posterior.spec.sites.distribution == "exnex" for posterior in run.posteriors),
    "ibrahim2000": lambda run: run.followed,
    "vehtari2017": lambda run: run.compared,
    "yao2018": lambda run: run.compared,
    "sivula2020": lambda run: run.compared,
}
"""For each reference, whether a run used what it is cited for."""
