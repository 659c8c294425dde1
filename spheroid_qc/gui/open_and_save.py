"""What several panels do: open a folder, read tables and settings, bring a panel to the front."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from napari.utils.notifications import show_error, show_info, show_warning
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QFileDialog

from spheroid_qc.configuration import read_configuration, write_configuration
from spheroid_qc.errors import PlateMapError, SpheroidQCError
from spheroid_qc.gui.background_threads import in_background, in_process, sentence_of
from spheroid_qc.gui.helper_process import HelperEnded
from spheroid_qc.gui.preferences import preference
from spheroid_qc.gui.state.frames_with_corrections import FrameKey, corrected_frames
from spheroid_qc.gui.state.lazy_stack import FrameCache
from spheroid_qc.gui.state.opened_folder import Opened, open_folder
from spheroid_qc.gui.state.run_answer import RunAnswer, answer_of, tables_of
from spheroid_qc.gui.state.session import Session, account_name, session_of
from spheroid_qc.gui.well_view import view_of
from spheroid_qc.parameters import Parameters
from spheroid_qc.plate_map.read_map import read_map_of_run
from spheroid_qc.run.store.corrected_masks import Correction

PANELS = ("Plate", "Run", "Review", "Results", "Pictures", "Segment and measure")
_LATE_MS = 20_000
"""A full plate of 384 wells and 24 times is read and analysed within 15 s."""
_SETTINGS_FILE = "Settings (*.toml)"


def save_edited_map(session: Session) -> bool:
    """Save a map that was filled in and not saved yet; tells whether a run may start.

    The draft is written beside the images, never over a file that somebody else made.
    """
    draft, path = session.draft, session.default_map_path()
    if draft.saved:
        return True
    if not draft.wells:
        session.map_path = session.plate_map = None
        draft.mark_saved()
        session.map_changed.emit()
        return True
    if path is None:
        return False
    try:
        plate_map = draft.save(path)
    except PlateMapError as error:
        session.map_refused(error.problems)
        return False
    except OSError as error:
        session.map_refused(
            [f"{path} can't be written ({error.strerror}); save the map to another place."]
        )
        return False
    session.map_saved(plate_map, path)
    return True


def keep_edited_map(session: Session) -> None:
    """Save a map that was filled in by hand before its folder is left, and say where it is."""
    if session.draft.saved or not session.draft.wells:
        return
    if save_edited_map(session):
        show_info(f"The plate map that was filled in is kept in {session.map_path}.")
    else:
        show_warning(
            "The plate map that was filled in by hand was not complete, and is not kept: "
            + " ".join(session.map_problems[:2])
        )


def open_images(
    viewer: Any, folder: Path, parameters: Parameters | None = None, out: Path | None = None
) -> Any:
    """Open a folder of images, or the run folder of an earlier run, in the background.

    Default settings: those of the earlier run, if any; default run folder: beside the images.
    """
    view = view_of(viewer)
    session = session_of(viewer)

    def done(opened: Opened) -> None:
        same = session.opened is not None and session.opened.folder == opened.folder
        from spheroid_qc.gui.correct_masks import correcting_of

        # A stroke of this very moment belongs to the folder that is left now.
        correcting_of(viewer).finish()
        if not same and not session.draft.saved:
            keep_edited_map(session)
        session.user = preference("review", "user_name", "") or account_name()
        session.set_opened(opened)
        session.cache = FrameCache(int(preference("plate", "cache_mb", 256)) * 2**20)
        for note in (*opened.notes, *([session.unread] if session.unread else ())):
            show_warning(note)
        if opened.map_path is not None and not same:
            load_map(view, session, opened.map_path)
        load_tables(view, session)
        if opened.run.has_later_decisions():
            session.tables_wanted.emit()

    return in_background(
        view, open_folder, Path(folder), parameters, out, done=done,
        desc=f"reading {Path(folder).name}",
    )  # fmt: skip


def load_map(owner: Any, session: Session, path: Path) -> Any:
    """Read a plate map in the background and give it to the session."""
    plate = session.parameters.plate

    def read() -> Any:
        return read_map_of_run(path, plate)

    opened = session.opened

    def here() -> bool:
        """Tell whether the folder that the map was read for is still the one that is open."""
        return (None if opened is None else opened.folder) == (
            None if session.opened is None else session.opened.folder
        )

    def done(plate_map: Any) -> None:
        if here():
            replaced = bool(session.draft.wells) and not session.draft.saved
            session.set_map(plate_map, path)
            if replaced:
                show_info(
                    f"{path.name} took the place of what was filled in by hand; Undo under “Fill "
                    "in the map by hand” brings that back."
                )

    def failed(error: BaseException) -> None:
        if here():
            problems = getattr(error, "problems", None)
            session.map_refused(problems or [sentence_of(error)], of_file=True)

    return in_background(owner, read, done=done, failed=failed)


def load_tables(owner: Any, session: Session) -> Any:
    """Read the tables of the run folder, and what came out, in the background."""
    opened = session.opened
    if opened is None:
        return None
    out, known = opened.out, dict(session.corrections)

    def here() -> bool:
        return session.opened is not None and session.opened.out == out

    def done(tables: dict[str, pd.DataFrame]) -> None:
        if here():
            if tables:
                # First, so that it comes whatever the panels make of the tables.
                _ask(
                    owner, session, answer_of, out, session.parameters, done=answered,
                    failed=not_answered,
                )  # fmt: skip
            session.set_tables(tables)

    def corrections_read(found: dict[FrameKey, Correction]) -> None:
        # A stroke that was noted meanwhile is newer than what was read.
        if here() and session.corrections == known:
            session.set_corrections(found)

    def answered(answer: RunAnswer) -> None:
        if here():
            session.set_answer(answer)

    def not_answered(error: BaseException) -> None:
        answered(RunAnswer(out, lacking=sentence_of(error)))

    def failed(error: BaseException) -> None:
        if isinstance(error, HelperEnded):
            show_error(str(error))
        else:
            show_warning(f"The tables in {out} can't be read ({sentence_of(error)}); run it again.")
        not_answered(error)

    in_background(owner, corrected_frames, opened, done=corrections_read)
    return _ask(owner, session, tables_of, out, done=done, failed=failed)


def _ask(
    owner: Any,
    session: Session,
    function: Callable[..., Any],
    out: Path,
    *args: Any,
    done: Callable[[Any], None],
    failed: Callable[[BaseException], None],
) -> Any:
    """Ask the helper process about a run folder: once more where it ended, and saying so if late.

    `function` gets the folder first, and only reads.
    """
    waits = QTimer(owner)

    def late() -> None:
        # Where results stand already the next ones may take their time.
        if session.answer is None and (out / "wells.csv").is_file():
            show_info(
                f"{out.name} is still being read; the panels show the results once they are here."
            )

    def again(error: BaseException) -> None:
        if not isinstance(error, HelperEnded):
            failed(error)
            return
        show_warning(
            f"The background process {error.reason}; it is asked for {out.name} once more."
        )
        in_process(owner, function, out, *args, done=done, failed=failed)

    waits.setSingleShot(True)
    waits.timeout.connect(late)
    waits.start(_LATE_MS)
    return in_process(
        owner, function, out, *args, done=done, failed=again, finished=waits.deleteLater
    )


def open_panel(viewer: Any, name: str) -> Any:
    """Bring a panel to the front, and dock it first where it is not docked."""
    viewer = getattr(viewer, "__wrapped__", viewer)
    dock, widget = viewer.window.add_plugin_dock_widget("spheroid_qc", name, tabify=True)
    dock.setWindowTitle(name)
    dock.show()
    dock.raise_()
    return widget


def load_settings(parent: Any, session: Session) -> None:
    """Ask for a file of settings, and take them over into the session."""
    name, _ = QFileDialog.getOpenFileName(parent, "Settings", session.beside(), _SETTINGS_FILE)
    if name:
        try:
            session.set_parameters(read_configuration(Path(name)))
        except SpheroidQCError as error:
            show_error(str(error))


def save_settings(parent: Any, session: Session) -> None:
    """Ask for a file, and write the settings of the session to it."""
    start = session.beside("settings.toml")
    name, _ = QFileDialog.getSaveFileName(parent, "Settings", start, _SETTINGS_FILE)
    if not name:
        return
    path = Path(name).with_suffix(".toml")
    try:
        write_configuration(path, session.parameters, overwrite=True)
    except SpheroidQCError as error:
        show_error(str(error))
        return
    show_info(f"Use it with: {session.command(path)}" if session.opened else f"Wrote {path}")


def write_or_say(owner: Any, path: Path, write: Callable[[], Any], *, here: bool = True) -> Any:
    """Write a file that the user asked for; says that it is there, or why not.

    In a thread of this process or, if not `here`, in the helper process.
    """

    def failed(error: BaseException) -> None:
        if isinstance(error, OSError):
            show_error(f"{path} can't be written ({error.strerror}); choose another place.")
        else:
            show_error(sentence_of(error))

    begin = in_background if here else in_process
    return begin(
        owner, write, done=lambda _: show_info(f"Wrote {path}"), failed=failed,
        desc=f"writing {path.name}",
    )  # fmt: skip
