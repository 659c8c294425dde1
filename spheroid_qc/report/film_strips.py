"""Small pictures for the page: film strips of wells, with outlines as vectors beside them.

The picture is the image alone, small and grey; outlines of core and shed material are drawn over
it as paths, in the colours of the page, and can be taken away to see what they hide. All strips
of a report show the same length on the plate, centred where the spheroid was at time zero.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.errors import ImageError
from spheroid_qc.images import PlateCalibration
from spheroid_qc.parameters import Parameters
from spheroid_qc.report.image_and_mask_of_well import ViewSource
from spheroid_qc.report.kept_tiles import Tile, make_tile, read_tiles, tile_key, write_tiles
from spheroid_qc.run.store.corrected_masks import mask_path
from spheroid_qc.run.store.mask_files import mask_digest, read_masks
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.run.well.load_images import FieldImage, OpenFile
from spheroid_qc.run.well.reload_frame import load_analysed

GRID = 2
"""Steps of an outline per pixel of the picture."""

_QUALITY = 62
_MOST_PIECES = 40
_SMALL = 16
FloatArray = NDArray[np.float64]
Crop = tuple[float, float, float]


@dataclass(frozen=True)
class StripTask:
    """A strip to be drawn.

    `key` is given back with the strip; `out` is the run folder. A view of None leaves its place
    empty; `crop` is centre (y, x) and side of what is shown in image pixels (None: the whole
    frame), `px` the side of one picture in the strip. `kept` is where pictures of the well lie that
    were drawn before under the same settings (`under`, their digest); with `keep` they are replaced
    by those of this strip.
    """

    key: tuple[Any, ...]
    folder: Path
    out: Path
    views: tuple[ViewSource | None, ...]
    crop: Crop | None
    px: int
    parameters: Parameters
    calibration: PlateCalibration
    kept: Path | None = None
    under: str = ""
    keep: bool = False


@dataclass(frozen=True)
class Strip:
    """Pictures side by side.

    `px` is the side of one picture, `um_per_px` the length of one pixel of the strip; `shown` tells
    which could be read, and `uri` is empty if none could. `core` and `shed` are SVG paths of each
    picture, in steps of 1 / `GRID` of its pixels.
    """

    key: tuple[Any, ...]
    px: int
    shown: tuple[bool, ...]
    uri: str
    core: tuple[str, ...]
    shed: tuple[str, ...]
    um_per_px: float | None


def draw_strip(task: StripTask) -> Strip:
    """Read, cut out, shrink and outline; a picture that can't be read leaves an empty place."""
    known = {} if task.kept is None else read_tiles(task.kept, task.px)
    keys = [_key(task, view) for view in task.views]
    tiles: list[Tile | None] = []
    with OpenFile() as files:
        for key, view in zip(keys, task.views, strict=True):
            if key in known:
                tiles.append(known[key])
            else:
                tiles.append(None if view is None else _draw_tile(task, view, files))
    fresh = {key: one for key, one in zip(keys, tiles, strict=True) if key and one is not None}
    if task.kept is not None and task.keep and set(fresh) != set(known):
        write_tiles(task.kept, fresh)
    scales = [one.um_per_px for one in tiles if one is not None and one.um_per_px is not None]
    return Strip(
        key=task.key,
        px=task.px,
        shown=tuple(one is not None for one in tiles),
        uri=_encoded([None if one is None else one.pixels for one in tiles], task.px),
        core=tuple("" if one is None else one.core for one in tiles),
        shed=tuple("" if one is None else one.shed for one in tiles),
        um_per_px=scales[-1] if scales else None,
    )


def _key(task: StripTask, view: ViewSource | None) -> str:
    """Under what a picture is kept; empty where it is not known what it shows."""
    if task.kept is None or view is None or not view.content:
        return ""
    run, limit = RunFolder(task.out), task.parameters.images.max_megapixels
    try:
        mask = mask_digest(mask_path(run, view.mask), limit)
    except OSError:  # its name leads out of the run folder
        return ""
    moment = view.well_timepoint
    return "" if mask is None else tile_key(
        task.under, moment.signature, view.content, view.field, view.stitched, mask, task.crop,
        task.px,
    )  # fmt: skip


def _draw_tile(task: StripTask, view: ViewSource, files: OpenFile) -> Tile | None:
    found = _read(task, view, files)
    if found is None:
        return None
    image, core, shed = found
    box = _box(image.pixels.shape, task.crop)
    um = image.pixel_size_um
    return make_tile(
        _cut(image.pixels, box, task.px),
        outline_paths(_cut(core > 0, box, task.px)),
        outline_paths(_cut(shed & (core == 0), box, task.px), level=0.4),
        None if um is None else um * box[2] / task.px,
    )


def _read(
    task: StripTask, view: ViewSource, files: OpenFile
) -> tuple[FieldImage, NDArray[np.int32], NDArray[np.bool_]] | None:
    try:
        image = load_analysed(
            task.folder, view.well_timepoint, view.field, view.stitched, task.parameters,
            task.calibration, files,
        )  # fmt: skip
        # What a person corrected counts here as in every table.
        core, shed = read_masks(
            mask_path(RunFolder(task.out), view.mask),
            task.parameters.images.max_megapixels,
            image.pixels.shape,
        )
    except (ImageError, OSError):
        return None
    return image, core, shed


def _box(shape: tuple[int, ...], crop: Crop | None) -> Crop:
    """Top, left and side of the square that is shown; beyond the frame there is nothing."""
    if crop is None:
        side = float(max(shape))
        return (shape[0] - side) / 2, (shape[1] - side) / 2, side
    return crop[0] - crop[2] / 2, crop[1] - crop[2] / 2, crop[2]


def _cut(pixels: NDArray[Any], box: Crop, px: int) -> FloatArray:
    """Cut out a square and average it down; NaN beyond the frame and in gaps."""
    from PIL import Image

    top, left, side = box
    height, width = pixels.shape
    y0, x0 = max(0, round(top)), max(0, round(left))
    y1, x1 = min(height, round(top + side)), min(width, round(left + side))
    tile = np.full((px, px), np.nan)
    rows = [round((y0 - top) / side * px), round((y1 - top) / side * px)]
    columns = [round((x0 - left) / side * px), round((x1 - left) / side * px)]
    rows, columns = [max(0, min(px, n)) for n in rows], [max(0, min(px, n)) for n in columns]
    if rows[1] <= rows[0] or columns[1] <= columns[0]:
        return tile
    picture = Image.fromarray(np.ascontiguousarray(pixels[y0:y1, x0:x1], dtype=np.float32))
    size = (columns[1] - columns[0], rows[1] - rows[0])
    tile[rows[0] : rows[1], columns[0] : columns[1]] = picture.resize(size, Image.Resampling.BOX)
    return tile


def outline_paths(mask: FloatArray, level: float = 0.5) -> str:
    """Outline a mask as an SVG path in whole steps of 1 / `GRID` pixels.

    `mask` (y, x) is the share of each pixel that is covered; NaN counts as 0, and from `level` a
    pixel is inside. Closed sub-paths, the largest ones first; empty for an empty mask.
    """
    from skimage import measure

    outlines: Any = measure  # untyped

    padded = np.pad(np.nan_to_num(mask), 1)
    if padded.max(initial=0.0) < level:
        return ""
    lines = sorted(outlines.find_contours(padded, level), key=len, reverse=True)[:_MOST_PIECES]
    parts = []
    for line in lines:
        points = outlines.approximate_polygon(line, 0.3) if len(line) > _SMALL else line
        # The first point stands again at the end; the centre of a pixel lies at its half.
        steps = np.round((points[:-1] - 0.5) * GRID).astype(int)
        moves = np.diff(steps, axis=0)
        moves = moves[(moves != 0).any(axis=1)]
        if len(moves) < 2:
            continue
        start = f"M{steps[0, 1]} {steps[0, 0]}"
        parts.append(start + "l" + " ".join(f"{x} {y}" for y, x in moves.tolist()) + "z")
    return "".join(parts)


def _encoded(tiles: Sequence[FloatArray | None], px: int) -> str:
    """Join the tiles, with one stretch of brightness for all of them, as a JPEG."""
    from PIL import Image

    known = [tile for tile in tiles if tile is not None]
    if not known:
        return ""
    values = np.concatenate([tile[np.isfinite(tile)] for tile in known])
    low, high = np.percentile(values, (0.2, 99.8)) if values.size else (0.0, 1.0)
    span = float(high - low) if high > low else 1.0
    strip = np.full((px, px * len(tiles)), 128.0)
    for n, tile in enumerate(tiles):
        if tile is not None:
            strip[:, n * px : (n + 1) * px] = np.nan_to_num(
                (tile - low) * (235.0 / span) + 10.0, nan=128.0
            )
    buffer = io.BytesIO()
    picture = Image.fromarray(np.clip(strip, 0, 255).astype(np.uint8))
    picture.save(buffer, format="JPEG", quality=_QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
