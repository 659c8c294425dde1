"""The light of a plate in a run: estimated once, stored, applied, refused when damaged."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from spheroid_qc.errors import RequestError
from spheroid_qc.run.store.illumination_file import LightMode, read_illumination
from spheroid_qc.run.store.run_folder import RunFolder
from tests.run.conftest import SIZE, analyse, draw, write

Y, X = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j]
WELLS = ("B2", "B3", "B4", "B5", "C2", "C3", "C4", "C5")


def under_lamp(image: np.ndarray, strength: float) -> np.ndarray:
    light = 1 - strength * (0.5 * X + 0.3 * Y + 0.25 * (X**2 + Y**2))
    return np.clip(image * light / light.max(), 0, 65535).astype(np.uint16)


def write_wells(
    folder: Path, strength: float, wells: tuple[str, ...] = WELLS, times: range = range(2)
) -> Path:
    for n, well in enumerate(wells):
        for time in times:
            image = draw(34 + n % 3, seed=10 * n + time)
            name = f"VID7_{well}_1_00d{6 * time:02d}h00m.tif"
            write(folder / name, under_lamp(image, strength))
    return folder


def stored(out: Path) -> list[dict]:
    return json.loads((out / "illumination.json").read_text("utf-8"))["channels"]


def test_strong_light_is_found_stored_named_and_divided_away(tmp_path) -> None:
    write_wells(tmp_path / "images", 0.5)
    _, tables = analyse(tmp_path / "images")
    (light,) = stored(tmp_path / "out")
    assert (light["mode"], light["frames"]) == ("common", 16)
    assert light["height"] == pytest.approx(0.6, abs=0.25)
    run = json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))
    assert run["illumination"]["channels"] == [light]
    write_wells(tmp_path / "even" / "images", 0.0)
    _, even = analyse(tmp_path / "even" / "images")
    # Grey values are what they would be under an even lamp, level aside.
    found, wanted = (
        t["wells"]["mean_intensity"] / t["wells"]["mean_intensity"].mean() for t in (tables, even)
    )
    assert np.abs(found - wanted).max() < 0.03
    areas = tables["wells"]["core_area_px"] / even["wells"]["core_area_px"]
    assert np.abs(areas - 1).max() < 0.05
    assert tables["wells"]["disintegration_fraction"].max() < 0.05


def test_even_light_changes_nothing(tmp_path) -> None:
    write_wells(tmp_path / "images", 0.05)
    analyse(tmp_path / "images")
    (light,) = stored(tmp_path / "out")
    assert light["mode"] == "even"
    assert light["unevenness"] < 0.3
    write_wells(tmp_path / "off" / "images", 0.05)
    analyse(tmp_path / "off" / "images", segmentation__even_light=False)
    assert not (tmp_path / "off" / "out" / "illumination.json").exists()
    for name in ("wells.csv", "spheroids.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (
            tmp_path / "off" / "out" / name
        ).read_bytes()


def test_few_frames_are_divided_by_their_own_light(tmp_path) -> None:
    write_wells(tmp_path / "images", 0.5, ("B2", "B3"))
    _, tables = analyse(tmp_path / "images")
    (light,) = stored(tmp_path / "out")
    assert (light["mode"], light["terms"]) == ("frame", None)
    assert tables["wells"]["disintegration_fraction"].max() < 0.05


def test_frames_added_later_keep_the_light(tmp_path) -> None:
    write_wells(tmp_path / "images", 0.5)
    analyse(tmp_path / "images")
    before = (tmp_path / "out" / "illumination.json").read_bytes()
    write_wells(tmp_path / "images", 0.2, times=range(2, 4))
    analyse(tmp_path / "images")
    assert (tmp_path / "out" / "illumination.json").read_bytes() == before


def test_light_that_was_changed_or_lost_is_refused(tmp_path) -> None:
    write_wells(tmp_path / "images", 0.5)
    analyse(tmp_path / "images")
    path = tmp_path / "out" / "illumination.json"
    whole = path.read_text("utf-8")
    path.write_text(whole.replace('"common"', '"even"'), "utf-8")
    with pytest.raises(RequestError, match=r"illumination\.json.*restore"):
        analyse(tmp_path / "images")
    path.unlink()
    with pytest.raises(RequestError, match="restore"):
        analyse(tmp_path / "images")
    path.write_text(whole, "utf-8")
    analyse(tmp_path / "images")


@pytest.mark.parametrize(
    "changed",
    [
        {"terms": [float("nan"), 0, 0, 0, 0, 0]},
        {"terms": [1, 5, 0, 0, 0, 0]},
        {"terms": None},
        {"mode": "other"},
        {"more": 1},
    ],
)
def test_what_is_no_light_is_not_read(tmp_path, changed: dict) -> None:
    import hashlib

    run = RunFolder(tmp_path)
    entry = {
        "plate": "p", "channel": "", "mode": "common", "frames": 9, "height": 0.1,
        "unevenness": 1.2, "terms": [1, 0.1, 0, 0, 0, 0],
    }  # fmt: skip
    for content, good in (({}, True), (changed, False)):
        text = json.dumps({"format": 1, "channels": [entry | content]})
        run.illumination.write_text(text, "utf-8")
        digest = hashlib.sha256(text.encode()).hexdigest()
        named = {"parameters": {}, "illumination": {"sha256": digest}}
        run.run_json.write_text(json.dumps(named), "utf-8")
        if good:
            (light,) = read_illumination(run) or []
            assert light.mode is LightMode.COMMON
        else:
            with pytest.raises(RequestError, match="can't be used"):
                read_illumination(run)
