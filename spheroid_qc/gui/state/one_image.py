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

from spheroid_qc.images import combine_z
from spheroid_qc.measurement import measured_columns
from spheroid_qc.measurement.measured_rows import measure
from spheroid_qc.parameters import Parameters
from spheroid_qc.segmentation import Segmentation, segment

WHOLE = -1
"""In the place of a frame: all planes of that axis."""


@dataclass(frozen=True, eq=False)
class FrameResult:
    """What was found in one frame: core labels, shed material, both (y, x), and `measure`'s table.

    `index` is the place of the frame on the leading axes, empty for a plain image; `confidence`
    that of the segmentation, NaN for masks that a person drew.
    """

    index: tuple[int, ...]
    core: NDArray[np.int32]
    shed: NDArray[np.bool_]
    table: pd.DataFrame
    confidence: float


@dataclass(frozen=True)
class FrameAxis:
    """An axis before y and x: `time`, `channel`, `z`, or `frame` where the layer does not say.

    `hours` is the length of its step, for time of known unit.
    """

    name: str
    hours: float | None = None


def pixel_size_of(scale: Sequence[float], units: Sequence[Any]) -> tuple[float | None, str]:
    """Tell the pixel size of a layer in um, or None, and say in a sentence how it is known.

    `units` are pint units or their names.
    """
    import pint

    registry: Any = pint.get_application_registry()
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


def frame_axes(
    labels: Sequence[str], scale: Sequence[float], units: Sequence[Any], ndim: int, rgb: bool
) -> tuple[FrameAxis, ...]:
    """Say what the axes before y and x are, from a layer's labels, scale and units."""
    import pint

    registry: Any = pint.get_application_registry()
    count = ndim - (3 if rgb else 2)
    found = []
    for n in range(count):
        label = str(labels[n]) if n < len(labels) else ""
        label = "" if label.lstrip("-").isdigit() or label.startswith("axis") else label
        short = label.split(" ")[0].lower()
        hours = None
        if short in ("t", "time"):
            try:
                hours = float((abs(scale[n]) * registry.Unit(str(units[n]))).to("hour").magnitude)
            except (pint.DimensionalityError, pint.UndefinedUnitError, ValueError, AttributeError):
                hours = None
        kind = {"t": "time", "time": "time", "c": "channel", "channel": "channel", "z": "z"}
        name = kind.get(short, short)
        found.append(FrameAxis(name or ("frame" if count == 1 else f"frame_{n}"), hours))
    return tuple(found)


def find_in_frames(
    data: Any,
    indices: Sequence[tuple[int, ...]],
    pixel_size_um: float | None,
    parameters: Parameters,
    masks: tuple[Any, Any] | None = None,
) -> Iterator[FrameResult]:
    """Segment and measure frames of a layer (..., y, x) or (..., y, x, 3|4), one after the other.

    An index of `WHOLE` on an axis means all of its planes, which become one as `images.z` says.
    With `masks` (core labels and shed material) these are measured, and nothing is segmented.
    """
    for index in indices:
        image = _one_plane(data, index, parameters)
        if masks is None:
            found = segment(
                image, pixel_size_um, parameters.segmentation.method.value, parameters.segmentation
            )
            confidence = found.confidence
        else:
            # Masks of a focus stack are the same in every plane.
            first = tuple(0 if n == WHOLE else n for n in index)
            core, shed = (np.asarray(mask[first] if first else mask) for mask in masks)
            # `measure` wants a confidence; that of painted masks is not known.
            found = Segmentation(core.astype(np.int32), shed > 0, 1.0, "corrected")
            confidence = float("nan")
        table = measure(
            found, image, pixel_size_um, assay=parameters.plate.assay,
            parameters=parameters.measurement,
        )  # fmt: skip
        yield FrameResult(index, found.core, found.shed, table, confidence)


def _one_plane(data: Any, index: tuple[int, ...], parameters: Parameters) -> NDArray[Any]:
    if WHOLE not in index:
        return np.asarray(data[index] if index else data)
    at = index.index(WHOLE)
    planes = (np.asarray(data[(*index[:at], n, *index[at + 1 :])]) for n in range(data.shape[at]))
    return combine_z(planes, parameters.images.z)


def features_of(
    results: Sequence[FrameResult],
    pixel_size_um: float | None,
    assay: str,
    axes: Sequence[FrameAxis] = (),
) -> tuple[pd.DataFrame, dict[tuple[int, ...], dict[int, int]]]:
    """Make the table of features, and say which label each body gets in the layer.

    Numbers go on from frame to frame, so that each row of the table is one body in one frame; its
    column `index` is the label in the layer, as napari wants it. In `single` all pieces of a
    frame's spheroid share one number. Columns in um are left out without a pixel size. Labels come
    as frame -> label of the segmenter -> label in the layer; label 0 means all.
    """
    lines: list[dict[str, Any]] = []
    numbers: dict[tuple[int, ...], dict[int, int]] = {}
    following = 1
    columns = [
        name
        for name in measured_columns(assay)
        if name not in ("label", "confidence", "n_spheroids", "pixel_size_um")
        and (pixel_size_um is not None or not name.endswith(("_um", "_um2", "_um3")))
    ]
    for result in results:
        of_frame: dict[int, int] = {}
        for _, row in result.table.iterrows():
            body = 0 if assay == "single" else int(row["label"])
            of_frame[body] = following
            place = _place(result.index, axes)
            known = {"confidence": result.confidence}
            lines.append(
                {"index": following, **place, **{name: row[name] for name in columns}, **known}
            )
            following += 1
        numbers[result.index] = of_frame
    return pd.DataFrame(lines, columns=None if lines else ["index", *columns]), numbers


def _place(index: tuple[int, ...], axes: Sequence[FrameAxis]) -> dict[str, Any]:
    """Name the place of a frame by the axes of its layer, time in hours where that is known."""
    if len(axes) != len(index):
        return (
            {"frame": index[0]}
            if len(index) == 1
            else {f"frame_{n}": i for n, i in enumerate(index)}
        )
    found: dict[str, Any] = {}
    for at, axis in zip(index, axes, strict=True):
        if at == WHOLE:
            continue
        # The column of a time without unit counts frames and must not look like hours.
        name = "frame" if axis.name == "time" else axis.name
        found[name if name not in found else f"{name}_2"] = at
        if axis.hours is not None:
            found["time_h"] = at * axis.hours
    return found
