"""Draws of the condition means: Student's t where a statistic is straight, and what follows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from spheroid_qc.response.conditions import conditions
from spheroid_qc.response.curves.hill_search import hill_fraction
from spheroid_qc.response.curves.logistic import fit_logistic
from spheroid_qc.response.curves.refit import reach_intervals, refit
from spheroid_qc.response.draws import Draws, highest, interval, p_value


def cells(n=3, sd=0.05, seed=0, reference="", means=(0.1, 0.3, 0.6, 0.99)):
    """Vehicle wells, and four doses of one drug."""
    rng = np.random.default_rng(seed)
    doses = np.repeat([0.0, 1.0, 2.0, 4.0, 8.0], n)[:, None]
    effect = np.repeat([0.0, *means], n) + sd * rng.standard_normal(5 * n)
    return conditions(doses, effect, None, reference)


def test_of_a_mean_they_are_student_s_t():
    found = cells()
    draws = Draws(found, found.noise, 100_000).means
    low, high = interval(found.mean, draws, 0.95)
    half = stats.t.ppf(0.975, found.df) * np.sqrt(found.variance / 3)
    assert low == pytest.approx(found.mean - half, abs=0.03 * half)
    assert high == pytest.approx(found.mean + half, abs=0.03 * half)
    for null in (found.mean[0] - 0.6 * half, found.mean[0] + 3 * half):
        t = (found.mean - null) / np.sqrt(found.variance / 3)
        p = 2 * stats.t.sf(np.abs(t), found.df)
        assert p_value(found.mean, draws, found.df, null)[0] == pytest.approx(p[0], rel=0.15)


def test_the_error_of_the_vehicle_is_shared():
    found = cells(reference="mean")
    draws = Draws(found, found.noise, 50_000).means
    shared = np.outer(1 - found.mean, 1 - found.mean) / 3
    wanted = found.variance * found.df / (found.df - 2) * (np.eye(4) / 3 + shared)
    assert np.cov(draws.T) == pytest.approx(wanted, rel=0.1, abs=0.02 * wanted.max())


def test_fractions_stay_fractions():
    found = cells(seed=3)
    draws = Draws(found, found.noise, 4000)
    assert ((draws.fractions > 0) & (draws.fractions < 1)).all()
    inner = [1, 2]  # far from both ends
    assert draws.fractions[:, inner] == pytest.approx(draws.means[:, inner], abs=1e-4)
    assert (draws.means > 1).any()


def test_the_interval_allows_for_a_biased_statistic():
    """The best of five equal means is too high, in the wells and once more in the draws."""
    held = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        mean = rng.standard_normal(5)
        best = (mean + rng.standard_normal((500, 5))).max(axis=1, keepdims=True)
        low, high = interval(mean.max(keepdims=True), best, 0.95)
        held += int(low[0] <= 0 <= high[0])
    assert held >= 92


def test_the_highest_of_equals_errs_as_their_highest_error():
    """Over many doses its bias adds up: draws around the measured means show less than half."""
    held, apart = 0, []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        means = rng.standard_normal((6, 3)) - [0, 0, 20]  # two equal drugs, an inert third
        draws = means + rng.standard_normal((400, 6, 3))
        best = highest(means, draws)
        low, high = interval(means.max(axis=1).mean()[None], best.mean(axis=1)[:, None], 0.95)
        held += int(low[0] <= 0 <= high[0])
        apart.append(best.mean() - means.max(axis=1).mean())
    assert 186 <= held <= 199
    assert np.mean(apart) == pytest.approx(np.pi**-0.5, abs=0.05)


def test_the_highest_that_stands_alone_is_drawn_as_it_is():
    draws = np.random.default_rng(0).standard_normal((300, 4, 2)) + np.array([0.0, 9.0])
    assert highest(np.tile([0.0, 9.0], (4, 1)), draws) == pytest.approx(draws[..., 1])


def test_free_ends_of_draws_are_the_best_too():
    dose = np.array([0.0, *3.0 ** np.arange(-3, 5)])
    rng = np.random.default_rng(5)
    response = 900 - 700 * hill_fraction(dose, 0.3, 1.6) + 20 * rng.standard_normal(9)
    fit = fit_logistic(dose, response)
    draws = response + 20 * rng.standard_normal((20, 9))
    for one, (log_ec50, log_hill, top, e0) in zip(draws, refit(fit, draws), strict=True):
        curve = e0 + (top - e0) * hill_fraction(dose, log_ec50, np.exp(log_hill))
        assert ((curve - one) ** 2).sum() == pytest.approx(fit_logistic(dose, one).rss, rel=1e-3)


def test_the_interval_of_the_full_effect_is_open_where_the_wells_leave_it():
    dose = np.tile(3.0 ** np.arange(-3, 4), 3)
    noise = 0.03 * np.random.default_rng(2).standard_normal(len(dose))
    whole = fit_logistic(dose, 0.8 * hill_fraction(dose, 0.0, 1.5) + noise, e0=0.0)
    low, high = reach_intervals(whole, 0.95, 500)
    assert (low > 0.7).all()
    assert (high < 0.9).all()
    assert low[1] < 0.8 < high[1]
    low_shared, high_shared = reach_intervals(whole, 0.95, 500, reference=1.0)
    assert (low_shared < low).all()
    assert (high < high_shared).all()
    begun = fit_logistic(dose, 0.8 * hill_fraction(dose, 4.0, 1.5) + noise, e0=0.0)
    low, high = reach_intervals(begun, 0.95, 500)
    assert np.isfinite([*low, high[0]]).all()
    assert high[1] == np.inf
    assert low[1] >= low[0]  # a curve that rises ends no lower than it got
    falling = fit_logistic(dose, -0.8 * hill_fraction(dose, 4.0, 1.5) - noise, e0=0.0)
    low, high = reach_intervals(falling, 0.95, 500)
    assert low[1] == -np.inf
    assert high[1] <= high[0]


def test_what_is_endless_on_one_side_is_known_on_the_other():
    draws = np.linspace(-1, 1, 1001)[:, None]
    draws[900:] = np.inf
    low, high = interval(np.zeros(1), draws, 0.95)
    assert low[0] == pytest.approx(-0.95, abs=0.01)
    assert high[0] == np.inf
    low, high = interval(np.full(1, -2.0), draws, 0.95)
    assert (low[0], high[0]) == (-2.0, np.inf)  # a value beyond all draws lies within all the same
    low, high = interval(np.full(1, 2.0), -draws, 0.95)
    assert (low[0], high[0]) == (-np.inf, 2.0)
    assert np.isnan(interval(np.zeros(2), np.empty((0, 2)), 0.95)).all()
    assert np.isnan(p_value(np.zeros(2), np.empty((0, 2)), 0)).all()


@pytest.mark.parametrize("emax", [None, 1.0])
def test_curves_of_draws_are_the_best_of_each(emax):
    dose = 3.0 ** np.arange(-2, 4)
    rng = np.random.default_rng(4)
    effect = 0.8 * hill_fraction(dose, 0.3, 1.6) + 0.03 * rng.standard_normal(6)
    bounds = {"e0": 0.0, "emax": emax, "emax_bounds": (0.0, 1.0)}
    fit = fit_logistic(dose, effect, **bounds)
    draws = effect + 0.04 * rng.standard_normal((30, 6))
    found = refit(fit, draws)
    for one, (log_ec50, log_hill, top, e0) in zip(draws, found, strict=True):
        assert e0 == 0
        z = hill_fraction(dose, log_ec50, np.exp(log_hill))
        best = fit_logistic(dose, one, **bounds)
        assert ((top * z - one) ** 2).sum() == pytest.approx(best.rss, rel=1e-3)


def test_draws_of_a_curve_at_the_limit_of_its_slope_find_gentler_ones():
    """There no dose lies on the slope, and a search that begins with it goes nowhere."""
    dose = np.array([0.0, *3.0 ** np.arange(-3, 4)])
    effect = np.array([0.01, -0.01, 0.0, 0.01, 0.3, 1.0, 1.0, 0.99])
    fit = fit_logistic(dose, effect)
    assert fit.hill == pytest.approx(20)
    draws = effect + 0.05 * np.random.default_rng(1).standard_normal((100, 8))
    log_ec50, log_hill, top, e0 = refit(fit, draws).T
    assert np.quantile(log_ec50, 0.975) > 0.25  # known no better than the wells do
    z = hill_fraction(dose, log_ec50[:, None], np.exp(log_hill)[:, None])
    curves = e0[:, None] + (top - e0)[:, None] * z
    for curve, one in zip(curves[:40], draws, strict=False):
        assert ((curve - one) ** 2).sum() <= 1.02 * fit_logistic(dose, one).rss
