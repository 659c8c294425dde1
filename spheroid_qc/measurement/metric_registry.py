"""The list of everything that is measured.

A metric is one function of a `Spheroid` and one line here. The function returns pixels, numbers
or grey values; a line says in which columns they appear, and the table does the units.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from spheroid_qc.measurement import disintegration, intensity, shape
from spheroid_qc.measurement.cut_out_spheroid import Spheroid


@dataclass(frozen=True)
class Column:
    """One column of the table; the name ends in its unit (empty for a pure number), if any.

    The metric's value is multiplied by the pixel size to the power `power`; the column is empty
    without a pixel size unless that is 0.
    """

    name: str
    unit: str
    description: str
    power: int = 0


@dataclass(frozen=True)
class Metric:
    """A function from a `Spheroid` to a number in pixels (NaN where undefined), and its columns.

    `spheres` is False where the metric has no meaning for one sphere among many; the column is
    empty in the `spheres` assay.
    """

    function: Callable[[Spheroid], float]
    columns: tuple[Column, ...]
    spheres: bool = True


def _size(
    name: str, power: int, function: Callable[[Spheroid], float], spheres: bool = True
) -> Metric:
    """Describe a length, area or volume, once in um and once in px."""
    exponent = "" if power == 1 else str(power)
    line = (function.__doc__ or "").splitlines()[0]
    pixels = "px" if power < 3 else f"px{power}"
    return Metric(
        function,
        (
            Column(f"{name}_um{exponent}", f"um{exponent}", line, power),
            Column(f"{name}_{pixels}", f"px{exponent}", line),
        ),
        spheres,
    )


def _number(
    name: str, function: Callable[[Spheroid], float], unit: str = "", spheres: bool = True
) -> Metric:
    line = (function.__doc__ or "").splitlines()[0]
    return Metric(function, (Column(name, unit, line),), spheres)


def n_spheroids(body: Spheroid) -> int:
    """1 where there is a core, however many pieces it has; 0 otherwise."""
    return int(body.main_area > 0)


def label(body: Spheroid) -> int:
    """Tell the sphere's number in the core's label image; in `single` 1, or 0 without a core."""
    return body.label


def centroid_y(body: Spheroid) -> float:
    """Row of C1's centroid in the frame, in px from the centre of the first pixel."""
    return body.main_centroid[0]


def centroid_x(body: Spheroid) -> float:
    """Column of C1's centroid in the frame, in px from the centre of the first pixel."""
    return body.main_centroid[1]


def touches_border(body: Spheroid) -> int:
    """1 where C1 reaches the edge of the frame: its metrics are those of the visible part."""
    if not body.main_area:
        return 0
    y, x = body.main_box
    height, width = body.image.shape
    return int(y.start == 0 or x.start == 0 or y.stop == height or x.stop == width)


def pixel_size(body: Spheroid) -> float:
    """Pixel size that the um columns were made with."""
    return body.pixel_size_um


REGISTRY: dict[str, Metric] = {
    "n_spheroids": _number("n_spheroids", n_spheroids),
    "core_area": _size("core_area", 2, shape.core_area),
    "total_area": _size("total_area", 2, shape.total_area),
    "shed_area": _size("shed_area", 2, shape.shed_area, spheres=False),
    "equivalent_diameter": _size("equivalent_diameter", 1, shape.equivalent_diameter),
    "volume": _size("volume", 3, shape.volume),
    "circularity": _number("circularity", shape.circularity),
    "solidity": _number("solidity", shape.solidity),
    "disintegration_fraction": _number(
        "disintegration_fraction", disintegration.disintegration_fraction, spheres=False
    ),
    "disintegration_index": _number(
        "disintegration_index", disintegration.disintegration_index, spheres=False
    ),
    "reach": _number("reach", disintegration.reach, "core radii", spheres=False),
    "fragment_count": _number("fragment_count", disintegration.fragment_count, spheres=False),
    "fragment_count_all": _number(
        "fragment_count_all", disintegration.fragment_count_all, spheres=False
    ),
    "largest_fragment_fraction": _number(
        "largest_fragment_fraction", disintegration.largest_fragment_fraction, spheres=False
    ),
    "core_count": _number("core_count", shape.core_count, spheres=False),
    "core_total_area": _size("core_total_area", 2, shape.core_total_area),
    "perimeter": _size("perimeter", 1, shape.perimeter),
    "eccentricity": _number("eccentricity", shape.eccentricity),
    "feret_max": _size("feret_max", 1, shape.feret_max),
    "feret_min": _size("feret_min", 1, shape.feret_min),
    "contour_roughness": _number("contour_roughness", shape.contour_roughness),
    "rim_sharpness": _number("rim_sharpness", intensity.rim_sharpness),
    "mean_intensity": _number("mean_intensity", intensity.mean_intensity, "grey values"),
    "texture": _number("texture", intensity.texture),
    "integrated_optical_density": _number(
        "integrated_optical_density", intensity.integrated_optical_density, "OD px", spheres=False
    ),
    "focus_score": _number("focus_score", intensity.focus_score),
    "centroid_y": _number("centroid_y_px", centroid_y, "px"),
    "centroid_x": _number("centroid_x_px", centroid_x, "px"),
    "touches_border": _number("touches_border", touches_border),
    "label": _number("label", label),
    "pixel_size": _number("pixel_size_um", pixel_size, "um/px"),
}


def columns() -> tuple[Column, ...]:
    """All columns that metrics fill, in the order of the registry."""
    return tuple(column for metric in REGISTRY.values() for column in metric.columns)


def evaluate(body: Spheroid, *, spheres: bool = False) -> dict[str, float]:
    """Compute every metric of a body.

    Parameters
    ----------
    body : Spheroid
        One spheroid.
    spheres : bool
        Leave empty what has no meaning for one sphere among many.

    Returns
    -------
    dict of str to float or int
        One value for each column, in the order of the registry.
    """
    row: dict[str, float] = {}
    for metric in REGISTRY.values():
        value = np.nan if spheres and not metric.spheres else metric.function(body)
        for column in metric.columns:
            row[column.name] = value * body.pixel_size_um**column.power if column.power else value
    return row
