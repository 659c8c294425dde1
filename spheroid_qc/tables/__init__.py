"""Tables that people bring: CSV and XLSX of any make, with the place of every cell.

`delimited_text` finds separator and encoding, `workbooks` reads XLSX with care; `heading_line` and
`headings` find out what the columns are, `cell_values`, `numbers`, `dose_units` and `roles` what
the cells say, by the words of `synonyms`; `messages` gathers what is wrong. `csv_writer` is the way
out. Plate maps, end points, exclusions and tables of responses are all read with these.
"""

from __future__ import annotations

from spheroid_qc.tables.cells import Cell, Table, TableRow
from spheroid_qc.tables.delimited_text import read_tables

__all__ = ["Cell", "Table", "TableRow", "read_tables"]
