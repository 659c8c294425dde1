"""Tables that people bring: CSV and XLSX of any make, with the place of every cell.

`delimited_text` finds separator and encoding, `workbooks` reads XLSX with care;
`find_heading_line` and `match_headings` find out what the columns are, `parse_cells`,
`parse_numbers`, `dose_units` and `control_roles` what the cells say, by the words of `synonyms`;
`table_messages` gathers what is wrong. `csv_writer` is the way out. Plate maps, end points,
exclusions and tables of responses are all read with these.
"""

from __future__ import annotations

from spheroid_qc.tables.delimited_text import read_tables
from spheroid_qc.tables.located_cells import Cell, Table, TableRow

__all__ = ["Cell", "Table", "TableRow", "read_tables"]
