"""Tables and plate maps whose rows differ in a column that nobody named: asked, never pooled."""

from __future__ import annotations

from pathlib import Path

import pytest

from spheroid_qc.errors import RequestError
from spheroid_qc.plate_map import read_plate_map
from spheroid_qc.response_tables.read_responses import (
    TableOptions,
    read_response_files,
)
from spheroid_qc.tables.stated_columns import read_meanings

DOSES = (0.1, 0.3, 1, 3, 10)


def table(path: Path, heading: str, levels: dict[str, float], more: str = "") -> Path:
    """Write one dose series for each level, with its own EC50."""
    lines = [f"{heading},drug,dose_uM,viability (%)"]
    for level, ec50 in levels.items():
        lines.append(f"{level},DMSO,,100")
        lines += [f"{level},gem,{dose},{100 / (1 + dose / ec50):.1f}" for dose in DOSES]
    path.write_text("\n".join([*lines, more]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("heading", "levels"),
    [
        ("COSMIC_ID", {str(905933 + 137 * n): 1 + n % 2 * 9 for n in range(16)}),
        ("mouse no", {str(n): 1 + n % 2 * 9 for n in range(1, 14)}),
        ("plate,glucose_mM", {"1,25": 1, "2,5": 9}),
        ("replicate,serum %", {"1,10": 1, "2,1": 9}),
        ("time_h,assay", {"24,CTG": 1, "48,LDH": 9}),
    ],
)
def test_asked_with_every_way_to_answer(tmp_path: Path, heading, levels) -> None:
    name = heading.split(",")[-1]
    path = table(tmp_path / "t.csv", heading, levels)
    with pytest.raises(RequestError, match=f"'stratum {name}'.*'replicate'.*'ignore {name}'"):
        read_response_files(path)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(name, f"stratum {name}", 1), encoding="utf-8")
    assert read_response_files(path).rows["stratum"].nunique() == len(levels)
    path.write_text(text.replace(name, f"ignore {name}", 1), encoding="utf-8")
    assert "stratum" not in read_response_files(path).rows


def test_what_a_column_is_can_be_stated(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", "batch", {"x": 1, "y": 9})

    def read(*stated: str):
        return read_response_files(path, TableOptions(meanings=read_meanings(stated))).rows

    assert set(read("batch=stratum")["stratum"]) == {"batch x", "batch y"}
    assert set(read("Batch=replicate")["replicate"]) == {"x", "y"}
    assert "stratum" not in read("batch=ignore")
    with pytest.raises(RequestError, match="no column 'lot'"):
        read("lot=ignore")
    with pytest.raises(RequestError, match="is not understood; write the heading, = and one of"):
        read("batch=whatever")


@pytest.mark.parametrize("kind", ["cell_line", "plate", "time_h", "replicate", "irradiation"])
def test_values_in_the_first_line_of_a_block_are_asked_about(tmp_path: Path, kind: str) -> None:
    lines = [f"{kind},drug,dose_uM,viability (%)"]
    for value in ("24", "48"):
        lines += [f"{value if at == 0 else ''},gem,{d},50" for at, d in enumerate(DOSES)]
    (tmp_path / "t.csv").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(RequestError, match=f"{kind}.*: the cell is empty .and in 7 more lines"):
        read_response_files(tmp_path / "t.csv")


def test_vehicle_lines_may_name_no_cell_line(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", "cell_line", {"PANC-1": 1})
    path.write_text(path.read_text(encoding="utf-8").replace("PANC-1,DMSO", ",DMSO"), "utf-8")
    assert len(read_response_files(path).rows) == 6


@pytest.mark.parametrize(
    ("heading", "times"),
    [("time", "1 2 3"), ("Time", "T0 T1 T2"), ("Exposure", "100 200 400"), ("Time", "30 60 90")],
)
def test_times_without_a_unit_are_asked_about(tmp_path: Path, heading: str, times: str) -> None:
    path = table(tmp_path / "t.csv", heading, dict.fromkeys(times.split(), 1.0))
    with pytest.raises(RequestError, match="without a unit, which may be hours, days or numbers"):
        read_response_files(path)


@pytest.mark.parametrize("times", ["24 48 72", "0 24 48", "6 12 24", "72", "0 1 24"])
def test_times_that_can_only_be_hours(tmp_path: Path, times: str) -> None:
    path = table(tmp_path / "t.csv", "Time", dict.fromkeys(times.split(), 1.0))
    assert set(read_response_files(path).rows["time_h"]) == set(map(float, times.split()))


def test_a_column_called_line_that_counts_lines(tmp_path: Path) -> None:
    lines = ["Line,drug,dose_uM,viability (%)"]
    lines += [f"{at},gem,{dose},50" for at, dose in enumerate(DOSES, start=1)]
    (tmp_path / "t.csv").write_text("\n".join(lines), encoding="utf-8")
    assert "cell_line" not in read_response_files(tmp_path / "t.csv").rows


def test_names_of_repeats_that_hold_the_cell_line(tmp_path: Path) -> None:
    path = table(
        tmp_path / "t.csv", "replicate", {"PANC-1 a": 1, "PANC-1 b": 1, "MIA a": 9, "MIA b": 9}
    )
    with pytest.raises(RequestError, match=r"names of replicate .* hold more than repeats"):
        read_response_files(path)


def test_files_of_a_folder_that_differ_in_words(tmp_path: Path) -> None:
    table(tmp_path / "PANC-1.csv", "n", {"1": 1})
    table(tmp_path / "MIA.csv", "n", {"1": 9})
    with pytest.raises(RequestError, match="names may say in what they differ"):
        read_response_files(tmp_path)
    (tmp_path / "PANC-1.csv").rename(tmp_path / "part_1.csv")
    (tmp_path / "MIA.csv").rename(tmp_path / "part_2.csv")
    assert len(read_response_files(tmp_path).rows) == 12
    (tmp_path / "part_1.csv").rename(tmp_path / "plate1_24h.csv")
    (tmp_path / "part_2.csv").rename(tmp_path / "plate1_72h.csv")
    with pytest.raises(RequestError, match="names may say in what they differ"):
        read_response_files(tmp_path)


def plate_map(path: Path, heading: str, first: str, second: str) -> Path:
    lines = [f"well,drug,dose_uM,{heading}"]
    for row, value in zip("ABCD", (first, first, second, second), strict=True):
        lines.append(f"{row}1,DMSO,,{value}")
        lines += [f"{row}{at},gem,{dose},{value}" for at, dose in enumerate(DOSES, start=2)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("heading", "levels"),
    [("RT_Gy", ("0", "4")), ("Matrigel %", ("0", "2.5")), ("ID", ("P1", "P2"))],
)
def test_numbers_of_plate_maps_are_asked_about(tmp_path: Path, heading: str, levels) -> None:
    path = plate_map(tmp_path / "map.csv", heading, *levels)
    with pytest.raises(RequestError, match=f"'stratum {heading}'.*'ignore {heading}'"):
        read_plate_map(path)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(heading, f"stratum {heading}"), encoding="utf-8")
    assert read_plate_map(path).strata == (f"stratum {heading}",)
    path.write_text(text.replace(heading, f"ignore {heading}"), encoding="utf-8")
    assert read_plate_map(path).strata == ()


def test_densities_are_a_stratum_where_they_were_meant_to_differ(tmp_path: Path) -> None:
    meant = read_plate_map(plate_map(tmp_path / "map.csv", "cells_seeded", "500", "2000"))
    assert meant.strata == ("cells_seeded",)
    assert {well.stratum for well in meant.wells} == {"cells_seeded 500", "cells_seeded 2000"}
    counted = read_plate_map(plate_map(tmp_path / "map.csv", "cells_seeded", "510", "485"))
    assert counted.strata == ()


@pytest.mark.parametrize("heading", ["washout", "dosed"])
def test_no_and_yes_are_no_hours(tmp_path: Path, heading: str) -> None:
    path = plate_map(tmp_path / "map.csv", heading, "0", "1")
    with pytest.raises(RequestError, match="hours or no and yes"):
        read_plate_map(path)


def test_gaps_in_a_plate_map(tmp_path: Path) -> None:
    path = plate_map(tmp_path / "map.csv", "cell_line", "", "PANC-1")
    with pytest.raises(RequestError, match="cell_line is missing in 10 treated wells"):
        read_plate_map(path)


def test_values_by_well_with_a_column_that_tells_wells_apart(tmp_path: Path) -> None:
    path = plate_map(tmp_path / "map.csv", "ignore x", "", "")
    lines = ["well,line,RLU"]
    for row in "ABCD":
        lines += [f"{row}{at},{'PANC' if row in 'AB' else 'MIA'},{900 + at}" for at in range(1, 7)]
    values = tmp_path / "values.csv"
    values.write_text("\n".join(lines).replace("line,", "model,", 1), encoding="utf-8")
    options = TableOptions("RLU", plate_map=read_plate_map(path))
    with pytest.raises(RequestError, match="'stratum model'"):
        read_response_files(values, options)
    doubled = [*(line.replace("PANC", "MIA") for line in lines), "A1,MIA,1"]
    values.write_text("\n".join(doubled).replace("line,", "model,", 1), encoding="utf-8")
    with pytest.raises(RequestError, match="well A01 has a value in line 2 already"):
        read_response_files(values, options)
