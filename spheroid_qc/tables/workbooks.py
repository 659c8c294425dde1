"""Sheets of XLSX workbooks as tables of text, with what only a workbook can get wrong.

Two passes: one over the sheet's XML finds its true extent, merged cells and formulas that carry
no stored value, without trusting any size the file states; then openpyxl reads values and dates.
Without the first pass openpyxl would have to read the file twice (with formulas, with values), and
it makes every cell of a merged range: one over the whole sheet never ends.
A hostile workbook (a compression bomb, entity declarations, a cell at the far corner of the
sheet) is refused before it costs memory; links to other files are never followed.
"""

from __future__ import annotations

import datetime
import io
import re
import time
import warnings
import zipfile
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

from spheroid_qc.errors import PlateMapError
from spheroid_qc.tables.dose_units import parse_unit
from spheroid_qc.tables.located_cells import Table, TableRow, bare_text, column_letters, unescape

MAX_UNPACKED_BYTES = 150_000_000
MAX_CELLS = 2_000_000
MAX_PARTS = 5_000
MAX_ELEMENTS = 4 * MAX_CELLS
"""Tags and their ends: a cell with a value has four. Empty cells are as much work as others."""

MAX_SECONDS = 60.0
"""Processor time for one workbook: a table of all allowed cells takes about half of it."""
_UNSTORED = (
    "holds a formula without a stored value; open the workbook in Excel or LibreOffice and save "
    "it, or replace formulas by their values"
)
_REFERENCE = re.compile(r"([A-Z]{1,3})([1-9]\d{0,6})")


@dataclass
class _Extent:
    """What the first pass found on one sheet."""

    last_line: int = 0
    last_column: int = 0
    cells: int = 0
    unstored: list[tuple[int, int]] = field(default_factory=list)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)


def read_workbook(name: str, data: bytes) -> tuple[Table, ...]:
    """Read every visible sheet that holds something, in the workbook's order.

    `name` is that of the file, for messages; `data` its content. Raises `PlateMapError` if the
    workbook is damaged, empty, hostile or of another kind.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _refuse_hostile(name, archive)
            return _sheets(name, data, archive)
    except PlateMapError:
        raise
    except Exception:  # openpyxl and zipfile answer damage with errors of any kind
        raise PlateMapError(
            f"{name} can't be read as a workbook; it may be damaged. Open it in Excel or "
            "LibreOffice, save it again as .xlsx or CSV UTF-8, and give that file."
        ) from None


def _refuse_hostile(name: str, archive: zipfile.ZipFile) -> None:
    parts = archive.infolist()
    names = {part.filename for part in parts}
    if "mimetype" in names or "content.xml" in names:
        raise PlateMapError(f"{name} is an OpenDocument file; save it as .xlsx or as CSV UTF-8.")
    if any(part.endswith("workbook.bin") for part in names):
        raise PlateMapError(f"{name} is a binary workbook (.xlsb); save it as .xlsx or CSV.")
    if not any(part.endswith("workbook.xml") for part in names):
        raise PlateMapError(f"{name} is an archive, but not a workbook; give an .xlsx or CSV file.")
    # Whatever a part is called: which parts are sheets is said by other parts.
    unpacked = sum(part.file_size for part in parts)
    if unpacked > MAX_UNPACKED_BYTES or len(parts) > MAX_PARTS:
        raise PlateMapError(
            f"{name} unpacks to {unpacked / 1e6:.0f} MB in {len(parts)} parts, far more than a "
            "table needs; copy the table alone into a new workbook, or save it as CSV."
        )
    elements = 0
    for part in parts:
        content = archive.read(part)
        if content[:2] in (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<"):
            content = content.replace(b"\0", b"")  # UTF-16, in which markup is ASCII too
        if not content.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith(b"<"):
            continue  # a picture or a printer's settings
        if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
            raise PlateMapError(
                f"{name} declares XML entities, which no spreadsheet program does; "
                "save the table as CSV and give that file."
            )
        elements += content.count(b"<")
    if elements > MAX_ELEMENTS:
        raise PlateMapError(
            f"{name} holds {elements:,} marks of cells and formats, far more than a table needs; "
            "copy the table alone into a new workbook, or save it as CSV."
        )


def _sheets(name: str, data: bytes, archive: zipfile.ZipFile) -> tuple[Table, ...]:
    from openpyxl import load_workbook

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        workbook = load_workbook(
            io.BytesIO(data), read_only=True, data_only=True, keep_links=False, keep_vba=False
        )
        tables = []
        hidden = []
        sheets: list[Any] = list(workbook.worksheets)
        for sheet in sheets:
            if sheet.sheet_state != "visible":
                hidden.append(sheet.title)
                continue
            extent = _survey(name, sheet.title, archive, sheet._worksheet_path)
            if extent.cells:
                tables.append(_table(name, sheet, extent))
        workbook.close()
    if not tables:
        more = f"; the hidden sheets {', '.join(hidden)} are not read" if hidden else ""
        raise PlateMapError(
            f"{name}, line 1: the workbook is empty{more}; save the table on a visible sheet."
        )
    return tuple(tables)


def _reference(text: str) -> tuple[int, int] | None:
    match = _REFERENCE.fullmatch(text.replace("$", ""))
    if match is None:
        return None
    column = 0
    for letter in match[1]:
        column = column * 26 + ord(letter) - 64
    return int(match[2]), column


def _survey(name: str, title: str, archive: zipfile.ZipFile, part: str) -> _Extent:
    """Pass over the sheet's XML: extent of the cells with values, merged cells, bare formulas."""
    extent = _Extent()
    line = column = 0
    valued: set[tuple[int, int]] = set()
    begun = time.process_time()
    with archive.open(part) as source:
        for event, element in ElementTree.iterparse(source, events=("start", "end")):
            tag = element.tag.rpartition("}")[2]
            if event == "start":
                if tag == "row":
                    line = int(float(element.get("r") or line + 1))
                    column = 0
                continue
            if tag == "row":
                _check_time(name, begun)
            if tag == "c":
                position = _reference(element.get("r") or "")
                line, column = position or (line, column + 1)
                parts = {child.tag.rpartition("}")[2]: child for child in element}
                value = parts.get("v")
                stored = (value is not None and bool(value.text)) or "is" in parts
                if stored or "f" in parts:
                    extent.cells += 1
                    extent.last_line = max(extent.last_line, line)
                    extent.last_column = max(extent.last_column, column)
                    valued.add((line, column))
                    # A formula whose result is an empty text is stored as type str without value.
                    if "f" in parts and not stored and element.get("t") != "str":
                        extent.unstored.append((line, column))
                element.clear()
            elif tag == "row":
                element.clear()
            elif tag == "mergeCell":
                first, _, last = (element.get("ref") or "").partition(":")
                start, end = _reference(first), _reference(last)
                if start and end and start in valued:
                    extent.merged.append((*start, *end))
                element.clear()
    if extent.last_line * extent.last_column > MAX_CELLS or extent.cells > MAX_CELLS:
        corner = f"{column_letters(extent.last_column)}{extent.last_line}"
        raise PlateMapError(
            f"{name}, sheet {title!r}, line {extent.last_line}, column {extent.last_column}: "
            f"the sheet reaches to cell {corner}, too far for a table; delete what stands far "
            "from the table, or copy the table alone into a new workbook."
        )
    return extent


def _check_time(name: str, begun: float) -> None:
    if time.process_time() - begun > MAX_SECONDS:
        raise PlateMapError(
            f"{name} takes more than {MAX_SECONDS:.0f} s to read; copy the table alone into a new "
            "workbook, or save it as CSV."
        )


def _table(name: str, sheet: Any, extent: _Extent) -> Table:
    sheet.reset_dimensions()
    rows: list[TableRow] = []
    comments: list[TableRow] = []
    cell_types: dict[tuple[int, int], str] = {}
    cell_errors = dict.fromkeys(extent.unstored, _UNSTORED)
    cells_by_line = sheet.iter_rows(
        min_row=1, max_row=extent.last_line, min_col=1, max_col=extent.last_column
    )
    begun = time.process_time()
    for line, cells in enumerate(cells_by_line, start=1):
        _check_time(name, begun)
        texts = []
        for column, cell in enumerate(cells, start=1):
            text, cell_type = _as_text(cell)
            texts.append(text)
            if cell_type == "error":
                cell_errors[line, column] = (
                    f"holds the error value {text}; mend the formula in the spreadsheet program"
                )
            elif cell_type:
                cell_types[line, column] = cell_type
        has_error = bool(cell_errors) and any(
            (line, column) in cell_errors for column in range(1, len(texts) + 1)
        )
        if any(texts) or has_error:
            while texts and not texts[-1] and (line, len(texts)) not in cell_errors:
                texts.pop()
            first = next((text for text in texts if text), "")
            is_comment = re.match(r"#+\s*[^\s#\d]", first) and not has_error
            (comments if is_comment else rows).append(TableRow(line, tuple(texts)))
    return Table(
        name,
        sheet.title,
        tuple(rows),
        tuple(comments),
        cell_types=cell_types,
        cell_errors=cell_errors,
        merged=tuple(extent.merged),
    )


def _as_text(cell: Any) -> tuple[str, str]:
    """Give a cell's text as the user sees it, as far as that matters, and its nature."""
    value = cell.value
    if value is None:
        return "", ""
    if isinstance(value, bool):
        return ("TRUE" if value else "FALSE"), "boolean"
    if isinstance(value, int | float):
        return _number_text(value, str(cell.number_format or "")), "number"
    if isinstance(value, datetime.datetime):
        if value.time() == datetime.time(0):
            return value.date().isoformat(), "date"
        return value.isoformat(sep=" "), "date"
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat(), "date"
    if isinstance(value, datetime.timedelta):
        return str(value), "date"
    text = str(value)
    if cell.data_type == "e":
        return text, "error"
    return unescape(bare_text(text.replace("\r\n", "\n").replace("\r", "\n"))), ""


def _number_text(value: float, number_format: str) -> str:
    """Write a number in full, with the per cent sign or unit that its format shows."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    bare = re.sub(r'"[^"]*"|\\.|\[[^\]]*\]', "", number_format)
    if "%" in bare:
        return f"{(Decimal(repr(value)) * 100).normalize():f}%"
    for literal in re.findall(r'"([^"]*)"', number_format):
        if parse_unit(literal):
            return f"{value!r} {literal.strip()}"
    return repr(value)
