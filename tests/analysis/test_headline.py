"""The headline denies nothing that the pictures of the last frame show."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from spheroid_qc.analysis.verdict.findings import VerdictFinding
from spheroid_qc.analysis.verdict.headline import headline


def said(fell: dict[str, str], disintegrated: dict[str, int]) -> str:
    """Give the headline of two drugs and their combination, three wells each."""
    drugs = {"a": ("a",), "b": ("b",), "a + b": ("a", "b")}
    families = [
        SimpleNamespace(treatment=name, names=(f"{name} 1 uM",), drugs=parts, stratum="")
        for name, parts in drugs.items()
    ]
    findings = [
        VerdictFinding(
            "falls_apart", f"{name} 1 uM", outcome, "",
            {"condition": f"{name} 1 uM", "median_h": 24.0},
        )
        for name, outcome in fell.items()
    ]  # fmt: skip
    conditions = pd.DataFrame(
        {
            "condition": [f"{name} 1 uM" for name in drugs],
            "role": "treated",
            "time_h": 72.0,
            "n_wells": 3,
            "n_disintegrated": [disintegrated.get(name, 0) for name in drugs],
            "n_lost": 0,
        }
    )
    verdict = SimpleNamespace(about=lambda topic: findings if topic == "falls_apart" else [])
    survival = pd.DataFrame(
        {
            "condition": conditions["condition"],
            "role": "treated",
            "n_events_total": [3 * (fell.get(name) == "yes") for name in drugs],
            "n": 3,
            "median_h": 24.0,
        }
    )
    nothing = pd.DataFrame()
    analysis = SimpleNamespace(
        verdict=verdict, conditions=conditions, survival=survival, comparisons=nothing,
        wells=nothing, time_h=72.0,
    )  # fmt: skip
    return headline(analysis, families)[0]


@pytest.mark.parametrize(
    ("fell", "disintegrated", "end"),
    [
        ({"a + b": "yes"}, {"a + b": 3}, "; no drug alone did."),
        ({"a + b": "yes"}, {"a + b": 3, "a": 3}, "; a alone only in the last frame."),
        ({"a + b": "yes", "a": "yes"}, {"a + b": 3, "a": 3, "b": 3}, "; so did a alone."),
        ({"a": "yes"}, {"a": 3, "a + b": 2}, "; a + b only in the last frame."),
        ({"a": "no"}, {"a": 2}, "fall apart; a only in the last frame."),
        ({"a": "no"}, {"a": 1}, "fall apart."),
    ],
)
def test_what_only_the_last_frame_shows_is_said(fell, disintegrated, end) -> None:
    assert said(fell, disintegrated).endswith(end)
