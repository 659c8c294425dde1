"""What takes long the first time is done once while nobody waits: outlines, letters, the helper.

Left to the moment when it is needed, each would hold the window for some tenths of a second, or for
seconds, in the middle of somebody's first run. Nothing here is needed for anything to work.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pint
from qtpy.QtCore import QObject, QTimer

from spheroid_qc.gui.background_threads import alive, in_background
from spheroid_qc.gui.helper_process import HELPER
from spheroid_qc.gui.preferences import preference
from spheroid_qc.gui.result_layers import MaskLayer, one_colour
from spheroid_qc.gui.well_colours import CORE

_LETTERS = "0123456789 hABCDEFGHIJKLMNOPabcdefgijklmnopqrstuvwxyz.,+-µ()/%:_QRSTUVWXYZ"
"""Of captions: hours, wells and conditions first."""
_LETTER_MS = 4
"""Between two letters the window has room for whatever else it has to do."""


def warm_up(owner: QObject, canvas: Any) -> None:
    """Prepare a window: its canvas letter by letter, then once a program the rest in threads."""
    preference("plate", "cache_mb", 0)  # napari reads its file the first time
    # Units are read from a file at their first use. A thread that did it would leave every layer
    # that is made meanwhile without units to choose from, and napari ends on that.
    _ = pint.get_application_registry().pixel

    def rest() -> None:
        if _WARM or not alive(owner):
            return
        _WARM.append(True)
        for what in (_outlines_of_nothing, _line_patterns, HELPER.start):
            in_background(owner, what, failed=lambda _: None)

    # Letters are wanted first, by the caption of the first well, and threads would delay them.
    _Letters(owner, canvas, rest)


_WARM: list[bool] = []


class _Letters(QObject):
    """Draws the letters of captions into the texture that napari's canvas takes them from.

    None of the names that lead there is public: where one is missing the letters are drawn when
    they are needed, as ever.
    """

    def __init__(self, owner: QObject, canvas: Any, then: Callable[[], None]) -> None:
        super().__init__(owner)
        self._then = then
        self._left = list(_LETTERS)
        self._font: Any = None
        self._canvas = canvas
        self._timer = QTimer(self)
        self._timer.setInterval(_LETTER_MS)
        self._timer.timeout.connect(self._next)
        self._timer.start()

    def _next(self) -> None:
        try:
            if self._font is None:
                info = self._canvas.font_info()
                self._font = info.font_manager.get_font(info.face)
            self._font[self._left.pop(0)]
        except Exception:
            self._left.clear()
        if not self._left:
            self._timer.stop()
            self._canvas = self._font = None
            self._then()
            if alive(self):
                self.deleteLater()


def _line_patterns() -> None:
    """Make the patterns of lines, which vispy keeps from its first line on."""
    from vispy.visuals.line import dash_atlas

    dash_atlas.DashAtlas()


def _outlines_of_nothing() -> None:
    """Draw outlines of nothing: where numba is there, napari compiles them at their first use."""
    for dtype in (np.uint16, np.uint8, np.int32):
        labels = np.zeros((8, 8), dtype)
        labels[2:5, 2:5] = 1
        layer = MaskLayer(labels, colormap=one_colour(CORE))
        layer.contour = 2
        layer.refresh()
        layer.get_value((3, 3))
