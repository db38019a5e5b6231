"""Sums of numbers given by their logarithms, against SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import logsumexp

from bayes_lupil.integrals.log_sums import log_sum_exp

LOGS = st.one_of(st.floats(-1e4, 1e4), st.just(-np.inf))


@given(arrays(float, st.tuples(st.integers(1, 4), st.integers(1, 6)), elements=LOGS), st.sampled_from([0, 1, -1]))
def test_it_is_scipys(terms: np.ndarray, axis: int) -> None:
    np.testing.assert_allclose(log_sum_exp(terms, axis), logsumexp(terms, axis=axis), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("level", [-1e308, -750.0, 0.0, 709.0, 1e308])
def test_the_size_of_the_terms_does_not_matter(level: float) -> None:
    found = log_sum_exp(np.full(8, level))
    assert found == pytest.approx(level + np.log(8), rel=1e-15)
