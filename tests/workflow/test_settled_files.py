"""A file counts when it stands still and opens; until then it is nobody's."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import tifffile

from spheroid_qc.errors import RequestError
from spheroid_qc.parameters import ImageParameters
from spheroid_qc.workflow.settled_files import SettledFiles


def image(path: Path, value: int = 100) -> bytes:
    tifffile.imwrite(path, np.full((32, 32), value, np.uint8))
    return path.read_bytes()


@pytest.fixture
def files(tmp_path: Path) -> SettledFiles:
    return SettledFiles(tmp_path, ImageParameters(), {})


def test_a_file_that_stands_still_and_opens(tmp_path: Path, files: SettledFiles) -> None:
    image(tmp_path / "A01_0h.tif")
    assert files.look() == 0
    assert "A01_0h.tif" not in files.whole
    assert files.look() == 1
    assert "A01_0h.tif" in files.whole
    assert {path for path, *_ in files.state} == {"A01_0h.tif"}
    assert files.look() == 0


def test_a_file_that_grows_is_waited_for(tmp_path: Path, files: SettledFiles) -> None:
    whole = image(tmp_path / "x.tif")
    path = tmp_path / "A01_0h.tif"
    (tmp_path / "x.tif").unlink()
    for share in (4, 3, 2):
        path.write_bytes(whole[: len(whole) // share])
        assert files.look() == 0
        assert "A01_0h.tif" not in files.whole
    # It pauses half-way: it stands still and does not open.
    for _ in range(5):
        assert files.look() == 0
    assert "A01_0h.tif" not in files.whole
    assert files.stuck == ("A01_0h.tif",)
    path.write_bytes(whole)
    assert files.look() == 0
    assert files.look() == 1
    assert files.stuck == ()


def test_the_same_size_with_another_date_is_another_file(
    tmp_path: Path, files: SettledFiles
) -> None:
    path = tmp_path / "A01_0h.tif"
    image(path)
    files.look()
    files.look()
    before = files.state
    # A clock that was set back counts as any other change.
    os.utime(path, ns=(1, 1))
    files.look()
    assert "A01_0h.tif" not in files.whole
    assert files.disturbed
    files.look()
    assert not files.disturbed
    assert files.state != before


def test_a_file_that_is_written_anew_for_ever_is_not_waited_for(
    tmp_path: Path, files: SettledFiles
) -> None:
    path = tmp_path / "A01_0h.tif"
    image(path)
    files.look()
    files.look()
    for n in range(40):
        os.utime(path, ns=(n + 1, n + 1))
        files.look()
    assert not files.disturbed
    assert "A01_0h.tif" not in files.whole


def test_what_was_read_before_is_not_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "A01_0h.tif"
    path.write_bytes(b"no image at all")
    trusted = SettledFiles(tmp_path, ImageParameters(), {"A01_0h.tif": 15})
    trusted.look()
    assert trusted.look() == 1
    other = SettledFiles(tmp_path, ImageParameters(), {"A01_0h.tif": 14})
    other.look()
    assert other.look() == 0


def test_other_files_are_no_news(tmp_path: Path, files: SettledFiles) -> None:
    (tmp_path / "plate_map.csv").write_text("well\n")
    files.look()
    assert files.look() == 0
    assert files.state == frozenset()
    (tmp_path / "plate_map.csv").unlink()
    files.look()
    assert files.whole == frozenset()


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(RequestError):
        SettledFiles(tmp_path / "nowhere", ImageParameters(), {}).look()
