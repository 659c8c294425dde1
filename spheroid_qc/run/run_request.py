"""What a run is asked for, and whether it can be done: read before anything is written."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spheroid_qc.errors import NoFrames, RequestError
from spheroid_qc.flags.flag_kinds import check_severities
from spheroid_qc.frames.frame_table import FrameTable, frame_table, reasons
from spheroid_qc.images import probe
from spheroid_qc.parameters import Parameters
from spheroid_qc.plate_map.joined_end_point_values import EndPoints, read_end_points
from spheroid_qc.plate_map.mapped_wells import PlateMap
from spheroid_qc.plate_map.read_map import read_map_of_run
from spheroid_qc.run.chosen_adapter import adapter_notes, choose_adapter
from spheroid_qc.run.executor import Executor
from spheroid_qc.run.store.review_decisions import Exclusion, read_exclusions
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.run.store.run_json import adapter_digest, check_same_run, table_input
from spheroid_qc.run.store.well_records import WellTimepoint, main_channels, timepoints_of
from spheroid_qc.run.tables.run_warnings import (
    dosed_after_all,
    exclusions_in_use,
    finding_sentence,
    joined_without_images,
    plates_without_images,
    unmatched_wells,
)
from spheroid_qc.run.well.segment_and_measure_well import prepare
from spheroid_qc.stopwatch import Work, timed

if TYPE_CHECKING:
    from spheroid_qc.segmentation import Adapter


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
    adapter : Path or None
        What the network learned on an earlier plate; None: `adapter.npz` in the run folder, if
        there is one.
    new_pixel_size : bool
        Masks of the earlier run are measured with the pixel size of `parameters` first.
    scheduler : str or None
        Address of the scheduler of Dask whose workers do the wells; None: this computer does.
    path_map : tuple of str
        `HERE=THERE`: folders of this computer and what those workers call them.
    watched : bool
        Images are still being written: more will come.
    whole : frozenset of str or None
        Paths below the folder of the files that count: one that comes meanwhile is not known to be
        whole. None: all.
    """

    folder: Path
    out: Path
    plate_map: Path | None = None
    parameters: Parameters = field(default_factory=Parameters)
    join: Path | None = None
    workers: int | None = None
    exclusions: Path | None = None
    adapter: Path | None = None
    new_pixel_size: bool = False
    scheduler: str | None = None
    path_map: tuple[str, ...] = ()
    watched: bool = False
    whole: frozenset[str] | None = None


@dataclass(frozen=True)
class PlannedRun:
    """A request that can be carried out: everything that could be refused has been read.

    `excluded` and `accepted` are what the user decided on wells and frames; `well_timepoints` what
    was imaged of (plate, well), in order of time; `adapter` what the network learned from
    corrections; `failures` sentences on files that are left out
    by their names, `notes` on how things were understood; `context` what `run.json` says of the
    request.
    """

    request: RunRequest
    run: RunFolder
    table: FrameTable
    plate_map: PlateMap | None
    joined: EndPoints | None
    excluded: list[Exclusion]
    accepted: list[Exclusion]
    well_timepoints: dict[tuple[str, str], list[WellTimepoint]]
    adapter: Adapter | None
    failures: tuple[str, ...]
    notes: tuple[str, ...]
    context: dict[str, Any]

    @property
    def n_frames(self) -> int:
        """Frames (wells x times) that have an image."""
        return sum(len(found) for found in self.well_timepoints.values())


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


@timed(Work.NAMES)
def plan_run(request: RunRequest, pool: Executor) -> PlannedRun:
    """Read everything that a run can be refused for; writes nothing.

    Parameters
    ----------
    request : RunRequest
        What is asked for.
    pool : Executor
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
    adapter, adapter_input = choose_adapter(run, request.adapter, parameters)
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
        well_timepoints=timepoints_of(
            source, table.frames, channels, adapter_digest({"adapter": adapter_input})
        ),
        adapter=adapter,
        failures=tuple(finding_sentence(finding) for finding in table.problems),
        notes=(
            *table.notes,
            *((*mapped.notes, *mapped.warnings) if mapped else ()),
            *plates_without_images(mapped, table),
            *unmatched_wells(mapped, table),
            *adapter_notes(run, adapter_input),
            *exclusions_in_use(excluded, exclusions),
            *(joined.notes if joined else ()),
            *joined_without_images(joined, table),
            *dosed_after_all(parameters.plate.dose_time_h, table),
        ),
        context={
            "source": source,
            "plate_map": _map_input(request.plate_map, mapped),
            "join": _join_input(request.join, joined),
            "adapter": adapter_input,
            "parameters": parameters,
            "started": started,
        },
    )


def _read_names_and_map(request: RunRequest) -> tuple[FrameTable, PlateMap | None]:
    from spheroid_qc.segmentation import check_method

    parameters = request.parameters
    check_method(parameters.segmentation.method)
    mapped = None
    if request.plate_map is not None:
        mapped = read_map_of_run(request.plate_map, parameters.plate)
    table = frame_table(request.folder, parameters.plate, probe, request.whole)
    if not table.frames:
        hint = next((finding_sentence(finding).rstrip(".") for finding in table.problems), "")
        why = reasons(table.problems)
        raise NoFrames(
            f"No image in {request.folder} can be used"
            + (f": {why}" if why else "")
            + (f" (for example: {hint})" if hint else "")
            + "; see spheroid-qc inspect, and settle it with --name-pattern."
        )
    if mapped is not None:
        mapped.for_plates(table.plates)
    return table, mapped


def _map_input(path: Path | None, mapped: PlateMap | None) -> dict[str, Any] | None:
    """Which plate map was read, and the units in which its doses were written."""
    found = table_input(path)
    given = {} if mapped is None else mapped.given_units
    return found if found is None or not given else found | {"given_units": given}


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
