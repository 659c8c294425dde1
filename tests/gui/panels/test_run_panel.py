"""The Run panel: workers on other machines, and settings whose fields are made when looked at."""

from __future__ import annotations

import pytest

pytest.importorskip("napari")
pytestmark = pytest.mark.gui

from qtpy.QtCore import QPoint, QPointF, Qt  # noqa: E402
from qtpy.QtGui import QWheelEvent  # noqa: E402
from qtpy.QtWidgets import QApplication, QWidget  # noqa: E402

from spheroid_qc.gui.panels.base_panel import Fold  # noqa: E402
from spheroid_qc.gui.panels.cluster_choice import ClusterChoice  # noqa: E402
from spheroid_qc.workflow.background_process import Failed  # noqa: E402


def fold_of(panel, title: str) -> Fold:
    return next(fold for fold in panel.findChildren(Fold) if fold.text() == title)


def test_a_run_is_asked_of_workers_on_other_machines(window, images, monkeypatch, qtbot) -> None:
    monkeypatch.setattr(ClusterChoice, "is_installed", staticmethod(lambda: True))
    window.open(images)
    run = window.panel("Run")
    asked = []
    monkeypatch.setattr(run.control, "add", lambda opened, request, **_: asked.append(request))
    run.start()
    assert (asked[-1].scheduler, asked[-1].path_map) == (None, ()), "this computer does it"
    window.viewer.window._qt_window.show()
    fold_of(run, "Workers on other machines").toggleButton().click()
    assert run.cluster.address.isVisible()
    assert run.cluster.lacking.isHidden()
    qtbot.keyClicks(run.cluster.address, " tcp://10.0.0.5:8786 ")
    qtbot.keyClicks(run.cluster.folders, "/data=/mnt/data; /more=/mnt/more;")
    run.start()
    assert asked[-1].scheduler == "tcp://10.0.0.5:8786"
    assert asked[-1].path_map == ("/data=/mnt/data", "/more=/mnt/more")


def test_a_scheduler_that_can_not_be_used_is_said_in_words_of_the_window(window, images) -> None:
    window.open(images)
    run = window.panel("Run")
    run.cluster.folders.setText("/nowhere")
    run.start()
    window.until(lambda: run.control.shown is not None and run.control.shown.outcome is not None)
    assert isinstance(run.control.shown.outcome, Failed)
    said = run.message.text().replace("\u200b", "")
    assert "Folders there (Workers on other machines)" in said
    assert "--" not in said


def test_what_lacks_for_other_machines_is_said(qtbot, monkeypatch) -> None:
    monkeypatch.setattr(ClusterChoice, "is_installed", staticmethod(lambda: False))
    choice = ClusterChoice()
    qtbot.addWidget(choice)
    choice.show()
    assert "spheroid_qc[cluster]" in choice.lacking.text()
    assert choice.lacking.isVisible()
    assert not choice.address.isVisible()
    assert choice.scheduler is None


def test_fields_are_made_when_they_are_looked_at(window, images, qtbot) -> None:
    window.open(images)
    run = window.panel("Run")
    window.viewer.window._qt_window.show()
    before = len(run.findChildren(QWidget))
    fold_of(run, "All settings").toggleButton().click()
    assert len(run.findChildren(QWidget)) < before + 20, "titles of the sections only"
    section = fold_of(run, "Segmentation")
    section.toggleButton().click()
    field = run.forms["segmentation"].fields["min_diameter_um"]
    window.until(field.native.isVisible)
    content = section.content()
    window.until(lambda: content.height() >= content.sizeHint().height() > 100, 20)  # none cut off
    # What was entered before a field was there stands in it, and the wheel changes nothing.
    quality = window.session.parameters.quality
    name = next(name for name, value in quality if isinstance(value, float))
    changed = quality.model_copy(update={name: getattr(quality, name) * 0.9})
    window.session.set_parameters(window.session.parameters.model_copy(update={"quality": changed}))
    shown = run.forms["quality"].fields[name]
    assert shown.value == pytest.approx(getattr(changed, name))
    place = QPointF(5, 5)
    QApplication.sendEvent(
        shown.native,
        QWheelEvent(
            place, shown.native.mapToGlobal(place), QPoint(), QPoint(0, -120),
            Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase, False,
        ),
    )  # fmt: skip
    assert shown.value == pytest.approx(getattr(changed, name))
