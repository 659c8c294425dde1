"""What effects were normalised to: stated, or seen in the vehicle wells."""

from __future__ import annotations

import numpy as np
import pytest

from spheroid_qc.response.variance_model import VarianceModel
from spheroid_qc.response.vehicle_uncertainty import reference_weight

MEDIAN_OF_3, MEDIAN_OF_4 = np.pi / (4 + np.pi), np.pi / (6 + np.pi)


@pytest.mark.parametrize(
    ("vehicle", "weight"),
    [
        ([], 0),
        ([0.0], 1),  # normalised to this well
        ([0.03], 0),
        ([0.0, 0, 0], 1 / 3),  # 0 by definition: each of its own replicate
        ([0.103, 0.021, -0.034], 0),
        ([-0.1, 0.04, 0.06], 1 / 3),
        ([-0.11, 0.04, 0.09], 0),
        ([-0.333, 0.166, 0.166], 1 / 3),  # rounded
        ([-1 / 3 + 0.002, 1 / 6, 1 / 6], 0),
        ([-0.333333, 0.00123456, 0.332099], 1 / 3),  # significant digits
        ([1 - 1.03, 1 - 1.12, 1 - 0.967, 1 - 0.879], 1 / 4),  # of what is left: mean 0.999
        ([1 - 1.03, 1 - 1.124, 1 - 0.967, 1 - 0.885], 0),  # the same with three decimals
        ([-0.1, 0, 0.3], MEDIAN_OF_3),
        ([0.0, 0, 0.02, 0.1], MEDIAN_OF_4),  # cut off, at least half at 0
        ([0.0, 0, 0.0123456789, 0.0198765432], MEDIAN_OF_4),
        ([0.0, 0.013, 0.024, 0.103], 1 / 4),  # cut off
        ([0.012, 0.013, 0.024, 0.103], 0),
    ],
)
def test_it_is_seen_in_the_vehicle_wells(vehicle, weight):
    assert reference_weight(np.array(vehicle)) == pytest.approx(weight)


@pytest.mark.parametrize("decimals", [2, 3, 4, 15])
@pytest.mark.parametrize("n", [3, 4, 8])
def test_a_mean_of_0_is_always_seen_however_it_was_rounded(decimals, n):
    rng = np.random.default_rng(decimals + n)
    for _ in range(200):
        wells = 0.05 * rng.standard_normal(n)
        normalised = np.round(wells - wells.mean(), decimals)
        assert reference_weight(normalised) == pytest.approx(1 / n)
        assert reference_weight(np.clip(normalised, 0, None)) > 0


@pytest.mark.parametrize("digits", [3, 4])
@pytest.mark.parametrize("n", [3, 4, 8])
def test_significant_digits_of_what_is_left_are_digits_too(digits, n):
    rng = np.random.default_rng(digits + n)
    for _ in range(200):
        wells = 1 + 0.05 * rng.standard_normal(n)
        left = np.array([float(f"{well:.{digits}g}") for well in wells / wells.mean()])
        if (left > 1).any():  # else they look cut off
            assert reference_weight(1 - left) == pytest.approx(1 / n)
        assert reference_weight(1 - left) > 0


def test_other_wells_are_seldom_taken_for_it():
    rng = np.random.default_rng(1)
    wells = np.round(0.05 * rng.standard_normal((2000, 4)), 3)
    assert np.mean([reference_weight(vehicle) > 0 for vehicle in wells]) < 0.08


def test_a_median_is_seen_in_viabilities_and_in_single_precision():
    rng = np.random.default_rng(3)
    for _ in range(200):
        wells = 1 + 0.05 * rng.standard_normal(4)
        left = np.array([float(f"{well:.3g}") for well in wells / np.median(wells)])
        assert reference_weight(1 - left) > 0
        single = (wells / wells.mean()).astype(np.float32).astype(float)
        assert reference_weight(1 - single) == pytest.approx(1 / 4)


def test_a_reference_was_formed_before_effects_were_cut_off():
    """Wells that were cut off at 0 and 1 scatter most between; what they were divided by did so."""
    variance_model = VarianceModel("middle", 0.95)
    assert reference_weight(np.array([0.0, 0, 0.03]), "median", variance_model) == pytest.approx(
        MEDIAN_OF_3
    )
    assert reference_weight(np.array([-0.02, 0, 0.03]), "median", variance_model) < 0.1


def test_vehicle_wells_that_hardly_scatter_are_known_well_though_some_stand_at_0():
    """Disintegration of wells that shed nothing: 0 is where they are, not where they were cut."""
    variance_model, still = VarianceModel("middle", 0.99), np.array([0.0, 0, 0, 0, 0.002, 0.003])
    wells = np.array([0.0, 0, 0, 0.03, 0.05, 0.08])
    assert reference_weight(still, "median", variance_model, 0.05**2) < 0.01
    assert reference_weight(wells, "median", variance_model, 0.05**2) == pytest.approx(
        np.pi / (10 + np.pi)
    )
    assert reference_weight(np.zeros(1), "median", variance_model, 0.05**2) == 1


def test_what_is_stated_counts():
    wells = np.array([0.03, 0.05, 0.1])
    assert reference_weight(wells) == 0
    assert reference_weight(wells, "mean") == pytest.approx(1 / 3)
    assert reference_weight(wells, "median") == pytest.approx(MEDIAN_OF_3)
    assert reference_weight(np.array([]), "median") == 0
