"""One image layer, with or without a plate: its pixel size, its frames, and what is found in them.

No Qt. Results come frame by frame, so that whoever shows them can stop in between.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spheroid_qc.measurement import measured_columns
from spheroid_qc.measurement.measured_rows import measure
from spheroid_qc.parameters import MeasurementParameters, Parameters
from spheroid_qc.segmentation import Segmentation, segment


@dataclass(frozen=True, eq=False)
class FrameResult:
    """What was found in one frame.

    Parameters
    ----------
    index : tuple of int
        Place of the frame on the leading axes; empty for a plain image.
    core : ndarray of int32, shape (y, x)
        Core labels.
    shed : ndarray of bool, shape (y, x)
        Shed material.
    table : DataFrame
        What `measure` gives.
    confidence : float
        Of the segmentation; NaN for masks that a person drew.
    """

    index: tuple[int, ...]
    core: NDArray[np.int32]
    shed: NDArray[np.bool_]
    table: pd.DataFrame
    confidence: float


def pixel_size_of(scale: Sequence[float], units: Sequence[Any]) -> tuple[float | None, str]:
    """Tell the pixel size of a layer in um, and how it is known.

    Parameters
    ----------
    scale : sequence of float
        Of the layer.
    units : sequence
        Of the layer: pint units or their names.

    Returns
    -------
    tuple
        Size in um, or None; and a sentence.
    """
    import pint

    registry: Any = pint.get_application_registry()  # type: ignore[no-untyped-call]
    sizes = []
    for step, unit in zip(scale[-2:], units[-2:], strict=True):
        try:
            sizes.append(float((abs(step) * registry.Unit(str(unit))).to("um").magnitude))
        except (pint.DimensionalityError, pint.UndefinedUnitError, ValueError, AttributeError):
            return None, "The layer has no unit of length."
    if not sizes or min(sizes) <= 0:
        return None, "The layer has no unit of length."
    if abs(sizes[0] - sizes[1]) > 0.01 * max(sizes):
        return None, "The layer's pixels are not square."
    return sizes[-1], "from the layer's scale"


def frame_indices(shape: Sequence[int], rgb: bool) -> list[tuple[int, ...]]:
    """List the frames of a layer: places on the axes before y and x."""
    leading = tuple(shape[:-3] if rgb else shape[:-2])
    return [tuple(int(n) for n in index) for index in np.ndindex(*leading)]


def find_in_frames(
    data: Any,
    indices: Sequence[tuple[int, ...]],
    pixel_size_um: float | None,
    parameters: Parameters,
    masks: tuple[Any, Any] | None = None,
) -> Iterator[FrameResult]:
    """Segment and measure frames of a layer, one after the other.

    Parameters
    ----------
    data : array_like
        Pixels (..., y, x) or (..., y, x, 3|4).
    indices : sequence of tuple
        Which frames.
    pixel_size_um : float or None
        Size of a pixel.
    parameters : Parameters
        Assay, segmentation and measurement.
    masks : tuple of array_like, optional
        Core labels and shed material to be measured; nothing is segmented then.

    Yields
    ------
    FrameResult
        One a frame.
    """
    for index in indices:
        image = np.asarray(data[index] if index else data)
        if masks is None:
            found = segment(
                image, pixel_size_um, parameters.segmentation.method.value, parameters.segmentation
            )
        else:
            core, shed = (np.asarray(mask[index] if index else mask) for mask in masks)
            found = Segmentation(core.astype(np.int32), shed > 0, float("nan"), "corrected")
        table = _measured(found, image, pixel_size_um, parameters)
        yield FrameResult(index, found.core, found.shed, table, found.confidence)


def _measured(
    found: Segmentation, image: NDArray[Any], size: float | None, parameters: Parameters
) -> pd.DataFrame:
    checked: MeasurementParameters = parameters.measurement
    # `measure` wants a confidence; that of painted masks is not known.
    certain = Segmentation(found.core, found.shed, 1.0, found.method)
    used = certain if np.isnan(found.confidence) else found
    return measure(used, image, size, assay=parameters.plate.assay, parameters=checked)


def features_of(
    results: Sequence[FrameResult], pixel_size_um: float | None, assay: str
) -> tuple[pd.DataFrame, dict[tuple[int, ...], dict[int, int]]]:
    """Make the table of features, and say which label each body gets in the layer.

    Numbers go on from frame to frame, so that each row of the table is one body in one frame. In
    `single` all pieces of a frame's spheroid share one number.

    Parameters
    ----------
    results : sequence of FrameResult
        In order of their frames.
    pixel_size_um : float or None
        Columns in um are left out where it is not known.
    assay : str
        `single` or `spheres`.

    Returns
    -------
    table : DataFrame
        Column `index` is the label in the layer, as napari wants it.
    numbers : dict
        Frame -> label of the segmenter -> label in the layer; label 0 means all.
    """
    lines: list[dict[str, Any]] = []
    numbers: dict[tuple[int, ...], dict[int, int]] = {}
    following = 1
    columns = [
        name
        for name in measured_columns(assay)
        if name not in ("label", "confidence", "n_spheroids", "pixel_size_um")
        and (pixel_size_um is not None or not _has_um(name))
    ]
    for result in results:
        of_frame: dict[int, int] = {}
        for _, row in result.table.iterrows():
            body = 0 if assay == "single" else int(row["label"])
            of_frame[body] = following
            place = {f"frame_{n}": at for n, at in enumerate(result.index)}
            if len(result.index) == 1:
                place = {"frame": result.index[0]}
            known = {"confidence": result.confidence}
            lines.append(
                {"index": following, **place, **{name: row[name] for name in columns}, **known}
            )
            following += 1
        numbers[result.index] = of_frame
    return pd.DataFrame(lines, columns=None if lines else ["index", *columns]), numbers


def _has_um(name: str) -> bool:
    return name.endswith(("_um", "_um2", "_um3"))
