"""Settings from and to TOML files, as the command line reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari.utils.notifications import show_error, show_info
from qtpy.QtWidgets import QFileDialog

from spheroid_qc.configuration import read_configuration
from spheroid_qc.errors import SpheroidQCError
from spheroid_qc.gui.state.session import Session

_KIND = "Settings (*.toml)"


def load_settings(parent: Any, session: Session, path: Path | None = None) -> bool:
    """Take settings over from a file; asks for it where none is given.

    Parameters
    ----------
    parent : QWidget
        For the dialog.
    session : Session
        Takes the settings over.
    path : Path, optional
        The file.

    Returns
    -------
    bool
        Whether they were.
    """
    if path is None:
        name, _ = QFileDialog.getOpenFileName(parent, "Settings", "", _KIND)
        if not name:
            return False
        path = Path(name)
    try:
        session.set_parameters(read_configuration(path))
    except SpheroidQCError as error:
        show_error(str(error))
        return False
    return True


def save_settings(parent: Any, session: Session, path: Path | None = None) -> bool:
    """Write the settings to a file; asks for it where none is given.

    Parameters
    ----------
    parent : QWidget
        For the dialog.
    session : Session
        Whose settings.
    path : Path, optional
        The file.

    Returns
    -------
    bool
        Whether they were.
    """
    if path is None:
        name, _ = QFileDialog.getSaveFileName(parent, "Settings", "settings.toml", _KIND)
        if not name:
            return False
        path = Path(name).with_suffix(".toml")
    try:
        session.save_settings(path)
    except (OSError, SpheroidQCError) as error:
        show_error(f"{path} can't be written ({error}); choose another place.")
        return False
    show_info(f"Use it with: {session.command(path)}" if session.opened else f"Wrote {path}")
    return True
