"""Several tests at once: p values adjusted so that the family as a whole keeps its level."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from spheroid_qc.response.arrays import FloatArray


def holm(p_values: ArrayLike) -> FloatArray:
    """Holm's step-down adjusted p values (1979, Scand. J. Statist. 6:65-70).

    NaN are no tests: they stay NaN and don't count.
    """
    p = np.asarray(p_values, dtype=float)
    adjusted = np.full(p.shape, np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    factors = known.size - np.arange(known.size)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * factors))
    return adjusted
