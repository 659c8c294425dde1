"""Columns of a table of responses: what each means, and its cells as numbers, wells and doses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import pandas as pd

from spheroid_qc.errors import RequestError
from spheroid_qc.tables.dose_units import KNOWN_UNITS, Unit, convert_dose, parse_unit
from spheroid_qc.tables.located_cells import Cell, Table, TableRow
from spheroid_qc.tables.match_headings import Heading, read_heading
from spheroid_qc.tables.parse_cells import measured_number
from spheroid_qc.tables.parse_numbers import NumberError, NumberStyle, style_of
from spheroid_qc.tables.synonyms import (
    BLOCK_HEADINGS,
    RESPONSE_MEANINGS,
    RESPONSE_UNITS,
    TIME_HEADINGS,
)
from spheroid_qc.tables.table_messages import TableMessages

_NOT_AVAILABLE = "#n/a"
_TEXTS = ("plate", "role", "replicate", "biological_replicate", "cell_line", "passage")
_KINDS = ("well", "row", "column", *_TEXTS)


class ResponseColumn(NamedTuple):
    """One column that is understood: its key (`drug_1`, `time_h` ...) and its place."""

    key: str
    at: int
    heading: Heading
    factor: float = 1.0


def _plain(text: str) -> str:
    return re.sub(r"[\s.\-]+", "_", text.strip().casefold())


def _meaning(text: str) -> tuple[str, str] | None:
    """Meaning and unit that a heading states: `viability_percent`, `Inhibition (%)`."""
    bare = re.sub(r"[\(\[]\s*(%|percent|fraction)\s*[\)\]]", r"_\1", text.strip().casefold())
    bare = re.sub(r"_+", "_", _plain(bare).replace("%", "_%")).strip("_")
    word, _, unit = bare.rpartition("_")
    if bare in RESPONSE_MEANINGS:
        return RESPONSE_MEANINGS[bare], ""
    if word in RESPONSE_MEANINGS and unit in RESPONSE_UNITS:
        return RESPONSE_MEANINGS[word], RESPONSE_UNITS[unit]
    if unit in RESPONSE_MEANINGS and word in RESPONSE_UNITS:
        return RESPONSE_MEANINGS[unit], RESPONSE_UNITS[word]
    return None


def response_of(sheet: Table, heads: TableRow, wanted: str | None) -> tuple[int, str, str]:
    """Column (from 1) of the response, and what its heading states."""
    texts = heads.texts
    listed = ", ".join(text for text in texts if text)
    if wanted is not None:
        at = [i for i, text in enumerate(texts) if _plain(text) == _plain(wanted)]
        if len(at) != 1:
            lack = "has no" if not at else "has more than one"
            raise RequestError(f"{sheet.title} {lack} column {wanted!r}; it has {listed}.")
        kind, unit = _meaning(texts[at[0]]) or ("", "")
        return at[0] + 1, kind, unit
    named = [i for i, text in enumerate(texts) if _plain(text) == "response"]
    if len(named) > 1:
        raise RequestError(f"{sheet.title} has more than one column response; keep one of them.")
    if named:
        return named[0] + 1, "", ""
    stated = [(i, found) for i, text in enumerate(texts) if (found := _meaning(text))]
    if len(stated) == 1:
        return stated[0][0] + 1, *stated[0][1]
    why = (
        "has no column response"
        if not stated
        else (f"has several columns that may be meant ({', '.join(texts[i] for i, _ in stated)})")
    )
    raise RequestError(
        f"{sheet.title} {why}; it has {listed}. Name the column with the measured values by "
        "--response-column."
    )


def columns_of(
    sheet: Table, heads: TableRow, response: int, messages: TableMessages
) -> list[ResponseColumn]:
    """Find out which columns are understood; the others are noted as unused."""
    found: dict[str, ResponseColumn] = {}
    unused = []
    for at, text in enumerate(heads.texts, start=1):
        if at == response or not text:
            continue
        column = _column(at, text)
        if column is None:
            unused.append(text)
        elif column.heading.bad_unit:
            messages.problem(
                f"{sheet.place(heads.line, at)}: the unit {column.heading.bad_unit!r} is not "
                f"known; write {KNOWN_UNITS}."
            )
        elif column.key in found:
            other = heads.text(found[column.key].at)
            messages.problem(
                f"{sheet.place(heads.line, at)}: {text!r} and {other!r} both mean {column.key}; "
                "rename or delete one of them."
            )
        else:
            found[column.key] = column
    if unused:
        messages.notes.append(f"Columns that are not used: {', '.join(unused)}.")
    return list(found.values())


def _column(at: int, text: str) -> ResponseColumn | None:
    plain = _plain(re.sub(r"[\(\[]\s*(\w+)\s*[\)\]]", r"_\1", text)).strip("_")
    plain = re.sub(r"_+", "_", plain)
    heading = Heading("extra", text)
    if plain in TIME_HEADINGS:
        return ResponseColumn("time_h", at, heading, TIME_HEADINGS[plain])
    if plain in BLOCK_HEADINGS:
        return ResponseColumn("plate", at, heading)
    heading = read_heading(text)
    if heading.kind in ("drug", "dose", "molar_mass_g_mol"):
        return ResponseColumn(f"{heading.kind}_{heading.slot or '1'}", at, heading, heading.factor)
    if heading.kind == "unit":
        return ResponseColumn(f"unit_{heading.slot}" if heading.slot else "unit", at, heading)
    if heading.kind == "stratum":
        return ResponseColumn(f"stratum {text}", at, heading)
    return ResponseColumn(heading.kind, at, heading) if heading.kind in _KINDS else None


def rows_of(
    sheet: Table,
    heads: TableRow,
    body: Sequence[TableRow],
    columns: Sequence[ResponseColumn],
    response: int,
    messages: TableMessages,
) -> pd.DataFrame:
    """Turn cells into typed columns.

    `body` are the lines below the headings `heads`, `columns` those that are understood, `response`
    is the number of the response's column, from 1; `messages` takes what was recognised and every
    mistake. Gives rows as of `ResponseTable`.
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
        messages.notes.append(f"Numbers of {sheet.file} are written with decimal commas.")
    made: dict[str, object] = {}
    for key in _TEXTS:
        if key in of:
            made[key] = [one.text for one in cells[of[key].at]]
    strata = [column for key, column in of.items() if key.startswith("stratum ")]
    if strata:
        made["stratum"] = [
            " | ".join(f"{heads.text(c.at)} {cells[c.at][i].text}" for c in strata)
            for i in range(len(body))
        ]
    if "well" in of:
        made["well"] = [_well(one, messages) for one in cells[of["well"].at]]
    elif "row" in of and "column" in of:
        made["well"] = [
            a.text + b.text
            for a, b in zip(cells[of["row"].at], cells[of["column"].at], strict=True)
        ]
    if "time_h" in of:
        made["time_h"] = [
            np.nan if v is None else float(v) * of["time_h"].factor
            for v in _numbers(cells[of["time_h"].at], style, messages)
        ]
    for slot in slots:
        made |= _dose_columns(slot, of, cells, style, len(body), messages)
    made["response"] = [
        np.nan if v is None else float(v) for v in _numbers(cells[response], style, messages)
    ]
    return pd.DataFrame(made)


def _is_number(key: str) -> bool:
    return key == "time_h" or re.fullmatch(r"(dose|molar_mass_g_mol)_\d+", key) is not None


def _well(cell: Cell, messages: TableMessages) -> str:
    if cell.cell_type == "date" or cell.cell_error:
        messages.problem(
            f"{cell.place}: {cell.text!r} is not a well such as A01; the spreadsheet has changed "
            "it into a date or a number. Format the column as text and write the wells again."
        )
    return cell.text


def _numbers(
    cells: Sequence[Cell], style: NumberStyle, messages: TableMessages
) -> list[Decimal | None]:
    """Exact numbers; None where nothing was measured."""
    found: list[Decimal | None] = []
    for cell in cells:
        try:
            missing = cell.text.casefold() == _NOT_AVAILABLE
            found.append(None if missing else measured_number(cell, style))
        except NumberError as error:
            messages.problem(f"{cell.place}: {error}.")
            found.append(None)
    return found


def _dose_columns(
    slot: int,
    of: dict[str, ResponseColumn],
    cells: dict[int, list[Cell]],
    style: NumberStyle,
    n: int,
    messages: TableMessages,
) -> dict[str, object]:
    """Drug, dose and unit of one slot, doses brought to uM where they can be."""
    dose, drug = of.get(f"dose_{slot}"), of.get(f"drug_{slot}")
    if dose is None or drug is None:
        if dose is not None and slot == 1 and "drug_2" not in of:
            name = "drug"
            messages.notes.append("The table names no drug: its one drug is called drug.")
            names = [name] * n
        else:
            have, lack = ("dose", "drug") if drug is None else ("drug", "dose")
            unit = "_um" if lack == "dose" else ""
            messages.problem(f"The table has {have}_{slot} but no column {lack}_{slot}{unit}.")
            return {}
    else:
        names = [one.text for one in cells[drug.at]]
    stated = of.get(f"unit_{slot}") or of.get("unit")
    mass = of.get(f"molar_mass_g_mol_{slot}")
    masses = _numbers(cells[mass.at], style, messages) if mass else [None] * n
    molar, own, units = np.full(n, np.nan), np.full(n, np.nan), [""] * n
    for row, amount in enumerate(_numbers(cells[dose.at], style, messages)):
        if amount is None or amount == 0:
            continue
        place = cells[dose.at][row]
        if amount < 0:
            messages.problem(f"{place.place}: a dose can't be negative ({place.text}).")
            continue
        known = _unit(dose, cells[stated.at][row] if stated else None, place, messages)
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
    dose: ResponseColumn, stated: Cell | None, place: Cell, messages: TableMessages
) -> Unit | None:
    """Read the unit of one dose: as its row states, else as the heading does."""
    if stated is not None and stated.text:
        unit = parse_unit(stated.text)
        if unit is None:
            messages.problem(
                f"{stated.place}: the unit {stated.text!r} is not known; write {KNOWN_UNITS}."
            )
        elif dose.heading.unit is not None and dose.heading.unit.name != unit.name:
            messages.problem(
                f"{stated.place}: the unit {stated.text!r} contradicts the heading "
                f"{place.heading!r}; keep one of them."
            )
            return None
        return unit
    if dose.heading.unit is None:
        messages.problem(
            f"{place.place}: the dose has no unit; name the column dose_1_um, or give its unit "
            f"({KNOWN_UNITS}) in a column unit_1."
        )
    return dose.heading.unit
