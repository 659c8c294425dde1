"""Which frames of a folder a person corrected, by whom and when; also before tables say so."""

from __future__ import annotations

from spheroid_qc.gui.state.opened_folder import Opened
from spheroid_qc.run.store.corrected_masks import Correction, corrections_of
from spheroid_qc.run.store.well_records import output_name

FrameKey = tuple[str, str, int]
"""Plate, well and rank of the time."""


def corrected_frames(opened: Opened) -> dict[FrameKey, Correction]:
    """Read the corrections in the run folder of an opened folder, by frame."""
    named = {correction.mask: correction for correction in corrections_of(opened.run)}
    found: dict[FrameKey, Correction] = {}
    if named:
        for (plate, well), well_timepoints in opened.well_timepoints.items():
            for one in well_timepoints:
                for frame in one.frames:
                    correction = named.get(output_name(frame, ".ome.tif"))
                    if correction is not None:
                        found[plate, well, one.timepoint] = correction
    return found
