"""Orders of conditions that neither rows nor drugs nor units decide."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from spheroid_qc.response.canonical import canonical_order


def ordered(doses, keys):
    order = canonical_order(doses, keys)
    assert sorted(order) == list(range(len(doses)))
    return order


def test_measurements_decide_first():
    keys = np.array([[0.3, 3.0], [0.1, 3.0], [0.3, 2.0]])
    assert ordered(np.array([[1.0], [2.0], [3.0]]), keys).tolist() == [1, 2, 0]


@pytest.mark.parametrize("k", [2, 3, 4])
def test_rows_drugs_and_units_change_nothing(k):
    rng = np.random.default_rng(k)
    doses = np.array(list(np.ndindex(*(3,) * k)), dtype=float)[1:]
    keys = np.column_stack([rng.integers(0, 3, len(doses)), np.full(len(doses), 3)]).astype(float)
    one = ordered(doses, keys)
    for drugs in permutations(range(k)):
        rows = rng.permutation(len(doses))
        units = 1000.0 ** rng.integers(-1, 2, k)
        other = ordered((doses * units)[rows][:, list(drugs)], keys[rows])
        assert rows[other].tolist() == one.tolist()


def test_conditions_that_the_wells_can_t_tell_apart_may_change_places():
    """Two drugs with the same wells: only how conditions lie to each other is fixed."""
    doses = np.array([[1.0, 0], [2, 0], [0, 1], [0, 2], [1, 2], [2, 1]])
    keys = np.array([[0.0], [0], [0], [0], [0], [0]])
    one = doses[ordered(doses, keys)]
    other = doses[:, ::-1][ordered(doses[:, ::-1], keys)]
    assert (one == other).all()
