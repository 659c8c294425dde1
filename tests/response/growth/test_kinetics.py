"""Growth, delay and areas of series with closed forms."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from spheroid_qc.errors import RequestError
from spheroid_qc.response.growth.growth_rate import area_under_curve, growth_rate, time_to_multiple
from spheroid_qc.response.growth.kinetics import COLUMNS, summarise_kinetics, well_kinetics
from tests.response.plates import series, shuffled

TIMES = [0.0, 12.0, 24.0, 36.0, 48.0]


def growing(rate, start=1e6):
    return [start * np.exp(rate * t) for t in TIMES]


def test_an_exponential_has_its_rate():
    fit = growth_rate(TIMES, growing(0.01))
    assert fit["rate"] == pytest.approx(0.01)
    assert np.isnan([fit["low"], fit["high"]]).all()  # no error, no interval to be had


def test_uncorrelated_errors_give_the_usual_interval():
    errors = np.array([0.1, -0.12, 0.09, -0.1, 0.11, -0.08, 0.1, -0.1])
    time = np.arange(8) * 6.0
    fit = growth_rate(time, np.exp(0.02 * time + errors))
    line = stats.linregress(time, 0.02 * time + errors)
    half = stats.t.ppf(0.975, 6) * line.stderr
    assert fit["autocorrelation"] == 0
    assert (fit["low"], fit["high"]) == pytest.approx((line.slope - half, line.slope + half))


def test_errors_that_last_widen_the_interval():
    errors = 0.1 * np.sign(np.sin(np.arange(24) / 4))
    time = np.arange(24) * 3.0
    fit = growth_rate(time, np.exp(0.01 * time + errors))
    line = stats.linregress(time, 0.01 * time + errors)
    assert fit["autocorrelation"] > 0.3
    assert fit["high"] - fit["rate"] > 1.4 * stats.t.ppf(0.975, 22) * line.stderr


@settings(max_examples=40, deadline=None)
@given(st.floats(1e-6, 1e6), st.floats(0.1, 10), st.integers(0, 1000))
def test_units_of_volume_do_not_matter(unit, hours, seed):
    rng = np.random.default_rng(seed)
    time, volume = np.arange(6.0), np.exp(rng.normal(0, 0.3, 6))
    one, other = growth_rate(time, volume), growth_rate(hours * time, unit * volume)
    for name in ("rate", "low", "high"):
        assert other[name] * hours == pytest.approx(one[name], rel=1e-6, abs=1e-9)


def test_time_to_a_multiple_is_interpolated_on_the_logarithm():
    assert time_to_multiple([0, 10, 20], [1, 2, 8], 4) == pytest.approx(15)
    assert time_to_multiple([5, 15], [1, 3], 2) == pytest.approx(10 * np.log(2) / np.log(3))
    assert time_to_multiple([0, 10], [1, 1.9], 2) == np.inf
    assert np.isnan(time_to_multiple([0, 10], [0, 5], 2))
    with pytest.raises(RequestError, match="above 1"):
        time_to_multiple([0, 1], [1, 2], 1.0)


def test_area_is_the_mean_level():
    assert area_under_curve([0, 1, 3], [2, 2, 2]) == (2, 0, 3)
    assert area_under_curve([3, 0], [6, 0])[0] == pytest.approx(3)
    assert area_under_curve([0, 2, 4], [0, np.nan, 4])[0] == pytest.approx(2)
    assert area_under_curve([0, 4], [0, 4], 2) == (pytest.approx(1), 0, 2)
    assert np.isnan(area_under_curve([0, 4], [0, 4], 6)[0])
    assert np.isnan(area_under_curve([1], [1])[0])


def plate():
    vehicles = {f"A{i:02d}": growing(0.020 + 0.001 * i) for i in range(1, 4)}
    slow = {f"B{i:02d}": growing(0.010 + 0.001 * i, 2e6) for i in range(1, 4)}
    stalled = {f"C{i:02d}": growing(-0.002 * i) for i in range(1, 4)}
    return pd.concat(
        [
            series(vehicles, TIMES, "vehicle", "vehicle"),
            series(slow, TIMES, "slow"),
            series(stalled, TIMES, "stalled"),
        ],
        ignore_index=True,
    )


def test_every_well_of_a_plate():
    table = well_kinetics(plate(), multiple=1.5).set_index("well")
    assert list(table.columns) == [c for c in COLUMNS if c != "well"]
    line = table.loc["B02"]
    assert line["growth_rate_per_h"] == pytest.approx(0.012)
    assert line["doubling_time_h"] == pytest.approx(np.log(2) / 0.012)
    assert line["time_to_multiple_h"] == pytest.approx(np.log(1.5) / 0.012)
    assert line["growth_delay_h"] == pytest.approx(np.log(1.5) * (1 / 0.012 - 1 / 0.022))
    assert line["mean_disintegration_fraction"] == pytest.approx(0.1)
    expected = np.trapezoid(np.exp(0.012 * np.array(TIMES)), TIMES) / 48
    assert line["mean_relative_volume"] == pytest.approx(expected)
    stalled = table.loc["C01"]
    assert np.isnan(stalled[["doubling_time_h", "growth_delay_h"]].astype(float)).all()
    assert stalled["growth_delay_at_least_h"] == pytest.approx(48 - np.log(1.5) / 0.022)
    assert "no doubling time" in stalled["note"]
    assert "> 48 h" in stalled["note"]


def test_shuffled_rows_give_the_same_table():
    pd.testing.assert_frame_equal(
        well_kinetics(plate()), well_kinetics(shuffled(plate())), check_exact=True
    )


def test_what_fell_apart_is_said():
    table = plate()
    gone = (table["well"] == "B01") & (table["time_h"] >= 36)
    table.loc[gone, ["volume_um3", "disintegration_fraction"]] = [0.0, np.nan]
    table.loc[gone, "state"] = "lost"
    line = well_kinetics(table).set_index("well").loc["B01"]
    assert line["n_times"] == 3
    assert "2 frame(s) without a core" in line["note"]
    assert line["mean_disintegration_fraction"] == pytest.approx((24 * 0.1 + 12 * 0.55 + 12) / 48)


def test_pixels_serve_where_a_plate_is_not_calibrated():
    table = plate()
    table["core_area_px"] = table["volume_um3"] ** (2 / 3)
    table.loc[3, "volume_um3"] = np.nan
    pixels = well_kinetics(table)
    assert set(pixels["size_measure"]) == {"core_area_px^1.5"}
    whole = well_kinetics(plate())
    for name in ("growth_rate_per_h", "mean_relative_volume", "growth_delay_h"):
        assert pixels[name].tolist() == pytest.approx(whole[name].tolist(), nan_ok=True)


def test_a_well_that_ends_early_has_no_area():
    table = plate()
    table.loc[(table["well"] == "B01") & (table["time_h"] == 48), "state"] = "unscorable"
    line = well_kinetics(table).set_index("well").loc["B01"]
    assert np.isnan(line["mean_relative_volume"])
    assert "Watched to 36 h only" in line["note"]


def test_conditions_are_summarised_over_wells():
    table = summarise_kinetics(well_kinetics(plate(), multiple=1.5)).set_index("condition")
    line = table.loc["slow"]
    assert line["growth_rate_per_h_mean"] == pytest.approx(0.012)
    half = stats.t.ppf(0.975, 2) * 0.001 / np.sqrt(3)
    assert line["growth_rate_per_h_ci_low"] == pytest.approx(0.012 - half)
    assert line["doubling_time_low_h"] == pytest.approx(np.log(2) / (0.012 + half))
    times = [
        np.log(1.5) / np.array([0.011, 0.012, 0.013]),
        np.log(1.5) / np.array([0.021, 0.022, 0.023]),
    ]
    assert line["growth_delay_h"] == pytest.approx(times[0].mean() - times[1].mean())
    interval = stats.ttest_ind(*times, equal_var=False).confidence_interval()
    assert line["growth_delay_low_h"] == pytest.approx(interval.low)
    assert table.loc["stalled", "n_not_reached"] == 3
    assert np.isnan(table.loc["stalled", "growth_delay_h"])


def test_poor_tables():
    one = well_kinetics(plate().iloc[:1])
    assert np.isnan(one["growth_rate_per_h"]).all()
    assert one["note"].iloc[0]
    blind = well_kinetics(plate().assign(volume_um3=np.nan))
    assert blind["note"].str.contains("No size at time zero").all()
    alone = well_kinetics(plate().query("role != 'vehicle'"), 1.1)
    assert alone["growth_delay_h"].isna().all()
    assert alone.set_index("well").loc["B01", "note"].startswith("No reference well")
    assert well_kinetics(plate().iloc[:0]).empty
    with pytest.raises(RequestError, match="one row a well and time"):
        well_kinetics(pd.concat([plate(), plate()]))
    with pytest.raises(RequestError, match="condition"):
        well_kinetics(plate().drop(columns="condition"))
