"""Six digits, empty for missing, and nothing that a spreadsheet would run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spheroid_qc.tables.csv_writer import escape_formula, write_table


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


def test_whole_numbers_keep_all_their_digits(tmp_path):
    table = pd.DataFrame(
        {
            "name": ["=a", None, 'µ,"x"', "a\nb"],
            "value": [1234567.0, np.nan, -0.000123456789, np.inf],
            "size": [1234567.0, np.nan, 3.0, 4.0],
        }
    )
    write_table(tmp_path / "t.csv", table, whole={"size", "name"})
    assert (tmp_path / "t.csv").read_bytes().decode() == (
        'name,value,size\n\'=a,1.23457e+06,1234567\n,,\n"µ,""x""",-0.000123457,3\na\\x0ab,inf,4\n'
    )


def test_a_table_that_was_not_finished_leaves_the_old_one(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("old")

    class Broken:
        def __str__(self) -> str:
            raise KeyError

    with pytest.raises(KeyError):
        write_table(path, pd.DataFrame({"a": [1, Broken()]}))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
