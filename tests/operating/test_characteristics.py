"""Operating characteristics: what trials are simulated, what is judged and how, and what the stored result shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, logit

from bayes_lupil import Arms, EndPoint, Trial, fit, load_model
from bayes_lupil.engines import quadrature
from bayes_lupil.errors import InputError, SamplerError, UnsupportedModelError
from bayes_lupil.operating import run
from bayes_lupil.operating.analyses import EXCLUDED, Fitted, country_analyses, most_extreme, standard_analyses
from bayes_lupil.operating.characteristics import (
    DEPENDS_ON,
    SETTINGS,
    OperatingResults,
    operating_characteristics,
)
from bayes_lupil.operating.outlier_detection import PATIENTS, OutlierReach, outlier_reach
from bayes_lupil.operating.performance import CLAIM, performance_of
from bayes_lupil.operating.scenarios import SCENARIOS, Scenario, SimulatedTrial, simulate_trial
from bayes_lupil.operating.staleness import code_hash, model_hash
from bayes_lupil.operating.tables import operating_markdown
from bayes_lupil.trials.cells import Cells
from tests.proofs import FIT

STORED = Path(__file__).with_name("operating.json")
RENEW = "python -W ignore -m bayes_lupil.operating.run"
ERRORS = 4.0
"""Largest difference from a known value, in Monte Carlo errors."""
ANALYSES = standard_analyses()
OF_COUNTRIES = country_analyses()
FAST = tuple(item for item in ANALYSES if item.spec.sites.distribution == "normal")
OUTLIERS = ("outliers_control", "outliers_arms")
LIKE_LUPIL2 = ("contaminated_null", "contaminated_or2", "homogeneous_null", "homogeneous_or2", "ordinary_null")
NULL = tuple(name for name in LIKE_LUPIL2 if name.endswith("null"))
COUNTRIES = ("outlying_country_null", "outlying_country_or2", "countries_alike_null")


@pytest.fixture(scope="module")
def stored() -> OperatingResults:
    return OperatingResults.read(STORED)


def many(scenario: Scenario, trials: int, seed: int) -> Iterator[SimulatedTrial]:
    rng = np.random.default_rng(seed)
    return (simulate_trial(scenario, rng) for _ in range(trials))


# --- trials and their truth


def test_sizes_are_those_declared() -> None:
    """100 patients 1:1, blocks of two within sites; sites of 72/23 patients on average, Dirichlet-multinomial."""
    scenario, counts = SCENARIOS["contaminated_null"], []
    for trial in many(scenario, 400, 20260411):
        n = trial.cells.n
        assert n.sum(axis=0).tolist() == [50, 50]
        assert (n[:2] == 7).all()
        assert np.abs(n[:, 0] - n[:, 1]).max() <= 1
        assert n.sum(axis=1).min() > 0
        assert trial.contaminated.sum() == 2
        counts.append(np.append(n[2:].sum(axis=1), np.zeros(25 - len(n))))  # sites without patients are not there
    first = np.concatenate(counts)
    known = stats.betabinom(72, 1.2, 22 * 1.2)
    assert abs((first**2).mean() - known.var() - known.mean() ** 2) < 0.05 * known.var()
    share = np.mean(first == 0)
    assert abs(share - known.pmf(0)) < ERRORS * np.sqrt(share * (1 - share) / len(counts))


def test_truth_in_closed_form() -> None:
    """All sites alike but for the contaminated ones, which have 28 of 100 patients."""
    base = SCENARIOS["contaminated_or2"]
    trial = simulate_trial(replace(base, tau_u=0.0, tau_v=0.0), np.random.default_rng(1))
    active = 2 * 0.42 / (0.58 + 2 * 0.42)
    assert trial.risk_difference == pytest.approx(0.72 * (active - 0.42) + 0.28 * (active - 1), abs=1e-12)
    assert base.log_odds_ratio == pytest.approx(0.6931471805599453)
    assert trial.cells.responders[:2, 0].tolist() == [7, 7]


def test_site_effects_have_the_declared_spread() -> None:
    """Variances of true log odds and log odds ratios over 5,000 sites, within 4 errors of those of the model."""
    scenario = replace(SCENARIOS["planted_among_large"], contaminated=0, odds_ratio=2.0)
    eta = logit(np.concatenate([trial.risks for trial in many(scenario, 200, 20260412)]))
    effect, error = eta[:, 1] - eta[:, 0], ERRORS * np.sqrt(2 / len(eta))
    assert abs(eta[:, 0].var() / (0.5**2 + 0.2**2 / 4) - 1) < error
    assert abs(effect.var() / 0.2**2 - 1) < error
    assert abs(effect.mean() - np.log(2)) < ERRORS * 0.2 / np.sqrt(len(eta))
    assert abs(eta[:, 0].mean() - logit(0.5)) < ERRORS * 0.51 / np.sqrt(len(eta))


def test_responses_and_truth_go_together() -> None:
    """Observed minus true risk difference, sites weighed alike, has mean 0: brute force over 400 trials."""
    errors = []
    for trial in many(SCENARIOS["planted_among_large"], 400, 20260413):
        rates = trial.cells.responders / trial.cells.n
        errors.append((rates[:, 1] - rates[:, 0]).mean() - trial.risk_difference)
    assert abs(np.mean(errors)) < ERRORS * np.std(errors) / 20


def test_like_lupil2() -> None:
    """Contaminated trials without an effect have 58 % placebo response, as published of LUPIL-2."""
    rates = [trial.cells.totals[0][0] / 50 for trial in many(SCENARIOS["contaminated_null"], 400, 20260414)]
    assert abs(np.mean(rates) - 0.58) < 0.01


def test_countries_have_the_declared_spread_and_shift() -> None:
    """Variances between and within countries, over 5,400 of them, and the shift of one control arm, within 4 errors."""
    scenario, many_trials = SCENARIOS["outlying_country_or2"], 900
    eta = logit(np.stack([trial.risks for trial in many(scenario, many_trials, 20261101)]))
    by_country = eta.reshape(many_trials, 6, 2, 2)
    within = by_country[..., 1, 1] - by_country[..., 0, 1]  # of active arms, which nothing shifts
    error = ERRORS * np.sqrt(2 / within.size)
    assert abs(within.var() / (2 * (0.3**2 + 0.2**2 / 4)) - 1) < error
    means = by_country[..., 1].mean(axis=2)
    assert abs(means.var() / (0.3**2 + (0.3**2 + 0.2**2 / 4) / 2) - 1) < error
    shift = by_country[:, 0, :, 0].mean() - by_country[:, 1:, :, 0].mean()
    spread = np.sqrt((0.3**2 + (0.3**2 + 0.2**2 / 4) / 2) * 1.2 / many_trials)
    assert abs(shift - 2.0) < ERRORS * spread
    effect = by_country[:, 1:, :, 1] - by_country[:, 1:, :, 0]
    assert abs(effect.mean() - np.log(2)) < ERRORS * 0.2 / np.sqrt(effect.size)


def test_contaminated_sites_are_those_of_one_country() -> None:
    trial = simulate_trial(SCENARIOS["outlying_country_null"], np.random.default_rng(2))
    assert trial.cells.countries == tuple(f"country {g}" for g in range(1, 7) for _ in range(2))
    assert np.flatnonzero(trial.contaminated).tolist() == [0, 1]
    assert (trial.cells.n == 40).all()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"countries": 5}, "equally many large sites"),
        ({"countries": 6, "other_sites": 2}, "equally many large sites"),
        ({"countries": 24}, "equally many large sites"),
        ({"contaminated": 3}, "all of one country"),
        ({"countries": 0}, "tau_c 0"),
        ({"countries": -6}, "tau_c"),
    ],
)
def test_impossible_countries_are_refused(wrong: dict[str, int], said: str) -> None:
    with pytest.raises(InputError, match=said):
        replace(SCENARIOS["countries_alike_null"], **wrong)


@pytest.mark.parametrize("wrong", [{"contaminated": 3}, {"other_patients": 71}])
def test_impossible_scenarios_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match="contaminated_null"):
        replace(SCENARIOS["contaminated_null"], **wrong)


# --- the exclusion rule


def _most_extreme_by_sorting(cells: Cells) -> list[int]:
    """The rule again, in other words."""
    ranked = sorted(
        (s for s in range(len(cells.sites)) if cells.n[s, 0] >= 3),
        key=lambda s: (-cells.responders[s, 0] / cells.n[s, 0], -cells.n[s, 0], s),
    )
    return ranked[:EXCLUDED]


def test_exclusion_picks_the_planted_sites() -> None:
    picked = 0
    for trial in many(SCENARIOS["contaminated_null"], 200, 20260415):
        found = most_extreme(trial.cells)
        assert found == tuple(trial.cells.sites[s] for s in _most_extreme_by_sorting(trial.cells))
        picked += set(found) == {"site 1", "site 2"}
    assert picked >= 190  # another site with 100 % and 7 patients or more is rare


def test_exclusion_is_what_the_fit_sees() -> None:
    """Excluding post hoc is fitting the table without these two sites."""
    trial = simulate_trial(SCENARIOS["contaminated_null"], np.random.default_rng(3))
    pooled, excluded = ANALYSES[0], ANALYSES[1]
    kept = trial.cells.without(most_extreme(trial.cells))
    assert excluded.fit(trial.cells, 5).estimates == pooled.fit(kept, 5).estimates
    assert excluded.fit(trial.cells, 5).estimates != pooled.fit(trial.cells, 5).estimates


# --- figures


def _fitted(mean: float, low: float, high: float, chance: float) -> Fitted:
    both = ("risk_difference", "conditional_log_odds_ratio")
    return Fitted(dict.fromkeys(both, (mean, low, high)), dict.fromkeys(both, chance))


def test_figures_by_hand() -> None:
    """Errors 0.1 and -0.3; one interval holds its truth; one claim in three trials, the third of which failed."""
    scenario = SCENARIOS["contaminated_or2"]
    fits = [_fitted(0.2, 0.0, 0.4, 0.98), _fitted(-0.1, -0.2, 0.1, 0.975), Fitted(failure="k-hat")]
    nowhere = [np.zeros(2, dtype=bool)] * 3
    found = performance_of(ANALYSES[0], scenario, np.array([0.1, 0.2, 0.3]), nowhere, fits)
    value = {name: figure.value for name, figure in found.figures.items()}
    assert value["rd_bias"] == pytest.approx(-0.1)
    assert value["rd_rmse"] == pytest.approx(np.sqrt(0.05), rel=1e-4)
    assert (value["rd_coverage"], value["rd_claims"]) == (0.5, pytest.approx(1 / 3, rel=1e-4))
    assert value["log_or_bias"] == pytest.approx(0.05 - np.log(2), rel=1e-4)
    assert value["log_or_coverage"] == 0.0
    assert found.failures == {"k-hat": 1}
    assert found.first == [0.98, 0.975, None]
    assert all(figure.mcse > 0 for figure in found.figures.values())


def test_monte_carlo_errors_by_brute_force() -> None:
    """The SD of each figure over 500 repetitions of 100 trials is what its Monte Carlo error says, within 4 errors."""
    rng, scenario, none = (
        np.random.default_rng(20260416),
        SCENARIOS["homogeneous_null"],
        [np.zeros(1, dtype=bool)] * 100,
    )
    names = ("rd_bias", "rd_rmse", "rd_coverage", "rd_claims")
    found = []
    for _ in range(500):
        means = rng.normal(0.05, 0.1, 100)
        chances = stats.norm.cdf(means / 0.08)
        fits = [_fitted(m, m - 0.15, m + 0.15, p) for m, p in zip(means, chances, strict=True)]
        found.append(performance_of(ANALYSES[0], scenario, np.zeros(100), none, fits).figures)
    for name in names:
        spread = np.std([figures[name].value for figures in found])
        assert np.mean([figures[name].mcse for figures in found]) == pytest.approx(
            spread, rel=ERRORS / np.sqrt(2 * 500)
        ), name


def test_outlier_figures_by_hand() -> None:
    """One contaminated site among three; the active arm of another is the outlier that is not there."""
    where = np.array([True, False, False])
    base = _fitted(0.01, -0.1, 0.1, 0.5)
    fits = [
        replace(base, outlier=np.array([[0.95, 0.8], [0.1, 0.6], [0.2, 0.0]])),
        replace(base, outlier=np.array([[0.55, 0.8], [0.1, 0.4], [0.2, 0.0]])),
    ]
    found = performance_of(ANALYSES[6], SCENARIOS["planted_among_large"], np.zeros(2), [where] * 2, fits)
    assert found.figures["contaminated_mean"].value == pytest.approx(0.75)
    assert found.figures["contaminated_above_0.9"].value == 0.5
    assert found.figures["contaminated_above_0.5"].value == 1.0
    assert found.figures["contaminated_above_0.5"].mcse > 0
    assert found.figures["ordinary_above_0.5"].value == 0.5
    assert found.largest == {"ordinary": 0.6, "contaminated": 0.95}


@pytest.mark.proof(*FIT, "operating")
def test_a_site_has_the_probability_of_its_country() -> None:
    """As a fit of the same table by the library has it; without outlying countries there is none."""
    trial = simulate_trial(SCENARIOS["outlying_country_null"], np.random.default_rng(4))
    whole = Trial.from_cells(trial.cells, Arms("c", "t"), EndPoint("y", "y"), name="simulated", synthetic=True)
    found = OF_COUNTRIES[3].fit(trial.cells, 5)
    assert found.outlier is not None
    assert (found.outlier[::2] == found.outlier[1::2]).all()
    of_country = fit("country_outliers", whole, seed=6).data["outliers"]["outlier_country"].mean(("chain", "draw"))
    np.testing.assert_allclose(found.outlier[::2], of_country.values, atol=0.03)
    assert OF_COUNTRIES[2].fit(trial.cells, 5).outlier is None


# --- the runner


def test_workers_and_number_of_trials_change_nothing() -> None:
    """Two processes give what one gives; of fewer trials, the first are the same; so are those of fewer analyses."""
    scenario, lines = SCENARIOS["contaminated_or2"], []
    one = operating_characteristics(scenario, FAST, 6, seed=7, progress=lines.append)
    assert lines[-1].startswith("contaminated_or2: 6 of 6 trials")
    two = operating_characteristics(scenario, FAST, 6, seed=7, workers=2)
    assert one.performances == two.performances
    fewer = operating_characteristics(scenario, FAST[1:], 3, seed=7)
    for item in fewer.performances:
        assert item.first == one.of(item.analysis).first[:3]
    other = operating_characteristics(scenario, FAST, 3, seed=8)
    assert other.performances[0].first != one.performances[0].first[:3]


@pytest.mark.parametrize("cured", [True, False])
def test_failed_fits_are_repeated_and_counted(monkeypatch: pytest.MonkeyPatch, cured: bool) -> None:
    analysis, points, sample = FAST[2], [], quadrature.sample

    def poor(likelihood):
        found = sample(likelihood)
        points.append(likelihood.spec.sampler.points)
        if cured and points[-1] > analysis.spec.sampler.points:
            return found
        return replace(found, diagnostics=found.diagnostics | {"pareto_k": 0.9})

    monkeypatch.setattr(quadrature, "sample", poor)
    found = operating_characteristics(SCENARIOS["homogeneous_null"], (analysis,), 2, seed=1).performances[0]
    assert points == [1024, 4096] * 2
    assert (found.trials, found.refitted) == (2, 2)
    assert found.failures == ({} if cured else {"k-hat": 2})
    assert (None in found.first) is not cured
    assert found.figures["rd_claims"].mcse > 0
    assert bool(np.isnan(found.figures["rd_bias"].value)) is not cured


def test_table_and_text() -> None:
    found = operating_characteristics(SCENARIOS["contaminated_null"], (*FAST, ANALYSES[5]), 3, seed=1)
    table = found.to_frame()
    assert list(table.index) == [*(item.name for item in FAST), "outliers_control"]
    figures = [name for name in table.columns if name.startswith(("rd_", "log_or_")) and not name.endswith("_mcse")]
    assert len(figures) == 8
    assert (table[[f"{name}_mcse" for name in figures]] > 0).all(axis=None)
    reach = tuple(OutlierReach("outliers_control", n, 2, p, 0.001) for n, p in ((2, 0.07), (10, 0.7), (20, 0.88)))
    text = operating_markdown(OperatingResults({"contaminated_null": found}, reach))
    assert "SYNTHETIC" in text.splitlines()[2]
    assert "2 of 25 sites contaminated, no effect" in text
    row = next(line for line in text.splitlines() if line.startswith("| pooled, all randomised"))
    bias = found.performances[0].figures["rd_bias"]
    assert f"{100 * bias.value:+.1f} ({100 * bias.mcse:.1f})" in row
    widths = {line.count("|") for line in text.splitlines() if line.startswith(("| pooled", "| normal", "| analysis"))}
    assert widths == {11}
    words = "with 2 control patients who all respond P(outlier) is 0.07; above 0.5 from 10 on, and above 0.9 at none of"
    assert words in text


def test_file_and_back(stored: OperatingResults, tmp_path: Path) -> None:
    stored.write(tmp_path / "again.json")
    assert OperatingResults.read(tmp_path / "again.json") == stored


def test_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every scenario is run, in two parts where Student-t effects are tried too, which end in one row each."""
    one, asked = operating_characteristics(SCENARIOS["homogeneous_null"], FAST[:1], 2, seed=1), []

    def tiny(scenario, analyses, trials, seed, workers, progress):
        asked.append((scenario.name, len(analyses), trials, seed, workers))
        progress("on its way")
        rows = tuple(replace(one.performances[0], analysis=item.name) for item in analyses)
        return replace(one, scenario=scenario, performances=rows)

    monkeypatch.setattr(run, "operating_characteristics", tiny)
    monkeypatch.setattr(run, "outlier_reach", lambda spec, n, others: outlier_reach(spec, 2, 2))
    monkeypatch.setattr(run, "PATIENTS", (2,))
    path = tmp_path / "out.json"
    assert run._main(["--trials", "40", "--seed", "3", "--workers", "1", "--out", str(path)]) == 0
    assert "on its way" in capsys.readouterr().out
    found = OperatingResults.read(path)
    assert set(found.scenarios) == set(SCENARIOS)
    fast = [item.name for item in ANALYSES if item.name != "site_student_t"]
    assert [item.analysis for item in found.scenarios["contaminated_or2"].performances] == [*fast, "site_student_t"]
    assert [item.analysis for item in found.scenarios["ordinary_null"].performances] == fast
    slow = {(name, trials) for name, size, trials, *_ in asked if size == 1}
    assert slow == {("contaminated_null", 40), ("contaminated_or2", 40)}
    assert {item[3:] for item in asked} == {(3, 1)}
    asked.clear()
    assert run._main(["--trials", "50", "--out", str(path), "--scenario", "countries_alike_null"]) == 0
    assert [item[:3] for item in asked] == [("countries_alike_null", len(OF_COUNTRIES), 50)]
    assert set(OperatingResults.read(path).scenarios) == set(SCENARIOS)  # the others are kept


# --- against brute force


def _posterior(n: tuple[int, int], y: np.ndarray, priors: tuple[float, float] = (1.5, 1.0)) -> tuple[np.ndarray, ...]:
    """P(risk difference > 0) and its mean in the pooled model, y of shape (tables, 2), by a grid over both log odds."""
    grid = np.linspace(-7, 7, 281)
    l0, l1 = np.meshgrid(grid, grid, indexing="ij")
    prior = stats.norm.pdf((l0 + l1) / 2, 0, priors[0]) * stats.norm.pdf(l1 - l0, 0, priors[1])
    like0, like1 = (stats.binom.pmf(y[:, a, None], n[a], expit(grid)) for a in (0, 1))
    better = (l1 > l0) + 0.5 * (l1 == l0)

    def total(values: np.ndarray) -> np.ndarray:
        return np.einsum("ti,ij,tj->t", like0, prior * values, like1, optimize=True)

    mass = total(np.ones_like(prior))
    return total(better) / mass, total(expit(l1) - expit(l0)) / mass


@pytest.mark.parametrize(
    ("name", "risks"), [("homogeneous_null", (0.42, 0.42)), ("homogeneous_or2", (0.42, 0.84 / 1.42))]
)
def test_pooled_analysis_against_enumeration(stored: OperatingResults, name: str, risks: tuple[float, float]) -> None:
    """All 51 x 51 tables of 50 against 50: claims, bias and RMSE of the pooled analysis where all sites are alike.

    The draws of a fit blur the threshold of a claim: about 3,280 independent ones of 4,096 points.
    """
    tables = np.stack(np.meshgrid(np.arange(51), np.arange(51), indexing="ij"), axis=-1).reshape(-1, 2)
    weight = np.prod([stats.binom.pmf(tables[:, a], 50, risks[a]) for a in (0, 1)], axis=0)
    chance, mean = _posterior((50, 50), tables)
    claims = stats.norm.sf(CLAIM, chance, np.sqrt(chance * (1 - chance) / 3280) + 1e-9)
    found, error = stored.scenarios[name].of("itt_pooled_primary_priors").figures, mean - (risks[1] - risks[0])
    for figure, exact in (
        ("rd_claims", weight @ claims),
        ("rd_bias", weight @ error),
        ("rd_rmse", np.sqrt(weight @ error**2)),
    ):
        assert abs(found[figure].value - exact) < ERRORS * found[figure].mcse, figure
    assert found["log_or_claims"] == found["rd_claims"]


@pytest.mark.parametrize("name", ["homogeneous_null", "ordinary_null"])
def test_exclusion_against_brute_force(stored: OperatingResults, name: str) -> None:
    """The false-benefit rate of the rule over 3,000 other trials, with the rule and the posterior written anew."""
    groups: dict[tuple[int, int], list[np.ndarray]] = {}
    trials = 3000
    for trial in many(SCENARIOS[name], trials, 20260417):
        kept = [s for s in range(len(trial.cells.sites)) if s not in _most_extreme_by_sorting(trial.cells)]
        n = tuple(int(x) for x in trial.cells.n[kept].sum(axis=0))
        groups.setdefault(n, []).append(trial.cells.responders[kept].sum(axis=0))
    claims = sum(int((_posterior(n, np.array(y))[0] > CLAIM).sum()) for n, y in groups.items())
    p, found = claims / trials, stored.scenarios[name].of("post_hoc_exclusion").figures["rd_claims"]
    assert abs(found.value - p) < ERRORS * np.hypot(found.mcse, np.sqrt(p * (1 - p) / trials))


def _two_axes(points: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    z, w = np.polynomial.hermite_e.hermegauss(points)
    w = w / w.sum()
    return np.repeat(z, points), np.tile(z, points), np.outer(w, w).ravel()


def test_reach_against_brute_force() -> None:
    """P(outlier) of 7 of 7 responders among 24 sites with 2 patients an arm: draws of the prior, product rules."""
    spec, draws = load_model("outliers_control"), 10_000
    rng = np.random.default_rng(20260418)
    alpha, beta = rng.normal(0, 1.5, draws), rng.normal(0, 1, draws)
    tau_u, tau_v = np.abs(rng.normal(0, 1, draws)), np.abs(rng.normal(0, 0.5, draws))
    share = rng.beta(1, 9, draws)
    z1, z2, weight = _two_axes(20)

    def integral(outlying: bool, y: tuple[int, int], n: tuple[int, int]) -> np.ndarray:
        """Control and active log odds are jointly normal."""
        within = tau_u**2 + tau_v**2 / 4
        var0, covariance = within + outlying * 2.5**2, tau_u**2 - tau_v**2 / 4
        s = np.sqrt(var0)
        rest = np.sqrt(np.maximum(within - covariance**2 / var0, 0))
        eta0 = (alpha - beta / 2)[:, None] + s[:, None] * z1
        eta1 = (alpha + beta / 2)[:, None] + (covariance / s)[:, None] * z1 + rest[:, None] * z2
        p0, p1 = expit(eta0), expit(eta1)
        return (p0 ** y[0] * (1 - p0) ** (n[0] - y[0]) * p1 ** y[1] * (1 - p1) ** (n[1] - y[1])) @ weight

    sites = {case: [integral(out, *case) for out in (False, True)] for case in (((7, 3), (7, 7)), ((1, 1), (2, 2)))}
    (inside, outside), (other_in, other_out) = sites.values()
    own = (1 - share) * inside + share * outside
    weights = own * ((1 - share) * other_in + share * other_out) ** 24
    weights /= weights.sum()
    chance = share * outside / own
    expected = weights @ chance
    error = np.sqrt(weights**2 @ (chance - expected) ** 2)
    found = outlier_reach(spec, 7, 2)
    assert error < 0.02
    assert abs(found.probability - expected) < ERRORS * np.hypot(error, found.mcse)


def test_reach_says_what_it_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnsupportedModelError, match="no outlying sites"):
        outlier_reach(load_model("site_effects"), 2, 2)
    sample = quadrature.sample

    def poor(likelihood):
        found = sample(likelihood)
        return replace(found, diagnostics=found.diagnostics | {"pareto_k": 0.9})

    monkeypatch.setattr(quadrature, "sample", poor)
    with pytest.raises(SamplerError, match="k-hat"):
        outlier_reach(load_model("outliers_control"), 2, 2)


# --- the stored result


def test_stored_result_is_of_this_code(stored: OperatingResults) -> None:
    """Not a failure of the method, but of its proof: the figures were made by other code or other models."""
    hashes = {
        False: {item.name: model_hash(item.spec, SETTINGS) for item in ANALYSES},
        True: {item.name: model_hash(item.spec, SETTINGS) for item in OF_COUNTRIES},
    }
    old = [
        f"{name}: {what}"
        for name, found in stored.scenarios.items()
        for what, same in (
            ("the code", found.code_hash == code_hash(DEPENDS_ON)),
            ("the scenario", found.scenario == SCENARIOS[name]),
            ("a model", all(hashes[name in COUNTRIES][key] == value for key, value in found.model_hashes.items())),
        )
        if not same
    ]
    assert not old, f"{STORED.name} is out of date, changed: {', '.join(old)}. Renew it: {RENEW}"


def test_stored_result_is_complete(stored: OperatingResults) -> None:
    """1,000 trials of every analysis; Student-t effects, 20 times as slow, are tried where sites are contaminated."""
    assert set(stored.scenarios) == set(SCENARIOS)
    fast = {item.name for item in ANALYSES} - {"site_student_t"}
    for name in LIKE_LUPIL2:
        found = stored.scenarios[name]
        slow = {"site_student_t"} if found.scenario.contaminated else set()
        assert {item.analysis for item in found.performances} == fast | slow
        for item in found.performances:
            assert item.trials >= 1000, (name, item.analysis)
            assert all(figure.mcse > 0 for figure in item.figures.values())
    assert len(stored.reach) == len(OUTLIERS) * 2 * len(PATIENTS)


@pytest.mark.parametrize("name", COUNTRIES)
def test_stored_result_of_countries_is_complete(stored: OperatingResults, name: str) -> None:
    found = stored.scenarios[name]
    assert [item.analysis for item in found.performances] == [item.name for item in OF_COUNTRIES]
    for item in found.performances:
        assert item.trials >= 1000
        assert all(figure.mcse > 0 for figure in item.figures.values())


MAY_FAIL = 0.005
"""Share of trials without a sound fit."""


def test_few_fits_fail(stored: OperatingResults) -> None:
    for name, found in stored.scenarios.items():
        for item in found.performances:
            assert sum(item.failures.values()) <= MAY_FAIL * item.trials, (name, item.analysis, item.failures)


# --- what it shows, with two Monte Carlo errors allowed for

ALLOWED = 2.0
ALL_PATIENTS = tuple(item.name for item in ANALYSES if item.name not in ("post_hoc_exclusion", "site_student_t"))


def test_a_planted_outlier_is_found(stored: OperatingResults) -> None:
    """20 of 20 against half elsewhere: P(outlier) above 0.9 wherever the others are, by either model.

    That is with all other arms at exactly one half. Where sites differ (tau_u = 0.5) it is above 0.9 on average among
    other large sites, but not in every trial; among small ones it is not.
    """
    clear = [item for item in stored.reach if item.patients == 20]
    assert {(item.model, item.others) for item in clear} == {(model, n) for model in OUTLIERS for n in (2, 20)}
    assert all(item.probability - ALLOWED * item.mcse > 0.9 for item in clear)
    for model in OUTLIERS:
        large, small = (
            stored.scenarios[name].of(model).figures for name in ("planted_among_large", "planted_among_small")
        )
        mean = large["contaminated_mean"]
        assert mean.value + ALLOWED * mean.mcse > 0.9
        assert large["contaminated_above_0.9"].value > 0.7
        assert small["contaminated_mean"].value < 0.9


def test_small_sites_cannot_be_told(stored: OperatingResults) -> None:
    """With 2 control patients P(outlier) stays below the prior mean of 0.1; with 7 it stays below 0.5."""
    for item in stored.reach:
        limit = {2: 0.1, 4: 0.2, 7: 0.5}.get(item.patients, 1.0)
        assert item.probability + ALLOWED * item.mcse < limit, item


@pytest.mark.parametrize("name", ["homogeneous_null", "homogeneous_or2", "homogeneous_large"])
def test_alike_sites_are_no_outliers(stored: OperatingResults, name: str) -> None:
    """None above 0.5 in 95 % of trials or more, of small sites and of sites with 20 patients an arm."""
    found = stored.scenarios[name]
    for model in (*OUTLIERS, "site_contaminated"):
        figure = found.of(model).figures["ordinary_above_0.5"]
        assert figure.value + ALLOWED * figure.mcse <= 0.05, model


@pytest.mark.parametrize("name", NULL)
def test_false_benefit(stored: OperatingResults, name: str) -> None:
    """No analysis of all patients claims benefit in more than 2.5 % of the trials without an effect."""
    for analysis in ALL_PATIENTS:
        for short in ("rd", "log_or"):
            figure = stored.scenarios[name].of(analysis).figures[f"{short}_claims"]
            assert figure.value - ALLOWED * figure.mcse <= 0.025, (analysis, short)


@pytest.mark.parametrize("name", ["homogeneous_null", "ordinary_null"])
def test_post_hoc_exclusion_claims_too_often(stored: OperatingResults, name: str) -> None:
    """Where nothing is contaminated the rule takes sites that did well on control by chance: biased, false claims."""
    found = stored.scenarios[name].of("post_hoc_exclusion").figures
    assert found["rd_claims"].value - ALLOWED * found["rd_claims"].mcse > 0.025
    assert found["rd_bias"].value - ERRORS * found["rd_bias"].mcse > 0.02


@pytest.mark.parametrize("name", LIKE_LUPIL2)
def test_intervals_cover_the_risk_difference_of_all_patients(stored: OperatingResults, name: str) -> None:
    for analysis in ALL_PATIENTS:
        figure = stored.scenarios[name].of(analysis).figures["rd_coverage"]
        assert figure.value + ALLOWED * figure.mcse >= 0.95, analysis


@pytest.mark.parametrize("name", ["contaminated_null", "contaminated_or2"])
def test_what_models_of_outliers_gain_and_do_not(stored: OperatingResults, name: str) -> None:
    """At ordinary sites outlying control arms leave less bias than normal effects, and much of it all the same."""
    found = stored.scenarios[name]
    control, normal, excluded = (
        found.of(model).figures for model in ("outliers_control", "site_effects", "post_hoc_exclusion")
    )
    error = np.hypot(control["log_or_bias"].mcse, normal["log_or_bias"].mcse)
    assert control["log_or_bias"].value > normal["log_or_bias"].value + ERRORS * error
    assert control["log_or_coverage"].value > normal["log_or_coverage"].value + 0.05
    assert control["log_or_bias"].value < -0.3
    assert abs(excluded["log_or_bias"].value) < 0.2  # where the rule takes the right sites, which it cannot know
    assert excluded["rd_coverage"].value < 0.85  # it answers another question than that of all patients


@pytest.mark.parametrize("name", ["outlying_country_null", "outlying_country_or2"])
def test_an_outlying_country_is_found_as_one(stored: OperatingResults, name: str) -> None:
    """Two sites of one country deviate alike: P(outlier) of the country tells more than that of its sites alone.

    It is above 0.5 more often where it should be and less often where it should not, and all the same above 0.9 in a
    minority of trials.
    """
    found = stored.scenarios[name]
    country, sites = (found.of(model).figures for model in ("country_outliers", "outliers_control"))
    for key, better in (("contaminated_above_0.5", 1), ("ordinary_above_0.5", -1)):
        error = np.hypot(country[key].mcse, sites[key].mcse)
        assert better * (country[key].value - sites[key].value) > ERRORS * error, key
    assert country["contaminated_above_0.5"].value > 0.75
    assert country["ordinary_above_0.5"].value + ALLOWED * country["ordinary_above_0.5"].mcse < 0.02
    assert country["contaminated_above_0.9"].value < 0.5


@pytest.mark.parametrize("name", ["outlying_country_null", "outlying_country_or2"])
def test_what_a_level_of_countries_gains_and_does_not(stored: OperatingResults, name: str) -> None:
    """Normal countries widen intervals of the effect at ordinary sites, and leave its bias; outlying ones lessen it."""
    found = stored.scenarios[name]
    flat, nested, outlying = (
        found.of(model).figures for model in ("site_effects", "site_in_country", "country_outliers")
    )
    error = np.hypot(flat["log_or_bias"].mcse, outlying["log_or_bias"].mcse)
    assert abs(nested["log_or_bias"].value - flat["log_or_bias"].value) < 0.05
    assert outlying["log_or_bias"].value > flat["log_or_bias"].value + ERRORS * error
    assert flat["log_or_coverage"].value + ALLOWED * flat["log_or_coverage"].mcse < 0.95
    for figures in (nested, outlying):
        assert figures["log_or_coverage"].value + ALLOWED * figures["log_or_coverage"].mcse >= 0.95
    for figures in (flat, nested, outlying):  # of all patients nothing is gained, and nothing lost
        assert figures["rd_coverage"].value + ERRORS * figures["rd_coverage"].mcse >= 0.93


@pytest.mark.parametrize("name", COUNTRIES)
def test_benefit_at_an_average_site_is_claimed_seldom_without_one(stored: OperatingResults, name: str) -> None:
    """In 2.5 % of the trials at most; by normal countries, whose intervals are wider, no more often than without."""
    found = stored.scenarios[name]
    flat = found.of("site_effects").figures
    for item in found.performances:
        figure = item.figures["log_or_claims"]
        if found.scenario.odds_ratio == 1:
            assert figure.value - ALLOWED * figure.mcse <= 0.025, item.analysis
        if item.analysis == "site_in_country":
            for short in ("rd", "log_or"):
                assert item.figures[f"{short}_claims"].value <= flat[f"{short}_claims"].value + ALLOWED * figure.mcse


@pytest.mark.parametrize("name", ["outlying_country_null", "countries_alike_null"])
def test_benefit_to_all_patients_is_claimed_as_often_as_by_a_plain_test(stored: OperatingResults, name: str) -> None:
    """Against the Wald test of the difference averaged over the sites, which are of one size.

    That is more often than 2.5 %: effects differ between the sites, none on average, so that the patients of half the
    trials do benefit, if little; and with an outlying country never.
    """
    found, trials = stored.scenarios[name], 4000
    claims = 0
    for stream in np.random.SeedSequence(1).spawn(trials):
        cells = simulate_trial(found.scenario, np.random.default_rng(stream)).cells
        rate = cells.responders / cells.n
        claims += (rate[:, 1] - rate[:, 0]).sum() > 1.96 * np.sqrt((rate * (1 - rate) / cells.n).sum())
    wald = claims / trials
    assert 0.025 < wald < 0.05 or name == "outlying_country_null"
    for item in found.performances:
        error = np.hypot(np.sqrt(max(wald, 1e-3) / trials), max(item.figures["rd_claims"].mcse, 1e-3))
        assert abs(item.figures["rd_claims"].value - wald) < ERRORS * error, item.analysis


def test_alike_countries_are_no_outliers(stored: OperatingResults) -> None:
    """A country less often than a site of its own: two sites seldom deviate alike by chance."""
    found = stored.scenarios["countries_alike_null"]
    country, sites = (
        found.of(model).figures["ordinary_above_0.5"] for model in ("country_outliers", "outliers_control")
    )
    assert country.value + ALLOWED * country.mcse < 0.02
    assert country.value < sites.value
    assert sites.value + ALLOWED * sites.mcse <= 0.05


@pytest.mark.proof(*FIT, "operating", "frequentist", "sensitivity")
@pytest.mark.parametrize("name", ["contaminated_null", "planted_among_small"])
def test_live_run(stored: OperatingResults, name: str) -> None:
    """The first trials again: P(benefit) is the same, but where another version of a package rounds otherwise: then as
    far apart as two sets of draws would be.
    """
    found = stored.scenarios[name]
    analyses = tuple(item for item in ANALYSES if item.name in {row.analysis for row in found.performances})
    live = operating_characteristics(found.scenario, analyses, 10, found.seed)
    for item in live.performances:
        then, now = np.array(found.of(item.analysis).first), np.array(item.first)
        p = (then + now + 0.01) / 2.02
        assert (np.abs(then - now) <= ERRORS * np.sqrt(2 * p * (1 - p) / 400)).all(), item.analysis


def test_the_page_is_of_the_stored_results(stored: OperatingResults) -> None:
    assert STORED.with_suffix(".md").read_text(encoding="utf-8") == operating_markdown(stored), f"run {RENEW}"
