"""Replicate plates that were run one by one are one experiment."""

from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest

from spheroid_qc import Parameters
from spheroid_qc.errors import RequestError
from spheroid_qc.response.condition_summary import summarise_conditions
from spheroid_qc.run.tables.table_columns import WELLS_START
from spheroid_qc.workflow.plates_together import analyse_plates_together


@pytest.fixture
def two_runs(tmp_path):
    """Two plates of one name, as two exports of one microscope may have; one damaged more."""
    rows = []
    for n, well in enumerate(f"{row}{column:02d}" for row in "ABCD" for column in (1, 2, 3)):
        treated = n % 3
        for time_h in (0.0, 24.0):
            fraction = 0.05 + 0.01 * n + 0.3 * treated * (time_h > 0)
            rows.append(
                {"plate": "P", "well": well, "row": well[0], "column": int(well[1:]),
                 "time_h": time_h, "role": "treated" if treated else "vehicle",
                 "condition": f"a {treated} uM" if treated else "vehicle", "stratum": "",
                 "schedule": "", "drug_1": "a" if treated else None,
                 "dose_1_um": float(treated) if treated else None, "state": "intact",
                 "core_area_um2": 9e4, "disintegration_fraction": fraction,
                 "df_excess_vs_vehicle": fraction - 0.05, "is_t0": int(time_h == 0), "flags": "",
                 "time_since_dose_h": time_h,
                 "core_volume_loss_vs_vehicle": 0.01 * n}
            )  # fmt: skip
    runs = [tmp_path / "one_spheroid_qc", tmp_path / "two_spheroid_qc"]
    for n, folder in enumerate(runs):
        folder.mkdir()
        table = pd.DataFrame(rows)
        table = table.reindex(columns=list(dict.fromkeys([*WELLS_START, *table])))
        table["disintegration_fraction"] += 0.05 * n
        table.to_csv(folder / "wells.csv", index=False)
        names = ["plate", "well", "time_h", "code", "severity", "title", "detail", "advice", "file"]
        pd.DataFrame(columns=names).to_csv(folder / "qc.csv", index=False)
        summarise_conditions(table).to_csv(folder / "conditions.csv", index=False)
        (folder / "run.json").write_text(json.dumps({"parameters": {}, "given": n}))
    return runs


def test_wells_of_all_plates_stand_behind_each_condition(two_runs, tmp_path) -> None:
    target = tmp_path / "together"
    before = (two_runs[0] / "wells.csv").read_bytes()
    answer, page = analyse_plates_together(two_runs, target, Parameters())
    late = answer.conditions[answer.conditions["time_h"] == 24].set_index("condition")
    assert late["n_wells"].tolist() == [8, 8, 8]
    assert set(late["n_plates"]) == {2}
    assert set(late["n_biological"]) == {2}
    assert set(late["interval"]) == {"biological"}
    assert set(answer.wells["plate"]) == {"one_spheroid_qc / P", "two_spheroid_qc / P"}
    assert page.is_file()
    assert (two_runs[0] / "wells.csv").read_bytes() == before
    analyse_plates_together(two_runs, target, Parameters())  # again: into its own folder


def test_one_plate_and_one_that_has_not_ended_are_refused(two_runs, tmp_path) -> None:
    with pytest.raises(RequestError, match="two or more"):
        analyse_plates_together(two_runs[:1], tmp_path / "t", Parameters())
    shutil.copytree(two_runs[0], tmp_path / "three")
    (tmp_path / "three" / "wells.csv").unlink()
    with pytest.raises(RequestError, match="has not come to its end"):
        analyse_plates_together([*two_runs, tmp_path / "three"], tmp_path / "t", Parameters())
