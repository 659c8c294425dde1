"""What only shows beside the same well at other times and beside the other wells."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from spheroid_qc.flags.flag_kinds import Flag, check_severities
from spheroid_qc.parameters import QualityParameters, Severity

if TYPE_CHECKING:
    import pandas as pd


_DAY_H = 24.0
_SIMILAR_AREA = 0.5  # area of the smaller of two touching bodies over the larger
_PINCHED_SOLIDITY = 0.9  # solidity of two touching discs is 0.88
_MIN_FRAMES = 5  # frames a plate needs for a median that one of them can be held against

Found = dict[Hashable, list[Flag]]


def series_flags(table: pd.DataFrame, parameters: QualityParameters | None = None) -> Found:
    """Find flags that need more than one frame.

    Parameters
    ----------
    table : DataFrame
        One row per plate, well and time, sorted so, unique index. Needs `plate`, `well` and
        `time_h`; the other columns are measured ones, `frame_quality`'s (also with the prefix
        `feature:`), `pixel_hash` (str), `is_t0` (bool), `role` (str) and `scorable` (bool). A
        check whose columns are absent is not made; rows without values raise nothing.
    parameters : QualityParameters, optional
        Thresholds.

    Returns
    -------
    dict
        Row index -> flags; rows without a finding are absent.

    Raises
    ------
    RequestError
        If the parameters name a flag that does not exist.
    """
    quality = QualityParameters() if parameters is None else parameters
    check_severities(quality)
    found: Found = {}
    for plate in _groups(table, "plate"):
        _duplicates(plate, found)
        _focus(plate, quality, found)
        _light(plate, quality, found)
        _outliers(plate, quality, found)
        for well in _groups(plate, "well"):
            _several(well, quality, found)
            _jumps(well, quality, found)
            _drift(well, quality, found)
    return found


def _groups(table: pd.DataFrame, by: str) -> Iterator[pd.DataFrame]:
    """Give the rows of one plate or well after another, without a copy of them all."""
    groups = table.groupby(by, sort=False)
    if groups.ngroups == 1:
        yield table
        return
    for places in groups.indices.values():
        yield table.iloc[places]


def _add(found: Found, label: Hashable, flag: Flag) -> None:
    found.setdefault(label, []).append(flag)


def _column(table: pd.DataFrame, name: str) -> pd.Series | None:
    """Take a column of numbers, by its own name or with the run's prefix; None if absent."""
    for known in (name, f"feature:{name}"):
        if known in table:
            return table[known].astype(float)
    return None


def _usable(table: pd.DataFrame) -> pd.Series:
    """Rows with a scorable picture of a spheroid."""
    count = _column(table, "n_spheroids")
    usable = table["well"].notna() if count is None else count > 0
    return usable & table["scorable"].astype(bool) if "scorable" in table else usable


def _duplicates(plate: pd.DataFrame, found: Found) -> None:
    if "pixel_hash" not in plate:
        return
    hashes = plate["pixel_hash"].dropna()
    hashes = hashes[hashes.duplicated(keep=False)]
    for _, same in plate.loc[hashes.index, ["well", "time_h"]].groupby(hashes, sort=False):
        places = [f"{w} at {t:g} h" for w, t in zip(same["well"], same["time_h"], strict=True)]
        for place, label in enumerate(same.index):
            others = places[:place] + places[place + 1 :]
            named = ", ".join(others[:3]) + (" and others" if len(others) > 3 else "")
            _add(found, label, Flag("duplicate_frame", detail=f"The same pixels as {named}."))


def _focus(plate: pd.DataFrame, quality: QualityParameters, found: Found) -> None:
    """Compare sharpness with the plate's own: absolute scores don't carry over microscopes.

    Both numbers must be low. Rim sharpness alone falls when a rim frays, the focus score alone
    when a spheroid grows dark and smooth; blur takes both.
    """
    import pandas as pd

    rim, score = _column(plate, "rim_sharpness"), _column(plate, "focus_score")
    if rim is None or score is None:
        return
    known = rim.notna() & score.notna()
    if known.sum() < _MIN_FRAMES:
        return
    shares = [rim / rim[known].median(), score / score[known].median()]
    for label, value in pd.concat(shares, axis=1).max(axis=1)[known].items():
        detail = f"Sharpness is {value:.0%} of the plate's median."
        if value < quality.blurred_ratio:
            _add(found, label, Flag("out_of_focus", Severity.EXCLUDE, detail))
        elif value < quality.soft_ratio:
            _add(found, label, Flag("out_of_focus", Severity.WARN, detail))


def _light(plate: pd.DataFrame, quality: QualityParameters, found: Found) -> None:
    level = _column(plate, "background_level")
    if level is None or level.notna().sum() < _MIN_FRAMES:
        return
    usual = float(level.median())
    if not usual > 0:
        return
    count = _column(plate, "n_spheroids")
    for label, ratio in (level.dropna() / usual).items():
        if 1 / quality.light_change <= ratio <= quality.light_change:
            continue
        # Nothing found in a picture without light says nothing about the well.
        dark = ratio < 1 and count is not None and label in count.index[count == 0]
        detail = f"The background is {max(ratio, 0.0):.2g} times the plate's median."
        _add(found, label, Flag("light_changed", Severity.EXCLUDE if dark else None, detail))


def _outliers(plate: pd.DataFrame, quality: QualityParameters, found: Found) -> None:
    area = _column(plate, "core_area_px")
    if area is None or "is_t0" not in plate:
        return
    scaled = _column(plate, "core_area_um2")
    chosen = plate["is_t0"].astype(bool) & (area > 0) & _usable(plate)
    if "role" in plate:
        chosen &= plate["role"] != "blank"
    if scaled is not None and scaled[chosen].notna().all():
        area = scaled
    logs = np.log(area[chosen])
    if len(logs) < quality.outlier_wells:
        return
    away = logs - logs.median()
    spread = 1.4826 * float(away.abs().median())
    for label, value in away.items():
        large = abs(value) >= np.log1p(quality.outlier_difference)
        if large and abs(value) > quality.outlier_z * spread:
            detail = f"The core has {np.exp(value):.2f} times the median area of the plate."
            _add(found, label, Flag("size_outlier_t0", detail=detail))


def _several(well: pd.DataFrame, quality: QualityParameters, found: Found) -> None:
    """Two compact bodies at time zero spoil the whole series, not the first frame only."""
    ratio = _column(well, "second_body_ratio")
    if ratio is None or "is_t0" not in well:
        return
    start = well["is_t0"].astype(bool)
    solid = _column(well, "second_body_solidity")
    apart = ratio >= quality.second_body_ratio
    if solid is not None:
        apart &= ~(solid < quality.second_body_solidity)
    flag = None
    if (apart & start).any():
        share = ratio[apart & start].iloc[0]
        detail = f"At time zero a second body had {share:.0%} of the first one's area."
        flag = Flag("several_spheroids", detail=detail)
    elif (_touching(well) & start).any():
        # Two that touch, or one that is lobed: the eye must say.
        detail = "At time zero two bodies of similar size touched each other."
        flag = Flag("several_spheroids", Severity.WARN, detail)
    if flag is not None:
        for label in well.index:
            _add(found, label, flag)


def _touching(well: pd.DataFrame) -> pd.Series:
    """Rows whose one piece of core is pinched between two labels of similar size."""
    second, solidity = _column(well, "second_label_ratio"), _column(well, "solidity")
    if second is None or solidity is None:
        return well["well"].isna()
    return (second >= _SIMILAR_AREA) & (solidity < _PINCHED_SOLIDITY)


def _jumps(well: pd.DataFrame, quality: QualityParameters, found: Found) -> None:
    area = _column(well, "core_area_um2")
    pixels = _column(well, "core_area_px")
    if pixels is None:
        return
    seen = _usable(well) & (pixels > 0)
    if area is None or area[seen].isna().any():
        area = pixels
    # The numbers of a whole series at once: a plate has tens of thousands of frames.
    labels = list(well.index[seen])
    areas = area[seen].to_numpy(dtype=float)
    hours = np.diff(well.loc[seen, "time_h"].to_numpy(dtype=float))
    allowances = np.log1p(quality.size_jump) * np.fmax(1.0, hours / _DAY_H)
    changes = np.log(areas[1:] / areas[:-1])
    for place in np.flatnonzero(~(np.abs(changes) <= allowances)):
        before, label = labels[place], labels[place + 1]
        change, allowed = float(changes[place]), float(allowances[place])
        if change < 0 and _fell_apart(well, before, label, allowed):
            continue
        detail = f"The core has {np.exp(change):.2f} times the area of the frame before."
        _add(found, label, Flag("size_jump", detail=detail))


def _fell_apart(well: pd.DataFrame, before: Any, label: Any, allowed: float) -> bool:
    """Tell whether a core shrank because its material is shed: a result, not a fault.

    Then the disintegration fraction rises and the material as a whole is still there.
    """
    fraction = _column(well, "disintegration_fraction")
    total = _column(well, "total_area_px")
    if fraction is None or total is None:
        return False
    rose = bool(fraction[label] > fraction[before])
    return rose and abs(float(np.log(total[label] / total[before]))) <= allowed


def _drift(well: pd.DataFrame, quality: QualityParameters, found: Found) -> None:
    y, x = _column(well, "centroid_y_px"), _column(well, "centroid_x_px")
    diameter = _column(well, "equivalent_diameter_px")
    if y is None or x is None or diameter is None:
        return
    known = _usable(well) & y.notna() & x.notna() & (diameter > 0)
    labels = list(well.index[known])
    shifts = np.hypot(np.diff(y[known].to_numpy()), np.diff(x[known].to_numpy()))
    sizes = diameter[known].to_numpy()
    shares = shifts / np.maximum(sizes[1:], sizes[:-1])
    for place in np.flatnonzero(shares > quality.drift_diameters):
        detail = f"It moved by {shares[place]:.1f} of its diameters since the frame before."
        _add(found, labels[place + 1], Flag("drift", detail=detail))
