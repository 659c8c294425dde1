"""The method of a plate in a run: decided once on many frames, named in `run.json`, kept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from spheroid_qc import segment
from spheroid_qc.run import plate_method
from spheroid_qc.run.plate_method import decide_method, decided_methods
from tests.run.conftest import analyse, draw, write

WELLS = ("B2", "B3", "B4", "C2")


def write_wells(folder: Path, times: range = range(2)) -> Path:
    for n, well in enumerate(WELLS):
        for time in times:
            image = draw(34 + n, shed=4 * n, seed=10 * n + time)
            write(folder / f"VID7_{well}_1_00d{6 * time:02d}h00m.tif", image)
    return folder


def named(out: Path) -> dict:
    return json.loads((out / "run.json").read_text("utf-8"))["methods"]


def test_one_method_a_plate_is_decided_named_and_kept(tmp_path, monkeypatch) -> None:
    write_wells(tmp_path / "images")
    _, tables = analyse(tmp_path / "images")
    (found,) = named(tmp_path / "out").values()
    assert found["method"] == "learned"
    assert found["frames"] == 8
    assert 0.5 < found["expected_learned"] <= 1
    assert set(tables["wells"]["method"]) == {"learned"}
    # Frames that come later do not decide anew.
    monkeypatch.setattr(plate_method, "decide_method", lambda samples: pytest.fail("decided anew"))
    write_wells(tmp_path / "images", range(2, 3))
    _, tables = analyse(tmp_path / "images")
    assert named(tmp_path / "out") == {"": found} or found in named(tmp_path / "out").values()
    assert len(tables["wells"]) == 12


def test_rules_of_which_more_is_expected_make_every_mask(tmp_path, monkeypatch) -> None:
    write_wells(tmp_path / "images")
    chances = iter([{"learned": 0.9, "classical": 0.8}, {"learned": 0.4, "classical": 0.8}] * 4)
    monkeypatch.setattr(plate_method, "sample_methods", lambda task: next(chances))
    _, tables = analyse(tmp_path / "images")
    (found,) = named(tmp_path / "out").values()
    assert (found["expected_learned"], found["expected_classical"]) == (0.65, 0.8)
    assert set(tables["wells"]["method"]) == {"classical"}


def test_masks_of_the_rules_have_the_interval_of_the_network_s_doubt(tmp_path, monkeypatch) -> None:
    write_wells(tmp_path / "images", range(1))
    chances = {"learned": 0.4, "classical": 0.8}
    monkeypatch.setattr(plate_method, "sample_methods", lambda task: chances)
    _, tables = analyse(tmp_path / "images")
    wells = tables["wells"]
    assert set(wells["method"]) == {"classical"}
    low, high = (wells[f"disintegration_fraction_{end}"] for end in ("low", "high"))
    assert (low <= wells["disintegration_fraction"]).all()
    assert (high >= wells["disintegration_fraction"]).all()
    image = draw(34)
    assert segment(image, leading="classical").disintegration_interval == (
        segment(image, method="learned").disintegration_interval
    )


def test_too_few_frames_decide_nothing(tmp_path) -> None:
    write(tmp_path / "images" / "VID7_B2_1_00d00h00m.tif", draw(36))
    analyse(tmp_path / "images")
    assert named(tmp_path / "out") == {}


def test_the_network_leads_where_as_much_is_expected_of_both() -> None:
    assert decide_method([{"learned": 0.7, "classical": 0.7}])["method"] == "learned"
    assert decide_method([{"learned": 0.7, "classical": 0.71}])["method"] == "classical"


def test_the_network_leads_where_a_person_taught_it() -> None:
    sample = {"learned": 0.4, "classical": 0.8}
    assert decide_method([sample | {"adapted": 0.9}])["method"] == "learned"
    assert decide_method([sample | {"adapted": 0.1}])["method"] == "classical"


@pytest.mark.parametrize("known", [None, [], {"": "learned"}, {"": {"method": "other"}}, 3])
def test_what_is_no_decision_is_made_anew(known) -> None:
    assert decided_methods(known) == {}


def test_the_leading_method_makes_the_masks_and_an_empty_field_stays_empty() -> None:
    image = draw(40)
    for method in ("learned", "classical"):
        assert segment(image, leading=method).method == method
    bare = np.random.default_rng(0).normal(30000, 250, (192, 192)).astype(np.uint16)
    assert not segment(bare, leading="learned").core.any()
