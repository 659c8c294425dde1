from __future__ import annotations

from pathlib import Path

import pytest

from spheroid_qc.frames.frame_table import FrameTable, frame_table
from spheroid_qc.frames.inspect_folder import gaps, inspection, render, visible, width


@pytest.fixture
def table(tmp_path: Path) -> FrameTable:
    names = [
        *(
            f"VID1_{row}{column}_1_00d0{hour}h00m.tif"
            for row in "AB"
            for column in (1, 2)
            for hour in (0, 6)
        ),
        "VID1_C1_1_00d00h00m.tif",
        "B16_D5.tif",
        "A549.tif",
        "Thumbs.db",
        "A01.png",
        "A01.tif",
    ]
    for name in names:
        (tmp_path / name).write_bytes(name.encode())
    return frame_table(tmp_path)


def test_everything_is_said(table: FrameTable) -> None:
    found = inspection(table)
    assert len(found.rows) == 9
    assert found.rows[0].well == "A01"
    assert [plate.plate for plate in found.plates] == ["VID1"]
    assert found.plates[0].times_h == (0, 6)
    assert {finding.kind for finding in found.problems} == {"doubtful", "unread", "duplicate"}
    assert [finding.path for finding in found.ignored] == ["Thumbs.db"]
    text = render(found)
    for words in [
        "B16_D5.tif: well B16, day 5 | well D05, the melanoma line B16",
        "--name-pattern",
        "A549.tif",
        "Thumbs.db",
        "no image at 6 h of C01",
        "no image at all of C02",
        "9 images read; left out: 1 doubtful, 1 unread, 2 duplicate, 1 stray.",
        "read as IncuCyte, elapsed time",
    ]:
        assert words in text


def test_text_is_a_table(table: FrameTable) -> None:
    lines = render(inspection(table)).splitlines()
    assert lines[0].split() == [
        "file",
        "plate",
        "well",
        "field",
        "time_h",
        "time",
        "from",
        "scheme",
    ]
    place = lines[0].index("well")
    assert [line[place : place + 3] for line in lines[1:10]] == [
        "A01",
        "A01",
        "A02",
        "A02",
        "B01",
        "B01",
        "B02",
        "B02",
        "C01",
    ]


def test_fewer_rows(table: FrameTable) -> None:
    text = render(inspection(table), max_rows=2)
    assert "... and 7 more" in text
    assert text.count("VID1_") == 2
    for number in range(5):
        (table.folder / f"PC3_{number}.tif").write_bytes(b"")
    text = render(inspection(frame_table(table.folder)), max_rows=2)
    assert all(f"PC3_{number}.tif" in text for number in range(5))


def test_names_can_not_break_the_table(tmp_path: Path) -> None:
    names = [
        "a\nb_A01.tif",
        "x\x1b[31m_A02.tif",
        "\u202egnp_A03.tif",
        "実験_A04.tif",
        "l" * 200 + "_A05.tif",
    ]
    for name in [*names, "bad\n\x07.tif"]:
        (tmp_path / name).write_bytes(name.encode())
    text = render(inspection(frame_table(tmp_path)))
    assert "a\\nb_A01.tif" in text
    assert "bad\\n\\x07.tif" in text
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "\u202e" not in text
    lines = text.splitlines()[:6]
    place = lines[0].index("well")
    for line, well in zip(lines[1:], ("A01", "A02", "A03", "A04", "A05"), strict=True):
        before = line[: line.rindex(well)]
        assert width(before) == place or well in line[: place + 80]
        assert width(line) < 150


def test_visible() -> None:
    assert visible("Größe 実験 A01.tif") == "Größe 実験 A01.tif"
    assert visible("a\tb\r") == "a\\tb\\r"
    assert visible("\ud800") == "\\ud800"


def test_gaps() -> None:
    assert gaps([]) == ()
    assert gaps(["B02", "B03", "C02", "C03"]) == ()
    assert gaps(["B02", "B04", "C02", "C03", "C04"]) == ("B03",)
    assert gaps(["A01", "H12"]) == ()  # no layout


def test_empty_folder(tmp_path: Path) -> None:
    assert render(inspection(frame_table(tmp_path))) == "0 images read.\n"


def test_counted_frames_are_not_called_hours(tmp_path: Path) -> None:
    for name in ("A01_t001.tif", "A01_t002.tif", "A01_t003.tif", "A02_t001.tif"):
        (tmp_path / name).write_bytes(name.encode())
    text = render(inspection(frame_table(tmp_path)))
    notes, _, summary = text[text.index("How it was read") :].partition("\nPlate ")
    assert "3 times (frames 0 to 2, not hours)" in text
    assert "no image at frame 1, frame 2 of A02" in text
    assert " 2 h" not in text
    assert "--set plate.frame_interval_h=6" in notes
    assert "--set plate.frame_interval_h=6" in summary


def test_copies_have_a_group_of_their_own(tmp_path: Path) -> None:
    for name in ("A1.tif", "A1 - Copy.tif"):
        (tmp_path / name).write_bytes(b"the same")
    found = inspection(frame_table(tmp_path))
    assert [finding.path for finding in found.copies] == ["A1 - Copy.tif"]
    assert not found.problems
    text = render(found)
    assert "Copy (1): copies, byte for byte, of a file that is used" in text
    assert "1 images read; left out: 1 copy." in text or "1 image read; left out: 1 copy." in text
