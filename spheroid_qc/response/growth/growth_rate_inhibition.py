r"""Growth-rate inhibition (GR), here of volumes instead of cell counts, and its metrics by drug.

GR 1 is growth like the reference's, 0 none at all, below 0 loss (Hafner et al. 2016,
doi:10.1038/nmeth.3853). Of volumes it is a *volume-GR*: a core that swells or packs more densely
changes it without a single division, and every well needs an image at time zero.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from spheroid_qc.errors import RequestError
from spheroid_qc.response.arrays import FloatArray
from spheroid_qc.response.curves.hill_search import CurveProblem, hill_fraction, minima_on_grid
from spheroid_qc.response.growth.kinetics import volume_of_plate
from spheroid_qc.response.replicates import (
    CARRIED,
    at_time,
    in_fixed_order,
    is_time_zero,
    reference_key,
    reference_label,
    require_columns,
    usable,
)

METRICS = (
    "gr50", "gr_max", "gr_aoc", "gec50", "gr_inf", "hill", "r2", "p", "fit", "n", "n_doses", "note",
)  # fmt: skip
METRIC_COLUMNS = ("drug", "dose_unit", "reference", "time_h", *METRICS)
_NAN = float("nan")
_MAX_DOSE_RATIO = 100.0
"""How far beyond the tested doses GEC50 may lie."""

_HILL_BOUNDS = (0.1, 5.0)
_GR_BOUNDS = (-1.0, 1.0)
_MIN_REFERENCE_GROWTH = 1.2
"""Volume over volume at time zero below which GR is called very uncertain."""


def gr_value(size: ArrayLike, reference: ArrayLike, start: ArrayLike) -> FloatArray:
    r"""GR value of each well.

    :math:`GR = 2^{\log_2(x/x_0) / \log_2(x_{ctrl}/x_0)} - 1` with x, count or volume at the end (0
    gives -1), x_ctrl, that of the untreated reference at the same time, and x_0, that at time zero
    in the same unit. NaN where the start is not above 0, the reference did not grow, or a value
    is unknown.
    """
    x, ctrl, x0 = np.broadcast_arrays(
        np.asarray(size, dtype=float), np.asarray(reference, dtype=float), np.asarray(start, float)
    )
    defined = (x0 > 0) & (ctrl > x0) & (x >= 0)
    result = np.full(x.shape, np.nan)
    with np.errstate(divide="ignore"):
        exponent = np.log2(x[defined] / x0[defined]) / np.log2(ctrl[defined] / x0[defined])
    result[defined] = np.exp2(exponent) - 1
    return result


def _fit(dose: FloatArray, gr: FloatArray) -> tuple[float, float, float, float]:
    """Least squares within bounds: plateau, log10 GEC50, slope and residual sum.

    A step (a slope at its bound) is taken only if it leaves a tenth less than the best curve, since
    a few noisy doses can always be cut by a step.
    """
    none = np.ones(len(dose))
    problem = CurveProblem(dose, gr, none, 0.0, 1.0, None, _GR_BOUNDS, 0.0)
    reach, logs = np.log(_MAX_DOSE_RATIO), np.log(dose)
    middle = np.linspace(logs.min() - reach, logs.max() + reach, 61)
    slope = np.log(np.geomspace(*_HILL_BOUNDS, 14))
    found, rss = minima_on_grid(problem.residuals, middle, slope, 0.0, maximum=8)
    step = np.minimum(found[:, 1] - slope[0], slope[-1] - found[:, 1]) < 1e-6
    best = int(np.where(step, rss / 0.9, rss).argmin())
    log_gec50, log_hill = found[best]
    bottom = problem.asymptotes(hill_fraction(dose, log_gec50, np.exp(log_hill)))[1]
    return float(bottom[0]), log_gec50 / np.log(10), float(np.exp(log_hill)), float(rss[best])


def _metrics(dose: FloatArray, gr: FloatArray, alpha: float) -> dict[str, object]:
    """All metrics of one curve; doses above 0, GR known."""
    doses = np.unique(dose)
    line: dict[str, object] = dict.fromkeys(METRICS[:8], _NAN)
    line |= {"fit": "", "n": gr.size, "n_doses": doses.size, "note": ""}
    if not gr.size:
        return line | {"note": "No GR value at a dose above 0."}
    mean = np.array([gr[dose == d].mean() for d in doses])
    line["gr_max"] = float(mean[-2:].min())
    log_doses = np.log10(doses)
    if doses.size > 1:
        width = float(log_doses[-1] - log_doses[0])
        line["gr_aoc"] = float(np.trapezoid(1 - mean, log_doses)) / width
    if doses.size < 4:
        return line | {"note": f"{doses.size} dose(s): a curve needs four."}
    bottom, middle, hill, rss = _fit(dose, gr)
    level = float(np.clip(gr.mean(), *_GR_BOUNDS))
    flat = float(((gr - level) ** 2).sum())
    total = float(((gr - gr.mean()) ** 2).sum())
    if not total > 1e-20 * max(float(gr @ gr), np.finfo(float).tiny):
        return line | {"fit": "flat", "gr_inf": level, "gr50": _flat50(level), "note": "Constant."}
    df1, df2 = 2, gr.size - 2
    f = ((flat - rss) / df1) / (rss / df2) if rss > 0 else float("inf")
    p = float(stats.f.sf(max(f, 0.0), df1, df2))
    if p > alpha:
        return line | {
            "fit": "flat", "p": p, "gr_inf": level, "gr50": _flat50(level), "r2": 1 - flat / total,
            "note": "No dose response: a flat line fits as well (F-test).",
        }  # fmt: skip
    line |= {"fit": "sigmoid", "p": p, "gr_inf": bottom, "gec50": 10**middle, "hill": hill,
             "r2": 1 - rss / total}  # fmt: skip
    messages = []
    if bottom < 0.5:
        gr50 = 10**middle * (0.5 / (0.5 - bottom)) ** (1 / hill)
        line["gr50"] = gr50
        if gr50 > doses[-1]:
            messages.append(f"GR50 > {doses[-1]:g}, the highest dose: extrapolated.")
        elif gr50 < doses[0]:
            messages.append(f"GR50 < {doses[0]:g}, the lowest dose: extrapolated.")
    else:
        line["gr50"] = float("inf")
        messages.append("GR 0.5 is not reached.")
    if min(hill - _HILL_BOUNDS[0], _HILL_BOUNDS[1] - hill) < 1e-6:
        messages.append("The Hill slope stands at its bound.")
    return line | {"note": " ".join(messages)}


def _flat50(level: float) -> float:
    return float("inf") if level > 0.5 else float("-inf")


def gr_metrics(
    table: pd.DataFrame,
    by: Sequence[str] = ("drug",),
    dose: str = "dose_um",
    gr: str = "gr",
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Fit GR curves and report their metrics, as gr_metrics (Clark et al. 2017) defines them.

    Three parameters, upper plateau 1: GRinf in [-1, 1], GEC50 within a hundredfold of the doses,
    Hill slope in [0.1, 5] (doi:10.1186/s12885-017-3689-3). The F-test against a flat line has 2
    and n - 2 degrees of freedom, as there.

    Parameters
    ----------
    table : DataFrame
        One row per well or replicate.
    by : sequence of str
        Columns that tell curves apart.
    dose, gr : str
        Columns of doses (above 0; others are passed over) and GR values.
    alpha : float
        Level of the F-test above which the curve is called flat.

    Returns
    -------
    DataFrame
        `by`, then `METRICS`, one row a curve, sorted: `gr50` (dose at GR 0.5; infinite if it is
        not reached, -infinite for a flat line below it), `gr_max` (the lower of the mean GR at
        the two highest doses), `gr_aoc` (area over the curve of mean GR on log10 dose, over its
        width), `gec50`, `gr_inf`, `hill` (empty where flat), `r2`, `p`, `fit`
        (`sigmoid | flat`), `n`, `n_doses`, `note`.

    Raises
    ------
    RequestError
        If a column is missing or a dose is negative.
    """
    require_columns(table, [*by, dose, gr], "GR metrics")
    doses = pd.to_numeric(table[dose], errors="coerce").astype(float)
    values = pd.to_numeric(table[gr], errors="coerce").astype(float)
    if (doses < 0).any():
        raise RequestError(f"GR metrics can't be computed: column {dose} holds a negative dose.")
    known = table.assign(_dose=doses, _gr=values.where((doses > 0) & np.isfinite(values)))
    lines: list[dict[str, object]] = []
    groups = known.groupby(list(by), sort=True, dropna=False) if len(by) else [((), known)]
    for key, rows in groups:
        used = rows[rows["_gr"].notna()].sort_values(["_dose", "_gr"], kind="stable")
        line = _metrics(used["_dose"].to_numpy(float), used["_gr"].to_numpy(float), alpha)
        lines.append(dict(zip(by, key if isinstance(key, tuple) else (key,), strict=True)) | line)
    return pd.DataFrame(lines, columns=[*by, *METRICS])


def volume_gr(wells: pd.DataFrame, time_h: float | None = None) -> pd.DataFrame:
    """Volume-GR of every well at one time.

    Each well starts from its own volume at time zero; the reference is the median growth
    (volume over volume at time zero) of the plate's vehicle wells of the same strata.

    Parameters
    ----------
    wells : DataFrame
        The wells table with `plate, well, time_h, condition, role`, a size, and if there
        `is_t0` (else the first time counts), `state`, drugs and doses.
    time_h : float, optional
        Analysis time; default: the last time that all plates have.

    Returns
    -------
    DataFrame
        One row per well: `plate, well, condition, role`, drugs and doses, `time_h`,
        `relative_volume`, `reference_growth`, `gr`, `size_measure`, `note`.

    Raises
    ------
    RequestError
        If a column is missing or no plate has that time.
    """
    require_columns(wells, ["plate", "well", "time_h", "condition", "role"], "Volume-GR")
    table = in_fixed_order(wells)
    table = table[~table["role"].isin(["unmapped", "blank"])].reset_index(drop=True)
    volume, measure = pd.Series(np.nan, table.index), pd.Series("", table.index, dtype=object)
    for _, rows in table.groupby("plate", sort=True):
        volume.loc[rows.index], measure.loc[rows.index] = volume_of_plate(rows)
    table = table.assign(
        _v=volume.where(usable(table)), size_measure=measure, _of=reference_key(table)
    )
    origin = table[is_time_zero(table)].drop_duplicates(["plate", "well"], keep="last")
    starts = origin.set_index(["plate", "well"])["_v"]
    end = at_time(table, time_h)
    own = end.join(starts.rename("_start"), on=["plate", "well"])
    growth = own["_v"] / own["_start"].where(own["_start"] > 0)
    own = own.assign(relative_volume=growth)
    vehicle = own[own["role"] == "vehicle"]
    medians = vehicle.groupby(["plate", "_of"])["relative_volume"].median()
    own = own.join(medians.rename("reference_growth"), on=["plate", "_of"])
    own["gr"] = gr_value(own["relative_volume"], own["reference_growth"], np.ones(len(own)))
    own["note"] = [
        _gr_note(v, start, ratio)
        for v, start, ratio in zip(own["_v"], own["_start"], own["reference_growth"], strict=True)
    ]
    treatment = [
        str(c)
        for c in own.columns
        if str(c).startswith(("drug_", "dose_", "unit_")) or c in CARRIED
    ]
    names = ["plate", "well", "condition", "role", *treatment, "time_h", "relative_volume"]
    return own[[*names, "reference_growth", "gr", "size_measure", "note"]].reset_index(drop=True)


def _gr_note(volume: float, start: float, growth: float) -> str:
    if np.isnan(volume):
        return "No volume at the analysis time."
    if not start > 0:
        return "No volume at time zero."
    if np.isnan(growth):
        return "No reference well with a volume at both times."
    if growth <= 1:
        return f"The reference did not grow ({growth:.3g} times): GR is not defined."
    if growth < _MIN_REFERENCE_GROWTH:
        return f"The reference hardly grew ({growth:.3g} times): GR is very uncertain."
    return ""


def drug_gr_metrics(gr: pd.DataFrame) -> pd.DataFrame:
    """Metrics of every drug given alone.

    Parameters
    ----------
    gr : DataFrame
        From `volume_gr`, with `drug_1, dose_1_um` (or `dose_1, unit_1` where there is no um).

    Returns
    -------
    DataFrame
        Columns `METRIC_COLUMNS`, one row per drug, unit and reference; none without drugs.

    Raises
    ------
    RequestError
        If there is no column `drug_1`, or no dose.
    """
    require_columns(gr, ["drug_1", "condition", "gr"], "Volume-GR metrics")
    if "dose_1_um" not in gr:
        require_columns(gr, ["dose_1", "unit_1"], "Volume-GR metrics")
    alone = gr["drug_1"].notna() & (gr["drug_1"].astype(str) != "")
    for n in (2, 3):
        if f"drug_{n}" in gr:
            other = gr[f"drug_{n}"]
            alone &= other.isna() | (other.astype(str) == "")
    used = gr[alone & (gr["role"] == "treated")]
    dose = used["dose_1_um"] if "dose_1_um" in used else pd.Series(np.nan, used.index)
    dose = pd.to_numeric(dose, errors="coerce").astype(float)
    unit = pd.Series("uM", used.index, dtype=object)
    if "dose_1" in used and "unit_1" in used:
        unit = unit.where(dose.notna(), used["unit_1"].astype(object))
        dose = dose.fillna(pd.to_numeric(used["dose_1"], errors="coerce").astype(float))
    time = float(used["time_h"].median()) if len(used) else float("nan")
    keyed = used.assign(
        drug=used["drug_1"].astype(str), dose_unit=unit, reference=reference_key(used),
        _dose_given=dose,
    )  # fmt: skip
    result = gr_metrics(keyed, ("drug", "dose_unit", "reference"), "_dose_given")
    result["reference"] = [reference_label(str(key)) for key in result["reference"]]
    return result.assign(time_h=time)[list(METRIC_COLUMNS)]
