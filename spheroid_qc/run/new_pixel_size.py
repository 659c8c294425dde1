"""A pixel size that is entered after the run: all masks are measured anew, none is made anew.

Which pixels are core and shed material has been settled, and perhaps corrected by a person; what
changes are lengths and areas. Corrections, exclusions and acceptances stay as they are. A note in
the run folder says that it has begun and is taken away at its end: what was broken off is begun
again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from spheroid_qc.atomic import write_json
from spheroid_qc.configuration import needs_new_masks
from spheroid_qc.errors import RequestError
from spheroid_qc.images import PlateCalibration
from spheroid_qc.images.instrument_plate_files import plate_calibration
from spheroid_qc.measurement.measured_rows import INTERVAL_COLUMNS
from spheroid_qc.parameters import Parameters
from spheroid_qc.run.progress import Progress, report_progress
from spheroid_qc.run.run_request import RunRequest, plan_run
from spheroid_qc.run.store.corrected_masks import measure_corrections
from spheroid_qc.run.store.mask_files import read_masks, write_masks
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.run.store.well_records import WellTask, WellTimepoint, read_record, write_record
from spheroid_qc.run.well.load_images import OpenFile
from spheroid_qc.run.well.reload_frame import load_analysed
from spheroid_qc.run.well.segment_and_measure_timepoint import measure_field
from spheroid_qc.run.worker_processes import Workers
from spheroid_qc.segmentation import Segmentation

_KEPT = ("mask", "stitched", "static_px")
"""What a record says of how a mask came about, which measuring does not tell."""


def only_pixel_size_differs(old: dict[str, Any], parameters: Parameters) -> bool:
    """Tell whether of what makes masks and numbers only the pixel size is another.

    `old` is what `run.json` says, as read.
    """
    before = dict(old["parameters"])
    plate = {**before["plate"], "pixel_size_um": parameters.plate.pixel_size_um}
    changed = bool(before["plate"].get("pixel_size_um") != parameters.plate.pixel_size_um)
    others = needs_new_masks({**before, "plate": plate}, parameters)
    return changed and not others


def is_unfinished(run: RunFolder) -> bool:
    """Tell whether measuring with a new pixel size was begun and broken off."""
    return _note(run).is_file()


def measure_with_new_pixel_size(
    request: RunRequest, progress: Callable[[Progress], None] | None = None
) -> int:
    """Measure all masks of a run folder with the pixel size of a request.

    Tables are not made: a run of the same request does that.

    Parameters
    ----------
    request : RunRequest
        What is asked for; it differs from the earlier run in the pixel size.
    progress : callable, optional
        Called with a `Progress`.

    Returns
    -------
    int
        Frames that were measured.

    Raises
    ------
    RequestError
        If more than the pixel size differs, or masks or images are not there any more.
    ImageError
        If an image can't be read any more.
    """
    run, parameters = RunFolder(request.out), request.parameters
    old = run.read_run()
    if old is None:
        raise RequestError(f"{run.root} holds no run that could be measured anew; run it first.")
    with run.locked():
        if not is_unfinished(run) and not only_pixel_size_differs(old, parameters):
            raise RequestError(
                f"{run.root} was made with other settings than a pixel size; go back to the old "
                "settings, or choose a new --out folder."
            )
        if not old["parameters"]["output"]["masks"]:
            raise RequestError(
                f"{run.root} keeps no masks, so nothing can be measured anew; choose a new --out "
                "folder."
            )
        write_json(_note(run), {"pixel_size_um": parameters.plate.pixel_size_um})
        stated = {**old["parameters"]["plate"], "pixel_size_um": parameters.plate.pixel_size_um}
        inputs = old.pop("inputs")
        old["parameters"] = {**old["parameters"], "plate": stated}
        write_json(run.run_json, old | {"status": "running"}, inputs=iter(inputs))
        with Workers(0) as pool:
            planned = plan_run(replace(request, workers=0), pool)
        total, done, begun = planned.n_frames, 0, time.monotonic()
        calibration = plate_calibration(request.folder)
        for (plate, well), of_well in planned.well_timepoints.items():
            task = WellTask(
                request.folder, run.root, plate, well, tuple(of_well), parameters, calibration
            )
            _measure_well(run, task, calibration)
            done += len(of_well)
            rate = done / max(time.monotonic() - begun, 1e-9)
            report_progress(
                progress,
                Progress("frames", done, total, rate, (total - done) / rate, plate, well),
            )
        _note(run).unlink(missing_ok=True)
    return done


def _measure_well(run: RunFolder, task: WellTask, calibration: PlateCalibration) -> None:
    record = read_record(run, task.plate, task.well)
    if not record:
        return
    found = []
    with OpenFile() as files:
        for moment in task.well_timepoints:
            result = record.get(moment.signature)
            if result is None:
                continue
            fields = [_measure(run, task, moment, field, files) for field in result["fields"]]
            result = result | {"fields": fields}
            measure_corrections(task, moment, result, files)
            found.append(result)
    write_record(run, task.plate, task.well, found)


def _measure(
    run: RunFolder, task: WellTask, moment: WellTimepoint, field: dict[str, Any], files: OpenFile
) -> dict[str, Any]:
    image = load_analysed(
        task.folder, moment, field["field"], field["stitched"], task.parameters,
        task.calibration, files, with_others=True, light=field.get("light"),
    )  # fmt: skip
    path = run.masks / field["mask"]
    core, shed = read_masks(path)
    masks = Segmentation(core, shed != 0, field["confidence"], field["method"])
    measured = measure_field(image, masks, task.parameters)
    for row, before in zip(measured["rows"], field["rows"], strict=False):
        # The segmenter's own doubt, a share of pixels: masks on disk don't tell it.
        row |= {name: before[name] for name in INTERVAL_COLUMNS if name in before}
    write_masks(path, masks, image.pixel_size_um)
    kept = {name: field[name] for name in _KEPT if name in field}
    return measured | kept | {"mask_size": path.stat().st_size}


def _note(run: RunFolder) -> Path:
    return run.root / "new_pixel_size.json"
