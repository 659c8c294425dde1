"""Colours of wells: by condition on the plate map, by value on a heat map; light and dark."""

from __future__ import annotations

import colorsys
import functools
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.analysis.metric_names import MetricName
from spheroid_qc.plate_map import MappedWell, condition_name
from spheroid_qc.report.palette import PALETTE, step_of

CORE = "#f0e442"
"""Outline of the core, as in the overlays."""
SHED = "#56b4e9"
"""Outline of the shed material, as in the overlays."""

MUTED, BLANK = "#9aa3ad", "#dfe3e7"
"""Vehicle wells, and wells without cells; the first shows on dark and light themes."""

# Hues that colour-blind eyes tell apart, in the order in which drugs and combinations get them.
_HUES = (0.57, 0.075, 0.45, 0.87, 0.14, 0.70, 0.98, 0.30)


def is_dark() -> bool:
    """Tell whether napari's theme is a dark one."""
    from napari.settings import get_settings
    from napari.utils.theme import get_theme

    theme = get_settings().appearance.theme
    red, green, blue = get_theme(theme).background.as_rgb_tuple()[:3]
    return bool(0.299 * red + 0.587 * green + 0.114 * blue < 128)


_LEGIBLE = 4.6
"""Contrast of text to what it stands on: 4.5 in WCAG 2.2 (1.4.3), and a little for rounding."""


def quiet_colour() -> str:
    """Give the colour of what stands in an empty field: napari's text, as faint as is legible."""
    from napari.settings import get_settings

    return _quiet_colour(get_settings().appearance.theme)


@functools.cache
def _quiet_colour(name: str) -> str:
    """Give it for a theme; once, for each field asks at every change of theme."""
    from napari.utils.theme import get_theme

    theme = get_theme(name)
    text, field = (np.array(c.as_rgb_tuple()[:3]) / 255 for c in (theme.text, theme.primary))
    shares = np.linspace(0.5, 1.0, 26)
    mixed = next(
        (m for m in (share * text + (1 - share) * field for share in shares)
         if contrast(m, field) >= _LEGIBLE),
        text,
    )  # fmt: skip
    return "#" + "".join(f"{round(255 * part):02x}" for part in mixed)


def contrast(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Give the contrast of two sRGB colours in [0, 1], 1 to 21, as WCAG 2.2 defines it."""
    light = [
        float(np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
              @ np.array([0.2126, 0.7152, 0.0722]))
        for c in (one, other)
    ]  # fmt: skip
    return (max(light) + 0.05) / (min(light) + 0.05)


def tone(name: str, dark: bool) -> str:
    """Give a colour of the report's palette in the present theme."""
    return PALETTE[name][1 if dark else 0]


def condition_colours(wells: Iterable[MappedWell]) -> dict[str, str]:
    """Give each condition of a map a `#rrggbb`: hue by drugs, depth by dose, controls grey."""
    found: dict[str, str] = {}
    doses: dict[tuple[str, ...], dict[str, float]] = {}
    for well in wells:
        name = condition_name(well)
        if well.role == "vehicle":
            found[name] = MUTED
        elif well.role == "blank":
            found[name] = BLANK
        elif well.role == "positive_control":
            found[name] = "#4a3b6b"
        else:
            drugs = tuple(dose.drug for dose in well.drugs)
            doses.setdefault(drugs, {})[name] = float(np.prod([d.dose for d in well.drugs] or [0]))
    # In the order of the tables, so that a drug's curve is of the colour of its wells.
    families = sorted(doses, key=lambda drugs: (len(drugs), sorted(drugs)))
    for number, names in enumerate(doses[drugs] for drugs in families):
        hue = _HUES[number % len(_HUES)]
        ordered = sorted(names, key=lambda name: names[name])
        for rank, name in enumerate(ordered):
            depth = 0.5 if len(ordered) == 1 else rank / (len(ordered) - 1)
            rgb = colorsys.hls_to_rgb(hue, 0.74 - 0.38 * depth, 0.62)
            found[name] = "#" + "".join(f"{round(255 * part):02x}" for part in rgb)
    return found


def value_colour(
    value: float, low: float, high: float, metric: MetricName, dark: bool
) -> str | None:
    """Colour of a value on the metric's ramp; None where there is no value."""
    step = step_of(value, low, high)
    return None if step is None else tone(f"{'d' if metric.diverging else 's'}{step}", dark)
