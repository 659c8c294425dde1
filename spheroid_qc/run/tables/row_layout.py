"""Which rows the tables have: every well of map or images at every time of its plate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from spheroid_qc.frames.frame_table import Frame, FrameTable
from spheroid_qc.plate_map.mapped_wells import MappedWell, PlateMap, condition_name
from spheroid_qc.run.store.well_records import WellTimepoint
from spheroid_qc.wells import row_column


@dataclass
class PlateTime:
    """One time of a plate: hours, how they were read, channels in the names of its files then."""

    time_h: float
    source: str
    channels: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class WellRows:
    """One well of the tables: it has a row at every time of its plate (`times`, by timepoint).

    `well_timepoints` is what was imaged, `entry` what the plate map says of it.
    """

    plate: str
    well: str
    times: Mapping[int, PlateTime]
    well_timepoints: Sequence[WellTimepoint]
    entry: MappedWell | None


def lay_out(
    table: FrameTable,
    well_timepoints: Mapping[tuple[str, str], list[WellTimepoint]],
    plate_map: PlateMap | None,
) -> dict[str, list[WellRows]]:
    """Lay frame table and plate map side by side: each plate's wells, sorted by row and column.

    `well_timepoints` is what was imaged of (plate, well).
    """
    times = _plate_times(table.frames)
    mapped = {} if plate_map is None else plate_map.for_plates(sorted(times))
    places = dict.fromkeys((*well_timepoints, *mapped))
    return {
        plate: [
            WellRows(
                plate,
                well,
                times[plate],
                well_timepoints.get((plate, well), ()),
                mapped.get((plate, well)),
            )
            for well in sorted((w for p, w in places if p == plate), key=row_column)
        ]
        for plate in times
    }


def _plate_times(frames: Iterable[Frame]) -> dict[str, dict[int, PlateTime]]:
    found: dict[str, dict[int, PlateTime]] = {}
    for frame in frames:
        of_plate = found.setdefault(frame.plate, {})
        time = of_plate.setdefault(frame.timepoint, PlateTime(frame.time_h, frame.time_source))
        time.channels.add(frame.channel)
    return {plate: dict(sorted(found[plate].items())) for plate in sorted(found)}


def dosed_at(entry: MappedWell | None) -> float | None:
    """Time of a well's first dose in hours, as the map states it; None if it does not."""
    if entry is None:
        return None
    starts = [d.dosed_at_h for d in entry.drugs if d.dosed_at_h is not None]
    if entry.dosed_at_h is not None:
        starts.append(entry.dosed_at_h)
    return min(starts, default=None)


def treatment_columns(entry: MappedWell | None) -> dict[str, Any]:
    """Treatment columns of one well."""
    line: dict[str, Any] = {
        "condition": "unmapped" if entry is None else condition_name(entry),
        "role": "unmapped" if entry is None else entry.role,
        "stratum": "" if entry is None else entry.stratum,
        "schedule": "" if entry is None else entry.schedule,
    }
    doses = () if entry is None else entry.drugs
    for n in (1, 2, 3):
        dose = doses[n - 1] if len(doses) >= n else None
        line[f"drug_{n}"] = None if dose is None else dose.drug
        line[f"dose_{n}_um"] = None if dose is None else dose.dose_um
        line[f"dose_{n}"] = None if dose is None else dose.dose
        line[f"unit_{n}"] = None if dose is None else dose.unit
    if entry is None:
        # Nothing is known of it, so that no vehicle well is known to be its reference.
        line["reference_group"] = "\x00"
        return line
    line |= {
        "dosed_at_h": dosed_at(entry),
        "washout_at_h": entry.washout_at_h,
        # What a well shares with its controls: the stock solution's solvent and the strata.
        "reference_group": "\x1f".join((entry.vehicle_group, *(v for _, v in entry.strata))),
        "control": entry.control,
        "cell_line": entry.cell_line,
        "vehicle_group": entry.vehicle_group,
        "biological_replicate": entry.biological_replicate,
        "replicate": entry.replicate,
        "passage": entry.passage,
        "cells_seeded": entry.cells_seeded,
    }
    # The map's own columns may be called anything, also like a column of ours.
    return line | {f"map:{name}": value for name, value in entry.extra.items()}
