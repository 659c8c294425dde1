"""From a path to pixels: the only way into an image file.

Whatever is wrong with a file, an `ImageError` says so in a sentence, and nothing else comes
out: no warning on the terminal, no other exception. `ImageFile` keeps a file open to read
several planes of it; `open_image` and `read_plane` are the short ways.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.errors import ImageError, SpheroidQCError, StorageError
from spheroid_qc.frames.time_axis import Probe
from spheroid_qc.images.file_bytes import FileContent, kind_of
from spheroid_qc.images.image_info import ImageInfo, Plane
from spheroid_qc.images.png_jpeg_bmp import RasterReader
from spheroid_qc.images.stack_planes import choose_channel, combine_z_with_index, z_indices
from spheroid_qc.images.tiff import TiffReader, quiet_decoders
from spheroid_qc.parameters import ImageParameters, ZChoice
from spheroid_qc.storage import passes


def probe(path: Path, parameters: ImageParameters | None = None) -> Probe | None:
    """Ask a file for its number of time points, their times, and when it was taken.

    Parameters
    ----------
    path : Path
        The file.
    parameters : ImageParameters, optional
        Limits.

    Returns
    -------
    Probe or None
        None where the file can't be read; reading it later says why.
    """
    try:
        info = open_image(path, parameters)
    except ImageError:
        return None
    return Probe(n_times=info.n_t, times_h=info.times_h, acquired=info.acquired)


_READABLE = "TIFF, PNG, JPEG and BMP"


class ImageFile:
    """An open image file; use it in a `with` statement.

    Parameters
    ----------
    path : Path
        The file.
    parameters : ImageParameters, optional
        Channel, focus choice and limits.
    whole : bool
        Read all bytes at once, for decoding and hashing; False where only `info` is wanted.

    Raises
    ------
    ImageError
        If the file can't be read.
    """

    def __init__(
        self, path: Path, parameters: ImageParameters | None = None, *, whole: bool = True
    ) -> None:
        path = Path(path)
        self._parameters = parameters or ImageParameters()
        self._content = FileContent(path, whole=whole)
        try:
            with _translated(self._content.name):
                self._reader = self._open()
        except BaseException:
            self._content.close()
            raise

    def _open(self) -> TiffReader | RasterReader:
        limit = self._parameters.max_megapixels
        kind = kind_of(self._content)
        if kind == "tiff":
            return TiffReader(self._content, limit)
        if kind in ("png", "jpeg", "bmp"):
            return RasterReader(self._content, kind, limit)
        what = f"it is a {kind.upper()} file" if kind else "it does not begin like an image"
        raise ImageError(
            f"{self._content.name} can't be read: {what}; {_READABLE} files are read, so export it "
            "as TIFF or remove it from the folder."
        )

    @property
    def info(self) -> ImageInfo:
        """Axes, calibration, times."""
        return self._reader.info

    @property
    def sha256(self) -> str:
        """Hexadecimal digest of the file's bytes."""
        return self._content.sha256

    def plane(self, time: int = 0, channel: str | int | None = None) -> Plane:
        """Read one plane.

        Parameters
        ----------
        time : int
            Index of the time point within the file.
        channel : str, int or None
            Name or number (from 1) as text; index (from 0) as int, for channels without a name
            of their own; None: the channel of the parameters.

        Returns
        -------
        Plane
            Focus planes are combined as the parameters say.

        Raises
        ------
        ImageError
            If the plane can't be read.
        """
        info = self.info
        if not 0 <= time < info.n_t:
            raise ImageError(
                f"{info.name} has no time point {time + 1}: it holds {info.n_t}; check the file "
                "and the frame table."
            )
        wanted = self._parameters.channel if channel is None else channel
        if isinstance(wanted, int):
            index = wanted
            if not 0 <= index < info.n_c:
                raise ImageError(f"{info.name} has no channel {index + 1}: it holds {info.n_c}.")
        else:
            index = choose_channel(info.channel_names, wanted, info.name)
        choice = self._parameters.z
        layers = z_indices(info.n_z, choice)
        with _translated(info.name):
            planes = (self._reader.read(time, index, z) for z in layers)
            taken: int | None = layers[0]
            if len(layers) == 1:
                pixels = next(planes)
            else:
                pixels, taken = combine_z_with_index(planes, ZChoice(choice))
            if pixels.shape != (info.height, info.width):
                raise ImageError(
                    f"{info.name} can't be read: its pixels do not fill the picture; copy it again "
                    "from the instrument."
                )
            sha256 = self.sha256
        name = info.channel_names[index] if index < len(info.channel_names) else ""
        return Plane(np.ascontiguousarray(pixels), info, sha256, name, taken)

    def samples(self) -> NDArray[Any]:
        """All pages of the file as they are stored: of masks, whose numbers mean something.

        Returns
        -------
        ndarray, shape (page, y, x) or (page, y, x, samples)
            Samples of palette pictures are the numbers, not the colours.

        Raises
        ------
        ImageError
            If a page can't be read, pages differ in size, or all together are larger than twice
            the largest frame.
        """
        with _translated(self._content.name):
            return self._reader.samples()

    def close(self) -> None:
        """Close the file."""
        with _translated(self._content.name):
            self._reader.close()
        self._content.close()

    def __enter__(self) -> ImageFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_image(path: Path, parameters: ImageParameters | None = None) -> ImageInfo:
    """Read what a file says of itself, without decoding its pixels.

    Parameters
    ----------
    path : Path
        The file.
    parameters : ImageParameters, optional
        Limits.

    Returns
    -------
    ImageInfo
        Axes, calibration, times, notes.

    Raises
    ------
    ImageError
        If the file can't be read.
    """
    with ImageFile(path, parameters, whole=False) as image:
        return image.info


def read_plane(
    path: Path,
    parameters: ImageParameters | None = None,
    *,
    time: int = 0,
    channel: str | None = None,
) -> Plane:
    """Read one plane of a file as grey values.

    Parameters
    ----------
    path : Path
        The file.
    parameters : ImageParameters, optional
        Channel, focus choice and limits.
    time : int
        Index of the time point within the file.
    channel : str or None
        Name or number (from 1) of the channel; None: the one of the parameters.

    Returns
    -------
    Plane
        Pixels (y, x), the file's description and its hash.

    Raises
    ------
    ImageError
        If the file can't be read.
    """
    with ImageFile(path, parameters) as image:
        return image.plane(time, channel)


@contextmanager
def _translated(name: str) -> Iterator[None]:
    """Turn whatever a decoder raises into one sentence."""
    try:
        with quiet_decoders():
            yield
    except SpheroidQCError:
        raise
    except MemoryError:
        raise ImageError(
            f"{name} can't be read: it needs more memory than there is; use fewer workers or a "
            "machine with more memory."
        ) from None
    except FileNotFoundError:
        raise ImageError(
            f"{name} can't be read: the file is not there any more; look for it in its folder."
        ) from None
    except OSError as error:
        if error.errno is None:
            raise ImageError(_damaged(name, error)) from None
        kind = StorageError if passes(error) else ImageError
        raise kind(
            f"{name} can't be read: the system says “{error.strerror}”; check the disc or the "
            "network share."
        ) from error
    except Exception as error:
        raise ImageError(_damaged(name, error)) from None


def _damaged(name: str, error: Exception) -> str:
    lines = str(error).strip().splitlines()
    reason = "".join(c for c in (lines[0] if lines else "") if c.isprintable())[:120]
    cause = f" ({reason})" if reason else ""
    return (
        f"{name} can't be read: the file is damaged or of an unusual kind{cause}; copy it again "
        "from the instrument or save it as an uncompressed TIFF."
    )
