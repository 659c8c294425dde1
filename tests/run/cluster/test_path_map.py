"""Folders here and there."""

from __future__ import annotations

import pytest

from spheroid_qc.errors import RequestError
from spheroid_qc.run.cluster.path_map import PathMap


def test_without_a_map_paths_are_the_same(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plate").mkdir()
    assert PathMap().there(tmp_path / "plate") == tmp_path / "plate"
    assert PathMap.of(()).there(type(tmp_path)("plate")) == tmp_path / "plate"


def test_the_folder_that_is_nearest_counts(tmp_path):
    (tmp_path / "data" / "fast" / "plate").mkdir(parents=True)
    paths = PathMap.of([f"{tmp_path}/data=/mnt/slow", f"{tmp_path}/data/fast/=/mnt/fast/"])
    assert str(paths.there(tmp_path / "data" / "fast" / "plate")) == "/mnt/fast/plate"
    assert str(paths.there(tmp_path / "data" / "other")) == "/mnt/slow/other"
    assert str(paths.there(tmp_path / "data")) == "/mnt/slow"


def test_links_lead_to_what_was_named(tmp_path):
    (tmp_path / "disc" / "plate").mkdir(parents=True)
    (tmp_path / "short").symlink_to(tmp_path / "disc")
    by_name = PathMap.of([f"{tmp_path / 'short'}=/there"])
    assert str(by_name.there(tmp_path / "short" / "plate")) == "/there/plate"
    by_place = PathMap.of([f"{tmp_path / 'disc'}=/there"])
    assert str(by_place.there(tmp_path / "short" / "plate")) == "/there/plate"


def test_a_folder_outside_of_all_is_refused_with_what_to_type(tmp_path):
    for name in ("data", "data2"):
        (tmp_path / name).mkdir()
    with pytest.raises(RequestError, match=rf"--path-map {tmp_path}/data2=PATH"):
        PathMap.of([f"{tmp_path}/data=/there"]).there(tmp_path / "data2")


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("/data", "HERE=THERE"),
        ("=/data", "HERE=THERE"),
        (".=", "HERE=THERE"),
        (".=a=b", "HERE=THERE"),
        (".=there", "absolute"),
        ("no_such_folder=/there", "no folder no_such_folder"),
    ],
)
def test_an_entry_that_is_no_pair_is_refused(entry, words):
    with pytest.raises(RequestError, match=words):
        PathMap.of([entry])
