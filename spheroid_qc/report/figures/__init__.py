"""Figures: functions that take a matplotlib Axes and a table, for page, file and window."""

from spheroid_qc.report.figures.combination import (
    draw_excess_list,
    draw_excess_matrix,
    draw_fa_ci,
    draw_forest,
    draw_isobologram,
)
from spheroid_qc.report.figures.dose import draw_dose_response
from spheroid_qc.report.figures.plate import draw_plate
from spheroid_qc.report.figures.render import png, svg, svg_for_page
from spheroid_qc.report.figures.survival import draw_survival
from spheroid_qc.report.figures.timecourse import draw_time_course

__all__ = [
    "draw_dose_response", "draw_excess_list", "draw_excess_matrix", "draw_fa_ci", "draw_forest",
    "draw_isobologram",
    "draw_plate", "draw_survival", "draw_time_course", "png", "svg", "svg_for_page",
]  # fmt: skip
