"""Corrections, exclusions and acceptances by hand: kept, honoured, and never made anew."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spheroid_qc import Parameters, run_plate
from spheroid_qc.configuration import apply_overrides
from spheroid_qc.frames.frame_table import frame_table
from spheroid_qc.images.instrument_plate_files import plate_calibration
from spheroid_qc.run.store.corrected_masks import (
    Correction,
    corrected_record,
    corrections_of,
    mask_path,
    measure_masks,
    remove_correction,
    store_correction,
    tidy,
)
from spheroid_qc.run.store.mask_files import read_masks
from spheroid_qc.run.store.review_decisions import Exclusion, read_exclusions, write_exclusions
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.run.store.well_records import main_channels, read_record, timepoints_of
from spheroid_qc.run.well.load_images import OpenFile
from spheroid_qc.run.well.reload_frame import load_analysed

TABLES = ("wells", "spheroids", "conditions", "qc", "frames")
DEFAULT = Parameters()
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="links and pipes")


def tables(out: Path) -> dict[str, bytes]:
    return {name: (out / f"{name}.csv").read_bytes() for name in TABLES}


def moment_of(plate: Path, well: str, timepoint: int):
    frames = frame_table(plate, DEFAULT.plate)
    found = timepoints_of(plate, frames.frames, main_channels(frames.frames, None))
    (name,) = frames.plates
    return name, found[name, well][timepoint]


def correct(plate: Path, out: Path, well: str, timepoint: int, change, **who: str) -> dict:
    """Change the masks of a frame as a person with a brush would."""
    run = RunFolder(out)
    name, well_timepoint = moment_of(plate, well, timepoint)
    field = read_record(run, name, well)[well_timepoint.signature]["fields"][0]
    with OpenFile() as files:
        image = load_analysed(
            plate,
            well_timepoint,
            field["field"],
            field["stitched"],
            DEFAULT,
            plate_calibration(plate),
            files,
            with_others=True,
        )
    core, shed = read_masks(run.masks / field["mask"])
    painted = change(core, shed)
    result = measure_masks(field, *painted, image, DEFAULT)
    store_correction(run, result, *painted, image.pixel_size_um, DEFAULT, **who)
    return result


def half(core, shed):
    core = core.copy()
    core[:, : core.shape[1] // 2] = 0
    return core, shed


@pytest.fixture(scope="module")
def finished(plate, plate_map, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("finished") / "out"
    run_plate(plate, plate_map, out, workers=0)
    return out


@pytest.fixture
def out(finished, tmp_path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "out"))


def row(out: Path, well: str, time_h: float) -> pd.Series:
    wells = pd.read_csv(out / "wells.csv", keep_default_na=True)
    return wells[(wells["well"] == well) & (wells["time_h"] == time_h)].iloc[0]


def test_a_correction_is_measured_and_honoured_and_nothing_automatic_changes(
    plate, plate_map, out
) -> None:
    before = row(out, "C02", 6.0)
    kept = {p: p.read_bytes() for p in (*out.rglob("masks/*"), *out.rglob("records/*/*.json"))}
    correct(plate, out, "C02", 1, half, by="Ada", at="2026-11-25T09:00:00")
    result = run_plate(plate, plate_map, out, workers=0)
    after = row(out, "C02", 6.0)
    assert result.n_new == 0
    assert after["core_area_px"] == pytest.approx(before["core_area_px"] / 2, rel=0.1)
    assert after["method"] == "corrected"
    assert np.isnan(after["confidence"])
    assert "corrected_by_user" in after["flags"].split(";")
    assert all(path.read_bytes() == content for path, content in kept.items())
    qc = pd.read_csv(out / "qc.csv")
    detail = qc.loc[qc["code"] == "corrected_by_user", "detail"].item()
    assert detail == "The masks were corrected by Ada on 2026-11-25."


def test_a_fresh_run_with_the_same_corrections_gives_the_same_bytes(
    plate, plate_map, out, tmp_path
) -> None:
    correct(plate, out, "C02", 1, half, by="Ada", at="2026-11-25T09:00:00")
    write_exclusions(out / "exclusions.csv", [Exclusion("", "C03", 6.0, "fibre", "Ada", "now")])
    write_exclusions(out / "acceptances.csv", [Exclusion("", "B02", 0.0, "fine", "Ada", "now")])
    run_plate(plate, plate_map, out, workers=0)
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    shutil.copytree(out / "corrections", fresh / "corrections")
    for name in ("exclusions.csv", "acceptances.csv"):
        shutil.copy(out / name, fresh / name)
    run_plate(plate, plate_map, fresh, workers=2)
    assert tables(fresh) == tables(out)


def test_a_mask_without_its_note_is_measured_by_the_run(plate, plate_map, out) -> None:
    correct(plate, out, "C02", 1, half)
    run_plate(plate, plate_map, out, workers=0)
    wanted = tables(out)
    (note,) = (out / "corrections").rglob("*.json")
    note.write_text("{", "utf-8")
    run_plate(plate, plate_map, out, workers=0)
    assert tables(out) == wanted
    assert json.loads(note.read_text("utf-8"))["format"] == 1


def test_a_correction_taken_back_leaves_no_trace(plate, plate_map, out) -> None:
    wanted = tables(out)
    field = correct(plate, out, "C02", 1, half)
    run_plate(plate, plate_map, out, workers=0)
    assert tables(out) != wanted
    remove_correction(RunFolder(out), field["mask"])
    run_plate(plate, plate_map, out, workers=0)
    assert tables(out) == wanted
    assert not [p for p in (out / "corrections").rglob("*") if p.is_file()]


def test_a_mask_drawn_on_another_picture_is_not_used(plate, plate_map, out) -> None:
    wanted = row(out, "C02", 6.0)["core_area_px"]
    field = correct(plate, out, "C02", 1, half)
    path = RunFolder(out).corrections / field["mask"].replace(".ome.tif", ".json")
    note = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(note | {"pixel_hash": "0" * 32}), "utf-8")
    run_plate(plate, plate_map, out, workers=0)
    after = row(out, "C02", 6.0)
    assert after["core_area_px"] == wanted
    assert "correction_unused" in after["flags"].split(";")


def test_a_damaged_corrected_mask_is_said_and_costs_nothing(plate, plate_map, out) -> None:
    wanted = row(out, "C02", 6.0)["core_area_px"]
    field = correct(plate, out, "C02", 1, half)
    path = RunFolder(out).corrections / field["mask"]
    path.write_bytes(path.read_bytes()[:100])
    run_plate(plate, plate_map, out, workers=0)
    after = row(out, "C02", 6.0)
    assert after["core_area_px"] == wanted
    assert "correction_unused" in after["flags"].split(";")


def test_everything_erased_is_an_empty_frame(plate, plate_map, out) -> None:
    correct(plate, out, "C02", 2, lambda core, shed: (0 * core, 0 * shed))
    run_plate(plate, plate_map, out, workers=0)
    after = row(out, "C02", 12.0)
    assert after["total_area_px"] == 0
    assert after["n_spheroids"] == 0


def test_overlays_show_the_corrected_mask(plate, plate_map, out) -> None:
    parameters = apply_overrides(DEFAULT, {"output.overlays": "all"})
    run_plate(plate, plate_map, out, parameters, workers=0)
    before = {p: p.read_bytes() for p in (out / "overlays").rglob("*.png")}
    field = correct(plate, out, "C02", 1, half)
    run_plate(plate, plate_map, out, parameters, workers=0)
    changed = [p.stem for p, content in before.items() if p.read_bytes() != content]
    assert field["mask"].removesuffix(".ome.tif") in changed
    remove_correction(RunFolder(out), field["mask"])
    run_plate(plate, plate_map, out, parameters, workers=0)
    assert {p: p.read_bytes() for p in before} == before


def test_an_accepted_frame_counts_though_it_was_excluded(plate, plate_map, out) -> None:
    strict = {"quality.min_contrast": 1000.0, "quality.severity": {"low_contrast": "exclude"}}
    parameters = apply_overrides(DEFAULT, strict)
    run_plate(plate, plate_map, out, parameters, workers=0)
    assert row(out, "B02", 6.0)["state"] == "unscorable"
    accepted = [Exclusion("", "B02", None, "sharp enough", "Ada", "2026-11-25")]
    write_exclusions(out / "acceptances.csv", accepted)
    run_plate(plate, plate_map, out, parameters, workers=0)
    after = row(out, "B02", 6.0)
    assert after["state"] == "intact"
    assert {"low_contrast", "accepted_by_user"} <= set(after["flags"].split(";"))
    qc = pd.read_csv(out / "qc.csv")
    found = qc[(qc["well"] == "B02") & (qc["code"] == "low_contrast")]
    assert set(found["severity"]) == {"warn"}
    write_exclusions(out / "exclusions.csv", accepted)
    run_plate(plate, plate_map, out, parameters, workers=0)
    assert row(out, "B02", 6.0)["state"] == "unscorable", "an exclusion is the stronger word"


def test_decisions_are_read_as_written(tmp_path) -> None:
    entries = [
        Exclusion("P1", "A01", None, 'dust; a fibre, and "more"', "Ada", "2026-11-25T09:00:00"),
        Exclusion("", "B02", 6.5, "", "", ""),
    ]
    write_exclusions(tmp_path / "exclusions.csv", entries)
    assert read_exclusions(tmp_path / "exclusions.csv") == entries
    write_exclusions(tmp_path / "exclusions.csv", [])
    assert read_exclusions(tmp_path / "exclusions.csv") == []


def test_painted_masks_come_into_the_segmenters_form() -> None:
    core = np.zeros((20, 20), int)
    core[2:5, 2:5] = 7  # small
    core[10:18, 2:10] = 3  # large
    core[10:18, 10:12] = 5  # touches the large one and stays apart
    shed = np.ones((20, 20), np.uint8)
    labels, loose = tidy(core, shed)
    assert np.bincount(labels.ravel())[1:].tolist() == [64, 16, 9]
    assert not (loose & (labels > 0)).any()
    again, _ = tidy(labels, loose)
    assert np.array_equal(again, labels)


def test_the_mask_that_counts(plate, out) -> None:
    run = RunFolder(out)
    name, well_timepoint = moment_of(plate, "C02", 1)
    mask = read_record(run, name, "C02")[well_timepoint.signature]["fields"][0]["mask"]
    assert mask_path(run, mask) == run.masks / mask
    correct(plate, out, "C02", 1, half)
    assert mask_path(run, mask) == run.corrections / mask
    assert corrected_record(run, name, "C02")[well_timepoint.signature]["fields"][0]["method"]


def in_the_way(path: Path, what: str) -> None:
    """Put something in the place of a file or folder that is no file and no folder of ours."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    if what == "pipe":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    elif what == "file":
        path.write_text("x")
    elif what == "broken link":
        path.symlink_to(path.with_name("nowhere"))
    else:
        elsewhere = path.parent.parent.parent / "elsewhere"
        elsewhere.mkdir()
        path.symlink_to(elsewhere)


@POSIX
@pytest.mark.parametrize("what", ["pipe", "folder", "broken link", "link that leads out"])
def test_what_is_no_file_in_the_place_of_a_corrected_mask_is_said(
    plate, plate_map, out, what
) -> None:
    wanted = row(out, "C02", 6.0)
    field = correct(plate, out, "C02", 1, half)
    run_plate(plate, plate_map, out, workers=0)
    run = RunFolder(out)
    in_the_way(run.corrections / field["mask"], what)
    for _ in range(2):
        result = run_plate(plate, plate_map, out, workers=0)
        assert result.n_new == 0
        after = row(out, "C02", 6.0)
        assert after["core_area_px"] == wanted["core_area_px"]
        assert after["method"] == wanted["method"]
        assert "correction_unused" in after["flags"].split(";")
    assert mask_path(run, field["mask"]) == run.masks / field["mask"]


@POSIX
def test_an_empty_folder_in_the_place_of_a_corrected_mask_is_seen_by_a_finished_run(
    plate, plate_map, out
) -> None:
    name, well_timepoint = moment_of(plate, "C02", 1)
    record = read_record(RunFolder(out), name, "C02")
    mask = record[well_timepoint.signature]["fields"][0]["mask"]
    (out / "corrections").mkdir()
    run_plate(plate, plate_map, out, workers=0)
    in_the_way(out / "corrections" / mask, "folder")
    run_plate(plate, plate_map, out, workers=0)
    assert "correction_unused" in row(out, "C02", 6.0)["flags"].split(";")


@POSIX
@pytest.mark.parametrize("what", ["pipe", "file", "broken link", "link that leads out"])
def test_what_is_no_folder_in_the_place_of_one_of_corrections_is_said(good, tmp_path, what) -> None:
    images, out = tmp_path / "images", tmp_path / "out"
    (images / "day 1").mkdir(parents=True)
    for well in ("B2", "B3"):
        (images / "day 1" / f"VID1_{well}_1_00d00h00m.tif").write_bytes(good)
    run_plate(images, out=out, workers=0)
    before = pd.read_csv(out / "wells.csv")
    in_the_way(out / "corrections" / "day 1", what)
    run_plate(images, out=out, workers=0)
    after = pd.read_csv(out / "wells.csv")
    assert after["flags"].str.contains("correction_unused").all()
    assert after["core_area_px"].tolist() == before["core_area_px"].tolist()


def test_corrections_are_listed_with_who_and_when(tmp_path) -> None:
    run = RunFolder(tmp_path)
    run.corrections.mkdir()
    (run.corrections / "plain.ome.tif").write_bytes(b"a mask that somebody put there")
    (run.corrections / "sub").mkdir()
    (run.corrections / "sub" / "signed.ome.tif").write_bytes(b"a mask")
    (run.corrections / "sub" / "signed.json").write_text('{"by": "ada", "at": "2026-12-01"}')
    (run.corrections / "left.json").write_text('{"by": "nobody"}')
    (run.corrections / "link.ome.tif").symlink_to(tmp_path.parent / "elsewhere.ome.tif")
    assert sorted(corrections_of(run), key=lambda one: one.mask) == [
        Correction("plain.ome.tif"),
        Correction("sub/signed.ome.tif", "ada", "2026-12-01"),
    ]
