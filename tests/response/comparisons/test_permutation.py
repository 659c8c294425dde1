"""Exact tests against complete enumeration and scipy's tables."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from spheroid_qc.response.comparisons.permutation import rank_sum_test, sign_flip_test

RNG = np.random.default_rng(5)


@pytest.mark.parametrize(("m", "n"), [(3, 3), (3, 6), (4, 5), (6, 6)])
def test_rank_sum_is_mann_whitneys(m, n):
    a, b = RNG.normal(0.7, 1, m), RNG.normal(0, 1, n)
    p, _, how = rank_sum_test([a], [b])
    assert how == "exact"
    assert p == pytest.approx(stats.mannwhitneyu(a, b, method="exact").pvalue)


def test_three_against_three_can_not_be_significant():
    p, smallest, _ = rank_sum_test([[7, 8, 9]], [[1, 2, 3]])
    assert (p, smallest) == pytest.approx((0.1, 0.1))


def test_ties_are_enumerated():
    a, b = [1.0, 2.0, 2.0], [2.0, 3.0, 3.0, 4.0]
    ranks = stats.rankdata([*a, *b])
    observed = ranks[:3].sum() - 12

    def extreme(chosen):
        return abs(ranks[list(chosen)].sum() - 12) >= abs(observed) - 1e-9

    subsets = [s for s in product(range(7), repeat=3) if s[0] < s[1] < s[2]]
    p, _, _ = rank_sum_test([a], [b])
    assert p == pytest.approx(np.mean([extreme(s) for s in subsets]))


def test_blocks_multiply_the_arrangements():
    p, _, how = rank_sum_test([[8, 9], [18, 19]], [[1, 2], [11, 12]])
    assert how == "exact"
    assert p == pytest.approx(2 / 36)


def test_many_wells_go_to_the_normal_limit():
    a, b = RNG.normal(0.4, 1, 30), RNG.normal(0, 1, 40)
    p, _, how = rank_sum_test([a], [b])
    assert how == "normal"
    expected = stats.mannwhitneyu(a, b, method="asymptotic", use_continuity=True).pvalue
    assert p == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("n", [3, 5, 8])
def test_signed_ranks_are_wilcoxons(n):
    gaps = RNG.normal(0.5, 1, n)
    p, smallest, _ = sign_flip_test(gaps)
    assert p == pytest.approx(stats.wilcoxon(gaps, method="exact").pvalue)
    assert smallest == pytest.approx(2 / 2**n)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=5),
    st.lists(st.integers(0, 4), min_size=1, max_size=5),
)
def test_swapping_and_rescaling_change_nothing(a, b):
    p, smallest, how = rank_sum_test([a], [b])
    again = rank_sum_test([[-3.7 * x for x in b]], [[-3.7 * x for x in a]])
    assert again[:2] == pytest.approx((p, smallest), nan_ok=True)
    assert how == again[2]
    assert np.isnan(p) or smallest - 1e-12 <= p <= 1


def test_nothing_to_arrange():
    assert np.isnan(rank_sum_test([[1.0]], [[]])[0])
    assert np.isnan(rank_sum_test([[2.0, 2.0]], [[2.0]])[0])
    assert np.isnan(sign_flip_test([0.0, 0.0])[0])
