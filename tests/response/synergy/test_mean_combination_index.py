"""The mean index: draws that say what they claim, an interval that follows only the wells."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

from spheroid_qc.response.conditions import conditions
from spheroid_qc.response.synergy import mean_combination_index
from spheroid_qc.response.synergy.combination_index_interval import fit_interaction
from spheroid_qc.response.synergy.loewe import HillCurve, loewe_effect
from spheroid_qc.response.synergy.mean_combination_index import (
    _before_cut_off,
    draw_effects,
    mean_index_interval,
)
from spheroid_qc.response.synergy.median_effect import fit_median_effect
from spheroid_qc.response.variance_model import PooledVariance

CURVES = (HillCurve(1.0, 1.0), HillCurve(0.1, 2.5))
LEVELS = 3.0 ** (np.arange(4) - 1.5)


def drawn(mean, error, draws=40_000):
    rng = np.random.default_rng(4)
    return draw_effects(np.array([mean]), np.full((draws, 1), error), rng)[:, 0]


def test_far_from_0_and_1_draws_are_normal():
    effects = drawn(0.5, 0.03)
    assert effects.mean() == pytest.approx(0.5, abs=1e-3)
    assert effects.std() == pytest.approx(0.03, rel=0.02)


@pytest.mark.parametrize("true", [0.03, 0.5, 0.98, 1.0])
def test_draws_are_a_confidence_distribution_among_measurements_that_count(true, monkeypatch):
    """Of measurements between 0 and 1 the draws exceed the truth on a share that is uniform."""
    monkeypatch.setattr(mean_combination_index, "UNCONDITIONAL_SHARE", 0.0)
    rng, error = np.random.default_rng(1), 0.04
    measured = true + error * rng.standard_normal(6000)
    measured = measured[(measured > 0) & (measured < 1)][:1500]
    effects = draw_effects(measured, np.full((400, measured.size), error), rng)
    share = (effects < true).mean(axis=0) + 0.5 * (effects == true).mean(axis=0)
    if true == 1.0:  # the mass at 1 is itself uniform
        share = (effects == 1).mean(axis=0)
    quantiles = np.quantile(share, [0.1, 0.25, 0.5, 0.75, 0.9])
    assert quantiles == pytest.approx([0.1, 0.25, 0.5, 0.75, 0.9], abs=0.05)


def test_part_of_the_draws_does_not_know_of_the_condition():
    """A measurement one error below 1: 16 % beyond it without, 32 % with the condition."""
    share = mean_combination_index.UNCONDITIONAL_SHARE
    wanted = share * ndtr(-1.0) + (1 - share) * 2 * ndtr(-1.0)
    assert (drawn(0.97, 0.03) == 1).mean() == pytest.approx(wanted, abs=0.01)


def wells(n=3, sd=0.05, seed=0):
    """Vehicle-less wells of two additive drugs, alone and all pairs."""
    rng = np.random.default_rng(seed)
    pairs = [(a, b) for a in LEVELS for b in LEVELS]
    rows = [(a, 0.0) for a in LEVELS] + [(0.0, b) for b in LEVELS] + pairs
    doses = np.repeat(np.array(rows) * [c.ec50 for c in CURVES], n, axis=0)
    alone = sum(c.effect(doses[:, i]) for i, c in enumerate(CURVES))
    both = (doses > 0).all(axis=1)
    true = np.where(both, loewe_effect(doses, CURVES), alone)
    return doses, true + sd * rng.standard_normal(len(true))


def interval(doses, effect, noise=None, level=0.95):
    single = (doses > 0).sum(axis=1) == 1
    lines = [fit_median_effect(doses[single, i], effect[single]) for i in range(2)]
    fit = fit_interaction(doses[single], effect[single], lines)
    cells = conditions(doses, effect)
    return mean_index_interval(
        fit, cells, combined(cells), noise or PooledVariance(0.05**2, 48), level
    )


def combined(cells):
    """Combinations with an effect that has an index."""
    return np.flatnonzero((cells.doses > 0).all(axis=1) & (cells.mean > 0) & (cells.mean < 1))


def test_it_holds_the_index_of_additive_drugs_and_is_as_narrow_as_said():
    found = np.array([interval(*wells(seed=seed)) for seed in range(25)])
    held = (found[:, 0] <= 1) & (found[:, 1] >= 1)
    assert held.sum() >= 22
    assert np.median(found[:, 1] - found[:, 0]) < 0.6


def test_order_units_and_places_of_drugs_change_nothing():
    doses, effect = wells()
    one = interval(doses, effect)
    order = np.random.default_rng(9).permutation(len(effect))
    assert interval(doses[order], effect[order]) == pytest.approx(one, rel=1e-9)
    assert interval(doses[:, ::-1] * 1000, effect) == pytest.approx(one, rel=1e-6)


def test_more_confidence_is_wider_and_no_scatter_leaves_the_drugs_alone():
    doses, effect = wells()
    narrow, wide = interval(doses, effect, level=0.8), interval(doses, effect, level=0.99)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]
    low, high = interval(*wells(sd=0.0), noise=PooledVariance(0.0, 48))
    assert (low, high) == pytest.approx((1.0, 1.0), abs=1e-4)


def test_an_effect_that_can_t_be_told_from_0_has_no_upper_bound():
    doses, effect = wells()
    weakest = (doses > 0).all(axis=1) & (
        doses.sum(axis=1) == doses[doses.all(axis=1)].sum(axis=1).min()
    )
    effect = np.where(weakest, 0.01, effect)
    low, high = interval(doses, effect)
    assert 0 < low < 1
    assert high == np.inf


@pytest.mark.parametrize("true", [0.6, 0.93, 0.99, 1.02])
def test_the_mean_before_wells_were_cut_off_is_found_again(true):
    rng = np.random.default_rng(5)
    cut = np.minimum(true + 0.05 * rng.standard_normal(200_000), 1)
    found, widened = _before_cut_off(np.array([cut.mean()]), np.array([0.05]))
    assert found[0] == pytest.approx(true, abs=1e-3)
    # The slope of the cut-off mean is the share of wells that were not cut off.
    assert widened[0] == pytest.approx(1 / (cut < 1).mean(), rel=0.02)


def test_wells_that_were_cut_off_leave_the_index_room_below():
    doses, effect = wells(n=6)
    effect = np.clip(effect, 0, 1)
    single = (doses > 0).sum(axis=1) == 1
    lines = [fit_median_effect(doses[single, i], effect[single]) for i in range(2)]
    fit = fit_interaction(doses[single], effect[single], lines)
    cells = conditions(doses, effect)
    known, noise = combined(cells), PooledVariance(0.05**2, 48)
    blind = replace(cells, topped=np.zeros_like(cells.topped))
    without = mean_index_interval(fit, blind, known, noise)
    told = mean_index_interval(fit, cells, known, noise)
    assert cells.topped[known].sum() >= 3
    assert told[0] <= without[0]
    assert told[1] <= without[1] * 1.02


def test_a_single_dose_at_full_effect_keeps_its_interval():
    doses, effect = wells(n=6)
    best = (doses == doses[(doses > 0).all(axis=1)].max(axis=0)).all(axis=1)
    single = (doses > 0).sum(axis=1) == 1
    effect = np.where(best, 0.999, effect)
    low, high = interval(doses[single | best], effect[single | best])
    assert low == 0
    assert 0 < high < 2


def test_a_matrix_that_is_saturated_nearly_everywhere_does_not_look_antagonistic():
    """Two thirds of the doses have effects beyond what wells can tell from 1."""
    amounts = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
    rows = [(a, 0.0) for a in amounts] + [(0.0, a) for a in amounts]
    rows += [(a, b) for a in amounts for b in amounts]
    doses, called = np.repeat(np.array(rows), 3, axis=0), 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        total = (2 * doses.sum(axis=1)) ** 1.3
        effect = total / (total + 1) + 0.1 * rng.standard_normal(len(doses))
        called += interval(doses, effect, noise=PooledVariance(0.1**2, 70))[0] > 1
    assert called <= 2
