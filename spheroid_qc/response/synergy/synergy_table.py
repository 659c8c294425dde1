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

from itertools import combinations as subsets
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spheroid_qc.errors import RequestError
from spheroid_qc.parameters import ResponseParameters
from spheroid_qc.response.conditions import Conditions, conditions
from spheroid_qc.response.groups import ALL_PLATES, analysis_time, groups, over_plates
from spheroid_qc.response.responses import Responses
from spheroid_qc.response.synergy.excess import Estimate, best_excess, bliss_excess
from spheroid_qc.response.synergy.index_rows import index_rows
from spheroid_qc.response.synergy.interpretation import annotate_significance
from spheroid_qc.response.synergy.loewe import SingleCurves, Wells

SYNERGY_COLUMNS = (
    "combination", "method", "level", "fa", "dose_1_um", "dose_2_um", "dose_3_um", "value", "low",
    "high", "n", "note",
)  # fmt: skip
"""Columns after the grouping ones; with more than three drugs there are more dose columns."""

CUT_OFF_SHARE = 0.2
"""Share of conditions with wells that were cut off from which that is spoken of."""

FloatArray = NDArray[np.float64]
Row = dict[str, Any]

_METHODS = (
    "combination_index", "bliss_excess", "hsa_excess", "loewe_excess", "excess_over_best_doublet",
)  # fmt: skip


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
        first drug named in `combination`. With several plates: each plate and then `all`.
        Doses that are not in uM stand in appended columns `dose_1, unit_1 ...`.

    Raises
    ------
    RequestError
        For raw responses, which have no fraction affected.

    Examples
    --------
    Two drugs that affect 0.3 and 0.2 alone and 0.7 together, where 0.44 was expected:

    >>> import pandas as pd
    >>> from spheroid_qc.response.responses import read_responses
    >>> from spheroid_qc.response.synergy.synergy_table import synergy_table
    >>> means = [("", 0, "", 0, 0.0), ("a", 1, "", 0, 0.3), ("", 0, "b", 1, 0.2)]
    >>> means += [("a", 1, "b", 1, 0.7)]
    >>> wells = [(*drugs, fa + e) for *drugs, fa in means for e in (-0.02, 0.0, 0.02)]
    >>> names = ["drug_1", "dose_1_um", "drug_2", "dose_2_um", "response"]
    >>> table = synergy_table(read_responses(pd.DataFrame(wells, columns=names), "fa"))
    >>> bliss = table[(table["method"] == "bliss_excess") & (table["level"] == "mean")]
    >>> bliss[["combination", "value", "low", "high"]].round(2)
      combination  value   low  high
    1       a + b   0.26  0.21  0.31
    """
    if responses.kind == "raw":
        raise RequestError(
            "Raw responses have no fraction affected, so there is no synergy; state fa, "
            "viability or inhibition with --response-is."
        )
    settings = ResponseParameters() if parameters is None else parameters
    at_time, messages = analysis_time(responses, settings.time_h)
    several = at_time.rows["plate"].nunique() > 1
    rows: list[Row] = []
    curves: dict[str, SingleCurves] = {}
    for columns in _combinations(at_time):
        part = at_time.where(_only(at_time, columns))
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
            if group.plate not in curves:
                whole = at_time.rows["plate"].isin(set(group.responses.rows["plate"])).to_numpy()
                variance_model = conditions(at_time.doses[whole], at_time.effect[whole]).scatter
                curves[group.plate] = SingleCurves(variance_model, settings.emax)
            found = _rows(group.responses, columns, curves[group.plate], settings)
            annotate_significance(found, settings)
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
            rows.append({"plate": ALL_PLATES, **shared, **_empty("bliss_excess", note)})
    return _table(rows, at_time, messages)


def _combinations(responses: Responses) -> list[tuple[int, ...]]:
    """List the sets of drugs that were given together, small ones first."""
    given = responses.doses > 0
    found = {tuple(np.flatnonzero(row).tolist()) for row in given if row.sum() > 1}
    return sorted(found, key=lambda columns: (len(columns), columns))


def _only(responses: Responses, columns: tuple[int, ...]) -> NDArray[np.bool_]:
    """Wells without any other drug."""
    other = np.ones(responses.doses.shape[1], dtype=bool)
    other[list(columns)] = False
    return np.asarray(~(responses.doses[:, other] > 0).any(axis=1))


def _complete(part: Responses, columns: tuple[int, ...]) -> bool:
    """Whether a plate has the combination and each drug alone."""
    given = part.doses[:, list(columns)] > 0
    number = given.sum(axis=1)
    alone = all((given[number == 1, i]).any() for i in range(len(columns)))
    return bool((number == len(columns)).any()) and alone


def _empty(method: str, note: str) -> Row:
    nan = float("nan")
    return {
        "method": method, "level": "mean", "fa": nan, "doses": None, "value": nan, "low": nan,
        "high": nan, "df": 0.0, "n": 0, "note": note,
    }  # fmt: skip


def _rows(
    part: Responses, columns: tuple[int, ...], curves: SingleCurves, settings: ResponseParameters
) -> list[Row]:
    """All rows of one combination on one plate."""
    doses, effect = part.doses[:, list(columns)], part.effect
    drugs = [part.drugs[i] for i in columns]
    cells = conditions(doses, effect, curves.scatter, part.reference)
    k = len(columns)
    combined = np.flatnonzero((cells.doses > 0).all(axis=1))
    alone_wells = {
        drug: (doses[chosen, i], effect[chosen])
        for i, drug in enumerate(drugs)
        if (chosen := ((doses > 0).sum(axis=1) == 1) & (doses[:, i] > 0)).any()
    }
    plateaus = [curves.plateau_p(drug, wells, cells) for drug, wells in alone_wells.items()]
    # Not known where no drug was given alone.
    lowest = float(np.fmin.reduce(plateaus, initial=np.nan))
    idle = [drug for drug, wells in alone_wells.items() if curves.is_idle(drug, wells, cells)]
    rows = index_rows(doses, effect, cells, drugs, settings, lowest, idle)
    alone = _parts(cells, combined, 1)
    has = (alone >= 0).all(axis=1)
    for method in ("bliss_excess", "hsa_excess"):
        lacking = "Each drug alone was not tested at this dose." if not has.all() else ""
        if has.any():
            level = settings.confidence
            each, mean = (
                bliss_excess(cells, combined[has], alone[has], level)
                if method == "bliss_excess"
                else best_excess(cells, combined[has], alone[has], level, settings.resamples)
            )
            rows += _excess_rows(method, cells, combined[has], each, mean)
        rows += _lacking_rows(method, cells, combined[~has], lacking, not has.any())
    rows += _loewe_rows(alone_wells, cells, combined, drugs, curves, settings)
    if k > 2:
        pairs = _parts(cells, combined, k - 1)
        has = (pairs >= 0).all(axis=1)
        method = "excess_over_best_doublet" if k == 3 else "excess_over_best_subset"
        if has.any():
            each, mean = best_excess(
                cells, combined[has], pairs[has], settings.confidence, settings.resamples
            )
            rows += _excess_rows(method, cells, combined[has], each, mean)
        lacking = "Not every doublet was tested at these doses."
        rows += _lacking_rows(method, cells, combined[~has], lacking, not has.any())
    inwards = _cut_off_note(cells)
    if inwards:
        for row in rows:
            if row["level"] == "mean" and np.isfinite(row["value"]):
                row["note"] = f"{row['note']} {inwards}".strip()
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


def _parts(cells: Conditions, combined: NDArray[np.intp], size: int) -> NDArray[np.intp]:
    """Numbers of the conditions with `size` of the drugs at the same doses; -1 if not tested."""
    k = cells.doses.shape[1]
    kept = [np.isin(np.arange(k), chosen) for chosen in subsets(range(k), size)]
    return np.array(
        [[cells.find(np.where(keep, cells.doses[j], 0.0)) for keep in kept] for j in combined],
        dtype=np.intp,
    ).reshape(len(combined), len(kept))


def _excess_rows(
    method: str, cells: Conditions, combined: NDArray[np.intp], each: list[Estimate], mean: Estimate
) -> list[Row]:
    note = "" if np.isfinite(mean.low) else "No interval: no replicates."
    rows = [_empty(method, note) | mean._asdict() | {"n": int(cells.count[combined].sum())}]
    for j, estimate in zip(combined, each, strict=True):
        rows.append(
            _empty(method, note)
            | estimate._asdict()
            | {
                "level": "dose", "fa": float(cells.mean[j]), "doses": cells.doses[j],
                "n": int(cells.count[j]),
            }
        )  # fmt: skip
    return rows


def _lacking_rows(
    method: str, cells: Conditions, combined: NDArray[np.intp], note: str, every: bool
) -> list[Row]:
    """Rows without a value that say why."""
    rows = [_empty(method, f"No excess. {note}")] if every else []
    for j in combined:
        rows.append(
            _empty(method, note)
            | {"level": "dose", "fa": float(cells.mean[j]), "doses": cells.doses[j],
               "n": int(cells.count[j])}
        )  # fmt: skip
    return rows


def _loewe_rows(
    wells: dict[str, Wells], cells: Conditions, combined: NDArray[np.intp], drugs: list[str],
    curves: SingleCurves, settings: ResponseParameters,
) -> list[Row]:  # fmt: skip
    """Excess over Loewe additivity, from a curve of each drug alone that starts at 0."""
    for i, drug in enumerate(drugs):
        tested = int(((cells.doses[:, i] > 0) & ((cells.doses > 0).sum(axis=1) == 1)).sum())
        if tested < settings.min_single_doses:
            note = (
                f"No Loewe excess: {drug} alone was tested at {tested} doses, and its curve needs "
                f"at least {max(settings.min_single_doses, 3)}."
            )
            return [_empty("loewe_excess", note)]
    fits, each, mean = curves.loewe(wells, cells, combined, settings.confidence)
    rows = _excess_rows("loewe_excess", cells, combined, each, mean)
    flat = [drug for drug, fit in zip(drugs, fits, strict=True) if fit.flat_p >= settings.flat_p]
    if flat:
        note = f"{' and '.join(flat)} alone shows no dose response."
        for row in rows:
            row["note"] = f"{row['note']} {note}".strip()
    return rows


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
        log = "index" in parts[0]["method"]
        mean, low, high = over_plates(values, blocks, settings.confidence, log=log)
        centres = np.array([row.get("centre", np.nan) for row in parts])
        if np.isfinite(centres[np.isfinite(values)]).all():
            _, low, high = over_plates(centres, blocks, settings.confidence, log=log)
            low, high = (min(low, mean), max(high, mean)) if np.isfinite(low) else (low, high)
        refused = sum(row.get("refused", False) for row in parts)
        if refused > len(parts) / 2:
            low = high = float("nan")
        ratio = f"Ratio {parts[0]['series']}. " if "series" in parts[0] else ""
        doubt = f" The drugs alone depart from median effect lines on {refused} plates."
        doses = [row["doses"] for row in parts if row["doses"] is not None]
        known = [row["fa"] for row in parts if np.isfinite(row["fa"])]
        kept = {name: parts[0][name] for name in parts[0] if name not in ("p", "centre")}
        found.append(
            kept
            | {
                "plate": ALL_PLATES, "block": ALL_PLATES, "value": mean, "low": low, "high": high,
                "df": float(len(np.unique(blocks[np.isfinite(values)])) - 1),
                "n": sum(row["n"] for row in parts),
                "fa": float(np.mean(known)) if known else float("nan"),
                "doses": np.exp(np.mean(np.log(doses), axis=0)) if doses else None,
                "note": f"{ratio}Mean of {int(np.isfinite(values).sum())} plates; the interval is "
                f"between biological replicates.{doubt if refused else ''}",
            }
        )  # fmt: skip
    annotate_significance(found, settings)
    return found


def _table(rows: list[Row], responses: Responses, messages: str) -> pd.DataFrame:
    """Bring rows into order and columns into shape."""
    width = max([3, *(row["order"] for row in rows)])
    dose_columns = [f"dose_{i + 1}_um" for i in range(width)]
    columns = [*SYNERGY_COLUMNS[:4], *dose_columns, *SYNERGY_COLUMNS[7:]]
    methods = list(dict.fromkeys([*_METHODS, *(row["method"] for row in rows)]))
    rank = {method: i for i, method in enumerate(methods)}
    names = list(dict.fromkeys(row["combination"] for row in rows))
    other = any(unit != "uM" for row in rows for unit in row["units"])

    def place(row: Row) -> tuple[object, ...]:
        level = {"mean": 0, "dose": 2}.get(row["level"], 1)
        given = () if row["doses"] is None else tuple(row["doses"])
        return (
            names.index(row["combination"]), row["plate"] == ALL_PLATES, row["plate"],
            rank[row["method"]], level, row.get("series", ""),
            row["fa"] if level == 1 else 0.0, given,
        )  # fmt: skip

    lines = []
    for row in sorted(rows, key=place):
        line = {name: row.get(name) for name in columns}
        line["note"] = " ".join(filter(None, (messages, row["note"])))
        for bound, side in (("low", "lower"), ("high", "upper")):
            if np.isinf(row[bound]):
                line[bound] = np.nan
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
    first: list[str] = []
    if responses.has_times:
        table["time_h"] = float(responses.rows["time_h"].iloc[0])
        first.append("time_h")
    if responses.has_plates:
        first.append("plate")
    table[dose_columns] = table[dose_columns].astype(float)
    return table[[*first, *columns, *extra]]
