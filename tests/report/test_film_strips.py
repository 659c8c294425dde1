"""Film strips: the pictures and outlines of a run folder, corrections included."""

from __future__ import annotations

import base64
import io
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from spheroid_qc.report.image_and_mask_of_well import find_sources
from spheroid_qc.report.page_pictures import Pictures, draw_pictures
from spheroid_qc.run.store.mask_files import read_masks, write_masks
from spheroid_qc.segmentation import Segmentation
from tests.report.test_parts import points_of


def pictures_of(folder: Path) -> Pictures:
    wells = pd.read_csv(folder / "wells.csv", dtype={"plate": str, "flags": str})
    return draw_pictures(folder, wells, 24.0, [], [], workers=0)


def copied(run_folder: Path, tmp_path: Path) -> Path:
    """A copy that can be changed; times of files are not kept, as after unpacking an archive."""
    shutil.copytree(run_folder, tmp_path / "out", copy_function=shutil.copy)
    return tmp_path / "out"


def test_outlines_are_those_of_the_masks(run_folder: Path) -> None:
    found = pictures_of(run_folder)
    assert found.messages == ""
    assert len(found.strips) == 27
    (plate,) = found.times
    strip = found.strips[plate, "B02"]
    assert strip.shown == (True, True, True)
    picture = Image.open(io.BytesIO(base64.b64decode(strip.uri.partition(",")[2])))
    assert picture.size == (3 * strip.px, strip.px)
    assert picture.mode == "L"
    mask = next(p for p in (run_folder / "masks").rglob("B02_0h*.tif"))
    core, _ = read_masks(mask)
    corners = points_of(strip.core[0])
    radius = np.sqrt((core > 0).sum() / np.pi) * 4.0 / strip.um_per_px  # 4 um a pixel
    away = np.hypot(*(corners - corners.mean(axis=0)).T)
    assert abs(np.median(away) - radius) < 2
    # The dark body lies inside the outline.
    grey = np.asarray(picture, dtype=float)[:, : strip.px]
    y, x = np.mgrid[: strip.px, : strip.px]
    middle = corners.mean(axis=0)
    inside = np.hypot(x - middle[0], y - middle[1]) < radius * 0.8
    outside = np.hypot(x - middle[0], y - middle[1]) > radius * 1.3
    assert grey[inside].mean() + 40 < grey[outside].mean()


def test_what_a_person_corrected_is_outlined(run_folder: Path, tmp_path: Path) -> None:
    folder = copied(run_folder, tmp_path)
    before = pictures_of(folder)
    mask = next(p for p in (folder / "masks").rglob("B02_0h*.tif"))
    core, _ = read_masks(mask)
    small = np.zeros_like(core)
    small[80:100, 80:100] = 1
    drawn = Segmentation(small, small < 0, 1.0, "corrected")
    write_masks(folder / "corrections" / mask.relative_to(folder / "masks"), drawn, 4.0)
    after = pictures_of(folder)
    key = next(k for k in before.strips if k[1] == "B02")
    assert after.strips[key].core[0] != before.strips[key].core[0]
    assert after.strips[key].core[1:] == before.strips[key].core[1:]
    assert len(re.findall("M", after.strips[key].core[0])) == 1


def test_images_that_were_moved_leave_a_sentence(run_folder: Path, tmp_path: Path) -> None:
    folder = copied(run_folder, tmp_path)
    run = (folder / "run.json").read_text("utf-8")
    gone = re.sub(r'"source": "[^"]*"', '"source": "/nowhere/at/all"', run)
    (folder / "run.json").write_text(gone, "utf-8")
    found = find_sources(folder)
    assert not found.views
    assert "not found" in found.lacking
    assert "/nowhere" not in found.lacking
    assert pictures_of(folder).messages == found.lacking


def test_an_image_that_was_replaced_is_not_outlined(run_folder: Path, tmp_path: Path) -> None:
    folder = copied(run_folder, tmp_path)
    source = next(run_folder.parent.glob("plate*"))
    shutil.copytree(source, tmp_path / "images")
    run = (folder / "run.json").read_text("utf-8")
    moved = re.sub(r'"source": "[^"]*"', f'"source": "{tmp_path / "images"}"', run)
    (folder / "run.json").write_text(moved, "utf-8")
    (tmp_path / "images" / "C04_12h.tif").write_bytes(b"another file altogether")
    found = pictures_of(folder)
    key = next(k for k in found.strips if k[1] == "C04")
    assert found.strips[key].shown == (True, False, True)
