"""Outlines are napari's own, pixel for pixel; only sooner."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("napari")

from napari.layers import Labels, Layer

from spheroid_qc.gui.result_layers import MaskLayer


def masks():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:90, :120]
    touching = np.zeros((90, 120), np.uint16)
    touching[np.hypot(y - 40, x - 40) < 20] = 1
    touching[np.hypot(y - 40, x - 70) < 18] = 2
    at_the_edge = np.zeros((90, 120), np.uint16)
    at_the_edge[:30, 100:] = 3
    at_the_edge[-1, 0] = 1
    return {
        "nothing": np.zeros((90, 120), np.uint16),
        "touching": touching,
        "at the edge": at_the_edge,
        "everything": np.ones((90, 120), np.uint16),
        "specks": (rng.random((90, 120)) < 0.02).astype(np.uint16),
    }


@pytest.mark.parametrize("name", masks())
@pytest.mark.parametrize("contour", [0, 1, 2, 5])
def test_outlines_are_those_of_napari(name, contour):
    mask = masks()[name]
    ours, theirs = MaskLayer(mask), Labels(mask)
    ours.contour = theirs.contour = contour
    for part in (
        (slice(0, 90), slice(0, 120)),
        (slice(33, 60), slice(20, 90)),
        (slice(0, 8), slice(90, 120)),
    ):
        shown = ours._raw_to_displayed(mask, part)
        np.testing.assert_array_equal(shown, theirs._raw_to_displayed(mask, part))


def test_it_is_saved_and_copied_as_labels():
    layer = MaskLayer(masks()["touching"], name="core")
    data, state, kind = layer.as_layer_data_tuple()
    assert kind == "labels"
    assert isinstance(Layer.create(data, state, kind), Labels)
