"""What the network sees: one region of a frame as four small images.

Plain intensity, intensity compressed so that faint things show beside bright ones, intensity
against the neighbourhood, and fine texture, measured at full resolution and then pooled: a faint
spheroid in phase contrast is nothing but texture, and averaging to 256 pixels a side wipes it out.
None of them changes when grey values are multiplied or shifted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spheroid_qc.segmentation.array_types import Float
from spheroid_qc.segmentation.downsampling import pool
from spheroid_qc.segmentation.order_statistics import median, percentiles
from spheroid_qc.segmentation.window_filters import uniform

CHANNELS = 4

_MIN_SPAN = 1e-6
_TEXTURE_FLOOR = 1e-3
"""Texture below this share of the region's range is nothing."""


@dataclass(frozen=True, eq=False)
class Pooled:
    """A region at the network's resolution.

    `variance` is that of full-resolution intensity within and next to each pixel.
    """

    mean: Float
    variance: Float


def resample(
    values: Float, shape: tuple[int, ...], covered: tuple[float, float] | None = None
) -> Float:
    """Bring an image to another size, averaging where it becomes smaller.

    `covered` are the rows and columns of `values`, from the first on, that the result shows; by
    default all.
    """
    from PIL import Image

    if covered is None:
        covered = (values.shape[0], values.shape[1])
    if values.shape == shape == covered:
        return values
    picture = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
    box = (0.0, 0.0, covered[1], covered[0])
    small = picture.resize((shape[1], shape[0]), Image.Resampling.BILINEAR, box)
    return np.asarray(small, np.float32)


def pool_region(plane: Float, shape: tuple[int, int]) -> Pooled:
    """Pool intensity and its fine variance of a region at full resolution to `shape`."""
    block = max(1, min(plane.shape[0] // shape[0], plane.shape[1] // shape[1]))
    if block > 1:
        mean = _pool(plane, block)
        variance = _pool(np.square(plane), block) - mean * mean
    else:
        mean = plane
        local = uniform(plane, 3, "nearest")
        variance = uniform(np.square(plane), 3, "nearest") - local * local
    covered = (plane.shape[0] / block, plane.shape[1] / block)
    return Pooled(resample(mean, shape, covered), np.maximum(resample(variance, shape, covered), 0))


def _pool(values: Float, block: int) -> Float:
    """Mean of whole blocks, the last ones repeated where the frame ends within a block."""
    height, width = values.shape
    pooled = pool(values[: height - height % block, : width - width % block], block)
    if height % block or width % block:
        pooled = np.pad(pooled, ((0, int(height % block > 0)), (0, int(width % block > 0))), "edge")
    return pooled


def channels_of(pooled: Pooled) -> Float:
    """Make the network's input, shape (4, y, x), each channel in about [-1, 1]."""
    mean = pooled.mean
    low, middle, high = percentiles(mean[::2, ::2], (0.5, 50, 99.5))
    span = max(high - low, _MIN_SPAN)
    result = np.empty((CHANNELS, *mean.shape), np.float32)
    plain = (mean - np.float32(low)) * np.float32(2 / span) - 1
    np.clip(plain, -1.5, 1.5, out=result[0])
    near = _smooth(mean, 5)
    detail = mean - near
    spread = median(np.abs(detail[::2, ::2])) * 1.5 + 2e-3 * span
    result[1] = np.arcsinh((mean - np.float32(middle)) * np.float32(1 / (4 * spread))) * 0.3
    coarse = resample(mean, (max(mean.shape[0] // 4, 1), max(mean.shape[1] // 4, 1)))
    off = mean - resample(_smooth(coarse, 5), mean.shape)
    power = _smooth(resample(np.square(off), coarse.shape), 11)
    local = np.sqrt(np.maximum(resample(power, mean.shape), 0)) + np.float32(spread)
    np.clip(off / local * np.float32(0.5), -1.5, 1.5, out=result[2])
    texture = np.sqrt(pooled.variance)
    floor = np.float32(_TEXTURE_FLOOR * span)
    rough = np.log(texture + floor)
    rough -= np.float32(median(rough[::2, ::2]))
    np.clip(rough * np.float32(0.5), -1.5, 1.5, out=result[3])
    return result


def _smooth(values: Float, size: int) -> Float:
    return uniform(uniform(values, size, "nearest"), size, "nearest")
