"""GraphPad Prism's files (`.pzfx`): every data table as a wide table, X first."""

from __future__ import annotations

from xml.etree import ElementTree

from spheroid_qc.errors import PlateMapError
from spheroid_qc.tables.instruments.made_table import safe_xml_text
from spheroid_qc.tables.located_cells import Table, TableRow
from spheroid_qc.wording import plural

FORM = "a table of GraphPad Prism"


def read_pzfx(name: str, data: bytes) -> tuple[Table, ...] | None:
    """Read all data tables of a `.pzfx`; None where the XML is something else.

    Excluded values (struck out in Prism) are left empty. Raises `PlateMapError` if the XML is
    damaged or holds no table.
    """
    if b"GraphPadPrismFile" not in data[:2000]:
        return None
    try:
        root = ElementTree.fromstring(safe_xml_text(name, data))
    except ElementTree.ParseError as error:
        line, column = error.position
        raise PlateMapError(
            f"{name}, line {line}, column {column}: the file is damaged; save it again as .pzfx."
        ) from None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    tables = [_table(name, element) for element in root.iter("Table")]
    found = tuple(table for table in tables if len(table.rows) > 1)
    if not found:
        raise PlateMapError(f"{name} holds no data table; export the table from Prism as CSV.")
    return found


def _table(name: str, element: ElementTree.Element) -> Table:
    columns: list[tuple[str, list[str]]] = []
    excluded = 0
    for child in element:
        if child.tag not in ("RowTitlesColumn", "XColumn", "YColumn"):
            continue
        title = _title(child)
        for sub in child.findall("Subcolumn"):
            values = []
            for cell in sub.findall("d"):
                struck = cell.get("Excluded") == "1"
                excluded += struck
                values.append("" if struck else " ".join("".join(cell.itertext()).split()))
            if any(values):
                columns.append((title, values))
    height = max((len(values) for _, values in columns), default=0)
    rows = [TableRow(0, tuple(title for title, _ in columns))]
    for at in range(height):
        texts = tuple(values[at] if at < len(values) else "" for _, values in columns)
        if any(texts):
            rows.append(TableRow(at + 1, texts))
    sheet = _title(element)
    notes = [f"{name} is read as {FORM}."]
    if excluded:
        notes.append(f"{plural(excluded, 'value')} struck out in Prism left out.")
    return Table(name, sheet, tuple(rows), notes=tuple(notes), form=FORM)


def _title(element: ElementTree.Element) -> str:
    title = element.find("Title")
    return "" if title is None else " ".join("".join(title.itertext()).split())
