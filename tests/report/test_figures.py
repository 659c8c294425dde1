"""Figures: an Axes and a table in, the same picture each time, no global state."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from spheroid_qc.analysis import Analysis
from spheroid_qc.analysis.metric_names import metric_of
from spheroid_qc.report.figures import (
    draw_dose_response,
    draw_excess_contour,
    draw_excess_list,
    draw_excess_matrix,
    draw_fa_ci,
    draw_forest,
    draw_isobologram,
    draw_plate,
    draw_response_matrix,
    draw_survival,
    draw_time_course,
    png,
    svg,
    svg_for_page,
)
from spheroid_qc.report.figures.axes import spread
from spheroid_qc.report.figures.matrix_figures import response_matrix_note
from spheroid_qc.report.figures.survival_figures import at_risk
from spheroid_qc.report.palette import SEQUENTIAL
from spheroid_qc.response.curves.dose_response import dose_response_table
from spheroid_qc.response.response_table import read_responses
from spheroid_qc.response.synergy.synergy_table import synergy_table

EVIL = 'x</text><script>alert(1)</script> $\\frac{1}{2}$ "&'


@pytest.fixture
def answers(responses: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    read = read_responses(responses)
    return dose_response_table(read), synergy_table(read)


def drawings(
    analysis: Analysis, answers: tuple[pd.DataFrame, pd.DataFrame], responses: pd.DataFrame
) -> dict[str, Callable]:
    """Every figure with a table that fits."""
    doses, synergy = answers
    alone = responses[(responses["dose_2_um"] == 0) & (responses["dose_1_um"] > 0)]
    names = list(analysis.conditions["condition"].unique())
    bliss = synergy[(synergy["method"] == "bliss_excess") & (synergy["level"] == "dose")]
    metric = metric_of("disintegration_fraction")
    return {
        "time": lambda ax: draw_time_course(
            ax, analysis.conditions, analysis.wells, metric, names[1:4], vehicle=names[0],
            title=EVIL, labels=dict.fromkeys(names, EVIL),
        ),
        "survival": lambda ax: draw_survival(
            ax, analysis.survival, names[1:4], vehicle=names[0], labels=dict.fromkeys(names, EVIL)
        ),
        "dose": lambda ax: draw_dose_response(
            ax, alone["dose_1_um"].to_numpy(), alone["response"].to_numpy(),
            doses.iloc[0].to_dict(), vehicle=[0.0, 0.01], title=EVIL, ylabel=EVIL,
        ),
        "forest": lambda ax: draw_forest(ax, synergy.assign(combination=EVIL), [EVIL]),
        "matrix": lambda ax: draw_excess_matrix(ax, bliss, [EVIL, EVIL]),
        "effects": lambda ax: draw_response_matrix(
            ax, responses[["dose_1_um", "dose_2_um"]].to_numpy(float),
            responses["response"].to_numpy(float), [EVIL, EVIL],
        ),
        "landscape": lambda ax: draw_excess_contour(ax, bliss, [EVIL, EVIL]),
        "list": lambda ax: draw_excess_list(ax, bliss, [EVIL] * len(bliss)),
        "fa-ci": lambda ax: draw_fa_ci(
            ax, synergy[synergy["method"] == "combination_index"], title=EVIL
        ),
        "isobologram": lambda ax: draw_isobologram(ax, synergy, [EVIL, EVIL]),
        "plate": lambda ax: draw_plate(ax, analysis.wells, metric, 24.0),
    }  # fmt: skip


def test_every_figure_is_the_same_each_time_and_safe(
    analysis: Analysis, answers: tuple[pd.DataFrame, pd.DataFrame], responses: pd.DataFrame
) -> None:
    for name, draw in drawings(analysis, answers, responses).items():
        first = svg(draw, name, (400, 260))
        assert first == svg(draw, name, (400, 260)), name
        assert "<dc:date>" not in first
        assert "<script" not in first.replace("&lt;script", "")
        inside = svg_for_page(draw, name, (400, 260), alt=EVIL)
        assert inside.startswith("<svg ")
        assert inside.endswith("</svg>")
        assert "<style" not in inside, "a style in the figure would reach the whole page"
        assert "<metadata" not in inside
        assert "var(--" in inside
        assert "<script" not in inside
        if name != "plate":
            assert "frac{1}{2}$" in inside or "alert(1)" in inside, f"{name} lost its name"
        assert png(draw, (200, 130), scale=1) == png(draw, (200, 130), scale=1)


def test_identifiers_of_two_figures_differ(responses: pd.DataFrame) -> None:
    def draw(ax: object) -> None:
        draw_dose_response(ax, [1, 2, 3], [0.1, 0.2, 0.3], None)

    one, other = (set(re.findall(r'id="([^"]+)"', svg_for_page(draw, n, (300, 200)))) for n in "ab")
    assert one
    assert not one & other


def test_figures_leave_pyplot_alone() -> None:
    code = (
        "import sys, spheroid_qc.report.build_page, spheroid_qc.report.figures as f\n"
        "f.svg(lambda ax: ax.plot([1, 2]), 'x', (200, 100))\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def axes() -> object:
    return Figure(figsize=(4, 3)).add_axes((0.2, 0.2, 0.6, 0.6))


def test_tables_without_values_draw_empty_axes(analysis: Analysis) -> None:
    metric = metric_of("disintegration_fraction")
    nothing = analysis.conditions.assign(
        disintegration_fraction_mean=np.nan, disintegration_fraction_ci_low=np.nan,
        disintegration_fraction_ci_high=np.nan,
    )  # fmt: skip
    names = list(nothing["condition"].unique())
    draw_time_course(axes(), nothing, analysis.wells.iloc[:0], metric, names)
    draw_survival(axes(), analysis.survival.iloc[:0], names)
    draw_dose_response(axes(), [], [], None)
    draw_dose_response(axes(), [1.0, 1.0], [0.5, np.nan], None)


def test_measurement_error_is_drawn_beside_the_interval_and_changes_it_not() -> None:
    """Bars of at most eight times a line, within the scale; the band is that of the wells."""
    times = np.arange(20.0)
    mean = np.linspace(0, 0.5, 20)
    table = pd.DataFrame(
        {"condition": "x", "time_h": times, "disintegration_fraction_mean": mean,
         "disintegration_fraction_ci_low": mean - 0.01,
         "disintegration_fraction_ci_high": mean + 0.01}
    )  # fmt: skip
    wells = pd.DataFrame(columns=["plate", "well", "time_h", "state", "condition"])
    metric = metric_of("disintegration_fraction")
    plain, barred = axes(), axes()
    draw_time_course(plain, table, wells, metric, ["x"])
    with_error = table.assign(disintegration_fraction_measurement_sd=0.1)
    draw_time_course(barred, with_error, wells, metric, ["x"])
    assert len(plain.collections) + 1 == len(barred.collections)
    bars = barred.collections[-1].get_segments()
    assert len(bars) == 8
    assert bars[0][0][0] == times[0]
    assert bars[-1][1] == pytest.approx([times[-1], 0.5 + 0.1645])
    assert bars[0][0][1] == 0  # not below the scale
    unknown = table.assign(disintegration_fraction_measurement_sd=np.nan)
    draw_time_course(axes(), unknown, wells, metric, ["x"])


def test_dose_beyond_the_tested_ones_draws_no_curve() -> None:
    row = {
        "e0": 0.0, "emax": 1.0, "hill": 1.0, "ec50_um": 10.0, "ec50_low_um": np.nan,
        "ec50_high_um": np.nan, "ec50_qualifier": ">", "flat_p": 0.01,
    }  # fmt: skip
    for qualifier, curves in ((">", 0), ("=", 1)):
        ax = axes()
        draw_dose_response(ax, [1, 3, 10.0], [0.1, 0.2, 0.5], row | {"ec50_qualifier": qualifier})
        assert sum(len(line.get_xdata()) > 50 for line in ax.get_lines()) == curves


def test_means_beyond_a_fraction_are_written_as_measured_and_spoken_of() -> None:
    doses = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 1.0]])
    ax = Figure().add_subplot()
    draw_response_matrix(ax, doses, np.array([-0.001, -0.03, 0.4, 1.0, 1.04]), ["a", "b"])
    assert [text.get_text() for text in ax.texts] == ["0.00", "0.40", "−0.03", "1.02"]
    ends = [to_hex(patch.get_facecolor()) for patch in ax.patches]
    assert [ends[n] for n in (0, 2, 3)] == [SEQUENTIAL[0], SEQUENTIAL[0], SEQUENTIAL[-1]]
    note = response_matrix_note(doses, np.array([-0.001, -0.03, 0.4, 1.0, 1.04]))
    assert note.endswith("; 2 means beyond 0 to 1 as measured, coloured as the nearer end")
    inside = np.array([0.0, 0.1, 0.4, 1.02, 0.9])  # a well beyond, but no mean
    assert response_matrix_note(doses, inside) == "mean; ticks: wells, from 0 to 1"


def test_numbers_at_risk() -> None:
    rows = pd.DataFrame(
        {"time_h": [0, 24, 48, 72], "n_at_risk": [6, 6, 4, 1], "n_events": [0, 2, 2, 0],
         "n_censored": [0, 0, 1, 1]}
    )  # fmt: skip
    assert [at_risk(rows, t) for t in (0, 12, 24, 36, 48, 60, 72, 90)] == [6, 6, 6, 4, 4, 1, 1, 0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.floats(0.01, 0.3))
def test_labels_are_moved_apart_in_order(places: list[float], gap: float) -> None:
    found = spread(places, gap, 0, 1)
    order = sorted(range(len(places)), key=lambda i: places[i])
    for before, after in pairwise(order):
        assert found[after] - found[before] >= gap - 1e-9
    if len(places) * gap < 1:
        assert all(-1e-9 <= f <= 1 + 1e-9 for f in found)
    if len(places) == 1:
        assert found == [min(max(places[0], 0), 1)]


@pytest.mark.parametrize(("spread", "labels"), [(0.0, ["50–95 %"]), (0.4, ["50 %", "95 %"])])
def test_labels_of_an_isobologram_do_not_cover_each_other(spread, labels):
    rows = pd.DataFrame(
        {"method": f"dose_reduction_index_{n}", "level": f"fa={fa:.2f}", "fa": fa,
         "dose_1_um": 1.0, "dose_2_um": 1.0, "value": 1 / (0.3 + spread * fa)}
        for n in (1, 2) for fa in (0.5, 0.75, 0.95)
    )  # fmt: skip
    ax = Figure().subplots()
    draw_isobologram(ax, rows, ["a", "b"])
    assert [text.get_text() for text in ax.texts if "%" in text.get_text()] == labels
