"""What one frame says of the light: its ground, reduced, and the contrast of its bodies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.run.store.well_records import WellTask
from spheroid_qc.run.well.load_images import FieldError, OpenFile, load_field
from spheroid_qc.segmentation import segment
from spheroid_qc.segmentation.downsampling import pool
from spheroid_qc.segmentation.even_light import (
    contrast_over_ground,
    ground_of,
)
from spheroid_qc.stopwatch import Work, timed

_SIDE_PX = 128
"""Pixels along the longer side, at least, at which light is sampled."""


@dataclass(frozen=True, eq=False)
class LightSample:
    """One channel of one frame.

    `ground` has the shape (GRID, GRID); it is None where the frame says nothing of the light.
    `contrast` is that of its bodies over the ground, NaN without any.
    """

    channel: str
    ground: NDArray[np.float32] | None
    contrast: float


@timed(Work.PLATE, whole=True)
def sample_light(task: WellTask) -> list[LightSample]:
    """Sample every channel of the first field of a task's only timepoint.

    Empty where it can't be read, which the analysis of the frame will say.
    """
    parameters, well_timepoint = task.parameters, task.well_timepoints[0]
    frames = next(iter(well_timepoint.fields.values()))
    try:
        with OpenFile() as files:
            image = load_field(
                task.folder, frames, parameters, task.calibration, well_timepoint.channel, files
            )
    except FieldError:
        return []
    channels: dict[str, NDArray[Any]] = {well_timepoint.channel: image.pixels, **image.others}
    # Light is smooth, and a body's place is enough: a hundred pixels or two show both.
    block = max(1, max(image.pixels.shape) // _SIDE_PX)
    small = {name: pool(pixels.astype(np.float32), block) for name, pixels in channels.items()}
    found = segment(
        small[well_timepoint.channel],
        pixel_size_um=None if image.pixel_size_um is None else image.pixel_size_um * block,
        method=parameters.segmentation.method.value,
        parameters=parameters.segmentation.model_copy(update={"shed": False}),
    )
    return [
        LightSample(name, ground_of(pixels, found.core), contrast_over_ground(pixels, found.core))
        for name, pixels in small.items()
    ]
