"""Labels whose outlines are drawn where there are labels, not all over the frame.

napari finds outlines with two rank filters over every pixel of the frame, on each step through
time. A spheroid fills a small part of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray

from spheroid_qc.measurement.spheroid import bounding_box, within


class MaskLayer(Labels):
    """A labels layer like any other, and sooner on the screen.

    The one method that is replaced is not public: should napari rename it, steps get slower and
    nothing else changes.
    """

    @property
    def _type_string(self) -> str:
        return "labels"  # what files, plug-ins and the "duplicate" action know it as

    def _calculate_contour(
        self, labels: NDArray[Any], data_slice: tuple[slice, ...]
    ) -> NDArray[Any] | None:
        if self.contour < 1 or labels.ndim != 2 or self.colormap.background_value != 0:
            found: NDArray[Any] | None = super()._calculate_contour(labels, data_slice)
            return found
        part = labels[data_slice]
        outlined = np.zeros_like(part)
        box = bounding_box(part != 0)
        if box is not None:
            where = within((data_slice[0], data_slice[1]), box)
            outlined[box] = super()._calculate_contour(labels, where)
        return outlined
