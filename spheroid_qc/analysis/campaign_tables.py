"""Many plates side by side: quality and vehicle wells in the order of the plates, and what drifts.

Everything is computed from the tables of the plates' runs. Plates are compared by medians and
median absolute deviations, which one bad plate does not move.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from spheroid_qc.response.plate_quality.assay_quality import MAD_TO_SD, mad
from spheroid_qc.response.plate_quality.plate_quality_table import SIZES
from spheroid_qc.response.replicates import is_time_zero, stratum_of, usable

_FEWEST = 3
"""Values (plates, or wells of one) without which there is no spread to compare one with."""

FEWEST_TO_JUDGE = 5
"""Plates without which nobody is said to stand out: of four any two may lie close by chance."""

_FAR = 3.5
"""Robust z-score from which a plate stands out (Iglewicz & Hoaglin 1993)."""

CONDITION_METRICS = (
    "core_volume_loss_vs_t0", "disintegration_fraction", "equivalent_diameter_um",
    "equivalent_diameter_px", "spheres_per_well", "sfe_percent",
)  # fmt: skip
"""Metrics of which conditions are compared across plates, as far as the plates have them."""

TRACKED = {
    "vehicle_size_t0": "size of vehicle spheroids at time zero",
    "vehicle_df": "disintegration fraction of vehicle wells",
    "z_prime": "Z′",
    "ssmd": "SSMD",
    "size_cv_t0_vehicle": "CV of vehicle sizes at time zero",
    "unscorable_share": "share of unscorable frames",
}
"""Column of `campaign.csv` -> what it is, of those that are followed from plate to plate."""


@dataclass(frozen=True)
class CampaignPlate:
    """One plate of a campaign, by the tables of its run.

    Parameters
    ----------
    name : str
        What it is called in the campaign; no two plates are called the same.
    run, plate : str
        Run folder below the campaign's, and the plate's name in its tables.
    wells, quality, qc : DataFrame
        Its rows of `wells.csv`, `plate_quality.csv` and `qc.csv`.
    """

    name: str
    run: str
    plate: str
    wells: pd.DataFrame
    quality: pd.DataFrame
    qc: pd.DataFrame


@dataclass(frozen=True)
class CampaignTables:
    """What is said of all plates.

    Parameters
    ----------
    plates : DataFrame
        One row a plate, in their order.
    drift : DataFrame
        One row for each figure of `TRACKED` that enough plates have.
    conditions : DataFrame
        One row for each condition, metric and plate.
    quality : DataFrame
        The plates' tables of quality, one below the other.
    """

    plates: pd.DataFrame
    drift: pd.DataFrame
    conditions: pd.DataFrame
    quality: pd.DataFrame


def campaign_tables(plates: Sequence[CampaignPlate], time_h: float | None = None) -> CampaignTables:
    """Compare the plates of a campaign.

    Parameters
    ----------
    plates : sequence of CampaignPlate
        In the order in which they are followed.
    time_h : float, optional
        Time at which they are compared, hours; default: the last that all have, and of a plate
        that lacks it its own last.

    Returns
    -------
    CampaignTables
        Without rows where there are no plates.
    """
    at = _common_time(plates) if time_h is None else time_h
    metric = _quality_metric(plates)
    rows = [_row(n, plate, at, metric) for n, plate in enumerate(plates, start=1)]
    table = pd.DataFrame(rows, columns=[*_START, *TRACKED, "robust_z_prime", "robust_ssmd"])
    for name in TRACKED:
        table[f"{name}_robust_z"] = robust_z(table[name].to_numpy(dtype=float))
    listed = [
        plate.quality.assign(plate=plate.plate, run=plate.run, name=plate.name)
        for plate in plates
        if len(plate.quality)
    ]
    quality = pd.concat(listed, ignore_index=True) if listed else pd.DataFrame()
    if len(quality):
        first = ["run", "name", "plate"]
        quality = quality[[*first, *(n for n in quality.columns if n not in first)]]
    return CampaignTables(table, _drift(table), _conditions(plates, at), quality)


_START = (
    "order", "name", "run", "plate", "time_h", "n_wells", "n_frames", "n_excluded", "vehicle_wells",
    "size_metric", "quality_metric",
)  # fmt: skip


def robust_z(values: np.ndarray) -> np.ndarray:
    """Distance of each value from the median, in robust standard deviations.

    NaN where fewer than three are known, or more than half of them are the same.
    """
    middle, spread = _robust(values[np.isfinite(values)])
    return (values - middle) / spread if spread > 0 else np.full(values.shape, np.nan)


def stands_out(robust_z: ArrayLike, n_plates: ArrayLike) -> NDArray[np.bool_]:
    """Say which plates lie far from the others, where there are enough of them to say so.

    Parameters
    ----------
    robust_z : array_like of float
        As `robust_z` gives them; NaN stands for no plate.
    n_plates : array_like of int
        How many plates have the figure.

    Returns
    -------
    ndarray of bool
    """
    far: NDArray[np.bool_] = np.abs(np.asarray(robust_z, dtype=float)) > _FAR
    return far & (np.asarray(n_plates) >= FEWEST_TO_JUDGE)


def outlying(plates: pd.DataFrame, figure: str) -> NDArray[np.bool_]:
    """Say of every row of `campaign.csv` whether its plate stands out by a figure of `TRACKED`."""
    return stands_out(plates[f"{figure}_robust_z"], plates[figure].notna().sum())


def _common_time(plates: Sequence[CampaignPlate]) -> float | None:
    times = [set(plate.wells["time_h"].dropna()) for plate in plates]
    common = set.intersection(*times) if times else set()
    return float(max(common)) if common else None


def _at(wells: pd.DataFrame, time_h: float | None) -> pd.DataFrame:
    """Rows at the time, or at the plate's last one."""
    times = wells["time_h"].dropna()
    if not len(times):
        return wells.iloc[:0]
    return wells[wells["time_h"] == (time_h if time_h in set(times) else times.max())]


def _quality_metric(plates: Sequence[CampaignPlate]) -> str:
    """Choose the first metric by which controls of any plate could be told apart."""
    for plate in plates:
        quality = plate.quality
        if len(quality):
            known = quality[(quality["statistic"] == "z_prime") & quality["value"].notna()]
            if len(known):
                return str(known["metric"].iloc[0])
    return ""


def _row(order: int, plate: CampaignPlate, time_h: float | None, metric: str) -> dict[str, object]:
    wells = plate.wells
    now = _at(wells, time_h)
    vehicle = now[(now["role"] == "vehicle") & usable(now)]
    start = wells[is_time_zero(wells) & usable(wells) & (wells["role"] == "vehicle")]
    size = next((name for name in SIZES if name in start and start[name].notna().any()), "")
    seeded = wells[~wells["role"].isin(["blank", "unmapped"])]
    row: dict[str, object] = {
        "order": order,
        "name": plate.name,
        "run": plate.run,
        "plate": plate.plate,
        "time_h": float(now["time_h"].iloc[0]) if len(now) else np.nan,
        "n_wells": wells["well"].nunique(),
        "n_frames": int(wells["file"].notna().sum()) if "file" in wells else len(wells),
        "n_excluded": int((plate.qc["severity"] == "exclude").sum()) if len(plate.qc) else 0,
        "vehicle_wells": len(vehicle),
        "size_metric": size,
        "quality_metric": metric,
        "vehicle_size_t0": float(start[size].median()) if size else np.nan,
        "vehicle_df": _median(vehicle, "disintegration_fraction"),
        "size_cv_t0_vehicle": _figure(plate.quality, "size_cv_t0_vehicle"),
        "unscorable_share": (
            float((seeded["state"] == "unscorable").mean()) if len(seeded) else np.nan
        ),
    }
    for name in ("z_prime", "ssmd", "robust_z_prime", "robust_ssmd"):
        row[name] = _figure(plate.quality, name, metric)
    return row


def _median(rows: pd.DataFrame, name: str) -> float:
    return float(rows[name].median()) if name in rows and len(rows) else float("nan")


def _figure(quality: pd.DataFrame, statistic: str, metric: str | None = None) -> float:
    """Look up a figure of plate quality; of several pairs of controls the median."""
    if not len(quality):
        return float("nan")
    rows = quality[quality["statistic"] == statistic]
    if metric is not None:
        rows = rows[rows["metric"] == metric]
    values = rows["value"].dropna()
    return float(values.median()) if len(values) else float("nan")


def _drift(table: pd.DataFrame) -> pd.DataFrame:
    """Trend of each figure from plate to plate: Kendall's tau, and the slope of Theil and Sen.

    Neither asks for a straight line or normal errors (Kendall 1938, doi:10.1093/biomet/30.1-2.81;
    Sen 1968, doi:10.1080/01621459.1968.10480934).
    """
    lines = []
    for name, title in TRACKED.items():
        known = table[["order", name]].astype(float).dropna()
        if len(known) < _FEWEST:
            continue
        order, values = known["order"].to_numpy(), known[name].to_numpy()
        if np.ptp(values) > 0:
            found = stats.kendalltau(order, values)
            tau, p = float(found.statistic), float(found.pvalue)
        else:
            tau, p = 0.0, 1.0
        slope, _, low, high = (float(figure) for figure in stats.theilslopes(values, order))
        middle = float(np.median(values))
        lines.append((name, title, len(known), middle, tau, p, slope, low, high))
    columns = ("figure", "title", "n_plates", "median", "tau", "p", "slope_per_plate", "slope_low",
               "slope_high")  # fmt: skip
    return pd.DataFrame(lines, columns=list(columns))


_CONDITION = ("condition", "stratum", "role", "metric")
_BY_PLATE = (*_CONDITION, "name", "run", "plate", "time_h", "n_wells", "median",
             "robust_z_vs_vehicle")  # fmt: skip


def _conditions(plates: Sequence[CampaignPlate], time_h: float | None) -> pd.DataFrame:
    """Medians of each condition by plate: against its own vehicle wells, and across plates."""
    lines: list[tuple[object, ...]] = []
    for plate in plates:
        now = _at(plate.wells, time_h)
        now = now[usable(now) & ~now["role"].isin(["blank", "unmapped"])]
        now = now.assign(_stratum=stratum_of(now))
        for metric in CONDITION_METRICS:
            if metric not in now:
                continue
            known = now[now[metric].notna()].astype({metric: float})
            vehicle = known[known["role"] == "vehicle"].groupby("_stratum")[metric]
            scales = {str(stratum): _robust(values.to_numpy()) for stratum, values in vehicle}
            groups = known.groupby(["_stratum", "condition", "role"], sort=True)
            for (stratum, condition, role), rows in groups:
                median = float(rows[metric].median())
                middle, spread = scales.get(str(stratum), (np.nan, 0.0))
                apart = (median - middle) / spread if spread > 0 else np.nan
                lines.append(
                    (condition, stratum, role, metric, plate.name, plate.run, plate.plate,
                     float(rows["time_h"].iloc[0]), len(rows), median, apart)
                )  # fmt: skip
    table = pd.DataFrame(lines, columns=list(_BY_PLATE))
    same = table.groupby(list(_CONDITION), sort=False)["median"]
    return table.assign(
        n_plates=same.transform("size"),
        median_of_plates=same.transform("median"),
        robust_z_across_plates=same.transform(lambda values: robust_z(values.to_numpy(float))),
    )


def _robust(values: np.ndarray) -> tuple[float, float]:
    """Median, and robust standard deviation; NaN and 0 for fewer than three."""
    if values.size < _FEWEST:
        return float("nan"), 0.0
    return float(np.median(values)), MAD_TO_SD * mad(values)
