"""Sets of ImageJ ROIs: one zip a well, which Fiji's ROI Manager opens.

A core is one ROI, its holes kept; all shed material of a frame is one ROI, so that Fiji's *Measure*
gives the area that the tables count. The position is the number of the time: it fits a stack
of the well's frames in order of time.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spheroid_qc.errors import ImageError, RequestError
from spheroid_qc.export.counted_run import CountedPicture, CountedRun
from spheroid_qc.export.export_names import plate_file_name
from spheroid_qc.export.picture_copies import copy_stack
from spheroid_qc.export.pixel_outlines import PixelOutline, pixel_outlines
from spheroid_qc.run.overlays.draw_overlay import CORE_COLOUR, SHED_COLOUR

_BEGINNING = (1980, 1, 1, 0, 0, 0)
_STROKES = {"core": bytes((255, *CORE_COLOUR)), "shed": bytes((255, *SHED_COLOUR))}
"""Opacity, red, green, blue."""


def require_roifile() -> None:
    """Raise `RequestError` if the library is not installed."""
    try:
        import roifile  # noqa: F401
    except ImportError:
        raise RequestError(
            "ImageJ ROIs need the library roifile: pip install 'spheroid_qc[export]'."
        ) from None


def write_roi_sets(
    run: CountedRun, target: Path, done: Callable[[str, int], None], *, copy_images: bool
) -> list[str]:
    """Write a zip for every well, or field where there are several, in a folder a plate.

    Parameters
    ----------
    run : CountedRun
        Where it comes from.
    target : Path
        A folder, which is filled.
    done : callable
        Called with every finished well and its number of pictures.
    copy_images : bool
        Write the frames beside the ROIs, as a stack that they fit.

    Returns
    -------
    list of str
        Sentences on pictures that had to be left out.
    """
    problems: list[str] = []
    for plate in run.plates:
        folder = target / plate_file_name(plate)
        for well in run.wells(plate):
            pictures = run.pictures(plate, well)
            for place in sorted({picture.place for picture in pictures}):
                of_field = [picture for picture in pictures if picture.place == place]
                name = well + (f"_f{of_field[0].field}" if of_field[0].several else "")
                problems += _write_set(run, of_field, folder / f"{name}.zip")
                if copy_images:
                    problems += copy_stack(
                        run, of_field, folder / f"{name}.tif", len(run.times(plate))
                    )
            done(well, len(pictures))
    return problems


def _write_set(run: CountedRun, pictures: Sequence[CountedPicture], path: Path) -> list[str]:
    problems: list[str] = []
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for picture in pictures:
            try:
                core, shed = run.masks(picture)
            except ImageError as error:
                problems.append(str(error))
                continue
            parts = [(f"core_{n}", core == n) for n in np.unique(core[core > 0]).tolist()]
            for name, mask in [*parts, ("shed", shed)]:
                outlines = pixel_outlines(mask)
                if not outlines:
                    continue
                roi = _roi(picture, name, outlines)
                # The same masks give the same bytes: no time of day.
                entry = zipfile.ZipInfo(f"{roi.name}.roi", _BEGINNING)
                archive.writestr(entry, roi.tobytes(), zipfile.ZIP_DEFLATED)
    return problems


def _roi(picture: CountedPicture, part: str, outlines: Sequence[PixelOutline]) -> Any:
    """Make one ROI of all outlines: a traced one, or a composite of several rings."""
    from roifile import ROI_OPTIONS, ROI_SUBTYPE, ROI_TYPE, ImagejRoi

    rings = [ring for outline in outlines for ring in outline.rings]
    corners = np.concatenate(rings)
    left, top = corners.min(axis=0).tolist()
    right, bottom = corners.max(axis=0).tolist()
    excluded = "_excluded" if picture.excluded else ""
    roi = ImagejRoi(
        name=f"{picture.name}_{part}{excluded}",
        left=left, top=top, right=right, bottom=bottom,
        position=picture.timepoint + 1,
        stroke_color=_STROKES[part.partition("_")[0]],
        props=_properties(picture),
    )  # fmt: skip
    if len(rings) == 1:
        roi.roitype = ROI_TYPE.TRACED
        roi.n_coordinates = len(corners)
        roi.integer_coordinates = (corners - np.array([left, top])).astype(np.int32)
    else:
        path = np.concatenate([_path(ring) for ring in rings])
        roi.roitype = ROI_TYPE.RECT
        roi.shape_roi_size = path.size
        roi.multi_coordinates = path
    roi.subtype = ROI_SUBTYPE.UNDEFINED
    roi.options = ROI_OPTIONS.OVERLAY_LABELS
    return roi


def _path(ring: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Commands of a closed path as ImageJ stores them: 0 move, 1 line, 4 close."""
    lines = np.concatenate((np.ones((len(ring), 1)), ring), axis=1)
    lines[0, 0] = 0
    return np.append(lines.ravel(), 4).astype(np.float32)


def _properties(picture: CountedPicture) -> str:
    """Write what ImageJ shows as the ROI's properties: a line each."""
    facts = picture.facts()
    lines: Iterable[str] = (
        f"{name}: {';'.join(value) if isinstance(value, list) else value}"
        for name, value in facts.items()
        if value not in (None, "", [])
    )
    return "\n".join("".join(c for c in line if c.isprintable()) for line in lines) + "\n"
