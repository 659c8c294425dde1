"""Brightness, texture, focus and further channels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from spheroid_qc.measurement import fluorescence, frame_quality
from spheroid_qc.measurement.background_level import surround_of

from .made import disc, masks, picture, single

FRAME = (400, 400)
CORE = disc(FRAME, 90)


def test_background_beside_a_vignette() -> None:
    """The level is the one next to the spheroid, not the frame's."""
    y, x = np.mgrid[: FRAME[0], : FRAME[1]]
    fall = 1 - 0.5 * ((y - 200) ** 2 + (x - 200) ** 2) / 80_000
    image = 10_000 * fall * np.where(CORE, 0.5, 1.0)
    level = surround_of(image, CORE).level
    assert 0.75 * 10_000 < level < 0.95 * 10_000
    assert level > np.median(image[~CORE])


def test_noise_of_the_background() -> None:
    rng = np.random.default_rng(1)
    image = 5_000 + 50 * rng.normal(size=FRAME) + np.linspace(0, 2_000, 400)
    found = surround_of(image, CORE)
    assert found.noise == pytest.approx(50, rel=0.05)
    assert found.spread > 150


def test_mean_intensity_skips_what_is_not_finite() -> None:
    image = picture(CORE).astype(np.float64)
    expected = image[CORE].mean()
    assert single(CORE, image=image)["mean_intensity"] == pytest.approx(expected)
    image[200, 200] = np.nan
    assert single(CORE, image=image)["mean_intensity"] == pytest.approx(expected, rel=1e-3)


def test_optical_density() -> None:
    """A body that lets a tenth through has a density of 1 a pixel."""
    shed = disc(FRAME, 20, (40.0, 40.0))
    image = np.where(CORE, 1_000.0, np.where(shed, 5_000.0, 10_000.0))
    density = single(CORE, shed, image)["integrated_optical_density"]
    expected = np.count_nonzero(CORE) + np.log10(2) * np.count_nonzero(shed)
    assert density == pytest.approx(expected, rel=1e-6)
    assert single(CORE, shed, image * 3)["integrated_optical_density"] == pytest.approx(density)
    bright = np.where(CORE, 10_000.0, 1_000.0)
    assert single(CORE, image=bright)["integrated_optical_density"] < 0
    assert np.isnan(single(CORE, image=bright - 1_000)["integrated_optical_density"])


def test_gain_and_offset_change_no_ratio() -> None:
    image = picture(CORE).astype(np.float64)
    one, other = single(CORE, image=image), single(CORE, image=3 * image + 1e7)
    for name in ("texture", "rim_sharpness", "focus_score"):
        assert other[name] == pytest.approx(one[name], rel=1e-3), name


def test_blur_lowers_focus() -> None:
    rows = []
    for blur in (0.8, 2, 4, 8, 16):
        rows.append(single(CORE, image=picture(CORE, blur=blur)))
    for name in ("rim_sharpness", "focus_score"):
        values = [row[name] for row in rows]
        assert values == sorted(values, reverse=True), name
        assert values[0] > 3 * values[-1], name


@pytest.mark.parametrize("blur", [4, 8, 16])
def test_rim_sharpness_of_a_blurred_step(blur: float) -> None:
    """0.4 R / s for an edge blurred by s."""
    image = ndimage.gaussian_filter(np.where(CORE, 1_000.0, 9_000.0), blur)
    image += np.random.default_rng(0).normal(0, 5, FRAME)
    expected = 90 / (np.sqrt(2 * np.pi) * np.hypot(blur, 1))
    assert single(CORE, image=image)["rim_sharpness"] == pytest.approx(expected, rel=0.2)


def test_focus_does_not_depend_on_how_much_there_is() -> None:
    """Half the spheroid, or debris around it, is as sharp as the whole."""
    big = single(CORE, image=picture(CORE))
    small_core = disc(FRAME, 45)
    small = single(small_core, image=picture(small_core))
    shed = (np.random.default_rng(0).random(FRAME) < 0.01) & ~ndimage.binary_dilation(
        CORE, iterations=20
    )
    debris = single(CORE, shed, picture(CORE, shed))
    assert small["focus_score"] == pytest.approx(big["focus_score"], rel=0.25)
    assert debris["focus_score"] == pytest.approx(big["focus_score"], rel=0.1)


def test_noise_is_not_focus() -> None:
    blurred = [single(CORE, image=picture(CORE, blur=8, noise=n)) for n in (20, 100, 400)]
    sharp = single(CORE, image=picture(CORE, blur=1, noise=100))
    for row in blurred:
        assert row["focus_score"] < 0.4 * sharp["focus_score"]
        assert row["rim_sharpness"] < 0.5 * sharp["rim_sharpness"]


def test_fluorescence_is_background_subtracted() -> None:
    shed = disc(FRAME, 110) & ~disc(FRAME, 100)
    glow = 300.0 + 1_000.0 * CORE + 200.0 * shed
    found = fluorescence(masks(CORE, shed), glow, 2.0)
    assert found["background"] == 300
    assert found["core_mean"] == pytest.approx(1_000)
    assert found["shed_mean"] == pytest.approx(200)
    assert found["core_integrated"] == pytest.approx(1_000 * np.count_nonzero(CORE))
    assert found["total_integrated"] == pytest.approx(
        found["core_integrated"] + found["shed_integrated"]
    )
    assert found["saturated"] == 0


def test_fluorescence_keeps_clear_of_the_glow() -> None:
    """Light spreads beyond the outline; the background is taken where it has faded."""
    glow = 100.0 + ndimage.gaussian_filter(5_000.0 * CORE, 8)
    assert fluorescence(masks(CORE), glow, 1.0)["background"] == pytest.approx(100, abs=5)


def test_fluorescence_of_nothing_and_of_a_full_frame() -> None:
    nothing = fluorescence(masks(np.zeros(FRAME)), picture(CORE), 1.0)
    assert nothing["total_integrated"] == 0
    assert np.isnan(nothing["total_mean"])
    full = fluorescence(masks(np.ones(FRAME)), picture(CORE), 1.0)
    assert np.isnan(full["background"])
    assert np.isnan(full["core_integrated"])


def test_quality_without_a_spheroid() -> None:
    nothing = np.zeros(FRAME)
    features = frame_quality(masks(nothing), picture(nothing))
    assert np.isnan(features["contrast"])
    assert features["body_count"] == 0
    assert features["unevenness_level"] < 0.05
