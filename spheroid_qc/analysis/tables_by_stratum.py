"""The same questions asked of every response and stratum, put together into one table each.

A question that can't be answered for one response leaves a sentence, never a hole in the run:
the other responses and tables are made all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spheroid_qc.errors import RequestError
from spheroid_qc.parameters import ResponseParameters
from spheroid_qc.response.curves.dose_response import (
    CURVE_COLUMNS,
    DOSE_RESPONSE_COLUMNS,
    dose_response_tables,
)
from spheroid_qc.response.response_table import Responses
from spheroid_qc.response.synergy.synergy_table import SYNERGY_COLUMNS, synergy_table
from spheroid_qc.response.synergy.synergyfinder_export import synergyfinder_table
from spheroid_qc.response.wells_analysed_together import analysis_time

Maker = Callable[[Responses, ResponseParameters], pd.DataFrame]


class ResponseSeries(NamedTuple):
    """One response of one stratum.

    `name` and `stratum` are the words in these columns; `stratum` is empty where there is only one.
    """

    name: str
    stratum: str
    responses: Responses


@dataclass
class Messages:
    """Sentences that gather while tables are made.

    `notes` say how things were understood and what was left out; `missing`: table -> why it can't
    be made; `curves` are the fitted ones, point by point, for `curves.csv`.
    """

    notes: list[str] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    curves: pd.DataFrame = field(default_factory=pd.DataFrame)

    def note(self, sentence: str) -> None:
        """Add a sentence once."""
        if sentence and sentence not in self.notes:
            self.notes.append(sentence)

    def attempt(
        self, table: str, make: Callable[[], pd.DataFrame], columns: Iterable[str]
    ) -> pd.DataFrame:
        """Make a table; if that is refused, keep the reason and give one without rows."""
        try:
            return make()
        except RequestError as error:
            self.missing[table] = str(error)
            return pd.DataFrame(columns=list(columns))


def dose_response(
    asked: Sequence[ResponseSeries],
    settings: ResponseParameters,
    messages: Messages,
    time_h: float | None = None,
) -> pd.DataFrame:
    """Fit all drugs and fixed-ratio combinations, for `dose_response.csv`.

    `messages` gets what could not be done, and the curves to be drawn; `time_h` is the analysis
    time where the responses were already cut to it, and becomes a column. Gives grouping columns,
    then `DOSE_RESPONSE_COLUMNS`.
    """
    made: dict[int, tuple[pd.DataFrame, pd.DataFrame]] = {}

    def fitted(responses: Responses, given: ResponseParameters) -> pd.DataFrame:
        made[id(responses)] = dose_response_tables(responses, given)
        return made[id(responses)][0]

    table = _each("dose_response", asked, fitted, settings, messages, DOSE_RESPONSE_COLUMNS, time_h)
    done = [one for one in asked if id(one.responses) in made]
    messages.curves = _each(
        "curves", done, lambda responses, _: made[id(responses)][1], settings, messages,
        CURVE_COLUMNS, time_h,
    )  # fmt: skip
    return table


def synergy(
    asked: Sequence[ResponseSeries],
    settings: ResponseParameters,
    messages: Messages,
    time_h: float | None = None,
) -> pd.DataFrame:
    """Compare all combinations with their parts, for `synergy.csv`; raw responses are passed over.

    Gives grouping columns, then `SYNERGY_COLUMNS`; `messages` and `time_h` are as for
    `dose_response`.
    """
    fractions = [one for one in asked if one.responses.kind != "raw"]
    if not fractions:
        messages.missing.setdefault(
            "synergy",
            "No synergy: raw responses have no fraction affected; state fa, viability or "
            "inhibition with --response-is.",
        )
        return pd.DataFrame(columns=list(SYNERGY_COLUMNS))
    together = [s for s in fractions if ((s.responses.doses > 0).sum(axis=1) > 1).any()]
    if not together:
        messages.missing["synergy"] = "No synergy: no well holds more than one drug."
        return pd.DataFrame(columns=list(SYNERGY_COLUMNS))
    return _each("synergy", together, synergy_table, settings, messages, SYNERGY_COLUMNS, time_h)


def synergyfinder(
    asked: Sequence[ResponseSeries], settings: ResponseParameters, messages: Messages
) -> pd.DataFrame:
    """Rewrite all combinations in SynergyFinder's columns, blocks numbered through.

    `response_name` and `stratum` come first where there are several.
    """
    fractions = [one for one in asked if one.responses.kind != "raw"]
    table = _each("synergyfinder", fractions, synergyfinder_table, settings, messages, (), None)
    if "block_id" not in table or table.empty:
        return pd.DataFrame()
    apart = [c for c in ("response_name", "stratum") if c in table]
    keys = [str(key) for key in zip(*(table[c] for c in [*apart, "block_id"]), strict=True)]
    table["block_id"] = pd.factorize(np.array(keys, dtype=object))[0] + 1
    width = max(int(str(c)[4:]) for c in table if str(c).startswith("drug"))
    order = [f"{word}{i}" for word in ("drug", "conc") for i in range(1, width + 1)]
    for name in order:
        if name.startswith("drug"):
            table[name] = table[name].fillna("")
    return table[[*apart, "block_id", *order, "response", "conc_unit"]]


def _each(
    table: str,
    asked: Sequence[ResponseSeries],
    make: Maker,
    settings: ResponseParameters,
    messages: Messages,
    columns: Sequence[str],
    time_h: float | None,
) -> pd.DataFrame:
    """Make one table of every response and stratum, and stack them."""
    parts: list[pd.DataFrame] = []
    several_responses = len({one.name for one in asked}) > 1
    several_strata = len({one.stratum for one in asked}) > 1
    for one in asked:
        try:
            part = make(one.responses, settings)
        except RequestError as error:
            where = " ".join(filter(None, (one.name, f"({one.stratum})" if one.stratum else "")))
            if len(asked) > 1:
                messages.note(f"{where}: {error}")
            messages.missing.setdefault(table, str(error))
            continue
        if one.responses.has_plates is False and any(o.responses.has_plates for o in asked):
            part.insert(0, "plate", str(one.responses.rows["plate"].iloc[0]))
        if any(o.responses.has_times for o in asked) and "time_h" not in part:
            part.insert(0, "time_h", float(one.responses.rows["time_h"].iloc[0]))
        elif time_h is not None:
            part.insert(0, "time_h", time_h)
        if several_strata:
            part.insert(0, "stratum", one.stratum)
        if several_responses:
            word = "response_name" if "response" in part else "response"
            part.insert(0, word, one.name)
        parts.append(part)
    if not parts:
        return pd.DataFrame(columns=list(columns))
    messages.missing.pop(table, None)
    filled = [part for part in parts if len(part)] or parts[:1]
    if len(filled) == 1:
        return filled[0].reset_index(drop=True)
    return pd.concat(filled, ignore_index=True)


def drug_columns(
    drugs: Sequence[str], units: Sequence[str], doses: NDArray[np.float64]
) -> dict[str, list[Any]]:
    """Lay the drugs of every row with their doses side by side, absent ones left out.

    `doses` (rows, drugs), 0 where a drug is absent; gives `drug_1, dose_1_um, dose_1, unit_1,
    drug_2 ...`, as many as one row holds.
    """
    given = [np.flatnonzero(row > 0).tolist() for row in doses]
    made: dict[str, list[Any]] = {}
    for n in range(max([1, *(len(found) for found in given)])):
        at = [found[n] if n < len(found) else None for found in given]
        amount = [np.nan if i is None else float(doses[row, i]) for row, i in enumerate(at)]
        unit = [None if i is None else units[i] for i in at]
        made[f"drug_{n + 1}"] = [None if i is None else drugs[i] for i in at]
        made[f"dose_{n + 1}_um"] = [
            d if u == "uM" else np.nan for d, u in zip(amount, unit, strict=True)
        ]
        made |= {f"dose_{n + 1}": amount, f"unit_{n + 1}": unit}
    return made


def used_rows(
    asked: Sequence[ResponseSeries],
    settings: ResponseParameters,
    conditions: Callable[[Responses], list[str]],
) -> pd.DataFrame:
    """Lay out what the fits were given.

    `conditions` names the conditions of rows; gives `response, stratum, plate, well, time_h,
    condition, role, drug_1, dose_1, unit_1 ..., effect`.
    """
    parts = []
    width = 1
    for one in asked:
        try:
            at_time, _ = analysis_time(one.responses, settings.time_h)
        except RequestError:
            continue
        rows = at_time.rows
        part = pd.DataFrame(
            {
                "response": one.name,
                "stratum": one.stratum,
                "plate": rows["plate"],
                "well": rows["well"],
                "time_h": rows["time_h"],
                "condition": conditions(at_time),
                "role": rows["role"],
            }
        )
        given = drug_columns(at_time.drugs, at_time.units, at_time.doses)
        width = max(width, len(given) // 4)
        part = part.assign(**given, effect=rows["effect"])
        parts.append(part)
    first = ["response", "stratum", "plate", "well", "time_h", "condition", "role"]
    slots = [f"{w}_{n + 1}" for n in range(width) for w in ("drug", "dose", "unit")]
    if not parts:
        return pd.DataFrame(columns=[*first, *slots, "effect"])
    return pd.concat(parts, ignore_index=True).reindex(columns=[*first, *slots, "effect"])
