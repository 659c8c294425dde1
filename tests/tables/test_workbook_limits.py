"""Workbooks and tables that cost more than a table may: refused, or read in linear time."""

from __future__ import annotations

import io
import os
import sys
import time
import zipfile
from pathlib import Path

import pytest

from spheroid_qc.configuration import parse_configuration, read_configuration
from spheroid_qc.errors import PlateMapError, RequestError
from spheroid_qc.plate_map import read_plate_map
from spheroid_qc.tables import workbooks
from spheroid_qc.tables.delimited_text import read_tables
from tests.fuzz.test_tables_and_names import PARTS

SHEET = "xl/worksheets/sheet1.xml"


def book(path: Path, **changed: bytes) -> Path:
    """A valid workbook with other content in some parts; the sheet may be called otherwise."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in PARTS.items():
            archive.writestr(name, changed.pop(name, content))
        for name, content in changed.items():
            archive.writestr(name, content)
    return path


def refused(path: Path, words: str, seconds: float = 5.0) -> None:
    begun = time.process_time()
    with pytest.raises(PlateMapError, match=words):
        read_tables(path)
    assert time.process_time() - begun < seconds


@pytest.mark.parametrize("name", ["xl/worksheets/sheet1.dat", "xl/media/x.png", "docProps/x.xml"])
def test_bytes_are_counted_whatever_a_part_is_called(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbooks, "MAX_UNPACKED_BYTES", 2_000_000)
    path = book(tmp_path / "x.xlsx", **{name: b" " * (workbooks.MAX_UNPACKED_BYTES + 1)})
    refused(path, "unpacks to 2 MB")


def test_empty_cells_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "MAX_ELEMENTS", 20_000)
    row = b"<row>" + b"<c/>" * 100 + b"</row>"
    rows = row * (workbooks.MAX_ELEMENTS // 100)
    sheet = PARTS[SHEET].replace(b"<sheetData>", b"<sheetData>" + rows)
    refused(book(tmp_path / "x.xlsx", **{SHEET: sheet}), "far more than a table needs")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("name", [SHEET, "xl/worksheets/sheet1.dat", "xl/x"])
def test_entities_are_refused_in_any_part_and_encoding(
    tmp_path: Path, name: str, encoding: str
) -> None:
    text = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'
    refused(book(tmp_path / "x.xlsx", **{name: text.encode(encoding)}), "declares XML entities")


def test_a_workbook_has_a_time_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "MAX_SECONDS", 0.0)
    refused(book(tmp_path / "x.xlsx"), "takes more than 0 s")


def test_pictures_beside_the_table_do_no_harm(tmp_path: Path) -> None:
    picture = b"\x89PNG\r\n\x1a\n" + os.urandom(2000) + b"<!DOCTYPE"
    (table,) = read_tables(book(tmp_path / "x.xlsx", **{"xl/media/image1.png": picture}))
    assert "plate" in str(table.rows[0])


@pytest.mark.parametrize("drug", ["gemcitabine", "drug{n}"])
def test_many_lines_for_one_well_are_read_in_linear_time(tmp_path: Path, drug: str) -> None:
    spent = {}
    for count in (1_000, 16_000):
        lines = [f"A01,treated,{drug.format(n=n)},100,nM,note {n}" for n in range(count)]
        path = tmp_path / f"{count}.csv"
        path.write_text("well,role,drug,dose,unit,remark\n" + "\n".join(lines))
        begun = time.process_time()
        with pytest.raises(PlateMapError):
            read_plate_map(path)
        spent[count] = time.process_time() - begun
    # Sixteen times as many: 256 times as long, were it quadratic.
    assert spent[16_000] < 64 * spent[1_000]


@pytest.mark.skipif(sys.platform == "win32", reason="pipes and devices")
def test_a_configuration_is_a_plain_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(RequestError, match="not a regular file"):
            read_configuration(path)
    with pytest.raises(RequestError, match="a folder"):
        read_configuration(tmp_path)
    (tmp_path / "large.toml").write_bytes(b"#" * 10_000_001)
    with pytest.raises(RequestError, match="are allowed"):
        read_configuration(tmp_path / "large.toml")


@pytest.mark.parametrize(
    "text", ["[plate]\nwell_count = " + "9" * 5000, "a = " + "[" * 5000, "a" + ".b" * 400 + " = 1"]
)
def test_absurd_toml_is_a_sentence(text: str) -> None:
    with pytest.raises(RequestError):
        parse_configuration(text)


def test_a_table_in_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import spheroid_qc.tables.delimited_text as module

    monkeypatch.setattr(module, "MAX_TABLE_BYTES", 10)
    path = tmp_path / "x.csv"
    path.write_bytes(io.BytesIO(b"well,drug\n" * 2).getvalue())
    with pytest.raises(PlateMapError, match="give a smaller file"):
        read_tables(path)
