"""The sphere-forming assay: from spheres of all fields to one row a well.

Spheres smaller than the cut-off are left out of every number. Counts refer to the imaged area
and are scaled to the well where its area is known.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from spheroid_qc.flags import Flag, frame_flags, resolve
from spheroid_qc.parameters import Assay, Parameters, Severity

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
    """Summarise the spheres of one well at one time, over all of its fields.

    Parameters
    ----------
    fields : sequence of dict
        As in a record: `rows` (one per sphere), `shape`, `pixel_size_um`.
    cells_seeded : float or None
        From the plate map.

    Returns
    -------
    dict
        `n_spheroids` (spheres of `spheres.min_diameter_um` or larger), medians of size and shape
        over spheres, `total_area_px` and `total_area_um2` (sums), `diameter_sd_um`,
        `imaged_area_mm2`, `imaged_fraction`, `spheres_per_mm2`, `spheres_per_well`,
        `sfe_percent` = 100 * spheres / cells seeded (scaled to the well where the imaged
        fraction is known). NaN where unknown.
    list of Flag
        `imaged_fraction_unknown` where counts could not be scaled.
    """
    rows = [row for f in fields for row in f["rows"] if (row.get("core_area_px") or 0) > 0]
    kept = [row for row in rows if is_counted(row, parameters)]
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


def merge_fields(
    fields: Sequence[dict[str, Any]], parameters: Parameters
) -> tuple[list[dict[str, Any]], list[Flag]]:
    """Leave out fields that can't be trusted, if others of the well can.

    `fields` are all of a well, as in a record. Gives those that count (all where none can be
    trusted) and findings of single fields, named by field; a well of one field is flagged with its
    row.
    """
    if len(fields) < 2:
        return list(fields), []
    good: list[dict[str, Any]] = []
    flags: list[Flag] = []
    for one in fields:
        features = {
            **one["figures"],
            "pixel_size_um": one["pixel_size_um"],
            "confidence": one["confidence"],
            "n_spheroids": len(one["rows"]),
        }
        found = [
            resolve(flag, parameters.quality)
            for flag in frame_flags(features, parameters.quality, Assay.SPHERES)
            # A field without a sphere is nothing special, and the row tells of the rest.
            if flag.code not in ("no_spheroid", "uncalibrated")
        ]
        bad = any(flag.severity is Severity.EXCLUDE for flag in found)
        if not bad:
            good.append(one)
        for flag in found:
            tail = " It was left out." if flag.severity is Severity.EXCLUDE else ""
            severity = Severity.WARN if tail else flag.severity
            detail = f"Field {one['field']}. {flag.detail}".rstrip() + tail
            flags.append(Flag(flag.code, severity, detail))
    return good or list(fields), flags


def combine_channels(fields: Sequence[dict[str, Any]]) -> dict[str, dict[str, float | None]]:
    """Further channels over all fields of a well: sums add up, means are means over pixels.

    Of each field `fluorescence` (channel -> features), `core_px` and `shed_px` are read; the
    answer is like the first.
    """
    if len(fields) == 1:
        return dict(fields[0]["fluorescence"])
    combined: dict[str, dict[str, float | None]] = {}
    for channel in sorted({name for f in fields for name in f["fluorescence"]}):
        having = [f for f in fields if channel in f["fluorescence"]]
        values: dict[str, float | None] = {}
        for part in ("core", "shed", "total"):
            sums = [f["fluorescence"][channel][f"{part}_integrated"] for f in having]
            known = [value for value in sums if value is not None]
            values[f"{part}_integrated"] = math.fsum(known) if known else None
            values[f"{part}_mean"] = _weighted(having, channel, f"{part}_mean", part)
        values["background"] = _weighted(having, channel, "background", "")
        values["saturated"] = _weighted(having, channel, "saturated", "total")
        combined[channel] = values
    return combined


def _weighted(fields: Sequence[dict[str, Any]], channel: str, name: str, part: str) -> float | None:
    """Mean over fields by the pixels of a part; by field where no part is named."""
    pairs = []
    for one in fields:
        value = one["fluorescence"][channel][name]
        pixels = {"core": one["core_px"], "shed": one["shed_px"]}.get(
            part, one["core_px"] + one["shed_px"] if part else 1
        )
        if value is not None and pixels > 0:
            pairs.append((value, pixels))
    weight = sum(pixels for _, pixels in pairs)
    return math.fsum(value * pixels for value, pixels in pairs) / weight if pairs else None


def is_counted(row: dict[str, Any], parameters: Parameters) -> bool:
    """Tell whether a measured body is large enough (`spheres.min_diameter_um`) to be a sphere.

    Also True without a pixel size, where no cut-off can be applied; the row is flagged as
    uncalibrated.
    """
    diameter = row.get("equivalent_diameter_um")
    return diameter is None or bool(diameter >= parameters.spheres.min_diameter_um)
