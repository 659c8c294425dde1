"""Shed material where the two passes of the network meet: what is drawn has no straight edge."""

from __future__ import annotations

import numpy as np
import pytest

from spheroid_qc.segmentation.learned.network import SHED
from spheroid_qc.segmentation.learned.shed_material import draw_shed
from spheroid_qc.segmentation.learned.view import Region, View


def view(region: Region, chance: np.ndarray) -> View:
    maps = np.zeros((4, *region.shape), np.float32)
    maps[SHED] = chance
    return View(region, maps, np.full(region.shape, 0.6, np.float32))


@pytest.mark.parametrize(
    ("side", "start", "span", "seen"),
    [
        pytest.param(384, 131, 122, 207, id="magnified"),
        pytest.param(1024, 312, 400, 256, id="in more detail"),
    ],
)
def test_a_cloud_that_one_pass_is_sure_of_has_no_edge_where_the_other_ends(
    side, start, span, seen
) -> None:
    # The coarse pass sees a cloud that is wider than the region of the fine one, which doesn't.
    y, x = np.mgrid[:256, :256] - 127.5
    coarse = view(Region(0, 0, side, side, (256, 256)), 0.8 * (np.hypot(y, x) < 80))
    combined = view(Region(start, start, span, span, (seen, seen)), np.full((seen, seen), 0.28))
    plane = np.full((side, side), 0.6, np.float32)
    shed = draw_shed(plane, coarse, combined, np.zeros((side, side), np.int32))
    for edge in (start, start + span):
        along = slice(start, start + span)
        for one, other in (
            (shed[edge, along], shed[edge - 1, along]),
            (shed[along, edge], shed[along, edge - 1]),
        ):
            assert one.any()
            np.testing.assert_array_equal(one, other)
    # A magnified frame shows no more than the frame; one in more detail is believed within.
    assert shed[side // 2, side // 2] == (span < seen)
