"""The place in a review is a person's own, and never in anybody's way."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("napari")

from spheroid_qc.gui.state import review_place
from spheroid_qc.gui.state.review_place import ReviewPlace, keep_place, places_file, read_place


@pytest.fixture(autouse=True)
def _own_place(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def place(well: str = "B02") -> ReviewPlace:
    return ReviewPlace(shown="doubtful", blanks=True, plate="P", well=well, timepoint=2)


def test_it_comes_back_for_its_run_folder_and_no_other(tmp_path) -> None:
    keep_place(tmp_path / "a", place())
    keep_place(tmp_path / "b", place("C03"))
    keep_place(tmp_path / "a", place("B04"))
    assert read_place(tmp_path / "a") == place("B04")
    assert read_place(tmp_path / "x" / ".." / "b") == place("C03")
    assert read_place(tmp_path / "c") is None


def test_only_the_latest_are_kept(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(review_place, "_MOST", 2)
    for name in "abca":
        keep_place(tmp_path / name, place())
    assert [path[-1] for path in json.loads(places_file().read_text())] == ["c", "a"]


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"%s": 3}', '{"%s": {"well": "B02"}}'])
def test_a_damaged_file_is_no_place(tmp_path, text) -> None:
    places_file().parent.mkdir(parents=True, exist_ok=True)
    places_file().write_text(text.replace("%s", str(tmp_path)))
    assert read_place(tmp_path) is None
    keep_place(tmp_path, place())
    assert read_place(tmp_path) == place()


def test_where_nothing_can_be_written_it_is_forgotten(tmp_path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    keep_place(tmp_path, place())
    assert read_place(tmp_path) is None
