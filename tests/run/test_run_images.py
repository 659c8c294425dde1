"""A whole run: what it writes, that it continues, and that nothing changes the numbers."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import tifffile

from spheroid_qc import Parameters, run_plate
from spheroid_qc.configuration import apply_overrides
from spheroid_qc.errors import RequestError
from spheroid_qc.run.tables.table_columns import WELLS_START
from tests.run.conftest import WELLS, draw, write, write_plate

TABLES = ("frames", "spheroids", "wells", "conditions", "qc")


def tables(out):
    return {name: (out / f"{name}.csv").read_bytes() for name in TABLES}


def changed(**values):
    return apply_overrides(Parameters(), {k.replace("__", "."): v for k, v in values.items()})


@pytest.fixture(scope="session")
def done(plate, plate_map, tmp_path_factory):
    out = tmp_path_factory.mktemp("done") / "out"
    result = run_plate(plate, plate_map, out, workers=0)
    return out, result


@pytest.fixture
def copied(done, tmp_path):
    shutil.copytree(done[0], tmp_path / "out")
    return tmp_path / "out"


def test_tables_have_their_contract_columns_and_a_row_for_every_well_and_time(done):
    out, result = done
    wells = pd.read_csv(out / "wells.csv")
    assert tuple(wells.columns[: len(WELLS_START)]) == WELLS_START
    assert len(wells) == (len(WELLS) + 1) * 3
    assert list(wells["well"].unique()) == ["B02", "B03", "B04", "C02", "C03", "D02", "E02"]
    assert set(TABLES) < set(result.tables)
    assert {"dose_response", "synergy", "survival", "plate_quality"} < set(result.tables)
    assert (result.n_frames, result.n_new) == (18, 18)


def test_numbers_are_right(done):
    wells = pd.read_csv(done[0] / "wells.csv").set_index(["well", "time_h"])
    for well, radii in WELLS.items():
        for t, radius in enumerate(radii):
            line = wells.loc[(f"{well[0]}0{well[1]}", 6 * t)]
            if radius == 0:
                assert line["state"] == "never_formed"
                assert line["n_spheroids"] == 0
            else:
                assert line["core_area_um2"] == pytest.approx(np.pi * (4 * radius) ** 2, rel=0.06)
                assert line["disintegration_fraction"] <= 0.1
    assert wells.loc[("B02", 12), "state"] == "intact"
    assert wells.loc[("C02", 12), "state"] == "shrunken"
    expected = 1 - (24**2 / np.median([38**2, 37**2, 36**2])) ** 1.5
    assert wells.loc[("C02", 12), "core_volume_loss_vs_vehicle"] == pytest.approx(
        expected, abs=0.05
    )


def test_a_mapped_well_without_image_is_there_and_says_so(done):
    wells = pd.read_csv(done[0] / "wells.csv").set_index("well")
    assert set(wells.loc["E02", "state"]) == {"unscorable"}
    assert all("mapped_without_image" in f for f in wells.loc["E02", "flags"])
    assert wells.loc["E02", "core_area_px"].isna().all()


def test_no_unscorable_frame_enters_a_summary(done):
    conditions = pd.read_csv(done[0] / "conditions.csv")
    selinexor = conditions[conditions["condition"].str.contains("selinexor")]
    assert selinexor["n_wells"].tolist() == [0, 0, 0]
    assert selinexor["n_unscorable"].tolist() == [1, 1, 1]
    assert selinexor["left_out"].tolist() == ["E02"] * 3
    vehicle = conditions[conditions["role"] == "vehicle"]
    assert vehicle["n_wells"].tolist() == [3, 3, 3]
    assert vehicle["n_never_formed"].tolist() == [1, 1, 1]


def test_masks_are_labelled_ome_tiffs(done):
    path = done[0] / "masks" / "VID7_B2_1_00d00h00m.ome.tif"
    with tifffile.TiffFile(path) as file:
        assert file.series[0].axes == "CYX"
        assert 'Name="core"' in file.ome_metadata
        assert 'Name="shed"' in file.ome_metadata
        assert 'PhysicalSizeX="4' in file.ome_metadata
        core, shed = file.asarray()
    assert set(np.unique(core)) == {0, 1}
    assert not (shed[core > 0]).any()


def test_run_json_tells_what_was_analysed_with_what(done, plate):
    messages = json.loads((done[0] / "run.json").read_text("utf-8"))
    assert messages["status"] == "done"
    assert len(messages["inputs"]) == 18
    assert all(len(entry["sha256"]) == 64 for entry in messages["inputs"])
    assert Parameters.model_validate(messages["parameters"]) == Parameters()
    assert messages["libraries"]["numpy"] == np.__version__


def test_nothing_from_a_map_is_run_by_a_spreadsheet(done):
    text = (done[0] / "wells.csv").read_text("utf-8")
    assert "'=1+1" in text
    assert ",=1+1" not in text


@pytest.mark.parametrize("workers", [1, 3])
def test_the_number_of_workers_changes_no_byte(done, plate, plate_map, tmp_path, workers):
    run_plate(plate, plate_map, tmp_path / "out", workers=workers)
    assert tables(tmp_path / "out") == tables(done[0])


def test_running_again_analyses_nothing_and_changes_nothing(copied, plate, plate_map, done):
    before = (copied / "masks" / "VID7_B2_1_00d00h00m.ome.tif").stat().st_mtime_ns
    result = run_plate(plate, plate_map, copied, workers=0)
    assert result.n_new == 0
    assert tables(copied) == tables(done[0])
    assert (copied / "masks" / "VID7_B2_1_00d00h00m.ome.tif").stat().st_mtime_ns == before


def test_lost_records_and_masks_are_made_anew(copied, plate, plate_map, done):
    record = next((copied / "records").rglob("B02.json"))
    record.write_text(record.read_text()[:100])
    (copied / "masks" / "VID7_C2_1_00d00h00m.ome.tif").unlink()
    result = run_plate(plate, plate_map, copied, workers=0)
    assert result.n_new == 3 + 1
    assert tables(copied) == tables(done[0])


def test_new_frames_are_added_and_the_end_is_that_of_a_fresh_run(tmp_path, plate, plate_map, done):
    part = tmp_path / "images"
    shutil.copytree(plate, part)
    for path in {*part.glob("*12h00m.tif"), *part.glob("*C3*")}:
        path.rename(tmp_path / path.name)
    run_plate(part, plate_map, tmp_path / "out", workers=0)
    for path in tmp_path.glob("*.tif"):
        path.rename(part / path.name)
    result = run_plate(part, plate_map, tmp_path / "out", workers=0)
    assert result.n_new == 8
    assert tables(tmp_path / "out") == tables(done[0])


def test_a_replaced_file_is_analysed_again(tmp_path, plate_map):
    images = write_plate(tmp_path / "images")
    run_plate(images, plate_map, tmp_path / "out", workers=0)
    write(images / "VID7_B2_1_00d00h00m.tif", draw(20, seed=5))
    result = run_plate(images, plate_map, tmp_path / "out", workers=0)
    assert result.n_new == 1
    wells = pd.read_csv(tmp_path / "out" / "wells.csv")
    assert wells["core_area_um2"].iloc[0] == pytest.approx(np.pi * 80**2, rel=0.06)


def test_other_segmentation_settings_are_refused_and_named(copied, plate, plate_map, done):
    with pytest.raises(RequestError, match=r"plate\.pixel_size_um"):
        run_plate(plate, plate_map, copied, changed(plate__pixel_size_um=2.0), workers=0)
    with pytest.raises(RequestError, match=r"measurement\.min_fragment_px"):
        run_plate(plate, plate_map, copied, changed(measurement__min_fragment_px=7), workers=0)
    assert tables(copied) == tables(done[0])


def test_another_map_dose_time_or_threshold_makes_new_tables_from_old_masks(
    copied, plate, tmp_path
):
    other = tmp_path / "other.csv"
    other.write_text("well,drug,dose,unit\nB2,paclitaxel,10,nM\nB3,,,\nB4,,,\nC2,,,\n")
    parameters = changed(plate__dose_time_h=6.0, states__intact_area_ratio=0.5)
    result = run_plate(plate, other, copied, parameters, workers=0)
    assert result.n_new == 0
    wells = pd.read_csv(copied / "wells.csv").set_index(["well", "time_h"])
    assert wells.loc[("B02", 0), "dose_1_um"] == 0.01
    assert wells.loc[("C02", 12), "time_since_dose_h"] == 6
    assert wells.loc[("C02", 12), "state"] == "intact"
    assert wells.loc[("C03", 0), "role"] == "unmapped"


def test_exclusions_are_honoured_counted_and_named(copied, plate, plate_map):
    (copied / "exclusions.csv").write_text(
        "plate,well,time_h,reason,by,at\n,B2,,fibre on the spheroid,me,now\nVID7,C2,12,out,me,now\n"
    )
    run_plate(plate, plate_map, copied, workers=0)
    wells = pd.read_csv(copied / "wells.csv").set_index(["well", "time_h"])
    assert wells.loc["B02", "state"].tolist() == ["unscorable"] * 3
    assert wells.loc[("C02", 12), "state"] == "unscorable"
    assert wells.loc[("C02", 6), "state"] != "unscorable"
    qc = pd.read_csv(copied / "qc.csv")
    assert "fibre on the spheroid" in qc.loc[qc["code"] == "excluded_by_user", "detail"].tolist()


def test_other_images_in_an_old_run_folder_are_refused(copied, tmp_path):
    write(tmp_path / "other" / "A1.tif", draw(30))
    with pytest.raises(RequestError, match="other images"):
        run_plate(tmp_path / "other", out=copied, workers=0)


def test_a_folder_without_images_is_refused_and_nothing_is_written(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(RequestError):
        run_plate(tmp_path / "empty", out=tmp_path / "out")
    with pytest.raises(RequestError):
        run_plate(tmp_path / "absent", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_bad_files_are_listed_and_the_rest_is_analysed(tmp_path):
    images = tmp_path / "images"
    write(images / "A1.tif", draw(30))
    write(images / "A2.tif", draw(30, seed=1))
    whole = (images / "A2.tif").read_bytes()
    (images / "A2.tif").write_bytes(whole[: len(whole) // 2])
    (images / "A3.tif").write_bytes(b"")
    (images / "A4.tif").write_text("not an image")
    result = run_plate(images, out=tmp_path / "out", workers=0)
    assert len(result.failures) == 3
    wells = pd.read_csv(tmp_path / "out" / "wells.csv").set_index("well")
    assert wells["state"].tolist() == ["intact", "unscorable", "unscorable", "unscorable"]
    assert all("unreadable" in wells.loc[w, "flags"] for w in ("A02", "A03", "A04"))


def test_overlays_of_all_flagged_or_no_frames(tmp_path, plate, plate_map):
    out = tmp_path / "out"
    run_plate(plate, plate_map, out, changed(output__overlays="all"), workers=0)
    assert len(list((out / "overlays").rglob("*.png"))) == 18
    run_plate(plate, plate_map, out, changed(output__overlays="none"), workers=0)
    assert not list((out / "overlays").rglob("*.png"))


def test_uncalibrated_images_are_measured_in_pixels_and_flagged(tmp_path):
    write(tmp_path / "images" / "A1.tif", draw(30), pixel_um=None)
    run_plate(tmp_path / "images", out=tmp_path / "out", workers=0)
    line = pd.read_csv(tmp_path / "out" / "wells.csv").iloc[0]
    assert np.isnan(line["core_area_um2"])
    assert np.isnan(line["pixel_size_um"])
    assert line["core_area_px"] == pytest.approx(np.pi * 30**2, rel=0.06)
    assert "uncalibrated" in line["flags"]
