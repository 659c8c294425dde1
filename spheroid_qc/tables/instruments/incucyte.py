"""IncuCyte: plate maps (`.PlateMap`, and as text), and exports of a metric over time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from spheroid_qc.errors import PlateMapError
from spheroid_qc.tables.control_roles import control_of_drug
from spheroid_qc.tables.instruments.made_table import made_table, safe_xml_text
from spheroid_qc.tables.located_cells import Table, TableRow
from spheroid_qc.tables.parse_cells import is_missing
from spheroid_qc.wells import MAX_COLUMNS, MAX_ROWS, parse_well, well_name

MAP_FORM = "an IncuCyte plate map"
EXPORT_FORM = "an IncuCyte metric export"
_SAMPLE_TYPES = {"b": "blank", "c": "vehicle", "s": "treated", "p": "positive_control"}
_MOST_LINES_ABOVE = 40


def read_plate_map_xml(name: str, data: bytes) -> Table | None:
    """Read `.PlateMap`; None where the XML is something else.

    Every compound of a well is one line; a solvent beside a compound is its solvent. Cell type,
    passage and growth conditions become columns. Raises `PlateMapError` if the XML is damaged.
    """
    if b"<plateMap" not in data[:2000]:
        return None
    try:
        root = ElementTree.fromstring(safe_xml_text(name, data))
    except ElementTree.ParseError as error:
        place = "line {}, column {}".format(*error.position)
        raise PlateMapError(
            f"{name}, {place}: the plate map is damaged; export it again."
        ) from None
    wells = list(root.iter("well"))
    text = data.decode("utf-8", errors="replace")
    places = [text.count("\n", 0, found.start()) + 1 for found in re.finditer(r"<well[\s/>]", text)]
    lines: list[tuple[int, dict[str, str]]] = []
    columns: dict[str, None] = {}
    for number, well in enumerate(wells):
        line = places[number] if number < len(places) else 1
        row, column = _index(well.get("row")), _index(well.get("col"))
        if row is None or column is None or row >= MAX_ROWS or column >= MAX_COLUMNS:
            raise PlateMapError(
                f"{name}, line {line}: the well of row {well.get('row')!r} and column "
                f"{well.get('col')!r} is on no plate; export the map again."
            )
        common: dict[str, str] = {"well": well_name(row, column)}
        compounds = []
        for item in well.iter("wellItem"):
            compound = _item(item, common)
            if compound is not None:
                compounds.append(compound)
        columns |= dict.fromkeys(common)
        for compound in without_solvents(compounds) or ([{}] if len(common) > 1 else []):
            lines.append((line, common | compound))
    names = ["well", "drug", "dose", "unit", *(c for c in columns if c != "well")]
    return made_table(Table(name, separator=","), MAP_FORM, names, lines)


def _index(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"\d{1,3}", text) else None


def _item(item: ElementTree.Element, common: dict[str, str]) -> dict[str, str] | None:
    """Read one item of a well: a compound, or something that all of the well has in common."""
    named = item.find("referenceItem")
    attributes = {} if named is None else named.attrib
    name = attributes.get("description") or attributes.get("displayName") or ""
    kind = item.get("type") or attributes.get("type") or ""
    if kind == "Compound":
        return {
            "drug": name,
            "dose": item.get("concentration") or "",
            "unit": item.get("concentrationUnits") or "",
        }
    if kind == "CellType":
        common["cell_line"] = name
        if item.get("passage"):
            common["passage"] = item.get("passage") or ""
        density = item.get("seedingDensity") or ""
        units = (item.get("seedingDensityUnits") or "").casefold()
        if density:
            common["cells_seeded" if "well" in units else f"seeding density {units}".strip()] = (
                density
            )
    elif kind:
        heading = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind).casefold()
        common[heading] = "; ".join(filter(None, [common.get(heading), name]))
    return None


def without_solvents(compounds: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Leave out solvents of a well that holds something else; the same solvent counts once."""

    def is_solvent(drug: str) -> bool:
        control = control_of_drug(drug)
        return "normali" in drug.casefold() or (control is not None and control.role == "vehicle")

    drugs = [one for one in compounds if one.get("drug") and not is_solvent(one["drug"])]
    return drugs or list(compounds[:1])


def read_text_map(table: Table) -> Table | None:
    """Read the text form of a plate map: `row, col, sampleid, conc, samptype, concunits ...`."""
    heads = table.rows[0] if table.rows else TableRow(1, ())
    names = [text.casefold() for text in heads.texts]
    if not {"row", "col", "sampleid", "samptype"} <= set(names):
        return None
    renamed = {"sampleid": "drug", "conc": "dose", "concunits": "unit", "samptype": "role"}
    renamed |= {"col": "column", "celltype": "cell_line", "seedingdensity": "seeding density note"}
    columns = [renamed.get(name, text) for name, text in zip(names, heads.texts, strict=True)]
    lines = []
    for row in table.rows[1:]:
        cells = dict(zip(columns, row.texts, strict=False))
        role = cells.get("role", "").casefold()
        cells["role"] = _SAMPLE_TYPES.get(role, cells.get("role", ""))
        lines.append((row.line, {k: "" if is_missing(v) else v for k, v in cells.items()}))
    return made_table(table, MAP_FORM, columns, lines)


def read_metric_export(table: Table) -> Table | None:
    """Read a metric over time, wells as columns, into one line a well and time."""
    found = _export_heads(table)
    if found is None:
        return None
    heads, above = found
    texts = heads.texts
    elapsed = next(i for i, text in enumerate(texts) if text.casefold().startswith("elapsed"))
    if not any(parse_well(text) for text in texts):
        return _groups(table, heads, above, elapsed)
    wells = {i: well.name for i, text in enumerate(texts) if (well := parse_well(text))}
    stated = _stated(above)
    metric = stated.get("metric") or "response"
    lines = [
        (row.line, {"well": name, "time_h": row.text(elapsed + 1), metric: row.text(i + 1)})
        for row in table.rows
        if row.line > heads.line and row.text(elapsed + 1)
        for i, name in wells.items()
    ]
    other = [t for i, t in enumerate(texts) if t and i not in wells and i != elapsed]
    left = [text for text in other if "date" not in text.casefold()]
    notes = [f"Columns that are no wells are left out: {', '.join(left)}."] if left else []
    if stated.get("cell type"):
        notes.append(f"Its cell type, {stated['cell type']}, is not used; the plate map says it.")
    return made_table(table, EXPORT_FORM, ["well", "time_h", metric], lines, *notes)


def _stated(above: Sequence[TableRow]) -> dict[str, str]:
    """Give what the lines above an export say, by lower-case key."""
    pairs = (" ".join(text for text in row.texts if text).partition(":") for row in above)
    return {key.strip().casefold(): value.strip() for key, _, value in pairs}


def _groups(table: Table, heads: TableRow, above: Sequence[TableRow], elapsed: int) -> Table:
    """Read means of groups named by their treatment; their errors are left out."""
    metric = _stated(above).get("metric") or "response"
    errors = [text for text in heads.texts if re.search(r"(?i)\b(?:std|sd|sem|error|err)\b", text)]
    named = {
        at: text
        for at, text in enumerate(heads.texts)
        if text and at != elapsed and text not in errors and "date" not in text.casefold()
    }
    lines = [
        (row.line, {"treatment": name, "time_h": row.text(elapsed + 1), metric: row.text(at + 1)})
        for row in table.rows
        if row.line > heads.line and row.text(elapsed + 1)
        for at, name in named.items()
    ]
    note = "Its columns are means of groups, read by the treatment in their names."
    return made_table(table, EXPORT_FORM, ["treatment", "time_h", metric], lines, note)


def _export_heads(table: Table) -> tuple[TableRow, list[TableRow]] | None:
    for number, row in enumerate(table.rows[:_MOST_LINES_ABOVE]):
        lower = [text.casefold() for text in row.texts]
        has_time = any(text.startswith("elapsed") for text in lower)
        above = list(table.rows[:number])
        is_export = any(row.text(1).casefold().startswith(("label", "metric")) for row in above)
        if has_time and (
            sum(parse_well(text) is not None for text in row.texts) > 1
            or (is_export and "date time" in lower)
        ):
            return row, above
    return None
