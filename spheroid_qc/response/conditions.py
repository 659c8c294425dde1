"""Conditions of one plate: wells with the same doses, their means and their common variance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import permutations

import numpy as np

from spheroid_qc.response.arrays import BoolArray, FloatArray, IntArray
from spheroid_qc.response.variance_model import (
    CONSTANT,
    PooledVariance,
    VarianceModel,
    fit_variance_model,
    pooled,
    reference_weight,
)

SAME_DOSE_TOLERANCE = 1e-6
"""Relative difference up to which two doses are one; dilutions are never that close."""


def clusters(values: FloatArray, gap: float) -> IntArray:
    """Give the number of the cluster that each value is in.

    Values (n,) are finite, in any order; within `gap` of the next one they share a cluster. 0 is
    the cluster of the lowest value.
    """
    order = np.argsort(values, kind="stable")
    found = np.zeros(len(values), dtype=np.intp)
    found[order[1:]] = np.cumsum(np.diff(values[order]) > gap)
    return found


def same_doses(doses: FloatArray) -> FloatArray:
    """Make doses equal that differ in the last digits: units were converted, dilutions computed.

    `doses` (n, k) has one column for each drug, 0 where it is absent; each becomes the lowest of
    those that are the same.
    """
    found = doses.copy()
    for column in found.T:
        given = column > 0
        levels = column[given]
        which = clusters(np.log(levels), SAME_DOSE_TOLERANCE)
        lowest = np.full(int(which.max(initial=-1)) + 1, np.inf)
        np.minimum.at(lowest, which, levels)
        column[given] = lowest[which]
    return found


MAX_EXCHANGED = 5
"""Drugs of a combination up to which all their orders are tried (120); of more, their own."""


def canonical_orders(doses: FloatArray, keys: FloatArray) -> list[IntArray]:
    """Order conditions by what was measured, and by the design where that is tied.

    `doses` (c, k), 0 where the drug is absent; `keys` (c, m) is what was measured, the most
    important first. Gives several orders of the c conditions where drugs can be exchanged and the
    table stays the same. With rows or drugs in another order, or other units, the same conditions
    stand in the same orders.
    """
    if len(np.unique(keys, axis=0)) == len(keys):
        return [_sorted(keys)]
    # 0 where a drug is absent, 1 at its lowest dose ...
    ranks = np.column_stack(
        [np.unique(np.append(0, column), return_inverse=True)[1][1:] for column in doses.T]
    )
    best: list[float] = []
    orders: dict[tuple[int, ...], IntArray] = {}
    k = doses.shape[1]
    for drugs in permutations(range(k)) if k <= MAX_EXCHANGED else [tuple(range(k))]:
        table = np.column_stack([keys, ranks[:, drugs]])
        order = _sorted(table)
        form = table[order].ravel().tolist()
        if not orders or form < best:
            best, orders = form, {}
        if form == best:
            orders[tuple(order.tolist())] = order
    return list(orders.values())


def _sorted(table: FloatArray) -> IntArray:
    """Order of rows by their first column, then their second ..."""
    return np.lexsort(table.T[::-1])


@dataclass(frozen=True)
class Conditions:
    """Means of wells with the same doses.

    `doses` (c, k) are without the vehicle; `squares` are sums of squared deviations from the `mean`
    effect of `count` wells. `bottomed` and `topped`: a well stands at exactly 0 (1), and none of
    the plate's beyond: effects were cut off. `vehicle_weight` is the variance of the reference in
    units of a well's; 0 where effects were not normalised to these vehicle wells.
    """

    doses: FloatArray
    mean: FloatArray
    count: FloatArray
    squares: FloatArray
    bottomed: BoolArray
    topped: BoolArray
    vehicle_weight: float
    variance_model: VarianceModel = CONSTANT

    @property
    def relative(self) -> FloatArray:
        """Variance of a well of each condition, in units of `variance`."""
        return self.variance_model.relative(self.mean)

    @cached_property
    def noise(self) -> PooledVariance:
        """Pooled variance of a well of weight 1; NaN, with no degrees of freedom, if none repeats.

        Effects that were cut off to exactly 0 or 1 in all wells say nothing about scatter, and
        where some wells were, the conditions without such wells count if they scatter more.
        """
        informative = ~_clipped(self.mean, self.squares)
        uncut = ~(self.bottomed | self.topped)
        return self._pooled(informative).or_larger(self._pooled(uncut))

    def _pooled(self, chosen: BoolArray) -> PooledVariance:
        df = None
        if self.variance_model.shape != "constant":
            within = (self.count - 1)[chosen]
            df = max(int(self.variance_model.known_df(self.mean[chosen], within)), 1)
        return pooled(self.squares / self.relative, self.count, chosen, df)

    @property
    def df(self) -> int:
        """Degrees of freedom of `variance`, as far as intervals may trust in it."""
        return self.noise.df

    @property
    def variance(self) -> float:
        """Variance of a well of weight 1."""
        return self.noise.variance

    @cached_property
    def orders(self) -> list[IntArray]:
        """Numbers of the conditions in the order of their means, and of the design where tied.

        The same for the same wells in other rows, with other names or units of the drugs; more
        than one where drugs can be exchanged.
        """
        # Sums of a percentage and of a fraction differ in the last digits.
        keys = [np.round(key, 10) for key in (self.mean, self.count, self.squares)]
        return canonical_orders(self.doses, np.column_stack([*keys, self.bottomed, self.topped]))

    def find(self, dose: FloatArray) -> int:
        """Find the number of a condition, -1 if it was not tested.

        Doses agree within 0.1 %: dilutions are written with few digits.
        """
        close = (np.abs(self.doses - dose) <= 1e-3 * np.abs(dose)).all(axis=1)
        if not close.any():
            return -1
        distance = np.abs(self.doses - dose).sum(axis=1)
        return int(np.argmin(np.where(close, distance, np.inf)))


def _clipped(mean: FloatArray, squares: FloatArray) -> BoolArray:
    """Conditions whose wells all stand at exactly 0 or 1."""
    return np.asarray((squares == 0) & np.isin(mean, (0.0, 1.0)))


def conditions(
    doses: FloatArray,
    effect: FloatArray,
    variance_model: VarianceModel | None = None,
    reference: str = "",
) -> Conditions:
    """Group wells by their doses.

    `doses` (n, k) are 0 where a drug is absent, all 0: vehicle; those that are one are equal
    (`same_doses`); `effect` (n,) is the fraction
    affected. Without a `variance_model` it is judged from these wells. `reference` is what of the
    vehicle wells effects were normalised to: `mean`, `median`, or empty where that is not known.
    """
    treated = (doses > 0).any(axis=1)
    _, first, which = np.unique(doses[treated], axis=0, return_index=True, return_inverse=True)
    which = np.asarray(which).ravel()
    groups = [np.sort(effect[treated][which == i]) for i in range(len(first))]
    vehicle = np.sort(effect[~treated])
    means = np.array([group.mean() for group in groups])
    count = np.array([float(len(group)) for group in groups])
    bottom, top = float(effect.min(initial=1.0)), float(effect.max(initial=0.0))
    squares = np.array([((group - group.mean()) ** 2).sum() for group in groups])
    informative = ~_clipped(means, squares)
    if variance_model is None:
        variance_model = fit_variance_model(
            means[informative], count[informative], squares[informative]
        )
    found = Conditions(
        doses=doses[treated][first],
        mean=means,
        count=count,
        squares=squares,
        bottomed=np.array([bottom >= 0 and bool((group == 0).any()) for group in groups], bool),
        topped=np.array([top <= 1 and bool((group == 1).any()) for group in groups], bool),
        vehicle_weight=0.0,
        variance_model=variance_model,
    )
    weight = reference_weight(vehicle, reference, variance_model, found.variance)
    return replace(found, vehicle_weight=weight)
