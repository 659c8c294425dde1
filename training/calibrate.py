"""Fit confidence and intervals: `python -m training.calibrate --shared FOLDER --folds FOLDER`.

Real micrographs are answered by trainings that have not seen their source (`training.leave_out`);
beside them stand synthetic frames of the family that the network was not trained on, and some of
the simulator of the demo's plate, which knows nothing of the training images. All pass through the
whole of both segmenters. What is fitted: the overlap of the core with the truth, as logistic curves
of the figures that the segmenters give (for the network by itself, for the network and for the
classical segmenter given both opinions, and, where the network found nothing, whether there was
nothing); and how far the truth lies below and above the disintegration fraction, as linear
regressions of its doubts (quantiles, and the mean).
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import lru_cache
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
from spheroid_qc.segmentation.learned.disintegration_interval import DOUBTS
from spheroid_qc.segmentation.learned.network import use_weights
from training.leave_out import FOLDS, blind_folds
from training.micrographs import OTHER, draw_micrograph
from training.sources import UNSCORED, Micrograph, disintegration_fraction, micrographs

SEED = 11
SIDES = (256, 384, 512)
PLATE_EVERY = 6
"""Every so many frames one of the demo's plate, from a simulator of its own."""

TARGET = Path(__file__).parent.parent / "spheroid_qc/segmentation/learned" / CALIBRATION
STIFFNESS = 0.01
"""Penalty on squared weights of standardised figures."""

REAL_SHARE = 0.9
"""What real frames count, of everything."""

TAIL = 0.05
"""Chance of the truth below an interval, and above it."""

Rows = NDArray[np.float64]
Mask = NDArray[np.bool_]


@lru_cache(maxsize=1)
def real_frames(shared: Path) -> list[Micrograph]:
    return list(micrographs(shared))


def synthetic(number: int) -> tuple[NDArray[np.uint16], NDArray[np.int32], Mask, Mask]:
    """Draw a frame of the held-out family or of the demo's simulator, and what is in it.

    Gives the image, bodies, shed material, and where it can't be told.
    """
    rng = np.random.default_rng((SEED, number))
    if number % PLATE_EVERY == 0:
        design = replace(DEMO, modality=list(Modality)[int(rng.integers(len(Modality)))])
        plan = design.wells[int(rng.integers(len(design.wells)))]
        shown = render_frame(design, plan, int(rng.integers(len(design.times_h))), SEED)
        return (
            shown.image.astype(np.uint16),
            shown.core,
            shown.shed,
            np.zeros(shown.shed.shape, bool),
        )
    drawn = draw_micrograph(rng, SIDES[number % len(SIDES)], OTHER)
    return np.round(drawn.image * 65535).astype(np.uint16), drawn.labels, drawn.shed, drawn.ignore


def jobs_of(shared: Path, number: int) -> list[tuple[str, int, int]]:
    """Kind, number and fold of every frame that is to be measured, fold by fold."""
    jobs = [
        ("real", at, fold)
        for at, frame in enumerate(real_frames(shared))
        for fold in blind_folds(frame.source.group)
    ]
    jobs += [("synthetic", at, 1 + at % len(FOLDS)) for at in range(number)]
    return sorted(jobs, key=lambda job: job[2])


def measure(shared: Path, folds: Path, job: tuple[str, int, int]) -> dict[str, Any]:
    """Both answers to one frame, their figures, and how far they are from the truth."""
    kind, at, fold = job
    use_weights(folds / f"fold_{fold}.onnx")
    weight, scored = 1.0, True
    if kind == "real":
        frame = real_frames(shared)[at]
        assert frame.labels is not None
        assert frame.shed is not None
        assert frame.ignore is not None
        image, known = frame.plane, ~frame.ignore
        labels, shed = frame.labels, frame.shed
        weight = 1 / len(blind_folds(frame.source.group))
        scored = frame.source.group not in UNSCORED and not frame.source.spheres
        name, group = frame.name, frame.source.group
    else:
        image, labels, shed, ignore = synthetic(at)  # type: ignore[assignment]
        known, name, group = ~ignore, f"synthetic/{at}", f"synthetic {at % 10}"
    first = segment_learned(image, None, SegmentationParameters())
    second = segment_classical(image, None, SegmentationParameters())
    true = (labels > 0) & known
    return {
        "kind": kind, "name": name, "group": group, "weight": weight, "fold": fold,
        "figures": dict(first.evidence),
        "both": agreement_features(first, second),
        "truly": bool(true.any()),
        "found": bool(first.core.any()),
        "learned": iou((first.core > 0) & known, true),
        "classical": iou((second.core > 0) & known, true),
        "read": disintegration_fraction(first.core * known, first.shed & known),
        "true": disintegration_fraction(labels * known, shed & known)
        if scored
        else float("nan"),
    }  # fmt: skip


def table(rows: list[dict[str, Any]], part: str, names: tuple[str, ...]) -> Rows:
    """Chosen figures of all rows."""
    return np.array([[row[part][name] for name in names] for row in rows], np.float64)


def weights_of(rows: list[dict[str, Any]]) -> Rows:
    """Say what rows count: real ones together `REAL_SHARE`, however many there are of either."""
    real = np.array([row["kind"] == "real" for row in rows])
    own = np.array([row["weight"] for row in rows])
    share = np.where(real, REAL_SHARE, 1 - REAL_SHARE)
    total = np.where(real, own[real].sum(), own[~real].sum())
    return np.asarray(own * share / total)


def fit(x: Rows, y: Rows, weight: Rows, names: tuple[str, ...]) -> dict[str, float]:
    """Logistic curve by maximum likelihood, lightly ridged."""
    centre, spread = x.mean(0), x.std(0) + 1e-6
    z = np.column_stack([np.ones(len(x)), (x - centre) / spread])
    weight = weight / weight.sum()

    def cost(w: Rows) -> tuple[float, Rows]:
        t = z @ w
        value = np.sum(weight * (np.logaddexp(0, t) - y * t)) + STIFFNESS * np.sum(w[1:] ** 2)
        slope = z.T @ (weight * (1 / (1 + np.exp(-t)) - y))
        slope[1:] += 2 * STIFFNESS * w[1:]
        return float(value), slope

    best = optimize.minimize(cost, np.zeros(z.shape[1]), jac=True, method="L-BFGS-B").x
    slopes = best[1:] / spread
    result = {"constant": float(best[0] - slopes @ centre)}
    return result | {name: float(w) for name, w in zip(names, slopes, strict=True)}


def quantile(
    x: Rows, y: Rows, weight: Rows, level: float, names: tuple[str, ...]
) -> dict[str, float]:
    """Quantile regression with weights that are not negative, as a linear programme.

    Minimises the weighted sum of level * (y - f) where y > f and (1 - level) * (f - y) elsewhere.
    """
    n, k = x.shape
    design = np.column_stack([np.ones(n), x])
    cost = np.concatenate([np.zeros(k + 1), level * weight, (1 - level) * weight])
    equal = np.hstack([design, np.eye(n), -np.eye(n)])
    found = optimize.linprog(cost, A_eq=equal, b_eq=y, bounds=(0, None), method="highs")
    if not found.success:
        raise RuntimeError(f"the quantile regression did not end: {found.message}")
    return {"constant": float(found.x[0])} | dict(
        zip(names, map(float, found.x[1 : k + 1]), strict=True)
    )


def mean_error(x: Rows, y: Rows, weight: Rows, names: tuple[str, ...]) -> dict[str, float]:
    """Least squares with weights that are not negative."""
    root = np.sqrt(weight / weight.sum())
    design = np.column_stack([np.ones(len(x)), x])
    found = optimize.nnls(design * root[:, None], y * root)[0]
    return {"constant": float(found[0])} | dict(zip(names, map(float, found[1:]), strict=True))


def linear(weights: dict[str, float], x: Rows, names: tuple[str, ...]) -> Rows:
    """Evaluate a linear regression."""
    return np.asarray(weights["constant"] + x @ np.array([weights[n] for n in names]))


def expected(weights: dict[str, float], x: Rows, names: tuple[str, ...]) -> Rows:
    """Evaluate a logistic curve."""
    return np.asarray(1 / (1 + np.exp(-linear(weights, x, names))))


def report(name: str, sure: Rows, right: Rows) -> None:
    """Print the calibration by fifths."""
    print(f"{name}: expected and actual, by fifths of", sure.size)
    for part in np.array_split(np.argsort(sure), 5):
        print(f"  {sure[part].mean():.2f} {right[part].mean():.2f}")


def fit_intervals(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Fit interval and expected error, and print how both hold on sources left out of the fit."""
    kept = [r for r in rows if np.isfinite(r["true"]) and "below" in r["figures"]]
    x, weight = table(kept, "figures", DOUBTS), weights_of(kept)
    read, true = (np.array([r[k] for r in kept], np.float64) for k in ("read", "true"))
    group = np.array([r["group"] for r in kept])

    def fitted(these: Mask) -> dict[str, dict[str, float]]:
        part = (x[these], weight[these])
        below, above = (np.maximum(d[these], 0) for d in (read - true, true - read))
        return {
            "fraction_low": quantile(part[0], below, part[1], 1 - TAIL, DOUBTS),
            "fraction_high": quantile(part[0], above, part[1], 1 - TAIL, DOUBTS),
            "fraction_error": mean_error(part[0], below + above, part[1], DOUBTS),
        }

    low, high, error = (np.zeros(len(kept)) for _ in range(3))
    for name in np.unique(group):
        out = group == name
        weights = fitted(~out)
        low[out] = read[out] - np.maximum(linear(weights["fraction_low"], x[out], DOUBTS), 0.02)
        high[out] = read[out] + np.maximum(linear(weights["fraction_high"], x[out], DOUBTS), 0.02)
        error[out] = linear(weights["fraction_error"], x[out], DOUBTS)
    held = (np.clip(low, 0, 1) <= true) & (true <= np.clip(high, 0, 1))
    wide = np.clip(high, 0, 1) - np.clip(low, 0, 1)
    real = np.array([r["kind"] == "real" for r in kept])
    for name, these in (("real", real), ("synthetic", ~real)):
        print(
            f"90 % intervals of sources left out, {name}, n {these.sum()}: hold "
            f"{100 * np.average(held[these], weights=weight[these]):.0f} %, median width "
            f"{np.median(wide[these]):.3f}"
        )
    report("error of the fraction", error[real], np.abs(read - true)[real])
    return fitted(np.ones(len(kept), bool))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, required=True, help="folder with `open` and `real`")
    parser.add_argument("--folds", type=Path, required=True, help="folder of `training.leave_out`")
    parser.add_argument("--images", type=int, default=600, help="synthetic ones")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--target", type=Path, default=TARGET)
    a = parser.parse_args()
    jobs = jobs_of(a.shared, a.images)
    common = [[value] * len(jobs) for value in (a.shared, a.folds)]
    with ProcessPoolExecutor(a.workers) as pool:
        rows = list(pool.map(measure, *common, jobs, chunksize=20))
    some = [row for row in rows if row["found"]]
    none = [row for row in rows if not row["found"]]
    quiet = ("sureness", "doubt")
    opinions = tuple(rows[0]["both"])
    parts = {
        "bodies": (some, "figures", [r["learned"] for r in some], FEATURES),
        "nothing": (none, "figures", [not r["truly"] for r in none], quiet),
        "learned_of_two": (rows, "both", [r["learned"] for r in rows], opinions),
        "classical_of_two": (rows, "both", [r["classical"] for r in rows], opinions),
    }
    fitted = {}
    answers = {}
    for name, (own, part, wanted, names) in parts.items():
        x, y = table(own, part, names), np.array(wanted, np.float64)
        fitted[name] = fit(x, y, weights_of(own), names)
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
    fitted |= fit_intervals(rows)
    rounded = {k: {n: round(w, 4) for n, w in v.items()} for k, v in fitted.items()}
    a.target.write_text(json.dumps(rounded, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
