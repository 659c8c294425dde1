"""Fit the confidence on held-out synthetic frames: `python -m training.calibrate`.

The frames come from the family that the network was not trained on and pass through the whole
segmenter. What is fitted is the overlap with the truth (a logistic curve of the figures in
`confidence.FIGURES`), and, where nothing was found, whether there was nothing.
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from spheroid_qc.parameters import SegmentationParameters
from spheroid_qc.samples.micrographs import OTHER, draw_micrograph
from spheroid_qc.segment.learned.confidence import CALIBRATION, FIGURES, figures_of
from spheroid_qc.segment.learned.engine import look_twice

SEED = 11
SIDES = (256, 384, 512)
TARGET = Path(__file__).parent.parent / "spheroid_qc/segment/learned" / CALIBRATION
STIFFNESS = 0.02
"""Penalty on squared weights of standardised figures."""


def measure(number: int) -> tuple[list[float], bool, bool, float]:
    """Figures of one frame, whether there was and was found a body, and the overlap."""
    rng = np.random.default_rng((SEED, number))
    drawn = draw_micrograph(rng, SIDES[number % len(SIDES)], OTHER)
    looks = look_twice(drawn.image, None, SegmentationParameters())
    figures = figures_of(looks.first, looks.alone, looks.combined, looks.labels)
    from spheroid_qc.segment.learned.bodies import draw_bodies
    from spheroid_qc.segment.learned.network import CORE

    shape = (drawn.image.shape[0], drawn.image.shape[1])
    region = looks.combined.region
    found = draw_bodies(looks.labels, looks.combined.maps[CORE], region, shape, 0.5) > 0
    true = drawn.labels > 0
    union = np.count_nonzero(found | true)
    overlap = np.count_nonzero(found & true) / union if union else 1.0
    return [figures[name] for name in FIGURES], bool(true.any()), bool(found.any()), overlap


def fit(x: NDArray[np.float64], y: NDArray[np.float64]) -> dict[str, float]:
    """Logistic curve by maximum likelihood, lightly ridged."""
    centre, spread = x.mean(0), x.std(0) + 1e-6
    z = np.column_stack([np.ones(len(x)), (x - centre) / spread])

    def cost(w: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        t = z @ w
        value = np.mean(np.logaddexp(0, t) - y * t) + STIFFNESS * np.sum(w[1:] ** 2)
        slope = z.T @ (1 / (1 + np.exp(-t)) - y) / len(y)
        slope[1:] += 2 * STIFFNESS * w[1:]
        return float(value), slope

    best = optimize.minimize(cost, np.zeros(z.shape[1]), jac=True, method="L-BFGS-B").x
    weights = best[1:] / spread
    result = {"constant": float(best[0] - weights @ centre)}
    return result | {name: float(w) for name, w in zip(FIGURES, weights, strict=True)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1500)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--target", type=Path, default=TARGET)
    arguments = parser.parse_args()
    with ProcessPoolExecutor(arguments.workers) as pool:
        rows = list(pool.map(measure, range(arguments.images), chunksize=20))
    x = np.array([r[0] for r in rows])
    truly, found = (np.array([r[i] for r in rows]) for i in (1, 2))
    overlap = np.array([r[3] for r in rows])
    some = found | truly
    print(
        f"{len(rows)} frames: median IoU {np.median(overlap[truly]):.3f}, mean "
        f"{overlap[truly].mean():.3f}, below 0.7 {np.mean(overlap[truly] < 0.7):.3f}; "
        f"empty {np.count_nonzero(~truly)}, of these found empty {np.count_nonzero(~some)}"
    )
    keep = [FIGURES.index(name) for name in ("sureness", "doubt")]
    nothing = np.zeros_like(x)
    nothing[:, keep] = x[:, keep]
    weights = {
        "bodies": fit(x[found], overlap[found]),
        "nothing": fit(nothing[~found], (~truly[~found]).astype(float)),
    }
    weights["nothing"] = {n: w for n, w in weights["nothing"].items() if w}
    for name, rows_of, wanted in (("bodies", found, overlap), ("nothing", ~found, ~truly)):
        t = weights[name]["constant"] + sum(
            weights[name].get(n, 0.0) * x[rows_of][:, i] for i, n in enumerate(FIGURES)
        )
        sure = 1 / (1 + np.exp(-t))
        right = np.asarray(wanted[rows_of], float)
        print(f"{name}: confidence against overlap, by fifths")
        for part in np.array_split(np.argsort(sure), 5):
            print(f"  {sure[part].mean():.2f} {right[part].mean():.2f} ({part.size})")
    text = json.dumps(
        {k: {n: round(w, 4) for n, w in v.items()} for k, v in weights.items()}, indent=2
    )
    arguments.target.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
