"""Small pictures and a writer of TIFF files for the tests of the image readers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

Write = Callable[..., Path]


@pytest.fixture(scope="session")
def picture() -> NDArray[np.uint16]:
    """A dark disc on a bright, noisy ground, 60 x 84, 16 bit."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[:60, :84]
    disc = (y - 30) ** 2 + (x - 40) ** 2 < 300
    return (40_000 - 20_000 * disc + rng.normal(0, 300, disc.shape)).astype(np.uint16)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write an array as TIFF, with any option of tifffile, and return its path."""

    def _write(array: Any, name: str = "image.tif", **options: Any) -> Path:
        path = tmp_path / name
        tifffile.imwrite(path, array, **options)
        return path

    return _write
