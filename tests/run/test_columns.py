"""Rows come out as they would from a list of dictionaries."""

from __future__ import annotations

import pandas as pd
import pytest

from spheroid_qc.run.columns import Columns

ROWS = [
    [],
    [{}],
    [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}],
    [{"a": 1}, {"b": 2.5}, {"c": "z", "a": None}],
    [{"a": None}, {"a": None, "b": True}],
    [{"a": 1, "b": None}, {"b": "text", "a": 2.5}, {"d": 3}],
]


@pytest.mark.parametrize("rows", ROWS)
def test_as_a_list_of_dictionaries(rows):
    columns = Columns()
    for row in rows:
        columns.add(row)
    assert len(columns) == len(rows)
    found, expected = columns.table(), pd.DataFrame(rows)
    assert list(found.columns) == list(expected.columns)
    for name in expected:
        assert found[name].isna().tolist() == expected[name].isna().tolist()
        assert found[name].dropna().tolist() == expected[name].dropna().tolist()
        numeric = pd.api.types.is_numeric_dtype
        assert numeric(found[name]) == numeric(expected[name])
