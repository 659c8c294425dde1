"""Pictures of the panels in use, for README and docs, from the small synthetic plate.

    xvfb-run -a -s "-screen 0 1600x1000x24" python docs/make_screenshots.py [FOLDER]

Opens napari at 1366 x 768 as `spheroid-qc gui` does, goes through the panels on a plate in FOLDER
(default: a temporary one) and writes `docs/images/gui_*.png` and `walkthrough.gif`, which shows the
same steps one after the other. A plate that has been analysed before is not analysed again, and
gives no picture of the run.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from napari._qt.dialogs.qt_notification import NapariQtNotification
from napari.settings import get_settings
from PIL import Image
from qtpy.QtWidgets import QApplication

from spheroid_qc.gui.correct_masks import correcting_of
from spheroid_qc.gui.launch import start
from spheroid_qc.gui.open_and_save import load_map, open_images, open_panel
from spheroid_qc.gui.open_sample_plate import write_sample
from spheroid_qc.gui.run_control import control_of
from spheroid_qc.gui.state.session import session_of
from spheroid_qc.gui.well_view import view_of

IMAGES = Path(__file__).resolve().parent / "images"
SIZE = (1366, 768)
FILM_SIZE = (956, 538)
FILM_MS = 2400
COLOURED = 60
"""Difference of the strongest and weakest of red, green and blue from which it is no grey."""


class Camera:
    """A viewer that is waited for and photographed."""

    def __init__(self) -> None:
        self.viewer = start(None, block=False)
        self.viewer.window.resize(*SIZE)
        self.session = session_of(self.viewer)
        self.view = view_of(self.viewer)
        self.control = control_of(self.viewer)
        self.film: list[Image.Image] = []
        self.settle()

    def settle(self, seconds: float = 0.6) -> None:
        """Let the window work for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            QApplication.processEvents()
            time.sleep(0.01)

    def until(self, condition, seconds: float = 400) -> None:
        """Let the window work until something is so."""
        end = time.monotonic() + seconds
        while not condition():
            QApplication.processEvents()
            time.sleep(0.01)
            if time.monotonic() > end:
                raise TimeoutError
        self.settle()

    def shoot(self, name: str, *, film: bool = True) -> None:
        """Write a picture of the whole window, and take it into the film."""
        self.settle()
        for notice in self.viewer.window._qt_viewer.findChildren(NapariQtNotification):
            notice.close()
        self.settle(0.3)
        pixels = self.viewer.screenshot(canvas_only=False, flash=False)
        path = IMAGES / f"gui_{name}.png"
        _few_greys(np.array(pixels[..., :3])).save(path, optimize=True)
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB", flush=True)
        if film:
            small = Image.fromarray(pixels[..., :3]).resize(FILM_SIZE, Image.Resampling.LANCZOS)
            self.film.append(_few_colours(small))

    def write_film(self) -> None:
        """Write the pictures one after the other, as an animation."""
        first, *others = self.film
        path = IMAGES / "walkthrough.gif"
        first.save(
            path, save_all=True, append_images=others, duration=FILM_MS, loop=0, optimize=True
        )
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB", flush=True)


def _few_colours(picture: Image.Image) -> Image.Image:
    """Choose greys and colours apart: the few pixels of a curve or a well would get none."""
    pixels = np.array(picture)
    coloured = np.ptp(pixels.astype(int), axis=-1) > COLOURED
    palette: list[int] = []
    for part, number in ((pixels[~coloured], 40), (pixels[coloured], 88)):
        if len(part):
            chosen = Image.fromarray(part[None]).quantize(number, dither=Image.Dither.NONE)
            palette += (chosen.getpalette() or [])[: 3 * number]
    held = Image.new("P", (1, 1))
    held.putpalette(palette)
    return picture.quantize(palette=held, dither=Image.Dither.NONE)


def _few_greys(pixels: np.ndarray) -> Image.Image:
    """Round the greys of the micrograph, whose noise would be most of the bytes; keep colours."""
    grey = np.ptp(pixels.astype(int), axis=-1) == 0
    pixels[grey] = np.clip((pixels[grey].astype(int) + 8) // 16 * 16, 0, 255)
    return Image.fromarray(pixels)


def main(folder: Path) -> None:
    """Go through the panels and photograph them."""
    images = write_sample(folder)
    results_folder = images.with_name(f"{images.name}_spheroid_qc")
    done_before = (results_folder / "wells.csv").is_file()
    if not done_before:
        shutil.rmtree(results_folder, ignore_errors=True)
    get_settings().appearance.theme = "dark"
    camera = Camera()
    viewer, session = camera.viewer, camera.session

    plate = open_panel(viewer, "Plate")
    open_images(viewer, images)
    camera.until(lambda: camera.view.data is not None)
    load_map(plate, session, images / "plate_map.csv")
    camera.until(lambda: session.plate_map is not None)
    plate.editor_fold.expand()
    plate.grid.select(["B03", "C03", "D03"])
    camera.shoot("plate")
    plate.editor_fold.collapse()

    run = open_panel(viewer, "Run")
    if not done_before:
        run.start()
        camera.until(lambda: len(camera.control.live) >= 9)
        camera.shoot("run")
        camera.until(lambda: not camera.control.running)
    camera.until(lambda: "wells" in session.tables)

    review = open_panel(viewer, "Review")
    session.show(session.plate, "B04", 3)
    camera.until(lambda: camera.view.data.well == "B04" and camera.view.layer("core") is not None)
    review.shown.setCurrentText("all frames")
    review.next()
    camera.until(lambda: camera.view.data.well == session.well)
    session.show(session.plate, "B06", 2)
    camera.until(lambda: camera.view.data.well == "B06")
    review.paint("core")
    heard: list[object] = []
    correcting_of(viewer).measured.connect(lambda *key: heard.append(key))
    layer = camera.view.layer("core")
    layer.brush_size = 22
    # A bite at the right edge of the core: whatever it looks like, something changes.
    ys, xs = np.nonzero(np.asarray(layer.data[2]))
    edge = int(np.argmax(xs))
    for step in (0, 8, 16):
        layer.paint((2, int(ys[edge]) + step - 8, int(xs[edge]) - 2), 0)
    camera.until(lambda: heard)
    camera.settle(1.0)
    camera.shoot("review")
    review.restore_button.click()
    camera.until(lambda: not camera.control.running and not camera.control._tables_due)

    results = open_panel(viewer, "Results")
    camera.settle(1.0)
    results.draw()
    camera.until(lambda: session.answer is not None)
    camera.shoot("results")
    results.what.setCurrentIndex(results.what.count() - 1)
    camera.shoot("answer")
    results.what.setCurrentIndex(0)
    pictures = open_panel(viewer, "Pictures")
    camera.until(lambda: pictures.rows)
    camera.shoot("pictures")
    if not done_before:
        camera.write_film()

    viewer.layers.clear()
    viewer.open_sample("spheroid_qc", "spheroid")
    measure = open_panel(viewer, "Segment and measure")
    measure.run_frame()
    camera.until(lambda: measure._worker is None)
    viewer.reset_view()
    camera.shoot("measure", film=False)

    get_settings().appearance.theme = "light"
    camera.settle(1.0)
    camera.shoot("measure_light", film=False)
    open_panel(viewer, "Plate")
    session.show(session.plate, "B06", 3)
    camera.until(lambda: camera.view.layer("core") is not None)
    camera.shoot("plate_light", film=False)
    results = open_panel(viewer, "Results")
    results.what.setCurrentIndex(1)
    camera.shoot("results_light", film=False)
    get_settings().appearance.theme = "dark"
    viewer.close()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as place:
            main(Path(place))
