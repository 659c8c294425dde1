"""The images of a plate: names -> tasks -> records -> tables -> overlays -> run.json.

Wells are analysed in parallel and committed one by one. All tables are made afterwards, from
the records and in one order, so that they do not depend on who did what when. Whoever calls
holds the run folder (`RunFolder.locked`) from `analyse_images` until `mark_done`.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from spheroid_qc.images import PlateCalibration
from spheroid_qc.images.instrument_plate_files import plate_calibration
from spheroid_qc.run.chosen_adapter import place_adapter
from spheroid_qc.run.overlays.overlay_choice import draw_overlays, wanted_overlays
from spheroid_qc.run.plate_light import plate_light
from spheroid_qc.run.plate_method import plate_methods
from spheroid_qc.run.progress import Progress, report_progress
from spheroid_qc.run.run_request import PlannedRun
from spheroid_qc.run.store.corrected_masks import pending
from spheroid_qc.run.store.illumination_file import ChannelLight
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.run.store.run_json import check_same_run, write_run_json
from spheroid_qc.run.store.well_records import (
    WellTask,
    read_record,
    write_record,
)
from spheroid_qc.run.well.segment_and_measure_well import (
    analyse_timepoints,
    analyse_well,
    masks_present,
    split,
)
from spheroid_qc.run.worker_processes import WorkerDied, Workers, map_unordered
from spheroid_qc.stopwatch import Work, timed

if TYPE_CHECKING:
    from spheroid_qc.run.tables.write_tables import RunTables


def analyse_images(
    planned: PlannedRun, pool: Workers, progress: Callable[[Progress], None] | None = None
) -> tuple[RunTables, int]:
    """Analyse all images: records, masks, tables and overlays. The folder must be held.

    Parameters
    ----------
    planned : PlannedRun
        From `plan_run`.
    pool : Workers
        Processes.
    progress : callable, optional
        Called with a `Progress` from this thread.

    Returns
    -------
    tables : RunTables
        As written.
    n_new : int
        Frames analysed now; the others were done before.

    Raises
    ------
    RequestError
        If another run has used the folder otherwise meanwhile.
    OSError
        If the results can't be written; finished wells are kept.
    """
    request, run, table = planned.request, planned.run, planned.table
    parameters = request.parameters
    # Another run may have begun and ended since the folder was looked at.
    check_same_run(run, request.folder, parameters, table)
    run.sweep()
    place_adapter(planned)
    before = run.read_run() or {}
    planned.context.update({name: before.get(name) for name in ("illumination", "methods")})
    write_run_json(run, planned.context, table, {}, status="running")
    calibration = plate_calibration(request.folder)
    light = plate_light(planned, calibration, pool)
    methods = plate_methods(planned, calibration, light, pool)
    write_run_json(run, planned.context, table, {}, status="running")
    new = _analyse_wells(planned, calibration, light, methods, pool, progress)
    report_progress(progress, Progress("tables", 0, 1, 0.0, None))
    from spheroid_qc.run.tables.write_tables import write_tables

    with timed(Work.TABLES):
        tables = write_tables(planned)
    with timed(Work.OVERLAYS):
        overlays = wanted_overlays(run, request.folder, tables, parameters, calibration)
        draw_overlays(overlays, run, pool, progress)
    return tables, new


def mark_done(planned: PlannedRun, tables: RunTables) -> None:
    """Let `run.json` call the run done, once all that belongs to it is written."""
    write_run_json(planned.run, planned.context, planned.table, tables.hashes, status="done")


def _analyse_wells(
    planned: PlannedRun,
    calibration: PlateCalibration,
    light: dict[str, dict[str, ChannelLight]],
    methods: dict[str, str],
    pool: Workers,
    progress: Callable[[Progress], None] | None,
) -> int:
    """Analyse every well that its record does not cover; returns the number of new frames."""
    run, parameters = planned.run, planned.request.parameters
    source = planned.request.folder
    tasks: list[WellTask] = []
    total = done = 0
    for (plate, well), of_well in planned.well_timepoints.items():
        total += len(of_well)
        known = read_record(run, plate, well)
        ready = [m for m in of_well if m.signature in known]
        complete = len(ready) == len(of_well) and all(
            masks_present(run, known[m.signature])
            and not pending(run, known[m.signature], parameters)
            for m in ready
        )
        if complete and len(known) == len(of_well):
            done += len(of_well)
            continue
        tasks.append(
            WellTask(
                source,
                run.root,
                plate,
                well,
                tuple(of_well),
                parameters,
                calibration,
                planned.adapter,
                light.get(plate, {}),
                methods.get(plate),
            )
        )
    before = done
    new = 0
    begun = time.monotonic()
    report_progress(progress, Progress("frames", done, total, 0.0, None))
    if not tasks:
        return 0
    if pool.number:
        _import_meanwhile("spheroid_qc.run.tables.write_tables")
    for task, result in map_unordered(analyse_well, tasks, pool):
        if isinstance(result, WorkerDied):
            new += _save_the_rest(run, task)
        else:
            new += result
        done += len(task.well_timepoints)
        rate = (done - before) / max(time.monotonic() - begun, 1e-9)
        left = (total - done) / rate
        report_progress(
            progress, Progress("frames", done, total, rate, left, task.plate, task.well)
        )
    return new


def _import_meanwhile(name: str) -> None:
    """Import a module in the background, while others work; what fails is met again later."""

    def load() -> None:
        with contextlib.suppress(Exception):
            import_module(name)

    threading.Thread(target=load, name=f"import-{name}", daemon=True).start()


def _save_the_rest(run: RunFolder, task: WellTask) -> int:
    """Analyse a well of which one frame kills its process: each frame alone."""
    found: list[tuple[int, dict[str, Any]]] = []
    new = 0
    for part, result in map_unordered(analyse_timepoints, split(task), 1):
        if not isinstance(result, WorkerDied):
            well_timepoints, fresh = result
            found += [(part.well_timepoints[0].timepoint, m) for m in well_timepoints]
            new += fresh
    in_time = sorted(found, key=lambda pair: pair[0])
    write_record(run, task.plate, task.well, [found for _, found in in_time])
    return new
