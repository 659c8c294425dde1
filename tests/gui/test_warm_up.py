"""What is prepared while nobody waits, and that nothing depends on it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytest.importorskip("napari")
pytestmark = pytest.mark.gui


def test_outlines_are_tried_in_a_thread() -> None:
    from spheroid_qc.gui import warm_up

    warm_up._outlines_of_nothing()
    warm_up._line_patterns()


def test_letters_of_captions_are_drawn_one_by_one(window) -> None:
    from spheroid_qc.gui.warm_up import _LETTERS, _Letters
    from spheroid_qc.gui.well_view import view_of

    canvas = window.viewer.window._qt_viewer.canvas
    view = view_of(window.viewer)
    info = canvas.font_info()
    glyphs = info.font_manager.get_font(info.face)._glyphs
    window.until(lambda: set(_LETTERS) <= set(glyphs))
    window.until(lambda: not view.findChildren(_Letters))


def test_a_canvas_of_another_napari_is_left_alone(window) -> None:
    from spheroid_qc.gui.warm_up import _Letters
    from spheroid_qc.gui.well_view import view_of

    view = view_of(window.viewer)
    window.until(lambda: not view.findChildren(_Letters))
    _Letters(view, object(), lambda: None)
    window.until(lambda: not view.findChildren(_Letters))


def test_units_are_there_before_any_thread_asks_for_them() -> None:
    """In a program that has just begun: half-read units ended the first plate that was opened."""
    code = (
        "import pint\n"
        "from qtpy.QtCore import QCoreApplication, QObject\n"
        "from spheroid_qc.gui import warm_up\n"
        "begun = type(pint.get_application_registry().get()).__name__\n"
        "app = QCoreApplication([])\n"
        "warm_up.warm_up(QObject(), object())\n"
        "print(begun, type(pint.get_application_registry().get()).__name__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, timeout=120,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )  # fmt: skip
    assert done.stdout.split() == ["LazyRegistry", "UnitRegistry"], done.stderr
