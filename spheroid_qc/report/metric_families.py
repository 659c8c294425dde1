"""Conditions that belong in one picture: the same drugs (and strata) at different doses."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from spheroid_qc.plate_map import without_stratum
from spheroid_qc.response.replicates import reference_key, shared_stratum, stratum_of
from spheroid_qc.wording import dose_words

MOST_IN_ONE = 6
_NUMBERS = (1, 2, 3)


@dataclass(frozen=True)
class MetricFamily:
    """Doses of the same drugs.

    Parameters
    ----------
    title : str
        Drugs, and strata where there are several.
    drugs : tuple of str
        In the order of the columns.
    names : tuple of str
        Conditions, low doses first.
    labels : dict
        Condition -> its doses.
    vehicle : str or None
        The condition that they are compared with.
    """

    title: str
    drugs: tuple[str, ...]
    names: tuple[str, ...]
    labels: dict[str, str]
    vehicle: str | None


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


def families_of(conditions: pd.DataFrame, wells: pd.DataFrame | None = None) -> list[MetricFamily]:
    """Group treated conditions.

    Parameters
    ----------
    conditions : DataFrame
        `conditions.csv`, in its order.
    wells : DataFrame, optional
        `wells.csv`, which knows which vehicle is whose reference.

    Returns
    -------
    list of MetricFamily
        Controls first, drugs alone, then combinations, as the table is sorted. More than
        `MOST_IN_ONE` conditions are split by the dose of the first drug, and then by number.
    """
    table = conditions.drop_duplicates("condition")
    shared = shared_stratum(table)
    references = _vehicle_of(table, wells)
    groups: dict[tuple[str, tuple[str, ...]], list[tuple[str, tuple[float, ...], str]]] = {}
    for stratum, (_, row) in zip(stratum_of(table), table.iterrows(), strict=True):
        name = str(row["condition"])
        if row["role"] in ("vehicle", "blank", "unmapped"):
            continue
        drugs, doses, words = _doses(row)
        title = " + ".join(drugs) or without_stratum(name, stratum)
        key = (f"{title} ({stratum})" if stratum and not shared else title, drugs)
        label = " + ".join(words) or without_stratum(name, shared)
        groups.setdefault(key, []).append((name, doses, label))
    found = []
    for (title, drugs), members in groups.items():
        for more, part in _split(sorted(members, key=lambda m: m[1]), drugs):
            names = tuple(name for name, _, _ in part)
            labels = {name: label for name, _, label in part}
            vehicle = references.get(names[0])
            if vehicle is not None:
                labels[vehicle] = "vehicle"
            found.append(MetricFamily(title + more, drugs, names, labels, vehicle))
    return found


def _doses(row: pd.Series) -> tuple[tuple[str, ...], tuple[float, ...], list[str]]:
    drugs, doses, words = [], [], []
    for n in _NUMBERS:
        drug = row.get(f"drug_{n}")
        if drug is None or pd.isna(drug):
            continue
        molar, own = row.get(f"dose_{n}_um"), row.get(f"dose_{n}")
        unit = "uM"
        dose = float("nan") if molar is None or pd.isna(molar) else float(molar)
        if pd.isna(dose) and own is not None and not pd.isna(own):
            dose, unit = float(own), str(row.get(f"unit_{n}"))
        drugs.append(str(drug))
        doses.append(dose)
        words.append("?" if pd.isna(dose) else dose_words(dose, unit))
    return tuple(drugs), tuple(doses), words


def _split(
    members: list[tuple[str, tuple[float, ...], str]], drugs: tuple[str, ...]
) -> list[tuple[str, list[tuple[str, tuple[float, ...], str]]]]:
    """Keep a picture readable: at most `MOST_IN_ONE` lines."""
    if len(members) <= MOST_IN_ONE:
        return [("", members)]
    if len(drugs) > 1:
        by_first: dict[str, list[tuple[str, tuple[float, ...], str]]] = {}
        for member in members:
            by_first.setdefault(member[2].partition(" + ")[0], []).append(member)
        if len(by_first) > 1:
            return [
                (f", {drugs[0]} {dose}" + more, part)
                for dose, chosen in by_first.items()
                for more, part in _split(chosen, ())
            ]
    parts = -(-len(members) // MOST_IN_ONE)
    size = -(-len(members) // parts)
    return [(f" ({n + 1} of {parts})", members[n * size : (n + 1) * size]) for n in range(parts)]
