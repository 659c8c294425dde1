"""One frame with its masks, checked once, and what all measurements of it share.

The background around the spheroid and the crops of its core cost more than most metrics that are
made of them, so the rows of the table and the quality features share them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.errors import RequestError
from spheroid_qc.measurement.background_level import Surround, surround_of
from spheroid_qc.measurement.cut_out_spheroid import Box, Spheroid, bounding_box
from spheroid_qc.parameters import MeasurementParameters
from spheroid_qc.segmentation.array_types import Mask
from spheroid_qc.segmentation.segmentation_result import Segmentation


@dataclass(frozen=True, eq=False)
class MaskedFrame:
    """A frame that is ready to be measured, all arrays of shape (y, x).

    `core` holds labels, `total` core and shed material, `image` grey values of any real dtype;
    `pixel_size_um` is NaN where unknown.
    """

    core: NDArray[np.integer]
    total: Mask
    image: NDArray[Any]
    pixel_size_um: float
    parameters: MeasurementParameters

    @cached_property
    def surround(self) -> Surround:
        """Background around everything that was found."""
        return surround_of(self.image, self.total)

    @cached_property
    def box(self) -> Box:
        """Bounding box of everything that was found; empty for nothing."""
        return bounding_box(self.total) or (slice(0, 0), slice(0, 0))

    @cached_property
    def whole(self) -> Spheroid:
        """All there is in the frame as one body, its main part the largest piece of core."""
        core = self.core[self.box]
        return self.body(core > 0, self.total[self.box], self.box, int(core.any()))

    def body(
        self, core: Mask, total: Mask, box: Box, label: int, *, contiguous: bool = True
    ) -> Spheroid:
        """Make a body of masks within a box; see `Spheroid`."""
        floor = float(self.parameters.min_fragment_px)
        if np.isfinite(self.pixel_size_um):
            floor = self.parameters.min_fragment_um2 / self.pixel_size_um**2
        return Spheroid(
            core=core,
            total=total,
            box=box,
            image=self.image,
            surround=self.surround,
            pixel_size_um=self.pixel_size_um,
            label=label,
            min_fragment_px=floor,
            min_core_radius_px=self.parameters.min_core_radius_px,
            contiguous=contiguous,
        )


def masked_frame(
    segmentation: Segmentation,
    image: NDArray[Any],
    pixel_size_um: float | None = None,
    parameters: MeasurementParameters | None = None,
) -> MaskedFrame:
    """Check that masks, image and pixel size fit together, and put them together.

    Parameters
    ----------
    segmentation : Segmentation
        Core labels and shed mask, shape (y, x).
    image : ndarray, shape (y, x) or (y, x, 3|4), any numeric dtype
        The frame the masks were made from. Values that are not finite are background.
    pixel_size_um : float, optional
        Size of one pixel in um.
    parameters : MeasurementParameters, optional
        Default: the defaults.

    Returns
    -------
    MaskedFrame

    Raises
    ------
    RequestError
        If they don't fit together, or the pixel size is not a positive number.
    """
    pixels = np.asarray(image)
    if pixels.dtype == np.bool_:
        pixels = pixels.view(np.uint8)
    if pixels.dtype.kind not in "iuf":
        raise RequestError(
            f"The image holds values of type {pixels.dtype}; give an image of real numbers."
        )
    if pixels.ndim == 3 and pixels.shape[2] in (3, 4):
        from spheroid_qc.images import to_grey

        pixels = to_grey(pixels)
    if pixels.ndim != 2:
        raise RequestError(
            f"The image has the shape {pixels.shape}; give one of (y, x) or (y, x, 3|4)."
        )
    core, shed = np.asarray(segmentation.core), np.asarray(segmentation.shed)
    if core.dtype == np.bool_:
        core = core.view(np.uint8)
    if core.dtype.kind not in "iu" or shed.dtype.kind not in "biu":
        raise RequestError(
            f"The masks hold values of type {core.dtype} (core) and {shed.dtype} (shed); give "
            "whole numbers for the core's labels and a mask for the shed material."
        )
    if core.shape != pixels.shape or shed.shape != pixels.shape:
        raise RequestError(
            f"The masks have the shapes {core.shape} (core) and {shed.shape} (shed), the image "
            f"{pixels.shape}; give masks of the image they were made from."
        )
    if pixels.size == 0:
        raise RequestError("The image has no pixels; give one that has.")
    size = np.nan if pixel_size_um is None else float(pixel_size_um)
    if pixel_size_um is not None and not (np.isfinite(size) and size > 0):
        raise RequestError(
            f"The pixel size is {pixel_size_um}; give a positive number of um, or None."
        )
    # What is core can't also be shed; edited masks may overlap.
    total = (core > 0) | shed.astype(bool, copy=False)
    return MaskedFrame(core, total, pixels, size, parameters or MeasurementParameters())
