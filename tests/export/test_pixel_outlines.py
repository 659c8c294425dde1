"""Outlines: exactly the pixels of the mask, rings that are simple, holes where they belong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from spheroid_qc.export.pixel_outlines import pixel_outlines, signed_area

MASKS = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(lambda shape: arrays(bool, shape))


def filled(mask: np.ndarray) -> np.ndarray:
    """Draw the outlines: a pixel is in where rings pass to its left an odd number of times."""
    drawn = np.zeros(mask.shape, int)
    for outline in pixel_outlines(mask):
        for ring in outline.rings:
            for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
                if x0 == x1:
                    drawn[min(y0, y1) : max(y0, y1), x0:] += 1
    return drawn % 2 == 1


@settings(deadline=None)  # the first call imports
@given(MASKS)
def test_outlines_enclose_the_pixels_of_the_mask_and_no_others(mask: np.ndarray) -> None:
    outlines = pixel_outlines(mask)
    assert sum(signed_area(r) for one in outlines for r in one.rings) == np.count_nonzero(mask)
    assert np.array_equal(filled(mask), mask)
    assert len(outlines) == ndimage.label(mask)[1]


@settings(deadline=None)  # the first call imports
@given(MASKS)
def test_rings_are_simple(mask: np.ndarray) -> None:
    for outline in pixel_outlines(mask):
        assert signed_area(outline.shell) > 0
        assert all(signed_area(hole) < 0 for hole in outline.holes)
        for ring in outline.rings:
            assert len(np.unique(ring, axis=0)) == len(ring) >= 4
            step = np.roll(ring, -1, axis=0) - ring
            # Every corner is a turn: the step changes between across and down.
            assert ((step == 0).sum(axis=1) == 1).all()
            assert ((step != 0).argmax(axis=1) != np.roll((step != 0).argmax(axis=1), 1)).all()


@settings(deadline=None)  # the first call imports
@given(MASKS)
def test_they_are_a_valid_multipolygon(mask: np.ndarray) -> None:
    shapely = pytest.importorskip("shapely", reason="shapely is not installed")
    polygons = [shapely.Polygon(one.shell, one.holes) for one in pixel_outlines(mask)]
    together = shapely.MultiPolygon(polygons)
    assert together.is_valid
    assert together.area == np.count_nonzero(mask)


def test_a_ring_of_pixels_has_a_hole() -> None:
    mask = np.ones((3, 3))
    mask[1, 1] = 0
    (outline,) = pixel_outlines(np.pad(mask, ((2, 0), (5, 0))))
    assert outline.shell.tolist() == [[5, 2], [8, 2], [8, 5], [5, 5]]
    (hole,) = outline.holes
    assert signed_area(hole) == -1
    assert sorted(map(tuple, hole.tolist())) == [(6, 3), (6, 4), (7, 3), (7, 4)]


def test_holes_that_touch_in_a_corner_are_two() -> None:
    mask = np.ones((4, 4))
    mask[1, 1] = mask[2, 2] = 0
    (outline,) = pixel_outlines(mask)
    assert [signed_area(hole) for hole in outline.holes] == [-1, -1]


def test_nothing_has_no_outline() -> None:
    assert pixel_outlines(np.zeros((4, 5))) == []
