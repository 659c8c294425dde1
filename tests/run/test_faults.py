"""Damage and malice in a run folder, images that do not answer, and processes that hang."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import sys
import threading
import time
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from spheroid_qc import Parameters, run_plate, storage
from spheroid_qc.configuration import apply_overrides
from spheroid_qc.errors import ImageError, RequestError
from spheroid_qc.run.store.mask_files import read_masks, write_masks
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.run.store.well_records import write_record
from spheroid_qc.run.worker_processes import WorkerDied, Workers, alive, map_unordered
from spheroid_qc.segmentation import Segmentation
from spheroid_qc.tables.csv_writer import escape_formula, read_table
from tests.run.conftest import draw, write
from tests.run.test_run_images import tables

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="links and signals")


def said(result, words: str) -> bool:
    return any(words in note for note in result.notes)


def scramble(path: Path) -> None:
    """Damage the compressed pixels of a mask; its size stays."""
    with tifffile.TiffFile(path) as file:
        start, count = file.pages[0].dataoffsets[0], file.pages[0].databytecounts[0]
    data = bytearray(path.read_bytes())
    data[start + 2 : start + count - 2] = bytes(
        b ^ 0x5A for b in data[start + 2 : start + count - 2]
    )
    path.write_bytes(data)


def flag_codes(out: Path) -> list[str]:
    return list(pd.read_csv(out / "qc.csv")["code"])


# masks and corrections


@pytest.mark.parametrize("change", ["size", "content", "gone", "pipe"])
def test_a_damaged_mask_is_made_anew_and_said(small, analysed, out, change):
    mask = sorted((out / "masks").rglob("*.tif"))[0]
    before = mask.read_bytes()
    scramble(mask)
    if change == "size":
        mask.write_bytes(mask.read_bytes() + b"\0")
    if change in ("gone", "pipe"):
        mask.unlink()
    if change == "pipe":
        if sys.platform == "win32":
            pytest.skip("no pipes in folders")
        os.mkfifo(mask)
    result = run_plate(small, out=out, workers=0)
    assert result.n_new == 1
    assert said(result, "made anew")
    assert mask.read_bytes() == before
    assert tables(out) == tables(analysed)
    again = run_plate(small, out=out, workers=0)
    assert (again.n_new, said(again, "made anew")) == (0, False)


def test_a_correction_that_cannot_be_decoded_is_left_out(small, out):
    mask = sorted((out / "masks").rglob("*.tif"))[0]
    (out / "corrections").mkdir()
    shutil.copy(mask, out / "corrections" / mask.name)
    scramble(out / "corrections" / mask.name)
    result = run_plate(small, out=out, workers=0)
    assert result.failures == ()
    codes = flag_codes(out)
    assert "correction_unused" in codes
    assert "worker_died" not in codes


def test_a_correction_of_any_size_is_refused_before_it_is_decoded(small, out):
    mask = sorted((out / "masks").rglob("*.tif"))[0]
    (out / "corrections").mkdir()
    strip = zlib.compress(bytes(3000 * 30_000))
    tifffile.imwrite(
        out / "corrections" / mask.name, iter([strip] * 20), shape=(2, 30_000, 30_000),
        dtype=np.uint8, compression="zlib", photometric="minisblack", rowsperstrip=3000,
    )  # fmt: skip
    with pytest.raises(ImageError, match="max_megapixels"):
        read_masks(out / "corrections" / mask.name)
    run_plate(small, out=out, workers=0)
    assert "correction_unused" in flag_codes(out)


def test_masks_are_read_as_they_were_written_and_of_their_picture(tmp_path):
    core = np.arange(300 * 20, dtype=np.int32).reshape(300, 20) % 400
    shed = core == 0
    path = tmp_path / "m.ome.tif"
    write_masks(path, Segmentation(core, shed, 1.0, "x"), 2.0)
    found = read_masks(path, shape=(300, 20))
    assert np.array_equal(found[0], core)
    assert np.array_equal(found[1], shed)
    with pytest.raises(ImageError, match="its picture has"):
        read_masks(path, shape=(300, 21))


# run folders of somebody else


def forged(out: Path, change) -> None:
    """Write every record again, changed, with a check line that fits."""
    run = RunFolder(out)
    for path in (out / "records").glob("*/*.json"):
        found = json.loads(path.read_bytes())
        for moment in found["moments"]:
            change(moment)
        write_record(run, found["plate"], found["well"], found["moments"])
    (out / "records" / "finished.json").unlink()


@pytest.mark.parametrize("place", ["../../victim/", "/victim/"])
def test_names_in_a_record_stay_in_the_run_folder(small, analysed, out, place):
    victim = out.parent / "victim"
    shutil.copytree(out / "masks", victim)
    before = sorted(path.name for path in victim.iterdir())

    def lead_out(moment):
        for field in moment["fields"]:
            field["mask"] = place + field["mask"]

    forged(out, lead_out)
    result = run_plate(small, out=out, parameters=with_all_overlays(), workers=0)
    assert result.n_new == 6
    assert sorted(path.name for path in victim.iterdir()) == before
    assert len(list((out / "overlays").rglob("*.png"))) == 6


def with_all_overlays() -> Parameters:
    return apply_overrides(Parameters(), {"output.overlays": "all"})


@POSIX
@pytest.mark.parametrize("name", ["masks", "overlays", "records", "corrections"])
def test_folders_that_lead_out_are_refused(small, out, name):
    victim = out.parent / "victim"
    victim.mkdir()
    shutil.rmtree(out / name, ignore_errors=True)
    (out / name).symlink_to(victim)
    with pytest.raises(RequestError, match="leads out of the run folder"):
        run_plate(small, out=out, workers=0)
    assert list(victim.iterdir()) == []


@POSIX
def test_records_of_a_plate_that_lead_out_are_refused(small, out):
    victim = out.parent / "victim"
    (plate,) = (path for path in (out / "records").iterdir() if path.is_dir())
    shutil.move(plate, victim)
    plate.symlink_to(victim)
    with pytest.raises(RequestError, match="leads out of the run folder"):
        run_plate(small, out=out, workers=0)


@POSIX
def test_a_lock_that_leads_out_writes_over_nothing(small, out):
    victim = out.parent / "victim.txt"
    victim.write_text("precious")
    (out / ".lock").unlink(missing_ok=True)
    (out / ".lock").symlink_to(victim)
    with pytest.raises(RequestError, match="no plain file"):
        run_plate(small, out=out, workers=0)
    assert victim.read_text() == "precious"


@pytest.mark.parametrize(
    "change",
    [
        lambda moment: moment.pop("fields"),
        lambda moment: moment["fields"][0].pop("rows"),
        lambda moment: moment["fields"][0]["rows"][0].clear(),
        lambda moment: moment["fields"][0].update(rows=[]),
        lambda moment: moment["fields"][0].update(rows=[{"core_area_px": "=1+1"}]),
        lambda moment: moment["fields"][0].update(shape=[0, -1]),
        lambda moment: moment["fields"][0].update(confidence=None),
        lambda moment: moment["inputs"][0].update(sha256=5),
        lambda moment: moment.update(problems=[["no_such_flag", "x", "y"]]),
        lambda moment: moment.update(stamps="x"),
    ],
)
def test_a_record_of_another_form_is_made_anew(small, analysed, out, change):
    forged(out, change)
    assert run_plate(small, out=out, workers=0).n_new == 6
    assert tables(out) == tables(analysed)


def test_a_field_that_says_of_itself_that_it_is_empty_is_an_empty_row(small, out):
    forged(out, lambda moment: moment["fields"][0].update(rows=[], core_px=0))
    wells = pd.read_csv(run_plate(small, out=out, workers=0).tables["wells"])
    assert wells["core_area_px"].isna().all()


# images


def test_images_copied_without_their_dates_are_known_by_their_hash(small, analysed, out, tmp_path):
    images = tmp_path / "images"
    shutil.copytree(small, images, copy_function=shutil.copyfile)
    for n, path in enumerate(sorted(images.iterdir())):
        os.utime(path, (n, n))
    assert run_plate(images, out=out, workers=0).n_new == 0
    assert tables(out) == tables(analysed)
    # The new dates are remembered: nothing is read next time.
    again = run_plate(images, out=out, workers=0)
    assert again.n_new == 0
    # The same size, but other pixels.
    changed = sorted(images.iterdir())[0]
    data = bytearray(changed.read_bytes())
    data[len(data) // 2] ^= 0x10
    changed.write_bytes(data)
    assert run_plate(images, out=out, workers=0).n_new == 1


def test_every_series_and_every_note_of_a_reader_is_flagged(tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    with tifffile.TiffWriter(images / "A01_00d00h00m.tif", ome=True) as file:
        for n in range(3):
            file.write(draw(14 + n, size=64, centre=(32, 32)), metadata={"axes": "YX"})
    tifffile.imwrite(
        images / "A02_00d00h00m.tif", draw(14, size=64, centre=(32, 32)),
        extratags=[(274, "H", 1, 3, False)],
    )  # fmt: skip
    run_plate(images, out=tmp_path / "out", workers=0)
    qc = pd.read_csv(tmp_path / "out" / "qc.csv").set_index("code")
    assert "3 images (series)" in qc.loc["planes_unused", "detail"]
    assert "orientation 3" in qc.loc["reader_note", "detail"]
    frames = pd.read_csv(tmp_path / "out" / "frames.csv")
    assert frames["note"].str.contains("orientation 3|3 images").sum() == 2


def test_many_strays_are_summarised(small, tmp_path):
    images = tmp_path / "images"
    shutil.copytree(small, images)
    for n in range(300):
        (images / f"notes {n}.txt").touch()
    run_plate(images, out=tmp_path / "out", workers=0)
    qc = pd.read_csv(tmp_path / "out" / "qc.csv")
    strays = qc[qc["code"] == "stray_file"]
    assert len(strays) == 21
    assert "280 more files" in strays["detail"].iloc[-1]
    assert (pd.read_csv(tmp_path / "out" / "frames.csv")["status"] == "stray").sum() == 300


@pytest.mark.parametrize("sign", "=+-@＝＋－＠")
def test_formulas_are_harmless_in_any_width(sign, tmp_path):
    assert escape_formula(f"{sign}cmd") == f"'{sign}cmd"
    (tmp_path / "x.csv").write_text(f"a\n'{sign}cmd\n", "utf-8")
    assert read_table(tmp_path / "x.csv")["a"].tolist() == [f"{sign}cmd"]


# storage that fails


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(storage, "_FIRST_PAUSE_S", 0.02)
    monkeypatch.setattr(storage, "PATIENCE_S", 0.5)
    storage.taken_waits()
    storage._waiting.gave_up = False
    yield
    storage._waiting.gave_up = False


def failing(monkeypatch, times: int, code: int = errno.EIO):
    """Let reading images fail so many times, as a share would."""
    import spheroid_qc.images.file_bytes as module

    real, left = module.open_plain, [times]

    def opened(path):
        if left[0] > 0 and path.suffix == ".tif":
            left[0] -= 1
            raise OSError(code, os.strerror(code))
        return real(path)

    monkeypatch.setattr(module, "open_plain", opened)


def test_storage_that_errs_for_a_while_costs_time_and_is_said(
    small, analysed, tmp_path, monkeypatch, quick
):
    failing(monkeypatch, 5)
    result = run_plate(small, out=tmp_path / "out", workers=0)
    assert said(result, "The storage did not answer")
    assert tables(tmp_path / "out") == tables(analysed)
    assert not said(run_plate(small, out=tmp_path / "out", workers=0), "storage")


def test_frames_of_storage_that_stays_away_are_tried_again(
    small, analysed, tmp_path, monkeypatch, quick
):
    with monkeypatch.context() as patch:
        failing(patch, 10_000, errno.ESTALE)
        result = run_plate(small, out=tmp_path / "out", workers=0)
    assert len(result.failures) == 6
    assert "storage_failed" in flag_codes(tmp_path / "out")
    assert run_plate(small, out=tmp_path / "out", workers=0).n_new == 6
    assert tables(tmp_path / "out") == tables(analysed)


def test_a_share_that_goes_and_comes_back(small, analysed, tmp_path, monkeypatch, quick):
    import spheroid_qc.run.well.segment_and_measure_timepoint as module

    images, away = tmp_path / "images", tmp_path / "away"
    shutil.copytree(small, images)
    real, calls = module.load_field, []

    def load(*arguments, **more):
        calls.append(1)
        if len(calls) == 3:
            images.rename(away)
            images.mkdir()  # where a share was there is an empty folder

            def back():
                images.rmdir()
                away.rename(images)

            threading.Timer(0.1, back).start()
        return real(*arguments, **more)

    monkeypatch.setattr(module, "load_field", load)
    result = run_plate(images, out=tmp_path / "out", workers=0)
    assert result.failures == ()
    assert said(result, "The storage did not answer")
    kept = {name: text for name, text in tables(tmp_path / "out").items() if name != "frames.csv"}
    assert kept.items() <= tables(analysed).items()


def test_a_run_folder_that_is_gone_is_not_made_again(small, tmp_path, monkeypatch, quick):
    import spheroid_qc.run.well.segment_and_measure_timepoint as module
    from spheroid_qc.errors import OutputError

    out, real = tmp_path / "share" / "out", module.segment

    def gone(*arguments, **more):
        if out.is_dir():
            out.rename(tmp_path / "away")
        return real(*arguments, **more)

    monkeypatch.setattr(module, "segment", gone)
    with pytest.raises(OutputError, match="not there any more"):
        run_plate(small, out=out, workers=0)
    assert not out.exists()


# processes that hang or die


def nap(task: tuple[int, float]) -> int:
    alive()
    time.sleep(task[1])
    return task[0]


def chatty(task: tuple[int, float]) -> int:
    for _ in range(20):
        alive()
        time.sleep(task[1] / 20)
    return task[0]


def stopped(n: int) -> int:
    alive()
    if n == 3:
        os.kill(os.getpid(), signal.SIGSTOP)
    return n


def test_a_task_that_gives_no_sign_of_life_is_ended_and_the_others_go_on():
    with Workers(2, 1.0) as workers:
        found = dict(map_unordered(nap, [(1, 0.0), (2, 60.0), (3, 0.0), (4, 0.0)], workers))
    assert isinstance(found.pop((2, 60.0)), WorkerDied)
    assert found == {(1, 0.0): 1, (3, 0.0): 3, (4, 0.0): 4}


def test_a_task_that_says_it_lives_may_take_its_time():
    with Workers(1, 1.0) as workers:
        assert list(map_unordered(chatty, [(1, 3.0)], workers)) == [((1, 3.0), 1)]


@POSIX
def test_a_process_that_was_stopped_is_replaced():
    with Workers(2, 1.0) as workers:
        found = dict(map_unordered(stopped, range(6), workers))
    assert found[3].hung
    assert sorted(n for n, result in found.items() if n == result) == [0, 1, 2, 4, 5]


@POSIX
def test_a_frame_that_hangs_is_tried_twice_and_flagged(small, analysed, tmp_path, monkeypatch):
    """The very frame hangs: its file is a link into a place that can't be read, as it were."""
    script = tmp_path / "sitecustomize.py"
    script.write_text(
        "import os, time\n"
        "import importlib.abc, importlib.util, sys\n"
        "class Finder(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name != 'spheroid_qc.images.tiff': return None\n"
        "        sys.meta_path.remove(self)\n"
        "        spec = importlib.util.find_spec(name)\n"
        "        load = spec.loader.exec_module\n"
        "        def run(module):\n"
        "            load(module)\n"
        "            real = module.TiffReader.read\n"
        "            def read(self, *at):\n"
        "                if 'C4_1_00d06h' in self._content.name: time.sleep(600)\n"
        "                return real(self, *at)\n"
        "            module.TiffReader.read = read\n"
        "        spec.loader.exec_module = run\n"
        "        return spec\n"
        "sys.meta_path.insert(0, Finder())\n"
    )
    settings = apply_overrides(
        Parameters(), {"limits.frame_seconds": "6", "segmentation.even_light": "false"}
    )
    with monkeypatch.context() as patch:
        patch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
        result = run_plate(small, out=tmp_path / "out", parameters=settings, workers=2)
    assert len(result.failures) == 1
    assert "did not end within the time allowed" in result.failures[0]
    qc = pd.read_csv(tmp_path / "out" / "qc.csv")
    assert list(qc.loc[qc["code"] == "timed_out", "well"]) == ["C04"]
    # Next time it is tried again.
    assert run_plate(small, out=tmp_path / "out", parameters=settings, workers=0).n_new == 1
    fresh = run_plate(small, out=tmp_path / "fresh", parameters=settings, workers=0)
    assert fresh.failures == ()
    assert tables(tmp_path / "out") == tables(tmp_path / "fresh")


def greedy(n: int) -> int:
    if n == 2:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (1 << 20, 1 << 20))
        os.kill(os.getpid(), signal.SIGKILL)  # as the system does when memory is gone
    return n


@POSIX
def test_a_process_killed_for_memory_costs_its_own_task_only():
    found = dict(map_unordered(greedy, range(8), 2))
    assert isinstance(found[2], WorkerDied)
    assert not found[2].hung
    assert all(found[n] == n for n in range(8) if n != 2)


def hungry(n: int) -> int:
    if n == 2:
        np.empty(1 << 55)
    return n


@pytest.mark.parametrize("workers", [0, 2])
def test_a_task_without_memory_costs_itself_only(workers):
    found = dict(map_unordered(hungry, range(6), workers))
    assert isinstance(found.pop(2), WorkerDied)
    assert found == {n: n for n in (0, 1, 3, 4, 5)}


def test_an_overlay_without_memory_is_said_and_drawn_by_the_next_run(
    small, analysed, tmp_path, monkeypatch
):
    import spheroid_qc.run.overlays.draw_overlay as module

    out, real = tmp_path / "out", module.draw_overlay

    def draw_one(pixels, *arguments, **more):
        if "C04" in arguments[2].title and "6 h" in arguments[2].title:
            raise MemoryError
        return real(pixels, *arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(module, "draw_overlay", draw_one)
        result = run_plate(small, out=out, parameters=with_all_overlays(), workers=0)
    (failure,) = result.failures
    assert "C4_1_00d06h00m.png could not be drawn" in failure
    assert len(list((out / "overlays").rglob("*.png"))) == 5
    assert tables(out) == tables(analysed)
    again = run_plate(small, out=out, parameters=with_all_overlays(), workers=0)
    assert (again.n_new, again.failures) == (0, ())
    assert len(list((out / "overlays").rglob("*.png"))) == 6


@POSIX
@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="a limit of address space")
def test_a_frame_that_memory_does_not_hold_costs_itself_only(small, tmp_path, monkeypatch):
    """Workers with 1.5 GB of address space, and a frame of 100 megapixels among small ones."""
    images = tmp_path / "images"
    shutil.copytree(small, images)
    huge = next(images.glob("*C4_1_00d06h*"))
    write(huge, np.tile(draw(20, size=96, centre=(48, 48)), (104, 104)))
    limit = 1500 << 20
    (tmp_path / "sitecustomize.py").write_text(
        "import resource, sys\n"
        "if any('spawn_main' in argument for argument in sys.orig_argv):\n"
        f"    resource.setrlimit(resource.RLIMIT_AS, ({limit}, {limit}))\n"
    )
    with monkeypatch.context() as patch:
        patch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
        result = run_plate(images, out=tmp_path / "out", workers=2, parameters=with_all_overlays())
    assert any(huge.stem in failure for failure in result.failures)
    wells = pd.read_csv(tmp_path / "out" / "wells.csv")
    others = ~wells["file"].str.contains(huge.name)
    assert len(wells) == 6
    assert (wells.loc[others, "core_area_px"] > 0).all()
    # With memory enough the same command ends it.
    again = run_plate(images, out=tmp_path / "out", workers=0, parameters=with_all_overlays())
    assert again.failures == ()


def test_a_clock_that_is_set_back_makes_no_negative_times(small, tmp_path, monkeypatch):
    import spheroid_qc.run.store.run_json as module

    class Clock:
        @staticmethod
        def time() -> float:
            return 1000.0

    monkeypatch.setattr(module, "time", Clock)
    run_plate(small, out=tmp_path / "out", workers=0)
    known = json.loads((tmp_path / "out" / "run.json").read_text())
    assert known["seconds"] >= 0


def test_an_image_of_a_share_is_named_in_the_sentence(tmp_path, monkeypatch, quick):
    images = tmp_path / "images"
    write(images / "B2.tif", draw(14, size=64, centre=(32, 32)))
    failing(monkeypatch, 10_000)
    result = run_plate(images, out=tmp_path / "out", workers=0)
    assert "B2.tif can't be read" in result.failures[0]
