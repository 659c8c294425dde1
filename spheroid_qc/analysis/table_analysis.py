"""From any tidy table of responses to answers: stated values are used as given, or refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spheroid_qc.analysis.analysis_result import Analysis, ResponseUse
from spheroid_qc.analysis.tables_by_stratum import (
    Asked,
    Messages,
    ResponseSeries,
    drug_columns,
    drug_tables,
)
from spheroid_qc.analysis.verdict.verdict_sentences import verdict_of
from spheroid_qc.errors import RequestError
from spheroid_qc.follow.spheroid_states import STATES
from spheroid_qc.parameters import Parameters
from spheroid_qc.plate_map import PlateMap, read_plate_map, with_strata
from spheroid_qc.response.comparisons import comparison_table
from spheroid_qc.response.condition_summary import summarise_conditions
from spheroid_qc.response.plate_quality import plate_quality_table
from spheroid_qc.response.response_table import Responses, read_responses
from spheroid_qc.response.wells_analysed_together import analysis_time
from spheroid_qc.response_tables.read_responses import (
    ResponseTable,
    TableOptions,
    as_table,
    read_response_files,
)
from spheroid_qc.response_tables.stated_response import (
    given_units_of,
    stated_response,
    strata_of,
    with_plates,
)
from spheroid_qc.response_tables.unlikely_responses import (
    far_from_replicates,
    refuse_affected_vehicle,
    refuse_wrong_unit,
    vehicle_apart,
    without_copies,
)
from spheroid_qc.tables.stated_columns import read_meanings
from spheroid_qc.wells import parse_well
from spheroid_qc.wording import listed_and, plural

_TITLES = {"fa": "fraction affected", "raw": "response"}
_NOT_FROM_A_TABLE = {
    "survival": "A table of responses holds no states of spheroids: no time to disintegration.",
    "kinetics": "A table of responses holds no sizes of spheroids: no growth.",
    "kinetics_by_condition": "A table of responses holds no sizes of spheroids: no growth.",
    "gr_values": "A table of responses holds no sizes at time zero: no growth-rate inhibition.",
    "gr_metrics": "A table of responses holds no sizes at time zero: no growth-rate inhibition.",
}


def analyse_table(
    source: str | Path | pd.DataFrame,
    response_is: str | None = None,
    response_unit: str | None = None,
    parameters: Parameters | None = None,
    response_column: str | None = None,
    dose_scale: str = "",
    columns_are: str = "",
    plate_map: str | Path | PlateMap | None = None,
    columns: Sequence[str] = (),
) -> Analysis:
    """Analyse a tidy table of responses.

    Parameters
    ----------
    source : str, Path or DataFrame
        A file (CSV, TSV, XLSX), a folder of them, or a data frame with columns `drug_1,
        dose_1_um, drug_2, dose_2_um ... response` and optionally `plate, well, role, replicate,
        biological_replicate, time_h, cell_line, passage`. Headings of plate maps and of
        SynergyFinder are understood as well.
    response_is : str, optional
        `fa`, `viability`, `inhibition` or `raw`. Needed unless the response's heading tells it.
    response_unit : str, optional
        `fraction` or `percent`; default: what the heading tells, else fraction.
    parameters : Parameters, optional
        Settings; those of `response` decide.
    response_column : str, optional
        Heading of the response.
    dose_scale : str
        `log10` where doses are decimal logarithms and their heading does not say so.
    columns_are : str
        Of a wide table, with doses in the first column: `replicates`, `drugs` or `cell-lines`.
    plate_map : str, Path or PlateMap, optional
        What is in the wells, for a table of values by well (IncuCyte's exports, plate readers'
        grids).
    columns : sequence of str
        What columns are that tell rows apart: `NAME=stratum`, `NAME=ignore`, `NAME=replicate` ...

    Returns
    -------
    Analysis
        `kind` is `table`.

    Raises
    ------
    RequestError
        If the table can't be taken at its word, or nobody states what the response is.
    """
    parameters = parameters or Parameters()
    settings = parameters.response
    if plate_map is not None and not isinstance(plate_map, PlateMap):
        plate_map = read_plate_map(plate_map, dose_scale=dose_scale)
    options = TableOptions(
        response_column, dose_scale, columns_are, plate_map, read_meanings(columns)
    )
    if isinstance(source, pd.DataFrame):
        read, name = as_table(source, options), "table"
    else:
        read, name = read_response_files(Path(source), options), str(source)
    messages = Messages(list(read.notes))
    read, by_replicate = with_plates(read)
    read, copied = without_copies(read)
    kind, unit, understood = stated_response(read, response_is, response_unit)
    for sentence in (by_replicate, copied, *understood):
        messages.note(sentence)
    refuse_wrong_unit(read, kind, unit)
    reference = "" if kind == "raw" else settings.normalised_to
    whole = read_responses(read.rows, kind, unit, read.places, reference)
    refuse_affected_vehicle(whole)
    messages.note(vehicle_apart(whole))
    for sentence in whole.notes:
        messages.note(sentence)
    word = "response" if kind == "raw" else "fa"
    asked = _by_stratum(read, kind, unit, word, reference, messages)
    for one in asked:
        refuse_affected_vehicle(one.responses, one.stratum)
        messages.note(far_from_replicates(one.responses, one.stratum))
    at_time, when = analysis_time(whole, settings.time_h)
    messages.note(when)
    end = float(at_time.rows["time_h"].iloc[0]) if whole.has_times else None
    wells = _wells(read, whole, kind, unit, word)
    made: dict[str, Any] = {
        **drug_tables(Asked(asked, settings, messages), _named),
        "conditions": _summary(wells, word),
        "comparisons": _compared(wells, word, end, settings.confidence, messages),
        "plate_quality": _quality(read, wells, word, end, parameters, messages),
    }
    messages.missing |= _NOT_FROM_A_TABLE
    title = _TITLES["raw" if kind == "raw" else "fa"]
    if kind not in ("fa", "raw"):
        title = f"{title}, from {kind}"
    analysis = Analysis(
        source=name,
        kind="table",
        parameters=parameters,
        time_h=end,
        times_h=tuple(sorted(float(t) for t in whole.rows["time_h"].unique())),
        drugs=whole.drugs,
        units=whole.units,
        strata=tuple(dict.fromkeys(one.stratum for one in asked)),
        responses=(ResponseUse(word, title, "raw" if kind == "raw" else "fa", len(at_time.rows)),),
        wells=wells,
        notes=tuple(messages.notes),
        missing=messages.missing,
        given_units=given_units_of(read.rows),
        **made,
    )
    return replace(analysis, verdict=verdict_of(analysis))


def _by_stratum(
    read: ResponseTable, kind: str, unit: str, word: str, reference: str, messages: Messages
) -> list[ResponseSeries]:
    """Responses of every stratum; one that can't be analysed leaves a sentence."""
    strata = strata_of(read.rows)
    names = sorted(set(strata))
    if len(names) == 1:
        only = read_responses(read.rows, kind, unit, read.places, reference)
        return [ResponseSeries(word, "", only)]
    found = []
    for name in names:
        keep = (strata == name).to_numpy()
        places = [place for place, kept in zip(read.places, keep, strict=True) if kept]
        rows = read.rows[keep]
        if not name and not rows.filter(regex=r"^drug_\d").fillna("").ne("").any(axis=None):
            verb = "names" if len(rows) == 1 else "name"
            messages.note(
                f"{plural(len(rows), 'row')} without a drug {verb} no stratum (cell line, passage "
                "...), so that none is compared with them: repeat them for each that they belong "
                "to."
            )
            continue
        try:
            part = read_responses(rows, kind, unit, places, reference)
        except RequestError as error:
            messages.note(f"{name or 'Rows without a stratum'}: {error}")
            continue
        found.append(ResponseSeries(word, name, part))
    if not found:
        raise RequestError("No stratum of the table can be analysed. " + " ".join(messages.notes))
    apart = (one.stratum or "rows without a stratum" for one in found)
    messages.note(f"Analysed apart: {', '.join(apart)}.")
    lacking = [one.stratum for one in found if (one.responses.doses > 0).any(axis=1).all()]
    if 0 < len(lacking) < len(found):
        messages.note(
            f"No vehicle well of {listed_and(lacking)}: its conditions are compared with nothing."
        )
    return found


def _wells(read: ResponseTable, whole: Responses, kind: str, unit: str, word: str) -> pd.DataFrame:
    """Rows in the columns of a table of wells, with names of conditions and the effect."""
    rows = read.rows.reset_index(drop=True)
    drugs, doses, roles = whole.drugs, whole.given_doses, whole.given_roles
    strata = strata_of(rows)
    wells = pd.DataFrame(
        {
            "plate": rows["plate"].fillna("") if "plate" in rows else "",
            "well": rows["well"].map(_canonical) if "well" in rows else "",
            "time_h": rows.get("time_h", np.nan),
            "condition": [
                with_strata(name, stratum)
                for name, stratum in zip(
                    _names(drugs, whole.units, doses, roles), strata, strict=True
                )
            ],
            "role": roles,
        },
        index=rows.index,
    )
    for name, values in drug_columns(drugs, whole.units, doses).items():
        wells[name] = values
    for name in ("replicate", "biological_replicate", "cell_line", "passage"):
        if name in rows:
            wells[name] = rows[name]
    if (strata != "").any():
        wells["stratum"] = strata
    wells["response"] = rows["response"]
    if kind != "raw":
        effect = rows["response"] / (100 if unit == "percent" else 1)
        wells[word] = 1 - effect if kind == "viability" else effect
    if "time_h" not in rows:
        wells = wells.drop(columns="time_h")
    return _all_named(wells)


def _all_named(wells: pd.DataFrame) -> pd.DataFrame:
    """Give rows without a well a name that does not depend on the order of the rows."""
    lacking = wells["well"] == ""
    keys = [name for name in ("plate", "time_h", "condition", "role", "response") if name in wells]
    order = wells[lacking].sort_values(keys, kind="stable").index
    width = len(str(len(order)))
    wells.loc[order, "well"] = [f"row {i + 1:0{width}}" for i in range(len(order))]
    return wells


def _canonical(text: object) -> str:
    well = parse_well(str(text)) if text else None
    return well.name if well else ""


def _names(
    drugs: tuple[str, ...], units: tuple[str, ...], doses: np.ndarray, roles: np.ndarray
) -> list[str]:
    names = []
    for row, role in zip(doses, roles, strict=True):
        given = " + ".join(f"{drugs[i]} {row[i]:.6g} {units[i]}" for i in np.flatnonzero(row > 0))
        if role in ("vehicle", "treated"):
            names.append(given or "vehicle")
        else:
            words = str(role).replace("_", " ")
            names.append(f"{words} ({given})" if given else words)
    return names


def _named(part: Responses) -> list[str]:
    return _names(part.drugs, part.units, part.doses, part.rows["role"].to_numpy())


def _summary(wells: pd.DataFrame, word: str) -> pd.DataFrame:
    table = wells.assign(state="")
    if "time_h" not in table:
        table["time_h"] = 0.0
    summary = summarise_conditions(table, (word,))
    drop = [*(f"n_{state}" for state in STATES), "left_out"]
    return summary.drop(columns=drop if "time_h" in wells else [*drop, "time_h"])


def _compared(
    wells: pd.DataFrame, word: str, end: float | None, level: float, messages: Messages
) -> pd.DataFrame:
    def make() -> pd.DataFrame:
        if not (wells["role"] == "vehicle").any():
            raise RequestError("No row without a drug: there is no vehicle to compare with.")
        return comparison_table.compare_with_vehicle(wells, [word], end, level)

    return messages.attempt("comparisons", make, comparison_table.COLUMNS)


def _quality(
    read: ResponseTable, wells: pd.DataFrame, word: str, end: float | None,
    parameters: Parameters, messages: Messages,
) -> pd.DataFrame:  # fmt: skip
    """Judge controls, edge and place; a table without wells has no places."""

    def make() -> pd.DataFrame:
        if "well" not in read.rows or (read.rows["well"] == "").any():
            raise RequestError("No plate quality: the table does not name every well.")
        found = plate_quality_table.plate_quality(
            wells, [word], time_h=end, plate_format=parameters.plate.well_count
        )
        return found[found["metric"] == word].reset_index(drop=True)

    return messages.attempt("plate_quality", make, plate_quality_table.COLUMNS)
