"""Everything that can be wrong with files, names, disks and old run folders; nothing crashes."""

from __future__ import annotations

import contextlib
import csv
import errno
import io
import json
import os
import random
import shutil
import sys

import pandas as pd
import pytest

from spheroid_qc import run_plate
from spheroid_qc.errors import OutputError, RequestError, SpheroidQCError
from spheroid_qc.run import run_images as plate_module
from spheroid_qc.run.store import run_folder as folder_module
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.run.store.well_records import read_record, write_record
from spheroid_qc.run.worker_processes import WorkerDied
from tests.run.test_run_images import tables

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="names and files that Windows lacks")


def mutations(good: bytes) -> list[tuple[str, bytes]]:
    """(suffix, bytes) of more than 200 files that are wrong in some way."""
    chance = random.Random(20261122)
    found = [(".tif", good[: chance.randrange(len(good))]) for _ in range(70)]
    for _ in range(70):
        flipped = bytearray(good)
        for _ in range(chance.choice((1, 3, 30))):
            # Tags lie at both ends of the file: most flips go there.
            end = chance.choice((16, 400, len(good)))
            flipped[chance.choice((-1, 1)) * chance.randrange(end)] ^= 1 << chance.randrange(8)
        found.append((".tif", bytes(flipped)))
    for _ in range(30):
        cut = bytearray(good)
        start = chance.randrange(len(good))
        del cut[start : start + chance.randrange(1, 500)]
        found.append((".tif", bytes(cut)))
    for _ in range(30):
        found.append((".tif", good[: chance.randrange(20)] + chance.randbytes(2000)))
    suffixes = (".png", ".jpg", ".jpeg", ".bmp", ".ome.tif", ".tiff", ".TIF")
    found += [(suffix, good) for suffix in suffixes]
    found += [(suffix, b"") for suffix in suffixes]
    found += [(suffix, b"well,drug\nA1,x\n" * 50) for suffix in suffixes]
    return found


def test_more_than_200_mutated_files_crash_nothing(tmp_path, good):
    images = tmp_path / "images"
    images.mkdir()
    (images / "A1.tif").write_bytes(good)
    wells = [f"{row}{column}" for row in "BCDEFGHIJKLMNOP" for column in range(1, 25)]
    files = {f"{w}{s}": data for w, (s, data) in zip(wells, mutations(good), strict=False)}
    assert len(files) > 200
    for name, data in files.items():
        (images / name).write_bytes(data)
    result = run_plate(images, out=tmp_path / "out", workers=0)
    found = pd.read_csv(tmp_path / "out" / "wells.csv").set_index("well")
    assert len(found) == len(files) + 1
    assert found.loc["A01", "state"] == "intact"
    unread = found[found["flags"].fillna("").str.contains("unreadable")]
    assert set(unread["state"]) == {"unscorable"}
    assert len(result.failures) == len(unread)
    assert len(unread) > 100
    assert "unexpectedly" not in "".join(result.failures)
    assert not found["flags"].fillna("").str.contains("worker_died").any()
    for failure in result.failures:
        assert failure.endswith((".", "!")), failure
    # Each sentence names its file.
    assert all(any(name in failure for name in files) for failure in result.failures)
    qc = pd.read_csv(tmp_path / "out" / "qc.csv")
    assert (qc["code"] == "unreadable").sum() == len(unread)


NAMES = (
    '"quoted"_{}.tif', "it's_{}.tif", "two\nlines_{}.tif", "<script>alert(1)<_{}.tif",
    "=cmd|x_{}.tif", "-dash_{}.tif", "@at_{}.tif", "+plus_{}.tif", "\ttab_{}.tif", "a,b;c_{}.tif",
    "emoji\U0001f600_{}.tif", "\u202ertl_{}.tif", "$(touch x)_{}.tif", "%s%d_{}.tif",
    "\x1b[31mred_{}.tif", " lead_{}.tif", "dots..__{}.tif", "\x7fdel_{}.tif", "x" * 240 + "_{}.tif",
    "\u00e9" * 120 + "_{}.tif",
)  # fmt: skip


@POSIX
def test_hostile_names_are_analysed_and_stand_harmless_in_every_table(tmp_path, good):
    images = tmp_path / "images"
    images.mkdir()
    for n, name in enumerate(NAMES, start=1):
        (images / name.format(f"E{n}")).write_bytes(good)
    result = run_plate(images, out=tmp_path / "out", workers=0)
    assert result.failures == ()
    assert result.n_frames == len(NAMES)
    assert len(list((tmp_path / "out" / "masks").rglob("*.ome.tif"))) == len(NAMES)
    assert not (tmp_path / "x").exists()
    for path in result.tables.values():
        text = path.read_bytes().decode("utf-8")
        assert not {c for c in text if not c.isprintable()} - {"\n"}
        lines = list(csv.reader(io.StringIO(text)))
        assert {len(line) for line in lines} == {len(lines[0])}
        cells = [cell for line in lines for cell in line if cell.startswith(("=", "+", "-", "@"))]
        assert all(pd.notna(pd.to_numeric(cell, errors="coerce")) for cell in cells)
    again = run_plate(images, out=tmp_path / "out", workers=0)
    assert again.n_new == 0


@POSIX
def test_what_only_looks_like_a_file_is_listed_and_never_waited_for(tmp_path, good):
    images = tmp_path / "images"
    images.mkdir()
    (images / "B1.tif").write_bytes(good)
    (images / "B2.tif").mkdir()
    os.mkfifo(images / "B3.tif")
    (images / "B4.tif").symlink_to("nowhere.tif")
    (images / "B5.tif").symlink_to("B5.tif")
    (images / "B6.tif").symlink_to("/dev/zero")
    (images / "circle").symlink_to(".")
    (images / "notes.txt").symlink_to("nowhere.txt")
    with open(os.path.join(os.fsencode(images), b"bad\xff_B7.tif"), "wb") as file:
        file.write(good)
    result = run_plate(images, out=tmp_path / "out", workers=0)
    assert result.n_frames == 1
    messages = "\n".join(result.failures)
    for name in ("B3.tif", "B4.tif", "B5.tif", "B6.tif", "B7.tif"):
        assert name in messages
    assert len(result.failures) == 5


@POSIX
def test_a_folder_whose_name_is_no_text(tmp_path, good):
    images = os.fsdecode(os.path.join(os.fsencode(tmp_path), b"pl\xffate"))
    os.mkdir(images)
    with open(os.path.join(images, "B2.tif"), "wb") as file:
        file.write(good)
    run_plate(images, out=tmp_path / "out", workers=0)
    assert run_plate(images, out=tmp_path / "out", workers=0).n_new == 0
    assert pd.read_csv(tmp_path / "out" / "wells.csv")["plate"].tolist() == ["pl\\udcffate"]


def damage_record(out, change):
    path = next((out / "records").rglob("B02.json"))
    path.write_bytes(change(path.read_bytes()))


@pytest.mark.parametrize(
    "change",
    [
        lambda b: b"",
        lambda b: b"[1]",
        lambda b: b[:-20],
        lambda b: b"\xff" * 50,
        lambda b: b"[" * 100_000,
        lambda b: b.replace(b'"confidence": 0.', b'"confidence": 0.1'),
        lambda b: b.replace(b'"fields"', b'"fiends"'),
    ],
)
def test_a_damaged_record_is_made_anew(out, small, analysed, change):
    damage_record(out, change)
    assert run_plate(small, out=out, workers=0).n_new == 2
    assert tables(out) == tables(analysed)


def test_a_record_is_read_back_only_as_it_was_written(tmp_path):
    run = RunFolder(tmp_path)
    empty = {"stamps": [], "inputs": [], "problems": [], "n_fields": 0, "fields": []}
    well_timepoints = [{"signature": "s", **empty, "name": "caf\u00e9 \udcff"}]
    write_record(run, "p/\udcff", "A01", well_timepoints)
    assert read_record(run, "p/\udcff", "A01") == {"s": well_timepoints[0]}
    assert read_record(run, "p/\udcff", "A02") == {}
    assert read_record(run, "p", "A01") == {}


def test_damaged_masks_are_made_anew_and_edited_ones_are_kept(out, small, analysed):
    first, second, third = sorted((out / "masks").glob("*.tif"))[:3]
    whole = first.read_bytes()
    first.write_bytes(whole[:100])
    second.write_bytes(b"")
    edited = third.read_bytes() + b"\0" * 8
    third.write_bytes(edited)
    result = run_plate(small, out=out, workers=0)
    assert result.n_new == 2
    assert any("2 frames" in note and "made anew" in note for note in result.notes)
    assert any(third.name[:12] in note and "edited" in note for note in result.notes)
    assert first.read_bytes() == whole
    assert third.read_bytes() == edited
    assert tables(out) == tables(analysed)


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "3", "{}", "\x00\xff", "[" * 100_000, '{"parameters": 3}',
        '{"parameters": {"a": {"b": 1}}, "version": "%s"}',
        '{"parameters": {}, "version": "0"}',
    ],
)  # fmt: skip
def test_a_damaged_run_json_is_refused_and_nothing_is_touched(out, small, analysed, text):
    from spheroid_qc import __version__

    (out / "run.json").write_text(text.replace("%s", __version__), "utf-8")
    before = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}
    with pytest.raises(RequestError, match=r"--out"):
        run_plate(small, out=out, workers=0)
    assert {p: p.read_bytes() for p in out.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize("inputs", [3, [3], [{"size": 1}], {"path": "x"}])
def test_a_damaged_list_of_inputs_is_refused(out, small, inputs):
    messages = json.loads((out / "run.json").read_text("utf-8"))
    (out / "run.json").write_text(json.dumps(messages | {"inputs": inputs}), "utf-8")
    with pytest.raises(RequestError, match="inputs"):
        run_plate(small, out=out, workers=0)


@pytest.mark.parametrize("text", ["", "[1]", "3", '{"a.png": 1}', '{"../../mine.png": "x"}', "{"])
def test_a_damaged_index_of_overlays_costs_nothing_and_deletes_nothing_else(
    out, small, analysed, text, tmp_path
):
    (tmp_path / "mine.png").write_text("mine")
    (out / "records" / "overlays.json").write_text(text, "utf-8")
    assert run_plate(small, out=out, workers=0).n_new == 0
    assert tables(out) == tables(analysed)
    assert (tmp_path / "mine.png").read_text() == "mine"


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        (b"", "empty"),
        (bytes(range(128, 256)), "exclusions.csv"),
        (b"a,b\n1,2\n", "well"),
        (b"well,colour\nB2,red\n", "colour"),
        (b"well,time_h\nQQ9,1\n", "line 2"),
        (b"well,time_h\nB2,noon\n", "noon"),
    ],
)
def test_damaged_exclusions_are_refused_and_tables_stay(out, small, analysed, text, messages):
    (out / "exclusions.csv").write_bytes(text)
    with pytest.raises(RequestError, match=messages):
        run_plate(small, out=out, workers=0)
    assert tables(out) == tables(analysed)


@pytest.mark.parametrize("name", ["wells.csv", "masks", "records"])
def test_a_folder_or_file_in_the_way_is_named(out, small, name):
    path = out / name
    if name in ("masks", "records"):
        shutil.rmtree(path)
        path.write_text("in the way")
    else:
        path.unlink()
        path.mkdir()
    with pytest.raises(OutputError, match=name):
        run_plate(small, out=out, workers=0)


class FullDisk:
    """Lets some files through, then the disk is full."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.replace = os.replace

    def __call__(self, source, target):
        self.room -= 1
        if self.room < 0:
            raise OSError(errno.ENOSPC, "No space left on device", os.fspath(source))
        self.replace(source, target)


@pytest.mark.parametrize("room", range(0, 22, 2))
def test_a_full_disk_at_any_moment_keeps_what_is_finished(
    tmp_path, small, analysed, monkeypatch, room
):
    out = tmp_path / "out"
    disk = FullDisk(room)
    with monkeypatch.context() as patch, contextlib.ExitStack() as stack:
        patch.setattr(folder_module.os, "replace", disk)
        # Six masks, three records, run.json twice, five tables, and some overlays.
        if room < 16:
            stack.enter_context(pytest.raises(OutputError, match=r"(full|No space).*\.$"))
        else:
            stack.enter_context(contextlib.suppress(OutputError))
        run_plate(small, out=out, workers=0)
    finished = sum(1 for _ in (out / "records").glob("*/*.json"))
    result = run_plate(small, out=out, workers=0)
    assert result.n_new == 6 - 2 * finished
    assert tables(out) == tables(analysed)
    assert not [p for p in out.rglob("*") if ".part" in p.name]


@pytest.mark.skipif(sys.platform == "win32", reason="links")
def test_a_place_that_leads_in_a_circle_is_refused_in_a_sentence(tmp_path, small, out):
    from spheroid_qc import analyse
    from spheroid_qc.export.run_export import export_run

    loop = tmp_path / "loop"
    loop.symlink_to(tmp_path / "back")
    (tmp_path / "back").symlink_to(loop)
    calls = [
        lambda: run_plate(small, out=loop, workers=0),
        lambda: run_plate(small, out=loop / "below", workers=0),
        lambda: export_run(out, "geojson", loop),
        lambda: analyse(out, out=loop),
    ]
    for call in calls:
        with pytest.raises(SpheroidQCError, match="loop"):
            call()
    assert loop.is_symlink()


def test_two_runs_in_one_folder(out, small, analysed):
    with (
        RunFolder(out).locked(),
        pytest.raises(RequestError, match=rf"in use .*process {os.getpid()}"),
    ):
        run_plate(small, out=out, workers=0)
    assert run_plate(small, out=out, workers=0).n_new == 0


def test_too_little_memory_for_one_frame_costs_that_frame(tmp_path, small, monkeypatch):
    from spheroid_qc.run.well import segment_and_measure_timepoint as timepoint_module

    analyse = timepoint_module.analyse_timepoint

    def greedy(task, well_timepoint, files):
        if "C4" in well_timepoint.frames[0].path and well_timepoint.timepoint == 1:
            raise MemoryError
        return analyse(task, well_timepoint, files)

    monkeypatch.setattr(timepoint_module, "analyse_timepoint", greedy)
    result = run_plate(small, out=tmp_path / "out", workers=0)
    assert len(result.failures) == 1
    assert "memory" in result.failures[0]
    wells = pd.read_csv(tmp_path / "out" / "wells.csv").set_index(["well", "time_h"])
    assert "worker_died" in wells.loc[("C04", 6), "flags"]
    assert wells.loc[("C04", 6), "state"] == "unscorable"
    assert wells.loc[("C04", 0), "core_area_px"] > 0


def test_a_frame_that_kills_its_process_costs_that_frame(tmp_path, small, monkeypatch, analysed):
    def dying(function, tasks, _):
        for task in tasks:
            frames = [f.path for m in getattr(task, "well_timepoints", ()) for f in m.frames]
            fatal = any("C4_1_00d06h" in path for path in frames)
            yield task, WorkerDied() if fatal else function(task)

    with monkeypatch.context() as patch:
        patch.setattr(plate_module, "map_unordered", dying)
        result = run_plate(small, out=tmp_path / "out", workers=0)
    assert len(result.failures) == 1
    assert "C4_1_00d06h" in result.failures[0]
    wells = pd.read_csv(tmp_path / "out" / "wells.csv").set_index(["well", "time_h"])
    assert wells.loc[("C04", 6), "state"] == "unscorable"
    assert wells.loc[("C04", 0), "core_area_px"] > 0
    # A machine with more memory, or a mended decoder, makes good for it.
    assert run_plate(small, out=tmp_path / "out", workers=0).n_new == 1
    assert tables(tmp_path / "out") == tables(analysed)


def test_frames_that_were_taken_away_leave_the_tables(out, small, tmp_path):
    part = tmp_path / "images"
    shutil.copytree(small, part)
    for path in (*part.glob("*C4*"), part / "VID1_B2_1_00d06h00m.tif"):
        path.unlink()
    result = run_plate(part, out=out, workers=0)
    assert (result.n_frames, result.n_new) == (3, 0)
    run_plate(part, out=tmp_path / "fresh", workers=0)
    assert tables(out) == tables(tmp_path / "fresh")


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere"
)
def test_a_place_without_permission_is_refused(tmp_path, small):
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(RequestError, match="permission"):
        run_plate(small, out=tmp_path / "locked" / "out", workers=0)
