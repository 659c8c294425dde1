"""Effects of combined drugs for given median effect parameters and interaction.

    sum_i  d_i / Dm_i * (E / (1 - E))^(-kappa / m_i)  =  alpha

over theta = (log Dm_1..k, log m_1..k, log alpha, log kappa, v); alpha = kappa = 1 is Loewe
additivity. With u = logit(E) the left side falls in u for any parameters, so each combination
has exactly one effect.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

FloatArray = NDArray[np.float64]


def level_index(theta: FloatArray, parts: FloatArray, fa: FloatArray) -> FloatArray:
    """Give logs of the index (first) and of the dose-reduction indices at effects.

    `theta` as above, `parts` (k,) are the shares of the total dose; gives (m, 1 + k) for m effects.
    """
    k = len(parts)
    u, slope = logit(fa)[:, None], np.exp(-theta[k : 2 * k])
    with np.errstate(divide="ignore"):
        weight = np.log(parts) - theta[:k]
    bent = _log_sum(weight - np.exp(theta[2 * k + 1]) * u * slope)[0]
    reduction = theta[:k] + u * slope - (theta[2 * k] - bent)[:, None] - np.log(parts)
    return np.concatenate([_log_sum(-reduction)[0][:, None], reduction], axis=1)


def _log_sum(terms: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Log of the sum of exponentials of rows, and the share of each term in it."""
    largest = terms.max(axis=1, keepdims=True)
    parts = np.exp(terms - largest)
    total = parts.sum(axis=1, keepdims=True)
    return (largest + np.log(total))[:, 0], parts / total


def log_index(theta: FloatArray, doses: FloatArray, u: FloatArray) -> FloatArray:
    """Log sum_i d_i / Dx_i of doses (j, k) at effects with logit u (..., j)."""
    k = doses.shape[1]
    with np.errstate(divide="ignore"):
        terms = np.log(doses) - theta[:k] - u[..., None] * np.exp(-theta[k : 2 * k])
    return np.asarray(np.logaddexp.reduce(terms, axis=-1))


def solve(
    theta: FloatArray, doses: FloatArray, combined: NDArray[np.bool_]
) -> tuple[FloatArray, FloatArray]:
    """Logit of the effect at each row of doses, and its derivatives by theta (without v).

    g(u) = log sum_i exp(log d_i - log Dm_i - kappa u / m_i) - log alpha is convex and falls, so
    Newton's steps from the largest root of its single terms can't overshoot.
    """
    k = doses.shape[1]
    alpha = np.where(combined, theta[2 * k], 0.0)
    kappa = np.where(combined, np.exp(theta[2 * k + 1]), 1.0)
    slope = np.exp(-theta[k : 2 * k])
    with np.errstate(divide="ignore"):
        start = np.log(doses) - theta[:k]
    rate = kappa[:, None] * slope
    u = ((start - alpha[:, None]) / rate).max(axis=1)
    for _ in range(60):
        total, weight = _log_sum(start - rate * u[:, None])
        step = (total - alpha) / (weight * rate).sum(axis=1)
        u = u + step
        if np.abs(step).max(initial=0.0) < 1e-12:
            break
    weight = _log_sum(start - rate * u[:, None])[1]
    fall = (weight * rate).sum(axis=1)
    derivative = np.zeros((len(doses), 2 * k + 2))
    derivative[:, :k] = -weight / fall[:, None]
    derivative[:, k : 2 * k] = weight * rate * u[:, None] / fall[:, None]
    derivative[:, 2 * k] = np.where(combined, -1 / fall, 0.0)
    derivative[:, 2 * k + 1] = np.where(combined, -u, 0.0)
    return u, derivative
