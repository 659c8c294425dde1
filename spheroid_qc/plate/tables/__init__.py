"""Tables that people bring: CSV and XLSX of any make, with the place of every cell.

`reader` finds separator and encoding, `workbooks` reads XLSX with care, `numbers` tells decimal
commas from thousands.
"""

from __future__ import annotations

from spheroid_qc.plate.tables.reader import Cell, Row, Table, read_tables

__all__ = ["Cell", "Row", "Table", "read_tables"]
