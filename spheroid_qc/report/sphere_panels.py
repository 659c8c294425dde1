"""Figures of the sphere-forming assay."""

from __future__ import annotations

import functools
from pathlib import Path

from spheroid_qc.analysis import Analysis
from spheroid_qc.report.figures import svg_for_page
from spheroid_qc.report.figures.sizes import draw_size_distribution
from spheroid_qc.report.overview import shown_name
from spheroid_qc.report.panels import LABEL_PX, Panel
from spheroid_qc.tables.csv_writer import read_table

_MOST_CONDITIONS = 60


def size_panel(analysis: Analysis, folder: Path | None, suffix: str) -> Panel | None:
    """Draw the sizes of all counted spheres at the analysis time, by condition.

    Parameters
    ----------
    analysis : Analysis
        A run's record.
    folder : Path or None
        Run folder with `spheroids.csv`.
    suffix : str
        Strata that all conditions share.

    Returns
    -------
    Panel or None
        None for other assays, or where nothing was counted.
    """
    path = None if folder is None else folder / "spheroids.csv"
    spheres = analysis.spheres
    if not spheres or path is None or not path.is_file():
        return None
    table = read_table(path, text=("plate", "well", "state", "flags", "method", "file"))
    if "counted" in table:
        table = table[table["counted"] == 1]
    if analysis.time_h is not None:
        table = table[(table["time_h"] - analysis.time_h).abs() < 1e-6]
    wells = analysis.wells.drop_duplicates(["plate", "well"])
    table = table.merge(wells[["plate", "well", "condition"]], on=["plate", "well"], how="left")
    column = "equivalent_diameter_um"
    if not table[column].notna().any():
        column = "equivalent_diameter_px"
    table = table[table[column].notna()]
    roles = analysis.conditions.drop_duplicates("condition")
    names = [str(c) for c, r in zip(roles["condition"], roles["role"], strict=True)
             if r not in ("blank", "unmapped")][:_MOST_CONDITIONS]  # fmt: skip
    if not len(table) or not names:
        return None
    labels = [shown_name(name, suffix) for name in names]
    left = 44 + LABEL_PX * max(len(label) for label in labels)
    unit = "µm" if column.endswith("_um") else "px"
    draw = functools.partial(
        draw_size_distribution, spheroids=table, names=names, labels=labels, column=column,
        cut_off=analysis.parameters.spheres.min_diameter_um if unit == "µm" else None,
        xlabel=f"diameter, {unit}",
    )  # fmt: skip
    return Panel(
        svg_for_page(
            draw, "sizes", (left + 560, 50 + 28 * len(names)), (left, 16, 40, 6),
            alt="Diameters of all counted spheres by condition",
        )
    )  # fmt: skip
