"""Conditions that belong in one picture: the same drugs (and strata) at different doses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from spheroid_qc.plate_map import without_stratum
from spheroid_qc.response.replicates import reference_key, shared_stratum, stratum_of
from spheroid_qc.wording import dose_words, finite

MOST_IN_ONE = 6


@dataclass(frozen=True)
class TreatmentFamily:
    """Doses of the same drugs.

    Parameters
    ----------
    treatment : str
        Drugs, and the stratum where there are several.
    part : str
        Which doses of them, where one picture can't hold all.
    drugs : tuple of str
        In the order of the columns.
    stratum : str
        Empty where there is only one.
    names : tuple of str
        Conditions, low doses first.
    labels : dict
        Condition -> its doses.
    vehicle : str or None
        The condition that they are compared with.
    """

    treatment: str
    part: str
    drugs: tuple[str, ...]
    stratum: str
    names: tuple[str, ...]
    labels: dict[str, str]
    vehicle: str | None

    @property
    def title(self) -> str:
        """Treatment and part."""
        return self.treatment + self.part


class _Member(NamedTuple):
    """One condition of a family."""

    name: str
    doses: tuple[float, ...]
    words: tuple[str, ...]


def _vehicle_of(conditions: pd.DataFrame, wells: pd.DataFrame | None) -> dict[str, str]:
    """Tell with which vehicle each condition is compared: of its reference, else its stratum."""
    found: dict[str, str] = {}
    if wells is not None:
        named = wells[["condition", "role"]].assign(_of=reference_key(wells))
        named = named.drop_duplicates(["_of", "condition"])
        for _, rows in named.groupby("_of", sort=True):
            vehicles = sorted(rows.loc[rows["role"] == "vehicle", "condition"].astype(str))
            for name in rows["condition"].astype(str) if vehicles else ():
                found.setdefault(name, vehicles[0])
    for _, rows in conditions.groupby(stratum_of(conditions)):
        vehicles = list(rows.loc[rows["role"] == "vehicle", "condition"].astype(str))
        for name in rows["condition"].astype(str) if vehicles else ():
            found.setdefault(name, vehicles[0])
    return found


def families_of(
    conditions: pd.DataFrame,
    wells: pd.DataFrame | None = None,
    given: Mapping[str, str] | None = None,
) -> list[TreatmentFamily]:
    """Group treated conditions.

    Parameters
    ----------
    conditions : DataFrame
        `conditions.csv`, in its order.
    wells : DataFrame, optional
        `wells.csv`, which knows which vehicle is whose reference.
    given : mapping, optional
        Drug -> molar unit in which its doses were written, in which they are labelled.

    Returns
    -------
    list of TreatmentFamily
        Controls first, drugs alone, then combinations, as the table is sorted. More than
        `MOST_IN_ONE` conditions are split by the dose of the first drug, and then by number.
    """
    table = conditions.drop_duplicates("condition")
    shared = shared_stratum(table)
    references = _vehicle_of(table, wells)
    groups: dict[tuple[str, str, tuple[str, ...]], list[_Member]] = {}
    for stratum, (_, row) in zip(stratum_of(table), table.iterrows(), strict=True):
        if row["role"] in ("vehicle", "blank", "unmapped"):
            continue
        name = str(row["condition"])
        drugs, doses, words = _doses(row, given or {})
        title = " + ".join(drugs) or without_stratum(name, stratum)
        own = "" if shared else stratum
        member = _Member(name, doses, words or (without_stratum(name, shared),))
        groups.setdefault((f"{title} ({own})" if own else title, own, drugs), []).append(member)
    found = []
    for (title, stratum, drugs), members in groups.items():
        for part, some in _split(sorted(members, key=lambda m: m.doses), drugs):
            labels = {member.name: " + ".join(member.words) for member in some}
            names = tuple(labels)
            vehicle = references.get(names[0])
            if vehicle is not None:
                labels[vehicle] = "vehicle"
            found.append(TreatmentFamily(title, part, drugs, stratum, names, labels, vehicle))
    return found


def _doses(
    row: pd.Series, given: Mapping[str, str]
) -> tuple[tuple[str, ...], tuple[float, ...], tuple[str, ...]]:
    drugs, doses, words = [], [], []
    for n in (1, 2, 3):
        drug, molar, own = (row.get(name) for name in (f"drug_{n}", f"dose_{n}_um", f"dose_{n}"))
        if drug is None or pd.isna(drug):
            continue
        dose, unit = finite(molar), "uM"
        if dose is None and (dose := finite(own)) is not None:
            unit = str(row.get(f"unit_{n}"))
        drugs.append(str(drug))
        doses.append(math.nan if dose is None else dose)
        words.append("?" if dose is None else dose_words(dose, unit, given.get(str(drug), "")))
    return tuple(drugs), tuple(doses), tuple(words)


def _split(members: list[_Member], drugs: tuple[str, ...]) -> list[tuple[str, list[_Member]]]:
    """Keep a picture readable: at most `MOST_IN_ONE` lines."""
    if len(members) <= MOST_IN_ONE:
        return [("", members)]
    if len(drugs) > 1:
        by_first: dict[str, list[_Member]] = {}
        for member in members:
            by_first.setdefault(member.words[0], []).append(member)
        if len(by_first) > 1:
            return [
                (f", {drugs[0]} {dose}" + more, part)
                for dose, chosen in by_first.items()
                for more, part in _split(chosen, ())
            ]
    parts = -(-len(members) // MOST_IN_ONE)
    size = -(-len(members) // parts)
    return [(f" ({n + 1} of {parts})", members[n * size : (n + 1) * size]) for n in range(parts)]
