"""A small run with all that an export must carry: corrections, exclusions, two kinds of masks."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from spheroid_qc import run_plate
from spheroid_qc.run.store.mask_files import read_masks, write_masks
from spheroid_qc.run.store.review_decisions import Exclusion, write_exclusions
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.segmentation import Segmentation
from tests.run.conftest import draw, write

CORRECTED = "VID1_B3_1_00d06h00m.ome.tif"
HOLES = ((30, 30), (33, 35))
MAP = "well,drug,dose,unit,role\nB2,,,,vehicle\nB3,,,,vehicle\nC4,selinexor,1,uM,treated\n"


def drawn_by_hand(core: np.ndarray, shed: np.ndarray) -> Segmentation:
    """Masks with holes, two cores, and material that touches them."""
    core = core.copy()
    for row, column in HOLES:
        core[row, column] = 0
    core[2:6, 2:6] = core.max() + 1
    shed = shed.copy()
    shed[6, 6] = shed[50:52, 3:9] = True
    return Segmentation(core, shed & (core == 0), 1.0, "corrected")


def write_images(folder: Path) -> None:
    for n, well in enumerate(("B2", "B3", "C4")):
        for t in range(2):
            image = draw(14 + n - t, size=64, centre=(32, 32), seed=n + 7 * t, shed=4 * n)
            write(folder / f"VID1_{well}_1_00d{6 * t:02d}h00m.tif", image)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run folder of three wells at two times; its images lie beside it."""
    place = tmp_path_factory.mktemp("exported")
    images, out, mapped = place / "images", place / "out", place / "map.csv"
    write_images(images)
    mapped.write_text(MAP, "utf-8")
    run_plate(images, mapped, out, workers=0)
    run = RunFolder(out)
    core, shed = read_masks(run.mask(CORRECTED))
    write_masks(run.correction(CORRECTED), drawn_by_hand(core, shed), 4.0)
    write_exclusions(run.exclusions, [Exclusion("", "C04", None, "a bubble")])
    run_plate(images, mapped, out, workers=0)
    return out


@pytest.fixture
def out(finished: Path, tmp_path: Path) -> Path:
    """A copy of it to be spoiled."""
    shutil.copytree(finished, tmp_path / "out")
    return tmp_path / "out"
