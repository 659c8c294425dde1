"""What is in the wells: plate maps in all their forms.

`read_map` finds out which form a file has; `long_form`, `grid_form` and `layout_and_treatments`
bring each to the one middle form of `tidy_map`; `parse_doses` and `wells_from_rows` read it and
refuse what would be read wrongly, `roles_doses_and_strata` finishes wells, `map_warnings` says what
is odd; `mapped_wells` are the result, `write_map` the way back to a file. `joined_end_point_values`
are measured values.
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
