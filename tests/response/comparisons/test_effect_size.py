"""Effect sizes against closed forms and other people's code."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from spheroid_qc.response.comparisons.effect_size import (
    block_contrast,
    cliffs_delta,
    hedges_g,
    welch,
)
from spheroid_qc.response.multiple_testing import holm

RNG = np.random.default_rng(3)


def test_welch_is_scipys():
    a, b = RNG.normal(1, 3, 5), RNG.normal(0, 1, 8)
    expected = stats.ttest_ind(a, b, equal_var=False)
    interval = expected.confidence_interval(0.9)
    found = welch(a, b, 0.9)
    assert (found.p, found.df) == pytest.approx((expected.pvalue, expected.df))
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_one_block_is_students_test():
    a, b = RNG.normal(1, 1, 4), RNG.normal(0, 1, 6)
    found = block_contrast([a], [b])
    assert found.p == pytest.approx(stats.ttest_ind(a, b).pvalue)
    assert found.df == 8


def test_one_pair_a_block_is_the_paired_test():
    a, b = RNG.normal(1, 1, 5), RNG.normal(0, 1, 5)
    found = block_contrast([[x] for x in a], [[x] for x in b])
    assert found.p == pytest.approx(stats.ttest_rel(a, b).pvalue)
    assert found.difference == pytest.approx((a - b).mean())


def test_blocks_are_those_of_a_linear_model():
    a = [RNG.normal(1, 1, n) for n in (2, 3, 1)]
    b = [RNG.normal(0, 1, n) for n in (4, 2, 3)]
    y = np.concatenate([*a, *b])
    block = np.concatenate([np.repeat(np.arange(3), [len(x) for x in side]) for side in (a, b)])
    x = np.column_stack([np.arange(y.size) < 6, *(block == i for i in range(3))]).astype(float)
    beta, rss, *_ = np.linalg.lstsq(x, y)
    df = y.size - 4
    error = np.sqrt(rss[0] / df * np.linalg.inv(x.T @ x)[0, 0])
    found = block_contrast(a, b)
    assert found.difference == pytest.approx(beta[0])
    assert found.p == pytest.approx(2 * stats.t.sf(abs(beta[0]) / error, df))


def test_blocks_with_one_kind_only_change_nothing():
    a, b = [[1.0, 2.0], [5.0]], [[0.0, 3.0], []]
    assert block_contrast(a, b) == block_contrast(a[:1], b[:1])


def test_hedges_g_of_a_worked_example():
    """Means 5 and 3, common SD 2, ten each: g = J(18) * 1, J(18) = 1 - 3/(4*18 - 1) nearly."""
    z = stats.norm.ppf((np.arange(10) + 0.5) / 10)
    z = z / z.std(ddof=1)
    g, low, high = hedges_g(block_contrast([5 + 2 * z], [3 + 2 * z]))
    assert g == pytest.approx(1 - 3 / 71, abs=1e-3)
    t = 1 / np.sqrt(0.2)

    def bound(probability):
        return optimize.brentq(lambda nc: stats.nct.cdf(t, 18, nc) - probability, -5, 9)

    assert (low, high) == pytest.approx(
        (bound(0.975) * np.sqrt(0.2), bound(0.025) * np.sqrt(0.2)), abs=1e-5
    )


@pytest.mark.parametrize("shift", [0.0, 0.5, 3.0, 30.0, 3000.0])
def test_hedges_g_turns_with_the_sign(shift):
    a, b = [shift, shift + 1, shift + 3], [0.0, 0.4, 1.0, 2.0]
    g, low, high = hedges_g(block_contrast([a], [b]))
    assert low < g < high
    assert hedges_g(block_contrast([b], [a])) == pytest.approx((-g, -high, -low), rel=1e-6)


def test_cliffs_delta_counts_pairs():
    delta, low, high = cliffs_delta([[1.0, 3.0, 5.0]], [[2.0, 3.0]])
    assert delta == pytest.approx((3 - 2) / 6)
    assert -1 <= low < delta < high <= 1


def test_cliffs_delta_of_groups_apart_does_not_collapse():
    delta, low, high = cliffs_delta([[5.0, 6.0, 7.0]], [[1.0, 2.0, 3.0]])
    assert (delta, high) == (1, 1)
    assert low < 0.6
    assert cliffs_delta([[1.0, 2.0, 3.0]], [[5.0, 6.0, 7.0]]) == pytest.approx((-1, -1, -low))


def test_cliffs_delta_of_single_pairs_is_wilsons_interval():
    theta, n, z = 0.75, 4, stats.norm.ppf(0.975)
    found = cliffs_delta([[1.0]] * 4, [[0.0], [0.0], [0.0], [2.0]])
    centre = (theta + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(theta * (1 - theta) / n + z**2 / (4 * n**2))
    assert found == pytest.approx((0.5, 2 * (centre - half) - 1, 2 * (centre + half) - 1))


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, np.nan]) == pytest.approx(
        [0.03, 0.06, 0.06, np.nan], nan_ok=True
    )
    assert holm([]).size == 0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.randoms())
def test_holm_knows_no_order(p, random):
    order = list(range(len(p)))
    random.shuffle(order)
    adjusted = holm(p)
    assert holm([p[i] for i in order]) == pytest.approx([adjusted[i] for i in order])
    assert (adjusted >= np.array(p) - 1e-15).all()
    assert (adjusted <= 1).all()


def test_without_spread_nothing_is_said():
    found = block_contrast([[2.0, 2.0]], [[2.0, 2.0, 2.0]])
    assert np.isnan([found.low, found.high, found.p]).all()
    assert np.isnan(hedges_g(found)).all()
    assert np.isnan(cliffs_delta([[]], [[1.0]])).all()
    assert np.isnan(welch([1.0], [2.0, 3.0]).p)
