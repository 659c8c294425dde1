"""What all panels share."""

from __future__ import annotations

import pytest

pytest.importorskip("napari")
pytestmark = pytest.mark.gui


def test_what_unfolds_is_as_high_as_its_text_and_gone_when_folded(qtbot) -> None:
    from qtpy.QtWidgets import QVBoxLayout, QWidget

    from spheroid_qc.gui.panels.base_panel import Fold, hint, show_hint

    window = QWidget()
    qtbot.addWidget(window)
    column = QVBoxLayout(window)
    text = hint()
    fold = Fold("What came out", text)
    column.addWidget(fold)
    column.addStretch(1)
    window.resize(400, 900)
    window.show()
    assert not fold.content().isVisible(), "no key leads into what is folded away"
    fold.expand()
    show_hint(text, "some words that wrap " * 40)
    qtbot.waitUntil(lambda: text.height() >= text.heightForWidth(text.width()) > 100)
    fold.toggleButton().click()
    assert not fold.content().isVisible()


def test_rich_text_shows_what_a_name_holds() -> None:
    from spheroid_qc.gui.panels.base_panel import element

    assert element("b", "<img src=x>", "color:red") == (
        '<b style="color:red">&lt;img src=x&gt;</b>'
    )
