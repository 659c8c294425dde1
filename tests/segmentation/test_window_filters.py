"""The same numbers as scipy, to the last bit, whatever the size."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from spheroid_qc.segmentation.piece_shapes import (
    largest_area,
    narrowed,
    pieces,
    widened,
    without_holes,
)
from spheroid_qc.segmentation.window_filters import (
    gaussian,
    highest,
    shifted,
    shown_after_shift,
    uniform,
)

SHAPES = [(1, 1), (7, 64), (64, 128), (50, 33), (256, 256)]


@pytest.mark.parametrize("shape", SHAPES)
def test_filters_are_those_of_scipy(shape: tuple[int, int]) -> None:
    values = np.random.default_rng(0).random(shape, dtype=np.float32)
    assert np.array_equal(uniform(values, 5), ndimage.uniform_filter(values, 5))
    near = ndimage.uniform_filter(values, 17, mode="nearest")
    assert np.array_equal(uniform(values, 17, "nearest"), near)
    blurred = ndimage.gaussian_filter(values, 1.5, truncate=3.0)
    assert np.array_equal(gaussian(values, 1.5, truncate=3.0), blurred)
    for size in (1, 3, 5, 11):
        assert np.array_equal(highest(values, size), ndimage.maximum_filter(values, size))
        mask = values > 0.9
        assert np.array_equal(highest(mask, size), ndimage.maximum_filter(mask, size))


@pytest.mark.parametrize("shape", SHAPES)
def test_morphology_is_that_of_scipy(shape: tuple[int, int]) -> None:
    noise = ndimage.gaussian_filter(np.random.default_rng(1).random(shape), 2)
    mask = noise > np.median(noise)
    assert np.array_equal(without_holes(mask), ndimage.binary_fill_holes(mask))
    for times in (1, 4):
        assert np.array_equal(widened(mask, times), ndimage.binary_dilation(mask, iterations=times))
        for beyond in (False, True):
            narrow = ndimage.binary_erosion(mask, iterations=times, border_value=int(beyond))
            assert np.array_equal(narrowed(mask, times, beyond=beyond), narrow)


@pytest.mark.parametrize("shape", SHAPES)
def test_pieces_are_those_of_scipy(shape: tuple[int, int]) -> None:
    noise = ndimage.gaussian_filter(np.random.default_rng(2).random(shape), 2)
    for share in (0, 0.5, 0.9, 2):
        mask = noise > (np.quantile(noise, share) if share <= 1 else share)
        for diagonal in (False, True):
            labels, count = ndimage.label(mask, np.ones((3, 3)) if diagonal else None)
            found, number = pieces(mask, diagonal=diagonal)
            assert number == count
            assert np.array_equal(found, labels)
        assert largest_area(mask) == (np.bincount(labels.ravel())[1:].max() if count else 0)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.25, -3.0), (-1.75, 0.5), (6.0, 40.25)])
def test_shifts_are_those_of_scipy(shape: tuple[int, int], shift: tuple[float, float]) -> None:
    values = np.random.default_rng(3).random(shape, dtype=np.float32)
    moved = ndimage.shift(values, shift, order=1, mode="constant")
    assert np.array_equal(shifted(values, shift), moved)
    shown = np.zeros(shape, bool)
    shown[tuple(covered for covered, _, _ in shown_after_shift(shape, shift))] = True
    ones = ndimage.shift(np.ones(shape), shift, order=1, mode="constant")
    assert np.array_equal(shown, ones > 0.5)
