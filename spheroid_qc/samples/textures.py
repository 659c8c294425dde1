"""Periodic texture tiles: the grain inside spheroids and carpets of cells.

A tile is made once a process for each grain size, from a seed of its own, and is then read with
an offset: that gives every spheroid an interior that stays its own over time at no cost.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

TILE = 512


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
def grain_tile(cell_px: float) -> NDArray[np.float32]:
    """Return the granular interior of a packed body.

    Parameters
    ----------
    cell_px : float
        Cell diameter, px.

    Returns
    -------
    ndarray of float32, shape (TILE, TILE)
        Mean 0, SD 1, periodic; high values are dense. Bright cell bodies in dark seams, with
        finer grain over them and slow clouds beneath.
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
def carpet_tile(cell_px: float) -> NDArray[np.float32]:
    """Return a carpet of loose cells seen through each other.

    Parameters
    ----------
    cell_px : float
        Cell diameter, px.

    Returns
    -------
    ndarray of float32, shape (TILE, TILE)
        Values from about -1.8 to 3.8 with mean 1: the density relative to the mean.
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
def slow_tile() -> NDArray[np.float32]:
    """Return slow variations, periods from about 50 px: mean 0, SD 1, shape (TILE, TILE)."""
    return _normalised(_band(1.0, 50.0, 200.0, 31))


def read_tile(
    tile: NDArray[np.float32], y0: int, x0: int, height: int, width: int
) -> NDArray[np.float32]:
    """Return a window of the endlessly repeated tile.

    Parameters
    ----------
    tile : ndarray, shape (TILE, TILE)
        A periodic tile.
    y0, x0 : int
        Corner of the window, any integers.
    height, width : int
        Size of the window.

    Returns
    -------
    ndarray, shape (height, width)
    """
    rows = np.arange(y0, y0 + height) % TILE
    columns = np.arange(x0, x0 + width) % TILE
    window: NDArray[np.float32] = tile[rows[:, None], columns[None, :]]
    return window
