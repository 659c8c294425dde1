"""Scores of masks against truth, and the tables made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.evaluate.agreement_statistics import bootstrap_interval
from spheroid_qc.evaluate.mask_agreement import dice, iou
from spheroid_qc.segmentation import Segmentation

IGNORE = 255
SHED_COUNTS_FROM = 0.02
FAILED_BELOW = 0.7
SURE_FROM = 0.5
"""A wrong answer with more confidence than this is a false alarm nobody is warned of."""
DROPPED = 0.2
"""Share of the least confident images that an intelligent user would look at herself."""


@dataclass(frozen=True)
class Example:
    """One image; truth is None where no mask was drawn."""

    source: str
    name: str
    image: NDArray[Any]
    truth: NDArray[np.uint8] | None


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
    )


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
