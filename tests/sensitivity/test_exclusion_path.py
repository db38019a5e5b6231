"""How a point of an exclusion path is had: from weighted draws where these do, else from a fit."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_lupil import fit
from bayes_lupil.errors import InputError
from bayes_lupil.sensitivity.exclusion_path import checked_powers, path_points
from bayes_lupil.sensitivity.reweighting import BaseDraws


def test_a_fit_takes_the_place_of_weights_that_do_not_do():
    base = BaseDraws(fit("itt_pooled", "beitler_landis"))
    slope = base.quantities["risk_difference"]

    def reweighted(power, draws):
        return ("weights", power, draws.unchanged) if power > 0.5 else None

    def refitted(power, k_hat):
        return "fit", power, np.isfinite(k_hat)

    found = path_points(base, (1.0, 0.9, 0.2), lambda power: (power - 1) * slope, reweighted, refitted)
    assert found == (("weights", 1.0, True), ("weights", 0.9, False), ("fit", 0.2, True))


@pytest.mark.parametrize("power", [1.5, -0.1, float("nan")])
def test_powers_outside_0_to_1_are_refused(power):
    with pytest.raises(InputError, match=f"powers: found {power:g}.*between 0"):
        checked_powers((1, power))
