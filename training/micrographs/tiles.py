"""Textures that repeat without a seam: drawn once, then cut at random places.

A training image takes a few milliseconds only if its noise is not made anew. The tiles hold what
micrographs are made of: clouds, grains of one size, packed cells, cobblestones, fibres and folds.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage, spatial

Float = NDArray[np.float32]
Rng = np.random.Generator

_SIDE = 640
"""Side of a tile, px; larger than any frame that is drawn."""

GRAIN_SIZES = (1.6, 2.4, 3.5, 5.0, 7.5, 11.0, 16.0)
"""Typical distance from grain to grain, px."""

KINDS = ("grain", "cells", "cobbles", "cloud", "fibres", "folds")


def _standard(values: NDArray[np.float64]) -> Float:
    values = values - values.mean()
    result: Float = (values / (values.std() + 1e-9)).astype(np.float32)
    return result


def _frequency() -> NDArray[np.float64]:
    f = np.fft.fftfreq(_SIDE)
    size: NDArray[np.float64] = np.hypot(f[:, None], f[None, :])
    return size


def _filtered(rng: Rng, response: NDArray[np.float64]) -> Float:
    spectrum = fft.fft2(rng.standard_normal((_SIDE, _SIDE)))
    return _standard(fft.ifft2(spectrum * response).real)


def _grain(rng: Rng, size: float) -> Float:
    f = _frequency()
    return _filtered(rng, np.exp(-0.5 * ((f - 1 / size) / (0.45 / size)) ** 2))


def _cloud(rng: Rng, slope: float) -> Float:
    f = _frequency()
    f[0, 0] = 1
    response = f**-slope
    response[0, 0] = 0
    return _filtered(rng, response)


def _points(rng: Rng, size: float) -> NDArray[np.float64]:
    """Places about `size` apart, in no order but never on top of each other."""
    number = max(3, round(_SIDE / size))
    grid = (np.arange(number) + 0.5) * _SIDE / number
    y, x = np.meshgrid(grid, grid, indexing="ij")
    jitter = rng.uniform(-0.45, 0.45, (2, number, number)) * _SIDE / number
    shift = (np.arange(number) % 2)[:, None] * 0.5 * _SIDE / number
    return np.stack([y + jitter[0], x + jitter[1] + shift], -1).reshape(-1, 2) % _SIDE


def _cells(rng: Rng, size: float) -> Float:
    """Packed round cells, each with a bright middle and a dark ring of its own strength."""
    where = _points(rng, size)
    kept = where[rng.random(len(where)) < rng.uniform(0.6, 1.0)].astype(int) % _SIDE
    impulses = np.zeros((_SIDE, _SIDE))
    np.add.at(impulses, (kept[:, 0], kept[:, 1]), rng.gamma(2.0, 0.5, len(kept)))
    inner, outer = 0.22 * size, 0.42 * size
    middle = ndimage.gaussian_filter(impulses, inner, mode="wrap") * inner**2
    ring = ndimage.gaussian_filter(impulses, outer, mode="wrap") * outer**2
    return _standard(middle - rng.uniform(0.6, 1.1) * ring)


def _cobbles(rng: Rng, size: float) -> Float:
    """Distance to the seam between neighbouring cells: bright stones, dark joints."""
    tree = spatial.cKDTree(_points(rng, size), boxsize=np.full(2, float(_SIDE)))
    y, x = np.mgrid[:_SIDE, :_SIDE]
    near = np.asarray(tree.query(np.stack([y.ravel(), x.ravel()], 1), 2)[0])
    joint = (near[:, 1] - near[:, 0]).reshape(_SIDE, _SIDE) / size
    return _standard(np.minimum(joint, rng.uniform(0.2, 0.5)))


def _fibres(rng: Rng, size: float) -> Float:
    total = np.zeros((_SIDE, _SIDE))
    fy, fx = np.meshgrid(np.fft.fftfreq(_SIDE), np.fft.fftfreq(_SIDE), indexing="ij")
    for _ in range(rng.integers(1, 4)):
        angle = rng.uniform(0, np.pi)
        along = fy * np.sin(angle) + fx * np.cos(angle)
        across = -fy * np.cos(angle) + fx * np.sin(angle)
        near = np.exp(-0.5 * (along * size * 6) ** 2)
        total += _filtered(rng, near * np.exp(-0.5 * ((np.abs(across) - 1 / size) * size * 2) ** 2))
    return _standard(total)


def _folds(rng: Rng, size: float) -> Float:
    """Thin dark creases on an even ground."""
    ridge = np.abs(_grain(rng, 4 * size).astype(np.float64))
    return _standard(-np.exp(-ridge / 0.25))


@lru_cache(maxsize=1)
def tile_bank(seed: int = 0) -> dict[str, list[Float]]:
    """All tiles, from fine to coarse within each kind.

    Parameters
    ----------
    seed : int

    Returns
    -------
    dict of str to list of ndarray of float32
        Mean 0, standard deviation 1.
    """
    rng = np.random.default_rng(seed)
    makers = {
        "grain": _grain,
        "cells": _cells,
        "cobbles": _cobbles,
        "fibres": _fibres,
        "folds": _folds,
    }
    bank = {name: [make(rng, size) for size in GRAIN_SIZES] for name, make in makers.items()}
    bank["cloud"] = [_cloud(rng, slope) for slope in (1.0, 1.4, 1.8, 2.2, 2.7)]
    return bank


def cut(rng: Rng, kind: str, shape: tuple[int, int], coarse: float) -> Float:
    """Cut a piece from a tile, turned and mirrored at random.

    Parameters
    ----------
    rng : numpy.random.Generator
    kind : str
        One of `KINDS`.
    shape : tuple of int
        Of the piece; below 640 each way.
    coarse : float
        From 0, the finest tile of the kind, to 1.

    Returns
    -------
    ndarray of float32, shape `shape`
    """
    tiles = tile_bank()[kind]
    tile = tiles[min(int(coarse * len(tiles)), len(tiles) - 1)]
    if rng.random() < 0.5:
        tile = tile.T
    tile = tile[:: rng.choice((1, -1)), :: rng.choice((1, -1))]
    y, x = (int(rng.integers(0, _SIDE - n + 1)) for n in shape)
    return tile[y : y + shape[0], x : x + shape[1]]
