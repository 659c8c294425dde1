from __future__ import annotations

import numpy as np
import pytest

from spheroid_qc.images import open_image, read_plane
from spheroid_qc.images.metadata_imagej import read_imagej
from spheroid_qc.parameters import ImageParameters


@pytest.mark.parametrize("unit", ["um", "micron", "\\u00B5m", "microns"])
def test_units_of_length(write, picture, unit):
    path = write(picture, imagej=True, resolution=(1 / 0.65, 1 / 0.65), metadata={"unit": unit})
    found = open_image(path).calibration
    assert found.pixel_size_um == pytest.approx(0.65, rel=1e-5)
    assert found.source == "imagej"


@pytest.mark.parametrize("unit", ["pixel", "pixels", "", "inch", "cm"])
def test_no_silent_one(write, picture, unit):
    path = write(picture, imagej=True, resolution=(1, 1), metadata={"unit": unit} if unit else {})
    info = open_image(path)
    assert info.calibration.pixel_size_um is None
    assert info.calibration.note


@pytest.mark.parametrize(
    ("unit", "per_unit", "expected"),
    [("inch", 72, None), ("inch", 300, None), ("cm", 300 / 2.54, None), ("inch", 96.012, None),
     ("cm", 10_000 / 0.65, 0.65), ("inch", 25_400 / 0.65, 0.65), ("nm", 1 / 650, 0.65),
     ("mm", 1000 / 0.65, 0.65)],
)  # fmt: skip
def test_dots_per_inch_are_not_a_calibration(write, picture, unit, per_unit, expected):
    path = write(picture, imagej=True, resolution=(per_unit, per_unit), metadata={"unit": unit})
    found = open_image(path).calibration.pixel_size_um
    assert found == (None if expected is None else pytest.approx(expected, rel=1e-4))


def test_pixels_that_are_not_square(write, picture):
    path = write(picture, imagej=True, resolution=(2, 1), metadata={"unit": "um"})
    assert open_image(path).calibration.pixel_size_um is None
    assert "not square" in open_image(path).calibration.note


def test_hyperstack_order_and_interval(write):
    array = np.arange(2 * 3 * 4 * 6 * 8, dtype=np.uint16).reshape(2, 3, 4, 6, 8)  # TZCYX
    path = write(
        array, imagej=True, metadata={"axes": "TZCYX", "finterval": 7200.0, "spacing": 2.0}
    )
    info = open_image(path)
    assert (info.n_t, info.n_z, info.n_c) == (2, 3, 4)
    assert info.times_h == (0, 2)
    plane = read_plane(path, ImageParameters(z="middle"), time=1, channel="3")
    np.testing.assert_array_equal(plane.pixels, array[1, 1, 2])


def test_labels_name_channels(write, picture):
    path = write(
        np.stack([picture, picture + 1]),
        imagej=True,
        metadata={"axes": "CYX", "Labels": ["c:1/2 - GFP", "c:2/2 - Phase"]},
    )
    plane = read_plane(path)
    assert plane.info.channel_names == ("GFP", "Phase")
    np.testing.assert_array_equal(plane.pixels, picture + 1)


def test_large_stacks_behind_one_directory(write, picture):
    """Truncated writing puts all pictures behind the first page, as ImageJ does beyond 4 GB."""
    stack = np.stack([picture + step for step in range(5)])
    path = write(
        stack, metadata=None, truncate=True, description="ImageJ=1.54f\nimages=5\nframes=5\n"
    )
    info = open_image(path)
    assert info.n_t == 5
    for time in (0, 4):
        np.testing.assert_array_equal(read_plane(path, time=time).pixels, stack[time])


def _facts(text, resolution=(1.0, 1.0), **extra):
    return read_imagej("ImageJ=1.54f\n" + text, resolution, extra, "f.tif")


def test_slices_with_an_interval_are_times():
    facts = _facts("images=6\nslices=6\nfinterval=3600")
    assert (facts.n_t, facts.n_z, facts.interval_s) == (6, 1, 3600)
    assert "as times" in facts.notes[0]
    facts = _facts("images=6\nslices=6\nfinterval=3600\nspacing=5")
    assert (facts.n_t, facts.n_z) == (1, 6)
    facts = _facts("images=6\nslices=6")
    assert (facts.n_t, facts.n_z) == (1, 6)
    assert "focus planes" in facts.notes[0]


def test_frame_rates_are_of_animations_unless_slow():
    assert _facts("frames=3\nfps=7").interval_s is None
    assert _facts("frames=3\nfps=0.0002777778").interval_s == pytest.approx(3600, rel=1e-5)
    assert _facts("frames=3\nfinterval=2\ntunit=min").interval_s == 120
    assert _facts("frames=3\nfinterval=nan").interval_s is None


def test_date_in_the_info():
    info = "BitsPerPixel = 16\nAcquisitionDate = 2026-02-03T04:05:06\nx = y"
    facts = _facts("unit=um", Info=info)
    assert facts.acquired is not None
    assert facts.acquired.hour == 4


@pytest.mark.parametrize("count", ["-3", "0", "1e9", "99999999999", "x", ""])
def test_damaged_counts_are_one(count):
    facts = _facts(f"images={count}\nframes={count}\nslices={count}\nchannels={count}")
    assert (facts.n_t, facts.n_c, facts.n_z, facts.images) == (1, 1, 1, 1)
