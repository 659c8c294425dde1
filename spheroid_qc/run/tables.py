"""The tables of the run folder, in their final columns and order."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from spheroid_qc.flags import FLAGS, Flag, resolve
from spheroid_qc.measure import measured_columns
from spheroid_qc.parameters import Assay, Parameters
from spheroid_qc.plate.frames import FrameTable
from spheroid_qc.plate.join import EndPoints
from spheroid_qc.plate.maps.models import PlateMap
from spheroid_qc.response.summary import summarise_conditions
from spheroid_qc.run.judge import Judged
from spheroid_qc.run.rows import Gathered

__all__ = ["WELLS_START", "build_tables"]

WELLS_START = (
    "plate", "well", "row", "column", "time_h", "condition", "role",
    "drug_1", "dose_1_um", "drug_2", "dose_2_um", "drug_3", "dose_3_um",
    "n_spheroids", "core_area_um2", "total_area_um2", "equivalent_diameter_um", "volume_um3",
    "circularity", "solidity", "disintegration_fraction", "disintegration_index",
    "core_volume_loss_vs_t0", "core_volume_loss_vs_vehicle", "state", "flags",
    "time_since_dose_h", "df_excess_vs_t0", "df_excess_vs_vehicle", "pixel_size_um",
    "core_area_px", "total_area_px", "confidence", "method",
)  # fmt: skip
_TREATMENT_MORE = (
    "dose_1", "unit_1", "dose_2", "unit_2", "dose_3", "unit_3", "dosed_at_h", "washout_at_h",
    "control", "cell_line", "vehicle_group", "biological_replicate", "replicate", "passage",
    "cells_seeded",
)  # fmt: skip
_FOLLOWED = ("is_t0", "area_ratio_vs_t0", "disintegrated_since_dose_h", "n_reference_wells")
_SPHERES = (
    "n_below_cutoff", "diameter_sd_um", "imaged_area_mm2", "imaged_fraction", "spheres_per_mm2",
    "spheres_per_well", "sfe_percent",
)  # fmt: skip
_COUNTED = ("n_spheroids", *_SPHERES)
_QC = ("plate", "well", "time_h", "code", "severity", "title", "detail", "advice", "file")
_FRAMES = (
    "path", "status", "plate", "well", "field", "channel", "z", "timepoint", "time_h",
    "time_source", "page", "scheme", "size", "width_px", "height_px", "dtype", "pixel_size_um",
    "pixel_size_source", "sha256", "note",
)  # fmt: skip
_FINDING_CODES = {
    "doubtful": "doubtful_name",
    "unread": "doubtful_name",
    "duplicate": "duplicate_file",
    "copy": "duplicate_file",
    "conflict": "doubtful_name",
    "stray": "stray_file",
}


def build_tables(
    table: FrameTable,
    gathered: Gathered,
    judged: Judged,
    plate_map: PlateMap | None,
    joined: EndPoints | None,
    parameters: Parameters,
) -> dict[str, pd.DataFrame]:
    """Make all tables of the run folder.

    Parameters
    ----------
    table : FrameTable
        How every file was read.
    gathered : Gathered
        Spheroids, and what reading the files told.
    judged : Judged
        Wells with flags and states.
    plate_map : PlateMap or None
        For its further columns.
    joined : EndPoints or None
        End-point values by plate and well.
    parameters : Parameters
        All settings.

    Returns
    -------
    dict of str to DataFrame
        `frames, spheroids, wells, conditions, qc`.
    """
    wells, ends = _wells(gathered, judged, plate_map, joined, parameters)
    extra = (*(_COUNTED if parameters.plate.assay is Assay.SPHERES else ()), *gathered.channels)
    return {
        "frames": _frames(table, gathered),
        "spheroids": _spheroids(gathered, judged, parameters),
        "wells": wells,
        "conditions": summarise_conditions(wells, (*extra, *ends)),
        "qc": _qc(table, judged, parameters),
    }


def _panel(parameters: Parameters) -> list[str]:
    names = [n for n in measured_columns(parameters.plate.assay.value) if n not in WELLS_START]
    if parameters.plate.assay is Assay.SPHERES:
        names = [*_SPHERES, *(n for n in names if n in ("eccentricity", "mean_intensity"))]
    return names


def _wells(
    gathered: Gathered,
    judged: Judged,
    plate_map: PlateMap | None,
    joined: EndPoints | None,
    parameters: Parameters,
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Make the table of wells, and name its columns of end-point values."""
    wells = judged.wells
    names = [*WELLS_START, *_panel(parameters)]
    if parameters.plate.assay is Assay.SINGLE:
        names += _FOLLOWED
    names += gathered.channels
    names += ["file", *(_TREATMENT_MORE if plate_map is not None else ())]
    final = wells.reindex(columns=list(dict.fromkeys(names))).copy()
    for name, column in final.items():
        # Whole numbers too have six digits, whether or not a value is missing in the column.
        if pd.api.types.is_integer_dtype(column):
            final[name] = column.astype(float)
    for name in ("n_spheroids", "column"):
        final[name] = final[name].astype("Int64")
    for name in () if plate_map is None else plate_map.columns:
        final[_free_name(name, "map", final)] = wells[f"map:{name}"]
    ends = () if joined is None else _end_points(final, joined)
    for name, values in ends:
        final[name] = values
    return final.reset_index(drop=True), tuple(name for name, _ in ends)


def _end_points(wells: pd.DataFrame, joined: EndPoints) -> list[tuple[str, pd.Series]]:
    """End-point values stand at the last time of their plate, where they were measured."""
    values = joined.for_plates(sorted(wells["plate"].unique()))
    last = wells["time_h"] == wells["time_h"].groupby(wells["plate"]).transform("max")
    found: dict[str, pd.Series] = {}
    for name in joined.columns:
        column = [
            values.get((plate, well), {}).get(name) if at_end else None
            for plate, well, at_end in zip(wells["plate"], wells["well"], last, strict=True)
        ]
        series = pd.Series(column, index=wells.index, dtype=float)
        found[_free_name(name, "joined", (*wells.columns, *found))] = series
    return list(found.items())


def _free_name(name: str, prefix: str, taken: Collection[Any]) -> str:
    """Prefix the name of a column of the user that is called like one of ours."""
    while name in taken:
        name = f"{prefix}_{name}"
    return name


def _spheroids(gathered: Gathered, judged: Judged, parameters: Parameters) -> pd.DataFrame:
    panel = [
        c
        for c in measured_columns(parameters.plate.assay.value)
        if c not in ("n_spheroids", "confidence", "method")
    ]
    counted = ("counted",) if parameters.plate.assay is Assay.SPHERES else ()
    names = [
        "plate", "well", "field", "time_h", "spheroid", *counted, *panel, "pixel_size_um",
        "confidence", "method", "state", "flags", "file",
    ]  # fmt: skip
    if gathered.spheroids.empty:
        return pd.DataFrame(columns=names)
    of_well = judged.wells[["plate", "well", "timepoint", "state", "flags"]]
    table = gathered.spheroids.merge(of_well, on=["plate", "well", "timepoint"], how="left")
    return table.reindex(columns=names)


def _qc(table: FrameTable, judged: Judged, parameters: Parameters) -> pd.DataFrame:
    lines: list[dict[str, Any]] = []

    def add(flag: Flag, place: Mapping[str, Any]) -> None:
        kind = FLAGS[flag.code]
        # What was judged has its final severity: on accepted frames not the user's usual one.
        final = resolve(flag, parameters.quality) if flag.severity is None else flag
        lines.append(
            {
                **place,
                "code": flag.code,
                "severity": str(final.severity.value if final.severity else ""),
                "title": kind.title,
                "detail": flag.detail or kind.explanation,
                "advice": kind.advice,
            }
        )

    for plate, flag in judged.plate_flags:
        add(flag, {"plate": plate})
    wells = judged.wells
    files = wells["file"] if "file" in wells else pd.Series(index=wells.index, dtype=object)
    for label, found in judged.flags.items():
        for flag in found:
            place = {
                "plate": wells.at[label, "plate"],
                "well": wells.at[label, "well"],
                "time_h": wells.at[label, "time_h"],
                "file": files.at[label],
            }
            add(flag, place)
    for finding in table.findings:
        code = _FINDING_CODES.get(finding.kind)
        if code is not None:
            add(Flag(code, None, finding.message), {"file": finding.path})
    return pd.DataFrame(lines, columns=list(_QC))


def _frames(table: FrameTable, gathered: Gathered) -> pd.DataFrame:
    lines: list[dict[str, Any]] = []
    for frame in table.frames:
        known = gathered.frames.get((frame.path, frame.page), {})
        lines.append(
            {
                "path": frame.path,
                "status": known.get("status", "read"),
                "plate": frame.plate,
                "well": frame.well,
                "field": frame.field,
                "channel": frame.channel,
                "z": frame.z,
                "timepoint": frame.timepoint,
                "time_h": frame.time_h,
                "time_source": frame.time_source,
                "page": frame.page,
                "scheme": frame.scheme,
                "size": frame.size,
                "note": known.get("problem", ""),
                **{k: v for k, v in known.items() if k in _FRAMES and k != "status"},
            }
        )
    for finding in table.findings:
        lines.append({"path": finding.path, "status": finding.kind, "note": finding.message})
    frames = pd.DataFrame(lines, columns=list(_FRAMES))
    for name in ("field", "z", "timepoint", "page", "size", "width_px", "height_px"):
        frames[name] = pd.to_numeric(frames[name]).astype("Int64")
    return frames
