"""Tables of exclusions as people write them: read by the rules of every other table."""

from __future__ import annotations

import pytest

from spheroid_qc.errors import PlateMapError
from spheroid_qc.run.store.review_decisions import Exclusion, read_exclusions, write_exclusions


def test_headings_wells_and_times(tmp_path) -> None:
    path = tmp_path / "exclusions.csv"
    path.write_text(
        "Plate ID,Well ID,Time (min),Comment\np1,Well A1,90,dust\np1,R02C03,,empty\nTotal,,,\n",
        "utf-8",
    )
    assert read_exclusions(path) == [
        Exclusion("p1", "A01", 1.5, "dust"),
        Exclusion("p1", "B03", None, "empty"),
    ]
    path.write_text("row,col,time\nB,3,48h\n", "utf-8")
    assert read_exclusions(path) == [Exclusion("", "B03", 48.0, "")]
    write_exclusions(path, [Exclusion("p", "A01", 6.5, "r", "me", "today")])
    assert read_exclusions(path) == [Exclusion("p", "A01", 6.5, "r", "me", "today")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("plate,time_h\np,3\n", "exclusions need a column named well"),
        ("well,colour_of\nA1,3\n", "the column 'colour_of' means nothing"),
        ("well,Well ID\nA1,A1\n", "several columns mean well"),
        ("well,time_h\nA1,soon\n", "'soon' is not a number"),
        ("well\nZ99\n", "is not a well"),
    ],
)
def test_refused(tmp_path, text, message) -> None:
    path = tmp_path / "exclusions.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(PlateMapError, match=message):
        read_exclusions(path)


def test_titles_above_and_other_words(tmp_path) -> None:
    path = tmp_path / "exclusions.csv"
    path.write_text(
        "Outliers of May\n\nPozo,Placa,reason\nWell B2,P1,n.d.\nR03C04,P1,dust\n", "utf-8"
    )
    assert read_exclusions(path) == [
        Exclusion("P1", "B02", None, "", "", ""), Exclusion("P1", "C04", None, "dust", "", ""),
    ]  # fmt: skip
