"""The layers that optics turn into a picture: bodies, rims, grain, veil, cells.

Layers are only made inside the window that holds something; the rest of a frame is light. The grain
inside bodies and the carpets of cells are periodic tiles, made once a process for each grain size
from a seed of their own and read with an offset: every spheroid keeps its interior over time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.samples.exact_masks import (
    PAD,
    Window,
    box_of_outline,
    cell_pixels,
    depth_of,
    window_of,
)
from spheroid_qc.samples.spheroid_scene import Body, Scene, Veil

TILE = 512  # side of the periodic tiles, px
_LUT = 512  # entries of a cell's radial profile from its centre to CELL_REACH radii
CELL_REACH = 1.5


@dataclass(frozen=True, slots=True, eq=False)
class Layers:
    """What light meets, in a window of the frame; each float32, shape of the window.

    Parameters
    ----------
    window : tuple of slice
        Rows and columns of the frame.
    body : ndarray
        Optical density of the bodies without rim and grain.
    cover : ndarray
        0 outside, 1 inside bodies, soft across the edge.
    rim : ndarray
        Optical density of the rims.
    fringe : ndarray
        Optical density that is missing in the bright line just outside of a rim.
    grain : ndarray
        Optical density of the granular interior, mean about 0.
    veil : ndarray
        Optical density of the carpet of cells.
    cells : ndarray
        Optical density of loose cells; negative where they focus light.
    mass : ndarray
        Loose cells and veil as plain matter, 0 to about 1: what fluoresces or scatters.
    """

    window: Window
    body: NDArray[np.float32]
    cover: NDArray[np.float32]
    rim: NDArray[np.float32]
    fringe: NDArray[np.float32]
    grain: NDArray[np.float32]
    veil: NDArray[np.float32]
    cells: NDArray[np.float32]
    mass: NDArray[np.float32]


def _step(depth: NDArray[np.float32], width: float) -> NDArray[np.float32]:
    """Rise from 0 to 1 across an edge: one half at depth 0, done at about `width` on both sides."""
    ramp = np.clip(depth * np.float32(0.5 / max(width, 0.25)) + np.float32(0.5), 0.0, 1.0)
    result: NDArray[np.float32] = ramp * ramp * (3.0 - 2.0 * ramp)
    return result


@lru_cache(maxsize=1)
def _profiles() -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Radial profiles of a live cell, a dead cell and plain matter, centre to CELL_REACH radii.

    The dark ring falls to one half at the radius itself: there the mask ends.
    """
    q = np.linspace(0.0, CELL_REACH, _LUT)
    width = 0.2
    ring = np.exp(-np.log(2.0) * ((q - (1.0 - width)) / width) ** 2)
    halo = np.exp(-(((q - 1.27) / 0.13) ** 2))
    live = ring - 0.85 * np.exp(-((q / 0.42) ** 2)) - 0.3 * halo
    dead = 1.0 / (1.0 + np.exp((q - 1.0) / 0.08)) - 0.35 * halo
    mass = 1.0 / (1.0 + np.exp((q - 0.95) / 0.07))
    return live.astype(np.float32), dead.astype(np.float32), mass.astype(np.float32)


def _inside(layers: Layers, window: Window) -> Window:
    """Return the same window, counted from the corner of the layers."""
    oy, ox = layers.window[0].start, layers.window[1].start
    rows, columns = window
    return slice(rows.start - oy, rows.stop - oy), slice(columns.start - ox, columns.stop - ox)


def _add_body(layers: Layers, body: Body, scene: Scene) -> None:
    window = box_of_outline(body.outline, scene.shape)
    if window is None:
        return
    here, (rows, columns) = _inside(layers, window), window
    depth, share = depth_of(body.outline, window)
    cover = _step(depth, body.softness)
    height = np.sqrt(np.clip(1.0 - share * share, 0.0, 1.0))
    corner = (
        rows.start - round(body.outline.y) + body.texture[0],
        columns.start - round(body.outline.x) + body.texture[1],
    )
    grain = _read_tile(_grain_tile(scene.cell_px), *corner, *depth.shape)
    dense = body.opacity * height**0.8
    if body.necrosis > 0:
        dense += body.opacity * body.necrosis * np.exp(-((share / 0.45) ** 4))
    # The rim's outer flank is at one half where depth is 0: there the core mask ends.
    # Light is bent away most at the very edge: the outer flank is the steep one.
    outer, inner = np.float32(0.25 * body.rim_px), np.float32(0.55 * body.rim_px)
    inset = depth - outer
    line = np.exp(-np.log(2.0, dtype=np.float32) * (inset / np.where(inset < 0, outer, inner)) ** 2)
    # Rims are thicker here and thinner there: the slow part of the grain says where.
    slow = _read_tile(_slow_tile(), *corner, *depth.shape)
    rim = body.rim * line * (1.0 + 0.12 * grain + 0.3 * slow)
    beyond = (depth + np.float32(0.85 * body.rim_px)) / np.float32(0.6 * body.rim_px)
    fringe = body.fringe * (1.0 + 0.45 * slow) * np.exp(-(beyond**2))
    # Pieces in front of each other: the denser one is seen, the edge of a hidden one is not.
    hidden = layers.cover[here]
    layers.fringe[here] = np.maximum(layers.fringe[here] * (1.0 - cover), fringe * (1.0 - hidden))
    layers.rim[here] = np.maximum(
        layers.rim[here] * (1.0 - 0.7 * cover), rim * (1.0 - 0.7 * hidden)
    )
    layers.grain[here] = np.where(cover > hidden, body.grain * grain * cover, layers.grain[here])
    layers.body[here] = np.maximum(layers.body[here], dense * cover)
    layers.cover[here] = np.maximum(hidden, cover)


def rasterise(scene: Scene, pad: float = PAD) -> Layers | None:
    """Return the layers of a scene, or None where nothing lies in the frame.

    `pad` is room around everything, px: how far blur and halos reach.
    """
    window = window_of(scene, pad)
    if window is None:
        return None
    size = (window[0].stop - window[0].start, window[1].stop - window[1].start)
    layers = Layers(window, *(np.zeros(size, dtype=np.float32) for _ in range(8)))
    for body in scene.bodies:
        _add_body(layers, body, scene)
    if scene.veil is not None:
        _add_veil(layers, scene.veil, scene)
    if len(scene.cells):
        _add_cells(layers, scene)
    return layers


def _add_veil(layers: Layers, veil: Veil, scene: Scene) -> None:
    window = box_of_outline(veil.outline, scene.shape)
    if window is None:
        return
    here = _inside(layers, window)
    depth, _ = depth_of(veil.outline, window)
    carpet = _read_tile(
        _carpet_tile(scene.cell_px),
        window[0].start - round(veil.outline.y) + veil.texture[0],
        window[1].start - round(veil.outline.x) + veil.texture[1],
        *depth.shape,
    )
    cover = _step(depth, veil.softness) * (1.0 - layers.cover[here])
    layers.veil[here] = veil.density * carpet * cover
    layers.mass[here] = 0.6 * np.clip(carpet - 0.4, 0.0, 2.0) * cover


def _add_cells(layers: Layers, scene: Scene) -> None:
    shape = (layers.cells.shape[0], layers.cells.shape[1])
    cells = scene.cells
    local = cells.moved(-layers.window[0].start, -layers.window[1].start)
    pixel, cell, distance = cell_pixels(local, shape, CELL_REACH)
    place = (distance * ((_LUT - 1) / CELL_REACH)).astype(np.intp)
    live, dead, mass = _profiles()
    death = cells.death[cell]
    value = cells.density[cell] * ((1.0 - death) * live[place] + death * dead[place])
    n = shape[0] * shape[1]
    pattern = np.bincount(pixel, weights=value, minlength=n).reshape(shape)
    matter = np.bincount(pixel, weights=mass[place], minlength=n).reshape(shape)
    # What lies over a dense body can hardly be seen; and light that passes several cells is
    # scattered less by each further one: cells over cells, and over a veil, add up ever slower.
    seen = 1.0 - 0.8 * layers.cover
    both = pattern.astype(np.float32) + layers.veil
    both = 0.35 * np.log1p(np.maximum(both, 0.0) / 0.35) + np.clip(both, -0.4, 0.0)
    layers.cells[:] = (both - layers.veil) * seen
    layers.mass[:] = np.maximum(layers.mass, np.minimum(matter, 1.2) * seen)


def _normalised(tile: NDArray[np.float64]) -> NDArray[np.float32]:
    tile = tile - tile.mean()
    result: NDArray[np.float32] = np.clip(tile / tile.std(), -3.0, 3.0).astype(np.float32)
    result.setflags(write=False)
    return result


def _nearest_cells(
    cell_px: float, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
    """Distances of all pixels of a tile to the two nearest of jittered cell centres, in cells."""
    from scipy.spatial import KDTree

    rng = np.random.default_rng(seed)
    n = max(4, round(TILE / cell_px))
    step = TILE / n
    grid = (np.arange(n) + 0.5) * step
    centres = np.stack(np.meshgrid(grid, grid, indexing="ij"), axis=-1).reshape(-1, 2)
    centres = (centres + rng.uniform(-0.45, 0.45, centres.shape) * step) % TILE
    pixels = np.stack(np.meshgrid(np.arange(TILE), np.arange(TILE), indexing="ij"), axis=-1)
    tree = KDTree(centres, boxsize=np.full(2, float(TILE)))
    found = tree.query(pixels.reshape(-1, 2).astype(np.float64), k=2)
    distance, index = np.asarray(found[0]), np.asarray(found[1])
    first = distance[:, 0].reshape(TILE, TILE) / step
    second = distance[:, 1].reshape(TILE, TILE) / step
    return first, second, index[:, 0].reshape(TILE, TILE)


def _band(cell_px: float, low: float, high: float, seed: int) -> NDArray[np.float64]:
    """Noise with periods between `low` and `high` cells, periodic, SD 1."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(TILE)[:, None], np.fft.rfftfreq(TILE)[None, :])
    periods = cell_px * frequency
    gain = np.exp(-((periods * low) ** 2)) * (1.0 - np.exp(-((periods * high) ** 2)))
    noise = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((TILE, TILE))) * gain, (TILE, TILE))
    result: NDArray[np.float64] = noise / noise.std()
    return result


@lru_cache(maxsize=16)
def _grain_tile(cell_px: float) -> NDArray[np.float32]:
    """Return the granular interior of a packed body: bright cell bodies in dark seams.

    Shape (TILE, TILE), periodic, mean 0, SD 1; high values are dense. Finer grain lies over the
    cells and slow clouds beneath.
    """
    cell_px = max(cell_px, 2.0)
    first, second, _ = _nearest_cells(cell_px, 11)
    seams = np.exp(-(((second - first) / 0.22) ** 2)) - 0.5 * np.exp(-((first / 0.28) ** 2))
    tile = (
        seams / seams.std()
        + 1.1 * _band(cell_px, 0.45, 1.4, 12)
        + 0.7 * _band(cell_px, 2.0, 9.0, 13)
    )
    return _normalised(tile)


@lru_cache(maxsize=16)
def _carpet_tile(cell_px: float) -> NDArray[np.float32]:
    """Return a carpet of loose cells seen through each other: density relative to its mean.

    Shape (TILE, TILE), periodic, from about -1.8 to 3.8 with mean 1.
    """
    cell_px = max(cell_px, 2.0)
    rng = np.random.default_rng(21)
    total = np.zeros((TILE, TILE))
    for layer, size in enumerate((0.95, 1.25)):
        first, _, index = _nearest_cells(cell_px * size, 22 + layer)
        strength = rng.choice(
            np.array([0.1, 0.5, 1.0, 1.5]), size=int(index.max()) + 1, p=[0.2, 0.3, 0.35, 0.15]
        )[index]
        ring = np.exp(-(((first - 0.36) / 0.13) ** 2)) - 0.9 * np.exp(-((first / 0.2) ** 2))
        total += strength * ring
    total = total / total.std() + 0.5 * _band(cell_px, 0.7, 5.0, 25)
    tile = _normalised(total)
    result: NDArray[np.float32] = 1.0 + 0.95 * tile
    result.setflags(write=False)
    return result


@lru_cache(maxsize=1)
def _slow_tile() -> NDArray[np.float32]:
    """Return slow variations, periods from about 50 px: mean 0, SD 1, shape (TILE, TILE)."""
    return _normalised(_band(1.0, 50.0, 200.0, 31))


def _read_tile(
    tile: NDArray[np.float32], y0: int, x0: int, height: int, width: int
) -> NDArray[np.float32]:
    """Return a window of the endlessly repeated periodic tile; its corner may be any integers."""
    rows = np.arange(y0, y0 + height) % TILE
    columns = np.arange(x0, x0 + width) % TILE
    window: NDArray[np.float32] = tile[rows[:, None], columns[None, :]]
    return window
