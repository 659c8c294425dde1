"""The same numbers as numpy, to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spheroid_qc.segmentation.order_statistics import median, percentiles


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1, 2, 3, 20, 101, 4096])
def test_medians_and_percentiles_are_those_of_numpy(dtype: Any, size: int) -> None:
    rng = np.random.default_rng(size)
    for values in (rng.normal(300, 50, size), rng.integers(0, 4, size), np.full(size, 0.1)):
        sample = values.astype(dtype)
        before = sample.copy()
        assert median(sample) == np.median(sample)
        for shares in ((50,), (25, 75), (0, 0.5, 50, 99.5, 100), (2, 98)):
            assert percentiles(sample, shares) == np.percentile(sample, shares).tolist()
        assert np.array_equal(sample, before)


def test_every_second_pixel_of_an_image_will_do() -> None:
    image = np.random.default_rng(0).random((31, 40), dtype=np.float32)
    assert median(image[::2, ::2]) == np.median(image[::2, ::2])
    assert percentiles(image[:, ::3], (5, 95)) == np.percentile(image[:, ::3], (5, 95)).tolist()
