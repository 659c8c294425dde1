from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from spheroid_qc.images import open_image, probe, read_plane


def test_probe_of_a_stack(write, picture):
    path = write(
        np.stack([picture] * 3),
        imagej=True,
        metadata={"axes": "TYX", "finterval": 3600.0},
        datetime="2026:01:02 03:04:05",
    )
    found = probe(path)
    assert found is not None
    assert found.n_times == 3
    assert found.times_h == (0, 1, 2)
    assert found.acquired == datetime(2026, 1, 2, 3, 4, 5)


def test_probe_of_what_is_no_image(tmp_path):
    path = tmp_path / "a.tif"
    path.write_text("no")
    assert probe(path) is None


@pytest.mark.real
def test_every_real_image_is_read(real):
    paths = sorted(real.glob("*/images/*"))
    assert len(paths) >= 40
    for path in paths:
        plane = read_plane(path)
        assert plane.pixels.shape == (plane.info.height, plane.info.width)
        assert float(plane.pixels.std()) > 0


@pytest.mark.real
@pytest.mark.parametrize(
    ("source", "expected", "whose"),
    [
        ("gbm_corona", 1.614, "imagej"),
        ("dispersal_fluorescence", 0.755, "vendor"),
        ("incucyte_whole_well", None, "none"),
        ("a673_droplets", None, "none"),
        ("darkfield_lzw", None, "none"),
        ("pdac_organoids_crowded", None, "none"),
        ("neurospheres_many", 1.579, "vendor"),
    ],
)
def test_pixel_sizes_of_real_images(real, source, expected, whose):
    for path in (real / source / "images").iterdir():
        found = open_image(path).calibration
        assert found.source == whose
        if expected is None:
            assert found.pixel_size_um is None
        else:
            assert found.pixel_size_um == pytest.approx(expected, abs=0.001)
