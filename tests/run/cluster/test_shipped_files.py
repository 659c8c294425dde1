"""What travels between a run folder and a worker."""

from __future__ import annotations

import pytest

from spheroid_qc.run.cluster.shipped_files import changed_files, receive, unpack
from spheroid_qc.run.store.run_folder import RunFolder


def test_only_what_changed_comes_back(tmp_path):
    before = {"masks/a/B02.ome.tif": b"1", "records/p/B02.json": b"{}"}
    unpack(before, tmp_path)
    assert changed_files(tmp_path, before) == {}
    (tmp_path / "records" / "p" / "B02.json").write_bytes(b"{ }")
    (tmp_path / "masks" / "a" / "B03.ome.tif").write_bytes(b"2")
    assert changed_files(tmp_path, before) == {
        "masks/a/B03.ome.tif": b"2", "records/p/B02.json": b"{ }",
    }  # fmt: skip


def test_what_comes_is_written_and_records_last(tmp_path, monkeypatch):
    from spheroid_qc.run.cluster import shipped_files

    order = []
    real = shipped_files.atomic_path
    monkeypatch.setattr(
        shipped_files,
        "atomic_path",
        lambda path, **more: (order.append(path.name), real(path, **more))[1],
    )
    files = {"records/p/B02.json": b"{}", "masks/B02.ome.tif": b"1", "overlays/B02.png": b"2"}
    receive(files, RunFolder(tmp_path))
    assert order[-1] == "B02.json"
    assert changed_files(tmp_path, {}) == files


@pytest.mark.parametrize(
    "name", ["run.json", "masks", "../x", "masks/../../x", "/etc/x", "masks//etc/x", "other/x"]
)
def test_nothing_is_written_elsewhere(tmp_path, name):
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(OSError, match="leads out"):
        receive({name: b"1"}, RunFolder(out))
    assert [p.name for p in tmp_path.rglob("*")] == ["out"]


def test_a_run_folder_that_is_gone_is_not_made_anew(tmp_path):
    with pytest.raises(OSError, match="not there any more"):
        receive({"masks/a": b""}, RunFolder(tmp_path / "out"))


def test_a_well_takes_along_its_record_masks_marks_and_corrections(out, small):
    from spheroid_qc import Parameters
    from spheroid_qc.images import PlateCalibration
    from spheroid_qc.run.cluster.shipped_files import files_for
    from spheroid_qc.run.store.well_records import WellTask, record_path
    from spheroid_qc.run.well.static_pass import taken_path

    run = RunFolder(out)
    mask = "VID1_B2_1_00d00h00m.ome.tif"
    marks = taken_path(run, "VID1", "B02")
    for path in (run.correction(mask), run.corrections / "VID1_B2_1_00d00h00m.json", marks):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    task = WellTask(small, out, "VID1", "B02", (), Parameters(), PlateCalibration({}))
    assert set(files_for(task)) == {
        record_path(run, "VID1", "B02").relative_to(out).as_posix(),
        marks.relative_to(out).as_posix(),
        "masks/VID1_B2_1_00d00h00m.ome.tif", "masks/VID1_B2_1_00d06h00m.ome.tif",
        f"corrections/{mask}", "corrections/VID1_B2_1_00d00h00m.json",
    }  # fmt: skip
