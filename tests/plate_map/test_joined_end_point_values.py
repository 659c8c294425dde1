"""End-point values by plate and well."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from spheroid_qc.errors import PlateMapError
from spheroid_qc.plate_map.joined_end_point_values import EndPoints, read_end_points


def read(folder: Path, text: str, name: str = "atp.csv") -> EndPoints:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_end_points(path)


def test_columns_of_numbers(tmp_path: Path) -> None:
    joined = read(tmp_path, "well,ATP,LDH,comment\na1,1.5e4,0.2,ok\nA2,,NA,ok\nB3,-3,0.1,\n")
    assert joined.columns == ("ATP", "LDH")
    assert joined.values == {
        (None, "A01"): {"ATP": 15000.0, "LDH": 0.2},
        (None, "A02"): {},
        (None, "B03"): {"ATP": -3.0, "LDH": 0.1},
    }
    assert "Column comment holds words and is left out." in joined.notes


def test_decimal_commas_and_plates(tmp_path: Path) -> None:
    joined = read(tmp_path, "Platte;Well;ATP (RLU)\nP1;A1;1,5\nP2;A1;2,5\n")
    assert joined.for_plates(["P1", "run/p2", "P3"]) == {
        ("P1", "A01"): {"ATP (RLU)": 1.5},
        ("run/p2", "A01"): {"ATP (RLU)": 2.5},
    }
    assert list(joined.for_plates(["P1"])) == [("P1", "A01")]
    with pytest.raises(PlateMapError, match="the plates P1, P2, which are not among"):
        joined.for_plates(["Q"])


def test_values_without_plate_belong_to_one_plate(tmp_path: Path) -> None:
    joined = read(tmp_path, "well,ATP\nA1,1\n")
    assert joined.for_plates(["any"]) == {("any", "A01"): {"ATP": 1.0}}
    with pytest.raises(PlateMapError, match="names no plate, but 2 plates"):
        joined.for_plates(["a", "b"])


def test_grids_of_a_plate_reader(tmp_path: Path) -> None:
    joined = read(tmp_path, "Reader 5000\n\nATP,1,2\nA,10,20\nB,30,\n\nLDH,1,2\nA,1,2\nB,3,4\n")
    assert joined.columns == ("ATP", "LDH")
    assert joined.values[None, "B01"] == {"ATP": 30.0, "LDH": 3.0}
    assert joined.values[None, "B02"] == {"LDH": 4.0}
    bare = read(tmp_path, ",1,2\nA,10,20\n")
    assert bare.columns == ("atp",)


def test_workbook(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["well", "ATP"])
    sheet.append(["A1", 1234.5])
    book.save(tmp_path / "atp.xlsx")
    assert read_end_points(tmp_path / "atp.xlsx").values == {(None, "A01"): {"ATP": 1234.5}}


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("well,ATP\nA1,1\nZ9x,2\n", "line 3, column 1 (well)", "'Z9x' is not a well"),
        ("well,ATP\nA1,1\na01,2\n", "line 3, column 1 (well)", "stands in line 2 already"),
        ("well,ATP\nA1,1\nA2,OVRFLW\n", "line 3, column 2 (ATP)", "'OVRFLW' is not a number"),
        ("well,ATP\nA1,1\nA2,inf\n", "line 3, column 2 (ATP)", "not a finite number"),
        ('well,ATP\nA1,"1,000"\n', "line 2, column 2 (ATP)", "1000 without a separator"),
        ("well,ATP\nA1,1,5\n", "line 2, column 3", "more cells than line 1"),
        ("well,comment\nA1,ok\n", "line 1", "no column holds numbers"),
        ("a,b\n1,2\n", "line 1, column 1", "no column with wells"),
        ("well,ATP\n", "line 1, column 1", "no wells follow"),
    ],
)
def test_refused(tmp_path: Path, text: str, place: str, words: str) -> None:
    with pytest.raises(PlateMapError) as caught:
        read(tmp_path, text)
    assert any(
        problem.startswith(f"atp.csv, {place}") and words in problem
        for problem in caught.value.problems
    )


def test_wells_outside_the_stated_plate(tmp_path: Path) -> None:
    (tmp_path / "atp.csv").write_text("well,ATP\nA13,1\n")
    with pytest.raises(PlateMapError, match="A13 is not a well of a 96-well plate"):
        read_end_points(tmp_path / "atp.csv", well_count=96)


def test_one_well_is_not_wells(tmp_path: Path) -> None:
    path = tmp_path / "end.csv"
    path.write_text("well,viability\nA1,0.5\n", encoding="utf-8")
    assert "Values joined for 1 well: viability." in read_end_points(path).notes


def test_wells_and_shares_as_people_write_them(tmp_path) -> None:
    path = tmp_path / "atp.csv"
    path.write_text("Well ID,ATP\nWell A1,85 %\nR02C03,12.5%\nMean,48\n", "utf-8")
    assert read_end_points(path).values == {
        (None, "A01"): {"ATP": 85.0},
        (None, "B03"): {"ATP": 12.5},
    }
