"""How a microscope shows a scene: contrast, light, focus, noise, bit depth.

Four ways of seeing the same layers: brightfield (dark rim, bright fringe), phase contrast
(halo), darkfield and fluorescence (bright on dark). The masks of a rendered frame are those of
the geometry, whatever the optics do to it. Dust and fibres (`Extra`) lie in the
light and are neither core nor shed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.samples.exact_masks import PAD, masks_of
from spheroid_qc.samples.optical_layers import Layers, rasterise
from spheroid_qc.samples.spheroid_scene import Scene

FloatImage = NDArray[np.float32]


class Modality(StrEnum):
    """Ways of making contrast."""

    BRIGHTFIELD = "brightfield"
    PHASE = "phase"
    DARKFIELD = "darkfield"
    FLUORESCENCE = "fluorescence"


@dataclass(frozen=True, slots=True)
class Light:
    """Unevenness of the light over the frame.

    Parameters
    ----------
    gradient_y, gradient_x : float
        Change from edge to edge, as a share of the mean.
    vignette : float
        Loss in the corners, as a share.
    mottle : tuple of tuple of float
        Square grid of slow variations, as shares; smooth between the grid's points.
    """

    gradient_y: float = 0.0
    gradient_x: float = 0.0
    vignette: float = 0.0
    mottle: tuple[tuple[float, ...], ...] = ()

    def field(self, shape: tuple[int, int]) -> FloatImage:
        """Return the light at every pixel, mean about 1."""
        y = np.linspace(-0.5, 0.5, shape[0], dtype=np.float32)[:, None]
        x = np.linspace(-0.5, 0.5, shape[1], dtype=np.float32)[None, :]
        light = 1.0 + np.float32(self.gradient_y) * y + np.float32(self.gradient_x) * x
        if self.vignette:
            light = light - np.float32(2.0 * self.vignette) * (y * y + x * x)
        if self.mottle:
            grid = np.asarray(self.mottle, dtype=np.float32)
            rows, columns = _blend(shape[0], grid.shape[0]), _blend(shape[1], grid.shape[1])
            light = light + rows @ grid @ columns.T
        return np.maximum(light, np.float32(0.02)).astype(np.float32)


def _blend(n: int, knots: int) -> FloatImage:
    """Weights (n, knots) of a smooth curve through a few bumps, rows summing to 1."""
    place = np.linspace(0.0, knots - 1.0, n)[:, None] - np.arange(knots)[None, :]
    weight = np.exp(-0.5 * (place / 0.6) ** 2)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Optics:
    """A microscope and its camera.

    Parameters
    ----------
    modality : Modality
        How contrast is made.
    level : float
        Grey value of the empty background, as a share of full scale.
    gain : float
        Strength of the contrast; 1 leaves optical densities as they are.
    bits : int
        Bits the camera uses, 8 to 16; more than 8 are stored in 16.
    psf_px : float
        Blur of a well focused frame (SD of a Gaussian), px.
    defocus_px : float
        Further blur, px.
    shot_noise : float
        Noise at the background level as a share of it; follows the root of the brightness.
    read_noise : float
        Noise of the camera as a share of full scale.
    halo_px : float
        Width of the phase halo, px.
    light : Light
        Unevenness.
    gamma : float
        Tone curve applied before the noise.
    """

    modality: Modality = Modality.BRIGHTFIELD
    level: float = 0.6
    gain: float = 1.0
    bits: int = 12
    psf_px: float = 0.9
    defocus_px: float = 0.0
    shot_noise: float = 0.007
    read_noise: float = 0.001
    halo_px: float = 9.0
    light: Light = field(default_factory=Light)
    gamma: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Rendered:
    """A frame with its exact masks.

    Parameters
    ----------
    image : ndarray of uint8 or uint16, shape (y, x)
        What the camera recorded.
    core : ndarray of int32, shape (y, x)
        0 background, 1.. pieces of core, largest first.
    shed : ndarray of bool, shape (y, x)
        Shed material.
    """

    image: NDArray[np.uint8] | NDArray[np.uint16]
    core: NDArray[np.int32]
    shed: NDArray[np.bool_]


class Extra(Protocol):
    """Something that disturbs the picture."""

    def shade(self, light: FloatImage) -> None:
        """Change the light that reaches the camera, in place."""


def _grid(shape: tuple[int, ...], y: float, x: float) -> FloatImage:
    """Distance of every pixel from a point."""
    dy = np.arange(shape[0], dtype=np.float32)[:, None] - np.float32(y)
    dx = np.arange(shape[1], dtype=np.float32)[None, :] - np.float32(x)
    distance: FloatImage = np.sqrt(dy * dy + dx * dx)
    return distance


def _patch(y: float, x: float, reach: float) -> tuple[slice, slice]:
    y0, x0 = max(0, int(y - reach)), max(0, int(x - reach))
    return slice(y0, max(y0, int(y + reach) + 1)), slice(x0, max(x0, int(x + reach) + 1))


@dataclass(frozen=True, slots=True)
class Dust:
    """A speck, sharp or (large `blur`) an out-of-focus smudge somewhere in the light path.

    Place, size and `blur`, the width of its edge, are in px; `strength` is the share of light that
    it takes, negative for a bright one.
    """

    y: float
    x: float
    radius: float
    blur: float = 1.5
    strength: float = 0.3

    def shade(self, light: FloatImage) -> None:
        """Take light behind the speck."""
        here = _patch(self.y, self.x, self.radius + 3.0 * self.blur + 2.0)
        piece = light[here]
        if piece.size:
            away = _grid(piece.shape, self.y - here[0].start, self.x - here[1].start)
            edge = np.clip((away - np.float32(self.radius)) / np.float32(self.blur), -20.0, 20.0)
            piece *= 1.0 - np.float32(self.strength) / (1.0 + np.exp(2.0 * edge))


@dataclass(frozen=True, slots=True)
class Fibre:
    """A hair or fibre across the frame, through places (y, x) in px.

    `width` is its thickness and `blur` the softness of its edges, px; `strength` the share of
    light that it takes.
    """

    points: tuple[tuple[float, float], ...]
    width: float = 5.0
    blur: float = 1.5
    strength: float = 0.5

    def shade(self, light: FloatImage) -> None:
        """Take light along a smooth line through the points."""
        from scipy.interpolate import CubicSpline
        from scipy.ndimage import distance_transform_edt

        knots = np.asarray(self.points, dtype=float)
        length = float(np.hypot(*np.diff(knots, axis=0).T).sum())
        line = CubicSpline(np.arange(len(knots)), knots)(
            np.linspace(0, len(knots) - 1, max(8, int(2 * length)))
        )
        reach = self.width / 2 + 4 * self.blur + 1
        low = np.maximum(np.floor(line.min(axis=0) - reach), 0).astype(int)
        high = np.minimum(np.ceil(line.max(axis=0) + reach) + 1, light.shape).astype(int)
        if (high <= low).any():
            return
        free = np.ones(tuple(high - low), dtype=bool)
        spots = np.rint(line).astype(int) - low
        spots = spots[((spots >= 0) & (spots < high - low)).all(axis=1)]
        if not len(spots):
            return
        free[spots[:, 0], spots[:, 1]] = False
        away = distance_transform_edt(free).astype(np.float32) - np.float32(self.width / 2)
        taken = np.float32(self.strength) / (1.0 + np.exp(np.clip(2 * away / self.blur, -30, 30)))
        light[low[0] : high[0], low[1] : high[1]] *= 1.0 - taken


def _blur(image: FloatImage, sigma: float) -> FloatImage:
    """Gaussian blur; wide ones on a coarser grid, where they cost less and look the same."""
    from scipy import ndimage as ndi

    if sigma < 0.2:
        return image
    if sigma < 5.0:
        result: FloatImage = ndi.gaussian_filter(image, sigma, truncate=3.0, mode="nearest")
        return result
    step = 2 if sigma < 10 else 4
    small = ndi.uniform_filter(image, step, mode="nearest")[::step, ::step]
    small = ndi.gaussian_filter(small, sigma / step, truncate=3.0, mode="nearest")
    # A filter of even size looks half a pixel back.
    rows = np.clip((np.arange(image.shape[0]) + 0.5) / step, 0, small.shape[0] - 1)
    columns = np.clip((np.arange(image.shape[1]) + 0.5) / step, 0, small.shape[1] - 1)
    return _sample(small, rows, columns)


def _sample(
    small: FloatImage, rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> FloatImage:
    """Bilinear values of `small` on the grid rows x columns."""

    def along(image: FloatImage, place: NDArray[np.float64]) -> FloatImage:
        low = np.minimum(place.astype(np.intp), image.shape[0] - 1)
        high = np.minimum(low + 1, image.shape[0] - 1)
        share = (place - low).astype(np.float32)[:, None]
        mixed: FloatImage = image[low] * (1 - share) + image[high] * share
        return mixed

    return along(along(small, rows).T.copy(), columns).T


def _brightfield(layers: Layers, optics: Optics) -> tuple[FloatImage, FloatImage]:
    density = layers.body + layers.rim + layers.grain + layers.veil + layers.cells
    density -= layers.fringe * (1.0 - layers.cover)
    density = _blur(
        np.float32(optics.gain) * density, float(np.hypot(optics.psf_px, optics.defocus_px))
    )
    return np.exp(-density), np.zeros_like(density)


def _phase(layers: Layers, optics: Optics) -> tuple[FloatImage, FloatImage]:
    # A phase plate shows differences from the neighbourhood: thick things turn grey inside and
    # shine around their edge.
    phase = 0.5 * layers.body + 0.6 * layers.rim + 0.25 * layers.cover
    phase = phase + 1.3 * layers.grain + 1.2 * layers.veil + 1.2 * layers.cells
    focus = float(np.hypot(optics.psf_px, optics.defocus_px))
    near = _blur(phase, focus)
    around = _blur(phase, float(np.hypot(optics.halo_px, focus)))
    shown = 1.0 - np.float32(optics.gain) * (near - 0.75 * around)
    return np.clip(shown, 0.03, 1.9), np.zeros_like(near)


def _darkfield(layers: Layers, optics: Optics) -> tuple[FloatImage, FloatImage]:
    scatter = layers.cover * (0.35 + 0.35 * np.sqrt(np.maximum(layers.body, 0.0)))
    scatter = scatter + 1.6 * np.abs(layers.grain) + 0.5 * layers.rim + 0.45 * layers.mass
    seen = _blur(scatter.astype(np.float32), float(np.hypot(optics.psf_px, optics.defocus_px)))
    return np.ones_like(seen), np.float32(0.6 * optics.gain) * seen


def _fluorescence(layers: Layers, optics: Optics) -> tuple[FloatImage, FloatImage]:
    # Dye and light reach the outer cells best, so that the rim is brighter than the middle; many
    # cells in depth still outshine single ones.
    glow = layers.cover * (0.75 + 0.8 * layers.grain) / (1.0 + 0.4 * np.maximum(layers.body, 0))
    glow = np.maximum(glow, 0.0) + 0.3 * layers.rim * layers.cover + 0.27 * layers.mass
    sharp = _blur(glow.astype(np.float32), float(np.hypot(optics.psf_px, optics.defocus_px)))
    return np.ones_like(sharp), np.float32(optics.gain) * (0.85 * sharp + 0.15 * _blur(sharp, 8.0))


_CONTRAST: dict[Modality, Callable[[Layers, Optics], tuple[FloatImage, FloatImage]]] = {
    Modality.BRIGHTFIELD: _brightfield,
    Modality.PHASE: _phase,
    Modality.DARKFIELD: _darkfield,
    Modality.FLUORESCENCE: _fluorescence,
}


def render_scene(
    scene: Scene, optics: Optics, rng: np.random.Generator, extras: tuple[Extra, ...] = ()
) -> Rendered:
    """Render a scene and return the frame with its exact masks.

    Parameters
    ----------
    scene : Scene
        What lies in the well.
    optics : Optics
        How it is seen.
    rng : numpy.random.Generator
        Source of the noise; nothing else in a frame is left to chance here.
    extras : tuple of Extra
        What is neither core nor shed: dust and fibres.

    Returns
    -------
    Rendered
        Image of uint8 (8 bits) or uint16 (more), core labels and shed mask.
    """
    reach = 3.0 * max(optics.defocus_px, optics.halo_px if optics.modality == "phase" else 0.0)
    layers = rasterise(scene, PAD + reach)
    image = optics.light.field(scene.shape)
    for extra in extras:
        extra.shade(image)
    image *= np.float32(optics.level)
    if layers is not None:
        passed, added = _CONTRAST[optics.modality](layers, optics)
        image[layers.window] = image[layers.window] * passed + added
    if optics.gamma != 1.0:
        image = np.power(np.clip(image, 0.0, 1.0), np.float32(optics.gamma))
    image = _with_noise(image, optics, rng)
    top = float(2**optics.bits - 1)
    image *= np.float32(top)
    counts = np.clip(np.rint(image, out=image), 0.0, top, out=image)
    core, shed = masks_of(scene)
    if optics.bits <= 8:
        return Rendered(counts.astype(np.uint8), core, shed)
    return Rendered(counts.astype(np.uint16), core, shed)


def _with_noise(image: FloatImage, optics: Optics, rng: np.random.Generator) -> FloatImage:
    noise = rng.standard_normal(image.shape, dtype=np.float32)
    if optics.shot_noise:
        # Shot noise: the variance is in proportion to the light, and stated at the background.
        spread = np.maximum(image, 0.0, dtype=np.float32)
        spread *= np.float32(optics.shot_noise**2 * optics.level)
        spread += np.float32(optics.read_noise**2)
        noise *= np.sqrt(spread, out=spread)
    else:
        noise *= np.float32(optics.read_noise)
    noise += image
    return noise
