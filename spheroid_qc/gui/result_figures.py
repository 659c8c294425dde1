"""Which figures there are of a run: each a title and a function that draws into an Axes.

The drawing is the report's own; the window and an exported file show the same. A figure is plain
data with functions of modules, so that any process can draw it. No Qt.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from spheroid_qc.analysis.metric_names import MetricName, metric_of, size_metric
from spheroid_qc.analysis.treatment_families import TreatmentFamily, families_of
from spheroid_qc.analysis.verdict.combination_verdict import kappa_words
from spheroid_qc.report.drug_sections import shown_units
from spheroid_qc.report.figures.combination_figures import draw_forest
from spheroid_qc.report.figures.dose_figures import dose_of, draw_dose_response
from spheroid_qc.report.figures.matrix_figures import draw_excess_matrix
from spheroid_qc.report.figures.plate_figures import colour_scale, draw_plate
from spheroid_qc.report.figures.time_figures import draw_time_course, metric_limits
from spheroid_qc.report.palette import DIVERGING, PALETTE, SEQUENTIAL
from spheroid_qc.response.synergy.bliss import Bliss
from spheroid_qc.response.synergy.model_registry import drawn_models
from spheroid_qc.wording import plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from spheroid_qc.analysis import Analysis


_IN_BRACKETS = re.compile(r"\(([^()]+)\)$")
_LEFT_OUT = ("unscorable", "never_formed", "vanished")


@dataclass(frozen=True)
class Figure:
    """One figure: a name for its file, a title, and what draws it into an Axes.

    `size` is width and height of an exported file, `margins` are left, right, bottom and top; both
    in CSS pixels. `caption` says what lines, bands and numbers are. `narrow` draws for a narrow
    panel, with the left and right margins `narrow_sides`; of curves without names at the lines,
    where a list beside the figure has their `colours` and says the `labels`.
    """

    name: str
    title: str
    draw: Callable[[Axes], None]
    size: tuple[float, float] = (560, 360)
    margins: tuple[float, float, float, float] = (66, 130, 44, 34)
    caption: str = ""
    narrow: Callable[[Axes], None] | None = None
    narrow_sides: tuple[float, float] = (66, 12)
    colours: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


def curve_metrics(conditions: pd.DataFrame) -> list[MetricName]:
    """Metrics that are summarised by condition: disintegration and size first."""
    names = [
        str(c).removesuffix("_mean")
        for c in conditions
        if str(c).endswith("_mean") and conditions[c].notna().any()
    ]
    size = size_metric(conditions)
    first = [metric_of("disintegration_fraction")] if "disintegration_fraction" in names else []
    first += [size] if size is not None else []
    return [*first, *(metric_of(n) for n in names if metric_of(n) not in first)]


_HUES = ("blue", "vermillion", "green", "purple", "gold", "wine", "ink", "t1", "t5", "s8")
"""Of conditions that are compared, in the palette's words.

The first seven are three drugs, their pairs and all of them: told apart from each other and from
the vehicle in both themes.
"""


def comparison_figure(
    conditions: pd.DataFrame,
    wells: pd.DataFrame,
    metric: MetricName,
    names: Sequence[str],
    labels: Mapping[str, str],
) -> Figure:
    """Curves over time of any conditions in one picture, vehicles in grey.

    `labels` name conditions at the ends of their lines.
    """
    roles = dict(zip(conditions["condition"], conditions["role"], strict=True))
    vehicles = [name for name in names if roles.get(name) == "vehicle"]
    others = [name for name in names if name not in vehicles]
    colours = {name: PALETTE[_HUES[n % len(_HUES)]][0] for n, name in enumerate(others)}
    colours |= dict.fromkeys(vehicles, PALETTE["vehicle"][0])
    first = vehicles[0] if vehicles else None
    drawn = [*vehicles[1:], *others]
    shown = TreatmentFamily(
        "compared", "", (), "", tuple(drawn), {n: labels.get(n, n) for n in names}, first
    )
    made = time_figure(conditions, wells, metric, shown, colours)
    bare = time_figure(conditions, wells, metric, shown, colours, labelled=False)
    return replace(made, narrow=bare.draw, colours=colours, labels=shown.labels)


def default_comparison(conditions: pd.DataFrame) -> list[str]:
    """Choose vehicle, the parts of the largest combination, and the combination.

    Of the combinations of most drugs the one at the highest doses; of its parts and the
    combinations in between those at the same doses.
    """
    seen = conditions[conditions["n_wells"] > 0]
    # Going through rows of a table is slow where it has a hundred columns.
    names = [f"{word}_{n}{end}" for n in (1, 2, 3)
             for word, end in (("drug", ""), ("dose", "_um"), ("dose", ""))]  # fmt: skip
    names = ["condition", "role", *(name for name in names if name in conditions)]
    table = (seen if len(seen) else conditions)[names].drop_duplicates("condition")
    contents: dict[str, frozenset[tuple[str, float]]] = {}
    for _, row in table[table["role"] == "treated"].iterrows():
        drugs = []
        for n in (1, 2, 3):
            drug = row.get(f"drug_{n}")
            if drug is not None and not pd.isna(drug):
                doses = (row.get(f"dose_{n}_um"), row.get(f"dose_{n}"))
                known = [float(d) for d in doses if d is not None and not pd.isna(d)]
                drugs.append((str(drug), known[0] if known else math.nan))
        contents[str(row["condition"])] = frozenset(drugs)
    vehicles = [str(name) for name in table.loc[table["role"] == "vehicle", "condition"]]
    if not contents:
        return vehicles or [str(name) for name in table["condition"]][:6]
    largest = max(
        contents, key=lambda name: (len(contents[name]), sum(dose for _, dose in contents[name]))
    )
    parts = [name for name, held in contents.items() if held < contents[largest]]
    return [*vehicles[:1], *sorted(parts, key=lambda name: len(contents[name])), largest]


def time_figure(
    conditions: pd.DataFrame,
    wells: pd.DataFrame,
    metric: MetricName,
    family: TreatmentFamily,
    colours: Mapping[str, str] | None = None,
    *,
    labelled: bool = True,
) -> Figure:
    """Curves over time of one family of conditions, from the tables of the run folder."""
    limits = metric_limits(conditions, wells, metric)
    own = wells[wells["condition"].isin([*family.names, family.vehicle])]
    title = f"{metric.axis}: {family.title}"

    draw = functools.partial(
        _draw_time, conditions=_drawn_columns(conditions, metric),
        wells=_drawn_columns(own, metric), metric=metric, names=family.names,
        vehicle=family.vehicle, labels=dict(family.labels), limits=limits, dosed_at_h=_dosed(own),
        title=title, colours=colours, labelled=labelled,
    )  # fmt: skip
    longest = max((len(label) for label in family.labels.values()), default=4)
    return Figure(
        _safe(f"time_{metric.column}_{family.title}"), title, draw,
        margins=(66, 18 + 6.4 * longest, 44, 34),
        caption=_time_caption(conditions, metric, family),
    )  # fmt: skip


_PLACES = ("plate", "well", "condition", "role", "state", "time_h")


def _drawn_columns(table: pd.DataFrame, metric: MetricName) -> pd.DataFrame:
    """Give what a figure of a metric is drawn from: a hundred columns are slow to send."""
    return table[
        [c for c in table if c in _PLACES or str(c) == metric.column
         or str(c).startswith(f"{metric.column}_")]
    ]  # fmt: skip


def _draw_time(ax: Axes, *, metric: MetricName, **given: Any) -> None:
    draw_time_course(ax, metric=metric, **given)
    ax.set_ylabel(metric.axis, fontsize=9.5, color=PALETTE["muted"][0], parse_math=False)


def _draw_plate(
    ax: Axes, *, wells: pd.DataFrame, metric: MetricName, time_h: float, title: str
) -> None:
    draw_plate(ax, wells, metric, time_h)
    # Of a colour that the dark theme knows: matplotlib's own black is none of the palette's.
    ax.set_title(
        title, loc="left", fontsize=11, parse_math=False, pad=22, color=PALETTE["ink"][0]
    )  # fmt: skip
    _draw_scale(ax, metric, colour_scale(metric.shown(wells[metric.column]), metric))


def _draw_scale(ax: Axes, metric: MetricName, ends: tuple[float, float]) -> None:
    """Say below a plate what the colours mean: the ramp with its ends, and the metric."""
    ramp = DIVERGING if metric.diverging else SEQUENTIAL
    scale = ax.inset_axes((0, -0.075, 1, 0.03))
    scale.set_axis_off()
    scale.set_xlim(0, len(ramp))
    scale.set_ylim(0, 1)
    for n, colour in enumerate(ramp):
        # A bar has its colour for itself, which another theme can replace.
        scale.bar(n + 0.5, 1, width=1, color=colour, linewidth=0)
    for x, words, side in (
        (0.0, f"{ends[0]:.4g}", "left"), (0.5, metric.axis, "center"),
        (1.0, f"{ends[1]:.4g}", "right"),
    ):  # fmt: skip
        scale.text(
            x, -0.5, words, ha=side, va="top", fontsize=9, color=PALETTE["muted"][0],
            transform=scale.transAxes, parse_math=False,
        )  # fmt: skip


def _count(least: float, most: float) -> str:
    return f"{int(most)}" if least == most else f"{int(least)} to {int(most)}"


def _time_caption(conditions: pd.DataFrame, metric: MetricName, family: TreatmentFamily) -> str:
    """Say what line, band and thin lines are, and how many wells stand behind each line."""
    names = [*([family.vehicle] if family.vehicle else []), *family.names]
    rows = conditions[conditions["condition"].isin(names)]
    # A well that is left out at some time has no part in the mean there.
    counts = rows.groupby("condition")["n_wells"].agg(["min", "max"])
    wells = "; ".join(
        f"{family.labels.get(name, name)}: {_count(*counts.loc[name])}"
        for name in names
        if name in counts.index
    )
    bars = ""
    if f"{metric.column}_measurement_sd" in rows:
        bars = "; bars: 90 % interval of one well's measurement"
    return (
        f"Lines: mean of the wells; bands: 95 % confidence interval; thin lines: wells{bars}. "
        f"Wells — {wells}."
    )


def time_figures(conditions: pd.DataFrame, wells: pd.DataFrame) -> Iterator[Figure]:
    """Curves of size and disintegration for every family."""
    metrics = curve_metrics(conditions)[:2]
    for family in families_of(conditions):
        for metric in metrics:
            yield time_figure(conditions, wells, metric, family)


def plate_figure(wells: pd.DataFrame, plate: str, metric: MetricName, time_h: float) -> Figure:
    """Heat map of one plate at one time."""
    own = wells[wells["plate"] == plate]
    title = f"{metric.axis} at {time_h:g} h"

    draw = functools.partial(
        _draw_plate, wells=_drawn_columns(own, metric), metric=metric, time_h=time_h,
        title=f"{plate}: {title}",
    )  # fmt: skip
    name = _safe(f"plate_{plate}_{metric.column}_{time_h:g}h")
    return Figure(
        name, title, draw, size=(620, 460), margins=(34, 14, 52, 56),
        caption="× left out of every mean; a well without the colour of the scale has no value.",
    )  # fmt: skip


def dose_figures(analysis: Analysis) -> list[Figure]:
    """Dose responses of drugs given alone, as far as the plate map allows them."""
    used, rows = analysis.used, analysis.dose_response
    if not len(used) or not len(rows):
        return []
    alone = used["drug_1"].notna()
    for n in range(2, 10):
        if f"drug_{n}" in used:
            alone &= used[f"drug_{n}"].isna()
    found = []
    for _, row in rows.iterrows():
        here = used["response"] == row["response"]
        if "stratum" in used and "stratum" in row:
            here &= used["stratum"] == row["stratum"]
        own = used[here]
        mine = own[alone.loc[own.index] & (own["drug_1"] == row["drug"])]
        if not len(mine):
            continue
        metric = metric_of(str(row["response"]), spheres=analysis.spheres)
        title = f"{row['drug']}: {metric.phrase}"
        stratum = str(row.get("stratum") or "")
        title += f" ({stratum})" if stratum and stratum != "nan" else ""
        (unit,), (factor,) = shown_units(analysis, [str(row["drug"])])
        curves = _curves_of(analysis.curves, row)
        draw = functools.partial(
            draw_dose_response,
            dose=mine["dose_1"].to_numpy(dtype=float),
            effect=mine["effect"].to_numpy(dtype=float),
            row={str(k): v for k, v in row.items()},
            vehicle=own.loc[own["role"] == "vehicle", "effect"].to_numpy(dtype=float),
            unit=unit,
            ylabel=metric.label,
            title=title,
            factor=factor,
            curves=curves if len(curves) else None,
        )
        found.append(
            Figure(
                _safe(f"dose_{title}"), title, draw, margins=(66, 20, 44, 34),
                caption=dose_words(row, len(mine), unit, factor, band=_has_band(curves)),
            )
        )  # fmt: skip
    return found


def _has_band(curves: pd.DataFrame) -> bool:
    """Tell whether an interval of the curve is drawn: that of one plate, where it has one."""
    several = "plate" in curves and curves["plate"].nunique() > 1
    return bool(len(curves)) and not several and bool(curves["low"].notna().all())


def _curves_of(curves: pd.DataFrame, row: pd.Series) -> pd.DataFrame:
    """Rows of `curves.csv` of the drug alone that a row of `dose_response.csv` is about."""
    for column in ("response", "stratum", "drug"):
        if column in curves and column in row:
            curves = curves[
                curves[column].fillna("") == ("" if pd.isna(row[column]) else row[column])
            ]
    return curves[curves["ratio"].fillna("") == ""] if "ratio" in curves else curves


def dose_words(
    row: pd.Series, n_wells: int, unit: str = "", factor: float = 1.0, *, band: bool = False
) -> str:
    """Say the EC50 with its interval, what it rests on, and why there is no curve if there is none.

    `row` is one of `dose_response.csv`; doses are said times `factor`, to be in `unit` (default:
    that of the row); `band`: an interval of the curve is drawn.
    """
    unit = unit or str(row["unit"]).replace("uM", "µM")
    ec50, low, high = (factor * dose_of(row, name) for name in ("ec50", "ec50_low", "ec50_high"))
    sign = str(row.get("ec50_qualifier") or "")
    parts = []
    if np.isfinite(ec50):
        beyond = f"{sign} " if sign in ("<", ">") else ""
        known = np.isfinite(low) or np.isfinite(high)
        ends = " to ".join(f"{end:.3g}" if np.isfinite(end) else "open" for end in (low, high))
        doubt = f" (95 % interval {ends} {unit})" if known and not beyond else ""
        parts.append(f"EC50 {beyond}{ec50:.3g} {unit}{doubt}.")
    else:
        parts.append("No EC50.")
    fit = [f"{plural(n_wells, 'well')} of the drug alone"]
    for name, words in (
        ("hill", "slope"),
        ("effect_at_top", "effect at the highest dose"),
        ("r2", "R²"),
    ):
        value = row.get(name)
        if value is not None and pd.notna(value):
            fit.append(f"{words} {float(value):.2g}")
    parts.append(", ".join(fit) + ".")
    if band:
        parts.append("Band: 95 % interval of the curve.")
    note = row.get("note")
    if note is not None and pd.notna(note) and str(note):
        parts.append(str(note))
    elif not np.isfinite(ec50):
        parts.append("A curve needs at least four doses that differ in effect.")
    return " ".join(parts)


def synergy_figures(analysis: Analysis) -> list[Figure]:
    """Excess over what the parts would do: all combinations, and each pair by dose."""
    found: list[Figure] = []
    table = analysis.synergy
    if not len(table):
        return found
    methods = [model.method for model in drawn_models()]
    groups = [name for name in ("response", "stratum") if name in table]
    parts = table.groupby(groups, sort=False) if groups else [((), table)]
    titles = {use.name: use.title for use in analysis.responses}
    for key, rows in parts:
        key = key if isinstance(key, tuple) else (key,)
        what = ", ".join(titles.get(str(k), str(k)) for k in key if str(k))
        if "plate" in rows and (rows["plate"] == "all").any():
            rows = rows[rows["plate"] == "all"]
        means = rows[(rows["level"] == "mean") & rows["method"].isin(methods)]
        means = means[means["value"].notna()]
        names = list(dict.fromkeys(str(c) for c in means["combination"]))
        if names:
            title = f"All combinations: {what}" if what else "All combinations"
            height = 60 + 21 * (len(means) + 1.5 * len(names))
            draw = functools.partial(draw_forest, synergy=means, combinations=names)
            found.append(
                Figure(
                    _safe(f"synergy_{title}"),
                    title,
                    draw,
                    (620, height),
                    (190, 140, 40, 14),
                    narrow=functools.partial(_narrow_forest, draw),
                    narrow_sides=(54, 138),
                    caption="Mean effect beyond what was expected of the parts, with its "
                    "interval; filled: the interval excludes 0.",
                )
            )
        bliss = rows[(rows["method"] == Bliss.method) & (rows["level"] == "dose")]
        bliss = bliss[bliss["value"].notna()]
        for name, own in bliss.groupby("combination", sort=False):
            drugs = str(name).split(" + ")
            if len(drugs) != 2:
                continue
            counts = [max(1, own[f"dose_{n}_um"].nunique()) for n in (1, 2)]
            size = (58 + 62 * min(8, counts[0]) + 60, 50 + 44 * min(8, counts[1]) + 44)
            title = f"{name}, by dose: {what}" if what else f"{name}, by dose"
            units, factors = shown_units(analysis, drugs)
            kappa = kappa_words(rows[rows["combination"] == name])
            draw = functools.partial(
                draw_excess_matrix, rows=own, drugs=drugs, units=units, factors=factors
            )
            found.append(
                Figure(
                    _safe(f"synergy_{title}"),
                    title,
                    draw,
                    size,
                    (66, 20, 44, 34),
                    caption="Bliss excess at each dose: blue less, orange more than the parts "
                    "would do; framed where it counts, dashed where it is slight."
                    + (f" {kappa}." if kappa else ""),
                )
            )
    return found


def _narrow_forest(draw: Callable[[Axes], None], ax: Axes) -> None:
    """Draw the means of combinations with short names of the methods: `HSA`."""
    draw(ax)
    # The caption below says of what.
    ax.set_xlabel(_IN_BRACKETS.sub("", ax.get_xlabel()).strip())
    for text in ax.texts:
        short = _IN_BRACKETS.search(text.get_text())
        if short is not None and text.get_horizontalalignment() == "right":
            text.set_text(short[1])
        elif text.get_fontweight() == "bold" and text.get_horizontalalignment() == "right":
            text.set_horizontalalignment("left")  # a combination's name has its line for itself


def nearest_well(
    wells: pd.DataFrame, metric: MetricName, names: list[str], at: tuple[float, float], reach: float
) -> tuple[str, str, float] | None:
    """Find plate, well and hours of the frame whose line is nearest to a point, if any is near.

    `names` are the conditions that are drawn, `at` hours and value of the metric, `reach` the
    largest difference in the metric that still counts.
    """
    used = wells[wells["condition"].isin(names) & ~wells["state"].isin(_LEFT_OUT)]
    best: tuple[float, str, str, float] | None = None
    for (plate, well), rows in used.groupby(["plate", "well"], sort=True):
        rows = rows.sort_values("time_h")
        times = rows["time_h"].to_numpy(dtype=float)
        values = metric.shown(rows[metric.column]).to_numpy()
        known = np.isfinite(values)
        if not known.any():
            continue
        there = float(np.interp(at[0], times[known], values[known]))
        distance = abs(there - at[1])
        if distance <= reach and (best is None or distance < best[0]):
            nearest = float(times[int(np.argmin(np.abs(times - at[0])))])
            best = (distance, str(plate), str(well), nearest)
    return None if best is None else best[1:]


def _dosed(wells: pd.DataFrame) -> float | None:
    """When the first drug was given, where that is known."""
    if "time_since_dose_h" not in wells or wells.empty:
        return None
    start = (wells["time_h"] - wells["time_since_dose_h"]).dropna()
    return float(start.min()) if len(start) else None


def _safe(text: str) -> str:
    """Name that any file system takes."""
    kept: Any = "".join(c if c.isalnum() or c in "-_.+" else "_" for c in text)
    return str(kept).strip("_.")[:120] or "figure"
