"""What a table was taken for, and its way through the canonical long table and back."""

from __future__ import annotations

import pandas as pd
import pytest

from spheroid_qc.analysis.inspect_table import inspect_table, write_canonical
from spheroid_qc.analysis.read_responses import read_response_files
from spheroid_qc.errors import RequestError
from spheroid_qc.plate_map import read_plate_map

MAP = "well,drug,Dose uM (final),donor,colour\nA1,DMSO,0,x,1\nA2,gem,1,x,2\nA3,gem,1,y,3\n"
RESPONSES = (
    "Patient,drug,conc (nM),time,viability (%)\n"
    "A,DMSO,0,24h,99\nB,DMSO,0,24h,101\nA,gem,10,24h,50.5\nB,Gem,30,24h,90\nA,gem,30,24h,12\n"
    "B,gem,10,24h,97\n"
)


def test_of_a_plate_map(tmp_path, call) -> None:
    path = tmp_path / "map.csv"
    path.write_text(MAP, "utf-8")
    found = inspect_table(path)
    text = "\n".join(found.lines)
    assert "map.csv: 3 lines, headings in line 1" in text
    assert "  Dose uM (final): doses in uM [0, 1]" in text
    assert "  donor: a stratum where rows of one treatment differ in it, else a label" in text
    assert "Read as a plate map: 3 wells, 1 vehicle, 2 treated; drugs gem." in text
    status, out, _ = call("inspect", path, "--write", tmp_path / "long.csv")
    assert status == 0
    assert "Wrote the plate map with one line a drug of each well" in out
    assert read_plate_map(tmp_path / "long.csv") == read_plate_map(path)


def test_of_responses(tmp_path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(RESPONSES, "utf-8")
    found = inspect_table(path)
    text = "\n".join(found.lines)
    assert "  viability (%): the response: viability, percent" in text
    assert "  time: times in hours unless the cells say otherwise [24h]" in text
    assert "Read as responses: 6 rows; drugs gem; the response is the column viability (%)" in text
    write_canonical(found, tmp_path / "long.csv")
    back = read_response_files(tmp_path / "long.csv")
    assert found.responses is not None
    columns = sorted(found.responses.rows.columns)
    pd.testing.assert_frame_equal(back.rows[columns], found.responses.rows[columns])
    assert (back.stated_kind, back.stated_unit) == ("viability", "percent")


def test_of_values_and_of_nothing(tmp_path, call) -> None:
    path = tmp_path / "t.txt"
    path.write_text("Label:\n\nDate Time\tElapsed\tA1\tB1\nx\t0\t3\t5\nx\t8\t0\t9\n", "utf-8")
    text = "\n".join(inspect_table(path).lines)
    assert "t.txt, read as an IncuCyte metric export: 4 lines" in text
    assert "response of 2 wells at 2 times; give it to analyse with --plate-map" in text
    path.write_text("a,b\nfoo,bar\n", "utf-8")
    status, out, error = call("inspect", path)
    assert (status, "has neither wells nor drugs with doses" in out) == (2, True)
    assert "can't be read as it is" in error


def test_of_what_is_wrong(tmp_path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("drug,dose_uM,viability (%)\nDMSO,0,100\ngem,1,50\ngem,,20\n", "utf-8")
    found = inspect_table(path)
    assert found.responses is None
    assert found.reasons[0].startswith("Not read as responses: t.csv, line 4, column 1 (drug)")
    with pytest.raises(RequestError, match="nothing to write"):
        write_canonical(found, tmp_path / "long.csv")
