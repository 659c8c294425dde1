"""Colours of conditions on the plate: in the order in which curves get theirs."""

from __future__ import annotations

import colorsys

import pytest

from spheroid_qc.gui.well_colours import MUTED, condition_colours
from spheroid_qc.parameters import PlateParameters
from spheroid_qc.plate_map.read_map import read_map_of_run


def test_drugs_have_the_hues_of_their_curves_whatever_the_map_names_first(tmp_path) -> None:
    path = tmp_path / "map.csv"
    path.write_text(
        "well,role,drug,dose,unit,drug_2,dose_2,unit_2\n"
        "B02,vehicle,,,,,,\n"
        "B03,treated,selinexor,0.9,uM,gemcitabine,0.1,uM\n"
        "B04,treated,selinexor,0.1,uM,,,\n"
        "B05,treated,selinexor,0.9,uM,,,\n"
        "B06,treated,gemcitabine,0.1,uM,,,\n",
        "utf-8",
    )
    found = condition_colours(read_map_of_run(path, PlateParameters()).wells)
    hues = {}
    for name, colour in found.items():
        if colour != MUTED:
            rgb = (int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5))
            hues[name] = colorsys.rgb_to_hls(*rgb)[0]
    blue, orange, green = 0.57, 0.07, 0.45
    wanted = {
        "gemcitabine 0.1 uM": blue,
        "selinexor 0.1 uM": orange,
        "selinexor 0.9 uM": orange,
        "selinexor 0.9 uM + gemcitabine 0.1 uM": green,
    }
    assert hues == pytest.approx(wanted, abs=0.02)
