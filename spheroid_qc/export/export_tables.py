"""Tables of an answer or a run as files that other programs open."""

from __future__ import annotations

import datetime
import io
import re
import zipfile
from contextlib import ExitStack
from pathlib import Path

import pandas as pd

from spheroid_qc.analysis.analysis_files import FILES
from spheroid_qc.atomic import atomic_path, write_text
from spheroid_qc.errors import RequestError
from spheroid_qc.export.prism_file import prism_text
from spheroid_qc.tables.csv_writer import read_table

FORMATS = ("prism", "xlsx", "parquet")
"""What can be asked for with `--to`."""

TABLE_PLACES = {"prism": "responses.pzfx", "xlsx": "tables.xlsx", "parquet": "parquet"}
"""Where they get to in the folder that they are made of."""

_OF_A_RUN = ("conditions.csv", "wells.csv", "spheroids.csv", "qc.csv")
_TEXT = ("plate", "well", "response", "stratum", "drug_1", "drug_2", "drug_3", "note", "flags")
_SHEET_ROWS = 1_048_575
_MODIFIED = re.compile(rb"(<dcterms:modified[^>]*>)[^<]*")
_BEGINNING = (1980, 1, 1, 0, 0, 0)


def export_tables(folder: Path, to: str, out: Path | None = None) -> Path:
    """Write the tables of a folder in another format.

    Parameters
    ----------
    folder : Path
        Answer of `analyse`, or a run folder.
    to : str
        `prism`: `.pzfx` of the responses that were analysed; `xlsx`: a workbook with a sheet a
        table; `parquet`: a folder with a file a table.
    out : Path, optional
        File or folder; default: `responses.pzfx`, `tables.xlsx` or `parquet` in the folder.

    Returns
    -------
    Path
        What was written.

    Raises
    ------
    RequestError
        For another format, a folder without tables, and Parquet without a library that writes it.
    OSError
        If it can't be written.
    """
    if to not in FORMATS:
        raise RequestError(f"--to {to} is not known; choose one of {', '.join(FORMATS)}.")
    if to == "prism":
        path = folder / FILES["used"]
        if not path.is_file():
            raise RequestError(
                f"{folder} holds no {path.name}, which spheroid-qc analyse writes where drugs "
                "with doses are given: analyse the run or the table again, with a plate map."
            )
        target = out or folder / TABLE_PLACES[to]
        write_text(target, prism_text(_read(path)))
        return target
    names = dict.fromkeys((*_OF_A_RUN, *FILES.values(), "conditions.csv"))
    tables = {Path(n).stem: _read(folder / n) for n in names if (folder / n).is_file()}
    if not tables:
        raise RequestError(f"{folder} holds no tables; give a run folder or an answer of analyse.")
    if to == "xlsx":
        target = out or folder / TABLE_PLACES[to]
        with atomic_path(target) as part:
            part.write_bytes(_workbook(tables))
        return target
    target = out or folder / TABLE_PLACES[to]
    try:
        found = {name: table.to_parquet(index=False) for name, table in tables.items()}
    except ImportError:
        raise RequestError(
            "Parquet needs the library pyarrow, which is not installed: "
            "pip install 'spheroid_qc[parquet]'."
        ) from None
    # Not before there is something to write: what can't be done leaves no folder behind. And all
    # tables get to their places or none does.
    target.mkdir(parents=True, exist_ok=True)
    with ExitStack() as whole:
        for name, data in found.items():
            whole.enter_context(atomic_path(target / f"{name}.parquet")).write_bytes(data)
    return target


def _read(path: Path) -> pd.DataFrame:
    table = read_table(path, text=_TEXT)
    if "stratum" in table:
        table["stratum"] = table["stratum"].astype(object).fillna("")  # all empty: a float column
    return table


def _workbook(tables: dict[str, pd.DataFrame]) -> bytes:
    """Write a sheet a table; the same tables give the same bytes."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    book.properties.created = book.properties.modified = datetime.datetime(1980, 1, 1)
    for name, table in tables.items():
        sheet = book.create_sheet(name[:31])
        sheet.append([str(column) for column in table])
        rows = table.head(_SHEET_ROWS).astype(object)
        for row in rows.where(rows.notna(), None).itertuples(index=False, name=None):
            # Text that a spreadsheet would compute stays text.
            sheet.append([_cell(value) for value in row])
    buffer = io.BytesIO()
    book.save(buffer)
    made = io.BytesIO()
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in sorted(old.namelist()):
            # Saving writes the time of day.
            content = _MODIFIED.sub(rb"\g<1>1980-01-01T00:00:00Z", old.read(entry))
            new.writestr(zipfile.ZipInfo(entry, _BEGINNING), content, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@"):
        return f"'{value}"
    return value
