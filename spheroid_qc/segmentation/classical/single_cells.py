"""Single cells by their fine structure, at full resolution and only where it is rough.

A loose cell in brightfield is a bright centre in a dark ring: its mean is the background's, so
that at any coarser resolution it is gone. Its energy is not. What counts is measured against
the camera's noise and not against the body, so that a dark body does not hide pale cells.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spheroid_qc.segmentation.downsampling import Reduced

Float = NDArray[np.float32]
Mask = NDArray[np.bool_]

_ENERGY = 5.0
"""Mean square of three by three pixels, in squares of the noise, that no noise reaches: the
chance is a hundred-thousandth for normal values."""

_HALF = 0.3
"""A cell ends where its energy falls to this share of the highest nearby."""

_CELL = 0.025
"""A loose cell's diameter is less than this share of the frame's side."""

_MOST = 0.35
"""With more than this share of the frame rough, what is rough is no cell."""


def find_cells(
    reduced: Reduced, background: Float, rough: Mask, calm: Mask, minimum: float
) -> Mask:
    """Find pixels of loose cells.

    Parameters
    ----------
    reduced : Reduced
    background : ndarray of float32, shape of the working resolution
        Intensity without bodies and material.
    rough : ndarray of bool, shape of the working resolution
        Blocks to look at.
    calm : ndarray of bool, shape of the working resolution
        Blocks that show the background, from which the noise is taken.
    minimum : float
        Difference below which nothing counts, where the camera shows no noise at all.

    Returns
    -------
    ndarray of bool, shape of the working resolution times `reduced.factor`
        Not cut to the fine image's shape.
    """
    factor, block, plane = reduced.factor, reduced.block, reduced.plane
    rows, columns = reduced.mean.shape
    found = np.zeros((rows * factor, columns * factor), bool)
    inner = rough.copy()
    inner[plane.shape[0] // block :] = False
    inner[:, plane.shape[1] // block :] = False
    at_row, at_column = np.nonzero(inner)
    if not 4 <= at_row.size <= _MOST * rough.size or not calm.any():
        return found
    samples = block * block if block > 1 else 9
    noise2 = float(np.mean(np.square(reduced.texture[calm]))) * samples / (samples - 1) + 1e-9
    # Each block with a pixel around it, for the mean over three by three.
    steps = np.arange(-1, block + 1)
    y = np.clip(at_row[:, None] * block + steps, 0, plane.shape[0] - 1)
    x = np.clip(at_column[:, None] * block + steps, 0, plane.shape[1] - 1)
    energy = plane[y[:, :, None], x[:, None, :]] - background[at_row, at_column][:, None, None]
    energy *= energy
    lines = energy[:, :-2] + energy[:, 1:-1] + energy[:, 2:]
    energy = (lines[:, :, :-2] + lines[:, :, 1:-1] + lines[:, :, 2:]) / np.float32(9)
    peaks = np.zeros((rows, columns), np.float32)
    peaks[at_row, at_column] = energy.max(axis=(1, 2))
    size = max(3, round(_CELL * max(rows, columns))) | 1
    highest = ndimage.maximum_filter(peaks, size)[at_row, at_column]
    limit = np.maximum(max(_ENERGY * noise2, minimum * minimum), _HALF * highest)[:, None, None]
    cell = energy > limit
    inside = block // factor
    share = cell.reshape(-1, factor, inside, factor, inside).mean(axis=(2, 4), dtype=np.float32)
    tiles = found.reshape(rows, factor, columns, factor)
    tiles[at_row, :, at_column, :] = share >= 0.5
    return found
