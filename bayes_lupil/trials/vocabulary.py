"""Names that columns commonly have, by what they hold."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import product

__all__ = [
    "ARMS",
    "IDS",
    "NEUTRAL",
    "NON_RESPONDERS",
    "NON_RESPONSE",
    "NUMBERS",
    "OUTCOMES",
    "RESPONDERS",
    "SITES",
    "VISITS",
    "WIDE",
    "fits",
    "fitting",
    "plain",
]

Ranks = tuple[tuple[str, ...], ...]
"""Names without signs and capitals; those of the first rank go before those of the second."""

SITES: Ranks = (
    ("site", "siteid", "sitename", "siteno", "sitenumber", "sites", "center", "centre", "centers", "centres",
     "centerid", "centreid", "centerno", "centreno", "studysite"),
    ("clinic", "hospital", "institution", "practice", "clinicid", "hospitalid"),
    ("study", "trial", "studyname", "trialname", "studlab"),
    ("author",),
)  # fmt: skip
ARMS: Ranks = (
    ("trt01p", "trtp"),
    ("arm",),
    ("treat", "treatment", "trt", "arms", "treatmentarm", "treatmentgroup", "trtgroup", "trtgrp", "armcd", "studyarm"),
    ("group", "grp", "rx", "tx", "therapy", "intervention", "allocation", "randomisation", "randomization", "drug"),
)
OUTCOMES: Ranks = (
    ("response", "responder", "outcome", "event", "y", "endpoint"),
    ("status", "improved", "improvement", "success", "cured", "cure", "relapse", "relapsed", "failure", "death",
     "died", "dead", "survived", "remission", "recovered", "recovery", "vitalstatus", "tod", "mort", "muerte"),
)  # fmt: skip
RESPONDERS: Ranks = (
    ("responders", "responder", "nresponders"),
    ("events", "nevents", "numevents", "eventcount", "cases", "successes", "deaths", "r", "x", "ei", "event"),
)
NEUTRAL = ("", *RESPONDERS[0], "r", "x", "ei", "successes", "cases")
"""Names of counts that say nothing of what was counted."""
NON_RESPONDERS: Ranks = (
    ("nonresponders", "nonresponder", "nnonresponders", "nonresponse", "noresponse", "notresponding", "notresponded"),
    ("nonevents", "noevents", "nnonevents", "noncases", "failures", "survivors", "noevent"),
)
NON_RESPONSE: Ranks = NON_RESPONDERS[:1]
"""Names that say of themselves that there was no response, so that the others of all patients responded."""
NUMBERS: Ranks = (("n",), ("ntotal", "total", "patients", "npatients", "size", "samplesize", "randomised", "randomized",
                           "nrandomised", "nrandomized", "denominator", "ni"))  # fmt: skip
_PERSONS = ("patient", "subject", "participant", "sujet", "paciente", "paziente", "proband", "teilnehmer")
_NUMBER = ("id", "no", "nr", "num", "number", "nummer", "numero", "kennung")
_KEY = ("code", "key", "identifier", "identifiant", "schlussel", "codigo", "codice")


def _joined(*parts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map("".join, product(*parts)))


IDS: Ranks = (
    ("usubjid",),
    (*_PERSONS[:3], "pid", "pt", "recordid",
     *_joined((*_PERSONS, "patienten", "probanden", "pat", "subj", "pt"), (*_NUMBER, *_KEY)),
     # the person last in the singular alone: "no. patients" and "number of patients" are counts
     *_joined((*_NUMBER, *_KEY), ("", "de", "du", "del", "di"), _PERSONS),
     "caseno", "casenr", "casenum", "casenumber", "fallnr", "fallnummer", "fallkennung"),
    ("id", "idno", "caseid", "fallid"),
    # a randomisation code may be that of the treatment
    _joined(("screening", "scr", "rand", "randomisation", "randomization", "randomisations", "randomisierungs"),
            _NUMBER),
)  # fmt: skip
VISITS: Ranks = (
    ("visit", "visitnum", "visitno", "avisit", "avisitn", "week", "month", "period", "timepoint", "wave", "followup"),
    ("time", "day", "year"),
)
WIDE = (
    ("ai", "bi", "ci", "di"), ("ai", "n1i", "ci", "n2i"),
    ("eventst", "nt", "eventsc", "nc"), ("evente", "ne", "eventc", "nc"), ("eventt", "nt", "eventc", "nc"),
    ("rt", "nt", "rc", "nc"), ("eventsactive", "nactive", "eventscontrol", "ncontrol"),
    ("respondersactive", "nactive", "responderscontrol", "ncontrol"),
)  # fmt: skip
"""Of a row a site: events and patients (or non-events) of active, then of control."""

_OWN = {"site", "arm", "response", "responders", "n", "patient", "nonresponders"}
"""The names that this package gives to columns itself."""


def plain(name: str) -> str:
    """A name without signs, accents and capitals.

    Examples
    --------
    >>> plain("Numéro patient"), plain("N° patient")
    ('numeropatient', 'nopatient')
    """
    return re.sub(r"[^a-z0-9]", "", unicodedata.normalize("NFKD", name.replace("°", "o")).casefold())


def fits(name: str, ranks: Ranks) -> bool:
    """Whether a name is one of any rank."""
    return any(plain(name) in rank for rank in ranks)


def fitting(columns: Iterable[str], ranks: Ranks) -> tuple[str, ...]:
    """The columns whose names fit, of the first rank that has any; one that fits to the letter goes before all."""
    by_name = [(name, plain(name)) for name in columns]
    for rank in ranks:
        exact = [name for name, _ in by_name if name == rank[0] and name in _OWN]
        if exact:
            return (exact[0],)
        if found := [name for name, word in by_name if word in rank]:
            return tuple(found)
    return ()
