"""What is in the wells: plate maps in all their forms.

`read_map` finds out which form a file has and collects what it says; `long_form`, `grid_form` and
`layout_form` read the forms; `wells_from_rows`, `finished_wells`, `dose_cells` and `role_words`
turn lines into wells and refuse what would be read wrongly; `mapped_wells` are the result,
`write_map` the way back to a file.
"""

from __future__ import annotations

from spheroid_qc.plate_map.mapped_wells import (
    ROLES,
    Dose,
    MappedWell,
    PlateMap,
    condition_name,
    match_plates,
    with_strata,
    without_stratum,
)
from spheroid_qc.plate_map.read_map import read_plate_map
from spheroid_qc.plate_map.write_map import write_plate_map

__all__ = [
    "ROLES",
    "Dose",
    "MappedWell",
    "PlateMap",
    "condition_name",
    "match_plates",
    "read_plate_map",
    "with_strata",
    "without_stratum",
    "write_plate_map",
]
