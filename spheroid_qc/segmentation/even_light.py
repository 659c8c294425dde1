"""The lamp's own light, estimated from frames that show more than light, and divided away.

What is common to the ground of many frames is light; what only some of them show is specimen
(retrospective shading correction: CIDRE, Smith et al. 2015, doi:10.1038/nmeth.3323; BaSiC, Peng et
al. 2017, doi:10.1038/ncomms14836). In ultra-low-attachment wells the body lies in the middle of
*every* frame, so that a median over frames alone would take it for light: bodies are masked first,
and what is left gets no more than a quadratic surface, which bridges the middle and can't follow a
corona.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spheroid_qc.segmentation.array_types import Float, Labels, Mask
from spheroid_qc.segmentation.downsampling import any_in_blocks
from spheroid_qc.segmentation.illumination import background_terms, quadratic
from spheroid_qc.segmentation.learned.input_channels import resample

GRID = 48
"""Cells along either side of a frame that its ground is reduced to: a quadratic needs no more."""

MIN_FRAMES = 8
"""Frames below which no common light is told from what they hold: the median of fewer follows any
few that show the same by chance."""

_HALO_RADII = 0.25
"""Glow and shadow of a body that are kept out of the ground, as a share of its radius."""

_MIN_FREE = 0.3
"""Share of the frame beside its bodies below which there is no ground to speak of."""

_MIN_GLOW = 0.5
"""In transmitted light the ground itself is bright: its level over the 99.5th percentile of the
frame, below which light comes from the specimen. Its ground then says nothing of the lamp (BaSiC
asks for a dark field of its own there), and to divide by it would raise its noise."""

_MIN_SEEN = 0.25
"""Share of the frames in which a place must lie bare to count."""

_DARKEST = 0.2
"""Darkest over brightest part of a surface below which it is no lamp's light but a well's wall, a
black surround or a body."""

LIGHT_MATTERS = 1.0
"""Height of the light over the contrast of the bodies from which it is divided away; frames are
flagged for uneven light from there on, too. On 54 frames of 11 sources with drawn masks, dividing
by a frame's own light lowered the error of the disintegration fraction from 0.23 to 0.20 above 1
(10 frames) and moved it from 0.146 to 0.145 below; the common light of plates that stayed below
moved it by 0.01 either way, which is no more than what any change of grey values does."""


@dataclass(frozen=True, slots=True)
class Illumination:
    """Smooth light of a field of view, whatever its number of pixels.

    Parameters
    ----------
    terms : tuple of float
        Weights of 1, x, y, x x, x y, y y, with x and y from -1 to 1 across and down the field;
        the surface's mean is 1.
    """

    terms: tuple[float, float, float, float, float, float]

    def surface(self, shape: tuple[int, ...]) -> Float:
        """Light at every pixel of a frame of `shape` (y, x)."""
        rows, columns = (((np.arange(n) + 0.5) * (2 / n) - 1).astype(np.float32) for n in shape)
        terms = np.asarray(self.terms, np.float32)
        return quadratic(terms, rows[:, None], columns[None, :])

    @property
    def height(self) -> float:
        """98th less 2nd percentile of the surface: how much of the mean is corrected."""
        low, high = np.percentile(self.surface((GRID, GRID)), (2, 98))
        return float(high - low)

    @property
    def is_light(self) -> bool:
        """Whether it can be a lamp's: nowhere darker than `_DARKEST` of its brightest part."""
        surface = self.surface((GRID, GRID))
        return bool(surface.min() >= _DARKEST * surface.max() > 0)


def evened(image: NDArray[Any], light: Illumination | None) -> NDArray[Any]:
    """Divide a frame, shape (y, x), by its light; float32, or the frame itself without one."""
    if light is None:
        return image
    result: NDArray[Any] = image.astype(np.float32)
    result /= light.surface(image.shape)
    return result


def ground_of(image: NDArray[Any], core: Labels) -> Float | None:
    """Reduce a frame to its ground: mean grey values of `GRID` x `GRID` cells, NaN where covered.

    Parameters
    ----------
    image : ndarray, shape (y, x), any real type
        Grey values as recorded; where they are not finite there is no ground.
    core : ndarray of int, shape (y, x)
        Bodies. Shed material stays in: shade is easily taken for it, and what is shed lies
        elsewhere in every frame.

    Returns
    -------
    ndarray of float32, shape (GRID, GRID), or None
        None where bodies leave too little, or where light comes from the specimen.
    """
    plane = image.astype(np.float32)
    unknown = ~np.isfinite(plane)
    covered = _with_halo(core > 0)
    if unknown.any():
        covered |= unknown
        plane[unknown] = 0
    if min(plane.shape) < GRID or np.count_nonzero(~covered) < _MIN_FREE * covered.size:
        return None
    level = float(np.median(plane[~covered]))
    if not level > 0 or level < _MIN_GLOW * float(np.percentile(plane[::4, ::4], 99.5)):
        return None
    ground = np.array(resample(plane, (GRID, GRID)))
    ground[np.asarray(resample(covered.astype(np.float32), (GRID, GRID))) > 0.01] = np.nan
    return ground


def contrast_over_ground(image: NDArray[Any], core: Labels) -> float:
    """Root mean square difference of bodies from the frame's ground, over its level.

    Arguments as in `ground_of`; NaN without bodies or without ground.
    """
    sample = image[::2, ::2].astype(np.float64)
    inside = core[::2, ::2] > 0
    known = np.isfinite(sample)
    bare, body = sample[~inside & known], sample[inside & known]
    if not bare.size or not body.size:
        return float("nan")
    level = float(np.median(bare))
    return float(np.sqrt(np.mean((body - level) ** 2))) / level if level > 0 else float("nan")


def _with_halo(body: Mask) -> Mask:
    """Add a body's glow, on a coarser grid, where distances cost little."""
    if not body.any():
        return body
    factor = max(1, max(body.shape) // 256)
    small = any_in_blocks(body, factor)
    reach = _HALO_RADII * float(np.sqrt(np.count_nonzero(small) / np.pi))
    near = ndimage.distance_transform_edt(~small) <= max(reach, 1.0)
    grown = np.repeat(np.repeat(near, factor, axis=0), factor, axis=1)
    return np.asarray(grown[: body.shape[0], : body.shape[1]])


def common_illumination(grounds: Sequence[Float]) -> Illumination | None:
    """Estimate the light that many frames have in common.

    Parameters
    ----------
    grounds : sequence of ndarray, shape (GRID, GRID)
        From `ground_of`, at least `MIN_FRAMES`.

    Returns
    -------
    Illumination or None
        None where there are too few frames, or where what they have in common can be no light.
    """
    if len(grounds) < MIN_FRAMES:
        return None
    stack = np.stack(list(grounds)).astype(np.float64)
    seen = np.isfinite(stack).sum(axis=0) >= max(3.0, _MIN_SEEN * len(stack))
    light: Illumination | None = None
    surface = np.ones((GRID, GRID))
    # Which part of a frame lies bare differs, and so does its brightness: every frame is compared
    # with the surface there, not with its own mean.
    for _ in range(3):
        scale = np.nanmedian(stack / surface, axis=(1, 2), keepdims=True)
        middle = np.full((GRID, GRID), np.nan)
        middle[seen] = np.nanmedian((stack / scale)[:, seen], axis=0)
        light = light_through(middle)
        if light is None:
            return None
        surface = light.surface((GRID, GRID)).astype(np.float64)
    return light


def own_illumination(image: NDArray[Any], core: Labels) -> Illumination | None:
    """Estimate the light of a single frame from the ground beside its bodies.

    Arguments as in `ground_of`; None where there is too little ground, or it can be no light.
    """
    ground = ground_of(image, core)
    return None if ground is None else light_through(ground)


def light_through(ground: NDArray[Any]) -> Illumination | None:
    """Fit a light through one ground, NaN where it is covered; None where it can be no light."""
    usable = np.isfinite(ground)
    if not usable.any():
        return None
    values = np.where(usable, ground, 0) / np.median(ground[usable])
    found = background_terms(values.astype(np.float32), usable)
    if found is None:
        return None
    # The fit's ends are the centres of the outer cells, not the borders of the field.
    inner = 1 - 1 / GRID
    scaled = found / np.array([1, inner, inner, inner**2, inner**2, inner**2])
    mean = scaled[0] + (scaled[3] + scaled[5]) / 3
    if not mean > 0:
        return None
    light = light_of(scaled / mean)
    return light if light.is_light else None


def light_of(terms: Iterable[float]) -> Illumination:
    """Make an illumination of six numbers, to the six digits that are stored of them."""
    a, b, c, d, e, f = (float(f"{value:.6g}") for value in terms)
    return Illumination((a, b, c, d, e, f))
