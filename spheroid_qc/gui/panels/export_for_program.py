"""A choice of other programs, and the button that exports what was found for one of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QWidget

from spheroid_qc.export.run_export import Exported
from spheroid_qc.gui.background_threads import in_process, sentence_of
from spheroid_qc.gui.export_files import PROGRAMS, export_for_program
from spheroid_qc.gui.panels.base_panel import button, long_choice
from spheroid_qc.gui.state.session import Session


class ExportForProgram(QWidget):
    """Exports the open run for one of `PROGRAMS`.

    Parameters
    ----------
    session : Session
        What is open.
    say : callable
        Shows a sentence, and its kind where it is an error.
    when_up_to_date : callable
        Calls something as soon as the tables have all that was decided.
    """

    def __init__(
        self,
        session: Session,
        say: Callable[..., None],
        when_up_to_date: Callable[[Callable[[], Any]], Any],
    ) -> None:
        super().__init__()
        self._session, self._say, self._when_up_to_date = session, say, when_up_to_date
        self.choice = long_choice(20)
        self.choice.addItems(list(PROGRAMS))
        self.choice.setToolTip("Masks, images or tables, as spheroid-qc export writes them.")
        self.button = button("Export for…", self.choose, "Asks for a folder, and writes into it.")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.button)
        layout.addWidget(self.choice)

    def choose(self) -> None:
        """Ask for a folder, and export into it."""
        start = self._session.beside()
        name = QFileDialog.getExistingDirectory(self, "Export into this folder", start)
        if name:
            self.export(Path(name))

    def export(self, target: Path) -> Any:
        """Write into a folder, in the background."""
        program = self.choice.currentText()
        return self._when_up_to_date(lambda: self._begin(target, program))

    def _begin(self, target: Path, program: str) -> Any:
        opened = self._session.opened
        if opened is None:
            return None
        self._say(f"Exporting for {program} …")
        self.button.setEnabled(False)

        def done(found: Exported) -> None:
            number = len(found.problems)
            left_out = f" Left out, {number} in all: {found.problems[0]}" if number else ""
            self._say(f"Exported: {', '.join(map(str, found.paths))}.{left_out}")

        def failed(error: BaseException) -> None:
            self._say(sentence_of(error), "error")

        def finished() -> None:
            self.button.setEnabled(True)

        return in_process(
            self, export_for_program, target, opened.run, program,
            done=done, failed=failed, finished=finished, desc="exporting",
        )  # fmt: skip
