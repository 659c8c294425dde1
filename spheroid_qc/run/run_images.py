"""The images of a plate: names -> tasks -> records -> tables -> overlays -> run.json.

Wells are analysed in parallel and committed one by one. All tables are made afterwards, from
the records and in one order, so that they do not depend on who did what when. Whoever calls
holds the run folder (`RunFolder.locked`) from `analyse_images` until `mark_done`.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from spheroid_qc.images import PlateCalibration
from spheroid_qc.images.instrument_plate_files import plate_calibration
from spheroid_qc.run.chosen_adapter import place_adapter
from spheroid_qc.run.early_decisions import drop_outdated_records, forget_early_decisions
from spheroid_qc.run.executor import Executor
from spheroid_qc.run.overlays.overlay_choice import draw_overlays, wanted_overlays
from spheroid_qc.run.plate_light import plate_light
from spheroid_qc.run.plate_method import plate_methods
from spheroid_qc.run.progress import Progress, report_progress
from spheroid_qc.run.run_request import PlannedRun
from spheroid_qc.run.store.corrected_masks import pending
from spheroid_qc.run.store.illumination_file import ChannelLight
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.run.store.run_json import adapter_digest, check_same_run, write_run_json
from spheroid_qc.run.store.well_records import (
    WellTask,
    read_record,
    write_record,
)
from spheroid_qc.run.well.segment_and_measure_well import (
    MaskState,
    analyse_timepoints,
    analyse_well,
    failed,
    mask_states,
    narrowed,
    not_judged,
    replaced,
    split,
    with_other_masks,
)
from spheroid_qc.run.worker_processes import WorkerDied, map_unordered
from spheroid_qc.stopwatch import Work, timed
from spheroid_qc.storage import taken_waits

if TYPE_CHECKING:
    from spheroid_qc.run.tables.write_tables import RunTables


def analyse_images(
    planned: PlannedRun, pool: Executor, progress: Callable[[Progress], None] | None = None
) -> tuple[RunTables, int, list[str], list[str]]:
    """Analyse all images: records, masks, tables and overlays. The folder must be held.

    Parameters
    ----------
    planned : PlannedRun
        From `plan_run`.
    pool : Executor
        Who does the work.
    progress : callable, optional
        Called with a `Progress` from this thread.

    Returns
    -------
    tables : RunTables
        As written.
    n_new : int
        Frames analysed now; the others were done before.
    remarks : list of str
        Sentences on what happened on the way: masks made anew, waits for storage.
    undone : list of str
        Sentences on what could not be made, apart from frames; the next run tries it again.

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
    if adapter_digest(before) != adapter_digest(planned.context):
        # All masks are made anew, by the method that the taught network speaks for.
        planned.context["methods"] = None
    write_run_json(run, planned.context, table, {}, status="running")
    calibration = plate_calibration(request.folder)
    if request.watched:
        forget_early_decisions(planned)
    light = plate_light(planned, calibration, pool)
    methods = plate_methods(planned, calibration, light, pool)
    if request.watched:
        drop_outdated_records(planned, light, methods)
    write_run_json(run, planned.context, table, {}, status="running")
    new, remarks = _analyse_wells(planned, calibration, light, methods, pool, progress)
    report_progress(progress, Progress("tables", 0, 1, 0.0, None))
    from spheroid_qc.run.tables.write_tables import write_tables

    with timed(Work.TABLES):
        tables = write_tables(planned)
    with timed(Work.OVERLAYS):
        overlays = wanted_overlays(run, request.folder, tables, parameters, calibration)
        undone = draw_overlays(overlays, run, pool, progress)
    pool.waits.add(taken_waits())
    return tables, new, [*remarks, *filter(None, [pool.waits.sentence()])], undone


def mark_done(planned: PlannedRun, tables: RunTables) -> None:
    """Let `run.json` call the run done, once all that belongs to it is written."""
    write_run_json(planned.run, planned.context, planned.table, tables.hashes, status="done")


def _analyse_wells(
    planned: PlannedRun,
    calibration: PlateCalibration,
    light: dict[str, dict[str, ChannelLight]],
    methods: dict[str, str],
    pool: Executor,
    progress: Callable[[Progress], None] | None,
) -> tuple[int, list[str]]:
    """Analyse every well that its record does not cover.

    Gives the number of new frames, and sentences on what was found damaged.
    """
    run, parameters = planned.run, planned.request.parameters
    source = planned.request.folder
    tasks: list[WellTask] = []
    lost: list[str] = []
    edited: list[str] = []
    total = done = 0
    for (plate, well), of_well in planned.well_timepoints.items():
        total += len(of_well)
        known = read_record(run, plate, well)
        ready = [m for m in of_well if m.signature in known]
        damaged = False
        for moment in ready:
            if known[moment.signature].get("unfinished"):
                continue  # made anew in any case
            states = mask_states(run, known[moment.signature], parameters.images.max_megapixels)
            if MaskState.DAMAGED in states:
                damaged = True
                lost.append(moment.frames[0].path)
            elif MaskState.EDITED in states:
                edited.append(moment.frames[0].path)
        complete = len(ready) == len(of_well) and all(
            list(m.stamps) == known[m.signature]["stamps"]
            and not known[m.signature].get("unfinished")
            and not pending(run, known[m.signature], parameters)
            for m in ready
        )
        if complete and not damaged and len(known) == len(of_well):
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
    remarks = _on_masks(lost, edited)
    if not tasks:
        return 0, remarks
    if pool.number:
        _import_meanwhile("spheroid_qc.run.tables.write_tables")
    for task, result in _two_tries(run, tasks, pool):
        new += result
        done += len(task.well_timepoints)
        rate = (done - before) / max(time.monotonic() - begun, 1e-9)
        left = (total - done) / rate
        report_progress(
            progress, Progress("frames", done, total, rate, left, task.plate, task.well)
        )
    return new, remarks


def _import_meanwhile(name: str) -> None:
    """Import a module in the background, while others work; what fails is met again later."""

    def load() -> None:
        with contextlib.suppress(Exception):
            import_module(name)

    threading.Thread(target=load, name=f"import-{name}", daemon=True).start()


def _on_masks(lost: list[str], edited: list[str]) -> list[str]:
    """Say which masks are made anew, and which were edited; paths of their frames are given."""
    remarks = []
    if lost:
        which = lost[0] if len(lost) == 1 else f"{len(lost)} frames (the first is {lost[0]})"
        were = "was" if len(lost) == 1 else "were"
        remarks.append(f"The mask of {which} {were} missing or damaged, and is made anew.")
    if edited:
        which = edited[0] if len(edited) == 1 else f"{len(edited)} frames (such as {edited[0]})"
        remarks.append(
            f"The mask of {which} was edited in the folder masks; it is kept, but measured values "
            "are those of the mask as it was made: correct masks in the Review panel instead, or "
            "delete the file to have it made anew."
        )
    return remarks


def _two_tries(
    run: RunFolder, tasks: list[WellTask], pool: Executor
) -> Iterator[tuple[WellTask, int]]:
    """Analyse wells; gives each with its number of new frames.

    A well whose process died or hung is tried once more at the end, frame by frame, each in a
    process of its own: the fault costs one frame, and storage had time to come back.
    """
    again: list[WellTask] = []
    for task, result in map_unordered(analyse_well, tasks, pool):
        if isinstance(result, WorkerDied):
            again.append(task)
        else:
            yield task, result
    for task in again:
        yield task, _save_the_rest(run, task, pool)


def _save_the_rest(run: RunFolder, task: WellTask, pool: Executor) -> int:
    """Analyse a well of which one frame ends or holds up its process: each frame alone."""
    found: list[dict[str, Any]] = []
    hung: list[dict[str, Any]] = []
    new = 0
    with pool.alone() as alone:
        for part, result in map_unordered(analyse_timepoints, split(task), alone):
            moment = part.well_timepoints[0]
            if not isinstance(result, WorkerDied):
                well_timepoints, fresh = result
                found += well_timepoints
                new += fresh
            elif result.hung:
                path = moment.frames[0].path
                sentence = (
                    f"The analysis of {path} did not end within the time allowed, twice; look at "
                    "the file and at the storage, or raise limits.frame_seconds, and run the same "
                    "command again."
                )
                hung.append(failed(moment, "timed_out", path, sentence))
        order = {moment.signature: moment.timepoint for moment in task.well_timepoints}

        def commit(results: Iterable[dict[str, Any]]) -> None:
            in_time = sorted(results, key=lambda result: order[result["signature"]])
            write_record(run, task.plate, task.well, in_time)

        commit(found)
        done = {result["signature"] for result in found if not result.get("unfinished")}
        # What is judged on the whole well is, without the frames that are missing.
        whole = narrowed(task, done)
        edited = with_other_masks(task, found)
        for _, judged in map_unordered(analyse_well, [whole] if done else [], alone):
            if not isinstance(judged, WorkerDied):
                found = replaced(found, list(read_record(run, task.plate, task.well).values()))
                continue
            changed = narrowed(task, with_other_masks(task, found) - edited)
            for _, again in map_unordered(analyse_timepoints, split(changed), alone):
                found = replaced(found, [] if isinstance(again, WorkerDied) else again[0])
            how = "did not end within the time allowed" if judged.hung else "ended its process"
            found = not_judged(task, found, edited, how)
        commit([*found, *hung])
        pool.waits.add(alone.waits)
    return new
