"""From the files of one timepoint to one grey image a field and channel.

Focus stacks that lie in several files are combined here; stacks inside a file are combined by
`images`. Tiles are put together in `stitching`.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.errors import ImageError
from spheroid_qc.frames.frame_table import Frame
from spheroid_qc.images import (
    ImageFile,
    ImageInfo,
    Plane,
    PlateCalibration,
    combine_z,
    resolve_pixel_size,
)
from spheroid_qc.images.stack_planes import choose_channel
from spheroid_qc.parameters import ImageParameters, Parameters
from spheroid_qc.run.worker_processes import alive
from spheroid_qc.segmentation.even_light import Illumination
from spheroid_qc.stopwatch import Work, timed
from spheroid_qc.storage import passes, patiently


class FieldError(ImageError):
    """A field can't be analysed: a sentence for the user, the file at fault, the finding's flag."""

    def __init__(self, sentence: str, path: str, code: str = "unreadable") -> None:
        super().__init__(sentence)
        self.path = path
        self.code = code


@dataclass(frozen=True, eq=False)
class FieldImage:
    """One field of view, ready to be segmented.

    Parameters
    ----------
    pixels : ndarray, shape (y, x)
        The channel that shows the spheroid; NaN where a stitched picture has gaps.
    frame : Frame
        The frame that it is named for.
    others : dict of str to ndarray
        Further channels, same shape.
    pixel_size_um : float or None
        Size of a pixel, um.
    pixel_size_source : str
        Where it comes from.
    pixel_size_conflict : str
        A sentence where given and stored sizes disagree, else empty.
    position_um : tuple of float or None
        Stage position (y, x), um.
    inputs : list of dict
        `path`, `size`, `sha256`, `shape`, `dtype` of every file read; `pixel_size_um` and
        `pixel_size_source` of those that show the spheroid.
    problems : list of tuple
        (flag code, path, sentence) of files that could not be used.
    light : dict of str to Illumination
        Light of its channels, where frames are to be divided by it.
    flats : dict of str to ndarray of float32
        The same at every pixel; in a stitched picture that of every tile.
    """

    pixels: NDArray[Any]
    frame: Frame
    others: dict[str, NDArray[Any]]
    pixel_size_um: float | None
    pixel_size_source: str
    pixel_size_conflict: str
    position_um: tuple[float, float] | None
    inputs: list[dict[str, Any]] = field(default_factory=list)
    problems: list[tuple[str, str, str]] = field(default_factory=list)
    light: dict[str, Illumination] = field(default_factory=dict)
    flats: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    @property
    def evened(self) -> NDArray[Any]:
        """The channel that shows the spheroid, divided by its light where that is known."""
        return self._divided(self.frame.channel, self.pixels)

    def other_evened(self, channel: str) -> NDArray[Any]:
        """Divide a further channel by its light, where that is known."""
        return self._divided(channel, self.others[channel])

    def _divided(self, channel: str, pixels: NDArray[Any]) -> NDArray[Any]:
        flat = self.flats.get(channel)
        if flat is None:
            return pixels
        with timed(Work.LIGHT):
            return pixels.astype(np.float32) / flat

    def under(self, light: Mapping[str, Illumination]) -> FieldImage:
        """Give the same field with the light of some of its channels."""
        shape = self.pixels.shape
        with timed(Work.LIGHT):
            flats = {channel: known.surface(shape) for channel, known in light.items()}
        return replace(self, light=dict(light), flats=flats)


class OpenFile:
    """The file that was read last, kept open: the pages of a long stack come one after another.

    Use it in a `with` statement.
    """

    def __init__(self) -> None:
        self._key: tuple[Path, ImageParameters] | None = None
        self._file: ImageFile | None = None

    def open(self, path: Path, parameters: ImageParameters) -> ImageFile:
        """Give a file, opening it if it is not the one that is open."""
        if self._file is None or self._key != (path, parameters):
            self.close()
            self._file = ImageFile(path, parameters)
            self._key = (path, parameters)
        return self._file

    def close(self) -> None:
        """Close the file that is open, if any."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def __enter__(self) -> OpenFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@timed(Work.READ)
def load_field(
    folder: Path,
    frames: tuple[Frame, ...],
    parameters: Parameters,
    calibration: PlateCalibration,
    channel: str,
    files: OpenFile,
    *,
    with_others: bool = True,
) -> FieldImage:
    """Read everything that shows one field at one time.

    Parameters
    ----------
    folder : Path
        What the frames' paths are relative to.
    frames : tuple of Frame
        All channels and planes of one field.
    parameters : Parameters
        Channel, z and pixel size.
    calibration : PlateCalibration
        What the plate's own files say of the pixel size.
    channel : str
        The plate's channel that shows the spheroid, as in the frames.
    files : OpenFile
        Keeps a stack open from one time to the next.
    with_others : bool
        Also read further channels.

    Returns
    -------
    FieldImage
        Problems of further channels are listed in it.

    Raises
    ------
    FieldError
        If the channel that shows the spheroid is absent or can't be read.
    """
    alive(max(1.0, sum(frame.size for frame in frames) / 1e6))
    names = sorted({frame.channel for frame in frames})
    if channel not in names:
        raise FieldError(
            f"Channel {channel!r}, which shows the spheroid, is missing beside {frames[0].path}; "
            "add its file, or choose another channel with --set images.channel=NAME.",
            frames[0].path,
            "channel_missing",
        )
    # A channel that is chosen by file name must not be looked for inside the file as well.
    reading = parameters.images
    inside = reading.channel is not None and not _answers(channel, reading.channel)
    if not inside:
        reading = reading.model_copy(update={"channel": None})
    inputs: dict[tuple[str, int | None], dict[str, Any]] = {}
    problems: list[tuple[str, str, str]] = []
    pixels, plane = _read_channel(folder, frames, channel, None, reading, inputs, files)
    named_for = next(f for f in frames if f.channel == channel)
    if inside and channel and plane.info.n_c == 1:
        raise FieldError(
            f"{named_for.path} shows channel {channel!r}, not {parameters.images.channel!r}, which "
            "is wanted; add its file, or choose another channel with --set images.channel=NAME.",
            named_for.path,
            "channel_missing",
        )
    # Only the main channel is wished for by name.
    plain = reading.model_copy(update={"channel": None})
    others: dict[str, NDArray[Any]] = {}
    if with_others:
        wishes: list[tuple[str, str, int | None]] = [(n, n, None) for n in names if n != channel]
        if plane.info.n_c > 1:
            further = _further_inside(plane.info, reading.channel)
            wishes += [(name, channel, index) for index, name in further.items()]
        for label, file_channel, inner in wishes:
            try:
                other, _ = _read_channel(
                    folder,
                    frames,
                    file_channel,
                    inner,
                    reading if file_channel == channel else plain,
                    inputs,
                    files,
                )
                if other.shape != pixels.shape:
                    path = next(f.path for f in frames if f.channel == file_channel)
                    raise FieldError(
                        f"Channel {label!r} of {path} has {other.shape[1]} x {other.shape[0]} "
                        f"pixels, not {pixels.shape[1]} x {pixels.shape[0]}; it was left out.",
                        path,
                        "channel_missing",
                    )
                others[label] = other
            except FieldError as error:
                problems.append((error.code, error.path, str(error)))
    resolved = resolve_pixel_size(
        parameters.plate.pixel_size_um,
        calibration.for_path(named_for.path),
        plane.info.calibrations,
        tolerance=parameters.images.pixel_size_tolerance,
    )
    for frame in frames:
        if frame.channel == channel and frame.image in inputs:
            inputs[frame.image]["pixel_size_um"] = resolved.pixel_size_um
            inputs[frame.image]["pixel_size_source"] = resolved.source
    positions = plane.info.positions
    return FieldImage(
        pixels=pixels,
        frame=named_for,
        others=others,
        pixel_size_um=resolved.pixel_size_um,
        pixel_size_source=resolved.source,
        pixel_size_conflict=resolved.conflict,
        position_um=(positions[0][1], positions[0][0]) if positions else None,
        inputs=list(inputs.values()),
        problems=problems,
    )


def _further_inside(info: ImageInfo, wanted: str | None) -> dict[int, str]:
    """Channels of a file other than the one that was read; numbers where names fail."""
    known = info.channel_names or ("",) * info.n_c
    read = choose_channel(known, wanted, info.name)
    names = [name if name and known.count(name) == 1 else str(n) for n, name in enumerate(known, 1)]
    return {n: name for n, name in enumerate(names) if n != read}


def _answers(channel: str, wanted: str) -> bool:
    """Tell whether a channel in file names is the one wanted: by its name, or by its number."""
    if not channel:
        return False
    try:
        choose_channel((channel, ""), wanted, channel)
    except ImageError:
        return False
    return True


def _unused(frame: Frame, info: ImageInfo) -> str:
    """Say what a file holds beside what is read; empty if nothing."""
    if frame.page is None and info.n_t > 1:
        return (
            f"{frame.path} holds {info.n_t} times, but its name gives the time: only the first is "
            "used; take the time out of the name to use all."
        )
    return info.unused


def _read_channel(
    folder: Path,
    frames: tuple[Frame, ...],
    file_channel: str,
    inside: int | None,
    reading: ImageParameters,
    inputs: dict[tuple[str, int | None], dict[str, Any]],
    files: OpenFile,
) -> tuple[NDArray[Any], Plane]:
    planes: list[Plane] = []
    for frame in (f for f in frames if f.channel == file_channel):
        plane = _plane(folder, frame, inside, reading, files)
        entry = {
            "path": frame.path,
            "series": frame.series,
            "size": frame.size,
            "sha256": plane.sha256,
            "shape": list(plane.pixels.shape),
            "dtype": plane.info.dtype,
            "unused": _unused(frame, plane.info),
            "notes": [note for note in plane.info.notes if note != plane.info.unused],
        }
        inputs.setdefault(frame.image, entry)
        planes.append(plane)
    if len({plane.pixels.shape for plane in planes}) > 1:
        path = next(f.path for f in frames if f.channel == file_channel)
        raise FieldError(
            f"The planes of the focus stack of {path} differ in size; they can't be combined.",
            path,
        )
    if len(planes) == 1:
        return planes[0].pixels, planes[0]
    return combine_z([plane.pixels for plane in planes], reading.z), planes[0]


def _plane(
    folder: Path, frame: Frame, inside: int | None, reading: ImageParameters, files: OpenFile
) -> Plane:
    """Read a plane of a frame; where the storage is gone for a while, wait for it."""

    def read() -> Plane:
        try:
            file = files.open(folder / frame.path, reading)
            return file.plane(frame.page or 0, inside, frame.series)
        except ImageError as error:
            # What is open is that of storage that failed.
            files.close()
            if isinstance(error.__cause__, OSError):
                raise error.__cause__ from error
            raise

    def may_pass(error: OSError) -> bool:
        return passes(error) or _is_gone(folder, error)

    try:
        return patiently(read, frame.path, may_pass)
    except ImageError as error:
        raise FieldError(str(error), frame.path) from error
    except OSError as error:
        code = "storage_failed" if may_pass(error) else "unreadable"
        raise FieldError(str(error.__cause__ or error), frame.path, code) from error


def _is_gone(folder: Path, error: OSError) -> bool:
    """Whether a file is missing because all are: a share that is gone leaves an empty folder."""
    if error.errno not in (errno.ENOENT, errno.ENOTDIR):
        return False
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is None
    except OSError:
        return True
