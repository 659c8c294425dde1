"""Alarms of plates in words: what happened, where to look, what may still be done."""

from __future__ import annotations

from collections.abc import Iterable

from spheroid_qc.analysis.plate_alarms import Alarm, PlateAlarm
from spheroid_qc.wording import listed, percent

_DO = {
    Alarm.FOCUS_LOST: "Focus the microscope again, and look whether the plate sits flat.",
    Alarm.VANISHED: "Look whether wells were washed out or the stage moved.",
    Alarm.EDGE: "Water evaporates at the edge first: look at the lid and the humidity.",
}
_MOST = 12


def alarm_sentences(alarms: Iterable[PlateAlarm]) -> list[str]:
    """Say the alarms of each plate's newest time; empty where there is none."""
    return [_sentence(one) for one in alarms if one.newest]


def _sentence(one: PlateAlarm) -> str:
    where = f"Plate {one.plate} at {one.time_h:g} h: "
    if one.code is Alarm.EDGE:
        word = "larger" if one.value > 0 else "smaller"
        what = (
            f"spheroids in the {one.n_wells} outermost wells have grown {percent(abs(one.value))} "
            f"{word} in area than those of the same conditions in {one.of_wells} inner wells."
        )
    else:
        words = (
            "are out of focus" if one.code is Alarm.FOCUS_LOST
            else "lost a spheroid that was whole the frame before"
        )  # fmt: skip
        what = (
            f"{one.n_wells} of {one.of_wells} wells ({percent(one.value)}) {words}: "
            f"{listed(list(one.wells), _MOST)}."
        )
    return f"{where}{what} {_DO[one.code]}"
