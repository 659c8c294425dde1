"""What maps, end points, exclusions and calibrations do to the tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spheroid_qc import run_plate
from tests.run.conftest import analyse, draw, write


def series(folder, well, radii, *, pixels=4.0, seed=0):
    """One frame a day; None: no frame."""
    for day, radius in enumerate(radii):
        pixel = pixels[day] if isinstance(pixels, list) else pixels
        if radius is not None:
            image = draw(radius, seed=100 * seed + 10 * ord(well[0]) + int(well[1:]) + day)
            write(folder / f"V_{well}_1_{day:02d}d00h00m.tif", image, pixel)


def at(tables, *keys):
    return tables["wells"].set_index(["well", "time_h"]).loc[keys]


def test_columns_of_the_user_that_are_called_like_ours_stand_beside_them(tmp_path):
    images = tmp_path / "images"
    for well in ("A1", "A2", "B1"):
        series(images, well, [30, 32])
    plate_map = (
        "well,drug,dose,unit,role,state,row,map_state,drug_class,ATP,time_h\n"
        "A1,,,,vehicle,s,r,m,c1,a,t\nA2,,,,vehicle,s,r,m,c1,a,t\n"
        "B1,gemcitabine,10,nM,treated,s,r,m,c2,a,t\n"
    )
    join = "well,ATP,LDH,core_area_um2,size\nA1,1.5,2,3,2.25\nA2,2.5,4,3,3.5\nB1,0.5,,7,1\n"
    _, tables = analyse(images, plate_map, join)
    wells = tables["wells"]
    assert set(wells["state"]) == {"intact"}
    assert wells["map_row"].tolist() == ["r"] * 6
    assert set(wells["map_map_state"]) | set(wells["map_state"]) == {"m", "s"}
    assert at(tables, "A01", 24)["joined_ATP"] == 1.5
    assert np.isnan(at(tables, "A01", 0)["joined_ATP"])
    # A table of ours has a column of whole numbers of that name; this one is no such.
    assert at(tables, "A01", 24)["size"] == 2.25
    assert at(tables, "A01", 24)["ATP"] == "a"
    conditions = tables["conditions"].set_index(["condition", "time_h"])
    assert conditions.loc[("vehicle", 24), "joined_ATP_mean"] == 2
    assert conditions.loc[("vehicle", 24), "LDH_mean"] == 3
    assert conditions.loc[("vehicle", 0), "LDH_n"] == 0
    # Our own area is not replaced by the joined column of the same name.
    assert conditions.loc[("vehicle", 24), "core_area_um2_mean"] == pytest.approx(
        np.pi * 128**2, rel=0.05
    )
    assert conditions.loc[("gemcitabine 0.01 uM", 24), "joined_core_area_um2_mean"] == 7
    assert "drug_class" not in tables["conditions"]


def test_exclusions_find_their_plate_and_unknown_ones_are_said(tmp_path):
    series(tmp_path / "images" / "Plate 1", "A1", [30, 30, 30])
    series(tmp_path / "images" / "p2", "A1", [30, 30, 30], seed=1)
    table = tmp_path / "left_out.csv"
    table.write_text("plate,well,time_h,reason\nplate 1,A1,24,fibre\nP9,A1,,x\n,A1,48,out\n")
    result = run_plate(tmp_path / "images", out=tmp_path / "out", exclusions=table, workers=0)
    wells = pd.read_csv(result.tables["wells"]).set_index(["plate", "time_h"])
    assert wells["state"].tolist() == [
        "intact", "unscorable", "unscorable", "intact", "intact", "unscorable",
    ]  # fmt: skip
    assert wells.loc[("Plate 1", 24), "core_area_px"] > 0
    assert [note for note in result.notes if "P9" in note]
    assert not [note for note in result.notes if "plate 1" in note]


def test_an_excluded_baseline_gives_way_to_the_frame_before(tmp_path):
    series(tmp_path / "images", "A1", [20, 30, 28])
    table = tmp_path / "x.csv"
    table.write_text("well,time_h\nA1,24\n")
    (tmp_path / "map.csv").write_text("well,drug,dose,unit,dosed_at_h\nA1,x,1,uM,24\n")
    result = run_plate(
        tmp_path / "images", tmp_path / "map.csv", tmp_path / "out", exclusions=table, workers=0
    )
    wells = pd.read_csv(result.tables["wells"])
    assert wells["is_t0"].tolist() == [1, 0, 0]
    assert wells["core_volume_loss_vs_t0"].iloc[2] == pytest.approx(1 - (28 / 20) ** 3, rel=0.1)


def test_drugs_given_at_different_times_and_plates_of_one_map(tmp_path):
    for number, plate in enumerate(("P1", "P2")):
        for well in ("A1", "B1", "B2"):
            series(tmp_path / "images" / plate, well, [30, 31, 27], seed=number)
    plate_map = (
        "plate,well,drug,dose,unit,dosed_at_h,drug_2,dose_2,unit_2,dosed_at_h_2,role,"
        "biological_replicate\n"
        "P1,A1,,,,,,,,,vehicle,patient 1\nP1,B1,gem,1,uM,24,sel,2,uM,48,,patient 1\n"
        "P1,B2,gem,1,uM,48,,,,,,patient 1\n"
        "P2,A1,,,,,,,,,vehicle,patient 1\nP2,B1,gem,1,uM,24,sel,2,uM,48,,patient 1\n"
    )
    _, tables = analyse(tmp_path / "images", plate_map)
    wells = tables["wells"].set_index(["plate", "well", "time_h"])
    assert wells.loc[("P1", "B01", 24), "is_t0"] == 1
    assert wells.loc[("P1", "B02", 48), "is_t0"] == 1
    assert wells.loc[("P1", "A01", 24), "is_t0"] == 1
    assert wells.loc[("P1", "B01", 48), "time_since_dose_h"] == 24
    assert wells.loc[("P2", "B02", 0), "role"] == "unmapped"
    assert np.isnan(wells.loc[("P2", "B02", 0), "core_volume_loss_vs_vehicle"])
    assert np.isfinite(wells.loc[("P2", "B02", 48), "core_volume_loss_vs_t0"])
    conditions = tables["conditions"]
    both = conditions[conditions["condition"].str.startswith("gem 1 uM (from 24 h) + sel")]
    assert both["n_plates"].tolist() == [2, 2, 2]
    assert both["n_biological"].tolist() == [1, 1, 1]
    # Two plates of one patient: wells are the unit, and it is said what that does not cover.
    assert set(both["interval"]) == {"within_replicate"}
    assert both["core_area_um2_n"].tolist() == [2, 2, 2]


def test_a_frame_without_calibration_is_compared_in_pixels_of_its_plate(tmp_path):
    images = tmp_path / "images"
    series(images, "A1", [30, 20], pixels=[4.0, None])
    series(images, "A2", [30, 24])
    _, tables = analyse(images)
    line = at(tables, "A01", 24)
    assert "uncalibrated" in line["flags"]
    assert np.isnan(line["core_area_um2"])
    assert np.isnan(line["pixel_size_um"])
    assert line["state"] == "shrunken"
    assert line["core_volume_loss_vs_t0"] == pytest.approx(1 - (2 / 3) ** 3, abs=0.03)


def test_pixels_of_two_magnifications_are_not_compared(tmp_path):
    images = tmp_path / "images"
    series(images, "A1", [30, 20], pixels=[4.0, 6.0])
    series(images, "A2", [30, 31], pixels=[4.0, None])
    _, tables = analyse(images)
    assert at(tables, "A01", 24)["state"] == "intact"
    assert at(tables, "A01", 24)["core_volume_loss_vs_t0"] == pytest.approx(0, abs=0.1)
    assert np.isnan(at(tables, "A02", 24)["core_volume_loss_vs_t0"])


def test_a_pixel_size_that_contradicts_the_file_is_used_and_flagged(tmp_path):
    series(tmp_path / "images", "A1", [30])
    _, tables = analyse(tmp_path / "images", plate__pixel_size_um=3.0)
    line = tables["wells"].iloc[0]
    assert line["pixel_size_um"] == 3
    assert line["core_area_um2"] == pytest.approx(np.pi * 90**2, rel=0.05)
    assert "pixel_size_conflict" in line["flags"]
    assert tables["frames"]["pixel_size_um"].tolist() == [3]


def spheres(bodies, seed=0, size=320):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    image = np.full((size, size), 30000.0)
    for cy, cx, radius in bodies:
        distance = (np.hypot(y - cy, x - cx) - radius) / 0.7
        image -= 14000 / (1 + np.exp(np.minimum(distance, 99)))
    return np.clip(image + rng.normal(0, 250, image.shape), 0, 65535).astype(np.uint16)


def test_fields_of_spheres_add_up_and_a_blank_one_is_left_out(tmp_path):
    images = tmp_path / "images"
    one = spheres([(60, 60, 16), (60, 150, 12), (200, 60, 20), (260, 260, 5)])
    other = spheres([(100, 100, 15), (200, 200, 14)], seed=1)
    for field, image, red in ((1, one, 900), (2, other, 300)):
        write(images / f"P_B2_f{field}_phase.tif", image)
        glowing = np.where(image < 20000, 100 + red, 100).astype(np.uint16)
        write(images / f"P_B2_f{field}_red.tif", glowing)
    write(images / "P_B2_f3_phase.tif", np.full((320, 320), 30000, np.uint16))
    write(images / "P_B2_f3_red.tif", np.full((320, 320), 100, np.uint16))
    write(images / "P_B3_f1_phase.tif", spheres([], seed=2))
    write(images / "P_B3_f1_red.tif", np.full((320, 320), 100, np.uint16))
    plate_map = "well,drug,dose,unit,role,cells_seeded\nB2,,,,vehicle,200\nB3,x,1,uM,,200\n"
    _, tables = analyse(
        images, plate_map, plate__assay="spheres", spheres__well_area_mm2=32.768,
        output__overlays="all", segmentation__method="classical",
    )  # fmt: skip
    assert len(list((tmp_path / "out" / "overlays").rglob("*.png"))) == 4
    wells = tables["wells"].set_index("well")
    line = wells.loc["B02"]
    assert (line["n_spheroids"], line["n_below_cutoff"]) == (5, 1)
    assert line["imaged_fraction"] == pytest.approx(0.1, rel=1e-5)  # two fields, not three
    assert line["sfe_percent"] == pytest.approx(100 * 50 / 200, rel=1e-5)
    assert "blank_image" in line["flags"]
    found = tables["spheroids"]
    assert found["counted"].sum() == 5
    assert line["total_area_um2"] == pytest.approx(
        found.loc[found["counted"] == 1, "core_area_um2"].sum(), rel=1e-5
    )
    # The mean over both fields lies between them, by their areas.
    inside = found.groupby("field")["core_area_px"].sum()
    bright = np.where(one < 20000, 900, 0).sum() + np.where(other < 20000, 300, 0).sum()
    assert line["red_core_integrated"] == pytest.approx(bright, rel=0.05)
    assert line["red_core_mean"] == pytest.approx(bright / inside.sum(), rel=0.05)
    assert line["state"] != "unscorable"
    assert np.isnan(line["disintegration_fraction"])
    empty = wells.loc["B03"]
    assert (empty["n_spheroids"], empty["sfe_percent"]) == (0, 0)
    conditions = tables["conditions"].set_index("condition")
    assert conditions.loc["vehicle", "sfe_percent_mean"] == pytest.approx(25, rel=1e-5)


@pytest.mark.parametrize(
    ("folder", "file", "low", "high"),
    [("aggregates_many", "Stemflex-mTeSR3D_D5-3.jpg", 18, 27)],
)
def test_real_fields_of_many_bodies_are_counted(shared, tmp_path, folder, file, low, high):
    source = shared / "real" / folder / "images" / file
    if not source.is_file():
        pytest.skip(f"{source} is not there")
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "P_B2.jpg").write_bytes(source.read_bytes())
    _, tables = analyse(tmp_path / "images", plate__assay="spheres")
    assert low <= tables["wells"]["n_spheroids"].iloc[0] <= high
