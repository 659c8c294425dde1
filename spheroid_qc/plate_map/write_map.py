"""Write a plate map as a long CSV that reads back the same."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from spheroid_qc.atomic import atomic_path
from spheroid_qc.plate_map.mapped_wells import TEXTS, Dose, MappedWell, PlateMap

_OPTIONAL = ("molar_mass_g_mol", "dosed_at_h", "washout_at_h", "cells_seeded", *TEXTS)
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")


def escape(text: str) -> str:
    """Guard a text that a spreadsheet program would take for a formula, by an apostrophe."""
    if re.match(r"[=+\-@\t\r]|'[=+\-@'\t\r]", text) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def _number(value: float | None) -> str:
    return "" if value is None else repr(int(value)) if value.is_integer() else repr(value)


def write_plate_map(plate_map: PlateMap, path: Path) -> Path:
    """Write a map in the long form: one line for each drug of each well.

    Parameters
    ----------
    plate_map : PlateMap
        The map.
    path : Path
        A CSV file; replaced in one go if it exists.

    Returns
    -------
    Path
        The file. `read_plate_map` gives an equal map from it.
    """
    path = Path(path)
    lines = [_values(well, dose) for well, dose in _lines(plate_map)]
    columns = ["plate"] * bool(plate_map.plates)
    columns += ["well", "role", "control_name", "drug", "dose", "unit"]
    columns += [name for name in _OPTIONAL if any(values[name] for values, _ in lines)]
    with (
        atomic_path(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([escape(column) for column in [*columns, *plate_map.columns]])
        for values, extra in lines:
            row = [values[name] for name in columns]
            row += [extra.get(column, "") for column in plate_map.columns]
            writer.writerow([escape(text) for text in row])
    return path


def _lines(plate_map: PlateMap) -> list[tuple[MappedWell, Dose | None]]:
    """Order the lines so that drugs first appear in the map's order."""
    by_well: list[tuple[MappedWell, Dose | None]] = []
    for well in plate_map.wells:
        by_well += [(well, dose) for dose in well.drugs] or [(well, None)]
    appearing = list(dict.fromkeys(dose.drug for _, dose in by_well if dose is not None))
    if appearing == list(plate_map.drugs):
        return by_well
    ranks = {drug: rank for rank, drug in enumerate(plate_map.drugs)}
    return sorted(by_well, key=lambda line: ranks.get(line[1].drug, -1) if line[1] else -1)


def _values(well: MappedWell, dose: Dose | None) -> tuple[dict[str, str], dict[str, str]]:
    """Give the columns with a meaning, and the further ones."""
    values = {name: getattr(well, name) for name in TEXTS}
    values |= {
        "plate": well.plate or "",
        "well": well.well,
        "role": well.role,
        "control_name": well.control,
        "drug": dose.drug if dose else "",
        "dose": _number(dose.dose) if dose else "",
        "unit": dose.unit if dose else "",
        "molar_mass_g_mol": _number(dose.molar_mass_g_mol) if dose else "",
        "dosed_at_h": _number(dose.dosed_at_h if dose else well.dosed_at_h),
        "washout_at_h": _number(dose.washout_at_h if dose else well.washout_at_h),
        "cells_seeded": _number(well.cells_seeded),
    }
    return values, well.extra
