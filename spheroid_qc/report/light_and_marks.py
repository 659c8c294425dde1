"""What was done about uneven light and about marks of the wells: in words and as small pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from spheroid_qc.analysis import Analysis
from spheroid_qc.errors import RequestError
from spheroid_qc.report.figures.light_figures import draw_light
from spheroid_qc.report.figures.render import svg_for_page
from spheroid_qc.run.store.illumination_file import ChannelLight, LightMode, read_illumination
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.wording import plural

_SIZE = (190.0, 190.0)
_MARGINS = (10.0, 10.0, 10.0, 10.0)
_MOST = 6
"""Pictures on the page; a run of many plates has its numbers in `illumination.json`."""


@dataclass(frozen=True)
class LightPicture:
    """One light, drawn: heading, a line on it, SVG."""

    title: str
    note: str
    svg: str


def lights_of(folder: Path | None) -> list[ChannelLight]:
    """Read the light of a run folder; none where there is none, or it can't be read."""
    if folder is None:
        return []
    try:
        return read_illumination(RunFolder(folder)) or []
    except RequestError:
        return []


def light_sentences(lights: Sequence[ChannelLight]) -> list[str]:
    """Say for every plate and channel what was done about its light."""
    return [f"{_name(light)}: {_note(light)}" for light in lights]


def light_pictures(lights: Sequence[ChannelLight]) -> list[LightPicture]:
    """Draw the lights that were estimated from many frames."""
    drawn = [light for light in lights if light.terms is not None][:_MOST]
    return [
        LightPicture(
            _name(light),
            _note(light),
            svg_for_page(
                partial(draw_light, terms=light.terms or ()),
                f"light{number}",
                _SIZE,
                _MARGINS,
                alt=f"{_name(light)}: {_note(light)}",
            ),
        )
        for number, light in enumerate(drawn)
    ]


def mark_sentence(analysis: Analysis) -> str:
    """Say in how many frames how much was taken for marks of the well; empty where nothing was."""
    wells = analysis.wells
    if "static_background_px" not in wells:
        return ""
    taken = wells[wells["static_background_px"].fillna(0) > 0]
    if not len(taken):
        return ""
    share = taken["static_background_px"] / (
        taken["static_background_px"] + taken["total_area_px"].fillna(0)
    )
    return (
        "Marks that showed the same fine structure at the same place from the first time on were "
        f"taken out of the shed material of {plural(len(taken), 'frame')} in "
        f"{plural(len(taken[['plate', 'well']].drop_duplicates()), 'well')}; in the median "
        f"{share.median():.0%} of what had been found there."
    )


def _name(light: ChannelLight) -> str:
    channel = f", channel {light.channel}" if light.channel else ""
    return f"Light of plate {light.plate}{channel}" if light.plate else f"Light{channel}"


def _note(light: ChannelLight) -> str:
    frames = plural(light.frames, "frame")
    if light.mode is LightMode.UNKNOWN or light.height is None or light.unevenness is None:
        return (
            f"nothing was divided away, since the ground of {frames} tells nothing of the lamp "
            "(dark, covered or with walls)."
        )
    size = (
        f"{light.height:.0%} of the mean across the field, {light.unevenness:.1f} times the "
        f"contrast of the bodies (from {frames})"
    )
    if light.mode is LightMode.EVEN:
        return f"{size}: even enough, nothing was divided away."
    if light.mode is LightMode.FRAME:
        return f"{size}: every frame was divided by the light of its own ground."
    return f"{size}: all frames were divided by it, later ones as well."
