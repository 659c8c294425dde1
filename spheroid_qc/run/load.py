"""From the files of one moment to one grey image a field and channel.

Focus stacks that lie in several files are combined here; stacks inside a file are combined by
`images`. Tiles whose stage positions are known are put together to one picture.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.errors import ImageError
from spheroid_qc.images import (
    ImageFile,
    Plane,
    PlateCalibration,
    combine_z,
    resolve_pixel_size,
)
from spheroid_qc.parameters import ImageParameters, Parameters
from spheroid_qc.plate.frames import Frame

__all__ = ["FieldImage", "OpenFile", "load_field", "stitch"]


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
        `path`, `size`, `sha256` of every file read.
    problems : list of tuple
        (flag code, path, sentence) of files that could not be used.
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
    ImageError
        If the channel that shows the spheroid can't be read.
    """
    names = sorted({frame.channel for frame in frames})
    if channel not in names:
        raise ImageError(
            f"Channel {channel!r}, which shows the spheroid, is missing beside {frames[0].path}; "
            "add its file, or choose another channel with --set images.channel=NAME."
        )
    # A channel that is chosen by file name must not be looked for inside the file as well.
    reading = parameters.images
    if channel:
        reading = reading.model_copy(update={"channel": None})
    inputs: dict[str, dict[str, Any]] = {}
    problems: list[tuple[str, str, str]] = []
    pixels, plane = _read_channel(folder, frames, channel, None, reading, inputs, files)
    others: dict[str, NDArray[Any]] = {}
    if with_others:
        inner_names = plane.info.channel_names or tuple(
            str(n) for n in range(1, plane.info.n_c + 1)
        )
        wishes: list[tuple[str, str, str | None]] = [(n, n, None) for n in names if n != channel]
        if plane.info.n_c > 1:
            read = inner_names.index(plane.channel) if plane.channel in inner_names else 0
            wishes += [(n, channel, n) for i, n in enumerate(inner_names) if i != read]
        for label, file_channel, inner in wishes:
            try:
                other, _ = _read_channel(
                    folder, frames, file_channel, inner, reading, inputs, files
                )
                if other.shape != pixels.shape:
                    raise ImageError(
                        f"Channel {label!r} of {frames[0].path} has {other.shape[1]} x "
                        f"{other.shape[0]} pixels, not {pixels.shape[1]} x {pixels.shape[0]}; it "
                        "was left out."
                    )
                others[label] = other
            except ImageError as error:
                problems.append(("channel_missing", frames[0].path, str(error)))
    named_for = next(f for f in frames if f.channel == channel)
    resolved = resolve_pixel_size(
        parameters.plate.pixel_size_um,
        calibration.for_path(named_for.path),
        plane.info.calibrations,
        tolerance=parameters.images.pixel_size_tolerance,
    )
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


def _read_channel(
    folder: Path,
    frames: tuple[Frame, ...],
    file_channel: str,
    inside: str | None,
    reading: ImageParameters,
    inputs: dict[str, dict[str, Any]],
    files: OpenFile,
) -> tuple[NDArray[Any], Plane]:
    planes: list[Plane] = []
    for frame in (f for f in frames if f.channel == file_channel):
        plane = files.open(folder / frame.path, reading).plane(frame.page or 0, inside)
        entry = {"path": frame.path, "size": frame.size, "sha256": plane.sha256}
        inputs.setdefault(frame.path, entry)
        planes.append(plane)
    if len({plane.pixels.shape for plane in planes}) > 1:
        raise ImageError(
            f"The planes of the focus stack of {frames[0].path} differ in size; they can't be "
            "combined."
        )
    if len(planes) == 1:
        return planes[0].pixels, planes[0]
    return combine_z([plane.pixels for plane in planes], reading.z), planes[0]


def _offsets(corners: NDArray[np.float64], planes: list[NDArray[Any]]) -> NDArray[np.int_]:
    """Place tiles; whether stage y points down or up is told by the overlaps, else it is down."""
    choices: list[tuple[float, bool, NDArray[np.int_]]] = []
    for sign in (1.0, -1.0):
        turned = corners * (sign, 1.0)
        offsets = np.rint(turned - turned.min(axis=0)).astype(int)
        choices.append((_disagreement(offsets, planes), sign < 0, offsets))
    return min(choices, key=lambda choice: choice[:2])[2]


def _disagreement(offsets: NDArray[np.int_], planes: list[NDArray[Any]]) -> float:
    """Mean absolute difference where tiles overlap; 0 where none do."""
    total, count = 0.0, 0
    for i in range(len(planes)):
        for j in range(i):
            low = np.maximum(offsets[i], offsets[j])
            high = np.minimum(offsets[i] + planes[i].shape, offsets[j] + planes[j].shape)
            if (high - low < 4).any():
                continue
            one, other = (
                planes[k][
                    tuple(
                        slice(a, b)
                        for a, b in zip(low - offsets[k], high - offsets[k], strict=True)
                    )
                ]
                for k in (i, j)
            )
            total += float(np.abs(one.astype(np.float32) - other.astype(np.float32)).sum())
            count += one.size
    return total / count if count else 0.0


def stitch(fields: list[FieldImage], max_megapixels: float) -> FieldImage | None:
    """Put tiles with known stage positions together.

    Parameters
    ----------
    fields : list of FieldImage
        Fields of one well at one time.
    max_megapixels : float
        Larger pictures are not made.

    Returns
    -------
    FieldImage or None
        One picture with NaN in the gaps; None where positions or one common pixel size are
        unknown, or where tiles lie so far apart that they are not one picture.
    """
    first = fields[0]
    size = first.pixel_size_um
    if size is None or any(
        f.position_um is None or f.pixel_size_um != size or f.others.keys() != first.others.keys()
        for f in fields
    ):
        return None
    corners = np.array([f.position_um for f in fields], dtype=float) / size
    shapes = np.array([f.pixels.shape for f in fields])
    # Stage positions are those of tile centres or of tile corners, alike for all tiles.
    offsets = _offsets(corners, [f.pixels for f in fields])
    extent = (offsets + shapes).max(axis=0)
    covered = shapes.prod(axis=1).sum()
    if extent.prod() > max_megapixels * 1e6 or extent.prod() > 2 * covered:
        return None
    if len({tuple(o) for o in offsets.tolist()}) < len(fields):
        return None

    def lay(planes: list[NDArray[Any]]) -> NDArray[np.float32]:
        total = np.zeros(extent, np.float32)
        count = np.zeros(extent, np.float32)
        for plane, (y, x) in zip(planes, offsets, strict=True):
            place = np.s_[y : y + plane.shape[0], x : x + plane.shape[1]]
            total[place] += plane.astype(np.float32)
            count[place] += 1
        with np.errstate(invalid="ignore"):
            return np.where(count > 0, total / count, np.float32(np.nan))

    return replace(
        first,
        pixels=lay([f.pixels for f in fields]),
        others={name: lay([f.others[name] for f in fields]) for name in first.others},
        inputs=list({entry["path"]: entry for f in fields for entry in f.inputs}.values()),
        problems=[problem for f in fields for problem in f.problems],
    )
