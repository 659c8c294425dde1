"""The sphere-forming assay: from spheres of all fields to one row a well.

Spheres smaller than the cut-off are left out of every figure. Counts refer to the imaged area
and are scaled to the well where its area is known.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from spheroid_qc.flags import Flag
from spheroid_qc.parameters import Parameters

__all__ = ["summarise_spheres"]

_MEDIANS = (
    "core_area_px",
    "core_area_um2",
    "equivalent_diameter_um",
    "volume_um3",
    "circularity",
    "solidity",
    "eccentricity",
    "mean_intensity",
)


def summarise_spheres(
    fields: Sequence[dict[str, Any]], parameters: Parameters, cells_seeded: float | None
) -> tuple[dict[str, Any], list[Flag]]:
    """Summarise the spheres of one well at one time.

    Parameters
    ----------
    fields : sequence of dict
        Results of all fields as in a record: `rows` (one per sphere), `shape`,
        `pixel_size_um`.
    parameters : Parameters
        `spheres.min_diameter_um`, `spheres.well_area_mm2`.
    cells_seeded : float or None
        From the plate map.

    Returns
    -------
    dict
        `n_spheroids` (spheres of the cut-off or larger, all fields), medians of size and shape
        over spheres, `total_area_px` and `total_area_um2` (sums), `diameter_sd_um`,
        `imaged_area_mm2`, `imaged_fraction`, `spheres_per_mm2`, `spheres_per_well`,
        `sfe_percent` = 100 * spheres / cells seeded (scaled to the well where the imaged
        fraction is known). NaN where unknown.
    list of Flag
        `imaged_fraction_unknown` where counts could not be scaled.
    """
    rows = [row for f in fields for row in f["rows"] if (row.get("core_area_px") or 0) > 0]
    kept = [row for row in rows if _large_enough(row, parameters.spheres.min_diameter_um)]
    values: dict[str, Any] = {"n_spheroids": len(kept), "n_below_cutoff": len(rows) - len(kept)}
    for name in _MEDIANS:
        known = [row[name] for row in kept if row.get(name) is not None]
        values[name] = float(np.median(known)) if known else math.nan
    for name, source in (("total_area_px", "core_area_px"), ("total_area_um2", "core_area_um2")):
        known = [row[source] for row in kept if row.get(source) is not None]
        values[name] = math.fsum(known) if known or not kept else math.nan
    diameters = [
        row["equivalent_diameter_um"]
        for row in kept
        if row.get("equivalent_diameter_um") is not None
    ]
    values["diameter_sd_um"] = float(np.std(diameters, ddof=1)) if len(diameters) > 1 else math.nan
    sizes = [f["pixel_size_um"] for f in fields]
    imaged = math.nan
    if all(size is not None for size in sizes):
        imaged = math.fsum(f["shape"][0] * f["shape"][1] * f["pixel_size_um"] ** 2 for f in fields)
        imaged /= 1e6
    else:
        values["total_area_um2"] = math.nan
    well_area = parameters.spheres.well_area_mm2
    fraction = math.nan
    if well_area is not None and not math.isnan(imaged):
        fraction = min(1.0, imaged / well_area)
    known_fraction = fraction > 0
    per_well = len(kept) / fraction if known_fraction else math.nan
    values |= {
        "imaged_area_mm2": imaged,
        "imaged_fraction": fraction,
        "spheres_per_mm2": len(kept) / imaged if imaged > 0 else math.nan,
        "spheres_per_well": per_well,
        "sfe_percent": math.nan,
    }
    if cells_seeded:
        values["sfe_percent"] = 100 * (per_well if known_fraction else len(kept)) / cells_seeded
    flags = [] if known_fraction else [Flag("imaged_fraction_unknown")]
    return values, flags


def _large_enough(row: dict[str, Any], cut_off_um: float) -> bool:
    diameter = row.get("equivalent_diameter_um")
    # Without a pixel size no cut-off can be applied; the row is flagged as uncalibrated.
    return diameter is None or diameter >= cut_off_um
