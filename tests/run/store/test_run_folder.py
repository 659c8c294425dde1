"""Files arrive whole or not at all; one run at a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from spheroid_qc.atomic import atomic_path, write_json, write_text
from spheroid_qc.errors import RequestError
from spheroid_qc.run.store.run_folder import RunFolder


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path):
    target = tmp_path / "wells.csv"
    write_text(target, "old")

    def fail():
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            raise ValueError

    with pytest.raises(ValueError):
        fail()
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["wells.csv"]


def test_names_of_any_legal_length_can_be_written(tmp_path):
    target = tmp_path / ("ö" * 125 + ".csv")
    write_text(target, "x")
    assert target.read_text() == "x"


def test_json_keeps_every_digit(tmp_path):
    value = {"a": 0.1 + 0.2, "b": None, "µ": "µm"}
    write_json(tmp_path / "a.json", value)
    assert json.loads((tmp_path / "a.json").read_text("utf-8")) == value


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("name", ["exclusions.csv", "acceptances.csv", "adapter.npz"])
@pytest.mark.parametrize("kind", ["pipe", "folder", "broken link"])
def test_decisions_that_cannot_be_read_are_not_passed_over(tmp_path, name, kind):
    run = RunFolder(tmp_path / "out")
    run.root.mkdir()
    path = run.root / name
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(run.root / "gone.csv")
    with pytest.raises(RequestError, match=rf"{name} is no plain file.*remove it"):
        run.check_usable(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("kind", ["pipe", "file", "broken link"])
def test_corrections_that_are_no_folder_are_not_passed_over(tmp_path, kind):
    run = RunFolder(tmp_path / "out")
    run.root.mkdir()
    if kind == "pipe":
        os.mkfifo(run.corrections)
    elif kind == "file":
        run.corrections.write_text("")
    else:
        run.corrections.symlink_to(run.root / "gone")
    with pytest.raises(RequestError, match=r"corrections is no folder.*remove it"):
        run.check_usable(tmp_path)


def test_two_runs_in_one_folder_are_refused(tmp_path):
    run = RunFolder(tmp_path / "out")
    code = (
        "import sys; from pathlib import Path\n"
        "from spheroid_qc.run.store.run_folder import RunFolder\n"
        "from spheroid_qc.errors import RequestError\n"
        "try:\n"
        "    with RunFolder(Path(sys.argv[1])).locked(): print('got it')\n"
        "except RequestError as error: print(error)\n"
    )
    command = [sys.executable, "-c", code, str(run.root)]
    with run.locked():
        messages = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert "in use" in messages
        assert "process" in messages
    messages = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert messages.strip() == "got it"


def test_foreign_files_are_never_mixed_with_results(tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    run = RunFolder(tmp_path / "mine")
    run.root.mkdir()
    run.check_usable(images)
    (run.root / "wells.csv").write_text("precious")
    with pytest.raises(RequestError, match=r"wells\.csv"):
        run.check_usable(images)
    with pytest.raises(RequestError, match="image folder"):
        RunFolder(images).check_usable(images)
    with pytest.raises(RequestError, match="is a file"):
        RunFolder(run.root / "wells.csv").check_usable(images)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": "1"}'])
def test_a_damaged_run_json_is_refused(tmp_path, text):
    run = RunFolder(tmp_path)
    run.run_json.write_text(text)
    with pytest.raises(RequestError, match=r"run\.json"):
        run.read_run()


def test_sweep_removes_what_a_killed_run_left(tmp_path):
    run = RunFolder(tmp_path)
    (run.masks / "a").mkdir(parents=True)
    litter = run.masks / "a" / ".12.00ff.part.tif"
    litter.write_text("half")
    keep = run.masks / "a" / "a.ome.tif"
    keep.write_text("whole")
    run.sweep()
    assert not litter.exists()
    assert keep.exists()
