"""A plate as OME-Zarr: images, labels of core and shed material, and tables.

One frame is held at a time. All wells have the same shape, type and levels, since viewers show a
plate as one mosaic: smaller pictures are filled up with zeros to the right and below, and
times without a picture are zeros; attributes of each image say what is there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.errors import ImageError, RequestError
from spheroid_qc.export.counted_run import CountedPicture, CountedRun
from spheroid_qc.export.zarr_metadata import (
    LABELS,
    ZarrGrid,
    ZarrVersion,
    image_attributes,
    label_attributes,
    labels_attributes,
    plate_attributes,
    well_attributes,
    well_path,
)
from spheroid_qc.run.tables.table_columns import WHOLE
from spheroid_qc.run.well.load_images import OpenFile
from spheroid_qc.tables.csv_writer import write_table

if TYPE_CHECKING:
    import zarr

_SMALLEST = 256
"""Longer side of the last level, px: 24 wells of a 384-well plate side by side fill a screen."""

_CHUNK = 1024
"""Longest side of a chunk, px: a megapixel of two bytes is what others write too."""

_LABEL_TYPE = "uint32"
"""Of both labels, as most programs write them: no number of bodies is too large."""


@dataclass(frozen=True)
class ZarrPlateOptions:
    """How a plate is written: version of OME-NGFF, and whether pixels are copied."""

    version: ZarrVersion = "0.5"
    copy_images: bool = True


def require_zarr() -> None:
    """Raise `RequestError` if the library is not installed."""
    try:
        import zarr

        newest = int(zarr.__version__.partition(".")[0]) >= 3
    except ImportError:
        newest = False
    if not newest:
        raise RequestError(
            "OME-Zarr needs the library zarr, version 3 or later: pip install 'spheroid_qc[zarr]'."
        )


def write_zarr_plate(
    run: CountedRun,
    plate: str,
    target: Path,
    options: ZarrPlateOptions,
    marks: dict[str, Any],
    done: Callable[[str, int], None],
) -> list[str]:
    """Write one plate.

    Parameters
    ----------
    run : CountedRun
        Where it comes from.
    plate : str
        Which.
    target : Path
        A folder, which is filled.
    options : ZarrPlateOptions
        How.
    marks : dict
        What is said of the export in the attributes of the plate.
    done : callable
        Called with every finished well and its number of pictures.

    Returns
    -------
    list of str
        Sentences on pictures that had to be left out.
    """
    import zarr

    wells = run.wells(plate)
    fields = run.fields(plate)
    grid = _grid(run, plate, options)
    attributes = plate_attributes(grid, plate, wells, len(fields))
    root = zarr.create_group(store=str(target), zarr_format=grid.zarr_format)
    problems: list[str] = []
    for row in dict.fromkeys(well.rstrip("0123456789") for well in wells):
        root.create_group(row)
    for well in wells:
        group = root.create_group(well_path(well))
        pictures = run.pictures(plate, well)
        left_out = bool(pictures) and all(picture.excluded for picture in pictures)
        group.attrs.update(
            {
                **well_attributes(grid.version, len(fields)),
                "spheroid_qc": {"well": well, "excluded": left_out},
            }
        )
        for n, field in enumerate(fields):
            of_field = [picture for picture in pictures if picture.place == n]
            image = group.create_group(str(n))
            # Viewers call the mosaic of a plate like its first image.
            name = plate if len(fields) == 1 else f"{plate} field {field}"
            problems += _write_image(run, grid, image, name, of_field, copy=options.copy_images)
        done(well, len(pictures))
    _write_tables(run, plate, root, target)
    # Last, so that nothing takes an unfinished folder for a plate.
    root.attrs.update({**attributes, "spheroid_qc": marks})
    return problems


def _grid(run: CountedRun, plate: str, options: ZarrPlateOptions) -> ZarrGrid:
    """Find what all images of a plate have in common; reads records, and one picture."""
    height = width = 1
    kinds: set[np.dtype[Any]] = set()
    channels: set[str] = set()
    first: CountedPicture | None = None
    for well in run.wells(plate):
        for picture in run.pictures(plate, well):
            first = first or picture
            height, width = max(height, picture.shape[0]), max(width, picture.shape[1])
            kinds.update(map(np.dtype, picture.dtypes))
            channels.update(picture.record["fluorescence"])
    if first is None:
        raise RequestError(
            f"Plate {plate} holds no picture with masks; there is nothing to export."
        )
    shapes = [(height, width)]
    while max(shapes[-1]) > _SMALLEST:
        shapes.append(((shapes[-1][0] + 1) // 2, (shapes[-1][1] + 1) // 2))
    return ZarrGrid(
        version=options.version,
        n_times=len(run.times(plate)),
        hours=run.hours(plate),
        channels=(first.well_timepoint.channel, *sorted(channels)),
        shapes=tuple(shapes),
        dtype=np.result_type(*kinds).name,
        window=_window(run, first) if options.copy_images else (0.0, 1.0),
    )


def _window(run: CountedRun, picture: CountedPicture) -> tuple[float, float]:
    """Grey values to be shown black and white in all wells, from one picture of the plate."""
    try:
        with OpenFile() as files:
            pixels = run.image(picture, files).pixels
    except ImageError:
        return 0.0, 1.0
    seen = pixels[np.isfinite(pixels)]
    low, high = map(float, np.percentile(seen, (0.1, 99.9)) if seen.size else (0, 1))
    return low, max(high, low + 1)


def _write_image(
    run: CountedRun,
    grid: ZarrGrid,
    group: zarr.Group,
    name: str,
    pictures: list[CountedPicture],
    *,
    copy: bool,
) -> list[str]:
    """Write one field at all its times."""
    sizes = {picture.pixel_size_um for picture in pictures}
    # One scale for all times: where they differ, none is right, and each stands with its frame.
    size = sizes.pop() if len(sizes) == 1 else None
    times, channels = grid.n_times, len(grid.channels)
    images = _levels(group, grid, (times, channels), grid.dtype, "tcyx")
    labels = group.create_group("labels", attributes=labels_attributes(grid.version))
    masks: dict[str, list[zarr.Array[Any]]] = {}
    for label in LABELS:
        own = labels.create_group(label, attributes=label_attributes(grid, label, size))
        masks[label] = _levels(own, grid, (times,), _LABEL_TYPE, "tyx")
    problems, frames = [], []
    with OpenFile() as files:
        for picture in pictures:
            try:
                core, shed = run.masks(picture)
                planes = _planes(run, grid, picture, files) if copy else []
            except ImageError as error:
                problems.append(str(error))
                continue
            t = picture.timepoint
            for label, mask in zip(LABELS, (core, shed), strict=True):
                _fill(masks[label], (t,), mask.astype(_LABEL_TYPE), coarser=_every_second)
            for c, pixels in enumerate(planes):
                if pixels is not None:
                    _fill(images, (t, c), pixels.astype(grid.dtype), coarser=_mean_of_four)
            frames.append(
                {"t": t, "shape": list(picture.shape), **picture.facts(),
                 "pixels": "copied" if copy else "not copied"}
            )  # fmt: skip
    own_words = {"time_h": list(grid.hours), "frames": frames}
    group.attrs.update({**image_attributes(grid, name, size), "spheroid_qc": own_words})
    return problems


def _levels(
    group: zarr.Group, grid: ZarrGrid, leading: tuple[int, ...], dtype: str, axes: str
) -> list[zarr.Array[Any]]:
    """Create an array a level; frames are chunks of their own."""
    from zarr.codecs import ZstdCodec

    arrays = []
    for level, shape in enumerate(grid.shapes):
        more: dict[str, Any]
        if grid.zarr_format == 2:
            from numcodecs import Zstd

            more = {
                "chunk_key_encoding": {"name": "v2", "separator": "/"},
                "compressors": Zstd(level=3),
            }
        else:
            more = {"dimension_names": list(axes), "compressors": ZstdCodec(level=3)}
        arrays.append(
            group.create_array(
                str(level),
                shape=(*leading, *shape),
                chunks=(*(1 for _ in leading), *(min(side, _CHUNK) for side in shape)),
                dtype=dtype,
                fill_value=0,
                **more,
            )
        )
    return arrays


def _planes(
    run: CountedRun, grid: ZarrGrid, picture: CountedPicture, files: OpenFile
) -> list[NDArray[Any] | None]:
    """Read the channels in the plate's order; None where the picture lacks one."""
    image = run.image(picture, files, with_others=True)
    planes = [image.pixels, *(image.others.get(name) for name in grid.channels[1:])]
    for plane in planes:
        if plane is not None and not np.can_cast(plane.dtype, grid.dtype):
            raise ImageError(
                f"{picture.record['file']} has {plane.dtype} pixels, which the plate's "
                f"{grid.dtype} can't hold; it was left out."
            )
    return planes


def _fill(
    arrays: list[zarr.Array[Any]],
    place: tuple[int, ...],
    plane: NDArray[Any],
    coarser: Callable[[NDArray[Any]], NDArray[Any]],
) -> None:
    """Write a plane into all levels."""
    for level, array in enumerate(arrays):
        if level:
            plane = coarser(plane)
        if plane.any():
            array[(*place, slice(plane.shape[0]), slice(plane.shape[1]))] = plane


def _mean_of_four(plane: NDArray[Any]) -> NDArray[Any]:
    """Halve a picture; at an odd edge the last line counts twice."""
    even = np.pad(plane, [(0, side % 2) for side in plane.shape], mode="edge").astype(np.float64)
    mean = (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 4
    return (np.rint(mean) if plane.dtype.kind in "ui" else mean).astype(plane.dtype)


def _every_second(plane: NDArray[Any]) -> NDArray[Any]:
    """Halve labels without inventing any."""
    return plane[::2, ::2]


def _write_tables(run: CountedRun, plate: str, root: zarr.Group, target: Path) -> None:
    """Write the plate's rows of the tables: a group each with `table.csv`, as ngio reads them."""
    names = ("wells", "conditions", "qc")
    tables = root.create_group("tables", attributes={"tables": list(names)})
    for name in names:
        tables.create_group(
            name,
            attributes={"type": "condition_table", "table_version": "1", "backend": "csv"},
        )
        write_table(
            target / "tables" / name / "table.csv", run.table(name, plate), WHOLE.get(name, ())
        )
