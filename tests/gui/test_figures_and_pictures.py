"""Figures in a theme and a size with their caption; pictures of wells in rows. No window."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

pytest.importorskip("napari")

from spheroid_qc.analysis import analyse_table
from spheroid_qc.analysis.metric_names import metric_of
from spheroid_qc.analysis.treatment_families import families_of
from spheroid_qc.gui.figure_theme import file_of
from spheroid_qc.gui.result_figures import (
    comparison_figure,
    default_comparison,
    dose_figures,
    dose_words,
    plate_figure,
    time_figure,
)
from spheroid_qc.gui.state.opened_folder import open_folder
from spheroid_qc.gui.state.run_answer import answer_of
from spheroid_qc.gui.state.well_pictures import rows_of_wells, wells_of, whole_frame
from spheroid_qc.report.palette import PALETTE


def conditions() -> pd.DataFrame:
    rows = []
    doses = {
        "vehicle": (), "a 1 uM": (("a", 1.0),), "a 9 uM": (("a", 9.0),), "b 1 uM": (("b", 1.0),),
        "a 1 uM + b 1 uM": (("a", 1.0), ("b", 1.0)), "a 9 uM + b 1 uM": (("a", 9.0), ("b", 1.0)),
    }  # fmt: skip
    for name, drugs in doses.items():
        for hours in (0.0, 24.0):
            row = {
                "condition": name, "role": "treated" if drugs else "vehicle", "time_h": hours,
                "n_wells": 3, "disintegration_fraction_mean": 0.1,
                "disintegration_fraction_ci_low": 0.0, "disintegration_fraction_ci_high": 0.2,
            }  # fmt: skip
            for n in (1, 2, 3):
                drug, dose = drugs[n - 1] if n <= len(drugs) else (None, None)
                row |= {f"drug_{n}": drug, f"dose_{n}_um": dose}
            rows.append(row)
    return pd.DataFrame(rows)


def test_the_first_picture_is_vehicle_parts_and_combination() -> None:
    assert default_comparison(conditions()) == [
        "vehicle", "a 9 uM", "b 1 uM", "a 9 uM + b 1 uM",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_a_figure_is_saved_in_its_size_and_theme_with_what_it_shows(kind) -> None:
    wells = pd.DataFrame(
        columns=["plate", "well", "condition", "time_h", "state", "disintegration_fraction"]
    )
    names = default_comparison(conditions())
    figure = comparison_figure(conditions(), wells, metric_of("disintegration_fraction"), names, {})
    assert set(figure.colours) == set(names)
    assert "95 % confidence interval" in figure.caption
    assert "vehicle: 3" in figure.caption
    light = file_of(figure, kind, (500, 300))
    dark = file_of(figure, kind, (500, 300), dark=True)
    bare = file_of(figure, kind, (500, 300), caption=False)
    if kind == "svg":
        assert b"confidence interval" in light
        assert b"confidence interval" not in bare
        assert PALETTE["blue"][0].encode() in light
        assert PALETTE["blue"][1].encode() in dark
        return
    pictures = [np.asarray(Image.open(io.BytesIO(one)).convert("L")) for one in (light, dark, bare)]
    assert pictures[0].mean() > 200 > 60 > pictures[1].mean()
    assert pictures[2].shape == (900, 1500)
    assert pictures[0].shape[0] > 900, "the caption has room of its own"


def plate() -> pd.DataFrame:
    return pd.DataFrame({
        "plate": "P1", "well": ["A01", "A02", "B01", "B02"], "time_h": 24.0, "role": "treated",
        "state": ["intact", "disintegrated", "intact", "unscorable"],
        "disintegration_fraction": [0.1, 0.9, 0.2, 0.3],
    })  # fmt: skip


def test_a_plate_says_what_its_colours_mean_in_both_themes() -> None:
    figure = plate_figure(plate(), "P1", metric_of("disintegration_fraction"), 24.0)
    assert "left out" in figure.caption
    light, dark = (file_of(figure, "svg", dark=dark) for dark in (False, True))
    for picture in (light, dark):
        assert picture.count(b"Disintegration fraction") == 2, "the title and the scale"
        assert b">0<" in picture
        assert b">1<" in picture
    for step in (0, 5, 10):
        assert PALETTE[f"s{step}"][0].encode() in light
        assert PALETTE[f"s{step}"][1].encode() in dark
    # Nothing is left in a colour of the other theme, black included.
    title = next(line for line in dark.split(b"<text") if b"P1: Disintegration" in line)
    assert PALETTE["ink"][1].encode() in title


def test_a_line_whose_wells_are_left_out_at_some_time_says_so() -> None:
    table = conditions()
    last = (table["condition"] == "vehicle") & (table["time_h"] == table["time_h"].max())
    table.loc[last, "n_wells"] = 2
    wells = pd.DataFrame(
        columns=["plate", "well", "condition", "time_h", "state", "disintegration_fraction"]
    )
    names = default_comparison(table)
    figure = comparison_figure(table, wells, metric_of("disintegration_fraction"), names, {})
    assert "vehicle: 2 to 3;" in figure.caption


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_names_too_long_for_the_size_stand_below_the_curves(kind) -> None:
    wells = pd.DataFrame(
        columns=["plate", "well", "condition", "time_h", "state", "disintegration_fraction"]
    )
    names = default_comparison(conditions())
    labels = {name: f"{name} and a drug of a very long name at 0.3 µM" for name in names}
    metric = metric_of("disintegration_fraction")
    figure = comparison_figure(conditions(), wells, metric, names, labels)
    small = file_of(figure, kind, (330, 250))
    family = families_of(conditions())[0]
    whole = file_of(
        replace(time_figure(conditions(), wells, metric, family), margins=(66, 300, 44, 34)),
        kind, (330, 250),
    )  # fmt: skip
    if kind == "svg":
        for label in labels.values():
            # In as many lines as it needs.
            assert all(word.encode() in small for word in label.split())
        return
    width, height = Image.open(io.BytesIO(small)).size
    assert width == 3 * 330
    assert height > 3 * (250 + 15 * len(names)), "the list has room of its own"
    assert Image.open(io.BytesIO(whole)).width == 3 * (66 + 300 + 165), "as its names ask for"


def test_a_dose_response_says_why_it_has_no_curve() -> None:
    row = pd.Series({"unit": "uM", "ec50_um": np.nan, "hill": np.nan, "note": ""})
    assert "No EC50" in dose_words(row, 5)
    assert "at least four doses" in dose_words(row, 5)
    row = pd.Series(
        {"unit": "uM", "ec50_um": 0.5, "ec50_low_um": 0.4, "ec50_high_um": np.nan, "hill": 1.2,
         "emax": 0.9, "r2": 0.97, "note": "", "ec50_qualifier": ""}
    )  # fmt: skip
    words = dose_words(row, 18)
    assert "EC50 0.5 µM (95 % interval 0.4 to open µM)" in words
    assert "18 wells" in words
    assert "Band" not in words
    words = dose_words(row, 18, "nM", 1e3, band=True)
    assert "EC50 500 nM (95 % interval 400 to open nM)" in words, "the unit that was given"
    assert "Band: 95 % interval of the curve" in words


def test_a_dose_response_has_its_band_and_the_unit_that_was_given() -> None:
    doses = [0.01, 0.03, 0.1, 0.3, 1.0]
    rng = np.random.default_rng(0)
    rows = [
        {"well": f"{'ABCD'[n]}{k + 2:02d}", "drug": "selinexor" if d else None, "dose": d or None,
         "unit": "uM", "role": "treated" if d else "vehicle",
         "fa": d / (d + 0.1) + rng.normal(0, 0.02)}
        for k, d in enumerate([0.0, *doses]) for n in range(4)
    ]  # fmt: skip
    analysis = analyse_table(pd.DataFrame(rows), "fa", "fraction")
    as_run = {
        name: getattr(analysis, name).assign(response="core_volume_loss_vs_vehicle", stratum="")
        for name in ("used", "dose_response", "curves")
    }
    analysis = replace(analysis, **as_run)
    assert len(analysis.curves), "the analysis has an interval of the curve"
    (figure,) = dose_figures(replace(analysis, given_units={"selinexor": "nM"}))
    ax = Figure().add_subplot()
    figure.draw(ax)
    assert ax.get_xlabel() == "dose, nM"
    assert {"10", "1000"} <= {label.get_text() for label in ax.get_xticklabels()}
    assert ax.collections, "the band"
    assert "nM" in figure.caption
    assert "Band" in figure.caption
    # A fit that few doses hold: what was measured is still more than a flat line.
    loose = replace(analysis, curves=analysis.curves.assign(low=-8.0, high=8.0))
    ax = Figure().add_subplot()
    dose_figures(loose)[0].draw(ax)
    assert -1 < ax.get_ylim()[0] < 0 < 1 < ax.get_ylim()[1] < 2
    without = replace(analysis, curves=analysis.curves.assign(low=np.nan, high=np.nan))
    assert "Band" not in dose_figures(without)[0].caption, "nothing is said of what is not drawn"


def test_rows_of_wells_have_one_scale_and_the_same_times(analysed) -> None:
    opened = open_folder(analysed)
    wells = pd.read_csv(opened.out / "wells.csv", dtype={"plate": str})
    names = sorted(wells.loc[wells["file"].notna(), "condition"].unique())
    keys = [(p, w, w) for name in names for p, w in wells_of(wells, name, 2)]
    rows = rows_of_wells(opened, wells, keys, 64)
    seen = [row for row in rows if any(row.strip.shown)]
    assert len(seen) >= 3
    assert {row.hours for row in rows} == {(0.0, 6.0, 12.0)}
    assert len({row.strip.um_per_px for row in seen}) == 1
    assert any(row.strip.core[0] for row in seen)
    frame = whole_frame(opened, "VID7", "C02", 1, 300)
    assert frame.shown == (True,)
    assert frame.core[0]


def test_the_answer_of_a_run_is_that_of_its_report(analysed) -> None:
    opened = open_folder(analysed)
    answer = answer_of(opened.out, opened.parameters)
    assert answer.lines
    assert answer.title.startswith("Disintegration fraction")
    assert any(said for _, said in answer.verdict)
    assert answer_of(analysed, opened.parameters).lacking


@pytest.mark.gui
def test_a_sheet_is_drawn_with_outlines_or_without(window, finished, tmp_path) -> None:
    window.open(finished)
    panel = window.panel("Pictures")
    window.until(lambda: "wells" in window.session.tables)
    window.viewer.window._qt_window.show()
    window.until(lambda: panel.rows)
    panel.save(tmp_path / "with.png")
    panel.outlines.setChecked(False)
    panel.save(tmp_path / "without.png")
    for name in ("with.png", "without.png"):
        window.until((tmp_path / name).is_file)
    found = [np.asarray(Image.open(tmp_path / name)) for name in ("with.png", "without.png")]
    assert found[0].shape == found[1].shape
    assert (found[0] != found[1]).any()
    panel.save_frame(tmp_path / "frame.png")
    window.until(lambda: (tmp_path / "frame.png").is_file())


LONG = "gemcitabine 0.09 µM + selinexor 0.9 µM + nab-paclitaxel 27 nM"


@pytest.mark.parametrize("width", [330, 560, 960])
def test_no_name_is_cut_off_in_any_size(width) -> None:
    table = conditions().replace("a 9 uM + b 1 uM", LONG)
    wells = pd.DataFrame(
        columns=["plate", "well", "condition", "time_h", "state", "disintegration_fraction"]
    )
    figure = comparison_figure(
        table, wells, metric_of("disintegration_fraction"), ["vehicle", LONG], {}
    )
    picture = Image.open(io.BytesIO(file_of(figure, "png", (width, 360)))).convert("L")
    pixels = np.asarray(picture)
    assert (pixels[:, -6:] > 230).all(), "something reaches the right end"


def test_a_plate_that_is_saved_can_be_read_in_both_themes() -> None:
    wells = pd.DataFrame(
        {
            "plate": "P1", "well": [f"B{n:02d}" for n in range(1, 13)], "time_h": 24.0,
            "state": "intact", "role": "treated", "condition": "x",
            "disintegration_fraction": np.linspace(0, 1, 12),
        }
    )  # fmt: skip
    figure = plate_figure(wells, "P1", metric_of("disintegration_fraction"), 24.0)
    for dark in (False, True):
        drawn = file_of(figure, "svg", dark=dark).decode()
        ink = PALETTE["ink"][int(dark)]
        title = drawn[: drawn.index("P1: Disintegration fraction at 24 h")].rsplit("<g id", 1)[-1]
        assert ink in title
        for colour in ("s0", "s5", "s10"):
            assert drawn.count(PALETTE[colour][int(dark)]) >= 2, "a well, and the scale"
        assert "left out of every mean" in drawn
