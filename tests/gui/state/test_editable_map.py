"""A plate map in the making: no window needed."""

from __future__ import annotations

import pytest

from spheroid_qc.errors import PlateMapError
from spheroid_qc.gui.state.editable_map import EditableMap, EditableWell, Treatment
from spheroid_qc.plate_map import read_plate_map

VEHICLE = EditableWell("vehicle")
TREATED = EditableWell(
    "treated", (Treatment("selinexor", "1", "uM"), Treatment("gemcitabine", "3", "nM"))
)


def test_steps_are_undone_and_done_again() -> None:
    draft = EditableMap()
    draft.fill([("", "A01"), ("", "A02")], VEHICLE)
    draft.fill([("", "A02")], TREATED)
    draft.clear([("", "A01")])
    assert set(draft.wells) == {("", "A02")}
    draft.undo()
    draft.undo()
    assert draft.wells["", "A02"] == VEHICLE
    draft.redo()
    assert draft.wells["", "A02"].drugs == TREATED.drugs
    draft.fill([("", "B01")], VEHICLE)
    assert not draft.can_redo
    for _ in range(9):
        draft.undo()
    assert draft.wells == {}
    assert not draft.can_undo


def test_a_step_that_is_taken_back_leaves_nothing_to_be_saved(tmp_path) -> None:
    draft = EditableMap()
    draft.fill([("", "A01")], VEHICLE)
    assert not draft.saved
    draft.save(tmp_path / "map.csv")
    draft.fill([("", "A01")], TREATED)
    assert not draft.saved
    draft.undo()
    assert draft.saved, "the file holds it"
    draft.undo()
    assert not draft.saved, "the file still holds what was there before"


def test_what_is_saved_is_what_is_read(tmp_path) -> None:
    draft = EditableMap()
    draft.fill([("", "A01")], VEHICLE)
    draft.fill([("", "B02")], TREATED)
    path = tmp_path / "map.csv"
    plate_map = draft.save(path)
    assert read_plate_map(path) == plate_map
    assert [d.dose_um for d in plate_map.wells[1].drugs] == pytest.approx([1.0, 0.003])
    again = EditableMap.from_map(plate_map)
    assert again.saved
    assert again.check() == plate_map


def test_a_map_of_a_file_keeps_its_further_columns(tmp_path) -> None:
    path = tmp_path / "map.csv"
    path.write_text(
        "plate,well,role,drug,dose,unit,cell_line,dosed_at_h,note\n"
        "P1,A01,vehicle,DMSO,,,PANC-1,24,=1+1\nP1,A02,treated,selinexor,1,uM,PANC-1,24,x\n",
        "utf-8",
    )
    first = read_plate_map(path)
    draft = EditableMap.from_map(first)
    draft.fill([("P1", "A02")], EditableWell("treated", (Treatment("selinexor", "2", "uM"),)))
    second = draft.check()
    assert second.wells[1].cell_line == "PANC-1"
    assert second.wells[1].dosed_at_h == 24
    assert second.wells[1].extra["note"] == "x"
    assert second.wells[1].drugs[0].dose_um == 2


def test_mistakes_are_sentences_and_leave_the_old_file(tmp_path) -> None:
    path = tmp_path / "map.csv"
    path.write_text("old", "utf-8")
    draft = EditableMap()
    with pytest.raises(PlateMapError, match="empty"):
        draft.save(path)
    draft.fill([("", "A01")], EditableWell("treated", (Treatment("selinexor", "lots", "uM"),)))
    with pytest.raises(PlateMapError, match="lots"):
        draft.save(path)
    assert path.read_text("utf-8") == "old"


def test_blocks_of_a_spreadsheet_with_and_without_headings() -> None:
    draft = EditableMap()
    written, messages = draft.paste(
        "\t1\t2\nA\tvehicle\ttreated\nB\t\ttreated\n", "", "C03", "role", 96
    )
    assert (written, messages) == (3, "")
    assert {well: d.role for (_, well), d in draft.wells.items()} == {
        "C03": "vehicle", "C04": "treated", "D04": "treated",
    }  # fmt: skip
    assert draft.copy("", ["C03", "C04", "D04"], "role") == "vehicle\ttreated\n\ttreated"
    written, messages = draft.paste("1\t2\n3\t4", "", "H12", "dose", 96)
    assert written == 1
    assert messages.startswith("3 cells lay beyond")


def test_nothing_that_is_typed_becomes_a_formula() -> None:
    draft = EditableMap()
    draft.fill([("", "A01")], EditableWell("treated", (Treatment("=cmd()", "1", "uM"),)))
    assert ",=cmd" not in draft.text()
