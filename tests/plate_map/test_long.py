"""Plate maps in long form: what is read, and under which names."""

from __future__ import annotations

import dataclasses
import pickle
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest

from spheroid_qc.errors import PlateMapError, RequestError
from spheroid_qc.parameters import PlateParameters
from spheroid_qc.plate_map import MappedWell, PlateMap, condition_name, read_plate_map
from spheroid_qc.plate_map.read_map import read_map_of_run


def read(folder: Path, text: str, encoding: str = "utf-8", name: str = "map.csv") -> PlateMap:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return read_plate_map(path)


def wells(plate_map: PlateMap) -> dict[str, MappedWell]:
    return {well.well: well for well in plate_map.wells}


def conditions(plate_map: PlateMap) -> dict[str, str]:
    return {well.well: condition_name(well) for well in plate_map.wells}


def told(plate_map: PlateMap) -> str:
    return "\n".join((*plate_map.notes, *plate_map.warnings))


def test_several_lines_a_well(tmp_path: Path) -> None:
    plate_map = read(
        tmp_path,
        "well,drug,dose,unit,role,cell_line,replicate\n"
        "B2,selinexor,1,uM,,PANC-1,1\n"
        "b02,gemcitabine,100,nM,treated,PANC-1,1\n"
        "B2,nab-paclitaxel,10,nM,,,\n"
        "B3,Selinexor,0.5,µM,,panc-1,2\n"
        "B4,DMSO,,,vehicle,PANC-1,1\n"
        "B5,gemcitabine,0,,,PANC-1,1\n",
    )
    found = wells(plate_map)
    assert [(d.drug, d.dose, d.unit, d.dose_um) for d in found["B02"].drugs] == [
        ("selinexor", 1.0, "uM", 1.0),
        ("gemcitabine", 0.1, "uM", 0.1),
        ("nab-paclitaxel", 0.01, "uM", 0.01),
    ]
    assert found["B02"].drugs[1].raw == "100 nM"
    assert found["B02"].drugs[1].given_unit == "nM"
    assert conditions(plate_map) == {
        "B02": "selinexor 1 uM + gemcitabine 0.1 uM + nab-paclitaxel 0.01 uM | PANC-1",
        "B03": "selinexor 0.5 uM | PANC-1",
        "B04": "vehicle (DMSO) | PANC-1",
        "B05": "vehicle | PANC-1",
    }
    assert found["B05"].role == "vehicle"
    assert plate_map.drugs == ("selinexor", "gemcitabine", "nab-paclitaxel")
    assert plate_map.strata == ("cell_line",)
    assert found["B02"].replicate == "1"
    messages = told(plate_map)
    assert "'selinexor', 'Selinexor' are read as one drug" in messages
    assert "read as vehicle: B05" in messages
    assert "separated by commas" in messages


def test_wide_and_long_and_mixed_units_agree(tmp_path: Path) -> None:
    wide = read(
        tmp_path,
        "Well Position\tdrug_1\tdose_1_uM\tdrug_2\tdose_2 (nM)\trole\n"
        "A1\ta\t1\tb\t10\t\nA2\ta\t1\t\t\t\nA3\t\t\tb\t10\t\nA4\t\t\t\t\tvehicle\n",
    )
    long = read(
        tmp_path,
        "well;compound;conc;unit;role\n"
        "A1;a;1000;nM;\nA1;b;0,01;uM;\nA2;a;1e-3;mM;\nA3;b;10000;pM;\nA4;;;;vehicle\n",
    )
    in_cell = read(
        tmp_path,
        "row,column,treatment,dose,control\n"
        "A,1,a,1 µM,FALSE\n1,1,b,10nM,FALSE\nA,2,a,1uM,FALSE\nA,3,b,10 nM,\nA,4,,,negative\n",
    )
    in_name = read(
        tmp_path, "well,treatment\nA1,a 1 uM + b 10 nM\nA2,a 1uM\nA3,b 10 nM\nA4,vehicle\n"
    )
    assert wide.wells == long.wells == in_cell.wells == in_name.wells
    assert "decimal commas" in told(long)


def test_order_of_drugs_is_that_of_the_file(tmp_path: Path) -> None:
    plate_map = read(
        tmp_path,
        "well,drug,dose_uM\nC3,x,1\nB2,y,1\nA1,z,1\nA1,y,1\nA1,x,1\nA2,y,2\nA2,x,2\nA3,DMSO,0\n",
    )
    assert plate_map.drugs == ("x", "y", "z")
    assert [d.drug for d in wells(plate_map)["A01"].drugs] == ["x", "y", "z"]
    assert [d.drug for d in wells(plate_map)["A02"].drugs] == ["x", "y"]


@pytest.mark.parametrize(
    ("line", "role", "condition"),
    [
        ("vehicle,,", "vehicle", "vehicle"),
        ("DMSO,,", "vehicle", "vehicle (DMSO)"),
        ("DMSO,0.1,%", "vehicle", "vehicle (DMSO 0.1 %)"),
        ("DMSO 0.1%,,", "vehicle", "vehicle (DMSO 0.1 %)"),
        ("DMSO,0,", "vehicle", "vehicle (DMSO)"),
        ("untreated,,", "vehicle", "vehicle (untreated)"),
        ("selinexor,0,", "vehicle", "vehicle"),
        (",0,", "vehicle", "vehicle"),
        ("saline,,", "vehicle", "vehicle (saline)"),
        ("media,,", "vehicle", "vehicle (media)"),
        ("blank,,", "blank", "blank"),
        ("no cells,,", "blank", "blank (no cells)"),
        ("positive control,,", "positive_control", "positive control"),
        ("ethanol,5,%", "treated", "ethanol 5 %"),
        ("NaCl,50,mM", "treated", "NaCl 50000 uM"),
        ("X-rays,2,Gy", "treated", "X-rays 2 Gy"),
        ("TNF,5,ng/ml", "treated", "TNF 5 ng/ml"),
        ("L-asparaginase,0.5,IU/ml", "treated", "L-asparaginase 0.5 U/ml"),
    ],
)
def test_controls_named_as_drugs(tmp_path: Path, line: str, role: str, condition: str) -> None:
    plate_map = read(tmp_path, f"well,drug,dose,unit\nA1,x,1,uM\nA2,{line}\nA3,vehicle,,\n")
    found = wells(plate_map)["A02"]
    assert (found.role, condition_name(found)) == (role, condition)


@pytest.mark.parametrize(
    ("word", "role"),
    [
        ("vehicle", "vehicle"),
        ("Negative Control", "vehicle"),
        ("DMSO", "vehicle"),
        ("untreated", "vehicle"),
        ("positive_control", "positive_control"),
        ("pos", "positive_control"),
        ("blank", "blank"),
        ("media only", "blank"),
        ("Treated", "treated"),
    ],
)
def test_roles(tmp_path: Path, word: str, role: str) -> None:
    plate_map = read(tmp_path, f"well,drug,dose_uM,role\nA1,,,{word}\nA2,x,1,\n")
    assert wells(plate_map)["A01"].role == role


def test_control_column(tmp_path: Path) -> None:
    plate_map = read(
        tmp_path,
        "well,treatment,dose_uM,control\n"
        "A1,Untreated,,TRUE\nA2,x,1,FALSE\nA3,x,0,TRUE\nA4,staurosporine,1,positive\n"
        "A5,DMSO,,negative\nA6,x,0,FALSE\n",
    )
    roles = {name: well.role for name, well in wells(plate_map).items()}
    assert roles == {
        "A01": "vehicle",
        "A02": "treated",
        "A03": "vehicle",
        "A04": "positive_control",
        "A05": "vehicle",
        "A06": "vehicle",
    }
    assert condition_name(wells(plate_map)["A04"]) == "positive control (staurosporine 1 uM)"


def test_positive_control_without_dose_keeps_its_name(tmp_path: Path) -> None:
    plate_map = read(tmp_path, "well,drug,dose_uM,role\nA1,Triton,,positive\nA2,x,0,\n")
    assert condition_name(wells(plate_map)["A01"]) == "positive control (Triton)"


def test_columns_with_meaning(tmp_path: Path) -> None:
    plate_map = read(
        tmp_path,
        "plate,well,drug,dose_nM,vehicle_group,dosed_at_h,washout_at_h,cells_seeded,"
        "biological_replicate,replicate,passage,irradiation_Gy,stratum_matrix,batch,remark\n"
        'P1,A1,x,10,DMSO,24,72,5000,donor 1,1,12,2,collagen,7,"a, b"\n'
        "P1,A2,vehicle,,DMSO,24,,5000,donor 1,2,12,2,collagen,7,\n",
    )
    treated, vehicle = plate_map.wells
    assert treated.plate == "P1"
    assert treated.vehicle_group == "DMSO"
    assert (treated.dosed_at_h, treated.washout_at_h) == (24.0, 72.0)
    assert (treated.drugs[0].dosed_at_h, treated.drugs[0].washout_at_h) == (24.0, 72.0)
    assert (vehicle.dosed_at_h, vehicle.washout_at_h) == (24.0, None)
    assert treated.cells_seeded == 5000.0
    assert treated.biological_replicate == "donor 1"
    assert (treated.replicate, treated.passage) == ("1", "12")
    assert plate_map.columns == ("irradiation_Gy", "stratum_matrix", "batch", "remark")
    assert treated.extra["remark"] == "a, b"
    assert plate_map.strata == ("passage", "irradiation_Gy", "stratum_matrix")
    assert treated.strata == (
        ("passage", "12"),
        ("irradiation_Gy", "2"),
        ("stratum_matrix", "collagen"),
    )
    assert condition_name(treated) == (
        "x 0.01 uM (24 to 72 h) | passage 12 | irradiation_Gy 2 | stratum_matrix collagen"
    )
    assert pickle.loads(pickle.dumps(plate_map)) == plate_map


def test_one_schedule_is_not_part_of_the_condition(tmp_path: Path) -> None:
    text = "well,drug,dose_uM,dosed_at_h\nA1,x,1,24\nA2,y,1,{}\nA3,DMSO,0,24\n"
    same = read(tmp_path, text.format(24))
    assert conditions(same)["A01"] == "x 1 uM"
    assert wells(same)["A03"].dosed_at_h == 24.0
    differing = read(tmp_path, text.format(48))
    assert conditions(differing)["A02"] == "y 1 uM (from 48 h)"


def test_times_per_drug(tmp_path: Path) -> None:
    wide = read(
        tmp_path,
        "well,drug_1,dose_1_uM,drug_2,dose_2_uM,dosed_at_h,dosed_at_h_2,washout_at_h_1\n"
        "A1,x,1,y,2,0,24,12\nA2,vehicle,,,,0,,\n",
    )
    long = read(
        tmp_path,
        "well,drug,dose_uM,dosed_at_h,washout_at_h\nA1,x,1,0 h,12\nA1,y,2,1 d,\nA2,vehicle,,0,\n",
    )
    assert wide.wells == long.wells
    first, second = wide.wells[0].drugs
    assert (first.dosed_at_h, first.washout_at_h) == (0.0, 12.0)
    assert (second.dosed_at_h, second.washout_at_h) == (24.0, None)
    assert wide.wells[0].dosed_at_h == 0.0
    assert wide.wells[0].washout_at_h is None


def test_molar_mass_turns_mass_into_um(tmp_path: Path) -> None:
    plate_map = read(
        tmp_path,
        "well,drug,dose,unit,molar_mass_g_mol\n"
        "A1,x,443.3,ng/ml,443.3\nA2,x,1,mg/ml,443.3\nA3,y,5,ng/ml,\nA4,y,1,ug/ml,\nA5,x,0,,\n",
    )
    found = wells(plate_map)
    assert found["A01"].drugs[0].dose_um == 1.0
    assert found["A02"].drugs[0].dose_um == pytest.approx(1e6 / 443.3)
    assert [(d.dose, d.unit, d.dose_um) for d in found["A03"].drugs] == [(5.0, "ng/ml", None)]
    assert [(d.dose, d.unit) for d in found["A04"].drugs] == [(1000.0, "ng/ml")]
    assert "kept in ng/ml" in told(plate_map)


def test_own_wells_table_columns_agree(tmp_path: Path) -> None:
    plate_map = read(
        tmp_path,
        "well,drug_1,dose_1,unit_1,dose_1_um\nA1,x,100,nM,0.1\nA2,y,5,ng/ml,\nA3,x,0,,0\n",
    )
    assert wells(plate_map)["A01"].drugs[0].dose_um == 0.1
    assert wells(plate_map)["A02"].drugs[0].unit == "ng/ml"


def test_title_lines_trailing_separators_and_windows_1252(tmp_path: Path) -> None:
    plate_map = read(
        tmp_path,
        "Versuch 3, Mai\r\n\r\nWell;Wirkstoff;Konzentration (µM);Rolle;;\r\n"
        "A1;x;0,1;;;\r\nA2;DMSO;;vehicle;;\r\n\r\n;;;;;\r\n",
        "cp1252",
    )
    assert conditions(plate_map) == {"A01": "x 0.1 uM", "A02": "vehicle (DMSO)"}
    messages = told(plate_map)
    assert "Windows-1252" in messages
    assert "semicolons" in messages
    assert "line 3" in messages
    assert "decimal commas" in messages
    assert "Wirkstoff as drug" in messages


def test_pandas_index_and_nameless_column(tmp_path: Path) -> None:
    plate_map = read(tmp_path, ",well,drug,dose_uM,,\n0,A1,x,1,note,\n1,A2,DMSO,0,,\n")
    assert plate_map.columns == ("column 5",)
    assert wells(plate_map)["A01"].extra == {"column 5": "note"}
    assert "counts lines" in told(plate_map)


def test_plain_word_wins_over_synonym(tmp_path: Path) -> None:
    plate_map = read(tmp_path, "well,treatment,drug,dose_uM\nA1,T1,x,1\nA2,T0,DMSO,0\n")
    assert wells(plate_map)["A01"].drugs[0].drug == "x"
    assert wells(plate_map)["A01"].extra == {"treatment": "T1"}


def test_excel(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Platte"
    sheet.append(["Plate map of May"])
    sheet.merge_cells("A1:E1")
    sheet.append(["well", "drug", "dose (nM)", "date", "passage"])
    sheet.append(["A1", "x", 10, datetime(2024, 5, 3), 12.0])
    sheet.append(["A2", "x", "100", datetime(2024, 5, 3), 12.0])
    sheet.append(["A3", "DMSO", 0, None, 12.0])
    book.create_sheet("Notes").append(["bought in May"])
    path = tmp_path / "map.xlsx"
    book.save(path)
    plate_map = read_plate_map(path)
    assert conditions(plate_map) == {
        "A01": "x 0.01 uM | passage 12",
        "A02": "x 0.1 uM | passage 12",
        "A03": "vehicle (DMSO) | passage 12",
    }
    assert wells(plate_map)["A01"].extra == {"date": "2024-05-03"}
    assert "the plate map is read from 'Platte', not from 'Notes'" in told(plate_map)


@pytest.mark.parametrize(("other", "refused"), [("gem", True), ("DMSO", False)])
def test_two_maps_in_one_workbook(other: str, refused: bool, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for name, drug in (("P1", "DMSO"), ("P2", other)):
        sheet = book.create_sheet(name)
        sheet.append(["well", "drug", "dose_uM"])
        sheet.append(["A1", drug, 0])
    del book["Sheet"]
    book.save(tmp_path / "map.xlsx")
    if refused:
        with pytest.raises(
            PlateMapError, match=r"several sheets \('P1', 'P2'\), which may be plates"
        ):
            read_plate_map(tmp_path / "map.xlsx")
        return
    plate_map = read_plate_map(tmp_path / "map.xlsx")
    assert "the plate map is read from 'P1', not from 'P2'" in told(plate_map)


def test_what_columns_are_can_be_stated(tmp_path: Path) -> None:
    (tmp_path / "map.csv").write_text(
        "well,drug,dose_uM,batch\nA1,DMSO,0,a\nA2,DMSO,0,b\nA3,gem,1,a\nA4,gem,1,b\n", "utf-8"
    )
    with pytest.raises(PlateMapError, match="differ in the column batch"):
        read_plate_map(tmp_path / "map.csv")
    apart = read_plate_map(tmp_path / "map.csv", columns=["batch=stratum"])
    assert apart.strata == ("batch",)
    assert read_plate_map(tmp_path / "map.csv", columns=["batch=ignore"]).strata == ()
    with pytest.raises(RequestError, match="has no column 'lot'"):
        read_plate_map(tmp_path / "map.csv", columns=["lot=ignore"])
    logs = "well,drug,dose_uM\nA1,DMSO,\nA2,gem,-1\n"
    (tmp_path / "log.csv").write_text(logs, "utf-8")
    plate = PlateParameters(map_dose_scale="log10", map_columns="dose_uM=ignore")
    with pytest.raises(RequestError):
        read_map_of_run(tmp_path / "log.csv", plate)
    read = read_map_of_run(tmp_path / "log.csv", PlateParameters(map_dose_scale="log10"))
    assert read.wells[1].drugs[0].dose_um == pytest.approx(0.1)


def test_nothing_said_about_a_well(tmp_path: Path) -> None:
    plate_map = read(tmp_path, "well,drug,dose_uM,cell_line\nA1,x,1,L\nA2,,,\nA3,,,L\nA4,DMSO,,L\n")
    assert sorted(wells(plate_map)) == ["A01", "A03", "A04"]
    assert wells(plate_map)["A03"].role == "vehicle"
    assert any("neither drug nor role" in warning for warning in plate_map.warnings)
    assert any("left out: A02" in note for note in plate_map.notes)


def test_warnings(tmp_path: Path) -> None:
    plate_map = read(
        tmp_path,
        "plate,well,drug,dose_uM,role,vehicle_group\n"
        "P1,A1,gemcitabine,1,,DMSO\nP1,A2,gemcitabin,1,,saline\nP1,A3,DMSO,0,,DMSO\n"
        "P2,A1,gemcitabine,50000,,DMSO\nP1,A4,,,treated,DMSO\n",
    )
    messages = "\n".join(plate_map.warnings)
    assert "plate P1, vehicle_group saline" in messages
    assert "plate P2, vehicle_group DMSO" in messages
    assert "gemcitabine and gemcitabin" in messages
    assert "50000 uM; check the unit" in messages
    assert "1 well treated that hold no drug (A04)" in messages
    none = read(tmp_path, "well,drug,dose_uM\nA1,x,1\n")
    assert any("has no vehicle wells" in warning for warning in none.warnings)
    kinds = read(tmp_path, "well,drug,dose_uM\nA1,x,1\nA2,DMSO,\nA3,saline,\n")
    assert any("(DMSO, saline)" in warning for warning in kinds.warnings)
    half = read(tmp_path, "well,role,drug,dose_uM\nA1,treated,x,1\nA2,vehicle,,\nA3,,DMSO,\n")
    assert any("(unnamed, DMSO)" in warning for warning in half.warnings)
    lone = [f"{row}{column},x,1" for row in "ABCDEFGH" for column in range(1, 13)]
    far = read(tmp_path, "\n".join(["well,drug,dose_uM", *lone, "A13,DMSO,0"]))
    assert any("96-well plate but for A13" in warning for warning in far.warnings)


def test_unseen_characters_make_no_second_drug(tmp_path: Path) -> None:
    plate_map = read(
        tmp_path,
        "well,drug,dose_uM\n\ufeffA1,nab-paclitaxel,1\nA2\u200b,nab\u2011pacli\u00adtaxel ,2\n"
        "A3,NAB-PACLITAXEL,\u00a03\nA4,DMSO,0\n",
    )
    assert plate_map.drugs == ("nab-paclitaxel",)
    assert [well.drugs[0].dose for well in plate_map.wells[:3]] == [1.0, 2.0, 3.0]


def test_control_in_every_column_of_drugs(tmp_path: Path) -> None:
    plate_map = read(
        tmp_path,
        "well,drug1,drug2,dose1,dose2,unit\nA1,a,b,1,2,nM\nA2,DMSO,DMSO,0,0,\nA3,a,DMSO,1,,nM\n",
    )
    assert conditions(plate_map) == {
        "A01": "a 0.001 uM + b 0.002 uM",
        "A02": "vehicle (DMSO)",
        "A03": "a 0.001 uM",
    }


def test_combination_written_as_one_drug_is_warned_of(tmp_path: Path) -> None:
    plate_map = read(tmp_path, "well,drug,dose_uM\nA1,a+b,1\nA2,DMSO,0\n")
    assert any("'a+b', read as one drug" in warning for warning in plate_map.warnings)


def test_plates_of_the_map_and_of_the_images(tmp_path: Path) -> None:
    plate_map = read(tmp_path, "plate,well,drug,dose_uM\nP1,A1,x,1\nP1,A2,DMSO,0\nP2,A1,y,1\n")
    assert plate_map.plates == ("P1", "P2")
    first = plate_map.lookup("P1", "A01")
    assert first is not None
    assert first.drugs[0].drug == "x"
    assert plate_map.lookup("P3", "A01") is None
    found = plate_map.for_plates(["p1 ", "run/P2", "other"])
    assert sorted(found) == [("p1 ", "A01"), ("p1 ", "A02"), ("run/P2", "A01")]
    with pytest.raises(PlateMapError) as caught:
        plate_map.for_plates(["plate 1", "plate 2"])
    assert "not among the imaged plates (plate 1, plate 2)" in str(caught.value)
    assert sorted(plate_map.for_plates(["P1"])) == [("P1", "A01"), ("P1", "A02")]
    anywhere = read(tmp_path, "well,drug,dose_uM\nA1,x,1\n")
    assert sorted(anywhere.for_plates(["a", "b"])) == [("a", "A01"), ("b", "A01")]
    assert anywhere.lookup("whatever", "A01") is not None


def test_the_name_of_a_drug_does_not_look_like_a_stratum(tmp_path: Path) -> None:
    text = "well,drug,dose_uM,cell_line\nA1,x | y,1,PANC-1\nA2,x | y,1,BxPC-3\n"
    assert conditions(read(tmp_path, text)) == {
        "A01": "x ¦ y 1 uM | PANC-1",
        "A02": "x ¦ y 1 uM | BxPC-3",
    }


def test_records_are_frozen(tmp_path: Path) -> None:
    plate_map = read(tmp_path, "well,drug,dose_uM\nA1,x,1\n")
    with pytest.raises(dataclasses.FrozenInstanceError):
        plate_map.wells[0].well = "A02"  # type: ignore[misc]


def test_published_example(shared: Path) -> None:
    plate_map = read_plate_map(shared / "examples/incucyte_classifier_platemap_example.csv")
    assert conditions(plate_map)["B02"] == "vehicle (Untreated) | A549"
    assert conditions(plate_map)["D03"] == "Hippuristanol 0.16 uM | A549"
    assert wells(plate_map)["B08"].extra == {"label": "dead"}
    assert not plate_map.warnings


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "</script>", "<img src=x onerror=alert(1)>", "<b>x</b>"]
)
def test_a_drug_named_like_markup_is_a_drug(tmp_path, name):
    """Only words in one pair of brackets are a template's reminder."""
    found = read(tmp_path, f"well,drug,dose,unit\nA01,{name},1,uM\nA02,vehicle,0,uM\n")
    assert [dose.drug for dose in wells(found)["A01"].drugs] == [name]
