"""Small files of instruments' formats and OME-Zarr, written by the tests that read them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray


def spheroid(shift: int = 0, *, size: int = 96, radius: int = 24) -> NDArray[np.uint16]:
    """A dark, grainy disc on a bright, noisy ground; `shift` moves it, so that planes differ."""
    rng = np.random.default_rng(shift)
    y, x = np.mgrid[:size, :size]
    inside = (y - size / 2) ** 2 + (x - size / 2 - shift) ** 2 < radius**2
    pixels = 30_000 - 15_000 * inside + rng.normal(0, 300 + 1200 * inside, inside.shape)
    return pixels.clip(0, 65_535).astype(np.uint16)


def write_czi(
    path: Path,
    *,
    scenes: int = 1,
    times: int = 1,
    channels: Sequence[str] = ("BF",),
    pixel_m: float = 6.5e-7,
    scene_xml: str = "",
    increment_s: float | None = None,
) -> Path:
    """Write a CZI; `scene_xml` are the `Scene` elements that ZEN would write."""
    czi = pytest.importorskip("pylibCZIrw.czi", reason="the extra `formats` is not installed")
    with czi.create_czi(str(path)) as file:
        for scene in range(scenes):
            for time in range(times):
                for channel in range(len(channels)):
                    file.write(
                        spheroid(10 * scene + 3 * time + channel)[..., None],
                        plane={"T": time, "C": channel, "Z": 0},
                        scene=scene,
                        location=(200 * scene, 0),
                    )
        file.write_metadata(
            document_name="made",
            channel_names=dict(enumerate(channels)),
            scale_x=pixel_m,
            scale_y=pixel_m,
        )
    if scene_xml or increment_s is not None:
        with czi.edit_czi(str(path)) as editor, editor.edit_session() as builder:
            xml = builder.get_xml()
            more = f"<S><Scenes>{scene_xml}</Scenes></S>"
            if increment_s is not None:
                more += (
                    "<T><Positions><Interval><Start>0</Start>"
                    f"<Increment>{increment_s}</Increment></Interval></Positions></T>"
                )
            builder.set_xml(xml.replace("</Dimensions>", f"{more}</Dimensions>"))
    return path


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def write_group(path: Path, ome: Mapping[str, Any], version: str) -> None:
    """Write the metadata of a group."""
    if version == "0.5":
        attributes = {"ome": {"version": "0.5", **ome}}
        _write_json(
            path / "zarr.json",
            {"zarr_format": 3, "node_type": "group", "attributes": attributes},
        )
    else:
        _write_json(path / ".zgroup", {"zarr_format": 2})
        _write_json(path / ".zattrs", ome)


def multiscales(
    axes: str, *, um: float | None = 0.65, hours: float | None = 6.0, version: str = "0.5"
) -> dict[str, Any]:
    """What OME says of an image with one level."""
    kinds = {"t": "time", "c": "channel"}
    listed: list[dict[str, str]] = []
    scale = []
    for axis in axes:
        one = {"name": axis, "type": kinds.get(axis, "space")}
        if axis in "zyx" and um is not None:
            one["unit"] = "micrometer"
        if axis == "t" and hours is not None:
            one["unit"] = "hour"
        listed.append(one)
        scale.append((um or 1.0) if axis in "zyx" else (hours or 1.0) if axis == "t" else 1.0)
    steps = [{"type": "scale", "scale": scale}]
    found: dict[str, Any] = {
        "axes": listed,
        "datasets": [{"path": "0", "coordinateTransformations": steps}],
    }
    if version == "0.4":
        found["version"] = "0.4"
    return {"multiscales": [found]}


def write_zarr_image(
    path: Path,
    stack: NDArray[Any],
    axes: str,
    *,
    version: str = "0.5",
    labels: bool = False,
    channels: Sequence[str] = (),
    **options: Any,
) -> Path:
    """Write one OME-Zarr image, with a label image beside it if wished."""
    zarr = pytest.importorskip("zarr", reason="the extra `zarr` is not installed")
    ome = multiscales(axes, version=version, **options)
    if channels:
        ome["omero"] = {"channels": [{"label": name} for name in channels]}
    write_group(path, ome, version)
    chunks = (*(1 for _ in stack.shape[:-2]), *stack.shape[-2:])
    array = zarr.create_array(
        store=str(path / "0"),
        shape=stack.shape,
        chunks=chunks,
        dtype=stack.dtype,
        zarr_format=3 if version == "0.5" else 2,
        overwrite=True,
    )
    array[...] = stack
    if labels:
        write_group(path / "labels", {"labels": ["core"]}, version)
        core = (stack < 22_000).astype(np.uint8)
        write_zarr_image(path / "labels" / "core", core, axes, version=version)
    return path


def write_zarr_plate(
    path: Path,
    wells: Mapping[str, Sequence[NDArray[Any]]],
    *,
    version: str = "0.5",
    axes: str = "tyx",
    name: str = "P1",
    acquisitions: Sequence[Mapping[str, Any]] = (),
    acquisition_of: Sequence[int] = (),
    **options: Any,
) -> Path:
    """Write an OME-Zarr plate: images by well (`B/2`), one for each field."""
    rows = sorted({well.partition("/")[0] for well in wells})
    columns = sorted({well.partition("/")[2] for well in wells})
    plate: dict[str, Any] = {
        "name": name,
        "rows": [{"name": row} for row in rows],
        "columns": [{"name": column} for column in columns],
        "wells": [
            {
                "path": well,
                "rowIndex": rows.index(well.partition("/")[0]),
                "columnIndex": columns.index(well.partition("/")[2]),
            }
            for well in wells
        ],
    }
    if version == "0.4":
        plate["version"] = "0.4"
    if acquisitions:
        plate["acquisitions"] = list(acquisitions)
    write_group(path, {"plate": plate}, version)
    for well, fields in wells.items():
        images: list[dict[str, Any]] = [{"path": str(number)} for number in range(len(fields))]
        for image, acquisition in zip(images, acquisition_of, strict=False):
            image["acquisition"] = acquisition
        row = path / well.partition("/")[0]
        if not row.exists():
            write_group(row, {}, version)
        write_group(path / well, {"well": {"images": images}}, version)
        for number, stack in enumerate(fields):
            write_zarr_image(path / well / str(number), stack, axes, version=version, **options)
    return path


def write_series(
    path: Path, stacks: Sequence[NDArray[Any]], names: Sequence[str] = (), axes: str = "YX"
) -> Path:
    """Write an OME-TIFF with several images."""
    with tifffile.TiffWriter(path, ome=True) as file:
        for number, stack in enumerate(stacks):
            about: dict[str, Any] = {
                "axes": axes,
                "PhysicalSizeX": 0.65,
                "PhysicalSizeXUnit": "µm",
                "PhysicalSizeY": 0.65,
                "PhysicalSizeYUnit": "µm",
            }
            if names:
                about["Name"] = names[number]
            file.write(stack, metadata=about)
    return path
