"""Metadata of an OME-Zarr plate in the words of OME-NGFF 0.4 and 0.5.

The two differ in where things stand: 0.5 keeps all of it below `ome`, with one `version`; 0.4 has a
`version` in each part. In 0.5 the version must also stand in the group of labels, which many
writers leave out and readers then refuse.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from spheroid_qc.run.overlays.draw_overlay import CORE_COLOUR, SHED_COLOUR

ZarrVersion = Literal["0.4", "0.5"]
ZARR_VERSIONS: tuple[ZarrVersion, ...] = ("0.4", "0.5")
LABELS = ("core", "shed")
_COLOURS = {"core": [*CORE_COLOUR, 128], "shed": [*SHED_COLOUR, 128]}
"""As in overlays and panels; every label that isn't named has the first."""


@dataclass(frozen=True)
class ZarrGrid:
    """What all images of a plate have in common.

    Parameters
    ----------
    version : str
        `0.4` or `0.5`.
    n_times : int
    hours : tuple of float
        Of all times; empty where nothing told them.
    channels : tuple of str
        Names, first the one that shows the spheroid.
    shapes : tuple of (int, int)
        Rows and columns of each level, from the largest.
    dtype : str
        Of images.
    window : tuple of float
        Grey values that are shown black and white.
    """

    version: ZarrVersion
    n_times: int
    hours: tuple[float, ...]
    channels: tuple[str, ...]
    shapes: tuple[tuple[int, int], ...]
    dtype: str
    window: tuple[float, float]

    @property
    def zarr_format(self) -> Literal[2, 3]:
        """Version of Zarr that it is written in."""
        return 2 if self.version == "0.4" else 3


def plate_attributes(
    grid: ZarrGrid, name: str, wells: Sequence[str], fields: int
) -> dict[str, Any]:
    """Attributes of the plate: rows, columns and the path of every well."""
    places = [(well.rstrip("0123456789"), str(int(well.lstrip(_LETTERS)))) for well in wells]
    rows = sorted({row for row, _ in places}, key=lambda row: (len(row), row))
    columns = sorted({column for _, column in places}, key=int)
    plate = {
        "name": name,
        "rows": [{"name": row} for row in rows],
        "columns": [{"name": column} for column in columns],
        "wells": [
            {
                "path": f"{row}/{column}",
                "rowIndex": rows.index(row),
                "columnIndex": columns.index(column),
            }
            for row, column in places
        ],
        "field_count": fields,
    }
    return _part(grid.version, "plate", plate)


_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def well_path(well: str) -> str:
    """Path of a well in its plate: A01 is A/1."""
    return f"{well.rstrip('0123456789')}/{int(well.lstrip(_LETTERS))}"


def well_attributes(version: ZarrVersion, fields: int) -> dict[str, Any]:
    """Attributes of a well: its images, one a field."""
    return _part(version, "well", {"images": [{"path": str(n)} for n in range(fields)]})


def image_attributes(grid: ZarrGrid, name: str, pixel_size_um: float | None) -> dict[str, Any]:
    """Attributes of an image with the axes t, c, y, x."""
    return _image(grid, name, pixel_size_um, "tcyx")


def labels_attributes(version: ZarrVersion) -> dict[str, Any]:
    """Attributes of the group that holds the labels."""
    labels = {"labels": list(LABELS)}
    return labels if version == "0.4" else {"ome": {"version": version, **labels}}


def label_attributes(grid: ZarrGrid, name: str, pixel_size_um: float | None) -> dict[str, Any]:
    """Attributes of a label image with the axes t, y, x."""
    label = {
        "version": grid.version,
        "colors": [{"label-value": 1, "rgba": _COLOURS[name]}],
        "source": {"image": "../../"},
    }
    return _image(grid, name, pixel_size_um, "tyx", {"image-label": label})


def _part(version: ZarrVersion, name: str, content: Mapping[str, Any]) -> dict[str, Any]:
    versioned = {**content, "version": version}
    return {name: versioned} if version == "0.4" else {"ome": {"version": version, name: versioned}}


def _image(
    grid: ZarrGrid,
    name: str,
    pixel_size_um: float | None,
    axes: str,
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    steps = np.diff(grid.hours)
    # The format knows only times at even steps; others stand in attributes of our own.
    even = steps.size > 0 and bool(np.allclose(steps, steps[0], rtol=1e-4))
    kinds = {
        "t": {"type": "time", **({"unit": "hour"} if even else {})},
        "c": {"type": "channel"},
        # Without a unit one means one pixel, never one micrometre.
        **{axis: {"type": "space", **_unit(pixel_size_um)} for axis in "yx"},
    }
    size = pixel_size_um or 1.0
    datasets = []
    for level in range(len(grid.shapes)):
        # The centre of the first block lies half a block away from that of its first pixel.
        side = size * 2**level
        scale = {"t": float(steps[0]) if even else 1.0, "c": 1.0, "y": side, "x": side}
        start = {
            "t": grid.hours[0] if even else 0.0,
            "c": 0.0,
            **dict.fromkeys("yx", (side - size) / 2),
        }
        datasets.append(
            {
                "path": str(level),
                "coordinateTransformations": [
                    {"type": "scale", "scale": [scale[axis] for axis in axes]},
                    {"type": "translation", "translation": [start[axis] for axis in axes]},
                ],
            }
        )
    multiscale: dict[str, Any] = {
        "name": name,
        "axes": [{"name": axis, **kinds[axis]} for axis in axes],
        "datasets": datasets,
    }
    content: dict[str, Any] = dict(more or {})
    if axes == "tcyx":
        multiscale["type"] = "mean"
        content["omero"] = {"version": grid.version, "name": name, "channels": _channels(grid)}
    if grid.version == "0.4":
        return {"multiscales": [{**multiscale, "version": grid.version}], **content}
    return {"ome": {"version": grid.version, "multiscales": [multiscale], **content}}


def _unit(pixel_size_um: float | None) -> dict[str, str]:
    return {} if pixel_size_um is None else {"unit": "micrometer"}


def _channels(grid: ZarrGrid) -> list[dict[str, Any]]:
    low, high = grid.window
    kind = np.dtype(grid.dtype)
    whole = kind.kind in "ui"
    least = float(np.iinfo(kind).min) if whole else low
    most = float(np.iinfo(kind).max) if whole else high
    window = {"min": least, "max": most, "start": low, "end": high}
    colours = ("FFFFFF", "00FF00", "FF00FF", "00FFFF", "FF0000", "0000FF", "FFFF00")
    return [
        {
            "label": name or "image",
            "color": colours[n % len(colours)],
            "active": n == 0,
            # Grey values of the first channel say nothing about the others.
            "window": window if n == 0 else {**window, "start": least, "end": most},
        }
        for n, name in enumerate(grid.channels)
    ]
