"""Brightness and texture of the spheroid.

These are secondary metrics: they depend on lamp, exposure and focus. Every one is relative to
the background around the spheroid (`Surround`), where that has a meaning.
"""

from __future__ import annotations

import numpy as np

from spheroid_qc.measurement.cut_out_spheroid import RIM_PX, Spheroid
from spheroid_qc.measurement.texture_scales import detail_ratio, rim_band
from spheroid_qc.segmentation.order_statistics import percentiles


def focus_score(body: Spheroid) -> float:
    """Fine over coarse detail within and just around C1; low when blurred, NaN without core.

    The number depends on pixel size and optics: compare it within a plate, not between
    microscopes.
    """
    if not body.main_area:
        return np.nan
    where = body.main_surrounds[1] | body.rim
    return detail_ratio(body.levels, where, body.surround.noise)


_MIN_TRANSMISSION = (
    1e-4  # transmitted share that counts as opaque: cameras don't see more than OD 4
)


def mean_intensity(body: Spheroid) -> float:
    """Mean grey value of C1 as recorded, background included; NaN without a core."""
    if not body.main_area:
        return np.nan
    values = body.image[body.main_box][body.main]
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    return float(values.mean(dtype=np.float64)) if values.size else np.nan


def texture(body: Spheroid) -> float:
    """Coefficient of fine structure: SD inside C1 of details of 1 to 3 px over the contrast.

    Details are what a Gaussian of 3 px removes and one of 1 px keeps; the contrast is the root
    mean square difference between C1 and the background. Free of brightness and gain. NaN
    without a core or without contrast.
    """
    if not body.main_area:
        return np.nan
    values, mask = body.main_surrounds
    contrast = float(np.sqrt(np.mean(values[mask] ** 2, dtype=np.float64)))
    if not contrast > 0 or not np.isfinite(body.surround.level):
        return np.nan
    place = mask[::2, ::2]
    if not place.any():
        return np.nan
    fine = body.levels[0][::2, ::2][place] - body.levels[2][place]
    return float(fine.std(dtype=np.float64) / contrast)


def integrated_optical_density(body: Spheroid) -> float:
    """Sum over the pixels of T of the optical density -log10(I / I0).

    I0 is the background level around T. Densities are cut at 4. Positive for material that is
    darker than the background, negative for brighter; 0 where there is nothing. NaN where the
    background is unknown or not above 0: then there is no transmitted light to speak of.
    """
    level = body.surround.level
    if not body.total_area:
        return 0.0
    if not level > 0:
        return np.nan
    values = body.image[body.box].ravel()[body.inside].astype(np.float64)
    values = values[np.isfinite(values)]
    return float(-np.log10(np.maximum(values / level, _MIN_TRANSMISSION)).sum())


def rim_sharpness(body: Spheroid) -> float:
    """How many widths of its edge fit into C1's radius: high in focus, low when blurred.

    Width of the edge = contrast over gradient: the contrast is the range (5th to 95th
    percentile) of grey values in a band of a quarter radius on either side of the outline, the
    gradient the 90th percentile of those within 8 px of it, noise of the background taken off
    both. A perfect edge seen through a Gaussian blur of standard deviation s px comes to about
    0.4 R / s. Ragged edges stay sharp as long as the cells in them are. NaN without a core or
    without contrast.
    """
    noise = body.surround.noise
    if not body.main_area or not np.isfinite(noise) or min(body.levels[0].shape) < 2:
        return np.nan
    smooth, mask = body.levels[0], body.main_surrounds[1]
    radius = float(np.sqrt(body.main_area / np.pi))
    wide = smooth[rim_band(mask, max(RIM_PX, round(radius / 4)))]
    narrow = body.rim
    if not narrow.any():
        return np.nan
    gy, gx = np.gradient(smooth, axis=0), np.gradient(smooth, axis=1)
    steep = float(np.percentile(gy[narrow] ** 2 + gx[narrow] ** 2, 90))
    # White noise of SD n leaves a squared gradient of n^2 / (8 pi) per axis after a Gaussian
    # of 1 px; its 90th percentile (two axes, exponential) is 2.3 times the sum of both.
    steep -= 2.3 * 2 * noise**2 / (8 * np.pi)
    low, high = percentiles(wide, (5, 95))
    span = high - low - 2 * 1.645 * noise / (2 * np.sqrt(np.pi))
    if steep <= 0 or span <= 0:
        return np.nan
    return float(np.sqrt(steep) / span * radius)
