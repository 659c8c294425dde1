"""The tables of the run folder: their columns, and what stands in each row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from spheroid_qc.flags import FLAGS, Flag, resolve
from spheroid_qc.frames.frame_table import HARMLESS, NameFinding
from spheroid_qc.measurement import measured_columns
from spheroid_qc.measurement.fluorescence_channels import FLUORESCENCE_COLUMNS
from spheroid_qc.parameters import Assay, Parameters
from spheroid_qc.plate_map.joined_end_point_values import EndPoints
from spheroid_qc.plate_map.mapped_wells import PlateMap
from spheroid_qc.run.tables.collect_rows import channel_column

WELLS_START = (
    "plate", "well", "row", "column", "time_h", "condition", "role",
    "drug_1", "dose_1_um", "drug_2", "dose_2_um", "drug_3", "dose_3_um",
    "n_spheroids", "core_area_um2", "total_area_um2", "equivalent_diameter_um", "volume_um3",
    "circularity", "solidity", "disintegration_fraction", "disintegration_index",
    "core_volume_loss_vs_t0", "core_volume_loss_vs_vehicle", "state", "flags",
    "time_since_dose_h", "disintegration_fraction_low", "disintegration_fraction_high",
    "df_excess_vs_t0", "df_excess_vs_vehicle", "pixel_size_um", "core_area_px", "total_area_px",
    "confidence", "method",
)  # fmt: skip
_TREATMENT_MORE = (
    "dose_1", "unit_1", "dose_2", "unit_2", "dose_3", "unit_3", "dosed_at_h", "washout_at_h",
    "control", "cell_line", "vehicle_group", "biological_replicate", "replicate", "passage",
    "cells_seeded",
)  # fmt: skip
_FOLLOWED = (
    "is_t0", "area_ratio_vs_t0", "disintegrated_since_dose_h", "n_reference_wells",
    "static_background_px",
)  # fmt: skip
_SPHERES = (
    "n_below_cutoff", "diameter_sd_um", "imaged_area_mm2", "imaged_fraction", "spheres_per_mm2",
    "spheres_per_well", "sfe_percent",
)  # fmt: skip
_COUNTED = ("n_spheroids", *_SPHERES)
QC = ("plate", "well", "time_h", "code", "severity", "title", "detail", "advice", "file")
FRAMES = (
    "path", "status", "plate", "well", "field", "channel", "z", "timepoint", "time_h",
    "time_source", "page", "series", "scheme", "size", "width_px", "height_px", "dtype",
    "pixel_size_um", "pixel_size_source", "sha256", "note",
)  # fmt: skip
WHOLE = {
    "frames": ("field", "z", "timepoint", "page", "series", "size", "width_px", "height_px"),
    "spheroids": ("field", "spheroid", "counted"),
    "wells": ("n_spheroids", "column", "static_background_px"),
}
"""Columns of whole numbers that keep all their digits, by table."""

_FINDING_CODES = {
    "doubtful": "doubtful_name",
    "unread": "doubtful_name",
    "duplicate": "duplicate_file",
    "copy": "duplicate_file",
    "conflict": "doubtful_name",
    "stray": "stray_file",
}


@dataclass(frozen=True)
class WellsColumns:
    """Columns of `wells.csv`, and where their values stand.

    `sources` gives their names among the collected rows, in order, `ends` those of joined end
    points in the joined table, which are the table's last. `summarised` are summarised by
    condition beside the usual ones.
    """

    sources: dict[str, str]
    ends: dict[str, str]
    summarised: tuple[str, ...]

    def fill(self, rows: pd.DataFrame, joined: EndPoints | None) -> pd.DataFrame:
        """Bring the rows into the table's columns; end points stand at a plate's last time."""
        table = rows.reindex(columns=list(self.sources.values())).copy()
        table.columns = pd.Index(self.sources)
        if joined is None:
            return table
        known = joined.for_plates(sorted(set(rows["plate"])))
        last = rows["time_h"] == rows.groupby("plate")["time_h"].transform("max")
        values = [
            known.get((plate, well), {}) if at_end else {}
            for plate, well, at_end in zip(rows["plate"], rows["well"], last, strict=True)
        ]
        for name, raw in self.ends.items():
            table[name] = pd.Series([found.get(raw) for found in values], dtype=float)
        return table


def wells_columns(
    parameters: Parameters,
    channels: Iterable[str],
    plate_map: PlateMap | None,
    joined: EndPoints | None,
) -> WellsColumns:
    """Say which columns `wells.csv` has, with these further `channels` in the run."""
    single = parameters.plate.assay is Assay.SINGLE
    of_channels = _channel_columns(channels)
    names = [*WELLS_START, *_panel(parameters), *(_FOLLOWED if single else ()), *of_channels]
    names += ["file", "stratum", "schedule"]
    names += _TREATMENT_MORE if plate_map is not None else ()
    sources = {name: of_channels.get(name, name) for name in names}
    # The map's own columns may be called anything, also like a column of ours.
    for name in () if plate_map is None else plate_map.columns:
        sources[_free_name(name, "map", sources)] = f"map:{name}"
    ends: dict[str, str] = {}
    for name in () if joined is None else joined.columns:
        ends[_free_name(name, "joined", (*sources, *ends))] = name
    return WellsColumns(sources, ends, (*(() if single else _COUNTED), *of_channels, *ends))


def _panel(parameters: Parameters) -> list[str]:
    names = [n for n in measured_columns(parameters.plate.assay.value) if n not in WELLS_START]
    if parameters.plate.assay is Assay.SPHERES:
        names = [*_SPHERES, *(n for n in names if n in ("eccentricity", "mean_intensity"))]
    return names


def _channel_columns(channels: Iterable[str]) -> dict[str, str]:
    """Name the columns of further channels (the channel's, fit for a column), and their sources."""
    taken: set[str] = set()
    names: dict[str, str] = {}
    for channel in sorted(channels):
        token = "".join(c if c.isalnum() else "_" for c in channel).strip("_").lower() or "channel"
        number = 1
        unique = token
        while unique in taken:
            number += 1
            unique = f"{token}_{number}"
        taken.add(unique)
        for feature in FLUORESCENCE_COLUMNS:
            names[f"{unique}_{feature}"] = channel_column(channel, feature)
    return names


def _free_name(name: str, prefix: str, taken: Collection[str]) -> str:
    """Prefix the name of a column of the user that is called like one of ours."""
    while name in taken:
        name = f"{prefix}_{name}"
    return name


def spheroid_columns(parameters: Parameters) -> tuple[str, ...]:
    """Columns of `spheroids.csv`."""
    panel = [
        c
        for c in measured_columns(parameters.plate.assay.value)
        if c not in ("n_spheroids", "confidence", "method", "pixel_size_um")
    ]
    counted = ("counted",) if parameters.plate.assay is Assay.SPHERES else ()
    return (
        "plate", "well", "field", "time_h", "spheroid", *counted, *panel, "pixel_size_um",
        "confidence", "method", "state", "flags", "file",
    )  # fmt: skip


def flag_row(
    flag: Flag, parameters: Parameters, *, plate: Any = None, well: Any = None,
    time_h: Any = None, file: Any = None,
) -> dict[str, Any]:  # fmt: skip
    """Make a row of `qc.csv`, by column; what the finding is about is given as far as known."""
    kind = FLAGS[flag.code]
    # Flags of rows have their final severity: on accepted frames not the user's usual one.
    final = resolve(flag, parameters.quality) if flag.severity is None else flag
    return {
        "plate": plate,
        "well": well,
        "time_h": time_h,
        "code": flag.code,
        "severity": str(final.severity.value if final.severity else ""),
        "title": kind.title,
        "detail": flag.detail or kind.explanation,
        "advice": kind.advice,
        "file": file,
    }


def summarised(findings: Iterable[NameFinding]) -> list[NameFinding]:
    """Give findings, of those that cost no image a few of each reason and one for the rest.

    `frames.csv` has them all.
    """
    kept: list[NameFinding] = []
    seen: Counter[str] = Counter()
    rest: dict[str, NameFinding] = {}
    for finding in findings:
        if finding.kind in HARMLESS:
            seen[finding.message] += 1
            if seen[finding.message] > _NAMED:
                rest.setdefault(finding.message, finding)
                continue
        kept.append(finding)
    for message, first in rest.items():
        more = seen[message] - _NAMED
        words = f"{message} So are {more} more files, from here on; frames.csv lists them."
        kept.append(NameFinding(first.path, first.kind, words))
    return kept


_NAMED = 20
"""Files of one kind that `qc.csv` names: as many as anybody reads."""


def finding_flag(finding: NameFinding) -> Flag | None:
    """Give the flag of a file that is left out; None where that needs none."""
    code = _FINDING_CODES.get(finding.kind)
    return None if code is None else Flag(code, None, finding.message)
