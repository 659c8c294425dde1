"""Further channels (calcein, PI, caspase ...) inside the masks of the main channel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.measurement.background_level import surround_of
from spheroid_qc.measurement.masked_frame import masked_frame
from spheroid_qc.segmentation.segmentation_result import Segmentation

FLUORESCENCE_COLUMNS: dict[str, str] = {
    "core_mean": "Mean grey value of C above background; empty where C is empty",
    "core_integrated": "Sum of the grey values of C above background",
    "shed_mean": "Mean grey value of H above background; empty where H is empty",
    "shed_integrated": "Sum of the grey values of H above background",
    "total_mean": "Mean grey value of T above background; empty where T is empty",
    "total_integrated": "Sum of the grey values of T above background",
    "background": "Median grey value around T",
    "saturated": "Share of T at the largest grey value of the file's type; empty without T",
}

_GLOW_UM = 30.0  # light of a thick object reaches beyond its outline in transmitted light
_GLOW_SHARE = 0.1  # of T's equivalent diameter, where no pixel size is known


def fluorescence(
    segmentation: Segmentation,
    image: NDArray[Any],
    pixel_size_um: float | None = None,
) -> dict[str, float]:
    """Background-subtracted intensity of another channel in core, shed and total.

    The background is the median around T, at a distance of 30 um from it (uncalibrated: a
    tenth of T's equivalent diameter), because the glow of a thick object spreads beyond its
    outline. Values below the background count as negative; they are not cut at 0.

    Parameters
    ----------
    segmentation : Segmentation
        Masks from the main channel, shape (y, x).
    image : ndarray, shape (y, x) or (y, x, 3|4), any numeric dtype
        The other channel of the same frame; pixels that are not finite are left out.
    pixel_size_um : float, optional
        Size of one pixel in um.

    Returns
    -------
    dict of str to float
        The keys of `FLUORESCENCE_COLUMNS`. Sums are 0 and means NaN where a mask is empty;
        all are NaN where no background pixel is left in the frame.

    Raises
    ------
    RequestError
        If masks and image do not fit together, or the pixel size is not a positive number.
    """
    frame = masked_frame(segmentation, image, pixel_size_um)
    pixels, size, body, total = frame.image, frame.pixel_size_um, frame.core > 0, frame.total
    diameter = 2 * float(np.sqrt(np.count_nonzero(total) / np.pi))
    gap = _GLOW_UM / size if np.isfinite(size) else max(3.0, _GLOW_SHARE * diameter)
    level = surround_of(pixels, total, gap).level
    result: dict[str, float] = {}
    for name, mask in (("core", body), ("shed", total & ~body), ("total", total)):
        values = pixels[mask].astype(np.float64)
        values = values[np.isfinite(values)] - level
        result[f"{name}_mean"] = float(values.mean()) if values.size else np.nan
        result[f"{name}_integrated"] = float(values.sum()) if np.isfinite(level) else np.nan
    result["background"] = level
    result["saturated"] = np.nan
    if total.any():
        top = np.iinfo(pixels.dtype).max if pixels.dtype.kind in "iu" else np.inf
        result["saturated"] = float(np.mean(pixels[total] >= top))
    return result
