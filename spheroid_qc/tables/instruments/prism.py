"""GraphPad Prism's files (`.pzfx`): every data table as a wide table, X first."""

from __future__ import annotations

from xml.etree import ElementTree

from spheroid_qc.errors import PlateMapError
from spheroid_qc.tables.control_roles import read_role
from spheroid_qc.tables.instruments.made_table import safe_xml_text
from spheroid_qc.tables.located_cells import Table, TableRow, column_letters
from spheroid_qc.tables.parse_cells import amount_and_unit
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


# Formats of Y columns that hold a mean (or a middle value) first and its error and number behind.
_SUMMARISED = frozenset(
    {"sdn", "sen", "cvn", "sd", "se", "sem", "cv", "low-high", "upper-lower-limits", "error"}
)
_MOST_REPEATS = 100


def _table(name: str, element: ElementTree.Element) -> Table:
    columns: list[tuple[str, list[str]]] = []
    excluded = 0
    number = 0
    summarised = (element.get("YFormat") or "").casefold() in _SUMMARISED
    has_x = element.find("XColumn") is not None
    for child in element:
        if child.tag not in ("RowTitlesColumn", "XColumn", "YColumn"):
            continue
        title = _title(child)
        subcolumns = []
        for sub in child.findall("Subcolumn"):
            values = []
            for cell in sub.findall("d"):
                struck = cell.get("Excluded") == "1"
                excluded += struck
                values.append("" if struck else " ".join("".join(cell.itertext()).split()))
            if any(values):
                subcolumns.append(values)
        if child.tag == "YColumn":
            number += 1
            title = title or f"Data Set-{column_letters(number)}"
            if not element.get("YFormat") and _counts(subcolumns):
                raise PlateMapError(
                    f"{name}: the last of the subcolumns of {title!r} holds the same whole number "
                    "everywhere, as numbers of repeats do; the file does not say whether the "
                    "subcolumns are repeats or a mean with its error. Give the repeats, or the "
                    "means alone."
                )
            subcolumns = subcolumns[:1] if summarised else subcolumns
        elif child.tag == "RowTitlesColumn" and not has_x and not title and _doses(subcolumns):
            title = "dose"  # a grouped table names its rows by doses
        columns += [(title, values) for values in subcolumns]
    height = max((len(values) for _, values in columns), default=0)
    rows = [TableRow(0, tuple(title for title, _ in columns))]
    for at in range(height):
        texts = tuple(values[at] if at < len(values) else "" for _, values in columns)
        if any(texts):
            rows.append(TableRow(at + 1, texts))
    sheet = _title(element)
    notes = [f"{name} is read as {FORM}."]
    if summarised:
        notes.append("Its columns hold means; their errors and numbers of repeats are left out.")
    if excluded:
        notes.append(f"{plural(excluded, 'value')} struck out in Prism left out.")
    # XML writes decimal points, whatever the place, as files separated by commas do.
    return Table(name, sheet, tuple(rows), separator=",", notes=tuple(notes), form=FORM)


def _counts(subcolumns: list[list[str]]) -> bool:
    """Tell whether the last of several subcolumns looks like numbers of repeats."""
    if len(subcolumns) < 2:
        return False
    filled = {text for text in subcolumns[-1] if text}
    return len(filled) == 1 and filled.pop() in {str(count) for count in range(1, _MOST_REPEATS)}


def _doses(subcolumns: list[list[str]]) -> bool:
    """Tell whether row titles begin with numbers, as doses do; words (control) may stand among."""
    filled = [text for values in subcolumns for text in values if text]
    amounts = [text for text in filled if amount_and_unit(text)[0]]
    return len(amounts) > 1 and all(text in amounts or read_role(text) for text in filled)


def _title(element: ElementTree.Element) -> str:
    title = element.find("Title")
    return "" if title is None else " ".join("".join(title.itertext()).split())
