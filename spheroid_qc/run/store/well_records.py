"""What has to be done: frames grouped by well and time, and what an old record still covers.

A timepoint is everything that shows one well at one time: fields, channels, planes of focus. Its
signature changes when a file is added, taken away or replaced, or when the network has learned from
corrections, and only then is it analysed again.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from spheroid_qc.atomic import write_text
from spheroid_qc.errors import ImageError, RequestError
from spheroid_qc.frames.frame_table import Frame
from spheroid_qc.images import PlateCalibration
from spheroid_qc.images.stack_planes import choose_channel
from spheroid_qc.parameters import Parameters
from spheroid_qc.run.store.illumination_file import ChannelLight
from spheroid_qc.run.store.record_form import is_record
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.stopwatch import Work, timed
from spheroid_qc.storage import read_plain

if TYPE_CHECKING:
    from spheroid_qc.segmentation import Adapter
    from spheroid_qc.segmentation.even_light import Illumination

RECORD_FORMAT = 3

MAX_RECORD = 1_000_000_000
"""Bytes of a record: some 10,000 a frame, and no well has 100,000 frames."""


@dataclass(frozen=True, slots=True)
class WellTimepoint:
    """All frames of one well at one time.

    Parameters
    ----------
    timepoint : int
        Rank of the time on the plate.
    frames : tuple of Frame
        Sorted by field, channel and z.
    channel : str
        The plate's channel that shows the spheroid.
    signature : str
        Digest of the channel, of names, pages and sizes of the files, and of the adapter if there
        is one.
    stamps : tuple of int
        Modification times of the frames' files, ns since the epoch; -1 where there is none. Where
        they differ from those of a record, the files' hashes decide.
    """

    timepoint: int
    frames: tuple[Frame, ...]
    channel: str
    signature: str
    stamps: tuple[int, ...] = ()

    @property
    def fields(self) -> dict[int, tuple[Frame, ...]]:
        """Frames by field of view."""
        numbers = sorted({frame.field for frame in self.frames})
        return {n: tuple(f for f in self.frames if f.field == n) for n in numbers}


@dataclass(frozen=True)
class WellTask:
    """One well's share of the work, as it is sent to a worker.

    `leading` is the method that the plate was decided for, `learned` or `classical`.
    """

    folder: Path
    out: Path
    plate: str
    well: str
    well_timepoints: tuple[WellTimepoint, ...]
    parameters: Parameters
    calibration: PlateCalibration
    adapter: Adapter | None = None
    light: Mapping[str, ChannelLight] = field(default_factory=dict)
    leading: str | None = None

    @property
    def divisors(self) -> dict[str, Illumination]:
        """What grey values of each channel are divided by, where that is one light for all."""
        return {
            channel: light.divisor
            for channel, light in self.light.items()
            if light.divisor is not None
        }


def main_channels(frames: Iterable[Frame], wanted: str | None) -> dict[str, str]:
    """Decide for each plate which of the channels in its file names shows the spheroid.

    Parameters
    ----------
    frames : iterable of Frame
        Frames of all plates.
    wanted : str or None
        `ImageParameters.channel`.

    Returns
    -------
    dict
        Plate -> channel; empty text where names tell no channel.

    Raises
    ------
    RequestError
        If a plate lacks the wanted channel.
    """
    named: dict[str, set[str]] = {}
    for frame in frames:
        named.setdefault(frame.plate, set()).add(frame.channel)
    chosen = {}
    for plate, names in sorted(named.items()):
        known = sorted(names)
        try:
            chosen[plate] = known[choose_channel(known, wanted, f"plate {plate}")]
        except ImageError as error:
            raise RequestError(str(error)) from error
    return chosen


def timepoints_of(
    folder: Path, frames: Iterable[Frame], channels: Mapping[str, str], adapter: str = ""
) -> dict[tuple[str, str], list[WellTimepoint]]:
    """Group frames into timepoints, by plate and well.

    Parameters
    ----------
    folder : Path
        Where the frames lie; asked for modification times.
    frames : iterable of Frame
        Sorted as in the frame table.
    channels : mapping
        From `main_channels`.
    adapter : str
        Digest of the adapter that masks are made with; empty without one.

    Returns
    -------
    dict
        (plate, well) -> timepoints in order of time.
    """
    stamps: dict[str, int] = {}
    groups: dict[tuple[str, str], dict[int, list[Frame]]] = {}
    for frame in frames:
        if frame.path not in stamps:
            try:
                stamps[frame.path] = _written(folder / frame.path)
            except OSError:
                stamps[frame.path] = -1
        well = groups.setdefault((frame.plate, frame.well), {})
        well.setdefault(frame.timepoint, []).append(frame)
    result: dict[tuple[str, str], list[WellTimepoint]] = {}
    for key, by_time in groups.items():
        result[key] = [
            WellTimepoint(
                timepoint,
                tuple(found),
                channels[key[0]],
                _signature(found, channels[key[0]], adapter),
                tuple(stamps[frame.path] for frame in found),
            )
            for timepoint, found in sorted(by_time.items())
        ]
    return result


def _written(path: Path, below: int = 2) -> int:
    """When a file was written, ns since the epoch.

    Of an image that is a folder, when something was last added to it: its array, and the folder of
    chunks in that, get an entry for each new time.
    """
    status = path.stat()
    latest = status.st_mtime_ns
    if below and stat.S_ISDIR(status.st_mode):
        with os.scandir(path) as entries:
            folders = [Path(one.path) for one in entries if one.is_dir(follow_symlinks=False)]
        latest = max([latest, *(_written(one, below - 1) for one in folders)])
    return latest


def _signature(frames: list[Frame], channel: str, adapter: str) -> str:
    # Nothing is added without a series or an adapter: records of earlier runs stay what they are.
    content = [
        [f.path, f.page, f.field, f.channel, f.z, f.size, *([] if f.series is None else [f.series])]
        for f in frames
    ]
    text = json.dumps([channel, content, *([adapter] if adapter else [])], ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def output_name(frame: Frame, suffix: str) -> str:
    """Relative path, with `/`, of a file that belongs to a frame: nested and named like its own."""
    path = PurePosixPath(frame.path)
    # An OME-Zarr that is the folder itself has no name below it.
    stem = path.name or "image"
    for ending in (".ome.tif", ".ome.tiff", ".ome.zarr"):
        if stem.lower().endswith(ending):
            stem = stem[: -len(ending)]
            break
    else:
        stem = path.stem or stem
    page = "" if frame.series is None else f"_s{frame.series:04d}"
    page += "" if frame.page is None else f"_t{frame.page:04d}"
    name = f"{stem}{page}{suffix}"
    if len(name.encode("utf-8", "surrogateescape")) > 200:
        digest = hashlib.blake2b(stem.encode("utf-8", "surrogateescape"), digest_size=8)
        name = f"{stem[:40]}_{digest.hexdigest()}{page}{suffix}"
    return str(path.parent / name)


def record_path(run: RunFolder, plate: str, well: str) -> Path:
    """Where the record of a well lies; safe for any plate name."""
    safe = "".join(c if c.isalnum() or c in "-_ " else "_" for c in plate)[:60]
    digest = hashlib.blake2b(plate.encode("utf-8", "surrogateescape"), digest_size=4).hexdigest()
    return run.records / f"{safe}_{digest}" / f"{well}.json"


@timed(Work.RECORDS)
def write_record(
    run: RunFolder, plate: str, well: str, well_timepoints: Sequence[Mapping[str, Any]]
) -> None:
    """Write the record of a well, whole or not at all: signed results, in order of time."""
    content = {"format": RECORD_FORMAT, "plate": plate, "well": well, "moments": well_timepoints}
    body = json.dumps(content)[1:] + "\n"
    write_text(record_path(run, plate, well), _check_line(body.encode()).decode() + body)


def _check_line(body: bytes) -> bytes:
    """First line of a record: a changed byte must not become a changed result."""
    return b'{ "check": "' + hashlib.blake2b(body, digest_size=16).hexdigest().encode() + b'",'


@timed(Work.RECORDS)
def read_record(run: RunFolder, plate: str, well: str) -> dict[str, dict[str, Any]]:
    """Timepoints of a well that are already analysed, by signature; empty if none or damaged.

    A damaged record is not an error: its timepoints are analysed again.
    """
    try:
        content = read_plain(record_path(run, plate, well), MAX_RECORD)
        head, body = content[:_CHECK_LENGTH], content[_CHECK_LENGTH:]
        if head != _check_line(body):
            return {}
        found = json.loads(content)
        if found["format"] != RECORD_FORMAT or (found["plate"], found["well"]) != (plate, well):
            return {}
        if not is_record(found):
            return {}
        return {well_timepoint["signature"]: well_timepoint for well_timepoint in found["moments"]}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}


_CHECK_LENGTH = len(_check_line(b""))
