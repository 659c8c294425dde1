"""Records in, tables out: the second half of a run, made anew each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from spheroid_qc.flags import Flag, MasksUnfit, masks_unfit
from spheroid_qc.frames.frame_table import FrameTable
from spheroid_qc.parameters import Parameters
from spheroid_qc.response.condition_summary import summarise_conditions
from spheroid_qc.run.run_request import PlannedRun
from spheroid_qc.run.store.corrected_masks import corrected_record
from spheroid_qc.run.store.review_decisions import Exclusions
from spheroid_qc.run.tables.collect_rows import CollectedRows, Picture
from spheroid_qc.run.tables.followed_wells import follow_wells, plate_findings
from spheroid_qc.run.tables.row_layout import lay_out
from spheroid_qc.run.tables.table_columns import (
    FRAMES,
    QC,
    WHOLE,
    finding_flag,
    flag_row,
    spheroid_columns,
    summarised,
    wells_columns,
)
from spheroid_qc.tables.csv_writer import write_table

TABLES = ("frames", "spheroids", "wells", "conditions", "qc")


@dataclass(frozen=True)
class RunTables:
    """The tables of a run, and what else was found while they were made.

    `paths` has a file for every name, `flags` go by row of `wells`, `pictures` are all fields that
    have a mask, `hashes` the inputs' SHA-256 by path, in hexadecimal. `failures` are sentences on
    files that could not be read or analysed, `notes` on what had to be assumed. `unfit` are plates
    whose masks are not to be trusted.
    """

    paths: dict[str, Path]
    wells: pd.DataFrame
    conditions: pd.DataFrame
    qc: pd.DataFrame
    flags: list[tuple[Flag, ...]]
    pictures: list[Picture]
    hashes: dict[str, str]
    failures: tuple[str, ...]
    notes: tuple[str, ...]
    unfit: tuple[MasksUnfit, ...]


def write_tables(planned: PlannedRun) -> RunTables:
    """Make all tables from the records, and write them."""
    run, table, parameters = planned.run, planned.table, planned.request.parameters
    decisions = run.decisions()
    mapped = planned.plate_map is not None
    layout = lay_out(table, planned.well_timepoints, planned.plate_map)
    excluded, accepted = (
        Exclusions(entries, tuple(layout)) for entries in (planned.excluded, planned.accepted)
    )
    rows = CollectedRows(excluded, accepted, mapped=mapped, parameters=parameters)
    for of_well in (of_well for of_plate in layout.values() for of_well in of_plate):
        imaged = bool(of_well.well_timepoints)
        rows.add(of_well, corrected_record(run, of_well.plate, of_well.well) if imaged else {})
    collected = rows.wells.table()
    followed, flags = follow_wells(collected, rows.flags, parameters, mapped=mapped)
    columns = wells_columns(parameters, rows.channels, planned.plate_map, planned.joined)
    codes = pd.Series([";".join(flag.code for flag in found) for found in flags], dtype=object)
    wells = columns.fill(collected.assign(flags=codes, **followed), planned.joined)
    conditions = summarise_conditions(wells, columns.summarised)
    plate_flags, notes = plate_findings(layout, parameters, mapped=mapped)
    unfit = masks_unfit(wells, parameters)
    plate_flags = [
        *((one.plate, Flag("masks_unfit", detail=one.words)) for one in unfit),
        *plate_flags,
    ]
    qc = _qc_table(plate_flags, wells, flags, table, parameters)
    left_out = [{"path": f.path, "status": f.kind, "note": f.message} for f in table.findings]
    made = {
        "frames": pd.concat([rows.frames.table(), pd.DataFrame(left_out)]).reindex(
            columns=[*FRAMES]
        ),
        "spheroids": _spheroids_table(rows, wells, parameters),
        "wells": wells,
        "conditions": conditions,
        "qc": qc,
    }
    for name in TABLES:
        write_table(run.table(name), made[name], WHOLE.get(name, ()))
    run.remember_decisions(decisions)
    return RunTables(
        paths={name: run.table(name) for name in TABLES},
        wells=wells,
        conditions=conditions,
        qc=qc,
        flags=flags,
        pictures=rows.pictures,
        hashes=rows.hashes,
        failures=tuple(rows.failures),
        notes=(*excluded.unknown(), *notes),
        unfit=unfit,
    )


def _spheroids_table(
    rows: CollectedRows, wells: pd.DataFrame, parameters: Parameters
) -> pd.DataFrame:
    """Every spheroid with state and flags of its well at that time."""
    found = rows.spheroids.table()
    if len(found):
        of_row = found["of_row"].astype(int)
        found = found.assign(**{n: wells[n].reindex(of_row).array for n in ("state", "flags")})
    return found.reindex(columns=list(spheroid_columns(parameters)))


def _qc_table(
    plate_flags: Sequence[tuple[str, Flag]],
    wells: pd.DataFrame,
    flags: Sequence[Sequence[Flag]],
    table: FrameTable,
    parameters: Parameters,
) -> pd.DataFrame:
    """One row per flag: of plates, of wells at their times, and of files that are left out."""
    lines = [flag_row(flag, parameters, plate=plate) for plate, flag in plate_flags]
    places = zip(wells["plate"], wells["well"], wells["time_h"], wells["file"], strict=True)
    for (plate, well, time_h, file), found in zip(places, flags, strict=True):
        lines += [
            flag_row(flag, parameters, plate=plate, well=well, time_h=time_h, file=file)
            for flag in found
        ]
    for finding in summarised(table.findings):
        flag = finding_flag(finding)
        if flag is not None:
            lines.append(flag_row(flag, parameters, file=finding.path))
    return pd.DataFrame(lines, columns=[*QC])
