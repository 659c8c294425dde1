"""Tables of a finished run, read back strictly: somebody may have edited them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from spheroid_qc.errors import RequestError
from spheroid_qc.follow.spheroid_states import STATES
from spheroid_qc.measurement import measured_columns
from spheroid_qc.parameters import Assay
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.run.tables.table_columns import QC, WELLS_START
from spheroid_qc.tables.csv_writer import read_table
from spheroid_qc.wording import MOLAR_UNITS


class TablesReadBack(NamedTuple):
    """Tables of a run folder and what its `run.json` says (`known`).

    `joined` are the columns of joined end points, `given_units` the molar unit in which the plate
    map gives the doses of each drug, where that is not uM.
    """

    known: Mapping[str, Any]
    wells: pd.DataFrame
    conditions: pd.DataFrame
    qc: pd.DataFrame
    joined: tuple[str, ...]
    given_units: dict[str, str]


def read_run_tables(run: RunFolder) -> TablesReadBack:
    """Read `run.json`, `wells.csv`, `conditions.csv` and `qc.csv` of a run folder.

    A `RequestError` says where the folder is no finished run, or a table is damaged.
    """
    known = run.read_run() if run.root.is_dir() else None
    if known is None:
        raise RequestError(
            f"{run.root} is no run folder: it holds no run.json. Give the folder that "
            "spheroid-qc run has written, or a table of responses."
        )
    if not run.table("wells").is_file():
        raise RequestError(
            f"{run.root} holds no wells.csv: the run has not come to its end. Run it again with "
            "the same --out; it continues where it stopped."
        )
    wells = read_table(run.table("wells"), text=_TEXT)
    conditions = read_table(run.table("conditions"), text=_TEXT)
    qc = read_table(run.table("qc"), text=_QC_TEXT)
    for table, name in ((wells, "wells"), (conditions, "conditions"), (qc, "qc")):
        _check_columns(table, run.table(name), _NEEDED[name])
        _check_numbers(table, run.table(name))
    if wells.empty:
        raise RequestError(f"{run.table('wells')} has no rows: there is nothing to analyse.")
    return TablesReadBack(known, wells, conditions, qc, _joined(wells, known), _given_units(known))


_TEXT = (
    "plate", "well", "row", "condition", "role", "state", "flags", "method", "file", "control",
    "cell_line", "vehicle_group", "biological_replicate", "replicate", "passage", "left_out",
    "interval", "stratum", "schedule",
    *(f"{word}_{n}" for n in (1, 2, 3) for word in ("drug", "unit")),
)  # fmt: skip
_NUMBERS = frozenset(
    {
        *(name for name in WELLS_START if name not in _TEXT),
        *(name for assay in Assay for name in measured_columns(assay.value) if name != "method"),
        "n_wells", "n_plates", "n_biological", "n_scorable", "dosed_at_h", "cells_seeded",
    }
)  # fmt: skip
_NEEDED = {
    "wells": (*WELLS_START[: WELLS_START.index("flags") + 1], "stratum", "schedule"),
    "conditions": (
        "condition", "role", "time_h", "stratum", "schedule", "n_wells",
        *(f"n_{state}" for state in STATES),
    ),
    "qc": QC,
}  # fmt: skip
"""Columns that every run writes, of any assay and map: without one the heading is damaged."""
_QC_TEXT = ("plate", "well", "code", "severity", "title", "detail", "advice", "file")


def _check_columns(table: pd.DataFrame, path: Path, needed: Collection[str]) -> None:
    lacking = [name for name in needed if name not in table]
    if lacking:
        raise RequestError(
            f"{path} has no column {', '.join(lacking)}; restore the file, or run spheroid-qc run "
            "again with the same --out."
        )


def _check_numbers(table: pd.DataFrame, path: Path) -> None:
    """Refuse text, and infinite times, where a run writes numbers: somebody edited the table."""
    for name in table.columns:
        if name not in _NUMBERS:
            continue
        numbers = pd.to_numeric(table[name], errors="coerce")
        wrong = table[name].notna() & ~np.isfinite(numbers.astype(float))
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            value = str(table[name].iloc[row])[:40]
            raise RequestError(
                f"{path}, line {row + 2}, column {name}: {value!r} is not a number; correct it, or "
                "run spheroid-qc run again with the same --out, which writes the table anew."
            )


def _joined(wells: pd.DataFrame, known: Mapping[str, Any]) -> tuple[str, ...]:
    """Columns of joined end points: `run.json` knows how many, and they stand last."""
    joined = known.get("join")
    names = joined.get("columns", ()) if isinstance(joined, dict) else ()
    last = [str(name) for name in wells.columns[len(wells.columns) - len(names) :]]
    fits = all(own.endswith(name) for own, name in zip(last, names, strict=False))
    return tuple(last) if names and fits else ()


def _given_units(known: Mapping[str, Any]) -> dict[str, str]:
    """Drug -> molar unit in which the plate map gives its doses, as `run.json` says."""
    plate_map = known.get("plate_map")
    given = plate_map.get("given_units") if isinstance(plate_map, dict) else None
    if not isinstance(given, dict):
        return {}
    return {str(drug): unit for drug, unit in given.items() if unit in MOLAR_UNITS}
