"""Exact masks of a scene: pixel centres against outlines.

Masks are decided before any blur, so that neither halo nor defocus belongs to a spheroid.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.samples.spheroid_scene import ANGLES, Cells, Outline, Scene

Window = tuple[slice, slice]
PAD = 16  # room for fringes and halos around an outline, px


def box_of_outline(outline: Outline, shape: tuple[int, int], pad: float = PAD) -> Window | None:
    """Return the rows and columns that can hold the outline, None where it is out of view."""
    reach = float(outline.contour().max()) + pad
    y0, y1 = max(0, int(outline.y - reach)), min(shape[0], int(outline.y + reach) + 2)
    x0, x1 = max(0, int(outline.x - reach)), min(shape[1], int(outline.x + reach) + 2)
    return (slice(y0, y1), slice(x0, x1)) if y1 > y0 and x1 > x0 else None


def depth_of(outline: Outline, window: Window) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return how deep each pixel of a part of the frame lies inside an outline; both are read-only.

    The first is the distance to the contour, px, positive inside and first-order exact near it; the
    second the distance from the centre as a share of the contour's radius in that direction.
    """
    rows, columns = window
    return _depth(outline, rows.start, rows.stop, columns.start, columns.stop)


@lru_cache(maxsize=8)  # masks and layers of one frame ask for the same outlines
def _depth(
    outline: Outline, y0: int, y1: int, x0: int, x1: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    rho = outline.contour()
    # Across a slanted contour the shortest way is shorter than the way along the radius.
    slope = np.gradient(np.concatenate((rho[-2:], rho, rho[:2])), 2 * np.pi / ANGLES)[2:-2] / rho
    lean = (1.0 / np.sqrt(1.0 + slope**2)).astype(np.float32)
    dy = np.arange(y0, y1, dtype=np.float32)[:, None] - np.float32(outline.y)
    dx = np.arange(x0, x1, dtype=np.float32)[None, :] - np.float32(outline.x)
    r = np.sqrt(dy * dy + dx * dx)
    place = np.rint(np.arctan2(dy, dx) * np.float32(ANGLES / (2 * np.pi))).astype(np.int32)
    place &= ANGLES - 1
    here = rho[place]
    depth = (here - r) * lean[place]
    share = r / np.maximum(here, np.float32(1e-3))
    depth.setflags(write=False)
    share.setflags(write=False)
    return depth, share


def cell_pixels(
    cells: Cells, shape: tuple[int, int], reach: float = 1.0
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """Return every pixel of a frame of this shape within `reach` radii of each cell.

    Three arrays of one length: flat index into the frame (a pixel under several cells comes several
    times), number of the cell, ascending, and distance from its centre in radii.
    """
    if not len(cells):
        return np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0, np.float32)
    longest = float((cells.radius * np.sqrt(cells.stretch)).max())
    half = int(np.ceil(longest * reach)) + 1
    span = np.arange(-half, half + 1)
    y, x = np.rint(cells.y).astype(np.intp), np.rint(cells.x).astype(np.intp)
    dy = span.astype(np.float32)[None, :] + (y - cells.y).astype(np.float32)[:, None]
    dx = span.astype(np.float32)[None, :] + (x - cells.x).astype(np.float32)[:, None]
    # An ellipse of the same area: the long axis sqrt(stretch) radii, the short one 1 over it.
    cos, sin = np.cos(cells.turn), np.sin(cells.turn)
    along, across = 1.0 / cells.stretch, cells.stretch
    scale = 1.0 / cells.radius**2
    in_x = ((along * cos**2 + across * sin**2) * scale)[:, None] * dx * dx
    in_y = ((along * sin**2 + across * cos**2) * scale)[:, None] * dy * dy
    both = (2.0 * (along - across) * sin * cos * scale)[:, None] * dy
    squared = in_y[:, :, None] + in_x[:, None, :] + both[:, :, None] * dx[:, None, :]
    found = np.flatnonzero(squared <= np.float32(reach * reach))
    width = len(span)
    spot, column = np.divmod(found, width)
    cell, row = np.divmod(spot, width)
    yy, xx = y[cell] + span[row], x[cell] + span[column]
    distance = np.sqrt(squared.reshape(-1)[found])
    inside = (yy >= 0) & (yy < shape[0]) & (xx >= 0) & (xx < shape[1])
    if not inside.all():
        yy, xx, cell, distance = yy[inside], xx[inside], cell[inside], distance[inside]
    return yy * shape[1] + xx, cell, distance.astype(np.float32)


def solids_of(scene: Scene) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return what the bodies and, around them, the veil cover; both bool, shape (y, x)."""
    solid = np.zeros(scene.shape, dtype=bool)
    for body in scene.bodies:
        window = box_of_outline(body.outline, scene.shape)
        if window is not None:
            solid[window] |= depth_of(body.outline, window)[0] > 0
    veil = np.zeros(scene.shape, dtype=bool)
    if scene.veil is not None:
        window = box_of_outline(scene.veil.outline, scene.shape)
        if window is not None:
            veil[window] = (depth_of(scene.veil.outline, window)[0] > 0) & ~solid[window]
    return solid, veil


def masks_of(scene: Scene) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Return the exact masks of a scene, both (y, x).

    Core: 0 background, 1.. the connected pieces, largest first. Shed: loose cells, clumps and veil;
    nowhere overlaps core.
    """
    solid, shed = solids_of(scene)
    pixel, _, _ = cell_pixels(scene.cells, scene.shape)
    shed.reshape(-1)[pixel] = True
    core = np.zeros(scene.shape, dtype=np.int32)
    window = window_of(scene)
    if window is not None and scene.bodies:
        shed[window] &= ~solid[window]
        core[window] = _labelled(solid[window])
    return core, shed


def _labelled(solid: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return the connected pieces, numbered from the largest on."""
    from scipy import ndimage as ndi

    labels, n = ndi.label(solid)
    sizes = np.bincount(labels.ravel(), minlength=n + 1)[1:]
    rank = np.zeros(n + 1, dtype=np.int32)
    rank[1 + np.argsort(-sizes, kind="stable")] = np.arange(1, n + 1)
    ordered: NDArray[np.int32] = rank[labels]
    return ordered


def window_of(scene: Scene, pad: float = PAD) -> Window | None:
    """Return the smallest window that holds everything with `pad` px around it."""
    boxes = [box_of_outline(body.outline, scene.shape, pad) for body in scene.bodies]
    if scene.veil is not None:
        boxes.append(box_of_outline(scene.veil.outline, scene.shape, pad))
    if len(scene.cells):
        cells = scene.cells
        pad += 1.5 * float(cells.radius.max())
        height, width = scene.shape
        y0, y1 = int(max(0, cells.y.min() - pad)), int(min(height, cells.y.max() + pad + 1))
        x0, x1 = int(max(0, cells.x.min() - pad)), int(min(width, cells.x.max() + pad + 1))
        if y1 > y0 and x1 > x0:
            boxes.append((slice(y0, y1), slice(x0, x1)))
    found = [box for box in boxes if box is not None]
    if not found:
        return None
    return (
        slice(min(b[0].start for b in found), max(b[0].stop for b in found)),
        slice(min(b[1].start for b in found), max(b[1].stop for b in found)),
    )
