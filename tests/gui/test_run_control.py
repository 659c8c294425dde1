"""Wells of a run as they come: one table of all rows, which grows by what is new. No window."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("napari")

from spheroid_qc.gui import run_control
from spheroid_qc.gui.run_control import LiveWells


def rows_of(well: str, area: float | None, fraction: float = 0.5) -> list[dict[str, object]]:
    place = {"plate": "P", "well": well}
    return [
        place | {"time_h": hours, "core_area_um2": area, "disintegration_fraction": fraction}
        for hours in (0.0, 48.0)
    ]


def test_the_table_of_live_wells_is_that_of_all_rows() -> None:
    live = LiveWells()
    assert live.table().empty
    # The first wells have no area: it is a number all the same once one has.
    for n, area in enumerate((None, None, 3.0, 4.0)):
        live["P", f"A{n}"] = rows_of(f"A{n}", area)
        live.table()
    live["P", "A1"] = rows_of("A1", 2.0, 0.25)  # once more, by a run that goes on
    found = live.table().sort_values(["well", "time_h"], ignore_index=True)
    wanted = pd.DataFrame([row for rows in live.values() for row in rows]).sort_values(
        ["well", "time_h"], ignore_index=True
    )
    pd.testing.assert_frame_equal(found[list(wanted.columns)], wanted)
    assert found["core_area_um2"].dtype == np.float64


def test_only_what_is_new_is_made_a_table(monkeypatch) -> None:
    made = []

    class Counted(pd.DataFrame):
        def __init__(self, data=None, *args, **more) -> None:
            if isinstance(data, list):
                made.append(len(data))
            super().__init__(data, *args, **more)

    live = LiveWells()
    for n in range(50):
        live["P", f"A{n}"] = rows_of(f"A{n}", 1.0)
    live.table()
    monkeypatch.setattr(run_control.pd, "DataFrame", Counted)
    live["P", "B1"] = rows_of("B1", 1.0)
    assert len(live.table()) == 102
    assert made == [2], "not all rows again"
    assert live.table() is live.table()
