"""Tables that people bring: CSV, TSV or XLSX in, one row per response with known columns out.

Headings are read as those of plate maps are (`dose_1_um`, `Conc. (nM)`, SynergyFinder's
`conc_r`), doses become uM where they can, decimal commas are recognised from all cells
together. What can't be read with certainty is refused with its place; nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from spheroid_qc.errors import PlateMapError, RequestError
from spheroid_qc.plate.maps.headings import Heading, read_heading
from spheroid_qc.plate.maps.units import KNOWN_UNITS, Unit, convert_dose, parse_unit
from spheroid_qc.plate.tables.numbers import NumberFault, NumberStyle, parse_number, style_of
from spheroid_qc.plate.tables.reader import Cell, Row, Table, read_tables

__all__ = ["ResponseTable", "as_table", "read_response_files"]

_NO_NUMBER = ("", "na", "n/a", "nan", "-", ".", "null", "none", "missing", "#n/a")
_TIMES = {
    "time_h": 1.0, "time": 1.0, "time_hours": 1.0, "hours": 1.0, "hour": 1.0, "h": 1.0,
    "elapsed_h": 1.0, "elapsed": 1.0, "elapsed_hours": 1.0, "time_min": 1 / 60, "time_d": 24.0,
    "day": 24.0, "days": 24.0, "time_days": 24.0, "time_day": 24.0,
}  # fmt: skip
_MEANINGS = {
    "fa": "fa", "fraction_affected": "fa", "viability": "viability", "cell_viability": "viability",
    "inhibition": "inhibition", "growth_inhibition": "inhibition",
}  # fmt: skip
_UNITS = {
    "percent": "percent", "pct": "percent", "%": "percent", "fraction": "fraction",
}  # fmt: skip
_SUFFIXES = (".csv", ".tsv", ".txt", ".xlsx")
_MOST = 20
_SCAN = 30


@dataclass(frozen=True)
class ResponseTable:
    """A table of responses, read.

    Parameters
    ----------
    rows : DataFrame
        `plate, well, role, replicate, biological_replicate, cell_line, passage, stratum,
        time_h` as far as the table has them; `drug_n`, `dose_n_um`, `dose_n`, `unit_n`; and
        `response`. Text columns are text, numbers are numbers.
    places : tuple of str
        Place of every row, for messages.
    response : str
        Heading of the response as written.
    told_kind, told_unit : str
        Meaning and unit that the heading itself tells; empty where it doesn't.
    notes : tuple of str
        What was recognised.
    """

    rows: pd.DataFrame
    places: tuple[str, ...]
    response: str
    told_kind: str = ""
    told_unit: str = ""
    notes: tuple[str, ...] = ()


class _Column(NamedTuple):
    """One column that is understood: its key (`drug_1`, `time_h` ...) and its place."""

    key: str
    at: int
    heading: Heading
    factor: float = 1.0


@dataclass
class _Problems:
    found: list[str] = field(default_factory=list)

    def add(self, sentence: str) -> None:
        self.found.append(sentence)

    def raise_if_any(self) -> None:
        if self.found:
            more = len(self.found) - _MOST
            shown = self.found[:_MOST] + ([f"... and {more} more like these."] if more > 0 else [])
            raise PlateMapError(shown)


def read_response_files(path: Path, response_column: str | None = None) -> ResponseTable:
    """Read one table, or all tables of a folder as one.

    Parameters
    ----------
    path : Path
        A file, or a folder of files (CSV, TSV, TXT, XLSX; folders in it are not looked into).
    response_column : str, optional
        Heading of the column with the response; default: `response`, else the one that tells
        its meaning (`viability`, `fa`, `inhibition`).

    Returns
    -------
    ResponseTable
        Files of a folder are parts of one table; where they name no plates and share wells,
        each file is a plate.

    Raises
    ------
    RequestError
        With every mistake found, and where it stands.
    """
    if not path.is_dir():
        return as_table(read_tables(path), response_column)
    files = sorted(p for p in path.iterdir() if p.suffix.lower() in _SUFFIXES and p.is_file())
    files = [p for p in files if not p.name.startswith((".", "~$"))]
    if not files:
        raise RequestError(
            f"{path} holds neither run.json nor a table (CSV, TSV, TXT or XLSX); give a run "
            "folder or a table of responses."
        )
    parts = [as_table(read_tables(file), response_column) for file in files]
    if len(parts) == 1:
        return parts[0]
    return _united(files, parts)


def _united(files: Sequence[Path], parts: Sequence[ResponseTable]) -> ResponseTable:
    """Put the files of a folder into one table."""
    told = {(part.told_kind, part.told_unit) for part in parts}
    if len(told) > 1:
        named = ", ".join(f"{part.response} in {f.name}" for f, part in zip(files, parts, strict=True))
        raise RequestError(
            f"The files of the folder call their responses differently ({named}); give them one "
            "meaning and one unit."
        )
    notes = [note for part in parts for note in part.notes]
    rows = [part.rows for part in parts]
    if not any("plate" in part for part in rows) and all("well" in part for part in rows):
        keys = ["well", "time_h"] if all("time_h" in part for part in rows) else ["well"]
        if pd.concat([part[keys].drop_duplicates() for part in rows]).duplicated().any():
            rows = [part.assign(plate=f.stem) for f, part in zip(files, rows, strict=True)]
            notes.append(
                f"The {len(files)} files share wells and name no plate: each file is a plate, "
                "named like the file."
            )
    if not any("plate" in part for part in rows) or any("plate" not in part for part in rows):
        notes.append(f"The {len(files)} files are read as parts of one table.")
    return ResponseTable(
        rows=pd.concat(rows, ignore_index=True),
        places=tuple(place for part in parts for place in part.places),
        response=parts[0].response,
        told_kind=parts[0].told_kind,
        told_unit=parts[0].told_unit,
        notes=tuple(dict.fromkeys(notes)),
    )


def as_table(
    source: pd.DataFrame | Iterable[Table], response_column: str | None = None
) -> ResponseTable:
    """Bring a table of cells, or a data frame, to known columns.

    Parameters
    ----------
    source : DataFrame or iterable of Table
        What was read; of several sheets the first one with drugs or doses is taken.
    response_column : str, optional
        As for `read_response_files`.

    Returns
    -------
    ResponseTable
        Checked as far as single cells go.

    Raises
    ------
    RequestError
        With every mistake found.
    """
    sheets = [_of_frame(source)] if isinstance(source, pd.DataFrame) else list(source)
    notes: list[str] = []
    chosen = [(sheet, at) for sheet in sheets if (at := _heading_row(sheet)) is not None]
    if not chosen:
        sheet = sheets[0]
        there = ", ".join(text for text in sheet.rows[0].texts[:12] if text) if sheet.rows else ""
        raise RequestError(
            f"{sheet.title} has no column of drugs or doses (its first line: {there or 'empty'}); "
            "a tidy table of responses has drug_1, dose_1_um and response."
        )
    sheet, at = chosen[0]
    if len(sheets) > 1:
        notes.append(f"{sheet.file} has several sheets; {sheet.sheet!r} is read.")
    notes[:0] = sheet.notes
    heads, body = sheet.rows[at], sheet.rows[at + 1 :]
    if not body:
        raise RequestError(f"{sheet.title} has headings but no rows.")
    problems = _Problems()
    for sentence in sheet.merged_problems(heads.line, body[-1].line):
        problems.add(sentence)
    response, kind, unit = _response_of(sheet, heads, response_column)
    columns = _columns_of(sheet, heads, response, notes, problems)
    problems.raise_if_any()
    rows = _rows(sheet, heads, body, columns, response, notes, problems)
    problems.raise_if_any()
    return ResponseTable(
        rows, tuple(sheet.place(row.line) for row in body), heads.text(response), kind, unit,
        tuple(dict.fromkeys(notes)),
    )  # fmt: skip


def _of_frame(frame: pd.DataFrame) -> Table:
    """Cells of a data frame, numbers to the last digit; row numbers count from 1."""
    if frame.empty:
        raise RequestError("The table of responses has no rows.")

    def text(value: object) -> str:
        if value is None or (np.isscalar(value) and pd.isna(value)):  # type: ignore[call-overload]
            return ""
        if isinstance(value, float | np.floating):
            return str(int(value)) if float(value).is_integer() else repr(float(value))
        return str(value).strip()

    rows = [Row(0, tuple(str(name) for name in frame.columns))]
    for line, values in enumerate(frame.itertuples(index=False, name=None), start=1):
        rows.append(Row(line, tuple(text(value) for value in values)))
    return Table("The table", rows=tuple(rows), separator=",")


def _heading_row(sheet: Table) -> int | None:
    for at, row in enumerate(sheet.rows[:_SCAN]):
        kinds = {read_heading(text).kind for text in row.texts if text}
        if kinds & {"drug", "dose"} and sum(bool(text) for text in row.texts) > 1:
            return at
    return None


def _plain(text: str) -> str:
    return re.sub(r"[\s.\-]+", "_", text.strip().casefold())


def _meaning(text: str) -> tuple[str, str] | None:
    """Meaning and unit that a heading tells: `viability_percent`, `Inhibition (%)`."""
    bare = re.sub(r"[\(\[]\s*(%|percent|fraction)\s*[\)\]]", r"_\1", text.strip().casefold())
    bare = re.sub(r"_+", "_", _plain(bare).replace("%", "_%")).strip("_")
    word, _, unit = bare.rpartition("_")
    if bare in _MEANINGS:
        return _MEANINGS[bare], ""
    if word in _MEANINGS and unit in _UNITS:
        return _MEANINGS[word], _UNITS[unit]
    if unit in _MEANINGS and word in _UNITS:
        return _MEANINGS[unit], _UNITS[word]
    return None


def _response_of(sheet: Table, heads: Row, wanted: str | None) -> tuple[int, str, str]:
    """Column (from 1) of the response, and what its heading tells."""
    texts = heads.texts
    listed = ", ".join(text for text in texts if text)
    if wanted is not None:
        at = [i for i, text in enumerate(texts) if _plain(text) == _plain(wanted)]
        if len(at) != 1:
            found = "has no" if not at else "has more than one"
            raise RequestError(f"{sheet.title} {found} column {wanted!r}; it has {listed}.")
        kind, unit = _meaning(texts[at[0]]) or ("", "")
        return at[0] + 1, kind, unit
    named = [i for i, text in enumerate(texts) if _plain(text) == "response"]
    if len(named) > 1:
        raise RequestError(f"{sheet.title} has more than one column response; keep one of them.")
    if named:
        return named[0] + 1, "", ""
    told = [(i, found) for i, text in enumerate(texts) if (found := _meaning(text))]
    if len(told) == 1:
        return told[0][0] + 1, *told[0][1]
    why = "has no column response" if not told else (
        f"has several columns that may be meant ({', '.join(texts[i] for i, _ in told)})"
    )
    raise RequestError(
        f"{sheet.title} {why}; it has {listed}. Name the column with the measured values by "
        "--response-column."
    )


_KEYS = {
    "well": "well", "plate": "plate", "role": "role", "cell_line": "cell_line",
    "passage": "passage", "replicate": "replicate", "row": "row", "column": "column",
    "biological_replicate": "biological_replicate",
}  # fmt: skip


def _columns_of(
    sheet: Table, heads: Row, response: int, notes: list[str], problems: _Problems
) -> list[_Column]:
    """Find out which columns are understood; the others are said to be unused."""
    found: dict[str, _Column] = {}
    unused = []
    for at, text in enumerate(heads.texts, start=1):
        if at == response or not text:
            continue
        column = _column(at, text)
        if column is None:
            unused.append(text)
        elif column.heading.bad_unit:
            problems.add(
                f"{sheet.place(heads.line, at)}: the unit {column.heading.bad_unit!r} is not "
                f"known; write {KNOWN_UNITS}."
            )
        elif column.key in found:
            other = heads.text(found[column.key].at)
            problems.add(
                f"{sheet.place(heads.line, at)}: {text!r} and {other!r} both mean {column.key}; "
                "rename or delete one of them."
            )
        else:
            found[column.key] = column
    if unused:
        notes.append(f"Columns that are not used: {', '.join(unused)}.")
    return list(found.values())


def _column(at: int, text: str) -> _Column | None:
    plain = _plain(re.sub(r"[\(\[]\s*(\w+)\s*[\)\]]", r"_\1", text)).strip("_")
    plain = re.sub(r"_+", "_", plain)
    heading = Heading("extra", text)
    if plain in _TIMES:
        return _Column("time_h", at, heading, _TIMES[plain])
    if plain in ("block_id", "block", "blockid"):
        return _Column("plate", at, heading)
    heading = read_heading(text)
    if heading.kind in ("drug", "dose", "molar_mass_g_mol"):
        return _Column(f"{heading.kind}_{heading.slot or '1'}", at, heading, heading.factor)
    if heading.kind == "unit":
        return _Column(f"unit_{heading.slot}" if heading.slot else "unit", at, heading)
    if heading.kind == "stratum":
        return _Column(f"stratum {text}", at, heading)
    return _Column(_KEYS[heading.kind], at, heading) if heading.kind in _KEYS else None


def _rows(
    sheet: Table, heads: Row, body: Sequence[Row], columns: Sequence[_Column], response: int,
    notes: list[str], problems: _Problems,
) -> pd.DataFrame:  # fmt: skip
    of = {column.key: column for column in columns}
    slots = sorted(
        {int(key.rpartition("_")[2]) for key in of if re.fullmatch(r"(drug|dose)_\d+", key)}
    )
    numeric = [column.at for key, column in of.items() if _is_number(key)] + [response]

    def cell(row: Row, at: int) -> Cell:
        return Cell(sheet, row.line, at, row.text(at), heads.text(at))

    cells = {at: [cell(row, at) for row in body] for at in {response, *(c.at for c in columns)}}
    texts = (one.text for at in numeric for one in cells[at] if one.nature != "number")
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
            a.text + b.text for a, b in zip(cells[of["row"].at], cells[of["column"].at], strict=True)
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


def _well(cell: Cell, problems: _Problems) -> str:
    if cell.nature == "date" or cell.fault:
        problems.add(
            f"{cell.place}: {cell.text!r} is not a well such as A01; the spreadsheet has changed "
            "it into a date or a number. Format the column as text and write the wells again."
        )
    return cell.text


def _numbers(
    cells: Sequence[Cell], style: NumberStyle, problems: _Problems
) -> list[Decimal | None]:
    """Exact numbers; None where nothing was measured."""
    found: list[Decimal | None] = []
    for cell in cells:
        if cell.text.casefold() in _NO_NUMBER:
            found.append(None)
            continue
        try:
            number = parse_number(cell.text, NumberStyle() if cell.nature == "number" else style)
        except NumberFault as fault:
            problems.add(f"{cell.place}: {fault}.")
            number = None
        if number is not None and abs(number) > 10**300:
            problems.add(f"{cell.place}: {cell.text!r} is beyond all measure; correct it.")
            number = None
        found.append(number)
    return found


def _dose_columns(
    slot: int, of: dict[str, _Column], cells: dict[int, list[Cell]], style: NumberStyle, n: int,
    notes: list[str], problems: _Problems,
) -> dict[str, object]:  # fmt: skip
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
        unit = _unit(dose, cells[stated.at][row] if stated else None, place, problems)
        if unit is None:
            continue
        weight = masses[row]
        value, name = convert_dose(
            amount, unit, None if weight is None else float(weight) * mass.factor if mass else None
        )
        if name == "uM":
            molar[row] = value
        else:
            own[row], units[row] = value, name
    made: dict[str, object] = {f"drug_{slot}": names, f"dose_{slot}_um": molar}
    if np.isfinite(own).any():
        made |= {f"dose_{slot}": own, f"unit_{slot}": units}
    return made


def _unit(dose: _Column, stated: Cell | None, place: Cell, problems: _Problems) -> Unit | None:
    """Unit of one dose: as its row states, else as the heading does."""
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
