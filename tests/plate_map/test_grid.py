"""Plate maps drawn as plates, and layouts with a table of treatments."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from spheroid_qc.errors import PlateMapError
from spheroid_qc.plate_map import MappedWell, PlateMap, condition_name, read_plate_map
from spheroid_qc.wells import PLATE_FORMATS, row_name, well_name


def grid(name: str, rows: int, columns: int, value: Any, separator: str = ",") -> str:
    lines = [separator.join([name, *(str(column + 1) for column in range(columns))])]
    for row in range(rows):
        cells = [str(value(row, column)) for column in range(columns)]
        lines.append(separator.join([row_name(row), *cells]))
    return "\n".join(lines) + "\n"


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def wells(plate_map: PlateMap) -> dict[str, MappedWell]:
    return {well.well: well for well in plate_map.wells}


def refusal(path: Path, treatment_table: Path | None = None) -> tuple[str, ...]:
    with pytest.raises(PlateMapError) as caught:
        read_plate_map(path, treatment_table)
    return caught.value.problems


@pytest.mark.parametrize("count", PLATE_FORMATS)
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_every_plate_format(tmp_path: Path, count: int, separator: str) -> None:
    rows, columns = PLATE_FORMATS[count]

    def dose(row: int, column: int) -> str:
        number = str((row * columns + column) / 8)
        return number.replace(".", ",") if separator == ";" else number

    text = (
        grid("drug", rows, columns, lambda row, column: "x", separator)
        + "\n"
        + grid("dose (nM)", rows, columns, dose, separator)
    )
    found = wells(read_plate_map(write(tmp_path / "map.csv", text)))
    assert len(found) == count
    assert found["A01"].role == "vehicle"
    last = found[well_name(rows - 1, columns - 1)]
    assert last.drugs[0].dose_um == pytest.approx((count - 1) / 8 / 1000)


@pytest.mark.parametrize(
    "text",
    [
        "drug,1,2,3\nA,x,y,DMSO\nB,x,y,\n\ndose_uM,1,2,3\nA,1,2,\nB,3,4,\n",
        "drug\n,1,2,3\nA,x,y,DMSO\nB,x,y,\n\ndose_uM\n,01,02,03\nA,1,2,\nB,3,4,\n",
        "My plate\nMay\n\ndrug:\n\n,1,2,3\nA,x,y,DMSO\nB,x,y,\ndose_uM\n,1,2,3\nA,1,2,\nB,3,4,\n",
        "drug,1,2,3,,dose_uM,1,2,3\nA,x,y,DMSO,,A,1,2,\nB,x,y,,,B,3,4,\n",
        "drug,,,,,dose_uM,,,\n,1,2,3,,,1,2,3\nA,x,y,DMSO,,A,1,2,\nB,x,y,,,B,3,4,\n",
        ",,,\n,drug,1,2,3\n,A,x,y,DMSO\n,B,x,y,\n,dose_uM,1,2,3\n,A,1,2,\n,B,3,4,\n",
    ],
)
def test_where_the_name_may_stand(tmp_path: Path, text: str) -> None:
    plate_map = read_plate_map(write(tmp_path / "map.csv", text))
    conditions = {well.well: condition_name(well) for well in plate_map.wells}
    assert conditions == {
        "A01": "x 1 uM",
        "A02": "y 2 uM",
        "A03": "vehicle (DMSO)",
        "B01": "x 3 uM",
        "B02": "y 4 uM",
    }
    assert "2 grids read: drug, dose_uM." in plate_map.notes


def test_combinations_roles_and_further_variables(tmp_path: Path) -> None:
    text = "\n".join(
        [
            "drug_1,2,3,4\nB,x,x,x\n",
            "dose_1_uM,2,3,4\nB,0,1,1\n",
            "drug_2,2,3,4\nB,y,y,y\n",
            "dose_2,2,3,4\nB,0,0,5\n",
            "unit_2,2,3,4\nB,nM,nM,nM\n",
            "cell_line,2,3,4\nB,L,L,L\n",
            "donor,2,3,4\nB,7,,8\n",
        ]
    )
    found = wells(read_plate_map(write(tmp_path / "map.csv", text)))
    assert {name: condition_name(well) for name, well in found.items()} == {
        "B02": "vehicle | L",
        "B03": "x 1 uM | L",
        "B04": "x 1 uM + y 0.005 uM | L",
    }
    assert [found[name].extra["donor"] for name in ("B02", "B03", "B04")] == ["7", "", "8"]


def test_several_plates(tmp_path: Path) -> None:
    block = "drug,1,2\nA,{},DMSO\n\ndose_uM,1,2\nA,1,\n\n"
    text = "plate: P1\n" + block.format("x") + "plate: P2\n" + block.format("y")
    plate_map = read_plate_map(write(tmp_path / "map.csv", text))
    assert plate_map.plates == ("P1", "P2")
    assert {(well.plate, well.well): condition_name(well) for well in plate_map.wells} == {
        ("P1", "A01"): "x 1 uM",
        ("P1", "A02"): "vehicle (DMSO)",
        ("P2", "A01"): "y 1 uM",
        ("P2", "A02"): "vehicle (DMSO)",
    }


def fill(sheet: Any, value: Any, rows: int = 8, columns: int = 12) -> None:
    for column in range(columns):
        sheet.cell(1, column + 2, column + 1)
    for row in range(rows):
        sheet.cell(row + 2, 1, row_name(row))
        for column in range(columns):
            if value(row, column) is not None:
                sheet.cell(row + 2, column + 2, value(row, column))


def test_one_grid_a_sheet_named_by_the_sheet(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    first = book.active
    assert first is not None
    first.title = "drug"
    fill(first, lambda row, column: "x" if row else "DMSO")
    fill(book.create_sheet("dose_nM"), lambda row, column: column * 0.5 if row else None)
    book.save(tmp_path / "map.xlsx")
    found = wells(read_plate_map(tmp_path / "map.xlsx"))
    assert len(found) == 96
    assert condition_name(found["C04"]) == "x 0.0015 uM"
    assert condition_name(found["A04"]) == "vehicle (DMSO)"


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (",1,2,3\nA,x,y,z\n", "line 1, column 1", "the grid has no name"),
        ("ATP,1,2\nA,10,20\n", "line 1, column 1", "no grid says what is in the wells"),
        ("drug,1,2\nA,x,y\ndrug,1,2\nA,x,y\n", "line 3, column 1", "a second grid is named 'drug'"),
        ("drug,1,2\nA,x,y\nC,x,y\nB,x,y\n", "line 4, column 1 (drug)", "out of order"),
        ("drug,1,2\nA,x,y,z\n", "line 2, column 4 (drug)", "to the right of the last column, 2"),
        (
            "drug,1,2\nA,x,x\n\ndose_uM,1,2\nA,1,-2\n",
            "line 5, column 3 (dose_uM)",
            "is negative",
        ),
        ("drug,1,2\nA,x,\n\ndose,1,2\nA,1,\n", "line 5, column 2 (dose)", "has no unit"),
        ("drug,1,2\nA,x,\n\ndose_uM,1,2\nA,1,2\n", "line 5, column 3 (dose_uM)", "has no drug"),
        ("drug,1,2\nA,x,x\n\ndose_uM,1,2\nA,1,\n", "line 2, column 3 (drug)", "x has no dose"),
        ("plate: P\ndrug,1,2\nA,a,b\n\nplate:\nunit,1,2\n", "line 3, column 2 (drug)", "no dose"),
    ],
)
def test_refused_with_the_place(tmp_path: Path, text: str, place: str, words: str) -> None:
    problems = refusal(write(tmp_path / "map.csv", text))
    assert any(f"map.csv, {place}" in problem and words in problem for problem in problems)


def test_stated_plate_format(tmp_path: Path) -> None:
    path = write(tmp_path / "map.csv", "drug,11,12,13\nA,DMSO,DMSO,DMSO\n")
    with pytest.raises(PlateMapError, match=r"line 2, column 4 \(drug\): A13 is not"):
        read_plate_map(path, well_count=96)


def test_merged_cells_in_a_grid(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "drug"
    fill(sheet, lambda row, column: "DMSO" if column == 0 else None)
    sheet.merge_cells("B2:D4")
    book.save(tmp_path / "map.xlsx")
    (sentence,) = refusal(tmp_path / "map.xlsx")
    assert "line 2, column 2: the cells B2:D4 are merged" in sentence


LAYOUT = ",1,2,3\nA,,,\nB,1,2,3\nC,1,2,\n"
TREATMENTS = (
    "Index,Treatment.Label,Time_of_treatment,Cell_line,Passage_No,Radiation_dosage,Drug_1,Drug_2,"
    "Drug_n,Conc_1_mM,Conc_2_nM,Conc_n\n"
    "1,control,01/31/2020 10:28,GBM58,1,0,Taurine,<Add_drug_cols>,<Add_drug_cols>,0,<Add>,<Add>\n"
    "2,ten,01/31/2020 10:28,GBM58,1,2,Taurine,y,<Add_drug_cols>,10,5,<Add>\n"
    "3,idle,01/31/2020 10:28,A172,1,0,DMSO,,<Add_drug_cols>,0,,<Add>\n"
)


def check_layout(plate_map: PlateMap) -> None:
    conditions = {well.well: condition_name(well) for well in plate_map.wells}
    base = "| GBM58 | passage 1 | Radiation_dosage"
    assert conditions == {
        "B01": f"vehicle {base} 0",
        "B02": f"Taurine 10000 uM + y 0.005 uM {base} 2",
        "B03": "vehicle (DMSO) | A172 | passage 1 | Radiation_dosage 0",
        "C01": f"vehicle {base} 0",
        "C02": f"Taurine 10000 uM + y 0.005 uM {base} 2",
    }
    assert plate_map.columns == ("Treatment.Label", "Time_of_treatment", "Radiation_dosage")
    assert plate_map.strata == ("cell_line", "passage", "Radiation_dosage")
    assert "is read with the treatment table" in "\n".join(plate_map.notes)


@pytest.mark.parametrize(
    ("layout", "treatments"),
    [
        ("exp1_layout.csv", "exp1_treatment.csv"),
        ("Layout 7.csv", "treatments 7.csv"),
        ("plate.csv", "plate_treatment.csv"),
    ],
)
def test_layout_with_a_sibling(tmp_path: Path, layout: str, treatments: str) -> None:
    write(tmp_path / treatments, TREATMENTS)
    check_layout(read_plate_map(write(tmp_path / layout, LAYOUT)))


def test_layout_with_a_stated_table(tmp_path: Path) -> None:
    table = write(tmp_path / "any.csv", TREATMENTS.replace(",", ";"))
    check_layout(read_plate_map(write(tmp_path / "map.csv", LAYOUT), table))


def test_layout_and_treatments_in_one_workbook(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    first = book.active
    assert first is not None
    first.title = "Treatments"
    for line in TREATMENTS.splitlines():
        cells: list[Any] = line.split(",")
        if cells[0].isdigit():
            cells[0] = float(cells[0])
            cells[2] = datetime(2020, 1, 31, 10, 28)
        first.append(cells)
    numbers = {(1, 0): 1.0, (1, 1): 2.0, (1, 2): 3.0, (2, 0): 1.0, (2, 1): 2.0}
    fill(book.create_sheet("Layout"), lambda row, column: numbers.get((row, column)), 8, 12)
    book.save(tmp_path / "map.xlsx")
    plate_map = read_plate_map(tmp_path / "map.xlsx")
    check_layout(plate_map)
    assert wells(plate_map)["B01"].extra["Time_of_treatment"] == "2020-01-31 10:28:00"


def test_layout_refused(tmp_path: Path) -> None:
    layout = write(tmp_path / "layout.csv", LAYOUT)
    (sentence,) = refusal(layout)
    assert "give the treatment table too" in sentence
    table = write(tmp_path / "treatment.csv", TREATMENTS.replace("\n3,", "\n2,"))
    problems = refusal(layout)
    assert any(
        "layout.csv, line 3, column 4" in problem and "treatment '3'" in problem
        for problem in problems
    )
    assert any(
        problem.startswith("treatment.csv, line 4, column 1 (Index): the treatment 2 stands")
        for problem in problems
    )
    write(table, TREATMENTS.replace("Conc_1_mM", "Conc_1"))
    (sentence,) = refusal(layout)
    assert sentence.startswith("treatment.csv, line 3, column 10 (Conc_1): the dose 10 of Taurine")
    assert "Conc_1_uM" in sentence
    (sentence,) = refusal(table)
    assert "give layout.csv as plate map" in sentence
    write(table, "a,b\n1,2\n")
    (sentence,) = refusal(layout)
    assert "no treatment table is found" in sentence
    write(tmp_path / "treatments.csv", TREATMENTS)
    (sentence,) = refusal(layout)
    assert "treatment.csv and treatments.csv" in sentence
    long = write(tmp_path / "map.csv", "well,drug,dose_uM\nA1,x,1\n")
    (sentence,) = refusal(long, table)
    assert "is no layout of treatment numbers" in sentence


def test_zero_doses_need_no_unit(tmp_path: Path) -> None:
    write(tmp_path / "treatment.csv", "Index,Drug_1,Conc_1\n1,Taurine,0\n2,DMSO,0\n")
    plate_map = read_plate_map(write(tmp_path / "layout.csv", ",1,2\nA,1,2\n"))
    assert [well.role for well in plate_map.wells] == ["vehicle", "vehicle"]


def test_published_layout_with_units_added(shared: Path, tmp_path: Path) -> None:
    folder = shared / "examples"
    for kind in ("layout_example", "template_layout"):
        name = f"SpheroidAnalyseR_{kind}.csv"
        other = name.replace("layout", "treatment")
        (tmp_path / name).write_bytes((folder / name).read_bytes())
        table = (folder / other).read_text(encoding="utf-8").replace("Conc_1", "Conc_1 (mM)")
        write(tmp_path / other, table)
        plate_map = read_plate_map(tmp_path / name)
        assert len(plate_map.wells) == 60
        assert not plate_map.warnings
        assert condition_name(wells(plate_map)["C03"]) == (
            "Taurine 10000 uM | GBM58 | passage 1 | Radiation_dosage 0"
        )
        assert condition_name(wells(plate_map)["F11"]) == (
            "vehicle | A172 | passage 1 | Radiation_dosage 0"
        )
