"""Orders of conditions that neither rows nor drugs nor units decide."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from spheroid_qc.response.conditions import canonical_orders


def ordered(doses, keys):
    orders = canonical_orders(doses, keys)
    assert all(sorted(order) == list(range(len(doses))) for order in orders)
    return orders


def test_measurements_decide_first():
    keys = np.array([[0.3, 3.0], [0.1, 3.0], [0.3, 2.0]])
    (order,) = ordered(np.array([[1.0], [2.0], [3.0]]), keys)
    assert order.tolist() == [1, 2, 0]


@pytest.mark.parametrize("k", [2, 3, 4])
def test_rows_drugs_and_units_change_nothing(k):
    rng = np.random.default_rng(k)
    doses = np.array(list(np.ndindex(*(3,) * k)), dtype=float)[1:]
    keys = np.column_stack([rng.integers(0, 3, len(doses)), np.full(len(doses), 3)]).astype(float)
    (one,) = ordered(doses, keys)
    for drugs in permutations(range(k)):
        rows = rng.permutation(len(doses))
        units = 1000.0 ** rng.integers(-1, 2, k)
        (other,) = ordered((doses * units)[rows][:, list(drugs)], keys[rows])
        assert rows[other].tolist() == one.tolist()


@pytest.mark.parametrize("k", [2, 3])
def test_drugs_that_the_wells_can_t_tell_apart_have_all_their_orders(k):
    doses = np.array(list(np.ndindex(*(3,) * k)), dtype=float)[1:]
    keys = doses.sum(axis=1, keepdims=True)
    one = {tuple(map(tuple, doses[order])) for order in ordered(doses, keys)}
    assert len(one) > 1
    for drugs in permutations(range(k)):
        turned = doses[:, list(drugs)]
        other = {tuple(map(tuple, doses[order])) for order in ordered(turned, keys)}
        assert other == one


def test_many_drugs_without_effect_take_no_time():
    doses = np.vstack([np.eye(9), 2 * np.eye(9)])
    assert len(ordered(doses, np.zeros((18, 1)))) == 1
