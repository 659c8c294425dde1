"""The window on a large plate: opening, stepping, and whether it ever blocks during a run.

Run on a machine with a screen, or with Xvfb:

    xvfb-run -a python benchmarks/gui.py [--wells 96] [--times 24] [--side 1024]

A plate of frames with spheroids is written first (2304 files of 1 Mpx: about 3 GB and some minutes
for the default). Prints one line a figure with its target.
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


def say(what: str, value: float, unit: str, target: str) -> None:
    print(f"{what:52s} {value:8.1f} {unit:4s} target {target}", flush=True)


def memory_mb() -> float:
    """Resident memory now, where the system tells; else its peak."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


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

    from spheroid_qc.gui.actions import open_images, open_panel
    from spheroid_qc.gui.run_control import control_of
    from spheroid_qc.gui.session import session_of
    from spheroid_qc.gui.start import start
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

    begun = time.perf_counter()
    open_images(viewer, images)
    until(lambda: view.data is not None)
    say("open a plate, until its first well is shown", time.perf_counter() - begun, "s", "< 3 s")
    say("memory with the plate open", memory_mb(), "MB", "< 1500 MB")
    say("  of it napari with empty panels", bare, "MB", "-")

    def stepping(steps) -> list[float]:
        taken = []
        for step in steps:
            begun = time.perf_counter()
            step()
            # What the user waits for: the slice is read, sent to the canvas and drawn.
            QApplication.processEvents()
            taken.append(1000 * (time.perf_counter() - begun))
            pause = time.perf_counter() + 0.12
            while time.perf_counter() < pause:
                QApplication.processEvents()
                time.sleep(0.002)
        return taken

    last = len(view.data.times_h) - 1
    order = [min(n, last) for n in range(1, last + 1)] + [last // 2, 0]
    times = stepping([lambda n=n: view.go_to(n) for n in order])
    say("step through time, median", statistics.median(times), "ms", "< 100 ms")
    say("step through time, 95 %", float(np.percentile(times, 95)), "ms", "< 100 ms")

    wells = session.opened.wells(session.plate)[1:25]

    def to_well(well: str) -> None:
        session.show(session.plate, well, 0)
        until(lambda: view.data.well == well)

    times = stepping([lambda well=well: to_well(well) for well in wells])
    say("step through wells, median", statistics.median(times), "ms", "< 100 ms")
    say("step through wells, 95 %", float(np.percentile(times, 95)), "ms", "< 100 ms")
    say("memory after stepping", memory_mb(), "MB", "< 1500 MB")

    gaps: list[float] = []
    beat = [time.perf_counter()]

    def tick() -> None:
        now = time.perf_counter()
        gaps.append(1000 * (now - beat[0]) - GAP_MS)
        beat[0] = now

    open_panel(viewer, "Run")
    until(lambda: True)
    timer = QTimer()
    timer.setInterval(GAP_MS)
    timer.timeout.connect(tick)
    panel = open_panel(viewer, "Run")
    panel.start()
    until(lambda: control.live, 300)
    beat[0] = time.perf_counter()
    timer.start()
    end = time.perf_counter() + given.run_seconds
    done_before = control.state.done
    while time.perf_counter() < end and control.running:
        QApplication.processEvents()
        time.sleep(0.0005)
    timer.stop()
    say("frames analysed meanwhile", control.state.done - done_before, "", "-")
    say("longest the window blocked during the run", max(gaps), "ms", "< 100 ms")
    say("  99.9 % of the time not longer than", float(np.percentile(gaps, 99.9)), "ms", "-")
    control.stop()
    until(lambda: not control.running, 60)
    viewer.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
