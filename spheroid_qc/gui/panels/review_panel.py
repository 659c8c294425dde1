"""Panel 3: doubtful frames, one after the other: look, correct, accept, exclude."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import napari.viewer
import numpy as np
from napari.utils.notifications import show_info
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QLabel,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from spheroid_qc.errors import SpheroidQCError
from spheroid_qc.gui.background_threads import alive, in_background, rest_timer, sentence_of
from spheroid_qc.gui.correct_masks import correcting_of
from spheroid_qc.gui.learn_from_corrections import learn_from_corrections
from spheroid_qc.gui.open_and_save import open_panel
from spheroid_qc.gui.panels.base_panel import (
    BasePanel,
    Fold,
    WrappedLabel,
    beside,
    button,
    element,
    flow,
    heading,
    hint,
    long_choice,
    set_primary,
    show_hint,
)
from spheroid_qc.gui.panels.decision_list import CORRECTED, DecisionList, decision_of
from spheroid_qc.gui.panels.name_and_review_tables import QueueTable, who_and_when
from spheroid_qc.gui.run_control import control_of
from spheroid_qc.gui.state.review_place import ReviewPlace, keep_place, read_place
from spheroid_qc.gui.state.review_queue import SHOWN, Entry, queue_of
from spheroid_qc.gui.well_view import view_of
from spheroid_qc.wording import interval
from spheroid_qc.workflow.background_process import Ended

_PLACE_MS = 300
"""The place is kept once a person has come to rest on a frame."""

REASONS = (
    "out of focus", "dust or fibre on the spheroid", "air bubble", "several spheroids",
    "spheroid partly out of view", "pipetting mistake", "no spheroid was seeded",
)  # fmt: skip
REASON_OF_FLAG = {
    "out_of_focus": "out of focus",
    "annotation_overlap": "writing on the spheroid",
    "several_spheroids": "several spheroids",
    "touches_border": "spheroid partly out of view",
    "never_formed": "no spheroid was seeded",
    "no_spheroid": "no spheroid in the picture",
    "vanished": "spheroid washed away",
    "blank_image": "no picture of a well",
    "unreadable": "the file can't be read",
    "low_contrast": "too little contrast",
    "saturated": "overexposed",
}
"""What a flag suggests as the reason of an exclusion; other flags suggest none."""

_FEATURES = (
    ("Core area", "core_area_um2", "µm²"), ("Core area", "core_area_px", "px"),
    ("Total area", "total_area_um2", "µm²"), ("Total area", "total_area_px", "px"),
    ("Disintegration fraction", "disintegration_fraction", ""),
    ("Disintegration index", "disintegration_index", ""),
)  # fmt: skip
_KEYS = (
    ("N", "next doubtful frame"),
    ("Shift+N", "previous one"),
    ("A", "accept the frame and go on"),
    ("Q", "exclude it for the chosen reason and go on"),
    ("U", "take the decision back"),
    ("S", "paint core or shed material, in turn"),
    ("P, E, F, 3", "brush, eraser, bucket, polygon (napari)"),
    ("[ and ]", "smaller and larger brush (napari)"),
    ("Ctrl+Z, Ctrl+Shift+Z", "undo, redo strokes (napari)"),
    ("V", "hide and show the outline (napari)"),
)


class ReviewPanel(BasePanel):
    """Go through doubtful frames and decide."""

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__(viewer)
        self.view = view_of(self.viewer)
        self.control = control_of(self.viewer)
        self.correcting = correcting_of(self.viewer)
        self._reason_of: Any = None
        self._later = rest_timer(self, 50, self.refresh)
        self._placed: Path | None = None
        self._resume: tuple[str, str, int] | None = None
        self._keep = rest_timer(self, _PLACE_MS, self._keep_place)
        self.empty = hint("Analyse a plate first (Run panel); its doubtful frames come here.")
        self.results_button = button("Next: results", lambda: open_panel(self.viewer, "Results"))
        keys = hint("\n".join(f"{key}   {what}" for key, what in _KEYS))
        self.body = [
            *self._build_queue(),
            *self._build_decision(),
            *self._build_painting(),
            self._build_decided(),
            Fold("Keyboard", keys),
            self.decisions,
        ]
        self.add(self.empty, *self.body[:-1])
        self.add_foot(self.decisions)
        self._connect()
        self._bind_keys()
        self.refresh()

    def _build_queue(self) -> list[QWidget]:
        self.shown = long_choice()
        self.shown.addItems(list(SHOWN))
        self.shown.setToolTip(
            "Doubtful: frames with a warning or an excluding flag in the picture, the most "
            "suspicious first (2 points a flag that excludes, 1 a warning, what is missing to full "
            "confidence, and how far the frame stands apart from its neighbours in time and from "
            "the other wells of its condition)."
        )
        self.blanks = QCheckBox("blank wells too")
        self.blanks.setToolTip("Wells without cells have nothing to be reviewed, mostly.")
        self.count = QLabel()
        self.queue = QueueTable()
        self.resume = hint()
        return [
            beside(QLabel("Show"), self.shown),
            beside(self.blanks, 1, self.count),
            self.resume,
            self.queue,
        ]

    def _build_decision(self) -> list[QWidget]:
        self.title = heading("")
        self.title.setWordWrap(True)
        self.details = hint()
        self.features = WrappedLabel()
        self.features.setTextFormat(Qt.TextFormat.RichText)
        self.whole = QCheckBox("whole well")
        self.whole.setToolTip("Exclude or accept the well at all times.")
        self.previous_button = button("◀ Back", self.previous, "Shift+N")
        self.next_button = button("Next ▶ (N)", self.next, "The next frame to be decided on: N")
        self.reason = long_choice(10)
        self.reason.setEditable(True)
        self.reason.addItems(list(REASONS))
        self.reason.lineEdit().setPlaceholderText("why? choose, or write your own")
        self.reason.setCurrentText("")
        self.reason.setToolTip(
            "Why it is excluded. What a flag found is suggested; choose another, or write your own."
        )
        self.accept_button = button(
            "Accept (A)", self.accept,
            "A: I looked at it and it is fine. A frame that a flag left out counts again.",
            primary=True,
        )  # fmt: skip
        self.exclude_button = button(
            "Exclude (Q)", self.exclude, "Q: leave it out of every result."
        )
        self.open_button = button("Take back (U)", self.undecide, "U: take the decision back.")
        # In the foot nothing above moves them: one clicks through a queue without looking.
        self.decisions = QWidget()
        column = QVBoxLayout(self.decisions)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        for row in (
            beside(QLabel("Reason"), self.reason),
            beside(self.accept_button, self.exclude_button, self.open_button, 1, spacing=4),
            beside(self.previous_button, self.next_button, self.whole, 1, self.results_button,
                   spacing=4),
        ):  # fmt: skip
            column.addWidget(row)
        return [self.title, self.details, self.features]

    def _build_decided(self) -> QWidget:
        """List who decided what, each with a button that takes it back."""
        self.decided = DecisionList()
        self.decided.itemDoubleClicked.connect(self._on_decided_clicked)
        self.revert_button = button(
            "Take the chosen decisions back", self.revert_chosen,
            "The frames count again as the flags have them, with their automatic masks. A double "
            "click shows the frame.",
        )  # fmt: skip
        self.decided_fold = Fold("Decisions so far", self.decided, flow(self.revert_button))
        return self.decided_fold

    def _build_painting(self) -> list[QWidget]:
        self.core_button = button("Paint core", lambda: self.paint("core"), "S, then P")
        self.shed_button = button("Paint shed", lambda: self.paint("shed"), "S, then P")
        self.erase_button = button("Erase", self.erase, "E")
        self.polygon_button = button("Polygon", lambda: self.paint(None, "polygon"), "3")
        self.fill_button = button("Fill", lambda: self.paint(None, "fill"), "F")
        self.restore_button = button(
            "Back to automatic masks",
            lambda: self.correcting.restore(),
            "Take all corrections of the frame back.",
        )
        self.learn_button = button(
            "Learn from my corrections",
            self.learn,
            "From three or more corrected frames the network learns this microscope. Before and "
            "after are shown, and nothing is kept unless you say so.",
        )
        self.state = hint()
        return [
            heading("Correct the masks"),
            flow(self.core_button, self.shed_button, self.erase_button, self.fill_button,
                 self.polygon_button, spacing=3),
            flow(self.restore_button, self.learn_button),
            self.state,
        ]  # fmt: skip

    def _connect(self) -> None:
        session = self.session
        self.shown.currentIndexChanged.connect(self.refresh)
        self.blanks.toggled.connect(self.refresh)
        self.queue.clicked.connect(lambda index: self.go_to(index.row()))
        self.listen(session.opened_changed, to=self.refresh)
        self.listen(session.tables_changed, to=self.refresh, in_turn=True)
        self.listen(session.decisions_changed, to=self._soon)
        self.listen(session.correction_changed, to=self._on_corrected)
        self.listen(session.shown_changed, to=self._on_frame)
        self.listen(session.run_started, session.run_ended, to=self._on_run)
        self.reason.currentTextChanged.connect(self._answered)
        self.view.shown.connect(self._on_frame)
        self.view.stepped.connect(self._on_frame)
        self.correcting.measured.connect(lambda *_: self._write_features())

    def _bind_keys(self) -> None:
        for key, action in (
            ("n", self.next), ("Shift-n", self.previous), ("a", self.accept), ("q", self.exclude),
            ("u", self.undecide), ("s", self.swap),
        ):  # fmt: skip

            def press(_: Any, action: Any = action) -> None:
                if alive(self) and self.queue.entries:
                    action()

            self.viewer.bind_key(key, press, overwrite=True)

    # the queue

    @property
    def entry(self) -> Entry | None:
        """The frame that is looked at, if it is in the queue."""
        key = (self.session.plate, self.session.well, self.session.timepoint)
        return next((entry for entry in self.queue.entries if entry.key == key), None)

    def refresh(self, *_: Any) -> None:
        """Queue the frames anew."""
        opened, tables = self.session.opened, self.session.tables
        known = opened is not None and "wells" in tables and "qc" in tables
        self.empty.setVisible(not known)
        for widget in self.body:
            widget.setVisible(known)
        if not known:
            self.queue.show_queue([])
            return
        assert opened is not None
        times = {plate: opened.times(plate) for plate in opened.plates}
        self._take_place(opened.out)
        entries = queue_of(
            tables["wells"], tables["qc"], times,
            lambda *place: self.session.decision(*place)[0],
            lambda *key: key in self.session.corrections,
            self.shown.currentText(), blanks=self.blanks.isChecked(),
        )  # fmt: skip
        self.queue.show_queue(entries)
        self._list_decisions()
        self._say_place()
        left = sum(not entry.done for entry in entries)
        self.count.setText(f"{left} of {len(entries)} to do" if entries else "nothing to do")
        # It stands alone at the right: that it gets larger moves no other button.
        set_primary(self.results_button, not left)
        # As large without its colour, so that the others stay where they are.
        self.accept_button.setMinimumSize(self.accept_button.sizeHint())
        set_primary(self.accept_button, bool(left))
        self._on_frame()

    def _take_place(self, out: Path) -> None:
        """Take up the list and the frame that the last session ended with, once a run folder."""
        if self._placed == out:
            return
        self._placed, self._resume = out, None
        show_hint(self.state, "")
        place = read_place(out)
        if place is not None and place.shown in SHOWN:
            for box in (self.shown, self.blanks):
                box.blockSignals(True)
            self.shown.setCurrentText(place.shown)
            self.blanks.setChecked(place.blanks)
            for box in (self.shown, self.blanks):
                box.blockSignals(False)
            self._resume = place.key

    def _say_place(self) -> None:
        """Say where the last session ended, until somebody goes on."""
        place = next((e for e in self.queue.entries if e.key == self._resume), None)
        if place is None:
            self._resume = None
        show_hint(
            self.resume,
            "" if place is None else
            f"Last time you came to {place.well} at {place.time_h:g} h: Next goes on there.",
        )  # fmt: skip

    def _keep_place(self) -> None:
        opened, entry = self.session.opened, self.entry
        if opened is not None and entry is not None:
            place = ReviewPlace(
                shown=self.shown.currentText(), blanks=self.blanks.isChecked(), plate=entry.plate,
                well=entry.well, timepoint=entry.timepoint,
            )  # fmt: skip
            in_background(self, keep_place, opened.out, place)

    def go_to(self, number: int) -> None:
        """Show a frame of the queue."""
        if 0 <= number < len(self.queue.entries):
            entry = self.queue.entries[number]
            self._resume = None
            self._say_place()
            self._keep.start()
            data = self.view.data
            same = data is not None and (data.plate, data.well) == (entry.plate, entry.well)
            if same:
                self.view.go_to(entry.timepoint)
                self.session.now_shown(*entry.key)
            else:
                self.session.show(*entry.key)
            self._on_frame()

    def next(self) -> None:
        """Go to the next frame that nobody has decided on."""
        self._step(1)

    def previous(self) -> None:
        """Go to the frame before."""
        self._step(-1)

    def _step(self, step: int) -> None:
        entries = self.queue.entries
        here = self.entry
        last = next((n for n, entry in enumerate(entries) if entry.key == self._resume), None)
        if last is not None and step > 0:
            self.go_to(last)
            return
        at = entries.index(here) if here is not None else (-1 if step > 0 else len(entries))
        order = range(at + step, len(entries) if step > 0 else -1, step)
        for number in order:
            if step < 0 or not entries[number].done:
                self.go_to(number)
                return
        if step > 0:
            left = [n for n, entry in enumerate(entries) if not entry.done and entry is not here]
            if left:
                self.go_to(left[0])
            elif entries:
                show_info("All frames of this list are decided.")

    # decisions

    def _list_decisions(self) -> None:
        count = self.decided.show_decisions(self.session)
        self.decided_fold.setText(f"Decisions so far ({count})")
        self.revert_button.setEnabled(bool(count))

    def _on_decided_clicked(self, item: QTreeWidgetItem, *_: Any) -> None:
        entry = decision_of(item)[1]
        self.session.show_at(entry.plate or self.session.plate, entry.well, entry.time_h or 0.0)

    def revert_chosen(self) -> None:
        """Take the decisions back that are chosen in the list."""
        for what, entry in self.decided.chosen:
            plate = entry.plate or self.session.plate
            if what == CORRECTED:
                self._restore(plate, entry.well, entry.time_h)
            else:
                self._store("open", plate, entry.well, entry.time_h, "")
        self.session.tables_wanted.emit()
        self.refresh()

    def _restore(self, plate: str, well: str, time_h: float | None) -> None:
        assert self.session.opened is not None
        timepoints = self.session.opened.times(plate)
        try:
            for timepoint in (n for n, hours in timepoints.items() if hours == time_h):
                self.correcting.take_back(plate, well, timepoint)
        except OSError as error:
            self.say(f"The correction can't be taken back. {sentence_of(error)}", "error")

    def accept(self) -> None:
        """Accept the frame that is looked at."""
        self._decide("accept", "")

    def exclude(self) -> None:
        """Exclude the frame that is looked at, for the reason that is written."""
        reason = self.reason.currentText().strip()
        if not reason:
            self.say(
                "Why is it excluded? Choose a reason, or write one: whoever reads the tables will "
                "want to know.", "warning",
            )  # fmt: skip
            self.reason.setFocus()
            return
        self._decide("exclude", reason)

    def undecide(self) -> None:
        """Take the decision on the frame, or on its well, back."""
        self._decide("open", "")

    def _decide(self, kind: str, reason: str) -> None:
        opened, session = self.session.opened, self.session
        if opened is None or not session.well:
            return
        place = (session.plate, session.well)
        time_h = opened.times(session.plate).get(session.timepoint)
        if kind == "open":
            stored = [self._store("open", *place, when, "") for when in (time_h, None)]
        else:
            when = None if self.whole.isChecked() else time_h
            stored = [self._store(kind, *place, when, reason)]
        if not all(stored):
            return
        self.say("")
        session.tables_wanted.emit()
        self.refresh()
        if kind != "open":
            self._step(1)

    def _store(self, kind: str, plate: str, well: str, time_h: float | None, reason: str) -> bool:
        try:
            self.session.decide(kind, plate, well, time_h, reason)
        except (OSError, SpheroidQCError) as error:
            self.say(f"The decision can't be stored. {sentence_of(error)}", "error")
            return False
        return True

    # painting

    def paint(self, name: str | None, mode: str = "paint") -> None:
        """Take a tool (napari's mode of Labels) for `core`, `shed` or the active one (None)."""
        active = self.viewer.layers.selection.active
        if name is None:
            name = active.name if active is not None and active.name in ("core", "shed") else "core"
        layer = self.view.layer(name)
        if layer is None:
            self.say("There are no masks to correct here; analyse the plate first.", "warning")
            return
        self.viewer.layers.selection.active = layer
        layer.selected_label = 1
        layer.mode = mode
        self._on_frame()

    def erase(self) -> None:
        """Take the eraser."""
        self.paint(None, "erase")

    def learn(self) -> None:
        """Learn from the corrected masks of the run, show what it does, and ask."""
        learn_from_corrections(self.viewer, self)

    def swap(self) -> None:
        """Go from painting the core to painting the shed material, and back."""
        active = self.viewer.layers.selection.active
        mode = str(getattr(active, "mode", "paint"))
        name = "shed" if active is not None and active.name == "core" else "core"
        self.paint(name, mode if mode in ("paint", "erase", "fill", "polygon") else "paint")

    # the session

    def _soon(self) -> None:
        self._later.start()

    def _on_corrected(self, plate: str, well: str, timepoint: int) -> None:
        self._later.start()
        hours = self.session.opened.times(plate).get(timepoint, 0) if self.session.opened else 0
        if (plate, well, timepoint) in self.session.corrections:
            told = f"Kept: {well} at {hours:g} h, beside the automatic masks."
        else:
            told = f"{well} at {hours:g} h has its automatic masks again."
        show_hint(self.state, f"{told} Tables and figures follow.")

    def _on_run(self, message: object = None) -> None:
        job, opened = self.control.latest, self.session.opened
        if job is None or opened is None or not job.only_tables or job.request.out != opened.out:
            return
        if job.running:
            show_hint(self.state, "Tables are being made anew …")
        elif isinstance(message, Ended):
            show_hint(self.state, "Tables hold all decisions and corrections.")
        else:
            show_hint(
                self.state,
                "Tables lack the latest decisions, which are kept: Continue in the Run panel makes "
                "them anew.",
            )

    def _on_frame(self) -> None:
        entry, session = self.entry, self.session
        self.queue.mark(entry)
        self._suggest_reason(entry)
        if session.opened is None or not session.well:
            self.title.setText("Press N, or click a frame in the list.")
            show_hint(self.details, "")
            self.features.setText("")
            return
        hours = session.opened.times(session.plate).get(session.timepoint, 0.0)
        condition = session.treatment_of(session.plate, session.well)
        self.title.setText(f"{session.well}   {hours:g} h   {condition}")
        kind, decided = session.decision(session.plate, session.well, hours)
        lines = list(entry.details) if entry is not None else []
        if decided is not None:
            what = "Accepted" if kind == "accept" else "Excluded"
            where = " (whole well)" if decided.time_h is None else ""
            reason = f": {decided.reason}" if decided.reason else ""
            lines.insert(0, f"{what}{where}{reason} — {who_and_when(decided)}".rstrip(" —"))
        show_hint(self.details, "\n".join(lines))
        self.open_button.setEnabled(decided is not None)
        self._write_features()

    def _suggest_reason(self, entry: Entry | None) -> None:
        """Suggest what the frame's own flags found, once a frame; what was written goes with it."""
        here = (self.session.opened, self.session.plate, self.session.well, self.session.timepoint)
        if here == self._reason_of:
            return
        self._reason_of = here
        self._answered()
        codes = entry.codes if entry is not None else ()
        found = [REASON_OF_FLAG[code] for code in codes if code in REASON_OF_FLAG]
        self.reason.setCurrentText(found[0] if found else "")

    def _answered(self, *_: object) -> None:
        """Let go of what was asked about a frame, once there is a reason or another frame."""
        if self.message.severity == "warning":
            self.say("")

    def _write_features(self) -> None:
        data, session = self.view.data, self.session
        if data is None or (data.plate, data.well) != (session.plate, session.well):
            return
        now = self.view.timepoint
        automatic = data.automatic[now]
        result = self.correcting.result_of(data.plate, data.well, now)
        self.restore_button.setEnabled(automatic is not None and bool(automatic["mask"]))
        if automatic is None or not automatic["rows"]:
            self.features.setText("")
            return
        corrected = self.correcting.is_corrected(data.plate, data.well, now)
        self.features.setText(features_html(automatic, result if corrected else None))


def features_html(automatic: dict[str, Any], corrected: dict[str, Any] | None) -> str:
    """Features of the automatic masks, and beside them those of the corrected ones."""
    calibrated = automatic["pixel_size_um"] is not None
    table: list[tuple[str, ...]] = [] if corrected is None else [("", "automatic", "corrected")]
    for label, name, unit in _FEATURES:
        if (unit == "px") != calibrated or not unit:
            fields = (automatic,) if corrected is None else (automatic, corrected)
            if name.startswith("core_area"):
                label += _largest_of(fields[-1])
            table.append((label, *(_value(field, name, unit) for field in fields)))
    styles = ("", "text-align:right; padding-left:10px",
              "text-align:right; padding-left:10px; font-weight:bold")  # fmt: skip
    lines = (
        "".join(element("td", text, style) for text, style in zip(cells, styles, strict=False))
        for cells in table
    )
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def _largest_of(field: dict[str, Any]) -> str:
    """Say of how many pieces the core that is measured is the largest; empty for a single one."""
    pieces = int((field.get("figures") or {}).get("body_count") or 0)
    return f" (largest of {pieces})" if pieces > 1 else ""


def _value(field: dict[str, Any], name: str, unit: str) -> str:
    rows = field["rows"]
    value = rows[0].get(name) if rows else None
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return "–"
    text = f"{value:.3f}" if not unit else f"{value:,.0f}"
    doubt = interval(rows[0].get(f"{name}_low"), rows[0].get(f"{name}_high"))
    return f"{text} {unit}".strip() + (f" ({doubt})" if doubt else "")
