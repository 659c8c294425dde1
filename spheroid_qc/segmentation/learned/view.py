"""What the network saw of a frame: where, with how many pixels, and what it said."""

from __future__ import annotations

from dataclasses import dataclass

from spheroid_qc.segmentation.array_types import Float


@dataclass(frozen=True)
class Region:
    """Part of a frame, in its pixels, and the `shape` in pixels that the network sees it with."""

    top: int
    left: int
    height: int
    width: int
    shape: tuple[int, int]

    @property
    def scale(self) -> tuple[float, float]:
        """Pixels of the frame for one of the network's, down and across."""
        return self.height / self.shape[0], self.width / self.shape[1]


@dataclass(frozen=True, eq=False)
class View:
    """The network's maps of a region, (4, y, x), and the mean intensity that it saw, (y, x).

    `adapted` is how much an adapter counted in them, from 0 to 1.
    """

    region: Region
    maps: Float
    pooled: Float
    adapted: float = 0.0
