"""What a table was taken for, and its way through the canonical long table and back."""

from __future__ import annotations

import openpyxl
import pandas as pd
import pytest

from spheroid_qc.errors import RequestError
from spheroid_qc.plate_map import read_plate_map
from spheroid_qc.response_tables.inspect_table import inspect_table, write_canonical
from spheroid_qc.response_tables.read_responses import read_response_files
from spheroid_qc.response_tables.rows_of_responses import GIVEN_UNIT

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
    # The unit that doses came in is for showing them; the long form has all in µM.
    columns = sorted(c for c in found.responses.rows if not c.startswith(GIVEN_UNIT))
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


REFUSED_MAPS = [
    ("well,drug,dose\nA1,DMSO,\nA2,gem,1\n", "has no unit"),
    ("well,drug,dose_uM,drug_2,dose_2_uM\nA1,DMSO,,,\nA2,gem,1,gem,2\n", "gem twice"),
    ("well,drug,dose_uM\nA1,DMSO,\nA2,gem,1\nA3,PC,5\n", "'PC' with a dose"),
    ("drug,1,2\nA,DMSO,gem\n\ndose,1,2\nA,,1\n", "has no unit"),
]


@pytest.mark.parametrize(("text", "why"), REFUSED_MAPS)
def test_a_map_that_is_refused_is_no_table_of_values(text, why, tmp_path, call) -> None:
    path = tmp_path / "map.csv"
    path.write_text(text, "utf-8")
    status, out, error = call("inspect", path)
    assert status == 2
    assert "Read as" not in out
    assert why in out
    assert "can't be read as it is" in error


def test_what_analyse_refuses_inspect_refuses(tmp_path, call) -> None:
    path = tmp_path / "t.csv"
    rows = "".join(f"gem,{dose},{value}\n" for dose, value in ((1, 0.9), (3, 0.5), (10, 0.1)))
    path.write_text(f"drug,dose_uM,viability (%)\nDMSO,0,1.0\nDMSO,0,1.01\n{rows}", "utf-8")
    status, out, _ = call("inspect", path)
    assert (status, "called percentages" in out) == (2, True)
    path.write_text(f"drug,dose_uM,viability\nDMSO,0,0.02\nDMSO,0,0.01\n{rows}", "utf-8")
    status, out, _ = call("inspect", path)
    assert (status, "though they hold no drug" in out) == (2, True)


def test_a_map_with_bad_responses_is_said_to_be_only_a_map(tmp_path, call) -> None:
    path = tmp_path / "t.csv"
    path.write_text("well,drug,dose_uM,viability (%)\nA1,DMSO,0,99\nA2,gem,1,dead\n", "utf-8")
    status, out, _ = call("inspect", path)
    assert status == 1
    assert "Read as a plate map: 2 wells" in out
    assert "Not read as responses: t.csv, line 3" in out


def test_options_of_inspect(tmp_path, call) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "drug,dose_uM,batch,OD\nDMSO,0,a,1\nDMSO,0,b,1\ngem,1,a,2\ngem,1,b,3\n", "utf-8"
    )
    status, out, _ = call("inspect", path, "--response-column", "OD")
    assert (status, "column 3 (batch)" in out) == (2, True)
    status, out, _ = call("inspect", path, "--response-column", "OD", "--column", "batch=ignore")
    assert (status, "Read as responses: 4 rows" in out) == (0, True)
    assert "  OD: the response" in out
    values, plate_map = tmp_path / "v.csv", tmp_path / "map.csv"
    values.write_text("well,OD\nA1,1\nA2,0.4\n", "utf-8")
    plate_map.write_text("well,drug,dose_uM\nA1,DMSO,\nA2,gem,1\n", "utf-8")
    status, out, _ = call("inspect", values, "--plate-map", plate_map, "--response-column", "OD")
    assert (status, "Read as responses: 2 rows; drugs gem" in out) == (0, True)
    status, out, _ = call("inspect", values)
    assert (status, "Read as values by well: OD of 2 wells" in out) == (0, True)
    plate_map.write_text(
        "well,drug,dose_uM,lot\nA1,gem,1,a\nA2,gem,1,b\nA3,gem,3,a\nA4,gem,3,b\n", "utf-8"
    )
    status, out, _ = call("inspect", plate_map)
    assert (status, "differ in the column lot" in out) == (2, True)
    assert call("inspect", plate_map, "--column", "lot=stratum")[0] == 0


def test_a_map_and_values_on_two_sheets(tmp_path, call) -> None:
    book = openpyxl.Workbook()
    for name, rows in (
        ("Layout", [["well", "drug", "dose_uM"], ["A1", "DMSO", None], ["A2", "gem", 1]]),
        ("Data", [["well", "viability (%)"], ["A1", 100], ["A2", 40]]),
    ):
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    del book["Sheet"]
    book.save(tmp_path / "t.xlsx")
    status, out, _ = call("inspect", tmp_path / "t.xlsx", "--write", tmp_path / "long.csv")
    assert status == 0
    assert "Read as responses: 2 rows; drugs gem" in out
    assert "Wrote the responses" in out
    assert read_response_files(tmp_path / "long.csv").rows["response"].tolist() == [100, 40]


def test_grids_are_shown_as_grids(tmp_path, call) -> None:
    path = tmp_path / "map.csv"
    path.write_text("drug,1,2\nA,DMSO,gem\n\ndose_uM,1,2\nA,,1\n", "utf-8")
    status, out, _ = call("inspect", path)
    assert status == 0
    assert "map.csv: 2 grids of wells\n  drug: 2 cells\n  dose_uM: 2 cells" in out
    assert "not known" not in out


def test_amounts_beside_wells_may_be_doses_or_measured(tmp_path, call) -> None:
    path = tmp_path / "t.csv"
    path.write_text("well,gem_uM,sel_uM\nA1,0,0\nA2,1,0\n", "utf-8")
    status, out, _ = call("inspect", path)
    assert status == 1
    assert "Read as values by well: gem_uM, sel_uM of 2 wells" in out
    assert "looks like doses of one drug" in out


def test_a_matrix_of_synergyfinder_is_no_plate(tmp_path, call) -> None:
    path = tmp_path / "t.csv"
    head = "BlockId,DrugRow,DrugCol,Row,Col,Response,ConcRow,ConcCol,ConcUnit\n"
    path.write_text(f"{head}1,a,b,1,1,100,0,0,uM\n1,a,b,1,2,90,0,1,uM\n", "utf-8")
    status, out, _ = call("inspect", path)
    assert status == 0
    assert "Read as a plate map" not in out
    assert "  Row: counts the matrix of doses, not used" in out
