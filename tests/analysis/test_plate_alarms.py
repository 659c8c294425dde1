"""Alarms of a plate: focus, vanished spheroids, the edge; as data and in words."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spheroid_qc.analysis.plate_alarms import COLUMNS, Alarm, alarm_table, plate_alarms
from spheroid_qc.analysis.verdict.alarm_sentences import alarm_sentences
from spheroid_qc.parameters import Parameters
from spheroid_qc.wells import well_name


def plate(times: tuple[float, ...] = (0.0, 24.0), spread: float = 0.02) -> pd.DataFrame:
    """A whole 96-well plate of which nothing is to be said."""
    rng = np.random.default_rng(1)
    rows = []
    for row in range(8):
        for column in range(12):
            for time in times:
                area = np.exp(rng.normal(0.1 * time / 24, spread)) if time else 1.0
                rows.append(
                    {
                        "plate": "P", "well": well_name(row, column), "time_h": time,
                        "condition": "vehicle" if column % 2 else "drug", "file": "x.tif",
                        "role": "vehicle" if column % 2 else "treated", "state": "intact",
                        "flags": "", "core_volume_loss_vs_t0": 1 - area**1.5,
                    }
                )  # fmt: skip
    return pd.DataFrame(rows)


def outer(wells: pd.DataFrame) -> pd.Series:
    return wells["well"].str[0].isin(["A", "H"]) | wells["well"].str[1:].isin(["01", "12"])


def test_a_sound_plate_raises_none() -> None:
    assert plate_alarms(plate(), Parameters()) == ()
    assert list(alarm_table(())) == list(COLUMNS)


def test_focus_that_is_lost() -> None:
    wells = plate()
    late = wells["time_h"] == 24.0
    hit = late & (wells["well"].str[0].isin(["C", "D"]))
    wells.loc[hit, "flags"] = "low_contrast;out_of_focus"
    (alarm,) = plate_alarms(wells, Parameters())
    assert (alarm.code, alarm.n_wells, alarm.of_wells, alarm.newest) == (
        Alarm.FOCUS_LOST, 24, 96, True,
    )  # fmt: skip
    (sentence,) = alarm_sentences([alarm])
    assert "Plate P at 24 h: 24 of 96 wells (25 %) are out of focus" in sentence
    # Fewer than a fifth, and fewer than five wells, are single wells' findings.
    wells.loc[wells["well"].str[0] == "D", "flags"] = ""
    assert plate_alarms(wells, Parameters()) == ()
    assert plate_alarms(wells[wells["well"].isin(["C01", "C02", "C03"])], Parameters()) == ()


def test_an_alarm_that_is_over_is_kept_and_not_said() -> None:
    wells = plate((0.0, 24.0, 48.0))
    wells.loc[wells["time_h"] == 24.0, "flags"] = "out_of_focus"
    (alarm,) = plate_alarms(wells, Parameters())
    assert (alarm.time_h, alarm.newest) == (24.0, False)
    assert alarm_sentences([alarm]) == []


def test_spheroids_that_vanished() -> None:
    wells = plate()
    hit = (wells["time_h"] == 24.0) & (wells["well"].str[1:].isin(["03", "04", "05"]))
    wells.loc[hit, "state"] = "vanished"
    wells.loc[hit, "core_volume_loss_vs_t0"] = np.nan
    (alarm,) = plate_alarms(wells, Parameters())
    assert (alarm.code, alarm.n_wells, alarm.wells[0]) == (Alarm.VANISHED, 24, "A03")


def test_an_edge_that_dries_out() -> None:
    wells = plate()
    late = wells["time_h"] == 24.0
    left = 1 - wells["core_volume_loss_vs_t0"]
    shrunken = late & outer(wells)
    wells.loc[shrunken, "core_volume_loss_vs_t0"] = 1 - left[shrunken] * 0.8**1.5
    (alarm,) = plate_alarms(wells, Parameters())
    assert alarm.code is Alarm.EDGE
    assert (alarm.n_wells, alarm.of_wells) == (36, 60)
    assert abs(alarm.value + 0.2) < 0.03
    assert alarm.low < alarm.value < alarm.high < 0
    (sentence,) = alarm_sentences([alarm])
    assert "smaller" in sentence
    # Treatments that differ are compared within themselves only.
    treated = wells["role"] == "treated"
    confounded = plate()
    all_drug = outer(confounded)
    confounded["condition"] = np.where(all_drug, "drug", "vehicle")
    confounded.loc[all_drug & (confounded["time_h"] == 24.0), "core_volume_loss_vs_t0"] = 0.6
    assert plate_alarms(confounded, Parameters()) == ()
    assert treated.any()
    assert plate_alarms(wells.assign(role="unmapped"), Parameters()) == ()


def test_a_small_difference_at_the_edge_is_none() -> None:
    wells = plate(spread=0.001)
    late = wells["time_h"] == 24.0
    left = 1 - wells["core_volume_loss_vs_t0"]
    some = late & outer(wells)
    wells.loc[some, "core_volume_loss_vs_t0"] = 1 - left[some] * 0.95**1.5
    assert plate_alarms(wells, Parameters()) == ()


def test_the_table_has_every_alarm() -> None:
    wells = plate((0.0, 24.0, 48.0))
    wells.loc[wells["time_h"] > 0, "flags"] = "out_of_focus"
    table = alarm_table(plate_alarms(wells, Parameters()))
    assert table[["time_h", "code", "newest", "n_wells"]].to_numpy().tolist() == [
        [24.0, "focus_lost", 0, 96],
        [48.0, "focus_lost", 1, 96],
    ]
    assert table["wells"].iloc[0].split()[0] == "A01"


def test_wells_without_an_image_and_blanks_are_not_counted() -> None:
    wells = plate()
    late = wells["time_h"] == 24.0
    wells.loc[late, "flags"] = "out_of_focus"
    wells.loc[late & (wells["well"].str[0] > "A"), "file"] = np.nan
    wells.loc[wells["well"].str[0] == "A", "role"] = "blank"
    assert plate_alarms(wells, Parameters()) == ()
