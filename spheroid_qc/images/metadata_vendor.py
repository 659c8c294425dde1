"""Private metadata of microscopes and cameras in TIFF files.

Each reader is a small function that looks at one vendor's fields and returns what it finds or
None; `VENDORS` is the list of them, tried in order. What several say is merged, the first word
counting.
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from spheroid_qc.images.acquisition_dates import parse_date
from spheroid_qc.images.file_bytes import FileContent
from spheroid_qc.images.pixel_size import Calibration, calibration_of, length_in_um
from spheroid_qc.images.safe_xml import XMLRefusedError, child_text, children, parse_xml


@dataclass(slots=True)
class TiffText:
    """What vendor readers may look at.

    `description` and `tags` (by number) are those of the first page, sizes those of the picture.
    """

    content: FileContent
    description: str
    tags: Mapping[int, Any]
    width: int
    height: int


@dataclass(slots=True)
class VendorFacts:
    """What a vendor's fields say; None and empty where they say nothing."""

    calibration: Calibration | None = None
    acquired: datetime | None = None
    position: tuple[float, float] | None = None
    channel: str = ""
    notes: list[str] = field(default_factory=list)


def read_vendor_metadata(text: TiffText) -> VendorFacts:
    """Ask all vendor readers; one that trips over damaged fields is left out, with a note."""
    merged = VendorFacts()
    for name, reader in VENDORS.items():
        try:
            facts = reader(text)
        except XMLRefusedError as error:
            merged.notes.append(f"The {name} metadata of {text.content.name} is ignored: {error}.")
            continue
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError):
            merged.notes.append(f"The {name} metadata of {text.content.name} is damaged; ignored.")
            continue
        if facts is None:
            continue
        if merged.calibration is None or merged.calibration.pixel_size_um is None:
            merged.calibration = facts.calibration or merged.calibration
        merged.acquired = merged.acquired or facts.acquired
        merged.position = merged.position or facts.position
        merged.channel = merged.channel or facts.channel
    return merged


def _gen5(text: TiffText) -> VendorFacts | None:
    """BioTek Gen5 (Cytation, Lionheart): XML with the width of the image in um."""
    if "BTIImageMetaData" not in text.description[:2000]:
        return None
    facts = VendorFacts()
    root = parse_xml(text.description)
    for acquisition in children(root, "ImageAcquisition"):
        sizes: list[float | None] = []
        for side, pixels in (("Width", text.width), ("Height", text.height)):
            length = _number(child_text(acquisition, f"Image{side}Microns"))
            count = _number(child_text(acquisition, f"Pixel{side}"))
            # A picture that was cropped or resized after Gen5 wrote it is another matter.
            resized = count is not None and count > 0 and round(count) != pixels
            if resized:
                facts.calibration = Calibration(
                    None, "vendor", "Gen5 metadata are of a picture of another size; ignored."
                )
                return facts
            sizes.append(None if length is None else length / (count or pixels))
        facts.calibration = calibration_of(sizes[0], sizes[1], "vendor", "Gen5 ImageWidthMicrons")
        for channel in children(acquisition, "Channel"):
            name = re.match(r"[^\[]*\[?([^\]\d,]*)", channel.get("Color", ""))
            facts.channel = name[1].strip() if name else ""
    for reference in children(root, "ImageReference"):
        day, time = child_text(reference, "Date"), child_text(reference, "Time")
        facts.acquired = parse_date(f"{day} {time}") if day and time else None
    return facts


_PROP = re.compile(
    r'<(?:prop|custom-prop)\s[^>]{0,60}?id="([^"]{1,80})"[^>]{0,60}?value="([^"]{0,200})"'
)


def _metaseries(text: TiffText) -> VendorFacts | None:
    """MetaMorph and MetaXpress (ImageXpress): `prop` elements with ids and values."""
    head = text.description[:200].lstrip()
    if not (head.startswith("<MetaData") or 'id="spatial-calibration' in text.description):
        return None
    props = dict(_PROP.findall(text.description[:400_000]))
    facts = VendorFacts()
    scale = length_in_um(props.get("spatial-calibration-units"))
    x, y = (_number(props.get(f"spatial-calibration-{axis}")) for axis in "xy")
    if props.get("spatial-calibration-state", "on").lower() in ("off", "false", "0"):
        facts.calibration = Calibration(
            None, "vendor", "The MetaMorph calibration is switched off."
        )
    elif scale is not None and (x is not None or y is not None):
        facts.calibration = calibration_of(
            x, y, "vendor", "MetaMorph spatial-calibration", unit_um=scale
        )
    facts.acquired = parse_date(props.get("acquisition-time-local"))
    facts.channel = props.get("_IllumSetting_", "")
    stage = _number(props.get("stage-position-x")), _number(props.get("stage-position-y"))
    if stage[0] is not None and stage[1] is not None:
        facts.position = (stage[0], stage[1])
    return facts


def _keyence(text: TiffText) -> VendorFacts | None:
    """Keyence BZ-X: XML after the pixels; floating point is written as its 64 bits."""
    exif = text.tags.get(34665)
    note = exif.get("MakerNote") if isinstance(exif, dict) else None
    if not isinstance(note, bytes) or not note.startswith(b"KmsFile"):
        return None
    start = text.content.find(b"<Data>", near_end=1 << 20)
    if start < 0:
        return None
    body = text.content.read_at(start, 1 << 20)
    end = body.find(b"</Data>")
    if end < 0:
        return None
    root = parse_xml(body[: end + 7].decode("utf-8", errors="replace"))
    facts = VendorFacts()
    for single in children(root, "SingleFileProperty"):
        for image in children(single, "Image"):
            ticks = _number(child_text(image, "ShootingDateTime"))
            if ticks is not None and 0 < ticks < 3e18:
                facts.acquired = parse_date(datetime(1, 1, 1) + timedelta(microseconds=ticks / 10))
            saved = [child_text(size, "Width") for size in children(image, "SavingImageSize")]
            bits = child_text(image, "Calibration")
            if bits is not None and saved in ([], [str(text.width)]):
                nanometres = struct.unpack("<d", struct.pack("<q", int(bits)))[0]
                facts.calibration = calibration_of(
                    nanometres / 1000, None, "vendor", "Keyence calibration"
                )
        for shot in children(single, "Shooting"):
            x, y = (_number(child_text(shot, f"StageLocation{axis}")) for axis in "XY")
            if x is not None and y is not None:
                facts.position = (x / 1000, y / 1000)
    return facts


def _micromanager(text: TiffText) -> VendorFacts | None:
    """Micro-Manager: JSON in a private tag, or in a description of old."""
    values = text.tags.get(51123)
    if isinstance(values, (bytes, str)) and len(values) < 2_000_000:
        values = json.loads(values)
    if not isinstance(values, dict):
        return None
    facts = VendorFacts()
    size = _number(values.get("PixelSizeUm", values.get("PixelSize_um")))
    if size:  # Micro-Manager writes 0 where nobody calibrated.
        facts.calibration = calibration_of(size, None, "vendor", "Micro-Manager PixelSizeUm")
    facts.acquired = parse_date(values.get("ReceivedTime", values.get("Time")))
    channel = values.get("Channel")
    facts.channel = channel if isinstance(channel, str) else ""
    x, y = _number(values.get("XPositionUm")), _number(values.get("YPositionUm"))
    facts.position = (x, y) if x is not None and y is not None else None
    return facts


def _olympus(text: TiffText) -> VendorFacts | None:
    """Olympus SIS (cellSens, analySIS): a structure in metres."""
    values = text.tags.get(33560)
    if not isinstance(values, dict):
        return None
    x, y = _number(values.get("pixelsizex")), _number(values.get("pixelsizey"))
    facts = VendorFacts(acquired=parse_date(values.get("datetime")))
    if x is not None or y is not None:
        facts.calibration = _metres(x, y, "Olympus SIS pixel size")
    return facts


def _lsm(text: TiffText) -> VendorFacts | None:
    """Zeiss LSM: voxel size in metres."""
    values = text.tags.get(34412)
    if not isinstance(values, dict):
        return None
    x, y = (_number(values.get(f"VoxelSize{axis}")) for axis in "XY")
    return VendorFacts(calibration=_metres(x, y, "Zeiss LSM voxel size"))


def _metamorph_stk(text: TiffText) -> VendorFacts | None:
    """MetaMorph STK: calibration in a private tag."""
    values = text.tags.get(33628)
    if not isinstance(values, dict):
        return None
    facts = VendorFacts(acquired=parse_date(values.get("CreateTime")))
    scale = length_in_um(str(values.get("CalibrationUnits", "")))
    x, y = _number(values.get("XCalibration")), _number(values.get("YCalibration"))
    if scale is not None and x is not None and values.get("SpatialCalibration", 1):
        facts.calibration = calibration_of(
            x, y, "vendor", "MetaMorph STK calibration", unit_um=scale
        )
    return facts


def _electron(text: TiffText) -> VendorFacts | None:
    """FEI and Zeiss SEM tags, seldom met with spheroids but unmistakable."""
    for code in (34680, 34682):
        values = text.tags.get(code)
        scan = values.get("Scan") if isinstance(values, dict) else None
        if isinstance(scan, dict):
            x, y = (_number(scan.get(f"Pixel{side}")) for side in ("Width", "Height"))
            if x is not None:
                return VendorFacts(calibration=_metres(x, y, "FEI PixelWidth"))
    values = text.tags.get(34118)
    if isinstance(values, dict):
        for key in ("ap_image_pixel_size", "ap_pixel_size"):
            entry = values.get(key)
            if isinstance(entry, tuple) and len(entry) == 3:
                size, scale = _number(entry[1]), length_in_um(str(entry[2]))
                if size is not None and scale is not None:
                    return VendorFacts(
                        calibration=calibration_of(
                            size * scale, None, "vendor", "Zeiss SEM pixel size"
                        )
                    )
    return None


_APERIO = re.compile(r"\bMPP\s*=\s*([0-9.]+)")


def _aperio(text: TiffText) -> VendorFacts | None:
    """Aperio slides: `MPP = 0.25` in the description."""
    if not text.description.startswith("Aperio"):
        return None
    match = _APERIO.search(text.description[:20_000])
    if match is None:
        return None
    return VendorFacts(calibration=calibration_of(_number(match[1]), None, "vendor", "Aperio MPP"))


VENDORS: dict[str, Callable[[TiffText], VendorFacts | None]] = {
    "Gen5": _gen5,
    "MetaMorph": _metaseries,
    "Keyence": _keyence,
    "Micro-Manager": _micromanager,
    "Olympus": _olympus,
    "Zeiss LSM": _lsm,
    "MetaMorph STK": _metamorph_stk,
    "electron microscope": _electron,
    "Aperio": _aperio,
}


def _metres(x: float | None, y: float | None, where: str) -> Calibration:
    return calibration_of(x, y, "vendor", where, unit_um=1e6)


def _number(value: object) -> float | None:
    """Finite number, decimal comma allowed."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        value = value.strip().replace(",", ".")
        if len(value) > 40:
            return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
