"""From a path to pixels: the only way into an image file.

Whatever is wrong with a file, an `ImageError` says so in a sentence, and nothing else comes
out: no warning on the terminal, no other exception. `ImageFile` keeps a file open to read
several planes of it; `open_image` and `read_plane` are the short ways.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.errors import ImageError, SpheroidQCError, StorageError
from spheroid_qc.frames.file_tree import ZARR_FILES
from spheroid_qc.frames.held_images import HeldImage
from spheroid_qc.frames.ignored_files import IMAGE_SUFFIXES, split_suffix
from spheroid_qc.frames.optional_readers import OPTIONAL_READERS, without_reader
from spheroid_qc.frames.time_axis import Probe
from spheroid_qc.images.file_bytes import FileContent, kind_of
from spheroid_qc.images.image_info import ImageInfo, Plane
from spheroid_qc.images.image_reader import ImageReader
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

    Raises
    ------
    ImageError
        If a file that may hold several images can't be read: without them nobody reads it later.
    """
    suffix = split_suffix(path.name)[1]
    if _is_zarr(path):
        return probe_here(path, parameters)
    if suffix in OPTIONAL_READERS:
        from spheroid_qc.images.isolated_process import isolated_probe

        missing = without_reader(suffix)
        if missing:
            raise ImageError(f"{path.name} can't be read. {missing}")
        return isolated_probe(path, parameters)
    try:
        with ImageFile(path, parameters, whole=False) as image:
            return image.probe(several=False)
    except ImageError:
        return None


def probe_here(path: Path, parameters: ImageParameters | None = None) -> Probe:
    """Ask a file that may hold several images, in this process; raises `ImageError`."""
    with ImageFile(path, parameters, whole=False, isolated=False) as image:
        return image.probe(several=True)


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
    isolated : bool
        Files of instruments are opened by a process of its own; False in that process.

    Raises
    ------
    ImageError
        If the file can't be read.
    """

    def __init__(
        self,
        path: Path,
        parameters: ImageParameters | None = None,
        *,
        whole: bool = True,
        isolated: bool = True,
    ) -> None:
        path = Path(path)
        self._parameters = parameters or ImageParameters()
        self._content: FileContent | None = None
        self._isolated = isolated
        self.name = path.name or str(path)
        # Where several images lie in one file, whoever wants one does not read all.
        suffix = split_suffix(path.name)[1]
        if _is_zarr(path):
            with translated(self.name):
                self.reader: ImageReader = self._open_folder(path)
            return
        self._content = FileContent(path, whole=whole and suffix not in OPTIONAL_READERS)
        try:
            with translated(self.name):
                self.reader = self._open(self._content, path)
        except BaseException:
            self._content.close()
            raise

    def _open_folder(self, path: Path) -> ImageReader:
        missing = without_reader("zarr")
        if missing:
            raise ImageError(f"{self.name} can't be read. {missing}")
        from spheroid_qc.images.ome_zarr.zarr_reader import ZarrReader

        return ZarrReader(path, self._parameters.max_megapixels)

    def _open(self, content: FileContent, path: Path) -> ImageReader:
        limit = self._parameters.max_megapixels
        kind = kind_of(content)
        if kind == "tiff":
            return TiffReader(content, limit)
        if kind in ("png", "jpeg", "bmp"):
            return RasterReader(content, kind, limit)
        if kind in OPTIONAL_READERS:
            missing = without_reader(kind)
            if missing:
                raise ImageError(f"{content.name} can't be read. {missing}")
            return self._open_optional(kind, content, path, limit)
        what = f"it is a {kind.upper()} file" if kind else "it does not begin like an image"
        raise ImageError(
            f"{content.name} can't be read: {what}; {_READABLE} files are read, so export it "
            "as TIFF or remove it from the folder."
        )

    def _open_optional(
        self, kind: str, content: FileContent, path: Path, limit: float
    ) -> ImageReader:
        # Each library is imported with the first file that needs it.
        if self._isolated:
            from spheroid_qc.images.isolated_process import IsolatedReader

            return IsolatedReader(path, kind, limit)
        if kind == "nd2":
            from spheroid_qc.images.instrument_formats.nd2_file import ND2Reader

            return ND2Reader(content.stream(), content.name, limit)
        if kind == "lif":
            from spheroid_qc.images.instrument_formats.lif_file import LIFReader

            return LIFReader(content.stream(), content.name, limit)
        if kind == "czi":
            from spheroid_qc.images.instrument_formats.czi_file import CZIReader

            return CZIReader(path, limit)
        from spheroid_qc.images.instrument_formats.vsi_file import VSIReader

        return VSIReader(path, limit)

    @property
    def held(self) -> Sequence[HeldImage]:
        """What the file says of each of its images, at least one."""
        return self.reader.held

    @property
    def info(self) -> ImageInfo:
        """Axes, calibration, times of the first image; `unused` says if there are others."""
        info = self.info_of(0)
        count = len(self.held)
        if count == 1:
            return info
        unused = (
            f"{self.name} holds {count} images (series), and the first is read; export each as a "
            "file of its own."
        )
        return replace(info, unused=unused, notes=(*info.notes, unused))

    def info_of(self, image: int) -> ImageInfo:
        """Axes, calibration, times of one of the images, which count from 0."""
        if not 0 <= image < len(self.held):
            raise ImageError(
                f"{self.name} has no image {image + 1}: it holds {len(self.held)}; check the file "
                "and the frame table."
            )
        with translated(self.name):
            return self.reader.info_of(image)

    def probe(self, *, several: bool) -> Probe:
        """Ask for the times of the file, and the names and times of its images.

        Parameters
        ----------
        several : bool
            The format may hold several images: they are listed even if it is one.
        """
        reader = self.reader
        images: list[Probe] = []
        left_out = list(reader.left_out)
        listed = several or len(reader.held) > 1 or bool(reader.held[0].well)
        for number, held in enumerate(reader.held if listed else ()):
            try:
                info = self.info_of(number)
            except ImageError as error:
                if len(reader.held) == 1:
                    raise
                left_out.append((held.place or held.name or str(number + 1), str(error)))
                continue
            images.append(Probe(info.n_t, info.times_h, info.acquired, held, number))
        first = images[0] if images else self.info_of(0)
        if isinstance(first, ImageInfo):
            return Probe(first.n_t, first.times_h, first.acquired)
        return replace(first, held=None, images=tuple(images), left_out=tuple(left_out))

    @property
    def sha256(self) -> str:
        """Hexadecimal digest of the file's bytes; of a folder, of its files with pixels."""
        if self._content is not None:
            return self._content.sha256
        digest: str = self.reader.sha256  # type: ignore[attr-defined]
        return digest

    def plane(
        self, time: int = 0, channel: str | int | None = None, image: int | None = None
    ) -> Plane:
        """Read one plane.

        Parameters
        ----------
        time : int
            Index of the time point within the file.
        channel : str, int or None
            Name or number (from 1) as text; index (from 0) as int, for channels without a name
            of their own; None: the channel of the parameters.
        image : int or None
            Which image of the file, from 0; None: the first, of which `info` says whether it is the
            only one.

        Returns
        -------
        Plane
            Focus planes are combined as the parameters say.

        Raises
        ------
        ImageError
            If the plane can't be read.
        """
        info = self.info if image is None else self.info_of(image)
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
        with translated(info.name):
            planes = (self.reader.read(image or 0, time, index, z) for z in layers)
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
        with translated(self.name):
            return self.reader.samples()

    def close(self) -> None:
        """Close the file."""
        with translated(self.name):
            self.reader.close()
        if self._content is not None:
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


def _is_zarr(path: Path) -> bool:
    """Whether a path is an OME-Zarr, or an image in one; files with a suffix of theirs are not."""
    suffix = split_suffix(path.name)[1]
    if suffix in IMAGE_SUFFIXES and suffix != "zarr":
        return False
    return path.is_dir() and (suffix == "zarr" or any((path / n).is_file() for n in ZARR_FILES))


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Turn whatever a decoder raises into one sentence.

    Parameters
    ----------
    name : str
        File name, which the sentence begins with.

    Raises
    ------
    ImageError
        For a damaged or missing file.
    StorageError
        If the storage fails in a way that passes.
    """
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
