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
    be made.
    """

    notes: list[str] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)

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


@dataclass(frozen=True)
class Asked:
    """What is asked of drugs: the responses of all strata, settings, and who hears what can't be.

    `time_h` is the analysis time where the responses were already cut to it, and becomes a column.
    """

    series: Sequence[ResponseSeries]
    settings: ResponseParameters
    messages: Messages
    time_h: float | None = None

    def fractions(self) -> list[ResponseSeries]:
        """Those that are fractions affected."""
        return [one for one in self.series if one.responses.is_fraction]


def drug_tables(
    asked: Asked, conditions: Callable[[Responses], list[str]]
) -> dict[str, pd.DataFrame]:
    """Make the tables that ask the same of every response and stratum.

    These are `dose_response, curves, synergy, synergyfinder, used`, as in `Analysis`; where one
    can't be made the messages get why. `conditions` names the conditions of rows.
    """
    fits, curves = dose_response(asked)
    return {
        "dose_response": fits,
        "curves": curves,
        "synergy": synergy(asked),
        "synergyfinder": synergyfinder(asked),
        "used": used_rows(asked, conditions),
    }


def dose_response(asked: Asked) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Fit all drugs and fixed-ratio combinations, and lay out the curves.

    Gives grouping columns, then `DOSE_RESPONSE_COLUMNS` and `CURVE_COLUMNS`.
    """
    made = _answers(asked, asked.series, "dose_response", dose_response_tables)
    fits = [(one, tables[0]) for one, tables in made]
    curves = [(one, tables[1]) for one, tables in made]
    return (
        _stacked(fits, asked.series, asked.time_h, DOSE_RESPONSE_COLUMNS),
        _stacked(curves, [one for one, _ in made], asked.time_h, CURVE_COLUMNS),
    )


def synergy(asked: Asked) -> pd.DataFrame:
    """Compare all combinations with their parts, for `synergy.csv`; raw responses are passed over.

    Gives grouping columns, then `SYNERGY_COLUMNS`.
    """
    fractions, missing = asked.fractions(), asked.messages.missing
    together = [s for s in fractions if ((s.responses.doses > 0).sum(axis=1) > 1).any()]
    if not fractions:
        missing.setdefault(
            "synergy",
            "No synergy: raw responses have no fraction affected; state fa, viability or "
            "inhibition with --response-is.",
        )
    elif not together:
        missing["synergy"] = "No synergy: no well holds more than one drug."
    made = _answers(asked, together, "synergy", synergy_table)
    return _stacked(made, together, asked.time_h, SYNERGY_COLUMNS)


def synergyfinder(asked: Asked) -> pd.DataFrame:
    """Rewrite all combinations in SynergyFinder's columns, blocks numbered through.

    `response_name` and `stratum` come first where there are several.
    """
    fractions = asked.fractions()
    made = _answers(asked, fractions, "synergyfinder", synergyfinder_table)
    table = _stacked(made, fractions, None, ())
    if "block_id" not in table or table.empty:
        return pd.DataFrame()
    apart = [c for c in ("response_name", "stratum") if c in table]
    keys = [str(key) for key in zip(*(table[c] for c in [*apart, "block_id"]), strict=True)]
    table["block_id"] = pd.factorize(np.array(keys, dtype=object))[0] + 1
    width = max(int(str(c)[4:]) for c in table if str(c).startswith("drug"))
    drugs, doses = ([f"{word}{i}" for i in range(1, width + 1)] for word in ("drug", "conc"))
    table[drugs] = table[drugs].fillna("")
    return table[[*apart, "block_id", *drugs, *doses, "response", "conc_unit"]]


def _answers(
    asked: Asked,
    series: Sequence[ResponseSeries],
    table: str,
    make: Callable[[Responses, ResponseParameters], Any],
) -> list[tuple[ResponseSeries, Any]]:
    """Ask the same of some responses; what is refused leaves a sentence."""
    made = []
    missing = asked.messages.missing
    for one in series:
        try:
            made.append((one, make(one.responses, asked.settings)))
        except RequestError as error:
            where = " ".join(filter(None, (one.name, f"({one.stratum})" if one.stratum else "")))
            if len(series) > 1:
                asked.messages.note(f"{where}: {error}")
            missing.setdefault(table, str(error))
    if made:
        missing.pop(table, None)
    return made


def _stacked(
    made: Sequence[tuple[ResponseSeries, pd.DataFrame]],
    series: Sequence[ResponseSeries],
    time_h: float | None,
    columns: Sequence[str],
) -> pd.DataFrame:
    """Put the tables of some of the `series` into one, with columns that tell these apart."""
    several_responses = len({one.name for one in series}) > 1
    several_strata = len({one.stratum for one in series}) > 1
    several_plates = any(one.responses.has_plates for one in series)
    several_times = any(one.responses.has_times for one in series)
    for one, part in made:
        rows = one.responses.rows
        if several_plates and not one.responses.has_plates:
            part.insert(0, "plate", str(rows["plate"].iloc[0]))
        if several_times and "time_h" not in part:
            part.insert(0, "time_h", float(rows["time_h"].iloc[0]))
        elif time_h is not None:
            part.insert(0, "time_h", time_h)
        if several_strata:
            part.insert(0, "stratum", one.stratum)
        if several_responses:
            word = "response_name" if "response" in part else "response"
            part.insert(0, word, one.name)
    if not made:
        return pd.DataFrame(columns=list(columns))
    parts = [part for _, part in made]
    filled = [part for part in parts if len(part)] or parts[:1]
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


def used_rows(asked: Asked, conditions: Callable[[Responses], list[str]]) -> pd.DataFrame:
    """Lay out what the fits were given.

    Gives `response, stratum, plate, well, time_h, condition, role, drug_1, dose_1, unit_1 ...,
    effect`.
    """
    parts = []
    width = 1
    for one in asked.series:
        try:
            at_time, _ = analysis_time(one.responses, asked.settings.time_h)
        except RequestError:
            continue
        named = at_time.rows.assign(
            response=one.name, stratum=one.stratum, condition=conditions(at_time)
        )
        given = drug_columns(at_time.drugs, at_time.units, at_time.doses)
        width = max(width, len(given) // 4)
        parts.append(named.assign(**given))
    first = ["response", "stratum", "plate", "well", "time_h", "condition", "role"]
    slots = [f"{w}_{n + 1}" for n in range(width) for w in ("drug", "dose", "unit")]
    if not parts:
        return pd.DataFrame(columns=[*first, *slots, "effect"])
    return pd.concat(parts, ignore_index=True).reindex(columns=[*first, *slots, "effect"])
