"""Conditions that belong in one picture: the same drugs (and strata) at different doses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

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


def common_suffix(names: Sequence[str]) -> str:
    """Strata that all conditions share, as they end their names; empty if they differ."""
    ends = {name.partition(" | ")[1:] for name in names}
    return "".join(ends.pop()) if len(ends) == 1 and len(names) > 1 else ""


def vehicle_of(conditions: pd.DataFrame, comparisons: pd.DataFrame | None) -> dict[str, str]:
    """Which vehicle condition each condition is compared with.

    Parameters
    ----------
    conditions : DataFrame
        `condition, role`.
    comparisons : DataFrame or None
        `condition, reference`, which knows best.

    Returns
    -------
    dict
        Without conditions that have no vehicle.
    """
    known = conditions.drop_duplicates("condition")
    vehicles = [str(c) for c, r in zip(known["condition"], known["role"], strict=True)
                if r == "vehicle"]  # fmt: skip
    found: dict[str, str] = {}
    if comparisons is not None and {"condition", "reference"} <= set(comparisons.columns):
        for name, reference in zip(comparisons["condition"], comparisons["reference"], strict=True):
            first = str(reference).partition(" / ")[0]
            if first in vehicles:
                found.setdefault(str(name), first)
    for name in (str(c) for c in known["condition"]):
        same = [v for v in vehicles if v.partition(" | ")[2] == name.partition(" | ")[2]]
        if same:
            found.setdefault(name, same[0])
    return found


def families_of(
    conditions: pd.DataFrame, comparisons: pd.DataFrame | None = None
) -> list[MetricFamily]:
    """Group treated conditions.

    Parameters
    ----------
    conditions : DataFrame
        `conditions.csv`, in its order.
    comparisons : DataFrame, optional
        `comparisons.csv`.

    Returns
    -------
    list of MetricFamily
        Controls first, drugs alone, then combinations, as the table is sorted. More than
        `MOST_IN_ONE` conditions are split by the dose of the first drug, and then by number.
    """
    table = conditions.drop_duplicates("condition")
    suffix = common_suffix([str(c) for c in table["condition"]])
    references = vehicle_of(conditions, comparisons)
    groups: dict[tuple[str, tuple[str, ...]], list[tuple[str, tuple[float, ...], str]]] = {}
    for _, row in table.iterrows():
        name = str(row["condition"])
        if row["role"] in ("vehicle", "blank", "unmapped"):
            continue
        drugs, doses, words = _doses(row)
        strata = "" if suffix else name.partition(" | ")[2]
        title = " + ".join(drugs) or name.removesuffix(suffix).partition(" | ")[0]
        key = (f"{title} ({strata})" if strata else title, drugs)
        label = " + ".join(words) or name.removesuffix(suffix)
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
