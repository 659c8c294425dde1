"""The order in which frames are looked at: no window needed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spheroid_qc.gui.state.review_queue import SHOWN, queue_of

TIMES = {"P": {0: 0.0, 1: 24.0}}


def tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    lines = [
        ("P", "A01", 0.0, 0.9, "classical", "a.tif"),
        ("P", "A01", 24.0, 0.8, "classical", "b.tif"),
        ("P", "A02", 0.0, 0.4, "classical", "c.tif"),
        ("P", "A02", 24.0, 0.95, "corrected", "d.tif"),
        ("P", "A03", 0.0, float("nan"), None, None),
    ]  # fmt: skip
    wells = pd.DataFrame(lines, columns=["plate", "well", "time_h", "confidence", "method", "file"])
    found = [
        ("P", "A01", 24.0, "out_of_focus", "exclude", "Out of focus", "blurred"),
        ("P", "A02", 0.0, "low_confidence", "warn", "Low confidence", "0.4"),
        ("P", "A01", 0.0, "few_references", "warn", "Few references", "about the plate"),
        ("P", "A02", 24.0, "df_unvalidated", "info", "Not validated", ""),
        ("P", None, None, "no_vehicle", "warn", "No vehicle", ""),
    ]
    names = ["plate", "well", "time_h", "code", "severity", "title", "detail"]
    return wells, pd.DataFrame(found, columns=names)


def queue(shown: str, decided: str = ""):
    return queue_of(
        *tables(), TIMES, lambda p, w, t: "accept" if f"{w} {t:g}" == decided else "",
        lambda *_: False, shown,
    )  # fmt: skip


def places(entries) -> list[str]:
    return [f"{entry.well} {entry.time_h:g}" for entry in entries]


def test_the_most_suspicious_stands_first_and_only_the_picture_counts() -> None:
    assert places(queue(SHOWN[0])) == ["A01 24", "A02 0"]
    assert queue(SHOWN[0])[0].why == "Out of focus"


def test_other_lists() -> None:
    assert places(queue(SHOWN[1])) == ["A01 24"]
    assert places(queue(SHOWN[2], "A01 0")) == ["A01 0", "A02 24"]
    everything = queue(SHOWN[3])
    assert len(everything) == 4, "a missing image can't be looked at"
    assert [entry.timepoint for entry in everything if entry.well == "A01"] == [1, 0]
    assert all(entry.done == entry.corrected for entry in everything)


def test_blank_wells_come_only_if_asked_for_and_strangers_first() -> None:
    from spheroid_qc.gui.state.review_queue import disagreement

    rows = [
        {"plate": "P", "well": well, "time_h": hours, "condition": condition, "role": role,
         "confidence": 1.0, "method": "learned", "disintegration_fraction": value, "file": "x"}
        for well, condition, role, values in (
            ("A01", "vehicle", "vehicle", (0.0, 0.0, 0.0)),
            ("A02", "vehicle", "vehicle", (0.0, 0.6, 0.0)),
            ("A03", "vehicle", "vehicle", (0.0, 0.0, 0.1)),
            ("B01", "drug", "treated", (0.0, 0.5, 0.9)),
            ("B02", "drug", "treated", (0.0, 0.5, 0.9)),
            ("C01", "blank", "blank", (np.nan, np.nan, np.nan)),
        )
        for hours, value in zip((0.0, 24.0, 48.0), values, strict=True)
    ]  # fmt: skip
    wells = pd.DataFrame(rows)
    away = dict(zip(zip(wells["well"], wells["time_h"], strict=True), disagreement(wells),
                    strict=True))  # fmt: skip
    assert away["A02", 24.0] == pytest.approx(0.6)
    assert away["B01", 48.0] == pytest.approx(0.0), "it agrees with the rest of its condition"
    assert max(away.values()) == away["A02", 24.0]
    qc = pd.DataFrame(columns=["plate", "well", "time_h", "code", "severity", "title", "detail"])
    times = {"P": {0: 0.0, 1: 24.0, 2: 48.0}}

    def queued(**more):
        return queue_of(wells, qc, times, lambda *_: "", lambda *_: False, "all frames", **more)

    assert queued()[0].key == ("P", "A02", 1)
    assert "C01" not in {entry.well for entry in queued()}
    assert "C01" in {entry.well for entry in queued(blanks=True)}
