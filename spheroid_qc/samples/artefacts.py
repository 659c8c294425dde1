"""What lies in a frame and is neither core nor shed: walls, dust, fibres, bubbles, labels.

Every extra acts twice: `shade` weakens or strengthens the light before the camera, in place;
`stamp` overwrites the finished picture, as burned-in labels and black surrounds do.
"""

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

    def stamp(self, picture: FloatImage) -> None:
        """Change the recorded picture (0 to 1), in place."""


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
class WellWall:
    """The circular edge of a well; beyond it light falls off, or the frame is black.

    Parameters
    ----------
    y, x, radius : float
        Circle, px.
    width : float
        Width of the wall's bright and dark lines, px.
    strength : float
        Contrast of the lines.
    beyond : float
        Light outside of the wall as a share of that inside.
    black : bool
        Burned-in black surround, as whole-well exports have it.
    """

    y: float
    x: float
    radius: float
    width: float = 6.0
    strength: float = 0.5
    beyond: float = 0.35
    black: bool = False

    def shade(self, light: FloatImage) -> None:
        """Draw the lines of the wall and darken what lies behind it."""
        out = (_grid(light.shape, self.y, self.x) - np.float32(self.radius)) / np.float32(
            self.width
        )
        lines = np.exp(-((out + 1.2) ** 2)) - 1.6 * np.exp(-(out**2)) + np.exp(-((out - 1.3) ** 2))
        light *= 1.0 + np.float32(self.strength) * lines
        light *= 1.0 - np.float32(1.0 - self.beyond) * np.clip(out / 3.0, 0.0, 1.0)

    def stamp(self, picture: FloatImage) -> None:
        """Blacken the surround where the export does so."""
        if self.black:
            out = _grid(picture.shape, self.y, self.x) - np.float32(self.radius + 5 * self.width)
            picture *= np.clip(1.0 - out / np.float32(6.0 * self.width), 0.0, 1.0)


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

    def stamp(self, picture: FloatImage) -> None:
        """Leave the finished picture as it is."""


@dataclass(frozen=True, slots=True)
class Bubble:
    """An air bubble: thick black ring, bright middle.

    Parameters
    ----------
    y, x, radius : float
        Outer circle, px.
    strength : float
        Light its ring takes, as a share.
    """

    y: float
    x: float
    radius: float
    strength: float = 0.85

    def shade(self, light: FloatImage) -> None:
        """Draw ring and middle."""
        here = _patch(light, self.y, self.x, self.radius * 1.2 + 2.0)
        piece = light[here]
        if piece.size:
            q = _grid(piece.shape, self.y - here[0].start, self.x - here[1].start) / np.float32(
                self.radius
            )
            ring = 1.0 / (1.0 + np.exp((np.abs(q - 0.84) - 0.13) / 0.02))
            middle = np.exp(-((q / 0.4) ** 2))
            piece *= 1.0 - np.float32(self.strength) * ring + 0.25 * middle

    def stamp(self, picture: FloatImage) -> None:
        """Leave the finished picture as it is."""


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

    def stamp(self, picture: FloatImage) -> None:
        """Leave the finished picture as it is."""


# Five columns by seven rows, one number a row, highest bit on the left.
_GLYPHS = {
    "0": (14, 17, 19, 21, 25, 17, 14),
    "1": (4, 12, 4, 4, 4, 4, 14),
    "2": (14, 17, 1, 2, 4, 8, 31),
    "3": (31, 2, 4, 2, 1, 17, 14),
    "4": (2, 6, 10, 18, 31, 2, 2),
    "5": (31, 16, 30, 1, 1, 17, 14),
    "6": (6, 8, 16, 30, 17, 17, 14),
    "7": (31, 1, 2, 4, 8, 8, 8),
    "8": (14, 17, 17, 14, 17, 17, 14),
    "9": (14, 17, 17, 15, 1, 2, 12),
    "d": (1, 1, 13, 19, 17, 19, 13),
    "h": (16, 16, 22, 25, 17, 17, 17),
    "m": (0, 0, 26, 21, 21, 21, 21),
    "u": (0, 0, 17, 17, 17, 19, 13),
    ".": (0, 0, 0, 0, 0, 12, 12),
    " ": (0, 0, 0, 0, 0, 0, 0),
}


def _text(words: str, scale: int) -> NDArray[np.bool_]:
    """Bitmap of a short label."""
    columns: list[NDArray[np.bool_]] = []
    for letter in words:
        rows = np.asarray(_GLYPHS.get(letter, _GLYPHS[" "]))[:, None]
        columns += [(rows >> np.arange(4, -1, -1)[None, :]) & 1 > 0, np.zeros((7, 1), dtype=bool)]
    small = np.hstack(columns) if columns else np.zeros((7, 1), dtype=bool)
    return np.repeat(np.repeat(small, scale, axis=0), scale, axis=1)


def _paste(picture: FloatImage, mask: NDArray[np.bool_], y: int, x: int, value: float) -> None:
    y0, x0 = max(0, y), max(0, x)
    y1 = min(picture.shape[0], y + mask.shape[0])
    x1 = min(picture.shape[1], x + mask.shape[1])
    if y1 > y0 and x1 > x0:
        picture[y0:y1, x0:x1][mask[y0 - y : y1 - y, x0 - x : x1 - x]] = value


@dataclass(frozen=True, slots=True)
class ScaleBar:
    """A burned-in scale bar with its label above.

    Parameters
    ----------
    y, x : int
        Left end of the bar, px.
    length : int
        Length, px.
    label : str
        Digits and the letters of `um`.
    value : float
        Grey, 0 to 1.
    thickness : int
        Height of the bar, px.
    """

    y: int
    x: int
    length: int
    label: str = ""
    value: float = 1.0
    thickness: int = 4

    def shade(self, light: FloatImage) -> None:
        """Leave the light as it is."""

    def stamp(self, picture: FloatImage) -> None:
        """Burn bar and label in."""
        bar = np.ones((self.thickness, self.length), dtype=bool)
        _paste(picture, bar, self.y, self.x, self.value)
        words = _text(self.label, 2)
        left = self.x + (self.length - words.shape[1]) // 2
        _paste(picture, words, self.y - words.shape[0] - 4, left, self.value)


@dataclass(frozen=True, slots=True)
class TimeStamp:
    """A burned-in time such as `2d 6h 0m`.

    Parameters
    ----------
    y, x : int
        Upper left corner, px.
    label : str
        Digits, spaces and the letters d, h, m.
    value : float
        Grey, 0 to 1.
    """

    y: int
    x: int
    label: str
    value: float = 1.0

    def shade(self, light: FloatImage) -> None:
        """Leave the light as it is."""

    def stamp(self, picture: FloatImage) -> None:
        """Burn the words in."""
        _paste(picture, _text(self.label, 2), self.y, self.x, self.value)
