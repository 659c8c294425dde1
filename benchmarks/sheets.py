"""Contact sheets of outlines, to be looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from spheroid_qc.segmentation import Segmentation

GREEN, ORANGE, CYAN = (0, 255, 0), (255, 140, 0), (0, 200, 255)


def outlined(
    image: NDArray[Any], result: Segmentation, truth: NDArray[np.uint8] | None, size: int = 420
) -> Image.Image:
    """Core green, shed orange, true core cyan, over the image stretched to its percentiles."""
    grey = image[..., :3].mean(axis=-1) if image.ndim == 3 else image.astype(float)
    low, high = np.nanpercentile(grey, (0.5, 99.5))
    shown = np.nan_to_num(np.clip((grey - low) / max(high - low, 1e-12), 0, 1) * 255)
    picture = Image.fromarray(shown.astype(np.uint8))
    scale = size / max(picture.size)
    wanted = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    colours = np.array(picture.resize(wanted).convert("RGB"))
    layers = [] if truth is None else [(truth == 1, CYAN)]
    layers += [(result.shed, ORANGE)]
    layers += [(result.core == n, GREEN) for n in range(1, int(result.core.max()) + 1)]
    for mask, colour in layers:
        small = np.asarray(Image.fromarray(mask).resize(wanted, Image.Resampling.NEAREST))
        colours[small & ~ndimage.binary_erosion(small)] = colour
    return Image.fromarray(colours)


def contact_sheet(items: list[tuple[str, Image.Image]], path: Path, columns: int = 5) -> None:
    """Write pictures with their captions side by side."""
    size = max(max(picture.size) for _, picture in items) + 4
    columns = min(columns, len(items))
    rows = -(-len(items) // columns)
    sheet = Image.new("RGB", (columns * size, rows * (size + 14)))
    draw = ImageDraw.Draw(sheet)
    for i, (caption, picture) in enumerate(items):
        x, y = i % columns * size, i // columns * (size + 14)
        sheet.paste(picture, (x, y + 14))
        draw.text((x + 2, y + 1), caption, fill=(255, 255, 0))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
