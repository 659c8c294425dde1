from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from spheroid_qc.images.grey import LUMINANCE, to_grey


def test_weights_sum_to_one():
    assert sum(LUMINANCE) == pytest.approx(1)


@settings(max_examples=30, deadline=None)
@given(hnp.arrays(np.uint8, (5, 6, 3)), st.integers(1, 200))
def test_luminance_scales_with_its_input(rgb, factor):
    once = to_grey(rgb).astype(np.float64)
    scaled = to_grey(rgb.astype(np.float64) * factor).astype(np.float64)
    np.testing.assert_allclose(scaled, once * factor, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i4", "f4", "f8"])
def test_equal_channels_keep_type_and_values(dtype):
    plane = np.arange(30).reshape(5, 6).astype(dtype)
    grey = to_grey(np.dstack([plane] * 3))
    assert grey.dtype == plane.dtype
    np.testing.assert_array_equal(grey, plane)


def test_large_integers_do_not_overflow():
    rgb = np.full((2, 2, 3), 2**31, np.uint32)
    rgb[..., 2] = 0
    np.testing.assert_allclose(to_grey(rgb), 2**31 * (1 - 0.0722), rtol=1e-6)


def test_nan_stays_nan_without_a_warning(recwarn):
    rgb = np.full((2, 2, 3), 5.0)
    rgb[0, 0, 1] = np.nan
    rgb[1, 1, 0] = np.inf
    grey = to_grey(rgb)
    assert np.isnan(grey[0, 0])
    assert grey[0, 1] == 5
    assert not recwarn.list


def test_foreign_byte_order_becomes_native():
    assert to_grey(np.ones((3, 3), ">u2")).dtype.isnative


@pytest.mark.parametrize("shape", [(3,), (3, 3, 5), (2, 3, 3, 3)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="shape"):
        to_grey(np.zeros(shape))


def test_complex_is_refused():
    with pytest.raises(ValueError, match="complex"):
        to_grey(np.zeros((3, 3), complex))
