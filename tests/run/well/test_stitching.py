"""Tiles of one well become one picture, whichever way the stage's axes point."""

from __future__ import annotations

import numpy as np
import pytest

from spheroid_qc.frames.frame_table import Frame
from spheroid_qc.run.well.load_images import FieldImage
from spheroid_qc.run.well.stitching import stitch
from tests.run.conftest import analyse, draw, write

TILE = 96


def field(pixels, y, x, *, pixel=2.0, others=None, position=True):
    frame = Frame("a.tif", "P", "A01", 1, "", 0, 0, 0.0, "none", None, "generic", 1)
    return FieldImage(
        pixels=pixels,
        frame=frame,
        others=others or {},
        pixel_size_um=pixel,
        pixel_size_source="ome",
        pixel_size_conflict="",
        position_um=(y, x) if position else None,
    )


def tiles(picture, step, *, y_sign=1, x_sign=1, seed=0, noise=150.0):
    """Four tiles as a camera takes them: the same place twice has other noise."""
    rng = np.random.default_rng(seed)
    found = []
    for row in (0, 1):
        for column in (0, 1):
            y, x = row * step, column * step
            cut = picture[y : y + TILE, x : x + TILE].astype(float)
            cut = (cut + rng.normal(0, noise, cut.shape)).astype(np.uint16)
            found.append(field(cut, 700 + 2.0 * y_sign * y, 90 + 2.0 * x_sign * x))
    return found


@pytest.mark.parametrize("y_sign", [1, -1])
@pytest.mark.parametrize("x_sign", [1, -1])
@pytest.mark.parametrize("step", [80, 96, 99])
def test_overlapping_touching_and_spaced_tiles_find_their_places(step, x_sign, y_sign):
    side = step + TILE
    picture = draw(50, size=side, centre=(side / 2 + 3, side / 2 - 4))
    whole = stitch(tiles(picture, step, y_sign=y_sign, x_sign=x_sign), 10)
    assert whole.pixels.shape == picture.shape
    assert np.isfinite(whole.pixels).all()
    difference = np.abs(whole.pixels - picture.astype(float))
    assert difference.mean() < 300


@pytest.mark.parametrize("seed", range(5))
def test_an_empty_well_is_laid_out_the_usual_way(seed):
    picture = draw(0, size=176, seed=seed)
    marked = tiles(picture, 80, seed=seed)
    marked[0].pixels[2, 3] = 0
    assert stitch(marked, 10).pixels[2, 3] == 0


def test_wide_gaps_stay_empty_and_far_tiles_are_no_picture():
    picture = draw(50, size=240)
    whole = stitch(tiles(picture, 110), 10)
    assert np.isnan(whole.pixels[:, TILE:110]).all()
    assert np.isfinite(whole.pixels[:TILE, :TILE]).all()
    assert stitch(tiles(draw(50, size=500), 400), 10) is None


def test_nothing_is_stitched_without_positions_or_one_pixel_size():
    image = draw(20, size=TILE)
    assert stitch([field(image, 0, 0), field(image, 0, 192, position=False)], 10) is None
    assert stitch([field(image, 0, 0), field(image, 0, 192, pixel=3.0)], 10) is None
    assert stitch([field(image, 0, 0, pixel=None), field(image, 0, 192, pixel=None)], 10) is None
    assert stitch([field(image, 0, 0), field(image, 0, 192)], 0.001) is None


def test_a_channel_that_one_tile_lacks_is_empty_there():
    image = draw(20, size=TILE)
    red = np.full(image.shape, 7, np.uint16)
    whole = stitch([field(image, 0, 0, others={"red": red}), field(image, 0, 192)], 10)
    assert (whole.others["red"][:, :TILE] == 7).all()
    assert np.isnan(whole.others["red"][:, TILE:]).all()


def test_a_spheroid_on_four_tiles_is_measured_as_one(tmp_path):
    picture = draw(60, size=384, centre=(190, 200))
    images = tmp_path / "images"
    number = 0
    for row in (0, 1):
        for column in (0, 1):
            number += 1
            y, x = 192 * row, 192 * column
            write(
                images / f"P_B02_f{number:02d}.ome.tif",
                picture[y : y + 192, x : x + 192],
                Plane={
                    "PositionX": [1000.0 + 4 * x], "PositionXUnit": ["µm"],
                    "PositionY": [500.0 - 4 * y], "PositionYUnit": ["µm"],
                },
            )  # fmt: skip
    _, tables = analyse(images, output__overlays="all")
    line = tables["wells"].iloc[0]
    assert line["state"] == "intact"
    assert line["core_area_um2"] == pytest.approx(np.pi * 240**2, rel=0.03)
    assert "not_stitched" not in str(line["flags"])
    assert (tables["frames"]["width_px"] == 192).all()
    assert (tables["frames"]["pixel_size_um"] == 4).all()
    assert len(list((tmp_path / "out" / "overlays").rglob("*.png"))) == 1


def test_without_positions_the_field_with_the_whole_core_is_used(tmp_path):
    images = tmp_path / "images"
    for number, image in enumerate([draw(0), draw(30), draw(60, centre=(0, 96))], start=1):
        write(images / f"P_B02_f{number:02d}.tif", image)
    _, tables = analyse(images)
    line = tables["wells"].iloc[0]
    assert line["file"] == "P_B02_f02.tif"
    assert line["core_area_um2"] == pytest.approx(np.pi * 120**2, rel=0.05)
    assert "not_stitched" in line["flags"]
