"""What the user decided: wells or single frames left out, and frames looked at and accepted.

The tables `exclusions.csv` and `acceptances.csv` in the run folder are honoured by every later
run; another table of exclusions can be named. A run reads them; only a person, or the review in
the viewer, writes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from spheroid_qc.errors import PlateMapError
from spheroid_qc.plate_map.mapped_wells import find_plate
from spheroid_qc.tables.csv_writer import write_table
from spheroid_qc.tables.find_heading_line import wells_or_first_line
from spheroid_qc.tables.instruments import read_any_table
from spheroid_qc.tables.located_cells import Cell
from spheroid_qc.tables.match_headings import Heading, read_heading
from spheroid_qc.tables.parse_cells import (
    clean,
    numeric_text,
    read_well,
    well_of_row_and_column,
)
from spheroid_qc.tables.parse_numbers import style_of
from spheroid_qc.tables.parse_times import read_hours
from spheroid_qc.tables.summary_lines import without_summary
from spheroid_qc.tables.table_messages import TableMessages

_COLUMNS = ("plate", "well", "time_h", "reason", "by", "at")


@dataclass(frozen=True)
class Exclusion:
    """A user's decision to leave out a well, or one frame of it.

    Parameters
    ----------
    plate : str
        Plate; empty: any plate.
    well : str
        Canonical well.
    time_h : float or None
        Time of the frame; None: the whole well.
    reason : str
        In the user's words.
    by, at : str
        Who decided, and when; empty where the table does not say.
    """

    plate: str
    well: str
    time_h: float | None
    reason: str
    by: str = ""
    at: str = ""


class Exclusions:
    """What is left out of the plates of one run, and what of it hits nothing.

    A later entry overrules an earlier one; `plates` are all plates of the run.
    """

    def __init__(self, entries: Sequence[Exclusion], plates: Sequence[str]) -> None:
        self._missed = dict.fromkeys(range(len(entries)))
        self._entries = entries
        self._of_well: dict[str, list[tuple[int, str | None]]] = {}
        for number, entry in enumerate(entries):
            plate = find_plate(entry.plate, plates) if entry.plate else ""
            self._of_well.setdefault(entry.well, []).append((number, plate))

    def reason(self, plate: str, well: str, time_h: float) -> str | None:
        """Say why a row is left out; None: it is not."""
        found = None
        for number, named in self._of_well.get(well, ()):
            entry = self._entries[number]
            if named not in ("", plate):
                continue
            if entry.time_h is not None:
                # A time that was copied from a table has six digits.
                near = 1e-6 + 1e-5 * abs(entry.time_h)
                if not abs(time_h - entry.time_h) < near:
                    continue
            self._missed.pop(number, None)
            found = entry.reason
        return found

    def unknown(self) -> list[str]:
        """Sentences on the lines that no row asked for so far was hit by."""
        sentences = []
        for entry in (self._entries[number] for number in self._missed):
            plate = f" of plate {entry.plate}" if entry.plate else ""
            when = "" if entry.time_h is None else f" at {entry.time_h:g} h"
            sentences.append(
                f"The exclusions name well {entry.well}{plate}{when}, which is in no table; "
                "correct plate, well or time, or nothing is left out by that line."
            )
        return sentences


def read_exclusions(path: Path) -> list[Exclusion]:
    """Read a table of exclusions.

    Parameters
    ----------
    path : Path
        CSV or XLSX with the columns `well` and, where wanted, `plate`, `time_h`, `reason`, `by`,
        `at`.

    Returns
    -------
    list of Exclusion
        In the order of the file.

    Raises
    ------
    PlateMapError
        With a sentence for every line that can't be understood.
    """
    table = read_any_table(path)[0]
    if not table.rows:
        return []
    header, lines = wells_or_first_line(table)
    messages = TableMessages()
    headings = [read_heading(text) for text in header.texts]
    names = [_column(text, heading) for text, heading in zip(header.texts, headings, strict=True)]
    if "well" not in names and not {"row", "column"} <= set(names):
        raise PlateMapError(
            f"{table.place(header.line)}: exclusions need a column named well (and may have "
            "plate, time_h, reason, by, at); write these names into the first line."
        )
    unknown = [text for text, name in zip(header.texts, names, strict=True) if text and not name]
    if unknown:
        raise PlateMapError(
            f"{table.place(header.line)}: the column {unknown[0].lower()!r} means nothing in a "
            f"table of exclusions; the columns are {', '.join(_COLUMNS)}."
        )
    doubled = next((name for name in names if name and names.count(name) > 1), None)
    if doubled is not None:
        raise PlateMapError(
            f"{table.place(header.line)}: several columns mean {doubled}; keep one of them."
        )
    rows = without_summary(table, lines, messages)
    cells = {
        name: [Cell(table, row.line, n, row.text(n), header.text(n)) for row in rows]
        for n, name in enumerate(names, start=1)
        if name
    }
    if "well" in cells:
        wells = [read_well(cell, messages) for cell in cells["well"]]
    else:
        pairs = zip(cells["row"], cells["column"], strict=True)
        wells = [well_of_row_and_column(pair, messages) for pair in pairs]
    hours: list[float | None] = [None] * len(rows)
    if "time_h" in cells and rows:
        style = style_of([map(numeric_text, cells["time_h"])], table.separator)
        hours = read_hours(headings[names.index("time_h")], cells["time_h"], style, messages)
    texts = {
        name: [clean(cell.text) for cell in cells[name]] if name in cells else [""] * len(rows)
        for name in ("plate", "reason", "by", "at")
    }
    messages.raise_if_problems()
    return [
        Exclusion(plate, well, time_h, reason, by, at)
        for plate, well, time_h, reason, by, at in zip(
            texts["plate"], wells, hours, texts["reason"], texts["by"], texts["at"], strict=True
        )
        if well is not None
    ]


def _column(text: str, heading: Heading) -> str:
    """Tell which column of a table of exclusions is meant; empty for none."""
    plain = text.strip().lower()
    if plain in _COLUMNS:
        return plain
    if heading.kind in ("well", "plate", "time_h", "row", "column"):
        return heading.kind
    return "reason" if heading.kind == "remark" and plain[:4] in ("note", "comm", "rema") else ""


def write_exclusions(path: Path, entries: Iterable[Exclusion]) -> None:
    """Write a table of exclusions (or acceptances), whole or not at all.

    Parameters
    ----------
    path : Path
        `exclusions.csv` or `acceptances.csv` of a run folder.
    entries : iterable of Exclusion
        In the order of the file.

    Raises
    ------
    OSError
        If it can't be written.
    """
    import pandas as pd

    lines = [[getattr(entry, name) for name in _COLUMNS] for entry in entries]
    table = pd.DataFrame(lines, columns=list(_COLUMNS))
    table["time_h"] = table["time_h"].astype(float)
    write_table(path, table)
