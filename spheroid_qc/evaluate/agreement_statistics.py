"""Agreement of two ways of measuring the same thing, and intervals for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

_DRAWS = 2000


@dataclass(frozen=True)
class BlandAltman:
    """Differences of pairs (Bland and Altman 1986, doi:10.1016/S0140-6736(86)90837-8).

    `bias` is their mean, with its 95 % interval from Student's t; `low` and `high` are the limits
    of agreement, bias -+ 1.96 standard deviations.
    """

    n: int
    bias: float
    bias_low: float
    bias_high: float
    low: float
    high: float


def bland_altman(differences: Values) -> BlandAltman:
    """Bias and limits of agreement; NaN is left out.

    Intervals and limits are NaN below two pairs.
    """
    d = differences[np.isfinite(differences)]
    if d.size == 0:
        return BlandAltman(0, *(np.nan,) * 5)
    bias = float(d.mean())
    if d.size < 2:
        return BlandAltman(1, bias, *(np.nan,) * 4)
    from scipy import stats

    sd = float(d.std(ddof=1))
    half = float(stats.t.ppf(0.975, d.size - 1)) * sd / float(np.sqrt(d.size))
    return BlandAltman(d.size, bias, bias - half, bias + half, bias - 1.96 * sd, bias + 1.96 * sd)


def concordance(measured: Values, reference: Values) -> float:
    """Lin's concordance correlation coefficient (Lin 1989, doi:10.2307/2532051).

    1 if all pairs lie on the line of identity; unlike Pearson's r it falls with bias and scale.
    Variances are those of the sample divided by n, as in Lin's paper. Pairs with a NaN are left
    out; the result is NaN below three pairs, or where neither side varies.
    """
    keep = np.isfinite(measured) & np.isfinite(reference)
    a, b = measured[keep], reference[keep]
    if a.size < 3:
        return np.nan
    spread = float(a.var() + b.var() + (a.mean() - b.mean()) ** 2)
    if spread <= 0:
        return np.nan
    return 2 * float(np.mean((a - a.mean()) * (b - b.mean()))) / spread


def bootstrap_interval(
    values: Values, statistic: Callable[..., Values] = np.median
) -> tuple[float, float]:
    """95 % percentile interval of a statistic over images, which are drawn anew.

    `statistic` takes an array and `axis`. NaN is left out; the interval is NaN below two values.
    """
    values = values[np.isfinite(values)]
    if values.size < 2:
        return np.nan, np.nan
    rng = np.random.default_rng(0)
    drawn = statistic(rng.choice(values, (_DRAWS, values.size)), axis=1)
    low, high = np.percentile(drawn, (2.5, 97.5))
    return float(low), float(high)
