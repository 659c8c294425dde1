"""Headings of wide columns: every word of them is told."""

from __future__ import annotations

import pytest

from spheroid_qc.tables.instruments.wide_headings import (
    WideHeading,
    counts_up,
    labels_above,
    read_wide_heading,
)
from spheroid_qc.tables.located_cells import TableRow


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("rep1", {"replicate": "rep1"}),
        ("Replicate 2", {"replicate": "Replicate 2"}),
        ("n3", {"replicate": "n3"}),
        ("HT29_rep2", {"name": "HT29", "replicate": "rep2"}),
        ("tam r1", {"name": "tam", "replicate": "r1"}),
        ("rep 1 (DLD)", {"name": "DLD", "replicate": "rep 1"}),
        ("24h_rep1", {"time": "24h", "replicate": "rep1"}),
        ("Day 2 (1)", {"time": "Day 2", "replicate": "1"}),
        ("72 h", {"time": "72 h"}),
        ("week 2", {"time": "week 2"}),
        ("bio rep 1", {"biological": "bio rep 1"}),
        ("Exp 2", {"biological": "Exp 2"}),
        ("N1_rep2", {"biological": "N1", "replicate": "rep2"}),
        ("hypoxia rep 1", {"name": "hypoxia", "replicate": "rep 1"}),
        ("Mean", {"statistic": True}),
        ("SD", {"statistic": True}),
        ("12", {"number": True}),
        ("A", {"name": "A"}),
        ("#2", {"name": "#2"}),
        ("T24", {"name": "T24"}),
    ],
)
def test_nothing_gets_lost(text: str, parts: dict[str, object]) -> None:
    assert read_wide_heading(text) == WideHeading(text, **parts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("texts", "counts"),
    [
        (["1", "2", "3"], True),
        (["1", "2", "1", "2"], True),
        (["0", "24", "48"], False),
        (["1", "3", "10"], False),
        (["1", "2", "3", "10", "11", "12"], False),
        (["1"], False),
    ],
)
def test_numbers_that_only_count(texts: list[str], counts: bool) -> None:
    assert counts_up(texts) is counts


def test_labels_hold_to_the_next_as_merged_cells_do() -> None:
    above = TableRow(1, ("", "HT29", "", "DLD"))
    assert labels_above(above, [2, 3, 4, 5]) == ["HT29", "HT29", "DLD", "DLD"]
    assert labels_above(TableRow(1, ("title",)), [2, 3]) is None
    assert labels_above(TableRow(1, ("", "", "DLD")), [2, 3]) == ["", "DLD"]
