"""Light and marks in the report: sentences and pictures."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd

from spheroid_qc.report.light_and_marks import light_pictures, light_sentences, mark_sentence
from spheroid_qc.run.store.illumination_file import ChannelLight, LightMode

TERMS = (1.05, 0.1, -0.2, -0.1, 0.0, -0.05)


def light(mode: LightMode, **values: object) -> ChannelLight:
    return ChannelLight(plate="P1", channel="", mode=mode, frames=12, **values)


def test_every_mode_is_said_with_its_size() -> None:
    size = {"height": 0.4, "unevenness": 1.3}
    common, even, frame, unknown = light_sentences(
        [
            light(LightMode.COMMON, terms=TERMS, **size),
            light(LightMode.EVEN, terms=TERMS, **size),
            light(LightMode.FRAME, **size),
            light(LightMode.UNKNOWN),
        ]
    )
    assert "40% of the mean" in common
    assert "1.3 times the contrast" in common
    assert "12 frames" in common
    assert "all frames were divided by it" in common
    assert "nothing was divided away" in even
    assert "of its own ground" in frame
    assert "nothing was divided away" in unknown


def test_light_is_drawn_where_it_is_known() -> None:
    size = {"height": 0.4, "unevenness": 1.3}
    drawn = light_pictures([light(LightMode.COMMON, terms=TERMS, **size), light(LightMode.UNKNOWN)])
    assert [picture.title for picture in drawn] == ["Light of plate P1"]
    assert drawn[0].svg.startswith("<svg")
    assert "%" in drawn[0].svg


def test_marks_are_counted() -> None:
    wells = pd.DataFrame(
        {
            "plate": "P1",
            "well": ["A01", "A01", "A02"],
            "static_background_px": [100.0, 300.0, None],
            "total_area_px": [300.0, 300.0, 500.0],
        }
    )
    said = mark_sentence(SimpleNamespace(wells=wells))  # type: ignore[arg-type]
    assert "2 frames in 1 well" in said
    assert "38%" in said
    assert mark_sentence(SimpleNamespace(wells=wells.iloc[2:])) == ""  # type: ignore[arg-type]
