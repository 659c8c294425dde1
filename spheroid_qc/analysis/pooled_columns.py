"""Columns of a table of responses that nobody asked for: kept apart, asked about, or harmless."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from spheroid_qc.analysis.rows_of_responses import with_stratum
from spheroid_qc.tables.distinguishing_columns import is_function_of, is_measurement, tells_apart
from spheroid_qc.tables.find_heading_line import HeadingLine
from spheroid_qc.tables.located_cells import TableRow
from spheroid_qc.tables.match_headings import Heading
from spheroid_qc.tables.parse_cells import clean, is_missing
from spheroid_qc.tables.parse_times import is_date
from spheroid_qc.tables.table_messages import TableMessages
from spheroid_qc.wording import listed

_LABELS = ("plate", "biological_replicate", "replicate", "time_h", "block")


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
    for at, heading in unused.items():
        if heading.kind != "factor":
            continue
        values = [clean(row.text(at)) for row in body]
        if not tells_apart(*_known(rows), values):
            continue
        lacking = next((row for row, value in zip(body, values, strict=True) if not value), None)
        if lacking is not None:
            messages.problem(
                f"{line.table.place(lacking.line, at, heading.written)}: the cell is empty, though "
                f"{heading.written} tells other rows apart; fill it in every line.",
                "strata with gaps",
            )
        rows = with_stratum(rows, heading.written, values)
        taken.append(heading.written)
    left: list[str] = []
    for at, heading in unused.items():
        if heading.written in taken:
            continue
        left.append(heading.written)
        if heading.kind in ("factor", "index"):
            continue
        values = [row.text(at) for row in body]
        is_remark = heading.kind == "remark"
        if is_remark and any(map(is_missing, values)):
            continue  # remarks stand here and there; what every line has is a name of something
        if _is_pooled(rows, values, of_plates=is_remark):
            shown = listed(dict.fromkeys(v for v in values if not is_missing(v)), 4)
            messages.problem(
                f"{line.table.place(line.row.line, at, heading.written)}: rows of one treatment "
                f"differ in this column ({shown}), and would be taken together; call it "
                f"'stratum {heading.written}' to analyse them apart, 'replicate' or "
                "'biological_replicate' if they are repeats, or delete it.",
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


def _known(rows: pd.DataFrame) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """Give what each row holds by now, without and with doses."""
    drugs = [str(name) for name in rows if str(name).startswith("drug_")]
    doses = [str(name) for name in rows if str(name).startswith(("dose_", "unit_"))]
    strata = [name for name in ("cell_line", "passage", "stratum", "block") if name in rows]
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
    return treatments, conditions


_DOSES = (("dose_", "_um"), ("dose_", ""))


def _is_pooled(rows: pd.DataFrame, values: Sequence[str], *, of_plates: bool) -> bool:
    """Tell whether rows that differ in a column would be taken together.

    `of_plates`: words in it may be another name of a plate or a replicate, as a file's name is.
    """
    present = {value for value in values if not is_missing(value)}
    if len(present) < 2 or is_measurement(values):
        return False
    if len(present) == sum(not is_missing(value) for value in values):
        return False  # a name of every row
    treatments, conditions = _known(rows)
    if not tells_apart(treatments, conditions, values):
        return False
    for name in _LABELS:
        if name not in rows or not is_function_of(values, list(rows[name])):
            continue
        one_to_one = is_function_of([str(label) for label in rows[name]], values)
        named = of_plates or all(map(_like_a_label, present))
        if name == "time_h" or (one_to_one and named):
            return False  # another name of the plate, or of the time
    return True


def _like_a_label(text: str) -> bool:
    """Tell whether a value is a number or a date, and so no name of a cell line or a medium."""
    return text.replace(".", "").isdigit() or is_date(text)
