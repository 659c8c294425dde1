"""What effects were normalised to is stated; how well it is known, the wells tell."""

from __future__ import annotations

import numpy as np
import pytest

from spheroid_qc.response.variance_model import VarianceModel, reference_weight

MEDIAN_OF_3, MEDIAN_OF_4 = np.pi / (4 + np.pi), np.pi / (6 + np.pi)


@pytest.mark.parametrize("vehicle", [[0.0], [0.0, 0, 0], [-0.1, 0.04, 0.06], [0.0, 0.013, 0.1]])
def test_nothing_is_guessed_from_the_numbers(vehicle):
    assert reference_weight(np.array(vehicle), "") == 0


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
    assert reference_weight(wells, "mean") == pytest.approx(1 / 3)
    assert reference_weight(wells, "median") == pytest.approx(MEDIAN_OF_3)
    assert reference_weight(np.array([]), "median") == 0
