"""Cells of a table of responses: numbers, wells, doses and units, each with its place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pandas as pd

from spheroid_qc.analysis.response_headings import HeadingProblems, ResponseColumn
from spheroid_qc.tables.cells import Cell, Table, TableRow
from spheroid_qc.tables.dose_units import KNOWN_UNITS, Unit, convert_dose, parse_unit
from spheroid_qc.tables.numbers import NumberFault, NumberStyle, parse_number, style_of

_NO_NUMBER = ("", "na", "n/a", "nan", "-", ".", "null", "none", "missing", "#n/a")


def rows_of(
    sheet: Table,
    heads: TableRow,
    body: Sequence[TableRow],
    columns: Sequence[ResponseColumn],
    response: int,
    notes: list[str],
    problems: HeadingProblems,
) -> pd.DataFrame:
    """Turn cells into typed columns.

    Parameters
    ----------
    sheet : Table
        What was read.
    heads : TableRow
        The headings.
    body : sequence of TableRow
        The lines below.
    columns : sequence of ResponseColumn
        Columns that are understood.
    response : int
        Number of the response's column, from 1.
    notes : list of str
        Gets what was recognised.
    problems : HeadingProblems
        Gets every mistake.

    Returns
    -------
    DataFrame
        As `ResponseTable.rows`.
    """
    of = {column.key: column for column in columns}
    slots = sorted(
        {int(key.rpartition("_")[2]) for key in of if re.fullmatch(r"(drug|dose)_\d+", key)}
    )
    numeric = [column.at for key, column in of.items() if _is_number(key)] + [response]

    def cell(row: TableRow, at: int) -> Cell:
        return Cell(sheet, row.line, at, row.text(at), heads.text(at))

    cells = {at: [cell(row, at) for row in body] for at in {response, *(c.at for c in columns)}}
    texts = (one.text for at in numeric for one in cells[at] if one.cell_type != "number")
    style = style_of(texts, sheet.separator)
    if style.mark == ",":
        notes.append(f"Numbers of {sheet.file} are written with decimal commas.")
    made: dict[str, object] = {}
    for key in ("plate", "role", "replicate", "biological_replicate", "cell_line", "passage"):
        if key in of:
            made[key] = [one.text for one in cells[of[key].at]]
    strata = [column for key, column in of.items() if key.startswith("stratum ")]
    if strata:
        made["stratum"] = [
            " | ".join(f"{heads.text(c.at)} {cells[c.at][i].text}" for c in strata)
            for i in range(len(body))
        ]
    if "well" in of:
        made["well"] = [_well(one, problems) for one in cells[of["well"].at]]
    elif "row" in of and "column" in of:
        made["well"] = [
            a.text + b.text
            for a, b in zip(cells[of["row"].at], cells[of["column"].at], strict=True)
        ]
    if "time_h" in of:
        made["time_h"] = [
            np.nan if v is None else float(v) * of["time_h"].factor
            for v in _numbers(cells[of["time_h"].at], style, problems)
        ]
    for slot in slots:
        made |= _dose_columns(slot, of, cells, style, len(body), notes, problems)
    made["response"] = [
        np.nan if v is None else float(v) for v in _numbers(cells[response], style, problems)
    ]
    return pd.DataFrame(made)


def _is_number(key: str) -> bool:
    return key == "time_h" or re.fullmatch(r"(dose|molar_mass_g_mol)_\d+", key) is not None


def _well(cell: Cell, problems: HeadingProblems) -> str:
    if cell.cell_type == "date" or cell.cell_error:
        problems.add(
            f"{cell.place}: {cell.text!r} is not a well such as A01; the spreadsheet has changed "
            "it into a date or a number. Format the column as text and write the wells again."
        )
    return cell.text


def _numbers(
    cells: Sequence[Cell], style: NumberStyle, problems: HeadingProblems
) -> list[Decimal | None]:
    """Exact numbers; None where nothing was measured."""
    found: list[Decimal | None] = []
    for cell in cells:
        if cell.text.casefold() in _NO_NUMBER:
            found.append(None)
            continue
        try:
            number = parse_number(cell.text, NumberStyle() if cell.cell_type == "number" else style)
        except NumberFault as cell_error:
            problems.add(f"{cell.place}: {cell_error}.")
            number = None
        if number is not None and abs(number) > 10**300:
            problems.add(f"{cell.place}: {cell.text!r} is beyond all measure; correct it.")
            number = None
        found.append(number)
    return found


def _dose_columns(
    slot: int,
    of: dict[str, ResponseColumn],
    cells: dict[int, list[Cell]],
    style: NumberStyle,
    n: int,
    notes: list[str],
    problems: HeadingProblems,
) -> dict[str, object]:
    """Drug, dose and unit of one slot, doses brought to uM where they can be."""
    dose, drug = of.get(f"dose_{slot}"), of.get(f"drug_{slot}")
    if dose is None or drug is None:
        if dose is not None and slot == 1 and "drug_2" not in of:
            name = "drug"
            notes.append("The table names no drug: its one drug is called drug.")
            names = [name] * n
        else:
            have, lack = ("dose", "drug") if drug is None else ("drug", "dose")
            unit = "_um" if lack == "dose" else ""
            problems.add(f"The table has {have}_{slot} but no column {lack}_{slot}{unit}.")
            return {}
    else:
        names = [one.text for one in cells[drug.at]]
    stated = of.get(f"unit_{slot}") or of.get("unit")
    mass = of.get(f"molar_mass_g_mol_{slot}")
    masses = _numbers(cells[mass.at], style, problems) if mass else [None] * n
    molar, own, units = np.full(n, np.nan), np.full(n, np.nan), [""] * n
    for row, amount in enumerate(_numbers(cells[dose.at], style, problems)):
        if amount is None or amount == 0:
            continue
        place = cells[dose.at][row]
        if amount < 0:
            problems.add(f"{place.place}: a dose can't be negative ({place.text}).")
            continue
        known = _unit(dose, cells[stated.at][row] if stated else None, place, problems)
        if known is None:
            continue
        weight = masses[row]
        value, name = convert_dose(
            amount, known, None if weight is None else float(weight) * mass.factor if mass else None
        )
        if name == "uM":
            molar[row] = value
        else:
            own[row], units[row] = value, name
    made: dict[str, object] = {f"drug_{slot}": names, f"dose_{slot}_um": molar}
    if np.isfinite(own).any():
        made |= {f"dose_{slot}": own, f"unit_{slot}": units}
    return made


def _unit(
    dose: ResponseColumn, stated: Cell | None, place: Cell, problems: HeadingProblems
) -> Unit | None:
    """Read the unit of one dose: as its row states, else as the heading does."""
    if stated is not None and stated.text:
        unit = parse_unit(stated.text)
        if unit is None:
            problems.add(
                f"{stated.place}: the unit {stated.text!r} is not known; write {KNOWN_UNITS}."
            )
        elif dose.heading.unit is not None and dose.heading.unit.name != unit.name:
            problems.add(
                f"{stated.place}: the unit {stated.text!r} contradicts the heading "
                f"{place.heading!r}; keep one of them."
            )
            return None
        return unit
    if dose.heading.unit is None:
        problems.add(
            f"{place.place}: the dose has no unit; name the column dose_1_um, or give its unit "
            f"({KNOWN_UNITS}) in a column unit_1."
        )
    return dose.heading.unit
