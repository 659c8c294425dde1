"""The curve of a fixed-ratio series: straight and bent ones are recovered, others refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from spheroid_qc.response.curves.levenberg_marquardt import levenberg_marquardt
from spheroid_qc.response.synergy.fixed_ratio_curve import fit_ray

DOSES = 2.0 ** np.arange(-3, 3)


@pytest.mark.parametrize("bend", [0.0, 0.3, -0.1])
def test_a_clean_curve_is_recovered(bend):
    x = np.log(DOSES)
    curve = fit_ray(DOSES, expit(0.4 + 1.5 * x + bend * x * x), np.full(6, 3.0))
    place, variance, slope = curve.log_dose(np.array([0.5, 0.75]))
    assert expit(0.4 + 1.5 * place + bend * place**2) == pytest.approx([0.5, 0.75], abs=1e-7)
    assert slope == pytest.approx(1.5 + 2 * bend * place, rel=1e-5)
    assert (variance > 0).all()


def test_three_doses_are_met_exactly():
    mean = np.array([0.2, 0.45, 0.65])
    place, _, _ = fit_ray(DOSES[:3], mean, np.full(3, 4.0)).log_dose(mean)
    assert np.exp(place) == pytest.approx(DOSES[:3], rel=1e-5)


def test_an_effect_that_the_curve_does_not_reach_has_no_dose():
    curve = fit_ray(DOSES, np.array([0.2, 0.4, 0.55, 0.6, 0.6, 0.55]), np.full(6, 3.0))
    place, variance, _ = curve.log_dose(np.array([0.5, 0.9]))
    assert np.isfinite(place[0])
    assert np.isnan([place[1], variance[1]]).all()


def test_two_doses_are_too_few():
    assert fit_ray(DOSES[:2], np.array([0.3, 0.6]), np.ones(2)) is None


def test_descent_stays_within_bounds_and_finds_the_best_along_them():
    def model(p):
        return np.array([p[0] - 3, p[1] - 1]), np.eye(2)

    place, cost, _ = levenberg_marquardt(model, np.zeros(2), (np.full(2, -2.0), np.full(2, 2.0)))
    assert place == pytest.approx([2, 1])
    assert cost == pytest.approx(1)
