"""What a model file may say: one complete, prespecified analysis."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from bayes_lupil.cards import Card, Shown
from bayes_lupil.characters import name_fault, repeated
from bayes_lupil.documents import NAME_PATTERN, Document, canonical_hash, parse_document, requirement
from bayes_lupil.errors import ModelError
from bayes_lupil.priors import (
    ControlRiskBeta,
    EffectOnRisk,
)  # fmt: skip
from bayes_lupil.spec.alternative import Alternative
from bayes_lupil.spec.countries import Countries
from bayes_lupil.spec.covariates import Covariates, check_covariates
from bayes_lupil.spec.editing import edited_content, full_key
from bayes_lupil.spec.edits import Edits, edits_between
from bayes_lupil.spec.outliers import deviations_of
from bayes_lupil.spec.sites import Sites
from bayes_lupil.spec.tables import Decision, Errors, Priors, Sampler, Text

__all__ = ["Alternative", "ModelSpec", "Role"]

Role = Literal["primary", "secondary", "sensitivity", "reference"]
_WORDS = ("name", "title", "role", "question", "estimand", "only_for", "alternatives", "edits")
"""Keys that tell what a model is for, and beside what it is put, and change none of its own results."""


class ModelSpec(Shown, Document):
    """One declared analysis, as its file in `models/` states it."""

    schema_version: Literal[1] = Field(alias="schema")
    name: Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
    title: Text
    role: Role
    question: Text
    end_point: Annotated[str, StringConstraints(pattern=NAME_PATTERN)] = "primary"
    population: Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
    without_sites: tuple[Text, ...] = ()
    estimand: Text
    only_for: tuple[Text, ...] = ()
    sites: Sites
    countries: Countries | None = None
    covariates: Covariates | None = None
    errors: Errors | None = None
    priors: Priors
    decision: Decision = Decision()
    sampler: Sampler
    alternatives: tuple[Alternative, ...] = ()
    edits: Edits | None = None

    @field_validator("without_sites", "only_for")
    @classmethod
    def _each_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if twice := repeated(names):
            raise requirement("", f"'{twice}' twice", "each once")
        if faults := [fault for name in names if (fault := name_fault(name))]:
            raise requirement("", faults[0], "names on one line")
        return names

    @model_validator(mode="after")
    def _priors_fit_pooling(self) -> ModelSpec:
        for part, tau in (("intercepts", "tau_u"), ("effects", "tau_v")):
            pooling, given = getattr(self.sites, part), getattr(self.priors, tau) is not None
            if pooling == "partial" and not given:
                raise requirement(f"priors.{tau}", "nothing", f"a prior, because sites.{part} = 'partial'")
            if pooling != "partial" and given:
                raise requirement(f"priors.{tau}", "a prior", f"none, because sites.{part} = '{pooling}'")
        if self.sites.correlated and self.priors.correlation is None:
            raise requirement("priors.correlation", "nothing", "a prior, because sites.correlated = true")
        if not self.sites.correlated and self.priors.correlation is not None:
            raise requirement("priors.correlation", "a prior", "none, because sites.correlated = false")
        return self

    @model_validator(mode="after")
    def _priors_fit_distribution(self) -> ModelSpec:
        kind = self.sites.distribution
        for key, wanted in (("df", kind == "student_t"), ("outlier_share", self.sites.is_mixture)):
            fixed, prior = getattr(self.sites, key), getattr(self.priors, key)
            if wanted and fixed is None and prior is None:
                either = f"a number there, or the prior priors.{key}, because sites.distribution = '{kind}'"
                raise requirement(f"sites.{key}", "nothing", either)
            if wanted and fixed is not None and prior is not None:
                raise requirement(f"priors.{key}", "a prior", f"none, because sites.{key} = {fixed:g} fixes it")
            if not wanted and prior is not None:
                raise requirement(f"priors.{key}", "a prior", f"none, because sites.distribution = '{kind}'")
        given, wanted = self.priors.nonexchangeable is not None, kind == "exnex"
        if given != wanted:
            found, required = ("a prior", "none") if given else ("nothing", "a prior")
            raise requirement("priors.nonexchangeable", found, f"{required}, because sites.distribution = '{kind}'")
        return self

    @model_validator(mode="after")
    def _countries_fit(self) -> ModelSpec:
        """What [countries] needs of priors and sites, and what there is none of without it."""
        table = self.countries
        for part, tau in (("intercepts", "tau_c"), ("effects", "tau_d")):
            pooling, given = table and getattr(table, part), getattr(self.priors, tau) is not None
            why = f"countries.{part} = '{pooling}'" if table else "there is no [countries]"
            if pooling == "partial" and not given:
                raise requirement(f"priors.{tau}", "nothing", f"a prior, because {why}")
            if pooling != "partial" and given:
                raise requirement(f"priors.{tau}", "a prior", f"none, because {why}")
            if pooling in ("partial", "fixed") and getattr(self.sites, part) == "fixed":
                reason = (
                    f"'pooled', because sites.{part} = 'fixed': what each site has of its own leaves nothing to say"
                )
                raise requirement(f"countries.{part}", f"'{pooling}'", f"{reason} of its country")
        share, given = table and table.outlier_share, self.priors.country_outlier_share is not None
        if not (table and table.is_mixture and share is None):
            if given:
                raise requirement("priors.country_outlier_share", "a prior", "none: no share of countries is estimated")
        elif not given:
            either = "a number there, or the prior priors.country_outlier_share"
            raise requirement("countries.outlier_share", "nothing", either)
        if table and any(to_v for _, to_v in self.country_deviations.values()) and self.sites.effects == "fixed":
            required = "'site', because sites.effects = 'fixed'"
            raise requirement("countries.outliers", f"'{table.outliers}'", required)
        if table and self.sites.distribution == "exnex":
            required = "another, because of [countries]: whether a country moves an effect of its own is not said"
            raise requirement("sites.distribution", "'exnex'", required)
        if table and self.continuous:
            required = "none, because with priors.sigma the end point is continuous: countries are of binary ones alone"
            raise requirement("countries", "a table", required)
        return self

    @model_validator(mode="after")
    def _covariates_fit(self) -> ModelSpec:
        check_covariates(self)
        return self

    @model_validator(mode="after")
    def _risks_are_told(self) -> ModelSpec:
        """A prior stated for risks needs to know the control arm's."""
        for key, prior in (("alpha", self.priors.alpha), ("beta", self.priors.beta)):
            if not isinstance(prior, ControlRiskBeta | EffectOnRisk):
                continue
            found = f"'{prior.family}'"
            if self.continuous:
                raise requirement(f"priors.{key}.family", found, "one of means: with priors.sigma there are no risks")
            if self.sites.coding != "reference":
                why = "with centred coding alpha is midway between the arms, and no control risk"
                raise requirement("sites.coding", f"'{self.sites.coding}'", f"'reference', because of {found}: {why}")
            for part in ("intercepts", "effects"):
                if key == "beta" and getattr(self.sites, part) == "fixed":
                    why = "it is a prior of one effect at one control risk"
                    raise requirement(f"sites.{part}", "'fixed'", f"'pooled' or 'partial', because of {found}: {why}")
        return self

    @model_validator(mode="after")
    def _fits_kind(self) -> ModelSpec:
        """What only one kind of end point has."""
        priors, errors = self.priors, self.errors
        if self.continuous:
            student = errors is not None and errors.distribution == "student_t"
            fixed = errors is not None and errors.df is not None
            if student and not fixed and priors.error_df is None:
                raise requirement("errors.df", "nothing", "a number there, or the prior priors.error_df")
            if priors.error_df is not None and (fixed or not student):
                required = "none, because " + ("errors.df fixes it" if fixed else "errors are normal")
                raise requirement("priors.error_df", "a prior", required)
            if fixed and not student:
                raise requirement("errors.df", "a number", "none, because errors.distribution = 'normal'")
            return self
        for key, given in (("errors", errors), ("priors.error_df", priors.error_df), ("priors.gamma", priors.gamma)):
            if given is not None:
                raise requirement(key, "a table", "none, because without priors.sigma the end point is binary")
        decision = self.decision
        for key, values in (
            ("ladder", decision.ladder),
            ("harm", (decision.harm,)),
            ("relevant", (decision.relevant,)),
        ):
            for value in values:
                if not -1 < value < 1:
                    required = "a risk difference between -1 and 1, because the end point is binary"
                    raise requirement(f"decision.{key}", f"{value:g}", required)
        return self

    @model_validator(mode="after")
    def _alternatives_are_models(self) -> ModelSpec:
        if twice := repeated([item.name for item in self.alternatives]):
            raise requirement("alternatives", f"'{twice}' twice", "each name once")
        for item in self.alternatives:
            if not item.priors.items():
                raise requirement(f"alternatives.{item.name}.priors", "none", "at least one prior")
            self.under(item)
        return self

    def under(self, alternative: Alternative) -> ModelSpec:
        """The model with the priors of an alternative in place of its own, and with its countries.

        Raises
        ------
        ModelError
            Where there is no such prior, or it is none.
        """
        countries = {} if alternative.countries is None else {"countries": alternative.countries}
        priors = {f"priors__{name}": prior for name, prior in alternative.priors.items()}
        return self.edited(alternatives=[], **countries, **priors)

    @property
    def country_deviations(self) -> dict[str, tuple[float, float]]:
        """By arm (or 'site') in which outlying countries deviate: what a deviation of 1 adds to (c, d)."""
        return deviations_of(self.countries.outliers if self.countries else None, self.sites.x)

    @property
    def pooled(self) -> bool:
        """Whether neither sites nor countries play any part, so that totals hold all that is said of them."""
        return self.sites.pooled and self.countries is None

    @property
    def continuous(self) -> bool:
        """Whether the model is of a continuous end point."""
        return self.priors.sigma is not None

    @property
    def called(self) -> str:
        """The name, with what was edited."""
        if self.edits is None:
            return self.name
        return self.edits.words if self.edits.of == self.name else f"{self.name} ({self.edits.words})"

    @property
    def headed(self) -> str:
        """Name, title and covariates, as headings say them; an edited title begins with the name already."""
        words = self.title if self.edits and self.title == self.called else f"{self.name}: {self.title}"
        return words if self.covariates is None else f"{words} ({', '.join(self.covariates.columns)})"

    @property
    def effect_scale(self) -> str:
        """What the prior of the treatment effect is a prior of."""
        return "mean difference" if self.continuous else "log odds ratio"

    @property
    def hash(self) -> str:
        """SHA-256 of what decides the results: data, sites, priors, what is asked of the effect, and the sampler.

        Names, questions and the reasons of priors do not enter, nor do comments and layout of the file.
        """
        content = {key: value for key, value in self.to_dict().items() if key not in _WORDS}
        for prior in content["priors"].values():
            if prior is not None:
                del prior["reason"]
        return canonical_hash(content)

    def to_dict(self) -> dict[str, Any]:
        """As plain data, which `ModelSpec.from_dict` reads back."""
        content: dict[str, Any] = json.loads(self.model_dump_json(by_alias=True))
        # keys that came later do not enter where they are not used, so that models keep their hashes
        priors, covariates = content["priors"], content["covariates"] or {"ordered": {}, "splines": {}}
        for table, key in (
            (content, "errors"), (priors, "error_df"), (priors, "excluded_shares"), (priors, "excluded_level"),
            (content, "alternatives"), (content, "edits"), (content, "countries"), (priors, "tau_c"),
            (priors, "tau_d"), (priors, "country_outlier_share"), (content, "covariates"), (priors, "coefficients"),
            (covariates, "ordered"), (covariates, "splines"),
        ):  # fmt: skip
            if not table[key]:
                del table[key]
        for table in (content, *content.get("alternatives", ())):
            for key in ("df", "fixed_sd") if table.get("countries") else ():
                if table["countries"][key] is None:
                    del table["countries"][key]
        for item in content.get("alternatives", ()):
            item["priors"] = {name: prior for name, prior in item["priors"].items() if prior is not None}
        return content

    @classmethod
    def from_dict(cls, content: dict[str, Any], where: str = "model") -> ModelSpec:
        """A model from plain data, checked like a file.

        Raises
        ------
        ModelError
            Naming the key, what was found and what is required.
        """
        return parse_document(content, cls, ModelError, where)

    def edited(self, **changes: Any) -> ModelSpec:
        """A copy with some values changed, checked afresh; nested keys are written with a double underscore.

        A prior that is changed loses the reason that was written for another, unless a reason comes with it. A model
        whose priors, sites, errors or population are changed says so in its title, and is a sensitivity analysis,
        unless a title and a role come with the changes.

        Examples
        --------
        >>> from bayes_lupil.spec import load_model
        >>> spec = load_model("itt_pooled")
        >>> spec.edited(sampler__seed=7, name="mine").sampler.seed
        7
        >>> spec.edited(population="pp").title
        'itt_pooled, edited: population pp'
        """
        where = f"model '{self.name}', edited"
        after = self.from_dict(edited_content(where, self.to_dict(), changes), where)
        edits = edits_between(self, after)
        if edits is None or edits == self.edits:
            return after
        own = {"title": edits.words, "role": "sensitivity"}
        return after.model_copy(update={key: own[key] for key in own if key not in changes} | {"edits": edits})

    def with_(self, **changes: Any) -> ModelSpec:
        """A copy with some values changed, each named by its key alone, whatever table of the file it stands in.

        Parameters
        ----------
        **changes
            alpha, beta, tau_u ...: priors, as made by the functions of `bayes_lupil.priors` (None takes one away);
            intercepts, effects, distribution, coding ...: what the file says under [sites]; thresholds: differences d
            of the reported P(effect > d), to which 0 is added; harm, relevant; engine, points, chains, draws, seed ...:
            settings of the sampler; name, title, population, without_sites ...: the keys of the model itself. A key in
            two tables (df, outlier_share) is a prior where a prior is given. Nested keys work as for `edited`.

        Raises
        ------
        ModelError
            For a key that there is not, with the nearest, and whatever a file would be refused for.

        Examples
        --------
        >>> from bayes_lupil import priors
        >>> from bayes_lupil.spec import load_model
        >>> spec = load_model("site_effects").with_(beta=priors.normal(0, 0.5), seed=1, thresholds=[0.05])
        >>> spec.priors.beta.sd, spec.sampler.seed, spec.decision.ladder
        (0.5, 1, (0.0, 0.05))
        """
        where, own = f"model '{self.name}'", type(self).model_fields
        return self.edited(**dict(full_key(where, key, value, own) for key, value in changes.items()))

    def to_toml(self) -> str:
        """The text of a model file that says the same; `load_model` reads it back.

        Examples
        --------
        >>> from bayes_lupil.spec import load_model
        >>> load_model("itt_pooled").to_toml().splitlines()[:2]
        ['schema = 1', 'name = "itt_pooled"']
        """
        import tomli_w

        def without_nothing(value: Any) -> Any:
            if isinstance(value, dict):
                return {key: without_nothing(item) for key, item in value.items() if item is not None}
            return [without_nothing(item) for item in value] if isinstance(value, list | tuple) else value

        return str(tomli_w.dumps(without_nothing(self.to_dict())))

    def card(self) -> Card:
        """The question, how sites may differ, the priors, and what is asked of the effect."""
        sites, above, asked = self.sites, self.countries, self.decision
        ladder = ", ".join(f"{d:g}" for d in asked.ladder)
        kind = f"levels {sites.intercepts}, effects {sites.effects}, {sites.distribution}, {sites.coding} coding"
        rows = [
            ("question", self.question),
            ("population", self.population + "".join(f", without {site}" for site in self.without_sites)),
            ("sites", kind),
            *(
                [("countries", f"levels {above.intercepts}, effects {above.effects}, {above.distribution}")]
                if above
                else []
            ),
            *((f"prior of {name}", prior.describe()) for name, prior in self.priors.items()),
            ("asked", f"P(effect > d) for d = {ladder}; relevant: {asked.relevant:g}"),
            ("engine", f"{self.sampler.engine}, seed {self.sampler.seed}"),
        ]
        calls = ("bl.fit(model, trial)", "model.with_(beta=bl.priors.normal(0, 0.5))", "model.to_toml()")
        return Card(f"Model '{self.name}' ({self.role}): {self.title}", tuple(rows), calls=calls)
