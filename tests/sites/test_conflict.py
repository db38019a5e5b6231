"""Conflict p-values against brute force, closed forms, and their calibration."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

from bayes_lupil import Arms, Cells, EndPoint, Trial, fit, load_model, load_trial
from bayes_lupil.errors import InputError, UnsupportedModelError
from bayes_lupil.sites.conflict import Conflict, SiteConflict, adjust, conflict_p_values
from tests.proofs import FIT

# of Monte Carlo errors; some 40 differences with fixed seeds, of which 4 would be passed by chance in less than 1 %
MANY = 4.5


def trial_of(responders, n):
    names = tuple(f"site {s}" for s in range(len(n)))
    cells = Cells(names, np.array(responders), np.array(n))
    return Trial.from_cells(cells, Arms("old", "new"), EndPoint("y", "y"), "table", synthetic=True)


def known(value):
    """A prior so narrow that the parameter is known."""
    return {"family": "uniform", "lower": value * 0.999, "upper": value * 1.001, "reason": "taken as known"}


def normal(mean, sd):
    return {"family": "normal", "mean": mean, "sd": sd, "reason": "for this test alone"}


TAU_U, TAU_V = 0.7, 0.5
SPEC = {"priors__tau_u": known(TAU_U), "priors__tau_v": known(TAU_V), "priors__alpha": normal(0, 1.0)}


def predictive(y, n, size):
    """Probability of each pair of counts at a new site of a size, given some sites; all integrals taken on grids."""
    nodes, w = np.polynomial.hermite_e.hermegauss(15)
    w = np.outer(w, w) / w.sum() ** 2
    axis = np.linspace(-4, 4, 33)
    alpha, beta = np.meshgrid(axis, axis, indexing="ij")
    base, slope = np.broadcast_arrays(
        alpha[..., None, None] + TAU_U * nodes[:, None], beta[..., None, None] + TAU_V * nodes
    )
    p = expit(np.stack([base - slope / 2, base + slope / 2], axis=-1))  # grid, nodes, arms
    density = np.exp(-(alpha**2 + beta**2) / 2)
    for responders, patients in zip(y, n, strict=True):
        density = density * (stats.binom.pmf(responders, patients, p).prod(axis=-1) * w).sum(axis=(-2, -1))
    weights = (density[..., None, None] / density.sum() * w).ravel()
    counts = [stats.binom.pmf(np.arange(size[a] + 1)[:, None], size[a], p[..., a].ravel()) for a in (0, 1)]
    return (counts[0] * weights) @ counts[1].T


def mid_p(chances, values):
    """Two-sided mid-p of every outcome, by its definition."""
    below, equal = (np.array([chances[test(values, v)].sum() for v in values.ravel()]) for test in (np.less, np.equal))
    return np.minimum(1, 2 * np.minimum(below + equal / 2, 1 - below - equal / 2)).reshape(values.shape)


@pytest.mark.proof(*FIT, "sites", "sensitivity")
def test_p_values_are_those_of_brute_force():
    y, n = [[6, 9], [1, 11], [8, 3]], [[14, 12], [9, 13], [9, 7]]
    trial = trial_of(y, n)
    spec = load_model("site_effects").edited(sampler__points=65_536, **SPEC)
    found = conflict_p_values(fit(spec, trial))
    assert {site.refitted for site in found.sites} == {False, True}  # both ways lead to the same
    for s, site in enumerate(found.sites):
        others = [i for i in range(3) if i != s]
        joint, (c, a) = predictive([y[i] for i in others], [n[i] for i in others], n[s]), y[s]
        assert joint.sum() == pytest.approx(1, abs=1e-6)
        controls, actives = np.arange(n[s][0] + 1), np.arange(n[s][1] + 1)
        difference = actives * n[s][0] - controls[:, None] * n[s][1]
        for item, chances, values, seen in (
            (site.control, joint.sum(axis=1), controls, c),
            (site.active, joint.sum(axis=0), actives, a),
            (site.difference, joint, difference, (c, a)),
        ):
            p = mid_p(chances, values)
            assert abs(item.p - p[seen]) < MANY * item.mcse
            assert item.mcse < 0.02
            # 2,500 draws or more; the SD over draws of a probability is below its mean's square root
            assert abs(item.smallest - p.min()) < MANY * np.sqrt(p.min() / 2500)
            chance = float(chances[p <= 0.05].sum())
            near = chances[np.abs(p - 0.05) < 0.01].sum()  # outcomes so near to the level that simulation may miss it
            assert abs(item.by_chance - chance) < MANY * np.sqrt(0.05 / 2500) + near


def test_two_patients_cannot_conflict():
    # all sites are alike and 60 % respond: nobody of 2 does with 0.4^2, both do with 0.6^2
    sizes = {"priors__tau_u": known(1e-3), "priors__tau_v": known(1e-3)}
    spec = load_model("site_effects").edited(
        priors__alpha=normal(np.log(1.5), 1e-3), priors__beta=normal(0.0, 1e-3), **sizes
    )
    trial = trial_of([[0, 2], [3, 2], [4, 1]], [[2, 2], [5, 4], [6, 1]])
    found = conflict_p_values(fit(spec, trial))
    first = found.sites[0]
    assert (first.control.p, first.control.smallest) == (pytest.approx(0.16, rel=0.01), pytest.approx(0.16, rel=0.01))
    assert (first.active.p, first.active.smallest) == (pytest.approx(0.36, rel=0.01), pytest.approx(0.16, rel=0.01))
    assert first.difference.p == pytest.approx(0.16 * 0.36, rel=0.01)
    assert first.difference.smallest == pytest.approx(0.16 * 0.36, rel=0.01)
    assert first.control.reading == "too small to tell"
    assert first.control.by_chance == 0
    assert first.control.adjusted is None
    # 5 patients: from 0.4^5 to 0.6^5, so that a conflict can show, but only as often as nobody responds
    fifth = found.sites[1].control
    assert fifth.smallest == pytest.approx(0.4**5, rel=0.02)
    assert fifth.by_chance == pytest.approx(0.4**5, abs=MANY * np.sqrt(0.4**5 / 2500))
    assert fifth.reading == "no conflict"
    one = found.sites[2].active
    assert (one.smallest, one.reading) == (pytest.approx(0.4, rel=0.01), "too small to tell")


def planted():
    y = [[9, 11], [10, 13], [8, 12], [11, 12], [10, 10], [9, 13], [12, 14], [8, 11], [20, 12]]
    return trial_of(y, np.full((9, 2), 20))


def test_a_planted_outlier_is_found_in_its_arm():
    trial = planted()
    found = conflict_p_values(fit("site_effects", trial))
    odd = found.sites[-1]
    assert odd.control.reading == "conflict"
    assert odd.control.p < 0.005
    assert odd.control.adjusted < 0.05
    assert odd.active.reading == "no conflict"
    assert (found.found("control"), found.tested("control")) == (1, 9)
    assert 0 < found.expected("control") <= 9 * 0.07
    assert "In the control arm 1 of 9 sites conflict" in found.reading
    table = found.to_frame()
    assert list(table.index) == list(trial.site_names)
    assert table.loc["site 8", "conflict_control_p"] == odd.control.p
    assert table.loc["site 8", "conflict_control_reading"] == "conflict"


def test_adjustment_is_benjamini_and_hochbergs():
    # the example of their paper (1995, J R Stat Soc B 57:289-300, section 4.1): at 0.05 the first four are rejected
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590,
         1.0]  # fmt: skip
    small = Conflict(0.2, 0.01, 0.1, 0.0)
    items = [*(Conflict(value, 0.01, 1e-6, 0.05) for value in p), small, Conflict(np.nan, np.nan, np.nan, np.nan), None]
    found = adjust(SiteConflict(str(i), item, None, None, 0.0, refitted=False) for i, item in enumerate(items))
    adjusted = [site.control.adjusted for site in found[:15]]
    assert [value <= 0.05 for value in adjusted] == [True] * 4 + [False] * 11
    assert adjusted[3] == pytest.approx(0.0095 * 15 / 4)
    assert (found[15].control.adjusted, found[16].control.adjusted, found[17].control) == (None, None, None)


def test_an_empty_arm_has_no_p_value():
    trial = trial_of([[6, 9], [4, 18], [9, 3], [2, 0]], [[20, 14], [12, 30], [15, 10], [9, 0]])
    last = conflict_p_values(fit("site_effects", trial)).sites[-1]
    assert last.active is None
    assert last.difference is None
    assert 0 < last.control.p <= 1


def dominated():
    """One site has nearly all patients and contradicts the others."""
    trial = trial_of([[150, 50], [1, 4], [1, 4], [2, 4], [1, 5]], [[200, 200], [5, 5], [5, 5], [5, 5], [5, 5]])
    spec = load_model("itt_pooled").edited(
        name="common",
        sites__intercepts="partial",
        priors__tau_u={"family": "half_normal", "sd": 0.2, "reason": "small spread"},
    )
    return fit(spec, trial)


def test_where_weights_do_not_carry_the_model_is_refitted():
    posterior = dominated()
    big = conflict_p_values(posterior).sites[0]
    assert big.k_hat > 0.7
    assert big.refitted
    assert big.control.reading == "conflict"
    unknown = conflict_p_values(posterior, refit=False).sites[0]
    assert not unknown.refitted
    assert np.isnan([unknown.control.p, unknown.control.mcse, unknown.difference.p]).all()
    assert unknown.control.reading == "not known"


@pytest.mark.proof(*FIT, "sites", "sensitivity")
def test_p_values_are_uniform_where_the_model_holds():
    # large sites, so that p-values are next to continuous; one trial's are dependent, so trials are compared
    spec = load_model("site_effects").edited(
        sampler__points=1024, priors__tau_u=known(TAU_U), priors__beta=normal(0, 0.5), priors__alpha=normal(0, 0.7)
    )
    rng = np.random.default_rng(11)
    n = np.full((6, 2), 200)
    found = []
    for _ in range(100):
        tau_v = abs(rng.normal(0, 0.5))  # the prior of the model file
        base = rng.normal(0, 0.7) + TAU_U * rng.standard_normal(6)
        slope = rng.normal(0, 0.5) + tau_v * rng.standard_normal(6)
        trial = trial_of(rng.binomial(n, expit(base[:, None] + slope[:, None] * np.array([-0.5, 0.5]))), n)
        sites = conflict_p_values(fit(spec, trial)).sites
        found.append([[site.control.p, site.active.p, site.difference.p] for site in sites])
    p = np.array(found)  # trials, sites, quantities
    for q in range(3):
        assert stats.kstest(p[:, 0, q], "uniform").pvalue > 0.001
        for level in (0.1, 0.5):
            share = (p[..., q] <= level).mean(axis=1)
            assert abs(share.mean() - level) < 4 * share.std(ddof=1) / 10


def test_what_cannot_be_done_is_an_error():
    trial = load_trial("beitler_landis")
    with pytest.raises(UnsupportedModelError, match=r"sites\.intercepts = 'fixed'"):
        conflict_p_values(fit("site_fixed", trial))
    with pytest.raises(UnsupportedModelError, match="pooled"):
        conflict_p_values(fit("itt_pooled", trial))
    one = trial_of([[3, 5]], [[10, 10]])
    with pytest.raises(InputError, match="two sites or more"):
        conflict_p_values(fit("site_effects", one))


def test_the_same_posterior_gives_the_same_p_values():
    trial = planted()
    posterior = fit("site_effects", trial)
    assert conflict_p_values(posterior) == conflict_p_values(posterior)
