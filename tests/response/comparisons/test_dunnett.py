"""Dunnett's test against scipy's, published critical values and a linear model with blocks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from spheroid_qc.response.comparisons.dunnett import _critical, dunnett

RNG = np.random.default_rng(11)


@pytest.mark.parametrize("sizes", [(3, 3), (4, 4, 4), (3, 5, 4, 3, 3), (3,) * 8])
def test_p_and_bounds_are_scipys(sizes):
    groups = [RNG.normal(0.6 * i, 1, n) for i, n in enumerate(sizes)]
    control = RNG.normal(0, 1, 6)
    found = dunnett([[g] for g in groups], [control])
    expected = stats.dunnett(*groups, control=control)
    interval = expected.confidence_interval()
    assert found.p == pytest.approx(expected.pvalue, abs=1e-3)
    assert found.low == pytest.approx(interval.low, abs=2e-2)
    assert found.high == pytest.approx(interval.high, abs=2e-2)


@pytest.mark.parametrize(
    ("k", "df", "published"),
    [(2, 5, 3.03), (2, 10, 2.57), (3, 20, 2.54), (4, 20, 2.65)],
)
def test_critical_values_of_the_printed_table(k, df, published):
    """Two-sided 5 % points for equal numbers (Dunnett 1964, doi:10.2307/2528490)."""
    assert _critical(np.full(k, np.sqrt(0.5)), df, 0.95) == pytest.approx(published, abs=0.006)


def test_one_condition_is_students_test():
    a, b = RNG.normal(1, 1, 4), RNG.normal(0, 1, 4)
    assert dunnett([[a]], [b]).p[0] == pytest.approx(stats.ttest_ind(a, b).pvalue)


def test_blocks_take_out_what_plates_add():
    groups = [[[1.0], [2.1], [3.2]], [[0.1], [0.9], [2.2]]]
    control = [[0.0], [1.1], [1.9]]
    plain = dunnett(groups, control)
    moved = [[[v + 100 * i for v in own] for i, own in enumerate(g)] for g in (control, *groups)]
    shifted = dunnett(moved[1:], moved[0])
    assert shifted.p == pytest.approx(plain.p)
    assert plain.df == 4
    assert not plain.conservative


def test_incomplete_blocks_are_judged_carefully():
    groups = [[[1.0], [2.1], [3.2]], [[0.1], [0.9], []], [[], [0.3], [2.0]]]
    found = dunnett(groups, [[0.0], [1.1], [1.9]])
    assert found.conservative
    assert (found.p > 0).all()
    assert (found.p <= 1).all()


def test_a_condition_without_control_in_its_block_has_no_difference():
    found = dunnett([[[1.0, 1.2], []], [[], [5.0, 5.1]]], [[0.0, 0.3], []])
    assert not np.isnan(found.p[0])
    assert np.isnan([found.difference[1], found.p[1]]).all()


def test_far_tails_stay_ordered():
    p = dunnett([[[100.0, 100.1]], [[10.0, 10.1]]], [[0.0, 0.1]]).p
    assert 0 < p[0] < p[1] < 1e-3


def test_no_spread_no_control_no_test():
    assert np.isnan(dunnett([[[1.0, 1.0]]], [[1.0, 1.0]]).p).all()
    assert np.isnan(dunnett([[[1.0, 2.0]]], [[]]).p).all()
    assert np.isnan(dunnett([[[1.0]]], [[2.0]]).p).all()


def test_a_condition_without_units_changes_nothing_for_the_others():
    groups, control = [[[1.0, 2.1, 3.2]], [[0.1, 0.9, 2.2]]], [[0.0, 1.1, 1.9]]
    found = dunnett([groups[0], [[]], groups[1]], control)
    assert np.isnan([found.difference[1], found.low[1], found.p[1]]).all()
    assert found.p[[0, 2]] == pytest.approx(dunnett(groups, control).p, rel=1e-12)
