"""From signals to a recorded picture: optics, noise, tone, bits, compression."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from training.micrographs.tiles import cut

Float = NDArray[np.float32]
Rng = np.random.Generator

_BRIGHTEST = -3.0
"""Least optical density: twenty times as bright as the ground."""


def expose(rng: Rng, signal: Float, light: Float, style: str, emitting: bool) -> Float:
    """Turn signals into light on the camera.

    Parameters
    ----------
    rng : numpy.random.Generator
    signal, light : ndarray of float32
    style : str
    emitting : bool

    Returns
    -------
    ndarray of float32
    """
    blur = float(np.exp(rng.uniform(np.log(0.25), np.log(1.1))))
    if rng.random() < 0.12:
        blur = float(rng.uniform(1.0, 3.5))
    if emitting:
        ground = float(np.exp(rng.uniform(np.log(0.005), np.log(0.3))))
        if style == "darkfield":
            ground *= 3
        picture = np.float32(ground) * light + np.maximum(signal, -0.9 * ground * light) * (
            light if rng.random() < 0.5 else np.float32(1)
        )
        if rng.random() < 0.5:  # light scattered widely
            picture = picture + np.float32(rng.uniform(0.02, 0.2)) * _wide(picture, 12)
    else:
        # Many bright cells on one spot would add up to more light than any lens can gather.
        picture = light * np.exp(-np.maximum(signal, _BRIGHTEST))
    if blur > 0.3:
        picture = ndimage.gaussian_filter(picture, blur, truncate=3.0)
    if (style in ("phase", "faint") and rng.random() < 0.6) or rng.random() < 0.06:
        around = _wide(picture, float(np.exp(rng.uniform(np.log(4), np.log(30)))))
        share = np.float32(rng.uniform(0.3, 0.97))
        picture = picture - share * (around - around.mean())
    if rng.random() < 0.06:  # relief, as in oblique light or differential interference
        turn = rng.uniform(-np.pi, np.pi)
        slope = np.sin(turn) * np.gradient(picture, axis=0) + np.cos(turn) * np.gradient(
            picture, axis=1
        )
        picture = np.float32(rng.uniform(0, 0.5)) * picture + np.float32(3) * slope
    result: Float = picture.astype(np.float32)
    return result


def _wide(picture: Float, sigma: float) -> Float:
    size = max(3, round(1.7 * sigma)) | 1
    once = ndimage.uniform_filter(picture, size, mode="nearest")
    result: Float = ndimage.uniform_filter(once, size, mode="nearest")
    return result


def record(
    rng: Rng, picture: Float, fine: Float, emitting: bool, faintest: float
) -> tuple[Float, Float, float]:
    """Add noise and choose a tone curve.

    Parameters
    ----------
    rng : numpy.random.Generator
    picture : ndarray of float32
    fine : ndarray of float32
        Structure below the pixel, as a standard deviation in signals.
    emitting : bool
    faintest : float
        Contrast of what should still be seen, which bounds the noise.

    Returns
    -------
    picture : ndarray of float32
        In [0, 1].
    fine : ndarray of float32
        Standard deviation within a pixel, camera noise included, on the picture's scale.
    noise : float
        Standard deviation of the noise, on the scale of the light before the tone curve.
    """
    shape = (picture.shape[0], picture.shape[1])
    if not emitting:
        fine = fine * np.maximum(picture, 0)
    noise = faintest * float(np.exp(rng.uniform(np.log(0.004), np.log(0.35))))
    grainy = np.float32(noise) * rng.standard_normal(shape, dtype=np.float32)
    if rng.random() < 0.3:
        grainy *= np.sqrt(np.maximum(picture, 0.02) / max(float(picture.mean()), 0.02))
    if rng.random() < 0.25:
        grainy = ndimage.gaussian_filter(grainy, float(rng.uniform(0.4, 1.0))) * np.float32(1.8)
    picture = picture + grainy
    if rng.random() < 0.08:
        lines = rng.standard_normal((shape[0], 1), dtype=np.float32) * np.float32(0.5 * noise)
        picture = picture + (lines if rng.random() < 0.5 or shape[0] != shape[1] else lines.T)
    if rng.random() < 0.1:
        picture = picture + np.float32(noise) * cut(rng, "grain", shape, rng.uniform(0, 0.5))
    # Many pixels of the camera make one of this frame: their noise shows in the fine structure.
    pooled = noise * float(np.exp(rng.uniform(np.log(0.3), np.log(4.0))))
    fine = np.sqrt(fine * fine + np.float32(pooled * pooled))
    freedom = float(np.exp(rng.uniform(np.log(3), np.log(120))))
    fine = fine * (
        1 + rng.standard_normal(shape, dtype=np.float32) / np.float32((2 * freedom) ** 0.5)
    )
    low, high = (float(v) for v in np.percentile(picture[::3, ::3], (0.2, 99.8)))
    span = max(high - low, 1e-6)
    ends = (0.0, 0.4) if rng.random() < 0.6 else (-0.08, 0.02)
    spare = np.array([float(rng.uniform(*ends)), float(rng.uniform(*ends))])
    if emitting and rng.random() < 0.35:  # overexposed
        spare[1] = -rng.uniform(0.1, 0.75)
    low -= spare[0] * span
    high += spare[1] * span
    scale = np.float32(1 / max(high - low, 1e-6))
    picture = np.clip((picture - np.float32(low)) * scale, 0, 1)
    fine = np.maximum(fine, 0) * scale
    if rng.random() < 0.35:
        gamma = np.float32(np.exp(rng.normal(0, 0.35)))
        slope = gamma * np.maximum(picture, np.float32(0.02)) ** (gamma - 1)
        fine = fine * slope
        picture = picture**gamma
    if rng.random() < 0.12:
        picture = 1 - picture
    return picture, fine, noise


def compress(rng: Rng, picture: Float) -> Float:
    """Store in eight or sixteen bits, or as JPEG.

    Parameters
    ----------
    rng : numpy.random.Generator
    picture : ndarray of float32
        In [0, 1].

    Returns
    -------
    ndarray of float32
    """
    kind = rng.random()
    if kind < 0.25:
        stream = io.BytesIO()
        eight = Image.fromarray((picture * np.float32(255) + np.float32(0.5)).astype(np.uint8))
        eight.save(stream, "JPEG", quality=int(rng.integers(35, 96)))
        return np.asarray(Image.open(stream), np.float32) * np.float32(1 / 255)
    if kind < 0.7:
        return np.round(picture * np.float32(255)) * np.float32(1 / 255)
    return picture
