"""Which image and which mask belong to a row of `wells.csv`: from a finished run folder.

The page is made from tables; pictures are an addition that needs the images themselves. Where
they were moved, there are none, and the page says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from spheroid_qc.configuration.validation import validated
from spheroid_qc.errors import RequestError
from spheroid_qc.frames.frame_table import Frame
from spheroid_qc.images import PlateCalibration
from spheroid_qc.images.instrument_plate_files import plate_calibration
from spheroid_qc.parameters import Parameters
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.run.store.well_records import (
    WellTimepoint,
    main_channels,
    read_record,
    timepoints_of,
)
from spheroid_qc.storage import names_inside
from spheroid_qc.tables.csv_writer import read_table


@dataclass(frozen=True)
class ViewSource:
    """One picture of one well at one time.

    `stitched`: all fields were put together to one picture; `mask` is the name of its mask;
    `content` tells the files that it shows by their content, empty where that is not known.
    """

    well_timepoint: WellTimepoint
    field: int
    stitched: bool
    mask: str
    content: str = ""


@dataclass(frozen=True)
class Sources:
    """All pictures of a run.

    `folder` holds the images, `out` is the run folder; `views`: (plate, well, time in the order of
    the plate) -> picture. `lacking` is a sentence where there are none.
    """

    folder: Path
    out: Path
    parameters: Parameters
    calibration: PlateCalibration
    views: dict[tuple[str, str, int], ViewSource]
    lacking: str = ""


def find_sources(root: Path) -> Sources:
    """Find images and masks of a run folder.

    Reads `run.json`, `frames.csv`, `masks/` and `records/`. Without views, and with a sentence that
    says why, where images or masks are not there.
    """
    run = RunFolder(root)
    nothing = Sources(root, root, Parameters(), PlateCalibration({}), {})
    known_run = run.read_run()
    frames_csv = run.table("frames")
    if known_run is None or not frames_csv.is_file():
        return replace(
            nothing, lacking="This folder holds no run, so there are no pictures of wells."
        )
    try:
        parameters = validated(known_run["parameters"], lambda _: str(run.run_json))
    except RequestError:
        return replace(nothing, lacking="run.json is of another version, so there are no pictures.")
    folder = Path(str(known_run["source"]))
    if not folder.is_dir():
        return replace(
            nothing,
            lacking="The folder of the images was not found, so there are no pictures of wells.",
        )
    if not parameters.output.masks or not run.masks.is_dir():
        return replace(nothing, lacking="The run kept no masks, so there are no pictures of wells.")
    try:
        frames = _frames(read_table(frames_csv, text=_TEXT))
    except (RequestError, ValueError, KeyError, TypeError, OverflowError):
        return replace(nothing, lacking="frames.csv was edited, so there are no pictures of wells.")
    well_timepoints = timepoints_of(
        folder, frames, main_channels(frames, parameters.images.channel)
    )
    views: dict[tuple[str, str, int], ViewSource] = {}
    for (plate, well), of_well in well_timepoints.items():
        record = list(read_record(run, plate, well).values())
        for well_timepoint in of_well:
            view = _view(well_timepoint, record)
            if view is not None:
                views[plate, well, well_timepoint.timepoint] = view
    found = Sources(folder, root, parameters, plate_calibration(folder), views)
    # Whether a single mask is there shows when it is read: a plate has tens of thousands.
    return (
        found
        if any(_is_there(run, view) for view in views.values())
        else replace(found, views={}, lacking="No mask fits its image, so there are no pictures.")
    )


def _is_there(run: RunFolder, view: ViewSource) -> bool:
    try:
        return run.mask(view.mask).is_file()
    except OSError:  # its name leads out of the run folder
        return False


_TEXT = ("path", "plate", "well", "channel", "time_source", "scheme")


def _frames(table: pd.DataFrame) -> list[Frame]:
    """Frames that were read, as `frames.csv` lists them."""
    read = table[table["plate"].notna() & table["timepoint"].notna() & table["size"].notna()]
    return [
        Frame(
            path=str(row["path"]),
            plate=str(row["plate"]),
            well=str(row["well"]),
            field=int(row["field"]),
            channel="" if pd.isna(row["channel"]) else str(row["channel"]),
            z=int(row["z"]),
            timepoint=int(row["timepoint"]),
            time_h=float(row["time_h"]),
            time_source=str(row["time_source"]),
            page=None if pd.isna(row["page"]) else int(row["page"]),
            scheme=str(row["scheme"]),
            size=int(row["size"]),
            series=None if pd.isna(row.get("series")) else int(row["series"]),
        )
        for row in read.to_dict("records")
        if names_inside(row["path"])
    ]


def _view(well_timepoint: WellTimepoint, record: list[dict[str, Any]]) -> ViewSource | None:
    """Find what was measured in these files; they must be as large as they were."""
    sizes = {(frame.path, frame.size) for frame in well_timepoint.frames}
    pages = {(*frame.image, frame.page) for frame in well_timepoint.frames}
    for entry in record:
        shown = [found for found in entry["fields"] if found["mask"]]
        if not shown:
            continue
        if (shown[0]["file"], shown[0].get("series"), shown[0]["page"]) not in pages:
            continue
        if not all((known["path"], known["size"]) in sizes for known in entry["inputs"]):
            continue
        first = shown[0]
        # Where a file has another date than when it was read, nobody knows what is in it.
        same = list(well_timepoint.stamps) == entry["stamps"]
        content = ";".join(str(known["sha256"]) for known in entry["inputs"]) if same else ""
        return ViewSource(
            well_timepoint, int(first["field"]), bool(first["stitched"]), str(first["mask"]),
            content,
        )  # fmt: skip
    return None
