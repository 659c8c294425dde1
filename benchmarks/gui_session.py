"""How long the window ever stands still in a whole session, step by step, and in which function.

    xvfb-run -a -s "-screen 0 1366x768x24" python benchmarks/gui_session.py [--sessions 3]

Each session is a process of its own: open the sample plate (18 wells, 4 times, 512 px) with its
map, look at wells, run it, review, correct, results, pictures, export, another theme; every step by
a click on what a person would click. A timer of 10 ms ticks in Qt's loop; what it is late by is how
long the window stood still. Beside the wall stands the processor time of the whole process and that
of the window's thread in that while: on a machine that others use as well the wall says little, and
on an idle one the window would have stood still for no longer than the process worked. A second
thread looks at the stacks while the timer is late, so that every block has a name. Printed are the
medians over the sessions of the longest block of each step, the load of the machine, and the blocks
above 100 ms with their causes. `--wells 96 --times 8` writes a larger plate instead of the sample.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

TICK_MS = 10
LATE_MS = 60
BLOCK_MS = 100


class Watch:
    """Blocks of the window's loop: step, milliseconds, processor time of the thread, stacks."""

    def __init__(self) -> None:
        from qtpy.QtCore import QTimer

        self.step = ""
        self.blocks: list[dict[str, Any]] = []
        self.steps: list[str] = []
        self._beat, self._worked = time.perf_counter(), time.thread_time()
        self._process = time.process_time()
        self._seen: list[str] = []
        self._others: list[str] = []
        self._window = threading.get_ident()
        self._timer = QTimer()
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)
        self._timer.start()
        threading.Thread(target=self._look, daemon=True).start()

    def begin(self, step: str) -> None:
        self.step = step
        self.steps.append(step)

    def _tick(self) -> None:
        now, worked, process = time.perf_counter(), time.thread_time(), time.process_time()
        late = 1000 * (now - self._beat) - TICK_MS
        busy, all_threads = 1000 * (worked - self._worked), 1000 * (process - self._process)
        if late > LATE_MS:
            # Where the window's thread did not work another one held the interpreter.
            seen = self._seen if busy > all_threads / 2 else self._others
            self.blocks.append(
                {"step": self.step, "ms": late, "worked": busy, "cpu": min(late, all_threads),
                 "in": seen}
            )  # fmt: skip
        self._beat, self._worked, self._process = now, worked, process
        self._seen, self._others = [], []

    def _look(self) -> None:
        while True:
            time.sleep(0.01)
            if 1000 * (time.perf_counter() - self._beat) - TICK_MS > LATE_MS / 3:
                frames = sys._current_frames()
                self._seen.append(_lines(frames.pop(self._window, None)))
                frames.pop(threading.get_ident(), None)
                self._others += [_lines(frame) for frame in frames.values()]


def _lines(frame: Any) -> str:
    names = []
    while frame is not None:
        place = "/".join(frame.f_code.co_filename.split("/")[-3:])
        names.append(f"{place}:{frame.f_lineno} {frame.f_code.co_name}")
        frame = frame.f_back
    return "\n".join(names)


def session(place: Path, wells: int, times: int) -> dict[str, Any]:
    """Go through everything once; gives the blocks."""
    import numpy as np
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest
    from qtpy.QtWidgets import QApplication

    from spheroid_qc.gui.correct_masks import correcting_of
    from spheroid_qc.gui.launch import start
    from spheroid_qc.gui.open_and_save import load_map, open_images, open_panel
    from spheroid_qc.gui.open_sample_plate import write_sample
    from spheroid_qc.gui.run_control import control_of
    from spheroid_qc.gui.state.session import session_of
    from spheroid_qc.gui.well_view import view_of

    if wells:
        from benchmarks.gui import write_frames

        images = place / "plate"
        write_frames(images, wells, times, 512)
        lines = ["well,drug,dose,unit,role"]
        for n in range(wells):
            well = f"{'ABCDEFGH'[n // 12]}{n % 12 + 1:02d}"
            lines.append(
                f"{well},,,,vehicle" if n % 12 < 2 else f"{well},selinexor,{n % 12},uM,treated"
            )
        map_path = place / "map.csv"
        map_path.write_text("\n".join(lines) + "\n")
    else:
        images = write_sample(place)
        map_path = images / "plate_map.csv"

    def settle(seconds: float = 0.5) -> None:
        until(lambda: False, seconds, must=False)

    def until(condition: Any, seconds: float = 900, *, must: bool = True) -> None:
        end = time.perf_counter() + seconds
        while not condition():
            QApplication.processEvents()
            time.sleep(0.001)
            if time.perf_counter() > end:
                if must:
                    raise TimeoutError(watch.step)
                return

    def click(button: Any) -> None:
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)

    viewer = start(None, block=False)
    viewer.window.resize(1366, 768)
    watch = Watch()
    session, view, control = session_of(viewer), view_of(viewer), control_of(viewer)
    watch.begin("window shown")
    settle(1.5)

    watch.begin("open a folder")
    open_images(viewer, images)
    until(lambda: view.data is not None)
    settle(1.0)
    plate = open_panel(viewer, "Plate")
    watch.begin("load the map")
    load_map(plate, session, map_path)
    until(lambda: session.plate_map is not None)
    settle()
    watch.begin("look at wells")
    for well in session.opened.wells(session.plate)[:6]:
        box = plate.grid.box_of(well).center().toPoint()
        QTest.mouseClick(plate.grid, Qt.MouseButton.LeftButton, pos=box)
        settle(0.3)
    watch.begin("fill in the map")
    plate.editor_fold.expand()
    settle()
    plate.grid.select(list(session.opened.wells(session.plate)[:3]))
    settle()
    plate.editor_fold.collapse()

    watch.begin("next: run")
    click(plate.next_button)
    settle()
    run = open_panel(viewer, "Run")
    watch.begin("run, until the first outlines")
    click(run.start_button)
    until(lambda: view.data is not None and view.data.analysed)
    settle(1.0)
    watch.begin("run, to its end")
    until(lambda: not control.running)
    watch.begin("tables and answer")
    until(lambda: "wells" in session.tables and session.answer is not None)
    settle(1.5)

    watch.begin("next: review")
    click(run.next_button)
    settle()
    review = open_panel(viewer, "Review")
    review.shown.setCurrentText("all frames")
    settle()
    watch.begin("step through the queue")
    for _ in range(8):
        click(review.next_button)
        settle(0.4)
    watch.begin("accept and exclude")
    click(review.accept_button)
    settle()
    review.reason.setCurrentText("air bubble")
    click(review.exclude_button)
    settle()
    watch.begin("paint")
    until(lambda: view.data is not None and view.data.analysed)
    click(review.core_button)
    settle()
    heard: list[Any] = []
    correcting_of(viewer).measured.connect(lambda *key: heard.append(key))
    layer, now = view.layer("core"), view.timepoint
    layer.brush_size = 22
    middle = view.data.image.shape[1] // 2
    hole = int(np.asarray(layer.data[now])[middle, middle] == 0)
    layer.selected_label = hole
    for step in range(10):
        layer.paint((now, middle, middle + 4 * step), hole)
        QApplication.processEvents()
    until(lambda: bool(heard), 20)
    settle(1.0)

    watch.begin("results, tables made anew")
    results = open_panel(viewer, "Results")
    settle(1.0)
    until(lambda: not control.pending and not control.running)
    until(lambda: session.answer is not None)
    settle(1.5)
    watch.begin("results, its tabs")
    for tab in (1, 2, 3, 4, 0):
        bar = results.what.tabBar()
        QTest.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.tabRect(tab).center())
        settle()
    watch.begin("another metric and ticks")
    results.metric.setCurrentIndex(1)
    settle()
    if results.ticks.count() > 1:
        item = results.ticks.item(1)
        flipped = Qt.CheckState.Unchecked if item.checkState() else Qt.CheckState.Checked
        item.setCheckState(flipped)
        settle()
    watch.begin("pictures")
    pictures = open_panel(viewer, "Pictures")
    until(lambda: bool(pictures.rows))
    settle(1.0)
    pictures.what.setCurrentIndex(1)
    settle(2.0)
    watch.begin("save a figure and the pictures")
    open_panel(viewer, "Results")
    settle()
    results.save_figure(place / "figure.png")
    settle()
    pictures.save(place / "pictures.png")
    settle()
    watch.begin("export everything")
    results.export(place / "exported")
    until(lambda: "files are in" in results.state.text())
    settle()
    watch.begin("another theme")
    from napari.settings import get_settings

    get_settings().appearance.theme = "light"
    settle(1.5)
    watch.begin("the window is made larger")
    viewer.window.resize(1600, 1000)
    settle(1.5)
    watch.begin("the end")
    get_settings().appearance.theme = "dark"
    viewer.close()
    return {"steps": watch.steps, "blocks": watch.blocks, "load": os.getloadavg()[0]}


def cause(block: dict[str, Any], depth: int = 5) -> str:
    """Give the innermost lines of ours or of napari that most of the looks found."""
    looks = [look.split("\n") for look in block["in"]]
    if not looks:
        return "(no look: the interpreter itself was held)"
    ours = Counter()
    for look in looks:
        lines = [line for line in look if "gui_session.py" not in line]
        if not lines or any(name in lines[0] for name in ("threading.py", "thread.py")):
            continue  # a thread that waits
        mine = [line for line in lines if "spheroid_qc" in line or "/gui/" in line]
        ours[" < ".join([*lines[:depth], *(["…", *mine[:3]] if mine else [])])] += 1
    return "; ".join(f"{count}x {what}" for what, count in ours.most_common(3))


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--sessions", type=int, default=3)
    arguments.add_argument("--wells", type=int, default=0)
    arguments.add_argument("--times", type=int, default=8)
    arguments.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    arguments.add_argument("--keep", type=Path, help="file for all blocks with their stacks (JSON)")
    given = arguments.parse_args()
    if given.one is not None:
        with tempfile.TemporaryDirectory() as place:
            os.environ["NAPARI_CONFIG"] = str(Path(place) / "napari" / "settings.yaml")
            found = session(Path(place), given.wells, given.times)
        given.one.write_text(json.dumps(found))
        return 0
    everything = []
    with tempfile.TemporaryDirectory() as place:
        for n in range(given.sessions):
            told = Path(place) / f"{n}.json"
            command = [sys.executable, str(Path(__file__).resolve()), "--one", str(told)]
            size = ["--wells", str(given.wells), "--times", str(given.times)]
            subprocess.run([*command, *size], check=True)
            everything.append(json.loads(told.read_text()))
    loads = ", ".join(f"{one['load']:.1f}" for one in everything)
    print(f"{len(everything)} sessions; load of the machine at their ends: {loads}")
    print(
        f"{'longest block of each step, medians':40s} {'wall':>8s} {'process':>8s} {'window':>8s}"
    )
    for step in everything[0]["steps"]:
        found = []
        for name in ("ms", "cpu", "worked"):
            longest = [
                max((b[name] for b in one["blocks"] if b["step"] == step), default=0.0)
                for one in everything
            ]
            found.append(statistics.median(longest))
        print(f"{step:40s} " + " ".join(f"{value:5.0f} ms" for value in found))
    for n, one in enumerate(everything):
        for block in sorted(one["blocks"], key=lambda block: -block["cpu"]):
            if block["cpu"] > BLOCK_MS:
                print(
                    f"\nsession {n}, {block['step']}: {block['ms']:.0f} ms (process "
                    f"{block['cpu']:.0f}, window {block['worked']:.0f}): {cause(block)}"
                )
    if given.keep is not None:
        given.keep.write_text(json.dumps(everything))
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    sys.exit(main())
