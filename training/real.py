"""Training examples from real micrographs: regions as the network sees them, with their truth.

Variety is what a handful of sources lacks, so every region is drawn anew: loose material is left
out or brought over from another image, bodies stand on the ground of another microscope, and
light, rings of the well, haze, blur, noise, quantisation and JPEG are drawn on top. What is drawn
never touches what counts as core or shed material.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.transform import resize

from spheroid_qc.segmentation.learned.input_channels import channels_of, pool_region, resample
from training.coronas import with_corona, with_dark_middles
from training.micrographs import WIDE, draw_micrograph
from training.sources import Micrograph
from training.targets import targets_of, turned, without_some_channels

Float = NDArray[np.float32]
Mask = NDArray[np.bool_]

LONGEST = 1024
"""Pixels along the longer side that an image is kept with."""

FINEST = 640
"""Most pixels along the longer side of a region before it is pooled."""

SMALL_SHARE = 0.35
"""How often a region comes from a frame with fewer pixels than the network looks at: thumbnails,
small cameras and pictures in documents, whose noise and JPEG blocks are as large as cells."""

SMALLEST = 0.45
"""Longer side of such a region, at least, as a share of the example's."""

SYNTHETIC_SIDES = (224, 256, 256, 320, 400)
"""Pixels a side of synthetic frames."""

ENLARGE = 1.7
"""As in `coarse_and_fine_pass`: a region is not magnified by more than this."""


@dataclass(frozen=True, eq=False)
class Region:
    """Part of an image with its truth.

    Parameters
    ----------
    plane : ndarray of float32, shape (y, x)
    labels : ndarray of int32, shape (y, x)
    shed, ignore : ndarray of bool, shape (y, x)
    ground : ndarray of float32, shape (y, x)
        The same place without bodies and loose material.
    borrowed : bool
        Something of another image is in it.
    """

    plane: Float
    labels: NDArray[np.int32]
    shed: Mask
    ignore: Mask
    ground: Float
    borrowed: bool = False


class Drawn:
    """A labelled image, real or synthetic, that regions are cut from.

    Parameters
    ----------
    plane : ndarray of float32, shape (y, x)
        In [0, 1].
    labels : ndarray of int32, shape (y, x)
    shed, ignore : ndarray of bool, shape (y, x)
    spheres : bool
        A field of many bodies.
    """

    def __init__(
        self, plane: Float, labels: NDArray[np.int32], shed: Mask, ignore: Mask, *, spheres: bool
    ) -> None:
        self.plane = plane
        self.labels = labels
        self.shed = shed & (labels == 0)
        self.ignore = ignore
        self.spheres = spheres

    @classmethod
    def real(cls, micrograph: Micrograph) -> Drawn:
        """Take a micrograph with labels, brought to at most `LONGEST` pixels a side."""
        assert micrograph.labels is not None
        assert micrograph.shed is not None
        assert micrograph.ignore is not None
        scale = min(1.0, LONGEST / max(micrograph.plane.shape))
        shape = tuple(round(n * scale) for n in micrograph.plane.shape)
        nearest = {"order": 0, "preserve_range": True, "anti_aliasing": False}
        return cls(
            shrunk(micrograph.plane, shape),
            resize(micrograph.labels, shape, **nearest).astype(np.int32),
            shrunk(micrograph.shed.astype(np.float32), shape) > 0.5,
            resize(micrograph.ignore, shape, **nearest).astype(bool),
            spheres=micrograph.source.spheres,
        )

    @classmethod
    def synthetic(cls, rng: np.random.Generator) -> Drawn:
        """Draw a frame of the family that trains, at a random size."""
        frame = draw_micrograph(rng, int(rng.choice(SYNTHETIC_SIDES)), WIDE)
        return cls(
            frame.image, frame.labels, frame.shed, frame.ignore,
            spheres=frame.fate in ("many", "few", "moulded"),
        )  # fmt: skip

    @cached_property
    def ground(self) -> Float:
        """The image without bodies and loose material, its texture carried on beneath them."""
        foreign = (self.labels > 0) | self.shed | self.ignore
        # Beyond a body's outline lie its halo and its shadow.
        largest = int(np.bincount(self.labels.ravel())[1:].max(initial=0))
        beyond = 4 + int(0.1 * np.sqrt(largest / np.pi))
        return fill_ground(self.plane, ndimage.distance_transform_edt(~foreign) <= beyond)

    @cached_property
    def lends_ground(self) -> bool:
        """Whether enough of the ground is seen to stand other bodies on it."""
        return float(((self.labels > 0) | self.shed | self.ignore).mean()) < 0.3

    def region(self, top: int, left: int, height: int, width: int) -> Region:
        """Cut out a region that lies within the image."""
        box = (slice(top, top + height), slice(left, left + width))
        return Region(
            self.plane[box], self.labels[box], self.shed[box], self.ignore[box], self.ground[box]
        )


def shrunk(values: Float, shape: tuple[int, ...]) -> Float:
    """Bring an image to a smaller size by averaging."""
    return values if values.shape == tuple(shape) else resample(values, shape)


def smooth(values: Float, sigma: float) -> Float:
    """Gaussian blur, of a smaller image where the blur is wide."""
    step = max(1, int(sigma / 4))
    if step == 1:
        return np.asarray(ndimage.gaussian_filter(values, sigma, mode="nearest"), np.float32)
    small = resample(np.ascontiguousarray(values), tuple(-(-n // step) for n in values.shape))
    return resample(ndimage.gaussian_filter(small, sigma / step, mode="nearest"), values.shape)


def fill_ground(plane: Float, foreign: Mask) -> Float:
    """Replace what is foreign by the light around it and the texture of other places.

    Parameters
    ----------
    plane : ndarray of float32, shape (y, x)
    foreign : ndarray of bool, shape (y, x)

    Returns
    -------
    ndarray of float32, shape (y, x)
    """
    if not foreign.any() or foreign.mean() > 0.97:
        return plane
    known = (~foreign).astype(np.float32)
    light = np.zeros_like(plane)
    settled = np.zeros(plane.shape, bool)
    for sigma in (8, 24, 72, 216):
        weight, value = (smooth(a, sigma) for a in (known, plane * known))
        take = ~settled & (weight > 0.05)
        light[take] = value[take] / weight[take]
        settled |= take
    light[~settled] = float(plane[~foreign].mean())
    light = ndimage.gaussian_filter(light, 4)
    texture = np.where(foreign, 0, plane - light)
    result = np.where(foreign, light, plane)
    missing = foreign.copy()
    rng = np.random.default_rng(0)
    for _ in range(24):
        if not missing.any():
            break
        shift = tuple(int(rng.integers(-n // 2, n // 2 + 1)) for n in plane.shape)
        there = np.roll(~foreign, shift, (0, 1)) & missing
        result[there] += np.roll(texture, shift, (0, 1))[there]
        missing &= ~there
    return np.asarray(result, np.float32)


def choose_region(drawn: Drawn, rng: np.random.Generator) -> Region:
    """Choose what to look at: the bodies and their surroundings, the whole frame, or any part."""
    height, width = drawn.plane.shape
    chance = rng.random()
    bodies = ndimage.find_objects(drawn.labels)
    bodies = [box for box in bodies if box is not None]
    if chance < 0.25 or not bodies:
        return drawn.region(0, 0, height, width)
    if chance < 0.75 and not (drawn.spheres and len(bodies) > 4 and rng.random() < 0.7):
        sizes = np.bincount(drawn.labels.ravel())[1:]
        sizes = sizes[sizes > 0]
        kept = [box for box, size in zip(bodies, sizes, strict=True) if size >= 0.03 * sizes.max()]
        diameter = float(np.sqrt(4 / np.pi * sizes.max()))
        # A body may fill the frame: with little around it, it is still none of the well's floor.
        margin = diameter * (
            rng.uniform(0.02, 0.35) if rng.random() < 0.25 else rng.uniform(0.35, 1.3)
        )
        low = [min(b[a].start for b in kept) - margin for a in (0, 1)]
        high = [max(b[a].stop for b in kept) + margin for a in (0, 1)]
        side = max(high[0] - low[0], high[1] - low[1], 48.0)
        middle = [(a + b) / 2 + rng.normal(0, 0.06) * side for a, b in zip(low, high, strict=True)]
    else:
        side = max(48.0, max(height, width) * rng.uniform(0.3, 0.8))
        box = bodies[int(rng.integers(len(bodies)))]
        middle = [
            (b.start + b.stop) / 2 + rng.normal(0, 0.25) * side if rng.random() < 0.7
            else rng.uniform(0, n)
            for b, n in zip(box, (height, width), strict=True)
        ]  # fmt: skip
    spans = [min(round(side), n) for n in (height, width)]
    starts = [
        int(np.clip(round(m - s / 2), 0, n - s))
        for m, s, n in zip(middle, spans, (height, width), strict=True)
    ]
    return drawn.region(starts[0], starts[1], spans[0], spans[1])


def bare(region: Region) -> Region:
    """Show the same place with nothing in it."""
    nothing = np.zeros(region.shed.shape, bool)
    return Region(region.ground, np.zeros_like(region.labels), nothing, nothing, region.ground)


def recompose(region: Region, other: Drawn, rng: np.random.Generator) -> Region:
    """Leave loose material out, bring in some of another image, or change the ground."""
    plane, shed = region.plane, region.shed.copy()
    labels, ignore = region.labels, region.ignore
    if shed.any() and rng.random() < 0.3:
        drop = np.zeros_like(shed)
        pieces, count = ndimage.label(shed)
        gone = rng.random(count + 1) < rng.choice([1.0, 1.0, 0.6])
        gone[0] = False
        drop = gone[pieces]
        soft = _soft(drop, 2.0)
        plane = plane + soft * (region.ground - plane)
        shed &= ~drop
        # What was left out may have left its halo on the rim of what stays.
        ignore = ignore | (ndimage.binary_dilation(drop, iterations=2) & ~drop & (labels == 0))
    ground, borrowed = region.ground, False
    if rng.random() < 0.35 and other.lends_ground:
        plane, ground = _on_other_ground(plane, region, labels, shed, ignore, other, rng)
        borrowed = True
    if rng.random() < 0.25 and other.shed.any():
        plane, shed = _with_other_shed(plane, labels, shed, other, rng)
        borrowed = True
    if rng.random() < 0.22:
        plane, shed = with_corona(plane, ground, labels, shed, other, rng)
        borrowed = True
    elif rng.random() < 0.12:
        plane = with_dark_middles(plane, labels, rng)
    plane = np.clip(plane, 0, 1).astype(np.float32)
    return Region(plane, labels, shed, ignore, ground, borrowed)


def _soft(mask: Mask, sigma: float) -> Float:
    """Weight that is 1 on a mask and falls to nothing next to it."""
    grown = ndimage.binary_dilation(mask, iterations=max(1, round(2 * sigma)))
    return np.asarray(ndimage.gaussian_filter(grown.astype(np.float32), sigma), np.float32)


def _on_other_ground(
    plane: Float, region: Region, labels: NDArray[np.int32], shed: Mask, ignore: Mask,
    other: Drawn, rng: np.random.Generator,
) -> tuple[Float, Float]:  # fmt: skip
    """Stand what is in the region on the ground of another image; gives that ground as well."""
    height, width = plane.shape
    tall = min(other.plane.shape[0], max(16, round(height * rng.uniform(0.6, 1.4))))
    wide = min(other.plane.shape[1], max(16, round(width * tall / height)))
    top = int(rng.integers(other.plane.shape[0] - tall + 1))
    left = int(rng.integers(other.plane.shape[1] - wide + 1))
    ground = resample(
        np.ascontiguousarray(other.ground[top : top + tall, left : left + wide]), (height, width)
    )
    foreign = (labels > 0) | shed | ignore
    if not foreign.any() or foreign.mean() > 0.85:
        return plane, region.ground
    light = smooth(region.ground, 0.06 * max(height, width))
    signal = plane - light
    sign = float(np.median(signal[foreign]))
    level = float(ground.mean())
    room = level if sign < 0 else 1 - level
    strength = rng.uniform(0.6, 1.4)
    reach = float(np.abs(np.percentile(signal[foreign], 5 if sign < 0 else 95))) + 1e-3
    scale = strength if room >= 0.3 * reach * strength else -strength
    scale *= min(1.0, max(0.5, (1 - level if scale * sign > 0 else level) / reach))
    soft = _soft(foreign, max(1.5, 0.006 * max(height, width)))
    return np.asarray(ground + scale * soft * signal, np.float32), ground


def _with_other_shed(
    plane: Float, labels: NDArray[np.int32], shed: Mask, other: Drawn, rng: np.random.Generator
) -> tuple[Float, Mask]:
    """Bring in loose material of another image."""
    height, width = plane.shape
    scale = rng.uniform(0.7, 1.3) * max(height, width) / max(other.plane.shape)
    shape = tuple(max(16, round(n * scale)) for n in other.plane.shape)
    if max(shape) > 2 * LONGEST:
        return plane, shed
    mask = resample(other.shed.astype(np.float32), shape) > 0.5
    signal = resample(other.plane - smooth(other.ground, 24), shape)
    result, added = plane.copy(), shed.copy()
    top = int(rng.integers(-shape[0] // 3, max(1, height - 2 * shape[0] // 3)))
    left = int(rng.integers(-shape[1] // 3, max(1, width - 2 * shape[1] // 3)))
    here = (
        slice(max(top, 0), min(top + shape[0], height)),
        slice(max(left, 0), min(left + shape[1], width)),
    )
    there = (
        slice(here[0].start - top, here[0].stop - top),
        slice(here[1].start - left, here[1].stop - left),
    )
    if here[0].stop - here[0].start < 8 or here[1].stop - here[1].start < 8:
        return plane, shed
    free = ~ndimage.binary_dilation(labels[here] > 0, iterations=2)
    wanted = mask[there] & free
    if not wanted.any():
        return plane, shed
    strength = rng.uniform(0.5, 1.5) * float(rng.choice([1, 1, 1, -1]))
    soft = ndimage.gaussian_filter(wanted.astype(np.float32), 0.7)
    result[here] += strength * soft * signal[there]
    # What can't be seen here can't be asked for.
    seen = np.abs(strength * signal[there]) > 0.02
    added[here] |= wanted & (ndimage.uniform_filter(seen.astype(np.float32), 5) > 0.25)
    return result, added


def redraw(plane: Float, labels: NDArray[np.int32], rng: np.random.Generator) -> Float:
    """Draw other light, other optics and another camera."""
    height, width = plane.shape
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    result = plane
    if rng.random() < 0.15:
        result = 1 - result
    if rng.random() < 0.5:
        result = np.clip(result, 0, 1) ** np.float32(np.exp(rng.normal(0, 0.35)))
    if rng.random() < 0.45:
        angle = rng.uniform(0, 2 * np.pi)
        along = np.cos(angle) * x + np.sin(angle) * y
        shade = rng.uniform(-0.5, 0.5) * along + rng.uniform(-0.35, 0.35) * along**2
        shade = shade + rng.uniform(-0.3, 0.3) * x * y + rng.uniform(-0.15, 0.15) * along**3
        result = result * np.exp(np.clip(shade, -1.2, 1.2))
    if rng.random() < 0.2:
        off = rng.normal(0, 0.3, 2)
        r = np.hypot(y - off[0], x - off[1])
        edge, soft = rng.uniform(0.6, 1.5), rng.uniform(0.08, 0.5)
        dark = rng.uniform(-0.3, 0.7)
        result = result * (1 - dark / (1 + np.exp((edge - r) / soft)))
    if rng.random() < 0.25:
        off = rng.normal(0, rng.choice([0.1, 1.0, 3.0]), 2)
        r = np.hypot(y - off[0], x - off[1])
        waves = np.zeros_like(r)
        for _ in range(int(rng.integers(1, 5))):
            narrow = rng.uniform(0.004, 0.04)
            where = rng.uniform(0, float(r.max()))
            waves += rng.normal() * np.exp(-0.5 * ((r - where) / narrow) ** 2)
        if rng.random() < 0.6:
            waves += rng.uniform(0.3, 1) * np.sin(2 * np.pi * r / rng.uniform(0.012, 0.1))
        if rng.random() < 0.5:  # machined floors: arcs and rows of dots, not whole rings
            waves = waves * _broken(np.arctan2(y - off[0], x - off[1]), rng)
        result = result * (1 + rng.uniform(0.01, 0.09) * waves)
    if rng.random() < 0.12:
        for _ in range(int(rng.integers(1, 6))):
            angle, off = rng.uniform(0, np.pi), rng.uniform(-1, 1)
            far = np.cos(angle) * x + np.sin(angle) * y - off + rng.uniform(-0.1, 0.1) * x * y
            line = np.exp(-0.5 * (far / rng.uniform(0.002, 0.012)) ** 2)
            result = result + rng.normal(0, 0.08) * line * (labels == 0)
    if rng.random() < 0.18:
        result = result * (1 + _rough(plane.shape, rng))
    if rng.random() < 0.25:
        ground = np.float32(np.median(result))
        sigma = float(rng.uniform(0.02, 0.14)) * max(height, width)
        glow = smooth(np.asarray(result - ground, np.float32), sigma)
        result = result + float(np.exp(rng.uniform(np.log(0.1), np.log(1.6)))) * glow
    if rng.random() < 0.25:
        result = ndimage.gaussian_filter(result, float(rng.uniform(0.4, 1.8)))
    low, high = np.percentile(result[::3, ::3], (0.2, 99.8))
    result = (result - low) / max(high - low, 1e-4)
    contrast = rng.uniform(0.15, 1.0) if rng.random() < 0.4 else 1.0
    result = 0.5 + (result - 0.5) * contrast
    if rng.random() < 0.55:
        sigma = 10 ** rng.uniform(-2.7, -1.2) * contrast
        noise = rng.standard_normal(plane.shape, np.float32)
        if rng.random() < 0.3:
            noise = ndimage.gaussian_filter(noise, 0.8) * 2.2
        if rng.random() < 0.5:
            noise = noise * np.sqrt(np.clip(result, 0, 1) + 0.1)
        result = result + np.float32(sigma) * noise
    result = np.clip(result, 0, 1)
    if rng.random() < 0.2:
        levels = int(rng.integers(8, 64))
        result = np.round(result * levels) / levels
    if rng.random() < 0.35:
        result = _as_jpeg(result, int(rng.integers(15, 92)))
    return np.asarray(result, np.float32)


def _broken(angle: Float, rng: np.random.Generator) -> Float:
    """Strength along rings: a few arcs, perhaps in dots."""
    strength = np.zeros_like(angle)
    for _ in range(int(rng.integers(1, 5))):
        away = np.abs(np.angle(np.exp(1j * (angle - rng.uniform(-np.pi, np.pi)))))
        strength += np.exp(-0.5 * (away / rng.uniform(0.1, 0.8)) ** 2)
    if rng.random() < 0.5:
        strength *= 0.5 + 0.5 * np.sin(angle * rng.integers(30, 400) + rng.uniform(0, 6))
    grain = ndimage.gaussian_filter(rng.standard_normal(angle.shape, np.float32), 1.0)
    return np.asarray(np.clip(strength, 0, 1.5) * (1 + rng.uniform(0, 3) * grain), np.float32)


def _rough(shape: tuple[int, ...], rng: np.random.Generator) -> Float:
    """Gel, dirty optics or beads: the same roughness everywhere, also over bodies."""
    if rng.random() < 0.6:
        grain = ndimage.gaussian_filter(
            rng.standard_normal(shape, np.float32), float(rng.uniform(0.8, 5))
        )
        return np.asarray(grain / grain.std() * rng.uniform(0.01, 0.08), np.float32)
    dots = (rng.random(shape) < 10 ** rng.uniform(-3.5, -1.8)).astype(np.float32)
    dots = ndimage.gaussian_filter(dots, float(rng.uniform(0.5, 0.9)))
    return np.asarray(dots / (dots.max() + 1e-6) * rng.uniform(-0.3, 0.2), np.float32)


def _as_jpeg(plane: Float, quality: int) -> Float:
    import io

    from PIL import Image

    with io.BytesIO() as file:
        Image.fromarray(np.round(plane * 255).astype(np.uint8)).save(file, "JPEG", quality=quality)
        return np.asarray(Image.open(file), np.float32) / 255


def example_of(
    pool: dict[str, list[Drawn]], rng: np.random.Generator, side: int, *, synthetic: bool = False
) -> tuple[list[str], tuple[Float, Float, Float]]:
    """Draw one example from real images, sources alike in number.

    Parameters
    ----------
    pool : dict of str to list of Drawn
        Images by group.
    rng : Generator
    side : int
        Pixels of the result.
    synthetic : bool
        Bodies and loose material are those of a synthetic frame; grounds are real all the same.

    Returns
    -------
    groups : list of str
        Groups of sources that are in it.
    channels, target, weight : ndarray of float32, shape (4, side, side)
        As `data.example`; nothing counts beyond the region and where the eye could not tell.
    """
    groups = sorted(pool)
    chances = np.array([len(pool[g]) ** 0.5 for g in groups])
    chances /= chances.sum()
    pick = [groups[int(i)] for i in rng.choice(len(groups), 2, p=chances)]
    drawn, other = (pool[g][int(rng.integers(len(pool[g])))] for g in pick)
    if synthetic:
        drawn = Drawn.synthetic(rng)
    region = choose_region(drawn, rng)
    if not synthetic and drawn.lends_ground and rng.random() < 0.06:
        region = bare(region)
    else:
        region = recompose(region, other, rng)
    plane, labels, shed, ignore = region.plane, region.labels, region.shed, region.ignore
    longest = max(plane.shape)
    small = rng.random() < SMALL_SHARE
    finest = rng.uniform(SMALLEST * side, side) if small else rng.uniform(side, FINEST)
    if longest > finest:
        shape = tuple(max(8, round(n * finest / longest)) for n in plane.shape)
        plane = resample(np.ascontiguousarray(plane), shape)
        nearest = {"order": 0, "preserve_range": True, "anti_aliasing": False}
        labels = resize(labels, shape, **nearest).astype(np.int32)
        ignore = resize(ignore, shape, **nearest).astype(bool)
        cover = resample(shed.astype(np.float32), shape)
    else:
        cover = shed.astype(np.float32)
    plane = redraw(plane, labels, rng)
    scale = min(side / max(plane.shape), ENLARGE)
    shape = tuple(max(8, round(n * scale)) for n in plane.shape)
    channels = channels_of(pool_region(np.ascontiguousarray(plane), shape))
    target, weight = truth_of(labels, cover, ignore | unseen(plane, cover > 0.25), shape)
    beyond = ((0, 0), (0, side - shape[0]), (0, side - shape[1]))
    # Beyond the region the channels go on as at its edge, and nothing counts.
    channels, target = (np.pad(a, beyond, mode="edge") for a in (channels, target))
    without_some_channels(channels, rng)
    inside = pick[: not synthetic] + pick[1:] * region.borrowed
    return sorted(set(inside)), turned(channels, target, np.pad(weight, beyond), rng)


def unseen(plane: Float, shed: Mask) -> Mask:
    """Loose material that the new light and the new noise hide: it can't be asked for."""
    if not shed.any():
        return shed
    fine = np.abs(ndimage.gaussian_filter(plane, 0.8) - ndimage.uniform_filter(plane, 15))
    noise = float(np.median(fine[~shed][::7])) if not shed.all() else 0.0
    seen = ndimage.maximum_filter(fine, 5) > max(3.5 * noise, 0.012)
    return shed & ~seen


def truth_of(
    labels: NDArray[np.int32], cover: Float, ignore: Mask, shape: tuple[int, ...]
) -> tuple[Float, Float]:
    """Make targets and weights: core, share of the pixel that shed material covers, edge, depth."""
    depth = np.zeros(labels.shape, np.float32)
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        own = np.pad(labels[box] == number, 1)
        far = ndimage.distance_transform_edt(own)[1:-1, 1:-1]
        depth[box] = np.where(labels[box] == number, far / max(far.max(), 1.0), depth[box])
    target, weight = targets_of(labels, cover, depth, shape)
    known = 1 - resample(ignore.astype(np.float32), shape)
    return target, weight * (known > 0.7)
