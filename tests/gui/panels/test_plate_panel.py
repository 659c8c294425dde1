"""The Plate panel in a real viewer."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("napari")
pytestmark = pytest.mark.gui

from napari.layers import Image, Labels  # noqa: E402
from qtpy.QtCore import QPoint, Qt  # noqa: E402
from qtpy.QtGui import QCloseEvent  # noqa: E402
from qtpy.QtWidgets import QApplication, QPushButton  # noqa: E402

from spheroid_qc.gui.open_and_save import load_map  # noqa: E402
from spheroid_qc.gui.result_layers import overlay_of  # noqa: E402
from spheroid_qc.gui.well_view import view_of  # noqa: E402
from spheroid_qc.plate_map import read_plate_map  # noqa: E402
from tests.run.conftest import draw, glow, write  # noqa: E402


def drag(qtbot, grid, first: str, last: str) -> None:
    grid.resize(400, grid.heightForWidth(400))
    a, b = (grid.box_of(well).center().toPoint() for well in (first, last))
    qtbot.mousePress(grid, Qt.MouseButton.LeftButton, pos=a)
    qtbot.mouseMove(grid, pos=QPoint((a.x() + b.x()) // 2, (a.y() + b.y()) // 2))
    qtbot.mouseMove(grid, pos=b)
    qtbot.mouseRelease(grid, Qt.MouseButton.LeftButton, pos=b)


def test_a_folder_is_opened_and_a_well_is_shown_lazily(window, images) -> None:
    plate = window.open(images)
    assert "18 images: 6 wells, 3 times" in plate.summary.text()
    assert "4 µm a pixel (OME metadata)" in plate.summary.text()
    layer = window.viewer.layers["well"]
    assert isinstance(layer, Image)
    assert layer.data.shape == (3, 192, 192)
    assert layer.scale.tolist() == [6.0, 4.0, 4.0]
    assert [str(unit) for unit in layer.units] == ["hour", "micrometer", "micrometer"]
    window.until(lambda: overlay_of(window.viewer, "scale_bar").visible)
    assert window.caption.startswith("B02   0 h")
    window.viewer.dims.set_current_step(0, 2)
    assert window.caption.startswith("B02   12 h")
    assert window.session.timepoint == 2


def test_one_button_leads_on_and_nothing_stands_alone(window, images, recwarn) -> None:
    plate = window.panel("Plate")
    assert plate.wells_heading.isHidden(), "no heading above nothing"
    assert plate.open_button.styleSheet(), "first a folder is opened"
    assert window.panel("Run").failures_fold.isHidden(), "there are no notes yet"
    window.open(images)
    assert not plate.wells_heading.isHidden()
    assert not plate.open_button.styleSheet()
    assert plate.next_button.styleSheet()
    # napari shows warnings of ours to the person at the window.
    assert not [
        w for w in recwarn if "spheroid_qc" in w.filename and "deprecated" in str(w.message)
    ]


def test_clicking_wells_reuses_the_layer(window, images) -> None:
    plate = window.open(images)
    before = window.viewer.layers["well"]
    plate.grid.clicked.emit("C03")
    window.until(lambda: window.caption.startswith("C03"))
    assert window.viewer.layers["well"] is before
    assert len(window.viewer.layers) == 1
    plate.grid.clicked.emit("H12")  # no image: nothing happens
    assert window.session.well == "C03"


def test_masks_are_shown_where_there_are_results(window, finished) -> None:
    window.open(finished)
    window.until(lambda: "core" in window.viewer.layers)
    core, shed = window.viewer.layers["core"], window.viewer.layers["shed"]
    image = window.viewer.layers["well"]
    for layer in (core, shed):
        assert isinstance(layer, Labels)
        assert np.array_equal(layer.scale, image.scale)
        assert layer.units == image.units
    assert np.asarray(core.data[0]).any()
    window.until(lambda: window.session.map_path is not None)  # that of the earlier run
    window.until(lambda: "intact" in window.caption)


def test_the_screen_shows_the_well_and_the_time_that_were_asked_for(window, finished) -> None:
    """Whatever the order of steps: layers keep one array, and look at it again."""
    window.open(finished)
    window.until(lambda: "core" in window.viewer.layers)
    arrays = [layer.data for layer in window.viewer.layers]
    for well, timepoint in (("B03", 0), ("C03", 2), ("B02", 2), ("C04", 1), ("C03", 0)):
        data = window.show(well, timepoint)
        for name, stack in (("well", data.image), ("core", data.core), ("shed", data.shed)):
            seen = window.viewer.layers[name]._slice.image.raw
            wanted = np.zeros(data.image.shape[1:]) if stack is None else stack[timepoint]
            assert np.array_equal(seen, wanted), (well, timepoint, name)
    assert all(
        layer.data is array for layer, array in zip(window.viewer.layers, arrays, strict=True)
    )


def test_the_caption_goes_with_its_picture_and_comes_back(window, images) -> None:
    window.open(images)
    window.viewer.layers.remove("well")
    window.viewer.add_image(np.zeros((4, 8, 8)))
    window.viewer.dims.set_current_step(0, 2)
    assert not overlay_of(window.viewer, "text").visible, "another picture is on the screen"
    window.show("C03")
    assert overlay_of(window.viewer, "text").visible
    assert window.caption.startswith("C03")


def test_a_picture_that_was_deleted_comes_back_below_its_masks(window, finished) -> None:
    window.open(finished)
    window.until(lambda: "core" in window.viewer.layers)
    window.show("B02", 1)
    window.viewer.layers.remove("well")
    data = window.show("C03", 1)
    layers = window.viewer.layers
    assert [layer.name for layer in layers] == ["well", "shed", "core"]
    assert np.array_equal(layers["core"]._slice.image.raw, data.core[1])
    assert np.array_equal(layers["well"]._slice.image.raw, data.image[1])


def test_further_channels_are_shown_by_their_names(window, tmp_path) -> None:
    folder = tmp_path / "lit"
    for n, well in enumerate(("B2", "B3")):
        stack = np.stack([draw(30), glow(20, level=3000 + n), glow(25, level=200)])
        write(folder / f"P_{well}.ome.tif", stack, axes="CYX",
              Channel={"Name": ["Phase", "Calcein", "PI"]})  # fmt: skip
    plate = window.open(folder)
    names = [plate.channel.itemText(n) for n in range(plate.channel.count())]
    assert names[1:] == ["Calcein", "PI"]
    layer = window.viewer.layers["well"]
    plate.channel.setCurrentText("Calcein")
    window.until(lambda: "Calcein" in window.caption)
    assert np.asarray(layer.data[0]).max() == 3500
    assert layer.contrast_limits[1] <= 3501, "its own grey values"
    layer.contrast_limits = (600, 3000)
    data = window.show("B03")
    assert data.image.frame(0).max() == 3501, "the channel stays from well to well"
    assert tuple(layer.contrast_limits) == (600, 3000), "and what a person has set"
    plate.channel.setCurrentIndex(0)
    window.until(lambda: "Calcein" not in window.caption)
    assert np.asarray(layer.data[0]).max() > 20000


def test_a_well_without_images_is_no_trouble(window, images) -> None:
    window.open(images)
    window.session.show(window.session.plate, "H12", 0)
    view = view_of(window.viewer)
    window.until(lambda: view.data.well == "H12")
    view._read_ahead()
    assert view._warming == []


def test_the_next_well_is_read_ahead(window, images) -> None:
    window.open(images)
    opened, cache = window.session.opened, window.session.cache
    plate = window.session.plate
    wells = opened.wells(plate)
    following = opened.well_timepoints[plate, wells[wells.index(window.session.well) + 1]][
        0
    ].signature
    window.until(lambda: any(name[0] == following for _, name in cache._frames if name))


def test_a_map_is_filled_in_by_dragging_and_saved_where_a_run_finds_it(
    window, images, qtbot
) -> None:
    plate = window.open(images)
    editor, grid = plate.editor, plate.grid
    drag(qtbot, grid, "B02", "B04")
    assert grid.selected == ("B02", "B03", "B04")
    editor.role.setCurrentText("vehicle")
    editor.fill.click()
    drag(qtbot, grid, "C02", "C03")
    editor.role.setCurrentText("treated")
    drug, dose, unit = editor.drugs[0]
    drug.setCurrentText("gemcitabine")
    dose.setText("0.1")
    unit.setCurrentText("uM")
    editor.fill.click()
    assert "5 wells on the map" in plate.map_state.text()
    assert "gemcitabine 0.1 µM" in plate.legend.text()
    assert grid.face("C02").colour != grid.face("B02").colour
    editor.undo.click()
    assert "3 wells on the map" in plate.map_state.text()
    editor.redo.click()
    drag(qtbot, grid, "D02", "D02")
    editor.role.setCurrentText("treated")
    dose.setText("")
    editor.fill.click()
    assert "not complete yet" in plate.map_problem.text()
    editor.undo.click()
    path = images.parent / "mine.csv"
    assert editor.save(path)
    read = read_plate_map(path)
    assert {w.well: w.role for w in read.wells} == {
        "B02": "vehicle", "B03": "vehicle", "B04": "vehicle", "C02": "treated", "C03": "treated",
    }  # fmt: skip
    assert read.wells[3].drugs[0].dose_um == pytest.approx(0.1)
    assert window.session.map_path == path


def test_copy_and_paste_with_a_spreadsheet(window, images, qtbot) -> None:
    plate = window.open(images)
    plate.grid.select(["B02"])
    QApplication.clipboard().setText("DMSO\tDMSO\tDMSO\nselinexor\tselinexor\n")
    plate.editor.what.setCurrentText("drugs")
    plate.editor.paste_block()
    plate.grid.select(["C02", "C03"])
    assert window.session.draft.wells["", "C03"].drugs[0].drug == "selinexor"
    QApplication.clipboard().setText("1\t0,3")
    plate.editor.what.setCurrentText("doses")
    plate.editor.paste_block()
    plate.editor.copy_block()
    assert QApplication.clipboard().text() == "1\t0,3"
    found = window.session.draft.check()
    assert {w.well: [d.dose_um for d in w.drugs] for w in found.wells if w.drugs} == {
        "C02": [1.0], "C03": [0.3],
    }  # fmt: skip


def test_problems_of_names_stand_on_top(window, images) -> None:
    (images / "no well here.tif").write_bytes(b"")
    (images / "VID7_B2_1_00d00h00m copy.tif").write_bytes(b"x")
    plate = window.open(images)
    assert "left out" in plate.problems.text()
    model = plate.names.model()
    assert model.data(model.index(0, 0)) in (
        "no well here.tif", "VID7_B2_1_00d00h00m copy.tif",
    )  # fmt: skip
    assert plate.names_fold.isExpanded()
    content = plate.names_fold.content()
    assert content.isVisibleTo(plate)
    assert content.maximumHeight() > 10_000, "what is unfolded is as high as it needs"
    plate.names_fold.collapse()
    assert not content.isVisibleTo(plate), "no key leads into what is folded away"


def test_a_pixel_size_that_is_entered_counts_at_once(window, images) -> None:
    plate = window.open(images)
    plate.form.fields["pixel_size_um"].value = "2"
    window.until(lambda: "2 µm a pixel" in plate.summary.text())
    assert window.session.parameters.plate.pixel_size_um == 2
    window.until(lambda: "well" in window.viewer.layers)
    window.until(lambda: window.viewer.layers["well"].scale[-1] == 2)


def test_an_unreadable_folder_is_a_sentence(window, tmp_path, capsys) -> None:
    (tmp_path / "empty").mkdir()
    plate = window.panel("Plate")
    plate.open(tmp_path / "empty")
    window.until(lambda: "holds no image" in plate.summary.text())
    assert not plate.next_button.isEnabled()


def test_a_folder_can_be_dropped_on_napari(window, images) -> None:
    from spheroid_qc.gui.folder_reader import folder_reader

    assert folder_reader(str(images / "VID7_B2_1_00d00h00m.tif")) is None
    assert folder_reader(str(images.parent / "nothing")) is None
    window.viewer.open(str(images), plugin="spheroid_qc")
    window.until(lambda: window.session.opened is not None)
    window.until(lambda: "well" in window.viewer.layers)


def test_an_ome_zarr_plate_is_opened_like_a_folder(window, tmp_path) -> None:
    pytest.importorskip("zarr", reason="the extra `zarr` is not installed")
    from spheroid_qc.gui.folder_reader import folder_reader
    from tests.images.made_formats import spheroid, write_zarr_image, write_zarr_plate

    stacks = {"B/2": [spheroid(0)[None]], "B/3": [spheroid(5)[None]]}
    path = write_zarr_plate(tmp_path / "images" / "x.ome.zarr", stacks, name="Screen 7")
    assert folder_reader(str(path)) is not None
    # The folder that holds it, but no other image: that is for napari.
    assert folder_reader(str(path.parent)) is not None
    assert folder_reader(str(write_zarr_image(tmp_path / "B03.zarr", spheroid(), "yx"))) is None
    window.panel("Plate").open(path)
    window.until(lambda: window.session.opened is not None)
    assert window.session.opened.plates == ("Screen 7",)
    window.until(lambda: "well" in window.viewer.layers)
    assert window.viewer.layers["well"].data.shape[-2:] == (96, 96)


def test_one_click_settles_names_that_can_be_read_in_two_ways(window, tmp_path) -> None:
    folder = tmp_path / "two_ways"
    for left in (1, 2):
        for right in (1, 2, 3):
            write(folder / f"A{left}_B{right}.tif", draw(30))
    plate = window.panel("Plate")
    plate.open(folder)
    window.until(lambda: window.session.opened is not None)
    buttons = plate.doubts.findChildren(QPushButton)
    assert plate.doubts.isVisibleTo(plate)
    assert [b.text().split("\n")[1] for b in buttons] == [
        "2 wells (A01 to A02), one time",
        "3 wells (B01 to B03), one time",
    ]
    pattern = window.session.opened.table.doubts[0].readings[1].pattern
    buttons[1].click()
    window.until(lambda: not window.session.opened.table.doubts)
    assert window.session.parameters.plate.name_pattern == pattern
    assert not plate.doubts.isVisibleTo(plate)
    # Read so, two images claim every well, which is said.
    assert {p.kind for p in window.session.opened.table.problems} == {"duplicate"}


def test_blank_wells_look_in_the_legend_as_they_do_on_the_plate(window, images, tmp_path) -> None:
    from napari.settings import get_settings

    path = tmp_path / "blanks.csv"
    path.write_text("well,role\nB02,vehicle\nB03,blank\n", "utf-8")
    theme = get_settings().appearance.theme
    try:
        get_settings().appearance.theme = "dark"
        plate = window.open(images)
        window.session.set_map(read_plate_map(path), path)
        filled = f"color:{plate.grid.face('B03').colour}"
        assert filled in plate.legend.text()
        assert "○" not in plate.legend.text()
        get_settings().appearance.theme = "light"
        # The pale fill can't be seen there; the line around it can.
        window.until(lambda: "○" in plate.legend.text())
    finally:
        get_settings().appearance.theme = theme


def filled_in(window, qtbot, images):
    """Fill in two wells by hand, with what a person clicks."""
    plate = window.open(images)
    drag(qtbot, plate.grid, "B02", "B03")
    plate.editor.role.setCurrentText("vehicle")
    plate.editor.fill.click()
    assert not window.session.draft.saved
    return plate


def test_a_map_that_can_not_be_loaded_is_told_from_what_was_filled_in(
    window, qtbot, images, tmp_path
) -> None:
    plate = filled_in(window, qtbot, images)
    path = tmp_path / "no_unit.csv"
    path.write_text("well,drug,dose\nB02,selinexor,1\n", "utf-8")
    load_map(plate, window.session, path)
    window.until(lambda: "no_unit.csv" in plate.map_problem.text().replace("\u200b", ""))
    assert "not complete" not in plate.map_problem.text()
    assert "filled in by hand" in plate.map_problem.text()
    assert not plate.editor.problem.text(), "nothing is wrong with the fields"
    plate.editor.fill.click()
    assert not plate.map_problem.text()


def test_a_map_that_was_filled_in_is_not_lost(window, qtbot, images, tmp_path) -> None:
    plate = filled_in(window, qtbot, images)
    before = dict(window.session.draft.wells)
    load_map(plate, window.session, tmp_path / "map.csv")
    window.until(lambda: window.session.map_path is not None)
    assert dict(window.session.draft.wells) != before
    plate.editor.undo.click()
    assert dict(window.session.draft.wells) == before, "a map from a file can be undone"
    # Another folder is opened: it is kept beside the images that it belongs to.
    kept = window.session.default_map_path()
    other = tmp_path / "other"
    write(other / "VID1_B2_1_00d00h00m.tif", draw(36))
    window.open(other)
    assert {w.well for w in read_plate_map(kept).wells} == {"B02", "B03"}
    drag(qtbot, plate.grid, "B02", "B02")
    plate.editor.role.setCurrentText("vehicle")
    plate.editor.fill.click()
    kept = window.session.default_map_path()
    QApplication.sendEvent(window.viewer.window._qt_window, QCloseEvent())
    assert [w.well for w in read_plate_map(kept).wells] == ["B02"], "and when the window closes"


def test_one_of_a_thing_is_said_as_one_and_a_new_plate_has_a_fresh_form(
    window, qtbot, images, tmp_path
) -> None:
    plate = filled_in(window, qtbot, images)
    drag(qtbot, plate.grid, "C02", "C02")
    first = plate.editor.drugs[0][0]
    plate.editor.role.setCurrentText("treated")
    first.setCurrentText("gemcitabine")
    plate.editor.drugs[0][1].setText("1")
    plate.editor.fill.click()
    drag(qtbot, plate.grid, "B02", "C02")
    assert first.lineEdit().placeholderText() == "as it is", "vehicle and a drug"
    other = tmp_path / "one"
    write(other / "VID1_B2_1_00d00h00m.tif", draw(36))
    window.open(other)
    assert plate.summary.text().startswith("1 image: 1 well, 1 time\n")
    assert not plate.grid.selected
    assert first.lineEdit().placeholderText() == "drug", "no well is selected that has another"
