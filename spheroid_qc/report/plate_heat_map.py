"""Plates on the page: drawn once as SVG with classes, recoloured by a script from compact JSON.

Without a script the plate shows its first metric at the analysis time. Colours are classes of a
ramp, so that both colour schemes and print get their own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from spheroid_qc.analysis.metric_names import METRICS, NOT_SHOWN, MetricName, metric_of
from spheroid_qc.report.figures.plate_figures import colour_scale, used_part
from spheroid_qc.report.palette import STATES, step_of
from spheroid_qc.response.replicates import LEFT_OUT
from spheroid_qc.wells import row_column, row_name

_FIRST = (
    "disintegration_fraction", "df_excess_vs_vehicle", "core_volume_loss_vs_vehicle",
    "core_volume_loss_vs_t0", "spheres_per_well", "n_spheroids", "sfe_percent",
    "equivalent_diameter_um", "response",
)  # fmt: skip
_CELL = 30


@dataclass(frozen=True)
class PlateView:
    """One plate, ready for the template.

    `columns` and `rows` are headings (x or y, label); `wells` has `well, x, y, r, cls, sign, label,
    id` of each well that is on the map or was imaged. Lengths are in the drawing's units.
    """

    name: str
    width: int
    height: int
    columns: list[tuple[float, str]]
    rows: list[tuple[float, str]]
    wells: list[dict[str, Any]]
    radius: float


def shown_metrics(wells: pd.DataFrame, *, spheres: bool = False) -> list[MetricName]:
    """List what a plate can be coloured by: every numeric column that varies.

    Parameters
    ----------
    wells : DataFrame
        `wells.csv`.
    spheres : bool
        Whether a field holds many spheres.

    Returns
    -------
    list of MetricName
        The answer first, then in the order of the table.
    """
    names = [name for name in _FIRST if name in wells]
    names += [name for name in wells.columns if name not in names]
    found = []
    for name in names:
        if name in NOT_SHOWN or not pd.api.types.is_numeric_dtype(wells[name]):
            continue
        values = wells[name].dropna()
        if values.nunique() > 1 or (name in METRICS and len(values)):
            found.append(metric_of(name, spheres=spheres))
    return found


def plate_views(
    wells: pd.DataFrame, metric: MetricName | None, time_h: float, titles: dict[str, str]
) -> list[PlateView]:
    """Draw every plate at one time.

    `metric` is what is shown at first (None: the states); a plate without the time shows its last
    one. `titles`: condition -> how it is named.
    """
    views = []
    scale = (0.0, 1.0)
    if metric is not None:
        scale = colour_scale(metric.shown(wells[metric.column]), metric)
    for number, (plate, rows) in enumerate(wells.groupby("plate", sort=True)):
        first, last = used_part(rows["well"])
        shape = (last[0] - first[0] + 1, last[1] - first[1] + 1)
        cell = _CELL if shape[1] <= 24 else 20
        left, top = 26, 22
        times = rows["time_h"].dropna().unique()
        at = time_h if time_h in times else (times.max() if len(times) else time_h)
        now = rows[rows["time_h"] == at].drop_duplicates("well")
        drawn = []
        for order, (_, row) in enumerate(_sorted(now).iterrows()):
            y, x = row_column(str(row["well"]))
            drawn.append(
                {
                    "well": str(row["well"]),
                    "x": left + (x - first[1]) * cell + cell / 2,
                    "y": top + (y - first[0]) * cell + cell / 2,
                    "id": f"{number}-{order}",
                    **_look(row, metric, scale),
                    "label": _label(row, metric, titles),
                }
            )
        views.append(
            PlateView(
                name=str(plate),
                width=left + shape[1] * cell + 4,
                height=top + shape[0] * cell + 4,
                columns=[(left + (n + 0.5) * cell, str(first[1] + n + 1)) for n in range(shape[1])],
                rows=[(top + (n + 0.5) * cell, row_name(first[0] + n)) for n in range(shape[0])],
                wells=drawn,
                radius=cell * 0.43,
            )
        )
    return views


def _sorted(rows: pd.DataFrame) -> pd.DataFrame:
    order = sorted(range(len(rows)), key=lambda i: row_column(str(rows["well"].iloc[i])))
    return rows.iloc[order]


def _look(row: pd.Series, metric: MetricName | None, scale: tuple[float, float]) -> dict[str, str]:
    """Colour class and sign of a well; the script does the same for other metrics and times."""
    state = str(row.get("state", ""))
    if state in LEFT_OUT and str(row.get("role")) != "blank":
        return {"cls": "none", "sign": STATES[state][1]}
    if metric is None:
        colour, sign = STATES.get(state, ("nothing", ""))
        return {"cls": colour, "sign": sign}
    step = step_of(float(metric.shown(pd.Series([row[metric.column]])).iloc[0]), *scale)
    return {"cls": "none" if step is None else f"{'d' if metric.diverging else 's'}{step}",
            "sign": ""}  # fmt: skip


def _label(row: pd.Series, metric: MetricName | None, titles: dict[str, str]) -> str:
    condition = titles.get(str(row["condition"]), str(row["condition"]))
    parts = [str(row["well"]), condition, str(row.get("state", ""))]
    if metric is not None and pd.notna(row[metric.column]):
        parts.append(f"{metric.short or metric.label} {row[metric.column]:.3g}")
    return ", ".join(part for part in parts if part and part != "nan")


def plate_data(
    wells: pd.DataFrame,
    metrics: Sequence[MetricName],
    titles: dict[str, str],
    findings: pd.DataFrame,
) -> dict[str, Any]:
    """Everything the script needs to colour plates and to describe wells.

    `metrics` are those of `shown_metrics`, `titles`: condition -> how it is named, `findings` is
    `qc.csv`. Plain lists, numbers of three significant digits and None.
    """
    conditions = list(dict.fromkeys(titles.get(str(c), str(c)) for c in wells["condition"]))
    place = {name: n for n, name in enumerate(conditions)}
    states = list(STATES)
    scales = {m.column: colour_scale(m.shown(wells[m.column]), m) for m in metrics}
    told = _findings(findings)
    plates = []
    for plate, rows in wells.groupby("plate", sort=True):
        times = sorted(float(t) for t in rows["time_h"].dropna().unique())
        names = [str(w) for w in _sorted(rows.drop_duplicates("well"))["well"]]
        first = rows.drop_duplicates("well").set_index("well")
        grid = rows.drop_duplicates(["well", "time_h"]).set_index(["well", "time_h"])
        grid = grid.reindex(pd.MultiIndex.from_product([names, times]))
        shape = (len(names), len(times))
        state = [states.index(s) if s in STATES else -1 for s in grid.get("state", pd.Series(
            index=grid.index, dtype=object)).astype(object)]  # fmt: skip
        plates.append(
            {
                "name": str(plate),
                "times": times,
                "wells": names,
                "condition": [
                    place[titles.get(c, c)] for c in first.loc[names, "condition"].astype(str)
                ],
                "role": [str(r) for r in first.loc[names, "role"]],
                "state": _rows(state, shape),
                "values": {
                    m.column: _rows(
                        [_three(v) for v in m.shown(grid[m.column]).to_numpy(dtype=float)], shape
                    )
                    for m in metrics
                },
                "intervals": {
                    m.column: [
                        _rows([_three(v) for v in grid[end].to_numpy(dtype=float)], shape)
                        for end in _ends(m)
                    ]
                    for m in metrics
                    if set(_ends(m)) <= set(grid)
                },
                "flags": {
                    w: told[str(plate), w]
                    for w in names if (str(plate), w) in told
                },
            }
        )  # fmt: skip
    return {
        "conditions": conditions,
        "states": [[name, STATES[name][0], STATES[name][1]] for name in states],
        "metrics": [
            {
                "column": m.column, "label": m.label, "unit": m.unit, "help": m.help,
                "low": _three(scales[m.column][0]), "high": _three(scales[m.column][1]),
                "ramp": "d" if m.diverging else "s",
            }
            for m in metrics
        ],
        "plates": plates,
    }  # fmt: skip


def _ends(metric: MetricName) -> tuple[str, str]:
    """Columns of the interval of a metric's measurement, if it has one."""
    return f"{metric.column}_low", f"{metric.column}_high"


def _three(value: float) -> float | int | None:
    if not math.isfinite(value):
        return None
    short = float(f"{value:.3g}")
    return int(short) if short == int(short) and abs(short) < 1e15 else short


def _rows(values: Sequence[Any], shape: tuple[int, int]) -> list[list[Any]]:
    """Split into one list a well."""
    width = shape[1]
    return [list(values[n * width : (n + 1) * width]) for n in range(shape[0])]


def _findings(findings: pd.DataFrame) -> dict[tuple[str, str], list[str]]:
    """Say what was found in a well, in words, each once with its times."""
    told: dict[tuple[str, str], list[str]] = {}
    if not len(findings) or "well" not in findings or "severity" not in findings:
        return told
    serious = findings[findings["well"].notna() & findings["severity"].isin(["exclude", "warn"])]
    for (plate, well), rows in serious.groupby(["plate", "well"], sort=True):
        lines = []
        for (title, severity), same in rows.groupby(["title", "severity"], sort=False):
            times = np.sort(same["time_h"].dropna().unique())
            when = ", ".join(f"{t:g}" for t in times[:8]) + (" …" if len(times) > 8 else "")
            out = " (kept out of every mean)" if severity == "exclude" else ""
            lines.append(f"{title} at {when} h{out}" if len(times) else f"{title}{out}")
        told[str(plate), str(well)] = lines
    return told
