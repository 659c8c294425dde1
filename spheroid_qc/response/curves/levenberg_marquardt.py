"""Least squares by Levenberg and Marquardt's method, for many small fits at once.

Thousands of curves with a handful of parameters are fitted for one plate; the general solvers of
scipy take them one by one, and spend most of such a fit on their own bookkeeping.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spheroid_qc.response.arrays import FloatArray, IntArray

_LONGEST_STEP = 2.0


def descend(
    model: Callable[[FloatArray, IntArray], tuple[FloatArray, FloatArray]],
    start: FloatArray,
    low: FloatArray,
    high: FloatArray,
    precision: float = 1e-9,
    rounds: int = 60,
) -> tuple[FloatArray, FloatArray]:
    """Go downhill to the least sums of squares of many fits at once.

    `model` gives residuals (n, m) and their derivatives (n, m, p) at places (n, p) of fits with
    these numbers (n,); `start` (b, p) are places of all, `low` and `high` (p,) their bounds, which
    are equal where a parameter is fixed. A fit ends where a step gains less than the share
    `precision`, or after so many `rounds`. Gives the places (b, p) and their sums of squares (b,).
    """
    place = np.clip(start, low, high)
    active = np.arange(len(place))
    r, slopes = model(place, active)
    cost, damping = (r * r).sum(axis=1), np.full(len(place), 1e-2)
    free = np.eye(place.shape[1], dtype=bool)
    for _ in range(rounds):
        if not active.size:
            break
        normal = slopes.transpose(0, 2, 1) @ slopes
        downhill = -(r[:, None] @ slopes)[:, 0]
        now = place[active]
        held = (now <= low) & (downhill <= 0) | (now >= high) & (downhill >= 0)
        size = normal[:, free]
        size = np.maximum(size, 1e-6 * size.max(axis=1, keepdims=True) + 1e-30)
        normal = np.where(held[:, :, None] | held[:, None, :], 0.0, normal)
        normal[:, free] += np.where(held, 1.0, damping[active, None] * size)
        move = np.linalg.solve(normal, np.where(held, 0.0, downhill)[..., None])[..., 0]
        target = np.clip(now + np.clip(move, -_LONGEST_STEP, _LONGEST_STEP), low, high)
        after_r, after_slopes = model(target, active)
        after = (after_r * after_r).sum(axis=1)
        better = after < cost[active]
        done = (np.abs(target - now).max(axis=1) < 100 * precision) | (
            better & (cost[active] - after <= precision * cost[active])
        )
        place[active[better]], cost[active[better]] = target[better], after[better]
        r, slopes = (
            np.where(better[:, None], after_r, r),
            np.where(better[:, None, None], after_slopes, slopes),
        )
        damping[active] = np.maximum(damping[active] * np.where(better, 0.2, 4.0), 1e-8)
        going = ~done & (damping[active] < 1e8)
        active, r, slopes = active[going], r[going], slopes[going]
    return place, cost
