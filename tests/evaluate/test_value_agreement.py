"""Tables of measured values in any dialect, joined by wells and times."""

from __future__ import annotations

import pytest

from spheroid_qc.errors import RequestError
from spheroid_qc.evaluate.value_agreement import join_tables, read_table


def test_wells_times_and_decimal_commas(tmp_path) -> None:
    ours, theirs = tmp_path / "ours.csv", tmp_path / "theirs.csv"
    ours.write_text("well,time_h,area,note\nA01,24,10.5,good\nB02,48,20.5,\n", "utf-8")
    theirs.write_text("Well ID;Day;area\nA1;1;10,0\nWell B2;2;21,0\nMean;;15,5\n", "utf-8")
    joined, keys, values, *lonely = join_tables(read_table(ours), read_table(theirs), (), ())
    assert (keys, values, lonely) == (("well", "time_h"), ("area",), [0, 0])
    assert joined["area_true"].tolist() == [10.0, 21.0]


def test_tables_that_cannot_be_read(tmp_path) -> None:
    with pytest.raises(RequestError, match="does not exist"):
        read_table(tmp_path / "none.csv")
    (tmp_path / "head.csv").write_text("well,area\n", "utf-8")
    with pytest.raises(RequestError, match="holds no rows"):
        read_table(tmp_path / "head.csv")


def test_titles_above_and_wells_from_rows_and_columns(tmp_path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("Spheroid areas, May\n\nFila,Columna,area\nA,1,10\nB,2,20\n", "utf-8")
    table = read_table(path)
    assert table["well"].tolist() == ["A01", "B02"]
    assert table["area"].tolist() == [10, 20]
    path.write_text("image,row,column,area\na,131.5,2,10\nb,17,1400,20\n", "utf-8")
    assert "well" not in read_table(path)
