"""What is judged on all pictures of a well together, when that fails or ends its process."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from spheroid_qc import run_plate
from spheroid_qc.run.store.mask_files import read_masks, write_masks
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.run.store.well_records import WellTask
from spheroid_qc.run.well import neighbour_pass, static_pass
from spheroid_qc.run.well.segment_and_measure_well import analyse_well
from spheroid_qc.run.worker_processes import WorkerDied, Workers
from spheroid_qc.segmentation import Segmentation
from spheroid_qc.workflow import run_and_report
from tests.run.test_run_images import tables


class Killed(BaseException):
    """The process is ended: nothing of ours is told."""


class Mortal(Workers):
    """Works in this process; a task that is killed costs a worker, and the first of a well does."""

    def __init__(self, *, hung: bool) -> None:
        super().__init__(0)
        self.hung = hung
        self.tried: set[str] = set()

    def alone(self) -> Workers:
        return self

    def map_unordered(
        self, function: Callable[..., Any], tasks: Iterable[Any], at_most: int | None = None
    ) -> Iterator[tuple[Any, Any]]:
        for task in tasks:
            if function is analyse_well and task.well not in self.tried:
                self.tried.add(task.well)
                yield task, WorkerDied()
                continue
            try:
                yield task, function(task)
            except Killed:
                yield task, WorkerDied(hung=self.hung)


def spoil(task: WellTask, result: dict[str, Any]) -> None:
    """Leave other masks behind, as a pass does that is ended half way."""
    path = RunFolder(task.out).mask(result["fields"][0]["mask"])
    core, shed = read_masks(path)
    write_masks(path, Segmentation(core * 0, shed, 1.0, "x"), None)


def said_of(out: Path) -> pd.DataFrame:
    qc = pd.read_csv(out / "qc.csv")
    return qc[qc["code"] == "worker_died"]


def run_before_a_frame_came(small: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Run a plate of which well C04 lacks its last frame, which is there then; images and run."""
    images, out = tmp_path / "images", tmp_path / "out"
    shutil.copytree(small, images)
    late = sorted(images.glob("*C4*"))[-1]
    late.rename(tmp_path / late.name)
    run_plate(images, out=out, workers=0)
    (tmp_path / late.name).rename(late)
    return images, out


@pytest.mark.parametrize("hung", [False, True])
def test_a_well_whose_pass_dies_after_its_frames_were_saved_is_said(
    small, analysed, tmp_path, monkeypatch, hung
):
    out = tmp_path / "out"

    def die(task: WellTask, results: list[dict[str, Any]]) -> None:
        if task.well == "C04":
            spoil(task, results[1])
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(neighbour_pass, "see_neighbours", die)
        patch.setattr(run_and_report, "_executor", lambda request: Mortal(hung=hung))
        result = run_plate(small, out=out)
    (failure,) = result.failures
    assert "all pictures of well C04 together" in failure
    assert ("did not end" if hung else "ended its process") in failure
    found = said_of(out)
    assert found[["well", "severity", "detail"]].values.tolist() == [["C04", "warn", failure]] * 2
    # Values are those of the frames by themselves, and the masks are those of the values.
    columns = ["well", "time_h", "core_area_px", "total_area_px", "state"]
    as_wanted = pd.read_csv(analysed / "wells.csv")[columns]
    pd.testing.assert_frame_equal(pd.read_csv(out / "wells.csv")[columns], as_wanted)
    for path in (analysed / "masks").rglob("*.tif"):
        same = out / path.relative_to(analysed)
        assert (read_masks(same)[0] == read_masks(path)[0]).all()
    assert (pd.read_csv(out / "frames.csv")["status"] == "read").all()
    # The next run judges it.
    again = run_plate(small, out=out, workers=0)
    assert (again.n_new, again.failures) == (2, ())
    assert not any("edited" in note for note in again.notes)
    assert tables(out) == tables(analysed)


@pytest.mark.parametrize("error", [MemoryError(), ValueError("a fault of ours")])
def test_a_pass_that_fails_costs_no_plate(small, analysed, tmp_path, monkeypatch, error):
    out = tmp_path / "out"

    def fail(task: WellTask, results: list[dict[str, Any]]) -> None:
        if task.well == "C04":
            spoil(task, results[0])
            raise error

    with monkeypatch.context() as patch:
        patch.setattr(static_pass, "take_static_background", fail)
        result = run_plate(small, out=out, workers=0)
    (failure,) = result.failures
    assert type(error).__name__ in failure
    assert set(said_of(out)["well"]) == {"C04"}
    again = run_plate(small, out=out, workers=0)
    assert (again.n_new, again.failures) == (2, ())
    assert tables(out) == tables(analysed)


def test_a_run_that_is_killed_while_masks_of_an_earlier_one_change_is_continued(
    small, analysed, tmp_path, monkeypatch
):
    """A frame is added to a well: what is judged on all changes masks that a record names."""
    images, out = run_before_a_frame_came(small, tmp_path)

    def die(task: WellTask, results: list[dict[str, Any]]) -> None:
        spoil(task, results[0])
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(neighbour_pass, "see_neighbours", die)
        with pytest.raises(Killed):
            run_plate(images, out=out, workers=0)
    result = run_plate(images, out=out, workers=0)
    assert not any("edited" in note for note in result.notes)
    assert tables(out) == tables(analysed)


def test_a_mask_that_a_person_edited_is_kept_when_a_pass_fails(small, tmp_path, monkeypatch):
    images, out = run_before_a_frame_came(small, tmp_path)
    (mask,) = (out / "masks").rglob("*C4*.tif")
    core, shed = read_masks(mask)
    write_masks(
        mask, Segmentation(core[:, ::-1].copy(), ~shed & (core[:, ::-1] == 0), 1.0, "x"), None
    )
    edited = mask.read_bytes()

    def fail(task: WellTask, results: list[dict[str, Any]]) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(static_pass, "take_static_background", fail)
        run_plate(images, out=out, workers=0)
    assert mask.read_bytes() == edited
    result = run_plate(images, out=out, workers=0)
    assert mask.read_bytes() == edited
    assert result.failures == ()
    assert said_of(out).empty
