"""Bland-Altman limits, concordance and bootstrap against published or worked-out numbers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from spheroid_qc.evaluate.agreement_statistics import bland_altman, bootstrap_interval, concordance

# Bland and Altman 1986, table 1: first readings of two peak flow meters in 17 people.
WRIGHT = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]


def test_the_peak_flow_meters_of_bland_and_altman() -> None:
    found = bland_altman(np.subtract(WRIGHT, MINI).astype(float))
    assert found.n == 17
    assert found.bias == pytest.approx(-2.1, abs=0.05)
    # They round the standard deviation to 38.8 and take two of them.
    assert (found.high - found.low) / (2 * 1.96) == pytest.approx(38.8, abs=0.05)
    assert found.bias_low < found.bias < found.bias_high
    assert found.bias_high - found.bias == pytest.approx(
        stats.t.ppf(0.975, 16) * 38.765 / np.sqrt(17), abs=0.01
    )


def test_concordance_falls_with_bias_and_scale_though_the_correlation_is_one() -> None:
    x = np.array([1.0, 2, 3, 4, 5])
    assert concordance(x, x) == 1
    assert concordance(x + 1, x) == pytest.approx(2 * 2 / (2 + 2 + 1))
    assert concordance(2 * x, x) == pytest.approx(2 * 4 / (8 + 2 + 9))
    assert concordance(-x, x) < 0
    assert np.isnan(concordance(x[:2], x[:2]))
    assert np.isnan(concordance(np.ones(5), np.ones(5)))


def test_missing_values_are_left_out() -> None:
    x = np.array([1.0, 2, 3, np.nan, 5])
    assert concordance(x, np.array([1.0, 2, 3, 4, 5])) == 1
    assert bland_altman(x - x).n == 4
    assert bland_altman(np.array([np.nan])).n == 0
    one = bland_altman(np.array([3.0]))
    assert one.bias == 3
    assert np.isnan(one.low)


def test_the_bootstrap_covers_the_true_median_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(200):
        low, high = bootstrap_interval(rng.normal(5, 1, 30))
        covered += low <= 5 <= high
    assert 180 <= covered <= 200
    assert np.isnan(bootstrap_interval(np.array([1.0]))[0])
    assert bootstrap_interval(np.full(9, 2.0)) == (2, 2)
