"""The table of synergy: every combination, every method, every level, with intervals.

A combination is called synergistic only where the interval of the mean excess over all tested
combinations of its drugs lies above 0, or the interval of an index below 1. Single doses are
Holm-adjusted within a combination and method. Which method is meant by synergy is the reader's
choice: Bliss asks for independence, Loewe and the index for additivity of doses, HSA only
for more than the better drug, and the excess over the best doublet whether a third drug adds.

How often intervals hold and how often additive or independent drugs are called synergistic was
measured on simulated plates: `benchmarks/coverage_synergy.py`, figures in `benchmarks/README.md`.
An index stands on median effect lines. Where the drugs alone depart from theirs (one levels off
below its full effect), it has no interval and its note says why.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from spheroid_qc.errors import RequestError
from spheroid_qc.parameters import ResponseParameters
from spheroid_qc.response.conditions import Conditions, conditions
from spheroid_qc.response.response_table import Responses
from spheroid_qc.response.synergy.bliss import Bliss
from spheroid_qc.response.synergy.combination_wells import CombinationWells, Fits
from spheroid_qc.response.synergy.model_registry import SYNERGY_MODELS, model_of
from spheroid_qc.response.synergy.synergy_interpretation import annotate_significance
from spheroid_qc.response.synergy.synergy_model import UNKNOWN, Row, joined, model_row
from spheroid_qc.response.variance_model import VarianceModel
from spheroid_qc.response.wells_analysed_together import (
    ALL_PLATES,
    analysis_time,
    combinations_given,
    grouping_columns,
    groups,
    over_plates,
    whole_plate,
    without_other_drugs,
)

SYNERGY_COLUMNS = (
    "combination", "method", "level", "fa", "dose_1_um", "dose_2_um", "dose_3_um", "value", "low",
    "high", "call", "n", "low_qualifier", "high_qualifier", "note",
)  # fmt: skip
"""Columns after the grouping ones; with more than three drugs there are more dose columns."""

CUT_OFF_SHARE = 0.2
"""Share of conditions with wells that were cut off from which that is spoken of."""


def synergy_table(
    responses: Responses, parameters: ResponseParameters | None = None
) -> pd.DataFrame:
    """Compare every combination with its parts.

    Parameters
    ----------
    responses : Responses
        Fractions affected; from `read_responses`.
    parameters : ResponseParameters, optional
        Confidence level, time, limits.

    Returns
    -------
    DataFrame
        `time_h` and `plate` first where the table has them, then `SYNERGY_COLUMNS`. `level` is
        `mean`, `fa=0.50` ... or `dose`; excesses are fractions; `dose_1_um` belongs to the
        first drug named in `combination`. A bound that does not exist is empty and its qualifier
        says `unbounded`. With several plates: each plate and then `all`.
        Doses that are not in uM stand in appended columns `dose_1, unit_1 ...`.

    Raises
    ------
    RequestError
        For raw responses, which have no fraction affected.

    Examples
    --------
    Two drugs that affect 0.3 and 0.2 alone and 0.7 together, where 0.44 was expected:

    >>> import pandas as pd
    >>> from spheroid_qc.response.response_table import read_responses
    >>> from spheroid_qc.response.synergy.synergy_table import synergy_table
    >>> means = [("", 0, "", 0, 0.0), ("a", 1, "", 0, 0.3), ("", 0, "b", 1, 0.2)]
    >>> means += [("a", 1, "b", 1, 0.7)]
    >>> wells = [(*drugs, fa + e) for *drugs, fa in means for e in (-0.02, 0.0, 0.02)]
    >>> names = ["drug_1", "dose_1_um", "drug_2", "dose_2_um", "response"]
    >>> table = synergy_table(read_responses(pd.DataFrame(wells, columns=names), "fa"))
    >>> bliss = table[(table["method"] == "bliss_excess") & (table["level"] == "mean")]
    >>> bliss[["combination", "value", "low", "high"]].round(2)
      combination  value   low  high
    1       a + b   0.26  0.22   0.3
    """
    if not responses.is_fraction:
        raise RequestError(
            "Raw responses have no fraction affected, so there is no synergy; state fa, "
            "viability or inhibition with --response-is."
        )
    settings = ResponseParameters() if parameters is None else parameters
    at_time, time_note = analysis_time(responses, settings.time_h)
    several = at_time.rows["plate"].nunique() > 1
    rows: list[Row] = []
    known: dict[str, tuple[VarianceModel, Fits]] = {}
    for columns in combinations_given(at_time):
        part = at_time.where(without_other_drugs(at_time, columns))
        name = " + ".join(at_time.drugs[i] for i in columns)
        shared = {
            "combination": name,
            "units": [at_time.units[i] for i in columns],
            "order": len(columns),
        }
        own: list[Row] = []
        plates = 0
        for group in groups(part, lambda p, c=columns: _complete(p, c)):  # type: ignore[misc]
            plates += 1
            if group.plate not in known:
                known[group.plate] = whole_plate(at_time, group).variance_model, {}
            model, fits = known[group.plate]
            found = combination_rows(group.responses, columns, model, settings, fits)
            if several and group.plate == ALL_PLATES:
                for row in found:
                    row["note"] += " Wells of all plates together: no plate has all the parts."
            own += [{"plate": group.plate, "block": group.block, **shared, **r} for r in found]
        tried = {
            str(plate)
            for plate, wells in zip(part.rows["plate"], part.doses > 0, strict=True)
            if wells[list(columns)].all()
        }
        unused = sorted(tried - {row["plate"] for row in own})
        if unused and ALL_PLATES not in {row["plate"] for row in own}:
            for row in own:
                row["note"] += f" Not used: plate {', '.join(unused)}, without the drugs alone."
        rows += own
        if plates > 1:
            rows += _together(own, settings)
        elif not own:
            note = "No plate has wells of the combination and of each drug alone."
            nothing = model_row(Bliss.method, "mean", UNKNOWN, 0, note)
            rows.append({"plate": ALL_PLATES, **shared, **nothing})
    return _table(rows, at_time, time_note)


def _complete(part: Responses, columns: tuple[int, ...]) -> bool:
    """Whether a plate has the combination and each drug alone."""
    given = part.doses[:, list(columns)] > 0
    number = given.sum(axis=1)
    alone = all((given[number == 1, i]).any() for i in range(len(columns)))
    return bool((number == len(columns)).any()) and alone


def combination_rows(
    part: Responses,
    columns: tuple[int, ...],
    variance_model: VarianceModel,
    settings: ResponseParameters,
    fits: Fits | None = None,
) -> list[Row]:
    """Rows of all synergy models for one combination on one plate.

    `part` are wells of the plate without any other drug, `columns` those of the combination's
    drugs, `variance_model` is that of the plate, and `fits` remembers curves of its drugs alone.
    Notes tell what the intervals allow to say.
    """
    doses, effect = part.doses[:, list(columns)], part.effect
    cells = conditions(doses, effect, variance_model, part.reference)
    drugs = [part.drugs[i] for i in columns]
    wells = CombinationWells(drugs, doses, effect, cells, settings, {} if fits is None else fits)
    models = [model for model in SYNERGY_MODELS if model.applies(len(columns))]
    rows = [row for model in models for row in model.rows(wells)]
    inwards = _cut_off_note(cells)
    for row in rows:
        if row["level"] == "mean" and np.isfinite(row["value"]):
            row["note"] = joined(row["note"], inwards)
    annotate_significance(rows, settings)
    return rows


def _cut_off_note(cells: Conditions) -> str:
    """Say what cutting effects off does to means; empty where few conditions have such wells."""
    cut = cells.bottomed | cells.topped
    if cut.mean() <= CUT_OFF_SHARE:
        return ""
    return (
        f"{int(cut.sum())} of {len(cut)} conditions have wells cut off at 0 or 1: their means lie "
        "a little too far inwards, which looks like antagonism."
    )


def _together(rows: list[Row], settings: ResponseParameters) -> list[Row]:
    """Mean over plates of each estimate, with an interval between biological replicates."""
    same: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        place: object = row.get("series", "")
        if row["level"] == "dose":
            place = tuple(float(f"{dose:.6g}") for dose in row["doses"])
        same.setdefault((row["method"], row["level"], place), []).append(row)
    found = []
    for parts in same.values():
        values = np.array([row["value"] for row in parts])
        blocks = np.array([row["block"] for row in parts])
        model = model_of(parts[0]["method"])
        log = model.is_ratio
        mean, low, high = over_plates(values, blocks, settings.confidence, log=log)
        p = _p_between(mean, high, blocks[np.isfinite(values)], settings, log=log)
        low, high = model.within_limits(mean, low, high)
        refused = sum(row.get("refused", False) for row in parts)
        if refused > len(parts) / 2:
            low = high = float("nan")
        ratio = f"Ratio {parts[0]['series']}. " if "series" in parts[0] else ""
        what = "depart from median effect lines" if log else "give no curve"
        doubt = f" The drugs alone {what} on {refused} plates."
        doses = [row["doses"] for row in parts if row["doses"] is not None]
        known = [row["fa"] for row in parts if np.isfinite(row["fa"])]
        kept = {name: parts[0][name] for name in parts[0] if name not in ("p", "refused")}
        found.append(
            kept
            | {
                "plate": ALL_PLATES, "block": ALL_PLATES, "value": mean, "low": low, "high": high,
                "p": p,
                "n": sum(row["n"] for row in parts),
                "fa": float(np.mean(known)) if known else float("nan"),
                "doses": np.exp(np.mean(np.log(doses), axis=0)) if doses else None,
                "note": f"{ratio}Mean of {int(np.isfinite(values).sum())} plates; the interval is "
                f"between biological replicates.{doubt if refused else ''}",
            }
        )  # fmt: skip
    annotate_significance(found, settings)
    return found


def _p_between(
    mean: float, high: float, blocks: NDArray[np.str_], settings: ResponseParameters, *, log: bool
) -> float:
    """Two-sided p of the t interval between biological replicates that ends at `high`."""
    df = len(np.unique(blocks)) - 1
    if df < 1 or np.isnan(high):
        return float("nan")
    value, half = (np.log(mean), np.log(high / mean)) if log else (mean, high - mean)
    t = np.abs(value) / half * stdtrit(df, 0.5 + settings.confidence / 2) if half else np.inf
    return float(2 * stdtr(df, -t))


def _table(rows: list[Row], responses: Responses, time_note: str) -> pd.DataFrame:
    """Bring rows into order and columns into shape."""
    width = max([3, *(row["order"] for row in rows)])
    dose_columns = [f"dose_{i + 1}_um" for i in range(width)]
    columns = [*SYNERGY_COLUMNS[:4], *dose_columns, *SYNERGY_COLUMNS[7:]]
    methods = list(dict.fromkeys(row["method"] for row in rows))
    methods.sort(key=lambda method: SYNERGY_MODELS.index(model_of(method)))
    rank = {method: i for i, method in enumerate(methods)}
    names = list(dict.fromkeys(row["combination"] for row in rows))
    other = any(unit != "uM" for row in rows for unit in row["units"])

    def place(row: Row) -> tuple[object, ...]:
        level = {"mean": 0, "area": 1, "dose": 3}.get(row["level"], 2)
        given = () if row["doses"] is None else tuple(row["doses"])
        return (
            names.index(row["combination"]), row["plate"] == ALL_PLATES, row["plate"],
            rank[row["method"]], level, row.get("series", ""),
            row["fa"] if level == 2 else 0.0, given,
        )  # fmt: skip

    lines = []
    for row in sorted(rows, key=place):
        line = {name: row.get(name) for name in columns}
        line |= {"low_qualifier": "", "high_qualifier": ""}
        line["note"] = joined(time_note, row["note"])
        for bound, side in (("low", "lower"), ("high", "upper")):
            if np.isinf(row[bound]):
                line[bound], line[f"{bound}_qualifier"] = np.nan, "unbounded"
                line["note"] = f"{line['note']} The interval has no {side} bound.".strip()
        given = [np.nan] * len(row["units"]) if row["doses"] is None else row["doses"]
        for i, (dose, unit) in enumerate(zip(given, row["units"], strict=True)):
            line[dose_columns[i]] = dose if unit == "uM" else np.nan
            if other:
                line[f"dose_{i + 1}"], line[f"unit_{i + 1}"] = dose, unit
        line["plate"] = row["plate"]
        lines.append(line)
    extra = [n for i in range(width) for n in (f"dose_{i + 1}", f"unit_{i + 1}")] if other else []
    table = pd.DataFrame(lines, columns=["plate", *columns, *extra])
    table[dose_columns] = table[dose_columns].astype(float)
    return table[[*grouping_columns(table, responses), *columns, *extra]]
