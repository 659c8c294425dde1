"""Pictures of wells in rows: two conditions, all wells of one, or one well over time. No Qt.

All of a sheet have the same scale and the same times, as those of the report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spheroid_qc.gui.state.opened_folder import Opened
from spheroid_qc.report.film_strips import Strip, StripTask, draw_strip
from spheroid_qc.report.image_and_mask_of_well import ViewSource
from spheroid_qc.report.page_pictures import chosen_times, crop_of, side_of
from spheroid_qc.response.replicates import LEFT_OUT
from spheroid_qc.run.store.well_records import read_record

_MOST_TIMES = 6
_TILES = 1500
"""The report's limit, from which `chosen_times` works backwards."""


@dataclass(frozen=True)
class PictureRow:
    """Pictures side by side: what stands before them, and at which hours each was taken."""

    title: str
    strip: Strip
    hours: tuple[float, ...]


def wells_of(wells: pd.DataFrame, condition: str, most: int | None = None) -> list[tuple[str, str]]:
    """List the wells of a condition (plate, well); with `most` those nearest to its median.

    Nearest by disintegration at the last time; wells that are left out of means come last.
    """
    own = wells[wells["condition"] == condition]
    if not len(own):
        return []
    last = own[own["time_h"] == own["time_h"].max()]
    value = (
        last["disintegration_fraction"].astype(float)
        if "disintegration_fraction" in last
        else pd.Series(0.0, index=last.index)
    )
    out = last["state"].isin(LEFT_OUT) if "state" in last else pd.Series(False, index=last.index)
    away = (value - value[~out].median()).abs().fillna(np.inf)
    ordered = last.assign(_out=out, _away=away)
    if most is not None:
        ordered = ordered.sort_values(["_out", "_away"], kind="stable").head(most)
    return [(str(p), str(w)) for p, w in zip(ordered["plate"], ordered["well"], strict=True)]


def rows_of_wells(
    opened: Opened,
    wells: pd.DataFrame,
    keys: Sequence[tuple[str, str, str]],
    px: int,
    times: Sequence[int] | None = None,
) -> list[PictureRow]:
    """Draw one row a well, `keys` being (plate, well, title); in a thread.

    `times` are ranks; default: all, or evenly spaced ones where there are many.
    """
    side = side_of(wells)
    rows = []
    for plate, well, title in keys:
        of_plate = opened.times(plate)
        if times is None:
            few = chosen_times(len(of_plate), _TILES // _MOST_TIMES)
            chosen = [list(of_plate)[n] for n in few]
        else:
            chosen = [n for n in times if n in of_plate]
        strip = draw_strip(
            StripTask(
                (plate, well), opened.folder, opened.out,
                tuple(_view(opened, plate, well, n) for n in chosen),
                crop_of(wells, plate, well, side), px, opened.parameters, opened.calibration,
            )
        )  # fmt: skip
        rows.append(PictureRow(title, strip, tuple(of_plate[n] for n in chosen)))
    return rows


def whole_frame(opened: Opened, plate: str, well: str, timepoint: int, px: int) -> Strip:
    """Draw one frame as large as `px`, whole; in a thread."""
    return draw_strip(
        StripTask(
            (plate, well), opened.folder, opened.out, (_view(opened, plate, well, timepoint),),
            None, px, opened.parameters, opened.calibration,
        )
    )  # fmt: skip


def _view(opened: Opened, plate: str, well: str, timepoint: int) -> ViewSource | None:
    moments = opened.well_timepoints.get((plate, well), ())
    moment = next((m for m in moments if m.timepoint == timepoint), None)
    if moment is None:
        return None
    record = read_record(opened.run, plate, well).get(moment.signature)
    shown = [field for field in (record["fields"] if record else ()) if field["mask"]]
    if not shown:
        return None
    first = shown[0]
    return ViewSource(moment, int(first["field"]), bool(first["stitched"]), str(first["mask"]))
