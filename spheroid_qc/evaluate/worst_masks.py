"""Pictures of the worst masks: outline of the prediction and of the reference on the image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from spheroid_qc.errors import ImageError
from spheroid_qc.evaluate.mask_pairs import Masks

FOUND, TRUE, FOUND_SHED, TRUE_SHED = (240, 228, 66), (204, 121, 167), (86, 180, 233), (0, 114, 178)
"""Colours that people with any colour vision tell apart (Okabe and Ito 2008)."""

_LONGER_SIDE = 700  # of a picture, px
_SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp")


def find_image(folder: Path, name: str) -> NDArray[Any] | None:
    """Read the image (grey, (y, x)) that a mask was made of; None where there is none to be read.

    `name` is that of the mask, without suffix; `images` folders below `folder` are searched too.
    """
    from spheroid_qc.images import read_plane

    parts = name.split("/")
    for stem in (Path(*parts), Path(*parts[:-1], "images", parts[-1])):
        for suffix in _SUFFIXES:
            path = folder / f"{stem}{suffix}"
            if path.is_file():
                try:
                    return read_plane(path).pixels
                except ImageError:
                    return None
    return None


def draw_difference(
    image: NDArray[Any] | None, ours: Masks, truth: Masks, caption: str
) -> Image.Image:
    """Draw both outlines on the image (None: on grey)."""
    height, width = truth.core.shape
    scale = _LONGER_SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    if image is None or image.shape != truth.core.shape:
        grey = np.full((height, width), 90, np.uint8)
    else:
        low, high = np.nanpercentile(image, (0.5, 99.5))
        shown = np.clip((image - low) / max(high - low, 1e-12), 0, 1) * 255
        grey = np.nan_to_num(shown).astype(np.uint8)
    picture = np.array(Image.fromarray(grey).resize(size).convert("RGB"))
    layers = (
        (truth.shed, TRUE_SHED), (ours.shed, FOUND_SHED), (truth.core, TRUE), (ours.core, FOUND),
    )  # fmt: skip
    for mask, colour in layers:
        small = np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))
        picture[small & ~ndimage.binary_erosion(small)] = colour
    canvas = Image.new("RGB", (size[0], size[1] + 34), (24, 24, 24))
    canvas.paste(Image.fromarray(picture), (0, 0))
    draw = ImageDraw.Draw(canvas)
    draw.text((6, size[1] + 3), caption, fill=(235, 235, 235))
    draw.text((6, size[1] + 18), "predicted", fill=FOUND)
    draw.text((80, size[1] + 18), "reference", fill=TRUE)
    return canvas
