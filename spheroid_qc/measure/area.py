"""Areas, and the sizes that follow from them.

Nothing found is an area, a diameter and a volume of 0, not an empty value: otherwise a mean
over wells would silently be a mean over the survivors.
"""

from __future__ import annotations

import numpy as np

from spheroid_qc.measure.body import Body


def core_area(body: Body) -> int:
    """Area of C1, the largest piece of the core, in px."""
    return body.main_area


def core_total_area(body: Body) -> int:
    """Area of C, all pieces of the core, in px."""
    return body.core_area


def core_count(body: Body) -> int:
    """Count the 8-connected pieces of C, whatever their size."""
    return int(body.core_pieces.size)


def total_area(body: Body) -> int:
    """Area of T, core and shed material, in px."""
    return body.total_area


def shed_area(body: Body) -> int:
    """Area of H, the shed material, in px."""
    return body.total_area - body.core_area


def equivalent_diameter(body: Body) -> float:
    """Diameter in px of the disc of C1's area."""
    return 2.0 * float(np.sqrt(body.main_area / np.pi))


def volume(body: Body) -> float:
    """Volume in cubic px of the sphere with C1's area as its shadow: 4/3 pi (A/pi)^(3/2)."""
    return float(4.0 / 3.0 * np.pi * (body.main_area / np.pi) ** 1.5)
