"""Kaplan-Meier's product limit, its intervals and its median, and the log-rank test.

scipy.stats has the curve with Greenwood's interval and the log-rank test of one stratum; what is
needed with three wells a condition, an interval that holds there, strata and an exact p, is here.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special

from spheroid_qc.errors import RequestError
from spheroid_qc.response.arrays import BoolArray, FloatArray
from spheroid_qc.response.comparisons.permutation import blocked_sum_test

_CURVE = (
    "time_h", "n_at_risk", "n_events", "n_censored", "survival", "low", "high", "exact_low",
    "exact_high",
)  # fmt: skip
_NAN = float("nan")


def _checked(durations: ArrayLike, events: ArrayLike) -> tuple[FloatArray, BoolArray]:
    time, event = np.asarray(durations, dtype=float), np.asarray(events, dtype=bool)
    if time.shape != event.shape or time.ndim != 1:
        raise RequestError("Survival needs one event (yes or no) for every duration.")
    known = ~np.isnan(time)
    order = np.lexsort((~event[known], time[known]))
    return time[known][order], event[known][order]


def kaplan_meier(durations: ArrayLike, events: ArrayLike, level: float = 0.95) -> pd.DataFrame:
    r"""Kaplan-Meier's product limit with two intervals.

    :math:`S(t) = \prod_{t_i \le t} (1 - d_i/n_i)` (Kaplan & Meier 1958, doi:10.2307/2281868).
    `low, high`: Greenwood's variance on the scale log(-log S), which is undefined where S is 1
    or 0. `exact_low, exact_high`: the beta product interval (Fay, Brittain & Proschan 2013,
    doi:10.1093/biostatistics/kxt016; products of beta variables matched by two moments), that of
    Clopper and Pearson without censoring; it holds with three wells, and is wide.

    `durations` until the event (True in `events`) or censoring are in hours, NaN are left out;
    `level` holds pointwise. One row at time 0 and one per time at which anything happened: `time_h,
    n_at_risk` (just before), `n_events, n_censored, survival, low, high, exact_low, exact_high`.
    """
    time, event = _checked(durations, events)
    z = float(special.ndtri(0.5 + level / 2))
    tail = (1 - level) / 2
    survival, greenwood = 1.0, 0.0
    first, second = 1.0, 1.0  # moments of the product of beta variables up to now
    lines = []
    times = np.unique(np.concatenate([[0.0], time])) if time.size else np.array([])
    for t in times:
        at_risk = int((time >= t).sum())
        here = time == t
        d = int(event[here].sum())
        c = int(here.sum()) - d
        if d:
            survival *= 1 - d / at_risk
            greenwood += d / (at_risk * (at_risk - d)) if at_risk > d else np.inf
            a, b = at_risk - d + 1.0, float(d)
            first *= a / (a + b)
            second *= a * (a + 1) / ((a + b) * (a + b + 1))
        low = high = _NAN
        if 0 < survival < 1:
            reach = z * np.sqrt(greenwood) / abs(np.log(survival))
            low, high = survival ** np.exp(reach), survival ** np.exp(-reach)
        left = at_risk - d - c
        exact_low, exact_high = _beta_product(first, second, left, tail)
        lines.append((t, at_risk, d, c, survival, low, high, exact_low, exact_high))
    return pd.DataFrame(lines, columns=list(_CURVE))


def _beta_product(first: float, second: float, left: int, tail: float) -> tuple[float, float]:
    """Quantiles of the product of beta variables, and of it times Beta(left, 1)."""
    high = _beta_quantile(first, second, 1 - tail)
    if left == 0:
        return 0.0, high
    more = left / (left + 1)
    return _beta_quantile(first * more, second * left / (left + 2), tail), high


def _beta_quantile(first: float, second: float, probability: float) -> float:
    variance = second - first**2
    if variance <= 1e-15:
        return first
    total = first * (1 - first) / variance - 1
    return float(special.betaincinv(first * total, (1 - first) * total, probability))


def median_time(curve: pd.DataFrame) -> tuple[float, float, float]:
    """Median time to the event, with bounds from the curve's beta product interval.

    First time at which survival of a curve of `kaplan_meier` is at most a half, and the first
    times at which its lower and upper bound are below it (Brookmeyer & Crowley 1982,
    doi:10.2307/2530286); infinite where that is not reached while the wells are watched, 0 where
    it is so from the start.
    """
    if curve.empty:
        return _NAN, _NAN, _NAN

    def first(hit: pd.Series) -> float:
        return float(curve.loc[hit, "time_h"].iloc[0]) if hit.any() else float("inf")

    # The lower bound of the curve reaches a half first: it is the early bound of the median.
    # With five wells or fewer that is at once: three that all fell apart late don't show that
    # most would.
    return (
        first(curve["survival"] <= 0.5 + 1e-12),
        first(curve["exact_low"] < 0.5),
        first(curve["exact_high"] < 0.5),
    )


def logrank(
    durations: ArrayLike, events: ArrayLike, group: ArrayLike, strata: ArrayLike | None = None
) -> dict[str, float]:
    r"""Log-rank test of one group against the rest, within strata.

    :math:`\chi^2 = (\sum O - E)^2 / \sum V` with the hypergeometric variance (Mantel 1966;
    Peto & Peto 1972, doi:10.2307/2344317). `p_exact` permutes the log-rank scores (event minus
    Nelson-Aalen cumulative hazard) within strata, which holds at small n if censoring has nothing
    to do with the group.

    `group` is True for the condition, False for the reference; `strata` is the biological replicate
    or plate of every well. Gives `chi2, p, p_exact, p_exact_smallest, observed, expected`; NaN
    where no event can tell the groups apart.
    """
    time, event = np.asarray(durations, dtype=float), np.asarray(events, dtype=bool)
    member = np.asarray(group, dtype=bool)
    stratum = np.zeros(time.size, dtype=int) if strata is None else np.asarray(strata)
    known = ~np.isnan(time)
    observed = expected = variance = 0.0
    scores, members = [], []
    for name in np.unique(stratum[known]):
        rows = known & (stratum == name)
        t, e, g = time[rows], event[rows], member[rows]
        hazard = np.zeros(t.size)
        for event_time in np.unique(t[e]):
            risk = t >= event_time
            n, n1 = int(risk.sum()), int((risk & g).sum())
            here = e & (t == event_time)
            d = int(here.sum())
            observed += int((here & g).sum())
            expected += d * n1 / n
            if n > 1:
                variance += d * (n1 / n) * (1 - n1 / n) * (n - d) / (n - 1)
            hazard[risk] += d / n
        order = np.lexsort((g, e, t))
        scores.append((e - hazard)[order])
        members.append(g[order])
    chi2 = (observed - expected) ** 2 / variance if variance > 1e-12 else _NAN
    p_exact, smallest, how = blocked_sum_test(scores, members)
    if how != "exact":
        p_exact = smallest = _NAN
    return {
        "chi2": chi2,
        "p": float(special.chdtrc(1, chi2)),
        "p_exact": p_exact,
        "p_exact_smallest": smallest,
        "observed": observed,
        "expected": expected,
    }
