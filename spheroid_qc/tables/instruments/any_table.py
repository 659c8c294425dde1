"""Any file that holds a table: which form it has, and the reader of that form."""

from __future__ import annotations

from pathlib import Path

from spheroid_qc.tables.delimited_text import file_bytes, read_tables
from spheroid_qc.tables.instruments.dispensers import read_d300, read_echo
from spheroid_qc.tables.instruments.dose_matrices import read_dose_matrix
from spheroid_qc.tables.instruments.incucyte import (
    read_metric_export,
    read_plate_map_xml,
    read_text_map,
)
from spheroid_qc.tables.instruments.plate_readers import (
    read_cycles,
    read_kinetic,
    read_softmax,
)
from spheroid_qc.tables.instruments.prism import read_pzfx
from spheroid_qc.tables.instruments.wellmap import read_wellmap
from spheroid_qc.tables.located_cells import Table

# Files that are no tables of cells, by their content; then what tables of cells may be.
_FILES = (read_plate_map_xml, read_pzfx)
_TABLES = (
    read_text_map,
    read_metric_export,
    read_d300,
    read_echo,
    read_softmax,
    read_cycles,
    read_kinetic,
    read_dose_matrix,
)


def read_any_table(path: Path) -> tuple[Table, ...]:
    """Read a table of any form.

    Parameters
    ----------
    path : Path
        CSV, TSV, TXT, XLSX, or a file of an instrument or program that is known.

    Returns
    -------
    tuple of Table
        Plain tables as they are; tables of a known form as the long table that they mean, with
        the form's name in `form`.

    Raises
    ------
    PlateMapError
        If the file can't be read, or is damaged.
    """
    path = Path(path)
    if path.suffix.casefold() == ".toml":
        return (read_wellmap(path.name, file_bytes(path)),)
    if not path.is_dir() and path.is_file():
        data = file_bytes(path)
        if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
            for read_file in _FILES:
                found = read_file(path.name, data.removeprefix(b"\xef\xbb\xbf"))
                if found is not None:
                    return (found,) if isinstance(found, Table) else found
    return tuple(_as_meant(table) for table in read_tables(path))


def _as_meant(table: Table) -> Table:
    for read_form in _TABLES:
        found = read_form(table)
        if found is not None:
            return found
    return table
