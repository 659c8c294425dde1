"""Six digits, empty for missing, and nothing that a spreadsheet would run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spheroid_qc.run.csvfile import escape_formula, write_table


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
