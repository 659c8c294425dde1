"""The page of a campaign: all plates at once, each with its link, and what drifts between them.

One file, no script, nothing loaded. Every text is escaped by the template, and addresses of run
folders are written so that no name of a folder leads anywhere else.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spheroid_qc import __version__
from spheroid_qc.analysis.campaign_tables import (
    FEWEST_TO_JUDGE,
    TRACKED,
    CampaignTables,
    outlying,
    stands_out,
)
from spheroid_qc.analysis.metric_names import MetricName, metric_of
from spheroid_qc.atomic import write_text
from spheroid_qc.report.figures.campaign_figures import draw_track
from spheroid_qc.report.figures.render import svg_for_page
from spheroid_qc.report.palette import STATES, css_variables, step_of
from spheroid_qc.report.plate_heat_map import PlateView, plate_views, shown_metrics
from spheroid_qc.wells import parse_well
from spheroid_qc.wording import number

_TEMPLATES = Path(__file__).parent / "templates"
_MOST_CONDITIONS = 80
_PLAIN = frozenset(string.ascii_letters + string.digits + "_-.")


@dataclass(frozen=True)
class CampaignEntry:
    """One plate, or one folder that could not be analysed.

    Parameters
    ----------
    name, run : str
        What it is called, and its run folder below the campaign's (may be empty).
    report : bool
        Whether there is a report in it.
    sentence : str
        What went wrong; empty where nothing did.
    view : PlateView or None
        The plate, coloured.
    """

    name: str
    run: str
    report: bool
    sentence: str = ""
    view: PlateView | None = None


@dataclass(frozen=True)
class _MedianCell:
    look: str
    text: str
    words: str


def leading_metric(wells: pd.DataFrame, *, spheres: bool) -> MetricName | None:
    """Choose what plates are coloured by; None where there is nothing to show."""
    named = not len(wells) or any(parse_well(str(well)) is None for well in wells["well"].unique())
    found = [] if named else shown_metrics(wells, spheres=spheres)
    return found[0] if found else None


def views_by_plate(
    wells: pd.DataFrame, metric: MetricName | None, time_h: float | None
) -> dict[str, PlateView]:
    """Draw every plate of a table of wells, all with one scale."""
    if metric is None:
        return {}
    if "state" not in wells:
        wells = wells.assign(state="")
    at = float(wells["time_h"].max()) if time_h is None else time_h
    titles = {str(name): str(name) for name in wells["condition"].unique()}
    return {view.name: view for view in plate_views(wells, metric, at, titles)}


def write_campaign_page(
    path: Path,
    title: str,
    entries: Sequence[CampaignEntry],
    tables: CampaignTables,
    metric: MetricName | None,
    sentences: Sequence[str],
    *,
    together: str = "",
    files: Sequence[str] = (),
) -> None:
    """Write the page of a campaign.

    Parameters
    ----------
    path : Path
        The HTML file; it is replaced.
    title : str
        What the campaign is called.
    entries : sequence of CampaignEntry
        Plates in their order.
    tables : CampaignTables
        What is said of them all.
    metric : MetricName or None
        What the plates are coloured by.
    sentences : sequence of str
        What stands out.
    together : str
        Address of the page on replicate plates together, below the campaign's folder; empty
        without one.
    files : sequence of str
        Tables in the campaign's folder.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES, encoding="utf-8"), undefined=StrictUndefined,
        autoescape=True, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["number"] = number
    environment.filters["address"] = _address
    plates = tables.plates
    orders = dict(zip(plates["name"], plates["order"], strict=True))
    shown = [name for name in TRACKED if len(plates) and plates[name].notna().any()]
    text = environment.get_template("campaign.html.j2").render(
        title=title,
        version=__version__,
        light=css_variables(0),
        dark=css_variables(1),
        n_folders=len(entries),
        entries=[entry for entry in entries if entry.name in orders],
        failed=[entry for entry in entries if entry.sentence],
        sentences=sentences,
        tracks=[(name, _track(plates, name)) for name in shown],
        rows=plates.to_dict("records"),
        fewest=FEWEST_TO_JUDGE,
        columns=[(name, TRACKED[name], outlying(plates, name).tolist()) for name in shown],
        orders=orders,
        size=_said(plates, "size_metric"),
        controls=_said(plates, "quality_metric"),
        metric=metric,
        heat=_heat(tables.conditions, orders),
        states=STATES,
        together=together,
        files=files,
    )
    write_text(path, text)


def _said(plates: pd.DataFrame, column: str) -> str:
    """Name the metrics that a column of `campaign.csv` names, each with its unit."""
    return " or ".join(metric_of(name).axis for name in plates[column].unique() if name)


def _address(*parts: str) -> str:
    """Write a path below the page's folder as a relative address, whatever a name holds."""
    return "./" + "/".join(_percent(part) for part in parts if part)


def _percent(name: str) -> str:
    """Write a name as one part of an address: percent signs for all but plain characters."""
    written = name.encode("utf-8", "surrogateescape")
    return "".join(chr(b) if chr(b) in _PLAIN else f"%{b:02X}" for b in written)


def _track(plates: pd.DataFrame, name: str) -> str:
    values = plates[name].dropna()
    alt = (
        f"{TRACKED[name]} of {len(values)} plates, median {number(float(values.median()))}"
        if len(values)
        else TRACKED[name]
    )
    return svg_for_page(
        lambda ax: draw_track(ax, plates, name, TRACKED[name]), f"track-{name}", (360, 190),
        (48, 16, 40, 30), alt=alt,
    )  # fmt: skip


def _heat(conditions: pd.DataFrame, order: Mapping[str, int]) -> list[dict[str, Any]]:
    """Conditions by plates, one table a metric: numbers and colours are medians of wells."""
    found = []
    for metric, rows in conditions.groupby("metric", sort=False):
        ramp, scale = _scale(rows["median"].to_numpy(dtype=float))
        names = list(dict.fromkeys(rows["name"]))
        lines = []
        keys = list(dict.fromkeys(zip(rows["condition"], rows["stratum"], strict=True)))
        for condition, stratum in keys[:_MOST_CONDITIONS]:
            own = rows[(rows["condition"] == condition) & (rows["stratum"] == stratum)]
            of = {line["name"]: line for line in own.to_dict("records")}
            cells = [_cell(of.get(name), ramp, scale) for name in names]
            median = number(float(own["median_of_plates"].iloc[0]))
            lines.append((str(condition), median, cells))
        found.append(
            {"metric": metric_of(str(metric)).axis, "lines": lines,
             "plates": [(order[name], name) for name in names],
             "more": max(0, len(keys) - _MOST_CONDITIONS), "ramp": ramp, "low": scale[0],
             "high": scale[1]}
        )  # fmt: skip
    return found


def _scale(values: np.ndarray) -> tuple[str, tuple[float, float]]:
    """Ramp and ends for the medians of one metric: about zero where there are values below it."""
    low, high = float(values.min()), float(values.max())
    if low < 0 < high:
        far = max(-low, high)
        return "d", (-far, far)
    return "s", (min(low, 0.0) if low < 0.5 * high else low, high)


def _cell(line: Any, ramp: str, scale: tuple[float, float]) -> _MedianCell | None:
    if line is None:
        return None
    step = step_of(float(line["median"]), *scale)
    z, across = (float(line[f"robust_z_{name}"]) for name in ("vs_vehicle", "across_plates"))
    words = f"{line['name']}: median {line['median']:.3g} of {line['n_wells']} wells"
    if np.isfinite(z):
        words += f", {z:+.1f} robust SD from its vehicle wells"
    if np.isfinite(across):
        words += f", {across:+.1f} robust SD from the other plates"
    look = "none" if step is None else f"{ramp}{step}"
    dark = step is not None and (step >= 6 if ramp == "s" else step <= 1 or step >= 9)
    text = number(float(line["median"]), 2)
    if stands_out(across, line["n_plates"]):
        text += "!"
    return _MedianCell(f"{look} dark" if dark else look, text, words)
