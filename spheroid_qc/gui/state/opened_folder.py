"""A folder of images as a viewer needs it: how names were read, how pixels are calibrated.

Read in a thread; nothing of it depends on Qt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.configuration.validation import validated
from spheroid_qc.errors import ImageError, RequestError
from spheroid_qc.frames.frame_table import FrameTable, frame_table
from spheroid_qc.images import PlateCalibration, probe
from spheroid_qc.images.instrument_plate_files import plate_calibration
from spheroid_qc.parameters import Parameters
from spheroid_qc.run.run_request import default_out
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.run.store.run_json import adapter_digest
from spheroid_qc.run.store.well_records import WellTimepoint, main_channels, timepoints_of
from spheroid_qc.run.well.load_images import FieldImage, OpenFile, load_field

Key = tuple[str, str]
_MAP_ENDINGS = (".csv", ".xlsx", ".tsv", ".txt")
_TRIES = 5  # wells whose first image is tried for a picture
_MAP_WORDS = ("map", "layout", "platemap", "design")


@dataclass(frozen=True)
class FurtherChannel:
    """A channel beside the one that is analysed, with the grey values between which it is shown."""

    name: str
    dtype: str
    low: float
    high: float


@dataclass(frozen=True)
class FirstPicture:
    """What the first readable frame says of all.

    `shape` is (y, x); `source` says where the pixel size comes from, `conflict` is a sentence if
    sources disagree; between the grey values `low` and `high` the picture is shown; `further` are
    the channels beside the one that is analysed, which is called `channel` (empty: it has no name).
    """

    shape: tuple[int, int]
    dtype: str
    pixel_size_um: float | None
    source: str
    conflict: str
    low: float
    high: float
    channel: str = ""
    further: tuple[FurtherChannel, ...] = ()

    def limits(self, channel: str = "") -> tuple[float, float]:
        """Grey values between which a channel is shown; empty: the one that is analysed."""
        found = next((one for one in self.further if one.name == channel), self)
        return found.low, found.high


@dataclass(frozen=True)
class Opened:
    """A folder of images, as read, and its run folder `out`.

    `parameters`, `map_path` and `join` (table of end points) are those of an earlier run, None
    where a file is gone; `adapter` is the digest of what its network had learned, if anything.
    `calibration` is what the plate's own files say of the pixel size, `picture` None where no file
    could be read; `maps` may be plate maps, `notes` are sentences for the user.
    """

    folder: Path
    out: Path
    parameters: Parameters
    table: FrameTable
    well_timepoints: Mapping[Key, list[WellTimepoint]]
    calibration: PlateCalibration
    picture: FirstPicture | None
    maps: tuple[Path, ...] = ()
    map_path: Path | None = None
    join: Path | None = None
    adapter: str = ""
    notes: tuple[str, ...] = field(default=())

    @property
    def run(self) -> RunFolder:
        """Paths in the run folder."""
        return RunFolder(self.out)

    @property
    def plates(self) -> tuple[str, ...]:
        """Names of the plates."""
        return self.table.plates

    def wells(self, plate: str) -> tuple[str, ...]:
        """Wells of a plate that have images."""
        return tuple(well for name, well in self.well_timepoints if name == plate)

    def times(self, plate: str) -> dict[int, float]:
        """Give the times of a plate: rank -> hours."""
        known: dict[str, dict[int, float]] | None = self.__dict__.get("_times")
        if known is None:
            known = {}
            for frame in self.table.frames:
                known.setdefault(frame.plate, {})[frame.timepoint] = frame.time_h
            known = {name: dict(sorted(times.items())) for name, times in known.items()}
            self.__dict__["_times"] = known
        return known.get(plate, {})

    def regular_step_h(self, plate: str) -> float | None:
        """Hours between frames, where they are always the same."""
        times = list(self.times(plate).values())
        steps = {round(b - a, 6) for a, b in pairwise(times)}
        return steps.pop() if len(steps) == 1 else None


def open_folder(
    folder: Path, parameters: Parameters | None = None, out: Path | None = None
) -> Opened:
    """Read a folder: names, calibration of the first image, and what an earlier run left.

    The run folder of an earlier run is understood as its images. Default settings: those of the
    earlier run, if any; default run folder: beside the images. Where there is no frame, the table
    says why. Raises RequestError if the folder or the settings are no good.
    """
    folder, out = _images_of(folder, out)
    out = out or default_out(folder)
    notes: list[str] = []
    earlier: dict[str, Any] = {}
    try:
        earlier = RunFolder(out).read_run() or {}
        if earlier and parameters is None:
            parameters = validated(earlier["parameters"], lambda _: str(RunFolder(out).run_json))
    except RequestError as error:
        notes.append(f"The earlier results can't be continued: {error}")
        earlier = {}
    parameters = parameters or Parameters()
    table = frame_table(folder, parameters.plate, probe=probe)
    well_timepoints: dict[Key, list[WellTimepoint]] = {}
    made_with = adapter_digest(earlier)
    calibration = plate_calibration(folder)
    if table.frames:
        channels = main_channels(table.frames, parameters.images.channel)
        well_timepoints = timepoints_of(folder, table.frames, channels, made_with)
    opened = Opened(
        folder,
        out,
        parameters,
        table,
        well_timepoints,
        calibration,
        None,
        maps=_possible_maps(folder),
        map_path=_still_there(earlier.get("plate_map")),
        join=_still_there(earlier.get("join")),
        adapter=made_with,
        notes=tuple(notes),
    )
    return replace(opened, picture=_first_picture(opened))


def signed_anew(opened: Opened, adapter: str) -> Opened:
    """Give the folder as it is once its masks are made with another adapter, named by its digest.

    Records of masks that were made with the earlier one do not count any more.
    """
    channels = main_channels(opened.table.frames, opened.parameters.images.channel)
    anew = timepoints_of(opened.folder, opened.table.frames, channels, adapter)
    return replace(opened, well_timepoints=anew, adapter=adapter)


def _images_of(folder: Path, out: Path | None) -> tuple[Path, Path | None]:
    """Understand a run folder that was opened instead of its images."""
    folder = Path(folder)
    run = RunFolder(folder)
    if out is None and run.run_json.is_file():
        try:
            source = Path(str((run.read_run() or {}).get("source") or ""))
        except RequestError:
            return folder, out
        if source.is_dir():
            return source, folder
        raise RequestError(
            f"{folder} holds results, and its images are not at {source} any more; open the "
            "folder of images."
        )
    return folder, out


def _still_there(entry: Any) -> Path | None:
    path = Path(str(entry["path"])) if isinstance(entry, Mapping) and entry.get("path") else None
    return path if path is not None and path.is_file() else None


def _possible_maps(folder: Path) -> tuple[Path, ...]:
    """Tables in the folder, or beside it and named like it, whose name speaks of a map."""
    found: list[Path] = []
    resolved = folder.resolve()
    for place, words in ((resolved, _MAP_WORDS), (resolved.parent, (resolved.name.lower(),))):
        try:
            entries = sorted(place.iterdir())
        except OSError:
            continue
        for path in entries:
            name = path.stem.lower()
            telling = any(word in name for word in words)
            if place == resolved.parent:
                telling = telling and any(word in name for word in _MAP_WORDS)
            if telling and path.suffix.lower() in _MAP_ENDINGS and path.is_file():
                found.append(path)
    return tuple(found[:8])


def _first_picture(opened: Opened) -> FirstPicture | None:
    """Read the first frame that can be read."""
    with OpenFile() as files:
        for key in list(opened.well_timepoints)[:_TRIES]:
            well_timepoint = opened.well_timepoints[key][0]
            try:
                image: FieldImage = load_field(
                    opened.folder,
                    next(iter(well_timepoint.fields.values())),
                    opened.parameters,
                    opened.calibration,
                    well_timepoint.channel,
                    files,
                )
            except ImageError:
                continue
            low, high = _shown_between(image.pixels)
            return FirstPicture(
                (image.pixels.shape[0], image.pixels.shape[1]),
                str(image.pixels.dtype),
                image.pixel_size_um,
                image.pixel_size_source,
                image.pixel_size_conflict,
                low,
                high,
                image.frame.channel,
                tuple(
                    FurtherChannel(name, str(pixels.dtype), *_shown_between(pixels))
                    for name, pixels in image.others.items()
                ),
            )
    return None


def _shown_between(pixels: NDArray[Any]) -> tuple[float, float]:
    low, high = np.nanpercentile(pixels[::4, ::4], (0.2, 99.8))
    return float(low), float(high if high > low else low + 1)
