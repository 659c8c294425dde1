"""Tables with doses under the name of their drug: `gemcitabine (uM), selinexor_nM, viability`.

Each such column becomes two, with the drug's name and its dose; a repeat or a line in each column
beside them is then read as it is beside any drug and dose.
"""

from __future__ import annotations

from dataclasses import replace

from spheroid_qc.tables.dose_units import Unit
from spheroid_qc.tables.located_cells import Table, TableRow
from spheroid_qc.tables.match_headings import named_dose, read_heading
from spheroid_qc.tables.parse_cells import is_missing
from spheroid_qc.wording import listed

_FORM = "a table with doses under the names of their drugs"
_SEARCHED_LINES = 30


def with_drugs_named(table: Table, response: str | None = None) -> Table | None:
    """Write the drugs that headings name into columns of their own.

    Parameters
    ----------
    table : Table
        Any table.
    response : str, optional
        Heading of the response where it is stated; it names no drug.

    Returns
    -------
    Table or None
        With `drug_1`, `dose_1 (uM)` ... in place of each such column; None where a line names
        wells, drugs or doses in the usual way, or no drug in its headings.
    """
    for number, row in enumerate(table.rows[:_SEARCHED_LINES]):
        kinds = {read_heading(text).kind for text in row.texts if text}
        if kinds & {"drug", "dose", "well"} or {"row", "column"} <= kinds:
            return None
        found: dict[int, tuple[str, Unit]] = {}
        for at, text in enumerate(row.texts, start=1):
            named = named_dose(text)
            if named is not None and text.casefold() != (response or "").casefold():
                found[at] = named
        below = table.rows[number + 1 :]
        width = max((len(one.texts) for one in below), default=0)
        # A label above some of the columns names none of them.
        complete = all(
            row.text(at) or not any(one.text(at) for one in below) for at in range(1, width + 1)
        )
        if found and below and complete and len(row.texts) > len(found):
            return _spelled_out(table, number, found)
    return None


def _spelled_out(table: Table, number: int, found: dict[int, tuple[str, Unit]]) -> Table:
    """Give the table with two columns for each one that names a drug."""
    slots = {at: slot for slot, at in enumerate(found, start=1)}

    def laid_out(row: TableRow) -> TableRow:
        texts: list[str] = []
        for at, text in enumerate(row.texts, start=1):
            if at not in found:
                texts.append(text)
                continue
            name, unit = found[at]
            if row is table.rows[number]:
                texts += [f"drug_{slots[at]}", f"dose_{slots[at]} ({unit.written})"]
            else:
                # `DMSO`, or `Mean` below the numbers, stands for itself.
                number_like = any(letter.isdigit() for letter in text)
                texts += [name, text] if number_like else ["" if is_missing(text) else text, ""]
        return TableRow(row.line, tuple(texts))

    names = [f"{name} in {unit.written}" for name, unit in found.values()]
    return replace(
        table,
        rows=(*table.rows[:number], *map(laid_out, table.rows[number:])),
        cell_types={},
        notes=(
            *table.notes,
            f"The headings name the drugs of the doses below them: {listed(names)}.",
        ),
        form=table.form or _FORM,
    )
