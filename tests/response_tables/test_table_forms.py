"""Forms of tables of responses: read whole, or asked about; never a part of one passed over."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from spheroid_qc.errors import RequestError
from spheroid_qc.plate_map import read_plate_map
from spheroid_qc.response_tables.inspect_table import inspect_table
from spheroid_qc.response_tables.read_responses import TableOptions, as_table, read_response_files
from spheroid_qc.response_tables.response_columns import contradicts_itself, meaning_of
from spheroid_qc.tables.match_headings import named_dose

DOSES = (0.05, 0.4, 3.2)


def alive(dose: float, ec50: float = 1.0) -> float:
    return round(100 / (1 + dose / ec50), 1)


def rows(tmp_path: Path, text: str | bytes, name: str = "t.csv", **options: object) -> pd.DataFrame:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return read_response_files(path, TableOptions(**options)).rows  # type: ignore[arg-type]


def told(tmp_path: Path, text: str | bytes, name: str = "t.csv", **options: object) -> str:
    with pytest.raises(RequestError) as error:
        rows(tmp_path, text, name, **options)
    return str(error.value)


def wide(head: str, *ec50s: float, above: str = "") -> str:
    lines = [",".join([f"{d}", *(str(alive(d, e)) for e in ec50s)]) for d in DOSES]
    return "\n".join([*([above] if above else []), head, *lines])


def workbook(**sheets: list[list[object]]) -> bytes:
    book = openpyxl.Workbook()
    del book["Sheet"]
    for name, lines in sheets.items():
        sheet = book.create_sheet(name)
        for line in lines:
            sheet.append(line)
    data = BytesIO()
    book.save(data)
    return data.getvalue()


def at(found: pd.DataFrame, **values: object) -> list[float]:
    keep = pd.Series(True, index=found.index)
    for name, value in values.items():
        keep &= found[name] == value
    return sorted(found.loc[keep, "response"])


@pytest.mark.parametrize(
    "head",
    [
        "Conc (uM),tam rep1,tam rep2,rux rep1,rux rep2",
        "Conc (uM),HT29_rep1,HT29_rep2,DLD_rep1,DLD_rep2",
        "Conc (uM),rep 1 (HT29),rep 2 (HT29),rep 1 (DLD),rep 2 (DLD)",
        "Conc (uM),A,B,C,D",
    ],
)
def test_names_in_wide_headings_are_asked_about(tmp_path, head) -> None:
    assert "may be drugs, cell lines or repeats" in told(tmp_path, wide(head, 1, 1, 20, 20))


def test_names_in_wide_headings_with_an_answer(tmp_path) -> None:
    head = "Conc (uM),HT29 rep1,HT29 rep2,DLD rep1,DLD rep2"
    found = rows(tmp_path, wide(head, 1, 1, 20, 20), columns_are="cell-lines")
    assert at(found, cell_line="DLD", dose_1_um=0.4) == [alive(0.4, 20)] * 2
    assert set(found["replicate"]) == {"rep1", "rep2"}


def test_times_and_experiments_in_wide_headings_are_read(tmp_path) -> None:
    found = rows(tmp_path, wide("Conc (uM),24h_rep1,24h_rep2,48h_rep1,48h_rep2", 9, 9, 1, 2))
    assert at(found, time_h=48.0, dose_1_um=0.4) == sorted([alive(0.4, 1), alive(0.4, 2)])
    found = rows(tmp_path, wide("Conc (uM),bio rep 1,bio rep 2", 1, 2))
    assert set(found["biological_replicate"]) == {"bio rep 1", "bio rep 2"}
    found = rows(tmp_path, wide("Conc (uM),1,2,Mean,SD", 1, 1, 1, 1))
    assert set(found["replicate"]) == {"1", "2"}


@pytest.mark.parametrize(
    "head", ["Conc (uM),0,24,48", "Conc (uM),1,3,10", "Conc (uM),1,2,12", "Conc (uM),1,2,rep3"]
)
def test_bare_numbers_as_headings_are_asked_about(tmp_path, head) -> None:
    assert "may be times, doses of a second drug or repeats" in told(tmp_path, wide(head, 1, 2, 3))


def test_a_line_above_wide_headings_is_read(tmp_path) -> None:
    head = "Conc (uM),rep1,rep2,rep1,rep2"
    assert "(HT29, DLD)" in told(tmp_path, wide(head, 1, 1, 9, 9, above=",HT29,,DLD,"))
    assert "of some columns" in told(tmp_path, wide(head, 1, 1, 9, 9, above="HT29,,,DLD,"))
    found = rows(tmp_path, wide(head, 1, 1, 9, 9, above=",HT29,,DLD,"), columns_are="cell-lines")
    assert at(found, cell_line="DLD", dose_1_um=0.4) == [alive(0.4, 9)] * 2
    found = rows(tmp_path, wide("Conc (uM),1,2,3", 1, 5, 9, above=",Patient,,"))
    assert at(found, stratum="Patient 3", dose_1_um=0.4) == [alive(0.4, 9)]
    found = rows(tmp_path, wide("Conc (uM),0,24,48", 1, 5, 9, above=",Time (h),,"))
    assert at(found, time_h=48.0, dose_1_um=0.4) == [alive(0.4, 9)]
    found = rows(tmp_path, wide("Conc (uM),rep1,rep2", 1, 1, above="Drug: tamoxifen"))
    assert set(found["drug_1"]) == {"tamoxifen"}
    assert "doses of a second drug" in told(
        tmp_path, wide("Conc (uM),0,24,48", 1, 5, 9, above=",rux (nM),,")
    )


def test_several_lines_above_wide_headings_are_read(tmp_path) -> None:
    head = wide("Conc (uM),rep1,rep2,rep1,rep2", 9, 9, 1, 1, above=",24 h,,48 h,")
    found = rows(tmp_path, "HT29,,,,\n" + head)
    assert at(found, time_h=48.0, dose_1_um=0.4) == [alive(0.4, 1)] * 2
    counted = wide("Conc (uM),1,2,1,2", 1, 1, 9, 9, above=",rep,rep,rep,rep")
    assert "(HT29, DLD)" in told(tmp_path, ",HT29,,DLD,\n" + counted)
    noted = wide("Conc (uM),rep1,rep2", 1, 1, above="Date:,2 May,Operator:,XY")
    assert len(rows(tmp_path, noted)) == 6


def test_controls_and_sums_among_wide_doses(tmp_path) -> None:
    text = wide("Conc (uM),rep1,rep2", 1, 1).replace("\n0.05", "\nuntreated,99,98\n0.05", 1)
    found = rows(tmp_path, text + "\n\nIC50 (uM),1.0,1.1\n")
    assert at(found, role="vehicle") == [98, 99]
    assert len(found) == 8


LONG = "drug,dose_uM,viability (%)\nDMSO,,100\n"


def long(ec50: float = 1.0, drug: str = "tam") -> str:
    return "".join(f"{drug},{d},{alive(d, ec50)}\n" for d in DOSES)


def test_a_second_block_below_is_asked_about(tmp_path) -> None:
    blocks = [
        LONG + long() + "\n" + long(20),
        LONG + long() + ",,\n" + LONG + long(20),
        wide("Conc (uM),rep1,rep2", 1, 1) + "\n\n" + wide("Conc (uM),rep1,rep2", 9, 9),
    ]
    for text in blocks:
        assert "as if another table began" in told(tmp_path, text)
    titled = wide("Conc (uM),rep1,rep2", 1, 1) + "\n\nDLD\n" + wide("Conc (uM),rep1,rep2", 9, 9)
    assert "seems to begin another table" in told(tmp_path, titled)


def test_gaps_between_groups_are_harmless(tmp_path) -> None:
    found = rows(tmp_path, LONG + "\n" + long() + "\n" + long(20, "rux"))
    assert at(found, drug_1="rux", dose_1_um=0.4) == [alive(0.4, 20)]
    lines = ("".join(f"tam,{d},{alive(d)},{k}\n" for d in DOSES) for k in (1, 2))
    found = rows(tmp_path, "drug,dose_uM,viability (%),replicate\n" + "\n".join(lines))
    assert len(found) == 6


def test_sums_below_a_table_and_rows_that_look_like_them(tmp_path) -> None:
    found = rows(tmp_path, LONG + long() + "\nIC50,1.0,50\nHill slope,1.1,\n")
    assert set(found["drug_1"]) == {"", "tam"}
    plate = "row,col,drug,dose_uM,viability (%)\n" + "".join(
        f"{letter},{i},tam,{d},{alive(d)}\n" for letter in "MN" for i, d in enumerate(DOSES, 1)
    )
    assert len(rows(tmp_path, plate)) == 6  # row N of the plate, and no numbers of cases


MATRIX = "Drug1:,tam\nDrug2:,rux\nConcUnit:,nM\n"


def test_matrices_below_each_other_are_blocks(tmp_path) -> None:
    first = ",0,5,50\n0,100,90,50\n10,80,70,30\n"
    other = ",0,20,200\n0,100,95,45\n40,70,65,25\n"
    found = rows(tmp_path, f"{MATRIX}{first}\nDLD\n{other}")
    assert at(found, block="2", dose_1_um=0.04, dose_2_um=0.2) == [25]
    assert at(found, block="1", dose_1_um=0.01, dose_2_um=0.05) == [30]
    with_means = ",0,5,50,Mean\n0,100,90,50,80\n10,80,70,30,60\nMean,90,80,40,\n"
    assert len(rows(tmp_path, MATRIX + with_means)) == 6
    assert len(rows(tmp_path, "Drug1: tam\nDrug2: rux\nConcUnit: nM\n" + first)) == 6
    assert "is no line of it" in told(tmp_path, f"{MATRIX}{first}20,x,y,z\n")


@pytest.mark.parametrize(
    "heading",
    [
        "viability (% dead)", "Viability [% inhibition]", "survival (% killed)",
        "inhibition (% viable)", "Cytotoxicity (% surviving)", "viability (% loss)",
    ],
)  # fmt: skip
def test_headings_that_contradict_themselves_are_asked_about(tmp_path, heading) -> None:
    assert contradicts_itself(heading)
    assert meaning_of(heading) is None
    text = (LONG + long()).replace("viability (%)", heading)
    assert "names viability and its opposite" in told(tmp_path, text)


def test_what_a_per_cent_is_of_is_no_contradiction() -> None:
    assert meaning_of("survival (% of DMSO control)") == ("viability", "percent")
    assert meaning_of("inhibition (% of control)") == ("inhibition", "percent")
    assert meaning_of("cell death (%)") == ("inhibition", "percent")


def doses(*written: str, separator: str = "\t", response: str = "50") -> str:
    lines = [separator.join(["tam", f'"{one}"', response]) for one in written]
    return "\n".join([separator.join(["drug", "dose_nM", "viability (%)"]), *lines])


def test_thousands_with_a_point(tmp_path) -> None:
    asked = "may be 1.000 or 1000"
    assert asked in told(tmp_path, doses("300", "1.000", "10.000"), "t.tsv")
    assert asked in told(tmp_path, doses("300", "1.000", "10.000", separator=","))
    sheet = workbook(S=[["drug", "dose_nM", "viability (%)"], ["tam", "1.000", 50]])
    assert asked in told(tmp_path, sheet, "t.xlsx")
    found = rows(tmp_path, doses("300", "1.000", response="50,5"), "t.tsv")
    assert at(found, dose_1_um=1.0) == [50.5]
    found = rows(tmp_path, doses("300", "1,000", separator=",", response="50.5"))
    assert at(found, dose_1_um=1.0) == [50.5]
    found = rows(tmp_path, doses("1.250", "2.500", separator=","))
    assert at(found, dose_1_um=0.00125) == [50]
    frame = pd.DataFrame({"drug": "tam", "dose_nM": [100.0, 2.125], "response": [1.0, 2.0]})
    assert sorted(as_table(frame).rows["dose_1_um"]) == [0.002125, 0.1]


def test_powers_of_ten_in_cells_and_headings(tmp_path) -> None:
    text = "drug,dose (M),viability (%)\ntam,10^-8,99\ntam,3x10^-7,90\ntam,10\u207b\u2076,50\n"
    assert list(rows(tmp_path, text)["dose_1_um"]) == [0.01, 0.3, 1.0]
    text = "drug,dose (x10^-6 M),viability (%)\ntam,3,99\n"
    assert list(rows(tmp_path, text)["dose_1_um"]) == [3.0]


def test_semicolons_under_decimal_commas_are_found(tmp_path) -> None:
    text = "Konz. [uM];rep1;rep2\n0,05;95,2;96,1\n0,4;71,4;72,5\n"
    assert at(rows(tmp_path, text), dose_1_um=0.4) == [71.4, 72.5]


@pytest.mark.parametrize("drug", ["PC", "NC", "UT", "Water", "PBS", "medium"])
def test_controls_with_a_dose_are_asked_about(tmp_path, drug) -> None:
    assert "with a dose may be" in told(tmp_path, LONG + long() + f"{drug},10,80\n")


def test_nameless_positive_controls_and_numbered_vehicles(tmp_path) -> None:
    one = LONG + long() + "positive control,10,1\n"
    assert at(rows(tmp_path, one), role="positive_control") == [1]
    assert "stands with several doses" in told(tmp_path, one + "positive control,1,20\n")
    assert "differ in a number" in told(tmp_path, LONG + "DMSO 4,,60\nDMSO 8,,30\n" + long())
    assert len(rows(tmp_path, LONG.replace("DMSO", "DMSO 1") + "DMSO 2,,99\n" + long())) == 5


def test_several_sheets_of_responses_are_asked_about(tmp_path) -> None:
    sheet = [["drug", "dose_uM", "viability (%)"], *(["tam", d, alive(d)] for d in DOSES)]
    assert "on several sheets, 'HT29', 'DLD'" in told(
        tmp_path, workbook(HT29=sheet, DLD=sheet), "t.xlsx"
    )
    found = rows(tmp_path, workbook(Notes=[["by me"], ["2 May"]], Data=sheet), "t.xlsx")
    assert len(found) == 3


def test_a_map_and_values_on_two_sheets_are_joined(tmp_path) -> None:
    plate = [["well", "drug", "dose_uM"], ["A1", "DMSO", None], ["A2", "tam", 1]]
    values = [["well", "viability (%)"], ["A1", 100], ["A2", 40]]
    found = rows(tmp_path, workbook(Map=plate, Data=values), "t.xlsx")
    assert at(found, drug_1="tam", dose_1_um=1.0) == [40]
    grid = [["viability (%)", 1, 2], ["A", 100, 40]]
    found = rows(tmp_path, workbook(Map=plate, Data=grid), "t.xlsx")
    assert at(found, drug_1="tam", dose_1_um=1.0) == [40]


def prism(attributes: str, *subcolumns: list[object], titles: list[str] | None = None) -> str:
    def column(tag: str, title: str, *values: list[object]) -> str:
        cells = ("".join(f"<d>{value}</d>" for value in one) for one in values)
        subs = "".join(f"<Subcolumn>{one}</Subcolumn>" for one in cells)
        return f"<{tag}><Title>{title}</Title>{subs}</{tag}>"

    x = (
        column("RowTitlesColumn", "", list(titles))
        if titles
        else column("XColumn", "conc (uM)", list(DOSES))
    )
    return (
        f'<GraphPadPrismFile><Table ID="T" {attributes}><Title>d</Title>{x}'
        f"{column('YColumn', 'HT29', *subcolumns)}</Table></GraphPadPrismFile>"
    )


def test_prism_means_and_row_titles(tmp_path) -> None:
    means: list[object] = [alive(d) for d in DOSES]
    found = rows(tmp_path, prism('YFormat="SDN"', means, [2, 3, 2], [3, 3, 3]), "t.pzfx")
    assert sorted(found["response"]) == sorted(means)
    assert "mean with its error" in told(tmp_path, prism("", means, [2, 3, 2], [3, 3, 3]), "t.pzfx")
    found = rows(tmp_path, prism("", means, means, titles=["0.1 uM", "1 uM", "10 uM"]), "t.pzfx")
    assert set(found["dose_1_um"]) == {0.1, 1.0, 10.0}
    assert "has no unit" in told(
        tmp_path, prism("", means, means, titles=["1", "3", "9"]), "t.pzfx"
    )


MAP = "well,drug,dose_uM\nA1,DMSO,\nA2,tam,0.1\nB1,DMSO,\nB2,tam,1\n"
GEN5 = "Time,T\u00b0 405,A1,A2,B1,B2\n0:00:00,37,10,11,12,13\n24:00:00,37,20,21,22,23\n"
TECAN = (
    "Cycle Nr.,1,2\nTime [s],0,86400\nTemp. [\u00b0C],37,37\n"
    "A1,10,20\nA2,11,21\nB1,12,22\nB2,13,23\n"
)
SOFTMAX = (
    "##BLOCKS= 1\nPlate:\tP1\t1.3\tPlateFormat\tEndpoint\tLuminescence\n"
    "\tTemperature(\u00b0C)\t1\t2\n\t37.0\t20\t21\n\t\t22\t23\n\n~End\n"
)


@pytest.mark.parametrize(("text", "name"), [(GEN5, "t.csv"), (TECAN, "t.csv"), (SOFTMAX, "t.txt")])
def test_exports_of_plate_readers(tmp_path, text, name) -> None:
    (tmp_path / "map.csv").write_text(MAP, "utf-8")
    plate_map = read_plate_map(tmp_path / "map.csv")
    found = rows(tmp_path, text, name, plate_map=plate_map)
    if "time_h" in found:
        assert at(found, well="B02", time_h=0.0) == [13]
        found = found[found["time_h"] == 24]
    assert at(found, well="B02") == [23]
    assert at(found, role="vehicle") == [20, 22]


@pytest.mark.parametrize("text", [GEN5, TECAN])
def test_two_readings_in_one_export_are_asked_about(tmp_path, text) -> None:
    (tmp_path / "map.csv").write_text(MAP, "utf-8")
    plate_map = read_plate_map(tmp_path / "map.csv")
    assert "readings" in told(tmp_path, f"{text}\n{text}", plate_map=plate_map)


def test_logarithms_are_stated_to_inspect_and_for_maps_too(tmp_path) -> None:
    path = tmp_path / "map.csv"
    path.write_text("well,drug,log conc (uM)\nA1,DMSO,\nA2,tam,-1\nA3,tam,1\n", "utf-8")
    with pytest.raises(RequestError, match="say --dose-scale log10"):
        read_plate_map(path)
    found = inspect_table(path, TableOptions(dose_scale="log10")).plate_map
    assert found is not None
    assert [dose.dose_um for well in found.wells for dose in well.drugs] == [0.1, 10.0]


def test_files_of_a_folder_that_nothing_tells_apart_are_asked_about(tmp_path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for line, ec50 in (("HT29", 1.0), ("DLD", 20.0)):
        (folder / f"{line}.csv").write_text(LONG + long(ec50), "utf-8")
    with pytest.raises(RequestError, match=r"DLD\.csv, HT29\.csv\) hold rows of the same"):
        read_response_files(folder)
    (folder / "DLD.csv").write_text(LONG + long(20.0, "rux"), "utf-8")
    assert len(read_response_files(folder).rows) == 8


def test_a_file_a_drug_with_its_own_vehicle_rows_is_read(tmp_path) -> None:
    for drug in ("gem", "sel"):
        lines = ["drug,dose_um,viability_percent", "DMSO,0,100", "DMSO,0,98"]
        lines += [f"{drug},{dose},{value}" for dose, value in ((1, 80), (10, 40)) for _ in range(2)]
        (tmp_path / f"{drug}.csv").write_text("\n".join(lines) + "\n", "utf-8")
    assert len(read_response_files(tmp_path).rows) == 12


def test_a_heading_may_name_the_drug_of_its_doses(tmp_path) -> None:
    found = rows(tmp_path, wide("gemcitabine (nM),rep 1,rep 2,rep 3", 1, 1, 1))
    assert set(found["drug_1"]) == {"gemcitabine"}
    assert found["dose_1_um"].tolist() == pytest.approx([d / 1000 for d in DOSES for _ in range(3)])
    assert set(found["replicate"]) == {"rep 1", "rep 2", "rep 3"}
    text = "gem_uM,sel (uM),viability (%)\n0,0,100\nDMSO,,99\n1,0,60\n0,2,70\n1,2,30\nMean,,71\n"
    found = rows(tmp_path, text)
    assert found["role"].tolist() == ["vehicle", "vehicle", "treated", "treated", "treated"]
    assert found[["drug_1", "dose_1_um", "drug_2", "dose_2_um"]].iloc[4].tolist() == [
        "gem", 1.0, "sel", 2.0,
    ]  # fmt: skip
    head = "gem (uM),PANC1,HT29"
    assert "may be drugs, cell lines or repeats" in told(tmp_path, wide(head, 1, 9))
    found = rows(tmp_path, wide(head, 1, 9), columns_are="cell-lines")
    assert at(found, cell_line="HT29", dose_1_um=0.4) == [alive(0.4, 9)]


@pytest.mark.parametrize("head", ["IC50 (nM)", "focus_um", "serum (%)", "Points Index (M)", "uM"])
def test_what_names_no_drug(head) -> None:
    assert named_dose(head) is None


@pytest.mark.parametrize("nothing", ["n.d.", "nd", "n/a", "NA", "-", ".", "", "NaN", "not done"])
def test_spellings_of_nothing(tmp_path, nothing) -> None:
    text = f"drug,dose_uM,viability (%)\nDMSO,0,100\nDMSO,{nothing},99\ngem,1,{nothing}\ngem,1,50\n"
    found = rows(tmp_path, text)
    assert found["role"].tolist() == ["vehicle", "vehicle", "treated", "treated"]
    assert found["response"].isna().tolist() == [False, False, True, False]


@pytest.mark.parametrize(
    ("head", "control"),
    [
        ("Fármaco,Dosis (uM),Viabilidad (%)", "Sin tratar"),
        ("farmaco,concentración (uM),viabilidad (%)", "Vehículo"),
        ("Traitement,Concentration (µM),Viabilité (%)", "Témoin"),
        ("Farmaco,Dose (uM),Vitalità (%)", "controllo"),
        ("Tratamento,Concentração (uM),Viabilidade (%)", "controle"),
        ("Behandeling,Concentratie (uM),Levensvatbaarheid (%)", "onbehandeld"),
    ],
)
def test_languages(tmp_path, head, control) -> None:
    found = rows(tmp_path, f"{head}\n{control},0,100\ngem,1,50\nMoyenne,,75\nDesviación,,3\n")
    assert found["role"].tolist() == ["vehicle", "treated"]
    assert found["drug_1"].tolist() == ["", "gem"]


def test_doses_may_stand_above_their_columns(tmp_path) -> None:
    found = rows(tmp_path, "Drug,0 uM,100 nM,1 uM\ngem,100,90,50\nsel,99,95,70\n")
    assert found["role"].tolist() == ["vehicle", "treated", "treated"] * 2
    assert at(found, drug_1="sel", dose_1_um=0.1) == [95]
    assert "no column response" in told(tmp_path, "Drug,570 nm,620 nm\ngem,1,2\n")


def test_several_drugs_with_one_dose_are_asked_about(tmp_path) -> None:
    text = "drug,dose_uM,viability (%)\nDMSO,0,100\ngem+sel,1,50\n"
    assert "may be that of each drug or of all together" in told(tmp_path, text)
    (tmp_path / "map.csv").write_text("well,drug,dose_uM\nA1,DMSO,\nA2,gem + sel,1\n", "utf-8")
    with pytest.raises(RequestError, match="of each drug or of all together"):
        read_plate_map(tmp_path / "map.csv")
