"""What lies in a frame and is neither core nor shed: dust and fibres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

FloatImage = NDArray[np.float32]


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


def _patch(image: FloatImage, y: float, x: float, reach: float) -> tuple[slice, slice]:
    y0, x0 = max(0, int(y - reach)), max(0, int(x - reach))
    return slice(y0, max(y0, int(y + reach) + 1)), slice(x0, max(x0, int(x + reach) + 1))


@dataclass(frozen=True, slots=True)
class Dust:
    """A speck, sharp or (large `blur`) an out-of-focus smudge somewhere in the light path.

    Parameters
    ----------
    y, x, radius : float
        Place and size, px.
    blur : float
        Width of its edge, px.
    strength : float
        Light it takes, as a share; negative for a bright one.
    """

    y: float
    x: float
    radius: float
    blur: float = 1.5
    strength: float = 0.3

    def shade(self, light: FloatImage) -> None:
        """Take light behind the speck."""
        here = _patch(light, self.y, self.x, self.radius + 3.0 * self.blur + 2.0)
        piece = light[here]
        if piece.size:
            away = _grid(piece.shape, self.y - here[0].start, self.x - here[1].start)
            edge = np.clip((away - np.float32(self.radius)) / np.float32(self.blur), -20.0, 20.0)
            piece *= 1.0 - np.float32(self.strength) / (1.0 + np.exp(2.0 * edge))


@dataclass(frozen=True, slots=True)
class Fibre:
    """A hair or fibre across the frame.

    Parameters
    ----------
    points : tuple of (float, float)
        Places (y, x) it runs through, px.
    width : float
        Thickness, px.
    blur : float
        Softness of its edges, px.
    strength : float
        Light it takes, as a share.
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
