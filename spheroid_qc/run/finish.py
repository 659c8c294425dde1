"""Records in, tables out: the second half of a run, made anew each time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from spheroid_qc.images import PlateCalibration
from spheroid_qc.parameters import Overlays, Parameters, Severity
from spheroid_qc.plate.frames import FrameTable
from spheroid_qc.plate.join import EndPoints
from spheroid_qc.plate.maps.models import PlateMap
from spheroid_qc.run.csvfile import write_table
from spheroid_qc.run.exclusions import Exclusion
from spheroid_qc.run.folder import RunFolder
from spheroid_qc.run.judge import Judged, judge
from spheroid_qc.run.overlays import Caption, OverlayTask
from spheroid_qc.run.rows import gather
from spheroid_qc.run.tables import build_tables
from spheroid_qc.run.work import Moment

__all__ = ["Finished", "finish_tables"]

_NOT_IN_THE_PICTURE = frozenset(
    {
        "uncalibrated", "pixel_size_conflict", "time_is_index", "few_references", "no_vehicle",
        "unmapped", "mapped_without_image", "no_baseline", "incomplete_series",
        "imaged_fraction_unknown", "channel_missing", "not_stitched",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Finished:
    """What the second half of a run made.

    Parameters
    ----------
    tables : dict
        Name -> file.
    overlays : list of OverlayTask
        Overlays that are wanted.
    hashes : dict
        Input path -> SHA-256.
    failures : tuple of str
        Sentences on files that could not be read or analysed.
    notes : tuple of str
        Sentences on what had to be assumed.
    """

    tables: dict[str, Path]
    overlays: list[OverlayTask]
    hashes: dict[str, str]
    failures: tuple[str, ...]
    notes: tuple[str, ...]


def finish_tables(
    run: RunFolder,
    source: Path,
    table: FrameTable,
    moments: Mapping[tuple[str, str], list[Moment]],
    records: Mapping[tuple[str, str], Mapping[str, dict[str, Any]]],
    plate_map: PlateMap | None,
    joined: EndPoints | None,
    exclusions: Sequence[Exclusion],
    parameters: Parameters,
    calibration: PlateCalibration,
    accepted: Sequence[Exclusion] = (),
) -> Finished:
    """Make and write all tables, and say which overlays are wanted.

    Parameters
    ----------
    run : RunFolder
        Where.
    source : Path
        Image folder.
    table, moments, records
        Frames, their grouping, and what was measured.
    plate_map, joined, exclusions, accepted
        What the user said of wells and frames.
    parameters : Parameters
        All settings.
    calibration : PlateCalibration
        Passed on to the overlays.

    Returns
    -------
    Finished
        Paths and sentences.
    """
    gathered = gather(table, moments, records, plate_map, parameters)
    judged = judge(
        gathered, parameters, exclusions, mapped=plate_map is not None, accepted=accepted
    )
    tables = build_tables(table, gathered, judged, plate_map, joined, parameters)
    paths = {}
    for name, content in tables.items():
        paths[name] = run.table(name)
        write_table(paths[name], content)
    hashes = {
        path: known["sha256"] for (path, _), known in gathered.frames.items() if "sha256" in known
    }
    overlays = _overlays(run, source, moments, judged, parameters, calibration)
    return Finished(paths, overlays, hashes, tuple(gathered.failures), tuple(judged.notes))


def _overlays(
    run: RunFolder,
    source: Path,
    moments: Mapping[tuple[str, str], list[Moment]],
    judged: Judged,
    parameters: Parameters,
    calibration: PlateCalibration,
) -> list[OverlayTask]:
    choice = parameters.output.overlays
    if choice is Overlays.NONE or not parameters.output.masks or "masks" not in judged.wells:
        return []
    of_moment = {
        (plate, well, moment.timepoint): moment
        for (plate, well), found in moments.items()
        for moment in found
    }
    wells = judged.wells
    tasks = []
    for label in wells.index[wells["masks"].notna()]:
        flags = judged.flags[label]
        # A finding about the whole plate or map needs no picture of every frame.
        worth_a_look = any(
            f.code not in _NOT_IN_THE_PICTURE and f.severity is not Severity.INFO for f in flags
        )
        if choice is Overlays.FLAGGED and not worth_a_look:
            continue
        line = wells.loc[label]
        key = (line["plate"], line["well"], line["timepoint"])
        for number, mask in line["masks"]:
            field = f"field {number}" if len(line["masks"]) > 1 else ""
            tasks.append(
                OverlayTask(
                    folder=source,
                    out=run.root,
                    moment=of_moment[key],
                    field=number,
                    stitched=bool(line["stitched"]),
                    mask=mask,
                    caption=_caption(line, field, [f.code for f in flags]),
                    parameters=parameters,
                    calibration=calibration,
                )
            )
    return tasks


def _caption(line: pd.Series, field: str, codes: list[str]) -> Caption:
    condition = "" if line["condition"] == "unmapped" else f"  {line['condition']}"
    parts = [part for part in (field, str(line["state"])) if part]
    if field:
        parts.append(f"{line['n_spheroids']:g} spheres in all fields")
    fraction = line.get("disintegration_fraction")
    if fraction is not None and pd.notna(fraction):
        parts.append(f"DF {fraction:.2f}")
    if pd.notna(line.get("equivalent_diameter_um")):
        parts.append(f"core {line['equivalent_diameter_um']:.0f} µm")
    elif pd.notna(line.get("core_area_px")) and line["core_area_px"] > 0:
        parts.append(f"core {line['core_area_px']:.0f} px")
    corrected = pd.isna(line["confidence"])
    parts.append("corrected by hand" if corrected else f"confidence {line['confidence']:.2f}")
    return Caption(
        title=f"{line['plate']}  {line['well']}  {line['time_h']:g} h{condition}",
        result="   ".join(parts),
        flags="flags: " + ", ".join(codes) if codes else "",
    )
