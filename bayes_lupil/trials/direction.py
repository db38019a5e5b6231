"""Whether what is counted sounds like a harm or like something good, by the names of columns and values."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["EventWords", "counted_words", "event_words", "sense", "sense_of_counted"]

Sense = Literal["harm", "good", ""]

_HARM = re.compile(
    r"death|\bdead\b|\bdie[ds]?\b|deceas|mortal|fatal|relaps|recurr|failure|fail$|failed|unsuccess|adverse|\bs?aes?\b|"
    r"toxicit|bleed|haemorrhag|hemorrhag|stroke|infarct|\bmi\b|progress|hospitali[sz]|readmi|complication|infection|"
    r"sepsis|preterm|stillbirth|miscarr|worse|deteriorat|rejection|amputat|fracture|thrombo|emboli|\bmace\b|"
    r"\bevents?\b|disabilit|pancreatitis|\bpep\b|intubat|ventilat|transplant|withdraw|dropout|\bdth|kill|suicid|injur|"
    r"nonresp|\bpoor\b|\bbad\b|unfavou?rable|uncured|unimproved|unhealed|unresolved|unresponsive|"
    r"\btod(?![a-df-z])|\btot(e[mnrs]?)?\b|gestorben|verstorben|sterb|exitus|r(ue|u)ckfall|rezidiv|komplikation|"
    r"nebenwirkung|versag|misserfolg|blutung|schlaganfall|infarkt|infektion|verschlecht|"
    r"\bmort[eios]?s?\b|\bdeces|deced|rechute|recidiv|echec|indesirable|aggrav|\bmuert|\bmurio|fallec|\bfracaso|empeor"
)
_GOOD = re.compile(
    r"surviv|alive|\bliv(e|es|ed|ing)\b|\bcure|recover|remission|respon[sd]|improv|success|heal(ed|ing)|resol[uv]|"
    r"\bfavou?rable|\bgood\b|benefi|\bclear|"
    r"leb(t|end)|ueberleb|uberleb|geheilt|heilung|genes(en|ung)|besser|\berfolg|ansprech|"
    r"vivant|\bviv[aeio]s?\b|survi(e|t)|survecu|gueri|ameliore|succes|repon[ds]|curad|supervivencia|\bexito|mejor|"
    r"sopravviv|guarit"
)
_NOT = re.compile(
    r"(?:no(?! of\b)|not|none|never|without|free (?:of|from)|"
    r"kein[a-z]*|nicht|nein|ohne|pas|sans|sin|senza|nessun[a-z]*)\b ?(.*)"
)
_NOT_THIS = re.compile(r"()non\b ?(\w*) ?(.*)|(.*?)(\w+?) ?(?:free|frei)\b ?(.*)")
"""Of one word alone: a 'non-cardiac death' is a death, and a 'steroid-free remission' a remission."""
_NO = {"0", "n", "f", "false", "no", "non", "none", "not", "never", "nein", "kein", "nicht", "niet"}
_YES = {"1", "y", "yes", "t", "true", "j", "ja", "o", "oui", "s", "si"}


@dataclass(frozen=True)
class EventWords:
    """How what is counted is called: one of them with its article, several, the patients, and the probability."""

    one: str
    many: str
    patients: str
    probability: str
    rate: str


_RESPONSES = EventWords("a response", "responses", "responders", "response probability", "response rate")
_EVENTS = EventWords("an event", "events", "events", "risk", "event rate")


def event_words(benefit: str) -> EventWords:
    """Responses where higher is better; events where lower is, since nobody would call the dead responders.

    Examples
    --------
    >>> event_words("lower").many, event_words("higher").patients
    ('events', 'responders')
    """
    return _RESPONSES if benefit == "higher" else _EVENTS


def sense(text: str) -> Sense:
    """Whether a name sounds like a harm, like something good, or like neither.

    Examples
    --------
    >>> [sense(text) for text in ("Death_30d", "Rückfall", "event-free", "not improved", "vivant", "status")]
    ['harm', 'harm', 'good', 'harm', 'good', '']
    """
    word = _plain(text)
    if (found := _NOT.fullmatch(word)) is not None:
        return _turned(_bare_sense(found[1]))
    if (found := _NOT_THIS.fullmatch(word)) is not None:
        before, this, after = [part for part in found.groups() if part is not None]
        return _bare_sense(f"{before} {after}") or _turned(_bare_sense(this))
    return _bare_sense(word)


def sense_of_counted(column: str, values: Sequence[str]) -> Sense:
    """The same of the values that are counted of a column, or of a condition ('<= 0'): one harm among them is a harm.

    Examples
    --------
    >>> sense_of_counted("death", ["no"]), sense_of_counted("status", ["dead"]), sense_of_counted("cured", ["0"])
    ('good', 'harm', 'harm')
    """
    found = {_of_value(column, value) for value in values} or {sense(column)}
    return "harm" if "harm" in found else "good" if "good" in found else ""


def counted_words(column: str, values: Sequence[str]) -> str:
    """What is counted, for labels; the column alone where its value plainly says so.

    Examples
    --------
    >>> counted_words("death", ["no"]), counted_words("score", ["<= 3"]), counted_words("death", ["yes"])
    ('death = no', 'score <= 3', 'death')
    """
    if len(values) == 1 and values[0][:1] in ("<", ">"):
        return f"{column} {values[0]}"
    if all(_plain(value) in _YES for value in values):
        return column
    return f"{column} = {' or '.join(values[:3])}{' or ...' if len(values) > 3 else ''}"


def _of_value(column: str, value: str) -> Sense:
    if value[:1] in ("<", ">"):
        return _turned(sense(column)) if value[0] == "<" else sense(column)
    if _plain(value) in _NO:
        return _turned(sense(column))
    return sense(value) or sense(column)


def _bare_sense(word: str) -> Sense:
    return "harm" if _HARM.search(word) else "good" if _GOOD.search(word) else ""


def _turned(found: Sense) -> Sense:
    return {"harm": "good", "good": "harm", "": ""}[found]  # type: ignore[return-value]


def _plain(text: str) -> str:
    """In lower case, without accents, signs, and the number that stands before a label ('1_yes')."""
    bare = "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))
    word = " ".join(re.sub(r"[\W_]+", " ", bare.casefold()).split())
    return re.sub(r"^\d+ (?=\S)", "", word)
