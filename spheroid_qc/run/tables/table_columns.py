"""The tables of the run folder: their columns, and what stands in each row."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from spheroid_qc.flags import FLAGS, Flag, resolve
from spheroid_qc.frames.frame_table import NameFinding
from spheroid_qc.measurement import measured_columns
from spheroid_qc.measurement.fluorescence_channels import FLUORESCENCE_COLUMNS
from spheroid_qc.parameters import Assay, Parameters
from spheroid_qc.plate_map.end_points import EndPoints
from spheroid_qc.plate_map.mapped_wells import PlateMap
from spheroid_qc.run.tables.well_rows import Row, channel_column

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
QC = ("plate", "well", "time_h", "code", "severity", "title", "detail", "advice", "file")
FRAMES = (
    "path", "status", "plate", "well", "field", "channel", "z", "timepoint", "time_h",
    "time_source", "page", "scheme", "size", "width_px", "height_px", "dtype", "pixel_size_um",
    "pixel_size_source", "sha256", "note",
)  # fmt: skip
WHOLE = (
    "n_spheroids", "column", "field", "spheroid", "counted", "z", "timepoint", "page", "size",
    "width_px", "height_px",
)  # fmt: skip
"""Columns of whole numbers that keep all their digits."""

_FINDING_CODES = {
    "doubtful": "doubtful_name",
    "unread": "doubtful_name",
    "duplicate": "duplicate_file",
    "copy": "duplicate_file",
    "conflict": "doubtful_name",
    "stray": "stray_file",
}


class WellsTable:
    """Columns of `wells.csv`, and how a row fills them.

    Parameters
    ----------
    parameters : Parameters
        For the assay.
    channels : iterable of str
        All further channels of the run.
    plate_map : PlateMap or None
        For its further columns.
    joined : EndPoints or None
        End-point values by plate and well.
    plates : sequence of str
        All plates of the run.
    """

    def __init__(
        self,
        parameters: Parameters,
        channels: Iterable[str],
        plate_map: PlateMap | None,
        joined: EndPoints | None,
        plates: Collection[str],
    ) -> None:
        single = parameters.plate.assay is Assay.SINGLE
        self._channels = _channel_columns(channels)
        names = [*WELLS_START, *_panel(parameters), *(_FOLLOWED if single else ())]
        names += self._channels
        names += [
            "file",
            "stratum",
            "schedule",
            *(_TREATMENT_MORE if plate_map is not None else ()),
        ]
        names = list(dict.fromkeys(names))
        # The map's own columns may be called anything, also like a column of ours.
        self._map: dict[str, str] = {}
        for name in () if plate_map is None else plate_map.columns:
            self._map[_free_name(name, "map", (*names, *self._map))] = f"map:{name}"
        names += self._map
        self._ends: dict[str, str] = {}
        for name in () if joined is None else joined.columns:
            self._ends[_free_name(name, "joined", (*names, *self._ends))] = name
        names += self._ends
        self._values = {} if joined is None else joined.for_plates(sorted(plates))
        self.columns: tuple[str, ...] = tuple(names)
        """All columns in their order."""
        counted = () if single else _COUNTED
        self.summarised: tuple[str, ...] = (*counted, *self._channels, *self._ends)
        """Columns that are summarised by condition beside the usual ones."""

    def row(self, row: Row, scored: Mapping[str, Any], flags: str, *, last: bool) -> dict[str, Any]:
        """Fill a row.

        Parameters
        ----------
        row : Row
            As read.
        scored : mapping
            From `Judged.values`.
        flags : str
            Codes, joined.
        last : bool
            Whether it is the last time of its plate: end points were measured then.

        Returns
        -------
        dict
            By column; what is missing is absent, None or NaN.
        """
        values = row.values
        filled = {name: values.get(name) for name in self.columns}
        filled |= {name: values.get(raw) for name, raw in self._channels.items()}
        filled |= {name: values.get(raw) for name, raw in self._map.items()}
        filled |= {name: value for name, value in scored.items() if name in filled}
        filled["flags"] = flags
        if self._ends:
            known = self._values.get((values["plate"], values["well"]), {}) if last else {}
            filled |= {name: known.get(raw) for name, raw in self._ends.items()}
        return filled


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
        for figure in FLUORESCENCE_COLUMNS:
            names[f"{unique}_{figure}"] = channel_column(channel, figure)
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


def spheroid_rows(row: Row, state: str, flags: str) -> Iterator[dict[str, Any]]:
    """Rows of `spheroids.csv` that one well at one time has.

    Parameters
    ----------
    row : Row
        As read.
    state, flags : str
        Of the well at that time.

    Yields
    ------
    dict
        By column.
    """
    for spheroid in row.spheroids:
        yield {**spheroid, "state": state, "flags": flags}


def flag_row(flag: Flag, place: Mapping[str, Any], parameters: Parameters) -> dict[str, Any]:
    """Make a row of `qc.csv`.

    Parameters
    ----------
    flag : Flag
        The finding.
    place : mapping
        `plate`, `well`, `time_h`, `file`, as far as it has them.
    parameters : Parameters
        For severities.

    Returns
    -------
    dict
        By column.
    """
    kind = FLAGS[flag.code]
    # What was judged has its final severity: on accepted frames not the user's usual one.
    final = resolve(flag, parameters.quality) if flag.severity is None else flag
    return {
        "plate": place.get("plate"),
        "well": place.get("well"),
        "time_h": place.get("time_h"),
        "file": place.get("file"),
        "code": flag.code,
        "severity": str(final.severity.value if final.severity else ""),
        "title": kind.title,
        "detail": flag.detail or kind.explanation,
        "advice": kind.advice,
    }


def finding_flags(findings: Iterable[NameFinding]) -> Iterator[tuple[Flag, dict[str, Any]]]:
    """Give the flags of files that are left out, with the file."""
    for finding in findings:
        code = _FINDING_CODES.get(finding.kind)
        if code is not None:
            yield Flag(code, None, finding.message), {"file": finding.path}


def frame_rows(row: Row) -> Iterator[dict[str, Any]]:
    """Rows of `frames.csv` that one well at one time has."""
    for frame, known in row.frames:
        yield {
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
            **{k: v for k, v in known.items() if k in FRAMES and k != "status"},
        }


def finding_frame(finding: NameFinding) -> dict[str, Any]:
    """Make a row of `frames.csv` for a file that is left out."""
    return {"path": finding.path, "status": finding.kind, "note": finding.message}
