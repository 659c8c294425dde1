"""`segment`: by the network, by rules, or, with `auto`, by whichever the evidence speaks for.

`auto` takes the network, and asks the classical segmenter where it is not sure. Both masks get
the overlap with the truth that is to be expected from what each says of itself and from how far
they agree; the better one is returned under its own name, never surer than it is of itself. The
weights are those of `learned/calibration.json`. The interval of the disintegration fraction is
always the network's, which alone knows its doubt; where other masks were taken it need not hold
their fraction, and `measure` widens it until it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from spheroid_qc.errors import RequestError
from spheroid_qc.parameters import SegmentationParameters
from spheroid_qc.segmentation.adapter import Adapter
from spheroid_qc.segmentation.array_types import Mask
from spheroid_qc.segmentation.classical import segment_classical
from spheroid_qc.segmentation.learned import segment_learned
from spheroid_qc.segmentation.learned.confidence import expectation
from spheroid_qc.segmentation.learned.network import check_weights
from spheroid_qc.segmentation.segmentation_result import Segmentation

_CONFIDENT = 0.77
"""Confidence from which the network is taken at its word. On 1,800 held-out frames all values from
0.65 to 0.9 end with the same overlap (0.810 to 0.811) and failures (19 %); this one asks on three
in ten, and still where a large, bright, perfectly smooth disc is outlined too tightly."""

TAUGHT = 0.5
"""Weight of an adapter from which a frame is one of those that it was taught on."""

_BARELY_CONFIDENT = 0.25
"""Confidence below which a body that the classical segmenter does not see is none."""


def segment(
    image: ArrayLike,
    pixel_size_um: float | None = None,
    method: str = "auto",
    parameters: SegmentationParameters | None = None,
    adapter: Adapter | None = None,
    leading: str | None = None,
    neighbours: Sequence[Mask] = (),
) -> Segmentation:
    """Find spheroid bodies and the material they shed.

    The result does not change when intensities are multiplied or shifted.

    Parameters
    ----------
    image : array_like, shape (y, x) or (y, x, 3 or 4)
        Any real numeric type; colour is reduced to luminance; NaN is background.
    pixel_size_um : float, optional
        Size of one pixel in um; used where a parameter is given in um.
    method : str
        `learned` (a trained network), `classical` (rules), or `auto`: the network, and where it is
        not sure whichever of the two the evidence speaks for.
    parameters : SegmentationParameters, optional
    adapter : Adapter, optional
        What the network learned from corrected masks of this microscope, from `read_adapter`; of
        no use with `classical`. With `auto` the rules are not asked where it counts.
    leading : str, optional
        With `auto`: the method that a whole plate was decided for, `learned` or `classical`, so
        that no curve jumps where the method would change from frame to frame. The other one is
        asked only whether there is anything, where the network is barely confident, and the
        network also for the interval of the disintegration fraction.
    neighbours : sequence of ndarray of bool, shape (y, x)
        Cores of the frames of the same well before and after this one, at its resolution. Where
        the network is in doubt of the core they decide; its confidence is what it was without
        them. Of no use to the rules.

    Returns
    -------
    Segmentation
        Core labels (largest body first), shed mask, confidence and the method that made them.

    Raises
    ------
    ValueError
        If the array is not an image.
    RequestError
        If the method is unknown or not available.

    Examples
    --------
    A dark, slightly grainy body of 100 pixels across, on a bright ground:

    >>> import numpy as np
    >>> from spheroid_qc import segment
    >>> y, x = np.mgrid[:256, :256]
    >>> body = np.hypot(y - 128, x - 128) < 50
    >>> image = np.random.default_rng(0).normal(np.where(body, 90, 180), 6)
    >>> found = segment(image)
    >>> found.core.shape, int(found.core.max())
    ((256, 256), 1)
    >>> bool(abs(np.sum(found.core > 0) / np.sum(body) - 1) < 0.05)
    True
    >>> bool(found.confidence > 0.5)
    True
    """
    check_method(method)
    if pixel_size_um is not None and not 0 < pixel_size_um < float("inf"):
        raise ValueError(f"A pixel size is a positive number of um, not {pixel_size_um!r}.")
    parameters = parameters or SegmentationParameters()
    if _name(method) == "classical":
        return segment_classical(image, pixel_size_um, parameters)
    if _name(method) == "learned":
        return segment_learned(image, pixel_size_um, parameters, adapter, neighbours)
    return segment_auto(image, pixel_size_um, parameters, adapter, leading, neighbours)


def check_method(method: str) -> None:
    """Refuse a method that this version does not have.

    Parameters
    ----------
    method : str
        As in `segment`.

    Raises
    ------
    RequestError
        If the method is unknown or not available.
    """
    name = _name(method)
    if name not in ("auto", "classical", "learned"):
        raise RequestError(
            f"There is no segmentation method {name!r}; use 'auto', 'classical' or 'learned'."
        )
    if name != "classical":
        check_weights()


def _name(method: object) -> str:
    """Name of a method, also where it comes as a choice of the settings."""
    return str(getattr(method, "value", method))


def segment_auto(
    image: ArrayLike,
    pixel_size_um: float | None,
    parameters: SegmentationParameters,
    adapter: Adapter | None = None,
    leading: str | None = None,
    neighbours: Sequence[Mask] = (),
) -> Segmentation:
    """Segment with the network; ask the classical segmenter where it is not sure.

    Arguments and errors as in `segment`. The method of the result is that of the mask that was
    chosen; `evidence` holds both expectations and the agreement where rules were asked.
    """
    first = segment_learned(image, pixel_size_um, parameters, adapter, neighbours)
    if leading == "classical":
        second = segment_classical(image, pixel_size_um, parameters)
        return replace(second, disintegration_interval=first.disintegration_interval)
    sure = not first.core.any() or first.confidence >= _BARELY_CONFIDENT
    # That a body is there its neighbours have seen; rules that miss it say nothing.
    if leading == "learned" and (sure or neighbours):
        return first
    # What a person taught the network outweighs what rules say of a microscope they don't know.
    taught = first.evidence.get("adapted", 0.0) > TAUGHT
    # A frame in which nothing is seen costs a second look only where there is nothing to measure.
    if first.core.any() and (first.confidence >= _CONFIDENT or taught):
        return first
    second = segment_classical(image, pixel_size_um, parameters)
    if first.core.any() and not second.core.any() and first.confidence < _BARELY_CONFIDENT:
        evidence = {**second.evidence, "second_opinion": 0.0, "learned": first.confidence}
        return replace(
            second,
            confidence=min(second.confidence, 1 - first.confidence),
            evidence=evidence,
            disintegration_interval=first.disintegration_interval,
        )
    if leading == "learned":
        return first
    features = agreement_features(first, second)
    chances = expected_overlaps(features)
    chosen = second if chances["classical"] > chances["learned"] else first
    evidence = {
        **chosen.evidence,
        "second_opinion": features["both"],
        "expected_learned": chances["learned"],
        "expected_classical": chances["classical"],
    }
    # Two that agree may be wrong alike: a second opinion never makes a mask surer than itself.
    return replace(
        chosen,
        confidence=min(chances[chosen.method], chosen.confidence),
        evidence=evidence,
        disintegration_interval=first.disintegration_interval,
    )


def expected_overlaps(features: dict[str, float]) -> dict[str, float]:
    """Give the overlap with the truth to be expected of the network's and of the rules' masks.

    Parameters
    ----------
    features : dict of str to float
        Those of `agreement_features`.

    Returns
    -------
    dict of str to float
        `learned` and `classical`, in [0, 1].
    """
    return {
        "learned": expectation("learned_of_two", features),
        "classical": expectation("classical_of_two", features),
    }


def agreement_features(first: Segmentation, second: Segmentation) -> dict[str, float]:
    """Collect what the choice between the network's and the classical segmentation rests on.

    Confidence of both, the overlap of all their bodies (1 where neither found any), and who found
    nothing.
    """
    a, b = first.core > 0, second.core > 0
    union = int(np.count_nonzero(a | b))
    return {
        "learned": first.confidence,
        "classical": second.confidence,
        "both": int(np.count_nonzero(a & b)) / union if union else 1.0,
        "learned_none": float(not first.core.any()),
        "classical_none": float(not second.core.any()),
    }
