"""The heat map: a value of nothing, no value and no image look different, in both themes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("napari")
pytestmark = pytest.mark.gui

from napari.settings import get_settings  # noqa: E402

from spheroid_qc.gui.panels.heat_map_view import HeatMap  # noqa: E402
from spheroid_qc.gui.well_colours import tone  # noqa: E402


def pixels_of(heat_map: HeatMap, well: str) -> np.ndarray:
    """What is inside the circle of a well, (pixels, 3)."""
    image = heat_map.grid.grab().toImage()
    box = heat_map.grid.box_of(well)
    ratio = image.width() / heat_map.grid.width()
    reach = box.width() * 0.2
    found = []
    for x in np.arange(box.center().x() - reach, box.center().x() + reach):
        for y in np.arange(box.center().y() - reach, box.center().y() + reach):
            colour = image.pixelColor(int(x * ratio), int(y * ratio))
            found.append((colour.red(), colour.green(), colour.blue()))
    return np.array(found)


def rgb(hex_colour: str) -> tuple[int, ...]:
    return tuple(int(hex_colour[n : n + 2], 16) for n in (1, 3, 5))


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("count", [12, 96, 384])
def test_nothing_no_value_and_no_image_differ(qtbot, theme, count) -> None:
    get_settings().appearance.theme = theme
    dark = theme == "dark"
    heat_map = HeatMap()
    qtbot.addWidget(heat_map)
    heat_map.resize(380, 420)
    heat_map.show()
    wells = pd.DataFrame(
        {"plate": "P", "well": ["A01", "A02", "B01", "B02"], "time_h": 0.0,
         "state": ["intact", "", "unscorable", "unscorable"],
         "role": ["vehicle", "vehicle", "blank", "vehicle"],
         "disintegration_fraction": [0.0, np.nan, np.nan, np.nan]}
    )  # fmt: skip
    heat_map.show_wells(wells, "P", count, [0.0], imaged=["A01", "A02", "A03", "B01", "B02"])
    nothing, no_value, not_yet, no_image = (
        pixels_of(heat_map, well) for well in ("A01", "A02", "A03", "C04")
    )
    assert (nothing == rgb(tone("s0", dark))).all(), "filled"
    ground = (no_image == rgb(tone("paper", dark))).all(axis=1)
    assert ground.mean() > 0.95, "hollow"
    for pixels in (no_value, not_yet):
        strong = np.abs(pixels - np.array(rgb(tone("paper", dark)))).max(axis=1) > 60
        assert 0.05 < strong.mean() < 0.6, "hatched"
    assert heat_map.grid.face("A02").hatched
    assert heat_map.grid.face("B01").hatched, "an empty well has no mark of its own"
    assert not heat_map.grid.face("A01").hatched
    assert (heat_map.grid.face("B02").mark, heat_map.grid.face("B02").hatched) == ("×", False)
