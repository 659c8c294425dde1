"""Smudges: blurred discs that dust, far from the plane of focus, leaves in the frame.

A spheroid has a rim however small it is: its intensity rises over a part of its radius and then
stays. A speck out of focus is all flank, and smooth inside.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spheroid_qc.segment.classical.cues import Cues
from spheroid_qc.segment.classical.shapes import box_of

Mask = NDArray[np.bool_]

_OWN_BLUR = 2.2
"""Width, in blocks, that a perfectly sharp rim has at working resolution."""

_SOFT, _ALL_FLANK = 0.30, 0.42
"""Width of the rim as a share of the radius: from the first on a small smooth piece is doubted,
at the second it is a smudge. A ball in focus has 0.2 to 0.25."""

_LARGER = 0.18
"""So much more for a piece twice as large as dust may be: spheroids out of focus are as soft as
that, but not a Gaussian throughout."""

_SMOOTH, _TEXTURED = 0.15, 0.3
"""Logarithmic change of texture across the rim: a smudge has none."""


def smudge(mask: Mask, cues: Cues, rough_step: float, size: float) -> float:
    """How surely a small piece is a smudge and no body.

    Parameters
    ----------
    mask : ndarray of bool, shape (y, x)
    cues : Cues
    rough_step : float
        Change of log texture across its rim, positive where the inside is rougher.
    size : float
        Area as a share of what dust may have.

    Returns
    -------
    float
        In [0, 1].
    """
    box = box_of(mask, 6)
    piece, values = mask[box], cues.mean[box]
    if piece.all():
        return 0.0
    depth = ndimage.distance_transform_edt(piece) - ndimage.distance_transform_edt(~piece)
    outside = (depth < -2) & (depth >= -5)
    if not outside.any():
        return 0.0
    middle = values[depth > 0.6 * depth.max()]
    height = abs(float(np.median(middle)) - float(np.median(values[outside])))
    rings = np.rint(depth - depth.min()).astype(np.intp).ravel()
    count = np.bincount(rings)
    profile = (np.bincount(rings, values.ravel()) / np.maximum(count, 1))[count > 0]
    change = np.diff(profile)
    steepest = float(np.abs(change[1:] + change[:-1]).max(initial=0.0)) / 2
    radius = float(np.sqrt(np.count_nonzero(piece) / np.pi))
    width = height / max(steepest, 1e-9)
    blur = float(np.sqrt(max(width**2 - _OWN_BLUR**2, 0.0))) / radius
    blur -= _LARGER * float(np.clip(size - 1, 0, 1))
    soft = np.clip((blur - _SOFT) / (_ALL_FLANK - _SOFT), 0, 1)
    smooth = np.clip((_TEXTURED - rough_step) / (_TEXTURED - _SMOOTH), 0, 1)
    return float(soft * smooth)
