"""Measured values against reference values: two tables, joined by what they have in common."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spheroid_qc.errors import RequestError
from spheroid_qc.evaluate.agreement_statistics import bland_altman, bootstrap_interval, concordance
from spheroid_qc.tables.find_heading_line import wells_or_first_line
from spheroid_qc.tables.instruments import read_any_table
from spheroid_qc.tables.located_cells import Cell, Table, TableRow
from spheroid_qc.tables.match_headings import Heading, read_heading
from spheroid_qc.tables.parse_cells import (
    is_missing,
    measured_number,
    numeric_text,
    well_named,
    well_of_row_and_column,
)
from spheroid_qc.tables.parse_numbers import NumberError, style_of
from spheroid_qc.tables.parse_times import read_hours
from spheroid_qc.tables.summary_lines import without_summary
from spheroid_qc.tables.table_messages import TableMessages

if TYPE_CHECKING:
    import pandas as pd


KEYS = ("file", "image", "name", "plate", "well", "field", "time_h", "label")
"""Columns that say what a row is about, where no others are named."""

_MAX_LISTED = 8


def read_table(path: Path) -> pd.DataFrame:
    """Read a table in any form; raises RequestError if it can't be read or holds no rows.

    Columns of wells, plates and times get the names `well`, `plate` and `time_h` whatever their
    headings, wells their canonical names and times become hours; numbers may have decimal commas.
    """
    import pandas as pd

    table = read_any_table(path)[0]
    messages = TableMessages()
    header, lines = wells_or_first_line(table) if table.rows else (TableRow(0, ()), [])
    rows = without_summary(table, lines, messages)
    if not rows:
        raise RequestError(f"The table {path} holds no rows.")
    made: dict[str, list[Any]] = {}
    written = [text.strip() for text in header.texts]
    for at, name in enumerate(written, start=1):
        heading = read_heading(name)
        known = heading.kind if heading.kind in ("well", "plate", "time_h") else name
        if known != name and (known in written or known in made):
            known = name  # another column has the very name
        cells = [Cell(table, row.line, at, row.text(at), name) for row in rows]
        if not name and all(is_missing(cell.text) for cell in cells):
            continue
        made[known or f"column {at}"] = _values(known, heading, cells, messages)
    if "well" not in made and {"row", "column"} <= {read_heading(name).kind for name in written}:
        wells = _wells_of_places(table, rows, written)
        if all(wells):  # rows and columns of a picture are none
            made["well"] = wells
    messages.raise_if_problems()
    return pd.DataFrame(made)


def _wells_of_places(table: Table, rows: Sequence[TableRow], written: Sequence[str]) -> list[str]:
    """Give wells from a column of rows and one of columns; empty where they are none."""
    kinds = [read_heading(name).kind for name in written]
    places = [kinds.index(kind) + 1 for kind in ("row", "column")]
    pairs = [[Cell(table, row.line, at, row.text(at)) for at in places] for row in rows]
    return [well_of_row_and_column(pair, TableMessages()) or "" for pair in pairs]


def _values(
    name: str, heading: Heading, cells: Sequence[Cell], messages: TableMessages
) -> list[Any]:
    """Read a column: numbers where all of it are numbers, else text."""
    texts = [cell.text for cell in cells]
    if name == "well":
        named = [well_named(text) for text in texts]
        return [well.name if well else text for well, text in zip(named, texts, strict=True)]
    style = style_of([map(numeric_text, cells)], cells[0].table.separator)
    if name == "time_h" and heading.kind == "time_h":
        hours = read_hours(heading, cells, style, messages)
        return [np.nan if hour is None else hour for hour in hours]
    if name == "plate":
        return texts
    try:
        numbers = [measured_number(cell, style) for cell in cells]
    except NumberError:
        return texts
    if all(number is None for number in numbers):
        return [np.nan] * len(cells)
    return [np.nan if number is None else float(number) for number in numbers]


def join_tables(
    predicted: pd.DataFrame,
    truth: pd.DataFrame,
    keys: tuple[str, ...],
    values: tuple[str, ...],
    group: str | None = None,
) -> tuple[pd.DataFrame, tuple[str, ...], tuple[str, ...], int, int]:
    """Join two tables row by row.

    Without `keys`, which say what a row is about, those of `KEYS` are used that both tables have;
    without `values` to compare, all numeric columns that both have. The column `group` of either
    table is carried along; the reference's own if both have it.

    Returns the joined table (`NAME` and `NAME_true` for every value, beside the keys), the keys
    and values that were used, and the numbers of rows of either table without a counterpart.
    Raises RequestError if columns are missing, rows are not unique, or nothing matches.
    """
    import pandas as pd

    common = [c for c in predicted.columns if c in truth.columns]
    chosen = keys or tuple(c for c in KEYS if c in common)
    for name in (*chosen, *values):
        if name not in common:
            raise RequestError(
                f"There is no column {name!r} in both tables; they share "
                f"{', '.join(common[:_MAX_LISTED]) or 'none'}."
            )
    if not chosen:
        raise RequestError(
            "Nothing tells which rows belong together: neither table has a column such as file, "
            "well or time_h in common with the other; name one with --key."
        )
    wanted = values or tuple(
        c
        for c in common
        if c not in (*chosen, group)
        and pd.api.types.is_numeric_dtype(predicted[c])
        and pd.api.types.is_numeric_dtype(truth[c])
        and not pd.api.types.is_bool_dtype(truth[c])
    )
    if not wanted:
        raise RequestError(
            "The tables share no column of numbers to compare; name one with --value."
        )
    carrier = None
    if group is not None and group not in chosen:
        carrier = truth if group in truth.columns else predicted
        if group not in carrier.columns:
            raise RequestError(f"There is no column {group!r} to group by.")
    sides = []
    for table, which in ((predicted, "PREDICTED"), (truth, "TRUTH")):
        part = table[[*chosen, *wanted]].copy()
        if group is not None and table is carrier:
            part[group] = table[group].astype(str)
        for key in chosen:
            part[key] = _comparable(part[key])
        for value in wanted:
            if not pd.api.types.is_numeric_dtype(part[value]):
                raise RequestError(f"The column {value!r} of {which} does not hold numbers only.")
        doubled = part.duplicated(list(chosen))
        if doubled.any():
            first = part[list(chosen)][doubled].iloc[0].tolist()
            raise RequestError(
                f"{which} has several rows for {dict(zip(chosen, first, strict=True))}; name the "
                "columns that tell them apart with --key."
            )
        sides.append(part)
    joined = sides[0].merge(sides[1], on=list(chosen), suffixes=("", "_true"))
    if joined.empty:
        raise RequestError(
            f"No row of PREDICTED has the {', '.join(chosen)} of one in TRUTH; compare how both "
            "write them."
        )
    n = len(joined)
    return joined, chosen, wanted, len(predicted) - n, len(truth) - n


def _comparable(column: pd.Series) -> pd.Series:
    """Text of a key: 1 and 1.0 are the same, and so are `A1` and `A1 `."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column):
        return column.astype(float).map(lambda v: f"{v:.6g}")
    return column.astype(str).str.strip()


def value_table(
    joined: pd.DataFrame, values: tuple[str, ...], group: str | None = None
) -> pd.DataFrame:
    """Agreement of every value of `join_tables`, for every group.

    Differences are predicted minus true; relative ones are percent of the true value.
    """
    import pandas as pd

    parts = [("", joined)]
    if group is not None:
        parts = [(str(name), part) for name, part in joined.groupby(group, sort=True)]
        if len(parts) > 1:
            parts.append(("all", joined))
    rows = []
    for value in values:
        for name, part in parts:
            ours = part[value].to_numpy(np.float64)
            true = part[f"{value}_true"].to_numpy(np.float64)
            with np.errstate(divide="ignore", invalid="ignore"):
                relative = np.where(true != 0, 100 * (ours / true - 1), np.nan)
            agreement = bland_altman(ours - true)
            kept = relative[np.isfinite(relative)]
            low, high = bootstrap_interval(kept)
            rows.append(
                {
                    "value": value,
                    "group": name,
                    "n": agreement.n,
                    "bias": agreement.bias,
                    "bias_low": agreement.bias_low,
                    "bias_high": agreement.bias_high,
                    "limit_low": agreement.low,
                    "limit_high": agreement.high,
                    "concordance": concordance(ours, true),
                    "median_error_percent": float(np.median(kept)) if kept.size else np.nan,
                    "median_error_low": low,
                    "median_error_high": high,
                    "median_absolute_error_percent": float(np.median(np.abs(kept)))
                    if kept.size
                    else np.nan,
                }
            )
    return pd.DataFrame(rows)
