"""Six digits, empty for missing, and nothing that a spreadsheet would run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spheroid_qc.tables.csv_writer import escape_formula, table_writer, write_table


def test_format(tmp_path):
    table = pd.DataFrame(
        {
            "name": ["a", None, "µ,x"],
            "value": [1234567.0, np.nan, 0.000123456789],
            "count": pd.array([1, None, 3], dtype="Int64"),
            "mixed": [1.0, 2.0, np.nan],
            "flag": [True, False, True],
        }
    )
    write_table(tmp_path / "t.csv", table)
    assert (tmp_path / "t.csv").read_bytes().decode() == (
        'name,value,count,mixed,flag\na,1.23457e+06,1,1,1\n,,,2,0\n"µ,x",0.000123457,3,,1\n'
    )


@pytest.mark.parametrize(
    "text", ["=1+1", "+1+1", "-A1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0"]
)
def test_formulas_are_text(tmp_path, text):
    assert str(escape_formula(text))[0] in "'\\"
    write_table(tmp_path / "t.csv", pd.DataFrame({text: [text], "b": [text]}))
    rows = (tmp_path / "t.csv").read_text().splitlines()
    assert len(rows) == 2
    assert not any(cell.strip('"').startswith(("=", "+", "-", "@")) for r in rows for cell in [r])


def test_numbers_are_not_escaped():
    assert escape_formula(-1.5) == -1.5
    assert escape_formula("-80") == "-80"
    assert escape_formula("A01") == "A01"


def test_line_breaks_in_names_do_not_break_rows(tmp_path):
    write_table(tmp_path / "t.csv", pd.DataFrame({"a": ["x\ny\x00z"]}))
    assert (tmp_path / "t.csv").read_text() == "a\nx\\x0ay\\x00z\n"


def test_row_by_row_comes_out_as_the_whole_table(tmp_path):
    rows = [
        {"name": "=a", "value": 1234567.0, "count": 1234567, "flag": True, "size": 1234567},
        {"name": None, "value": np.nan, "count": None, "flag": False, "size": 2},
        {"name": 'µ,"x"', "value": -0.000123456789, "count": 3, "flag": True, "size": 3},
        {"name": "a\nb", "value": np.inf, "count": 4, "flag": np.True_, "size": 4},
    ]
    table = pd.DataFrame(rows)
    table["flag"] = table["flag"].astype(bool)
    write_table(tmp_path / "whole.csv", table)
    columns = list(table.columns)
    with table_writer(tmp_path / "rows.csv", columns, whole={"size"}) as writer:
        for row in rows:
            writer.add({**row, "further": 1})
    assert (tmp_path / "rows.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_a_table_that_was_not_finished_leaves_the_old_one(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("old")

    def broken():
        with table_writer(path, ["a"]) as writer:
            writer.add({"a": 1})
            raise KeyError

    with pytest.raises(KeyError):
        broken()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
