"""Learn from my corrections: computed in the background, shown before and after, kept if wanted."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from napari.utils.notifications import show_info, show_warning
from PIL import Image
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import QDialog, QDialogButtonBox, QLabel, QScrollArea, QVBoxLayout, QWidget

from spheroid_qc.errors import SpheroidQCError
from spheroid_qc.gui.background_threads import in_process, rest_timer, sentence_of
from spheroid_qc.gui.correct_masks import correcting_of
from spheroid_qc.gui.panels.base_panel import BasePanel
from spheroid_qc.gui.run_control import RunControl, control_of
from spheroid_qc.gui.state.opened_folder import signed_anew
from spheroid_qc.gui.state.session import session_of
from spheroid_qc.run.adaptation.comparison_lines import (
    NOTHING_LEARNED,
    comparison_lines,
    picture_words,
)
from spheroid_qc.run.adaptation.propose_adapter import Proposal, keep_adapter, propose
from spheroid_qc.run.chosen_adapter import kept_digest

_LOOK_MS = 200


class BeforeAndAfter(QDialog):
    """Pictures of before and after, and the question whether what was learned is kept."""

    def __init__(self, proposal: Proposal, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Learned from my corrections")
        # Its buttons are seen on a small screen too.
        self.resize(QSize(1340, 820).boundedTo(parent.window().size()))
        lines = QLabel("\n".join(comparison_lines(proposal)))
        lines.setTextFormat(Qt.TextFormat.PlainText)
        lines.setStyleSheet("font-family: monospace;")
        shown = QWidget()
        column = QVBoxLayout(shown)
        column.addWidget(lines)
        for comparison in (*proposal.corrected, *proposal.others):
            words = QLabel(picture_words(comparison))
            words.setTextFormat(Qt.TextFormat.PlainText)
            column.addWidget(words)
            picture = QLabel()
            picture.setPixmap(_pixmap(comparison.picture))
            column.addWidget(picture)
        scroll = QScrollArea()
        scroll.setWidget(shown)
        self.question = QLabel(
            "Keep it? All masks of this run are then made anew; corrected ones stay as they are."
        )
        self.buttons = QDialogButtonBox()
        keep = self.buttons.addButton("Keep", QDialogButtonBox.ButtonRole.AcceptRole)
        discard = self.buttons.addButton("Discard", QDialogButtonBox.ButtonRole.RejectRole)
        assert keep is not None
        assert discard is not None
        discard.setDefault(True)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        for widget in (scroll, self.question, self.buttons):
            layout.addWidget(widget)


def _pixmap(picture: Image.Image) -> QPixmap:
    pixels = np.ascontiguousarray(np.asarray(picture.convert("RGB")))
    height, width = pixels.shape[:2]
    image = QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
    # A copy: the image only borrows its bytes.
    return QPixmap.fromImage(image.copy())


def learn_from_corrections(viewer: Any, owner: BasePanel) -> Any:
    """Compute a proposal for the run of a viewer, show it, and keep it if the person says so.

    What comes of it stands in the owner in full, and in a notice for whoever looks elsewhere.
    Gives the thread's worker, or None where there is nothing to learn from.
    """
    session, control = session_of(viewer), control_of(viewer)
    if session.opened is None:
        return None
    # Tables that are made anew after the last strokes, and other plates, stand in nobody's way.
    if is_busy(control, session.opened.out, with_tables=False):
        sentence = "The plate is still being analysed; wait for it to end and try again."
        owner.say(sentence)
        show_info(sentence)
        return None
    owner.say("")
    # The last stroke is a correction as well.
    correcting_of(viewer).finish()

    def done(proposal: Proposal) -> None:
        if not proposal.learned.helps:
            owner.say(NOTHING_LEARNED)
            show_info(NOTHING_LEARNED)
            return
        dialog = BeforeAndAfter(proposal, owner)
        dialog.accepted.connect(lambda: keep_and_run(viewer, proposal))
        dialog.open()

    def failed(error: BaseException) -> None:
        owner.say(sentence_of(error), "warning")
        show_warning(sentence_of(error))

    return in_process(
        owner, propose, session.opened.out, done=done, failed=failed,
        desc="learning from corrections",
    )  # fmt: skip


def is_busy(control: RunControl, out: Path, *, with_tables: bool = True) -> bool:
    """Tell whether a run into a run folder is going on, one that only makes tables included."""
    job = control.current
    return job is not None and job.request.out == out and (with_tables or not job.only_tables)


def keep_and_run(viewer: Any, proposal: Proposal) -> None:
    """Keep what was learned, and make all masks of the run anew with it."""
    session, control = session_of(viewer), control_of(viewer)
    opened = session.opened
    if is_busy(control, proposal.out):
        # A run holds its folder, and what was learned is not lost to one that makes tables.
        rest_timer(control, _LOOK_MS, partial(keep_and_run, viewer, proposal)).start()
        return
    if opened is None or opened.out != proposal.out:
        show_warning("Another folder was opened meanwhile; open the run again to learn from it.")
        return
    try:
        keep_adapter(proposal)
        anew = signed_anew(opened, kept_digest(opened.run))
    except (SpheroidQCError, OSError) as error:
        show_warning(f"What was learned can't be kept. {sentence_of(error)}")
        return
    place = session.plate, session.well, session.timepoint
    session.set_opened(anew)
    control.start()
    if place[1]:
        session.show(*place)
