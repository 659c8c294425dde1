"""The curve: published answers to the digits, exact recovery, honest intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spheroid_qc.response.curves.logistic import fit_logistic


@pytest.fixture(scope="module")
def ryegrass(shared):
    return pd.read_csv(shared / "oracles" / "ryegrass_drc.csv")


def curve(x, e0, emax, ec50, hill):
    return e0 + (emax - e0) * x**hill / (x**hill + ec50**hill)


def test_ryegrass_as_published(ryegrass):
    fit = fit_logistic(ryegrass["conc"], ryegrass["rootl"])
    assert fit.hill == pytest.approx(2.98222, abs=1e-5)
    assert fit.emax == pytest.approx(0.48141, abs=1e-5)
    assert fit.e0 == pytest.approx(7.79296, abs=1e-5)
    assert fit.sigma == pytest.approx(0.51963, abs=1e-5)
    published = {0.1: (1.46371, 0.18677), 0.5: (3.05795, 0.18573), 0.9: (6.38864, 0.84510)}
    for share, (dose, error) in published.items():
        assert fit.effective_dose(share) == pytest.approx(dose, abs=2e-5)
        assert fit.effective_dose_se(share) == pytest.approx(error, abs=1e-5)
    assert fit.wald_interval(0.5) == pytest.approx((2.67053, 3.44538), abs=1e-5)
    errors = np.sqrt(np.diag(fit.covariance)) * [fit.ec50, fit.hill, 1, 1]
    assert errors == pytest.approx([0.18573, 0.46506, 0.18857, 0.21219], abs=2e-5)


def test_profile_interval_has_the_likelihood_it_claims(ryegrass):
    fit = fit_logistic(ryegrass["conc"], ryegrass["rootl"])
    for bound in fit.profile_interval():
        grid = [
            fit_at(ryegrass["conc"].to_numpy(), ryegrass["rootl"].to_numpy(), bound, hill)
            for hill in np.linspace(1, 8, 2000)
        ]
        ratio = (min(grid) / fit.rss - 1) * fit.df
        assert ratio == pytest.approx(4.351243, abs=2e-3)  # F quantile, 1 and 20


def fit_at(x, y, ec50, hill):
    z = curve(x, 0, 1, ec50, hill)
    design = np.stack([1 - z, z], axis=1)
    return float(np.linalg.lstsq(design, y, rcond=None)[1][0])


def test_growth_rate_metrics_as_published(shared):
    values = pd.read_csv(shared / "oracles" / "gr_toy_output1_values.tsv", sep="\t")
    chosen = values.query(
        "cell_line == 'MCF10A' and agent == 'drugA' and time == 48 and replicate == 1"
        " and perturbation == 0"
    )
    fit = fit_logistic(chosen["concentration"], chosen["GRvalue"], e0=1, emax_bounds=(-1, 1))
    assert fit.ec50 == pytest.approx(0.044650573, rel=1e-5)
    assert fit.emax == pytest.approx(-0.065667248, rel=1e-4)
    assert fit.hill == pytest.approx(1.163909996, rel=1e-4)
    assert fit.dose_at(0.5) == pytest.approx(0.040159017, rel=1e-5)


@settings(max_examples=40, deadline=None)
@given(
    ec50=st.floats(0.02, 50),
    hill=st.floats(0.4, 6),
    e0=st.floats(-2, 2),
    span=st.floats(0.2, 10),
    falling=st.booleans(),
    scale=st.sampled_from([1e-6, 1.0, 1e6]),
)
def test_a_clean_curve_is_found_whatever_its_shape(ec50, hill, e0, span, falling, scale):
    dose = np.array([0, *np.geomspace(0.01, 100, 13)])
    emax = e0 - span if falling else e0 + span
    fit = fit_logistic(dose * scale, curve(dose, e0, emax, ec50, hill))
    assert fit.ec50 == pytest.approx(ec50 * scale, rel=2e-4)
    assert fit.hill == pytest.approx(hill, rel=2e-3)
    assert fit.emax == pytest.approx(emax, abs=2e-3 * span)


def test_relative_and_absolute_doses_differ_where_the_effect_is_partial():
    dose = np.array([0, *np.geomspace(0.01, 100, 13)])
    fit = fit_logistic(dose, curve(dose, 0, 0.8, 1.0, 1.5))
    assert fit.effective_dose(0.5) == pytest.approx(1.0, rel=1e-5)
    assert fit.dose_at(0.5) == pytest.approx((0.5 / 0.3) ** (1 / 1.5), rel=1e-5)
    assert np.isnan(fit.dose_at(0.85))


def test_fixed_asymptotes_stay_and_save_parameters():
    rng = np.random.default_rng(1)
    dose = np.repeat([0.1, 0.5, 1, 3, 10], 3)
    y = curve(dose, 0, 1, 1.0, 2.0) + rng.normal(0, 0.02, dose.size)
    fit = fit_logistic(dose, y, e0=0.0, emax=1.0)
    assert (fit.e0, fit.emax, fit.df) == (0.0, 1.0, 13)
    assert fit.ec50 == pytest.approx(1.0, rel=0.05)


def test_order_and_units_change_nothing():
    rng = np.random.default_rng(2)
    dose = np.repeat([0, 0.1, 0.5, 1, 3, 10], 3).astype(float)
    y = curve(dose, 0.1, 0.9, 1.0, 2.0) + rng.normal(0, 0.05, dose.size)
    fit, order = fit_logistic(dose, y), rng.permutation(dose.size)
    again = fit_logistic(dose[order], y[order])
    assert again.profile_interval() == fit.profile_interval()
    nano = fit_logistic(dose * 1000, y)
    assert nano.ec50 == pytest.approx(1000 * fit.ec50, rel=1e-6)
    assert nano.profile_interval() == pytest.approx(
        [1000 * bound for bound in fit.profile_interval()], rel=1e-5
    )


def test_flat_responses_are_flat():
    rng = np.random.default_rng(3)
    dose = np.repeat([0, 0.1, 0.5, 1, 3, 10], 3).astype(float)
    assert fit_logistic(dose, np.full(dose.size, 0.3)).flat_p == 1.0
    assert fit_logistic(dose, rng.normal(0, 1, dose.size)).flat_p > 0.05
    assert fit_logistic(dose, curve(dose, 0, 1, 1, 2)).flat_p < 1e-12


def test_an_open_interval_is_open():
    dose = np.repeat([0, 0.1, 0.3, 1.0], 3).astype(float)
    y = curve(dose, 0, 1, 20.0, 1.0) + np.tile([-0.01, 0, 0.01], 4)
    low, high = fit_logistic(dose, y).profile_interval()
    assert high == np.inf
    assert low > 0


def test_too_few_doses_are_refused():
    with pytest.raises(ValueError, match="4 free parameters need 4 doses, there are 3"):
        fit_logistic([0, 1, 2, 2], [0, 0.1, 0.5, 0.6])
    with pytest.raises(ValueError, match="negative"):
        fit_logistic([-1, 1, 2, 3], [0, 0, 1, 1])


def test_lack_of_fit_shows():
    dose = np.repeat([0, 0.1, 0.3, 1, 3, 10, 30], 3).astype(float)
    jitter = np.tile([-0.005, 0, 0.005], 7)
    assert fit_logistic(dose, curve(dose, 0, 1, 1, 1) + jitter).lack_of_fit_p > 0.5
    bump = np.where(dose == 30, -0.5, 0)
    assert fit_logistic(dose, curve(dose, 0, 1, 1, 1) + jitter + bump).lack_of_fit_p < 1e-6
