"""Sample data for the viewer: one simulated spheroid, and one that falls apart over time.

The functions return what napari asks of sample data, tuples of array, properties and layer
type, and need no napari themselves.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.samples.optics import Modality, Rendered
from spheroid_qc.samples.plate_design import DEMO, PlateDesign, WellPlan
from spheroid_qc.samples.plate_writer import file_name, render_frame
from spheroid_qc.samples.simulated_time_course import history_of
from spheroid_qc.samples.truth import frame_truth, with_states

LayerData = tuple[NDArray[Any], dict[str, Any], str]

_STEP_H = 12.0
# Row, column and seed only choose the look; this one breaks into pieces within a cloud.
_SEED = 5


def _series(
    strength: float, times_h: tuple[float, ...], modality: Modality = Modality.BRIGHTFIELD
) -> PlateDesign:
    """Return a plate of one well with all three drugs at `strength` times their highest doses."""
    treatment = tuple((drug.name, strength * drug.doses_um[-1]) for drug in DEMO.drugs[:3])
    plan = WellPlan(1, 1, treatment if strength > 0 else (), "treated" if strength else "vehicle")
    return replace(
        DEMO, wells=(plan,), times_h=times_h, modality=modality, extras=False, break_share=1.0
    )


def sample_spheroid(
    strength: float = 0.25, seed: int = _SEED, modality: Modality = Modality.BRIGHTFIELD
) -> Rendered:
    """Return one frame of a simulated spheroid with its exact masks.

    The image is (1024, 1024) of uint16, 1.3 um a pixel. `strength` is the dose of all three drugs
    relative to the demo plate's highest: 0 is an untreated spheroid, 0.25 sheds, 1 falls apart.
    """
    design = _series(strength, (0.0, 72.0), modality)
    return render_frame(design, design.wells[0], 1, seed)


def sample_spheroid_layers() -> list[LayerData]:
    """Return a shedding spheroid as one image layer (y, x), calibrated."""
    size = DEMO.pixel_size_um
    properties = {
        "name": "shedding spheroid",
        "scale": (size, size),
        "units": ("um", "um"),
        "axis_labels": ("y", "x"),
        "metadata": {"pixel_size_um": size, "simulated": True},
    }
    return [(sample_spheroid().image, properties, "image")]


def sample_plate_layers() -> list[LayerData]:
    """Return a spheroid that falls apart over three days as one image layer (time, y, x).

    `metadata` holds the times, the pixel size, the well and the true disintegration fraction
    and state of every frame.
    """
    times = tuple(_STEP_H * k for k in range(7))
    design = _series(0.6, times)
    plan = design.wells[0]
    history = history_of(design, plan, _SEED)
    frames = [render_frame(design, plan, k, _SEED, history) for k in range(len(times))]
    truth = with_states(
        [
            frame_truth(file_name(design, plan, t), design, plan, t, frame.core, frame.shed)
            for t, frame in zip(times, frames, strict=True)
        ]
    )
    size = design.pixel_size_um
    properties = {
        "name": "spheroid falling apart",
        "scale": (_STEP_H, size, size),
        "units": ("hour", "um", "um"),
        "axis_labels": ("time", "y", "x"),
        "metadata": {
            "plate": design.plate,
            "well": plan.well,
            "time_h": list(times),
            "pixel_size_um": size,
            "simulated": True,
            "true_disintegration_fraction": [t.disintegration_fraction for t in truth],
            "true_state": [t.state for t in truth],
        },
    }
    return [(np.stack([frame.image for frame in frames]), properties, "image")]
