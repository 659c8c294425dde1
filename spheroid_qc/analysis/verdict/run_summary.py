"""What came out, in a few lines for the terminal.

Which condition falls apart, since when, and what is not trusted: made from the finished tables,
so that it can't say anything else than they do.
"""

from __future__ import annotations

import pandas as pd

from spheroid_qc.follow.spheroid_states import STATES
from spheroid_qc.plate_map import without_stratum
from spheroid_qc.response.replicates import shared_stratum

_NOT_SEEN = ("unscorable", "never_formed")
_MAX_CONDITIONS = 60


def condition_lines(conditions: pd.DataFrame, wells: pd.DataFrame) -> list[str]:
    """Lay out the last time, one line per condition.

    Parameters
    ----------
    conditions, wells : DataFrame
        Of `conditions.csv` and `wells.csv`: of the latter `plate, well, condition, state,
        disintegrated_since_dose_h`.

    Returns
    -------
    list of str
        Title, heading, lines and a legend; means over wells.
    """
    spheres = "sfe_percent_mean" in conditions
    last = conditions[conditions["time_h"] == conditions["time_h"].max()]
    common = shared_stratum(last)
    rows = [
        _spheres_row(line, common) if spheres else _single_row(line, wells, common)
        for _, line in last.head(_MAX_CONDITIONS).iterrows()
    ]
    heading = (
        ("condition", "wells", "spheres a well", "diameter um", "SFE %")
        if spheres
        else ("condition", "wells", "DF [95 % CI]", "core lost", "fell apart", "states")
    )
    widths = [max(len(row[i]) for row in (heading, *rows)) for i in range(len(heading))]
    lines = [
        f"By condition at {last['time_h'].iloc[0]:g} h"
        + (f" (all of them {common})" if common else "")
        + ":",
        "",
    ]
    for row in (heading, *rows):
        cells = zip(row, widths, strict=True)
        lines.append("  ".join(cell.ljust(width) for cell, width in cells).rstrip())
    if len(last) > _MAX_CONDITIONS:
        lines.append(f"... and {len(last) - _MAX_CONDITIONS} more in conditions.csv")
    if not spheres:
        lines += [
            "",
            "DF: disintegration fraction, the share of the spheroid that is not its largest core.",
            "core lost: volume of the core against the vehicle wells. fell apart: wells of those",
            "seen, and the median time since the dose; it must last for two frames.",
        ]
    return lines


def _single_row(line: pd.Series, wells: pd.DataFrame, common: str) -> tuple[str, ...]:
    seen_once = (wells["condition"] == line["condition"]) & ~wells["state"].isin(_NOT_SEEN)
    of_condition = wells[seen_once].groupby(["plate", "well"])
    onset = of_condition["disintegrated_since_dose_h"].first().dropna()
    seen = int(line["n_wells"])
    apart = "-"
    if len(onset):
        apart = f"{len(onset)} of {len(of_condition)}, {onset.median():g} h"
    elif line["n_disintegrated"] + line["n_lost"] > 0:
        apart = "last frame only"
    states = ", ".join(f"{int(line[f'n_{s}'])} {s}" for s in STATES if line[f"n_{s}"] > 0)
    return (
        without_stratum(str(line["condition"]), common),
        str(seen),
        _with_interval(line, "disintegration_fraction"),
        _percent(line["core_volume_loss_vs_vehicle_mean"]),
        apart,
        states,
    )


def _spheres_row(line: pd.Series, common: str) -> tuple[str, ...]:
    features = ("n_spheroids", "equivalent_diameter_um", "sfe_percent")
    values = (line[f"{name}_mean"] for name in features)
    return (
        without_stratum(str(line["condition"]), common),
        str(int(line["n_wells"])),
        *("-" if pd.isna(value) else f"{value:.3g}" for value in values),
    )


def _with_interval(line: pd.Series, name: str) -> str:
    mean, low, high = (line[f"{name}_{part}"] for part in ("mean", "ci_low", "ci_high"))
    if pd.isna(mean):
        return "-"
    return f"{mean:.2f}" + ("" if pd.isna(low) else f" [{max(low, 0):.2f}, {min(high, 1):.2f}]")


def _percent(value: float) -> str:
    return "-" if pd.isna(value) else f"{round(100 * value)} %"
