"""Evenness of the illumination, and surrounds that are no image at all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.measurement.spheroid import Mask

_SAMPLE = 4000  # background cells the surface is fitted to


def void(values: NDArray[np.float64]) -> Mask:
    """Find a surround that is no image: the black (or white) corners of a whole-well frame.

    It reaches a corner, is nearly constant at one end of the range of grey values, and is set
    off abruptly from everything else. A dark background that goes over into brighter parts is
    none.

    Parameters
    ----------
    values : ndarray of float64, shape (h, w)
        Frame on a coarse grid; finite.

    Returns
    -------
    ndarray of bool, shape (h, w)
        True in the surround.
    """
    from scipy import ndimage

    found = np.zeros(values.shape, dtype=bool)
    low, high = (float(v) for v in (values.min(), values.max()))
    span = high - low
    if not span > 0:
        return found
    for away in (values - low, high - values):
        extreme = away <= 0.04 * span
        corners = [extreme[y, x] for y in (0, -1) for x in (0, -1)]
        if not any(corners) or np.count_nonzero(extreme) < 0.02 * values.size:
            continue
        labels, _ = ndimage.label(extreme)
        touching = {int(labels[y, x]) for y in (0, -1) for x in (0, -1)} - {0}
        candidate = np.isin(labels, list(touching))
        rest = away[~candidate]
        # A background at the end of the range goes over into the rest without a gap.
        if rest.size >= 0.05 * values.size and np.percentile(rest, 5) > 0.15 * span:
            found |= candidate
    return found


def background_amplitude(values: NDArray[np.float64], free: Mask) -> float:
    """Height of the smooth surface (second order) under the background.

    Parameters
    ----------
    values : ndarray of float64, shape (h, w)
        Frame on a coarse grid.
    free : ndarray of bool, shape (h, w)
        Background cells.

    Returns
    -------
    float
        Difference between 98th and 2nd percentile of the fitted surface over the background,
        in grey values; NaN for fewer than 50 cells.
    """
    y, x = np.nonzero(free)
    if y.size < 50:
        return np.nan
    step = -(-y.size // _SAMPLE)
    y, x = y[::step], x[::step]
    grey = values[y, x]
    v, u = (2.0 * y / max(1, values.shape[0] - 1) - 1, 2.0 * x / max(1, values.shape[1] - 1) - 1)
    terms = np.stack([np.ones_like(u), u, v, u * u, u * v, v * v], axis=1)
    keep = np.ones(grey.size, dtype=bool)
    surface = np.zeros_like(grey)
    for _ in range(3):
        # Wells walls, debris and writing are outliers of the surface, not part of it.
        weights, *_ = np.linalg.lstsq(terms[keep], grey[keep], rcond=None)
        surface = terms @ weights
        residual = np.abs(grey - surface)
        keep = residual <= 3 * 1.4826 * np.median(residual) + 1e-12 * np.abs(grey).max()
        if np.count_nonzero(keep) < 20:
            break
    low, high = np.percentile(surface, (2, 98))
    return float(high - low)
