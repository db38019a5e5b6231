"""Models in words and equations, their priors, and what these predict of the effect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bayes_lupil.numbers import interval, points, points_interval, probability
from bayes_lupil.posterior.diagnostics import effective_draws, mcse_proportion
from bayes_lupil.priors import Univariate
from bayes_lupil.priors.families import Dirichlet
from bayes_lupil.report.media.blocks import Block, Equation, Heading, Paragraph, Table
from bayes_lupil.report.reanalysis.adjusted import adjusted_blocks
from bayes_lupil.report.reanalysis.contents import Contents
from bayes_lupil.report.reanalysis.equations import estimand_equation, model_equations
from bayes_lupil.spec import Covariates, ModelSpec
from bayes_lupil.trials.direction import EventWords

__all__ = ["PARAMETERS", "model_blocks", "prior_effects", "prior_effects_table", "prior_moments", "prior_records"]

PARAMETERS = {
    "alpha": "average log odds",
    "beta": "average log odds ratio, active against control",
    "tau_u": "between-site SD of the log odds",
    "tau_v": "between-site SD of the log odds ratio",
    "tau_c": "SD between countries of the log odds",
    "tau_d": "SD between countries of the log odds ratio",
    "correlation": "correlation of site levels and site effects",
    "df": "degrees of freedom of the site effects",
    "outlier_share": "share of outlying sites",
    "country_outlier_share": "share of outlying countries",
    "coefficients": "log odds ratio of a covariate",
    "nonexchangeable": "log odds ratio of a site that is not exchangeable",
    "site_shares": "each site's share of patients",
    "retention": "chance to be in the published subset",
}
"""Parameters with a prior, in words."""


def model_blocks(contents: Contents) -> list[Block]:
    """How the lead model is built, in equations; which models there are; the priors, each with its reason."""
    import pandas as pd

    lead = contents.lead
    fitted = contents.reanalysis.fitted
    blocks: list[Block] = []
    shown = lead.spec if lead is not None else fitted[0].model if fitted else None
    if shown is not None:
        # whether the likelihood sums over the unknown sites of the patients
        margins = contents.trial.resolution == "margins" and not shown.sites.pooled
        words = _in_words(shown, margins, contents.trial.end_point.words)
        blocks += [
            Paragraph(f"The main analysis, `{shown.name}`: {shown.title}. {words}"),
            Equation((*model_equations(shown, margins=margins), estimand_equation(shown, margins=margins))),
        ]
    records = prior_records(contents)
    blocks += [
        Heading("All models", 3),
        Table.of(
            ("model", "what it assumes", "role", "population", "levels of sites", "effects of sites"),
            [
                (f"`{m.name}`", m.title, m.role, m.population, m.sites.intercepts, m.sites.effects)
                for m in (item.model for item in contents.reanalysis.analyses)
            ],
            "The models, each declared in a file of its own; 'partial': drawn from a common distribution, so shrunk",
        ),
        *adjusted_blocks(contents),
        Heading("Priors", 3),
        Table.of(
            ("parameter", "prior", "mean", "SD", "95 % range", "models", "why"),
            [_prior_row(record) for record in records],
            "Priors of every model; log odds, log odds ratios and their SDs have no unit",
            "priors.csv",
            pd.DataFrame(records),
        ),
    ]
    return blocks


def _in_words(spec: ModelSpec, margins: bool, called: EventWords) -> str:
    counted = called.patients.capitalize()
    if spec.pooled:
        words = f"{counted} of an arm are binomial; sites are not told apart."
        if spec.covariates is not None:
            return _with_covariates("Sites are not told apart.", spec, "an arm", "the trial")
        return words
    words = (
        f"{counted} y of n patients at site s in arm a (0 control, 1 active) are binomial with a probability p; on the "
        "log-odds scale sites have levels and effects of their own. What is drawn from a common distribution is pulled "
        "towards it, the more the fewer patients a site has: outlying sites are shrunk and not deleted."
    )
    if margins:
        words = (
            "The site of a patient was never published. Each class c of patients (arm, response, in the published "
            "subset or not) has a known count m; the sites that such a patient may come from (A) are summed over, each "
            "with its unknown share of patients (pi) and the chance of being in the published subset or out of it (w, "
            f"made of the retention rho; 1 at an excluded site). At each site the probability p of {called.one} has a "
            "level and an effect of its own, drawn from a common distribution and so pulled towards it."
        )
    if spec.countries is not None:
        own = (("levels c", spec.countries.intercepts), ("effects d", spec.countries.effects))
        differ = " and ".join(name for name, pooling in own if pooling != "pooled")
        words += f" Sites lie in countries g (or other groups), whose {differ} differ too"
        words += ", and some of which are outlying." if spec.countries.is_mixture else "."
        if spec.countries.fixed_sd is not None:
            words += (
                f" Their levels are each one's own, with the known SD {spec.countries.fixed_sd:g}, and hardly shrunk."
            )
    return words if spec.covariates is None else _with_covariates(words, spec, "one site and arm", "each site")


def _with_covariates(words: str, spec: ModelSpec, alike: str, over: str) -> str:
    assert spec.covariates is not None
    named = ", ".join(_covariate_words(spec.covariates))
    return (
        f"{words} Patients of {alike} differ by their covariates z ({named}), centred at their mean; the "
        f"effect is that of each patient in either arm, averaged over the patients of {over}."
    )


def _covariate_words(covariates: Covariates) -> Iterator[str]:
    """Each column, with its kind where it enters otherwise than as it stands."""
    for name in covariates.columns:
        if name in covariates.splines:
            yield f"{name} as a natural cubic spline with {covariates.splines[name]} degrees of freedom"
        else:
            yield f"{name} in steps {' < '.join(covariates.ordered[name])}" if name in covariates.ordered else name


def prior_moments(prior: Univariate, sites: int) -> tuple[float, float, float, float]:
    """Mean, SD, and the limits of the central 95 % of a prior; NaN where a mean or an SD does not exist."""
    from scipy import integrate, stats

    if isinstance(prior, Dirichlet):
        share = stats.beta(prior.concentration, (sites - 1) * prior.concentration) if sites > 1 else stats.uniform(1, 0)
        return float(share.mean()), float(share.std()), float(share.ppf(0.025)), float(share.ppf(0.975))
    low, high = (float(prior.ppf(q)) for q in (0.025, 0.975))
    if prior.tail <= 1:
        return np.nan, np.nan, low, high
    mean = integrate.quad(lambda q: float(prior.ppf(q)), 0, 1, limit=200)[0]
    if prior.tail <= 2:
        return mean, np.nan, low, high
    centre, _ = integrate.quad(lambda q: (float(prior.ppf(q)) - mean) ** 2, 0, 1, limit=200)
    return mean, float(np.sqrt(centre)), low, high


def prior_records(contents: Contents) -> list[dict[str, Any]]:
    """One record a parameter and prior, with the models that share it; numbers unrounded."""
    used: dict[tuple[str, str, str], list[str]] = {}
    priors: dict[tuple[str, str, str], Univariate] = {}
    for item in contents.reanalysis.fitted:
        posterior = item.posterior
        assert posterior is not None  # that is what fitted means
        for name, prior in item.model.priors.items():
            # some are declared for trials of another kind: their parameters are not in the posterior
            drawn = {"site_shares": "site_share"}.get(name, name) in posterior.data["posterior"].data_vars
            if drawn or name in ("nonexchangeable", "coefficients"):
                key = (name, prior.describe(), prior.reason)
                used.setdefault(key, []).append(item.model.name)
                priors[key] = item.model.priors.marginal(name)
    records = []
    for key in sorted(used, key=lambda key: list(PARAMETERS).index(key[0])):
        name, described, reason = key
        mean, sd, low, high = prior_moments(priors[key], len(contents.trial.site_names))
        records.append(
            {
                "parameter": name, "prior": described, "mean": mean, "sd": sd, "q2_5": low, "q97_5": high,
                "models": ", ".join(used[key]), "reason": reason,
            }
        )  # fmt: skip
    return records


def _prior_row(record: dict[str, Any]) -> tuple[str, ...]:
    name, models = record["parameter"], record["models"].split(", ")
    return (
        f"{PARAMETERS[name]} (`{name}`)", record["prior"], _number(record["mean"]), _number(record["sd"]),
        interval(_number(record["q2_5"]), _number(record["q97_5"])), ", ".join(f"`{model}`" for model in models),
        record["reason"],
    )  # fmt: skip


def _number(value: float) -> str:
    return "does not exist" if np.isnan(value) else f"{0.0 if abs(value) < 1e-9 else value:.3g}"


def prior_effects(contents: Contents) -> list[dict[str, Any]]:
    """What each model's priors say of the risk difference before the data: one record a model."""
    records = []
    for posterior in contents.sound:
        draws = np.asarray(posterior.data["prior"]["risk_difference"].values, dtype=float)
        low, middle, high = (float(q) for q in np.quantile(draws, [0.025, 0.5, 0.975]))
        event = posterior.provenance.end_point.sign * draws > 0
        chance, error = float(event.mean()), mcse_proportion(event, effective_draws(draws))
        records.append(
            {
                "model": posterior.spec.name, "risk_difference": middle, "rd_lower": low, "rd_upper": high,
                "p_benefit": chance, "p_benefit_mcse": error,
            }
        )  # fmt: skip
    return records


def prior_effects_table(contents: Contents) -> Table:
    """The same in a table."""
    import pandas as pd

    records = prior_effects(contents)
    rows = [
        (
            f"`{item['model']}`", points(item["risk_difference"]),
            points_interval(item["rd_lower"], item["rd_upper"]),
            probability(item["p_benefit"], item["p_benefit_mcse"]),
        )
        for item in records
    ]  # fmt: skip
    return Table.of(
        ("model", "risk difference, median (points)", "95 % of its prior", "P(benefit) before the data"),
        rows,
        "The risk difference before the data, by model, in percentage points",
        "priors_of_effect.csv",
        pd.DataFrame(records),
    )
