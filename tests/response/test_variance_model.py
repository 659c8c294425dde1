"""Scatter that follows the effect is seen where it is there, and not imagined where it isn't."""

from __future__ import annotations

import numpy as np
import pytest

from spheroid_qc.parameters import ResponseParameters
from spheroid_qc.response.conditions import conditions
from spheroid_qc.response.curves.logistic import fit_logistic
from spheroid_qc.response.synergy.bliss import Bliss
from spheroid_qc.response.synergy.combination_wells import CombinationWells
from spheroid_qc.response.variance_model import (
    CONSTANT,
    PooledVariance,
    VarianceModel,
    fit_variance_model,
    pooled,
)

MEANS = np.repeat(np.linspace(0.02, 0.98, 12), 3)


def variance_model(sd, seed, n=4):
    wells = MEANS[:, None] + sd[:, None] * np.random.default_rng(seed).standard_normal((36, n))
    mean = wells.mean(axis=1)
    return fit_variance_model(mean, np.full(36, float(n)), ((wells.T - mean) ** 2).sum(axis=0))


def test_even_scatter_is_taken_for_even():
    found = [variance_model(np.full(36, 0.05), seed).shape for seed in range(100)]
    assert found.count("constant") >= 93


@pytest.mark.parametrize(
    ("shape", "sd"),
    [
        ("signal", 0.1 * (1 - MEANS) + 0.01),
        ("effect", 0.1 * MEANS + 0.01),
        ("middle", 0.1 * np.sqrt(4 * MEANS * (1 - MEANS)) + 0.01),
    ],
)
def test_scatter_that_follows_the_effect_is_seen(shape, sd):
    found = variance_model(sd, 1)
    assert found.shape == shape
    # The law is right up to its size, which the pooled variance gives.
    ratio = found.relative(MEANS) / sd**2
    middle = (MEANS > 0.2) & (MEANS < 0.8)
    assert ratio[middle].max() / ratio[middle].min() < 2.5


def test_few_or_equal_wells_tell_nothing():
    few = fit_variance_model(np.array([0.1, 0.9]), np.array([3.0, 3.0]), np.array([0.1, 0.0001]))
    none = fit_variance_model(MEANS, np.ones(36), np.zeros(36))
    assert (few, none) == (CONSTANT, CONSTANT)


def test_effects_outside_0_and_1_have_the_scatter_of_the_ends():
    assert VarianceModel("signal", 0.9).relative([-0.3, 0, 1, 1.4]) == pytest.approx(
        [1, 1, 0.1, 0.1]
    )


def test_an_interval_is_wide_where_wells_scatter():
    """Untreated-like conditions scatter tenfold: their excess is known worse than others."""
    rng = np.random.default_rng(3)
    doses, effect = [], []
    levels = np.array([0.05, 0.2, 0.5, 0.8, 0.95])
    for i, f in enumerate(levels):
        for row, true in (((1 + i, 0), f), ((0, 1 + i), f), ((1 + i, 1 + i), 1 - (1 - f) ** 2)):
            doses += [row] * 4
            effect += list(1 - (1 - true) * (1 + 0.1 * rng.standard_normal(4)))
    cells = conditions(np.array(doses, dtype=float), np.array(effect))
    assert cells.variance_model.shape == "signal"
    combined = np.flatnonzero((cells.doses > 0).all(axis=1))
    wells = CombinationWells(
        ["a", "b"], np.array(doses, dtype=float), np.array(effect), cells, ResponseParameters(),
    )  # fmt: skip
    each = [row for row in Bliss().rows(wells) if row["level"] == "dose"]
    widths = np.array([row["high"] - row["low"] for row in each])[
        np.argsort(cells.doses[combined, 0])
    ]
    assert widths[0] > 5 * widths[-1]


def test_doses_with_wells_that_were_cut_off_do_not_make_noise_smaller():
    squares, count = np.array([0.0, 0.004, 0.02, 0.02, 0.0]), np.full(5, 3.0)
    whole = np.array([False, False, True, True, False])
    noise = PooledVariance(0.004, 12)
    assert noise.or_larger(pooled(squares, count, whole)) == (0.01, 4)
    assert noise.or_larger(pooled(squares, count, np.arange(5) == 2)) == noise  # too few to tell
    assert noise.or_larger(pooled(squares, np.ones(5), whole)) == noise  # no replicates
    assert PooledVariance(0.02, 12).or_larger(pooled(squares, count, whole)) == (0.02, 12)


def test_a_curve_of_effects_that_were_cut_off_judges_by_the_others():
    dose = np.repeat(3.0 ** np.arange(-3, 4), 4)
    gains = []
    for seed in range(15):
        noise = 0.08 * np.random.default_rng(seed).standard_normal(dose.size)
        effect = dose**1.5 / (dose**1.5 + 1) + noise
        cut = np.clip(effect, 0, 1)
        plain, told = fit_logistic(dose, cut), fit_logistic(dose, cut, cut_off=(0, 1))
        assert (told.ec50, told.sigma) == (plain.ec50, plain.sigma)
        assert fit_logistic(dose, effect, cut_off=(0, 1)).noise == fit_logistic(dose, effect).noise
        gains.append(told.noise.variance / plain.noise.variance)
        narrow, wide = plain.profile_interval(), told.profile_interval()
        assert wide[1] / wide[0] >= narrow[1] / narrow[0]
    assert min(gains) >= 1
    assert np.median(gains) > 1.2


def test_an_end_with_responses_beyond_it_cut_nothing_off():
    dose = np.repeat(3.0 ** np.arange(-3, 4), 4)
    noise = 0.08 * np.random.default_rng(3).standard_normal(dose.size)
    effect = dose**1.5 / (dose**1.5 + 1) + noise
    effect[[0, -1]] = 0.0, 1.0  # by chance, or since a median is 0 by definition
    assert effect.min() < 0
    assert effect.max() > 1
    assert fit_logistic(dose, effect, cut_off=(0, 1)).noise == fit_logistic(dose, effect).noise
    assert not conditions(dose[:, None], effect).topped.any()
    assert conditions(dose[:, None], np.clip(effect, 0, 1)).topped.sum() >= 2


def test_conditions_judge_by_those_where_no_well_was_cut_off():
    doses = np.repeat([[1.0], [2.0], [3.0], [4.0]], 3, axis=0)
    effect = np.array([0.0, 0.02, 0, 0.3, 0.4, 0.5, 0.6, 0.75, 0.9, 1, 1, 0.98])
    cells = conditions(doses, effect, CONSTANT)
    assert cells.bottomed.tolist() == [True, False, False, False]
    assert cells.topped.tolist() == [False, False, False, True]
    assert cells.noise == pytest.approx((cells.squares[1:3].sum() / 4, 4))
    beyond = conditions(doses, np.where(effect == 0.02, -0.02, effect), CONSTANT)
    assert not beyond.bottomed.any()
    assert beyond.df == 6  # the lowest dose counts, the highest does not


def test_without_replicates_there_is_no_noise():
    cells = conditions(np.array([[1.0], [2.0]]), np.array([0.2, 0.4]))
    assert cells.df == 0
    assert np.isnan(cells.variance)


def test_beyond_the_replicates_the_variance_is_that_of_the_nearest() -> None:
    # Replicates only of strong effects, as where single drugs were measured once.
    means = np.linspace(0.5, 0.95, 24)
    sums = 3 * (0.5 * (1 - means)) ** 2
    model = fit_variance_model(means, np.full(24, 4.0), sums)
    assert model.shape == "signal"
    assert model.relative([0.0, 0.2, 0.5]) == pytest.approx(model.relative([0.5] * 3))
    assert model.relative(1.0) == pytest.approx(model.relative(0.95))
