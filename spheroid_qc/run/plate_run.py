"""The whole run: names -> tasks -> records -> tables -> overlays -> run.json.

Wells are analysed in parallel and committed one by one. All tables are made afterwards, from
the records and in one order, so that they do not depend on who did what when.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from spheroid_qc.atomic import output_error
from spheroid_qc.errors import RequestError
from spheroid_qc.flags.flag_kinds import check_severities
from spheroid_qc.frames.frame_table import FrameTable, frame_table
from spheroid_qc.images import PlateCalibration, probe
from spheroid_qc.images.plate_files import plate_calibration
from spheroid_qc.parameters import Parameters
from spheroid_qc.plate_map import read_plate_map
from spheroid_qc.plate_map.end_points import EndPoints, read_end_points
from spheroid_qc.plate_map.mapped_wells import PlateMap
from spheroid_qc.run.executors import WorkerDied, Workers, default_workers, map_unordered
from spheroid_qc.run.overlays.overlay_choice import draw_overlays
from spheroid_qc.run.progress import Progress, report_progress
from spheroid_qc.run.store.corrected_masks import pending
from spheroid_qc.run.store.decisions import read_exclusions
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


@dataclass(frozen=True)
class RunResult:
    """What a run left behind.

    Parameters
    ----------
    out : Path
        The run folder.
    tables : dict of str to Path
        Name -> CSV file.
    n_frames : int
        Frames (wells x times) in the tables that have an image.
    n_new : int
        Frames analysed now; the others were done before.
    failures : tuple of str
        Sentences on files that could not be read, used or analysed.
    notes : tuple of str
        Sentences on how things were understood.
    answer : tuple of str
        What came out, in lines for a terminal: by condition, and what is not trusted.
    """

    out: Path
    tables: dict[str, Path]
    n_frames: int
    n_new: int
    failures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    answer: tuple[str, ...] = ()


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


def run_plate(
    folder: str | Path,
    plate_map: str | Path | None = None,
    out: str | Path | None = None,
    parameters: Parameters | None = None,
    progress: Callable[[Progress], None] | None = None,
    *,
    join: str | Path | None = None,
    exclusions: str | Path | None = None,
    workers: int | None = None,
    conclude: Callable[[RunFolder], None] | None = None,
) -> RunResult:
    """Analyse a folder of images.

    Parameters
    ----------
    folder : str or Path
        Folder of images, with any number of folders in it.
    plate_map : str or Path, optional
        Plate map (CSV or XLSX).
    out : str or Path, optional
        Run folder; default: beside the images, named `<folder>_spheroid_qc`. An earlier run in
        it is continued.
    parameters : Parameters, optional
        Settings; default: all defaults.
    progress : callable, optional
        Called with a `Progress` from this thread.
    join : str or Path, optional
        Table of end-point values by plate and well.
    exclusions : str or Path, optional
        Table `plate, well, time_h, reason`; default: `exclusions.csv` in the run folder, if
        there is one.
    workers : int, optional
        Processes; default: one a processor. 0 works in this process.
    conclude : callable, optional
        Called with the folder once its tables are written, while it is still held and before
        `run.json` calls the run done (drug response, report).

    Returns
    -------
    RunResult
        Where the tables are, and what could not be done.

    Raises
    ------
    RequestError
        If the request can't be carried out as a whole; nothing is written then.
    OutputError
        If the results can't be written; finished wells are kept.
    """
    source = Path(folder)
    run = RunFolder(default_out(source) if out is None else Path(out))
    with Workers(default_workers() if workers is None else workers) as pool:
        return _run_plate(
            source, plate_map, run, parameters or Parameters(), progress, join, exclusions, pool,
            conclude,
        )  # fmt: skip


def _run_plate(
    source: Path,
    plate_map: str | Path | None,
    run: RunFolder,
    parameters: Parameters,
    progress: Callable[[Progress], None] | None,
    join: str | Path | None,
    exclusions: str | Path | None,
    pool: Workers,
    conclude: Callable[[RunFolder], None] | None,
) -> RunResult:
    started = time.time()
    check_severities(parameters.quality)
    with _request_errors():
        run.check_usable(source)
        if source.is_dir() and not run.run_json.is_file():
            # All of it is still to be done: workers start while names are read.
            pool.start(prepare)
        table, mapped = _read_request(source, plate_map, parameters)
    channels = main_channels(table.frames, parameters.images.channel)
    well_count = parameters.plate.well_count
    joined = None if join is None else read_end_points(Path(join), well_count=well_count)
    if joined is not None:
        joined.for_plates(table.plates)
    check_same_run(run, source, parameters, table)
    if exclusions is None and run.exclusions.is_file():
        exclusions = run.exclusions
    excluded = [] if exclusions is None else read_exclusions(Path(exclusions))
    left_out = exclusions_in_use(excluded, exclusions)
    accepted = read_exclusions(run.acceptances) if run.acceptances.is_file() else []
    well_timepoints = timepoints_of(source, table.frames, channels)
    context = {
        "source": source,
        "plate_map": table_input(plate_map),
        "join": _join_input(join, joined),
        "parameters": parameters,
        "started": started,
    }
    with run.locked(), _output_errors(run):
        # Another run may have begun and ended since the folder was looked at.
        check_same_run(run, source, parameters, table)
        run.sweep()
        write_run_json(run, context, table, {}, status="running")
        calibration = plate_calibration(source)
        new = _analyse(source, run, well_timepoints, parameters, calibration, pool, progress)
        report_progress(progress, Progress("tables", 0, 1, 0.0, None))
        from spheroid_qc.run.tables.write_tables import finish_tables

        finished = finish_tables(
            run, source, table, well_timepoints, mapped, joined, excluded, parameters, calibration,
            accepted,
        )  # fmt: skip
        draw_overlays(finished.overlays, run, pool, progress)
        if conclude is not None:
            conclude(run)
        write_run_json(run, context, table, finished.hashes, status="done")
    failures = [finding_sentence(finding) for finding in table.problems]
    return RunResult(
        out=run.root,
        tables=finished.tables,
        n_frames=sum(len(found) for found in well_timepoints.values()),
        n_new=new,
        failures=(*failures, *finished.failures),
        notes=(
            *table.notes,
            *((*mapped.notes, *mapped.warnings) if mapped else ()),
            *plates_without_images(mapped, table),
            *unmatched_wells(mapped, table),
            *left_out,
            *(joined.notes if joined else ()),
            *joined_without_images(joined, table),
            *dosed_after_all(parameters.plate.dose_time_h, table),
            *finished.notes,
        ),
        answer=finished.answer,
    )


def _read_request(
    source: Path, plate_map: str | Path | None, parameters: Parameters
) -> tuple[FrameTable, PlateMap | None]:
    """Read names and map; everything that can be refused is refused here."""
    from spheroid_qc.segmentation import check_method

    check_method(parameters.segmentation.method)
    mapped = None
    if plate_map is not None:
        mapped = read_plate_map(plate_map, well_count=parameters.plate.well_count)
    table = frame_table(source, parameters.plate, probe=probe)
    if not table.frames:
        hint = next((finding_sentence(finding).rstrip(".") for finding in table.problems), "")
        raise RequestError(
            f"No image in {source} has a name that tells its well"
            + (f" (for example: {hint})" if hint else "")
            + "; see spheroid-qc inspect, and settle it with --name-pattern."
        )
    if mapped is not None:
        mapped.for_plates(table.plates)
    return table, mapped


def _join_input(join: str | Path | None, joined: EndPoints | None) -> dict[str, Any] | None:
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


@contextlib.contextmanager
def _output_errors(run: RunFolder) -> Iterator[None]:
    """Turn what the system says while results are written into a sentence."""
    try:
        yield
    except OSError as error:
        raise output_error(run.root, error) from error


def _analyse(
    source: Path,
    run: RunFolder,
    well_timepoints: Mapping[tuple[str, str], list[WellTimepoint]],
    parameters: Parameters,
    calibration: PlateCalibration,
    pool: Workers,
    progress: Callable[[Progress], None] | None,
) -> int:
    """Analyse every well that its record does not cover; returns the number of new frames."""
    tasks: list[WellTask] = []
    total = done = 0
    for (plate, well), of_well in well_timepoints.items():
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
