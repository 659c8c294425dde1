"""Raw figures of picture quality."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from spheroid_qc.measurement import QUALITY_FEATURES, frame_quality
from spheroid_qc.measurement.scale_bars import find_annotations

from .made import disc, masks, picture

FRAME = (500, 600)
CORE = disc(FRAME, 100)


def write(image: np.ndarray, text: str, at: tuple[int, int], value: int) -> np.ndarray:
    canvas = Image.fromarray(image)
    ImageDraw.Draw(canvas).text(at, text, fill=value, font_size=24)
    return np.array(canvas)


def eight_bit() -> np.ndarray:
    return (picture(CORE) >> 8).astype(np.uint8)


def test_figures_are_those_described() -> None:
    assert tuple(frame_quality(masks(CORE), picture(CORE))) == tuple(QUALITY_FEATURES)


def test_clean_frame() -> None:
    features = frame_quality(masks(CORE), picture(CORE))
    assert features["contrast"] == pytest.approx(8_000, rel=0.1)
    assert features["contrast_to_background"] > 20
    assert features["unevenness"] < 0.05
    assert features["saturated_frame"] == 0
    assert features["saturated_total"] == 0
    assert features["border_contact_core"] == 0
    assert features["annotation_overlap"] == 0
    assert features["body_count"] == 1
    assert features["second_body_ratio"] == 0


@pytest.mark.parametrize("text", ["00d05h00m", "500 um"])
@pytest.mark.parametrize("value", [0, 255])
def test_writing(text: str, value: int) -> None:
    over = write(eight_bit(), text, (250, 240), value)
    features = frame_quality(masks(CORE), over)
    assert features["annotation_overlap"] > 0.01
    aside = write(eight_bit(), text, (20, 20), value)
    assert find_annotations(aside)
    assert frame_quality(masks(CORE), aside)["annotation_overlap"] == 0


def test_scale_bar() -> None:
    image = eight_bit()
    image[300:306, 250:400] = 255
    assert frame_quality(masks(CORE), image)["annotation_overlap"] > 0.01
    as_shed = np.zeros(FRAME, dtype=bool)
    image = eight_bit()
    image[450:456, 450:550] = as_shed[450:456, 450:550] = 255
    features = frame_quality(masks(CORE, as_shed), image)
    assert features["annotation_overlap"] == 0
    assert features["annotation_in_total"] > 0.01


@pytest.mark.parametrize("seed", range(4))
def test_no_writing_in_what_grows(seed: int) -> None:
    shed = (np.random.default_rng(seed).random(FRAME) < 0.01) & ~CORE
    for image in (picture(CORE, shed, seed=seed), 65_535 - picture(CORE, shed, seed=seed)):
        assert find_annotations(image) == []
        assert find_annotations((image >> 8).astype(np.uint8)) == []


def test_saturation() -> None:
    bright = np.minimum(picture(CORE).astype(int) * 4, 65_535).astype(np.uint16)
    assert frame_quality(masks(CORE), bright)["saturated_frame"] > 0.5
    twelve_bit = np.minimum(picture(CORE) // 4, 4_095)
    assert frame_quality(masks(CORE), twelve_bit)["saturated_frame"] > 0.5
    scaled = np.minimum(picture(CORE) / 15_000, 1.0)
    assert frame_quality(masks(CORE), scaled)["saturated_frame"] > 0.5
    glow = np.minimum(40 + 400.0 * CORE, 255).astype(np.uint8)
    assert frame_quality(masks(CORE), glow)["saturated_total"] == pytest.approx(1)
    dark_core = np.where(CORE, 0, eight_bit())
    assert frame_quality(masks(CORE), dark_core)["saturated_total"] == pytest.approx(1)


def test_black_surround_is_neither_saturated_nor_uneven() -> None:
    well = disc(FRAME, 245)
    image = np.where(well, eight_bit(), 0)
    features = frame_quality(masks(CORE), image)
    assert features["saturated_frame"] == 0
    assert features["saturated_total"] == 0
    assert features["unevenness"] < 0.1


def test_unevenness() -> None:
    y, x = np.mgrid[: FRAME[0], : FRAME[1]]
    tilt = picture(CORE) + 8_000 * (x / FRAME[1])
    tilted = frame_quality(masks(CORE), tilt)
    assert 0.7 < tilted["unevenness"] < 1.4
    dome = picture(CORE) - 16_000 * ((y - 250) ** 2 + (x - 300) ** 2) / 152_500
    assert frame_quality(masks(CORE), dome)["unevenness"] > 0.9


def test_border_contact() -> None:
    """A disc cut by half touches with 2 R of its outline of (2 + pi) R."""
    half = disc(FRAME, 100, (0.0, 300.0))
    features = frame_quality(masks(half), picture(half))
    # Counted in pixels: 2 R on the edge, sqrt(8) R on the half circle, 4-connected rim.
    assert features["border_contact_core"] == pytest.approx(2 / (2 + 2 * np.sqrt(2)), abs=0.02)
    shed = disc(FRAME, 20, (250.0, 0.0))
    features = frame_quality(masks(CORE, shed), picture(CORE, shed))
    assert features["border_contact_core"] == 0
    assert features["border_contact_total"] > 0


def test_bodies() -> None:
    two = disc(FRAME, 100, (250.0, 150.0)).astype(int)
    two[disc(FRAME, 70, (250.0, 450.0))] = 2
    features = frame_quality(masks(two), picture(two))
    assert features["body_count"] == 2
    assert features["second_body_ratio"] == pytest.approx(0.49, abs=0.01)
    assert features["second_body_solidity"] > 0.97
    assert features["second_label_ratio"] == pytest.approx(0.49, abs=0.01)
    halves = CORE.astype(int)
    halves[:, 300:] *= 2
    features = frame_quality(masks(halves), picture(halves))
    assert features["body_count"] == 2
    assert features["second_body_ratio"] == 0
    assert features["second_label_ratio"] > 0.9
