"""The page of `inspect`: doubts on top, plates with what their wells hold, nothing unescaped."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from spheroid_qc.errors import RequestError
from spheroid_qc.frames.frame_table import FrameTable, frame_table
from spheroid_qc.parameters import PlateParameters
from spheroid_qc.plate_map import read_plate_map
from spheroid_qc.report.inspection_page import inspection_page, write_inspection

PLATES = r"(?P<plate>P\d)_(?P<well>\w\d)"


def table_of(folder: Path, names: Iterable[str], **settings: object) -> FrameTable:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(name.encode())
    return frame_table(folder, PlateParameters(**settings))


def test_doubts_come_first_with_what_each_reading_gives(tmp_path: Path) -> None:
    names = [f"A{left}_B{right}.tif" for left in (1, 2) for right in (1, 2, 3)]
    table = table_of(tmp_path / "P", [*names, "gem_C4_0h.tif", "gem_C5_0h.tif", "odd.tif"])
    page = inspection_page(table)
    assert "2 images read; 6 files can be read in two ways, 1 file tells no well" in page
    order = [page.index(words) for words in ("Which reading is right?", "Left out", "Plate P")]
    assert order == sorted(order)
    assert "2 wells (A01 to A02), one time" in page
    assert "3 wells (B01 to B03), one time" in page
    assert "--name-pattern '(?:^|/)(?P&lt;well&gt;" in page
    assert "odd.tif" in page


def test_a_pattern_on_the_page_settles_the_doubt(tmp_path: Path) -> None:
    names = [f"D{left}_C{right}.tif" for left in (1, 2) for right in (1, 2)]
    (doubt,) = table_of(tmp_path / "P", names).doubts
    given = []
    for reading in doubt.readings:
        table = frame_table(tmp_path / "P", PlateParameters(name_pattern=reading.pattern))
        assert {frame.well for frame in table.frames} == set(reading.wells)
        given.append(sorted((one.well, one.time_h, one.channel) for one in table.frames))
    assert given == [
        [("D01", 0, "C1"), ("D01", 0, "C2"), ("D02", 0, "C1"), ("D02", 0, "C2")],
        [("C01", 24, ""), ("C01", 48, ""), ("C02", 24, ""), ("C02", 48, "")],
    ]


def test_wells_say_what_they_hold(tmp_path: Path) -> None:
    names = [f"{well}_{hour}h.tif" for well in ("B2", "B3", "C2") for hour in (0, 24)]
    table = table_of(tmp_path / "P", [*names, "C3_0h.tif"])
    (tmp_path / "map.csv").write_text(
        "well,drug,dose,unit,role\nB2,DMSO,,,vehicle\nB3,gem,1,uM,\nC2,gem,10,uM,\nB4,sel,2,uM,\n"
    )
    mapped = read_plate_map(tmp_path / "map.csv")
    page = write_inspection(tmp_path / "page.html", table, mapped).read_text(encoding="utf-8")
    assert "B03: 2 images; times 0, 24 h; gem 1 uM" in page
    assert "C03: 1 image; times 0 h" in page
    assert "B04: no image; sel 2 uM" in page
    assert "<tr><td>gem 1 uM</td><td>B03</td><td>2 images</td></tr>" in page
    assert "<tr><td>not on the plate map</td><td>C03</td><td>1 image</td></tr>" in page
    assert '<td class="part" title="C03' in page
    assert "no image at 24 h of C03" in page


def test_names_are_escaped_and_nothing_is_loaded(tmp_path: Path) -> None:
    table = table_of(tmp_path / "P&Q", ["<b>x_A1.tif", "a\x07b_A2.tif", "<i>.tif"])
    page = inspection_page(table)
    assert "<b>x" not in page
    assert "<i>.tif" not in page
    assert "\x07" not in page
    assert "P&amp;Q" in page
    assert "<script" not in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    assert "http://" not in page
    assert "https://" not in page


def test_a_map_of_another_plate_is_refused(tmp_path: Path) -> None:
    table = table_of(tmp_path / "P", ["P1_A1.tif", "P2_A1.tif"], name_pattern=PLATES)
    (tmp_path / "map.csv").write_text("plate,well,drug,dose,unit\nP9,A1,gem,1,uM\n")
    with pytest.raises(RequestError):
        inspection_page(table, read_plate_map(tmp_path / "map.csv"))


def test_an_empty_folder_has_a_page(tmp_path: Path) -> None:
    assert "0 images read, none left out." in inspection_page(table_of(tmp_path / "P", []))
