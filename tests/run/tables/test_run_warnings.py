"""Sentences on what does not fit together."""

from __future__ import annotations

import pandas as pd

from spheroid_qc import run_plate
from tests.run.conftest import draw, write


def run(tmp_path, wells, map_text, **options):
    images = tmp_path / "images"
    for n, (well, radius) in enumerate(wells.items()):
        write(images / f"VID7_{well}_1_00d00h00m.tif", draw(radius, seed=n))
    (tmp_path / "map.csv").write_text(map_text, "utf-8")
    result = run_plate(images, tmp_path / "map.csv", tmp_path / "out", workers=0, **options)
    return result, pd.read_csv(tmp_path / "out" / "wells.csv").set_index("well")


def test_wells_without_map_and_without_image_are_said(tmp_path):
    result, _ = run(tmp_path, {"B2": 30, "B3": 30}, "well,drug,dose,unit\nB2,DMSO,0,\nC5,x,1,uM\n")
    text = "\n".join(result.notes)
    assert "1 well is not on the plate map (B03); its role is unmapped." in text
    assert "1 well is on the plate map without an image (C05); its rows have no values." in text
    assert "No imaged well" not in text


def test_a_map_of_another_plate_is_said_loudly(tmp_path):
    result, _ = run(tmp_path, {"B2": 30, "B3": 30}, "well,drug,dose,unit\nC5,x,1,uM\nC6,DMSO,0,\n")
    assert any(note.startswith("No imaged well is on the plate map") for note in result.notes)


def test_exclusions_in_use_are_said(tmp_path):
    table = tmp_path / "left_out.csv"
    table.write_text("well,reason\nB2,fell on the floor\n")
    result, wells = run(tmp_path, {"B2": 30}, "well,role\nB2,vehicle\n", exclusions=table)
    assert any("leaves out B02: fell on the floor" in note for note in result.notes)
    assert wells.loc["B02", "state"] == "unscorable"


def test_an_empty_blank_is_as_it_should_be_and_a_full_one_is_the_finding(tmp_path):
    text = "well,role\nB2,blank\nB3,blank\nB4,vehicle\n"
    _, wells = run(tmp_path, {"B2": 0, "B3": 30, "B4": 30}, text)
    assert pd.isna(wells.loc["B02", "flags"])
    assert wells.loc["B02", "state"] == "never_formed"
    assert wells.loc["B03", "flags"] == "blank_not_empty"
