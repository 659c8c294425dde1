"""Headings of tables of responses: which column is the response, and what the others mean."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from spheroid_qc.errors import PlateMapError, RequestError
from spheroid_qc.plate_map.map_headings import Heading, read_heading
from spheroid_qc.tables.cells import Table, TableRow
from spheroid_qc.tables.dose_units import KNOWN_UNITS

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
_MOST = 20


class ResponseColumn(NamedTuple):
    """One column that is understood: its key (`drug_1`, `time_h` ...) and its place."""

    key: str
    at: int
    heading: Heading
    factor: float = 1.0


@dataclass
class HeadingProblems:
    """Mistakes that gather while a table is read, to be told all at once."""

    found: list[str] = field(default_factory=list)

    def add(self, sentence: str) -> None:
        """Remember a mistake."""
        self.found.append(sentence)

    def raise_if_any(self) -> None:
        """Refuse the table if there was one."""
        if self.found:
            more = len(self.found) - _MOST
            shown = self.found[:_MOST] + ([f"... and {more} more like these."] if more > 0 else [])
            raise PlateMapError(shown)


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


def response_of(sheet: Table, heads: TableRow, wanted: str | None) -> tuple[int, str, str]:
    """Column (from 1) of the response, and what its heading tells."""
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
    told = [(i, found) for i, text in enumerate(texts) if (found := _meaning(text))]
    if len(told) == 1:
        return told[0][0] + 1, *told[0][1]
    why = (
        "has no column response"
        if not told
        else (f"has several columns that may be meant ({', '.join(texts[i] for i, _ in told)})")
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


def columns_of(
    sheet: Table, heads: TableRow, response: int, notes: list[str], problems: HeadingProblems
) -> list[ResponseColumn]:
    """Find out which columns are understood; the others are said to be unused."""
    found: dict[str, ResponseColumn] = {}
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


def _column(at: int, text: str) -> ResponseColumn | None:
    plain = _plain(re.sub(r"[\(\[]\s*(\w+)\s*[\)\]]", r"_\1", text)).strip("_")
    plain = re.sub(r"_+", "_", plain)
    heading = Heading("extra", text)
    if plain in _TIMES:
        return ResponseColumn("time_h", at, heading, _TIMES[plain])
    if plain in ("block_id", "block", "blockid"):
        return ResponseColumn("plate", at, heading)
    heading = read_heading(text)
    if heading.kind in ("drug", "dose", "molar_mass_g_mol"):
        return ResponseColumn(f"{heading.kind}_{heading.slot or '1'}", at, heading, heading.factor)
    if heading.kind == "unit":
        return ResponseColumn(f"unit_{heading.slot}" if heading.slot else "unit", at, heading)
    if heading.kind == "stratum":
        return ResponseColumn(f"stratum {text}", at, heading)
    return ResponseColumn(_KEYS[heading.kind], at, heading) if heading.kind in _KEYS else None
