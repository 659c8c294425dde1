"""A small synthetic plate on disk, to try everything with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from spheroid_qc import __version__
from spheroid_qc.samples import DEMO, write_plate
from spheroid_qc.samples.plate_design import PlateDesign, WellPlan
from spheroid_qc.samples.plate_writer import render_frame


def _small() -> PlateDesign:
    """Eighteen wells: vehicle, a drug at two doses, another, both together, and blanks."""
    first, second = DEMO.drugs[0], DEMO.drugs[1]
    plans = []
    for replicate in range(3):
        row = replicate + 1
        treatments = [
            (),
            ((first.name, first.doses_um[0]),),
            ((first.name, first.doses_um[-1]),),
            ((second.name, second.doses_um[-1]),),
            ((first.name, first.doses_um[-1]), (second.name, second.doses_um[-1])),
        ]
        for column, treatment in enumerate(treatments, start=1):
            role = "treated" if treatment else "vehicle"
            plans.append(WellPlan(row, column, treatment, role, replicate + 1))
        plans.append(WellPlan(row, 6, (), "blank", replicate + 1, empty=True))
    # What goes wrong on real plates: one well drifts out of focus.
    plans[7] = replace(plans[7], blurred_from_h=48.0)
    return replace(
        DEMO, wells=tuple(plans), times_h=(0.0, 24.0, 48.0, 72.0), plate="Sample",
        shape=(512, 512), pixel_size_um=2.6,
    )  # fmt: skip


SMALL = _small()
_SEED = 3
_WAITING = "sample plate, being drawn"


def sample_folder() -> Path:
    """Where the sample plate lies: in the user's own cache."""
    from platformdirs import user_cache_path

    return user_cache_path("spheroid_qc") / f"sample_plate_{__version__}"


def write_sample(folder: Path) -> Path:
    """Write the sample plate, unless it is there; gives the folder of its images."""
    images = folder / "sample_plate"
    marker = folder / "complete"
    if not marker.is_file():
        write_plate(images, SMALL, seed=_SEED)
        marker.write_text("", "utf-8")
    return images


def open_sample_plate() -> list[Any]:
    """Write the sample plate in the background and open it in the Plate panel.

    Gives one frame to look at until the plate is there: napari wants a layer of every sample.
    """
    import napari

    from spheroid_qc.gui.background_threads import alive, in_background
    from spheroid_qc.gui.open_and_save import open_images, open_panel
    from spheroid_qc.gui.well_view import view_of

    first = render_frame(SMALL, SMALL.wells[0], 0, _SEED).image
    size = SMALL.pixel_size_um
    waiting = (first, {"name": _WAITING, "scale": (size, size), "units": ("um", "um")}, "image")
    viewer = napari.current_viewer()
    if viewer is None:
        return [waiting]
    plate = open_panel(viewer, "Plate")
    plate.say("The sample plate is being drawn; this takes some seconds the first time.")

    def done(images: Path) -> None:
        for layer in [one for one in viewer.layers if one.name.startswith(_WAITING)]:
            viewer.layers.remove(layer)
        if alive(plate):
            plate.say("")
        open_images(viewer, images)

    in_background(
        view_of(viewer), write_sample, sample_folder(), done=done, desc="drawing the sample plate"
    )
    return [waiting]
