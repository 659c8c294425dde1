"""Files of instruments and of other programs, each brought to a plain long table.

`read_any_table` is what every reader of tables begins with: a file in a form that is known here
(IncuCyte's plate maps and metric exports, reports of dispensers, matrices of synergy programs,
Prism's files, wellmap's layouts) becomes a table with headings that people would write, and is
read, checked and refused from there on by the same rules as any other.
"""

from __future__ import annotations

from spheroid_qc.tables.instruments.any_table import read_any_table

__all__ = ["read_any_table"]
