"""Everything in a micrograph that is neither body nor shed: light, wells, dust, writing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from training.micrographs.canvas import ramp, spots
from training.micrographs.tiles import cut

Float = NDArray[np.float32]
Rng = np.random.Generator


def _axes(shape: tuple[int, int], y: float = 0.5, x: float = 0.5) -> tuple[Float, Float]:
    long = max(shape)
    rows = (np.arange(shape[0], dtype=np.float32) - np.float32(y * shape[0])) / np.float32(long)
    columns = (np.arange(shape[1], dtype=np.float32) - np.float32(x * shape[1])) / np.float32(long)
    return rows[:, None], columns[None, :]


def draw_light(rng: Rng, shape: tuple[int, int]) -> Float:
    """Draw uneven light, about 1 in the middle.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : tuple of int

    Returns
    -------
    ndarray of float32
    """
    y, x = _axes(shape, *rng.uniform(0.3, 0.7, 2))
    slope = rng.normal(0, 0.12, 2) * (rng.random() < 0.7)
    light = 1 + np.float32(slope[0]) * y + np.float32(slope[1]) * x
    square = y * y + x * x
    if rng.random() < 0.5:
        light = light - np.float32(rng.uniform(0, 0.7)) * square
    if rng.random() < 0.12:  # the field ends in the corners, or a wall shades one side
        reach = rng.uniform(0.35, 0.75)
        fall = ramp(np.float32(reach) - np.sqrt(square), float(rng.uniform(0.02, 0.15)))
        light = light * (np.float32(1) - np.float32(rng.uniform(0.2, 0.97)) * (1 - fall))
    if rng.random() < 0.5:
        light = light + np.float32(np.exp(rng.uniform(-5, -2))) * cut(
            rng, "cloud", shape, rng.uniform(0.5, 1)
        )
    if rng.random() < 0.15:  # tiles stitched together: steps and thin lines
        light = light * _seams(rng, shape)
    if rng.random() < 0.2:  # gel or a rough plate
        kind = str(rng.choice(("grain", "cloud", "fibres")))
        light = light + np.float32(np.exp(rng.uniform(-5.5, -2.5))) * cut(
            rng, kind, shape, rng.uniform(0, 1)
        )
    return np.maximum(light, np.float32(0.02))


def _seams(rng: Rng, shape: tuple[int, int]) -> Float:
    step = np.ones(shape, np.float32)
    strength = float(np.exp(rng.uniform(-5, -2.2)))
    for axis in (0, 1):
        for _ in range(int(rng.integers(0, 4))):
            at = int(rng.integers(5, shape[axis] - 5))
            lower: list[slice] = [slice(None), slice(None)]
            lower[axis] = slice(at, None)
            step[tuple(lower)] += np.float32(rng.normal(0, strength))
            if rng.random() < 0.5:
                lower[axis] = slice(at, at + 1)
                step[tuple(lower)] += np.float32(rng.normal(0, 2 * strength))
    return step


def whole_well(
    rng: Rng, shape: tuple[int, int]
) -> tuple[NDArray[np.bool_], Float, tuple[float, float], float]:
    """Draw the circle of a well that the frame shows as a whole or in part.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : tuple of int

    Returns
    -------
    outside : ndarray of bool
        Beyond the wall.
    wall : ndarray of float32
        Signal of the wall's lines.
    centre : tuple of float
        (y, x) in px.
    radius : float
        In px.
    """
    radius = float(rng.uniform(0.38, 0.52) if rng.random() < 0.7 else rng.uniform(0.5, 0.9))
    middle = rng.normal(0.5, 0.03 if radius < 0.52 else 0.2, 2)
    y, x = _axes(shape, *middle)
    depth = np.float32(radius) - np.sqrt(y * y + x * x)
    wall = _lines(rng, depth, float(rng.uniform(0.1, 1.2)), (0.002, 0.015), 5)
    if rng.random() < 0.4:  # the meniscus shades the well towards its wall
        wall += np.float32(rng.normal(0, 0.2)) * np.exp(
            -np.maximum(depth, 0) / np.float32(rng.uniform(0.02, 0.2))
        )
    centre = (float(middle[0]) * shape[0], float(middle[1]) * shape[1])
    return depth < 0, wall, centre, radius * max(shape)


def _lines(
    rng: Rng, depth: Float, strength: float, widths: tuple[float, float], most: int
) -> Float:
    """Lines along a wall (depth 0), each further in and often fainter than the last."""
    drawn = np.zeros_like(depth)
    at = 0.0
    for _ in range(int(rng.integers(1, most + 1))):
        width = float(np.exp(rng.uniform(*np.log(widths))))
        drawn += np.float32(rng.normal(0, strength)) * np.exp(-np.square((depth - at) / width))
        at += width * float(rng.uniform(1, 4))
        strength *= float(rng.uniform(0.5, 1.0))
    return drawn


def add_clutter(
    rng: Rng, signal: Float, fine: Float, amount: float, emitting: bool, strength: float
) -> None:
    """Add dust, fibres, bubbles and smudges to a signal, in place.

    Parameters
    ----------
    rng : numpy.random.Generator
    signal, fine : ndarray of float32
    amount : float
        Mean number of kinds in a frame.
    emitting : bool
    strength : float
        Typical signal of the bodies, that clutter rivals.
    """
    kinds = (_specks, _smudges, _fibre, _bubble, _arc, _scratches, _dust)
    chances = np.array([0.35, 0.25, 0.25, 0.07, 0.15, 0.06, 0.12]) * amount
    for kind, chance in zip(kinds, chances, strict=True):
        if rng.random() < chance:
            kind(rng, signal, fine, strength * (0.6 if emitting else 1.0))


def _patch(
    rng: Rng, signal: Float, reach: float, y: float | None = None, x: float | None = None
) -> tuple[tuple[slice, slice], Float, Float]:
    height, width = signal.shape
    y = float(rng.uniform(0, height)) if y is None else y
    x = float(rng.uniform(0, width)) if x is None else x
    box = (
        slice(max(0, int(y - reach)), min(height, int(y + reach) + 2)),
        slice(max(0, int(x - reach)), min(width, int(x + reach) + 2)),
    )
    dy = np.arange(box[0].start, box[0].stop, dtype=np.float32)[:, None] - np.float32(y)
    dx = np.arange(box[1].start, box[1].stop, dtype=np.float32)[None, :] - np.float32(x)
    return box, dy, dx


def _specks(rng: Rng, signal: Float, fine: Float, strength: float) -> None:
    sign = 1 if rng.random() < 0.7 else -1
    for _ in range(int(rng.integers(1, 14))):
        size = float(np.exp(rng.uniform(np.log(0.5), np.log(4))))
        box, dy, dx = _patch(rng, signal, 3 * size + 2)
        turn, long = rng.uniform(0, np.pi), np.exp(rng.uniform(0, 0.9))
        a = (dy * np.sin(turn) + dx * np.cos(turn)) / long
        b = (dx * np.sin(turn) - dy * np.cos(turn)) * long
        spot = ramp(np.float32(size) - np.sqrt(a * a + b * b), 0.8)
        signal[box] += np.float32(sign * strength * rng.uniform(0.2, 1.4)) * spot


def _dust(rng: Rng, signal: Float, fine: Float, strength: float) -> None:
    """Draw a few specks, or many far smaller than cells: beads in a gel, grain of a plate.

    Many specks as large as cells are cells, wherever they lie.
    """
    few = rng.random() < 0.5
    number = int(np.exp(rng.uniform(*np.log((4, 40) if few else (60, 600)))))
    points = np.zeros(signal.shape, np.float32)
    y, x = (rng.uniform((0, 0), signal.shape, (number, 2))).astype(int).T
    sign = -1.0 if rng.random() < 0.3 else 1.0
    points[y, x] = sign * np.exp(rng.normal(0, 0.5, number))
    sigma = float(np.exp(rng.uniform(*np.log((0.5, 4.0) if few else (0.4, 0.7)))))
    height = strength * np.exp(rng.uniform(*np.log((0.04, 0.7) if few else (0.03, 0.3))))
    signal += np.float32(height) * spots(points, sigma)


def add_moulds(rng: Rng, signal: Float, strength: float) -> tuple[NDArray[np.float64], float]:
    """Draw a regular pattern of small wells, as of agarose moulds or microwell plates, in place.

    Parameters
    ----------
    rng : numpy.random.Generator
    signal : ndarray of float32
    strength : float
        Signal of a body.

    Returns
    -------
    centres : ndarray of float64, shape (n, 2)
        (y, x) in px of the wells in the frame.
    radius : float
        Of a well (half its width), px.
    """
    depth, centres, radius = _lattice(rng, (signal.shape[0], signal.shape[1]))
    thin = max(0.6, 0.015 * radius)
    signal += _lines(rng, depth, 0.7 * strength, (thin, max(0.1 * radius, 1.5 * thin)), 3)
    if rng.random() < 0.5:  # the floor is darker or brighter than the ridges
        signal += np.float32(strength * rng.normal(0, 0.5)) * ramp(
            depth, max(0.8, radius * float(rng.uniform(0.02, 0.3)))
        )
    return centres, radius


def _lattice(rng: Rng, shape: tuple[int, int]) -> tuple[Float, NDArray[np.float64], float]:
    """Depth within the nearest of many like wells, the centres of those in the frame, radius."""
    side = max(shape)
    pitch = side * float(np.exp(rng.uniform(np.log(0.13), np.log(0.8))))
    radius = pitch * float(rng.uniform(0.36, 0.5))
    turn = float(rng.normal(0, 0.1))
    start = rng.uniform(0.3, 0.7, 2) * shape
    shift = 0.5 if rng.random() < 0.4 else 0.0  # of every other row: packed in hexagons
    square = rng.random() < 0.3
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    down = ((y - start[0]) * np.cos(turn) - (x - start[1]) * np.sin(turn)) / pitch
    across = ((y - start[0]) * np.sin(turn) + (x - start[1]) * np.cos(turn)) / pitch
    row = np.round(down)
    across = across - shift * (row % 2)
    v, u = down - row, across - np.round(across)
    away = np.maximum(np.abs(v), np.abs(u)) if square else np.hypot(v, u)
    depth = np.float32(radius) - np.float32(pitch) * away.astype(np.float32)
    reach = int(np.ceil(side / pitch)) + 1
    rows, columns = (a.ravel() for a in np.mgrid[-reach : reach + 1, -reach : reach + 1])
    b, a = rows * pitch, (columns + shift * (rows % 2)) * pitch
    centres = start + np.stack(
        [b * np.cos(turn) + a * np.sin(turn), a * np.cos(turn) - b * np.sin(turn)], 1
    )
    inside = (centres > -0.3 * radius) & (centres < np.array(shape) + 0.3 * radius)
    return depth, centres[inside.all(axis=1)], radius


def _smudges(rng: Rng, signal: Float, fine: Float, strength: float) -> None:
    side = max(signal.shape)
    for _ in range(int(rng.integers(1, 4))):
        size = side * float(np.exp(rng.uniform(np.log(0.01), np.log(0.14))))
        box, dy, dx = _patch(rng, signal, 3 * size)
        turn, long = rng.uniform(0, np.pi), np.exp(rng.uniform(0, 1.0))
        a = (dy * np.sin(turn) + dx * np.cos(turn)) / (size * long)
        b = (dx * np.sin(turn) - dy * np.cos(turn)) / size * long
        away = a * a + b * b
        spot = np.exp(-away)
        if rng.random() < 0.12:
            spot = np.exp(-np.square((np.sqrt(away) - 1) / rng.uniform(0.15, 0.5)))
        signal[box] += np.float32(strength * rng.normal(0, 0.3)) * spot


def _curve(rng: Rng, shape: tuple[int, ...], length: float) -> NDArray[np.float64]:
    """Draw a smooth random walk."""
    steps = max(8, int(length))
    turn = rng.uniform(-np.pi, np.pi) + np.cumsum(
        ndimage.gaussian_filter1d(rng.normal(0, rng.uniform(0.02, 0.5), steps), 4)
    )
    start = rng.uniform((0, 0), shape[:2])
    path: NDArray[np.float64] = start + np.cumsum(np.stack([np.sin(turn), np.cos(turn)], 1), 0)
    return path


def _fibre(rng: Rng, signal: Float, fine: Float, strength: float) -> None:
    side = max(signal.shape)
    for _ in range(int(rng.integers(1, 4))):
        picture = Image.new("F", (signal.shape[1], signal.shape[0]))
        path = _curve(rng, signal.shape, side * float(np.exp(rng.uniform(-2.5, 0.6))))
        width = max(1, round(float(np.exp(rng.uniform(0, np.log(0.05 * side))))))
        if rng.random() < 0.7:
            width = min(width, 3)
        ImageDraw.Draw(picture).line([(x, y) for y, x in path], fill=1.0, width=width)
        line = np.asarray(picture, np.float32)
        line = ndimage.gaussian_filter(line, float(rng.uniform(0.4, 0.35 * width + 1.0)))
        if rng.random() < 0.3:  # a bright middle, as a thread of glass has
            line -= np.float32(1.5) * np.square(line)
        signal += np.float32(strength * rng.normal(0.3, 0.5)) * line


def _bubble(rng: Rng, signal: Float, fine: Float, strength: float) -> None:
    side = max(signal.shape)
    for _ in range(int(rng.integers(1, 4))):
        radius = side * float(np.exp(rng.uniform(np.log(0.012), np.log(0.2))))
        box, dy, dx = _patch(rng, signal, 1.3 * radius + 3)
        away = np.sqrt(dy * dy + dx * dx)
        width = radius * float(rng.uniform(0.06, 0.35))
        rim = np.exp(-np.square((away - radius + width) / width))
        light = np.exp(-np.square(away / (radius * rng.uniform(0.2, 0.6))))
        ring = np.exp(-np.square((away - radius * 1.05) / max(1.0, 0.03 * radius)))
        signal[box] += np.float32(strength * rng.uniform(0.7, 2.0)) * (
            rim - np.float32(rng.uniform(0, 0.8)) * light - np.float32(0.3) * ring
        )


def _arc(rng: Rng, signal: Float, fine: Float, strength: float) -> None:
    """Part of a well's wall, or of a droplet's edge: a wide circle of one to three lines."""
    height, width = signal.shape
    side = max(height, width)
    radius = side * float(rng.uniform(0.4, 2.0))
    turn = rng.uniform(-np.pi, np.pi)
    off = radius + side * float(rng.uniform(-0.5, 0.1))
    y, x = height / 2 + off * np.sin(turn), width / 2 + off * np.cos(turn)
    dy = np.arange(height, dtype=np.float32)[:, None] - np.float32(y)
    dx = np.arange(width, dtype=np.float32)[None, :] - np.float32(x)
    depth = np.sqrt(dy * dy + dx * dx) - np.float32(radius)
    if rng.random() < 0.5:
        depth = -depth
    signal += _lines(rng, depth, 0.8 * strength, (0.002 * side, 0.04 * side), 3)
    if rng.random() < 0.5:  # dark or bright beyond
        signal += np.float32(strength * rng.normal(0, 1.0)) * ramp(
            depth, side * float(rng.uniform(0.004, 0.06))
        )
        fine *= 1 - np.float32(0.5) * ramp(depth, 2.0)


def _scratches(rng: Rng, signal: Float, fine: Float, strength: float) -> None:
    picture = Image.new("F", (signal.shape[1], signal.shape[0]))
    draw = ImageDraw.Draw(picture)
    turn = rng.uniform(-np.pi, np.pi)
    for _ in range(int(rng.integers(2, 20))):
        y, x = rng.uniform((0, 0), signal.shape)
        length = max(signal.shape) * float(rng.uniform(0.05, 0.7))
        way = turn + rng.normal(0, 0.1)
        draw.line((x, y, x + length * np.cos(way), y + length * np.sin(way)), fill=1.0)
    signal += np.float32(strength * rng.normal(0, 0.3)) * np.asarray(picture, np.float32)


def stamp_writing(rng: Rng, picture: Float, low: float, high: float) -> NDArray[np.bool_]:
    """Burn a scale bar, a time stamp or a label into a finished picture, in place.

    Parameters
    ----------
    rng : numpy.random.Generator
    picture : ndarray of float32
    low, high : float
        Black and white.

    Returns
    -------
    ndarray of bool
        Pixels that were written over.
    """
    height, width = picture.shape
    layer = Image.new("L", (width, height))
    draw = ImageDraw.Draw(layer)
    ground = Image.new("L", (width, height))
    for _ in range(int(rng.integers(1, 4))):
        y = int(rng.uniform(0.84, 0.97) * height if rng.random() < 0.7 else 0.02 * height)
        x = int(rng.uniform(0.02, 0.75) * width)
        long = int(rng.uniform(0.06, 0.25) * width)
        thick = int(rng.integers(1, max(2, height // 50) + 1))
        kind = rng.random()
        if kind < 0.5:
            draw.rectangle((x, y, x + long, y + thick), fill=255)
        if kind > 0.35:
            text = "".join(rng.choice(list("0123456789 umhd:.ABCx"), int(rng.integers(3, 14))))
            draw.text((x, y - int(rng.integers(0, 14))), text, fill=255)
        if kind > 0.85:
            ImageDraw.Draw(ground).rectangle((x - 3, y - 14, x + long + 10, y + 12), fill=255)
    written = np.asarray(layer) > 127
    white = rng.random() < 0.6
    boxed = np.asarray(ground) > 127
    picture[boxed] = low if white else high
    picture[written] = high if white else low
    return written | boxed
