"""The picture that an analysed field was made from, read once more.

Overlays, corrections and viewers need the very pixels that were segmented: the same channel, the
same planes, stitched where tiles were put together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from spheroid_qc.errors import ImageError
from spheroid_qc.images import PlateCalibration
from spheroid_qc.parameters import Parameters
from spheroid_qc.run.store.well_records import WellTask, WellTimepoint
from spheroid_qc.run.well.load_images import FieldImage, OpenFile, load_field
from spheroid_qc.run.well.stitching import stitch
from spheroid_qc.segmentation.even_light import light_of


def load_analysed(
    folder: Path,
    well_timepoint: WellTimepoint,
    field: int,
    stitched: bool,
    parameters: Parameters,
    calibration: PlateCalibration,
    files: OpenFile,
    *,
    with_others: bool = False,
    light: Mapping[str, Sequence[float]] | None = None,
) -> FieldImage:
    """Read the picture of one field as it was analysed.

    Parameters
    ----------
    folder : Path
        The image folder.
    well_timepoint : WellTimepoint
        The frames of the well at that time.
    field : int
        Number of the field.
    stitched : bool
        Whether all fields were put together to one picture.
    parameters : Parameters
        All settings.
    calibration : PlateCalibration
        What the plate's own files say of the pixel size.
    files : OpenFile
        Keeps a stack open from one timepoint to the next.
    with_others : bool
        Also read further channels.
    light : mapping, optional
        The light that the record of the field names; needed to measure it.

    Returns
    -------
    FieldImage
        Pixels of shape (y, x), with calibration.

    Raises
    ------
    ImageError
        If a file is absent or can't be read any more.
    """
    fields = well_timepoint.fields
    if not stitched and field not in fields:
        raise ImageError(f"Field {field} of {well_timepoint.frames[0].path} is not there any more.")
    lights = {channel: light_of(terms) for channel, terms in (light or {}).items()}
    chosen = [
        load_field(
            folder,
            fields[number],
            parameters,
            calibration,
            well_timepoint.channel,
            files,
            with_others=with_others,
        ).under(lights)
        for number in (fields if stitched else (field,))
    ]
    whole = stitch(chosen, parameters.images.max_megapixels) if stitched else None
    return chosen[0] if whole is None else whole


def load_recorded(
    task: WellTask,
    well_timepoint: WellTimepoint,
    field: Mapping[str, Any],
    files: OpenFile,
    *,
    with_others: bool = False,
) -> FieldImage:
    """Read the picture of a field of a well's record once more; see `load_analysed`."""
    return load_analysed(
        task.folder,
        well_timepoint,
        field["field"],
        field["stitched"],
        task.parameters,
        task.calibration,
        files,
        with_others=with_others,
        light=field.get("light"),
    )
