"""The window on a large plate: opening, stepping, and whether it ever blocks during a run.

Run on a machine with a screen, or with Xvfb:

    xvfb-run -a python benchmarks/gui.py [--wells 96] [--times 24] [--side 1024]

A plate of frames with spheroids is written first (2304 files of 1 Mpx: about 3 GB and some minutes
for the default). Prints one line a figure with its target. On a machine that others use as well the
wall time says little: beside it stands the processor time of this process (opening, stepping), and
of the window's own thread (blocking), which is what the wall time would be on an idle machine at
least.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import tifffile

GAP_MS = 5


def write_frames(folder: Path, wells: int, times: int, side: int) -> None:
    """Frames with a dark ball of changing size, as a plate reader would name them."""
    rng = np.random.default_rng(0)
    noise = [rng.normal(0, 250, (side, side)) for _ in range(3)]
    y, x = np.mgrid[:side, :side].astype(np.float32)
    distance = np.hypot(y - side / 2, x - side / 2)
    folder.mkdir(parents=True, exist_ok=True)
    for t in range(times):
        radius = side / 7 * (1 - 0.3 * t / max(1, times - 1))
        ball = 30000 - 14000 / (1 + np.exp(np.clip((distance - radius) / 2, -50, 50)))
        for n in range(wells):
            row, column = divmod(n, 12)
            image = (ball + noise[(n + t) % 3]).clip(0, 65535).astype(np.uint16)
            name = f"VID1_{'ABCDEFGH'[row]}{column + 1}_1_{t // 4:02d}d{6 * (t % 4):02d}h00m.tif"
            tifffile.imwrite(
                folder / name, image, ome=True,
                metadata={"axes": "YX", "PhysicalSizeX": 1.3, "PhysicalSizeXUnit": "µm",
                          "PhysicalSizeY": 1.3, "PhysicalSizeYUnit": "µm"},
            )  # fmt: skip


def say(what: str, value: float, unit: str, target: str, worked: float | None = None) -> None:
    beside = "" if worked is None else f" (worked {worked:.1f} {unit})"
    print(f"{what:50s} {value:8.1f} {unit:4s}{beside:22s} target {target}", flush=True)


def memory_mb() -> float:
    """Resident memory now, where the system tells; else its peak."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def painting(viewer, view, until) -> None:
    """From the end of a stroke until the corrected numbers are drawn in the review panel."""
    from qtpy.QtWidgets import QApplication

    from spheroid_qc.gui.correct_masks import correcting_of
    from spheroid_qc.gui.open_and_save import open_panel

    open_panel(viewer, "Review")
    layer, correcting = view.layer("core"), correcting_of(viewer)
    until(lambda: layer is view.layer("core"))
    told: list[float] = []
    correcting.measured.connect(lambda *_: told.append(time.perf_counter()))
    taken = []
    middle = view.data.image.shape[1] // 2
    for stroke in range(8):
        told.clear()
        view.go_to(stroke)
        until(lambda: True)
        # What an earlier stroke has taken away is put back.
        layer.selected_label = int(view.data.core[stroke, middle, middle] == 0)
        layer.brush_size = 30
        for step in range(10):  # as the mouse moves
            layer.paint((stroke, middle, middle + 4 * step), 0)
            QApplication.processEvents()
        begun = time.perf_counter()
        # Not what was measured while the mouse still moved.
        until(
            lambda: (
                told and not (correcting._busy or correcting._dirty or correcting._rest.isActive())
            )
        )
        taken.append(1000 * (time.perf_counter() - begun))
    say("end of a stroke to its numbers, median", statistics.median(taken), "ms", "< 300 ms")
    say("end of a stroke to its numbers, longest", max(taken), "ms", "< 300 ms")


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--wells", type=int, default=96)
    arguments.add_argument("--times", type=int, default=24)
    arguments.add_argument("--side", type=int, default=1024)
    arguments.add_argument("--folder", type=Path)
    arguments.add_argument("--run-seconds", type=float, default=40.0)
    given = arguments.parse_args()
    place = given.folder or Path(tempfile.mkdtemp(prefix="spheroid_qc_gui_"))
    images = place / "plate"
    if not images.is_dir():
        write_frames(images, given.wells, given.times, given.side)

    from qtpy.QtCore import QTimer
    from qtpy.QtWidgets import QApplication

    from spheroid_qc.gui.launch import start
    from spheroid_qc.gui.open_and_save import open_images, open_panel
    from spheroid_qc.gui.run_control import control_of
    from spheroid_qc.gui.state.session import session_of
    from spheroid_qc.gui.well_view import view_of

    def until(condition, seconds: float = 120) -> float:
        begun = time.perf_counter()
        while not condition():
            QApplication.processEvents()
            if time.perf_counter() - begun > seconds:
                raise TimeoutError
            time.sleep(0.001)
        QApplication.processEvents()
        return time.perf_counter() - begun

    viewer = start(None, block=False)
    viewer.window.resize(1366, 768)
    until(lambda: True)
    session, view, control = session_of(viewer), view_of(viewer), control_of(viewer)
    bare = memory_mb()

    begun, worked = time.perf_counter(), time.process_time()
    open_images(viewer, images)
    until(lambda: view.data is not None)
    say(
        "open a plate, until its first well is shown", time.perf_counter() - begun, "s", "< 3 s",
        time.process_time() - worked,
    )  # fmt: skip
    say("memory with the plate open", memory_mb(), "MB", "< 1500 MB")
    say("  of it napari with empty panels", bare, "MB", "-")

    def stepping(what: str, steps) -> None:
        taken, worked = [], []
        for step in steps:
            begun, before = time.perf_counter(), time.process_time()
            step()
            # What the user waits for: the slice is read, sent to the canvas and drawn.
            QApplication.processEvents()
            taken.append(1000 * (time.perf_counter() - begun))
            worked.append(1000 * (time.process_time() - before))
            pause = time.perf_counter() + 0.12
            while time.perf_counter() < pause:
                QApplication.processEvents()
                time.sleep(0.002)
        say(
            f"{what}, median", statistics.median(taken), "ms", "< 100 ms", statistics.median(worked)
        )
        high, maximum = (float(np.percentile(found, 95)) for found in (taken, worked))
        say(f"{what}, 95 %", high, "ms", "< 100 ms", maximum)

    last = len(view.data.times_h) - 1
    order = [min(n, last) for n in range(1, last + 1)] + [last // 2, 0]
    stepping("step through time", [lambda n=n: view.go_to(n) for n in order])

    wells = session.opened.wells(session.plate)[1:25]

    def to_well(well: str) -> None:
        session.show(session.plate, well, 0)
        while view.data.well != well:  # then `stepping` draws it, once as for a step in time
            QApplication.processEvents()
            time.sleep(0.001)

    stepping("step through wells", [lambda well=well: to_well(well) for well in wells])
    say("memory after stepping", memory_mb(), "MB", "< 1500 MB")

    gaps: list[float] = []
    busy: list[float] = []
    beat = [time.perf_counter(), time.thread_time()]

    def tick() -> None:
        now, worked = time.perf_counter(), time.thread_time()
        gaps.append(1000 * (now - beat[0]) - GAP_MS)
        busy.append(1000 * (worked - beat[1]))
        beat[:] = [now, worked]

    open_panel(viewer, "Run")
    until(lambda: True)
    timer = QTimer()
    timer.setInterval(GAP_MS)
    timer.timeout.connect(tick)
    panel = open_panel(viewer, "Run")
    panel.start()
    until(lambda: control.live, 300)
    beat[:] = [time.perf_counter(), time.thread_time()]
    timer.start()
    end = time.perf_counter() + given.run_seconds
    done_before = control.state.done
    while time.perf_counter() < end and control.running:
        QApplication.processEvents()
        time.sleep(0.0005)
    timer.stop()
    say("frames analysed meanwhile", control.state.done - done_before, "", "-")
    say("longest the window blocked during the run", max(gaps), "ms", "< 100 ms", max(busy))
    high, maximum = (float(np.percentile(found, 99.9)) for found in (gaps, busy))
    say("  99.9 % of the time not longer than", high, "ms", "-", maximum)
    control.stop()
    until(lambda: not control.running, 60)

    def masked(well: str) -> bool:
        to_well(well)
        return view.data.analysed

    done = [well for well in session.opened.wells(session.plate)[:24] if masked(well)]
    if done:
        masked(done[0])
        stepping("step through time, with masks", [lambda n=n: view.go_to(n) for n in order])
        stepping("step through wells, with masks", [lambda w=w: to_well(w) for w in done[1:]])
        painting(viewer, view, until)
    viewer.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
