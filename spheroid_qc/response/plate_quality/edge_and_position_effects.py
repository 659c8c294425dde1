"""Does a well's place on the plate tell its value? Edge, rows, columns, neighbours.

Everything works on residuals from the conditions, by least squares, so that a layout that puts a
drug into one column doesn't look like a column effect, or is told to be undecidable.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from spheroid_qc.response.arrays import BoolArray, FloatArray
from spheroid_qc.wells import PLATE_FORMATS, row_column, smallest_format

_NAN = float("nan")


def places(wells: Sequence[str]) -> NDArray[np.int64]:
    """Rows and columns of wells, counted from zero: (n, 2) int."""
    return np.array([row_column(well) for well in wells], dtype=int).reshape(-1, 2)


def at_edge(wells: Sequence[str], plate_format: int | None = None) -> BoolArray:
    """Tell which wells lie in the outermost rows and columns.

    `plate_format` is the number of wells of the plate; by default the smallest that holds `wells`.
    """
    last = np.array(PLATE_FORMATS[plate_format or smallest_format(wells)]) - 1
    place = places(wells)
    return np.asarray(((place == 0) | (place == last)).any(axis=1))


def by_edge(
    values: FloatArray, outer: BoolArray, groups: Sequence[str]
) -> tuple[list[FloatArray], list[FloatArray]]:
    """Values (n,) of outermost and of inner wells, by group, sorted by its name."""
    key = np.array(groups, dtype=object)
    own = [key == group for group in sorted(set(groups))]
    return [values[outer & one] for one in own], [values[~outer & one] for one in own]


def design_of(labels: Sequence[object] | NDArray[np.int64]) -> FloatArray:
    """Make the indicator columns of a factor: (n, levels) float, levels sorted by their text."""
    text = np.array([str(label) for label in labels])
    columns: FloatArray = (text[:, None] == np.unique(text)[None, :]).astype(float)
    return columns


def _fit(design: FloatArray, y: FloatArray) -> tuple[float, int]:
    """Residual sum of squares and rank."""
    coefficients, _, rank, _ = np.linalg.lstsq(design, y, rcond=1e-10)
    residual = y - design @ coefficients
    return float(residual @ residual), int(rank)


def factor_effect(
    values: ArrayLike, conditions: FloatArray, factor: FloatArray
) -> dict[str, float]:
    r"""Effect of a factor (rows, columns) beyond the conditions: partial F and omega squared.

    :math:`\omega_p^2 = \nu_1 (F - 1) / (\nu_1 (F - 1) + n)`, the share of variance the factor
    explains, corrected for what chance explains (Olejnik & Algina 2003,
    doi:10.1037/1082-989X.8.4.434); negative values mean nothing is seen and are kept. `conditions`
    and `factor` are indicator columns (n, k) of the wells (n,).

    Gives `omega2, f, p, df1, df2, n`; NaN where the layout leaves nothing to tell them by (`df1` or
    `df2` is 0) or nothing varies.
    """
    y = np.asarray(values, dtype=float)
    rounding = 1e-20 * float(y @ y)
    y = y - y.mean() if y.size else y
    result = {"omega2": _NAN, "f": _NAN, "p": _NAN, "df1": 0.0, "df2": 0.0}
    result["n"] = float(y.size)
    if y.size < 3:
        return result
    rss0, rank0 = _fit(conditions, y)
    both = np.hstack([conditions, factor])
    rss1, rank1 = _fit(both, y)
    df1, df2 = rank1 - rank0, y.size - rank1
    result |= {"df1": float(df1), "df2": float(df2)}
    if df1 < 1 or df2 < 1 or not rss0 > rounding:
        return result
    if not rss1 > 1e-14 * rss0:
        return result
    f = (rss0 - rss1) / df1 / (rss1 / df2)
    omega2 = df1 * (f - 1) / (df1 * (f - 1) + y.size)
    return result | {
        "omega2": omega2,
        "f": f,
        "p": float(stats.f.sf(f, df1, df2)),
    }


def neighbour_correlation(
    values: ArrayLike, place: NDArray[np.int64], conditions: FloatArray
) -> dict[str, float]:
    r"""Moran's I of residuals: whether neighbouring wells are alike beyond their conditions.

    :math:`I = (n / S_0)\, e^T W e / e^T e` with the eight neighbours of each well and the residuals
    e of the conditions. Mean and variance are those for least-squares residuals (Cliff & Ord 1981,
    Spatial Processes, ch. 8), so that fitted conditions don't bias it. `place` (n, 2) is row and
    column of each well, `conditions` (n, k) are indicator columns.

    Gives `i, expected, z, p` (two-sided, normal), `n`, `df`; NaN with fewer than 8 degrees of
    freedom, without neighbours or without any spread.
    """
    y = np.asarray(values, dtype=float)
    result = {"i": _NAN, "expected": _NAN, "z": _NAN, "p": _NAN, "n": float(y.size), "df": 0.0}
    if y.size < 3:
        return result
    apart = np.abs(place[:, None, :] - place[None, :, :]).max(axis=2)
    weight = (apart == 1).astype(float)
    total = float(weight.sum())
    hat = conditions @ np.linalg.pinv(conditions)
    maker = np.eye(y.size) - hat
    df = y.size - round(float(np.trace(hat)))
    result["df"] = float(df)
    residual = maker @ y
    power = float(residual @ residual)
    if df < 8 or total == 0 or not power > 1e-20 * float(y @ y):  # equal but for rounding
        return result
    scale = y.size / total
    projected = maker @ weight @ maker
    trace = float(np.trace(projected))
    twice = 2 * float((projected * projected).sum())
    mean = scale * trace / df
    variance = scale**2 * (twice + trace**2) / (df * (df + 2)) - mean**2
    if not variance > 0:
        return result
    found = scale * float(residual @ weight @ residual) / power
    z = (found - mean) / float(np.sqrt(variance))
    return result | {"i": found, "expected": mean, "z": z, "p": float(2 * stats.norm.sf(abs(z)))}
