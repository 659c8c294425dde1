"""Reports of dispensers: the digital dispenser D300 (D300e) and the Echo."""

from __future__ import annotations

import re

from spheroid_qc.tables.instruments.incucyte import without_solvents
from spheroid_qc.tables.instruments.made_table import made_table
from spheroid_qc.tables.located_cells import Table, TableRow
from spheroid_qc.tables.parse_cells import is_missing

D300_FORM = "a report of a D300 dispenser"
ECHO_FORM = "a report of an Echo dispenser"
_MOST_LINES_ABOVE = 60
_NORMALISATION = re.compile(r"(?i)\s*(?:normali[sz]ation|backfill)\s*$")
_D300 = {
    "plate": ("plate id", "plate"),
    "well": ("dispensed well",),
    "drug": ("fluid name", "fluid"),
    "dose": ("dispensed concentration", "dispensed conc.", "dispensed conc"),
    "unit": ("conc. units", "conc units", "concentration units", "units"),
}
_ECHO = {
    "plate": ("destination plate barcode", "destination plate name"),
    "well": ("destination well",),
    "drug": ("compound name", "sample name", "sample id"),
    "dose": ("destination concentration",),
    "unit": ("destination concentration units", "destination concentration unit"),
}


def _heads(table: Table, *needed: str) -> tuple[int, dict[str, int]] | None:
    """Find the last line that has all these headings, and the columns by lower-case heading."""
    best = None
    for number, row in enumerate(table.rows):
        names = [" ".join(text.split()).casefold().replace("_", " ") for text in row.texts]
        if set(needed) <= set(names):
            best = number, {name: at for at, name in reversed(list(enumerate(names, start=1)))}
        if number > _MOST_LINES_ABOVE and best is not None:
            break
    return best


def _choose(
    rows: list[TableRow], columns: dict[str, int], wanted: dict[str, tuple[str, ...]]
) -> dict[str, int]:
    """Choose a column for each meaning: the first by name that holds something."""
    chosen = {}
    for meaning, names in wanted.items():
        there = [columns[name] for name in names if name in columns]
        filled = [at for at in there if any(not is_missing(row.text(at)) for row in rows)]
        if there:
            chosen[meaning] = (filled or there)[0]
    return chosen


def _lines(
    rows: list[TableRow], chosen: dict[str, int], fallback_unit: str = ""
) -> list[tuple[int, dict[str, str]]]:
    """Give one line for each drug of each well; solvents only where there is nothing else."""
    wells: dict[tuple[str, str], list[tuple[int, dict[str, str]]]] = {}
    for row in rows:
        cells = {meaning: row.text(at) for meaning, at in chosen.items()}
        cells = {meaning: "" if is_missing(text) else text for meaning, text in cells.items()}
        if not cells.get("well"):
            continue
        if cells.get("dose") and not cells.get("unit"):
            cells["unit"] = fallback_unit
        key = (cells.get("plate", ""), cells["well"])
        wells.setdefault(key, []).append((row.line, cells))
    lines = []
    for found in wells.values():
        line_of = {id(cells): line for line, cells in found}
        kept = without_solvents([cells for _, cells in found])
        for cells in kept:
            plain = _NORMALISATION.sub("", cells.get("drug", ""))
            if plain != cells.get("drug", ""):
                cells["drug"], cells["role"] = plain, "vehicle"
        lines += [(line_of[id(cells)], cells) for cells in kept]
    return lines


def read_d300(table: Table) -> Table | None:
    """Read the tabular detail of a D300 report; None where the table is something else."""
    found = _heads(table, "dispensed well", "fluid name")
    if found is None:
        return None
    number, columns = found
    rows = [row for row in table.rows[number + 1 :] if row.texts != table.rows[number].texts]
    chosen = _choose(rows, columns, _D300)
    plates = {row.text(chosen["plate"]) for row in rows if "plate" in chosen} - {""}
    if len(plates) < 2:
        chosen.pop("plate", None)  # the dispenser's own count, which names no imaged plate
    note = "A solvent beside a drug is its normalisation; alone it is the vehicle."
    names = ["plate", "well", "role", "drug", "dose", "unit"]
    return made_table(table, D300_FORM, names, _lines(rows, chosen), note)


def read_echo(table: Table) -> Table | None:
    """Read transfers of an Echo; None where the table is something else.

    Failed transfers, listed under `[EXCEPTIONS]`, are told of. Destination concentrations without
    a unit are molar (M), as the instrument's software keeps them.
    """
    found = _heads(table, "destination well", "source well")
    if found is None:
        return None
    number, columns = found
    rows = list(table.rows[number + 1 :])
    chosen = _choose(rows, columns, _ECHO)
    notes = ["A solvent beside a drug is its normalisation; alone it is the vehicle."]
    unitless = "dose" in chosen and "unit" not in chosen
    if unitless:
        notes.append("Its destination concentrations state no unit and are read as M.")
    failed = [row for row in table.rows[:number] if row.text(1).casefold() == "[exceptions]"]
    if failed:
        notes.append(
            "It lists transfers that failed (under [EXCEPTIONS]); check the wells that miss a drug."
        )
    names = ["plate", "well", "role", "drug", "dose", "unit"]
    lines = _lines(rows, chosen, "M" if unitless else "")
    return made_table(table, ECHO_FORM, names, lines, *notes)
