from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from spheroid_qc.errors import ImageError
from spheroid_qc.images import combine_z, focus_of, read_plane
from spheroid_qc.images.stack_planes import choose_channel, is_transmitted
from spheroid_qc.parameters import ImageParameters, ZChoice


@pytest.fixture(scope="module")
def focus_stack():
    """Noisy planes of one scene, sharpest at index 3."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:200, :240]
    scene = np.where((y - 100) ** 2 + (x - 110) ** 2 < 2500, 9_000.0, 20_000.0)
    scene += 1500 * gaussian_filter(rng.normal(size=scene.shape), 2)
    blurs = (6, 4, 2, 0.5, 3, 5)
    return [
        (gaussian_filter(scene, blur) + rng.normal(0, 60, scene.shape)).astype(np.uint16)
        for blur in blurs
    ]


def test_the_sharpest_plane_is_found_despite_noise(focus_stack):
    scores = [focus_of(plane) for plane in focus_stack]
    assert int(np.argmax(scores)) == 3
    np.testing.assert_array_equal(combine_z(focus_stack, "sharpest"), focus_stack[3])


@pytest.mark.parametrize(("factor", "shift"), [(0.01, 0), (3, 1e4), (100, -5)])
def test_scale_and_shift_do_not_change_the_choice(focus_stack, factor, shift):
    planes = [plane.astype(np.float64) * factor + shift for plane in focus_stack]
    assert int(np.argmax([focus_of(plane) for plane in planes])) == 3


def test_first_of_equally_sharp_planes(focus_stack):
    planes = [focus_stack[0], focus_stack[3], focus_stack[3].copy()]
    assert combine_z(planes, ZChoice.SHARPEST) is planes[1]


def test_focus_of_odd_planes():
    assert focus_of(np.zeros((1, 1))) == 0
    assert focus_of(np.full((50, 50), np.nan)) == 0
    assert focus_of(np.full((50, 50), 7, np.uint8)) == 0
    with_nan = np.random.default_rng(0).random((60, 60))
    with_nan[:10] = np.nan
    assert focus_of(with_nan) > 0


def test_projections():
    low, high = np.array([[1, 5]], np.uint8), np.array([[4, 2]], np.uint8)
    assert combine_z([low, high], "max").tolist() == [[4, 5]]
    assert combine_z([low, high], "min").tolist() == [[1, 2]]
    mean = combine_z([low, high], "mean")
    assert mean.dtype == np.float32
    assert mean.tolist() == [[2.5, 3.5]]
    assert combine_z([low, high], "max").dtype == np.uint8
    assert combine_z([low, high], "first").tolist() == low.tolist()
    assert combine_z([low, high, low], "middle").tolist() == high.tolist()


def test_nan_counts_only_where_all_have_it():
    one, two = np.array([[np.nan, np.nan, 1.0]]), np.array([[3.0, np.nan, 5.0]])
    for choice, last in (("max", 5), ("min", 1), ("mean", 3)):
        out = combine_z([one, two], choice)
        assert out[0, 0] == 3
        assert np.isnan(out[0, 1])
        assert out[0, 2] == last


def test_stack_errors():
    with pytest.raises(ImageError, match="without any plane"):
        combine_z([], "max")
    with pytest.raises(ImageError, match="differ in size"):
        combine_z([np.zeros((2, 2)), np.zeros((3, 2))], "mean")


@pytest.mark.parametrize(
    "name",
    [
        "Phase",
        "phase contrast",
        "Ph1",
        "Ph",
        "BF",
        "Brightfield",
        "Bright Field",
        "TL 20%",
        "DIC",
        "Transmitted",
        "TL Brightfield",
        "bright_field",
        "01-BF",
        "TRANS",
        "Brightfield CP",
        "PC",
    ],
)
def test_names_of_transmitted_light(name):
    assert is_transmitted(name)


@pytest.mark.parametrize(
    "name", ["GFP", "DAPI", "Cy5", "phalloidin", "PhotonGreen", "Alexa 488", "TexasRed", "", "Bfp"]
)
def test_names_of_fluorescence(name):
    assert not is_transmitted(name)


def test_choice_of_channel():
    names = ("DAPI", "GFP narrow", "Phase Contrast")
    assert choose_channel(names, None, "f") == 2
    assert choose_channel(("DAPI", "GFP"), None, "f") == 0
    assert choose_channel(names, "dapi", "f") == 0
    assert choose_channel(names, "phase_contrast", "f") == 2
    assert choose_channel(names, "gfp", "f") == 1
    assert choose_channel(names, "2", "f") == 1
    assert choose_channel(names, "w3", "f") == 2
    assert choose_channel(("",), "GFP", "f") == 0
    for wrong in ("4", "0", "red", "p"):
        with pytest.raises(ImageError, match="1 DAPI, 2 GFP narrow, 3 Phase Contrast"):
            choose_channel(names, wrong, "f")


def test_z_of_a_file_by_parameter(write, focus_stack):
    path = write(np.stack(focus_stack), imagej=True, metadata={"axes": "ZYX", "spacing": 3.0})
    sharpest = read_plane(path)
    assert sharpest.z == 3
    np.testing.assert_array_equal(sharpest.pixels, focus_stack[3])
    np.testing.assert_array_equal(
        read_plane(path, ImageParameters(z="max")).pixels, np.max(focus_stack, axis=0)
    )
    assert read_plane(path, ImageParameters(z="mean")).pixels.dtype == np.float32
    middle = read_plane(path, ImageParameters(z="middle"))
    assert middle.z == 3
    np.testing.assert_array_equal(
        read_plane(path, ImageParameters(z="first")).pixels, focus_stack[0]
    )
