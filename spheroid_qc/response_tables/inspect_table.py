"""What any table was taken for, column by column, and what would be needed; computes nothing.

A table that can be read is shown as what it is: a plate map, responses, or values by well. As the
canonical long table it can be written to a file that reads back the same.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from spheroid_qc.atomic import atomic_path
from spheroid_qc.errors import RequestError
from spheroid_qc.plate_map import ROLES, PlateMap, read_plate_map, write_plate_map
from spheroid_qc.plate_map.grid_form import find_grids
from spheroid_qc.plate_map.joined_end_point_values import end_points_of
from spheroid_qc.plate_map.layout_and_treatments import find_treatments
from spheroid_qc.plate_map.long_form import find_wells
from spheroid_qc.plate_map.read_map import CONTENT
from spheroid_qc.plate_map.write_map import escape
from spheroid_qc.response.response_table import read_responses
from spheroid_qc.response_tables.read_responses import (
    ResponseTable,
    TableOptions,
    as_table,
    heading_line_of,
    in_long_form,
    map_and_values,
)
from spheroid_qc.response_tables.response_columns import has_response, meaning_of
from spheroid_qc.response_tables.responses_with_map import values_by_well
from spheroid_qc.response_tables.rows_of_responses import GIVEN_UNIT
from spheroid_qc.response_tables.unlikely_responses import (
    NO_FRACTION,
    refuse_affected_vehicle,
    refuse_wrong_unit,
)
from spheroid_qc.tables.find_heading_line import HeadingLine, is_matrix
from spheroid_qc.tables.instruments import read_any_table
from spheroid_qc.tables.located_cells import Table
from spheroid_qc.tables.match_headings import Heading, named_dose, read_heading
from spheroid_qc.tables.table_messages import TableMessages
from spheroid_qc.wording import listed, plural

_MEANINGS = {
    "well": "wells",
    "row": "rows of the plate",
    "column": "columns of the plate",
    "plate": "plates",
    "drug": "names of drugs and controls",
    "dose": "doses",
    "unit": "units of doses",
    "role": "roles of wells",
    "control": "whether a well is a control",
    "control_name": "names of controls",
    "cell_line": "cell lines, analysed apart",
    "vehicle_group": "solvents: wells are compared with vehicle wells of the same",
    "dosed_at_h": "when the drug was given",
    "washout_at_h": "when the drug was taken away",
    "cells_seeded": "cells seeded",
    "biological_replicate": "biological replicates",
    "replicate": "technical replicates",
    "passage": "passages, analysed apart",
    "molar_mass_g_mol": "molar masses",
    "index": "numbers of treatments",
    "time_h": "times",
    "date": "times, as dates",
    "block": "matrices of doses, analysed apart",
    "stratum": "a stratum, analysed apart",
    "factor": "a stratum where rows of one treatment differ in it, else a label",
    "remark": "remarks, asked about where they tell rows of one treatment apart",
    "ignored": "not used, as its heading says",
    "extra": "not known, asked about where it tells rows of one treatment apart",
}
_SHOWN = 3
_SENTENCES = 6


@dataclass(frozen=True)
class TableInspection:
    """What a table was taken for.

    Attributes
    ----------
    lines : tuple of str
        For people, one a line.
    plate_map, responses : PlateMap, ResponseTable or None
        What it can be read as, and written as.
    reasons : tuple of str
        Why it can't be read as anything, in finished sentences; empty where it can.
    refused : tuple of str
        Why it can't be read as something that its headings say it is, though it can be read as
        something else: responses with a mistake beside wells and drugs.
    """

    lines: tuple[str, ...]
    plate_map: PlateMap | None = None
    responses: ResponseTable | None = None
    reasons: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


def inspect_table(path: Path | str, options: TableOptions | None = None) -> TableInspection:
    """Say what a table was taken for.

    Parameters
    ----------
    path : Path or str
        A table of any form.
    options : TableOptions, optional
        What is stated besides the table.

    Returns
    -------
    TableInspection
        Also where it can be read as nothing; then `reasons` say why.

    Raises
    ------
    RequestError
        If the file can't be opened as a table at all.
    """
    path = Path(path)
    options = options or TableOptions()
    tables = read_any_table(path)
    lines: list[str] = []
    for table in tables:
        lines += _columns(table, options)
    content, wells = _says_content(tables), _has_wells(tables)
    # What a table says that it is must be readable; another reading is only tried.
    readings: list[tuple[str, bool, Callable[[], PlateMap | ResponseTable | WellValues]]] = []
    if _has_responses(tables, options):
        readings.append(("responses", True, lambda: _checked(as_table(tables, options))))
    if wells and options.plate_map is None:
        stated = [f"{name}={meaning}" for name, meaning in options.meanings]
        read_map = partial(read_plate_map, path, dose_scale=options.dose_scale, columns=stated)
        readings.append(("a plate map", content or _names_doses(tables), read_map))
    if wells and not content:
        readings.append(("values by well", True, lambda: _values(tables, options)))
    found: dict[str, PlateMap | ResponseTable | WellValues] = {}
    refused: dict[str, list[str]] = {}
    said: list[str] = []
    for title, _, reading in readings:
        if title == "values by well" and found:
            continue
        try:
            found[title] = read = reading()
        except RequestError as error:
            refused[title] = [f"Not read as {title}: {text}" for text in str(error).splitlines()]
        else:
            said += ["", f"Read as {title}: {_summary(read)}"]
            warnings = read.warnings if isinstance(read, PlateMap) else ()
            said += [f"  note: {note}" for note in read.notes]
            said += [f"  warning: {warning}" for warning in warnings]
    expected = {title for title, stated, _ in readings if stated}
    if "responses" in found or not expected & {"a plate map"}:
        refused.pop("a plate map", None)  # it was only tried, or is a line a time
    shown = [text for sentences in refused.values() for text in sentences]
    if len(shown) > _SENTENCES:
        shown = [*shown[:_SENTENCES], f"... and {len(shown) - _SENTENCES} more."]
    if not readings:
        shown = [
            f"{path.name} has neither wells nor drugs with doses; a plate map has columns well, "
            "drug, dose and unit, a table of responses drug_1, dose_1_um and response."
        ]
    said += ["", *shown] if shown else []
    plate_map, responses = found.get("a plate map"), found.get("responses")
    return TableInspection(
        (*lines, *said),
        plate_map if isinstance(plate_map, PlateMap) else None,
        responses if isinstance(responses, ResponseTable) else None,
        () if found else tuple(shown),
        tuple(text for title in refused if title in expected for text in refused[title]),
    )


@dataclass(frozen=True)
class WellValues:
    """Values by well: of what, of how many wells, at how many times."""

    names: tuple[str, ...]
    n_wells: int
    n_times: int = 1
    notes: tuple[str, ...] = ()


def _values(tables: Sequence[Table], options: TableOptions) -> WellValues:
    if any((line := find_wells(table)) and line.kinds & {"time_h", "date"} for table in tables):
        messages = TableMessages()
        values = values_by_well(tables, options.response_column, messages)
        rows = values.rows
        return WellValues(
            (values.heading,),
            rows[[name for name in ("plate", "well") if name in rows]].drop_duplicates().shape[0],
            int(rows["time_h"].nunique()) if "time_h" in rows else 1,
            tuple(messages.notes),
        )
    points = end_points_of(tables, TableMessages())
    return WellValues(points.columns, len(points.values), 1, points.notes)


def _says_content(tables: Sequence[Table]) -> bool:
    """Tell whether a table says what is in its wells; with values beside it is a map still."""
    lines = [line for table in tables if (line := find_wells(table)) is not None]
    grids = [grid for table in tables for grid in find_grids(table, TableMessages())]
    return any(line.kinds & CONTENT for line in lines) or any(
        read_heading(grid.name).kind in CONTENT for grid in grids if grid.name
    )


def _names_doses(tables: Sequence[Table]) -> bool:
    """Tell whether headings beside wells may be doses of drugs, `gem_uM`; or measured amounts."""
    lines = [line for table in tables if (line := find_wells(table)) is not None]
    return any(named_dose(text) for line in lines for text in line.row.texts)


def _has_wells(tables: Sequence[Table]) -> bool:
    return any(find_wells(table) or find_grids(table, TableMessages()) for table in tables)


def _has_responses(tables: Sequence[Table], options: TableOptions) -> bool:
    """Tell whether a table is one of responses, by its headings; or has to say why it is none."""
    if options.plate_map is not None:
        return True
    wells = _has_wells(tables)
    for table in tables:
        if find_grids(table, TableMessages()):
            continue
        try:
            line = heading_line_of(in_long_form(table, options))
        except RequestError:
            return True
        if line is not None and (not wells or has_response(line.row, options.response_column)):
            return True
    try:
        return map_and_values(tables) is not None
    except RequestError:
        return False


def _checked(read: ResponseTable) -> ResponseTable:
    """Ask what `analyse` asks of responses whose heading says what they are.

    A `RequestError` says what can't be true of them.
    """
    if not read.stated_kind:
        return read
    largest = float(read.rows["response"].abs().fillna(0.0).max())
    unit = read.stated_unit or ("percent" if largest > NO_FRACTION else "fraction")
    if read.stated_unit:
        refuse_wrong_unit(read, read.stated_kind, unit)
    refuse_affected_vehicle(read_responses(read.rows, read.stated_kind, unit, read.places))
    return read


def _summary(read: PlateMap | ResponseTable | WellValues) -> str:
    if isinstance(read, PlateMap):
        roles = [well.role for well in read.wells]
        counted = [
            f"{roles.count(role)} {role.replace('_', ' ')}" for role in ROLES if role in roles
        ]
        drugs = f"; drugs {listed(read.drugs, 8)}" if read.drugs else ""
        return f"{plural(len(roles), 'well')}, {', '.join(counted)}{drugs}."
    if isinstance(read, WellValues):
        times = f" at {plural(read.n_times, 'time')}" if read.n_times > 1 else ""
        join = "run --join, or to " if read.n_times == 1 else ""
        return (
            f"{listed(read.names, 8)} of {plural(read.n_wells, 'well')}{times}; give it to {join}"
            "analyse with --plate-map, which says what is in the wells."
        )
    names = [
        name
        for column in read.rows
        if str(column).startswith("drug_")
        for name in read.rows[column].dropna().unique()
        if name
    ]
    meaning = f"{read.stated_kind or 'say to analyse what it is with --response-is'}"
    unit = f", {read.stated_unit}" if read.stated_unit else ""
    n_missing = int(read.rows["response"].isna().sum())
    missing = f", {n_missing} of them without a value" if n_missing else ""
    return (
        f"{plural(len(read.rows), 'row')}{missing}; drugs {listed(dict.fromkeys(names), 8)}; the "
        f"response is the column {read.response} ({meaning}{unit})."
    )


def _columns(table: Table, options: TableOptions) -> list[str]:
    """Say of each column, or of each grid, what it was taken for."""
    with suppress(RequestError):  # it is said among the reasons
        table = in_long_form(table, options)
    what = f", read as {table.form}" if table.form else ""
    grids = find_grids(table, TableMessages())
    line = find_wells(table) or (
        None if grids else heading_line_of(table) or find_treatments(table)
    )
    if line is None:
        if not grids:
            first = ", ".join(t for t in table.rows[0].texts[:8] if t) if table.rows else ""
            return [f"{table.title}{what}: no headings are known (its first line: {first})."]
        names = [f"  {grid.name or '(no name)'}: {len(grid.cells)} cells" for grid in grids]
        return [f"{table.title}{what}: {plural(len(grids), 'grid')} of wells", *names]
    where = "" if table.form else f", headings in line {line.row.line}"
    body = line.body()
    title = f"{table.title}{what}: {plural(len(body), 'line')}{where}"
    stated = (options.response_column or "response").casefold()
    return [
        title, *(_column(line, at, heading, stated) for at, heading in enumerate(line.headings, 1))
    ]  # fmt: skip


def _column(line: HeadingLine, at: int, heading: Heading, response: str) -> str:
    values = dict.fromkeys(text for row in line.body() if (text := row.text(at)))
    shown = listed(list(values)[:_SHOWN], _SHOWN) + (" ..." if len(values) > _SHOWN else "")
    meaning = _meaning(heading, _scale_and_unit(heading), response)
    if heading.kind in ("row", "column") and is_matrix(line):
        meaning = "counts the matrix of doses, not used"
    return f"  {heading.written or '(no heading)'}: {meaning} [{shown}]"


def _scale_and_unit(heading: Heading) -> str:
    """Give unit and scale of a heading in words."""
    parts = []
    if heading.kind == "dose":
        if heading.scale:
            parts.append(f"as {heading.scale}")
        if heading.unit is not None:
            parts.append(f"in {heading.unit.written}")
        elif heading.bad_unit:
            parts.append(f"in {heading.bad_unit}, which is no known unit")
        else:
            parts.append("without a unit in the heading")
    if heading.kind == "time_h":
        per = {1.0: "hours", 24.0: "days", 1 / 60: "minutes", 1 / 3600: "seconds", 168.0: "weeks"}
        parts.append(f"in {per.get(heading.factor, 'hours')}")
        if heading.scale == "unstated":
            parts.append("unless the cells say otherwise")
    return " ".join(parts)


def _meaning(heading: Heading, more: str, response: str) -> str:
    meant = meaning_of(heading.written)
    if heading.kind == "extra" and meant:
        return f"the response: {meant[0]}" + (f", {meant[1]}" if meant[1] else "")
    if heading.kind == "extra" and heading.written.casefold() == response:
        return "the response"
    of = f" of drug {heading.slot}" if heading.slot and heading.kind != "drug" else ""
    number = f" (drug {heading.slot})" if heading.slot and heading.kind == "drug" else ""
    return " ".join(filter(None, [f"{_MEANINGS[heading.kind]}{number}{of}", more]))


def write_canonical(found: TableInspection, path: Path) -> str:
    """Write the canonical long table; it reads back the same.

    Parameters
    ----------
    found : TableInspection
        Of a table that could be read.
    path : Path
        A CSV file; replaced in one go if it exists.

    Returns
    -------
    str
        What was written, in a sentence.

    Raises
    ------
    RequestError
        If the table is neither a plate map nor responses.
    """
    mapped, responses = found.plate_map, found.responses
    # A map keeps values beside its wells; those of another sheet make a table of responses.
    if mapped is not None and (responses is None or responses.response in mapped.columns):
        write_plate_map(mapped, path)
        return f"Wrote the plate map with one line a drug of each well: {path}"
    if responses is not None:
        _write_responses(responses, path)
        return f"Wrote the responses with one line each: {path}"
    raise RequestError(
        "There is nothing to write: the table is neither a plate map nor responses. "
        + " ".join(found.reasons)
    )


def _write_responses(read: ResponseTable, path: Path) -> None:
    rows = read.rows.copy()
    for column in [name for name in rows if str(name).startswith("drug_")]:
        slot = str(column).removeprefix("drug_")
        molar, own = f"dose_{slot}_um", f"dose_{slot}"
        elsewhere = rows[own].notna() if own in rows else False
        none = (rows[column] != "") & rows[molar].isna() & ~pd.Series(elsewhere, index=rows.index)
        rows.loc[none, molar] = 0.0
    heading = "response"
    if read.stated_kind:
        heading = "_".join(filter(None, [read.stated_kind, read.stated_unit]))
    rows = rows.rename(columns={"response": heading})
    rows = rows[[name for name in rows if not str(name).startswith(GIVEN_UNIT)]]
    with (
        atomic_path(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([escape(str(name)) for name in rows])
        for values in rows.itertuples(index=False, name=None):
            writer.writerow([_text(value) for value in values])


def _text(value: object) -> str:
    if isinstance(value, float | np.floating):
        number = float(value)
        return "" if np.isnan(number) else repr(int(number) if number.is_integer() else number)
    return "" if value is None else escape(str(value))
