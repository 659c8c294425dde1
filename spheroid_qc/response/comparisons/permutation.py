"""Exact tests by permutation within blocks: rank sums, log-rank scores, signed ranks.

With three or four wells a side the normal approximation of a rank test is wrong by more than the
effect it looks for, and tables for the exact one know no ties; so all arrangements are counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain, combinations
from math import comb, prod

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from spheroid_qc.response.arrays import BoolArray, FloatArray

MAX_ARRANGEMENTS = 200_000
_DIGITS = 10


@lru_cache(maxsize=16)
def _arrangements(n: int, size: int) -> NDArray[np.int16]:
    """All ways to choose `size` of n: (ways, size)."""
    flat = np.fromiter(chain.from_iterable(combinations(range(n), size)), dtype=np.int16)
    return flat.reshape(-1, size)


def _sums(scores: FloatArray, size: int) -> tuple[FloatArray, FloatArray]:
    """Every sum of `size` scores, and how often it occurs (they add to 1)."""
    n = scores.size
    if 2 * size > n:  # the rest is the smaller choice
        values = scores.sum() - scores[_arrangements(n, n - size)].sum(axis=1)
    else:
        values = scores[_arrangements(n, size)].sum(axis=1)
    return _gathered(values, np.full(values.size, 1.0 / values.size))


def _gathered(values: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    rounded = np.round(values, _DIGITS) + 0.0
    unique, inverse = np.unique(rounded, return_inverse=True)
    shares = np.bincount(inverse, weights=weights, minlength=unique.size)
    return unique, shares.astype(np.float64)


def blocked_sum_test(
    scores: Sequence[ArrayLike], members: Sequence[ArrayLike], step: float = 0.0
) -> tuple[float, float, str]:
    """Two-sided permutation test of a sum of scores, shuffled within blocks only.

    `scores` are those of all units of each block, `members` tells which of them belong to the
    group, and sums lie `step` apart (0: anywhere). Gives p, the smallest p that any arrangement
    could give, and `exact` (all arrangements were counted) or `normal` (too many: the permutation
    mean and variance in the normal distribution). p is NaN, and the method empty, where all
    arrangements give the same sum.
    """
    blocks = []
    for raw, chosen in zip(scores, members, strict=True):
        values, group = np.asarray(raw, dtype=float), np.asarray(chosen, dtype=bool)
        if 0 < group.sum() < group.size:
            blocks.append((values - values.mean(), group))
    scale = max((float(np.abs(v).max()) for v, _ in blocks), default=0.0)
    if scale <= 1e-12:
        return float("nan"), float("nan"), ""
    blocks = [(values / scale, group) for values, group in blocks]
    observed = sum(float(values[group].sum()) for values, group in blocks)
    counts = [comb(group.size, int(group.sum())) for _, group in blocks]
    if max(counts) > MAX_ARRANGEMENTS or prod(counts) > MAX_ARRANGEMENTS**2:
        return (*_normal(blocks, observed, step / scale), "normal")
    sums, weights = np.zeros(1), np.ones(1)
    for values, group in blocks:
        more, share = _sums(values, int(group.sum()))
        if sums.size * more.size > 20 * MAX_ARRANGEMENTS:
            return (*_normal(blocks, observed, step / scale), "normal")
        sums, weights = _gathered(
            (sums[:, None] + more[None, :]).ravel(), (weights[:, None] * share[None, :]).ravel()
        )
    far = np.abs(sums)
    slack = 10.0 ** (1 - _DIGITS) * len(blocks)
    p = float(weights[far >= abs(observed) - slack].sum())
    smallest = float(weights[far >= far.max() - slack].sum())
    return min(p, 1.0), min(smallest, 1.0), "exact"


def _normal(
    blocks: Sequence[tuple[FloatArray, BoolArray]], observed: float, step: float
) -> tuple[float, float]:
    """P of the normal approximation (the scores are centred, so the mean is 0).

    Sums that lie `step` apart are taken half a step nearer: Yates' correction for continuity.
    """
    variance, extreme = 0.0, 0.0
    for values, group in blocks:
        n, k = group.size, int(group.sum())
        variance += k * (n - k) / (n * (n - 1)) * float((values**2).sum())
        extreme += float(np.sort(np.abs(values))[-k:].sum())
    deviation = np.sqrt(variance)
    return (
        float(2 * stats.norm.sf(max(abs(observed) - step / 2, 0.0) / deviation)),
        float(2 * stats.norm.sf((extreme - step / 2) / deviation)),
    )


def rank_sum_test(
    values: Sequence[ArrayLike], reference: Sequence[ArrayLike]
) -> tuple[float, float, str]:
    """Mann-Whitney test within blocks (van Elteren's), exact also with ties.

    Ranks are taken within each block and weighted by 1/(n + 1) (van Elteren 1960, Bull. Int. Stat.
    Inst. 37:351-361); one block gives Wilcoxon's rank sum, that is Mann-Whitney. `values` and
    `reference` are the units of each block, in the same order of blocks; gives what
    `blocked_sum_test` does.
    """
    scores: list[FloatArray] = []
    members: list[BoolArray] = []
    for a, b in zip(values, reference, strict=True):
        x, y = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
        together = np.concatenate([x, y])
        scores.append(stats.rankdata(together) / (together.size + 1))
        members.append(np.arange(together.size) < x.size)
    # Weighted ranks of several blocks have no common step.
    step = 1 / (len(members[0]) + 1) if len(members) == 1 else 0.0
    return blocked_sum_test(scores, members, step)


def sign_flip_test(differences: ArrayLike) -> tuple[float, float, str]:
    """Wilcoxon's signed-rank test of paired differences, exact also with ties and zeros.

    Zeros are ranked with the others and then carry no sign (Pratt 1959,
    doi:10.1080/01621459.1959.10501526). Gives what `blocked_sum_test` does.
    """
    gaps = np.asarray(differences, dtype=float)
    ranks = stats.rankdata(np.abs(gaps))
    return blocked_sum_test(
        [np.array([0.0, rank]) for rank, gap in zip(ranks, gaps, strict=True) if gap != 0],
        [np.array([gap < 0, gap > 0]) for gap in gaps if gap != 0],
    )
