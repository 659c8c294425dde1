"""Loose material: single cells, clumps, carpets and coronas around the bodies.

Cells are laid down as points and blurred into bright middles and dark rings, so that ten cost as
little as two thousand. What an eye would mark as shed is marked: every visible cell, and the gaps
where cells are crowded.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from training.micrographs.canvas import Canvas, ramp, spots
from training.micrographs.outlines import draw_blob
from training.micrographs.tiles import cut

Float = NDArray[np.float32]
Figures = NDArray[np.float64]
Rng = np.random.Generator

_LARGE_CELL = 5.0
"""Cells wider than this many px are drawn one by one, with a crisp rim."""


@dataclass(frozen=True)
class CellLook:
    """Appearance of loose cells.

    Parameters
    ----------
    diameter : float
        In px.
    middle, ring : float
        Signal of the middle and of the ring around it.
    side : float
        How much the ring is one-sided, as in oblique light.
    side_turn : float
    """

    diameter: float
    middle: float
    ring: float
    side: float = 0.0
    side_turn: float = 0.0


def draw_cell_look(rng: Rng, diameter: float, strength: float, emitting: bool) -> CellLook:
    """Draw the look of a group of cells.

    Parameters
    ----------
    rng : numpy.random.Generator
    diameter : float
    strength : float
        Signal of a strong cell.
    emitting : bool
        Whether cells shine: then middle and ring have one sign.

    Returns
    -------
    CellLook
    """
    kind = rng.random()
    strong = strength * float(rng.uniform(0.5, 1.3))
    if emitting:
        middle, ring = strong, strong * float(rng.uniform(0, 0.5))
    elif kind < 0.4:  # live and round: bright middle, dark ring
        middle, ring = -strong * float(rng.uniform(0.1, 0.8)), strong
    elif kind < 0.75:  # dead or out of focus: dark dots
        middle, ring = strong, strong * float(rng.uniform(-0.6, 0.4))
    else:  # phase-bright
        middle, ring = -strong, strong * float(rng.uniform(0.2, 1.0))
    side = float(rng.uniform(0.3, 1.2)) if rng.random() < 0.4 else 0.0
    return CellLook(diameter, middle, ring, side, float(rng.uniform(-np.pi, np.pi)))


def add_cells(
    canvas: Canvas,
    rng: Rng,
    y: Figures,
    x: Figures,
    look: CellLook,
    *,
    label: bool = True,
    spread: float = 0.25,
) -> None:
    """Draw cells.

    Parameters
    ----------
    canvas : Canvas
    rng : numpy.random.Generator
    y, x : ndarray of float64, shape (n,)
        Centres, px; those outside the frame are left out.
    look : CellLook
    label : bool
        Whether they are shed material.
    spread : float
        Relative spread of strengths.
    """
    height, width = canvas.shape
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    y, x = y[inside], x[inside]
    if y.size == 0:
        return
    strength = np.exp(rng.normal(0, spread, y.size))
    if look.diameter > _LARGE_CELL and y.size <= 220:
        _stamp(canvas, rng, y, x, look, strength, label)
        return
    impulses = np.zeros(canvas.shape, np.float32)
    np.add.at(impulses, (y.astype(int), x.astype(int)), strength.astype(np.float32))
    inner, outer = max(0.45, 0.2 * look.diameter), max(0.7, 0.38 * look.diameter)
    middle = spots(impulses, inner)
    ring = spots(impulses, outer)
    canvas.signal += np.float32(look.middle - look.ring) * middle + np.float32(look.ring) * ring
    canvas.fine += np.float32(0.3 * (abs(look.middle) + abs(look.ring))) * np.minimum(ring, 1.5)
    if label:
        canvas.shed |= ring > 0.45


def _stamp(
    canvas: Canvas,
    rng: Rng,
    y: Figures,
    x: Figures,
    look: CellLook,
    strength: Figures,
    label: bool,
) -> None:
    height, width = canvas.shape
    sprites = []
    for _ in range(4):
        radius = 0.5 * look.diameter * float(np.exp(rng.normal(0, 0.15)))
        half = int(radius + 3)
        dy, dx = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float32)
        turn = rng.uniform(0, np.pi)
        long = np.sqrt(rng.uniform(1.0, 1.6))
        a = (dy * np.sin(turn) + dx * np.cos(turn)) / long
        b = (dx * np.sin(turn) - dy * np.cos(turn)) * long
        away = np.hypot(a, b)
        line = np.exp(-np.square((away - (radius - 0.8)) / max(0.8, 0.18 * radius)))
        one_side = 1 + look.side * np.cos(np.arctan2(dy, dx) - look.side_turn)
        inside = ramp((radius - 0.8 - away).astype(np.float32), 0.8)
        sprites.append((half, look.middle * inside + look.ring * line * one_side, away < radius))
    choice = rng.integers(0, len(sprites), y.size)
    for cy, cx, strong, which in zip(y.astype(int), x.astype(int), strength, choice, strict=True):
        half, sprite, mask = sprites[which]
        top, left = max(cy - half, 0), max(cx - half, 0)
        bottom, right = min(cy + half + 1, height), min(cx + half + 1, width)
        own = (
            slice(top - cy + half, bottom - cy + half),
            slice(left - cx + half, right - cx + half),
        )
        canvas.signal[top:bottom, left:right] += np.float32(strong) * sprite[own]
        if label:
            canvas.shed[top:bottom, left:right] |= mask[own]


def add_carpet(
    canvas: Canvas,
    rng: Rng,
    centre: tuple[float, float],
    radius: float,
    *,
    strength: float,
    cell: float,
    emitting: bool,
) -> None:
    """Draw a cloud: a carpet of cells and debris with a ragged edge and holes.

    Parameters
    ----------
    canvas : Canvas
    rng : numpy.random.Generator
    centre : tuple of float
    radius : float
        Of the carpet, px.
    strength : float
        Its signal.
    cell : float
        Diameter of a cell, px.
    emitting : bool
    """
    blob = draw_blob(
        rng, canvas.shape, centre, radius,
        lobes=float(rng.uniform(0.02, 0.2)), aspect=float(rng.uniform(1, 1.5)),
        ragged=float(rng.uniform(0.03, 0.22)), margin=0.1,
    )  # fmt: skip
    if blob is None:
        return
    size = (blob.depth.shape[0], blob.depth.shape[1])
    coarse = float(np.clip(np.log(max(cell, 1.6) / 1.6) / np.log(13) + rng.normal(0, 0.1), 0, 0.9))
    patches = cut(rng, "cloud", size, rng.uniform(0, 0.8))
    edge = blob.depth + np.float32(cell) * cut(rng, "cells", size, coarse)
    cover = ramp(edge, float(rng.uniform(0.6, 3.0)))
    if rng.random() < 0.5:  # bare patches
        cover = cover * ramp(patches + np.float32(rng.uniform(0.5, 2.0)), 0.25)
    density = np.maximum(1 + np.float32(rng.uniform(0.1, 0.5)) * patches, 0.15)
    if rng.random() < 0.5:  # thinner outwards
        thin = np.clip(blob.depth / np.float32(radius), 0, 1) ** np.float32(rng.uniform(0.2, 0.8))
        density = density * thin
    kind = str(rng.choice(("cells", "grain", "cobbles")))
    grain = cut(rng, kind, size, coarse) * np.float32(rng.uniform(0.25, 0.8))
    if rng.random() < 0.4:
        grain += cut(rng, "grain", size, min(coarse + 0.2, 0.9)) * np.float32(0.25)
    level = rng.uniform(0.3, 1.0) if emitting else rng.uniform(-0.1, 1.0)
    drawn = np.float32(strength) * cover * density * (np.float32(level) + grain)
    if emitting:
        drawn = np.maximum(drawn, 0)
    canvas.signal[blob.box] += drawn
    canvas.fine[blob.box] += np.float32(strength * rng.uniform(0.1, 0.5)) * cover
    canvas.shed[blob.box] |= cover * density > 0.35
    canvas.ignore[blob.box] |= (cover * density > 0.12) & (cover * density <= 0.35)


def add_corona(
    canvas: Canvas,
    rng: Rng,
    centre: tuple[float, float],
    radius: float,
    reach: float,
    *,
    strength: float,
    cell: float,
    emitting: bool,
) -> None:
    """Draw cells that migrate outwards: crowded at the rim, single and drawn out further away.

    Parameters
    ----------
    canvas : Canvas
    rng : numpy.random.Generator
    centre : tuple of float
    radius : float
        Of the body, px.
    reach : float
        How far cells have come, in radii.
    strength, cell, emitting
        As in `add_carpet`.
    """
    length = reach * radius
    ring = np.pi * ((radius + length) ** 2 - radius**2)
    number = int(np.clip(rng.uniform(0.1, 0.5) * ring / max(cell, 1.2) ** 2, 20, 4000))
    turn = rng.uniform(-np.pi, np.pi, number)
    favoured = float(rng.uniform(0, 0.6))
    outward = rng.exponential(0.45 * length, number)
    outward *= 1 + favoured * np.cos(turn - rng.uniform(-np.pi, np.pi))
    strands = rng.random() < 0.45
    if strands:  # cells follow each other along the same paths
        paths = rng.uniform(-np.pi, np.pi, int(rng.integers(10, 60)))
        follow = rng.random(number) < rng.uniform(0.3, 0.9)
        turn = np.where(follow, rng.choice(paths, number) + rng.normal(0, 0.02, number), turn)
    steps = int(rng.integers(1, 7 if strands else 5))
    away = radius * rng.uniform(0.8, 1.0) + outward
    look = draw_cell_look(rng, max(1.2, 0.7 * cell), strength, emitting)
    wiggle = rng.normal(0, 0.15, number)
    y, x = [], []
    for step in range(steps):
        far = away + step * 0.6 * cell * rng.uniform(0.5, 1.3)
        y.append(centre[0] + far * np.sin(turn + wiggle * step * cell / np.maximum(far, 1)))
        x.append(centre[1] + far * np.cos(turn + wiggle * step * cell / np.maximum(far, 1)))
    add_cells(canvas, rng, np.concatenate(y), np.concatenate(x), look, spread=0.35)
    if rng.random() < 0.85:
        veil = float(rng.uniform(0.25, 0.75)) * length + 1
        blob = draw_blob(rng, canvas.shape, centre, radius, lobes=0.02, margin=min(2.5, 3 * reach))
        if blob is not None:
            size = (blob.depth.shape[0], blob.depth.shape[1])
            fall = np.exp(np.minimum(blob.depth, 0) / np.float32(veil))
            coarse = float(np.clip(np.log(max(cell, 1.6) / 1.6) / np.log(13), 0, 0.9))
            cells = cut(rng, str(rng.choice(("cells", "grain", "cobbles"))), size, coarse)
            level = np.float32(rng.uniform(0.1, 0.8))
            drawn = np.float32(strength) * fall * (level + np.float32(0.45) * cells * fall)
            drawn = np.maximum(drawn, 0) if emitting else drawn
            canvas.signal[blob.box] += drawn
            canvas.fine[blob.box] += np.float32(0.3 * strength) * fall
            canvas.shed[blob.box] |= fall > 0.5
            canvas.ignore[blob.box] |= (fall > 0.25) & (fall <= 0.5)


def add_outgrowth(
    canvas: Canvas,
    rng: Rng,
    centre: tuple[float, float],
    radius: float,
    reach: float,
    *,
    strength: float,
    cell: float,
    emitting: bool,
) -> None:
    """Draw a closed layer of cells as coarse as the body itself, that thins out with distance.

    Only the darkness tells the body from it: its texture runs on.

    Parameters
    ----------
    canvas, rng, centre, radius, reach, strength, cell, emitting
        As in `add_corona`.
    """
    blob = draw_blob(
        rng, canvas.shape, centre, radius * (1 + reach),
        lobes=float(rng.uniform(0.01, 0.08)), ragged=float(rng.uniform(0.02, 0.12)), margin=0.3,
    )  # fmt: skip
    if blob is None:
        return
    size = (blob.depth.shape[0], blob.depth.shape[1])
    coarse = float(np.clip(np.log(max(cell, 1.6) / 1.6) / np.log(13) + rng.normal(0, 0.1), 0, 0.9))
    texture = cut(rng, str(rng.choice(("cells", "grain", "cobbles"))), size, coarse)
    width = float(rng.uniform(0.1, 0.5)) * radius * reach + 1
    # Single cells at the outer edge, a closed layer further in.
    ragged = blob.depth + np.float32(0.6 * width) * cut(rng, "cells", size, coarse)
    cover = ramp(ragged, 0.5 * width)
    inward = np.clip(blob.depth / np.float32(radius * reach), 0, 1)
    level = np.float32(rng.uniform(0.0, 0.5)) * inward ** np.float32(rng.uniform(0.5, 2.5))
    grain = np.float32(rng.uniform(0.3, 1.0)) * texture
    drawn = np.float32(strength) * cover * (level + grain * (0.5 + 0.5 * inward))
    canvas.signal[blob.box] += np.maximum(drawn, 0) if emitting else drawn
    canvas.fine[blob.box] += np.float32(strength * rng.uniform(0.1, 0.6)) * cover
    canvas.shed[blob.box] |= cover > 0.45
    canvas.ignore[blob.box] |= (cover > 0.15) & (cover <= 0.45)


def fill_crowds(canvas: Canvas, cell: float) -> None:
    """Count the gaps between crowded cells as material.

    Parameters
    ----------
    canvas : Canvas
    cell : float
        Diameter of a cell, px.
    """
    if not canvas.shed.any():
        return
    size = max(3, round(2 * cell)) | 1
    density = ndimage.uniform_filter(canvas.shed.astype(np.float32), size)
    canvas.shed |= density > 0.6
    canvas.ignore |= (density > 0.52) & ~canvas.shed
