"""Whether effects rise or fall with the dose at all, whatever the shape of the curve.

A curve of four parameters against a constant wastes power on its shape. The trend is one number,
the slope of the means on the ranks of the doses, judged by the scatter of the replicates of the
whole plate; without replicates by Kendall's exact test (Kendall 1938, doi:10.2307/2332226).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from spheroid_qc.response.variance_model import PooledVariance


def trend_p(dose: ArrayLike, effect: ArrayLike, noise: PooledVariance) -> float:
    """Test a trend of effects (n,) with doses (n,), both sides.

    `noise` is the variance of a well and its degrees of freedom, of the whole plate; with none of
    these, Kendall's test of the wells is given. NaN with fewer than three different doses.
    """
    x, y = np.asarray(dose, dtype=np.float64), np.asarray(effect, dtype=np.float64)
    levels, rank = np.unique(x, return_inverse=True)
    if len(levels) < 3:
        return float("nan")
    if noise.df < 1 or not noise.variance > 0:
        from scipy.stats import kendalltau

        return float(kendalltau(x, y).pvalue)
    centred = rank - rank.mean()
    t = abs(math.fsum(centred * y)) / math.sqrt(noise.variance * float(centred @ centred))
    # Rounded, so that the order of the wells does not show in the digits of a tiny p.
    return round(float(2 * special.stdtr(noise.df, -t)), 12)
