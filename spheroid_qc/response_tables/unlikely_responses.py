"""Responses that can't be what they are called: asked about before anything is computed.

Percentages that all lie within 0 to 1.5 are fractions; vehicle wells that are nearly all affected
are viability given as inhibition, or the reverse; single-drug values that stand in every repeat
to the last digit were measured once.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from spheroid_qc.errors import RequestError
from spheroid_qc.response.response_table import Responses
from spheroid_qc.response_tables.read_responses import ResponseTable
from spheroid_qc.wording import number, plural

# Percentages reach 100 somewhere; fractions seldom exceed 1.5.
_FRACTIONS_END = 1.5
NO_FRACTION = 2.0
"""Responses beyond this are no fractions."""
_FEWEST = 3
# Untreated cells of which more than half are affected are not untreated, or not affected.
_HALF = 0.5
# The scatter of well-behaved vehicle wells stays below this.
_NEAR_NOTHING = 0.1
# So many single-drug conditions with the same digits in each repeat are no coincidence.
_FEWEST_COPIES = 3


def refuse_wrong_unit(read: ResponseTable, kind: str, unit: str) -> None:
    """Refuse percentages of which none is larger than a fraction can be, and the reverse."""
    values = read.rows["response"].abs().dropna()
    if kind != "raw" and unit == "fraction" and len(values) and values.median() > NO_FRACTION:
        raise RequestError(
            f"The responses are called fractions, but half of them exceed {number(NO_FRACTION)} "
            f"(up to {number(values.max())}); say --response-unit percent, and mend the heading "
            f"{read.response!r} where it says fraction."
        )
    if kind == "raw" or unit != "percent" or len(values) < _FEWEST:
        return
    if values.max() <= _FRACTIONS_END and (values > 0).any():
        raise RequestError(
            f"The responses are called percentages, but all lie between "
            f"{number(read.rows['response'].min())} and {number(read.rows['response'].max())}, as "
            f"fractions do; say --response-unit fraction, and mend the heading {read.response!r} "
            "where it says percent."
        )


def refuse_affected_vehicle(whole: Responses) -> None:
    """Refuse responses by which the vehicle wells are the affected ones."""
    if whole.kind == "raw":
        return
    vehicle = whole.effect[(whole.rows["role"] == "vehicle").to_numpy()]
    if len(vehicle) and float(np.median(vehicle)) > _HALF:
        other = "inhibition or fa" if whole.kind == "viability" else "viability"
        raise RequestError(
            f"The {plural(len(vehicle), 'vehicle well')} would stand at a fraction affected of "
            f"{number(np.median(vehicle))}, though they hold no drug: the response looks like "
            f"{other} given as {whole.kind}. Say --response-is "
            f"{'inhibition' if whole.kind == 'viability' else 'viability'}, mend its heading, or "
            "say raw if it is a measured signal."
        )


def vehicle_apart(whole: Responses) -> str:
    """Say where the vehicle wells are far from an effect of nothing, which effects count from."""
    if whole.kind == "raw":
        return ""
    vehicle = whole.effect[(whole.rows["role"] == "vehicle").to_numpy()]
    if not len(vehicle) or abs(float(np.median(vehicle))) <= _NEAR_NOTHING:
        return ""
    return (
        f"The vehicle wells stand at a fraction affected of {number(np.median(vehicle), 2)} "
        f"(median of {len(vehicle)}), not at 0: effects are used as given and count from 0, "
        "so check what they were normalised to."
    )


def without_copies(read: ResponseTable) -> tuple[ResponseTable, str]:
    """Count values once that were copied into every repeat, as matrices of repeats have them.

    Gives the table, and what was left out in a sentence; empty where nothing was.
    """
    rows = read.rows
    if "well" in rows and (rows["well"] != "").any():
        return read, ""
    doses = [name for name in rows if str(name).startswith("dose_")]
    drugs = [name for name in rows if str(name).startswith("drug_")]
    given = pd.DataFrame({drug: rows[drug].where(_is_dosed(rows, str(drug)), "") for drug in drugs})
    single = (given != "").sum(axis=1) <= 1
    others = ("plate", "time_h", "cell_line", "passage", "stratum", "block", "role")
    labels = [name for name in others if name in rows]
    keys = pd.concat([given, rows[doses].fillna(0), rows[labels].fillna("")], axis=1)
    keys = keys[single & rows["response"].notna()]
    if keys.empty:
        return read, ""
    group = keys.groupby(list(keys.columns), sort=False).ngroup()
    values = rows.loc[keys.index, "response"]
    sizes = values.groupby(group).agg(["size", "nunique"])
    repeated = sizes[sizes["size"] > 1]
    copied = repeated[repeated["nunique"] == 1]
    telling = values.groupby(group).first().map(_digits) >= 3
    if int(telling.reindex(copied.index).sum()) < _FEWEST_COPIES or len(copied) * 2 < len(repeated):
        return read, ""
    extra = group.isin(copied.index) & group.duplicated()
    drop = extra[extra].index
    said = (
        f"{plural(len(copied), 'single-drug condition')} stand with the same digits in every "
        f"repeat: they were measured once and copied, and count once ({plural(len(drop), 'row')} "
        "left out)."
    )
    keep = ~rows.index.isin(drop)
    places = tuple(place for place, kept in zip(read.places, keep, strict=True) if kept)
    return replace(read, rows=rows[keep].reset_index(drop=True), places=places), said


def _is_dosed(rows: pd.DataFrame, drug: str) -> pd.Series:
    slot = drug.removeprefix("drug_")
    dosed = pd.Series(False, index=rows.index)
    for name in (f"dose_{slot}_um", f"dose_{slot}"):
        if name in rows:
            dosed |= rows[name].fillna(0) > 0
    return dosed


def _digits(value: float) -> int:
    """Significant digits of a value as written."""
    return len(f"{abs(value):.12g}".replace(".", "").partition("e")[0].strip("0"))
