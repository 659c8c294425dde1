"""Sentences on what a run could not bring together: files, wells of tables, plates of the map."""

from __future__ import annotations

from collections.abc import Iterator

from spheroid_qc.plate.frames import Finding, FrameTable
from spheroid_qc.plate.join import EndPoints
from spheroid_qc.plate.maps.models import PlateMap, match_plates

__all__ = ["dosed_after_all", "finding_sentence", "joined_without_images", "plates_without_images"]


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
        named = ", ".join(f"{well} of {plate}" for plate, well in lost[:5])
        more = f" and {len(lost) - 5} more" if len(lost) > 5 else ""
        yield (
            f"The table of end points has values for wells without an image ({named}{more}); they "
            "stand in the tables only where the plate map has these wells."
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


def finding_sentence(finding: Finding) -> str:
    """Say which file a finding is about."""
    if finding.path in finding.message:
        return finding.message
    return f"{finding.path}: {finding.message[0].lower()}{finding.message[1:]}"
