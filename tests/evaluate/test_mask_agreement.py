"""Overlap and distances of masks whose answers can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from spheroid_qc.evaluate.mask_agreement import compare_outlines, dice, iou


def square(top: int, left: int, side: int, size: int = 60) -> np.ndarray:
    mask = np.zeros((size, size), bool)
    mask[top : top + side, left : left + side] = True
    return mask


def test_two_squares_that_share_a_third() -> None:
    a, b = square(10, 10, 20), square(10, 20, 20)
    assert iou(a, b) == pytest.approx(1 / 3)
    assert dice(a, b) == pytest.approx(1 / 2)
    lines = compare_outlines(a, b, 0.5)
    assert lines.hausdorff_px == 10


def test_the_same_outline_and_one_that_is_two_pixels_off() -> None:
    a = square(10, 10, 30)
    same = compare_outlines(a, a, 1)
    assert (same.f1, same.hausdorff_px, same.hausdorff_95_px) == (1, 0, 0)
    wide = square(8, 8, 34)
    assert compare_outlines(a, wide, 3).f1 == 1
    assert compare_outlines(a, wide, 1).f1 == 0
    assert compare_outlines(a, wide, 1).hausdorff_px == pytest.approx(np.hypot(2, 2))


def test_one_stray_pixel_moves_the_largest_distance_but_not_the_95th() -> None:
    a = square(10, 10, 30)
    b = a.copy()
    b[58, 58] = True
    lines = compare_outlines(a, b, 1)
    assert lines.hausdorff_px == pytest.approx(np.hypot(19, 19))
    assert lines.hausdorff_95_px == 0


def test_nothing_against_nothing_and_against_something() -> None:
    none, some = np.zeros((60, 60), bool), square(10, 10, 5)
    assert iou(none, none) == dice(none, none) == compare_outlines(none, none, 1).f1 == 1
    assert iou(none, some) == dice(some, none) == compare_outlines(none, some, 1).f1 == 0
    assert np.isnan(compare_outlines(none, some, 1).hausdorff_px)


def test_an_outline_on_the_edge_of_the_frame_counts() -> None:
    a = square(0, 0, 60)
    assert compare_outlines(a, square(0, 0, 58), 3).f1 == 1
