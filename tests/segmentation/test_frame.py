"""What is in the frame beside the spheroid: walls, writing, smudges, uneven light."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from tests.segmentation.scenes import classical, disc, grid, ground, overlap, soft

Image = NDArray[np.float64]


def walled(image: Image, corner: int, outside: float, fringe: float) -> Image:
    """Put a round well's wall, with a fringe of light, across one corner."""
    size = image.shape[0]
    y, x = grid(size)
    distance = np.hypot(y - 1.05 * size, x - 0.95 * size) - 1.2 * size
    wall = image + (outside - image) * soft(-distance, 1.5)
    wall = wall + fringe * np.exp(-((distance / 4) ** 2))
    return np.rot90(wall, corner).copy()


@pytest.mark.parametrize("corner", [0, 1, 2, 3])
@pytest.mark.parametrize(("outside", "fringe"), [(0.05, 0.3), (0.95, -0.3), (0.55, 0.35)])
def test_a_wall_in_a_corner_is_no_body(corner: int, outside: float, fringe: float) -> None:
    image, truth = disc(512, (290, 270), 60, -0.2)
    result = classical(walled(image, corner, outside, fringe))
    assert result.core.max() == 1
    assert overlap(result.core > 0, np.rot90(truth, corner)) > 0.95
    assert not result.shed.any()
    empty = classical(walled(ground(512), corner, outside, fringe))
    assert empty.core.max() == 0
    assert not empty.shed.any()


def test_a_body_that_the_border_cuts_off_is_no_wall() -> None:
    image, truth = disc(512, (60, 90), 130, -0.3)
    result = classical(image)
    assert result.core.max() == 1
    assert overlap(result.core > 0, truth) > 0.93


def written(image: Image, value: float, noise: float = 0.0) -> Image:
    """Burn a scale bar and three letters into the lower right corner."""
    image = image.copy()
    size = image.shape[0]
    bar = (slice(int(0.95 * size), int(0.95 * size) + 6), slice(int(0.76 * size), int(0.95 * size)))
    strokes = np.zeros(image.shape, bool)
    strokes[bar] = True
    top, tall = int(0.9 * size), int(0.035 * size)
    for left in (0.79, 0.83, 0.87):
        a = int(left * size)
        box = strokes[top : top + tall, a : a + int(0.03 * size)]
        box[:3], box[-3:], box[:, :3], box[:, -3:] = True, True, True, True
    image[strokes] = value + np.random.default_rng(4).normal(0, noise + 1e-12, strokes.sum())
    return image


@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_writing_is_no_body(value: float, noise: float) -> None:
    assert classical(written(ground(768), value, noise)).core.max() == 0
    image, truth = disc(768, (370, 400), 100, -0.2)
    result = classical(written(image, value, noise))
    assert result.core.max() == 1
    assert overlap(result.core > 0, truth) > 0.97
    assert not result.shed.any()


@pytest.mark.parametrize("contrast", [-0.15, 0.15])
def test_a_blurred_speck_is_no_body_but_a_small_sharp_disc_is(contrast: float) -> None:
    y, x = grid(768)
    speck = contrast * np.exp(-((y - 300) ** 2 + (x - 420) ** 2) / (2 * 22.0**2))
    assert classical(ground(768) + speck).core.max() == 0
    image, truth = disc(768, (300, 420), 27, contrast)
    result = classical(image)
    assert result.core.max() == 1
    assert overlap(result.core > 0, truth) > 0.93


def test_a_large_body_out_of_focus_is_found() -> None:
    y, x = grid(512)
    distance = np.hypot(y - 250, x - 260) - 110
    image = ndimage.gaussian_filter(0.6 - 0.3 * (distance < 0), 14.0)
    image += np.random.default_rng(2).normal(0, 0.006, image.shape)
    result = classical(image)
    assert result.core.max() == 1
    assert overlap(result.core > 0, distance < 0) > 0.93


@pytest.mark.parametrize("radius", [50, 120])
def test_a_faint_body_in_a_strong_vignette(radius: float) -> None:
    y, x = grid(768)
    distance = np.hypot(y - 380, x - 360) - radius
    rng = np.random.default_rng(3)
    grain = ndimage.gaussian_filter(rng.normal(0, 1, y.shape), 4.0)
    body = soft(distance) * (0.08 + 0.02 * grain / grain.std())
    light = 0.7 * (1 - 1.1 * ((y - 384) ** 2 + (x - 384) ** 2) / 768**2)
    result = classical(light * np.exp(-body) + rng.normal(0, 0.006, y.shape))
    assert result.core.max() == 1
    assert overlap(result.core > 0, distance < 0) > 0.9
    assert classical(light + rng.normal(0, 0.006, y.shape)).core.max() == 0


@pytest.mark.parametrize("blur", [0.7, 2.0, 4.0])
@pytest.mark.parametrize("kind", ["ball", "disc"])
def test_blur_does_not_move_the_outline(blur: float, kind: str) -> None:
    y, x = grid(1024)
    distance = np.hypot(y - 500, x - 530)
    depth = np.sqrt(np.clip(1 - (distance / 140) ** 2, 0, 1))
    clear = 0.6 * np.exp(-depth) if kind == "ball" else 0.6 - 0.3 * (distance < 140)
    image = ndimage.gaussian_filter(clear, blur)
    image += np.random.default_rng(1).normal(0, 0.006, image.shape)
    found = np.count_nonzero(classical(image).core)
    assert found / np.count_nonzero(distance < 140) == pytest.approx(1, abs=0.015)


def test_all_of_many_spheres_are_counted_wherever_they_are() -> None:
    rng = np.random.default_rng(6)
    y, x = grid(900)
    image = ground(900)
    grain = ndimage.gaussian_filter(rng.normal(0, 1, y.shape), 2.5)
    places = [(90 + 150 * i, 90 + 150 * j) for i in range(6) for j in range(6) if (i + j) % 3]
    for number, (cy, cx) in enumerate(places):
        distance = np.hypot(y - cy, x - cx) - (22 + 2 * (number % 10))
        image -= soft(distance) * (0.2 + 0.05 * grain / grain.std())
    assert classical(image).core.max() == len(places)
