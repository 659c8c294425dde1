"""A finished run that is asked the same again repeats its answer, and only then."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from spheroid_qc import run_plate
from spheroid_qc.parameters import Parameters
from spheroid_qc.run.store import run_folder
from spheroid_qc.samples import DEMO, write_plate
from spheroid_qc.stopwatch import Work


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "plate"
    write_plate(folder, replace(DEMO, wells=DEMO.wells[:2], times_h=(0.0, 6.0), shape=(256, 256)))
    return folder


def stamp(out: Path) -> int:
    return run_folder.RunFolder(out).table("wells").stat().st_mtime_ns


def test_nothing_is_made_anew_where_nothing_changed(images: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = run_plate(images, images / "plate_map.csv", out, workers=0)
    assert first.profile[Work.NETWORK] > 0
    before = stamp(out)
    again = run_plate(images, images / "plate_map.csv", out, workers=0)
    assert (again.n_frames, again.n_new, stamp(out)) == (4, 0, before)
    assert (again.answer, again.notes, again.failures) == (
        first.answer, first.notes, first.failures,
    )  # fmt: skip
    assert again.tables == first.tables
    assert again.analysis is not None
    assert Work.TABLES not in again.profile


def test_whatever_changed_is_seen(images: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_plate(images, out=out, workers=0)
    content = (out / "qc.csv").read_bytes()

    def made_anew(parameters: Parameters | None = None) -> bool:
        before = stamp(out)
        run_plate(images, out=out, workers=0, parameters=parameters)
        return stamp(out) != before

    assert not made_anew()
    (out / "qc.csv").unlink()
    assert made_anew()
    assert (out / "qc.csv").read_bytes() == content
    mask = sorted((out / "masks").glob("*.tif"))[0]
    mask.write_bytes(b"")
    assert made_anew()
    assert mask.stat().st_size > 0
    (out / "exclusions.csv").write_text("plate,well,time_h,reason\nVID1,B1,,tried\n")
    assert made_anew()
    later = Parameters.model_validate({"plate": {"dose_time_h": 6.0}})
    assert made_anew(later)
    assert not made_anew(later)
    frame = sorted(images.glob("*.tif"))[0]
    os.utime(frame, ns=(1, 1))
    assert made_anew(later)


def test_a_damaged_memory_is_none(images: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_plate(images, out=out, workers=0)
    before = stamp(out)
    for text in ("", "[]", '{"state": 1}', "{"):
        (out / "records" / "finished.json").write_text(text)
        run_plate(images, out=out, workers=0)
        assert stamp(out) != before
