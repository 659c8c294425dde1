"""Further channels and planes of focus, in files of their own or inside one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from tests.run.conftest import analyse, draw, glow, write

SUM_OF_GLOW = 1000 * int((glow(20) > 500).sum())


def test_channels_in_folders_are_measured_inside_the_masks_of_the_main_one(tmp_path):
    images = tmp_path / "images"
    for well, radius in (("B2", 36), ("B3", 30)):
        for hour in (0, 6):
            name = f"V_{well}_1_00d{hour:02d}h00m.tif"
            write(images / "phase" / name, draw(radius, seed=hour))
            if (well, hour) != ("B3", 6):
                write(images / "red" / name, glow(20))
    result, tables = analyse(images, "well,role\nB2,vehicle\nB3,vehicle\n")
    wells = tables["wells"].set_index(["well", "time_h"])
    assert wells["plate"].unique().tolist() == ["V"]
    assert wells.loc[("B02", 0), "red_core_integrated"] == SUM_OF_GLOW
    line = wells.loc[("B03", 0)]
    assert line["red_core_mean"] == pytest.approx(SUM_OF_GLOW / line["core_area_px"], rel=1e-5)
    assert line["red_background"] == 500
    assert wells["red_core_integrated"].isna().tolist() == [False, False, False, True]
    assert "channel_missing" in wells.loc[("B03", 6), "flags"]
    assert wells.loc[("B03", 6), "state"] == "intact"
    assert not result.failures
    assert tables["conditions"]["red_core_integrated_n"].tolist() == [2, 1]


def test_a_channel_of_any_name_brings_its_own_columns_only(tmp_path):
    images = tmp_path / "images"
    stack = np.stack([draw(36), glow(20), glow(10), glow(5), glow(5)])
    names = ["Phase", "drug", "core", "GFP 488", "GFP-488"]
    write(images / "P_B2.ome.tif", stack, axes="CYX", Channel={"Name": names})
    _, tables = analyse(images, "well,drug,dose,unit\nB2,selinexor,1,uM\n")
    wells, conditions = tables["wells"], tables["conditions"]
    assert len(set(wells.columns)) == len(wells.columns)
    assert wells["drug_core_integrated"].iloc[0] == SUM_OF_GLOW
    assert wells["core_core_mean"].iloc[0] > 0
    assert {"gfp_488_core_mean", "gfp_488_2_core_mean"} <= set(wells.columns)
    assert len(set(conditions.columns)) == len(conditions.columns)
    assert conditions["drug_1"].tolist() == ["selinexor"]


def test_the_channel_that_shows_the_spheroid_can_be_chosen(tmp_path):
    images = tmp_path / "images"
    for well in ("B2", "B3"):
        write(images / f"P_{well}_w1.tif", glow(20))
        write(images / f"P_{well}_w2.tif", draw(36))
    (images / "P_B3_w2.tif").unlink()
    result, tables = analyse(images, images__channel="w2")
    wells = tables["wells"].set_index("well")
    assert wells.loc["B02", "core_area_um2"] == pytest.approx(np.pi * 144**2, rel=0.05)
    assert wells.loc["B02", "w1_core_integrated"] == SUM_OF_GLOW
    assert wells.loc["B03", "state"] == "unscorable"
    assert "channel_missing" in wells.loc["B03", "flags"]
    assert len(result.failures) == 1
    status = tables["frames"].set_index("path")["status"]
    assert status["P_B3_w1.tif"] == "unused"


@pytest.mark.parametrize(("names", "wanted"), [(["Calcein", "Phase"], None), (None, "2")])
def test_channels_inside_one_file(tmp_path, names, wanted):
    more = {"Channel": {"Name": names}} if names else {}
    write(tmp_path / "images" / "P_B2.ome.tif", np.stack([glow(20), draw(36)]), axes="CYX", **more)
    _, tables = analyse(tmp_path / "images", images__channel=wanted)
    line = tables["wells"].iloc[0]
    assert line["core_area_um2"] == pytest.approx(np.pi * 144**2, rel=0.05)
    token = "calcein" if names else "1"
    assert line[f"{token}_core_integrated"] == SUM_OF_GLOW


def test_the_sharpest_plane_of_a_focus_stack_is_used(tmp_path):
    images = tmp_path / "images"
    image = draw(36, shed=5)
    stack = [ndimage.gaussian_filter(image.astype(float), s).astype(np.uint16) for s in (6, 0, 5)]
    for z, plane in enumerate(stack, start=1):
        write(images / f"P_B2_z{z}.tif", plane)
    write(images / "P_B3.ome.tif", np.stack(stack), axes="ZYX")
    write(images / "P_B4.tif", image)
    _, tables = analyse(images)
    wells = tables["wells"]
    assert wells["well"].tolist() == ["B02", "B03", "B04"]
    for column in ("core_area_px", "total_area_px", "rim_sharpness"):
        assert wells[column].nunique() == 1


def test_an_unreadable_further_channel_is_named_and_costs_no_measurement(tmp_path):
    images = tmp_path / "images"
    write(images / "P_B2_phase.tif", draw(36))
    (images / "P_B2_red.tif").write_bytes(b"nothing")
    result, tables = analyse(images)
    assert tables["wells"]["state"].tolist() == ["intact"]
    status = tables["frames"].set_index("path")["status"]
    assert status.to_dict() == {"P_B2_phase.tif": "read", "P_B2_red.tif": "unreadable"}
    assert len(result.failures) == 1
    assert "P_B2_red.tif" in result.failures[0]


def test_times_of_a_file_that_are_not_used_are_said(tmp_path):
    images = tmp_path / "images"
    write(images / "B2_day0.ome.tif", np.stack([draw(36), draw(34)]), axes="TYX")
    write(images / "B3_day0.ome.tif", draw(36))
    result, tables = analyse(images)
    qc = tables["qc"]
    (detail,) = qc.loc[qc["code"] == "planes_unused", "detail"]
    assert detail.startswith("B2_day0.ome.tif holds 2 times, but its name gives the time")
    notes = tables["frames"].set_index("path")["note"]
    assert notes["B2_day0.ome.tif"] == detail
    assert not result.failures
