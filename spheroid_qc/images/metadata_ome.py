"""OME-XML: axes, calibration, channel names, times and stage positions.

Read once, from the text in the first page. Of a set of several files only the planes that lie
in this one are looked at: partners may be absent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise
from xml.etree.ElementTree import Element

from spheroid_qc.frames.held_images import HeldImage
from spheroid_qc.images.acquisition_dates import after, parse_date, seconds_per
from spheroid_qc.images.pixel_size import Calibration, calibration_of, length_in_um
from spheroid_qc.images.safe_xml import child_text, children, local_name, parse_xml
from spheroid_qc.wells import well_name

Key = tuple[int, int, int]

# No file holds more, whatever its document claims.
MAX_PLANES = 200_000


@dataclass(slots=True)
class OmeImage:
    """The image of an OME document whose planes lie in this file.

    `planes` are page indices by (time, channel, z), counted from zero over what this file holds;
    `sizes` are the numbers of times, channels and focus planes in it. `width` and `height` are as
    the document says; `samples` are those of a pixel of the first channel; `held` has its name, and
    its well where the document describes a plate.
    """

    planes: dict[Key, int]
    sizes: Key
    width: int
    height: int
    samples: int
    calibration: Calibration
    channel_names: tuple[str, ...]
    bits: int | None
    acquired: datetime | None
    times_h: tuple[float, ...] | None
    positions: tuple[tuple[float, float], ...] | None
    notes: list[str] = field(default_factory=list)
    held: HeldImage = field(default_factory=HeldImage)


def read_ome(text: str, file_name: str, n_pages: int) -> list[OmeImage]:
    """Read the images of an OME document found in a file of so many pages.

    Labels, macros and thumbnails stand beside the pictures: those of the largest size are given,
    none if the document has no pixels in this file. Raises `XMLRefusedError` if the text is not
    parsed.
    """
    root = parse_xml(text)
    if local_name(root) != "OME":
        return []
    is_own = _own_blocks(root, file_name)
    wells = _wells(root)
    candidates = []
    for image in children(root, "Image"):
        held = wells.get(image.get("ID", ""), HeldImage())
        held = replace(held, name=image.get("Name", "").strip())
        for pixels in children(image, "Pixels"):
            read = _image(image, pixels, is_own, file_name, n_pages)
            if read is not None:
                candidates.append(replace(read, held=held))
    if not candidates:
        return []
    best = max(candidates, key=lambda one: one.width * one.height)
    return [one for one in candidates if (one.width, one.height) == (best.width, best.height)]


def _wells(root: Element) -> dict[str, HeldImage]:
    """Plate, well and field of images, by their identity, where the document describes plates."""
    found: dict[str, HeldImage] = {}
    for plate in children(root, "Plate"):
        name = plate.get("Name", "").strip()
        for well in children(plate, "Well"):
            row, column = _int(well.get("Row")), _int(well.get("Column"))
            if row is None or column is None:
                continue
            try:
                called = well_name(row, column)
            except ValueError:
                continue
            for number, sample in enumerate(children(well, "WellSample"), 1):
                for reference in children(sample, "ImageRef"):
                    found[reference.get("ID", "")] = HeldImage("", name, called, number)
    return found


def _image(
    image: Element,
    pixels: Element,
    is_own: Callable[[Element], bool],
    file_name: str,
    n_pages: int,
) -> OmeImage | None:
    size = {axis: max(1, _int(pixels.get(f"Size{axis}")) or 1) for axis in "XYZCT"}
    if math.prod(size[axis] for axis in "ZCT") > MAX_PLANES:
        return None
    channels = list(children(pixels, "Channel"))
    samples = [max(1, _int(one.get("SamplesPerPixel")) or 1) for one in channels]
    if channels and sum(samples) == size["C"]:
        n_channels = len(channels)
    elif size["C"] == 3 and len(channels) == 1:
        # Writers that forget SamplesPerPixel: one colour channel of three samples.
        n_channels, samples = (1, [3]) if samples[0] in (1, 3) else (3, [1])
    else:
        n_channels = size["C"]
        samples = samples if len(samples) == n_channels else [1] * n_channels
    found, elsewhere = _planes(pixels, size, n_channels, is_own, n_pages)
    if not found:
        return None
    times, chans, zeds = (sorted({key[axis] for key in found}) for axis in range(3))
    ranks = [{value: rank for rank, value in enumerate(values)} for values in (times, chans, zeds)]
    renumbered = {
        (ranks[0][t], ranks[1][c], ranks[2][z]): page for (t, c, z), page in found.items()
    }
    names = tuple(channels[c].get("Name", "").strip() if c < len(channels) else "" for c in chans)
    acquired = parse_date(child_text(image, "AcquisitionDate"))
    plane_times, positions = _plane_facts(pixels, found)
    seconds = _times(pixels, plane_times, times)
    if acquired is not None and elsewhere and seconds:
        # The date is that of the whole set; this file may hold its fortieth hour.
        acquired = after(acquired, seconds[0])
    notes = []
    if len(found) < len(times) * len(chans) * len(zeds):
        notes.append(f"{file_name} lacks some planes of its stack.")
    if elsewhere:
        notes.append(f"{file_name} is one file of a set; only its own planes are read.")
    return OmeImage(
        planes=renumbered,
        sizes=(len(times), len(chans), len(zeds)),
        width=size["X"],
        height=size["Y"],
        samples=samples[chans[0]] if chans[0] < len(samples) else 1,
        calibration=_calibration(pixels),
        channel_names=names,
        bits=_int(pixels.get("SignificantBits")),
        acquired=acquired,
        times_h=tuple((s - seconds[0]) / 3600 for s in seconds) if seconds else None,
        positions=(positions,) if positions else None,
        notes=notes,
    )


def _planes(
    pixels: Element,
    size: dict[str, int],
    n_channels: int,
    is_own: Callable[[Element], bool],
    n_pages: int,
) -> tuple[dict[Key, int], bool]:
    """Pages of this file by (t, c, z), and whether other files hold planes too."""
    order = pixels.get("DimensionOrder", "XYZCT")
    if sorted(order) != sorted("XYZCT") or not order.startswith("XY"):
        order = "XYZCT"
    sizes = {"T": size["T"], "C": n_channels, "Z": size["Z"]}
    total = math.prod(sizes.values())
    blocks = list(children(pixels, "TiffData"))
    if not blocks:
        # No word on where planes are: they follow each other from the first page on.
        walk = _walk(order, sizes, (0, 0, 0), max(n_pages, 1))
        return dict(zip(walk, range(total), strict=False)), False
    found: dict[Key, int] = {}
    mine = [block for block in blocks if is_own(block)]
    budget = 2 * MAX_PLANES
    for block in mine:
        first = tuple(_int(block.get(f"First{axis}")) or 0 for axis in "TCZ")
        page = _int(block.get("IFD"))
        count = _int(block.get("PlaneCount"))
        if count is None:
            count = 1 if page is not None else total
        page = page or 0
        if page < 0 or count < 0:
            continue
        walk = _walk(order, sizes, (first[0], first[1], first[2]), min(count, budget))
        for number, key in enumerate(walk, page):
            found.setdefault(key, number)
            budget -= 1
    return found, len(mine) < len(blocks)


def _own_blocks(root: Element, file_name: str) -> Callable[[Element], bool]:
    """Make the test whether a TiffData element speaks of this file."""
    own = root.get("UUID")
    named = [_uuid(block) for block in root.iter() if local_name(block) == "TiffData"]
    identities = {identity for identity, _ in named if identity}
    names = {name for _, name in named if name}
    if own and own in identities:
        return lambda block: _uuid(block)[0] in ("", own)
    # A copy that lost its own UUID: by name, or, renamed, if only one file is spoken of at all.
    if file_name in names:
        return lambda block: _uuid(block)[1] in ("", file_name)
    if len(identities) <= 1 and len(names) <= 1:
        return lambda block: True
    return lambda block: _uuid(block) == ("", "")


def _uuid(block: Element) -> tuple[str, str]:
    """Identity and file name that a TiffData element gives; empty where it gives none."""
    uuid = next(children(block, "UUID"), None)
    if uuid is None:
        return "", ""
    name = uuid.get("FileName", "").replace("\\", "/").rpartition("/")[2]
    return (uuid.text or "").strip(), name


def _walk(order: str, sizes: dict[str, int], first: Key, count: int) -> Iterator[Key]:
    """Up to `count` (t, c, z) in dimension order, beginning at a plane."""
    start, stride = 0, 1
    at = dict(zip("TCZ", first, strict=True))
    for axis in order[2:]:
        if not 0 <= at[axis] < sizes[axis]:
            return
        start += at[axis] * stride
        stride *= sizes[axis]
    for number in range(start, min(start + count, stride)):
        rest = number
        for axis in order[2:]:
            rest, at[axis] = divmod(rest, sizes[axis])
        yield at["T"], at["C"], at["Z"]


def _calibration(pixels: Element) -> Calibration:
    lengths: list[float | None] = []
    for axis in "XY":
        value = _float(pixels.get(f"PhysicalSize{axis}"))
        if value is None:
            lengths.append(None)
            continue
        # The schema's default unit is the micrometre.
        unit = pixels.get(f"PhysicalSize{axis}Unit", "µm")
        scale = length_in_um(unit)
        if scale is None:
            return Calibration(
                None, "ome", f"OME PhysicalSize{axis} is in “{unit}”, which is not a length."
            )
        lengths.append(value * scale)
    if lengths == [None, None]:
        return Calibration(None, "ome")
    return calibration_of(lengths[0], lengths[1], "ome", "OME PhysicalSize")


def _plane_facts(
    pixels: Element, found: dict[Key, int]
) -> tuple[dict[int, float], tuple[float, float] | None]:
    """Seconds by time index, and the stage position of the first plane that has one."""
    seconds: dict[int, float] = {}
    position: tuple[float, float] | None = None
    for plane in children(pixels, "Plane"):
        t, c, z = (_int(plane.get(f"The{axis}")) or 0 for axis in "TCZ")
        if (t, c, z) not in found:
            continue
        delta = _float(plane.get("DeltaT"))
        scale = seconds_per(plane.get("DeltaTUnit"), 1.0)
        if delta is not None and scale is not None:
            seconds[t] = min(seconds.get(t, math.inf), delta * scale)
        if position is None:
            x, y = _float(plane.get("PositionX")), _float(plane.get("PositionY"))
            unit_x = length_in_um(plane.get("PositionXUnit"))
            unit_y = length_in_um(plane.get("PositionYUnit"))
            if x is not None and y is not None and unit_x and unit_y:
                position = (x * unit_x, y * unit_y)
    return seconds, position


def _times(pixels: Element, plane_times: dict[int, float], times: list[int]) -> list[float] | None:
    """Seconds on the document's own clock, one a time index; None where it has no clock."""
    if all(t in plane_times for t in times):
        seconds = [plane_times[t] for t in times]
        if all(a < b for a, b in pairwise(seconds)):
            return seconds
    step = _float(pixels.get("TimeIncrement"))
    scale = seconds_per(pixels.get("TimeIncrementUnit"), 1.0)
    if step is not None and step > 0 and scale is not None:
        return [t * step * scale for t in times]
    return None


def _int(text: str | None) -> int | None:
    try:
        return int(text) if text is not None and len(text) < 20 else None
    except ValueError:
        return None


def _float(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None and len(text) < 40 else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None
