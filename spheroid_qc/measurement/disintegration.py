"""How far a spheroid has fallen apart.

DF asks how much of the material is no longer in the main body, DI how far from the core it
lies. Both come from the raster masks as they are, before any smoothing: a round trip through
polygons shifts DI.

References
----------
Definitions as in the field's disintegration metrics (core-anchored first Wasserstein distance
to a filled disc); closed forms for concentric discs are in the tests.
"""

from __future__ import annotations

import numpy as np

from spheroid_qc.measurement.cut_out_spheroid import Spheroid
from spheroid_qc.segmentation.order_statistics import percentiles


def disintegration_fraction(body: Spheroid) -> float:
    """DF = 1 - area(C1) / area(T); 1 for material without a core, NaN for nothing."""
    if not body.total_area:
        return np.nan
    return 1.0 - body.main_area / body.total_area


def interval_around(fraction: float, interval: tuple[float, float] | None) -> tuple[float, float]:
    """Bring the segmenter's interval of DF together with the DF that is reported.

    This is the one place where they meet. The segmenter's interval is of its own maps; the masks
    that are measured may differ from them (outlines drawn at full resolution, the rules' masks
    in the place of the network's). An end that lies on the wrong side of DF is moved to DF and
    the other end stays, so that `low <= DF <= high` holds and doubt is only ever added, never
    taken away.

    Parameters
    ----------
    fraction : float
        DF of the masks that count; NaN for nothing.
    interval : tuple of float, or None
        `Segmentation.disintegration_interval`.

    Returns
    -------
    tuple of float
        (low, high) in [0, 1]; NaN where there is no DF or no interval.
    """
    if interval is None or not np.isfinite(fraction):
        return np.nan, np.nan
    low, high = interval
    return max(min(low, fraction), 0.0), min(max(high, fraction), 1.0)


def disintegration_index(body: Spheroid) -> float:
    """DI = tanh(W1), W1 = mean |d(i) - sqrt((i - 0.5) / N)| over all N pixels of T.

    d(i) are the sorted distances from the centroid of C in units of R_C, and the square root
    is what they would be in a filled disc of that radius. NaN without a core, or with one
    whose radius is below `min_core_radius_px`: dividing by it would drive DI to 1.
    """
    distances = body.distances
    count = distances.size
    if not count:
        return np.nan
    disc = np.sqrt((np.arange(count) + 0.5) / count)
    return float(np.tanh(np.abs(distances - disc).mean()))


def reach(body: Spheroid) -> float:
    """90th percentile of the distances d, in core radii; NaN where DI is NaN.

    A filled disc has sqrt(0.9) = 0.949.
    """
    distances = body.distances
    if not distances.size:
        return np.nan
    return percentiles(distances, (90,))[0]


def fragment_count(body: Spheroid) -> int:
    """Count the 8-connected pieces of T of at least the smallest counted area.

    The main body counts as one: an intact spheroid has 1, nothing has 0. Shed material that
    touches the core is part of the core's piece.
    """
    return int(np.count_nonzero(body.total_pieces >= body.min_fragment_px))


def fragment_count_all(body: Spheroid) -> int:
    """Count the 8-connected pieces of T of any area."""
    return int(body.total_pieces.size)


def largest_fragment_fraction(body: Spheroid) -> float:
    """Area of the largest piece of T over area(T): 1 for one piece, NaN for nothing."""
    if not body.total_area:
        return np.nan
    return float(body.total_pieces.max() / body.total_area)
