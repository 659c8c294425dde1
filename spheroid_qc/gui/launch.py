"""`spheroid-qc gui`: napari with all panels docked."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import napari
from qtpy.QtWidgets import QLabel

from spheroid_qc.gui.background_threads import rest_timer
from spheroid_qc.gui.open_and_save import PANELS, open_images, open_panel

_TURN_S = 0.001
"""Python's own five milliseconds add up: the window asks again after every call of Qt."""


def open_all_panels(viewer: napari.Viewer | None = None) -> None:
    """Dock all panels as tabs, the first in front; default: in the viewer that is open."""
    viewer = viewer or napari.current_viewer()
    if viewer is None:
        return
    for name in PANELS:
        open_panel(viewer, name)
    open_panel(viewer, PANELS[0])


class AllPanels(QLabel):
    """Docks all panels and goes: the Plugins menu holds widgets only."""

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__("Opening all panels …")
        self.viewer = getattr(viewer, "__wrapped__", viewer)
        # Once it is docked, as menu and napari expect.
        rest_timer(self, 0, self._open).start()

    def _open(self) -> None:
        viewer = self.viewer
        open_all_panels(viewer)
        viewer.window.remove_dock_widget(self)


def start(folder: Path | None = None, *, block: bool = True) -> Any:
    """Open napari with all panels.

    Parameters
    ----------
    folder : Path, optional
        Folder of images that is opened.
    block : bool
        Stay until the window is closed.

    Returns
    -------
    napari.Viewer
        The viewer.
    """
    # The window's thread asks for its turn after this while a thread in the background works.
    sys.setswitchinterval(_TURN_S)
    viewer = napari.Viewer(title="Spheroid QC")
    open_all_panels(viewer)
    if folder is not None:
        open_images(viewer, folder)
    if block:
        napari.run()
    return viewer
