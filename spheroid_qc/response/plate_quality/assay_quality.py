"""How far apart two controls stand: Z', SSMD, and their robust forms; spread of one group.

All take plain values, one a well.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from spheroid_qc.response.arrays import FloatArray

MAD_TO_SD = 1.4826
"""Median absolute deviation times this is the standard deviation of a normal variable."""

_NAN = float("nan")


def _known(values: ArrayLike) -> FloatArray:
    found = np.asarray(values, dtype=float).ravel()
    known: FloatArray = found[np.isfinite(found)]
    return known


def mad(values: ArrayLike) -> float:
    """Median absolute deviation from the median, unscaled; NaN for no value."""
    known = _known(values)
    return float(np.median(np.abs(known - np.median(known)))) if known.size else _NAN


def _gap_and_spreads(
    positive: ArrayLike, negative: ArrayLike, *, robust: bool
) -> tuple[float, float, float]:
    """Difference of the means of two controls, and their standard deviations (or robust ones).

    All NaN with fewer than two wells of a kind.
    """
    p, n = _known(positive), _known(negative)
    if p.size < 2 or n.size < 2:
        return _NAN, _NAN, _NAN
    if robust:
        return float(np.median(p) - np.median(n)), MAD_TO_SD * mad(p), MAD_TO_SD * mad(n)
    return float(p.mean() - n.mean()), float(p.std(ddof=1)), float(n.std(ddof=1))


def z_prime(positive: ArrayLike, negative: ArrayLike, *, robust: bool = False) -> float:
    r"""Z' factor of two controls.

    :math:`Z' = 1 - 3(\sigma_p + \sigma_n)/|\mu_p - \mu_n|` with sample standard deviations (Zhang,
    Chung & Oldenburg 1999, doi:10.1177/108705719900400206); `robust`: with medians for means and
    1.4826 MAD for standard deviations. NaN wells are left out; the factor is NaN with fewer than
    two wells of a kind or equal means.
    """
    gap, above, below = _gap_and_spreads(positive, negative, robust=robust)
    return 1 - 3 * (above + below) / abs(gap) if abs(gap) > 0 else _NAN


def ssmd(positive: ArrayLike, negative: ArrayLike, *, robust: bool = False) -> float:
    r"""Strictly standardised mean difference of two controls.

    :math:`(\mu_p - \mu_n)/\sqrt{\sigma_p^2 + \sigma_n^2}` (Zhang 2007,
    doi:10.1016/j.ygeno.2006.12.014); positive where the positive control reads higher. `robust` is
    as for `z_prime`. NaN with fewer than two wells of a kind or no spread at all.
    """
    gap, above, below = _gap_and_spreads(positive, negative, robust=robust)
    spread = float(np.hypot(above, below))
    return gap / spread if spread > 0 else _NAN


def coefficient_of_variation(values: ArrayLike, level: float = 0.95) -> tuple[float, float, float]:
    """Divide standard deviation by mean, with the modified McKay interval.

    Interval of Vangel (1996, doi:10.1080/00031305.1996.10473537), good for normal values and a
    coefficient below a third; NaN are left out. Gives the coefficient (a fraction) and its bounds;
    NaN with fewer than two values or a mean that isn't positive. An upper bound that does not exist
    is infinite.
    """
    known = _known(values)
    if known.size < 2 or not known.mean() > 0:
        return _NAN, _NAN, _NAN
    found, df = float(known.std(ddof=1) / known.mean()), known.size - 1
    bounds = []
    from scipy import stats  # slow to load, and wanted here only

    for probability in (0.5 + level / 2, 0.5 - level / 2):
        u = float(stats.chi2.ppf(probability, df))
        under = ((u + 2) / known.size - 1) * found**2 + u / df
        bounds.append(found / float(np.sqrt(under)) if under > 0 else float("inf"))
    return found, bounds[0], bounds[1]
