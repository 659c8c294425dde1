"""From a folder to exported tables by pointing and clicking, and the command line repeats it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("napari")
pytestmark = pytest.mark.gui

from spheroid_qc.gui.correct_masks import correcting_of  # noqa: E402
from spheroid_qc.gui.run_control import control_of  # noqa: E402

from .conftest import in_one_process  # noqa: E402

TABLES = ("wells.csv", "conditions.csv", "spheroids.csv", "qc.csv", "frames.csv")


def tables(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in TABLES}


def test_open_map_run_cancel_continue_correct_exclude_export(window, images, tmp_path) -> None:
    plate, run, review = window.open(images), window.panel("Run"), window.panel("Review")
    control = control_of(window.viewer)
    out = window.session.opened.out

    plate.grid.select(["B02", "B03", "B04"])
    plate.editor.role.setCurrentText("vehicle")
    plate.editor.fill.click()
    plate.grid.select(["C02", "C03"])
    plate.editor.role.setCurrentText("treated")
    plate.editor.drugs[0][0].setCurrentText("selinexor")
    plate.editor.drugs[0][1].setText("1")
    plate.editor.fill.click()

    in_one_process(run)
    run.forms["output"].fields["overlays"].value = "none"
    run.start_button.click()
    assert control.running
    assert run.cancel_button.isVisibleTo(run)
    window.until(lambda: control.live)
    run.cancel_button.click()
    window.until(lambda: not control.running)
    assert "Stopped" in run.status.text()
    assert not (out / "wells.csv").exists()
    assert list((out / "records").rglob("*.json"))

    assert run.start_button.text() == "Continue"
    run.start_button.click()
    window.until(lambda: not control.running)
    window.until(lambda: "wells" in window.session.tables)
    assert "Done: 18 frames" in run.status.text()
    assert run.map.grid.face("B02").colour, "results are on the heat map"
    saved = images.with_name("plate_7_plate_map.csv")
    assert window.session.map_path == saved, "the map filled in by hand was saved beside the images"

    window.show("C02", 1)
    window.until(lambda: "core" in window.viewer.layers)
    heard = []
    correcting_of(window.viewer).measured.connect(lambda *key: heard.append(key))
    before = window.session.row("VID7", "C02", 1)["core_area_px"]
    core = window.viewer.layers["core"]
    core.brush_size = 30
    core.paint((1, 96, 96 + 28), 0)
    window.until(lambda: heard)
    assert heard[-1] == ("VID7", "C02", 1)
    window.until(lambda: list((out / "corrections").rglob("*.json")))
    assert "corrected" in review.features.text()

    window.show("C03", 2)
    review.reason.setCurrentText("air bubble")
    review.exclude_button.click()
    assert control.pending
    control.update_now()  # as the Results panel does when it comes to the front
    window.until(lambda: not control.pending)
    window.until(
        lambda: (
            (row := window.session.row("VID7", "C03", 2)) is not None
            and row["state"] == "unscorable"
        )
    )
    after = window.session.row("VID7", "C02", 1)
    assert after["core_area_px"] < before
    assert after["method"] == "corrected"

    results = window.panel("Results")
    target = tmp_path / "exported"
    results.export(target)
    window.until(lambda: "files are in" in results.state.text())
    assert tables(target) == tables(out)
    assert list((target / "figures").glob("*.png"))
    assert list((target / "figures").glob("*.svg"))

    # The same by the command line, afresh elsewhere: only what a person decided is taken along.
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    shutil.copytree(out / "corrections", fresh / "corrections")
    shutil.copy(out / "exclusions.csv", fresh)
    command = [
        sys.executable, "-m", "spheroid_qc.cli.main", "run", str(images), "--plate-map", str(saved),
        "--config", str(target / "settings.toml"), "--out", str(fresh), "--workers", "1",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert tables(fresh) == tables(target)
    qc = pd.read_csv(fresh / "qc.csv")
    assert "air bubble" in qc.loc[qc["code"] == "excluded_by_user", "detail"].tolist()
    assert np.isfinite(after["core_area_px"])
