"""Tables of any dialect, with the place of every cell."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from spheroid_qc.errors import PlateMapError
from spheroid_qc.tables.delimited_text import read_tables
from spheroid_qc.tables.located_cells import Table, column_letters

PLAIN = [("well", "drug", "dose"), ("A1", "selinexor", "1"), ("A2", "gemcitabine", "2")]


def table_of(path: Path, content: str | bytes, encoding: str = "utf-8") -> Table:
    path.write_bytes(content.encode(encoding) if isinstance(content, str) else content)
    (table,) = read_tables(path)
    return table


def refusal(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(PlateMapError) as caught:
        read_tables(path)
    return str(caught.value)


def texts(table: Table) -> list[tuple[str, ...]]:
    return [row.texts for row in table.rows]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_dialects(tmp_path: Path, separator: str, ending: str, encoding: str) -> None:
    content = ending.join(separator.join(row) for row in PLAIN) + ending
    table = table_of(tmp_path / "map.csv", content, encoding)
    assert texts(table) == PLAIN
    assert [row.line for row in table.rows] == [1, 2, 3]
    assert table.separator == separator


def test_windows_1252_is_read_and_said(tmp_path: Path) -> None:
    table = table_of(tmp_path / "map.csv", "well;dose (µM)\nA1;1\n", "cp1252")
    assert table.rows[0].texts[1] == "dose (µM)"
    assert any("Windows-1252" in note for note in table.notes)


@pytest.mark.parametrize(
    "content",
    [
        "well,drug\nA1,セリネクソール\n".encode("shift_jis"),
        "well,drug\nA1,гемцитабин\n".encode("cp1251"),
        "well,drug\nA1,吉西他滨\n".encode("gbk"),
        "well,drug,dose µM\nA1,".encode() + b"\xb5,1\n",
        b"well,drug\nA1,sel\x00\x01inexor\n",
        bytes(range(256)),
        b"\xff\xfe\x00\xd8\x41\x00",
    ],
)
def test_other_encodings_are_refused_with_the_line(tmp_path: Path, content: bytes) -> None:
    sentence = refusal(tmp_path / "map.csv", content)
    assert "not text in UTF-8" in sentence
    assert "map.csv, line " in sentence
    assert "column" in sentence


def test_place_of_a_wrong_byte(tmp_path: Path) -> None:
    content = b"well,drug,dose\nA1,a,1\nA2,b,\xb3\xac\xbd\n"
    assert "map.csv, line 3, column 3" in refusal(tmp_path / "map.csv", content)


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf\r\n", b"\xff\xfe", b",,,\n,,\n"])
def test_empty(tmp_path: Path, content: bytes) -> None:
    assert "is empty" in refusal(tmp_path / "map.csv", content)


def test_absent_folder_and_old_excel(tmp_path: Path) -> None:
    with pytest.raises(PlateMapError, match="does not exist"):
        read_tables(tmp_path / "none.csv")
    with pytest.raises(PlateMapError, match="is a folder"):
        read_tables(tmp_path)
    old = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600
    assert "old Excel workbook" in refusal(tmp_path / "map.xls", old)


def test_lines_of_cells_with_line_breaks_blanks_and_comments(tmp_path: Path) -> None:
    content = '# made by hand, 2024\nwell,note\n\nA1,"two\nlines"\n#A2,left out\nA3,"a ""b"", c"\n'
    table = table_of(tmp_path / "map.csv", content)
    assert [(row.line, row.texts) for row in table.rows] == [
        (2, ("well", "note")),
        (4, ("A1", "two\nlines")),
        (7, ("A3", 'a "b", c')),
    ]
    assert [row.line for row in table.comments] == [1, 6]
    assert any("2 lines" in note for note in table.notes)


def test_hash_before_a_number_is_data(tmp_path: Path) -> None:
    table = table_of(tmp_path / "map.csv", "#,well\n#1,A1\n#2,A2\n")
    assert len(table.rows) == 3


def test_decimal_commas_do_not_pass_for_separators(tmp_path: Path) -> None:
    table = table_of(tmp_path / "map.csv", "Titel, mit Komma\nwell;dose\nA1;0,1\nA2;0,2\nA3;0,3\n")
    assert table.separator == ";"
    grid = "dose;1;2;3\nA;0,1;0,2;0,3\nB;0,1;0,2;0,3\n"
    assert table_of(tmp_path / "grid.csv", grid).separator == ";"


def test_stated_separator(tmp_path: Path) -> None:
    table = table_of(tmp_path / "map.csv", "sep=;\nwell;a,b\nA1;1,2\n")
    assert texts(table) == [("well", "a,b"), ("A1", "1,2")]
    assert table.rows[0].line == 2
    assert "separator '|' is not known" in refusal(tmp_path / "bar.csv", b"sep=|\nwell|drug\n")


def test_open_quote_is_refused_with_its_line(tmp_path: Path) -> None:
    sentence = refusal(tmp_path / "map.csv", b'well,drug\nA1,a\nA2,"b\nA3,c\n')
    assert "map.csv, line 3, column 1: a quotation mark" in sentence


def test_guarding_apostrophe_is_taken_away(tmp_path: Path) -> None:
    table = table_of(tmp_path / "map.csv", "well,note\nA1,'=1+1\nA2,'quoted'\nA3,''@x\n")
    assert [row.texts[1] for row in table.rows[1:]] == ["=1+1", "'quoted'", "'@x"]


def test_column_letters() -> None:
    assert [column_letters(number) for number in (1, 26, 27, 702, 703)] == [
        "A",
        "Z",
        "AA",
        "ZZ",
        "AAA",
    ]


def save(path: Path, fill: Any) -> Path:
    book = openpyxl.Workbook()
    fill(book.active, book)
    book.save(path)
    return path


def test_workbook_values_natures_and_faults(tmp_path: Path) -> None:
    def fill(sheet: Any, book: Any) -> None:
        sheet.title = "Plate 1"
        sheet.append(["well", "dose", "when"])
        sheet.append([None])
        sheet.append(["A1", 0.1, datetime(2024, 2, 1)])
        sheet.append(["A2", 100.0, datetime(2024, 2, 1, 10, 28)])
        sheet.append(["A3", "0,5", True])
        sheet.append(["A4", "=1+1", "#N/A"])
        sheet["B7"] = 0.05
        sheet["B7"].number_format = "0.0%"
        sheet["B8"] = 10
        sheet["B8"].number_format = '0" nM"'
        sheet.merge_cells("A9:B9")
        sheet["A9"] = "merged"
        sheet.merge_cells("A11:B12")
        book.create_sheet("hidden").sheet_state = "hidden"
        book["hidden"]["A1"] = "secret"
        book.create_sheet("empty")

    (table,) = read_tables(save(tmp_path / "map.xlsx", fill))
    cells = {row.line: row.texts for row in table.rows}
    assert cells[3] == ("A1", "0.1", "2024-02-01")
    assert cells[4] == ("A2", "100", "2024-02-01 10:28:00")
    assert cells[5] == ("A3", "0,5", "TRUE")
    assert cells[7][1] == "5%"
    assert cells[8][1] == "10 nM"
    assert table.cell_types[3, 2] == "number"
    assert table.cell_types[3, 3] == "date"
    assert (5, 2) not in table.cell_types
    assert "formula without a stored value" in table.cell_errors[6, 2]
    assert "#N/A" in table.cell_errors[6, 3]
    assert table.merged == ((9, 1, 9, 2),)
    assert table.place(3, 2, "dose") == (
        "map.xlsx, sheet 'Plate 1', line 3, column 2 (cell B3, dose)"
    )
    assert "A9:B9" in table.merged_problems(1, 20)[0]


def test_workbook_is_known_by_content_not_by_suffix(tmp_path: Path) -> None:
    path = save(tmp_path / "map.csv", lambda sheet, book: sheet.append(["well", "drug"]))
    assert read_tables(path)[0].rows[0].texts == ("well", "drug")
    assert texts(table_of(tmp_path / "map.xlsx", "well\tdrug\nA1\tx\n"))[1] == ("A1", "x")


def repack(path: Path, part: str, change: Any) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, change(content) if name == part else content)
    return memory.getvalue()


SHEET = "xl/worksheets/sheet1.xml"


def test_hostile_workbooks(tmp_path: Path) -> None:
    path = save(tmp_path / "map.xlsx", lambda sheet, book: sheet.append(["well", "drug"]))
    bomb = repack(path, SHEET, lambda content: content + b" " * 200_000_000)
    assert len(bomb) < 1_000_000
    assert "unpacks to" in refusal(tmp_path / "bomb.xlsx", bomb)
    entity = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]>'
    laughs = repack(path, SHEET, lambda content: entity + content)
    assert "XML entities" in refusal(tmp_path / "laughs.xlsx", laughs)
    far = repack(
        path,
        SHEET,
        lambda content: content.replace(
            b"</sheetData>", b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
        ),
    )
    assert "XFD1048576" in refusal(tmp_path / "far.xlsx", far)
    merged = repack(
        path,
        SHEET,
        lambda content: content.replace(
            b"</sheetData>",
            b'</sheetData><mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>',
        ),
    )
    (tmp_path / "merged.xlsx").write_bytes(merged)
    (table,) = read_tables(tmp_path / "merged.xlsx")
    assert table.merged == ((1, 1, 1048576, 16384),)


def test_stored_results_of_formulas_and_inline_texts(tmp_path: Path) -> None:
    path = save(tmp_path / "map.xlsx", lambda sheet, book: sheet.append(["A1", "=1+1", "=X1"]))
    changed = repack(
        path,
        SHEET,
        lambda content: (
            content.replace(b"<f>1+1</f><v />", b"<f>1+1</f><v>2</v>")
            .replace(b"<f>1+1</f><v/>", b"<f>1+1</f><v>2</v>")
            .replace(b"<f>1+1</f><v></v>", b"<f>1+1</f><v>2</v>")
            .replace(
                b"</sheetData>",
                b'<row r="2"><c r="A2" t="inlineStr"><is><t>A2</t></is></c>'
                b'<c r="B2" t="str"><f>A9</f><v></v></c></row></sheetData>',
            )
        ),
    )
    (tmp_path / "stored.xlsx").write_bytes(changed)
    (table,) = read_tables(tmp_path / "stored.xlsx")
    assert table.rows[0].texts[:2] == ("A1", "2")
    assert list(table.cell_errors) == [(1, 3)]
    assert table.rows[1].texts == ("A2",)


def test_damaged_and_foreign_archives(tmp_path: Path) -> None:
    path = save(tmp_path / "map.xlsx", lambda sheet, book: sheet.append(["well", "drug"]))
    whole = path.read_bytes()
    for cut in (10, 100, len(whole) // 2, len(whole) - 30):
        assert "can't be read as a workbook" in refusal(tmp_path / "cut.xlsx", whole[:cut])
    broken = repack(path, SHEET, lambda content: content[: len(content) // 2])
    assert "can't be read as a workbook" in refusal(tmp_path / "broken.xlsx", broken)
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
    assert "OpenDocument" in refusal(tmp_path / "map.ods", memory.getvalue())
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr("a.txt", "x")
    assert "not a workbook" in refusal(tmp_path / "a.zip", memory.getvalue())
    empty = save(tmp_path / "empty.xlsx", lambda sheet, book: None).read_bytes()
    assert "is empty" in refusal(tmp_path / "empty.xlsx", empty)
