"""What the response of a table is, and what keeps its rows apart: as stated, or asked for."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from spheroid_qc.errors import RequestError
from spheroid_qc.response.response_table import RESPONSE_KINDS, RESPONSE_UNITS
from spheroid_qc.response_tables.read_responses import ResponseTable
from spheroid_qc.response_tables.rows_of_responses import GIVEN_UNIT
from spheroid_qc.response_tables.unlikely_responses import NO_FRACTION
from spheroid_qc.tables.dose_units import MICROMOLAR


def given_units_of(rows: pd.DataFrame) -> dict[str, str]:
    """Molar unit in which each drug's doses were first written, where that is not uM."""
    found: dict[str, str] = {}
    for column in (name for name in rows if str(name).startswith(GIVEN_UNIT)):
        drugs = rows[f"drug_{str(column).removeprefix(GIVEN_UNIT)}"]
        for drug, unit in zip(drugs, rows[column], strict=True):
            if isinstance(unit, str) and unit:
                found.setdefault(str(drug), unit)
    return {drug: unit for drug, unit in found.items() if unit != MICROMOLAR}


def with_plates(read: ResponseTable) -> tuple[ResponseTable, str]:
    """Take biological replicates for plates where the table names none: each has its own curve.

    Gives the table, and a sentence that says so; empty where nothing was taken.
    """
    rows = read.rows
    if "plate" in rows or "biological_replicate" not in rows:
        return read, ""
    named = rows["biological_replicate"].fillna("").astype(str)
    if named.nunique() < 2 or (named == "").any():
        return read, ""
    said = "The table names no plates: each biological replicate is analysed as one."
    return replace(read, rows=rows.assign(plate=named)), said


def stated_response(
    read: ResponseTable, kind: str | None, unit: str | None
) -> tuple[str, str, list[str]]:
    """Tell what the response is and in which unit: as stated, else as its heading says.

    `kind` and `unit` are what the user says, None where nothing. Gives both, and how they were
    understood in finished sentences. A `RequestError` asks where nobody says it, or heading and
    user disagree.
    """
    said: list[str] = []
    if kind is not None and kind not in RESPONSE_KINDS:
        raise RequestError(
            f"A response is {', '.join(RESPONSE_KINDS[:-1])} or raw, not {kind!r}; say which with "
            "--response-is."
        )
    if unit is not None and unit not in RESPONSE_UNITS:
        raise RequestError(
            f"The unit of a response is fraction or percent, not {unit!r}; say which with "
            "--response-unit."
        )
    if kind is None:
        if not read.stated_kind:
            raise RequestError(
                f"What is the column {read.response!r}? Say it with --response-is: fa (fraction "
                "affected), viability, inhibition, or raw (any measured quantity, which gets dose "
                "response and comparisons only)."
            )
        kind = read.stated_kind
        said.append(f"The response is {kind}, as its heading {read.response!r} tells.")
    elif (
        read.stated_kind
        and kind not in ("raw", read.stated_kind)
        and not ({kind, read.stated_kind} <= {"fa", "inhibition"})
    ):
        raise RequestError(
            f"The column is called {read.response!r}, but --response-is says {kind}; mend one of "
            "them."
        )
    if kind == "raw":
        return kind, "fraction", said
    if unit is not None and read.stated_unit and unit != read.stated_unit:
        raise RequestError(
            f"The column is called {read.response!r}, but --response-unit says {unit}; mend one "
            "of them."
        )
    unit = unit or read.stated_unit
    if not unit:
        largest = float(read.rows["response"].abs().fillna(0.0).max())
        if largest > NO_FRACTION:
            raise RequestError(
                f"No unit of the response is stated, and its values (up to {largest:.4g}) are no "
                "fractions; say --response-unit percent, or fraction if they are."
            )
        unit = "fraction"
        said.append("The response is taken as a fraction, since no --response-unit is stated.")
    return kind, unit, said


def strata_of(rows: pd.DataFrame) -> pd.Series:
    """Stratum of every row, by what differs within the table; empty where nothing does."""
    label = pd.Series("", index=rows.index, dtype=object)
    for name in ("cell_line", "passage", "stratum"):
        if name in rows and rows[name].fillna("").nunique() > 1:
            words = rows[name].fillna("").astype(str)
            if name == "passage":
                words = words.where(words == "", "passage " + words)
            apart = (label != "") & (words != "")
            label = label + apart.map({True: " | ", False: ""}) + words
    if "block" in rows and rows["block"].groupby(label).nunique().max() > 1:
        # A block is one matrix of doses: neither a plate nor a repeat of another.
        words = "block " + rows["block"].fillna("").astype(str)
        label = label + (label != "").map({True: " | ", False: ""}) + words
    return label
