"""Outlines as GeoJSON that QuPath reads: a FeatureCollection a frame, in pixels.

A core is a feature, holes are interior rings, and all shed material of a frame is one feature of
several polygons. Coordinates are corners of pixels, as QuPath counts them.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.export.counted_run import CountedPicture, CountedRun
from spheroid_qc.export.export_names import plate_file_name
from spheroid_qc.export.picture_copies import copy_picture
from spheroid_qc.export.pixel_outlines import PixelOutline, Ring, pixel_outlines
from spheroid_qc.run.overlays.draw_overlay import CORE_COLOUR, SHED_COLOUR
from spheroid_qc.run.well.load_images import OpenFile

_COLOURS = {"core": [*CORE_COLOUR], "shed": [*SHED_COLOUR]}


def write_geojson(
    run: CountedRun, target: Path, done: Callable[[str, int], None], *, copy_images: bool
) -> list[str]:
    """Write a file for every frame, in a folder a plate.

    Parameters
    ----------
    run : CountedRun
        Where it comes from.
    target : Path
        A folder, which is filled.
    done : callable
        Called with every finished well and its number of pictures.
    copy_images : bool
        Write each picture beside its file.

    Returns
    -------
    list of str
        Sentences on pictures that had to be left out.
    """
    for plate in run.plates:
        (target / plate_file_name(plate)).mkdir()

    def write(
        picture: CountedPicture, core: NDArray[np.int32], shed: NDArray[np.bool_], files: OpenFile
    ) -> None:
        path = target / plate_file_name(picture.plate) / f"{picture.name}.geojson"
        if copy_images:
            copy_picture(run, picture, path.with_suffix(".tif"), files)
        found = _collection(picture, core, shed, copied=copy_images)
        path.write_text(json.dumps(found) + "\n", "utf-8", newline="\n")

    return run.for_each_picture(write, done)


def _collection(
    picture: CountedPicture, core: NDArray[np.int32], shed: NDArray[np.bool_], *, copied: bool
) -> dict[str, Any]:
    parts = [("core", n, core == n) for n in np.unique(core[core > 0]).tolist()]
    features = [
        _feature(picture, kind, number, mask, copied=copied)
        for kind, number, mask in [*parts, ("shed", 0, shed)]
        if mask.any()
    ]
    facts = picture.facts()
    return {"type": "FeatureCollection", "features": features, "spheroid_qc": facts}


def _feature(
    picture: CountedPicture, kind: str, number: int, mask: NDArray[np.bool_], *, copied: bool
) -> dict[str, Any]:
    geometry = _geometry(pixel_outlines(mask))
    page = picture.record["page"]
    if page is not None and not copied:
        # The image is one of several times in its file.
        geometry["plane"] = {"c": -1, "z": 0, "t": int(page)}
    area = float(np.count_nonzero(mask))
    size = picture.pixel_size_um
    measurements = {"area px^2": area}
    if size is not None:
        measurements |= {"area um^2": area * size**2, "pixel size um": size}
    name = f"{picture.name} {kind}" + (f" {number}" if number else "")
    told = {
        name: ";".join(value) if isinstance(value, list) else str(value)
        for name, value in picture.facts().items()
        if value not in (None, "", [])
    }
    place = f"{picture.plate}/{picture.name}/{kind}/{number}"
    return {
        "type": "Feature",
        # The same object has the same identity in every export.
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, place.encode("unicode_escape").decode())),
        "geometry": geometry,
        "properties": {
            "objectType": "annotation",
            "name": name + (" (excluded)" if picture.excluded else ""),
            "classification": {"name": kind, "color": _COLOURS[kind]},
            "measurements": measurements,
            "metadata": told,
        },
    }


def _geometry(outlines: Sequence[PixelOutline]) -> dict[str, Any]:
    polygons = [[_closed(ring) for ring in outline.rings] for outline in outlines]
    if len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}


def _closed(ring: Ring) -> list[list[int]]:
    points: list[list[int]] = ring.tolist()
    return [*points, points[0]]
