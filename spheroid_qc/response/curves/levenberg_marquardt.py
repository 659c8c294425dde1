"""Least squares by Levenberg and Marquardt's method, small and fast.

Thousands of curves with a handful of parameters are fitted for one plate; the general solvers of
scipy spend most of such a fit on their own bookkeeping.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def levenberg_marquardt(
    model: Callable[[FloatArray], tuple[FloatArray, FloatArray]],
    start: FloatArray,
    bounds: tuple[FloatArray, FloatArray],
    longest: float = 2.0,
    rounds: int = 200,
) -> tuple[FloatArray, float, FloatArray]:
    """Go downhill from a place to the least sum of squares nearby.

    `model` gives residuals (n,) and their derivatives (n, p) at a place; `start` lies within the
    lowest and highest values, `bounds`. `longest` is the longest step of one parameter, `rounds`
    the most evaluations. Gives the best place, its sum of squares, and the derivatives there.
    """
    place = start
    r, slopes = model(place)
    cost = float(r @ r)
    damping, growth = 1e-3, 2.0
    for _ in range(rounds):
        normal, downhill = slopes.T @ slopes, -slopes.T @ r
        # At a bound the rest is sought along it.
        free = ~((place <= bounds[0]) & (downhill < 0) | (place >= bounds[1]) & (downhill > 0))
        size = np.maximum(np.diag(normal), 1e-12 * cost + 1e-300)
        damped = np.where(free[:, None] & free, normal + np.diag(damping * size), np.eye(len(size)))
        try:
            move = np.linalg.solve(damped, np.where(free, downhill, 0.0))
        except np.linalg.LinAlgError:
            break
        target = np.clip(place + np.clip(move, -longest, longest), *bounds)
        if np.abs(target - place).max() < 1e-11:
            break
        after, steeper = model(target)
        lower = float(after @ after)
        if lower < cost:
            done = cost - lower <= 1e-14 * cost
            place, cost, r, slopes = target, lower, after, steeper
            damping, growth = max(damping / 5, 1e-12), 2.0
            if done:
                break
        else:
            damping, growth = damping * growth, growth * 2
            if damping > 1e12:
                break
    return place, cost, slopes
