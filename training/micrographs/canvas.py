"""The canvas: signal, fine structure and truth of one frame while it is drawn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from training.micrographs.looks import Look
from training.micrographs.outlines import Blob
from training.micrographs.tiles import cut

Float = NDArray[np.float32]
Rng = np.random.Generator


def ramp(depth: Float, width: float) -> Float:
    """Smooth step from 0 to 1 across depth 0."""
    t = np.clip(depth / np.float32(2 * width) + np.float32(0.5), 0, 1)
    result: Float = t * t * (3 - 2 * t)
    return result


def spots(points: Float, sigma: float) -> Float:
    """Points made into spots of height one (for a point of strength one)."""
    result: Float = ndimage.gaussian_filter(points, sigma, truncate=2.5)
    if sigma < 0.6:  # narrower than the grid can hold: the sum rule no longer gives the height
        return result * np.float32(1 / 0.62)
    return result * np.float32(2 * np.pi * sigma**2)


class Canvas:
    """Layers of one frame.

    Parameters
    ----------
    shape : tuple of int

    Attributes
    ----------
    signal : ndarray of float32
        Optical density or brightness of everything drawn so far.
    fine : ndarray of float32
        Standard deviation of structure smaller than a pixel.
    labels : ndarray of int32
        Bodies.
    near : ndarray of float32
        Depth of the body that owns the pixel, as a share of its radius.
    shed : ndarray of bool
        Loose material; bodies win over it.
    ignore : ndarray of bool
        Pixels that are too uncertain to learn from.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = shape
        self.signal = np.zeros(shape, np.float32)
        self.fine = np.zeros(shape, np.float32)
        self.labels = np.zeros(shape, np.int32)
        self.near = np.zeros(shape, np.float32)
        self.shed = np.zeros(shape, bool)
        self.ignore = np.zeros(shape, bool)
        self.bodies = 0

    def add_body(
        self, rng: Rng, blob: Blob, look: Look, *, core: bool = True, over: float = 1.0
    ) -> None:
        """Draw a body and label it.

        Parameters
        ----------
        rng : numpy.random.Generator
        blob : Blob
        look : Look
        core : bool
            False for a clump that counts as shed material.
        over : float
            How far it hides what was there before: 1 altogether.
        """
        depth, box = blob.depth, blob.box
        size = (depth.shape[0], depth.shape[1])
        inside = depth > 0
        # The eye puts an outline a little outside of the half height, but not of a wide slope.
        cover = ramp(depth - np.float32(min(0.3 * look.soft, 0.4)), look.soft)
        share = np.clip(depth * np.float32(1 / blob.radius), 0, 1)
        height = np.clip(1 - (1 - share) ** 2, 1e-6, 1) ** np.float32(look.power)
        drawn = np.float32(look.flat) + np.float32(look.dome) * height
        if look.centre:
            border = 1 - look.centre_size
            uneven = cut(rng, "cloud", size, 0.8) * np.float32(0.08)
            drawn += np.float32(look.centre) * ramp(share - np.float32(border) + uneven, 0.12)
        if look.grain:
            texture = cut(rng, look.kind, size, look.coarse)
            drawn += np.float32(look.grain) * texture
        if look.grain_2:
            drawn += np.float32(look.grain_2) * cut(rng, "grain", size, look.coarse_2)
        if look.folds:
            creases = cut(rng, "folds", size, rng.uniform(0.2, 0.9))
            drawn -= np.float32(look.folds) * creases
        drawn *= cover
        if look.rim or look.glow or look.ring:
            one_side = 1 + np.float32(look.side) * np.cos(blob.turn - np.float32(look.side_turn))
            if look.rim:
                at = (depth - np.float32(look.rim_depth * look.rim_width)) / look.rim_width
                drawn += np.float32(look.rim) * one_side * np.exp(-np.square(at))
            outside = np.maximum(-depth, 0)
            if look.glow:
                fall = np.exp(-outside / np.float32(look.glow_width))
                drawn += np.float32(look.glow) * one_side * fall * (1 - cover)
            if look.ring:
                at = (depth + np.float32(look.ring_at)) / np.float32(0.8)
                drawn += np.float32(look.ring) * one_side * np.exp(-np.square(at))
        hidden = np.float32(over) * cover
        self.signal[box] = self.signal[box] * (1 - hidden) + drawn
        self.fine[box] = self.fine[box] * (1 - hidden) + np.float32(look.fine) * cover
        if core:
            self.bodies += 1
            mine = inside & (share + 1e-6 >= self.near[box])
            self.labels[box][mine] = self.bodies
            self.near[box][mine] = share[mine]
        else:
            self.shed[box] |= inside
