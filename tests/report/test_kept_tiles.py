"""Pictures of film strips are kept in the run folder, and drawn anew where something changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from spheroid_qc.report import film_strips
from spheroid_qc.report.kept_tiles import make_tile, read_tiles, tile_key, write_tiles
from spheroid_qc.report.page_pictures import Pictures, draw_pictures
from tests.report.test_film_strips import copied
from tests.report.test_film_strips import pictures_of as drawn_without_keeping


def pictures_of(folder: Path) -> Pictures:
    import pandas as pd

    wells = pd.read_csv(folder / "wells.csv", dtype={"plate": str, "flags": str})
    return draw_pictures(folder, wells, 24.0, [], [], workers=0, keep=True)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Masks of pictures that are really drawn."""
    found: list[str] = []
    original = film_strips._draw_tile

    def noting(task, view, files):  # type: ignore[no-untyped-def]
        found.append(view.mask)
        return original(task, view, files)

    monkeypatch.setattr(film_strips, "_draw_tile", noting)
    return found


def test_a_tile_is_what_was_kept(tmp_path: Path) -> None:
    pixels = np.linspace(-3.0, 70_000.0, 64).reshape(8, 8)
    pixels[0, 0] = np.nan
    one = make_tile(pixels, "M0 0l1 1z", "", 1.5)
    flat = make_tile(np.full((8, 8), np.nan), "", "", None)
    path = tmp_path / "A01.pictures.npz"
    keys = tile_key("a", 1), tile_key("a", 2)
    write_tiles(path, {keys[0]: one, keys[1]: flat})
    back = read_tiles(path, 8)
    assert set(back) == set(keys)
    np.testing.assert_array_equal(back[keys[0]].pixels, one.pixels)
    assert np.nanmax(np.abs(one.pixels - pixels)) <= one.step / 2 * 1.001
    assert (back[keys[0]].core, back[keys[0]].um_per_px) == ("M0 0l1 1z", 1.5)
    assert np.isnan(back[keys[1]].pixels).all()


def test_a_damaged_file_keeps_nothing(tmp_path: Path) -> None:
    path = tmp_path / "A01.pictures.npz"
    key = tile_key(1)
    one = make_tile(np.arange(16.0).reshape(4, 4), "M0 0l1 1z", "", None)
    write_tiles(path, {key: one})
    content = path.read_bytes()
    for place in range(0, len(content), 7):
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        # A changed byte must not become a changed picture.
        for known, back in read_tiles(path, 4).items():
            np.testing.assert_array_equal(back.pixels, one.pixels)
            assert (known, back.core) == (key, one.core)
    for damage in (b"", b"PK\x03\x04", b"no zip at all", content[:-30]):
        path.write_bytes(damage)
        assert read_tiles(path, 4) == {}
    path.unlink()
    assert read_tiles(path, 4) == {}


def test_what_is_not_of_our_making_is_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "A01.pictures.npz"
    pixels = np.zeros((4, 4))
    for made in (
        make_tile(pixels, 'M0 0"/><script>alert(1)</script>', "", None),
        make_tile(pixels, "", "M0 0l1 1z", float("inf")),
        make_tile(np.zeros((4, 5)), "", "", None),
    ):
        write_tiles(path, {tile_key(1): made})
        assert read_tiles(path, 4) == {}
    write_tiles(path, {tile_key(1): make_tile(pixels, "M-3 0l1 -1z", "", 2.0)})
    assert len(read_tiles(path, 4)) == 1
    assert read_tiles(path, 5) == {}


def test_only_what_changed_is_drawn(
    run_folder: Path, tmp_path: Path, drawn: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "out"
    shutil.copytree(run_folder, folder)
    fresh = drawn_without_keeping(folder)
    for path in folder.rglob("*.pictures.npz"):
        path.unlink()
    drawn.clear()
    first = pictures_of(folder)
    assert len(drawn) == sum(sum(strip.shown) for strip in first.strips.values())
    drawn.clear()
    again = pictures_of(folder)
    assert drawn == []
    assert first == again == fresh
    # A mask that was edited since is seen, wherever it lies.
    mask = next(p for p in (folder / "masks").rglob("B02_0h*.tif"))
    corrected = folder / "corrections" / mask.relative_to(folder / "masks")
    corrected.parent.mkdir(parents=True)
    other = next(p for p in (folder / "masks").rglob("B03_0h*.tif"))
    shutil.copy(other, corrected)
    changed = pictures_of(folder)
    assert drawn == [mask.relative_to(folder / "masks").as_posix()]
    assert changed == drawn_without_keeping(folder)
    # Drawn by another version of this code: all anew.
    drawn.clear()
    monkeypatch.setattr("spheroid_qc.report.kept_tiles._drawn_with", lambda: ("2",))
    pictures_of(folder)
    assert len(drawn) == sum(sum(strip.shown) for strip in first.strips.values())


def test_files_with_other_dates_are_looked_at(
    run_folder: Path, tmp_path: Path, drawn: list[str]
) -> None:
    import os

    folder = tmp_path / "out"
    shutil.copytree(run_folder, folder)
    pictures_of(folder)
    drawn.clear()
    source = film_strips_source(folder)
    image = next(p for p in source.rglob("B02_0h*"))
    before = image.stat()
    try:
        os.utime(image, ns=(1, 1))
        pictures_of(folder)
        assert len(drawn) == 1
    finally:
        os.utime(image, ns=(before.st_atime_ns, before.st_mtime_ns))


def film_strips_source(folder: Path) -> Path:
    import json

    return Path(json.loads((folder / "run.json").read_text("utf-8"))["source"])


def test_nothing_is_kept_where_nobody_asked(run_folder: Path, tmp_path: Path) -> None:
    folder = copied(run_folder, tmp_path)
    for path in folder.rglob("*.pictures.npz"):
        path.unlink()
    drawn_without_keeping(folder)
    assert not list(folder.rglob("*.pictures.npz"))
