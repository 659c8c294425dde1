"""A tidy table of responses, read strictly: what was given is used as given, or refused.

One row is one well (or one published mean): up to any number of drugs with their doses and one
response. Nothing is clipped, renormalised or guessed. The same rows in another order, with
other names for the drugs or in other units give the same answers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spheroid_qc.errors import RequestError
from spheroid_qc.response.arrays import BoolArray, FloatArray
from spheroid_qc.response.conditions import same_doses
from spheroid_qc.response.variance_model import REFERENCES
from spheroid_qc.wells import parse_well

RESPONSE_KINDS = ("fa", "viability", "inhibition", "raw")
RESPONSE_UNITS = ("fraction", "percent")

_VEHICLE_WORDS = ("vehicle", "negative_control", "untreated", "control", "dmso")
_LEFT_OUT = ("blank", "positive_control", "unmapped")
_DECIMALS = 12
"""Of an effect: 1 - 0.63 and 37 % differ from 0.37 in their last digits."""

_DRUG = re.compile(r"drug_([1-9][0-9]*)")


@dataclass(frozen=True)
class Responses:
    """Validated responses.

    Parameters
    ----------
    rows : DataFrame
        One row per well: `plate` and `well` (text), `block` (biological replicate, else the
        plate), `time_h`, `effect` (fraction affected, or the raw value) and `role`.
    doses : ndarray of float64, shape (rows, drugs)
        Dose of each drug; 0 where it is absent.
    drugs : tuple of str
        In order of first appearance, row by row and from left to right.
    units : tuple of str
        Unit of each drug's doses.
    kind : str
        `fa`, `viability`, `inhibition` or `raw`.
    has_plates, has_times : bool
        Whether there are several.
    notes : tuple of str
        What the reader of the answer has to know, in finished sentences.
    given_doses, given_roles : ndarray
        Doses and roles of all rows of the table, also of those that enter no fit.
    reference : str
        What of the vehicle wells effects were normalised to: `mean`, `median`, or empty where
        that is not known.
    """

    rows: pd.DataFrame
    doses: FloatArray
    drugs: tuple[str, ...]
    units: tuple[str, ...]
    kind: str
    has_plates: bool
    has_times: bool
    notes: tuple[str, ...]
    given_doses: FloatArray
    given_roles: NDArray[Any]
    reference: str = ""

    @property
    def effect(self) -> FloatArray:
        """Fraction affected (or the raw value) of each row."""
        return self.rows["effect"].to_numpy(dtype=np.float64)

    @property
    def is_fraction(self) -> bool:
        """Whether effects are fractions affected."""
        return self.kind != "raw"

    def where(self, keep: BoolArray) -> Responses:
        """Only the rows for which `keep` is true."""
        rows = self.rows[keep].reset_index(drop=True)
        return replace(self, rows=rows, doses=self.doses[keep])


def read_responses(
    table: pd.DataFrame,
    response_is: str = "fa",
    response_unit: str = "fraction",
    places: Sequence[str] | None = None,
    reference: str = "",
) -> Responses:
    """Check a tidy table and bring it into one form.

    Parameters
    ----------
    table : DataFrame
        Columns `drug_1, dose_1_um, drug_2, dose_2_um ...` and `response`; optionally `plate,
        well, role, replicate, biological_replicate, time_h`, and `dose_1` with `unit_1` where
        doses are not molar (then `dose_1_um` is empty). Dose 0 or empty: the drug is absent;
        all absent: vehicle.
    response_is : str
        `fa` (fraction affected), `inhibition` (the same), `viability` (its complement) or
        `raw` (any measured quantity).
    response_unit : str
        `fraction` or `percent`; of no meaning for `raw`.
    places : sequence of str, optional
        Where each row comes from, for messages (`plate1.csv, line 7`); default: `Row 6`.
    reference : str
        What of the vehicle wells of its plate and time each response was normalised to: `mean`,
        `median`, or empty where they were not, or nobody knows.

    Returns
    -------
    Responses
        With `effect` as the fraction affected, or the raw value.

    Raises
    ------
    RequestError
        If the table can't be taken at its word: a column missing, something that is no number,
        a negative dose, a dose without a drug, one drug twice in a row, a well twice at one
        time, an unreadable well, two contradictory statements, no response at all.
    """
    if response_is not in RESPONSE_KINDS:
        raise RequestError(
            f"A response is {', '.join(RESPONSE_KINDS[:-1])} or raw, not {response_is!r}; "
            "say which with --response-is."
        )
    if response_unit not in RESPONSE_UNITS:
        raise RequestError(
            f"The unit of a response is fraction or percent, not {response_unit!r}; "
            "say which with --response-unit."
        )
    if reference not in REFERENCES:
        raise RequestError(f"A reference is mean, median or empty, not {reference!r}.")
    if table.empty:
        raise RequestError("The table of responses has no rows.")
    table = table.reset_index(drop=True)
    where = _Places(places)
    if "response" not in table:
        named = ", ".join(str(name) for name in table.columns)
        raise RequestError(
            f"The table has no column response; it has {named}. Name the column with the "
            "measured values response."
        )
    drugs, units, doses = _doses(table, where)
    response = _numbers(table, "response", where)
    notes: list[str] = []
    plates = _texts(table, "plate")
    wells = _wells(table, where)
    has_times = "time_h" in table
    times = _numbers(table, "time_h", where) if has_times else np.zeros(len(table))
    if np.isnan(times).any():
        row = int(np.flatnonzero(np.isnan(times))[0])
        raise RequestError(f"{where(row)} has no time_h although the table has that column.")
    _no_doubles(plates, wells, times, where)
    roles = _roles(table, doses, where)

    known = np.isfinite(response)
    if not known.any():
        raise RequestError("The column response holds no number: there is nothing to analyse.")
    if not known.all():
        n = int((~known).sum())
        notes.append(f"{n} row{'s' * (n > 1)} without a response left out.")
    out = np.isin(roles, _LEFT_OUT)
    if out.any():
        listed = ", ".join(sorted(set(roles[out])))
        n = int(out.sum())
        notes.append(f"{n} well{'s' * (n > 1)} of role {listed} not used in any fit.")
    keep = known & ~out
    if not keep.any():
        raise RequestError("Only blank or positive control wells have a response: nothing to fit.")
    effect = response / 100 if response_unit == "percent" and response_is != "raw" else response
    effect = 1 - effect if response_is == "viability" else effect
    if response_is != "raw":  # the same number whichever way it was written
        effect = np.round(effect, _DECIMALS)
    block = _texts(table, "biological_replicate")
    rows = pd.DataFrame(
        {
            "plate": plates,
            "well": wells,
            "block": np.where(block == "", plates, block),
            "time_h": times,
            "effect": effect,
            "role": roles,
        }
    )
    return Responses(
        rows=rows[keep].reset_index(drop=True),
        doses=doses[keep],
        drugs=drugs,
        units=units,
        kind=response_is,
        has_plates=len(set(plates[keep])) > 1,
        has_times=len(set(times[keep])) > 1,
        notes=tuple(notes),
        given_doses=doses,
        given_roles=roles,
        reference=reference,
    )


class _Places:
    """Names of rows for messages, with a capital where a sentence begins."""

    def __init__(self, names: Sequence[str] | None) -> None:
        self._names = names

    def __call__(self, row: int) -> str:
        return f"Row {row + 1}" if self._names is None else self._names[row]

    def inside(self, row: int) -> str:
        name = self(row)
        return name[0].lower() + name[1:] if self._names is None else name


def _texts(table: pd.DataFrame, name: str) -> NDArray[Any]:
    """Give a column as stripped text; empty where absent or missing."""
    if name not in table:
        return np.full(len(table), "", dtype=object)
    column = table[name]
    return np.array(["" if pd.isna(v) else _plain(v) for v in column], dtype=object)


def _plain(value: object) -> str:
    """Text of a cell; a whole number read as 1.0 is 1."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _numbers(table: pd.DataFrame, name: str, where: _Places) -> FloatArray:
    """Give a column as numbers; missing is NaN, anything else is refused."""
    numbers = np.full(len(table), np.nan)
    for row, value in enumerate(table[name]):
        if pd.isna(value) or str(value).strip() == "":
            continue
        try:
            numbers[row] = float(value)
        except (TypeError, ValueError):
            raise RequestError(
                f"{where(row)}, column {name}: {str(value)[:40]!r} is not a number; write a "
                "number or leave the cell empty."
            ) from None
        if np.isinf(numbers[row]):
            raise RequestError(f"{where(row)}, column {name}: the value is infinite.")
    return numbers


def _doses(
    table: pd.DataFrame, where: _Places
) -> tuple[tuple[str, ...], tuple[str, ...], FloatArray]:
    """Drugs in order of first appearance, their units, and doses with one column per drug."""
    found = (_DRUG.fullmatch(str(name)) for name in table.columns)
    places = sorted(int(match[1]) for match in found if match)
    if not places:
        raise RequestError(
            "The table has no column drug_1; a tidy table of responses has drug_1, dose_1_um "
            "and response."
        )
    columns = []
    for place in places:
        names, amounts, unit = _texts(table, f"drug_{place}"), *_amounts(table, place, where)
        columns.append((place, names, amounts, unit))
    order: dict[str, str] = {}
    for row in range(len(table)):
        for place, names, amounts, unit in columns:
            name, amount = str(names[row]), float(amounts[row])
            at_cell = f"{where(row)}, column dose_{place}_um"
            if amount < 0:
                raise RequestError(f"{at_cell}: a dose can't be negative ({amount:g}).")
            if name == "":
                if amount > 0:
                    raise RequestError(f"{at_cell}: dose {amount:g} has no drug in drug_{place}.")
                continue
            if amount > 0 and order.setdefault(name, unit[row]) != unit[row]:
                if order[name]:
                    raise RequestError(
                        f"{where(row)}: {name} has doses in {order[name]} and in {unit[row]}; "
                        "give all doses of one drug in one unit."
                    )
                order[name] = unit[row]
            order.setdefault(name, "")
    drugs = tuple(order)
    if not drugs:
        raise RequestError("No row names a drug: there is no dose response to analyse.")
    doses = np.zeros((len(table), len(drugs)))
    for place, names, amounts, _ in columns:
        for row in np.flatnonzero(amounts > 0).tolist():
            at = drugs.index(str(names[row]))
            if doses[row, at] > 0:
                raise RequestError(
                    f"{where(row)}: {drugs[at]} is given twice (again in drug_{place}); add the "
                    "doses up or mend the name."
                )
            doses[row, at] = amounts[row]
    if not (doses > 0).any():
        raise RequestError("No row has a dose above 0: there is no dose response to analyse.")
    return drugs, tuple(unit or "uM" for unit in order.values()), same_doses(doses)


def _amounts(table: pd.DataFrame, place: int, where: _Places) -> tuple[FloatArray, list[str]]:
    """Doses at one place and their units: molar ones where given, else the map's own."""
    molar, own = f"dose_{place}_um", f"dose_{place}"
    if molar not in table and own not in table:
        raise RequestError(f"The table has drug_{place} but no column {molar}.")
    amounts = _numbers(table, molar, where) if molar in table else np.full(len(table), np.nan)
    units = ["uM"] * len(table)
    stated = _texts(table, f"unit_{place}")
    if own in table:
        other = _numbers(table, own, where)
        for row in np.flatnonzero(np.isnan(amounts) & (other != 0) & ~np.isnan(other)):
            if not stated[row]:
                raise RequestError(
                    f"{where(int(row))}: dose_{place} has no unit; give the dose in {molar}, or "
                    f"its unit in unit_{place}."
                )
            amounts[row], units[row] = other[row], str(stated[row])
    return np.nan_to_num(amounts, nan=0.0), units


def _wells(table: pd.DataFrame, where: _Places) -> NDArray[Any]:
    """Canonical well names; empty where there are none."""
    wells = _texts(table, "well")
    for row, text in enumerate(wells):
        if text == "":
            continue
        well = parse_well(str(text))
        if well is None:
            raise RequestError(
                f"{where(row)}, column well: {text!r} is not a well such as A01; a spreadsheet "
                "may have changed it into a date or a number. Write the wells again, or give the "
                "column another name if it holds none."
            )
        wells[row] = well.name
    return wells


def _no_doubles(
    plates: NDArray[Any], wells: NDArray[Any], times: FloatArray, where: _Places
) -> None:
    """Refuse a well that stands twice in the table at one time."""
    seen: dict[tuple[str, str, float], int] = {}
    for row, (plate, well, time) in enumerate(zip(plates, wells, times, strict=True)):
        if well == "":
            continue
        first = seen.setdefault((plate, well, float(time)), row)
        if first != row:
            on = f" of plate {plate}" if plate else ""
            raise RequestError(
                f"Well {well}{on} stands in {where.inside(first)} and in {where.inside(row)}; keep "
                "one of them, or tell plates and times apart by columns plate and time_h."
            )


def _roles(table: pd.DataFrame, doses: FloatArray, where: _Places) -> NDArray[Any]:
    """Role of each row, from its doses where the table is silent."""
    stated = _texts(table, "role")
    absent = np.asarray((doses <= 0).all(axis=1))
    roles = np.empty(len(table), dtype=object)
    for row, (text, none) in enumerate(zip(stated, absent, strict=True)):
        word = str(text).lower().replace(" ", "_").replace("-", "_")
        if word in _LEFT_OUT:
            roles[row] = word
        elif word in _VEHICLE_WORDS and not none:
            raise RequestError(f"{where(row)} has role {text}, but a drug with a dose above 0.")
        elif word in ("treated", "sample") and none:
            raise RequestError(
                f"{where(row)} has role {text}, but no drug with a dose above 0; vehicle wells "
                "have role vehicle or none."
            )
        else:
            roles[row] = "vehicle" if none else "treated"
    return roles
