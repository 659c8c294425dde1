"""Nodes and weights for expectations over a normal variable and over a spread."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]


@lru_cache(maxsize=8)
def normal_nodes(n: int = 80) -> tuple[Floats, Floats]:
    """Nodes z and weights (they add to 1) of a standard normal variable (Gauss-Hermite).

    Parameters
    ----------
    n : int
        Number of nodes.

    Returns
    -------
    tuple of ndarray of float
        Nodes and weights, (n,).
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(n)
    return nodes, weights / weights.sum()


@lru_cache(maxsize=256)
def spread_nodes(df: int, n: int = 96) -> tuple[Floats, Floats]:
    """Nodes s = sqrt(chi2_df / df) and weights (they add to 1), by Gauss-Legendre.

    Parameters
    ----------
    df : int
        Degrees of freedom, 1 or more.
    n : int
        Number of nodes.

    Returns
    -------
    tuple of ndarray of float
        Nodes and weights, (n,).
    """
    nodes, weights = np.polynomial.legendre.leggauss(n)
    # Even steps of 3x^2 - 2x^3 pack the nodes where the quantile runs away.
    x = (nodes + 1) / 2
    spread = np.sqrt(stats.chi2.ppf(3 * x**2 - 2 * x**3, df) / df)
    return spread, 3 * weights * x * (1 - x)
