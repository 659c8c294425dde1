"""The images of a plate: names -> tasks -> records -> tables -> overlays -> run.json.

Wells are analysed in parallel and committed one by one. All tables are made afterwards, from
the records and in one order, so that they do not depend on who did what when. Whoever calls
holds the run folder (`RunFolder.locked`) from `analyse_images` until `mark_done`.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spheroid_qc.errors import RequestError
from spheroid_qc.flags.flag_kinds import check_severities
from spheroid_qc.frames.frame_table import FrameTable, frame_table
from spheroid_qc.images import PlateCalibration, probe
from spheroid_qc.images.plate_files import plate_calibration
from spheroid_qc.parameters import Parameters
from spheroid_qc.plate_map import read_plate_map
from spheroid_qc.plate_map.end_points import EndPoints, read_end_points
from spheroid_qc.plate_map.mapped_wells import PlateMap
from spheroid_qc.run.executors import WorkerDied, Workers, map_unordered
from spheroid_qc.run.overlays.overlay_choice import draw_overlays, wanted_overlays
from spheroid_qc.run.progress import Progress, report_progress
from spheroid_qc.run.store.corrected_masks import pending
from spheroid_qc.run.store.decisions import Exclusion, read_exclusions
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.run.store.run_json import check_same_run, table_input, write_run_json
from spheroid_qc.run.store.well_records import (
    WellTask,
    WellTimepoint,
    main_channels,
    read_record,
    timepoints_of,
)
from spheroid_qc.run.tables.run_warnings import (
    dosed_after_all,
    exclusions_in_use,
    finding_sentence,
    joined_without_images,
    plates_without_images,
    unmatched_wells,
)
from spheroid_qc.run.well.analyse_well import (
    analyse_timepoints,
    analyse_well,
    commit_record,
    masks_present,
    prepare,
    split,
)

if TYPE_CHECKING:
    from spheroid_qc.run.tables.write_tables import RunTables


@dataclass(frozen=True)
class RunRequest:
    """What is to be analysed.

    Parameters
    ----------
    folder, out : Path
        Images and run folder; an earlier run in it is continued.
    plate_map : Path or None
        Plate map.
    parameters : Parameters
        All settings.
    join : Path or None
        Table of end-point values by plate and well.
    workers : int or None
        Processes; None: one a processor. 0 works in this process.
    exclusions : Path or None
        Table `plate, well, time_h, reason`; None: `exclusions.csv` in the run folder, if there
        is one.
    """

    folder: Path
    out: Path
    plate_map: Path | None = None
    parameters: Parameters = field(default_factory=Parameters)
    join: Path | None = None
    workers: int | None = None
    exclusions: Path | None = None


@dataclass(frozen=True)
class PlannedRun:
    """A request that can be carried out: everything that could be refused has been read.

    Parameters
    ----------
    request : RunRequest
        What was asked for.
    run : RunFolder
        Where results go.
    table : FrameTable
        Every frame, and how its name was read.
    plate_map : PlateMap or None
        What is in the wells.
    joined : EndPoints or None
        End-point values.
    excluded, accepted : list of Exclusion
        What the user decided on wells and frames.
    well_timepoints : dict
        (plate, well) -> what was imaged, in order of time.
    notes : tuple of str
        Sentences on how things were understood.
    context : dict
        What `run.json` says of the request.
    """

    request: RunRequest
    run: RunFolder
    table: FrameTable
    plate_map: PlateMap | None
    joined: EndPoints | None
    excluded: list[Exclusion]
    accepted: list[Exclusion]
    well_timepoints: dict[tuple[str, str], list[WellTimepoint]]
    notes: tuple[str, ...]
    context: dict[str, Any]


@dataclass(frozen=True)
class RunResult:
    """What the images of a plate gave.

    Parameters
    ----------
    tables : RunTables
        All tables, as written.
    n_frames : int
        Frames (wells x times) in the tables that have an image.
    n_new : int
        Frames analysed now; the others were done before.
    failures : tuple of str
        Sentences on files that could not be read, used or analysed.
    notes : tuple of str
        Sentences on how things were understood.
    """

    tables: RunTables
    n_frames: int
    n_new: int
    failures: tuple[str, ...]
    notes: tuple[str, ...]


def default_out(folder: Path) -> Path:
    """Run folder for an image folder when none is named: beside it, never inside."""
    try:
        folder = folder.resolve()
    except OSError as error:
        raise RequestError(
            f"The folder {str(folder)!r} can't be found ({error.strerror}); check the path, and "
            "that the folder you are in still exists."
        ) from error
    if not folder.name:
        raise RequestError(f"There is no place beside {folder}; name the run folder with --out.")
    return folder.with_name(f"{folder.name}_spheroid_qc")


def plan_run(request: RunRequest, pool: Workers) -> PlannedRun:
    """Read everything that a run can be refused for; writes nothing.

    Parameters
    ----------
    request : RunRequest
        What is asked for.
    pool : Workers
        Started meanwhile, where all of the work is still to be done.

    Returns
    -------
    PlannedRun

    Raises
    ------
    RequestError
        If the request can't be carried out as a whole.
    """
    started = time.time()
    source, parameters, run = request.folder, request.parameters, RunFolder(request.out)
    check_severities(parameters.quality)
    with _request_errors():
        run.check_usable(source)
        if source.is_dir() and not run.run_json.is_file():
            # All of it is still to be done: workers start while names are read.
            pool.start(prepare)
        table, mapped = _read_names_and_map(request)
    channels = main_channels(table.frames, parameters.images.channel)
    joined = None
    if request.join is not None:
        joined = read_end_points(request.join, well_count=parameters.plate.well_count)
        joined.for_plates(table.plates)
    check_same_run(run, source, parameters, table)
    exclusions = request.exclusions
    if exclusions is None and run.exclusions.is_file():
        exclusions = run.exclusions
    excluded = [] if exclusions is None else read_exclusions(exclusions)
    return PlannedRun(
        request=request,
        run=run,
        table=table,
        plate_map=mapped,
        joined=joined,
        excluded=excluded,
        accepted=read_exclusions(run.acceptances) if run.acceptances.is_file() else [],
        well_timepoints=timepoints_of(source, table.frames, channels),
        notes=(
            *table.notes,
            *((*mapped.notes, *mapped.warnings) if mapped else ()),
            *plates_without_images(mapped, table),
            *unmatched_wells(mapped, table),
            *exclusions_in_use(excluded, exclusions),
            *(joined.notes if joined else ()),
            *joined_without_images(joined, table),
            *dosed_after_all(parameters.plate.dose_time_h, table),
        ),
        context={
            "source": source,
            "plate_map": table_input(request.plate_map),
            "join": _join_input(request.join, joined),
            "parameters": parameters,
            "started": started,
        },
    )


def analyse_images(
    planned: PlannedRun, pool: Workers, progress: Callable[[Progress], None] | None = None
) -> RunResult:
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
    RunResult

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
    write_run_json(run, planned.context, table, {}, status="running")
    calibration = plate_calibration(request.folder)
    new = _analyse_wells(planned, calibration, pool, progress)
    report_progress(progress, Progress("tables", 0, 1, 0.0, None))
    from spheroid_qc.run.tables.write_tables import write_tables

    tables = write_tables(
        run, table, planned.well_timepoints, planned.plate_map, planned.joined, planned.excluded,
        planned.accepted, parameters,
    )  # fmt: skip
    overlays = wanted_overlays(run, request.folder, tables, parameters, calibration)
    draw_overlays(overlays, run, pool, progress)
    return RunResult(
        tables=tables,
        n_frames=sum(len(found) for found in planned.well_timepoints.values()),
        n_new=new,
        failures=(*(finding_sentence(finding) for finding in table.problems), *tables.failures),
        notes=(*planned.notes, *tables.notes),
    )


def mark_done(planned: PlannedRun, result: RunResult) -> None:
    """Let `run.json` call the run done, once all that belongs to it is written."""
    hashes = result.tables.hashes
    write_run_json(planned.run, planned.context, planned.table, hashes, status="done")


def _read_names_and_map(request: RunRequest) -> tuple[FrameTable, PlateMap | None]:
    from spheroid_qc.segmentation import check_method

    parameters = request.parameters
    check_method(parameters.segmentation.method)
    mapped = None
    if request.plate_map is not None:
        mapped = read_plate_map(request.plate_map, well_count=parameters.plate.well_count)
    table = frame_table(request.folder, parameters.plate, probe=probe)
    if not table.frames:
        hint = next((finding_sentence(finding).rstrip(".") for finding in table.problems), "")
        raise RequestError(
            f"No image in {request.folder} has a name that tells its well"
            + (f" (for example: {hint})" if hint else "")
            + "; see spheroid-qc inspect, and settle it with --name-pattern."
        )
    if mapped is not None:
        mapped.for_plates(table.plates)
    return table, mapped


def _join_input(join: Path | None, joined: EndPoints | None) -> dict[str, Any] | None:
    """Which table was joined, and the names of its values: they are the last of `wells.csv`."""
    found = table_input(join)
    return found if found is None or joined is None else found | {"columns": list(joined.columns)}


@contextlib.contextmanager
def _request_errors() -> Iterator[None]:
    """Turn what the system says of a path that was given into a sentence."""
    try:
        # Workers are started in the folder that the parent is in.
        Path.cwd()
    except OSError as error:
        raise RequestError(
            "The folder that you are in does not exist any more; change to another one."
        ) from error
    try:
        yield
    except OSError as error:
        place = f"{os.fspath(error.filename)!r}" if error.filename else "A path"
        raise RequestError(
            f"{place} can't be used ({error.strerror or error}); check the path."
        ) from error


def _analyse_wells(
    planned: PlannedRun,
    calibration: PlateCalibration,
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
            WellTask(source, run.root, plate, well, tuple(of_well), parameters, calibration)
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
            new += result.frames
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
    commit_record(run, task, [well_timepoint for _, well_timepoint in in_time])
    return new
