"""Outlines lie where the masks are, and nothing of the picture is hidden by words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from spheroid_qc.configuration import apply_overrides
from spheroid_qc.frames.frame_table import Frame
from spheroid_qc.images import PlateCalibration
from spheroid_qc.parameters import Parameters
from spheroid_qc.run.overlays.draw_overlay import (
    CORE_COLOUR,
    SHED_COLOUR,
    Caption,
    OverlayTask,
    draw_overlay,
    overlay_digest,
)
from spheroid_qc.run.store.well_records import WellTimepoint

CAPTION = Caption("P A01 0 h", "intact", "flags: none")


def scene(size=400):
    y, x = np.mgrid[:size, :size]
    core = (np.hypot(y - 200, x - 200) < 80).astype(np.int32)
    shed = np.hypot(y - 330, x - 330) < 20
    return np.full((size, size), 1000, np.uint16), core, shed


def coloured(picture, colour):
    return np.argwhere((np.asarray(picture) == colour).all(axis=-1))


def test_outlines_lie_on_the_edges():
    image, core, shed = scene()
    picture = draw_overlay(image, core, shed, CAPTION, longer_side=400)
    radius = np.hypot(*(coloured(picture, CORE_COLOUR) - 200).T)
    assert radius.size > 400
    assert radius.min() > 76
    assert radius.max() <= 81
    far = np.hypot(*(coloured(picture, SHED_COLOUR) - 330).T)
    assert far.size > 60
    assert far.max() <= 21


def test_the_caption_stands_below_the_picture():
    image, core, shed = scene()
    picture = draw_overlay(image, core, shed, CAPTION, longer_side=400)
    assert picture.width == 400
    assert picture.height > 400


def test_pictures_of_any_shape_and_type_are_drawn():
    for shape in [(1, 1), (3, 900), (50, 40)]:
        for image in (
            np.zeros(shape),
            np.full(shape, np.nan),
            np.ones(shape, np.uint8),
            np.full(shape, 1e30),
        ):
            core = np.ones(shape, np.int32)
            picture = draw_overlay(
                image, core, core > 1, CAPTION, pixel_size_um=0.5, longer_side=200
            )
            assert max(picture.size) >= 200


def test_several_bodies_are_numbered():
    image, core, shed = scene()
    two = core.copy()
    two[:, 200:][core[:, 200:] > 0] = 2
    one_picture = np.asarray(draw_overlay(image, core, shed, CAPTION, longer_side=400))
    two_picture = np.asarray(draw_overlay(image, two, shed, CAPTION, longer_side=400))
    inside = np.s_[190:210, 140:180]
    assert (two_picture[inside] != one_picture[inside]).any()


def test_another_picture_under_the_same_name_is_drawn_again():
    frame = Frame("x.tif", "P", "A01", 1, "", 0, 0, 0.0, "elapsed", None, "generic", 10)
    moment = WellTimepoint(0, (frame,), "", "signature")
    task = OverlayTask(
        Path("images"), Path("out"), moment, 1, False, "x.ome.tif", CAPTION, Parameters(),
        PlateCalibration({}), "one;two",
    )  # fmt: skip
    assert overlay_digest(task) == overlay_digest(replace(task))
    assert overlay_digest(task) != overlay_digest(replace(task, content="one;three"))
    other = apply_overrides(Parameters(), {"images.channel": "2"})
    assert overlay_digest(task) != overlay_digest(replace(task, parameters=other))
