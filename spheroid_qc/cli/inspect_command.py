"""`spheroid-qc inspect TABLE`: what a table was taken for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from spheroid_qc.cli.terminal import echo, one_line
from spheroid_qc.errors import RequestError


def say_table(
    path: Path,
    write: Path | None,
    plate_map: Path | None,
    response_column: str | None,
    *,
    dose_scale: str,
    columns_are: str,
    columns: Sequence[str],
) -> None:
    """Say what a table was taken for, and write it as the canonical one."""
    from spheroid_qc.plate_map import read_plate_map
    from spheroid_qc.response_tables.inspect_table import inspect_table, write_canonical
    from spheroid_qc.response_tables.read_responses import TableOptions
    from spheroid_qc.tables.stated_columns import read_meanings

    mapped = None if plate_map is None else read_plate_map(plate_map, dose_scale=dose_scale)
    options = TableOptions(response_column, dose_scale, columns_are, mapped, read_meanings(columns))
    found = inspect_table(path, options)
    echo("\n".join(one_line(line) for line in found.lines))
    if write is not None:
        echo(write_canonical(found, write))
    if found.reasons:
        raise RequestError(f"{path} can't be read as it is; what would be needed is said above.")
    if found.refused:
        raise typer.Exit(1)
