"""The first sentence on what falls apart never denies what the states of a picture show."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from spheroid_qc import Parameters
from spheroid_qc.analysis.verdict.disintegration_verdict import disintegration_findings


def first_sentence(events: dict[str, int], at_the_end: dict[str, int], p: float) -> str:
    """Four wells a condition; `events` for long enough, `at_the_end` in the frame compared."""
    names = ["vehicle", *events]
    roles = ["vehicle", *("treated" for _ in events)]
    conditions = pd.DataFrame(
        {
            "condition": names,
            "role": roles,
            "time_h": 48.0,
            "stratum": "",
            "n_wells": 4,
            "n_disintegrated": [0, *(at_the_end.get(name, 0) for name in events)],
            "n_lost": 0,
        }
    )
    survival = pd.DataFrame(
        {
            "condition": names,
            "role": roles,
            "n_events_total": [0, *events.values()],
            "n": 4,
            "median_h": float("nan"),
        }
    )
    comparisons = pd.DataFrame(
        {
            "metric": "disintegration_fraction",
            "condition": list(events),
            "mean": 0.6,
            "reference_mean": 0.1,
            "p_dunnett": p,
        }
    )
    analysis = SimpleNamespace(
        kind="run", wells=pd.DataFrame({"disintegration_fraction": [0.1]}), time_h=48.0,
        parameters=Parameters(), conditions=conditions, survival=survival, given_units={},
        comparisons=comparisons,
    )  # fmt: skip
    return disintegration_findings(analysis)[0].sentence  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("events", "at_the_end", "p", "sentence"),
    [
        ({"a": 1, "b": 0}, {"a": 1}, 0.5, "In no treated condition did half of the spheroids fall "
         "apart by 48 h; of the vehicle wells 0 of 4."),
        ({"a": 0, "b": 0}, {"a": 4, "b": 1}, 1e-4, "Half of the spheroids or more fell apart in 1 "
         "of 2 treated conditions, but only in the last frame, which is too short to count; of "
         "the vehicle wells 0 of 4."),
        ({"a": 4, "b": 0}, {"a": 4, "b": 2}, 0.2, "Half of the spheroids or more fell apart in 1 "
         "of 2 treated conditions, which is not shown to be more than in vehicle; of the vehicle "
         "wells 0 of 4; in 1 condition only in the last frame."),
        ({"a": 4, "b": 0}, {"a": 4, "b": 2}, 1e-4, "Half of the spheroids or more fell apart in 1 "
         "of 2 treated conditions; of the vehicle wells 0 of 4; in 1 condition only in the last "
         "frame. First: a."),
    ],
)  # fmt: skip
def test_what_is_seen_comes_first(events, at_the_end, p, sentence) -> None:
    assert first_sentence(events, at_the_end, p) == sentence
