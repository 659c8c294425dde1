"""Settings in and out: TOML files, `--set`, and how two sets of settings differ.

`settings` walks over the models in `parameters`, the single source; `toml_files` reads and writes
TOML; `validation` turns refusals into sentences.
"""

from __future__ import annotations

from spheroid_qc.configuration.settings import (
    REMEASURE,
    difference,
    flatten,
    needs_new_masks,
)
from spheroid_qc.configuration.toml_files import (
    apply_overrides,
    configuration_text,
    parse_configuration,
    parse_overrides,
    read_configuration,
    write_configuration,
)

__all__ = [
    "REMEASURE",
    "apply_overrides",
    "configuration_text",
    "difference",
    "flatten",
    "needs_new_masks",
    "parse_configuration",
    "parse_overrides",
    "read_configuration",
    "write_configuration",
]
