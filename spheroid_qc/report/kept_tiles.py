"""Pictures of the film strips kept in the run folder, so that only wells that changed are drawn.

A new time point changes one picture of a strip, not all of them. Each is kept under the digest of
everything that it shows: the image's and the mask's content, the cut, the settings, and the code
and libraries that draw it. What is kept is what a fresh run draws, to the last byte.
"""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spheroid_qc import __version__
from spheroid_qc.atomic import atomic_path
from spheroid_qc.storage import read_arrays

_FORM = 1
"""To be raised when pictures or outlines are drawn otherwise: all are made anew then."""

_LEVELS = 65534
"""Grey levels of a picture, as many as of a camera; 0 is nothing (beyond the frame)."""

_MOST_BYTES = 50_000_000
"""Bytes of a well's pictures: 25 kB each, and a page has at most some thousands of them all."""


@dataclass(frozen=True)
class Tile:
    """One picture of a strip: grey levels and outlines.

    Parameters
    ----------
    levels : ndarray of uint16, shape (px, px)
        0 where there is nothing; else `low` + (level - 1) * `step` is the grey value.
    low, step : float
        Grey value of level 1, and of one level.
    core, shed : str
        Outlines as SVG paths.
    um_per_px : float or None
        Length of a pixel.
    """

    levels: NDArray[np.uint16]
    low: float
    step: float
    core: str
    shed: str
    um_per_px: float | None

    @property
    def pixels(self) -> NDArray[np.float64]:
        """Grey values; NaN where there is nothing."""
        grey = self.low + (self.levels.astype(np.float64) - 1.0) * self.step
        grey[self.levels == 0] = np.nan
        return grey


def make_tile(pixels: NDArray[np.float64], core: str, shed: str, um_per_px: float | None) -> Tile:
    """Make a tile of grey values (px, px); NaN is nothing."""
    known = np.isfinite(pixels)
    low = float(pixels[known].min()) if known.any() else 0.0
    high = float(pixels[known].max()) if known.any() else 0.0
    step = (high - low) / (_LEVELS - 1) if high > low else 1.0
    levels = np.zeros(pixels.shape, np.uint16)
    levels[known] = np.round((pixels[known] - low) / step).astype(np.uint16) + 1
    return Tile(levels, low, step, core, shed, um_per_px)


@cache
def _drawn_with() -> tuple[str, ...]:
    libraries = ("numpy", "pillow", "scikit-image", "tifffile", "imagecodecs")
    return (str(_FORM), __version__, *(version(name) for name in libraries))


def tile_key(*shown: Any) -> str:
    """Digest of everything that a tile shows; what is given must have a JSON form."""
    content = json.dumps([*_drawn_with(), *shown], ensure_ascii=True)
    return blake2b(content.encode(), digest_size=16).hexdigest()


def read_tiles(path: Path, px: int) -> dict[str, Tile]:
    """Read the tiles of a well by key, `px` wide and high.

    There are none where there is no such file, or it is damaged or not of our making.
    """
    found: dict[str, Tile] = {}
    try:
        arrays = read_arrays(path, _MOST_BYTES)
        about = json.loads(arrays.pop("about").tobytes())
        for key, levels in arrays.items():
            *numbers, um_per_px, core, shed = about[key]
            low, step, um = (float(n) for n in (*numbers, 1.0 if um_per_px is None else um_per_px))
            whole = levels.dtype == np.uint16 and levels.shape == (px, px)
            plain = all(_OUTLINE.fullmatch(text) for text in (core, shed))
            if not (whole and plain and np.isfinite((low, step, um)).all()):
                return {}
            found[key] = Tile(levels, low, step, core, shed, None if um_per_px is None else um)
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return {}
    return found


_OUTLINE = re.compile(r"[Mlz\d -]*")
"""What `film_strips.outline_paths` writes; nothing else gets from a file into a page."""


def write_tiles(path: Path, tiles: dict[str, Tile]) -> None:
    """Keep the tiles of a well by key, and no others; `OSError` if they can't be written."""
    about = {
        key: [one.low, one.step, one.um_per_px, one.core, one.shed] for key, one in tiles.items()
    }
    words = np.frombuffer(json.dumps(about).encode(), np.uint8)
    stream = io.BytesIO()
    arrays = {key: one.levels for key, one in sorted(tiles.items())}
    np.savez_compressed(stream, about=words, **arrays)  # type: ignore[arg-type]
    with atomic_path(path) as temporary:
        temporary.write_bytes(stream.getvalue())
