"""From a finished run folder to answers: `wells.csv` and `run.json` in, `Analysis` out.

Only the tables are read, so that the answer can't rest on anything that the user can't see, and
is the same from the run itself, from `spheroid-qc analyse` and from the GUI.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spheroid_qc.analysis.analysis_result import Analysis, ResponseUse
from spheroid_qc.analysis.tables_by_stratum import Asked, Messages, ResponseSeries, drug_tables
from spheroid_qc.analysis.time_course_tables import timed_tables
from spheroid_qc.analysis.verdict.verdict_sentences import verdict_of
from spheroid_qc.configuration.validation import validated
from spheroid_qc.errors import RequestError
from spheroid_qc.flags import masks_unfit
from spheroid_qc.parameters import Parameters
from spheroid_qc.response.replicates import LEFT_OUT, as_text, at_time, last_common_time, stratum_of
from spheroid_qc.response.response_table import Responses, read_responses
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.run.tables.tables_read_back import read_run_tables
from spheroid_qc.wording import listed, plural

IMAGE_RESPONSES = {
    "core_volume_loss_vs_vehicle": "core volume lost against vehicle",
    "df_excess_vs_vehicle": "disintegration beyond vehicle",
}
"""What images say of the fraction affected: shrinking is not disintegrating, so both."""

_COUNTED = ("sfe_percent", "spheres_per_well", "n_spheroids")
_STATE_WORDS = {
    "unscorable": "unscorable (a flag of severity exclude)",
    "never_formed": "never formed a spheroid",
    "vanished": "vanished (washed away or out of view)",
}
_DRUGS = (1, 2, 3)


def is_run_folder(path: Path) -> bool:
    """Whether a folder holds a finished or begun run."""
    return path.is_dir() and RunFolder(path).run_json.is_file()


def parameters_of_run(path: Path) -> Parameters | None:
    """Give the settings a run was made with; None if it is no run folder."""
    if not is_run_folder(path):
        return None
    run = RunFolder(path)
    known = run.read_run() or {}
    return validated(known["parameters"], lambda _: str(run.run_json))


def analyse_run_folder(folder: str | Path, parameters: Parameters | None = None) -> Analysis:
    """Analyse a finished run.

    Parameters
    ----------
    folder : str or Path
        Run folder with `run.json` and `wells.csv`.
    parameters : Parameters, optional
        Settings; default: those of the run.

    Returns
    -------
    Analysis
        `kind` is `run`.

    Raises
    ------
    RequestError
        If the folder is no finished run, its tables are damaged, or the time asked for was not
        imaged.
    """
    run = RunFolder(Path(folder))
    read = read_run_tables(run)
    if parameters is None:
        parameters = validated(read.known["parameters"], lambda _: str(run.run_json))
    return analyse_wells(
        read.wells, read.conditions, parameters, source=str(folder), folder=run.root, qc=read.qc,
        joined=read.joined, given_units=read.given_units,
    )  # fmt: skip


def analyse_wells(
    wells: pd.DataFrame,
    conditions: pd.DataFrame,
    parameters: Parameters,
    *,
    source: str,
    folder: Path | None = None,
    qc: pd.DataFrame | None = None,
    joined: Sequence[str] = (),
    given_units: Mapping[str, str] | None = None,
) -> Analysis:
    """Analyse a table of wells as `run` writes it.

    The tables are `wells.csv`, `conditions.csv` and `qc.csv`; `source` is what the user called
    them, `joined` names the columns of joined end points, and `given_units` are the molar units in
    which doses of drugs were written.
    """
    messages = Messages()
    settings = parameters.response
    times = sorted(float(t) for t in wells["time_h"].dropna().unique())
    end = last_common_time(wells) if settings.time_h is None else settings.time_h
    late = at_time(wells, end)
    if end is not None and len(times) > 1:
        asked_for = "as asked" if settings.time_h is not None else "the last that all plates have"
        messages.note(f"Drugs are compared at {end:g} h, {asked_for}.")
    mapped = late[~late["role"].isin(["unmapped"])]
    _say_left_out(mapped, messages)
    uses, asked = _asked(mapped, wells, joined, messages)
    cut = settings.model_copy(update={"time_h": None})
    time_column = end if len(times) > 1 else None
    if not asked:
        reason = "No well of the plate map has both a drug with a dose and a response."
        messages.missing |= dict.fromkeys(("dose_response", "synergy"), reason)
    made: dict[str, Any] = {
        **drug_tables(Asked(asked, cut, messages, time_column), _condition_names(mapped)),
        **timed_tables(wells, parameters, end, tuple(joined), messages),
    }
    if len(made["used"]) and end is not None:
        made["used"]["time_h"] = end
    analysis = Analysis(
        source=source,
        kind="run",
        parameters=parameters,
        time_h=end,
        times_h=tuple(times),
        drugs=tuple(dict.fromkeys(drug for one in asked for drug in one.responses.drugs)),
        units=_units(asked),
        strata=tuple(dict.fromkeys(one.stratum for one in asked)) or ("",),
        responses=tuple(uses),
        wells=wells,
        conditions=conditions,
        notes=tuple(messages.notes),
        missing=messages.missing,
        folder=folder,
        qc=pd.DataFrame() if qc is None else qc,
        unfit=masks_unfit(wells, parameters),
        given_units=given_units or {},
        **made,
    )
    return replace(analysis, verdict=verdict_of(analysis))


def _units(asked: Sequence[ResponseSeries]) -> tuple[str, ...]:
    of: dict[str, str] = {}
    for one in asked:
        for drug, unit in zip(one.responses.drugs, one.responses.units, strict=True):
            of.setdefault(drug, unit)
    return tuple(of.values())


def _say_left_out(rows: pd.DataFrame, messages: Messages) -> None:
    """Name the wells that enter no curve."""
    if "state" not in rows:
        return
    several = rows["plate"].nunique() > 1
    seeded = rows[rows["role"] != "blank"]
    for state in LEFT_OUT:
        out = seeded[seeded["state"] == state]
        if len(out):
            named = [
                f"{p} {w}" if several else str(w)
                for p, w in zip(out["plate"], out["well"], strict=True)
            ]
            messages.note(
                f"{plural(len(out), 'well')} left out, {_STATE_WORDS[state]}: {listed(named, 24)}."
            )


def _asked(
    mapped: pd.DataFrame, wells: pd.DataFrame, joined: Sequence[str], messages: Messages
) -> tuple[list[ResponseUse], list[ResponseSeries]]:
    """All responses of all strata, and how each was read."""
    uses: list[ResponseUse] = []
    asked: list[ResponseSeries] = []
    apart: set[str] = set()
    candidates: list[tuple[str, str, str, pd.DataFrame]] = [
        (name, title, "fa", mapped)
        for name, title in IMAGE_RESPONSES.items()
        # Of many spheres a field the columns are there and empty.
        if name in mapped and mapped[name].notna().any()
    ]
    if not candidates and "sfe_percent" in mapped:
        known = [name for name in _COUNTED if name in mapped and mapped[name].notna().any()]
        candidates = [(name, name.replace("_", " "), "raw", mapped) for name in known[:1]]
    for name in joined:
        ends = wells[wells[name].notna() & (wells["role"] != "unmapped")]
        rows = ends.drop_duplicates(["plate", "well"], keep="last")
        candidates.append((name, f"{name} (joined end point)", "raw", rows))
    for name, title, kind, rows in candidates:
        values, below, above = _values(rows, name, kind, messages)
        own: list[str] = []
        n = 0
        strata = stratum_of(rows)
        named = sorted(set(strata[rows["role"].isin(["vehicle", "treated"])]))
        apart.update(named)
        for stratum in named:
            part = rows.assign(response=values)[(strata == stratum).to_numpy()]
            try:
                reference = "" if kind == "raw" else "median"  # of `follow.versus_vehicle`
                responses = read_responses(_tidy(part), kind, reference=reference)
            except RequestError as error:
                own.append(f"{stratum}: {error}" if stratum else str(error))
                continue
            n += len(responses.rows)
            asked.append(ResponseSeries(name, stratum, responses))
        if n:
            uses.append(ResponseUse(name, title, kind, n, below, above, tuple(own)))
        for sentence in own:
            messages.note(f"{name}: {sentence}")
    if len(apart) == 1:
        asked = [one._replace(stratum="") for one in asked]
    return uses, asked


def _values(
    rows: pd.DataFrame, name: str, kind: str, messages: Messages
) -> tuple[pd.Series, int, int]:
    """Fraction affected from images, clipped and said so; anything else as it is."""
    values: pd.Series = pd.to_numeric(rows[name], errors="coerce").astype(float)
    if kind == "raw":
        return values, 0, 0
    if "state" in rows:
        values = values.mask(rows["state"].isin(LEFT_OUT))
        # Beside a well that was compared with vehicle; without vehicle nothing has a value.
        place = [rows["plate"], stratum_of(rows)]
        compared = values.notna().groupby(place).transform("any")
        gone = (rows["state"] == "lost") & values.isna() & compared
        if gone.any():
            values = values.mask(gone, 1.0)
            messages.note(
                f"{name}: {plural(int(gone.sum()), 'lost well')}, in which nothing is left, "
                "counted as a fraction affected of 1."
            )
    enters = rows["role"].isin(["vehicle", "treated"])
    below, above = int((values[enters] < 0).sum()), int((values[enters] > 1).sum())
    vehicles = int((values[rows["role"] == "vehicle"] < 0).sum())
    if below or above:
        messages.note(
            f"{name}: clipped to a fraction affected between 0 and 1: {plural(below, 'well')} "
            f"from below 0 ({vehicles} of them vehicle), {above} from above 1."
        )
    return values.clip(0.0, 1.0), below, above


def _tidy(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of wells as a tidy table of responses; another schedule is another drug."""
    names = ["plate", "well", "role", "biological_replicate", "response"]
    table = rows[[name for name in names if name in rows]].copy()
    when = as_text(rows["schedule"]) if "schedule" in rows else pd.Series("", rows.index)
    schedules = [text.split(";") for text in when]
    for n in _DRUGS:
        if f"drug_{n}" not in rows:
            continue
        for name in (f"drug_{n}", f"dose_{n}_um", f"dose_{n}", f"unit_{n}"):
            if name in rows:
                table[name] = rows[name]
        table[f"drug_{n}"] = [
            f"{drug} ({times[n - 1]})" if any(times[n - 1 : n]) and pd.notna(drug) else drug
            for drug, times in zip(rows[f"drug_{n}"], schedules, strict=True)
        ]
    if not any(f"drug_{n}" in table for n in _DRUGS):
        table["drug_1"], table["dose_1_um"] = None, np.nan
    return table


def _condition_names(rows: pd.DataFrame) -> Any:
    """Look up the names of conditions by plate and well."""
    of = {
        (str(p), str(w)): str(c)
        for p, w, c in zip(rows["plate"], rows["well"], rows["condition"], strict=True)
    }

    def names(responses: Responses) -> list[str]:
        keys = zip(responses.rows["plate"], responses.rows["well"], strict=True)
        return [of.get((str(p), str(w)), "") for p, w in keys]

    return names
