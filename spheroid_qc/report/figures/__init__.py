"""Figures: functions that take a matplotlib Axes and a table, for page, file and window."""

from spheroid_qc.report.figures.combination_figures import (
    draw_excess_list,
    draw_fa_ci,
    draw_forest,
    draw_isobologram,
)
from spheroid_qc.report.figures.dose_figures import draw_dose_response
from spheroid_qc.report.figures.matrix_figures import (
    draw_excess_contour,
    draw_excess_matrix,
    draw_response_matrix,
)
from spheroid_qc.report.figures.plate_figures import draw_plate
from spheroid_qc.report.figures.render import png, svg, svg_for_page
from spheroid_qc.report.figures.survival_figures import draw_survival
from spheroid_qc.report.figures.time_figures import draw_time_course

__all__ = [
    "draw_dose_response", "draw_excess_contour", "draw_excess_list", "draw_excess_matrix",
    "draw_fa_ci", "draw_forest", "draw_isobologram", "draw_plate", "draw_response_matrix",
    "draw_survival", "draw_time_course", "png", "svg", "svg_for_page",
]  # fmt: skip
