"""Exports of plate readers over time, and SoftMax's plates: one line a well (and time).

Gen5 and others write times below each other and wells side by side; Tecan's i-control writes wells
below each other and cycles side by side; SoftMax Pro writes plates without row letters between
`##BLOCKS=` and `~End`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from spheroid_qc.errors import PlateMapError
from spheroid_qc.tables.instruments.made_table import made_table
from spheroid_qc.tables.located_cells import Table, TableRow
from spheroid_qc.tables.match_headings import read_heading
from spheroid_qc.tables.parse_cells import is_missing
from spheroid_qc.wells import parse_well, well_name

KINETIC_FORM = "a kinetic export of a plate reader"
SOFTMAX_FORM = "an export of SoftMax Pro"
_FEWEST_WELLS = 2
_TEMPERATURE = re.compile(r"(?i)t\s*\W{1,2}|temp.*|t\W.*")
_CYCLES = re.compile(r"(?i)cycle(?:\s*(?:nr|no|number)\.?)?|cycles\s*/\s*well|kinetic(?:\s*read)?")


def read_kinetic(table: Table) -> Table | None:
    """Read times below each other with a column for each well; None where it is something else.

    Raises `PlateMapError` where a file holds several such readings.
    """
    heads = [
        (number, row)
        for number, row in enumerate(table.rows)
        if _time_column(row) and sum(_is_well(text) for text in row.texts) >= _FEWEST_WELLS
    ]
    if not heads:
        return None
    if len(heads) > 1:
        raise PlateMapError(
            f"{table.title} holds {len(heads)} readings over time (lines "
            f"{', '.join(str(row.line) for _, row in heads[:6])}); give the one that is meant in a "
            "file of its own."
        )
    number, head = heads[0]
    at = _time_column(head)
    wells = {i: text for i, text in enumerate(head.texts, start=1) if _is_well(text)}
    lines = []
    for row in table.rows[number + 1 :]:
        if is_missing(row.text(at)) or not any(row.text(i) for i in wells):
            break  # what stands below a reading is a summary of it
        lines += [
            (row.line, {"well": name, head.text(at): row.text(at), "response": row.text(i)})
            for i, name in wells.items()
            if not is_missing(row.text(i))
        ]
    other = [t for i, t in enumerate(head.texts, start=1) if t and i not in wells and i != at]
    left = [text for text in other if not _TEMPERATURE.fullmatch(text)]
    notes = [f"Columns that are no wells are left out: {', '.join(left[:8])}."] if left else []
    return made_table(table, KINETIC_FORM, ["well", head.text(at), "response"], lines, *notes)


def read_cycles(table: Table) -> Table | None:
    """Read wells below each other with a column for each cycle; None where it is something else."""
    for number, row in enumerate(table.rows):
        if not _CYCLES.fullmatch(row.text(1)):
            continue
        below = table.rows[number + 1 :]
        times = next(
            (line for line in below[:4] if read_heading(line.text(1)).kind == "time_h"), None
        )
        wells = _wells_below(below)
        if times is None or len(wells) < _FEWEST_WELLS:
            return None
        if any(_CYCLES.fullmatch(line.text(1)) for line in below):
            raise PlateMapError(
                f"{table.title} holds several readings over cycles; give the one that is meant in "
                "a file of its own."
            )
        lines = [
            (
                line.line,
                {"well": line.text(1), times.text(1): times.text(i), "response": line.text(i)},
            )
            for line in wells
            for i in range(2, len(times.texts) + 1)
            if times.text(i) and not is_missing(line.text(i))
        ]
        columns = ["well", times.text(1), "response"]
        return made_table(table, KINETIC_FORM, columns, lines)
    return None


def _wells_below(rows: Sequence[TableRow]) -> list[TableRow]:
    """Give the lines that begin with a well, up to the first that does not behind them."""
    found: list[TableRow] = []
    for row in rows:
        if _is_well(row.text(1)):
            found.append(row)
        elif found:
            break
    return found


def read_softmax(table: Table) -> Table | None:
    """Read SoftMax Pro's plates, whose rows have no letters; None where it is something else."""
    if not table.rows and not table.comments:
        return None
    heads = [
        (number, row)
        for number, row in enumerate(table.rows)
        if row.text(2).casefold().startswith("temperature") and row.text(3) in ("1", "01")
    ]
    if not heads or not any(row.text(1).rstrip(":") == "Plate" for row in table.rows):
        return None
    lines: list[tuple[int, dict[str, str]]] = []
    timed = False
    for number, head in heads:
        named = next(
            (row for row in reversed(table.rows[:number]) if row.text(1).rstrip(":") == "Plate"),
            None,
        )
        plate = named.text(2) if named is not None else ""
        columns = {
            at: int(text) - 1
            for at, text in enumerate(head.texts, start=1)
            if at > 2 and re.fullmatch(r"0*[1-9]\d?", text) and int(text) == at - 2
        }
        letter, time = -1, ""
        for row in table.rows[number + 1 :]:
            if row.text(1).startswith("~") or row.text(1).rstrip(":") == "Plate":
                break
            if row.text(1):
                letter, time, timed = -1, row.text(1), True
            elif row.text(2) and letter >= 0 and not timed:
                break  # a second reading of the plate
            letter += 1
            lines += [
                (
                    row.line,
                    {
                        "plate": plate if len(heads) > 1 else "",
                        "well": well_name(letter, column),
                        "Time": time,
                        "response": row.text(at),
                    },
                )
                for at, column in columns.items()
                if not is_missing(row.text(at))
            ]
    names = ["plate", "well", "Time", "response"]
    return made_table(table, SOFTMAX_FORM, names, lines)


def _is_well(text: str) -> bool:
    return parse_well(text) is not None


def _time_column(row: TableRow) -> int:
    """Give the column of times among the first ones (from 1); 0 where there is none."""
    kinds = (read_heading(text).kind for text in row.texts[:4])
    return next((at for at, kind in enumerate(kinds, start=1) if kind == "time_h"), 0)
