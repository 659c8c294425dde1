"""The page: everything an analysis found, in one file that needs no network.

The template escapes every text; figures are drawn by us and escape what they are given; data for
the script are JSON without a `<`. A content policy with the digest of the page's own script lets
the browser run that script and nothing else, and load nothing at all.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from spheroid_qc import __version__
from spheroid_qc.analysis import Analysis
from spheroid_qc.analysis.metric_names import MetricName
from spheroid_qc.analysis.treatment_families import families_of
from spheroid_qc.analysis.verdict.headline import headline
from spheroid_qc.analysis.verdict.masks_that_do_not_fit import unfit_lines
from spheroid_qc.atomic import write_text
from spheroid_qc.flags.plate_checks import worst_frames
from spheroid_qc.report import methods_paragraph, overview, report_tables
from spheroid_qc.report.downloadable_tables import downloads
from spheroid_qc.report.drug_sections import combination_groups, dose_groups
from spheroid_qc.report.film_strips import GRID
from spheroid_qc.report.light_and_marks import (
    light_pictures,
    light_sentences,
    lights_of,
    mark_sentence,
)
from spheroid_qc.report.page_pictures import Pictures, draw_pictures
from spheroid_qc.report.palette import DIVERGING, SEQUENTIAL, STATES, css_variables
from spheroid_qc.report.plate_heat_map import plate_data, plate_views, shown_metrics
from spheroid_qc.report.time_sections import (
    MOST_PANELS,
    size_panel,
    survival_panels,
    time_metrics,
    time_pairs,
)
from spheroid_qc.report.watched_page import WatchedPage
from spheroid_qc.response.condition_summary import MEASUREMENT_SD
from spheroid_qc.response.replicates import shared_stratum
from spheroid_qc.wording import number

if TYPE_CHECKING:
    from jinja2 import Template


_TEMPLATES = Path(__file__).parent / "templates"


def write_report(
    analysis: Analysis,
    out: str | Path,
    run_folder: str | Path | None = None,
    *,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    watched: WatchedPage | None = None,
) -> Path:
    """Write `report.html`.

    Parameters
    ----------
    analysis : Analysis
        The record; the page says nothing that is not in it.
    out : str or Path
        Folder; the tables that lie in it are put into the page for download.
    run_folder : str or Path, optional
        Where images and masks are looked up; default: that of the analysis.
    workers : int, optional
        Processes that draw pictures; 0: this one.
    progress : callable, optional
        Told pictures done and of how many.
    watched : WatchedPage, optional
        While images are still coming: the page says so, with alarms, and loads itself anew.

    Returns
    -------
    Path
        The page.
    """
    target = Path(out)
    folder = Path(run_folder) if run_folder is not None else analysis.folder
    path = target / "report.html"
    text = render(analysis, target, folder, workers=workers, progress=progress, watched=watched)
    write_text(path, text)
    return path


def render(
    analysis: Analysis,
    tables: Path,
    folder: Path | None = None,
    *,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    watched: WatchedPage | None = None,
) -> str:
    """Make the page as text.

    `tables` is the folder of the CSV files that can be downloaded; `folder` the run folder, for
    pictures, and for tables that don't lie in `tables`. The same text for the same answer.
    """
    script = (_TEMPLATES / "script.js").read_text("utf-8")
    style = (_TEMPLATES / "style.css").read_text("utf-8")
    style = style.replace("/*light*/", css_variables(0)).replace("/*dark*/", css_variables(1))
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    content = _content(analysis, tables, folder, workers, progress)
    return _template().render(
        content,
        watched=watched,
        style=style,
        script=script,
        script_digest=digest,
        version=__version__,
    )


@cache
def _template() -> Template:
    """Read and compile the template, once a process."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {
        "separators": (",", ":"), "sort_keys": False, "allow_nan": False, "ensure_ascii": True,
    }  # fmt: skip
    environment.filters["number"] = number
    environment.filters["micro"] = lambda text: overview.shown_name(str(text), "")
    return environment.get_template("report.html.j2")


def _content(
    analysis: Analysis,
    tables: Path,
    folder: Path | None,
    workers: int | None,
    progress: Callable[[int, int], None] | None,
) -> dict[str, Any]:
    """Everything the template asks for, as plain data and figures."""
    conditions, wells = analysis.conditions, analysis.wells
    stratum = shared_stratum(conditions)
    families = families_of(conditions, wells, analysis.given_units)
    metrics = time_metrics(analysis)
    leading = metrics[0] if metrics else None
    if any(m.column == "disintegration_fraction" for m in metrics):
        leading = metrics[-1]
    qc = analysis.qc
    several = wells["plate"].nunique() > 1
    frames, remarks, more_frames = report_tables.finding_rows(qc, several)
    cards = overview.representatives(analysis, families, stratum)
    keys = [line["key"] for line in frames if line["key"] is not None and line["key"][2]]
    worst = [(one.plate, one.well, one.time_h) for one in worst_frames(analysis.unfit)]
    pictures = draw_pictures(
        folder if analysis.kind == "run" else None, wells, analysis.time_h, cards, keys, worst,
        workers, progress, keep=folder is not None and tables.resolve() == folder.resolve(),
    )  # fmt: skip
    sentence, deck = headline(analysis, families)
    headings: list[str] = []
    lines: list[overview.Line] = []
    scale = (0.0, 1.0)
    if leading is not None:
        headings, lines, scale = overview.condition_lines(analysis, families, leading, stratum)
    quality = report_tables.quality_listing(analysis)
    lights = lights_of(folder if analysis.kind == "run" else None)
    doses, combinations = dose_groups(analysis), combination_groups(analysis)
    return {
        "title": sentence or "What the spheroids did",
        "headline": sentence,
        "deck": deck,
        "unfit": unfit_lines(analysis.unfit),
        "worst": [
            (one, pictures.worst.get((one.plate, one.well, one.time_h)))
            for one in worst_frames(analysis.unfit)
        ],
        "several_plates": several,
        "blocks": overview.verdict_blocks(analysis.verdict.findings),
        "marks": overview.verdict_marks(analysis.verdict.findings),
        "min_excess": analysis.parameters.response.min_excess,
        "facts": overview.facts(analysis),
        "name": Path(analysis.source).name or "plate",
        "stratum": stratum,
        "kind": analysis.kind,
        "assay": analysis.parameters.plate.assay.value,
        "time_h": analysis.time_h,
        "times": analysis.times_h,
        "leading": leading,
        "scale": scale,
        "headings": headings,
        "lines": lines,
        "cards": [(card, pictures.cards.get((card.plate, card.well))) for card in cards],
        "states": STATES,
        **_plates(analysis, leading, stratum, qc, pictures),
        "pictures": pictures,
        "grid": GRID,
        "time_pairs": time_pairs(analysis, families, metrics, _dosed_at(wells)),
        "measurement_error": MEASUREMENT_SD in conditions
        and bool(conditions[MEASUREMENT_SD].notna().any()),
        "survival": survival_panels(analysis, families),
        "sizes": size_panel(analysis, folder, stratum),
        "doses": doses,
        "patterns": set(analysis.dose_response["pattern"]) if doses else set(),
        "seen_states": {state for line in lines for state, _ in line.states},
        "dose_table": report_tables.dose_listing(analysis) if doses else None,
        "combinations": combinations,
        "index_table": report_tables.index_listing(analysis) if combinations else None,
        "quality": quality,
        "frames": [(line, pictures.findings.get(line["key"])) for line in frames],
        "remarks": remarks,
        "more_frames": more_frames,
        "comparisons": report_tables.comparison_listings(analysis, stratum),
        "notes": analysis.notes,
        "missing": dict(analysis.missing),
        "methods": [
            *methods_paragraph.paragraphs(analysis),
            *light_sentences(lights),
            *filter(None, [mark_sentence(analysis)]),
        ],
        "lights": light_pictures(lights),
        "settings": methods_paragraph.setting_rows(analysis),
        "downloads": downloads([tables, *([folder] if folder else [])]),
        "more_families": max(0, len(families) - MOST_PANELS),
        "ramps": {"s": len(SEQUENTIAL), "d": len(DIVERGING)},
    }


def _dosed_at(wells: pd.DataFrame) -> float | None:
    """When the first drug was given, on the axis of the images, if it is one time."""
    if "time_since_dose_h" not in wells or "time_h" not in wells:
        return None
    given = (wells["time_h"].astype(float) - wells["time_since_dose_h"].astype(float)).dropna()
    times = np.unique(np.round(given, 3))
    return float(times[0]) if len(times) == 1 else None


def _plates(
    analysis: Analysis,
    leading: MetricName | None,
    stratum: str,
    qc: pd.DataFrame,
    pictures: Pictures,
) -> dict[str, Any]:
    """Heat maps and what the script needs; nothing where wells have no places."""
    from spheroid_qc.wells import parse_well

    wells = analysis.wells
    nothing: dict[str, Any] = {"plates": [], "data": None, "strips": {}}
    if not len(wells) or any(parse_well(str(w)) is None for w in wells["well"].unique()):
        return nothing
    if "time_h" not in wells:
        wells = wells.assign(time_h=0.0)
    if "state" not in wells:
        wells = wells.assign(state="")
    spheres = analysis.spheres
    metrics = shown_metrics(wells, spheres=spheres)
    if leading is not None and leading.column in wells:
        metrics.sort(key=lambda m: m.column != leading.column)
    if not metrics:
        return nothing
    first = metrics[0]
    titles = {
        str(c): overview.shown_name(str(c), stratum, analysis.given_units)
        for c in wells["condition"].unique()
    }
    at = analysis.time_h if analysis.time_h is not None else float(wells["time_h"].max())
    data = plate_data(wells, metrics, titles, qc)
    data["start"] = at
    data["has_times"] = wells["time_h"].nunique() > 1
    data["grid"] = GRID
    data["strip_times"] = {plate: list(times) for plate, times in pictures.times.items()}
    strips = {
        plate: {
            well: [strip.uri, [int(s) for s in strip.shown], list(strip.core), list(strip.shed)]
            for (own, well), strip in sorted(pictures.strips.items())
            if own == plate
        }
        for plate in pictures.times
    }
    drawn = list(pictures.strips.values())
    scales = {strip.um_per_px for strip in drawn}
    data["px"] = drawn[0].px if drawn else 0
    data["um_per_px"] = scales.pop() if len(scales) == 1 else None
    return {"plates": plate_views(wells, first, at, titles), "data": data, "strips": strips,
            "metric": first}  # fmt: skip
