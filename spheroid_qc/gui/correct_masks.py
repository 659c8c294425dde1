"""Corrections as they are painted: measured anew and kept right after every stroke.

Works for every panel of a viewer, also when none is open. What is painted is measured in a
thread and written beside the automatic masks at once, so that a crash loses at most the stroke in
progress. Masks that are painted back to the automatic ones are no correction any more.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from napari.utils.notifications import show_error
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, QObject, Signal

from spheroid_qc.errors import ImageError
from spheroid_qc.gui.background_threads import alive, in_background, rest_timer, sentence_of
from spheroid_qc.gui.state.opened_folder import Opened
from spheroid_qc.gui.state.session import Session, session_of
from spheroid_qc.gui.state.well_data import WellData
from spheroid_qc.gui.well_view import view_of
from spheroid_qc.run.store.corrected_masks import (
    Correction,
    measure_masks,
    remove_correction,
    store_correction,
)
from spheroid_qc.run.store.mask_files import read_masks
from spheroid_qc.run.well.load_images import FieldImage

_REST_MS = 60


@dataclass(frozen=True)
class _CorrectionJob:
    """Masks of one frame as they were painted, ready for a thread; numbered as they come."""

    number: int
    opened: Opened
    data: WellData
    timepoint: int
    core: NDArray[Any]
    shed: NDArray[Any]
    user: str


class Correcting(QObject):
    """Measures and keeps what is painted.

    `measured` (plate, well, time point): the frame was measured from its painted masks;
    `result_of` gives the features.
    """

    measured = Signal(str, str, int)

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer.window._qt_window)
        self.view = view_of(viewer)
        self.session: Session = session_of(viewer)
        self._results: dict[tuple[str, str, int], dict[str, Any]] = {}
        # What was kept last of each frame, so that a stroke that is undone is noticed.
        self._seen: dict[tuple[str, str, int], bytes] = {}
        self._dirty: dict[int, WellData] = {}
        self._writes: dict[tuple[int, int], tuple[int, int]] = {}
        # What threads are at work on, and the newest that was written of each frame.
        self._under_way: list[_CorrectionJob] = []
        self._written = _Written()
        self._strokes = itertools.count()
        self._field = 0
        self._picture: tuple[int, int, FieldImage] | None = None
        self._rest = rest_timer(self, _REST_MS, self._begin)
        self.view.painted.connect(self._on_painted)
        self.view.shown.connect(self._on_shown)
        self.session.opened_changed.connect(self._forget, check_nargs=False)
        viewer.window._qt_window.installEventFilter(self)

    def result_of(self, plate: str, well: str, timepoint: int) -> dict[str, Any] | None:
        """Features of a frame as it now counts: painted ones, else those of the record."""
        found = self._results.get((plate, well, timepoint))
        data = self.view.data
        if found is None and data is not None and (data.plate, data.well) == (plate, well):
            found = data.results[timepoint] if timepoint < len(data.results) else None
        return found

    def is_corrected(self, plate: str, well: str, timepoint: int) -> bool:
        """Tell whether a frame counts with masks that were painted."""
        result = self.result_of(plate, well, timepoint)
        return result is not None and result.get("method") == "corrected"

    def take_back(self, plate: str, well: str, timepoint: int) -> None:
        """Go back to the automatic masks of any frame; `OSError` if it can't be written."""
        data, opened = self.view.data, self.session.opened
        correction = self.session.corrections.get((plate, well, timepoint))
        if data is not None and (data.plate, data.well) == (plate, well):
            self.restore(timepoint)
        elif opened is not None and correction is not None:
            remove_correction(opened.run, correction.mask)
            self._results.pop((plate, well, timepoint), None)
            self._seen.pop((plate, well, timepoint), None)
            self.session.note_correction(plate, well, timepoint, None)
            self.session.tables_wanted.emit()

    def restore(self, timepoint: int | None = None) -> None:
        """Paint the automatic masks of a frame of the shown well; default: of the shown frame."""
        data = self.view.data
        now = self.view.timepoint if timepoint is None else timepoint
        if data is None or data.core is None or data.shed is None or self.session.opened is None:
            return
        automatic = data.automatic[now]
        if automatic is None or not automatic["mask"]:
            return
        try:
            core, shed = read_masks(
                self.session.opened.run.mask(automatic["mask"]),
                self.session.opened.parameters.images.max_megapixels,
                automatic["shape"],
            )
        except ImageError as error:
            show_error(str(error))
            return
        data.core.set_frame(now, core)
        data.shed.set_frame(now, shed)
        for name in ("core", "shed"):
            layer = self.view.layer(name)
            if layer is not None:
                layer.refresh()
        self._on_painted("core")

    def finish(self) -> None:
        """Keep what is painted right now, without a thread; the window is about to close.

        What a thread is at work on too: a thread that is ended with its window writes nothing.
        """
        self._rest.stop()
        for job in [*self._under_way, *self._jobs()]:
            try:
                self._written.keep(job, _measure(job, None)[0])
            except Exception as error:
                show_error(f"The last correction could not be kept: {sentence_of(error)}")

    # painting

    def _on_painted(self, name: str) -> None:
        data = self.view.data
        if data is None or data.core is None or data.shed is None:
            return
        # The layer tells of every refresh, and of a stroke before its pixels are written: whether
        # anything is different, in whichever frame, is seen when the brush has come to rest.
        self._dirty[id(data)] = data
        self._rest.start()

    def _on_shown(self) -> None:
        data = self.view.data
        if data is not None and data.field != self._field:
            self._field = data.field
            self._results.clear()
            self._seen.clear()
        # Counts belong to arrays that may be gone by now; what was kept is known by its digest.
        self._writes.clear()
        self._picture = None
        self._read_picture()

    def _read_picture(self) -> None:
        """Have the picture at hand before the first stroke."""
        data, now = self.view.data, self.view.timepoint
        if data is None or not data.analysed:
            return
        key = (id(data), now)
        if self._picture is not None and self._picture[:2] == key:
            return

        def done(image: FieldImage | None) -> None:
            if image is not None:
                self._picture = (*key, image)

        in_background(self, _warm, data, now, done=done, failed=lambda _: None)

    def _jobs(self) -> list[_CorrectionJob]:
        opened = self.session.opened
        dirty, self._dirty = self._dirty, {}
        jobs = []
        for data in dirty.values():
            if data.core is None or data.shed is None or opened is None:
                continue
            core_writes, shed_writes = data.core.writes(), data.shed.writes()
            for n in sorted({*core_writes, *shed_writes}):
                known, key = data.automatic[n], (data.plate, data.well, n)
                writes = (core_writes.get(n, 0), shed_writes.get(n, 0))
                if self._writes.get((id(data), n)) == writes or known is None or not known["mask"]:
                    continue
                self._writes[id(data), n] = writes
                core, shed = data.core.frame(n).copy(), data.shed.frame(n).copy()
                before = self._seen.get(key)
                if before is None:
                    before = _digest(data.core.original(n), data.shed.original(n))
                after = _digest(core, shed)
                if after != before:
                    self._seen[key] = after
                    number, user = next(self._strokes), self.session.user
                    jobs.append(_CorrectionJob(number, opened, data, n, core, shed, user))
        return jobs

    def _begin(self) -> None:
        if self._under_way:
            self._rest.start()
            return
        jobs = self._jobs()
        if jobs:
            self._work(jobs)

    def _work(self, jobs: list[_CorrectionJob]) -> None:
        self._under_way = jobs
        job, *rest = jobs
        key = (job.data.plate, job.data.well, job.timepoint)

        def measured(found: tuple[dict[str, Any], tuple[int, int, FieldImage]]) -> None:
            result, self._picture = found
            self._results[key] = result
            self.measured.emit(*key)
            in_background(
                self, self._written.keep, job, result, done=kept, failed=failed, finished=go_on
            )

        def kept(stored: bool) -> None:
            automatic = job.data.automatic[job.timepoint]
            assert automatic is not None
            if not stored:
                self._results[key] = automatic
                self.measured.emit(*key)
            now = datetime.now(UTC).isoformat(timespec="seconds")
            made = Correction(str(automatic["mask"]), job.user, now) if stored else None
            self.session.note_correction(*key, made)
            self.session.tables_wanted.emit()

        def failed(error: BaseException) -> None:
            show_error(f"The correction could not be kept: {sentence_of(error)}")

        def not_measured(error: BaseException) -> None:
            failed(error)
            go_on()

        def go_on() -> None:
            if rest:
                self._work(rest)
            else:
                self._under_way = []

        in_background(self, _measure, job, self._picture, done=measured, failed=not_measured)

    def _forget(self) -> None:
        if alive(self):
            self._results.clear()
            self._seen.clear()
            self._writes.clear()
            self._picture = None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: D102
        if event.type() == QEvent.Type.Close:
            self.finish()
        return False


def _digest(core: NDArray[Any], shed: NDArray[Any]) -> bytes:
    digest = blake2b(np.ascontiguousarray(core).data, digest_size=16)
    digest.update(np.ascontiguousarray(shed).data)
    return digest.digest()


def _warm(data: WellData, timepoint: int) -> FieldImage | None:
    """Read the picture, and load the libraries that measuring takes; in a thread."""
    import skimage.measure  # noqa: F401

    import spheroid_qc.measurement.metric_registry
    import spheroid_qc.measurement.quality_features  # noqa: F401

    return data.load(timepoint)


def _measure(
    job: _CorrectionJob, picture: tuple[int, int, FieldImage] | None
) -> tuple[dict[str, Any], tuple[int, int, FieldImage]]:
    """Measure the painted masks; in a thread."""
    key = (id(job.data), job.timepoint)
    image = picture[2] if picture is not None and picture[:2] == key else None
    if image is None:
        image = job.data.load(job.timepoint)
    automatic = job.data.automatic[job.timepoint]
    if image is None or automatic is None:
        raise ImageError(
            f"The image of {job.data.well} can't be read any more, so its correction was not kept; "
            "bring the file back and paint once more."
        )
    shape = image.pixels.shape
    core, shed = job.core[: shape[0], : shape[1]], job.shed[: shape[0], : shape[1]]
    result = measure_masks(automatic, core, shed, image, job.opened.parameters)
    return result, (*key, image)


class _Written:
    """Keeps corrections in the order of their strokes, whichever thread comes first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: dict[tuple[Path, str], int] = {}

    def keep(self, job: _CorrectionJob, result: dict[str, Any]) -> bool:
        """Write a correction unless a newer one of its frame is written; see `_keep`."""
        automatic = job.data.automatic[job.timepoint]
        assert automatic is not None
        key = job.opened.out, str(automatic["mask"])
        with self._lock:
            if self._newest.get(key, -1) > job.number:
                return True
            self._newest[key] = job.number
            return _keep(job, result)


def _keep(job: _CorrectionJob, result: dict[str, Any]) -> bool:
    """Write the correction, or take it away where the masks are the automatic ones again.

    Tells whether there is a correction now.
    """
    run = job.opened.run
    automatic = job.data.automatic[job.timepoint]
    assert automatic is not None
    y, x = automatic["shape"][:2]
    core, shed = job.core[:y, :x], job.shed[:y, :x]
    old_core, old_shed = read_masks(
        run.mask(automatic["mask"]), job.opened.parameters.images.max_megapixels
    )
    if np.array_equal(core, old_core) and np.array_equal(shed != 0, old_shed):
        remove_correction(run, automatic["mask"])
        return False
    now = datetime.now(UTC).isoformat(timespec="seconds")
    store_correction(
        run, result, core, shed, automatic["pixel_size_um"], job.opened.parameters,
        by=job.user, at=now,
    )  # fmt: skip
    return True


_CORRECTING: weakref.WeakKeyDictionary[Any, Correcting] = weakref.WeakKeyDictionary()


def correcting_of(viewer: Any) -> Correcting:
    """Give what keeps the corrections of a viewer; all its panels share it."""
    viewer = getattr(viewer, "__wrapped__", viewer)
    if viewer not in _CORRECTING or not alive(_CORRECTING[viewer]):
        _CORRECTING[viewer] = Correcting(viewer)
    return _CORRECTING[viewer]
