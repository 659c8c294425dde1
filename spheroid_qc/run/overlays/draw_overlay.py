"""Pictures to look at: the frame with outlines of core and shed material, numbered and named.

The caption stands below the picture, so that nothing of it is hidden. Outlines are drawn at the
size of the picture, from the masks as they were saved.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from spheroid_qc.atomic import atomic_path
from spheroid_qc.errors import ImageError, OutputError
from spheroid_qc.images import PlateCalibration
from spheroid_qc.parameters import Parameters
from spheroid_qc.run.store.corrected_masks import mask_path, mask_state
from spheroid_qc.run.store.mask_files import read_masks
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.run.store.well_records import WellTimepoint
from spheroid_qc.run.well.load_images import OpenFile
from spheroid_qc.run.well.reload_frame import load_analysed

CORE_COLOUR = (240, 228, 66)
SHED_COLOUR = (86, 180, 233)
_FORM = 1
"""To be raised when overlays are drawn otherwise: all are made anew then."""

_INK = (235, 235, 235)
_PAPER = (24, 24, 24)
_COMPRESSION = 3  # zlib's usual 6 makes noisy pictures larger, and takes three times as long


@dataclass(frozen=True)
class Caption:
    """What is written below an overlay: plate, well, time, condition; state and numbers; flags."""

    title: str
    result: str
    flags: str


@dataclass(frozen=True)
class OverlayTask:
    """One overlay to be drawn by a worker; `content` is that of its `Picture`."""

    folder: Path
    out: Path
    well_timepoint: WellTimepoint
    field: int
    stitched: bool
    mask: str
    caption: Caption
    parameters: Parameters
    calibration: PlateCalibration
    content: str

    @property
    def name(self) -> str:
        """Relative path of the picture."""
        return self.mask.removesuffix(".ome.tif") + ".png"


def overlay_digest(task: OverlayTask) -> str:
    """Digest of everything that the picture shows; it is drawn again when this changes."""
    content = [
        _FORM,
        task.well_timepoint.signature,
        task.content,
        task.parameters.images.model_dump(mode="json"),
        task.caption.title,
        task.caption.result,
        task.caption.flags,
        task.parameters.output.overlay_px,
        *mask_state(RunFolder(task.out), task.mask),
    ]
    return hashlib.blake2b(json.dumps(content).encode(), digest_size=12).hexdigest()


def write_overlay(task: OverlayTask) -> str | None:
    """Draw one overlay and write it as PNG; gives its relative path.

    None where the image or its mask can't be read any more; `OutputError` if the picture can't be
    written.
    """
    run = RunFolder(task.out)
    try:
        with OpenFile() as files:
            image = load_analysed(
                task.folder, task.well_timepoint, task.field, task.stitched, task.parameters,
                task.calibration, files,
            )  # fmt: skip
        core, shed = read_masks(
            mask_path(run, task.mask),
            task.parameters.images.max_megapixels,
            image.pixels.shape,
        )
    except ImageError:
        return None
    picture = draw_overlay(
        image.pixels,
        core,
        shed,
        task.caption,
        pixel_size_um=image.pixel_size_um,
        longer_side=task.parameters.output.overlay_px,
    )
    path = run.overlay(task.name)
    try:
        with atomic_path(path) as temporary:
            picture.save(temporary, format="PNG", compress_level=_COMPRESSION)
    except OSError as error:
        raise OutputError(
            f"The overlay {path} can't be written ({error.strerror or error}); mend that and run "
            "the same command again."
        ) from error
    return task.name


def draw_overlay(
    pixels: NDArray[Any],
    core: NDArray[np.int32],
    shed: NDArray[np.bool_],
    caption: Caption,
    *,
    pixel_size_um: float | None = None,
    longer_side: int = 700,
) -> Image.Image:
    """Draw outlines, numbers, scale bar and caption; RGB.

    Image and masks have shape (y, x), and NaN is drawn black. Without a pixel size there is no
    scale bar. `longer_side` is that of the picture without caption, in pixels.
    """
    height, width = pixels.shape
    scale = longer_side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    grey = Image.fromarray(_eight_bit(pixels))
    resample = Image.Resampling.BOX if scale < 1 else Image.Resampling.NEAREST
    picture = np.asarray(grey.resize(size, resample).convert("RGB")).copy()
    labels = _nearest(core, size)
    picture[_outline(_nearest(shed.astype(np.int32), size)) & (labels == 0)] = SHED_COLOUR
    picture[_outline(labels)] = CORE_COLOUR

    lines = [line for line in (caption.title, caption.result, caption.flags) if line]
    font = _font(13)
    wrapped = [part for line in lines for part in _wrap(line, font, size[0] - 16)]
    strip = 18 * len(wrapped) + 12
    canvas = Image.new("RGB", (size[0], size[1] + strip), _PAPER)
    canvas.paste(Image.fromarray(picture), (0, 0))
    draw = ImageDraw.Draw(canvas)
    for n, line in enumerate(wrapped):
        draw.text((8, size[1] + 6 + 18 * n), line, fill=_INK, font=font)
    if labels.max(initial=0) > 1:
        for number in range(1, int(labels.max()) + 1):
            rows, columns = np.nonzero(labels == number)
            if rows.size:
                place = (float(columns.mean()), float(rows.mean()))
                draw.text(
                    place, str(number), fill=CORE_COLOUR, font=font, anchor="mm",
                    stroke_width=2, stroke_fill=(0, 0, 0),
                )  # fmt: skip
    if pixel_size_um is not None:
        _scale_bar(draw, size, pixel_size_um / scale, font)
    return canvas


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """Give the font that matplotlib brings: unlike Pillow's own it has the micro sign."""
    # Only the file is wanted; importing matplotlib would cost every worker a quarter of a second.
    found = find_spec("matplotlib")
    places = [] if found is None else list(found.submodule_search_locations or ())
    return ImageFont.truetype(
        Path(places[0], "mpl-data", "fonts", "ttf", "DejaVuSans.ttf") if places else "DejaVuSans",
        size,
    )


def _eight_bit(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Stretch to 8 bit between the 0.5th and the 99.5th percentile."""
    step = max(1, int(max(pixels.shape) / 512))
    sample = pixels[::step, ::step].astype(np.float32)
    sample = sample[np.isfinite(sample)]
    low, high = (0.0, 1.0) if sample.size == 0 else np.percentile(sample, (0.5, 99.5))
    span = high - low if high > low else 1.0
    stretched = np.nan_to_num((pixels.astype(np.float32) - low) * (255.0 / span))
    return np.clip(stretched, 0, 255).astype(np.uint8)


def _nearest(mask: NDArray[np.int32], size: tuple[int, int]) -> NDArray[np.int32]:
    rows = (np.arange(size[1]) + 0.5) * mask.shape[0] / size[1]
    columns = (np.arange(size[0]) + 0.5) * mask.shape[1] / size[0]
    return mask[np.ix_(rows.astype(int), columns.astype(int))]


def _outline(labels: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Pixels inside an object that touch another value, two pixels deep to be seen."""
    edge = np.zeros(labels.shape, bool)
    for axis in (0, 1):
        for step in (1, 2):
            for sign in (-step, step):
                moved = np.roll(labels, sign, axis)
                edge |= moved != labels
    edge[:2], edge[-2:], edge[:, :2], edge[:, -2:] = True, True, True, True
    return edge & (labels > 0)


def _wrap(line: str, font: Any, width: int) -> Sequence[str]:
    words = line.split(" ")
    parts = [words[0]]
    for word in words[1:]:
        longer = f"{parts[-1]} {word}"
        if font.getlength(longer) <= width:
            parts[-1] = longer
        else:
            parts.append(word)
    return parts


def _scale_bar(
    draw: ImageDraw.ImageDraw, size: tuple[int, int], um_per_px: float, font: Any
) -> None:
    wanted = 0.2 * size[0] * um_per_px
    decade = 10.0 ** np.floor(np.log10(wanted))
    length = max((n * decade for n in (1, 2, 5) if n * decade <= wanted), default=decade)
    right, bottom = size[0] - 14, size[1] - 14
    left = right - length / um_per_px
    draw.rectangle((left - 1, bottom - 6, right + 1, bottom + 1), fill=(0, 0, 0))
    draw.rectangle((left, bottom - 5, right, bottom), fill=(255, 255, 255))
    draw.text(
        ((left + right) / 2, bottom - 9), f"{length:g} µm", fill=(255, 255, 255), font=font,
        anchor="ms", stroke_width=2, stroke_fill=(0, 0, 0),
    )  # fmt: skip
