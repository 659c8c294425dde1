"""Masks of one frame -> rows of numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from spheroid_qc.measurement.disintegration import interval_around
from spheroid_qc.measurement.masked_frame import MaskedFrame, masked_frame
from spheroid_qc.measurement.metric_registry import REGISTRY, columns, evaluate
from spheroid_qc.parameters import Assay, MeasurementParameters
from spheroid_qc.segmentation.segmentation_result import Segmentation

if TYPE_CHECKING:
    import pandas as pd


INTERVAL_COLUMNS = ("disintegration_fraction_low", "disintegration_fraction_high")
"""90 % interval of the disintegration fraction of the frame, from doubt about its masks."""

COLUMNS: tuple[str, ...] = (
    *(column.name for column in columns()),
    *INTERVAL_COLUMNS,
    "confidence",
)


def measured_columns(assay: Assay | str = Assay.SINGLE) -> tuple[str, ...]:
    """Columns of `measure` that can hold a value in an assay.

    Parameters
    ----------
    assay : {"single", "spheres"}
        What a well holds.

    Returns
    -------
    tuple of str
        In the order of the table.
    """
    spheres = Assay(assay) is Assay.SPHERES
    names = [
        column.name
        for metric in REGISTRY.values()
        if metric.spheres or not spheres
        for column in metric.columns
    ]
    return (*names, *(() if spheres else INTERVAL_COLUMNS), "confidence")


def measure(
    segmentation: Segmentation,
    image: NDArray[Any],
    pixel_size_um: float | None = None,
    *,
    assay: Assay | str = Assay.SINGLE,
    parameters: MeasurementParameters | None = None,
) -> pd.DataFrame:
    """Measure the spheroid, or every sphere, of one frame.

    Parameters
    ----------
    segmentation : Segmentation
        Core labels and shed mask, shape (y, x).
    image : ndarray, shape (y, x) or (y, x, 3|4), any numeric dtype
        The frame the masks were made from. Values that are not finite are background.
    pixel_size_um : float, optional
        Size of one pixel in um. None: columns in um are empty, those in px hold the numbers.
    assay : {"single", "spheres"}
        `single`: exactly one row, also when nothing was found. `spheres`: one row for each
        core label, none for an empty frame; shed material belongs to no sphere.
    parameters : MeasurementParameters, optional
        Smallest fragment and smallest core.

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS`; units stand in their names and in `REGISTRY`.

    Raises
    ------
    RequestError
        If masks and image do not fit together, or the pixel size is not a positive number.

    Examples
    --------
    A core of 40 pixels across inside a cloud of twice that: three quarters came off.

    >>> import numpy as np
    >>> from spheroid_qc import Segmentation, measure
    >>> y, x = np.mgrid[:128, :128]
    >>> r = np.hypot(y - 64, x - 64)
    >>> drawn = Segmentation((r < 20).astype(np.int32), (r >= 20) & (r < 40), 1.0, "drawn")
    >>> table = measure(drawn, np.where(r < 20, 90, 180), pixel_size_um=2.0)
    >>> table[["core_area_um2", "disintegration_fraction"]].round(2)
       core_area_um2  disintegration_fraction
    0         4980.0                     0.75
    """
    import pandas as pd

    rows = measure_rows(segmentation, image, pixel_size_um, assay=assay, parameters=parameters)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def measure_rows(
    segmentation: Segmentation,
    image: NDArray[Any],
    pixel_size_um: float | None = None,
    *,
    assay: Assay | str = Assay.SINGLE,
    parameters: MeasurementParameters | None = None,
) -> list[dict[str, float]]:
    """Measure one frame without building a table; see `measure` for the arguments.

    Returns
    -------
    list of dict
        One dictionary of numbers for each row of the table.

    Raises
    ------
    RequestError
        As in `measure`.
    """
    scene = masked_frame(segmentation, image, pixel_size_um, parameters)
    return rows_of(scene, assay, segmentation)


def rows_of(
    scene: MaskedFrame, assay: Assay | str, segmentation: Segmentation
) -> list[dict[str, float]]:
    """Measure a frame whose masks fit; see `measure_rows`.

    Of `segmentation`, which the scene was made of, only what it says of its masks is read.
    """
    rows: list[dict[str, float]] = []
    if Assay(assay) is Assay.SPHERES:
        from scipy import ndimage

        for number, place in enumerate(ndimage.find_objects(scene.core), start=1):
            if place is not None:
                at = place[0], place[1]
                mask = scene.core[at] == number
                sphere = scene.body(mask, mask, at, number, contiguous=False)
                rows.append(evaluate(sphere, spheres=True))
    else:
        rows.append(evaluate(scene.whole))
    for row in rows:
        ends = interval_around(row["disintegration_fraction"], segmentation.disintegration_interval)
        row |= zip(INTERVAL_COLUMNS, ends, strict=True)
        row["confidence"] = float(segmentation.confidence)
    return rows
