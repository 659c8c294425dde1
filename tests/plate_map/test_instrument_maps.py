"""Plate maps of instruments and programs: read, and back again through the canonical long map."""

from __future__ import annotations

from pathlib import Path

import pytest

from spheroid_qc.errors import PlateMapError
from spheroid_qc.plate_map import PlateMap, condition_name, read_plate_map, write_plate_map

INCUCYTE = """\ufeff<?xml version="1.0" encoding="utf-8"?>
<plateMap>
  <wellStore>
    <wells>
      <well row="0" col="0" />
      <well row="0" col="1">
        <items>
          <wellItem type="Compound" concentration="0.1" concentrationUnits="%">
            <referenceItem type="Compound" description="DMSO" displayName="DMSO" />
          </wellItem>
          <wellItem type="CellType" passage="12" seedingDensity="2000"
                    seedingDensityUnits="cells/well">
            <referenceItem type="CellType" description="PANC-1" displayName="PANC-1" />
          </wellItem>
        </items>
      </well>
      <well row="1" col="2">
        <items>
          <wellItem type="Compound" concentration="30" concentrationUnits="nM">
            <referenceItem type="Compound" description="selinexor" displayName="sel" />
          </wellItem>
          <wellItem type="Compound" concentration="1.5" concentrationUnits="µM">
            <referenceItem type="Compound" description="gemcitabine" displayName="gem" />
          </wellItem>
          <wellItem type="Compound" concentration="0.1" concentrationUnits="%">
            <referenceItem type="Compound" description="DMSO" displayName="DMSO" />
          </wellItem>
          <wellItem type="CellType" passage="12" seedingDensity="2000"
                    seedingDensityUnits="cells/well">
            <referenceItem type="CellType" description="PANC-1" displayName="PANC-1" />
          </wellItem>
        </items>
      </well>
    </wells>
  </wellStore>
</plateMap>
"""
TEXT_MAP = (
    '"row"\t"col"\t"sampleid"\t"conc"\t"samptype"\t"concunits"\t"growthcondition"\n'
    '1\t1\t"-"\tNA\t"B"\tNA\tNA\n'
    '2\t2\t"DMSO"\t0.1\t"C"\t"%"\t"8 x 10e4/mL"\n'
    '2\t3\t"DMSO"\t0.1\t"C"\t"%"\t"4 x 10e4/mL"\n'
    '3\t2\t"X-17"\t30\t"S"\t"µM"\t"8 x 10e4/mL"\n'
    '3\t3\t"X-17"\t30\t"S"\t"µM"\t"4 x 10e4/mL"\n'
)
D300 = (
    "Plate,Dispensed well,Dispensed row,Dispensed col,Fluid,Fluid name,Dispensed concentration,"
    "Conc. units,Dispensed volume,Volume units\n"
    "1,A1,1,1,1,DMSO normalization,,,100,nL\n1,A2,1,2,2,gem,1,µM,50,nL\n"
    "1,A2,1,2,1,DMSO normalization,,,50,nL\n1,A3,1,3,2,gem,10,µM,100,nL\n"
    "1,A3,1,3,3,sel,30,nM,10,nL\n"
)
ECHO = (
    "Run ID,12,,,,,,\n[EXCEPTIONS],,,,,,,\n"
    "Source Plate Name,Source Well,Destination Plate Name,Destination Well,"
    "Destination Concentration,Destination Concentration Units,Compound Name,Transfer Volume\n"
    "S,A9,P1,A9,0,N/A,gem,10\n[DETAILS],,,,,,,\n"
    "Source Plate Name,Source Well,Destination Plate Name,Destination Well,"
    "Destination Concentration,Destination Concentration Units,Compound Name,Transfer Volume\n"
    "S,A1,P1,A1,0,N/A,N/A,30\nS,A2,P1,A2,10,uM,gem,30\nS,A3,P1,A3,100,nM,gem,3\n"
)
WELLMAP = """
[meta]
author = "someone"
[expt]
cell_line = "PANC-1"
[row]
A.drug = "DMSO"
B.drug = "gem"
[col]
1.dose_uM = 0
'2,3'.dose_uM = 1.5
[block.2x1.D4]
drug = "sel"
dose_nM = 30
[well.A2]
dose_uM = 0
[well.A3]
dose_uM = 0
"""
PLATER = "drug,1,2,3\nA,DMSO,gem,gem\nB,DMSO,gem,gem\n\ndose_uM,1,2,3\nA,,1,10\nB,,1,10\n"


def read(tmp_path: Path, text: str, name: str) -> PlateMap:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    plate_map = read_plate_map(path)
    back = read_plate_map(write_plate_map(plate_map, tmp_path / "canonical.csv"))
    assert back == plate_map
    return plate_map


def conditions(plate_map: PlateMap) -> dict[str, str]:
    return {well.well: condition_name(well) for well in plate_map.wells}


def test_headings_and_the_null_of_lincs(tmp_path: Path) -> None:
    head = "det_plate\tdet_well\tpert_iname\tpert_type\tpert_dose\tpert_dose_unit\n"
    path = tmp_path / "inst_info.txt"
    path.write_text(
        f"{head}P1\tA01\tDMSO\tctl_vehicle\t-666\t-666\nP1\tA02\tgem\ttrt_cp\t10\tum\n", "utf-8"
    )
    control, treated = read_plate_map(path).wells
    assert (control.role, treated.plate, treated.drugs[0].dose_um) == ("vehicle", "P1", 10)


def test_incucyte_xml(tmp_path) -> None:
    plate_map = read(tmp_path, INCUCYTE, "map.PlateMap")
    assert conditions(plate_map) == {
        "A02": "vehicle (DMSO 0.1 %) | PANC-1 | passage 12",
        "B03": "selinexor 0.03 uM + gemcitabine 1.5 uM | PANC-1 | passage 12",
    }
    assert plate_map.wells[0].cells_seeded == 2000
    with pytest.raises(PlateMapError, match=r"map\.PlateMap, line \d+, column \d+: the plate map"):
        read(tmp_path, INCUCYTE[:600], "map.PlateMap")
    with pytest.raises(PlateMapError, match="declares XML entities"):
        read(tmp_path, INCUCYTE.replace("<plateMap>", "<!DOCTYPE x><plateMap>"), "map.PlateMap")


def test_incucyte_text(tmp_path) -> None:
    found = conditions(read(tmp_path, TEXT_MAP, "map.txt"))
    assert found == {
        "A01": "blank",
        "B02": "vehicle (DMSO 0.1 %) | growthcondition 8 x 10e4/mL",
        "B03": "vehicle (DMSO 0.1 %) | growthcondition 4 x 10e4/mL",
        "C02": "X-17 30 uM | growthcondition 8 x 10e4/mL",
        "C03": "X-17 30 uM | growthcondition 4 x 10e4/mL",
    }


def test_dispensers(tmp_path) -> None:
    assert conditions(read(tmp_path, D300, "d300.csv")) == {
        "A01": "vehicle (DMSO)",
        "A02": "gem 1 uM",
        "A03": "gem 10 uM + sel 0.03 uM",
    }
    echo = read(tmp_path, ECHO, "echo.csv")
    assert conditions(echo) == {"A01": "vehicle", "A02": "gem 10 uM", "A03": "gem 0.1 uM"}
    assert any("(A09)" in note for note in echo.notes)
    assert echo.plates == ("P1",)
    assert any("transfers that failed" in note for note in echo.notes)
    bare = ECHO.replace(",Destination Concentration Units", "").replace(",N/A,", ",").replace(
        ",uM,", ","
    ).replace(",nM,", ",")  # fmt: skip
    molar = read(tmp_path, bare.replace(",10,gem", ",1e-5,gem").replace(",100,gem", ",1e-7,gem"),
                 "echo.csv")  # fmt: skip
    assert conditions(molar)["A02"] == "gem 10 uM"
    assert any("are read as M" in note for note in molar.notes)


def test_wellmap(tmp_path) -> None:
    found = conditions(read(tmp_path, WELLMAP, "layout.toml"))
    assert found["A01"] == found["A03"] == "vehicle (DMSO) | PANC-1"
    assert found["B02"] == found["B03"] == "gem 1.5 uM | PANC-1"
    assert found["D04"] == found["D05"] == "sel 0.03 uM | PANC-1"
    with pytest.raises(PlateMapError, match="lays out no well"):
        read(tmp_path, "[irow.A]\ndrug = 'x'\n", "layout.toml")
    with pytest.raises(PlateMapError, match=r"the table \[plat\] is not read here"):
        read(tmp_path, "[plat.A]\ndrug = 'x'\n", "layout.toml")
    with pytest.raises(PlateMapError, match="is no TOML file"):
        read(tmp_path, "[irow", "layout.toml")


def test_plater_and_columns_left_out(tmp_path) -> None:
    assert conditions(read(tmp_path, PLATER, "plate.csv"))["B03"] == "gem 10 uM"
    numbered = PLATER.replace("1,2,3", "2,3,5")
    assert set(conditions(read(tmp_path, numbered, "plate.csv"))) == {
        "A02", "A03", "A05", "B02", "B03", "B05"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("well_position,broad_sample,mmoles_per_liter,solvent\nA01,,0,DMSO\nA02,BRD-1,0.01,DMSO",
         "BRD-1 10 uM"),
        ("Metadata_Well,Metadata_Compound,Metadata_Concentration_uM\nA01,DMSO,\nA02,gem,3",
         "gem 3 uM"),
        ("well,pert_iname,pert_type,pert_dose,pert_dose_unit\nA01,DMSO,ctl_vehicle,,\n"
         "A02,gem,trt_cp,3,um", "gem 3 uM"),
        ("well,cell.line,drug1,drug1.conc,drug1.units\nA1,A,,0,M\nA2,A,gem,1e-6,M",
         "gem 1 uM | A"),
        ("well,drug\nA1,DMSO\nA2,gem_10uM", "gem 10 uM"),
        ("well,drug\nA1,DMSO\nA2,10uM gem", "gem 10 uM"),
        ("well,treatment\nA1,DMSO\nA2,gem-10 µM + sel 1 µM", "gem 10 uM + sel 1 uM"),
        ("well,treatment\nA1,DMSO\nA2,gem_10uM+DMSO", "gem 10 uM"),
        ("well,treatment\nA1,DMSO\nA2,gem 10uM/sel 1 uM", "gem 10 uM + sel 1 uM"),
        ("well,treatment\nA1,DMSO\nA2,10 uM of gem", "gem 10 uM"),
        ("well,broad_sample,control_type,pert_type,mmoles_per_liter\nA1,,negcon,control,0\n"
         "A2,BRD-1,,trt,0.005", "BRD-1 5 uM"),
        ("well,drug,µM\nA1,DMSO,0\nA2,gem,1", "gem 1 uM"),
        ("well,drug,log10 conc (M)\nA1,DMSO,\nA2,gem,-6", "gem 1 uM"),
        ("well,drug,dose_uM\nA1,DMSO,\nR01C02,gem,1x10^-3", "gem 0.001 uM"),
        ("well,drug,dose_uM\nWell A1,DMSO,\nWell A2,gem,2 × 10⁻³", "gem 0.002 uM"),
        ("well,drug,dose_uM,time of treatment (h)\nA1,DMSO,0,24\nA2,gem,1,24", "gem 1 uM"),
    ],
)  # fmt: skip
def test_headings_and_words_of_others(tmp_path, text, condition) -> None:
    found = conditions(read(tmp_path, text, "map.csv"))
    assert found["A02"] == condition
    assert found["A01"].startswith("vehicle")


@pytest.mark.parametrize(
    "name",
    ["Vehicle (DMSO)", "Veh", "Ctl", "Unt.", "Dimethyl sulfoxide", "DMSO_0.5", "cell control",
     "Neg. control", "DMSO, final 0.1%"],
)  # fmt: skip
def test_names_of_vehicles(tmp_path, name) -> None:
    text = f'well,drug,dose_uM\nA1,"{name}",\nA2,gem,1'
    assert conditions(read(tmp_path, text, "map.csv"))["A01"].startswith("vehicle")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("well,drug,dose_uM\nA1,DMSO,0\nA2,gem,1:100", "is a dilution, no dose"),
        ("well,drug\nA1,DMSO\nA2,gem 10 uM then sel 1 uM", "can't be read in full"),
        ("well,drug,dose_uM\nA1,DMSO,0\nA2,70% ethanol,", "more than a vehicle's"),
        ("well,drug,log conc (M)\nA1,DMSO,\nA2,gem,-6", "say --dose-scale log10"),
        ("well,drug,dose_uM\nA1,DMSO,0\nA2,gem 10 uM,1", "states a dose, and the dose is 1"),
        ("well,drug,dose_uM,dosed at\nA1,DMSO,0,01.03.2024 14:00\nA2,gem,1,01.03.2024 14:00",
         "is a date; write a number"),
    ],
)  # fmt: skip
def test_asked_about(tmp_path, text, message) -> None:
    with pytest.raises(PlateMapError) as error:
        read(tmp_path, text, "map.csv")
    assert str(error.value).count(message) == 1


def test_a_gap_between_columns_of_a_grid(tmp_path) -> None:
    text = "drug,1,2,,4,5\nA,DMSO,gem,,gem,gem\n\ndose_uM,1,2,,4,5\nA,0,1,,2,3\n"
    found = conditions(read(tmp_path, text, "plate.csv"))
    assert found["A04"] == "gem 2 uM"
    assert set(found) == {"A01", "A02", "A04", "A05"}
    with pytest.raises(PlateMapError, match="in a column without a number"):
        read(tmp_path, text.replace("gem,,gem", "gem,odd,gem"), "plate.csv")


def test_roles_in_a_column_called_type(tmp_path) -> None:
    text = "well,drug,dose_uM,type\nA1,gem,1,sample\nA2,DMSO,,neg control\nA3,,,blank\n"
    found = read(tmp_path, text, "map.csv")
    assert [well.role for well in found.wells] == ["treated", "vehicle", "blank"]
    other = read(tmp_path, text.replace("neg control", "a control of ours"), "map.csv")
    assert "type" in other.columns


def test_columns_that_would_be_pooled_are_asked_about(tmp_path) -> None:
    text = "well,drug,dose_uM,batch\nA1,DMSO,0,x\nA2,gem,1,x\nB1,DMSO,0,y\nB2,gem,1,y\n"
    with pytest.raises(PlateMapError, match=r"differ in the column batch \(x, y\), and would be"):
        read(tmp_path, text, "map.csv")
    assert read(tmp_path, text.replace("batch", "stratum batch"), "m.csv").strata == (
        "stratum batch",
    )
    assert read(tmp_path, text.replace("batch", "ignore batch"), "map.csv").strata == ()
    donors = read(tmp_path, text.replace("batch", "donor"), "map.csv")
    assert donors.strata == ("donor",)


ECHO_HEAD = (
    "Source Well,Destination Well,Sample Name,Destination Concentration,"
    "Destination Concentration Units,Transfer Volume,Actual Volume,Transfer Status\n"
)


@pytest.mark.parametrize(
    "line", ["A1,C1,gem,1,uM,25,0,", "A1,C1,gem,1,uM,25,12.5,", "A1,C1,gem,1,uM,25,25,Failed: dry"]
)
def test_wells_of_failed_transfers_are_left_out(tmp_path, line) -> None:
    good = "A1,B1,gem,1,uM,25,25,\nP1,D1,DMSO,,,25,25,OK\nA2,C1,sel,1,uM,25,25,\n"
    found = read(tmp_path, f"{ECHO_HEAD}{good}{line}\n", "echo.csv")
    assert conditions(found) == {"B01": "gem 1 uM", "D01": "vehicle (DMSO)"}
    assert any("transfers that failed: 1 well" in note for note in found.notes)


def test_transfers_without_concentrations_say_what_they_need(tmp_path) -> None:
    text = "Source Well,Dest Well,Transfer Volume,Sample Name\nA1,B1,25,gem\nP1,C1,25,DMSO\n"
    with pytest.raises(PlateMapError, match="add a column 'Destination Concentration'"):
        read(tmp_path, text, "picks.csv")


def test_interleaved_rows_and_columns_of_wellmap(tmp_path) -> None:
    text = (
        "[irow.A]\ndrug = 'gem'\n[irow.B]\ndrug = 'DMSO'\n"
        "[col.1]\ndose_uM = 1\n[col.2]\ndose_uM = 2\n"
    )
    found = conditions(read(tmp_path, text, "layout.toml"))
    assert found["A01"] == "gem 1 uM"
    assert found["B02"] == "gem 2 uM"
    assert found["B01"] == found["A02"] == "vehicle (DMSO)"
    text = (
        "[row.A]\ndrug = 'gem'\n[row.B]\ndrug = 'gem'\n"
        "[icol.1]\ndose_uM = 1\n[icol.2]\ndose_uM = 3\n"
    )
    found = conditions(read(tmp_path, text, "layout.toml"))
    assert found["A01"] == found["B02"] == "gem 1 uM"
    assert found["A02"] == found["B01"] == "gem 3 uM"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("A2,gem 24h 10 nM", "can't be read in full"),
        ("A2,gem 1.000 nM\nA3,gem 300 nM", "may be 1.000 or 1000"),
        ("A2,CAF-CM gem 10 nM\nA3,gem 10 nM", "share words"),
        ("A2,DMSO 2 Gy", "names a control with a dose"),
    ],
)
def test_treatments_that_are_asked_about(tmp_path, rows, message) -> None:
    with pytest.raises(PlateMapError, match=message):
        read(tmp_path, f"well;treatment\nA1;DMSO\n{rows.replace(',', ';')}\n", "map.csv")


@pytest.mark.parametrize("unit", ["uMol", "µMolar", "nano-molar", "nmol/ml", "pmol/ul"])
def test_units_of_concentration_as_people_write_them(tmp_path, unit) -> None:
    found = read(tmp_path, f"well,drug,dose,unit\nA1,DMSO,,\nA2,gem,1,{unit}\n", "map.csv")
    expected = "gem 0.001 uM" if unit == "nano-molar" else "gem 1 uM"
    assert conditions(found)["A02"] == expected
