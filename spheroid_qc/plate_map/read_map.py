"""Plate maps in every form that people use, read with the mistakes named where they stand.

A map may be long (one or several lines a well), drawn as grids, or a layout with a table of
treatments; in CSV, TSV or XLSX. What was understood is said in notes; what could be read in two
ways is refused, all mistakes of a file at once.

Strata, which divide a map into experiments with controls of their own, are by rule: `cell_line`,
`passage`, columns on irradiation or radiation, and every column named `stratum...`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from spheroid_qc.errors import PlateMapError
from spheroid_qc.parameters import DoseScale, PlateParameters
from spheroid_qc.plate_map.grid_form import Grid, find_grids, read_grids
from spheroid_qc.plate_map.layout_and_treatments import find_treatments, read_layout, sibling_of
from spheroid_qc.plate_map.long_form import find_wells, read_long
from spheroid_qc.plate_map.map_warnings import warnings_of
from spheroid_qc.plate_map.mapped_wells import ROLES, PlateMap
from spheroid_qc.plate_map.roles_doses_and_strata import finish_map
from spheroid_qc.plate_map.tidy_map import TidyMap, WellCells
from spheroid_qc.plate_map.wells_from_rows import read_wells
from spheroid_qc.tables.find_heading_line import HeadingLine
from spheroid_qc.tables.instruments import read_any_table
from spheroid_qc.tables.located_cells import Table
from spheroid_qc.tables.match_headings import Heading, named_dose, read_heading
from spheroid_qc.tables.parse_cells import is_missing
from spheroid_qc.tables.stated_columns import read_meanings
from spheroid_qc.tables.table_messages import TableMessages

# Kinds of columns that say what is in a well.
CONTENT = frozenset({"drug", "dose", "role", "control", "cell_line", "cells_seeded", "passage"})
_SAYS_CONTENT = CONTENT | {"unit"}
# Mistakes that make everything read after them meaningless.
_STRUCTURAL = ("merged cells", "lines with too many cells", "doubled columns", "unknown headings")


def read_plate_map(
    path: Path | str,
    treatment_table: Path | str | None = None,
    *,
    well_count: int | None = None,
    dose_scale: str = "",
    columns: Sequence[str] = (),
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
    dose_scale : str
        `log10` where doses are decimal logarithms and their heading does not say so.
    columns : sequence of str
        What columns are that tell wells apart: `NAME=stratum`, `NAME=ignore`, `NAME=replicate` ...

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
    tables = read_any_table(path)
    return plate_map_of(
        path, tables, treatment_table,
        well_count=well_count, dose_scale=dose_scale, columns=columns,
    )  # fmt: skip


def read_map_of_run(path: Path, parameters: PlateParameters) -> PlateMap:
    """Read a plate map with what the settings of a run say of it; see `read_plate_map`."""
    return read_plate_map(
        path,
        well_count=parameters.well_count,
        dose_scale="log10" if parameters.map_dose_scale is DoseScale.LOG10 else "",
        columns=[one for one in (parameters.map_columns or "").split(";") if one.strip()],
    )


def plate_map_of(
    path: Path,
    tables: tuple[Table, ...],
    treatment_table: Path | str | None = None,
    *,
    well_count: int | None = None,
    dose_scale: str = "",
    columns: Sequence[str] = (),
) -> PlateMap:
    """Read a plate map from tables of `path` that are open already; see `read_plate_map`."""
    messages = TableMessages()
    tidy = _read_tidy(path, tables, treatment_table, messages, well_count, read_meanings(columns))
    messages.notes[:0] = [note for table in tidy.tables for note in table.notes]
    _note_sheets(tables, tidy.tables, messages)
    if tidy.rows or not messages.has_problems():
        _check_content(tidy, messages)
    if messages.has_problems(*_STRUCTURAL):
        messages.raise_if_problems()
    wells, drug_names = read_wells(tidy, messages, dose_scale)
    source = " and ".join(dict.fromkeys(table.file for table in tidy.tables))
    plate_map = finish_map(wells, drug_names, tidy.headings, messages, source)
    if not plate_map.wells:
        title = tidy.tables[0].title
        raise PlateMapError(
            f"{title}, line 1: no well is mapped; fill in wells and what they hold."
        )
    _note_columns(tidy.headings, plate_map, messages)
    warnings = [*messages.warnings, *warnings_of(plate_map)]
    return replace(
        plate_map,
        notes=tuple(dict.fromkeys(messages.notes)),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _read_tidy(
    path: Path,
    tables: tuple[Table, ...],
    treatment_table: Path | str | None,
    messages: TableMessages,
    well_count: int | None,
    meanings: tuple[tuple[str, str], ...],
) -> TidyMap:
    """Recognise the form and bring it to the middle form."""
    grids = [grid for table in tables for grid in find_grids(table, TableMessages())]
    layout = _lone_layout(grids)
    if layout is None and treatment_table is not None:
        raise PlateMapError(
            f"{path.name} is no layout of treatment numbers, so that the treatment table "
            f"{Path(treatment_table).name} has no place; give one grid with treatment numbers, "
            "or leave the treatment table out."
        )
    treatments = _treatments_for(path, tables, treatment_table) if layout else None
    if layout is not None and treatments is not None:
        find_grids(layout.table, messages)
        return read_layout(layout, treatments, messages, well_count)
    lines = [line for line in map(find_wells, tables) if line is not None]
    with_content = [line for line in lines if line.kinds & CONTENT]
    if with_content:
        line, *others = with_content
        tidy = read_long(line, messages, well_count, meanings)
        _refuse_other_maps(tidy, others, well_count)
        return tidy
    if not grids:
        raise PlateMapError(_unknown_form(path, tables, lines))
    if meanings:
        raise PlateMapError(
            f"{grids[0].table.title} is drawn as grids and has no column {meanings[0][0]!r}; give "
            "the grid the name that says what it is, such as replicate or stratum batch."
        )
    for table in {id(grid.table): grid.table for grid in grids}.values():
        find_grids(table, messages)
    tidy = read_grids(grids, messages, well_count)
    if tidy.headings and not tidy.kinds & CONTENT:
        names = ", ".join(heading.written for heading in tidy.headings)
        messages.problem(
            f"{grids[0].place}: no grid says what is in the wells (found: {names}); name the grids "
            "drug, dose_uM, unit, role or cell_line."
        )
    return tidy


def _refuse_other_maps(
    tidy: TidyMap, others: Sequence[HeadingLine], well_count: int | None
) -> None:
    """Refuse a workbook with other maps on other sheets: plates, or versions of one.

    A sheet that says the same of the same wells, such as one with values beside them, is none.
    """
    said = {(row.plate_well, *_contents(row)) for row in tidy.rows}
    differ = [
        line.table.sheet
        for line in others
        if not said
        >= {
            (row.plate_well, *_contents(row))
            for row in read_long(line, TableMessages(), well_count).rows
        }
    ]
    if differ:
        first = tidy.tables[0]
        raise PlateMapError(
            f"{first.file} has plate maps on several sheets ({first.sheet!r}, "
            f"{', '.join(map(repr, differ))}), which may be plates or versions of one map; put all "
            "wells on one sheet with a column plate, or save the sheet that is meant as CSV."
        )


def _contents(row: WellCells) -> tuple[tuple[str, str, str], ...]:
    """Give what a line says of what is in its well, whatever the order of its columns."""
    filled = ((heading, cell) for heading, cell in row.cells if heading.kind in _SAYS_CONTENT)
    return tuple(
        sorted(
            (heading.kind, heading.slot, cell.text.casefold())
            for heading, cell in filled
            if not is_missing(cell.text)
        )
    )


def _lone_layout(grids: list[Grid]) -> Grid | None:
    """Give the only grid, if it may hold treatment numbers."""
    if len(grids) != 1:
        return None
    name = grids[0].name
    numbers = not name or "layout" in name.casefold() or read_heading(name).kind == "index"
    return grids[0] if numbers else None


def _treatments_for(
    path: Path, tables: tuple[Table, ...], stated: Path | str | None
) -> HeadingLine | None:
    """Find the treatments of a layout: as stated, in the same workbook, or beside it."""
    if stated is None:
        line = next(filter(None, map(find_treatments, tables)), None)
        if line is not None:
            return line
    treatment_file = sibling_of(path) if stated is None else Path(stated)
    if treatment_file is None:
        return None
    line = next(filter(None, map(find_treatments, read_any_table(treatment_file))), None)
    if line is None:
        raise PlateMapError(
            f"{treatment_file.name}, line 1, column 1: no treatment table is found; its first "
            "line must name the columns Index, Drug_1, Conc_1 (with the unit, such as "
            "Conc_1_uM)."
        )
    return line


def _unknown_form(path: Path, tables: tuple[Table, ...], lines: list[HeadingLine]) -> str:
    """Say why a file is no plate map, and what to do."""
    treatments = next(filter(None, map(find_treatments, tables)), None)
    if treatments is not None:
        beside = sibling_of(path, "treatment", "layout") or sibling_of(path, "treatments", "layout")
        give = f"give {beside.name}" if beside else "give the layout with the wells"
        return (
            f"{treatments.table.title}, line {treatments.row.line}, column 1: this is a table of "
            f"treatments without wells; {give} as plate map."
        )
    if lines:
        line = lines[0]
        for column, heading in enumerate(line.headings, start=1):
            if heading.kind == "extra" and _names_unit(heading.written):
                return _one_drug_a_column(line.table, line.row.line, column, heading)
        return (
            f"{line.table.title}, line {line.row.line}, column 1: the table has wells, but no "
            "column that says what is in them; name columns drug, dose (with the unit, such as "
            "dose_uM) and role."
        )
    table = tables[0]
    first = table.rows[0] if table.rows else None
    seen = ", ".join(text for text in (first.texts if first else ()) if text)[:120]
    place = f"{table.title}, line {first.line if first else 1}, column 1"
    if not table.sheet and not table.separator:
        return (
            f"{place}: the file has one column only (its first line reads: {seen}); separate "
            "columns by commas, semicolons or tabs."
        )
    return (
        f"{place}: no column with wells and no grid is found (the first line reads: {seen}); name "
        "a column well, or draw a grid with column numbers 1, 2, 3 ... above and row letters A, "
        "B, C ... at the left."
    )


def _check_content(tidy: TidyMap, messages: TableMessages) -> None:
    if "drug" in tidy.kinds:
        return
    dose = next((heading for heading in tidy.headings if heading.kind == "dose"), None)
    if dose is not None:
        messages.notes.append(f"The column {dose.written} has doses, but no column has drugs.")
        return
    for heading in tidy.headings:
        if heading.kind == "extra" and _names_unit(heading.written):
            cells = (cell for row in tidy.rows for named, cell in row.cells if named == heading)
            cell = next((cell for cell in cells if cell.text), None)
            if cell is not None:
                messages.problem(
                    _one_drug_a_column(tidy.tables[0], cell.line, cell.column, heading)
                )


def _one_drug_a_column(table: Table, line: int, column: int, heading: Heading) -> str:
    return (
        f"{table.place(line, column, heading.written)}: the column looks like doses of one drug; "
        "write a column drug with its name and a column dose with the numbers, one line for each "
        "drug of a well."
    )


def _names_unit(written: str) -> bool:
    """Tell whether a further column is named like a drug with a molar unit: `selinexor_uM`."""
    named = named_dose(written)
    return named is not None and named[1].kind == "molar"


def _note_sheets(tables: tuple[Table, ...], used: list[Table], messages: TableMessages) -> None:
    if len(tables) < 2:
        return
    read = ", ".join(repr(table.sheet) for table in used if table.sheet)
    left = ", ".join(repr(table.sheet) for table in tables if table not in used)
    if read:
        messages.notes.append(
            f"{tables[0].file} has several sheets; the plate map is read from {read}"
            + (f", not from {left}." if left else ".")
        )


def _note_columns(headings: list[Heading], plate_map: PlateMap, messages: TableMessages) -> None:
    meanings = []
    for heading in headings:
        name = heading.written
        if heading.kind in ("extra", "remark", "ignored", "stratum", "factor"):
            continue
        meaning = heading.kind + (f" {heading.slot}" if heading.slot else "")
        if heading.kind == "dose" and heading.unit is not None:
            meaning += f" in {heading.unit.written}"
        if name.casefold().replace(" ", "_") not in (
            heading.kind,
            f"{heading.kind}_{heading.slot}",
        ):
            meanings.append(f"{name} as {meaning}")
    if meanings:
        messages.notes.append(f"Columns understood: {', '.join(meanings)}.")
    if plate_map.columns:
        messages.notes.append(f"Further columns kept: {', '.join(plate_map.columns)}.")
    if plate_map.strata:
        messages.notes.append(
            f"Part of each condition besides drugs: {', '.join(plate_map.strata)}; wells are "
            "compared with vehicle wells of the same."
        )
    counts = {role: sum(well.role == role for well in plate_map.wells) for role in ROLES}
    parts = [f"{count} {role.replace('_', ' ')}" for role, count in counts.items() if count]
    messages.notes.append(f"{len(plate_map.wells)} wells: {', '.join(parts)}.")
