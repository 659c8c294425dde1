"""Everything a plate map is refused for, with file, line and column."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import openpyxl
import pytest

from spheroid_qc.errors import PlateMapError, RequestError
from spheroid_qc.plate_map import read_plate_map

HEAD = "well,drug,dose,unit,role\n"


def refused(folder: Path, text: str, **options: int) -> tuple[str, ...]:
    path = folder / "map.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PlateMapError) as caught:
        read_plate_map(path, **options)
    return caught.value.problems


@pytest.mark.parametrize(
    ("line", "column", "words"),
    [
        ("Z99,x,1,uM,", 1, "'Z99' is not a well"),
        ("A49,x,1,uM,", 1, "'A49' is not a well"),
        ("A1-A6,x,1,uM,", 1, "no ranges"),
        (",x,1,uM,", 1, "the well is missing"),
        ("1-Feb,x,1,uM,", 1, "is a date"),
        ("Feb-01,x,1,uM,", 1, "is a date"),
        ("01. Mrz,x,1,uM,", 1, "is a date"),
        ("1E+03,x,1,uM,", 1, "Write the well as E03"),
        ("1.00E+03,x,1,uM,", 1, "Write the well as E03"),
        ("1000,x,1,uM,", 1, "Write the well as E03"),
        ("2E5,x,1,uM,", 1, "Write the well as E05"),
        ("17,x,1,uM,", 1, "is a number, not a well"),
        ("A1,,5,uM,", 3, "has no drug"),
        ("A1,x,5,,", 3, "of x has no unit"),
        ("A1,x,5,foo,", 4, "the unit 'foo' is not known"),
        ("A1,x,5,MM,", 4, "the unit 'MM' is not known"),
        ("A1,x,5,?M,", 4, "damaged by a wrong encoding"),
        ("A1,x,5 nM,uM,", 4, "two units for one dose, nM and uM"),
        ("A1,x,5 foo,,", 3, "the unit 'foo' is not known"),
        ("A1,x,-1,uM,", 3, "is negative"),
        ("A1,x,NaN,uM,", 2, "x has no dose"),
        ("A1,x,n.d.,uM,", 2, "x has no dose"),
        ("A1,x,inf,uM,", 3, "not a finite number"),
        ("A1,x,#N/A,uM,", 3, "error value"),
        ("A1,x,high,uM,", 3, "is not a number"),
        ('A1,x,"1,000",uM,', 3, "1000 without a separator"),
        ("A1,x,1e400,uM,", 3, "beyond all measure"),
        ("A1,x,1+2,uM,", 3, "columns drug_2 and dose_2"),
        ("A1,x,,uM,", 2, "x has no dose"),
        ("A1,x,1,uM,vehicle", 5, "two roles: it is called vehicle but holds x 1 uM"),
        ("A1,DMSO,,,positive", 5, "two roles"),
        ("A1,x,1,uM,wizard", 5, "the role 'wizard' is not known"),
        ("A2,x,1,uM,", 1, "well A02 has x in line 2 already"),
        ("a002,x,2,uM,", 1, "well A02 has x in line 2 already"),
        ("A2,,,,vehicle", 1, "well A02 stands in line 2 already"),
        ("A1,x,1,uM,treated,surplus", 6, "beyond the last heading"),
    ],
)
def test_one_mistake(tmp_path: Path, line: str, column: int, words: str) -> None:
    (sentence,) = refused(tmp_path, f"{HEAD}A2,x,1,uM,\n{line}\nA3,DMSO,,,vehicle\n")
    assert words in sentence
    assert sentence.startswith(f"map.csv, line 3, column {column}")
    assert sentence.endswith(".")
    assert issubclass(PlateMapError, RequestError)


def test_two_roles_in_two_lines(tmp_path: Path) -> None:
    (sentence,) = refused(
        tmp_path, f"{HEAD}A1,x,1,uM,treated\nA1,y,1,uM,positive_control\nA2,DMSO,,,\n"
    )
    assert sentence.startswith("map.csv, line 3, column 5 (role): well A01 has two roles")


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("well,drug,dose_xM\nA1,a,1\n", 1, 3, "the unit in this heading is not known"),
        ("well,drug,dose (foo)\nA1,a,1\n", 2, 3, "the unit 'foo' is not known"),
        ("well,dose_uM\nA1,1\n", 2, 2, "add a column drug"),
        ("well,drug,drug,dose_uM\nA1,a,b,1\n", 1, 3, "the same as column 2"),
        ("well,drug,dose_uM,batch,Batch\nA1,a,1,x,y\n", 1, 5, "the same as column 4"),
        ("well,drug,dose_uM\n", 1, 1, "no wells follow"),
        ("well,colour\nA1,red\n", 1, 1, "no column that says what is in them"),
        ("well,selinexor_uM\nA1,1\n", 1, 2, "looks like doses of one drug"),
        ("well,cell_line,x_uM\nA1,L,1\n", 2, 3, "looks like doses of one drug"),
        ("a,b\n1,2\n", 1, 1, "no column with wells and no grid"),
        ("well|drug|dose_uM\nA1|x|1\n", 1, 1, "one column only"),
        ("well,drug,dose_uM,cells_seeded\nA1,a,1,0\n", 2, 4, "above 0"),
        ("well,drug,dose_uM,cells_seeded\nA1,a,1,many\n", 2, 4, "not a number"),
        ("well,drug,dose_uM,dosed_at_h\nA1,a,1,noon\n", 2, 4, "not a number"),
        ("well,drug,dose_uM,dosed_at_h,washout_at_h\nA1,a,1,24,12\n", 2, 2, "washed out at 12 h"),
        ("well,drug,dose_ng_ml,molar_mass_g_mol\nA1,a,1,-5\n", 2, 4, "above 0"),
        ("well,drug,dose,dose_uM,unit\nA1,a,1,2,uM\n", 2, 4, "contradicts 1"),
        ("well,drug,dose_uM,control\nA1,a,1,TRUE\n", 2, 4, "called a control (TRUE) but holds a"),
        ("well,drug,dose_uM,control\nA1,a,1,maybe\n", 2, 4, "'maybe' in a column of controls"),
        ("plate,well,drug,dose_uM\nP,A1,a,1\n,A2,a,1\n", 3, 1, "the plate is missing"),
        ("well,row,column,drug,dose_uM\nA1,B,1,a,1\n", 2, 1, "row and column of the same line"),
        ("row,column,drug,dose_uM\nQQ,1,a,1\n", 2, 1, "are not a well"),
        ("row,column,drug,dose_uM\nA,77,a,1\n", 2, 2, "are not a well"),
        ("well;drug;dose;unit\nA1;a;1,5;uM\nA2;a;0,5;uM\nA3;a;2.5;uM\n", 4, 3, "decimal point"),
        ("well;drug;dose;unit\nA1;a;1.000;uM\n", 2, 3, "1000 without a separator"),
        ("well,drug,dose_uM\nA1,a,0,1\n", 2, 4, "a decimal comma in a file separated by commas"),
        ("well,drug,dose_uM,cell_line\nA1,a,1,K\nA1,b,1,L\n", 3, 4, "two values, 'K' and 'L'"),
        ("well,drug_1,dose_1_uM,drug_2,dose_2_uM\nA1,a,1,A,2\n", 2, 4, "has A twice"),
    ],
)
def test_whole_files(tmp_path: Path, text: str, line: int, column: int, words: str) -> None:
    sentences = refused(tmp_path, text)
    sentence = next(sentence for sentence in sentences if words in sentence)
    assert sentence.startswith(f"map.csv, line {line}, column {column}")


def test_four_drugs(tmp_path: Path) -> None:
    lines = "".join(f"A1,{drug},1,uM,\n" for drug in "abcd")
    (sentence,) = refused(tmp_path, HEAD + lines)
    assert sentence.startswith(
        "map.csv, line 5, column 2 (drug): well A01 has 4 drugs (a, b, c, d)"
    )
    (sentence,) = refused(tmp_path, HEAD + "".join(f"A1,d{n},1,uM,\n" for n in range(500)))
    assert "and 488 more" in sentence
    assert len(sentence) < 300


def test_all_mistakes_at_once_in_the_order_of_lines(tmp_path: Path) -> None:
    sentences = refused(tmp_path, f"{HEAD}A1,,5,uM,\nZ99,x,1,uM,\nA3,x,1,foo,\nA4,x,,uM,\n")
    assert [sentence.split(", column")[0] for sentence in sentences] == [
        f"map.csv, line {line}" for line in (2, 3, 4, 5)
    ]


def test_many_alike_are_counted(tmp_path: Path) -> None:
    lines = "".join(f"Z{number},x,1,uM,\n" for number in range(50, 99))
    sentences = refused(tmp_path, HEAD + lines)
    assert len(sentences) == 6
    assert sentences[-1] == "44 more mistakes are of the same kind (unknown wells)."


def test_wells_outside_the_stated_plate(tmp_path: Path) -> None:
    text = "well,drug,dose_uM\nA1,a,1\nA13,a,1\n"
    (sentence,) = refused(tmp_path, text, well_count=96)
    assert sentence.startswith("map.csv, line 3, column 1 (well): A13 is not a well of a 96-well")


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe\x00\xd8", b"well,\xb3\xac\xbd\n"])
def test_empty_and_undecodable(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "map.csv").write_bytes(content)
    with pytest.raises(PlateMapError, match=r"map\.csv, line 1"):
        read_plate_map(tmp_path / "map.csv")


def test_monstrous_cells_are_refused_quickly_and_shortly(tmp_path: Path) -> None:
    for cell in ("a" + "," * 100_000, "1" * 100_000, "(" * 100_000, "1 " * 60_000, "a b " * 30_000):
        quoted = f'"{cell}"'
        for text in (
            f"well,drug,dose_uM\nA1,{quoted},\nA2,x,{quoted}\n{quoted},x,1\n",
            f"well,drug,dose_uM,{quoted}\nA1,x,-1,\n",
            f"{quoted},1,2\nA,1,2\n",
            f"well,drug,dose,unit\nA1,x,1,{quoted}\n",
        ):
            assert all(len(sentence) < 1000 for sentence in refused(tmp_path, text))


def test_excel(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Map"
    sheet.append(["well", "drug", "dose", "unit", "dosed_at_h", "note"])
    sheet.append([datetime(2024, 2, 1), "x", 1, "uM", 0, None])
    sheet.append([1000.0, "x", 1, "uM", 0, None])
    sheet.append(["A1", "x", "=1+1", "uM", 0, None])
    sheet.append(["A2", datetime(2024, 9, 1), 1, "uM", 0, None])
    sheet.append(["A3", "x", datetime(2024, 5, 1), "uM", 0, None])
    sheet.append(["A4", "x", 1, "uM", datetime(2024, 5, 1), None])
    sheet.append(["A5", "#REF!", 1, "uM", 0, "=A1"])
    path = tmp_path / "map.xlsx"
    book.save(path)
    with pytest.raises(PlateMapError) as caught:
        read_plate_map(path)
    problems = caught.value.problems
    for line, column, cell, words in [
        (2, 1, "A2, well", "is a date"),
        (3, 1, "A3, well", "Write the well as E03"),
        (4, 3, "C4, dose", "formula without a stored value"),
        (5, 2, "B5, drug", "turned the drug's name into one"),
        (6, 3, "C6, dose", "turned the dose into one"),
        (7, 5, "E7, dosed_at_h", "hours since the first image"),
        (8, 2, "B8, drug", "error value #REF!"),
        (8, 6, "F8, note", "formula without a stored value"),
    ]:
        place = f"map.xlsx, sheet 'Map', line {line}, column {column} (cell {cell})"
        assert any(place in problem and words in problem for problem in problems), place
    assert len(problems) == 8


def test_merged_cells_of_the_table_but_not_of_the_title(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Map"
    sheet.append(["A title"])
    sheet.merge_cells("A1:C1")
    sheet.append(["well", "drug", "dose_uM"])
    for row in range(1, 5):
        sheet.append([f"A{row}", "x", 1 if row == 1 else None])
    sheet.merge_cells("C3:C6")
    path = tmp_path / "map.xlsx"
    book.save(path)
    with pytest.raises(PlateMapError) as caught:
        read_plate_map(path)
    (sentence,) = caught.value.problems
    assert sentence.startswith(
        "map.xlsx, sheet 'Map', line 3, column 3: the cells C3:C6 are merged"
    )


def test_examples_of_others(shared: Path) -> None:
    folder = shared / "examples"
    for name, words in [
        ("SpheroScan_meta_file.csv", "no column with wells"),
        ("A673_exp1803.csv", "line 2, column 6 (Wells): '1005' is a number"),
        ("SpheroidAnalyseR_template_raw_data.xlsx", "no column that says what is in them"),
        ("SpheroidAnalyseR_treatment_example.csv", "give SpheroidAnalyseR_layout_example.csv"),
        ("SpheroidAnalyseR_layout_example.csv", "line 3, column 8 (Conc_1): the dose 10 of"),
        ("SpheroidAnalyseR_template_layout.csv", "line 3, column 10 (Conc_1): the dose 10 of"),
    ]:
        with pytest.raises(PlateMapError) as caught:
            read_plate_map(folder / name)
        assert words in str(caught.value), name


@pytest.mark.parametrize(
    ("lines", "vehicle", "drug"),
    [
        ("B02,DMSO,0,,\nB2,Selinexor,1,uM,\n", 2, 3),
        ("B2,Selinexor,1,uM,\nB02,DMSO,,,\n", 3, 2),
        ("B2,untreated,,,\nC3,x,1,uM,\nB02,Selinexor,1,uM,\n", 2, 4),
        ("B2,x,2,uM,\nB2,Selinexor,1,uM,\nB02,DMSO,0,,\n", 4, 2),
    ],
)
def test_vehicle_and_drug_of_one_well(tmp_path: Path, lines: str, vehicle: int, drug: int) -> None:
    (problem,) = refused(tmp_path, HEAD + lines)
    assert "well B02" in problem
    assert f"in line {vehicle}" in problem
    assert f"in line {drug}" in problem
    assert f"delete line {vehicle}" in problem
    assert "vehicle_group" in problem


def test_combinations_in_several_lines_are_named(tmp_path: Path) -> None:
    path = tmp_path / "map.csv"
    lines = "B2,x,2,uM,\nB2,Selinexor,1,uM,\nB3,x,0,uM,\nB3,Selinexor,1,uM,\nB4,DMSO,0.1,%,\n"
    path.write_text(HEAD + lines, encoding="utf-8")
    found = read_plate_map(path)
    assert any(
        note.startswith("2 wells with several lines") and "B02, B03." in note
        for note in found.notes
    )
    assert [well.role for well in found.wells] == ["treated", "treated", "vehicle"]
