"""Lines of a table of responses as typed rows: drugs, doses and roles by the rules of plate maps.

A line is read as a plate map's line is, whether it has a well or not: the same names of controls,
the same units, and a named drug without a dose is refused. What only responses have (times,
blocks of SynergyFinder, replicates) is read here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from spheroid_qc.plate_map.map_warnings import misspelled
from spheroid_qc.plate_map.parse_doses import DoseReader, DrugDose
from spheroid_qc.plate_map.roles_doses_and_strata import decide_role
from spheroid_qc.plate_map.tidy_map import TidyMap, WellCells
from spheroid_qc.plate_map.wells_from_rows import (
    WellBuilder,
    refuse_names_in_names,
    with_numbered_drugs,
)
from spheroid_qc.response_tables.response_columns import response_values
from spheroid_qc.tables.dose_units import (
    MICROMOLAR,
    between_mass_units,
    convert_dose,
    molar_name,
)
from spheroid_qc.tables.find_heading_line import HeadingLine
from spheroid_qc.tables.located_cells import Cell, Table, TableRow
from spheroid_qc.tables.match_headings import Heading
from spheroid_qc.tables.parse_cells import (
    clean,
    is_missing,
    numeric_text,
    read_well,
    well_of_row_and_column,
    without_percent,
)
from spheroid_qc.tables.parse_numbers import NumberStyle, style_of
from spheroid_qc.tables.parse_times import read_hours
from spheroid_qc.tables.summary_lines import is_summary
from spheroid_qc.tables.table_messages import TableMessages
from spheroid_qc.tables.treatment_text import numbers_of_treatment
from spheroid_qc.wording import listed

_TEXTS = ("plate", "replicate", "biological_replicate", "cell_line", "passage", "block")
GIVEN_UNIT = "given_unit_"
"""Columns with the molar unit that a dose was written in, for words and pictures."""

_TREATMENT = ("drug", "dose", "unit", "role", "control", "control_name", "molar_mass_g_mol")
_NUMBERS = ("dose", "molar_mass_g_mol", "time_h")
_WHOLE_PLACES = ("well", "row", "column", "time_h", "date")
_MASS_UNITS = ("ng/ml", "ug/ml", "mg/ml")
# A control with a whole number behind its name: `DMSO 4`.
_COUNTED = re.compile(r"[^\d%]+?[\s_]*(\d+)")
ONE_DRUG = "drug"
"""What the drug of a table is called that names none."""


def understood(heading: Heading) -> bool:
    """Tell whether a column of a table of responses has a meaning here."""
    return heading.kind in (*_TEXTS, *_TREATMENT, *_WHOLE_PLACES, "stratum")


def check_slots(
    line: HeadingLine,
    columns: dict[int, Heading],
    body: Sequence[TableRow],
    messages: TableMessages,
) -> bool:
    """Refuse a drug without its dose, or a dose without its drug; say where one drug has no name.

    Gives whether the table names drugs.
    """
    drugs, doses = (
        {heading.slot or "1": at for at, heading in columns.items() if heading.kind == kind}
        for kind in ("drug", "dose")
    )
    if doses and not drugs:
        if len(doses) == 1:
            messages.notes.append(f"The table names no drug: its one drug is called {ONE_DRUG}.")
            return False
        messages.problem(
            f"The table has {listed(f'dose_{slot}' for slot in sorted(doses))} but no column "
            "drug_1; add a column with the name of each drug."
        )
    for slot in sorted(drugs.keys() - doses.keys()):
        cells = [line.cell(row, drugs[slot]) for row in body]
        if "drug" in columns[drugs[slot]].kind and any(_has_digit(cell.text) for cell in cells):
            continue  # `gem 10 uM`: judged cell by cell
        messages.problem(f"The table has drug_{slot} but no column dose_{slot}_um.")
    for slot in sorted(doses.keys() - drugs.keys()) if drugs else ():
        messages.problem(f"The table has dose_{slot} but no column drug_{slot}.")
    return bool(drugs)


def _has_digit(text: str) -> bool:
    return any(letter.isdigit() for letter in text)


def rows_of(
    line: HeadingLine,
    columns: dict[int, Heading],
    body: Sequence[TableRow],
    response: int,
    messages: TableMessages,
    dose_scale: str = "",
) -> tuple[pd.DataFrame, str]:
    """Turn lines into typed rows.

    Parameters
    ----------
    line : HeadingLine
        The headings.
    columns : dict
        Column number (from 1) to what it means.
    body : sequence of TableRow
        The lines below.
    response : int
        Column of the response.
    messages : TableMessages
        Takes what was recognised, and every mistake.
    dose_scale : str
        `log10` where the user says that doses are logarithms.

    Returns
    -------
    (DataFrame, str)
        Rows as of `ResponseTable`, and the unit that the responses' cells state.
    """
    table = line.table
    named = check_slots(line, columns, body, messages)
    messages.raise_if_problems()
    cells = {at: [line.cell(row, at) for row in body] for at in {response, *columns}}
    style = _style(table, columns, cells, response, messages)
    made: dict[str, Any] = {}
    at = {heading.kind: column for column, heading in reversed(columns.items())}
    for kind in _TEXTS:
        if kind in at:
            made[kind] = _one_spelling(kind, [clean(c.text) for c in cells[at[kind]]], messages)
    strata = [column for column, heading in columns.items() if heading.kind == "stratum"]
    if strata:
        made["stratum"] = [
            " | ".join(_stratum(columns[c].written, cells[c][i].text) for c in strata)
            for i in range(len(body))
        ]
    if "well" in at:
        made["well"] = [
            "" if is_missing(c.text) and not c.cell_error else read_well(c, messages) or ""
            for c in cells[at["well"]]
        ]
    elif {"row", "column"} <= at.keys():
        pairs = zip(cells[at["row"]], cells[at["column"]], strict=True)
        made["well"] = [well_of_row_and_column(pair, messages) or "" for pair in pairs]
    when = at.get("time_h", at.get("date"))
    if when is not None:
        hours = read_hours(columns[when], cells[when], style, messages)
        made["time_h"] = [np.nan if hour is None else hour for hour in hours]
    reader = DoseReader(style, messages, named, dose_scale)
    made |= _treatments(line, columns, body, reader, named)
    made["response"], unit = response_values(cells[response], style, messages)
    return pd.DataFrame(made), unit


def _stratum(name: str, value: str) -> str:
    return value if name.casefold() == "stratum" else f"{name} {value}"


def _style(
    table: Table,
    columns: dict[int, Heading],
    cells: dict[int, list[Cell]],
    response: int,
    messages: TableMessages,
) -> NumberStyle:
    numeric = [at for at, heading in columns.items() if heading.kind in _NUMBERS] + [response]
    texts = [[without_percent(numeric_text(one)) for one in cells[at]] for at in numeric]
    for at in (at for at, heading in columns.items() if heading.kind == "drug"):
        texts.append([number for one in cells[at] for number in numbers_of_treatment(one.text)])
    style = style_of(texts, table.separator)
    if style.mark == ",":
        messages.notes.append(f"Numbers of {table.file} are written with decimal commas.")
    return style


def _one_spelling(kind: str, texts: list[str], messages: TableMessages) -> list[str]:
    """Bring texts that differ only by case to their first spelling."""
    first: dict[str, str] = {}
    found = [first.setdefault(text.casefold(), text) for text in texts]
    for text, kept in dict(zip(texts, found, strict=True)).items():
        if text != kept:
            messages.notes.append(f"{text!r} is read as {kept!r} in {kind}.")
    return found


def _treatments(
    line: HeadingLine,
    columns: dict[int, Heading],
    body: Sequence[TableRow],
    reader: DoseReader,
    named: bool,
) -> dict[str, Any]:
    """Drugs, doses and roles of all rows."""
    messages = reader.messages
    meant = {at: heading for at, heading in columns.items() if heading.kind in _TREATMENT}
    rows = []
    nameless = None
    if not named:
        slot = next((h.slot for h in meant.values() if h.kind == "dose"), None)
        nameless = None if slot is None else Heading("drug", ONE_DRUG, slot)
    for row in body:
        found = [(heading, line.cell(row, at, heading.written)) for at, heading in meant.items()]
        if nameless is not None:
            found.append((nameless, Cell(line.table, row.line, 0, ONE_DRUG)))
        rows.append(WellCells(line.table.place(row.line), None, "", tuple(found), row.line))
    headings = [*meant.values(), *([nameless] if nameless else [])]
    numbered = with_numbered_drugs(TidyMap(rows, headings, [line.table]))
    read: list[tuple[list[DrugDose], str]] = []
    spelled: dict[str, str] = {}
    others: dict[str, set[str]] = {}
    silent: list[WellCells] = []
    controls: dict[str, None] = {}
    medium: DrugDose | None = None
    for cells in numbered:
        doses = reader.doses(cells)
        summed = next((dose for dose in doses if is_summary(dose.drug)), None)
        if summed is not None:
            messages.problem(
                f"{summed.place}: {summed.drug!r} sums up other lines and is no drug; delete the "
                "line, or rename the drug.",
                "summary lines",
            )
        builder = WellBuilder(cells, reader, [])
        builder.add(cells, doses)
        role = decide_role(builder)
        if role == "" and all(
            is_missing(cell.text) for heading, cell in cells.cells if heading.kind != "unit"
        ):
            silent.append(cells)
        medium = medium or next(
            (one for one in doses if one.control and one.control.ambiguous), None
        )
        if builder.control and role == "vehicle":
            controls.setdefault(builder.control)
        elif role == "vehicle" and builder.implied_role:
            controls.setdefault("vehicle")
        for dose in builder.doses:
            kept = spelled.setdefault(dose.drug.casefold(), dose.drug)
            if kept != dose.drug:
                others.setdefault(kept, set()).add(dose.drug)
        read.append((builder.doses, role or "vehicle"))
    for kept, spellings in others.items():
        names = ", ".join(repr(name) for name in (kept, *sorted(spellings)))
        messages.notes.append(f"{names} are read as one drug, {kept}.")
    for name in spelled.values():
        parts = [part.casefold() for part in re.split(r"\s*[+&/]\s*", name)]
        if len(parts) > 1 and any(part in spelled for part in parts):
            messages.problem(
                f"{line.table.title}: {name!r} stands with one dose, though its parts are drugs of "
                "their own; write a combination as drug_1 and drug_2 with a dose each.",
                "combinations as one drug",
            )
    if not any(heading.kind == "dose" for heading in headings):
        refuse_names_in_names(spelled.values(), line.table, messages)
    for first, second in combinations(spelled.values(), 2):
        if misspelled(first.casefold(), second.casefold()):
            messages.notes.append(
                f"{first} and {second} are read as two drugs; write one name if they are the same."
            )
    if medium is not None and len(controls) > 1:
        messages.problem(
            f"{medium.place}: {medium.drug!r} may be untreated cells or medium without cells, and "
            f"other lines name another control ({listed([c for c in controls if c], 3)}); write "
            "untreated, or blank.",
            "ambiguous controls",
        )
    if silent and controls:
        messages.problem(
            f"{silent[0].place}: the line has a response, but names no drug, dose or role, while "
            f"other lines name their control ({listed(controls, 3)}); write what it holds, or "
            "delete it if it sums up other lines.",
            "lines that say nothing",
        )
    counted = [int(match[1]) for name in controls if (match := _COUNTED.fullmatch(name))]
    if counted and max(counted) > 1 and sorted(counted) != list(range(1, len(counted) + 1)):
        messages.problem(
            f"{line.table.title}: the controls {listed(controls, 5)} differ in a number, which may "
            "be a share of the solvent (write the per cent sign), a dose of something else or a "
            "repeat; write what it is in a column of its own.",
            "ambiguous controls",
        )
    if len(controls) > 1:
        messages.notes.append(
            f"Rows of {listed(controls, 5)} are all vehicle and taken together; delete those that "
            "are not the reference."
        )
    return {"role": [role for _, role in read], **_laid_out(read, spelled)}


def _laid_out(
    read: Sequence[tuple[list[DrugDose], str]], spelled: dict[str, str]
) -> dict[str, Any]:
    """Lay drugs and doses of all rows side by side: `drug_1, dose_1_um, dose_1, unit_1 ...`.

    `given_unit_1` ... are molar units as they were written.
    """
    width = max([1, *(len(doses) for doses, _ in read)])
    made: dict[str, Any] = {}
    mass_units: dict[str, str] = {}
    n = len(read)
    for place in range(width):
        names, molar, own, units = [""] * n, np.full(n, np.nan), np.full(n, np.nan), [""] * n
        given = [""] * n
        for row, (doses, _) in enumerate(read):
            if place >= len(doses) or not doses[place].drug:
                continue
            dose = doses[place]
            names[row] = spelled[dose.drug.casefold()]
            if not dose.amount or dose.unit is None:
                continue
            value, unit = convert_dose(dose.amount, dose.unit, dose.molar_mass_g_mol)
            if unit in _MASS_UNITS:
                kept = mass_units.setdefault(names[row], unit)
                value, unit = between_mass_units(value, unit, kept), kept
            if unit == MICROMOLAR:
                molar[row] = value
                given[row] = molar_name(dose.unit)
            else:
                own[row], units[row] = value, unit
        slot = place + 1
        made |= {f"drug_{slot}": names, f"dose_{slot}_um": molar}
        if set(given) - {"", MICROMOLAR}:
            made[f"{GIVEN_UNIT}{slot}"] = given
        if np.isfinite(own).any():
            made |= {f"dose_{slot}": own, f"unit_{slot}": units}
    return made


def with_stratum(rows: pd.DataFrame, name: str, values: Sequence[str]) -> pd.DataFrame:
    """Add a column of the table to the stratum of every row."""
    words = [f"{name} {value}" if value else "" for value in values]
    if "stratum" in rows:
        words = [
            " | ".join(filter(None, pair)) for pair in zip(rows["stratum"], words, strict=True)
        ]
    return rows.assign(stratum=words)
