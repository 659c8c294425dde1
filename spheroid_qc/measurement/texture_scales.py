"""Fine and coarse detail of a picture, and the band along an edge.

Sums of gradients or of Laplacians rise with the amount of material, so that a healthy plate
looks blurred beside a disintegrating one. The ratio of fine to coarse detail at the same place
does not: blur takes away the fine part first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.segmentation.array_types import Mask
from spheroid_qc.segmentation.window_filters import gaussian, highest

# Gaussians whose differences are the fine (1 to 2 px) and the coarse detail (3 to 6 px).
SCALES = (1.0, 2.0, 3.0, 6.0)


def blurred(values: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
    """Blur an image, or several of one shape (n, y, x), of finite grey values by each of `SCALES`.

    Those of 1 and 2 px are at full resolution, those of 3 and 6 px at every second pixel of every
    second row, which holds all they can show.
    """
    first, second, third, sixth = SCALES
    sharp = gaussian(values, first, truncate=3.0)
    half = sharp[..., ::2, ::2]
    # Gaussians add up in squares; on the half grid a pixel is two.
    further = (np.sqrt(scale**2 - first**2) / 2 for scale in (third, sixth))
    return (
        sharp,
        gaussian(values, second, truncate=3.0),
        *(gaussian(half, scale, truncate=3.0) for scale in further),
    )


def _noise_share(a: float, b: float) -> float:
    """Variance that the difference of Gaussians a < b leaves of white noise of variance 1."""
    return (1 / a**2 + 1 / b**2 - 4 / (a**2 + b**2)) / (4 * np.pi)


def detail_ratio(
    levels: tuple[NDArray[np.float32], ...], where: Mask | None, noise: float
) -> float:
    """Fine detail (1 to 2 px) over coarse detail (3 to 6 px), noise taken off both.

    `levels` come from `blurred`, `noise` is the standard deviation of the pixel noise in grey
    values; it is judged `where` a mask says, or everywhere. 0 for a blurred picture, about 0.3 to 2
    for one with sharp edges; NaN where there is nothing to judge: no pixels in `where`, or no
    coarse detail above the noise.
    """
    if not np.isfinite(noise):
        return np.nan
    energies = []
    for finer, coarser, step in ((0, 1, 1), (2, 3, 2)):
        place = ... if where is None else where[::step, ::step]
        detail = levels[finer][place] - levels[coarser][place]
        if not detail.size:
            return np.nan
        energies.append(float(np.mean(np.square(detail, dtype=np.float64))))
    noises = noise**2 * _noise_share(*SCALES[:2]), noise**2 * _noise_share(*SCALES[2:])
    fine, coarse = energies[0] - noises[0], energies[1] - noises[1]
    if coarse <= 0.5 * noises[1] or coarse <= 0:
        return np.nan
    return float(np.sqrt(max(fine, 0.0) / coarse))


def rim_band(mask: Mask, half_width: int) -> Mask:
    """Pixels within `half_width` pixels, along rows and columns, of a mask's edge."""
    size = 2 * half_width + 1
    # Windows that hold some of the mask, but not only it.
    band: Mask = highest(mask, size) & highest(~mask, size)
    return band
