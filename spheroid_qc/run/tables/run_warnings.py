"""Sentences on what a run could not bring together: files, wells of tables, plates of the map."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from spheroid_qc.frames.frame_table import FrameTable, NameFinding
from spheroid_qc.plate_map.joined_end_point_values import EndPoints
from spheroid_qc.plate_map.mapped_wells import PlateMap, match_plates
from spheroid_qc.run.store.review_decisions import Exclusion
from spheroid_qc.wording import listed


def plates_without_images(mapped: PlateMap | None, table: FrameTable) -> Iterator[str]:
    """Name the plates of the map that have no image at all: they have no times, and no rows."""
    if mapped is None:
        return
    matched = match_plates(mapped.plates, table.plates, mapped.source)
    for name in mapped.plates:
        if name not in matched:
            yield (
                f"{mapped.source} names the plate {name}, of which there is no image; its wells "
                "are in no table."
            )


def joined_without_images(joined: EndPoints | None, table: FrameTable) -> Iterator[str]:
    """Name the end points that belong to no image."""
    if joined is None:
        return
    imaged = {(frame.plate, frame.well) for frame in table.frames}
    lost = sorted(set(joined.for_plates(table.plates)) - imaged)
    if lost:
        named = listed((f"{well} of {plate}" for plate, well in lost), maximum=5)
        yield (
            f"The table of end points has values for wells without an image ({named}); they "
            "stand in the tables only where the plate map has these wells."
        )


def unmatched_wells(mapped: PlateMap | None, table: FrameTable) -> Iterator[str]:
    """Say which imaged wells are not on the map, and which wells of the map have no image."""
    if mapped is None:
        return
    imaged = {(frame.plate, frame.well) for frame in table.frames}
    known = set(mapped.for_plates(table.plates))
    for lost, sentence in (
        (imaged - known, "{} not on the plate map ({}); {} role is unmapped."),
        (known - imaged, "{} on the plate map without an image ({}); {} rows have no values."),
    ):
        if lost:
            one_plate = len(table.plates) == 1
            names = (well if one_plate else f"{plate} {well}" for plate, well in sorted(lost))
            wells = "1 well is" if len(lost) == 1 else f"{len(lost)} wells are"
            yield sentence.format(
                wells, listed(names, maximum=8), "its" if len(lost) == 1 else "their"
            )
    if imaged and not imaged & known:
        yield (
            "No imaged well is on the plate map at all: it is probably the map of another plate, "
            "or rows and columns are shifted."
        )


def dosed_after_all(dose_time_h: float | None, table: FrameTable) -> Iterator[str]:
    """Say that the dose time that was given lies behind the last image of a plate."""
    if dose_time_h is None:
        return
    for plate in table.plates:
        last = max(frame.time_h for frame in table.frames if frame.plate == plate)
        if dose_time_h > last:
            yield (
                f"Plate {plate}: the dose time {dose_time_h:g} h lies after the last image "
                f"({last:g} h), so every frame counts as untreated; check --dose-time."
            )


def exclusions_in_use(found: Sequence[Exclusion], path: str | Path | None) -> Iterator[str]:
    """Say that a table of exclusions is honoured, and what it leaves out."""
    if not found:
        return
    named = (
        entry.well
        + ("" if entry.time_h is None else f" at {entry.time_h:g} h")
        + (f": {entry.reason}" if entry.reason else "")
        for entry in found
    )
    yield f"{path} leaves out {listed(named, maximum=8)}."


def finding_sentence(finding: NameFinding) -> str:
    """Say which file a finding is about."""
    if finding.path in finding.message:
        return finding.message
    return f"{finding.path}: {finding.message[0].lower()}{finding.message[1:]}"
