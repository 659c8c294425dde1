"""Records in, tables out: the second half of a run, made anew each time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from spheroid_qc.flags import Flag
from spheroid_qc.frames.frame_table import FrameTable
from spheroid_qc.parameters import Parameters
from spheroid_qc.plate_map.end_points import EndPoints
from spheroid_qc.plate_map.mapped_wells import PlateMap
from spheroid_qc.response.condition_summary import summarise_conditions
from spheroid_qc.run.store.corrected_masks import corrected_record
from spheroid_qc.run.store.decisions import Exclusion, Exclusions
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.run.store.well_records import WellTimepoint
from spheroid_qc.run.tables.collected_rows import CollectedRows, Picture, collect_rows
from spheroid_qc.run.tables.followed_wells import follow_wells, plate_findings
from spheroid_qc.run.tables.table_columns import (
    FRAMES,
    QC,
    WHOLE,
    finding_flag,
    flag_row,
    spheroid_columns,
    wells_columns,
)
from spheroid_qc.run.tables.well_rows import Record, WellRows, lay_out
from spheroid_qc.tables.csv_writer import write_table

TABLES = ("frames", "spheroids", "wells", "conditions", "qc")


@dataclass(frozen=True)
class RunTables:
    """The tables of a run, and what else was found while they were made.

    Parameters
    ----------
    paths : dict
        Name -> file.
    wells, conditions, qc : DataFrame
        What the files of these names hold.
    flags : list of tuple of Flag
        By row of `wells`.
    pictures : list of Picture
        All fields that have a mask.
    hashes : dict
        Input path -> SHA-256, as hexadecimal text.
    failures : tuple of str
        Sentences on files that could not be read or analysed.
    notes : tuple of str
        Sentences on what had to be assumed.
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


def write_tables(
    run: RunFolder,
    table: FrameTable,
    well_timepoints: Mapping[tuple[str, str], list[WellTimepoint]],
    plate_map: PlateMap | None,
    joined: EndPoints | None,
    exclusions: Sequence[Exclusion],
    accepted: Sequence[Exclusion],
    parameters: Parameters,
) -> RunTables:
    """Make all tables and write them.

    Parameters
    ----------
    run : RunFolder
        Holds the records; gets the tables.
    table, well_timepoints
        Frames and their grouping.
    plate_map, joined, exclusions, accepted
        What the user said of wells and frames.
    parameters : Parameters
        All settings.

    Returns
    -------
    RunTables
    """

    def records(of_well: WellRows) -> Record:
        return corrected_record(run, of_well.plate, of_well.well) if of_well.well_timepoints else {}

    layout = lay_out(table, well_timepoints, plate_map)
    plates = tuple(layout.plates)
    excluded = Exclusions(exclusions, plates)
    rows = collect_rows(layout, records, excluded, Exclusions(accepted, plates), parameters)
    followed, flags = follow_wells(rows.wells, rows.flags, parameters, mapped=layout.mapped)
    columns = wells_columns(parameters, rows.channels, plate_map, joined)
    codes = pd.Series([";".join(flag.code for flag in found) for found in flags], dtype=object)
    wells = columns.fill(rows.wells.assign(flags=codes, **followed), joined)
    conditions = summarise_conditions(wells, columns.summarised)
    plate_flags, notes = plate_findings(layout, parameters)
    qc = _qc_table(plate_flags, wells, flags, table, parameters)
    left_out = [{"path": f.path, "status": f.kind, "note": f.message} for f in table.findings]
    made = {
        "frames": pd.concat([rows.frames, pd.DataFrame(left_out)]).reindex(columns=[*FRAMES]),
        "spheroids": _spheroids_table(rows, wells, parameters),
        "wells": wells,
        "conditions": conditions,
        "qc": qc,
    }
    for name in TABLES:
        write_table(run.table(name), made[name], WHOLE.get(name, ()))
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
    )


def _spheroids_table(
    rows: CollectedRows, wells: pd.DataFrame, parameters: Parameters
) -> pd.DataFrame:
    """Every spheroid with state and flags of its well at that time."""
    found = rows.spheroids
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
    for finding in table.findings:
        flag = finding_flag(finding)
        if flag is not None:
            lines.append(flag_row(flag, parameters, file=finding.path))
    return pd.DataFrame(lines, columns=[*QC])
