"""Is this plate good enough? Every figure with its customary bound and what it can't tell.

A figure is no gate: Z' was made for screens with one strong read-out, and a plate of spheroids
may fail it and still answer its question, or pass it with a ruined edge.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from spheroid_qc.errors import RequestError
from spheroid_qc.response.comparisons.comparison_table import COMPARED
from spheroid_qc.response.comparisons.effect_size import block_contrast, hedges_g, welch
from spheroid_qc.response.plate_quality import assay_quality as quality
from spheroid_qc.response.plate_quality.edge_and_position_effects import (
    at_edge,
    by_edge,
    design_of,
    factor_effect,
    neighbour_correlation,
    places,
)
from spheroid_qc.response.plate_quality.quality_thresholds import BOUNDS, CANNOT_TELL, verdict
from spheroid_qc.response.replicates import (
    at_time,
    in_fixed_order,
    is_time_zero,
    reference_key,
    reference_label,
    require_columns,
    usable,
)
from spheroid_qc.wells import PLATE_FORMATS, parse_well, row_name, well_name

COLUMNS = (
    "plate", "statistic", "metric", "time_h", "compared", "value", "low", "high", "p", "n",
    "n_reference", "bound", "meets_bound", "cannot_tell", "note",
)  # fmt: skip
SIZES = ("equivalent_diameter_um", "equivalent_diameter_px", "core_area_um2", "core_area_px")
"""Sizes at time zero: the first of these that is known for the plate."""

_CONTROLS: dict[str, Callable[[Any, Any], float]] = {
    "z_prime": quality.z_prime,
    "robust_z_prime": partial(quality.z_prime, robust=True),
    "ssmd": quality.ssmd,
    "robust_ssmd": partial(quality.ssmd, robust=True),
}
_Line = dict[str, Any]


def plate_quality(
    wells: pd.DataFrame,
    metrics: Sequence[str] | None = None,
    time_h: float | None = None,
    plate_format: int | None = None,
) -> pd.DataFrame:
    """Judge every plate, for `plate_quality.csv`.

    Parameters
    ----------
    wells : DataFrame
        The wells table: one row per well and time with `plate, well, condition, role`, a size
        of `SIZES`, the metrics, and if there `time_h, state, is_t0, time_since_dose_h, file`.
        Role `unmapped` and wells without cells (`blank`) are passed over, missing frames aside.
    metrics : sequence of str, optional
        Metrics at the analysis time; default: those of `COMPARED` that the table has.
    time_h : float, optional
        Analysis time; default: the last time that all plates have.
    plate_format : int, optional
        Wells of the plate (6 to 1536), which settles what the edge is; default: the smallest
        plate that holds the table's wells.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`. Statistics: `missing_frames, never_formed, unscorable`;
        at time zero, when all wells are still alike, `size_cv_t0_vehicle, size_cv_t0_all`; then
        for time zero and for each metric `edge_difference, edge_hedges_g` (all wells at time
        zero, vehicle wells later), `row_effect, column_effect` (partial omega squared),
        `spatial_residual` (Moran's I); and `z_prime, robust_z_prime, ssmd, robust_ssmd` of each
        positive control against its vehicle. `meets_bound` is `yes`, `no`, `undecided` (the
        interval holds both) or empty. What can't be computed is empty, and `note` says why.

    Raises
    ------
    RequestError
        If a column is missing, a well's name can't be read, or the plate format is unknown.
    """
    require_columns(wells, ["plate", "well", "condition", "role"], "Plate quality")
    names = [m for m in COMPARED if m in wells] if metrics is None else list(metrics)
    require_columns(wells, names, "Plate quality")
    table = in_fixed_order(wells)
    table["well"] = [_canonical(str(well)) for well in table["well"]]
    if plate_format is not None and plate_format not in PLATE_FORMATS:
        raise RequestError(
            f"No plate has {plate_format} wells; choose one of "
            f"{', '.join(str(n) for n in PLATE_FORMATS)}."
        )
    table["_outer"] = False
    for _, own in table.groupby("plate")["well"]:
        table.loc[own.index, "_outer"] = at_edge(own.tolist(), plate_format)
    late = at_time(table, time_h)
    lines: list[_Line] = []
    for plate, rows in table.groupby("plate", sort=True):
        end = _seeded(late[late["plate"] == plate])
        figures = [*_counts(rows), *_at_time_zero(_seeded(rows))]
        figures += [line for metric in names for line in _at_end(end, metric)]
        lines += [{"plate": plate, **line} for line in figures]
    return _finished(pd.DataFrame(lines, columns=list(COLUMNS)))


def _seeded(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of wells with cells, of which the plate map says what they are."""
    return rows[~rows["role"].isin(["unmapped", "blank"])]


def _canonical(name: str) -> str:
    well = parse_well(name)
    if well is None:
        raise RequestError(f"Plate quality can't be computed: {name!r} is not a well such as A01.")
    return well_name(*well)


def _finished(table: pd.DataFrame) -> pd.DataFrame:
    numbers = dict.fromkeys(("value", "low", "high", "p", "time_h"), float)
    result = table.fillna({"metric": "", "compared": "", "note": ""}).astype(numbers)
    result["bound"] = result["statistic"].map(BOUNDS).fillna("")
    result["cannot_tell"] = result["statistic"].map(CANNOT_TELL).fillna("")
    figures = result[["statistic", "value", "low", "high", "p"]].itertuples(index=False)
    result["meets_bound"] = [verdict(*figure) for figure in figures]
    return result


def _counts(rows: pd.DataFrame) -> list[_Line]:
    """Frames that are missing; wells that never formed; frames that can't be scored."""
    mapped = rows[rows["role"] != "unmapped"]
    if "file" in mapped:
        lacking = mapped["file"].isna() | (mapped["file"].astype(str) == "")
    else:
        known = [c for c in ("core_area_px", "n_spheroids", *SIZES, *COMPARED) if c in mapped]
        lacking = mapped[known].isna().all(axis=1) if known else pd.Series(False, mapped.index)
    lines = [_share("missing_frames", lacking, mapped, "frames are missing")]
    if "state" in mapped:
        seeded = mapped[mapped["role"] != "blank"]
        per_well = seeded["state"].eq("never_formed").groupby(seeded["well"]).any()
        first = seeded.drop_duplicates("well").set_index("well")
        hit = per_well.reindex(first.index).fillna(False).astype(bool)
        lines.append(_share("never_formed", hit, first.reset_index(), "wells never formed one"))
        lines.append(
            _share("unscorable", seeded["state"] == "unscorable", seeded, "frames unscorable")
        )
    return lines


def _share(statistic: str, hit: pd.Series, rows: pd.DataFrame, words: str) -> _Line:
    n = len(rows)
    wells = sorted(set(rows.loc[hit.to_numpy(dtype=bool), "well"]))
    named = f": {' '.join(wells[:24])}{' ...' if len(wells) > 24 else ''}" if wells else ""
    return {
        "statistic": statistic,
        "value": float(hit.sum()) / n if n else float("nan"),
        "n": n,
        "note": f"{int(hit.sum())} of {n} {words}{named}.",
    }


def _at_time_zero(rows: pd.DataFrame) -> list[_Line]:
    """Sizes before any drug: the one moment at which all wells of a line are replicates."""
    start = rows[is_time_zero(rows) & usable(rows)]
    if "is_t0" not in rows and "time_h" not in rows:
        return []
    size = next((s for s in SIZES if s in start and start[s].notna().any()), None)
    if size is None:
        note = "No size is known at time zero."
        return [{"statistic": "size_cv_t0_vehicle", "note": note}]
    start = start.assign(_value=start[size].astype(float), _of=reference_key(start))
    start = start[np.isfinite(start["_value"])]
    time = float(start["time_h"].median()) if "time_h" in start else float("nan")
    place = {"metric": size, "time_h": time}
    lines: list[_Line] = []
    for group, strata in start.groupby("_of", sort=True):
        label = reference_label(str(group))
        for name, chosen in (
            ("size_cv_t0_vehicle", strata[strata["role"] == "vehicle"]),
            ("size_cv_t0_all", strata),
        ):
            value, low, high = quality.coefficient_of_variation(chosen["_value"])
            note = "" if len(chosen) > 1 else "Fewer than two such wells at time zero."
            lines.append({"statistic": name, "compared": label, "value": value, "low": low,
                          "high": high, "n": len(chosen), "note": note})  # fmt: skip
    strata_of = design_of(start["_of"].tolist())
    lines += _edge(start, start["_of"].tolist(), "all wells")
    lines += _place(start, strata_of, "strata")
    return [{**place, **line} for line in lines]


def _at_end(rows: pd.DataFrame, metric: str) -> list[_Line]:
    """Figures of one metric at the analysis time."""
    values = pd.to_numeric(rows[metric], errors="coerce").astype(float)
    known = rows.assign(_value=values, _of=reference_key(rows))[usable(rows) & np.isfinite(values)]
    time = float(rows["time_h"].median()) if "time_h" in rows and len(rows) else float("nan")
    vehicle = known[known["role"] == "vehicle"]
    lines = _controls(known, vehicle)
    lines += _edge(vehicle, vehicle["_of"].tolist(), "vehicle wells")
    lines += _place(known, design_of(known["condition"].tolist()), "conditions")
    return [{"metric": metric, "time_h": time, **line} for line in lines]


def _controls(known: pd.DataFrame, vehicle: pd.DataFrame) -> list[_Line]:
    positive = known[known["role"] == "positive_control"]
    pairs: list[tuple[str, pd.Series, pd.Series]] = [
        (
            f"{condition} against {' / '.join(sorted(own['condition'].unique())) or 'no vehicle'}",
            rows["_value"],
            own["_value"],
        )
        for (condition, group), rows in positive.groupby(["condition", "_of"], sort=True)
        for own in [vehicle[vehicle["_of"] == group]]
    ]
    if not pairs:
        note = "No positive control with a value: name one in the plate map's column role."
        return [{"statistic": name, "n": 0, "n_reference": len(vehicle), "note": note}
                for name in _CONTROLS]  # fmt: skip
    lines = []
    for name, figure in _CONTROLS.items():
        for label, values, reference in pairs:
            value = figure(values, reference)
            few = len(values) < 2 or len(reference) < 2
            note = "Fewer than two wells of a control." if few else ""
            if np.isnan(value) and not few:
                note = "The controls don't vary or don't differ: no scale to measure by."
            lines.append({"statistic": name, "compared": label, "value": value, "n": len(values),
                          "n_reference": len(reference), "note": note})  # fmt: skip
    return lines


def _edge(rows: pd.DataFrame, groups: list[str], which: str) -> list[_Line]:
    """Outermost against inner wells, within strata."""
    outer = rows["_outer"].to_numpy(dtype=bool)
    value = rows["_value"].to_numpy(dtype=float)
    edge, inner = by_edge(value, outer, groups)
    base: _Line = {
        "compared": f"{which}: outermost against inner",
        "n": int(outer.sum()),
        "n_reference": int((~outer).sum()),
    }
    if not outer.any() or outer.all():
        note = f"No {'inner' if len(outer) and outer.all() else 'outermost'} wells among them."
        return [
            {**base, "statistic": s, "note": note} for s in ("edge_difference", "edge_hedges_g")
        ]
    pooled = block_contrast(edge, inner)
    plain = welch(edge[0], inner[0]) if len(edge) == 1 else pooled
    plain = pooled if np.isnan(plain.p) else plain
    g, low, high = hedges_g(pooled)
    note = "Too few wells or no spread to judge the difference by."
    return [
        {**base, "statistic": "edge_difference", "value": plain.difference, "low": plain.low,
         "high": plain.high, "p": plain.p, "note": "" if np.isfinite(plain.low) else note},
        {**base, "statistic": "edge_hedges_g", "value": g, "low": low, "high": high,
         "p": pooled.p, "note": "" if np.isfinite([g, low]).all() else note},
    ]  # fmt: skip


def _place(rows: pd.DataFrame, design: np.ndarray, removed: str) -> list[_Line]:
    """Rows, columns and neighbours."""
    place = places(rows["well"].tolist())
    value = rows["_value"].to_numpy(dtype=float)
    residual = value - design @ np.linalg.lstsq(design, value, rcond=1e-10)[0]
    lines: list[_Line] = []
    for name, axis in (("row_effect", 0), ("column_effect", 1)):
        effect = factor_effect(value, design, design_of(place[:, axis]))
        line: _Line = {"statistic": name, "value": effect["omega2"], "p": effect["p"],
                       "n": len(rows), "compared": f"all wells, {removed} removed"}  # fmt: skip
        if np.isnan(effect["omega2"]):
            line["note"] = (
                f"The layout can't tell {name.removesuffix('_effect')}s from {removed}, or too "
                "few wells vary."
            )
        else:
            means = pd.Series(residual).groupby(place[:, axis]).mean()
            worst = int(str(means.abs().idxmax()))
            label = f"row {row_name(worst)}" if axis == 0 else f"column {worst + 1}"
            line["note"] = f"Largest mean residual: {label}, {means[worst]:.3g}."
        lines.append(line)
    moran = neighbour_correlation(value, place, design)
    note = f"Expected without any pattern: {moran['expected']:.2g}."
    if np.isnan(moran["i"]):
        note = "Fewer than eight residuals that are free to vary, no neighbours, or no spread."
    lines.append({"statistic": "spatial_residual", "value": moran["i"], "p": moran["p"],
                  "n": len(rows), "compared": f"all wells, {removed} removed",
                  "note": note})  # fmt: skip
    return lines
