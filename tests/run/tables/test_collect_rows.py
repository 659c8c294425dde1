"""Rows come out as they would from a list of dictionaries."""

from __future__ import annotations

import pandas as pd
import pytest

from spheroid_qc.run.tables.collect_rows import Columns

ROWS = [
    [],
    [{}],
    [{"a": 1, "b": "x", "c": 2}, {"a": 2.5, "b": "y", "c": 3}],
    [{"a": 1}, {"b": "z", "a": None}],
    [{"a": None}, {"b": None, "c": True}],
    [{"d": 3, "a": 1}],
]


@pytest.mark.parametrize("rows", ROWS)
def test_as_a_list_of_dictionaries(rows):
    columns = Columns()
    for row in rows:
        columns.add(row)
    found = columns.table().reindex(columns=["b", "a", "c"])
    expected = pd.DataFrame(rows).reindex(columns=["b", "a", "c"])
    assert list(found.columns) == list(expected.columns)
    assert len(found) == len(rows)
    for name in expected:
        assert found[name].isna().tolist() == expected[name].isna().tolist()
        assert found[name].dropna().tolist() == expected[name].dropna().tolist()
    if len(rows) and len(rows[0]):
        assert (found.dtypes[["a", "c"]] == "float64").all()
