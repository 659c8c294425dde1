"""Conditions on the screen: the unit that a person wrote, micro as µ."""

from __future__ import annotations

import pytest

from spheroid_qc.gui.state.editable_map import EditableMap, EditableWell, Treatment
from spheroid_qc.gui.state.shown_names import shown_condition, shown_name
from spheroid_qc.plate_map import read_plate_map

MAP = """well,role,drug,dose,unit,cell_line
A1,treated,gemcitabine,10,nM,PANC-1
A2,treated,selinexor,0.5,uM,PANC-1
A3,treated,irinotecan,5,ug/ml,PANC-1
A4,vehicle,DMSO,,,PANC-1
A5,treated,selinexor,1e-3,mM,PANC-1
"""


def test_doses_are_shown_in_the_unit_that_was_written(tmp_path) -> None:
    path = tmp_path / "map.csv"
    path.write_text(MAP, "utf-8")
    wells = {w.well: w for w in read_plate_map(path).wells}
    shown = {name: shown_condition(entry) for name, entry in wells.items()}
    assert shown == {
        "A01": "gemcitabine 10 nM",
        "A02": "selinexor 0.5 µM",
        "A03": "irinotecan 5 µg/ml",
        "A04": "vehicle (DMSO)",
        "A05": "selinexor 0.001 mM",
    }


@pytest.mark.parametrize(
    ("text", "shown"),
    [("drug 1 uM + other 2 uM", "drug 1 µM + other 2 µM"), ("cumulus 1 nM", "cumulus 1 nM"),
     ("5 ug/ml", "5 µg/ml"), ("uMab 1 nM", "uMab 1 nM")],
)  # fmt: skip
def test_only_units_are_rewritten(text, shown) -> None:
    assert shown_name(text) == shown


def test_a_decimal_comma_is_saved_as_a_point_and_units_in_plain_letters() -> None:
    draft = EditableMap({("", "A01"): EditableWell("treated", (Treatment("x", "0,5", "µM"),))})
    assert "A01,treated,x,0.5,uM" in draft.text()
    assert draft.check().wells[0].drugs[0].dose_um == 0.5


def test_only_what_is_written_is_changed_and_one_bad_well_hides_no_other() -> None:
    two = (Treatment("a", "1", "µM"), Treatment("b", "2", "nM"))
    draft = EditableMap({("", "A01"): EditableWell("treated", two)})
    draft.change([("", "A01"), ("", "A02")], {"role": "positive_control"})
    assert draft.wells["", "A01"].drugs == two
    assert draft.wells["", "A02"] == EditableWell("positive_control")
    draft.change([("", "A03")], {"role": "treated", 0: Treatment("a", "", "µM")})
    readable = draft.readable()
    assert readable is not None
    assert [w.well for w in readable.wells] == ["A01", "A02"]
