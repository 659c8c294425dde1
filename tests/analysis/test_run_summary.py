"""What the terminal says is what the tables say."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from spheroid_qc import run_plate
from spheroid_qc.analysis.verdict.left_out import left_out_lines
from spheroid_qc.analysis.verdict.run_summary import condition_lines
from tests.run.conftest import write_plate


@pytest.fixture(scope="module")
def lines(tmp_path_factory) -> tuple[str, ...]:
    plate = write_plate(tmp_path_factory.mktemp("answer") / "images")
    written = plate.parent / "map.csv"
    written.write_text(written.read_text("utf-8").replace(",1,uM", ",1000,nM"), "utf-8")
    return run_plate(plate, plate.parent / "map.csv", workers=0).answer


def test_every_condition_has_its_line(lines):
    text = "\n".join(lines)
    assert "By condition at 12 h" in lines[0]
    vehicle = next(line for line in lines if line.startswith("vehicle"))
    assert "3 intact" in vehicle
    assert re.search(r"  -?[01] %  ", vehicle)
    gemcitabine = next(line for line in lines if line.startswith("gemcitabine 1000 nM"))
    assert "2 shrunken" in gemcitabine
    assert "DF: disintegration fraction" in text


def test_what_is_left_out_is_named_with_its_reason(lines):
    assert "  Missing frame at all times: E02" in lines
    assert "  No spheroid at time zero at all times: D02" in lines


def conditions(names, stratum=""):
    columns = {
        f"{metric}_{part}": 0.5
        for metric in ("disintegration_fraction", "core_volume_loss_vs_vehicle")
        for part in ("mean", "ci_low", "ci_high")
    }
    states = (
        "intact", "shrunken", "shedding", "disintegrated", "lost", "vanished", "never_formed",
        "unscorable",
    )  # fmt: skip
    counts = {f"n_{state}": 0 for state in states} | {"n_disintegrated": 2, "n_wells": 2}
    table = pd.DataFrame(
        [{"condition": n, "role": "treated", "time_h": 24.0} | columns | counts for n in names]
    )
    return table.assign(stratum=stratum)


def wells(names, onset):
    return pd.DataFrame(
        [
            {
                "plate": "P", "well": f"A{i + 1:02d}", "time_h": time, "condition": name,
                "role": "treated", "state": state, "disintegrated_since_dose_h": onset,
            }
            for i, name in enumerate(names)
            for time, state in ((0.0, "intact"), (24.0, "disintegrated"))
        ]
    )  # fmt: skip


def test_since_when():
    names = ["x 1 uM | PANC-1", "y 1 uM | PANC-1"]
    found = condition_lines(conditions(names, "PANC-1"), wells(names, 12.0))
    assert "all of them PANC-1" in found[0]
    assert any(line.startswith("x 1 uM ") and "1 of 1, median 12 h" in line for line in found)


def test_an_onset_that_rests_on_the_last_frame_is_said_to():
    names = ["x 1 uM"]
    found = condition_lines(conditions(names), wells(names, float("nan")))
    assert any("0 of 1, 1 only in the last frame" in line for line in found)


def test_nothing_left_out_is_said_too():
    qc = pd.DataFrame(columns=["plate", "well", "time_h", "code", "severity", "title"])
    assert left_out_lines(qc, wells(["x"], 1.0)) == ["Every frame could be scored."]
