"""Records in, tables out: the second half of a run, made anew each time.

Records are read twice, well by well: first to judge, for which a few figures of every row of a
plate are held side by side, then to write the tables row by row. So memory hardly grows with the
number of frames.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from spheroid_qc.flags import Flag
from spheroid_qc.frames.frame_table import FrameTable
from spheroid_qc.images import PlateCalibration
from spheroid_qc.parameters import Parameters
from spheroid_qc.plate_map.end_points import EndPoints
from spheroid_qc.plate_map.mapped_wells import PlateMap
from spheroid_qc.response.condition_summary import DOSES, SUMMARISED, summarise_conditions
from spheroid_qc.run.overlays.draw_overlay import OverlayTask
from spheroid_qc.run.overlays.overlay_choice import WantedOverlays
from spheroid_qc.run.run_summary import condition_lines, distrust_lines
from spheroid_qc.run.store.corrected_masks import corrected_record
from spheroid_qc.run.store.decisions import Exclusion, Exclusions
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.run.store.well_records import WellTimepoint
from spheroid_qc.run.tables.column_store import Columns
from spheroid_qc.run.tables.scored_rows import (
    PlateReader,
    ScoredRows,
    assign_states,
    plate_findings,
)
from spheroid_qc.run.tables.table_columns import (
    FRAMES,
    QC,
    WHOLE,
    WellsTable,
    finding_flags,
    finding_frame,
    flag_row,
    frame_rows,
    spheroid_columns,
    spheroid_rows,
)
from spheroid_qc.run.tables.well_rows import Record, RowLayout, WellRows, lay_out, read_rows
from spheroid_qc.tables.csv_writer import TableWriter, table_writer, write_table

_WORDS = (
    "plate", "well", "condition", "role", "state", "biological_replicate",
    "drug_1", "drug_2", "drug_3", "unit_1", "unit_2", "unit_3", "stratum", "schedule",
)  # fmt: skip
_SAID = ("plate", "well", "time_h", "code", "severity", "title")


@dataclass(frozen=True)
class Finished:
    """What the second half of a run made.

    Parameters
    ----------
    tables : dict
        Name -> file.
    overlays : iterable of OverlayTask
        Overlays that are wanted; may be gone through more than once.
    hashes : dict
        Input path -> SHA-256.
    failures : tuple of str
        Sentences on files that could not be read or analysed.
    notes : tuple of str
        Sentences on what had to be assumed.
    answer : tuple of str
        What came out, in lines for a terminal.
    """

    tables: dict[str, Path]
    overlays: Iterable[OverlayTask]
    hashes: dict[str, bytes]
    failures: tuple[str, ...]
    notes: tuple[str, ...]
    answer: tuple[str, ...]


def finish_tables(
    run: RunFolder,
    source: Path,
    table: FrameTable,
    well_timepoints: Mapping[tuple[str, str], list[WellTimepoint]],
    plate_map: PlateMap | None,
    joined: EndPoints | None,
    exclusions: Sequence[Exclusion],
    parameters: Parameters,
    calibration: PlateCalibration,
    accepted: Sequence[Exclusion] = (),
) -> Finished:
    """Make and write all tables, and say which overlays are wanted.

    Parameters
    ----------
    run : RunFolder
        Holds the records; gets the tables.
    source : Path
        Image folder.
    table, moments
        Frames and their grouping.
    plate_map, joined, exclusions, accepted
        What the user said of wells and frames.
    parameters : Parameters
        All settings.
    calibration : PlateCalibration
        Passed on to the overlays.

    Returns
    -------
    Finished
        Paths and sentences.
    """

    def records(of_well: WellRows) -> Record:
        return corrected_record(run, of_well.plate, of_well.well) if of_well.well_timepoints else {}

    layout = lay_out(table, well_timepoints, plate_map)
    plates = tuple(layout.plates)
    excluded = Exclusions(exclusions, plates)
    taken = Exclusions(accepted, plates)
    plate_flags, notes = plate_findings(layout, parameters)
    channels: set[str] = set()
    scored: dict[str, ScoredRows] = {}
    for plate, wells in layout.plates.items():
        reader = PlateReader(parameters, excluded, taken)
        for of_well in wells:
            for row in read_rows(layout, of_well, records(of_well), parameters):
                channels.update(row.channels)
                reader.add(row)
        scored[plate] = assign_states(reader, parameters, mapped=layout.mapped)
    columns = WellsTable(parameters, channels, plate_map, joined, plates)
    writing = _Tables(run, columns, parameters)
    with writing.open():
        for plate, flag in plate_flags:
            writing.flag(flag, {"plate": plate})
        for plate, wells in layout.plates.items():
            begin = 0
            for of_well in wells:
                writing.well(layout, of_well, records(of_well), scored[plate], begin)
                begin += len(of_well.times)
        for flag, place in finding_flags(table.findings):
            writing.flag(flag, place)
        for finding in table.findings:
            writing.frames.add(finding_frame(finding))
    answer = writing.conditions()
    overlays = WantedOverlays(run, source, layout, records, scored, parameters, calibration)
    return Finished(
        tables={name: run.table(name) for name in _NAMES},
        overlays=overlays,
        hashes=writing.hashes,
        failures=tuple(writing.failures),
        notes=(*excluded.unknown(), *notes),
        answer=tuple(answer),
    )


_NAMES = ("frames", "spheroids", "wells", "conditions", "qc")


class _Tables:
    """The tables of a run folder while they are written."""

    wells: TableWriter
    spheroids: TableWriter
    frames: TableWriter
    qc: TableWriter

    def __init__(self, run: RunFolder, columns: WellsTable, parameters: Parameters) -> None:
        self.hashes: dict[str, bytes] = {}
        self.failures: dict[str, None] = {}
        self._run = run
        self._columns = columns
        self._parameters = parameters
        needed = {*_WORDS, *DOSES, *SUMMARISED, *columns.summarised}
        needed |= {"time_h", "disintegrated_since_dose_h"}
        self._summary = Columns((n for n in columns.columns if n in needed), _WORDS)
        self._said = Columns(_SAID, set(_SAID) - {"time_h"})

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """Open the tables that are written row by row; they take their places together."""
        run = self._run
        spheroids = spheroid_columns(self._parameters)
        with (
            table_writer(run.table("frames"), FRAMES, WHOLE) as self.frames,
            table_writer(run.table("spheroids"), spheroids, WHOLE) as self.spheroids,
            table_writer(run.table("wells"), self._columns.columns, WHOLE) as self.wells,
            table_writer(run.table("qc"), QC, WHOLE) as self.qc,
        ):
            yield

    def flag(self, flag: Flag, place: Mapping[str, object]) -> None:
        """Write a finding."""
        row = flag_row(flag, place, self._parameters)
        self.qc.add(row)
        if row["severity"] != "info" and row["well"] is not None:
            self._said.add(row)

    def well(
        self, layout: RowLayout, of_well: WellRows, record: Record, scored: ScoredRows, begin: int
    ) -> None:
        """Write all rows of a well; `begin` is the number of its first row on its plate."""
        rows = read_rows(layout, of_well, record, self._parameters)
        last = max(time_h for time_h, _ in of_well.times.values())
        for number, row in enumerate(rows, start=begin):
            flags = scored.flags[number]
            codes = ";".join(flag.code for flag in flags)
            at_end = row.values["time_h"] == last
            filled = self._columns.row(row, scored.values(number), codes, last=at_end)
            self.wells.add(filled)
            self._summary.add(filled)
            for spheroid in spheroid_rows(row, filled["state"], codes):
                self.spheroids.add(spheroid)
            for flag in flags:
                self.flag(flag, row.values)
            for line in frame_rows(row):
                self.frames.add(line)
            for frame, known in row.frames:
                if "sha256" in known:
                    self.hashes[frame.path] = bytes.fromhex(known["sha256"])
            self.failures |= dict.fromkeys(row.failures)

    def conditions(self) -> list[str]:
        """Write the summary by condition, and say what came out."""
        wells = self._summary.table()
        conditions = summarise_conditions(wells, self._columns.summarised)
        write_table(self._run.table("conditions"), conditions)
        messages = self._said.table()
        return [*condition_lines(conditions, wells), "", *distrust_lines(messages, wells)]
