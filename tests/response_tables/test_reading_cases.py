"""Real tables and plate maps of others, where there is a folder of them: the right reading each."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

from spheroid_qc.analysis.table_analysis import analyse_table
from spheroid_qc.errors import RequestError
from spheroid_qc.images.read_image import ImageFile
from spheroid_qc.plate_map import condition_name, read_plate_map, write_plate_map
from spheroid_qc.response_tables.inspect_table import TableInspection, write_canonical
from spheroid_qc.response_tables.read_responses import TableOptions, read_response_files
from spheroid_qc.response_tables.rows_of_responses import GIVEN_UNIT

FILES = Path(os.environ.get("SPHEROID_QC_SHARED", "/nowhere")) / "cases" / "files"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not FILES.is_dir(), reason="SPHEROID_QC_SHARED names no folder of tables"),
]


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("02/t.csv", "Triton X-100 has no dose"),
        ("03/t.csv", "gem has no dose"),
        ("05/t.csv", "two units for one dose, nM and uM"),
        ("55/t.txt", "an IncuCyte metric export"),
        ("55/t2.txt", "an IncuCyte metric export"),
        ("56/t4.csv", "say --columns-are"),
    ],
)
def test_refused(file, message) -> None:
    with pytest.raises(RequestError, match=message):
        read_response_files(FILES / "analyse" / file)


@pytest.mark.parametrize(
    ("file", "column", "expected"),
    [
        ("01/t.csv", "role", {"vehicle": 6, "treated": 24, "blank": 3}),
        ("01/t_zero.csv", "role", {"vehicle": 6, "treated": 24, "blank": 3}),
        ("04/t.csv", "role", {"vehicle": 6, "treated": 24}),
        ("06/t.csv", "cell_line", {"A": 30, "B": 30}),
        ("06/t2.csv", "cell_line", {"A": 30, "B": 30}),
        ("06/t3.csv", "stratum", {"Patient A": 30, "Patient B": 30}),
        ("07/t.csv", "time_h", {0.0: 30, 48.0: 30}),
        ("07/t2.csv", "time_h", {0.0: 30, 48.0: 30}),
        ("09/t.csv", "drug_1", {"": 6, "gem": 24}),
        ("50/t.csv", "role", {"vehicle": 6, "treated": 24}),
        ("50/t2.csv", "role", {"vehicle": 6, "treated": 24}),
        ("50/t3.csv", "time_h", {24.0: 30, 48.0: 30}),
        ("51/t.csv", "role", {"vehicle": 6, "treated": 24}),
        ("52/t.csv", "drug_2", {"sel": 36}),
        ("52/t2.csv", "drug_1", {"gem": 36}),
        ("56/t.csv", "drug_1", {"gem": 36}),
        ("56/t2.csv", "drug_2", {"sel": 36}),
        ("56/t3.csv", "replicate", {"rep1": 9, "rep2": 9, "rep3": 9}),
    ],
)
def test_read(file, column, expected, tmp_path) -> None:
    read = read_response_files(FILES / "analyse" / file)
    assert read.rows[column].value_counts().to_dict() == expected
    write_canonical(TableInspection((), responses=read), tmp_path / "long.csv")
    back = read_response_files(tmp_path / "long.csv")
    # The unit that doses came in is for showing them; the long form has all in µM.
    columns = [c for c in read.rows if not c.startswith(GIVEN_UNIT)]
    pd.testing.assert_frame_equal(back.rows[columns], read.rows[columns], check_dtype=False)
    assert (back.stated_kind, back.stated_unit) == (read.stated_kind, read.stated_unit)


def test_read_with_what_is_stated() -> None:
    of_screen = read_response_files(FILES / "analyse/06/gr.tsv", TableOptions("cell_count"))
    assert set(of_screen.rows["stratum"]) == {"perturbation 0", "perturbation 1"}
    nano = read_response_files(FILES / "analyse/52/t2.csv").rows
    assert nano["dose_1_um"].max() == pytest.approx(10)
    log = read_response_files(FILES / "maps/34/t.csv").rows
    assert log["dose_1_um"].max() == pytest.approx(29.9, rel=1e-2)
    with pytest.raises(RequestError) as error:
        read_response_files(FILES / "analyse/57/t.csv", TableOptions("E"))
    assert "\n" not in str(error.value)
    plate_map = read_plate_map(FILES / "maps/30/map.PlateMap")
    joined = read_response_files(FILES / "analyse/55/t2.txt", TableOptions(plate_map=plate_map))
    assert set(joined.rows["role"]) == {"vehicle", "treated"}


@pytest.mark.parametrize(
    ("file", "time", "ec50s"),
    [
        ("01/t.csv", None, {"": 0.995}),
        ("01/t_zero.csv", None, {"": 0.99}),
        ("06/t.csv", None, {"A": 1.0, "B": 20.0}),
        ("06/t2.csv", None, {"A": 1.0, "B": 20.0}),
        ("06/t3.csv", None, {"Patient A": 1.0, "Patient B": 20.0}),
        ("07/t.csv", 48.0, {"": 1.0}),
        ("07/t2.csv", 48.0, {"": 1.0}),
    ],
)
def test_what_comes_out(file, time, ec50s) -> None:
    found = analyse_table(FILES / "analyse" / file)
    assert found.time_h == time
    table = found.dose_response
    strata = table["stratum"] if "stratum" in table else [""] * len(table)
    assert dict(zip(strata, table["ec50_um"], strict=True)) == pytest.approx(ec50s, rel=0.12)
    if file.startswith("01"):
        assert table["ec50_low_um"].iloc[0] == pytest.approx(0.93, abs=0.01)
        assert table["ec50_high_um"].iloc[0] == pytest.approx(1.07, abs=0.01)


def test_percentages_that_are_fractions_are_asked_about() -> None:
    with pytest.raises(RequestError, match="called percentages, but all lie between"):
        analyse_table(FILES / "analyse/08/t.csv")


def test_stacks_of_metamorph() -> None:
    for name, times in (("A02.tif", (0.0, 1.0, 2.0)), ("A01_day0.stk", None)):
        with ImageFile(FILES / "images/21" / name) as image:
            assert times is None or (image.info.n_t, image.info.times_h) == (3, times)
            assert not image.info.unused


@pytest.mark.parametrize(
    ("file", "well", "condition"),
    [
        ("30/map.PlateMap", "C02", "PDD00017273 30 uM | growth condition 8 x 10e4/mL"),
        ("31/map.txt", "C02", "PDD00017273 30 uM | growthcondition 8 x 10e4/mL"),
        ("32/map.csv", "A02", "gem 1 uM"),
        ("32/map2.csv", "A02", "gem 10000 uM"),
        ("33/map.txt", "B03", "BRD-K50163129-001-01-4 370.37 uM"),
        ("34/map.csv", "A03", "gem 0.1 uM"),
        ("35/map.csv", "C05", "gem 0.01 uM"),
        ("36/map.csv", "A06", "gem 10 uM"),
        ("37/map.csv", "A02", "gem 1 uM"),
        ("37/map2.csv", "A02", "gem 1 uM"),
        ("38/map.csv", "A01", "vehicle (DMSO)"),
        ("38/map2.csv", "A01", "vehicle"),
        ("39/map.csv", "A01", "gem 1 uM"),
        ("39/map2.csv", "B03", "gem 1 uM"),
        ("40/map2.csv", "A02", "gem 1 uM"),
        ("41/map.csv", "A02", "gem 0.001 uM"),
    ],
)
def test_maps(file, well, condition, tmp_path) -> None:
    plate_map = read_plate_map(FILES / "maps" / file)
    found = {one.well: condition_name(one) for one in plate_map.wells}
    assert found[well] == condition
    assert read_plate_map(write_plate_map(plate_map, tmp_path / "long.csv")) == plate_map


@pytest.mark.parametrize(
    ("file", "message"), [("40/map.csv", "is a date"), ("41/map2.csv", "is a dilution, no dose")]
)
def test_maps_that_are_refused(file, message) -> None:
    with pytest.raises(RequestError, match=message):
        read_plate_map(FILES / "maps" / file)
