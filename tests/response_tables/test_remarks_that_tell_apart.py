"""Columns called remarks that hold the name of something: asked about; real remarks: let be."""

from __future__ import annotations

from pathlib import Path

import pytest

from spheroid_qc.errors import RequestError
from spheroid_qc.response_tables.read_responses import read_response_files

DOSES = (0.1, 0.3, 1, 3, 10)


def table(path: Path, heading: str, words: tuple[str, str], *, more: str = "") -> Path:
    lines = [f"drug,dose_uM,viability (%),{heading}"]
    for word, ec50 in zip(words, (0.3, 3), strict=True):
        lines.append(f"DMSO,,100,{word}")
        lines += [f"gem,{dose},{100 / (1 + dose / ec50):.1f},{word}" for dose in DOSES]
    path.write_text("\n".join([*lines, more]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("heading", "words"),
    [
        ("ID", ("P01", "P02")),
        ("Comment", ("hypoxia", "normoxia")),
        ("Note", ("serum free", "10% FBS")),
        ("File", ("PANC1.csv", "MIAPACA2.csv")),
        ("State", ("KRAS mut", "KRAS wt")),
    ],
)
def test_words_in_every_line_are_asked_about(
    tmp_path: Path, heading: str, words: tuple[str, str]
) -> None:
    with pytest.raises(RequestError, match=f"differ in this column.*'stratum {heading}'"):
        read_response_files(table(tmp_path / "t.csv", heading, words))


def test_remarks_here_and_there_are_let_be(tmp_path: Path) -> None:
    found = read_response_files(
        table(tmp_path / "t.csv", "Comment", ("", ""), more="gem,1,60,edge")
    )
    assert len(found.rows) == 13
