"""Volume-GR of the wells of a plate, and its metrics for every drug given alone."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spheroid_qc.response.growth.growth_rate_inhibition import METRICS, gr_metrics, gr_value
from spheroid_qc.response.growth.kinetics import volume_of_plate
from spheroid_qc.response.replicates import (
    CARRIED,
    at_time,
    in_fixed_order,
    is_time_zero,
    reference_key,
    reference_label,
    require_columns,
    usable,
)

METRIC_COLUMNS = ("drug", "dose_unit", "reference", "time_h", *METRICS)
_LEAST_GROWTH = 1.2


def volume_gr(wells: pd.DataFrame, time_h: float | None = None) -> pd.DataFrame:
    """Volume-GR of every well at one time.

    Each well starts from its own volume at time zero; the reference is the median growth
    (volume over volume at time zero) of the plate's vehicle wells of the same strata.

    Parameters
    ----------
    wells : DataFrame
        The wells table with `plate, well, time_h, condition, role`, a size, and if there
        `is_t0` (else the first time counts), `state`, drugs and doses.
    time_h : float, optional
        Analysis time; default: the last time that all plates have.

    Returns
    -------
    DataFrame
        One row per well: `plate, well, condition, role`, drugs and doses, `time_h`,
        `relative_volume`, `reference_growth`, `gr`, `size_measure`, `note`.

    Raises
    ------
    RequestError
        If a column is missing or no plate has that time.
    """
    require_columns(wells, ["plate", "well", "time_h", "condition", "role"], "Volume-GR")
    table = in_fixed_order(wells)
    table = table[~table["role"].isin(["unmapped", "blank"])].reset_index(drop=True)
    volume, measure = pd.Series(np.nan, table.index), pd.Series("", table.index, dtype=object)
    for _, rows in table.groupby("plate", sort=True):
        volume.loc[rows.index], measure.loc[rows.index] = volume_of_plate(rows)
    table = table.assign(
        _v=volume.where(usable(table)), size_measure=measure, _of=reference_key(table)
    )
    origin = table[is_time_zero(table)].drop_duplicates(["plate", "well"], keep="last")
    starts = origin.set_index(["plate", "well"])["_v"]
    end = at_time(table, time_h)
    own = end.join(starts.rename("_start"), on=["plate", "well"])
    growth = own["_v"] / own["_start"].where(own["_start"] > 0)
    own = own.assign(relative_volume=growth)
    vehicle = own[own["role"] == "vehicle"]
    medians = vehicle.groupby(["plate", "_of"])["relative_volume"].median()
    own = own.join(medians.rename("reference_growth"), on=["plate", "_of"])
    own["gr"] = gr_value(own["relative_volume"], own["reference_growth"], np.ones(len(own)))
    own["note"] = [
        _note(v, start, ratio)
        for v, start, ratio in zip(own["_v"], own["_start"], own["reference_growth"], strict=True)
    ]
    treatment = [
        str(c)
        for c in own.columns
        if str(c).startswith(("drug_", "dose_", "unit_")) or c in CARRIED
    ]
    names = ["plate", "well", "condition", "role", *treatment, "time_h", "relative_volume"]
    return own[[*names, "reference_growth", "gr", "size_measure", "note"]].reset_index(drop=True)


def _note(volume: float, start: float, growth: float) -> str:
    if np.isnan(volume):
        return "No volume at the analysis time."
    if not start > 0:
        return "No volume at time zero."
    if np.isnan(growth):
        return "No reference well with a volume at both times."
    if growth <= 1:
        return f"The reference did not grow ({growth:.3g} times): GR is not defined."
    if growth < _LEAST_GROWTH:
        return f"The reference hardly grew ({growth:.3g} times): GR is very uncertain."
    return ""


def drug_gr_metrics(gr: pd.DataFrame, alpha: float = 0.05) -> pd.DataFrame:
    """Metrics of every drug given alone.

    Parameters
    ----------
    gr : DataFrame
        From `volume_gr`, with `drug_1, dose_1_um` (or `dose_1, unit_1` where there is no um).
    alpha : float
        Level of the flat-line test.

    Returns
    -------
    DataFrame
        Columns `METRIC_COLUMNS`, one row per drug, unit and reference; none without drugs.

    Raises
    ------
    RequestError
        If there is no column `drug_1`, or no dose.
    """
    require_columns(gr, ["drug_1", "condition", "gr"], "Volume-GR metrics")
    if "dose_1_um" not in gr:
        require_columns(gr, ["dose_1", "unit_1"], "Volume-GR metrics")
    alone = gr["drug_1"].notna() & (gr["drug_1"].astype(str) != "")
    for n in (2, 3):
        if f"drug_{n}" in gr:
            other = gr[f"drug_{n}"]
            alone &= other.isna() | (other.astype(str) == "")
    used = gr[alone & (gr["role"] == "treated")]
    dose = used["dose_1_um"] if "dose_1_um" in used else pd.Series(np.nan, used.index)
    dose = pd.to_numeric(dose, errors="coerce").astype(float)
    unit = pd.Series("uM", used.index, dtype=object)
    if "dose_1" in used and "unit_1" in used:
        unit = unit.where(dose.notna(), used["unit_1"].astype(object))
        dose = dose.fillna(pd.to_numeric(used["dose_1"], errors="coerce").astype(float))
    time = float(used["time_h"].median()) if len(used) else float("nan")
    keyed = used.assign(
        drug=used["drug_1"].astype(str), dose_unit=unit, reference=reference_key(used),
        _dose_given=dose,
    )  # fmt: skip
    result = gr_metrics(keyed, ("drug", "dose_unit", "reference"), "_dose_given", "gr", alpha)
    result["reference"] = [reference_label(str(key)) for key in result["reference"]]
    return result.assign(time_h=time)[list(METRIC_COLUMNS)]
