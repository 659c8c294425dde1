"""Plate maps in every form that people use, read with the mistakes named where they stand.

A map may be long (one or several lines a well), drawn as grids, or a layout with a table of
treatments; in CSV, TSV or XLSX. What was understood is said in notes; what could be read in two
ways is refused, all mistakes of a file at once.

Strata, which divide a map into experiments with controls of their own, are by rule: `cell_line`,
`passage`, columns on irradiation or radiation, and every column named `stratum...`.
"""

from __future__ import annotations

import re
from pathlib import Path

from spheroid_qc.errors import PlateMapError
from spheroid_qc.plate_map.finished_wells import finish_map
from spheroid_qc.plate_map.grid_form import Grid, find_grids, grid_records
from spheroid_qc.plate_map.layout_form import find_treatments, layout_records, sibling_of
from spheroid_qc.plate_map.long_form import HeadingLine, find_heading_line, long_records
from spheroid_qc.plate_map.map_headings import Heading, read_heading
from spheroid_qc.plate_map.map_records import MapProblems, Record
from spheroid_qc.plate_map.map_warnings import warnings_of
from spheroid_qc.plate_map.mapped_wells import ROLES, PlateMap
from spheroid_qc.plate_map.wells_from_rows import Findings, draft_wells
from spheroid_qc.tables.cells import Cell, Table
from spheroid_qc.tables.delimited_text import read_tables
from spheroid_qc.tables.dose_units import parse_unit

_LONG = (frozenset({"well"}), frozenset({"row", "column"}))
_TELLING = frozenset({"drug", "dose", "role", "control", "cell_line", "cells_seeded", "passage"})


# Mistakes that make everything read after them meaningless.
_STRUCTURAL = ("merged cells", "lines with too many cells", "doubled columns", "unknown headings")


def read_plate_map(
    path: Path | str,
    treatment_table: Path | str | None = None,
    *,
    well_count: int | None = None,
) -> PlateMap:
    r"""Read a plate map.

    Parameters
    ----------
    path : Path or str
        CSV, TSV, TXT or XLSX.
    treatment_table : Path or str, optional
        Treatments of a layout that holds treatment numbers. Without it, it is looked for in the
        same workbook, then beside the layout, named like it with `treatment` for `layout`.
    well_count : int, optional
        Wells of the plate (a key of `PLATE_FORMATS`); wells outside it are refused.

    Returns
    -------
    PlateMap
        Wells, with notes on what was understood and warnings on what is odd.

    Raises
    ------
    PlateMapError
        With all mistakes found, one sentence each.

    Examples
    --------
    >>> from pathlib import Path
    >>> from spheroid_qc.plate_map import read_plate_map
    >>> text = "well,role,drug,dose,unit\nA1,vehicle,,,\nA2,treated,selinexor,300,nM\n"
    >>> _ = Path("map.csv").write_text(text)
    >>> for well in read_plate_map("map.csv").wells:
    ...     print(well.well, well.role, [(dose.drug, dose.dose_um) for dose in well.drugs])
    A01 vehicle []
    A02 treated [('selinexor', 0.3)]
    """
    path = Path(path)
    tables = read_tables(path)
    findings = Findings(MapProblems())
    records, headings, used = _records_of(path, tables, treatment_table, findings, well_count)
    findings.notes[:0] = [note for table in used for note in table.notes]
    _say_sheets(tables, used, findings)
    kinds = {heading.kind for heading in headings}
    if not findings.problems or records:
        _check_columns(used[0], headings, kinds, records, findings)
    if findings.problems.has(*_STRUCTURAL):
        findings.problems.raise_if_any()
    drafts = draft_wells(records, headings, findings)
    files = list(dict.fromkeys(table.file for table in used))
    plate_map = finish_map(drafts, headings, findings, " and ".join(files))
    findings.problems.raise_if_any()
    assert plate_map is not None
    if not plate_map.wells:
        raise PlateMapError(
            [f"{used[0].title}, line 1: no well is mapped; fill in wells and what they hold."]
        )
    _say_columns(headings, plate_map, findings)
    warnings = [*findings.warnings, *warnings_of(plate_map)]
    return PlateMap(
        plate_map.wells,
        plate_map.columns,
        plate_map.drugs,
        plate_map.strata,
        tuple(dict.fromkeys(findings.notes)),
        tuple(dict.fromkeys(warnings)),
        plate_map.source,
    )


def _records_of(
    path: Path,
    tables: tuple[Table, ...],
    treatment_table: Path | str | None,
    findings: Findings,
    well_count: int | None,
) -> tuple[list[Record], list[Heading], list[Table]]:
    """Recognise the form and read the records; the last value is the tables that were read."""
    problems, notes = findings.problems, findings.notes
    grids = {id(table): find_grids(table, MapProblems()) for table in tables}
    drawn = [table for table in tables if grids[id(table)]]
    layout = _lone_layout([grid for table in drawn for grid in grids[id(table)]])
    if treatment_table is not None and layout is None:
        raise PlateMapError(
            [
                f"{path.name} is no layout of treatment numbers, so that the treatment table "
                f"{Path(treatment_table).name} has no place; give one grid with treatment numbers, "
                "or leave the treatment table out."
            ]
        )
    if layout is not None:
        treatments = _treatments_for(path, tables, treatment_table)
        if treatments is not None:
            table, line = treatments
            find_grids(layout.table, problems)
            records, headings = layout_records(layout, table, line, problems, notes, well_count)
            return records, headings, [layout.table, table]
    long_lines = [(table, find_heading_line(table, _LONG)) for table in tables]
    long_tables = [(table, line) for table, line in long_lines if line is not None]
    telling = [(table, line) for table, line in long_tables if line.kinds & _TELLING]
    for table, line in telling[:1]:
        records, headings = long_records(table, line, problems, notes, well_count)
        others = [other.sheet for other, _ in telling[1:]]
        if others:
            findings.warnings.append(
                f"{table.file} has plate maps on several sheets; sheet {table.sheet!r} is read, "
                f"{', '.join(repr(name) for name in others)} not. Put all wells on one sheet with "
                "a column plate."
            )
        return records, headings, [table]
    if drawn:
        found = [grid for table in drawn for grid in find_grids(table, problems)]
        records, headings = grid_records(found, problems, notes, well_count)
        if headings and not {heading.kind for heading in headings} & _TELLING:
            first = found[0]
            names = ", ".join(heading.written for heading in headings)
            problems.add(
                f"{first.table.place(first.line, first.column)}: no grid says what is in the wells "
                f"(found: {names}); name the grids drug, dose_uM, unit, role or cell_line."
            )
        return records, headings, drawn
    _refuse_form(path, tables, long_tables)
    raise AssertionError("unreachable")


def _lone_layout(grids: list[Grid]) -> Grid | None:
    """Give the only grid, if it may hold treatment numbers."""
    nameless = [
        grid
        for grid in grids
        if not grid.name
        or "layout" in grid.name.casefold()
        or read_heading(grid.name).kind == "index"
    ]
    if len(grids) != 1 or not nameless:
        return None
    return grids[0]


def _treatments_for(
    path: Path, tables: tuple[Table, ...], stated: Path | str | None
) -> tuple[Table, HeadingLine] | None:
    if stated is not None:
        candidates = list(read_tables(Path(stated)))
        name = Path(stated).name
    else:
        inside = [(table, find_treatments(table)) for table in tables]
        for table, line in inside:
            if line is not None:
                return table, line
        beside = sibling_of(path)
        if beside is None:
            return None
        candidates = list(read_tables(beside))
        name = beside.name
    for table in candidates:
        line = find_treatments(table)
        if line is not None:
            return table, line
    raise PlateMapError(
        [
            f"{name}, line 1, column 1: no treatment table is found; its first line must name the "
            "columns Index, Drug_1, Conc_1 (with the unit, such as Conc_1_uM)."
        ]
    )


def _refuse_form(
    path: Path, tables: tuple[Table, ...], long_tables: list[tuple[Table, HeadingLine]]
) -> None:
    for table in tables:
        line = find_treatments(table)
        if line is not None:
            beside = sibling_of(path, "treatment", "layout") or sibling_of(
                path, "treatments", "layout"
            )
            give = f"give {beside.name}" if beside else "give the layout with the wells"
            raise PlateMapError(
                [
                    f"{table.title}, line {line.row.line}, column 1: this is a table of treatments "
                    f"without wells; {give} as plate map."
                ]
            )
    for table, line in long_tables:
        for column, heading in enumerate(line.headings, start=1):
            if heading.kind == "extra" and _names_unit(heading.written):
                raise PlateMapError([_one_drug_a_column(table, line.row.line, column, heading)])
        raise PlateMapError(
            [
                f"{table.title}, line {line.row.line}, column 1: the table has wells, but no "
                "column that says what is in them; name columns drug, dose (with the unit, such as "
                "dose_uM) and role."
            ]
        )
    table = tables[0]
    first = table.rows[0] if table.rows else None
    seen = ", ".join(text for text in (first.texts if first else ()) if text)[:120]
    line_number = first.line if first else 1
    if not table.sheet and not table.separator:
        raise PlateMapError(
            [
                f"{table.title}, line {line_number}, column 1: the file has one column only (its "
                f"first line reads: {seen}); separate columns by commas, semicolons or tabs."
            ]
        )
    raise PlateMapError(
        [
            f"{table.title}, line {line_number}, column 1: no column with wells and no grid is "
            f"found (the first line reads: {seen}); name a column well, or draw a grid with column "
            "numbers 1, 2, 3 ... above and row letters A, B, C ... at the left."
        ]
    )


def _check_columns(
    table: Table,
    headings: list[Heading],
    kinds: set[str],
    records: list[Record],
    findings: Findings,
) -> None:
    if "dose" in kinds and "drug" not in kinds:
        heading = next(heading for heading in headings if heading.kind == "dose")
        findings.notes.append(f"The column {heading.written} has doses, but no column has drugs.")
    if "drug" not in kinds and "dose" not in kinds:
        for heading in headings:
            if heading.kind == "extra" and _names_unit(heading.written):
                cell = _first_cell(records, heading)
                if cell is not None:
                    findings.problems.add(
                        _one_drug_a_column(table, cell.line, cell.column, heading)
                    )


def _first_cell(records: list[Record], heading: Heading) -> Cell | None:
    cells = (cell for record in records for messages, cell in record.cells if messages == heading)
    return next((cell for cell in cells if cell.text), None)


def _one_drug_a_column(table: Table, line: int, column: int, heading: Heading) -> str:
    return (
        f"{table.place(line, column, heading.written)}: the column looks like doses of one drug; "
        "write a column drug with its name and a column dose with the numbers, one line for each "
        "drug of a well."
    )


def _names_unit(written: str) -> bool:
    """Tell whether a further column is named like a drug with a molar unit: `selinexor_uM`."""
    words = [word for word in re.split(r"[\s_()\[\]]+", written) if word]
    unit = parse_unit(words[-1]) if len(words) > 1 and words[-1].endswith("M") else None
    return unit is not None and unit.kind == "molar" and len(words[-1]) > 1


def _say_sheets(tables: tuple[Table, ...], used: list[Table], findings: Findings) -> None:
    if len(tables) < 2:
        return
    read = ", ".join(repr(table.sheet) for table in used if table.sheet)
    left = ", ".join(repr(table.sheet) for table in tables if table not in used)
    if read:
        findings.notes.append(
            f"{tables[0].file} has several sheets; {read} {'is' if ',' not in read else 'are'} "
            f"read" + (f", {left} not." if left else ".")
        )


def _say_columns(headings: list[Heading], plate_map: PlateMap, findings: Findings) -> None:
    messages = []
    for heading in headings:
        name = heading.written
        if heading.kind in ("extra", "stratum"):
            continue
        meaning = heading.kind + (f" {heading.slot}" if heading.slot else "")
        if heading.kind == "dose" and heading.unit is not None:
            meaning += f" in {heading.unit.written}"
        if name.casefold().replace(" ", "_") not in (
            heading.kind,
            f"{heading.kind}_{heading.slot}",
        ):
            messages.append(f"{name} as {meaning}")
    if messages:
        findings.notes.append(f"Columns understood: {', '.join(messages)}.")
    if plate_map.columns:
        findings.notes.append(f"Further columns kept: {', '.join(plate_map.columns)}.")
    if plate_map.strata:
        findings.notes.append(
            f"Part of each condition besides drugs: {', '.join(plate_map.strata)}; wells are "
            "compared with vehicle wells of the same."
        )
    counts = {role: sum(well.role == role for well in plate_map.wells) for role in ROLES}
    parts = [f"{count} {role.replace('_', ' ')}" for role, count in counts.items() if count]
    findings.notes.append(f"{len(plate_map.wells)} wells: {', '.join(parts)}.")
