"""Scores of masks against truth, and the tables made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.evaluate.agreement_statistics import bootstrap_interval
from spheroid_qc.evaluate.mask_agreement import dice, iou
from spheroid_qc.segmentation import Segmentation
from training.sources import disintegration_fraction

IGNORE = 255
SHED_COUNTS_FROM = 0.02
FAILED_BELOW = 0.7
SURE_FROM = 0.5
"""A wrong answer with more confidence than this is a false alarm nobody is warned of."""
OFF_BY = 0.1
INTACT_BELOW, SHEDDING_FROM = 0.08, 0.15
FALLEN_FROM, WHOLE_BELOW = 0.5, 0.3
"""A spheroid that is whole read as shedding, and one that fell apart read as whole."""
DROPPED = 0.2
"""Share of the least confident images that an intelligent user would look at herself."""


@dataclass(frozen=True)
class Example:
    """One image; truth is None where no mask was drawn."""

    source: str
    name: str
    image: NDArray[Any]
    truth: NDArray[np.uint8] | None
    spheres: bool = False
    """A field of many bodies, which has no disintegration fraction."""
    weight: float = 1.0


@dataclass(frozen=True)
class Score:
    """One segmented image against its truth."""

    source: str
    name: str
    empty: bool
    iou: float
    area_error: float
    shed_dice: float
    found: int
    confidence: float
    made_by: str
    seconds: float
    read: float = np.nan
    """Disintegration fraction of the masks that were made."""
    true: float = np.nan
    """The same of those drawn by eye; NaN where it is not scored."""
    interval: tuple[float, float] | None = None
    weight: float = 1.0

    @property
    def failed(self) -> bool:
        return self.iou < FAILED_BELOW


def score(example: Example, result: Segmentation, seconds: float) -> Score:
    truth = example.truth
    assert truth is not None
    valid = truth != IGNORE
    core, true_core = (result.core > 0) & valid, truth == 1
    shed, true_shed = result.shed & valid, truth == 2
    empty = not true_core.any()
    counts = true_shed.mean() > SHED_COUNTS_FROM
    return Score(
        example.source,
        example.name,
        empty,
        iou(core, true_core),
        np.nan if empty else np.count_nonzero(core) / np.count_nonzero(true_core) - 1,
        dice(shed, true_shed) if counts else np.nan,
        int(result.core.max(initial=0)),
        result.confidence,
        result.method,
        seconds,
        np.nan if example.spheres else disintegration_fraction(core, shed),
        np.nan if example.spheres else disintegration_fraction(true_core, true_shed),
        result.disintegration_interval,
        example.weight,
    )


@dataclass(frozen=True)
class FractionScore:
    """How near the disintegration fraction is to the drawn one, over many images.

    Images that several trainings answered count once together.
    """

    images: int
    mean_error: float
    bias: float
    off: float
    intact: int
    intact_as_shedding: float
    fallen: int
    fallen_as_whole: float
    held: float
    width: float


def fraction_score(scores: list[Score]) -> FractionScore:
    """Score the disintegration fraction; nothing found where there is something counts as 1."""
    kept = [s for s in scores if np.isfinite(s.true)]
    true = np.array([s.true for s in kept])
    read = np.array([s.read if np.isfinite(s.read) else 1.0 for s in kept])
    weight = np.array([s.weight for s in kept])

    def mean(values: NDArray[Any], these: NDArray[np.bool_] | None = None) -> float:
        part = slice(None) if these is None else these
        return (
            float(np.average(values[part], weights=weight[part])) if weight[part].sum() else np.nan
        )

    def count(these: NDArray[np.bool_]) -> int:
        return round(float(weight[these].sum()))

    intact, fallen = true < INTACT_BELOW, true >= FALLEN_FROM
    known = np.array([s.interval is not None for s in kept], bool)
    ends = np.array([s.interval or (np.nan, np.nan) for s in kept]).reshape(-1, 2)
    held = (ends[:, 0] - 1e-9 <= true) & (true <= ends[:, 1] + 1e-9)
    return FractionScore(
        round(float(weight.sum())),
        mean(np.abs(read - true)),
        mean(read - true),
        mean(np.abs(read - true) > OFF_BY),
        count(intact),
        mean(read >= SHEDDING_FROM, intact),
        count(fallen),
        mean(read < WHOLE_BELOW, fallen),
        mean(held, known),
        float(np.median((ends[:, 1] - ends[:, 0])[known])) if known.any() else np.nan,
    )


def fraction_table(name: str, scores: list[Score]) -> str:
    """Markdown table of the disintegration fraction, source by source."""
    lines = [
        f"### {name}: disintegration fraction, core and confidence by source",
        "",
        "| source | n | core IoU | < 0.7 | of them sure | n | error | bias | off > 0.1 "
        "| interval holds | width | confidence |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    bodies = [s for s in scores if not s.empty]
    sources = sorted({s.source for s in bodies})
    overlaps, errors = [], []
    for source in [*sources, ""]:
        mine = [s for s in bodies if source in ("", s.source)]
        weight = np.array([s.weight for s in mine])
        overlap = float(np.average([s.iou for s in mine], weights=weight))
        failed = np.array([s.failed for s in mine])
        sure = failed & np.array([s.confidence > SURE_FROM for s in mine])
        f = fraction_score(mine)
        if source:
            overlaps.append(overlap)
            errors += [f.mean_error] if f.images else []
        share = [f"{100 * np.average(a, weights=weight):.0f} %" for a in (failed, sure)]
        cells = [source or "**all images**", f"{weight.sum():.0f}", f"{overlap:.3f}", *share]
        cells += [str(f.images)]
        cells += (
            [f"{f.mean_error:.3f}", f"{f.bias:+.3f}", f"{100 * f.off:.0f} %",
             f"{100 * f.held:.0f} %", f"{f.width:.2f}"] if f.images else [""] * 5
        )  # fmt: skip
        cells.append(f"{np.average([s.confidence for s in mine], weights=weight):.2f}")
        lines.append("| " + " | ".join(cells) + " |")
    f = fraction_score(bodies)
    lines += [
        "",
        f"Mean over sources: core IoU {np.mean(overlaps):.3f}, error {np.mean(errors):.3f}. "
        f"Drawn below {INTACT_BELOW:g} and read {SHEDDING_FROM:g} or more: "
        f"{100 * f.intact_as_shedding:.0f} % of {f.intact}; drawn {FALLEN_FROM:g} or more and read "
        f"below {WHOLE_BELOW:g}: {100 * f.fallen_as_whole:.0f} % of {f.fallen}.",
        "",
    ]
    return "\n".join(lines)


def medians(scores: list[Score]) -> dict[str, float]:
    """Median IoU of every source that has a body."""
    sources = sorted({s.source for s in scores if not s.empty})
    return {
        name: float(np.median([s.iou for s in scores if s.source == name and not s.empty]))
        for name in sources
    }


def macro_interval(scores: list[Score], draws: int = 2000) -> tuple[float, float]:
    """95 % bootstrap interval of the macro-average: images are drawn anew within each source."""
    rng = np.random.default_rng(0)
    columns = []
    for source in medians(scores):
        values = np.array([s.iou for s in scores if s.source == source and not s.empty])
        columns.append(np.median(rng.choice(values, (draws, values.size)), axis=1))
    low, high = np.percentile(np.mean(columns, axis=0), (2.5, 97.5))
    return float(low), float(high)


def risk_coverage(scores: list[Score]) -> tuple[float, float]:
    """Area under the risk-coverage curve, and the least possible for these errors.

    Images are accepted from the most confident on; risk is the mean of 1 - IoU so far.
    """
    error = np.array([1 - s.iou for s in scores])
    count = np.arange(1, error.size + 1)
    order = np.argsort([-s.confidence for s in scores], kind="stable")
    area, minimum = (float(np.mean(np.cumsum(e) / count)) for e in (error[order], np.sort(error)))
    return area, minimum


def failures_kept(scores: list[Score]) -> tuple[float, float]:
    """Share of failures among all images, and without the least confident fifth."""
    order = sorted(scores, key=lambda s: -s.confidence)
    kept = order[: max(1, round((1 - DROPPED) * len(order)))]
    return (
        float(np.mean([s.failed for s in scores])),
        float(np.mean([s.failed for s in kept])),
    )


def _with_interval(values: NDArray[np.float64], statistic: Any, form: str = ".3f") -> str:
    text = format(float(statistic(values)), form)
    low, high = bootstrap_interval(values, statistic)
    return f"{text} ({low:{form}} to {high:{form}})" if np.isfinite(low) else text


def table(name: str, scores: list[Score]) -> str:
    """Markdown table of one method."""
    lines = [
        f"### {name}",
        "",
        "| source | n | median IoU (95 %) | mean IoU (95 %) | < 0.7 | area error | absolute "
        "| shed Dice |",
        "| --- | ---: | --- | --- | ---: | ---: | ---: | ---: |",
    ]
    bodies = [s for s in scores if not s.empty]
    for source in medians(scores):
        mine = [s for s in bodies if s.source == source]
        overlap = np.array([s.iou for s in mine])
        error = np.array([100 * s.area_error for s in mine])
        shed = np.array([s.shed_dice for s in mine if np.isfinite(s.shed_dice)])
        lines.append(
            f"| {source} | {overlap.size} | {_with_interval(overlap, np.median)} "
            f"| {_with_interval(overlap, np.mean)} | {sum(s.failed for s in mine)} "
            f"| {np.median(error):+.1f} % | {np.median(np.abs(error)):.1f} % "
            f"| {f'{np.median(shed):.2f} (n {shed.size})' if shed.size else ''} |"
        )
    if not bodies:
        return "\n".join([*lines, ""])
    overlap = np.array([s.iou for s in bodies])
    error = np.array([100 * s.area_error for s in bodies])
    low, high = macro_interval(scores)
    lines.append(
        f"| **macro-average** | {overlap.size} "
        f"| **{np.mean(list(medians(scores).values())):.3f}** ({low:.3f} to {high:.3f}) "
        f"| {_with_interval(overlap, np.mean)} | {100 * np.mean(overlap < FAILED_BELOW):.0f} % "
        f"| {np.median(error):+.1f} % | {np.median(np.abs(error)):.1f} % | |"
    )
    none = [s for s in scores if s.found == 0]
    empty = [s for s in scores if s.empty]
    right = sum(s.empty for s in none)
    area, minimum = risk_coverage(scores)
    before, after = failures_kept(scores)
    sure = [s for s in scores if s.failed and s.confidence > SURE_FROM and s.found]
    makers = {m: sum(s.made_by == m for s in scores) for m in sorted({s.made_by for s in scores})}
    lines += [
        "",
        f"Empty images: {right} of {len(empty)} found empty (recall "
        f"{right / max(len(empty), 1):.2f}), {len(none) - right} others called empty "
        f"(precision {right / max(len(none), 1):.2f}). "
        f"Area under the risk-coverage curve {area:.4f} (least possible {minimum:.4f}, "
        f"no order {np.mean([1 - s.iou for s in scores]):.4f}); share of failures "
        f"{100 * before:.1f} %, without the least confident fifth {100 * after:.1f} %; wrong with "
        f"confidence above {SURE_FROM:g}: {len(sure)}"
        + (f" ({', '.join(f'{s.source}/{s.name}' for s in sure)})" if sure else "")
        + f". Made by {', '.join(f'{m} {n}' for m, n in makers.items())}. "
        f"Median time {1e3 * np.median([s.seconds for s in scores]):.0f} ms an image.",
        "",
    ]
    return "\n".join(lines)


def side_by_side(results: dict[str, list[Score]]) -> str:
    """Markdown table of the medians of all methods."""
    names = list(results)
    values = {name: medians(scores) for name, scores in results.items()}
    lines = [
        "### Median core IoU, side by side",
        "",
        "| source | n | " + " | ".join(names) + " |",
        "| --- | ---: | " + " | ".join("---:" for _ in names) + " |",
    ]
    for source in values[names[0]]:
        n = sum(s.source == source and not s.empty for s in results[names[0]])
        row = " | ".join(f"{values[name][source]:.3f}" for name in names)
        lines.append(f"| {source} | {n} | {row} |")
    macro = " | ".join(f"**{np.mean(list(values[name].values())):.3f}**" for name in names)
    lines += [f"| **macro-average** | | {macro} |", ""]
    return "\n".join(lines)
