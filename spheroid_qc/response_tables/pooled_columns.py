"""Columns of a table of responses that nobody asked for: kept apart, asked about, or harmless."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from spheroid_qc.response_tables.response_columns import meaning_of
from spheroid_qc.response_tables.rows_of_responses import with_stratum
from spheroid_qc.tables.distinguishing_columns import (
    DIVIDING,
    REPEATS,
    KnownRows,
    look_merged,
    names_within_labels,
    shown_values,
    tells_apart,
    would_be_pooled,
)
from spheroid_qc.tables.find_heading_line import HeadingLine
from spheroid_qc.tables.located_cells import TableRow
from spheroid_qc.tables.match_headings import Heading
from spheroid_qc.tables.parse_cells import clean, is_missing
from spheroid_qc.tables.table_messages import TableMessages
from spheroid_qc.wells import row_column
from spheroid_qc.wording import listed

# Known kinds that are not used here and are no measurements.
_SET = ("dosed_at_h", "washout_at_h", "vehicle_group", "date", "molar_mass_g_mol")
_LABELS = ("plate", *REPEATS, "time_h", "block")
_DOSES = (("dose_", "_um"), ("dose_", ""))


def account_for(
    line: HeadingLine,
    unused: dict[int, Heading],
    body: Sequence[TableRow],
    rows: pd.DataFrame,
    messages: TableMessages,
) -> pd.DataFrame:
    """See to it that no column that tells rows apart is passed over.

    Parameters
    ----------
    line : HeadingLine
        The headings.
    unused : dict
        Column number to heading, of the columns that have no meaning yet.
    body : sequence of TableRow
        The lines below.
    rows : DataFrame
        What was read of them.
    messages : TableMessages
        Takes notes, and a mistake for each column that must be named.

    Returns
    -------
    DataFrame
        `rows`, with what became a stratum.
    """
    taken: list[str] = []
    known = known_rows(rows)
    for at, heading in unused.items():
        if heading.kind not in ("factor", "stratum"):
            continue
        values = [clean(row.text(at)) for row in body]
        if not tells_apart(known, values):
            continue
        lacking = next((row for row, value in zip(body, values, strict=True) if not value), None)
        if lacking is not None:
            messages.problem(
                f"{line.table.place(lacking.line, at, heading.written)}: the cell is empty, though "
                f"{heading.written} tells other rows apart; fill it in every line.",
                "strata with gaps",
            )
        rows = with_stratum(rows, heading.written, values)
        known = known_rows(rows)
        taken.append(heading.written)
    for kind in REPEATS:
        if kind in rows and names_within_labels(known, [str(value) for value in rows[kind]]):
            messages.problem(
                f"{line.table.title}: the names of {kind} ({listed(rows[kind].unique(), 4)}) hold "
                "more than repeats; write what else they tell apart, such as the cell line, into "
                "a column of its own.",
                once=f"names of {kind}",
            )
    left: list[str] = []
    for at, heading in unused.items():
        if heading.written in taken:
            continue
        left.append(heading.written)
        if heading.kind == "ignored" or meaning_of(heading.written):
            continue
        values = [row.text(at) for row in body]
        if would_be_pooled(
            known,
            heading.written,
            values,
            is_remark=heading.kind == "remark",
            may_be_measured=heading.kind not in _SET,
        ):
            shown = shown_values(values)
            messages.problem(
                f"{line.table.place(line.row.line, at, heading.written)}: rows of one treatment "
                f"differ in this column ({shown}), and would be taken together; call it "
                f"'stratum {heading.written}' to analyse them apart, 'replicate' or "
                f"'biological_replicate' if they are repeats, or 'ignore {heading.written}' if it "
                f"is nothing to keep apart (or say it by --column '{heading.written}=ignore').",
                "columns that tell rows apart",
            )
    if taken:
        messages.notes.append(
            f"Part of each treatment besides drugs: {', '.join(taken)}; rows that differ in it are "
            "analysed apart (call it biological_replicate if they are repeats of one experiment)."
        )
    if left:
        messages.notes.append(f"Columns that are not used: {', '.join(left)}.")
    return rows


def refuse_gaps(
    line: HeadingLine,
    used: dict[int, Heading],
    body: Sequence[TableRow],
    rows: pd.DataFrame,
    messages: TableMessages,
) -> None:
    """Refuse treated lines without the plate, time, cell line ... that other lines have.

    The value may be meant for all lines down to the next one, as merged cells show it, and may as
    well be unknown.
    """
    for at, heading in used.items():
        if heading.kind not in (*_LABELS, *DIVIDING, "date", "stratum"):
            continue
        may_be_empty = heading.kind in (*REPEATS, "stratum")
        if may_be_empty and not look_merged([row.text(at) for row in body]):
            continue
        measured = zip(body, rows["role"], rows["response"].notna(), strict=True)
        lacking = [row for row, role, there in measured if role == "treated" and there]
        lacking = [row for row in lacking if is_missing(row.text(at))]
        if lacking and not all(is_missing(row.text(at)) for row in body):
            more = f" (and in {len(lacking) - 1} more lines)" if len(lacking) > 1 else ""
            place = line.table.place(lacking[0].line, at, heading.written)
            messages.problem(
                f"{place}: the cell is empty{more}, though other lines have a value; write it in "
                "every line, also where it is the same as in the line above.",
                "gaps",
            )


def known_rows(rows: pd.DataFrame) -> KnownRows:
    """Give what each row holds by now."""
    drugs = [str(name) for name in rows if str(name).startswith("drug_")]
    doses = [str(name) for name in rows if str(name).startswith(("dose_", "unit_"))]
    strata = [name for name in (*DIVIDING, "stratum", "block") if name in rows]
    treatments: list[tuple[object, ...]] = []
    conditions: list[tuple[object, ...]] = []
    plain = rows[[*drugs, *doses, *strata, "role"]].astype(object).fillna("")
    for values in plain.to_dict("records"):
        record = {str(name): value for name, value in values.items()}
        given = sorted(
            (record[drug], *(record.get(f"{d}{drug[5:]}{u}", "") for d, u in _DOSES))
            for drug in drugs
            if any(record.get(f"{d}{drug[5:]}{u}", "") for d, u in _DOSES)
        )
        of = (record["role"], *(record[name] for name in strata))
        treatments.append((tuple(drug for drug, *_ in given), *of))
        conditions.append((tuple(given), *of))
    labels: dict[str, list[object]] = {
        name: list(rows[name].astype(object).fillna("")) for name in _LABELS if name in rows
    }
    several = [values for name, values in labels.items() if name != "block"]
    if len(several) > 1:
        labels["all of them"] = list(zip(*several, strict=True))
    if "well" in rows:
        places = [
            row_column(well) if isinstance(well, str) and well else ("", "")
            for well in rows["well"]
        ]
        labels |= {"row": [row for row, _ in places], "column": [col for _, col in places]}
    return KnownRows(treatments, conditions, labels)
