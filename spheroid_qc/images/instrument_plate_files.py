"""Pixel sizes, dates and stage positions from the files that instruments lay beside the images.

Read are `Index.idx.xml` (Opera Phenix, Operetta), `MeasurementDetail.mrf` (CellVoyager), `.xdce`
(IN Cell), `.jdce` (ImageXpress Confocal HT.ai), ZEN's `*_metadata.xml`, and a plain text file
`pixel_size.txt` for everybody else. The `.HTD` file of an ImageXpress holds no pixel size.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath

from spheroid_qc.errors import ImageError
from spheroid_qc.frames.file_tree import ZARR_FILES
from spheroid_qc.images.acquisition_dates import parse_date
from spheroid_qc.images.file_bytes import FileContent
from spheroid_qc.images.pixel_size import Calibration, calibration_of, length_in_um
from spheroid_qc.images.safe_xml import (
    XMLRefusedError,
    child_text,
    decode_xml,
    local_name,
    parse_xml,
)

MAX_PLATE_FILE_BYTES = 400_000_000
MAX_FOLDER_DEPTH = 6


@dataclass(frozen=True, slots=True)
class _PlateNotes:
    """What a plate file says: of the whole folder, of channels, of single files."""

    folder: Calibration | None = None
    channels: dict[str, Calibration] = field(default_factory=dict)
    files: dict[str, Calibration] = field(default_factory=dict)
    acquired: dict[str, datetime] = field(default_factory=dict)
    positions: dict[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlateCalibration:
    """What the plate files of a folder tree say of its images.

    Parameters
    ----------
    notes : tuple of str
        Plate files that were found, and those that could not be read.
    """

    folders: dict[str, list[_PlateNotes]]
    notes: tuple[str, ...] = ()

    def for_path(self, relative: str) -> Calibration | None:
        """Pixel size of an image.

        Parameters
        ----------
        relative : str
            Path below the folder, with `/`.

        Returns
        -------
        Calibration or None
            Of the nearest plate file in the image's folder or one above; source `plate_file`.
        """
        name = PurePosixPath(relative).name
        for found_notes in self._nearest(relative):
            if name in found_notes.files:
                return found_notes.files[name]
            for key, calibration in found_notes.channels.items():
                if re.search(key, name):
                    return calibration
            if found_notes.folder is not None:
                return found_notes.folder
        return None

    def acquired(self, relative: str) -> datetime | None:
        """When an image was taken, where a plate file says so."""
        name = PurePosixPath(relative).name
        found = (one.acquired.get(name) for one in self._nearest(relative))
        return next(filter(None, found), None)

    def position(self, relative: str) -> tuple[float, float] | None:
        """Stage position (x, y) of an image in um, where a plate file says so."""
        name = PurePosixPath(relative).name
        found = (one.positions.get(name) for one in self._nearest(relative))
        return next(filter(None, found), None)

    def _nearest(self, relative: str) -> list[_PlateNotes]:
        found: list[_PlateNotes] = []
        for parent in PurePosixPath(relative).parents:
            found += self.folders.get("" if str(parent) == "." else str(parent), [])
        return found


def plate_calibration(folder: Path) -> PlateCalibration:
    """Look for plate files in a folder tree.

    Parameters
    ----------
    folder : Path
        The folder that is analysed; plate files may lie in it or up to six folders below.

    Returns
    -------
    PlateCalibration
        Empty where there are none. A plate file that can't be read costs a note, not the run.
    """
    folder = Path(folder)
    found: dict[str, list[_PlateNotes]] = {}
    notes: list[str] = []
    for where, directories, names in os.walk(folder):
        place = Path(where).relative_to(folder)
        if len(place.parts) >= MAX_FOLDER_DEPTH:
            directories.clear()
        directories.sort()
        if ZARR_FILES & set(names):
            directories.clear()  # thousands of chunks, and its own metadata
            continue
        for name in sorted(names):
            reader = _reader_of(name)
            if reader is None:
                continue
            path = Path(where, name)
            relative = (place / name).as_posix()
            try:
                found_notes = reader(_text(path))
            except ImageError as error:
                notes.append(f"The plate file {relative} is ignored. {error}")
                continue
            except (XMLRefusedError, ValueError, KeyError, TypeError, RecursionError) as error:
                notes.append(f"The plate file {relative} is ignored: {error}.")
                continue
            if found_notes is None:
                continue
            key = place.as_posix()
            found.setdefault("" if key == "." else key, []).append(found_notes)
            notes.append(_sentence(relative, found_notes))
    return PlateCalibration(found, tuple(notes))


def _sentence(relative: str, found_notes: _PlateNotes) -> str:
    sizes = [found_notes.folder, *found_notes.channels.values(), *found_notes.files.values()]
    values = sorted({one.pixel_size_um for one in sizes if one and one.pixel_size_um is not None})
    if values:
        listed = ", ".join(f"{value:.6g}" for value in values[:5])
        return f"The plate file {relative} gives a pixel size of {listed} um."
    why = next((one.note for one in sizes if one and one.note), "it holds no pixel size")
    return f"The plate file {relative} gives no usable pixel size: {why}"


def _text(path: Path) -> str:
    content = FileContent(path, whole=False)
    try:
        if content.size > MAX_PLATE_FILE_BYTES:
            raise ImageError(f"{path.name} is larger than any plate file; please check it.")
        return decode_xml(content.read_at(0, content.size))
    finally:
        content.close()


def _reader_of(name: str) -> Callable[[str], _PlateNotes | None] | None:
    lower = name.lower()
    if lower.startswith("._"):
        return None
    for pattern, reader in _READERS:
        if re.fullmatch(pattern, lower):
            return reader
    return None


_OPERA_IMAGE = re.compile(r"<Image\b[^>]*>(?:(?!<Image\b).)*?</Image>", re.DOTALL)
_OPERA_FIELD = re.compile(
    r"<(URL|ChannelID|ImageResolutionX|ImageResolutionY|PositionX|PositionY|AbsTime)"
    r'(?:\s+Unit="([^"]*)")?\s*>([^<]*)<'
)
_OPERA_ENTRY = re.compile(r'<Entry\s+ChannelID="(\d+)"\s*>(.*?)</Entry>', re.DOTALL)


def _opera(text: str) -> _PlateNotes | None:
    """Harmony index: sizes in metres, per image (older) or per channel (newer versions).

    A plate has a hundred thousand images and more: fields are picked from the text, which is
    not parsed as XML and therefore can't blow up either.
    """
    files: dict[str, Calibration] = {}
    acquired: dict[str, datetime] = {}
    positions: dict[str, tuple[float, float]] = {}
    channels: dict[str, Calibration] = {}
    known: dict[tuple[str, ...], Calibration] = {}

    def size(fields: dict[str, tuple[str, str]]) -> Calibration | None:
        if "ImageResolutionX" not in fields:
            return None
        key = (*fields["ImageResolutionX"], *fields.get("ImageResolutionY", ("", "")))
        if key not in known:
            scaled = [_scaled(fields.get(f"ImageResolution{axis}")) for axis in "XY"]
            known[key] = calibration_of(
                scaled[0], scaled[1], "plate_file", "Harmony ImageResolution"
            )
        return known[key]

    for match in _OPERA_ENTRY.finditer(text):
        found = size(_opera_fields(match[2]))
        if found is not None:
            channels[rf"-ch0*{int(match[1])}sk"] = found
    for match in _OPERA_IMAGE.finditer(text):
        fields = _opera_fields(match[0])
        name = fields.get("URL", ("", ""))[1].strip().replace("\\", "/").rpartition("/")[2]
        if not name:
            continue
        found = size(fields)
        if found is not None:
            files[name] = found
        date = parse_date(fields.get("AbsTime", ("", ""))[1])
        if date is not None:
            acquired[name] = date
        x, y = _scaled(fields.get("PositionX")), _scaled(fields.get("PositionY"))
        if x is not None and y is not None:
            positions[name] = (x, y)
    if not (files or channels or acquired):
        return None
    return _PlateNotes(None, channels, files, acquired, positions)


def _opera_fields(text: str) -> dict[str, tuple[str, str]]:
    return {name: (unit or "m", value) for name, unit, value in _OPERA_FIELD.findall(text)}


def _scaled(field_value: tuple[str, str] | None) -> float | None:
    if field_value is None:
        return None
    unit = length_in_um(field_value[0])
    try:
        return None if unit is None else float(field_value[1]) * unit
    except ValueError:
        return None


def _cellvoyager(text: str) -> _PlateNotes | None:
    """Yokogawa: pixel size of each channel in um."""
    channels: dict[str, Calibration] = {}
    for element in parse_xml(text).iter():
        if local_name(element) != "MeasurementChannel":
            continue
        values = {key.rpartition("}")[2]: value for key, value in element.attrib.items()}
        sizes = [_float(values.get(f"{side}PixelDimension")) for side in ("Horizontal", "Vertical")]
        if sizes != [None, None] and values.get("Ch", "").isdigit():
            channels[rf"C0*{int(values['Ch'])}\.[^.]+$"] = calibration_of(
                sizes[0], sizes[1], "plate_file", "CellVoyager PixelDimension"
            )
    return _PlateNotes(channels=channels) if channels else None


def _incell(text: str) -> _PlateNotes | None:
    """IN Cell Analyzer: one objective for the whole plate."""
    for element in parse_xml(text).iter():
        if local_name(element) == "ObjectiveCalibration":
            scale = length_in_um(element.get("unit", "µm"))
            sizes = [_float(element.get(f"pixel_{side}")) for side in ("width", "height")]
            if scale is not None and sizes != [None, None]:
                where = "IN Cell ObjectiveCalibration"
                return _PlateNotes(
                    calibration_of(sizes[0], sizes[1], "plate_file", where, unit_um=scale)
                )
    return None


def _jdce(text: str) -> _PlateNotes | None:
    """ImageXpress Confocal HT.ai: JSON."""
    stack = json.loads(text)["ImageStack"]["AutoLeadAcquisitionProtocol"]
    found = stack["ObjectiveCalibration"]
    return _PlateNotes(
        calibration_of(
            _float(found.get("PixelWidth")),
            _float(found.get("PixelHeight")),
            "plate_file",
            "ObjectiveCalibration",
        )
    )


def _zen(text: str) -> _PlateNotes | None:
    """ZEN image export: scaling in metres beside the pictures."""
    sizes: dict[str, float] = {}
    for element in parse_xml(text).iter():
        if local_name(element) == "Distance" and element.get("Id") in ("X", "Y"):
            value = _float(child_text(element, "Value"))
            if value is not None:
                sizes.setdefault(str(element.get("Id")), value * 1e6)
    if not sizes:
        return None
    return _PlateNotes(calibration_of(sizes.get("X"), sizes.get("Y"), "plate_file", "ZEN Scaling"))


_PLAIN = re.compile(r"^\s*(?:pixel[ _]?size\s*[=:]?\s*)?([0-9.,eE+-]+)\s*([^\s/#]*)", re.IGNORECASE)


def _plain(text: str) -> _PlateNotes | None:
    """Read a number and a unit (um if none is given) from `pixel_size.txt`."""
    for line in text.splitlines():
        line = line.partition("#")[0].strip()
        if not line:
            continue
        match = _PLAIN.match(line)
        value = _float(match[1].replace(",", ".")) if match else None
        scale = length_in_um(match[2]) if match and match[2] else 1.0
        if value is None or scale is None:
            raise ValueError(f"“{line[:40]}” is not a length such as 0.65 um")
        return _PlateNotes(calibration_of(value * scale, None, "plate_file", "pixel_size.txt"))
    return None


def _float(text: object) -> float | None:
    try:
        return float(text)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None


_READERS: tuple[tuple[str, Callable[[str], _PlateNotes | None]], ...] = (
    (r"index(\.idx|\.flex)?\.xml", _opera),
    (r"measurementdetail\.mrf", _cellvoyager),
    (r".*\.xdce", _incell),
    (r".*\.jdce", _jdce),
    (r".*_(meta|metadata|info)\.xml", _zen),
    (r"pixel_?size\.txt", _plain),
)
