"""Small plates that are quick to analyse."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from spheroid_qc import Parameters, run_plate
from spheroid_qc.configuration import apply_overrides

PIXEL_UM = 4.0
SIZE = 192


def draw(
    radius: float, *, shed: int = 0, seed: int = 0, size: int = SIZE, centre=(96, 96)
) -> np.ndarray:
    """A dark ball on a bright ground with single cells around it."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size].astype(float)
    image = np.full((size, size), 30000.0)
    if radius > 0:
        distance = np.hypot(y - centre[0], x - centre[1])
        body = 1 / (1 + np.exp(np.minimum((distance - radius) / 0.7, 99)))
        image -= 14000 * body * (1 + 0.15 * rng.standard_normal(image.shape) * body)
    for _ in range(shed):
        angle, far = rng.uniform(0, 2 * np.pi), rng.uniform(1.25, 1.9) * max(radius, 20)
        cy, cx = centre[0] + far * np.sin(angle), centre[1] + far * np.cos(angle)
        image -= 9000 / (1 + np.exp(np.minimum((np.hypot(y - cy, x - cx) - 3) / 0.5, 99)))
    return np.clip(image + rng.normal(0, 250, image.shape), 0, 65535).astype(np.uint16)


def glow(radius: float, level: int = 1000, background: int = 500, size: int = SIZE) -> np.ndarray:
    """A fluorescent disc in the middle of an even background."""
    y, x = np.mgrid[:size, :size]
    inside = np.hypot(y - size / 2, x - size / 2) <= radius
    return np.where(inside, background + level, background).astype(np.uint16)


def write(
    path: Path,
    image: np.ndarray,
    pixel_um: float | None = PIXEL_UM,
    *,
    axes: str = "YX",
    **more: object,
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata: dict[str, object] = {"axes": axes, **more}
    if pixel_um is not None:
        metadata |= {
            "PhysicalSizeX": pixel_um, "PhysicalSizeXUnit": "µm",
            "PhysicalSizeY": pixel_um, "PhysicalSizeYUnit": "µm",
        }  # fmt: skip
    tifffile.imwrite(path, image, ome=True, metadata=metadata)


def analyse(folder: Path, plate_map: str = "", join: str = "", **settings: object):
    """Run a folder; gives the result and the tables, with settings like `plate__assay`."""
    parameters = apply_overrides(
        Parameters(), {name.replace("__", "."): value for name, value in settings.items()}
    )
    paths = []
    for name, text in (("map.csv", plate_map), ("join.csv", join)):
        paths.append(folder.parent / name if text else None)
        if text:
            paths[-1].write_text(text, "utf-8")
    out = folder.parent / "out"
    result = run_plate(folder, paths[0], out, parameters, join=paths[1], workers=0)
    return result, {name: pd.read_csv(path) for name, path in result.tables.items()}


WELLS = {
    "B2": [36, 37, 38], "B3": [35, 36, 37], "B4": [34, 35, 36],
    "C2": [36, 30, 24], "C3": [35, 29, 23],
    "D2": [0, 0, 0],
}  # fmt: skip
MAP = (
    "well,drug,dose,unit,role,note\n"
    "B2,,,,vehicle,=1+1\nB3,,,,vehicle,x\nB4,,,,vehicle,<b>x</b>\n"
    "C2,gemcitabine,1,uM,treated,x\nC3,gemcitabine,1,uM,treated,x\n"
    "D2,,,,vehicle,x\nE2,selinexor,1,uM,treated,never imaged\n"
)


def write_plate(folder: Path) -> Path:
    """Six wells, three times, a plate map in the folder's parent."""
    for n, (well, radii) in enumerate(WELLS.items()):
        for t, radius in enumerate(radii):
            name = f"VID7_{well}_1_00d{6 * t:02d}h00m.tif"
            write(folder / name, draw(radius, seed=10 * n + t))
    (folder.parent / "map.csv").write_text(MAP, "utf-8")
    return folder


@pytest.fixture(scope="session")
def plate(tmp_path_factory) -> Path:
    return write_plate(tmp_path_factory.mktemp("plate") / "images")


@pytest.fixture(scope="session")
def plate_map(plate) -> Path:
    return plate.parent / "map.csv"


@pytest.fixture(scope="session")
def good(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("good") / "A1.tif"
    write(path, draw(14, size=64, centre=(32, 32)))
    return path.read_bytes()


@pytest.fixture(scope="session")
def small(tmp_path_factory, good):
    """Three wells, twice, quickly analysed."""
    images = tmp_path_factory.mktemp("small") / "images"
    images.mkdir()
    for n, well in enumerate(("B2", "B3", "C4")):
        for t in range(2):
            radius = 14 + n - t
            image = draw(radius, size=64, centre=(32, 32), seed=n + 7 * t)
            write(images / f"VID1_{well}_1_00d{6 * t:02d}h00m.tif", image)
    return images


@pytest.fixture(scope="session")
def analysed(small, tmp_path_factory):
    out = tmp_path_factory.mktemp("analysed") / "out"
    run_plate(small, out=out, workers=0)
    return out


@pytest.fixture
def out(analysed, tmp_path):
    shutil.copytree(analysed, tmp_path / "out")
    return tmp_path / "out"
