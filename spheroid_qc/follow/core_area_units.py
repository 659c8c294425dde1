"""Core areas in one unit: um2 where the whole plate is calibrated, else pixels."""

from __future__ import annotations

import pandas as pd

_SAME_PIXEL_AREA = 1.001


def comparable_area(table: pd.DataFrame) -> pd.Series:
    """Core area in the one unit that all frames of a plate share; NaN where nothing was measured.

    um2 on plates where every measured frame is calibrated. Pixels on plates where some are not, if
    all that are have the same pixel size. Where they differ, pixels mean nothing: um2, and NaN for
    frames without. Read are `plate`, `core_area_um2` and `core_area_px`.
    """
    pixels = table["core_area_px"].astype(float)
    calibrated = table["core_area_um2"].astype(float)
    lacks_um = calibrated.isna() & pixels.notna()
    plate = table["plate"]
    plate_lacks_um = lacks_um.groupby(plate).transform("any")
    size = (calibrated / pixels.where(pixels > 0)).groupby(plate)
    one_size = ~(size.transform("max") > _SAME_PIXEL_AREA * size.transform("min"))
    return calibrated.where(~(plate_lacks_um & one_size), pixels)
