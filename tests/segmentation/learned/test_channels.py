"""What the network sees: no scale of grey values in it, and everything in its place."""

from __future__ import annotations

import numpy as np
import pytest

from spheroid_qc.segmentation.downsampling import as_plane
from spheroid_qc.segmentation.learned.input_channels import channels_of, pool_region, resample


def textured(size: int = 300) -> np.ndarray:
    """Even grey, with a disc that differs by nothing but its fine texture."""
    y, x = np.mgrid[:size, :size]
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 1, (size, size))
    inside = np.hypot(y - 180, x - 110) < 60
    return (0.5 + noise * np.where(inside, 0.03, 0.004)).astype(np.float32)


def test_texture_shows_what_the_mean_does_not() -> None:
    channels = channels_of(pool_region(textured(), (100, 100)))
    y, x = np.mgrid[:100, :100]
    inside = np.hypot(y - 59.7, x - 36.3) < 18
    outside = np.hypot(y - 59.7, x - 36.3) > 23
    apart = channels[3][inside].mean() - channels[3][outside].mean()
    assert apart > 5 * channels[3][outside].std()
    assert abs(channels[0][inside].mean() - channels[0][outside].mean()) < 0.1


@pytest.mark.parametrize(("scale", "shift"), [(7.0, 0.0), (0.003, 0.0), (1.0, 40.0), (60.0, -5.0)])
def test_grey_scales_make_no_difference(scale: float, shift: float) -> None:
    image = textured().astype(np.float64)
    one, other = (
        channels_of(pool_region(as_plane(values)[0], (100, 100)))
        for values in (image, scale * image + shift)
    )
    assert np.abs(one - other).max() < 0.02


@pytest.mark.parametrize("shape", [(97, 131), (500, 300), (2496, 2000), (100, 100)])
def test_pooling_keeps_places(shape: tuple[int, int]) -> None:
    ramp = np.linspace(0, 1, shape[0])[:, None] + np.zeros(shape[1])
    wanted = (100, round(100 * shape[1] / shape[0]))
    pooled = pool_region(ramp.astype(np.float32), wanted)
    assert pooled.mean.shape == wanted
    centres = ((np.arange(100) + 0.5) / 100 * shape[0] - 0.5) / (shape[0] - 1)
    assert np.abs(pooled.mean[2:-2, 3] - centres[2:-2]).max() < 0.4 / 100
    assert (pooled.variance >= 0).all()


def test_an_even_image_is_no_number_trouble() -> None:
    channels = channels_of(pool_region(np.full((64, 64), 0.3, np.float32), (64, 64)))
    assert np.isfinite(channels).all()


def test_resample_to_the_same_size_is_the_same() -> None:
    image = textured(50)
    assert resample(image, (50, 50)) is image
    assert resample(image, (25, 25)).mean() == pytest.approx(image.mean(), abs=1e-3)
