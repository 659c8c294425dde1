"""Uneven light: a smooth surface through the background that a big object cannot bend."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.segmentation.array_types import Float, Mask
from spheroid_qc.segmentation.order_statistics import median

_TERMS = 6
_TUKEY = 4.0
"""Residuals beyond this many robust standard deviations have no weight (Tukey's biweight)."""


def background_surface(values: Float, usable: Mask) -> Float:
    """Quadratic surface through the background by iteratively reweighted least squares.

    Tukey's biweight takes away the weight of whatever does not lie on the surface, so that a
    spheroid of up to about half the field does not lift it (Beaton & Tukey 1974,
    doi:10.1080/00401706.1974.10489171).
    """
    height, width = values.shape
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] if height > 1 else np.zeros((1, 1))
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :] if width > 1 else np.zeros((1, 1))
    found = background_terms(values, usable)
    if found is None:
        level = float(np.median(values[usable])) if usable.any() else 0.0
        return np.full(values.shape, level, np.float32)
    return quadratic(found.astype(np.float32), y, x)


def quadratic(terms: NDArray[Any], y: NDArray[Any], x: NDArray[Any]) -> Float:
    """Surface of six terms (1, x, y, x x, x y, y y) at rows `y` (n, 1) and columns `x` (1, m)."""
    c = terms
    surface = c[0] + c[1] * x + c[2] * y + c[3] * x * x + c[4] * x * y + c[5] * y * y
    return np.asarray(surface, np.float32)


def background_terms(values: Float, usable: Mask) -> NDArray[np.float64] | None:
    """Terms of `quadratic` through the background, from -1 to 1 down and across.

    None where too little of it is usable. See `background_surface`.
    """
    height, width = values.shape
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] if height > 1 else np.zeros((1, 1))
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :] if width > 1 else np.zeros((1, 1))
    step = max(1, max(height, width) // 48)
    offset = (step - 1) // 2
    rows, columns = slice(offset, None, step), slice(offset, None, step)
    chosen = usable[rows, columns]
    target = values[rows, columns][chosen].astype(np.float64)
    if target.size < 4 * _TERMS:
        return None
    ys = np.broadcast_to(y[rows], chosen.shape)[chosen].astype(np.float64)
    xs = np.broadcast_to(x[:, columns], chosen.shape)[chosen].astype(np.float64)
    design = np.stack([np.ones_like(xs), xs, ys, xs * xs, xs * ys, ys * ys], axis=1)
    # From the middle value, and from a plane through the frame's margin: a body that bends the
    # one start does not reach the other. The better one leaves more of the field near zero.
    margin = np.maximum(np.abs(xs), np.abs(ys)) > 0.75
    starts: list[NDArray[np.float64]] = [np.asarray(target - np.median(target))]
    if np.count_nonzero(margin) > 4 * _TERMS:
        plane = np.linalg.lstsq(design[margin, :3], target[margin], rcond=None)[0]
        starts.append(target - design[:, :3] @ plane)
    fits = [_reweighted(design, target, start) for start in starts]
    return np.asarray(min(fits, key=lambda fit: fit[1])[0])


def _reweighted(
    design: NDArray[np.float64], target: NDArray[np.float64], first: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Coefficients from given first residuals, and the median size of the last ones."""
    ridge = 1e-6 * target.size * np.eye(_TERMS)
    solution: NDArray[Any] = np.zeros(_TERMS)
    residual: NDArray[Any] = first
    for _ in range(8):
        spread = 1.4826 * median(np.abs(residual)) + 1e-6
        scaled = residual / (_TUKEY * spread)
        weight = np.where(np.abs(scaled) < 1, (1 - scaled * scaled) ** 2, 0.0)
        weighted = design * weight[:, None]
        solution = np.linalg.solve(design.T @ weighted + ridge, weighted.T @ target)
        residual = target - design @ solution
    return solution, median(np.abs(residual))
