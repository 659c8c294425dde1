"""Marks of the well told from material by what stays and what changes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from spheroid_qc.segmentation.static_background import (
    MIN_TIMES,
    fine_structure,
    static_marks,
    without_marks,
)

SIZE, RADIUS = 320, 60
Y, X = np.mgrid[:SIZE, :SIZE].astype(float)
AWAY = np.hypot(Y - SIZE / 2, X - SIZE / 2)
CORE = (AWAY < RADIUS).astype(np.int32)


def scratches(seed: int = 1, number: int = 25) -> np.ndarray:
    """What scratches and specks of a floor let through."""
    rng = np.random.default_rng(seed)
    floor = np.ones((SIZE, SIZE))
    for _ in range(number):
        angle, off = rng.uniform(0, np.pi), rng.uniform(-0.45, 0.45) * SIZE
        across = (Y - SIZE / 2) * np.cos(angle) - (X - SIZE / 2) * np.sin(angle) - off
        along = (Y - SIZE / 2) * np.sin(angle) + (X - SIZE / 2) * np.cos(angle)
        ends = np.abs(along - rng.uniform(-100, 100)) < rng.uniform(30, 120)
        floor -= 0.3 * ends * np.exp(-(across**2) / 4)
    return floor


def cells(seed: int, number: int, inner: float = 1.3, outer: float = 2.2) -> np.ndarray:
    """Loose cells around the body, as a mask."""
    rng = np.random.default_rng(seed)
    found = np.zeros((SIZE, SIZE), bool)
    for _ in range(number):
        angle, far = rng.uniform(0, 2 * np.pi), RADIUS * rng.uniform(inner, outer)
        y, x = SIZE / 2 + far * np.sin(angle), SIZE / 2 + far * np.cos(angle)
        found |= np.hypot(Y - y, X - x) < 4
    return found


def picture(
    floor: np.ndarray, loose: np.ndarray, seed: int, shift: tuple[float, float] = (0, 0)
) -> np.ndarray:
    rng = np.random.default_rng(seed)
    through = ndimage.shift(floor, shift, order=1, mode="nearest") * np.where(loose, 0.6, 1.0)
    through = np.where(CORE > 0, 0.35 + 0.05 * rng.standard_normal(CORE.shape), through)
    image = ndimage.gaussian_filter(20_000 * through, 0.7) + rng.normal(0, 200, CORE.shape)
    return np.clip(image, 0, 65535).astype(np.uint16)


def seen_as_shed(floor: np.ndarray, loose: np.ndarray, shift: tuple[float, float]) -> np.ndarray:
    """What a segmenter that takes scratches for cells calls shed: a little too wide."""
    dark = ndimage.shift(floor, shift, order=1, mode="nearest") < 0.9
    return ndimage.binary_dilation(dark | loose, iterations=2) & (AWAY > RADIUS)


def fraction(shed: np.ndarray) -> float:
    return 1 - CORE.sum() / (CORE.sum() + shed.sum())


def series(
    floor: np.ndarray, loose: list[np.ndarray], shifts: list[tuple[float, float]] | None = None
) -> tuple[list[float], list[float], list[float]]:
    """Disintegration before and after marks were taken, and of the loose cells alone."""
    shifts = shifts or [(0.0, 0.0)] * len(loose)
    frames = [
        fine_structure(picture(floor, one, n, s), CORE)
        for n, (one, s) in enumerate(zip(loose, shifts, strict=True))
    ]
    sheds = [seen_as_shed(floor, one, s) for one, s in zip(loose, shifts, strict=True)]
    left = [
        without_marks(shed, mark, frame)
        for shed, mark, frame in zip(sheds, static_marks(frames), frames, strict=True)
    ]
    alone = [seen_as_shed(np.ones_like(floor), one, (0, 0)) for one in loose]
    return [fraction(s) for s in sheds], [fraction(s) for s in left], [fraction(s) for s in alone]


NOTHING = np.zeros((SIZE, SIZE), bool)


def test_a_scratched_floor_under_an_intact_body_is_no_disintegration() -> None:
    before, after, _ = series(scratches(), [NOTHING] * 6)
    assert min(before) > 0.4
    assert max(after) < 0.05


def test_small_shifts_of_the_stage_are_followed() -> None:
    rng = np.random.default_rng(0)
    shifts = [tuple(rng.uniform(-4, 4, 2)) for _ in range(6)]
    before, after, _ = series(scratches(), [NOTHING] * 6, shifts)
    assert min(before) > 0.4
    # A band along the border, which the first frame does not show, stays as it was found.
    assert max(after) < 0.07


def test_shedding_that_begins_on_a_scratched_floor_keeps_its_fraction() -> None:
    loose = [NOTHING] * 2 + [cells(10 + n, 15 * n) for n in range(1, 5)]
    _, after, alone = series(scratches(), loose)
    assert np.abs(np.subtract(after, alone)).max() < 0.06
    assert np.abs(np.subtract(after, alone)).mean() < 0.03


def test_material_that_settles_and_then_never_moves_again_is_kept() -> None:
    settled = cells(3, 40)
    _, after, alone = series(np.ones((SIZE, SIZE)), [NOTHING] + [settled] * 5)
    assert after == pytest.approx(alone, abs=0.01)


def test_debris_where_the_body_was_is_kept() -> None:
    settled = cells(3, 40, 0.1, 0.9)
    bare = np.zeros_like(CORE)
    images = [picture(np.ones((SIZE, SIZE)), NOTHING, 0)]
    rng = np.random.default_rng(1)
    for _ in range(5):
        images.append(20_000 * np.where(settled, 0.6, 1) + rng.normal(0, 200, CORE.shape))
    cores = [CORE] + [bare] * 5
    frames = [fine_structure(i, c) for i, c in zip(images, cores, strict=True)]
    for mark, frame in zip(static_marks(frames), frames, strict=True):
        assert without_marks(settled, mark, frame).sum() > 0.95 * settled.sum()


def test_a_corona_that_stays_but_lives_is_kept() -> None:
    loose = [cells(20 + n, 150, 1.05, 1.7) for n in range(6)]
    before, after, _ = series(np.ones((SIZE, SIZE)), loose)
    assert min(before) > 0.4
    assert after == pytest.approx(before, abs=0.02)


def test_three_times_are_too_few() -> None:
    before, after, _ = series(scratches(), [NOTHING] * (MIN_TIMES - 1))
    assert after == before


def test_one_frame_out_of_focus_does_not_bring_the_marks_back() -> None:
    floor = scratches()
    frames = [fine_structure(picture(floor, NOTHING, n), CORE) for n in range(6)]
    blurred = ndimage.gaussian_filter(picture(floor, NOTHING, 3).astype(float), 8)
    frames[3] = fine_structure(blurred, CORE)
    marks = static_marks(frames)
    shed = seen_as_shed(floor, NOTHING, (0, 0))
    sharp = [n for n in range(6) if n != 3]
    assert max(fraction(without_marks(shed, marks[n], frames[n])) for n in sharp) < 0.05


def test_frames_of_different_size_are_left_alone() -> None:
    frames = [fine_structure(picture(scratches(), NOTHING, n), CORE) for n in range(5)]
    frames.append(fine_structure(picture(scratches(), NOTHING, 9)[:200], CORE[:200]))
    assert not any(mark.any() for mark in static_marks(frames))


def test_even_and_empty_frames() -> None:
    even = np.full((SIZE, SIZE), 7, np.uint8)
    frames = [fine_structure(even, np.zeros((SIZE, SIZE), np.int32)) for _ in range(5)]
    assert not any(mark.any() for mark in static_marks(frames))
    assert static_marks([]) == []
