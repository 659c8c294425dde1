"""Fit the confidence on held-out synthetic frames: `python -m training.calibrate`.

The frames come from the family that the network was not trained on, and some from the simulator of
the demo's plate, which knows nothing of the training images; they pass through the whole of
both segmenters. What is fitted is the overlap with the truth, as logistic curves of the figures
that the segmenters give: for the network by itself, for the network and for the classical
segmenter given both opinions, and, where the network found nothing, whether there was nothing.
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from spheroid_qc.evaluate.mask_agreement import iou
from spheroid_qc.parameters import SegmentationParameters
from spheroid_qc.samples import DEMO, Modality, render_frame
from spheroid_qc.segmentation.auto import agreement_features
from spheroid_qc.segmentation.classical import segment_classical
from spheroid_qc.segmentation.learned import segment_learned
from spheroid_qc.segmentation.learned.confidence import CALIBRATION, FEATURES
from training.micrographs import OTHER, draw_micrograph

SEED = 11
SIDES = (256, 384, 512)
PLATE_EVERY = 6
"""Every so many frames one of the demo's plate, from a simulator of its own."""

TARGET = Path(__file__).parent.parent / "spheroid_qc/segmentation/learned" / CALIBRATION
STIFFNESS = 0.01
"""Penalty on squared weights of standardised figures."""

Rows = NDArray[np.float64]


def frame(number: int) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
    """Draw one frame and its true core: of the held-out family, or of the demo's simulator."""
    rng = np.random.default_rng((SEED, number))
    if number % PLATE_EVERY == 0:
        design = replace(DEMO, modality=list(Modality)[int(rng.integers(len(Modality)))])
        plan = design.wells[int(rng.integers(len(design.wells)))]
        shown = render_frame(design, plan, int(rng.integers(len(design.times_h))), SEED)
        return shown.image.astype(np.uint16), shown.core > 0
    drawn = draw_micrograph(rng, SIDES[number % len(SIDES)], OTHER)
    return np.round(drawn.image * 65535).astype(np.uint16), drawn.labels > 0


def measure(number: int) -> dict[str, Any]:
    """Both answers to one frame, their figures and overlaps with the truth."""
    image, true = frame(number)
    first = segment_learned(image, None, SegmentationParameters())
    second = segment_classical(image, None, SegmentationParameters())
    return {
        "figures": dict(first.evidence),
        "both": agreement_features(first, second),
        "truly": bool(true.any()),
        "found": bool(first.core.any()),
        "learned": iou(first.core > 0, true),
        "classical": iou(second.core > 0, true),
    }


def table(rows: list[dict[str, Any]], part: str, names: tuple[str, ...]) -> Rows:
    """Chosen figures of all rows."""
    return np.array([[row[part][name] for name in names] for row in rows], np.float64)


def fit(x: Rows, y: Rows, names: tuple[str, ...]) -> dict[str, float]:
    """Logistic curve by maximum likelihood, lightly ridged."""
    centre, spread = x.mean(0), x.std(0) + 1e-6
    z = np.column_stack([np.ones(len(x)), (x - centre) / spread])

    def cost(w: Rows) -> tuple[float, Rows]:
        t = z @ w
        value = np.mean(np.logaddexp(0, t) - y * t) + STIFFNESS * np.sum(w[1:] ** 2)
        slope = z.T @ (1 / (1 + np.exp(-t)) - y) / len(y)
        slope[1:] += 2 * STIFFNESS * w[1:]
        return float(value), slope

    best = optimize.minimize(cost, np.zeros(z.shape[1]), jac=True, method="L-BFGS-B").x
    weights = best[1:] / spread
    result = {"constant": float(best[0] - weights @ centre)}
    return result | {name: float(w) for name, w in zip(names, weights, strict=True)}


def expected(weights: dict[str, float], x: Rows, names: tuple[str, ...]) -> Rows:
    """Evaluate a fitted curve."""
    t = weights["constant"] + x @ np.array([weights[n] for n in names])
    return 1 / (1 + np.exp(-t))


def report(name: str, sure: Rows, right: Rows) -> None:
    """Print the calibration by fifths."""
    print(f"{name}: expected and actual, by fifths of", sure.size)
    for part in np.array_split(np.argsort(sure), 5):
        print(f"  {sure[part].mean():.2f} {right[part].mean():.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1500)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--target", type=Path, default=TARGET)
    arguments = parser.parse_args()
    with ProcessPoolExecutor(arguments.workers) as pool:
        rows = list(pool.map(measure, range(arguments.images), chunksize=20))
    some = [row for row in rows if row["found"]]
    none = [row for row in rows if not row["found"]]
    quiet = ("sureness", "doubt")
    opinions = tuple(rows[0]["both"])
    jobs = {
        "bodies": (table(some, "figures", FEATURES), [r["learned"] for r in some], FEATURES),
        "nothing": (table(none, "figures", quiet), [not r["truly"] for r in none], quiet),
        "learned_of_two": (table(rows, "both", opinions), [r["learned"] for r in rows], opinions),
        "classical_of_two": (
            table(rows, "both", opinions), [r["classical"] for r in rows], opinions,
        ),
    }  # fmt: skip
    fitted = {}
    answers = {}
    for name, (x, wanted, names) in jobs.items():
        y = np.array(wanted, np.float64)
        fitted[name] = fit(x, y, names)
        answers[name] = expected(fitted[name], x, names)
        report(name, answers[name], y)
    ours, theirs = (np.array([r[m] for r in rows]) for m in ("learned", "classical"))
    chosen = np.where(answers["classical_of_two"] > answers["learned_of_two"], theirs, ours)
    truly = np.array([r["truly"] for r in rows])
    for name, values in (("learned", ours), ("classical", theirs), ("chosen", chosen)):
        print(
            f"{name}: median IoU {np.median(values[truly]):.3f}, mean {values[truly].mean():.3f}, "
            f"below 0.7 {np.mean(values[truly] < 0.7):.3f}; empty right "
            f"{np.count_nonzero(values[~truly] == 1)} of {np.count_nonzero(~truly)}"
        )
    rounded = {k: {n: round(w, 4) for n, w in v.items()} for k, v in fitted.items()}
    arguments.target.write_text(json.dumps(rounded, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
