"""A model file as equations, in LaTeX."""

from __future__ import annotations

from bayes_lupil.spec import Countries, ModelSpec
from bayes_lupil.spec.sites import Sites

__all__ = ["estimand_equation", "model_equations"]


def model_equations(spec: ModelSpec, *, margins: bool) -> tuple[str, ...]:
    """Likelihood, linear predictor and site distribution of a model of a binary end point.

    Parameters
    ----------
    margins : bool
        Whether the site of a patient is not known, so that the likelihood sums over the sites.
    """
    sites = spec.sites
    if spec.pooled and not margins and spec.covariates is None:
        return (
            r"y_{a} \sim \text{Binomial}(n_{a},\, p_{a})",
            rf"\text{{logit}}\, p_{{a}} = \alpha + \beta x_{{a}},{_x(spec)}",
        )
    level = {"pooled": r"\alpha", "partial": r"\alpha + u_{s}", "fixed": r"\alpha_{s}"}[sites.intercepts]
    effect = {"pooled": r"\beta", "partial": r"(\beta + v_{s})", "fixed": r"\beta_{s}"}[sites.effects]
    if spec.countries is not None and spec.countries.intercepts != "pooled":
        level += r" + c_{g}"
    if spec.countries is not None and spec.countries.effects != "pooled":
        effect = rf"({effect.strip('()')} + d_{{g}})"
    predictor = rf"\text{{logit}}\, p_{{sa}} = {level} + {effect}\, x_{{a}},{_x(spec)}"
    if spec.covariates is not None:
        predictor = (
            rf"\text{{logit}}\, p_{{i}} = {level} + {effect}\, x_{{a}} + \sum_{{k}} \gamma_{{k}} z_{{ik}},{_x(spec)}"
        )
        return r"y_{i} \sim \text{Bernoulli}(p_{i})", predictor, *_site_distribution(spec)
    if not margins:
        return (
            r"y_{sa} \sim \text{Binomial}(n_{sa},\, p_{sa})", predictor, *_country_distribution(spec),
            *_site_distribution(spec),
        )  # fmt: skip
    return (
        r"\log L = \sum_{c} m_{c} \log \sum_{s \in A_{c}} \pi_{s}\, w_{cs}\, p_{sa}^{\,r} (1 - p_{sa})^{1 - r}",
        predictor, *_site_distribution(spec),
        r"\pi \sim \text{Dirichlet}, \qquad \rho_{ar} \sim \text{Beta}",
    )  # fmt: skip


def estimand_equation(spec: ModelSpec, *, margins: bool) -> str:
    """The marginal risk difference."""
    if spec.covariates is not None:
        return r"\text{RD} = \frac{1}{n} \sum_{i} (p_{i1} - p_{i0}), \qquad p_{ia}\text{: patient } i \text{ in arm } a"
    if spec.pooled and not margins:
        return r"\text{RD} = p_{1} - p_{0}"
    weight = r"\pi_{s}" if margins else "w_{s}"
    return rf"\text{{RD}} = \sum_{{s}} {weight}\, (p_{{s1}} - p_{{s0}})"


def _x(spec: ModelSpec) -> str:
    control, active = ("-1/2", "+1/2") if spec.sites.coding == "centred" else ("0", "1")
    return rf" \qquad x_{{0}} = {control},\; x_{{1}} = {active}"


def _country_distribution(spec: ModelSpec) -> list[str]:
    """Of the effects of g, the country of site s."""
    table = spec.countries
    if table is None:
        return []
    parts = ("c", table.intercepts), ("d", table.effects)
    laws = [
        _normal("g", [n]) if table.df is None else rf"{n}_{{g}} / \tau_{{{n}}} \sim t_{{{table.df:g}}}"
        for n, pooling in parts
        if pooling == "partial"
    ]
    if table.fixed_sd is not None:
        laws.insert(0, rf"c_{{g}} \sim \text{{N}}(0, {table.fixed_sd:g}^{{2}})")
    lines = [r", \qquad ".join(laws)]
    if table.is_mixture:
        share = r"\omega_{g}" if table.outlier_share is None else f"{table.outlier_share:g}"
        lines.append(_deviation(table, "g", share, " of a whole country"))
    return lines


def _normal(unit: str, names: list[str]) -> str:
    """Of effects by unit: s, the site, or g, its country."""
    return r", \qquad ".join(rf"{n}_{{{unit}}} \sim \text{{N}}(0, \tau_{{{n}}}^{{2}})" for n in names)


def _deviation(level: Sites | Countries, unit: str, share: str, whose: str = "") -> str:
    """What is added to the log odds where a unit is outlying."""
    where = {
        "site": rf"\delta_{{{unit}}}", "control": rf"\delta_{{{unit}}}\,(1 - a)", "active": rf"\delta_{{{unit}}}\, a",
        "arms": rf"\delta_{{{unit}a}}",
    }[level.outliers or "site"]  # fmt: skip
    return (
        rf"\text{{added to logit}}\, p_{{sa}}\text{{{whose}, with probability }} {share}: \quad {where},\; "
        rf"\delta \sim \text{{N}}(0, {level.outlier_sd:g}^{{2}})"
    )


def _site_distribution(spec: ModelSpec) -> list[str]:
    sites = spec.sites
    parts = [name for name, pooling in (("u", sites.intercepts), ("v", sites.effects)) if pooling == "partial"]
    if not parts:
        return []
    if sites.correlated:
        law = r"\text{N}(0, 1)"
        if sites.distribution == "student_t":
            df = r"\nu" if sites.df is None else f"{sites.df:g}"
            law = rf"t_{{{df}}}"
        lines = [
            rf"e_{{s}},\, f_{{s}} \sim {law}, \qquad u_{{s}} = \tau_{{u}} e_{{s}}",
            r"v_{s} = \tau_{v} (r\, e_{s} + \sqrt{1 - r^{2}}\, f_{s})",
        ]
    elif sites.distribution == "student_t":
        df = r"\nu" if sites.df is None else f"{sites.df:g}"
        lines = [r", \qquad ".join(rf"{n}_{{s}} / \tau_{{{n}}} \sim t_{{{df}}}" for n in parts)]
    else:
        lines = [_normal("s", parts)]
    share = r"\omega" if sites.outlier_share is None else f"{sites.outlier_share:g}"
    if sites.distribution == "contaminated":
        lines.append(_deviation(sites, "s", share))
    if sites.distribution == "exnex":
        lines.append(
            rf"\text{{with probability }} {share}\text{{, in place of }} \beta + v_{{s}}: \quad "
            r"\theta_{s} \sim \text{N}(m, s^{2})"
        )
    return lines
