"""Tables that people bring: CSV and XLSX of any make, with the place of every cell.

`delimited_text` finds separator and encoding, `workbooks` reads XLSX with care, `numbers` tells
decimal commas from thousands.
"""

from __future__ import annotations

from spheroid_qc.tables.cells import Cell, Table, TableRow
from spheroid_qc.tables.delimited_text import read_tables

__all__ = ["Cell", "Table", "TableRow", "read_tables"]
