"""Orders of conditions that follow only what was measured and how doses relate.

Random draws are handed out to conditions in some order. Conditions whose wells are equal (all cut
off at 0, say) have none of their own, and that of the rows or of the drugs must not decide: the
same plate, typed in another order, would get other intervals. Where measurements are tied, the
ranks of the doses decide, with the drugs in that one of all their orders that gives the smallest
table; where several do (drugs that the wells can't tell apart), all their orders count.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, groupby, permutations, product
from math import factorial, prod

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.response.doses import LAST_DIGITS, clusters

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

MOST_ORDERS = 24
"""Orders of drugs that are tried; of more (five drugs without effect, say) only the first is."""


def canonical_orders(doses: FloatArray, keys: FloatArray) -> list[IntArray]:
    """Order conditions by what was measured, and by the design where that is tied.

    Parameters
    ----------
    doses : ndarray, shape (c, k)
        Of each condition; 0: the drug is absent.
    keys : ndarray, shape (c, m)
        What was measured, the most important first.

    Returns
    -------
    list of ndarray of int, shape (c,)
        Numbers of the conditions; several orders where drugs can be exchanged and the table stays
        the same. With rows or drugs in another order, or other units, the same conditions stand
        in the same orders.
    """
    if len(np.unique(keys, axis=0)) == len(keys):
        return [_sorted(keys)]
    ranks = np.column_stack([_ranks(column) for column in doses.T])
    best: list[float] = []
    orders: dict[tuple[int, ...], IntArray] = {}
    for drugs in _drug_orders(ranks, keys):
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


def _ranks(dose: FloatArray) -> IntArray:
    """0 where a drug is absent, 1 at its lowest dose ..."""
    ranks = np.zeros(len(dose), dtype=np.intp)
    ranks[dose > 0] = 1 + clusters(np.log(dose[dose > 0]), LAST_DIGITS)
    return ranks


def _drug_orders(ranks: IntArray, keys: FloatArray) -> Iterator[list[int]]:
    """Orders of the drugs that differ only among those with the same conditions."""
    own = []
    for drug in range(ranks.shape[1]):
        rows = np.column_stack([ranks[:, drug], keys])
        own.append((rows[_sorted(rows)].ravel().tolist(), drug))
    own.sort()
    tied = [[drug for _, drug in same] for _, same in groupby(own, key=lambda one: one[0])]
    if prod(factorial(len(drugs)) for drugs in tied) > MOST_ORDERS:
        yield list(chain.from_iterable(tied))
        return
    for orders in product(*map(permutations, tied)):
        yield list(chain.from_iterable(orders))
