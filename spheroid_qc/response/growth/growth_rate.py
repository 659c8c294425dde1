"""Figures of one series of volumes: growth rate, time to a multiple, area under the curve.

Plain arrays in, numbers out; `kinetics` applies them to every well of a table.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from spheroid_qc.errors import RequestError
from spheroid_qc.response.arrays import FloatArray

_NAN = float("nan")


def _in_order(times_h: ArrayLike, values: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Sort by time what has both a time and a value."""
    time, value = np.asarray(times_h, dtype=float), np.asarray(values, dtype=float)
    known = np.isfinite(time) & np.isfinite(value)
    order = np.argsort(time[known], kind="stable")
    return time[known][order], value[known][order]


def growth_rate(times_h: ArrayLike, volumes: ArrayLike, level: float = 0.95) -> dict[str, float]:
    r"""Exponential growth rate: slope of log volume on time, with an interval.

    Ordinary least squares. Neighbouring frames of one well err alike, which makes the usual
    interval too narrow: with r the lag-one correlation of the residuals, its small-sample bias
    (1 + 4r)/n (Kendall 1954, doi:10.1093/biomet/41.3-4.403) added back and kept within 0 and
    0.9, the n frames count as :math:`n_e = n(1 - r)/(1 + r)` (but no fewer than three), both in
    the variance and in the degrees of freedom.

    Volumes may be in any unit; those that are not above 0 have no logarithm and are left out. Gives
    `rate, low, high` (1/h), `n` (frames used), `autocorrelation`; rate is NaN with fewer than two
    times, its bounds with fewer than three, or where the line fits without error.
    """
    x, volume = _in_order(times_h, volumes)
    x, y = x[volume > 0], np.log(volume[volume > 0])
    n = x.size
    result = {"rate": _NAN, "low": _NAN, "high": _NAN, "n": float(n), "autocorrelation": _NAN}
    spread = float(((x - x.mean()) ** 2).sum()) if n else 0.0
    if n < 2 or not spread > 0:
        return result
    rate = float((x - x.mean()) @ y) / spread
    result["rate"] = rate
    residual = y - y.mean() - rate * (x - x.mean())
    power = float(residual @ residual)
    if n < 3 or not power > 1e-24 * max(float(y @ y), 1.0):
        return result
    r = float(residual[1:] @ residual[:-1]) / power
    r = min(max(r + (1 + 4 * r) / n, 0.0), 0.9) if n > 4 else 0.0
    effective = max(n * (1 - r) / (1 + r), 3.0)
    # Variance of the slope as if only the effective frames had been taken over the same span.
    error = math.sqrt(power / (effective - 2) / spread * n / effective)
    half = float(stdtrit(effective - 2, 0.5 + level / 2)) * error
    return result | {"low": rate - half, "high": rate + half, "autocorrelation": r}


def time_to_multiple(times_h: ArrayLike, volumes: ArrayLike, multiple: float) -> float:
    """Time at which volume first reaches a multiple of its value at the first time.

    The first known time gives the starting volume; between frames the logarithm of volume is taken
    as a straight line. Gives hours after the first time; infinite if the multiple (above 1) is not
    reached while the well is watched, NaN without a starting volume above 0.
    """
    if not multiple > 1:
        raise RequestError(f"Growth delay needs a multiple above 1, not {multiple:g}.")
    x, v = _in_order(times_h, volumes)
    if not x.size or not v[0] > 0:
        return _NAN
    goal = multiple * v[0]
    reached = np.flatnonzero(v >= goal)
    if not reached.size:
        return float("inf")
    i = int(reached[0])
    if not v[i - 1] > 0:
        return float(x[i] - x[0])
    share = math.log(goal / v[i - 1]) / math.log(v[i] / v[i - 1])
    return float(x[i - 1] + share * (x[i] - x[i - 1]) - x[0])


def area_under_curve(
    times_h: ArrayLike, values: ArrayLike, until_h: float | None = None
) -> tuple[float, float, float]:
    """Area under a curve by trapezoids, divided by its duration: the mean level.

    Unknown values are bridged by straight lines; the value at `until_h` (default: the last known
    time) is interpolated. Gives mean level, first and last hour; the level is NaN with fewer than
    two times, or if the known values end before `until_h`: nothing is extrapolated.
    """
    x, y = _in_order(times_h, values)
    if x.size < 2 or x[-1] <= x[0]:
        return _NAN, _NAN, _NAN
    end = float(x[-1]) if until_h is None else float(until_h)
    if end > x[-1] + 1e-9 or end <= x[0]:
        return _NAN, float(x[0]), float(x[-1])
    last = float(np.interp(end, x, y))
    inside = x < end
    x, y = np.append(x[inside], end), np.append(y[inside], last)
    return float(np.trapezoid(y, x)) / (end - float(x[0])), float(x[0]), end
