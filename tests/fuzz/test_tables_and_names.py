"""Names, plate maps, configurations and workbooks of any content end in a sentence or an answer."""

from __future__ import annotations

import io
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from spheroid_qc.configuration import parse_configuration
from spheroid_qc.configuration.toml_files import configuration_text
from spheroid_qc.errors import SpheroidQCError
from spheroid_qc.frames import frame_table as table_module
from spheroid_qc.frames.file_tree import FileTree
from spheroid_qc.plate_map import read_plate_map
from tests.fuzz.conftest import damaged, fuzzed, quick

_SEEN = """
VID7 VID1371 A1 B02 AF48 P24 d3 00d06h00m 01d00h00m Day2 T24 48h w1 s2 f03 z01 ch2 Copy (2) (1)
IncuCyte r02c03f01p01-ch1sk1fk1fl1 B - 02(fld 1 wv TL-Brightfield) TimePoint_3 2026.11.20 14h30m
A549 BxPC3_G10 D16 B16 gem 10uM DMSO plate 1 Montag 0301 99999999999999999999 é ß ｄ３ ＝ ٣ Ⅳ
"""
_WORDS = _SEEN.split()
_word = st.one_of(st.sampled_from(_WORDS), st.text(min_size=1, max_size=6))
_joint = st.sampled_from(["_", "-", " ", ".", "/", "", "__", "(", ")", "+"])


@st.composite
def file_name(draw: st.DrawFn) -> str:
    """A name of words that occur in names, and of others."""
    parts = [draw(_word)]
    for _ in range(draw(st.integers(0, 7))):
        parts += [draw(_joint), draw(_word)]
    name = "".join(parts).replace("\0", "").replace("\\", "").strip("/")
    clean = "/".join(part for part in name.split("/") if part not in ("", ".", ".."))
    return (clean or "x") + draw(st.sampled_from([".tif", ".tif", ".png", ".ome.tif", "", ".TIF"]))


@fuzzed
@given(names=st.lists(file_name(), min_size=1, max_size=12, unique=True))
def test_names(names: list[str]) -> None:
    listed = FileTree(tuple((name, 1) for name in sorted(names)), ())
    with pytest.MonkeyPatch.context() as patch, quick():
        patch.setattr(table_module, "list_folder", lambda folder: listed)
        with suppress(SpheroidQCError):
            found = table_module.frame_table(Path("plate"))
            assert {frame.path for frame in found.frames} <= set(names)


_WRITTEN = """
well drug dose unit role A1 A01 B02 H12 P24 AF48 Z99 gemcitabine selinexor vehicle treated blank
DMSO 1 0,5 1e-3 1E400 -1 nan inf uM nM µM mg/ml Gy % 10uM 1+2 =1+1 + - #REF! plate 2026-11-20 48h
concentration Konzentration Medium 1 2 3 4 5 6 7 8 9 10 11 12 A B C D E F G H
"""
_CELLS = _WRITTEN.split()
_cell = st.one_of(st.sampled_from(_CELLS), st.text(max_size=8))


@st.composite
def written_table(draw: st.DrawFn) -> bytes:
    """A table of words that occur in plate maps, in some dialect; or a valid one, damaged."""
    if draw(st.booleans()):
        return draw(damaged(MAP))
    separator = draw(st.sampled_from([",", ";", "\t", " "]))
    width = draw(st.integers(1, 14))
    rows = [
        separator.join(draw(_cell) for _ in range(width)) for _ in range(draw(st.integers(1, 12)))
    ]
    if draw(st.booleans()):
        rows.insert(0, separator.join(["well", "drug", "dose", "unit", "role"]))
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]))
    return draw(st.sampled_from(["\n", "\r\n"])).join(rows).encode(encoding, "replace")


MAP = (
    b"plate,well,drug,dose,unit,role,dosed_at_h\n"
    b"P1,A1,,,,vehicle,\nP1,A2,gemcitabine,10,nM,treated,24\nP1,A2,selinexor,1,uM,treated,24\n"
    b'P1,A3,"a ""b""",0.5,uM,treated,\nP1,B1,,,,blank,\n'
)


def read_map(data: bytes, name: str, folder: Path) -> None:
    path = folder / name
    path.write_bytes(data)
    with quick(), suppress(SpheroidQCError):
        read_plate_map(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@fuzzed
@given(data=written_table())
def test_plate_maps(folder: Path, data: bytes) -> None:
    read_map(data, "map.csv", folder)


_TOML = configuration_text()


@fuzzed
@given(
    data=st.one_of(
        damaged(_TOML.encode()),
        damaged(b"[plate]\nwell_count = 96\n[quality.severity]\nout_of_focus = 'warn'\n"),
        st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")),
        st.integers(1, 6000).map(lambda n: b"[plate]\nwell_count = " + b"9" * n),
        st.integers(1, 3000).map(lambda n: b"a = " + b"[" * n),
        st.integers(1, 3000).map(lambda n: b"a" + b".b" * n + b" = 1"),
    )
)
def test_configurations(folder: Path, data: bytes) -> None:
    with quick(), suppress(SpheroidQCError):
        parse_configuration(data.decode("utf-8", "replace"))
    read_map(data, "layout.toml", folder)


def workbook() -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in MAP.decode().splitlines():
        sheet.append(row.split(","))
    sheet["I2"] = "=SUM(C3:C4)"
    sheet.merge_cells("J1:K2")
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


BOOK = workbook()
with zipfile.ZipFile(io.BytesIO(BOOK)) as _archive:
    PARTS = {name: _archive.read(name) for name in _archive.namelist()}


@fuzzed
@given(data=damaged(BOOK))
def test_workbooks(folder: Path, data: bytes) -> None:
    read_map(data, "map.xlsx", folder)


@st.composite
def other_parts(draw: st.DrawFn) -> bytes:
    """A whole archive, in which some parts are damaged, missing or called otherwise."""
    parts = dict(PARTS)
    for name in draw(st.lists(st.sampled_from(sorted(PARTS)), min_size=1, max_size=3)):
        kind = draw(st.sampled_from(["damage", "damage", "damage", "drop", "rename", "repeat"]))
        if name not in parts:
            continue
        if kind == "damage":
            parts[name] = draw(damaged(parts[name]))
        elif kind == "drop":
            del parts[name]
        elif kind == "rename":
            parts[draw(st.sampled_from(["../x", "/x", "xl/x.dat", "x" * 300]))] = parts.pop(name)
        else:
            parts[name] = parts[name] * draw(st.integers(2, 50))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return stream.getvalue()


@fuzzed
@given(data=other_parts())
def test_parts_of_workbooks(folder: Path, data: bytes) -> None:
    read_map(data, "map.xlsx", folder)
