"""Which wells are analysed together: one time, one plate; and several plates put together.

Curves and excesses are estimated plate by plate, since plates differ in ways that wells of one
plate share. What several plates say together is the mean of the plates (first within a
biological replicate), with Student's t interval between them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from spheroid_qc.errors import RequestError
from spheroid_qc.response.arrays import BoolArray, FloatArray
from spheroid_qc.response.conditions import Conditions, clusters, conditions
from spheroid_qc.response.response_table import Responses
from spheroid_qc.response.variance_model import CONSTANT

ALL_PLATES = "all"
"""Word in column `plate` for what all plates say together."""


class Group(NamedTuple):
    """Wells that are analysed together."""

    plate: str
    block: str
    responses: Responses


def analysis_time(responses: Responses, time_h: float | None = None) -> tuple[Responses, str]:
    """Choose the time that is analysed.

    Parameters
    ----------
    responses : Responses
        At one or several times.
    time_h : float, optional
        The time; None: the last one at which every plate has all of its conditions.

    Returns
    -------
    Responses, str
        The rows at that time, and a sentence that says so (empty with one time only).

    Raises
    ------
    RequestError
        If no row has that time, or the plates have no time in common.
    """
    times = responses.rows["time_h"].to_numpy(dtype=np.float64)
    every = np.unique(times)
    if time_h is not None:
        keep = np.isclose(times, time_h, rtol=1e-9, atol=1e-6)
        if not keep.any():
            listed = ", ".join(f"{t:g}" for t in every[-8:])
            raise RequestError(f"No response at {time_h:g} h; the last times are {listed} h.")
        return responses.where(keep), f"Analysed at {time_h:g} h, as asked."
    if len(every) == 1:
        return responses, ""
    plates = responses.rows["plate"].to_numpy()
    _, condition = np.unique(responses.doses, axis=0, return_inverse=True)
    parts = pd.DataFrame({"plate": plates, "condition": np.ravel(condition), "time": times})
    common = set(every.tolist())
    for _, rows in parts.groupby(["plate", "condition"]):
        common &= set(rows["time"].tolist())
    if not common:
        common = set(every.tolist())
        for _, rows in parts.groupby("plate"):
            common &= set(rows["time"].tolist())
    if not common:
        raise RequestError(
            "The plates have no time in common; name the time to analyse, or give each plate's "
            "end point the same time_h."
        )
    last = max(common)
    messages = f"Analysed at {last:g} h, the last time that all plates and conditions have."
    return responses.where(times == last), messages


def groups(responses: Responses, complete: Callable[[Responses], bool]) -> Iterator[Group]:
    """Split rows by plate, unless a plate alone can't answer.

    `complete` tells whether a plate's rows hold what the question needs. Rows of one time become
    each complete plate; if there is none, all plates as one.
    """
    plates = responses.rows["plate"].to_numpy()
    found = False
    for plate in sorted(set(plates)):
        part = responses.where(plates == plate)
        if complete(part):
            found = True
            yield Group(str(plate), str(part.rows["block"].iloc[0]), part)
    if not found and len(set(plates)) > 1:
        yield Group(ALL_PLATES, ALL_PLATES, responses)


def combinations_given(responses: Responses) -> list[tuple[int, ...]]:
    """List the sets of drugs (columns of `doses`) that were given together, small ones first."""
    given = responses.doses > 0
    found = {tuple(np.flatnonzero(row).tolist()) for row in given if row.sum() > 1}
    return sorted(found, key=lambda columns: (len(columns), columns))


def without_other_drugs(responses: Responses, columns: Sequence[int]) -> BoolArray:
    """Tell which rows hold no drug but these (columns of `doses`), or none at all."""
    other = np.ones(responses.doses.shape[1], dtype=bool)
    other[list(columns)] = False
    return np.asarray(~(responses.doses[:, other] > 0).any(axis=1))


def grouping_columns(table: pd.DataFrame, responses: Responses) -> list[str]:
    """Name the columns that come first in a table of one time, which get the time filled in."""
    if responses.has_times:
        table["time_h"] = float(responses.rows["time_h"].iloc[0])
    known = {"time_h": responses.has_times, "plate": responses.has_plates}
    return [name for name, several in known.items() if several]


def whole_plate(responses: Responses, group: Group) -> Conditions:
    """Give the conditions of a group's plates, whatever drugs they hold: they tell how wells vary.

    How a well's variance depends on its effect, and its size, is by all replicates.
    """
    whole = responses.rows["plate"].isin(set(group.responses.rows["plate"])).to_numpy()
    model = None if responses.is_fraction else CONSTANT
    return conditions(responses.doses[whole], responses.effect[whole], model)


def over_plates(
    values: FloatArray, blocks: NDArray[np.str_], level: float, *, log: bool
) -> tuple[float, float, float]:
    """Mean over plates and its t interval between biological replicates.

    `values` has one estimate per plate (NaN are left out), `blocks` its biological replicate;
    plates of one are averaged first, by their logarithms with `log` (doses, indices). Gives mean,
    lower and upper bound; bounds are NaN with fewer than two replicates.
    """
    known = np.isfinite(values) & ((values > 0) | (not log))
    if not known.any():
        return float("nan"), float("nan"), float("nan")
    used = np.log(values[known]) if log else values[known]
    names = blocks[known]
    means = np.array([used[names == name].mean() for name in np.unique(names)])
    mean, half = float(means.mean()), float("nan")
    if len(means) > 1:
        half = float(stats.t.ppf(0.5 + level / 2, len(means) - 1))
        half *= float(means.std(ddof=1)) / len(means) ** 0.5
    ends = (mean, mean - half, mean + half)
    if log:
        with np.errstate(over="ignore"):
            ends = (float(np.exp(ends[0])), float(np.exp(ends[1])), float(np.exp(ends[2])))
    return ends


def of_all_plates(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Take what all plates say together, and single plates where a response and stratum has one.

    `name` is the column of the table that names drugs or combinations.
    """
    if "plate" not in table:
        return table
    together = table["plate"] == ALL_PLATES
    keys = [table[key] for key in ("response", "stratum", name) if key in table]
    return table[together | ~together.groupby(keys, dropna=False).transform("any")]


def fixed_ratios(doses: FloatArray) -> list[tuple[BoolArray, FloatArray]]:
    """Find combinations whose drugs stand in a fixed ratio over several doses.

    `doses` (n, k) are all above 0; three distinct total doses make a series. Gives the rows of
    each series and the share of each drug in the total dose. Ratios within 1 % are one: dilution
    series are written with few digits.
    """
    if not len(doses):
        return []
    log = np.log(doses)
    pairs = combinations(range(doses.shape[1]), 2)  # all of them: no drug comes first
    ratios = np.column_stack([clusters(log[:, j] - log[:, i], 0.01) for i, j in pairs])
    series, label = np.unique(ratios, axis=0, return_inverse=True)
    found = []
    for one in range(len(series)):
        rows = label.ravel() == one
        total = np.unique(np.round(np.log(doses[rows].sum(axis=1)), 6))
        if len(total) >= 3:
            parts = np.exp(np.log(doses[rows]).mean(axis=0))
            found.append((rows, parts / parts.sum()))
    return found
