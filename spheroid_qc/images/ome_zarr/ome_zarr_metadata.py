"""What an OME-Zarr says of its plate, wells and images, in versions 0.4 and 0.5.

What can be understood is taken; where something can't, `ome-zarr-models` says what the standard
asks for.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from spheroid_qc.errors import ImageError
from spheroid_qc.frames.held_images import HeldImage
from spheroid_qc.images.acquisition_dates import seconds_per
from spheroid_qc.images.ome_zarr.zarr_folder import ZarrFolder, ZarrNode
from spheroid_qc.images.pixel_size import length_in_um
from spheroid_qc.wells import parse_well

VERSIONS = ("0.4", "0.5")
MAX_WELLS = 1536
MAX_FIELDS = 10_000

_CODEC_NAMES = """
blosc zlib gzip zstd lz4 lzma bz2 delta shuffle fixedscaleoffset quantize bitround packbits crc32
crc32c adler32 fletcher32 astype bytes transpose sharding_indexed endian
"""
_CODECS = frozenset(_CODEC_NAMES.split())
"""Codecs that only make bytes of bytes. Others, such as `pickle`, could run what they find."""


@dataclass(frozen=True, slots=True)
class ZarrAxes:
    """The full-size array of an image: where it lies, its axes in order, and what they are.

    `sizes` are by axis (t, c, z, y, x); `scale` and `offset` in the units of `units`, empty where
    there are none. `hours` are those of all times, where a plate was exported by spheroid_qc: the
    standard knows even steps only.
    """

    place: str
    axes: tuple[str, ...]
    sizes: Mapping[str, int]
    dtype: str
    scale: Mapping[str, float]
    offset: Mapping[str, float]
    units: Mapping[str, str]
    channel_names: tuple[str, ...]
    hours: tuple[float, ...] = ()

    @property
    def pixel_um(self) -> tuple[float | None, float | None]:
        """Width and height of a pixel, um; None where the axes have no unit of length."""
        found = []
        for axis in "xy":
            unit = length_in_um(self.units.get(axis))
            found.append(
                None if unit is None or axis not in self.scale else self.scale[axis] * unit
            )
        return found[0], found[1]

    @property
    def step_h(self) -> float | None:
        """Hours from one time to the next; None where the axis has no unit of time."""
        unit = seconds_per(self.units.get("t"), math.nan)
        step = self.scale.get("t", 0.0)
        if unit is None or not unit > 0 or not step > 0:
            return None
        return step * unit / 3600

    @property
    def position_um(self) -> tuple[float, float] | None:
        """Place (x, y) of the image, um; None where it says nothing."""
        if not {"x", "y"} <= set(self.offset):
            return None
        units = [length_in_um(self.units.get(axis)) for axis in "xy"]
        if units[0] is None or units[1] is None:
            return None
        return self.offset["x"] * units[0], self.offset["y"] * units[1]


LeftOut = list[tuple[str, str]]
"""Places of what is listed and can't be read, and why, in finished sentences."""


def images_of(folder: ZarrFolder) -> tuple[list[HeldImage], LeftOut]:
    """List the images of a plate or a series, or the one image that the folder is.

    Labels are no images. `frame_bytes` are not looked up yet. What is listed and is not there
    comes second. Raises `ImageError` if the folder is none of these.
    """
    root = folder.node()
    if root is None:
        raise ImageError(
            f"{folder.name} can't be read: it has no Zarr metadata (.zgroup or zarr.json); copy "
            "the whole folder again."
        )
    ome = root.ome
    _check_version(folder, root)
    if "plate" in ome:
        return _of_plate(folder, root)
    if "multiscales" in ome:
        return [HeldImage(str(_first(ome["multiscales"]).get("name") or ""))], []
    layout = ome.get("bioformats2raw.layout")
    if layout is not None:
        return _of_series(folder)
    what = "a label image" if "image-label" in ome else "neither an image nor a plate of OME-Zarr"
    raise ImageError(
        f"{folder.name} can't be read: it is {what}; give the folder of the whole plate, or of an "
        "image."
    )


def _check_version(folder: ZarrFolder, node: ZarrNode) -> None:
    ome = node.ome
    plate = ome.get("plate")
    said = ome.get("version")
    if said is None and isinstance(plate, Mapping):
        said = plate.get("version")
    if said is None and "multiscales" in ome:
        said = _first(ome["multiscales"]).get("version")
    if said is not None and str(said) not in VERSIONS:
        raise ImageError(
            f"{folder.name} can't be read: it is OME-Zarr {said}, and versions 0.4 and 0.5 are "
            "read; write it in one of these."
        )


def _of_plate(folder: ZarrFolder, root: ZarrNode) -> tuple[list[HeldImage], LeftOut]:
    plate = root.ome["plate"]
    name, starts = "", {}
    try:
        name = str(plate.get("name") or "").strip()
        for one in plate.get("acquisitions") or ():
            starts[one["id"]] = _start(one.get("starttime"))
        wells = [str(one["path"]) for one in plate["wells"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise ImageError(_not_valid(folder, root, "hcs.HCSAttrs", error)) from None
    if len(wells) > MAX_WELLS:
        raise ImageError(
            f"{folder.name} can't be read: it lists {len(wells)} wells, more than any plate has."
        )
    held: list[HeldImage] = []
    left_out: LeftOut = []
    for place in wells:
        try:
            well, images = _images_of_well(folder, place)
        except ImageError as error:
            left_out.append((place, str(error)))
            continue
        rounds = {acquisition for _, acquisition in images}
        dated = [starts.get(one) for one in rounds]
        known = all(dated) and len(set(dated)) == len(dated)
        conflict = ""
        if len(rounds) > 1 and not known:
            conflict = (
                f"The plate has {len(rounds)} acquisitions and does not say when each was made: "
                "they may be times or rounds of staining. They are left out; give --name-pattern, "
                "or write the plate with starttime."
            )
        number: dict[object, int] = {}
        for path, acquisition in images[:MAX_FIELDS]:
            number[acquisition] = number.get(acquisition, 0) + 1
            held.append(
                HeldImage(
                    path,
                    name,
                    well,
                    number[acquisition],
                    f"{place}/{path}",
                    acquired=starts.get(acquisition) if len(rounds) > 1 else None,
                    conflict=conflict,
                )
            )
    if not held and not left_out:
        raise ImageError(f"{folder.name} can't be read: not one well of its plate has an image.")
    return held, left_out


def _images_of_well(folder: ZarrFolder, place: str) -> tuple[str, list[tuple[str, object]]]:
    """Name of a well, and path and acquisition of each of its images."""
    well = parse_well(place.replace("/", ""))
    if well is None:
        raise ImageError(
            f"{folder.name}: {place!r} in its plate is no well (A01 to AF48), and is left out."
        )
    node = folder.node(place)
    if node is None:
        raise ImageError(_not_there(folder, f"well {place} of its plate"))
    try:
        images = [(str(one["path"]), one.get("acquisition")) for one in node.ome["well"]["images"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise ImageError(_not_valid(folder, node, "well.WellAttrs", error)) from None
    return well.name, images


def _not_there(folder: ZarrFolder, what: str) -> str:
    return (
        f"{folder.name}: {what} is listed and not there: it was not written yet, or is lost; copy "
        "the whole folder again, or leave it out there."
    )


def _start(found: object) -> datetime | None:
    """Start of an acquisition, given in ms since 1970, or (by some writers) in s."""
    if not isinstance(found, int | float) or not found > 0:
        return None
    with contextlib.suppress(ValueError, OverflowError, OSError):
        at = datetime.fromtimestamp(found / 1000 if found > 1e11 else found, UTC)
        return at.replace(tzinfo=None)
    return None


def _of_series(folder: ZarrFolder) -> tuple[list[HeldImage], LeftOut]:
    """Images `0`, `1`, ... as bioformats2raw writes them."""
    held: list[HeldImage] = []
    left_out: LeftOut = []
    listed = folder.node("OME")
    series = listed.ome.get("series") if listed is not None else None
    places = [str(one) for one in series] if isinstance(series, list) else None
    for number in range(MAX_FIELDS if places is None else len(places)):
        place = str(number) if places is None else places[number]
        try:
            node = folder.node(place)
            if node is None and places is None and not folder.file(place).is_dir():
                break
            if node is None or "multiscales" not in node.ome:
                raise ImageError(_not_there(folder, f"image {place}"))
        except ImageError as error:
            left_out.append((place, str(error)))
            continue
        name = str(_first(node.ome["multiscales"]).get("name") or "")
        held.append(HeldImage(name, place=place))
    if not held and not left_out:
        raise ImageError(f"{folder.name} can't be read: it lists images that are not there.")
    return held, left_out


def axes_of(folder: ZarrFolder, place: str) -> ZarrAxes:
    """Read what an image says of its full-size array.

    Raises `ImageError` if it is not to be understood, or uses codecs that are not read.
    """
    node = folder.node(place)
    if node is None:
        raise ImageError(f"{folder.name} can't be read: {place or 'its image'} is not there.")
    _check_version(folder, node)
    try:
        scales = _first(node.ome["multiscales"])
        named = [one if isinstance(one, Mapping) else {"name": one} for one in scales["axes"]]
        axes = tuple(str(one["name"]).lower() for one in named)
        first = scales["datasets"][0]
        path = str(first["path"])
        scale, offset = [1.0] * len(axes), [0.0] * len(axes)
        both = (first.get("coordinateTransformations"), scales.get("coordinateTransformations"))
        for transformation in (one for several in both for one in several or ()):
            for kind, values in (("scale", scale), ("translation", offset)):
                for number, value in enumerate(transformation.get(kind) or ()):
                    values[number] = _moved(kind, values[number], float(value))
        units = {name: str(one.get("unit") or "") for name, one in zip(axes, named, strict=True)}
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
        raise ImageError(_not_valid(folder, node, "image.ImageAttrs", error)) from None
    where = f"{place}/{path}" if place else path
    array = folder.node(where)
    if array is None or not array.array:
        raise ImageError(
            f"{folder.name} can't be read: its array {where} is not there; copy the whole folder "
            "again."
        )
    shape, dtype = _shape_of(folder, array)
    if len(shape) != len(axes) or set(axes) - set("tczyx") or not {"y", "x"} <= set(axes):
        raise ImageError(
            f"{folder.name} can't be read: its axes {' '.join(axes)} do not fit an array of shape "
            f"{shape}; images have t, c, z, y and x."
        )
    _check_codecs(folder, array.array)
    sizes = dict(zip(axes, shape, strict=True))
    return ZarrAxes(
        where,
        axes,
        sizes,
        dtype,
        dict(zip(axes, scale, strict=True)),
        dict(zip(axes, offset, strict=True)),
        units,
        _channel_names(node, sizes.get("c", 1)),
        _hours(node, sizes.get("t", 1)),
    )


def _hours(node: ZarrNode, n_t: int) -> tuple[float, ...]:
    """Hours of all times, as an export of a run writes them; empty where there are none."""
    own = node.attributes.get("spheroid_qc")
    found = own.get("time_h") if isinstance(own, Mapping) else None
    if not isinstance(found, list) or len(found) != n_t:
        return ()
    if not all(isinstance(one, int | float) and math.isfinite(one) for one in found):
        return ()
    rising = all(before < after for before, after in pairwise(found))
    return tuple(map(float, found)) if rising else ()


def _moved(kind: str, before: float, value: float) -> float:
    return before * value if kind == "scale" else before + value


def _channel_names(node: ZarrNode, n_c: int) -> tuple[str, ...]:
    try:
        names = [str(one.get("label") or "") for one in node.ome["omero"]["channels"]]
    except (KeyError, TypeError, AttributeError):
        names = []
    return tuple(names) if len(names) == n_c else ("",) * n_c


def _shape_of(folder: ZarrFolder, node: ZarrNode) -> tuple[tuple[int, ...], str]:
    """Shape and type (as NumPy calls it) of an array."""
    import numpy as np

    try:
        shape = tuple(int(size) for size in node.array["shape"])
        dtype = np.dtype(str(node.array["data_type" if node.version == 3 else "dtype"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ImageError(
            f"{folder.name} can't be read: its array is of an unknown kind ({error})."
        ) from None
    if dtype.kind not in "buif" or min(shape, default=0) < 1:
        raise ImageError(
            f"{folder.name} can't be read: its array has type {dtype} and shape {shape}, which is "
            "no picture."
        )
    return shape, str(dtype.newbyteorder("="))


def _check_codecs(folder: ZarrFolder, array: Mapping[str, Any]) -> None:
    found: list[str] = []
    _collect_codecs([array.get(name) for name in ("compressor", "filters", "codecs")], found, 0)
    for name in found:
        if name.rpartition(".")[2].lower() not in _CODECS:
            raise ImageError(
                f"{folder.name} is refused: its array uses the codec {name!r}, which is not read; "
                "write it with blosc, zstd or gzip."
            )


def _collect_codecs(found: Any, names: list[str], depth: int) -> None:
    if depth > 8:
        names.append("too many in each other")
    elif isinstance(found, list):
        for one in found:
            _collect_codecs(one, names, depth + 1)
    elif isinstance(found, Mapping):
        name = found.get("id", found.get("name"))
        names.append(str(name))
        settings = found.get("configuration")
        if name == "sharding_indexed" and isinstance(settings, Mapping):
            for key in ("codecs", "index_codecs"):
                _collect_codecs(settings.get(key), names, depth + 1)
    elif isinstance(found, str):
        names.append(found)


def _first(found: Any) -> Mapping[str, Any]:
    one = found[0] if isinstance(found, list) and found else found
    return one if isinstance(one, Mapping) else {}


def _not_valid(folder: ZarrFolder, node: ZarrNode, model: str, error: Exception) -> str:
    """Say what the standard asks for and the metadata lack."""
    return (
        f"{folder.name} can't be read: its OME metadata are not valid "
        f"({_violation(node, model) or f'{type(error).__name__}: {error}'}); write it again with a "
        "program that follows OME-Zarr 0.4 or 0.5."
    )


def _violation(node: ZarrNode, model: str) -> str:
    """Ask `ome-zarr-models` what is wrong; empty where it finds nothing or isn't here."""
    from importlib import import_module

    package, name = f"ome_zarr_models.v0{node.version + 2}", model.partition(".")
    try:
        checked = getattr(import_module(f"{package}.{name[0]}"), name[2])
        checked.model_validate(dict(node.ome))
    except ImportError:
        return ""
    except ValueError as error:
        problems: list[dict[str, Any]] = getattr(error, "errors", list)()
        if problems:
            place = ".".join(map(str, problems[0].get("loc", ())))
            return f"{place}: {problems[0].get('msg', '')}"
    return ""
