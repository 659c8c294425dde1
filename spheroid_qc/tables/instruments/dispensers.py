"""Reports of dispensers: the digital dispenser D300 (D300e) and the Echo."""

from __future__ import annotations

import re
from collections.abc import Sequence

from spheroid_qc.errors import PlateMapError
from spheroid_qc.tables.instruments.incucyte import without_solvents
from spheroid_qc.tables.instruments.made_table import made_table
from spheroid_qc.tables.located_cells import Table, TableRow
from spheroid_qc.tables.parse_cells import is_missing
from spheroid_qc.wells import parse_well
from spheroid_qc.wording import listed, plural

D300_FORM = "a report of a D300 dispenser"
ECHO_FORM = "a report of an Echo dispenser"
_MOST_LINES_ABOVE = 60
_NORMALISATION = re.compile(r"(?i)\s*(?:normali[sz]ation|backfill)\s*$")
_D300 = {
    "plate": ("plate id", "plate"),
    "well": ("dispensed well",),
    "drug": ("fluid name", "fluid"),
    "dose": ("dispensed concentration", "dispensed conc.", "dispensed conc"),
    "unit": (
        "conc. units",
        "conc units",
        "concentration units",
        "units",
        "dispensed conc. unit",
        "dispensed conc unit",
        "conc. unit",
        "conc unit",
    ),
}
# Columns of an Echo that tell whether a transfer happened.
_STATUS = "transfer status"
_DISPENSED = ("actual volume", "transferred volume")
# An Echo transfers drops of 2.5 nl; its volumes are right to a tenth.
_WITHIN = 0.1
_DONE = frozenset({"", "ok", "success", "successful", "completed", "complete", "done", "passed"})
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
        names = [re.sub(r"^dest(?:\.|\b)", "destination", name) for name in names]
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

    Wells with a failed transfer (by its status, an actual volume of 0, or under `[EXCEPTIONS]`)
    are left out: what they hold is not what was meant. Destination concentrations without a unit
    are molar (M), as the instrument's software keeps them; volumes alone are no doses.
    """
    found = _heads(table, "destination well", "source well")
    if found is None:
        return None
    number, columns = found
    rows = list(table.rows[number + 1 :])
    chosen = _choose(rows, columns, _ECHO)
    notes = ["A solvent beside a drug is its normalisation; alone it is the vehicle."]
    dosed = "dose" in chosen and any(not is_missing(row.text(chosen["dose"])) for row in rows)
    if "drug" not in chosen:
        return None  # a map that names its source wells
    if not dosed:
        raise PlateMapError(
            f"{table.place(table.rows[number].line)}: the transfers state volumes, but no "
            "concentration in the destination wells; add a column 'Destination Concentration' "
            "with its unit (source concentration x transfer volume / volume in the well)."
        )
    unitless = "dose" in chosen and "unit" not in chosen
    if unitless:
        notes.append("Its destination concentrations state no unit and are read as M.")
    failed = {_well_of(row, chosen): None for row in rows if _failed(row, columns)}
    failed |= dict.fromkeys(_exceptions(table, number))
    kept = [row for row in rows if _well_of(row, chosen) not in failed]
    if failed:
        named = listed([well for _, well in failed], 12)
        notes.append(
            f"It lists transfers that failed: {plural(len(failed), 'well')} left out of the map "
            f"with all they hold ({named})."
        )
    names = ["plate", "well", "role", "drug", "dose", "unit"]
    lines = _lines(kept, chosen, "M" if unitless else "")
    return made_table(table, ECHO_FORM, names, lines, *notes)


def _well_of(row: TableRow, chosen: dict[str, int]) -> tuple[str, str]:
    """Give plate and well of a transfer."""
    well = parse_well(row.text(chosen["well"]))
    plate = row.text(chosen["plate"]) if "plate" in chosen else ""
    return plate, well.name if well else row.text(chosen["well"])


def _failed(row: TableRow, columns: dict[str, int]) -> bool:
    """Tell whether a transfer did not happen as it was planned."""
    status = row.text(columns[_STATUS]).casefold() if _STATUS in columns else ""
    if status not in _DONE:
        return True
    planned = _volume(row, columns, ("transfer volume",))
    dispensed = _volume(row, columns, _DISPENSED)
    if dispensed is None:
        return False
    return dispensed == 0 or (planned is not None and abs(dispensed - planned) > _WITHIN * planned)


def _volume(row: TableRow, columns: dict[str, int], names: Sequence[str]) -> float | None:
    """Give the first volume of these columns; None where there is none."""
    for name in names:
        text = row.text(columns[name]) if name in columns else ""
        if re.fullmatch(r"\d+(?:[.,]\d+)?", text):
            return float(text.replace(",", "."))
    return None


def _exceptions(table: Table, last: int) -> list[tuple[str, str]]:
    """Give plates and wells of the transfers listed under `[EXCEPTIONS]`, above the line `last`."""
    found: list[tuple[str, str]] = []
    inside = False
    chosen: dict[str, int] = {}
    for row in table.rows[:last]:
        key = row.text(1).casefold()
        if key.startswith("["):
            inside, chosen = key == "[exceptions]", {}
            continue
        names = [" ".join(text.split()).casefold() for text in row.texts]
        if inside and "destination well" in names:
            columns = {name: at for at, name in reversed(list(enumerate(names, start=1)))}
            chosen = _choose(list(table.rows[:last]), columns, _ECHO)
        elif inside and chosen and parse_well(row.text(chosen["well"])):
            found.append(_well_of(row, chosen))
    return found
