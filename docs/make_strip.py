"""Make docs/images/demo_strip.png from what `spheroid-qc demo` wrote.

python docs/make_strip.py demo
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from spheroid_qc.images import ImageFile
from spheroid_qc.run.overlays.draw_overlay import Caption, draw_overlay
from spheroid_qc.run.store.mask_files import read_masks

TREATMENTS = (
    ("vehicle", "vehicle"),
    ("gemcitabine 0.09 uM", "gemcitabine"),
    ("nab-paclitaxel 0.027 uM", "nab-paclitaxel"),
    ("selinexor 0.9 uM", "selinexor"),
    ("nab-paclitaxel 0.009 uM + selinexor 0.3 uM + gemcitabine 0.03 uM", "all three"),
)
TIMES = (0, 24, 48, 72)
SIDE = 300
CROP = 900


def tile(demo: Path, line: pd.Series) -> Image.Image:
    """One frame with outlines, cut around the spheroid, with its figures."""
    mask = demo / "results" / "masks" / line["file"].replace(".tif", ".ome.tif")
    core, shed = read_masks(mask)
    with ImageFile(demo / "plate" / line["file"]) as file:
        pixels = file.plane().pixels
    rows, columns = np.nonzero(core > 0)
    y = int(np.clip(rows.mean() - CROP / 2, 0, pixels.shape[0] - CROP))
    x = int(np.clip(columns.mean() - CROP / 2, 0, pixels.shape[1] - CROP))
    cut = np.s_[y : y + CROP, x : x + CROP]
    title = f"{line['time_h']:g} h   {line['state']}   DF {line['disintegration_fraction']:.2f}"
    return draw_overlay(
        pixels[cut], core[cut], shed[cut], Caption(title, "", ""), pixel_size_um=1.3,
        longer_side=SIDE,
    )  # fmt: skip


def main() -> None:
    """Write the strip."""
    demo = Path(sys.argv[1])
    wells = pd.read_csv(demo / "results" / "wells.csv")
    rows = []
    for condition, label in TREATMENTS:
        # In any order: that of the drugs is the plate map's.
        parts = set(condition.split(" + "))
        lines = wells[[set(c.split(" | ")[0].split(" + ")) == parts for c in wells["condition"]]]
        well = lines["well"].iloc[0]
        chosen = lines[(lines["well"] == well) & lines["time_h"].isin(TIMES)]
        rows.append((label, [tile(demo, line) for _, line in chosen.iterrows()]))
    margin = 130
    height = max(t.height for _, tiles in rows for t in tiles) + 4
    sheet = Image.new("RGB", (margin + (SIDE + 4) * len(TIMES), height * len(rows)), (24, 24, 24))
    draw = ImageDraw.Draw(sheet)
    for n, (label, tiles) in enumerate(rows):
        draw.text(
            (margin - 10, n * height + SIDE / 2), label, fill=(235, 235, 235), anchor="rm",
            font=ImageFont.load_default(15),
        )  # fmt: skip
        for t, picture in enumerate(tiles):
            sheet.paste(picture, (margin + t * (SIDE + 4), n * height))
    target = Path(__file__).parent / "images" / "demo_strip.png"
    target.parent.mkdir(exist_ok=True)
    sheet.quantize(128).save(target, optimize=True)


if __name__ == "__main__":
    main()
