"""A pixel size that is entered after the run: measured anew, nothing segmented, nothing lost."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spheroid_qc import Parameters, run_plate
from spheroid_qc.configuration import apply_overrides
from spheroid_qc.errors import RequestError
from spheroid_qc.run import RunRequest
from spheroid_qc.run.new_pixel_size import (
    is_unfinished,
    measure_with_new_pixel_size,
    only_pixel_size_differs,
)
from spheroid_qc.run.store.corrected_masks import measure_masks, store_correction
from spheroid_qc.run.store.mask_files import read_masks
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.run.store.well_records import read_record

from .conftest import draw, write

UM = 2.0


@pytest.fixture
def run_without_size(tmp_path) -> RunRequest:
    folder = tmp_path / "plate_3"
    for column in (2, 3):
        for hours in (0, 12):
            name = f"VID7_B{column}_1_00d{hours:02d}h00m.tif"
            write(folder / name, draw(30 + column, shed=6, seed=column + hours), None)
    settings = {"segmentation.method": "classical", "output.overlays": "none"}
    parameters = apply_overrides(Parameters(), settings)
    run_plate(folder, out=tmp_path / "out", parameters=parameters, workers=0)
    return RunRequest(folder, tmp_path / "out", parameters=parameters)


def with_size(request: RunRequest, size: float) -> RunRequest:
    plate = request.parameters.plate.model_copy(update={"pixel_size_um": size})
    return replace(request, parameters=request.parameters.model_copy(update={"plate": plate}))


def pixels_of_masks(out: Path) -> dict[str, str]:
    found = {}
    for path in sorted((out / "masks").rglob("*.ome.tif")):
        core, shed = read_masks(path)
        found[path.name] = hashlib.sha256(core.tobytes() + shed.tobytes()).hexdigest()
    return found


def test_areas_are_multiplied_and_masks_corrections_and_decisions_stay(run_without_size) -> None:
    out = run_without_size.out
    run = RunFolder(out)
    record = read_record(run, "VID7", "B02")
    first = next(iter(record.values()))["fields"][0]
    core, shed = read_masks(run.masks / first["mask"])
    smaller = core.copy()
    smaller[: core.shape[0] // 2] = 0
    correction = store_half(run_without_size, first, smaller, shed)
    (out / "exclusions.csv").write_text(
        "plate,well,time_h,reason,by,at\nVID7,B03,12,air bubble,me,2026-01-01T00:00:00\n", "utf-8"
    )
    before, masks = pd.read_csv(out / "wells.csv"), pixels_of_masks(out)
    asked = with_size(run_without_size, UM)
    old = run.read_run()
    assert only_pixel_size_differs(old, asked.parameters)
    seen = []
    assert measure_with_new_pixel_size(asked, seen.append) == 4
    assert seen[-1].done == seen[-1].total == 4
    assert not is_unfinished(run)
    run_plate(asked.folder, out=out, parameters=asked.parameters, workers=0)
    after = pd.read_csv(out / "wells.csv")
    assert pixels_of_masks(out) == masks, "nothing was segmented anew"
    assert (run.corrections / first["mask"]).read_bytes() == correction
    assert after["pixel_size_um"].eq(UM).all()
    core_px = after["core_area_px"]
    assert np.allclose(after["core_area_um2"], core_px * UM**2, rtol=1e-5)
    corrected = (after["well"] == "B02") & (after["time_h"] == 0)
    assert after.loc[corrected, "method"].tolist() == ["corrected"]
    left_out = (after["well"] == "B03") & (after["time_h"] == 12)
    assert after.loc[left_out, "state"].tolist() == ["unscorable"]
    others = ~corrected
    assert after.loc[others, "core_area_px"].tolist() == before.loc[others, "core_area_px"].tolist()
    # The same numbers as those of the command line, which had the size from the beginning.
    fresh = out.with_name("fresh")
    run_plate(asked.folder, out=fresh, parameters=asked.parameters, workers=0)
    told = pd.read_csv(fresh / "wells.csv")
    same = others & ~left_out
    for name in ("core_area_um2", "total_area_um2", "disintegration_fraction", "circularity"):
        assert np.allclose(told.loc[same, name], after.loc[same, name], rtol=1e-6, equal_nan=True)


def store_half(request: RunRequest, field, core, shed) -> bytes:
    """Store a correction as painting does."""
    from spheroid_qc.images import plate_calibration
    from spheroid_qc.run.run_request import plan_run
    from spheroid_qc.run.well.load_images import OpenFile
    from spheroid_qc.run.well.reload_frame import load_analysed
    from spheroid_qc.run.worker_processes import Workers

    with Workers(0) as pool:
        moment = plan_run(request, pool).well_timepoints["VID7", "B02"][0]
    with OpenFile() as files:
        image = load_analysed(
            request.folder, moment, field["field"], field["stitched"], request.parameters,
            plate_calibration(request.folder), files, with_others=True, light=field["light"],
        )  # fmt: skip
    run = RunFolder(request.out)
    result = measure_masks(field, core, shed, image, request.parameters)
    store_correction(run, result, core, shed, None, request.parameters, by="me")
    return (run.corrections / field["mask"]).read_bytes()


def test_what_was_broken_off_is_begun_again(run_without_size, monkeypatch) -> None:
    from spheroid_qc.run import new_pixel_size

    run, asked = RunFolder(run_without_size.out), with_size(run_without_size, UM)
    measure, count = new_pixel_size._measure_well, []

    def once(*args) -> None:
        if count:
            raise KeyboardInterrupt
        count.append(1)
        measure(*args)

    monkeypatch.setattr(new_pixel_size, "_measure_well", once)
    with pytest.raises(KeyboardInterrupt):
        measure_with_new_pixel_size(asked)
    assert is_unfinished(run)
    monkeypatch.setattr(new_pixel_size, "_measure_well", measure)
    measure_with_new_pixel_size(asked)
    assert not is_unfinished(run)
    sizes = {
        field["pixel_size_um"]
        for well in ("B02", "B03")
        for moment in read_record(run, "VID7", well).values()
        for field in moment["fields"]
    }
    assert sizes == {UM}


def test_other_settings_are_refused(run_without_size) -> None:
    asked = with_size(run_without_size, UM)
    other = asked.parameters.segmentation.model_copy(update={"sensitivity": 0.2})
    asked = replace(asked, parameters=asked.parameters.model_copy(update={"segmentation": other}))
    with pytest.raises(RequestError, match="other settings than a pixel size"):
        measure_with_new_pixel_size(asked)
