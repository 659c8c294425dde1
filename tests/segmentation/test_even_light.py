"""Light that frames have in common, and what must not be taken for it."""

from __future__ import annotations

import numpy as np
import pytest

from spheroid_qc.segmentation.even_light import (
    GRID,
    MIN_FRAMES,
    Illumination,
    common_illumination,
    contrast_over_ground,
    evened,
    ground_of,
    light_of,
    light_through,
    own_illumination,
)

SIZE = 200
Y, X = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j]
R = np.hypot(Y, X)


def lamp(strength: float = 0.6) -> np.ndarray:
    """A lamp that is brightest off the middle and falls towards the corners; mean about 1."""
    light = 1 - strength * (0.3 * X - 0.2 * Y + 0.35 * (X**2 + Y**2) - 0.2)
    return light / light.mean()


def frame(
    seed: int = 0,
    light: np.ndarray | float = 1.0,
    radius: float = 0.35,
    corona: float = 0.0,
    centre: tuple[float, float] = (0.0, 0.0),
) -> tuple[np.ndarray, np.ndarray]:
    """A dark body, perhaps in a corona that is half as dark, under a light; and its mask."""
    rng = np.random.default_rng(seed)
    away = np.hypot(Y - centre[0], X - centre[1])
    through = np.where(away < radius, 0.4, 1.0)
    if corona:
        ring = (away >= radius) & (away < corona)
        through = np.where(ring, 0.75 + 0.1 * rng.standard_normal(R.shape), through)
    image = 20_000 * rng.uniform(0.8, 1.2) * through * light
    image += rng.normal(0, 150, R.shape)
    return np.clip(image, 0, 65535).astype(np.uint16), (away < radius).astype(np.int32)


def common(frames: list[tuple[np.ndarray, np.ndarray]]) -> Illumination | None:
    grounds = [ground_of(image, core) for image, core in frames]
    return common_illumination([ground for ground in grounds if ground is not None])


def error(light: Illumination, truth: np.ndarray) -> float:
    """Largest difference of two lights over the field, their levels aside."""
    ratio = light.surface(truth.shape) / truth
    return float(np.abs(ratio / np.median(ratio) - 1).max())


def test_light_is_found_although_a_body_lies_in_the_middle_of_every_frame() -> None:
    light = common([frame(n, lamp()) for n in range(12)])
    assert light is not None
    assert error(light, lamp()) < 0.02
    assert light.surface((SIZE, SIZE)).mean() == pytest.approx(1, abs=0.002)


def test_under_even_light_the_body_in_the_middle_of_every_frame_leaves_no_trace() -> None:
    light = common([frame(n) for n in range(12)])
    assert light is not None
    assert error(light, np.ones(R.shape)) < 0.01
    assert light.height < 0.01


def test_a_body_that_fills_the_frame_leaves_no_ground_and_is_not_divided_away() -> None:
    image, core = frame(0, lamp(0.3), radius=0.9)
    assert ground_of(image, core) is None
    assert own_illumination(image, core) is None


def test_large_bodies_are_not_divided_away() -> None:
    frames = [frame(n, lamp(0.3), radius=0.65) for n in range(12)]
    light = common(frames)
    assert light is not None
    assert error(light, lamp(0.3)) < 0.05
    image, core = frames[0]
    assert contrast_over_ground(evened(image, light), core) == pytest.approx(0.6, abs=0.03)


def test_without_ground_there_is_no_light() -> None:
    image, _ = frame()
    assert ground_of(image, np.ones(image.shape, np.int32)) is None
    assert own_illumination(image, np.ones(image.shape, np.int32)) is None


@pytest.mark.parametrize("strength", [0.0, 0.5])
def test_a_corona_around_every_body_is_not_divided_away(strength: float) -> None:
    light = common([frame(n, lamp(strength), radius=0.3, corona=0.6) for n in range(12)])
    assert light is not None
    assert error(light, lamp(strength)) < 0.03


@pytest.mark.parametrize("strength", [0.0, 0.5])
def test_nor_is_the_corona_of_a_single_frame(strength: float) -> None:
    light = own_illumination(*frame(0, lamp(strength), radius=0.3, corona=0.6))
    assert light is not None
    assert error(light, lamp(strength)) < 0.03


def test_material_of_a_few_frames_is_no_light() -> None:
    frames = [frame(n, lamp()) for n in range(12)]
    for image, _ in frames[:4]:
        image[:, : SIZE // 3] //= 2
    light = common(frames)
    assert light is not None
    assert error(light, lamp()) < 0.03


def test_bodies_at_different_places_and_frames_of_different_brightness() -> None:
    rng = np.random.default_rng(3)
    light = common([frame(n, lamp(), centre=tuple(rng.uniform(-0.4, 0.4, 2))) for n in range(12)])
    assert light is not None
    assert error(light, lamp()) < 0.02


def test_too_few_frames_have_no_common_light() -> None:
    assert common([frame(n, lamp()) for n in range(MIN_FRAMES - 1)]) is None


def test_a_dark_ground_says_nothing_of_the_lamp() -> None:
    _, core = frame()
    glow = np.where(core > 0, 9000, 300).astype(np.uint16)
    assert ground_of(glow, core) is None


def test_a_wall_is_no_light() -> None:
    ground = np.ones((GRID, GRID), np.float32)
    ground[:, : GRID // 2] = 0.02
    found = light_through(ground)
    assert found is None or found.is_light
    steep = light_of([1, 1.2, 0, 0, 0, 0])
    assert not steep.is_light


def test_dividing_makes_the_ground_even_and_keeps_the_contrast() -> None:
    image, core = frame(0, lamp())
    light = own_illumination(image, core)
    even = evened(image, light)
    assert even.dtype == np.float32
    assert np.std(even[core == 0]) / np.mean(even[core == 0]) < 0.012
    assert contrast_over_ground(even, core) == pytest.approx(0.6, abs=0.01)
    assert evened(image, None) is image


def test_the_light_of_a_frame_does_not_depend_on_its_number_of_pixels() -> None:
    light = light_of([1.05, 0.1, -0.05, -0.1, 0.02, -0.05])
    small, large = light.surface((64, 48)), light.surface((640, 480))
    pooled = large.reshape(64, 10, 48, 10).mean(axis=(1, 3))
    assert np.abs(small - pooled).max() < 0.001


def test_pixels_that_are_not_there_have_no_ground() -> None:
    image, core = frame(0, lamp())
    gaps = image.astype(np.float32)
    gaps[20:40, 20:60] = np.nan
    light = own_illumination(gaps, core)
    assert light is not None
    assert error(light, lamp()) < 0.02
