"""Control figures against published numbers, plates with planted faults, and poor plates."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from spheroid_qc.errors import RequestError
from spheroid_qc.response.plate_quality import assay_quality as quality
from spheroid_qc.response.plate_quality.edge_and_position_effects import (
    at_edge,
    design_of,
    factor_effect,
    neighbour_correlation,
    places,
)
from spheroid_qc.response.plate_quality.plate_quality_table import COLUMNS, plate_quality
from spheroid_qc.response.plate_quality.quality_thresholds import BOUNDS, CANNOT_TELL, verdict
from tests.response.plates import groups, shuffled

NEGATIVE, POSITIVE = [100, 95, 105, 98, 102], [10, 12, 8, 11, 9]
INNER = [f"{row}{column:02d}" for row in "BCDEFG" for column in range(2, 12)]


def test_figures_of_two_controls():
    assert quality.z_prime(POSITIVE, NEGATIVE) == pytest.approx(0.8203658, abs=1e-7)
    assert abs(quality.ssmd(POSITIVE, NEGATIVE)) == pytest.approx(21.8282063, abs=1e-7)
    assert quality.z_prime(POSITIVE, NEGATIVE, robust=True) == pytest.approx(0.85174, abs=1e-5)
    assert abs(quality.ssmd(POSITIVE, NEGATIVE, robust=True)) == pytest.approx(27.14773, abs=1e-5)
    assert quality.ssmd(POSITIVE, NEGATIVE) < 0  # the positive control reads lower


def test_controls_that_give_no_scale():
    for figure in (quality.z_prime, quality.ssmd):
        for robust in (False, True):
            assert np.isnan(figure([1.0], NEGATIVE, robust=robust))
            assert np.isnan(figure([], [], robust=robust))
    assert np.isnan(quality.ssmd([1, 1], [2, 2]))
    assert np.isnan(quality.z_prime([1, 2], [1, 2]))


def test_coefficient_of_variation():
    value, low, high = quality.coefficient_of_variation([9, 10, 11, np.nan])
    assert value == pytest.approx(0.1)
    # Close to the interval of the standard deviation where the coefficient is small.
    tails = stats.chi2.ppf([0.975, 0.025], 2)
    assert [low, high] == pytest.approx((0.1 * np.sqrt(2 / tails)).tolist(), rel=0.1)
    assert np.isnan(quality.coefficient_of_variation([3.0])[0])
    assert np.isnan(quality.coefficient_of_variation([-1.0, 1.0])[0])


def test_edge_wells():
    assert at_edge(["A05", "H12", "C01", "B02"]).tolist() == [True, True, True, False]
    assert not at_edge(INNER).any()
    assert at_edge(["H12"], 384).tolist() == [False]


def test_a_factor_beside_conditions_is_a_linear_model():
    rng = np.random.default_rng(0)
    row, condition = rng.integers(0, 4, 40), rng.integers(0, 3, 40)
    y = rng.normal(0, 1, 40) + 0.8 * row
    found = factor_effect(y, design_of(condition), design_of(row))

    def rss(*columns):
        x = np.hstack(columns)
        return float(((y - x @ np.linalg.lstsq(x, y)[0]) ** 2).sum())

    small = rss(design_of(condition), design_of(row))
    f = (rss(design_of(condition)) - small) / 3 / (small / 34)
    assert found["f"] == pytest.approx(f)
    assert found["omega2"] == pytest.approx(3 * (f - 1) / (3 * (f - 1) + 40))
    one_way = factor_effect(y, np.ones((40, 1)), design_of(row))
    expected = stats.f_oneway(*(y[row == r] for r in range(4)))
    assert one_way["p"] == pytest.approx(expected.pvalue)


def test_rows_that_hold_their_own_conditions_can_not_be_told_apart():
    row = np.repeat(np.arange(4), 5)
    found = factor_effect(np.arange(20.0) ** 2, design_of(row), design_of(row))
    assert np.isnan([found["omega2"], found["p"]]).all()


def test_neighbours_moments_are_those_of_permutations():
    rng = np.random.default_rng(1)
    place, design = places(INNER), np.ones((60, 1))
    y = rng.normal(0, 1, 60)
    seen = [neighbour_correlation(rng.permutation(y), place, design)["i"] for _ in range(1500)]
    found = neighbour_correlation(y, place, design)
    assert found["expected"] == pytest.approx(-1 / 59)
    assert np.mean(seen) == pytest.approx(found["expected"], abs=0.008)
    spread = (found["i"] - found["expected"]) / found["z"]
    assert np.std(seen) == pytest.approx(spread, rel=0.1)
    smooth = neighbour_correlation(place.sum(axis=1) ** 2.0, place, design)
    assert smooth["i"] > 0.5
    assert smooth["p"] < 1e-6


def test_equal_wells_have_no_pattern_in_their_rounding():
    design = np.repeat(np.eye(6), 10, axis=0)
    y = np.full(60, 0.3)
    assert np.abs(y - design @ np.linalg.lstsq(design, y)[0]).max() > 0
    assert np.isnan(neighbour_correlation(y, places(INNER), design)["i"])
    rows = np.repeat(np.eye(5), 12, axis=0)
    assert np.isnan(factor_effect(y, np.ones((60, 1)), rows)["omega2"])


def plate(size_of=lambda row, column: 0.0, wells=INNER, seed=0):
    """Vehicle in every fourth well, six drugs in the others, two times."""
    rng = np.random.default_rng(seed)
    lines = []
    for i, well in enumerate(wells):
        row, column = places([well])[0]
        name = "vehicle" if i % 4 == 0 else "positive" if i % 4 == 1 else f"drug {i * 7 % 6}"
        role = {"vehicle": "vehicle", "positive": "positive_control"}.get(name, "treated")
        for time in (0.0, 48.0):
            lines.append(
                {
                    "plate": "P", "well": well, "time_h": time, "is_t0": time == 0,
                    "condition": name, "role": role, "state": "intact",
                    "equivalent_diameter_um": 400 + size_of(row, column) + rng.normal(0, 10),
                    "disintegration_fraction": (0.8 if name == "positive" else 0.1)
                    + rng.normal(0, 0.02), "file": f"{well}.tif",
                }
            )  # fmt: skip
    return pd.DataFrame(lines)


def figures(table, **options):
    return plate_quality(table, **options).set_index(["statistic", "metric"])["value"]


def test_a_good_plate():
    table = plate_quality(plate())
    assert list(table.columns) == list(COLUMNS)
    assert not (table["meets_bound"] == "no").any()
    by_name = table.set_index(["statistic", "metric"])
    assert by_name.loc[("z_prime", "disintegration_fraction"), "value"] > 0.7
    cv = by_name.loc[("size_cv_t0_vehicle", "equivalent_diameter_um")]
    assert cv["low"] < cv["value"] < cv["high"]
    assert table["cannot_tell"].str.len().gt(10).all()
    pd.testing.assert_frame_equal(table, plate_quality(shuffled(plate())), check_exact=True)


def test_a_planted_column_gradient_is_found():
    table = plate_quality(plate(lambda row, column: 12.0 * column))
    at_t0 = table[table["metric"] == "equivalent_diameter_um"].set_index("statistic")
    assert at_t0.loc["column_effect", "meets_bound"] == "no"
    assert at_t0.loc["column_effect", "value"] > 0.7
    assert at_t0.loc["row_effect", "meets_bound"] == "yes"
    assert at_t0.loc["spatial_residual", "meets_bound"] == "no"
    assert at_t0.loc["column_effect", "note"].startswith("Largest mean residual: column")


def test_a_planted_edge_is_found():
    wells = [f"{row}{column:02d}" for row in "ABCDEFGH" for column in range(1, 13)]
    outer = dict(zip(wells, at_edge(wells), strict=True))
    names = {tuple(places([w])[0]): w for w in wells}
    table = plate_quality(plate(lambda r, c: -60.0 * outer[names[r, c]], wells))
    at_t0 = table[table["metric"] == "equivalent_diameter_um"].set_index("statistic")
    assert at_t0.loc["edge_difference", "low"] < -60 < at_t0.loc["edge_difference", "high"]
    assert at_t0.loc["edge_hedges_g", "meets_bound"] == "no"
    assert at_t0.loc["edge_difference", ["n", "n_reference"]].tolist() == [36, 60]
    assert (
        "No outermost"
        in plate_quality(plate()).set_index("statistic").loc["edge_difference", "note"].iloc[0]
    )


def test_missing_and_unformed_wells_are_named():
    table = plate()
    table.loc[table["well"] == "B03", "file"] = np.nan
    table.loc[table["well"] == "C04", "state"] = "never_formed"
    table.loc[(table["well"] == "D05") & (table["time_h"] > 0), "state"] = "unscorable"
    found = plate_quality(table).set_index("statistic")
    assert found.loc["missing_frames", "value"] == pytest.approx(2 / 120)
    assert "B03" in found.loc["missing_frames", "note"]
    assert found.loc["never_formed", "note"] == "1 of 60 wells never formed one: C04."
    assert found.loc["unscorable", "note"].endswith("D05.")


def test_poor_plates_get_words():
    table = groups({"vehicle": [1.0, 1.0], "drug": [1.0]})
    found = plate_quality(table, ["value"])
    assert found.loc[found["statistic"] == "z_prime", "note"].iloc[0].startswith("No positive")
    assert found.loc[found["value"].isna(), "note"].str.len().gt(5).all()
    blind = plate_quality(
        plate().assign(equivalent_diameter_um=np.nan, disintegration_fraction=np.nan)
    )
    assert blind.loc[blind["value"].isna(), "note"].str.len().gt(5).all()
    assert plate_quality(plate().iloc[:0]).empty
    no_vehicle = plate().query("role != 'vehicle'")
    lines = plate_quality(no_vehicle).set_index("statistic")
    assert np.isnan(lines.loc["z_prime", "value"])
    assert "no vehicle" in lines.loc["z_prime", "compared"]


def test_requests_that_can_not_be_met():
    with pytest.raises(RequestError, match="not a well"):
        plate_quality(plate().assign(well="Z99x"))
    with pytest.raises(RequestError, match="100 wells"):
        plate_quality(plate(), plate_format=100)
    with pytest.raises(RequestError, match="colour"):
        plate_quality(plate(), ["colour"])


def test_bounds_are_compared():
    nan = float("nan")
    assert verdict("z_prime", 0.6, nan, nan, nan) == "yes"
    assert verdict("ssmd", -4.0, nan, nan, nan) == "yes"
    assert verdict("edge_hedges_g", 0.2, -1.0, 1.4, 0.6) == "undecided"
    assert verdict("edge_hedges_g", 0.1, -0.3, 0.5, 0.6) == "yes"
    assert verdict("edge_difference", 3.0, 1.0, 5.0, 0.01) == ""
    assert verdict("size_cv_t0_all", 0.2, 0.1, 0.4, nan) == "no"
    assert verdict("z_prime", nan, nan, nan, nan) == ""
    assert set(BOUNDS) <= set(CANNOT_TELL)
