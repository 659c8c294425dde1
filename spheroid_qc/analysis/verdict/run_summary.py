"""What came out, in a few lines for the terminal.

Which condition falls apart, since when, and what is not trusted: made from the finished tables,
so that it can't say anything else than they do.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from spheroid_qc.analysis.verdict.disintegration_verdict import count_fallen
from spheroid_qc.follow.spheroid_states import STATES
from spheroid_qc.plate_map import without_stratum
from spheroid_qc.response.replicates import shared_stratum
from spheroid_qc.wording import in_given_units

_MAX_CONDITIONS = 60


def condition_lines(
    conditions: pd.DataFrame,
    wells: pd.DataFrame,
    survival: pd.DataFrame | None = None,
    given: Mapping[str, str] | None = None,
) -> list[str]:
    """Lay out the last time, one line per condition.

    Parameters
    ----------
    conditions, wells : DataFrame
        Of `conditions.csv` and `wells.csv`: of the latter `plate, well, condition, state,
        disintegrated_since_dose_h`.
    survival : DataFrame, optional
        Of `survival.csv`, where there is one.
    given : mapping, optional
        Drug -> molar unit in which its doses were written, in which they are shown.

    Returns
    -------
    list of str
        Title, heading, lines and a legend; means over wells.
    """
    spheres = "sfe_percent_mean" in conditions
    last = conditions[conditions["time_h"] == conditions["time_h"].max()]
    common = shared_stratum(last)
    shown = last.head(_MAX_CONDITIONS)
    names = [
        in_given_units(without_stratum(str(name), common), given or {})
        for name in shown["condition"]
    ]
    fell = count_fallen(shown, pd.DataFrame() if survival is None else survival, wells)
    rows = (
        [_spheres_row(line, name) for (_, line), name in zip(shown.iterrows(), names, strict=True)]
        if spheres
        else [
            _single_row(line, one.words, name)
            for (_, line), one, name in zip(shown.iterrows(), fell, names, strict=True)
        ]
    )
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
            "at risk, and the median time since the dose; it must last for two frames.",
        ]
    return lines


def _single_row(line: pd.Series, apart: str, name: str) -> tuple[str, ...]:
    states = ", ".join(f"{int(line[f'n_{s}'])} {s}" for s in STATES if line[f"n_{s}"] > 0)
    return (
        name,
        str(int(line["n_wells"])),
        _with_interval(line, "disintegration_fraction"),
        _percent(line["core_volume_loss_vs_vehicle_mean"]),
        apart,
        states,
    )


def _spheres_row(line: pd.Series, name: str) -> tuple[str, ...]:
    features = ("n_spheroids", "equivalent_diameter_um", "sfe_percent")
    values = (line[f"{name}_mean"] for name in features)
    return (
        name,
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
