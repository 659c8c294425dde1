"""Coronas around real bodies, and bodies whose middle is dark: what tells one from the other.

A corona is matter like that of a body, only thinner: so it is made of another image's body, spread
around the one that is there. A dark middle (necrosis, thickness) is a gradient within one body.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spheroid_qc.segmentation.learned.input_channels import resample

if TYPE_CHECKING:
    from training.real import Drawn

Float = NDArray[np.float32]
Mask = NDArray[np.bool_]


def with_corona(
    plane: Float,
    ground: Float,
    labels: NDArray[np.int32],
    shed: Mask,
    other: Drawn,
    rng: np.random.Generator,
) -> tuple[Float, Mask]:
    """Surround the largest body with a corona.

    Parameters
    ----------
    plane, ground : ndarray of float32, shape (y, x)
        The picture, and the same place without bodies.
    labels : ndarray of int32, shape (y, x)
    shed : ndarray of bool, shape (y, x)
    other : Drawn
        Whose largest body lends its texture.
    rng : Generator

    Returns
    -------
    plane : ndarray of float32
    shed : ndarray of bool
    """
    sizes = np.bincount(labels.ravel())
    if sizes.size < 2 or sizes[1:].max() < 60:
        return plane, shed
    body = labels == 1 + int(sizes[1:].argmax())
    radius = float(np.sqrt(sizes[1:].max() / np.pi))
    far = ndimage.distance_transform_edt(~body)
    contrast = float(np.median((plane - ground)[body]))
    if abs(contrast) < 0.03:
        return plane, shed
    wide = radius * float(np.exp(rng.uniform(np.log(0.15), np.log(1.3))))
    uneven = _noise(plane.shape, radius * rng.uniform(0.2, 0.8), rng)
    reach = np.maximum(wide * (1 + rng.uniform(0.05, 0.5) * uneven), 0)
    texture = _texture(other, plane.shape, rng)
    if texture is None or rng.random() < 0.4:
        cell = float(np.clip(radius * rng.uniform(0.03, 0.2), 1.0, 9.0))
        texture = _noise(plane.shape, cell / 2, rng)
    inside = (far > 0) & (far < reach) & (labels == 0)
    if np.count_nonzero(inside) < 30:
        return plane, shed
    thick = 1 - np.clip(far / np.maximum(reach, 1), 0, 1)
    density = (0.35 + thick) ** rng.uniform(0, 1.2)
    strength = (rng.uniform(0.2, 0.75) if rng.random() < 0.6 else rng.uniform(0.6, 1.0)) * contrast
    matter = strength * density * (1 + rng.uniform(0.15, 0.7) * texture)
    seam = ndimage.gaussian_filter(inside.astype(np.float32), float(rng.uniform(0.5, 1.5)))
    loose = rng.random() < 0.35  # cells with gaps rather than a cloud
    if loose:
        holes = texture < rng.uniform(-0.3, 0.5) - 0.8 * thick
        seam = seam * ndimage.gaussian_filter((~holes).astype(np.float32), 0.6)
        inside &= ~holes
    over = np.where(labels > 0, 0, seam).astype(np.float32)
    made = plane + over * np.asarray(ground + matter - plane, np.float32)
    if rng.random() < 0.4:  # the rim of the dense body shows as a line
        line = np.exp(-0.5 * ((far - rng.uniform(0, 2)) / rng.uniform(0.7, 2.0)) ** 2)
        made += rng.uniform(-0.4, 0.4) * contrast * line * (labels == 0) * (far > 0)
    return np.asarray(np.clip(made, 0, 1), np.float32), shed | inside


def with_dark_middles(plane: Float, labels: NDArray[np.int32], rng: np.random.Generator) -> Float:
    """Shade every body gradually towards its middle, darker or brighter: it stays one body."""
    result = plane.copy()
    amount, power = rng.uniform(-0.6, 0.3), rng.uniform(0.7, 3)
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        own = np.pad(labels[box] == number, 1)
        depth = ndimage.distance_transform_edt(own)[1:-1, 1:-1]
        share = (depth / max(float(depth.max()), 1.0)) ** power
        result[box] = np.where(
            labels[box] == number, result[box] * (1 + amount * share), result[box]
        )
    return np.asarray(np.clip(result, 0, 1), np.float32)


def _noise(shape: tuple[int, ...], size: float, rng: np.random.Generator) -> Float:
    """Smooth noise of unit spread with features of about `size` pixels."""
    step = max(1.0, size / 2)
    coarse = tuple(max(4, round(n / step) + 3) for n in shape)
    grain = rng.standard_normal(coarse).astype(np.float32)
    grain = ndimage.gaussian_filter(grain, size / step, mode="wrap")
    big = resample(grain, shape)
    return np.asarray((big - big.mean()) / (big.std() + 1e-6), np.float32)


def _texture(other: Drawn, shape: tuple[int, ...], rng: np.random.Generator) -> Float | None:
    """Texture of the largest body of another image, mirrored on to fill a frame."""
    sizes = np.bincount(other.labels.ravel())
    if sizes.size < 2 or sizes[1:].max() < 900:
        return None
    body = other.labels == 1 + int(sizes[1:].argmax())
    depth = ndimage.distance_transform_edt(body)
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    half = int(depth[y, x] / 1.5)
    if half < 12:
        return None
    patch = other.plane[y - half : y + half, x - half : x + half]
    zoom = float(rng.uniform(0.6, 1.6))
    patch = resample(
        np.ascontiguousarray(patch), tuple(max(12, round(n * zoom)) for n in patch.shape)
    )
    patch = patch - ndimage.gaussian_filter(patch, max(3.0, patch.shape[0] / 6))
    spread = float(patch.std())
    if spread < 1e-4:
        return None
    pad = [(0, max(0, n - m)) for n, m in zip(shape, patch.shape, strict=True)]
    full = np.pad(patch / spread, pad, mode="symmetric")[: shape[0], : shape[1]]
    return np.asarray(np.clip(full, -3, 3), np.float32)
