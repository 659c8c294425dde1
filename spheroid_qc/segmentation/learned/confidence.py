"""How far an answer can be trusted: features of the answer, weighed as `calibration.json` says.

The weights were fitted on synthetic frames that the network was not trained on, so that the
confidence is the overlap with the truth that frames of such features had on the average.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files

import numpy as np

from spheroid_qc.segmentation.array_types import Float, Labels, Mask
from spheroid_qc.segmentation.learned.coarse_and_fine_pass import crop
from spheroid_qc.segmentation.learned.network import CORE
from spheroid_qc.segmentation.learned.view import View
from spheroid_qc.segmentation.order_statistics import median, percentiles
from spheroid_qc.segmentation.piece_shapes import box_of, narrowed, widened

FEATURES = ("agreement", "sureness", "doubt", "inside", "border", "rim", "size", "number")
"""Features behind the confidence, in the order of the calibration's weights."""

CALIBRATION = "calibration.json"

_MARGIN_PX = 8
"""Pixels around the bodies that are cut out: a little more than any feature needs."""


def answer_features(coarse: View, fine: View, combined: View, labels: Labels) -> dict[str, float]:
    """Features behind the confidence of a coarse pass, a fine one by itself, and both combined.

    agreement: overlap of the bodies of both passes; sureness: distance of the outline's
    surroundings from an even chance; doubt: area that is perhaps core, beside the core's; inside:
    mean probability of the core; border: share of the outline on the frame's edge; rim: change of
    intensity across the outline beside its spread; size: logarithm of the core's share of the
    region; number: logarithm of the number of bodies. `labels`, of the combined view, may hold
    none.
    """
    probability = combined.maps[CORE]
    core = labels > 0
    area = float(np.count_nonzero(core))
    again = crop(coarse, combined.region, slice(CORE, CORE + 1))[0]
    one, other = again > 0.5, fine.maps[CORE] > 0.5
    union = np.count_nonzero(one | other)
    agreement = np.count_nonzero(one & other) / union if union else 1.0
    maybe = float(probability[~core & (probability > 0.15)].sum())
    if area == 0:
        return {
            "agreement": agreement,
            "sureness": 1.0 - float(probability.max()),
            "doubt": maybe / (maybe + 20.0),
            "inside": 0.0, "border": 0.0, "rim": 0.0, "size": 0.0, "number": 0.0,
        }  # fmt: skip
    frame = np.zeros_like(core)
    frame[[0, -1]] = frame[:, [0, -1]] = True
    on_frame = float(np.count_nonzero(core & frame))
    # All further features are those of the bodies and their surroundings.
    box = box_of(core, _MARGIN_PX)
    core, probability, mean = core[box], probability[box], combined.pooled[box]
    inner = narrowed(core, 3, beyond=True)
    near = widened(core, 4) & ~inner
    edge = core & ~narrowed(core, beyond=True)
    length = float(np.count_nonzero(edge)) + on_frame
    return {
        "agreement": agreement,
        "sureness": float(np.abs(2 * probability[near] - 1).mean()),
        "doubt": maybe / (maybe + area),
        "inside": float(probability[core].mean()),
        "border": on_frame / max(length, 1.0),
        "rim": _rim(mean, core, inner),
        "size": float(np.log(area / labels.size)),
        "number": float(np.log(labels.max())),
    }


def _rim(mean: Float, core: Mask, deep: Mask) -> float:
    """Change of intensity across the outline beside the spread outside of it, from 0 to 1.

    `deep` is what lies three pixels within the core.
    """
    inner = core & ~deep
    close = widened(core, 2)
    outer = widened(close, 4) & ~close
    if not inner.any() or not outer.any():
        return 0.0
    beyond = mean[outer]
    change = abs(median(mean[inner]) - median(beyond))
    low, high = percentiles(beyond, (25, 75))
    spread = high - low + 1e-6
    return change / (change + spread)


@lru_cache(maxsize=1)
def _calibration() -> dict[str, dict[str, float]]:
    text = files(__package__).joinpath(CALIBRATION).read_text(encoding="utf-8")
    found: dict[str, dict[str, float]] = json.loads(text)
    return found


def expectation(name: str, features: dict[str, float]) -> float:
    """Weigh features as the calibration's entry `name` says; in [0, 1]."""
    return float(1 / (1 + np.exp(-np.clip(weighed(name, features), -30, 30))))


def weighed(name: str, features: Mapping[str, float]) -> float:
    """Sum of features, weighed as the calibration's entry `name` says, and its constant."""
    weights = _calibration()[name]
    return weights["constant"] + sum(
        weight * features[key] for key, weight in weights.items() if key != "constant"
    )
