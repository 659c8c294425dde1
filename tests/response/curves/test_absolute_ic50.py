"""The absolute dose: its profile against an independent solver, and where errors mislead."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize
from scipy.special import expit

from spheroid_qc.response.curves.absolute_ic50 import (
    TargetResponse,
    absolute_ic50_interval,
    profile_through,
)
from spheroid_qc.response.curves.logistic import fit_logistic

DOSES = np.concatenate([np.zeros(4), np.repeat(3.0 ** np.arange(-3, 4), 3)])


def wells(hill=1.5, emax=1.0, sd=0.08, seed=0):
    rng = np.random.default_rng(seed)
    true = emax * DOSES**hill / (DOSES**hill + 1.3**hill)
    return true + sd * rng.standard_normal(DOSES.size)


def least_squares_through(y, crossing, dose, e0, emax, limits):
    """The same by a general solver, from many starts: slow, and written apart."""

    def asymptotes(p):
        reached = expit(np.exp(p[1]) * (np.log(dose) - p[0]))
        if emax is not None:
            one = (crossing.level - reached * emax) / (1 - reached - crossing.share)
            return one, emax
        one = p[2] if e0 is None else e0
        return one, (crossing.level + (crossing.share - 1 + reached) * one) / reached

    def rss(p):
        one, two = asymptotes(p)
        if not limits[0] <= two <= limits[1]:
            return 1e3 + abs(two)
        with np.errstate(divide="ignore"):
            z = expit(np.exp(p[1]) * (np.log(DOSES) - p[0]))
        return float(((y - one - (two - one) * z) ** 2).sum())

    with np.errstate(over="ignore"):
        return min(
            optimize.minimize(
                rss, (at, slope, 0.05), method="Nelder-Mead",
                options={"maxiter": 4000, "xatol": 1e-9, "fatol": 1e-12},
            ).fun
            for at in np.log([0.5, 3]) for slope in (0.0, 1.0)
        )  # fmt: skip


FIXED = ({}, {"e0": 0.0}, {"emax": 1.0}, {"e0": 0.0, "emax_bounds": (0.0, 1.0)},
         {"emax_bounds": (-np.inf, 0.8)})  # fmt: skip


@pytest.mark.parametrize("fixed", FIXED)
@pytest.mark.parametrize("crossing", [TargetResponse(0.5), TargetResponse(0.6, 0.2)])
def test_the_best_curve_through_a_point(fixed, crossing):
    y = wells()
    fit = fit_logistic(DOSES, y, **fixed)
    found = profile_through(fit.problem, crossing, np.log(2.5))
    slow = least_squares_through(
        y, crossing, 2.5, fixed.get("e0"), fixed.get("emax"),
        fixed.get("emax_bounds", (-np.inf, np.inf)),
    )  # fmt: skip
    assert found <= slow * (1 + 1e-6)
    assert found >= fit.rss * (1 - 1e-9)
    if np.isinf(fixed.get("emax_bounds", (0, np.inf))[1]):
        assert found == pytest.approx(slow, rel=1e-5)


def test_the_profile_is_least_at_the_absolute_dose():
    fit = fit_logistic(DOSES, wells(emax=0.8))
    dose = fit.dose_at(0.5)
    assert profile_through(fit.problem, TargetResponse(0.5), np.log(dose)) == pytest.approx(fit.rss)
    low, high = absolute_ic50_interval(fit, TargetResponse(0.5))
    assert low < dose < high
    assert dose > fit.ec50  # the curve ends at 0.8: half of all lies beyond its middle


def test_half_of_the_vehicle_moves_with_the_unit_of_the_response():
    y = 3 - wells()
    one = absolute_ic50_interval(fit_logistic(DOSES, y), TargetResponse(0, 0.8))
    other = absolute_ic50_interval(fit_logistic(DOSES, 70 * y), TargetResponse(0, 0.8))
    assert one == pytest.approx(other, rel=1e-4)


def test_both_ends_fixed_it_is_an_effective_dose():
    fit = fit_logistic(DOSES, wells(), e0=0.0, emax=1.0)
    assert absolute_ic50_interval(fit, TargetResponse(0.3)) == pytest.approx(
        fit.profile_interval(0.3)
    )


def test_a_step_between_two_doses_is_known_no_better_than_those_doses():
    """A standard error is next to nothing there, because the curve may be as steep as it likes."""
    fit = fit_logistic(DOSES, wells(hill=12, sd=0.03))
    low, high = absolute_ic50_interval(fit, TargetResponse(0.5))
    assert low < 1.25
    assert high > 1.6
    assert high < 3


def test_limits_that_keep_the_curve_from_the_response_leave_no_curve():
    fit = fit_logistic(DOSES, 0.5 * wells(), e0=0.0, emax_bounds=(0.0, 0.6))
    assert profile_through(fit.problem, TargetResponse(0.7), 0.0) == np.inf
    assert np.isnan(absolute_ic50_interval(fit, TargetResponse(0.7))).all()


def test_the_error_of_the_vehicle_widens_the_interval_by_its_share():
    """Where the curve is steep enough for a line, distances add up in squares."""
    fit = fit_logistic(DOSES, wells(sd=0.02))
    low, high = np.log(absolute_ic50_interval(fit, TargetResponse(0.5)))
    wide = np.log(absolute_ic50_interval(fit, TargetResponse(0.5), reference=1 / 4))
    best = np.log(fit.dose_at(0.5))
    slope = (fit.emax - fit.e0) * fit.hill / 4
    moved = 0.5 * 2.1 * fit.sigma / 2 / slope
    assert best - wide[0] == pytest.approx(np.hypot(best - low, moved), rel=0.05)
    assert wide[1] - best == pytest.approx(np.hypot(high - best, moved), rel=0.05)


def test_a_falling_response_widens_the_same_way():
    rising, falling = fit_logistic(DOSES, wells()), fit_logistic(DOSES, 1 - wells())
    one = absolute_ic50_interval(rising, TargetResponse(0.5), reference=0.3)
    assert absolute_ic50_interval(falling, TargetResponse(0.5), reference=0.3) == pytest.approx(
        one, rel=1e-3
    )


def test_a_half_that_may_never_be_reached_leaves_the_end_open():
    fit = fit_logistic(DOSES, wells(emax=0.6, sd=0.01))
    assert np.isfinite(absolute_ic50_interval(fit, TargetResponse(0.5))).all()
    enough = ((fit.emax - 0.5) / fit.sigma) ** 2  # half of t is just above 1
    low, high = absolute_ic50_interval(fit, TargetResponse(0.5), reference=enough)
    assert 0 < low < fit.dose_at(0.5)
    assert high == np.inf
