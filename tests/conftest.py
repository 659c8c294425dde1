"""What all tests share: where the reference material lies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with real micrographs and tables; skips where it is absent."""
    folder = Path(os.environ.get("SPHEROID_QC_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"the folder of reference material is absent: {folder.name}")
    return folder


@pytest.fixture(scope="session")
def real(shared: Path) -> Path:
    """Folder with real micrographs and masks drawn by eye."""
    return shared / "real"
