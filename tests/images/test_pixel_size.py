from __future__ import annotations

import math

import pytest

from spheroid_qc.images.pixel_size import (
    Calibration,
    calibration_of,
    length_in_um,
    pixel_size_from_resolution,
    resolve_pixel_size,
)


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("µm", 1), ("\u03bcm", 1), ("um", 1), ("UM", 1), ("micron", 1), ("microns", 1),
        ("Micrometers", 1), ("micrometre", 1), ("\\u00B5m", 1), ("Âµm", 1), ("\ufffdm", 1),
        (" µm ", 1), ("nm", 1e-3), ("nanometers", 1e-3), ("mm", 1e3), ("cm", 1e4), ("m", 1e6),
        ("inch", 25400), ("Å", 1e-4), ("µm/pixel", 1),
        ("pixel", None), ("pixels", None), ("px", None), ("", None), (None, None), ("foo", None),
    ],
)  # fmt: skip
def test_spellings_of_units(unit, expected):
    assert length_in_um(unit) == expected


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, 1e9, 1e-6])
def test_absurd_sizes_are_ignored_with_a_note(value):
    found = calibration_of(value, value, "ome", "the field")
    assert found.pixel_size_um is None
    assert "the field" in found.note


def test_pixels_that_are_not_square_are_refused_and_rounding_is_not():
    assert calibration_of(0.65, 0.5, "ome", "x").pixel_size_um is None
    assert "not square" in calibration_of(0.65, 0.5, "ome", "x").note
    assert calibration_of(0.65, 0.651, "ome", "x").pixel_size_um == pytest.approx(0.6505, abs=1e-4)
    assert calibration_of(None, 0.65, "ome", "x").pixel_size_um == 0.65


def test_one_micrometre_is_taken_but_doubted():
    found = calibration_of(1.0, 1.0, "ome", "x")
    assert found.pixel_size_um == 1
    assert "placeholder" in found.note
    assert "placeholder" in resolve_pixel_size(None, None, [found]).notes[0]


@pytest.mark.parametrize(
    "dpi", [72, 96, 100, 120, 150, 200, 240, 300, 350, 400, 600, 720, 1200, 1440, 2400, 4800, 9600]
)
def test_screens_and_printers_are_no_calibration(dpi):
    for scale, resolution in ((25400.0, dpi), (10000.0, dpi / 2.54)):
        found = pixel_size_from_resolution(resolution, resolution, scale, "vendor", "x")
        assert found.pixel_size_um is None
        assert "no calibration" in found.note


@pytest.mark.parametrize("um", [0.1, 0.325, 0.65, 1.0, 1.24, 1.61, 2.5, 2.82, 5.0, 6.45])
def test_microscope_resolutions_are(um):
    for scale in (25400.0, 10000.0):
        found = pixel_size_from_resolution(scale / um, scale / um, scale, "vendor", "x")
        assert found.pixel_size_um == pytest.approx(um)


def test_order_of_trust():
    imagej, ome = Calibration(0.7, "imagej"), Calibration(0.65, "ome")
    vendor, plate = Calibration(0.8, "vendor"), Calibration(0.6, "plate_file")
    file = [vendor, imagej, ome]
    assert resolve_pixel_size(0.5, plate, file).source == "parameter"
    assert resolve_pixel_size(None, plate, file).pixel_size_um == 0.6
    assert resolve_pixel_size(None, None, file).pixel_size_um == 0.65
    assert resolve_pixel_size(None, None, [vendor, imagej]).source == "imagej"
    assert resolve_pixel_size(None, Calibration(None, "plate_file"), [vendor]).source == "vendor"
    nobody = resolve_pixel_size(None, None, [Calibration(None, "imagej", "why not")])
    assert nobody.pixel_size_um is None
    assert nobody.source == "none"
    assert nobody.notes == ("why not",)


def test_contradictions_are_told_beyond_the_tolerance():
    ome = [Calibration(0.65, "ome")]
    assert resolve_pixel_size(0.65 * 1.019, None, ome).conflict == ""
    assert resolve_pixel_size(0.65 * 0.981, None, ome).conflict == ""
    conflict = resolve_pixel_size(1.3, None, ome).conflict
    assert "1.3" in conflict
    assert "0.65" in conflict
    assert conflict.endswith(".")
    assert resolve_pixel_size(1.3, None, ome, tolerance=2.0).conflict == ""
    assert resolve_pixel_size(1.3, None, []).conflict == ""
