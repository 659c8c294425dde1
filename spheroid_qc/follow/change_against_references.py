"""Change of size and disintegration against time zero and against vehicle wells."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spheroid_qc.follow.core_area_units import comparable_area
from spheroid_qc.follow.spheroid_states import OUT_OF_EFFECT


def volume_loss(area: pd.Series, reference: pd.Series) -> pd.Series:
    """Share of volume lost against a reference area in the same unit: 1 - (area / reference)^(3/2).

    1 for a core that is gone (area 0), 0 for no change, negative for growth; NaN where either is
    unknown or the reference is 0.
    """
    ratio = area / reference.where(reference > 0)
    return 1.0 - ratio.pow(1.5)


def _excess(fraction: pd.Series, reference: pd.Series) -> pd.Series:
    """Disintegration beyond a reference: (DF - DF_ref) / (1 - DF_ref)."""
    room = 1.0 - reference
    return (fraction - reference) / room.where(room > 0)


def versus_time_zero(table: pd.DataFrame, time_zero: pd.Series) -> pd.DataFrame:
    """Compare every frame with its own well at time zero.

    Parameters
    ----------
    table : DataFrame
        With columns `core_area_um2`, `core_area_px`, `disintegration_fraction`, `state`.
    time_zero : Series
        From `find_time_zero`.

    Returns
    -------
    DataFrame
        `area_ratio_vs_t0`, `core_volume_loss_vs_t0`, `df_excess_vs_t0`; empty where there is no
        baseline and for frames that are `never_formed`, `vanished` or `unscorable`.
    """
    area = comparable_area(table)
    known = time_zero.notna()
    reference = pd.DataFrame(index=table.index, columns=["area", "df"], dtype=float)
    labels = time_zero[known]
    fraction = table["disintegration_fraction"].astype(float)
    reference.loc[known, "area"] = area.loc[labels].to_numpy()
    reference.loc[known, "df"] = fraction.loc[labels].to_numpy()
    result = pd.DataFrame(index=table.index)
    result["area_ratio_vs_t0"] = area / reference["area"].where(reference["area"] > 0)
    result["core_volume_loss_vs_t0"] = volume_loss(area, reference["area"])
    result["df_excess_vs_t0"] = _excess(fraction, reference["df"])
    if "state" in table:
        result[table["state"].isin(OUT_OF_EFFECT)] = np.nan
    return result


def versus_vehicle(table: pd.DataFrame) -> pd.DataFrame:
    """Compare every frame with the vehicle wells of its plate, strata and vehicle group.

    Parameters
    ----------
    table : DataFrame
        With columns `plate`, `reference_group` (what a well shares with its vehicle wells),
        `timepoint`, `role`, `state`, `core_area_um2`, `core_area_px`,
        `disintegration_fraction`.

    Returns
    -------
    DataFrame
        `core_volume_loss_vs_vehicle`, `df_excess_vs_vehicle` (medians of the reference wells at
        the same time; empty without one) and `n_reference_wells` (int, scorable reference
        wells at that time).
    """
    area = comparable_area(table)
    fraction = table["disintegration_fraction"].astype(float)
    keys = ["plate", "reference_group", "timepoint"]
    usable = (table["role"] == "vehicle") & ~table["state"].isin(OUT_OF_EFFECT) & area.notna()
    pool = table.loc[usable, keys].assign(area=area[usable], df=fraction[usable])
    medians = pool.groupby(keys, sort=False).agg(
        area=("area", "median"), df=("df", "median"), n=("area", "size")
    )
    found = table[keys].join(medians, on=keys)
    result = pd.DataFrame(index=table.index)
    result["core_volume_loss_vs_vehicle"] = volume_loss(area, found["area"])
    result["df_excess_vs_vehicle"] = _excess(fraction, found["df"])
    result[table["state"].isin(OUT_OF_EFFECT)] = np.nan
    result["n_reference_wells"] = found["n"].fillna(0).astype(int)
    return result
