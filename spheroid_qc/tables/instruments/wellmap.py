"""Layouts of wellmap: TOML with tables for rows, columns, blocks and single wells.

Only the groups that lay out wells are read (`expt, row, col, irow, icol, block, well`, also below
`plate.NAME`); anything else is refused rather than passed over.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from spheroid_qc.errors import PlateMapError
from spheroid_qc.tables.instruments.made_table import made_table
from spheroid_qc.tables.located_cells import Table
from spheroid_qc.wells import Well, parse_well, row_name

FORM = "a wellmap layout"
_GROUPS = ("expt", "row", "col", "irow", "icol", "block", "well")
_BLOCK = re.compile(r"(\d{1,2})x(\d{1,2})")


def read_wellmap(name: str, data: bytes) -> Table:
    """Read a layout; raises `PlateMapError` where it is none, or says what is not read here."""
    try:
        layout = tomllib.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise PlateMapError(f"{name} is no TOML file ({error}); mend it, or give a CSV.") from None
    layout.pop("meta", None)
    plates = layout.pop("plate", {})
    unknown = [key for key in layout if key not in _GROUPS]
    if unknown or not isinstance(plates, dict):
        raise PlateMapError(
            f"{name}: the table [{unknown[0] if unknown else 'plate'}] is not read here; a layout "
            "has [expt], [row.A], [col.1], [irow.A], [icol.1], [block.2x3.A1], [well.A1] and "
            "[plate.NAME]."
        )
    wells: dict[tuple[str, Well], dict[str, str]] = {}
    for plate in plates or {"": {}}:
        own = _table(name, f"plate.{plate}", plates.get(plate, {}))
        flat = {key: own.pop(key) for key in list(own) if key not in _GROUPS}
        groups = {
            key: [_table(name, key, part.get(key, {})) for part in (layout, own)] for key in _GROUPS
        }
        groups["expt"].append(flat)
        for well, values in _wells(name, groups).items():
            wells[plate, well] = values
    columns = dict.fromkeys(key for values in wells.values() for key in values)
    lines = [
        (1, {"plate": plate, "well": well.name} | values)
        for (plate, well), values in sorted(wells.items())
    ]
    if not lines:
        raise PlateMapError(
            f"{name} lays out no well; a layout has rows and columns, blocks or wells."
        )
    return made_table(Table(name, separator=","), FORM, ["plate", "well", *columns], lines)


def _table(name: str, key: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise PlateMapError(f"{name}: {key} is a value, not a table; write [{key}] above its keys.")
    return dict(value)


def _wells(name: str, groups: Mapping[str, list[dict[str, Any]]]) -> dict[Well, dict[str, str]]:
    """Lay out one plate: single wells stand above blocks, blocks above rows and columns."""
    common = {key: _text(value) for part in groups["expt"] for key, value in part.items()}
    rows, interleaved_rows = (_axis(name, kind, groups[kind]) for kind in ("row", "irow"))
    columns, interleaved_columns = (_axis(name, kind, groups[kind]) for kind in ("col", "icol"))
    laid: dict[Well, dict[str, str]] = {}

    def parts_of(row: int, column: int) -> list[tuple[str, dict[str, str]]]:
        """Give what rows and columns say of one well, straight and interleaved."""
        irow, icol = interleave(row, column), interleave(column, row)
        found = [
            (f"row {row_name(row)}", rows.get(row)),
            (f"interleaved row {row_name(irow)}", interleaved_rows.get(irow)),
            (f"column {column + 1}", columns.get(column)),
            (f"interleaved column {icol + 1}", interleaved_columns.get(icol)),
        ]
        return [(where, values) for where, values in found if values is not None]

    all_rows = {*rows, *(interleave(row, odd) for row in interleaved_rows for odd in (0, 1))}
    all_columns = {
        *columns,
        *(interleave(column, odd) for column in interleaved_columns for odd in (0, 1)),
    }
    for row in sorted(all_rows):
        for column in sorted(all_columns):
            parts = parts_of(row, column)
            kinds = {where.split()[-2] for where, _ in parts}
            if kinds != {"row", "column"}:
                continue  # a well is laid out where a row and a column meet
            said: dict[str, tuple[str, str]] = {}
            for where, values in parts:
                for key, value in values.items():
                    first = said.setdefault(key, (where, value))
                    if first[1] != value:
                        raise PlateMapError(
                            f"{name}: {key} is {first[1]!r} in {first[0]} and {value!r} in "
                            f"{where}; say it in one of them."
                        )
            laid[Well(row, column)] = common | {key: value for key, (_, value) in said.items()}
    blocks = sorted(_blocks(name, groups["block"]), key=lambda block: -block[0])
    singles = [(1, well, values) for well, values in _singles(name, groups["well"])]
    for _, well, values in [*blocks, *singles]:
        base = laid.get(well)
        if base is None:
            base = dict(common)
            for _, of_axis in parts_of(well.row, well.column):
                base |= of_axis
        laid[well] = base | values
    return laid


def interleave(place: int, across: int) -> int:
    """Give the row (column) that a well of an interleaved one lies in, and the reverse.

    An interleaved row changes between two rows from column to column: row A holds A1, B2, A3 ...
    """
    return place + across % 2 if place % 2 == 0 else place - across % 2


def _axis(name: str, kind: str, parts: list[dict[str, Any]]) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = {}
    for part in parts:
        for pattern, values in part.items():
            for key in _expanded(name, kind, str(pattern)):
                well = parse_well(f"{key}1" if kind.endswith("row") else f"A{key}")
                if well is None or not isinstance(values, dict):
                    raise PlateMapError(f"{name}: [{kind}.{pattern}] is no {kind} of a plate.")
                at = well.row if kind.endswith("row") else well.column
                found.setdefault(at, {}).update({k: _text(v) for k, v in values.items()})
    return found


def _expanded(name: str, kind: str, pattern: str) -> list[str]:
    """Give `A,B`, `A,B,...,H` and `1,3,...,11` one by one."""
    keys = [key.strip() for key in pattern.split(",")]
    if "..." not in keys:
        return keys
    at = keys.index("...")
    places = [_place(kind, key) for key in keys if key != "..."]
    if at == 0 or at != len(keys) - 2 or None in places:
        raise PlateMapError(
            f"{name}: [{kind}.{pattern}] can't be read; write the names one by one."
        )
    numbers = [place for place in places if place is not None]
    step = numbers[-2] - numbers[-3] if len(numbers) > 2 else 1
    if step < 1 or (numbers[-1] - numbers[-2]) % step:
        raise PlateMapError(f"{name}: [{kind}.{pattern}] does not step evenly; write it out.")
    filled = [*numbers[:-1], *range(numbers[-2] + step, numbers[-1] + 1, step)]
    return [row_name(number) if kind.endswith("row") else str(number + 1) for number in filled]


def _place(kind: str, key: str) -> int | None:
    rows = kind.endswith("row")
    well = parse_well(f"{key}1" if rows else f"A{key}")
    return None if well is None else well.row if rows else well.column


def _blocks(name: str, parts: list[dict[str, Any]]) -> Iterator[tuple[int, Well, dict[str, str]]]:
    for part in parts:
        for size, corners in part.items():
            match = _BLOCK.fullmatch(str(size))
            if match is None or not isinstance(corners, dict):
                raise PlateMapError(f"{name}: [block.{size}] is no size such as 2x3.")
            width, height = int(match[1]), int(match[2])
            for corner, values in _singles(name, [corners]):
                for row in range(corner.row, corner.row + height):
                    for column in range(corner.column, corner.column + width):
                        yield width * height, Well(row, column), values


def _singles(name: str, parts: list[dict[str, Any]]) -> Iterator[tuple[Well, dict[str, str]]]:
    for part in parts:
        for pattern, values in part.items():
            for key in str(pattern).split(","):
                well = parse_well(key)
                if well is None or not isinstance(values, dict):
                    raise PlateMapError(
                        f"{name}: {pattern!r} is no well; write names such as A1, one by one."
                    )
                yield well, {k: _text(v) for k, v in values.items()}


def _text(value: object) -> str:
    return "TRUE" if value is True else "FALSE" if value is False else str(value)
