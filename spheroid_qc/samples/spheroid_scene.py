"""What lies in a synthetic well, as geometry: bodies, veil, loose cells.

A scene knows shapes, positions and how much light each thing takes, nothing about microscopes
or drugs. Everything is in pixels of the frame, so that the same scene can be rasterised into
exact masks (`raster`) and rendered by any kind of optics (`optics`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

import numpy as np
from numpy.typing import NDArray

# (waves around the contour, amplitude as a share of the radius, phase in radians)
Lobes = tuple[tuple[int, float, float], ...]

ANGLES = 1024


@dataclass(frozen=True, slots=True)
class Outline:
    """A closed contour around a centre: radius as a sum of waves over the angle.

    Parameters
    ----------
    y, x : float
        Centre, px.
    radius : float
        Mean radius, px.
    lobes : tuple of (int, float, float)
        Waves around the contour; the sum of amplitudes has to stay below 1.
    """

    y: float
    x: float
    radius: float
    lobes: Lobes = ()

    @classmethod
    def of_area(cls, y: float, x: float, area: float, lobes: Lobes = ()) -> Outline:
        """Return the outline of these lobes that encloses `area` px exactly.

        The area inside rho(theta) = R (1 + sum a cos(k theta + p)) is
        pi R^2 (1 + sum a^2 / 2) as long as no two waves have the same number.
        """
        swell = 1.0 + 0.5 * sum(amplitude**2 for _, amplitude, _ in lobes)
        return cls(y, x, float(np.sqrt(max(area, 0.0) / (np.pi * swell))), lobes)

    def contour(self) -> NDArray[np.float32]:
        """Return the radius at `ANGLES` evenly spaced angles from 0, px."""
        theta = np.linspace(0.0, 2.0 * np.pi, ANGLES, endpoint=False)
        rho = np.ones(ANGLES)
        for waves, amplitude, phase in self.lobes:
            rho += amplitude * np.cos(waves * theta + phase)
        return (self.radius * np.maximum(rho, 0.05)).astype(np.float32)

    def reach(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the radius at the angles `theta` (radians), px."""
        rho = np.ones_like(theta)
        for waves, amplitude, phase in self.lobes:
            rho += amplitude * np.cos(waves * theta + phase)
        return self.radius * np.maximum(rho, 0.05)


@dataclass(frozen=True, slots=True)
class Body:
    """A dense, contiguous piece of spheroid.

    Parameters
    ----------
    outline : Outline
        The edge of the core mask, which is the outer half-maximum of the rim.
    opacity : float
        Optical density through the middle: 0.1 translucent, 2 black.
    rim : float
        Optical density of the dark rim above that of the body.
    rim_px : float
        Width of the rim, px: from half to half of its darkness about 0.8 of it.
    grain : float
        Strength of the granular interior, as optical density.
    necrosis : float
        Further density of a dark centre, as a share of `opacity`.
    softness : float
        Width over which the edge fades, px; large where the core melts into a corona.
    fringe : float
        Strength of the bright line outside of the rim, as optical density.
    texture : tuple of int
        Offset into the texture tile: makes the interior this body's own.
    """

    outline: Outline
    opacity: float = 0.6
    rim: float = 0.5
    rim_px: float = 4.0
    grain: float = 0.15
    necrosis: float = 0.0
    softness: float = 1.5
    fringe: float = 0.15
    texture: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Veil:
    """A closed carpet of cells around the bodies: corona or cloud.

    Parameters
    ----------
    outline : Outline
        Outer edge; what the bodies cover is not veil.
    density : float
        Mean optical density.
    softness : float
        Width over which the outer edge fades, px.
    texture : tuple of int
        Offset into the texture tile.
    """

    outline: Outline
    density: float = 0.22
    softness: float = 5.0
    texture: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Single cells that came off, also those that lie together in clumps.

    Parameters
    ----------
    y, x, radius : ndarray of float32, shape (n,)
        Centres and radii, px.
    density : ndarray of float32, shape (n,)
        Strength, as optical density of the dark part.
    death : ndarray of float32, shape (n,)
        0: live, a bright centre in a dark ring; 1: dead, a dark disc in a bright ring.
    stretch : ndarray of float32, shape (n,)
        Length over width, 1 for round ones; the area stays that of the radius.
    turn : ndarray of float32, shape (n,)
        Direction of the long axis, radians.
    """

    y: NDArray[np.float32]
    x: NDArray[np.float32]
    radius: NDArray[np.float32]
    density: NDArray[np.float32]
    death: NDArray[np.float32]
    stretch: NDArray[np.float32]
    turn: NDArray[np.float32]

    def __len__(self) -> int:
        return int(self.y.size)

    def first(self, n: int) -> Cells:
        """Return the first `n` cells."""
        return Cells(*(getattr(self, f.name)[:n] for f in fields(self)))

    def moved(self, dy: float, dx: float) -> Cells:
        """Return the cells shifted by (dy, dx) px."""
        return replace(self, y=self.y + np.float32(dy), x=self.x + np.float32(dx))


NO_CELLS = Cells(*(np.zeros(0, dtype=np.float32) for _ in range(7)))


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """One frame's worth of things.

    Parameters
    ----------
    shape : tuple of int
        Height and width of the frame, px.
    bodies : tuple of Body
        Pieces of core; touching ones become one.
    veil : Veil or None
        Carpet of cells around them.
    cells : Cells
        Loose cells and clumps.
    cell_px : float
        Diameter of a cell, px: the grain of the textures.
    """

    shape: tuple[int, int]
    bodies: tuple[Body, ...] = ()
    veil: Veil | None = None
    cells: Cells = field(default_factory=lambda: NO_CELLS)
    cell_px: float = 9.0
