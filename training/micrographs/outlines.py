"""Outlines of simulated bodies, as depth below the rim at every pixel of a box.

An outline is a radius for every direction, roughened by a slow noise, so that balls, ellipses,
lobed and ragged bodies, spindles and leaves all come from the same few numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.micrographs.tiles import cut

Float = NDArray[np.float32]
Rng = np.random.Generator
Box = tuple[slice, slice]

_DIRECTIONS = 512


@dataclass(frozen=True, eq=False)
class Blob:
    """Depth of a body below its rim, within a box of the frame.

    Parameters
    ----------
    box : tuple of slice
    depth : ndarray of float32
        In px, positive inside the outline; near the rim it is the distance to it.
    turn : ndarray of float32
        Direction from the centre, radians.
    radius : float
        Mean radius, px.
    y, x : float
        Centre, px.
    """

    box: Box
    depth: Float
    turn: Float
    radius: float
    y: float
    x: float


def _radii(rng: Rng, lobes: float, aspect: float, spindle: float) -> Float:
    """Relative radius for every direction."""
    t = np.linspace(-np.pi, np.pi, _DIRECTIONS, endpoint=False)
    turn = t - rng.uniform(-np.pi, np.pi)
    root = np.sqrt(aspect)
    power = 2.0 - spindle  # 2: an ellipse; towards 1 its ends become points
    inverse = (np.abs(np.cos(turn)) / root) ** power + (np.abs(np.sin(turn)) * root) ** power
    radius = inverse ** (-1 / power)
    for waves in range(2, 9):
        amplitude = lobes * rng.normal() / waves**1.2
        radius = radius * (1 + amplitude * np.cos(waves * t + rng.uniform(0, 2 * np.pi)))
    result: Float = np.maximum(radius, 0.15).astype(np.float32)
    return result


def draw_blob(
    rng: Rng,
    shape: tuple[int, int],
    centre: tuple[float, float],
    radius: float,
    *,
    lobes: float = 0.03,
    aspect: float = 1.0,
    spindle: float = 0.0,
    ragged: float = 0.0,
    margin: float = 0.4,
) -> Blob | None:
    """Draw one outline.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : tuple of int
        Of the frame.
    centre : tuple of float
        (y, x) in px; may lie outside the frame.
    radius : float
        Mean radius, px.
    lobes : float
        Strength of bulges, as a share of the radius.
    aspect : float
        Length over width.
    spindle : float
        0: round ends; towards 1: pointed ones.
    ragged : float
        Roughness of the outline at all scales, as a share of the radius.
    margin : float
        How far beyond the outline the box reaches, as a share of the radius.

    Returns
    -------
    Blob or None
        None where nothing of it lies in the frame.
    """
    radii = _radii(rng, lobes, aspect, spindle)
    reach = radius * (float(radii.max()) + margin + ragged) + 6
    low = [max(0, int(c - reach)) for c in centre]
    high = [min(n, int(c + reach) + 2) for c, n in zip(centre, shape, strict=True)]
    if low[0] + 2 >= high[0] or low[1] + 2 >= high[1]:
        return None
    box = (slice(low[0], high[0]), slice(low[1], high[1]))
    dy = np.arange(low[0], high[0], dtype=np.float32)[:, None] - np.float32(centre[0])
    dx = np.arange(low[1], high[1], dtype=np.float32)[None, :] - np.float32(centre[1])
    away = np.sqrt(dy * dy + dx * dx)
    turn = np.arctan2(dy, dx)
    place = ((turn + np.pi) * np.float32(_DIRECTIONS / (2 * np.pi))).astype(np.intp) % _DIRECTIONS
    rim = np.float32(radius) * radii[place]
    # Where the outline runs aslant of the radius, the way to it is shorter than along the radius.
    slope = np.gradient(np.concatenate([radii[-1:], radii, radii[:1]]))[1:-1] / radii
    slant = (1 / np.sqrt(1 + (slope * _DIRECTIONS / (2 * np.pi)) ** 2)).astype(np.float32)
    depth = (rim - away) * slant[place]
    if ragged > 0:
        size = (high[0] - low[0], high[1] - low[1])
        rough = cut(rng, "cloud", size, rng.uniform(0.2, 1.0))
        depth = depth + np.float32(ragged * radius) * np.clip(rough, -2.5, 2.5)
    return Blob(box, depth, turn, radius, centre[0], centre[1])


def draw_cluster(
    rng: Rng, shape: tuple[int, int], centre: tuple[float, float], radius: float
) -> Blob | None:
    """Draw a body that is a heap of overlapping balls.

    Parameters
    ----------
    rng, shape, centre, radius
        As in `draw_blob`.

    Returns
    -------
    Blob or None
    """
    reach = 1.3 * radius + 8
    low = [max(0, int(c - reach)) for c in centre]
    high = [min(n, int(c + reach) + 2) for c, n in zip(centre, shape, strict=True)]
    if low[0] + 2 >= high[0] or low[1] + 2 >= high[1]:
        return None
    dy = np.arange(low[0], high[0], dtype=np.float32)[:, None] - np.float32(centre[0])
    dx = np.arange(low[1], high[1], dtype=np.float32)[None, :] - np.float32(centre[1])
    size = float(np.exp(rng.uniform(np.log(0.16), np.log(0.45))))
    number = int(np.clip(1.6 / size**2, 6, 40))
    turn, away = rng.uniform(-np.pi, np.pi, number), 0.85 * radius * np.sqrt(rng.random(number))
    depth = np.float32(0.45 * radius) - np.sqrt(dy * dy + dx * dx)
    for t, a in zip(turn, away, strict=True):
        y, x = dy - np.float32(a * np.sin(t)), dx - np.float32(a * np.cos(t))
        own = np.float32(radius * size * np.exp(rng.normal(0, 0.2)))
        np.maximum(depth, own - np.sqrt(y * y + x * x), out=depth)
    box = (slice(low[0], high[0]), slice(low[1], high[1]))
    return Blob(box, depth, np.arctan2(dy, dx), radius, centre[0], centre[1])
