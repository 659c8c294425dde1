"""Time zero: the last scorable frame of a well at or before its first dose."""

from __future__ import annotations

from collections.abc import Hashable

import pandas as pd


def find_time_zero(table: pd.DataFrame) -> pd.Series:
    """Row of each well's baseline: the last scorable frame at or before the first dose.

    Parameters
    ----------
    table : DataFrame
        With columns `plate`, `well`, `time_h`, `dose_time_h` (h, one value a well) and
        `scorable` (bool).

    Returns
    -------
    Series
        For every row the index label of its well's time-zero row; missing where no scorable
        frame precedes the dose.
    """
    # A dose time that was copied from a table has six digits.
    latest = table["dose_time_h"] + 1e-6 + 1e-5 * table["dose_time_h"].abs()
    baseline = table[table["scorable"] & (table["time_h"] <= latest)]
    last = baseline.sort_values(["plate", "well", "time_h"]).groupby(["plate", "well"]).tail(1)
    of_well: dict[tuple[Hashable, Hashable], Hashable] = {
        (plate, well): label
        for label, plate, well in zip(last.index, last["plate"], last["well"], strict=True)
    }
    labels = [of_well.get(key) for key in zip(table["plate"], table["well"], strict=True)]
    return pd.Series(labels, index=table.index, dtype=object)
