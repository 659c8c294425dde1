"""Tables that the reader of a form makes: headings, and lines that keep their place in the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from spheroid_qc.errors import PlateMapError
from spheroid_qc.tables.located_cells import Table, TableRow


def made_table(
    source: Table,
    form: str,
    columns: Sequence[str],
    lines: Iterable[tuple[int, Mapping[str, str]]],
    *notes: str,
) -> Table:
    """Make a long table.

    Parameters
    ----------
    source : Table
        The file as it was found; gives name, sheet, separator and notes.
    form : str
        What the file is.
    columns : sequence of str
        Headings; one that holds nothing is left out.
    lines : iterable of (int, mapping)
        Line of the file, and the cells by heading.
    *notes : str
        What the reader of the form has to say.

    Returns
    -------
    Table
        With the headings in line 0.
    """
    kept = list(lines)
    if not kept:
        raise PlateMapError(f"{source.title} is {form}, but holds nothing; export it again.")
    used = [name for name in columns if any(cells.get(name) for _, cells in kept)]
    rows = [TableRow(0, tuple(used))]
    rows += [TableRow(line, tuple(cells.get(name, "") for name in used)) for line, cells in kept]
    said = f"{source.title} is read as {form}."
    return Table(
        source.file,
        source.sheet,
        tuple(rows),
        separator=source.separator,
        notes=(*source.notes, said, *notes),
        form=form,
    )


def safe_xml_text(name: str, data: bytes) -> bytes:
    """Refuse XML that declares entities, which no instrument does and which can cost all memory."""
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise PlateMapError(
            f"{name} declares XML entities, which no instrument does; export it again, or give the "
            "table as CSV."
        )
    return data
